//! The tokenizers of checkpoints that come with one `spiece.model`, or have its pieces in a GGUF file: T5, mT5, UMT5, flan-T5,
//! MADLAD-400 and PEGASUS.
//!
//! A token is the place of its piece in the model, for PEGASUS behind 103 tokens of its own training. A source ends with
//! `</s>`. MADLAD-400 is told the target language by a token of the form `<2uk>` before the source; the others are asked for a
//! summary by a prefix in words, if by anything. As in `transformers` 5.23, but nothing in a text is ever a special token
//! (`docs/tokenizers.md`).

use std::path::Path;

use super::gguf::Metadata;
use super::sentencepiece::{PieceKind, SentencePiece};
use super::{TokenizeError, Tokenizer, classes, gguf_unigram};
use crate::language::Language;
use crate::token::{Prompt, Task, TokenClasses, TokenId};

/// Tokens of PEGASUS before those of the pieces, the first two of which are `<pad>` and `</s>` themselves.
pub const PEGASUS_OFFSET: u32 = 103;
/// Stands for a space in pieces.
const SPACE_MARK: &str = "\u{2581}";
/// How many languages an error lists.
const SHOWN: usize = 40;

/// What a checkpoint is and what its network says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Number of tokens that the network has vectors for.
    pub vocab: usize,
    /// By how much the token of a piece is higher than its place: 0, or [`PEGASUS_OFFSET`].
    pub offset: u32,
    /// The token an answer starts from.
    pub decoder_start: TokenId,
    /// The token that ends source and answer.
    pub end: TokenId,
    /// What stands before an article that is to be summarized (`summarize: `).
    pub summary_prefix: String,
    /// Languages in which articles are summarized, each in its own; empty where it is not known.
    pub languages: Vec<Language>,
}

/// The tokenizer of one checkpoint.
#[derive(Debug)]
pub struct SpieceTokenizer {
    pieces: SentencePiece,
    settings: Settings,
    /// Whether there are tokens for target languages.
    translates: bool,
}

/// The tag of a token for a target language: `uk` of `<2uk>`.
fn target_of(piece: &str) -> Option<&str> {
    piece.strip_prefix("<2")?.strip_suffix('>').filter(|tag| !tag.is_empty())
}

impl SpieceTokenizer {
    /// Opens a `spiece.model`.
    ///
    /// # Errors
    /// The file is missing or damaged, or has more pieces than the network has vectors for.
    pub fn open(path: &Path, settings: Settings) -> Result<SpieceTokenizer, TokenizeError> {
        let pieces = SentencePiece::open(path)
            .map_err(|reason| TokenizeError::File { path: path.to_path_buf(), reason: reason.to_string() })?;
        SpieceTokenizer::new(path, pieces, settings)
    }

    /// Takes the pieces from the metadata of a GGUF file; `path` is for messages only.
    ///
    /// # Errors
    /// The metadata has no such pieces, or more than the network has vectors for.
    pub fn from_metadata(
        path: &Path,
        metadata: &Metadata,
        settings: Settings,
    ) -> Result<SpieceTokenizer, TokenizeError> {
        SpieceTokenizer::new(path, gguf_unigram::pieces(path, metadata)?, settings)
    }

    fn new(path: &Path, pieces: SentencePiece, settings: Settings) -> Result<SpieceTokenizer, TokenizeError> {
        let needed = pieces.len() + settings.offset as usize;
        if needed > settings.vocab {
            let reason =
                format!("{needed} tokens, but the network has {}; the files are not of one checkpoint", settings.vocab);
            return Err(TokenizeError::File { path: path.to_path_buf(), reason });
        }
        let spelling = |place: u32| pieces.piece(place).map_or("", |(spelling, _)| spelling);
        let translates = (0..pieces.len() as u32).any(|place| target_of(spelling(place)).is_some());
        Ok(SpieceTokenizer { pieces, settings, translates })
    }

    /// Whether it is told a target language, and so translates.
    pub fn translates(&self) -> bool {
        self.translates
    }

    /// The token of a piece. Those before the unknown one have the same number in every checkpoint.
    fn token(&self, place: u32) -> TokenId {
        if place < 2 { place } else { place + self.settings.offset }
    }

    /// The spelling of a token, if it is text.
    fn text_of(&self, id: TokenId) -> Option<&str> {
        let place = if id < 2 { id } else { id.checked_sub(self.settings.offset).filter(|&place| place >= 2)? };
        match self.pieces.piece(place) {
            Some((spelling, PieceKind::Normal | PieceKind::UserDefined | PieceKind::Byte)) => {
                target_of(spelling).is_none().then_some(spelling)
            }
            _ => None,
        }
    }

    /// The tokens of a text; what spells a token for a language is unknown.
    fn text_ids(&self, text: &str) -> Vec<TokenId> {
        let unknown = self.pieces.unknown();
        let known = |place: u32| match self.pieces.piece(place) {
            Some((spelling, _)) if target_of(spelling).is_none() => place,
            _ => unknown,
        };
        self.pieces.encode(text).ids().map(|place| self.token(known(place))).collect()
    }

    fn target(&self, to: Language) -> Result<TokenId, TokenizeError> {
        let tag = to.as_str();
        let primary = tag.split('-').next().unwrap_or(tag);
        let of = |tag: &str| {
            let piece = format!("<2{tag}>");
            let place = self.pieces.id(&piece);
            (self.pieces.piece(place).map(|(spelling, _)| spelling) == Some(&piece)).then(|| self.token(place))
        };
        of(tag).or_else(|| of(primary)).ok_or_else(|| {
            let places = 0..self.pieces.len() as u32;
            let known = places.filter_map(|place| self.pieces.piece(place)).filter_map(|(piece, _)| target_of(piece));
            let known: Vec<&str> = known.take(SHOWN).collect();
            TokenizeError::Task(format!(
                "it cannot translate into {to}; of its languages the first are {}",
                known.join(", ")
            ))
        })
    }
}

/// Whether a summarizer that writes in the language of the article does a task.
///
/// # Errors
/// Another language is wanted, or the article is in one that it does not know.
pub(super) fn check_summary(languages: &[Language], from: Language, to: Language) -> Result<(), TokenizeError> {
    if from != to {
        return Err(TokenizeError::Task(format!("it summarizes in the language of the article, {from}, not in {to}")));
    }
    if !languages.is_empty() && !languages.contains(&from) {
        let known: Vec<&str> = languages.iter().map(Language::as_str).collect();
        return Err(TokenizeError::Task(format!("it summarizes articles in {} only, not in {from}", known.join(", "))));
    }
    Ok(())
}

impl Tokenizer for SpieceTokenizer {
    fn encode(&self, text: &str, task: &Task) -> Result<Prompt, TokenizeError> {
        let mut source = match (*task, self.translates) {
            (Task::Translate { to, .. } | Task::Retranslate { to, .. }, true) => {
                // The model cuts `<2uk> text` so, with the mark of the word's beginning first.
                let target = self.target(to)?;
                let mark = self.pieces.id(SPACE_MARK);
                let has_mark = mark != self.pieces.unknown();
                let mut source: Vec<TokenId> = has_mark.then(|| self.token(mark)).into_iter().collect();
                source.push(target);
                source.extend(self.text_ids(text));
                source
            }
            (Task::Translate { .. } | Task::Retranslate { .. }, false) => {
                return Err(TokenizeError::Task("it has no token for a target language and cannot translate".into()));
            }
            (Task::Summarize { .. }, true) => {
                return Err(TokenizeError::Task("a translation model cannot summarize".into()));
            }
            (Task::Summarize { from, to, .. }, false) => {
                check_summary(&self.settings.languages, from, to)?;
                self.text_ids(&format!("{}{text}", self.settings.summary_prefix))
            }
        };
        source.push(self.settings.end);
        Ok(Prompt {
            source,
            prefix: vec![self.settings.decoder_start],
            shared: 0,
            allowed: classes::allowed(text, task.to()),
            constraints: Vec::new(),
        })
    }

    fn decode(&self, ids: &[TokenId]) -> String {
        self.pieces.decode_pieces(ids.iter().filter_map(|&id| self.text_of(id))).trim().to_string()
    }

    fn target_ids(&self, text: &str) -> Option<Vec<TokenId>> {
        let ids = self.text_ids(text);
        ids.iter().all(|&id| self.text_of(id).is_some()).then_some(ids)
    }

    fn target_piece(&self, id: TokenId) -> Option<&str> {
        self.text_of(id)
    }

    fn spells_answers(&self) -> bool {
        true
    }

    fn token_classes(&self) -> Vec<TokenClasses> {
        let unknown = self.token(self.pieces.unknown());
        let class = |id: TokenId| match self.text_of(id) {
            Some(spelling) => classes::of_text(spelling),
            None if id == self.settings.end || id == unknown => TokenClasses::NONE,
            // What pads, stands for what was left out in training, or names a language is no part of an answer.
            None => classes::NEVER,
        };
        (0..self.settings.vocab as TokenId).map(class).collect()
    }

    fn count(&self, text: &str) -> usize {
        self.pieces.encode(text).ids().len()
    }
}
