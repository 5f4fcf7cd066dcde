//! Positions by their distance: which bucket a distance falls into, and the table of biases that comes of it.
//!
//! The rule of Raffel et al. 2020 (section 2.1) as `transformers` computes it (`modeling_t5.py`, `_relative_position_bucket`):
//! half of the buckets are single distances, the others grow with the logarithm up to a farthest distance, beyond which there
//! is one bucket. The encoder gives half of all buckets to what lies ahead; the decoder sees nothing ahead and has all of them
//! for what lies behind.

use super::layout::Side;

/// Whose biases a layer adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Biases {
    /// Those of the first layer of its side (T5, mT5).
    Shared,
    /// Its own (UMT5).
    OfEachLayer,
}

/// Biases of attention by distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relative {
    /// Number of buckets of a side.
    pub buckets: usize,
    /// Distances from here on share a bucket.
    pub farthest: usize,
    /// Whose they are.
    pub biases: Biases,
}

impl Relative {
    /// The bucket of a key at this distance from the query, negative for what lies behind.
    pub(super) fn bucket(&self, distance: isize, side: Side) -> usize {
        let (first, buckets, distance) = match side {
            Side::Encoder => {
                let half = self.buckets / 2;
                (if distance > 0 { half } else { 0 }, half, distance.unsigned_abs())
            }
            Side::Decoder => (0, self.buckets, distance.min(0).unsigned_abs()),
        };
        let single = buckets / 2;
        if distance < single {
            return first + distance;
        }
        // In single precision and in this order, as there: some distances fall on the border between two buckets.
        let share = (distance as f32 / single as f32).ln() / (self.farthest as f64 / single as f64).ln() as f32;
        let further = (share * (buckets - single) as f32) as usize;
        first + (single + further).min(buckets - 1)
    }

    /// From `rows` (`[buckets, heads]`) to a table `[heads, 2 × farthest + 1]` by distance.
    pub(super) fn table(&self, rows: &[Vec<f32>], side: Side) -> Vec<f32> {
        let heads = rows.first().map_or(0, Vec::len);
        let farthest = self.farthest as isize;
        let buckets: Vec<usize> = (-farthest..=farthest).map(|distance| self.bucket(distance, side)).collect();
        (0..heads).flat_map(|head| buckets.iter().map(move |&bucket| rows[bucket][head])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T5: Relative = Relative { buckets: 32, farthest: 128, biases: Biases::Shared };

    /// Recorded from transformers 5.23 (`T5Attention._relative_position_bucket`, 32 buckets, 128): the first distance of each
    /// bucket, looking behind.
    #[test]
    fn buckets_begin_where_those_of_transformers_do() {
        let begins = |side: Side| {
            let buckets: Vec<usize> = (0..400).map(|distance: isize| T5.bucket(-distance, side)).collect();
            (0..=buckets[399]).map(|bucket| buckets.iter().position(|&of| of == bucket)).collect::<Vec<_>>()
        };
        let some = |begins: &[usize]| begins.iter().map(|&at| Some(at)).collect::<Vec<_>>();
        let encoder = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91];
        assert_eq!(begins(Side::Encoder), some(&encoder));
        let decoder = [
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77,
            87, 99, 113,
        ];
        assert_eq!(begins(Side::Decoder), some(&decoder));
    }

    #[test]
    fn what_lies_ahead_has_buckets_of_its_own_in_the_encoder_only() {
        assert_eq!((T5.bucket(3, Side::Encoder), T5.bucket(-3, Side::Encoder)), (19, 3));
        assert_eq!((T5.bucket(500, Side::Encoder), T5.bucket(-500, Side::Encoder)), (31, 15));
        assert_eq!((T5.bucket(3, Side::Decoder), T5.bucket(-500, Side::Decoder)), (0, 31));
    }

    #[test]
    fn a_table_has_the_bias_of_each_distance() {
        let relative = Relative { buckets: 4, farthest: 3, biases: Biases::Shared };
        let rows: Vec<Vec<f32>> = (0..4u8).map(|bucket| vec![f32::from(bucket), 10.0 + f32::from(bucket)]).collect();
        let table = relative.table(&rows, Side::Encoder);
        assert_eq!(table[..7], [1.0, 1.0, 1.0, 0.0, 3.0, 3.0, 3.0]);
        assert_eq!(table[7..], [11.0, 11.0, 11.0, 10.0, 13.0, 13.0, 13.0]);
    }
}
