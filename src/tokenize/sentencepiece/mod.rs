//! A SentencePiece runtime of our own: what `sentencepiece` (C++) answers, piece for piece, from the same model file.
//!
//! Text is normalized by the character map of the file (`normalize`), cut into pieces by a unigram model
//! (`unigram`) or by byte pair encoding (`bpe`), and pieces become text again. Word and character models are
//! refused; sampling, n-best lists, extra options and the self tests of a file are not here. `docs/tokenizers.md` says
//! what was compared with what.

mod bpe;
mod normalize;
mod proto;
mod trie;
mod unigram;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use bpe::Bpe;
use normalize::{Normalizer, SPACE_MARK};
use proto::{ModelFile, ModelKind, NormalizerSettings, PieceEntry};
use trie::Trie;
use unigram::{Entry, Unigram};

pub use proto::PieceKind;

/// What can go wrong with a SentencePiece model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SentencePieceError {
    /// The file is damaged, contradicts itself, or asks for something that is not implemented.
    #[error("bad SentencePiece model: {0}")]
    Model(String),
    /// The file cannot be read.
    #[error("cannot read the SentencePiece model: {0}")]
    Io(#[from] std::io::Error),
    /// An id the vocabulary does not have.
    #[error("piece id outside the vocabulary: expected less than {pieces}, got {got}")]
    Id {
        /// Size of the vocabulary.
        pieces: usize,
        /// The id.
        got: u32,
    },
}

/// What a model file says of characters and spaces, where other formats carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The character map; empty for none.
    pub charsmap: Vec<u8>,
    /// Whether a space is put before a text.
    pub add_dummy_prefix: bool,
    /// Whether spaces that say nothing are taken from it.
    pub remove_extra_whitespaces: bool,
}

/// A loaded model. Immutable, so one is shared by all workers.
#[derive(Debug, Clone)]
pub struct SentencePiece {
    pieces: Vec<PieceEntry>,
    reserved: HashMap<Vec<u8>, u32>,
    search: Search,
    normalizer: Normalizer,
    denormalizer: Option<Normalizer>,
    unknown: u32,
    unknown_surface: String,
    /// The id of each byte's piece, if the model spells unknown characters in bytes.
    bytes: Option<Box<[u32; 256]>>,
    /// Whether decoding takes the space from the first piece, and whether from all empty pieces before the first word.
    strips_first_space: bool,
    strips_all_first_spaces: bool,
}

#[derive(Debug, Clone)]
enum Search {
    Unigram(Unigram),
    Bpe(Bpe),
}

/// A text in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    normalized: Vec<u8>,
    pieces: Vec<(u32, Range<usize>)>,
}

impl Encoding {
    /// The ids, in order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.pieces.iter().map(|(id, _)| *id)
    }

    /// Ids and texts, in order. The text is that of the normalized input: for an unknown piece what the input says
    /// there, for the bytes of an unknown character nothing (the first byte has the character).
    pub fn pieces(&self) -> impl ExactSizeIterator<Item = (u32, Cow<'_, str>)> + '_ {
        self.pieces.iter().map(|(id, range)| (*id, String::from_utf8_lossy(&self.normalized[range.clone()])))
    }
}

/// The byte a byte piece (`<0x0A>`) stands for.
fn byte_of(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    let upper = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
    if upper { u8::from_str_radix(digits, 16).ok() } else { None }
}

impl SentencePiece {
    /// Reads a model file.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or holds a word or character model.
    pub fn open(path: &Path) -> Result<SentencePiece, SentencePieceError> {
        SentencePiece::from_bytes(&std::fs::read(path)?)
    }

    /// Reads a model from the bytes of its file.
    ///
    /// # Errors
    /// The bytes are damaged, or hold a word or character model.
    pub fn from_bytes(bytes: &[u8]) -> Result<SentencePiece, SentencePieceError> {
        SentencePiece::build(ModelFile::parse(bytes)?)
    }

    /// A model of byte pair encoding from its pieces alone, as other formats carry them: text, score and kind of each. Text
    /// is not normalized, spaces are marked, nothing is put before a text, and characters without a piece become bytes.
    ///
    /// # Errors
    /// The pieces contradict each other, or one for a byte or the unknown piece is missing.
    pub fn from_pieces(
        pieces: impl IntoIterator<Item = (String, f32, PieceKind)>,
    ) -> Result<SentencePiece, SentencePieceError> {
        SentencePiece::build(ModelFile {
            pieces: pieces.into_iter().map(|(text, score, kind)| PieceEntry { text, score, kind }).collect(),
            kind: ModelKind::Bpe,
            treat_whitespace_as_suffix: false,
            byte_fallback: true,
            unknown_surface: " \u{2047} ".to_owned(),
            normalizer: NormalizerSettings {
                add_dummy_prefix: false,
                remove_extra_whitespaces: false,
                ..NormalizerSettings::default()
            },
            denormalizer: None,
        })
    }

    /// A unigram model from its pieces, likewise, with the rules of its file. Characters without a piece become bytes if there
    /// are pieces for bytes.
    ///
    /// # Errors
    /// The pieces contradict each other, the unknown piece or one for a byte is missing, or the map is damaged.
    pub fn from_unigram(
        pieces: impl IntoIterator<Item = (String, f32, PieceKind)>,
        rules: Rules,
    ) -> Result<SentencePiece, SentencePieceError> {
        SentencePiece::from_parts(ModelKind::Unigram, pieces, rules)
    }

    /// A model of byte pair encoding from its pieces and the rules of its file, likewise.
    ///
    /// # Errors
    /// As [`SentencePiece::from_unigram`].
    pub fn from_pairs(
        pieces: impl IntoIterator<Item = (String, f32, PieceKind)>,
        rules: Rules,
    ) -> Result<SentencePiece, SentencePieceError> {
        SentencePiece::from_parts(ModelKind::Bpe, pieces, rules)
    }

    fn from_parts(
        kind: ModelKind,
        pieces: impl IntoIterator<Item = (String, f32, PieceKind)>,
        rules: Rules,
    ) -> Result<SentencePiece, SentencePieceError> {
        let Rules { charsmap, add_dummy_prefix, remove_extra_whitespaces } = rules;
        let pieces: Vec<PieceEntry> =
            pieces.into_iter().map(|(text, score, kind)| PieceEntry { text, score, kind }).collect();
        SentencePiece::build(ModelFile {
            kind,
            treat_whitespace_as_suffix: false,
            byte_fallback: pieces.iter().any(|piece| piece.kind == PieceKind::Byte),
            unknown_surface: " \u{2047} ".to_owned(),
            normalizer: NormalizerSettings {
                charsmap,
                add_dummy_prefix,
                remove_extra_whitespaces,
                ..NormalizerSettings::default()
            },
            denormalizer: None,
            pieces,
        })
    }

    fn build(file: ModelFile) -> Result<SentencePiece, SentencePieceError> {
        let error = |reason: String| Err(SentencePieceError::Model(reason));
        let mut reserved: HashMap<Vec<u8>, u32> = HashMap::new();
        let mut texts: HashMap<&[u8], u32> = HashMap::new();
        let mut byte_ids = [None; 256];
        let mut unknown = None;
        for (id, piece) in file.pieces.iter().enumerate() {
            let (id, key) = (id as u32, piece.text.as_bytes());
            if key.is_empty() {
                return error(format!("piece {id} is empty"));
            }
            let is_text = matches!(piece.kind, PieceKind::Normal | PieceKind::UserDefined | PieceKind::Unused);
            let twice =
                if is_text { texts.insert(key, id).is_some() } else { reserved.insert(key.to_vec(), id).is_some() };
            if twice {
                return error(format!("piece {:?} is there twice", piece.text));
            }
            match piece.kind {
                PieceKind::Unknown if unknown.replace(id).is_some() => {
                    return error("there is more than one unknown piece".to_string());
                }
                PieceKind::Byte => match byte_of(&piece.text) {
                    Some(byte) if file.byte_fallback => byte_ids[usize::from(byte)] = Some(id),
                    _ => return error(format!("byte piece {:?} is malformed, or byte_fallback is off", piece.text)),
                },
                _ => {}
            }
        }
        let Some(unknown) = unknown else { return error("there is no unknown piece".to_string()) };
        let bytes = if file.byte_fallback {
            let mut ids = Box::new([0; 256]);
            for (byte, id) in byte_ids.into_iter().enumerate() {
                match id {
                    Some(id) => ids[byte] = id,
                    None => return error(format!("byte_fallback is on, but the piece of byte {byte} is missing")),
                }
            }
            Some(ids)
        } else {
            None
        };

        let is_unused = |piece: &PieceEntry| piece.kind == PieceKind::Unused;
        let symbols: Vec<(&[u8], u32)> = (file.pieces.iter().zip(0..))
            .filter(|(piece, _)| piece.kind == PieceKind::UserDefined)
            .map(|(piece, id)| (up_to_zero(piece.text.as_bytes()), id))
            .collect();
        let symbols = Trie::new(&symbols);
        let texts: Vec<(&[u8], u32)> = (file.pieces.iter().zip(0..))
            .filter(|(piece, _)| matches!(piece.kind, PieceKind::Normal | PieceKind::UserDefined | PieceKind::Unused))
            .map(|(piece, id)| (piece.text.as_bytes(), id))
            .collect();
        let search = match file.kind {
            ModelKind::Unigram => {
                // The reference hands its trie strings that end at a zero byte; the shorter of two such strings is first.
                let mut keys = texts;
                keys.sort_unstable();
                let keys: Vec<(&[u8], u32)> = keys.into_iter().map(|(key, id)| (up_to_zero(key), id)).collect();
                let normal = || file.pieces.iter().filter(|p| p.kind == PieceKind::Normal).map(|p| p.score);
                let entries = file.pieces.iter().map(|piece| match piece.kind {
                    PieceKind::UserDefined => Entry::UserDefined,
                    PieceKind::Unused => Entry::Unused,
                    _ => Entry::Scored(piece.score),
                });
                Search::Unigram(Unigram {
                    trie: Trie::new(&keys),
                    entries: entries.collect(),
                    unknown,
                    min_score: normal().fold(f32::MAX, f32::min),
                    // The reference starts the maximum from the smallest positive number, not from the lowest.
                    max_score: normal().fold(f32::MIN_POSITIVE, f32::max),
                })
            }
            ModelKind::Bpe => Search::Bpe(Bpe {
                trie: Trie::new(&texts),
                reserved: reserved.clone(),
                symbols: symbols.clone(),
                scores: file.pieces.iter().map(|piece| piece.score).collect(),
                unused: file.pieces.iter().map(is_unused).collect(),
                unknown,
            }),
            ModelKind::Word => return error("model type word is not supported; expected unigram or bpe".to_string()),
            ModelKind::Char => return error("model type char is not supported; expected unigram or bpe".to_string()),
        };
        if search.trie().is_empty() {
            return error("there is no piece for text".to_string());
        }
        let normalizer = Normalizer::new(&file.normalizer, symbols, file.treat_whitespace_as_suffix)?;
        let denormalizer = match &file.denormalizer {
            Some(settings) if !settings.charsmap.is_empty() => Some(Normalizer::new(settings, Trie::default(), false)?),
            _ => None,
        };
        Ok(SentencePiece {
            reserved,
            search,
            normalizer,
            denormalizer,
            unknown,
            unknown_surface: file.unknown_surface,
            bytes,
            strips_first_space: file.normalizer.add_dummy_prefix || file.normalizer.remove_extra_whitespaces,
            strips_all_first_spaces: file.normalizer.remove_extra_whitespaces,
            pieces: file.pieces,
        })
    }

    /// Number of pieces.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether there are no pieces; never true of a loaded model.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Text and kind of a piece.
    pub fn piece(&self, id: u32) -> Option<(&str, PieceKind)> {
        self.pieces.get(id as usize).map(|piece| (piece.text.as_str(), piece.kind))
    }

    /// The id of a piece; that of the unknown piece if there is no such piece.
    pub fn id(&self, piece: &str) -> u32 {
        let key = piece.as_bytes();
        self.reserved.get(key).copied().or_else(|| self.search.trie().get(key)).unwrap_or(self.unknown)
    }

    /// The id of the unknown piece.
    pub fn unknown(&self) -> u32 {
        self.unknown
    }

    /// Cuts a text into pieces. Takes time proportional to the text (`n log n` for byte pair encoding), however long
    /// its lines are.
    pub fn encode(&self, text: &str) -> Encoding {
        self.cut(self.normalizer.normalize(text))
    }

    /// The same, and for each piece the bytes of `text` that it stands for, as `begin` and `end` in the reference: the white
    /// space before a word belongs to its first piece, the space that is put before a text stands for nothing, and of the
    /// bytes of an unknown character the last has the character.
    ///
    /// The ranges ascend and lie on the boundaries of characters. What the normalizer removes belongs to the piece before it.
    pub fn encode_traced(&self, text: &str) -> (Encoding, Vec<Range<usize>>) {
        let (normalized, origins) = self.normalizer.normalize_traced(text);
        let encoding = self.cut(normalized);
        let mut spans = Vec::with_capacity(encoding.pieces.len());
        let mut pieces = encoding.pieces.iter().map(|(_, range)| range).peekable();
        while let Some(range) = pieces.next() {
            let (start, end) = (origins[range.start], origins[range.end]);
            // The further bytes of an unknown character, which have no text of their own.
            while pieces.next_if(|range| range.is_empty()).is_some() {
                spans.push(start..start);
            }
            spans.push(start..end);
        }
        (encoding, spans)
    }

    /// Cuts what is normalized into pieces.
    fn cut(&self, normalized: Vec<u8>) -> Encoding {
        let found = match &self.search {
            Search::Unigram(unigram) => unigram.encode(&normalized),
            Search::Bpe(bpe) => bpe.encode(&normalized),
        };
        let mut pieces: Vec<(u32, Range<usize>)> = Vec::with_capacity(found.len());
        let mut start = 0;
        let mut after_unknown = false;
        for (id, length) in found {
            let end = start + length;
            let is_unknown = id == self.unknown;
            match (&self.bytes, is_unknown) {
                (Some(ids), true) => {
                    let mut range = start..end;
                    for &byte in &normalized[start..end] {
                        pieces.push((ids[usize::from(byte)], range));
                        range = end..end;
                    }
                }
                // Neighbouring unknown characters are one unknown piece.
                (None, true) if after_unknown => {
                    if let Some((_, range)) = pieces.last_mut() {
                        range.end = end;
                    }
                }
                _ => pieces.push((id, start..end)),
            }
            after_unknown = is_unknown;
            start = end;
        }
        Encoding { normalized, pieces }
    }

    /// The ids of a text's pieces.
    pub fn encode_ids(&self, text: &str) -> Vec<u32> {
        self.encode(text).ids().collect()
    }

    /// The text of pieces given by their spelling. A spelling that is no piece stands for itself.
    pub fn decode_pieces<'a>(&self, pieces: impl IntoIterator<Item = &'a str>) -> String {
        self.join(pieces, None)
    }

    /// The same, and for each piece the bytes of the text that it became: with the space before a word, and of the bytes of a
    /// character the last has the character.
    pub fn decode_pieces_traced<'a>(&self, pieces: impl IntoIterator<Item = &'a str>) -> (String, Vec<Range<usize>>) {
        let mut spans = Vec::new();
        let text = self.join(pieces, Some(&mut spans));
        (text, spans)
    }

    fn join<'a>(&self, pieces: impl IntoIterator<Item = &'a str>, mut spans: Option<&mut Vec<Range<usize>>>) -> String {
        let mut text = String::new();
        let mut bytes = Vec::new();
        let mut at_start = true;
        let mut space_taken = false;
        for piece in pieces {
            let id = self.id(piece);
            let kind = self.pieces[id as usize].kind;
            if kind == PieceKind::Byte {
                bytes.extend(byte_of(piece));
                continue;
            }
            flush(&mut bytes, &mut text, spans.as_deref_mut());
            let start = text.len();
            if space_taken || !text.is_empty() {
                at_start = false;
            }
            space_taken = false;
            match kind {
                PieceKind::Control => {}
                PieceKind::Unknown if self.pieces[id as usize].text == piece => text.push_str(&self.unknown_surface),
                PieceKind::Unknown => text.push_str(piece),
                _ => {
                    let mut piece = piece;
                    if let Some(stripped) = piece.strip_prefix(SPACE_MARK)
                        && at_start
                        && self.strips_first_space
                    {
                        piece = stripped;
                        space_taken = !self.strips_all_first_spaces;
                    }
                    text.push_str(&piece.replace(SPACE_MARK, " "));
                }
            }
            if let Some(spans) = &mut spans {
                spans.push(start..text.len());
            }
        }
        flush(&mut bytes, &mut text, spans.as_deref_mut());
        match (&self.denormalizer, spans) {
            (None, _) => text,
            (Some(normalizer), None) => String::from_utf8_lossy(&normalizer.normalize(&text)).into_owned(),
            (Some(normalizer), Some(spans)) => {
                let (bytes, origins) = normalizer.normalize_traced(&text);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                // The first byte that stands for what begins there or later.
                let place = |at: usize| {
                    let at = origins.partition_point(|&origin| origin < at).min(text.len());
                    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
                };
                for span in spans.iter_mut() {
                    *span = place(span.start)..place(span.end);
                }
                text
            }
        }
    }

    /// The text of pieces given by their ids.
    ///
    /// # Errors
    /// An id outside the vocabulary.
    pub fn decode_ids(&self, ids: &[u32]) -> Result<String, SentencePieceError> {
        let pieces: Result<Vec<&str>, SentencePieceError> = ids
            .iter()
            .map(|&id| {
                let piece = self.pieces.get(id as usize).map(|piece| piece.text.as_str());
                piece.ok_or(SentencePieceError::Id { pieces: self.pieces.len(), got: id })
            })
            .collect();
        Ok(self.decode_pieces(pieces?))
    }
}

impl Search {
    fn trie(&self) -> &Trie {
        match self {
            Search::Unigram(unigram) => &unigram.trie,
            Search::Bpe(bpe) => &bpe.trie,
        }
    }
}

/// A key as the reference's trie sees it: up to the first zero byte.
fn up_to_zero(key: &[u8]) -> &[u8] {
    &key[..key.iter().position(|&b| b == 0).unwrap_or(key.len())]
}

/// Appends the characters that `bytes` spell; a byte that belongs to none becomes U+FFFD. The last byte of a character has
/// its place in the text.
fn flush(bytes: &mut Vec<u8>, text: &mut String, mut spans: Option<&mut Vec<Range<usize>>>) {
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let character = normalize::character(rest);
        let start = text.len();
        let mut taken = 1;
        if let Some(character) = character.and_then(|bytes| std::str::from_utf8(bytes).ok()) {
            text.push_str(character);
            taken = character.len();
        } else {
            text.push('\u{FFFD}');
        }
        if let Some(spans) = &mut spans {
            spans.extend((1..taken).map(|_| start..start));
            spans.push(start..text.len());
        }
        rest = &rest[taken..];
    }
    bytes.clear();
}
