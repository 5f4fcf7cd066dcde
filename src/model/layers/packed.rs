//! Layers on the CPU in 32-bit floats: weights packed at load, biases fused with what follows them.

use super::chunks::{Chunks, Columns};
use super::fused::{FeedForward, Fused, Norm, Projection};
use super::{Activation, Backend, LinearPlan, NormPlan};
use crate::kernels::gemm::{PackedMatrix, Store};
use crate::kernels::{KernelError, norm};
use crate::model::weights::Weights;
use crate::model::{Ask, Candidates, ModelError};
use crate::token::{TokenClasses, TokenId};

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

/// Rows that are looked up.
#[derive(Debug)]
pub struct Table {
    values: Vec<f32>,
    width: usize,
}

/// The projection onto the vocabulary, in chunks of columns.
#[derive(Debug)]
pub struct Vocabulary {
    chunks: Vec<PackedMatrix>,
    /// As long as the vocabulary.
    bias: Vec<f32>,
    columns: Columns,
    /// The matrix as it was before it was packed, `[vocab, width]`, where selections are made of it.
    rows: Vec<f32>,
    width: usize,
}

/// Some tokens of the vocabulary.
#[derive(Debug)]
pub struct Selection {
    tokens: Vec<TokenId>,
    /// None without tokens.
    matrix: Option<PackedMatrix>,
    bias: Vec<f32>,
}

impl Backend for Packed {
    type Linear = Linear;
    type Norm = Norm;
    type Table = Table;

    fn linear(&self, weights: &Weights, plan: &LinearPlan) -> Result<Linear, ModelError> {
        let (rows, bias) = super::read_linear(weights, plan)?;
        let matrix = PackedMatrix::new(&rows, plan.weights.len() * plan.outputs, plan.inputs)?;
        Ok(Linear { matrix, bias })
    }

    fn norm(&self, weights: &Weights, plan: &NormPlan) -> Result<Norm, ModelError> {
        plan.fused(|part| weights.read(&format!("{}.{part}", plan.name), &[plan.width]))
    }

    fn table(&self, weights: &Weights, name: &str, shape: [usize; 2]) -> Result<Table, ModelError> {
        Ok(Table { values: weights.read(name, &shape)?, width: shape[1] })
    }

    fn computed(&self, values: impl FnOnce() -> Vec<f32>, shape: [usize; 2]) -> Result<Table, ModelError> {
        Ok(Table { values: values(), width: shape[1] })
    }
}

impl Fused for Packed {
    type Stored = f32;
    type Vocabulary = Vocabulary;
    type Selection = Selection;
    /// What lies between the matrices of a feed-forward layer.
    type Scratch = Vec<f32>;

    fn vocabulary(
        &self,
        weights: &Weights,
        projection: Projection<'_>,
        classes: &[TokenClasses],
    ) -> Result<Vocabulary, ModelError> {
        let width = projection.width;
        let values = projection.read(weights)?;
        let bias = projection.read_bias(weights)?;
        if projection.selected {
            return Ok(Vocabulary { chunks: Vec::new(), bias, columns: Columns::default(), rows: values, width });
        }
        let chunks = values
            .chunks(VOCABULARY_CHUNK * width)
            .map(|rows| PackedMatrix::new(rows, rows.len() / width, width))
            .collect::<Result<_, _>>()?;
        let columns = Columns::in_order(projection.vocab, VOCABULARY_CHUNK, classes);
        Ok(Vocabulary { chunks, bias, columns, rows: Vec::new(), width })
    }

    fn apply(linear: &Linear, x: &[f32], output: &mut [f32], _: &mut Vec<f32>) -> Result<(), ModelError> {
        linear.matrix.multiply(x, output, Store::Replace)?;
        norm::add_bias(output, &linear.bias);
        Ok(())
    }

    fn add(
        (linear, norm): (&Linear, Option<&Norm>),
        x: &[f32],
        output: &mut [f32],
        _: &mut Vec<f32>,
    ) -> Result<(), ModelError> {
        linear.matrix.multiply(x, output, Store::Add)?;
        match norm {
            Some(norm) => norm.apply_after(output, &linear.bias),
            None => norm::add_bias(output, &linear.bias),
        }
        Ok(())
    }

    fn feed_forward(
        (layer, norm): (FeedForward<'_, Linear>, Option<&Norm>),
        x: &[f32],
        output: &mut [f32],
        hidden: &mut Vec<f32>,
    ) -> Result<(), ModelError> {
        let width = layer.contract.matrix.outputs();
        let inner = layer.expand.matrix.outputs();
        for (x, output) in x.chunks(FEED_FORWARD_ROWS * width).zip(output.chunks_mut(FEED_FORWARD_ROWS * width)) {
            hidden.resize(x.len() / width * inner, 0.0);
            layer.expand.matrix.multiply(x, hidden, Store::Replace)?;
            if layer.gated {
                norm::add_bias(hidden, &layer.expand.bias);
                let mut product = Vec::new();
                layer.activation.gate(hidden, inner / 2, &mut product);
                Self::add((layer.contract, norm), &product, output, &mut Vec::new())?;
                continue;
            }
            activate(layer.expand, layer.activation, hidden);
            Self::add((layer.contract, norm), hidden, output, &mut Vec::new())?;
        }
        Ok(())
    }

    fn look_up(table: &Table, index: usize, row: &mut [f32]) -> bool {
        let found = table.values.get(index * table.width..(index + 1) * table.width);
        if let Some(found) = found {
            row.copy_from_slice(found);
        }
        found.is_some()
    }

    fn best(
        vocabulary: &Vocabulary,
        (x, allowed): (&[f32], &[TokenClasses]),
        ask: &Ask<'_>,
        _: &mut Vec<f32>,
    ) -> Result<Vec<Candidates>, ModelError> {
        let chunks = Chunks { columns: &vocabulary.columns, allowed };
        chunks.best(ask, |columns, logits| {
            logits.clear();
            for _ in allowed {
                logits.extend_from_slice(&vocabulary.bias[columns.clone()]);
            }
            Ok(vocabulary.chunks[columns.start / VOCABULARY_CHUNK].multiply(x, logits, Store::Add)?)
        })
    }

    fn select(vocabulary: &Vocabulary, tokens: Vec<TokenId>) -> Result<Selection, ModelError> {
        let width = vocabulary.width;
        let mut rows = Vec::with_capacity(tokens.len() * width);
        let mut bias = Vec::with_capacity(tokens.len());
        for &token in &tokens {
            let at = token as usize * width;
            let found = vocabulary.rows.get(at..at + width).zip(vocabulary.bias.get(token as usize));
            let (row, add) = found.ok_or_else(|| super::unknown_token(token, vocabulary.bias.len()))?;
            rows.extend_from_slice(row);
            bias.push(*add);
        }
        let matrix = if tokens.is_empty() { None } else { Some(PackedMatrix::new(&rows, tokens.len(), width)?) };
        Ok(Selection { tokens, matrix, bias })
    }

    fn logits(
        _: &Vocabulary,
        selection: &Selection,
        (x, logits): (&[f32], &mut Vec<f32>),
        _: &mut Vec<f32>,
    ) -> Result<(), ModelError> {
        logits.clear();
        let Some(matrix) = &selection.matrix else { return Ok(()) };
        for _ in 0..x.len() / matrix.inputs().max(1) {
            logits.extend_from_slice(&selection.bias);
        }
        Ok(matrix.multiply(x, logits, Store::Add)?)
    }

    fn tokens(selection: &Selection) -> &[TokenId] {
        &selection.tokens
    }
}

fn activate(expand: &Linear, function: Activation, hidden: &mut [f32]) {
    let none;
    let bias = if expand.bias.is_empty() {
        none = vec![0.0; expand.matrix.outputs()];
        &none
    } else {
        &expand.bias
    };
    function.apply(hidden, bias);
}
