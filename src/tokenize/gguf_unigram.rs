//! The vocabulary of GGUF files with `tokenizer.ggml.model = t5`: the pieces of a SentencePiece unigram model.
//!
//! llama.cpp's converter writes the pieces with their scores, the character map and two of the rules for spaces, then fills the
//! table of the network up. Two things are lost there and told by the scores. What fills up was no piece of the model. And a
//! user-defined symbol is written as an ordinary piece: its score is 0, that of a probability of 1, which no trained piece has.

use std::path::Path;

use candle_core::quantized::gguf_file::Value;

use super::TokenizeError;
use super::gguf::{Keys, Metadata};
use super::gguf_pieces::{kind_of, numbers};
use super::sentencepiece::{PieceKind, Rules, SentencePiece};

/// What the converter calls the model.
const MODEL: &str = "t5";
/// The score of tokens that are in no model (`added_tokens.json`), as the converter writes it.
const ADDED: f32 = -1000.0;

/// Makes the model from the metadata of a file; `path` is for messages only.
///
/// # Errors
/// The metadata is no such vocabulary, contradicts itself, or asks for something that is not implemented.
pub(super) fn pieces(path: &Path, metadata: &Metadata) -> Result<SentencePiece, TokenizeError> {
    let keys = Keys::new(path, metadata);
    let model = keys.text("tokenizer.ggml.model")?;
    if model != Some(MODEL) {
        let got = model.unwrap_or("(missing)");
        let reason = format!(
            "tokenizer.ggml.model {got:?} is not supported for this family; expected {MODEL:?} (a unigram model): take the \
             folder of the checkpoint, with its spiece.model"
        );
        return Err(keys.error(reason));
    }
    if !matches!(keys.text("tokenizer.ggml.pre")?, None | Some("default")) {
        let pre = keys.text("tokenizer.ggml.pre")?.unwrap_or_default();
        return Err(keys.error(format!("tokenizer.ggml.pre {pre:?} is not supported; expected \"default\"")));
    }
    let tokens = keys.texts("tokenizer.ggml.tokens")?;
    let scores = numbers(&keys, "tokenizer.ggml.scores", tokens.len(), |value| match *value {
        Value::F32(score) => Some(score),
        Value::F64(score) => Some(score as f32),
        _ => None,
    })?;
    let kinds = numbers(&keys, "tokenizer.ggml.token_type", tokens.len(), |value| match *value {
        Value::I32(kind) => kind_of(i64::from(kind)),
        Value::U32(kind) => kind_of(i64::from(kind)),
        _ => None,
    })?;
    let mut pieces: Vec<(String, f32, PieceKind)> =
        tokens.into_iter().zip(scores).zip(kinds).map(|((token, score), kind)| (token, score, kind)).collect();
    let fills_up = |(token, score, kind): &(String, f32, PieceKind)| match kind {
        PieceKind::Unused => token.starts_with("[PAD") && token.ends_with(']'),
        PieceKind::UserDefined => *score <= ADDED,
        _ => false,
    };
    while pieces.last().is_some_and(fills_up) {
        pieces.pop();
    }
    for (_, score, kind) in &mut pieces {
        if *kind == PieceKind::Normal && *score == 0.0 {
            *kind = PieceKind::UserDefined;
        }
    }
    let charsmap = match metadata.get("tokenizer.ggml.precompiled_charsmap") {
        None => Vec::new(),
        Some(_) => bytes(&keys, "tokenizer.ggml.precompiled_charsmap")?,
    };
    // What llama.cpp takes where the keys are missing.
    let rules = Rules {
        charsmap,
        add_dummy_prefix: keys.flag("tokenizer.ggml.add_space_prefix")?.unwrap_or(true),
        remove_extra_whitespaces: keys.flag("tokenizer.ggml.remove_extra_whitespaces")?.unwrap_or(true),
    };
    let model = SentencePiece::from_unigram(pieces, rules);
    model.map_err(|reason| keys.error(format!("tokenizer.ggml.tokens: {reason}")))
}

/// A list of bytes, which older files have as signed ones.
fn bytes(keys: &Keys<'_>, key: &str) -> Result<Vec<u8>, TokenizeError> {
    let one = |value: &Value| match *value {
        Value::U8(byte) => Ok(byte),
        Value::I8(byte) => Ok(byte.cast_unsigned()),
        _ => Err(keys.error(format!("metadata {key}: expected a list of bytes"))),
    };
    keys.list(key)?.iter().map(one).collect()
}
