//! Marian: the translation models of OPUS-MT, base and big, with one vocabulary or two.
//!
//! Reads `config.json` and `generation_config.json` and says what the network is and what its tensors are called; the network
//! itself is [`EncoderDecoder`]. What a field means, and its default, is as in `transformers`.

use super::checkpoint::{Configuration, Sizes, SpecialTokens};
use super::encoder_decoder::{
    Architecture, AttentionScale, Description, EncoderDecoder, Expansion, FirstInput, History, Layout, Names,
    NormOrder, Positions, Stack,
};
use super::layers::NormKind;
use super::{Ask, Candidates, LoadOptions, Model, ModelError, Request, Spec, State};
use crate::kernels::int8::Activations;
use crate::token::{TokenClasses, TokenId};

pub use super::checkpoint::{Files, GenerationDefaults};

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
    Ok(describe(&Configuration::read(files)?)?.defaults)
}

/// As [`load`], with the classes of the tokens, by which a request limits what is answered.
///
/// # Errors
/// As [`load`].
pub fn load_classified(files: &Files, options: &LoadOptions, classes: &[TokenClasses]) -> Result<Marian, ModelError> {
    let description = describe(&Configuration::read(files)?)?;
    let defaults = description.defaults.clone();
    Ok(Marian { network: EncoderDecoder::open(&files.weights, description, (options, classes))?, defaults })
}

/// As [`load`], but with plain Candle operations on the CPU too: slow, and the reference for [`load`].
///
/// # Errors
/// As [`load`].
pub fn load_plain(files: &Files, options: &LoadOptions) -> Result<Marian, ModelError> {
    let description = describe(&Configuration::read(files)?)?;
    let defaults = description.defaults.clone();
    Ok(Marian { network: EncoderDecoder::open_plain(&files.weights, description, options)?, defaults })
}

/// What the configuration files say.
fn describe(configuration: &Configuration) -> Result<Description, ModelError> {
    let config = configuration.fields();
    config.expect(
        &["marian"],
        &[
            ("normalize_before", false),
            ("normalize_embedding", false),
            ("add_final_layer_norm", false),
            ("add_bias_logits", false),
            ("static_position_embeddings", true),
            ("is_encoder_decoder", true),
        ],
    )?;
    let vocab = config.size("vocab_size", 58_101)?;
    let shared = config.flag("share_encoder_decoder_embeddings", true)?;
    let tied = config.flag("tie_word_embeddings", true)?;
    let target_vocab = if shared { vocab } else { config.optional_size("decoder_vocab_size")?.unwrap_or(vocab) };
    let width = config.size("d_model", 1024)?;
    let architecture = Architecture {
        width,
        encoder: Stack::read(&config, "encoder", width)?,
        decoder: Stack::read(&config, "decoder", width)?,
        source_vocab: vocab,
        target_vocab,
        positions: config.positions("max_position_embeddings", 1024)?,
        position_kind: Positions::Sinusoidal,
        embedding_scale: if config.flag("scale_embedding", false)? { (width as f32).sqrt() } else { 1.0 },
        activation: config.activation("activation_function", "gelu")?,
        norm_order: NormOrder::Post,
        embedding_norm: false,
        final_norm: false,
        linear_bias: true,
        expansion: Expansion::Plain,
        norm_kind: NormKind::Layer,
        norm_epsilon: 1e-5,
        attention_scale: AttentionScale::InverseRoot,
        relative: None,
        output_scale: 1.0,
        history: History::SelfAttention,
        first_input: FirstInput::Token,
        aligned: None,
    };
    let sizes = Sizes { vocab: target_vocab, positions: architecture.positions };
    let tokens = SpecialTokens { eos: 0, decoder_start: 58_100, forced_eos: Some(0) };
    let (spec, defaults) = configuration.search("marian", sizes, tokens)?;
    Ok(Description { architecture, names: names(shared, tied), spec, defaults, auto: Activations::Bits8 })
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
        layout: Layout::Fairseq,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::layers::Activation;

    fn parse(config: &str, generation: Option<&str>) -> Result<Description, ModelError> {
        describe(&Configuration::parse(config, generation))
    }

    fn check_refused(config: &str, field: &str, value: &str) {
        let message = parse(config, None).unwrap_err().to_string();
        assert!(message.contains(&format!("field {field} = {value};")), "{message}");
    }

    #[test]
    fn an_empty_config_has_the_defaults_of_transformers() {
        let config = parse("{}", None).unwrap();
        assert_eq!(config.architecture.width, 1024);
        assert_eq!(config.architecture.encoder, Stack { layers: 12, heads: 16, head_dim: 64, inner: 4096 });
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
        check_refused(r#"{"activation_function": "mish"}"#, "activation_function", "\"mish\"");
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
