//! From verified files to a loaded model with its tokenizer: the only place that names families.

mod causal;
mod seq2seq;

use super::{Card, Family, ModelFiles, Role};
use crate::language::Language;
use crate::model::echo::Echo;
use crate::model::{LoadOptions, Model, ModelError, bergamot, marian};
use crate::tokenize::bergamot::BergamotTokenizer;
use crate::tokenize::echo::EchoTokenizer;
use crate::tokenize::marian::MarianTokenizer;
use crate::tokenize::{TokenizeError, Tokenizer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A model that is ready to run.
pub struct Loaded {
    /// Name of its card, or its path.
    pub name: String,
    /// The network.
    pub model: Arc<dyn Model>,
    /// Its tokenizer.
    pub tokenizer: Arc<dyn Tokenizer>,
    /// Beams when the job does not say.
    pub default_beams: usize,
    /// Exponent of the length in the score of a hypothesis.
    pub length_penalty: f32,
    /// Source tokens after which a text is cut, without the end token, if that is less than the network allows.
    pub source_limit: Option<usize>,
    /// Texts that a worker answers at a time in greedy search, where the usual number is not the best.
    pub rows: Option<usize>,
    /// Rules of the search that the checkpoint wants.
    pub search: SearchDefaults,
    /// Languages in which it writes acceptable text of its own; `None` for all.
    pub writes_well: Option<Vec<Language>>,
    /// Commit on the Hub.
    pub revision: Option<String>,
    /// Licence.
    pub license: Option<String>,
    /// Hash of each file, as verified.
    pub sha256: BTreeMap<String, String>,
}

/// Rules of the search that a checkpoint wants, beside beams and length penalty.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SearchDefaults {
    /// Shortest sequence of prefix and answer in tokens; 0 for any.
    pub min_length: usize,
    /// n-grams of this length may not repeat; 0 for no limit.
    pub no_repeat_ngram: usize,
    /// Whether beam search ends as soon as it has as many finished hypotheses as beams.
    pub early_stopping: bool,
    /// Divides or multiplies the logits of tokens seen before; none for the usual 1.
    pub repetition_penalty: Option<f32>,
}

impl Loaded {
    /// Whether the model writes acceptable text in a language.
    pub fn writes_well(&self, language: Language) -> bool {
        self.writes_well.as_ref().is_none_or(|languages| languages.contains(&language))
    }
}

/// A model that could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file that the family needs.
    #[error(
        "model {name}: no {role} file: expected one in its folder; fetch the model again with `tlumach models pull`"
    )]
    Missing {
        /// Name of the model.
        name: String,
        /// Which file.
        role: &'static str,
    },
    /// Configuration or weights.
    #[error("model {name}: {source}")]
    Model {
        /// Name of the model.
        name: String,
        /// The reason.
        source: ModelError,
    },
    /// Tokenizer files.
    #[error("model {name}: {source}")]
    Tokenizer {
        /// Name of the model.
        name: String,
        /// The reason.
        source: TokenizeError,
    },
}

/// Sentences longer than this are cut for translation models: they were trained on sentences and lose text beyond.
const MARIAN_SOURCE_TOKENS: usize = 200;

/// Where the reference wraps sentences (`max-length-break`, 128), without their end token.
const BERGAMOT_SOURCE_TOKENS: usize = 127;

/// The matrices of these models are small: more rows gain less in the products than their keys and values cost in the caches.
const BERGAMOT_ROWS: usize = 24;

/// The weightless model.
pub fn echo() -> Loaded {
    Loaded {
        name: "echo".into(),
        model: Arc::new(Echo::default()),
        tokenizer: Arc::new(EchoTokenizer),
        default_beams: 1,
        length_penalty: 1.0,
        source_limit: None,
        rows: None,
        search: SearchDefaults::default(),
        writes_well: None,
        revision: None,
        license: None,
        sha256: BTreeMap::new(),
    }
}

/// Loads a model.
///
/// # Errors
/// A file is missing or damaged, or the configuration asks for something that is not supported.
pub fn load(files: &ModelFiles, options: &LoadOptions) -> Result<Loaded, LoadError> {
    let bad_model = |source| LoadError::Model { name: files.name.clone(), source };
    let bad_tokenizer = |source| LoadError::Tokenizer { name: files.name.clone(), source };
    let parts = match files.family {
        Family::Marian => {
            let network = marian::Files {
                config: need(files, Role::Config)?,
                generation_config: files.one(Role::GenerationConfig).map(Path::to_path_buf),
                weights: files.files.get(&Role::Weights).cloned().unwrap_or_default(),
            };
            let defaults = marian::generation_defaults(&network).map_err(bad_model)?;
            let tokenizer = MarianTokenizer::open(
                &crate::tokenize::marian::Files {
                    vocab: need(files, Role::Vocab)?,
                    target_vocab: files.one(Role::TargetVocab).map(Path::to_path_buf),
                    source: need(files, Role::SourceSpm)?,
                    target: need(files, Role::TargetSpm)?,
                    config: files.one(Role::TokenizerConfig).map(Path::to_path_buf),
                },
                defaults.decoder_start,
            )
            .map_err(bad_tokenizer)?;
            let classes = tokenizer.token_classes();
            let model = marian::load_classified(&network, options, &classes).map_err(bad_model)?;
            Parts {
                model: Arc::new(model),
                tokenizer: Arc::new(tokenizer),
                beams: defaults.num_beams,
                length_penalty: defaults.length_penalty,
                source_limit: Some(MARIAN_SOURCE_TOKENS),
                rows: None,
                search: SearchDefaults::default(),
            }
        }
        Family::Bergamot => {
            let tokenizer = BergamotTokenizer::open(&crate::tokenize::bergamot::Files {
                source: need(files, Role::SourceSpm)?,
                target: files.one(Role::TargetSpm).map(Path::to_path_buf),
            })
            .map_err(bad_tokenizer)?;
            let (source, target) = tokenizer.sizes();
            let classes = tokenizer.token_classes();
            let vocabulary = bergamot::Vocabulary {
                source,
                target,
                shared: tokenizer.is_shared(),
                end: tokenizer.end(),
                unknown: tokenizer.unknown(),
                classes: &classes,
            };
            let network = bergamot::Files {
                model: need(files, Role::Weights)?,
                shortlist: files.one(Role::Shortlist).map(Path::to_path_buf),
            };
            let model = bergamot::load(&network, options, vocabulary).map_err(bad_model)?;
            Parts {
                model: Arc::new(model),
                tokenizer: Arc::new(tokenizer),
                beams: 1,
                length_penalty: 1.0,
                source_limit: Some(BERGAMOT_SOURCE_TOKENS),
                rows: Some(BERGAMOT_ROWS),
                search: SearchDefaults::default(),
            }
        }
        Family::Gemma2 | Family::Gemma3 | Family::HunyuanDense | Family::Llama | Family::Qwen2 | Family::Qwen3 => {
            causal::load(files, options)?
        }
        Family::Bart | Family::Mbart | Family::Pegasus | Family::M2m100 | Family::T5 => seq2seq::load(files, options)?,
    };
    let generation = files.card.map(|card| card.generation).unwrap_or_default();
    Ok(Loaded {
        name: files.name.clone(),
        model: parts.model,
        tokenizer: parts.tokenizer,
        default_beams: generation.beams.unwrap_or(parts.beams).max(1),
        length_penalty: generation.length_penalty.unwrap_or(parts.length_penalty),
        source_limit: parts.source_limit,
        rows: parts.rows,
        search: SearchDefaults {
            repetition_penalty: generation.repetition_penalty.or(parts.search.repetition_penalty),
            ..parts.search
        },
        writes_well: files.card.map(|card: &Card| card.writes_well.clone()),
        revision: files.revision.clone(),
        license: files.license.clone(),
        sha256: files.sha256.clone(),
    })
}

struct Parts {
    model: Arc<dyn Model>,
    tokenizer: Arc<dyn Tokenizer>,
    beams: usize,
    length_penalty: f32,
    source_limit: Option<usize>,
    rows: Option<usize>,
    search: SearchDefaults,
}

fn need(files: &ModelFiles, role: Role) -> Result<PathBuf, LoadError> {
    files
        .one(role)
        .map(Path::to_path_buf)
        .ok_or_else(|| LoadError::Missing { name: files.name.clone(), role: role.as_str() })
}
