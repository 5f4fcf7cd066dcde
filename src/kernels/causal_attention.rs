//! Attention of one query position over the keys and values before it, for ragged batches with grouped heads.
//!
//! Keys and values live in [`KeyValues`], which only ever grow; a prompt may begin with a block that other rows share.
//! A query's result depends on the keys and values it sees and on nothing else: not on how they are split between the
//! shared and the own block, nor on the other queries of the call. No masks and no padding.

// The bodies are compiled once for each instruction set, which only works if they are inlined there.
#![allow(clippy::inline_always)]

use std::ops::Range;

use super::exponential::{soft_cap, softmax};
use super::spread::for_each_piece;
use super::tiers::{multiply_add, tiers};

/// Positions that are stored interleaved, so that one vector holds the same element of 16 keys.
const LANES: usize = 16;

/// The heads of an attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Query heads; a multiple of `key_values`.
    pub queries: usize,
    /// Key and value heads; query head `h` reads head `h / (queries / key_values)`.
    pub key_values: usize,
    /// Elements of a head.
    pub head_dim: usize,
}

impl Heads {
    /// Query heads that read the same keys.
    fn group(self) -> usize {
        self.queries / self.key_values
    }

    /// Elements of all key (or value) heads of a position.
    fn width(self) -> usize {
        self.key_values * self.head_dim
    }
}

/// Keys and values of the positions of one sequence in one layer.
///
/// Keys are `[blocks, key_value_heads, head_dim, 16]` (16 positions interleaved), values `[positions, key_value_heads,
/// head_dim]`.
#[derive(Debug, Clone)]
pub struct KeyValues {
    heads: Heads,
    length: usize,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl KeyValues {
    /// Of no positions.
    pub fn new(heads: Heads) -> KeyValues {
        KeyValues { heads, length: 0, keys: Vec::new(), values: Vec::new() }
    }

    /// Number of positions.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is no position yet.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends positions; `keys` and `values` are `[positions, key_value_heads, head_dim]`, the keys already rotated.
    pub fn append(&mut self, keys: &[f32], values: &[f32]) {
        let width = self.heads.width();
        debug_assert_eq!(keys.len(), values.len());
        debug_assert_eq!(keys.len() % width, 0);
        let positions = keys.len() / width;
        let blocks = (self.length + positions).div_ceil(LANES);
        let needed = blocks * LANES * width;
        if needed > self.keys.capacity() {
            // A little room at a time: doubling would waste half the memory of long prompts.
            let room = 4 * LANES * width;
            self.keys.reserve_exact(needed + room - self.keys.len());
            self.values.reserve_exact(needed + room - self.values.len());
        }
        self.keys.resize(needed, 0.0);
        for (offset, key) in keys.chunks_exact(width).enumerate() {
            let (block, lane) = ((self.length + offset) / LANES, (self.length + offset) % LANES);
            let block = &mut self.keys[block * LANES * width..(block + 1) * LANES * width];
            for (slot, value) in block[lane..].iter_mut().step_by(LANES).zip(key) {
                *slot = *value;
            }
        }
        self.values.extend_from_slice(values);
        self.length += positions;
    }
}

/// One query position of a ragged batch.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// What the whole of the job begins with, seen in full.
    pub shared: Option<&'a KeyValues>,
    /// The sequence's own keys and values.
    pub own: &'a KeyValues,
    /// How many of the own positions are seen: up to and with the query's.
    pub visible: usize,
}

/// How a layer attends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Its heads.
    pub heads: Heads,
    /// What dot products are multiplied with.
    pub scale: f32,
    /// How many positions are seen at most, the query's own among them; `None` for all before it.
    pub window: Option<usize>,
    /// What scores stay within (`cap * tanh(score / cap)`), where they do.
    pub soft_cap: Option<f32>,
}

/// Softmax of scaled dot products, capped where the setting says so, over the visible positions (Vaswani et al. 2017), times the values.
///
/// `queries` is `[tokens, query_heads, head_dim]`, already rotated, a token per entry of `tokens`; the answer has the
/// same shape.
pub fn attend(setting: Setting, queries: &[f32], tokens: &[Query<'_>]) -> Vec<f32> {
    let heads = setting.heads;
    let piece = heads.group() * heads.head_dim;
    let mut out = vec![0.0; queries.len()];
    for_each_piece(&mut out, piece, Vec::new, |scores, index, out| {
        let (token, head) = (index / heads.key_values, index % heads.key_values);
        let query = &queries[index * piece..(index + 1) * piece];
        attend_head(setting, head, query, tokens[token], scores, out);
    });
    out
}

/// The query heads that read key head `head`; `query` and `out` are `[group, head_dim]`.
fn attend_head(setting: Setting, head: usize, query: &[f32], token: Query<'_>, scores: &mut Vec<f32>, out: &mut [f32]) {
    let heads = setting.heads;
    let shared = token.shared.map_or(0, KeyValues::len);
    let total = shared + token.visible;
    // The first position that is seen.
    let first = setting.window.map_or(0, |window| total.saturating_sub(window));
    // Blocks are scored whole, hence the room behind the last position.
    let stride = total + 2 * LANES;
    scores.clear();
    scores.resize(heads.group() * stride, 0.0);
    let own = Part { block: token.own, head, seen: first.saturating_sub(shared)..token.visible, at: shared, stride };
    let before = token.shared.filter(|_| first < shared);
    let before = before.map(|block| Part { block, head, seen: first..shared, at: 0, stride });
    for part in before.iter().chain([&own]) {
        score(part, query, setting.scale, scores);
    }
    for row in scores.chunks_exact_mut(stride) {
        if let Some(cap) = setting.soft_cap {
            soft_cap(&mut row[first..total], cap);
        }
        softmax(&mut row[first..total]);
    }
    out.fill(0.0);
    for part in before.iter().chain([&own]) {
        weigh(part, scores, out);
    }
}

/// A run of positions of one key head, and where their scores stand in each row of `stride` scores.
struct Part<'a> {
    block: &'a KeyValues,
    head: usize,
    /// Positions of the block.
    seen: Range<usize>,
    at: usize,
    stride: usize,
}

#[inline(always)]
fn score_body<const FMA: bool>(part: &Part<'_>, query: &[f32], scale: f32, scores: &mut [f32]) {
    let head_dim = part.block.heads.head_dim;
    let mut first = 0;
    let heads = query.len() / head_dim;
    while first < heads {
        let query = &query[first * head_dim..];
        let scores = &mut scores[first * part.stride..];
        first += match heads - first {
            1 => score_heads::<FMA, 1>(part, query, scale, scores),
            2 => score_heads::<FMA, 2>(part, query, scale, scores),
            3 => score_heads::<FMA, 3>(part, query, scale, scores),
            4 | 5 => score_heads::<FMA, 4>(part, query, scale, scores),
            6 => score_heads::<FMA, 6>(part, query, scale, scores),
            7 => score_heads::<FMA, 7>(part, query, scale, scores),
            _ => score_heads::<FMA, 8>(part, query, scale, scores),
        };
    }
}

/// Scores of `N` query heads; answers `N`.
#[inline(always)]
fn score_heads<const FMA: bool, const N: usize>(
    part: &Part<'_>,
    query: &[f32],
    scale: f32,
    scores: &mut [f32],
) -> usize {
    let head_dim = part.block.heads.head_dim;
    let block_size = part.block.heads.width() * LANES;
    let rows: [&[f32]; N] = std::array::from_fn(|row| &query[row * head_dim..(row + 1) * head_dim]);
    for block in part.seen.start / LANES..part.seen.end.div_ceil(LANES) {
        let start = block * block_size + part.head * head_dim * LANES;
        let (keys, _) = part.block.keys[start..start + head_dim * LANES].as_chunks::<LANES>();
        let mut sums = [[0.0f32; LANES]; N];
        for (element, key) in keys.iter().enumerate() {
            for row in 0..N {
                let factor = rows[row][element];
                for lane in 0..LANES {
                    sums[row][lane] = multiply_add::<FMA>(factor, key[lane], sums[row][lane]);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            let at = row * part.stride + part.at + block * LANES;
            for (score, sum) in scores[at..at + LANES].iter_mut().zip(sums) {
                *score = sum * scale;
            }
        }
    }
    N
}

tiers! {
    /// Scaled dot products of all query heads of a group with a run of keys.
    fn score(part: &Part<'_>, query: &[f32], scale: f32, scores: &mut [f32]) => score_body
}

#[inline(always)]
fn weigh_body<const FMA: bool>(part: &Part<'_>, scores: &[f32], out: &mut [f32]) {
    let head_dim = part.block.heads.head_dim;
    let width = part.block.heads.width();
    for (row, out) in out.chunks_exact_mut(head_dim).enumerate() {
        let scores = &scores[row * part.stride + part.at..][part.seen.clone()];
        let mut done = 0;
        // As many sums as fit in the registers; the order of summation over positions is the same for each element.
        while done < head_dim {
            let start = part.seen.start * width + part.head * head_dim + done;
            done += match head_dim - done {
                128.. => weigh_elements::<FMA, 128>(&part.block.values, start, width, scores, &mut out[done..]),
                64.. => weigh_elements::<FMA, 64>(&part.block.values, start, width, scores, &mut out[done..]),
                16.. => weigh_elements::<FMA, 16>(&part.block.values, start, width, scores, &mut out[done..]),
                _ => weigh_elements::<FMA, 1>(&part.block.values, start, width, scores, &mut out[done..]),
            };
        }
    }
}

/// Adds `N` elements of the weighted values to `out`; answers `N`.
#[inline(always)]
fn weigh_elements<const FMA: bool, const N: usize>(
    values: &[f32],
    start: usize,
    width: usize,
    scores: &[f32],
    out: &mut [f32],
) -> usize {
    let mut sums = [0.0f32; N];
    sums.copy_from_slice(&out[..N]);
    for (position, score) in scores.iter().enumerate() {
        let at = position * width + start;
        let values = &values[at..at + N];
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = multiply_add::<FMA>(*score, *value, *sum);
        }
    }
    out[..N].copy_from_slice(&sums);
    N
}

tiers! {
    /// Adds the values of a run of positions, weighted by their probabilities.
    fn weigh(part: &Part<'_>, scores: &[f32], out: &mut [f32]) => weigh_body
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        (0..count)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                (state as f32 / u32::MAX as f32) * 4.0 - 2.0
            })
            .collect()
    }

    fn setting(heads: Heads, window: Option<usize>) -> Setting {
        Setting { heads, scale: 1.0 / (heads.head_dim as f32).sqrt(), window, soft_cap: None }
    }

    /// The formula in f64, position by position.
    fn naive(
        (heads, cap): (Heads, Option<f32>),
        query: &[f32],
        (keys, values): (&[f32], &[f32]),
        seen: Range<usize>,
    ) -> Vec<f64> {
        let capped = |score: f64| cap.map_or(score, |cap| f64::from(cap) * (score / f64::from(cap)).tanh());
        let mut out = vec![0.0; query.len()];
        for head in 0..heads.queries {
            let at = |position: usize, i: usize| position * heads.width() + head / heads.group() * heads.head_dim + i;
            let q = &query[head * heads.head_dim..(head + 1) * heads.head_dim];
            let scores: Vec<f64> = seen
                .clone()
                .map(|p| (0..heads.head_dim).map(|i| q[i] as f64 * keys[at(p, i)] as f64).sum::<f64>())
                .map(|score| capped(score / (heads.head_dim as f64).sqrt()).exp())
                .collect();
            let total: f64 = scores.iter().sum();
            for (p, score) in seen.clone().zip(&scores) {
                for i in 0..heads.head_dim {
                    out[head * heads.head_dim + i] += score / total * values[at(p, i)] as f64;
                }
            }
        }
        out
    }

    #[test]
    fn equals_the_formula_for_all_groupings() {
        for (queries, key_values, head_dim) in [(1, 1, 4), (4, 2, 20), (12, 2, 128), (14, 2, 64), (9, 1, 16), (5, 1, 8)]
        {
            let heads = Heads { queries, key_values, head_dim };
            for length in [1, 2, 16, 17, 50] {
                let keys = numbers(length * heads.width(), 1);
                let values = numbers(length * heads.width(), 2);
                let query = numbers(queries * head_dim, 3);
                let mut own = KeyValues::new(heads);
                own.append(&keys, &values);
                for visible in [1, length.div_ceil(2), length] {
                    for window in [None, Some(1), Some(3), Some(16), Some(20), Some(60)] {
                        let token = Query { shared: None, own: &own, visible };
                        let first = visible.saturating_sub(window.unwrap_or(visible));
                        for soft_cap in [None, Some(1.5)] {
                            let setting = Setting { soft_cap, ..setting(heads, window) };
                            let got = attend(setting, &query, &[token]);
                            let expected = naive((heads, soft_cap), &query, (&keys, &values), first..visible);
                            for (got, expected) in got.iter().zip(expected) {
                                assert!((f64::from(*got) - expected).abs() < 1e-5, "{heads:?} {length} {visible}");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn splitting_and_batching_change_no_bit() {
        let heads = Heads { queries: 6, key_values: 2, head_dim: 32 };
        let length = 45;
        let keys = numbers(length * heads.width(), 4);
        let values = numbers(length * heads.width(), 5);
        let queries = numbers(3 * heads.queries * heads.head_dim, 6);
        let mut whole = KeyValues::new(heads);
        whole.append(&keys, &values);
        let visible = [length, length - 7, length - 20];
        let tokens = visible.map(|visible| Query { shared: None, own: &whole, visible });
        for window in [None, Some(5), Some(24), Some(40)] {
            let setting = setting(heads, window);
            let batched = attend(setting, &queries, &tokens);
            for split in [1, 15, 16, 17, 25] {
                let (mut shared, mut own) = (KeyValues::new(heads), KeyValues::new(heads));
                shared.append(&keys[..split * heads.width()], &values[..split * heads.width()]);
                // The own part arrives in two pieces.
                let middle = (split + 3) * heads.width();
                own.append(&keys[split * heads.width()..middle], &values[split * heads.width()..middle]);
                own.append(&keys[middle..], &values[middle..]);
                let row = heads.queries * heads.head_dim;
                for (token, &visible) in visible.iter().enumerate() {
                    let query = Query { shared: Some(&shared), own: &own, visible: visible - split };
                    let single = attend(setting, &queries[token * row..(token + 1) * row], &[query]);
                    assert_eq!(single, batched[token * row..(token + 1) * row], "split {split} window {window:?}");
                }
            }
        }
    }
}
