//! GGUF files: metadata and tensors, checked against the file before anything is computed.
//!
//! The header is read by Candle; the tensors stay in a memory map (`mapped`). Families turn metadata into a
//! configuration, `decoder_only` turns tensors into layers; this file knows neither.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{Content, Value};

use super::ModelError;
use super::mapped::{MappedTensors, TensorEntry};

/// An open GGUF file.
#[derive(Debug, Clone)]
pub struct GgufFile {
    /// Where it is.
    pub path: PathBuf,
    /// All metadata, as in the file.
    pub metadata: HashMap<String, Value>,
    tensors: MappedTensors,
}

/// Opens a GGUF file and checks its header: every tensor must lie within the file.
///
/// # Errors
/// The file cannot be read, is no GGUF file of version 1 to 3, is shorter than its header says, or its header is damaged.
pub fn open(path: &Path) -> Result<GgufFile, ModelError> {
    let io = |source| ModelError::Io { path: path.to_owned(), source };
    let damaged = |reason: String| ModelError::Weights(format!("{}: {reason}", path.display()));
    let file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let mut reader = BufReader::with_capacity(1 << 20, &file);
    check_header(&mut reader, size).map_err(damaged)?;
    let content = Content::read(&mut reader).map_err(|error| {
        damaged(format!("the GGUF header of this file of {size} bytes cannot be read: {error}; fetch the file again"))
    })?;
    let mut tensors = HashMap::with_capacity(content.tensor_infos.len());
    let mut needed = content.tensor_data_offset;
    for (name, info) in sorted(&content.tensor_infos) {
        let shape = info.shape.dims().to_vec();
        let elements = shape
            .iter()
            .try_fold(1usize, |product, &dim| product.checked_mul(dim))
            .filter(|elements| *elements > 0 && elements.is_multiple_of(info.ggml_dtype.block_size()))
            .ok_or_else(|| damaged(format!("tensor {name}: shape {shape:?} is no whole number of blocks")))?;
        let length = (elements / info.ggml_dtype.block_size()).checked_mul(info.ggml_dtype.type_size());
        let start = content.tensor_data_offset.checked_add(info.offset);
        let end = start.zip(length).and_then(|(start, length)| start.checked_add(length as u64));
        let (Some(start), Some(end)) = (start, end) else {
            return Err(damaged(format!("tensor {name}: offset {} does not fit any file", info.offset)));
        };
        needed = needed.max(end);
        let bytes = start as usize..end as usize;
        tensors.insert(name.clone(), TensorEntry { dtype: info.ggml_dtype, shape, file: 0, bytes });
    }
    if needed > size {
        return Err(damaged(format!(
            "the file is cut short: expected at least {needed} bytes, got {size}; fetch the file again"
        )));
    }
    let tensors = MappedTensors::new(&[(path.to_owned(), file)], tensors)?;
    Ok(GgufFile { path: path.to_owned(), metadata: content.metadata, tensors })
}

/// Entries in the order of their names, so that the first error is always the same.
fn sorted<T>(map: &HashMap<String, T>) -> Vec<(&String, &T)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|entry| entry.0);
    entries
}

/// Refuses what is no GGUF file, and a header with which Candle would divide by 0 or allocate beyond the file: every
/// length is held against what is left of the file before Candle reads it.
fn check_header(reader: &mut (impl Read + Seek), size: u64) -> Result<(), String> {
    let mut head = Vec::new();
    reader.by_ref().take(24).read_to_end(&mut head).map_err(|error| error.to_string())?;
    let got = &head[..head.len().min(8)];
    if head.len() < 24 || !got.starts_with(b"GGUF") {
        return Err(format!(
            "no GGUF file: expected the letters GGUF and a header of 24 bytes, got {:?} in a file of {size} bytes",
            String::from_utf8_lossy(&got[..got.len().min(4)])
        ));
    }
    let version = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    if !(1..=3).contains(&version) {
        return Err(format!("GGUF version not supported: expected 1 to 3, got {version}"));
    }
    reader.seek(SeekFrom::Start(8)).map_err(|error| error.to_string())?;
    let mut walk = Walk { reader, left: size - 8, wide: version > 1 };
    let cut = |error: std::io::Error| format!("damaged GGUF header in this file of {size} bytes: {error}");
    walk.entries().map_err(cut)?;
    reader.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
    Ok(())
}

/// A walk over a header that keeps nothing.
struct Walk<'a, R> {
    reader: &'a mut R,
    /// Bytes of the file that are left.
    left: u64,
    /// Whether lengths take eight bytes, as they do since version 2.
    wide: bool,
}

/// Bytes of a value of a fixed size.
fn width(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

fn damaged_header(what: String) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, what)
}

impl<R: Read + Seek> Walk<'_, R> {
    fn bytes<const N: usize>(&mut self) -> std::io::Result<[u8; N]> {
        self.take(N as u64)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn take(&mut self, bytes: u64) -> std::io::Result<()> {
        let left = self.left.checked_sub(bytes);
        self.left =
            left.ok_or_else(|| damaged_header(format!("{bytes} bytes are wanted and {} are left", self.left)))?;
        Ok(())
    }

    fn skip(&mut self, bytes: u64) -> std::io::Result<()> {
        self.take(bytes)?;
        let bytes = i64::try_from(bytes).map_err(|_| damaged_header(format!("{bytes} bytes")))?;
        self.reader.seek_relative(bytes)
    }

    fn length(&mut self) -> std::io::Result<u64> {
        if self.wide {
            self.bytes().map(u64::from_le_bytes)
        } else {
            self.bytes().map(|b| u64::from(u32::from_le_bytes(b)))
        }
    }

    fn text(&mut self) -> std::io::Result<()> {
        let length = self.length()?;
        self.skip(length)
    }

    fn entries(&mut self) -> std::io::Result<()> {
        let (tensors, entries) = (self.length()?, self.length()?);
        for _ in 0..entries {
            let length = self.length()?;
            let key =
                if length == 17 { self.bytes::<17>()?.to_vec() } else { self.skip(length).map(|()| Vec::new())? };
            let kind = u32::from_le_bytes(self.bytes()?);
            match (kind, width(kind)) {
                (8, _) => self.text()?,
                (9, _) => self.array()?,
                (_, Some(width)) if key == b"general.alignment" => {
                    let mut value = vec![0; width as usize];
                    self.take(width)?;
                    self.reader.read_exact(&mut value)?;
                    if value.iter().all(|byte| *byte == 0) {
                        return Err(damaged_header("general.alignment is 0".to_owned()));
                    }
                }
                (_, Some(width)) => self.skip(width)?,
                _ => return Err(damaged_header(format!("unknown value type {kind}"))),
            }
        }
        for _ in 0..tensors {
            self.text()?;
            let dims = u32::from_le_bytes(self.bytes()?);
            let width = if self.wide { 8 } else { 4 };
            self.skip(u64::from(dims) * width + 4 + 8)?;
        }
        Ok(())
    }

    fn array(&mut self) -> std::io::Result<()> {
        let kind = u32::from_le_bytes(self.bytes()?);
        let count = self.length()?;
        match (kind, width(kind)) {
            (8, _) => (0..count).try_for_each(|_| self.text()),
            (_, Some(width)) => self.skip(count.saturating_mul(width)),
            // Lists of lists are in no file of these families.
            _ => Err(damaged_header(format!("unknown type of a list: {kind}"))),
        }
    }
}

impl GgufFile {
    /// The family, from `general.architecture`.
    ///
    /// # Errors
    /// The key is missing or no text.
    pub fn architecture(&self) -> Result<&str, ModelError> {
        self.text("general.architecture")
    }

    /// A text.
    ///
    /// # Errors
    /// The key is missing or of another type.
    pub fn text(&self, key: &str) -> Result<&str, ModelError> {
        match self.metadata.get(key) {
            Some(Value::String(text)) => Ok(text),
            other => Err(self.wrong(key, "a text", other)),
        }
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    /// The key is missing or of another type.
    pub fn integer(&self, key: &str) -> Result<usize, ModelError> {
        self.optional_integer(key)?.ok_or_else(|| self.wrong(key, "a whole number", None))
    }

    /// A whole number that is not negative, if there is one.
    ///
    /// # Errors
    /// The key is of another type.
    pub fn optional_integer(&self, key: &str) -> Result<Option<usize>, ModelError> {
        let Some(value) = self.metadata.get(key) else { return Ok(None) };
        let signed = match *value {
            Value::U8(v) => i128::from(v),
            Value::U16(v) => i128::from(v),
            Value::U32(v) => i128::from(v),
            Value::U64(v) => i128::from(v),
            Value::I8(v) => i128::from(v),
            Value::I16(v) => i128::from(v),
            Value::I32(v) => i128::from(v),
            Value::I64(v) => i128::from(v),
            _ => -1,
        };
        usize::try_from(signed).map(Some).map_err(|_| self.wrong(key, "a whole number", Some(value)))
    }

    /// A number, if there is one.
    ///
    /// # Errors
    /// The key is of another type.
    pub fn optional_number(&self, key: &str) -> Result<Option<f64>, ModelError> {
        match self.metadata.get(key) {
            None => Ok(None),
            Some(Value::F32(v)) => Ok(Some(f64::from(*v))),
            Some(Value::F64(v)) => Ok(Some(*v)),
            other => Err(self.wrong(key, "a number", other)),
        }
    }

    /// Refuses a part of a file that was split.
    ///
    /// # Errors
    /// Names the key by which it is told.
    pub fn refuse_parts(&self) -> Result<(), ModelError> {
        const PARTS: &str = "split.count";
        if self.optional_integer(PARTS)?.is_some_and(|parts| parts > 1) {
            let expected = "a whole model in one file (llama-gguf-split --merge joins the parts)";
            return Err(self.wrong(PARTS, expected, self.metadata.get(PARTS)));
        }
        Ok(())
    }

    /// Keys of a family, without its name before them, in alphabetical order.
    pub fn keys_of<'a>(&'a self, family: &str) -> Vec<(&'a str, &'a Value)> {
        let own = |(key, value): (&'a String, &'a Value)| {
            Some((key.strip_prefix(family).and_then(|rest| rest.strip_prefix('.'))?, value))
        };
        let mut keys: Vec<_> = self.metadata.iter().filter_map(own).collect();
        keys.sort_by_key(|entry| entry.0);
        keys
    }

    /// The error for a value that is missing or cannot be used.
    pub fn wrong(&self, key: &str, expected: &str, got: Option<&Value>) -> ModelError {
        let value = match got {
            None => "(missing)".to_owned(),
            Some(Value::Array(values)) => format!("an array of {} values", values.len()),
            Some(value) => format!("{value:?}"),
        };
        ModelError::Config {
            field: key.to_owned(),
            value,
            advice: format!("expected {expected} in the metadata of {}", self.path.display()),
        }
    }

    /// A list of values; empty where the key is missing or no list.
    pub fn list(&self, key: &str) -> &[Value] {
        match self.metadata.get(key) {
            Some(Value::Array(values)) => values,
            _ => &[],
        }
    }

    /// The tensors.
    pub fn tensors(&self) -> &MappedTensors {
        &self.tensors
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.has(name)
    }
}
