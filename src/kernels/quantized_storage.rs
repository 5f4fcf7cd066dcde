//! Quantized blocks that stay where they are: a storage for Candle's quantized tensors over a memory map.
//!
//! Candle copies a tensor's bytes when it loads them and keeps a second, repacked copy for its fast products. Here the
//! first copy is the file itself (or can be let go), so only the repacked one takes memory. Knows nothing of files,
//! names or models.

use std::ops::Range;
use std::sync::Arc;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::quantized::k_quants::{
    self, BlockQ2K, BlockQ3K, BlockQ4_0, BlockQ4_1, BlockQ4K, BlockQ5_0, BlockQ5_1, BlockQ5K, BlockQ6K, BlockQ8_0,
    BlockQ8_1, BlockQ8K, GgmlType,
};
use candle_core::quantized::{GgmlDType, QuantizedType};
use candle_core::{CpuStorage, Result, bail};
use half::{bf16, f16};

/// Elements of a block of `Q5_0` and of `Q8_0`.
const SMALL_BLOCK: usize = 32;
/// Bytes of a block of `Q5_0`: scale, high bits, low nibbles.
const Q5_0_BYTES: usize = 22;
/// Bytes of a block of `Q8_0`: scale, values.
const Q8_0_BYTES: usize = 34;

/// A tensor's blocks of one type, in a memory map.
pub struct MappedBlocks {
    dtype: GgmlDType,
    map: Arc<memmap2::Mmap>,
    range: Range<usize>,
}

impl MappedBlocks {
    /// Over the bytes of a whole number of blocks.
    ///
    /// # Errors
    /// The range does not lie in the map, is no whole number of blocks, or is not aligned to the block's scalars.
    pub fn new(map: Arc<memmap2::Mmap>, range: Range<usize>, dtype: GgmlDType) -> Result<MappedBlocks> {
        if range.start > range.end || range.end > map.len() {
            bail!("bytes {range:?} are outside the map of {} bytes", map.len());
        }
        if !range.len().is_multiple_of(dtype.type_size()) {
            bail!("{} bytes are no whole number of blocks of {}", range.len(), dtype.type_size());
        }
        let alignment = if matches!(dtype, GgmlDType::F32 | GgmlDType::Q8K) { 4 } else { 2 };
        if !(map.as_ptr() as usize + range.start).is_multiple_of(alignment) {
            bail!("bytes {range:?} are not aligned to {alignment} bytes");
        }
        Ok(MappedBlocks { dtype, map, range })
    }

    fn blocks<T: GgmlType>(&self) -> &[T] {
        let bytes = &self.map[self.range.clone()];
        debug_assert_eq!(T::DTYPE, self.dtype);
        // SAFETY: the block types are plain data of integers and floats without padding, valid for any bytes; size and
        // alignment were checked when the value was made.
        unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<T>()) }
    }
}

/// Runs an expression with the blocks of the right type.
macro_rules! with_blocks {
    ($self:ident, $blocks:ident => $body:expr) => {
        match $self.dtype {
            GgmlDType::F32 => with_blocks!(@ $self, $blocks, f32, $body),
            GgmlDType::F16 => with_blocks!(@ $self, $blocks, f16, $body),
            GgmlDType::BF16 => with_blocks!(@ $self, $blocks, bf16, $body),
            GgmlDType::Q4_0 => with_blocks!(@ $self, $blocks, BlockQ4_0, $body),
            GgmlDType::Q4_1 => with_blocks!(@ $self, $blocks, BlockQ4_1, $body),
            GgmlDType::Q5_0 => with_blocks!(@ $self, $blocks, BlockQ5_0, $body),
            GgmlDType::Q5_1 => with_blocks!(@ $self, $blocks, BlockQ5_1, $body),
            GgmlDType::Q8_0 => with_blocks!(@ $self, $blocks, BlockQ8_0, $body),
            GgmlDType::Q8_1 => with_blocks!(@ $self, $blocks, BlockQ8_1, $body),
            GgmlDType::Q2K => with_blocks!(@ $self, $blocks, BlockQ2K, $body),
            GgmlDType::Q3K => with_blocks!(@ $self, $blocks, BlockQ3K, $body),
            GgmlDType::Q4K => with_blocks!(@ $self, $blocks, BlockQ4K, $body),
            GgmlDType::Q5K => with_blocks!(@ $self, $blocks, BlockQ5K, $body),
            GgmlDType::Q6K => with_blocks!(@ $self, $blocks, BlockQ6K, $body),
            GgmlDType::Q8K => with_blocks!(@ $self, $blocks, BlockQ8K, $body),
        }
    };
    (@ $self:ident, $blocks:ident, $type:ty, $body:expr) => {{
        let $blocks = $self.blocks::<$type>();
        $body
    }};
}

/// Rows `ids` of a matrix of blocks, as f32.
fn rows_of<T: GgmlType>(blocks: &[T], ids: &[u32], rows: usize, hidden: usize) -> Result<CpuStorage> {
    let width = hidden / T::BLCK_SIZE;
    if !hidden.is_multiple_of(T::BLCK_SIZE) || blocks.len() != rows * width {
        bail!("{} blocks are no {rows} rows of {hidden} elements", blocks.len());
    }
    let mut out = vec![0.0; ids.len() * hidden];
    for (&id, out) in ids.iter().zip(out.chunks_exact_mut(hidden)) {
        let id = id as usize;
        if id >= rows {
            bail!("row {id} of {rows}");
        }
        T::to_float(&blocks[id * width..(id + 1) * width], out);
    }
    Ok(CpuStorage::F32(out))
}

fn whole<T: GgmlType>(blocks: &[T], elements: usize) -> CpuStorage {
    let mut out = vec![0.0; elements];
    T::to_float(blocks, &mut out);
    CpuStorage::F32(out)
}

impl QuantizedType for MappedBlocks {
    fn dtype(&self) -> GgmlDType {
        self.dtype
    }

    fn matmul_t(&self, mkn: (usize, usize, usize), lhs: &[f32], dst: &mut [f32]) -> Result<()> {
        with_blocks!(self, blocks => k_quants::matmul(mkn, lhs, blocks, dst))
    }

    fn matmul_t_f16(&self, mkn: (usize, usize, usize), lhs: &[f16], dst: &mut [f16]) -> Result<()> {
        with_blocks!(self, blocks => k_quants::matmul_f16(mkn, lhs, blocks, dst))
    }

    fn embedding(&self, ids: &[u32], rows: usize, hidden: usize) -> Result<CpuStorage> {
        with_blocks!(self, blocks => rows_of(blocks, ids, rows, hidden))
    }

    fn dequantize(&self, elem_count: usize) -> Result<CpuStorage> {
        Ok(with_blocks!(self, blocks => whole(blocks, elem_count)))
    }

    fn storage_size_in_bytes(&self) -> usize {
        self.range.len()
    }

    fn as_ptr(&self) -> *const u8 {
        self.map[self.range.clone()].as_ptr()
    }

    fn block_size(&self) -> usize {
        self.dtype.block_size()
    }

    // A map is never written; Candle calls these two only on storages it has made itself.
    fn from_float(&mut self, _xs: &[f32]) {}

    fn from_float_imatrix(&mut self, _xs: &[f32], _imatrix_weights: &[f32], _n_per_row: usize) {}

    fn size(&self) -> usize {
        self.range.len()
    }
}

/// Blocks of `Q8_0` made at load time, which can be let go once Candle has its repacked copy.
pub struct OwnedBlocks(Arc<Holder>);

/// What lets the blocks of an [`OwnedBlocks`] go.
pub struct Release(Arc<Holder>);

struct Holder {
    /// Two-byte words for the alignment of the scales.
    words: RwLock<Vec<u16>>,
    multiplied: AtomicBool,
}

impl OwnedBlocks {
    /// Rows of `Q5_0` or `Q8_0` blocks as rows of `Q8_0` blocks of `padded` elements, zero behind the first `elements`.
    ///
    /// Exact: a five-bit value fits in eight bits and the scales stay. Candle has fast products for `Q8_0` rows of whole
    /// multiples of 256 elements only, and none at all for `Q5_0`.
    ///
    /// # Errors
    /// Another type, or the bytes are no whole number of rows.
    pub fn padded(dtype: GgmlDType, bytes: &[u8], elements: usize, padded: usize) -> Result<(OwnedBlocks, Release)> {
        let block = match dtype {
            GgmlDType::Q5_0 => Q5_0_BYTES,
            GgmlDType::Q8_0 => Q8_0_BYTES,
            _ => bail!("only Q5_0 and Q8_0 can be widened, not {dtype:?}"),
        };
        let row = elements / SMALL_BLOCK * block;
        if !elements.is_multiple_of(SMALL_BLOCK) || padded < elements || row == 0 || !bytes.len().is_multiple_of(row) {
            bail!("{} bytes are no rows of {elements} elements", bytes.len());
        }
        let words_a_row = padded / SMALL_BLOCK * (Q8_0_BYTES / 2);
        let mut words = vec![0u16; bytes.len() / row * words_a_row];
        for (row, words) in bytes.chunks_exact(row).zip(words.chunks_exact_mut(words_a_row)) {
            for (block, words) in row.chunks_exact(block).zip(words.chunks_exact_mut(Q8_0_BYTES / 2)) {
                words[0] = u16::from_ne_bytes([block[0], block[1]]);
                let values = if dtype == GgmlDType::Q5_0 { five_bits(block) } else { eight_bits(block) };
                for (word, pair) in words[1..].iter_mut().zip(values.as_chunks::<2>().0) {
                    *word = u16::from_ne_bytes(*pair);
                }
            }
        }
        let holder = Arc::new(Holder { words: RwLock::new(words), multiplied: AtomicBool::new(false) });
        Ok((OwnedBlocks(holder.clone()), Release(holder)))
    }

    fn read<R>(&self, work: impl FnOnce(&[BlockQ8_0]) -> R) -> R {
        let words = self.0.words.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let blocks = words.len() * 2 / size_of::<BlockQ8_0>();
        // SAFETY: a block is a half float and 32 bytes without padding, valid for any bytes, aligned to two bytes.
        work(unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), blocks) })
    }
}

/// The values of a block of `Q5_0`: four low bits of element `i` and `i + 16` in byte `i`, the fifth in a word of bits.
fn five_bits(block: &[u8]) -> [u8; SMALL_BLOCK] {
    let high = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    std::array::from_fn(|i| {
        let byte = block[6 + i % 16];
        let low = if i < 16 { byte & 15 } else { byte >> 4 };
        (low | (((high >> i) & 1) << 4) as u8).wrapping_sub(16)
    })
}

fn eight_bits(block: &[u8]) -> [u8; SMALL_BLOCK] {
    std::array::from_fn(|i| block[2 + i])
}

impl Release {
    /// Lets the blocks go if no product has read them, that is if Candle works on its repacked copy.
    /// Call it after the first product and before the tensor is shared. Answers whether they went.
    pub fn if_unused(self) -> bool {
        if self.0.multiplied.load(Ordering::Acquire) {
            return false;
        }
        *self.0.words.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Vec::new();
        true
    }
}

impl QuantizedType for OwnedBlocks {
    fn dtype(&self) -> GgmlDType {
        GgmlDType::Q8_0
    }

    fn matmul_t(&self, mkn: (usize, usize, usize), lhs: &[f32], dst: &mut [f32]) -> Result<()> {
        self.0.multiplied.store(true, Ordering::Release);
        self.read(|blocks| {
            if blocks.len() * SMALL_BLOCK < mkn.1 * mkn.2 {
                bail!("the blocks of this tensor were let go");
            }
            k_quants::matmul(mkn, lhs, blocks, dst)
        })
    }

    fn matmul_t_f16(&self, _mkn: (usize, usize, usize), _lhs: &[f16], _dst: &mut [f16]) -> Result<()> {
        bail!("activations of 16 bits are not supported here")
    }

    fn embedding(&self, ids: &[u32], rows: usize, hidden: usize) -> Result<CpuStorage> {
        self.read(|blocks| rows_of(blocks, ids, rows, hidden))
    }

    fn dequantize(&self, elem_count: usize) -> Result<CpuStorage> {
        self.read(|blocks| {
            if blocks.len() * SMALL_BLOCK != elem_count {
                bail!("the blocks of this tensor were let go");
            }
            Ok(whole(blocks, elem_count))
        })
    }

    fn storage_size_in_bytes(&self) -> usize {
        self.read(size_of_val)
    }

    fn as_ptr(&self) -> *const u8 {
        self.read(|blocks| blocks.as_ptr().cast())
    }

    fn block_size(&self) -> usize {
        SMALL_BLOCK
    }

    // Candle calls these two only on storages it has made itself.
    fn from_float(&mut self, _xs: &[f32]) {}

    fn from_float_imatrix(&mut self, _xs: &[f32], _imatrix_weights: &[f32], _n_per_row: usize) {}

    fn size(&self) -> usize {
        self.storage_size_in_bytes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::*;
    use candle_core::quantized::{QMatMul, QStorage, QTensor};
    use candle_core::{Device, Module, Tensor};

    fn weights(rows: usize, elements: usize) -> Tensor {
        let data: Vec<f32> = (0..rows * elements).map(|i| ((i * 7919 % 1009) as f32 / 500.0 - 1.0) * 0.3).collect();
        Tensor::from_vec(data, (rows, elements), &Device::Cpu).unwrap()
    }

    fn map(bytes: &[u8]) -> Arc<memmap2::Mmap> {
        let mut map = memmap2::MmapMut::map_anon(bytes.len()).unwrap();
        map.copy_from_slice(bytes);
        Arc::new(map.make_read_only().unwrap())
    }

    #[test]
    fn mapped_blocks_equal_candles_own() {
        for dtype in [GgmlDType::F32, GgmlDType::Q4_0, GgmlDType::Q5_0, GgmlDType::Q8_0, GgmlDType::Q4K, GgmlDType::Q6K]
        {
            let candle = QTensor::quantize(&weights(32, 256), dtype).unwrap();
            let bytes = candle.data().unwrap().into_owned();
            let map = map(&bytes);
            let blocks = MappedBlocks::new(map, 0..bytes.len(), dtype).unwrap();
            let mapped = QTensor::new(QStorage::Cpu(Box::new(blocks)), (32, 256)).unwrap();
            let ids = Tensor::new(&[3u32, 0, 31], &Device::Cpu).unwrap();
            let rows = |tensor: &QTensor| tensor.embedding(&ids).unwrap().to_vec2::<f32>().unwrap();
            assert_eq!(rows(&candle), rows(&mapped));
            let x = weights(3, 256);
            let product =
                |tensor| QMatMul::from_qtensor(tensor).unwrap().forward(&x).unwrap().to_vec2::<f32>().unwrap();
            assert_eq!(product(candle), product(mapped), "{dtype:?}");
        }
    }

    #[test]
    fn bad_ranges_are_refused() {
        let map = map(&[0; 360]);
        for range in [0..361, 0..17, 1..19] {
            assert!(MappedBlocks::new(map.clone(), range, GgmlDType::Q4_0).is_err());
        }
    }

    #[test]
    fn widened_rows_hold_the_same_numbers_and_survive_the_release() {
        for dtype in [GgmlDType::Q5_0, GgmlDType::Q8_0] {
            let (rows, elements, padded) = (32, 96, 256);
            let candle = QTensor::quantize(&weights(rows, elements), dtype).unwrap();
            let expected = candle.dequantize(&Device::Cpu).unwrap().to_vec2::<f32>().unwrap();
            let (blocks, release) = OwnedBlocks::padded(dtype, &candle.data().unwrap(), elements, padded).unwrap();
            let wide = QTensor::new(QStorage::Cpu(Box::new(blocks)), (rows, padded)).unwrap();
            for (row, expected) in wide.dequantize(&Device::Cpu).unwrap().to_vec2::<f32>().unwrap().iter().zip(expected)
            {
                assert_eq!(row[..elements], expected);
                assert!(row[elements..].iter().all(|value| *value == 0.0));
            }
            let x = weights(2, padded);
            let wide = QMatMul::from_qtensor(wide).unwrap();
            let before = wide.forward(&x).unwrap().to_vec2::<f32>().unwrap();
            release.if_unused();
            assert_eq!(wide.forward(&x).unwrap().to_vec2::<f32>().unwrap(), before);
        }
    }
}
