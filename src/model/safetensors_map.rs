//! safetensors files of causal models as mapped tensors: one file or all shards, in 16 or 32 bits.
//!
//! Nothing is read but the headers; `decoder_only` takes tensors from the maps one at a time. What a name means is the
//! family's business; only the wrapping of a text model inside a larger one is taken off here.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;

use candle_core::quantized::GgmlDType;

use super::ModelError;
use super::mapped::{MappedTensors, TensorEntry};
use super::weights::{ElementType, Weights};

/// How a text model stands inside one that also sees pictures, and what it is called alone.
const WRAPPINGS: [(&str, &str); 3] =
    [("language_model.model.", "model."), ("model.language_model.", "model."), ("language_model.lm_head.", "lm_head.")];

/// Opens one file, or all shards of a checkpoint.
///
/// # Errors
/// A file cannot be read, is damaged or no safetensors file, or a tensor is of a type or at a place that cannot be mapped.
pub fn open(paths: &[PathBuf]) -> Result<MappedTensors, ModelError> {
    let weights = Weights::open(paths)?;
    let mut entries = HashMap::new();
    for (name, file, entry) in weights.places() {
        let path = &paths[file];
        let bad = |reason: &str| ModelError::Weights(format!("{}: tensor {name}: {reason}", path.display()));
        let dtype = match entry.element {
            ElementType::F32 => GgmlDType::F32,
            ElementType::F16 => GgmlDType::F16,
            ElementType::Bf16 => GgmlDType::BF16,
            // A buffer of indices; a network that needs it will miss it by name.
            _ => continue,
        };
        let start = usize::try_from(entry.offset).map_err(|_| bad("offset does not fit any file"))?;
        if !start.is_multiple_of(entry.element.bytes()) {
            return Err(bad("not aligned; save the checkpoint again with a current safetensors"));
        }
        let bytes = entry.elements().and_then(|count| count.checked_mul(entry.element.bytes()));
        let end = bytes.and_then(|bytes| start.checked_add(bytes)).ok_or_else(|| bad("impossible shape"))?;
        let wrapped = WRAPPINGS.iter().find_map(|(outer, own)| Some((name.strip_prefix(outer)?, own)));
        let name = wrapped.map_or_else(|| name.to_owned(), |(rest, own)| format!("{own}{rest}"));
        entries.insert(name, TensorEntry { dtype, shape: entry.shape.clone(), file, bytes: start..end });
    }
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let file = File::open(path).map_err(|source| ModelError::Io { path: path.clone(), source })?;
        files.push((path.clone(), file));
    }
    MappedTensors::new(&files, entries)
}
