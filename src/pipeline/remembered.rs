//! A translation memory at work: what it has is taken, what is similar is offered, and both are checked like any answer.

use super::ladder::{Ground, Settled};
use super::unit::Translated;
use crate::language::Language;
use crate::memory::{Match, Memory};
use crate::quality::{Finding, Severity};
use crate::segment::Segment;

/// What is done with sentences that are only similar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemoryUse {
    /// Least similarity at which a sentence is offered, 0 to 1.
    pub threshold: f32,
    /// Least similarity at which the translation of a similar sentence goes out, marked; none for never.
    pub take_from: Option<f32>,
}

/// A memory and its use.
pub(super) struct Recollection<'a> {
    pub(super) memory: &'a Memory,
    pub(super) options: MemoryUse,
}

/// What a memory says to a segment.
pub(super) enum Recalled {
    /// The segment gets this.
    Taken(Box<Settled>),
    /// A person may want to know.
    Offered(Finding),
}

impl Recollection<'_> {
    /// Looks a segment up.
    pub(super) fn find(&self, segment: &Segment, from: Language, to: Language) -> Option<Recalled> {
        let found = self.memory.find(&segment.text, from, to, self.options.threshold)?;
        if found.exact {
            return Some(Recalled::Taken(Box::new(taken(&found, Vec::new()))));
        }
        let percent = (found.score * 100.0).floor();
        let differs =
            if found.differs.is_empty() { String::new() } else { format!("; differs in {}", found.differs.join(", ")) };
        let said =
            format!("{percent:.0} % like {:?}, which was translated as {:?}{differs}", found.source, found.target);
        if found.differs.is_empty() && self.options.take_from.is_some_and(|least| found.score >= least) {
            let message = format!("taken from the translation memory: {said}");
            return Some(Recalled::Taken(Box::new(taken(
                &found,
                vec![Finding::new("memory_fuzzy", Severity::Warning, message)],
            ))));
        }
        let message = format!("the translation memory has a similar sentence: {said}");
        Some(Recalled::Offered(Finding::new("memory_similar", Severity::Note, message)))
    }
}

/// A translation of the memory as an answer.
fn taken(found: &Match<'_>, findings: Vec<Finding>) -> Settled {
    let mut translated = Translated { origin: Some("memory"), ..Translated::default() };
    translated.answer.text = found.target.to_string();
    Settled { translated, findings, ..Settled::default() }
}

impl Settled {
    /// The same with what the checks say of it: a person wrote it, but perhaps for another text.
    pub(super) fn checked(mut self, ground: &Ground<'_>) -> Settled {
        let (translated, findings) = ground.check(std::mem::take(&mut self.translated));
        self.translated = translated;
        self.findings.extend(findings);
        self
    }
}
