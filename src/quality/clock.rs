//! Compares the halves of the day that times stand in: 5 p.m. is 17:00, `오후 5시` and 5-та вечора, and never 5 a.m.

use std::ops::Range;

use super::attached::half_day;
use super::mentions::Reading;
use super::units::{CLOCK, MINUTE};
use super::{Finding, Severity, quantity};
use crate::language::Language;

/// A time of day.
#[derive(Debug, Clone, PartialEq)]
struct Time {
    span: Range<usize>,
    /// The hour on a dial of twelve.
    hour: f64,
    /// The minutes, if they are said.
    minute: Option<f64>,
    /// Whether it is after noon, if that is said.
    evening: Option<bool>,
}

impl Time {
    fn meets(&self, other: &Time) -> bool {
        quantity::is(self.hour, other.hour) && quantity::is(self.minute.unwrap_or(0.0), other.minute.unwrap_or(0.0))
    }
}

/// The findings about times that moved to the other half of the day.
pub(super) fn compare(source: &Reading<'_>, output: &Reading<'_>) -> Vec<Finding> {
    let (ours, theirs) = (times(source), times(output));
    let mut findings = Vec::new();
    for own in &ours {
        let Some(evening) = own.evening else { continue };
        let same: Vec<&Time> = theirs.iter().filter(|other| own.meets(other)).collect();
        let moved = same.iter().find(|other| other.evening == Some(!evening));
        let kept = same.iter().any(|other| other.evening != Some(!evening));
        if let (Some(other), false) = (moved, kept) {
            let (expected, got) = (&source.text()[own.span.clone()], &output.text()[other.span.clone()]);
            let message = format!("time of day changed: expected {expected:?}, got {got:?}");
            let finding = Finding::new("date_changed", Severity::Warning, message);
            findings.push(finding.in_source(own.span.clone()).in_output(other.span.clone()));
        }
    }
    findings
}

/// The times of a text.
fn times(reading: &Reading<'_>) -> Vec<Time> {
    let mut found = Vec::new();
    for (at, mention) in reading.mentions.iter().enumerate() {
        let parts = mention.alternatives.iter().find(|all| all.len() == 2 && all[0] <= 24.0 && all[1] < 60.0);
        let single = mention.alternatives.iter().find(|all| all.len() == 1 && all[0] <= 24.0 && all[0].fract() == 0.0);
        let clock = mention.units.meets(CLOCK);
        let colon = reading.text()[mention.span.clone()].contains(':');
        let (hour, minute) = match (parts, single) {
            (Some(parts), _) if clock || colon => (parts[0], Some(parts[1])),
            (_, Some(single)) if clock => {
                let next = reading
                    .mentions
                    .get(at + 1)
                    .filter(|next| next.units.meets(MINUTE) && next.span.start <= mention.span.end + 4);
                (single[0], next.and_then(|next| next.singles().next()))
            }
            _ => continue,
        };
        let (span, said) = half(reading, &mention.span);
        let evening = said.or_else(|| (hour > 12.0 && hour < 24.0).then_some(true));
        // A leading zero is of the clock with 24 hours, which is the usual one in Ukrainian.
        let zero = reading.text()[mention.span.clone()].starts_with('0');
        let noon = colon && reading.language == Language::UK && quantity::is(hour, 12.0);
        let evening = evening.or_else(|| noon.then_some(true)).or_else(|| zero.then_some(false));
        found.push(Time { span, hour: hour % 12.0, minute, evening });
    }
    found
}

/// The half of the day that is said with a time, and the place of both.
fn half(reading: &Reading<'_>, span: &Range<usize>) -> (Range<usize>, Option<bool>) {
    let tokens = &reading.tokens;
    let text = reading.text();
    let after = text[span.end..].trim_start_matches([' ', '\u{a0}']);
    let index = tokens.from(span.end);
    match reading.language {
        Language::KO => {
            let before = tokens.from(span.start).checked_sub(1);
            let Some(before) = before.filter(|&at| text[tokens.span(at).end..span.start].trim().is_empty()) else {
                return (span.clone(), None);
            };
            let evening = match tokens.word(before) {
                "오전" | "새벽" | "아침" => Some(false),
                "오후" | "저녁" | "낮" => Some(true),
                _ => None,
            };
            (tokens.span(before).start..span.end, evening)
        }
        Language::UK => {
            // "о 8:30 того ж дня" is any time of that day: only behind the hour itself it is the afternoon.
            let word = tokens.word(index);
            let hour =
                word.starts_with("годин") || matches!(word, "й" | "ї" | "ій" | "ої" | "а" | "та" | "тій" | "тої");
            let said = (index..index + 3).find_map(|at| match tokens.word(at) {
                "ранку" => Some((at, false)),
                "вечора" => Some((at, true)),
                "дня" if at == index || at == index + 1 && hour => Some((at, true)),
                _ => None,
            });
            match said {
                Some((at, evening)) => (span.start..tokens.span(at).end, Some(evening)),
                None => (span.clone(), None),
            }
        }
        _ => {
            // "10 o'clock this morning"
            let told = || {
                (index..index + 4).find_map(|at| match tokens.word(at) {
                    "morning" => Some(false),
                    "afternoon" | "evening" => Some(true),
                    _ => None,
                })
            };
            let evening = half_day(after);
            if evening.is_none() {
                return (span.clone(), told());
            }
            (span.start..text.len() - after.len() + 2, evening)
        }
    }
}
