//! The weights of an encoder-decoder, made into layers of any backend.

use super::layout::{AttentionNames, Side};
use super::relative::Biases;
use super::{Architecture, History, Names, Positions, Stack};
use crate::model::ModelError;
use crate::model::layers::fused::Projection;
use crate::model::layers::{Backend, LinearPlan, NormPlan, sinusoids, sinusoids_of_marian};
use crate::model::weights::Weights;

/// All layers of a network.
pub(super) struct Network<B: Backend> {
    pub(super) source: Embedding<B>,
    pub(super) target: Embedding<B>,
    pub(super) encoder: Vec<EncoderLayer<B>>,
    pub(super) decoder: Vec<DecoderLayer<B>>,
    pub(super) encoder_norm: Option<B::Norm>,
    pub(super) decoder_norm: Option<B::Norm>,
    /// Biases of the encoder's attention by distance, `[buckets, heads]`: none, one for all layers, or one for each.
    pub(super) encoder_distances: Vec<B::Table>,
    /// The same for the attention of the decoder to what was answered.
    pub(super) decoder_distances: Vec<B::Table>,
}

pub(super) struct Embedding<B: Backend> {
    /// `[vocab, width]`; missing on the target side if it is the same tensor as on the source side.
    pub(super) tokens: Option<B::Table>,
    /// `[positions, width]`; missing where positions have no vectors.
    pub(super) positions: Option<B::Table>,
    pub(super) norm: Option<B::Norm>,
}

pub(super) struct SelfAttention<B: Backend> {
    /// Query, key and value side by side.
    pub(super) input: B::Linear,
    pub(super) output: B::Linear,
    pub(super) norm: B::Norm,
}

pub(super) struct CrossAttention<B: Backend> {
    pub(super) query: B::Linear,
    /// Key and value side by side.
    pub(super) memory: B::Linear,
    pub(super) output: B::Linear,
    pub(super) norm: B::Norm,
}

pub(super) struct FeedForward<B: Backend> {
    pub(super) expand: B::Linear,
    pub(super) contract: B::Linear,
    pub(super) norm: B::Norm,
}

pub(super) struct EncoderLayer<B: Backend> {
    pub(super) attention: SelfAttention<B>,
    pub(super) feed_forward: FeedForward<B>,
}

/// What a decoder layer knows of the answer so far.
pub(super) enum Memory<B: Backend> {
    Attention(SelfAttention<B>),
    Recurrence(Recurrence<B>),
}

pub(super) struct Recurrence<B: Backend> {
    /// Candidate and forget gate side by side.
    pub(super) input: B::Linear,
    pub(super) norm: B::Norm,
}

pub(super) struct DecoderLayer<B: Backend> {
    pub(super) history: Memory<B>,
    pub(super) cross: CrossAttention<B>,
    pub(super) feed_forward: FeedForward<B>,
}

impl<B: Backend> Network<B> {
    /// Makes the layers.
    ///
    /// # Errors
    /// A tensor is missing or has another shape, or the device failed.
    pub(super) fn load(
        backend: &B,
        weights: &Weights,
        (architecture, names): (&Architecture, &Names),
    ) -> Result<Network<B>, ModelError> {
        let build = Build { backend, weights, architecture, names };
        let source_name = first_of(weights, &names.source_embedding);
        let target_name = first_of(weights, &names.target_embedding);
        Ok(Network {
            source: build.embedding(&names.encoder, Some(source_name), architecture.source_vocab)?,
            target: build.embedding(
                &names.decoder,
                (target_name != source_name).then_some(target_name),
                architecture.target_vocab,
            )?,
            encoder: (0..architecture.encoder.layers)
                .map(|layer| build.encoder_layer(&names.layout.layer(&names.encoder, layer)))
                .collect::<Result<_, _>>()?,
            decoder: (0..architecture.decoder.layers)
                .map(|layer| build.decoder_layer(&names.layout.layer(&names.decoder, layer)))
                .collect::<Result<_, _>>()?,
            encoder_norm: build.final_norm(&names.encoder)?,
            decoder_norm: build.final_norm(&names.decoder)?,
            encoder_distances: build.distances(&names.encoder, architecture.encoder)?,
            decoder_distances: build.distances(&names.decoder, architecture.decoder)?,
        })
    }
}

/// The projection onto the vocabulary; its matrix often is the target embedding.
pub(super) fn projection<'a>(
    weights: &Weights,
    (architecture, names): (&Architecture, &'a Names),
    selected: bool,
) -> Projection<'a> {
    Projection {
        name: first_of(weights, &names.output),
        bias: &names.output_bias,
        vocab: architecture.target_vocab,
        width: architecture.width,
        selected,
    }
}

/// The first of several names that the checkpoint has; the first of all if it has none, so that this one is reported.
fn first_of<'a>(weights: &Weights, names: &'a [String]) -> &'a str {
    names.iter().find(|name| weights.shape(name).is_some()).or(names.first()).map_or("", String::as_str)
}

struct Build<'a, B> {
    backend: &'a B,
    weights: &'a Weights,
    architecture: &'a Architecture,
    names: &'a Names,
}

impl<B: Backend> Build<'_, B> {
    fn embedding(&self, prefix: &str, tokens: Option<&str>, vocab: usize) -> Result<Embedding<B>, ModelError> {
        let Architecture { width, positions, .. } = *self.architecture;
        let name = format!("{prefix}.embed_positions.weight");
        let positions = match self.architecture.position_kind {
            Positions::None => None,
            Positions::Sinusoidal if self.weights.shape(&name).is_none() => {
                Some(self.backend.computed(|| sinusoids(positions, width), [positions, width])?)
            }
            Positions::Sinusoidal => Some(self.backend.table(self.weights, &name, [positions, width])?),
            Positions::Marian { first } => {
                let shape = [positions + first, width];
                Some(self.backend.computed(|| sinusoids_of_marian(shape[0], width), shape)?)
            }
            Positions::Learned { first } => {
                Some(self.backend.table(self.weights, &name, [positions + first, width])?)
            }
        };
        let norm = self.architecture.embedding_norm.then(|| self.norm(&format!("{prefix}.layernorm_embedding")));
        Ok(Embedding {
            tokens: tokens.map(|name| self.backend.table(self.weights, name, [vocab, width])).transpose()?,
            positions,
            norm: norm.transpose()?,
        })
    }

    fn encoder_layer(&self, prefix: &str) -> Result<EncoderLayer<B>, ModelError> {
        Ok(EncoderLayer {
            attention: self.self_attention(prefix, self.architecture.encoder)?,
            feed_forward: self.feed_forward(prefix, (Side::Encoder, self.architecture.encoder))?,
        })
    }

    fn decoder_layer(&self, prefix: &str) -> Result<DecoderLayer<B>, ModelError> {
        let stack = self.architecture.decoder;
        let AttentionNames { query, key, value, output, norm } = self.names.layout.cross_attention(prefix);
        Ok(DecoderLayer {
            history: match self.architecture.history {
                History::SelfAttention => Memory::Attention(self.self_attention(prefix, stack)?),
                History::Ssru => Memory::Recurrence(self.recurrence(prefix)?),
            },
            cross: CrossAttention {
                query: self.heads_of(vec![query], stack)?,
                memory: self.heads_of(vec![key, value], stack)?,
                output: self.of_heads(output, stack)?,
                norm: self.norm(&norm)?,
            },
            feed_forward: self.feed_forward(prefix, (Side::Decoder, stack))?,
        })
    }

    fn self_attention(&self, prefix: &str, stack: Stack) -> Result<SelfAttention<B>, ModelError> {
        let AttentionNames { query, key, value, output, norm } = self.names.layout.self_attention(prefix);
        Ok(SelfAttention {
            input: self.heads_of(vec![query, key, value], stack)?,
            output: self.of_heads(output, stack)?,
            norm: self.norm(&norm)?,
        })
    }

    /// The candidate has no bias.
    fn recurrence(&self, prefix: &str) -> Result<Recurrence<B>, ModelError> {
        let width = self.architecture.width;
        let plan = LinearPlan {
            weights: ["candidate", "forget"].map(|part| format!("{prefix}.ssru.{part}.weight")).into(),
            biases: vec![String::new(), format!("{prefix}.ssru.forget.bias")],
            inputs: width,
            outputs: width,
        };
        Ok(Recurrence {
            input: self.backend.linear(self.weights, &plan)?,
            norm: self.norm(&format!("{prefix}.ssru_layer_norm"))?,
        })
    }

    /// Projections of a token's vector onto the heads.
    fn heads_of(&self, names: Vec<String>, stack: Stack) -> Result<B::Linear, ModelError> {
        self.linear(names, self.architecture.width, stack.heads * stack.head_dim)
    }

    /// The projection of the heads back to a token's vector.
    fn of_heads(&self, name: String, stack: Stack) -> Result<B::Linear, ModelError> {
        self.linear(vec![name], stack.heads * stack.head_dim, self.architecture.width)
    }

    fn feed_forward(&self, prefix: &str, (side, stack): (Side, Stack)) -> Result<FeedForward<B>, ModelError> {
        let width = self.architecture.width;
        let names = self.names.layout.feed_forward(prefix, side, self.architecture.expansion);
        Ok(FeedForward {
            expand: self.linear(names.expand, width, stack.inner)?,
            contract: self.linear(vec![names.contract], stack.inner, width)?,
            norm: self.norm(&names.norm)?,
        })
    }

    fn final_norm(&self, prefix: &str) -> Result<Option<B::Norm>, ModelError> {
        self.architecture.final_norm.then(|| self.norm(&self.names.layout.final_norm(prefix))).transpose()
    }

    /// The tables of biases by distance of a side.
    fn distances(&self, prefix: &str, stack: Stack) -> Result<Vec<B::Table>, ModelError> {
        let Some(relative) = self.architecture.relative else { return Ok(Vec::new()) };
        let layers = match relative.biases {
            Biases::Shared => stack.layers.min(1),
            Biases::OfEachLayer => stack.layers,
        };
        let table = |layer: usize| {
            let name = self.names.layout.distance_bias(&self.names.layout.layer(prefix, layer));
            self.backend.table(self.weights, &name, [relative.buckets, stack.heads])
        };
        (0..layers).map(table).collect()
    }

    fn linear(&self, names: Vec<String>, inputs: usize, outputs: usize) -> Result<B::Linear, ModelError> {
        let biases = if self.architecture.linear_bias {
            names.iter().map(|name| format!("{name}.bias")).collect()
        } else {
            Vec::new()
        };
        let weights = names.into_iter().map(|name| format!("{name}.weight")).collect();
        self.backend.linear(self.weights, &LinearPlan { weights, biases, inputs, outputs })
    }

    fn norm_plan(&self, name: &str) -> NormPlan {
        let Architecture { width, norm_epsilon: epsilon, norm_kind: kind, .. } = *self.architecture;
        NormPlan { name: name.into(), width, epsilon, kind }
    }

    fn norm(&self, name: &str) -> Result<B::Norm, ModelError> {
        self.backend.norm(self.weights, &self.norm_plan(name))
    }
}
