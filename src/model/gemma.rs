//! Gemma 3 (text): metadata or configuration to flags, sizes and tensor names, and nothing else.
//!
//! Reference: `modeling_gemma3.py` of transformers and the `gemma3` graph of llama.cpp. Most layers see a window and have
//! rotary frequencies of their own; only those of the others are stretched. Embeddings are multiplied by the root of
//! their width, norms stand before and behind both blocks, and their weights are stored less one in safetensors.

use candle_core::quantized::gguf_file::Value;
use serde_json::json;

use super::ModelError;
use super::causal_config::{CausalConfig, Defaults, Fields};
use super::causal_gguf;
use super::decoder_only::{Activation, Blueprint, Config, HeadNorm, Rotary, Scaling, Sliding};
use super::gguf::GgufFile;

/// The name in GGUF.
const GGUF: [&str; 1] = ["gemma3"];
/// The name of the text model in `config.json`.
const CONFIG: [&str; 1] = ["gemma3_text"];
/// One of so many layers sees everything, where nothing is said.
const PERIOD: usize = 6;
/// Base of the frequencies of layers with a window, where nothing is said.
const LOCAL_BASE: f64 = 10_000.0;
/// Layers of the one size whose queries are scaled by the width over the heads (27B), which its files do not say.
const LAYERS_27B: usize = 62;

/// What the metadata of a GGUF file says.
///
/// # Errors
/// Another architecture, or metadata that is missing or asks for something that is not implemented.
pub fn blueprint(file: &GgufFile) -> Result<Blueprint, ModelError> {
    const WINDOW: &str = "gemma3.attention.sliding_window";
    const PATTERN: &str = "gemma3.attention.sliding_window_pattern";
    const SCALE: &str = "gemma3.attention.scale";
    const BASE: &str = "gemma3.rope.freq_base_swa";
    let also =
        ["attention.sliding_window", "attention.sliding_window_pattern", "attention.scale", "rope.freq_base_swa"];
    let mut blueprint = causal_gguf::read(file, &GGUF, &also)?;
    let config = &mut blueprint.config;
    set(config);
    if let Some(window) = file.optional_integer(WINDOW)?.filter(|window| *window > 0) {
        let layers = match file.metadata.get(PATTERN) {
            Some(Value::Array(kinds)) => {
                let kind = |kind: &Value| match kind {
                    Value::Bool(sliding) => Ok(*sliding),
                    other => Err(file.wrong(PATTERN, "true or false for each layer", Some(other))),
                };
                kinds.iter().map(kind).collect::<Result<_, _>>()?
            }
            _ => Sliding::but_every(file.optional_integer(PATTERN)?.unwrap_or(PERIOD), config.layers),
        };
        let base = file.optional_number(BASE)?.unwrap_or(LOCAL_BASE);
        config.sliding = Some(Sliding { window, layers, rotary: Rotary { base, scaling: Scaling::None } });
    }
    config.query_scale = match file.optional_number(SCALE)? {
        Some(scale) if scale > 0.0 => Some(scale as f32),
        Some(_) => return Err(file.wrong(SCALE, "a factor above 0", file.metadata.get(SCALE))),
        None if config.layers == LAYERS_27B => {
            Some(1.0 / ((config.hidden / config.heads.queries.max(1)) as f32).sqrt())
        }
        None => None,
    };
    Ok(blueprint)
}

/// What `config.json` says.
///
/// # Errors
/// Another model type, or a field that is missing or asks for something that is not implemented.
pub fn from_config(config: &CausalConfig) -> Result<Blueprint, ModelError> {
    let mut fields = Fields::new(config, &CONFIG)?;
    let mut blueprint = fields.read(&Defaults {
        heads: Some(8),
        key_values: Some(4),
        head_dim: Some(256),
        context: Some(131_072),
        rope_base: 1_000_000.0,
        tied: true,
        activation: ("hidden_activation", "gelu_pytorch_tanh"),
        ..Defaults::default()
    })?;
    let names = &mut blueprint.names;
    names.feed_forward_norm = "pre_feedforward_layernorm";
    let config = &mut blueprint.config;
    set(config);
    config.parts.shifted_norms = true;
    let scalar = fields.number("query_pre_attn_scalar", 256.0)?;
    if scalar <= 0.0 {
        return Err(fields.wrong("query_pre_attn_scalar", "a number above 0"));
    }
    config.query_scale = Some((1.0 / scalar.sqrt()) as f32);
    let period = fields.integer("sliding_window_pattern", Some(PERIOD))?;
    let layers = fields.layer_types(config.layers)?;
    let layers = layers.unwrap_or_else(|| Sliding::but_every(period, config.layers));
    let window = fields.integer("sliding_window", Some(4096))?;
    let rotary = fields.rotary("sliding_attention", "rope_local_base_freq", LOCAL_BASE)?;
    config.sliding = layers.contains(&true).then_some(Sliding { window, layers, rotary });
    for name in ["attention_bias", "use_bidirectional_attention"] {
        fields.expect(name, &json!(false))?;
    }
    // The field that the reference reads is `hidden_activation`.
    fields.ignore(&["hidden_act"]);
    fields.finish()?;
    Ok(blueprint)
}

fn set(config: &mut Config) {
    config.activation = if config.activation == Activation::Silu { Activation::GeluTanh } else { config.activation };
    config.embedding_scale = Some((config.hidden as f32).sqrt());
    config.parts.head_norm = HeadNorm::BeforeRotation;
    config.parts.inner_norms = true;
}
