//! What is written about a job while it runs: the report and the review copy, either or both.

use anyhow::{Context, Result, bail};
use std::path::Path;
use tlumach::job::report::{self, ArticleRecord, Head, Tail};
use tlumach::job::spec::{Item, Source};
use tlumach::review;

/// Which files were asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) report: Option<&'a Path>,
    pub(super) review: Option<&'a Path>,
    /// How many articles the job has.
    pub(super) articles: usize,
    /// The articles of the job, to read those again that have no source in their record.
    pub(super) items: &'a [Item],
}

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
    pub(super) fn begin(asked: Asked<'a>, head: &Head) -> Result<Records<'a>> {
        if let (Some(report), Some(review)) = (asked.report, asked.review)
            && report == review
        {
            bail!("--report and --review are the same file {}: expected one for each", report.display());
        }
        let cannot = |option: &str, path: &Path| format!("cannot write {option} {}", path.display());
        let report =
            asked.report.map(|path| report::Writer::create(path, head).with_context(|| cannot("--report", path)));
        let mut records = Records { items: asked.items, report: report.transpose()?, review: None };
        if let Some(path) = asked.review {
            match review::Writer::create(path, head, asked.articles) {
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
            let summary = record.summarizer.as_ref().and_then(|_| self.items.get(index));
            let original = summary.and_then(original);
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
