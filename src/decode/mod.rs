//! Searches: from the candidates a model offers to the answer that is kept. Names no family.

use crate::token::TokenId;

/// How an answer is searched.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOptions {
    /// Number of hypotheses kept at each step; 1 is greedy.
    pub beams: usize,
    /// Exponent of the length by which a hypothesis' log-probability is divided (beam search only).
    pub length_penalty: f32,
    /// Longest answer in tokens, end token included; cut to what the model allows.
    pub max_new_tokens: usize,
    /// n-grams of this length may not repeat within an answer; 0 for no limit.
    pub no_repeat_ngram: usize,
    /// Divides (if positive) or multiplies (if negative) the logits of tokens seen before; 1 for none.
    pub repetition_penalty: f32,
    /// Whether greedy search reports scores too (beam search always does).
    pub scores: bool,
}

impl Default for SearchOptions {
    fn default() -> Self {
        SearchOptions {
            beams: 1,
            length_penalty: 1.0,
            max_new_tokens: 512,
            no_repeat_ngram: 0,
            repetition_penalty: 1.0,
            scores: true,
        }
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model ended it.
    End,
    /// The limit of tokens was reached: the answer may be cut.
    Limit,
    /// The answer fell into a loop and was stopped.
    Loop,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// The tokens, without prefix and end token.
    pub ids: Vec<TokenId>,
    /// Sum of the log-probabilities, end token included; NaN if not asked for.
    pub log_probability: f32,
    /// `log_probability` over the length penalty: what beam search compares; NaN if not asked for.
    pub score: f32,
    /// Why it ended.
    pub finish: Finish,
}
