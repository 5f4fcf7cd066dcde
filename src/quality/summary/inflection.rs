//! Whether a word stands in a text in any of its forms, by stems: no dictionary, no morphology beyond endings.
//!
//! A word has several keys, one for each ending it may have; two words are taken for forms of one if they share a key.
//! Too much is taken for the same rather than too little: this serves to say that a word is *not* in an article.

use super::tokens;
use crate::language::Language;
use std::collections::BTreeSet;

/// Endings of Ukrainian nouns and adjectives in all cases; all that fit are tried.
#[rustfmt::skip]
const UKRAINIAN_ENDINGS: &[&str] = &[
    "", "а", "я", "у", "ю", "і", "ї", "о", "е", "є", "и", "ь", "й", "ою", "ею", "єю", "ом", "ем", "єм", "ові", "еві",
    "єві", "ам", "ям", "ами", "ями", "ах", "ях", "ів", "їв", "ей", "ій", "їй", "ію", "ії", "ого", "ього", "ому", "ьому",
    "им", "ім", "їм", "ої", "ьої", "ьою", "ий", "ими", "іми", "їми", "их", "іх", "їх", "ню", "ям", "ин", "ина", "ину",
];

/// Endings of English names and what is made of them: Ukraine, Ukrainians; Korea, Korean; Seoul's.
#[rustfmt::skip]
const ENGLISH_ENDINGS: &[&str] = &[
    "", "s", "es", "n", "ns", "an", "ans", "ian", "ians", "ean", "ese", "i", "is", "ish", "ic", "ics", "e", "a", "ia", "y",
];

/// The words of a text, to be asked for others.
pub(super) struct Forms {
    language: Language,
    keys: BTreeSet<String>,
    /// Words that a full stop may have cut: Feb., Prof., обл.
    cut: Vec<String>,
    /// First letters of all words in order, for acronyms; and those that are no small words of names ("Bank of Korea").
    initials: [String; 2],
    folded: String,
}

impl Forms {
    /// The words of a text in a language.
    pub(super) fn of(text: &str, language: Language) -> Forms {
        let mut keys = BTreeSet::new();
        let mut cut = Vec::new();
        let mut initials = [String::new(), String::new()];
        for range in tokens(text) {
            let word = &text[range.clone()];
            let lower = word.to_lowercase();
            if text[range.end..].starts_with('.') && (3..=5).contains(&word.chars().count()) {
                cut.push(lower.clone());
            }
            if let Some(first) = lower.chars().next() {
                initials[0].push(first);
                if lower.chars().count() > 3 || word.chars().next().is_some_and(char::is_uppercase) {
                    initials[1].push(first);
                }
            }
            for part in std::iter::once(word).chain(word.split(['-', '‑']).filter(|part| part.len() < word.len())) {
                keys.extend(self::keys(part, language));
            }
        }
        Forms { language, keys, cut, initials, folded: super::folded(text) }
    }

    /// Whether the text has a word in any form, spelled out or abbreviated.
    pub(super) fn have(&self, word: &str) -> bool {
        if self.language == Language::KO {
            // Particles stand behind a word without a space, so any place is one.
            return self.folded.contains(&super::folded(word));
        }
        let known = |part: &str| keys(part, self.language).iter().any(|key| self.keys.contains(key));
        let lower = word.to_lowercase();
        known(word)
            || word.contains(['-', '‑']) && word.split(['-', '‑']).filter(|part| !part.is_empty()).all(known)
            || self.cut.iter().any(|cut| lower.starts_with(cut.as_str()))
            || is_acronym(word) && self.initials.iter().any(|initials| initials.contains(&lower))
    }
}

/// Two to five capitals.
pub(super) fn is_acronym(word: &str) -> bool {
    (2..=5).contains(&word.chars().count()) && word.chars().all(char::is_uppercase)
}

/// What a word has in common with its other forms.
fn keys(word: &str, language: Language) -> Vec<String> {
    let lower: String = word
        .to_lowercase()
        .chars()
        .filter(|c| !matches!(c, '\'' | '’' | 'ʼ' | '\u{301}'))
        .map(|c| if c == 'ґ' { 'г' } else { c })
        .collect();
    let mut keys = match language {
        Language::UK => ukrainian(&lower),
        Language::EN => english(&lower),
        _ => Vec::new(),
    };
    keys.push(lower);
    keys
}

/// A key is at least so long, so that short words have no keys in common.
const SHORTEST_STEM: usize = 3;

fn english(lower: &str) -> Vec<String> {
    let stems = ENGLISH_ENDINGS.iter().filter_map(|ending| lower.strip_suffix(ending));
    stems.filter(|stem| stem.chars().count() > SHORTEST_STEM).map(|stem| format!("={stem}")).collect()
}

fn ukrainian(lower: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for stem in UKRAINIAN_ENDINGS.iter().filter_map(|ending| lower.strip_suffix(ending)) {
        if stem.chars().count() < SHORTEST_STEM {
            continue;
        }
        keys.push(format!("={}", skeleton(stem)));
        // Львів, львівський, Львівщина; Одеса, одеський; Прага, празький.
        for made in ["ськ", "ьк", "щин", "янин", "івк"] {
            if let Some(stem) = stem.strip_suffix(made).filter(|stem| stem.chars().count() >= SHORTEST_STEM) {
                keys.push(format!("={}", skeleton(stem)));
            }
        }
    }
    keys
}

/// A stem without what changes in it: vowels that alternate or fall out before its last consonants (Львів, Львова;
/// Донець, Донця), consonants that soften (Прага, Празі), double consonants (Запоріжжя, запорізький).
fn skeleton(stem: &str) -> String {
    let mut letters: Vec<char> = stem.trim_end_matches(['ь', 'й']).chars().collect();
    letters.dedup();
    let is_vowel = |c: char| "аеєиіїоуюя".contains(c);
    if let Some(last) = letters.last_mut() {
        *last = match *last {
            'з' | 'ж' => 'г',
            'ц' | 'ч' => 'к',
            'с' | 'ш' => 'х',
            other => other,
        };
    }
    if letters.last().is_some_and(|&c| !is_vowel(c))
        && let Some(at) = letters.iter().rposition(|&c| is_vowel(c))
        && at > 0
        && matches!(letters[at], 'і' | 'ї' | 'о' | 'е' | 'є')
    {
        letters.remove(at);
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: Language, text: &str, word: &str, expected: bool) {
        assert_eq!(Forms::of(text, language).have(word), expected, "{word} in {text}");
    }

    #[test]
    fn ukrainian_cases_are_one_word() {
        for (text, word) in [
            ("у Львові", "Львів"),
            ("до Києва", "Київ"),
            ("під Оріховом", "Оріхів"),
            ("з Тернополя", "Тернопіль"),
            ("на Донеччині, біля Дінця", "Донеччина"),
            ("Павлові Кривенчуку", "Павло"),
            ("Павлові Кривенчуку", "Кривенчук"),
            ("Ірини Мацелюх", "Ірина"),
            ("Юрієм Саламахою", "Юрій"),
            ("Саламасі", "Саламаха"),
            ("Наталії", "Наталія"),
            ("у Празі", "Прага"),
            ("у Запоріжжі", "Запоріжжя"),
            ("запорізький завод", "Запоріжжя"),
            ("одеський порт", "Одеса"),
            ("на Львівщині", "Львів"),
            ("Україною", "України"),
            ("Зеленського", "Зеленський"),
            ("Мар’яни", "Марʼяна"),
            ("Бойчишиним", "Бойчишин"),
            ("Збройні сили України", "ЗСУ"),
            ("Івано-Франківська", "Івано-Франківськ"),
            ("у Кам’янці-Подільському", "Кам’янець-Подільський"),
        ] {
            check(Language::UK, text, word, true);
        }
    }

    #[test]
    fn other_ukrainian_names_are_others() {
        for (text, word) in [
            ("Павлові Кривенчуку", "Петро"),
            ("Кривенчук", "Кривенко"),
            ("Іван", "Іванович"),
            ("Мацелюх", "Мацюк"),
            ("у Львові", "Луцьк"),
            ("у Харкові", "Херсон"),
            ("Оксана", "Олена"),
        ] {
            check(Language::UK, text, word, false);
        }
    }

    #[test]
    fn english_forms_and_abbreviations_are_one_word() {
        for (text, word) in [
            ("Ukraine's army", "Ukrainian"),
            ("South Korea", "Koreans"),
            ("the Carpathian range", "Carpathians"),
            ("since Feb. 27", "February"),
            ("Prof. Aldermoor", "Professor"),
            ("the European Union", "EU"),
            ("the Bank of Korea", "BK"),
            ("a Seoul-based firm", "Seoul"),
        ] {
            check(Language::EN, text, word, true);
        }
        for (text, word) in [("Sereda", "Seredenko"), ("Hanna", "Anna"), ("Monday", "Tuesday"), ("Marsh", "Mary")] {
            check(Language::EN, text, word, false);
        }
    }

    #[test]
    fn korean_words_are_found_with_their_particles() {
        check(Language::KO, "구태인 부사장은", "구태인", true);
        check(Language::KO, "구태인 부사장은", "구태민", false);
    }
}
