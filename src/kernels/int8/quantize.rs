//! From floats to bytes: weights symmetric in each output, rows of activations asymmetric in each row.

use super::pack::padded_inputs;
use crate::kernels::{LANES, dispatched};

/// Bytes that a number takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activations {
    /// One: `x ≈ scale · (value − zero)`.
    #[default]
    Bits8,
    /// Two, in planes of their own so that the same kernels multiply them: `x ≈ scale · (256 · (high − zero) + low)`.
    Bits16,
}

impl Activations {
    /// Rows of bytes for a row of numbers.
    pub fn planes(self) -> usize {
        match self {
            Activations::Bits8 => 1,
            Activations::Bits16 => 2,
        }
    }
}

/// Rows of bytes; what they mean is said at [`Activations`].
#[derive(Debug, Clone, Default)]
pub struct QuantizedRows {
    kind: Activations,
    values: Vec<u8>,
    scales: Vec<f32>,
    zeros: Vec<i32>,
    stride: usize,
}

impl QuantizedRows {
    /// Replaces the rows by those of `x`, `[rows, inputs]`, in 8 bits. A row's bytes depend on that row only.
    ///
    /// # Panics
    /// If the slice is no whole number of rows, or `inputs` is 0.
    pub fn set(&mut self, x: &[f32], inputs: usize) {
        self.set_to(x, inputs, Activations::Bits8);
    }

    /// As [`QuantizedRows::set`], in as many bits as wanted.
    ///
    /// # Panics
    /// As [`QuantizedRows::set`].
    pub fn set_to(&mut self, x: &[f32], inputs: usize, kind: Activations) {
        assert!(inputs > 0 && x.len().is_multiple_of(inputs), "whole rows of activations");
        let rows = x.len() / inputs;
        self.kind = kind;
        self.stride = padded_inputs(inputs);
        self.values.resize(rows * kind.planes() * self.stride, 0);
        self.scales.resize(rows, 0.0);
        self.zeros.resize(rows, 0);
        match kind {
            Activations::Bits8 => quantize(x, inputs, self),
            Activations::Bits16 => quantize_wide(x, inputs, self),
        }
    }

    /// What the bytes mean.
    pub fn kind(&self) -> Activations {
        self.kind
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.scales.len()
    }

    /// Bytes of a row, whole groups.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// `[rows, planes, stride]`, of two planes the high bytes first.
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// `[rows]`.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// `[rows]`.
    pub fn zeros(&self) -> &[i32] {
        &self.zeros
    }
}

dispatched! {
    fn quantize(x: &[f32], inputs: usize, rows: &mut QuantizedRows) {
        let _ = FMA;
        let stride = rows.stride;
        let parts = rows.values.chunks_exact_mut(stride).zip(rows.scales.iter_mut().zip(&mut rows.zeros));
        for (x, (values, (scale, zero))) in x.chunks_exact(inputs).zip(parts) {
            let (low, high) = range(x);
            // A row of zeros, or one with infinities, which then gives NaN as it does in floats.
            let step = (high - low) / 255.0;
            let inverse = inverse_of(step);
            let offset = (-low * inverse).round_ties_even();
            *scale = step;
            *zero = offset as i32;
            for (value, &x) in values.iter_mut().zip(x) {
                // Adding 1.5 · 2^23 rounds to the nearest integer and leaves it in the low bits.
                let shifted = (x * inverse + offset).clamp(0.0, 255.0) + 12_582_912.0;
                *value = shifted.to_bits() as u8;
            }
        }
    }
}

dispatched! {
    fn quantize_wide(x: &[f32], inputs: usize, rows: &mut QuantizedRows) {
        let _ = FMA;
        let stride = rows.stride;
        let parts = rows.values.chunks_exact_mut(2 * stride).zip(rows.scales.iter_mut().zip(&mut rows.zeros));
        for (x, (values, (scale, zero))) in x.chunks_exact(inputs).zip(parts) {
            let (low, high) = range(x);
            // Room for the zero point, which is rounded to whole high bytes.
            let step = (high - low) / f32::from(u16::MAX - 256);
            let inverse = inverse_of(step);
            let offset = (-low * inverse / 256.0).ceil();
            *scale = step;
            *zero = offset as i32;
            let offset = offset * 256.0;
            let (highs, lows) = values.split_at_mut(stride);
            for ((high, low), &x) in highs.iter_mut().zip(lows).zip(x) {
                // As above; the low sixteen bits hold the integer.
                let shifted = (x * inverse + offset).clamp(0.0, 65_535.0) + 12_582_912.0;
                let bits = shifted.to_bits();
                *high = (bits >> 8) as u8;
                *low = bits as u8;
            }
        }
    }
}

/// The inverse of a step. Steps so small that theirs is not finite are taken for zero: whole numbers of them are as good as nothing.
#[inline(always)]
fn inverse_of(step: f32) -> f32 {
    if step >= f32::MIN_POSITIVE { 1.0 / step } else { 0.0 }
}

/// Least and greatest element, with zero between them.
#[inline(always)]
fn range(x: &[f32]) -> (f32, f32) {
    let (mut low, mut high) = ([0.0f32; LANES], [0.0f32; LANES]);
    let (blocks, rest) = x.as_chunks::<LANES>();
    for block in blocks {
        for lane in 0..LANES {
            low[lane] = if block[lane] < low[lane] { block[lane] } else { low[lane] };
            high[lane] = if block[lane] > high[lane] { block[lane] } else { high[lane] };
        }
    }
    let low = low.iter().chain(rest).fold(0.0f32, |a, &b| if b < a { b } else { a });
    let high = high.iter().chain(rest).fold(0.0f32, |a, &b| if b > a { b } else { a });
    (low, high)
}

/// Quantizes the weights of one output into `row` (which may be longer: the rest becomes zero); answers the scale.
pub fn quantize_weights(weight: &[f32], row: &mut [i8]) -> f32 {
    let largest = weight.iter().fold(0.0f32, |a, &b| if b.abs() > a { b.abs() } else { a });
    let scale = largest / 127.0;
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    row.fill(0);
    for (q, &w) in row.iter_mut().zip(weight) {
        *q = (w * inverse).round_ties_even().clamp(-127.0, 127.0) as i8;
    }
    scale
}
