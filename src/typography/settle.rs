//! Looks at a text again until nothing is left to change, so that a second run changes nothing.
//!
//! One look is enough for nearly every text. Where a sign that changed makes another one readable, the looks are put
//! together by comparing the first text with the last: letters and digits are the same in both.

use super::{Edit, Part, apply, moved};
use std::ops::Range;

/// A text that has not settled after this many looks is left alone.
const MOST_LOOKS: usize = 4;

/// The edits after which `look` finds nothing more; none at all where there is no such end.
pub(super) fn settled(parts: &[Part<'_>], look: impl Fn(&[Part<'_>]) -> Vec<Vec<Edit>>) -> Vec<Vec<Edit>> {
    let first = look(parts);
    let mut edits = first.clone();
    let mut texts: Vec<String> = parts.iter().map(|part| part.text.to_string()).collect();
    let mut keeps: Vec<Vec<Range<usize>>> = parts.iter().map(|part| part.keep.to_vec()).collect();
    for looks in 1..=MOST_LOOKS {
        if edits.iter().all(Vec::is_empty) {
            return if looks <= 2 { first } else { differences(parts, &texts, &keeps) };
        }
        for ((text, keep), edits) in texts.iter_mut().zip(&mut keeps).zip(&edits) {
            for keep in keep.iter_mut() {
                *keep = moved(keep, edits);
            }
            *text = apply(text, edits);
        }
        let again: Vec<Part<'_>> = (parts.iter().zip(texts.iter().zip(&keeps)))
            .map(|(part, (text, keep))| Part { text, keep, block: part.block })
            .collect();
        edits = look(&again);
    }
    vec![Vec::new(); parts.len()]
}

/// The edits that make the last texts of the first ones.
fn differences(parts: &[Part<'_>], texts: &[String], keeps: &[Vec<Range<usize>>]) -> Vec<Vec<Edit>> {
    let each = |((part, text), keep): ((&Part<'_>, &String), &Vec<Range<usize>>)| {
        let (before, after) = (gaps(part.text, part.keep), gaps(text, keep));
        // Other numbers of gaps would mean that a letter changed, which no rule does.
        let pairs = before.into_iter().zip(after);
        pairs.filter_map(|(before, after)| difference(part.text, before, &text[after])).collect()
    };
    parts.iter().zip(texts).zip(keeps).map(each).collect()
}

/// What stands between two letters, digits or kept characters that follow each other.
fn gaps(text: &str, keep: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let kept = keep.iter().any(|keep| keep.start < end && at < keep.end);
        // This letter is one way to type an apostrophe.
        if kept || c.is_alphanumeric() && c != 'ʼ' {
            found.push(from..at);
            from = end;
        }
    }
    found.push(from..text.len());
    found
}

/// The edit that makes `after` of the gap `before`, without what begins and ends both.
fn difference(text: &str, before: Range<usize>, after: &str) -> Option<Edit> {
    let old = &text[before.clone()];
    if old == after {
        return None;
    }
    let same = |(a, b): &(char, char)| a == b;
    let head: usize = old.chars().zip(after.chars()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
    let (old, after) = (&old[head..], &after[head..]);
    let tail: usize = old.chars().rev().zip(after.chars().rev()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
    let range = before.start + head..before.end - tail;
    Some(Edit { range, text: after[..after.len() - tail].to_string() })
}
