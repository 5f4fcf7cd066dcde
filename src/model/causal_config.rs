//! What `config.json` of all causal models have in common: sizes, rotary frequencies, special tokens, tensor names.
//!
//! A family asks [`Fields`] for what it understands, field by field, and ends with [`Fields::finish`], which refuses by
//! name and value what nobody asked for and is set to anything. Reference: the configurations of transformers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::decoder_only::{
    Activation, Blueprint, Config, Heads, MOST_LAYERS, Rotary, Scaling, Sliding, TensorNames, Wide, Yarn,
};
use super::{ModelError, Spec};
use crate::token::TokenId;

/// The names that transformers gives the tensors.
pub const NAMES: TensorNames = TensorNames {
    embedding: "model.embed_tokens",
    output_norm: "model.norm",
    output: Some("lm_head"),
    layer: "model.layers",
    attention_norm: "input_layernorm",
    attention: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"],
    head_norms: ["self_attn.q_norm", "self_attn.k_norm"],
    inner_norms: ["post_attention_layernorm", "post_feedforward_layernorm"],
    feed_forward_norm: "post_attention_layernorm",
    feed_forward: ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"],
};

/// Fields that say nothing about the maths of an answer.
const HARMLESS: [&str; 22] = [
    "architectures",
    "attention_dropout",
    "attn_implementation",
    "auto_map",
    "bos_token_id",
    "cache_implementation",
    "dtype",
    "eod_token_id",
    "eos_token_id",
    "initializer_range",
    "is_llama_config",
    "model_type",
    "name_or_path",
    "pad_token_id",
    "sep_token_id",
    "task_specific_params",
    "torch_dtype",
    "transformers_version",
    "unk_token_id",
    "use_cache",
    "vocab_size",
    "transformers.js_config",
];

/// The fields of `YaRN` within those of the rotary frequencies.
const YARN: [&str; 8] = [
    "factor",
    "original_max_position_embeddings",
    "attention_factor",
    "beta_fast",
    "beta_slow",
    "mscale",
    "mscale_all_dim",
    "truncate",
];

/// Longest configuration that is read.
const LONGEST: u64 = 8 << 20;

/// A configuration, with what the generation settings beside it say.
#[derive(Debug, Clone)]
pub struct CausalConfig {
    path: PathBuf,
    fields: Map<String, Value>,
    end: Vec<TokenId>,
}

/// What a family takes where a field is missing, as transformers does.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    /// `num_attention_heads`; none: it has to be there.
    pub heads: Option<usize>,
    /// `num_key_value_heads`; none: as many as heads.
    pub key_values: Option<usize>,
    /// `head_dim`; none: the width over the heads.
    pub head_dim: Option<usize>,
    /// `max_position_embeddings`; none: it has to be there.
    pub context: Option<usize>,
    /// `rms_norm_eps`.
    pub norm_epsilon: f64,
    /// `rope_theta`.
    pub rope_base: f64,
    /// `tie_word_embeddings`.
    pub tied: bool,
    /// Name of the field with the activation, and its value.
    pub activation: (&'static str, &'static str),
    /// Whether a `dynamic` scaling with a fixed `alpha` stretches the base of the frequencies.
    pub alpha: bool,
}

impl Default for Defaults {
    fn default() -> Defaults {
        Defaults {
            heads: None,
            key_values: None,
            head_dim: None,
            context: None,
            norm_epsilon: 1e-6,
            rope_base: 10_000.0,
            tied: false,
            activation: ("hidden_act", "silu"),
            alpha: false,
        }
    }
}

impl CausalConfig {
    /// Reads `config.json`, and `generation_config.json` where there is one.
    ///
    /// # Errors
    /// A file cannot be read or is no JSON object.
    pub fn open(path: &Path, generation: Option<&Path>) -> Result<CausalConfig, ModelError> {
        let fields = object(path)?;
        let mut end = tokens(fields.get("eos_token_id"));
        if let Some(generation) = generation {
            let named = tokens(object(generation)?.get("eos_token_id"));
            if !named.is_empty() {
                end = named;
            }
        }
        // A text model inside one that also sees pictures; what is said outside holds for it too.
        let fields = match fields.get("text_config") {
            Some(Value::Object(text)) => {
                let mut text = text.clone();
                for name in ["tie_word_embeddings", "quantization_config"] {
                    if let Some(value) = fields.get(name).filter(|_| !text.contains_key(name)) {
                        text.insert(name.to_owned(), value.clone());
                    }
                }
                text
            }
            _ => fields,
        };
        if end.is_empty() {
            end = tokens(fields.get("eos_token_id"));
        }
        Ok(CausalConfig { path: path.to_owned(), fields, end })
    }

    /// `model_type`, if it is a text.
    pub fn model_type(&self) -> Option<&str> {
        self.fields.get("model_type").and_then(Value::as_str)
    }

    /// The error for a field that is missing or cannot be used.
    pub fn wrong(&self, field: &str, expected: &str, got: Option<&Value>) -> ModelError {
        ModelError::Config {
            field: field.to_owned(),
            value: got.map_or_else(|| "(missing)".to_owned(), Value::to_string),
            advice: format!("expected {expected} in {}", self.path.display()),
        }
    }
}

fn object(path: &Path) -> Result<Map<String, Value>, ModelError> {
    let io = |source| ModelError::Io { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(io)?.len();
    let text = if length <= LONGEST { std::fs::read_to_string(path).map_err(io)? } else { String::new() };
    match serde_json::from_str(&text) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(ModelError::Config {
            field: path.display().to_string(),
            value: format!("{length} bytes"),
            advice: "expected a JSON object; fetch the file again".to_owned(),
        }),
    }
}

/// One token, or a list of them.
fn tokens(value: Option<&Value>) -> Vec<TokenId> {
    let one = |value: &Value| value.as_u64().and_then(|id| TokenId::try_from(id).ok());
    match value {
        Some(Value::Array(values)) => values.iter().filter_map(one).collect(),
        Some(value) => one(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The fields of a configuration as they are asked for.
#[derive(Debug)]
pub struct Fields<'a> {
    config: &'a CausalConfig,
    family: &'static str,
    asked: BTreeSet<String>,
}

impl<'a> Fields<'a> {
    /// For a configuration of one of these model types.
    ///
    /// # Errors
    /// It is of another.
    pub fn new(config: &'a CausalConfig, families: &[&'static str]) -> Result<Fields<'a>, ModelError> {
        let family = families.iter().find(|family| config.model_type() == Some(family));
        let Some(&family) = family else {
            return Err(config.wrong("model_type", &families.join(" or "), config.fields.get("model_type")));
        };
        Ok(Fields { config, family, asked: BTreeSet::new() })
    }

    /// The model type.
    pub fn family(&self) -> &'static str {
        self.family
    }

    /// A field that is there and not null.
    fn get(&mut self, name: &str) -> Option<&'a Value> {
        self.asked.insert(name.to_owned());
        self.config.fields.get(name).filter(|value| !value.is_null())
    }

    /// These fields change nothing here.
    pub fn ignore(&mut self, names: &[&str]) {
        self.asked.extend(names.iter().map(|name| (*name).to_owned()));
    }

    /// A whole number that is not negative; `default` where it is missing.
    ///
    /// # Errors
    /// It is missing and has no default, or is something else.
    pub fn integer(&mut self, name: &str, default: Option<usize>) -> Result<usize, ModelError> {
        match self.get(name) {
            None => default.ok_or_else(|| self.config.wrong(name, "a whole number", None)),
            Some(value) => value
                .as_u64()
                .and_then(|value| usize::try_from(value).ok())
                .ok_or_else(|| self.config.wrong(name, "a whole number", Some(value))),
        }
    }

    /// A finite number; `default` where it is missing.
    ///
    /// # Errors
    /// It is something else.
    pub fn number(&mut self, name: &str, default: f64) -> Result<f64, ModelError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value.as_f64().ok_or_else(|| self.config.wrong(name, "a number", Some(value))),
        }
    }

    /// A number above 0 that something stays within; `default` where it is missing, nothing where it is null.
    ///
    /// # Errors
    /// It is something else.
    pub fn cap(&mut self, name: &str, default: f32) -> Result<Option<f32>, ModelError> {
        match (self.get(name), self.config.fields.contains_key(name)) {
            (None, true) => Ok(None),
            (None, false) => Ok(Some(default)),
            (Some(value), _) => match value.as_f64() {
                Some(cap) if cap > 0.0 && cap <= f64::from(f32::MAX) => Ok(Some(cap as f32)),
                _ => Err(self.config.wrong(name, "a number above 0 or null", Some(value))),
            },
        }
    }

    /// True or false; `default` where it is missing.
    ///
    /// # Errors
    /// It is something else.
    pub fn flag(&mut self, name: &str, default: bool) -> Result<bool, ModelError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.config.wrong(name, "true or false", Some(value))),
        }
    }

    /// A field that may be missing but have no other value than this.
    ///
    /// # Errors
    /// It has another.
    pub fn expect(&mut self, name: &str, value: &Value) -> Result<(), ModelError> {
        match self.get(name) {
            Some(got) if got != value => {
                Err(self.config.wrong(name, &format!("{value}; other values are not implemented"), Some(got)))
            }
            _ => Ok(()),
        }
    }

    /// The fields of all families.
    ///
    /// # Errors
    /// One is missing, contradicts another, or asks for something that is not implemented.
    pub fn read(&mut self, defaults: &Defaults) -> Result<Blueprint, ModelError> {
        let hidden = self.integer("hidden_size", None)?;
        let queries = self.integer("num_attention_heads", defaults.heads)?;
        let key_values = self.integer("num_key_value_heads", Some(defaults.key_values.unwrap_or(queries)))?;
        let width = (queries > 0 && hidden.is_multiple_of(queries)).then(|| hidden / queries);
        let head_dim = self.integer("head_dim", defaults.head_dim.or(width))?;
        let heads = Heads { queries, key_values, head_dim };
        let layers = self.integer("num_hidden_layers", None)?;
        if layers > MOST_LAYERS {
            return Err(self.wrong("num_hidden_layers", &format!("at most {MOST_LAYERS} layers")));
        }
        let mut config = Config::plain(layers, hidden, heads, self.integer("intermediate_size", None)?);
        config.norm_epsilon = self.number("rms_norm_eps", defaults.norm_epsilon)?;
        config.activation = self.activation(defaults.activation)?;
        let stretched = if defaults.alpha { self.stretched_base(head_dim, defaults.rope_base)? } else { None };
        config.rotary = match stretched {
            Some(base) => Rotary { base, scaling: Scaling::None },
            None => self.rotary("full_attention", "rope_theta", defaults.rope_base)?,
        };
        let context = self.integer("max_position_embeddings", defaults.context)?;
        let tied = self.flag("tie_word_embeddings", defaults.tied)?;
        self.expect("quantization_config", &Value::Null)?;
        let spec = Spec {
            family: self.family,
            vocab: 0,
            eos: self.config.end.clone(),
            max_source_tokens: context,
            max_target_tokens: context,
            suppressed: Vec::new(),
            has_encoder: false,
            forced_eos: None,
            renormalize: false,
        };
        let names = TensorNames { output: NAMES.output.filter(|_| !tied), ..NAMES };
        Ok(Blueprint { spec, config, names, wide: Wide::Quantized })
    }

    fn activation(&mut self, (name, default): (&str, &str)) -> Result<Activation, ModelError> {
        let value = self.get(name);
        match value.map_or(Some(default), Value::as_str) {
            Some("silu" | "swish") => Ok(Activation::Silu),
            Some("gelu_pytorch_tanh" | "gelu_new") => Ok(Activation::GeluTanh),
            _ => Err(self.config.wrong(name, "\"silu\" or \"gelu_pytorch_tanh\"", value)),
        }
    }

    /// The rotary frequencies of a kind of layers: `rope_parameters`, for all or for each kind, or the older
    /// `rope_theta` (here `base`) and, for layers that see everything, `rope_scaling`.
    ///
    /// # Errors
    /// A scaling that is not implemented.
    pub fn rotary(&mut self, kind: &str, base: &str, default: f64) -> Result<Rotary, ModelError> {
        let value = self.number(base, default)?;
        let (name, parameters) = if let Some(all) = self.get("rope_parameters").and_then(Value::as_object) {
            let by_kind = all.get(kind).and_then(Value::as_object);
            let of_kinds = all.values().any(Value::is_object);
            ("rope_parameters", by_kind.or(Some(all).filter(|_| !of_kinds)))
        } else {
            let old = self.get("rope_scaling").and_then(Value::as_object);
            ("rope_scaling", old.filter(|_| kind == "full_attention"))
        };
        let Some(parameters) = parameters else { return Ok(Rotary { base: value, scaling: Scaling::None }) };
        self.scaled(name, parameters, value)
    }

    fn scaled(&self, name: &str, parameters: &Map<String, Value>, base: f64) -> Result<Rotary, ModelError> {
        let number = |field: &str| {
            let value = parameters.get(field);
            let wrong = || self.config.wrong(&format!("{name}.{field}"), "a number above 0", value);
            value.and_then(Value::as_f64).filter(|value| *value > 0.0).ok_or_else(wrong)
        };
        let base = if parameters.contains_key("rope_theta") { number("rope_theta")? } else { base };
        let kind_field = if parameters.contains_key("rope_type") { "rope_type" } else { "type" };
        let kind = parameters.get(kind_field);
        let mut understood = vec!["rope_theta", "rope_type", "type"];
        let scaling = match kind.map_or(Some("default"), Value::as_str) {
            Some("default") => Scaling::None,
            Some("linear") => {
                understood.push("factor");
                Scaling::Linear(number("factor")?)
            }
            Some("llama3") => {
                understood.extend([
                    "factor",
                    "low_freq_factor",
                    "high_freq_factor",
                    "original_max_position_embeddings",
                ]);
                let (low, high) = (number("low_freq_factor")?, number("high_freq_factor")?);
                if low >= high {
                    let value = parameters.get("high_freq_factor");
                    return Err(self.config.wrong(&format!("{name}.high_freq_factor"), "more than the low one", value));
                }
                let context = number("original_max_position_embeddings")?;
                Scaling::Llama3 { factor: number("factor")?, low, high, context }
            }
            Some("yarn") => {
                understood.extend(YARN);
                Scaling::Yarn(self.yarn(name, parameters)?)
            }
            _ => {
                let expected = "\"default\", \"linear\", \"llama3\" or \"yarn\"; other scalings are not implemented";
                return Err(self.config.wrong(&format!("{name}.{kind_field}"), expected, kind));
            }
        };
        for (field, value) in parameters {
            let neutral = is_nothing(value) || value.as_f64().is_some_and(|value| value.to_bits() == 1f64.to_bits());
            if !understood.contains(&field.as_str()) && !neutral {
                let expected = "nothing here: this is not implemented";
                return Err(self.config.wrong(&format!("{name}.{field}"), expected, Some(value)));
            }
        }
        Ok(Rotary { base, scaling })
    }

    /// The settings of `YaRN`; what is missing, null or 0 has its default, as in the reference.
    fn yarn(&self, name: &str, parameters: &Map<String, Value>) -> Result<Yarn, ModelError> {
        let wrong = |field: &str, expected: &str| {
            self.config.wrong(&format!("{name}.{field}"), expected, parameters.get(field))
        };
        let optional = |field: &str| match parameters.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_f64() {
                Some(0.0) => Ok(None),
                Some(number) if number > 0.0 => Ok(Some(number)),
                _ => Err(wrong(field, "a number above 0")),
            },
        };
        let positions = self.config.fields.get("max_position_embeddings").and_then(Value::as_f64);
        let Some(context) = optional("original_max_position_embeddings")?.or(positions) else {
            return Err(wrong("original_max_position_embeddings", "the positions of the first training"));
        };
        // Where only the context is said, how much longer it became is meant.
        let Some(factor) = optional("factor")?.or(positions.map(|positions| positions / context)) else {
            return Err(wrong("factor", "a number above 0"));
        };
        let (fast, slow) = (optional("beta_fast")?.unwrap_or(Yarn::FAST), optional("beta_slow")?.unwrap_or(Yarn::SLOW));
        if fast < slow {
            return Err(wrong("beta_fast", "at least beta_slow"));
        }
        let scale = match (optional("attention_factor")?, optional("mscale")?, optional("mscale_all_dim")?) {
            (Some(scale), _, _) => scale,
            (None, Some(all), Some(part)) => Yarn::sharpening(factor, all) / Yarn::sharpening(factor, part),
            _ => Yarn::sharpening(factor, 1.0),
        };
        let truncate = match parameters.get("truncate") {
            None | Some(Value::Null) => true,
            Some(Value::Bool(truncate)) => *truncate,
            Some(_) => return Err(wrong("truncate", "true or false")),
        };
        Ok(Yarn { factor, context, fast, slow, truncate, scale })
    }

    /// The base that a fixed `alpha` stretches (NTK-aware scaling that does not depend on the length), where there is one.
    ///
    /// # Errors
    /// Heads of two elements, for which there is no such base.
    fn stretched_base(&mut self, head_dim: usize, default: f64) -> Result<Option<f64>, ModelError> {
        let mut base = self.number("rope_theta", default)?;
        let parameters = self.get("rope_parameters").or_else(|| self.get("rope_scaling")).and_then(Value::as_object);
        let Some(parameters) = parameters else { return Ok(None) };
        let kind = parameters.get("rope_type").or_else(|| parameters.get("type")).and_then(Value::as_str);
        let alpha = parameters.get("alpha").and_then(Value::as_f64).filter(|alpha| *alpha > 0.0);
        let (Some("dynamic"), Some(alpha)) = (kind, alpha) else { return Ok(None) };
        if let Some(value) = parameters.get("rope_theta").and_then(Value::as_f64).filter(|value| *value > 0.0) {
            base = value;
        }
        if head_dim <= 2 {
            return Err(self.config.wrong("head_dim", "more than 2", self.config.fields.get("head_dim")));
        }
        Ok(Some(base * alpha.powf(head_dim as f64 / (head_dim - 2) as f64)))
    }

    /// Layers with a window: `layer_types`, or all but every `period`-th.
    ///
    /// # Errors
    /// A kind of layer that is not implemented, or a list of another length.
    pub fn layer_types(&mut self, layers: usize) -> Result<Option<Vec<bool>>, ModelError> {
        let Some(value) = self.get("layer_types") else { return Ok(None) };
        let wrong = || {
            let expected = format!("for each of {layers} layers \"full_attention\" or \"sliding_attention\"");
            self.config.wrong("layer_types", &expected, Some(value))
        };
        let kinds = value.as_array().filter(|kinds| kinds.len() == layers).ok_or_else(wrong)?;
        let kind = |kind: &Value| match kind.as_str() {
            Some("full_attention") => Ok(false),
            Some("sliding_attention") => Ok(true),
            _ => Err(wrong()),
        };
        kinds.iter().map(kind).collect::<Result<Vec<bool>, ModelError>>().map(Some)
    }

    /// The windows of Qwen: none, unless `use_sliding_window` says so for the layers from `max_window_layers` on.
    ///
    /// # Errors
    /// The fields contradict each other.
    pub fn late_windows(&mut self, blueprint: &mut Blueprint) -> Result<(), ModelError> {
        let config = &mut blueprint.config;
        let first = self.integer("max_window_layers", Some(config.layers))?;
        let kinds = self.layer_types(config.layers)?;
        let uses = self.flag("use_sliding_window", false)?;
        let window = if uses { self.integer("sliding_window", None)? } else { 0 };
        self.ignore(&["sliding_window"]);
        let layers = kinds.unwrap_or_else(|| (0..config.layers).map(|layer| uses && layer >= first).collect());
        if layers.contains(&true) {
            if !uses {
                let value = self.config.fields.get("layer_types");
                return Err(self.config.wrong("layer_types", "full attention only without use_sliding_window", value));
            }
            config.sliding = Some(Sliding { window, layers, rotary: config.rotary.clone() });
        }
        Ok(())
    }

    /// The error for a field that was read and cannot be used.
    pub fn wrong(&self, field: &str, expected: &str) -> ModelError {
        self.config.wrong(field, expected, self.config.fields.get(field))
    }

    /// Refuses what was not asked for.
    ///
    /// # Errors
    /// Names the first field, in alphabetical order, that is set to anything.
    pub fn finish(self) -> Result<(), ModelError> {
        let mut names: Vec<&String> = self.config.fields.keys().collect();
        names.sort();
        for name in names {
            let known = self.asked.contains(name) || HARMLESS.contains(&name.as_str()) || name.starts_with('_');
            let value = &self.config.fields[name];
            if !known && !is_nothing(value) {
                let expected = "nothing here: this field is not known, and may change what is computed";
                return Err(self.config.wrong(name, expected, Some(value)));
            }
        }
        Ok(())
    }
}

/// Null, false, zero or empty: a feature that is not used.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}
