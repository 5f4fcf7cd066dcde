//! Byte pair encoding: neighbours are merged in the order of the merged piece's score, the leftmost first.
//!
//! An unused piece may be formed on the way to a longer one; where it remains at the end it is split again into what it
//! was merged from.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::trie::Trie;
use super::unigram::character_length;

/// The pieces of a BPE model.
#[derive(Debug, Clone)]
pub(super) struct Bpe {
    /// Normal, user-defined and unused pieces.
    pub(super) trie: Trie,
    /// Control, unknown and byte pieces: a text that spells one has its id.
    pub(super) reserved: HashMap<Vec<u8>, u32>,
    /// User-defined symbols: never merged, never split.
    pub(super) symbols: Trie,
    pub(super) scores: Vec<f32>,
    pub(super) unused: Vec<bool>,
    pub(super) unknown: u32,
}

/// A stretch of the text, linked to its neighbours.
struct Symbol {
    previous: Option<usize>,
    next: Option<usize>,
    frozen: bool,
    start: usize,
    /// 0 once it is merged into its left neighbour.
    length: usize,
}

/// A merge that may be done. The greatest is done first.
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    /// Length of both together; a different length now means that one of them has changed.
    length: usize,
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left)).then(other.length.cmp(&self.length))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Pair {}

/// One encoding in progress.
struct Merging<'a> {
    model: &'a Bpe,
    text: &'a [u8],
    symbols: Vec<Symbol>,
    agenda: BinaryHeap<Pair>,
    /// What each unused piece was merged from: the length of its left part.
    splits: HashMap<&'a [u8], usize>,
}

impl Merging<'_> {
    fn consider(&mut self, left: Option<usize>, right: Option<usize>) {
        let (Some(left), Some(right)) = (left, right) else { return };
        let (first, second) = (&self.symbols[left], &self.symbols[right]);
        if first.frozen || second.frozen {
            return;
        }
        let length = first.length + second.length;
        let piece = &self.text[first.start..first.start + length];
        let Some(id) = self.model.trie.get(piece) else { return };
        // Zero has two signs; the reference compares them as equal.
        let score = self.model.scores[id as usize] + 0.0;
        if self.model.unused[id as usize] {
            self.splits.insert(piece, first.length);
        }
        self.agenda.push(Pair { score, left, right, length });
    }
}

impl Bpe {
    /// The id of a piece, as spelled.
    pub(super) fn piece_id(&self, piece: &[u8]) -> u32 {
        self.reserved.get(piece).copied().or_else(|| self.trie.get(piece)).unwrap_or(self.unknown)
    }

    /// The pieces of a normalized text: id and length in bytes, in order.
    pub(super) fn encode(&self, text: &[u8]) -> Vec<(u32, usize)> {
        let mut symbols = Vec::with_capacity(text.len());
        let mut start = 0;
        while start < text.len() {
            let whole = self.symbols.longest_prefix(&text[start..]);
            let length = whole.unwrap_or_else(|| character_length(text[start]).min(text.len() - start));
            let index = symbols.len();
            let next = (start + length < text.len()).then_some(index + 1);
            symbols.push(Symbol { previous: index.checked_sub(1), next, frozen: whole.is_some(), start, length });
            start += length;
        }
        let count = symbols.len();
        let mut merging = Merging { model: self, text, symbols, agenda: BinaryHeap::new(), splits: HashMap::new() };
        for right in 1..count {
            merging.consider(Some(right - 1), Some(right));
        }
        while let Some(Pair { left, right, length, .. }) = merging.agenda.pop() {
            let symbols = &mut merging.symbols;
            let (first, second) = (symbols[left].length, symbols[right].length);
            if first == 0 || second == 0 || first + second != length {
                continue;
            }
            let next = symbols[right].next;
            symbols[left].length = length;
            symbols[left].next = next;
            symbols[right].length = 0;
            if let Some(next) = next {
                symbols[next].previous = Some(left);
            }
            let previous = symbols[left].previous;
            merging.consider(previous, Some(left));
            merging.consider(Some(left), next);
        }
        let mut pieces = Vec::new();
        let mut pending = Vec::new();
        let mut symbol = (count > 0).then_some(0);
        while let Some(index) = symbol {
            let Symbol { start, length, next, .. } = merging.symbols[index];
            symbol = next;
            pending.push(start..start + length);
            while let Some(range) = pending.pop() {
                let piece = &text[range.clone()];
                let id = self.piece_id(piece);
                match merging.splits.get(piece) {
                    Some(&left) if self.unused[id as usize] => {
                        pending.push(range.start + left..range.end);
                        pending.push(range.start..range.start + left);
                    }
                    _ => pieces.push((id, piece.len())),
                }
            }
        }
        pieces
    }
}
