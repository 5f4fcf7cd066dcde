//! Root-mean-square normalization of rows, on slices.

// The bodies are compiled once for each instruction set, which only works if they are inlined there.
#![allow(clippy::inline_always)]

use super::spread::for_each_piece;
use super::tiers::{multiply_add, tiers};

/// Lanes of the fixed summation order; a row's result depends on its own elements only.
const LANES: usize = 16;
/// Elements a thread gets at least: less is not worth waking it.
const PIECE: usize = 16 * 1024;

#[inline(always)]
fn rows_body<const FMA: bool>(rows: &mut [f32], weight: &[f32], epsilon: f32) {
    for row in rows.chunks_exact_mut(weight.len()) {
        let mut lanes = [0.0f32; LANES];
        {
            let (blocks, rest) = row.as_chunks::<LANES>();
            for block in blocks {
                for (lane, value) in lanes.iter_mut().zip(block) {
                    *lane = multiply_add::<FMA>(*value, *value, *lane);
                }
            }
            for (lane, value) in lanes.iter_mut().zip(rest) {
                *lane = multiply_add::<FMA>(*value, *value, *lane);
            }
        }
        let mean = lanes.iter().sum::<f32>() / weight.len() as f32;
        let factor = 1.0 / (mean + epsilon).sqrt();
        for (value, weight) in row.iter_mut().zip(weight) {
            *value = *value * factor * weight;
        }
    }
}

tiers! {
    fn normalize_rows(rows: &mut [f32], weight: &[f32], epsilon: f32) => rows_body
}

/// `x / sqrt(mean(x²) + epsilon) * weight` for each row of `weight.len()` elements, in place (Zhang and Sennrich 2019).
pub fn rms_norm(rows: &mut [f32], weight: &[f32], epsilon: f32) {
    let width = weight.len();
    if width == 0 {
        return;
    }
    let piece = PIECE.div_ceil(width) * width;
    for_each_piece(rows, piece, || (), |(), _, rows| normalize_rows(rows, weight, epsilon));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    #[test]
    fn equals_the_formula() {
        for width in [1, 7, 16, 100] {
            let rows: Vec<f32> = (0..3 * width).map(|i| (i as f32 * 0.37).sin() * 3.0).collect();
            let weight: Vec<f32> = (0..width).map(|i| 0.5 + i as f32 * 0.01).collect();
            let mut got = rows.clone();
            rms_norm(&mut got, &weight, 1e-6);
            for (row, got) in rows.chunks(width).zip(got.chunks(width)) {
                let mean = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / width as f64;
                for i in 0..width {
                    let expected = f64::from(row[i]) / (mean + 1e-6).sqrt() * f64::from(weight[i]);
                    assert!((f64::from(got[i]) - expected).abs() < 1e-5);
                }
            }
        }
    }
}
