//! The pieces of NLLB-200 and mBART-50 from `tokenizer.json`, for folders without `sentencepiece.bpe.model`.
//!
//! The file is a conversion of the SentencePiece model, made for another library: tokens in fairseq's numbering, for byte pair
//! encoding the pairs that may be joined instead of the pieces' scores, the character map, and steps around them. The model is
//! made of it again, so that text is cut as everywhere else; a file of another kind is refused.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::Value;

use super::{SPECIAL, file_error};
use crate::tokenize::TokenizeError;
use crate::tokenize::sentencepiece::{PieceKind, Rules, SentencePiece};

/// What stands for a space in pieces.
const SPACE_MARK: &str = "\u{2581}";
/// The token for a gap in training, which stands behind the languages.
const MASK: &str = "<mask>";
/// Why a file cannot be used, and what to do.
const ADVICE: &str = "put the sentencepiece.bpe.model of the checkpoint's repository beside it";

/// Whether a file is a `tokenizer.json` rather than a SentencePiece model.
pub(super) fn is_json(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// Makes the SentencePiece model that the file was made of; `codes` are those of the languages, in the order of their tokens.
///
/// # Errors
/// The file is damaged, or of a kind that is not understood.
pub(super) fn pieces(path: &Path, bytes: &[u8], codes: &str) -> Result<SentencePiece, TokenizeError> {
    let refused = |reason: String| file_error(path, format!("{reason}; {ADVICE}"));
    let file: Value = serde_json::from_slice(bytes).map_err(|error| refused(format!("no JSON: {error}")))?;
    let model = &file["model"];
    let rules = rules(&file).map_err(refused)?;
    let made = match model["type"].as_str() {
        Some("BPE") => {
            let tokens = by_number(&model["vocab"]).map_err(refused)?;
            let own = own_pieces(&file, &tokens, codes).map_err(refused)?;
            check_pairs(model, own).map_err(refused)?;
            // Pieces stand in the order in which training joined them, which is that of their scores.
            let scored = own.iter().enumerate().map(|(place, token)| ((*token).to_owned(), -(place as f32)));
            SentencePiece::from_pairs(with_special(scored), rules)
        }
        Some("Unigram") => {
            let listed = model["vocab"].as_array().ok_or_else(|| refused("model.vocab: expected a list".into()))?;
            let scored: Option<Vec<(&str, f32)>> =
                listed.iter().map(|entry| Some((entry.get(0)?.as_str()?, entry.get(1)?.as_f64()? as f32))).collect();
            let scored = scored.ok_or_else(|| refused("model.vocab: expected pieces with scores".into()))?;
            let tokens: Vec<&str> = scored.iter().map(|(token, _)| *token).collect();
            let own = own_pieces(&file, &tokens, codes).map_err(refused)?.len();
            let scored = scored[SPECIAL.len()..][..own].iter().map(|(token, score)| ((*token).to_owned(), *score));
            SentencePiece::from_unigram(with_special(scored), rules)
        }
        other => {
            let got = other.unwrap_or("(missing)");
            return Err(refused(format!("model.type {got:?} is not understood; expected \"BPE\" or \"Unigram\"")));
        }
    };
    made.map_err(|error| refused(error.to_string()))
}

/// Puts before the pieces what SentencePiece itself has there.
fn with_special(scored: impl Iterator<Item = (String, f32)>) -> Vec<(String, f32, PieceKind)> {
    let special = [("<unk>", PieceKind::Unknown), ("<s>", PieceKind::Control), ("</s>", PieceKind::Control)];
    let special = special.into_iter().map(|(text, kind)| (text.to_owned(), 0.0, kind));
    special.chain(scored.map(|(text, score)| (text, score, PieceKind::Normal))).collect()
}

/// The tokens of an object of tokens and ids, in the order of the ids.
fn by_number(vocab: &Value) -> Result<Vec<&str>, String> {
    let vocab = vocab.as_object().ok_or("model.vocab: expected an object of tokens and ids")?;
    let mut tokens = vec![None; vocab.len()];
    for (token, id) in vocab {
        let place = id.as_u64().and_then(|id| tokens.get_mut(usize::try_from(id).ok()?));
        match place {
            Some(place @ None) => *place = Some(token.as_str()),
            _ => return Err(format!("model.vocab: token {token:?} has the id {id}, which is another's or too high")),
        }
    }
    Ok(tokens.into_iter().flatten().collect())
}

/// The tokens between fairseq's special ones and the languages.
fn own_pieces<'a>(file: &'a Value, tokens: &'a [&'a str], codes: &str) -> Result<&'a [&'a str], String> {
    if tokens.len() < SPECIAL.len() || tokens[..SPECIAL.len()] != SPECIAL {
        return Err(format!("model.vocab: expected {} first", SPECIAL.join(", ")));
    }
    let added = file["added_tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
    let added: Vec<(&str, usize)> = added
        .iter()
        .filter_map(|token| Some((token["content"].as_str()?, usize::try_from(token["id"].as_u64()?).ok()?)))
        .collect();
    let codes: Vec<&str> = codes.split_whitespace().collect();
    let behind: HashSet<&str> = codes.iter().copied().chain([MASK]).chain(added.iter().map(|token| token.0)).collect();
    let own = &tokens[SPECIAL.len()..];
    let own = &own[..own.iter().position(|token| behind.contains(token)).unwrap_or(own.len())];
    // Languages that the file has must be where they are looked for, and nothing else may be there.
    let numbered = || tokens.iter().copied().zip(0..).chain(added.iter().copied());
    let (ids, names): (HashMap<&str, usize>, HashMap<usize, &str>) =
        (numbered().collect(), numbered().map(|(token, id)| (id, token)).collect());
    for (place, code) in (SPECIAL.len() + own.len()..).zip(codes) {
        if names.get(&place).is_some_and(|found| *found != code) || ids.get(code).is_some_and(|id| *id != place) {
            return Err(format!(
                "token {place} is not that of {code}: the languages are others than those of the network"
            ));
        }
    }
    Ok(own)
}

/// Whether the pairs are those that follow from the pieces, each joined in the order of what it becomes: then the pieces alone
/// say as much.
fn check_pairs(model: &Value, pieces: &[&str]) -> Result<(), String> {
    for (field, expected) in [
        ("dropout", Value::Null),
        ("continuing_subword_prefix", Value::Null),
        ("end_of_word_suffix", Value::Null),
        ("byte_fallback", Value::Bool(false)),
        ("ignore_merges", Value::Bool(false)),
    ] {
        let got = &model[field];
        let is_nothing = got.is_null() || *got == Value::Bool(false) || got.as_str() == Some("");
        if *got != expected && !is_nothing {
            return Err(format!("model.{field} = {got} is not understood; expected {expected}"));
        }
    }
    let places: HashMap<&str, usize> = pieces.iter().enumerate().map(|(place, piece)| (*piece, place)).collect();
    let pairs = model["merges"].as_array().ok_or("model.merges: expected a list")?;
    let mut before = 0;
    for pair in pairs {
        let parts = match pair {
            Value::String(pair) => pair.split_once(' '),
            Value::Array(parts) if parts.len() == 2 => parts[0].as_str().zip(parts[1].as_str()),
            _ => None,
        };
        let joined = parts.filter(|(left, right)| places.contains_key(left) && places.contains_key(right));
        let place = joined.and_then(|(left, right)| places.get(format!("{left}{right}").as_str()));
        match place {
            Some(&place) if place >= before => before = place,
            _ => return Err(format!("model.merges: {pair} does not follow from the pieces in their order")),
        }
    }
    let follows = |piece: &&str| {
        let cuts = piece.char_indices().skip(1).map(|(at, _)| piece.split_at(at));
        cuts.filter(|(left, right)| places.contains_key(left) && places.contains_key(right)).count()
    };
    let expected: usize = pieces.iter().map(follows).sum();
    if expected != pairs.len() {
        return Err(format!("model.merges: {} pairs, but {expected} follow from the pieces", pairs.len()));
    }
    Ok(())
}

/// The rules for characters and spaces.
fn rules(file: &Value) -> Result<Rules, String> {
    let mut charsmap = Vec::new();
    for step in steps(&file["normalizer"], "normalizers") {
        match step["type"].as_str() {
            Some("Precompiled") => {
                let map = step["precompiled_charsmap"].as_str().and_then(from_base64);
                charsmap = map.ok_or("normalizer: its precompiled_charsmap is damaged")?;
            }
            // Runs of spaces are one space in any case, and none at the end.
            Some("Replace") if step["content"] == " " && step["pattern"]["Regex"] == " {2,}" => {}
            Some("Strip") if step["strip_left"] == false || step["strip_right"] == true => {}
            _ => return Err(format!("normalizer {step} is not understood")),
        }
    }
    let mut marks = false;
    for step in steps(&file["pre_tokenizer"], "pretokenizers") {
        match step["type"].as_str() {
            Some("WhitespaceSplit") => {}
            Some("Metaspace") if step["replacement"] == SPACE_MARK => {
                let always = step["prepend_scheme"] == "always";
                marks = always || step["prepend_scheme"].is_null() && step["add_prefix_space"] != false;
            }
            _ => return Err(format!("pre_tokenizer {step} is not understood")),
        }
    }
    if !marks {
        return Err("pre_tokenizer: expected a mark for the space before every text".into());
    }
    Ok(Rules { charsmap, add_dummy_prefix: true, remove_extra_whitespaces: true })
}

/// The steps of a sequence, or one alone, or none.
fn steps<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match (value["type"].as_str(), value[name].as_array()) {
        (Some("Sequence"), Some(steps)) => steps.iter().collect(),
        (Some(_), _) => vec![value],
        (None, _) => Vec::new(),
    }
}

/// Bytes of their spelling in base 64 (RFC 4648).
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0u32;
        for &digit in group {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        let whole = match group.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => return None,
        };
        bits <<= 6 * (4 - group.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..=whole]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn base_64_is_read() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar")] {
            assert_eq!(from_base64(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(from_base64("//79").unwrap(), [0xFF, 0xFE, 0xFD]);
        assert!(from_base64("Z").is_none() && from_base64("Zm9*").is_none());
    }
}
