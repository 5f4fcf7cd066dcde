//! Scaled dot-product attention of one query position over keys and values that lie in one or more pieces.
//!
//! Sequences are never padded: a caller passes exactly the positions that may be seen, so there are no masks.

use super::{LANES, activation, dispatched, multiply_add, sum_lanes};

/// A piece of memory: `positions` keys and values, each `heads × head_dim` wide, `stride` elements apart.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// Key of position `p` starts at `p × stride`.
    pub keys: &'a [f32],
    /// Value of position `p` starts at `p × stride`.
    pub values: &'a [f32],
    /// Distance of neighbouring positions in elements.
    pub stride: usize,
    /// Number of positions.
    pub positions: usize,
}

/// Sizes of an attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Number of heads.
    pub count: usize,
    /// Elements of one head.
    pub width: usize,
}

dispatched! {
    /// Attention of one position: `query` and `output` are `[heads × head_dim]`, `softmax(q·kᵀ / √head_dim)·v` for each head
    /// (Vaswani et al. 2017). `scores` is scratch space.
    ///
    /// # Panics
    /// If a piece is shorter than its positions ask for.
    pub fn attend(query: &[f32], memory: &[Piece<'_>], heads: Heads, scores: &mut Vec<f32>, output: &mut [f32]) {
        let scale = 1.0 / (heads.width as f32).sqrt();
        for head in 0..heads.count {
            let range = head * heads.width..(head + 1) * heads.width;
            let query = &query[range.clone()];
            scores.clear();
            for piece in memory {
                for position in 0..piece.positions {
                    let start = position * piece.stride;
                    scores.push(dot::<FMA>(query, &piece.keys[start + range.start..start + range.end]) * scale);
                }
            }
            let sum = activation::exp_minus_max(scores);
            let output = &mut output[range.clone()];
            output.fill(0.0);
            let mut weights = scores.iter();
            for piece in memory {
                for (position, &weight) in (0..piece.positions).zip(&mut weights) {
                    let start = position * piece.stride;
                    let value = &piece.values[start + range.start..start + range.end];
                    for (sum, &v) in output.iter_mut().zip(value) {
                        *sum = multiply_add::<FMA>(weight, v, *sum);
                    }
                }
            }
            let inverse = 1.0 / sum;
            for value in output {
                *value *= inverse;
            }
        }
    }
}

#[inline(always)]
fn dot<const FMA: bool>(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = left.remainder().iter().zip(right.remainder());
    for (x, y) in left.zip(right) {
        for lane in 0..LANES {
            lanes[lane] = multiply_add::<FMA>(x[lane], y[lane], lanes[lane]);
        }
    }
    rest.fold(sum_lanes(lanes), |sum, (&x, &y)| sum + x * y)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formula in f64, position after position.
    fn reference(query: &[f32], keys: &[f32], values: &[f32], heads: Heads) -> Vec<f64> {
        let width = heads.count * heads.width;
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

    #[test]
    fn agrees_with_the_formula_for_all_sizes() {
        for heads in [
            Heads { count: 1, width: 1 },
            Heads { count: 2, width: 12 },
            Heads { count: 4, width: 16 },
            Heads { count: 8, width: 64 },
        ] {
            let width = heads.count * heads.width;
            for positions in [1, 2, 15, 33] {
                let (query, keys, values) =
                    (numbers(width, 1), numbers(width * positions, 2), numbers(width * positions, 3));
                let mut output = vec![0.0; width];
                let piece = Piece { keys: &keys, values: &values, stride: width, positions };
                attend(&query, &[piece], heads, &mut Vec::new(), &mut output);
                for (&got, &expected) in output.iter().zip(&reference(&query, &keys, &values, heads)) {
                    assert!((f64::from(got) - expected).abs() < 1e-5, "{heads:?} {positions}: {got} {expected}");
                }
            }
        }
    }

    #[test]
    fn pieces_make_no_difference() {
        let heads = Heads { count: 2, width: 8 };
        let (query, keys, values) = (numbers(16, 4), numbers(16 * 21, 5), numbers(16 * 21, 6));
        let whole = Piece { keys: &keys, values: &values, stride: 16, positions: 21 };
        let mut expected = vec![0.0; 16];
        attend(&query, &[whole], heads, &mut Vec::new(), &mut expected);
        let pieces: Vec<Piece<'_>> = [(0, 8), (8, 16), (16, 21)]
            .iter()
            .map(|&(from, to)| Piece {
                keys: &keys[from * 16..to * 16],
                values: &values[from * 16..to * 16],
                stride: 16,
                positions: to - from,
            })
            .collect();
        let mut got = vec![0.0; 16];
        attend(&query, &pieces, heads, &mut Vec::new(), &mut got);
        assert_eq!(got, expected);
    }
}
