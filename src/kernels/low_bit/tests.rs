//! The packed products against weights and activations written out as floats, and against themselves in other batches.

#![allow(clippy::unwrap_used)]

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

use super::*;
use crate::kernels::exponential::swiglu;

const FORMATS: [(Format, GgmlDType); 6] = [
    (Format::Q4_0, GgmlDType::Q4_0),
    (Format::Q5_0, GgmlDType::Q5_0),
    (Format::Q8_0, GgmlDType::Q8_0),
    (Format::Q4K, GgmlDType::Q4K),
    (Format::Q5K, GgmlDType::Q5K),
    (Format::Q6K, GgmlDType::Q6K),
];

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 * 2.0 - 1.0
    };
    // Values of different size, so that blocks have different scales.
    (0..count).map(|i| next() * (1.0 + (i / 100 % 7) as f32)).collect()
}

/// A packed matrix and what its weights are as floats.
fn matrix((format, dtype): (Format, GgmlDType), outputs: usize, inputs: usize) -> (LowBitMatrix, Vec<f32>) {
    let weights = Tensor::from_vec(numbers(outputs * inputs, 3), (outputs, inputs), &Device::Cpu).unwrap();
    let blocks = QTensor::quantize(&weights, dtype).unwrap();
    let floats = blocks.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    (LowBitMatrix::pack(format, &blocks.data().unwrap(), outputs, inputs).unwrap(), floats)
}

/// What the activations stand for, `[rows, inputs]`.
fn floats(x: &Activations) -> Vec<f64> {
    let mut out = vec![0.0; x.rows * x.inputs];
    for index in 0..x.groups() {
        let group = x.group(index);
        for row in 0..group.rows {
            for input in 0..x.inputs {
                let value = group.values[(input / 4 * group.rows + row) * 4 + input % 4];
                let scale = group.scales[input / x.blocks.inputs() * group.rows + row];
                out[(index * ROWS + row) * x.inputs + input] = f64::from(value) * f64::from(scale);
            }
        }
    }
    out
}

/// The product by `tier`, `[rows, outputs]`.
fn product(matrix: &LowBitMatrix, x: &Activations, tier: Tier) -> Vec<f32> {
    let mut out = vec![0.0; x.rows * matrix.outputs];
    let output = Output { start: out.as_mut_ptr(), width: matrix.outputs };
    for tile in 0..matrix.tiles() {
        for index in 0..x.groups() {
            let sums = matrix.multiply_tile(tier, tile, &x.group(index));
            // SAFETY: the output has these rows and columns.
            unsafe { output.write(index, tile, x.group(index).rows, &sums, Store::Replace(None)) };
        }
    }
    out
}

fn tiers() -> Vec<Tier> {
    let mut tiers = vec![Tier::Plain];
    #[cfg(target_arch = "x86_64")]
    {
        if avx2::is_available() {
            tiers.push(Tier::Avx2);
        }
        if avx512::is_available() {
            tiers.push(Tier::Avx512);
        }
    }
    tiers
}

#[test]
fn products_equal_those_of_the_floats_they_stand_for() {
    for format in FORMATS {
        let (rows, outputs, inputs) = (11, 40, 512);
        let (matrix, weights) = matrix(format, outputs, inputs);
        let x = Activations::new(&numbers(rows * inputs, 5), inputs, matrix.blocks());
        let (values, got) = (floats(&x), product(&matrix, &x, Tier::Plain));
        for row in 0..rows {
            for column in 0..outputs {
                let terms = (0..inputs).map(|i| values[row * inputs + i] * f64::from(weights[column * inputs + i]));
                let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
                let got = f64::from(got[row * outputs + column]);
                assert!((got - sum).abs() < 1e-6 * size, "{format:?} {row} {column}: {got} {sum}");
            }
        }
    }
}

#[test]
fn all_instruction_sets_answer_the_same_bits() {
    for format in FORMATS {
        for (rows, outputs) in [(1, 16), (2, 17), (3, 48), (5, 16), (8, 16), (16, 33), (23, 16)] {
            let (matrix, _) = matrix(format, outputs, 768);
            let x = Activations::new(&numbers(rows * 768, 7), 768, matrix.blocks());
            let expected: Vec<u32> = product(&matrix, &x, Tier::Plain).iter().map(|x| x.to_bits()).collect();
            for tier in tiers() {
                let got: Vec<u32> = product(&matrix, &x, tier).iter().map(|x| x.to_bits()).collect();
                assert_eq!(got, expected, "{format:?} {tier:?} {rows} rows");
            }
        }
    }
}

/// The largest sums there can be: nothing may wrap or saturate.
#[test]
fn extreme_weights_and_values_do_not_overflow() {
    for (format, _) in FORMATS {
        let (block, size) = format.block();
        for byte in [0x00u8, 0x7F, 0x80, 0xFF] {
            let (outputs, inputs) = (16, 512);
            let mut bytes = vec![byte; outputs * inputs / block * size];
            for block in bytes.chunks_exact_mut(size) {
                // Scales of one, wherever the format has them.
                let halves: &[usize] = match format {
                    Format::Q6K => &[208],
                    Format::Q4K | Format::Q5K => &[0, 2],
                    _ => &[0],
                };
                for &at in halves {
                    block[at..at + 2].copy_from_slice(&half::f16::ONE.to_le_bytes());
                }
            }
            let matrix = LowBitMatrix::pack(format, &bytes, outputs, inputs).unwrap();
            for sign in [-1.0, 1.0] {
                let x = Activations::new(&vec![sign; 9 * inputs], inputs, matrix.blocks());
                let expected = product(&matrix, &x, Tier::Plain);
                assert!(expected.iter().all(|value| value.is_finite()));
                for tier in tiers() {
                    assert_eq!(product(&matrix, &x, tier), expected, "{format:?} {tier:?} {byte} {sign}");
                }
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_the_rows_beside_it_or_the_threads() {
    for format in FORMATS {
        let (rows, outputs, inputs) = (19, 80, 512);
        let (matrix, _) = matrix(format, outputs, inputs);
        let values = numbers(rows * inputs, 9);
        let bias = numbers(outputs, 11);
        let answer = |values: &[f32], threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let x = Activations::new(values, inputs, matrix.blocks());
                let mut output = vec![f32::NAN; x.rows() * outputs];
                let store = Store::Replace(Some(&bias));
                multiply(&mut [Product { matrix: &matrix, x: &x, output: &mut output, store }]);
                multiply(&mut [Product { matrix: &matrix, x: &x, output: &mut output, store: Store::Add }]);
                output.iter().map(|value| value.to_bits()).collect::<Vec<_>>()
            })
        };
        let whole = answer(&values, 1);
        for threads in [1, 3] {
            for count in [1, 2, 7, 8, 9, 19] {
                let first = rows - count;
                let got = answer(&values[first * inputs..], threads);
                assert_eq!(got, whole[first * outputs..], "{format:?}, {count} rows, {threads} threads");
            }
        }
    }
}

#[test]
fn the_gated_product_equals_its_parts() {
    let (rows, outputs, inputs) = (5, 24, 256);
    let (gate, _) = matrix(FORMATS[3], outputs, inputs);
    let (up, _) = matrix(FORMATS[5], outputs, inputs);
    let x = Activations::new(&numbers(rows * inputs, 13), inputs, Blocks::Large);
    let mut got = vec![0.0; rows * outputs];
    multiply_gated([&gate, &up], [&x, &x], Activation::Silu, &mut got);
    let mut expected = vec![0.0; rows * outputs];
    gate.multiply_here(&x, &mut expected);
    let mut ups = vec![0.0; rows * outputs];
    up.multiply_here(&x, &mut ups);
    swiglu(&mut expected, &ups);
    assert_eq!(
        got.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
        expected.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    );
}

#[test]
fn quantized_activations_are_near_the_floats() {
    for blocks in [Blocks::Small, Blocks::Large] {
        let values = numbers(3 * 512, 17);
        let x = Activations::new(&values, 512, blocks);
        for (block, (got, expected)) in
            floats(&x).chunks(blocks.inputs()).zip(values.chunks(blocks.inputs())).enumerate()
        {
            let largest = expected.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
            for (got, expected) in got.iter().zip(expected) {
                assert!((got - f64::from(*expected)).abs() <= f64::from(largest) / 253.0, "block {block}");
            }
        }
        let zeros = Activations::new(&[0.0; 512], 512, blocks);
        assert!(floats(&zeros).iter().all(|value| *value == 0.0));
    }
}

#[test]
fn bytes_of_another_length_are_an_error() {
    for (format, _) in FORMATS {
        let (block, size) = format.block();
        assert!(LowBitMatrix::pack(format, &vec![0; size * 3 - 1], 3, block).is_err());
        assert!(LowBitMatrix::pack(format, &vec![0; size * 3], 3, block + 8).is_err());
        assert!(LowBitMatrix::pack(format, &vec![0; size * 3], 3, block).is_ok());
    }
}
