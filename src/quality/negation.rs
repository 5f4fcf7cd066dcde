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
                "never" | "cannot" | "nobody" | "neither" | "none" | "nothing" | "nor" => true,
                "no" => !matches!(
                    next(at),
                    "longer"
                        | "doubt"
                        | "matter"
                        | "less"
                        | "fewer"
                        | "more"
                        | "later"
                        | "sooner"
                        | "better"
                        | "wonder"
                ),
                _ => word.ends_with("n't") && word != "isn't" && word != "aren't",
            },
            Language::UK => {
                matches!(
                    word,
                    "немає"
                        | "нема"
                        | "ніхто"
                        | "ніколи"
                        | "нічого"
                        | "жоден"
                        | "жодного"
                        | "жодної"
                        | "жодних"
                ) || word == "не"
                    && !matches!(next(at), "тільки" | "лише" | "менш" | "менше" | "більш" | "більше" | "раз" | "просто")
                    && !next(at).starts_with("пізніш")
                    && !next(at).starts_with("зважаючи")
                    && (at == 0
                        || !matches!(lower[at - 1].as_str(), "ледве" | "мало" | "чи" | "поки" | "доки" | "би" | "ледь"))
            }
            // `없이` and `않을까` are a manner and a guess.
            _ => {
                [
                    "않",
                    "못했",
                    "못하",
                    "없다",
                    "없었",
                    "없는",
                    "없습",
                    "없을",
                    "아니다",
                    "아닙니다",
                    "아니라",
                    "아니었",
                    "못한",
                ]
                .iter()
                .any(|sign| word.contains(sign))
                    && !word.contains("않을까")
                    && !word.contains("뿐만")
            }
        }
    })?;
    Some(spans[at].clone())
}

/// English words and beginnings that negate or say the opposite of something said plainly.
const ENGLISH: (&[&str], &[&str]) = (
    &[
        "not", "no", "never", "none", "nobody", "nothing", "neither", "nor", "nowhere", "few", "rarely", "hardly",
        "barely", "unless", "without", "until", "instead", "against", "yet", "false",
    ],
    &[
        "cannot",
        "unable",
        "unlik",
        "unclear",
        "unknown",
        "unsure",
        "uncert",
        "unwill",
        "unexp",
        "unpre",
        "unaware",
        "unsaf",
        "unreal",
        "unfair",
        "unus",
        "unaff",
        "unch",
        "unfam",
        "unav",
        "unfort",
        "unint",
        "unlaw",
        "unnec",
        "unqu",
        "unre",
        "impossib",
        "inab",
        "incap",
        "insuff",
        "incomp",
        "incorr",
        "ineff",
        "inv",
        "irr",
        "illeg",
        "disagr",
        "dislik",
        "disappr",
        "disqual",
        "fail",
        "avoid",
        "prohibit",
        "ban",
        "exclu",
        "except",
        "apart",
        "different",
        "refus",
        "deny",
        "deni",
        "reject",
        "prevent",
        "absen",
        "lack",
        "miss",
        "forbid",
        "forbad",
        "non",
        "rather",
        "despite",
    ],
);

/// The same for Ukrainian; `UKRAINIAN_OTHER` are beginnings that only look so.
const UKRAINIAN: (&[&str], &[&str]) = (
    &[
        "ні",
        "ніхто",
        "нікого",
        "нікому",
        "ніким",
        "ніщо",
        "нічого",
        "нічому",
        "нічим",
        "ніколи",
        "ніде",
        "нікуди",
        "ані",
    ],
    &[
        "не",
        "ніяк",
        "ніскіл",
        "жод",
        "без",
        "відмов",
        "запереч",
        "спрост",
        "замість",
        "відсутн",
        "брак",
        "уник",
        "запобіг",
        "крім",
        "заборон",
        "позбав",
        "навряд",
        "важк",
        "складно",
        "нема",
        "ледве",
        "проти",
        "попри",
    ],
);
#[rustfmt::skip]
const UKRAINIAN_OTHER: &[&str] = &[
    "неділ", "недав", "нещод", "необхід", "небезп", "неймов", "негайн", "неї", "нею", "нерв", "негр", "нефт", "нейтр",
    "негатив", "небо", "неба", "безпек", "безпеч", "безпосер", "безперерв",
];

/// Pieces of Korean words that negate or say the opposite.
#[rustfmt::skip]
const KOREAN: &[&str] = &[
    "않", "못", "없", "아니", "아닌", "아닙", "아냐", "말라", "말고", "마라", "마세요", "말아", "말 것", "금지", "모르", "모른", "실패", "거부", "거절",
    "부족", "부재", "제외", "안되", "안된", "안 된", "안 되", "안돼", "안 돼", "막았", "막아", "막기", "막는", "빼면", "라기보다", "의문", "적게", "불가",
    "불법", "불편", "불확", "불명", "불만", "무관", "무효", "무죄", "미확", "미완", "비공", "드물", "드문", "어렵", "힘들", "전혀", "결코", "까지는", "그만",
    "안 ", "대신", "부인", "반대",
];

/// Whether a text has any sign of a negation or of a word that says the opposite.
fn hinted(text: &str, language: Language) -> bool {
    let lower = text.to_lowercase().replace('’', "'");
    if language == Language::KO {
        return KOREAN.iter().any(|sign| lower.contains(sign));
    }
    let ((whole, starts), other): (_, &[&str]) =
        if language == Language::UK { (UKRAINIAN, UKRAINIAN_OTHER) } else { (ENGLISH, &[]) };
    words(&lower).into_iter().map(|span| &lower[span]).any(|word| {
        whole.contains(&word)
            || word.ends_with("n't")
            || starts.iter().any(|start| word.starts_with(start)) && !other.iter().any(|start| word.starts_with(start))
    })
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
