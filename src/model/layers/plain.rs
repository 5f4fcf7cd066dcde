//! Layers in plain Candle operations, on any device. On the CPU they are the reference of the packed layers.

use super::{Activation, Backend, LinearPlan, NormKind, NormPlan};
use crate::kernels::topk::Best;
use crate::model::weights::Weights;
use crate::model::{Ask, Candidates, ModelError};
use candle_core::{D, Device, Tensor};

/// A device of Candle.
#[derive(Debug, Clone)]
pub struct Plain {
    /// Where the tensors live.
    pub device: Device,
}

/// A linear layer `x·wᵀ + b`.
#[derive(Debug)]
pub struct Linear {
    /// `[inputs, outputs]`.
    transposed: Tensor,
    /// `[outputs]`.
    bias: Option<Tensor>,
}

/// A normalization.
#[derive(Debug)]
pub struct Norm {
    gamma: Tensor,
    /// None for one that neither centres nor shifts.
    beta: Option<Tensor>,
    epsilon: f32,
}

impl Backend for Plain {
    type Linear = Linear;
    type Norm = Norm;
    type Table = Tensor;

    fn linear(&self, weights: &Weights, plan: &LinearPlan) -> Result<Linear, ModelError> {
        let shape = [plan.outputs, plan.inputs];
        let parts = plan.weights.iter().map(|name| weights.tensor(name, &shape, &self.device));
        let transposed = Tensor::cat(&parts.collect::<Result<Vec<_>, _>>()?, 0)?.t()?.contiguous()?;
        let bias = super::read_bias(weights, plan)?;
        let bias = if bias.is_empty() {
            None
        } else {
            let length = bias.len();
            Some(Tensor::from_vec(bias, length, &self.device)?)
        };
        Ok(Linear { transposed, bias })
    }

    fn norm(&self, weights: &Weights, plan: &NormPlan) -> Result<Norm, ModelError> {
        let read = |part: &str| weights.tensor(&format!("{}.{part}", plan.name), &[plan.width], &self.device);
        let beta = if plan.kind == NormKind::Layer { Some(read("bias")?) } else { None };
        Ok(Norm { gamma: read("weight")?, beta, epsilon: plan.epsilon })
    }

    fn table(&self, weights: &Weights, name: &str, shape: [usize; 2]) -> Result<Tensor, ModelError> {
        weights.tensor(name, &shape, &self.device)
    }

    fn computed(&self, values: impl FnOnce() -> Vec<f32>, shape: [usize; 2]) -> Result<Tensor, ModelError> {
        Ok(Tensor::from_vec(values(), &shape, &self.device)?)
    }
}

impl Linear {
    /// `x·wᵀ + b` for `x` of `[rows, inputs]`.
    ///
    /// # Errors
    /// The device failed.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor, ModelError> {
        let product = x.matmul(&self.transposed)?;
        Ok(match &self.bias {
            Some(bias) => product.broadcast_add(bias)?,
            None => product,
        })
    }
}

impl Norm {
    /// Normalizes each row of `[rows, width]`.
    ///
    /// # Errors
    /// The device failed.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor, ModelError> {
        let centred = if self.beta.is_some() { x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)? } else { x.clone() };
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let scaled = centred.broadcast_div(&(variance + f64::from(self.epsilon))?.sqrt()?)?;
        let scaled = scaled.broadcast_mul(&self.gamma)?;
        Ok(match &self.beta {
            Some(beta) => scaled.broadcast_add(beta)?,
            None => scaled,
        })
    }
}

/// The activation of a feed-forward layer.
///
/// # Errors
/// The device failed.
pub fn activate(activation: Activation, x: &Tensor) -> Result<Tensor, ModelError> {
    Ok(match activation {
        Activation::Swish => x.silu()?,
        Activation::Relu => x.relu()?,
        Activation::Gelu => x.gelu_erf()?,
        Activation::GeluTanh => x.gelu()?,
    })
}

/// How scores become an attention.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'a> {
    /// Number of heads.
    pub heads: usize,
    /// What the dot products are multiplied by.
    pub scale: f64,
    /// What is added to them, `[heads, queries, positions]`.
    pub bias: Option<&'a Tensor>,
}

/// Attention of `query` (`[queries, heads × head_dim]`) over `keys` and `values` (`[positions, heads × head_dim]`).
///
/// # Errors
/// The device failed, or the sizes do not fit.
pub fn attend(
    query: &Tensor,
    (keys, values): (&Tensor, &Tensor),
    Scores { heads, scale, bias }: Scores<'_>,
) -> Result<Tensor, ModelError> {
    let split = |x: &Tensor| -> candle_core::Result<Tensor> {
        let (rows, width) = x.dims2()?;
        x.reshape((rows, heads, width / heads))?.transpose(0, 1)?.contiguous()
    };
    let (rows, width) = query.dims2()?;
    let mut scores = (split(query)?.matmul(&split(keys)?.t()?)? * scale)?;
    if let Some(bias) = bias {
        scores = scores.broadcast_add(bias)?;
    }
    let mixed = candle_nn::ops::softmax(&scores, D::Minus1)?.matmul(&split(values)?)?;
    Ok(mixed.transpose(0, 1)?.reshape((rows, width))?)
}

/// The best tokens of each row of `logits` (`[rows, vocab]`).
///
/// # Errors
/// The device failed, or a row has no logit that is a number.
pub fn best(logits: &Tensor, ask: &Ask<'_>) -> Result<Vec<Candidates>, ModelError> {
    let mut answers = Vec::with_capacity(logits.dim(0)?);
    for (row, mut logits) in logits.to_vec2::<f32>()?.into_iter().enumerate() {
        for change in ask.adjust.iter().filter(|change| change.row.is_none_or(|wanted| wanted == row)) {
            if let Some(logit) = logits.get_mut(change.token as usize) {
                *logit = change.apply(*logit);
            }
        }
        if let Some(allowed) = ask.allowed {
            let range = 0..logits.len();
            super::chunks::ban_others(&mut logits, super::chunks::within(allowed, &range), 0);
        }
        let mut best = Best::new(ask.k);
        if ask.log_sum_exp {
            best.scan_and_sum(&logits, 0);
        } else {
            best.scan(&logits, 0);
        }
        let also = ask.also_of(row).iter().map(|&(_, token)| logits.get(token as usize).copied());
        let also = also.map(|logit| logit.unwrap_or(f32::NEG_INFINITY)).collect();
        answers.push(Candidates { also, ..super::candidates(row, best, ask)? });
    }
    Ok(answers)
}
