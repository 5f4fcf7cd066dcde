//! What SentencePiece does to a text before it looks for pieces: the character map of the file, and the rules for spaces.
//!
//! The map is applied to the longest match at each place. A character map holds what a Unicode normal form and the
//! trainer's own rules made of each sequence; nothing here consults Unicode tables, so the result is that of the file.

use super::SentencePieceError;
use super::proto::NormalizerSettings;
use super::trie::{Darts, Trie};

/// The mark that stands for a space in pieces (U+2581).
pub(super) const SPACE_MARK: &str = "\u{2581}";

/// Longest replacement in bytes that is believed of a character map; the longest that Unicode has is one of 33. A damaged map
/// would make megabytes of every character.
const LONGEST_REPLACEMENT: usize = 1024;

/// A normalizer as the model file describes it.
#[derive(Debug, Clone)]
// The flags are those of the file, and independent of each other.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct Normalizer {
    map: Option<CharacterMap>,
    /// User-defined symbols: copied untouched.
    kept: Trie,
    add_dummy_prefix: bool,
    remove_extra_whitespaces: bool,
    escape_whitespaces: bool,
    whitespace_is_suffix: bool,
}

#[derive(Debug, Clone)]
struct CharacterMap {
    trie: Darts,
    /// Replacements, each ended by a zero byte.
    replacements: Vec<u8>,
}

impl CharacterMap {
    /// Splits the blob of the file: size of the trie (4 bytes), trie, replacements.
    fn new(blob: &[u8]) -> Result<CharacterMap, SentencePieceError> {
        let damaged = |what: &str| SentencePieceError::Model(format!("the character map is damaged: {what}"));
        let (head, rest) = blob.split_first_chunk::<4>().ok_or_else(|| damaged("shorter than 4 bytes"))?;
        let size = u32::from_le_bytes(*head) as usize;
        if size >= rest.len() {
            return Err(damaged("its trie is larger than the map"));
        }
        let (trie, replacements) = rest.split_at(size);
        if replacements.split(|&byte| byte == 0).any(|replacement| replacement.len() > LONGEST_REPLACEMENT) {
            return Err(damaged(&format!("a replacement is longer than {LONGEST_REPLACEMENT} bytes")));
        }
        let mut replacements = replacements.to_vec();
        // The last replacement ends where the map ends, should its zero byte be missing.
        replacements.push(0);
        Ok(CharacterMap { trie: Darts::new(trie)?, replacements })
    }

    fn longest(&self, text: &[u8]) -> Option<(usize, &[u8])> {
        let (length, start) = self.trie.longest_prefix(text)?;
        let tail = self.replacements.get(start as usize..)?;
        let end = tail.iter().position(|&b| b == 0)?;
        Some((length, &tail[..end]))
    }
}

/// The bytes of the character `text` begins with, or `None` if it begins with none. `text` is not empty.
pub(super) fn character(text: &[u8]) -> Option<&[u8]> {
    let length = match text[0] {
        0..0x80 => return Some(&text[..1]),
        0xC2..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0..0xF5 => 4,
        _ => return None,
    };
    let bytes = text.get(..length)?;
    std::str::from_utf8(bytes).ok().map(str::as_bytes)
}

/// What was written since the last note stands for what begins at `at`.
fn note(origins: &mut Option<&mut Vec<usize>>, written: usize, at: usize) {
    if let Some(origins) = origins {
        origins.resize(written, at);
    }
}

impl Normalizer {
    /// # Errors
    /// The character map is damaged.
    pub(super) fn new(
        settings: &NormalizerSettings,
        kept: Trie,
        whitespace_is_suffix: bool,
    ) -> Result<Normalizer, SentencePieceError> {
        let map = if settings.charsmap.is_empty() { None } else { Some(CharacterMap::new(&settings.charsmap)?) };
        Ok(Normalizer {
            map,
            kept,
            add_dummy_prefix: settings.add_dummy_prefix,
            remove_extra_whitespaces: settings.remove_extra_whitespaces,
            escape_whitespaces: settings.escape_whitespaces,
            whitespace_is_suffix,
        })
    }

    /// What stands for the beginning of `text`, and how many bytes of `text` it replaces. `text` is not empty.
    #[inline]
    fn prefix<'a>(&'a self, text: &'a [u8]) -> (&'a [u8], usize) {
        if let Some(length) = self.kept.longest_prefix(text) {
            return (&text[..length], length);
        }
        if let Some((length, replacement)) = self.map.as_ref().and_then(|map| map.longest(text)) {
            return (replacement, length);
        }
        match character(text) {
            Some(bytes) => (bytes, bytes.len()),
            // Only after a damaged character map: the text itself is UTF-8.
            None => ("\u{FFFD}".as_bytes(), 1),
        }
    }

    /// Normalizes a text. The answer is UTF-8 if the character map is.
    pub(super) fn normalize(&self, text: &str) -> Vec<u8> {
        self.run(text, None)
    }

    /// The same, and for each byte of the answer where in `text` that begins which it stands for; at last where in `text` it
    /// ends. As `norm_to_orig` of the reference.
    pub(super) fn normalize_traced(&self, text: &str) -> (Vec<u8>, Vec<usize>) {
        let mut origins = Vec::with_capacity(text.len() + text.len() / 2 + 8);
        let out = self.run(text, Some(&mut origins));
        // Only a damaged character map splits characters.
        let floor = |at: usize| (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        for at in &mut origins {
            *at = floor(*at);
        }
        (out, origins)
    }

    fn run(&self, text: &str, mut origins: Option<&mut Vec<usize>>) -> Vec<u8> {
        let mut rest = text.as_bytes();
        if self.remove_extra_whitespaces {
            while !rest.is_empty() {
                let (replacement, consumed) = self.prefix(rest);
                if replacement != b" " {
                    break;
                }
                rest = &rest[consumed..];
            }
        }
        if rest.is_empty() {
            note(&mut origins, 1, text.len());
            return Vec::new();
        }
        let space: &[u8] = if self.escape_whitespaces { SPACE_MARK.as_bytes() } else { b" " };
        let mut out = Vec::with_capacity(rest.len() + rest.len() / 2 + 8);
        if !self.whitespace_is_suffix && self.add_dummy_prefix {
            out.extend_from_slice(space);
            note(&mut origins, out.len(), text.len() - rest.len());
        }
        let mut after_space = self.remove_extra_whitespaces;
        while !rest.is_empty() {
            let (mut replacement, consumed) = self.prefix(rest);
            if after_space {
                while let Some(stripped) = replacement.strip_prefix(b" ") {
                    replacement = stripped;
                }
            }
            if let Some(last) = replacement.last() {
                after_space = *last == b' ';
                for &byte in replacement {
                    if byte == b' ' {
                        out.extend_from_slice(space);
                    } else {
                        out.push(byte);
                    }
                }
                note(&mut origins, out.len(), text.len() - rest.len());
            }
            rest = &rest[consumed..];
            after_space &= self.remove_extra_whitespaces;
        }
        let mut end = text.len();
        if self.remove_extra_whitespaces {
            while out.ends_with(space) {
                out.truncate(out.len() - space.len());
                if let Some(origins) = &mut origins {
                    end = origins[out.len()];
                    origins.truncate(out.len());
                }
            }
        }
        let suffix = if self.whitespace_is_suffix && self.add_dummy_prefix { space } else { b"" };
        out.extend_from_slice(suffix);
        if let Some(origins) = origins {
            // The suffix, and the end.
            origins.resize(out.len() + 1, end);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_that_never_ends_is_refused() {
        let map = |length: usize| [&[4, 0, 0, 0, 0, 0, 0, 0][..], &vec![b'x'; length]].concat();
        assert!(CharacterMap::new(&map(LONGEST_REPLACEMENT)).is_ok());
        assert!(CharacterMap::new(&map(LONGEST_REPLACEMENT + 1)).is_err());
    }
}
