//! Compares the numbers of source and output by value, whatever way each language writes them.
//!
//! A number in figures has to have a partner on the other side, in figures or in words. Number words alone are not
//! required to have one.

use super::quantity::Quantity;
use super::{Finding, Input, Severity, number_words, quantity};
use crate::language::Language;

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let missing = unmatched((input.source, input.from), (input.output, input.to));
    let new = unmatched((input.output, input.to), (input.source, input.from));
    let mut findings = Vec::new();
    let imperial = [input.source, input.output].iter().any(|text| is_imperial(text));
    let mut new = new;
    for lost in missing {
        let expected = &input.source[lost.span.clone()];
        if imperial && let Some(at) = new.iter().position(|got| is_conversion(&lost, got)) {
            let got = new.remove(at);
            let message = format!("number was converted: {expected:?} became {:?}", &input.output[got.span.clone()]);
            let finding = Finding::new("unit_converted", Severity::Warning, message);
            findings.push(finding.in_source(lost.span).in_output(got.span));
            continue;
        }
        let partner = (!new.is_empty()).then(|| new.remove(0));
        let finding = if let Some(got) = partner {
            let message = format!("number changed: expected {expected:?}, got {:?}", &input.output[got.span.clone()]);
            Finding::new("number_changed", changed(&lost, &got), message).in_source(lost.span).in_output(got.span)
        } else {
            let severity = self::lost(&lost, input.to);
            let message = format!("number is missing: expected {expected:?}");
            Finding::new("number_missing", severity, message).in_source(lost.span)
        };
        findings.push(finding);
    }
    for got in new {
        let message = format!("number is new: the source has no {:?}", &input.output[got.span.clone()]);
        findings.push(Finding::new("number_new", added(&got), message).in_output(got.span));
    }
    findings
}

/// Numbers up to this are often written in words.
const LARGEST_SPELLED: f64 = 20.0;

/// One and two turn into articles and pairs in good translations, and out of them; other numbers do not.
fn is_small(quantity: &Quantity) -> bool {
    quantity.alternatives.iter().flatten().all(|&value| quantity::is(value, 1.0) || quantity::is(value, 2.0))
}

/// How much a lost number matters.
fn lost(quantity: &Quantity, to: Language) -> Severity {
    // The number words of other languages are not known here: a number that newspapers spell out may well be there.
    let words_known = [Language::EN, Language::UK, Language::KO].contains(&to);
    let spelled = !words_known && quantity.alternatives.iter().flatten().all(|&value| value <= LARGEST_SPELLED);
    if is_small(quantity) || spelled { Severity::Note } else { Severity::Error }
}

/// How much a number without a source matters.
fn added(quantity: &Quantity) -> Severity {
    if is_small(quantity) { Severity::Warning } else { Severity::Error }
}

/// How much it matters that one number stands where another should.
fn changed(lost: &Quantity, got: &Quantity) -> Severity {
    if is_small(lost) && is_small(got) { Severity::Warning } else { Severity::Error }
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
fn is_conversion(one: &Quantity, other: &Quantity) -> bool {
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
pub(super) fn unmatched(text: (&str, Language), other: (&str, Language)) -> Vec<Quantity> {
    let wanted = quantity::read(text.0, text.1);
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut pool: Vec<f64> =
        quantity::read(other.0, other.1).into_iter().flat_map(|quantity| quantity.alternatives).flatten().collect();
    pool.extend(number_words::values(other.0, other.1));
    let has = |value: f64| pool.iter().any(|&got| quantity::is(got, value));
    wanted.into_iter().filter(|quantity| !quantity.alternatives.iter().any(|all| all.iter().all(|&v| has(v)))).collect()
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
        let douze = super::Input {
            source: "It took 12 years.",
            output: "Cela a pris douze ans.",
            from: crate::language::Language::EN,
            to: "fr".parse().unwrap_or(crate::language::Language::EN),
            ended: None,
            score: None,
            verbatim: &[],
        };
        assert!(super::check(&douze).iter().all(|finding| finding.severity == super::Severity::Note));
        check("en", "uk", "It fell.", "Він знизився на 38 %.", &["number_new"]);
    }

    #[test]
    fn converted_units_are_only_doubtful() {
        check("en", "uk", "It is 40 miles away.", "Це за 64 км звідси.", &["unit_converted"]);
        check("en", "uk", "It is 40 miles away.", "Це за 40 км, 55 хвилин звідси.", &["number_new"]);
    }

    #[test]
    fn both_places_are_named() {
        let found = super::check(&input("en", "uk", "It took 19 hours.", "Це тривало 18 годин."));
        assert_eq!((found[0].source.clone(), found[0].output.clone()), (Some(8..10), Some(20..22)));
    }
}
