//! Bergamot in the sizes that real models have, on random weights: the engines of the program against the plain one.
//!
//! The checkpoints are written by `tools/bergamot_checkpoint.py` (Python's standard library, some seconds each) into the
//! directory that cargo keeps for tests, and are taken from there the next time.

use crate::bergamot::file;
use candle_core::Device;
use std::path::{Path, PathBuf};
use std::process::Command;
use tlumach::model::bergamot::{Bergamot, Files, Vocabulary, load, load_plain};
use tlumach::model::{Ask, Candidates, Keep, LoadOptions, Model, Precision, Request};
use tlumach::token::{TokenClasses, TokenId};

const END: TokenId = 0;
const UNKNOWN: TokenId = 1;
/// Steps with given tokens, and the longest free answer.
const STEPS: usize = 5;

/// What is asked of a shape.
struct Shape {
    name: &'static str,
    /// For the script.
    options: &'static str,
    vocabs: (usize, usize),
}

#[test]
fn base() {
    check(&Shape {
        name: "base",
        options: "--pair enuk --width 512 --heads 8 --ffn 2048 --encoder-layers 6 --decoder-layers 2 --vocab 64000",
        vocabs: (64_000, 64_000),
    });
}

#[test]
fn base_memory_with_two_vocabularies() {
    check(&Shape {
        name: "base-memory",
        options: "--pair enko --width 384 --heads 8 --ffn 1536 --encoder-layers 6 --decoder-layers 4 --vocab 32000,32000",
        vocabs: (32_000, 32_000),
    });
}

#[test]
fn tiny() {
    check(&Shape {
        name: "tiny",
        options: "--pair enuk --width 256 --heads 8 --ffn 1536 --encoder-layers 6 --decoder-layers 2 --vocab 32000",
        vocabs: (32_000, 32_000),
    });
}

/// The folder of a shape's checkpoint, which is made if it is not there.
fn made(shape: &Shape) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/bergamot_checkpoint.py");
    // Another script writes other checkpoints.
    let version = crc32fast::hash(&[std::fs::read(&script).unwrap(), shape.options.as_bytes().to_vec()].concat());
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = cache.join(format!("bergamot-{}-{version:08x}", shape.name));
    if !folder.exists() {
        // Complete or not there at all, whoever else makes it in the same moment.
        let place = tempfile::tempdir_in(cache).unwrap();
        let run = Command::new("python3").arg(&script).arg(place.path()).args(shape.options.split(' ')).output();
        let run = run.expect("python3, whose standard library the script needs");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        if std::fs::rename(place.path(), &folder).is_err() {
            assert!(folder.exists(), "{} was not made", folder.display());
        }
    }
    folder
}

fn check(shape: &Shape) {
    let folder = made(shape);
    for looks in ["everywhere", "at shortlists"] {
        let shortlist = (looks == "at shortlists").then(|| file(&folder, "lex.", ".bin"));
        let files = Files { model: file(&folder, "model.", ".bin"), shortlist };
        let vocabulary = Vocabulary {
            source: shape.vocabs.0,
            target: shape.vocabs.1,
            shared: shape.name != "base-memory",
            end: END,
            unknown: UNKNOWN,
            classes: &[],
        };
        let options = |precision| LoadOptions { device: Device::Cpu, precision, keep: Keep::Nowhere };
        let plain = load_plain(&files, &options(Precision::F32), vocabulary).unwrap();
        let forced = forced(&plain);
        let greedy = greedy(&plain);
        drop(plain);
        // About three times what was seen; logits have a deviation of about 4. Networks of random weights multiply the rounding
        // of 32-bit floats by thousands, and as much that of activations in 16 bits.
        for (precision, tolerance) in [(Precision::F32, 3e-3), (Precision::W8A16, 0.12)] {
            let fast = load(&files, &options(precision), vocabulary).unwrap();
            let what = format!("{}, {looks}, {precision:?}", shape.name);
            check_forced(&self::forced(&fast), &forced, (tolerance, &what));
            check_greedy(&self::greedy(&fast), &greedy, (tolerance, &what));
        }
    }
}

fn sources() -> Vec<Vec<TokenId>> {
    vec![vec![5, 17, 31_007, 300, END], vec![44, END], vec![9_120, 2, 2, 812, 77, 15_000, 64, UNKNOWN, END]]
}

fn requests(sources: &[Vec<TokenId>]) -> Vec<Request<'_>> {
    let request = |source| Request { source, prefix: &[END], shared: 0, allowed: TokenClasses::ALL, constraints: &[] };
    sources.iter().map(|source| request(&source[..])).collect()
}

fn forced(model: &Bergamot) -> Vec<Vec<Candidates>> {
    let sources = sources();
    let mut state = model.start(&requests(&sources)).unwrap();
    state.align();
    let mut last = vec![END; sources.len()];
    let ask = Ask { k: model.spec().vocab, allowed: None, adjust: &[], log_sum_exp: true, also: &[] };
    (0..STEPS)
        .map(|step| {
            let answers = model.step(&last, &mut *state, &ask).unwrap();
            last.iter_mut().enumerate().for_each(|(row, last)| *last = ((step + 3) * (row + 11) * 97) as TokenId);
            answers
        })
        .collect()
}

fn check_forced(got: &[Vec<Candidates>], expected: &[Vec<Candidates>], (tolerance, what): (f32, &str)) {
    let (mut logits, mut sums, mut alignments) = (0.0f32, 0.0f32, 0.0f32);
    for (got, expected) in got.iter().flatten().zip(expected.iter().flatten()) {
        let by_token = |answer: &Candidates| {
            let mut best = answer.best.clone();
            best.sort_by_key(|item| item.0);
            best
        };
        let (got_logits, expected_logits) = (by_token(got), by_token(expected));
        assert_eq!(got_logits.len(), expected_logits.len(), "{what}");
        for (got, expected) in got_logits.iter().zip(&expected_logits) {
            assert_eq!(got.0, expected.0, "{what}");
            logits = logits.max((got.1 - expected.1).abs());
        }
        sums = sums.max((got.log_sum_exp - expected.log_sum_exp).abs());
        assert_eq!(got.alignment.len(), expected.alignment.len(), "{what}");
        for (got, expected) in got.alignment.iter().zip(&expected.alignment) {
            alignments = alignments.max((got - expected).abs());
        }
    }
    assert!(
        logits <= tolerance && sums <= tolerance && alignments <= tolerance,
        "{what}: {logits} {sums} {alignments}"
    );
}

/// The best tokens of each row in turn, with how far the second was behind.
fn greedy(model: &Bergamot) -> Vec<Vec<(TokenId, f32)>> {
    let sources = sources();
    let mut state = model.start(&requests(&sources)).unwrap();
    let mut last = vec![END; sources.len()];
    let mut answers = vec![Vec::new(); sources.len()];
    for _ in 0..STEPS {
        let ask = Ask { k: 3, allowed: None, adjust: &[], log_sum_exp: false, also: &[] };
        for (row, found) in model.step(&last, &mut *state, &ask).unwrap().iter().enumerate() {
            let known: Vec<(TokenId, f32)> = found.best.iter().copied().filter(|(id, _)| *id != UNKNOWN).collect();
            answers[row].push((known[0].0, known[0].1 - known[1].1));
            last[row] = known[0].0;
        }
    }
    answers
}

/// Token for token as long as no two are so close that rounding decides.
fn check_greedy(got: &[Vec<(TokenId, f32)>], expected: &[Vec<(TokenId, f32)>], (tolerance, what): (f32, &str)) {
    let mut compared = 0;
    for (row, (got, expected)) in got.iter().zip(expected).enumerate() {
        for (got, (token, gap)) in got.iter().zip(expected) {
            if *gap <= tolerance {
                break;
            }
            assert_eq!(got.0, *token, "{what}, row {row}");
            compared += 1;
        }
    }
    assert!(compared >= STEPS, "{what}: only {compared} tokens are compared");
}
