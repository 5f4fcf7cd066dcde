//! Terms of a sentence for the extractive summarizer, and what the form of a sentence costs it.
//!
//! No morphology: English and Ukrainian words are cut to their beginnings, Korean words to pairs of syllables. That
//! joins most forms of a word, and a wrong join costs little where only likeness is measured.

use crate::language::Language;

/// English words that say nothing about the subject.
#[rustfmt::skip]
const ENGLISH: &[&str] = &[
    "the", "and", "for", "that", "was", "were", "with", "his", "her", "its", "they", "this", "from", "have", "had",
    "has", "not", "but", "are", "what", "all", "when", "your", "can", "there", "which", "their", "will", "been",
    "who", "than", "into", "after", "about", "out", "over", "more", "him", "our", "would", "could", "said", "say",
    "says", "she", "you", "them", "then", "also", "because", "before", "being", "did", "does", "some", "such", "only",
    "other", "one", "two", "most", "any", "just", "like", "how", "where", "while", "these", "those", "told",
    "according",
];

/// Ukrainian words that say nothing about the subject.
#[rustfmt::skip]
const UKRAINIAN: &[&str] = &[
    "але", "або", "адже", "без", "був", "була", "було", "були", "бути", "вже", "він", "вона", "воно", "вони", "від",
    "для", "його", "йому", "коли", "лише", "між", "може", "над", "нас", "наш", "них", "ним", "нього", "неї", "про",
    "при", "під", "після", "перед", "саме", "себе", "свій", "своє", "свою", "також", "там", "тим", "того", "тому",
    "тут", "тільки", "усе", "усі", "хоча", "цей", "цього", "цьому", "через", "чи", "що", "щоб", "яка", "який", "яке",
    "які", "якій", "яку", "якого", "якщо", "як", "це", "ще", "не", "та", "на", "за", "до", "із", "зі", "по", "ми",
    "ви", "сказав", "сказала", "каже", "кажуть", "додав", "додала", "словами", "повідомив", "повідомила", "заявив",
    "заявила",
];

/// Korean words, without their particles, that say nothing about the subject.
#[rustfmt::skip]
const KOREAN: &[&str] = &[
    "그는", "그녀는", "그가", "이는", "이날", "이번", "있다", "있는", "있었다", "했다", "한다", "하는", "말했다", "밝혔다", "전했다", "설명했다", "강조했다",
    "덧붙였다", "것으로", "것이다", "것은", "것이", "따르면", "대해", "대한", "위해", "통해", "지난", "그리고", "그러나", "하지만", "또한", "한편", "등을",
    "등이", "및", "더", "수", "것", "등", "약", "중", "없다", "않았다", "된다", "됐다", "되는", "이라고", "라고", "라며", "이라며", "때문에", "가운데",
    "함께",
];

/// Beginnings of sentences that point back to one that may not have been chosen.
const DANGLING: &[(&str, &[&str])] = &[
    (
        "en",
        &[
            "he ", "she ", "it ", "they ", "this ", "that ", "these ", "those ", "but ", "and ", "so ", "however",
            "his ", "her ", "their ", "then ", "also ", "its ", "neither ", "not all ", "some ", "asked ",
        ],
    ),
    (
        "uk",
        &[
            "він ",
            "вона ",
            "воно ",
            "вони ",
            "це ",
            "цей ",
            "ця ",
            "ці ",
            "але ",
            "а ",
            "і ",
            "й ",
            "та ",
            "тому ",
            "проте ",
            "однак ",
            "утім",
            "втім",
            "його ",
            "її ",
            "їхн",
            "там ",
            "тоді ",
            "також ",
            "за його словами",
            "за її словами",
        ],
    ),
    (
        "ko",
        &[
            "그는 ",
            "그녀는 ",
            "그들은 ",
            "그가 ",
            "이는 ",
            "이에 ",
            "그러나 ",
            "하지만 ",
            "그리고 ",
            "또 ",
            "또한 ",
            "다만 ",
            "반면 ",
            "이어 ",
            "즉",
            "실제로 ",
            "이로써 ",
            "이 중 ",
        ],
    ),
];

/// Signs of lines that speak to the reader.
#[rustfmt::skip]
const BOILERPLATE: &[&str] = &[
    "ctrl + enter", "ctrl+enter", "follow us", "join us", "subscribe", "read also", "share this", "reporting by",
    "читайте також", "підписуйт", "долучайт", "стежте за", "передрук", "телеграм-канал", "telegram", "телеграм:",
    "натисніть", "무단전재", "무단 전재", "재배포", "구독", "팔로우", "제보", "관련 기사", "저작권자", "http://", "https://",
];

/// The terms of a sentence, in order, with repetitions.
pub(super) fn terms(sentence: &str, language: Language) -> Vec<String> {
    let mut terms = Vec::new();
    for word in words(sentence) {
        let lower: String = word.to_lowercase().chars().filter(|c| !is_apostrophe(*c)).collect();
        if lower.chars().any(is_hangul) {
            if !KOREAN.contains(&lower.as_str()) {
                pairs(&lower, &mut terms);
            }
            continue;
        }
        let length = lower.chars().count();
        let figures = lower.chars().all(char::is_numeric);
        let common = match language {
            Language::UK => UKRAINIAN.contains(&lower.as_str()),
            _ => ENGLISH.contains(&lower.as_str()),
        };
        if !common && (length >= 3 || figures) {
            terms.push(beginning(&lower, language));
        }
    }
    terms
}

/// Number of words of a sentence; two Korean syllables count as a word, because words carry their endings.
pub(super) fn length(sentence: &str) -> usize {
    words(sentence).map(|word| word.chars().filter(|&c| is_hangul(c)).count().div_ceil(2).max(1)).sum()
}

/// What the form of a sentence costs: pointing back, quoting in the middle of speech, speaking to the reader.
pub(super) fn penalty(sentence: &str, language: Language) -> f32 {
    let lower = sentence.trim_start().to_lowercase();
    let mut penalty = 0.0;
    if BOILERPLATE.iter().any(|sign| lower.contains(sign)) {
        penalty += 3.0;
    }
    let dangling = DANGLING.iter().find(|(tag, _)| *tag == language.as_str()).map_or(&[][..], |(_, starts)| *starts);
    if dangling.iter().any(|start| lower.starts_with(start)) {
        penalty += 0.35;
    }
    let quotes = |c: char| matches!(c, '"' | '“' | '”' | '„' | '«' | '»');
    if lower.starts_with(quotes) {
        penalty += 0.3;
    }
    // A quote that begins or ends in another sentence is torn.
    let opened = sentence.chars().filter(|&c| matches!(c, '«' | '„')).count();
    let closed = sentence.chars().filter(|&c| c == '»').count();
    let doubles = sentence.chars().filter(|&c| matches!(c, '"' | '“' | '”' | '„')).count();
    let guillemets = sentence.chars().filter(|&c| c == '«').count();
    if guillemets != closed || opened == 0 && doubles % 2 == 1 {
        penalty += 0.5;
    }
    // Another script than the article's: a headline of another outlet.
    let letters = sentence.chars().filter(|c| c.is_alphabetic()).count();
    let own = sentence.chars().filter(|&c| in_script(c, language)).count();
    if letters > 0 && own * 2 < letters {
        penalty += 2.0;
    }
    penalty
}

/// Words and figures of a text; decimal marks keep figures together.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || is_apostrophe(c))).filter(|word| word.contains(char::is_alphanumeric))
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ')
}

fn is_hangul(c: char) -> bool {
    matches!(c as u32, 0xAC00..=0xD7A3)
}

/// Whether a letter belongs to the script of a language; languages without an entry are taken as Latin.
fn in_script(c: char, language: Language) -> bool {
    match language {
        Language::KO => is_hangul(c),
        Language::UK | Language::RU => matches!(c as u32, 0x400..=0x52F),
        _ => c.is_alphabetic() && !is_hangul(c) && !matches!(c as u32, 0x400..=0x52F | 0x3040..=0x9FFF),
    }
}

/// The beginning of a word that most of its forms share.
fn beginning(word: &str, language: Language) -> String {
    const ENDINGS: &[&str] = &["ations", "ation", "ingly", "ing", "edly", "ies", "ed", "es", "ly", "s"];
    let length = word.chars().count();
    if language == Language::UK {
        return word.chars().take(if length > 7 { 6 } else { length.saturating_sub(2).max(3) }).collect();
    }
    let stem = ENDINGS.iter().find_map(|end| word.strip_suffix(end).filter(|stem| stem.len() >= 4));
    stem.unwrap_or(word).chars().take(7).collect()
}

/// Pairs of neighbouring syllables of a Korean word; other characters of it stay as they are.
fn pairs(word: &str, terms: &mut Vec<String>) {
    let chars: Vec<char> = word.chars().collect();
    if chars.len() == 1 {
        terms.push(word.to_string());
    }
    terms.extend(chars.windows(2).map(|pair| pair.iter().collect()));
}

#[cfg(test)]
mod tests {
    use super::{length, penalty, terms};
    use crate::language::Language;

    fn share(language: Language, a: &str, b: &str) {
        let other = terms(b, language);
        assert!(terms(a, language).iter().any(|term| other.contains(term)), "{a} / {b}");
    }

    #[test]
    fn forms_of_a_word_share_a_term() {
        share(Language::EN, "delivered", "deliveries");
        share(Language::UK, "вантажівками", "вантажівка");
        share(Language::UK, "місто", "міста");
        share(Language::KO, "호송대는", "호송대가");
    }

    #[test]
    fn stop_words_are_no_terms() {
        assert!(terms("and the of said", Language::EN).is_empty());
        assert!(terms("але він сказав", Language::UK).is_empty());
        assert!(terms("그는 말했다", Language::KO).is_empty());
    }

    #[test]
    fn form_has_its_price() {
        let plain = penalty("The convoy reached the town.", Language::EN);
        assert!(plain.abs() < 1e-6);
        for sentence in
            ["He left.", "\"We stopped,\" she said.", "We stopped,\" she said.", "Follow us on X.", "Міст закрито."]
        {
            assert!(penalty(sentence, Language::EN) > 0.2, "{sentence}");
        }
    }

    #[test]
    fn korean_words_count_by_syllables() {
        assert_eq!(length("호송대가 마을에 도착했다."), 6);
        assert_eq!(length("The convoy came."), 3);
    }
}
