//! Pairs the paragraphs of a source with those of its translation, whoever made it: most are one to one, some were joined or
//! parted, and some are missing on one side, which is what a reader has to know.
//!
//! A path of least cost through both lists (Gale and Church, "A program for aligning sentences in bilingual corpora",
//! 1993): the cost of a pair is how unusual its lengths are, less what both sides share letter for letter (figures, Latin
//! words, addresses). Judges no content.

use std::ops::Range;

use super::length;
use crate::language::Language;

/// Paragraphs that belong together; one side is empty where the other has no counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paired {
    /// Indices of source paragraphs.
    pub source: Range<usize>,
    /// Indices of output paragraphs.
    pub output: Range<usize>,
}

/// Cost of a paragraph without a counterpart.
const ALONE: f32 = 9.0;
/// Cost of joining two paragraphs, beside that of their length; above that of a lost one, so that a short paragraph
/// that is gone is not taken for a part of its neighbour.
const JOINED: f32 = 10.0;
/// Most that unusual lengths cost: beyond it they say no more.
const MOST_FOR_LENGTH: f32 = 14.0;
/// What a word that both sides share takes off, and at most.
const SHARED: f32 = 2.5;
const MOST_FOR_SHARED: f32 = 10.0;
/// How far from the straight way the path may go, beside the difference of the counts: more would take time with the
/// square of the length.
const BAND: usize = 64;

/// Files whose lengths differ so much that a path would take gigabytes are paired by number.
const MOST_CELLS: usize = 20_000_000;

/// The kinds of steps: paragraphs of the source, paragraphs of the output, cost of the kind.
const STEPS: [(usize, usize, f32); 5] = [(1, 1, 0.0), (1, 0, ALONE), (0, 1, ALONE), (2, 1, JOINED), (1, 2, JOINED)];

/// A paragraph as the pairing sees it.
struct Paragraph {
    characters: usize,
    /// Hashes of what is the same in any language, sorted.
    marks: Vec<u64>,
}

/// Pairs paragraphs in order; together the pairs hold every paragraph of both sides once.
pub fn pair_paragraphs(source: &[&str], output: &[&str], (from, to): (Language, Language)) -> Vec<Paired> {
    let (left, right) = (paragraphs(source, from), paragraphs(output, to));
    let most = left.len().max(right.len()) * (left.len().abs_diff(right.len()) + BAND);
    if most > MOST_CELLS {
        return by_number(left.len(), right.len());
    }
    let (rows, columns) = (left.len() + 1, right.len() + 1);
    // The path stays near the diagonal.
    let reach = BAND + rows.abs_diff(columns);
    let column_of = |row: usize| row * right.len() / left.len().max(1);
    let first = |row: usize| column_of(row).saturating_sub(reach);
    let width = (2 * reach + 1).min(columns);
    let mut best: Vec<(f32, usize)> = vec![(f32::INFINITY, 0); rows * width];
    let at = |row: usize, column: usize| {
        (column >= first(row) && column - first(row) < width && column < columns)
            .then(|| row * width + column - first(row))
    };
    if let Some(start) = at(0, 0) {
        best[start].0 = 0.0;
    }
    for row in 0..rows {
        for column in first(row)..(first(row) + width).min(columns) {
            let Some(here) = at(row, column) else { continue };
            for (kind, &(up, across, cost)) in STEPS.iter().enumerate() {
                let (Some(before_row), Some(before_column)) = (row.checked_sub(up), column.checked_sub(across)) else {
                    continue;
                };
                let Some(before) = at(before_row, before_column).map(|index| best[index].0).filter(|b| b.is_finite())
                else {
                    continue;
                };
                let pair = if up > 0 && across > 0 {
                    match_cost(&left[before_row..row], &right[before_column..column], (from, to))
                } else {
                    0.0
                };
                let total = before + cost + pair;
                if total < best[here].0 {
                    best[here] = (total, kind);
                }
            }
        }
    }
    let mut found = Vec::new();
    let (mut row, mut column) = (left.len(), right.len());
    while row > 0 || column > 0 {
        let kind = at(row, column).map_or(0, |index| best[index].1);
        let (up, across, _) = STEPS[kind];
        let (up, across) = (up.min(row), across.min(column));
        found.push(Paired { source: row - up..row, output: column - across..column });
        row -= up;
        column -= across;
    }
    found.reverse();
    found
}

/// Pairs by number; what is left of the longer side has no counterpart.
fn by_number(source: usize, output: usize) -> Vec<Paired> {
    let of = |count: usize, at: usize| at.min(count)..(at + 1).min(count);
    (0..source.max(output)).map(|at| Paired { source: of(source, at), output: of(output, at) }).collect()
}

fn paragraphs(texts: &[&str], language: Language) -> Vec<Paragraph> {
    texts.iter().map(|text| Paragraph { characters: length::characters(text, language), marks: marks(text) }).collect()
}

/// Figures of two digits and more and Latin words with a capital.
fn marks(text: &str) -> Vec<u64> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let tells = |word: &str| {
        word.len() >= 2
            && (word.bytes().all(|b| b.is_ascii_digit())
                || word.len() >= 3 && word.bytes().any(|b| b.is_ascii_uppercase()))
    };
    let mut found: Vec<u64> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| tells(word))
        .map(|word| {
            let mut hasher = DefaultHasher::new();
            word.hash(&mut hasher);
            hasher.finish()
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn match_cost(left: &[Paragraph], right: &[Paragraph], direction: (Language, Language)) -> f32 {
    let sum = |side: &[Paragraph]| side.iter().map(|paragraph| paragraph.characters).sum::<usize>();
    let deviation = length::direction(direction.0, direction.1).deviation(sum(left) as f32, sum(right) as f32);
    let shared = left
        .iter()
        .flat_map(|paragraph| &paragraph.marks)
        .filter(|mark| right.iter().any(|paragraph| paragraph.marks.binary_search(mark).is_ok()))
        .count();
    (deviation * deviation / 2.0).min(MOST_FOR_LENGTH) - (SHARED * shared as f32).min(MOST_FOR_SHARED)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::pair_paragraphs;
    use crate::language::Language;

    const EN: [&str; 4] = [
        "The road to the harbour was closed at noon after two trucks had been hit on the bridge.",
        "Nobody was hurt.",
        "The convoy of 31 trucks turned back to the depot and will try again on Monday, its leader said.",
        "Meridian Wire could not reach the town council before this report was finished.",
    ];
    const UK: [&str; 4] = [
        "Дорогу до порту перекрили опівдні, після того як на мосту влучили у дві вантажівки.",
        "Ніхто не постраждав.",
        "Колона з 31 вантажівки повернулася на склад і спробує знову в понеділок, сказав її керівник.",
        "До міської ради Meridian Wire до завершення цього матеріалу не додзвонилася.",
    ];

    fn check(source: &[&str], output: &[&str], expected: &[(usize, usize)]) {
        let found = pair_paragraphs(source, output, (Language::EN, Language::UK));
        let counts: Vec<(usize, usize)> = found.iter().map(|pair| (pair.source.len(), pair.output.len())).collect();
        assert_eq!(counts, expected);
    }

    #[test]
    fn whole_translations_are_one_to_one() {
        check(&EN, &UK, &[(1, 1); 4]);
        check(&[], &[], &[]);
    }

    #[test]
    fn a_lost_paragraph_has_no_counterpart() {
        check(&EN, &[UK[0], UK[1], UK[3]], &[(1, 1), (1, 1), (1, 0), (1, 1)]);
        check(&EN, &UK[..2], &[(1, 1), (1, 1), (1, 0), (1, 0)]);
        check(&EN, &[], &[(1, 0); 4]);
        check(&EN[2..], &UK, &[(0, 1), (0, 1), (1, 1), (1, 1)]);
    }

    #[test]
    fn files_of_very_different_length_are_paired_by_number() {
        let found = pair_paragraphs(&vec!["one"; 30_000], &["один"; 2], (Language::EN, Language::UK));
        assert_eq!(found.len(), 30_000);
        assert_eq!((found[1].output.clone(), found[2].output.is_empty()), (1..2, true));
    }

    #[test]
    fn joined_paragraphs_stay_together() {
        let joined = format!("{} {}", UK[2], UK[3]);
        check(&EN, &[UK[0], UK[1], &joined], &[(1, 1), (1, 1), (2, 1)]);
    }

    proptest! {
        #[test]
        fn every_paragraph_is_in_one_pair(
            source in proptest::collection::vec("[a-zA-Z0-9 ]{0,60}", 0..12),
            output in proptest::collection::vec("[а-я0-9 ]{0,60}", 0..12),
        ) {
            let source: Vec<&str> = source.iter().map(String::as_str).collect();
            let output: Vec<&str> = output.iter().map(String::as_str).collect();
            let found = pair_paragraphs(&source, &output, (Language::EN, Language::UK));
            let (mut row, mut column) = (0, 0);
            for pair in &found {
                prop_assert_eq!((pair.source.start, pair.output.start), (row, column));
                (row, column) = (pair.source.end, pair.output.end);
            }
            prop_assert_eq!((row, column), (source.len(), output.len()));
        }
    }
}
