//! Checks of what goes out: each check reads source and output and answers findings.

use std::ops::Range;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; does not change the exit code.
    Note,
    /// Doubtful: a person should look.
    Warning,
    /// Wrong, or most likely wrong.
    Error,
}

/// Something that a reader of the output has to know.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Stable machine name, for example `number_missing`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in one sentence: what, expected, got.
    pub message: String,
    /// Byte range in the source text of the segment, if it has a place there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Range<usize>>,
    /// Byte range in the output, if it has a place there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Range<usize>>,
}
