//! Lexical shortlists: which tokens of the target the tokens of a source may bring, so that the rest of the vocabulary need not be
//! computed.
//!
//! The file is Marian's (`src/data/shortlist.{h,cpp}` of marian-dev): a magic number, a checksum of what follows, the number of
//! frequent tokens that are always in, the number of lists' entries, the lengths of two tables, for each source token where its
//! list begins, and the lists. Marian unites the lists of a whole batch; here each source has its own, so that an answer does not
//! depend on the others of its batch.

use super::ModelError;
use crate::token::{Constraint, TokenId};
use std::path::Path;

/// The first eight bytes of a file.
pub const MAGIC: u64 = 0xF11A_48D5_0134_17F5;
/// Marian rounds the number of tokens up to this, for its matrix library; so that answers are the same, so do we.
const MULTIPLE: usize = 8;
/// Magic, checksum, and the four numbers.
const HEADER: usize = 48;

/// Lists for all source tokens.
#[derive(Debug, Clone)]
pub struct Shortlist {
    /// Tokens that are always in: the first so many.
    frequent: usize,
    /// Where the list of each source token begins; one more at the end.
    starts: Vec<u32>,
    lists: Vec<TokenId>,
    target_vocab: usize,
    /// Whether source and target have one vocabulary, so that a token can be copied.
    shared: bool,
}

impl Shortlist {
    /// Reads a file for vocabularies of these sizes; `shared` says whether they are the same one, in which case every source
    /// token is itself in its shortlist: names and numbers can be copied.
    ///
    /// # Errors
    /// The file cannot be read, is of another format, is damaged, or belongs to other vocabularies.
    pub fn open(
        path: &Path,
        (source_vocab, target_vocab): (usize, usize),
        shared: bool,
    ) -> Result<Shortlist, ModelError> {
        let bytes = std::fs::read(path).map_err(|source| ModelError::Io { path: path.into(), source })?;
        Shortlist::parse(&bytes, (source_vocab, target_vocab), shared)
            .map_err(|reason| ModelError::Weights(format!("{}: shortlist: {reason}", path.display())))
    }

    /// As [`Shortlist::open`], from the bytes of a file.
    ///
    /// # Errors
    /// In words.
    pub fn parse(
        bytes: &[u8],
        (source_vocab, target_vocab): (usize, usize),
        shared: bool,
    ) -> Result<Shortlist, String> {
        let Some((header, tables)) = bytes.split_at_checked(HEADER) else {
            return Err(format!("expected a header of {HEADER} bytes, got {} bytes in all", bytes.len()));
        };
        let numbers: Vec<u64> = header.as_chunks::<8>().0.iter().map(|&number| u64::from_le_bytes(number)).collect();
        let &[magic, checksum, frequent, _, offsets, entries] = &numbers[..] else {
            return Err("the header is cut".into());
        };
        if magic != MAGIC {
            return Err(format!(
                "expected a binary shortlist ({MAGIC:#x}), got {magic:#x}; text shortlists are not read"
            ));
        }
        let expected = offsets.checked_mul(8).zip(entries.checked_mul(4)).and_then(|(a, b)| a.checked_add(b));
        if expected != Some(tables.len() as u64) {
            return Err(format!(
                "expected {offsets} offsets and {entries} entries, got {} bytes behind the header; the file is cut or damaged",
                tables.len()
            ));
        }
        let got = checksum_of(&bytes[16..]);
        if got != checksum {
            return Err(format!("expected checksum {checksum:#x}, got {got:#x}; the file is damaged"));
        }
        if offsets != source_vocab as u64 + 1 {
            return Err(format!(
                "expected lists for {source_vocab} source tokens, got {}; it belongs to another model",
                offsets.saturating_sub(1)
            ));
        }
        let (offsets, lists) = tables.split_at(offsets as usize * 8);
        let mut starts = Vec::with_capacity(source_vocab + 1);
        for &offset in offsets.as_chunks::<8>().0 {
            let offset = u64::from_le_bytes(offset);
            let last = starts.last().copied().map_or(0, u64::from);
            // Every offset fits 32 bits if all are within the lists.
            if offset < last || offset > entries || entries > u64::from(u32::MAX) {
                return Err(format!("list {}: begins at {offset} of {entries} entries", starts.len()));
            }
            starts.push(offset as u32);
        }
        let lists: Vec<TokenId> = lists.as_chunks::<4>().0.iter().map(|&id| u32::from_le_bytes(id)).collect();
        if let Some(id) = lists.iter().find(|&&id| id as usize >= target_vocab) {
            return Err(format!("token {id}: expected ids below {target_vocab}; it belongs to another model"));
        }
        let frequent = usize::try_from(frequent).unwrap_or(usize::MAX).min(target_vocab);
        Ok(Shortlist { frequent, starts, lists, target_vocab, shared })
    }

    /// As [`Shortlist::of`], and the tokens of what the answer has to hold: a term that the lists do not know has to be
    /// spelled all the same.
    pub fn with(&self, source: &[TokenId], constraints: &[Constraint]) -> Vec<TokenId> {
        let mut tokens = self.of(source);
        if !constraints.is_empty() {
            let wanted = constraints.iter().flat_map(|constraint| constraint.forms.iter().flatten().copied());
            tokens.extend(wanted.filter(|&token| (token as usize) < self.target_vocab));
            tokens.sort_unstable();
            tokens.dedup();
        }
        tokens
    }

    /// The tokens a source may be answered with, in ascending order.
    pub fn of(&self, source: &[TokenId]) -> Vec<TokenId> {
        let mut tokens: Vec<TokenId> = (0..self.frequent as TokenId).collect();
        for &token in source {
            if self.shared && (token as usize) < self.target_vocab {
                tokens.push(token);
            }
            let token = token as usize;
            if let (Some(&start), Some(&end)) = (self.starts.get(token), self.starts.get(token + 1)) {
                tokens.extend_from_slice(&self.lists[start as usize..end as usize]);
            }
        }
        tokens.sort_unstable();
        tokens.dedup();
        let mut missing = tokens.len().next_multiple_of(MULTIPLE) - tokens.len();
        let mut next = self.frequent as TokenId;
        while missing > 0 && (next as usize) < self.target_vocab {
            if let Err(place) = tokens.binary_search(&next) {
                tokens.insert(place, next);
                missing -= 1;
            }
            next += 1;
        }
        tokens
    }
}

/// The checksum of Marian's files: 64-bit words combined as Boost combines hashes (marian-dev, `src/common/hash.h`); bytes that make
/// no whole word are left out.
fn checksum_of(bytes: &[u8]) -> u64 {
    let combine =
        |seed: u64, word: u64| seed ^ word.wrapping_add(0x9e37_79b9).wrapping_add(seed << 6).wrapping_add(seed >> 2);
    bytes.as_chunks::<8>().0.iter().fold(0, |seed, &word| combine(seed, u64::from_le_bytes(word)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A file with two frequent tokens and these lists.
    fn file(lists: &[&[u32]]) -> Vec<u8> {
        let mut rest = Vec::new();
        let entries: usize = lists.iter().map(|list| list.len()).sum();
        for number in [2, 3, lists.len() as u64 + 1, entries as u64] {
            rest.extend(number.to_le_bytes());
        }
        let mut start = 0u64;
        for list in lists {
            rest.extend(start.to_le_bytes());
            start += list.len() as u64;
        }
        rest.extend(start.to_le_bytes());
        rest.extend(lists.iter().flat_map(|list| list.iter()).flat_map(|id| id.to_le_bytes()));
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        bytes.extend(checksum_of(&rest).to_le_bytes());
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn lists_are_united_and_filled_up() {
        let lists: [&[u32]; 4] = [&[30], &[5, 9, 31], &[], &[5, 7, 8, 10, 11, 12, 13]];
        let shortlist = Shortlist::parse(&file(&lists), (4, 40), false).unwrap();
        assert_eq!(shortlist.of(&[1, 0]), [0, 1, 2, 3, 5, 9, 30, 31]);
        assert_eq!(shortlist.of(&[1, 1, 0, 2, 0]), [0, 1, 2, 3, 5, 9, 30, 31]);
        assert_eq!(shortlist.of(&[3, 1]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 31]);
        // A token without a list, or none at all, brings nothing.
        assert_eq!(shortlist.of(&[99]), [0, 1, 2, 3, 4, 5, 6, 7]);
        let small = Shortlist::parse(&file(&[&[1]]), (1, 3), false).unwrap();
        assert_eq!(small.of(&[0]), [0, 1, 2]);
        let shared = Shortlist::parse(&file(&lists), (4, 40), true).unwrap();
        assert_eq!(shared.of(&[1, 39, 0]), [0, 1, 2, 5, 9, 30, 31, 39]);
    }

    #[test]
    fn what_is_damaged_or_of_another_model_is_refused() {
        let whole = file(&[&[30], &[5, 9, 31]]);
        let refused = |bytes: &[u8], source, target, part: &str| {
            let error = Shortlist::parse(bytes, (source, target), false).unwrap_err();
            assert!(error.contains(part), "{part} is not in: {error}");
        };
        refused(&whole, 3, 40, "2");
        refused(&whole, 2, 31, "token 31");
        refused(b"a b 0.5\n", 2, 40, "header");
        refused(&[b'x'; 60], 2, 40, "text shortlists");
        for length in 0..whole.len() {
            assert!(Shortlist::parse(&whole[..length], (2, 40), false).is_err(), "{length} bytes");
        }
        // The last four bytes make no whole word: Marian's checksum does not cover them.
        for at in (0..whole.len()).filter(|at| !(32..40).contains(at)) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            let covered = at < whole.len() / 8 * 8;
            assert!(!covered || Shortlist::parse(&bytes, (2, 40), false).is_err(), "byte {at}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_in_an_answer_or_an_error(bytes in proptest::collection::vec(0u8.., 0..300)) {
            let mut bytes = bytes;
            let _ = Shortlist::parse(&bytes, (3, 40), true);
            for (to, from) in bytes.iter_mut().zip(MAGIC.to_le_bytes()) {
                *to = from;
            }
            let _ = Shortlist::parse(&bytes, (3, 40), true);
        }
    }
}
