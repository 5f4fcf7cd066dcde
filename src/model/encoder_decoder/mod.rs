//! One encoder-decoder transformer for all families of that kind. A family says what it is (an [`Architecture`]) and what its
//! tensors are called ([`Names`]); the mathematics is here.
//!
//! A batch is ragged: the tokens of all its sources lie behind each other, `[total_tokens, width]`, and attention runs for
//! each sequence on its own. There is no padding and no mask, and a row's numbers do not depend on its batch.

mod network;
mod packed;
mod plain;
mod state;

use super::layers::{Activation, Inventory};
use super::weights::Weights;
use super::{Ask, Candidates, LoadOptions, Model, ModelError, Precision, Request, Spec, State};
use crate::token::TokenId;
use network::Network;

/// Where the normalizations stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormOrder {
    /// After each residual sum, as in the first transformer.
    Post,
    /// Before each sublayer.
    Pre,
}

/// Where the position vectors come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// Sines and cosines; from the checkpoint if it has them, otherwise computed.
    Sinusoidal,
    /// Learned, in the checkpoint; the first position is this row.
    Learned {
        /// Row of the first position.
        first: usize,
    },
}

/// Sizes of the encoder or the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stack {
    /// Number of layers.
    pub layers: usize,
    /// Number of attention heads.
    pub heads: usize,
    /// Width between the two matrices of a feed-forward layer.
    pub inner: usize,
}

/// What a network is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// Width of a token's vector.
    pub width: usize,
    /// The encoder.
    pub encoder: Stack,
    /// The decoder.
    pub decoder: Stack,
    /// Number of tokens of the source.
    pub source_vocab: usize,
    /// Number of tokens of the target.
    pub target_vocab: usize,
    /// Number of positions.
    pub positions: usize,
    /// Where their vectors come from.
    pub position_kind: Positions,
    /// Factor of the token vectors before positions are added.
    pub embedding_scale: f32,
    /// The function within the feed-forward layers.
    pub activation: Activation,
    /// Where the normalizations stand.
    pub norm_order: NormOrder,
    /// Whether embeddings are normalized before the first layer.
    pub embedding_norm: bool,
    /// Whether the last layer's output is normalized once more.
    pub final_norm: bool,
    /// Whether the linear layers have biases.
    pub linear_bias: bool,
}

/// What the tensors of a checkpoint are called.
#[derive(Debug, Clone)]
pub struct Names {
    /// Prefix of the encoder.
    pub encoder: String,
    /// Prefix of the decoder.
    pub decoder: String,
    /// Embeddings of source tokens: the first of these that the checkpoint has.
    pub source_embedding: Vec<String>,
    /// Embeddings of target tokens, likewise.
    pub target_embedding: Vec<String>,
    /// Projection onto the vocabulary, likewise.
    pub output: Vec<String>,
    /// Bias of that projection, `[1, vocab]`; without it, zero.
    pub output_bias: String,
}

/// An encoder-decoder with its weights.
pub struct EncoderDecoder {
    spec: Spec,
    engine: Engine,
}

impl std::fmt::Debug for EncoderDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncoderDecoder").field("spec", &self.spec).finish_non_exhaustive()
    }
}

enum Engine {
    Packed(Box<packed::Engine>),
    Plain(Box<plain::Engine>),
}

/// Which implementation computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Implementation {
    /// The one made for the device.
    Fastest,
    /// Plain operations, as a reference.
    Plain,
}

impl EncoderDecoder {
    /// Loads a network.
    ///
    /// # Errors
    /// A tensor is missing or has another shape (all are named), the precision is not available, or the device failed.
    pub fn load(
        weights: &Weights,
        description: (&Architecture, &Names),
        spec: Spec,
        options: &LoadOptions,
    ) -> Result<EncoderDecoder, ModelError> {
        load(weights, description, spec, (options, Implementation::Fastest))
    }

    /// Loads a network that computes with plain Candle operations on any device, the CPU too: slow, and the reference the
    /// packed kernels are tested against.
    ///
    /// # Errors
    /// As [`EncoderDecoder::load`].
    pub fn load_plain(
        weights: &Weights,
        description: (&Architecture, &Names),
        spec: Spec,
        options: &LoadOptions,
    ) -> Result<EncoderDecoder, ModelError> {
        load(weights, description, spec, (options, Implementation::Plain))
    }
}

fn load(
    weights: &Weights,
    (architecture, names): (&Architecture, &Names),
    spec: Spec,
    (options, implementation): (&LoadOptions, Implementation),
) -> Result<EncoderDecoder, ModelError> {
    if options.precision == Precision::Int8 {
        return Err(ModelError::Config {
            field: "precision".into(),
            value: "int8".into(),
            advice: "this family computes in f32; use auto or f32".into(),
        });
    }
    let inventory = Inventory::default();
    Network::load(&inventory, weights, (architecture, names))?;
    let mut wanted = inventory.into_wanted();
    if weights.shape(&names.output_bias).is_some() {
        wanted.push((names.output_bias.clone(), vec![1, architecture.target_vocab]));
    }
    weights.check(&wanted)?;
    let engine = if options.device.is_cpu() && implementation == Implementation::Fastest {
        Engine::Packed(Box::new(packed::Engine::load(weights, (architecture, names))?))
    } else {
        Engine::Plain(Box::new(plain::Engine::load(weights, (architecture, names), &options.device)?))
    };
    Ok(EncoderDecoder { spec, engine })
}

impl Model for EncoderDecoder {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn start(&self, batch: &[Request<'_>]) -> Result<Box<dyn State>, ModelError> {
        let architecture = match &self.engine {
            Engine::Packed(engine) => engine.architecture(),
            Engine::Plain(engine) => engine.architecture(),
        };
        for request in batch {
            check_tokens("source", request.source, self.spec.max_source_tokens, architecture.source_vocab)?;
            check_tokens("prefix", request.prefix, architecture.positions, architecture.target_vocab)?;
        }
        match &self.engine {
            Engine::Packed(engine) => Ok(Box::new(engine.start(batch)?)),
            Engine::Plain(engine) => Ok(Box::new(engine.start(batch)?)),
        }
    }

    fn step(&self, last: &[TokenId], state: &mut dyn State, ask: &Ask<'_>) -> Result<Vec<Candidates>, ModelError> {
        if last.len() != state.rows() {
            return Err(ModelError::State(format!("{} tokens for {} rows", last.len(), state.rows())));
        }
        let vocab = self.spec.vocab;
        let asked =
            ask.allowed.unwrap_or_default().last().into_iter().chain(ask.adjust.iter().map(|change| &change.token));
        if let Some(&got) = last.iter().chain(asked).find(|&&id| id as usize >= vocab) {
            return Err(ModelError::TokenOutOfRange { vocab, got });
        }
        if last.is_empty() {
            return Ok(Vec::new());
        }
        let foreign = || ModelError::State("state is of another model".into());
        match &self.engine {
            Engine::Packed(engine) => engine.step(last, state.as_any_mut().downcast_mut().ok_or_else(foreign)?, ask),
            Engine::Plain(engine) => engine.step(last, state.as_any_mut().downcast_mut().ok_or_else(foreign)?, ask),
        }
    }
}

fn check_tokens(what: &'static str, ids: &[TokenId], limit: usize, vocab: usize) -> Result<(), ModelError> {
    if ids.is_empty() {
        return Err(ModelError::State(format!("{what} is empty: expected at least one token")));
    }
    if ids.len() > limit {
        return Err(ModelError::TooLong { what, limit, got: ids.len() });
    }
    match ids.iter().find(|&&id| id as usize >= vocab) {
        Some(&got) => Err(ModelError::TokenOutOfRange { vocab, got }),
        None => Ok(()),
    }
}
