//! Checks how an answer ended: nothing came, the limit of tokens cut it, or the search stopped a loop.

use super::{Ended, Finding, Input, Severity};

/// Code of the finding for an output without text.
pub(super) const EMPTY: &str = "empty_output";

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    if input.output.trim().is_empty() {
        return vec![
            Finding::new(EMPTY, Severity::Error, "output is empty, the source is not").in_source(0..input.source.len()),
        ];
    }
    let end = input.output.len();
    match input.ended {
        Some(Ended::Limit) => vec![
            Finding::new(
                "limit_reached",
                Severity::Error,
                "the limit of tokens was reached: the end is probably missing",
            )
            .in_output(end..end),
        ],
        Some(Ended::Loop) => vec![
            Finding::new("loop_stopped", Severity::Error, "the answer fell into a loop and was stopped")
                .in_output(end..end),
        ],
        Some(Ended::Normal) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, input};
    use super::super::{Ended, Input};

    fn check(output: &str, ended: Option<Ended>, expected: &[&str]) {
        let input = Input { ended, ..input("en", "uk", "The bridge is open.", output) };
        assert_eq!(codes(&super::check(&input)), expected, "{output:?} {ended:?}");
    }

    #[test]
    fn an_answer_without_text_is_an_error() {
        check("", None, &["empty_output"]);
        check(" \n", Some(Ended::Limit), &["empty_output"]);
    }

    #[test]
    fn the_search_says_how_it_ended() {
        check("Міст відкрито.", None, &[]);
        check("Міст відкрито.", Some(Ended::Normal), &[]);
        check("Міст", Some(Ended::Limit), &["limit_reached"]);
        check("Міст, міст", Some(Ended::Loop), &["loop_stopped"]);
    }
}
