//! Checks that the output as a whole is in the language that was asked for: by script first, then by the letters and
//! the small words that tell languages of one script apart. Single words are the business of `script`.

use super::letters::{Counts, Script, is_mark, script_for, script_of, words};
use super::{Finding, Input, Severity};
use crate::language::Language;

/// Below this share of the target's own script an output is in another language.
const LEAST_SHARE: f32 = 0.5;
/// An output with less weight than this is too short to judge.
const LEAST_WEIGHT: f32 = 8.0;

/// Words that hardly any English sentence of eight words is without.
#[rustfmt::skip]
const ENGLISH: &[&str] = &[
    "the", "of", "and", "to", "in", "a", "is", "that", "for", "it", "was", "on", "are", "as", "with", "his", "they",
    "at", "be", "this", "from", "have", "or", "by", "had", "not", "but", "what", "all", "were", "when", "your", "can",
    "an", "there", "which", "their", "if", "will", "has", "been", "its", "he", "she", "we", "you", "i", "who", "no",
    "than", "into", "after", "about", "up", "out", "over", "more", "her", "him", "my", "our", "would", "could", "do",
];

/// Words that are Russian and not Ukrainian, without the letters that Ukrainian lacks.
#[rustfmt::skip]
const RUSSIAN: &[&str] = &[
    "и", "что", "как", "это", "его", "или", "если", "когда", "из", "был", "была", "было", "были", "также", "только",
    "может", "после", "более", "со", "который", "которая", "которые", "нет", "она", "они", "оно", "где", "есть",
    "чтобы", "сейчас", "очень", "год", "года", "лет", "человек", "время", "под", "еще", "ей",
];

/// Small words of languages that share the script with English, none of them English.
#[rustfmt::skip]
const OTHERS: &[&str] = &[
    "le", "la", "les", "des", "et", "est", "une", "dans", "pour", "que", "qui", "du", "el", "los", "las", "del", "y",
    "en", "por", "con", "para", "der", "und", "ist", "nicht", "ein", "eine", "mit", "von", "auf", "os", "uma", "com",
    "não", "na", "się", "jest", "i", "z", "o",
];

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let Some(script) = script_for(input.to) else { return Vec::new() };
    let whole = 0..input.output.len();
    let counts = without_names(input);
    if counts.weight() >= LEAST_WEIGHT && counts.share(script) < LEAST_SHARE {
        let message = format!(
            "output is not in {}: expected its script for most letters, got {:.0} %",
            input.to.english_name(),
            100.0 * counts.share(script)
        );
        return vec![Finding::new("wrong_language", Severity::Error, message).in_output(whole)];
    }
    let found = match input.to {
        Language::UK => russian(input.output),
        Language::EN => not_english(input.output),
        _ => None,
    };
    found.map(|message| Finding::new("wrong_language", Severity::Error, message).in_output(whole)).into_iter().collect()
}

/// Letters of the output, without the Latin names and the spans that have to stay, unless nothing else is left.
fn without_names(input: &Input<'_>) -> Counts {
    if input.to == Language::EN {
        return Counts::of(input.output);
    }
    let mut kept = String::new();
    for span in words(input.output) {
        let word = &input.output[span];
        let name = word.chars().next().is_some_and(|c| c.is_uppercase() && script_of(c) == Some(Script::Latin));
        if !name && !input.verbatim.iter().any(|verbatim| verbatim.contains(word)) {
            kept.push_str(word);
        }
    }
    Counts::of(&kept)
}

/// Whether a Cyrillic text is Russian: by its words, where no letter is Ukrainian.
fn russian(text: &str) -> Option<String> {
    let words: Vec<String> = words(text).into_iter().map(|span| text[span].to_lowercase()).collect();
    let ukrainian = text.chars().filter(|c| matches!(c, 'і' | 'ї' | 'є' | 'ґ' | 'І' | 'Ї' | 'Є' | 'Ґ')).count();
    let foreign = words.iter().filter(|word| has_russian_letter(word)).count();
    let telling = words.iter().filter(|word| RUSSIAN.contains(&word.as_str())).count();
    let cyrillic = Counts::of(text).cyrillic;
    let is_russian = foreign + telling > ukrainian && (foreign + telling) * 12 >= words.len()
        || ukrainian == 0 && cyrillic >= 90
        || foreign >= 3 && foreign * 6 >= words.len();
    (is_russian && words.len() >= 3).then(|| {
        format!("output looks Russian: expected Ukrainian, got {} words that are Russian only", foreign + telling)
    })
}

/// Whether a word has a letter that Russian has and Ukrainian has not.
pub(super) fn has_russian_letter(word: &str) -> bool {
    word.chars().any(|c| matches!(c, 'ы' | 'э' | 'ё' | 'ъ' | 'Ы' | 'Э' | 'Ё' | 'Ъ'))
        && !word.chars().any(|c| is_mark(c) || matches!(c, 'і' | 'ї' | 'є' | 'ґ' | 'І' | 'Ї' | 'Є' | 'Ґ'))
}

/// Whether a Latin text of some length has none of the words that English cannot do without.
fn not_english(text: &str) -> Option<String> {
    let words: Vec<String> = words(text).into_iter().map(|span| text[span].to_lowercase().replace('’', "'")).collect();
    let plain = words.len();
    let english = words.iter().filter(|word| ENGLISH.contains(&word.split('\'').next().unwrap_or(word))).count();
    let other = words.iter().filter(|word| OTHERS.contains(&word.as_str())).count();
    // Headlines of eight words may do without any; French and Spanish share "a", "on" and "no" with English.
    let wrong = other >= 2 && other > english || plain >= 14 && english == 0 || plain >= 24 && english * 16 < plain;
    wrong.then(|| format!("output does not look English: expected common English words, got {english} among {plain}"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, input};

    fn check(to: &str, output: &str, expected: &[&str]) {
        assert_eq!(codes(&super::check(&input("fr", to, "…", output))), expected, "{to}: {output}");
    }

    const WRONG: &[&str] = &["wrong_language"];

    #[test]
    fn the_right_language_passes() {
        check("en", "The trucks reached the town on the third attempt.", &[]);
        check("uk", "Вантажівки дісталися міста з третьої спроби.", &[]);
        check("ko", "트럭은 세 번째 시도 끝에 마을에 도착했다.", &[]);
        check("uk", "Стежте за нами: Open Ladle, Meridian Wire, Northlight Science.", &[]);
        check("ko", "LNG 운반선 6척", &[]);
        check("en", "Rates on hold, tempers not", &[]);
    }

    #[test]
    fn another_script_is_wrong() {
        check("en", "Вантажівки дісталися міста.", WRONG);
        check("en", "트럭은 마을에 도착했다.", WRONG);
        check("uk", "The trucks reached the town.", WRONG);
        check("uk", "트럭은 마을에 도착했다.", WRONG);
        check("ko", "The trucks reached the town.", WRONG);
        check("ko", "卡车终于到达了这座城市。", WRONG);
        check("ko", "Вантажівки дісталися міста.", WRONG);
    }

    #[test]
    fn russian_is_not_ukrainian() {
        check("uk", "Грузовики добрались до города только с третьей попытки.", WRONG);
        check("uk", "Машины были повреждены, но это никому не помешало.", WRONG);
        check("uk", "Ей сказали, что мост закрыт и дорога опасна.", WRONG);
        check("uk", "Мости закрили, а дорога була небезпечна.", &[]);
        check("uk", "Під час обстрілу він був удома.", &[]);
    }

    #[test]
    fn other_latin_languages_are_not_english() {
        check("en", "Les camions ont atteint la ville après deux tentatives vaines.", WRONG);
        check("en", "Los camiones llegaron ayer por la tarde con ayuda para las familias.", WRONG);
    }
}
