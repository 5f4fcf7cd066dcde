//! Searches: from the candidates a model offers to the answer that is kept. Names no family.
//!
//! [`search`] answers a batch in one call; [`Search`] is the same a step at a time, so that `schedule` can let rows in and
//! out while it runs. The definitions (scores, limits, penalties, the loop stop) are in `docs/decoding.md`.
//! Nothing here starts threads or retries: a failure of the network is handed up.

mod beam;
mod constrained;
mod greedy;
mod live;
mod rules;
mod stats;

use std::sync::Arc;

use crate::model::{Model, ModelError, Request, Spec};
use crate::token::{TokenId, WordEdges};

pub use rules::{LoopStop, repeated_stretch};
pub use stats::Stats;

/// How an answer is searched.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOptions {
    /// Number of hypotheses kept at each step; 1 is greedy.
    pub beams: usize,
    /// Exponent of the length by which the log-probability of a hypothesis is divided; 0 for none.
    pub length_penalty: f32,
    /// Longest answer in tokens, end token included; cut to what the model allows.
    pub max_new_tokens: usize,
    /// Shortest sequence of prefix and answer: no end token before (`min_length` of transformers); 0 for any.
    pub min_length: usize,
    /// Whether a beam search ends as soon as it has as many finished hypotheses as beams (`early_stopping`).
    pub early_stopping: bool,
    /// n-grams of this length may not repeat; 0 for no limit. An [`Entry`] has its own.
    pub no_repeat_ngram: usize,
    /// Divides (if positive) or multiplies (if negative) the score of tokens seen before; 1 for none.
    pub repetition_penalty: f32,
    /// What the two rules above count as seen.
    pub seen: Seen,
    /// When an answer that repeats itself is stopped; `None` never stops one.
    pub loop_stop: Option<LoopStop>,
    /// Only these tokens may be answered, in ascending order, if given. Must hold an end token.
    pub allowed: Option<Arc<[TokenId]>>,
    /// Whether greedy search reports scores too (beam search always does).
    pub scores: bool,
    /// Whether answers say where in the source each of their tokens looked, where the model knows.
    pub alignments: bool,
    /// Where words begin and end, so that what an answer has to hold ([`Request::constraints`]) is found as whole words. With
    /// nothing in it each token is a word.
    pub word_edges: Arc<WordEdges>,
}

impl Default for SearchOptions {
    fn default() -> Self {
        SearchOptions {
            beams: 1,
            length_penalty: 1.0,
            max_new_tokens: 512,
            min_length: 0,
            early_stopping: false,
            no_repeat_ngram: 0,
            repetition_penalty: 1.0,
            seen: Seen::Sequence,
            loop_stop: Some(LoopStop::default()),
            allowed: None,
            scores: true,
            alignments: false,
            word_edges: Arc::default(),
        }
    }
}

impl SearchOptions {
    /// Checks the values against each other.
    ///
    /// # Errors
    /// No beams, a penalty that is not a number or not positive, or an unordered allowed set.
    pub fn check(&self) -> Result<(), DecodeError> {
        let bad = |option, value: String, expected| Err(DecodeError::Option { option, value, expected });
        if self.beams == 0 {
            return bad("beams", "0".into(), "at least 1");
        }
        if !self.length_penalty.is_finite() {
            return bad("length_penalty", self.length_penalty.to_string(), "a finite number");
        }
        if !(self.repetition_penalty.is_finite() && self.repetition_penalty > 0.0) {
            return bad("repetition_penalty", self.repetition_penalty.to_string(), "a finite number above 0");
        }
        if let Some(allowed) = &self.allowed
            && !allowed.is_sorted_by(|a, b| a < b)
        {
            return bad("allowed", format!("{} ids out of order", allowed.len()), "ascending ids without repeats");
        }
        Ok(())
    }
}

/// Which tokens count as seen for the repetition rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Seen {
    /// Prefix and answer, as in transformers; for decoder-only models that is the whole prompt.
    #[default]
    Sequence,
    /// The answer only: a summary may then quote its article.
    Answer,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model ended it.
    End,
    /// The limit of tokens was reached: the answer may be cut. A forced end token counts as this.
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
    /// For each of `ids`, how much it looked at each token of the source, the end token included; each row sums to one. Empty
    /// if it was not asked for, or if the model does not know.
    pub alignments: Vec<Vec<f32>>,
}

/// One answer that is wanted of a [`Search`].
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The caller's name for it; comes back with the answer.
    pub tag: usize,
    /// What the model reads.
    pub request: Request<'a>,
    /// Longest answer in tokens, end token included; cut to what the model allows.
    pub max_new_tokens: usize,
    /// n-grams of this length may not repeat in its answer; 0 for no limit. A second attempt at a text differs in it, and
    /// shares the batch with first attempts.
    pub no_repeat_ngram: usize,
}

/// An entry's tag and its answer.
pub type Outcome = (usize, Result<Hypothesis, DecodeError>);

/// A running search over a changing set of rows.
pub trait Search {
    /// Lets entries in; their rows join the present ones. Entries that cannot be answered come back at once.
    ///
    /// # Errors
    /// The network failed to start them: none of the valid ones is in, and the rows that were there before go on.
    /// [`DecodeError::Broken`]: the joining itself failed and no row can go on.
    fn admit(&mut self, entries: &[Entry<'_>]) -> Result<Vec<Outcome>, DecodeError>;

    /// Advances every row by a token and hands out what has ended.
    ///
    /// # Errors
    /// The network failed: no row can go on.
    fn advance(&mut self) -> Result<Vec<Outcome>, DecodeError>;

    /// Number of entries that are not answered yet.
    fn entries(&self) -> usize;

    /// Tokens held for the unanswered entries: their sources once, prefix and answer for each beam.
    fn tokens(&self) -> usize;

    /// What was done so far.
    fn stats(&self) -> Stats;
}

/// Starts an empty search. The options are taken as they are: see [`SearchOptions::check`].
pub fn begin<'m>(model: &'m dyn Model, options: &'m SearchOptions) -> Box<dyn Search + 'm> {
    let free: Box<dyn Search + 'm> = match options.beams {
        0 | 1 => Box::new(greedy::Greedy::new(model, options)),
        _ => Box::new(beam::Beam::new(model, options)),
    };
    Box::new(constrained::Mixed::new(free, model, options))
}

/// Answers a batch, in its order. One result per request; a request that cannot be answered does not stop the others.
///
/// # Errors
/// The options are not valid, or the network failed.
pub fn search(
    model: &dyn Model,
    batch: &[Request<'_>],
    options: &SearchOptions,
) -> Result<Vec<Result<Hypothesis, DecodeError>>, DecodeError> {
    options.check()?;
    let mut search = begin(model, options);
    let entries: Vec<Entry<'_>> = batch
        .iter()
        .enumerate()
        .map(|(tag, &request)| Entry {
            tag,
            request,
            max_new_tokens: options.max_new_tokens,
            no_repeat_ngram: options.no_repeat_ngram,
        })
        .collect();
    let mut outcomes = search.admit(&entries)?;
    while search.entries() > 0 {
        outcomes.extend(search.advance()?);
    }
    outcomes.sort_by_key(|&(tag, _)| tag);
    Ok(outcomes.into_iter().map(|(_, result)| result).collect())
}

/// How many tokens may be answered, end token included.
///
/// Both limits count the decoder's whole sequence, as the `max_length` of transformers does: prefix and answer.
///
/// # Errors
/// The source or the prefix does not fit the model, holds an id outside the vocabulary, or leaves no room for an answer.
pub fn room(spec: &Spec, entry: &Entry<'_>) -> Result<usize, DecodeError> {
    let Request { source, prefix, .. } = entry.request;
    if source.len() > spec.max_source_tokens {
        let (limit, got) = (spec.max_source_tokens, source.len());
        return Err(ModelError::TooLong { what: "source", limit, got }.into());
    }
    if prefix.is_empty() {
        return Err(DecodeError::EmptyPrefix);
    }
    if prefix.len() >= spec.max_target_tokens || entry.max_new_tokens == 0 {
        return Err(DecodeError::NoRoom {
            prefix: prefix.len(),
            limit: spec.max_target_tokens,
            wanted: entry.max_new_tokens,
        });
    }
    Ok(entry.max_new_tokens.min(spec.max_target_tokens - prefix.len()))
}

/// Tokens of a prefix that count as answered in the length penalty: all that an encoder-decoder is made to begin with behind its
/// start token, as in transformers.
fn forced(spec: &Spec, prefix: &[TokenId]) -> usize {
    if spec.has_encoder { prefix.len().saturating_sub(1) } else { 0 }
}

/// The log-probability over the length penalty: `log_probability / tokens ^ length_penalty`.
///
/// `tokens` is the number of answered tokens, end token and forced tokens included.
fn normalized(log_probability: f32, tokens: usize, length_penalty: f32) -> f32 {
    log_probability / (tokens as f64).powf(f64::from(length_penalty)) as f32
}

/// What can go wrong in a search.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// An option has a value that makes no sense.
    #[error("bad search option {option}: expected {expected}, got {value}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// Its value.
        value: String,
        /// What it has to be.
        expected: &'static str,
    },
    /// There is nothing to start the answer from.
    #[error("empty prefix: expected at least the start token; encode the text with the model's own tokenizer")]
    EmptyPrefix,
    /// Prefix or prompt fill the model's limit, or no answer was wanted.
    #[error(
        "no room for an answer: prefix of {prefix} tokens, limit of {limit}, {wanted} new tokens wanted; \
         shorten the text or raise the limit"
    )]
    NoRoom {
        /// Tokens of the prefix.
        prefix: usize,
        /// The model's limit for prefix and answer.
        limit: usize,
        /// The option.
        wanted: usize,
    },
    /// The network answered something that is not a number, or no token at all.
    #[error("model answered no usable logits after {tokens} tokens: {what}; the weights may be damaged")]
    Logits {
        /// Tokens answered before.
        tokens: usize,
        /// What was found.
        what: &'static str,
    },
    /// The network failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// New rows could not join the running ones, and the running ones are lost with them.
    #[error("rows could not join the batch: {0}")]
    Broken(#[source] ModelError),
}
