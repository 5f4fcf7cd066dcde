//! Records for the tests of this module.

use crate::job::report::{ArticleRecord, InputRecord, OutcomeRecord, SegmentRecord};

/// A translated segment with nothing else known of it.
pub(super) fn segment(source: &str, output: &str) -> SegmentRecord {
    SegmentRecord {
        span: 0..source.len(),
        outcome: OutcomeRecord::Translated,
        ..SegmentRecord::new(source.into(), output.into())
    }
}

/// An article with segments.
pub(super) fn article(path: &str, segments: Vec<SegmentRecord>) -> ArticleRecord {
    let mut record = ArticleRecord::new(InputRecord { path: path.into(), ..InputRecord::default() });
    record.segments = segments;
    record
}
