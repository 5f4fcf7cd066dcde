//! Records for the tests of this module.

use crate::job::report::{ArticleRecord, InputRecord, OutcomeRecord, SegmentRecord};

/// A translated segment with nothing else known of it.
pub(super) fn segment(source: &str, output: &str) -> SegmentRecord {
    SegmentRecord {
        span: 0..source.len(),
        source: source.into(),
        output: output.into(),
        output_span: None,
        outcome: OutcomeRecord::Translated,
        score: None,
        language: None,
        intermediate: Vec::new(),
        hops: Vec::new(),
        alignment: None,
        retry: None,
        findings: Vec::new(),
    }
}

/// An article with segments.
pub(super) fn article(path: &str, segments: Vec<SegmentRecord>) -> ArticleRecord {
    let mut record = ArticleRecord::new(InputRecord { path: path.into(), ..InputRecord::default() });
    record.segments = segments;
    record
}
