//! Rotary position embedding on slices: which elements of a head are rotated together, and how fast.
//!
//! The angles of a call are computed once and used by all layers; there is no table over the whole context.

use std::f64::consts::TAU;

/// Which two elements of a head are rotated together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pairs {
    /// Element `i` and element `i + head_dim / 2` (GPT-NeoX order).
    #[default]
    Halves,
    /// Elements `2i` and `2i + 1` (the order of the original Llama, and of its weights in GGUF).
    Neighbours,
}

/// How frequencies are stretched for contexts longer than those of the first training.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Scaling {
    /// They are not.
    #[default]
    None,
    /// All are divided by a factor (Chen et al. 2023).
    Linear(f64),
    /// Low frequencies are divided by a factor, high ones are not, those between in part (Llama 3.1; `_compute_llama3_parameters`
    /// of transformers).
    Llama3 {
        /// What low frequencies are divided by.
        factor: f64,
        /// Wavelengths above `context / low` are low.
        low: f64,
        /// Wavelengths below `context / high` are high.
        high: f64,
        /// Positions of the first training.
        context: f64,
    },
    /// Low frequencies are divided by a factor, high ones are not, those between in part, and what is rotated grows (`YaRN`, Peng
    /// et al. 2023; `_compute_yarn_parameters` of transformers).
    Yarn(Yarn),
    /// Each has its own divisor (`rope_freqs.weight` of GGUF), `[head_dim / 2]`.
    Divided(Vec<f32>),
}

/// The settings of `YaRN`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Yarn {
    /// What low frequencies are divided by.
    pub factor: f64,
    /// Positions of the first training.
    pub context: f64,
    /// Frequencies of more turns than this over the context are high.
    pub fast: f64,
    /// Those of fewer than this are low.
    pub slow: f64,
    /// Whether the bounds between high, middle and low are moved to whole pairs.
    pub truncate: bool,
    /// What cosines and sines are multiplied with.
    pub scale: f64,
}

impl Yarn {
    /// Turns of high and of low frequencies where nothing is said.
    pub const FAST: f64 = 32.0;
    /// See [`Yarn::FAST`].
    pub const SLOW: f64 = 1.0;

    /// `0.1 weight ln(factor) + 1`: by how much attention is sharpened for a context that is longer by a factor.
    pub fn sharpening(factor: f64, weight: f64) -> f64 {
        if factor <= 1.0 { 1.0 } else { 0.1 * weight * factor.ln() + 1.0 }
    }

    /// The frequency of pair `i` of heads with `head_dim` elements.
    fn stretch(&self, frequency: f64, i: usize, (head_dim, base): (usize, f64)) -> f64 {
        let dim = head_dim as f64;
        // The pair whose frequency turns so often over the context.
        let pair = |turns: f64| dim * (self.context / (turns * TAU)).ln() / (2.0 * base.ln());
        let (low, high) = (pair(self.fast), pair(self.slow));
        let (low, high) = if self.truncate { (low.floor(), high.ceil()) } else { (low, high) };
        let (low, high) = (low.max(0.0), high.min(dim - 1.0));
        let width = if low.to_bits() == high.to_bits() { 0.001 } else { high - low };
        let divided = ((i as f64 - low) / width).clamp(0.0, 1.0);
        frequency / self.factor * divided + frequency * (1.0 - divided)
    }
}

/// The frequencies of a kind of layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotary {
    /// Base of the frequencies.
    pub base: f64,
    /// How they are stretched.
    pub scaling: Scaling,
}

/// Cosines and sines of the positions of a ragged batch, `[tokens, head_dim / 2]` each.
#[derive(Debug, Clone)]
pub struct Rotation {
    half: usize,
    pairs: Pairs,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

/// The frequencies of a model: `base^(-2i / head_dim)` for `i < head_dim / 2` (Su et al. 2021), stretched.
#[derive(Debug, Clone)]
pub struct Frequencies {
    values: Vec<f32>,
    pairs: Pairs,
    /// What cosines and sines are multiplied with.
    scale: f32,
}

impl Frequencies {
    /// The frequencies for heads of `head_dim` elements. Rounded to f32 as the reference does, computed in f64.
    pub fn new(head_dim: usize, rotary: &Rotary, pairs: Pairs) -> Frequencies {
        let frequency = |i: usize| rotary.base.powf(-2.0 * i as f64 / head_dim as f64);
        let values = (0..head_dim / 2).map(|i| stretch(frequency(i), i, (head_dim, rotary)) as f32).collect();
        let scale = if let Scaling::Yarn(yarn) = &rotary.scaling { yarn.scale as f32 } else { 1.0 };
        Frequencies { values, pairs, scale }
    }

    /// The rotation of each of the given positions. The angle is an f32 product, as in the reference; its cosine and
    /// sine are exact to the last place at any position.
    pub fn at(&self, positions: &[usize]) -> Rotation {
        let half = self.values.len();
        let mut cos = Vec::with_capacity(positions.len() * half);
        let mut sin = Vec::with_capacity(positions.len() * half);
        for &position in positions {
            for &frequency in &self.values {
                let (s, c) = f64::from(position as f32 * frequency).sin_cos();
                cos.push(c as f32 * self.scale);
                sin.push(s as f32 * self.scale);
            }
        }
        Rotation { half, pairs: self.pairs, cos, sin }
    }
}

/// The frequency of pair `i` as the scaling has it.
fn stretch(frequency: f64, i: usize, (head_dim, rotary): (usize, &Rotary)) -> f64 {
    match rotary.scaling {
        Scaling::None => frequency,
        Scaling::Linear(factor) => frequency / factor,
        Scaling::Yarn(ref yarn) => yarn.stretch(frequency, i, (head_dim, rotary.base)),
        Scaling::Divided(ref divisors) => frequency / divisors.get(i).copied().map_or(1.0, f64::from),
        Scaling::Llama3 { factor, low, high, context } => {
            let wavelength = TAU / frequency;
            if wavelength > context / low {
                frequency / factor
            } else if wavelength < context / high {
                frequency
            } else {
                let smooth = (context / wavelength - low) / (high - low);
                (1.0 - smooth) * frequency / factor + smooth * frequency
            }
        }
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

    /// Number of tokens.
    pub fn tokens(&self) -> usize {
        self.cos.len() / self.half.max(1)
    }

    /// Which elements are rotated together.
    pub fn pairs(&self) -> Pairs {
        self.pairs
    }

    /// Rotates the heads of token `token` in place: `values` is `[heads, head_dim]`.
    pub fn apply(&self, token: usize, values: &mut [f32]) {
        let cos = &self.cos[token * self.half..(token + 1) * self.half];
        let sin = &self.sin[token * self.half..(token + 1) * self.half];
        for head in values.chunks_exact_mut(2 * self.half) {
            match self.pairs {
                Pairs::Halves => {
                    let (low, high) = head.split_at_mut(self.half);
                    for (((low, high), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
                        let (a, b) = (*low, *high);
                        *low = a * cos - b * sin;
                        *high = b * cos + a * sin;
                    }
                }
                Pairs::Neighbours => {
                    let (pairs, _) = head.as_chunks_mut::<2>();
                    for (([low, high], cos), sin) in pairs.iter_mut().zip(cos).zip(sin) {
                        let (a, b) = (*low, *high);
                        *low = a * cos - b * sin;
                        *high = b * cos + a * sin;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    fn plain(base: f64) -> Rotary {
        Rotary { base, scaling: Scaling::None }
    }

    #[test]
    fn neighbours_are_halves_in_another_order() {
        let values: Vec<f32> = (0..16).map(|i| (i as f32 * 0.7).sin()).collect();
        let mut halves = values.clone();
        // Head by head: element `i` of the first half goes to `2i`, of the second to `2i + 1`.
        let place = |i: usize| i / 8 * 8 + (i % 8) % 4 * 2 + (i % 8) / 4;
        let mut neighbours = vec![0.0; 16];
        for (i, value) in values.iter().enumerate() {
            neighbours[place(i)] = *value;
        }
        Frequencies::new(8, &plain(100.0), Pairs::Halves).at(&[13]).apply(0, &mut halves);
        Frequencies::new(8, &plain(100.0), Pairs::Neighbours).at(&[13]).apply(0, &mut neighbours);
        for (i, value) in halves.iter().enumerate() {
            assert_eq!(*value, neighbours[place(i)]);
        }
    }

    #[test]
    fn scaling_stretches_what_it_should() {
        let of = |scaling| Frequencies::new(16, &Rotary { base: 10_000.0, scaling }, Pairs::Halves).values;
        let plain = of(Scaling::None);
        let linear = of(Scaling::Linear(8.0));
        let llama = of(Scaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, context: 64.0 });
        let divided = of(Scaling::Divided(vec![1.0, 2.0, 4.0, 1.0, 1.0, 1.0, 1.0, 8.0]));
        // Over 64 positions the fastest pair turns 10.2 times, then 3.2, 1.0, 0.3.
        let yarn = Yarn { factor: 4.0, context: 64.0, fast: 4.0, slow: 0.5, truncate: true, scale: 1.0 };
        let yarn = of(Scaling::Yarn(yarn));
        assert_eq!(yarn[0], plain[0]);
        assert!(yarn[1] < plain[1] && yarn[1] > plain[1] / 4.0);
        assert!((yarn[3] - plain[3] / 4.0).abs() < 1e-8 && (yarn[7] - plain[7] / 4.0).abs() < 1e-8);
        for i in 0..8 {
            assert!((linear[i] - plain[i] / 8.0).abs() < 1e-8);
        }
        // Wavelength 6.3 is short, 20 and 63 lie between 16 and 64, those above are long.
        assert_eq!(llama[0], plain[0]);
        assert!(llama[1] < plain[1] && llama[1] > plain[1] / 8.0);
        assert!((llama[3] - plain[3] / 8.0).abs() < 1e-8 && (llama[7] - plain[7] / 8.0).abs() < 1e-8);
        assert_eq!((divided[1], divided[7]), (plain[1] / 2.0, plain[7] / 8.0));
    }

    #[test]
    fn a_rotation_is_a_complex_product() {
        let head_dim = 8;
        let frequencies = Frequencies::new(head_dim, &plain(10_000.0), Pairs::Halves);
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
        let rotation = Frequencies::new(4, &plain(1e6), Pairs::Halves).at(&[0]);
        let mut values = vec![1.0, -2.0, 3.0, -4.0];
        rotation.apply(0, &mut values);
        assert_eq!(values, [1.0, -2.0, 3.0, -4.0]);
    }
}
