//! Tensors of checkpoint files in memory maps, with their types and shapes checked against the files.
//!
//! GGUF files (`gguf`) and safetensors (`safetensors_map`) become the same thing here, from which `decoder_only` takes
//! its layers one by one: nothing is copied before it is asked for. Names and metadata are the families' business.

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{Device, Tensor};

use super::ModelError;
use crate::kernels::quantized_storage::MappedBlocks;

/// A tensor's type, shape (`[rows, elements]` for matrices) and bytes in its file.
#[derive(Debug, Clone)]
pub(super) struct TensorEntry {
    pub(super) dtype: GgmlDType,
    pub(super) shape: Vec<usize>,
    pub(super) file: usize,
    pub(super) bytes: Range<usize>,
}

/// The tensors of a checkpoint, in one file or several.
#[derive(Debug, Clone)]
pub struct MappedTensors {
    /// Where the first file is, for messages.
    path: PathBuf,
    entries: HashMap<String, TensorEntry>,
    maps: Vec<Arc<memmap2::Mmap>>,
}

impl MappedTensors {
    /// Maps the files; every entry was found to lie within its file.
    ///
    /// # Errors
    /// A file cannot be mapped, or is shorter than an entry.
    pub(super) fn new(files: &[(PathBuf, File)], entries: HashMap<String, TensorEntry>) -> Result<Self, ModelError> {
        let mut maps = Vec::with_capacity(files.len());
        for (path, file) in files {
            // SAFETY: the map is only read. A file that is changed while it is in use breaks any reader; weights are
            // replaced by renaming a new file over them, which leaves the old one to its readers.
            let map = unsafe { memmap2::Mmap::map(file) };
            maps.push(Arc::new(map.map_err(|source| ModelError::Io { path: path.clone(), source })?));
        }
        let path = files.first().map(|(path, _)| path.clone()).unwrap_or_default();
        let mut names: Vec<&String> = entries.keys().collect();
        names.sort();
        for name in names {
            let entry = &entries[name];
            if maps.get(entry.file).is_none_or(|map| entry.bytes.end > map.len() || entry.bytes.start > entry.bytes.end)
            {
                return Err(ModelError::Weights(format!("{}: tensor {name}: outside its file", path.display())));
            }
        }
        Ok(MappedTensors { path, entries, maps })
    }

    /// Where the first file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The shape of a tensor, if there is one of this name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| entry.shape.as_slice())
    }

    /// The names in alphabetical order.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.entries.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// The number of rows of a matrix.
    ///
    /// # Errors
    /// The tensor is missing or no matrix.
    pub fn rows(&self, name: &str) -> Result<usize, ModelError> {
        match self.entry(name)?.shape[..] {
            [rows, _] => Ok(rows),
            ref shape => Err(self.bad(name, &format!("expected a matrix, got shape {shape:?}"))),
        }
    }

    /// A small tensor as f32, on the device.
    ///
    /// # Errors
    /// The tensor is missing, has another shape, or the backend failed.
    pub fn dense(&self, name: &str, shape: &[usize], device: &Device) -> Result<Tensor, ModelError> {
        let entry = self.checked(name, shape)?;
        let blocks = MappedBlocks::new(self.maps[entry.file].clone(), entry.bytes.clone(), entry.dtype)?;
        Ok(QTensor::new(QStorage::Cpu(Box::new(blocks)), shape)?.dequantize(device)?)
    }

    /// Rows `rows` of a matrix `[expected.0, expected.1]`, in the type of the file.
    ///
    /// # Errors
    /// The tensor is missing, has another shape, or the backend failed.
    pub fn matrix(
        &self,
        name: &str,
        expected: (usize, usize),
        rows: Range<usize>,
        device: &Device,
    ) -> Result<QTensor, ModelError> {
        let (entry, bytes) = self.row_bytes(name, expected, &rows)?;
        let map = &self.maps[entry.file];
        let storage = if device.is_cpu() {
            QStorage::Cpu(Box::new(MappedBlocks::new(map.clone(), bytes, entry.dtype)?))
        } else {
            // Candle reads the bytes as blocks and insists on their alignment, which the map and the formats give.
            QStorage::from_data(std::borrow::Cow::Borrowed(&map[bytes]), device, entry.dtype)?
        };
        Ok(QTensor::new(storage, (rows.len(), expected.1))?)
    }

    /// The type of a matrix `[expected.0, expected.1]` and the bytes of its rows `rows`.
    ///
    /// # Errors
    /// The tensor is missing, has another shape, or its rows are no whole blocks.
    pub fn blocks(
        &self,
        name: &str,
        expected: (usize, usize),
        rows: Range<usize>,
    ) -> Result<(GgmlDType, &[u8]), ModelError> {
        let (entry, bytes) = self.row_bytes(name, expected, &rows)?;
        Ok((entry.dtype, &self.maps[entry.file][bytes]))
    }

    /// Tells the system that the files' pages are not needed for now. They are read again when they are.
    pub fn forget_pages(&self) {
        #[cfg(unix)]
        for map in &self.maps {
            // SAFETY: the map is read-only and backed by the file, so a dropped page comes back with the same bytes.
            let dropped = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
            // Only memory is at stake: where the system refuses, the pages stay.
            drop(dropped);
        }
    }

    fn row_bytes(
        &self,
        name: &str,
        expected: (usize, usize),
        rows: &Range<usize>,
    ) -> Result<(&TensorEntry, Range<usize>), ModelError> {
        let entry = self.checked(name, &[expected.0, expected.1])?;
        if !expected.1.is_multiple_of(entry.dtype.block_size()) {
            return Err(self.bad(name, &format!("rows of {} elements are no whole blocks", expected.1)));
        }
        let row = expected.1 / entry.dtype.block_size() * entry.dtype.type_size();
        let start = entry.bytes.start;
        Ok((entry, start + rows.start * row..start + rows.end * row))
    }

    fn entry(&self, name: &str) -> Result<&TensorEntry, ModelError> {
        self.entries.get(name).ok_or_else(|| self.bad(name, "missing"))
    }

    fn checked(&self, name: &str, expected: &[usize]) -> Result<&TensorEntry, ModelError> {
        let entry = self.entry(name)?;
        if entry.shape != expected {
            return Err(self.bad(name, &format!("expected shape {expected:?}, got {:?}", entry.shape)));
        }
        Ok(entry)
    }

    fn bad(&self, name: &str, reason: &str) -> ModelError {
        ModelError::Weights(format!("{}: tensor {name}: {reason}", self.path.display()))
    }
}
