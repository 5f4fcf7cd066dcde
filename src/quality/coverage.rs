//! Checks that a segment of several sentences has about as many in the output: a translation may join two, not lose one.
//!
//! Counts only; it does not align sentences.

use super::length::deviation;
use super::{Finding, Input, Severity};
use crate::language::Language;

/// Abbreviations after which a full stop ends no sentence.
#[rustfmt::skip]
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "gen", "col", "lt", "maj", "capt", "sgt", "st", "no", "vs", "jan", "feb", "mar",
    "apr", "aug", "sept", "sep", "oct", "nov", "dec", "inc", "ltd", "gov", "sen", "rep", "a.m", "p.m", "e.g", "i.e",
    "u.s", "u.k", "u.n", "р", "рр", "ст", "с", "м", "обл", "вул", "просп", "ім", "проф", "ген", "акад", "див", "напр",
    "січ", "лют", "бер", "квіт", "серп", "вер", "жовт", "лист", "груд", "грн", "коп", "тис", "млн", "млрд", "стор",
    "т", "д", "п",
];

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let source = count_sentences(input.source);
    let output = count_sentences(input.output);
    let Some(deviation) = deviation(input) else { return Vec::new() };
    if source < 2 || output >= source {
        return Vec::new();
    }
    let few = output * 5 <= source * 3;
    // Korean says in two short sentences what the others say in one with a clause.
    let slack = if input.from == Language::KO { 0.6 } else { 0.0 };
    let deviation = deviation + slack;
    let severity = if few && deviation < -3.0 || source >= 5 && output * 5 <= source * 2 {
        Severity::Error
    } else if few && deviation < -1.8 || source >= 4 && output * 2 <= source || deviation < -2.5 {
        Severity::Warning
    } else {
        return Vec::new();
    };
    vec![Finding::new(
        "sentences_missing",
        severity,
        format!("sentences are missing: expected about {source}, got {output}"),
    )]
}

/// About how many sentences a text has: a mark that ends a sentence, closing quotes and brackets, then a space and a
/// beginning, or the end of the text.
pub(super) fn count_sentences(text: &str) -> usize {
    let chars: Vec<char> = text.trim().chars().collect();
    let mut count = 0;
    let mut pending = false;
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        pending |= c.is_alphanumeric();
        at += 1;
        if !matches!(c, '.' | '!' | '?' | '…' | '。' | '\n') || !pending {
            continue;
        }
        while at < chars.len()
            && matches!(chars[at], '.' | '!' | '?' | '…' | '"' | '”' | '’' | '»' | '“' | ')' | ']' | '\'' | '*' | '_')
        {
            at += 1;
        }
        if at < chars.len() && c != '\n' && !chars[at].is_whitespace() {
            continue;
        }
        let next = chars[at..].iter().copied().find(|c| !c.is_whitespace());
        // Small letters and a dash go on with direct speech: «Ні!» — сказав він.
        let goes_on = next.is_some_and(|c| c.is_lowercase() || matches!(c, '—' | '–' | ',' | ';'));
        if c != '\n' && (goes_on || c == '.' && next.is_some() && after_abbreviation(&chars[..at])) {
            continue;
        }
        count += 1;
        pending = false;
    }
    count + usize::from(pending)
}

/// Whether a text that ends in a full stop ends in an abbreviation or an initial.
fn after_abbreviation(chars: &[char]) -> bool {
    let end = chars.iter().rposition(|&c| c != '.').map_or(0, |last| last + 1);
    let start = chars[..end].iter().rposition(|&c| !(c.is_alphanumeric() || c == '.')).map_or(0, |space| space + 1);
    let word: String = chars[start..end].iter().flat_map(|c| c.to_lowercase()).collect();
    let initial = end - start == 1 && chars[start].is_uppercase();
    initial || ABBREVIATIONS.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, input};
    use super::count_sentences;

    fn count(text: &str, expected: usize) {
        assert_eq!(count_sentences(text), expected, "{text}");
    }

    #[test]
    fn sentences_are_counted() {
        count("", 0);
        count("...", 0);
        count("Rates on hold", 1);
        count("Lt. Col. Pavlo Sereda spoke at 5:40 a.m. on Monday. Prof. H. J. Aldermoor did not.", 2);
        count("“We stopped.” She laughed. \"On time?\" No!", 4);
        count("«Ні!» — сказав він. Була 22-га година, 13 квіт. 2026 р.", 2);
        count("«Ми нікого не пропустили», — сказав майор. Це 1,26 млрд гривень. Так.", 3);
        count("“땅값이 90만 원이다.” 그는 말했다. 12.5%였다.", 3);
    }

    #[test]
    fn lost_sentences_are_found() {
        let source = "The road was closed at noon. Two trucks were hit on the bridge. Nobody was hurt in the town. The convoy turned back at once. It will try again on Monday.";
        let whole = "Дорогу перекрили опівдні. Дві вантажівки влучили на мосту. У місті ніхто не постраждав. Колона одразу повернула назад. У понеділок вона спробує знову.";
        let part = "Дорогу перекрили опівдні. У понеділок вона спробує знову.";
        assert!(super::check(&input("en", "uk", source, whole)).is_empty());
        assert_eq!(codes(&super::check(&input("en", "uk", source, part))), ["sentences_missing"]);
    }

    #[test]
    fn joined_sentences_are_no_loss() {
        let source = "The road was closed at noon. Two trucks were hit on the bridge.";
        let joined = "Опівдні дорогу перекрили, а на мосту обстріляли дві вантажівки.";
        assert!(super::check(&input("en", "uk", source, joined)).is_empty());
    }
}
