//! Checks that names of people and places are in the output in an expected form: known names by their table, the others
//! by their sound.
//!
//! A changed name shows on both sides: a name of the source has no counterpart in the output, and a name of the output
//! has none in the source. One side alone says little, since names are also translated, explained and left out.

mod hangul;
mod known;
mod latin;
mod phones;
mod side;
mod table;
mod translated;
mod ukrainian;

use self::side::{Counterpart, Kind, Name, Side};
use super::{Finding, Input, Severity};
use crate::language::Language;

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    if !is_first_class(input.from) || !is_first_class(input.to) || input.from == input.to {
        return Vec::new();
    }
    let source = Side::of(input.source, input.from);
    let output = Side::of(input.output, input.to);
    let mut findings = Vec::new();
    findings.push(Finding::new("name_debug", Severity::Note, format!("S {} O {}", output.debug(&source), source.debug(&output))));
    let lost = missing(&output, &source);
    let new = missing(&source, &output);
    let best = lost.iter().flat_map(|lost| new.iter().map(move |new| (lost, new)))
        // Each is the nearest to the other: one name, oddly spelled.
        .filter(|(lost, new)| !lost.is_like(new) && !new.is_like(lost))
        .map(|(lost, new)| (lost.doubt * new.doubt, lost, new))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((doubt, lost, new)) = best && doubt >= CHANGED {
        findings.push(Finding::new("name_changed", Severity::Warning, format!("{doubt:.2} {:?} {:?}", &input.source[lost.name.span.clone()], &input.output[new.name.span.clone()])).in_source(lost.name.span.clone()).in_output(new.name.span.clone()));
    }
    findings
}

/// A name without a counterpart.
struct Missing<'a> {
    name: &'a Name,
    nearest: Counterpart,
    /// How sure it is that there is none, from 0 to 1.
    doubt: f32,
}

impl Missing<'_> {
    /// Whether what is nearest to this name is the other.
    fn is_like(&self, other: &Missing<'_>) -> bool {
        self.nearest.distance < 0.5 && other.name.words.contains(&self.nearest.word)
    }
}

const CHANGED: f32 = 0.30;
const FAR: f32 = 0.22;
const NOWHERE: f32 = 0.45;

/// The names of one text that the other has not.
fn missing<'a>(in_text: &Side<'_>, of: &'a Side<'_>) -> Vec<Missing<'a>> {
    let nearest = in_text.counterparts(of);
    let doubt = |name: &Name, nearest: &Counterpart| {
        let far = ((nearest.distance - FAR) / (NOWHERE - FAR)).clamp(0.0, 1.0);
        match name.kind {
            // Known names are spelled by their sound where the table fails, and then exactly.
            Kind::Known(..) => if nearest.distance > 0.1 { 1.0 } else { 0.0 },
            _ if nearest.light || nearest.distance <= FAR => 0.0,
            Kind::Capital | Kind::Titled => (0.4 + 0.6 * far) * if of.in_title(name) { 0.6 } else { 1.0 },
            Kind::Foreign => 0.3 + 0.5 * far,
        }
    };
    of.names.iter().zip(nearest)
        .map(|(name, nearest)| Missing { name, nearest, doubt: doubt(name, &nearest) })
        .filter(|missing| missing.doubt > 0.0)
        .collect()
}

fn is_first_class(language: Language) -> bool {
    matches!(language, Language::EN | Language::UK | Language::KO)
}
