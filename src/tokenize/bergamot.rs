//! The tokenizer of Bergamot models: one SentencePiece model for source and target or one for each; ids are those of the pieces.

use super::sentencepiece::{PieceKind, SentencePiece};
use super::{TokenizeError, Tokenizer, classes, spread, trimmed};
use crate::token::{Prompt, Task, TokenClasses, TokenId};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The piece that ends source and answer.
const END: &str = "</s>";

/// Where the vocabularies are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The vocabulary of the source.
    pub source: PathBuf,
    /// That of the target, if it is another one.
    pub target: Option<PathBuf>,
}

/// The tokenizer of one model.
#[derive(Debug)]
pub struct BergamotTokenizer {
    source: Arc<SentencePiece>,
    target: Arc<SentencePiece>,
    source_end: TokenId,
    target_end: TokenId,
}

impl BergamotTokenizer {
    /// Opens the vocabularies.
    ///
    /// # Errors
    /// A file is missing or damaged, or has no piece `</s>`.
    pub fn open(files: &Files) -> Result<BergamotTokenizer, TokenizeError> {
        let source = Arc::new(open(&files.source)?);
        let target = match &files.target {
            Some(path) => Arc::new(open(path)?),
            None => source.clone(),
        };
        let target_path = files.target.as_ref().unwrap_or(&files.source);
        let (source_end, target_end) = (end(&source, &files.source)?, end(&target, target_path)?);
        Ok(BergamotTokenizer { source, target, source_end, target_end })
    }

    /// Number of pieces of the source and of the target.
    pub fn sizes(&self) -> (usize, usize) {
        (self.source.len(), self.target.len())
    }

    /// Whether source and target have one vocabulary.
    pub fn is_shared(&self) -> bool {
        Arc::ptr_eq(&self.source, &self.target)
    }

    /// The token that ends an answer.
    pub fn end(&self) -> TokenId {
        self.target_end
    }

    /// The token for what the target's vocabulary lacks.
    pub fn unknown(&self) -> TokenId {
        self.target.unknown()
    }

    /// The piece of an id of the answer, if it is text.
    fn text_of(&self, id: TokenId) -> Option<&str> {
        match self.target.piece(id)? {
            (_, PieceKind::Control | PieceKind::Unknown) => None,
            (piece, _) => Some(piece),
        }
    }
}

fn open(path: &Path) -> Result<SentencePiece, TokenizeError> {
    SentencePiece::open(path)
        .map_err(|error| TokenizeError::File { path: path.to_path_buf(), reason: error.to_string() })
}

fn end(pieces: &SentencePiece, path: &Path) -> Result<TokenId, TokenizeError> {
    let id = pieces.id(END);
    match pieces.piece(id) {
        Some((END, _)) => Ok(id),
        _ => Err(TokenizeError::File {
            path: path.to_path_buf(),
            reason: format!("expected a piece {END}, found none; it is the vocabulary of another kind of model"),
        }),
    }
}

impl Tokenizer for BergamotTokenizer {
    fn encode(&self, text: &str, task: &Task) -> Result<Prompt, TokenizeError> {
        let (Task::Translate { to, .. } | Task::Retranslate { to, .. }) = *task else {
            return Err(TokenizeError::Task("a translation model cannot summarize".to_string()));
        };
        let mut source: Vec<TokenId> = self.source.encode(text).ids().collect();
        source.push(self.source_end);
        // The decoder starts from nothing; the token only stands for its place.
        Ok(Prompt {
            source,
            prefix: vec![self.target_end],
            shared: 0,
            allowed: classes::allowed(text, to),
            constraints: Vec::new(),
        })
    }

    fn decode(&self, ids: &[TokenId]) -> String {
        self.target.decode_pieces(ids.iter().filter_map(|&id| self.text_of(id))).trim().to_string()
    }

    fn source_spans(&self, text: &str, _task: &Task) -> Option<Vec<Range<usize>>> {
        let (_, mut spans) = self.source.encode_traced(text);
        spans.push(text.len()..text.len());
        Some(spans)
    }

    fn target_spans(&self, ids: &[TokenId]) -> Option<Vec<Range<usize>>> {
        let (text, spans) = self.target.decode_pieces_traced(ids.iter().filter_map(|&id| self.text_of(id)));
        let (_, spans) = trimmed(&text, spans);
        Some(spread(spans, ids.iter().map(|&id| self.text_of(id).is_some())))
    }

    fn target_ids(&self, text: &str) -> Option<Vec<TokenId>> {
        let ids: Vec<TokenId> = self.target.encode(text).ids().collect();
        ids.iter().all(|&id| self.text_of(id).is_some()).then_some(ids)
    }

    fn target_piece(&self, id: TokenId) -> Option<&str> {
        self.text_of(id)
    }

    fn spells_answers(&self) -> bool {
        true
    }

    fn token_classes(&self) -> Vec<TokenClasses> {
        let class = |id| self.target.piece(id).map_or(TokenClasses::NONE, |(piece, _)| classes::of_text(piece));
        (0..self.target.len() as TokenId).map(class).collect()
    }

    fn count(&self, text: &str) -> usize {
        self.source.encode(text).ids().len()
    }
}
