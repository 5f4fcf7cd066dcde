//! Layers on the CPU in 8 bits: weights quantized once, kept in an image that is mapped into memory and shared.
//!
//! Matrices that the checkpoint has in 8 bits already, with one factor for all, stay as they are.
//!
//! Loading runs twice over a network: a [`Maker`] quantizes the checkpoint's tensors into an image, and [`Int8`] takes layers
//! out of it, which is all that happens when the image is there already.

use super::chunks::{Chunks, Columns, order_by_class};
use super::fused::{FeedForward, Fused, Norm, Projection};
use super::{Activation, Backend, LinearPlan, NormPlan};
use crate::kernels::attention::{Bf16, Stored};
use crate::kernels::int8::{
    Activations, Chosen, Finish, Matrix, PANEL, Packed, QuantizedRows, multiply, multiply_chosen, multiply_here, pack,
    pack_quantized, padded_inputs, padded_outputs, quantize_weights, unpack_row,
};
use crate::model::weights::Weights;
use crate::model::weights::image::{Builder, Image, Part};
use crate::model::{Ask, Candidates, ModelError};
use crate::token::{TokenClasses, TokenId};
use half::f16;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::Arc;

/// Panels of the vocabulary that are computed at a time: their logits stay in the cache until the best are taken.
const VOCABULARY_PANELS: usize = 4;
/// Rows that go through a feed-forward layer at a time, so that what lies between its matrices stays in the cache.
const FEED_FORWARD_ROWS: usize = 96;
/// Tables of more numbers than this are kept in 16 bits.
const LARGE_TABLE: usize = 1 << 20;
/// The projection onto the vocabulary.
const VOCABULARY: &str = "vocabulary";
/// What the parts of a matrix are called that is kept row by row.
const ROWS: &str = "rows";

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
        let bias = projection.read_bias(weights)?;
        finite(projection.bias, &bias)?;
        if projection.selected {
            self.rows(VOCABULARY, weights, projection.name, projection.shape())?;
            return self.builder.borrow_mut().add(&format!("{VOCABULARY}.{ROWS}.bias"), &bias);
        }
        let order = column_order(projection.vocab, classes);
        let width = projection.width;
        let ordered: Vec<f32> = order.iter().map(|&id| bias[id as usize]).collect();
        if let Some((values, scale)) = weights.read_quantized(projection.name, &projection.shape())? {
            let rows = order.iter().map(|&id| (&values[id as usize * width..][..width], scale));
            return self.packed(VOCABULARY, &pack_quantized(rows, projection.vocab, width), &ordered);
        }
        // As floats the matrix would be the largest thing in memory by far: it is quantized as it is read.
        let (values, scales) = quantized_rows(weights, projection.name, projection.shape())?;
        let rows = order.iter().map(|&id| (&values[id as usize * width..][..width], scales[id as usize]));
        let packed = pack_quantized(rows, projection.vocab, width);
        drop(values);
        self.packed(VOCABULARY, &packed, &ordered)
    }

    /// Writes a matrix row by row, with the factor of each row and the sum of its bytes.
    fn rows(&self, part: &str, weights: &Weights, name: &str, shape: [usize; 2]) -> Result<(), ModelError> {
        let [count, width] = shape;
        let (values, scales) = if let Some((values, scale)) = weights.read_quantized(name, &shape)? {
            (values, vec![scale; count])
        } else {
            quantized_rows(weights, name, shape)?
        };
        let sums: Vec<i32> = values.chunks_exact(width).map(|row| row.iter().map(|&q| i32::from(q)).sum()).collect();
        let mut builder = self.builder.borrow_mut();
        builder.add(&format!("{part}.{ROWS}.values"), &values)?;
        builder.add(&format!("{part}.{ROWS}.sums"), &sums)?;
        builder.add(&format!("{part}.{ROWS}.scales"), &scales)
    }

    /// Writes a linear layer as it is in the checkpoint, if all of its matrices are in 8 bits there.
    fn quantized(&self, weights: &Weights, plan: &LinearPlan, bias: &[f32]) -> Result<bool, ModelError> {
        let mut parts = Vec::with_capacity(plan.weights.len());
        for name in &plan.weights {
            match weights.read_quantized(name, &[plan.outputs, plan.inputs])? {
                Some(part) => parts.push(part),
                None => return Ok(false),
            }
        }
        let rows = parts.iter().flat_map(|(values, scale)| values.chunks_exact(plan.inputs).map(|row| (row, *scale)));
        let packed = pack_quantized(rows, plan.weights.len() * plan.outputs, plan.inputs);
        self.packed(&joined(plan), &packed, bias)?;
        Ok(true)
    }

    fn matrix(&self, name: &str, (values, inputs): (&[f32], usize), bias: &[f32]) -> Result<(), ModelError> {
        finite(name, values)?;
        self.packed(name, &pack(values, inputs), bias)
    }

    fn packed(&self, name: &str, packed: &Packed, bias: &[f32]) -> Result<(), ModelError> {
        finite(name, bias)?;
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

/// The rows of a matrix in 8 bits, with the factor of each, quantized as they are read.
fn quantized_rows(weights: &Weights, name: &str, shape: [usize; 2]) -> Result<(Vec<i8>, Vec<f32>), ModelError> {
    let [count, width] = shape;
    let mut values = vec![0i8; count * width];
    let mut scales = Vec::with_capacity(count);
    weights.read_rows(name, shape, |numbers| {
        finite(name, numbers)?;
        let rest = &mut values[scales.len() * width..];
        for (numbers, row) in numbers.chunks_exact(width).zip(rest.chunks_exact_mut(width)) {
            scales.push(quantize_weights(numbers, row));
        }
        Ok(())
    })?;
    Ok((values, scales))
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
        let bias = super::read_bias(weights, plan)?;
        if self.quantized(weights, plan, &bias)? {
            return Ok(());
        }
        let (rows, bias) = super::read_linear(weights, plan)?;
        self.matrix(&joined(plan), (&rows, plan.inputs), &bias)
    }

    fn norm(&self, weights: &Weights, plan: &NormPlan) -> Result<(), ModelError> {
        for part in plan.parts() {
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
        if weights.read_quantized(name, &shape)?.is_some() {
            return self.rows(name, weights, name, shape);
        }
        if shape[0] * shape[1] > LARGE_TABLE {
            let mut halves: Vec<u16> = Vec::with_capacity(shape[0] * shape[1]);
            weights.read_rows(name, shape, |values| {
                finite(name, values)?;
                halves.extend(values.iter().map(|&value| f16::from_f32(value).to_bits()));
                Ok(())
            })?;
            return self.builder.borrow_mut().add(name, &halves);
        }
        let values = weights.read(name, &shape)?;
        finite(name, &values)?;
        self.builder.borrow_mut().add(name, &values)
    }

    fn computed(&self, _: impl FnOnce() -> Vec<f32>, _: [usize; 2]) -> Result<(), ModelError> {
        Ok(())
    }
}

/// How the activations are kept while they are multiplied with 8-bit weights.
pub trait Kept: Send + Sync + 'static {
    /// In the products.
    const ACTIVATIONS: Activations;
    /// In the keys and values of attention.
    type Stored: Stored;
}

/// In 8 bits (W8A8).
#[derive(Debug, Clone, Copy)]
pub struct Bits8;

/// In 16 bits (W8A16): what the weights lost is all that is lost.
#[derive(Debug, Clone, Copy)]
pub struct Bits16;

impl Kept for Bits8 {
    const ACTIVATIONS: Activations = Activations::Bits8;
    type Stored = Bf16;
}

impl Kept for Bits16 {
    const ACTIVATIONS: Activations = Activations::Bits16;
    type Stored = f32;
}

/// The CPU, with 8-bit weights: takes layers out of an image.
#[derive(Debug, Clone)]
pub struct Int8<K> {
    kept: PhantomData<K>,
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
pub enum Vocabulary {
    /// All of it, in panels.
    Panels {
        /// Its columns in an order of their own.
        matrix: Linear,
        /// That order.
        #[doc(hidden)]
        columns: ColumnOrder,
    },
    /// Row by row, for selections.
    Rows {
        /// The matrix.
        rows: Rows,
        /// `[vocab]`.
        bias: Part<f32>,
    },
}

/// The order of the columns, and what may be left out of them (`chunks.rs`).
#[derive(Debug)]
pub struct ColumnOrder(Columns);

/// A matrix row by row.
#[derive(Debug)]
pub struct Rows {
    values: Part<i8>,
    scales: Part<f32>,
    sums: Part<i32>,
    width: usize,
}

/// Some tokens of the vocabulary, with what a product needs to know of each.
#[derive(Debug)]
pub struct Selection {
    tokens: Vec<TokenId>,
    scales: Vec<f32>,
    sums: Vec<i32>,
    bias: Vec<f32>,
}

/// Rows that are looked up.
#[derive(Debug)]
pub enum Table {
    /// Those of the projection onto the vocabulary.
    Tied(Arc<Vocabulary>),
    /// In 8 bits.
    Bytes(Rows),
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
    product: Vec<f32>,
}

impl<K: Kept> Int8<K> {
    /// Layers of this image.
    ///
    /// # Errors
    /// The image has no such projection.
    pub fn new(image: Image, projection: Projection<'_>, classes: &[TokenClasses]) -> Result<Int8<K>, ModelError> {
        if projection.selected {
            let rows = rows(&image, VOCABULARY, projection.shape())?;
            let bias = image.part(&format!("{VOCABULARY}.{ROWS}.bias"), projection.vocab)?;
            let vocabulary = Arc::new(Vocabulary::Rows { rows, bias });
            return Ok(Int8 { kept: PhantomData, image, vocabulary, projection: projection.name.to_string() });
        }
        let matrix = matrix(&image, VOCABULARY, projection.shape())?;
        let chunk = VOCABULARY_PANELS * PANEL;
        let columns = if classes.len() == projection.vocab {
            Columns::permuted(column_order(projection.vocab, classes), chunk, classes)
        } else {
            None
        };
        let columns = columns.unwrap_or_else(|| Columns::in_order(projection.vocab, chunk, &[]));
        let vocabulary = Arc::new(Vocabulary::Panels { matrix, columns: ColumnOrder(columns) });
        Ok(Int8 { kept: PhantomData, image, vocabulary, projection: projection.name.to_string() })
    }
}

fn rows(image: &Image, name: &str, [count, width]: [usize; 2]) -> Result<Rows, ModelError> {
    Ok(Rows {
        values: image.part(&format!("{name}.{ROWS}.values"), count * width)?,
        scales: image.part(&format!("{name}.{ROWS}.scales"), count)?,
        sums: image.part(&format!("{name}.{ROWS}.sums"), count)?,
        width,
    })
}

impl Rows {
    /// Bytes and factor of a row.
    fn row(&self, index: usize) -> Option<(&[i8], f32)> {
        let values = self.values.get(index * self.width..(index + 1) * self.width)?;
        Some((values, *self.scales.get(index)?))
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

impl<K> Backend for Int8<K> {
    type Linear = Linear;
    type Norm = Norm;
    type Table = Table;

    fn linear(&self, _: &Weights, plan: &LinearPlan) -> Result<Linear, ModelError> {
        matrix(&self.image, &joined(plan), [plan.weights.len() * plan.outputs, plan.inputs])
    }

    fn norm(&self, _: &Weights, plan: &NormPlan) -> Result<Norm, ModelError> {
        plan.fused(|part| Ok(self.image.part::<f32>(&format!("{}.{part}", plan.name), plan.width)?.to_vec()))
    }

    fn table(&self, _: &Weights, name: &str, [rows, width]: [usize; 2]) -> Result<Table, ModelError> {
        Ok(if name == self.projection {
            Table::Tied(self.vocabulary.clone())
        } else if self.image.has(&format!("{name}.{ROWS}.values")) {
            Table::Bytes(self::rows(&self.image, name, [rows, width])?)
        } else if rows * width > LARGE_TABLE {
            Table::Halves(self.image.part(name, rows * width)?, width)
        } else {
            Table::Floats(self.image.part(name, rows * width)?, width)
        })
    }

    fn computed(&self, values: impl FnOnce() -> Vec<f32>, shape: [usize; 2]) -> Result<Table, ModelError> {
        Ok(Table::Computed(values(), shape[1]))
    }
}

impl<K: Kept> Fused for Int8<K> {
    type Stored = K::Stored;
    type Vocabulary = Arc<Vocabulary>;
    type Selection = Selection;
    type Scratch = Scratch;

    fn vocabulary(&self, _: &Weights, _: Projection<'_>, _: &[TokenClasses]) -> Result<Arc<Vocabulary>, ModelError> {
        Ok(self.vocabulary.clone())
    }

    fn apply(linear: &Linear, x: &[f32], output: &mut [f32], scratch: &mut Scratch) -> Result<(), ModelError> {
        scratch.rows.set_to(x, linear.inputs, K::ACTIVATIONS);
        linear.multiply(&scratch.rows, output, Finish::Store)
    }

    fn add(
        (linear, norm): (&Linear, Option<&Norm>),
        x: &[f32],
        output: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<(), ModelError> {
        scratch.rows.set_to(x, linear.inputs, K::ACTIVATIONS);
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
        let FeedForward { expand, contract, activation, gated } = layer;
        // What the product does not do itself is done in a pass of its own.
        let (finish, after) = match activation {
            _ if gated => (Finish::Store, None),
            Activation::Swish => (Finish::Swish, None),
            Activation::Relu => (Finish::Relu, None),
            Activation::Gelu => (Finish::Gelu, None),
            Activation::GeluTanh => (Finish::Store, Some(vec![0.0; expand.outputs])),
        };
        let Scratch { rows, hidden, product } = scratch;
        let parts = x.chunks(FEED_FORWARD_ROWS * expand.inputs);
        for (x, output) in parts.zip(output.chunks_mut(FEED_FORWARD_ROWS * contract.outputs)) {
            hidden.resize(x.len() / expand.inputs * expand.outputs, 0.0);
            rows.set_to(x, expand.inputs, K::ACTIVATIONS);
            expand.multiply(rows, hidden, finish)?;
            if let Some(bias) = &after {
                activation.apply(hidden, bias);
            }
            let inner = if gated {
                activation.gate(hidden, contract.inputs, product);
                &*product
            } else {
                &*hidden
            };
            rows.set_to(inner, contract.inputs, K::ACTIVATIONS);
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
        let unpacked = |rows: &Rows, row: &mut [f32]| {
            rows.row(index).is_some_and(|(bytes, scale)| {
                for (value, &byte) in row.iter_mut().zip(bytes) {
                    *value = f32::from(byte) * scale;
                }
                true
            })
        };
        match table {
            Table::Tied(vocabulary) => match &**vocabulary {
                Vocabulary::Panels { matrix, columns } => {
                    let known = index < matrix.outputs;
                    if known {
                        unpack_row(&matrix.view(), columns.0.column(index as TokenId) as usize, row);
                    }
                    known
                }
                Vocabulary::Rows { rows, .. } => unpacked(rows, row),
            },
            Table::Bytes(rows) => unpacked(rows, row),
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
        let Vocabulary::Panels { matrix, columns } = &**vocabulary else {
            return Err(ModelError::State("this vocabulary is computed for selections only".into()));
        };
        scratch.rows.set_to(x, matrix.inputs, K::ACTIVATIONS);
        let rows = &scratch.rows;
        let matrix = matrix.view();
        let chunks = Chunks { columns: &columns.0, allowed };
        chunks.best(ask, |columns, logits| {
            logits.resize(rows.rows() * columns.len(), 0.0);
            let panels = columns.start / PANEL..columns.end.div_ceil(PANEL);
            Ok(multiply_here(rows, (&matrix, panels), logits, Finish::Store)?)
        })
    }

    fn select(vocabulary: &Arc<Vocabulary>, tokens: Vec<TokenId>) -> Result<Selection, ModelError> {
        let Vocabulary::Rows { rows, bias } = &**vocabulary else {
            return Err(ModelError::State("this vocabulary is computed as a whole".into()));
        };
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= bias.len()) {
            return Err(super::unknown_token(token, bias.len()));
        }
        let scales = tokens.iter().map(|&token| rows.scales[token as usize]).collect();
        let sums = tokens.iter().map(|&token| rows.sums[token as usize]).collect();
        let bias = tokens.iter().map(|&token| bias[token as usize]).collect();
        Ok(Selection { tokens, scales, sums, bias })
    }

    fn logits(
        vocabulary: &Arc<Vocabulary>,
        selection: &Selection,
        (x, logits): (&[f32], &mut Vec<f32>),
        scratch: &mut Scratch,
    ) -> Result<(), ModelError> {
        let Vocabulary::Rows { rows, .. } = &**vocabulary else {
            return Err(ModelError::State("this vocabulary is computed as a whole".into()));
        };
        let Selection { tokens, scales, sums, bias } = selection;
        scratch.rows.set_to(x, rows.width, K::ACTIVATIONS);
        logits.resize(scratch.rows.rows() * tokens.len(), 0.0);
        let chosen = Chosen { values: &rows.values, inputs: rows.width, rows: tokens, scales, sums, bias };
        Ok(multiply_chosen(&scratch.rows, &chosen, logits)?)
    }

    fn tokens(selection: &Selection) -> &[TokenId] {
        &selection.tokens
    }
}
