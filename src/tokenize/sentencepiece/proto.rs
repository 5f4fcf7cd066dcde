//! Reads the protocol buffer of a SentencePiece model file: the pieces and the few settings that change what is encoded.
//!
//! Only the fields the runtime needs are kept; unknown fields are skipped as the wire format demands. Every length is
//! checked against what is left of the file, so a damaged file is an error and never a panic or a huge allocation.

use super::SentencePieceError;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceKind {
    /// An ordinary piece.
    Normal,
    /// The piece that stands for everything unknown.
    Unknown,
    /// A marker that never appears in text (`<s>`, `</s>`).
    Control,
    /// A piece that is always kept whole.
    UserDefined,
    /// A piece that may not be answered; a BPE model splits it again.
    Unused,
    /// One byte of an unknown character.
    Byte,
}

/// One entry of the vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PieceEntry {
    pub(super) text: String,
    pub(super) score: f32,
    pub(super) kind: PieceKind,
}

/// How the pieces are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModelKind {
    Unigram,
    Bpe,
    Word,
    Char,
}

/// The settings of a normalizer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NormalizerSettings {
    pub(super) charsmap: Vec<u8>,
    pub(super) add_dummy_prefix: bool,
    pub(super) remove_extra_whitespaces: bool,
    pub(super) escape_whitespaces: bool,
}

impl Default for NormalizerSettings {
    /// The defaults of the schema.
    fn default() -> Self {
        NormalizerSettings {
            charsmap: Vec::new(),
            add_dummy_prefix: true,
            remove_extra_whitespaces: true,
            escape_whitespaces: true,
        }
    }
}

/// A model file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ModelFile {
    pub(super) pieces: Vec<PieceEntry>,
    pub(super) kind: ModelKind,
    pub(super) treat_whitespace_as_suffix: bool,
    pub(super) byte_fallback: bool,
    pub(super) unknown_surface: String,
    pub(super) normalizer: NormalizerSettings,
    pub(super) denormalizer: Option<NormalizerSettings>,
}

/// One field of a message.
enum Value<'a> {
    Varint(u64),
    Fixed32([u8; 4]),
    Bytes(&'a [u8]),
    Other,
}

/// The fields of one message, in order.
struct Fields<'a> {
    rest: &'a [u8],
}

fn damaged(what: &str) -> SentencePieceError {
    SentencePieceError::Model(format!("the model file is damaged or cut: {what}"))
}

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Result<u64, SentencePieceError> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or_else(|| damaged("a number ends early"))?;
            self.rest = rest;
            value |= u64::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(damaged("a number is longer than ten bytes"))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], SentencePieceError> {
        let length = usize::try_from(length).ok().filter(|&l| l <= self.rest.len());
        let Some(length) = length else {
            return Err(damaged("a field is longer than the file"));
        };
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(taken)
    }

    /// The next field: number and value; `None` at the end of the message.
    fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, SentencePieceError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Value::Other
            }
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => {
                let mut bytes = [0; 4];
                bytes.copy_from_slice(self.take(4)?);
                Value::Fixed32(bytes)
            }
            wire => return Err(damaged(&format!("wire type {wire}"))),
        };
        if tag >> 3 == 0 {
            return Err(damaged("field number 0"));
        }
        Ok(Some((tag >> 3, value)))
    }
}

fn text(bytes: &[u8]) -> Result<String, SentencePieceError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| damaged("a string is not UTF-8"))
}

fn piece(bytes: &[u8]) -> Result<PieceEntry, SentencePieceError> {
    let mut entry = PieceEntry { text: String::new(), score: 0.0, kind: PieceKind::Normal };
    let mut fields = Fields { rest: bytes };
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(bytes)) => entry.text = text(bytes)?,
            (2, Value::Fixed32(bytes)) => entry.score = f32::from_le_bytes(bytes),
            (3, Value::Varint(kind)) => {
                entry.kind = match kind {
                    1 => PieceKind::Normal,
                    2 => PieceKind::Unknown,
                    3 => PieceKind::Control,
                    4 => PieceKind::UserDefined,
                    5 => PieceKind::Unused,
                    6 => PieceKind::Byte,
                    other => return Err(damaged(&format!("piece type {other}; expected 1 to 6"))),
                }
            }
            (1..=3, _) => return Err(damaged("a piece has a field of the wrong kind")),
            _ => {}
        }
    }
    Ok(entry)
}

fn normalizer(bytes: &[u8], settings: &mut NormalizerSettings) -> Result<(), SentencePieceError> {
    let mut fields = Fields { rest: bytes };
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (2, Value::Bytes(bytes)) => settings.charsmap = bytes.to_vec(),
            (3, Value::Varint(flag)) => settings.add_dummy_prefix = flag != 0,
            (4, Value::Varint(flag)) => settings.remove_extra_whitespaces = flag != 0,
            (5, Value::Varint(flag)) => settings.escape_whitespaces = flag != 0,
            (2..=5, _) => return Err(damaged("the normalizer has a field of the wrong kind")),
            _ => {}
        }
    }
    Ok(())
}

fn trainer(bytes: &[u8], model: &mut ModelFile) -> Result<(), SentencePieceError> {
    let mut fields = Fields { rest: bytes };
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (3, Value::Varint(kind)) => {
                model.kind = match kind {
                    1 => ModelKind::Unigram,
                    2 => ModelKind::Bpe,
                    3 => ModelKind::Word,
                    4 => ModelKind::Char,
                    other => return Err(damaged(&format!("model type {other}; expected 1 to 4"))),
                }
            }
            (24, Value::Varint(flag)) => model.treat_whitespace_as_suffix = flag != 0,
            (35, Value::Varint(flag)) => model.byte_fallback = flag != 0,
            (44, Value::Bytes(bytes)) => model.unknown_surface = text(bytes)?,
            (3 | 24 | 35 | 44, _) => return Err(damaged("the trainer settings have a field of the wrong kind")),
            _ => {}
        }
    }
    Ok(())
}

impl ModelFile {
    /// Reads a model file.
    ///
    /// # Errors
    /// The bytes are not a SentencePiece model, or are cut.
    pub(super) fn parse(bytes: &[u8]) -> Result<ModelFile, SentencePieceError> {
        let mut model = ModelFile {
            pieces: Vec::new(),
            kind: ModelKind::Unigram,
            treat_whitespace_as_suffix: false,
            byte_fallback: false,
            unknown_surface: " \u{2047} ".to_string(),
            normalizer: NormalizerSettings::default(),
            denormalizer: None,
        };
        let mut fields = Fields { rest: bytes };
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (1, Value::Bytes(bytes)) => model.pieces.push(piece(bytes)?),
                (2, Value::Bytes(bytes)) => trainer(bytes, &mut model)?,
                (3, Value::Bytes(bytes)) => normalizer(bytes, &mut model.normalizer)?,
                (5, Value::Bytes(bytes)) => normalizer(bytes, model.denormalizer.get_or_insert_default())?,
                (1..=3 | 5, _) => return Err(damaged("a field of the wrong kind")),
                _ => {}
            }
        }
        if model.pieces.is_empty() {
            return Err(SentencePieceError::Model("the model file has no pieces".to_string()));
        }
        Ok(model)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// `<unk>` of type 2, `a` with score -1.5, a BPE trainer, no dummy prefix, an unknown field to skip.
    const SMALL: &[u8] =
        b"\x0a\x09\x0a\x05<unk>\x18\x02\x0a\x08\x0a\x01a\x15\x00\x00\xc0\xbf\x12\x02\x18\x02\x1a\x02\x18\x00\x4a\x01z";

    #[test]
    fn fields_are_read_and_unknown_ones_skipped() {
        let model = ModelFile::parse(SMALL).unwrap();
        assert_eq!(model.pieces.len(), 2);
        assert_eq!(model.pieces[0].kind, PieceKind::Unknown);
        assert_eq!(model.pieces[1], PieceEntry { text: "a".into(), score: -1.5, kind: PieceKind::Normal });
        assert_eq!(model.kind, ModelKind::Bpe);
        assert!(!model.normalizer.add_dummy_prefix && model.normalizer.escape_whitespaces);
    }

    #[test]
    fn cut_and_foreign_bytes_never_panic() {
        for end in 0..SMALL.len() {
            let _ = ModelFile::parse(&SMALL[..end]);
        }
        for bytes in
            [&b""[..], b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"<html>not a model</html>", &[0xFF; 64]]
        {
            assert!(ModelFile::parse(bytes).is_err(), "{bytes:?}");
        }
    }
}
