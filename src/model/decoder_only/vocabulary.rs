//! The output projection: the best tokens of each row, without ever holding the logits of the whole vocabulary.

use std::ops::Range;
use std::sync::OnceLock;

use candle_core::Tensor;

use super::linear::{Input, Linear, Loading, Matrix};
use crate::kernels::exponential::{largest, soft_cap, sum_exp};
use crate::kernels::spread::for_each_index;
use crate::model::{Adjustment, Ask, Candidates, ModelError};
use crate::token::{TokenClasses, TokenId};

/// Rows of the matrix that are multiplied at a time: 16 rows of logits take 128 kB, which stay in a core's cache.
const CHUNK: usize = 2048;
/// Best tokens up to which each is inserted in its place; more are gathered and sorted.
const INSERTED: usize = 64;

/// The output matrix in chunks of rows.
#[derive(Debug)]
pub(super) struct Vocabulary {
    chunks: Vec<Linear>,
    tokens: usize,
    /// Of each token; empty where they are not known.
    classes: Vec<TokenClasses>,
    /// What logits stay within, where they do.
    soft_cap: Option<f32>,
}

impl Vocabulary {
    /// # Errors
    /// The matrix is missing, has another shape, or the backend failed.
    pub(super) fn load(from: Loading<'_>, matrix: Matrix<'_>) -> Result<Vocabulary, ModelError> {
        let mut chunks = Vec::with_capacity(matrix.rows.div_ceil(CHUNK));
        for start in (0..matrix.rows).step_by(CHUNK) {
            let rows = start..matrix.rows.min(start + CHUNK);
            chunks.push(Linear::load(from, matrix, rows)?);
            from.tensors.forget_pages();
        }
        Ok(Vocabulary { chunks, tokens: matrix.rows, classes: Vec::new(), soft_cap: None })
    }

    /// Keeps logits within a cap: `cap * tanh(logit / cap)`.
    pub(super) fn with_soft_cap(self, soft_cap: Option<f32>) -> Vocabulary {
        Vocabulary { soft_cap, ..self }
    }

    /// Takes the classes of the tokens; those beyond the list are always allowed.
    pub(super) fn classify(&mut self, mut classes: Vec<TokenClasses>) {
        if !classes.is_empty() {
            classes.resize(self.tokens, TokenClasses::NONE);
        }
        self.classes = classes;
    }

    /// Whether the matrix is multiplied in low bits, which our own threads do.
    pub(super) fn is_low_bit(&self) -> bool {
        self.chunks.iter().all(Linear::is_low_bit)
    }

    /// What is asked of the last hidden states `[rows, hidden]`, the chunks spread over the threads.
    ///
    /// # Errors
    /// A token of the question is outside the vocabulary, or the weights are not on the CPU.
    pub(super) fn answer(
        &self,
        hidden: &Input<'_>,
        ask: &Ask<'_>,
        allowed: &[TokenClasses],
    ) -> Result<Vec<Candidates>, ModelError> {
        let question = self.question(ask, allowed)?;
        let needed: Vec<usize> = (0..self.chunks.len()).filter(|&index| question.concerns(self.range(index))).collect();
        // Before the threads share it; all chunks are of one type.
        self.chunks.iter().take(1).for_each(|chunk| chunk.prepare(hidden));
        let answers: Vec<OnceLock<Result<Vec<Tally>, ModelError>>> = needed.iter().map(|_| OnceLock::new()).collect();
        for_each_index(needed.len(), |at| {
            let range = self.range(needed[at]);
            let mut logits = vec![0.0; hidden.rows() * range.len()];
            let tallies =
                self.chunks[needed[at]].multiply_here(hidden, &mut logits).map(|()| question.tally(range, &mut logits));
            // Every place is filled once.
            drop(answers[at].set(tallies));
        });
        let mut tallies: Vec<Tally> = (0..hidden.rows()).map(|row| Tally::new(ask, row)).collect();
        // In the order of the chunks, whichever thread computed them.
        for answer in answers.into_iter().filter_map(OnceLock::into_inner) {
            merge(&mut tallies, answer?);
        }
        Ok(tallies.into_iter().map(Tally::finish).collect())
    }

    /// As [`Vocabulary::answer`] with Candle's operations.
    ///
    /// # Errors
    /// A token of the question is outside the vocabulary, or the backend failed.
    pub(super) fn answer_plain(
        &self,
        hidden: &Tensor,
        ask: &Ask<'_>,
        allowed: &[TokenClasses],
    ) -> Result<Vec<Candidates>, ModelError> {
        let question = self.question(ask, allowed)?;
        let mut tallies: Vec<Tally> = (0..hidden.dim(0)?).map(|row| Tally::new(ask, row)).collect();
        for (index, chunk) in self.chunks.iter().enumerate() {
            if question.concerns(self.range(index)) {
                let mut logits = chunk.forward(hidden)?.flatten_all()?.to_vec1::<f32>()?;
                merge(&mut tallies, question.tally(self.range(index), &mut logits));
            }
        }
        Ok(tallies.into_iter().map(Tally::finish).collect())
    }

    /// The tokens of a chunk.
    fn range(&self, index: usize) -> Range<usize> {
        let start = index * CHUNK;
        start..self.tokens.min(start + CHUNK)
    }
}

/// What is asked, with the changes in the order of their tokens.
struct Question<'a> {
    ask: &'a Ask<'a>,
    adjust: Vec<Adjustment>,
    /// Of each token, or empty.
    classes: &'a [TokenClasses],
    /// What each row allows.
    allowed: &'a [TokenClasses],
    /// What logits stay within, where they do.
    soft_cap: Option<f32>,
}

impl Vocabulary {
    fn question<'a>(&'a self, ask: &'a Ask<'a>, allowed: &'a [TokenClasses]) -> Result<Question<'a>, ModelError> {
        let tokens = self.tokens;
        let asked =
            ask.adjust.iter().map(|change| change.token).chain(ask.allowed.iter().flat_map(|a| a.iter().copied()));
        let asked = asked.chain(ask.also.iter().map(|&(_, token)| token));
        if let Some(got) = asked.into_iter().find(|&token| token as usize >= tokens) {
            return Err(ModelError::TokenOutOfRange { vocab: tokens, got });
        }
        let mut adjust = ask.adjust.to_vec();
        adjust.sort_by_key(|change| change.token);
        Ok(Question { ask, adjust, classes: &self.classes, allowed, soft_cap: self.soft_cap })
    }
}

impl Question<'_> {
    /// Bans what a row does not allow.
    fn ban(&self, row: usize, start: usize, logits: &mut [f32]) {
        let (Some(&allowed), Some(classes)) = (self.allowed.get(row), self.classes.get(start..start + logits.len()))
        else {
            return;
        };
        for (logit, of) in logits.iter_mut().zip(classes) {
            *logit = if of.within(allowed) { *logit } else { f32::NEG_INFINITY };
        }
    }

    /// Whether any of these tokens may be answered.
    fn concerns(&self, range: Range<usize>) -> bool {
        self.ask.allowed.is_none_or(|allowed| !within(allowed, range, |token| *token).is_empty())
    }

    /// The best of the tokens `range` for each row; `logits` is `[rows, tokens]` and changed on the way.
    fn tally(&self, range: Range<usize>, logits: &mut [f32]) -> Vec<Tally> {
        if let Some(cap) = self.soft_cap {
            // Before the changes of the search, which are changes of what the network says.
            soft_cap(logits, cap);
        }
        let changes = within(&self.adjust, range.clone(), |change| change.token);
        let allowed = self.ask.allowed.map(|allowed| within(allowed, range.clone(), |token| *token));
        let tally = |(row, logits): (usize, &mut [f32])| {
            let mut tally = Tally::new(self.ask, row);
            apply(changes, row, range.start, logits);
            self.ban(row, range.start, logits);
            for (logit, &(_, token)) in tally.also.iter_mut().zip(self.ask.also_of(row)) {
                let here = range.contains(&(token as usize));
                if here && self.ask.allowed.is_none_or(|allowed| allowed.binary_search(&token).is_ok()) {
                    *logit = logits[token as usize - range.start];
                }
            }
            match allowed {
                None => tally.add(logits, |at| (range.start + at) as TokenId),
                Some(allowed) => {
                    for (at, token) in allowed.iter().enumerate() {
                        // Ascending tokens: the slot was read already or is read now.
                        logits[at] = logits[*token as usize - range.start];
                    }
                    tally.add(&logits[..allowed.len()], |at| allowed[at]);
                }
            }
            tally
        };
        logits.chunks_exact_mut(range.len()).enumerate().map(tally).collect()
    }
}

/// Adds what a chunk gave each row.
fn merge(tallies: &mut [Tally], chunk: Vec<Tally>) {
    for (tally, chunk) in tallies.iter_mut().zip(chunk) {
        tally.merge(&chunk);
    }
}

/// The entries whose token lies in the range; the entries are in ascending order of it.
fn within<T>(entries: &[T], range: Range<usize>, token: impl Fn(&T) -> TokenId) -> &[T] {
    let first = entries.partition_point(|entry| (token(entry) as usize) < range.start);
    let last = entries.partition_point(|entry| (token(entry) as usize) < range.end);
    &entries[first..last.max(first)]
}

fn apply(changes: &[Adjustment], row: usize, start: usize, logits: &mut [f32]) {
    for change in changes.iter().filter(|change| change.row.is_none_or(|of| of == row)) {
        let logit = &mut logits[change.token as usize - start];
        *logit = change.apply(*logit);
    }
}

/// The best tokens and the sum of exponentials of a row so far.
struct Tally {
    k: usize,
    best: Vec<(TokenId, f32)>,
    sum: Option<f32>,
    largest: f32,
    /// What a token has to exceed, where more than a few are asked for.
    worst: f32,
    /// Logits of the tokens that are wanted by themselves.
    also: Vec<f32>,
}

impl Tally {
    fn new(ask: &Ask<'_>, row: usize) -> Tally {
        let sum = ask.log_sum_exp.then_some(0.0);
        // Below every number, negative infinity included: a banned token is still a token.
        let worst = -f32::NAN.abs();
        let also = vec![f32::NEG_INFINITY; ask.also_of(row).len()];
        Tally { k: ask.k, best: Vec::new(), sum, largest: f32::NEG_INFINITY, worst, also }
    }

    /// Adds logits of ascending tokens that are all beyond those added before.
    fn add(&mut self, logits: &[f32], token: impl Fn(usize) -> TokenId) {
        let high = largest(logits);
        if self.sum.is_some() && high > f32::NEG_INFINITY {
            self.add_sum(sum_exp(logits, high), high);
        }
        if self.k == 0 || self.is_beaten(high) {
            return;
        }
        for (at, &logit) in logits.iter().enumerate() {
            if !logit.is_nan() {
                self.insert(token(at), logit);
            }
        }
    }

    /// Adds what another tally has of tokens beyond those added before.
    fn merge(&mut self, other: &Tally) {
        if let Some(sum) = other.sum.filter(|_| other.largest > f32::NEG_INFINITY) {
            self.add_sum(sum, other.largest);
        }
        for &(token, logit) in &other.best {
            self.insert(token, logit);
        }
        for (mine, &theirs) in self.also.iter_mut().zip(&other.also) {
            // Only the chunk that has the token knows more than that it is not there.
            *mine = mine.max(theirs);
        }
    }

    /// Adds a sum of exponentials, each divided by that of `high`.
    fn add_sum(&mut self, added: f32, high: f32) {
        let Some(sum) = &mut self.sum else { return };
        let largest = self.largest.max(high);
        let before = if *sum > 0.0 { *sum * (self.largest - largest).exp() } else { 0.0 };
        *sum = before + added * (high - largest).exp();
        self.largest = largest;
    }

    fn insert(&mut self, token: TokenId, logit: f32) {
        if self.is_beaten(logit) {
            return;
        }
        if self.k <= INSERTED {
            let place = self.best.partition_point(|(_, other)| other.total_cmp(&logit).is_ge());
            self.best.insert(place, (token, logit));
            self.best.truncate(self.k);
        } else {
            self.best.push((token, logit));
            if self.best.len() >= 2 * self.k {
                self.cut();
            }
        }
    }

    /// Whether `k` tokens before are at least as good. Never wrong when it says so; late for many tokens.
    fn is_beaten(&self, logit: f32) -> bool {
        if self.k <= INSERTED {
            return self.best.len() == self.k && self.best[self.k - 1].1.total_cmp(&logit).is_ge();
        }
        self.worst.total_cmp(&logit).is_ge()
    }

    /// Sorts what was gathered and keeps the best `k`.
    fn cut(&mut self) {
        self.best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        self.best.truncate(self.k);
        if let Some(last) = self.best.last().filter(|_| self.best.len() == self.k) {
            self.worst = last.1;
        }
    }

    fn finish(mut self) -> Candidates {
        self.cut();
        let log_sum_exp = self.sum.map_or(f32::NAN, |sum| self.largest + sum.ln());
        Candidates { best: self.best, log_sum_exp, also: self.also, alignment: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(logits: &[f32], k: usize, chunk: usize) {
        let ask = Ask { k, allowed: None, adjust: &[], log_sum_exp: true, also: &[] };
        let mut tally = Tally::new(&ask, 0);
        for (index, part) in logits.chunks(chunk).enumerate() {
            tally.add(part, |at| (index * chunk + at) as TokenId);
        }
        let got = tally.finish();
        let mut ids: Vec<usize> = (0..logits.len()).collect();
        ids.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
        let expected: Vec<(TokenId, f32)> = ids.iter().take(k).map(|&id| (id as TokenId, logits[id])).collect();
        assert_eq!(got.best, expected);
        let exact = logits.iter().map(|x| f64::from(*x).exp()).sum::<f64>().ln();
        assert!((f64::from(got.log_sum_exp) - exact).abs() < 1e-5);
    }

    #[test]
    fn the_best_are_found_whatever_the_chunks() {
        let logits: Vec<f32> = (0..1000).map(|i| ((i * 7919) % 503) as f32 / 50.0 - 5.0).collect();
        for chunk in [1, 7, 100, 1000] {
            for k in [0, 1, 2, 5, 64, 65, 100, 999, 1000, 5000] {
                check(&logits, k, chunk);
            }
        }
    }

    #[test]
    fn equal_logits_come_in_the_order_of_their_ids() {
        check(&[1.0; 40], 5, 16);
    }

    #[test]
    fn banned_tokens_do_not_disturb_the_sum() {
        let mut logits = vec![f32::NEG_INFINITY; 64];
        logits[40] = 2.0;
        check(&logits, 3, 16);
    }
}
