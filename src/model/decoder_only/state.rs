//! What the rows of a batch remember: keys and values of every layer, over a block that rows may share.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::Tensor;

use crate::kernels::causal_attention::KeyValues;
use crate::model::{ModelError, State};
use crate::token::{TokenClasses, TokenId};

/// Shared beginnings kept at most.
const PREFIXES: usize = 8;
/// Tokens of all kept beginnings at most, unless a single one is longer.
const PREFIX_TOKENS: usize = 8192;

/// Keys and values of a sequence in one layer.
#[derive(Debug, Clone)]
pub(super) enum Memory {
    /// For the fused attention on the CPU.
    Fused(KeyValues),
    /// Keys and values `[key_value_heads, positions, head_dim]` for plain tensor operations.
    Plain(Option<(Tensor, Tensor)>),
}

/// The beginning that the prompts of a job share.
#[derive(Debug)]
pub(super) struct Prefix {
    pub ids: Vec<TokenId>,
    pub layers: Vec<Memory>,
}

/// One sequence.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Seen by this row and others; never copied.
    pub shared: Option<Arc<Prefix>>,
    /// What follows it, a memory per layer.
    pub layers: Vec<Memory>,
    /// Tokens consumed, the shared ones included.
    pub length: usize,
    /// Which tokens may be answered.
    pub allowed: TokenClasses,
}

/// The rows of a batch.
#[derive(Debug)]
#[allow(clippy::struct_field_names)]
pub(super) struct Rows {
    /// Tells models apart.
    pub model: u64,
    pub rows: Vec<Row>,
    /// Time in the projection onto the vocabulary that has not been asked for yet.
    pub projection_time: std::time::Duration,
}

impl State for Rows {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn select(&mut self, rows: &[usize]) -> Result<(), ModelError> {
        if let Some(&bad) = rows.iter().find(|&&row| row >= self.rows.len()) {
            return Err(ModelError::State(format!("row {bad} of {}", self.rows.len())));
        }
        let mut uses = vec![0usize; self.rows.len()];
        for &row in rows {
            uses[row] += 1;
        }
        let mut old: Vec<Option<Row>> = std::mem::take(&mut self.rows).into_iter().map(Some).collect();
        for &row in rows {
            uses[row] -= 1;
            // The last use takes the row; only repeated rows (beams) are copied.
            let kept = if uses[row] == 0 { old[row].take() } else { old[row].clone() };
            self.rows.extend(kept);
        }
        Ok(())
    }

    fn append(&mut self, other: Box<dyn State>) -> Result<(), ModelError> {
        let other = other
            .into_any()
            .downcast::<Rows>()
            .ok()
            .filter(|other| other.model == self.model)
            .ok_or_else(|| ModelError::State("appended state is of another model".into()))?;
        self.rows.extend(other.rows);
        Ok(())
    }

    fn take_projection_time(&mut self) -> std::time::Duration {
        std::mem::take(&mut self.projection_time)
    }

    fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// The shared beginnings seen last.
#[derive(Debug, Default)]
pub(super) struct Prefixes(Mutex<Vec<Arc<Prefix>>>);

impl Prefixes {
    /// The memory of these tokens, if it is kept.
    pub(super) fn find(&self, ids: &[TokenId]) -> Option<Arc<Prefix>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|prefix| prefix.ids == ids)?;
        let found = kept.remove(at);
        kept.insert(0, found.clone());
        Some(found)
    }

    /// Keeps a beginning, and lets the ones go that were not used for longest.
    pub(super) fn keep(&self, prefix: Arc<Prefix>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|other| other.ids != prefix.ids);
        kept.insert(0, prefix);
        let mut tokens = 0;
        let mut fits = 0;
        for prefix in kept.iter().take(PREFIXES) {
            tokens += prefix.ids.len();
            if fits > 0 && tokens > PREFIX_TOKENS {
                break;
            }
            fits += 1;
        }
        kept.truncate(fits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(ids: std::ops::Range<u32>) -> Arc<Prefix> {
        Arc::new(Prefix { ids: ids.collect(), layers: Vec::new() })
    }

    #[test]
    fn the_beginnings_kept_are_bounded() {
        let prefixes = Prefixes::default();
        for start in 0..20 {
            prefixes.keep(prefix(start..start + 10));
        }
        let kept = |start: u32| prefixes.find(&(start..start + 10).collect::<Vec<_>>()).is_some();
        assert!(kept(19) && kept(12));
        assert!(!kept(11));
        prefixes.keep(prefix(100..10_100));
        assert!(prefixes.find(&(100..10_100).collect::<Vec<_>>()).is_some());
        assert!(!kept(19));
    }
}
