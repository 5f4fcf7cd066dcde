//! Gemma 2 and 3 (text): metadata or configuration to flags, sizes and tensor names, and nothing else.
//!
//! Reference: `modeling_gemma2.py` and `modeling_gemma3.py` of transformers and the `gemma2` and `gemma3` graphs of llama.cpp.
//! Embeddings are multiplied by the root of their width, norms stand before and behind both blocks, and their weights are
//! stored less one in safetensors. In Gemma 2 every other layer sees a window, and scores of the attention and logits are
//! capped. In Gemma 3 most layers see one and have rotary frequencies of their own; only those of the others are stretched.

use candle_core::quantized::gguf_file::Value;
use serde_json::json;

use super::ModelError;
use super::causal_config::{CausalConfig, Defaults, Fields};
use super::causal_gguf;
use super::decoder_only::{Activation, Blueprint, Config, HeadNorm, Rotary, Scaling, Sliding};
use super::gguf::GgufFile;

/// The names in GGUF.
const GGUF: [&str; 2] = ["gemma2", "gemma3"];
/// The names of the text models in `config.json`.
const CONFIG: [&str; 2] = ["gemma2", "gemma3_text"];
/// One of so many layers sees everything, where nothing is said: in Gemma 2, and in Gemma 3.
const PERIOD_2: usize = 2;
const PERIOD: usize = 6;
/// The window of Gemma 2, and of configurations, where nothing is said.
const WINDOW: usize = 4096;
/// Base of the frequencies of layers with a window, where nothing is said.
const LOCAL_BASE: f64 = 10_000.0;
/// What scores of the attention, and logits, of Gemma 2 stay within, where nothing is said.
const SOFT_CAPS: [f32; 2] = [50.0, 30.0];
/// What queries of Gemma 3 are multiplied with, where a file of GGUF says so.
const SCALE: &str = "gemma3.attention.scale";
/// Layers of the largest sizes, whose queries are scaled by the width over the heads (27B), which their files do not say.
const LAYERS_27B: [usize; 2] = [46, 62];

/// What the metadata of a GGUF file says.
///
/// # Errors
/// Another architecture, or metadata that is missing or asks for something that is not implemented.
pub fn blueprint(file: &GgufFile) -> Result<Blueprint, ModelError> {
    let is_gemma2 = file.architecture()? == GGUF[0];
    let window = ["attention.sliding_window", "attention.sliding_window_pattern"];
    let also = if is_gemma2 {
        [window[0], window[1], "attn_logit_softcapping", "final_logit_softcapping"]
    } else {
        [window[0], window[1], "attention.scale", "rope.freq_base_swa"]
    };
    let mut blueprint = causal_gguf::read(file, &GGUF, &also)?;
    let config = &mut blueprint.config;
    set(config);
    let (largest, global) = (LAYERS_27B[usize::from(!is_gemma2)], config.rotary.clone());
    let wide_queries =
        (config.layers == largest).then(|| 1.0 / ((config.hidden / config.heads.queries.max(1)) as f32).sqrt());
    if is_gemma2 {
        let window = file.optional_integer("gemma2.attention.sliding_window")?.unwrap_or(WINDOW);
        let layers = windows(file, "gemma2.attention.sliding_window_pattern", (PERIOD_2, config.layers))?;
        config.sliding = Some(Sliding { window, layers, rotary: global });
        let cap = |name: &str, default: f32| {
            let key = format!("gemma2.{name}");
            match file.optional_number(&key)? {
                None => Ok(Some(default)),
                Some(cap) if cap > 0.0 && cap.is_finite() => Ok(Some(cap as f32)),
                Some(_) => Err(file.wrong(&key, "a number above 0", file.metadata.get(&key))),
            }
        };
        config.attention_soft_cap = cap("attn_logit_softcapping", SOFT_CAPS[0])?;
        config.output_soft_cap = cap("final_logit_softcapping", SOFT_CAPS[1])?;
        config.query_scale = wide_queries;
        return Ok(blueprint);
    }
    config.parts.head_norm = HeadNorm::BeforeRotation;
    if let Some(window) = file.optional_integer("gemma3.attention.sliding_window")?.filter(|window| *window > 0) {
        let layers = windows(file, "gemma3.attention.sliding_window_pattern", (PERIOD, config.layers))?;
        let base = file.optional_number("gemma3.rope.freq_base_swa")?.unwrap_or(LOCAL_BASE);
        config.sliding = Some(Sliding { window, layers, rotary: Rotary { base, scaling: Scaling::None } });
    }
    config.query_scale = match file.optional_number(SCALE)? {
        Some(scale) if scale > 0.0 => Some(scale as f32),
        Some(_) => return Err(file.wrong(SCALE, "a factor above 0", file.metadata.get(SCALE))),
        None => wide_queries,
    };
    Ok(blueprint)
}

/// Layers with a window: a list, or all but one of so many.
fn windows(file: &GgufFile, key: &str, (period, layers): (usize, usize)) -> Result<Vec<bool>, ModelError> {
    let Some(Value::Array(kinds)) = file.metadata.get(key) else {
        return Ok(Sliding::but_every(file.optional_integer(key)?.unwrap_or(period), layers));
    };
    let kind = |kind: &Value| match kind {
        Value::Bool(sliding) => Ok(*sliding),
        other => Err(file.wrong(key, "true or false for each layer", Some(other))),
    };
    kinds.iter().map(kind).collect()
}

/// What `config.json` says.
///
/// # Errors
/// Another model type, or a field that is missing or asks for something that is not implemented.
pub fn from_config(config: &CausalConfig) -> Result<Blueprint, ModelError> {
    let mut fields = Fields::new(config, &CONFIG)?;
    let is_gemma2 = fields.family() == CONFIG[0];
    let mut blueprint = fields.read(&Defaults {
        heads: Some(8),
        key_values: Some(4),
        head_dim: Some(256),
        context: Some(if is_gemma2 { 8192 } else { 131_072 }),
        rope_base: if is_gemma2 { 10_000.0 } else { 1_000_000.0 },
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
    let window = fields.integer("sliding_window", Some(WINDOW))?;
    let layers = fields.layer_types(config.layers)?;
    if is_gemma2 {
        let layers = layers.unwrap_or_else(|| Sliding::but_every(PERIOD_2, config.layers));
        let rotary = config.rotary.clone();
        config.sliding = layers.contains(&true).then_some(Sliding { window, layers, rotary });
        config.attention_soft_cap = fields.cap("attn_logit_softcapping", SOFT_CAPS[0])?;
        config.output_soft_cap = fields.cap("final_logit_softcapping", SOFT_CAPS[1])?;
        // The same under the name that the first releases had.
        if fields.integer("sliding_window_size", Some(window))? != window {
            return Err(fields.wrong("sliding_window_size", &format!("sliding_window, {window}")));
        }
    } else {
        config.parts.head_norm = HeadNorm::BeforeRotation;
        let period = fields.integer("sliding_window_pattern", Some(PERIOD))?;
        let layers = layers.unwrap_or_else(|| Sliding::but_every(period, config.layers));
        let rotary = fields.rotary("sliding_attention", "rope_local_base_freq", LOCAL_BASE)?;
        config.sliding = layers.contains(&true).then_some(Sliding { window, layers, rotary });
    }
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
    config.parts.inner_norms = true;
}
