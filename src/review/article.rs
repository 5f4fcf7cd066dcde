//! One article of the page: what is known of it as a whole, then its segments; and its line in the list of articles.

use super::escape;
use super::finding;
use super::segment::{Row, Setting};
use crate::job::report::{ArticleRecord, Status};
use crate::language::Language;
use crate::quality::Severity;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::Write;

/// How many findings of each severity there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) segments: usize,
    pub(super) notes: usize,
    pub(super) warnings: usize,
    pub(super) errors: usize,
}

impl Tally {
    fn of(record: &ArticleRecord) -> Tally {
        let mut tally = Tally { segments: record.segments.len(), ..Tally::default() };
        for finding in record.all_findings() {
            match finding.severity {
                Severity::Note => tally.notes += 1,
                Severity::Warning => tally.warnings += 1,
                Severity::Error => tally.errors += 1,
            }
        }
        tally
    }

    /// The sum of both.
    pub(super) fn plus(self, other: Tally) -> Tally {
        Tally {
            segments: self.segments + other.segments,
            notes: self.notes + other.notes,
            warnings: self.warnings + other.warnings,
            errors: self.errors + other.errors,
        }
    }
}

/// An article as it is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Article<'a> {
    /// Its number in the job, from 1.
    pub(super) number: usize,
    pub(super) record: &'a ArticleRecord,
    /// The language of its answer, where the job says.
    pub(super) to: Option<Language>,
    /// Its text, for the side that segments have no text for.
    pub(super) original: Option<&'a str>,
    /// Whether it is shown folded if there is nothing to look at.
    pub(super) folding: Folding,
}

/// Which articles are folded when the page is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folding {
    /// None: the job is small.
    Open,
    /// Those without warnings and errors.
    FoldFine,
}

/// Segments of a list. A browser lays out again what it has of a page while more of it arrives; lists that are full and out
/// of sight are left alone, so that a page with twenty times the segments does not take hundreds of times as long.
const BATCH: usize = 100;

/// A line of the list of articles: all of an article that is kept until the page is finished.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: usize,
    pub(super) tally: Tally,
    /// The row of the table.
    pub(super) html: String,
}

impl Article<'_> {
    /// Writes the article, segment by segment.
    ///
    /// # Errors
    /// What `out` says.
    pub(super) fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let record = self.record;
        let rows = self.rows();
        let mut shape = String::new();
        let mut html = String::new();
        let status = status_class(record.status);
        let fine = record.status == Status::Ok && self.folding == Folding::FoldFine;
        let open = if fine { "" } else { " open" };
        let number = self.number;
        let _ = write!(
            html,
            "<article class=\"art\" id=\"a{number}\" data-key=\"{}\" data-status=\"{status}\" aria-labelledby=\"t{number}\">\n\
             <details class=\"body\"{open}><summary><h2 id=\"t{number}\">",
            self.key()
        );
        escape::text(&mut html, &record.input.path);
        html.push_str("</h2> ");
        write_status(&mut html, record.status);
        html.push_str("</summary>\n");
        self.write_facts(&mut html);
        if let Some(error) = &record.error {
            html.push_str("<p class=\"alert\"><b>Failed</b> ");
            escape::text(&mut html, error);
            html.push_str("</p>\n");
        }
        if record.status == Status::Cancelled {
            html.push_str(
                "<p class=\"alert\"><b>Not done</b> The job was stopped before this article was finished.</p>\n",
            );
        }
        finding::write_list(&mut html, &format!("a{number}-f"), &record.findings);
        self.write_dropped(&mut html);
        if !rows.is_empty() {
            let wide = if rows.iter().any(Row::has_side) { "" } else { " bare" };
            let single = if rows.iter().any(Row::has_source) { "" } else { " single" };
            let list = format!("{wide}{single}");
            self.write_columns(&mut html, &list);
            shape = list;
        }
        out.write_all(html.as_bytes())?;
        for (index, batch) in rows.chunks(BATCH).enumerate() {
            let (first, last) = (index * BATCH + 1, index * BATCH + batch.len());
            let full = if batch.len() == BATCH { " full" } else { "" };
            html.clear();
            let _ = writeln!(
                html,
                "<ol class=\"segs{shape}{full}\" role=\"list\" start=\"{first}\" aria-label=\"Segments {first} to {last}\">"
            );
            for row in batch {
                row.write(&mut html);
            }
            html.push_str("</ol>\n");
            out.write_all(html.as_bytes())?;
        }
        out.write_all(b"</details></article>\n")
    }

    /// Its line in the list of articles.
    pub(super) fn entry(&self) -> Entry {
        let tally = Tally::of(self.record);
        let mut html = String::new();
        let number = self.number;
        let _ = write!(html, "<tr><td class=\"num\">{number}</td><th scope=\"row\"><a href=\"#a{number}\">");
        escape::text(&mut html, &self.record.input.path);
        html.push_str("</a></th><td>");
        write_status(&mut html, self.record.status);
        let _ = write!(html, "</td><td class=\"num wide\">{}</td>", tally.segments);
        for (count, class, word) in
            [(tally.errors, "error", "errors"), (tally.warnings, "warning", "warnings"), (tally.notes, "note", "notes")]
        {
            let none = if count == 0 { " zero" } else { "" };
            let _ = write!(html, "<td class=\"num {class}{none}\">{count}<span class=\"vh\"> {word}</span></td>");
        }
        html.push_str("</tr>\n");
        Entry { number, tally, html }
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let mut setting = Setting {
            article: self.number,
            from: self.from(),
            to: self.output_language(),
            original: self.original,
            before: None,
        };
        let mut rows = Vec::with_capacity(self.record.segments.len());
        for (index, segment) in self.record.segments.iter().enumerate() {
            rows.push(Row::new(segment, index, setting));
            setting.before = Some(segment.span.end);
        }
        rows
    }

    fn from(&self) -> Option<Language> {
        self.record.language.as_ref().map(|language| language.used)
    }

    /// The language that was asked for, or else the article's own.
    fn output_language(&self) -> Option<Language> {
        self.to.or(self.from())
    }

    /// Tells this article from others, so that marks of a reader come back to the same texts and to no others.
    fn key(&self) -> String {
        let mut hash = Sha256::new();
        let mut text = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        text(&self.record.input.path);
        for segment in &self.record.segments {
            text(&segment.source);
            text(&segment.output);
        }
        hash.finalize().iter().take(8).fold(String::new(), |mut key, byte| {
            let _ = write!(key, "{byte:02x}");
            key
        })
    }

    /// Language, route and figures, in a line each.
    fn write_facts(&self, html: &mut String) {
        let record = self.record;
        let mut facts: Vec<(&str, String)> = Vec::new();
        if let Some(language) = &record.language {
            let name = language.used.english_name();
            let how = match (language.given, language.detected, language.confidence) {
                (true, Some(detected), _) if detected != language.used => {
                    format!("{name} as given; it looks like {}", detected.english_name())
                }
                (true, ..) => format!("{name} as given"),
                (false, _, Some(confidence)) => format!("{name}, detected with {:.0} %", confidence * 100.0),
                (false, _, None) => name.to_string(),
            };
            facts.push(("Language", how));
        }
        if !record.route.is_empty() {
            let hop = |hop: &crate::job::report::HopRecord| {
                format!("{} to {} with {}", hop.from.english_name(), hop.to.english_name(), hop.model)
            };
            facts.push(("Route", record.route.iter().map(hop).collect::<Vec<_>>().join(", then ")));
        }
        if let Some(summarizer) = &record.summarizer {
            let path = record.summary.as_ref().map(|summary| format!(", {}", summary.path.replace('_', " ")));
            facts.push(("Summary by", format!("{summarizer}{}", path.unwrap_or_default())));
        }
        if let Some(confidence) = record.confidence {
            facts.push(("Confidence", format!("{confidence:.2}")));
        }
        if let Some(terms) = record.terms {
            facts.push(("Terms", format!("{} as in the glossary, {} missed", terms.hits, terms.misses)));
        }
        if let Some(output) = &record.output {
            facts.push(("Written to", output.display().to_string()));
        }
        let tally = Tally::of(record);
        let mut size = vec![count(tally.segments, "segment"), count(record.input.words, "word")];
        size.extend(record.input.format.map(str::to_string));
        facts.push(("Size", size.join(", ")));
        if let Some(account) = &record.accounting {
            let shares = [
                (account.translated.bytes, "translated"),
                (account.copied.bytes, "copied"),
                (account.dropped.bytes, "left out"),
                (account.failed.bytes, "failed"),
                (account.between_bytes, "between segments"),
            ];
            let shares = shares.iter().filter(|(bytes, _)| *bytes > 0);
            facts.push(("Bytes", shares.map(|(bytes, what)| format!("{bytes} {what}")).collect::<Vec<_>>().join(", ")));
        }
        let found = [(tally.errors, "error"), (tally.warnings, "warning"), (tally.notes, "note")];
        let found: Vec<String> = found.iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(*n, what)).collect();
        if !found.is_empty() {
            facts.push(("Found", found.join(", ")));
        }
        html.push_str("<dl class=\"facts\">");
        for (label, text) in facts {
            let _ = write!(html, "<div><dt>{label}</dt><dd>");
            escape::text(html, &text);
            html.push_str("</dd></div>");
        }
        html.push_str("</dl>\n");
    }

    /// What was left out on request.
    fn write_dropped(&self, html: &mut String) {
        let dropped = &self.record.dropped;
        if dropped.is_empty() {
            return;
        }
        let places = count(dropped.len(), "passage");
        let _ = write!(html, "<details class=\"dropped\"><summary>Left out: {places}</summary><ul>");
        for piece in dropped {
            html.push_str("<li><span class=\"tag\">");
            escape::text(html, &piece.kind.replace('_', " "));
            html.push_str("</span> <span dir=\"auto\"");
            if let Some(language) = self.from() {
                let _ = write!(html, " lang=\"{language}\"");
            }
            html.push('>');
            escape::text(html, piece.text.trim());
            html.push_str("</span></li>");
        }
        html.push_str("</ul></details>\n");
    }

    /// What stands in the columns.
    fn write_columns(&self, html: &mut String, list: &str) {
        let name = |language: Option<Language>| language.map_or(String::new(), |l| format!(" · {}", l.english_name()));
        let answer = if self.record.summarizer.is_some() { "Summary" } else { "Translation" };
        let _ = write!(html, "<div class=\"cols{list}\"><span></span><span>Source{}</span>", name(self.from()));
        let _ = writeln!(html, "<span>{answer}{}</span><span>Findings</span></div>", name(self.output_language()));
    }
}

/// How an article ended, by word, and by shape in the style.
fn write_status(html: &mut String, status: Status) {
    let word = match status {
        Status::Ok => "Fine",
        Status::Findings => "To look at",
        Status::Failed => "Failed",
        Status::Cancelled => "Not done",
    };
    let _ = write!(html, "<span class=\"status {}\">{word}</span>", status_class(status));
}

fn status_class(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Findings => "findings",
        Status::Failed => "failed",
        Status::Cancelled => "cancelled",
    }
}

/// A number with its noun.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::job::report::{DroppedRecord, HopRecord, LanguageRecord};
    use crate::quality::Finding;
    use crate::review::reading::text_content;
    use crate::review::testing::{article, segment};

    fn shown(record: &ArticleRecord) -> Article<'_> {
        Article { number: 3, record, to: Some(Language::EN), original: None, folding: Folding::FoldFine }
    }

    fn html(article: Article<'_>) -> String {
        let mut out = Vec::new();
        article.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn everything_known_of_an_article_is_there() {
        let mut record = article("in/<story>.txt", vec![segment("Один.", "One.")]);
        record.language = Some(LanguageRecord {
            used: Language::UK,
            detected: Some(Language::UK),
            confidence: Some(0.99),
            given: false,
        });
        record.route.push(HopRecord { from: Language::UK, to: Language::EN, model: "small".into() });
        record.output = Some("out/story.en.txt".into());
        record.findings.push(Finding::new("already_in_target", Severity::Note, "in English already"));
        record
            .dropped
            .push(DroppedRecord { kind: "read_also".into(), span: 0..4, text: "Читайте також".into() });
        let html = html(shown(&record));
        let text = text_content(&html);
        for needle in [
            "in/<story>.txt",
            "Fine",
            "Ukrainian, detected with 99 %",
            "Ukrainian to English with small",
            "out/story.en.txt",
            "in English already",
            "Left out: 1 passage",
            "read also",
            "Читайте також",
            "1 segment, 0 words",
        ] {
            assert!(text.contains(needle), "expected {needle:?} in {text}");
        }
        assert!(!html.contains("<story>"));
    }

    #[test]
    fn a_failed_article_says_why_and_one_that_was_not_done_says_so() {
        let mut record = article("a.txt", Vec::new());
        record.status = Status::Failed;
        record.error = Some("a.txt: not UTF-8 at byte 3".into());
        let failed = html(shown(&record));
        assert!(failed.contains("not UTF-8 at byte 3") && failed.contains(" open>") && !failed.contains("<ol"));
        record.status = Status::Cancelled;
        record.error = None;
        assert!(html(shown(&record)).contains("The job was stopped"));
    }

    #[test]
    fn fine_articles_of_large_jobs_are_folded() {
        let record = article("a.txt", vec![segment("a", "b")]);
        assert!(!html(shown(&record)).contains(" open>"));
        assert!(html(Article { folding: Folding::Open, ..shown(&record) }).contains(" open>"));
    }

    #[test]
    fn the_key_is_that_of_the_texts() {
        let one = article("a.txt", vec![segment("ab", "c")]);
        let other = article("a.txt", vec![segment("a", "bc")]);
        assert_eq!(shown(&one).key(), shown(&one.clone()).key());
        assert_ne!(shown(&one).key(), shown(&other).key());
    }
}
