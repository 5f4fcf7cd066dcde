//! The tokenizers of BART checkpoints: `vocab.json` with `merges.txt` (byte-level byte pair encoding, as GPT-2 cuts), or a
//! `tokenizer.json` (`KoBART`).
//!
//! A source is `<s> … </s>`, whatever a `tokenizer.json` says of special tokens: the numbers are those of the network's
//! configuration. As in `transformers` 5.23, but nothing in a text is ever a special token (`docs/tokenizers.md`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::Value;

use super::coder::Coder;
use super::gguf::GgufTokenizer;
use super::{TokenizeError, Tokenizer, classes, spiece};
use crate::language::Language;
use crate::token::{Prompt, Task, TokenClasses, TokenId};

/// Where the parts of a tokenizer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// `vocab.json` and `merges.txt`.
    Merges(PathBuf, PathBuf),
    /// `tokenizer.json`.
    Whole(PathBuf),
}

/// What the network says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Number of tokens that it has vectors for.
    pub vocab: usize,
    /// The token that begins a source.
    pub begin: TokenId,
    /// The token that ends source and answer.
    pub end: TokenId,
    /// What an answer starts from: the start token and what is forced behind it.
    pub prefix: Vec<TokenId>,
    /// Languages in which articles are summarized, each in its own; empty where it is not known.
    pub languages: Vec<Language>,
}

/// Largest token number that is believed of a `vocab.json`.
const LARGEST: usize = 1 << 22;

enum Text {
    Bytes(Box<GgufTokenizer>),
    Whole(Box<tokenizers::Tokenizer>),
}

/// The tokenizer of one checkpoint.
pub struct BartTokenizer {
    text: Text,
    settings: Settings,
}

impl std::fmt::Debug for BartTokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BartTokenizer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn file_error(path: &Path, reason: impl std::fmt::Display) -> TokenizeError {
    TokenizeError::File { path: path.to_path_buf(), reason: reason.to_string() }
}

/// Whether a spelling is a special token of this vocabulary: text is spelled in stand-ins for bytes, in which there is no such
/// word but by chance, and then as the special token.
fn is_special(token: &str) -> bool {
    ["<s>", "<pad>", "</s>", "<unk>", "<mask>"].contains(&token) || token.starts_with("madeupword")
}

/// The parts of a byte-level tokenizer, in the form in which one is built from a GGUF file.
fn byte_level(vocab_path: &Path, merges_path: &Path) -> Result<GgufTokenizer, TokenizeError> {
    let bytes = std::fs::read(vocab_path).map_err(|error| file_error(vocab_path, error))?;
    let vocab: HashMap<String, TokenId> = serde_json::from_slice(&bytes)
        .map_err(|error| file_error(vocab_path, format!("expected an object of tokens and ids: {error}")))?;
    let size = vocab.values().max().map_or(0, |&id| id as usize + 1);
    // Ids have gaps in a few vocabularies; a gap of this size is a damaged file.
    if size > LARGEST || size > vocab.len().saturating_mul(4) + 1024 {
        return Err(file_error(vocab_path, format!("the largest id is {size}, but there are {} tokens", vocab.len())));
    }
    let mut tokens: Vec<String> = (0..size).map(|id| format!("<gap {id}>")).collect();
    // Kinds of tokens as a GGUF file has them: unused, then what the vocabulary says.
    let mut kinds = vec![5; size];
    let mut sorted: Vec<(String, TokenId)> = vocab.into_iter().collect();
    sorted.sort_unstable();
    for (token, id) in sorted {
        if kinds[id as usize] == 5 {
            kinds[id as usize] = if is_special(&token) { 3 } else { 1 };
            tokens[id as usize] = token;
        } else {
            return Err(file_error(vocab_path, format!("token {id} is there twice: {token:?}")));
        }
    }
    let merges = std::fs::read_to_string(merges_path).map_err(|error| file_error(merges_path, error))?;
    let merges = merges.lines().filter(|line| !line.starts_with("#version") && !line.is_empty());
    let merges: Vec<Value> = merges.map(|line| Value::String(line.to_string())).collect();
    let metadata = HashMap::from([
        ("tokenizer.ggml.model".to_string(), Value::String("gpt2".to_string())),
        ("tokenizer.ggml.pre".to_string(), Value::String("gpt-2".to_string())),
        ("tokenizer.ggml.tokens".to_string(), Value::Array(tokens.into_iter().map(Value::String).collect())),
        ("tokenizer.ggml.merges".to_string(), Value::Array(merges)),
        ("tokenizer.ggml.token_type".to_string(), Value::Array(kinds.into_iter().map(Value::I32).collect())),
    ]);
    GgufTokenizer::from_metadata(vocab_path, &metadata)
}

/// A `tokenizer.json`. The library panics on some of what is damaged: parts that are no JSON, a character map that is none.
fn whole(bytes: Vec<u8>) -> Result<tokenizers::Tokenizer, String> {
    serde_json::from_slice::<serde_json::Value>(&bytes).map_err(|error| format!("not JSON: {error}"))?;
    let read = std::panic::catch_unwind(|| tokenizers::Tokenizer::from_bytes(bytes));
    match read {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err("one of its parts is damaged".to_string()),
    }
}

impl BartTokenizer {
    /// Opens the files of a tokenizer.
    ///
    /// # Errors
    /// A file is missing or damaged, or there are more tokens than the network has vectors for.
    pub fn open(files: &Files, settings: Settings) -> Result<BartTokenizer, TokenizeError> {
        let (text, path) = match files {
            Files::Merges(vocab, merges) => (Text::Bytes(Box::new(byte_level(vocab, merges)?)), vocab),
            Files::Whole(path) => {
                let bytes = std::fs::read(path).map_err(|error| file_error(path, error))?;
                let mut whole = whole(bytes).map_err(|reason| file_error(path, reason))?;
                // An article that spells `</s>` gets the characters.
                whole.set_encode_special_tokens(true);
                let _ = whole.with_truncation(None).map_err(|error| file_error(path, error))?;
                whole.with_padding(None);
                (Text::Whole(Box::new(whole)), path)
            }
        };
        let size = match &text {
            Text::Bytes(bytes) => bytes.vocab(),
            // Numbers may have gaps.
            Text::Whole(whole) => whole.get_vocab(true).values().max().map_or(0, |&id| id as usize + 1),
        };
        // A mask at the end has no vector in some checkpoints.
        if size > settings.vocab + 1 {
            return Err(file_error(
                path,
                format!("{size} tokens, but the network has {}; the files are not of one checkpoint", settings.vocab),
            ));
        }
        Ok(BartTokenizer { text, settings })
    }

    fn text_ids(&self, text: &str) -> Result<Vec<TokenId>, TokenizeError> {
        match &self.text {
            Text::Bytes(bytes) => bytes.encode_text(text),
            Text::Whole(whole) => {
                let encoding =
                    whole.encode_fast(text, false).map_err(|error| TokenizeError::Encode(error.to_string()))?;
                Ok(encoding.get_ids().to_vec())
            }
        }
    }
}

impl Tokenizer for BartTokenizer {
    fn encode(&self, text: &str, task: &Task) -> Result<Prompt, TokenizeError> {
        let Task::Summarize { from, to, .. } = *task else {
            return Err(TokenizeError::Task("a summarization model cannot translate".to_string()));
        };
        spiece::check_summary(&self.settings.languages, from, to)?;
        let mut source = vec![self.settings.begin];
        source.extend(self.text_ids(text)?);
        source.push(self.settings.end);
        Ok(Prompt {
            source,
            prefix: self.settings.prefix.clone(),
            shared: 0,
            allowed: classes::allowed(text, to),
            constraints: Vec::new(),
        })
    }

    fn decode(&self, ids: &[TokenId]) -> String {
        let text = match &self.text {
            Text::Bytes(bytes) => bytes.decode(ids),
            Text::Whole(whole) => whole.decode(ids, true).unwrap_or_default(),
        };
        text.trim().to_string()
    }

    fn token_classes(&self) -> Vec<TokenClasses> {
        let mut classes = match &self.text {
            Text::Bytes(bytes) => bytes.token_classes(),
            Text::Whole(whole) => {
                // What it spells, not how it is spelled: byte-level vocabularies stand in Latin letters.
                let spelling = |id: TokenId| whole.decode(&[id], false).unwrap_or_default();
                (0..self.settings.vocab as TokenId).map(|id| classes::of_text(&spelling(id))).collect()
            }
        };
        classes.resize(self.settings.vocab, TokenClasses::NONE);
        for special in [self.settings.begin, self.settings.end] {
            if let Some(class) = classes.get_mut(special as usize) {
                *class = TokenClasses::NONE;
            }
        }
        classes
    }

    fn count(&self, text: &str) -> usize {
        self.text_ids(text).map_or(0, |ids| ids.len())
    }
}
