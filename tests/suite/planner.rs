//! Many articles through one flow: bounded, in any order, each written as soon as it is done, and always the same answers.

use super::identity::{Kept, SENTENCES, bytes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tlumach::job::report::Status;
use tlumach::job::spec::{Item, JobSpec, Release, Retry, Source, Target, Typography};
use tlumach::language::Language;
use tlumach::model::{LoadOptions, Precision};
use tlumach::pipeline::models::{Choice, Models};
use tlumach::pipeline::{Event, Observer, Pipeline, Summary, Window};
use tlumach::registry::Settings;
use tlumach::tokenize::sentencepiece::SentencePiece;

/// A job on a model, with what may differ between runs of it.
struct Job {
    choice: Choice,
    items: Vec<Item>,
    threads: usize,
    window: Option<Window>,
}

impl Job {
    fn run(self, cancel: &AtomicBool, observer: &dyn Observer) -> Summary {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(folder.path().join("hub"), folder.path().join("data"));
        settings.offline = true;
        let options = LoadOptions {
            device: candle_core::Device::Cpu,
            precision: Precision::F32,
            keep: tlumach::model::Keep::Nowhere,
        };
        let models = Models::new(self.choice, &settings, options, &()).unwrap();
        let spec = JobSpec {
            work: SENTENCES,
            items: self.items,
            from: Some(Language::EN),
            to: Some(Language::UK),
            beams: Some(1),
            threads: self.threads,
            retry: Retry::Full,
            release: Release::All,
            typography: Typography::Auto,
            reading: tlumach::article::Reading::default(),
            staging: None,
        };
        let mut pipeline = Pipeline::new(&spec, &models, cancel, observer);
        if let Some(window) = self.window {
            pipeline = pipeline.with_window(window);
        }
        pipeline.execute().unwrap()
    }
}

/// A folder with random weights and a real tokenizer. Answers are nonsense of 0 to 23 tokens, some of them cut, and texts
/// are cut at 34 tokens: all retries and joints are needed.
pub(crate) fn nonsense(folder: &Path) -> Choice {
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tiny");
    for name in ["config.json", "generation_config.json"] {
        std::fs::copy(tiny.join("marian-big-safetensors").join(name), folder.join(name)).unwrap();
    }
    let mut weights = std::fs::read(tiny.join("marian-big-safetensors/model.safetensors")).unwrap();
    // Behind the header stand the biases of the vocabulary as 16-bit floats, first that of the end token: raised, so that
    // answers end.
    let header = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    weights[8 + header..][..2].copy_from_slice(&END_BIAS);
    std::fs::write(folder.join("model.safetensors"), weights).unwrap();
    let pieces = tiny.join("spm-unigram/model.spm");
    for name in ["source.spm", "target.spm"] {
        std::fs::copy(&pieces, folder.join(name)).unwrap();
    }
    let model = SentencePiece::open(&pieces).unwrap();
    let known = (0..model.len() as u32).filter_map(|id| model.piece(id)).map(|(piece, _)| piece.to_string());
    let known = known.filter(|piece| piece.trim_start_matches('▁').chars().all(|c| c.is_ascii_lowercase()));
    let mut vocab = BTreeMap::from([("</s>".to_string(), 0), ("<unk>".to_string(), 1), ("<pad>".to_string(), 95)]);
    vocab.extend(known.take(93).zip(2..));
    std::fs::write(folder.join("vocab.json"), serde_json::to_string(&vocab).unwrap()).unwrap();
    Choice::Path(folder.to_path_buf())
}

/// 6.0 as a 16-bit float.
const END_BIAS: [u8; 2] = 0x4600_u16.to_le_bytes();

/// Articles of different lengths; some sentences stand in several of them.
fn article(number: usize) -> String {
    let what = ["the bridge was closed at night", "no ship came in", "the mayor thanked everybody for their patience"];
    let sentence = |n: usize| format!("On day {} {}. ", number * n, what[(number + n) % 3]);
    let sentences: Vec<String> = (0..=number % 5).map(sentence).collect();
    let who = ["the mayor", "all of them", "those who came in at night", "the harbour"][number % 4];
    format!(
        "Report {number} from the harbour\n\n{}Nobody was hurt.\n\nAsk {who} or write to desk{number}@example.org\n",
        sentences.concat()
    )
}

/// Answer and segments of each article, by its name.
fn answers(told: Kept) -> BTreeMap<String, (Vec<u8>, String)> {
    let told = told.0.into_inner().unwrap().into_values();
    told.map(|(mut record, answer)| {
        // Scores may differ in the last bits.
        record.segments.iter_mut().for_each(|segment| segment.score = None);
        let segments = serde_json::to_string(&(&record.segments, record.tokens, &record.route)).unwrap();
        (record.input.path.clone(), (answer.unwrap_or_else(|| panic!("{:?}", record.error)), segments))
    })
    .collect()
}

#[test]
fn answers_depend_on_neither_window_nor_threads_nor_order() {
    let folder = tempfile::tempdir().unwrap();
    let choice = nonsense(folder.path());
    let items: Vec<Item> = (0..13).map(|n| bytes(&format!("{n}"), article(n).as_bytes())).collect();
    let run = |items: Vec<Item>, threads, window| {
        let told = Kept::default();
        Job { choice: choice.clone(), items, threads, window }.run(&AtomicBool::new(false), &told);
        answers(told)
    };
    let mut expected = BTreeMap::new();
    for item in &items {
        expected.extend(run(vec![item.clone()], 1, None));
    }
    let all: String = expected.values().map(|(_, segments)| segments.as_str()).collect();
    for retry in ["around_protected_spans", "smaller_pieces"] {
        assert!(all.contains(retry), "no segment needed the retry {retry}: {all}");
    }
    let mut shuffled = items.clone();
    shuffled.sort_by_key(|item| item.input.name().chars().rev().collect::<String>());
    shuffled.reverse();
    for (threads, window) in [
        (1, None),
        (2, None),
        (2, Some(Window { segments: 1, bytes: 1 })),
        (3, Some(Window { segments: 9, bytes: 1 << 20 })),
        (1, Some(Window { segments: 1000, bytes: 400 })),
    ] {
        for items in [&items, &shuffled] {
            assert!(run(items.clone(), threads, window) == expected, "{threads} threads, {window:?}");
        }
    }
}

#[test]
fn places_of_markup_depend_on_neither_window_nor_threads_nor_order() {
    let folder = tempfile::tempdir().unwrap();
    let choice = nonsense(folder.path());
    let marked = |n: usize| {
        let text = article(n).replace("bridge", "**old bridge**").replace("was closed", "[was closed](x)");
        let path = folder.path().join(format!("{n}.md"));
        std::fs::write(&path, text.replace("the mayor", "*the mayor*")).unwrap();
        Item { input: Source::File(path), output: Target::Caller }
    };
    let items: Vec<Item> = (0..9).map(marked).collect();
    let run = |items: Vec<Item>, threads, window| {
        let told = Kept::default();
        Job { choice: choice.clone(), items, threads, window }.run(&AtomicBool::new(false), &told);
        answers(told)
    };
    let mut expected = BTreeMap::new();
    for item in &items {
        expected.extend(run(vec![item.clone()], 1, None));
    }
    let marks = |text: &str| ["**", "](x)", "*"].map(|mark| text.matches(mark).count());
    for (number, (answer, _)) in expected.values().enumerate() {
        let source = std::fs::read_to_string(folder.path().join(format!("{number}.md"))).unwrap();
        assert_eq!(marks(std::str::from_utf8(answer).unwrap()), marks(&source), "{number}");
    }
    let reversed: Vec<Item> = items.iter().rev().cloned().collect();
    for (threads, window) in [(2, None), (2, Some(Window { segments: 1, bytes: 1 }))] {
        for items in [&items, &reversed] {
            assert!(run(items.clone(), threads, window) == expected, "{threads} threads, {window:?}");
        }
    }
}

/// Counts what is held, and the most of it.
#[derive(Default)]
struct Gauge {
    segments: AtomicUsize,
    most: AtomicUsize,
    told: Kept,
}

impl Observer for Gauge {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Planned { segments, .. } => {
                let held = self.segments.fetch_add(*segments, Ordering::SeqCst) + segments;
                self.most.fetch_max(held, Ordering::SeqCst);
            }
            Event::Article { record, .. } => {
                self.segments.fetch_sub(record.segments.len(), Ordering::SeqCst);
            }
            _ => {}
        }
        self.told.event(event);
    }
}

#[test]
fn no_more_is_held_than_a_window_and_one_article() {
    let items: Vec<Item> = (0..300).map(|n| bytes(&format!("{n}"), article(n).as_bytes())).collect();
    let longest = items.iter().map(|item| item_bytes(item).len()).max().unwrap();
    for (threads, window, most) in [
        (1, Window { segments: 20, bytes: 1 << 20 }, 20 + 10),
        (2, Window { segments: 40, bytes: 1 << 20 }, 40 + 10),
        // A segment has no less than ten bytes here.
        (2, Window { segments: 10_000, bytes: 1000 }, (1000 + longest) / 10),
    ] {
        let gauge = Gauge::default();
        let job = Job { choice: Choice::Echo, items: items.clone(), threads, window: Some(window) };
        job.run(&AtomicBool::new(false), &gauge);
        let held = gauge.most.into_inner();
        assert!(held <= most, "{window:?}: expected at most {most}, got {held}");
        assert!(held * 2 > window.segments.min(most / 2), "{window:?}: the window was not used: {held}");
        assert_eq!(gauge.segments.into_inner(), 0);
        for (index, (_, answer)) in gauge.told.0.into_inner().unwrap() {
            assert_eq!(answer.as_deref(), Some(item_bytes(&items[index])));
        }
    }
}

fn item_bytes(item: &Item) -> &[u8] {
    match &item.input {
        Source::Bytes { bytes, .. } => bytes,
        _ => &[],
    }
}

/// Files in a folder, and where their answers go.
fn files(folder: &Path, count: usize) -> Vec<Item> {
    let item = |n: usize| {
        let path = folder.join(format!("{n:03}.txt"));
        std::fs::write(&path, article(n)).unwrap();
        Item { input: Source::File(path), output: Target::File(folder.join(format!("{n:03}.out"))) }
    };
    (0..count).map(item).collect()
}

fn output(item: &Item) -> PathBuf {
    match &item.output {
        Target::File(path) => path.clone(),
        _ => PathBuf::new(),
    }
}

/// Looks at the first article that ends, and stops the job after some of them if it is told to.
struct Onlooker<'a> {
    stop_after: usize,
    cancel: &'a AtomicBool,
    planned: AtomicUsize,
    /// Articles read when the first one was finished.
    planned_at_first: Mutex<Option<usize>>,
    told: Kept,
}

impl Onlooker<'_> {
    fn new(cancel: &AtomicBool, stop_after: usize) -> Onlooker<'_> {
        let (planned, planned_at_first, told) = (AtomicUsize::new(0), Mutex::new(None), Kept::default());
        Onlooker { stop_after, cancel, planned, planned_at_first, told }
    }
}

impl Observer for Onlooker<'_> {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Planned { .. } => {
                self.planned.fetch_add(1, Ordering::SeqCst);
            }
            Event::Article { record, .. } if record.status != Status::Cancelled => {
                assert!(record.output.as_ref().is_some_and(|path| path.is_file()), "it is written when it is told");
                self.planned_at_first.lock().unwrap().get_or_insert(self.planned.load(Ordering::SeqCst));
            }
            _ => {}
        }
        self.told.event(event);
        if matches!(event, Event::Article { .. }) && self.told.0.lock().unwrap().len() == self.stop_after {
            self.cancel.store(true, Ordering::SeqCst);
        }
    }
}

#[test]
fn an_article_is_written_long_before_the_job_ends() {
    let folder = tempfile::tempdir().unwrap();
    let items = files(folder.path(), 200);
    let cancel = AtomicBool::new(false);
    let onlooker = Onlooker::new(&cancel, usize::MAX);
    let window = Some(Window { segments: 60, bytes: 1 << 20 });
    Job { choice: Choice::Echo, items, threads: 2, window }.run(&cancel, &onlooker);
    let read = onlooker.planned_at_first.into_inner().unwrap().unwrap();
    assert!(read <= 40, "{read} articles of 200 were read before one was written");
}

#[test]
fn a_stopped_job_keeps_what_is_written_and_tells_of_every_article() {
    let folder = tempfile::tempdir().unwrap();
    let items = files(folder.path(), 120);
    let cancel = AtomicBool::new(false);
    let onlooker = Onlooker::new(&cancel, 30);
    let window = Some(Window { segments: 60, bytes: 1 << 20 });
    let summary = Job { choice: Choice::Echo, items: items.clone(), threads: 2, window }.run(&cancel, &onlooker);
    let told = onlooker.told.0.into_inner().unwrap();
    assert!(summary.cancelled);
    assert_eq!(told.keys().copied().collect::<BTreeSet<_>>(), (0..120).collect());
    let mut kept = 0;
    for (index, (record, _)) in &told {
        let path = output(&items[*index]);
        if record.status == Status::Cancelled {
            assert!(!path.exists(), "{}", path.display());
        } else {
            assert_eq!(std::fs::read_to_string(path).unwrap(), article(*index));
            kept += 1;
        }
    }
    assert!((30..120).contains(&kept), "{kept} articles were kept");
    assert_eq!(summary.undone, 120 - kept);
}

#[test]
fn identical_segments_are_computed_once_across_articles() {
    let once: Vec<Item> = (0..20).map(|n| bytes(&format!("{n}"), article(n).as_bytes())).collect();
    let twice = [once.clone(), once.clone()].concat();
    let entries = |items: Vec<Item>| {
        let told = Kept::default();
        let job = Job { choice: Choice::Echo, items, threads: 2, window: None };
        let summary = job.run(&AtomicBool::new(false), &told);
        (summary.stats.entries, summary.totals.segments)
    };
    let ((computed, segments), (computed_twice, segments_twice)) = (entries(once), entries(twice));
    assert_eq!(segments_twice, 2 * segments);
    assert_eq!(computed_twice, computed);
    assert!(computed < segments, "the articles share sentences");
}

/// What is known already is answered on the spot and leaves nothing waiting: that is not the end of the job.
#[test]
fn copies_of_an_article_are_all_finished() {
    let copies: Vec<Item> = (0..40).map(|n| bytes(&format!("{n}"), article(7).as_bytes())).collect();
    let window = Some(Window { segments: 4, bytes: 1 << 20 });
    for threads in [1, 2] {
        let job = Job { choice: Choice::Echo, items: copies.clone(), threads, window };
        let summary = job.run(&AtomicBool::new(false), &Kept::default());
        assert_eq!((summary.totals.articles, summary.totals.failed, summary.undone), (40, 0, 0), "{threads} threads");
    }
}

/// Counts the segments that are read until the first article of the job is finished.
#[derive(Default)]
struct Patience {
    read: AtomicUsize,
    read_at_first: AtomicUsize,
}

impl Observer for Patience {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Planned { segments, .. } => {
                self.read.fetch_add(*segments, Ordering::SeqCst);
            }
            Event::Article { index: 0, .. } => {
                self.read_at_first.store(self.read.load(Ordering::SeqCst), Ordering::SeqCst);
            }
            _ => {}
        }
    }
}

#[test]
fn nothing_more_is_read_while_an_article_waits_for_long() {
    // An echo takes a step for each byte: the first article takes as long as dozens of the others, one after another.
    let long = format!("It {}stands.", "really ".repeat(2000));
    let mut items = vec![bytes("long", long.as_bytes())];
    items.extend((0..300).map(|n| bytes(&format!("{n}"), article(n).as_bytes())));
    let patience = Patience::default();
    let window = Some(Window { segments: 20, bytes: 1 << 20 });
    Job { choice: Choice::Echo, items, threads: 2, window }.run(&AtomicBool::new(false), &patience);
    let (read, all) = (patience.read_at_first.into_inner(), patience.read.into_inner());
    assert!(all > 1000, "{all}");
    assert!(
        (80..=4 * 20 + 20).contains(&read),
        "{read} segments of {all} were read before the first article was finished"
    );
}
