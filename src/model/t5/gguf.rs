//! T5 in GGUF, as llama.cpp's converter writes T5 1.0 and 1.1, flan-T5, mT5, UMT5 and MADLAD-400.
//!
//! Sizes stand in the metadata; what does not is told by the tensors there are. A layer with a gate is that of T5 1.1, with
//! GELU, one without is that of T5 1.0, with `ReLU`: llama.cpp computes so, and its files name no function. UMT5 has a table of
//! distances in every layer, the others in the first.

use candle_core::Device;

use super::{Shape, check_relative, network};
use crate::model::ModelError;
use crate::model::checkpoint::{Configuration, LARGEST, MOST_LAYERS, MOST_POSITIONS, Sizes, SpecialTokens};
use crate::model::encoder_decoder::{Biases, Description, Expansion, Layout, Names, Relative, Stack};
use crate::model::gguf::GgufFile;
use crate::model::layers::Activation;

/// The architecture; `t5encoder` is one without a decoder.
const FAMILY: &str = "t5";
const EMBEDDING: &str = "token_embd.weight";
const OUTPUT: &str = "output.weight";
/// Distances from which on all share a bucket: no file says, all published checkpoints have this, and llama.cpp computes so.
const FARTHEST: usize = 128;
/// Keys that are read, or say nothing about the maths.
const UNDERSTOOD: [&str; 14] = [
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "block_count",
    "decoder_block_count",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "attention.layer_norm_epsilon",
    "attention.layer_norm_rms_epsilon",
    "attention.relative_buckets_count",
    "decoder_start_token_id",
    "vocab_size",
];
/// How many rows of the two tables are compared.
const COMPARED: usize = 16;
/// Relative difference up to which two tables are the same, if each was rounded to a few bits, and from which on they differ:
/// rounding to two bits makes one of 0.2, and tables that were trained apart differ by more than they measure.
const SAME: f64 = 0.3;
const DIFFERENT: f64 = 0.6;

/// What the metadata and the tensors of a GGUF file say.
///
/// # Errors
/// Another architecture, metadata that is missing or asks for something that is not implemented, or tensors from which what the
/// metadata lacks cannot be told.
pub fn describe_gguf(file: &GgufFile) -> Result<Description, ModelError> {
    let architecture = file.architecture()?;
    if architecture != FAMILY {
        return Err(file.wrong("general.architecture", FAMILY, file.metadata.get("general.architecture")));
    }
    file.refuse_parts()?;
    if let Some((name, value)) = file.keys_of(FAMILY).into_iter().find(|(name, _)| !UNDERSTOOD.contains(name)) {
        return Err(file.wrong(&key(name), "nothing here: this is not implemented", Some(value)));
    }
    let size = |name: &str| bounded(file, name, LARGEST);
    let (width, heads, head_dim) =
        (size("embedding_length")?, size("attention.head_count")?, size("attention.key_length")?);
    for (name, expected) in [("attention.value_length", head_dim), ("attention.head_count_kv", heads)] {
        if file.optional_integer(&key(name))?.is_some_and(|got| got != expected) {
            return Err(file.wrong(&key(name), &expected.to_string(), file.metadata.get(&key(name))));
        }
    }
    let encoder = Stack { layers: layers(file, "block_count")?, heads, head_dim, inner: size("feed_forward_length")? };
    // As in llama.cpp, a file of before the key has as many layers on both sides.
    let decoder_layers = match file.optional_integer(&key("decoder_block_count"))? {
        Some(_) => layers(file, "decoder_block_count")?,
        None => encoder.layers,
    };
    let stacks = [("enc", encoder.layers), ("dec", decoder_layers)];
    let relative = Relative {
        buckets: bounded(file, "attention.relative_buckets_count", LARGEST)?,
        farthest: FARTHEST,
        biases: in_all_layers(file, "attn_rel_b", stacks, 1)?
            .map_or(Biases::Shared, |all| if all { Biases::OfEachLayer } else { Biases::Shared }),
    };
    check_relative(relative, |_, advice| {
        let name = key("attention.relative_buckets_count");
        file.wrong(&name, advice, file.metadata.get(&name))
    })?;
    let gated = in_all_layers(file, "ffn_gate", stacks, 0)?.unwrap_or(false);
    let (activation, expansion) =
        if gated { (Activation::GeluTanh, Expansion::Gated) } else { (Activation::Relu, Expansion::Plain) };
    let vocab = file.tensors().rows(EMBEDDING)?;
    let tied = is_tied(file, (vocab, width), gated)?;
    let epsilon = key("attention.layer_norm_rms_epsilon");
    let architecture = network(&Shape {
        vocab,
        width,
        encoder,
        decoder_layers,
        positions: bounded(file, "context_length", MOST_POSITIONS)?,
        feed_forward: (activation, expansion),
        norm_epsilon: match file.optional_number(&epsilon)? {
            Some(value) => value as f32,
            None => return Err(file.wrong(&epsilon, "a number", None)),
        },
        relative,
        scaled: tied,
    });
    let token = |name: &str, default: u32| match file.optional_integer(name)? {
        None => Ok(default),
        Some(id) if id < vocab => Ok(id as u32),
        Some(_) => Err(file.wrong(name, &format!("an id below {vocab}"), file.metadata.get(name))),
    };
    let pad = token("tokenizer.ggml.padding_token_id", 0)?;
    let tokens = SpecialTokens {
        eos: token("tokenizer.ggml.eos_token_id", 1)?,
        decoder_start: token(&key("decoder_start_token_id"), pad)?,
        forced_eos: None,
    };
    let sizes = Sizes { vocab, positions: architecture.positions };
    let (spec, defaults) = Configuration::none().search(FAMILY, sizes, tokens)?;
    let table = vec![EMBEDDING.to_string()];
    let names = Names {
        encoder: "enc".into(),
        decoder: "dec".into(),
        output: if tied { table.clone() } else { vec![OUTPUT.to_string()] },
        source_embedding: table.clone(),
        target_embedding: table,
        output_bias: String::new(),
        layout: Layout::Gguf,
    };
    Ok(Description { architecture, names, spec, defaults, auto: super::ACTIVATIONS })
}

fn key(name: &str) -> String {
    format!("{FAMILY}.{name}")
}

fn bounded(file: &GgufFile, name: &str, most: usize) -> Result<usize, ModelError> {
    let key = key(name);
    match file.integer(&key)? {
        value if (1..=most).contains(&value) => Ok(value),
        _ => Err(file.wrong(&key, &format!("a number from 1 to {most}"), file.metadata.get(&key))),
    }
}

fn layers(file: &GgufFile, name: &str) -> Result<usize, ModelError> {
    bounded(file, name, MOST_LAYERS)
}

/// Whether all layers from `first` on have a part, or none; nothing where there are no such layers.
///
/// # Errors
/// Some have it and some have not.
fn in_all_layers(
    file: &GgufFile,
    part: &str,
    stacks: [(&str, usize); 2],
    first: usize,
) -> Result<Option<bool>, ModelError> {
    let names = stacks
        .into_iter()
        .flat_map(|(side, layers)| (first..layers).map(move |layer| format!("{side}.blk.{layer}.{part}.weight")));
    let mut all = None;
    for name in names {
        let has = file.has(&name);
        if all.is_some_and(|all| all != has) {
            return Err(ModelError::Config {
                field: name,
                value: if has { "(a tensor)" } else { "(missing)" }.into(),
                advice: format!("other layers of {} differ: expected it in all or in none", file.path.display()),
            });
        }
        all = Some(has);
    }
    Ok(all)
}

/// Whether the table of tokens is the output as well, in which case what goes into it is scaled by the root of the width, as
/// `transformers` does where `tie_word_embeddings` is not false; files do not say. llama.cpp never scales, which leaves the best
/// token what it is, but not the scores of beams.
///
/// Without a matrix of its own the output is tied. A file may also hold the tied one twice, since older checkpoints do. Both is
/// so in T5 1.0, whose layers have no gate; of layers with one, the published checkpoints all have an output of their own, and
/// `transformers` itself scales a tied one in T5 and UMT5 but not in mT5.
///
/// # Errors
/// It cannot be told.
fn is_tied(file: &GgufFile, shape: (usize, usize), gated: bool) -> Result<bool, ModelError> {
    let undecided = |value: String| ModelError::Config {
        field: OUTPUT.into(),
        value,
        advice: format!(
            "from this it cannot be told whether what goes into the output is scaled; use the folder with config.json instead of {}",
            file.path.display()
        ),
    };
    if !file.has(OUTPUT) {
        return if gated { Err(undecided("(missing beside layers with a gate)".into())) } else { Ok(true) };
    }
    match difference(file, shape)? {
        apart if apart >= DIFFERENT => Ok(false),
        apart if apart <= SAME && !gated => Ok(true),
        apart if apart <= SAME => Err(undecided("(that of the tokens again, beside layers with a gate)".into())),
        apart => Err(undecided(format!("(by {:.0} % another one than that of the tokens)", apart * 100.0))),
    }
}

/// The relative difference of the output from the table of tokens, by some of their rows.
fn difference(file: &GgufFile, (vocab, width): (usize, usize)) -> Result<f64, ModelError> {
    let (mut apart, mut whole) = (0.0, 0.0);
    for row in (0..vocab).step_by((vocab / COMPARED).max(1)) {
        let values = |name: &str| -> Result<Vec<f32>, ModelError> {
            let row = file.tensors().matrix(name, (vocab, width), row..row + 1, &Device::Cpu)?;
            Ok(row.dequantize(&Device::Cpu)?.flatten_all()?.to_vec1()?)
        };
        for (a, b) in values(EMBEDDING)?.into_iter().zip(values(OUTPUT)?) {
            apart += f64::from(a - b).powi(2);
            whole += f64::from(a).powi(2);
        }
    }
    Ok(if apart == 0.0 { 0.0 } else { (apart / whole).sqrt() })
}
