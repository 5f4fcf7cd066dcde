//! Checks whether the output is the source itself. What is only names, figures or addresses may be the same.

use super::letters::{Counts, script_for, script_of, words};
use super::{Finding, Input, Severity};

/// So many words in lower case make a text more than a name.
const PLAIN_WORDS: usize = 3;

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    if input.from == input.to || folded(input.source) != folded(input.output) {
        return Vec::new();
    }
    let plain = words(input.output)
        .iter()
        .filter(|span| input.output[span.start..span.end].chars().next().is_some_and(char::is_lowercase))
        .filter(|span| !input.verbatim.iter().any(|kept| kept.contains(&input.output[span.start..span.end])))
        .count();
    let counts = Counts::of(input.output);
    // A source in a script of its own cannot be right in any amount beyond a sign or an initial.
    let foreign = match (script_for(input.from), script_for(input.to)) {
        (Some(from), Some(to)) if from != to && from != super::letters::Script::Latin => counts.get(from) >= 2,
        _ => false,
    };
    let letters = input.output.chars().filter(|&c| script_of(c).is_some()).count();
    if letters < 2 || !(foreign || plain >= PLAIN_WORDS) {
        return Vec::new();
    }
    vec![
        Finding::new(
            "copied_source",
            Severity::Error,
            format!("output is the source: expected {}", input.to.english_name()),
        )
        .in_source(0..input.source.len())
        .in_output(0..input.output.len()),
    ]
}

/// The letters and digits of a text in lower case: spacing and punctuation do not make a translation.
fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Input;
    use super::super::tests::{codes, input};

    fn check(from: &str, to: &str, source: &str, output: &str, expected: &[&str]) {
        assert_eq!(codes(&super::check(&input(from, to, source, output))), expected, "{source:?} → {output:?}");
    }

    #[test]
    fn a_sentence_given_back_is_found() {
        check("en", "ko", "The road is closed.", "The road is closed .", &["copied_source"]);
        check("uk", "en", "Дорогу перекрили.", "Дорогу перекрили.", &["copied_source"]);
        check("ko", "en", "도로가 막혔다.", "도로가 막혔다.", &["copied_source"]);
        check("ko", "uk", "여수", "여수", &["copied_source"]);
    }

    #[test]
    fn names_and_figures_may_stay() {
        check("en", "ko", "Open Ladle", "Open Ladle", &[]);
        check("uk", "en", "12,5 %", "12,5 %", &[]);
        check("en", "uk", "The road is closed.", "Дорогу перекрили.", &[]);
        check("en", "en", "The road is closed.", "The road is closed.", &[]);
    }

    #[test]
    fn what_has_to_stay_is_no_copy() {
        let text = "https://open-ladle.example/convoys/march";
        let verbatim = [text];
        let input = Input { verbatim: &verbatim, ..input("en", "uk", text, text) };
        assert!(super::check(&input).is_empty());
    }
}
