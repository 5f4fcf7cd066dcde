//! Vectorizable exponentials on slices: the gated activation of decoder-only models, and sums of exponentials.
//!
//! The scalar exponential of the maths library costs more than the products around it when it runs over a vocabulary.

// The bodies are compiled once for each instruction set, which only works if they are inlined there.
#![allow(clippy::inline_always)]

use super::tiers::{multiply_add, tiers};

/// Lanes of the fixed summation order; a row's sum depends on its own elements only.
const LANES: usize = 16;

/// `exp(x)` to within 2 units in the last place on -87..=88; 0 below, saturated above.
///
/// Range reduction by powers of two and a polynomial of degree 6 on ±ln(2)/2 (Cody and Waite 1980).
#[inline(always)]
fn exp<const FMA: bool>(x: f32) -> f32 {
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = if x < -87.0 { -87.0 } else { x };
    let clamped = if clamped > 88.0 { 88.0 } else { clamped };
    let shifted = multiply_add::<FMA>(clamped, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = multiply_add::<FMA>(n, -LN2_HIGH, clamped);
    let r = multiply_add::<FMA>(n, -LN2_LOW, r);
    let mut p = 1.0 / 720.0;
    p = multiply_add::<FMA>(p, r, 1.0 / 120.0);
    p = multiply_add::<FMA>(p, r, 1.0 / 24.0);
    p = multiply_add::<FMA>(p, r, 1.0 / 6.0);
    p = multiply_add::<FMA>(p, r, 0.5);
    p = multiply_add::<FMA>(p, r, 1.0);
    p = multiply_add::<FMA>(p, r, 1.0);
    let power = f32::from_bits((shifted.to_bits().wrapping_add(127)) << 23);
    if x < -87.0 { 0.0 } else { p * power }
}

#[inline(always)]
fn gate_body<const FMA: bool>(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        let x = *gate;
        *gate = x / (1.0 + exp::<FMA>(-x)) * up;
    }
}

tiers! {
    /// `gate[i] = silu(gate[i]) * up[i]` with `silu(x) = x / (1 + exp(-x))` (`SwiGLU`, Shazeer 2020).
    pub fn swiglu(gate: &mut [f32], up: &[f32]) => gate_body
}

/// What a gate is put through before it multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// `x / (1 + exp(-x))` (`SwiGLU`, Shazeer 2020).
    #[default]
    Silu,
    /// The tanh form of GELU (Hendrycks and Gimpel 2016): `x / (1 + exp(-2u))` with `u = √(2/π) (x + 0.044715 x³)`.
    GeluTanh,
}

impl Activation {
    /// `gate[i] = activation(gate[i]) * up[i]`.
    pub fn gate(self, gate: &mut [f32], up: &[f32]) {
        match self {
            Activation::Silu => swiglu(gate, up),
            Activation::GeluTanh => geglu(gate, up),
        }
    }
}

#[inline(always)]
fn gelu_body<const FMA: bool>(gate: &mut [f32], up: &[f32]) {
    // √(8/π): twice the factor in the formula.
    const FACTOR: f32 = 1.595_769;
    for (gate, up) in gate.iter_mut().zip(up) {
        let x = *gate;
        let inner = FACTOR * x * multiply_add::<FMA>(0.044_715 * x, x, 1.0);
        *gate = x / (1.0 + exp::<FMA>(-inner)) * up;
    }
}

tiers! {
    /// `gate[i] = gelu(gate[i]) * up[i]`, the tanh form.
    pub fn geglu(gate: &mut [f32], up: &[f32]) => gelu_body
}

#[inline(always)]
fn soft_cap_body<const FMA: bool>(values: &mut [f32], cap: f32) {
    // `tanh(x) = 1 - 2 / (exp(2x) + 1)`, to within an ulp of 1.
    let factor = 2.0 / cap;
    for value in values {
        *value = cap - 2.0 * cap / (exp::<FMA>(*value * factor) + 1.0);
    }
}

tiers! {
    /// `value = cap * tanh(value / cap)`: nearly what it was where it is small, and never beyond the cap (Gemma 2).
    pub fn soft_cap(values: &mut [f32], cap: f32) => soft_cap_body
}

#[inline(always)]
fn largest_body<const FMA: bool>(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for (lane, value) in lanes.iter_mut().zip(block) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane = if *value > *lane { *value } else { *lane };
    }
    lanes.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

tiers! {
    /// The largest value; negative infinity of nothing. NaN is passed over.
    pub fn largest(values: &[f32]) -> f32 => largest_body
}

#[inline(always)]
fn sum_exp_body<const FMA: bool>(values: &[f32], largest: f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for (lane, value) in lanes.iter_mut().zip(block) {
            *lane += exp::<FMA>(value - largest);
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane += exp::<FMA>(value - largest);
    }
    lanes.iter().sum()
}

tiers! {
    /// Sum of `exp(value - largest)`, in a fixed order of summation.
    pub fn sum_exp(values: &[f32], largest: f32) -> f32 => sum_exp_body
}

#[inline(always)]
fn softmax_body<const FMA: bool>(values: &mut [f32]) {
    let largest = largest_body::<FMA>(values);
    let mut lanes = [0.0f32; LANES];
    {
        let (blocks, rest) = values.as_chunks_mut::<LANES>();
        for block in blocks {
            for (lane, value) in lanes.iter_mut().zip(block) {
                *value = exp::<FMA>(*value - largest);
                *lane += *value;
            }
        }
        for (lane, value) in lanes.iter_mut().zip(rest) {
            *value = exp::<FMA>(*value - largest);
            *lane += *value;
        }
    }
    let inverse = 1.0 / lanes.iter().sum::<f32>();
    for value in values {
        *value *= inverse;
    }
}

tiers! {
    /// Turns scores into probabilities in place, in a fixed order of summation.
    pub fn softmax(values: &mut [f32]) => softmax_body
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    #[test]
    fn exponential_is_close_over_its_whole_range() {
        let mut x = -87.0f32;
        while x < 88.0 {
            let expected = f64::from(x).exp();
            for got in [exp::<false>(x), exp::<true>(x)] {
                let error = ((f64::from(got) - expected) / expected).abs();
                assert!(error < 3e-7, "exp({x}) = {got}, expected {expected}");
            }
            x += 0.0137;
        }
        assert_eq!(exp::<true>(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp::<false>(-1000.0), 0.0);
        assert_eq!(exp::<true>(0.0), 1.0);
    }

    #[test]
    fn swiglu_is_the_formula() {
        let gate: Vec<f32> = (0..100).map(|i| (i as f32 - 50.0) * 0.37).collect();
        let up: Vec<f32> = (0..100).map(|i| (i as f32).sin()).collect();
        let mut got = gate.clone();
        swiglu(&mut got, &up);
        for i in 0..gate.len() {
            let x = f64::from(gate[i]);
            let expected = x / (1.0 + (-x).exp()) * f64::from(up[i]);
            assert!((f64::from(got[i]) - expected).abs() < 2e-6 * expected.abs().max(1.0));
        }
    }

    #[test]
    fn a_soft_cap_is_the_formula() {
        for cap in [2.0f32, 30.0, 50.0] {
            let values: Vec<f32> = (0..401).map(|i| (i as f32 - 200.0) * 0.73).chain([0.0, 1e9, -1e9]).collect();
            let mut got = values.clone();
            soft_cap(&mut got, cap);
            for (value, got) in values.iter().zip(got) {
                let expected = f64::from(cap) * (f64::from(*value) / f64::from(cap)).tanh();
                assert!((f64::from(got) - expected).abs() < 3e-7 * f64::from(cap), "{value} to {got}, cap {cap}");
            }
        }
    }

    #[test]
    fn geglu_is_the_formula() {
        let gate: Vec<f32> = (0..100).map(|i| (i as f32 - 50.0) * 0.37).collect();
        let up: Vec<f32> = (0..100).map(|i| (i as f32).sin()).collect();
        let mut got = gate.clone();
        Activation::GeluTanh.gate(&mut got, &up);
        for i in 0..gate.len() {
            let x = f64::from(gate[i]);
            let tanh = ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh();
            let expected = 0.5 * x * (1.0 + tanh) * f64::from(up[i]);
            assert!((f64::from(got[i]) - expected).abs() < 4e-6 * expected.abs().max(1.0), "{x}");
        }
    }

    #[test]
    fn softmax_sums_to_one_and_keeps_order() {
        for length in [1, 2, 15, 16, 17, 100] {
            let scores: Vec<f32> = (0..length).map(|i| ((i * 7) % 11) as f32 - 90.0).collect();
            let mut got = scores.clone();
            softmax(&mut got);
            let total: f64 = scores.iter().map(|s| f64::from(s + 90.0).exp()).sum();
            for (score, got) in scores.iter().zip(&got) {
                assert!((f64::from(*got) - f64::from(score + 90.0).exp() / total).abs() < 1e-6);
            }
            let high = largest(&scores);
            let sum = sum_exp(&scores, high);
            assert!((f64::from(sum) - scores.iter().map(|s| f64::from(s - high).exp()).sum::<f64>()).abs() < 1e-5);
        }
        assert_eq!(largest(&[]), f32::NEG_INFINITY);
    }
}
