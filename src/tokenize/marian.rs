//! The tokenizer of Marian checkpoints: two SentencePiece models, and a `vocab.json` that numbers their pieces.
//!
//! As `MarianTokenizer` of transformers 5.23: pieces of the source model are looked up by spelling, what the vocabulary
//! lacks is `<unk>`, `</s>` ends the source, and a model with several target languages reads the `>>xxx<<` token of
//! one first. Unlike there, nothing in a text is ever a special token or a language token (`docs/tokenizers.md`).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::sentencepiece::{PieceKind, SentencePiece};
use super::{TokenizeError, Tokenizer, classes, spread, trimmed};
use crate::language::Language;
use crate::token::{Prompt, Task, TokenClasses, TokenId};

/// Where the parts of a tokenizer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `vocab.json`: spelling to id, for the source and, without `target_vocab`, for the target.
    pub vocab: PathBuf,
    /// `source.spm`.
    pub source: PathBuf,
    /// `target.spm`.
    pub target: PathBuf,
    /// `target_vocab.json`, where the target has a vocabulary of its own.
    pub target_vocab: Option<PathBuf>,
    /// `tokenizer_config.json`, which may say what the target language is.
    pub config: Option<PathBuf>,
}

impl Files {
    /// The files by their usual names; the optional ones where they are there.
    pub fn in_folder(folder: &Path) -> Files {
        let optional = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
        Files {
            vocab: folder.join("vocab.json"),
            source: folder.join("source.spm"),
            target: folder.join("target.spm"),
            target_vocab: optional("target_vocab.json"),
            config: optional("tokenizer_config.json"),
        }
    }
}

/// The tokenizer of one Marian checkpoint.
#[derive(Debug)]
pub struct MarianTokenizer {
    source: SentencePiece,
    target: SentencePiece,
    /// Spelling to id, special and language tokens left out: what a text may become.
    vocab: HashMap<String, TokenId>,
    /// The same for the answer, where the target has a vocabulary of its own.
    target_vocab: Option<HashMap<String, TokenId>>,
    /// The id of each piece of `source`.
    ids: Vec<TokenId>,
    /// The spelling of each id of the answer; empty for special and language tokens.
    spellings: Vec<String>,
    /// Language tokens by their code (`ukr` for `>>ukr<<`).
    codes: BTreeMap<String, TokenId>,
    /// The target language in `tokenizer_config.json`.
    target_language: Option<String>,
    unknown: TokenId,
    end: TokenId,
    decoder_start: TokenId,
}

const END: &str = "</s>";
const UNKNOWN: &str = "<unk>";
const PAD: &str = "<pad>";
/// Stands for a space in pieces.
const SPACE_MARK: char = '\u{2581}';
/// How many languages an error lists.
const SHOWN: usize = 40;

/// BCP 47 tags and the codes that OPUS-MT models have for them, the best first.
const CODES: &[(&str, &[&str])] = &[
    ("ar", &["ara", "arb"]),
    ("az", &["aze_Latn", "azj_Latn"]),
    ("be", &["bel"]),
    ("bg", &["bul"]),
    ("bn", &["ben"]),
    ("bs", &["bos_Latn", "bos"]),
    ("ca", &["cat"]),
    ("cs", &["ces"]),
    ("cy", &["cym"]),
    ("da", &["dan"]),
    ("de", &["deu"]),
    ("el", &["ell"]),
    ("en", &["eng"]),
    ("eo", &["epo"]),
    ("es", &["spa"]),
    ("et", &["est"]),
    ("eu", &["eus"]),
    ("fa", &["pes", "fas"]),
    ("fi", &["fin"]),
    ("fr", &["fra"]),
    ("ga", &["gle"]),
    ("gl", &["glg"]),
    ("he", &["heb"]),
    ("hi", &["hin"]),
    ("hr", &["hrv"]),
    ("hu", &["hun"]),
    ("hy", &["hye"]),
    ("id", &["ind"]),
    ("is", &["isl"]),
    ("it", &["ita"]),
    ("ja", &["jpn"]),
    ("ka", &["kat"]),
    ("kk", &["kaz_Cyrl", "kaz"]),
    ("ko", &["kor", "kor_Hang"]),
    ("lt", &["lit"]),
    ("lv", &["lav"]),
    ("mk", &["mkd"]),
    ("ms", &["zsm_Latn", "msa"]),
    ("mt", &["mlt"]),
    ("nb", &["nob"]),
    ("nl", &["nld"]),
    ("nn", &["nno"]),
    ("no", &["nob", "nor"]),
    ("pl", &["pol"]),
    ("pt", &["por"]),
    ("pt-br", &["pob", "por"]),
    ("ro", &["ron"]),
    ("ru", &["rus"]),
    ("sk", &["slk"]),
    ("sl", &["slv"]),
    ("sq", &["sqi"]),
    ("sr", &["srp_Cyrl", "srp_Latn"]),
    ("sv", &["swe"]),
    ("ta", &["tam"]),
    ("th", &["tha"]),
    ("tr", &["tur"]),
    ("uk", &["ukr"]),
    ("ur", &["urd"]),
    ("uz", &["uzb_Latn", "uzb_Cyrl"]),
    ("vi", &["vie", "vie_Hani"]),
    ("zh", &["cmn_Hans", "cmn", "zho", "zho_Hans"]),
    ("zh-hans", &["cmn_Hans", "zho_Hans", "cmn"]),
    ("zh-hant", &["cmn_Hant", "zho_Hant"]),
];

/// The codes to look for, the best first: those of the table, then the tag as it is and without its region.
fn codes_of(language: Language) -> impl Iterator<Item = Cow<'static, str>> {
    let tag = language.as_str().to_string();
    let primary = tag.split('-').next().unwrap_or(&tag).to_string();
    let listed = CODES.iter().find(|(known, _)| *known == tag).map_or(&[][..], |(_, codes)| codes);
    let general = CODES.iter().find(|(known, _)| *known == primary).map_or(&[][..], |(_, codes)| codes);
    let spelled = [tag.replace('-', "_"), primary];
    listed.iter().chain(general).map(|code| Cow::Borrowed(*code)).chain(spelled.into_iter().map(Cow::Owned))
}

fn code_of_token(token: &str) -> Option<&str> {
    token.strip_prefix(">>")?.strip_suffix("<<").filter(|code| !code.is_empty())
}

fn file_error(path: &Path, reason: impl std::fmt::Display) -> TokenizeError {
    TokenizeError::File { path: path.to_path_buf(), reason: reason.to_string() }
}

/// Reads a `vocab.json` and checks that the special tokens are there.
fn read_vocab(path: &Path) -> Result<HashMap<String, TokenId>, TokenizeError> {
    let bytes = std::fs::read(path).map_err(|error| file_error(path, error))?;
    let vocab: HashMap<String, TokenId> = serde_json::from_slice(&bytes)
        .map_err(|error| file_error(path, format!("expected an object of tokens and ids: {error}")))?;
    for token in [END, UNKNOWN] {
        if !vocab.contains_key(token) {
            return Err(file_error(path, format!("the vocabulary has no {token}")));
        }
    }
    Ok(vocab)
}

/// The spelling of each id; empty for what is never text.
fn spellings(path: &Path, vocab: &HashMap<String, TokenId>) -> Result<Vec<String>, TokenizeError> {
    let mut tokens: Vec<(&String, TokenId)> = vocab.iter().map(|(token, id)| (token, *id)).collect();
    tokens.sort_unstable_by_key(|&(token, id)| (id, token));
    let size = tokens.last().map_or(0, |&(_, id)| id as usize + 1);
    // Ids have gaps in a few vocabularies; a gap of this size is a damaged file.
    if size > tokens.len().saturating_mul(4) + 1024 {
        return Err(file_error(path, format!("the largest id is {}, but there are {} tokens", size - 1, tokens.len())));
    }
    let mut spellings = vec![String::new(); size];
    for (token, id) in tokens {
        if !is_reserved(token) {
            spellings[id as usize].clone_from(token);
        }
    }
    Ok(spellings)
}

fn is_reserved(token: &str) -> bool {
    [END, UNKNOWN, PAD].contains(&token) || code_of_token(token).is_some()
}

impl MarianTokenizer {
    /// Opens the files of a tokenizer. `decoder_start` is `decoder_start_token_id` of the model's configuration.
    ///
    /// # Errors
    /// A file is missing or damaged, or the vocabulary lacks `</s>` or `<unk>`.
    pub fn open(files: &Files, decoder_start: TokenId) -> Result<MarianTokenizer, TokenizeError> {
        let open = |path: &Path| SentencePiece::open(path).map_err(|error| file_error(path, error));
        let (source, target) = (open(&files.source)?, open(&files.target)?);
        let mut vocab = read_vocab(&files.vocab)?;
        let target_vocab = files.target_vocab.as_deref().map(read_vocab).transpose()?;
        let spellings = match files.target_vocab.as_deref().zip(target_vocab.as_ref()) {
            Some((path, vocab)) => spellings(path, vocab)?,
            None => spellings(&files.vocab, &vocab)?,
        };
        let (end, unknown) = (vocab[END], vocab[UNKNOWN]);
        let codes = vocab.iter().filter_map(|(token, id)| Some((code_of_token(token)?.to_string(), *id))).collect();
        vocab.retain(|token, _| !is_reserved(token));
        let ids = (0..source.len() as u32)
            .map(|id| source.piece(id).and_then(|(piece, _)| vocab.get(piece)).copied().unwrap_or(unknown))
            .collect();
        let target_language = match &files.config {
            Some(path) => {
                let bytes = std::fs::read(path).map_err(|error| file_error(path, error))?;
                let config: serde_json::Value =
                    serde_json::from_slice(&bytes).map_err(|error| file_error(path, error))?;
                config.get("target_lang").and_then(serde_json::Value::as_str).map(str::to_string)
            }
            None => None,
        };
        Ok(MarianTokenizer {
            source,
            target,
            vocab,
            target_vocab,
            ids,
            spellings,
            codes,
            target_language,
            unknown,
            end,
            decoder_start,
        })
    }

    /// The target languages the model can be told, as its own codes (`ukr`); empty for a model with one target.
    pub fn language_codes(&self) -> impl ExactSizeIterator<Item = &str> {
        self.codes.keys().map(String::as_str)
    }

    /// The token that ends source and answer.
    pub fn end(&self) -> TokenId {
        self.end
    }

    /// The token for what the vocabulary lacks.
    pub fn unknown(&self) -> TokenId {
        self.unknown
    }

    /// The language token for a target; `None` for a model with one target.
    fn language_token(&self, to: Language) -> Result<Option<TokenId>, TokenizeError> {
        if self.codes.is_empty() {
            // A model with one target may name it. Names of groups (`zle`) and unknown names say nothing.
            let named = self.target_language.as_deref().and_then(|name| {
                let tag = CODES.iter().find(|(tag, codes)| *tag == name || codes.contains(&name));
                tag.map(|(tag, _)| *tag)
            });
            return match named {
                Some(tag) if !codes_of(to).any(|code| code == tag) => {
                    Err(TokenizeError::Task(format!("it translates into {tag} only, asked for {to}")))
                }
                _ => Ok(None),
            };
        }
        if let Some(id) = codes_of(to).find_map(|code| self.codes.get(code.as_ref())) {
            return Ok(Some(*id));
        }
        // A language that is there in a script of its own (`kor_Hang`).
        for code in codes_of(to) {
            let script = format!("{code}_");
            if let Some((_, id)) = self.codes.range(script.clone()..).find(|(name, _)| name.starts_with(&script)) {
                return Ok(Some(*id));
            }
        }
        let mut known: Vec<&str> = self.codes.keys().map(String::as_str).take(SHOWN).collect();
        let more = format!("and {} more", self.codes.len().saturating_sub(SHOWN));
        if self.codes.len() > SHOWN {
            known.push(&more);
        }
        Err(TokenizeError::Task(format!(
            "it cannot translate into {to}; its target languages are {}",
            known.join(", ")
        )))
    }

    /// The spelling of an id of the answer, if it is text.
    fn text_of(&self, id: TokenId) -> Option<&str> {
        self.spellings.get(id as usize).map(String::as_str).filter(|piece| !piece.is_empty())
    }

    /// The ids of a text, without language and end token.
    fn text_ids(&self, text: &str) -> Vec<TokenId> {
        let encoding = self.source.encode(text);
        let id = |(id, spelling): (u32, Cow<'_, str>)| {
            // What the source model does not know may be a piece of the target's, which the vocabulary numbers too.
            match self.source.piece(id) {
                Some((_, PieceKind::Unknown)) => self.vocab.get(&*spelling).copied().unwrap_or(self.unknown),
                _ => self.ids[id as usize],
            }
        };
        encoding.pieces().map(id).collect()
    }
}

impl Tokenizer for MarianTokenizer {
    fn encode(&self, text: &str, task: &Task) -> Result<Prompt, TokenizeError> {
        let (Task::Translate { to, .. } | Task::Retranslate { to, .. }) = *task else {
            return Err(TokenizeError::Task("a translation model cannot summarize".to_string()));
        };
        let mut source = Vec::from_iter(self.language_token(to)?);
        source.extend(self.text_ids(text));
        source.push(self.end);
        Ok(Prompt {
            source,
            prefix: vec![self.decoder_start],
            shared: 0,
            allowed: classes::allowed(text, to),
            constraints: Vec::new(),
        })
    }

    fn decode(&self, ids: &[TokenId]) -> String {
        let pieces = ids.iter().filter_map(|&id| self.text_of(id));
        // A piece that the target model does not have stands for itself, with its mark for a space.
        self.target.decode_pieces(pieces).replace(SPACE_MARK, " ").trim().to_string()
    }

    fn source_spans(&self, text: &str, task: &Task) -> Option<Vec<Range<usize>>> {
        let (Task::Translate { to, .. } | Task::Retranslate { to, .. }) = *task else { return None };
        let mut spans = Vec::from_iter(self.language_token(to).ok()?.map(|_| 0..0));
        spans.extend(self.source.encode_traced(text).1);
        spans.push(text.len()..text.len());
        Some(spans)
    }

    fn target_spans(&self, ids: &[TokenId]) -> Option<Vec<Range<usize>>> {
        let (marked, mut spans) = self.target.decode_pieces_traced(ids.iter().filter_map(|&id| self.text_of(id)));
        let marks: Vec<usize> = marked.match_indices(SPACE_MARK).map(|(at, _)| at).collect();
        let shorter = SPACE_MARK.len_utf8() - 1;
        let place = |at: usize| at - shorter * marks.partition_point(|&mark| mark < at);
        for span in &mut spans {
            *span = place(span.start)..place(span.end);
        }
        let (_, spans) = trimmed(&marked.replace(SPACE_MARK, " "), spans);
        Some(spread(spans, ids.iter().map(|&id| self.text_of(id).is_some())))
    }

    fn target_ids(&self, text: &str) -> Option<Vec<TokenId>> {
        let vocab = self.target_vocab.as_ref().unwrap_or(&self.vocab);
        let piece = |id| self.target.piece(id).and_then(|(piece, _)| vocab.get(piece).copied());
        let ids: Option<Vec<TokenId>> = self.target.encode(text).ids().map(piece).collect();
        ids.filter(|ids| ids.iter().all(|&id| self.text_of(id).is_some()))
    }

    fn target_piece(&self, id: TokenId) -> Option<&str> {
        self.text_of(id)
    }

    fn spells_answers(&self) -> bool {
        true
    }

    fn token_classes(&self) -> Vec<TokenClasses> {
        let pieces: HashSet<&str> =
            (0..self.target.len() as u32).filter_map(|id| self.target.piece(id)).map(|(piece, _)| piece).collect();
        let characters: HashSet<char> = pieces
            .iter()
            .filter_map(|piece| {
                let mut characters = piece.chars();
                characters.next().filter(|_| characters.next().is_none())
            })
            .collect();
        let class = |spelling: &String| {
            // A piece of the source's alone. The target's tokenizer would spell the same text in pieces of its own, if it
            // has all of its characters: no answer that the network was trained on holds it.
            let foreign = !spelling.is_empty() && !pieces.contains(spelling.as_str());
            let never = foreign && spelling.chars().all(|c| characters.contains(&c));
            TokenClasses(classes::of_text(spelling).0 | if never { classes::NEVER.0 } else { 0 })
        };
        self.spellings.iter().map(class).collect()
    }

    fn count(&self, text: &str) -> usize {
        self.source.encode(text).ids().len()
    }
}
