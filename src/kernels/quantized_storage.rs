//! Quantized blocks that stay where they are: a storage for Candle's quantized tensors over a memory map.
//!
//! Candle copies a tensor's bytes when it loads them; here the file itself is the storage. Used for what is read row by
//! row (embeddings) or turned into floats; the products have their own packed weights. Knows nothing of files, names or
//! models.

use std::ops::Range;
use std::sync::Arc;

use candle_core::quantized::k_quants::{
    self, BlockQ2K, BlockQ3K, BlockQ4_0, BlockQ4_1, BlockQ4K, BlockQ5_0, BlockQ5_1, BlockQ5K, BlockQ6K, BlockQ8_0,
    BlockQ8_1, BlockQ8K, GgmlType,
};
use candle_core::quantized::{GgmlDType, QuantizedType};
use candle_core::{CpuStorage, Result, bail};
use half::{bf16, f16};

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
}
