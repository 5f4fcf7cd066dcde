//! A linear layer over a matrix of a GGUF file, the same for a row whatever rows stand beside it.

use std::ops::Range;
use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{Device, Module, Tensor};

use crate::model::gguf::GgufFile;
use crate::model::{LoadOptions, ModelError, Precision};

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
    product: QMatMul,
    bias: Option<Tensor>,
    /// Elements of a row of `x` that the product expects: more than `x` has where the matrix was widened.
    elements: usize,
    /// Rows of `x` are padded to a multiple of this, so that a product takes the same kernel for any number of rows.
    multiple: usize,
}

impl Linear {
    /// Rows `rows` of a matrix, with a bias if one is named.
    ///
    /// # Errors
    /// A tensor is missing, has another shape, or the backend failed.
    pub(super) fn load(
        file: &GgufFile,
        matrix: Matrix<'_>,
        rows: Range<usize>,
        options: &LoadOptions,
    ) -> Result<Linear, ModelError> {
        let device = &options.device;
        let shape = (matrix.rows, matrix.elements);
        if !device.is_cpu() {
            let weights = file.matrix(matrix.name, shape, rows, device)?;
            let product = if options.precision == Precision::F32 {
                QMatMul::Tensor(weights.dequantize(device)?)
            } else {
                QMatMul::from_qtensor(weights)?
            };
            return Ok(Linear::new(product, matrix.elements, GgmlDType::F32));
        }
        let widened =
            if options.precision == Precision::F32 { None } else { file.widened(matrix.name, shape, rows.clone())? };
        let Some((weights, release)) = widened else {
            let weights = file.matrix(matrix.name, shape, rows, device)?;
            let dtype = weights.dtype();
            let float = matches!(dtype, GgmlDType::F16 | GgmlDType::BF16);
            let weights = if float || (options.precision == Precision::F32 && dtype != GgmlDType::F32) {
                QTensor::quantize(&weights.dequantize(device)?, GgmlDType::F32)?
            } else {
                weights
            };
            // Not `from_qtensor`, which would multiply floats by a routine whose sums depend on the number of rows.
            let linear = Linear::new(QMatMul::QTensor(Arc::new(weights)), matrix.elements, dtype);
            linear.warm(matrix.elements, device)?;
            return Ok(linear);
        };
        let elements = weights.shape().dims2()?.1;
        let linear = Linear::new(QMatMul::from_qtensor(weights)?, elements, GgmlDType::Q8_0);
        linear.warm(elements, device)?;
        release.if_unused();
        Ok(linear)
    }

    fn new(product: QMatMul, elements: usize, dtype: GgmlDType) -> Linear {
        // Candle answers one row with another kernel than several: of Q6K on x86 (`repack_x86::select`), and on Arm of
        // whatever is left over beyond a multiple of four.
        let multiple = if cfg!(target_arch = "aarch64") {
            4
        } else if dtype == GgmlDType::Q6K {
            2
        } else {
            1
        };
        Linear { product, bias: None, elements, multiple }
    }

    /// Adds a bias, `[outputs]`.
    pub(super) fn with_bias(mut self, bias: Tensor) -> Linear {
        self.bias = Some(bias);
        self
    }

    /// Runs the product once, so that Candle repacks the matrix now and not in the first answer.
    fn warm(&self, elements: usize, device: &Device) -> Result<(), ModelError> {
        if device.is_cpu() && matches!(self.product, QMatMul::QTensor(_)) {
            self.product.forward(&Tensor::zeros((self.multiple, elements), candle_core::DType::F32, device)?)?;
        }
        Ok(())
    }

    /// `[rows, inputs]` to `[rows, outputs]`.
    ///
    /// # Errors
    /// The backend failed.
    pub(super) fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (rows, elements) = x.dims2()?;
        let widened =
            if elements < self.elements { x.pad_with_zeros(1, 0, self.elements - elements)? } else { x.clone() };
        let padded = if rows == 1 || self.multiple > 2 { rows.next_multiple_of(self.multiple) } else { rows };
        let y = if padded > rows {
            self.product.forward(&widened.pad_with_zeros(0, 0, padded - rows)?)?.narrow(0, 0, rows)?
        } else {
            self.product.forward(&widened.contiguous()?)?
        };
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }
}
