//! `tlumach check`: the checks alone on files and their translations. Findings go to standard output, one a line.

use super::Ending;
use super::args::{CheckArgs, Cli, UnitArg};
use super::console::{Console, Loudness};
use super::records::{Asked, Records};
use super::resolve::{in_folder, walk_articles};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tlumach::job::report::{ArticleRecord, Head, Status, Tail, Totals};
use tlumach::job::spec::{Alignments, KeepBoilerplate, Lines, Source, Target, Work};
use tlumach::language::Language;
use tlumach::pipeline::check::{Pair, check_pair};
use tlumach::quality::{Finding, Severity};

pub(super) fn run(cli: &Cli, args: &CheckArgs) -> Result<Ending> {
    let began = Instant::now();
    let to: Language = args.to.parse()?;
    let from = match args.from.as_str() {
        "auto" => None,
        tag => Some(tag.parse::<Language>()?),
    };
    let by_line = match args.segment {
        UnitArg::Paragraph => Lines::Sentences,
        UnitArg::Line => Lines::OneToOne,
    };
    let files = pair_files(&args.source, &args.translation, to)?;
    let (report, review) = (args.report.as_deref(), args.review.as_deref());
    let asked = Asked { report, review, articles: files.len(), items: &[] };
    let mut records = Records::begin(asked, &head(args, to))?;
    let loudness = Loudness::new(cli.quiet, cli.verbose);
    let console = Console::new(loudness);
    let mut totals = Totals::default();
    for (index, (source, translation)) in files.into_iter().enumerate() {
        let pair = Pair { source, translation, from, to, by_line };
        let record = check_pair(&pair);
        add(&mut totals, &record);
        if let Some(error) = &record.error {
            console.line(&format!("tlumach: {error}"));
        }
        if cli.quiet < 2 {
            print(&pair, &record, loudness)?;
        }
        records.article(index, &record)?;
    }
    totals.elapsed_ms = began.elapsed().as_millis() as u64;
    let fine = totals.failed == 0 && totals.with_findings == 0;
    records.finish(&Tail { models: Vec::new(), totals })?;
    Ok(if fine { Ending::Fine } else { Ending::Findings })
}

/// Sources and their translations.
fn pair_files(source: &Path, translation: &Path, to: Language) -> Result<Vec<(Source, Source)>> {
    if source.is_dir() != translation.is_dir() {
        bail!("check: expected two files or two folders, got {} and {}", describe(source), describe(translation));
    }
    if !source.is_dir() {
        if source == Path::new("-") && translation == Path::new("-") {
            bail!("check: standard input was given twice: expected - at most once");
        }
        return Ok(vec![(open(source)?, open(translation)?)]);
    }
    let mut pairs = Vec::new();
    for relative in walk_articles(source) {
        let same = translation.join(&relative);
        let named = match in_folder(translation, &relative, TRANSLATION, Some(to)) {
            Target::File(path) => path,
            _ => same.clone(),
        };
        let found = [&named, &same].into_iter().find(|path| path.is_file());
        let other = match found {
            Some(path) => Source::File(path.clone()),
            None => Source::Unusable {
                name: named.display().to_string(),
                reason: format!(
                    "{} has no translation: expected {} or {}",
                    source.join(&relative).display(),
                    named.display(),
                    same.display()
                ),
            },
        };
        pairs.push((Source::File(source.join(&relative)), other));
    }
    if pairs.is_empty() {
        bail!(
            "folder {} has no articles: expected text, Markdown, HTML, JSON, XML, Word, subtitles or tables in it",
            source.display()
        );
    }
    Ok(pairs)
}

/// How the program names translations in a folder.
const TRANSLATION: Work =
    Work::Translate { by_line: Lines::Sentences, boilerplate: KeepBoilerplate::Keep, alignments: Alignments::Omit };

fn describe(path: &Path) -> String {
    let kind = if path.is_dir() { "the folder" } else { "the file" };
    format!("{kind} {}", path.display())
}

fn open(path: &Path) -> Result<Source> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
        return Ok(Source::Bytes { name: "-".into(), bytes });
    }
    let metadata = std::fs::metadata(path).with_context(|| format!("input {}: expected a file", path.display()))?;
    if metadata.is_dir() {
        bail!("input {}: expected a file, got a folder", path.display());
    }
    Ok(Source::File(path.to_path_buf()))
}

fn add(totals: &mut Totals, record: &ArticleRecord) {
    totals.articles += 1;
    totals.failed += usize::from(record.status == Status::Failed);
    totals.with_findings += usize::from(record.status == Status::Findings);
    totals.segments += record.segments.len();
    totals.needs_review += record.segments.iter().filter(|segment| segment.needs_review).count();
    totals.source_words += record.input.words;
}

/// Writes the findings, one a line, as compilers do.
fn print(pair: &Pair, record: &ArticleRecord, loudness: Loudness) -> Result<()> {
    let least = if loudness >= Loudness::Verbose { Severity::Note } else { Severity::Warning };
    let sources = LineNumbers::of(&pair.source);
    let outputs = LineNumbers::of(&pair.translation);
    let mut out = std::io::stdout().lock();
    let mut write = |place: String, finding: &Finding| -> Result<()> {
        if finding.severity < least {
            return Ok(());
        }
        let severity = match finding.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        writeln!(out, "{place}: {severity} {}: {}", finding.code, finding.message)
            .context("cannot write to standard output")
    };
    for finding in &record.findings {
        write(record.input.path.clone(), finding)?;
    }
    for segment in &record.segments {
        for finding in &segment.findings {
            // A finding about the translation alone has its place there.
            let place = match (&finding.output, &segment.output_span) {
                (Some(_), Some(span)) if finding.source.is_none() => outputs.place(span.start),
                _ => sources.place(segment.span.start),
            };
            write(place, finding)?;
        }
    }
    Ok(())
}

/// Where the lines of a file begin.
struct LineNumbers {
    name: String,
    starts: Vec<usize>,
}

impl LineNumbers {
    fn of(source: &Source) -> LineNumbers {
        let read = match source {
            Source::File(path) => std::fs::read(path).unwrap_or_default(),
            Source::Bytes { bytes, .. } => bytes.clone(),
            Source::Unusable { .. } => Vec::new(),
        };
        let body = read.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&read);
        let starts = body.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
        LineNumbers { name: source.name(), starts }
    }

    /// `name:line` of a byte.
    fn place(&self, byte: usize) -> String {
        format!("{}:{}", self.name, 1 + self.starts.partition_point(|start| *start <= byte))
    }
}

fn head(args: &CheckArgs, to: Language) -> Head {
    let segment = match args.segment {
        UnitArg::Paragraph => "paragraph",
        UnitArg::Line => "line",
    };
    let path = |path: &PathBuf| json!(path.display().to_string());
    Head {
        task: "check",
        options: BTreeMap::from([
            ("from", json!(args.from)),
            ("segment", json!(segment)),
            ("source", path(&args.source)),
            ("to", json!(to)),
            ("translation", path(&args.translation)),
        ]),
    }
}
