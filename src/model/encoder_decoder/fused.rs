//! The encoder-decoder on the CPU, on slices and fused layers of any kind of number.
//!
//! The keys and values of a source are computed once and shared by all its hypotheses. Those of a hypothesis lie in blocks of
//! a few positions that hypotheses share until one of them writes: reordering beams copies pointers, and at most one block
//! a row is copied afterwards.

use super::layout::Side;
use super::network::{Embedding, Memory, Network, projection};
use super::state::Rows;
use super::{
    Answers, Architecture, AttentionScale, Expansion, FirstInput, History, Names, NormOrder, Positions, Stack,
};
use crate::kernels::attention::{BLOCK, DistanceBias, Heads, Piece, Queries, attend, store, weights_of_head};
use crate::kernels::recurrence::ssru;
use crate::model::layers::fused::{FeedForward, Fused, Norm};
use crate::model::layers::selection;
use crate::model::shortlist::Shortlist;
use crate::model::weights::Weights;
use crate::model::{Ask, Candidates, ModelError, Request};
use crate::token::{TokenClasses, TokenId};
use std::sync::Arc;
use std::time::Instant;

/// Source tokens that go through the encoder together: what they need lies in the cache, and the weights are read once for
/// all of them.
const ENCODED_TOKENS: usize = 256;

/// The network and what it needs to run.
pub(super) struct Engine<B: Fused> {
    architecture: Architecture,
    network: Network<B>,
    vocabulary: B::Vocabulary,
    /// Biases of attention by distance, `[heads, 2 × farthest + 1]`: none, one for all layers of the side, or one for each.
    encoder_distances: Vec<Vec<f32>>,
    decoder_distances: Vec<Vec<f32>>,
    /// The classes of the tokens and the lists, where answers come from selections.
    shortlist: Option<(Shortlist, Vec<TokenClasses>)>,
}

/// What is remembered of a source.
struct Source<B: Fused> {
    positions: usize,
    /// For each decoder layer, as a piece has it.
    memory: Vec<Vec<B::Stored>>,
    /// What it may be answered with, where there is a shortlist.
    selection: Option<B::Selection>,
}

/// What is remembered of a hypothesis.
pub(super) struct Row<B: Fused> {
    source: Arc<Source<B>>,
    /// Each block has, for each decoder layer, a piece of one block.
    blocks: Vec<Arc<Vec<B::Stored>>>,
    /// `[decoder layers, width]` where the decoder is recurrent, otherwise empty.
    cells: Vec<f32>,
    positions: usize,
    allowed: TokenClasses,
}

impl<B: Fused> Clone for Row<B> {
    fn clone(&self) -> Row<B> {
        let Row { positions, allowed, .. } = *self;
        let (source, blocks, cells) = (self.source.clone(), self.blocks.clone(), self.cells.clone());
        Row { source, blocks, cells, positions, allowed }
    }
}

/// Buffers of one call.
#[derive(Default)]
struct Scratch<S> {
    projected: Vec<f32>,
    attended: Vec<f32>,
    normed: Vec<f32>,
    scores: Vec<f32>,
    memory: Vec<f32>,
    logits: Vec<f32>,
    layer: S,
}

impl<B: Fused> Engine<B> {
    pub(super) fn load(
        backend: &B,
        weights: &Weights,
        description: (&Architecture, &Names),
        answers: Answers<'_>,
    ) -> Result<Engine<B>, ModelError> {
        let network = Network::load(backend, weights, description)?;
        let projection = projection(weights, description, answers.shortlist.is_some());
        let vocabulary = backend.vocabulary(weights, projection, answers.classes)?;
        let shortlist = answers.shortlist.map(|shortlist| (shortlist, answers.classes.to_vec()));
        let architecture = description.0.clone();
        let encoder_distances =
            distances::<B>(&architecture, &network.encoder_distances, (Side::Encoder, architecture.encoder.heads));
        let decoder_distances =
            distances::<B>(&architecture, &network.decoder_distances, (Side::Decoder, architecture.decoder.heads));
        Ok(Engine { architecture, network, vocabulary, encoder_distances, decoder_distances, shortlist })
    }

    pub(super) fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    pub(super) fn start(&self, batch: &[Request<'_>]) -> Result<Rows<Row<B>>, ModelError> {
        let sources: Vec<&[TokenId]> = batch.iter().map(|request| request.source).collect();
        let mut rows = Vec::with_capacity(batch.len());
        let mut scratch = Scratch::default();
        let mut rest = &sources[..];
        while !rest.is_empty() {
            let mut tokens = 0;
            let fit = rest.iter().take_while(|source| {
                tokens += source.len();
                tokens <= ENCODED_TOKENS
            });
            let (group, after) = rest.split_at(fit.count().max(1));
            for mut source in self.encode(group, &mut scratch)? {
                let request = batch[rows.len()];
                let allowed = request.allowed;
                source.selection = self.select(&request)?;
                let source = Arc::new(source);
                rows.push(Row { source, blocks: Vec::new(), cells: Vec::new(), positions: 0, allowed });
            }
            rest = after;
        }
        let longest = batch.iter().map(|request| request.prefix.len()).max().unwrap_or(0);
        for position in 0..longest.saturating_sub(1) {
            let (mut live, tokens): (Vec<&mut Row<B>>, Vec<TokenId>) = rows
                .iter_mut()
                .zip(batch)
                .filter(|(_, request)| position + 1 < request.prefix.len())
                .map(|(row, request)| (row, request.prefix[position]))
                .unzip();
            self.advance(&mut live, &tokens, (&mut scratch, None))?;
        }
        Ok(Rows::new(rows))
    }

    /// What a source may be answered with, where there is a shortlist.
    fn select(&self, request: &Request<'_>) -> Result<Option<B::Selection>, ModelError> {
        let Some((shortlist, classes)) = &self.shortlist else { return Ok(None) };
        let mut tokens = shortlist.with(request.source, request.constraints);
        tokens.retain(|&token| classes.get(token as usize).is_none_or(|of| of.within(request.allowed)));
        Ok(Some(B::select(&self.vocabulary, tokens)?))
    }

    pub(super) fn step(
        &self,
        last: &[TokenId],
        state: &mut Rows<Row<B>>,
        ask: &Ask<'_>,
    ) -> Result<Vec<Candidates>, ModelError> {
        let mut scratch = Scratch::default();
        let mut alignments = Vec::new();
        let align = state.align.then_some(&mut alignments);
        let mut x = self.advance(&mut state.live.iter_mut().collect::<Vec<_>>(), last, (&mut scratch, align))?;
        let scale = self.architecture.output_scale;
        if scale.total_cmp(&1.0).is_ne() {
            for value in &mut x {
                *value *= scale;
            }
        }
        let began = Instant::now();
        let mut best = if self.shortlist.is_some() {
            self.best_of_selections(&x, &state.live, ask, &mut scratch)?
        } else {
            let allowed: Vec<TokenClasses> = state.live.iter().map(|row| row.allowed).collect();
            B::best(&self.vocabulary, (&x, &allowed), ask, &mut scratch.layer)?
        };
        state.projection_time += began.elapsed();
        for (answer, alignment) in best.iter_mut().zip(alignments) {
            answer.alignment = alignment;
        }
        Ok(best)
    }

    /// The best tokens of each row, of those that its source may be answered with.
    fn best_of_selections(
        &self,
        x: &[f32],
        rows: &[Row<B>],
        ask: &Ask<'_>,
        scratch: &mut Scratch<B::Scratch>,
    ) -> Result<Vec<Candidates>, ModelError> {
        let width = self.architecture.width;
        let mut answers = Vec::with_capacity(rows.len());
        for beams in rows.chunk_by(|a, b| Arc::ptr_eq(&a.source, &b.source)) {
            let Some(selection) = &beams[0].source.selection else {
                return Err(ModelError::State("a source without its shortlist".into()));
            };
            let first = answers.len();
            let x = &x[first * width..(first + beams.len()) * width];
            B::logits(&self.vocabulary, selection, (x, &mut scratch.logits), &mut scratch.layer)?;
            let rows = first..first + beams.len();
            answers.extend(selection::best(B::tokens(selection), rows, &mut scratch.logits, ask)?);
        }
        Ok(answers)
    }

    /// What the encoder makes of a source, `[source, width]`.
    pub(super) fn encoded(&self, source: &[TokenId]) -> Result<Vec<f32>, ModelError> {
        self.hidden(&[source], &mut Scratch::default())
    }

    /// The output of the encoder for sources, behind each other, `[total, width]`.
    fn hidden(&self, sources: &[&[TokenId]], scratch: &mut Scratch<B::Scratch>) -> Result<Vec<f32>, ModelError> {
        let width = self.architecture.width;
        let total: usize = sources.iter().map(|source| source.len()).sum();
        let mut x = vec![0.0; total * width];
        let tokens = sources.iter().flat_map(|source| source.iter().enumerate());
        for ((position, &token), x) in tokens.zip(x.chunks_exact_mut(width)) {
            self.embed(&self.network.source, (token, position), x)?;
        }
        if let Some(norm) = &self.network.source.norm {
            norm.apply(&mut x);
        }
        let heads = heads_of(self.architecture.encoder);
        let inner = heads.total();
        for (index, layer) in self.network.encoder.iter().enumerate() {
            let attention = &layer.attention;
            let bias = self.distance_bias(&self.encoder_distances, index, 0);
            self.residual(&mut x, &attention.norm, scratch, |input, output, norm, scratch| {
                scratch.projected.resize(total * 3 * inner, 0.0);
                B::apply(&attention.input, input, &mut scratch.projected, &mut scratch.layer)?;
                scratch.attended.resize(total * inner, 0.0);
                let mut rest = &scratch.projected[..];
                let mut attended = &mut scratch.attended[..];
                for source in sources {
                    let (sequence, after) = rest.split_at(source.len() * 3 * inner);
                    let (here, behind) = attended.split_at_mut(source.len() * inner);
                    let room = source.len().next_multiple_of(BLOCK);
                    scratch.memory.resize(room * 2 * inner, 0.0);
                    for (position, token) in sequence.chunks_exact(3 * inner).enumerate() {
                        store(&mut scratch.memory, heads, position, token[inner..].split_at(inner));
                    }
                    let memory = Piece { elements: &scratch.memory[..], room, positions: source.len() };
                    let scale = self.attention_scale(heads);
                    let (stride, count) = (3 * inner, source.len());
                    let queries = Queries { values: sequence, stride, count, heads, scale, bias };
                    attend(queries, &[memory], &mut scratch.scores, here);
                    (rest, attended) = (after, behind);
                }
                B::add((&attention.output, norm), &scratch.attended, output, &mut scratch.layer)
            })?;
            self.feed_forward(&layer.feed_forward, &mut x, scratch)?;
        }
        if let Some(norm) = &self.network.encoder_norm {
            norm.apply(&mut x);
        }
        Ok(x)
    }

    /// Encodes sources and projects the result onto the keys and values of every decoder layer.
    fn encode(&self, sources: &[&[TokenId]], scratch: &mut Scratch<B::Scratch>) -> Result<Vec<Source<B>>, ModelError> {
        let x = self.hidden(sources, scratch)?;
        let total = x.len() / self.architecture.width;
        let source = |source: &&[TokenId]| Source { positions: source.len(), memory: Vec::new(), selection: None };
        let mut encoded: Vec<Source<B>> = sources.iter().map(source).collect();
        let heads = heads_of(self.architecture.decoder);
        let inner = heads.total();
        for layer in &self.network.decoder {
            scratch.projected.resize(total * 2 * inner, 0.0);
            B::apply(&layer.cross.memory, &x, &mut scratch.projected, &mut scratch.layer)?;
            let mut rest = &scratch.projected[..];
            for source in &mut encoded {
                let (here, after) = rest.split_at(source.positions * 2 * inner);
                let room = source.positions.next_multiple_of(BLOCK);
                let mut memory = vec![B::Stored::default(); room * 2 * inner];
                for (position, token) in here.chunks_exact(2 * inner).enumerate() {
                    store(&mut memory, heads, position, token.split_at(inner));
                }
                source.memory.push(memory);
                rest = after;
            }
        }
        Ok(encoded)
    }

    /// Feeds one token to each row; answers the decoder's output `[rows, width]`, and where in its source each row looked if
    /// that is asked for.
    fn advance(
        &self,
        rows: &mut [&mut Row<B>],
        tokens: &[TokenId],
        (scratch, mut align): (&mut Scratch<B::Scratch>, Option<&mut Vec<Vec<f32>>>),
    ) -> Result<Vec<f32>, ModelError> {
        let width = self.architecture.width;
        let heads = heads_of(self.architecture.decoder);
        let inner = heads.total();
        let limit = self.architecture.positions;
        let mut x = vec![0.0; rows.len() * width];
        for ((row, &token), x) in rows.iter_mut().zip(tokens).zip(x.chunks_exact_mut(width)) {
            if row.positions >= limit {
                return Err(ModelError::TooLong { what: "answer", limit, got: row.positions + 1 });
            }
            if row.positions == 0 && self.architecture.first_input == FirstInput::Zero {
                self.embed_position(&self.network.target, 0, x)?;
            } else {
                self.embed(&self.network.target, (token, row.positions), x)?;
            }
            match self.architecture.history {
                History::SelfAttention => row.make_room(self.network.decoder.len() * BLOCK * 2 * inner),
                History::Ssru => row.cells.resize(self.network.decoder.len() * width, 0.0),
            }
        }
        if let Some(norm) = &self.network.target.norm {
            norm.apply(&mut x);
        }
        for (index, layer) in self.network.decoder.iter().enumerate() {
            match &layer.history {
                Memory::Attention(attention) => {
                    self.residual(&mut x, &attention.norm, scratch, |input, output, norm, scratch| {
                        scratch.projected.resize(rows.len() * 3 * inner, 0.0);
                        B::apply(&attention.input, input, &mut scratch.projected, &mut scratch.layer)?;
                        scratch.attended.resize(rows.len() * inner, 0.0);
                        let projected = scratch.projected.chunks_exact(3 * inner);
                        for ((row, projected), output) in
                            rows.iter_mut().zip(projected).zip(scratch.attended.chunks_exact_mut(inner))
                        {
                            let (query, memory) = projected.split_at(inner);
                            row.store((index, heads), memory.split_at(inner));
                            let bias = self.distance_bias(&self.decoder_distances, index, row.positions);
                            let scale = self.attention_scale(heads);
                            let queries = Queries { values: query, stride: inner, count: 1, heads, scale, bias };
                            attend(queries, &row.pieces(index, inner), &mut scratch.scores, output);
                        }
                        B::add((&attention.output, norm), &scratch.attended, output, &mut scratch.layer)
                    })?;
                }
                Memory::Recurrence(recurrence) => {
                    self.residual(&mut x, &recurrence.norm, scratch, |input, output, norm, scratch| {
                        scratch.projected.resize(rows.len() * 2 * width, 0.0);
                        B::apply(&recurrence.input, input, &mut scratch.projected, &mut scratch.layer)?;
                        scratch.attended.resize(width, 0.0);
                        let projected = scratch.projected.chunks_exact(2 * width);
                        for ((row, projected), output) in
                            rows.iter_mut().zip(projected).zip(output.chunks_exact_mut(width))
                        {
                            ssru(projected, &mut row.cells[index * width..][..width], &mut scratch.attended);
                            for (value, add) in output.iter_mut().zip(&scratch.attended) {
                                *value += add;
                            }
                        }
                        if let Some(norm) = norm {
                            norm.apply(output);
                        }
                        Ok(())
                    })?;
                }
            }
            let cross = &layer.cross;
            self.residual(&mut x, &cross.norm, scratch, |input, output, norm, scratch| {
                scratch.projected.resize(rows.len() * inner, 0.0);
                B::apply(&cross.query, input, &mut scratch.projected, &mut scratch.layer)?;
                scratch.attended.resize(rows.len() * inner, 0.0);
                let mut first = 0;
                // Hypotheses of one source stand beside each other and read the same memory.
                for beams in rows.chunk_by(|a, b| Arc::ptr_eq(&a.source, &b.source)) {
                    let range = first * inner..(first + beams.len()) * inner;
                    let source = &beams[0].source;
                    let positions = source.positions;
                    let room = positions.next_multiple_of(BLOCK);
                    let memory = Piece { elements: &source.memory[index][..], room, positions };
                    let values = &scratch.projected[range.clone()];
                    if let Some(align) = align.as_deref_mut().filter(|_| self.architecture.aligned == Some(index)) {
                        align.extend(values.chunks_exact(inner).map(|query| weights_of_head(query, heads, 0, &memory)));
                    }
                    let scale = self.attention_scale(heads);
                    let queries = Queries { values, stride: inner, count: beams.len(), heads, scale, bias: None };
                    attend(queries, &[memory], &mut scratch.scores, &mut scratch.attended[range]);
                    first += beams.len();
                }
                B::add((&cross.output, norm), &scratch.attended, output, &mut scratch.layer)
            })?;
            self.feed_forward(&layer.feed_forward, &mut x, scratch)?;
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
        layer: &super::network::FeedForward<B>,
        x: &mut [f32],
        scratch: &mut Scratch<B::Scratch>,
    ) -> Result<(), ModelError> {
        self.residual(x, &layer.norm, scratch, |input, output, norm, scratch| {
            let activation = self.architecture.activation;
            let gated = self.architecture.expansion == Expansion::Gated;
            let matrices = FeedForward { expand: &layer.expand, contract: &layer.contract, activation, gated };
            B::feed_forward((matrices, norm), input, output, &mut scratch.layer)
        })
    }

    /// One sublayer: `x = norm(x + f(x))`, or `x = x + f(norm(x))` where norms come first. `f` gets its input, where to add
    /// its output, and the norm that is to follow.
    fn residual(
        &self,
        x: &mut [f32],
        norm: &Norm,
        scratch: &mut Scratch<B::Scratch>,
        f: impl FnOnce(&[f32], &mut [f32], Option<&Norm>, &mut Scratch<B::Scratch>) -> Result<(), ModelError>,
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

    /// The vector of a position.
    fn embed_position(&self, embedding: &Embedding<B>, position: usize, x: &mut [f32]) -> Result<(), ModelError> {
        let row = match self.architecture.position_kind {
            Positions::Sinusoidal | Positions::None => position,
            Positions::Marian { first } | Positions::Learned { first } => position + first,
        };
        let Some(positions) = &embedding.positions else {
            x.fill(0.0);
            return Ok(());
        };
        if B::look_up(positions, row, x) {
            Ok(())
        } else {
            Err(ModelError::State(format!("position {position} has no vector")))
        }
    }

    /// The vector of a token at a position.
    fn embed(
        &self,
        embedding: &Embedding<B>,
        (token, position): (TokenId, usize),
        x: &mut [f32],
    ) -> Result<(), ModelError> {
        let mut place = vec![0.0; x.len()];
        self.embed_position(embedding, position, &mut place)?;
        let tokens = embedding.tokens.as_ref().or(self.network.source.tokens.as_ref());
        if !tokens.is_some_and(|tokens| B::look_up(tokens, token as usize, x)) {
            return Err(ModelError::State(format!("token {token} has no vector")));
        }
        let scale = self.architecture.embedding_scale;
        for (x, place) in x.iter_mut().zip(place) {
            *x = *x * scale + place;
        }
        Ok(())
    }

    fn attention_scale(&self, heads: Heads) -> f32 {
        match self.architecture.attention_scale {
            AttentionScale::InverseRoot => heads.scale(),
            AttentionScale::One => 1.0,
        }
    }

    /// The bias of a layer of the side that has these tables, for queries from position `first` on.
    fn distance_bias<'a>(&self, tables: &'a [Vec<f32>], layer: usize, first: usize) -> Option<DistanceBias<'a>> {
        let table = tables.get(layer).or(tables.first())?;
        Some(DistanceBias { table, reach: self.architecture.relative?.farthest, first })
    }
}

fn heads_of(stack: Stack) -> Heads {
    Heads { count: stack.heads, width: stack.head_dim }
}

/// From biases by bucket to biases by distance.
fn distances<B: Fused>(
    architecture: &Architecture,
    tables: &[B::Table],
    (side, heads): (Side, usize),
) -> Vec<Vec<f32>> {
    let Some(relative) = architecture.relative else { return Vec::new() };
    let bucket = |table: &B::Table, bucket: usize| {
        let mut row = vec![0.0; heads];
        // The tables were made with as many rows.
        B::look_up(table, bucket, &mut row);
        row
    };
    let by_bucket = |table: &B::Table| (0..relative.buckets).map(|at| bucket(table, at)).collect::<Vec<_>>();
    tables.iter().map(|table| relative.table(&by_bucket(table), side)).collect()
}

impl<B: Fused> Row<B> {
    /// Makes sure that the next position can be written: a new block at the end of a full one, an own copy of a shared one.
    fn make_room(&mut self, block_elements: usize) {
        if self.positions == self.blocks.len() * BLOCK {
            self.blocks.push(Arc::new(vec![B::Stored::default(); block_elements]));
        }
        if let Some(block) = self.blocks.last_mut() {
            Arc::make_mut(block);
        }
    }

    /// Stores key and value of the next position of a layer.
    fn store(&mut self, (layer, heads): (usize, Heads), memory: (&[f32], &[f32])) {
        // `make_room` has been called: the block is not shared.
        if let Some(block) = self.blocks.last_mut().and_then(Arc::get_mut) {
            let elements = 2 * BLOCK * heads.total();
            store(&mut block[layer * elements..][..elements], heads, self.positions % BLOCK, memory);
        }
    }

    /// Keys and values of a layer up to and including the next position.
    fn pieces(&self, layer: usize, width: usize) -> Vec<Piece<'_, B::Stored>> {
        let elements = 2 * BLOCK * width;
        let last = self.blocks.len().saturating_sub(1);
        self.blocks
            .iter()
            .enumerate()
            .map(|(index, block)| Piece {
                elements: &block[layer * elements..][..elements],
                room: BLOCK,
                positions: if index == last { self.positions + 1 - last * BLOCK } else { BLOCK },
            })
            .collect()
    }
}
