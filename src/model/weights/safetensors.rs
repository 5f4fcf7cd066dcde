//! The header of a safetensors file: eight bytes of length, then JSON, then the data.

use super::{ElementType, Entry, contiguous};
use std::io::Read;

/// Longest header that is accepted, as in the reference implementation.
const LONGEST_HEADER: u64 = 100_000_000;

#[derive(serde::Deserialize)]
struct Described {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

/// Whether the first bytes look like a safetensors file.
pub(super) fn is_safetensors(head: &[u8]) -> bool {
    head.get(8) == Some(&b'{')
}

/// Reads where the tensors lie.
pub(super) fn read_header(mut file: impl Read, length: u64) -> Result<Vec<(String, Entry)>, String> {
    let mut size = [0u8; 8];
    file.read_exact(&mut size).map_err(|error| format!("cannot read the header's length: {error}"))?;
    let size = u64::from_le_bytes(size);
    if size > LONGEST_HEADER || size > length.saturating_sub(8) {
        return Err(format!(
            "expected a header of {size} bytes, got a file of {length} bytes; the file is cut or damaged"
        ));
    }
    let mut header = vec![0u8; size as usize];
    file.read_exact(&mut header).map_err(|error| format!("cannot read the header: {error}"))?;
    let described: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&header).map_err(|error| format!("damaged header: {error}"))?;
    let mut entries = Vec::with_capacity(described.len());
    for (name, value) in described {
        if name == "__metadata__" {
            continue;
        }
        let Described { dtype, shape, data_offsets: [start, end] } =
            serde_json::from_value(value).map_err(|error| format!("tensor {name}: damaged header: {error}"))?;
        let element = match dtype.as_str() {
            "F64" => ElementType::F64,
            "F32" => ElementType::F32,
            "F16" => ElementType::F16,
            "BF16" => ElementType::Bf16,
            "I64" => ElementType::I64,
            "I32" => ElementType::I32,
            // Masks and the like; a model that needs it will miss it by name.
            _ => continue,
        };
        let entry =
            Entry { element, strides: contiguous(&shape), shape, offset: (8 + size).saturating_add(start), scale: 1.0 };
        let bytes = entry.elements().and_then(|count| count.checked_mul(element.bytes()));
        if bytes.map(|bytes| bytes as u64) != end.checked_sub(start) {
            return Err(format!("tensor {name}: shape {:?} does not fill the bytes {start} to {end}", entry.shape));
        }
        entries.push((name, entry));
    }
    Ok(entries)
}
