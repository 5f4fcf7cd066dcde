//! Checks for loops in the output: a group of words or characters that follows itself again and again, and a longer
//! phrase that returns too often. What the source repeats as often may be repeated.

use std::collections::HashMap;
use std::ops::Range;

use super::{Finding, Input, Severity};

/// Longest group of words looked for.
const LONGEST_GROUP: usize = 24;
/// A phrase of so many words that returns is a loop even with other words between.
const PHRASE: usize = 6;
/// So often a phrase may stand in one segment.
const PHRASE_LIMIT: usize = 3;
/// Longest group of characters looked for within words.
const LONGEST_SYLLABLES: usize = 8;
/// So many characters of repeated groups are a loop.
const REPEATED_CHARACTERS: usize = 16;

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let allowed = longest_run(&tokens(input.source)).map_or(1, |run| run.times);
    if let Some(run) = longest_run(&tokens(input.output)).filter(|run| run.times > allowed) {
        let text = &input.output[run.unit.clone()];
        let message = format!("output repeats itself: {:?} stands {} times in a row", shorten(text), run.times);
        return vec![Finding::new("repetition", run.severity, message).in_output(run.whole)];
    }
    phrase(input).or_else(|| characters(input)).into_iter().collect()
}

/// Words of a text in lower case without punctuation at their ends, with their places.
fn tokens(text: &str) -> Vec<(String, Range<usize>)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    for part in text.split(char::is_whitespace) {
        let start = at;
        at += part.len();
        let word = part.trim_matches(|c: char| !c.is_alphanumeric());
        if !word.is_empty() {
            tokens.push((word.to_lowercase(), start..at));
        }
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
    tokens
}

/// A group of words that follows itself.
struct Run {
    unit: Range<usize>,
    whole: Range<usize>,
    times: usize,
    severity: Severity,
}

/// The first of the longest runs that are loops.
fn longest_run(tokens: &[(String, Range<usize>)]) -> Option<Run> {
    let mut best: Option<(usize, Run)> = None;
    for size in 1..=LONGEST_GROUP.min(tokens.len() / 2) {
        let mut equal = 0;
        for at in size..=tokens.len() {
            if at < tokens.len() && tokens[at].0 == tokens[at - size].0 {
                equal += 1;
                continue;
            }
            let times = equal / size + 1;
            let severity = match (size, times) {
                // Groups of figures: `1 000 000 000 000` is a number.
                (1, 4..=6) if !tokens[at - 1].0.contains(char::is_alphabetic) => None,
                (1, 4..) | (2.., 3..) => Some(Severity::Error),
                (1, 3) | (4.., 2) => Some(Severity::Warning),
                _ => None,
            };
            if let Some(severity) = severity {
                let first = at - equal - size;
                let run = Run {
                    unit: tokens[first].1.start..tokens[first + size - 1].1.end,
                    whole: tokens[first].1.start..tokens[at - 1].1.end,
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
fn phrase(input: &Input<'_>) -> Option<Finding> {
    let output = tokens(input.output);
    let source = tokens(input.source);
    let most_in_source = counts(&source).values().copied().max().unwrap_or(0).max(PHRASE_LIMIT - 1);
    let counted = counts(&output);
    let (at, count) = output.windows(PHRASE).enumerate().find_map(|(at, window)| {
        let count = *counted.get(&key(window)).unwrap_or(&0);
        (count > most_in_source).then_some((at, count))
    })?;
    let span = output[at].1.start..output[at + PHRASE - 1].1.end;
    let message = format!("output repeats itself: {:?} stands {count} times", shorten(&input.output[span.clone()]));
    Some(Finding::new("repetition", Severity::Error, message).in_output(span))
}

/// The words of a window as one string.
fn key(window: &[(String, Range<usize>)]) -> String {
    window.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>().join(" ")
}

/// How often each phrase stands in a text. Looked up only, never walked for its order.
fn counts(tokens: &[(String, Range<usize>)]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for window in tokens.windows(PHRASE) {
        *counts.entry(key(window)).or_insert(0) += 1;
    }
    counts
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
            let first = (at - equal).saturating_sub(size);
            let span = chars[first].0..chars.get(at).map_or(input.output.len(), |&(place, _)| place);
            let unit: String = chars[first..first + size].iter().map(|&(_, c)| c).collect();
            let text = &input.output[span.clone()];
            // Rules of dashes and dots and long zeros are no loops; neither is what the source has.
            let wordy = unit.chars().any(char::is_alphabetic);
            if wordy && equal + size >= REPEATED_CHARACTERS.max(4 * size) && !input.source.contains(text) {
                let message = format!("output repeats itself: {unit:?} stands {} times in a row", equal / size + 1);
                return Some(Finding::new("repetition", Severity::Error, message).in_output(span));
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
