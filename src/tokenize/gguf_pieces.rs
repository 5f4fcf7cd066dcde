//! The tokenizer of GGUF files with `tokenizer.ggml.model = llama`: SentencePiece's byte pair encoding by scores, with
//! byte pieces for characters that have none.
//!
//! What is put before a text, and which tokens are recognized where, is as in llama.cpp; but user-defined tokens that
//! are more than white space are taken for such only in text of ours, never in that of an article.

use std::path::Path;

use candle_core::quantized::gguf_file::Value;

use super::coder::{Coder, END_TOKENS};
use super::gguf::{Keys, Metadata};
use super::sentencepiece::{PieceKind, SentencePiece};
use super::{TokenizeError, classes};
use crate::token::{TokenClasses, TokenId};

/// What SentencePiece writes for a space.
const SPACE_MARK: &str = "\u{2581}";

/// A tokenizer of scored pieces.
#[derive(Debug)]
pub struct GgufPieces {
    model: SentencePiece,
    tokens: Vec<String>,
    kinds: Vec<PieceKind>,
    /// Control tokens and user-defined ones that are not white space, the longest first.
    specials: Vec<TokenId>,
    bos: Option<TokenId>,
    end: Vec<TokenId>,
    add_bos: bool,
    add_space: bool,
}

impl GgufPieces {
    /// Builds the tokenizer from the metadata of a GGUF file; `path` is for messages only.
    ///
    /// # Errors
    /// The metadata is no such tokenizer, or contradicts itself.
    pub fn from_metadata(path: &Path, metadata: &Metadata) -> Result<GgufPieces, TokenizeError> {
        let keys = Keys::new(path, metadata);
        if !matches!(keys.text("tokenizer.ggml.pre")?, None | Some("default")) {
            let pre = keys.text("tokenizer.ggml.pre")?.unwrap_or_default();
            return Err(keys.error(format!(
                "tokenizer.ggml.pre {pre:?} is not supported for scored pieces; expected \"default\""
            )));
        }
        if keys.flag("tokenizer.ggml.remove_extra_whitespaces")? == Some(true) {
            return Err(keys.error("tokenizer.ggml.remove_extra_whitespaces = true is not supported"));
        }
        let tokens = keys.texts("tokenizer.ggml.tokens")?;
        let scores = numbers(&keys, "tokenizer.ggml.scores", tokens.len(), |value| match *value {
            Value::F32(score) => Some(score),
            Value::F64(score) => Some(score as f32),
            _ => None,
        })?;
        let mut kinds = numbers(&keys, "tokenizer.ggml.token_type", tokens.len(), |value| match *value {
            Value::I32(kind) => kind_of(i64::from(kind)),
            Value::U32(kind) => kind_of(i64::from(kind)),
            _ => None,
        })?;
        let unknown = keys.token("tokenizer.ggml.unknown_token_id", tokens.len())?;
        let unknown =
            unknown.map(|id| id as usize).or_else(|| kinds.iter().position(|kind| *kind == PieceKind::Unknown));
        for kind in kinds.iter_mut().filter(|kind| **kind == PieceKind::Unknown) {
            *kind = PieceKind::Control;
        }
        if let Some(unknown) = unknown {
            kinds[unknown] = PieceKind::Unknown;
        }
        let is_space = |token: &str| token.chars().all(char::is_whitespace);
        let pieces = tokens.iter().zip(scores).zip(&kinds).map(|((token, score), kind)| match kind {
            PieceKind::UserDefined if is_space(token) => {
                (token.replace(' ', SPACE_MARK), score, PieceKind::UserDefined)
            }
            PieceKind::UserDefined => (token.clone(), score, PieceKind::Control),
            kind => (token.clone(), score, *kind),
        });
        let model = SentencePiece::from_pieces(pieces.collect::<Vec<_>>());
        let model = model.map_err(|reason| keys.error(format!("tokenizer.ggml.tokens: {reason}")))?;
        let mut specials: Vec<TokenId> = (kinds.iter().zip(&tokens).zip(0..))
            .filter(|((kind, token), _)| match kind {
                PieceKind::Control | PieceKind::Unknown => !token.is_empty(),
                PieceKind::UserDefined => !is_space(token),
                _ => false,
            })
            .map(|(_, id)| id)
            .collect();
        specials.sort_by_key(|&id| (std::cmp::Reverse(tokens[id as usize].len()), id));
        let mut end: Vec<TokenId> = Vec::new();
        for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"] {
            end.extend(keys.token(key, tokens.len())?.filter(|id| !end.contains(id)));
        }
        for &id in &specials {
            let ends = kinds[id as usize] == PieceKind::Control && END_TOKENS.contains(&tokens[id as usize].as_str());
            if ends && !end.contains(&id) {
                end.push(id);
            }
        }
        Ok(GgufPieces {
            model,
            specials,
            bos: keys.token("tokenizer.ggml.bos_token_id", tokens.len())?,
            end,
            // What llama.cpp takes where the keys are missing.
            add_bos: keys.flag("tokenizer.ggml.add_bos_token")?.unwrap_or(true),
            add_space: keys.flag("tokenizer.ggml.add_space_prefix")?.unwrap_or(true),
            tokens,
            kinds,
        })
    }

    /// A stretch of our text that follows a special token or begins the prompt.
    fn encode_first(&self, text: &str, ids: &mut Vec<TokenId>) {
        if text.is_empty() {
            return;
        }
        if self.add_space {
            ids.extend(self.model.encode_ids(&format!(" {text}")));
        } else {
            ids.extend(self.model.encode_ids(text));
        }
    }
}

/// One entry for each token.
pub(super) fn numbers<T>(
    keys: &Keys<'_>,
    key: &str,
    vocab: usize,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, TokenizeError> {
    let values = keys.list(key)?;
    if values.len() != vocab {
        return Err(keys.error(format!("metadata {key}: expected {vocab} entries, got {}", values.len())));
    }
    let one = |value: &Value| read(value).ok_or_else(|| keys.error(format!("metadata {key}: unexpected {value:?}")));
    values.iter().map(one).collect()
}

/// The kinds of `tokenizer.ggml.token_type`.
pub(super) fn kind_of(kind: i64) -> Option<PieceKind> {
    Some(match kind {
        1 => PieceKind::Normal,
        2 => PieceKind::Unknown,
        3 => PieceKind::Control,
        4 => PieceKind::UserDefined,
        5 => PieceKind::Unused,
        6 => PieceKind::Byte,
        _ => return None,
    })
}

impl Coder for GgufPieces {
    fn encode_text(&self, text: &str) -> Result<Vec<TokenId>, TokenizeError> {
        Ok(self.model.encode_ids(text))
    }

    fn encode_markup(&self, text: &str) -> Result<Vec<TokenId>, TokenizeError> {
        let mut ids = Vec::new();
        let mut rest = text;
        let (mut done, mut place) = (0, 0);
        while place < text.len() {
            let here = &text.as_bytes()[place..];
            match self.specials.iter().find(|&&id| here.starts_with(self.tokens[id as usize].as_bytes())) {
                Some(&id) => {
                    self.encode_first(&text[done..place], &mut ids);
                    ids.push(id);
                    place += self.tokens[id as usize].len();
                    done = place;
                    rest = &text[done..];
                }
                None => place += 1,
            }
        }
        self.encode_first(rest, &mut ids);
        Ok(ids)
    }

    fn decode(&self, ids: &[TokenId]) -> String {
        let known = ids.iter().copied().filter(|&id| (id as usize) < self.tokens.len());
        let shown: Vec<TokenId> = known
            .filter(|&id| {
                !matches!(self.kinds[id as usize], PieceKind::Unknown | PieceKind::Control | PieceKind::Unused)
            })
            .collect();
        let mut text = String::new();
        let mut rest = shown.as_slice();
        // User-defined tokens that are more than white space are no text to the model of pieces.
        while !rest.is_empty() {
            let special = rest.iter().position(|id| self.specials.contains(id));
            let (pieces, behind) = rest.split_at(special.unwrap_or(rest.len()));
            text.push_str(&self.model.decode_ids(pieces).unwrap_or_default());
            rest = behind;
            if let Some((id, behind)) = behind.split_first() {
                text.push_str(&self.tokens[*id as usize]);
                rest = behind;
            }
        }
        match text.strip_prefix(' ') {
            Some(rest) if self.add_space => rest.to_owned(),
            _ => text,
        }
    }

    fn token_classes(&self) -> Vec<TokenClasses> {
        let class = |(token, kind): (&String, &PieceKind)| match kind {
            PieceKind::Normal | PieceKind::UserDefined => classes::of_text(token),
            _ => TokenClasses::NONE,
        };
        self.tokens.iter().zip(&self.kinds).map(class).collect()
    }

    fn vocab(&self) -> usize {
        self.tokens.len()
    }

    fn token(&self, id: TokenId) -> Option<&str> {
        self.tokens.get(id as usize).map(String::as_str)
    }

    fn bos(&self) -> Option<TokenId> {
        self.bos
    }

    fn adds_bos(&self) -> bool {
        self.add_bos
    }

    fn end_tokens(&self) -> &[TokenId] {
        &self.end
    }

    fn never(&self) -> Vec<TokenId> {
        let never = |id: &TokenId| {
            matches!(self.kinds[*id as usize], PieceKind::Control | PieceKind::Unused | PieceKind::Unknown)
        };
        (0..self.tokens.len() as TokenId).filter(never).filter(|id| !self.end.contains(id)).collect()
    }

    fn specials(&self) -> &[TokenId] {
        &self.specials
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Bytes, a few pieces with scores, control and user-defined tokens.
    fn metadata(add_space: bool) -> Metadata {
        let mut tokens: Vec<(String, f32, i32)> = vec![
            ("<pad>".into(), 0.0, 3),
            ("<eos>".into(), 0.0, 3),
            ("<bos>".into(), 0.0, 3),
            ("<unk>".into(), 0.0, 3),
            ("<end_of_turn>".into(), 0.0, 3),
            ("\n\n".into(), 0.0, 4),
            ("  ".into(), 0.0, 4),
            ("<image>".into(), 0.0, 4),
        ];
        tokens.extend((0..256).map(|byte| (format!("<0x{byte:02X}>"), 0.0, 6)));
        for (rank, piece) in ["▁", "t", "h", "e", "\n", "th", "the", "▁the", "м", "і", "мі"].iter().enumerate()
        {
            tokens.push(((*piece).into(), -(20.0 - rank as f32), 1));
        }
        let list = |values: Vec<Value>| Value::Array(values);
        Metadata::from([
            ("tokenizer.ggml.model".to_owned(), Value::String("llama".into())),
            ("tokenizer.ggml.tokens".to_owned(), list(tokens.iter().map(|t| Value::String(t.0.clone())).collect())),
            ("tokenizer.ggml.scores".to_owned(), list(tokens.iter().map(|t| Value::F32(t.1)).collect())),
            ("tokenizer.ggml.token_type".to_owned(), list(tokens.iter().map(|t| Value::I32(t.2)).collect())),
            ("tokenizer.ggml.bos_token_id".to_owned(), Value::U32(2)),
            ("tokenizer.ggml.eos_token_id".to_owned(), Value::U32(1)),
            ("tokenizer.ggml.unknown_token_id".to_owned(), Value::U32(3)),
            ("tokenizer.ggml.add_space_prefix".to_owned(), Value::Bool(add_space)),
        ])
    }

    fn pieces(add_space: bool) -> GgufPieces {
        GgufPieces::from_metadata(Path::new("tiny.gguf"), &metadata(add_space)).unwrap()
    }

    #[test]
    fn the_best_scored_pairs_are_merged_first() {
        let pieces = pieces(false);
        assert_eq!(pieces.encode_text("the the").unwrap(), [270, 271]);
        assert_eq!(pieces.encode_text("мі").unwrap(), [274]);
        // No piece: the bytes of the character.
        assert_eq!(pieces.encode_text("é").unwrap(), [8 + 0xC3, 8 + 0xA9]);
        assert_eq!(pieces.decode(&[271, 8 + 0xC3, 8 + 0xA9, 1, 9999]), " theé");
    }

    #[test]
    fn white_space_is_user_defined_and_nothing_else_is_in_a_text() {
        let pieces = pieces(false);
        assert_eq!(pieces.encode_text("e\n\ne").unwrap(), [267, 5, 267]);
        assert_eq!(pieces.encode_text("e  e").unwrap(), [267, 6, 267]);
        assert!(!pieces.encode_text("<image><eos>").unwrap().iter().any(|id| [1, 7].contains(id)));
        assert_eq!(pieces.encode_markup("e<image><eos>e").unwrap(), [267, 7, 1, 267]);
        assert_eq!(pieces.decode(&[267, 7, 1, 267]), "e<image>e");
        assert_eq!(pieces.end_tokens(), [1, 4]);
        assert_eq!(pieces.never(), [0, 2, 3]);
    }

    #[test]
    fn a_space_is_put_before_what_begins_or_follows_a_special_token() {
        let pieces = pieces(true);
        assert_eq!(pieces.encode_markup("the<eos>the").unwrap(), [271, 1, 271]);
        assert_eq!(pieces.encode_text("the").unwrap(), [270]);
        assert_eq!(pieces.decode(&[271, 271]), "the the");
    }

    #[test]
    fn bad_metadata_is_refused_by_name() {
        let refused = |change: fn(&mut Metadata), expected: &str| {
            let mut metadata = metadata(true);
            change(&mut metadata);
            let error = GgufPieces::from_metadata(Path::new("tiny.gguf"), &metadata).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("tiny.gguf"), "{error}");
        };
        refused(|m| drop(m.remove("tokenizer.ggml.scores")), "tokenizer.ggml.scores");
        refused(
            |m| drop(m.insert("tokenizer.ggml.scores".into(), Value::Array(vec![]))),
            "expected 275 entries, got 0",
        );
        refused(|m| drop(m.insert("tokenizer.ggml.pre".into(), Value::String("other".into()))), "\"other\"");
        refused(|m| drop(m.insert("tokenizer.ggml.eos_token_id".into(), Value::U32(999))), "below 275, got 999");
        let spaces = "tokenizer.ggml.remove_extra_whitespaces";
        let mut metadata = metadata(true);
        metadata.insert(spaces.into(), Value::Bool(true));
        assert!(GgufPieces::from_metadata(Path::new("tiny.gguf"), &metadata).unwrap_err().to_string().contains(spaces));
    }
}
