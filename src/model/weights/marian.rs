//! Marian's binary format: items with names, shapes and elements, and the network's own description as text among them.
//!
//! Layout (marian-dev, `src/common/binary.cpp`), all little-endian: version (1), number of items, a header of four 64-bit numbers
//! for each (length of the name with its zero, element type, number of axes, bytes of data), the names, the shapes in 32 bits, the
//! length of a padding, the padding, the data of the items one after the other.
//!
//! An 8-bit matrix (`intgemm8`) has, behind its elements, the factor it was multiplied by before it was rounded. Matrices of
//! linear layers are transposed in the file: they lie there as `[outputs, inputs]` while the header says `[inputs, outputs]`.
//! Tables of embeddings (`Wemb`) are not (`src/tensors/cpu/expression_graph_packable.h`).

use super::{ElementType, Entry, contiguous, damaged, fill};
use crate::model::ModelError;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Name of the item that describes the network.
pub const DESCRIPTION: &str = "special:model.yml";
const VERSION: u64 = 1;
/// Limits beyond which a header is not believed; real models have some 200 items with names of some 30 bytes.
const MOST_ITEMS: u64 = 1 << 16;
const LONGEST_NAME: u64 = 1 << 10;
const MOST_AXES: u64 = 8;
/// Longest description that is read.
const LONGEST_DESCRIPTION: u64 = 1 << 20;

const INT8: u64 = 0x0101;
const FLOAT32: u64 = 0x0404;
const INTGEMM8: u64 = 0x4101;

/// What stands in a file's headers.
pub(super) struct Header {
    pub(super) entries: Vec<(String, Entry)>,
    /// Place and length of the description.
    description: Option<(u64, u64)>,
}

/// Whether a file begins like this format.
pub(super) fn is_marian(head: &[u8]) -> bool {
    let number = |at: usize| head.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    number(0) == Some(VERSION) && number(8).is_some_and(|items| (1..=MOST_ITEMS).contains(&items))
}

/// Reads what a file says of its network, as the YAML text that it is.
///
/// # Errors
/// The file cannot be read, is no file of this format, is damaged, or has no description.
pub fn description(path: &Path) -> Result<String, ModelError> {
    let io = |source| ModelError::Io { path: path.into(), source };
    let mut file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let header = read_header(&mut file, length).map_err(|message| damaged(path, &message))?;
    let Some((start, size)) = header.description else {
        return Err(damaged(path, &format!("no item {DESCRIPTION}: expected a model exported with its description")));
    };
    if size > LONGEST_DESCRIPTION {
        return Err(damaged(path, &format!("{DESCRIPTION}: expected at most {LONGEST_DESCRIPTION} bytes, got {size}")));
    }
    let mut bytes = vec![0u8; size as usize];
    file.seek(SeekFrom::Start(start)).and_then(|_| file.read_exact(&mut bytes)).map_err(io)?;
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    String::from_utf8(bytes).map_err(|error| damaged(path, &format!("{DESCRIPTION}: {error}")))
}

/// Reads where the items lie.
pub(super) fn read_header(file: &mut (impl Read + Seek), length: u64) -> Result<Header, String> {
    let mut reader = Reader { file, at: 0, length };
    let version = reader.number("version")?;
    let count = reader.number("number of items")?;
    if version != VERSION || !(1..=MOST_ITEMS).contains(&count) {
        return Err(format!("expected version {VERSION} and at most {MOST_ITEMS} items, got {version} and {count}"));
    }
    let numbers = reader.numbers("headers", count * 4)?;
    let items: Vec<[u64; 4]> = numbers.as_chunks::<4>().0.to_vec();
    let mut names = Vec::with_capacity(items.len());
    for &[length, ..] in &items {
        if !(1..=LONGEST_NAME).contains(&length) {
            return Err(format!("expected names of 1 to {LONGEST_NAME} bytes, got {length}"));
        }
        let bytes = reader.bytes("name", length)?;
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let name = std::str::from_utf8(&bytes[..end]).map_err(|error| format!("name of an item: {error}"))?;
        names.push(name.to_string());
    }
    let mut shapes = Vec::with_capacity(items.len());
    for (&[_, _, axes, _], name) in items.iter().zip(&names) {
        if axes > MOST_AXES {
            return Err(format!("item {name}: expected at most {MOST_AXES} axes, got {axes}"));
        }
        let bytes = reader.bytes("shape", axes * 4)?;
        let sizes = bytes.as_chunks::<4>().0.iter().map(|&size| usize::try_from(i32::from_le_bytes(size)));
        let shape = sizes.collect::<Result<Vec<_>, _>>().map_err(|_| format!("item {name}: negative size"))?;
        shapes.push(shape);
    }
    let padding = reader.number("padding")?;
    reader.skip("padding", padding)?;
    let mut header = Header { entries: Vec::with_capacity(items.len()), description: None };
    for ((&[_, kind, _, size], name), shape) in items.iter().zip(names).zip(shapes) {
        let start = reader.at;
        reader.skip(&name, size)?;
        if name == DESCRIPTION {
            header.description = Some((start, size));
            continue;
        }
        let elements = shape.iter().try_fold(1u64, |n, &size| n.checked_mul(size as u64));
        let needed = |bytes: u64| match elements.and_then(|n| n.checked_mul(bytes)) {
            Some(needed) if needed <= size => Ok(needed),
            _ => Err(format!("item {name}: shape {shape:?} does not fit into its {size} bytes")),
        };
        let entry = match kind {
            // The factor of the activations has the type of a matrix and no elements that anyone reads.
            INTGEMM8 if name.ends_with("QuantMultA") => continue,
            INTGEMM8 => {
                let behind = needed(1)?;
                let multiplier = reader.float_at(start, behind, size).ok_or_else(|| {
                    format!("item {name}: expected the factor behind {behind} elements, got {size} bytes in all")
                })?;
                let scale = 1.0 / multiplier;
                if !(multiplier > 0.0 && scale > 0.0 && scale.is_finite()) {
                    return Err(format!("item {name}: expected a positive factor, got {multiplier:e}"));
                }
                let shape = if is_linear(&name) { shape.into_iter().rev().collect() } else { shape };
                let strides = contiguous(&shape);
                Entry { element: ElementType::I8, strides, shape, offset: start, scale }
            }
            FLOAT32 => {
                needed(4)?;
                let mut strides = contiguous(&shape);
                let mut shape = shape;
                if is_linear(&name) {
                    shape.reverse();
                    strides.reverse();
                }
                Entry { element: ElementType::F32, strides, shape, offset: start, scale: 1.0 }
            }
            // Texts, which no network asks for.
            INT8 => continue,
            _ => {
                return Err(format!(
                    "item {name}: element type {kind:#x} is not supported: expected float32 ({FLOAT32:#x}) or intgemm8 \
                     ({INTGEMM8:#x}); export the model with int8 weights"
                ));
            }
        };
        header.entries.push((name, entry));
    }
    Ok(header)
}

/// Whether an item is the matrix of a linear layer, `…_W` or `…_W` with one more letter.
fn is_linear(name: &str) -> bool {
    name.rfind("_W").is_some_and(|at| name.len() - at <= 3)
}

/// A file that is read from its beginning, never beyond its end.
struct Reader<'a, F> {
    file: &'a mut F,
    at: u64,
    length: u64,
}

impl<F: Read + Seek> Reader<'_, F> {
    fn bytes(&mut self, what: &str, count: u64) -> Result<Vec<u8>, String> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.length);
        let end = end.ok_or_else(|| self.cut(what, count))?;
        let mut bytes = vec![0u8; count as usize];
        let got = fill(self.file, &mut bytes).map_err(|error| format!("{what}: {error}"))?;
        if got != bytes.len() {
            return Err(self.cut(what, count));
        }
        self.at = end;
        Ok(bytes)
    }

    fn numbers(&mut self, what: &str, count: u64) -> Result<Vec<u64>, String> {
        let bytes = self.bytes(what, count.saturating_mul(8))?;
        Ok(bytes.as_chunks::<8>().0.iter().map(|&number| u64::from_le_bytes(number)).collect())
    }

    fn number(&mut self, what: &str) -> Result<u64, String> {
        Ok(self.numbers(what, 1)?.first().copied().unwrap_or(0))
    }

    fn skip(&mut self, what: &str, count: u64) -> Result<(), String> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.length);
        let end = end.ok_or_else(|| self.cut(what, count))?;
        self.file.seek(SeekFrom::Start(end)).map_err(|error| format!("{what}: {error}"))?;
        self.at = end;
        Ok(())
    }

    /// The float that stands `behind` bytes after the start of an item of `size` bytes; the place in the file is kept.
    fn float_at(&mut self, start: u64, behind: u64, size: u64) -> Option<f32> {
        behind.checked_add(4).filter(|&end| end <= size)?;
        let mut bytes = [0u8; 4];
        self.file.seek(SeekFrom::Start(start + behind)).ok()?;
        self.file.read_exact(&mut bytes).ok()?;
        self.file.seek(SeekFrom::Start(self.at)).ok()?;
        Some(f32::from_le_bytes(bytes))
    }

    fn cut(&self, what: &str, count: u64) -> String {
        format!(
            "{what}: expected {count} bytes from byte {}, got a file of {} bytes; the file is cut or damaged",
            self.at, self.length
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Weights;
    use super::*;

    struct Item {
        name: &'static str,
        kind: u64,
        shape: Vec<i32>,
        data: Vec<u8>,
    }

    fn item(name: &'static str, kind: u64, shape: &[i32], data: Vec<u8>) -> Item {
        Item { name, kind, shape: shape.to_vec(), data }
    }

    fn quantized(values: &[i8], multiplier: f32) -> Vec<u8> {
        let mut data: Vec<u8> = values.iter().map(|&value| value as u8).collect();
        data.extend(multiplier.to_le_bytes());
        data.resize(64, 0);
        data
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn file(items: &[Item]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(1u64.to_le_bytes());
        bytes.extend((items.len() as u64).to_le_bytes());
        for item in items {
            for number in [item.name.len() as u64 + 1, item.kind, item.shape.len() as u64, item.data.len() as u64] {
                bytes.extend(number.to_le_bytes());
            }
        }
        for item in items {
            bytes.extend(item.name.as_bytes());
            bytes.push(0);
        }
        for size in items.iter().flat_map(|item| &item.shape) {
            bytes.extend(size.to_le_bytes());
        }
        bytes.extend(8u64.to_le_bytes());
        bytes.extend([0; 8]);
        for item in items {
            bytes.extend(&item.data);
        }
        bytes
    }

    fn example() -> Vec<u8> {
        file(&[
            item("Wemb", INTGEMM8, &[2, 3], quantized(&[1, 2, 3, 4, 5, 6], 2.0)),
            item("Wemb_QuantMultA", INTGEMM8, &[1, 1], vec![0; 64]),
            item("layer_Wq", INTGEMM8, &[2, 3], quantized(&[1, 2, 3, 4, 5, 6], 4.0)),
            item("plain_W", FLOAT32, &[2, 3], floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
            item("layer_bq", FLOAT32, &[1, 3], floats(&[7.0, 8.0, 9.0])),
            item(DESCRIPTION, INT8, &[9], b"type: a\n\0".to_vec()),
        ])
    }

    fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn items_are_read_with_their_factors() {
        let file = written(&example());
        let weights = Weights::open(&[file.path().to_path_buf()]).unwrap();
        assert_eq!(weights.names().collect::<Vec<_>>(), ["Wemb", "layer_Wq", "layer_bq", "plain_W"]);
        assert_eq!(weights.read("Wemb", &[2, 3]).unwrap(), [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]);
        // As they lie in the file: an output after the other.
        assert_eq!(weights.read("layer_Wq", &[3, 2]).unwrap(), [0.25, 0.5, 0.75, 1.0, 1.25, 1.5]);
        assert_eq!(weights.read("plain_W", &[3, 2]).unwrap(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(weights.read("layer_bq", &[1, 3]).unwrap(), [7.0, 8.0, 9.0]);
        assert_eq!(weights.read_quantized("layer_Wq", &[3, 2]).unwrap().unwrap(), (vec![1, 2, 3, 4, 5, 6], 0.25));
        assert!(weights.read_quantized("plain_W", &[3, 2]).unwrap().is_none());
        assert_eq!(description(file.path()).unwrap(), "type: a\n");
    }

    #[test]
    fn tensors_are_renamed_and_reshaped() {
        let file = written(&example());
        let weights = Weights::open(&[file.path().to_path_buf()]).unwrap();
        let weights = weights.renamed(|name, shape| {
            let shape = if name == "layer_bq" { vec![3] } else { shape.to_vec() };
            name.starts_with("layer").then(|| (name.to_uppercase(), shape))
        });
        assert_eq!(weights.names().collect::<Vec<_>>(), ["LAYER_BQ", "LAYER_WQ"]);
        assert_eq!(weights.read("LAYER_BQ", &[3]).unwrap(), [7.0, 8.0, 9.0]);
    }

    #[test]
    fn a_file_that_is_cut_or_changed_is_an_error_and_no_panic() {
        let whole = example();
        for length in 0..whole.len() {
            let file = written(&whole[..length]);
            assert!(Weights::open(&[file.path().to_path_buf()]).is_err(), "{length} bytes");
        }
        for at in 0..whole.len() {
            for bit in [0x01, 0x80] {
                let mut bytes = whole.clone();
                bytes[at] ^= bit;
                let file = written(&bytes);
                if let Ok(weights) = Weights::open(&[file.path().to_path_buf()]) {
                    for (name, shape) in weights.list() {
                        let _ = weights.read(&name, &shape);
                    }
                }
                let _ = description(file.path());
            }
        }
    }

    #[test]
    fn factors_without_a_finite_inverse_are_refused() {
        for factor in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-45] {
            let file = written(&file(&[item("Wemb", INTGEMM8, &[2, 2], quantized(&[1, 2, 3, 4], factor))]));
            let error = Weights::open(&[file.path().to_path_buf()]).unwrap_err().to_string();
            assert!(error.contains("Wemb") && error.contains("positive factor"), "{error}");
        }
    }

    #[test]
    fn other_elements_are_refused_by_name() {
        let file = written(&file(&[item("encoder_W", 0x4102, &[2, 2], vec![0; 64])]));
        let error = Weights::open(&[file.path().to_path_buf()]).unwrap_err().to_string();
        assert!(error.contains("encoder_W") && error.contains("0x4102"), "{error}");
    }
}
