//! Text to ids and back, for one loaded model. The only module in which text and ids meet; it knows no tensors.

pub mod bart;
pub mod bergamot;
pub mod chat;
pub mod classes;
pub mod coder;
pub mod echo;
pub mod gguf;
pub mod gguf_pieces;
mod gguf_unigram;
pub mod json;
pub mod marian;
pub mod multilingual;
pub mod sentencepiece;
pub mod spiece;

use crate::token::{Prompt, Task, TokenClasses, TokenId};
use std::ops::Range;

/// The tokenizer of one loaded model.
pub trait Tokenizer: Send + Sync {
    /// Turns a text into what the model reads for a task.
    ///
    /// # Errors
    /// The model cannot do the task (a translation model asked to summarize, an unknown target token), or the text cannot be encoded.
    fn encode(&self, text: &str, task: &Task) -> Result<Prompt, TokenizeError>;

    /// The same with terms: what stands in the text, and what may stand for each in the answer. By default they are worded
    /// in front of the text.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    fn encode_with_terms(
        &self,
        text: &str,
        task: &Task,
        terms: &[(String, Vec<String>)],
    ) -> Result<Prompt, TokenizeError> {
        self.encode(&crate::prompt::with_terms(text, terms), task)
    }

    /// The same with what stands around the text: the headline, what was said before. A tokenizer
    /// of a model that was not trained on it does not tell the model.
    ///
    /// # Errors
    /// Those of [`Tokenizer::encode`].
    fn encode_with_context(&self, text: &str, task: &Task, _context: &str) -> Result<Prompt, TokenizeError> {
        self.encode(text, task)
    }

    /// Turns an answer into text; special tokens are left out. For chat models the raw answer: `prompt::clean` mends it.
    fn decode(&self, ids: &[TokenId]) -> String;

    /// For each token of [`Prompt::source`] the bytes of `text` it stands for, ascending and on the boundaries of characters;
    /// empty for a token that stands for no text, such as the one that ends the source. White space before a word belongs to
    /// its first token. `None` if the tokenizer does not know, or if the text cannot be encoded.
    fn source_spans(&self, _text: &str, _task: &Task) -> Option<Vec<Range<usize>>> {
        None
    }

    /// For each of `ids` the bytes it became in the text that [`Tokenizer::decode`] answers, ascending and on the boundaries of
    /// characters; empty for what left no text. `None` if the tokenizer does not know.
    fn target_spans(&self, _ids: &[TokenId]) -> Option<Vec<Range<usize>>> {
        None
    }

    /// The tokens in which an answer spells `text` as words behind a space. `None` if the vocabulary cannot, or if the tokenizer
    /// does not know.
    fn target_ids(&self, _text: &str) -> Option<Vec<TokenId>> {
        None
    }

    /// The spelling of a token of the answer, with U+2581 for a space; `None` if it is no text, or if the tokenizer does not
    /// know.
    fn target_piece(&self, _id: TokenId) -> Option<&str> {
        None
    }

    /// Whether [`Tokenizer::target_ids`] knows, so that an answer can be made to hold given words.
    fn spells_answers(&self) -> bool {
        false
    }

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

    /// Whether it can be asked for a translation in other words: a chat model that was not trained on one request.
    fn takes_other_words(&self) -> bool {
        self.is_chat()
    }
}

/// A text without the white space around it, and ranges of it moved along.
fn trimmed(text: &str, mut spans: Vec<Range<usize>>) -> (String, Vec<Range<usize>>) {
    let rest = text.trim_start();
    let lead = text.len() - rest.len();
    let trimmed = rest.trim_end();
    let place = |at: usize| at.saturating_sub(lead).min(trimmed.len());
    for span in &mut spans {
        *span = place(span.start)..place(span.end);
    }
    (trimmed.to_string(), spans)
}

/// The ranges of all tokens: those of the ones that are text in order, for the others nothing, where the one before ends.
fn spread(spans: Vec<Range<usize>>, are_text: impl Iterator<Item = bool>) -> Vec<Range<usize>> {
    let mut spans = spans.into_iter();
    let mut at = 0;
    let next = |is_text: bool| {
        let span = if is_text { spans.next() } else { None };
        let span = span.unwrap_or(at..at);
        at = span.end;
        span
    };
    are_text.map(next).collect()
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
