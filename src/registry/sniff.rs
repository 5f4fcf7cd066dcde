//! What a file is, by its content: the files of Firefox Translations and Bergamot models.
//!
//! Names say nothing here. A file that begins like one of these and is not whole is told apart from one that is something else, so
//! that a cut download is named and not passed over. Nothing is loaded: headers and sizes are read, tensors are not.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::card::{Packing, Role};
use super::unpack;

/// Bytes of a file's beginning that are looked at.
pub(crate) const HEAD: usize = 64 << 10;
/// First eight bytes of a binary shortlist, little endian.
const SHORTLIST: u64 = 0xF11A_48D5_0134_17F5;
/// Bytes of a shortlist's header: magic, checksum, two settings, two counts.
const SHORTLIST_HEADER: u64 = 48;
/// The item of a Marian model that holds its configuration.
const MODEL_CONFIG: &str = "special:model.yml";
/// Most items, and longest name, of a model that is believed.
const MOST_ITEMS: u64 = 10_000;
const LONGEST_NAME: u64 = 1024;
/// Largest vocabulary file that is read whole.
const LARGEST_VOCABULARY: u64 = 64 << 20;
/// Keys of which at least one stands in a Marian decoder's configuration.
const CONFIG_KEYS: &[&str] = &["vocabs:", "models:", "gemm-precision:", "shortlist:"];

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A model in Marian's binary format with its configuration inside.
    Model,
    /// A binary lexical shortlist.
    Shortlist,
    /// A `SentencePiece` model.
    Vocabulary,
    /// A configuration of Marian's decoder, YAML.
    Config,
    /// A packed file; what is inside is another question.
    Packed(Packing),
    /// It begins like one of these and is not whole; the text says what is wrong.
    Damaged(String),
    /// Anything else.
    Other,
}

impl Content {
    /// The word in messages.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Content::Model => "model",
            Content::Shortlist => "shortlist",
            Content::Vocabulary => "vocabulary",
            Content::Config => "configuration",
            Content::Packed(format) => format.as_str(),
            Content::Damaged(_) => "damaged file",
            Content::Other => "other",
        }
    }
}

/// What a file is, as far as its beginning tells.
pub(crate) fn head(head: &[u8]) -> Content {
    if let Some(format) = unpack::format_of(head) {
        return Content::Packed(format);
    }
    match u64_at(head, 0) {
        Some(SHORTLIST) => return Content::Shortlist,
        Some(1) if begins_like_a_model(head) => return Content::Model,
        _ => {}
    }
    // Two, or one that is all: a text that begins with blank lines may look like one piece.
    let pieces = pieces(head);
    if pieces > 1 || pieces == 1 && is_message(head) {
        return Content::Vocabulary;
    }
    // A cut in the middle of a character is no reason against a text.
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(e) if e.error_len().is_none() => std::str::from_utf8(&head[..e.valid_up_to()]).unwrap_or(""),
        Err(_) => "",
    };
    let is_config = text.lines().any(|line| CONFIG_KEYS.iter().any(|key| line.starts_with(key)));
    if is_config { Content::Config } else { Content::Other }
}

/// What a file is, its whole form checked.
pub(crate) fn of(path: &Path) -> std::io::Result<Content> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(HEAD, file);
    let mut beginning = Vec::new();
    (&mut reader).take(HEAD as u64).read_to_end(&mut beginning)?;
    let first = head(&beginning);
    let mut whole = (&beginning[..]).chain(reader);
    let damaged = |text: &str| Content::Damaged(text.to_string());
    Ok(match first {
        Content::Model => match model(&mut whole, len) {
            Ok(()) => Content::Model,
            Err(reason) => Content::Damaged(reason),
        },
        Content::Shortlist if shortlist_len(&beginning) == Some(len) => Content::Shortlist,
        Content::Shortlist => damaged("a shortlist whose length is not what its header says"),
        Content::Vocabulary if len > LARGEST_VOCABULARY => Content::Other,
        Content::Vocabulary => {
            let mut bytes = Vec::new();
            whole.take(LARGEST_VOCABULARY).read_to_end(&mut bytes)?;
            if is_message(&bytes) { first } else { damaged("a SentencePiece model that is cut short or damaged") }
        }
        Content::Config if len > HEAD as u64 => Content::Other,
        other => other,
    })
}

/// Whether a file can have a role of this family, by its beginning.
pub(crate) fn matches(role: Role, path: &Path) -> bool {
    let mut beginning = Vec::new();
    let Ok(file) = File::open(path) else { return false };
    if file.take(HEAD as u64).read_to_end(&mut beginning).is_err() {
        return false;
    }
    let expected = match role {
        Role::Weights => Content::Model,
        Role::Shortlist => Content::Shortlist,
        Role::SourceSpm | Role::TargetSpm => Content::Vocabulary,
        _ => return true,
    };
    head(&beginning) == expected
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// Version 1, a believable number of items, and a first item that can be one.
fn begins_like_a_model(head: &[u8]) -> bool {
    let believable =
        |at: usize, range: std::ops::RangeInclusive<u64>| u64_at(head, at).is_some_and(|n| range.contains(&n));
    believable(8, 1..=MOST_ITEMS) && believable(16, 1..=LONGEST_NAME) && believable(32, 0..=16)
}

/// Reads the headers and names of a model. The layout is Marian's `binary::saveItems`: version, number of items, a header of four
/// numbers for each (length of the name, type, number of dimensions, bytes of data), names, dimensions, padding, data.
fn model(reader: &mut impl Read, len: u64) -> Result<(), String> {
    let cut = |_| "a Marian model that ends in its header".to_string();
    let mut next = || -> Result<u64, String> {
        let mut bytes = [0; 8];
        reader.read_exact(&mut bytes).map_err(cut)?;
        Ok(u64::from_le_bytes(bytes))
    };
    let (_version, items) = (next()?, next()?);
    if items > MOST_ITEMS {
        return Err(format!("a Marian model of {items} items: expected at most {MOST_ITEMS}"));
    }
    let mut lengths = Vec::new();
    let mut bytes = 16 + 8;
    for _ in 0..items {
        let [name, _kind, dimensions, data] = [next()?, next()?, next()?, next()?];
        if !(1..=LONGEST_NAME).contains(&name) || dimensions > 16 {
            return Err("a Marian model whose header is damaged".to_string());
        }
        lengths.push(name);
        bytes = [32, name, 4 * dimensions, data].into_iter().fold(bytes, u64::saturating_add);
    }
    if bytes > len {
        return Err(format!("a Marian model that is cut short: expected at least {bytes} bytes, got {len}"));
    }
    let mut has_config = false;
    for length in lengths {
        let mut name = vec![0; length as usize];
        reader.read_exact(&mut name).map_err(cut)?;
        let name = name.strip_suffix(&[0]).unwrap_or(&name);
        if !name.iter().all(u8::is_ascii_graphic) {
            return Err("a Marian model whose names are damaged".to_string());
        }
        has_config |= name == MODEL_CONFIG.as_bytes();
    }
    if has_config { Ok(()) } else { Err(format!("a Marian model without the item {MODEL_CONFIG}")) }
}

/// The length of a shortlist file by its header: eight bytes an offset, four a word.
fn shortlist_len(head: &[u8]) -> Option<u64> {
    let offsets = u64_at(head, 32)?.checked_mul(8)?;
    let words = u64_at(head, 40)?.checked_mul(4)?;
    SHORTLIST_HEADER.checked_add(offsets)?.checked_add(words)
}

/// A reader of protocol buffers, as far as walking over fields.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    fn bytes(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    /// Number and content of the next field; `None` where none can be read.
    fn next(&mut self) -> Option<(u64, &'a [u8])> {
        let tag = self.varint()?;
        let content = match tag & 7 {
            0 => self.varint().map(|_| &[][..]),
            1 => self.bytes(8),
            2 => self.varint().and_then(|count| self.bytes(count)),
            5 => self.bytes(4),
            _ => None,
        }?;
        (tag >> 3 > 0).then_some((tag >> 3, content))
    }
}

/// Whether a field's content is a piece: a text, then a score and a kind.
fn is_piece(content: &[u8]) -> bool {
    let mut fields = Fields(content);
    let text = fields
        .next()
        .filter(|(number, _)| *number == 1)
        .is_some_and(|(_, text)| !text.is_empty() && std::str::from_utf8(text).is_ok());
    let mut rest = true;
    while rest && !fields.0.is_empty() {
        rest = fields.next().is_some_and(|(number, _)| matches!(number, 2 | 3));
    }
    text && rest
}

/// How many pieces a file begins with; a few are enough.
fn pieces(head: &[u8]) -> usize {
    let mut fields = Fields(head);
    let mut count = 0;
    while count < 8 {
        match fields.next() {
            Some((1, content)) if is_piece(content) => count += 1,
            // A first piece that is none decides; later fields may be others, or be cut by the end of the head.
            _ => break,
        }
    }
    count
}

/// Whether the bytes are fields to their very end.
fn is_message(bytes: &[u8]) -> bool {
    let mut fields = Fields(bytes);
    while !fields.0.is_empty() {
        if fields.next().is_none() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn numbers(values: &[u64]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn marian(name: &str) -> Vec<u8> {
        let name = [name.as_bytes(), &[0]].concat();
        let header = numbers(&[1, 1, name.len() as u64, 0x0101, 1, 8]);
        [header, name, 8i32.to_le_bytes().to_vec(), numbers(&[0]), b"a: true\n".to_vec()].concat()
    }

    const SPM: &[u8] =
        b"\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\x02\n\x0b\n\x02ab\x15\0\0\x80\xbf\x18\x01\n\x04\n\x02cd\x12\x02\x18\x01";

    fn shortlist() -> Vec<u8> {
        [numbers(&[SHORTLIST, 7, 50, 50, 2, 3]), numbers(&[0, 3]), vec![0; 12]].concat()
    }

    fn check(bytes: &[u8], expected: &str) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("any-name");
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(of(&path).unwrap().as_str(), expected, "{:?}", of(&path));
    }

    #[test]
    fn content_is_known_by_its_form() {
        check(&marian(MODEL_CONFIG), "model");
        check(SPM, "vocabulary");
        check(&shortlist(), "shortlist");
        check(b"relative-paths: true\nvocabs:\n  - a\n", "configuration");
        check(b"\x1f\x8b\x08\0", "gzip");
        check(b"\x28\xb5\x2f\xfd\0", "zstd");
        for other in [&b""[..], b"word word 0.5\n", b"{\"modelType\": 1}", b"\x80\x02", &numbers(&[1])] {
            check(other, "other");
        }
    }

    #[test]
    fn what_is_cut_is_told_from_what_is_something_else() {
        check(&marian("encoder_Wemb"), "damaged file");
        let whole = marian(MODEL_CONFIG);
        check(&whole[..whole.len() - 5], "damaged file");
        check(&whole[..60], "damaged file");
        check(&shortlist()[..60], "damaged file");
        check(&[&shortlist()[..], b"x"].concat(), "damaged file");
        check(&SPM[..SPM.len() - 1], "damaged file");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_in_an_answer(
            start in proptest::sample::select(vec![
                vec![], numbers(&[1, 2, 5, 0, 1]), numbers(&[1, 9999]), numbers(&[SHORTLIST, 0, 0, 0, u64::MAX, u64::MAX]),
                SPM.to_vec(), vec![10, 255, 255, 255], vec![0x1f, 0x8b, 8], b"vocabs:\n".to_vec(),
            ]),
            rest in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        ) {
            let bytes = [start, rest].concat();
            let _ = head(&bytes);
            let _ = model(&mut &bytes[..], bytes.len() as u64);
            let _ = is_message(&bytes);
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("f");
            std::fs::write(&path, &bytes).unwrap();
            let _ = of(&path).unwrap();
            for role in [Role::Weights, Role::Shortlist, Role::SourceSpm, Role::Config] {
                let _ = matches(role, &path);
            }
        }
    }
}
