//! Compares the units and the money of numbers that source and output share: `5 km` may not become `5 m`, nor `$5`
//! `€5`. Only where both sides name a unit for the value; what a number counts is not known otherwise.

use std::ops::Range;

use super::mentions::Reading;
use super::units::{
    CALENDAR_YEAR, CLOCK, COUNT, DATE, DECADE, DENOMINATOR, HOUR, MINUTE, MONEY, MONTH_OF_YEAR, SECOND, Units, YEAR,
    are_of_one_kind,
};
use super::{Finding, Severity, quantity};

/// A value with its unit.
#[derive(Debug, Clone)]
struct Valued {
    /// What the number may be.
    values: Vec<f64>,
    units: Units,
    span: Range<usize>,
    /// Whether the number, one, is only understood.
    bare: bool,
}

impl Valued {
    fn equals(&self, other: &Valued) -> bool {
        self.values.iter().any(|&value| other.values.iter().any(|&got| quantity::is(got, value)))
    }
}

/// The findings about units that changed.
pub(super) fn compare(source: &Reading<'_>, output: &Reading<'_>) -> Vec<Finding> {
    let (ours, theirs) = (valued(source), valued(output));
    let mut used = vec![false; theirs.len()];
    let mut left = Vec::new();
    // Those with the same unit first, so that what is left has another one.
    for own in ours.iter().filter(|own| !own.units.is_empty()) {
        let fits = |at: usize, other: &Valued| !used[at] && own.units.meets(other.units) && own.equals(other);
        match theirs.iter().enumerate().position(|(at, other)| fits(at, other)) {
            Some(at) => used[at] = true,
            None => left.push(own),
        }
    }
    // A number without a unit may be any, unless something else fits it.
    let plain = |all: &[Valued], own: &Valued| all.iter().any(|other| other.units.is_empty() && own.equals(other));
    let mut findings = Vec::new();
    for own in left {
        let changed = |other: &Valued| own.equals(other) && is_contradiction(own, other) && !(own.bare && other.bare);
        let Some(at) = (0..theirs.len()).find(|&at| !used[at] && changed(&theirs[at])) else { continue };
        let other = &theirs[at];
        // The unit of the one may be that of a number said twice.
        let said = |all: &[Valued], one: &Valued| all.iter().any(|got| got.equals(one) && got.units.meets(one.units));
        if said(&theirs, own) && said(&ours, other) || plain(&theirs, own) || plain(&ours, other) {
            continue;
        }
        used[at] = true;
        let (expected, got) = (with_unit(source.text(), &own.span), with_unit(output.text(), &other.span));
        let money = own.units.meets(MONEY) && other.units.meets(MONEY);
        let code = if money { "money_changed" } else { "unit_changed" };
        let what = if money { "currency" } else { "unit" };
        let message = format!("{what} changed: expected {expected:?}, got {got:?}");
        let finding = Finding::new(code, Severity::Warning, message);
        findings.push(finding.in_source(own.span.clone()).in_output(other.span.clone()));
    }
    findings
}

/// Whether two units of one value say different things.
fn is_contradiction(own: &Valued, other: &Valued) -> bool {
    let (one, two) = (own.units, other.units);
    if one.is_empty() || two.is_empty() || one.meets(two) {
        return false;
    }
    if own.bare || other.bare {
        return are_of_one_kind(one, two);
    }
    // Years, days and hours of the calendar and the clock are counted and named in many ways.
    let year = YEAR.or(CALENDAR_YEAR).or(DECADE);
    let calendar =
        |a: Units, b: Units| a.within(year) && b.within(year) || a.within(CLOCK.or(HOUR)) && b.within(CLOCK.or(HOUR));
    !calendar(one, two) && !one.within(COUNT) && !two.within(COUNT)
}

/// A number with the word or sign beside it, for the message.
fn with_unit<'t>(text: &'t str, span: &Range<usize>) -> &'t str {
    let start = text[..span.start]
        .char_indices()
        .next_back()
        .filter(|(_, c)| !c.is_whitespace())
        .map_or(span.start, |(at, _)| at);
    let rest = &text[span.end..];
    let skip = rest.len() - rest.trim_start_matches([' ', '-', '\u{a0}', '\u{202f}']).len();
    let end = rest[skip..]
        .find(|c: char| c.is_whitespace() || matches!(c, ',' | '.' | ')' | ';'))
        .map_or(rest.len(), |at| skip + at);
    &text[start..span.end + end]
}

/// The numbers of a text as single values with units; times and dates are taken apart.
fn valued(reading: &Reading<'_>) -> Vec<Valued> {
    let mut all = Vec::with_capacity(reading.mentions.len() + reading.bare.len());
    for mention in &reading.mentions {
        let mut push = |values: Vec<f64>, units: Units| {
            all.push(Valued { values, units, span: mention.span.clone(), bare: false });
        };
        let Some(first) = mention.alternatives.first() else { continue };
        let parts = mention.alternatives.iter().find(|all| all.len() > 1);
        match parts {
            Some(parts) if parts.len() == 2 && (first.len() == 2 || mention.units == CLOCK) => {
                // `17:20` is a time of day or a duration; a ratio or a score has its form too.
                let (hour, minute) = match mention.units {
                    CLOCK => (CLOCK.or(HOUR), MINUTE),
                    Units::NONE => (CLOCK.or(HOUR).or(MINUTE), MINUTE.or(SECOND)),
                    _ => (Units::NONE, Units::NONE),
                };
                let hours = mention.alternatives.iter().filter(|all| all.len() <= 2).map(|all| all[0]).collect();
                push(hours, hour);
                push(vec![parts[1]], minute);
            }
            Some(parts) if mention.units == DENOMINATOR => push(vec![parts[1]], DENOMINATOR),
            Some(parts) if first.len() > 2 => {
                let date = parts.len() == 3 && parts[2] > 31.0;
                let units = if date { [DATE, MONTH_OF_YEAR, CALENDAR_YEAR] } else { [Units::NONE; 3] };
                for (at, &part) in parts.iter().enumerate() {
                    push(vec![part], units.get(at).copied().unwrap_or(Units::NONE));
                }
            }
            _ => push(mention.singles().collect(), mention.units),
        }
    }
    all.extend(reading.bare.iter().filter(|bare| bare.told).map(|bare| Valued {
        values: vec![1.0],
        units: bare.units,
        span: bare.span.clone(),
        bare: true,
    }));
    all
}
