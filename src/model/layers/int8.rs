//! Layers on the CPU in 8 bits: weights quantized once, kept in an image that is mapped into memory and shared.
//!
//! Loading runs twice over a network: a [`Maker`] quantizes the checkpoint's tensors into an image, and [`Int8`] takes layers
//! out of it, which is all that happens when the image is there already.

use super::chunks::{Chunks, Columns, order_by_class};
use super::fused::{FeedForward, Fused, Norm, Projection};
use super::{Activation, Backend, LinearPlan, NormPlan};
use crate::kernels::attention::Bf16;
use crate::kernels::int8::{
    Finish, Matrix, PANEL, QuantizedRows, multiply, multiply_here, pack, padded_inputs, padded_outputs, unpack_row,
};
use crate::model::weights::Weights;
use crate::model::weights::image::{Builder, Image, Part};
use crate::model::{Ask, Candidates, ModelError};
use crate::token::{TokenClasses, TokenId};
use half::f16;
use std::cell::RefCell;
use std::sync::Arc;

/// Panels of the vocabulary that are computed at a time: their logits stay in the cache until the best are taken.
const VOCABULARY_PANELS: usize = 4;
/// Rows that go through a feed-forward layer at a time, so that what lies between its matrices stays in the cache.
const FEED_FORWARD_ROWS: usize = 96;
/// Tables of more numbers than this are kept in 16 bits.
const LARGE_TABLE: usize = 1 << 20;
/// The projection onto the vocabulary.
const VOCABULARY: &str = "vocabulary";

/// Writes a network's tensors into an image.
#[derive(Debug)]
pub struct Maker {
    builder: RefCell<Builder>,
    /// The matrix of the projection, which is not written once more where it is the table of the tokens as well.
    projection: String,
}

impl Maker {
    /// Writes the projection onto the vocabulary; a network is to follow.
    ///
    /// # Errors
    /// The tensor is missing, has another shape or holds what is not a number, or the image cannot be written.
    pub fn new(
        builder: Builder,
        weights: &Weights,
        projection: Projection<'_>,
        classes: &[TokenClasses],
    ) -> Result<Maker, ModelError> {
        let maker = Maker { builder: RefCell::new(builder), projection: projection.name.to_string() };
        maker.vocabulary(weights, projection, classes)?;
        Ok(maker)
    }

    /// The image with all that was written.
    pub fn into_builder(self) -> Builder {
        self.builder.into_inner()
    }

    fn vocabulary(
        &self,
        weights: &Weights,
        projection: Projection<'_>,
        classes: &[TokenClasses],
    ) -> Result<(), ModelError> {
        let (values, bias) = (projection.read(weights)?, projection.read_bias(weights)?);
        let order = column_order(projection.vocab, classes);
        let rows: Vec<f32> = order
            .iter()
            .flat_map(|&id| &values[id as usize * projection.width..(id as usize + 1) * projection.width])
            .copied()
            .collect();
        drop(values);
        let bias: Vec<f32> = order.iter().map(|&id| bias[id as usize]).collect();
        self.matrix(VOCABULARY, (&rows, projection.width), &bias)
    }

    fn matrix(&self, name: &str, (values, inputs): (&[f32], usize), bias: &[f32]) -> Result<(), ModelError> {
        finite(name, values)?;
        finite(name, bias)?;
        let packed = pack(values, inputs);
        let mut padded = bias.to_vec();
        padded.resize(packed.scales.len(), 0.0);
        let mut builder = self.builder.borrow_mut();
        builder.add(&format!("{name}.values"), &packed.values)?;
        builder.add(&format!("{name}.scales"), &packed.scales)?;
        builder.add(&format!("{name}.sums"), &packed.sums)?;
        builder.add(&format!("{name}.bias"), &padded)
    }
}

fn finite(name: &str, values: &[f32]) -> Result<(), ModelError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(ModelError::Weights(format!(
            "tensor {name}: expected finite numbers, got {} at element {at}; the weights are damaged",
            values[at]
        ))),
        None => Ok(()),
    }
}

/// The tokens in the order of their columns: those that are mostly banned together stand together, at the end.
fn column_order(vocab: usize, classes: &[TokenClasses]) -> Vec<TokenId> {
    if classes.len() == vocab { order_by_class(classes) } else { (0..vocab as TokenId).collect() }
}

/// One name for the weights that make one layer.
fn joined(plan: &LinearPlan) -> String {
    plan.weights.join("+")
}

impl Backend for Maker {
    type Linear = ();
    type Norm = ();
    type Table = ();

    fn linear(&self, weights: &Weights, plan: &LinearPlan) -> Result<(), ModelError> {
        let (rows, bias) = super::read_linear(weights, plan)?;
        self.matrix(&joined(plan), (&rows, plan.inputs), &bias)
    }

    fn norm(&self, weights: &Weights, plan: &NormPlan) -> Result<(), ModelError> {
        for part in ["weight", "bias"] {
            let name = format!("{}.{part}", plan.name);
            let values = weights.read(&name, &[plan.width])?;
            finite(&name, &values)?;
            self.builder.borrow_mut().add(&name, &values)?;
        }
        Ok(())
    }

    fn table(&self, weights: &Weights, name: &str, shape: [usize; 2]) -> Result<(), ModelError> {
        if name == self.projection {
            return Ok(());
        }
        let values = weights.read(name, &shape)?;
        finite(name, &values)?;
        if values.len() > LARGE_TABLE {
            let halves: Vec<u16> = values.iter().map(|&value| f16::from_f32(value).to_bits()).collect();
            return self.builder.borrow_mut().add(name, &halves);
        }
        self.builder.borrow_mut().add(name, &values)
    }

    fn computed(&self, _: Vec<f32>, _: [usize; 2]) -> Result<(), ModelError> {
        Ok(())
    }
}

/// The CPU, with 8-bit products: takes layers out of an image.
#[derive(Debug, Clone)]
pub struct Int8 {
    image: Image,
    vocabulary: Arc<Vocabulary>,
    /// Name of the matrix of the projection.
    projection: String,
}

/// A linear layer `x·wᵀ + b`.
#[derive(Debug)]
pub struct Linear {
    values: Part<i8>,
    scales: Part<f32>,
    sums: Part<i32>,
    bias: Part<f32>,
    outputs: usize,
    inputs: usize,
}

/// The projection onto the vocabulary.
#[derive(Debug)]
pub struct Vocabulary {
    matrix: Linear,
    columns: Columns,
}

/// Rows that are looked up.
#[derive(Debug)]
pub enum Table {
    /// Those of the projection onto the vocabulary.
    Tied(Arc<Vocabulary>),
    /// In 16 bits, with the width of a row.
    Halves(Part<u16>, usize),
    /// In 32 bits, likewise.
    Floats(Part<f32>, usize),
    /// Computed at load, likewise.
    Computed(Vec<f32>, usize),
}

/// Buffers of one call.
#[derive(Debug, Default)]
pub struct Scratch {
    rows: QuantizedRows,
    hidden: Vec<f32>,
}

impl Int8 {
    /// Layers of this image.
    ///
    /// # Errors
    /// The image has no such projection.
    pub fn new(image: Image, projection: Projection<'_>, classes: &[TokenClasses]) -> Result<Int8, ModelError> {
        let matrix = matrix(&image, VOCABULARY, projection.shape())?;
        let chunk = VOCABULARY_PANELS * PANEL;
        let columns = if classes.len() == projection.vocab {
            Columns::permuted(column_order(projection.vocab, classes), chunk, classes)
        } else {
            None
        };
        let columns = columns.unwrap_or_else(|| Columns::in_order(projection.vocab, chunk, &[]));
        let vocabulary = Arc::new(Vocabulary { matrix, columns });
        Ok(Int8 { image, vocabulary, projection: projection.name.to_string() })
    }
}

fn matrix(image: &Image, name: &str, [outputs, inputs]: [usize; 2]) -> Result<Linear, ModelError> {
    let columns = padded_outputs(outputs);
    Ok(Linear {
        values: image.part(&format!("{name}.values"), columns * padded_inputs(inputs))?,
        scales: image.part(&format!("{name}.scales"), columns)?,
        sums: image.part(&format!("{name}.sums"), columns)?,
        bias: image.part(&format!("{name}.bias"), columns)?,
        outputs,
        inputs,
    })
}

impl Linear {
    fn view(&self) -> Matrix<'_> {
        Matrix {
            values: &self.values,
            scales: &self.scales,
            sums: &self.sums,
            bias: &self.bias,
            outputs: self.outputs,
            inputs: self.inputs,
        }
    }

    /// `output = finish(rows·wᵀ + b)`.
    fn multiply(&self, rows: &QuantizedRows, output: &mut [f32], finish: Finish) -> Result<(), ModelError> {
        Ok(multiply(rows, (&self.view(), 0..self.outputs.div_ceil(PANEL)), output, finish)?)
    }
}

impl Backend for Int8 {
    type Linear = Linear;
    type Norm = Norm;
    type Table = Table;

    fn linear(&self, _: &Weights, plan: &LinearPlan) -> Result<Linear, ModelError> {
        matrix(&self.image, &joined(plan), [plan.weights.len() * plan.outputs, plan.inputs])
    }

    fn norm(&self, _: &Weights, plan: &NormPlan) -> Result<Norm, ModelError> {
        let read = |part: &str| {
            let part = self.image.part::<f32>(&format!("{}.{part}", plan.name), plan.width)?;
            Ok::<Vec<f32>, ModelError>(part.to_vec())
        };
        Ok(Norm { gamma: read("weight")?, beta: read("bias")? })
    }

    fn table(&self, _: &Weights, name: &str, [rows, width]: [usize; 2]) -> Result<Table, ModelError> {
        Ok(if name == self.projection {
            Table::Tied(self.vocabulary.clone())
        } else if rows * width > LARGE_TABLE {
            Table::Halves(self.image.part(name, rows * width)?, width)
        } else {
            Table::Floats(self.image.part(name, rows * width)?, width)
        })
    }

    fn computed(&self, values: Vec<f32>, shape: [usize; 2]) -> Result<Table, ModelError> {
        Ok(Table::Computed(values, shape[1]))
    }
}

impl Fused for Int8 {
    type Stored = Bf16;
    type Vocabulary = Arc<Vocabulary>;
    type Scratch = Scratch;

    fn vocabulary(&self, _: &Weights, _: Projection<'_>, _: &[TokenClasses]) -> Result<Arc<Vocabulary>, ModelError> {
        Ok(self.vocabulary.clone())
    }

    fn apply(linear: &Linear, x: &[f32], output: &mut [f32], scratch: &mut Scratch) -> Result<(), ModelError> {
        scratch.rows.set(x, linear.inputs);
        linear.multiply(&scratch.rows, output, Finish::Store)
    }

    fn add(
        (linear, norm): (&Linear, Option<&Norm>),
        x: &[f32],
        output: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<(), ModelError> {
        scratch.rows.set(x, linear.inputs);
        linear.multiply(&scratch.rows, output, Finish::Add)?;
        if let Some(norm) = norm {
            norm.apply(output);
        }
        Ok(())
    }

    fn feed_forward(
        (layer, norm): (FeedForward<'_, Linear>, Option<&Norm>),
        x: &[f32],
        output: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<(), ModelError> {
        let FeedForward { expand, contract, activation } = layer;
        let finish = match activation {
            Activation::Swish => Finish::Swish,
            Activation::Relu => Finish::Relu,
            Activation::Gelu => Finish::Gelu,
        };
        let Scratch { rows, hidden } = scratch;
        let parts = x.chunks(FEED_FORWARD_ROWS * expand.inputs);
        for (x, output) in parts.zip(output.chunks_mut(FEED_FORWARD_ROWS * contract.outputs)) {
            hidden.resize(x.len() / expand.inputs * expand.outputs, 0.0);
            rows.set(x, expand.inputs);
            expand.multiply(rows, hidden, finish)?;
            rows.set(hidden, contract.inputs);
            contract.multiply(rows, output, Finish::Add)?;
            if let Some(norm) = norm {
                norm.apply(output);
            }
        }
        Ok(())
    }

    fn look_up(table: &Table, index: usize, row: &mut [f32]) -> bool {
        fn at<T>(values: &[T], index: usize, width: usize) -> Option<&[T]> {
            values.get(index * width..(index + 1) * width)
        }
        match table {
            Table::Tied(vocabulary) => {
                let known = index < vocabulary.matrix.outputs;
                if known {
                    unpack_row(&vocabulary.matrix.view(), vocabulary.columns.column(index as TokenId) as usize, row);
                }
                known
            }
            Table::Halves(values, width) => at(values, index, *width).is_some_and(|halves| {
                for (value, &half) in row.iter_mut().zip(halves) {
                    *value = f16::from_bits(half).to_f32();
                }
                true
            }),
            Table::Floats(values, width) => at(values, index, *width).map(|found| row.copy_from_slice(found)).is_some(),
            Table::Computed(values, width) => {
                at(values, index, *width).map(|found| row.copy_from_slice(found)).is_some()
            }
        }
    }

    fn best(
        vocabulary: &Arc<Vocabulary>,
        (x, allowed): (&[f32], &[TokenClasses]),
        ask: &Ask<'_>,
        scratch: &mut Scratch,
    ) -> Result<Vec<Candidates>, ModelError> {
        scratch.rows.set(x, vocabulary.matrix.inputs);
        let rows = &scratch.rows;
        let matrix = vocabulary.matrix.view();
        let chunks = Chunks { columns: &vocabulary.columns, allowed };
        chunks.best(ask, |columns, logits| {
            logits.resize(rows.rows() * columns.len(), 0.0);
            let panels = columns.start / PANEL..columns.end.div_ceil(PANEL);
            Ok(multiply_here(rows, (&matrix, panels), logits, Finish::Store)?)
        })
    }
}
