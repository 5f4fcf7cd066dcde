//! The packed form of low-bit matrices: 16 outputs side by side, four inputs of each in one 32-bit lane.
//!
//! Only layouts and the rearrangement from the blocks of a GGUF file; every number of the file is kept as it is. The
//! products are in `plain`, `avx2` and `avx512`.

use super::pages::PlainData;
use super::{COLUMNS, Format};

/// Inputs of a block of the K-quants.
pub(super) const LARGE: usize = 256;
/// Inputs of a block of the older formats.
pub(super) const SMALL: usize = 32;
/// Bytes of a vector: four inputs of each of 16 outputs.
pub(super) const VECTOR: usize = 4 * COLUMNS;

/// Floating-point scale and minimum of a tile, and the minima of its sub-blocks: what is applied behind its products.
pub(super) type Ends<'a> = (&'a [u16; COLUMNS], &'a [u16; COLUMNS], &'a [[[u8; 2]; COLUMNS]; 4]);

/// 256 inputs of 16 outputs in four bits: `scale · scales[j] · q − minimum · minima[j]` in the sub-block `j` of 32.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(super) struct Tile4 {
    /// Half floats.
    pub scale: [u16; COLUMNS],
    /// Half floats.
    pub minimum: [u16; COLUMNS],
    pub scales: [[u8; COLUMNS]; 8],
    /// Those of two neighbouring sub-blocks side by side.
    pub minima: [[[u8; 2]; COLUMNS]; 4],
    /// The low halves are the inputs `8i..8i + 4` of each output, the high halves `8i + 4..8i + 8`.
    pub quants: [[u8; VECTOR]; 32],
}

/// As [`Tile4`] with a byte for each input.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(super) struct Tile5 {
    pub scale: [u16; COLUMNS],
    pub minimum: [u16; COLUMNS],
    pub scales: [[u8; COLUMNS]; 8],
    pub minima: [[[u8; 2]; COLUMNS]; 4],
    pub quants: [[u8; VECTOR]; 64],
}

/// 256 inputs of 16 outputs in six bits: `scale · scales[j] · (q − 32)` in the sub-block `j` of 16.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(super) struct Tile6 {
    /// Half floats.
    pub scale: [u16; COLUMNS],
    pub scales: [[i8; COLUMNS]; 16],
    /// Four low bits of 16 inputs in two vectors: inputs `0..4` and `4..8`, `8..12` and `12..16`.
    pub low: [[[u8; VECTOR]; 2]; 16],
    /// Two high bits of the same four groups, the first group lowest.
    pub high: [[u8; VECTOR]; 16],
}

/// 32 inputs of 16 outputs in bytes: `scale · (q − offset)`.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(super) struct Tile8 {
    pub scale: [f32; COLUMNS],
    pub quants: [[u8; VECTOR]; 8],
}

// SAFETY: arrays of integers and floats, whose sizes add up to whole multiples of the alignment or are padded behind the
// last field only, where nothing reads.
unsafe impl PlainData for Tile4 {}
// SAFETY: as above.
unsafe impl PlainData for Tile5 {}
// SAFETY: as above.
unsafe impl PlainData for Tile6 {}
// SAFETY: as above.
unsafe impl PlainData for Tile8 {}

impl Tile4 {
    pub(super) fn put(&mut self, column: usize, block: &[u8]) {
        (self.scale[column], self.minimum[column]) = (half(&block[0..]), half(&block[2..]));
        for j in 0..8 {
            let (scale, minimum) = six_bits(&block[4..16], j);
            self.scales[j][column] = scale;
            self.minima[j / 2][column][j % 2] = minimum;
        }
        for (pair, bytes) in block[16..144].chunks_exact(32).enumerate() {
            // 32 bytes hold two sub-blocks of 32, one in the low halves and one in the high ones.
            for (at, eight) in bytes.chunks_exact(8).enumerate() {
                let (first, second) = (word(eight), word(&eight[4..]));
                let low = (first & LOW) | ((second & LOW) << 4);
                let high = ((first >> 4) & LOW) | (second & !LOW);
                put_word(&mut self.quants[8 * pair + at], column, low);
                put_word(&mut self.quants[8 * pair + 4 + at], column, high);
            }
        }
    }
}

impl Tile5 {
    pub(super) fn put(&mut self, column: usize, block: &[u8]) {
        (self.scale[column], self.minimum[column]) = (half(&block[0..]), half(&block[2..]));
        for j in 0..8 {
            let (scale, minimum) = six_bits(&block[4..16], j);
            self.scales[j][column] = scale;
            self.minima[j / 2][column][j % 2] = minimum;
        }
        for quad in 0..64 {
            let (j, at) = (quad / 8, quad % 8 * 4);
            let low = (word(&block[48 + j / 2 * 32 + at..]) >> (j % 2 * 4)) & LOW;
            // Bit `j` of the high bytes belongs to the sub-block `j`.
            let high = (word(&block[16 + at..]) >> j) & 0x0101_0101;
            put_word(&mut self.quants[quad], column, low | (high << 4));
        }
    }
}

impl Tile6 {
    pub(super) fn put(&mut self, column: usize, block: &[u8]) {
        self.scale[column] = half(&block[208..]);
        for j in 0..16 {
            self.scales[j][column] = block[192 + j] as i8;
        }
        for sub in 0..16 {
            // Each half of 128 inputs: 64 bytes of low bits, 32 bytes of high bits, in four runs of 32 inputs.
            let (part, run, start) = (sub / 8, sub % 8 / 2, sub % 2 * 16);
            let group = |at: usize| {
                let low = word(&block[part * 64 + run % 2 * 32 + start + at..]) >> (run / 2 * 4);
                (low & LOW, (word(&block[128 + part * 32 + start + at..]) >> (2 * run)) & 0x0303_0303)
            };
            let groups = [group(0), group(4), group(8), group(12)];
            for (pair, low) in self.low[sub].iter_mut().enumerate() {
                put_word(low, column, groups[2 * pair].0 | (groups[2 * pair + 1].0 << 4));
            }
            let high = groups.iter().rev().fold(0, |high, group| (high << 2) | group.1);
            put_word(&mut self.high[sub], column, high);
        }
    }
}

impl Tile8 {
    pub(super) fn put(&mut self, format: Format, column: usize, block: &[u8]) {
        self.scale[column] = half::f16::from_bits(half(block)).to_f32();
        for (quad, quants) in self.quants.iter_mut().enumerate() {
            let nibbles = |bytes: &[u8]| (word(&bytes[quad % 4 * 4..]) >> (quad / 4 * 4)) & LOW;
            let value = match format {
                Format::Q4_0 => nibbles(&block[2..]),
                Format::Q5_0 => {
                    let bits = word(&block[2..]) >> (4 * quad);
                    let high = (0..4).fold(0, |high, at| high | (((bits >> at) & 1) << (8 * at)));
                    nibbles(&block[6..]) | (high << 4)
                }
                // Two's complement to an offset of 128.
                _ => word(&block[2 + 4 * quad..]) ^ 0x8080_8080,
            };
            put_word(quants, column, value);
        }
    }
}

/// The low halves of four bytes.
const LOW: u32 = 0x0F0F_0F0F;

/// Four bytes, the first lowest.
fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// Writes the four inputs of a column.
fn put_word(vector: &mut [u8; VECTOR], column: usize, word: u32) {
    vector[4 * column..4 * column + 4].copy_from_slice(&word.to_le_bytes());
}

fn half(bytes: &[u8]) -> u16 {
    u16::from_le_bytes([bytes[0], bytes[1]])
}

/// Scale and minimum of the sub-block `j`: eight pairs of six bits in twelve bytes, as the K-quants keep them.
fn six_bits(bytes: &[u8], j: usize) -> (u8, u8) {
    if j < 4 {
        (bytes[j] & 63, bytes[j + 4] & 63)
    } else {
        ((bytes[j + 4] & 15) | (bytes[j - 4] >> 6 << 4), (bytes[j + 4] >> 4) | (bytes[j] >> 6 << 4))
    }
}
