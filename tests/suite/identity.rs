//! Identity: what is answered as it was asked comes back byte for byte, and every span is accounted for.

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use tlumach::job::report::{ArticleRecord, OutcomeRecord, Status};
use tlumach::job::spec::{
    Alignments, Item, JobSpec, KeepBoilerplate, Lines, Release, Retry, Source, Target, Typography, Work,
};
use tlumach::language::Language;
use tlumach::model::{Keep, LoadOptions, Precision};
use tlumach::pipeline::models::{Choice, Models};
use tlumach::pipeline::{Event, Observer, Pipeline};
use tlumach::registry::Settings;

/// Record and answer of an article.
pub(crate) type Told = (ArticleRecord, Option<Vec<u8>>);

/// Keeps what a job tells, in the order of the inputs.
#[derive(Default)]
pub(crate) struct Kept(pub(crate) Mutex<BTreeMap<usize, Told>>);

impl Observer for Kept {
    fn event(&self, event: &Event<'_>) {
        if let Event::Article { index, record, bytes } = event {
            let before = self.0.lock().unwrap().insert(*index, ((*record).clone(), bytes.map(<[u8]>::to_vec)));
            assert!(before.is_none(), "article {index} is told twice");
        }
    }
}

/// Runs the echo model over inputs.
pub(crate) fn echo(items: Vec<Item>, work: Work) -> Vec<Told> {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path().join("hub"), folder.path().join("data"));
    settings.offline = true;
    let options = LoadOptions { device: candle_core::Device::Cpu, precision: Precision::Auto, keep: Keep::Nowhere };
    let models = Models::new(Choice::Echo, &settings, options, &()).unwrap();
    let spec = JobSpec {
        work,
        items,
        from: Some(Language::EN),
        to: Some(Language::UK),
        beams: Some(1),
        threads: 2,
        retry: Retry::Full,
        release: Release::All,
        typography: Typography::Auto,
        reading: tlumach::article::Reading::default(),
        staging: None,
    };
    let kept = Kept::default();
    Pipeline::new(&spec, &models, &AtomicBool::new(false), &kept).execute().unwrap();
    kept.0.into_inner().unwrap().into_values().collect()
}

pub(crate) fn bytes(name: &str, bytes: &[u8]) -> Item {
    Item { input: Source::Bytes { name: name.into(), bytes: bytes.to_vec() }, output: Target::Caller }
}

pub(crate) const SENTENCES: Work =
    Work::Translate { by_line: Lines::Sentences, boilerplate: KeepBoilerplate::Keep, alignments: Alignments::Omit };
const LINES: Work =
    Work::Translate { by_line: Lines::OneToOne, boilerplate: KeepBoilerplate::Keep, alignments: Alignments::Omit };

fn samples() -> Vec<std::path::PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let mut found = Vec::new();
    for folder in ["en", "uk", "ko"] {
        found.extend(std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()));
    }
    found.sort();
    found
}

/// Whether the text of a sample is a part of its file only.
fn is_archive(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|extension| extension == "docx")
}

#[test]
fn samples_come_back_byte_for_byte() {
    let paths = samples();
    assert!(paths.len() >= 6);
    for work in [SENTENCES, LINES] {
        // An archive has no lines.
        let paths: Vec<_> = paths.iter().filter(|path| !is_archive(path) || work == SENTENCES).collect();
        let items = paths.iter().map(|path| Item { input: Source::File((*path).clone()), output: Target::Caller });
        for (path, (record, answer)) in paths.iter().zip(echo(items.collect(), work)) {
            assert_ne!(record.status, Status::Failed, "{:?}", record.error);
            assert!(answer.unwrap() == std::fs::read(path).unwrap(), "{} {work:?}", path.display());
        }
    }
}

#[test]
fn every_span_is_accounted_for() {
    for path in samples().into_iter().filter(|path| !is_archive(path)) {
        let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
        let text = text.trim_start_matches('\u{feff}');
        let item = Item { input: Source::File(path.clone()), output: Target::Caller };
        let (record, _) = echo(vec![item], SENTENCES).pop().unwrap();
        let mut at = 0;
        for segment in &record.segments {
            assert!(segment.span.start >= at && segment.span.end > segment.span.start, "{}", path.display());
            let gap = &text[at..segment.span.start];
            // Between segments stands what no model may touch: white space, markup, code, tables' rules, front matter.
            if path.extension().is_some_and(|extension| extension == "txt") {
                assert!(!gap.chars().any(char::is_alphanumeric), "{}: lost {gap:?}", path.display());
            }
            assert!(matches!(segment.outcome, OutcomeRecord::Translated | OutcomeRecord::Copied));
            at = segment.span.end;
        }
        assert!(!text[at..].chars().any(char::is_alphabetic) || path.extension().is_some_and(|e| e != "txt"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn generated_documents_come_back_byte_for_byte(
        text in "((\\PC|[a-zA-Zа-яіїєґ가-힣0-9.,!?«»“”()\\[\\]*_`#>|:/@ -]){0,60}(\n|\r\n|\n\n| ){1,2}){0,12}",
        mark in any::<bool>(),
        by_line in any::<bool>(),
    ) {
        let text = if mark { format!("\u{feff}{text}") } else { text };
        let work = if by_line { LINES } else { SENTENCES };
        let (record, answer) = echo(vec![bytes("generated", text.as_bytes())], work).pop().unwrap();
        if record.status == Status::Failed {
            // The only reason to refuse a text is that it looks like no text at all.
            prop_assert!(record.error.unwrap().contains("binary"));
        } else {
            prop_assert_eq!(String::from_utf8(answer.unwrap()).unwrap(), text);
        }
    }
}
