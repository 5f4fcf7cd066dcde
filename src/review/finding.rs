//! A list of findings: severity by word and shape, number, message, code.

use super::escape;
use super::highlight::class;
use crate::quality::{Finding, Severity};
use std::fmt::Write;

/// Appends a list of findings; `name` is what their elements' names begin with. Nothing without findings.
pub(super) fn write_list(out: &mut String, name: &str, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    out.push_str("<ul class=\"finds\" role=\"list\">");
    for (index, finding) in findings.iter().enumerate() {
        let number = index + 1;
        let (class, word) = (class(finding.severity), word(finding.severity));
        let _ = write!(out, "<li class=\"find {class}\" id=\"{name}-{number}\" tabindex=\"-1\"><b>{word}</b> ");
        // The number is that of the highlights; a finding without a place has none to point at.
        if finding.source.is_some() || finding.output.is_some() {
            let _ = write!(out, "<span class=\"n\">{number}</span> ");
        }
        escape::text(out, &finding.message);
        out.push_str(" <code>");
        escape::text(out, finding.code);
        out.push_str("</code></li>");
    }
    out.push_str("</ul>");
}

/// The severity in a word.
fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "Note",
        Severity::Warning => "Warning",
        Severity::Error => "Error",
    }
}
