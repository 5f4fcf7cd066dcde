//! Checks that what is negated stays negated. Signs of negation are counted on both sides: plain ones, which survive a
//! translation in some form, and soft ones, words that say the opposite (`failed to`, `unhurt`). A source with more
//! plain ones than the output has of any kind has lost one. An output in Ukrainian or Korean is also read by itself:
//! `ніхто` wants a `не`, `전혀` a negated verb.

use std::ops::Range;

use super::letters::words;
use super::names::push_lower;
use super::{Finding, Input, Severity};
use crate::language::Language;

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let first_class = |language| matches!(language, Language::EN | Language::UK | Language::KO);
    if !first_class(input.from) || !first_class(input.to) || input.from == input.to {
        return Vec::new();
    }
    let source = Signs::of(input.source, input.from);
    // English has no word that shows by itself that a negation is gone.
    if source.plain.is_empty() && input.to == Language::EN {
        return Vec::new();
    }
    let output = Signs::of(input.output, input.to);
    if let Some(place) = output.lone.clone() {
        let message =
            format!("negation may be lost: {:?} wants a negated verb, got none", &input.output[place.clone()]);
        return vec![Finding::new("negation_missing", Severity::Warning, message).in_output(place)];
    }
    if source.loses(output.total()) {
        let place = source.plain[0].clone();
        let message = format!(
            "negation may be lost: expected {} signs of it as for {:?}, got {}",
            source.plain.len(),
            &input.source[place.clone()],
            output.total()
        );
        return vec![Finding::new("negation_missing", Severity::Warning, message).in_source(place)];
    }
    Vec::new()
}

/// The signs of negation in a text.
#[derive(Debug, Default)]
struct Signs {
    /// Words that negate beyond doubt and are negated in any language.
    plain: Vec<Range<usize>>,
    /// Words that say the opposite of something, or negate in a way that others say plainly.
    soft: usize,
    /// Negations that negate nothing: not only, no longer, не лише, 뿐만 아니라.
    idle: usize,
    /// A word that wants a negation in its sentence and has none.
    lone: Option<Range<usize>>,
}

/// What a word is to a negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plain,
    Soft,
    Idle,
    None,
}

impl Signs {
    /// The signs of any kind.
    fn total(&self) -> usize {
        self.plain.len() + self.soft + self.idle
    }

    /// Whether so many signs of another text are too few.
    fn loses(&self, kept: usize) -> bool {
        match self.plain.len() {
            plain @ 0..=2 => kept < plain,
            // One negation may stand for several in a list: he did not eat, drink or sleep.
            plain => kept < plain / 2,
        }
    }

    fn of(text: &str, language: Language) -> Signs {
        let spans = words(text);
        let lower = Lower::of(text, &spans, language);
        let mut signs = Signs::default();
        let mut wants: Option<Range<usize>> = None;
        for at in 0..spans.len() {
            let (sign, polar) = match language {
                Language::EN => (english(&lower, at), false),
                Language::UK => (ukrainian(&lower, at), wants_negation_ukrainian(lower.word(at))),
                _ => (korean(&lower, at), wants_negation_korean(&lower, at)),
            };
            match sign {
                // "No, thank you" and "No. 5".
                Sign::Plain if lower.word(at) == "no" && !text[spans[at].end..].starts_with(' ') => signs.idle += 1,
                Sign::Plain => signs.plain.push(spans[at].clone()),
                Sign::Soft => signs.soft += 1,
                Sign::Idle => signs.idle += 1,
                Sign::None => {}
            }
            if polar && wants.is_none() {
                wants = Some(spans[at].clone());
            }
        }
        // Any sign at all satisfies it: the sentences of a segment are not told apart.
        if signs.total() == 0 {
            signs.lone = wants;
        }
        signs
    }
}

/// The words of a text in lower case, with one kind of apostrophe.
struct Lower {
    text: String,
    ends: Vec<usize>,
}

impl Lower {
    /// Apostrophes of all kinds are one.
    fn of(text: &str, spans: &[Range<usize>], language: Language) -> Lower {
        let mut lower = Lower { text: String::with_capacity(text.len()), ends: Vec::with_capacity(spans.len()) };
        for span in spans {
            let word = &text[span.clone()];
            if language == Language::KO {
                lower.text.push_str(word);
            } else if word.contains('’') {
                push_lower(&word.replace('’', "'"), &mut lower.text);
            } else {
                push_lower(word, &mut lower.text);
            }
            lower.ends.push(lower.text.len());
        }
        lower
    }

    /// A word; empty beyond the ends.
    fn word(&self, at: usize) -> &str {
        let Some(&end) = self.ends.get(at) else { return "" };
        &self.text[at.checked_sub(1).map_or(0, |before| self.ends[before])..end]
    }

    fn before(&self, at: usize) -> &str {
        at.checked_sub(1).map_or("", |at| self.word(at))
    }
}

fn begins(word: &str, list: &[&str]) -> bool {
    list.iter().any(|start| word.starts_with(start))
}

/// The same for a long list that is sorted and in which no entry begins with another one.
fn begins_sorted(word: &str, list: &[&str]) -> bool {
    list.partition_point(|start| *start <= word).checked_sub(1).is_some_and(|last| word.starts_with(list[last]))
}

/// Whether a word contains an entry of a sorted list in which no entry begins with another one.
fn contains_sorted(word: &str, list: &[&str]) -> bool {
    word.char_indices().any(|(at, _)| begins_sorted(&word[at..], list))
}

fn english(words: &Lower, at: usize) -> Sign {
    let (word, next) = (words.word(at), words.word(at + 1));
    match word {
        "not" => match next {
            "only" | "just" | "least" | "merely" | "until" | "too" | "forget" | "surprisingly" | "unlike" | "far"
            | "hesitate" | "even" => Sign::Idle,
            _ => Sign::Plain,
        },
        "without" if next == "fail" || words.before(at) == "or" => Sign::Idle,
        "never" | "cannot" | "nobody" | "none" | "nothing" | "neither" | "without" | "nowhere" => Sign::Plain,
        // The second half of "neither … nor" is no negation of its own.
        "nor" => Sign::Soft,
        "no" => match next {
            "doubt" | "matter" | "less" | "fewer" | "more" | "later" | "sooner" | "better" | "wonder" | "further"
            | "smaller" | "larger" | "bigger" | "greater" | "higher" | "lower" | "earlier" | "stranger" | "" => {
                Sign::Idle
            }
            // No. 5, no one is the pronoun.
            _ if words.before(at) == "of" => Sign::Idle,
            _ => Sign::Plain,
        },
        _ if word.ends_with("n't") => match word {
            // "Isn't it?", "Why wouldn't I": questions that are none.
            "isn't" | "aren't" | "wasn't" | "weren't" | "wouldn't" | "don't" | "doesn't" | "didn't" | "couldn't"
                if matches!(words.before(at), "why" | "") =>
            {
                if word == "don't" {
                    Sign::Plain
                } else {
                    Sign::Idle
                }
            }
            _ if matches!(next, "forget" | "only" | "just" | "hesitate" | "help") => Sign::Idle,
            _ => Sign::Plain,
        },
        _ if begins(word, ENGLISH_PLAIN) => Sign::Plain,
        _ if ENGLISH_WORDS.contains(&word)
            || begins_sorted(word, ENGLISH_STARTS)
            || word.starts_with("non") && !begins(word, &["nongov", "nonprof", "none"])
            || word.starts_with("un") && word.len() >= 5 && !begins(word, ENGLISH_NOT_UN)
            || word.ends_with("less")
                && !matches!(word, "less" | "bless" | "unless" | "nevertheless" | "nonetheless") =>
        {
            Sign::Soft
        }
        _ => Sign::None,
    }
}

/// Beginnings of English words that other languages negate plainly.
const ENGLISH_PLAIN: &[&str] = &[
    "unable",
    "unlikel",
    "unknown",
    "unclear",
    "unsure",
    "uncertain",
    "unwilling",
    "unaware",
    "unrelated",
    "unhurt",
    "unharm",
    "uninjur",
    "impossib",
    "inabilit",
    "incapab",
    "unaffect",
    "unchang",
    "unavail",
    "unidentif",
    "unnecess",
    "unusual",
    "unfair",
    "unpaid",
];

/// English words and beginnings that say the opposite of something.
#[rustfmt::skip]
const ENGLISH_WORDS: &[&str] = &[
    "few", "little", "rarely", "seldom", "hardly", "barely", "scarcely", "unless", "instead", "false", "ban", "bans", "banned", "ill", "poor",
    "poorly", "bad", "badly", "wrong", "free", "otherwise", "stop", "stopped",
];
#[rustfmt::skip]
const ENGLISH_STARTS: &[&str] = &[
    "absen", "abst", "apart", "avoid", "below", "besides", "beyond", "cancel", "cease", "declin", "deni",
    "deny", "despite", "difficult", "disagr", "disappe", "disappr", "disconn", "dislik", "dismiss", "dispro",
    "disqual", "disreg", "doubt", "elimin", "empty", "except", "exclu", "exempt", "fail", "forbad", "forbid",
    "halt", "hesit", "ignor", "illeg", "impossib", "improb", "inab", "inac", "inad", "inapp", "incap", "incomp",
    "incons", "incorr", "ineff", "inex", "insuff", "invalid", "invis", "irreg", "irrel", "irres", "lack",
    "limited", "lose", "losing", "loss", "lost", "miss", "neglect", "opposit", "prevent", "prohibit", "quit",
    "rare", "rather", "refrain", "refus", "regardless", "reject", "reluct", "resist", "scant", "shortag",
    "shortly", "shun", "struggl", "void", "withdr", "withh",
];
/// Words that begin with `un` and negate nothing.
#[rustfmt::skip]
const ENGLISH_NOT_UN: &[&str] = &[
    "under", "union", "unit", "unif", "unique", "univ", "uncle", "unan", "unic", "unil", "unis", "until", "unto", "unve", "unle", "unes",
];

fn ukrainian(words: &Lower, at: usize) -> Sign {
    let (word, next, before) = (words.word(at), words.word(at + 1), words.before(at));
    match word {
        "без" if begins(next, &["сумнів", "винятк", "перебільш", "вагань", "упин", "кінця"]) => {
            Sign::Idle
        }
        "немає" | "нема" | "без" => Sign::Plain,
        _ if begins(word, &["неможлив", "невідом", "нездат", "невдоз"]) => Sign::Plain,
        "не" => {
            let idle = matches!(
                next,
                "тільки"
                    | "лише"
                    | "менш"
                    | "менше"
                    | "більш"
                    | "більше"
                    | "раз"
                    | "просто"
                    | "так"
                    | "дуже"
                    | "надто"
                    | "обов'язково"
                    | "всі"
                    | "усі"
                    | "кожен"
                    | "зовсім"
                    | "варто"
                    | "тому"
                    | "стільки"
                    | "раніше"
                    | "дивно"
            ) || begins(
                next,
                &["пізніш", "зважаючи", "забу", "дивлячись", "виключ", "важливо", "вистач", "подоба"],
            ) || matches!(before, "ще" | "ледве" | "мало" | "чи" | "поки" | "доки" | "ледь" | "далеко");
            if idle { Sign::Idle } else { Sign::Plain }
        }
        "ні" | "ані" | "ніщо" | "нічого" | "нічим" | "нікуди" | "ніде" => Sign::None,
        _ if begins_sorted(word, UKRAINIAN_STARTS) && !begins_sorted(word, UKRAINIAN_OTHER) => Sign::Soft,
        _ => Sign::None,
    }
}

/// Beginnings of Ukrainian words that say the opposite of something.
#[rustfmt::skip]
const UKRAINIAN_STARTS: &[&str] = &[
    "байдуж", "без", "брак", "важк", "виключ", "втрат", "відмов", "відсутн", "даремн", "заборон", "замість",
    "запереч", "запобіг", "зник", "зупин", "кинув", "крім", "ледве", "ледь", "мало", "марн", "навпаки",
    "навряд", "не", "обмеж", "окрім", "перестав", "перестал", "поган", "поза", "позбав", "помилк", "припин",
    "провал", "програ", "рідк", "скасу", "складн", "спрост", "сумнів", "тяжк", "уник", "утрим", "хибн",
];
/// Beginnings that only look so.
#[rustfmt::skip]
const UKRAINIAN_OTHER: &[&str] = &[
    "безпек", "безперерв", "безпеч", "безпосер", "безумовн", "неабия", "неандерт", "неба", "небезп", "небес",
    "небо", "негайн", "негатив", "негр", "недав", "неділ", "незабар", "незалеж", "незважа", "неймов", "нейрон",
    "нейтр", "необхід", "неодмін", "неоднораз", "непал", "неподал", "нерв", "нефт", "нещод", "нею", "неї",
];

/// Whether a Ukrainian word is right only where something is negated.
fn wants_negation_ukrainian(word: &str) -> bool {
    matches!(
        word,
        "ніхто"
            | "нікого"
            | "ніколи"
            | "жоден"
            | "жодного"
            | "жодної"
            | "жодних"
            | "жодному"
            | "жодна"
            | "жодне"
            | "жодну"
    )
}

fn korean(words: &Lower, at: usize) -> Sign {
    let (word, next, before) = (words.word(at), words.word(at + 1), words.before(at));
    if begins(word, KOREAN_IDLE) || KOREAN_IDLE_PARTS.iter().any(|part| word.contains(part)) {
        return Sign::Idle;
    }
    if word.contains("않") {
        let idle = word.contains("않을까")
            || word.contains("못지않")
            || before.ends_with("지나지")
            || before.ends_with("마지")
            || matches!(before, "그렇지" | "개의치" | "아끼지" | "머지")
            || word.contains("않으면") && begins(next, &["안", "아니"]);
        return if idle {
            Sign::Idle
        } else if before.starts_with("좋지") || word == "않기" && begins(next, &["위해", "위하"]) {
            Sign::Soft
        } else {
            Sign::Plain
        };
    }
    if word.contains("없") {
        let idle = before.ends_with("밖에")
            || before.ends_with("관계")
            || before.ends_with("상관")
            || matches!(before, "수도" | "변함이" | "여지가" | "다름이" | "말할");
        // Little and few are no negations in other languages.
        // A thing that cannot be done is an adjective there: indisputable, untreatable.
        let little = matches!(before, "거의" | "별로" | "크게")
            || word.contains("없애")
            || word.contains("없이")
            || before == "수" && word.starts_with("없는")
            // Needless, unrelated: others say it in one word.
            || before.starts_with("필요")
            || matches!(before, "관련" | "관련이" | "소용" | "소용이" | "쓸모" | "쓸모가");
        return if idle {
            Sign::Idle
        } else if little {
            Sign::Soft
        } else {
            Sign::Plain
        };
    }
    // To fall short of.
    if before.ends_with("미치지") && begins(word, &["못하", "못했", "못한", "못할", "못합"]) {
        return Sign::Soft;
    }
    if begins(word, &["못하", "못했", "못한", "못할", "못합"])
        || ["못했", "못하", "못한", "못할"].iter().any(|sign| word.contains(sign))
    {
        return Sign::Plain;
    }
    if begins(before, &["별것", "별거"]) {
        return Sign::Idle;
    }
    if begins(word, &["아니다", "아닙니다", "아니었", "아니며", "아니고", "아니지", "아닌", "아니에요", "아녜요"])
    {
        return Sign::Plain;
    }
    if word.starts_with("아니") {
        // 뿐만 아니라 is not only; 가 아니라 is rather than.
        return if before.contains("뿐") || begins(next, &["오히려"]) { Sign::Idle } else { Sign::Soft };
    }
    // Less than and must: 천 건이 안 되지만, 하지 않으면 안 된다.
    if word == "안" && begins(next, &["되", "된", "될", "돼"]) {
        return Sign::Soft;
    }
    if matches!(word, "안" | "못") && !next.is_empty() && !begins(next, &["에", "으로"]) {
        return Sign::Plain;
    }
    if word.contains("불가능") {
        return Sign::Plain;
    }
    if contains_sorted(word, KOREAN_PARTS) { Sign::Soft } else { Sign::None }
}

/// Words with `없` and `않` that negate nothing.
#[rustfmt::skip]
const KOREAN_IDLE: &[&str] = &["끊임없", "틀림없", "수없이", "다름없", "변함없", "거리낌없", "어김없", "빠짐없", "상관없", "관계없", "아낌없", "꼼짝없", "하염없", "더없이", "머지않", "못지않", "적지", "만만치"];
const KOREAN_IDLE_PARTS: &[&str] = &["뿐만", "않아도", "나위"];

/// Pieces of Korean words that say the opposite of something.
#[rustfmt::skip]
const KOREAN_PARTS: &[&str] = &[
    "거부", "거절", "그만", "금지", "꺼리", "낮", "다르", "달리", "대신", "드문", "드물", "라기보다", "마라", "마세요", "마십", "막는", "막아",
    "막았", "말고", "말도", "말라", "말아", "말자", "멈추", "멈췄", "면하", "모르", "모른", "몰랐", "못", "무관", "무단", "무명", "무사", "무시",
    "무의", "무죄", "무책", "무효", "미만", "미숙", "미완", "미지", "미확", "반대", "반면", "벗어", "부인", "부재", "부족", "불가", "불만", "불명",
    "불법", "불안", "불이", "불편", "불필", "불확", "비공", "비어", "비회", "빠지", "빠진", "빼면", "사라", "실패", "아랑곳", "안돼", "안되", "안된",
    "안됩", "어려", "어렵", "외에", "의문", "의심", "이하", "잃", "적게", "적은", "제외", "제한", "중단", "취소", "포기", "피하", "헛", "힘든",
    "힘들",
];

/// Whether a Korean word is right only where something is negated.
fn wants_negation_korean(words: &Lower, at: usize) -> bool {
    let (word, next) = (words.word(at), words.word(at + 1));
    match word {
        "결코" | "별로" | "아무도" | "아무것도" | "도저히" | "좀처럼" => true,
        "전혀" => !begins(next, &["다른", "다르", "새로", "별개"]),
        "더" => next == "이상",
        "거의" => begins(next, &["있"]),
        _ => false,
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
    fn lists_are_sorted_and_free_of_repetitions() {
        for list in [super::ENGLISH_STARTS, super::UKRAINIAN_STARTS, super::UKRAINIAN_OTHER, super::KOREAN_PARTS] {
            assert!(list.is_sorted_by(|a, b| a < b && !b.starts_with(a)), "{list:?}");
        }
    }

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

    #[test]
    fn signs_are_counted() {
        check("en", "uk", "He did not come and could not call.", "Він прийшов і не міг подзвонити.", LOST);
        check("en", "uk", "He did not come and could not call.", "Він не прийшов і не міг подзвонити.", &[]);
        check("uk", "en", "Ніхто нікому нічого не сказав.", "Nobody told anybody anything.", &[]);
        check("en", "ko", "It is unknown who did not come.", "누가 오지 않았는지 알려졌다.", LOST);
        check("uk", "en", "Він не їв, не пив і не спав.", "He did not eat, drink or sleep.", &[]);
    }

    #[test]
    fn words_that_want_a_negation_are_enough() {
        check("en", "uk", "Everyone came in time.", "Ніхто прийшов вчасно.", LOST);
        check("en", "ko", "The plan worked.", "그 계획은 전혀 통했다.", LOST);
        check("en", "ko", "It is another plan.", "그것은 전혀 다른 계획이다.", &[]);
    }

    #[test]
    fn numbers_of_things_are_no_negations() {
        check("en", "uk", "It stands in hall No. 5.", "Це стоїть у залі № 5.", &[]);
        check("ko", "en", "얼마 지나지 않아 길이 열렸다.", "The road opened soon.", &[]);
    }
}
