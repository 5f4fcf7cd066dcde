//! What is written about a job while it runs: the report and the review copy, either or both.

use super::args::InputArgs;
use anyhow::{Context, Result, bail};
use std::path::Path;
use tlumach::job::report::{self, ArticleRecord, Head, Tail};
use tlumach::job::spec::{Item, JobSpec, Source};
use tlumach::review;

/// The files that were asked for.
pub(super) struct Records<'a> {
    items: &'a [Item],
    report: Option<report::Writer>,
    review: Option<review::Writer>,
}

impl<'a> Records<'a> {
    /// Begins what was asked for.
    ///
    /// # Errors
    /// A file cannot be written, or both are the same.
    pub(super) fn begin(input: &InputArgs, spec: &'a JobSpec, head: &Head) -> Result<Records<'a>> {
        if let (Some(report), Some(review)) = (&input.report, &input.review)
            && report == review
        {
            bail!("--report and --review are the same file {}: expected one for each", report.display());
        }
        let cannot = |option: &str, path: &Path| format!("cannot write {option} {}", path.display());
        let report = input
            .report
            .as_deref()
            .map(|path| report::Writer::create(path, head).with_context(|| cannot("--report", path)));
        let mut records = Records { items: &spec.items, report: report.transpose()?, review: None };
        if let Some(path) = &input.review {
            match review::Writer::create(path, head, spec.items.len()) {
                Ok(writer) => records.review = Some(writer),
                Err(error) => {
                    records.discard();
                    return Err(error).with_context(|| cannot("--review", path));
                }
            }
        }
        Ok(records)
    }

    /// Adds an article to each.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn article(&mut self, index: usize, record: &ArticleRecord) -> Result<()> {
        if let Some(writer) = &mut self.report {
            writer.article(index, record).context("cannot write the report")?;
        }
        if let Some(writer) = &mut self.review {
            // A summary has no source in its record: the article is read again to stand beside it.
            let summary = record.segments.iter().any(|segment| segment.source.is_empty());
            let original = summary.then(|| self.items.get(index).and_then(original)).flatten();
            writer.article(index, record, original.as_deref()).context("cannot write the review copy")?;
        }
        Ok(())
    }

    /// Takes both back: the job could not run.
    pub(super) fn discard(self) {
        if let Some(writer) = self.report {
            writer.discard();
        }
        if let Some(writer) = self.review {
            writer.discard();
        }
    }

    /// Ends both and puts them at their paths.
    ///
    /// # Errors
    /// A file cannot be written or moved to its place.
    pub(super) fn finish(self, tail: &Tail) -> Result<()> {
        if let Some(writer) = self.report {
            writer.finish(tail).context("cannot write the report")?;
        }
        if let Some(writer) = self.review {
            writer.finish(tail).context("cannot write the review copy")?;
        }
        Ok(())
    }
}

/// The text of an input, if it can still be read.
fn original(item: &Item) -> Option<String> {
    let bytes = match &item.input {
        Source::File(path) => std::fs::read(path).ok()?,
        Source::Bytes { bytes, .. } => bytes.clone(),
        Source::Unusable { .. } => return None,
    };
    let text = String::from_utf8(bytes).ok()?;
    Some(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_string))
}
