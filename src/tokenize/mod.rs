//! Text to ids and back, for one loaded model. The only module in which text and ids meet; it knows no tensors.

pub mod bergamot;
pub mod chat;
pub mod classes;
pub mod echo;
pub mod gguf;
pub mod marian;
pub mod sentencepiece;

use crate::token::{Prompt, Task, TokenClasses, TokenId};

/// The tokenizer of one loaded model.
pub trait Tokenizer: Send + Sync {
    /// Turns a text into what the model reads for a task.
    ///
    /// # Errors
    /// The model cannot do the task (a translation model asked to summarize, an unknown target token), or the text cannot be encoded.
    fn encode(&self, text: &str, task: &Task) -> Result<Prompt, TokenizeError>;

    /// Turns an answer into text; special tokens are left out. For chat models the raw answer: `prompt::clean` mends it.
    fn decode(&self, ids: &[TokenId]) -> String;

    /// How many tokens a text takes in the source, without any instruction or end token.
    fn count(&self, text: &str) -> usize;

    /// The classes of all tokens of the answer, which [`Prompt::allowed`] speaks of; empty if the tokenizer has none.
    fn token_classes(&self) -> Vec<TokenClasses> {
        Vec::new()
    }

    /// Whether the answers are free-form chat and have to go through `prompt::clean`.
    fn is_chat(&self) -> bool {
        false
    }
}

/// What can go wrong between text and ids.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizeError {
    /// The model was not made for the task.
    #[error("the model cannot do this task: {0}")]
    Task(String),
    /// A tokenizer file is missing, damaged or of an unsupported kind.
    #[error("bad tokenizer file {path}: {reason}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong, what was expected, what to do.
        reason: String,
    },
    /// A chat template failed.
    #[error("chat template failed: {0}")]
    Template(String),
    /// The text could not be encoded.
    #[error("cannot encode text: {0}")]
    Encode(String),
}
