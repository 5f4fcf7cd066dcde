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
        for input in 0..LARGE {
            // 32 bytes hold two sub-blocks of 32.
            let byte = block[16 + input / 64 * 32 + input % 32];
            let value = if input % 64 < 32 { byte & 15 } else { byte >> 4 };
            let slot = &mut self.quants[input / 8][column * 4 + input % 4];
            *slot |= if input % 8 < 4 { value } else { value << 4 };
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
        for input in 0..LARGE {
            let byte = block[48 + input / 64 * 32 + input % 32];
            let low = if input % 64 < 32 { byte & 15 } else { byte >> 4 };
            // Bit `j` of the high bytes belongs to the sub-block `j`.
            let high = (block[16 + input % 32] >> (input / 32)) & 1;
            self.quants[input / 4][column * 4 + input % 4] = low | (high << 4);
        }
    }
}

impl Tile6 {
    pub(super) fn put(&mut self, column: usize, block: &[u8]) {
        self.scale[column] = half(&block[208..]);
        for j in 0..16 {
            self.scales[j][column] = block[192 + j] as i8;
        }
        for input in 0..LARGE {
            // Each half of 128 inputs: 64 bytes of low bits, 32 bytes of high bits, in four runs of 32 inputs.
            let (part, run, at) = (input / 128, input % 128 / 32, input % 32);
            let low = block[part * 64 + (run % 2) * 32 + at];
            let low = if run < 2 { low & 15 } else { low >> 4 };
            let high = (block[128 + part * 32 + at] >> (2 * run)) & 3;
            let (sub, group) = (input / 16, input % 16 / 4);
            let byte = column * 4 + input % 4;
            self.low[sub][group / 2][byte] |= if group % 2 == 0 { low } else { low << 4 };
            self.high[sub][byte] |= high << (2 * group);
        }
    }
}

impl Tile8 {
    pub(super) fn put(&mut self, format: Format, column: usize, block: &[u8]) {
        self.scale[column] = half::f16::from_bits(half(block)).to_f32();
        let high = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
        for input in 0..SMALL {
            let nibble = |bytes: &[u8]| if input < 16 { bytes[input] & 15 } else { bytes[input - 16] >> 4 };
            let value = match format {
                Format::Q4_0 => nibble(&block[2..]),
                Format::Q5_0 => nibble(&block[6..]) | (((high >> input) & 1) << 4) as u8,
                // Two's complement to an offset of 128.
                _ => block[2 + input] ^ 0x80,
            };
            self.quants[input / 4][column * 4 + input % 4] = value;
        }
    }
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
