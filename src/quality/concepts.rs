//! Everyday words of news in three languages, so that a sentence and its translation can be recognized as a pair.
//!
//! Serves [`super::anchors`]; translates nothing and judges nothing. A row is one notion: stems in English, Ukrainian and
//! Korean. A stem is the beginning of a word, a whole word where it ends in `$`, or two and more syllables anywhere in a
//! Korean word. Translators often say it otherwise, so a notion that is missing proves nothing by itself.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::language::Language;

/// Longest stem, in characters.
const LONGEST: usize = 12;

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
    use super::{NOTIONS, notions};
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
    fn every_row_has_three_columns_and_no_stem_is_empty() {
        for row in NOTIONS.lines().filter(|row| !row.starts_with('#')) {
            let columns: Vec<&str> = row.split('\t').collect();
            assert_eq!(columns.len(), 3, "{row}");
            assert!(columns.iter().all(|column| column.split_whitespace().count() > 0), "{row}");
        }
    }
}
