//! Products of rows with a few rows of a large matrix, which is kept row by row: nothing has to be packed before.
//!
//! The rows of the matrix that are wanted are read where they lie. Rows of activations that want different ones share what is in
//! the cache, and a choice costs no memory but its list.

use super::dot::Tier;
use super::{Activations, QuantizedRows};
use crate::kernels::{KernelError, dispatched, multiply_add};

/// A matrix row by row, and which of its rows are wanted, with what is known of each.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// `[outputs, inputs]`.
    pub values: &'a [i8],
    /// Width of the input, a multiple of four.
    pub inputs: usize,
    /// The rows that are wanted.
    pub rows: &'a [u32],
    /// Factor of each wanted row.
    pub scales: &'a [f32],
    /// Sum of the bytes of each wanted row.
    pub sums: &'a [i32],
    /// Added to each product.
    pub bias: &'a [f32],
}

/// Rows of bytes that go through the kernel together.
const PLANES: usize = 2;
/// Rows of the matrix likewise.
const COLUMNS: usize = 4;

/// `output = x · wᵀ + b` for the wanted rows of `w`, `[rows, wanted]`, on this thread.
///
/// # Errors
/// A slice has the wrong length, or there is no such row.
pub fn multiply_chosen(x: &QuantizedRows, chosen: &Chosen<'_>, output: &mut [f32]) -> Result<(), KernelError> {
    multiply_chosen_with(Tier::best(), x, chosen, output)
}

/// As [`multiply_chosen`], with a chosen instruction set.
///
/// # Errors
/// As [`multiply_chosen`].
///
/// # Panics
/// If the machine does not have the instruction set.
pub fn multiply_chosen_with(
    tier: Tier,
    x: &QuantizedRows,
    chosen: &Chosen<'_>,
    output: &mut [f32],
) -> Result<(), KernelError> {
    assert!(tier == Tier::best() || Tier::available().contains(&tier), "this machine has no {tier:?}");
    let wanted = chosen.rows.len();
    let check =
        |what, got, expected| if got == expected { Ok(()) } else { Err(KernelError::Length { what, expected, got }) };
    check("row of bytes", x.stride(), chosen.inputs)?;
    check("scales", chosen.scales.len(), wanted)?;
    check("sums", chosen.sums.len(), wanted)?;
    check("bias", chosen.bias.len(), wanted)?;
    check("output", output.len(), x.rows() * wanted)?;
    let last = chosen.rows.iter().max().map_or(0, |&row| (row as usize + 1) * chosen.inputs);
    if chosen.values.len() < last {
        return Err(KernelError::Length { what: "matrix", expected: last, got: chosen.values.len() });
    }
    let planes = x.kind().planes();
    let mut products = vec![0i32; planes * wanted];
    for (row, output) in output.chunks_exact_mut(wanted.max(1)).enumerate() {
        let bytes = &x.values()[row * planes * x.stride()..][..planes * x.stride()];
        match tier {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Tier::available` has found the instruction set; what it has not found is refused above.
            Tier::Avx512Vnni => unsafe { x86::avx512_vnni(bytes, chosen, &mut products) },
            _ => plain(bytes, chosen, &mut products),
        }
        finish((x, row), chosen, &products, output);
    }
    Ok(())
}

dispatched! {
    /// `products[plane][column] = Σ x[plane][i] · w[column][i]`, in plain Rust: the reference.
    fn plain(x: &[u8], chosen: &Chosen<'_>, products: &mut [i32]) {
        let _ = FMA;
        let wanted = chosen.rows.len();
        for (x, products) in x.chunks_exact(chosen.inputs).zip(products.chunks_exact_mut(wanted.max(1))) {
            for (product, &row) in products.iter_mut().zip(chosen.rows) {
                let weights = &chosen.values[row as usize * chosen.inputs..][..chosen.inputs];
                *product = x.iter().zip(weights).map(|(&x, &w)| i32::from(x) * i32::from(w)).sum();
            }
        }
    }
}

fn finish((x, row): (&QuantizedRows, usize), chosen: &Chosen<'_>, products: &[i32], output: &mut [f32]) {
    let (scale, zero) = (x.scales()[row], x.zeros()[row]);
    let (first, second) = products.split_at(chosen.rows.len());
    finish_columns(chosen, (scale, zero), first, if x.kind() == Activations::Bits8 { &[] } else { second }, output);
}

dispatched! {
    /// As the end of a packed product; `low` is empty where there is one plane.
    fn finish_columns(chosen: &Chosen<'_>, x: (f32, i32), high: &[i32], low: &[i32], output: &mut [f32]) {
        let (scale, zero) = x;
        let of = chosen.scales.iter().zip(chosen.sums).zip(chosen.bias);
        if low.is_empty() {
            for ((output, &high), ((&w, &sum), &bias)) in output.iter_mut().zip(high).zip(of) {
                *output = multiply_add::<FMA>((high - zero * sum) as f32, scale * w, bias);
            }
        } else {
            for (((output, &high), &low), ((&w, &sum), &bias)) in output.iter_mut().zip(high).zip(low).zip(of) {
                let exact = multiply_add::<FMA>((high - zero * sum) as f32, 256.0, low as f32);
                *output = multiply_add::<FMA>(exact, scale * w, bias);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{COLUMNS, Chosen, PLANES};
    use std::arch::x86_64::{
        __m128i, __m512i, _MM_HINT_T0, _mm_add_epi32, _mm_prefetch, _mm_storeu_si128, _mm256_add_epi32,
        _mm256_castsi256_si128, _mm256_extracti128_si256, _mm512_add_epi32, _mm512_castsi512_si256,
        _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64, _mm512_maskz_loadu_epi8, _mm512_setzero_si512,
        _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
    };

    /// As [`super::plain`].
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma")]
    pub(super) fn avx512_vnni(x: &[u8], chosen: &Chosen<'_>, products: &mut [i32]) {
        let (inputs, wanted) = (chosen.inputs, chosen.rows.len());
        let planes = x.len() / inputs;
        assert!(planes <= PLANES && products.len() >= planes * wanted && x.len() >= planes * inputs);
        for (block, ids) in chosen.rows.chunks(COLUMNS).enumerate() {
            // What follows is fetched while these are multiplied: rows lie anywhere in a matrix of megabytes.
            for &next in chosen.rows[block * COLUMNS + ids.len()..].iter().take(COLUMNS) {
                let start = chosen.values.as_ptr().wrapping_add(next as usize * inputs);
                for line in 0..inputs.div_ceil(64) {
                    _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line * 64));
                }
            }
            // A block that is not full multiplies its last row again.
            let at = |column: usize| ids[column.min(ids.len() - 1)] as usize * inputs;
            let starts: [usize; COLUMNS] = std::array::from_fn(at);
            assert!(starts.iter().all(|start| start + inputs <= chosen.values.len()));
            let mut sums = [[_mm512_setzero_si512(); COLUMNS]; PLANES];
            for from in (0..inputs).step_by(64) {
                let left = inputs - from;
                let mask = if left >= 64 { u64::MAX } else { (1 << left) - 1 };
                // SAFETY: rows of the matrix and of `x` have `inputs` bytes, as asserted; the mask ends at the last.
                let weights: [__m512i; COLUMNS] = std::array::from_fn(|column| unsafe {
                    _mm512_maskz_loadu_epi8(mask, chosen.values.as_ptr().add(starts[column] + from))
                });
                for (plane, sums) in sums.iter_mut().enumerate().take(planes) {
                    // SAFETY: as above.
                    let bytes = unsafe { _mm512_maskz_loadu_epi8(mask, x.as_ptr().add(plane * inputs + from).cast()) };
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = _mm512_dpbusd_epi32(*sum, bytes, weights);
                    }
                }
            }
            for (plane, sums) in sums.iter().enumerate().take(planes) {
                let mut four = [0i32; COLUMNS];
                // SAFETY: four elements of 4 bytes.
                unsafe { _mm_storeu_si128(four.as_mut_ptr().cast(), add_across(*sums)) };
                let to = &mut products[plane * wanted + block * COLUMNS..][..ids.len()];
                to.copy_from_slice(&four[..ids.len()]);
            }
        }
    }

    /// The sum of each of four registers.
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2")]
    fn add_across([a, b, c, d]: [__m512i; COLUMNS]) -> __m128i {
        // Pairs of lanes, then quarters: each lane of 128 bits then has a partial sum of all four.
        let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        let all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
        let half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64::<1>(all));
        _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{Finish, Matrix, PANEL, Packed, multiply_here, pack_quantized, padded_outputs};
    use super::*;

    /// What a packed product of the same rows gives, bit for bit, on every instruction set.
    #[test]
    fn chosen_rows_are_multiplied_as_packed_ones() {
        for (outputs, inputs) in [(70, 256), (9, 20), (300, 384), (64, 64), (5, 132)] {
            let values: Vec<i8> = (0..outputs * inputs).map(|i| (i * 7919 % 255) as u8 as i8).collect();
            let ids: Vec<u32> = (0..outputs as u32).filter(|id| id % 3 != 1).collect();
            let scales: Vec<f32> = ids.iter().map(|&id| 0.01 + id as f32 / 1000.0).collect();
            let row = |id: u32| &values[id as usize * inputs..][..inputs];
            let sums: Vec<i32> = ids.iter().map(|&id| row(id).iter().map(|&q| i32::from(q)).sum()).collect();
            let bias: Vec<f32> = ids.iter().map(|&id| id as f32 / 7.0).collect();
            let chosen = Chosen { values: &values, inputs, rows: &ids, scales: &scales, sums: &sums, bias: &bias };
            let rows = ids.iter().zip(&scales).map(|(&id, &scale)| (row(id), scale));
            let packed = pack_quantized(rows, ids.len(), inputs);
            let mut padded = bias.clone();
            padded.resize(padded_outputs(ids.len()), 0.0);
            let Packed { values: panels, scales: factors, sums: totals } = &packed;
            let matrix =
                Matrix { values: panels, scales: factors, sums: totals, bias: &padded, outputs: ids.len(), inputs };
            let numbers: Vec<f32> = (0..3 * inputs).map(|i| ((i * 31 % 97) as f32 - 40.0) / 9.0).collect();
            for kind in [Activations::Bits8, Activations::Bits16] {
                let mut x = QuantizedRows::default();
                x.set_to(&numbers, inputs, kind);
                let mut expected = vec![0.0; 3 * ids.len()];
                let panels = 0..ids.len().div_ceil(PANEL);
                multiply_here(&x, (&matrix, panels), &mut expected, Finish::Store).unwrap();
                for tier in Tier::available() {
                    let mut got = vec![0.0; 3 * ids.len()];
                    multiply_chosen_with(tier, &x, &chosen, &mut got).unwrap();
                    let same = got.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(same, "{tier:?} {kind:?} {outputs} {inputs}");
                }
            }
        }
    }

    #[test]
    fn wrong_lengths_and_rows_are_errors() {
        let mut x = QuantizedRows::default();
        x.set(&[1.0; 8], 8);
        let chosen =
            Chosen { values: &[1; 16], inputs: 8, rows: &[0, 1], scales: &[1.0; 2], sums: &[8; 2], bias: &[0.0; 2] };
        assert!(multiply_chosen(&x, &chosen, &mut [0.0; 2]).is_ok());
        assert!(multiply_chosen(&x, &chosen, &mut [0.0; 3]).is_err());
        assert!(multiply_chosen(&x, &Chosen { rows: &[0, 2], ..chosen }, &mut [0.0; 2]).is_err());
        assert!(multiply_chosen(&x, &Chosen { scales: &[1.0], ..chosen }, &mut [0.0; 2]).is_err());
        assert!(multiply_chosen(&x, &Chosen { inputs: 4, ..chosen }, &mut [0.0; 2]).is_err());
        let none = Chosen { rows: &[], scales: &[], sums: &[], bias: &[], ..chosen };
        assert!(multiply_chosen(&x, &none, &mut []).is_ok());
    }
}
