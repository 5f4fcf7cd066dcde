//! Everyday words of news in three languages, so that a sentence and its translation can be recognized as a pair.
//!
//! Serves [`super::anchors`]; translates nothing and judges nothing. A row is one notion: stems in English, Ukrainian and
//! Korean. A stem is the beginning of a word, a whole word where it ends in `$`, or two and more syllables anywhere in a
//! Korean word. Translators often say it otherwise, and stems are ambiguous, so a row also says, direction by direction, how
//! often a translation has the notion and how often another sentence of the text does: [`shares`]. `tools/fit_notions.py`
//! writes those columns.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::language::Language;

/// Longest stem, in characters.
const LONGEST: usize = 12;

/// English to Ukrainian and Korean, Ukrainian to English and Korean, Korean to English and Ukrainian.
const DIRECTIONS: usize = 6;

/// How much more often a notion stands in the next sentence than in the next but one.
const NEARER: f32 = 0.03;

const NOTIONS: &str = include_str!("notions.tsv");

/// Stems of a language and the rows they stand in.
type Stems = HashMap<&'static str, Vec<u16>>;

fn stems(language: Language) -> Option<&'static Stems> {
    static TABLES: [OnceLock<Stems>; 3] = [OnceLock::new(), OnceLock::new(), OnceLock::new()];
    let column = match language {
        Language::EN => 0,
        Language::UK => 1,
        Language::KO => 2,
        _ => return None,
    };
    Some(TABLES[column].get_or_init(|| {
        let mut stems = Stems::new();
        for (row, line) in (0u16..).zip(NOTIONS.lines().filter(|line| !line.starts_with('#'))) {
            for stem in line.split('\t').nth(column).unwrap_or_default().split_whitespace() {
                stems.entry(stem).or_default().push(row);
            }
        }
        stems
    }))
}

/// How often a translation has a notion of the source, and how often a neighbour of the translation does: both in 0–1.
/// Nothing for directions and rows that are not in the table.
pub(super) fn shares(row: u16, from: Language, to: Language) -> Option<(f32, f32)> {
    static TABLE: OnceLock<Vec<[(f32, f32); DIRECTIONS]>> = OnceLock::new();
    let direction = match (from, to) {
        (Language::EN, Language::UK) => 0,
        (Language::EN, Language::KO) => 1,
        (Language::UK, Language::EN) => 2,
        (Language::UK, Language::KO) => 3,
        (Language::KO, Language::EN) => 4,
        (Language::KO, Language::UK) => 5,
        _ => return None,
    };
    let table = TABLE.get_or_init(|| {
        let digit = |column: Option<&str>, at: usize| {
            column
                .and_then(|digits| digits.as_bytes().get(at))
                .map_or(0.0, |digit| f32::from(digit.saturating_sub(b'0')))
        };
        let rows = NOTIONS.lines().filter(|line| !line.starts_with('#'));
        rows.map(|line| {
            let mut columns = line.split('\t').skip(3);
            let (kept, chance) = (columns.next(), columns.next());
            // The middle of the step a digit stands for; and neighbours have more in common than the next line but one,
            // from which the table is.
            std::array::from_fn(|at| (0.05 + 0.1 * digit(kept, at), 0.01 + 0.02 * digit(chance, at) + NEARER))
        })
        .collect()
    });
    table.get(usize::from(row)).map(|row| row[direction])
}

/// Adds the notions of a word in lower case to `found`.
pub(super) fn notions(word: &str, language: Language, found: &mut Vec<u16>) {
    let Some(stems) = stems(language) else { return };
    let ends = || word.char_indices().map(|(at, c)| at + c.len_utf8());
    if language == Language::KO {
        for (start, _) in word.char_indices() {
            for end in ends().filter(|&end| end > start).take(5) {
                found.extend(stems.get(&word[start..end]).into_iter().flatten());
            }
        }
        return;
    }
    for end in ends().take(LONGEST).skip(1) {
        found.extend(stems.get(&word[..end]).into_iter().flatten());
    }
    if word.len() <= 2 * LONGEST {
        let mut whole = [0u8; 2 * LONGEST + 1];
        whole[..word.len()].copy_from_slice(word.as_bytes());
        whole[word.len()] = b'$';
        if let Ok(whole) = std::str::from_utf8(&whole[..=word.len()]) {
            found.extend(stems.get(whole).into_iter().flatten());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{DIRECTIONS, NOTIONS, notions, shares};
    use crate::language::Language;

    fn of(word: &str, language: Language) -> Vec<u16> {
        let mut found = Vec::new();
        notions(word, language, &mut found);
        found
    }

    #[test]
    fn a_word_and_its_translations_share_a_notion() {
        for (en, uk, ko) in [
            ("government", "урядом", "정부는"),
            ("elections", "виборів", "선거에서"),
            ("monday", "понеділка", "월요일에"),
        ] {
            let shared = |word: &str, language| of(word, language).iter().any(|row| of(en, Language::EN).contains(row));
            assert!(shared(uk, Language::UK) && shared(ko, Language::KO), "{en}");
        }
        assert!(of("xylophone", Language::EN).is_empty());
    }

    #[test]
    fn a_notion_says_more_where_it_is_kept_more_often_than_found_by_chance() {
        let row = of("hotel", Language::EN)[0];
        let (kept, chance) = shares(row, Language::EN, Language::UK).unwrap();
        assert!(kept > 0.5 && chance < 0.3);
        assert_eq!(shares(row, Language::EN, Language::EN), None);
        assert_eq!(shares(u16::MAX, Language::EN, Language::UK), None);
    }

    #[test]
    fn every_row_has_three_columns_of_stems_and_two_of_digits() {
        for row in NOTIONS.lines().filter(|row| !row.starts_with('#')) {
            let columns: Vec<&str> = row.split('\t').collect();
            assert_eq!(columns.len(), 5, "{row}");
            assert!(columns[..3].iter().all(|column| column.split_whitespace().count() > 0), "{row}");
            let digits =
                |column: &str| column.len() == DIRECTIONS && column.bytes().all(|digit| digit.is_ascii_digit());
            assert!(digits(columns[3]) && digits(columns[4]), "{row}");
        }
    }
}
