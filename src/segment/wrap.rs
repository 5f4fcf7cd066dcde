//! Cuts a sentence that is longer than the model's limit at the best boundaries.
//!
//! Knows no tokens: the caller counts. Never loses a byte and always moves on; the count is asked about stretches near
//! the limit only, so that the time is linear in the text.

use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// How good a boundary is; later is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Space,
    Conjunction,
    Comma,
    Clause,
    Sentence,
}

/// Words before which a sentence may be parted.
const CONJUNCTIONS: &[&str] = &[
    "and",
    "but",
    "or",
    "because",
    "which",
    "that",
    "while",
    "when",
    "where",
    "who",
    "although",
    "if",
    "і",
    "й",
    "та",
    "але",
    "або",
    "що",
    "який",
    "яка",
    "яке",
    "які",
    "бо",
    "щоб",
    "коли",
    "де",
    "якщо",
    "а",
    "и",
    "но",
    "или",
    "что",
    "который",
    "которая",
    "которые",
    "чтобы",
    "когда",
    "если",
    "그리고",
    "그러나",
    "하지만",
    "또는",
    "및",
];

/// Marks behind which a text without spaces may be parted.
const MARKS: &[char] = &['.', '!', '?', '…', ';', ':', ',', '—', '–', '。', '！', '？', '；', '：', '，', '、'];

/// Contiguous ranges that cover `text`; each within `limit` by `count` where that is possible at all.
///
/// A single character that counts more than `limit` is a range of its own. An empty text has no ranges.
pub fn wrap(text: &str, limit: usize, count: &dyn Fn(&str) -> usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    let mut reach = 64;
    while start < text.len() {
        let farthest = farthest(&text[start..], limit, reach, count);
        if start + farthest == text.len() {
            ranges.push(start..text.len());
            break;
        }
        reach = farthest.max(16);
        let length = best_cut(text, start, farthest, limit, count);
        ranges.push(start..start + length);
        start += length;
    }
    ranges
}

/// The longest begin of `text`, in bytes, that is within the limit: from `reach` outwards, then by halves. At least one
/// character.
fn farthest(text: &str, limit: usize, reach: usize, count: &dyn Fn(&str) -> usize) -> usize {
    let fits = |end: usize| count(&text[..end]) <= limit;
    let mut low = 0;
    let mut high = floor(text, reach.min(text.len()));
    while fits(high) {
        low = high;
        if high == text.len() {
            return high;
        }
        high = floor(text, (high * 2).max(16).min(text.len()));
        if high == low {
            high = ceil(text, low + 1);
        }
    }
    while ceil(text, low + 1) < high {
        let middle = floor(text, low + (high - low) / 2);
        let middle = if middle == low { ceil(text, low + 1) } else { middle };
        if middle >= high {
            break;
        }
        if fits(middle) { low = middle } else { high = middle }
    }
    if low == 0 { ceil(text, 1) } else { low }
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn ceil(text: &str, at: usize) -> usize {
    (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// Where to cut: at the best boundary that leaves no crumbs, nearest to the middle where two parts are enough.
fn best_cut(text: &str, start: usize, farthest: usize, limit: usize, count: &dyn Fn(&str) -> usize) -> usize {
    let window = &text[start..start + farthest];
    let rest = text.len() - start;
    let two_parts = rest < farthest * 2 && count(&text[start + farthest..]) <= limit;
    let target = if two_parts { rest / 2 } else { farthest };
    let mut boundaries = boundaries(window, &text[start + farthest..]);
    // Best rank first, then the nearest to the target. What lies before a quarter of the window is a crumb.
    boundaries.retain(|(at, _)| *at * 4 >= farthest && (!two_parts || rest - *at <= farthest));
    boundaries.sort_by_key(|(at, rank)| (std::cmp::Reverse(weight(*rank, *at, target)), target.abs_diff(*at)));
    // Counts need not grow with the text: ask again before a cut is made.
    for (at, _) in boundaries.into_iter().take(8) {
        let remainder_fits = !two_parts || count(&text[start + at..]) <= limit;
        if count(&window[..at]) <= limit && remainder_fits {
            return at;
        }
    }
    let space = window.rfind(char::is_whitespace).map(|at| ceil(window, at + 1)).filter(|at| *at < farthest);
    if let Some(at) = space
        && at * 4 >= farthest
        && count(&window[..at]) <= limit
    {
        return at;
    }
    // No space: behind a mark, then between characters as a reader sees them, then between code points.
    let marks = window.char_indices().rev().filter(|(_, c)| MARKS.contains(c)).map(|(at, c)| at + c.len_utf8());
    let mut marks = marks.take_while(|at| *at * 4 >= farthest).filter(|at| *at < farthest).take(8);
    if let Some(at) = marks.find(|at| count(&window[..*at]) <= limit) {
        return at;
    }
    let graphemes = text[start..floor(text, start + farthest + 64)].grapheme_indices(true).map(|(at, _)| at);
    let last = graphemes.take_while(|at| *at <= farthest).last().unwrap_or(0);
    if last > 0 && count(&window[..last]) <= limit { last } else { farthest }
}

/// A better boundary is worth a longer way to the target.
fn weight(rank: Rank, at: usize, target: usize) -> i64 {
    let worth = match rank {
        Rank::Sentence => 100,
        Rank::Clause => 70,
        Rank::Comma => 50,
        Rank::Conjunction => 40,
        Rank::Space => 0,
    };
    worth - (target.abs_diff(at) * 100 / target.max(1)) as i64
}

/// The places in `window` where it may be cut, white space before the cut. `after` is what follows the window.
fn boundaries(window: &str, after: &str) -> Vec<(usize, Rank)> {
    let mut found = Vec::new();
    let mut word_start = 0;
    let mut at = 0;
    while at < window.len() {
        let rest = &window[at..];
        let Some(offset) = rest.find(char::is_whitespace) else { break };
        let space = at + offset;
        let length = window[space..].find(|c: char| !c.is_whitespace()).unwrap_or(window.len() - space);
        let next = space + length;
        let word = window[word_start..space].trim_end_matches(['"', '\'', '”', '’', '»', ')', ']']);
        let follows = if next < window.len() { &window[next..] } else { after };
        let end = follows.find(|c: char| !c.is_alphabetic()).unwrap_or(follows.len());
        let lower = || CONJUNCTIONS.contains(&follows[..end].to_lowercase().as_str());
        let rank = match word.chars().next_back() {
            Some('.' | '!' | '?' | '…' | '。' | '！' | '？') => Rank::Sentence,
            Some(';' | ':') => Rank::Clause,
            Some('—' | '–' | '-') if word.chars().count() == 1 => Rank::Clause,
            Some(',' | '、' | '，') => Rank::Comma,
            _ if end <= 16 && lower() => Rank::Conjunction,
            _ => Rank::Space,
        };
        if next > 0 {
            found.push((next, rank));
        }
        word_start = next;
        at = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::wrap;
    use proptest::prelude::*;

    fn words(text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn check(text: &str, limit: usize, expected: &[&str]) {
        let parts: Vec<&str> = wrap(text, limit, &words).into_iter().map(|r| &text[r]).collect();
        assert_eq!(parts, expected);
    }

    #[test]
    fn what_fits_stays_whole() {
        check("one two three", 3, &["one two three"]);
        check("", 3, &[]);
    }

    #[test]
    fn the_better_boundary_wins_over_the_nearer_middle() {
        check(
            "the ferry left at dawn with its goats, the mayor and the priest stayed",
            9,
            &["the ferry left at dawn with its goats, ", "the mayor and the priest stayed"],
        );
        check(
            "пором вийшов на світанку; мер і священник залишилися на березі",
            7,
            &["пором вийшов на світанку; ", "мер і священник залишилися на березі"],
        );
    }

    #[test]
    fn text_without_spaces_is_cut_between_characters() {
        let count = |text: &str| text.chars().count();
        let text = "가나다라마바사";
        let parts: Vec<&str> = wrap(text, 3, &count).into_iter().map(|r| &text[r]).collect();
        assert_eq!(parts, ["가나다", "라마바", "사"]);
        let text = "가나,다라마바사아자";
        let parts: Vec<&str> = wrap(text, 5, &count).into_iter().map(|r| &text[r]).collect();
        assert_eq!(parts, ["가나,", "다라마바사", "아자"]);
    }

    #[test]
    fn a_long_line_is_asked_about_a_linear_number_of_bytes() {
        let text = "слово ".repeat(20_000);
        let asked = std::cell::Cell::new(0);
        let ranges = wrap(&text, 100, &|part: &str| {
            asked.set(asked.get() + part.len());
            part.len() / 10
        });
        assert_eq!(ranges.last().map(|r| r.end), Some(text.len()));
        assert!(asked.get() < text.len() * 40, "{}", asked.get());
    }

    proptest! {
        #[test]
        fn ranges_cover_and_keep_the_limit(text in "([a-zа-я가-힣.,;: ]|\\PC){0,200}", limit in 0usize..30, by_bytes: bool) {
            let count = move |text: &str| if by_bytes { text.len() } else { text.chars().count() };
            let ranges = wrap(&text, limit, &count);
            let mut at = 0;
            for range in &ranges {
                prop_assert_eq!(range.start, at);
                prop_assert!(range.end > range.start);
                let part = &text[range.clone()];
                prop_assert!(count(part) <= limit || part.chars().count() == 1);
                at = range.end;
            }
            prop_assert_eq!(at, text.len());
        }
    }
}
