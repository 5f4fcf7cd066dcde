//! The exponential, and the activation functions of the feed-forward layers, fused with the bias that goes before them.

use super::{dispatched, multiply_add};

/// Nearest integer by adding and subtracting 1.5 × 2²³: works in every instruction set.
const ROUND: f32 = 12_582_912.0;
const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// ln 2 in two parts, the first with few enough bits that its product with an integer below 2⁸ is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Below this the result would not be a normal number; the kernel stops there.
const LOWEST: f32 = -87.0;
const HIGHEST: f32 = 88.0;

/// eˣ for one element, without branches, so that a loop over it is vectorized. Relative error below 3e-7 in [-87, 88];
/// outside, the value at the end of the range.
///
/// Range reduction to |r| ≤ ln 2 / 2 and a polynomial of degree 7 in r (coefficients of Cephes' `expf`).
#[inline(always)]
pub(crate) fn exp<const FMA: bool>(x: f32) -> f32 {
    // Written so that what is not a number stays so.
    let x = if x < LOWEST { LOWEST } else { x };
    let x = if x > HIGHEST { HIGHEST } else { x };
    let rounded = multiply_add::<FMA>(x, LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = multiply_add::<FMA>(n, -LN_2_HIGH, x);
    let r = multiply_add::<FMA>(n, -LN_2_LOW, r);
    let mut p = 1.987_569_1e-4;
    p = multiply_add::<FMA>(p, r, 1.398_199_9e-3);
    p = multiply_add::<FMA>(p, r, 8.333_452e-3);
    p = multiply_add::<FMA>(p, r, 4.166_579_6e-2);
    p = multiply_add::<FMA>(p, r, 1.666_666_5e-1);
    p = multiply_add::<FMA>(p, r, 0.5);
    p = multiply_add::<FMA>(p, r * r, r) + 1.0;
    // The low bits of `rounded` hold n: moved into the exponent they are 2ⁿ.
    p * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

/// x·σ(x) for one element.
#[inline(always)]
pub(crate) fn swish<const FMA: bool>(x: f32) -> f32 {
    x / (1.0 + exp::<FMA>(-x))
}

/// x·Φ(x) for one element, with the exact error function.
#[inline(always)]
pub(crate) fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + candle_core::cpu::erf::erf_f32(x * std::f32::consts::FRAC_1_SQRT_2))
}

dispatched! {
    /// Adds `bias` (`[width]`) to each row of `x` (`[rows, width]`) and applies x·σ(x), called swish or `SiLU`.
    pub fn bias_swish(x: &mut [f32], bias: &[f32]) {
        for row in x.chunks_exact_mut(bias.len().max(1)) {
            for (value, &add) in row.iter_mut().zip(bias) {
                *value = swish::<FMA>(*value + add);
            }
        }
    }
}

dispatched! {
    /// Adds `bias` (`[width]`) to each row of `x` (`[rows, width]`) and sets what is negative to zero.
    pub fn bias_relu(x: &mut [f32], bias: &[f32]) {
        let _ = FMA;
        for row in x.chunks_exact_mut(bias.len().max(1)) {
            for (value, &add) in row.iter_mut().zip(bias) {
                let z = *value + add;
                *value = if z > 0.0 { z } else { 0.0 };
            }
        }
    }
}

/// Adds `bias` (`[width]`) to each row of `x` (`[rows, width]`) and applies x·Φ(x) with the exact error function.
pub fn bias_gelu(x: &mut [f32], bias: &[f32]) {
    for row in x.chunks_exact_mut(bias.len().max(1)) {
        for (value, &add) in row.iter_mut().zip(bias) {
            *value = gelu(*value + add);
        }
    }
}

dispatched! {
    /// Adds `bias` (`[width]`) to each row of `x` (`[rows, width]`) and applies x·(1 + tanh(√(2/π)·(x + 0.044715 x³)))/2, the
    /// approximation of x·Φ(x) by Hendrycks and Gimpel 2016.
    pub fn bias_gelu_tanh(x: &mut [f32], bias: &[f32]) {
        // (1 + tanh z)/2 is σ(2z).
        const TWICE_ROOT: f32 = 1.595_769;
        for row in x.chunks_exact_mut(bias.len().max(1)) {
            for (value, &add) in row.iter_mut().zip(bias) {
                let z = *value + add;
                let inner = TWICE_ROOT * z * multiply_add::<FMA>(0.044_715 * z, z, 1.0);
                *value = z / (1.0 + exp::<FMA>(-inner));
            }
        }
    }
}

dispatched! {
    /// Turns `scores` into the numerators of a softmax and answers their sum.
    pub fn exp_minus_max(scores: &mut [f32]) -> f32 {
        let mut largest = f32::NEG_INFINITY;
        for &score in scores.iter() {
            largest = if score > largest { score } else { largest };
        }
        let mut lanes = [0.0f32; super::LANES];
        let mut chunks = scores.chunks_exact_mut(super::LANES);
        for chunk in &mut chunks {
            for (score, lane) in chunk.iter_mut().zip(&mut lanes) {
                *score = exp::<FMA>(*score - largest);
                *lane += *score;
            }
        }
        let mut sum = super::sum_lanes(lanes);
        for score in chunks.into_remainder() {
            *score = exp::<FMA>(*score - largest);
            sum += *score;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn inputs() -> Vec<f32> {
        (-4000..4000).map(|i| i as f32 * 0.0217).collect()
    }

    #[test]
    fn exp_agrees_with_the_standard_library() {
        for x in inputs() {
            for got in [exp::<false>(x), exp::<true>(x)] {
                let expected = f64::from(x.clamp(LOWEST, HIGHEST)).exp();
                assert!((f64::from(got) / expected - 1.0).abs() < 3e-7, "exp({x}) = {got}, expected {expected}");
            }
        }
        assert_eq!(exp::<true>(0.0).to_bits(), 1f32.to_bits());
    }

    fn check(kernel: fn(&mut [f32], &[f32]), reference: fn(f64) -> f64) {
        let bias: Vec<f32> = (0..37).map(|i| (i as f32 - 18.0) * 0.1).collect();
        let mut x: Vec<f32> = (0..37 * 5).map(|i| (i as f32 - 90.0) * 0.2).collect();
        let before = x.clone();
        kernel(&mut x, &bias);
        for (i, (&got, &x)) in x.iter().zip(&before).enumerate() {
            let expected = reference(f64::from(x + bias[i % 37]));
            assert!((f64::from(got) - expected).abs() < 1e-5, "element {i}: {got}, expected {expected}");
        }
    }

    #[test]
    fn swish_agrees_with_its_formula() {
        check(bias_swish, |z| z / (1.0 + (-z).exp()));
    }

    #[test]
    fn relu_agrees_with_its_formula() {
        check(bias_relu, |z| z.max(0.0));
    }

    #[test]
    fn gelu_agrees_with_its_formula() {
        check(bias_gelu, |z| 0.5 * z * (1.0 + candle_core::cpu::erf::erf_f64(z / 2f64.sqrt())));
    }

    #[test]
    fn the_approximation_of_gelu_agrees_with_its_formula() {
        let root = (2.0 / std::f64::consts::PI).sqrt();
        check(bias_gelu_tanh, |z| {
            0.5 * z * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (z + 0.044_715 * z.powi(3))).tanh())
        });
        assert!((root * 2.0 - f64::from(1.595_769_f32)).abs() < 2e-7);
    }

    #[test]
    fn softmax_numerators_and_their_sum_agree_for_all_lengths() {
        for length in 1..70 {
            let mut scores: Vec<f32> = (0..length).map(|i| ((i * 37) % 11) as f32 - 5.0).collect();
            let expected: Vec<f64> = {
                let largest = scores.iter().copied().fold(f32::MIN, f32::max);
                scores.iter().map(|&s| f64::from(s - largest).exp()).collect()
            };
            let sum = exp_minus_max(&mut scores);
            assert!((f64::from(sum) - expected.iter().sum::<f64>()).abs() < 1e-5);
            assert!(scores.iter().zip(&expected).all(|(&got, &e)| (f64::from(got) - e).abs() < 1e-6));
        }
    }
}
