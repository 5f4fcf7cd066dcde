//! The two containers of `PyTorch`: a zip archive with one entry for each storage, and the older format, where the storages
//! follow the pickles one after another.
//!
//! Older format (`torch.save` before 1.6): a pickle of a magic number, one of the protocol number, one of the system's
//! properties, one of the object, one of the list of storage keys; then for each key, in that order, the number of elements
//! as eight bytes and the elements.

use super::pickle::{Pickle, Storage, Value, View};
use super::{ElementType, Entry};
use std::collections::HashMap;
use std::io::{BufReader, Read, Seek, SeekFrom};

const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const PROTOCOL: i64 = 1001;

/// Whether the first bytes are those of the older format.
pub(super) fn is_legacy(head: &[u8]) -> bool {
    head.len() > 14 && head[0] == 0x80 && head[2] == 0x8a && head[3] == 10 && head[4..14] == MAGIC
}

/// Reads where the tensors of a file in the older format lie.
pub(super) fn read_legacy(file: impl Read + Seek, length: u64) -> Result<Vec<(String, Entry)>, String> {
    let mut reader = BufReader::with_capacity(1 << 16, file);
    Pickle::read(&mut reader)?;
    match Pickle::read(&mut reader)?.integer() {
        Some(PROTOCOL) => {}
        other => return Err(format!("expected protocol {PROTOCOL}, got {other:?}")),
    }
    if !matches!(Pickle::read(&mut reader)?.lookup("little_endian"), Some(Value::Integer(1))) {
        return Err("expected little-endian numbers".into());
    }
    let object = Pickle::read(&mut reader)?;
    let keys = Pickle::read(&mut reader)?;
    let tensors = tensors(&object)?;
    let storages: HashMap<&str, &Storage> =
        tensors.iter().map(|(_, view)| (view.storage.key.as_str(), &view.storage)).collect();

    let mut starts: HashMap<String, u64> = HashMap::new();
    let mut position = reader.stream_position().map_err(|error| format!("cannot read: {error}"))?;
    let Value::List(order) = keys.root() else { return Err("damaged pickle: the storage keys are no list".into()) };
    for &key in order {
        let Value::Text(key) = keys.get(key) else {
            return Err("damaged pickle: a storage key that is no text".into());
        };
        let mut count = [0u8; 8];
        reader
            .seek(SeekFrom::Start(position))
            .and_then(|_| reader.read_exact(&mut count))
            .map_err(|_| cut(&format!("storage {key}"), position.saturating_add(8), length))?;
        let count = u64::from_le_bytes(count);
        let Some(storage) = storages.get(key.as_str()) else {
            // Without a tensor on it, its element size is unknown: what follows could not be found.
            return Err(format!("storage {key} belongs to no tensor"));
        };
        if count != storage.elements as u64 {
            return Err(format!("storage {key}: expected {} elements, got {count}", storage.elements));
        }
        starts.insert(key.clone(), position + 8);
        position = count
            .checked_mul(storage.element_bytes as u64)
            .and_then(|bytes| bytes.checked_add(position + 8))
            .ok_or_else(|| format!("storage {key}: {count} elements are not possible"))?;
        if position > length {
            let name = tensors.iter().find(|(_, view)| view.storage.key == *key).map_or("", |(name, _)| name);
            return Err(cut(&format!("tensor {name}"), position, length));
        }
    }
    place(tensors, |storage| {
        starts.get(&storage.key).copied().ok_or_else(|| format!("storage {} is missing", storage.key))
    })
}

/// Reads where the tensors of a zip archive lie.
pub(super) fn read_zip(file: impl Read + Seek, length: u64) -> Result<Vec<(String, Entry)>, String> {
    let mut archive = zip::ZipArchive::new(BufReader::with_capacity(1 << 16, file)).map_err(|error| {
        format!("cannot read the zip archive of {length} bytes: {error}; the file is cut or damaged")
    })?;
    let name = archive
        .file_names()
        .filter_map(Result::ok)
        .find(|name| name.ends_with("/data.pkl"))
        .map(String::from)
        .ok_or("expected an entry data.pkl in the zip archive, got none")?;
    let folder = name.trim_end_matches("data.pkl").to_string();
    if let Ok(mut entry) = archive.by_name(&format!("{folder}byteorder")) {
        let mut order = [0u8; 6];
        if entry.read_exact(&mut order).is_err() || &order != b"little" {
            return Err("expected little-endian numbers".into());
        }
    }
    let object = {
        let entry = archive.by_name(&name).map_err(|error| format!("entry {name}: {error}"))?;
        Pickle::read(&mut BufReader::new(entry))?
    };
    place(tensors(&object)?, |storage| {
        let name = format!("{folder}data/{}", storage.key);
        let entry = archive.by_name(&name).map_err(|error| format!("entry {name}: {error}"))?;
        if entry.compression() != zip::CompressionMethod::Stored {
            return Err(format!("entry {name}: expected a stored entry, got a compressed one"));
        }
        let expected = (storage.elements as u64).checked_mul(storage.element_bytes as u64);
        if Some(entry.size()) != expected {
            return Err(format!("entry {name}: expected {expected:?} bytes, got {}", entry.size()));
        }
        entry.data_start().ok_or_else(|| format!("entry {name}: its place in the file is unknown"))
    })
}

/// The tensors of a dictionary of tensors. Other values (step counters and the like) are left out.
fn tensors(object: &Pickle) -> Result<Vec<(String, View)>, String> {
    let Value::Dict(items) = object.root() else {
        return Err("expected a dictionary of tensors, got something else".into());
    };
    let mut found = Vec::new();
    for &(key, value) in items {
        if let (Value::Text(name), Value::Tensor(view)) = (object.get(key), object.get(value)) {
            found.push((name.clone(), view.clone()));
        }
    }
    if found.is_empty() { Err("expected a dictionary of tensors, got none".into()) } else { Ok(found) }
}

/// From views of storages to places in the file.
fn place(
    tensors: Vec<(String, View)>,
    mut start_of: impl FnMut(&Storage) -> Result<u64, String>,
) -> Result<Vec<(String, Entry)>, String> {
    let mut known: HashMap<String, u64> = HashMap::new();
    let mut entries = Vec::with_capacity(tensors.len());
    for (name, view) in tensors {
        let Some(element) = view.storage.element else { continue };
        let start = if let Some(&start) = known.get(&view.storage.key) {
            start
        } else {
            let start = start_of(&view.storage).map_err(|message| format!("tensor {name}: {message}"))?;
            known.insert(view.storage.key.clone(), start);
            start
        };
        entries
            .push((name.clone(), entry(element, start, view).map_err(|message| format!("tensor {name}: {message}"))?));
    }
    Ok(entries)
}

fn entry(element: ElementType, storage_start: u64, view: View) -> Result<Entry, String> {
    let (part_start, available) = view.storage.part.unwrap_or((0, view.storage.elements));
    let inside = part_start.checked_add(available).is_some_and(|end| end <= view.storage.elements);
    let first = part_start.checked_add(view.start);
    let offset = first
        .and_then(|first| first.checked_mul(element.bytes()))
        .and_then(|bytes| storage_start.checked_add(bytes as u64));
    let (true, Some(offset)) = (inside, offset) else {
        return Err(format!("a part of {available} elements from {part_start} in {}", view.storage.elements));
    };
    let entry = Entry { element, shape: view.shape, strides: view.strides, offset, scale: 1.0 };
    let fits = |count: Option<usize>| count.and_then(|c| c.checked_add(view.start)).is_some_and(|end| end <= available);
    // A view that repeats elements could be far larger than its file; weights have none.
    if !fits(entry.span()) || entry.elements().is_none_or(|elements| elements > available) {
        return Err(format!(
            "shape {:?} with strides {:?} from {} does not fit {available} elements",
            entry.shape, entry.strides, view.start
        ));
    }
    Ok(entry)
}

fn cut(what: &str, expected: u64, length: u64) -> String {
    format!("{what}: expected a file of at least {expected} bytes, got {length}; the file is cut")
}
