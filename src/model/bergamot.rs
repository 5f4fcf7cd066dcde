//! Bergamot: the small translation models of Firefox and translateLocally, in Marian's binary format.
//!
//! An encoder with self-attention, a decoder of SSRU cells that look at the source, 8-bit matrices, a lexical shortlist. What a
//! network is stands in the model file itself (`special:model.yml`); what a field means is as in marian-dev
//! (`src/models/transformer.h`). The network is [`EncoderDecoder`].

use super::encoder_decoder::{
    Answers, Architecture, AttentionScale, EncoderDecoder, Expansion, FirstInput, History, Layout, Names, NormOrder,
    Positions, Stack,
};
use super::layers::{Activation, NormKind};
use super::shortlist::Shortlist;
use super::weights::{Wanted, Weights, marian};
use super::{Ask, Candidates, LoadOptions, Model, ModelError, Precision, Request, Spec, State};
use crate::kernels::int8::Activations;
use crate::token::{TokenClasses, TokenId};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Largest size that is believed of a description. The sums of a product of 8-bit weights with this many inputs still fit into 32
/// bits.
const LARGEST: usize = 1 << 15;
/// Positions there are vectors for: sources are cut far below it, and no answer is longer.
const POSITIONS: usize = 512;
/// A layer has more tensors than this.
const LAYER_TENSORS: usize = 8;
/// Characters of a value that are shown where it is not supported.
const SHOWN: usize = 80;
/// Added to the variance (marian-dev, `src/layers/generic.h`).
const NORM_EPSILON: f32 = 1e-6;

/// The files of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `model.*.intgemm.alphas.bin`.
    pub model: PathBuf,
    /// `lex.50.50.*.s2t.bin`, if there is one.
    pub shortlist: Option<PathBuf>,
}

/// What the vocabularies say.
#[derive(Debug, Clone, Copy)]
pub struct Vocabulary<'a> {
    /// Number of pieces of the source.
    pub source: usize,
    /// Number of pieces of the target.
    pub target: usize,
    /// Whether both are one vocabulary.
    pub shared: bool,
    /// The token that ends source and answer.
    pub end: TokenId,
    /// The token for what the target's vocabulary lacks, which is never answered.
    pub unknown: TokenId,
    /// The classes of the target's tokens, or empty.
    pub classes: &'a [TokenClasses],
}

/// A Bergamot model.
#[derive(Debug)]
pub struct Bergamot {
    network: EncoderDecoder,
}

impl Model for Bergamot {
    fn spec(&self) -> &Spec {
        self.network.spec()
    }

    fn start(&self, batch: &[Request<'_>]) -> Result<Box<dyn State>, ModelError> {
        self.network.start(batch)
    }

    fn step(&self, last: &[TokenId], state: &mut dyn State, ask: &Ask<'_>) -> Result<Vec<Candidates>, ModelError> {
        self.network.step(last, state, ask)
    }
}

/// Loads a model: with its 8-bit weights on the CPU, and with activations of 16 bits unless 8 are asked for, which keeps all that
/// the file has; in 32 bits if those are asked for; in plain Candle operations on other devices.
///
/// # Errors
/// A file cannot be read or is damaged, a field of the description is not supported (it is named with its value), model,
/// shortlist and vocabularies do not belong together, or the device failed.
pub fn load(files: &Files, options: &LoadOptions, vocabulary: Vocabulary<'_>) -> Result<Bergamot, ModelError> {
    let Parts { weights, architecture, names, spec, shortlist } = read(files, vocabulary)?;
    let answers = Answers { classes: vocabulary.classes, shortlist };
    let description = (&architecture, &names);
    let network = if options.device.is_cpu() && options.precision != Precision::F32 {
        let activations = if options.precision == Precision::Int8 { Activations::Bits8 } else { Activations::Bits16 };
        EncoderDecoder::load_quantized(&weights, description, spec, (activations, answers))?
    } else {
        EncoderDecoder::load(&weights, description, spec, (options, answers))?
    };
    Ok(Bergamot { network })
}

/// As [`load`], but with plain Candle operations on the CPU too: slow, and the reference for [`load`].
///
/// # Errors
/// As [`load`].
pub fn load_plain(files: &Files, options: &LoadOptions, vocabulary: Vocabulary<'_>) -> Result<Bergamot, ModelError> {
    let Parts { weights, architecture, names, spec, shortlist } = read(files, vocabulary)?;
    let network = EncoderDecoder::load_plain(&weights, (&architecture, &names), spec, (options, shortlist))?;
    Ok(Bergamot { network })
}

/// All but the network.
struct Parts {
    weights: Weights,
    architecture: Architecture,
    names: Names,
    spec: Spec,
    shortlist: Option<Shortlist>,
}

fn read(files: &Files, vocabulary: Vocabulary<'_>) -> Result<Parts, ModelError> {
    let description = Description::parse(&marian::description(&files.model)?);
    let architecture = description.architecture()?;
    for (side, size, pieces) in [
        ("source", architecture.source_vocab, vocabulary.source),
        ("target", architecture.target_vocab, vocabulary.target),
    ] {
        if size != pieces {
            return Err(ModelError::Config {
                field: "dim-vocabs".into(),
                value: format!("{size} for the {side}"),
                advice: format!("its vocabulary has {pieces} pieces: model and vocabulary do not belong together"),
            });
        }
    }
    let weights = Weights::open(std::slice::from_ref(&files.model))?.renamed(canonical);
    let tied = description.flag("tied-embeddings-all")? || description.flag("tied-embeddings")?;
    let one_table = description.flag("tied-embeddings-all")? || description.flag("tied-embeddings-src")?;
    let names = names(one_table, tied);
    check_sizes(&weights, &description, (&architecture, &names))?;
    let sizes = (vocabulary.source, vocabulary.target);
    let shortlist = files.shortlist.as_deref();
    let shortlist = shortlist.map(|path| Shortlist::open(path, sizes, vocabulary.shared)).transpose()?;
    let spec = Spec {
        family: "bergamot",
        vocab: architecture.target_vocab,
        eos: vec![vocabulary.end],
        max_source_tokens: architecture.positions,
        max_target_tokens: architecture.positions,
        suppressed: vec![vocabulary.unknown],
        has_encoder: true,
        forced_eos: None,
        renormalize: false,
    };
    Ok(Parts { weights, architecture, names, spec, shortlist })
}

/// Refuses widths and depths that the tensors do not have, before position vectors and lists of layers are made in these sizes.
fn check_sizes(
    weights: &Weights,
    description: &Description,
    (architecture, names): (&Architecture, &Names),
) -> Result<(), ModelError> {
    let Architecture { width, source_vocab, target_vocab, encoder, decoder, .. } = *architecture;
    let table = |names: &[String], vocab: usize| (names.concat(), vec![vocab, width]);
    weights.check(&[table(&names.source_embedding, source_vocab), table(&names.target_embedding, target_vocab)])?;
    let tensors = weights.names().count();
    for (field, stack) in [("enc-depth", encoder), ("dec-depth", decoder)] {
        if stack.layers > tensors / LAYER_TENSORS {
            return Err(description.unsupported(field, &format!("the file has only {tensors} tensors in all")));
        }
    }
    Ok(())
}

fn names(one_table: bool, tied: bool) -> Names {
    let table = |side: &str| vec![if one_table { "shared.weight".to_string() } else { format!("{side}.embed.weight") }];
    Names {
        encoder: "encoder".into(),
        decoder: "decoder".into(),
        source_embedding: table("encoder"),
        target_embedding: table("decoder"),
        output: if tied { table("decoder") } else { vec!["output.weight".into()] },
        output_bias: "output.bias".into(),
        layout: Layout::Fairseq,
    }
}

/// From Marian's name and shape of an item to those of the network; nothing for what the network does not have.
fn canonical(name: &str, shape: &[usize]) -> Option<Wanted> {
    let whole = |name: &str| Some((name.to_string(), shape.to_vec()));
    match name {
        "Wemb" => return whole("shared.weight"),
        "encoder_Wemb" => return whole("encoder.embed.weight"),
        "decoder_Wemb" => return whole("decoder.embed.weight"),
        "decoder_ff_logit_out_W" => return whole("output.weight"),
        "decoder_ff_logit_out_b" => return whole("output.bias"),
        _ => {}
    }
    let (side, rest) = name.split_once("_l")?;
    let (layer, part) = rest.split_once('_')?;
    // One spelling for each layer, or two items could be one tensor.
    let layer = layer.parse::<usize>().ok().filter(|number| number.to_string() == layer)?.checked_sub(1)?;
    let attention = |prefix: &str, part: &str| {
        let norm = |kind: &str| Some(format!("{prefix}_layer_norm.{kind}"));
        match part {
            "Wo_ln_scale" => return norm("weight"),
            "Wo_ln_bias" => return norm("bias"),
            _ => {}
        }
        let (kind, which) = part.split_at_checked(1)?;
        let kind = match kind {
            "W" => "weight",
            "b" => "bias",
            _ => return None,
        };
        let projection = match which {
            "q" => "q_proj",
            "k" => "k_proj",
            "v" => "v_proj",
            "o" => "out_proj",
            _ => return None,
        };
        Some(format!("{prefix}.{projection}.{kind}"))
    };
    let place = match part.split_once('_')? {
        ("self", part) => attention("self_attn", part)?,
        ("context", part) => attention("encoder_attn", part)?,
        ("rnn", part) => match part {
            "W" => "ssru.candidate.weight",
            "Wf" => "ssru.forget.weight",
            "bf" => "ssru.forget.bias",
            "ffn_ln_scale" => "ssru_layer_norm.weight",
            "ffn_ln_bias" => "ssru_layer_norm.bias",
            _ => return None,
        }
        .to_string(),
        ("ffn", part) => match part {
            "W1" => "fc1.weight",
            "b1" => "fc1.bias",
            "W2" => "fc2.weight",
            "b2" => "fc2.bias",
            "ffn_ln_scale" => "final_layer_norm.weight",
            "ffn_ln_bias" => "final_layer_norm.bias",
            _ => return None,
        }
        .to_string(),
        _ => return None,
    };
    // Marian keeps vectors as matrices of one row.
    let shape = match shape {
        [1, size] if !place.ends_with(".weight") || place.contains("layer_norm") => vec![*size],
        _ => shape.to_vec(),
    };
    Some((format!("{side}.layers.{layer}.{place}"), shape))
}

/// The fields of `special:model.yml`: one level of names with a value or a list of values each, as Marian writes it.
///
/// Not a reader of YAML in general: what a hostile file could do with one (texts that refer to each other) is not there.
#[derive(Debug, Default)]
struct Description(BTreeMap<String, Vec<String>>);

impl Description {
    fn parse(text: &str) -> Description {
        let bare = |value: &str| {
            let value = value.trim();
            let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            quoted.or(value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''))).unwrap_or(value).to_string()
        };
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in text.lines() {
            if let Some(item) = line.trim_start().strip_prefix("- ") {
                fields.entry(current.clone()).or_default().push(bare(item));
            } else if let Some((name, value)) = line.split_once(':') {
                current = name.trim().to_string();
                let value = value.trim();
                let list = value.strip_prefix('[').and_then(|value| value.strip_suffix(']'));
                let values = match list {
                    Some(list) => list.split(',').map(bare).filter(|value| !value.is_empty()).collect(),
                    None if value.is_empty() => Vec::new(),
                    None => vec![bare(value)],
                };
                fields.insert(current.clone(), values);
            }
        }
        Description(fields)
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.0.get(field).and_then(|values| values.first()).map(String::as_str)
    }

    fn unsupported(&self, field: &str, advice: &str) -> ModelError {
        let value = self.0.get(field).map_or("(missing)".to_string(), |values| values.join(", "));
        let value = value.chars().take(SHOWN).collect();
        ModelError::Config { field: field.into(), value, advice: advice.into() }
    }

    fn flag(&self, field: &str) -> Result<bool, ModelError> {
        match self.text(field) {
            None | Some("false" | "") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(self.unsupported(field, "expected true or false")),
        }
    }

    fn size(&self, field: &str) -> Result<usize, ModelError> {
        let size = self.text(field).and_then(|text| text.parse().ok());
        size.filter(|size| (1..=LARGEST).contains(size))
            .ok_or_else(|| self.unsupported(field, &format!("expected a number from 1 to {LARGEST}")))
    }

    /// Refuses every field that would change the mathematics into something that this network does not do.
    fn check(&self) -> Result<(), ModelError> {
        for (field, only) in [
            ("type", "transformer"),
            ("transformer-decoder-autoreg", "rnn"),
            ("dec-cell", "ssru"),
            ("transformer-preprocess", ""),
            ("transformer-postprocess", "dan"),
            ("transformer-ffn-depth", "2"),
        ] {
            if self.text(field).unwrap_or_default() != only {
                return Err(self.unsupported(field, &format!("only {only:?} is supported for bergamot")));
            }
        }
        // Missing in older files, where they have the same meaning.
        for (field, only) in [
            ("transformer-postprocess-emb", "d"),
            ("transformer-postprocess-top", ""),
            ("lemma-dim-emb", "0"),
            ("transformer-decoder-ffn-depth", "0"),
            ("transformer-decoder-dim-ffn", "0"),
        ] {
            if self.text(field).is_some_and(|value| value != only) {
                return Err(self.unsupported(field, &format!("only {only:?} is supported for bergamot")));
            }
        }
        for field in [
            "layer-normalization",
            "right-left",
            "transformer-no-projection",
            "transformer-pool",
            "transformer-train-position-embeddings",
            "transformer-train-positions",
            "ulr",
        ] {
            if self.flag(field)? {
                return Err(self.unsupported(field, "only false is supported for bergamot"));
            }
        }
        for field in ["input-types", "transformer-tied-layers"] {
            if self.0.get(field).is_some_and(|values| !values.is_empty()) {
                return Err(self.unsupported(field, "only an empty list is supported for bergamot"));
            }
        }
        Ok(())
    }

    fn architecture(&self) -> Result<Architecture, ModelError> {
        self.check()?;
        let width = self.size("dim-emb")?;
        let heads = self.size("transformer-heads")?;
        if !width.is_multiple_of(2 * heads) || !width.is_multiple_of(4) {
            let advice = format!("dim-emb {width} must be a multiple of twice as much, and of 4");
            return Err(self.unsupported("transformer-heads", &advice));
        }
        let inner = self.size("transformer-dim-ffn")?;
        let vocabs = self.0.get("dim-vocabs").map_or(&[][..], Vec::as_slice);
        let vocabs: Vec<usize> = vocabs.iter().filter_map(|size| size.parse().ok()).collect();
        let &[source_vocab, target_vocab] = &vocabs[..] else {
            return Err(self.unsupported("dim-vocabs", "expected two numbers"));
        };
        let layers = self.size("dec-depth")?;
        let aligned = match self.text("transformer-guided-alignment-layer") {
            None | Some("last") => layers - 1,
            Some(layer) => match layer.parse::<usize>().ok().and_then(|layer| layer.checked_sub(1)) {
                Some(layer) if layer < layers => layer,
                _ => {
                    let advice = "expected last or the number of a decoder layer";
                    return Err(self.unsupported("transformer-guided-alignment-layer", advice));
                }
            },
        };
        Ok(Architecture {
            width,
            encoder: Stack { layers: self.size("enc-depth")?, heads, head_dim: width / heads, inner },
            decoder: Stack { layers, heads, head_dim: width / heads, inner },
            source_vocab,
            target_vocab,
            positions: POSITIONS,
            position_kind: Positions::Marian { first: 0 },
            embedding_scale: (width as f32).sqrt(),
            activation: match self.text("transformer-ffn-activation") {
                Some("relu") => Activation::Relu,
                Some("swish") => Activation::Swish,
                Some("gelu") => Activation::Gelu,
                _ => {
                    let advice = "supported are relu, swish and gelu";
                    return Err(self.unsupported("transformer-ffn-activation", advice));
                }
            },
            norm_order: NormOrder::Post,
            embedding_norm: false,
            final_norm: false,
            linear_bias: true,
            expansion: Expansion::Plain,
            norm_kind: NormKind::Layer,
            norm_epsilon: NORM_EPSILON,
            attention_scale: AttentionScale::InverseRoot,
            relative: None,
            output_scale: 1.0,
            history: History::Ssru,
            first_input: FirstInput::Zero,
            aligned: Some(aligned),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const REAL: &str = "dec-cell: ssru\ndec-depth: 2\ndim-emb: 256\ndim-vocabs:\n  - 32000\n  - 32000\nenc-depth: 6\n\
        input-types: []\nlayer-normalization: false\ntied-embeddings-all: true\ntransformer-decoder-autoreg: rnn\n\
        transformer-dim-ffn: 1536\ntransformer-ffn-activation: relu\ntransformer-ffn-depth: 2\n\
        transformer-guided-alignment-layer: last\ntransformer-heads: 8\ntransformer-postprocess: dan\n\
        transformer-postprocess-emb: d\ntransformer-postprocess-top: \"\"\ntransformer-preprocess: \"\"\ntype: transformer\n";

    #[test]
    fn a_description_is_read() {
        let architecture = Description::parse(REAL).architecture().unwrap();
        assert_eq!(architecture.width, 256);
        assert_eq!(architecture.encoder, Stack { layers: 6, heads: 8, head_dim: 32, inner: 1536 });
        assert_eq!(architecture.decoder, Stack { layers: 2, heads: 8, head_dim: 32, inner: 1536 });
        assert_eq!((architecture.source_vocab, architecture.target_vocab), (32000, 32000));
        assert_eq!(architecture.aligned, Some(1));
    }

    #[test]
    fn what_changes_the_mathematics_is_refused_by_name_and_value() {
        for (from, to) in [
            ("transformer-decoder-autoreg: rnn", "transformer-decoder-autoreg: average-attention"),
            ("dec-cell: ssru", "dec-cell: gru"),
            ("layer-normalization: false", "layer-normalization: true"),
            ("input-types: []", "input-types:\n  - sequence\n  - class"),
            ("transformer-heads: 8", "transformer-heads: 7"),
            ("dim-emb: 256", "dim-emb: 99999999999999999999"),
            ("dim-emb: 256", "dim-emb: 0"),
            ("transformer-preprocess: \"\"", "transformer-preprocess: n"),
            ("transformer-postprocess: dan", "transformer-postprocess: dahn"),
            ("  - 32000\n  - 32000", "  - 32000"),
            ("transformer-guided-alignment-layer: last", "transformer-guided-alignment-layer: 3"),
            ("type: transformer", "type: transformer\nulr: true"),
        ] {
            assert!(REAL.contains(from), "{from}");
            let error = Description::parse(&REAL.replace(from, to)).architecture().unwrap_err().to_string();
            let field = to.split(':').next().unwrap().trim_start_matches([' ', '-']).trim();
            assert!(error.contains("unsupported model configuration"), "{to}: {error}");
            assert!(
                field.is_empty() || field.starts_with(char::is_numeric) || error.contains(field) || to.contains("ulr")
            );
        }
    }

    #[test]
    fn items_find_their_places() {
        let place = |name: &str, shape: &[usize]| canonical(name, shape).unwrap();
        assert_eq!(
            place("encoder_l1_self_Wq", &[4, 4]),
            ("encoder.layers.0.self_attn.q_proj.weight".into(), vec![4, 4])
        );
        assert_eq!(
            place("decoder_l2_context_bo", &[1, 4]),
            ("decoder.layers.1.encoder_attn.out_proj.bias".into(), vec![4])
        );
        assert_eq!(
            place("decoder_l2_context_Wo_ln_scale", &[1, 4]),
            ("decoder.layers.1.encoder_attn_layer_norm.weight".into(), vec![4])
        );
        assert_eq!(place("decoder_l1_rnn_Wf", &[4, 4]), ("decoder.layers.0.ssru.forget.weight".into(), vec![4, 4]));
        assert_eq!(
            place("encoder_l6_ffn_ffn_ln_bias", &[1, 4]),
            ("encoder.layers.5.final_layer_norm.bias".into(), vec![4])
        );
        assert_eq!(place("decoder_ff_logit_out_b", &[1, 9]), ("output.bias".into(), vec![1, 9]));
        for other in [
            "encoder_l0_self_Wq",
            "encoder_l01_self_Wq",
            "encoder_l+1_self_Wq",
            "encoder_l1_self_Wx",
            "encoder_l1_self_xq",
            "encoder_l1_self_\u{44f}q",
            "none_QuantMultA",
            "decoder_l1_rnn_W_QuantMultA",
            "x",
        ] {
            assert!(canonical(other, &[1, 1]).is_none(), "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends_in_an_answer_or_an_error(text in "([a-z-]{0,12}[: \\n\\[\\]\"-]{0,3}){0,40}") {
            let _ = Description::parse(&text).architecture();
        }
    }
}
