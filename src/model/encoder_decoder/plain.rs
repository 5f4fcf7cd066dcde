//! The encoder-decoder in plain Candle operations, for any device. On the CPU it is the reference of the packed one.

use super::network::{self, Embedding, FeedForward, Network};
use super::state::Rows;
use super::{Architecture, Names, NormOrder, Positions};
use crate::model::layers::plain::{Norm, Plain, activate, attend, best};
use crate::model::weights::Weights;
use crate::model::{Ask, Candidates, ModelError, Request};
use crate::token::TokenId;
use candle_core::{Device, Tensor};
use std::sync::Arc;

/// The network and what it needs to run.
pub(super) struct Engine {
    architecture: Architecture,
    network: Network<Plain>,
    /// `[width, vocab]`.
    output: Tensor,
    /// `[1, vocab]`.
    output_bias: Tensor,
    device: Device,
}

/// Keys and values, `[positions, width]` each.
type Memory = (Tensor, Tensor);

/// What is remembered of a hypothesis.
#[derive(Clone)]
pub(super) struct Row {
    /// For each decoder layer, of the source.
    source: Arc<Vec<Memory>>,
    /// For each decoder layer, of the answer so far; empty before the first token.
    own: Vec<Memory>,
    positions: usize,
}

impl Engine {
    pub(super) fn load(
        weights: &Weights,
        description: (&Architecture, &Names),
        device: &Device,
    ) -> Result<Engine, ModelError> {
        let network = Network::load(&Plain { device: device.clone() }, weights, description)?;
        let projection = network::projection(weights, description);
        let output = weights.tensor(projection.name, &projection.shape(), device)?.t()?.contiguous()?;
        let bias = projection.read_bias(weights)?;
        let output_bias = Tensor::from_vec(bias, (1, description.0.target_vocab), device)?;
        Ok(Engine { architecture: description.0.clone(), network, output, output_bias, device: device.clone() })
    }

    pub(super) fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    pub(super) fn start(&self, batch: &[Request<'_>]) -> Result<Rows<Row>, ModelError> {
        let mut rows = Vec::with_capacity(batch.len());
        for request in batch {
            let mut row = Row { source: Arc::new(self.encode(request.source)?), own: Vec::new(), positions: 0 };
            for &token in request.prefix.split_last().map_or(&[][..], |(_, before)| before) {
                self.advance(&mut [&mut row], &[token])?;
            }
            rows.push(row);
        }
        Ok(Rows::new(rows))
    }

    pub(super) fn step(
        &self,
        last: &[TokenId],
        state: &mut Rows<Row>,
        ask: &Ask<'_>,
    ) -> Result<Vec<Candidates>, ModelError> {
        let x = self.advance(&mut state.rows.iter_mut().collect::<Vec<_>>(), last)?;
        best(&x.matmul(&self.output)?.broadcast_add(&self.output_bias)?, ask)
    }

    /// Encodes one source; answers keys and values for every decoder layer.
    fn encode(&self, source: &[TokenId]) -> Result<Vec<Memory>, ModelError> {
        let width = self.architecture.width;
        let positions: Vec<usize> = (0..source.len()).collect();
        let mut x = self.embed(&self.network.source, source, &positions)?;
        for layer in &self.network.encoder {
            x = self.residual(&x, &layer.attention.norm, |x| {
                let projected = layer.attention.input.apply(x)?;
                let part = |index: usize| projected.narrow(1, index * width, width);
                let attended = attend(&part(0)?, &part(1)?, &part(2)?, self.architecture.encoder.heads)?;
                layer.attention.output.apply(&attended)
            })?;
            x = self.feed_forward(&layer.feed_forward, &x)?;
        }
        if let Some(norm) = &self.network.encoder_norm {
            x = norm.apply(&x)?;
        }
        let memories = self.network.decoder.iter().map(|layer| {
            let projected = layer.cross.memory.apply(&x)?;
            Ok((projected.narrow(1, 0, width)?, projected.narrow(1, width, width)?))
        });
        memories.collect()
    }

    /// Feeds one token to each row; answers the decoder's output `[rows, width]`.
    fn advance(&self, rows: &mut [&mut Row], tokens: &[TokenId]) -> Result<Tensor, ModelError> {
        let width = self.architecture.width;
        let limit = self.architecture.positions;
        let positions: Vec<usize> = rows.iter().map(|row| row.positions).collect();
        if let Some(&position) = positions.iter().find(|&&position| position >= limit) {
            return Err(ModelError::TooLong { what: "answer", limit, got: position + 1 });
        }
        let heads = self.architecture.decoder.heads;
        let mut x = self.embed(&self.network.target, tokens, &positions)?;
        for (index, layer) in self.network.decoder.iter().enumerate() {
            x = self.residual(&x, &layer.attention.norm, |x| {
                let projected = layer.attention.input.apply(x)?;
                let mut attended = Vec::with_capacity(rows.len());
                for (number, row) in rows.iter_mut().enumerate() {
                    let part = |index: usize| {
                        projected.narrow(0, number, 1).and_then(|row| row.narrow(1, index * width, width))
                    };
                    let (key, value) = (part(1)?, part(2)?);
                    let memory = match row.own.get(index) {
                        Some((keys, values)) => (Tensor::cat(&[keys, &key], 0)?, Tensor::cat(&[values, &value], 0)?),
                        None => (key, value),
                    };
                    attended.push(attend(&part(0)?, &memory.0, &memory.1, heads)?);
                    match row.own.get_mut(index) {
                        Some(own) => *own = memory,
                        None => row.own.push(memory),
                    }
                }
                layer.attention.output.apply(&Tensor::cat(&attended, 0)?)
            })?;
            x = self.residual(&x, &layer.cross.norm, |x| {
                let queries = layer.cross.query.apply(x)?;
                let mut attended = Vec::with_capacity(rows.len());
                for (number, row) in rows.iter().enumerate() {
                    let (keys, values) = &row.source[index];
                    attended.push(attend(&queries.narrow(0, number, 1)?, keys, values, heads)?);
                }
                layer.cross.output.apply(&Tensor::cat(&attended, 0)?)
            })?;
            x = self.feed_forward(&layer.feed_forward, &x)?;
        }
        if let Some(norm) = &self.network.decoder_norm {
            x = norm.apply(&x)?;
        }
        for row in rows {
            row.positions += 1;
        }
        Ok(x)
    }

    fn feed_forward(&self, layer: &FeedForward<Plain>, x: &Tensor) -> Result<Tensor, ModelError> {
        self.residual(x, &layer.norm, |x| {
            layer.contract.apply(&activate(self.architecture.activation, &layer.expand.apply(x)?)?)
        })
    }

    fn residual(
        &self,
        x: &Tensor,
        norm: &Norm,
        f: impl FnOnce(&Tensor) -> Result<Tensor, ModelError>,
    ) -> Result<Tensor, ModelError> {
        match self.architecture.norm_order {
            NormOrder::Post => norm.apply(&(x + f(x)?)?),
            NormOrder::Pre => Ok((x + f(&norm.apply(x)?)?)?),
        }
    }

    /// Vectors of tokens, each at its own position, `[tokens, width]`.
    fn embed(
        &self,
        embedding: &Embedding<Plain>,
        tokens: &[TokenId],
        positions: &[usize],
    ) -> Result<Tensor, ModelError> {
        let first = match self.architecture.position_kind {
            Positions::Sinusoidal => 0,
            Positions::Learned { first } => first,
        };
        let table = embedding.tokens.as_ref().or(self.network.source.tokens.as_ref());
        let table = table.ok_or_else(|| ModelError::Weights("no token embedding".into()))?;
        let positions = positions.iter().map(|&position| (position + first) as u32).collect::<Vec<_>>();
        let tokens = table.index_select(&Tensor::new(tokens, &self.device)?, 0)?;
        let positions = embedding.positions.index_select(&Tensor::new(positions, &self.device)?, 0)?;
        let x = ((tokens * f64::from(self.architecture.embedding_scale))? + positions)?;
        match &embedding.norm {
            Some(norm) => norm.apply(&x),
            None => Ok(x),
        }
    }
}
