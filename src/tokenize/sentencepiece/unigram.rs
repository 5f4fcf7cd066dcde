//! The best segmentation of a text under a unigram model: Viterbi over byte positions with one trie walk a character.
//!
//! Scores are added in the order and in the single precision of the reference implementation, and the first of equal
//! candidates stays: in long runs of one character the rounding decides between segmentations.

use super::trie::Trie;

/// How much worse than the worst piece an unknown character is.
const UNKNOWN_PENALTY: f32 = 10.0;

/// The pieces of a unigram model.
#[derive(Debug, Clone)]
pub(super) struct Unigram {
    /// Normal, user-defined and unused pieces.
    pub(super) trie: Trie,
    /// Score and use of each piece.
    pub(super) entries: Vec<Entry>,
    pub(super) unknown: u32,
    pub(super) min_score: f32,
    pub(super) max_score: f32,
}

/// How a piece takes part.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entry {
    /// With its score.
    Scored(f32),
    /// Always chosen where it fits.
    UserDefined,
    /// Never chosen.
    Unused,
}

/// The best way to reach a position.
#[derive(Clone, Copy)]
struct Best {
    score: f32,
    id: u32,
    /// Length of the last piece in bytes; 0 where nothing reaches.
    length: u32,
}

/// Length of the character that begins with `byte`.
#[inline]
pub(super) fn character_length(byte: u8) -> usize {
    match byte >> 4 {
        0..=11 => 1,
        12 | 13 => 2,
        14 => 3,
        _ => 4,
    }
}

impl Unigram {
    /// The pieces of a normalized text: id and length in bytes, in order.
    pub(super) fn encode(&self, text: &[u8]) -> Vec<(u32, usize)> {
        let size = text.len();
        let mut best = vec![Best { score: 0.0, id: 0, length: 0 }; size + 1];
        let unknown_score = self.min_score - UNKNOWN_PENALTY;
        let mut start = 0;
        while start < size {
            let so_far = best[start].score;
            let character = character_length(text[start]).min(size - start);
            let mut has_single = false;
            let mut node = Trie::ROOT;
            for (index, &byte) in text[start..].iter().enumerate() {
                let Some(child) = self.trie.child(node, byte) else { break };
                node = child;
                let Some(id) = self.trie.value(node) else { continue };
                let length = index + 1;
                let score = match self.entries[id as usize] {
                    Entry::Unused => continue,
                    Entry::UserDefined => length as f32 * self.max_score - 0.1,
                    Entry::Scored(score) => score,
                };
                let candidate = score + so_far;
                let target = &mut best[start + length];
                if target.length == 0 || candidate > target.score {
                    *target = Best { score: candidate, id, length: length as u32 };
                }
                has_single |= length == character;
            }
            if !has_single {
                let candidate = unknown_score + so_far;
                let target = &mut best[start + character];
                if target.length == 0 || candidate > target.score {
                    *target = Best { score: candidate, id: self.unknown, length: character as u32 };
                }
            }
            start += character;
        }
        let mut pieces = Vec::new();
        let mut end = size;
        while end > 0 {
            let Best { id, length, .. } = best[end];
            pieces.push((id, length as usize));
            end -= length as usize;
        }
        pieces.reverse();
        pieces
    }
}
