//! The bytes of a TMX file as UTF-8: byte order marks taken away, UTF-16 decoded on the fly, lines counted.
//!
//! It also stops a file that would fill the memory: between two marks at most [`LARGEST_STRETCH_BYTES`] are given out. Whether
//! UTF-8 is well formed is left to the parser.

use std::io::{self, BufRead, Chain, Cursor, Read};

/// Most bytes of one unit. Units are sentences; one that is larger is a damaged file or an attack.
pub(super) const LARGEST_STRETCH_BYTES: usize = 16 << 20;

/// How many bytes of UTF-16 are decoded at once.
const CHUNK_BYTES: usize = 1 << 14;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Utf8,
    Utf16Little,
    Utf16Big,
}

/// A reader of UTF-8 over a file of UTF-8 or UTF-16.
#[derive(Debug)]
pub(super) struct Source<R> {
    input: Chain<Cursor<Vec<u8>>, R>,
    coding: Coding,
    /// Decoded and not yet taken; empty for UTF-8.
    decoded: Vec<u8>,
    taken: usize,
    /// Bytes or a surrogate that wait for their other half.
    odd_byte: Option<u8>,
    high: Option<u16>,
    lines: usize,
    since_mark: usize,
}

impl<R: BufRead> Source<R> {
    /// Looks at the first bytes.
    pub(super) fn open(mut input: R) -> io::Result<Source<R>> {
        let mut head = Vec::new();
        input.by_ref().take(4).read_to_end(&mut head)?;
        let (coding, mark) = match head.as_slice() {
            [0xEF, 0xBB, 0xBF, ..] => (Coding::Utf8, 3),
            [0xFF, 0xFE, ..] => (Coding::Utf16Little, 2),
            [0xFE, 0xFF, ..] => (Coding::Utf16Big, 2),
            // Without a mark, the first sign of XML tells.
            [b'<', 0, ..] => (Coding::Utf16Little, 0),
            [0, b'<', ..] => (Coding::Utf16Big, 0),
            _ => (Coding::Utf8, 0),
        };
        head.drain(..mark);
        Ok(Source {
            input: Cursor::new(head).chain(input),
            coding,
            decoded: Vec::new(),
            taken: 0,
            odd_byte: None,
            high: None,
            lines: 0,
            since_mark: 0,
        })
    }

    /// The line that was reached, from 1.
    pub(super) fn line(&self) -> usize {
        self.lines + 1
    }

    /// A unit begins: the count of bytes starts again.
    pub(super) fn mark(&mut self) {
        self.since_mark = 0;
    }

    /// Decodes some more UTF-16.
    fn decode(&mut self) -> io::Result<()> {
        self.decoded.clear();
        self.taken = 0;
        while self.decoded.is_empty() {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                return match (self.odd_byte.take(), self.high.take()) {
                    (None, None) => Ok(()),
                    _ => Err(broken("the file ends inside a character of UTF-16")),
                };
            }
            let used = bytes.len().min(CHUNK_BYTES);
            for &byte in &bytes[..used] {
                let Some(first) = self.odd_byte.take() else {
                    self.odd_byte = Some(byte);
                    continue;
                };
                let pair = [first, byte];
                let unit = match self.coding {
                    Coding::Utf16Big => u16::from_be_bytes(pair),
                    _ => u16::from_le_bytes(pair),
                };
                let units = match self.high.take() {
                    None if (0xD800..0xDC00).contains(&unit) => {
                        self.high = Some(unit);
                        continue;
                    }
                    None => [unit, 0],
                    Some(high) => [high, unit],
                };
                let given = if units[1] == 0 { 1 } else { 2 };
                match char::decode_utf16(units[..given].iter().copied()).next() {
                    Some(Ok(c)) => self.decoded.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                    _ => return Err(broken("half a character of UTF-16")),
                }
            }
            self.input.consume(used);
        }
        Ok(())
    }
}

fn broken(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

impl<R: BufRead> Read for Source<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let given = self.fill_buf()?;
        let length = given.len().min(into.len());
        into[..length].copy_from_slice(&given[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.since_mark > LARGEST_STRETCH_BYTES {
            let limit = LARGEST_STRETCH_BYTES >> 20;
            return Err(broken(&format!(
                "one unit has more than {limit} MiB: expected sentences; is the file damaged?"
            )));
        }
        if self.coding == Coding::Utf8 {
            return self.input.fill_buf();
        }
        if self.taken == self.decoded.len() {
            self.decode()?;
        }
        Ok(&self.decoded[self.taken..])
    }

    fn consume(&mut self, bytes: usize) {
        let given = match self.coding {
            // A second call gives what is there already.
            Coding::Utf8 => self.input.fill_buf().unwrap_or_default(),
            _ => &self.decoded[self.taken..],
        };
        let used = &given[..bytes.min(given.len())];
        self.lines += used.split(|&byte| byte == b'\n').count() - 1;
        self.since_mark += bytes;
        match self.coding {
            Coding::Utf8 => self.input.consume(bytes),
            _ => self.taken += bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        // One byte at a time, so that every character is cut somewhere.
        let mut source = Source::open(io::BufReader::with_capacity(1, bytes)).unwrap();
        let mut text = String::new();
        source.read_to_string(&mut text).unwrap();
        assert_eq!(text, expected);
        assert_eq!(source.line(), expected.matches('\n').count() + 1);
    }

    fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn both_codings_in_both_orders_give_the_same_text() {
        let text = "<a>\nМіст 서울 🌉\n</a>";
        check(text.as_bytes(), text);
        check(format!("\u{feff}{text}").as_bytes(), text);
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            check(&utf16(text, order), text);
            check(&utf16(&format!("\u{feff}{text}"), order), text);
        }
        check(b"", "");
        check(b"<", "<");
    }

    #[test]
    fn half_a_character_is_an_error() {
        let whole = utf16("\u{feff}<🌉", u16::to_le_bytes);
        for bytes in [&whole[..whole.len() - 1], &whole[..whole.len() - 2]] {
            let mut text = String::new();
            assert!(Source::open(bytes).unwrap().read_to_string(&mut text).is_err());
        }
    }
}
