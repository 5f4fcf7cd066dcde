//! One decoder-only transformer for all causal chat models: a family (`qwen`) names its flags and tensors, nothing else.
//!
//! Batches are ragged: the tokens of all rows stand behind one another in the linear layers, attention runs per row.
//! No padding, so a row's numbers do not depend on its batch. Nothing here knows text or prompts.

mod fused;
mod layer;
mod linear;
mod state;
mod vocabulary;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use candle_core::quantized::QTensor;
use candle_core::{Device, Tensor};

use self::fused::Scratch;
use self::layer::{Layer, Norm, Operations, Ragged, Span};
use self::linear::{Input, Linear, Loading, Matrix};
use self::state::{Memory, Prefix, Prefixes, Row, Rows};
use self::vocabulary::Vocabulary;
use super::mapped::MappedTensors;
use super::{Ask, Candidates, LoadOptions, Model, ModelError, Precision, Request, Spec, State};
pub use crate::kernels::causal_attention::Heads;
use crate::kernels::causal_attention::{KeyValues, Setting};
pub use crate::kernels::exponential::Activation;
use crate::kernels::rope::Frequencies;
pub use crate::kernels::rope::{Pairs, Rotary, Scaling, Yarn};
use crate::kernels::spread::together;
use crate::token::{TokenClasses, TokenId};

/// Prompt tokens that go through the layers at a time, which bounds the memory of a prefill.
const PREFILL_TOKENS: usize = 512;
/// Layers that a network may have at most; no published one comes near.
pub const MOST_LAYERS: usize = 4096;
/// Largest size of anything else: products of two of them fit.
const LARGEST_SIZE: usize = 1 << 24;
/// Tells the states of models apart.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// Sizes and flags of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Layers.
    pub layers: usize,
    /// Width of the hidden states.
    pub hidden: usize,
    /// Heads of the attention.
    pub heads: Heads,
    /// Width of the feed-forward blocks.
    pub feed_forward: usize,
    /// Added to the mean square in the norms.
    pub norm_epsilon: f64,
    /// The rotary frequencies of layers that see everything.
    pub rotary: Rotary,
    /// Which elements of a head are rotated together.
    pub pairs: Pairs,
    /// Layers that see a window only, where there are any.
    pub sliding: Option<Sliding>,
    /// What embeddings are multiplied with, where they are.
    pub embedding_scale: Option<f32>,
    /// What queries are multiplied with; `1 / sqrt(head_dim)` where nothing is said.
    pub query_scale: Option<f32>,
    /// What scores of the attention stay within (`cap * tanh(score / cap)`), where they do.
    pub attention_soft_cap: Option<f32>,
    /// The same for the logits.
    pub output_soft_cap: Option<f32>,
    /// What the gate of a feed-forward block goes through.
    pub activation: Activation,
    /// Which parts not every family has.
    pub parts: Parts,
}

/// Layers that see only the last positions.
#[derive(Debug, Clone, PartialEq)]
pub struct Sliding {
    /// How many positions a query sees, its own among them.
    pub window: usize,
    /// For each layer whether it is one of these.
    pub layers: Vec<bool>,
    /// Their rotary frequencies.
    pub rotary: Rotary,
}

impl Sliding {
    /// All layers but every `period`-th.
    pub fn but_every(period: usize, layers: usize) -> Vec<bool> {
        (1..=layers).map(|layer| period == 0 || !layer.is_multiple_of(period)).collect()
    }
}

impl Config {
    /// A network without any of the parts that not every family has.
    pub fn plain(layers: usize, hidden: usize, heads: Heads, feed_forward: usize) -> Config {
        Config {
            layers,
            hidden,
            heads,
            feed_forward,
            norm_epsilon: 1e-6,
            rotary: Rotary { base: 10_000.0, scaling: Scaling::None },
            pairs: Pairs::Halves,
            sliding: None,
            embedding_scale: None,
            query_scale: None,
            attention_soft_cap: None,
            output_soft_cap: None,
            activation: Activation::Silu,
            parts: Parts::default(),
        }
    }

    fn is_sliding(&self, layer: usize) -> bool {
        self.sliding.as_ref().is_some_and(|sliding| sliding.layers.get(layer).copied().unwrap_or(false))
    }

    fn attention(&self, layer: usize) -> Setting {
        Setting {
            heads: self.heads,
            scale: self.query_scale.unwrap_or(1.0 / (self.heads.head_dim as f32).sqrt()),
            window: self.sliding.as_ref().filter(|_| self.is_sliding(layer)).map(|sliding| sliding.window),
            soft_cap: self.attention_soft_cap,
        }
    }
}

/// Parts that some families have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
// Each is a question with two answers, and all have the same default.
#[allow(clippy::struct_excessive_bools)]
pub struct Parts {
    /// Queries, keys and values have biases.
    pub attention_bias: bool,
    /// The output of the attention has a bias.
    pub output_bias: bool,
    /// Queries and keys are normalized head by head.
    pub head_norm: HeadNorm,
    /// What attention and feed-forward block add is normalized too.
    pub inner_norms: bool,
    /// The weights of norms are stored less one.
    pub shifted_norms: bool,
}

/// Where the norm of queries and keys stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeadNorm {
    /// There is none.
    #[default]
    None,
    /// Before they are rotated.
    BeforeRotation,
    /// Behind it.
    AfterRotation,
}

/// What happens to 32-bit matrices where no precision is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wide {
    /// They are multiplied as they are: in GGUF each matrix has the type that was chosen for it.
    Kept,
    /// They are quantized to 8 bits, as those of 16 bits always are.
    Quantized,
}

/// Names of the tensors; those of a layer stand behind `blk.N.` and before `.weight` or `.bias`.
#[derive(Debug, Clone, Copy)]
pub struct TensorNames {
    /// Token embeddings.
    pub embedding: &'static str,
    /// Last norm.
    pub output_norm: &'static str,
    /// Output projection; without one the embeddings serve.
    pub output: Option<&'static str>,
    /// What stands before the number of a layer.
    pub layer: &'static str,
    /// Norm before the attention.
    pub attention_norm: &'static str,
    /// Queries, keys, values and the output of the attention.
    pub attention: [&'static str; 4],
    /// Norms of queries and keys.
    pub head_norms: [&'static str; 2],
    /// Norms over what the attention and the feed-forward block add.
    pub inner_norms: [&'static str; 2],
    /// Norm before the feed-forward block.
    pub feed_forward_norm: &'static str,
    /// Gate, up and down projection.
    pub feed_forward: [&'static str; 3],
}

/// A network of this kind with its weights.
#[derive(Debug)]
pub struct DecoderOnly {
    spec: Spec,
    config: Config,
    embedding: QTensor,
    layers: Vec<Layer>,
    output_norm: Norm,
    vocabulary: Vocabulary,
    /// Of layers that see everything, and of those with a window.
    frequencies: Vec<Frequencies>,
    device: Device,
    operations: Operations,
    prefill_tokens: usize,
    prefixes: Prefixes,
    id: u64,
}

/// Everything a family knows about a checkpoint before its weights are read.
#[derive(Debug, Clone)]
pub struct Blueprint {
    /// Sizes and special tokens for the search. `vocab` is taken from the embeddings.
    pub spec: Spec,
    /// Sizes and flags.
    pub config: Config,
    /// Names of the tensors.
    pub names: TensorNames,
    /// What happens to 32-bit matrices.
    pub wide: Wide,
}

impl DecoderOnly {
    /// Reads the weights of a checkpoint.
    ///
    /// # Errors
    /// Sizes that contradict each other, a tensor that is missing or has another shape, or the backend failed.
    pub fn load(
        tensors: &MappedTensors,
        blueprint: Blueprint,
        options: &LoadOptions,
    ) -> Result<DecoderOnly, ModelError> {
        let Blueprint { mut spec, config, names, wide } = blueprint;
        if options.precision == Precision::W8A16 {
            return Err(ModelError::Config {
                field: "precision".into(),
                value: "w8a16".into(),
                advice: "it is for translation models; chat models know auto, int8 and f32".into(),
            });
        }
        check_sizes(&config)?;
        let tensor = |name: &str, kind: &str| format!("{name}.{kind}");
        let embedding_name = tensor(names.embedding, "weight");
        spec.vocab = tensors.rows(&embedding_name)?;
        let device = &options.device;
        let embedding = tensors.matrix(&embedding_name, (spec.vocab, config.hidden), 0..spec.vocab, device)?;
        let from = Loading { tensors, options, wide };
        let mut layers = Vec::new();
        for index in 0..config.layers {
            layers.push(load_layer(from, (&config, &names), index)?);
            tensors.forget_pages();
        }
        let output_norm = load_norm(from, &config, &tensor(names.output_norm, "weight"), config.hidden)?;
        let output_name = names.output.map_or(embedding_name, |output| tensor(output, "weight"));
        let matrix = Matrix { name: &output_name, rows: spec.vocab, elements: config.hidden };
        let vocabulary = Vocabulary::load(from, matrix)?.with_soft_cap(config.output_soft_cap);
        tensors.forget_pages();
        let rotaries = [Some(&config.rotary), config.sliding.as_ref().map(|sliding| &sliding.rotary)];
        let frequencies = |rotary: &Rotary| Frequencies::new(config.heads.head_dim, rotary, config.pairs);
        Ok(DecoderOnly {
            output_norm,
            frequencies: rotaries.into_iter().flatten().map(frequencies).collect(),
            device: device.clone(),
            operations: if device.is_cpu() { Operations::Fused } else { Operations::Plain },
            prefill_tokens: PREFILL_TOKENS,
            prefixes: Prefixes::default(),
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            spec,
            config,
            embedding,
            layers,
            vocabulary,
        })
    }

    /// Uses plain Candle operations around the linear layers, as on other devices: the reference for the fused ones.
    pub fn with_plain_operations(mut self) -> DecoderOnly {
        self.operations = Operations::Plain;
        self
    }

    /// Sends at most so many prompt tokens through the layers at a time (at least one).
    pub fn with_prefill_tokens(mut self, tokens: usize) -> DecoderOnly {
        self.prefill_tokens = tokens.max(1);
        self
    }

    /// Sizes and flags.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Bytes that a token of a row takes in the keys and values of all layers.
    pub fn bytes_per_token(&self) -> usize {
        self.config.layers * self.config.heads.key_values * self.config.heads.head_dim * 2 * size_of::<f32>()
    }

    /// Tells the model what its tokenizer knows of special tokens: those that end an answer, beside the ones it knows
    /// itself, and those that may never stand in one.
    pub fn with_special_tokens(mut self, end: &[TokenId], never: &[TokenId]) -> DecoderOnly {
        let vocab = self.spec.vocab;
        let known = |token: &&TokenId| (**token as usize) < vocab;
        // Ends that the vocabulary does not have would never come.
        self.spec.eos.retain(|&token| (token as usize) < vocab);
        self.spec.suppressed.retain(|&token| (token as usize) < vocab);
        for &token in end.iter().filter(known) {
            if !self.spec.eos.contains(&token) {
                self.spec.eos.push(token);
            }
        }
        for &token in never.iter().filter(known) {
            if !self.spec.eos.contains(&token) && !self.spec.suppressed.contains(&token) {
                self.spec.suppressed.push(token);
            }
        }
        self
    }

    /// Tells the model the classes of its tokens, by which a request limits what is answered.
    pub fn with_token_classes(mut self, classes: Vec<TokenClasses>) -> DecoderOnly {
        self.vocabulary.classify(classes);
        self
    }

    fn new_row(&self, shared: Option<Arc<Prefix>>, allowed: TokenClasses) -> Row {
        let memory = || match self.operations {
            Operations::Fused => Memory::Fused(KeyValues::new(self.config.heads)),
            Operations::Plain => Memory::Plain(None),
        };
        let length = shared.as_ref().map_or(0, |prefix| prefix.ids.len());
        Row { shared, layers: (0..self.config.layers).map(|_| memory()).collect(), length, allowed }
    }

    /// Hidden states of the spans' tokens behind all layers, or nothing where only the memories are wanted.
    fn run(
        &self,
        tokens: &[TokenId],
        spans: &[Span],
        rows: &mut [Row],
        wanted: Wanted,
    ) -> Result<Option<Hidden>, ModelError> {
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        let mut embedded = self.embedding.embedding(&ids)?;
        if let Some(scale) = self.config.embedding_scale {
            embedded = (embedded * f64::from(scale))?;
        }
        let positions: Vec<usize> =
            spans.iter().flat_map(|span| (0..span.count).map(|offset| rows[span.row].length + offset)).collect();
        let rotations = self.frequencies.iter().map(|frequencies| frequencies.at(&positions)).collect();
        let batch = Ragged { spans, rotations };
        let hidden = match self.operations {
            Operations::Fused => {
                let mut x = embedded.flatten_all()?.to_vec1()?;
                let mut scratch = Scratch::new(&self.config, tokens.len());
                self.run_fused(&mut x, &batch, (rows, &mut scratch), wanted)?;
                Hidden::Slice(x)
            }
            Operations::Plain => {
                let mut x = embedded.to_device(&self.device)?;
                let last = self.layers.len() - 1;
                for (index, layer) in self.layers.iter().enumerate() {
                    if index == last && wanted == Wanted::Memories {
                        layer.remember(&self.config, (index, &x), &batch, rows)?;
                        break;
                    }
                    x = layer.forward(&self.config, (index, x), &batch, rows)?;
                }
                Hidden::Tensor(x)
            }
        };
        for span in spans {
            rows[span.row].length += span.count;
        }
        Ok((wanted == Wanted::Hidden).then_some(hidden))
    }

    /// Sends hidden states `[tokens, hidden]` through the layers with fused operations.
    fn run_fused(
        &self,
        x: &mut [f32],
        batch: &Ragged<'_>,
        (rows, scratch): (&mut [Row], &mut Scratch),
        wanted: Wanted,
    ) -> Result<(), ModelError> {
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter().enumerate() {
            let buffers = (&mut *rows, &mut *scratch);
            if index == last && wanted == Wanted::Memories {
                layer.note(&self.config, (index, x), batch, buffers)?;
            } else {
                layer.advance(&self.config, (index, &mut *x), batch, buffers)?;
            }
        }
        Ok(())
    }

    /// As [`DecoderOnly::run`], with the threads of the pool standing by where the work is spread by us.
    fn run_together<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match self.operations {
            Operations::Fused if self.vocabulary.is_low_bit() => together(work),
            _ => work(),
        }
    }

    /// Sends the rest of each prompt through the layers, a bounded number of tokens at a time.
    fn prefill(&self, prompts: &[&[TokenId]], rows: &mut [Row]) -> Result<(), ModelError> {
        let mut tokens = Vec::with_capacity(self.prefill_tokens);
        let mut spans = Vec::new();
        for (row, prompt) in prompts.iter().enumerate() {
            let mut rest = *prompt;
            while !rest.is_empty() {
                let (part, behind) = rest.split_at(rest.len().min(self.prefill_tokens - tokens.len()));
                spans.push(Span { row, start: tokens.len(), count: part.len() });
                tokens.extend_from_slice(part);
                rest = behind;
                if tokens.len() == self.prefill_tokens {
                    self.run(&tokens, &spans, rows, Wanted::Memories)?;
                    tokens.clear();
                    spans.clear();
                }
            }
        }
        if !tokens.is_empty() {
            self.run(&tokens, &spans, rows, Wanted::Memories)?;
        }
        Ok(())
    }

    /// The memory of a beginning that the prompts of a job share: computed once, then kept for a while.
    fn prefix(&self, ids: &[TokenId]) -> Result<Arc<Prefix>, ModelError> {
        if let Some(found) = self.prefixes.find(ids) {
            return Ok(found);
        }
        let mut rows = [self.new_row(None, TokenClasses::ALL)];
        self.prefill(&[ids], &mut rows)?;
        let [row] = rows;
        let prefix = Arc::new(Prefix { ids: ids.to_vec(), layers: row.layers });
        self.prefixes.keep(prefix.clone());
        Ok(prefix)
    }

    fn check_request(&self, request: &Request<'_>) -> Result<(), ModelError> {
        if request.prefix.is_empty() || !request.source.is_empty() {
            return Err(ModelError::State(format!(
                "a decoder-only model takes its whole prompt as prefix: expected no source ids and at least one prefix \
                 id, got {} and {}",
                request.source.len(),
                request.prefix.len()
            )));
        }
        if request.prefix.len() > self.spec.max_source_tokens {
            let (limit, got) = (self.spec.max_source_tokens, request.prefix.len());
            return Err(ModelError::TooLong { what: "prompt", limit, got });
        }
        self.check_tokens(request.prefix)
    }

    fn check_tokens(&self, tokens: &[TokenId]) -> Result<(), ModelError> {
        match tokens.iter().find(|&&token| token as usize >= self.spec.vocab) {
            Some(&got) => Err(ModelError::TokenOutOfRange { vocab: self.spec.vocab, got }),
            None => Ok(()),
        }
    }
}

/// Hidden states `[tokens, hidden]`.
enum Hidden {
    /// Of fused operations.
    Slice(Vec<f32>),
    /// Of plain ones.
    Tensor(Tensor),
}

/// What a run through the layers is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Keys and values only.
    Memories,
    /// The last hidden states too.
    Hidden,
}

impl Model for DecoderOnly {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn start(&self, batch: &[Request<'_>]) -> Result<Box<dyn State>, ModelError> {
        batch.iter().try_for_each(|request| self.check_request(request))?;
        let mut rows = Vec::with_capacity(batch.len());
        let mut prompts = Vec::with_capacity(batch.len());
        for request in batch {
            // The last token is fed by the first step.
            let consumed = &request.prefix[..request.prefix.len() - 1];
            let (shared, own) = consumed.split_at(request.shared.min(consumed.len()));
            let shared = if shared.is_empty() { None } else { Some(self.prefix(shared)?) };
            rows.push(self.new_row(shared, request.allowed));
            prompts.push(own);
        }
        self.run_together(|| self.prefill(&prompts, &mut rows))?;
        Ok(Box::new(Rows { model: self.id, rows, projection_time: std::time::Duration::ZERO }))
    }

    fn step(&self, last: &[TokenId], state: &mut dyn State, ask: &Ask<'_>) -> Result<Vec<Candidates>, ModelError> {
        let state = state
            .as_any_mut()
            .downcast_mut::<Rows>()
            .filter(|state| state.model == self.id)
            .ok_or_else(|| ModelError::State("state is of another model".into()))?;
        if last.len() != state.rows.len() {
            return Err(ModelError::State(format!("{} tokens for {} rows", last.len(), state.rows.len())));
        }
        self.check_tokens(last)?;
        if let Some(row) = state.rows.iter().find(|row| row.length >= self.spec.max_source_tokens) {
            let limit = self.spec.max_source_tokens;
            return Err(ModelError::TooLong { what: "prompt and answer", limit, got: row.length + 1 });
        }
        if last.is_empty() {
            return Ok(Vec::new());
        }
        let spans: Vec<Span> = (0..last.len()).map(|row| Span { row, start: row, count: 1 }).collect();
        let rows = &mut state.rows;
        let allowed: Vec<TokenClasses> = rows.iter().map(|row| row.allowed).collect();
        let (answers, time) = self.run_together(|| {
            let Some(hidden) = self.run(last, &spans, rows, Wanted::Hidden)? else {
                return Ok((Vec::new(), Duration::ZERO));
            };
            let began = Instant::now();
            let answers = match hidden {
                Hidden::Slice(mut hidden) => {
                    self.output_norm.apply(&mut hidden);
                    self.vocabulary.answer(&Input::new(&hidden, self.config.hidden), ask, &allowed)
                }
                Hidden::Tensor(hidden) => {
                    self.vocabulary.answer_plain(&self.output_norm.forward(&hidden)?, ask, &allowed)
                }
            }?;
            Ok::<_, ModelError>((answers, began.elapsed()))
        })?;
        state.projection_time += time;
        Ok(answers)
    }
}

fn check_sizes(config: &Config) -> Result<(), ModelError> {
    let Heads { queries, key_values, head_dim } = config.heads;
    let fits = config.layers > 0
        && config.hidden > 0
        && config.feed_forward > 0
        && key_values > 0
        && head_dim > 0
        && queries > 0
        && queries.is_multiple_of(key_values)
        && head_dim.is_multiple_of(2)
        && config.layers <= MOST_LAYERS
        && [config.hidden, config.feed_forward, queries, head_dim].iter().all(|&size| size <= LARGEST_SIZE);
    if let Some(sliding) = &config.sliding
        && (sliding.window == 0 || sliding.layers.len() != config.layers)
    {
        return Err(ModelError::Config {
            field: "sliding window, its layers".into(),
            value: format!("{}, {}", sliding.window, sliding.layers.len()),
            advice: format!("expected at least one position, and for each of {} layers a kind", config.layers),
        });
    }
    if fits {
        return Ok(());
    }
    Err(ModelError::Config {
        field: "layers, hidden, feed-forward, heads, key heads, head size".into(),
        value: format!(
            "{}, {}, {}, {queries}, {key_values}, {head_dim}",
            config.layers, config.hidden, config.feed_forward
        ),
        advice: "none may be 0 or out of all proportion, the heads have to be a multiple of the key heads, and the head size has to be even"
            .into(),
    })
}

fn load_norm(from: Loading<'_>, config: &Config, name: &str, width: usize) -> Result<Norm, ModelError> {
    let weight = from.tensors.dense(name, &[width], &from.options.device)?;
    let weight = if config.parts.shifted_norms { (weight + 1.0)? } else { weight };
    Norm::new(weight, config.norm_epsilon)
}

fn load_layer(from: Loading<'_>, (config, names): (&Config, &TensorNames), index: usize) -> Result<Layer, ModelError> {
    let name = |part: &str, kind: &str| format!("{}.{index}.{part}.{kind}", names.layer);
    let linear = |part: &str, (rows, elements): (usize, usize)| {
        Linear::load(from, Matrix { name: &name(part, "weight"), rows, elements }, 0..rows)
    };
    let biased = |part: &str, shape: (usize, usize), has: bool| {
        let linear = linear(part, shape)?;
        if !has {
            return Ok(linear);
        }
        linear.with_bias(from.tensors.dense(&name(part, "bias"), &[shape.0], &from.options.device)?)
    };
    let norm = |part: &str, width: usize| load_norm(from, config, &name(part, "weight"), width);
    let head_norm = |part: &str| {
        let has = config.parts.head_norm != HeadNorm::None;
        has.then(|| norm(part, config.heads.head_dim)).transpose()
    };
    let inner_norm = |part: &str| config.parts.inner_norms.then(|| norm(part, config.hidden)).transpose();
    let queries = config.heads.queries * config.heads.head_dim;
    let keys = config.heads.key_values * config.heads.head_dim;
    let hidden = config.hidden;
    let bias = config.parts.attention_bias;
    let [query, key, value, output] = names.attention;
    let [gate, up, down] = names.feed_forward;
    Ok(Layer {
        attention_norm: norm(names.attention_norm, hidden)?,
        query: biased(query, (queries, hidden), bias)?,
        key: biased(key, (keys, hidden), bias)?,
        value: biased(value, (keys, hidden), bias)?,
        query_norm: head_norm(names.head_norms[0])?,
        key_norm: head_norm(names.head_norms[1])?,
        output: biased(output, (hidden, queries), config.parts.output_bias)?,
        output_norm: inner_norm(names.inner_norms[0])?,
        feed_forward_norm: norm(names.feed_forward_norm, hidden)?,
        gate: linear(gate, (config.feed_forward, hidden))?,
        up: linear(up, (config.feed_forward, hidden))?,
        down: linear(down, (hidden, config.feed_forward))?,
        down_norm: inner_norm(names.inner_norms[1])?,
        attention: config.attention(index),
        rotation: usize::from(config.is_sliding(index)),
    })
}
