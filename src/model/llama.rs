//! Llama and what is built like it (`SmolLM2`, `EuroLLM`): metadata or configuration to flags, sizes and tensor names.
//!
//! Reference: `modeling_llama.py` of transformers and the `llama` graph of llama.cpp. The converter to GGUF reorders the
//! rows of queries and keys, so that neighbouring elements are rotated together there and halves in safetensors.

use super::causal_config::{CausalConfig, Defaults, Fields};
use super::decoder_only::{Blueprint, Pairs};
use super::gguf::GgufFile;
use super::{ModelError, causal_gguf};

/// The name in GGUF and in `config.json`.
const FAMILIES: [&str; 1] = ["llama"];

/// What the metadata of a GGUF file says.
///
/// # Errors
/// Another architecture, or metadata that is missing or asks for something that is not implemented.
pub fn blueprint(file: &GgufFile) -> Result<Blueprint, ModelError> {
    let mut blueprint = causal_gguf::read(file, &FAMILIES, &[])?;
    causal_gguf::refuse_tensors(
        file,
        &["ffn_gate.bias", "ffn_down.bias", "ffn_gate_inp.weight", "attn_q_norm.weight"],
    )?;
    blueprint.config.pairs = Pairs::Neighbours;
    blueprint.config.parts.attention_bias = file.has("blk.0.attn_q.bias");
    blueprint.config.parts.output_bias = file.has("blk.0.attn_output.bias");
    Ok(blueprint)
}

/// What `config.json` says.
///
/// # Errors
/// Another model type, or a field that is missing or asks for something that is not implemented.
pub fn from_config(config: &CausalConfig) -> Result<Blueprint, ModelError> {
    let mut fields = Fields::new(config, &FAMILIES)?;
    let mut blueprint = fields.read(&Defaults::default())?;
    let bias = fields.flag("attention_bias", false)?;
    blueprint.config.parts.attention_bias = bias;
    blueprint.config.parts.output_bias = bias;
    fields.expect("mlp_bias", &serde_json::json!(false))?;
    // A split of products over machines in training, which changes no number here.
    fields.ignore(&["pretraining_tp"]);
    fields.finish()?;
    Ok(blueprint)
}
