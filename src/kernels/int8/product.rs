//! The product: panels and rows in the order that keeps a panel in the cache, and the way from sums to floats.

use super::dot::{self, Operands, ROWS, Tier, Tile};
use super::{Activations, Matrix, PANEL, QuantizedRows};
use crate::kernels::activation::{gelu, swish};
use crate::kernels::{KernelError, multiply_add};
use std::ops::Range;

/// What becomes of a product with its bias, `y`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The output is `y`.
    Store,
    /// `y` is added to what the output holds.
    Add,
    /// The output is max(y, 0).
    Relu,
    /// The output is y·σ(y).
    Swish,
    /// The output is y·Φ(y).
    Gelu,
}

/// Multiplications below which a product is not worth a second thread.
const SPLIT: usize = 1 << 18;

/// Panels `panels` of `output = finish(rows · matrixᵀ + bias)`: `output` is `[rows, columns]`, `columns` being those of the
/// panels (of the last panel those that the matrix has). Threads are those of the current rayon pool.
///
/// # Errors
/// A slice has the wrong length, or there are no such panels.
pub fn multiply(
    rows: &QuantizedRows,
    (matrix, panels): (&Matrix<'_>, Range<usize>),
    output: &mut [f32],
    finish: Finish,
) -> Result<(), KernelError> {
    multiply_with(Tier::best(), rows, (matrix, panels), (output, finish))
}

/// As [`multiply`], on this thread.
///
/// # Errors
/// As [`multiply`].
pub fn multiply_here(
    rows: &QuantizedRows,
    (matrix, panels): (&Matrix<'_>, Range<usize>),
    output: &mut [f32],
    finish: Finish,
) -> Result<(), KernelError> {
    prepare(Tier::best(), rows, (matrix, panels.clone()), (output, finish))?.run(panels);
    Ok(())
}

/// As [`multiply`], with a chosen instruction set.
///
/// # Errors
/// As [`multiply`].
///
/// # Panics
/// If the machine does not have the instruction set.
pub fn multiply_with(
    tier: Tier,
    rows: &QuantizedRows,
    (matrix, panels): (&Matrix<'_>, Range<usize>),
    (output, finish): (&mut [f32], Finish),
) -> Result<(), KernelError> {
    assert!(tier == Tier::best() || Tier::available().contains(&tier), "this machine has no {tier:?}");
    let call = prepare(tier, rows, (matrix, panels.clone()), (output, finish))?;
    let threads = rayon::current_num_threads();
    if threads < 2 || panels.len() < 2 || rows.rows() * call.columns * rows.stride() < SPLIT {
        call.run(panels);
        return Ok(());
    }
    let share = panels.len().div_ceil(threads);
    rayon::scope(|scope| {
        let mut rest = panels;
        while rest.len() > share {
            let part = rest.start..rest.start + share;
            rest.start = part.end;
            let call = &call;
            scope.spawn(move |_| call.run(part));
        }
        call.run(rest);
    });
    Ok(())
}

/// Checks the lengths that the kernels rest on.
fn prepare<'a>(
    tier: Tier,
    rows: &'a QuantizedRows,
    (matrix, panels): (&'a Matrix<'a>, Range<usize>),
    (output, finish): (&mut [f32], Finish),
) -> Result<Call<'a>, KernelError> {
    let first = panels.start * PANEL;
    let columns = (panels.end * PANEL).min(matrix.outputs).saturating_sub(first);
    let padded = panels.end * PANEL;
    let check =
        |what, got, expected| if got < expected { Err(KernelError::Length { what, expected, got }) } else { Ok(()) };
    check("packed matrix", matrix.values.len(), padded * rows.stride())?;
    check("scales", matrix.scales.len(), padded)?;
    check("sums", matrix.sums.len(), padded)?;
    check("bias", matrix.bias.len(), padded)?;
    check("row of bytes", rows.stride(), matrix.inputs)?;
    if output.len() != rows.rows() * columns {
        return Err(KernelError::Length { what: "output", expected: rows.rows() * columns, got: output.len() });
    }
    let output = Output(output.as_mut_ptr(), output.len());
    Ok(Call { tier, rows, matrix, first, columns, output, finish })
}

/// Where a product goes; threads write to disjoint columns of it.
struct Output(*mut f32, usize);
// SAFETY: every thread writes to the columns of its own panels only.
unsafe impl Sync for Output {}

/// One product.
struct Call<'a> {
    tier: Tier,
    rows: &'a QuantizedRows,
    matrix: &'a Matrix<'a>,
    /// First column.
    first: usize,
    /// Columns of a row of the output.
    columns: usize,
    output: Output,
    finish: Finish,
}

impl Call<'_> {
    fn run(&self, panels: Range<usize>) {
        match self.tier {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Tier::available` has found the instruction set; `multiply_with` refuses one that it has not found.
            Tier::Avx512Vnni => unsafe { avx512_vnni(self, panels) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Tier::AvxVnni => unsafe { avx_vnni(self, panels) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Tier::Avx2 => unsafe { avx2(self, panels) },
            _ => generic(self, panels),
        }
    }

    /// All rows times all of the panels; `dot` computes a tile.
    ///
    /// A loop for each kind of output: a choice within the innermost one would not be vectorized.
    #[inline(always)]
    fn drive<const FMA: bool>(&self, panels: Range<usize>, dot: impl Fn(usize, Operands<'_>, &mut Tile)) {
        match self.rows.kind() {
            Activations::Bits8 => self.drive_planes::<FMA, 1>(panels, dot),
            Activations::Bits16 => self.drive_planes::<FMA, 2>(panels, dot),
        }
    }

    #[inline(always)]
    fn drive_planes<const FMA: bool, const PLANES: usize>(
        &self,
        panels: Range<usize>,
        dot: impl Fn(usize, Operands<'_>, &mut Tile),
    ) {
        match self.finish {
            Finish::Store => self.write::<FMA, PLANES>(panels, dot, |y, _| y),
            Finish::Add => self.write::<FMA, PLANES>(panels, dot, |y, before| before + y),
            Finish::Relu => self.write::<FMA, PLANES>(panels, dot, |y, _| if y > 0.0 { y } else { 0.0 }),
            Finish::Swish => self.write::<FMA, PLANES>(panels, dot, |y, _| swish::<FMA>(y)),
            Finish::Gelu => self.write::<FMA, PLANES>(panels, dot, |y, _| gelu(y)),
        }
    }

    /// As [`Call::drive`]; `finish` gets a product with its bias, and what stood in the output.
    #[inline(always)]
    fn write<const FMA: bool, const PLANES: usize>(
        &self,
        panels: Range<usize>,
        dot: impl Fn(usize, Operands<'_>, &mut Tile),
        finish: impl Fn(f32, f32) -> f32,
    ) {
        let stride = self.rows.stride();
        let mut tile: Tile = [[0; PANEL]; ROWS];
        for panel in panels {
            let weights = &self.matrix.values[panel * PANEL * stride..][..PANEL * stride];
            let start = panel * PANEL;
            let width = PANEL.min(self.matrix.outputs - start);
            // `prepare` has checked that the matrix has whole panels.
            let (Some((scales, _)), Some((offsets, _)), Some((bias, _))) = (
                self.matrix.scales[start..].split_first_chunk::<PANEL>(),
                self.matrix.sums[start..].split_first_chunk::<PANEL>(),
                self.matrix.bias[start..].split_first_chunk::<PANEL>(),
            ) else {
                return;
            };
            let mut row = 0;
            while row < self.rows.rows() {
                let count = (ROWS / PLANES).min(self.rows.rows() - row);
                let rows = &self.rows.values()[row * PLANES * stride..];
                dot(count * PLANES, Operands { rows, stride, panel: weights }, &mut tile);
                for (offset, planes) in tile.chunks_exact(PLANES).enumerate().take(count) {
                    let at = (row + offset) * self.columns + start - self.first;
                    debug_assert!(at + width <= self.output.1);
                    // SAFETY: the columns of this panel in this row: within the output, whose length was checked, and
                    // written by this thread only.
                    let output = unsafe { std::slice::from_raw_parts_mut(self.output.0.add(at), width) };
                    let (scale, zero) = (self.rows.scales()[row + offset], self.rows.zeros()[row + offset]);
                    let product = |i: usize| {
                        let high = (planes[0][i] - zero * offsets[i]) as f32;
                        let exact = if PLANES == 1 {
                            high
                        } else {
                            multiply_add::<FMA>(high, 256.0, planes[PLANES - 1][i] as f32)
                        };
                        multiply_add::<FMA>(exact, scale * scales[i], bias[i])
                    };
                    // Whole panels, which are nearly all, have a length that the compiler knows.
                    if let Ok(output) = <&mut [f32; PANEL]>::try_from(&mut *output) {
                        for (i, output) in output.iter_mut().enumerate() {
                            *output = finish(product(i), *output);
                        }
                    } else {
                        for (i, output) in output.iter_mut().enumerate() {
                            *output = finish(product(i), *output);
                        }
                    }
                }
                row += count;
            }
        }
    }
}

/// Calls a kernel with the number of rows as a constant.
macro_rules! by_count {
    ($($kernel:ident)::+) => {
        |count: usize, operands: Operands<'_>, tile: &mut Tile| match count {
            1 => $($kernel)::+::<1>(operands, tile),
            2 => $($kernel)::+::<2>(operands, tile),
            3 => $($kernel)::+::<3>(operands, tile),
            4 => $($kernel)::+::<4>(operands, tile),
            5 => $($kernel)::+::<5>(operands, tile),
            _ => $($kernel)::+::<6>(operands, tile),
        }
    };
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma")]
fn avx512_vnni(call: &Call<'_>, panels: Range<usize>) {
    call.drive::<true>(panels, by_count!(dot::x86::avx512_vnni));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avxvnni")]
fn avx_vnni(call: &Call<'_>, panels: Range<usize>) {
    call.drive::<true>(panels, by_count!(dot::x86::avx_vnni));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(call: &Call<'_>, panels: Range<usize>) {
    call.drive::<true>(panels, by_count!(dot::x86::avx2));
}

fn generic(call: &Call<'_>, panels: Range<usize>) {
    call.drive::<{ cfg!(target_arch = "aarch64") }>(panels, by_count!(dot::generic));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::super::{Packed, pack, padded_outputs, unpack_row};
    use super::*;
    use crate::kernels::int8::GROUP;

    fn numbers(count: usize, salt: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + salt * 104_729) % 2003) as f32 / 1000.0 - 0.8).collect()
    }

    struct Case {
        packed: Packed,
        bias: Vec<f32>,
        shape: [usize; 2],
    }

    impl Case {
        fn new(outputs: usize, inputs: usize) -> Case {
            let mut bias = numbers(outputs, 9);
            bias.resize(padded_outputs(outputs), 0.0);
            Case { packed: pack(&numbers(outputs * inputs, 2), inputs), bias, shape: [outputs, inputs] }
        }

        fn matrix(&self) -> Matrix<'_> {
            let Packed { values, scales, sums } = &self.packed;
            Matrix { values, scales, sums, bias: &self.bias, outputs: self.shape[0], inputs: self.shape[1] }
        }

        fn panels(&self) -> Range<usize> {
            0..self.shape[0].div_ceil(PANEL)
        }
    }

    fn activations(rows: usize, inputs: usize) -> QuantizedRows {
        let mut quantized = QuantizedRows::default();
        quantized.set(&numbers(rows * inputs, 5), inputs);
        quantized
    }

    const SHAPES: [(usize, usize, usize); 6] =
        [(1, 1, 1), (2, 5, 3), (6, 64, 64), (7, 130, 100), (13, 70, 37), (64, 512, 129)];

    #[test]
    fn agrees_with_the_product_of_what_was_quantized() {
        for (rows, inputs, outputs) in SHAPES {
            let case = Case::new(outputs, inputs);
            let quantized = activations(rows, inputs);
            let mut got = vec![0.0; rows * outputs];
            multiply(&quantized, (&case.matrix(), case.panels()), &mut got, Finish::Store).unwrap();
            let mut weight = vec![0.0; inputs];
            for output in 0..outputs {
                unpack_row(&case.matrix(), output, &mut weight);
                for row in 0..rows {
                    let bytes = &quantized.values()[row * quantized.stride()..][..inputs];
                    let expected: f64 = bytes
                        .iter()
                        .zip(&weight)
                        .map(|(&u, &w)| {
                            f64::from(quantized.scales()[row])
                                * f64::from(i32::from(u) - quantized.zeros()[row])
                                * f64::from(w)
                        })
                        .sum::<f64>()
                        + f64::from(case.bias[output]);
                    assert!((f64::from(got[row * outputs + output]) - expected).abs() < 1e-3);
                }
            }
        }
    }

    #[test]
    fn is_close_to_the_product_of_floats() {
        let (rows, inputs, outputs) = (9, 512, 96);
        let case = Case::new(outputs, inputs);
        let (x, w) = (numbers(rows * inputs, 5), numbers(outputs * inputs, 2));
        let mut got = vec![0.0; rows * outputs];
        multiply(&activations(rows, inputs), (&case.matrix(), case.panels()), &mut got, Finish::Store).unwrap();
        for row in 0..rows {
            for output in 0..outputs {
                let exact: f32 = (0..inputs).map(|i| x[row * inputs + i] * w[output * inputs + i]).sum();
                // A step of x is 2/255, one of w 1.2/127: over 512 terms an error of 0.1 would be four deviations.
                assert!((got[row * outputs + output] - exact - case.bias[output]).abs() < 0.2);
            }
        }
    }

    #[test]
    fn instruction_sets_have_the_same_sums() {
        for (rows, inputs, outputs) in SHAPES {
            let case = Case::new(outputs, inputs);
            let quantized = activations(rows, inputs);
            for finish in [Finish::Store, Finish::Add, Finish::Relu, Finish::Swish, Finish::Gelu] {
                let mut expected = numbers(rows * outputs, 11);
                let start = expected.clone();
                let what = (&case.matrix(), case.panels());
                multiply_with(Tier::Generic, &quantized, what, (&mut expected, finish)).unwrap();
                for tier in Tier::available() {
                    let mut got = start.clone();
                    let what = (&case.matrix(), case.panels());
                    multiply_with(tier, &quantized, what, (&mut got, finish)).unwrap();
                    for (got, expected) in got.iter().zip(&expected) {
                        assert!((got - expected).abs() <= 2e-6 * expected.abs().max(1.0), "{tier:?} {finish:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn sixteen_bits_are_close_to_floats_on_every_instruction_set() {
        for (rows, inputs, outputs) in SHAPES {
            let case = Case::new(outputs, inputs);
            let x = numbers(rows * inputs, 3);
            let mut quantized = QuantizedRows::default();
            quantized.set_to(&x, inputs, Activations::Bits16);
            let Packed { scales, .. } = &case.packed;
            let mut row = vec![0.0; inputs];
            for tier in Tier::available() {
                let mut got = vec![0.0; rows * outputs];
                let what = (&case.matrix(), case.panels());
                multiply_with(tier, &quantized, what, (&mut got, Finish::Store)).unwrap();
                for output in 0..outputs {
                    super::super::unpack_row(&case.matrix(), output, &mut row);
                    for r in 0..rows {
                        let terms = x[r * inputs..(r + 1) * inputs].iter().zip(&row);
                        let exact: f64 = terms.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                        let error = f64::from(got[r * outputs + output]) - exact - f64::from(case.bias[output]);
                        // Half a step of 2/65279 for each of the inputs, times the largest weight.
                        let bound = inputs as f64 * 2.0 / 65_279.0 * f64::from(scales[output]) * 127.0 + 1e-4;
                        assert!(error.abs() < bound, "{tier:?}: {error}");
                    }
                }
            }
        }
    }

    /// A row with an outlier far on one side, where the zero point is at the end of the range.
    #[test]
    fn sixteen_bits_hold_rows_of_one_sign_and_of_zeros() {
        let inputs = 8;
        let case = Case::new(5, inputs);
        for x in [[3.0; 8], [-3.0; 8], [0.0; 8], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 65_000.0]] {
            let mut quantized = QuantizedRows::default();
            quantized.set_to(&x, inputs, Activations::Bits16);
            let mut got = vec![0.0; 5];
            multiply(&quantized, (&case.matrix(), 0..1), &mut got, Finish::Store).unwrap();
            let mut row = vec![0.0; inputs];
            for (output, got) in got.iter().enumerate() {
                super::super::unpack_row(&case.matrix(), output, &mut row);
                let exact: f32 = x.iter().zip(&row).map(|(a, b)| a * b).sum::<f32>() + case.bias[output];
                let largest = x.iter().fold(1.0f32, |m, v| m.max(v.abs()));
                assert!((got - exact).abs() < largest * 1e-3, "{x:?}: {got} {exact}");
            }
        }
    }

    /// The greatest sums that can be: nothing saturates, on any instruction set.
    #[test]
    fn extremes_do_not_saturate() {
        let inputs = 64;
        let packed = pack(&vec![-1.0; 70 * inputs], inputs);
        let mut quantized = QuantizedRows::default();
        quantized.set(&vec![3.0; inputs], inputs);
        assert!(quantized.values().iter().all(|&u| u == 255));
        let bias = vec![0.0; padded_outputs(70)];
        let Packed { values, scales, sums } = &packed;
        let matrix = Matrix { values, scales, sums, bias: &bias, outputs: 70, inputs };
        for tier in Tier::available() {
            let mut got = vec![0.0; 70];
            multiply_with(tier, &quantized, (&matrix, 0..2), (&mut got, Finish::Store)).unwrap();
            assert!(got.iter().all(|y| (y + 192.0).abs() < 1e-3), "{tier:?}: {got:?}");
        }
    }

    /// The invariant everything above rests on: bit for bit, whatever the number of rows and of threads.
    #[test]
    fn a_row_does_not_depend_on_the_number_of_rows_or_threads() {
        let (rows, inputs, outputs) = (70, 516, 2100);
        let case = Case::new(outputs, inputs);
        let x = numbers(rows * inputs, 5);
        let mut quantized = QuantizedRows::default();
        quantized.set(&x, inputs);
        let mut whole = vec![0.0; rows * outputs];
        multiply(&quantized, (&case.matrix(), case.panels()), &mut whole, Finish::Swish).unwrap();
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            for count in [1, 2, 5, 6, 7, 64, 69] {
                let mut got = vec![0.0; count * outputs];
                quantized.set(&x[(rows - count) * inputs..], inputs);
                pool.install(|| multiply(&quantized, (&case.matrix(), case.panels()), &mut got, Finish::Swish))
                    .unwrap();
                let expected = &whole[(rows - count) * outputs..];
                assert!(got.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits()), "{count} rows");
            }
        }
    }

    #[test]
    fn some_panels_are_the_same_as_in_the_whole() {
        let (rows, inputs, outputs) = (8, 64, 300);
        let case = Case::new(outputs, inputs);
        let quantized = activations(rows, inputs);
        let mut whole = vec![0.0; rows * outputs];
        multiply(&quantized, (&case.matrix(), 0..5), &mut whole, Finish::Store).unwrap();
        for panels in [0..1, 1..3, 3..5, 4..5] {
            let columns = panels.start * PANEL..(panels.end * PANEL).min(outputs);
            let mut got = vec![0.0; rows * columns.len()];
            multiply(&quantized, (&case.matrix(), panels), &mut got, Finish::Store).unwrap();
            for row in 0..rows {
                let expected = &whole[row * outputs..][columns.clone()];
                assert_eq!(&got[row * columns.len()..(row + 1) * columns.len()], expected);
            }
        }
    }

    #[test]
    fn wrong_lengths_are_errors() {
        let case = Case::new(100, 16);
        let quantized = activations(2, 16);
        let matrix = case.matrix();
        assert!(multiply(&quantized, (&matrix, 0..2), &mut [0.0; 199], Finish::Store).is_err());
        assert!(multiply(&quantized, (&matrix, 0..3), &mut [0.0; 200], Finish::Store).is_err());
        let narrow = activations(2, 12);
        assert!(multiply(&narrow, (&matrix, 0..2), &mut [0.0; 200], Finish::Store).is_err());
        let short = Matrix { values: &matrix.values[1..], ..matrix };
        assert!(multiply(&quantized, (&short, 0..2), &mut [0.0; 200], Finish::Store).is_err());
    }

    #[test]
    fn a_row_of_zeros_gives_the_bias() {
        let case = Case::new(3, 8);
        let mut quantized = QuantizedRows::default();
        quantized.set(&[0.0; 8], 8);
        let mut got = vec![9.0; 3];
        multiply(&quantized, (&case.matrix(), 0..1), &mut got, Finish::Store).unwrap();
        assert_eq!(got, case.bias[..3]);
    }

    /// The inverse of their step is not finite.
    #[test]
    fn a_row_of_numbers_next_to_zero_gives_the_bias() {
        let case = Case::new(8, 4);
        for kind in [Activations::Bits8, Activations::Bits16] {
            for number in [1e-45, -1e-45, 1e-38, -1e-38] {
                let mut rows = QuantizedRows::default();
                rows.set_to(&[0.0, number, -number / 2.0, 0.0], 4, kind);
                let mut got = vec![0.0; 8];
                multiply(&rows, (&case.matrix(), case.panels()), &mut got, Finish::Store).unwrap();
                assert_eq!(got, case.bias[..8], "{kind:?} {number:e}");
            }
        }
    }

    #[test]
    fn groups_are_those_of_the_dot_products() {
        assert_eq!(GROUP, 4);
        assert_eq!(PANEL % 16, 0);
    }
}
