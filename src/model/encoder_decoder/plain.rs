//! The encoder-decoder in plain Candle operations, for any device. On the CPU it is the reference of the packed one.

use super::network::{self, Embedding, FeedForward, Memory as History, Network};
use super::state::Rows;
use super::{Architecture, FirstInput, Names, NormOrder, Positions};
use crate::model::layers::plain::{Norm, Plain, activate, attend, best};
use crate::model::shortlist::Shortlist;
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
    shortlist: Option<Shortlist>,
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
    /// For each decoder layer `[1, width]`, where the decoder is recurrent; empty before the first token.
    cells: Vec<Tensor>,
    /// What may be answered, where there is a shortlist.
    tokens: Option<Arc<Vec<TokenId>>>,
    positions: usize,
}

impl Engine {
    pub(super) fn load(
        weights: &Weights,
        description: (&Architecture, &Names),
        device: &Device,
        shortlist: Option<Shortlist>,
    ) -> Result<Engine, ModelError> {
        let network = Network::load(&Plain { device: device.clone() }, weights, description)?;
        let projection = network::projection(weights, description, false);
        let output = weights.tensor(projection.name, &projection.shape(), device)?.t()?.contiguous()?;
        let bias = projection.read_bias(weights)?;
        let output_bias = Tensor::from_vec(bias, (1, description.0.target_vocab), device)?;
        Ok(Engine {
            architecture: description.0.clone(),
            network,
            output,
            output_bias,
            device: device.clone(),
            shortlist,
        })
    }

    pub(super) fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    pub(super) fn start(&self, batch: &[Request<'_>]) -> Result<Rows<Row>, ModelError> {
        let mut rows = Vec::with_capacity(batch.len());
        for request in batch {
            let listed = |shortlist: &Shortlist| Arc::new(shortlist.with(request.source, request.constraints));
            let tokens = self.shortlist.as_ref().map(listed);
            let source = Arc::new(self.encode(request.source)?);
            let mut row = Row { source, own: Vec::new(), cells: Vec::new(), tokens, positions: 0 };
            for &token in request.prefix.split_last().map_or(&[][..], |(_, before)| before) {
                self.advance(&mut [&mut row], &[token], None)?;
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
        let mut alignments = Vec::new();
        let align = state.align.then_some(&mut alignments);
        let x = self.advance(&mut state.live.iter_mut().collect::<Vec<_>>(), last, align)?;
        let mut logits = x.matmul(&self.output)?.broadcast_add(&self.output_bias)?;
        if self.shortlist.is_some() {
            logits = (logits + self.banned(&state.live)?)?;
        }
        let mut answers = best(&logits, ask)?;
        for (answer, alignment) in answers.iter_mut().zip(alignments) {
            answer.alignment = alignment;
        }
        Ok(answers)
    }

    /// Negative infinity for what a row's shortlist lacks, zero for the rest, `[rows, vocab]`.
    fn banned(&self, rows: &[Row]) -> Result<Tensor, ModelError> {
        let vocab = self.architecture.target_vocab;
        let mut ban = vec![f32::NEG_INFINITY; rows.len() * vocab];
        for (row, ban) in rows.iter().zip(ban.chunks_exact_mut(vocab)) {
            for &token in row.tokens.iter().flat_map(|tokens| tokens.iter()) {
                ban[token as usize] = 0.0;
            }
        }
        Ok(Tensor::from_vec(ban, (rows.len(), vocab), &self.device)?)
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
    fn advance(
        &self,
        rows: &mut [&mut Row],
        tokens: &[TokenId],
        mut align: Option<&mut Vec<Vec<f32>>>,
    ) -> Result<Tensor, ModelError> {
        let width = self.architecture.width;
        let limit = self.architecture.positions;
        let positions: Vec<usize> = rows.iter().map(|row| row.positions).collect();
        if let Some(&position) = positions.iter().find(|&&position| position >= limit) {
            return Err(ModelError::TooLong { what: "answer", limit, got: position + 1 });
        }
        let heads = self.architecture.decoder.heads;
        let mut x = self.embed(&self.network.target, tokens, &positions)?;
        if self.architecture.first_input == FirstInput::Zero {
            let zero: Vec<f32> = positions.iter().map(|&position| if position == 0 { 0.0 } else { 1.0 }).collect();
            let keep = Tensor::from_vec(zero, (positions.len(), 1), &self.device)?;
            let places = self.embed_positions(&self.network.target, &positions)?;
            x = ((x - &places)?.broadcast_mul(&keep)? + places)?;
        }
        for (index, layer) in self.network.decoder.iter().enumerate() {
            x = match &layer.history {
                History::Attention(attention) => self.residual(&x, &attention.norm, |x| {
                    let projected = attention.input.apply(x)?;
                    let mut attended = Vec::with_capacity(rows.len());
                    for (number, row) in rows.iter_mut().enumerate() {
                        let part = |index: usize| {
                            projected.narrow(0, number, 1).and_then(|row| row.narrow(1, index * width, width))
                        };
                        let (key, value) = (part(1)?, part(2)?);
                        let memory = match row.own.get(index) {
                            Some((keys, values)) => {
                                (Tensor::cat(&[keys, &key], 0)?, Tensor::cat(&[values, &value], 0)?)
                            }
                            None => (key, value),
                        };
                        attended.push(attend(&part(0)?, &memory.0, &memory.1, heads)?);
                        match row.own.get_mut(index) {
                            Some(own) => *own = memory,
                            None => row.own.push(memory),
                        }
                    }
                    attention.output.apply(&Tensor::cat(&attended, 0)?)
                })?,
                History::Recurrence(recurrence) => self.residual(&x, &recurrence.norm, |x| {
                    let projected = recurrence.input.apply(x)?;
                    let mut outputs = Vec::with_capacity(rows.len());
                    for (number, row) in rows.iter_mut().enumerate() {
                        let row_of = projected.narrow(0, number, 1)?;
                        let candidate = row_of.narrow(1, 0, width)?;
                        let forget = candle_nn::ops::sigmoid(&row_of.narrow(1, width, width)?)?;
                        let fresh = ((1.0 - &forget)? * candidate)?;
                        let cell = match row.cells.get(index) {
                            Some(cell) => ((forget * cell)? + fresh)?,
                            None => fresh,
                        };
                        outputs.push(cell.relu()?);
                        match row.cells.get_mut(index) {
                            Some(own) => *own = cell,
                            None => row.cells.push(cell),
                        }
                    }
                    Ok(Tensor::cat(&outputs, 0)?)
                })?,
            };
            x = self.residual(&x, &layer.cross.norm, |x| {
                let queries = layer.cross.query.apply(x)?;
                let mut attended = Vec::with_capacity(rows.len());
                for (number, row) in rows.iter().enumerate() {
                    let (keys, values) = &row.source[index];
                    if let Some(align) = align.as_deref_mut().filter(|_| self.architecture.aligned == Some(index)) {
                        let head = width / heads;
                        let query = queries.narrow(0, number, 1)?.narrow(1, 0, head)?;
                        let scores = query.matmul(&keys.narrow(1, 0, head)?.t()?)?;
                        let weights = candle_nn::ops::softmax(&(scores / (head as f64).sqrt())?, 1)?;
                        align.push(weights.flatten_all()?.to_vec1()?);
                    }
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

    /// Vectors of positions, `[positions, width]`.
    fn embed_positions(&self, embedding: &Embedding<Plain>, positions: &[usize]) -> Result<Tensor, ModelError> {
        let first = match self.architecture.position_kind {
            Positions::Sinusoidal | Positions::Marian => 0,
            Positions::Learned { first } => first,
        };
        let positions = positions.iter().map(|&position| (position + first) as u32).collect::<Vec<_>>();
        Ok(embedding.positions.index_select(&Tensor::new(positions, &self.device)?, 0)?)
    }

    /// Vectors of tokens, each at its own position, `[tokens, width]`.
    fn embed(
        &self,
        embedding: &Embedding<Plain>,
        tokens: &[TokenId],
        positions: &[usize],
    ) -> Result<Tensor, ModelError> {
        let table = embedding.tokens.as_ref().or(self.network.source.tokens.as_ref());
        let table = table.ok_or_else(|| ModelError::Weights("no token embedding".into()))?;
        let tokens = table.index_select(&Tensor::new(tokens, &self.device)?, 0)?;
        let positions = self.embed_positions(embedding, positions)?;
        let x = ((tokens * f64::from(self.architecture.embedding_scale))? + positions)?;
        match &embedding.norm {
            Some(norm) => norm.apply(&x),
            None => Ok(x),
        }
    }
}
