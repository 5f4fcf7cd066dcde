//! One encoder-decoder transformer for all families of that kind. A family says what it is (an [`Architecture`]) and what its
//! tensors are called ([`Names`]); the mathematics is here.
//!
//! A batch is ragged: the tokens of all its sources lie behind each other, `[total_tokens, width]`, and attention runs for
//! each sequence on its own. There is no padding and no mask, and a row's numbers do not depend on its batch.

mod fused;
mod layout;
mod network;
mod open;
mod plain;
mod relative;
mod state;

use super::layers::int8::{Bits8, Bits16, Int8, Kept, Maker};
use super::layers::packed::Packed;
use super::layers::{Activation, Inventory, NormKind};
use super::shortlist::Shortlist;
use super::weights::Weights;
use super::weights::image::{Builder, Image, Origin};
use super::{Ask, Candidates, LoadOptions, Model, ModelError, Precision, Request, Spec, State};
use crate::kernels::int8::Activations;
use crate::token::{TokenClasses, TokenId};
use network::Network;
use std::path::{Path, PathBuf};

pub use layout::Layout;
pub use open::Description;
pub use relative::{Biases, Relative};

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
    /// Sines and cosines as Marian and fairseq compute them.
    Marian {
        /// Row of the first position.
        first: usize,
    },
    /// Positions have no vectors.
    None,
    /// Learned, in the checkpoint; the first position is this row.
    Learned {
        /// Row of the first position.
        first: usize,
    },
}

/// How a decoder layer knows what has been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// It looks at all answered tokens.
    SelfAttention,
    /// It keeps one vector, changed at each token: the simpler simple recurrent unit.
    Ssru,
}

/// What the decoder reads before the first answered token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstInput {
    /// The start token of the prefix.
    Token,
    /// A vector of zeros; the first token of the prefix only says that an answer begins.
    Zero,
}

/// What becomes of what the first matrix of a feed-forward layer gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expansion {
    /// The activation is applied to it.
    Plain,
    /// The activation is applied to its first half, which is then multiplied by the other half.
    Gated,
}

/// What the scores of attention are multiplied by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttentionScale {
    /// One over the root of the size of a head.
    InverseRoot,
    /// Nothing: the weights were drawn so that none is needed.
    One,
}

/// Sizes of the encoder or the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stack {
    /// Number of layers.
    pub layers: usize,
    /// Number of attention heads.
    pub heads: usize,
    /// Elements of a head.
    pub head_dim: usize,
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
    /// What becomes of what the first matrix of a feed-forward layer gives.
    pub expansion: Expansion,
    /// What every normalization does.
    pub norm_kind: NormKind,
    /// Added to the variance in every normalization.
    pub norm_epsilon: f32,
    /// What the scores of attention are multiplied by.
    pub attention_scale: AttentionScale,
    /// What attention adds for the distance of positions.
    pub relative: Option<Relative>,
    /// Factor of the decoder's output before it is projected onto the vocabulary.
    pub output_scale: f32,
    /// How decoder layers know what has been answered.
    pub history: History,
    /// What the decoder reads first.
    pub first_input: FirstInput,
    /// The decoder layer whose first head was trained to look at the source of each answered token.
    pub aligned: Option<usize>,
}

/// What a network knows of the tokens it may answer.
#[derive(Debug, Clone, Default)]
pub struct Answers<'a> {
    /// The classes of all tokens, or empty: a request says which it allows.
    pub classes: &'a [TokenClasses],
    /// Which tokens the tokens of a source may bring; without, any.
    pub shortlist: Option<Shortlist>,
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
    /// What the parts of a layer are called.
    pub layout: Layout,
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
    Packed(Box<fused::Engine<Packed>>),
    Int8(Box<fused::Engine<Int8<Bits8>>>),
    Wide(Box<fused::Engine<Int8<Bits16>>>),
    Plain(Box<plain::Engine>),
}

impl Engine {
    fn of_image(
        image: Image,
        description: (&Architecture, &Names),
        (activations, answers): (Activations, Answers<'_>),
    ) -> Result<Engine, ModelError> {
        Ok(match activations {
            Activations::Bits8 => Engine::Int8(from_image(image, description, answers)?),
            Activations::Bits16 => Engine::Wide(from_image(image, description, answers)?),
        })
    }
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
        (options, answers): (&LoadOptions, Answers<'_>),
    ) -> Result<EncoderDecoder, ModelError> {
        load(weights, description, spec, (options, Implementation::Fastest, answers))
    }

    /// Loads a network that computes on the CPU with 8-bit weights and activations of 8 or 16 bits. It is quantized once; what was quantized is kept in `image`, if a
    /// file can be made there, and taken from it the next time, when the checkpoint is not even opened.
    ///
    /// # Errors
    /// As [`EncoderDecoder::load`].
    pub fn load_int8(
        files: &[PathBuf],
        description: (&Architecture, &Names),
        spec: Spec,
        (image, activations, answers): (Option<&Path>, Activations, Answers<'_>),
    ) -> Result<EncoderDecoder, ModelError> {
        let classes = answers.classes;
        let classes_hash =
            classes.iter().fold(0u64, |hash, of| hash.wrapping_mul(31).wrapping_add(u64::from(of.0) + 1));
        let origin = Origin { files: files.to_vec(), network: format!("{description:?}, classes {classes_hash:x}") };
        let known = image.and_then(|path| Image::open(path, &origin).ok());
        let image = match known {
            Some(image) => image,
            None => quantize(&Weights::open(files)?, description, (image, &origin), &answers)?,
        };
        Ok(EncoderDecoder { spec, engine: Engine::of_image(image, description, (activations, answers))? })
    }

    /// Loads a network that computes on the CPU with weights that mostly are in 8 bits already, so that nothing is kept beside
    /// them, and with activations of 8 or 16 bits.
    ///
    /// # Errors
    /// As [`EncoderDecoder::load`].
    pub fn load_quantized(
        weights: &Weights,
        description: (&Architecture, &Names),
        spec: Spec,
        (activations, answers): (Activations, Answers<'_>),
    ) -> Result<EncoderDecoder, ModelError> {
        let origin = Origin { files: Vec::new(), network: String::new() };
        let image = quantize(weights, description, (None, &origin), &answers)?;
        Ok(EncoderDecoder { spec, engine: Engine::of_image(image, description, (activations, answers))? })
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
        (options, shortlist): (&LoadOptions, Option<Shortlist>),
    ) -> Result<EncoderDecoder, ModelError> {
        load(weights, description, spec, (options, Implementation::Plain, Answers { classes: &[], shortlist }))
    }
}

fn from_image<K: Kept>(
    image: Image,
    description: (&Architecture, &Names),
    answers: Answers<'_>,
) -> Result<Box<fused::Engine<Int8<K>>>, ModelError> {
    let listed = Weights::listed(image.tensors());
    let projection = network::projection(&listed, description, answers.shortlist.is_some());
    let backend = Int8::<K>::new(image, projection, answers.classes)?;
    Ok(Box::new(fused::Engine::load(&backend, &listed, description, answers)?))
}

/// Makes the image of a network.
fn quantize(
    weights: &Weights,
    description: (&Architecture, &Names),
    (path, origin): (Option<&Path>, &Origin),
    answers: &Answers<'_>,
) -> Result<Image, ModelError> {
    check(weights, description)?;
    let write = |path: Option<&Path>| {
        let projection = network::projection(weights, description, answers.shortlist.is_some());
        let maker = Maker::new(Builder::new(path), weights, projection, answers.classes)?;
        Network::load(&maker, weights, description)?;
        maker.into_builder().finish(origin, weights.list())
    };
    match write(path) {
        // A full disk is no reason not to run.
        Err(ModelError::Io { .. }) if path.is_some() => write(None),
        result => result,
    }
}

fn load(
    weights: &Weights,
    (architecture, names): (&Architecture, &Names),
    spec: Spec,
    (options, implementation, answers): (&LoadOptions, Implementation, Answers<'_>),
) -> Result<EncoderDecoder, ModelError> {
    let fused = options.device.is_cpu() && implementation == Implementation::Fastest;
    if matches!(options.precision, Precision::Int8 | Precision::W8A16) && !fused {
        return Err(ModelError::Config {
            field: "precision".into(),
            value: format!("{:?}", options.precision).to_lowercase(),
            advice: "8-bit weights are for the CPU; use auto or f32 on other devices".into(),
        });
    }
    check(weights, (architecture, names))?;
    let engine = if fused {
        Engine::Packed(Box::new(fused::Engine::load(&Packed, weights, (architecture, names), answers)?))
    } else {
        let description = (architecture, names);
        Engine::Plain(Box::new(plain::Engine::load(weights, description, &options.device, answers.shortlist)?))
    };
    Ok(EncoderDecoder { spec, engine })
}

/// Checks that a checkpoint has all tensors that the network wants.
fn check(weights: &Weights, (architecture, names): (&Architecture, &Names)) -> Result<(), ModelError> {
    let inventory = Inventory::default();
    Network::load(&inventory, weights, (architecture, names))?;
    let mut wanted = inventory.into_wanted();
    let projection = network::projection(weights, (architecture, names), false);
    wanted.push((projection.name.to_string(), projection.shape().to_vec()));
    if weights.shape(&names.output_bias).is_some() {
        wanted.push((names.output_bias.clone(), vec![1, architecture.target_vocab]));
    }
    weights.check(&wanted)
}

impl EncoderDecoder {
    /// What the encoder makes of a source, `[source, width]`; for comparisons with other implementations.
    ///
    /// # Errors
    /// The source is empty, too long or outside the vocabulary, or the backend failed.
    pub fn encoded(&self, source: &[TokenId]) -> Result<Vec<f32>, ModelError> {
        let architecture = self.architecture();
        check_tokens("source", source, self.spec.max_source_tokens, architecture.source_vocab)?;
        match &self.engine {
            Engine::Packed(engine) => engine.encoded(source),
            Engine::Int8(engine) => engine.encoded(source),
            Engine::Wide(engine) => engine.encoded(source),
            Engine::Plain(engine) => engine.encoded(source),
        }
    }

    fn architecture(&self) -> &Architecture {
        match &self.engine {
            Engine::Packed(engine) => engine.architecture(),
            Engine::Int8(engine) => engine.architecture(),
            Engine::Wide(engine) => engine.architecture(),
            Engine::Plain(engine) => engine.architecture(),
        }
    }
}

impl Model for EncoderDecoder {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn start(&self, batch: &[Request<'_>]) -> Result<Box<dyn State>, ModelError> {
        let architecture = self.architecture();
        for request in batch {
            check_tokens("source", request.source, self.spec.max_source_tokens, architecture.source_vocab)?;
            check_tokens("prefix", request.prefix, architecture.positions, architecture.target_vocab)?;
            let vocab = self.spec.vocab;
            let wanted = request.constraints.iter().flat_map(|constraint| constraint.forms.iter().flatten());
            if let Some(&got) = wanted.into_iter().find(|&&id| id as usize >= vocab) {
                return Err(ModelError::TokenOutOfRange { vocab, got });
            }
        }
        match &self.engine {
            Engine::Packed(engine) => Ok(Box::new(engine.start(batch)?)),
            Engine::Int8(engine) => Ok(Box::new(engine.start(batch)?)),
            Engine::Wide(engine) => Ok(Box::new(engine.start(batch)?)),
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
        let asked = asked.chain(ask.also.iter().map(|(_, token)| token));
        if let Some(&got) = last.iter().chain(asked).find(|&&id| id as usize >= vocab) {
            return Err(ModelError::TokenOutOfRange { vocab, got });
        }
        if last.is_empty() {
            return Ok(Vec::new());
        }
        let foreign = || ModelError::State("state is of another model".into());
        match &self.engine {
            Engine::Packed(engine) => engine.step(last, state.as_any_mut().downcast_mut().ok_or_else(foreign)?, ask),
            Engine::Int8(engine) => engine.step(last, state.as_any_mut().downcast_mut().ok_or_else(foreign)?, ask),
            Engine::Wide(engine) => engine.step(last, state.as_any_mut().downcast_mut().ok_or_else(foreign)?, ask),
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
