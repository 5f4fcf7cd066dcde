//! What cards of encoder-decoders have of their own.

use super::{Card, Family, Role, Task};
use serde::Deserialize;

/// How a summarizer with an encoder is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// What stands before the article (`summarize: `).
    #[serde(default)]
    pub prefix: Option<String>,
}

impl Family {
    /// Whether its networks have an encoder: translators and summarizers that were trained for one thing, no chat models.
    pub fn has_encoder(self) -> bool {
        match self {
            Family::Gemma2 | Family::Gemma3 | Family::HunyuanDense | Family::Llama | Family::Qwen2 | Family::Qwen3 => {
                false
            }
            Family::Marian
            | Family::Bergamot
            | Family::Bart
            | Family::Mbart
            | Family::Pegasus
            | Family::M2m100
            | Family::T5 => true,
        }
    }

    /// Whether checkpoints of the family can do a task; of the same family some may do the one and some the other.
    pub fn may(self, task: Task) -> bool {
        match self {
            Family::Marian | Family::Bergamot | Family::Mbart | Family::M2m100 => task == Task::Translate,
            Family::Bart | Family::Pegasus => task == Task::Summarize,
            Family::T5 => true,
            family => family.is_chat(),
        }
    }
}

/// What a card of an encoder-decoder as `transformers` publishes them lacks.
pub(super) fn fault(card: &Card) -> Option<String> {
    let family = card.family.as_str();
    let has = |role: Role| card.files.iter().any(|file| file.role == role);
    let vocabulary = [Role::Spm, Role::Merges, Role::TokenizerJson];
    if !has(Role::Config) || !vocabulary.into_iter().any(has) {
        return Some(format!("a {family} card needs a file with role config and one for its vocabulary"));
    }
    if card.weight_candidates.is_empty() {
        return Some(format!("a {family} card needs weight_candidates"));
    }
    let task = card.tasks.iter().find(|&&task| !card.family.may(task))?;
    Some(format!("a {family} model does not {task:?}"))
}
