//! Checks single words of the output: scripts mixed inside a word, words of a script that the target does not use,
//! Russian words in Ukrainian, Han in Korean, and stretches of the source that were left as they were.

use std::ops::Range;

use super::letters::{Script, is_mark, script_for, script_of, words};
use super::russian::is_russian;
use super::{Finding, Input, Severity};
use crate::language::Language;

/// So many plain Latin words in a row, all of them in the source, are a stretch that was not translated.
const UNTRANSLATED_RUN: usize = 4;

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let Some(target) = script_for(input.to) else { return Vec::new() };
    let spans: Vec<Range<usize>> = words(input.output)
        .into_iter()
        .filter(|span| !input.verbatim.iter().any(|kept| kept.contains(&input.output[span.clone()])))
        .collect();
    let mut findings = mixed(input, &spans, target);
    findings.extend(foreign(input, &spans, target));
    // Without any word in the target's script the whole is in another language, which `language` says.
    let has_own = |span: &Range<usize>| input.output[span.clone()].chars().any(|c| script_of(c) == Some(target));
    if target != Script::Latin && spans.iter().any(has_own) {
        let runs = untranslated(input, &spans);
        let told = |place: &Range<usize>| {
            runs.iter().filter_map(|run| run.output.as_ref()).any(|run| run.start < place.end && place.start < run.end)
        };
        findings.extend(left_words(input, &spans).filter(|finding| !finding.output.as_ref().is_some_and(told)));
        findings.extend(runs);
    }
    if input.to == Language::UK {
        findings.extend(russian(input, &spans));
    }
    findings
}

/// Words in which scripts are mixed that no language mixes.
fn mixed(input: &Input<'_>, spans: &[Range<usize>], target: Script) -> Vec<Finding> {
    let mut findings = Vec::new();
    for span in spans {
        let word = &input.output[span.clone()];
        let (mut seen, mut last, mut after_hangul) = ([false; 6], None, false);
        for script in word.chars().filter_map(script_of) {
            after_hangul |= last == Some(Script::Hangul) && script == Script::Latin;
            seen[script as usize] = true;
            last = Some(script);
        }
        if seen.iter().filter(|&&seen| seen).count() < 2 {
            continue;
        }
        let has = |script| seen[script as usize];
        let bad = has(Script::Cyrillic) && (has(Script::Latin) || has(Script::Hangul) || has(Script::Han))
            || has(Script::Latin) && (has(Script::Han) || has(Script::Kana))
            || target != Script::Hangul && has(Script::Latin) && has(Script::Hangul)
            // Latin before Korean endings is normal (`LNG는`); small Latin letters after Hangul are not.
            || after_hangul && small_latin(word) >= 2;
        if bad && !input.source.contains(word) {
            let message = format!("word mixes scripts: expected one script, got {word:?}");
            findings.push(Finding::new("mixed_script", Severity::Error, message).in_output(span.clone()));
        }
    }
    findings
}

/// Letters from which on a word in lower case is no unit and no sign.
const LEAST_LETTERS: usize = 4;

/// Single words in lower case and Latin letters that stand in an output of another script, also with Korean endings
/// (`protests는`): left as in a source in Latin letters, in another of its forms, or put in where the source has none.
/// Those in brackets and quotation marks are meant to be there.
fn left_words<'i>(input: &'i Input<'_>, spans: &'i [Range<usize>]) -> impl Iterator<Item = Finding> + 'i {
    let from_latin = script_for(input.from) == Some(Script::Latin);
    spans.iter().filter_map(move |span| {
        let word = &input.output[span.clone()];
        let length = word.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(word.len());
        let (latin, ending) = word.split_at(length);
        let plain = length >= LEAST_LETTERS && ending.chars().all(|c| script_of(c) == Some(Script::Hangul));
        let before = input.output[..span.start].chars().next_back();
        let after = input.output[span.end..].chars().next();
        let part_of_name = |c: char| c.is_ascii_digit() || matches!(c, '.' | '/' | '@' | '#' | '_' | '-' | '&');
        let enclosed = |c: char| matches!(c, '(' | '[' | '"' | '\'' | '“' | '”' | '‘' | '’' | '«' | '»' | ')' | ']');
        // A full stop behind the word ends the sentence.
        let ends = input.output[span.end..].chars().nth(1).is_none_or(char::is_whitespace);
        let free = !before.is_some_and(|c| part_of_name(c) || enclosed(c))
            && !after.is_some_and(|c| part_of_name(c) && !(c == '.' && ends) || enclosed(c));
        // What a source of another script writes in Latin letters stays so.
        let in_source = has_word(input.source, latin);
        (plain && free && (from_latin || !in_source)).then(|| {
            let place = span.start..span.start + length;
            let what = if in_source { "is left as in the source" } else { "is in Latin letters" };
            let message = format!("word {what}: expected {}, got {latin:?}", input.to.english_name());
            Finding::new("untranslated", Severity::Warning, message).in_output(place)
        })
    })
}

/// Whether a text has a word as it is.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        // A Korean ending is no part of the word.
        let edge = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() && script_of(c) != Some(Script::Hangul));
        edge(text[..at].chars().next_back()) && edge(text[at + word.len()..].chars().next())
    })
}

/// Number of Latin letters in lower case.
fn small_latin(word: &str) -> usize {
    word.chars().filter(|c| c.is_lowercase() && script_of(*c) == Some(Script::Latin)).count()
}

/// Words of a script that neither the target nor a name in it is written in. Neighbours make one finding.
fn foreign(input: &Input<'_>, spans: &[Range<usize>], target: Script) -> Vec<Finding> {
    let mut runs: Vec<(Range<usize>, usize)> = Vec::new();
    let mut last = None;
    for (index, span) in spans.iter().enumerate() {
        let word = &input.output[span.clone()];
        let foreign = |script: Option<Script>| {
            script.is_some_and(|script| script != target && script != Script::Latin && script != Script::Other)
        };
        let letters = word.chars().filter(|&c| foreign(script_of(c))).count();
        // A mixed word was reported as such; a gloss that the source has too is a copy on purpose.
        let whole = word.chars().all(|c| script_of(c).is_none_or(|script| foreign(Some(script))));
        let kept = input.source.contains(word) && script_for(input.from) != word.chars().find_map(script_of);
        let han_in_korean =
            target == Script::Hangul && !kept && word.chars().any(|c| script_of(c) == Some(Script::Han));
        if letters == 0 || kept || !(whole || han_in_korean) {
            continue;
        }
        match runs.last_mut() {
            Some((run, count)) if last == Some(index.wrapping_sub(1)) => {
                run.end = span.end;
                *count += letters;
            }
            _ => runs.push((span.clone(), letters)),
        }
        last = Some(index);
    }
    let to = input.to.english_name();
    runs.into_iter()
        .map(|(run, letters)| {
            let text = &input.output[run.clone()];
            let script = text.chars().find_map(|c| script_of(c).filter(|&s| s != target));
            // Korean newspapers write single Han characters in headlines and glosses in brackets.
            let severity = match (target, script) {
                (Script::Hangul, Some(Script::Han)) if letters < 4 => Severity::Warning,
                _ if letters < 2 => Severity::Warning,
                _ => Severity::Error,
            };
            let from_source = input.source.contains(text);
            let (code, what) = if from_source {
                ("untranslated", "left as in the source")
            } else {
                ("foreign_script", "not written in the script of the target")
            };
            Finding::new(code, severity, format!("words are {what}: expected {to}, got {text:?}")).in_output(run)
        })
        .collect()
}

/// Stretches of Latin words that are no names: those that stand in the source too, and sentences from elsewhere.
fn untranslated(input: &Input<'_>, spans: &[Range<usize>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut run: Option<Run> = None;
    for span in spans {
        let word = &input.output[span.clone()];
        // Figures part units: `480 km/h (133 m/s)`.
        if run.as_ref().is_some_and(|run| input.output[run.span.end..span.start].contains(|c: char| c.is_ascii_digit()))
        {
            findings.extend(run.take().and_then(|run| run.finding(input)));
        }
        if word.chars().all(|c| script_of(c).is_none_or(|script| script == Script::Latin)) {
            let run = run.get_or_insert_with(|| Run { span: span.clone(), words: 0, small: 0 });
            run.span.end = span.end;
            run.words += 1;
            run.small += usize::from(word.starts_with(char::is_lowercase));
        } else {
            findings.extend(run.take().and_then(|run| run.finding(input)));
        }
    }
    findings.extend(run.and_then(|run| run.finding(input)));
    findings
}

/// Neighbouring Latin words.
struct Run {
    span: Range<usize>,
    words: usize,
    small: usize,
}

impl Run {
    fn finding(self, input: &Input<'_>) -> Option<Finding> {
        // Titles have small words too, but not so many: `The Journal of Cold Places`.
        let prose = self.words >= UNTRANSLATED_RUN && self.small * 2 >= self.words
            || self.words >= 2 * UNTRANSLATED_RUN && self.small >= 2;
        let short = self.words + 1 == UNTRANSLATED_RUN && self.small == self.words;
        if !prose && !short {
            return None;
        }
        let text = &input.output[self.span.clone()];
        let kept = input.source.contains(text) || input.source.to_lowercase().contains(&text.to_lowercase());
        // What a source in another script quotes in Latin letters is a quotation.
        let quoted = kept && script_for(input.from).is_some_and(|script| script != Script::Latin);
        // Neither are glosses in brackets and, where the source has them not, names from capital to capital.
        let gloss = input.output[..self.span.start].ends_with('(') && input.output[self.span.end..].starts_with(')');
        let capital = |word: Option<&str>| word.is_some_and(|word| word.starts_with(char::is_uppercase));
        let mut words = text.split(char::is_whitespace);
        let name = self.words <= 6 && capital(words.next()) && capital(words.next_back());
        if quoted || gloss || !kept && (!prose || name) {
            return None;
        }
        let (code, what) = if kept {
            ("untranslated", "left as in the source")
        } else {
            ("foreign_script", "not written in the script of the target")
        };
        let message = format!("words are {what}: expected {}, got {text:?}", input.to.english_name());
        Some(Finding::new(code, Severity::Error, message).in_output(self.span))
    }
}

/// Words with letters that Ukrainian does not have, and words that are Russian without any. Between quotation marks a
/// Russian title may stand.
fn russian(input: &Input<'_>, spans: &[Range<usize>]) -> Vec<Finding> {
    let mut letters = Vec::new();
    let mut others = Vec::new();
    for span in spans {
        let word = &input.output[span.clone()];
        if input.source.contains(word) {
            continue;
        }
        // An abbreviation is no word: `с.` is a village or a page.
        let short = input.output[span.end..].starts_with('.') && word.chars().count() <= 3;
        if has_letter_of_russian(word) {
            letters.push(span);
        } else if !short && is_russian(&word.to_lowercase()) && !is_quoted(input.output, span) {
            others.push(span);
        }
    }
    let severity = if letters.len() >= 2 { Severity::Error } else { Severity::Warning };
    let finding = |code, severity, what: &str, span: &Range<usize>| {
        let message = format!("word {what}: expected Ukrainian, got {:?}", &input.output[span.clone()]);
        Finding::new(code, severity, message).in_output(span.clone())
    };
    let letters = letters.into_iter().map(|span| finding("russian_letters", severity, "has letters of Russian", span));
    let others = others.into_iter().map(|span| finding("russian_word", Severity::Warning, "is Russian", span));
    letters.chain(others).collect()
}

/// Whether a word has a letter that Russian has and Ukrainian has not; with Ukrainian ones beside it, it is no better.
fn has_letter_of_russian(word: &str) -> bool {
    word.contains(['ы', 'э', 'ё', 'ъ', 'Ы', 'Э', 'Ё', 'Ъ']) && !word.chars().any(is_mark)
}

/// Whether a word stands between quotation marks: more opened than closed before it, or an odd number of straight ones.
fn is_quoted(text: &str, span: &Range<usize>) -> bool {
    let before = &text[..span.start];
    let count = |marks: &[char]| before.matches(marks).count();
    let open = count(&['«', '„']) > count(&['»']) + count(&['“', '”']).min(count(&['„']));
    (open || count(&['"']) % 2 == 1 || count(&['“']) > count(&['”', '„']))
        && text[span.end..].contains(['»', '”', '“', '"'])
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::super::tests::{codes, input};

    fn check(to: &str, source: &str, output: &str, expected: &[&str]) {
        let from = if to == "en" { "uk" } else { "en" };
        assert_eq!(codes(&super::check(&input(from, to, source, output))), expected, "{to}: {output}");
    }

    #[test]
    fn ordinary_words_pass() {
        check("ko", "An LNG carrier", "LNG운반선은 SNS에서 화제가 됐다.", &[]);
        check("uk", "The IT company", "ІТ-компанія Open Ladle", &[]);
        check("en", "Фонд «Тепла лінія»", "The Warm Line fund", &[]);
    }

    #[test]
    fn scripts_mixed_in_a_word_are_found() {
        check("ko", "A professor", "프로fessor가 말했다.", &["mixed_script"]);
        check("ko", "A professor", "프로фессор가 말했다.", &["mixed_script"]);
        check("uk", "A bridge", "Мiст відкрито.", &["mixed_script"]);
        check("uk", "A bridge", "Міст과 дорога", &["mixed_script"]);
        check("en", "Міст", "The b한국e is open.", &["mixed_script"]);
    }

    #[test]
    fn foreign_words_are_found() {
        check("en", "Староста не виїхала.", "The elder не виїхала.", &["untranslated"]);
        check("en", "Староста не виїхала.", "The elder 촌장 stayed.", &["foreign_script"]);
        check("uk", "The elder stayed.", "Староста 没有离开 лишилася.", &["foreign_script"]);
        check("ko", "The elder stayed.", "촌장은 没有离开 머물렀다.", &["foreign_script"]);
        check("ko", "The elder stayed.", "촌장(村長)은 머물렀다.", &["foreign_script"]);
        check("ko", "The mayor (村長) stayed.", "촌장(村長)은 머물렀다.", &[]);
    }

    #[test]
    fn a_gloss_in_korean_is_only_doubtful() {
        let found = super::check(&input("en", "ko", "The elder stayed.", "촌장(村長)은 머물렀다."));
        assert_eq!(found[0].severity, Severity::Warning);
    }

    #[test]
    fn single_words_left_in_the_output_are_found() {
        check("ko", "The jail held protests.", "그 jail은 protests를 열었다.", &["untranslated", "untranslated"]);
        check("uk", "The jail was full.", "Цей jail був повний.", &["untranslated"]);
        // Another form of the word is no better.
        check("ko", "The jail held a protest.", "그 감옥은 protests를 열었다.", &["untranslated"]);
        check("uk", "The file is here. See the jail", "Слово «jail» тут (jail), а jail.example/x там", &[]);
        check("ko", "The iPhone and the http port", "iPhone은 LTE를 쓴다", &[]);
    }

    #[test]
    fn english_left_in_the_output_is_found() {
        check("uk", "He said no road was open.", "Він сказав, що no road was open.", &["untranslated"]);
        check("ko", "He said no road was open.", "그는 no road was open 이라고 했다.", &["untranslated"]);
        check("ko", "He said no road was open.", "그는 no road was 라고 했다.", &["untranslated"]);
        check("uk", "The Journal of Cold Places", "Журнал Journal of Cold Places", &[]);
    }

    #[test]
    fn english_from_elsewhere_is_found() {
        let found = super::check(&input(
            "ko",
            "uk",
            "그는 모든 도로가 막혔다고 했다.",
            "Він сказав, що all roads were closed by snow.",
        ));
        assert_eq!(codes(&found), ["foreign_script"]);
        let title = "«Пісня „Never let me go“» лунала";
        assert!(super::check(&input("ko", "uk", "‘Never let me go’라는 노래", title)).is_empty());
    }

    #[test]
    fn russian_words_in_ukrainian_are_found() {
        check("uk", "The bridges are open.", "Мосты відкрито.", &["russian_letters"]);
        check("uk", "The bridges are open again.", "Мосты відкрыто знову.", &["russian_letters", "russian_letters"]);
        check("uk", "The police came.", "Приїхала полиция міста.", &["russian_word"]);
        check("uk", "He was late.", "Она запізнилася.", &["russian_word"]);
        check("uk", "The police came.", "«А» полиция «Б» приїхала", &["russian_word"]);
        check("uk", "The screen is flat.", "Екран плоский та яскравий.", &[]);
        check("uk", "He reads it.", "Він читає «Новая полиция» щодня.", &[]);
        check("uk", "Nuclear energy", "Нуклеарна энергія міста", &["russian_letters"]);
        check("uk", "The machines were out.", "Машины были зламані.", &["russian_letters", "russian_letters"]);
    }
}
