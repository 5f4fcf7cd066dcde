//! Marian on real checkpoints, token for token against `transformers` (`tools/reference/marian_real.py`).
//!
//! `TLUMACH_TEST_WEIGHTS` names the folder that has `opus-mt-en-fr` and `opus-mt-fr-en`. `TLUMACH_GOLDEN` may name further
//! golden files, separated by `:`; they are checked as well.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stderr)]

use candle_core::Device;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tlumach::decode::{SearchOptions, search};
use tlumach::model::marian::{Files, Marian, load};
use tlumach::model::{Keep, LoadOptions, Model, Precision, Request};

/// Scores closer than this are a tie: rounding decides which answer wins.
const TIE: f32 = 1e-4;

struct Case {
    source: Vec<u32>,
    greedy: Vec<u32>,
    greedy_log_probability: f32,
    greedy_smallest_gap: f32,
    beam4: Vec<u32>,
    beam4_score: f32,
}

fn read(path: &Path) -> (String, Vec<Case>) {
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let ids = |value: &Value| value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect();
    let number = |value: &Value| value.as_f64().unwrap() as f32;
    let cases = golden["cases"].as_array().unwrap().iter().map(|case| Case {
        source: ids(&case["source"]),
        greedy: ids(&case["greedy"]),
        greedy_log_probability: number(&case["greedy_log_probability"]),
        greedy_smallest_gap: number(&case["greedy_smallest_gap"]),
        beam4: ids(&case["beam4"]),
        beam4_score: number(&case["beam4_score"]),
    });
    (golden["model"].as_str().unwrap().to_string(), cases.collect())
}

pub(crate) fn real(name: &str, precision: Precision) -> Marian {
    let weights =
        std::env::var("TLUMACH_TEST_WEIGHTS").expect("TLUMACH_TEST_WEIGHTS names the folder with the weights");
    let folder = PathBuf::from(weights).join(name);
    let files = Files {
        config: folder.join("config.json"),
        generation_config: Some(folder.join("generation_config.json")),
        weights: vec![folder.join("pytorch_model.bin")],
    };
    load(&files, &LoadOptions { device: Device::Cpu, precision, keep: Keep::Nowhere }).unwrap()
}

#[test]
fn english_to_french_is_what_transformers_answers() {
    check("opus-mt-en-fr");
}

#[test]
fn french_to_english_is_what_transformers_answers() {
    check("opus-mt-fr-en");
}

fn check(name: &str) {
    let model = real(name, Precision::F32);
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/marian").join(format!("{name}.json"));
    let further = std::env::var("TLUMACH_GOLDEN").unwrap_or_default();
    let further = further.split(':').filter(|path| !path.is_empty()).map(PathBuf::from);
    for path in std::iter::once(committed).chain(further) {
        let (wanted, cases) = read(&path);
        if wanted == name {
            check_search(&model, &cases, 1);
            check_search(&model, &cases, 4);
        }
    }
}

fn requests<'a>(cases: &[&'a Case], prefix: &'a [u32]) -> Vec<Request<'a>> {
    let request = |case: &&'a Case| Request {
        source: &case.source,
        prefix,
        shared: 0,
        allowed: tlumach::token::TokenClasses::ALL,
        constraints: &[],
    };
    cases.iter().map(request).collect()
}

/// In ragged batches of 32, so that batching is under test too.
fn check_search(model: &Marian, cases: &[Case], beams: usize) {
    let prefix = [model.generation_defaults().decoder_start];
    let options = SearchOptions { beams, loop_stop: None, ..SearchOptions::default() };
    let (mut differing, mut worst, mut failed) = (0, 0.0f32, 0);
    for batch in cases.chunks(32) {
        let requests = requests(&batch.iter().collect::<Vec<_>>(), &prefix);
        for (case, got) in batch.iter().zip(search(model, &requests, &options).unwrap()) {
            let got = got.unwrap();
            let (ids, expected) = match beams {
                1 => (&case.greedy, case.greedy_log_probability),
                _ => (&case.beam4, case.beam4_score),
            };
            let score = if beams == 1 { got.log_probability } else { got.score };
            let ids: Vec<u32> = ids[1..].iter().copied().filter(|id| !model.spec().eos.contains(id)).collect();
            if got.ids == ids {
                worst = worst.max((score - expected).abs());
                continue;
            }
            differing += 1;
            let tie = if beams == 1 { case.greedy_smallest_gap < TIE } else { (score - expected).abs() < TIE };
            failed += usize::from(!tie);
            eprintln!(
                "beams {beams}, source {:?}: expected {ids:?} ({expected}), got {:?} ({score}), smallest gap {}",
                case.source, got.ids, case.greedy_smallest_gap
            );
        }
    }
    eprintln!(
        "{}, beams {beams}: {} of {} identical, scores differ by at most {worst:.1e}",
        model.spec().family,
        cases.len() - differing,
        cases.len()
    );
    assert_eq!(failed, 0, "answers differ that are no ties");
    assert!(worst < 1e-3, "scores differ by {worst}");
}

/// How much of what 32-bit floats answer is answered in 8 bits, and that no answer depends on batch, order or threads.
#[test]
fn eight_bits_answer_nearly_the_same_whatever_the_batch() {
    for name in ["opus-mt-en-fr", "opus-mt-fr-en"] {
        let model = real(name, Precision::Int8);
        let prefix = [model.generation_defaults().decoder_start];
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/marian").join(format!("{name}.json"));
        let cases = read(&path).1;
        for beams in [1, 4] {
            let options = SearchOptions { beams, loop_stop: None, ..SearchOptions::default() };
            let run = |cases: &[&Case], threads: usize| -> Vec<Vec<u32>> {
                let requests = requests(cases, &prefix);
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let answers = pool.install(|| search(&model, &requests, &options).unwrap());
                answers.into_iter().map(|answer| answer.unwrap().ids).collect()
            };
            let all: Vec<&Case> = cases.iter().collect();
            let together = run(&all, 1);
            let backwards: Vec<&Case> = all.iter().rev().copied().collect();
            let mut reversed = run(&backwards, 2);
            reversed.reverse();
            assert_eq!(together, reversed, "{name}, beams {beams}");
            for (case, expected) in cases.iter().zip(&together).step_by(5) {
                assert_eq!(run(&[case], 2)[0], *expected, "{name}, beams {beams}");
            }
            let wanted = |case: &Case| if beams == 1 { case.greedy.clone() } else { case.beam4.clone() };
            let same = cases
                .iter()
                .zip(&together)
                .filter(|(case, got)| {
                    wanted(case)[1..].iter().filter(|id| !model.spec().eos.contains(id)).eq(got.iter())
                })
                .count();
            eprintln!("{name}, beams {beams}: {same} of {} as in 32 bits", cases.len());
            assert!(same * 10 >= cases.len() * 6, "{name}, beams {beams}: {same} of {}", cases.len());
        }
    }
}
