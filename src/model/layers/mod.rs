//! The building blocks of the networks, for two backends: packed matrices on the CPU, and tensors of Candle on any device.
//!
//! A network is written once over [`Backend`], which turns weights into layers. How the layers are used is each backend's own
//! matter: the packed one fuses, the other is plain and serves as its reference.

mod chunks;
pub mod fused;
pub mod int8;
pub mod packed;
pub mod plain;
pub mod selection;

use super::weights::{Wanted, Weights};
use super::{Ask, Candidates, ModelError};
use crate::kernels::activation;
use crate::kernels::topk::Best;
use crate::token::TokenId;
use std::cell::RefCell;

/// The function between the two matrices of a feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// x·σ(x), also called `SiLU`.
    Swish,
    /// max(x, 0).
    Relu,
    /// x·Φ(x) with the exact error function.
    Gelu,
    /// The same, approximated with a hyperbolic tangent (`gelu_new` and `gelu_pytorch_tanh` of `transformers`).
    GeluTanh,
}

impl Activation {
    /// By its name in a `config.json` of `transformers`, if it is one of those that are computed here.
    pub fn named(name: &str) -> Option<Activation> {
        match name {
            "swish" | "silu" => Some(Activation::Swish),
            "relu" => Some(Activation::Relu),
            "gelu" => Some(Activation::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Some(Activation::GeluTanh),
            _ => None,
        }
    }

    /// The names that [`Activation::named`] knows, for messages.
    pub const NAMES: &'static str = "swish, silu, relu, gelu, gelu_new and gelu_pytorch_tanh";

    /// Adds `bias` (`[width]`) to each row of `x` and applies the function.
    fn apply(self, x: &mut [f32], bias: &[f32]) {
        match self {
            Activation::Swish => activation::bias_swish(x, bias),
            Activation::Relu => activation::bias_relu(x, bias),
            Activation::Gelu => activation::bias_gelu(x, bias),
            Activation::GeluTanh => activation::bias_gelu_tanh(x, bias),
        }
    }

    /// `f(a) × b` for rows `[a, b]` of twice `inner` elements; `output` becomes `[rows, inner]`.
    fn gate(self, rows: &[f32], inner: usize, output: &mut Vec<f32>) {
        output.clear();
        for row in rows.chunks_exact(2 * inner) {
            output.extend_from_slice(&row[..inner]);
        }
        self.apply(output, &vec![0.0; inner]);
        for (row, output) in rows.chunks_exact(2 * inner).zip(output.chunks_exact_mut(inner)) {
            for (output, factor) in output.iter_mut().zip(&row[inner..]) {
                *output *= factor;
            }
        }
    }
}

/// What a normalization does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormKind {
    /// Layer normalization: mean 0, variance 1, scale and shift.
    Layer,
    /// Root-mean-square normalization: mean of the squares 1, scale.
    RootMeanSquare,
}

/// Names and sizes of a linear layer. Several projections of the same input are one layer: their outputs lie side by side.
#[derive(Debug, Clone)]
pub struct LinearPlan {
    /// Names of the weights, each `[outputs, inputs]`.
    pub weights: Vec<String>,
    /// Names of the biases, each `[outputs]`, an empty name where a projection has none; empty if there are none at all.
    pub biases: Vec<String>,
    /// Width of the input.
    pub inputs: usize,
    /// Width of the output of each of the projections.
    pub outputs: usize,
}

/// Name and size of a normalization.
#[derive(Debug, Clone)]
pub struct NormPlan {
    /// Name without `.weight` and `.bias`.
    pub name: String,
    /// Width of its rows.
    pub width: usize,
    /// Added to the variance, or the mean of the squares, before its root is taken.
    pub epsilon: f32,
    /// What it does.
    pub kind: NormKind,
}

impl NormPlan {
    /// The tensors it has, as parts of its name.
    fn parts(&self) -> &'static [&'static str] {
        match self.kind {
            NormKind::Layer => &["weight", "bias"],
            NormKind::RootMeanSquare => &["weight"],
        }
    }

    /// A normalization on slices; `read` reads a part of its name.
    fn fused(&self, read: impl Fn(&str) -> Result<Vec<f32>, ModelError>) -> Result<fused::Norm, ModelError> {
        let beta = if self.kind == NormKind::Layer { read("bias")? } else { Vec::new() };
        Ok(fused::Norm { gamma: read("weight")?, beta, epsilon: self.epsilon, kind: self.kind })
    }
}

/// Where the layers of a network are computed.
pub trait Backend {
    /// A linear layer.
    type Linear;
    /// A normalization.
    type Norm;
    /// A table of rows that are looked up.
    type Table;

    /// Makes a linear layer.
    ///
    /// # Errors
    /// A tensor is missing or has another shape, or the device failed.
    fn linear(&self, weights: &Weights, plan: &LinearPlan) -> Result<Self::Linear, ModelError>;
    /// Makes a normalization.
    ///
    /// # Errors
    /// As [`Backend::linear`].
    fn norm(&self, weights: &Weights, plan: &NormPlan) -> Result<Self::Norm, ModelError>;
    /// Makes a table `[rows, width]` from a tensor of that shape.
    ///
    /// # Errors
    /// As [`Backend::linear`].
    fn table(&self, weights: &Weights, name: &str, shape: [usize; 2]) -> Result<Self::Table, ModelError>;
    /// Makes a table `[rows, width]` from numbers, which are computed where they are needed only.
    ///
    /// # Errors
    /// The device failed.
    fn computed(&self, values: impl FnOnce() -> Vec<f32>, shape: [usize; 2]) -> Result<Self::Table, ModelError>;
}

/// A backend that computes nothing and takes down which tensors a network wants, so that all that is missing can be named at
/// once, before anything large is read.
#[derive(Debug, Default)]
pub struct Inventory {
    wanted: RefCell<Vec<Wanted>>,
}

impl Inventory {
    /// What was asked for.
    pub fn into_wanted(self) -> Vec<Wanted> {
        self.wanted.into_inner()
    }
}

impl Backend for Inventory {
    type Linear = ();
    type Norm = ();
    type Table = ();

    fn linear(&self, _: &Weights, plan: &LinearPlan) -> Result<(), ModelError> {
        let mut wanted = self.wanted.borrow_mut();
        wanted.extend(plan.weights.iter().map(|name| (name.clone(), vec![plan.outputs, plan.inputs])));
        let named = plan.biases.iter().filter(|name| !name.is_empty());
        wanted.extend(named.map(|name| (name.clone(), vec![plan.outputs])));
        Ok(())
    }

    fn norm(&self, _: &Weights, plan: &NormPlan) -> Result<(), ModelError> {
        let mut wanted = self.wanted.borrow_mut();
        wanted.extend(plan.parts().iter().map(|part| (format!("{}.{part}", plan.name), vec![plan.width])));
        Ok(())
    }

    fn table(&self, _: &Weights, name: &str, shape: [usize; 2]) -> Result<(), ModelError> {
        self.wanted.borrow_mut().push((name.to_string(), shape.to_vec()));
        Ok(())
    }

    fn computed(&self, _: impl FnOnce() -> Vec<f32>, _: [usize; 2]) -> Result<(), ModelError> {
        Ok(())
    }
}

/// Weights of a linear layer, `[outputs, inputs]` with those of several projections below each other, and its bias, which is
/// empty if there is none.
///
/// # Errors
/// A tensor is missing or has another shape.
fn read_linear(weights: &Weights, plan: &LinearPlan) -> Result<(Vec<f32>, Vec<f32>), ModelError> {
    let mut rows = Vec::with_capacity(plan.weights.len() * plan.outputs * plan.inputs);
    for name in &plan.weights {
        rows.extend(weights.read(name, &[plan.outputs, plan.inputs])?);
    }
    Ok((rows, read_bias(weights, plan)?))
}

/// The bias of a linear layer, empty if there is none.
///
/// # Errors
/// As [`read_linear`].
fn read_bias(weights: &Weights, plan: &LinearPlan) -> Result<Vec<f32>, ModelError> {
    let mut bias = Vec::new();
    for name in &plan.biases {
        if name.is_empty() {
            bias.resize(bias.len() + plan.outputs, 0.0);
        } else {
            bias.extend(weights.read(name, &[plan.outputs])?);
        }
    }
    Ok(bias)
}

/// The error for a token that a vocabulary does not have.
fn unknown_token(got: TokenId, vocab: usize) -> ModelError {
    ModelError::TokenOutOfRange { vocab, got }
}

/// What was found in one row.
///
/// # Errors
/// There was no logit that is a number: weights that are damaged, or numbers that overflowed.
fn candidates(row: usize, best: Best, ask: &Ask<'_>) -> Result<Candidates, ModelError> {
    let log_sum_exp = if ask.log_sum_exp { best.log_sum_exp() } else { f32::NAN };
    if ask.log_sum_exp && log_sum_exp.is_nan() {
        return Err(ModelError::Weights(format!(
            "row {row} has a logit that is not a number; the weights are damaged"
        )));
    }
    Ok(Candidates { best: best.into_items(), log_sum_exp, also: Vec::new(), alignment: Vec::new() })
}

/// Position vectors `[positions, width]`: sines in the first half of a row, cosines in the second
/// (Vaswani et al. 2017, in the layout of Marian's `transformers` port, computed in 64 bits as there).
pub fn sinusoids(positions: usize, width: usize) -> Vec<f32> {
    let sines = width.div_ceil(2);
    let mut table = vec![0.0f32; positions * width];
    for (position, row) in table.chunks_exact_mut(width.max(1)).enumerate() {
        for (column, value) in row.iter_mut().enumerate() {
            let pair = if column < sines { column } else { column - sines };
            let angle = position as f64 / 10_000f64.powf(2.0 * pair as f64 / width as f64);
            *value = if column < sines { angle.sin() as f32 } else { angle.cos() as f32 };
        }
    }
    table
}

/// Position vectors `[positions, width]` as Marian itself has them: sines in the first half of a row, cosines in the second, of
/// frequencies from 1 down to 1/10000 with both ends included (marian-dev, `src/graph/node_initializers.cpp`).
pub fn sinusoids_of_marian(positions: usize, width: usize) -> Vec<f32> {
    let half = width / 2;
    let step = 10_000f32.ln() / (half as f32 - 1.0);
    let frequencies: Vec<f32> = (0..half).map(|column| (column as f32 * -step).exp()).collect();
    let mut table = vec![0.0f32; positions * width];
    for (position, row) in table.chunks_exact_mut(width.max(1)).enumerate() {
        let (sines, cosines) = row.split_at_mut(half);
        for ((sine, cosine), frequency) in sines.iter_mut().zip(cosines).zip(&frequencies) {
            (*sine, *cosine) = (position as f32 * frequency).sin_cos();
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marian_has_both_ends_of_the_frequencies() {
        let table = sinusoids_of_marian(3, 6);
        assert_eq!(table[..6], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        for (got, expected) in table[12..].iter().zip([2f32.sin(), 0.02f32.sin(), 2e-4f32.sin(), 2f32.cos()]) {
            assert!((got - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn sinusoids_have_sines_before_cosines() {
        let table = sinusoids(3, 4);
        assert_eq!(table[..4], [0.0, 0.0, 1.0, 1.0]);
        let (fast, slow) = (2f64, 2f64 / 100.0);
        let expected = [fast.sin(), slow.sin(), fast.cos(), slow.cos()].map(|value| value as f32);
        assert_eq!(table[8..], expected);
    }
}
