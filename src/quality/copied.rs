//! Checks whether the output is the source itself. What is only names, figures or addresses may be the same.

use super::language::is_small_english;
use super::letters::{Counts, Script, script_for, script_of, words};
use super::{Finding, Input, Severity};

/// So many words in lower case make a text more than a name.
const PLAIN_WORDS: usize = 3;
/// So many words are no single name, even with capitals: a headline.
const HEADLINE_WORDS: usize = 5;

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    if input.from == input.to || !folded(input.source).eq(folded(input.output)) {
        return Vec::new();
    }
    let letters = input.output.chars().filter(|&c| script_of(c).is_some()).count();
    let Some(severity) = severity(input).filter(|_| letters >= 2) else { return Vec::new() };
    vec![
        Finding::new("copied_source", severity, format!("output is the source: expected {}", input.to.english_name()))
            .in_source(0..input.source.len())
            .in_output(0..input.output.len()),
    ]
}

/// How bad a copy is; `None` for what may stay as it is.
fn severity(input: &Input<'_>) -> Option<Severity> {
    // A source in a script of its own cannot be right in any amount beyond a sign or an initial.
    let counts = Counts::of(input.output);
    let (from, to) = (script_for(input.from), script_for(input.to));
    if from != to && from.is_some_and(|from| from != Script::Latin && counts.get(from) >= 2) {
        return Some(Severity::Error);
    }
    let kept = |word: &str| input.verbatim.iter().any(|kept| kept.contains(word));
    let words: Vec<&str> =
        words(input.output).into_iter().map(|span| &input.output[span]).filter(|w| !kept(w)).collect();
    let plain: Vec<&&str> = words.iter().filter(|word| word.starts_with(char::is_lowercase)).collect();
    // Small words alone (`at the`) stand in names and titles too.
    let telling = plain.iter().any(|word| !is_small_english(word));
    if plain.len() >= PLAIN_WORDS || plain.len() >= 2 && telling {
        // What is in another language than the source's is a quotation.
        let quoted = from.is_some_and(|from| from != Script::Latin) && counts.get(Script::Latin) * 2 > counts.letters();
        return Some(if quoted { Severity::Warning } else { Severity::Error });
    }
    (words.len() >= HEADLINE_WORDS && from != to).then_some(Severity::Warning)
}

/// The letters and digits of a text in lower case: spacing and punctuation do not make a translation.
fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|&c| script_of(c).is_some() || c.is_numeric()).flat_map(char::to_lowercase)
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
        check("en", "uk", "She is back.", "She is back.", &["copied_source"]);
        check(
            "en",
            "ko",
            "Grey Harbour Council Votes Down Ferry Plan",
            "Grey Harbour Council Votes Down Ferry Plan",
            &["copied_source"],
        );
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
