//! What goes through the hops of a route: a text of a client, and what comes of it. Types only.

use super::align::Alignment;
use super::run::{Answer, Effort};
use crate::job::report::HopRecord;
use crate::language::Language;
use std::sync::Arc;

/// A text in one language, to be translated.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) from: Language,
    pub(super) text: Arc<str>,
    /// What stands around it, for models that are told; empty for all others.
    pub(super) context: Arc<str>,
    pub(super) effort: Effort,
    pub(super) owner: Owner,
}

/// The client's name for a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) article: usize,
    pub(super) segment: usize,
    pub(super) attempt: Attempt,
}

/// Which attempt at a segment a unit belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    First,
    /// One of the pieces between protected spans.
    Around {
        piece: usize,
    },
    /// The whole again, in another way.
    Again,
    /// What a pair of markup holds.
    Phrase {
        /// Index of the slot that opens the pair.
        opening: usize,
    },
}

/// What came of a unit.
#[derive(Debug, Clone, Default)]
pub(super) struct Translated {
    /// The last answer of the route; `error` and `cancelled` of whichever hop failed.
    pub(super) answer: Answer,
    /// What came out of the hops before the last.
    pub(super) intermediate: Vec<String>,
    /// The lowest score of the hops.
    pub(super) score: Option<f32>,
    /// The hops.
    pub(super) hops: Vec<HopDone>,
    /// Where the tokens of the answer come from, over all hops; none where a model does not know.
    pub(super) alignment: Option<Arc<Alignment>>,
    /// Which retry made it.
    pub(super) retry: Option<&'static str>,
    /// Where it was known from, if no model made it now.
    pub(super) origin: Option<&'static str>,
    /// Whether the terms that it was made to hold cost it more than words usually cost.
    pub(super) strained: bool,
}

/// A hop of a unit.
#[derive(Debug, Clone)]
pub(super) struct HopDone {
    pub(super) record: HopRecord,
    /// Sum of the log-probabilities and number of tokens they are of.
    pub(super) log_probability: f32,
    pub(super) scored_tokens: usize,
    /// Where the tokens of its answer come from.
    pub(super) alignment: Option<Arc<Alignment>>,
    /// Whether its model was asked that and does not know.
    pub(super) unaligned: bool,
    /// Whether its model can be made to write given words.
    pub(super) spells: bool,
    /// Whether the model is asked in words, and may be in others.
    pub(super) chat: bool,
}

impl HopDone {
    /// Mean of the log-probabilities, if there are any.
    pub(super) fn mean_log_probability(&self) -> Option<f32> {
        (self.scored_tokens > 0 && self.log_probability.is_finite())
            .then(|| self.log_probability / self.scored_tokens as f32)
    }
}

impl Translated {
    /// Tokens read and written.
    pub(super) fn tokens(&self) -> usize {
        self.answer.source_tokens + self.answer.target_tokens
    }
}
