//! The products with AVX-512 VNNI: one instruction multiplies four inputs of 16 outputs with four values of a row.
//!
//! Weights are unpacked in registers and used for all rows of a group; the row's values come as broadcasts from memory.
//! Bit for bit the numbers of `plain`.

// The names of instructions are unmistakable, and a list of them would be longer than the kernels.
#[allow(clippy::wildcard_imports)]
use std::arch::x86_64::*;

use super::activations::Group;
use super::tiles::{Ends, Tile4, Tile5, Tile6, Tile8};
use super::{COLUMNS, Sums};

/// Whether the machine has all the kernels need.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("f16c")
}

/// Bytes ahead of the weights in use that are fetched where there is a single group of rows.
const AHEAD: usize = 4096;

/// Declares a product for any number of rows: the kernel is compiled for each number from 1 to 8.
macro_rules! for_each_number_of_rows {
    ($name:ident, $kernel:ident, $tile:ty $(, $offset:ident)?) => {
        /// Adds the products of a tile of 16 outputs with the rows of a group.
        ///
        /// # Safety
        /// [`is_available`] has to hold.
        pub(super) unsafe fn $name(tiles: &[$tile], $($offset: i32,)? group: &Group<'_>, out: &mut Sums) {
            // SAFETY: the caller has checked the machine; the kernel checks the lengths.
            unsafe {
                match group.rows {
                    1 => $kernel::<1>(tiles, $($offset,)? group, out),
                    2 => $kernel::<2>(tiles, $($offset,)? group, out),
                    3 => $kernel::<3>(tiles, $($offset,)? group, out),
                    4 => $kernel::<4>(tiles, $($offset,)? group, out),
                    5 => $kernel::<5>(tiles, $($offset,)? group, out),
                    6 => $kernel::<6>(tiles, $($offset,)? group, out),
                    7 => $kernel::<7>(tiles, $($offset,)? group, out),
                    _ => $kernel::<8>(tiles, $($offset,)? group, out),
                }
            }
        }
    };
}

for_each_number_of_rows!(multiply4, four_bits, Tile4);
for_each_number_of_rows!(multiply5, five_bits, Tile5);
for_each_number_of_rows!(multiply6, six_bits, Tile6);
for_each_number_of_rows!(multiply8, eight_bits, Tile8, offset);

/// Where the reading of a group stands; every kernel checks the lengths once and then walks pointers.
struct Reader {
    values: *const i32,
    scales: *const f32,
    pairs: *const i32,
    sums: *const i32,
}

impl Reader {
    /// # Panics
    /// The group is not one of `R` rows of `blocks` blocks of `inputs` inputs, so that reading would leave it.
    fn new<const R: usize>(group: &Group<'_>, blocks: usize, inputs: usize) -> Reader {
        assert!(group.rows == R && group.values.len() == blocks * inputs * R && group.scales.len() == blocks * R);
        assert!(group.sums.len() == blocks * R * if inputs == 256 { 16 } else { 1 });
        assert!(inputs != 256 || group.pairs.len() == blocks * R * 8);
        Reader {
            values: group.values.as_ptr().cast(),
            scales: group.scales.as_ptr(),
            pairs: group.pairs.as_ptr().cast(),
            sums: group.sums.as_ptr(),
        }
    }
}

/// Multiplies a vector of weights with the next four values of each row.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
unsafe fn multiply<const R: usize>(weights: __m512i, values: &mut *const i32, sums: &mut [__m512i; R]) {
    for sum in sums.iter_mut() {
        // SAFETY: the caller's pointer stands before as many values as it multiplies.
        unsafe {
            *sum = _mm512_dpbusd_epi32(*sum, weights, _mm512_set1_epi32(values.read_unaligned()));
            *values = values.add(1);
        }
    }
}

/// What is fetched into the cache while weights are read: with one group of rows what comes soon; with several, the first
/// of which would wait for memory while the others do not, a share of the next tile with each.
struct Fetch {
    next: *const u8,
    step: usize,
}

impl Fetch {
    fn new<T>(tiles: &[T], (index, groups): (usize, usize)) -> Fetch {
        let start = tiles.as_ptr().cast::<u8>();
        if groups < 2 {
            return Fetch { next: start.wrapping_add(AHEAD), step: 64 };
        }
        let size = size_of_val(tiles);
        Fetch { next: start.wrapping_add(size + size / groups * index), step: 64usize.div_ceil(groups) }
    }

    /// Reads a vector of weights.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
    fn load(&mut self, bytes: &[u8; 64]) -> __m512i {
        // SAFETY: 64 bytes are read from an array of 64; fetching reads nothing, wherever it points.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(self.next.cast());
            self.next = self.next.wrapping_add(self.step);
            _mm512_loadu_si512(bytes.as_ptr().cast())
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
fn halves(bits: &[u16; COLUMNS]) -> __m512 {
    // SAFETY: 32 bytes are read from an array of 32.
    unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(bits.as_ptr().cast())) }
}

/// Adds `sums · scales` to the totals.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
fn scale<const R: usize>(scales: __m512i, sums: &[__m512i; R], totals: &mut [__m512i; R]) {
    for (total, sum) in totals.iter_mut().zip(sums) {
        *total = _mm512_add_epi32(*total, _mm512_mullo_epi32(*sum, scales));
    }
}

/// Behind a block with minima: adds what they take away and the floating-point scales.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
unsafe fn finish_with_minima<const R: usize>(
    (scale, minimum, minima): Ends<'_>,
    reader: &mut Reader,
    totals: &[__m512i; R],
    out: &mut [__m512; R],
) {
    // SAFETY: arrays of 32 bytes are read whole; the reader has a pair for each row and quarter of the block.
    unsafe {
        let mut below = [_mm512_setzero_si512(); R];
        for minima in minima {
            let minima = _mm512_cvtepu8_epi16(_mm256_loadu_si256(minima.as_ptr().cast()));
            for below in &mut below {
                *below = _mm512_dpwssd_epi32(*below, minima, _mm512_set1_epi32(reader.pairs.read_unaligned()));
                reader.pairs = reader.pairs.add(1);
            }
        }
        let (scale, minimum) = (halves(scale), halves(minimum));
        for ((out, total), below) in out.iter_mut().zip(totals).zip(below) {
            let first = _mm512_mul_ps(_mm512_cvtepi32_ps(*total), scale);
            let second = _mm512_mul_ps(_mm512_cvtepi32_ps(below), minimum);
            let row = _mm512_set1_ps(reader.scales.read());
            *out = _mm512_add_ps(*out, _mm512_mul_ps(_mm512_sub_ps(first, second), row));
            reader.scales = reader.scales.add(1);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
fn store<const R: usize>(sums: [__m512; R], out: &mut Sums) {
    for (out, sum) in out.iter_mut().zip(sums) {
        // SAFETY: 16 floats are read from and written to an array of 16.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), _mm512_add_ps(_mm512_loadu_ps(out.as_ptr()), sum)) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
unsafe fn four_bits<const R: usize>(tiles: &[Tile4], group: &Group<'_>, out: &mut Sums) {
    let mut reader = Reader::new::<R>(group, tiles.len(), 256);
    let mut fetch = Fetch::new(tiles, group.place);
    let mask = _mm512_set1_epi8(15);
    let mut floats = [_mm512_setzero_ps(); R];
    for tile in tiles {
        let mut totals = [_mm512_setzero_si512(); R];
        for (scales, quants) in tile.scales.iter().zip(tile.quants.as_chunks::<4>().0) {
            let mut sums = [_mm512_setzero_si512(); R];
            for quants in quants {
                // SAFETY: the reader holds the values of every block.
                unsafe {
                    let bytes = fetch.load(quants);
                    multiply(_mm512_and_si512(bytes, mask), &mut reader.values, &mut sums);
                    multiply(_mm512_and_si512(_mm512_srli_epi16::<4>(bytes), mask), &mut reader.values, &mut sums);
                }
            }
            // SAFETY: 16 bytes are read from an array of 16.
            let scales = unsafe { _mm512_cvtepu8_epi32(_mm_loadu_si128(scales.as_ptr().cast())) };
            scale(scales, &sums, &mut totals);
        }
        // SAFETY: as above.
        unsafe {
            finish_with_minima((&tile.scale, &tile.minimum, &tile.minima), &mut reader, &totals, &mut floats);
        }
    }
    store(floats, out);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
unsafe fn five_bits<const R: usize>(tiles: &[Tile5], group: &Group<'_>, out: &mut Sums) {
    let mut reader = Reader::new::<R>(group, tiles.len(), 256);
    let mut fetch = Fetch::new(tiles, group.place);
    let mut floats = [_mm512_setzero_ps(); R];
    for tile in tiles {
        let mut totals = [_mm512_setzero_si512(); R];
        for (scales, quants) in tile.scales.iter().zip(tile.quants.as_chunks::<8>().0) {
            let mut sums = [_mm512_setzero_si512(); R];
            for quants in quants {
                // SAFETY: the reader holds the values of every block.
                unsafe { multiply(fetch.load(quants), &mut reader.values, &mut sums) };
            }
            // SAFETY: 16 bytes are read from an array of 16.
            let scales = unsafe { _mm512_cvtepu8_epi32(_mm_loadu_si128(scales.as_ptr().cast())) };
            scale(scales, &sums, &mut totals);
        }
        // SAFETY: as above.
        unsafe {
            finish_with_minima((&tile.scale, &tile.minimum, &tile.minima), &mut reader, &totals, &mut floats);
        }
    }
    store(floats, out);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
unsafe fn six_bits<const R: usize>(tiles: &[Tile6], group: &Group<'_>, out: &mut Sums) {
    let mut reader = Reader::new::<R>(group, tiles.len(), 256);
    let mut fetch = Fetch::new(tiles, group.place);
    let (low_mask, high_mask) = (_mm512_set1_epi8(15), _mm512_set1_epi8(0x30));
    let mut floats = [_mm512_setzero_ps(); R];
    for tile in tiles {
        let mut totals = [_mm512_setzero_si512(); R];
        for ((scales, low), high) in tile.scales.iter().zip(&tile.low).zip(&tile.high) {
            // SAFETY: the reader holds the sums and values of every block.
            unsafe {
                // Each weight is stored 32 too high: -32 times the sum of the row's values makes up for it.
                let mut sums = [_mm512_setzero_si512(); R];
                for sum in &mut sums {
                    *sum = _mm512_slli_epi32::<5>(_mm512_sub_epi32(
                        _mm512_setzero_si512(),
                        _mm512_set1_epi32(reader.sums.read()),
                    ));
                    reader.sums = reader.sums.add(1);
                }
                let (first, second, high) = (fetch.load(&low[0]), fetch.load(&low[1]), fetch.load(high));
                // (a & low_mask) | (b & high_mask), whatever the bits between.
                let join = |low: __m512i, high: __m512i| {
                    _mm512_ternarylogic_epi32::<0xF8>(_mm512_and_si512(low, low_mask), high, high_mask)
                };
                multiply(join(first, _mm512_slli_epi16::<4>(high)), &mut reader.values, &mut sums);
                multiply(
                    join(_mm512_srli_epi16::<4>(first), _mm512_slli_epi16::<2>(high)),
                    &mut reader.values,
                    &mut sums,
                );
                multiply(join(second, high), &mut reader.values, &mut sums);
                multiply(
                    join(_mm512_srli_epi16::<4>(second), _mm512_srli_epi16::<2>(high)),
                    &mut reader.values,
                    &mut sums,
                );
                let scales = _mm512_cvtepi8_epi32(_mm_loadu_si128(scales.as_ptr().cast()));
                scale(scales, &sums, &mut totals);
            }
        }
        let scale = halves(&tile.scale);
        for (float, total) in floats.iter_mut().zip(totals) {
            // SAFETY: the reader has a scale for each row and block.
            unsafe {
                let row = _mm512_set1_ps(reader.scales.read());
                reader.scales = reader.scales.add(1);
                let product = _mm512_mul_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(total), scale), row);
                *float = _mm512_add_ps(*float, product);
            }
        }
    }
    store(floats, out);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
unsafe fn eight_bits<const R: usize>(tiles: &[Tile8], offset: i32, group: &Group<'_>, out: &mut Sums) {
    let mut reader = Reader::new::<R>(group, tiles.len(), 32);
    let mut fetch = Fetch::new(tiles, group.place);
    let offset = _mm512_set1_epi32(-offset);
    let mut floats = [_mm512_setzero_ps(); R];
    for tile in tiles {
        // SAFETY: the reader holds sums, values and scales of every block.
        unsafe {
            let mut sums = [_mm512_setzero_si512(); R];
            for sum in &mut sums {
                *sum = _mm512_mullo_epi32(offset, _mm512_set1_epi32(reader.sums.read()));
                reader.sums = reader.sums.add(1);
            }
            for quants in &tile.quants {
                multiply(fetch.load(quants), &mut reader.values, &mut sums);
            }
            let scale = _mm512_loadu_ps(tile.scale.as_ptr());
            for (float, sum) in floats.iter_mut().zip(sums) {
                let row = _mm512_set1_ps(reader.scales.read());
                reader.scales = reader.scales.add(1);
                let product = _mm512_mul_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale), row);
                *float = _mm512_add_ps(*float, product);
            }
        }
    }
    store(floats, out);
}
