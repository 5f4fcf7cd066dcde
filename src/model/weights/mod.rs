//! Named tensors of a checkpoint, whatever the file: safetensors, a zip archive of `PyTorch`, its older format without zip,
//! Marian's binary format with 8-bit matrices, or GGUF.
//!
//! Opening reads headers only; a tensor is read when it is asked for, as 32-bit floats, with its shape checked. Nothing in a
//! file is executed, and nothing is allocated that the file is too short to fill.

mod gguf;
pub mod image;
pub mod marian;
mod pickle;
mod safetensors;
mod torch;

use super::ModelError;
use super::mapped::MappedTensors;
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes of a tensor that are read at a time: as 16 bits a tensor takes half of what it takes as floats, and need not be there
/// in both forms.
const READ_BYTES: usize = 1 << 22;

/// Element types that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ElementType {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I8,
    /// Of a GGUF file, whatever its type there.
    Blocks,
}

impl ElementType {
    pub(crate) fn bytes(self) -> usize {
        match self {
            ElementType::F64 | ElementType::I64 => 8,
            // Blocks are read as 32-bit floats.
            ElementType::F32 | ElementType::I32 | ElementType::Blocks => 4,
            ElementType::F16 | ElementType::Bf16 => 2,
            ElementType::I8 => 1,
        }
    }

    fn to_f32(self, element: &[u8]) -> f32 {
        match (self, element) {
            (ElementType::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (ElementType::I32, &[a, b, c, d]) => i32::from_le_bytes([a, b, c, d]) as f32,
            (ElementType::F16, &[a, b]) => half::f16::from_le_bytes([a, b]).to_f32(),
            (ElementType::Bf16, &[a, b]) => half::bf16::from_le_bytes([a, b]).to_f32(),
            (ElementType::F64, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32,
            (ElementType::I64, &[a, b, c, d, e, f, g, h]) => i64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32,
            (ElementType::I8, &[a]) => f32::from(a as i8),
            _ => f32::NAN,
        }
    }
}

/// Where a tensor lies in its file.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) element: ElementType,
    pub(crate) shape: Vec<usize>,
    /// Distance of neighbours along each axis, in elements.
    pub(crate) strides: Vec<usize>,
    /// First element, in bytes from the start of the file.
    pub(crate) offset: u64,
    /// What the elements are multiplied by; 1 for all that is not quantized.
    pub(crate) scale: f32,
}

impl Entry {
    /// Number of elements, or `None` if it does not fit.
    pub(crate) fn elements(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size))
    }

    /// Number of elements from the first to the last, both included; 0 for an empty tensor.
    pub(crate) fn span(&self) -> Option<usize> {
        if self.elements()? == 0 {
            return Some(0);
        }
        let mut span = 1usize;
        for (&size, &stride) in self.shape.iter().zip(&self.strides) {
            span = span.checked_add((size - 1).checked_mul(stride)?)?;
        }
        Some(span)
    }

    fn is_contiguous(&self) -> bool {
        self.strides == contiguous(&self.shape)
    }
}

/// Strides of a tensor stored row by row.
pub(crate) fn contiguous(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
    }
    strides
}

/// A tensor that a model needs: its name and shape.
pub type Wanted = (String, Vec<usize>);

/// The tensors of a checkpoint.
#[derive(Debug)]
pub struct Weights {
    files: Vec<PathBuf>,
    entries: BTreeMap<String, (usize, Entry)>,
    /// The files that are read from memory maps, by their number.
    mapped: BTreeMap<usize, MappedTensors>,
}

impl Weights {
    /// Opens one file, or all shards of a checkpoint. The format is told by the content, not by the name.
    ///
    /// # Errors
    /// A file cannot be read, is of no known format, is truncated or damaged, or two files hold the same name.
    pub fn open(paths: &[PathBuf]) -> Result<Weights, ModelError> {
        let mut entries = BTreeMap::new();
        let mut mapped = BTreeMap::new();
        for (index, path) in paths.iter().enumerate() {
            let listed = match gguf::open(path)? {
                Some((tensors, listed)) => {
                    mapped.insert(index, tensors);
                    listed
                }
                None => read_index(path)?,
            };
            for (name, entry) in listed {
                if let Some((other, _)) = entries.insert(name.clone(), (index, entry)) {
                    let other = paths.get(other).map_or_else(String::new, |path| path.display().to_string());
                    return Err(damaged(path, &format!("tensor {name} is also in {other}")));
                }
            }
        }
        if entries.is_empty() {
            return Err(ModelError::Weights("no file with tensors was given".into()));
        }
        Ok(Weights { files: paths.to_vec(), entries, mapped })
    }

    /// Tensors of which only names and shapes are known; none can be read.
    pub fn listed(tensors: &[Wanted]) -> Weights {
        let entry = |shape: &Vec<usize>| Entry {
            element: ElementType::F32,
            strides: contiguous(shape),
            shape: shape.clone(),
            offset: 0,
            scale: 1.0,
        };
        let entries = tensors.iter().map(|(name, shape)| (name.clone(), (usize::MAX, entry(shape)))).collect();
        Weights { files: Vec::new(), entries, mapped: BTreeMap::new() }
    }

    /// Names and shapes in alphabetical order of the names.
    pub fn list(&self) -> Vec<Wanted> {
        self.entries.iter().map(|(name, (_, entry))| (name.clone(), entry.shape.clone())).collect()
    }

    /// Name, number of the file and place of each tensor, in alphabetical order of the names.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&str, usize, &Entry)> {
        self.entries.iter().map(|(name, (file, entry))| (name.as_str(), *file, entry))
    }

    /// Names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Shape of a tensor, if there is one of this name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|(_, entry)| entry.shape.as_slice())
    }

    /// Checks that all tensors are there with the right shapes.
    ///
    /// # Errors
    /// Names every tensor that is missing or has another shape (the first ten of each).
    pub fn check(&self, wanted: &[Wanted]) -> Result<(), ModelError> {
        let missing: Vec<String> =
            wanted.iter().filter(|(name, _)| self.shape(name).is_none()).map(|(name, _)| name.clone()).collect();
        let wrong: Vec<String> = wanted
            .iter()
            .filter_map(|(name, shape)| {
                let got = self.shape(name)?;
                (got != shape.as_slice()).then(|| format!("{name} (expected {shape:?}, got {got:?})"))
            })
            .collect();
        if missing.is_empty() && wrong.is_empty() {
            return Ok(());
        }
        let mut message = self.files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        for (what, names) in [("missing", missing), ("wrong shape", wrong)] {
            if !names.is_empty() {
                let shown = names.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
                let rest = names.len().saturating_sub(10);
                let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
                // Writing to a string cannot fail.
                let _ = write!(message, "; {what}: {shown}{more}");
            }
        }
        Err(ModelError::Weights(format!("{message}; the weights do not belong to this config.json")))
    }

    /// Reads a tensor, row by row, as 32-bit floats.
    ///
    /// # Errors
    /// It is missing, has another shape, or the file cannot be read.
    pub fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        self.check(&[(name.to_string(), shape.to_vec())])?;
        let (path, entry) = self.place(name)?;
        if let Some(tensors) = self.blocks(name) {
            let mut values = Vec::with_capacity(entry.elements().unwrap_or(0));
            gguf::read(tensors, name, shape, |rows| {
                values.extend_from_slice(rows);
                Ok(())
            })?;
            return Ok(values);
        }
        read_entry(path, name, entry)
    }

    /// Reads a matrix a few rows at a time, so that it is never in memory as a whole: `visit` gets whole rows, in order.
    ///
    /// # Errors
    /// As [`Weights::read`], and what `visit` answers.
    pub fn read_rows(
        &self,
        name: &str,
        shape: [usize; 2],
        mut visit: impl FnMut(&[f32]) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        self.check(&[(name.to_string(), shape.to_vec())])?;
        if let Some(tensors) = self.blocks(name) {
            return gguf::read(tensors, name, &shape, visit);
        }
        let (path, entry) = self.place(name)?;
        let width = shape[1].max(1);
        if !entry.is_contiguous() {
            return read_entry(path, name, entry)?.chunks(width).try_for_each(visit);
        }
        let rows = (READ_BYTES / entry.element.bytes() / width).max(1);
        read_contiguous(path, name, entry, rows * width, &mut visit)
    }

    fn place(&self, name: &str) -> Result<(&PathBuf, &Entry), ModelError> {
        let found = self.entries.get(name).and_then(|(file, entry)| Some((self.files.get(*file)?, entry)));
        found.ok_or_else(|| ModelError::Weights(format!("tensor {name} is missing")))
    }

    /// The file that a tensor is read from block by block, if it is.
    fn blocks(&self, name: &str) -> Option<&MappedTensors> {
        let (file, entry) = self.entries.get(name)?;
        self.mapped.get(file).filter(|_| entry.element == ElementType::Blocks)
    }

    /// The elements of a tensor that is kept in 8 bits with one factor for all, row by row, and that factor; `None` if it is not
    /// kept so.
    ///
    /// # Errors
    /// As [`Weights::read`].
    pub fn read_quantized(&self, name: &str, shape: &[usize]) -> Result<Option<(Vec<i8>, f32)>, ModelError> {
        self.check(&[(name.to_string(), shape.to_vec())])?;
        let entry = self.entries.get(name).and_then(|(file, entry)| Some((self.files.get(*file)?, entry)));
        match entry {
            Some((path, entry)) if entry.element == ElementType::I8 && entry.is_contiguous() => {
                let bytes = read_bytes(path, name, entry)?;
                Ok(Some((bytes.into_iter().map(|byte| byte as i8).collect(), entry.scale)))
            }
            _ => Ok(None),
        }
    }

    /// The same tensors by other names and shapes: `place` answers both for a name and a shape, or nothing for a tensor that
    /// is left out. A shape with another number of elements is not taken.
    #[must_use]
    pub fn renamed(self, place: impl Fn(&str, &[usize]) -> Option<Wanted>) -> Weights {
        let rename = |(name, (file, mut entry)): (String, (usize, Entry))| {
            let (name, shape) = place(&name, &entry.shape)?;
            let same = shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size)) == entry.elements();
            if same && entry.is_contiguous() {
                entry.strides = contiguous(&shape);
                entry.shape = shape;
            }
            Some((name, (file, entry)))
        };
        let entries = self.entries.into_iter().filter_map(rename).collect();
        Weights { files: self.files, entries, mapped: self.mapped }
    }

    /// Reads a tensor onto a device, as 32-bit floats.
    ///
    /// # Errors
    /// As [`Weights::read`], and if the device has no room.
    pub fn tensor(&self, name: &str, shape: &[usize], device: &Device) -> Result<Tensor, ModelError> {
        Ok(Tensor::from_vec(self.read(name, shape)?, shape, device)?)
    }
}

/// The tensors of one file, after all of them were found to lie within it.
fn read_index(path: &Path) -> Result<Vec<(String, Entry)>, ModelError> {
    let mut file = File::open(path).map_err(|source| ModelError::Io { path: path.into(), source })?;
    let length = file.metadata().map_err(|source| ModelError::Io { path: path.into(), source })?.len();
    let mut head = [0u8; 16];
    let got = fill(&mut file, &mut head).map_err(|source| ModelError::Io { path: path.into(), source })?;
    let head = &head[..got];
    file.seek(SeekFrom::Start(0)).map_err(|source| ModelError::Io { path: path.into(), source })?;
    let entries = if head.starts_with(b"PK\x03\x04") {
        torch::read_zip(file, length)
    } else if torch::is_legacy(head) {
        torch::read_legacy(file, length)
    } else if safetensors::is_safetensors(head) {
        safetensors::read_header(file, length)
    } else if marian::is_marian(head) {
        marian::read_header(&mut file, length).map(|header| header.entries)
    } else if head.starts_with(b"version https://") {
        Err("this is a pointer of Git LFS, not the file itself; download the file".into())
    } else {
        Err(format!(
            "expected safetensors, a PyTorch checkpoint, Marian's binary format or GGUF, got {length} bytes that begin with {:?}",
            String::from_utf8_lossy(head)
        ))
    }
    .map_err(|message| damaged(path, &message))?;
    for (name, entry) in &entries {
        let needed = entry
            .span()
            .and_then(|span| span.checked_mul(entry.element.bytes()))
            .and_then(|bytes| entry.offset.checked_add(bytes as u64));
        match needed {
            Some(end) if end <= length => {}
            Some(end) => {
                let message =
                    format!("tensor {name}: expected a file of at least {end} bytes, got {length}; the file is cut");
                return Err(damaged(path, &message));
            }
            None => return Err(damaged(path, &format!("tensor {name}: impossible shape {:?}", entry.shape))),
        }
    }
    Ok(entries)
}

/// The bytes of a tensor from its first element to its last.
fn read_bytes(path: &Path, name: &str, entry: &Entry) -> Result<Vec<u8>, ModelError> {
    let Some(size) = entry.span().and_then(|span| span.checked_mul(entry.element.bytes())) else {
        return Err(damaged(path, &format!("tensor {name}: impossible shape {:?}", entry.shape)));
    };
    let mut bytes = vec![0u8; size];
    let mut file = File::open(path).map_err(|source| ModelError::Io { path: path.into(), source })?;
    let read = file.seek(SeekFrom::Start(entry.offset)).and_then(|_| fill(&mut file, &mut bytes));
    let got = read.map_err(|source| ModelError::Io { path: path.into(), source })?;
    if got != bytes.len() {
        return Err(damaged(path, &format!("tensor {name}: expected {} bytes, got {got}", bytes.len())));
    }
    Ok(bytes)
}

/// Reads a tensor that lies row by row, `count` elements at a time.
fn read_contiguous(
    path: &Path,
    name: &str,
    entry: &Entry,
    count: usize,
    visit: &mut impl FnMut(&[f32]) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let size = entry.element.bytes();
    let mut left = entry.elements().unwrap_or(0);
    let failed = |source| ModelError::Io { path: path.into(), source };
    let mut file = File::open(path).map_err(failed)?;
    file.seek(SeekFrom::Start(entry.offset)).map_err(failed)?;
    let mut bytes = vec![0u8; count.min(left) * size];
    let mut values = Vec::with_capacity(count.min(left));
    while left > 0 {
        let bytes = &mut bytes[..count.min(left) * size];
        let got = fill(&mut file, bytes).map_err(failed)?;
        if got != bytes.len() {
            return Err(damaged(path, &format!("tensor {name}: expected {} bytes more, got {got}", left * size)));
        }
        values.clear();
        // Exact for what is not quantized, whose scale is 1.
        values.extend(bytes.chunks_exact(size).map(|element| entry.element.to_f32(element) * entry.scale));
        visit(&values)?;
        left -= values.len();
    }
    Ok(())
}

fn read_entry(path: &Path, name: &str, entry: &Entry) -> Result<Vec<f32>, ModelError> {
    let size = entry.element.bytes();
    let elements = entry.elements().unwrap_or(0);
    if entry.is_contiguous() {
        // `read_index` has found as many bytes in the file.
        let mut values = Vec::with_capacity(elements);
        read_contiguous(path, name, entry, READ_BYTES / size, &mut |part| {
            values.extend_from_slice(part);
            Ok(())
        })?;
        return Ok(values);
    }
    let bytes = read_bytes(path, name, entry)?;
    // Exact for what is not quantized, whose scale is 1.
    let convert = |element: &[u8]| entry.element.to_f32(element) * entry.scale;
    let mut values = Vec::with_capacity(elements);
    let mut index = vec![0usize; entry.shape.len()];
    for _ in 0..elements {
        let at: usize = index.iter().zip(&entry.strides).map(|(i, stride)| i * stride).sum();
        values.push(bytes.get(at * size..(at + 1) * size).map_or(f32::NAN, convert));
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            if index[axis] < entry.shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Ok(values)
}

/// Reads until the buffer is full or the file ends; answers how much was read.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match reader.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

fn damaged(path: &Path, message: &str) -> ModelError {
    ModelError::Weights(format!("{}: {message}", path.display()))
}

#[cfg(test)]
mod tests;
