//! Translation memories: what was translated before, read from TMX, found again, and written as TMX.
//!
//! [`tmx`] reads and writes the files, one unit at a time. [`Memory`] keeps the pairs of many files and answers two questions:
//! was this very sentence translated before, and if not, which sentence is most like it ([`similarity`] has the formula).
//! Nothing here translates, and nothing decides whether a match is good enough to be used: the caller has a threshold.

mod guards;
mod index;
mod pairs;
pub mod similarity;
pub mod tmx;
mod words;

pub use pairs::{Builder, Loaded, Match, Memory};

use std::io;

/// What can go wrong with the file of a translation memory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The file is no TMX, or damaged: nothing after this place can be read.
    #[error("{name}: line {line}: {reason}")]
    Damaged {
        /// The file.
        name: String,
        /// The line, counted from 1.
        line: usize,
        /// What was expected and what was there.
        reason: String,
    },
    /// One unit cannot be used; the units after it can.
    #[error("{name}: line {line}: unit left out: {reason}")]
    Unit {
        /// The file.
        name: String,
        /// The line where the unit ends.
        line: usize,
        /// What was expected and what was there.
        reason: String,
    },
    /// The file cannot be read.
    #[error("{name}: line {line}: cannot be read: {source}")]
    Read {
        /// The file.
        name: String,
        /// The line that was reached.
        line: usize,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the translation memory: {0}")]
    Write(#[from] io::Error),
    /// A unit has no text.
    #[error("unit of a translation memory: expected a text in at least one language, got none")]
    Empty,
    /// A date is not as TMX wants it.
    #[error("date of a unit: expected YYYYMMDDThhmmssZ, for example 20260131T120000Z, got {0:?}")]
    Date(String),
}
