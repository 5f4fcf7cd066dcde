//! Articles that arrive while a job runs, where nobody knows how many there will be: the records of a stream.
//!
//! A job asks for the next one whenever it has room, and never blocks on it: what came before is worked on meanwhile. Whoever
//! implements this bounds what has arrived and is not answered yet.

use crate::job::spec::Item;
use std::time::Duration;

/// What there is when a job asks for the next article.
#[derive(Debug)]
pub enum Arrival {
    /// An article.
    Item {
        /// The number that it is told by, higher than those before.
        index: usize,
        /// Where it comes from and where its answer goes.
        item: Item,
    },
    /// None now.
    Later,
    /// None any more.
    End,
}

/// Where articles arrive. Called from several threads, `next` from one at a time.
pub trait Arrivals: Sync {
    /// The next article, without waiting for it.
    fn next(&self) -> Arrival;

    /// Waits until one is there, until there will be none, or for so long.
    fn wait(&self, at_most: Duration);
}
