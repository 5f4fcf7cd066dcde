//! Rotary position embedding in the half-rotation layout (GPT-NeoX order), on slices.
//!
//! The angles of a call are computed once and used by all layers; there is no table over the whole context.

/// Cosines and sines of the positions of a ragged batch, `[tokens, head_dim / 2]` each.
#[derive(Debug, Clone)]
pub struct Rotation {
    half: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

/// The frequencies of a model: `base^(-2i / head_dim)` for `i < head_dim / 2` (Su et al. 2021).
#[derive(Debug, Clone)]
pub struct Frequencies(Vec<f32>);

impl Frequencies {
    /// The frequencies for heads of `head_dim` elements. Rounded to f32 as the reference does, computed in f64.
    pub fn new(head_dim: usize, base: f64) -> Frequencies {
        Frequencies((0..head_dim / 2).map(|i| base.powf(-2.0 * i as f64 / head_dim as f64) as f32).collect())
    }

    /// The rotation of each of the given positions. The angle is an f32 product, as in the reference; its cosine and
    /// sine are exact to the last place at any position.
    pub fn at(&self, positions: &[usize]) -> Rotation {
        let half = self.0.len();
        let mut cos = Vec::with_capacity(positions.len() * half);
        let mut sin = Vec::with_capacity(positions.len() * half);
        for &position in positions {
            for &frequency in &self.0 {
                let (s, c) = f64::from(position as f32 * frequency).sin_cos();
                cos.push(c as f32);
                sin.push(s as f32);
            }
        }
        Rotation { half, cos, sin }
    }
}

impl Rotation {
    /// Cosines, `[tokens, head_dim / 2]`.
    pub fn cos(&self) -> &[f32] {
        &self.cos
    }

    /// Sines, `[tokens, head_dim / 2]`.
    pub fn sin(&self) -> &[f32] {
        &self.sin
    }

    /// Rotates the heads of token `token` in place: `values` is `[heads, head_dim]`; element `i` pairs with
    /// element `i + head_dim / 2`.
    pub fn apply(&self, token: usize, values: &mut [f32]) {
        let cos = &self.cos[token * self.half..(token + 1) * self.half];
        let sin = &self.sin[token * self.half..(token + 1) * self.half];
        for head in values.chunks_exact_mut(2 * self.half) {
            let (low, high) = head.split_at_mut(self.half);
            for (((low, high), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
                let (a, b) = (*low, *high);
                *low = a * cos - b * sin;
                *high = b * cos + a * sin;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    #[test]
    fn a_rotation_is_a_complex_product() {
        let head_dim = 8;
        let frequencies = Frequencies::new(head_dim, 10_000.0);
        let positions = [0, 1, 17, 4000, 31_999];
        let rotation = frequencies.at(&positions);
        for (token, &position) in positions.iter().enumerate() {
            let values: Vec<f32> = (0..2 * head_dim).map(|i| (i as f32 * 0.7).sin()).collect();
            let mut got = values.clone();
            rotation.apply(token, &mut got);
            for head in 0..2 {
                for i in 0..head_dim / 2 {
                    let angle = position as f64 * 10_000f64.powf(-2.0 * i as f64 / head_dim as f64);
                    let (a, b) = (values[head * head_dim + i] as f64, values[head * head_dim + i + 4] as f64);
                    // The product of position and frequency is rounded to f32, hence the bound.
                    let bound = 1e-6 + angle * 1.2e-7;
                    let low = a * angle.cos() - b * angle.sin();
                    let high = b * angle.cos() + a * angle.sin();
                    assert!((f64::from(got[head * head_dim + i]) - low).abs() < bound, "position {position}");
                    assert!((f64::from(got[head * head_dim + i + 4]) - high).abs() < bound, "position {position}");
                }
            }
        }
    }

    #[test]
    fn position_zero_changes_nothing() {
        let rotation = Frequencies::new(4, 1e6).at(&[0]);
        let mut values = vec![1.0, -2.0, 3.0, -4.0];
        rotation.apply(0, &mut values);
        assert_eq!(values, [1.0, -2.0, 3.0, -4.0]);
    }
}
