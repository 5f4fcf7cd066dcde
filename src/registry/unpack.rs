//! Unpacking gzip and zstd, in a stream and within a bound.
//!
//! A packed file may claim anything of what is inside it, so the output is counted and never becomes longer than the limit. What
//! follows the packed data, a checksum that does not fit and an end that comes too early are errors, and an error leaves no file.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use sha2::{Digest as _, Sha256};

use super::card::Packing;
use super::digest::hex;
use super::{Progress, RegistryError};

/// Longest result where the size of the unpacked file is not known, 256 MiB: several times the largest published model.
pub(crate) const LIMIT: u64 = 256 << 20;
/// Bytes decoded at once.
const CHUNK: usize = 256 << 10;

/// What was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unpacked {
    /// Hash of the packed file, as it was read.
    pub(crate) packed_sha256: String,
    /// Size of the result in bytes.
    pub(crate) size: u64,
    /// Hash of the result.
    pub(crate) sha256: String,
}

/// How a file is packed, by its first bytes.
pub(crate) fn format_of(head: &[u8]) -> Option<Packing> {
    match head {
        [0x1f, 0x8b, 8, ..] => Some(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
        _ => None,
    }
}

/// The first bytes of what is packed, at most `most`; fewer where the packed data is cut or damaged.
pub(crate) fn peek(packed: impl BufRead, format: Packing, most: usize) -> Vec<u8> {
    let mut decoder = Decoder::new(packed, format).take(most as u64);
    let (mut head, mut buffer) = (Vec::new(), vec![0; most.min(CHUNK)]);
    // What cannot be decoded has shown what it is, or will be refused when it is unpacked.
    while let Ok(n @ 1..) = decoder.read(&mut buffer) {
        head.extend_from_slice(&buffer[..n]);
    }
    head
}

/// Unpacks a file of at most `limit` bytes into a new file, which is on disk afterwards.
pub(crate) fn unpack(
    (from, to): (&Path, &Path),
    format: Packing,
    limit: u64,
    progress: &dyn Progress,
) -> Result<Unpacked, RegistryError> {
    let mut sink = File::create(to).map_err(RegistryError::io("write", to))?;
    let mut write = |bytes: &[u8]| sink.write_all(bytes).map_err(|e| disk(e, to, limit));
    let result = stream((from, &mut write), format, limit, progress)
        .and_then(|unpacked| sink.sync_all().map(|()| unpacked).map_err(|e| disk(e, to, limit)));
    if result.is_err() {
        // Nothing half-written stays; the first error says more than one of the removal would.
        let _ = std::fs::remove_file(to);
    }
    result
}

/// What a file of at most `limit` bytes would be unpacked; nothing is written.
pub(crate) fn measure(
    from: &Path,
    format: Packing,
    limit: u64,
    progress: &dyn Progress,
) -> Result<Unpacked, RegistryError> {
    stream((from, &mut |_| Ok(())), format, limit, progress)
}

/// Where unpacked bytes go.
type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), RegistryError> + 'a;

fn stream(
    (from, write): (&Path, &mut Sink<'_>),
    format: Packing,
    limit: u64,
    progress: &dyn Progress,
) -> Result<Unpacked, RegistryError> {
    let bad = |reason: String| RegistryError::Unpack {
        file: from.display().to_string(),
        format: format.as_str(),
        reason,
        advice: "it is damaged or not the file it should be: fetch it again".to_string(),
    };
    let source = File::open(from).map_err(RegistryError::io("read", from))?;
    let mut packed = BufReader::with_capacity(CHUNK, Hashing { inner: source, hasher: Sha256::new() });
    let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0u64, vec![0; CHUNK]);
    let mut decoder = Decoder::new(&mut packed, format);
    loop {
        if progress.cancelled() {
            return Err(RegistryError::Cancelled(from.display().to_string()));
        }
        let n = decoder.read(&mut buffer).map_err(|e| bad(e.to_string()))?;
        if n == 0 {
            break;
        }
        size += n as u64;
        if size > limit {
            return Err(bad(format!("expected at most {limit} bytes inside, got more")));
        }
        hasher.update(&buffer[..n]);
        write(&buffer[..n])?;
        progress.advance(n as u64);
    }
    drop(decoder);
    // The decoders read to the end; whatever they left would be missing from the hash.
    std::io::copy(&mut packed, &mut std::io::sink()).map_err(RegistryError::io("read", from))?;
    let packed_sha256 = hex(&packed.into_inner().hasher.finalize());
    Ok(Unpacked { packed_sha256, size, sha256: hex(&hasher.finalize()) })
}

/// Writing failed: a full disk is told apart from the rest.
pub(crate) fn disk(error: std::io::Error, path: &Path, need: u64) -> RegistryError {
    if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) {
        let what = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        return RegistryError::NoSpace { what, path, need, free: 0 };
    }
    RegistryError::io("write", path)(error)
}

/// Hashes what is read through it.
struct Hashing<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        Ok(n)
    }
}

/// A decoder of either format.
enum Decoder<R: BufRead> {
    /// Checks the checksum and length of each member; what follows the last must be another member.
    Gzip(Box<MultiGzDecoder<R>>),
    Zstd(Frames<R>),
}

impl<R: BufRead> Decoder<R> {
    fn new(source: R, format: Packing) -> Decoder<R> {
        match format {
            Packing::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(source))),
            Packing::Zstd => Decoder::Zstd(Frames::Between(source)),
        }
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(frames) => frames.read(buffer),
        }
    }
}

/// The frames of a zstd file, one after the other.
enum Frames<R: BufRead> {
    Between(R),
    Inside(Box<StreamingDecoder<R, FrameDecoder>>),
    /// The end, or an error; there is no going on from it.
    Over,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bad = |text: String| std::io::Error::new(std::io::ErrorKind::InvalidData, text);
        loop {
            match std::mem::replace(self, Frames::Over) {
                Frames::Over => return Ok(0),
                Frames::Between(mut source) => {
                    if source.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    let decoder = StreamingDecoder::new(source).map_err(|e| bad(e.to_string()))?;
                    *self = Frames::Inside(Box::new(decoder));
                }
                Frames::Inside(mut decoder) => {
                    let n = decoder.read(buffer)?;
                    if n > 0 {
                        *self = Frames::Inside(decoder);
                        return Ok(n);
                    }
                    let (source, frame) = decoder.into_parts();
                    let (promised, got) = (frame.get_checksum_from_data(), frame.get_calculated_checksum());
                    if promised.is_some() && promised != got {
                        return Err(bad("the checksum does not fit the content".to_string()));
                    }
                    *self = Frames::Between(source);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(content: &[u8]) -> Vec<u8> {
        compress_to_vec(content, CompressionLevel::Fastest)
    }

    fn content() -> Vec<u8> {
        (0..40_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect()
    }

    /// Unpacks in a folder of its own; an error must leave nothing there.
    fn unpacked(packed: &[u8], limit: u64) -> Result<Vec<u8>, String> {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("packed"), dir.path().join("plain"));
        std::fs::write(&from, packed).unwrap();
        let format = format_of(packed).ok_or("not packed")?;
        match unpack((&from, &to), format, limit, &()) {
            Ok(facts) => {
                let content = std::fs::read(&to).unwrap();
                assert_eq!(facts.size, content.len() as u64);
                assert_eq!(facts.sha256, hex(&Sha256::digest(&content)));
                assert_eq!(facts.packed_sha256, hex(&Sha256::digest(packed)));
                Ok(content)
            }
            Err(error) => {
                assert!(!to.exists(), "{error} left a file");
                Err(error.to_string())
            }
        }
    }

    #[test]
    fn both_formats_come_back_whole() {
        let exact = content().len() as u64;
        for packed in [gzip(&content()), zstd(&content())] {
            assert_eq!(unpacked(&packed, exact).unwrap(), content());
            let twice = [packed.clone(), packed].concat();
            assert_eq!(unpacked(&twice, LIMIT).unwrap(), [content(), content()].concat());
        }
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let bomb = vec![0; 4 << 20];
        for packed in [gzip(&bomb), zstd(&bomb)] {
            let error = unpacked(&packed, (4 << 20) - 1).unwrap_err();
            assert!(error.contains("expected at most 4194303 bytes") && error.contains("got more"), "{error}");
        }
    }

    #[test]
    fn cut_or_followed_by_garbage_is_refused() {
        for packed in [gzip(&content()), zstd(&content())] {
            for cut in [5, packed.len() / 2, packed.len() - 1] {
                unpacked(&packed[..cut], LIMIT).unwrap_err();
            }
            for garbage in [&b"x"[..], b"garbage after the end", &[0; 100]] {
                unpacked(&[&packed[..], garbage].concat(), LIMIT).unwrap_err();
            }
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let packed = gzip(&content());
        let middle = packed.len() / 2;
        let mut changed = packed.clone();
        changed[middle] ^= 0x10;
        assert!(unpacked(&changed, LIMIT).is_err());
    }

    #[test]
    fn the_beginning_can_be_seen_without_the_end() {
        for packed in [gzip(&content()), zstd(&content())] {
            let format = format_of(&packed).unwrap();
            assert_eq!(peek(&packed[..], format, 100), content()[..100]);
        }
        assert!(peek(&b"\x1f\x8b\x08"[..], Packing::Gzip, 100).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_in_an_answer_or_an_error(
            zstd in proptest::bool::ANY,
            rest in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
        ) {
            let magic: &[u8] = if zstd { &[0x28, 0xb5, 0x2f, 0xfd] } else { &[0x1f, 0x8b, 8] };
            let packed = [magic, &rest].concat();
            let _ = unpacked(&packed, 1 << 16);
            let _ = peek(&packed[..], format_of(&packed).unwrap(), 1000);
        }
    }
}
