//! Qwen2 and Qwen2.5 from GGUF: metadata to flags, sizes and tensor names, and nothing else.
//!
//! Reference: `modeling_qwen2.py` of transformers and the `qwen2` graph of llama.cpp (biases on queries, keys and
//! values, heads rotated by halves, gated feed-forward, norms before the blocks).

use std::path::Path;

use candle_core::quantized::gguf_file::Value;

use super::decoder_only::{Blueprint, Config, DecoderOnly, Heads, Parts, TensorNames};
use super::gguf::{self, GgufFile};
use super::{LoadOptions, ModelError, Precision, Spec};
use crate::token::TokenId;

/// `general.architecture` of the files that can be loaded.
const SUPPORTED: [&str; 1] = ["qwen2"];
/// Kinds of tokens in `tokenizer.ggml.token_type`.
const CONTROL: i64 = 3;
const UNUSED: i64 = 5;
/// Control tokens that end an answer: of a turn, and of a document.
const ENDS: [&str; 2] = ["<|im_end|>", "<|endoftext|>"];

const NAMES: TensorNames = TensorNames {
    embedding: "token_embd",
    output_norm: "output_norm",
    output: "output",
    layer: "blk",
    attention_norm: "attn_norm",
    attention: ["attn_q", "attn_k", "attn_v", "attn_output"],
    head_norms: ["attn_q_norm", "attn_k_norm"],
    feed_forward_norm: "ffn_norm",
    feed_forward: ["ffn_gate", "ffn_up", "ffn_down"],
};

/// Loads a checkpoint.
///
/// # Errors
/// As [`load_from`], and if the file cannot be read.
pub fn load(path: &Path, options: &LoadOptions) -> Result<DecoderOnly, ModelError> {
    load_from(&gguf::open(path)?, options)
}

/// Loads a checkpoint from a file that is open already (its metadata also holds the tokenizer).
///
/// # Errors
/// Another architecture, metadata that is missing or asks for something that is not implemented, a tensor that is
/// missing or has another shape, or the backend failed.
pub fn load_from(file: &GgufFile, options: &LoadOptions) -> Result<DecoderOnly, ModelError> {
    if options.precision == Precision::W8A16 {
        return Err(ModelError::Config {
            field: "precision".into(),
            value: "w8a16".into(),
            advice: "it is for translation models; a GGUF file has its own blocks: use auto or f32".into(),
        });
    }
    DecoderOnly::load(file, blueprint(file)?, options)
}

/// What the metadata says.
///
/// # Errors
/// Another architecture, or metadata that is missing or asks for something that is not implemented.
pub fn blueprint(file: &GgufFile) -> Result<Blueprint, ModelError> {
    let family = file.architecture()?;
    if !SUPPORTED.contains(&family) {
        return Err(ModelError::Config {
            field: "general.architecture".into(),
            value: family.into(),
            advice: format!("supported are {}; take another file than {}", SUPPORTED.join(", "), file.path.display()),
        });
    }
    let key = |name: &str| format!("{family}.{name}");
    refuse_what_changes_the_maths(file, family)?;
    let hidden = file.integer(&key("embedding_length"))?;
    let queries = file.integer(&key("attention.head_count"))?;
    let key_values = file.optional_integer(&key("attention.head_count_kv"))?.unwrap_or(queries);
    let head_dim = match file.optional_integer(&key("attention.key_length"))? {
        Some(head_dim) => head_dim,
        None if queries > 0 && hidden.is_multiple_of(queries) => hidden / queries,
        None => {
            let value = file.metadata.get(&key("attention.head_count"));
            return Err(file.wrong(&key("attention.head_count"), &format!("a divisor of {hidden}"), value));
        }
    };
    let context = file.integer(&key("context_length"))?;
    let norm_epsilon = number(file, &key("attention.layer_norm_rms_epsilon"))?;
    // 10,000 where the key is missing, as in the format's description.
    let rope_base = file.optional_number(&key("rope.freq_base"))?.unwrap_or(10_000.0);
    let config = Config {
        layers: file.integer(&key("block_count"))?,
        hidden,
        heads: Heads { queries, key_values, head_dim },
        feed_forward: file.integer(&key("feed_forward_length"))?,
        norm_epsilon,
        rope_base,
        parts: Parts { attention_bias: true, head_norm: false },
    };
    for (name, expected) in [("attention.value_length", head_dim), ("rope.dimension_count", head_dim)] {
        if file.optional_integer(&key(name))?.is_some_and(|got| got != expected) {
            return Err(file.wrong(&key(name), &format!("the head size {expected}"), file.metadata.get(&key(name))));
        }
    }
    let (eos, suppressed) = special_tokens(file)?;
    let spec = Spec {
        family: "qwen2",
        vocab: 0,
        eos,
        max_source_tokens: context,
        max_target_tokens: context,
        suppressed,
        has_encoder: false,
        forced_eos: None,
        renormalize: false,
    };
    Ok(Blueprint { spec, config, names: NAMES })
}

fn number(file: &GgufFile, key: &str) -> Result<f64, ModelError> {
    file.optional_number(key)?.ok_or_else(|| file.wrong(key, "a number", None))
}

/// Metadata under the family's name that is understood; everything else there changes the maths.
fn refuse_what_changes_the_maths(file: &GgufFile, family: &str) -> Result<(), ModelError> {
    const UNDERSTOOD: [&str; 11] = [
        "block_count",
        "context_length",
        "embedding_length",
        "feed_forward_length",
        "attention.head_count",
        "attention.head_count_kv",
        "attention.key_length",
        "attention.value_length",
        "attention.layer_norm_rms_epsilon",
        "rope.freq_base",
        "rope.dimension_count",
    ];
    // Sizes that say nothing about the maths.
    const HARMLESS: [&str; 2] = ["vocab_size", "rope.scaling.original_context_length"];
    if file.optional_integer("split.count")?.is_some_and(|parts| parts > 1) {
        let expected = "a whole model in one file (llama-gguf-split --merge joins the parts)";
        return Err(file.wrong("split.count", expected, file.metadata.get("split.count")));
    }
    let mut keys: Vec<&String> = file.metadata.keys().collect();
    keys.sort();
    for key in keys {
        let Some(name) = key.strip_prefix(family).and_then(|rest| rest.strip_prefix('.')) else { continue };
        if UNDERSTOOD.contains(&name) || HARMLESS.contains(&name) {
            continue;
        }
        let value = &file.metadata[key];
        let neutral = match (name, value) {
            ("rope.scaling.type", Value::String(kind)) => kind == "none" || kind.is_empty(),
            ("rope.scaling.factor" | "rope.scaling.attn_factor", Value::F32(factor)) => {
                factor.to_bits() == 1f32.to_bits()
            }
            ("attention.causal" | "use_parallel_residual", Value::Bool(on)) => *on == (name == "attention.causal"),
            (
                "attention.sliding_window" | "expert_count" | "expert_used_count",
                Value::U32(0) | Value::U64(0) | Value::I32(0),
            ) => true,
            _ => false,
        };
        if !neutral {
            return Err(file.wrong(key, "nothing here: this is not implemented", Some(value)));
        }
    }
    Ok(())
}

/// The tokens that end an answer, and those that may never stand in one: control tokens and unused slots.
fn special_tokens(file: &GgufFile) -> Result<(Vec<TokenId>, Vec<TokenId>), ModelError> {
    const EOS: &str = "tokenizer.ggml.eos_token_id";
    let end = file.integer(EOS)?;
    let kinds = array(file, "tokenizer.ggml.token_type");
    let tokens = array(file, "tokenizer.ggml.tokens");
    if !tokens.is_empty() && end >= tokens.len() {
        return Err(file.wrong(EOS, &format!("an id below {}", tokens.len()), file.metadata.get(EOS)));
    }
    let mut eos = vec![end as TokenId];
    let mut suppressed = Vec::new();
    for (id, kind) in kinds.iter().enumerate() {
        let kind = kind_of(kind);
        if kind != CONTROL && kind != UNUSED {
            continue;
        }
        let ends = matches!(tokens.get(id), Some(Value::String(token)) if ENDS.contains(&token.as_str()));
        if id == end {
            continue;
        }
        if ends { eos.push(id as TokenId) } else { suppressed.push(id as TokenId) }
    }
    Ok((eos, suppressed))
}

fn array<'a>(file: &'a GgufFile, key: &str) -> &'a [Value] {
    match file.metadata.get(key) {
        Some(Value::Array(values)) => values,
        _ => &[],
    }
}

fn kind_of(value: &Value) -> i64 {
    match *value {
        Value::I32(kind) => i64::from(kind),
        Value::U32(kind) => i64::from(kind),
        Value::I64(kind) => kind,
        Value::U8(kind) => i64::from(kind),
        _ => 0,
    }
}
