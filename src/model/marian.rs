//! Marian: the translation models of OPUS-MT, base and big, with one vocabulary or two.
//!
//! Reads `config.json` and `generation_config.json` and says what the network is and what its tensors are called; the network
//! itself is [`EncoderDecoder`]. What a field means, and its default, is as in `transformers`.

use super::encoder_decoder::{
    Answers, Architecture, EncoderDecoder, FirstInput, History, Names, NormOrder, Positions, Stack,
};
use super::layers::Activation;
use super::weights::Weights;
use super::{Ask, Candidates, Keep, LoadOptions, Model, ModelError, Precision, Request, Spec, State};
use crate::kernels::int8::Activations;
use crate::token::{TokenClasses, TokenId};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Largest size that is believed of a configuration; the shapes of the tensors decide in the end.
const LARGEST: usize = 1 << 20;

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

/// How the checkpoint wants to be searched.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationDefaults {
    /// Number of hypotheses kept at each step.
    pub num_beams: usize,
    /// Longest answer in tokens, with its start and its end token.
    pub max_length: usize,
    /// Exponent of the length by which a hypothesis' log-probability is divided.
    pub length_penalty: f32,
    /// n-grams of this length may not repeat; 0 for no limit.
    pub no_repeat_ngram_size: usize,
    /// Divides or multiplies the logits of tokens seen before; 1 for none.
    pub repetition_penalty: f32,
    /// The token an answer starts from.
    pub decoder_start: TokenId,
    /// The token that ends a source.
    pub eos: TokenId,
    /// The token that pads a batch; the network itself never sees one.
    pub pad: Option<TokenId>,
}

/// A Marian model.
#[derive(Debug)]
pub struct Marian {
    network: EncoderDecoder,
    defaults: GenerationDefaults,
}

impl Marian {
    /// How the checkpoint wants to be searched.
    pub fn generation_defaults(&self) -> &GenerationDefaults {
        &self.defaults
    }
}

impl Model for Marian {
    fn spec(&self) -> &Spec {
        self.network.spec()
    }

    fn start(&self, batch: &[Request<'_>]) -> Result<Box<dyn State>, ModelError> {
        self.network.start(batch)
    }

    fn step(&self, last: &[TokenId], state: &mut dyn State, ask: &Ask<'_>) -> Result<Vec<Candidates>, ModelError> {
        self.network.step(last, state, ask)
    }
}

/// Loads a checkpoint: packed for the CPU, in plain Candle operations on other devices.
///
/// # Errors
/// A file cannot be read or is damaged, a field of the configuration is not supported (it is named with its value), a tensor
/// is missing or has another shape (all are named), or the device failed.
pub fn load(files: &Files, options: &LoadOptions) -> Result<Marian, ModelError> {
    load_classified(files, options, &[])
}

/// How a checkpoint wants to be searched, without loading it.
///
/// # Errors
/// A file of the configuration cannot be read, or a field is not supported.
pub fn generation_defaults(files: &Files) -> Result<GenerationDefaults, ModelError> {
    Ok(Config::read(files)?.defaults)
}

/// As [`load`], with the classes of the tokens, by which a request limits what is answered.
///
/// # Errors
/// As [`load`].
pub fn load_classified(files: &Files, options: &LoadOptions, classes: &[TokenClasses]) -> Result<Marian, ModelError> {
    let config = Config::read(files)?;
    let answers = Answers { classes, shortlist: None };
    if options.device.is_cpu() && options.precision != Precision::F32 {
        let image = files.weights.first().filter(|_| options.keep == Keep::BesideWeights);
        let image = image.map(|weights| weights.with_extension("tlumach-int8"));
        let description = (&config.architecture, &config.names);
        let activations = if options.precision == Precision::W8A16 { Activations::Bits16 } else { Activations::Bits8 };
        let network = EncoderDecoder::load_int8(
            &files.weights,
            description,
            config.spec,
            (image.as_deref(), activations, answers),
        )?;
        return Ok(Marian { network, defaults: config.defaults });
    }
    let weights = Weights::open(&files.weights)?;
    let network =
        EncoderDecoder::load(&weights, (&config.architecture, &config.names), config.spec, (options, answers))?;
    Ok(Marian { network, defaults: config.defaults })
}

/// As [`load`], but with plain Candle operations on the CPU too: slow, and the reference for [`load`].
///
/// # Errors
/// As [`load`].
pub fn load_plain(files: &Files, options: &LoadOptions) -> Result<Marian, ModelError> {
    let config = Config::read(files)?;
    let weights = Weights::open(&files.weights)?;
    let network =
        EncoderDecoder::load_plain(&weights, (&config.architecture, &config.names), config.spec, (options, None))?;
    Ok(Marian { network, defaults: config.defaults })
}

/// What the configuration files say.
#[derive(Debug)]
struct Config {
    architecture: Architecture,
    names: Names,
    spec: Spec,
    defaults: GenerationDefaults,
}

impl Config {
    fn read(files: &Files) -> Result<Config, ModelError> {
        let config = read_object(&files.config)?;
        let generation = files.generation_config.as_deref().map(read_object).transpose()?;
        Config::new(&Fields(&config), generation.as_ref().map(Fields).as_ref())
    }

    fn new(config: &Fields<'_>, generation: Option<&Fields<'_>>) -> Result<Config, ModelError> {
        refuse_what_is_not_implemented(config)?;
        let vocab = config.size("vocab_size", 58_101)?;
        let shared = config.flag("share_encoder_decoder_embeddings", true)?;
        let tied = config.flag("tie_word_embeddings", true)?;
        let target_vocab = if shared { vocab } else { config.optional_size("decoder_vocab_size")?.unwrap_or(vocab) };
        let width = config.size("d_model", 1024)?;
        let stack = |side: &str| -> Result<Stack, ModelError> {
            let heads = config.size(&format!("{side}_attention_heads"), 16)?;
            if !width.is_multiple_of(heads) {
                return Err(config
                    .unsupported(&format!("{side}_attention_heads"), &format!("d_model {width} must be a multiple")));
            }
            Ok(Stack {
                layers: config.size(&format!("{side}_layers"), 12)?,
                heads,
                inner: config.size(&format!("{side}_ffn_dim"), 4096)?,
            })
        };
        let architecture = Architecture {
            width,
            encoder: stack("encoder")?,
            decoder: stack("decoder")?,
            source_vocab: vocab,
            target_vocab,
            positions: config.size("max_position_embeddings", 1024)?,
            position_kind: Positions::Sinusoidal,
            embedding_scale: if config.flag("scale_embedding", false)? { (width as f32).sqrt() } else { 1.0 },
            activation: match config.text("activation_function", "gelu")?.as_str() {
                "swish" | "silu" => Activation::Swish,
                "relu" => Activation::Relu,
                "gelu" => Activation::Gelu,
                _ => return Err(config.unsupported("activation_function", "supported are swish, silu, relu and gelu")),
            },
            norm_order: NormOrder::Post,
            embedding_norm: false,
            final_norm: false,
            linear_bias: true,
            norm_epsilon: 1e-5,
            history: History::SelfAttention,
            first_input: FirstInput::Token,
            aligned: None,
        };

        // Where there is a generation_config.json, it alone says how to search; without, config.json does.
        let search = generation.unwrap_or(config);
        let eos = match search.ids("eos_token_id")? {
            ids if ids.is_empty() => config.ids("eos_token_id")?,
            ids => ids,
        };
        let eos = if eos.is_empty() { vec![0] } else { eos };
        let forced = if generation.is_none() && config.get("forced_eos_token_id").is_none() {
            vec![0]
        } else {
            search.ids("forced_eos_token_id")?
        };
        let max_length = search
            .optional_size("max_length")?
            .or(config.optional_size("max_length")?)
            .unwrap_or(architecture.positions);
        let start =
            match search.ids("decoder_start_token_id")?.first().or(config.ids("decoder_start_token_id")?.first()) {
                Some(&id) => id,
                None => 58_100,
            };
        for (field, id) in
            eos.iter().chain(&forced).map(|&id| ("eos_token_id", id)).chain([("decoder_start_token_id", start)])
        {
            if id as usize >= target_vocab {
                return Err(ModelError::Config {
                    field: field.into(),
                    value: id.to_string(),
                    advice: format!("expected an id below the vocabulary size {target_vocab}"),
                });
            }
        }
        let spec = Spec {
            family: "marian",
            vocab: target_vocab,
            max_source_tokens: architecture.positions,
            max_target_tokens: max_length.min(architecture.positions),
            suppressed: suppressed(search, target_vocab)?,
            has_encoder: true,
            forced_eos: forced.first().copied(),
            renormalize: search.flag("renormalize_logits", false)?,
            eos: eos.clone(),
        };
        let defaults = GenerationDefaults {
            num_beams: search.optional_size("num_beams")?.or(config.optional_size("num_beams")?).unwrap_or(1),
            max_length,
            length_penalty: search.number("length_penalty", 1.0)?,
            no_repeat_ngram_size: search.optional_size("no_repeat_ngram_size")?.unwrap_or(0),
            repetition_penalty: search.number("repetition_penalty", 1.0)?,
            decoder_start: start,
            eos: eos[0],
            pad: match search.ids("pad_token_id")?.first() {
                Some(&id) => Some(id),
                None => config.ids("pad_token_id")?.first().copied(),
            },
        };
        Ok(Config { architecture, names: names(shared, tied), spec, defaults })
    }
}

/// Fields that would change the mathematics, with the only value this network (and that of `transformers`) has.
fn refuse_what_is_not_implemented(config: &Fields<'_>) -> Result<(), ModelError> {
    if config.text("model_type", "marian")? != "marian" {
        return Err(config.unsupported("model_type", "expected marian"));
    }
    for (field, only) in [
        ("normalize_before", false),
        ("normalize_embedding", false),
        ("add_final_layer_norm", false),
        ("add_bias_logits", false),
        ("static_position_embeddings", true),
        ("is_encoder_decoder", true),
    ] {
        if config.flag(field, only)? != only {
            return Err(config.unsupported(field, &format!("only {only} is supported for marian")));
        }
    }
    if config.get("quantization_config").is_some() {
        return Err(config.unsupported("quantization_config", "use the weights in f32 or f16"));
    }
    Ok(())
}

/// The names of `transformers`. With shared embeddings one table serves the source, the target and, if tied, the output, and
/// files keep it under any of its names.
fn names(shared: bool, tied: bool) -> Names {
    let named = |names: &[&str]| names.iter().map(|name| format!("{name}.weight")).collect::<Vec<_>>();
    let target = match (shared, tied) {
        (true, true) => named(&["model.shared", "model.decoder.embed_tokens", "model.encoder.embed_tokens", "lm_head"]),
        (true, false) => named(&["model.shared", "model.decoder.embed_tokens", "model.encoder.embed_tokens"]),
        (false, true) => named(&["model.decoder.embed_tokens", "lm_head"]),
        (false, false) => named(&["model.decoder.embed_tokens"]),
    };
    Names {
        encoder: "model.encoder".into(),
        decoder: "model.decoder".into(),
        source_embedding: if shared { target.clone() } else { named(&["model.encoder.embed_tokens"]) },
        output: if tied { target.clone() } else { named(&["lm_head"]) },
        target_embedding: target,
        output_bias: "final_logits_bias".into(),
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
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    fn unsupported(&self, field: &str, advice: &str) -> ModelError {
        let value = self.get(field).map_or_else(|| "absent".to_string(), Value::to_string);
        ModelError::Config { field: field.into(), value, advice: advice.into() }
    }

    fn optional_size(&self, field: &str) -> Result<Option<usize>, ModelError> {
        match self.get(field) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(size) if size <= LARGEST as u64 => Ok(Some(size as usize)),
                _ => Err(self.unsupported(field, &format!("expected a whole number up to {LARGEST}"))),
            },
        }
    }

    fn size(&self, field: &str, default: usize) -> Result<usize, ModelError> {
        match self.optional_size(field)?.unwrap_or(default) {
            0 => Err(self.unsupported(field, "expected at least 1")),
            size => Ok(size),
        }
    }

    fn flag(&self, field: &str, default: bool) -> Result<bool, ModelError> {
        match self.get(field) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.unsupported(field, "expected true or false")),
        }
    }

    fn number(&self, field: &str, default: f32) -> Result<f32, ModelError> {
        match self.get(field) {
            None => Ok(default),
            Some(value) => match value.as_f64() {
                Some(number) => Ok(number as f32),
                None => Err(self.unsupported(field, "expected a number")),
            },
        }
    }

    fn text(&self, field: &str, default: &str) -> Result<String, ModelError> {
        match self.get(field) {
            None => Ok(default.into()),
            Some(value) => value.as_str().map(str::to_string).ok_or_else(|| self.unsupported(field, "expected a text")),
        }
    }

    /// One id or a list of ids.
    fn ids(&self, field: &str) -> Result<Vec<TokenId>, ModelError> {
        let id = |value: &Value| value.as_u64().and_then(|id| TokenId::try_from(id).ok());
        match self.get(field) {
            None => Some(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(id).collect::<Option<Vec<_>>>(),
            Some(value) => id(value).map(|id| vec![id]),
        }
        .ok_or_else(|| self.unsupported(field, "expected an id or a list of ids"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(config: &str, generation: Option<&str>) -> Result<Config, ModelError> {
        let config: Map<String, Value> = serde_json::from_str(config).unwrap();
        let generation: Option<Map<String, Value>> = generation.map(|text| serde_json::from_str(text).unwrap());
        Config::new(&Fields(&config), generation.as_ref().map(Fields).as_ref())
    }

    fn check_refused(config: &str, field: &str, value: &str) {
        let message = parse(config, None).unwrap_err().to_string();
        assert!(message.contains(&format!("field {field} = {value};")), "{message}");
    }

    #[test]
    fn an_empty_config_has_the_defaults_of_transformers() {
        let config = parse("{}", None).unwrap();
        assert_eq!(config.architecture.width, 1024);
        assert_eq!(config.architecture.encoder, Stack { layers: 12, heads: 16, inner: 4096 });
        assert_eq!(config.architecture.activation, Activation::Gelu);
        assert_eq!(config.spec.vocab, 58_101);
        assert_eq!(config.spec.eos, [0]);
        assert_eq!(config.spec.forced_eos, Some(0));
        assert_eq!(config.defaults.decoder_start, 58_100);
    }

    #[test]
    fn the_generation_config_says_how_to_search() {
        let config = r#"{"vocab_size": 100, "decoder_start_token_id": 99, "num_beams": 4, "max_length": 512,
            "max_position_embeddings": 512, "bad_words_ids": [[99]], "forced_eos_token_id": 0}"#;
        let alone = parse(config, None).unwrap();
        assert_eq!((alone.spec.suppressed, alone.defaults.num_beams, alone.spec.max_target_tokens), (vec![99], 4, 512));
        let both = parse(config, Some(r#"{"num_beams": 6, "max_length": 200, "renormalize_logits": true}"#)).unwrap();
        assert_eq!((both.spec.suppressed, both.defaults.num_beams, both.spec.max_target_tokens), (vec![], 6, 200));
        assert_eq!(both.spec.forced_eos, None);
        assert!(both.spec.renormalize);
    }

    #[test]
    fn two_vocabularies_have_two_embeddings() {
        let config = r#"{"vocab_size": 100, "decoder_vocab_size": 80, "share_encoder_decoder_embeddings": false,
            "decoder_start_token_id": 79}"#;
        let config = parse(config, None).unwrap();
        assert_eq!((config.architecture.source_vocab, config.architecture.target_vocab), (100, 80));
        assert_eq!(config.names.source_embedding, ["model.encoder.embed_tokens.weight"]);
        assert_eq!(config.names.output[0], "model.decoder.embed_tokens.weight");
    }

    #[test]
    fn what_changes_the_mathematics_is_refused_by_name_and_value() {
        check_refused(r#"{"normalize_before": true}"#, "normalize_before", "true");
        check_refused(r#"{"normalize_embedding": true}"#, "normalize_embedding", "true");
        check_refused(r#"{"static_position_embeddings": false}"#, "static_position_embeddings", "false");
        check_refused(r#"{"activation_function": "gelu_new"}"#, "activation_function", "\"gelu_new\"");
        check_refused(r#"{"model_type": "bart"}"#, "model_type", "\"bart\"");
        check_refused(r#"{"quantization_config": {"bits": 8}}"#, "quantization_config", "{\"bits\":8}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name_and_value() {
        check_refused(r#"{"d_model": 0}"#, "d_model", "0");
        check_refused(r#"{"d_model": -5}"#, "d_model", "-5");
        check_refused(r#"{"d_model": 1000000000000}"#, "d_model", "1000000000000");
        check_refused(r#"{"d_model": 512, "encoder_attention_heads": 7}"#, "encoder_attention_heads", "7");
        check_refused(r#"{"scale_embedding": "yes"}"#, "scale_embedding", "\"yes\"");
        check_refused(r#"{"bad_words_ids": [[1, 2]]}"#, "bad_words_ids", "[[1,2]]");
        check_refused(r#"{"vocab_size": 10}"#, "decoder_start_token_id", "58100");
    }
}
