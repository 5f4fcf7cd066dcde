//! Names through a whole article: the same name of the source is written the same way in all segments of the output;
//! and a summary names nobody whom the article does not know.
//!
//! Works on what [`super::names`] finds in single texts. Endings, particles and possessives are no difference.

use std::collections::HashMap;
use std::ops::Range;

use super::names::{Form, Sides};
use super::{Finding, Severity};
use crate::language::Language;

/// A segment of an article and its translation.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The text that was translated.
    pub source: &'a str,
    /// The translation.
    pub output: &'a str,
    /// Language of the source.
    pub from: Language,
    /// Language of the output.
    pub to: Language,
}

/// How a name was written where it was met first.
struct First<'a> {
    segment: usize,
    form: Form<'a>,
    /// It was reported already.
    told: bool,
}

/// Checks that each name of the source is written in one way in the outputs of an article. Answers findings with the
/// places of their segments in `pairs`, one finding for a name at most. Takes time in proportion to the segments.
pub fn check_names(pairs: &[Pair<'_>]) -> Vec<(usize, Finding)> {
    let mut firsts: HashMap<String, First<'_>> = HashMap::new();
    let mut findings = Vec::new();
    for (segment, pair) in pairs.iter().enumerate() {
        let Some(sides) = Sides::of((pair.source, pair.from), (pair.output, pair.to)) else { continue };
        for (key, form) in sides.forms() {
            let Some(first) = firsts.get_mut(&key) else {
                firsts.insert(key, First { segment, form, told: false });
                continue;
            };
            if first.told || !first.form.contradicts(&form) {
                continue;
            }
            first.told = true;
            let message = format!(
                "name is written in two ways: expected {:?} as in segment {}, got {:?}",
                first.form.text,
                first.segment + 1,
                form.text
            );
            let finding = Finding::new("name_inconsistent", Severity::Warning, message);
            findings.push((segment, finding.in_source(form.source.clone()).in_output(form.output.clone())));
        }
    }
    findings
}

/// The names of a summary that its article has in no form, as byte ranges of the summary. In doubt a name is known:
/// what is answered here is most likely made up.
pub fn unknown_names(article: (&str, Language), summary: (&str, Language)) -> Vec<Range<usize>> {
    Sides::of(article, summary).map_or_else(Vec::new, |sides| sides.strangers())
}
