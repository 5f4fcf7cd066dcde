//! Qwen2, Qwen2.5 and Qwen3: metadata or configuration to flags, sizes and tensor names, and nothing else.
//!
//! Reference: `modeling_qwen2.py` and `modeling_qwen3.py` of transformers, the `qwen2` and `qwen3` graphs of llama.cpp.
//! Qwen2 has biases on queries, keys and values; Qwen3 has none and normalizes queries and keys head by head.

use std::path::Path;

use super::causal_config::{CausalConfig, Defaults, Fields};
use super::decoder_only::{Blueprint, DecoderOnly, HeadNorm};
use super::gguf::{self, GgufFile};
use super::{LoadOptions, ModelError, causal_gguf};

/// Names of the two in GGUF and in `config.json`.
const FAMILIES: [&str; 2] = ["qwen2", "qwen3"];

/// Loads a GGUF file.
///
/// # Errors
/// As [`load_from`], and if the file cannot be read.
pub fn load(path: &Path, options: &LoadOptions) -> Result<DecoderOnly, ModelError> {
    load_from(&gguf::open(path)?, options)
}

/// Loads a GGUF file that is open already (its metadata also holds the tokenizer).
///
/// # Errors
/// Another architecture, metadata that is missing or asks for something that is not implemented, a tensor that is
/// missing or has another shape, or the backend failed.
pub fn load_from(file: &GgufFile, options: &LoadOptions) -> Result<DecoderOnly, ModelError> {
    DecoderOnly::load(file.tensors(), blueprint(file)?, options)
}

/// What the metadata says.
///
/// # Errors
/// Another architecture, or metadata that is missing or asks for something that is not implemented.
pub fn blueprint(file: &GgufFile) -> Result<Blueprint, ModelError> {
    let mut blueprint = causal_gguf::read(file, &FAMILIES, &[])?;
    set(&mut blueprint);
    if blueprint.spec.family == "qwen3" {
        causal_gguf::refuse_tensors(file, &["attn_q.bias", "attn_output.bias", "ffn_gate.bias"])?;
    }
    Ok(blueprint)
}

/// What `config.json` says.
///
/// # Errors
/// Another model type, or a field that is missing or asks for something that is not implemented.
pub fn from_config(config: &CausalConfig) -> Result<Blueprint, ModelError> {
    let mut fields = Fields::new(config, &FAMILIES)?;
    let qwen3 = fields.family() == "qwen3";
    let head_dim = qwen3.then_some(128);
    let mut blueprint = fields.read(&Defaults { head_dim, ..Defaults::default() })?;
    set(&mut blueprint);
    if qwen3 {
        fields.expect("attention_bias", &serde_json::json!(false))?;
    }
    fields.late_windows(&mut blueprint)?;
    fields.finish()?;
    Ok(blueprint)
}

fn set(blueprint: &mut Blueprint) {
    let parts = &mut blueprint.config.parts;
    if blueprint.spec.family == "qwen3" {
        parts.head_norm = HeadNorm::BeforeRotation;
    } else {
        parts.attention_bias = true;
    }
}
