//! Mends the answers of chat models: takes away what is not the answer and never what may be part of it.

use crate::token::Task;

/// A mended answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cleaned {
    /// The answer alone.
    pub text: String,
    /// What was taken away, as stable machine names, in the order in which it was done.
    pub removed: Vec<&'static str>,
}

/// Mends an answer to `task` about `source`.
pub fn clean(_task: &Task, _source: &str, answer: &str) -> Cleaned {
    Cleaned { text: answer.trim().to_string(), removed: Vec::new() }
}
