//! The encoder-decoder in plain Candle operations, for any device. On the CPU it is the reference of the packed one.

use super::layout::Side;
use super::network::{self, Embedding, FeedForward, Memory as History, Network};
use super::state::Rows;
use super::{Architecture, AttentionScale, Expansion, FirstInput, Names, NormOrder, Positions, Stack};
use crate::model::layers::plain::{Norm, Plain, Scores, activate, attend, best};
use crate::model::shortlist::Shortlist;
use crate::model::weights::Weights;
use crate::model::{Ask, Candidates, ModelError, Request};
use crate::token::TokenId;
use candle_core::{DType, Device, Tensor};
use std::ops::Range;
use std::sync::Arc;

/// The network and what it needs to run.
pub(super) struct Engine {
    architecture: Architecture,
    network: Network<Plain>,
    /// `[width, vocab]`.
    output: Tensor,
    /// `[1, vocab]`.
    output_bias: Tensor,
    /// Biases of attention by distance, `[heads, 2 × farthest + 1]`: none, one for all layers of the side, or one for each.
    encoder_distances: Vec<Tensor>,
    decoder_distances: Vec<Tensor>,
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
        let architecture = description.0;
        Ok(Engine {
            encoder_distances: distances(architecture, &network.encoder_distances, (Side::Encoder, device))?,
            decoder_distances: distances(architecture, &network.decoder_distances, (Side::Decoder, device))?,
            architecture: architecture.clone(),
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
            let source = Arc::new(self.remember(&self.hidden(request.source)?)?);
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
        let x = (x * f64::from(self.architecture.output_scale))?;
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

    /// What the encoder makes of a source, `[source, width]`.
    pub(super) fn encoded(&self, source: &[TokenId]) -> Result<Vec<f32>, ModelError> {
        Ok(self.hidden(source)?.flatten_all()?.to_vec1()?)
    }

    fn hidden(&self, source: &[TokenId]) -> Result<Tensor, ModelError> {
        let stack = self.architecture.encoder;
        let inner = stack.heads * stack.head_dim;
        let positions: Vec<usize> = (0..source.len()).collect();
        let mut x = self.embed(&self.network.source, source, &positions)?;
        for (index, layer) in self.network.encoder.iter().enumerate() {
            let bias = self.bias(&self.encoder_distances, index, (0..source.len(), source.len()))?;
            x = self.residual(&x, &layer.attention.norm, |x| {
                let projected = layer.attention.input.apply(x)?;
                let part = |index: usize| projected.narrow(1, index * inner, inner);
                let scores = self.scores(stack, bias.as_ref());
                let attended = attend(&part(0)?, (&part(1)?, &part(2)?), scores)?;
                layer.attention.output.apply(&attended)
            })?;
            x = self.feed_forward(&layer.feed_forward, &x)?;
        }
        if let Some(norm) = &self.network.encoder_norm {
            x = norm.apply(&x)?;
        }
        Ok(x)
    }

    /// Keys and values of an encoded source for every decoder layer.
    fn remember(&self, x: &Tensor) -> Result<Vec<Memory>, ModelError> {
        let inner = self.architecture.decoder.heads * self.architecture.decoder.head_dim;
        let memories = self.network.decoder.iter().map(|layer| {
            let projected = layer.cross.memory.apply(x)?;
            Ok((projected.narrow(1, 0, inner)?, projected.narrow(1, inner, inner)?))
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
        let stack = self.architecture.decoder;
        let inner = stack.heads * stack.head_dim;
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
                            projected.narrow(0, number, 1).and_then(|row| row.narrow(1, index * inner, inner))
                        };
                        let (key, value) = (part(1)?, part(2)?);
                        let memory = match row.own.get(index) {
                            Some((keys, values)) => {
                                (Tensor::cat(&[keys, &key], 0)?, Tensor::cat(&[values, &value], 0)?)
                            }
                            None => (key, value),
                        };
                        let (at, seen) = (row.positions, row.positions + 1);
                        let bias = self.bias(&self.decoder_distances, index, (at..seen, seen))?;
                        let scores = self.scores(stack, bias.as_ref());
                        attended.push(attend(&part(0)?, (&memory.0, &memory.1), scores)?);
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
                        let head = stack.head_dim;
                        let query = queries.narrow(0, number, 1)?.narrow(1, 0, head)?;
                        let scores = query.matmul(&keys.narrow(1, 0, head)?.t()?)?;
                        let weights = candle_nn::ops::softmax(&(scores / (head as f64).sqrt())?, 1)?;
                        align.push(weights.flatten_all()?.to_vec1()?);
                    }
                    let scores = self.scores(stack, None);
                    attended.push(attend(&queries.narrow(0, number, 1)?, (keys, values), scores)?);
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

    fn scores<'a>(&self, stack: Stack, bias: Option<&'a Tensor>) -> Scores<'a> {
        let scale = match self.architecture.attention_scale {
            AttentionScale::InverseRoot => 1.0 / (stack.head_dim as f64).sqrt(),
            AttentionScale::One => 1.0,
        };
        Scores { heads: stack.heads, scale, bias }
    }

    /// The bias of a layer for queries at these positions over so many keys, `[heads, queries, keys]`.
    fn bias(
        &self,
        tables: &[Tensor],
        layer: usize,
        (queries, keys): (Range<usize>, usize),
    ) -> Result<Option<Tensor>, ModelError> {
        let Some((table, relative)) = tables.get(layer).or(tables.first()).zip(self.architecture.relative) else {
            return Ok(None);
        };
        let farthest = relative.farthest as isize;
        let place =
            |query: usize, key: usize| ((key as isize - query as isize).clamp(-farthest, farthest) + farthest) as u32;
        let count = queries.len();
        let places: Vec<u32> = queries.flat_map(|query| (0..keys).map(move |key| place(query, key))).collect();
        let chosen = table.index_select(&Tensor::new(places, &self.device)?, 1)?;
        Ok(Some(chosen.reshape((table.dim(0)?, count, keys))?))
    }

    fn feed_forward(&self, layer: &FeedForward<Plain>, x: &Tensor) -> Result<Tensor, ModelError> {
        self.residual(x, &layer.norm, |x| {
            let activation = self.architecture.activation;
            let expanded = layer.expand.apply(x)?;
            if self.architecture.expansion == Expansion::Gated {
                let inner = expanded.dim(1)? / 2;
                let gate = activate(activation, &expanded.narrow(1, 0, inner)?.contiguous()?)?;
                return layer.contract.apply(&(gate * expanded.narrow(1, inner, inner)?)?);
            }
            layer.contract.apply(&activate(activation, &expanded)?)
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
            Positions::Sinusoidal | Positions::None => 0,
            Positions::Marian { first } | Positions::Learned { first } => first,
        };
        let Some(table) = &embedding.positions else {
            let shape = (positions.len(), self.architecture.width);
            return Ok(Tensor::zeros(shape, DType::F32, &self.device)?);
        };
        let positions = positions.iter().map(|&position| (position + first) as u32).collect::<Vec<_>>();
        Ok(table.index_select(&Tensor::new(positions, &self.device)?, 0)?)
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

/// From biases by bucket to biases by distance.
fn distances(
    architecture: &Architecture,
    tables: &[Tensor],
    (side, device): (Side, &Device),
) -> Result<Vec<Tensor>, ModelError> {
    let Some(relative) = architecture.relative else { return Ok(Vec::new()) };
    let by_distance = |table: &Tensor| {
        let heads = table.dim(1)?;
        let values = relative.table(&table.to_vec2::<f32>()?, side);
        Ok(Tensor::from_vec(values, (heads, 2 * relative.farthest + 1), device)?)
    };
    tables.iter().map(by_distance).collect()
}
