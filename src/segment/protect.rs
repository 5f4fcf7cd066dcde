//! Finds what has to survive translation as it is: addresses, handles, hashtags, placeholders.

use std::ops::Range;

/// The ranges of `text` that have to survive, in order.
pub fn protect(text: &str) -> Vec<Range<usize>> {
    let _ = text;
    Vec::new()
}

/// Contiguous ranges that cover `text`; `true` for the protected ones.
pub fn split_around(text: &str, verbatim: &[Range<usize>]) -> Vec<(Range<usize>, bool)> {
    let _ = verbatim;
    vec![(0..text.len(), false)]
}

/// The indices of the `verbatim` strings that `output` lacks.
pub fn survived(verbatim: &[&str], output: &str) -> Vec<usize> {
    (0..verbatim.len()).filter(|i| !output.contains(verbatim[*i])).collect()
}
