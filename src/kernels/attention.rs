//! Scaled dot-product attention of a few queries over keys and values that lie in one or more pieces.
//!
//! Sequences are never padded: a caller passes exactly the positions that may be seen, so there are no masks. Keys lie 16
//! positions side by side, so that the scores of 16 positions are one register and nothing has to be summed across it.
//! A query's result does not depend on the queries that are computed with it.

use super::{LANES, activation, dispatched, multiply_add};

/// Positions of a block of keys.
pub const BLOCK: usize = LANES;

/// How keys and values are stored.
pub trait Stored: Copy + Default + Send + Sync + 'static {
    /// Rounds.
    fn from_f32(value: f32) -> Self;
    /// Exact.
    fn to_f32(self) -> f32;
    /// See [`attend`].
    #[doc(hidden)]
    fn attend(queries: Queries<'_>, memory: &[Piece<'_, Self>], scratch: &mut Vec<f32>, output: &mut [f32]);
}

/// The upper half of a 32-bit float: eight bits of precision and the whole range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Bf16(u16);

impl Stored for f32 {
    #[inline(always)]
    fn from_f32(value: f32) -> f32 {
        value
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    fn attend(queries: Queries<'_>, memory: &[Piece<'_, f32>], scratch: &mut Vec<f32>, output: &mut [f32]) {
        attend_f32(queries, memory, scratch, output);
    }
}

impl Stored for Bf16 {
    /// To the nearest, ties to even; what is not a number stays so.
    #[inline(always)]
    fn from_f32(value: f32) -> Bf16 {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
        Bf16(if value.is_nan() { 0x7fc0 } else { (rounded >> 16) as u16 })
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }

    fn attend(queries: Queries<'_>, memory: &[Piece<'_, Bf16>], scratch: &mut Vec<f32>, output: &mut [f32]) {
        attend_bf16(queries, memory, scratch, output);
    }
}

/// A piece of memory: for each head the keys, `[blocks, head_dim, BLOCK]`, then the values, `[blocks × BLOCK, head_dim]`, so that
/// it is read from its beginning to its end. All pieces but the last are whole blocks; what lies beyond `positions` is not
/// looked at.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a, E> {
    /// `[heads, 2, blocks × BLOCK × head_dim]`.
    pub elements: &'a [E],
    /// Number of positions there is room for, whole blocks.
    pub room: usize,
    /// Number of positions.
    pub positions: usize,
}

impl<E> Piece<'_, E> {
    /// Keys and values of a head.
    #[inline(always)]
    fn head(&self, head: usize, head_dim: usize) -> (&[E], &[E]) {
        let half = self.room * head_dim;
        self.elements[head * 2 * half..(head + 1) * 2 * half].split_at(half)
    }
}

/// Sizes of an attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Number of heads.
    pub count: usize,
    /// Elements of one head.
    pub width: usize,
}

impl Heads {
    /// Elements of all heads.
    pub fn total(self) -> usize {
        self.count * self.width
    }

    /// `1 / √head_dim`.
    pub fn scale(self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }
}

/// Queries that see the same positions.
#[derive(Debug, Clone, Copy)]
pub struct Queries<'a> {
    /// `[heads × head_dim]` each.
    pub values: &'a [f32],
    /// Elements from one query to the next.
    pub stride: usize,
    /// Number of queries.
    pub count: usize,
    /// Sizes.
    pub heads: Heads,
    /// What the dot products are multiplied by; [`Heads::scale`] for most networks.
    pub scale: f32,
    /// What is added to them, if the network knows positions by their distance.
    pub bias: Option<DistanceBias<'a>>,
}

/// What is added to the score of a position for its distance from the query (Raffel et al. 2020, section 2.1).
#[derive(Debug, Clone, Copy)]
pub struct DistanceBias<'a> {
    /// `[heads, 2 × reach + 1]`, by the position of the key minus that of the query, from `-reach` to `reach`; what is farther
    /// away gets what the farthest gets.
    pub table: &'a [f32],
    /// The farthest distance that is told apart from farther ones.
    pub reach: usize,
    /// Position of the first query; the others follow it.
    pub first: usize,
}

impl DistanceBias<'_> {
    /// Adds to the scores of the first positions, of one head of a query.
    #[inline(always)]
    fn add(&self, head: usize, query: usize, scores: &mut [f32]) {
        let span = 2 * self.reach + 1;
        let table = &self.table[head * span..][..span];
        let position = self.first + query;
        let near = position.saturating_sub(self.reach).min(scores.len());
        let far = (position + self.reach + 1).min(scores.len());
        for score in &mut scores[..near] {
            *score += table[0];
        }
        for (score, bias) in scores[near..far].iter_mut().zip(&table[near + self.reach - position..]) {
            *score += bias;
        }
        for score in &mut scores[far..] {
            *score += table[span - 1];
        }
    }
}

/// `softmax(scale q·kᵀ + bias)·v` for each head of each query (Vaswani et al. 2017); `output` is
/// `[queries, heads × head_dim]`, `scratch` any vector.
///
/// # Panics
/// If a piece or the output is shorter than its positions or queries ask for.
pub fn attend<E: Stored>(queries: Queries<'_>, memory: &[Piece<'_, E>], scratch: &mut Vec<f32>, output: &mut [f32]) {
    E::attend(queries, memory, scratch, output);
}

/// `softmax(q·kᵀ / √head_dim)` of one head of a query: how much it looks at each position.
///
/// Plain arithmetic: it is for those who want to see the weights, which [`attend`] does not keep.
///
/// # Panics
/// If a piece is shorter than its positions ask for.
pub fn weights_of_head<E: Stored>(query: &[f32], heads: Heads, head: usize, memory: &Piece<'_, E>) -> Vec<f32> {
    let query = &query[head * heads.width..][..heads.width];
    let keys = memory.head(head, heads.width).0;
    let scale = 1.0 / (heads.width as f32).sqrt();
    let score = |position: usize| {
        let block = &keys[position / BLOCK * BLOCK * heads.width..][..BLOCK * heads.width];
        let of_position = block.iter().skip(position % BLOCK).step_by(BLOCK);
        query.iter().zip(of_position).map(|(q, k)| q * k.to_f32()).sum::<f32>() * scale
    };
    let scores: Vec<f32> = (0..memory.positions).map(score).collect();
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut weights: Vec<f32> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f32 = weights.iter().sum();
    for weight in &mut weights {
        *weight /= sum;
    }
    weights
}

/// Stores key and value of a position, `[heads × head_dim]` each, in the elements of a [`Piece`].
///
/// # Panics
/// If the elements are no memory of such heads with room for the position.
pub fn store<E: Stored>(elements: &mut [E], heads: Heads, position: usize, (key, value): (&[f32], &[f32])) {
    let half = elements.len() / heads.count / 2;
    let lane = position % BLOCK;
    let parts = key.chunks_exact(heads.width).zip(value.chunks_exact(heads.width));
    for (memory, (key, value)) in elements.chunks_exact_mut(2 * half).zip(parts) {
        let (keys, values) = memory.split_at_mut(half);
        let block = &mut keys[position / BLOCK * BLOCK * heads.width..][..BLOCK * heads.width];
        for (group, &value) in block.as_chunks_mut::<BLOCK>().0.iter_mut().zip(key) {
            group[lane] = E::from_f32(value);
        }
        for (stored, &value) in values[position * heads.width..][..heads.width].iter_mut().zip(value) {
            *stored = E::from_f32(value);
        }
    }
}

dispatched! {
    fn attend_f32(queries: Queries<'_>, memory: &[Piece<'_, f32>], scratch: &mut Vec<f32>, output: &mut [f32]) {
        attend_all::<FMA, f32>(queries, memory, scratch, output);
    }
}

dispatched! {
    fn attend_bf16(queries: Queries<'_>, memory: &[Piece<'_, Bf16>], scratch: &mut Vec<f32>, output: &mut [f32]) {
        attend_all::<FMA, Bf16>(queries, memory, scratch, output);
    }
}

#[inline(always)]
fn attend_all<const FMA: bool, E: Stored>(
    queries: Queries<'_>,
    memory: &[Piece<'_, E>],
    scratch: &mut Vec<f32>,
    output: &mut [f32],
) {
    let width = queries.heads.total();
    let mut first = 0;
    while first < queries.count {
        let rest = Queries {
            values: &queries.values[first * queries.stride..],
            count: queries.count - first,
            bias: queries.bias.map(|bias| DistanceBias { first: bias.first + first, ..bias }),
            ..queries
        };
        let output = &mut output[first * width..];
        first += match rest.count {
            1 => attend_some::<FMA, E, 1>(rest, memory, scratch, output),
            2 => attend_some::<FMA, E, 2>(rest, memory, scratch, output),
            3 => attend_some::<FMA, E, 3>(rest, memory, scratch, output),
            _ => attend_some::<FMA, E, 4>(rest, memory, scratch, output),
        };
    }
}

/// The first `N` queries; answers `N`.
#[inline(always)]
fn attend_some<const FMA: bool, E: Stored, const N: usize>(
    queries: Queries<'_>,
    memory: &[Piece<'_, E>],
    scratch: &mut Vec<f32>,
    output: &mut [f32],
) -> usize {
    let Heads { count, width: head_dim } = queries.heads;
    let positions: usize = memory.iter().map(|piece| piece.positions).sum();
    let stride = positions.next_multiple_of(BLOCK);
    scratch.resize(N * stride, 0.0);
    let scale = queries.scale;
    for head in 0..count {
        let at = head * head_dim;
        let rows: [&[f32]; N] = std::array::from_fn(|q| &queries.values[q * queries.stride + at..][..head_dim]);
        let mut block = 0;
        for piece in memory {
            let keys = piece.head(head, head_dim).0.chunks_exact(head_dim * BLOCK);
            for keys in keys.take(piece.positions.div_ceil(BLOCK)) {
                let sums = score::<FMA, E, N>(rows, keys);
                for (q, sums) in sums.iter().enumerate() {
                    let scores = &mut scratch[q * stride + block * BLOCK..][..BLOCK];
                    for (score, sum) in scores.iter_mut().zip(sums) {
                        *score = sum * scale;
                    }
                }
                block += 1;
            }
        }
        if let Some(bias) = &queries.bias {
            for q in 0..N {
                bias.add(head, q, &mut scratch[q * stride..][..positions]);
            }
        }
        let mut inverse = [0.0; N];
        for (q, inverse) in inverse.iter_mut().enumerate() {
            *inverse = 1.0 / activation::exp_minus_max(&mut scratch[q * stride..][..positions]);
        }
        let mut done = 0;
        while done < head_dim {
            let part = Part { memory, heads: queries.heads, head, first: done, scores: scratch, stride };
            // As many sums as fit in the registers; over positions the order is the same for each element.
            let elements = match head_dim - done {
                64.. => weigh::<FMA, E, N, 64>(&part, output, inverse),
                32.. => weigh::<FMA, E, N, 32>(&part, output, inverse),
                16.. => weigh::<FMA, E, N, 16>(&part, output, inverse),
                _ => weigh::<FMA, E, N, 1>(&part, output, inverse),
            };
            done += elements;
        }
    }
    N
}

/// Dot products of `N` queries with a block of keys, `[head_dim, BLOCK]`.
#[inline(always)]
fn score<const FMA: bool, E: Stored, const N: usize>(queries: [&[f32]; N], keys: &[E]) -> [[f32; BLOCK]; N] {
    // Two chains of additions for each query, elements in turn.
    let mut even = [[0.0f32; BLOCK]; N];
    let mut odd = [[0.0f32; BLOCK]; N];
    let (pairs, rest) = keys.as_chunks::<{ 2 * BLOCK }>();
    for (pair, keys) in pairs.iter().enumerate() {
        for q in 0..N {
            let (first, second) = (queries[q][2 * pair], queries[q][2 * pair + 1]);
            for lane in 0..BLOCK {
                even[q][lane] = multiply_add::<FMA>(first, keys[lane].to_f32(), even[q][lane]);
            }
            for lane in 0..BLOCK {
                odd[q][lane] = multiply_add::<FMA>(second, keys[BLOCK + lane].to_f32(), odd[q][lane]);
            }
        }
    }
    for q in 0..N {
        if let (Some(&last), false) = (queries[q].last(), rest.is_empty()) {
            for lane in 0..BLOCK {
                even[q][lane] = multiply_add::<FMA>(last, rest[lane].to_f32(), even[q][lane]);
            }
        }
        for lane in 0..BLOCK {
            even[q][lane] += odd[q][lane];
        }
    }
    even
}

/// Some elements of a head's values.
struct Part<'a, E> {
    memory: &'a [Piece<'a, E>],
    heads: Heads,
    head: usize,
    /// First element of the head.
    first: usize,
    scores: &'a [f32],
    stride: usize,
}

/// `M` elements of the weighted values of `N` queries; answers `M`.
#[inline(always)]
fn weigh<const FMA: bool, E: Stored, const N: usize, const M: usize>(
    part: &Part<'_, E>,
    output: &mut [f32],
    inverse: [f32; N],
) -> usize {
    let head_dim = part.heads.width;
    let mut sums = [[0.0f32; M]; N];
    let mut position = 0;
    for piece in part.memory {
        for values in piece.head(part.head, head_dim).1.chunks_exact(head_dim).take(piece.positions) {
            let values = &values[part.first..part.first + M];
            let mut numbers = [0.0f32; M];
            for (number, value) in numbers.iter_mut().zip(values) {
                *number = value.to_f32();
            }
            for (q, sums) in sums.iter_mut().enumerate() {
                let weight = part.scores[q * part.stride + position];
                for (sum, &number) in sums.iter_mut().zip(&numbers) {
                    *sum = multiply_add::<FMA>(weight, number, *sum);
                }
            }
            position += 1;
        }
    }
    for q in 0..N {
        let at = q * part.heads.total() + part.head * head_dim + part.first;
        for (output, sum) in output[at..at + M].iter_mut().zip(sums[q]) {
            *output = sum * inverse[q];
        }
    }
    M
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    /// The formula in f64, position after position; keys and values `[positions, width]`.
    fn reference(query: &[f32], keys: &[f32], values: &[f32], heads: Heads) -> Vec<f64> {
        let width = heads.total();
        let positions = keys.len() / width;
        let mut output = vec![0.0; width];
        for head in 0..heads.count {
            let at = |i: usize| head * heads.width + i;
            let scores: Vec<f64> = (0..positions)
                .map(|p| {
                    let dot: f64 =
                        (0..heads.width).map(|i| f64::from(query[at(i)]) * f64::from(keys[p * width + at(i)])).sum();
                    (dot / (heads.width as f64).sqrt()).exp()
                })
                .collect();
            let sum: f64 = scores.iter().sum();
            for (p, score) in scores.iter().enumerate() {
                for i in 0..heads.width {
                    output[at(i)] += score / sum * f64::from(values[p * width + at(i)]);
                }
            }
        }
        output
    }

    fn numbers(count: usize, salt: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + salt * 104_729) % 1000) as f32 / 500.0 - 1.0).collect()
    }

    /// Keys and values `[positions, width]` as stored.
    fn stored<E: Stored>(keys: &[f32], values: &[f32], heads: Heads) -> Vec<E> {
        let width = heads.total();
        let positions = keys.len() / width;
        // What lies beyond the positions must not matter.
        let mut elements = vec![E::from_f32(f32::NAN); positions.next_multiple_of(BLOCK) * 2 * width];
        for (position, memory) in keys.chunks_exact(width).zip(values.chunks_exact(width)).enumerate() {
            store(&mut elements, heads, position, memory);
        }
        elements
    }

    fn piece<E>(elements: &[E], heads: Heads, positions: usize) -> Piece<'_, E> {
        Piece { elements, room: elements.len() / 2 / heads.total(), positions }
    }

    const SIZES: [Heads; 5] = [
        Heads { count: 1, width: 1 },
        Heads { count: 2, width: 12 },
        Heads { count: 4, width: 17 },
        Heads { count: 8, width: 64 },
        Heads { count: 2, width: 100 },
    ];

    #[test]
    fn agrees_with_the_formula_for_all_sizes() {
        for heads in SIZES {
            let width = heads.total();
            for positions in [1, 2, 15, 16, 33] {
                let (keys, values) = (numbers(width * positions, 2), numbers(width * positions, 3));
                let elements = stored::<f32>(&keys, &values, heads);
                let queries = numbers(7 * (width + 3), 1);
                let piece = piece(&elements, heads, positions);
                let mut got = vec![0.0; 7 * width];
                let asked =
                    Queries { values: &queries, stride: width + 3, count: 7, heads, scale: heads.scale(), bias: None };
                attend(asked, &[piece], &mut Vec::new(), &mut got);
                for (query, got) in queries.chunks_exact(width + 3).zip(got.chunks_exact(width)) {
                    for (&got, &expected) in got.iter().zip(&reference(&query[..width], &keys, &values, heads)) {
                        assert!((f64::from(got) - expected).abs() < 1e-5, "{heads:?} {positions}: {got} {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn half_the_bits_change_little() {
        let heads = Heads { count: 2, width: 64 };
        let (keys, values, query) = (numbers(128 * 40, 2), numbers(128 * 40, 3), numbers(128, 1));
        let elements = stored::<Bf16>(&keys, &values, heads);
        let mut got = vec![0.0; 128];
        let asked = Queries { values: &query, stride: 128, count: 1, heads, scale: heads.scale(), bias: None };
        attend(asked, &[piece(&elements, heads, 40)], &mut Vec::new(), &mut got);
        for (&got, &expected) in got.iter().zip(&reference(&query, &keys, &values, heads)) {
            assert!((f64::from(got) - expected).abs() < 4e-3, "{got} {expected}");
        }
    }

    #[test]
    fn neither_pieces_nor_other_queries_make_a_difference() {
        let heads = Heads { count: 2, width: 24 };
        let width = heads.total();
        let (keys, values) = (numbers(width * 37, 5), numbers(width * 37, 6));
        let queries = numbers(width * 6, 4);
        let elements = stored::<f32>(&keys, &values, heads);
        let whole = [piece(&elements, heads, 37)];
        let parts: Vec<Vec<f32>> = [(0, 16), (16, 32), (32, 37)]
            .iter()
            .map(|&(from, to)| stored(&keys[from * width..to * width], &values[from * width..to * width], heads))
            .collect();
        let pieces: Vec<Piece<'_, f32>> =
            parts.iter().zip([16, 16, 5]).map(|(part, positions)| piece(part, heads, positions)).collect();
        let mut expected = vec![0.0; 6 * width];
        let asked = |values, count| Queries { values, stride: width, count, heads, scale: heads.scale(), bias: None };
        attend(asked(&queries, 6), &whole, &mut Vec::new(), &mut expected);
        for (query, expected) in queries.chunks_exact(width).zip(expected.chunks_exact(width)) {
            let mut got = vec![0.0; width];
            attend(asked(query, 1), &pieces, &mut Vec::new(), &mut got);
            assert_eq!(got, expected);
        }
    }

    /// Distances within reach and beyond it on both sides, for queries computed together and alone, with keys in pieces.
    #[test]
    fn distances_are_those_from_each_query() {
        let heads = Heads { count: 2, width: 4 };
        let (width, positions, reach) = (heads.total(), 37, 9);
        let (keys, values) = (numbers(width * positions, 5), numbers(width * positions, 6));
        let queries = numbers(width * positions, 4);
        let table = numbers(heads.count * (2 * reach + 1), 8);
        let elements = stored::<f32>(&keys, &values, heads);
        let whole = [piece(&elements, heads, positions)];
        let bias = |first| Some(DistanceBias { table: &table, reach, first });
        let asked = Queries { values: &queries, stride: width, count: positions, heads, scale: 1.0, bias: bias(0) };
        let mut got = vec![0.0; positions * width];
        attend(asked, &whole, &mut Vec::new(), &mut got);
        for (at, query) in queries.chunks_exact(width).enumerate() {
            for head in 0..heads.count {
                let score = |p: usize| {
                    let dot: f64 =
                        (head * 4..head * 4 + 4).map(|i| f64::from(query[i]) * f64::from(keys[p * width + i])).sum();
                    let distance = (p as isize - at as isize).clamp(-9, 9) + 9;
                    (dot + f64::from(table[head * 19 + distance as usize])).exp()
                };
                let sum: f64 = (0..positions).map(score).sum();
                for i in head * 4..head * 4 + 4 {
                    let expected: f64 = (0..positions).map(|p| score(p) / sum * f64::from(values[p * width + i])).sum();
                    assert!((f64::from(got[at * width + i]) - expected).abs() < 1e-5, "query {at}, element {i}");
                }
            }
            let mut alone = vec![0.0; width];
            let asked = Queries { values: query, stride: width, count: 1, heads, scale: 1.0, bias: bias(at) };
            attend(asked, &whole, &mut Vec::new(), &mut alone);
            assert_eq!(alone, got[at * width..(at + 1) * width]);
        }
    }

    #[test]
    fn rounding_is_to_the_nearest() {
        assert_eq!(Bf16::from_f32(1.0).to_f32(), 1.0);
        assert_eq!(Bf16::from_f32(1.0 + 1.0 / 256.0).to_f32(), 1.0);
        assert_eq!(Bf16::from_f32(1.0 + 3.0 / 256.0).to_f32(), 1.0 + 4.0 / 256.0);
        assert_eq!(Bf16::from_f32(f32::NEG_INFINITY).to_f32(), f32::NEG_INFINITY);
        assert!(Bf16::from_f32(f32::NAN).to_f32().is_nan());
    }
}
