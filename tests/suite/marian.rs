//! Marian on tiny checkpoints of every layout, against what `transformers` answered (`tools/reference/marian_tiny.py`), and
//! the packed network against the plain one.

#![allow(clippy::unwrap_used)]

use candle_core::Device;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tlumach::decode::{SearchOptions, search};
use tlumach::model::marian::{Files, Marian, load, load_plain};
use tlumach::model::{Adjustment, Ask, Candidates, Keep, LoadOptions, Model, ModelError, Precision, Request};

const TINY: [&str; 4] = ["marian-base-legacy", "marian-base-zip", "marian-big-safetensors", "marian-two-vocabularies"];

/// What the reference answered on one source.
struct Case {
    source: Vec<u32>,
    first_logits: Vec<f32>,
    greedy: Vec<u32>,
    greedy_log_probability: f32,
    beam4: Vec<u32>,
    beam4_score: f32,
}

fn golden(name: &str) -> (Vec<String>, Vec<Case>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/marian").join(format!("{name}.json"));
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let ids = |value: &Value| value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect();
    let number = |value: &Value| value.as_f64().unwrap() as f32;
    let cases = golden["cases"].as_array().unwrap().iter().map(|case| Case {
        source: ids(&case["source"]),
        first_logits: case["first_logits"].as_array().unwrap().iter().map(number).collect(),
        greedy: ids(&case["greedy"]),
        greedy_log_probability: number(&case["greedy_log_probability"]),
        beam4: ids(&case["beam4"]),
        beam4_score: number(&case["beam4_score"]),
    });
    let files = golden["files"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_string()).collect();
    (files, cases.collect())
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tiny").join(name)
}

fn files(name: &str) -> Files {
    Files {
        config: folder(name).join("config.json"),
        generation_config: Some(folder(name).join("generation_config.json")),
        weights: golden(name).0.iter().map(|file| folder(name).join(file)).collect(),
    }
}

fn options() -> LoadOptions {
    LoadOptions { device: Device::Cpu, precision: Precision::F32, keep: Keep::Nowhere }
}

fn tiny(name: &str) -> Marian {
    load(&files(name), &options()).unwrap()
}

/// What `auto` is on the CPU.
fn tiny_int8(name: &str) -> Marian {
    load(&files(name), &LoadOptions { precision: Precision::Auto, ..options() }).unwrap()
}

/// Everything about the next tokens.
fn all(model: &Marian) -> Ask<'static> {
    Ask { k: model.spec().vocab, allowed: None, adjust: &[], log_sum_exp: true, also: &[] }
}

/// Logits by token.
fn logits(answer: &Candidates) -> Vec<f32> {
    let mut best = answer.best.clone();
    best.sort_by_key(|item| item.0);
    best.into_iter().map(|item| item.1).collect()
}

fn check_close(got: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= tolerance, "{what}, {index}: {got}, expected {expected}");
    }
}

fn requests<'a>(sources: &'a [Vec<u32>], prefix: &'a [u32]) -> Vec<Request<'a>> {
    sources
        .iter()
        .map(|source| Request {
            source,
            prefix,
            shared: 0,
            allowed: tlumach::token::TokenClasses::ALL,
            constraints: &[],
        })
        .collect()
}

/// Without start token and end token.
fn answer<'a>(ids: &'a [u32], eos: &[u32]) -> &'a [u32] {
    let ids = &ids[1..];
    match ids.split_last() {
        Some((last, before)) if eos.contains(last) => before,
        _ => ids,
    }
}

#[test]
fn the_first_logits_are_those_of_transformers() {
    for name in TINY {
        let model = tiny(name);
        let prefix = [model.generation_defaults().decoder_start];
        for case in golden(name).1 {
            let request = Request {
                source: &case.source,
                prefix: &prefix,
                shared: 0,
                allowed: tlumach::token::TokenClasses::ALL,
                constraints: &[],
            };
            let mut state = model.start(&[request]).unwrap();
            let answers = model.step(&prefix, &mut *state, &all(&model)).unwrap();
            check_close(&logits(&answers[0]), &case.first_logits, 3e-4, name);
        }
    }
}

#[test]
fn greedy_answers_are_those_of_transformers() {
    check_search(1, |case| (&case.greedy, case.greedy_log_probability));
}

#[test]
fn beam_answers_are_those_of_transformers() {
    check_search(4, |case| (&case.beam4, case.beam4_score));
}

/// All sources of a checkpoint in one ragged batch.
fn check_search(beams: usize, expected: fn(&Case) -> (&[u32], f32)) {
    for name in TINY {
        let model = tiny(name);
        let prefix = [model.generation_defaults().decoder_start];
        let cases = golden(name).1;
        let sources: Vec<Vec<u32>> = cases.iter().map(|case| case.source.clone()).collect();
        let options = SearchOptions { beams, max_new_tokens: usize::MAX, loop_stop: None, ..SearchOptions::default() };
        let answers = search(&model, &requests(&sources, &prefix), &options).unwrap();
        for (case, got) in cases.iter().zip(answers) {
            let got = got.unwrap();
            let (ids, score) = expected(case);
            assert_eq!(got.ids, answer(ids, &model.spec().eos), "{name} on {:?}", case.source);
            let got = if beams == 1 { got.log_probability } else { got.score };
            assert!((got - score).abs() < 2e-4, "{name} on {:?}: score {got}, expected {score}", case.source);
        }
    }
}

/// Teacher-forced over several steps, with reordered and repeated rows.
#[test]
fn the_packed_network_computes_what_the_plain_one_does() {
    for name in TINY {
        let (packed, plain) = (tiny(name), load_plain(&files(name), &options()).unwrap());
        let prefix = [packed.generation_defaults().decoder_start, 3];
        let sources: Vec<Vec<u32>> = golden(name).1.into_iter().map(|case| case.source).collect();
        let mut states = [&packed, &plain].map(|model| model.start(&requests(&sources, &prefix)).unwrap());
        let mut last: Vec<u32> = vec![3; sources.len()];
        for step in 0..20 {
            let ask = all(&packed);
            let fast = packed.step(&last, &mut *states[0], &ask).unwrap();
            let slow = plain.step(&last, &mut *states[1], &ask).unwrap();
            for (fast, slow) in fast.iter().zip(&slow) {
                check_close(&logits(fast), &logits(slow), 1e-4, name);
                check_close(&[fast.log_sum_exp], &[slow.log_sum_exp], 1e-4, name);
            }
            let rows = last.len();
            let order: Vec<usize> =
                (0..rows).map(|row| (row * 5 + step) % rows).chain([step % rows]).take(12).collect();
            for state in &mut states {
                state.select(&order).unwrap();
            }
            last = order.iter().map(|&row| fast[row].best[row % 3].0).collect();
        }
    }
}

/// Bit for bit: ids could only differ if these did.
#[test]
fn a_row_does_not_depend_on_its_batch() {
    for (name, model) in TINY.iter().flat_map(|name| [(name, tiny(name)), (name, tiny_int8(name))]) {
        let prefix = [model.generation_defaults().decoder_start];
        let sources: Vec<Vec<u32>> = golden(name).1.into_iter().map(|case| case.source).collect();
        let together = forced(&model, &requests(&sources, &prefix));
        for (row, source) in sources.iter().enumerate() {
            let alone = forced(&model, &requests(std::slice::from_ref(source), &prefix));
            for (step, answers) in alone.iter().enumerate() {
                assert_eq!(answers[0], together[step][row], "{name}, row {row}, step {step}");
            }
        }
    }
}

fn forced(model: &Marian, batch: &[Request<'_>]) -> Vec<Vec<Candidates>> {
    let mut state = model.start(batch).unwrap();
    let mut last: Vec<u32> = batch.iter().map(|request| request.prefix[0]).collect();
    (0..20)
        .map(|step| {
            let answers = model.step(&last, &mut *state, &all(model)).unwrap();
            last.fill(step * 3 % 60 + 1);
            answers
        })
        .collect()
}

#[test]
fn rows_that_join_go_on_as_if_alone() {
    check_joining(&tiny(TINY[0]));
    check_joining(&tiny_int8(TINY[0]));
}

fn check_joining(model: &Marian) {
    let prefix = [model.generation_defaults().decoder_start];
    let sources = [vec![5, 17, 33, 0], vec![44, 12, 0]];
    let batch = requests(&sources, &prefix);
    let alone = forced(model, &batch[1..]);
    let mut state = model.start(&batch[..1]).unwrap();
    for _ in 0..17 {
        model.step(&prefix, &mut *state, &all(model)).unwrap();
    }
    let mut joining = model.start(&batch[1..]).unwrap();
    model.step(&prefix, &mut *joining, &all(model)).unwrap();
    state.append(joining).unwrap();
    let answers = model.step(&[7, 1], &mut *state, &all(model)).unwrap();
    assert_eq!(answers[1], alone[1][0]);
}

#[test]
fn allowed_sets_and_adjustments_change_best_and_sum() {
    for name in [TINY[0], TINY[3]] {
        for model in [tiny(name), tiny_int8(name), load_plain(&files(name), &options()).unwrap()] {
            let prefix = [model.generation_defaults().decoder_start];
            let request = Request {
                source: &[9, 58, 0],
                prefix: &prefix,
                shared: 0,
                allowed: tlumach::token::TokenClasses::ALL,
                constraints: &[],
            };
            let step = |ask: &Ask<'_>| {
                let mut state = model.start(&[request]).unwrap();
                model.step(&prefix, &mut *state, ask).unwrap().remove(0)
            };
            let free = logits(&step(&all(&model)));
            let allowed = [2u32, 3, 11, 40, 69];
            let adjust = [Adjustment::ban(None, 3), Adjustment::ban(Some(0), 40), Adjustment::ban(Some(5), 11)];
            let got = step(&Ask { k: 10, allowed: Some(&allowed), adjust: &adjust, log_sum_exp: true, also: &[] });
            let mut expected: Vec<(u32, f32)> = [2u32, 11, 69].iter().map(|&id| (id, free[id as usize])).collect();
            expected.sort_by(|a, b| b.1.total_cmp(&a.1));
            assert_eq!(got.best, expected, "{name}");
            let sum = expected.iter().map(|item| item.1.exp()).sum::<f32>().ln();
            assert!((got.log_sum_exp - sum).abs() < 1e-5, "{name}");
        }
    }
}

#[test]
fn inputs_that_do_not_fit_are_errors() {
    let model = tiny(TINY[0]);
    let prefix = [model.generation_defaults().decoder_start];
    let start = |source: &[u32], prefix: &[u32]| {
        model
            .start(&[Request {
                source,
                prefix,
                shared: 0,
                allowed: tlumach::token::TokenClasses::ALL,
                constraints: &[],
            }])
            .map(|_| ())
    };
    assert!(matches!(start(&[1; 41], &prefix), Err(ModelError::TooLong { what: "source", limit: 40, got: 41 })));
    assert!(matches!(start(&[96], &prefix), Err(ModelError::TokenOutOfRange { vocab: 96, got: 96 })));
    assert!(start(&[], &prefix).is_err());
    assert!(start(&[1], &[]).is_err());
    let mut state = model
        .start(&[Request {
            source: &[1, 0],
            prefix: &prefix,
            shared: 0,
            allowed: tlumach::token::TokenClasses::ALL,
            constraints: &[],
        }])
        .unwrap();
    assert!(model.step(&[1, 2], &mut *state, &all(&model)).is_err());
    assert!(model.step(&[96], &mut *state, &all(&model)).is_err());
    for _ in 0..40 {
        model.step(&[1], &mut *state, &all(&model)).unwrap();
    }
    assert!(matches!(model.step(&[1], &mut *state, &all(&model)), Err(ModelError::TooLong { what: "answer", .. })));
}

#[test]
fn weights_of_another_config_are_named() {
    let mut files = files(TINY[0]);
    files.config = folder(TINY[2]).join("config.json");
    let message = load(&files, &options()).unwrap_err().to_string();
    assert!(message.contains("model.shared.weight (expected [96, 48], got [96, 32])"), "{message}");
    files.config = folder(TINY[3]).join("config.json");
    files.generation_config = Some(folder(TINY[3]).join("generation_config.json"));
    let message = load(&files, &options()).unwrap_err().to_string();
    assert!(message.contains("pytorch_model.bin; wrong shape: model.encoder.embed_tokens.weight"), "{message}");
}

#[test]
fn a_missing_shard_is_named_by_its_tensors() {
    let mut files = files(TINY[3]);
    files.weights.truncate(1);
    let message = load(&files, &options()).unwrap_err().to_string();
    assert!(message.contains("missing: model.") && message.contains(" more"), "{message}");
}

/// The first step, half of the rows: networks of random weights with sharp attention make much of a little noise, and from
/// one step to the next more. What rounding does to real networks is in `tests/models/marian.rs`.
#[test]
fn eight_bits_stay_close_to_thirty_two() {
    for name in TINY {
        let (float, int8) = (tiny(name), tiny_int8(name));
        let prefix = [float.generation_defaults().decoder_start];
        let sources: Vec<Vec<u32>> = golden(name).1.into_iter().map(|case| case.source).collect();
        let batch = requests(&sources, &prefix);
        let pairs = forced(&float, &batch).remove(0).into_iter().zip(forced(&int8, &batch).remove(0));
        let mut errors: Vec<f32> = pairs
            .map(|(float, int8)| {
                let (float, int8) = (logits(&float), logits(&int8));
                let mean = float.iter().sum::<f32>() / float.len() as f32;
                let error: f32 = float.iter().zip(&int8).map(|(a, b)| (a - b).powi(2)).sum();
                (error / float.iter().map(|a| (a - mean).powi(2)).sum::<f32>()).sqrt()
            })
            .collect();
        errors.sort_by(f32::total_cmp);
        let median = errors[errors.len() / 2];
        assert!(median > 0.0 && median < 0.1, "{name}: relative errors {errors:?}");
    }
}

#[test]
fn threads_make_no_difference_in_eight_bits() {
    let model = tiny_int8(TINY[3]);
    let prefix = [model.generation_defaults().decoder_start];
    let sources: Vec<Vec<u32>> = golden(TINY[3]).1.into_iter().map(|case| case.source).collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| forced(&model, &requests(&sources, &prefix)))
    };
    assert_eq!(run(1), run(3));
}

/// A copy of a tiny checkpoint in a folder of its own.
fn copied(name: &str) -> (tempfile::TempDir, Files) {
    let place = tempfile::tempdir().unwrap();
    let copy = |path: &PathBuf| {
        let to = place.path().join(path.file_name().unwrap());
        std::fs::copy(path, &to).unwrap();
        to
    };
    let files = files(name);
    let copies = Files {
        config: copy(&files.config),
        generation_config: files.generation_config.as_ref().map(copy),
        weights: files.weights.iter().map(copy).collect(),
    };
    (place, copies)
}

#[test]
fn a_quantized_model_is_kept_and_taken_again() {
    let kept = LoadOptions { precision: Precision::Int8, keep: Keep::BesideWeights, ..options() };
    for name in TINY {
        let (place, files) = copied(name);
        let first = load(&files, &kept).unwrap();
        let image = files.weights[0].with_extension("tlumach-int8");
        let written = std::fs::metadata(&image).unwrap().modified().unwrap();
        let second = load(&files, &kept).unwrap();
        assert_eq!(std::fs::metadata(&image).unwrap().modified().unwrap(), written, "{name}");
        let prefix = [first.generation_defaults().decoder_start];
        let sources: Vec<Vec<u32>> = golden(name).1.into_iter().map(|case| case.source).collect();
        let batch = requests(&sources, &prefix);
        let expected = forced(&tiny_int8(name), &batch);
        assert_eq!(forced(&first, &batch), expected, "{name}");
        assert_eq!(forced(&second, &batch), expected, "{name}");
        // Damaged, it is made again.
        let mut bytes = std::fs::read(&image).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&image, &bytes).unwrap();
        assert_eq!(forced(&load(&files, &kept).unwrap(), &batch), expected, "{name}");
        bytes[middle] ^= 1;
        assert_eq!(std::fs::read(&image).unwrap().len(), bytes.len());
        drop(place);
    }
}

#[test]
fn a_quantized_model_of_other_weights_is_not_taken() {
    let kept = LoadOptions { precision: Precision::Int8, keep: Keep::BesideWeights, ..options() };
    let (_place, mut files) = copied(TINY[0]);
    load(&files, &kept).unwrap();
    files.config = folder(TINY[2]).join("config.json");
    let message = load(&files, &kept).unwrap_err().to_string();
    assert!(message.contains("model.shared.weight (expected [96, 48], got [96, 32])"), "{message}");
}
