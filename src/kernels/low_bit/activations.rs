//! Activations in 8 bits with a scale for each block, and the sums that make up for minima and offsets of the weights.

// A function that is not inlined is not compiled for the instruction set of the kernel that calls it.
#![allow(clippy::inline_always)]

use std::sync::{Mutex, PoisonError};

use super::tiles::{LARGE, SMALL};
use super::{Blocks, ROWS};
use crate::kernels::dispatched;
use crate::kernels::spread::for_each_index;

/// Rows of activations in 8 bits: `x ≈ scale · value`, a scale for each row and block.
///
/// Rows stand in groups of eight, the last group holding the rest. Within a group of `n` rows everything is interleaved:
/// values are `[inputs / 4, n, 4]`, so that the product of a group reads memory in one direction.
#[derive(Debug)]
pub struct Activations {
    pub(super) rows: usize,
    pub(super) inputs: usize,
    pub(super) blocks: Blocks,
    values: Vec<i8>,
    /// `[blocks, n]` for each group.
    scales: Vec<f32>,
    /// Of large blocks: the sums of two runs of 32 values side by side, `[inputs / 64, n, 2]` for each group.
    pairs: Vec<i16>,
    /// Sums of runs of values, `[inputs / run, n]` for each group: of 16 in large blocks, of 32 in small ones.
    sums: Vec<i32>,
}

/// The rows that are multiplied together: up to eight.
#[derive(Clone, Copy)]
pub(super) struct Group<'a> {
    pub rows: usize,
    /// Which group this is, and of how many: each fetches its share of the next tile.
    pub place: (usize, usize),
    pub values: &'a [i8],
    pub scales: &'a [f32],
    pub pairs: &'a [i16],
    pub sums: &'a [i32],
}

impl Activations {
    /// Quantizes `x`, `[rows, inputs]`. A row's numbers depend on that row only.
    ///
    /// The largest magnitude of a block becomes 127, halves are rounded to even; as `Q8_K` and `Q8_0` of GGML, but for
    /// the scale of the latter, which is not rounded to 16 bits here.
    ///
    /// # Panics
    /// `inputs` is no multiple of the block, or `x` is no whole number of rows.
    pub fn new(x: &[f32], inputs: usize, blocks: Blocks) -> Activations {
        let (block, run) = (blocks.inputs(), blocks.run());
        assert!(inputs > 0 && inputs.is_multiple_of(block), "{inputs} inputs are no whole blocks of {block}");
        assert!(x.len().is_multiple_of(inputs), "{} activations are no rows of {inputs}", x.len());
        let rows = x.len() / inputs;
        let pairs_a_row = if blocks == Blocks::Large { inputs / 32 } else { 0 };
        let mut made = Activations {
            rows,
            inputs,
            blocks,
            values: vec![0; x.len()],
            scales: vec![0.0; x.len() / block],
            pairs: vec![0; rows * pairs_a_row],
            sums: vec![0; x.len() / run],
        };
        let parts = x
            .chunks(ROWS * inputs)
            .zip(made.values.chunks_mut(ROWS * inputs))
            .zip(made.scales.chunks_mut(ROWS * (inputs / block)))
            .zip(made.sums.chunks_mut(ROWS * (inputs / run)));
        let mut pairs = made.pairs.chunks_mut(ROWS * pairs_a_row.max(1));
        let groups: Vec<_> = parts
            .map(|(((x, values), scales), sums)| {
                let pairs = pairs.next().unwrap_or_default();
                Mutex::new((x, Parts { values, scales, pairs, sums }))
            })
            .collect();
        for_each_index(groups.len(), |index| {
            // Each group is locked once.
            let mut group = groups[index].lock().unwrap_or_else(PoisonError::into_inner);
            let (x, parts) = &mut *group;
            match blocks {
                Blocks::Large => quantize_large(x, inputs, parts),
                Blocks::Small => quantize_small(x, inputs, parts),
            }
        });
        drop(groups);
        made
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn groups(&self) -> usize {
        self.rows.div_ceil(ROWS)
    }

    pub(super) fn group(&self, index: usize) -> Group<'_> {
        let first = index * ROWS;
        let rows = (self.rows - first).min(ROWS);
        let part = |a_row: usize| first * a_row..(first + rows) * a_row;
        let pairs_a_row = if self.blocks == Blocks::Large { self.inputs / 32 } else { 0 };
        Group {
            rows,
            place: (index, self.groups()),
            values: &self.values[part(self.inputs)],
            scales: &self.scales[part(self.inputs / self.blocks.inputs())],
            pairs: &self.pairs[part(pairs_a_row)],
            sums: &self.sums[part(self.inputs / self.blocks.run())],
        }
    }
}

/// What is written for a group.
struct Parts<'a> {
    values: &'a mut [i8],
    scales: &'a mut [f32],
    pairs: &'a mut [i16],
    sums: &'a mut [i32],
}

/// Quantizes a block; answers its scale.
#[inline(always)]
fn quantize_block<const N: usize>(x: &[f32; N], values: &mut [i8; N]) -> f32 {
    // Adding 1.5 * 2^23 leaves the nearest integer, halves to even, in the low bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    let mut lanes = [0.0f32; 16];
    for part in x.as_chunks::<16>().0 {
        for (lane, value) in lanes.iter_mut().zip(part) {
            let size = value.abs();
            *lane = if size > *lane { size } else { *lane };
        }
    }
    let largest = lanes.iter().fold(0.0f32, |largest, lane| if *lane > largest { *lane } else { largest });
    let factor = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    for (value, x) in values.iter_mut().zip(x) {
        *value = (x * factor + ROUND).to_bits() as i8;
    }
    largest / 127.0
}

/// Writes a row's values of a block into the group, four at a time.
#[inline(always)]
fn interleave<const N: usize>(values: &[i8; N], out: &mut [i8], row: usize, rows: usize) {
    for (quad, out) in values.as_chunks::<4>().0.iter().zip(out.chunks_exact_mut(4 * rows)) {
        out[4 * row..4 * row + 4].copy_from_slice(quad);
    }
}

dispatched! {
    fn quantize_large(x: &[f32], inputs: usize, parts: &mut Parts<'_>) {
        let rows = x.len() / inputs;
        let mut values = [0i8; LARGE];
        for (row, x) in x.chunks_exact(inputs).enumerate() {
            for (block, x) in x.as_chunks::<LARGE>().0.iter().enumerate() {
                parts.scales[block * rows + row] = quantize_block(x, &mut values);
                interleave(&values, &mut parts.values[block * LARGE * rows..], row, rows);
                let mut sums = [0i32; LARGE / 16];
                for (sum, run) in sums.iter_mut().zip(values.as_chunks::<16>().0) {
                    *sum = run.iter().map(|value| i32::from(*value)).sum();
                }
                for (at, sum) in sums.iter().enumerate() {
                    parts.sums[(block * (LARGE / 16) + at) * rows + row] = *sum;
                }
                for (at, four) in sums.as_chunks::<4>().0.iter().enumerate() {
                    let pair = &mut parts.pairs[((block * (LARGE / 64) + at) * rows + row) * 2..][..2];
                    pair.copy_from_slice(&[(four[0] + four[1]) as i16, (four[2] + four[3]) as i16]);
                }
            }
        }
    }
}

dispatched! {
    fn quantize_small(x: &[f32], inputs: usize, parts: &mut Parts<'_>) {
        let rows = x.len() / inputs;
        let mut values = [0i8; SMALL];
        for (row, x) in x.chunks_exact(inputs).enumerate() {
            for (block, x) in x.as_chunks::<SMALL>().0.iter().enumerate() {
                parts.scales[block * rows + row] = quantize_block(x, &mut values);
                interleave(&values, &mut parts.values[block * SMALL * rows..], row, rows);
                parts.sums[block * rows + row] = values.iter().map(|value| i32::from(*value)).sum();
            }
        }
    }
}
