//! A linear layer over a matrix of a checkpoint, the same for a row whatever rows stand beside it.
//!
//! On the CPU matrices in a format of `low_bit` are multiplied as they are. Others become `Q8_0` piece by piece as they
//! are read, or f32 where exactness is asked for. On other devices Candle multiplies.

use std::ops::Range;
use std::sync::OnceLock;

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{Device, Module, Tensor};
use rayon::prelude::*;

use super::Wide;
use crate::kernels::exponential::Activation;
use crate::kernels::gemm::{self, PackedMatrix};
use crate::kernels::low_bit::{self, Activations, Blocks, Format, LowBitMatrix, Product, Store};
use crate::kernels::spread::for_each_piece;
use crate::model::mapped::MappedTensors;
use crate::model::{LoadOptions, ModelError, Precision};

/// Rows that are quantized at a time by a thread.
const QUANTIZED_ROWS: usize = 32;
/// Elements of the activation a thread gets at least.
const ACTIVATION_PIECE: usize = 8 * 1024;

/// Where matrices come from, and how they are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loading<'a> {
    pub tensors: &'a MappedTensors,
    pub options: &'a LoadOptions,
    /// What happens to 32-bit matrices.
    pub wide: Wide,
}

/// A matrix of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix<'a> {
    /// Its name.
    pub name: &'a str,
    /// Rows, that is outputs of the whole layer.
    pub rows: usize,
    /// Elements of a row, that is inputs.
    pub elements: usize,
}

/// `y = x Wᵀ + b`.
#[derive(Debug)]
pub(super) struct Linear {
    weights: Weights,
    bias: Option<Bias>,
}

#[derive(Debug)]
enum Weights {
    LowBit(LowBitMatrix),
    Full(PackedMatrix),
    Device(QMatMul),
}

/// A bias, for slices and for tensors.
#[derive(Debug)]
struct Bias {
    values: Vec<f32>,
    tensor: Tensor,
}

/// Rows that several layers multiply: quantized once, when the first of them asks for it.
pub(super) struct Input<'a> {
    values: &'a [f32],
    width: usize,
    quantized: [OnceLock<Activations>; 2],
}

impl<'a> Input<'a> {
    /// `values` is `[rows, width]`.
    pub(super) fn new(values: &'a [f32], width: usize) -> Input<'a> {
        Input { values, width, quantized: [const { OnceLock::new() }; 2] }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    fn quantized(&self, blocks: Blocks) -> &Activations {
        let cell = match blocks {
            Blocks::Small => &self.quantized[0],
            Blocks::Large => &self.quantized[1],
        };
        cell.get_or_init(|| Activations::new(self.values, self.width, blocks))
    }
}

/// A layer and where its output goes: `[rows, outputs]`.
pub(super) struct Output<'a> {
    pub linear: &'a Linear,
    pub values: &'a mut [f32],
    pub store: Keep,
}

/// What happens with the numbers that are in the output already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Nothing,
    /// The layer's answer is added to them.
    Sum,
}

impl Linear {
    /// Rows `rows` of a matrix.
    ///
    /// # Errors
    /// A tensor is missing, has another shape, or the backend failed.
    pub(super) fn load(from: Loading<'_>, matrix: Matrix<'_>, rows: Range<usize>) -> Result<Linear, ModelError> {
        let Loading { tensors, options, wide } = from;
        let device = &options.device;
        let shape = (matrix.rows, matrix.elements);
        let exact = options.precision == Precision::F32;
        let weights = if device.is_cpu() {
            let (dtype, bytes) = tensors.blocks(matrix.name, shape, rows.clone())?;
            let kept = exact
                || dtype == GgmlDType::F32 && wide == Wide::Kept && options.precision != Precision::Int8
                || !matrix.elements.is_multiple_of(GgmlDType::Q8_0.block_size());
            match format(dtype) {
                Some(format) if !exact => {
                    Weights::LowBit(LowBitMatrix::pack(format, bytes, rows.len(), matrix.elements)?)
                }
                _ if kept => {
                    let weights = tensors.matrix(matrix.name, shape, rows.clone(), device)?.dequantize(device)?;
                    let weights = weights.flatten_all()?.to_vec1()?;
                    Weights::Full(PackedMatrix::new(&weights, rows.len(), matrix.elements)?)
                }
                _ => {
                    let bytes = quantize(tensors, matrix, rows.clone())?;
                    Weights::LowBit(LowBitMatrix::pack(Format::Q8_0, &bytes, rows.len(), matrix.elements)?)
                }
            }
        } else {
            let weights = tensors.matrix(matrix.name, shape, rows, device)?;
            Weights::Device(if exact {
                QMatMul::Tensor(weights.dequantize(device)?)
            } else {
                QMatMul::from_qtensor(weights)?
            })
        };
        Ok(Linear { weights, bias: None })
    }

    /// Adds a bias, `[outputs]`.
    ///
    /// # Errors
    /// The backend failed.
    pub(super) fn with_bias(mut self, bias: Tensor) -> Result<Linear, ModelError> {
        self.bias = Some(Bias { values: bias.to_vec1()?, tensor: bias });
        Ok(self)
    }

    /// `[rows, inputs]` to `[rows, outputs]`, on tensors.
    ///
    /// # Errors
    /// The backend failed.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, ModelError> {
        if let Weights::Device(product) = &self.weights {
            let y = product.forward(&x.contiguous()?)?;
            return Ok(match &self.bias {
                Some(bias) => y.broadcast_add(&bias.tensor)?,
                None => y,
            });
        }
        let (rows, width) = x.dims2()?;
        let values = x.flatten_all()?.to_vec1::<f32>()?;
        let mut output = vec![0.0; rows * self.outputs()];
        multiply(
            &Input::new(&values, width),
            &mut [Output { linear: self, values: &mut output, store: Keep::Nothing }],
        )?;
        Ok(Tensor::from_vec(output, (rows, self.outputs()), &Device::Cpu)?)
    }

    /// `[rows, inputs]` to `[rows, outputs]` on this thread alone; a bias is not added.
    ///
    /// # Errors
    /// The weights are not on the CPU.
    pub(super) fn multiply_here(&self, x: &Input<'_>, output: &mut [f32]) -> Result<(), ModelError> {
        match &self.weights {
            Weights::LowBit(matrix) => matrix.multiply_here(x.quantized(matrix.blocks()), output),
            Weights::Full(matrix) => matrix.multiply(x.values, output, gemm::Store::Replace)?,
            Weights::Device(_) => return Err(elsewhere()),
        }
        Ok(())
    }

    /// Quantizes the input for this layer now, before threads share it.
    pub(super) fn prepare(&self, x: &Input<'_>) {
        if let Weights::LowBit(matrix) = &self.weights {
            x.quantized(matrix.blocks());
        }
    }

    /// Whether the weights are multiplied in low bits.
    pub(super) fn is_low_bit(&self) -> bool {
        matches!(self.weights, Weights::LowBit(_))
    }

    /// Outputs of the layer; 0 where the weights are not on the CPU.
    pub(super) fn outputs(&self) -> usize {
        match &self.weights {
            Weights::LowBit(matrix) => matrix.outputs(),
            Weights::Full(matrix) => matrix.outputs(),
            Weights::Device(_) => 0,
        }
    }

    /// Whether a bias is added.
    pub(super) fn has_bias(&self) -> bool {
        self.bias.is_some()
    }

    fn bias(&self) -> Option<&[f32]> {
        self.bias.as_ref().map(|bias| &bias.values[..])
    }
}

/// Layers that multiply the same rows, spread over the threads together.
///
/// # Errors
/// The weights are not on the CPU, or an output has another length.
pub(super) fn multiply(x: &Input<'_>, outputs: &mut [Output<'_>]) -> Result<(), ModelError> {
    let mut products = Vec::with_capacity(outputs.len());
    for Output { linear, values, store } in outputs {
        match &linear.weights {
            Weights::LowBit(matrix) => {
                let store = match store {
                    Keep::Nothing => Store::Replace(linear.bias()),
                    Keep::Sum => Store::Add,
                };
                products.push(Product { matrix, x: x.quantized(matrix.blocks()), output: values, store });
            }
            Weights::Full(matrix) => {
                let store = match store {
                    Keep::Nothing => gemm::Store::Replace,
                    Keep::Sum => gemm::Store::Add,
                };
                matrix.multiply(x.values, values, store)?;
                if let Some(bias) = linear.bias() {
                    for (value, bias) in values.chunks_exact_mut(bias.len()).flat_map(|row| row.iter_mut().zip(bias)) {
                        *value += bias;
                    }
                }
            }
            Weights::Device(_) => return Err(elsewhere()),
        }
    }
    low_bit::multiply(&mut products);
    Ok(())
}

/// `activation(gate(x)) · up(x)`, `[rows, outputs]`.
///
/// # Errors
/// As [`multiply`].
pub(super) fn multiply_gated(
    (gate, up): (&Linear, &Linear),
    activation: Activation,
    x: &Input<'_>,
    output: &mut [f32],
) -> Result<(), ModelError> {
    if let (Weights::LowBit(gate), Weights::LowBit(up)) = (&gate.weights, &up.weights) {
        let inputs = [gate, up].map(|matrix| x.quantized(matrix.blocks()));
        low_bit::multiply_gated([gate, up], inputs, activation, output);
        return Ok(());
    }
    let mut ups = vec![0.0; output.len()];
    multiply(
        x,
        &mut [
            Output { linear: gate, values: output, store: Keep::Nothing },
            Output { linear: up, values: &mut ups, store: Keep::Nothing },
        ],
    )?;
    for_each_piece(
        output,
        ACTIVATION_PIECE,
        || (),
        |(), piece, values| {
            let start = piece * ACTIVATION_PIECE;
            activation.gate(values, &ups[start..start + values.len()]);
        },
    );
    Ok(())
}

/// Rows of a matrix as blocks of `Q8_0`, a few rows at a time, so that it never stands in memory as floats.
fn quantize(tensors: &MappedTensors, matrix: Matrix<'_>, rows: Range<usize>) -> Result<Vec<u8>, ModelError> {
    let pieces: Vec<Range<usize>> =
        rows.clone().step_by(QUANTIZED_ROWS).map(|first| first..rows.end.min(first + QUANTIZED_ROWS)).collect();
    let quantize = |rows: Range<usize>| -> Result<Vec<u8>, ModelError> {
        let shape = (matrix.rows, matrix.elements);
        let floats = tensors.matrix(matrix.name, shape, rows, &Device::Cpu)?.dequantize(&Device::Cpu)?;
        Ok(QTensor::quantize(&floats, GgmlDType::Q8_0)?.data()?.into_owned())
    };
    let pieces = pieces.into_par_iter().map(quantize).collect::<Result<Vec<_>, ModelError>>()?;
    Ok(pieces.concat())
}

/// The format of a type that is multiplied in low bits.
fn format(dtype: GgmlDType) -> Option<Format> {
    match dtype {
        GgmlDType::Q4_0 => Some(Format::Q4_0),
        GgmlDType::Q5_0 => Some(Format::Q5_0),
        GgmlDType::Q8_0 => Some(Format::Q8_0),
        GgmlDType::Q4K => Some(Format::Q4K),
        GgmlDType::Q5K => Some(Format::Q5K),
        GgmlDType::Q6K => Some(Format::Q6K),
        _ => None,
    }
}

fn elsewhere() -> ModelError {
    ModelError::State("fused operations on weights that are not on the CPU".into())
}
