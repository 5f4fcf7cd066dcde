//! The seam between searches and networks: a model encodes or prefills a ragged batch, then advances it a token at a time.
//!
//! Weights are immutable and shared by all workers; everything that changes is in a [`State`].
//! A row's numbers never depend on the other rows of its batch.

pub mod bart;
pub mod bergamot;
pub mod causal_config;
pub mod causal_gguf;
pub mod checkpoint;
pub mod decoder_only;
pub mod echo;
pub mod encoder_decoder;
pub mod gemma;
pub mod gguf;
pub mod hunyuan;
pub mod layers;
pub mod llama;
pub mod m2m100;
pub mod mapped;
pub mod marian;
pub mod qwen;
pub mod safetensors_map;
pub mod shortlist;
pub mod t5;
pub mod weights;

use crate::token::{Constraint, TokenClasses, TokenId};

/// What a search has to know about a model.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The family, for example `marian`.
    pub family: &'static str,
    /// Number of ids the model can answer.
    pub vocab: usize,
    /// Tokens that end an answer.
    pub eos: Vec<TokenId>,
    /// Longest source in tokens, with its end token; for decoder-only models the whole context.
    pub max_source_tokens: usize,
    /// Longest answer in tokens; for decoder-only models prompt and answer share this context.
    pub max_target_tokens: usize,
    /// Tokens that must never be answered (`bad_words_ids` and the like).
    pub suppressed: Vec<TokenId>,
    /// Whether there is an encoder. Without one the prompt and the answer share the context.
    pub has_encoder: bool,
    /// Whether the end token is forced when the longest answer is reached (`forced_eos_token_id`).
    pub forced_eos: Option<TokenId>,
    /// Whether beam search compares probabilities that sum to one after bans and penalties (`renormalize_logits`).
    pub renormalize: bool,
}

/// One text of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Ids for the encoder; empty for decoder-only models.
    pub source: &'a [TokenId],
    /// Ids the decoder starts from; never empty. All but the last are consumed by [`Model::start`].
    pub prefix: &'a [TokenId],
    /// How many ids at the start of `prefix` are shared with the other requests of the job.
    pub shared: usize,
    /// Which tokens may be answered, where the model was told the classes of its tokens.
    pub allowed: TokenClasses,
    /// What the answer has to hold: a model that answers from a selection of its vocabulary makes sure that these tokens are
    /// in it. Everything else is the search's business.
    pub constraints: &'a [Constraint],
}

/// What a search wants to know of the next token.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// How many of the best tokens of each row.
    pub k: usize,
    /// Only these tokens, in ascending order, if given.
    pub allowed: Option<&'a [TokenId]>,
    /// Changes to the logits before the best are taken, applied in the order of the slice: first
    /// those for all rows, then row by row, ascending.
    pub adjust: &'a [Adjustment],
    /// Whether the log of the sum of the exponentials of all (adjusted, allowed) logits is wanted.
    pub log_sum_exp: bool,
    /// Rows and tokens whose logits are wanted even if they are not among the best; the rows ascend.
    pub also: &'a [(usize, TokenId)],
}

impl<'a> Ask<'a> {
    /// The tokens that are wanted of a row whether or not they are among its best.
    pub fn also_of(&self, row: usize) -> &'a [(usize, TokenId)] {
        let start = self.also.partition_point(|&(of, _)| of < row);
        let end = self.also.partition_point(|&(of, _)| of <= row);
        &self.also[start..end]
    }
}

/// A change to one logit of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adjustment {
    /// The row, or `None` for all rows.
    pub row: Option<usize>,
    /// The token.
    pub token: TokenId,
    /// What happens to its logit.
    pub change: Change,
}

/// What an [`Adjustment`] does to a logit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// Adds to it; negative infinity bans the token.
    Add(f32),
    /// Multiplies it if negative and divides it otherwise (the repetition penalty of Keskar et al. 2019, section 4.1).
    Penalize(f32),
}

impl Adjustment {
    /// Bans a token in one row, or in all.
    pub fn ban(row: Option<usize>, token: TokenId) -> Adjustment {
        Adjustment { row, token, change: Change::Add(f32::NEG_INFINITY) }
    }

    /// The changed logit.
    pub fn apply(&self, logit: f32) -> f32 {
        match self.change {
            Change::Add(add) => logit + add,
            Change::Penalize(penalty) if logit < 0.0 => logit * penalty,
            Change::Penalize(penalty) => logit / penalty,
        }
    }
}

/// The best next tokens of one row, best first; equal logits by ascending id.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates {
    /// Token and logit, `k` of them (fewer if fewer are allowed).
    pub best: Vec<(TokenId, f32)>,
    /// Log-sum-exp over the row, or NaN if it was not asked for.
    pub log_sum_exp: f32,
    /// The logits of [`Ask::also`] of this row, in its order, changed as all are; negative infinity for a token that may not
    /// be answered.
    pub also: Vec<f32>,
    /// How much the step looked at each token of the source, summing to one; empty if [`State::align`] was not called or the
    /// model does not know.
    pub alignment: Vec<f32>,
}

/// What a network needs to go on: encoder memory, keys and values, positions. Row `r` belongs to hypothesis `r`.
pub trait State: Send {
    /// Number of live rows.
    fn rows(&self) -> usize;
    /// Keeps row `rows[i]` as the new row `i`. A row may be repeated (beams) or left out (finished).
    ///
    /// # Errors
    /// A row that does not exist, or the backend failed.
    fn select(&mut self, rows: &[usize]) -> Result<(), ModelError>;
    /// Adds the rows of another state of the same model behind the present ones.
    ///
    /// # Errors
    /// The other state belongs to another model, or the backend failed.
    fn append(&mut self, other: Box<dyn State>) -> Result<(), ModelError>;
    /// From now on the answers of [`Model::step`] say where in the source each row looked. Nothing happens if the model was not
    /// trained to know.
    fn align(&mut self) {}
    /// Time spent in the projection onto the vocabulary since this was last asked; it is part of the time of
    /// [`Model::step`]. Zero if the model does not measure it.
    fn take_projection_time(&mut self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
    /// For the model's own downcast.
    fn as_any_mut(&mut self) -> &mut dyn std::any::Any;
    /// For the model's own downcast by value.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any>;
}

/// A network.
pub trait Model: Send + Sync {
    /// Sizes and special tokens.
    fn spec(&self) -> &Spec;

    /// Encodes the sources of a ragged batch and consumes all but the last token of each prefix.
    /// Row `r` of the state belongs to `batch[r]`.
    ///
    /// # Errors
    /// A source or prefix is longer than the spec allows, holds an id outside the vocabulary, or the backend failed.
    fn start(&self, batch: &[Request<'_>]) -> Result<Box<dyn State>, ModelError>;

    /// Feeds one token to each row (`last.len()` is the number of rows) and answers what was asked, a row each.
    ///
    /// # Errors
    /// The backend failed, or the state belongs to another model.
    fn step(&self, last: &[TokenId], state: &mut dyn State, ask: &Ask<'_>) -> Result<Vec<Candidates>, ModelError>;
}

/// How exactly a model computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// What the family does best on the device.
    #[default]
    Auto,
    /// 32-bit floating point throughout.
    F32,
    /// 8-bit weights and activations in the linear layers (W8A8), where the family and the device have them.
    Int8,
    /// 8-bit weights and 16-bit activations in the linear layers (W8A16), likewise.
    W8A16,
}

/// What does not depend on the checkpoint when a model is loaded.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Where the weights live and the work is done.
    pub device: candle_core::Device,
    /// How exactly it is done.
    pub precision: Precision,
    /// Whether what was quantized at load is kept in a file.
    pub keep: Keep,
}

/// Whether a quantized model is kept in a file beside its weights, from which it is loaded in a fraction of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// It is, where the folder can be written to.
    #[default]
    BesideWeights,
    /// It is not.
    Nowhere,
}

/// What can go wrong in a network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// An input is longer than the model's limit.
    #[error("{what} too long: expected at most {limit} tokens, got {got}")]
    TooLong {
        /// `source` or `prefix`.
        what: &'static str,
        /// The limit in tokens.
        limit: usize,
        /// The length in tokens.
        got: usize,
    },
    /// An id the vocabulary does not have.
    #[error("token id outside the vocabulary: expected less than {vocab}, got {got}")]
    TokenOutOfRange {
        /// Size of the vocabulary.
        vocab: usize,
        /// The id.
        got: TokenId,
    },
    /// A state that another model made, or a number of tokens that is not the number of rows.
    #[error("state does not fit the call: {0}")]
    State(String),
    /// A configuration that asks for something that is not implemented, or contradicts itself.
    #[error("unsupported model configuration: field {field} = {value}; {advice}")]
    Config {
        /// The field's name in `config.json` or the file's metadata.
        field: String,
        /// Its value.
        value: String,
        /// What is supported.
        advice: String,
    },
    /// A tensor is missing, has another shape, or the file is damaged.
    #[error("bad weights: {0}")]
    Weights(String),
    /// Candle failed.
    #[error("tensor operation failed: {0}")]
    Backend(#[from] candle_core::Error),
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// The reason.
        source: std::io::Error,
    },
}
