//! Names in a summary that its article does not have.
//!
//! Within one language a name is found by its capital, in Korean by the title behind it, and is looked for in all its
//! forms ([`super::inflection`]). Across languages Latin words are compared letter by letter, since texts in other scripts
//! keep them; names that change their script are [`unknown_names`]' business.
//!
//! Severity is by how sure that is: a name of two words of which the article has none, or one before 씨, is an error; a
//! single word may be a common one with a capital and is a warning.

use super::super::letters::{Script, script_for, script_of};
use super::super::{Finding, Severity, unknown_names};
use super::inflection::{Forms, is_acronym};
use super::{SummaryCheck, Text, folded, tokens};
use crate::language::Language;
use std::collections::BTreeSet;
use std::ops::Range;

pub(super) fn check(text: &Text<'_>, request: &SummaryCheck<'_>) -> Vec<Finding> {
    let forms = Forms::of(text.article, request.from);
    let mut findings = Vec::new();
    if request.from == request.to {
        match request.to {
            Language::EN | Language::UK => findings.extend(capitalised(text, &forms, request.to)),
            Language::KO => findings.extend(titled(text, &forms)),
            _ => {}
        }
    } else {
        findings.extend(transliterated(text, request));
    }
    if script_for(request.to).is_some_and(|script| script != Script::Latin) {
        findings.extend(latin(text, request));
    }
    findings
}

/// Names of the summary that the article has in no script, by their sound and by the table of well-known names.
fn transliterated(text: &Text<'_>, request: &SummaryCheck<'_>) -> Vec<Finding> {
    unknown_names((text.article, request.from), (text.summary, request.to))
        .into_iter()
        // Latin words in other scripts are looked for by themselves.
        .filter(|place| {
            let script = text.summary[place.clone()].chars().find_map(script_of);
            script != Some(Script::Latin) || script_for(request.to) == Some(Script::Latin)
        })
        // A sentence in another language is a fault of its own.
        .filter(|place| text.sentences.iter().any(|s| s.contains(&place.start) && !text.is_foreign(s)))
        .map(|place| new_name(&text.summary[place.clone()], None, Severity::Warning).in_output(place))
        .collect()
}

/// Words with a capital that are no names, or that stand before them in any article.
#[rustfmt::skip]
const ENGLISH_COMMON: &[&str] = &[
    "i", "i'm", "i've", "i'd", "i'll", "mr", "mrs", "ms", "dr", "prof", "st", "president", "minister", "prime", "colonel",
    "lieutenant", "general", "major", "captain", "sergeant", "doctor", "professor", "governor", "mayor", "director",
    "north", "south", "east", "west", "northern", "southern", "eastern", "western", "central", "internet", "the", "a",
    "an", "and", "of", "for", "in", "on", "at", "to",
];

/// The same in Ukrainian: words that are written with a capital for other reasons than being a name.
const UKRAINIAN_COMMON: &[&str] = &["бог", "ви", "вас", "вам", "ваш"];

/// Words that stay small in a headline in title case.
#[rustfmt::skip]
const SMALL_IN_TITLES: &[&str] = &[
    "a", "an", "the", "of", "in", "on", "at", "to", "by", "for", "and", "or", "but", "as", "with", "from", "over", "after",
];

/// Runs of words with a capital of which the article has one or more not at all.
fn capitalised(text: &Text<'_>, forms: &Forms, language: Language) -> Vec<Finding> {
    let common = if language == Language::UK { UKRAINIAN_COMMON } else { ENGLISH_COMMON };
    let mut findings = Vec::new();
    for sentence in &text.sentences {
        let shown = &text.summary[sentence.clone()];
        let words = tokens(shown);
        if text.is_foreign(sentence) || is_title_case(shown, &words) {
            continue;
        }
        for run in runs(shown, &words) {
            let is_new = |word: &&Range<usize>| {
                let word = &shown[(*word).clone()];
                let lower = word.to_lowercase();
                // Words in other letters are looked for by themselves.
                let own = word.chars().next().and_then(script_of) == script_for(language);
                own && !common.contains(&lower.trim_end_matches("'s").trim_end_matches("’s")) && !forms.have(word)
            };
            let opens = opens_sentence(shown, run[0].start);
            let mut new: Vec<&Range<usize>> = run.iter().filter(is_new).collect();
            // A word that opens a sentence has its capital anyway; only a name behind it makes it part of one.
            if opens && (new.len() < 2 || run.len() < 2) {
                new.retain(|word| word.start != run[0].start || is_acronym(&shown[(*word).clone()]));
            }
            let (Some(first), Some(last)) = (new.first(), new.last()) else { continue };
            let name = &shown[first.start..last.end];
            let severity = if new.len() > 1 { Severity::Error } else { Severity::Warning };
            let place = sentence.start + first.start..sentence.start + last.end;
            findings.push(new_name(name, nearest(name, text.article), severity).in_output(place));
        }
    }
    findings
}

/// Whether all words but the small ones have a capital, which says nothing about names then.
fn is_title_case(text: &str, words: &[Range<usize>]) -> bool {
    let plain = |word: &&Range<usize>| !SMALL_IN_TITLES.contains(&&text[(*word).clone()]);
    words.len() > 3 && words.iter().filter(plain).all(|word| !text[word.clone()].starts_with(char::is_lowercase))
}

fn begins_upper(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_uppercase)
}

/// Words with a capital that follow each other with nothing but a space, or the stop of an initial, between them.
fn runs<'r>(text: &str, words: &'r [Range<usize>]) -> Vec<&'r [Range<usize>]> {
    words
        .chunk_by(|a, b| {
            let between = &text[a.end..b.start];
            let initial = between == ". " && text[a.clone()].chars().count() <= 2;
            begins_upper(&text[a.clone()]) == begins_upper(&text[b.clone()]) && (between == " " || initial)
        })
        .filter(|run| run.first().is_some_and(|word| begins_upper(&text[word.clone()])))
        .collect()
}

/// Whether a word at `at` opens its sentence, a quotation, or what follows a colon or a dash.
fn opens_sentence(sentence: &str, at: usize) -> bool {
    let before = sentence[..at].trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '(' | '['));
    before.is_empty()
        || before.ends_with([':', '—', '–', '"', '“', '„', '«', '‘', '.', '!', '?', '…', '\n', '-', '•', '*'])
}

/// Letters that a misspelt name has wrong at most.
const MISSPELT: usize = 2;

/// The article's word with a capital that is most like a name of one word.
fn nearest<'a>(name: &str, article: &'a str) -> Option<&'a str> {
    let lower: Vec<char> = name.to_lowercase().chars().collect();
    if lower.len() < 5 || name.contains(' ') {
        return None;
    }
    let distance = |word: &str| distance(&lower, &word.to_lowercase().chars().collect::<Vec<char>>());
    tokens(article)
        .into_iter()
        .map(|range| &article[range])
        .filter(|word| begins_upper(word) && word.chars().count().abs_diff(lower.len()) <= MISSPELT)
        .map(|word| (distance(word), word))
        .filter(|(distance, _)| (1..=MISSPELT).contains(distance))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Edits between two words (Levenshtein).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

fn new_name(name: &str, nearest: Option<&str>, severity: Severity) -> Finding {
    let hint = nearest.map_or(String::new(), |word| format!(", perhaps {word:?} is meant"));
    Finding::new("name_new", severity, format!("name is new: the article has no {name:?}{hint}"))
}

/// Titles that stand behind a person's name in Korean news.
#[rustfmt::skip]
const KOREAN_TITLES: &[&str] = &[
    "씨", "군", "양", "기자", "특파원", "박사", "교수", "장관", "차관", "총리", "대통령", "국회의원", "의원", "위원장", "위원", "대표", "사장", "부사장",
    "회장", "부회장", "이사장", "이사", "원장", "소장", "국장", "과장", "실장", "팀장", "청장", "시장", "도지사", "지사", "군수", "구청장", "지회장",
    "검사", "판사", "변호사", "대변인", "연구원", "연구위원", "분석관", "예보관", "예보분석관", "감독", "선수", "작가", "대장", "중장", "소장", "준장", "대령",
    "중령", "소령", "대위", "중위", "소위", "상사", "중사", "하사", "병장", "상병", "일병",
];

/// The commonest family names of Korea (2015 census), which a name of two to four syllables begins with.
const KOREAN_FAMILIES: &str = "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길연위표명기반라왕금옥육인맹제모탁국어은편용";

/// Words of two to four syllables that stand before titles, begin like a family name, and are none.
#[rustfmt::skip]
const KOREAN_COMMON: &[&str] = &[
    "신임", "현직", "전직", "전임", "차기", "한국", "정부", "지역", "노조", "주요", "담당", "현장", "선임", "수석", "공동", "당시", "여성", "남성", "이날",
    "이번", "전국", "국방", "국무", "외교", "문화", "정보", "조선", "현대", "우리", "이들", "모든", "여러", "해당", "국내", "지방", "주한", "전문", "선거",
    "공군", "육군", "소속", "연구", "기업", "노동", "원내", "임시", "최고", "서울", "부산", "인천", "광주", "대전", "경기", "강원", "제주", "전남", "전북",
    "유명", "인기", "고위", "하급", "상급", "일부", "관련", "민간", "시민", "주민", "명예", "전체", "공식", "현지", "경제", "사회", "정치", "기상청",
];

/// Names before a title.
fn titled(text: &Text<'_>, forms: &Forms) -> Vec<Finding> {
    let words = tokens(text.summary);
    let mut findings = Vec::new();
    for pair in words.windows(2) {
        let (name, next) = (&text.summary[pair[0].clone()], &text.summary[pair[1].clone()]);
        let Some(title) = KOREAN_TITLES.iter().filter(|title| next.starts_with(**title)).max_by_key(|t| t.len()) else {
            continue;
        };
        let behind = &next[title.len()..];
        let between = &text.summary[pair[0].end..pair[1].start];
        // "씨" and what follows it stand for nobody else than a person; other titles are words of their own.
        let is_title = behind.is_empty() || PARTICLES.contains(&behind);
        let hangul = name.chars().all(|c| script_of(c) == Some(Script::Hangul));
        if !is_title || !hangul || !is_near(between) || forms.have(name) {
            continue;
        }
        let syllables = name.chars().count();
        let family = name.chars().next().is_some_and(|first| KOREAN_FAMILIES.contains(first));
        let korean = family && (2..=4).contains(&syllables) && !KOREAN_COMMON.contains(&name);
        let severity = match (*title, korean) {
            ("씨", _) if syllables >= 2 => Severity::Error,
            (_, true) if syllables >= 3 => Severity::Warning,
            _ => continue,
        };
        findings.push(new_name(name, None, severity).in_output(pair[0].clone()));
    }
    findings
}

/// Whether a name and its title belong together: a space, or an age in brackets, is between them.
fn is_near(between: &str) -> bool {
    let bare = between.trim();
    bare.is_empty() || bare.starts_with('(') && bare.ends_with(')')
}

/// Particles behind a title.
#[rustfmt::skip]
const PARTICLES: &[&str] = &[
    "는", "은", "가", "이", "를", "을", "의", "에게", "에게서", "께서", "께", "와", "과", "도", "만", "로", "으로", "에", "측은", "측이", "등", "등은", "등이", "라고",
    "이라고", "며", "이며", "였다", "이었다", "이다",
];

/// Units and signs in Latin letters that any language uses.
#[rustfmt::skip]
const UNITS: &[&str] = &[
    "km", "m", "cm", "mm", "kg", "g", "mg", "t", "l", "ml", "ha", "h", "s", "w", "kw", "mw", "gw", "kwh", "mwh", "gwh",
    "v", "kv", "hz", "ghz", "mhz", "hpa", "mb", "gb", "tb", "c", "f", "ev", "lng", "it", "ai", "pr", "tv",
];

/// Latin words in a text in another script: names that the article does not have, and plain words that no text in that script
/// has at all.
fn latin(text: &Text<'_>, request: &SummaryCheck<'_>) -> Vec<Finding> {
    let known: BTreeSet<String> = tokens(text.article).into_iter().map(|word| folded(&text.article[word])).collect();
    let has = |word: &str| known.iter().any(|other| other.contains(word));
    let mut words = tokens(text.summary);
    // What is wrong as a sentence is not wrong word by word as well.
    words.retain(|word| !text.is_foreign(word));
    let mut findings = Vec::new();
    let latin = words.chunk_by(|a, b| {
        let together = text.summary[a.end..b.start].chars().all(char::is_whitespace);
        together && latin_letters(text, a).is_empty() == latin_letters(text, b).is_empty()
    });
    for run in latin.filter(|run| !latin_letters(text, &run[0]).is_empty()) {
        let place = run[0].start..run[run.len() - 1].end;
        let shown = &text.summary[place.clone()];
        let letters: Vec<String> = run.iter().map(|word| latin_letters(text, word)).collect();
        let is_unit = |word: &String| UNITS.contains(&word.to_lowercase().as_str());
        // A name may hold small words ("Newport on the Levee"); a run without a capital is none.
        let plain = letters.iter().all(|word| word.chars().all(char::is_lowercase))
            && letters.iter().any(|word| word.len() >= SHORTEST_PLAIN && !is_unit(word));
        if plain && (request.from != request.to || !letters.iter().all(|word| has(word))) {
            let message = format!("words are not translated: expected {}, got {shown:?}", request.to.english_name());
            findings.push(Finding::new("untranslated", Severity::Error, message).in_output(place));
            continue;
        }
        if letters.iter().all(|word| is_unit(word) || has(&word.to_lowercase())) || is_gloss(text.summary, &place) {
            continue;
        }
        // From an article in Latin letters they are known; a name from elsewhere may be written so for the reader's sake.
        let written_so = request.from != request.to && script_for(request.from) != Some(Script::Latin);
        let severity = if written_so { Severity::Note } else { Severity::Warning };
        findings.push(new_name(shown, None, severity).in_output(place));
    }
    findings
}

/// A small Latin word is a word, not a sign or a part of a name, from this length on.
const SHORTEST_PLAIN: usize = 3;

/// The Latin letters of a word: endings in other scripts stick to it (LNG는, SMS-повідомлення).
fn latin_letters(text: &Text<'_>, word: &Range<usize>) -> String {
    text.summary[word.clone()].chars().filter(|&c| script_of(c) == Some(Script::Latin)).collect()
}

/// Whether a name stands in brackets behind the same in other letters: 덴버(Denver).
fn is_gloss(text: &str, place: &Range<usize>) -> bool {
    let before = text[..place.start].strip_suffix(['(', '（', '[']);
    before.is_some_and(|before| before.trim_end().ends_with(char::is_alphabetic))
        && text[place.end..].starts_with([')', '）', ']', ',', ';'])
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::codes;
    use super::super::tests::request;
    use super::*;

    const EN: &str = "Lt. Col. Pavlo Sereda of the Ukrainian army met Hanna Prykhodko in Orikhiv on Monday, Feb. 27. The Bank of Korea said nothing.";
    const UK: &str = "Підполковник Павло Середа зустрівся з Ганною Приходько в Оріхові. Про це «Степовому віснику» повідомили у Львівській обласній раді.";
    const KO: &str =
        "구태인 해송중공업 부사장은 거제 조선소를 찾았다. 안드리 코발리슈크(41) 씨는 LNG 운반선을 용접한다.";

    fn found(from: Language, to: Language, summary: &str) -> Vec<(Severity, String)> {
        let article = if from == Language::EN {
            EN
        } else if from == Language::UK {
            UK
        } else {
            KO
        };
        let text = Text::of(article, summary, to);
        super::check(&text, &request(from, to))
            .into_iter()
            .map(|finding| (finding.severity, summary[finding.output.unwrap_or(0..0)].to_string()))
            .collect()
    }

    fn check(from: Language, to: Language, summary: &str, expected: &[(Severity, &str)]) {
        let found = found(from, to, summary);
        let found: Vec<(Severity, &str)> = found.iter().map(|(severity, name)| (*severity, name.as_str())).collect();
        assert_eq!(found, expected, "{summary}");
    }

    #[test]
    fn the_articles_own_names_pass_in_any_form() {
        check(
            Language::EN,
            Language::EN,
            "Prykhodko met Lieutenant Colonel Sereda in Ukraine's Orikhiv in February. The Korean bank and Sereda's men were silent.",
            &[],
        );
        check(
            Language::UK,
            Language::UK,
            "Ганна Приходько бачилася з Павлом Середою під Оріховом. «Степовий вісник» пише про Львівщину.",
            &[],
        );
        check(
            Language::KO,
            Language::KO,
            "구태인 부사장과 코발리슈크(41) 씨가 거제에서 만났다. LNG선 이야기였다. 전직 장관도 왔다.",
            &[],
        );
        check(Language::EN, Language::KO, "세레다 중령이 Orikhiv에서 프리호드코 씨를 만났다. 거리는 11 km였다.", &[]);
        check(Language::UK, Language::EN, "Pavlo Sereda met Hanna Prykhodko.", &[]);
    }

    #[test]
    fn new_names_are_found() {
        use Severity::{Error, Warning};
        check(Language::EN, Language::EN, "Sereda met Oksana Melnyk in Orikhiv.", &[(Error, "Oksana Melnyk")]);
        check(
            Language::EN,
            Language::EN,
            "The meeting took place in Kharkiv on Tuesday.",
            &[(Warning, "Kharkiv"), (Warning, "Tuesday")],
        );
        check(Language::EN, Language::EN, "John Brown met Sereda.", &[(Error, "John Brown")]);
        check(
            Language::UK,
            Language::UK,
            "У Харкові Середа зустрів Оксану Мельник.",
            &[(Warning, "Харкові"), (Error, "Оксану Мельник")],
        );
        check(Language::UK, Language::UK, "Середа їздив до Lviv Oblast.", &[(Warning, "Lviv Oblast")]);
        check(
            Language::KO,
            Language::KO,
            "김철수 씨와 박영희 부사장은 Samsung을 찾았다.",
            &[(Error, "김철수"), (Warning, "박영희"), (Warning, "Samsung을")],
        );
        check(Language::EN, Language::UK, "Середа зустрів пані Melnyk.", &[(Warning, "Melnyk")]);
    }

    #[test]
    fn latin_words_in_other_scripts_are_names_or_nothing() {
        use Severity::{Error, Note, Warning};
        check(Language::EN, Language::UK, "Середа привіз supplies до Orikhiv.", &[(Error, "supplies")]);
        check(Language::EN, Language::KO, "세레다 중령이 nearly a fifth를 말했다.", &[(Error, "nearly a fifth를")]);
        check(Language::EN, Language::KO, "오리히우(Orikhiv)와 오데사(Odesa)에 갔다.", &[]);
        check(
            Language::UK,
            Language::KO,
            "세레다 중령이 덴버(Denver)에서 Open Ladle을 만났다.",
            &[(Note, "Open Ladle을")],
        );
        check(Language::UK, Language::UK, "Середа читав Harbour Ledger.", &[(Warning, "Harbour Ledger")]);
        check(Language::KO, Language::KO, "LNG 운반선은 10 km를 갔다.", &[]);
    }

    #[test]
    fn a_misspelt_name_is_told_beside_the_right_one() {
        let summary = "The visitor was Prikhodko.";
        let text = Text::of(EN, summary, Language::EN);
        let findings = super::check(&text, &request(Language::EN, Language::EN));
        assert_eq!(codes(&findings), ["name_new"]);
        assert!(findings[0].message.contains("Prykhodko"), "{}", findings[0].message);
    }

    #[test]
    fn capitals_that_are_no_names_pass() {
        check(Language::EN, Language::EN, "Soldiers Were Silent When The Colonel Spoke Of War.", &[]);
        check(Language::EN, Language::EN, "Meanwhile nothing was said: Nobody asked. \"Silence,\" he said.", &[]);
        check(
            Language::UK,
            Language::UK,
            "Тим часом мовчали. Відповідь була така: «Ніхто не питав». — Добре, — сказав Середа.",
            &[],
        );
    }
}
