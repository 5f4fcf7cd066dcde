//! One layer: attention over the rows' memories and a gated feed-forward block, on a ragged batch of tokens.
//!
//! Here as plain Candle operations, for other devices than the CPU and as the reference in tests; `fused` has the same
//! on slices.

use candle_core::{D, DType, Device, Tensor};
use candle_nn::ops;

use super::Config;
use super::HeadNorm;
use super::linear::Linear;
use super::state::{Memory, Row};
use crate::kernels::causal_attention::Setting;
use crate::kernels::exponential::Activation;
use crate::kernels::rms_norm::rms_norm;
use crate::kernels::rope::{Pairs, Rotation};
use crate::model::ModelError;

/// How the parts around the linear layers are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operations {
    /// Kernels on slices; CPU only.
    Fused,
    /// Candle's operations.
    Plain,
}

/// Consecutive tokens of one row in a ragged batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub row: usize,
    /// First token in the batch.
    pub start: usize,
    pub count: usize,
}

/// A ragged batch: the tokens of all spans stand behind one another.
#[derive(Debug)]
pub(super) struct Ragged<'a> {
    pub spans: &'a [Span],
    /// Of the layers that see everything, and of those with a window, where there are any.
    pub rotations: Vec<Rotation>,
}

/// A norm's weight, `[width]`, for both kinds of operations.
#[derive(Debug)]
pub(super) struct Norm {
    values: Vec<f32>,
    tensor: Tensor,
    epsilon: f32,
}

impl Norm {
    pub(super) fn new(tensor: Tensor, epsilon: f64) -> Result<Norm, ModelError> {
        Ok(Norm { values: tensor.to_vec1()?, tensor, epsilon: epsilon as f32 })
    }

    /// Normalizes rows of the norm's width.
    pub(super) fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let x = x.contiguous()?;
        let mean = (x.sqr()?.sum_keepdim(D::Minus1)? / self.values.len() as f64)?;
        x.broadcast_div(&(mean + f64::from(self.epsilon))?.sqrt()?)?.broadcast_mul(&self.tensor)
    }

    /// Normalizes rows of the norm's width in place.
    pub(super) fn apply(&self, rows: &mut [f32]) {
        rms_norm(rows, &self.values, self.epsilon);
    }
}

/// The weights of a layer.
#[derive(Debug)]
pub(super) struct Layer {
    pub attention_norm: Norm,
    pub query: Linear,
    pub key: Linear,
    pub value: Linear,
    pub query_norm: Option<Norm>,
    pub key_norm: Option<Norm>,
    pub output: Linear,
    /// Over what the attention adds.
    pub output_norm: Option<Norm>,
    pub feed_forward_norm: Norm,
    pub gate: Linear,
    pub up: Linear,
    pub down: Linear,
    /// Over what the feed-forward block adds.
    pub down_norm: Option<Norm>,
    pub attention: Setting,
    /// Which of the rotations of a batch.
    pub rotation: usize,
}

impl Layer {
    /// Hidden states `[tokens, hidden]` to the next layer's; the tokens' keys and values enter the rows' memories.
    pub(super) fn forward(
        &self,
        config: &Config,
        (index, x): (usize, Tensor),
        batch: &Ragged<'_>,
        rows: &mut [Row],
    ) -> Result<Tensor, ModelError> {
        let normed = self.attention_norm.forward(&x)?;
        let (keys, values) = self.keys_and_values(config, &normed)?;
        let queries = self.query.forward(&normed)?;
        let queries = normed_heads(Layer::before_rotation(config, self.query_norm.as_ref()), queries, config)?;
        let attended = self.attend((config, index), batch, rows, (&queries, &keys, &values))?;
        let x = (x + normed_if(self.output_norm.as_ref(), &self.output.forward(&attended)?)?)?;
        let normed = self.feed_forward_norm.forward(&x)?;
        let gate = self.gate.forward(&normed)?;
        let gate = match config.activation {
            Activation::Silu => gate.silu()?,
            Activation::GeluTanh => gate.gelu()?,
        };
        let gated = (gate * self.up.forward(&normed)?)?;
        Ok((x + normed_if(self.down_norm.as_ref(), &self.down.forward(&gated)?)?)?)
    }

    /// The tokens' keys and values enter the rows' memories and nothing else happens: all a prompt needs of the last
    /// layer.
    pub(super) fn remember(
        &self,
        config: &Config,
        (index, x): (usize, &Tensor),
        batch: &Ragged<'_>,
        rows: &mut [Row],
    ) -> Result<(), ModelError> {
        let normed = self.attention_norm.forward(x)?;
        let (keys, values) = self.keys_and_values(config, &normed)?;
        for span in batch.spans {
            self.extend((config, index), (batch, *span), rows, (&keys, &values))?;
        }
        Ok(())
    }

    fn keys_and_values(&self, config: &Config, normed: &Tensor) -> Result<(Tensor, Tensor), ModelError> {
        let keys = self.key.forward(normed)?;
        let norm = Layer::before_rotation(config, self.key_norm.as_ref());
        Ok((normed_heads(norm, keys, config)?, self.value.forward(normed)?))
    }

    /// A norm of heads that comes before the rotation.
    pub(super) fn before_rotation<'a>(config: &Config, norm: Option<&'a Norm>) -> Option<&'a Norm> {
        norm.filter(|_| config.parts.head_norm != HeadNorm::AfterRotation)
    }

    /// A norm of heads that comes behind the rotation.
    pub(super) fn after_rotation<'a>(config: &Config, norm: Option<&'a Norm>) -> Option<&'a Norm> {
        norm.filter(|_| config.parts.head_norm == HeadNorm::AfterRotation)
    }

    /// Adds a span's keys and values to its row; answers all the row has, `[key_value_heads, positions, head_dim]`.
    fn extend(
        &self,
        (config, index): (&Config, usize),
        (batch, span): (&Ragged<'_>, Span),
        rows: &mut [Row],
        (keys, values): (&Tensor, &Tensor),
    ) -> candle_core::Result<(Tensor, Tensor)> {
        let head_dim = config.heads.head_dim;
        let keys = rotate(&by_head(keys, span, head_dim)?, span, &batch.rotations[self.rotation])?;
        let keys = normed_if(Layer::after_rotation(config, self.key_norm.as_ref()), &keys)?;
        let values = by_head(values, span, head_dim)?;
        let row = &mut rows[span.row];
        let Memory::Plain(memory) = &mut row.layers[index] else {
            candle_core::bail!("a fused memory among those of plain operations");
        };
        let (keys, values) = match memory.take() {
            None => (keys, values),
            Some((before, earlier)) => (Tensor::cat(&[&before, &keys], 1)?, Tensor::cat(&[&earlier, &values], 1)?),
        };
        *memory = Some((keys.clone(), values.clone()));
        match row.shared.as_ref().map(|prefix| &prefix.layers[index]) {
            Some(Memory::Plain(Some((first, second)))) => {
                Ok((Tensor::cat(&[first, &keys], 1)?, Tensor::cat(&[second, &values], 1)?))
            }
            _ => Ok((keys, values)),
        }
    }

    fn attend(
        &self,
        (config, index): (&Config, usize),
        batch: &Ragged<'_>,
        rows: &mut [Row],
        (queries, keys, values): (&Tensor, &Tensor, &Tensor),
    ) -> candle_core::Result<Tensor> {
        let heads = config.heads;
        let (groups, head_dim) = (heads.queries / heads.key_values, heads.head_dim);
        let mut answers = Vec::with_capacity(batch.spans.len());
        for &span in batch.spans {
            let (keys, values) = self.extend((config, index), (batch, span), rows, (keys, values))?;
            let queries = rotate(&by_head(queries, span, head_dim)?, span, &batch.rotations[self.rotation])?;
            let queries = normed_if(Layer::after_rotation(config, self.query_norm.as_ref()), &queries)?;
            let positions = keys.dim(1)?;
            let queries = queries.reshape((heads.key_values, groups * span.count, head_dim))?;
            let scores = (queries.matmul(&keys.t()?.contiguous()?)? * f64::from(self.attention.scale))?;
            let scores = match self.attention.soft_cap.map(f64::from) {
                Some(cap) => ((scores / cap)?.tanh()? * cap)?,
                None => scores,
            };
            let scores = scores.reshape((heads.queries, span.count, positions))?.broadcast_add(&mask(
                (span.count, positions),
                self.attention.window,
                scores.device(),
            )?)?;
            let weights =
                ops::softmax_last_dim(&scores)?.reshape((heads.key_values, groups * span.count, positions))?;
            let attended = weights.matmul(&values.contiguous()?)?.reshape((heads.queries, span.count, head_dim))?;
            answers.push(attended.transpose(0, 1)?.contiguous()?.reshape((span.count, heads.queries * head_dim))?);
        }
        Tensor::cat(&answers, 0)
    }
}

/// A norm over each head, where the family has one.
fn normed_heads(norm: Option<&Norm>, x: Tensor, config: &Config) -> candle_core::Result<Tensor> {
    let Some(norm) = norm else { return Ok(x) };
    let shape = x.shape().clone();
    norm.forward(&x.reshape(((), config.heads.head_dim))?)?.reshape(shape)
}

/// A norm over the last dimension, where there is one.
fn normed_if(norm: Option<&Norm>, x: &Tensor) -> candle_core::Result<Tensor> {
    norm.map_or_else(|| Ok(x.clone()), |norm| norm.forward(x))
}

/// The tokens of a span as `[heads, tokens, head_dim]`.
fn by_head(x: &Tensor, span: Span, head_dim: usize) -> candle_core::Result<Tensor> {
    x.narrow(0, span.start, span.count)?.reshape((span.count, (), head_dim))?.transpose(0, 1)?.contiguous()
}

fn rotate(x: &Tensor, span: Span, rotation: &Rotation) -> candle_core::Result<Tensor> {
    let half = x.dim(D::Minus1)? / 2;
    // Cosines and sines `[tokens, head_dim / 2]` of the span's tokens.
    let table = |values: &[f32]| {
        let values = &values[span.start * half..(span.start + span.count) * half];
        Tensor::from_slice(values, (span.count, half), x.device())
    };
    let (cos, sin) = (table(rotation.cos())?, table(rotation.sin())?);
    let x = x.unsqueeze(0)?;
    match rotation.pairs() {
        Pairs::Halves => candle_nn::rotary_emb::rope(&x, &cos, &sin)?.squeeze(0),
        Pairs::Neighbours => candle_nn::rotary_emb::rope_i(&x, &cos, &sin)?.squeeze(0),
    }
}

/// 0 where a position is seen, negative infinity where it lies ahead or before the window; `[count, positions]`, the last
/// `count` positions being the queries'.
fn mask((count, positions): (usize, usize), window: Option<usize>, device: &Device) -> candle_core::Result<Tensor> {
    let before = positions - count;
    let seen = |query: usize, key: usize| {
        let at = before + query;
        key <= at && window.is_none_or(|window| key.saturating_add(window) > at)
    };
    let values: Vec<f32> = (0..count)
        .flat_map(|query| (0..positions).map(move |key| if seen(query, key) { 0.0 } else { f32::NEG_INFINITY }))
        .collect();
    Tensor::from_vec(values, (count, positions), device)?.to_dtype(DType::F32)
}
