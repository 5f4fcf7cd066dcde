//! What the metadata of all causal GGUF files have in common: sizes, rotary frequencies, special tokens, tensor names.
//!
//! A family (`llama`, `qwen`, …) says which keys beyond these it understands and sets its flags; keys that nobody
//! understands are refused by name and value. Reference for the keys: the GGUF description and the converters of
//! llama.cpp.

use candle_core::Device;
use candle_core::quantized::gguf_file::Value;

use super::decoder_only::{Blueprint, Config, Heads, MOST_LAYERS, Rotary, Scaling, TensorNames, Wide, Yarn};
use super::gguf::GgufFile;
use super::{ModelError, Spec};
use crate::token::TokenId;

/// Kinds of tokens in `tokenizer.ggml.token_type`.
const UNKNOWN: i64 = 2;
const CONTROL: i64 = 3;
const UNUSED: i64 = 5;
/// Control tokens that end an answer: of a turn, and of a document.
const ENDS: [&str; 8] =
    ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "<|end|>", "<end_of_turn>", "<|return|>", "</s>"];
/// Divisors of the rotary frequencies, where a file has them.
const DIVISORS: &str = "rope_freqs.weight";

/// The names that llama.cpp gives the tensors of all these families.
pub const NAMES: TensorNames = TensorNames {
    embedding: "token_embd",
    output_norm: "output_norm",
    output: Some("output"),
    layer: "blk",
    attention_norm: "attn_norm",
    attention: ["attn_q", "attn_k", "attn_v", "attn_output"],
    head_norms: ["attn_q_norm", "attn_k_norm"],
    inner_norms: ["post_attention_norm", "post_ffw_norm"],
    feed_forward_norm: "ffn_norm",
    feed_forward: ["ffn_gate", "ffn_up", "ffn_down"],
};

/// Keys under the family's name that are understood for every family.
const UNDERSTOOD: [&str; 14] = [
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
    "rope.scaling.type",
    "rope.scaling.factor",
    "rope.scaling.finetuned",
];
/// Those that are understood where the rotary frequencies are stretched as in `YaRN`.
const YARN: [&str; 5] = [
    "rope.scaling.yarn_attn_factor",
    "rope.scaling.yarn_beta_fast",
    "rope.scaling.yarn_beta_slow",
    "rope.scaling.yarn_ext_factor",
    "rope.scaling.yarn_log_multiplier",
];
/// Sizes and notes that say nothing about the maths.
const HARMLESS: [&str; 3] = ["vocab_size", "rope.scaling.original_context_length", "mm.tokens_per_image"];

/// Reads a file of one of the architectures `families`; `also` are the keys that the family reads itself.
///
/// # Errors
/// Another architecture, or metadata that is missing or asks for something that is not implemented.
pub fn read(file: &GgufFile, families: &[&'static str], also: &[&str]) -> Result<Blueprint, ModelError> {
    let architecture = file.architecture()?;
    let Some(&family) = families.iter().find(|family| **family == architecture) else {
        return Err(ModelError::Config {
            field: "general.architecture".into(),
            value: architecture.into(),
            advice: format!("expected {}; take another file than {}", families.join(" or "), file.path.display()),
        });
    };
    refuse_what_is_not_understood(file, family, also)?;
    let key = |name: &str| format!("{family}.{name}");
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
    for (name, expected) in [("attention.value_length", head_dim), ("rope.dimension_count", head_dim)] {
        if file.optional_integer(&key(name))?.is_some_and(|got| got != expected) {
            return Err(file.wrong(&key(name), &format!("the head size {expected}"), file.metadata.get(&key(name))));
        }
    }
    let context = file.integer(&key("context_length"))?;
    let layers = file.integer(&key("block_count"))?;
    if layers > MOST_LAYERS {
        let expected = format!("at most {MOST_LAYERS} layers");
        return Err(file.wrong(&key("block_count"), &expected, file.metadata.get(&key("block_count"))));
    }
    let heads = Heads { queries, key_values, head_dim };
    let mut config = Config::plain(layers, hidden, heads, file.integer(&key("feed_forward_length"))?);
    config.norm_epsilon = number(file, &key("attention.layer_norm_rms_epsilon"))?;
    // 10,000 where the key is missing, as in the format's description.
    let base = file.optional_number(&key("rope.freq_base"))?.unwrap_or(10_000.0);
    config.rotary = Rotary { base, scaling: scaling(file, family, head_dim)? };
    let (eos, suppressed) = special_tokens(file)?;
    let spec = Spec {
        family,
        vocab: 0,
        eos,
        max_source_tokens: context,
        max_target_tokens: context,
        suppressed,
        has_encoder: false,
        forced_eos: None,
        renormalize: false,
    };
    let names = TensorNames { output: NAMES.output.filter(|_| file.has("output.weight")), ..NAMES };
    Ok(Blueprint { spec, config, names, wide: Wide::Kept })
}

/// Refuses a file with one of these tensors, by which a checkpoint differs from what the family computes.
///
/// # Errors
/// Names the tensor.
pub fn refuse_tensors(file: &GgufFile, parts: &[&str]) -> Result<(), ModelError> {
    for part in parts {
        let name = format!("blk.0.{part}");
        if file.has(&name) {
            return Err(ModelError::Config {
                field: name,
                value: "(a tensor)".into(),
                advice: format!("this part is not implemented; take another file than {}", file.path.display()),
            });
        }
    }
    Ok(())
}

fn number(file: &GgufFile, key: &str) -> Result<f64, ModelError> {
    file.optional_number(key)?.ok_or_else(|| file.wrong(key, "a number", None))
}

/// How the frequencies are stretched: by a factor for all, or each by a divisor of its own.
fn scaling(file: &GgufFile, family: &str, head_dim: usize) -> Result<Scaling, ModelError> {
    let (kind, factor) = (format!("{family}.rope.scaling.type"), format!("{family}.rope.scaling.factor"));
    let value = file.optional_number(&factor)?;
    let plain = value.is_none_or(|value| value.to_bits() == 1f64.to_bits() || value == 0.0);
    let scaling = match file.metadata.get(&kind) {
        Some(Value::String(name)) if name == "linear" => match value {
            Some(value) if value > 0.0 => Scaling::Linear(value),
            _ => return Err(file.wrong(&factor, "a factor above 0", file.metadata.get(&factor))),
        },
        Some(Value::String(name)) if name == "yarn" => Scaling::Yarn(yarn(file, family)?),
        None => Scaling::None,
        Some(Value::String(name)) if name == "none" || name.is_empty() => Scaling::None,
        other => {
            return Err(file.wrong(
                &kind,
                "\"none\", \"linear\" or \"yarn\"; other scalings are not implemented",
                other,
            ));
        }
    };
    if scaling == Scaling::None && !plain {
        return Err(file.wrong(&factor, "1 where the scaling type is not linear", file.metadata.get(&factor)));
    }
    if !file.has(DIVISORS) {
        return Ok(scaling);
    }
    let divisors: Vec<f32> = file.tensors().dense(DIVISORS, &[head_dim / 2], &Device::Cpu)?.to_vec1()?;
    if scaling != Scaling::None || divisors.iter().any(|divisor| divisor.is_nan() || *divisor <= 0.0) {
        return Err(ModelError::Weights(format!(
            "{}: tensor {DIVISORS}: expected divisors above 0 and no other scaling",
            file.path.display()
        )));
    }
    Ok(Scaling::Divided(divisors))
}

/// The settings of `YaRN`. llama.cpp makes the scale of cosines and sines from the factor, whatever the file says of it: a file
/// that says something else is not understood.
fn yarn(file: &GgufFile, family: &str) -> Result<Yarn, ModelError> {
    let key = |name: &str| format!("{family}.rope.scaling.{name}");
    let number = |name: &str, default: Option<f64>| {
        let value = file.optional_number(&key(name))?.or(default);
        let wrong = || file.wrong(&key(name), "a number above 0", file.metadata.get(&key(name)));
        value.filter(|value| *value > 0.0).ok_or_else(wrong)
    };
    let factor = number("factor", None)?;
    let context = match file.optional_integer(&key("original_context_length"))? {
        Some(context) if context > 0 => context,
        _ => file.integer(&format!("{family}.context_length"))?,
    };
    let scale = Yarn::sharpening(factor, 1.0);
    for (name, only) in [("yarn_attn_factor", scale), ("yarn_ext_factor", 1.0), ("yarn_log_multiplier", 0.0)] {
        if file.optional_number(&key(name))?.is_some_and(|value| (value - only).abs() > 1e-4) {
            let expected = format!("{only} or nothing; other values are not implemented");
            return Err(file.wrong(&key(name), &expected, file.metadata.get(&key(name))));
        }
    }
    let (fast, slow) = (number("yarn_beta_fast", Some(Yarn::FAST))?, number("yarn_beta_slow", Some(Yarn::SLOW))?);
    if fast < slow {
        let name = key("yarn_beta_fast");
        return Err(file.wrong(&name, &format!("at least yarn_beta_slow, {slow}"), file.metadata.get(&name)));
    }
    Ok(Yarn { factor, context: context as f64, fast, slow, truncate: true, scale })
}

fn refuse_what_is_not_understood(file: &GgufFile, family: &str, also: &[&str]) -> Result<(), ModelError> {
    file.refuse_parts()?;
    let is_yarn = matches!(file.metadata.get(&format!("{family}.rope.scaling.type")), Some(Value::String(kind)) if kind == "yarn");
    for (name, value) in file.keys_of(family) {
        if UNDERSTOOD.contains(&name) || HARMLESS.contains(&name) || also.contains(&name) {
            continue;
        }
        // With YaRN these are read, and mean nothing without.
        if is_yarn && YARN.contains(&name) {
            continue;
        }
        let neutral = match (name, value) {
            ("rope.scaling.attn_factor", Value::F32(factor)) => factor.to_bits() == 1f32.to_bits(),
            ("attention.causal" | "use_parallel_residual", Value::Bool(on)) => *on == (name == "attention.causal"),
            (
                "attention.sliding_window" | "expert_count" | "expert_used_count",
                Value::U32(0) | Value::U64(0) | Value::I32(0),
            ) => true,
            _ => false,
        };
        if !neutral {
            let key = format!("{family}.{name}");
            return Err(file.wrong(&key, "nothing here: this is not implemented", Some(value)));
        }
    }
    Ok(())
}

/// The tokens that end an answer, and those that may never stand in one: control tokens and unused slots.
fn special_tokens(file: &GgufFile) -> Result<(Vec<TokenId>, Vec<TokenId>), ModelError> {
    const EOS: &str = "tokenizer.ggml.eos_token_id";
    const EOT: &str = "tokenizer.ggml.eot_token_id";
    let tokens = file.list("tokenizer.ggml.tokens");
    let mut eos = Vec::new();
    for (key, id) in [(EOS, Some(file.integer(EOS)?)), (EOT, file.optional_integer(EOT)?)] {
        let Some(id) = id else { continue };
        if !tokens.is_empty() && id >= tokens.len() {
            return Err(file.wrong(key, &format!("an id below {}", tokens.len()), file.metadata.get(key)));
        }
        if !eos.contains(&(id as TokenId)) {
            eos.push(id as TokenId);
        }
    }
    let mut suppressed = Vec::new();
    for (id, kind) in file.list("tokenizer.ggml.token_type").iter().enumerate() {
        let id = id as TokenId;
        if !matches!(kind_of(kind), CONTROL | UNUSED | UNKNOWN) || eos.contains(&id) {
            continue;
        }
        let ends = matches!(tokens.get(id as usize), Some(Value::String(token)) if ENDS.contains(&token.as_str()));
        if ends { eos.push(id) } else { suppressed.push(id) }
    }
    Ok((eos, suppressed))
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
