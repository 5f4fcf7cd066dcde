//! The checks alone, on a text and its translation, whoever made it: read both, pair their paragraphs or lines, check each
//! pair. No model is loaded and nothing is written.

use super::article::{block_language, find_language, remarks};
use crate::article::{self, Format};
use crate::document::{BlockKind, Document};
use crate::job::report::{ArticleRecord, InputRecord, OutcomeRecord, SegmentRecord, Status};
use crate::job::spec::{Lines, Source};
use crate::language::Language;
use crate::quality::{self, Finding, Paired, Severity};
use crate::segment::{self, Segment, protect};
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::path::Path;

/// A text and its translation.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The text.
    pub source: Source,
    /// Its translation.
    pub translation: Source,
    /// Language of the text; `None` to detect it.
    pub from: Option<Language>,
    /// Language that the translation has to be in.
    pub to: Language,
    /// Whether lines belong together, or paragraphs.
    pub by_line: Lines,
}

/// A paragraph or a line, as the checks read it.
#[derive(Debug, Clone)]
struct Unit {
    /// Bytes of the file, after its byte order mark.
    span: Range<usize>,
    text: String,
    verbatim: Vec<Range<usize>>,
}

/// One file as it was read.
struct Side {
    document: Document,
    units: Vec<Unit>,
    /// Lines of the file, where it is read line by line.
    lines: usize,
}

/// Checks a translation. What cannot be read is in the record, as with articles that cannot be translated; the segments of
/// the record are paragraphs or lines.
pub fn check_pair(pair: &Pair) -> ArticleRecord {
    let input = InputRecord { path: pair.source.name(), ..InputRecord::default() };
    let mut record = ArticleRecord::new(input);
    if let Err(error) = try_check(pair, &mut record) {
        record.status = Status::Failed;
        record.error = Some(error);
    }
    record.settle();
    record
}

fn try_check(pair: &Pair, record: &mut ArticleRecord) -> Result<(), String> {
    let bytes = read(&pair.source)?;
    record.input.bytes = bytes.len();
    record.input.sha256 = Some(format!("{:x}", Sha256::digest(&bytes)));
    let (format, name) = format_of(&pair.source, pair.by_line);
    record.input.format = Some(name);
    let source = side(&pair.source, &bytes, format)?;
    record.input.words = source.document.text.split_whitespace().count();
    let translation = side(&pair.translation, &read(&pair.translation)?, format_of(&pair.translation, pair.by_line).0)?;
    record.findings.extend(remarks(&source.document).chain(remarks(&translation.document)));
    if let Source::File(path) = &pair.translation {
        record.output = Some(path.clone());
    }
    let main = find_language(&source.document, pair.from, &pair.source.name(), record)?;
    for paired in pairs(&source, &translation, (main, pair.to), record) {
        let (left, right) = (merged(&source.units[paired.source]), merged(&translation.units[paired.output]));
        record.segments.push(check_unit(left, right, (main, pair.to)));
    }
    // Lines need not be of one article.
    if pair.by_line == Lines::Sentences {
        super::finish::check_names(&mut record.segments, (main, pair.to));
    }
    Ok(())
}

fn read(source: &Source) -> Result<Vec<u8>, String> {
    match source {
        Source::File(path) => std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display())),
        Source::Bytes { bytes, .. } => Ok(bytes.clone()),
        Source::Unusable { reason, .. } => Err(reason.clone()),
    }
}

fn format_of(source: &Source, by_line: Lines) -> (Format, &'static str) {
    let path = match source {
        Source::File(path) => path.as_path(),
        _ => Path::new(""),
    };
    let format = match by_line {
        Lines::OneToOne => Format::Lines,
        Lines::Sentences => Format::of_path(path).unwrap_or(Format::Plain),
    };
    (format, format.name())
}

fn side(source: &Source, bytes: &[u8], format: Format) -> Result<Side, String> {
    let mut document = article::read(bytes, format).map_err(|error| format!("{}: {error}", source.name()))?;
    if format == Format::Lines {
        let units = lines(&document.text);
        return Ok(Side { lines: units.len(), units, document });
    }
    // A paragraph is read whole: a translator may part its sentences as the language wants it.
    for block in &mut document.blocks {
        block.kind = BlockKind::Line;
    }
    let unit = |Segment { span, text, verbatim, .. }: Segment| Unit { span, text, verbatim };
    let units = segment::segments(&document, Language::EN).into_iter().map(unit).collect();
    Ok(Side { document, units, lines: 0 })
}

/// Every line of a text, empty ones too.
fn lines(text: &str) -> Vec<Unit> {
    let mut at = 0;
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let start = at + (line.len() - line.trim_start().len()).min(line.trim_end().len());
        let verbatim = protect::protect(trimmed);
        found.push(Unit { span: start..start + trimmed.len(), text: trimmed.to_string(), verbatim });
        at += line.len();
    }
    found
}

/// The texts of a file's units.
fn texts(side: &Side) -> Vec<&str> {
    side.units.iter().map(|unit| unit.text.as_str()).collect()
}

/// Which units belong together: lines by their number, if both files have as many; else by their lengths and marks.
fn pairs(
    source: &Side,
    translation: &Side,
    direction: (Language, Language),
    record: &mut ArticleRecord,
) -> Vec<Paired> {
    let (expected, got) = (source.lines, translation.lines);
    if expected != got {
        let message = format!(
            "the translation has another number of lines: expected {expected}, got {got}; they were paired by length"
        );
        record.findings.push(Finding::new("lines_differ", Severity::Error, message));
    } else if expected > 0 {
        let blank = |unit: &Unit| unit.text.is_empty();
        let both_blank = |at: &usize| blank(&source.units[*at]) && blank(&translation.units[*at]);
        let one = |at| Paired { source: at..at + 1, output: at..at + 1 };
        return (0..expected).filter(|at| !both_blank(at)).map(one).collect();
    }
    let mut found = quality::pair_paragraphs(&texts(source), &texts(translation), direction);
    let blank = |units: &[Unit]| units.iter().all(|unit| unit.text.is_empty());
    found.retain(|pair| !(blank(&source.units[pair.source.clone()]) && blank(&translation.units[pair.output.clone()])));
    found
}

/// Neighbours as one unit; an empty one where there are none.
fn merged(units: &[Unit]) -> Option<Unit> {
    let (first, rest) = units.split_first()?;
    let mut whole = first.clone();
    for unit in rest {
        whole.span.end = unit.span.end;
        whole.text.push(' ');
        let base = whole.text.len();
        whole.verbatim.extend(unit.verbatim.iter().map(|range| range.start + base..range.end + base));
        whole.text.push_str(&unit.text);
    }
    Some(whole)
}

/// Checks a unit and its translation; either may be missing.
fn check_unit(source: Option<Unit>, output: Option<Unit>, (main, to): (Language, Language)) -> SegmentRecord {
    let missing = output.is_none();
    let added = source.as_ref().is_none_or(|unit| unit.text.is_empty());
    let nothing = || Unit { span: 0..0, text: String::new(), verbatim: Vec::new() };
    let output_span = output.as_ref().map(|unit| unit.span.clone());
    let (source, output) = (source.unwrap_or_else(nothing), output.unwrap_or_else(nothing));
    let seen = block_language(&source.text, main);
    let from = seen.unwrap_or(main);
    let mut confidence = None;
    let findings = if missing {
        let message = "the translation has no counterpart of this paragraph";
        vec![Finding::new("paragraph_missing", Severity::Error, message).in_source(0..source.text.len())]
    } else if added {
        let message = "the source has no counterpart of this paragraph";
        vec![Finding::new("paragraph_added", Severity::Error, message).in_output(0..output.text.len())]
    } else {
        let verbatim: Vec<&str> = source.verbatim.iter().map(|range| &source.text[range.clone()]).collect();
        let input = quality::Input {
            source: &source.text,
            output: &output.text,
            from,
            to,
            ended: None,
            score: None,
            verbatim: &verbatim,
        };
        let found = quality::check(&input);
        confidence = Some(quality::confidence(&input, &found));
        found
    };
    SegmentRecord {
        span: source.span,
        output_span,
        outcome: if missing { OutcomeRecord::Failed } else { OutcomeRecord::Translated },
        confidence,
        language: seen,
        findings,
        ..SegmentRecord::new(source.text, output.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> Source {
        Source::Bytes { name: name.into(), bytes: text.as_bytes().to_vec() }
    }

    /// The codes of the findings of each segment.
    fn check(source_text: &str, translation: &str, by_line: Lines) -> (Vec<Vec<&'static str>>, Vec<&'static str>) {
        let (source, translation) = (source("a", source_text), source("b", translation));
        let from = Some(Language::EN);
        let record = check_pair(&Pair { source, translation, from, to: Language::UK, by_line });
        let codes = |findings: &[Finding]| findings.iter().map(|finding| finding.code).collect::<Vec<_>>();
        (record.segments.iter().map(|segment| codes(&segment.findings)).collect(), codes(&record.findings))
    }

    const EN: &str = "Port closed\n\nThe harbour was closed on 14 March at 06:30. Three ships were told to wait.\n\nNobody was hurt, the harbour master said.\n";
    const UK: &str = "Порт закрито\n\nГавань перекрили 14 березня о 06:30. Трьом кораблям наказали чекати.\n\nНіхто не постраждав, сказав начальник порту.\n";

    #[test]
    fn a_good_translation_has_no_findings() {
        assert_eq!(check(EN, UK, Lines::Sentences), (vec![vec![]; 3], vec![]));
        assert_eq!(check(EN, UK, Lines::OneToOne), (vec![vec![]; 3], vec![]));
    }

    #[test]
    fn faults_are_found_in_their_paragraph() {
        let (segments, _) = check(EN, &UK.replace("06:30", "08:30"), Lines::Sentences);
        assert_eq!(segments, [vec![], vec!["number_changed"], vec![]]);
        let (segments, _) =
            check(EN, "Порт закрито\n\nНіхто не постраждав, сказав начальник порту.\n", Lines::Sentences);
        assert_eq!(segments, [vec![], vec!["paragraph_missing"], vec![]]);
    }

    #[test]
    fn lines_belong_together_by_number() {
        let (segments, whole) = check("One road.\nTwo roads.\n", "Одна дорога.\n\n", Lines::OneToOne);
        assert_eq!((segments, whole), (vec![vec![], vec!["empty_output"]], vec![]));
        let (segments, _) = check("One road.\n\n", "Одна дорога.\nДругу теж закрито.\n", Lines::OneToOne);
        assert_eq!(segments, [vec![], vec!["paragraph_added"]]);
        let (_, whole) = check("One road.\nTwo roads.\n", "Одна дорога.\n", Lines::OneToOne);
        assert_eq!(whole, ["lines_differ"]);
    }

    #[test]
    fn spans_are_those_of_the_files() {
        let (source, translation) = (source("a", EN), source("b", UK));
        let pair = Pair { source, translation, from: None, to: Language::UK, by_line: Lines::Sentences };
        let record = check_pair(&pair);
        for segment in &record.segments {
            assert_eq!(EN[segment.span.clone()], segment.source);
            assert_eq!(segment.output_span.as_ref().map(|span| &UK[span.clone()]), Some(segment.output.as_str()));
        }
    }
}
