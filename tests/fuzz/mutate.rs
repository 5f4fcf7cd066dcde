//! Numbers that look random and are the same in every run, and what they do to bytes.

use std::ops::Range;

/// Xorshift with a multiplication at the end (Vigna 2016, "xorshift64*").
pub(crate) struct Random(u64);

impl Random {
    /// The numbers for one input of a run.
    pub(crate) fn new(seed: u64, input: u64) -> Random {
        let mixed = (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ input).wrapping_mul(0xBF58_476D_1CE4_E5B9) | 1;
        let mut random = Random(mixed ^ mixed >> 31 | 1 << 40);
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn chance(&mut self, part: usize, whole: usize) -> bool {
        self.below(whole) < part
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// A number that sizes and counts are often wrong by.
    pub(crate) fn interesting(&mut self) -> u64 {
        let near =
            [0u64, 1 << 7, 1 << 8, 1 << 15, 1 << 16, 1 << 20, 1 << 31, 1 << 32, 1 << 40, 1 << 61, 1 << 63, u64::MAX];
        let number = *self.pick(&near);
        match self.below(4) {
            0 => number.wrapping_sub(1),
            1 => number.wrapping_add(1),
            2 => self.below(300) as u64,
            _ => number,
        }
    }
}

/// Changes bytes in a few places, mostly within the `hot` ranges.
pub(crate) fn bytes(bytes: &mut Vec<u8>, hot: &[Range<usize>], random: &mut Random) {
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let range = if random.chance(3, 4) { random.pick(hot).clone() } else { 0..bytes.len() };
        let range = range.start.min(bytes.len() - 1)..range.end.min(bytes.len()).max(1);
        let at = range.start + random.below(range.len().max(1));
        match random.below(10) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = *random.pick(&[0, 1, 0x7F, 0x80, 0xFF, b'_', b':', b'\n']),
            3 => bytes[at] = random.next() as u8,
            4 | 5 => number(bytes, at / 8 * 8, 8, random),
            6 => number(bytes, at / 4 * 4, 4, random),
            7 if random.chance(1, 4) => bytes.truncate(at),
            7 | 8 => {
                // A stretch once more, or gone.
                let end = (at + 1 + random.below(64)).min(bytes.len());
                let stretch = bytes[at..end].to_vec();
                if random.chance(1, 2) {
                    bytes.splice(at..at, stretch);
                } else {
                    bytes.drain(at..end);
                }
            }
            _ => {
                // A stretch in another's place.
                let length = (1 + random.below(64)).min(bytes.len() - at);
                let from = random.below(bytes.len() - length + 1);
                bytes.copy_within(from..from + length, at);
            }
        }
    }
}

/// Changes a little-endian number of `size` bytes.
fn number(bytes: &mut [u8], at: usize, size: usize, random: &mut Random) {
    let Some(field) = bytes.get_mut(at..at + size) else { return };
    let mut old = [0u8; 8];
    old[..size].copy_from_slice(field);
    let old = u64::from_le_bytes(old);
    let new = match random.below(4) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        2 => old.wrapping_mul(2),
        _ => random.interesting(),
    };
    field.copy_from_slice(&new.to_le_bytes()[..size]);
}
