//! Prefix search over byte strings: the trie of the pieces, built here, and the double array that model files carry.
//!
//! Both answer in time proportional to the match, whatever the size of the vocabulary.

use super::SentencePieceError;

/// No value at a node.
const NONE: u32 = u32::MAX;

/// One node of [`Trie`].
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Where the children are: the child of byte `b` is node `base + b` if its `parent` is this node.
    base: u32,
    /// The node this one is a child of.
    parent: u32,
    /// The value of the key that ends here, or [`NONE`].
    value: u32,
}

const FREE: Node = Node { base: 0, parent: NONE, value: NONE };

/// A trie over byte strings as a double array (Aoe, 1989: base and check).
#[derive(Debug, Clone, Default)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

impl Trie {
    /// The root.
    pub(super) const ROOT: u32 = 0;

    /// Builds the trie. Of equal keys the first is kept; empty keys are left out.
    pub(super) fn new(keys: &[(&[u8], u32)]) -> Trie {
        let mut keys: Vec<(&[u8], u32)> = keys.iter().copied().filter(|(key, _)| !key.is_empty()).collect();
        keys.sort_by(|a, b| a.0.cmp(b.0));
        keys.dedup_by(|later, first| later.0 == first.0);
        let mut nodes = vec![FREE; 512];
        // The root is nobody's child: no search asks for its parent, but no child may take its place.
        nodes[0].parent = 0;
        let mut first_free = 1_usize;
        // Each entry is a node, the keys that pass through it, and its depth. A queue, not recursion: keys may be long.
        let mut queue = std::collections::VecDeque::from([(0_usize, 0..keys.len(), 0_usize)]);
        let mut children: Vec<(u8, std::ops::Range<usize>)> = Vec::new();
        while let Some((node, mut range, depth)) = queue.pop_front() {
            if range.start < range.end && keys[range.start].0.len() == depth {
                nodes[node].value = keys[range.start].1;
                range.start += 1;
            }
            children.clear();
            for index in range {
                let byte = keys[index].0[depth];
                match children.last_mut() {
                    Some((last, keys)) if *last == byte => keys.end = index + 1,
                    _ => children.push((byte, index..index + 1)),
                }
            }
            let Some(&(first_byte, _)) = children.first() else { continue };
            // The first place where all children fit. What lies before `first_free` is nearly full and is not tried again.
            let mut place = first_free.max(usize::from(first_byte) + 1);
            let (mut tried, mut taken) = (0_usize, 0_usize);
            let base = loop {
                if nodes.len() < place + 512 {
                    nodes.resize(place + 1024, FREE);
                }
                tried += 1;
                if nodes[place].parent == NONE {
                    let base = place - usize::from(first_byte);
                    if children.iter().all(|(byte, _)| nodes[base + usize::from(*byte)].parent == NONE) {
                        break base;
                    }
                } else {
                    taken += 1;
                }
                place += 1;
            };
            if taken * 20 >= tried * 19 {
                first_free = place;
            }
            nodes[node].base = base as u32;
            for (byte, keys) in children.drain(..) {
                let child = base + usize::from(byte);
                nodes[child].parent = node as u32;
                queue.push_back((child, keys, depth + 1));
            }
        }
        // A search may look 255 places beyond the last base.
        let used = nodes.iter().rposition(|node| node.parent != NONE).unwrap_or(0);
        nodes.resize(used + 257, FREE);
        nodes.shrink_to_fit();
        Trie { nodes }
    }

    /// Whether there is no key.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty() || self.nodes[0].base == 0
    }

    /// The child of `node` by `byte`.
    #[inline]
    pub(super) fn child(&self, node: u32, byte: u8) -> Option<u32> {
        let child = self.nodes[node as usize].base + u32::from(byte);
        (self.nodes[child as usize].parent == node && child != 0).then_some(child)
    }

    /// The value of the key that ends at `node`.
    #[inline]
    pub(super) fn value(&self, node: u32) -> Option<u32> {
        let value = self.nodes[node as usize].value;
        (value != NONE).then_some(value)
    }

    /// The value of exactly this key.
    pub(super) fn get(&self, key: &[u8]) -> Option<u32> {
        if self.is_empty() {
            return None;
        }
        let mut node = Self::ROOT;
        for &byte in key {
            node = self.child(node, byte)?;
        }
        self.value(node)
    }

    /// The length of the longest key that `text` begins with.
    pub(super) fn longest_prefix(&self, text: &[u8]) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        let mut node = Self::ROOT;
        let mut longest = None;
        for (index, &byte) in text.iter().enumerate() {
            let Some(child) = self.child(node, byte) else { break };
            node = child;
            if self.value(node).is_some() {
                longest = Some(index + 1);
            }
        }
        longest
    }
}

/// The double array of a precompiled character map, as the file holds it (the layout of darts-clone: 32-bit units with
/// label, leaf flag and offset).
#[derive(Debug, Clone)]
pub(super) struct Darts {
    units: Vec<u32>,
}

impl Darts {
    /// Takes the units from the file's little-endian bytes.
    ///
    /// # Errors
    /// The bytes are not a whole number of units, or there is none.
    pub(super) fn new(bytes: &[u8]) -> Result<Darts, SentencePieceError> {
        if bytes.is_empty() || !bytes.len().is_multiple_of(4) {
            return Err(SentencePieceError::Model(format!(
                "the character map is damaged: expected a multiple of 4 bytes, got {}",
                bytes.len()
            )));
        }
        let units = bytes.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect();
        Ok(Darts { units })
    }

    #[inline]
    fn offset(unit: u32) -> u32 {
        (unit >> 10) << ((unit & (1 << 9)) >> 6)
    }

    /// Length and value of the longest key that `text` begins with. A place outside the array ends the search, so a
    /// damaged map finds less but never reads out of bounds.
    #[inline]
    pub(super) fn longest_prefix(&self, text: &[u8]) -> Option<(usize, u32)> {
        let mut position = Self::offset(self.units[0]);
        let mut longest = None;
        for (index, &byte) in text.iter().enumerate() {
            position ^= u32::from(byte);
            let Some(&unit) = self.units.get(position as usize) else { break };
            if unit & (1 << 31 | 0xFF) != u32::from(byte) {
                break;
            }
            position ^= Self::offset(unit);
            if unit >> 8 & 1 == 1 {
                let Some(&leaf) = self.units.get(position as usize) else { break };
                longest = Some((index + 1, leaf & 0x7FFF_FFFF));
            }
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn longest_key_wins_and_absent_keys_are_absent() {
        let trie = Trie::new(&[(b"a", 1), (b"abc", 2), (b"b", 3), ("це".as_bytes(), 4), (b"", 9)]);
        assert_eq!(trie.longest_prefix(b"abcd"), Some(3));
        assert_eq!(trie.longest_prefix(b"abd"), Some(1));
        assert_eq!(trie.longest_prefix(b"xyz"), None);
        assert_eq!(trie.longest_prefix(b""), None);
        assert_eq!((trie.get("це".as_bytes()), trie.get(b"ab"), trie.get(b"")), (Some(4), None, None));
    }

    #[test]
    fn an_empty_trie_finds_nothing() {
        for trie in [Trie::default(), Trie::new(&[])] {
            assert!(trie.is_empty());
            assert_eq!((trie.get(b"a"), trie.longest_prefix(b"\0\xff")), (None, None));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(keys in proptest::collection::btree_map(proptest::collection::vec(0_u8..5, 1..6), 0_u32..1000, 1..80),
                             probe in proptest::collection::vec(0_u8..6, 0..8)) {
            let list: Vec<(&[u8], u32)> = keys.iter().map(|(k, v)| (k.as_slice(), *v)).collect();
            let trie = Trie::new(&list);
            let map: &BTreeMap<Vec<u8>, u32> = &keys;
            for (key, value) in map {
                prop_assert_eq!(trie.get(key), Some(*value));
            }
            prop_assert_eq!(trie.get(&probe), map.get(&probe).copied());
            let longest = (1..=probe.len()).rev().find(|&n| map.contains_key(&probe[..n]));
            prop_assert_eq!(trie.longest_prefix(&probe), longest);
        }
    }
}
