//! Finds the translation of a phrase in the translation of its sentence.
//!
//! A phrase that was translated by itself comes back with other endings than in its sentence ("старий пором" beside
//! "старого порома"), sometimes with other words around it. What is looked for is the run of words that is most like it;
//! words are alike that begin alike.

use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Phrases of more words are not looked for: by itself so long a text is another translation.
pub(in super::super) const MOST_WORDS: usize = 12;
/// Harmonic mean of the part of the phrase that is found and the part of the run that belongs to it, from which on the run is
/// the phrase.
const ENOUGH: f64 = 0.6;
/// Words of a run beyond those of the phrase.
const MORE_WORDS: usize = 2;

/// The words of `output` among which the phrase is, by their indices in `words`; `free` says which may be taken and
/// `wanted` near which word it is expected.
pub(super) fn find(
    phrase: &str,
    output: &str,
    words: &[Range<usize>],
    free: impl Fn(usize) -> bool,
    wanted: usize,
) -> Option<Range<usize>> {
    let phrase: Vec<String> = phrase.unicode_words().map(bare).take(MOST_WORDS + 1).collect();
    if phrase.is_empty() || phrase.len() > MOST_WORDS {
        return None;
    }
    let whole: f64 = phrase.iter().map(|word| weight(word)).sum();
    let output: Vec<String> = words.iter().map(|range| bare(&output[range.clone()])).collect();
    // Likeness of each word of the output to each of the phrase.
    let alike: Vec<Vec<f64>> =
        output.iter().map(|word| phrase.iter().map(|other| likeness(word, other)).collect()).collect();
    let mut best: Option<(f64, usize, Range<usize>)> = None;
    for start in 0..output.len() {
        let mut used = vec![false; phrase.len()];
        let (mut found, mut own, mut run) = (0.0, 0.0, 0.0);
        for end in start..output.len().min(start + phrase.len() + MORE_WORDS) {
            if !free(end) {
                break;
            }
            run += weight(&output[end]);
            let other = (0..phrase.len())
                .filter(|other| !used[*other] && alike[end][*other] > 0.0)
                .max_by(|a, b| alike[end][*a].total_cmp(&alike[end][*b]));
            let Some(other) = other else {
                if end == start {
                    break;
                }
                continue;
            };
            used[other] = true;
            found += weight(&phrase[other]) * alike[end][other];
            own += weight(&output[end]) * alike[end][other];
            let (recall, precision) = (found / whole, own / run);
            let score = 2.0 * recall * precision / (recall + precision);
            let distance = start.abs_diff(wanted);
            let better = best
                .as_ref()
                .is_none_or(|(other, far, _)| score > other + 1e-9 || (score - other).abs() <= 1e-9 && distance < *far);
            if better {
                best = Some((score, distance, start..end + 1));
            }
        }
    }
    best.filter(|(score, ..)| *score >= ENOUGH).map(|(.., range)| range)
}

/// A word in small letters without an article that leans on it ("l'hôpital", "d'eau").
fn bare(word: &str) -> String {
    let lower = word.to_lowercase();
    match lower.split_once(['\'', '’']) {
        Some((lead, rest)) if lead.chars().count() <= 2 && rest.chars().count() > 2 => rest.to_string(),
        _ => lower,
    }
}

/// Longer words say more; a syllable of Korean is worth two letters.
fn weight(word: &str) -> f64 {
    word.chars().map(|c| if is_hangul(c) { 2.0 } else { 1.0 }).sum()
}

fn is_hangul(c: char) -> bool {
    matches!(c as u32, 0xAC00..=0xD7A3)
}

/// 1 for the same word, less for words that begin alike, 0 for others.
fn likeness(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let longer = a.chars().count().max(b.chars().count());
    let shared: f64 = a.chars().take(same).map(|c| if is_hangul(c) { 2.0 } else { 1.0 }).sum();
    let named = a.chars().any(|c| c.is_ascii_digit()) || b.chars().any(|c| c.is_ascii_digit());
    // Numbers that begin alike are other numbers.
    if named || shared < 3.0 || same * 2 < longer {
        return 0.0;
    }
    // An ending is a small difference.
    0.5 + 0.5 * same as f64 / longer as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'o>(phrase: &str, output: &'o str) -> Option<&'o str> {
        let words: Vec<Range<usize>> = output.unicode_word_indices().map(|(at, word)| at..at + word.len()).collect();
        let range = find(phrase, output, &words, |_| true, 0)?;
        Some(&output[words[range.start].start..words[range.end - 1].end])
    }

    #[test]
    fn a_phrase_is_found_with_other_endings_and_in_another_place() {
        assert_eq!(found("старий пором", "Учора зняли з рейсу старого порома."), Some("старого порома"));
        assert_eq!(found("the old ferry", "Yesterday the old ferry was taken out."), Some("the old ferry"));
        assert_eq!(found("낡은 여객선", "어제 낡은 여객선이 멈췄다."), Some("낡은 여객선이"));
        assert_eq!(
            found("Hôpital régional", "Les médecins de l'hôpital régional ont soigné"),
            Some("l'hôpital régional")
        );
        assert_eq!(found("le pont fermé", "Hier, la police a rouvert le pont fermé lundi."), Some("le pont fermé"));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(found("нова лікарня", "Учора зняли з рейсу старого порома."), None);
        assert_eq!(found("1 250 людей", "На площі було 1 300 осіб."), None);
        assert_eq!(found("", "На площі було 1 300 осіб."), None);
    }

    #[test]
    fn the_nearer_of_two_is_meant() {
        let output = "Міст закрито, а старий міст відкрито.";
        let words: Vec<Range<usize>> = output.unicode_word_indices().map(|(at, word)| at..at + word.len()).collect();
        assert_eq!(find("міст", output, &words, |_| true, 0), Some(0..1));
        assert_eq!(find("міст", output, &words, |_| true, 4), Some(4..5));
        assert_eq!(find("міст", output, &words, |word| word != 0, 0), Some(4..5));
    }
}
