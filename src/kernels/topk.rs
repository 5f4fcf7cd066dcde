//! The best tokens of a row and the log of the sum of its exponentials, taken from a vocabulary in pieces.
//!
//! Pieces arrive in ascending order of token; equal logits keep the smaller token first. The order of additions depends on
//! the pieces alone.

use super::{LANES, dispatched, multiply_add, sum_lanes};

/// Columns whose maximum is looked at as one number before they are looked at one by one.
const BLOCK: usize = 64;

/// The `k` best tokens so far, best first.
#[derive(Debug, Clone)]
pub struct Best {
    k: usize,
    items: Vec<(u32, f32)>,
    log_sum_exp: LogSumExp,
}

impl Best {
    /// Nothing seen yet.
    pub fn new(k: usize) -> Best {
        Best { k, items: Vec::with_capacity(k + 1), log_sum_exp: LogSumExp::default() }
    }

    /// Looks at the logits of the tokens from `first` on; negative infinity means that a token is banned.
    pub fn scan(&mut self, logits: &[f32], first: u32) {
        self.look_at(logits, first);
    }

    /// As [`Best::scan`], and adds the logits to the log-sum-exp.
    pub fn scan_and_sum(&mut self, logits: &[f32], first: u32) {
        let max = self.look_at(logits, first);
        self.log_sum_exp.add(logits, max);
    }

    /// Finds the best; answers the maximum.
    fn look_at(&mut self, logits: &[f32], first: u32) -> f32 {
        let mut maxima = [f32::NEG_INFINITY; 32];
        let mut max = f32::NEG_INFINITY;
        for (part, chunk) in logits.chunks(BLOCK * maxima.len()).enumerate() {
            let maxima = &mut maxima[..chunk.len().div_ceil(BLOCK)];
            block_maxima(chunk, maxima);
            for ((block, logits), &largest) in chunk.chunks(BLOCK).enumerate().zip(maxima.iter()) {
                max = if largest > max { largest } else { max };
                if largest <= self.threshold() {
                    continue;
                }
                let start = first as usize + part * BLOCK * 32 + block * BLOCK;
                for (offset, &logit) in logits.iter().enumerate() {
                    self.offer((start + offset) as u32, logit);
                }
            }
        }
        max
    }

    /// Adds what was found in later pieces.
    pub fn append(&mut self, later: Best) {
        for (token, logit) in later.items {
            self.offer(token, logit);
        }
        self.log_sum_exp.pieces.extend(later.log_sum_exp.pieces);
    }

    /// What a logit has to exceed to be among the best.
    fn threshold(&self) -> f32 {
        if self.items.len() < self.k {
            f32::NEG_INFINITY
        } else {
            self.items.last().map_or(f32::INFINITY, |item| item.1)
        }
    }

    fn offer(&mut self, token: u32, logit: f32) {
        // A NaN is not greater than anything: it is never among the best.
        if logit > self.threshold() {
            let place = self.items.partition_point(|item| item.1 >= logit);
            self.items.insert(place, (token, logit));
            self.items.truncate(self.k);
        }
    }

    /// The tokens and their logits, best first.
    pub fn into_items(self) -> Vec<(u32, f32)> {
        self.items
    }

    /// Log of the sum of the exponentials of all logits of [`Best::scan_and_sum`]; negative infinity if there were none.
    pub fn log_sum_exp(&self) -> f32 {
        self.log_sum_exp.value()
    }
}

/// A log of a sum of exponentials. The pieces are summed at the end, so that it does not matter who looked at which.
#[derive(Debug, Clone, Default)]
struct LogSumExp {
    /// Maximum of a piece, and the sum of the exponentials of its distances from it.
    pieces: Vec<(f32, f32)>,
}

impl LogSumExp {
    fn add(&mut self, logits: &[f32], max: f32) {
        if max == f32::NEG_INFINITY && !logits.iter().any(|logit| logit.is_nan()) {
            return;
        }
        self.pieces.push((max, sum_exp(logits, max)));
    }

    fn value(&self) -> f32 {
        let max = self.pieces.iter().fold(f32::NEG_INFINITY, |max, piece| if piece.0 > max { piece.0 } else { max });
        let sum: f64 = self.pieces.iter().map(|&(of, sum)| f64::from(sum) * f64::from(of - max).exp()).sum();
        (f64::from(max) + sum.ln()) as f32
    }
}

dispatched! {
    /// The maximum of each block of 64; what is not a number is passed over.
    fn block_maxima(logits: &[f32], maxima: &mut [f32]) {
        let _ = FMA;
        for (block, largest) in logits.chunks(BLOCK).zip(maxima) {
            *largest = lane_maximum(block);
        }
    }
}

#[inline(always)]
fn lane_maximum(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a })
}

dispatched! {
    /// Σ exp(x − max), with fixed partial sums; `max` is the largest.
    fn sum_exp(logits: &[f32], max: f32) -> f32 {
        let mut lanes = [0.0f32; LANES];
        let (chunks, rest) = logits.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, &value) in lanes.iter_mut().zip(chunk) {
                *lane += exp_below_zero::<FMA>(value - max);
            }
        }
        let mut sum = sum_lanes(lanes);
        for &value in rest {
            sum += exp_below_zero::<FMA>(value - max);
        }
        sum
    }
}

/// eˣ for x ≤ 0, to 5e-6 of itself: the sum over a vocabulary costs as much as a tenth of the products.
///
/// 2ᵗ with t = x / ln 2 in a whole and a fractional part of at most one half, the latter by the Taylor polynomial of degree 5.
#[inline(always)]
fn exp_below_zero<const FMA: bool>(x: f32) -> f32 {
    // Adding 1.5 · 2^23 leaves the nearest integer in the low bits; not a number stays so.
    const ROUND: f32 = 12_582_912.0;
    let t = x * std::f32::consts::LOG2_E;
    let t = if t < -126.0 { -126.0 } else { t };
    let rounded = t + ROUND;
    let f = t - (rounded - ROUND);
    let mut p = 1.333_355_8e-3;
    p = multiply_add::<FMA>(p, f, 9.618_129e-3);
    p = multiply_add::<FMA>(p, f, 5.550_411e-2);
    p = multiply_add::<FMA>(p, f, 2.402_265e-1);
    p = multiply_add::<FMA>(p, f, std::f32::consts::LN_2);
    p = multiply_add::<FMA>(p, f, 1.0);
    p * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn reference(logits: &[f32], k: usize) -> Vec<(u32, f32)> {
        let mut all: Vec<(u32, f32)> =
            (0..).zip(logits.iter().copied()).filter(|item| item.1 > f32::NEG_INFINITY).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(k);
        all
    }

    proptest! {
        #[test]
        fn the_best_of_pieces_are_the_best_of_the_whole(
            logits in prop::collection::vec((-40i32..40).prop_map(|v| v as f32 / 4.0), 1..700),
            k in 0usize..12,
            piece in 1usize..300,
        ) {
            let mut best = Best::new(k);
            for (part, chunk) in logits.chunks(piece).enumerate() {
                best.scan_and_sum(chunk, (part * piece) as u32);
            }
            let expected = logits.iter().map(|&v| f64::from(v).exp()).sum::<f64>().ln();
            prop_assert!((f64::from(best.log_sum_exp()) - expected).abs() < 1e-5);
            prop_assert_eq!(best.into_items(), reference(&logits, k));
        }
    }

    #[test]
    fn long_pieces_are_scanned_to_their_end() {
        let logits: Vec<f32> = (0..10_000).map(|i| ((i * 7919) % 10_007) as f32).collect();
        let mut best = Best::new(9);
        best.scan(&logits, 0);
        assert_eq!(best.into_items(), reference(&logits, 9));
    }

    #[test]
    fn banned_tokens_are_not_among_the_best() {
        let mut best = Best::new(3);
        best.scan_and_sum(&[f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY], 0);
        best.scan_and_sum(&[f32::NEG_INFINITY; 4], 3);
        assert!((best.log_sum_exp() - 1.0).abs() < 1e-6);
        assert_eq!(best.into_items(), [(1, 1.0)]);
    }

    #[test]
    fn what_is_not_a_number_shows_in_the_sum() {
        let mut best = Best::new(1);
        best.scan_and_sum(&[f32::NAN; 20], 0);
        assert!(best.log_sum_exp().is_nan());
        assert!(best.into_items().is_empty());
    }
}
