//! Products with a weight matrix that was packed once, at load.
//!
//! The packed form is always used, for one row as for many: the library's path for a single row adds in another order, and a
//! row's numbers must not depend on its batch. Threads are those of the current rayon pool.

use super::KernelError;
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::{Matrix, NdTensorView};

thread_local! {
    /// Chooses the instruction set once for each thread; it holds no data.
    static EXECUTOR: GemmExecutor<f32> = GemmExecutor::new();
}

/// What happens to the numbers that are in the output already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// They are replaced by the product.
    Replace,
    /// The product is added to them.
    Add,
}

/// A weight matrix `[outputs, inputs]`, packed for products `x · wᵀ`.
pub struct PackedMatrix {
    packed: PackedBMatrix<f32>,
    inputs: usize,
    outputs: usize,
}

impl std::fmt::Debug for PackedMatrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PackedMatrix[{}, {}]", self.outputs, self.inputs)
    }
}

impl PackedMatrix {
    /// Packs `weight`, `[outputs, inputs]` row by row.
    ///
    /// # Errors
    /// The slice does not have `outputs × inputs` elements.
    pub fn new(weight: &[f32], outputs: usize, inputs: usize) -> Result<PackedMatrix, KernelError> {
        check("weight", weight.len(), outputs * inputs)?;
        let view = NdTensorView::from_data([outputs, inputs], weight);
        let packed = EXECUTOR.with(|executor| executor.prepack_b(view.transposed()));
        Ok(PackedMatrix { packed, inputs, outputs })
    }

    /// Width of a row of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Width of a row of the output.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// `output = x · wᵀ`, or added to it: `x` is `[rows, inputs]`, `output` is `[rows, outputs]`.
    ///
    /// # Errors
    /// A slice has the wrong length.
    pub fn multiply(&self, x: &[f32], output: &mut [f32], store: Store) -> Result<(), KernelError> {
        let rows = output.len() / self.outputs.max(1);
        check("input", x.len(), rows * self.inputs)?;
        check("output", output.len(), rows * self.outputs)?;
        let beta = match store {
            Store::Replace => 0.0,
            Store::Add => 1.0,
        };
        EXECUTOR.with(|executor| {
            executor
                .gemm(
                    output,
                    GemmInputA::Unpacked(Matrix::from_data([rows, self.inputs], x)),
                    GemmInputB::Packed(&self.packed),
                    GemmOptions { beta, ..GemmOptions::default() },
                )
                .map_err(|error| KernelError::Product(error.to_string()))
        })
    }
}

fn check(what: &'static str, got: usize, expected: usize) -> Result<(), KernelError> {
    if got == expected { Ok(()) } else { Err(KernelError::Length { what, expected, got }) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn numbers(count: usize, salt: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + salt * 104_729) % 2003) as f32 / 1000.0 - 1.0).collect()
    }

    #[test]
    fn agrees_with_the_naive_product() {
        for (rows, inputs, outputs) in [(1, 1, 1), (3, 7, 5), (6, 64, 33), (70, 300, 40)] {
            let (x, w) = (numbers(rows * inputs, 1), numbers(outputs * inputs, 2));
            let packed = PackedMatrix::new(&w, outputs, inputs).unwrap();
            let mut got = vec![1.0; rows * outputs];
            packed.multiply(&x, &mut got, Store::Add).unwrap();
            for row in 0..rows {
                for column in 0..outputs {
                    let expected: f64 = 1.0
                        + (0..inputs)
                            .map(|i| f64::from(x[row * inputs + i]) * f64::from(w[column * inputs + i]))
                            .sum::<f64>();
                    assert!((f64::from(got[row * outputs + column]) - expected).abs() < 1e-4);
                }
            }
        }
    }

    /// The invariant everything above rests on: bit for bit, whatever the number of rows and of threads.
    #[test]
    fn a_row_does_not_depend_on_the_number_of_rows_or_threads() {
        for (inputs, outputs) in [(64, 96), (513, 77), (37, 1029), (1024, 32)] {
            let w = numbers(outputs * inputs, 3);
            let packed = PackedMatrix::new(&w, outputs, inputs).unwrap();
            let x = numbers(70 * inputs, 4);
            let mut whole = vec![0.0; 70 * outputs];
            packed.multiply(&x, &mut whole, Store::Replace).unwrap();
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                for rows in 1..=70 {
                    let mut got = vec![0.0; rows * outputs];
                    let part = &x[(70 - rows) * inputs..];
                    pool.install(|| packed.multiply(part, &mut got, Store::Replace)).unwrap();
                    let expected = &whole[(70 - rows) * outputs..];
                    assert!(
                        got.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits()),
                        "{rows} rows of {inputs} by {outputs}, {threads} threads"
                    );
                }
            }
        }
    }

    #[test]
    fn wrong_lengths_are_errors() {
        assert!(PackedMatrix::new(&[0.0; 5], 2, 3).is_err());
        let packed = PackedMatrix::new(&[0.0; 6], 2, 3).unwrap();
        assert!(packed.multiply(&[0.0; 4], &mut [0.0; 2], Store::Replace).is_err());
        assert!(packed.multiply(&[0.0; 3], &mut [0.0; 3], Store::Replace).is_err());
    }
}
