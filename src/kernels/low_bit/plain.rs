//! The products in plain Rust: what the kernels with intrinsics are compared with, and what other machines run.
//!
//! Sums within a block are exact integers and the f32 operations behind them have a fixed order without fused products,
//! so that every kernel answers the same bits.

use half::f16;

use super::activations::Group;
use super::tiles::{Tile4, Tile5, Tile6, Tile8, VECTOR};
use super::{COLUMNS, Sums};

/// Adds the products of one vector of bytes with four values of a row.
fn add_products(sums: &mut [i32; COLUMNS], bytes: impl Fn(usize) -> u8, values: &[i8]) {
    for (column, sum) in sums.iter_mut().enumerate() {
        for (at, value) in values[..4].iter().enumerate() {
            *sum += i32::from(bytes(4 * column + at)) * i32::from(*value);
        }
    }
}

/// The four values of a row at `quad`, that is inputs `4 * quad..4 * quad + 4`.
fn values<'a>(group: &Group<'a>, quad: usize, row: usize) -> &'a [i8] {
    &group.values[(quad * group.rows + row) * 4..]
}

fn float(bits: u16) -> f32 {
    f16::from_bits(bits).to_f32()
}

/// Scales, minima and the function that finds the byte of a vector of four inputs.
struct WithMinima<'a, F> {
    scale: &'a [u16; COLUMNS],
    minimum: &'a [u16; COLUMNS],
    scales: &'a [[u8; COLUMNS]; 8],
    minima: &'a [[[u8; 2]; COLUMNS]; 4],
    byte: F,
}

fn add_with_minima<F: Fn(usize, usize) -> u8>(
    tile: &WithMinima<'_, F>,
    (block, row): (usize, usize),
    group: &Group<'_>,
    out: &mut [f32; COLUMNS],
) {
    let (mut total, mut minima) = ([0i32; COLUMNS], [0i32; COLUMNS]);
    for (j, scales) in tile.scales.iter().enumerate() {
        let mut sums = [0i32; COLUMNS];
        for quad in 8 * j..8 * j + 8 {
            add_products(&mut sums, |at| (tile.byte)(quad, at), values(group, block * 64 + quad, row));
        }
        for column in 0..COLUMNS {
            total[column] += sums[column] * i32::from(scales[column]);
        }
    }
    for (pair, tile) in tile.minima.iter().enumerate() {
        let sums = &group.pairs[((block * 4 + pair) * group.rows + row) * 2..];
        for column in 0..COLUMNS {
            minima[column] += i32::from(tile[column][0]) * i32::from(sums[0]);
            minima[column] += i32::from(tile[column][1]) * i32::from(sums[1]);
        }
    }
    let scale = group.scales[block * group.rows + row];
    for column in 0..COLUMNS {
        let first = total[column] as f32 * float(tile.scale[column]);
        let second = minima[column] as f32 * float(tile.minimum[column]);
        out[column] += (first - second) * scale;
    }
}

pub(super) fn multiply4(tiles: &[Tile4], group: &Group<'_>, out: &mut Sums) {
    for (row, out) in out.iter_mut().enumerate().take(group.rows) {
        for (block, tile) in tiles.iter().enumerate() {
            let byte = |quad: usize, at: usize| (tile.quants[quad / 2][at] >> (quad % 2 * 4)) & 15;
            let Tile4 { scale, minimum, scales, minima, .. } = tile;
            add_with_minima(&WithMinima { scale, minimum, scales, minima, byte }, (block, row), group, out);
        }
    }
}

pub(super) fn multiply5(tiles: &[Tile5], group: &Group<'_>, out: &mut Sums) {
    for (row, out) in out.iter_mut().enumerate().take(group.rows) {
        for (block, tile) in tiles.iter().enumerate() {
            let byte = |quad: usize, at: usize| tile.quants[quad][at];
            let Tile5 { scale, minimum, scales, minima, .. } = tile;
            add_with_minima(&WithMinima { scale, minimum, scales, minima, byte }, (block, row), group, out);
        }
    }
}

/// Value `at` of the vector `quad` (of four) of a sub-block of six-bit weights.
pub(super) fn six_bits(low: &[[u8; VECTOR]; 2], high: &[u8; VECTOR], quad: usize, at: usize) -> u8 {
    ((low[quad / 2][at] >> (quad % 2 * 4)) & 15) | (((high[at] >> (2 * quad)) & 3) << 4)
}

pub(super) fn multiply6(tiles: &[Tile6], group: &Group<'_>, out: &mut Sums) {
    for (row, out) in out.iter_mut().enumerate().take(group.rows) {
        for (block, tile) in tiles.iter().enumerate() {
            let mut total = [0i32; COLUMNS];
            for (j, scales) in tile.scales.iter().enumerate() {
                let mut sums = [-32 * group.sums[(block * 16 + j) * group.rows + row]; COLUMNS];
                for quad in 0..4 {
                    let byte = |at: usize| six_bits(&tile.low[j], &tile.high[j], quad, at);
                    add_products(&mut sums, byte, values(group, block * 64 + 4 * j + quad, row));
                }
                for column in 0..COLUMNS {
                    total[column] += sums[column] * i32::from(scales[column]);
                }
            }
            let scale = group.scales[block * group.rows + row];
            for column in 0..COLUMNS {
                out[column] += total[column] as f32 * float(tile.scale[column]) * scale;
            }
        }
    }
}

pub(super) fn multiply8(tiles: &[Tile8], offset: i32, group: &Group<'_>, out: &mut Sums) {
    for (row, out) in out.iter_mut().enumerate().take(group.rows) {
        for (block, tile) in tiles.iter().enumerate() {
            let at = block * group.rows + row;
            let mut sums = [-offset * group.sums[at]; COLUMNS];
            for (quad, bytes) in tile.quants.iter().enumerate() {
                add_products(&mut sums, |at| bytes[at], values(group, block * 8 + quad, row));
            }
            for column in 0..COLUMNS {
                out[column] += sums[column] as f32 * tile.scale[column] * group.scales[at];
            }
        }
    }
}
