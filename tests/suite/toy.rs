//! A model without weights whose logits are a hash of what the row has read, for the tests of searches and schedules.
//!
//! The same function as in `tools/reference/beam_toy.py`. Some sources make it fail, panic or answer nonsense on purpose.

use tlumach::model::{Ask, Candidates, Model, ModelError, Request, Spec, State};
use tlumach::token::{Prompt, TokenId};

/// A source that holds this id makes `start` fail.
pub(crate) const FAILS_AT_START: TokenId = 1000;
/// A source that holds this id makes the third `step` of its row fail.
pub(crate) const FAILS_LATER: TokenId = 1001;
/// A source that holds this id makes `start` panic.
pub(crate) const PANICS_AT_START: TokenId = 1002;
/// A source that holds this id makes the third `step` of its row panic.
pub(crate) const PANICS_LATER: TokenId = 1003;
/// A source that holds this id gets logits that are not numbers.
pub(crate) const NOT_A_NUMBER: TokenId = 1004;
/// A source that holds this id never ends: it answers the same token for ever.
pub(crate) const LOOPS: TokenId = 1005;

/// The toy.
pub(crate) struct Toy {
    pub(crate) spec: Spec,
    pub(crate) seed: u32,
    pub(crate) spread: f64,
    pub(crate) end_bias: f64,
    /// Whether states of this toy refuse to be joined.
    pub(crate) append_fails: bool,
}

/// A toy with an encoder: `vocab` ids, 0 ends an answer.
pub(crate) fn toy(seed: u32, vocab: usize) -> Toy {
    Toy {
        spec: Spec {
            family: "toy",
            vocab,
            eos: vec![0],
            max_source_tokens: 64,
            max_target_tokens: 48,
            suppressed: Vec::new(),
            has_encoder: true,
            forced_eos: None,
            renormalize: false,
        },
        seed,
        spread: 4.0,
        end_bias: 0.125,
        append_fails: false,
    }
}

/// A prompt for the toy.
pub(crate) fn prompt(source: &[TokenId]) -> Prompt {
    Prompt {
        source: source.to_vec(),
        prefix: vec![1],
        shared: 0,
        allowed: tlumach::token::TokenClasses::ALL,
        constraints: Vec::new(),
    }
}

fn mix(hash: u32, value: u32) -> u32 {
    let mut hash = (hash ^ value).wrapping_mul(0x9E37_79B1);
    hash ^= hash >> 15;
    hash = hash.wrapping_mul(0x85EB_CA6B);
    hash ^ (hash >> 13)
}

impl Toy {
    /// The logits after a sequence, in the order of the ids.
    pub(crate) fn logits(&self, source: &[TokenId], sequence: &[TokenId]) -> Vec<f32> {
        if source.contains(&LOOPS) {
            return (0..self.spec.vocab).map(|token| [-20.0, 0.0, 5.0].get(token).copied().unwrap_or(0.0)).collect();
        }
        let [.., last] = *sequence else { panic!("a sequence has at least one token") };
        let first = source.iter().fold(sequence[0], |hash, &token| mix(hash, token));
        let before = if sequence.len() > 1 { sequence[sequence.len() - 2] } else { 0 };
        let start = [self.seed, first, before, last].into_iter().fold(0, mix);
        let mut logits: Vec<f32> = (0..self.spec.vocab as u32)
            .map(|token| {
                let value = f64::from(mix(start, token) & 0xFFFF) / 65536.0 * self.spread;
                (if token == 0 { value + self.end_bias * sequence.len() as f64 } else { value }) as f32
            })
            .collect();
        if source.contains(&NOT_A_NUMBER) && sequence.len() > 2 {
            logits.fill(f32::NAN);
        }
        logits
    }
}

struct ToyState {
    append_fails: bool,
    rows: Vec<(Vec<TokenId>, Vec<TokenId>)>,
}

impl State for ToyState {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn select(&mut self, rows: &[usize]) -> Result<(), ModelError> {
        self.rows = rows.iter().map(|&row| self.rows[row].clone()).collect();
        Ok(())
    }

    fn append(&mut self, other: Box<dyn State>) -> Result<(), ModelError> {
        if self.append_fails {
            return Err(ModelError::State("asked not to join".into()));
        }
        let other = other.into_any().downcast::<ToyState>().map_err(|_| ModelError::State("not a toy".into()))?;
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

impl Model for Toy {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn start(&self, batch: &[Request<'_>]) -> Result<Box<dyn State>, ModelError> {
        let mut rows = Vec::new();
        for request in batch {
            if request.source.contains(&FAILS_AT_START) {
                return Err(ModelError::Weights("asked to fail".into()));
            }
            assert!(!request.source.contains(&PANICS_AT_START), "asked to panic");
            rows.push((request.source.to_vec(), request.prefix[..request.prefix.len() - 1].to_vec()));
        }
        Ok(Box::new(ToyState { append_fails: self.append_fails, rows }))
    }

    fn step(&self, last: &[TokenId], state: &mut dyn State, ask: &Ask<'_>) -> Result<Vec<Candidates>, ModelError> {
        let state = state.as_any_mut().downcast_mut::<ToyState>().expect("the state is the toy's");
        assert_eq!(last.len(), state.rows.len(), "a token for each row");
        let mut answers = Vec::new();
        for (row, ((source, sequence), &token)) in state.rows.iter_mut().zip(last).enumerate() {
            sequence.push(token);
            if sequence.len() == 3 && source.contains(&FAILS_LATER) {
                return Err(ModelError::Weights("asked to fail later".into()));
            }
            assert!(!(sequence.len() == 3 && source.contains(&PANICS_LATER)), "asked to panic later");
            let mut logits = self.logits(source, sequence);
            for change in ask.adjust.iter().filter(|change| change.row.is_none_or(|r| r == row)) {
                let logit = &mut logits[change.token as usize];
                *logit = change.apply(*logit);
            }
            let mut best: Vec<(TokenId, f32)> = match ask.allowed {
                Some(allowed) => allowed.iter().map(|&token| (token, logits[token as usize])).collect(),
                None => logits.iter().enumerate().map(|(token, &logit)| (token as TokenId, logit)).collect(),
            };
            let may = |token: TokenId| ask.allowed.is_none_or(|allowed| allowed.contains(&token));
            let logit = |token: TokenId| if may(token) { logits[token as usize] } else { f32::NEG_INFINITY };
            let also = ask.also_of(row).iter().map(|&(_, token)| logit(token)).collect();
            let log_sum_exp = if ask.log_sum_exp { log_sum_exp(best.iter().map(|b| b.1)) } else { f32::NAN };
            best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            best.truncate(ask.k);
            answers.push(Candidates { best, log_sum_exp, also, alignment: Vec::new() });
        }
        Ok(answers)
    }
}

/// The logarithm of the sum of the exponentials.
pub(crate) fn log_sum_exp(logits: impl Iterator<Item = f32> + Clone) -> f32 {
    let largest = logits.clone().fold(f32::NEG_INFINITY, f32::max);
    largest + logits.map(|logit| (logit - largest).exp()).sum::<f32>().ln()
}
