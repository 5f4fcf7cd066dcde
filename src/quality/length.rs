//! Checks that the output is about as long as translations in its direction are.
//!
//! The logarithm of output characters over source characters was measured on about 960 aligned news and encyclopedic
//! sentences a direction, the odd lines of the sets (`tools/fit_length.py`, which says how); its variance falls with the
//! length of the source as `steady + short / characters`.

use super::pairs::ends_with_mark;
use super::{Finding, Input, Severity};
use crate::language::Language;

/// Shorter sources say too little about the length of their translation.
const LEAST_CHARACTERS: usize = 12;
/// Standard deviations from the mean that are doubtful; references go beyond about once in 500.
const DOUBTFUL: f32 = 3.6;
/// The same in headlines, measured by their own spread: they have no end mark whose loss would show that the rest was cut
/// off, so less is enough.
const DOUBTFUL_HEADLINE: f32 = 1.45;
/// Standard deviations that hardly any reference reaches (one of 5,762 did).
const IMPOSSIBLE: f32 = 5.5;

/// What is known of a direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Direction {
    /// Mean of the logarithm of the ratio.
    mean: f32,
    /// Variance that stays in long sentences.
    steady: f32,
    /// Variance that shrinks with the number of characters.
    short: f32,
    /// How much wider headlines spread.
    headline: f32,
}

impl Direction {
    /// Standard deviation of the logarithm of the ratio for a source of so many characters.
    pub(super) fn spread(&self, source: f32) -> f32 {
        (self.steady + self.short / source.max(1.0)).sqrt()
    }

    /// How many standard deviations an output is longer (or, below zero, shorter) than expected.
    pub(super) fn deviation(&self, source: f32, output: f32) -> f32 {
        ((output.max(1.0) / source.max(1.0)).ln() - self.mean) / self.spread(source)
    }
}

/// The figures of a direction; wide ones where nothing was measured.
pub(super) fn direction(from: Language, to: Language) -> Direction {
    let (mean, steady, short, headline) = match (from.as_str(), to.as_str()) {
        ("en", "uk") => (0.023, 0.0023, 1.93, 1.45),
        ("uk", "en") => (-0.034, 0.0051, 1.64, 1.58),
        ("en", "ko") => (-0.702, 0.0063, 2.31, 0.98),
        ("uk", "ko") => (-0.731, 0.0108, 2.66, 1.00),
        ("ko", "en") => (0.685, 0.0075, 1.08, 1.12),
        ("ko", "uk") => (0.710, 0.0122, 1.21, 1.02),
        (_, "ko" | "zh" | "ja") => (-0.65, 0.08, 3.0, 1.9),
        ("ko" | "zh" | "ja", _) => (0.65, 0.08, 3.0, 1.9),
        _ => (0.0, 0.06, 3.0, 1.9),
    };
    Direction { mean, steady, short, headline }
}

/// Characters of a text that a translation has to answer for. Korean writes foreign names in its own letters and may put the
/// original behind them in brackets, `트럼프(Trump)`: one name, which the other languages write once.
pub(super) fn characters(text: &str, language: Language) -> usize {
    let text = text.trim();
    if language != Language::KO || !text.contains('(') {
        return text.chars().count();
    }
    let mut count = 0;
    let mut rest = text;
    while let Some(at) = rest.find('(') {
        let (before, behind) = rest.split_at(at);
        count += before.chars().count();
        let gloss = behind.find(')').map(|end| &behind[..=end]).filter(|gloss| {
            before.trim_end().ends_with(is_syllable)
                && gloss[1..].starts_with(|c: char| c.is_alphabetic() && !is_syllable(c))
                && !gloss.contains(is_syllable)
        });
        let taken = gloss.map_or(1, str::len);
        count += usize::from(gloss.is_none());
        rest = &behind[taken..];
    }
    count + rest.chars().count()
}

fn is_syllable(c: char) -> bool {
    ('가'..='힣').contains(&c)
}

/// How many standard deviations the output is longer (or, below zero, shorter) than expected.
pub(super) fn deviation(input: &Input<'_>) -> Option<f32> {
    let (source, output) = (characters(input.source, input.from), characters(input.output, input.to));
    if source < LEAST_CHARACTERS || output == 0 || input.from == input.to {
        return None;
    }
    Some(direction(input.from, input.to).deviation(source as f32, output as f32))
}

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let Some(deviation) = deviation(input) else { return Vec::new() };
    let spread = direction(input.from, input.to).headline;
    let short = deviation < -DOUBTFUL_HEADLINE * spread && !ends_with_mark(input.source);
    if deviation.abs() <= DOUBTFUL && !short {
        return Vec::new();
    }
    let severity = if deviation.abs() > IMPOSSIBLE { Severity::Error } else { Severity::Warning };
    let source = characters(input.source, input.from);
    let expected = source as f32 * direction(input.from, input.to).mean.exp();
    let got = characters(input.output, input.to);
    let (code, word) = if deviation < 0.0 { ("too_short", "short") } else { ("too_long", "long") };
    vec![Finding::new(
        code,
        severity,
        format!("output is too {word}: expected about {expected:.0} characters for {source}, got {got}"),
    )]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, input};

    const EN: &str = "The trucks delivered 62.5 tonnes of supplies, enough to feed 1,200 people for about six weeks.";

    fn check(from: &str, to: &str, source: &str, output: &str, expected: &[&str]) {
        assert_eq!(codes(&super::check(&input(from, to, source, output))), expected, "{output}");
    }

    #[test]
    fn full_translations_pass() {
        let uk =
            "Вантажівки привезли 62,5 тонни допомоги, якої вистачить, щоб годувати 1200 людей близько шести тижнів.";
        let ko = "트럭은 1,200명이 약 6주 동안 먹을 수 있는 구호품 62.5톤을 실어 왔다.";
        check("en", "uk", EN, uk, &[]);
        check("uk", "en", uk, EN, &[]);
        check("en", "ko", EN, ko, &[]);
        check("ko", "en", ko, EN, &[]);
        check("uk", "ko", uk, ko, &[]);
        check("ko", "uk", ko, uk, &[]);
    }

    #[test]
    fn originals_in_brackets_are_not_counted_twice() {
        let count = |text: &str| super::characters(text, crate::language::Language::KO);
        assert_eq!(count("트럼프(Trump)가 웨스트 버지니아 (West Virginia) 로"), count("트럼프가 웨스트 버지니아  로"));
        for kept in ["40(사십)", "(Trump)가", "비율(40%)", "열린(open", "(), ("] {
            assert_eq!(count(kept), kept.chars().count(), "{kept}");
        }
        let title = "카일 로우(Kyle Rowe), 그레고르 헨리(Gregor Henry)와 만나다";
        check("ko", "uk", title, "Кайл Роу зустрівся з Грегором Генрі", &[]);
    }

    #[test]
    fn a_rest_is_too_short() {
        check("en", "uk", EN, "Вантажівки привезли 62,5 тонни.", &["too_short"]);
        check("en", "ko", EN, "트럭은 62.5톤.", &["too_short"]);
        check(
            "uk",
            "en",
            "Дорогу прострілювали на ділянці завдовжки 3,5 км, тому довелося чекати.",
            "The road.",
            &["too_short"],
        );
    }

    #[test]
    fn half_a_headline_is_too_short() {
        let headline = "Grey Harbour council delays vote on new ferry to the islands";
        check("en", "uk", headline, "Рада Сірої Гавані відклала голосування щодо порома на острови", &[]);
        check("en", "uk", headline, "Рада Сірої Гавані відклала голосування", &["too_short"]);
        // With an end mark, `pairs` would see that it is gone.
        check("en", "uk", &format!("{headline}."), "Рада Сірої Гавані відклала голосування.", &[]);
    }

    #[test]
    fn an_essay_is_too_long() {
        check(
            "en",
            "uk",
            "The bridge is closed.",
            &"Міст закрито, і ніхто не знає, коли його відкриють. ".repeat(4),
            &["too_long"],
        );
    }

    #[test]
    fn very_short_sources_say_nothing() {
        check("en", "uk", "Read also:", "Так", &[]);
    }
}
