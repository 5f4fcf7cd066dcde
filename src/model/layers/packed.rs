//! Layers on the CPU: weights packed at load, rows of 32-bit floats in slices, biases fused with what follows them.

use super::{Activation, Backend, LinearPlan, NormPlan};
use crate::kernels::gemm::{PackedMatrix, Store};
use crate::kernels::topk::Best;
use crate::kernels::{KernelError, activation, norm};
use crate::model::weights::Weights;
use crate::model::{Ask, Candidates, ModelError};

/// Columns of the vocabulary that are computed at a time: their logits stay in the cache until the best are taken.
const VOCABULARY_CHUNK: usize = 1024;
/// Rows that go through a feed-forward layer at a time, so that what lies between its matrices stays in the cache.
const FEED_FORWARD_ROWS: usize = 192;

impl From<KernelError> for ModelError {
    fn from(error: KernelError) -> Self {
        ModelError::Backend(candle_core::Error::wrap(error))
    }
}

/// The CPU, with 32-bit floats.
#[derive(Debug, Clone, Copy, Default)]
pub struct Packed;

/// A linear layer `x·wᵀ + b`.
#[derive(Debug)]
pub struct Linear {
    matrix: PackedMatrix,
    /// As long as the output, or empty.
    bias: Vec<f32>,
}

/// A layer normalization.
#[derive(Debug)]
pub struct Norm {
    gamma: Vec<f32>,
    beta: Vec<f32>,
}

/// Rows that are looked up, or multiplied with to find the likeliest.
#[derive(Debug)]
pub struct Table {
    values: Vec<f32>,
    width: usize,
}

impl Backend for Packed {
    type Linear = Linear;
    type Norm = Norm;
    type Table = Table;

    fn linear(&self, weights: &Weights, plan: &LinearPlan) -> Result<Linear, ModelError> {
        let mut rows = Vec::with_capacity(plan.weights.len() * plan.outputs * plan.inputs);
        for name in &plan.weights {
            rows.extend(weights.read(name, &[plan.outputs, plan.inputs])?);
        }
        let mut bias = Vec::new();
        for name in &plan.biases {
            bias.extend(weights.read(name, &[plan.outputs])?);
        }
        let matrix = PackedMatrix::new(&rows, plan.weights.len() * plan.outputs, plan.inputs)?;
        Ok(Linear { matrix, bias })
    }

    fn norm(&self, weights: &Weights, plan: &NormPlan) -> Result<Norm, ModelError> {
        let read = |part: &str| weights.read(&format!("{}.{part}", plan.name), &[plan.width]);
        Ok(Norm { gamma: read("weight")?, beta: read("bias")? })
    }

    fn table(&self, weights: &Weights, name: &str, shape: [usize; 2]) -> Result<Table, ModelError> {
        self.computed(weights.read(name, &shape)?, shape)
    }

    fn computed(&self, values: Vec<f32>, shape: [usize; 2]) -> Result<Table, ModelError> {
        Ok(Table { values, width: shape[1] })
    }
}

impl Linear {
    /// Width of the output.
    pub fn outputs(&self) -> usize {
        self.matrix.outputs()
    }

    /// `output = x·wᵀ + b`: `x` is `[rows, inputs]`, `output` `[rows, outputs]`.
    ///
    /// # Errors
    /// A slice has the wrong length.
    pub fn apply(&self, x: &[f32], output: &mut [f32]) -> Result<(), ModelError> {
        self.matrix.multiply(x, output, Store::Replace)?;
        norm::add_bias(output, &self.bias);
        Ok(())
    }

    /// `output = output + x·wᵀ`; the bias is left to the norm that follows, see [`Norm::apply_after`].
    ///
    /// # Errors
    /// A slice has the wrong length.
    fn add_product(&self, x: &[f32], output: &mut [f32]) -> Result<(), ModelError> {
        Ok(self.matrix.multiply(x, output, Store::Add)?)
    }

    /// `output = output + x·wᵀ + b`.
    ///
    /// # Errors
    /// A slice has the wrong length.
    pub fn add(&self, x: &[f32], output: &mut [f32]) -> Result<(), ModelError> {
        self.add_product(x, output)?;
        norm::add_bias(output, &self.bias);
        Ok(())
    }

    /// `output = norm(output + x·wᵀ + b)`.
    ///
    /// # Errors
    /// A slice has the wrong length.
    pub fn add_and_norm(&self, x: &[f32], output: &mut [f32], norm: &Norm) -> Result<(), ModelError> {
        self.add_product(x, output)?;
        norm.apply_after(output, &self.bias);
        Ok(())
    }
}

impl Norm {
    /// Normalizes each row.
    pub fn apply(&self, x: &mut [f32]) {
        self.apply_after(x, &[]);
    }

    /// Adds a bias, then normalizes each row.
    fn apply_after(&self, x: &mut [f32], bias: &[f32]) {
        norm::bias_layer_norm(x, bias, &self.gamma, &self.beta, super::NORM_EPSILON);
    }
}

impl Table {
    /// Row `index`.
    pub fn row(&self, index: usize) -> Option<&[f32]> {
        self.values.get(index * self.width..(index + 1) * self.width)
    }
}

/// The two matrices of a feed-forward layer: `output = output + contract(f(expand(x)))`.
#[derive(Debug, Clone, Copy)]
pub struct FeedForward<'a> {
    /// First matrix.
    pub expand: &'a Linear,
    /// Second matrix.
    pub contract: &'a Linear,
    /// Between them.
    pub activation: Activation,
}

impl FeedForward<'_> {
    /// `output = output + contract(f(expand(x)))`, then normalized if there is a norm.
    /// `x` and `output` are `[rows, width]`; `hidden` is scratch space.
    ///
    /// # Errors
    /// A slice has the wrong length.
    pub fn add(
        &self,
        x: &[f32],
        output: &mut [f32],
        norm: Option<&Norm>,
        hidden: &mut Vec<f32>,
    ) -> Result<(), ModelError> {
        let width = self.contract.outputs();
        let inner = self.expand.outputs();
        for (x, output) in x.chunks(FEED_FORWARD_ROWS * width).zip(output.chunks_mut(FEED_FORWARD_ROWS * width)) {
            hidden.resize(x.len() / width * inner, 0.0);
            self.expand.matrix.multiply(x, hidden, Store::Replace)?;
            self.activate(hidden);
            match norm {
                Some(norm) => self.contract.add_and_norm(hidden, output, norm)?,
                None => self.contract.add(hidden, output)?,
            }
        }
        Ok(())
    }

    fn activate(&self, hidden: &mut [f32]) {
        let none;
        let bias = if self.expand.bias.is_empty() {
            none = vec![0.0; self.expand.outputs()];
            &none
        } else {
            &self.expand.bias
        };
        match self.activation {
            Activation::Swish => activation::bias_swish(hidden, bias),
            Activation::Relu => activation::bias_relu(hidden, bias),
            Activation::Gelu => activation::bias_gelu(hidden, bias),
        }
    }
}

/// The projection onto the vocabulary, in chunks of columns.
#[derive(Debug)]
pub struct Vocabulary {
    chunks: Vec<PackedMatrix>,
    /// As long as the vocabulary.
    bias: Vec<f32>,
    width: usize,
}

impl Vocabulary {
    /// Packs a table `[vocab, width]`; `bias` is `[vocab]`.
    ///
    /// # Errors
    /// A slice has the wrong length.
    pub fn new(table: &Table, bias: Vec<f32>) -> Result<Vocabulary, ModelError> {
        let chunks = table
            .values
            .chunks(VOCABULARY_CHUNK * table.width)
            .map(|rows| PackedMatrix::new(rows, rows.len() / table.width, table.width))
            .collect::<Result<_, _>>()?;
        Ok(Vocabulary { chunks, bias, width: table.width })
    }

    /// The best tokens of each row of `x` (`[rows, width]`): never are all logits of a row in memory at once.
    ///
    /// # Errors
    /// A slice has the wrong length, or a row has no logit that is a number.
    pub fn best(&self, x: &[f32], ask: &Ask<'_>) -> Result<Vec<Candidates>, ModelError> {
        let rows = x.len() / self.width.max(1);
        let mut best = vec![Best::new(ask.k); rows];
        let mut logits = Vec::new();
        let mut adjustments: Vec<_> = ask.adjust.to_vec();
        // A stable sort: changes of the same token keep their order.
        adjustments.sort_by_key(|change| change.token);
        let mut first = 0usize;
        for chunk in &self.chunks {
            let columns = chunk.outputs();
            let range = first..first + columns;
            let allowed = ask.allowed.map(|ids| within(ids, &range));
            let skip = allowed.is_some_and(<[_]>::is_empty);
            if !skip {
                logits.clear();
                for _ in 0..rows {
                    logits.extend_from_slice(&self.bias[range.clone()]);
                }
                chunk.multiply(x, &mut logits, Store::Add)?;
                let start = adjustments.partition_point(|change| (change.token as usize) < range.start);
                for change in adjustments[start..].iter().take_while(|change| (change.token as usize) < range.end) {
                    let column = change.token as usize - range.start;
                    let touched = change.row.map_or(0..rows, |row| row..(row + 1).min(rows));
                    for row in touched {
                        let logit = &mut logits[row * columns + column];
                        *logit = change.apply(*logit);
                    }
                }
                for (row, logits) in best.iter_mut().zip(logits.chunks_exact_mut(columns)) {
                    if let Some(allowed) = allowed {
                        ban_others(logits, allowed, range.start);
                    }
                    if ask.log_sum_exp {
                        row.scan_and_sum(logits, first as u32);
                    } else {
                        row.scan(logits, first as u32);
                    }
                }
            }
            first += columns;
        }
        best.into_iter().enumerate().map(|(row, best)| super::candidates(row, best, ask)).collect()
    }
}

/// The ids within a range, out of ids in ascending order.
pub(super) fn within<'a>(ids: &'a [u32], range: &std::ops::Range<usize>) -> &'a [u32] {
    let start = ids.partition_point(|&id| (id as usize) < range.start);
    let end = ids.partition_point(|&id| (id as usize) < range.end);
    &ids[start..end]
}

/// Sets all logits to negative infinity but those of the allowed ids; the first logit is that of id `first`.
pub(super) fn ban_others(logits: &mut [f32], allowed: &[u32], first: usize) {
    let mut next = 0;
    for &id in allowed {
        let Some(column) = (id as usize).checked_sub(first).filter(|&column| column < logits.len()) else { continue };
        logits[next..column.max(next)].fill(f32::NEG_INFINITY);
        next = column + 1;
    }
    logits[next..].fill(f32::NEG_INFINITY);
}
