//! Tensors of GGUF files, most of them in blocks of few bits, as 32-bit floats.

use super::{ElementType, Entry, READ_BYTES, contiguous};
use crate::model::mapped::MappedTensors;
use crate::model::{ModelError, gguf};
use candle_core::Device;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The tensors of a file, and what is known of each.
type Listed = (MappedTensors, Vec<(String, Entry)>);

/// The tensors of a file and where they are listed; nothing if it is no GGUF file.
///
/// # Errors
/// The file cannot be read, or is damaged.
pub(super) fn open(path: &Path) -> Result<Option<Listed>, ModelError> {
    let io = |source| ModelError::Io { path: path.to_owned(), source };
    let mut head = Vec::new();
    File::open(path).map_err(io)?.take(4).read_to_end(&mut head).map_err(io)?;
    if head != b"GGUF" {
        return Ok(None);
    }
    let tensors = gguf::open(path)?.tensors().clone();
    let entry = |shape: &[usize]| Entry {
        element: ElementType::Blocks,
        strides: contiguous(shape),
        shape: shape.to_vec(),
        offset: 0,
        scale: 1.0,
    };
    let entries = tensors.names().into_iter().filter_map(|name| Some((name.to_string(), entry(tensors.shape(name)?))));
    let entries = entries.collect();
    Ok(Some((tensors, entries)))
}

/// Hands over the rows of a tensor in order, some at a time; one that is no matrix at once.
///
/// # Errors
/// The tensor is missing or has another shape, the backend failed, or what `visit` answers.
pub(super) fn read(
    tensors: &MappedTensors,
    name: &str,
    shape: &[usize],
    mut visit: impl FnMut(&[f32]) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let &[rows, width] = shape else {
        return visit(&tensors.dense(name, shape, &Device::Cpu)?.flatten_all()?.to_vec1()?);
    };
    let count = (READ_BYTES / size_of::<f32>() / width.max(1)).max(1);
    for start in (0..rows).step_by(count) {
        let range = start..rows.min(start + count);
        let blocks = tensors.matrix(name, (rows, width), range, &Device::Cpu)?;
        visit(&blocks.dequantize(&Device::Cpu)?.flatten_all()?.to_vec1()?)?;
    }
    // What was read once is not read again: the floats, or what was made of them, are elsewhere now.
    tensors.forget_pages();
    Ok(())
}
