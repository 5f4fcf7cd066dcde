//! One segment of the page: its number, source and output side by side, its findings, and what else is known of it.
//!
//! What the record of a segment has is turned into [`Row`] in one place, [`Row::new`]; whoever adds a field to the record
//! adds a line there.

use super::escape;
use super::finding;
use super::highlight::{self, Side};
use crate::job::report::{AlignmentRecord, OutcomeRecord, SegmentRecord};
use crate::language::Language;
use crate::quality::{Finding, Severity};
use std::fmt::Write;

/// A segment as it is shown.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// Its number in the article, from 1.
    number: usize,
    /// What the names of its elements begin with: `s1-12` is the twelfth segment of the first article.
    name: String,
    record: &'a SegmentRecord,
    /// The text on the left: the segment's, or for a summary the whole article.
    source: &'a str,
    source_language: Option<Language>,
    output_language: Option<Language>,
    /// Whether a person has to look at it, whatever its findings are.
    needs_review: bool,
    /// Short words on what became of it, in the order in which they are shown.
    tags: Vec<String>,
    /// What is shown on demand: a label and its text.
    facts: Vec<Fact>,
    /// Whether a gap of more than a space stands before it.
    begins_paragraph: bool,
}

/// Something that is shown on demand.
#[derive(Debug)]
struct Fact {
    label: String,
    text: String,
    /// The language of the text, if it is one of the article's texts.
    language: Option<Language>,
}

/// Where a segment stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    /// Number of the article, from 1.
    pub(super) article: usize,
    /// Language of the article.
    pub(super) from: Option<Language>,
    /// Language of the answer.
    pub(super) to: Option<Language>,
    /// Text of the whole article, where segments have none of their own.
    pub(super) original: Option<&'a str>,
    /// Where the segment before ended.
    pub(super) before: Option<usize>,
}

impl<'a> Row<'a> {
    /// The segment with the index `index` in its article.
    pub(super) fn new(record: &'a SegmentRecord, index: usize, setting: Setting<'a>) -> Row<'a> {
        let own = record.language.or(setting.from);
        let mut tags = Vec::new();
        match record.outcome {
            OutcomeRecord::Translated => {}
            OutcomeRecord::Copied => tags.push("copied as it was".to_string()),
            OutcomeRecord::Dropped => tags.push("left out on request".to_string()),
            OutcomeRecord::Failed if record.source.is_empty() || record.output.is_empty() => {
                tags.push("without a counterpart".to_string());
            }
            OutcomeRecord::Failed => tags.push("failed: the source was kept".to_string()),
        }
        if let Some(language) = record.language {
            tags.push(format!("in {}", language.english_name()));
        }
        if let Some(retry) = record.retry {
            tags.push(format!("retried: {}", spoken(retry)));
        }
        let mut facts = Vec::new();
        for (hop, text) in record.intermediate.iter().enumerate() {
            let language = record.hops.get(hop).map(|hop| hop.hop.to);
            let name = language.as_ref().map_or("the language between", Language::english_name);
            facts.push(Fact { label: format!("In {name}"), text: text.clone(), language });
        }
        for attempt in &record.attempts {
            let kept = if attempt.kept { " (kept)" } else { "" };
            let mut said: Vec<String> = attempt.score.map(|score| format!("score {score:.2}")).into_iter().collect();
            said.extend(attempt.findings.iter().map(|code| spoken(code)));
            let label = format!("Attempt: {}{kept}; {}", spoken(attempt.step), said.join(", "));
            let (text, language) = match &attempt.output {
                Some(output) => (output.clone(), setting.to),
                None if attempt.kept => ("as above".into(), None),
                None => ("no answer".into(), None),
            };
            facts.push(Fact { label, text, language });
        }
        for term in &record.terms {
            let text = match &term.found {
                Some(found) => found.clone(),
                None => format!("missed; expected {}", term.expected.join(" or ")),
            };
            facts.push(Fact { label: format!("Term: {}", term.term), text, language: None });
        }
        for hop in &record.hops {
            let score = hop.mean_log_probability.map_or("no score".into(), |mean| format!("score {:.2}", mean.exp()));
            let label = format!("{} to {}", hop.hop.from.english_name(), hop.hop.to.english_name());
            facts.push(Fact { label, text: format!("{}, {score}", hop.hop.model), language: None });
        }
        Row {
            number: index + 1,
            name: format!("s{}-{}", setting.article, index + 1),
            record,
            source: if record.source.is_empty() { setting.original.unwrap_or_default() } else { &record.source },
            source_language: own,
            output_language: if record.outcome == OutcomeRecord::Translated { setting.to } else { own },
            needs_review: record.needs_review,
            tags,
            facts,
            begins_paragraph: setting.before.is_some_and(|end| record.span.start > end + 1),
        }
    }

    /// Appends the segment.
    pub(super) fn write(&self, out: &mut String) {
        let record = self.record;
        let level = level(&record.findings);
        let paragraph = if self.begins_paragraph { " para" } else { "" };
        let _ = write!(out, "<li class=\"seg{paragraph}\" id=\"{}\" data-level=\"{level}\"", self.name);
        if self.needs_review {
            out.push_str(" data-review");
        }
        if let Some(words) = record.alignment.as_ref().and_then(|found| words(found, record)) {
            let _ = write!(out, " data-words=\"{words}\"");
        }
        out.push_str(" tabindex=\"-1\">");
        self.write_gutter(out);
        // Findings in a source that is not the segment's own have no place in what is shown.
        let source_marks =
            if record.source.is_empty() { Vec::new() } else { highlight::marks(&record.findings, Side::Source) };
        open_text(out, "src", self.source_language);
        highlight::highlighted(out, self.source, &source_marks);
        out.push_str("</p>");
        let output_class = if record.outcome == OutcomeRecord::Dropped { "out none" } else { "out" };
        open_text(out, output_class, self.output_language);
        highlight::highlighted(out, &record.output, &highlight::marks(&record.findings, Side::Output));
        out.push_str("</p>");
        if self.has_side() {
            self.write_side(out);
        }
        out.push_str("</li>\n");
    }

    /// Whether a person has to look though no finding says so.
    fn is_doubtful(&self) -> bool {
        self.needs_review && level(&self.record.findings) < 2
    }

    /// Whether there is anything to say beside the texts.
    pub(super) fn has_side(&self) -> bool {
        self.is_doubtful() || !self.record.findings.is_empty() || !self.tags.is_empty() || !self.facts.is_empty()
    }

    /// Whether there is a source to stand beside the output.
    pub(super) fn has_source(&self) -> bool {
        !self.source.is_empty()
    }

    fn write_gutter(&self, out: &mut String) {
        let Row { number, name, record, .. } = self;
        let (start, end) = (record.span.start, record.span.end);
        let _ = write!(
            out,
            "<div class=\"gut\"><a class=\"no\" href=\"#{name}\" title=\"Bytes {start} to {end} of the input\">\
             <span class=\"vh\">Segment </span>{number}</a>"
        );
        let own =
            record.score.map(|score| format!("the model’s own score is {score:.2}, to be compared within one model"));
        let shown = match (record.confidence, record.score) {
            (Some(confidence), _) => Some((confidence, "confidence", "How far it can be trusted, 0 to 1")),
            (None, Some(score)) => Some((score, "score", "0 to 1")),
            (None, None) => None,
        };
        if let Some((value, word, meaning)) = shown {
            let own = own.map_or(String::new(), |own| format!("; {own}"));
            let _ = write!(
                out,
                "<span class=\"score\" title=\"{meaning}{own}\"><span class=\"vh\">{word} </span>{value:.2}</span>"
            );
        }
        let _ = write!(
            out,
            "<label class=\"seen\"><input type=\"checkbox\" autocomplete=\"off\"><span class=\"vh\">Segment {number} looked at</span>\
             </label></div>"
        );
    }

    fn write_side(&self, out: &mut String) {
        out.push_str("<div class=\"side\">");
        if self.is_doubtful() || !self.tags.is_empty() {
            out.push_str("<p class=\"tags\">");
            if self.is_doubtful() {
                out.push_str("<span class=\"tag review\">to be reviewed</span> ");
            }
            for tag in &self.tags {
                out.push_str("<span class=\"tag\">");
                escape::text(out, tag);
                out.push_str("</span> ");
            }
            out.push_str("</p>");
        }
        finding::write_list(out, &self.name, &self.record.findings);
        if !self.facts.is_empty() {
            out.push_str("<details class=\"more\"><summary>On the way</summary><dl>");
            for fact in &self.facts {
                out.push_str("<dt>");
                escape::text(out, &fact.label);
                out.push_str("</dt><dd");
                write_language(out, fact.language);
                out.push('>');
                escape::text(out, &fact.text);
                out.push_str("</dd>");
            }
            out.push_str("</dl></details>");
        }
        out.push_str("</div>");
    }
}

/// 0 without findings, 1 to 3 for the worst severity.
pub(super) fn level(findings: &[Finding]) -> u8 {
    findings.iter().map(|finding| finding.severity).max().map_or(0, |worst| match worst {
        Severity::Note => 1,
        Severity::Warning => 2,
        Severity::Error => 3,
    })
}

/// A stable name as a reader says it.
fn spoken(name: &str) -> String {
    name.replace('_', " ")
}

/// Opens the paragraph of a text: its language chooses fonts, line breaking and the voice of a screen reader.
fn open_text(out: &mut String, class: &str, language: Option<Language>) {
    let _ = write!(out, "<p class=\"{class}\" dir=\"auto\"");
    write_language(out, language);
    out.push('>');
}

/// The attribute for a language. Tags hold letters, digits and hyphens only.
fn write_language(out: &mut String, language: Option<Language>) {
    if let Some(language) = language {
        let _ = write!(out, " lang=\"{language}\"");
    }
}

/// The aligned words as `begin-end:begin-end`, counted as scripts count: in units of UTF-16. Nothing where a range does
/// not lie on characters of its text.
fn words(alignment: &AlignmentRecord, record: &SegmentRecord) -> Option<String> {
    let units = |text: &str, [begin, end]: [usize; 2]| {
        let before = text.get(..begin)?.encode_utf16().count();
        Some((before, before + text.get(begin..end)?.encode_utf16().count()))
    };
    let mut out = String::new();
    for [source, output] in &alignment.words {
        let (source, output) = (units(&record.source, *source)?, units(&record.output, *output)?);
        let _ = write!(out, "{}-{}:{}-{} ", source.0, source.1, output.0, output.1);
    }
    (!out.is_empty()).then(|| out.trim_end().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::report::{AttemptRecord, TermRecord};
    use crate::review::reading;
    use crate::review::testing::segment;

    const SETTING: Setting<'static> =
        Setting { article: 2, from: Some(Language::UK), to: Some(Language::EN), original: None, before: None };

    fn html(record: &SegmentRecord, setting: Setting<'_>) -> String {
        let mut out = String::new();
        Row::new(record, 0, setting).write(&mut out);
        out
    }

    #[test]
    fn both_texts_stand_there_in_their_languages() {
        let html = html(&segment("Сто осіб", "A <b>hundred</b> people"), SETTING);
        assert!(html.contains("<p class=\"src\" dir=\"auto\" lang=\"uk\">Сто осіб</p>"), "{html}");
        assert!(html.contains("lang=\"en\">A &lt;b&gt;hundred&lt;/b&gt; people</p>"), "{html}");
        assert!(html.contains("id=\"s2-1\"") && !html.contains("class=\"side\""), "{html}");
    }

    #[test]
    fn what_was_copied_is_in_the_language_of_the_source() {
        let mut record = segment("Сто", "Сто");
        record.outcome = OutcomeRecord::Copied;
        assert_eq!(html(&record, SETTING).matches("lang=\"uk\"").count(), 2);
        record.language = Some(Language::RU);
        let html = html(&record, SETTING);
        assert_eq!(html.matches("lang=\"ru\"").count(), 2, "{html}");
        assert!(html.contains("copied as it was") && html.contains("in Russian"), "{html}");
    }

    #[test]
    fn findings_without_a_place_are_shown_at_the_segment() {
        let mut record = segment("a", "b");
        record.findings.push(Finding::new("end_missing", Severity::Warning, "no mark at the end"));
        let html = html(&record, SETTING);
        assert!(html.contains("data-level=\"2\"") && html.contains("no mark at the end"), "{html}");
        assert!(!html.contains("<mark"), "{html}");
    }

    #[test]
    fn what_has_to_be_looked_at_says_so_where_no_finding_does() {
        let mut record = segment("a", "b");
        record.needs_review = true;
        let doubtful = html(&record, SETTING);
        assert!(doubtful.contains("data-review") && doubtful.contains("to be reviewed"), "{doubtful}");
        record.findings.push(Finding::new("end_missing", Severity::Warning, "no mark at the end"));
        assert!(!html(&record, SETTING).contains("to be reviewed"));
    }

    #[test]
    fn attempts_are_shown_on_demand() {
        let mut record = segment("a", "b");
        record.attempts = vec![AttemptRecord {
            step: "smaller_pieces",
            output: Some("<c>".into()),
            score: Some(0.5),
            findings: vec!["too_short"],
            kept: false,
        }];
        let text = reading::text_content(&html(&record, SETTING));
        assert!(text.contains("Attempt: smaller pieces; score 0.50, too short<c>"), "{text}");
    }

    #[test]
    fn confidence_takes_the_place_of_the_score_and_terms_are_shown_on_demand() {
        let mut record = segment("Дніпро тече", "The river flows");
        record.score = Some(0.5);
        assert!(html(&record, SETTING).contains("<span class=\"vh\">score </span>0.50"));
        record.confidence = Some(0.91);
        record.terms.push(TermRecord {
            source: 0..12,
            term: "Дніпро".into(),
            expected: vec!["Dnipro".into(), "the Dnipro".into()],
            found: None,
            output: None,
        });
        let html = html(&record, SETTING);
        assert!(html.contains("<span class=\"vh\">confidence </span>0.91") && html.contains("score is 0.50"), "{html}");
        assert!(reading::text_content(&html).contains("Term: Дніпроmissed; expected Dnipro or the Dnipro"), "{html}");
    }

    #[test]
    fn a_summary_stands_beside_its_article() {
        let mut record = segment("", "Short.");
        record.findings.push(Finding::new("copied_lead", Severity::Note, "copied").in_output(0..6));
        let html = html(&record, Setting { original: Some("A long article."), ..SETTING });
        assert!(html.contains(">A long article.</p>") && html.contains("<u>Short.</u></mark>"), "{html}");
    }

    #[test]
    fn words_are_counted_as_scripts_count() {
        let mut record = segment("a 👩 b", "c d");
        record.alignment = Some(AlignmentRecord {
            source: Vec::new(),
            target: Vec::new(),
            matrix: Vec::new(),
            links: Vec::new(),
            words: vec![[[7, 8], [2, 3]]],
        });
        assert!(html(&record, SETTING).contains("data-words=\"5-6:2-3\""));
        // A range inside a character belongs to another text: nothing is better than a wrong link.
        record.source = "a 👩👩b".into();
        assert!(!html(&record, SETTING).contains("data-words"));
    }

    #[test]
    fn a_gap_of_more_than_a_space_begins_a_paragraph() {
        let mut record = segment("a", "b");
        record.span = 12..13;
        assert!(!html(&record, Setting { before: Some(11), ..SETTING }).contains("para"));
        assert!(html(&record, Setting { before: Some(10), ..SETTING }).contains("seg para"));
    }

    #[test]
    fn hostile_text_is_text() {
        let hostile = "</p></li></script><script>alert(1)</script><img src=x onerror=\"a\">\u{202e}\0\u{301}\r'";
        let mut record = segment(hostile, hostile);
        record.findings.push(Finding::new("x", Severity::Error, hostile).in_source(3..9).in_output(0..hostile.len()));
        record.intermediate.push(hostile.into());
        let html = html(&record, SETTING);
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains('\0'), "{html}");
        let shown = reading::text_content(&html).matches(&hostile.replace('\0', "\u{2400}")).count();
        assert_eq!(shown, 4, "source, output, message, what stood between: {html}");
    }
}
