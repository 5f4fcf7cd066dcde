//! From what the user typed to a resolved job: inputs found, outputs named, contradictions refused.

use super::args::{FormatArg, GuardArg, InputArgs, LengthArg, RetryArg, SegmentArg, TypographyArg};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use tlumach::article::{Format, Reading, SIDECAR, Unit};
use tlumach::job::spec::{Item, JobSpec, Lines, Release, Retry, Source, Target, Typography, Work};
use tlumach::language::Language;
use tlumach::token::SummaryLength;

/// What an input is before its output has a name.
struct Found {
    input: Source,
    /// Path below the output folder.
    relative: PathBuf,
}

/// Resolves a job.
///
/// # Errors
/// Nothing could be run: no usable input, an unknown language, outputs that collide or would overwrite an input.
pub(super) fn resolve(input: &InputArgs, work: Work, stdin: &mut dyn Read) -> Result<JobSpec> {
    let spec = options(input, work)?;
    let found = find_inputs(input, stdin)?;
    let items = name_outputs(input, work, spec.to, found)?;
    if items.iter().all(|item| matches!(item.input, Source::Unusable { .. })) {
        let reasons: Vec<String> = items.iter().filter_map(reason).collect();
        bail!("{}", reasons.join("\n"));
    }
    Ok(JobSpec { items, ..spec })
}

/// A job without its articles.
///
/// # Errors
/// An unknown language, or options that contradict each other.
pub(super) fn options(input: &InputArgs, work: Work) -> Result<JobSpec> {
    let to = input.to.as_deref().map(str::parse::<Language>).transpose()?;
    if to.is_none() && matches!(work, Work::Translate { .. }) {
        bail!("no target language: expected --to LANG, for example --to en");
    }
    let from = match input.from.as_str() {
        "auto" => None,
        tag => Some(tag.parse::<Language>()?),
    };
    Ok(JobSpec {
        work,
        items: Vec::new(),
        from,
        to,
        beams: input.beam.map(usize::from),
        threads: input.threads.map_or_else(num_cpus::get, usize::from),
        retry: Retry::default(),
        release: if input.guard == GuardArg::Hold { Release::WithoutErrors } else { Release::All },
        typography: Typography::default(),
        reading: reading(input)?,
        staging: None,
    })
}

/// The articles that are in the input folders now, with their outputs; none is no error.
///
/// # Errors
/// Outputs that collide.
pub(super) fn items(input: &InputArgs, work: Work, to: Option<Language>) -> Result<Vec<Item>> {
    let found = find_inputs(input, &mut std::io::empty())?;
    name_outputs(input, work, to, found)
}

/// What of the inputs is read.
fn reading(input: &InputArgs) -> Result<Reading> {
    let format = input.format.map(Format::from);
    if input.extract && format.is_some_and(|format| format != Format::Html) {
        bail!("--extract reads pages of HTML: expected --format html or none");
    }
    Ok(Reading { fields: input.field.clone(), extract: input.extract, format, unit: Unit::File })
}

fn reason(item: &Item) -> Option<String> {
    match &item.input {
        Source::Unusable { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}

/// The inputs, folders searched; what cannot be used is kept, to be reported.
fn find_inputs(input: &InputArgs, stdin: &mut dyn Read) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut stdin_taken = false;
    let output = input.output.as_deref().and_then(|output| output.canonicalize().ok());
    for path in &input.inputs {
        if path == Path::new("-") {
            if std::mem::replace(&mut stdin_taken, true) {
                bail!("standard input was given twice: expected - at most once");
            }
            let mut bytes = Vec::new();
            stdin.read_to_end(&mut bytes).context("cannot read standard input")?;
            let input = Source::Bytes { name: "-".into(), bytes };
            found.push(Found { input, relative: PathBuf::from("stdin.txt") });
            continue;
        }
        let name = path.display().to_string();
        let unusable =
            |reason: String| Found { input: Source::Unusable { name: name.clone(), reason }, relative: PathBuf::new() };
        match std::fs::metadata(path) {
            Err(error) => found.push(unusable(format!("input {name}: {error}; expected a file, a folder or -"))),
            Ok(metadata) if metadata.is_dir() => {
                let before = found.len();
                walk(path, output.as_deref(), &mut found);
                if found.len() == before {
                    found.push(unusable(format!("folder {name} has no articles: expected text, Markdown, HTML, JSON, XML, Word, subtitles or tables in it")));
                }
            }
            Ok(_) => {
                let relative = path.file_name().map(PathBuf::from).unwrap_or_default();
                found.push(Found { input: Source::File(path.clone()), relative });
            }
        }
    }
    Ok(found)
}

/// The articles below a folder by their paths in it, in the order of their names.
pub(super) fn walk_articles(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(folder, None, &mut found);
    found.into_iter().filter(|found| matches!(found.input, Source::File(_))).map(|found| found.relative).collect()
}

/// The articles below a folder, in the order of their names. Hidden files and folders are left alone, and so is the output
/// folder if it lies inside: what was written there is no input.
fn walk(folder: &Path, output: Option<&Path>, found: &mut Vec<Found>) {
    let hidden = |entry: &walkdir::DirEntry| {
        entry.depth() > 0 && entry.file_name().to_str().is_some_and(|name| name.starts_with('.'))
    };
    let mixed = output.is_some_and(|output| folder.canonicalize().is_ok_and(|folder| folder == *output));
    let output = output.filter(|output| folder.canonicalize().is_ok_and(|folder| folder != **output));
    let is_output = |entry: &walkdir::DirEntry| {
        entry.file_type().is_dir() && output.is_some() && entry.path().canonicalize().ok().as_deref() == output
    };
    let entries = walkdir::WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in entries.into_iter().filter_entry(|entry| !hidden(entry) && !is_output(entry)) {
        match entry {
            // Where outputs stand among their inputs, they say what they are.
            Ok(entry) if mixed && entry.file_type().is_file() && has_sidecar(entry.path()) => {}
            Ok(entry) if entry.file_type().is_file() && Format::of_path(entry.path()).is_some() => {
                let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_path_buf();
                found.push(Found { input: Source::File(entry.into_path()), relative });
            }
            Ok(_) => {}
            Err(error) => {
                let name = error.path().unwrap_or(folder).display().to_string();
                let reason = format!("cannot read {name}: {error}");
                found.push(Found { input: Source::Unusable { name, reason }, relative: PathBuf::new() });
            }
        }
    }
}

/// Whether a file is the output of a job, with a file beside it that says where it comes from.
fn has_sidecar(path: &Path) -> bool {
    let mut beside = path.as_os_str().to_os_string();
    beside.push(SIDECAR);
    Path::new(&beside).exists()
}

/// Gives every input its output.
fn name_outputs(input: &InputArgs, work: Work, to: Option<Language>, found: Vec<Found>) -> Result<Vec<Item>> {
    let usable = found.iter().filter(|found| !matches!(found.input, Source::Unusable { .. })).count();
    let has_folder = input.inputs.iter().any(|path| path.is_dir());
    let several = has_folder || input.inputs.len() > 1;
    let Some(output) = &input.output else {
        if several && usable > 0 {
            bail!("several inputs need a folder for their answers: add --output DIR");
        }
        return Ok(found.into_iter().map(|f| Item { input: f.input, output: Target::Caller }).collect());
    };
    let is_folder = several || output.is_dir() || output.to_string_lossy().ends_with(['/', '\\']);
    if is_folder && output.exists() && !output.is_dir() {
        bail!("--output {}: expected a folder for several answers, got a file", output.display());
    }
    let mut items = Vec::new();
    let mut taken: BTreeMap<PathBuf, String> = BTreeMap::new();
    for found in found {
        let output = match (&found.input, is_folder) {
            (Source::Unusable { .. }, _) => Target::Caller,
            (_, false) => Target::File(output.clone()),
            (_, true) => in_folder(output, &found.relative, work, to),
        };
        let key = match &output {
            Target::Caller => None,
            Target::File(path) => Some(path.clone()),
            Target::Named { before, extension } => {
                Some(PathBuf::from(format!("{}.*{extension}", before.to_string_lossy())))
            }
        };
        if let Some(key) = key
            && let Some(other) = taken.insert(key.clone(), found.input.name())
        {
            bail!(
                "two inputs have the same output {}: {other} and {}; translate them in two runs or rename one",
                key.display(),
                found.input.name()
            );
        }
        items.push(Item { input: found.input, output });
    }
    for item in &items {
        if let (Source::File(source), Target::File(target)) = (&item.input, &item.output)
            && let (Ok(a), Ok(b)) = (source.canonicalize(), target.canonicalize())
            && a == b
        {
            bail!("the output {} would overwrite its input; choose another --output", target.display());
        }
    }
    let inputs: Vec<PathBuf> = items
        .iter()
        .filter_map(|item| if let Source::File(path) = &item.input { path.canonicalize().ok() } else { None })
        .collect();
    for item in &items {
        if let Target::File(target) = &item.output
            && let Ok(target) = target.canonicalize()
            && inputs.contains(&target)
        {
            bail!("the output {} would overwrite an input of the same job; choose another --output", target.display());
        }
    }
    check_writable(output, is_folder)?;
    Ok(items)
}

/// `story.txt` becomes `story.uk.txt`, its summary `story.summary.uk.txt`, in the same place of the tree.
pub(super) fn in_folder(output: &Path, relative: &Path, work: Work, to: Option<Language>) -> Target {
    let stem = relative.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let summary = matches!(work, Work::Summarize { .. });
    let extension = match relative.extension().map(|extension| extension.to_string_lossy().into_owned()) {
        Some(extension) => format!(".{extension}"),
        None => String::new(),
    };
    let stem = if summary { format!("{stem}.summary") } else { stem };
    let folder = output.join(relative.parent().unwrap_or(Path::new("")));
    match to {
        Some(to) => Target::File(folder.join(format!("{stem}.{to}{extension}"))),
        None => Target::Named { before: folder.join(stem), extension },
    }
}

/// A job should not find out after an hour that its answers cannot be written.
fn check_writable(output: &Path, is_folder: bool) -> Result<()> {
    let folder = if is_folder { Some(output) } else { output.parent().filter(|p| !p.as_os_str().is_empty()) };
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .with_context(|| format!("--output: cannot make the folder {}; choose another", folder.display()))?;
    if !is_folder && output.exists() && !output.is_file() && !output.is_dir() {
        return Ok(());
    }
    tempfile::Builder::new()
        .prefix(".tlumach-")
        .tempfile_in(folder)
        .with_context(|| format!("--output: cannot write to the folder {}; choose another", folder.display()))?;
    Ok(())
}

impl From<LengthArg> for SummaryLength {
    fn from(length: LengthArg) -> Self {
        match length {
            LengthArg::Short => SummaryLength::Short,
            LengthArg::Medium => SummaryLength::Medium,
            LengthArg::Long => SummaryLength::Long,
        }
    }
}

impl From<RetryArg> for Retry {
    fn from(retry: RetryArg) -> Self {
        match retry {
            RetryArg::Full => Retry::Full,
            RetryArg::Off => Retry::Off,
        }
    }
}

impl From<TypographyArg> for Typography {
    fn from(typography: TypographyArg) -> Self {
        match typography {
            TypographyArg::Auto => Typography::Auto,
            TypographyArg::Off => Typography::Off,
        }
    }
}

impl From<SegmentArg> for Lines {
    fn from(segment: SegmentArg) -> Self {
        match segment {
            SegmentArg::Sentence => Lines::Sentences,
            SegmentArg::Line => Lines::OneToOne,
        }
    }
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Text => Format::Plain,
            FormatArg::Markdown => Format::Markdown,
            FormatArg::Html => Format::Html,
            FormatArg::Json => Format::Json,
            FormatArg::Jsonl => Format::JsonLines,
            FormatArg::Xml => Format::Xml,
            FormatArg::Docx => Format::Docx,
            FormatArg::Srt => Format::Srt,
            FormatArg::Vtt => Format::Vtt,
            FormatArg::Csv => Format::Csv,
            FormatArg::Tsv => Format::Tsv,
        }
    }
}
