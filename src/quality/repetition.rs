//! Checks for loops in the output: a group of words or characters that follows itself again and again, and a longer
//! phrase that returns too often. What the source repeats as often may be repeated.

use std::ops::Range;

use super::letters::script_of;
use super::{Finding, Input, Severity};

/// Longest group of words looked for: a long sentence.
const LONGEST_GROUP: usize = 80;
/// A group of so many words that stands twice is no figure of speech.
const SENTENCE: usize = 12;
/// A phrase of so many words that returns is a loop even with other words between.
const PHRASE: usize = 6;
/// So often a phrase may stand in one segment.
const PHRASE_LIMIT: usize = 3;
/// Longest group of characters looked for within words.
const LONGEST_SYLLABLES: usize = 8;
/// So many characters of repeated groups are a loop.
const REPEATED_CHARACTERS: usize = 16;
/// So many equal marks with spaces between are a loop.
const REPEATED_MARKS: usize = 5;

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let output = tokens(input.output);
    if let Some(run) = longest_run(&output) {
        let allowed = longest_run(&tokens(input.source)).map_or(1, |run| run.times);
        if run.times > allowed {
            let text = &input.output[run.unit.clone()];
            let message = format!("output repeats itself: {:?} stands {} times in a row", shorten(text), run.times);
            return vec![Finding::new("repetition", run.severity, message).in_output(run.whole)];
        }
    }
    phrase(input, &output).or_else(|| marks(input)).or_else(|| characters(input)).into_iter().collect()
}

/// A word by the hash of its lower-case form without punctuation at its ends, with its place.
struct Token {
    word: u64,
    span: Range<usize>,
    kind: Kind,
}

/// What a token consists of, as far as repeating it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    /// Three digits with nothing around: `1 000 000 000 000` is one number.
    Thousands,
    Figure,
}

/// The words of a text.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 6);
    let mut at = 0;
    for part in text.split(char::is_whitespace) {
        let start = at;
        at += part.len();
        let word = part.trim_matches(|c: char| !is_letter_or_digit(c));
        if !word.is_empty() {
            let mut hash = Hash::new();
            let mut letters = false;
            for c in word.chars() {
                letters |= script_of(c).is_some();
                hash.add(c);
            }
            let kind = match (letters, part.len()) {
                (true, _) => Kind::Word,
                (false, 3) if word.len() == 3 => Kind::Thousands,
                (false, _) => Kind::Figure,
            };
            tokens.push(Token { word: hash.0, span: start..at, kind });
        }
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
    tokens
}

fn is_letter_or_digit(c: char) -> bool {
    script_of(c).is_some() || c.is_numeric()
}

/// The hash of Fowler, Noll and Vo over characters in lower case.
struct Hash(u64);

impl Hash {
    fn new() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, c: char) {
        let mut mix = |c: char| self.0 = (self.0 ^ u64::from(c)).wrapping_mul(0x0100_0000_01b3);
        match c {
            'A'..='Z' => mix(c.to_ascii_lowercase()),
            'А'..='Я' => mix(char::from_u32(c as u32 + 32).unwrap_or(c)),
            // Hangul has no case, and small letters stay as they are.
            'a'..='z' | 'а'..='я' | '가'..='힣' => mix(c),
            _ => c.to_lowercase().for_each(mix),
        }
    }
}

/// A group of words that follows itself.
struct Run {
    unit: Range<usize>,
    whole: Range<usize>,
    times: usize,
    severity: Severity,
}

/// The first of the longest runs that are loops.
fn longest_run(tokens: &[Token]) -> Option<Run> {
    let mut best: Option<(usize, Run)> = None;
    for size in 1..=LONGEST_GROUP.min(tokens.len() / 2) {
        let mut equal = 0;
        for at in size..=tokens.len() {
            if at < tokens.len() && tokens[at].word == tokens[at - size].word {
                equal += 1;
                continue;
            }
            let times = equal / size + 1;
            let severity = match (size, times) {
                (1, 4..=6) if tokens[at - 1].kind == Kind::Thousands => None,
                (1, 4..) | (2.., 3..) | (SENTENCE.., 2) => Some(Severity::Error),
                (1, 3) if tokens[at - 1].kind == Kind::Word => Some(Severity::Warning),
                (4.., 2) => Some(Severity::Warning),
                _ => None,
            };
            if let Some(severity) = severity {
                let first = at - equal - size;
                let run = Run {
                    unit: tokens[first].span.start..tokens[first + size - 1].span.end,
                    whole: tokens[first].span.start..tokens[at - 1].span.end,
                    times,
                    severity,
                };
                let better = best
                    .as_ref()
                    .is_none_or(|(length, old)| severity > old.severity || severity == old.severity && equal > *length);
                if better {
                    best = Some((equal, run));
                }
            }
            equal = 0;
        }
    }
    best.map(|(_, run)| run)
}

/// A phrase that returns with other words between.
fn phrase(input: &Input<'_>, output: &[Token]) -> Option<Finding> {
    let (most, at) = most_frequent(output)?;
    // The source is read only where there is something to compare.
    if most < PHRASE_LIMIT || most_frequent(&tokens(input.source)).is_some_and(|(allowed, _)| most <= allowed) {
        return None;
    }
    let span = output[at].span.start..output[at + PHRASE - 1].span.end;
    let message = format!("output repeats itself: {:?} stands {most} times", shorten(&input.output[span.clone()]));
    Some(Finding::new("repetition", Severity::Error, message).in_output(span))
}

/// How often the most frequent phrase of a text stands there, and where its first word is.
fn most_frequent(tokens: &[Token]) -> Option<(usize, usize)> {
    let key = |window: &[Token]| window.iter().fold(0u64, |key, token| key.rotate_left(7) ^ token.word);
    let mut keys: Vec<(u64, usize)> = tokens.windows(PHRASE).map(key).zip(0..).collect();
    keys.sort_unstable();
    let runs = keys.chunk_by(|a, b| a.0 == b.0).map(|run| (run.len(), run[0].1));
    runs.max_by_key(|&(times, at)| (times, std::cmp::Reverse(at)))
}

/// Marks that stand alone again and again: `. . . . .`
fn marks(input: &Input<'_>) -> Option<Finding> {
    let mut run: Option<(&str, usize, Range<usize>)> = None;
    let mut at = 0;
    for part in input.output.split(char::is_whitespace) {
        let span = at..at + part.len();
        at = span.end + input.output[span.end..].chars().next().map_or(0, char::len_utf8);
        if part.is_empty() {
            continue;
        }
        run = match run {
            Some((mark, times, whole)) if mark == part => Some((mark, times + 1, whole.start..span.end)),
            _ if part.len() <= 4 && !part.contains(is_letter_or_digit) => Some((part, 1, span)),
            _ => None,
        };
        if let Some((mark, times, whole)) = &run
            && *times >= REPEATED_MARKS
            && !input.source.contains(&input.output[whole.clone()])
        {
            let message = format!("output repeats itself: {mark:?} stands {times} times in a row and more");
            return Some(Finding::new("repetition", Severity::Error, message).in_output(whole.clone()));
        }
    }
    None
}

/// Groups of characters that repeat without a space between, as loops over syllables do.
fn characters(input: &Input<'_>) -> Option<Finding> {
    let chars: Vec<(usize, char)> = input.output.char_indices().collect();
    for size in 1..=LONGEST_SYLLABLES {
        let mut equal = 0;
        for at in size..=chars.len() {
            if at < chars.len() && chars[at].1 == chars[at - size].1 {
                equal += 1;
                continue;
            }
            let length = equal + size;
            if equal > 0 && length >= REPEATED_CHARACTERS.max(4 * size) {
                let first = at - length;
                let span = chars[first].0..chars.get(at).map_or(input.output.len(), |&(place, _)| place);
                let unit = || chars[first..first + size].iter().map(|&(_, c)| c);
                // Rules of dashes and dots and long zeros are no loops; neither is what the source has.
                if unit().any(|c| script_of(c).is_some()) && !input.source.contains(&input.output[span.clone()]) {
                    let times = equal / size + 1;
                    let unit: String = unit().collect();
                    let message = format!("output repeats itself: {unit:?} stands {times} times in a row");
                    return Some(Finding::new("repetition", Severity::Error, message).in_output(span));
                }
            }
            equal = 0;
        }
    }
    None
}

/// The beginning of a text, for messages.
fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{codes, input};

    fn check(to: &str, source: &str, output: &str, expected: &[&str]) {
        assert_eq!(codes(&super::check(&input("en", to, source, output))), expected, "{output}");
    }

    const LOOP: &[&str] = &["repetition"];

    #[test]
    fn ordinary_repetition_passes() {
        check("en", "…", "Day after day, week after week, the very same road.", &[]);
        check("uk", "…", "Він чекав, чекав і не дочекався.", &[]);
        check("ko", "…", "하나하나 천천히, 천천히 했다.", &[]);
        check("uk", "No, no, no, no!", "Ні, ні, ні, ні!", &[]);
        check("en", "…", "1 000 000 000 000 ---------------------------", &[]);
    }

    #[test]
    fn words_in_a_row_are_a_loop() {
        check("en", "…", "The road the road the road the road", LOOP);
        check("uk", "…", "Дорогу перекрили, перекрили, перекрили, перекрили.", LOOP);
        check("ko", "…", "그는 말했다. 그는 말했다. 그는 말했다.", LOOP);
    }

    #[test]
    fn a_sentence_said_twice_is_found() {
        check("uk", "…", "Міст закрили ще торік восени. Міст закрили ще торік восени.", LOOP);
    }

    #[test]
    fn marks_and_figures_in_a_row_are_a_loop() {
        check("uk", "…", "Це сталося у травні 1969 року. 10. 10. 10. 10.", LOOP);
        check("ko", "…", "사막 산사태를 일으킬 것이다 . . . . . .", LOOP);
        check("en", "…", "It was closed – – – – – – and then reopened", LOOP);
        check("en", "* * * * *", "* * * * *", &[]);
    }

    #[test]
    fn long_sentences_said_twice_are_an_error() {
        let sentence = "The council said on Monday that it would close the bridge to trucks until engineers had looked at every one of its forty pillars and all the cables. ";
        let found = super::check(&input("uk", "en", "…", &sentence.repeat(2)));
        assert_eq!(found.first().map(|finding| finding.severity), Some(super::Severity::Error));
    }

    #[test]
    fn a_phrase_that_returns_is_a_loop() {
        let text = "він сказав що дорога була закрита зранку, він сказав що дорога була закрита вдень, він сказав що дорога була закрита ввечері";
        check("uk", "…", text, LOOP);
    }

    #[test]
    fn syllables_in_a_row_are_a_loop() {
        check("ko", "…", "그래서하하하하하하하하하하하하하하하하하하하하", LOOP);
        check("en", "…", "Nananananananananananananananana", LOOP);
    }

    proptest! {
        #[test]
        fn never_panics(source in "\\PC{0,80}", output in "(ab |가 |\\PC){0,60}") {
            super::check(&input("en", "ko", &source, &output));
        }
    }
}
