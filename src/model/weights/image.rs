//! A model as it is computed with, in one file: written once beside the weights it was made from, mapped into memory afterwards.
//!
//! The file is a cache. It names its sources, the network it was made for and the version of its layout; whatever differs, or
//! a checksum that does not fit, means that it is made again. Nothing here knows what the parts mean.
//!
//! Layout: a preamble of 64 bytes (magic, version, place, length and checksum of the index), the parts at multiples of 64
//! bytes, the index as JSON. Numbers are little-endian; the parts are those of a little-endian machine.

use super::super::ModelError;
use super::Wanted;
use bytemuck::AnyBitPattern;
use memmap2::{Mmap, MmapMut};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

const MAGIC: [u8; 8] = *b"tlumach\0";
/// Of the layout of this file and of what is in it; goes up with every change of either.
const VERSION: u32 = 2;
const ALIGNMENT: u64 = 64;
const LARGEST_INDEX: u64 = 16 << 20;
/// Places of a source that are looked at, and bytes of each.
const SAMPLES: u64 = 64;
const SAMPLE: usize = 4096;

/// What an image is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The checkpoint's files.
    pub files: Vec<PathBuf>,
    /// The network, in words: two networks that differ must differ here.
    pub network: String,
}

/// A file as it was when the image was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Source {
    length: u64,
    modified_ns: u64,
    /// Of bytes at places all over the file.
    sample: String,
    /// Of the whole file.
    sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Index {
    sources: Vec<Source>,
    network: String,
    tensors: Vec<Wanted>,
    parts: BTreeMap<String, (u64, u64)>,
    /// Of everything between preamble and index.
    checksum: u32,
}

/// An open image.
#[derive(Debug, Clone)]
pub struct Image {
    map: Arc<Mmap>,
    tensors: Vec<Wanted>,
    parts: BTreeMap<String, (u64, u64)>,
}

/// Numbers in an image.
#[derive(Debug, Clone)]
pub struct Part<T> {
    map: Arc<Mmap>,
    range: Range<usize>,
    element: PhantomData<T>,
}

impl<T: AnyBitPattern> Deref for Part<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        bytemuck::cast_slice(&self.map[self.range.clone()])
    }
}

impl Image {
    /// Opens an image if it is whole and of this origin; otherwise says why it is not.
    ///
    /// # Errors
    /// In words: there is none, it is of another origin or version, or it is damaged.
    pub fn open(path: &Path, origin: &Origin) -> Result<Image, String> {
        let mut file = File::open(path).map_err(|error| error.to_string())?;
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        let (index, start) = read_index(&mut file, length)?;
        if index.network != origin.network {
            return Err("it was made for another network".into());
        }
        check_sources(&index.sources, &origin.files)?;
        // Read, not mapped: what is mapped and looked at counts as memory of this process.
        let checksum = checksum(&mut file, ALIGNMENT..start).map_err(|error| error.to_string())?;
        if checksum != index.checksum {
            return Err("it is damaged: its checksum differs".into());
        }
        // SAFETY: the file is written under another name and never again after it has this one. Should somebody else change
        // it, numbers change, and a file that is cut ends the process, as with every map of a file.
        let map = unsafe { Mmap::map(&file) }.map_err(|error| error.to_string())?;
        Image::new(map, index)
    }

    fn new(map: Mmap, index: Index) -> Result<Image, String> {
        for (name, &(offset, length)) in &index.parts {
            let end = offset.checked_add(length).filter(|&end| end <= map.len() as u64);
            if end.is_none() || !offset.is_multiple_of(ALIGNMENT) {
                return Err(format!("it is damaged: part {name} lies outside"));
            }
        }
        Ok(Image { map: Arc::new(map), tensors: index.tensors, parts: index.parts })
    }

    /// Names and shapes of the checkpoint's tensors.
    pub fn tensors(&self) -> &[Wanted] {
        &self.tensors
    }

    /// Whether there is a part of this name.
    pub fn has(&self, name: &str) -> bool {
        self.parts.contains_key(name)
    }

    /// A part of `length` numbers.
    ///
    /// # Errors
    /// There is none of this name and length.
    pub fn part<T: AnyBitPattern>(&self, name: &str, length: usize) -> Result<Part<T>, ModelError> {
        let wanted = length * size_of::<T>();
        match self.parts.get(name) {
            Some(&(offset, bytes)) if bytes as usize == wanted => {
                let start = offset as usize;
                Ok(Part { map: self.map.clone(), range: start..start + wanted, element: PhantomData })
            }
            found => Err(ModelError::Weights(format!(
                "quantized model, part {name}: expected {wanted} bytes, got {:?}; delete the file, it is made again",
                found.map(|part| part.1)
            ))),
        }
    }
}

fn read_index(file: &mut File, length: u64) -> Result<(Index, u64), String> {
    let text = |error: io::Error| error.to_string();
    let mut preamble = [0u8; ALIGNMENT as usize];
    file.read_exact(&mut preamble).map_err(text)?;
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| preamble[at + i]));
    let (version, start, size, checksum) = (number(8), number(16), number(24), number(32));
    if preamble[..8] != MAGIC || version != u64::from(VERSION) || cfg!(target_endian = "big") {
        return Err(format!("it is of another version ({version}, not {VERSION})"));
    }
    if size > LARGEST_INDEX || start < ALIGNMENT || start.checked_add(size) != Some(length) {
        return Err("it is damaged: its index lies outside".into());
    }
    let mut bytes = vec![0u8; size as usize];
    file.seek(SeekFrom::Start(start)).map_err(text)?;
    file.read_exact(&mut bytes).map_err(text)?;
    if u64::from(crc32fast::hash(&bytes)) != checksum {
        return Err("it is damaged: the checksum of its index differs".into());
    }
    Ok((serde_json::from_slice(&bytes).map_err(|error| error.to_string())?, start))
}

fn checksum(file: &mut File, range: Range<u64>) -> io::Result<u32> {
    file.seek(SeekFrom::Start(range.start))?;
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0u8; 1 << 18];
    let mut left = range.end - range.start;
    while left > 0 {
        let size = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.read_exact(&mut buffer[..size])?;
        hasher.update(&buffer[..size]);
        left -= size as u64;
    }
    Ok(hasher.finalize())
}

/// Whether the files are those an image was made from.
fn check_sources(known: &[Source], files: &[PathBuf]) -> Result<(), String> {
    if known.len() != files.len() {
        return Err("it was made from other files".into());
    }
    for (known, path) in known.iter().zip(files) {
        let now = look_at(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if (now.length, &now.sample) != (known.length, &known.sample) {
            return Err(format!("{} has changed", path.display()));
        }
        // A file that was copied or touched may still be the same.
        if now.modified_ns != known.modified_ns {
            let hash = hash_of(path).map_err(|error| format!("{}: {error}", path.display()))?;
            if hash != known.sha256 {
                return Err(format!("{} has changed", path.display()));
            }
        }
    }
    Ok(())
}

/// All that can be known of a file without reading the whole of it.
fn look_at(path: &Path) -> io::Result<Source> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let length = metadata.len();
    let mut hasher = Sha256::new();
    let mut buffer = [0u8; SAMPLE];
    for sample in 0..SAMPLES {
        let at = length.saturating_sub(SAMPLE as u64) / (SAMPLES - 1) * sample;
        file.seek(SeekFrom::Start(at))?;
        let got = super::fill(&mut file, &mut buffer)?;
        hasher.update(&buffer[..got]);
    }
    Ok(Source {
        length,
        modified_ns: modified.map_or(0, |time| time.as_nanos() as u64),
        sample: hex(hasher),
        sha256: String::new(),
    })
}

fn hash_of(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0u8; 1 << 18];
    loop {
        match super::fill(&mut file, &mut buffer)? {
            0 => return Ok(hex(hasher)),
            got => hasher.update(&buffer[..got]),
        }
    }
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Where an image is written.
#[derive(Debug)]
enum Sink {
    /// A file that gets its name when it is whole.
    File(tempfile::NamedTempFile),
    /// No file could be written: the image lives in memory.
    Memory(Vec<u8>),
}

/// An image that is being made.
#[derive(Debug)]
pub struct Builder {
    sink: Sink,
    path: Option<PathBuf>,
    parts: BTreeMap<String, (u64, u64)>,
    at: u64,
    hasher: crc32fast::Hasher,
}

impl Builder {
    /// An image that is to become `path`; in memory only if there is none, or no file can be made there.
    pub fn new(path: Option<&Path>) -> Builder {
        let file = path.and_then(|path| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let mut file = tempfile::Builder::new().prefix(".tlumach-").tempfile_in(folder).ok()?;
            file.write_all(&[0; ALIGNMENT as usize]).ok()?;
            Some(file)
        });
        let path = file.is_some().then(|| path.map(Path::to_path_buf)).flatten();
        let sink = file.map_or_else(|| Sink::Memory(vec![0; ALIGNMENT as usize]), Sink::File);
        Builder { sink, path, parts: BTreeMap::new(), at: ALIGNMENT, hasher: crc32fast::Hasher::new() }
    }

    /// Writes a part; one that is there already is kept.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add<T: bytemuck::NoUninit>(&mut self, name: &str, numbers: &[T]) -> Result<(), ModelError> {
        if self.parts.contains_key(name) {
            return Ok(());
        }
        let bytes: &[u8] = bytemuck::cast_slice(numbers);
        let padding = vec![0u8; (self.at.next_multiple_of(ALIGNMENT) - self.at) as usize];
        let start = self.at + padding.len() as u64;
        for bytes in [&padding, bytes] {
            self.hasher.update(bytes);
            self.write(bytes).map_err(|source| self.failed(source))?;
        }
        self.parts.insert(name.to_string(), (start, bytes.len() as u64));
        self.at = start + bytes.len() as u64;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.sink {
            Sink::File(file) => file.write_all(bytes),
            Sink::Memory(image) => {
                image.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    fn failed(&self, source: io::Error) -> ModelError {
        ModelError::Io { path: self.path.clone().unwrap_or_default(), source }
    }

    /// Ends the image, gives it its name and opens it.
    ///
    /// # Errors
    /// The file cannot be written, or a source cannot be read.
    pub fn finish(mut self, origin: &Origin, tensors: Vec<Wanted>) -> Result<Image, ModelError> {
        let mut sources = Vec::new();
        for path in &origin.files {
            let io = |source| ModelError::Io { path: path.clone(), source };
            let mut source = look_at(path).map_err(io)?;
            if self.path.is_some() {
                source.sha256 = hash_of(path).map_err(io)?;
            }
            sources.push(source);
        }
        let checksum = self.hasher.clone().finalize();
        let network = origin.network.clone();
        let index = Index { sources, network, tensors, parts: std::mem::take(&mut self.parts), checksum };
        let bytes = serde_json::to_vec(&index).map_err(|error| ModelError::Weights(error.to_string()))?;
        let mut preamble = Vec::with_capacity(ALIGNMENT as usize);
        preamble.extend(MAGIC);
        for number in [u64::from(VERSION), self.at, bytes.len() as u64, u64::from(crc32fast::hash(&bytes))] {
            preamble.extend(number.to_le_bytes());
        }
        self.write(&bytes).map_err(|source| self.failed(source))?;
        let damaged = |message: String| ModelError::Weights(format!("quantized model: {message}"));
        match (self.sink, self.path) {
            (Sink::File(mut file), Some(path)) => {
                let io = |source| ModelError::Io { path: path.clone(), source };
                file.as_file_mut().seek(SeekFrom::Start(0)).map_err(io)?;
                file.write_all(&preamble).map_err(io)?;
                file.as_file().sync_all().map_err(io)?;
                // SAFETY: nobody else has this file yet, and nobody writes to it once it has its name.
                let map = unsafe { Mmap::map(file.as_file()) }.map_err(io)?;
                allow_others_to_read(file.as_file());
                // Another process may have been quicker: its file is as good.
                file.persist(&path).map_err(|error| io(error.error))?;
                Image::new(map, index).map_err(damaged)
            }
            (sink, _) => {
                let image = if let Sink::Memory(image) = sink { image } else { Vec::new() };
                let map = MmapMut::map_anon(image.len()).and_then(|mut map| {
                    map.copy_from_slice(&image);
                    map.make_read_only()
                });
                let map = map.map_err(|source| ModelError::Io { path: PathBuf::new(), source })?;
                Image::new(map, index).map_err(damaged)
            }
        }
    }
}

/// Temporary files are for their owner alone; a model beside weights that all may read is for all.
fn allow_others_to_read(file: &File) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Where it fails the others make their own.
        let _ = file.set_permissions(std::fs::Permissions::from_mode(0o644));
    }
    #[cfg(not(unix))]
    let _ = file;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    struct Place {
        folder: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Place {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("weights"), vec![7u8; 100_000]).unwrap();
            Place { folder }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("image")
        }

        fn origin(&self) -> Origin {
            Origin { files: vec![self.folder.path().join("weights")], network: "one layer".into() }
        }

        fn build(&self, path: Option<&Path>) -> Image {
            let mut builder = Builder::new(path);
            builder.add("bytes", &[1i8, -2, 3]).unwrap();
            builder.add("floats", &[0.5f32, 1.5]).unwrap();
            builder.add("bytes", &[9i8; 3]).unwrap();
            builder.finish(&self.origin(), vec![("a".into(), vec![2, 3])]).unwrap()
        }
    }

    fn check(image: &Image) {
        assert_eq!(*image.part::<i8>("bytes", 3).unwrap(), [1, -2, 3]);
        assert_eq!(*image.part::<f32>("floats", 2).unwrap(), [0.5, 1.5]);
        assert_eq!(image.tensors(), [("a".to_string(), vec![2, 3])]);
        assert!(image.part::<f32>("floats", 3).is_err());
        assert!(image.part::<f32>("other", 2).is_err());
    }

    #[test]
    fn what_is_written_is_read_again() {
        let place = Place::new();
        check(&place.build(Some(&place.path())));
        check(&Image::open(&place.path(), &place.origin()).unwrap());
        // Nothing but the image is left behind.
        assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn without_a_place_it_lives_in_memory() {
        let place = Place::new();
        check(&place.build(None));
        check(&place.build(Some(Path::new("/nowhere/at all/image"))));
    }

    #[test]
    fn another_origin_is_refused() {
        let place = Place::new();
        place.build(Some(&place.path()));
        let other = Origin { network: "two layers".into(), ..place.origin() };
        assert!(Image::open(&place.path(), &other).unwrap_err().contains("another network"));
        let weights = &place.origin().files[0];
        // Written anew with the same content: found to be the same.
        fs::write(weights, vec![7u8; 100_000]).unwrap();
        check(&Image::open(&place.path(), &place.origin()).unwrap());
        let mut bytes = vec![7u8; 100_000];
        bytes[99_999] = 8;
        fs::write(weights, bytes).unwrap();
        assert!(Image::open(&place.path(), &place.origin()).unwrap_err().contains("has changed"));
    }

    #[test]
    fn damage_is_seen_wherever_it_is() {
        let place = Place::new();
        place.build(Some(&place.path()));
        let whole = fs::read(place.path()).unwrap();
        for at in (0..whole.len()).filter(|at| !(40..64).contains(at)) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(place.path(), bytes).unwrap();
            assert!(Image::open(&place.path(), &place.origin()).is_err(), "byte {at} of {}", whole.len());
        }
        for length in 0..whole.len() {
            fs::write(place.path(), &whole[..length]).unwrap();
            assert!(Image::open(&place.path(), &place.origin()).is_err(), "{length} bytes");
        }
    }
}
