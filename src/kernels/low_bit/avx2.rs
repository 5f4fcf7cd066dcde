//! The products with AVX2, eight outputs and up to four rows at a time.
//!
//! Products of bytes are summed in 16 bits as long as they fit; the scale of a sub-block is applied by the instruction
//! that widens the sums to 32 bits. Bit for bit the numbers of `plain`.

// The names of instructions are unmistakable, and a list of them would be longer than the kernels.
#[allow(clippy::wildcard_imports)]
use std::arch::x86_64::*;

use super::activations::Group;
use super::tiles::{Ends, Tile4, Tile5, Tile6, Tile8, VECTOR};
use super::{COLUMNS, Sums};

/// Outputs of a register.
const HALF: usize = 8;
/// Rows that are multiplied at once.
const FOUR: usize = 4;

/// Whether the machine has all the kernels need.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c")
}

/// Declares a product for a group: half a tile and up to four rows at a time.
macro_rules! in_parts {
    ($name:ident, $kernel:ident, $tile:ty $(, $offset:ident)?) => {
        /// Adds the products of a tile of 16 outputs with the rows of a group.
        ///
        /// # Safety
        /// [`is_available`] has to hold.
        pub(super) unsafe fn $name(tiles: &[$tile], $($offset: i32,)? group: &Group<'_>, out: &mut Sums) {
            for half in 0..COLUMNS / HALF {
                for first in (0..group.rows).step_by(FOUR) {
                    let part = Part { group: *group, first, half };
                    // SAFETY: the caller has checked the machine.
                    unsafe {
                        match group.rows - first {
                            1 => $kernel::<1>(tiles, $($offset,)? part, out),
                            2 => $kernel::<2>(tiles, $($offset,)? part, out),
                            3 => $kernel::<3>(tiles, $($offset,)? part, out),
                            _ => $kernel::<4>(tiles, $($offset,)? part, out),
                        }
                    }
                }
            }
        }
    };
}

in_parts!(multiply4, four_bits, Tile4);
in_parts!(multiply5, five_bits, Tile5);
in_parts!(multiply6, six_bits, Tile6);
in_parts!(multiply8, eight_bits, Tile8, offset);

/// Some rows of a group, and which half of the outputs.
#[derive(Clone, Copy)]
struct Part<'a> {
    group: Group<'a>,
    first: usize,
    half: usize,
}

impl Part<'_> {
    /// Four values of a row in every lane.
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn values(&self, quad: usize, row: usize) -> __m256i {
        let at = (quad * self.group.rows + self.first + row) * 4;
        let four = &self.group.values[at..at + 4];
        _mm256_set1_epi32(i32::from_ne_bytes([four[0] as u8, four[1] as u8, four[2] as u8, four[3] as u8]))
    }

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn scale(&self, block: usize, row: usize) -> __m256 {
        _mm256_set1_ps(self.group.scales[block * self.group.rows + self.first + row])
    }

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn load(&self, bytes: &[u8; VECTOR]) -> __m256i {
        // SAFETY: one half of 64 bytes is read.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().add(32 * self.half).cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn halves(&self, bits: &[u16; COLUMNS]) -> __m256 {
        // SAFETY: one half of 16 numbers is read.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(bits.as_ptr().add(HALF * self.half).cast())) }
    }

    /// The scale of each output in both halves of its lane.
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn twice<T>(&self, scales: &[T; COLUMNS], widen: impl Fn(__m128i) -> __m256i) -> __m256i {
        // SAFETY: one half of 16 bytes is read.
        let wide = widen(unsafe { _mm_loadl_epi64(scales.as_ptr().cast::<u8>().add(HALF * self.half).cast()) });
        _mm256_blend_epi16::<0xAA>(wide, _mm256_slli_epi32::<16>(wide))
    }

    /// Adds what rows have in `sums` to the output.
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn store<const N: usize>(&self, sums: [__m256; N], out: &mut Sums) {
        for (out, sum) in out[self.first..].iter_mut().zip(sums) {
            // SAFETY: one half of 16 floats is read and written.
            unsafe {
                let out = out.as_mut_ptr().add(HALF * self.half);
                _mm256_storeu_ps(out, _mm256_add_ps(_mm256_loadu_ps(out), sum));
            }
        }
    }

    /// Multiplies bytes with the values at `quad` of each row, in sums of 16 bits.
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn multiply<const N: usize>(&self, bytes: __m256i, quad: usize, sums: &mut [__m256i; N]) {
        for (row, sum) in sums.iter_mut().enumerate() {
            *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(bytes, self.values(quad, row)));
        }
    }

    /// Behind a block with minima.
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    fn finish_with_minima<const N: usize>(
        &self,
        block: usize,
        (scale, minimum, minima): Ends<'_>,
        totals: &[__m256i; N],
        floats: &mut [__m256; N],
    ) {
        let mut below = [_mm256_setzero_si256(); N];
        for (pair, minima) in minima.iter().enumerate() {
            // SAFETY: one half of 32 bytes is read.
            let minima = unsafe {
                _mm256_cvtepu8_epi16(_mm_loadu_si128(minima.as_ptr().cast::<u8>().add(2 * HALF * self.half).cast()))
            };
            for (row, below) in below.iter_mut().enumerate() {
                let at = ((block * 4 + pair) * self.group.rows + self.first + row) * 2;
                let sums = [self.group.pairs[at], self.group.pairs[at + 1]];
                let sums = _mm256_set1_epi32(i32::from(sums[0] as u16) | (i32::from(sums[1]) << 16));
                *below = _mm256_add_epi32(*below, _mm256_madd_epi16(minima, sums));
            }
        }
        let (scale, minimum) = (self.halves(scale), self.halves(minimum));
        for (row, float) in floats.iter_mut().enumerate() {
            let first = _mm256_mul_ps(_mm256_cvtepi32_ps(totals[row]), scale);
            let second = _mm256_mul_ps(_mm256_cvtepi32_ps(below[row]), minimum);
            let product = _mm256_mul_ps(_mm256_sub_ps(first, second), self.scale(block, row));
            *float = _mm256_add_ps(*float, product);
        }
    }
}

/// Adds `sums · scales` to the totals and begins new sums.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn flush<const N: usize>(scales: __m256i, sums: &mut [__m256i; N], totals: &mut [__m256i; N]) {
    for (total, sum) in totals.iter_mut().zip(sums) {
        *total = _mm256_add_epi32(*total, _mm256_madd_epi16(*sum, scales));
        *sum = _mm256_setzero_si256();
    }
}

#[target_feature(enable = "avx2,f16c")]
fn four_bits<const N: usize>(tiles: &[Tile4], part: Part<'_>, out: &mut Sums) {
    let mask = _mm256_set1_epi8(15);
    let mut floats = [_mm256_setzero_ps(); N];
    for (block, tile) in tiles.iter().enumerate() {
        let mut totals = [_mm256_setzero_si256(); N];
        for (j, scales) in tile.scales.iter().enumerate() {
            let mut sums = [_mm256_setzero_si256(); N];
            // Eight times two products of at most 15 · 127 fit in 16 bits.
            for at in 0..4 {
                let bytes = part.load(&tile.quants[4 * j + at]);
                let quad = block * 64 + 8 * j + 2 * at;
                part.multiply(_mm256_and_si256(bytes, mask), quad, &mut sums);
                part.multiply(_mm256_and_si256(_mm256_srli_epi16::<4>(bytes), mask), quad + 1, &mut sums);
            }
            flush(part.twice(scales, |bytes| _mm256_cvtepu8_epi32(bytes)), &mut sums, &mut totals);
        }
        part.finish_with_minima(block, (&tile.scale, &tile.minimum, &tile.minima), &totals, &mut floats);
    }
    part.store(floats, out);
}

#[target_feature(enable = "avx2,f16c")]
fn five_bits<const N: usize>(tiles: &[Tile5], part: Part<'_>, out: &mut Sums) {
    let mut floats = [_mm256_setzero_ps(); N];
    for (block, tile) in tiles.iter().enumerate() {
        let mut totals = [_mm256_setzero_si256(); N];
        for (j, scales) in tile.scales.iter().enumerate() {
            let scales = part.twice(scales, |bytes| _mm256_cvtepu8_epi32(bytes));
            let mut sums = [_mm256_setzero_si256(); N];
            for at in 0..8 {
                part.multiply(part.load(&tile.quants[8 * j + at]), block * 64 + 8 * j + at, &mut sums);
                // Four times two products of at most 31 · 127 fit in 16 bits.
                if at % 4 == 3 {
                    flush(scales, &mut sums, &mut totals);
                }
            }
        }
        part.finish_with_minima(block, (&tile.scale, &tile.minimum, &tile.minima), &totals, &mut floats);
    }
    part.store(floats, out);
}

#[target_feature(enable = "avx2,f16c")]
fn six_bits<const N: usize>(tiles: &[Tile6], part: Part<'_>, out: &mut Sums) {
    let (low_mask, high_mask) = (_mm256_set1_epi8(15), _mm256_set1_epi8(0x30));
    let mut floats = [_mm256_setzero_ps(); N];
    for (block, tile) in tiles.iter().enumerate() {
        let mut totals = [_mm256_setzero_si256(); N];
        for (j, scales) in tile.scales.iter().enumerate() {
            let scales = part.twice(scales, |bytes| _mm256_cvtepi8_epi32(bytes));
            // Weights are stored 32 too high; the sum of 16 values fits in 12 bits, which two products share.
            for (row, total) in totals.iter_mut().enumerate() {
                let sum = part.group.sums[(block * 16 + j) * part.group.rows + part.first + row];
                let low = _mm256_set1_epi32((-16 * sum) & 0xFFFF);
                let twice = _mm256_or_si256(low, _mm256_slli_epi32::<16>(low));
                *total = _mm256_add_epi32(*total, _mm256_madd_epi16(twice, scales));
            }
            let (first, second) = (part.load(&tile.low[j][0]), part.load(&tile.low[j][1]));
            let high = part.load(&tile.high[j]);
            let join = |low, high| _mm256_or_si256(_mm256_and_si256(low, low_mask), _mm256_and_si256(high, high_mask));
            let quad = block * 64 + 4 * j;
            let mut sums = [_mm256_setzero_si256(); N];
            // Two times two products of at most 63 · 127 fit in 16 bits.
            part.multiply(join(first, _mm256_slli_epi16::<4>(high)), quad, &mut sums);
            part.multiply(join(_mm256_srli_epi16::<4>(first), _mm256_slli_epi16::<2>(high)), quad + 1, &mut sums);
            flush(scales, &mut sums, &mut totals);
            part.multiply(join(second, high), quad + 2, &mut sums);
            part.multiply(join(_mm256_srli_epi16::<4>(second), _mm256_srli_epi16::<2>(high)), quad + 3, &mut sums);
            flush(scales, &mut sums, &mut totals);
        }
        let scale = part.halves(&tile.scale);
        for (row, float) in floats.iter_mut().enumerate() {
            let product = _mm256_mul_ps(_mm256_cvtepi32_ps(totals[row]), scale);
            *float = _mm256_add_ps(*float, _mm256_mul_ps(product, part.scale(block, row)));
        }
    }
    part.store(floats, out);
}

#[target_feature(enable = "avx2,f16c")]
fn eight_bits<const N: usize>(tiles: &[Tile8], offset: i32, part: Part<'_>, out: &mut Sums) {
    let (offset, ones) = (_mm256_set1_epi8(offset as i8), _mm256_set1_epi16(1));
    let mut floats = [_mm256_setzero_ps(); N];
    for (block, tile) in tiles.iter().enumerate() {
        let mut totals = [_mm256_setzero_si256(); N];
        for (at, quants) in tile.quants.iter().enumerate() {
            let weights = _mm256_sub_epi8(part.load(quants), offset);
            // The sign moves to the values: 2 · 128 · 127 fits in 16 bits, so nothing saturates.
            let sizes = _mm256_abs_epi8(weights);
            for (row, total) in totals.iter_mut().enumerate() {
                let values = _mm256_sign_epi8(part.values(block * 8 + at, row), weights);
                let products = _mm256_madd_epi16(_mm256_maddubs_epi16(sizes, values), ones);
                *total = _mm256_add_epi32(*total, products);
            }
        }
        // SAFETY: one half of 16 floats is read.
        let scale = unsafe { _mm256_loadu_ps(tile.scale.as_ptr().add(HALF * part.half)) };
        for (row, float) in floats.iter_mut().enumerate() {
            let product = _mm256_mul_ps(_mm256_cvtepi32_ps(totals[row]), scale);
            *float = _mm256_add_ps(*float, _mm256_mul_ps(product, part.scale(block, row)));
        }
    }
    part.store(floats, out);
}
