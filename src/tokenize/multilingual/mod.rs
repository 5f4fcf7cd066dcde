//! The tokenizers of translators from many languages into many: M2M100, SMaLL-100, NLLB-200 and mBART-50.
//!
//! One SentencePiece model for all languages; its pieces are numbered by a `vocab.json` (M2M100, SMaLL-100) or by their place,
//! shifted by fairseq's own special tokens (NLLB, mBART-50). Behind the pieces stand the tokens of the languages. As in
//! `transformers` 5.23, but nothing in a text is ever a special token (`docs/tokenizers.md`).

mod json;
mod languages;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::sentencepiece::{PieceKind, SentencePiece};
use super::{TokenizeError, Tokenizer, classes};
use crate::language::Language;
use crate::token::{Prompt, Task, TokenClasses, TokenId};

/// How a checkpoint numbers its tokens and is told the languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `vocab.json`; the source language before the source, the target language forced at the start of the answer.
    M2m100,
    /// `vocab.json`; the target language before the source, nothing forced.
    Small100,
    /// Places in the SentencePiece model; languages as with [`Scheme::M2m100`].
    Nllb,
    /// The same with other languages.
    Mbart50,
}

/// Where the parts of a tokenizer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `sentencepiece.bpe.model`; for the schemes without a `vocab.json` also a `tokenizer.json`, which is told by its content.
    pub pieces: PathBuf,
    /// `vocab.json`, for the schemes that have one.
    pub vocab: Option<PathBuf>,
}

/// What the network says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Number of tokens that it has vectors for.
    pub vocab: usize,
    /// The token an answer starts from.
    pub decoder_start: TokenId,
}

/// Fairseq's own tokens, before the pieces.
const BEGIN: TokenId = 0;
const END: TokenId = 2;
const UNKNOWN: TokenId = 3;
const SPECIAL: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];
/// How many languages an error lists.
const SHOWN: usize = 40;
/// No piece.
const NONE: u32 = u32::MAX;

/// The tokenizer of one checkpoint.
#[derive(Debug)]
pub struct MultilingualTokenizer {
    pieces: SentencePiece,
    /// The token of each piece.
    ids: Vec<TokenId>,
    /// The piece of each token, or [`NONE`].
    places: Vec<u32>,
    languages: BTreeMap<&'static str, TokenId>,
    scheme: Scheme,
    decoder_start: TokenId,
}

fn file_error(path: &Path, reason: impl std::fmt::Display) -> TokenizeError {
    TokenizeError::File { path: path.to_path_buf(), reason: reason.to_string() }
}

impl MultilingualTokenizer {
    /// Opens the files of a tokenizer.
    ///
    /// # Errors
    /// A file is missing or damaged, or there are more tokens than the network has vectors for.
    pub fn open(files: &Files, scheme: Scheme, network: Network) -> Result<MultilingualTokenizer, TokenizeError> {
        let codes = match scheme {
            Scheme::M2m100 | Scheme::Small100 => languages::M2M100,
            Scheme::Nllb => languages::NLLB,
            Scheme::Mbart50 => languages::MBART50,
        };
        let bytes = std::fs::read(&files.pieces).map_err(|error| file_error(&files.pieces, error))?;
        let pieces = if json::is_json(&bytes) {
            json::pieces(&files.pieces, &bytes, codes)?
        } else {
            SentencePiece::from_bytes(&bytes).map_err(|error| file_error(&files.pieces, error))?
        };
        let (ids, count) = match scheme {
            Scheme::M2m100 | Scheme::Small100 => {
                let Some(path) = &files.vocab else {
                    return Err(file_error(&files.pieces, "expected a vocab.json beside it, found none"));
                };
                by_vocabulary(&pieces, path)?
            }
            // Place 0 of the model is its unknown piece, 1 and 2 are <s> and </s>; the others are one higher here.
            Scheme::Nllb | Scheme::Mbart50 => {
                let id = |place: u32| match place {
                    0 => UNKNOWN,
                    1 => BEGIN,
                    2 => END,
                    place => place + 1,
                };
                ((0..pieces.len() as u32).map(id).collect(), pieces.len() + 1)
            }
        };
        let languages: BTreeMap<&'static str, TokenId> = codes.split_whitespace().zip(count as TokenId..).collect();
        let needed = count + languages.len();
        if needed > network.vocab {
            let reason = format!(
                "{count} pieces and {} languages, but the network has {} tokens; the files are not of one checkpoint",
                languages.len(),
                network.vocab
            );
            return Err(file_error(&files.pieces, reason));
        }
        let mut places = vec![NONE; network.vocab];
        for (place, &id) in ids.iter().enumerate() {
            let is_text = !matches!(pieces.piece(place as u32), Some((_, PieceKind::Unknown | PieceKind::Control)));
            if id > UNKNOWN && is_text {
                places[id as usize] = place as u32;
            }
        }
        Ok(MultilingualTokenizer { pieces, ids, places, languages, scheme, decoder_start: network.decoder_start })
    }

    /// The codes of the languages.
    pub fn language_codes(&self) -> impl ExactSizeIterator<Item = &str> {
        self.languages.keys().copied()
    }

    fn language(&self, language: Language) -> Result<TokenId, TokenizeError> {
        let codes = self.languages.keys().copied();
        let code = languages::code_of(language, &codes);
        code.and_then(|code| self.languages.get(code)).copied().ok_or_else(|| {
            let known: Vec<&str> = codes.take(SHOWN).collect();
            let more = self.languages.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            TokenizeError::Task(format!("it does not know {language}; its languages are {}{more}", known.join(", ")))
        })
    }

    fn text_ids(&self, text: &str) -> impl Iterator<Item = TokenId> {
        let places: Vec<u32> = self.pieces.encode(text).ids().collect();
        places.into_iter().map(|place| self.ids.get(place as usize).copied().unwrap_or(UNKNOWN))
    }

    /// The spelling of a token, if it is text.
    fn text_of(&self, id: TokenId) -> Option<&str> {
        let place = self.places.get(id as usize).copied().filter(|&place| place != NONE)?;
        self.pieces.piece(place).map(|(spelling, _)| spelling)
    }
}

/// The token of each piece, and the number of tokens before the languages, by a `vocab.json`.
fn by_vocabulary(pieces: &SentencePiece, path: &Path) -> Result<(Vec<TokenId>, usize), TokenizeError> {
    let bytes = std::fs::read(path).map_err(|error| file_error(path, error))?;
    let vocab: HashMap<String, TokenId> = serde_json::from_slice(&bytes)
        .map_err(|error| file_error(path, format!("expected an object of tokens and ids: {error}")))?;
    for (token, id) in SPECIAL.iter().zip(0..) {
        if vocab.get(*token) != Some(&id) {
            return Err(file_error(path, format!("expected {token} to be token {id}, got {:?}", vocab.get(*token))));
        }
    }
    // The languages follow behind as many tokens as there are, so that each has to have a place of its own.
    let mut ids: Vec<TokenId> = vocab.values().copied().collect();
    ids.sort_unstable();
    if let Some((place, id)) = ids.iter().enumerate().find(|&(place, &id)| place != id as usize) {
        return Err(file_error(path, format!("expected {} tokens in a row, found {id} for {place}", vocab.len())));
    }
    let id = |place: u32| match pieces.piece(place) {
        Some((spelling, PieceKind::Normal | PieceKind::UserDefined)) => vocab.get(spelling).copied(),
        _ => None,
    };
    Ok(((0..pieces.len() as u32).map(|place| id(place).unwrap_or(UNKNOWN)).collect(), vocab.len()))
}

impl Tokenizer for MultilingualTokenizer {
    fn encode(&self, text: &str, task: &Task) -> Result<Prompt, TokenizeError> {
        let (Task::Translate { from, to } | Task::Retranslate { from, to }) = *task else {
            return Err(TokenizeError::Task("a translation model cannot summarize".to_string()));
        };
        let target = self.language(to)?;
        let (first, forced) = match self.scheme {
            Scheme::Small100 => (target, None),
            Scheme::M2m100 | Scheme::Nllb | Scheme::Mbart50 => (self.language(from)?, Some(target)),
        };
        let mut source = vec![first];
        source.extend(self.text_ids(text));
        source.push(END);
        Ok(Prompt {
            source,
            prefix: std::iter::once(self.decoder_start).chain(forced).collect(),
            shared: 0,
            allowed: classes::allowed(text, to),
            constraints: Vec::new(),
        })
    }

    fn decode(&self, ids: &[TokenId]) -> String {
        self.pieces.decode_pieces(ids.iter().filter_map(|&id| self.text_of(id))).trim().to_string()
    }

    fn target_ids(&self, text: &str) -> Option<Vec<TokenId>> {
        let ids: Vec<TokenId> = self.text_ids(text).collect();
        ids.iter().all(|&id| self.text_of(id).is_some()).then_some(ids)
    }

    fn target_piece(&self, id: TokenId) -> Option<&str> {
        self.text_of(id)
    }

    fn spells_answers(&self) -> bool {
        true
    }

    fn token_classes(&self) -> Vec<TokenClasses> {
        let class = |id: TokenId| match self.text_of(id) {
            Some(spelling) => classes::of_text(spelling),
            // What begins and pads, the languages and what only fills up the table is no part of an answer.
            None if id == END || id == UNKNOWN => TokenClasses::NONE,
            None => classes::NEVER,
        };
        (0..self.places.len() as TokenId).map(class).collect()
    }

    fn count(&self, text: &str) -> usize {
        self.pieces.encode(text).ids().len()
    }
}
