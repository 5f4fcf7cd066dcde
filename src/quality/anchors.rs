//! What a sentence and its translation have in common whatever the languages: figures, names by their consonants, words
//! left in Latin letters, question marks, and the notions of [`super::concepts`].
//!
//! Serves [`super::coverage`]: says which sentences of the other text an anchor is found in and how much that says for or
//! against the two being a pair. Judges nothing.

use super::concepts::{notions, shares};
use super::letters::{Script, script_of, words};
use super::sentences::Sentence;
use crate::language::Language;

/// Sentences of the other text, one bit each.
pub(super) type Mask = u128;

/// Something in one sentence that its translation most likely has too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor {
    /// The sentence that has it, by its index in its own text.
    pub(super) sentence: usize,
    /// The sentences of the other text in which it was found.
    pub(super) found: Mask,
    /// Logarithm of how much likelier the anchor is found in a translation than in any other sentence.
    pub(super) hit: f32,
    /// Logarithm of how much likelier it is not found in a translation than in any other sentence.
    pub(super) miss: f32,
}

/// Anchors of the source to be found in the output, and the other way round.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    pub(super) source: Vec<Anchor>,
    pub(super) output: Vec<Anchor>,
}

/// Hit and miss of an anchor that a translation has with probability `kept` and another sentence with `chance`.
fn weights(kept: f32, chance: f32) -> (f32, f32) {
    ((kept / chance).ln(), ((1.0 - kept) / (1.0 - chance)).ln())
}

/// What is looked for in one sentence.
#[derive(Debug, Default)]
struct Features {
    /// Figures without separators and without zeros at the end, which scales change.
    figures: Vec<u64>,
    /// Words in Latin letters, in lower case.
    latin: Vec<String>,
    /// Consonants of all words.
    skeletons: Vec<Skeleton>,
    /// Consonants of the words that are names by their capital letter, and whether they begin the sentence.
    names: Vec<(Skeleton, bool)>,
    /// Consonants of long words in small letters, which may be loans.
    cognates: Vec<Skeleton>,
    /// Rows of notions.
    notions: Vec<u16>,
    question: bool,
    quotation: bool,
    bracket: bool,
}

/// The anchors of two texts.
pub(super) fn anchors(source: &[Sentence<'_>], output: &[Sentence<'_>], languages: (Language, Language)) -> Anchors {
    let (from, to) = languages;
    let sources: Vec<Features> = source.iter().map(|sentence| features(sentence.text, from)).collect();
    let outputs: Vec<Features> = output.iter().map(|sentence| features(sentence.text, to)).collect();
    let mut found = Anchors { source: one_way(&sources, &outputs, languages), output: Vec::new() };
    // Korean has no capitals: its names are those of the other side.
    if from == Language::KO {
        for (sentence, features) in outputs.iter().enumerate() {
            names(features, sentence, &sources, &mut found.output);
        }
    }
    if !matches!(from, Language::KO | Language::UK) {
        for (sentence, features) in outputs.iter().enumerate() {
            latin(features, sentence, &sources, &mut found.output);
        }
    }
    found
}

fn one_way(sources: &[Features], outputs: &[Features], (from, to): (Language, Language)) -> Vec<Anchor> {
    // Korean counts in figures what the others count in words, and its stems are found in other words too.
    let korean = from == Language::KO;
    let small_figure = weights(if korean { 0.5 } else { 0.9 }, 0.06);
    let figure = weights(0.94, 0.045);
    let mut found = Vec::new();
    for (sentence, features) in sources.iter().enumerate() {
        for value in &features.figures {
            let (hit, miss) = if *value < 10 { small_figure } else { figure };
            let mask = mask(outputs, |other| other.figures.contains(value));
            found.push(Anchor { sentence, found: mask, hit, miss });
        }
        latin(features, sentence, outputs, &mut found);
        names(features, sentence, outputs, &mut found);
        for row in &features.notions {
            let Some((kept, chance)) = shares(*row, from, to) else { continue };
            // A stem that means something else more often than not says nothing.
            if kept <= chance {
                continue;
            }
            let (hit, miss) = weights(kept, chance);
            let mask = mask(outputs, |other| other.notions.binary_search(row).is_ok());
            found.push(Anchor { sentence, found: mask, hit, miss });
        }
        if features.question {
            let (hit, miss) = weights(0.93, 0.05);
            found.push(Anchor { sentence, found: mask(outputs, |other| other.question), hit, miss });
        }
        if features.quotation {
            let (hit, miss) = weights(0.85, 0.32);
            found.push(Anchor { sentence, found: mask(outputs, |other| other.quotation), hit, miss });
        }
        if features.bracket {
            let (hit, miss) = weights(if korean { 0.25 } else { 0.85 }, if korean { 0.05 } else { 0.12 });
            found.push(Anchor { sentence, found: mask(outputs, |other| other.bracket), hit, miss });
        }
        for skeleton in &features.cognates {
            let (hit, _) = weights(0.12, 0.022);
            let mask = mask(outputs, |other| other.skeletons.iter().any(|word| skeleton.is_in(*word)));
            found.push(Anchor { sentence, found: mask, hit, miss: 0.0 });
        }
    }
    found
}

/// Latin words that are found in the other text as they are; English words need not be, so they count where they are.
fn latin(features: &Features, sentence: usize, others: &[Features], found: &mut Vec<Anchor>) {
    for word in &features.latin {
        let mask = mask(others, |other| other.latin.contains(word));
        if mask != 0 {
            let (hit, miss) = weights(0.8, 0.1);
            found.push(Anchor { sentence, found: mask, hit, miss });
        }
    }
}

fn names(features: &Features, sentence: usize, others: &[Features], found: &mut Vec<Anchor>) {
    for (name, begins) in &features.names {
        let mask = mask(others, |other| other.skeletons.iter().any(|word| name.is_in(*word)));
        let ((hit, miss), begins) = match (name.length(), begins) {
            (0 | 1, _) | (2, true) => continue,
            (2, false) => (weights(0.75, 0.36), false),
            (3, false) => (weights(0.58, 0.13), false),
            (_, false) => (weights(0.5, 0.085), false),
            // The word that begins a sentence has a capital anyway.
            (3, true) => (weights(0.32, 0.1), true),
            (_, true) => (weights(0.25, 0.06), true),
        };
        let miss = if begins { 0.0 } else { miss };
        found.push(Anchor { sentence, found: mask, hit, miss });
    }
}

fn mask(others: &[Features], has: impl Fn(&Features) -> bool) -> Mask {
    others.iter().enumerate().filter(|(_, other)| has(other)).fold(0, |mask, (index, _)| mask | 1 << index)
}

fn features(text: &str, language: Language) -> Features {
    let mut features = Features {
        figures: figures(text),
        question: text.contains(['?', '？']),
        quotation: text.contains(['"', '“', '”', '«', '»', '„']),
        bracket: text.contains(['(', '（']),
        ..Features::default()
    };
    for (index, span) in words(text).into_iter().enumerate() {
        let word = &text[span];
        let lower = word.to_lowercase().replace(['’', 'ʼ'], "'");
        let first = word.chars().next().unwrap_or(' ');
        let script = script_of(first);
        let known = features.notions.len();
        notions(&lower, language, &mut features.notions);
        let known = features.notions.len() > known;
        let skeleton = Skeleton::of(&lower);
        // `Monday` and `Ukraine` are translated, not spelled.
        if !known && first.is_uppercase() && word.chars().count() >= 3 {
            features.names.push((skeleton, index == 0));
        }
        if first.is_lowercase() && skeleton.length() >= 5 {
            features.cognates.push(skeleton);
        }
        if skeleton.length() >= 2 {
            features.skeletons.push(skeleton);
        }
        if script == Some(Script::Latin) && lower.len() >= 2 {
            features.latin.push(lower);
        }
    }
    features.notions.sort_unstable();
    features.notions.dedup();
    features
}

/// The figures of a text: digits, with one separator between two of them, without zeros at the end.
fn figures(text: &str) -> Vec<u64> {
    let mut figures = Vec::new();
    let mut value: Option<u64> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c.to_digit(10), value) {
            (Some(digit), _) => value = Some(value.unwrap_or(0).wrapping_mul(10).wrapping_add(u64::from(digit))),
            (None, Some(_))
                if matches!(c, '.' | ',' | ' ' | '\u{a0}' | '\u{202f}')
                    && chars.peek().is_some_and(char::is_ascii_digit) => {}
            (None, Some(whole)) => {
                figures.push(whole);
                value = None;
            }
            (None, None) => {}
        }
    }
    figures.extend(value);
    for figure in &mut figures {
        while *figure >= 10 && *figure % 10 == 0 {
            *figure /= 10;
        }
    }
    figures.sort_unstable();
    figures.dedup();
    figures
}

/// The consonants of a word in seven classes, four bits each, the first in the lowest bits: what transliteration keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Skeleton(u64);

const LIPS: u64 = 1;
const TEETH: u64 = 2;
const THROAT: u64 = 3;
const HISS: u64 = 4;
const LIQUID: u64 = 5;
const M: u64 = 6;
const N: u64 = 7;

impl Skeleton {
    /// The consonants of a word in lower case.
    fn of(word: &str) -> Skeleton {
        let mut skeleton = Skeleton(0);
        let mut chars = word.chars().peekable();
        while let Some(c) = chars.next() {
            let next = chars.peek().copied().unwrap_or(' ');
            match c as u32 {
                0xAC00..=0xD7A3 => skeleton.syllable(c as u32 - 0xAC00),
                _ => skeleton.push(match c {
                    'b' | 'p' | 'f' | 'v' | 'б' | 'п' | 'ф' | 'в' => LIPS,
                    'c' | 'g' if matches!(next, 'e' | 'i' | 'y' | 'h') => HISS,
                    'k' | 'g' | 'c' | 'q' | 'x' | 'к' | 'г' | 'ґ' | 'х' => THROAT,
                    'd' | 'д' if matches!(next, 'ж' | 'з' | 'j') => 0,
                    't' if next == 'c' => 0,
                    't' | 'd' | 'т' | 'д' => TEETH,
                    's' | 'z' | 'j' | 'с' | 'з' | 'ц' | 'ч' | 'ш' | 'щ' | 'ж' => HISS,
                    'l' | 'r' | 'л' | 'р' => LIQUID,
                    'm' | 'м' => M,
                    'n' | 'н' => N,
                    _ => 0,
                }),
            }
        }
        skeleton
    }

    /// Adds a class; one that repeats the last is written once.
    fn push(&mut self, class: u64) {
        let length = self.length();
        if class == 0 || length >= 15 || length > 0 && self.0 >> (4 * (length - 1)) == class {
            return;
        }
        self.0 |= class << (4 * length);
    }

    /// Adds the consonants of a syllable of Hangul by its index.
    fn syllable(&mut self, index: u32) {
        const INITIALS: [u64; 19] = [3, 3, 7, 2, 2, 5, 6, 1, 1, 4, 4, 0, 4, 4, 4, 3, 2, 1, 0];
        const FINALS: [u64; 28] = [0, 3, 3, 3, 7, 7, 7, 2, 5, 3, 6, 5, 5, 5, 5, 5, 6, 1, 1, 4, 4, 7, 4, 4, 3, 2, 1, 0];
        self.push(INITIALS[(index / 588) as usize]);
        self.push(FINALS[(index % 28) as usize]);
    }

    fn length(self) -> u32 {
        (64 - self.0.leading_zeros()).div_ceil(4)
    }

    /// Whether a word begins with these consonants; of long names the last may differ, as endings do.
    fn is_in(self, word: Skeleton) -> bool {
        let length = self.length();
        let compared = if length >= 5 { length - 1 } else { length };
        (self.0 ^ word.0) & ((1 << (4 * compared)) - 1) == 0 && word.length() <= length + 4
    }
}

#[cfg(test)]
mod tests {
    use super::{Skeleton, anchors, figures};
    use crate::language::Language;
    use crate::quality::sentences::sentences;

    #[test]
    fn figures_lose_separators_and_zeros() {
        assert_eq!(figures("1,200 трамваїв, 62.5 % and 1 200 000; 7"), [7, 12, 625]);
        assert_eq!(figures("1.200만"), [12]);
        assert_eq!(figures(&"9".repeat(60)).len(), 1);
    }

    #[test]
    fn names_keep_their_consonants() {
        let is_in = |name: &str, word: &str| Skeleton::of(name).is_in(Skeleton::of(word));
        assert!(is_in("toronto", "토론토에서"));
        assert!(is_in("sereda", "середою"));
        assert!(is_in("zelensky", "зеленського"));
        assert!(is_in("lamont", "라몬트가"));
        assert!(!is_in("toronto", "부산에서"));
        assert_eq!(Skeleton::of("").length(), 0);
    }

    #[test]
    fn anchors_say_where_they_were_found() {
        let source = sentences("Lt. Col. Sereda spoke. The trucks brought 62 tonnes.", Language::EN);
        let output = sentences("Підполковник Середа виступив. Вантажівки привезли 62 тонни.", Language::UK);
        let found = anchors(&source, &output, (Language::EN, Language::UK)).source;
        assert!(found.iter().any(|anchor| anchor.sentence == 0 && anchor.found == 0b01));
        assert!(found.iter().any(|anchor| anchor.sentence == 1 && anchor.found == 0b10));
        assert!(found.iter().all(|anchor| anchor.hit > 0.0 && anchor.miss <= 0.0));
    }
}
