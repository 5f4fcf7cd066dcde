//! The inner kernel: a few rows times one panel, exact sums in 32 bits, one implementation an instruction set.

use super::{GROUP, PANEL};

/// Rows that go through the kernel together: with four registers of outputs, 24 of the 32 registers hold sums.
pub(super) const ROWS: usize = 6;

/// Sums of a tile.
pub(super) type Tile = [[i32; PANEL]; ROWS];

/// An instruction set that the kernel is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// AVX-512 with its 8-bit dot products.
    Avx512Vnni,
    /// The same dot products on 256 bits, as desktop processors have them.
    AvxVnni,
    /// AVX2: bytes are widened, since its byte products saturate.
    Avx2,
    /// Whatever the compiler makes of plain loops.
    Generic,
}

impl Tier {
    /// All that this machine has, best first.
    pub fn available() -> Vec<Tier> {
        let mut tiers = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq");
            if avx2 && wide && is_x86_feature_detected!("avx512vnni") {
                tiers.push(Tier::Avx512Vnni);
            }
            if avx2 && is_x86_feature_detected!("avxvnni") {
                tiers.push(Tier::AvxVnni);
            }
            if avx2 {
                tiers.push(Tier::Avx2);
            }
        }
        tiers.push(Tier::Generic);
        tiers
    }

    /// The best that this machine has.
    pub fn best() -> Tier {
        static BEST: std::sync::OnceLock<Tier> = std::sync::OnceLock::new();
        *BEST.get_or_init(|| Tier::available()[0])
    }
}

/// Rows of bytes and the panel they are multiplied with.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    /// Starts with the first row.
    pub(super) rows: &'a [u8],
    /// Bytes from one row to the next.
    pub(super) stride: usize,
    /// `[stride / 4, PANEL, 4]`.
    pub(super) panel: &'a [i8],
}

impl Operands<'_> {
    /// Whether `count` rows and a panel lie within the slices: what the kernels that use pointers rest on.
    fn fit(&self, count: usize) -> bool {
        self.stride.is_multiple_of(GROUP)
            && self.rows.len() >= count * self.stride
            && self.panel.len() >= self.stride * PANEL
    }
}

/// `tile[row][column] = Σ rows[row][i] · panel[i][column]` for the first `COUNT` rows, in plain Rust: the reference.
pub(super) fn generic<const COUNT: usize>(operands: Operands<'_>, tile: &mut Tile) {
    let Operands { rows, stride, panel } = operands;
    for (row, sums) in tile.iter_mut().enumerate().take(COUNT) {
        sums.fill(0);
        let row = &rows[row * stride..(row + 1) * stride];
        for (x, weights) in row.as_chunks::<GROUP>().0.iter().zip(panel.chunks_exact(PANEL * GROUP)) {
            for (sum, w) in sums.iter_mut().zip(weights.as_chunks::<GROUP>().0) {
                *sum += i32::from(x[0]) * i32::from(w[0])
                    + i32::from(x[1]) * i32::from(w[1])
                    + i32::from(x[2]) * i32::from(w[2])
                    + i32::from(x[3]) * i32::from(w[3]);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use super::{GROUP, Operands, PANEL, Tile};
    use std::arch::x86_64::{
        _mm_loadu_si128, _mm_set1_epi32, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16,
        _mm256_dpbusd_avx_epi32, _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_permute4x64_epi64,
        _mm256_set1_epi32, _mm256_setzero_si256, _mm256_storeu_si256, _mm512_dpbusd_epi32, _mm512_loadu_si512,
        _mm512_set1_epi32, _mm512_setzero_si512, _mm512_storeu_si512,
    };

    /// Columns that the 256-bit kernels hold sums of at a time.
    const PART: usize = 16;

    /// Group `at` of row `row` as one 32-bit number.
    ///
    /// # Safety
    /// The group lies within the rows.
    #[inline(always)]
    unsafe fn group(operands: &Operands<'_>, row: usize, at: usize) -> i32 {
        // SAFETY: the caller's promise; the read is unaligned.
        unsafe { operands.rows.as_ptr().add(row * operands.stride + at * GROUP).cast::<i32>().read_unaligned() }
    }

    /// As [`super::generic`].
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma")]
    pub(in super::super) fn avx512_vnni<const COUNT: usize>(operands: Operands<'_>, tile: &mut Tile) {
        assert!(operands.fit(COUNT));
        let mut sums = [[_mm512_setzero_si512(); 4]; COUNT];
        let panel = operands.panel.as_ptr();
        for at in 0..operands.stride / GROUP {
            // SAFETY: `fit` has been asserted: the panel has `stride / 4` groups of 256 bytes, and each row `stride` bytes.
            unsafe {
                let weights = panel.add(at * PANEL * GROUP);
                let weights = [
                    _mm512_loadu_si512(weights.cast()),
                    _mm512_loadu_si512(weights.add(64).cast()),
                    _mm512_loadu_si512(weights.add(128).cast()),
                    _mm512_loadu_si512(weights.add(192).cast()),
                ];
                for (row, sums) in sums.iter_mut().enumerate() {
                    let x = _mm512_set1_epi32(group(&operands, row, at));
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = _mm512_dpbusd_epi32(*sum, x, weights);
                    }
                }
            }
        }
        for (sums, row) in sums.iter().zip(tile.iter_mut()) {
            for (sum, part) in sums.iter().zip(row.as_chunks_mut::<16>().0) {
                // SAFETY: a part has 16 elements of 4 bytes.
                unsafe { _mm512_storeu_si512(part.as_mut_ptr().cast(), *sum) };
            }
        }
    }

    /// As [`super::generic`].
    #[target_feature(enable = "avx2,fma,avxvnni")]
    pub(in super::super) fn avx_vnni<const COUNT: usize>(operands: Operands<'_>, tile: &mut Tile) {
        assert!(operands.fit(COUNT));
        for part in 0..PANEL / PART {
            let mut sums = [[_mm256_setzero_si256(); 2]; COUNT];
            for at in 0..operands.stride / GROUP {
                // SAFETY: as in `avx512_vnni`; a part is 64 of the 256 bytes of a group.
                unsafe {
                    let weights = operands.panel.as_ptr().add((at * PANEL + part * PART) * GROUP);
                    let weights = [_mm256_loadu_si256(weights.cast()), _mm256_loadu_si256(weights.add(32).cast())];
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let x = _mm256_set1_epi32(group(&operands, row, at));
                        for (sum, weights) in sums.iter_mut().zip(weights) {
                            *sum = _mm256_dpbusd_avx_epi32(*sum, x, weights);
                        }
                    }
                }
            }
            for (sums, row) in sums.iter().zip(tile.iter_mut()) {
                for (half, sum) in sums.iter().enumerate() {
                    let to = &mut row[part * PART + half * 8..][..8];
                    // SAFETY: eight elements of 4 bytes.
                    unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), *sum) };
                }
            }
        }
    }

    /// As [`super::generic`].
    #[target_feature(enable = "avx2,fma")]
    pub(in super::super) fn avx2<const COUNT: usize>(operands: Operands<'_>, tile: &mut Tile) {
        assert!(operands.fit(COUNT));
        // Eight columns at a time: four registers of 16-bit weights would not leave room for six rows of sums.
        for part in 0..PANEL / 8 {
            // Each sum has two 32-bit lanes a column, one for each pair of inputs of a group.
            let mut sums = [[_mm256_setzero_si256(); 2]; COUNT];
            for at in 0..operands.stride / GROUP {
                // SAFETY: as in `avx512_vnni`; a part is 32 of the 256 bytes of a group.
                unsafe {
                    let weights = operands.panel.as_ptr().add((at * PANEL + part * 8) * GROUP);
                    let weights = [
                        _mm256_cvtepi8_epi16(_mm_loadu_si128(weights.cast())),
                        _mm256_cvtepi8_epi16(_mm_loadu_si128(weights.add(16).cast())),
                    ];
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let x = _mm256_cvtepu8_epi16(_mm_set1_epi32(group(&operands, row, at)));
                        for (sum, weights) in sums.iter_mut().zip(weights) {
                            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(x, weights));
                        }
                    }
                }
            }
            for (sums, row) in sums.iter().zip(tile.iter_mut()) {
                // Pairs are added within halves of a register, which leaves the quarters in the order 0, 2, 1, 3.
                let pairs = _mm256_hadd_epi32(sums[0], sums[1]);
                let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(pairs);
                let to = &mut row[part * 8..][..8];
                // SAFETY: eight elements of 4 bytes.
                unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), ordered) };
            }
        }
    }
}
