//! Jobs over several models: two hops, and directions of different length side by side; where words come from; texts that
//! are longer than a model reads.

#![allow(clippy::unwrap_used)]

use super::models::{Choice, Hop, Models};
use super::run::{Ask, Effort, plan};
use super::*;
use crate::job::report::{OutcomeRecord, SegmentRecord};
use crate::job::spec::{Alignments, KeepBoilerplate, Lines, Source, Target};
use crate::language::Language;
use crate::model::echo::Echo;
use crate::model::{Ask as Wanted, Candidates, LoadOptions, Model, ModelError, Precision, Request, Spec, State};
use crate::registry::load::{self, Loaded};
use crate::registry::{Family, ModelFiles, Role, Settings};
use crate::token::{Task, TokenId};
use crate::tokenize::bergamot::{BergamotTokenizer, Files};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

const UKRAINIAN: &str = "Міст не пошкоджено, рух відновили вранці, повідомила міська рада у вівторок.";
const ENGLISH: &str = "The bridge was not damaged and traffic resumed in the morning, the city said on Tuesday.";

#[derive(Default)]
struct Told(Mutex<BTreeMap<usize, (ArticleRecord, Vec<u8>)>>);

impl Observer for Told {
    fn event(&self, event: &Event<'_>) {
        if let Event::Article { index, record, bytes } = event {
            let before = self.0.lock().unwrap().insert(*index, ((*record).clone(), bytes.unwrap_or(b"-").to_vec()));
            assert!(before.is_none(), "article {index} is told twice");
        }
    }
}

fn hop(from: Language, to: Language, model: &str) -> Hop {
    Hop { from, to, model: model.into() }
}

fn options() -> LoadOptions {
    LoadOptions { device: candle_core::Device::Cpu, precision: Precision::F32, keep: crate::model::Keep::Nowhere }
}

fn article(index: usize, text: &str) -> Item {
    Item { input: Source::Bytes { name: index.to_string(), bytes: text.as_bytes().to_vec() }, output: Target::Caller }
}

/// A job into Korean: from Ukrainian in two hops, from English in one.
struct Job<'j> {
    engine: &'j dyn Fn(&Hop) -> Loaded,
    items: Vec<Item>,
    alignments: Alignments,
    threads: usize,
    window: usize,
}

impl Job<'_> {
    fn run(self) -> BTreeMap<usize, (ArticleRecord, Vec<u8>)> {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(folder.path().join("hub"), folder.path().join("data"));
        settings.offline = true;
        let models = Models::new(Choice::Echo, &settings, options(), &()).unwrap();
        let hops = [hop(Language::UK, Language::EN, "first"), hop(Language::EN, Language::KO, "second")];
        let models = models.with_route(&hops, self.engine).with_route(&hops[1..], self.engine);
        let (boilerplate, alignments) = (KeepBoilerplate::Keep, self.alignments);
        let spec = JobSpec {
            work: Work::Translate { by_line: Lines::Sentences, boilerplate, alignments },
            items: self.items,
            from: None,
            to: Some(Language::KO),
            beams: None,
            threads: self.threads,
            // What models of random weights say is doubtful throughout: here their answers go out as they are.
            retry: crate::job::spec::Retry::Off,
            release: crate::job::spec::Release::All,
            typography: crate::job::spec::Typography::Off,
            reading: crate::article::Reading::default(),
            staging: None,
        };
        let (told, stop) = (Told::default(), AtomicBool::new(false));
        let window = Window { segments: self.window, bytes: 1 << 20 };
        Pipeline::new(&spec, &models, &stop, &told).with_window(window).execute().unwrap();
        told.0.into_inner().unwrap()
    }
}

#[test]
fn two_hops_and_one_hop_share_a_job_in_any_window() {
    let echoes = |_: &Hop| load::echo();
    let text = |n: usize| format!("{}\n\n{n}. {}\n", [UKRAINIAN, ENGLISH][n % 2], [UKRAINIAN, ENGLISH][n % 2]);
    for (threads, window) in [(1, 1), (2, 7), (3, 40), (2, 10_000)] {
        let items: Vec<Item> = (0..50).map(|n| article(n, &text(n))).collect();
        let told = Job { engine: &echoes, items, alignments: Alignments::Omit, threads, window }.run();
        assert_eq!(told.len(), 50);
        for (index, (record, answer)) in told {
            assert_eq!(String::from_utf8(answer).unwrap(), text(index), "{threads} threads, {window:?}");
            let hops: Vec<&str> = record.route.iter().map(|hop| hop.model.as_str()).collect();
            assert_eq!(hops, [&["first", "second"][..], &["second"]][index % 2], "article {index}");
            let translated = record.segments.iter().find(|segment| !segment.source.trim().is_empty()).unwrap();
            assert_eq!(translated.intermediate.len(), 1 - index % 2);
            // Only of several hops each has a score of its own.
            let scored: Vec<&str> = translated.hops.iter().map(|hop| hop.hop.model.as_str()).collect();
            assert_eq!(scored, [&["first", "second"][..], &[]][index % 2]);
        }
    }
}

#[test]
fn outputs_of_one_job_come_from_one_reading() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path().join("hub"), folder.path().join("data"));
    settings.offline = true;
    let path = folder.path().join("story.txt");
    for (room, outputs, second) in [(1 << 20, 2, "closed"), (1 << 20, 1, "open"), (0, 2, "open")] {
        let readings = Readings::bounded(outputs, room);
        let run = |to: Language| {
            let (by_line, boilerplate, alignments) = (Lines::Sentences, KeepBoilerplate::Keep, Alignments::Omit);
            let spec = JobSpec {
                work: Work::Translate { by_line, boilerplate, alignments },
                items: vec![Item { input: Source::File(path.clone()), output: Target::Caller }],
                from: Some(Language::EN),
                to: Some(to),
                beams: None,
                threads: 1,
                retry: crate::job::spec::Retry::Off,
                release: crate::job::spec::Release::All,
                typography: crate::job::spec::Typography::Off,
                reading: crate::article::Reading::default(),
                staging: None,
            };
            let models = Models::new(Choice::Echo, &settings, options(), &()).unwrap();
            let (told, stop) = (Told::default(), AtomicBool::new(false));
            Pipeline::new(&spec, &models, &stop, &told).with_readings(&readings).execute().unwrap();
            let (record, answer) = told.0.into_inner().unwrap().remove(&0).unwrap();
            (String::from_utf8(answer).unwrap(), record)
        };
        std::fs::write(&path, "The bridge is closed.\n").unwrap();
        let (first, before) = run(Language::UK);
        std::fs::write(&path, "The bridge is open.\n").unwrap();
        let (answer, record) = run(Language::KO);
        assert!(first.contains("closed") && answer.contains(second), "{first} {answer}");
        assert_eq!(before.input.sha256 == record.input.sha256, second == "closed");
        // Where there was no room for it, a file that is another one by now is told.
        assert_eq!(record.findings.iter().any(|finding| finding.code == "source_changed"), room == 0);
    }
}

/// An echo that notes its calls.
struct Noted {
    echo: Echo,
    name: &'static str,
    notes: Arc<Mutex<Vec<&'static str>>>,
}

impl Model for Noted {
    fn spec(&self) -> &Spec {
        self.echo.spec()
    }

    fn start(&self, batch: &[Request<'_>]) -> Result<Box<dyn State>, ModelError> {
        self.echo.start(batch)
    }

    fn step(&self, last: &[TokenId], state: &mut dyn State, ask: &Wanted<'_>) -> Result<Vec<Candidates>, ModelError> {
        let mut notes = self.notes.lock().unwrap();
        notes.push(self.name);
        let alone = !notes.contains(&"second") && notes.len() < 4000;
        drop(notes);
        if alone {
            // A step takes as long as one of a small network, so that what the threads need to begin is little beside it.
            std::thread::sleep(Duration::from_millis(1));
        }
        self.echo.step(last, state, ask)
    }
}

#[test]
fn the_second_hop_begins_long_before_the_first_has_ended() {
    // Sentences of very different length in one article and one window.
    let sentence = |n: usize| format!("Міст {n} не пошкоджено{}.", ", рух відновили вранці".repeat(n % 30));
    let text = (0..150).map(sentence).collect::<Vec<_>>().join("\n\n");
    for threads in [1, 2, 4] {
        let notes: Arc<Mutex<Vec<&'static str>>> = Arc::default();
        let noted = |hop: &Hop| {
            let name = if hop.model == "first" { "first" } else { "second" };
            let model = Noted { echo: Echo::default(), name, notes: notes.clone() };
            Loaded { model: Arc::new(model), ..load::echo() }
        };
        let items = vec![article(0, &text)];
        let told = Job { engine: &noted, items, alignments: Alignments::Omit, threads, window: 10_000 }.run();
        assert_eq!(String::from_utf8(told[&0].1.clone()).unwrap(), text);
        let notes = notes.lock().unwrap();
        let of = |name: &str| notes.iter().filter(|noted| **noted == name).count();
        let second = notes.iter().position(|name| *name == "second").unwrap();
        let first_before = notes[..second].iter().filter(|name| **name == "first").count();
        assert!(first_before * 10 < of("first") * 9, "{first_before} of {} steps, {threads} threads", of("first"));
    }
}

/// A checkpoint of `tests/tiny` that knows where its words come from.
fn tiny(name: &str) -> Loaded {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tiny").join(name);
    let mut files: BTreeMap<Role, Vec<PathBuf>> = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let role = match path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap() {
            "model" => Role::Weights,
            "lex" => Role::Shortlist,
            "vocab" | "srcvocab" => Role::SourceSpm,
            "trgvocab" => Role::TargetSpm,
            _ => continue,
        };
        files.insert(role, vec![path]);
    }
    let (revision, license, sha256) = (None, None, BTreeMap::new());
    let files =
        ModelFiles { name: name.into(), family: Family::Bergamot, card: None, revision, license, files, sha256 };
    load::load(&files, &options()).unwrap()
}

fn tiny_models(hop: &Hop) -> Loaded {
    tiny(if hop.model == "first" { "bergamot-tied" } else { "bergamot-two-vocabularies" })
}

fn check_alignment(found: &crate::job::report::AlignmentRecord, text: &str, answer: &str) {
    for (spans, of) in [(&found.source, text), (&found.target, answer)] {
        assert!(spans.iter().all(|[begin, end]| of.get(*begin..*end).is_some()), "{spans:?} of {of:?}");
        assert!(spans.is_sorted_by(|a, b| a[1] <= b[0]), "{spans:?}");
        let covered = |at: usize| spans.iter().any(|[begin, end]| (*begin..*end).contains(&at));
        let missing = of.char_indices().find(|&(at, c)| !c.is_whitespace() && !covered(at));
        assert_eq!(missing, None, "{of:?}");
    }
    let mut sums = vec![0.0; found.target.len()];
    for &(target, source, weight) in &found.matrix {
        assert!(source < found.source.len() && (0.01..=1.0).contains(&weight));
        sums[target] += weight;
    }
    assert!(sums.iter().all(|sum| (0.3..1.05).contains(sum)), "{sums:?}");
    assert_eq!(found.links.len(), found.target.len());
    for [source, target] in &found.words {
        for (span, of) in [(source, text), (target, answer)] {
            let word = &of[span[0]..span[1]];
            assert!(!word.is_empty() && word.trim() == word, "{word:?} of {of:?}");
        }
    }
}

#[test]
fn every_segment_says_where_its_words_come_from_through_one_hop_and_two() {
    let long = format!("Старий пором {} покинув острів.", "і малий човен з людьми ".repeat(40));
    let text = [
        format!("{UKRAINIAN} Нікого не поранено.\n\n{long}\n"),
        format!("{ENGLISH} Nobody was hurt, write to desk@example.org now.\n"),
    ];
    let run = |alignments, threads, window| {
        let items = text.iter().enumerate().map(|(n, text)| article(n, text)).collect();
        Job { engine: &tiny_models, items, alignments, threads, window }.run()
    };
    let told = run(Alignments::Report, 2, 100);
    let mut aligned = [0, 0];
    for (index, (record, _)) in &told {
        assert!(record.findings.iter().all(|finding| finding.code != "alignments_missing"));
        for segment in &record.segments {
            if segment.outcome != OutcomeRecord::Translated {
                assert!(segment.alignment.is_none());
                continue;
            }
            aligned[*index] += 1;
            check_alignment(segment.alignment.as_ref().unwrap(), &segment.source, &segment.output);
            assert_eq!(segment.hops.len(), [2, 0][*index]);
            if let ([first, second], [between]) = (&segment.hops[..], &segment.intermediate[..]) {
                check_alignment(first.alignment.as_ref().unwrap(), &segment.source, between);
                check_alignment(second.alignment.as_ref().unwrap(), between, &segment.output);
                let scores = [first, second].map(|hop| hop.mean_log_probability.unwrap().exp());
                assert!((segment.score.unwrap() - scores[0].min(scores[1])).abs() < 1e-5);
            }
        }
    }
    assert!(aligned[0] >= 2 && aligned[1] >= 1, "{aligned:?}");
    let cut = told[&0].0.segments.iter().find(|segment| segment.source == long).unwrap();
    assert_eq!(cut.intermediate.len(), 1, "a sentence that was cut stays one segment");

    let shown = |told: &BTreeMap<usize, (ArticleRecord, Vec<u8>)>| {
        let segments = |(record, _): &(ArticleRecord, Vec<u8>)| {
            // Figures may differ in the last bits.
            let mut segments = record.segments.clone();
            for segment in &mut segments {
                segment.score = None;
                segment.hops.iter_mut().for_each(|hop| hop.mean_log_probability = None);
                let hops = segment.hops.iter_mut().filter_map(|hop| hop.alignment.as_mut());
                hops.chain(segment.alignment.as_mut()).for_each(|found| found.matrix.clear());
            }
            serde_json::to_string(&segments).unwrap()
        };
        told.values().map(segments).collect::<Vec<String>>()
    };
    for (threads, window) in [(1, 1), (3, 1000)] {
        assert_eq!(shown(&run(Alignments::Report, threads, window)), shown(&told));
    }

    let without = run(Alignments::Omit, 2, 100);
    let bare =
        |segment: &SegmentRecord| segment.alignment.is_none() && segment.hops.iter().all(|hop| hop.alignment.is_none());
    for (index, (record, answer)) in &without {
        assert_eq!(answer, &told[index].1, "what is reported changes no answer");
        assert!(record.segments.iter().all(bare));
        assert!(!serde_json::to_string(record).unwrap().contains("alignment"));
    }
}

#[test]
fn a_model_that_does_not_know_where_words_come_from_is_named() {
    let engine = |hop: &Hop| if hop.model == "first" { load::echo() } else { tiny("bergamot-two-vocabularies") };
    let items = vec![article(0, UKRAINIAN)];
    let told = Job { engine: &engine, items, alignments: Alignments::Report, threads: 1, window: 10 }.run();
    let record = &told[&0].0;
    assert!(record.segments.iter().all(|segment| segment.alignment.is_none()));
    let missing: Vec<&str> = record
        .findings
        .iter()
        .filter(|finding| finding.code == "alignments_missing")
        .map(|finding| finding.message.as_str())
        .collect();
    assert!(matches!(missing[..], [message] if message.contains("model first has no alignments")), "{missing:?}");
}

/// The parts of a text for an engine, checked: nothing is lost, and none is longer than the engine reads.
fn parts<'t>(engine: &Loaded, text: &'t str) -> Vec<&'t str> {
    let task = Task::Translate { from: Language::EN, to: Language::UK };
    let parts = plan(engine, &Ask { text, task, context: "" }, Effort::default()).unwrap();
    let mut at = 0;
    for part in &parts {
        assert_eq!(part.range.start, at);
        at = part.range.end;
        assert!(part.prompt.source.len() <= 128, "{} tokens", part.prompt.source.len());
        assert_eq!(part.prompt.source.last(), Some(&0), "the end token");
    }
    assert_eq!(at, text.len());
    parts.into_iter().map(|part| &text[part.range]).collect()
}

#[test]
fn a_text_is_cut_where_the_reference_cuts_it_the_end_token_counted() {
    let engine = tiny("bergamot-tied");
    let words = |count: usize| vec!["the"; count].join(" ");
    assert_eq!(engine.tokenizer.count(&words(127)), 127);
    assert_eq!(parts(&engine, &words(127)).len(), 1);
    assert_eq!(parts(&engine, &words(128)).len(), 2);
}

#[test]
fn long_sentences_are_cut_at_clauses_then_at_spaces_then_anywhere() {
    let engine = tiny("bergamot-tied");
    let clause = |word: &str, count: usize| format!("{}, ", vec![word; count].join(" "));
    // Clauses of ninety words: each cut is behind a comma.
    for word in ["the", "на"] {
        let text = format!("{}{}", clause(word, 90).repeat(4), vec![word; 30].join(" "));
        let found = parts(&engine, &text);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[..3].iter().all(|part| part.ends_with(", ")), "{found:?}");
    }
    // Four hundred words without a mark: at spaces.
    let found = vec!["since"; 400].join(" ");
    let found = parts(&engine, &found);
    assert!(found.len() >= 4 && found[..found.len() - 1].iter().all(|part| part.ends_with(' ')));
    // Without a space or a mark: anywhere.
    for text in ["q".repeat(400), "щ".repeat(400)] {
        assert!(engine.tokenizer.count(&text) >= 400);
        assert!(parts(&engine, &text).len() >= 4);
    }
    // Korean, with spaces and without.
    let source =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tiny/bergamot-two-vocabularies/trgvocab.enko.spm");
    let korean = BergamotTokenizer::open(&Files { source, target: None }).unwrap();
    let engine = Loaded { tokenizer: Arc::new(korean), ..engine };
    for text in ["가거고 ".repeat(140), "가거고".repeat(140)] {
        assert!(engine.tokenizer.count(&text) >= 400, "{}", engine.tokenizer.count(&text));
        let found = parts(&engine, &text);
        assert!(found.len() >= 4);
        assert!(!text.contains(' ') || found.iter().all(|part| part.ends_with(' ')));
    }
}
