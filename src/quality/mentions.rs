//! The numbers of a text, in figures and in words, each with the unit that stands with it. Reads; `numbers` compares.

use std::ops::Range;

use super::attached::{Bare, Place};
use super::number_words::{self, Loose};
use super::tokens::Tokens;
use super::units::{CALENDAR_YEAR, DATE, DECADE, DENOMINATOR, MONEY, Measure, Units, YEAR};
use super::{quantity, spelled, unit_words};
use crate::language::Language;

/// A number that needs a partner in the other text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mention {
    pub(super) span: Range<usize>,
    /// What it may mean: one value, or several that all have to be there.
    pub(super) alternatives: Vec<Vec<f64>>,
    /// What it counts, as far as the text says; no units if it does not.
    pub(super) units: Units,
    /// Whether it is written in words.
    pub(super) spelled: bool,
}

impl Mention {
    /// The single values that the number may mean.
    pub(super) fn singles(&self) -> impl Iterator<Item = f64> {
        self.alternatives.iter().filter(|all| all.len() == 1).map(|all| all[0])
    }

    /// The measures that the number may be; none without a unit.
    pub(super) fn measures(&self) -> impl Iterator<Item = Measure> {
        let units = self.units;
        self.singles().filter(move |_| !units.is_empty()).map(move |value| Measure { value, units })
    }
}

/// All that the comparison of numbers needs to know of a text.
pub(super) struct Reading<'a> {
    pub(super) tokens: Tokens<'a>,
    pub(super) language: Language,
    pub(super) mentions: Vec<Mention>,
    pub(super) loose: Vec<Loose>,
    pub(super) bare: Vec<Bare>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(text: &'a str, language: Language) -> Reading<'a> {
        let tokens = Tokens::of(text);
        let mut mentions: Vec<Mention> = quantity::read(text, language)
            .into_iter()
            .map(|q| Mention { span: q.span, alternatives: q.alternatives, units: Units::NONE, spelled: false })
            .collect();
        let mut bare = Vec::new();
        if is_known(language) {
            let place = Place { tokens: &tokens, language };
            for mention in &mut mentions {
                mention.units = place.units(mention);
            }
            if language == Language::KO {
                join_fractions(text, &mut mentions);
            }
            for spelled in spelled::read(&tokens, language) {
                // "2 million" has been read with its figure.
                let inside =
                    mentions.iter().any(|m| m.span.start <= spelled.span.start && spelled.span.start < m.span.end);
                if inside {
                    continue;
                }
                let rest = &text[spelled.rest.clone()];
                let mut units = if rest.is_empty() {
                    place.behind(spelled.span.end)
                } else {
                    unit_words::word(&rest.to_lowercase(), language)
                };
                if units.meets(DECADE) {
                    units = units.or(YEAR);
                }
                // Two thirds.
                if units.is_empty() && spelled.alternatives.iter().any(|all| all.len() == 2) {
                    units = DENOMINATOR;
                }
                mentions.push(Mention { span: spelled.span, alternatives: spelled.alternatives, units, spelled: true });
            }
            mentions.sort_by_key(|mention| mention.span.start);
            share_units(text, &mut mentions);
            bare = place.bare(&mentions);
        }
        let loose = number_words::read(&tokens, language);
        Reading { tokens, language, mentions, loose, bare }
    }

    pub(super) fn text(&self) -> &'a str {
        self.tokens.text()
    }

    /// All measures of the text, those of one understood among them.
    pub(super) fn measures(&self) -> impl Iterator<Item = Measure> {
        let bare = self.bare.iter().map(|bare| Measure { value: 1.0, units: bare.units });
        self.mentions.iter().flat_map(Mention::measures).chain(bare)
    }

    /// Whether the text says a value somewhere, in figures or in any word that may stand for it.
    pub(super) fn has(&self, value: f64) -> bool {
        self.mentions.iter().flat_map(|mention| mention.alternatives.iter().flatten()).any(|&v| quantity::is(v, value))
            || self.loose.iter().any(|loose| quantity::is(loose.value, value))
            || !self.bare.is_empty() && quantity::is(1.0, value)
    }
}

/// Whether number words and units of a language are known here.
pub(super) fn is_known(language: Language) -> bool {
    matches!(language, Language::EN | Language::UK | Language::KO)
}

/// Makes one number of `4분의 1`.
fn join_fractions(text: &str, mentions: &mut Vec<Mention>) {
    let mut at = 0;
    while at + 1 < mentions.len() {
        let (below, above) = (&mentions[at], &mentions[at + 1]);
        let joined = text.get(below.span.end..above.span.start).is_some_and(|between| between.trim() == "분의");
        let parts = below.singles().next().zip(above.singles().next()).filter(|&(below, _)| joined && below > 0.0);
        if let Some((denominator, numerator)) = parts {
            let mut alternatives = vec![vec![numerator / denominator], vec![numerator, denominator]];
            if quantity::is(numerator, 1.0) {
                alternatives.push(vec![denominator]);
            }
            mentions[at].span.end = mentions[at + 1].span.end;
            mentions[at].alternatives = alternatives;
            mentions.remove(at + 1);
        }
        at += 1;
    }
}

/// Gives numbers of a range or a list the unit of the last one: `5–7 km`, `4에서 6인치`; and money that of the first.
fn share_units(text: &str, mentions: &mut [Mention]) {
    const JOINTS: &[&str] = &[
        "-",
        "–",
        "—",
        "~",
        "to",
        "and",
        "or",
        "до",
        "або",
        "чи",
        "і",
        "й",
        "та",
        "에서",
        "내지",
        "및",
        "/",
        "·",
        ",",
        "또는",
        "more than",
        "or even",
        "по",
        "x",
        "by",
        "into",
        "-to-",
    ];
    for at in (1..mentions.len()).rev() {
        let (head, tail) = mentions.split_at_mut(at);
        let (Some(first), Some(second)) = (head.last_mut(), tail.first_mut()) else { continue };
        let Some(between) = text.get(first.span.end..second.span.start) else { continue };
        if !JOINTS.contains(&between.trim().trim_end_matches(['$', '€', '£'])) {
            continue;
        }
        let plain = CALENDAR_YEAR;
        // "In 2019, 40 per cent": a list has no years in it.
        if between.trim() == "," && first.units.meets(plain) {
            continue;
        }
        if first.units.within(plain) && !second.units.within(plain) && !second.units.meets(DATE.or(DENOMINATOR)) {
            let years = second.units.meets(YEAR.or(DECADE));
            first.units = if years { second.units.or(first.units) } else { second.units };
        } else if second.units.is_empty() && first.units.meets(MONEY) {
            second.units = first.units;
        }
    }
}
