//! The encoder-decoder on the CPU, on packed weights and slices.
//!
//! The keys and values of a source are computed once and shared by all its hypotheses. Those of a hypothesis lie in blocks of
//! a few positions that hypotheses share until one of them writes: reordering beams copies pointers, and at most one block
//! a row is copied afterwards.

use super::network::{Embedding, Network, output_bias};
use super::state::Rows;
use super::{Architecture, Names, NormOrder, Positions, Stack};
use crate::kernels::attention::{Heads, Piece, attend};
use crate::model::layers::packed::{FeedForward, Norm, Packed, Vocabulary};
use crate::model::weights::Weights;
use crate::model::{Ask, Candidates, ModelError, Request};
use crate::token::TokenId;
use std::sync::Arc;

/// Positions of one block.
const BLOCK: usize = 16;

/// The network and what it needs to run.
pub(super) struct Engine {
    architecture: Architecture,
    network: Network<Packed>,
    vocabulary: Vocabulary,
}

/// What is remembered of a source.
struct Source {
    positions: usize,
    /// For each decoder layer keys and values side by side, `[positions, 2 × width]`.
    memory: Vec<Vec<f32>>,
}

/// What is remembered of a hypothesis.
#[derive(Clone)]
pub(super) struct Row {
    source: Arc<Source>,
    /// Each block has, for each decoder layer, `BLOCK` positions of keys and values side by side.
    blocks: Vec<Arc<Vec<f32>>>,
    positions: usize,
}

/// Buffers of one call.
#[derive(Default)]
struct Scratch {
    projected: Vec<f32>,
    attended: Vec<f32>,
    normed: Vec<f32>,
    hidden: Vec<f32>,
    scores: Vec<f32>,
}

impl Engine {
    pub(super) fn load(weights: &Weights, description: (&Architecture, &Names)) -> Result<Engine, ModelError> {
        let mut network = Network::load(&Packed, weights, description)?;
        let bias = output_bias(weights, description)?;
        let table = network.output.take();
        let table = table.as_ref().or(network.target.tokens.as_ref()).or(network.source.tokens.as_ref());
        let table = table.ok_or_else(|| ModelError::Weights("no projection onto the vocabulary".into()))?;
        let vocabulary = Vocabulary::new(table, bias)?;
        Ok(Engine { architecture: description.0.clone(), network, vocabulary })
    }

    pub(super) fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    pub(super) fn start(&self, batch: &[Request<'_>]) -> Result<Rows<Row>, ModelError> {
        let sources: Vec<&[TokenId]> = batch.iter().map(|request| request.source).collect();
        let mut rows: Vec<Row> = self
            .encode(&sources)?
            .into_iter()
            .map(|source| Row { source: Arc::new(source), blocks: Vec::new(), positions: 0 })
            .collect();
        let longest = batch.iter().map(|request| request.prefix.len()).max().unwrap_or(0);
        for position in 0..longest.saturating_sub(1) {
            let (mut live, tokens): (Vec<&mut Row>, Vec<TokenId>) = rows
                .iter_mut()
                .zip(batch)
                .filter(|(_, request)| position + 1 < request.prefix.len())
                .map(|(row, request)| (row, request.prefix[position]))
                .unzip();
            self.advance(&mut live, &tokens)?;
        }
        Ok(Rows { rows })
    }

    pub(super) fn step(
        &self,
        last: &[TokenId],
        state: &mut Rows<Row>,
        ask: &Ask<'_>,
    ) -> Result<Vec<Candidates>, ModelError> {
        let x = self.advance(&mut state.rows.iter_mut().collect::<Vec<_>>(), last)?;
        self.vocabulary.best(&x, ask)
    }

    /// Encodes sources and projects the result onto the keys and values of every decoder layer.
    fn encode(&self, sources: &[&[TokenId]]) -> Result<Vec<Source>, ModelError> {
        let width = self.architecture.width;
        let total: usize = sources.iter().map(|source| source.len()).sum();
        let mut x = Vec::with_capacity(total * width);
        for source in sources {
            for (position, &token) in source.iter().enumerate() {
                self.embed(&self.network.source, token, position, &mut x)?;
            }
        }
        if let Some(norm) = &self.network.source.norm {
            norm.apply(&mut x);
        }
        let heads = self.heads(self.architecture.encoder);
        let mut scratch = Scratch::default();
        for layer in &self.network.encoder {
            let attention = &layer.attention;
            self.residual(&mut x, &attention.norm, &mut scratch, |input, output, norm, scratch| {
                scratch.projected.resize(total * 3 * width, 0.0);
                attention.input.apply(input, &mut scratch.projected)?;
                scratch.attended.resize(total * width, 0.0);
                let mut rest = &scratch.projected[..];
                let mut attended = &mut scratch.attended[..];
                for source in sources {
                    let (sequence, after) = rest.split_at(source.len() * 3 * width);
                    let (here, behind) = attended.split_at_mut(source.len() * width);
                    let piece = Piece {
                        keys: &sequence[width..],
                        values: &sequence[2 * width..],
                        stride: 3 * width,
                        positions: source.len(),
                    };
                    for (query, output) in sequence.chunks_exact(3 * width).zip(here.chunks_exact_mut(width)) {
                        attend(&query[..width], &[piece], heads, &mut scratch.scores, output);
                    }
                    (rest, attended) = (after, behind);
                }
                match norm {
                    Some(norm) => attention.output.add_and_norm(&scratch.attended, output, norm),
                    None => attention.output.add(&scratch.attended, output),
                }
            })?;
            let feed_forward = &layer.feed_forward;
            self.feed_forward(feed_forward, &mut x, &mut scratch)?;
        }
        if let Some(norm) = &self.network.encoder_norm {
            norm.apply(&mut x);
        }
        let mut encoded: Vec<Source> =
            sources.iter().map(|source| Source { positions: source.len(), memory: Vec::new() }).collect();
        for layer in &self.network.decoder {
            scratch.projected.resize(total * 2 * width, 0.0);
            layer.cross.memory.apply(&x, &mut scratch.projected)?;
            let mut rest = &scratch.projected[..];
            for source in &mut encoded {
                let (here, after) = rest.split_at(source.positions * 2 * width);
                source.memory.push(here.to_vec());
                rest = after;
            }
        }
        Ok(encoded)
    }

    /// Feeds one token to each row; answers the decoder's output `[rows, width]`.
    fn advance(&self, rows: &mut [&mut Row], tokens: &[TokenId]) -> Result<Vec<f32>, ModelError> {
        let width = self.architecture.width;
        let limit = self.architecture.positions;
        let mut x = Vec::with_capacity(rows.len() * width);
        for (row, &token) in rows.iter_mut().zip(tokens) {
            if row.positions >= limit {
                return Err(ModelError::TooLong { what: "answer", limit, got: row.positions + 1 });
            }
            self.embed(&self.network.target, token, row.positions, &mut x)?;
            row.make_room(self.network.decoder.len() * BLOCK * 2 * width);
        }
        if let Some(norm) = &self.network.target.norm {
            norm.apply(&mut x);
        }
        let heads = self.heads(self.architecture.decoder);
        let mut scratch = Scratch::default();
        for (index, layer) in self.network.decoder.iter().enumerate() {
            let attention = &layer.attention;
            self.residual(&mut x, &attention.norm, &mut scratch, |input, output, norm, scratch| {
                scratch.projected.resize(rows.len() * 3 * width, 0.0);
                attention.input.apply(input, &mut scratch.projected)?;
                scratch.attended.resize(rows.len() * width, 0.0);
                let projected = scratch.projected.chunks_exact(3 * width);
                for ((row, projected), output) in
                    rows.iter_mut().zip(projected).zip(scratch.attended.chunks_exact_mut(width))
                {
                    let (query, memory) = projected.split_at(width);
                    row.store(index, memory);
                    attend(query, &row.pieces(index, width), heads, &mut scratch.scores, output);
                }
                match norm {
                    Some(norm) => attention.output.add_and_norm(&scratch.attended, output, norm),
                    None => attention.output.add(&scratch.attended, output),
                }
            })?;
            let cross = &layer.cross;
            self.residual(&mut x, &cross.norm, &mut scratch, |input, output, norm, scratch| {
                scratch.projected.resize(rows.len() * width, 0.0);
                cross.query.apply(input, &mut scratch.projected)?;
                scratch.attended.resize(rows.len() * width, 0.0);
                let queries = scratch.projected.chunks_exact(width);
                for ((row, query), output) in rows.iter().zip(queries).zip(scratch.attended.chunks_exact_mut(width)) {
                    let memory = &row.source.memory[index];
                    let piece = Piece {
                        keys: memory,
                        values: &memory[width..],
                        stride: 2 * width,
                        positions: row.source.positions,
                    };
                    attend(query, &[piece], heads, &mut scratch.scores, output);
                }
                match norm {
                    Some(norm) => cross.output.add_and_norm(&scratch.attended, output, norm),
                    None => cross.output.add(&scratch.attended, output),
                }
            })?;
            self.feed_forward(&layer.feed_forward, &mut x, &mut scratch)?;
        }
        if let Some(norm) = &self.network.decoder_norm {
            norm.apply(&mut x);
        }
        for row in rows {
            row.positions += 1;
        }
        Ok(x)
    }

    fn feed_forward(
        &self,
        layer: &super::network::FeedForward<Packed>,
        x: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<(), ModelError> {
        let matrices =
            FeedForward { expand: &layer.expand, contract: &layer.contract, activation: self.architecture.activation };
        self.residual(x, &layer.norm, scratch, |input, output, norm, scratch| {
            matrices.add(input, output, norm, &mut scratch.hidden)
        })
    }

    /// One sublayer: `x = norm(x + f(x))`, or `x = x + f(norm(x))` where norms come first. `f` gets its input, where to add
    /// its output, and the norm that is to follow.
    fn residual(
        &self,
        x: &mut [f32],
        norm: &Norm,
        scratch: &mut Scratch,
        f: impl FnOnce(&[f32], &mut [f32], Option<&Norm>, &mut Scratch) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let mut input = std::mem::take(&mut scratch.normed);
        input.clear();
        input.extend_from_slice(x);
        let after = match self.architecture.norm_order {
            NormOrder::Post => Some(norm),
            NormOrder::Pre => {
                norm.apply(&mut input);
                None
            }
        };
        let result = f(&input, x, after, scratch);
        scratch.normed = input;
        result
    }

    /// Appends the vector of a token at a position.
    fn embed(
        &self,
        embedding: &Embedding<Packed>,
        token: TokenId,
        position: usize,
        x: &mut Vec<f32>,
    ) -> Result<(), ModelError> {
        let row = match self.architecture.position_kind {
            Positions::Sinusoidal => position,
            Positions::Learned { first } => position + first,
        };
        let tokens = embedding.tokens.as_ref().or(self.network.source.tokens.as_ref());
        let (Some(token), Some(position)) =
            (tokens.and_then(|tokens| tokens.row(token as usize)), embedding.positions.row(row))
        else {
            return Err(ModelError::State(format!("token {token} at position {position} has no vector")));
        };
        let scale = self.architecture.embedding_scale;
        x.extend(token.iter().zip(position).map(|(token, position)| token * scale + position));
        Ok(())
    }

    fn heads(&self, stack: Stack) -> Heads {
        Heads { count: stack.heads, width: self.architecture.width / stack.heads }
    }
}

impl Row {
    /// Makes sure that the next position can be written: a new block at the end of a full one, an own copy of a shared one.
    fn make_room(&mut self, block_elements: usize) {
        if self.positions == self.blocks.len() * BLOCK {
            self.blocks.push(Arc::new(vec![0.0; block_elements]));
        }
        if let Some(block) = self.blocks.last_mut() {
            Arc::make_mut(block);
        }
    }

    /// Stores key and value of the next position of a layer.
    fn store(&mut self, layer: usize, memory: &[f32]) {
        let start = (layer * BLOCK + self.positions % BLOCK) * memory.len();
        // `make_room` has been called: the block is not shared.
        if let Some(block) = self.blocks.last_mut().and_then(Arc::get_mut) {
            block[start..start + memory.len()].copy_from_slice(memory);
        }
    }

    /// Keys and values of a layer up to and including the next position.
    fn pieces(&self, layer: usize, width: usize) -> Vec<Piece<'_>> {
        let start = layer * BLOCK * 2 * width;
        let last = self.blocks.len().saturating_sub(1);
        self.blocks
            .iter()
            .enumerate()
            .map(|(index, block)| Piece {
                keys: &block[start..],
                values: &block[start + width..],
                stride: 2 * width,
                positions: if index == last { self.positions + 1 - last * BLOCK } else { BLOCK },
            })
            .collect()
    }
}
