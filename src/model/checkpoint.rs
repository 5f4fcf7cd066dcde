//! The files of a checkpoint as `transformers` writes them, and the fields of its configuration, for all families that come so.
//!
//! What a field means, and its default, is as in `transformers`; which ones a network can do is for the family to say.

use super::layers::Activation;
use super::{ModelError, Spec};
use crate::token::TokenId;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Largest size that is believed of a configuration; the shapes of the tensors decide in the end.
pub(super) const LARGEST: usize = 1 << 20;
/// Most layers of a side, and most positions, that are believed: what has no tensors to check it is made in these numbers.
pub(super) const MOST_LAYERS: usize = 512;
pub(super) const MOST_POSITIONS: usize = 1 << 16;
/// Most hypotheses that a configuration is believed to want.
const MOST_BEAMS: usize = 64;
/// Characters of a value that are shown where it is not supported.
const SHOWN: usize = 200;

/// The files of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `config.json`.
    pub config: PathBuf,
    /// `generation_config.json`, if there is one.
    pub generation_config: Option<PathBuf>,
    /// The weights: one file or all shards.
    pub weights: Vec<PathBuf>,
}

/// How a checkpoint wants to be searched.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationDefaults {
    /// Number of hypotheses kept at each step.
    pub num_beams: usize,
    /// Longest answer in tokens, with its start and its end token.
    pub max_length: usize,
    /// Shortest answer in tokens, likewise; 0 for any.
    pub min_length: usize,
    /// Exponent of the length by which a hypothesis' log-probability is divided.
    pub length_penalty: f32,
    /// n-grams of this length may not repeat; 0 for no limit.
    pub no_repeat_ngram_size: usize,
    /// Divides or multiplies the logits of tokens seen before; 1 for none.
    pub repetition_penalty: f32,
    /// Whether beam search ends as soon as it has as many finished hypotheses as beams.
    pub early_stopping: bool,
    /// The token an answer starts from.
    pub decoder_start: TokenId,
    /// The token that is put behind it, if the configuration names one.
    pub forced_bos: Option<TokenId>,
    /// The token that begins a source, where the family has one.
    pub bos: Option<TokenId>,
    /// The token that ends a source.
    pub eos: TokenId,
    /// The token that pads a batch; the network itself never sees one.
    pub pad: Option<TokenId>,
}

/// Special tokens where no file names them.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpecialTokens {
    pub(super) eos: TokenId,
    pub(super) decoder_start: TokenId,
    pub(super) forced_eos: Option<TokenId>,
}

/// Sizes that limit what is searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Number of tokens that can be answered.
    pub(super) vocab: usize,
    /// Longest source and longest answer, in tokens.
    pub(super) positions: usize,
}

/// The configuration files of a checkpoint.
pub(super) struct Configuration {
    config: Map<String, Value>,
    generation: Option<Map<String, Value>>,
}

impl Configuration {
    pub(super) fn read(files: &Files) -> Result<Configuration, ModelError> {
        Ok(Configuration {
            config: read_object(&files.config)?,
            generation: files.generation_config.as_deref().map(read_object).transpose()?,
        })
    }

    /// For checkpoints that come without: every field has its default.
    pub(super) fn none() -> Configuration {
        Configuration { config: Map::new(), generation: None }
    }

    #[cfg(test)]
    pub(super) fn parse(config: &str, generation: Option<&str>) -> Configuration {
        let object = |text: &str| serde_json::from_str(text).unwrap_or_default();
        Configuration { config: object(config), generation: generation.map(object) }
    }

    pub(super) fn fields(&self) -> Fields<'_> {
        Fields(&self.config)
    }

    /// How to search. Where there is a `generation_config.json`, it alone says; without, `config.json` does.
    pub(super) fn search(
        &self,
        family: &'static str,
        sizes: Sizes,
        tokens: SpecialTokens,
    ) -> Result<(Spec, GenerationDefaults), ModelError> {
        let (config, generation) = (self.fields(), self.generation.as_ref().map(Fields));
        let search = generation.as_ref().unwrap_or(&config);
        let either = |field: &str| -> Result<Vec<TokenId>, ModelError> {
            let ids = search.ids(field)?;
            if ids.is_empty() { config.ids(field) } else { Ok(ids) }
        };
        let mut eos = either("eos_token_id")?;
        if eos.is_empty() {
            eos.push(tokens.eos);
        }
        let forced_eos = if generation.is_none() && config.get("forced_eos_token_id").is_none() {
            tokens.forced_eos
        } else {
            search.ids("forced_eos_token_id")?.first().copied()
        };
        let bos = either("bos_token_id")?.first().copied();
        // The older name of the same thing, in checkpoints of 2020.
        let older = generation.is_none() && config.flag("force_bos_token_to_be_generated", false)?;
        let forced_bos = search.ids("forced_bos_token_id")?.first().copied().or(bos.filter(|_| older));
        let max_length =
            search.optional_size("max_length")?.or(config.optional_size("max_length")?).unwrap_or(sizes.positions);
        let decoder_start = either("decoder_start_token_id")?.first().copied().unwrap_or(tokens.decoder_start);
        let named = [("forced_eos_token_id", forced_eos), ("forced_bos_token_id", forced_bos)];
        let named = named.into_iter().filter_map(|(field, id)| Some((field, id?)));
        let ends = eos.iter().map(|&id| ("eos_token_id", id));
        for (field, id) in ends.chain(named).chain([("decoder_start_token_id", decoder_start)]) {
            if id as usize >= sizes.vocab {
                return Err(ModelError::Config {
                    field: field.into(),
                    value: id.to_string(),
                    advice: format!("expected an id below the vocabulary size {}", sizes.vocab),
                });
            }
        }
        let early_stopping = match search.get("early_stopping") {
            Some(Value::Bool(early)) => *early,
            None => false,
            Some(_) => return Err(search.unsupported("early_stopping", "supported are true and false")),
        };
        let spec = Spec {
            family,
            vocab: sizes.vocab,
            max_source_tokens: sizes.positions,
            max_target_tokens: max_length.min(sizes.positions),
            suppressed: suppressed(search, sizes.vocab)?,
            has_encoder: true,
            forced_eos,
            renormalize: search.flag("renormalize_logits", false)?,
            eos: eos.clone(),
        };
        let num_beams = search.optional_size("num_beams")?.or(config.optional_size("num_beams")?).unwrap_or(1);
        if num_beams > MOST_BEAMS {
            return Err(search.unsupported("num_beams", &format!("expected at most {MOST_BEAMS}")));
        }
        // Fields of the search that are not implemented, with the values at which they do nothing.
        for field in ["suppress_tokens", "begin_suppress_tokens"] {
            if search.get(field).is_some_and(|value| value.as_array().is_none_or(|list| !list.is_empty())) {
                return Err(search.unsupported(field, "only an empty list is supported"));
            }
        }
        for (field, nothing) in [("encoder_no_repeat_ngram_size", 0), ("num_beam_groups", 1)] {
            if search.optional_size(field)?.is_some_and(|value| value > nothing) {
                return Err(search.unsupported(field, &format!("only {nothing} is supported")));
            }
        }
        let defaults = GenerationDefaults {
            num_beams,
            max_length,
            min_length: search.optional_size("min_length")?.unwrap_or(0),
            length_penalty: search.number("length_penalty", 1.0)?,
            no_repeat_ngram_size: search.optional_size("no_repeat_ngram_size")?.unwrap_or(0),
            repetition_penalty: search.number("repetition_penalty", 1.0)?,
            early_stopping,
            decoder_start,
            forced_bos,
            bos,
            eos: eos[0],
            pad: either("pad_token_id")?.first().copied(),
        };
        Ok((spec, defaults))
    }
}

/// Tokens that must never be answered.
fn suppressed(search: &Fields<'_>, vocab: usize) -> Result<Vec<TokenId>, ModelError> {
    let advice = "expected lists of one id below the vocabulary size";
    let Some(value) = search.get("bad_words_ids") else { return Ok(Vec::new()) };
    let words = value.as_array().ok_or_else(|| search.unsupported("bad_words_ids", advice))?;
    let mut ids = Vec::with_capacity(words.len());
    for word in words {
        match word.as_array().map(Vec::as_slice) {
            Some([id]) => match id.as_u64() {
                Some(id) if (id as usize) < vocab => ids.push(id as TokenId),
                _ => return Err(search.unsupported("bad_words_ids", advice)),
            },
            _ => return Err(search.unsupported("bad_words_ids", advice)),
        }
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn read_object(path: &Path) -> Result<Map<String, Value>, ModelError> {
    let text = std::fs::read(path).map_err(|source| ModelError::Io { path: path.into(), source })?;
    serde_json::from_slice(&text).map_err(|error| ModelError::Config {
        field: path.display().to_string(),
        value: "damaged".into(),
        advice: format!("expected a JSON object: {error}"),
    })
}

/// The fields of a configuration file; `null` is as good as absent.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    pub(super) fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    pub(super) fn unsupported(&self, field: &str, advice: &str) -> ModelError {
        let mut value = self.get(field).map_or_else(|| "absent".to_string(), Value::to_string);
        if value.chars().count() > SHOWN {
            value = value.chars().take(SHOWN).chain(['…']).collect();
        }
        ModelError::Config { field: field.into(), value, advice: advice.into() }
    }

    pub(super) fn optional_size(&self, field: &str) -> Result<Option<usize>, ModelError> {
        match self.get(field) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(size) if size <= LARGEST as u64 => Ok(Some(size as usize)),
                _ => Err(self.unsupported(field, &format!("expected a whole number up to {LARGEST}"))),
            },
        }
    }

    pub(super) fn size(&self, field: &str, default: usize) -> Result<usize, ModelError> {
        match self.optional_size(field)?.unwrap_or(default) {
            0 => Err(self.unsupported(field, "expected at least 1")),
            size => Ok(size),
        }
    }

    /// The number of layers of a side.
    pub(super) fn layers(&self, field: &str, default: usize) -> Result<usize, ModelError> {
        self.size_up_to(field, default, MOST_LAYERS)
    }

    /// The number of positions.
    pub(super) fn positions(&self, field: &str, default: usize) -> Result<usize, ModelError> {
        self.size_up_to(field, default, MOST_POSITIONS)
    }

    fn size_up_to(&self, field: &str, default: usize, largest: usize) -> Result<usize, ModelError> {
        match self.size(field, default)? {
            size if size <= largest => Ok(size),
            _ => Err(self.unsupported(field, &format!("expected at most {largest}"))),
        }
    }

    pub(super) fn flag(&self, field: &str, default: bool) -> Result<bool, ModelError> {
        match self.get(field) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.unsupported(field, "expected true or false")),
        }
    }

    pub(super) fn number(&self, field: &str, default: f32) -> Result<f32, ModelError> {
        match self.get(field) {
            None => Ok(default),
            Some(value) => match value.as_f64() {
                Some(number) => Ok(number as f32),
                None => Err(self.unsupported(field, "expected a number")),
            },
        }
    }

    pub(super) fn text(&self, field: &str, default: &str) -> Result<String, ModelError> {
        match self.get(field) {
            None => Ok(default.into()),
            Some(value) => value.as_str().map(str::to_string).ok_or_else(|| self.unsupported(field, "expected a text")),
        }
    }

    /// One id or a list of ids.
    pub(super) fn ids(&self, field: &str) -> Result<Vec<TokenId>, ModelError> {
        let id = |value: &Value| value.as_u64().and_then(|id| TokenId::try_from(id).ok());
        match self.get(field) {
            None => Some(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(id).collect::<Option<Vec<_>>>(),
            Some(value) => id(value).map(|id| vec![id]),
        }
        .ok_or_else(|| self.unsupported(field, "expected an id or a list of ids"))
    }

    /// An activation function by its name.
    pub(super) fn activation(&self, field: &str, default: &str) -> Result<Activation, ModelError> {
        let name = self.text(field, default)?;
        let unknown = || self.unsupported(field, &format!("supported are {}", Activation::NAMES));
        Activation::named(&name).ok_or_else(unknown)
    }

    /// Refuses another model type, quantized weights, and flags that would change the mathematics: each with the only value
    /// that the family has.
    pub(super) fn expect(&self, model_types: &[&str], flags: &[(&str, bool)]) -> Result<(), ModelError> {
        let family = model_types.join(" or ");
        if !model_types.contains(&self.text("model_type", model_types[0])?.as_str()) {
            return Err(self.unsupported("model_type", &format!("expected {family}")));
        }
        for &(field, only) in flags {
            if self.flag(field, only)? != only {
                return Err(self.unsupported(field, &format!("only {only} is supported for {family}")));
            }
        }
        if self.get("quantization_config").is_some() {
            return Err(self.unsupported("quantization_config", "use the weights in f32, f16 or bf16"));
        }
        Ok(())
    }
}
