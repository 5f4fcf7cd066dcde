//! A paragraph as the rules see it: its characters in one row, with the way back to the bytes of its parts.

use super::{Edit, Part};
use std::ops::Range;

/// Stands for every character that is kept.
pub(super) const KEPT: char = '\u{FFFC}';
/// Stands between two parts: white space that no rule changes.
const SEAM: char = '\n';

/// A change of some characters of a [`View`].
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// Indices of characters.
    pub at: Range<usize>,
    /// What stands there instead.
    pub text: String,
}

/// The characters of a paragraph.
pub(super) struct View {
    /// The characters, with [`KEPT`] and [`SEAM`] where no rule may change anything.
    pub chars: Vec<char>,
    /// Part and byte of each character; a seam has the end of its part.
    places: Vec<(usize, usize)>,
}

impl View {
    pub(super) fn of(parts: &[Part<'_>], range: Range<usize>) -> View {
        let length = parts[range.clone()].iter().map(|part| part.text.len() + 1).sum();
        let mut view = View { chars: Vec::with_capacity(length), places: Vec::with_capacity(length) };
        for (index, part) in parts[range.clone()].iter().enumerate() {
            let index = range.start + index;
            for (at, c) in part.text.char_indices() {
                let kept = part.keep.iter().any(|keep| keep.start < at + c.len_utf8() && at < keep.end);
                view.chars.push(if kept { KEPT } else { c });
                view.places.push((index, at));
            }
            if index + 1 < range.end {
                view.chars.push(SEAM);
                view.places.push((index, part.text.len()));
            }
        }
        view
    }

    /// The character at an index; a line end outside the paragraph.
    pub(super) fn char(&self, at: usize) -> char {
        self.chars.get(at).copied().unwrap_or(SEAM)
    }

    /// The character before an index; a line end outside the paragraph.
    pub(super) fn before(&self, at: usize) -> char {
        at.checked_sub(1).map_or(SEAM, |at| self.char(at))
    }

    /// The first character at or after an index that is no space.
    pub(super) fn after_spaces(&self, at: usize) -> char {
        self.char((at..self.chars.len()).find(|at| !is_space(self.chars[*at])).unwrap_or(self.chars.len()))
    }

    /// The last character before an index that is no space.
    pub(super) fn before_spaces(&self, at: usize) -> char {
        let near = self.chars.get(..at).unwrap_or_default();
        near.iter().rev().copied().find(|c| !is_space(*c)).unwrap_or(SEAM)
    }

    /// Whether an index is the begin of a part.
    pub(super) fn begins_part(&self, at: usize) -> bool {
        self.places.get(at).is_some_and(|(_, byte)| *byte == 0)
    }

    /// Whether an index is the end of a part.
    pub(super) fn ends_part(&self, at: usize) -> bool {
        at >= self.chars.len() || self.chars[at] == SEAM && self.begins_part(at + 1)
    }

    /// The part that a change belongs to, and the edit of its text; nothing where it changes nothing.
    pub(super) fn edit(&self, change: Change, parts: &[Part<'_>]) -> Option<(usize, Edit)> {
        let last = change.at.end.checked_sub(1).filter(|last| *last >= change.at.start)?;
        let ((part, start), (other, end)) = (*self.places.get(change.at.start)?, *self.places.get(last)?);
        let text = parts.get(part)?.text;
        let end = end + text.get(end..)?.chars().next()?.len_utf8();
        let same = part == other && text.get(start..end)? != change.text;
        same.then_some((part, Edit { range: start..end, text: change.text }))
    }
}

/// Spaces inside a line.
pub(super) fn is_space(c: char) -> bool {
    c == ' ' || is_fixed_space(c)
}

/// Spaces that somebody chose: no-break, narrow no-break, thin.
pub(super) fn is_fixed_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{202f}' | '\u{2009}')
}

pub(super) fn is_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '＂'
            | '“'
            | '”'
            | '„'
            | '‟'
            | '«'
            | '»'
            | '\''
            | '＇'
            | '‘'
            | '’'
            | '‚'
            | '‛'
            | '‹'
            | '›'
            | '`'
    )
}

/// Signs after which a quotation may open without a space.
pub(super) fn is_opening(c: char) -> bool {
    matches!(c, '(' | '[' | '{' | '（' | '［' | '《' | '〈' | '「' | '『' | '/' | '=') || is_dash(c)
}

/// Signs before which a quotation may close.
pub(super) fn is_closing(c: char) -> bool {
    matches!(
        c,
        '.' | ','
            | ';'
            | ':'
            | '!'
            | '?'
            | '…'
            | ')'
            | ']'
            | '}'
            | '）'
            | '］'
            | '》'
            | '〉'
            | '」'
            | '』'
            | '/'
            | '、'
            | '。'
    ) || is_dash(c)
}

pub(super) fn is_dash(c: char) -> bool {
    matches!(c, '-' | '–' | '—' | '―')
}

pub(super) fn is_cyrillic(c: char) -> bool {
    matches!(c as u32, 0x0400..=0x052F) && c.is_alphabetic()
}

pub(super) fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c as u32, 0xC0..=0x24F) && c.is_alphabetic()
}

/// Between two letters of an alphabet no quotation begins or ends: an apostrophe.
pub(super) fn is_word_apostrophe(view: &View, at: usize) -> bool {
    let letter = |c: char| is_latin(c) || is_cyrillic(c);
    letter(view.before(at)) && letter(view.char(at + 1))
}

/// A straight double mark typed for an apostrophe: between a consonant and я, ю, є, ї.
pub(super) fn is_hard_sign(view: &View, at: usize) -> bool {
    let (before, after) = (view.before(at), view.char(at + 1));
    let consonant = "бпвмфрдзнтскгжчшБПВМФРДЗНТСКГЖЧШ".contains(before);
    let same_case = before.is_lowercase() == after.is_lowercase();
    view.char(at) == '"' && consonant && "яюєїЯЮЄЇ".contains(after) && same_case
}

/// English words that have lost their begin: `'tis`, `'90s`.
pub(super) fn is_elision(view: &View, at: usize) -> bool {
    const WORDS: [&str; 9] = ["tis", "twas", "em", "til", "cause", "n", "bout", "round", "twere"];
    let (sign, before) = (view.char(at), view.before(at));
    let opens = before.is_whitespace() || is_opening(before) || matches!(before, '"' | '“');
    if !opens || !matches!(sign, '\'' | '＇' | '’') {
        return false;
    }
    let word: String = view.chars[at + 1..].iter().take_while(|c| c.is_alphanumeric()).take(8).collect();
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let after = view.char(at + 1 + word.chars().count());
    // A quotation mark right after the word closes what this one opens.
    !is_quote(after) && (digits == 2 && matches!(&word[2..], "" | "s") || WORDS.contains(&word.to_lowercase().as_str()))
}
