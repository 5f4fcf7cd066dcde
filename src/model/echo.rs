//! The weightless model: it answers its source. The whole program runs in tests without weights through it.
//!
//! Ids are bytes (0 to 255), then the start and the end token; any text is within its vocabulary.

use super::{Ask, Candidates, Model, ModelError, Request, Spec, State};
use crate::token::TokenId;

/// The id that starts an answer.
pub const START: TokenId = 256;
/// The id that ends source and answer.
pub const END: TokenId = 257;
const VOCAB: usize = 258;
/// Logit of the right answer; every other token has zero, so that its probability is close to one.
const SURE: f32 = 30.0;

/// A model whose answer is its source.
#[derive(Debug)]
pub struct Echo {
    spec: Spec,
}

impl Echo {
    /// An echo for sources of at most `max_source_tokens` bytes, the end token included.
    pub fn new(max_source_tokens: usize) -> Echo {
        Echo {
            spec: Spec {
                family: "echo",
                vocab: VOCAB,
                eos: vec![END],
                max_source_tokens,
                max_target_tokens: max_source_tokens,
                suppressed: vec![START],
                has_encoder: true,
                forced_eos: None,
                renormalize: false,
            },
        }
    }
}

impl Default for Echo {
    fn default() -> Self {
        Echo::new(4096)
    }
}

struct EchoState {
    rows: Vec<(std::sync::Arc<[TokenId]>, usize)>,
}

impl State for EchoState {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn select(&mut self, rows: &[usize]) -> Result<(), ModelError> {
        if let Some(&bad) = rows.iter().find(|&&row| row >= self.rows.len()) {
            return Err(ModelError::State(format!("row {bad} of {}", self.rows.len())));
        }
        self.rows = rows.iter().map(|&row| self.rows[row].clone()).collect();
        Ok(())
    }

    fn append(&mut self, other: Box<dyn State>) -> Result<(), ModelError> {
        let other = other
            .into_any()
            .downcast::<EchoState>()
            .map_err(|_| ModelError::State("appended state is of another model".into()))?;
        self.rows.extend(other.rows);
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

impl Model for Echo {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn start(&self, batch: &[Request<'_>]) -> Result<Box<dyn State>, ModelError> {
        let mut rows = Vec::with_capacity(batch.len());
        for request in batch {
            if request.source.len() > self.spec.max_source_tokens {
                return Err(ModelError::TooLong {
                    what: "source",
                    limit: self.spec.max_source_tokens,
                    got: request.source.len(),
                });
            }
            if let Some(&got) = request.source.iter().find(|&&id| id as usize >= VOCAB) {
                return Err(ModelError::TokenOutOfRange { vocab: VOCAB, got });
            }
            rows.push((request.source.into(), 0));
        }
        Ok(Box::new(EchoState { rows }))
    }

    fn step(&self, last: &[TokenId], state: &mut dyn State, ask: &Ask<'_>) -> Result<Vec<Candidates>, ModelError> {
        let state = state
            .as_any_mut()
            .downcast_mut::<EchoState>()
            .ok_or_else(|| ModelError::State("state is of another model".into()))?;
        if last.len() != state.rows.len() {
            return Err(ModelError::State(format!("{} tokens for {} rows", last.len(), state.rows.len())));
        }
        let mut answers = Vec::with_capacity(last.len());
        for (row, (source, position)) in state.rows.iter_mut().enumerate() {
            let mut logits = vec![0.0f32; VOCAB];
            logits[source.get(*position).copied().unwrap_or(END) as usize] = SURE;
            *position += 1;
            for change in ask.adjust.iter().filter(|change| change.row.is_none_or(|r| r == row)) {
                let logit = &mut logits[change.token as usize];
                *logit = change.apply(*logit);
            }
            let mut ids: Vec<TokenId> = match ask.allowed {
                Some(allowed) => allowed.to_vec(),
                None => (0..VOCAB as TokenId).collect(),
            };
            let logit = |id: TokenId| if ids.contains(&id) { logits[id as usize] } else { f32::NEG_INFINITY };
            let also = ask.also_of(row).iter().map(|&(_, id)| logit(id)).collect();
            let largest = ids.iter().map(|&id| logits[id as usize]).fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = ids.iter().map(|&id| (logits[id as usize] - largest).exp()).sum();
            ids.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]).then(a.cmp(&b)));
            answers.push(Candidates {
                best: ids.iter().take(ask.k).map(|&id| (id, logits[id as usize])).collect(),
                log_sum_exp: if ask.log_sum_exp { largest + sum.ln() } else { f32::NAN },
                also,
                alignment: Vec::new(),
            });
        }
        Ok(answers)
    }
}
