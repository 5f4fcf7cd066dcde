//! BART, mBART, PEGASUS, M2M100, NLLB, SMaLL-100, T5, mT5 and UMT5 against transformers, on small random checkpoints.
//!
//! `tools/reference/seq2seq_tiny.py` wrote the checkpoints (`tests/tiny/seq2seq`) and what transformers answers on them
//! (`tests/golden/seq2seq`); `tools/reference/t5_gguf.py` made GGUF files of those of T5, and one with few bits. In f32 the encoder's output agrees within 1e-4, logits within 1e-3, ids exactly.

use std::path::PathBuf;

use candle_core::Device;
use tlumach::decode::{SearchOptions, search};
use tlumach::model::checkpoint::{Files, GenerationDefaults};
use tlumach::model::encoder_decoder::{Description, EncoderDecoder};
use tlumach::model::{
    Ask, Candidates, Keep, LoadOptions, Model, ModelError, Precision, Request, bart, gguf, m2m100, t5,
};
use tlumach::token::TokenClasses;

const TINY: [&str; 16] = [
    "bart",
    "bart-uneven",
    "mbart",
    "pegasus",
    "m2m100",
    "nllb",
    "small100",
    "t5",
    "t5-gated",
    "mt5",
    "umt5",
    "t5.gguf",
    "t5-gated.gguf",
    "mt5.gguf",
    "umt5.gguf",
    "t5-quantized.gguf",
];

#[derive(serde::Deserialize)]
struct Case {
    source: Vec<u32>,
    greedy: Vec<u32>,
    beam4: Vec<u32>,
    beam4_score: f32,
    /// Positions of the source and the encoder's output there.
    #[serde(default)]
    encoder: Vec<(usize, Vec<f32>)>,
    /// Steps of the greedy answer and the logits there.
    #[serde(default)]
    logits: Vec<(usize, Vec<f32>)>,
}

#[derive(serde::Deserialize)]
struct Golden {
    files: Vec<String>,
    cases: Vec<Case>,
}

fn golden(name: &str) -> Golden {
    let name = name.strip_suffix(".gguf").unwrap_or(name);
    let path = format!("{}/tests/golden/seq2seq/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tiny/seq2seq").join(name)
}

fn gguf_path(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tiny/t5-gguf");
    name.strip_suffix(".gguf").map(|_| folder.join(name))
}

fn weights(name: &str) -> Vec<PathBuf> {
    gguf_path(name).map_or_else(|| files(name).weights, |path| vec![path])
}

fn files(name: &str) -> Files {
    let folder = folder(name);
    Files {
        config: folder.join("config.json"),
        generation_config: Some(folder.join("generation_config.json")),
        weights: golden(name).files.iter().map(|file| folder.join(file)).collect(),
    }
}

fn describe(name: &str) -> Description {
    if let Some(path) = gguf_path(name) {
        let mut description = t5::describe_gguf(&gguf::open(&path).unwrap()).unwrap();
        // What generation_config.json says of the same networks elsewhere.
        description.defaults.min_length = 74;
        description.spec.max_target_tokens = 90;
        return description;
    }
    let files = files(name);
    let config: serde_json::Value = serde_json::from_slice(&std::fs::read(&files.config).unwrap()).unwrap();
    match config["model_type"].as_str().unwrap() {
        "bart" | "mbart" | "pegasus" => bart::describe(&files),
        "m2m_100" => m2m100::describe(&files),
        _ => t5::describe(&files),
    }
    .unwrap()
}

fn options(precision: Precision) -> LoadOptions {
    LoadOptions { device: Device::Cpu, precision, keep: Keep::Nowhere }
}

fn tiny(name: &str, precision: Precision) -> EncoderDecoder {
    EncoderDecoder::open(&weights(name), describe(name), (&options(precision), &[])).unwrap()
}

fn plain(name: &str) -> EncoderDecoder {
    EncoderDecoder::open_plain(&weights(name), describe(name), &options(Precision::F32)).unwrap()
}

/// The start token and what is forced behind it.
fn prefix(defaults: &GenerationDefaults) -> Vec<u32> {
    std::iter::once(defaults.decoder_start).chain(defaults.forced_bos).collect()
}

fn request<'a>(source: &'a [u32], prefix: &'a [u32]) -> Request<'a> {
    Request { source, prefix, shared: 0, allowed: TokenClasses::ALL, constraints: &[] }
}

/// Everything about the next tokens.
fn all(model: &EncoderDecoder) -> Ask<'static> {
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

#[test]
fn the_encoder_and_the_logits_are_those_of_transformers() {
    for name in TINY {
        for model in [tiny(name, Precision::F32), plain(name)] {
            let width = describe(name).architecture.width;
            for case in golden(name).cases.iter().filter(|case| !case.encoder.is_empty()) {
                let encoded = model.encoded(&case.source).unwrap();
                assert_eq!(encoded.len(), case.source.len() * width);
                for (row, expected) in &case.encoder {
                    check_close(&encoded[row * width..(row + 1) * width], expected, 1e-4, name);
                }
                // The greedy answer is fed token by token, whatever the network would have said.
                let mut state = model.start(&[request(&case.source, &case.greedy[..1])]).unwrap();
                for (step, &token) in case.greedy[..case.greedy.len() - 1].iter().enumerate() {
                    let answer = model.step(&[token], &mut *state, &all(&model)).unwrap();
                    if let Some((_, expected)) = case.logits.iter().find(|(at, _)| *at == step) {
                        check_close(&logits(&answer[0]), expected, 1e-3, &format!("{name}, step {step}"));
                    }
                }
            }
        }
    }
}

/// Without start token, forced tokens and end token.
fn answer<'a>(ids: &'a [u32], before: usize, eos: &[u32]) -> &'a [u32] {
    let ids = &ids[before..];
    match ids.split_last() {
        Some((last, before)) if eos.contains(last) => before,
        _ => ids,
    }
}

fn search_options(defaults: &GenerationDefaults, beams: usize) -> SearchOptions {
    SearchOptions {
        beams,
        length_penalty: defaults.length_penalty,
        max_new_tokens: usize::MAX,
        min_length: defaults.min_length,
        early_stopping: defaults.early_stopping,
        no_repeat_ngram: defaults.no_repeat_ngram_size,
        loop_stop: None,
        ..SearchOptions::default()
    }
}

/// All sources in one ragged batch, in another order, and each alone.
fn check_search(beams: usize, expected: fn(&Case) -> (&[u32], Option<f32>)) {
    for name in TINY {
        let model = tiny(name, Precision::F32);
        let defaults = describe(name).defaults;
        let prefix = prefix(&defaults);
        let golden = golden(name);
        assert_eq!(golden.cases.len(), 20);
        let options = search_options(&defaults, beams);
        let in_order: Vec<usize> = (0..golden.cases.len()).collect();
        let other: Vec<usize> = in_order.iter().map(|at| (at * 7 + 3) % golden.cases.len()).collect();
        let mut batches = vec![in_order.clone(), other];
        batches.extend(in_order.into_iter().map(|at| vec![at]));
        for batch in batches {
            let requests: Vec<Request<'_>> =
                batch.iter().map(|&at| request(&golden.cases[at].source, &prefix)).collect();
            for (&at, got) in batch.iter().zip(search(&model, &requests, &options).unwrap()) {
                let (got, case) = (got.unwrap(), &golden.cases[at]);
                let (ids, score) = expected(case);
                assert_eq!(got.ids, answer(ids, prefix.len(), &model.spec().eos), "{name} on {:?}", case.source);
                if let Some(score) = score {
                    let difference = (got.score - score).abs();
                    assert!(difference < 1e-3, "{name} on {:?}: {}, expected {score}", case.source, got.score);
                }
            }
        }
    }
}

#[test]
fn greedy_answers_are_those_of_transformers_in_any_batch() {
    check_search(1, |case| (&case.greedy, None));
}

#[test]
fn beam_answers_are_those_of_transformers_in_any_batch() {
    check_search(4, |case| (&case.beam4, Some(case.beam4_score)));
}

/// Distances beyond the last bucket of single positions, in both directions: the rule of the buckets shows.
#[test]
fn answers_of_t5_are_longer_than_64_tokens() {
    for name in ["t5", "t5-gated", "mt5", "umt5", "t5-quantized"] {
        assert!(golden(name).cases.iter().all(|case| case.greedy.len() > 64 && case.beam4.len() > 64), "{name}");
    }
}

/// Teacher-forced over several steps, with reordered and repeated rows.
#[test]
fn the_packed_network_computes_what_the_plain_one_does() {
    for name in TINY {
        let (packed, plain) = (tiny(name, Precision::F32), plain(name));
        let prefix = prefix(&describe(name).defaults);
        let golden = golden(name);
        let requests: Vec<Request<'_>> = golden.cases[..6].iter().map(|case| request(&case.source, &prefix)).collect();
        let mut states = [&packed, &plain].map(|model| model.start(&requests).unwrap());
        let mut last: Vec<u32> = vec![3; requests.len()];
        for step in 0..24 {
            let ask = all(&packed);
            let fast = packed.step(&last, &mut *states[0], &ask).unwrap();
            let slow = plain.step(&last, &mut *states[1], &ask).unwrap();
            for (fast, slow) in fast.iter().zip(&slow) {
                check_close(&logits(fast), &logits(slow), 1e-3, name);
            }
            let rows = last.len();
            let order: Vec<usize> = (0..rows).map(|row| (row * 5 + step) % rows).chain([step % rows]).take(8).collect();
            for state in &mut states {
                state.select(&order).unwrap();
            }
            last = order.iter().map(|&row| fast[row].best[row % 3].0).collect();
        }
    }
}

fn forced(model: &EncoderDecoder, batch: &[Request<'_>]) -> Vec<Vec<Candidates>> {
    let mut state = model.start(batch).unwrap();
    let mut last: Vec<u32> = batch.iter().map(|request| request.prefix[request.prefix.len() - 1]).collect();
    (0..20)
        .map(|step| {
            let answers = model.step(&last, &mut *state, &all(model)).unwrap();
            last.fill(step * 3 % 60 + 4);
            answers
        })
        .collect()
}

/// Bit for bit, in every precision: ids could only differ if these did. And with any number of threads.
#[test]
fn a_row_depends_on_neither_its_batch_nor_threads() {
    for name in TINY {
        for precision in [Precision::F32, Precision::Int8, Precision::W8A16] {
            let model = tiny(name, precision);
            let prefix = prefix(&describe(name).defaults);
            let golden = golden(name);
            let requests: Vec<Request<'_>> =
                golden.cases[..6].iter().map(|case| request(&case.source, &prefix)).collect();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
            let together = pool.install(|| forced(&model, &requests));
            for row in 0..requests.len() {
                for (step, answers) in forced(&model, &requests[row..=row]).iter().enumerate() {
                    assert_eq!(answers[0], together[step][row], "{name}, row {row}, step {step}");
                }
            }
        }
    }
}

/// The relative error of the logits of the first step, the median over the sources: networks of random weights with sharp
/// attention make much of a little noise, and from one step to the next more.
#[test]
fn eight_bits_stay_close_to_thirty_two() {
    for name in TINY {
        let float = tiny(name, Precision::F32);
        let prefix = prefix(&describe(name).defaults);
        let golden = golden(name);
        let requests: Vec<Request<'_>> = golden.cases.iter().map(|case| request(&case.source, &prefix)).collect();
        let expected = forced(&float, &requests).remove(0);
        let mut medians = Vec::new();
        for precision in [Precision::Int8, Precision::W8A16] {
            let pairs = expected.iter().zip(forced(&tiny(name, precision), &requests).remove(0));
            let mut errors: Vec<f32> = pairs
                .map(|(float, int8)| {
                    let (float, int8) = (logits(float), logits(&int8));
                    let mean = float.iter().sum::<f32>() / float.len() as f32;
                    let error: f32 = float.iter().zip(&int8).map(|(a, b)| (a - b).powi(2)).sum();
                    (error / float.iter().map(|a| (a - mean).powi(2)).sum::<f32>()).sqrt()
                })
                .collect();
            errors.sort_by(f32::total_cmp);
            medians.push(errors[errors.len() / 2]);
        }
        let [eight, sixteen] = medians[..] else { panic!("two precisions") };
        assert!(eight > 0.0 && eight < 0.15, "{name}: {eight}");
        assert!(sixteen > 0.0 && sixteen < 0.1, "{name}: {sixteen}");
    }
}

/// `auto` is 8 bits on the CPU, with activations of 16 bits for T5; what was quantized is kept beside the weights.
#[test]
fn a_quantized_model_is_kept_and_taken_again() {
    for name in TINY {
        let place = tempfile::tempdir().unwrap();
        let copy = |path: &PathBuf| {
            let to = place.path().join(path.file_name().unwrap());
            std::fs::copy(path, &to).unwrap();
            to
        };
        let weights: Vec<PathBuf> = weights(name).iter().map(copy).collect();
        let kept = LoadOptions { keep: Keep::BesideWeights, ..options(Precision::Auto) };
        let open = || EncoderDecoder::open(&weights, describe(name), (&kept, &[])).unwrap();
        let first = open();
        let image = weights[0].with_extension("tlumach-int8");
        let written = std::fs::metadata(&image).unwrap().modified().unwrap();
        let second = open();
        assert_eq!(std::fs::metadata(&image).unwrap().modified().unwrap(), written, "{name}");
        let prefix = prefix(&describe(name).defaults);
        let source = &golden(name).cases[4].source;
        let is_t5 = name.contains("t5");
        let precision = if is_t5 { Precision::W8A16 } else { Precision::Int8 };
        let expected = forced(&tiny(name, precision), &[request(source, &prefix)]);
        assert_eq!(forced(&first, &[request(source, &prefix)]), expected, "{name}");
        assert_eq!(forced(&second, &[request(source, &prefix)]), expected, "{name}");
    }
}

#[test]
fn weights_of_another_config_are_named() {
    let open = |config: &str, weights: &str| {
        EncoderDecoder::open(&files(weights).weights, describe(config), (&options(Precision::F32), &[])).unwrap_err()
    };
    let message = open("nllb", "m2m100").to_string();
    assert!(message.contains("model.shared.weight (expected [96, 40], got [96, 32])"), "{message}");
    let message = open("umt5", "mt5").to_string();
    assert!(message.contains("wrong shape: ") && message.contains("missing: "), "{message}");
    assert!(matches!(open("t5-gated", "t5"), ModelError::Weights(_)));
    let message = open("m2m100", "bart").to_string();
    assert!(message.contains("model.encoder.layer_norm.weight"), "{message}");
}
