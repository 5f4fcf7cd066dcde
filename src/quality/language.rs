//! Checks that the output and each of its sentences are in the language that was asked for: by script first, then by the
//! letters and the small words that tell languages of one script apart. Single words are the business of `script`.

use super::letters::{Counts, Script, is_mark, script_for, script_of, words};
use super::russian::is_russian;
use super::sentences::sentences;
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

/// Endings that Russian words have and Ukrainian ones have not.
#[rustfmt::skip]
const RUSSIAN_ENDINGS: &[&str] = &[
    "ние", "ния", "нию", "нием", "нии", "ский", "ская", "ское", "ские", "ского", "ской", "скую", "ции", "ется", "ются",
    "ится", "ятся", "лся", "ная", "ное", "ые", "ый",
];

/// Words that are Ukrainian and not Russian, without the letters that Russian lacks.
const UKRAINIAN: &[&str] =
    &["що", "щоб", "це", "та", "й", "або", "але", "вже", "ще", "має", "року", "який", "яка", "яке"];

/// So many Cyrillic letters without і, ї, є, ґ, which are one in twelve, are hardly Ukrainian.
const LETTERS_WITHOUT_UKRAINIAN: usize = 80;
/// So many words of another script are more than a name and its like.
const FOREIGN_WORDS: usize = 2;

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let Some(script) = script_for(input.to) else { return Vec::new() };
    let sentences = sentences(input.output, input.to);
    if sentences.len() >= 2 {
        let wrong: Vec<Finding> = sentences
            .iter()
            .filter_map(|sentence| {
                let message = format!("a sentence: {}", wrong(input, sentence.text, script)?);
                Some(Finding::new("wrong_language", Severity::Error, message).in_output(sentence.span.clone()))
            })
            .collect();
        if (1..sentences.len()).contains(&wrong.len()) {
            return wrong;
        }
    }
    let found = wrong(input, input.output, script);
    let whole = 0..input.output.len();
    found.map(|message| Finding::new("wrong_language", Severity::Error, message).in_output(whole)).into_iter().collect()
}

/// Why a text is not in the language asked for, if it is not.
fn wrong(input: &Input<'_>, text: &str, script: Script) -> Option<String> {
    other_script(input, text, script).or_else(|| match input.to {
        Language::UK => russian(text),
        Language::EN => not_english(text),
        _ => None,
    })
}

/// Whether most letters are of another script than the target's. Latin names and what has to stay are left aside, unless
/// nothing else is there.
fn other_script(input: &Input<'_>, text: &str, script: Script) -> Option<String> {
    let share = |counts: &Counts| format!("{:.0} %", 100.0 * counts.share(script));
    let message = |got: String| {
        format!("output is not in {}: expected its script for most letters, got {got}", input.to.english_name())
    };
    if script == Script::Latin {
        let counts = Counts::of(text);
        let wrong = counts.weight() >= LEAST_WEIGHT && counts.share(script) < LEAST_SHARE;
        return wrong.then(|| message(share(&counts)));
    }
    let (mut counts, mut latin, mut plain) = (Counts::default(), 0, 0);
    for span in words(text) {
        let word = &text[span];
        if input.verbatim.iter().any(|verbatim| verbatim.contains(word)) {
            continue;
        }
        let first = word.chars().next().unwrap_or(' ');
        let is_latin = script_of(first) == Some(Script::Latin);
        latin += usize::from(is_latin);
        plain += usize::from(is_latin && first.is_lowercase());
        if !(is_latin && first.is_uppercase()) {
            counts.add(word);
        }
    }
    if counts.weight() >= LEAST_WEIGHT && counts.share(script) < LEAST_SHARE {
        return Some(message(share(&counts)));
    }
    // Names may be all there is; Latin words with small ones among them, or many, are a sentence or a headline.
    let none = counts.get(script) == 0 && (latin >= FOREIGN_WORDS && plain > 0 || latin > 2 * FOREIGN_WORDS);
    let source_has = script_for(input.from).is_none_or(|from| from != Script::Latin);
    (none && source_has).then(|| message("none".to_string()))
}

/// Whether a Cyrillic text is Russian: by its letters, words and endings.
fn russian(text: &str) -> Option<String> {
    let (mut ukrainian, mut hints, mut cyrillic) = (0, 0, 0);
    for c in text.chars() {
        match c {
            'і' | 'ї' | 'є' | 'ґ' | 'І' | 'Ї' | 'Є' | 'Ґ' => ukrainian += 1,
            'ы' | 'э' | 'ё' | 'ъ' | 'Ы' | 'Э' | 'Ё' | 'Ъ' => hints += 1,
            _ => {}
        }
        cyrillic += usize::from(script_of(c) == Some(Script::Cyrillic));
    }
    // Ukrainian of some length always has its letters, and nothing is looked up.
    if hints == 0 && ukrainian * 24 > cyrillic {
        return None;
    }
    let words: Vec<String> = words(text).into_iter().map(|span| text[span].to_lowercase()).collect();
    let foreign = words.iter().filter(|word| has_russian_letter(word)).count();
    let telling = |word: &String| {
        RUSSIAN.contains(&word.as_str())
            || is_russian(word)
            || RUSSIAN_ENDINGS.iter().any(|ending| word.len() > ending.len() + 4 && word.ends_with(ending))
    };
    let found = foreign + words.iter().filter(|word| !has_russian_letter(word) && telling(word)).count();
    let own = found == 0 && words.iter().any(|word| UKRAINIAN.contains(&word.as_str()));
    let is_russian = found > ukrainian && found * 12 >= words.len()
        || ukrainian == 0 && cyrillic >= LETTERS_WITHOUT_UKRAINIAN && !own
        || foreign >= 3 && foreign * 6 >= words.len();
    (is_russian && words.len() >= 3)
        .then(|| format!("output looks Russian: expected Ukrainian, got {found} words that are Russian only"))
}

/// Whether a word has a letter that Russian has and Ukrainian has not.
fn has_russian_letter(word: &str) -> bool {
    word.chars().any(|c| matches!(c, 'ы' | 'э' | 'ё' | 'ъ' | 'Ы' | 'Э' | 'Ё' | 'Ъ'))
        && !word.chars().any(|c| is_mark(c) || matches!(c, 'і' | 'ї' | 'є' | 'ґ' | 'І' | 'Ї' | 'Є' | 'Ґ'))
}

/// Whether a word is one of the small ones of English.
pub(super) fn is_small_english(word: &str) -> bool {
    let stem = word.split(['\'', '’']).next().unwrap_or(word);
    stem.len() <= 5 && ENGLISH.iter().any(|small| small.eq_ignore_ascii_case(stem))
}

/// Whether a Latin text of some length has none of the words that English cannot do without.
fn not_english(text: &str) -> Option<String> {
    let (mut plain, mut english, mut other) = (0, 0, 0);
    for span in words(text) {
        let word = &text[span];
        plain += 1;
        if is_small_english(word) {
            english += 1;
        } else if word.len() <= 6 {
            other += usize::from(OTHERS.contains(&word.to_lowercase().as_str()));
        }
    }
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

    #[test]
    fn one_sentence_of_a_paragraph_is_enough() {
        let spans = |to: &str, output: &str| -> Vec<String> {
            let found = super::check(&input(if to == "en" { "uk" } else { "ko" }, to, "…", output));
            found.into_iter().map(|f| output[f.output.unwrap_or_default()].to_string()).collect()
        };
        let uk = "Вантажівки дісталися міста з третьої спроби. The drivers had slept in the cabs. Мер їм подякував.";
        assert_eq!(spans("uk", uk), ["The drivers had slept in the cabs."]);
        let uk = "Вантажівки дісталися міста з третьої спроби. Водители ночевали в кабинах, потому что боялись мародеров. Мер їм подякував.";
        assert_eq!(spans("uk", uk), ["Водители ночевали в кабинах, потому что боялись мародеров."]);
        let ko =
            "트럭은 세 번째 시도 끝에 마을에 도착했다. The drivers had slept in the cabs. 시장은 그들에게 감사했다.";
        assert_eq!(spans("ko", ko), ["The drivers had slept in the cabs."]);
        let en =
            "The trucks reached the town. Los conductores durmieron en la cabina por miedo. The mayor thanked them.";
        assert_eq!(spans("en", en), ["Los conductores durmieron en la cabina por miedo."]);
        assert!(spans("uk", "Вантажівки дісталися міста. Open Ladle, Meridian Wire. Мер їм подякував.").is_empty());
    }

    #[test]
    fn a_short_answer_in_latin_letters_is_wrong_where_the_source_has_others() {
        let check = |from: &str, source: &str, output: &str| codes(&super::check(&input(from, "ko", source, output)));
        assert_eq!(check("uk", "Він вільний.", "He is free."), WRONG);
        assert_eq!(check("uk", "Рада Сірої Гавані відхилила пором", "Grey Harbour Council Rejects Ferry"), WRONG);
        assert!(check("uk", "Журнал «Північне сяйво»", "Northlight Journal").is_empty());
    }
}
