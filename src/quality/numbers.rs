//! Compares the numbers of source and output by value, whatever way each language writes them, and with them units,
//! money and dates.
//!
//! A number in figures, and a word that is a number beyond doubt, has to have a partner on the other side, in figures
//! or in any word that may stand for it. Measures in other units pass where the sum is right.

use super::mentions::{Mention, Reading, is_known};
use super::units::{Conversion, MONTH_OF_YEAR, Measure, Units, conversion};
use super::{Finding, Input, Severity, clock, dates, measures, quantity};
use crate::language::Language;

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let source = Reading::of(input.source, input.from);
    let output = Reading::of(input.output, input.to);
    let mut findings = values(&source, &output);
    if is_known(input.from) && is_known(input.to) {
        findings.extend(measures::compare(&source, &output));
        let (from, to) = (dates::read(&source.tokens, input.from), dates::read(&output.tokens, input.to));
        findings.extend(dates::compare((input.source, &from), (input.output, &to)));
        findings.extend(clock::compare(&source, &output));
    }
    findings
}

/// The findings about values that changed, are missing or are new.
fn values(source: &Reading<'_>, output: &Reading<'_>) -> Vec<Finding> {
    let strict = is_known(source.language) && is_known(output.language);
    let mut lost = without_partner(source, output, strict);
    let mut new = without_partner(output, source, strict);
    let mut findings = Vec::new();
    convert((&mut lost, &mut new), (source, output), &mut findings);
    let imperial = !lost.is_empty() && !new.is_empty() && (is_imperial(source.text()) || is_imperial(output.text()));
    let mut surplus = if lost.is_empty() { Vec::new() } else { surplus(output, source, strict) };
    for mention in lost {
        let expected = &source.text()[mention.span.clone()];
        let unknown = |got: &Mention| mention.units.is_empty() || got.units.is_empty();
        if imperial && let Some(at) = new.iter().position(|got| unknown(got) && is_conversion(mention, got)) {
            let got = new.remove(at);
            findings.push(converted(source, mention, output, got));
            continue;
        }
        let partner = partner(mention, &new)
            .map(|at| new.remove(at))
            .or_else(|| partner(mention, &surplus).map(|at| surplus.remove(at)));
        let finding = if let Some(got) = partner {
            let message = format!("number changed: expected {expected:?}, got {:?}", &output.text()[got.span.clone()]);
            Finding::new("number_changed", changed(mention, got), message)
                .in_source(mention.span.clone())
                .in_output(got.span.clone())
        } else {
            let message = format!("number is missing: expected {expected:?}");
            Finding::new("number_missing", self::lost(mention, output.language), message)
                .in_source(mention.span.clone())
        };
        findings.push(finding);
    }
    let mut surplus = if new.is_empty() { Vec::new() } else { self::surplus(source, output, strict) };
    for got in new {
        let text = &output.text()[got.span.clone()];
        let finding = if let Some(at) = partner(got, &surplus) {
            let mention = surplus.remove(at);
            let message = format!("number changed: expected {:?}, got {text:?}", &source.text()[mention.span.clone()]);
            Finding::new("number_changed", changed(mention, got), message).in_source(mention.span.clone())
        } else {
            Finding::new("number_new", added(got), format!("number is new: the source has no {text:?}"))
        };
        findings.push(finding.in_output(got.span.clone()));
    }
    if strict && findings.is_empty() {
        findings.extend(exchanged(source, output));
    }
    findings
}

/// Whether a number has to have a partner by its value. Months in figures are compared as months.
fn is_wanted(mention: &Mention, strict: bool) -> bool {
    let month = mention.units == MONTH_OF_YEAR && mention.singles().all(|value| (1.0..=12.0).contains(&value));
    if strict { !month } else { !mention.spelled }
}

/// The numbers of a text that the other has in no form.
fn without_partner<'r>(own: &'r Reading<'_>, other: &Reading<'_>, strict: bool) -> Vec<&'r Mention> {
    own.mentions
        .iter()
        .filter(|mention| is_wanted(mention, strict))
        .filter(|mention| !mention.alternatives.iter().any(|all| all.iter().all(|&value| other.has(value))))
        .collect()
}

/// Numbers that a text says more often than the other: one of them may be what another number became.
fn surplus<'r>(own: &'r Reading<'_>, other: &Reading<'_>, strict: bool) -> Vec<&'r Mention> {
    let value = |mention: &Mention| match mention.alternatives.as_slice() {
        [single] if single.len() == 1 => Some(single[0]),
        _ => None,
    };
    let mut found = Vec::new();
    for (at, mention) in own.mentions.iter().enumerate().filter(|(_, mention)| is_wanted(mention, strict)) {
        // What the other text does not say at all is lost or new, or was converted.
        let Some(wanted) = value(mention).filter(|&value| other.has(value)) else { continue };
        let here = own.mentions[..=at]
            .iter()
            .filter(|m| m.alternatives.iter().flatten().any(|&v| quantity::is(v, wanted)))
            .count();
        let there =
            other.mentions.iter().filter(|m| m.alternatives.iter().flatten().any(|&v| quantity::is(v, wanted))).count();
        if here <= there {
            continue;
        }
        let mut words: Vec<usize> =
            other.loose.iter().filter(|loose| quantity::is(loose.value, wanted)).map(|loose| loose.word).collect();
        words.dedup();
        let spelled =
            other.mentions.iter().filter(|m| m.spelled && m.singles().any(|v| quantity::is(v, wanted))).count();
        let bare = if quantity::is(wanted, 1.0) { other.bare.len() } else { 0 };
        if here > there + words.len().saturating_sub(spelled) + bare {
            found.push(mention);
        }
    }
    found
}

/// One number said once too often on each side: `2, 2, 3` became `2, 3, 3`.
fn exchanged(source: &Reading<'_>, output: &Reading<'_>) -> Option<Finding> {
    let lost = surplus(source, output, true);
    if lost.is_empty() {
        return None;
    }
    let new = surplus(output, source, true);
    let (mention, got) = (*lost.first()?, *new.first()?);
    let (expected, text) = (&source.text()[mention.span.clone()], &output.text()[got.span.clone()]);
    let message = format!("number changed: expected {expected:?} once more, got {text:?}");
    let finding = Finding::new("number_changed", Severity::Warning, message);
    Some(finding.in_source(mention.span.clone()).in_output(got.span.clone()))
}

/// The number of a list that another most likely became: one of the same units first, then one written the same way.
fn partner(mention: &Mention, others: &[&Mention]) -> Option<usize> {
    let by = |fits: &dyn Fn(&Mention) -> bool| others.iter().position(|other| fits(other));
    by(&|other| other.units.meets(mention.units))
        .or_else(|| by(&|other| other.spelled == mention.spelled))
        .or_else(|| by(&|_| true))
}

/// Takes measures that are the same in other units off the lists; what is only about right becomes a finding.
fn convert<'r>(
    (lost, new): (&mut Vec<&'r Mention>, &mut Vec<&'r Mention>),
    sides: (&Reading<'_>, &Reading<'_>),
    findings: &mut Vec<Finding>,
) {
    let (source, output) = sides;
    for wanted in [Conversion::Exact, Conversion::Rough] {
        lost.retain(|mention| {
            let Some(at) = new.iter().position(|got| fit(mention, got) == Some(wanted)) else { return true };
            let got = new.remove(at);
            if wanted == Conversion::Rough {
                findings.push(converted(source, mention, output, got));
            }
            false
        });
    }
    // "1,600 km (1,000 miles)": the second sum may be left out or added, but not changed.
    let rivals: Vec<Units> = new.iter().map(|got| got.units).collect();
    let dropped = |mention: &Mention| output.measures().any(|other| fits(mention.measures(), other));
    let before: Vec<Units> = lost.iter().map(|mention| mention.units).collect();
    lost.retain(|mention| rivals.iter().any(|units| units.meets(mention.units)) || !dropped(mention));
    let added = |got: &Mention| source.measures().any(|own| got.measures().any(|got| is_exact(own, got)));
    new.retain(|got| before.iter().any(|units| units.meets(got.units)) || !added(got));
}

/// Whether one of the measures is another one in other units, but for rounding.
fn fits(mut measures: impl Iterator<Item = Measure>, other: Measure) -> bool {
    measures.any(|measure| is_exact(measure, other))
}

fn is_exact(from: Measure, to: Measure) -> bool {
    conversion(from, to) == Some(Conversion::Exact)
}

/// How well two numbers are one measure in different units.
fn fit(one: &Mention, other: &Mention) -> Option<Conversion> {
    if one.units.is_empty() || other.units.is_empty() {
        return None;
    }
    one.measures().flat_map(|a| other.measures().map(move |b| (a, b))).filter_map(|(a, b)| conversion(a, b)).min()
}

fn converted(source: &Reading<'_>, lost: &Mention, output: &Reading<'_>, got: &Mention) -> Finding {
    let (expected, text) = (&source.text()[lost.span.clone()], &output.text()[got.span.clone()]);
    let message = format!("number was converted, check the sum: {expected:?} became {text:?}");
    let finding = Finding::new("unit_converted", Severity::Warning, message);
    finding.in_source(lost.span.clone()).in_output(got.span.clone())
}
/// Numbers up to this are often written in words.
const LARGEST_SPELLED: f64 = 20.0;

/// One and two turn into articles and pairs in good translations, and out of them; other numbers do not.
fn is_small(mention: &Mention) -> bool {
    mention.alternatives.iter().flatten().all(|&value| quantity::is(value, 1.0) || quantity::is(value, 2.0))
}

/// How much a lost number matters.
fn lost(mention: &Mention, to: Language) -> Severity {
    // The number words of other languages are not known here: a number that newspapers spell out may well be there.
    let words_known = [Language::EN, Language::UK, Language::KO].contains(&to);
    let spelled = !words_known && mention.alternatives.iter().flatten().all(|&value| value <= LARGEST_SPELLED);
    if is_small(mention) && !mention.spelled || spelled {
        return Severity::Note;
    }
    if mention.spelled { Severity::Warning } else { Severity::Error }
}

/// How much a number without a source matters.
fn added(mention: &Mention) -> Severity {
    if is_small(mention) || mention.spelled { Severity::Warning } else { Severity::Error }
}

/// How much it matters that one number stands where another should.
fn changed(lost: &Mention, got: &Mention) -> Severity {
    let doubtful = is_small(lost) && is_small(got) || lost.spelled || got.spelled;
    if doubtful { Severity::Warning } else { Severity::Error }
}

/// Whether a text has a unit that one side may have turned into a metric one.
fn is_imperial(text: &str) -> bool {
    const UNITS: &[&str] = &[
        "mile",
        "mph",
        "feet",
        "foot",
        "inch",
        "yard",
        "pound",
        "degree",
        "acre",
        "gallon",
        "ounce",
        "°F",
        "миль",
        "милі",
        "миля",
        "фут",
        "дюйм",
        "ярд",
        "градус",
        "акр",
        "галон",
        "마일",
        "피트",
        "인치",
        "야드",
        "파운드",
        "화씨",
        "에이커",
        "갤런",
        "온스",
        "℉",
        "평",
    ];
    UNITS.iter().any(|unit| text.contains(unit))
}

/// Whether two numbers are one measure in two units, rounded as newspapers round.
fn is_conversion(one: &Mention, other: &Mention) -> bool {
    // mile, foot, inch, yard, pound, acre, gallon, ounce, pyeong in their metric units.
    const FACTORS: &[f64] = &[1.609_34, 0.3048, 30.48, 2.54, 0.9144, 0.4536, 0.4047, 3.785, 28.35, 3.306];
    let near = |a: f64, b: f64| (a - b).abs() <= 0.05 * a.abs().max(b.abs());
    one.alternatives.iter().flatten().any(|&a| {
        other.alternatives.iter().flatten().any(|&b| {
            let fahrenheit = |f: f64, c: f64| (c - (f - 32.0) / 1.8).abs() <= 1.0;
            FACTORS.iter().any(|factor| near(a * factor, b) || near(b * factor, a))
                || fahrenheit(a, b)
                || fahrenheit(b, a)
        })
    })
}

/// Numbers in figures of one text that another text has in no form.
pub(super) fn unmatched(text: (&str, Language), other: (&str, Language)) -> Vec<Mention> {
    let own = Reading::of(text.0, text.1);
    if own.mentions.is_empty() {
        return Vec::new();
    }
    let other = Reading::of(other.0, other.1);
    without_partner(&own, &other, false).into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, input};

    fn check(from: &str, to: &str, source: &str, output: &str, expected: &[&str]) {
        assert_eq!(codes(&super::check(&input(from, to, source, output))), expected, "{source:?} → {output:?}");
    }

    #[test]
    fn equal_values_pass_in_any_spelling() {
        check("en", "uk", "1,234.5 km and 12.5%", "1 234,5 км і 12,5 %", &[]);
        check("en", "ko", "$1.56 billion, 12,000 homes", "15억 6천만 달러, 1만 2천 가구", &[]);
        check("uk", "ko", "8,4 млн грн, 1,26 млрд", "840만 흐리우냐, 12억 6천만", &[]);
        check("ko", "uk", "2조 1,740억 원", "2,174 трлн вон", &[]);
        check("ko", "en", "3억 5천만 명", "350 million people", &[]);
        check("uk", "en", "412 тисяч", "412,000", &[]);
        check("en", "pt", "1,200 of 3.4 million", "1.200 de 3,4 milhões", &[]);
        check("en", "pt", "$2.8 billion, 350,000 people", "US$ 2,8 bilhões, 350 mil pessoas", &[]);
        check("en", "fr", "2.8 billion, 12,500", "2,8 milliards, 12.500", &[]);
        check("en", "pt", "820,000 people", "880.000 pessoas", &["number_changed"]);
    }

    #[test]
    fn figures_may_become_words() {
        check("en", "uk", "3 trucks, the 2nd time, 12 people", "Три вантажівки, вдруге, дванадцятеро людей", &[]);
        check("en", "ko", "3 trucks and 12 people", "트럭 세 대와 열두 명", &[]);
        check("ko", "en", "5월 3일 오후 2시 30분", "at 2:30 p.m. on May 3", &[]);
        check("uk", "en", "о 17:00 у ХХ ст.", "at 5 p.m. in the 20th century", &[]);
        check("uk", "ko", "о 17:20", "오후 5시 20분에", &[]);
    }

    #[test]
    fn changed_lost_and_new_numbers_are_found() {
        check("en", "uk", "62.5 tonnes", "65,2 тонни", &["number_changed"]);
        check("en", "ko", "$3.4 million", "3억 4천만 달러", &["number_changed"]);
        check("en", "uk", "1,234 people", "1,3 тис. людей", &["number_changed"]);
        check("uk", "en", "12 млн", "12 billion", &["number_changed"]);
        check("en", "uk", "It fell by 38%.", "Він знизився.", &["number_missing"]);
        let twelve = super::Input {
            source: "It took 12 years.",
            output: "Cela a pris douze ans.",
            from: crate::language::Language::EN,
            to: "fr".parse().unwrap_or(crate::language::Language::EN),
            ended: None,
            score: None,
            verbatim: &[],
        };
        assert!(super::check(&twelve).iter().all(|finding| finding.severity == super::Severity::Note));
        check("en", "uk", "It fell.", "Він знизився на 38 %.", &["number_new"]);
    }

    #[test]
    fn converted_units_are_only_doubtful() {
        check("en", "uk", "It is 40 miles away.", "Це за 64 км звідси.", &[]);
        check("en", "uk", "It is 40 miles away.", "Це за 60 км звідси.", &["unit_converted"]);
        check("en", "uk", "It is 40 miles away.", "Це за 64 км, 55 хвилин звідси.", &["number_new"]);
        check("en", "uk", "It is 40 miles away.", "Це за 94 км звідси.", &["number_changed"]);
    }

    #[test]
    fn both_places_are_named() {
        let found = super::check(&input("en", "uk", "It took 19 hours.", "Це тривало 18 годин."));
        assert_eq!((found[0].source.clone(), found[0].output.clone()), (Some(8..10), Some(20..22)));
    }
}
