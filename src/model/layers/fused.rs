//! What the fused engines on the CPU need of their layers, whatever the numbers are kept as: rows of 32-bit floats go in and
//! come out, and what follows a product (bias, activation, sum, norm) is done with it.

use super::{Activation, Backend, NormKind};
use crate::kernels::attention::Stored;
use crate::kernels::norm;
use crate::model::weights::Weights;
use crate::model::{Ask, Candidates, ModelError};
use crate::token::{TokenClasses, TokenId};

/// A normalization.
#[derive(Debug, Clone)]
pub struct Norm {
    /// `[width]`.
    pub gamma: Vec<f32>,
    /// `[width]`; empty for one that does not shift.
    pub beta: Vec<f32>,
    /// Added to the variance, or the mean of the squares.
    pub epsilon: f32,
    /// What it does.
    pub kind: NormKind,
}

impl Norm {
    /// Normalizes each row.
    pub fn apply(&self, x: &mut [f32]) {
        self.apply_after(x, &[]);
    }

    /// Adds a bias, then normalizes each row.
    pub fn apply_after(&self, x: &mut [f32], bias: &[f32]) {
        match self.kind {
            NormKind::Layer => norm::bias_layer_norm(x, bias, &self.gamma, &self.beta, self.epsilon),
            NormKind::RootMeanSquare => norm::bias_rms_norm(x, bias, &self.gamma, self.epsilon),
        }
    }
}

/// The two matrices of a feed-forward layer: `contract(f(expand(x)))`, or `contract(f(a) × b)` where `expand(x)` is `a` and `b`
/// side by side.
#[derive(Debug)]
pub struct FeedForward<'a, L> {
    /// First matrix.
    pub expand: &'a L,
    /// Second matrix.
    pub contract: &'a L,
    /// Between them.
    pub activation: Activation,
    /// Whether half of what comes out of the first matrix is a factor of the other half.
    pub gated: bool,
}

/// The projection onto the vocabulary, as the checkpoint has it.
#[derive(Debug, Clone, Copy)]
pub struct Projection<'a> {
    /// Name of the matrix, `[vocab, width]`.
    pub name: &'a str,
    /// Name of the bias, `[1, vocab]`; without it, zero.
    pub bias: &'a str,
    /// Number of tokens.
    pub vocab: usize,
    /// Width of the input.
    pub width: usize,
    /// Whether it is computed for selections of the tokens only: it is then kept row by row.
    pub selected: bool,
}

impl Projection<'_> {
    /// Shape of the matrix.
    pub fn shape(&self) -> [usize; 2] {
        [self.vocab, self.width]
    }

    /// Reads the matrix.
    ///
    /// # Errors
    /// It is missing or has another shape.
    pub fn read(&self, weights: &Weights) -> Result<Vec<f32>, ModelError> {
        weights.read(self.name, &self.shape())
    }

    /// Reads the bias, `[vocab]`.
    ///
    /// # Errors
    /// It has another shape, or cannot be read.
    pub fn read_bias(&self, weights: &Weights) -> Result<Vec<f32>, ModelError> {
        match weights.shape(self.bias) {
            Some(_) => weights.read(self.bias, &[1, self.vocab]),
            None => Ok(vec![0.0; self.vocab]),
        }
    }
}

/// A backend on the CPU with products that do what follows them. `x` is `[rows, inputs]`, `output` `[rows, outputs]`;
/// each row's numbers depend on that row only.
pub trait Fused: Backend<Norm = Norm> {
    /// How keys and values are kept.
    type Stored: Stored;
    /// The projection onto the vocabulary.
    type Vocabulary: Send + Sync;
    /// Some tokens of the vocabulary.
    type Selection: Send + Sync;
    /// Buffers of one call.
    type Scratch: Default;

    /// Makes the projection onto the vocabulary; `classes` are those of the tokens, or empty.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    fn vocabulary(
        &self,
        weights: &Weights,
        projection: Projection<'_>,
        classes: &[TokenClasses],
    ) -> Result<Self::Vocabulary, ModelError>;

    /// `output = x·wᵀ + b`.
    ///
    /// # Errors
    /// A slice has the wrong length.
    fn apply(
        linear: &Self::Linear,
        x: &[f32],
        output: &mut [f32],
        scratch: &mut Self::Scratch,
    ) -> Result<(), ModelError>;

    /// `output = output + x·wᵀ + b`, then normalized if there is a norm.
    ///
    /// # Errors
    /// A slice has the wrong length.
    fn add(
        layer: (&Self::Linear, Option<&Norm>),
        x: &[f32],
        output: &mut [f32],
        scratch: &mut Self::Scratch,
    ) -> Result<(), ModelError>;

    /// `output = output + contract(f(expand(x)))`, then normalized if there is a norm.
    ///
    /// # Errors
    /// A slice has the wrong length.
    fn feed_forward(
        layer: (FeedForward<'_, Self::Linear>, Option<&Norm>),
        x: &[f32],
        output: &mut [f32],
        scratch: &mut Self::Scratch,
    ) -> Result<(), ModelError>;

    /// Copies row `index` of a table; answers whether there is one.
    fn look_up(table: &Self::Table, index: usize, row: &mut [f32]) -> bool;

    /// The best tokens of each row of `x`, of those that the row allows: never are all logits of a row in memory at once.
    ///
    /// # Errors
    /// A slice has the wrong length, or a row has no logit that is a number.
    fn best(
        vocabulary: &Self::Vocabulary,
        rows: (&[f32], &[TokenClasses]),
        ask: &Ask<'_>,
        scratch: &mut Self::Scratch,
    ) -> Result<Vec<Candidates>, ModelError>;

    /// Some tokens of the vocabulary, in ascending order, made ready for products with many rows.
    ///
    /// # Errors
    /// There is no such token.
    fn select(vocabulary: &Self::Vocabulary, tokens: Vec<TokenId>) -> Result<Self::Selection, ModelError>;

    /// Logits of the tokens of a selection, `[rows, tokens]`, for `x`.
    ///
    /// # Errors
    /// A slice has the wrong length.
    fn logits(
        vocabulary: &Self::Vocabulary,
        selection: &Self::Selection,
        x_and_logits: (&[f32], &mut Vec<f32>),
        scratch: &mut Self::Scratch,
    ) -> Result<(), ModelError>;

    /// The tokens of a selection.
    fn tokens(selection: &Self::Selection) -> &[TokenId];
}
