//! T5 and its relatives: T5 1.1, flan-T5, mT5, UMT5 and MADLAD-400.
//!
//! Reads `config.json` and `generation_config.json`, or the metadata of a GGUF file ([`describe_gguf`]), and says what the
//! network is and what its tensors are called; the network itself is [`EncoderDecoder`]. What a field means, and its default, is as in `transformers` (`modeling_t5.py`,
//! `modeling_umt5.py`). Positions are known by their distance, norms have no mean, linear layers no bias, scores of attention no
//! scale: the weights were drawn so that none is needed.

mod gguf;

pub use gguf::describe_gguf;

use super::checkpoint::{Configuration, Fields, Files, Sizes, SpecialTokens};
use super::encoder_decoder::{
    Architecture, AttentionScale, Biases, Description, EncoderDecoder, Expansion, FirstInput, History, Layout, Names,
    NormOrder, Positions, Relative, Stack,
};
use super::layers::{Activation, NormKind};
use super::{LoadOptions, ModelError};
use crate::kernels::int8::Activations;
use crate::token::TokenClasses;

/// Longest source and answer in tokens where no field names one. The network itself has no limit; the checkpoints were trained
/// on 512 tokens, and read somewhat more.
const POSITIONS: usize = 1024;
/// Activations between the matrices of these networks have outliers: with 8 bits a row what is small beside them is lost.
const ACTIVATIONS: Activations = Activations::Bits16;

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
    config.expect(&["t5", "mt5", "umt5"], &[("is_encoder_decoder", true)])?;
    let model_type = config.text("model_type", "t5")?;
    // MT5Config and UMT5Config have their own defaults; every published file names all of these fields.
    let is_t5 = model_type == "t5";
    let vocab = config.size("vocab_size", if is_t5 { 32_128 } else { 250_112 })?;
    let width = config.size("d_model", 512)?;
    let (activation, expansion) = feed_forward(&config, if is_t5 { "relu" } else { "gated-gelu" })?;
    let layers = config.layers("num_layers", if is_t5 { 6 } else { 8 })?;
    let encoder = Stack {
        layers,
        heads: config.size("num_heads", if is_t5 { 8 } else { 6 })?,
        head_dim: config.size("d_kv", 64)?,
        inner: config.size("d_ff", if is_t5 { 2048 } else { 1024 })?,
    };
    let buckets = config.size("relative_attention_num_buckets", 32)?;
    let farthest = config.positions("relative_attention_max_distance", 128)?;
    // T5 1.0 shares one matrix and scales what goes into the output; later checkpoints have one of their own.
    let tied = config.flag("tie_word_embeddings", is_t5)?;
    let biases = if model_type == "umt5" { Biases::OfEachLayer } else { Biases::Shared };
    let relative = Relative { buckets, farthest, biases };
    check_relative(relative, |field, advice| config.unsupported(field, advice))?;
    let architecture = network(&Shape {
        vocab,
        width,
        encoder,
        decoder_layers: config.layers("num_decoder_layers", layers)?,
        positions: config.positions("n_positions", POSITIONS)?,
        feed_forward: (activation, expansion),
        norm_epsilon: config.number("layer_norm_epsilon", 1e-6)?,
        relative,
        scaled: tied,
    });
    let sizes = Sizes { vocab, positions: architecture.positions };
    let pad = config.ids("pad_token_id")?.first().copied().unwrap_or(0);
    let tokens = SpecialTokens { eos: 1, decoder_start: pad, forced_eos: None };
    let family = if is_t5 {
        "t5"
    } else if model_type == "mt5" {
        "mt5"
    } else {
        "umt5"
    };
    let (spec, defaults) = configuration.search(family, sizes, tokens)?;
    let names = Names { output_bias: String::new(), ..Names::with_one_table("", tied, Layout::T5) };
    Ok(Description { architecture, names, spec, defaults, auto: ACTIVATIONS })
}

/// What networks of this family differ in.
struct Shape {
    vocab: usize,
    width: usize,
    encoder: Stack,
    decoder_layers: usize,
    /// Longest source and answer that the checkpoint names.
    positions: usize,
    feed_forward: (Activation, Expansion),
    norm_epsilon: f32,
    relative: Relative,
    /// Whether what goes into the output is divided by the root of the width.
    scaled: bool,
}

fn network(shape: &Shape) -> Architecture {
    let Shape { vocab, width, encoder, .. } = *shape;
    Architecture {
        width,
        encoder,
        decoder: Stack { layers: shape.decoder_layers, ..encoder },
        source_vocab: vocab,
        target_vocab: vocab,
        positions: shape.positions.max(POSITIONS),
        position_kind: Positions::None,
        embedding_scale: 1.0,
        activation: shape.feed_forward.0,
        norm_order: NormOrder::Pre,
        embedding_norm: false,
        final_norm: true,
        linear_bias: false,
        expansion: shape.feed_forward.1,
        norm_kind: NormKind::RootMeanSquare,
        norm_epsilon: shape.norm_epsilon,
        attention_scale: AttentionScale::One,
        relative: Some(shape.relative),
        output_scale: if shape.scaled { 1.0 / (width as f32).sqrt() } else { 1.0 },
        history: History::SelfAttention,
        first_input: FirstInput::Token,
        aligned: None,
    }
}

/// Refuses buckets that the rule of distances does not allow; `refused` makes the error of a field and its advice.
fn check_relative(relative: Relative, refused: impl Fn(&str, &str) -> ModelError) -> Result<(), ModelError> {
    let Relative { buckets, farthest, .. } = relative;
    if buckets < 4 || !buckets.is_multiple_of(4) {
        return Err(refused("relative_attention_num_buckets", "expected a multiple of 4"));
    }
    if farthest <= buckets / 2 {
        let advice = format!("expected more than half of relative_attention_num_buckets ({buckets})");
        return Err(refused("relative_attention_max_distance", &advice));
    }
    Ok(())
}

/// Activation, and whether the layer is gated, of `feed_forward_proj`.
fn feed_forward(config: &Fields<'_>, default: &str) -> Result<(Activation, Expansion), ModelError> {
    let name = config.text("feed_forward_proj", default)?;
    let (function, gated) = match name.strip_prefix("gated-") {
        // What T5 1.1 calls so is the approximation.
        Some("gelu") => ("gelu_new", true),
        Some(function) => (function, true),
        None => (name.as_str(), false),
    };
    let unknown = || {
        let advice = format!("supported are {} and the same behind gated-", Activation::NAMES);
        config.unsupported("feed_forward_proj", &advice)
    };
    let activation = Activation::named(function).ok_or_else(unknown)?;
    // Files repeat what feed_forward_proj says; one that contradicts it is not understood.
    if config.flag("is_gated_act", gated)? != gated {
        return Err(config.unsupported("is_gated_act", &format!("feed_forward_proj {name} says {gated}")));
    }
    if config.activation("dense_act_fn", function)? != activation {
        return Err(config.unsupported("dense_act_fn", &format!("feed_forward_proj {name} says {function}")));
    }
    Ok((activation, if gated { Expansion::Gated } else { Expansion::Plain }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(config: &str) -> Result<Description, ModelError> {
        described(&Configuration::parse(config, None))
    }

    fn check_refused(config: &str, field: &str, value: &str) {
        let message = parse(config).unwrap_err().to_string();
        assert!(message.contains(&format!("field {field} = {value};")), "{message}");
    }

    #[test]
    fn only_a_tied_output_is_scaled() {
        let t5 = parse(r#"{"model_type": "t5", "d_model": 64}"#).unwrap();
        assert_eq!(t5.architecture.output_scale.to_bits(), 0.125f32.to_bits());
        assert_eq!(t5.names.output[0], "shared.weight");
        for config in [
            r#"{"model_type": "t5", "d_model": 64, "tie_word_embeddings": false}"#,
            r#"{"model_type": "mt5", "d_model": 64}"#,
            r#"{"model_type": "umt5", "d_model": 64, "tie_word_embeddings": false}"#,
        ] {
            let untied = parse(config).unwrap();
            assert_eq!(untied.architecture.output_scale.to_bits(), 1f32.to_bits(), "{config}");
            assert_eq!(untied.names.output, ["lm_head.weight"]);
        }
    }

    #[test]
    fn gated_and_plain_layers_are_told_by_their_name() {
        let of = |name: &str| {
            let config = format!(r#"{{"feed_forward_proj": "{name}"}}"#);
            parse(&config).map(|description| (description.architecture.activation, description.architecture.expansion))
        };
        assert_eq!(of("relu").unwrap(), (Activation::Relu, Expansion::Plain));
        assert_eq!(of("gelu").unwrap(), (Activation::Gelu, Expansion::Plain));
        assert_eq!(of("gated-gelu").unwrap(), (Activation::GeluTanh, Expansion::Gated));
        assert_eq!(of("gated-silu").unwrap(), (Activation::Swish, Expansion::Gated));
        assert!(of("gated-gated-gelu").is_err());
    }

    #[test]
    fn heads_are_as_wide_as_they_say() {
        let description = parse(r#"{"model_type": "mt5", "d_model": 512, "num_heads": 6, "d_kv": 64}"#).unwrap();
        let Stack { heads, head_dim, .. } = description.architecture.decoder;
        assert_eq!((heads, head_dim), (6, 64));
        assert_eq!(description.spec.max_source_tokens, 1024);
        assert_eq!((description.defaults.decoder_start, description.defaults.eos), (0, 1));
    }

    #[test]
    fn what_changes_the_mathematics_is_refused_by_name_and_value() {
        check_refused(r#"{"model_type": "longt5"}"#, "model_type", "\"longt5\"");
        check_refused(r#"{"feed_forward_proj": "gated-mish"}"#, "feed_forward_proj", "\"gated-mish\"");
        check_refused(r#"{"feed_forward_proj": "relu", "is_gated_act": true}"#, "is_gated_act", "true");
        check_refused(r#"{"feed_forward_proj": "relu", "dense_act_fn": "gelu"}"#, "dense_act_fn", "\"gelu\"");
        check_refused(r#"{"relative_attention_num_buckets": 30}"#, "relative_attention_num_buckets", "30");
        check_refused(r#"{"relative_attention_max_distance": 16}"#, "relative_attention_max_distance", "16");
        check_refused(r#"{"quantization_config": {"bits": 8}}"#, "quantization_config", "{\"bits\":8}");
        check_refused(r#"{"is_encoder_decoder": false}"#, "is_encoder_decoder", "false");
    }
}
