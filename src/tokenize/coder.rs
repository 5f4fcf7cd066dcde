//! What the tokenizers of causal models have in common: text of the user as plain ids, text of ours with special tokens.

use crate::token::{TokenClasses, TokenId};

use super::TokenizeError;

/// Tokens that end an answer, beside the ones a file names.
pub(super) const END_TOKENS: &[&str] =
    &["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "<|end|>", "<end_of_turn>", "<|return|>", "</s>"];

/// The tokenizer of a causal model, without its chat template.
pub trait Coder: Send + Sync + std::fmt::Debug {
    /// The ids of a text of the user inside a prompt. Nothing in it is a special token, whatever it spells.
    ///
    /// # Errors
    /// The tokenizer failed, which no text is known to cause.
    fn encode_text(&self, text: &str) -> Result<Vec<TokenId>, TokenizeError>;

    /// The ids of a text of ours (a rendered template): special tokens in it are recognized, the longest first.
    ///
    /// # Errors
    /// As [`Coder::encode_text`].
    fn encode_markup(&self, text: &str) -> Result<Vec<TokenId>, TokenizeError>;

    /// The text of ids. Control and unused tokens and ids outside the vocabulary are left out; bytes that are not UTF-8
    /// become U+FFFD.
    fn decode(&self, ids: &[TokenId]) -> String;

    /// The classes of all tokens. Parts of characters, and tokens that are no text, have none.
    fn token_classes(&self) -> Vec<TokenClasses>;

    /// Number of tokens.
    fn vocab(&self) -> usize;

    /// The spelling of a token in the file.
    fn token(&self, id: TokenId) -> Option<&str>;

    /// The token that begins a text, if there is one.
    fn bos(&self) -> Option<TokenId>;

    /// Whether every prompt has to begin with [`Coder::bos`].
    fn adds_bos(&self) -> bool;

    /// The tokens that end an answer; the one the file names is first.
    fn end_tokens(&self) -> &[TokenId];

    /// Special tokens that are no text and end no answer.
    fn never(&self) -> Vec<TokenId>;

    /// The special tokens that [`Coder::encode_markup`] recognizes, the longest first.
    fn specials(&self) -> &[TokenId];

    /// Where the first special token of a text of ours begins, and where the last ends; `None` if there is none.
    fn special_bounds(&self, text: &str) -> Option<(usize, usize)> {
        let (mut first, mut end, mut place) = (None, 0, 0);
        while place < text.len() {
            let here = &text.as_bytes()[place..];
            let found = self.specials().iter().filter_map(|&id| self.token(id));
            match found.map(str::as_bytes).find(|token| !token.is_empty() && here.starts_with(token)) {
                Some(token) => {
                    first = first.or(Some(place));
                    place += token.len();
                    end = place;
                }
                None => place += 1,
            }
        }
        first.map(|first| (first, end))
    }
}
