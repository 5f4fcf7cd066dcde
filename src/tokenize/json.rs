//! The tokenizer of a folder with `tokenizer.json`, through the `tokenizers` crate.
//!
//! The file is taken as it is, but for the special tokens: they are recognized in text of ours only. What the settings
//! beside it say of the tokens that begin and end a text, and the chat template, is read here too.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tokenizers::Tokenizer as Inner;

use super::coder::{Coder, END_TOKENS};
use super::{TokenizeError, classes};
use crate::token::{TokenClasses, TokenId};

/// Longest `tokenizer.json` that is read; the largest published ones have 35 MB.
const LONGEST: u64 = 256 << 20;
/// What SentencePiece writes for a space.
const SPACE_MARK: char = '\u{2581}';

/// The files.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// `tokenizer.json`.
    pub tokenizer: PathBuf,
    /// `tokenizer_config.json`, if there is one.
    pub settings: Option<PathBuf>,
    /// `chat_template.jinja`, if there is one; it goes before the template in the settings.
    pub template: Option<PathBuf>,
}

/// A tokenizer of the `tokenizers` crate.
#[derive(Debug)]
pub struct JsonTokenizer {
    /// Recognizes special tokens.
    markup: Inner,
    /// Does not.
    plain: Inner,
    tokens: Vec<String>,
    specials: Vec<TokenId>,
    /// Special tokens that are no text.
    controls: Vec<TokenId>,
    bos: Option<TokenId>,
    end: Vec<TokenId>,
    add_bos: bool,
    /// Whether a text alone gets a space in front of it.
    adds_space: bool,
    template: Option<String>,
}

impl JsonTokenizer {
    /// Reads the files.
    ///
    /// # Errors
    /// A file cannot be read, is damaged, or of a kind that the crate does not know.
    pub fn open(files: &Files) -> Result<JsonTokenizer, TokenizeError> {
        let path = &files.tokenizer;
        let bad = |reason: String| TokenizeError::File { path: path.clone(), reason };
        let bytes = read(path, LONGEST)?;
        check_parts(&bytes).map_err(|reason| bad(format!("no tokenizer.json: {reason}")))?;
        // The crate panics where the character map of a normalizer is damaged.
        let parsed = std::panic::catch_unwind(|| Inner::from_bytes(&bytes));
        let damaged = "no tokenizer.json: a part of it is damaged; fetch the file again";
        let parsed = parsed.map_err(|_| bad(damaged.to_owned()))?;
        let mut markup = parsed.map_err(|reason| bad(format!("no tokenizer.json: {reason}")))?;
        // A length in the file is one of training.
        markup.with_padding(None);
        markup.with_truncation(None).map_err(|reason| bad(reason.to_string()))?;
        let mut plain = markup.clone();
        plain.set_encode_special_tokens(true);
        let settings = match &files.settings {
            Some(path) => serde_json::from_slice(&read(path, LONGEST)?).map_err(|reason| {
                let reason = format!("expected a JSON object: {reason}; fetch the file again");
                TokenizeError::File { path: path.clone(), reason }
            })?,
            None => Map::new(),
        };
        let vocab = markup.get_vocab_size(true);
        let most = markup.get_vocab(true).values().copied().max().map_or(0, |id| id as usize + 1);
        if most > 4 * vocab + 1024 {
            return Err(bad(format!("expected ids without large gaps, got {vocab} tokens with ids up to {most}")));
        }
        let tokens = (0..most as TokenId).map(|id| markup.id_to_token(id).unwrap_or_default()).collect::<Vec<_>>();
        let mut added: Vec<(TokenId, bool)> =
            markup.get_added_tokens_decoder().iter().map(|(id, token)| (*id, token.special)).collect();
        added.sort_unstable();
        let controls: Vec<TokenId> = added.iter().filter(|(_, special)| *special).map(|(id, _)| *id).collect();
        let mut specials: Vec<TokenId> = added.iter().map(|(id, _)| *id).collect();
        specials.sort_by_key(|&id| (std::cmp::Reverse(tokens.get(id as usize).map_or(0, String::len)), id));
        let named = |key: &str| named(&settings, key).and_then(|token| markup.token_to_id(token));
        let mut end: Vec<TokenId> = named("eos_token").into_iter().collect();
        for &id in &controls {
            let ends = tokens.get(id as usize).is_some_and(|token| END_TOKENS.contains(&token.as_str()));
            if ends && !end.contains(&id) {
                end.push(id);
            }
        }
        let bos = named("bos_token");
        let alone = |text: &str, special: bool| {
            let encoding = plain.encode(text, special);
            encoding.map(|encoding| encoding.get_ids().to_vec()).map_err(|reason| bad(reason.to_string()))
        };
        let add_bos = bos.is_some() && alone("", true)?.first().copied() == bos;
        let first = alone("a", false)?.first().and_then(|id| tokens.get(*id as usize).cloned());
        Ok(JsonTokenizer {
            adds_space: first.is_some_and(|token| token.starts_with(SPACE_MARK)),
            template: template(files, &settings)?,
            markup,
            plain,
            tokens,
            specials,
            controls,
            bos,
            end,
            add_bos,
        })
    }

    /// The chat template, if there is one.
    pub fn template(&self) -> Option<&str> {
        self.template.as_deref()
    }

    fn ids(inner: &Inner, text: &str) -> Result<Vec<TokenId>, TokenizeError> {
        let encoding = inner.encode_fast(text, false).map_err(|reason| TokenizeError::Encode(reason.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }
}

/// Refuses what is no JSON, and parts that name no kind: the crate does not expect either everywhere.
fn check_parts(bytes: &[u8]) -> Result<(), String> {
    let parts: Map<String, Value> = serde_json::from_slice(bytes).map_err(|reason| reason.to_string())?;
    for name in ["normalizer", "pre_tokenizer", "post_processor", "decoder"] {
        if let Some(part) = parts.get(name) {
            check_part(name, part)?;
        }
    }
    Ok(())
}

fn check_part(name: &str, part: &Value) -> Result<(), String> {
    const LISTS: [&str; 4] = ["normalizers", "pretokenizers", "processors", "decoders"];
    let Value::Object(fields) = part else {
        return if part.is_null() { Ok(()) } else { Err(format!("{name}: expected an object, got {part}")) };
    };
    if !fields.get("type").is_some_and(Value::is_string) {
        return Err(format!("{name}: expected a text as its type, got {:?}", fields.get("type")));
    }
    for inner in LISTS.iter().filter_map(|list| fields.get(*list)).filter_map(Value::as_array).flatten() {
        check_part(name, inner)?;
    }
    Ok(())
}

fn read(path: &Path, longest: u64) -> Result<Vec<u8>, TokenizeError> {
    let bad = |reason: String| TokenizeError::File { path: path.to_owned(), reason };
    let length = std::fs::metadata(path).map_err(|error| bad(error.to_string()))?.len();
    if length > longest {
        return Err(bad(format!("expected at most {longest} bytes, got {length}")));
    }
    std::fs::read(path).map_err(|error| bad(error.to_string()))
}

/// A token named in the settings: its spelling, or an object with it.
fn named<'a>(settings: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    let value = settings.get(key)?;
    value.as_str().or_else(|| value.get("content").and_then(Value::as_str))
}

/// The template in a file of its own, or in the settings: a text, or a list of named ones.
fn template(files: &Files, settings: &Map<String, Value>) -> Result<Option<String>, TokenizeError> {
    if let Some(path) = &files.template {
        return Ok(Some(String::from_utf8_lossy(&read(path, LONGEST)?).into_owned()));
    }
    Ok(match settings.get("chat_template") {
        Some(Value::String(template)) => Some(template.clone()),
        Some(Value::Array(named)) => named
            .iter()
            .find(|entry| entry.get("name").and_then(Value::as_str) == Some("default"))
            .and_then(|entry| entry.get("template").and_then(Value::as_str))
            .map(str::to_owned),
        _ => None,
    })
}

impl Coder for JsonTokenizer {
    fn encode_text(&self, text: &str) -> Result<Vec<TokenId>, TokenizeError> {
        if !self.adds_space {
            return JsonTokenizer::ids(&self.plain, text);
        }
        // Inside a prompt no space is put before a text: it is encoded behind a line end, which is taken off again.
        let before = JsonTokenizer::ids(&self.plain, "\n")?;
        let ids = JsonTokenizer::ids(&self.plain, &format!("\n{text}"))?;
        match ids.strip_prefix(before.as_slice()) {
            Some(rest) => Ok(rest.to_vec()),
            None => JsonTokenizer::ids(&self.plain, text),
        }
    }

    fn encode_markup(&self, text: &str) -> Result<Vec<TokenId>, TokenizeError> {
        JsonTokenizer::ids(&self.markup, text)
    }

    fn decode(&self, ids: &[TokenId]) -> String {
        let shown: Vec<TokenId> = ids.iter().copied().filter(|id| !self.controls.contains(id)).collect();
        self.markup.decode(&shown, false).unwrap_or_default()
    }

    fn token_classes(&self) -> Vec<TokenClasses> {
        let class = |id: TokenId| {
            if self.controls.contains(&id) {
                return TokenClasses::NONE;
            }
            let text = self.markup.decode(&[id], false).unwrap_or_default();
            if text.contains('\u{FFFD}') { TokenClasses::NONE } else { classes::of_text(&text) }
        };
        (0..self.tokens.len() as TokenId).map(class).collect()
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
        self.controls.iter().copied().filter(|id| !self.end.contains(id)).collect()
    }

    fn specials(&self) -> &[TokenId] {
        &self.specials
    }
}
