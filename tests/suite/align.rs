//! Where answers come from: what searches say of it, and which bytes of a text a token stands for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use serde::Deserialize;
use tlumach::decode::SearchOptions;
use tlumach::language::Language;
use tlumach::model::{Ask, Keep, LoadOptions, Model, Precision, Request};
use tlumach::registry::load::{self, Loaded};
use tlumach::registry::{Family, ModelFiles, Role};
use tlumach::schedule::{Job, ScheduleOptions, Watch, run};
use tlumach::token::{Prompt, Task, TokenId};
use tlumach::tokenize::Tokenizer as _;
use tlumach::tokenize::bergamot::{BergamotTokenizer, Files};
use tlumach::tokenize::sentencepiece::SentencePiece;

const TASK: Task = Task::Translate { from: Language::EN, to: Language::UK };
const TINY: [&str; 3] = ["bergamot-tied", "bergamot-deep", "bergamot-two-vocabularies"];

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// A checkpoint of `tests/tiny` that was made to know where its words come from.
fn tiny(name: &str) -> Loaded {
    let mut files: BTreeMap<Role, Vec<PathBuf>> = BTreeMap::new();
    for entry in std::fs::read_dir(tests().join("tiny").join(name)).unwrap() {
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
    let options = LoadOptions { device: candle_core::Device::Cpu, precision: Precision::F32, keep: Keep::Nowhere };
    load::load(&files, &options).unwrap()
}

fn prompts(engine: &Loaded) -> Vec<Prompt> {
    let words = ["the", "bridge", "was", "not", "closed", "and", "they", "said", "it", "will", "be", "open"];
    let text = |n: usize| {
        let words: Vec<&str> = (0..=n * 7 % 11).map(|word| words[(n * 5 + word * 3) % words.len()]).collect();
        words.join(" ") + "."
    };
    (0..24).map(|n| engine.tokenizer.encode(&text(n), &TASK).unwrap()).collect()
}

/// Where the tokens of a given answer look, with nothing else in the batch.
fn looks(model: &dyn Model, prompt: &Prompt, ids: &[TokenId]) -> Vec<Vec<f32>> {
    let Prompt { source, prefix, shared, allowed, .. } = prompt;
    let request = Request { source, prefix, shared: *shared, allowed: *allowed, constraints: &[] };
    let mut state = model.start(&[request]).unwrap();
    state.align();
    let ask = Ask { k: 1, allowed: None, adjust: &[], log_sum_exp: false, also: &[] };
    let mut last = *prefix.last().unwrap();
    let mut rows = Vec::new();
    for &id in ids {
        rows.push(model.step(&[last], state.as_mut(), &ask).unwrap().remove(0).alignment);
        last = id;
    }
    rows
}

#[test]
fn answers_say_where_their_tokens_looked_whoever_shares_the_batch() {
    for name in TINY {
        let engine = tiny(name);
        let prompts = prompts(&engine);
        let jobs: Vec<Job<'_>> = prompts.iter().map(|prompt| Job { prompt, max_new_tokens: 20 }).collect();
        // Few places: most requests enter while others run.
        for (beams, threads, max_rows) in [(1, 1, 5), (1, 2, 64), (3, 1, 9), (4, 2, 64)] {
            let search = SearchOptions { beams, alignments: true, loop_stop: None, ..SearchOptions::default() };
            let options = ScheduleOptions { search, threads, max_rows, ..ScheduleOptions::default() };
            let watch = Watch { cancel: &AtomicBool::new(false), on_done: &|_, _| {} };
            let mut tokens = 0;
            for (prompt, result) in prompts.iter().zip(run(engine.model.as_ref(), &jobs, &options, watch).results) {
                let answer = result.unwrap();
                tokens += answer.ids.len();
                assert_eq!(answer.alignments.len(), answer.ids.len(), "{name}, {beams} beams");
                let expected = looks(engine.model.as_ref(), prompt, &answer.ids);
                for (row, expected) in answer.alignments.iter().zip(&expected) {
                    assert_eq!(row.len(), prompt.source.len());
                    assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
                    let far = row.iter().zip(expected).any(|(a, b)| (a - b).abs() > 1e-5);
                    assert!(!far, "{name}, {beams} beams, {max_rows} rows: {row:?}, expected {expected:?}");
                }
            }
            assert!(tokens > 50, "{name}: answers of {tokens} tokens say nothing");
        }
    }
}

#[test]
fn nothing_is_said_unless_it_is_asked_for_and_known() {
    let engine = tiny("bergamot-tied");
    let prompts = prompts(&engine);
    let jobs: Vec<Job<'_>> = prompts.iter().map(|prompt| Job { prompt, max_new_tokens: 20 }).collect();
    let answers = |model: &dyn Model, alignments| {
        let search = SearchOptions { alignments, ..SearchOptions::default() };
        let options = ScheduleOptions { search, ..ScheduleOptions::default() };
        let watch = Watch { cancel: &AtomicBool::new(false), on_done: &|_, _| {} };
        let answers = run(model, &jobs, &options, watch).results;
        answers.into_iter().map(Result::unwrap).collect::<Vec<_>>()
    };
    let (silent, asked) = (answers(engine.model.as_ref(), false), answers(engine.model.as_ref(), true));
    for (silent, asked) in silent.iter().zip(&asked) {
        assert!(silent.alignments.is_empty());
        assert_eq!((&silent.ids, silent.score.to_bits()), (&asked.ids, asked.score.to_bits()));
    }
    let toy = crate::toy::toy(3, 300);
    assert!(answers(&toy, true).iter().all(|answer| answer.alignments.is_empty()));
}

/// Where the pieces of a text stand, as the C++ library says it.
#[derive(Deserialize)]
struct Golden {
    models: BTreeMap<String, Vec<Case>>,
}

#[derive(Deserialize)]
struct Case {
    source: Vec<[usize; 2]>,
    target: Vec<[usize; 2]>,
}

#[derive(Deserialize)]
struct Texts {
    cases: Vec<Text>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    ids: Vec<u32>,
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&std::fs::read_to_string(tests().join("golden/tokenize").join(name)).unwrap()).unwrap()
}

fn pieces(name: &str) -> SentencePiece {
    SentencePiece::open(&tests().join("tiny").join(name)).unwrap()
}

#[test]
fn pieces_stand_where_the_reference_says() {
    let golden: Golden = read("spans.json");
    assert_eq!(golden.models.len(), 7);
    for (name, cases) in golden.models {
        let texts: Texts = read(&format!("{name}.json"));
        let model = pieces(&format!("{name}/model.spm"));
        assert_eq!(cases.len(), texts.cases.len());
        for (case, text) in cases.iter().zip(&texts.cases) {
            let (encoding, spans) = model.encode_traced(&text.text);
            assert_eq!(encoding.ids().collect::<Vec<_>>(), text.ids);
            let spans: Vec<[usize; 2]> = spans.iter().map(|span| [span.start, span.end]).collect();
            assert_eq!(spans, case.source, "{name}: {:?}", text.text);
            let spellings: Vec<&str> = text.ids.iter().map(|&id| model.piece(id).unwrap().0).collect();
            let (decoded, spans) = model.decode_pieces_traced(spellings.iter().copied());
            assert_eq!(decoded, model.decode_pieces(spellings));
            let spans: Vec<[usize; 2]> = spans.iter().map(|span| [span.start, span.end]).collect();
            assert_eq!(spans, case.target, "{name}: the decoded {:?}", text.text);
        }
    }
}

/// Ranges ascend, lie on the boundaries of characters, and cover everything but white space.
fn check_spans(text: &str, spans: &[std::ops::Range<usize>]) {
    let mut at = 0;
    let mut missing = String::new();
    for span in spans {
        assert!(span.start >= at && text.get(span.clone()).is_some(), "{spans:?} of {text:?}");
        missing.push_str(&text[at..span.start]);
        at = span.end;
    }
    missing.push_str(&text[at..]);
    assert!(missing.trim().is_empty(), "{missing:?} of {text:?} is in no range of {spans:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn source_ranges_cover_the_text(text in "([a-zA-Zа-яїґ가-힣漢é①ﬁ½…  \u{3000}.,!]|\\PC){0,40}") {
        // The mark that stands for a space is taken for one at the end of a text.
        prop_assume!(!text.contains('\u{2581}'));
        // Without a space put before the text, what is removed at its beginning belongs to no piece.
        for model in prefixed() {
            check_spans(&text, &model.encode_traced(&text).1);
        }
        let engine = tiny_tokenizer();
        let spans = engine.source_spans(&text, &TASK).unwrap();
        prop_assert_eq!(spans.len(), engine.encode(&text, &TASK).unwrap().source.len());
        prop_assert_eq!(spans.last(), Some(&(text.len()..text.len())));
        check_spans(&text, &spans);
    }

    #[test]
    fn target_ranges_cover_the_answer(ids in prop::collection::vec(0u32..310, 0..30)) {
        let engine = tiny_tokenizer();
        let (text, spans) = (engine.decode(&ids), engine.target_spans(&ids).unwrap());
        prop_assert_eq!(spans.len(), ids.len());
        check_spans(&text, &spans);
    }
}

/// The models that put a space before a text.
fn prefixed() -> &'static [SentencePiece] {
    static MODELS: LazyLock<Vec<SentencePiece>> = LazyLock::new(|| {
        let names = ["spm-unigram", "spm-bpe", "spm-bytes", "spm-bpe-bytes", "spm-suffix"];
        names.map(|name| pieces(&format!("{name}/model.spm"))).into()
    });
    &MODELS
}

fn tiny_tokenizer() -> &'static BergamotTokenizer {
    static TOKENIZER: LazyLock<BergamotTokenizer> = LazyLock::new(|| {
        let source = tests().join("tiny/bergamot-tied/vocab.enuk.spm");
        BergamotTokenizer::open(&Files { source, target: None }).unwrap()
    });
    &TOKENIZER
}

/// What pieces become, with their ranges.
fn check_decode(spellings: &[&str], expected: &str, ranges: &[std::ops::Range<usize>]) {
    let (engine, model) = (tiny_tokenizer(), pieces("bergamot-tied/vocab.enuk.spm"));
    let ids: Vec<TokenId> = spellings.iter().map(|piece| model.id(piece)).collect();
    assert_eq!(engine.decode(&ids), expected, "{spellings:?}");
    assert_eq!(engine.target_spans(&ids).unwrap(), ranges, "{spellings:?}");
}

#[test]
fn answers_of_pieces_become_text() {
    check_decode(&["▁the", "▁", "B", "r", "▁not", "."], "the Br not.", &[0..3, 3..4, 4..5, 5..6, 6..10, 10..11]);
    // White space around the answer goes, also where it is a piece.
    check_decode(&["▁", "▁", "▁the", "▁", "▁"], "the", &[0..0, 0..0, 0..3, 3..3, 3..3]);
    // What has no text leaves none, and takes no space from what follows.
    check_decode(&["<unk>", "▁the", "</s>", "▁not", "<unk>"], "the not", &[0..0, 0..3, 3..3, 3..7, 7..7]);
    check_decode(&["</s>", "</s>"], "", &[0..0, 0..0]);
    check_decode(&["<unk>", "▁"], "", &[0..0, 0..0]);
    check_decode(&[], "", &[]);
}

#[test]
fn nothing_is_cased_anew() {
    let engine = tiny_tokenizer();
    for text in ["the BrIDGE of THE tEST.", "Старий МІСТ у кИЄВі, ЩО Не."] {
        let mut ids = engine.encode(text, &TASK).unwrap().source;
        assert!(!ids.contains(&1), "{text:?} has unknown pieces: {ids:?}");
        assert_eq!(engine.decode(&ids), text, "with its end");
        ids.pop();
        assert_eq!(engine.decode(&ids), text);
    }
}
