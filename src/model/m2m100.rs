//! M2M100 and what was made of it: NLLB-200 and SMaLL-100, translators from any of their languages into any other.
//!
//! Reads `config.json` and `generation_config.json` and says what the network is and what its tensors are called; the network
//! itself is [`EncoderDecoder`]. What a field means, and its default, is as in `transformers` (`modeling_m2m_100.py`). The three
//! differ in how they are told the languages, which is the tokenizer's business.

use super::checkpoint::{Configuration, Files, Sizes, SpecialTokens};
use super::encoder_decoder::{
    Architecture, AttentionScale, Description, EncoderDecoder, Expansion, FirstInput, History, Layout, Names,
    NormOrder, Positions, Stack,
};
use super::layers::NormKind;
use super::{LoadOptions, ModelError};
use crate::kernels::int8::Activations;
use crate::token::TokenClasses;

/// The position of the first token: those of fairseq begin behind that of its padding token.
const FIRST_POSITION: usize = 2;

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
    config.expect(
        &["m2m_100"],
        &[
            ("is_encoder_decoder", true),
            ("normalize_before", true),
            ("normalize_embedding", false),
            ("add_final_layer_norm", true),
            ("static_position_embeddings", true),
            ("add_bias_logits", false),
        ],
    )?;
    let vocab = config.size("vocab_size", 128_112)?;
    let width = config.size("d_model", 1024)?;
    if !width.is_multiple_of(2) || width < 4 {
        return Err(config.unsupported("d_model", "expected an even number of at least 4: half sines, half cosines"));
    }
    if config.optional_size("pad_token_id")?.unwrap_or(1) != FIRST_POSITION - 1 {
        return Err(config.unsupported("pad_token_id", "only 1 is supported: positions are counted from behind it"));
    }
    let architecture = Architecture {
        width,
        encoder: Stack::read(&config, "encoder", width)?,
        decoder: Stack::read(&config, "decoder", width)?,
        source_vocab: vocab,
        target_vocab: vocab,
        positions: config.positions("max_position_embeddings", 1024)?,
        position_kind: Positions::Marian { first: FIRST_POSITION },
        embedding_scale: if config.flag("scale_embedding", true)? { (width as f32).sqrt() } else { 1.0 },
        activation: config.activation("activation_function", "relu")?,
        norm_order: NormOrder::Pre,
        embedding_norm: false,
        final_norm: true,
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
    let tokens = SpecialTokens { eos: 2, decoder_start: 2, forced_eos: None };
    let (spec, defaults) = configuration.search("m2m100", sizes, tokens)?;
    let tied = config.flag("tie_word_embeddings", true)?;
    let names = Names::with_one_table("model.", tied, Layout::Fairseq);
    Ok(Description { architecture, names, spec, defaults, auto: Activations::Bits8 })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check_refused(config: &str, field: &str, value: &str) {
        let message = described(&Configuration::parse(config, None)).unwrap_err().to_string();
        assert!(message.contains(&format!("field {field} = {value};")), "{message}");
    }

    #[test]
    fn an_empty_config_has_the_defaults_of_transformers() {
        let Description { architecture, spec, defaults, .. } =
            described(&Configuration::parse(r#"{"num_beams": 5, "max_length": 200, "early_stopping": true}"#, None))
                .unwrap();
        assert_eq!((architecture.width, architecture.norm_order), (1024, NormOrder::Pre));
        assert_eq!(architecture.encoder, Stack { layers: 12, heads: 16, head_dim: 64, inner: 4096 });
        assert_eq!((spec.vocab, spec.max_target_tokens, spec.forced_eos), (128_112, 200, None));
        assert_eq!((defaults.decoder_start, defaults.num_beams, defaults.early_stopping), (2, 5, true));
    }

    #[test]
    fn what_changes_the_mathematics_is_refused_by_name_and_value() {
        check_refused(r#"{"model_type": "nllb-moe"}"#, "model_type", "\"nllb-moe\"");
        check_refused(r#"{"normalize_before": false}"#, "normalize_before", "false");
        check_refused(r#"{"activation_function": "gelu_fast"}"#, "activation_function", "\"gelu_fast\"");
        check_refused(r#"{"d_model": 33}"#, "d_model", "33");
        check_refused(r#"{"pad_token_id": 0}"#, "pad_token_id", "0");
        check_refused(r#"{"quantization_config": {"bits": 4}}"#, "quantization_config", "{\"bits\":4}");
    }
}
