//! Layer normalization in place, fused with the bias of the projection before it.

use super::{LANES, dispatched, sum_lanes};

dispatched! {
    /// Adds `before` (`[width]`, or empty) to each row of `x` (`[rows, width]`), then normalizes the row to mean 0 and variance
    /// 1, scales it by `gamma` and shifts it by `beta` (`[width]`).
    ///
    /// Layer normalization (Ba et al. 2016) with the biased variance, mean first and deviations second.
    pub fn bias_layer_norm(x: &mut [f32], before: &[f32], gamma: &[f32], beta: &[f32], epsilon: f32) {
        let width = gamma.len().max(1);
        for row in x.chunks_exact_mut(width) {
            for (value, &add) in row.iter_mut().zip(before) {
                *value += add;
            }
            let mean = sum(row) / width as f32;
            let variance = sum_of_squares::<FMA>(row, mean) / width as f32;
            let scale = 1.0 / (variance + epsilon).sqrt();
            for ((value, &g), &b) in row.iter_mut().zip(gamma).zip(beta) {
                *value = super::multiply_add::<FMA>((*value - mean) * scale, g, b);
            }
        }
    }
}

dispatched! {
    /// Adds `before` (`[width]`, or empty) to each row of `x` (`[rows, width]`), then divides the row by the root of the mean of
    /// its squares and scales it by `gamma` (`[width]`).
    ///
    /// Root-mean-square normalization (Zhang and Sennrich 2019), on this thread.
    pub fn bias_rms_norm(x: &mut [f32], before: &[f32], gamma: &[f32], epsilon: f32) {
        let width = gamma.len().max(1);
        for row in x.chunks_exact_mut(width) {
            for (value, &add) in row.iter_mut().zip(before) {
                *value += add;
            }
            let mean = sum_of_squares::<FMA>(row, 0.0) / width as f32;
            let scale = 1.0 / (mean + epsilon).sqrt();
            for (value, &g) in row.iter_mut().zip(gamma) {
                *value = *value * scale * g;
            }
        }
    }
}

dispatched! {
    /// Adds `bias` (`[width]`) to each row of `x` (`[rows, width]`).
    pub fn add_bias(x: &mut [f32], bias: &[f32]) {
        let _ = FMA;
        for row in x.chunks_exact_mut(bias.len().max(1)) {
            for (value, &add) in row.iter_mut().zip(bias) {
                *value += add;
            }
        }
    }
}

#[inline(always)]
fn sum(row: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    rest.iter().fold(sum_lanes(lanes), |sum, &value| sum + value)
}

#[inline(always)]
fn sum_of_squares<const FMA: bool>(row: &[f32], mean: f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            let distance = value - mean;
            *lane = super::multiply_add::<FMA>(distance, distance, *lane);
        }
    }
    rest.iter().fold(sum_lanes(lanes), |sum, &value| sum + (value - mean) * (value - mean))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(row: &[f32], before: &[f32], gamma: &[f32], beta: &[f32], epsilon: f64) -> Vec<f64> {
        let row: Vec<f64> =
            row.iter().enumerate().map(|(i, &v)| f64::from(v + before.get(i).copied().unwrap_or(0.0))).collect();
        let mean = row.iter().sum::<f64>() / row.len() as f64;
        let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / row.len() as f64;
        row.iter()
            .zip(gamma.iter().zip(beta))
            .map(|(v, (&g, &b))| (v - mean) / (variance + epsilon).sqrt() * f64::from(g) + f64::from(b))
            .collect()
    }

    #[test]
    fn agrees_with_the_formula_for_all_widths() {
        for width in [1, 2, 15, 16, 17, 48, 100, 512] {
            let make = |salt: usize| -> Vec<f32> {
                (0..width).map(|i| ((i * 31 + salt * 17) % 23) as f32 / 7.0 - 1.0).collect()
            };
            let (gamma, beta, bias) = (make(1), make(2), make(3));
            let mut x: Vec<f32> = (0..3).flat_map(|row| make(row + 5)).collect();
            for before in [&bias[..], &[]] {
                let expected: Vec<f64> =
                    x.chunks(width).flat_map(|row| reference(row, before, &gamma, &beta, 1e-5)).collect();
                bias_layer_norm(&mut x, before, &gamma, &beta, 1e-5);
                for (&got, &e) in x.iter().zip(&expected) {
                    assert!((f64::from(got) - e).abs() < 2e-5, "width {width}: {got}, expected {e}");
                }
            }
        }
    }

    #[test]
    fn without_mean_and_shift_only_the_length_changes() {
        for width in [1, 15, 16, 17, 100] {
            let make = |salt: usize| -> Vec<f32> {
                (0..width).map(|i| ((i * 31 + salt * 17) % 23) as f32 / 7.0 - 1.0).collect()
            };
            let (gamma, bias) = (make(1), make(3));
            let mut x: Vec<f32> = (0..3).flat_map(|row| make(row + 5)).collect();
            let expected: Vec<f64> = x
                .chunks(width)
                .flat_map(|row| {
                    let row: Vec<f64> = row.iter().zip(&bias).map(|(v, b)| f64::from(v + b)).collect();
                    let mean = row.iter().map(|v| v * v).sum::<f64>() / width as f64;
                    let scaled = row.iter().zip(&gamma).map(|(v, &g)| v / (mean + 1e-6).sqrt() * f64::from(g));
                    scaled.collect::<Vec<f64>>()
                })
                .collect();
            bias_rms_norm(&mut x, &bias, &gamma, 1e-6);
            for (&got, &e) in x.iter().zip(&expected) {
                assert!((f64::from(got) - e).abs() < 2e-5, "width {width}: {got}, expected {e}");
            }
        }
    }

    #[test]
    fn bias_is_added_to_every_row() {
        let mut x = vec![1.0, 2.0, 3.0, 4.0];
        add_bias(&mut x, &[10.0, 20.0]);
        assert_eq!(x, [11.0, 22.0, 13.0, 24.0]);
    }
}
