//! From the files of a checkpoint and what a family says of it to a network: which engine, and where a quantized one is kept.

use super::{Answers, Architecture, EncoderDecoder, Layout, Names, Stack};
use crate::kernels::int8::Activations;
use crate::model::checkpoint::{Fields, GenerationDefaults};
use crate::model::weights::Weights;
use crate::model::{Keep, LoadOptions, ModelError, Precision, Spec};
use crate::token::TokenClasses;
use std::path::PathBuf;

/// What a family says of a checkpoint.
#[derive(Debug, Clone)]
pub struct Description {
    /// What the network is made of.
    pub architecture: Architecture,
    /// What its tensors are called.
    pub names: Names,
    /// Its sizes and special tokens.
    pub spec: Spec,
    /// How it wants to be searched.
    pub defaults: GenerationDefaults,
    /// What activations are kept in beside 8-bit weights where the user does not say.
    pub auto: Activations,
}

impl EncoderDecoder {
    /// Opens the weights of a checkpoint: on the CPU in 8 bits or, if asked, in 32-bit floats; elsewhere in plain Candle
    /// operations. `classes` are those of the tokens, or empty.
    ///
    /// # Errors
    /// A file cannot be read or is damaged, a tensor is missing or has another shape (all are named), the precision is not
    /// available on the device, or the device failed.
    pub fn open(
        weights: &[PathBuf],
        description: Description,
        (options, classes): (&LoadOptions, &[TokenClasses]),
    ) -> Result<EncoderDecoder, ModelError> {
        let Description { architecture, names, spec, auto, .. } = description;
        let answers = Answers { classes, shortlist: None };
        if options.device.is_cpu() && options.precision != Precision::F32 {
            let image = weights.first().filter(|_| options.keep == Keep::BesideWeights);
            let image = image.map(|weights| weights.with_extension("tlumach-int8"));
            let activations = match options.precision {
                Precision::W8A16 => Activations::Bits16,
                Precision::Int8 => Activations::Bits8,
                Precision::Auto | Precision::F32 => auto,
            };
            let image = (image.as_deref(), activations, answers);
            return EncoderDecoder::load_int8(weights, (&architecture, &names), spec, image);
        }
        let weights = Weights::open(weights)?;
        EncoderDecoder::load(&weights, (&architecture, &names), spec, (options, answers))
    }

    /// The same with plain Candle operations on the CPU too: slow, and the reference for the others.
    ///
    /// # Errors
    /// As [`EncoderDecoder::open`].
    pub fn open_plain(
        weights: &[PathBuf],
        description: Description,
        options: &LoadOptions,
    ) -> Result<EncoderDecoder, ModelError> {
        let Description { architecture, names, spec, .. } = description;
        EncoderDecoder::load_plain(&Weights::open(weights)?, (&architecture, &names), spec, (options, None))
    }
}

impl Stack {
    /// The sizes of a side (`encoder` or `decoder`) as the configurations of Marian, BART and M2M100 name them.
    pub(in crate::model) fn read(fields: &Fields<'_>, side: &str, width: usize) -> Result<Stack, ModelError> {
        let field = format!("{side}_attention_heads");
        let heads = fields.size(&field, 16)?;
        if !width.is_multiple_of(heads) {
            return Err(fields.unsupported(&field, &format!("d_model {width} must be a multiple")));
        }
        Ok(Stack {
            layers: fields.layers(&format!("{side}_layers"), 12)?,
            heads,
            head_dim: width / heads,
            inner: fields.size(&format!("{side}_ffn_dim"), 4096)?,
        })
    }
}

impl Names {
    /// The names that `transformers` has for models with one table of token vectors for both sides, which is the output as
    /// well if it is tied. Files keep that table under any of its names.
    pub(in crate::model) fn with_one_table(prefix: &str, tied: bool, layout: Layout) -> Names {
        let table = ["shared", "encoder.embed_tokens", "decoder.embed_tokens"];
        let mut embedding: Vec<String> = table.iter().map(|name| format!("{prefix}{name}.weight")).collect();
        let head = "lm_head.weight".to_string();
        let mut output = if tied { embedding.clone() } else { vec![head.clone()] };
        if tied {
            embedding.push(head.clone());
            output.push(head);
        }
        Names {
            encoder: format!("{prefix}encoder"),
            decoder: format!("{prefix}decoder"),
            source_embedding: embedding.clone(),
            target_embedding: embedding,
            output,
            output_bias: "final_logits_bias".into(),
            layout,
        }
    }
}
