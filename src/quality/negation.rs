//! Checks that a negated source stays negated. Counts on words alone: a source with plain negations against an output
//! without any sign of one. What is said the other way round (`failed to`, `안전하지` for `unsafe`) is let pass.

use super::letters::words;
use super::{Finding, Input, Severity};
use crate::language::Language;

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let first_class = |language| matches!(language, Language::EN | Language::UK | Language::KO);
    if !first_class(input.from) || !first_class(input.to) || input.from == input.to {
        return Vec::new();
    }
    let Some(negated) = plain(input.source, input.from) else { return Vec::new() };
    if hinted(input.output, input.to) {
        return Vec::new();
    }
    let message = format!("negation may be lost: expected a word for {:?}, got none", &input.source[negated.clone()]);
    vec![Finding::new("negation_missing", Severity::Warning, message).in_source(negated)]
}

/// The first word of a text that negates beyond doubt.
fn plain(text: &str, language: Language) -> Option<std::ops::Range<usize>> {
    let spans = words(text);
    let lower: Vec<String> = spans.iter().map(|span| text[span.clone()].to_lowercase().replace('’', "'")).collect();
    let next = |at: usize| lower.get(at + 1).map_or("", String::as_str);
    let at = (0..spans.len()).find(|&at| {
        let word = lower[at].as_str();
        match language {
            // "not only", "not least" and "no longer, no doubt, no. 5" turn into words that are no negations.
            Language::EN => match word {
                "not" => !matches!(next(at), "only" | "just" | "least" | "to" | "merely" | "until" | "all"),
                "never" | "cannot" | "nobody" | "neither" => true,
                _ => word.ends_with("n't") && word != "isn't" && word != "aren't",
            },
            Language::UK => {
                word == "не"
                    && !matches!(next(at), "тільки" | "лише" | "менш" | "менше" | "більш" | "більше" | "раз" | "просто")
                    && !next(at).starts_with("пізніш")
                    && !next(at).starts_with("зважаючи")
                    && (at == 0
                        || !matches!(lower[at - 1].as_str(), "ледве" | "мало" | "чи" | "поки" | "доки" | "би" | "ледь"))
            }
            _ => {
                (word.contains("지 않") || word.contains("않았") || word.contains("못했") || word.contains("없었"))
                    && !word.contains("않을까")
            }
        }
    })?;
    Some(spans[at].clone())
}

/// Whether a text has any sign of a negation or of a word that says the opposite.
fn hinted(text: &str, language: Language) -> bool {
    let lower = text.to_lowercase().replace('’', "'");
    let any = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
    let words: Vec<&str> = words(&lower).into_iter().map(|span| &lower[span]).collect();
    let word = |sign: &dyn Fn(&str) -> bool| words.iter().any(|word| sign(word));
    match language {
        Language::EN => {
            any(&[
                "n't",
                "cannot",
                "unable",
                "fail",
                "avoid",
                "prohibit",
                "exclu",
                "apart",
                "different",
                "without",
                "lack",
                "refus",
                "den",
                "reject",
                "prevent",
                "absen",
                "instead",
                "rather",
                "despite",
                "although",
                "though",
                "except",
                "less",
                "only",
                "impossible",
            ]) || word(&|w| {
                matches!(
                    w,
                    "not"
                        | "no"
                        | "never"
                        | "none"
                        | "nobody"
                        | "nothing"
                        | "neither"
                        | "nor"
                        | "nowhere"
                        | "yet"
                        | "few"
                        | "little"
                        | "rarely"
                        | "hardly"
                        | "barely"
                        | "but"
                        | "unless"
                        | "until"
                        | "avoid"
                        | "stop"
                        | "stopped"
                        | "missing"
                )
            }) || word(&|w| {
                ["un", "in", "im", "ir", "il", "dis", "non", "mis"].iter().any(|p| w.starts_with(p) && w.len() >= 6)
            })
        }
        Language::UK => {
            any(&[
                "без",
                "відмов",
                "заперечу",
                "замість",
                "відсутн",
                "брак",
                "втрат",
                "уник",
                "запобіг",
                "крім",
                "лише",
                "тільки",
                "хоч",
                "але",
                "проте",
                "однак",
                "попри",
                "заборон",
                "позбав",
                "навряд",
                "важко",
                "мало",
            ]) || word(&|w| {
                w.starts_with("не")
                    || w.starts_with("ні")
                    || w.starts_with("ані")
                    || w.starts_with("жод")
                    || w.starts_with("анти")
            })
        }
        _ => {
            any(&[
                "않",
                "못",
                "없",
                "아니",
                "아닌",
                "아닙",
                "말라",
                "말고",
                "마라",
                "마세요",
                "금지",
                "모르",
                "모른",
                "실패",
                "거부",
                "거절",
                "부족",
                "부재",
                "제외",
                "대신",
                "어렵",
                "어려",
                "힘들",
                "드물",
                "전혀",
                "결코",
                "불과",
                "반대",
                "피하",
                "피해",
                "그만",
                "중단",
                "잃",
                "안되",
                "안된",
                "안 된",
                "안 되",
                "안돼",
                "안 돼",
                "막았",
                "막아",
                "막기",
                "빼면",
                "라기보다",
                "의문",
                "적게",
                "외에",
                "뿐",
            ]) || word(&|w| {
                matches!(w, "안")
                    || ["불", "비", "무", "미", "반"].iter().any(|p| w.starts_with(p) && w.chars().count() >= 3)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, input};

    fn check(from: &str, to: &str, source: &str, output: &str, expected: &[&str]) {
        assert_eq!(codes(&super::check(&input(from, to, source, output))), expected, "{source:?} → {output:?}");
    }

    const LOST: &[&str] = &["negation_missing"];

    #[test]
    fn a_lost_not_is_found() {
        check("en", "uk", "He did not order a retreat.", "Він наказав відступати.", LOST);
        check("en", "ko", "He didn't order a retreat.", "그는 후퇴를 명령했다.", LOST);
        check("uk", "en", "Він не наказував відступати.", "He ordered a retreat.", LOST);
        check("uk", "ko", "Він не наказував відступати.", "그는 후퇴를 명령했다.", LOST);
        check("ko", "en", "그는 후퇴를 명령하지 않았다.", "He ordered a retreat.", LOST);
        check("ko", "uk", "그는 후퇴를 명령하지 않았다.", "Він наказав відступати.", LOST);
    }

    #[test]
    fn a_kept_not_passes_in_any_form() {
        check("en", "uk", "He did not order a retreat.", "Він не наказував відступати.", &[]);
        check("en", "ko", "He never ordered it.", "그는 명령한 적이 없다.", &[]);
        check("uk", "en", "Вона не змогла прийти.", "She was unable to come.", &[]);
        check("ko", "uk", "아무도 오지 않았다.", "Ніхто не прийшов.", &[]);
    }

    #[test]
    fn not_only_is_no_negation() {
        check("en", "uk", "Not only the road was closed.", "Закрили також дорогу.", &[]);
        check("uk", "en", "Не лише дорогу закрили.", "The road was closed, too.", &[]);
    }
}
