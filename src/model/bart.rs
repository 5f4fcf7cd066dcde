//! BART and its relatives mBART and PEGASUS: summarizers and a many-to-many translator.
//!
//! Reads `config.json` and `generation_config.json` and says what the network is and what its tensors are called; the network
//! itself is [`EncoderDecoder`]. What a field means, and its default, is as in `transformers` (`modeling_bart.py`,
//! `modeling_mbart.py`, `modeling_pegasus.py`). Fields of older configurations that say where norms stand are checked: each of
//! the three has one answer.

use super::checkpoint::{Configuration, Files, Sizes, SpecialTokens};
use super::encoder_decoder::{
    Architecture, AttentionScale, Description, EncoderDecoder, Expansion, FirstInput, History, Layout, Names,
    NormOrder, Positions, Stack,
};
use super::layers::NormKind;
use super::{LoadOptions, ModelError};
use crate::kernels::int8::Activations;
use crate::token::TokenClasses;

/// Rows of the table of learned positions before that of the first position.
const LEARNED_OFFSET: usize = 2;

/// What sets the three apart.
struct Kind {
    name: &'static str,
    /// Fields of older configurations with the only value there is.
    flags: &'static [(&'static str, bool)],
    norm_order: NormOrder,
    embedding_norm: bool,
    final_norm: bool,
    positions: Positions,
    vocab: usize,
    tokens: SpecialTokens,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "bart",
        flags: &[
            ("normalize_before", false),
            ("normalize_embedding", true),
            ("add_final_layer_norm", false),
            ("static_position_embeddings", false),
        ],
        norm_order: NormOrder::Post,
        embedding_norm: true,
        final_norm: false,
        positions: Positions::Learned { first: LEARNED_OFFSET },
        vocab: 50_265,
        tokens: SpecialTokens { eos: 2, decoder_start: 2, forced_eos: Some(2) },
    },
    Kind {
        name: "mbart",
        flags: &[
            ("normalize_before", true),
            ("normalize_embedding", true),
            ("add_final_layer_norm", true),
            ("static_position_embeddings", false),
        ],
        norm_order: NormOrder::Pre,
        embedding_norm: true,
        final_norm: true,
        positions: Positions::Learned { first: LEARNED_OFFSET },
        vocab: 50_265,
        tokens: SpecialTokens { eos: 2, decoder_start: 2, forced_eos: Some(2) },
    },
    Kind {
        name: "pegasus",
        flags: &[
            ("normalize_before", true),
            ("normalize_embedding", false),
            ("add_final_layer_norm", true),
            ("static_position_embeddings", true),
        ],
        norm_order: NormOrder::Pre,
        embedding_norm: false,
        final_norm: true,
        positions: Positions::Sinusoidal,
        vocab: 50_265,
        tokens: SpecialTokens { eos: 1, decoder_start: 0, forced_eos: Some(1) },
    },
];

/// What the configuration of a checkpoint says.
///
/// # Errors
/// A file of the configuration cannot be read, or a field is not supported: it is named with its value.
pub fn describe(files: &Files) -> Result<Description, ModelError> {
    described(&Configuration::read(files)?)
}

/// Loads a checkpoint: packed for the CPU, in plain Candle operations on other devices. `classes` are those of the tokens, by
/// which a request limits what is answered, or empty.
///
/// # Errors
/// As [`describe`] and [`EncoderDecoder::open`].
pub fn load(files: &Files, options: &LoadOptions, classes: &[TokenClasses]) -> Result<EncoderDecoder, ModelError> {
    EncoderDecoder::open(&files.weights, describe(files)?, (options, classes))
}

fn described(configuration: &Configuration) -> Result<Description, ModelError> {
    let config = configuration.fields();
    let model_type = config.text("model_type", "bart")?;
    let Some(kind) = KINDS.iter().find(|kind| kind.name == model_type) else {
        return Err(config.unsupported("model_type", "expected bart, mbart or pegasus"));
    };
    config.expect(&[kind.name], kind.flags)?;
    config.expect(&[kind.name], &[("is_encoder_decoder", true), ("add_bias_logits", false)])?;
    let vocab = config.size("vocab_size", kind.vocab)?;
    let width = config.size("d_model", 1024)?;
    let architecture = Architecture {
        width,
        encoder: Stack::read(&config, "encoder", width)?,
        decoder: Stack::read(&config, "decoder", width)?,
        source_vocab: vocab,
        target_vocab: vocab,
        positions: config.positions("max_position_embeddings", 1024)?,
        position_kind: kind.positions,
        embedding_scale: if config.flag("scale_embedding", false)? { (width as f32).sqrt() } else { 1.0 },
        activation: config.activation("activation_function", "gelu")?,
        norm_order: kind.norm_order,
        embedding_norm: kind.embedding_norm,
        final_norm: kind.final_norm,
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
    let sizes = Sizes { vocab, positions: architecture.positions };
    let (spec, defaults) = configuration.search(kind.name, sizes, kind.tokens)?;
    let tied = config.flag("tie_word_embeddings", true)?;
    let names = Names::with_one_table("model.", tied, Layout::Fairseq);
    Ok(Description { architecture, names, spec, defaults, auto: Activations::Bits8 })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::layers::Activation;

    fn parse(config: &str, generation: Option<&str>) -> Result<Description, ModelError> {
        described(&Configuration::parse(config, generation))
    }

    fn check_refused(config: &str, field: &str, value: &str) {
        let message = parse(config, None).unwrap_err().to_string();
        assert!(message.contains(&format!("field {field} = {value};")), "{message}");
    }

    #[test]
    fn norms_and_positions_are_those_of_the_kind() {
        let of = |config: &str| {
            let Architecture { norm_order, embedding_norm, final_norm, position_kind, .. } =
                parse(config, None).unwrap().architecture;
            (norm_order, embedding_norm, final_norm, position_kind)
        };
        let learned = Positions::Learned { first: 2 };
        assert_eq!(of(r#"{"model_type": "bart"}"#), (NormOrder::Post, true, false, learned));
        assert_eq!(of(r#"{"model_type": "mbart"}"#), (NormOrder::Pre, true, true, learned));
        assert_eq!(of(r#"{"model_type": "pegasus"}"#), (NormOrder::Pre, false, true, Positions::Sinusoidal));
    }

    /// The fields of the published bart-large-cnn.
    #[test]
    fn a_published_configuration_says_how_to_search() {
        let config = r#"{"model_type": "bart", "vocab_size": 50264, "d_model": 1024, "bos_token_id": 0,
            "decoder_start_token_id": 2, "eos_token_id": 2, "forced_bos_token_id": 0, "forced_eos_token_id": 2,
            "activation_function": "gelu", "early_stopping": true, "length_penalty": 2.0, "max_length": 142,
            "min_length": 56, "no_repeat_ngram_size": 3, "num_beams": 4, "normalize_before": false,
            "add_final_layer_norm": false, "normalize_embedding": true, "scale_embedding": false, "pad_token_id": 1}"#;
        let Description { architecture, spec, defaults, .. } = parse(config, None).unwrap();
        assert_eq!(
            (architecture.activation, spec.max_target_tokens, spec.forced_eos),
            (Activation::Gelu, 142, Some(2))
        );
        assert_eq!((defaults.forced_bos, defaults.bos, defaults.pad), (Some(0), Some(0), Some(1)));
        assert_eq!((defaults.num_beams, defaults.min_length, defaults.no_repeat_ngram_size), (4, 56, 3));
        assert!(defaults.early_stopping && (defaults.length_penalty - 2.0).abs() < f32::EPSILON);
        let older = config.replace(r#""forced_bos_token_id": 0"#, r#""force_bos_token_to_be_generated": true"#);
        assert_eq!(parse(&older, None).unwrap().defaults.forced_bos, Some(0));
        // A generation_config.json alone says, if there is one.
        assert_eq!(parse(&older, Some("{}")).unwrap().defaults.forced_bos, None);
    }

    #[test]
    fn what_changes_the_mathematics_is_refused_by_name_and_value() {
        check_refused(r#"{"model_type": "marian"}"#, "model_type", "\"marian\"");
        check_refused(r#"{"model_type": "bart", "normalize_before": true}"#, "normalize_before", "true");
        check_refused(
            r#"{"model_type": "bart", "static_position_embeddings": true}"#,
            "static_position_embeddings",
            "true",
        );
        check_refused(r#"{"model_type": "mbart", "normalize_before": false}"#, "normalize_before", "false");
        check_refused(r#"{"model_type": "pegasus", "normalize_embedding": true}"#, "normalize_embedding", "true");
        check_refused(r#"{"model_type": "bart", "activation_function": "mish"}"#, "activation_function", "\"mish\"");
        check_refused(r#"{"model_type": "bart", "scale_embedding": "yes"}"#, "scale_embedding", "\"yes\"");
        check_refused(r#"{"model_type": "bart", "early_stopping": "never"}"#, "early_stopping", "\"never\"");
        let quantized = r#"{"model_type": "bart", "quantization_config": {"bits": 8}}"#;
        check_refused(quantized, "quantization_config", "{\"bits\":8}");
        check_refused(r#"{"model_type": "bart", "encoder_attention_heads": 7}"#, "encoder_attention_heads", "7");
    }
}
