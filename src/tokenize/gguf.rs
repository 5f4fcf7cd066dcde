//! The tokenizer that a GGUF file carries in its metadata: byte-level byte pair encoding (`tokenizer.ggml.model = gpt2`).
//!
//! Text is cut by the rule named in `tokenizer.ggml.pre`, each cut is spelled in bytes and merged. Special tokens are
//! recognized only by [`Coder::encode_markup`], which is for text of ours; an article that spells `<|im_end|>`
//! gets the plain characters. Chat prompts are built in [`super::chat`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::Value;
use tokenizers::Model as _;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::utils::SysRegex;
use unicode_normalization::UnicodeNormalization;

use super::coder::{Coder, END_TOKENS};
use super::{TokenizeError, classes};
use crate::token::{TokenClasses, TokenId};

/// The metadata of a GGUF file.
pub type Metadata = HashMap<String, Value>;

/// Pre-tokenizers: the names in `tokenizer.ggml.pre`, and how they cut.
const CUTS: &[(&[&str], Cut)] = &[
    (
        &["qwen2", "deepseek-r1-qwen"],
        Cut {
            pattern: r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+",
            gives_back: GivesBack::WithoutLineEnd,
            first: None,
            compose: true,
            whole_words: false,
        },
    ),
    (
        &["llama-bpe", "llama3", "llama-v3"],
        Cut {
            pattern: r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+",
            gives_back: GivesBack::WithoutLineEnd,
            first: None,
            compose: false,
            whole_words: true,
        },
    ),
    (
        &["hunyuan-dense"],
        Cut {
            pattern: HUNYUAN,
            gives_back: GivesBack::WithoutLineEnd,
            first: Some(HUNYUAN_FIRST),
            compose: false,
            whole_words: false,
        },
    ),
    (
        &["smollm"],
        Cut { pattern: GPT2, gives_back: GivesBack::Always, first: Some(r"\p{N}"), compose: false, whole_words: false },
    ),
    (
        &["gpt-2", "gpt2", "default"],
        Cut { pattern: GPT2, gives_back: GivesBack::Always, first: None, compose: false, whole_words: false },
    ),
];

/// Runs of up to three digits, and of characters of Chinese and Japanese, are cut out first.
const HUNYUAN_FIRST: &str = r"\p{N}{1,3}|[一-龥\u{3040}-\u{30FF}]+";
const HUNYUAN: &str = r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+"##;
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+";

/// How text is cut before it is merged.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// The published pattern without its `\s+(?!\S)`: the look-ahead is done by hand, so that the search is linear.
    pattern: &'static str,
    gives_back: GivesBack,
    /// A pattern whose matches are cut out first; the main pattern then sees each of them alone, and what lies between.
    first: Option<&'static str>,
    /// Whether the text is brought into normal form C, as the tokenizer the model was trained with does.
    compose: bool,
    /// Whether a cut that is a token as a whole is taken without merging.
    whole_words: bool,
}

/// Which runs of white space leave their last character to the word behind them (what `\s+(?!\S)` does).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GivesBack {
    /// All.
    Always,
    /// Those without a line end: the others are matched by an alternative of their own.
    WithoutLineEnd,
}

/// What the file says of a token (`tokenizer.ggml.token_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Normal,
    Control,
    UserDefined,
    Unused,
}

/// A byte-level tokenizer.
pub struct GgufTokenizer {
    bpe: BPE,
    cut: Cut,
    pattern: SysRegex,
    first: Option<SysRegex>,
    tokens: Vec<String>,
    kinds: Vec<Kind>,
    /// Control and user-defined tokens, the longest first.
    specials: Vec<TokenId>,
    /// How each byte is spelled in the vocabulary.
    spelling: [char; 256],
    bytes: HashMap<char, u8>,
    bos: Option<TokenId>,
    end: Vec<TokenId>,
    add_bos: bool,
}

impl std::fmt::Debug for GgufTokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GgufTokenizer").field("tokens", &self.tokens.len()).finish_non_exhaustive()
    }
}

/// Printable stand-ins for the 256 bytes (GPT-2): printable Latin-1 characters stand for themselves, the others for
/// the characters from U+0100 on, in order.
fn spelling() -> [char; 256] {
    let mut next = 0x100;
    std::array::from_fn(|byte| {
        let byte = byte as u8;
        if matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF) {
            char::from(byte)
        } else {
            next += 1;
            char::from_u32(next - 1).unwrap_or('\u{FFFD}')
        }
    })
}

/// Typed access to the metadata, with errors that name file and key.
pub(super) struct Keys<'a> {
    path: &'a Path,
    metadata: &'a Metadata,
}

impl<'a> Keys<'a> {
    pub(super) fn new(path: &'a Path, metadata: &'a Metadata) -> Keys<'a> {
        Keys { path, metadata }
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> TokenizeError {
        TokenizeError::File { path: PathBuf::from(self.path), reason: reason.into() }
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, TokenizeError> {
        match self.metadata.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.error(format!("metadata {key}: expected a string"))),
        }
    }

    pub(super) fn list(&self, key: &str) -> Result<&'a [Value], TokenizeError> {
        match self.metadata.get(key) {
            Some(Value::Array(values)) => Ok(values),
            Some(_) => Err(self.error(format!("metadata {key}: expected a list"))),
            None => Err(self.error(format!("metadata {key} is missing"))),
        }
    }

    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, TokenizeError> {
        let text = |value: &Value| match value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(self.error(format!("metadata {key}: expected a list of strings"))),
        };
        self.list(key)?.iter().map(text).collect()
    }

    pub(super) fn token(&self, key: &str, vocab: usize) -> Result<Option<TokenId>, TokenizeError> {
        let Some(value) = self.metadata.get(key) else { return Ok(None) };
        let id = match *value {
            Value::U32(id) => i64::from(id),
            Value::I32(id) => i64::from(id),
            Value::U64(id) => id as i64,
            Value::I64(id) => id,
            _ => return Err(self.error(format!("metadata {key}: expected a token id"))),
        };
        match usize::try_from(id) {
            Ok(index) if index < vocab => Ok(Some(id as TokenId)),
            _ => Err(self.error(format!("metadata {key}: expected an id below {vocab}, got {id}"))),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, TokenizeError> {
        match self.metadata.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.error(format!("metadata {key}: expected true or false"))),
        }
    }
}

impl GgufTokenizer {
    /// Builds the tokenizer from the metadata of a GGUF file; `path` is for messages only.
    ///
    /// # Errors
    /// The metadata has no tokenizer, one of another model than `gpt2`, an unknown pre-tokenizer, or contradicts itself.
    pub fn from_metadata(path: &Path, metadata: &Metadata) -> Result<GgufTokenizer, TokenizeError> {
        let keys = Keys::new(path, metadata);
        let error = |reason: String| Err(keys.error(reason));
        match keys.text("tokenizer.ggml.model")? {
            Some("gpt2") => {}
            Some(other) => {
                return error(format!(
                    "tokenizer.ggml.model {other:?} is not supported; expected \"gpt2\" (byte-level BPE) or \"llama\" (scored pieces)"
                ));
            }
            None => {
                return error("metadata tokenizer.ggml.model is missing: the file carries no tokenizer".to_string());
            }
        }
        let Some(pre) = keys.text("tokenizer.ggml.pre")? else {
            return error("metadata tokenizer.ggml.pre is missing: without it text cannot be cut as the model expects; take a newer conversion of the model".to_string());
        };
        let Some((_, cut)) = CUTS.iter().find(|(names, _)| names.contains(&pre)) else {
            let known: Vec<&str> = CUTS.iter().flat_map(|(names, _)| names.iter().copied()).collect();
            return error(format!("tokenizer.ggml.pre {pre:?} is not supported; expected one of {}", known.join(", ")));
        };
        let tokens = keys.texts("tokenizer.ggml.tokens")?;
        let merges = keys.texts("tokenizer.ggml.merges")?;
        let kinds = kinds(&keys, tokens.len())?;
        let mut pairs = Vec::with_capacity(merges.len());
        for merge in &merges {
            match merge.split_once(' ') {
                Some((left, right)) if !left.is_empty() && !right.is_empty() => {
                    pairs.push((left.to_string(), right.to_string()));
                }
                _ => return error(format!("merge {merge:?}: expected two tokens with a space between them")),
            }
        }
        // Special tokens stay out of the vocabulary of the merges, so that no text can spell one.
        let mut vocab = Vocab::default();
        for (id, (token, kind)) in tokens.iter().zip(&kinds).enumerate() {
            if *kind == Kind::Normal && vocab.insert(token.clone(), id as TokenId).is_some() {
                return error(format!("token {token:?} is there twice"));
            }
        }
        let spelling = spelling();
        // Some vocabularies lack bytes of control characters, which are left out of a text then.
        for byte in (b' '..=b'~').chain([b'\n']).chain(0x80..=0xBF).chain(0xC2..=0xEF) {
            if !vocab.contains_key(spelling[usize::from(byte)].to_string().as_str()) {
                return error(format!("the vocabulary has no token for byte {byte:#04x}"));
            }
        }
        let bpe = BPE::builder().vocab_and_merges(vocab, pairs).ignore_merges(cut.whole_words).build();
        let bpe = bpe.map_err(|reason| keys.error(format!("merges: {reason}")))?;
        let regex = |pattern: &str| SysRegex::new(pattern).map_err(|reason| keys.error(format!("pattern: {reason}")));

        let mut specials: Vec<TokenId> = (kinds.iter().zip(0..))
            .filter(|(kind, id)| matches!(kind, Kind::Control | Kind::UserDefined) && !tokens[*id as usize].is_empty())
            .map(|(_, id)| id)
            .collect();
        specials.sort_by_key(|&id| (std::cmp::Reverse(tokens[id as usize].len()), id));
        let mut end: Vec<TokenId> = Vec::new();
        for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"] {
            end.extend(keys.token(key, tokens.len())?);
        }
        end.extend(
            specials.iter().filter(|&&id| {
                kinds[id as usize] == Kind::Control && END_TOKENS.contains(&tokens[id as usize].as_str())
            }),
        );
        let mut seen = std::collections::BTreeSet::new();
        end.retain(|id| seen.insert(*id));

        Ok(GgufTokenizer {
            bpe,
            cut: *cut,
            pattern: regex(cut.pattern)?,
            first: cut.first.map(regex).transpose()?,
            specials,
            bytes: (0_u8..=255).map(|byte| (spelling[usize::from(byte)], byte)).collect(),
            spelling,
            bos: keys.token("tokenizer.ggml.bos_token_id", tokens.len())?,
            end,
            add_bos: keys.flag("tokenizer.ggml.add_bos_token")?.unwrap_or(pre.starts_with("llama")),
            tokens,
            kinds,
        })
    }
}

impl Coder for GgufTokenizer {
    fn encode_text(&self, text: &str) -> Result<Vec<TokenId>, TokenizeError> {
        let mut ids = Vec::new();
        let composed: String;
        let mut text = text;
        if self.cut.compose && !unicode_normalization::is_nfc(text) {
            composed = text.nfc().collect();
            text = &composed;
        }
        match &self.first {
            None => self.encode_stretch(text, &mut ids)?,
            Some(first) => {
                let mut done = 0;
                for (start, end) in first.find_iter(text) {
                    self.encode_stretch(&text[done..start], &mut ids)?;
                    self.encode_stretch(&text[start..end], &mut ids)?;
                    done = end;
                }
                self.encode_stretch(&text[done..], &mut ids)?;
            }
        }
        Ok(ids)
    }

    fn encode_markup(&self, text: &str) -> Result<Vec<TokenId>, TokenizeError> {
        let mut ids = Vec::new();
        let (mut done, mut place) = (0, 0);
        while place < text.len() {
            let here = &text.as_bytes()[place..];
            match self.specials.iter().find(|&&id| here.starts_with(self.tokens[id as usize].as_bytes())) {
                Some(&id) => {
                    ids.extend(self.encode_text(&text[done..place])?);
                    ids.push(id);
                    place += self.tokens[id as usize].len();
                    done = place;
                }
                None => place += 1,
            }
        }
        ids.extend(self.encode_text(&text[done..])?);
        Ok(ids)
    }

    fn decode(&self, ids: &[TokenId]) -> String {
        let mut bytes = Vec::new();
        for &id in ids {
            let Some(token) = self.tokens.get(id as usize) else { continue };
            match self.kinds[id as usize] {
                Kind::Control | Kind::Unused => {}
                Kind::UserDefined => bytes.extend_from_slice(token.as_bytes()),
                Kind::Normal => bytes.extend(token.chars().filter_map(|c| self.bytes.get(&c).copied())),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn token_classes(&self) -> Vec<TokenClasses> {
        let class = |(token, kind): (&String, &Kind)| match kind {
            Kind::Control | Kind::Unused => TokenClasses::NONE,
            Kind::UserDefined => classes::of_text(token),
            Kind::Normal => {
                let bytes: Vec<u8> = token.chars().filter_map(|c| self.bytes.get(&c).copied()).collect();
                std::str::from_utf8(&bytes).map_or(TokenClasses::NONE, classes::of_text)
            }
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
        let never = |id: &TokenId| matches!(self.kinds[*id as usize], Kind::Control | Kind::Unused);
        (0..self.tokens.len() as TokenId).filter(never).filter(|id| !self.end.contains(id)).collect()
    }

    fn specials(&self) -> &[TokenId] {
        &self.specials
    }
}

impl GgufTokenizer {
    /// Length of the first cut of a text that is not empty.
    fn first_cut(&self, text: &str) -> usize {
        let (start, end) = self.pattern.find_iter(text).next().unwrap_or((0, text.len()));
        if start > 0 {
            return start;
        }
        let found = &text[..end];
        let gives_back = end < text.len()
            && found.chars().all(char::is_whitespace)
            && (self.cut.gives_back == GivesBack::Always || !found.contains(['\r', '\n']));
        match found.char_indices().next_back() {
            Some((last, _)) if gives_back && last > 0 => last,
            _ => end,
        }
    }

    fn encode_stretch(&self, text: &str, ids: &mut Vec<TokenId>) -> Result<(), TokenizeError> {
        let mut rest = text;
        while !rest.is_empty() {
            let end = self.first_cut(rest);
            self.merge(&rest[..end], ids)?;
            rest = &rest[end..];
        }
        Ok(())
    }

    fn merge(&self, cut: &str, ids: &mut Vec<TokenId>) -> Result<(), TokenizeError> {
        if cut.is_empty() {
            return Ok(());
        }
        let spelled: String = cut.bytes().map(|byte| self.spelling[usize::from(byte)]).collect();
        let tokens = self.bpe.tokenize(&spelled).map_err(|reason| TokenizeError::Encode(reason.to_string()))?;
        ids.extend(tokens.iter().map(|token| token.id));
        Ok(())
    }
}

/// The kinds of all tokens; without the list all are normal.
fn kinds(keys: &Keys<'_>, vocab: usize) -> Result<Vec<Kind>, TokenizeError> {
    const KEY: &str = "tokenizer.ggml.token_type";
    if !keys.metadata.contains_key(KEY) {
        return Ok(vec![Kind::Normal; vocab]);
    }
    let values = keys.list(KEY)?;
    if values.len() != vocab {
        return Err(keys.error(format!("metadata {KEY}: expected {vocab} entries, got {}", values.len())));
    }
    let kind = |value: &Value| match *value {
        Value::I32(1) | Value::U32(1) => Ok(Kind::Normal),
        Value::I32(2 | 3) | Value::U32(2 | 3) => Ok(Kind::Control),
        Value::I32(4) | Value::U32(4) => Ok(Kind::UserDefined),
        Value::I32(5) | Value::U32(5) => Ok(Kind::Unused),
        ref other => Err(keys.error(format!("metadata {KEY}: expected 1 to 5, got {other:?}"))),
    };
    values.iter().map(kind).collect()
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    /// Metadata of an invented vocabulary: the bytes, a few merges, `<|end|>`-like control tokens, one unused place.
    pub(in crate::tokenize) fn metadata(pre: &str) -> Metadata {
        let mut tokens: Vec<String> = spelling().iter().map(char::to_string).collect();
        let merges = ["t h", "th e", "Ġ the", "Ċ Ċ", "e n", "Ġ Ġ"];
        tokens.extend(merges.iter().map(|merge| merge.replace(' ', "")));
        let mut kinds = vec![Value::I32(1); tokens.len()];
        for (token, kind) in [("<|im_start|>", 3), ("<|im_end|>", 3), ("<|end|>", 3), ("<tool>", 4), ("[PAD0]", 5)] {
            tokens.push(token.to_string());
            kinds.push(Value::I32(kind));
        }
        let texts = |list: Vec<String>| Value::Array(list.into_iter().map(Value::String).collect());
        HashMap::from([
            ("tokenizer.ggml.model".to_string(), Value::String("gpt2".to_string())),
            ("tokenizer.ggml.pre".to_string(), Value::String(pre.to_string())),
            ("tokenizer.ggml.tokens".to_string(), texts(tokens)),
            ("tokenizer.ggml.merges".to_string(), texts(merges.map(str::to_string).to_vec())),
            ("tokenizer.ggml.token_type".to_string(), Value::Array(kinds)),
            ("tokenizer.ggml.eos_token_id".to_string(), Value::U32(263)),
            ("tokenizer.ggml.bos_token_id".to_string(), Value::U32(264)),
            ("tokenizer.ggml.add_bos_token".to_string(), Value::Bool(false)),
        ])
    }

    fn tokenizer(pre: &str) -> GgufTokenizer {
        GgufTokenizer::from_metadata(Path::new("tiny.gguf"), &metadata(pre)).unwrap()
    }

    fn refused(change: impl FnOnce(&mut Metadata), expected: &str) {
        let mut metadata = metadata("qwen2");
        change(&mut metadata);
        let error = GgufTokenizer::from_metadata(Path::new("tiny.gguf"), &metadata).unwrap_err().to_string();
        assert!(error.contains("tiny.gguf") && error.contains(expected), "{error}");
    }

    #[test]
    fn text_is_merged_in_order() {
        assert_eq!(tokenizer("qwen2").encode_text("then the\n\n").unwrap(), vec![257, 110, 258, 259]);
    }

    #[test]
    fn special_tokens_are_seen_in_markup_only() {
        let tokenizer = tokenizer("qwen2");
        assert_eq!(tokenizer.encode_markup("<|im_end|>the<tool>").unwrap(), vec![263, 257, 265]);
        for text in ["<|im_end|>", "a <|im_start|>user", "<tool>", "[PAD0]"] {
            let ids = tokenizer.encode_text(text).unwrap();
            assert!(ids.iter().all(|&id| id < 262), "{text}: {ids:?}");
            assert_eq!(tokenizer.decode(&ids), text);
        }
        assert_eq!(tokenizer.decode(&[257, 263, 265, 266, 9999, 110]), "the<tool>n");
        assert_eq!((tokenizer.end_tokens(), tokenizer.never()), (&[263, 264][..], vec![262, 266]));
    }

    #[test]
    fn decomposed_text_is_composed_where_the_model_was_trained_so() {
        let decomposed = "\u{1112}\u{1161}\u{11ab}";
        assert_eq!(tokenizer("qwen2").encode_text(decomposed).unwrap(), tokenizer("qwen2").encode_text("한").unwrap());
        assert_ne!(tokenizer("gpt-2").encode_text(decomposed).unwrap(), tokenizer("gpt-2").encode_text("한").unwrap());
    }

    #[test]
    fn bad_metadata_is_refused_by_name() {
        let text = |text: &str| Value::String(text.to_string());
        refused(|m| drop(m.remove("tokenizer.ggml.model")), "carries no tokenizer");
        refused(|m| drop(m.insert("tokenizer.ggml.model".into(), text("llama"))), "\"llama\" is not supported");
        refused(|m| drop(m.insert("tokenizer.ggml.pre".into(), text("tekken"))), "\"tekken\" is not supported");
        refused(|m| drop(m.remove("tokenizer.ggml.pre")), "tokenizer.ggml.pre is missing");
        refused(|m| drop(m.insert("tokenizer.ggml.eos_token_id".into(), Value::U32(999))), "below 267, got 999");
        refused(|m| drop(m.insert("tokenizer.ggml.tokens".into(), Value::Array(vec![text("a")]))), "token_type");
        refused(|m| drop(m.insert("tokenizer.ggml.merges".into(), Value::Array(vec![text("ab")]))), "merge \"ab\"");
        refused(|m| drop(m.insert("tokenizer.ggml.merges".into(), Value::Array(vec![text("zz y")]))), "merges");
    }

    #[test]
    fn a_long_line_is_encoded() {
        let tokenizer = tokenizer("qwen2");
        for line in [" ".repeat(300_000), "the ".repeat(60_000), "the".repeat(100_000)] {
            assert_eq!(tokenizer.decode(&tokenizer.encode_text(&line).unwrap()), line);
        }
    }

    /// The published patterns, with their look-ahead.
    fn published(pre: &str) -> SysRegex {
        let rest = r"[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
        let contractions = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|";
        let pattern = match pre {
            "qwen2" => format!("{contractions}{}", rest.replace("DIGITS", r"\p{N}")),
            "hunyuan-dense" => HUNYUAN.replace(r"|\s+", r"|\s+(?!\S)|\s+"),
            "llama-bpe" => format!("{contractions}{}", rest.replace("DIGITS", r"\p{N}{1,3}")),
            _ => r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+".to_string(),
        };
        SysRegex::new(&pattern).unwrap()
    }

    /// Tokenizer and published pattern of each kind, built once.
    static KINDS: LazyLock<Vec<(GgufTokenizer, SysRegex)>> = LazyLock::new(|| {
        ["qwen2", "llama-bpe", "gpt-2", "hunyuan-dense"]
            .map(|pre| (tokenizer(pre), published(pre)))
            .into_iter()
            .collect()
    });
    static DIGITS_FIRST: LazyLock<GgufTokenizer> = LazyLock::new(|| tokenizer("smollm"));

    proptest! {
        #[test]
        fn cuts_are_those_of_the_published_patterns(text in "([ \t\n\r\u{a0}\u{3000}]|[a-zіїґ한글éſ]|[0-9²]|[.,!?'«»]|'[sStTrR]e?|\\PC){0,30}") {
            for (tokenizer, pattern) in KINDS.iter() {
                // What the pattern passes over is a cut too.
                let mut expected: Vec<&str> = Vec::new();
                let mut done = 0;
                for (start, end) in pattern.find_iter(&text) {
                    expected.extend([&text[done..start], &text[start..end]].into_iter().filter(|cut| !cut.is_empty()));
                    done = end;
                }
                expected.extend(Some(&text[done..]).filter(|cut| !cut.is_empty()));
                let mut cuts = Vec::new();
                let mut rest = text.as_str();
                while !rest.is_empty() {
                    let (cut, behind) = rest.split_at(tokenizer.first_cut(rest));
                    cuts.push(cut);
                    rest = behind;
                }
                prop_assert_eq!(cuts, expected);
            }
        }

        #[test]
        fn composed_text_comes_back(text in "\\PC{0,40}") {
            let composed: String = text.nfc().collect();
            for tokenizer in KINDS.iter().map(|(tokenizer, _)| tokenizer).chain([&*DIGITS_FIRST]) {
                prop_assert_eq!(&tokenizer.decode(&tokenizer.encode_text(&composed).unwrap()), &composed);
            }
        }
    }
}
