//! The decoder-only family on tiny checkpoints: against transformers, against Candle's own network, and against itself
//! in other batches.

use std::path::PathBuf;

use candle_core::quantized::gguf_file::Value;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use tlumach::model::decoder_only::DecoderOnly;
use tlumach::model::{Adjustment, Ask, Change, LoadOptions, Model, ModelError, Precision, Request, State, gguf, qwen};
use tlumach::token::TokenId;

const PLAIN: Ask<'static> = Ask { k: 10, allowed: None, adjust: &[], log_sum_exp: true, also: &[] };

fn tiny(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tiny").join(name)
}

fn options(precision: Precision) -> LoadOptions {
    LoadOptions { device: Device::Cpu, precision, keep: tlumach::model::Keep::Nowhere }
}

fn load(name: &str, precision: Precision) -> DecoderOnly {
    qwen::load(&tiny(name), &options(precision)).unwrap()
}

fn request(prefix: &[TokenId], shared: usize) -> Request<'_> {
    Request { source: &[], prefix, shared, allowed: tlumach::token::TokenClasses::ALL, constraints: &[] }
}

/// Greedy answers of `count` tokens for each request, all in one batch; with the logits of every step.
fn greedy(model: &DecoderOnly, requests: &[Request<'_>], count: usize) -> Vec<(Vec<TokenId>, Vec<f32>)> {
    let mut state = model.start(requests).unwrap();
    let mut last: Vec<TokenId> = requests.iter().map(|request| *request.prefix.last().unwrap()).collect();
    let mut answers = vec![(Vec::new(), Vec::new()); requests.len()];
    for _ in 0..count {
        let candidates = model.step(&last, state.as_mut(), &PLAIN).unwrap();
        for (row, candidates) in candidates.iter().enumerate() {
            last[row] = candidates.best[0].0;
            answers[row].0.push(last[row]);
            answers[row].1.extend(candidates.best.iter().map(|(_, logit)| logit));
            answers[row].1.push(candidates.log_sum_exp);
        }
    }
    answers
}

fn prompts() -> Vec<Vec<TokenId>> {
    [5usize, 1, 40, 17, 2, 33, 64, 9]
        .iter()
        .map(|&n| (0..n).map(|i| ((i * 37 + n * 11) % 300) as TokenId).collect())
        .collect()
}

#[derive(serde::Deserialize)]
struct Case {
    prompt: Vec<TokenId>,
    best: Vec<(TokenId, f32)>,
    log_sum_exp: f32,
    greedy: Vec<TokenId>,
}

fn golden(name: &str) -> Vec<Case> {
    let text = include_str!("../golden/qwen/tiny.json");
    let mut all: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
    serde_json::from_value(all.remove(name).unwrap()).unwrap()
}

/// The ten best logits of each prompt; and, where the numbers are the reference's, what greedy search answers.
fn check_golden(model: &DecoderOnly, name: &str, tolerance: f32) {
    for case in golden(name) {
        let length = case.prompt.len();
        let mut state = model.start(&[request(&case.prompt, 0)]).unwrap();
        let got = model.step(&case.prompt[length - 1..], state.as_mut(), &PLAIN).unwrap().remove(0);
        assert!((got.log_sum_exp - case.log_sum_exp).abs() < tolerance, "{name} {length}: {}", got.log_sum_exp);
        for (got, expected) in got.best.iter().zip(&case.best) {
            assert!((got.1 - expected.1).abs() < tolerance, "{name}, prompt of {length}: {got:?}, {expected:?}");
        }
        if tolerance > 0.01 {
            continue;
        }
        let answer = greedy(model, &[request(&case.prompt, 0)], case.greedy.len()).remove(0);
        assert_eq!(answer.0, case.greedy, "{name}, prompt of {length}");
    }
}

#[test]
fn logits_equal_transformers_up_to_thousands_of_positions() {
    check_golden(&load("qwen2-f32.gguf", Precision::Auto), "qwen2-f32", 1e-4);
}

#[test]
fn dequantized_weights_equal_transformers() {
    check_golden(&load("qwen2-q8.gguf", Precision::F32), "qwen2-q8", 1e-4);
}

#[test]
fn quantized_products_stay_close_to_transformers() {
    check_golden(&load("qwen2-q8.gguf", Precision::Auto), "qwen2-q8", 0.25);
}

#[test]
fn plain_operations_equal_the_fused_ones() {
    for (name, precision) in [("qwen2-f32.gguf", Precision::Auto), ("qwen2-q8.gguf", Precision::F32)] {
        let (fused, plain) = (load(name, precision), load(name, precision).with_plain_operations());
        let prompts = prompts();
        let requests: Vec<_> = prompts.iter().map(|prompt| request(prompt, prompt.len() / 3)).collect();
        for (fused, plain) in greedy(&fused, &requests, 6).iter().zip(greedy(&plain, &requests, 6)) {
            assert_eq!(fused.0, plain.0);
            for (fused, plain) in fused.1.iter().zip(plain.1) {
                assert!((fused - plain).abs() < 1e-4);
            }
        }
    }
}

/// A checkpoint with random K-quants, as real files mix them.
fn mixed(folder: &tempfile::TempDir) -> PathBuf {
    let (hidden, feed, vocab, layers) = (256usize, 512usize, 8192 + 48, 2usize);
    let mut state = 7u64;
    let mut quantized = |rows: usize, elements: usize, scale: f32, dtype: GgmlDType| {
        let data: Vec<f32> = (0..rows * elements)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 40) as f32 / (1u64 << 24) as f32 * 2.0 - 1.0) * scale
            })
            .collect();
        let shape = if rows == 1 { vec![elements] } else { vec![rows, elements] };
        QTensor::quantize(&Tensor::from_vec(data, shape, &Device::Cpu).unwrap(), dtype).unwrap()
    };
    let mut tensors = vec![
        ("token_embd.weight".to_owned(), quantized(vocab, hidden, 1.0, GgmlDType::Q4K)),
        ("output_norm.weight".to_owned(), quantized(1, hidden, 2.0, GgmlDType::F32)),
        ("output.weight".to_owned(), quantized(vocab, hidden, 0.2, GgmlDType::Q6K)),
    ];
    for layer in 0..layers {
        let value = if layer == 0 { GgmlDType::Q6K } else { GgmlDType::Q4K };
        for (name, rows, elements, scale, dtype) in [
            ("attn_norm.weight", 1, hidden, 2.0, GgmlDType::F32),
            ("attn_q.weight", hidden, hidden, 0.12, GgmlDType::Q4K),
            ("attn_q.bias", 1, hidden, 0.5, GgmlDType::F32),
            ("attn_k.weight", hidden / 2, hidden, 0.12, GgmlDType::Q5_0),
            ("attn_k.bias", 1, hidden / 2, 0.5, GgmlDType::F32),
            ("attn_v.weight", hidden / 2, hidden, 0.12, value),
            ("attn_v.bias", 1, hidden / 2, 0.5, GgmlDType::F32),
            ("attn_output.weight", hidden, hidden, 0.12, GgmlDType::Q8_0),
            ("ffn_norm.weight", 1, hidden, 2.0, GgmlDType::F32),
            ("ffn_gate.weight", feed, hidden, 0.12, GgmlDType::Q4K),
            ("ffn_up.weight", feed, hidden, 0.12, GgmlDType::Q5K),
            ("ffn_down.weight", hidden, feed, 0.12, value),
        ] {
            tensors.push((format!("blk.{layer}.{name}"), quantized(rows, elements, scale, dtype)));
        }
    }
    let metadata = metadata(hidden, feed, layers);
    let path = folder.path().join("mixed.gguf");
    write(&path, &metadata, &tensors);
    path
}

fn metadata(hidden: usize, feed: usize, layers: usize) -> Vec<(String, Value)> {
    [
        ("general.architecture", Value::String("qwen2".into())),
        ("qwen2.block_count", Value::U32(layers as u32)),
        ("qwen2.context_length", Value::U32(256)),
        ("qwen2.embedding_length", Value::U32(hidden as u32)),
        ("qwen2.feed_forward_length", Value::U32(feed as u32)),
        ("qwen2.attention.head_count", Value::U32(4)),
        ("qwen2.attention.head_count_kv", Value::U32(2)),
        ("qwen2.rope.freq_base", Value::F32(1e6)),
        ("qwen2.attention.layer_norm_rms_epsilon", Value::F32(1e-6)),
        ("tokenizer.ggml.eos_token_id", Value::U32(1)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

fn write(path: &std::path::Path, metadata: &[(String, Value)], tensors: &[(String, QTensor)]) {
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let mut file = std::fs::File::create(path).unwrap();
    candle_core::quantized::gguf_file::write(&mut file, &metadata, &tensors).unwrap();
}

fn all() -> (tempfile::TempDir, [DecoderOnly; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let path = mixed(&folder);
    let models = [
        qwen::load(&path, &options(Precision::Auto)).unwrap(),
        load("qwen2-f32.gguf", Precision::Auto),
        load("qwen2-q8.gguf", Precision::Auto),
    ];
    (folder, models)
}

#[test]
fn a_batch_equals_single_runs_bit_for_bit() {
    let (_folder, models) = all();
    for model in &models {
        let prompts = prompts();
        let requests: Vec<_> = prompts.iter().map(|prompt| request(prompt, 0)).collect();
        for (single, batched) in requests.iter().zip(greedy(model, &requests, 8)) {
            assert_eq!(greedy(model, &[*single], 8)[0], batched);
        }
    }
}

#[test]
fn forty_rows_equal_one() {
    // Beyond 32 rows Candle may take another kernel.
    let (_folder, models) = all();
    for model in &models {
        let prompt: Vec<TokenId> = (0..12).map(|i| i * 13 % 300).collect();
        let single = greedy(model, &[request(&prompt, 0)], 3).remove(0);
        for answer in greedy(model, &vec![request(&prompt, 0); 40], 3) {
            assert_eq!(answer, single);
        }
    }
}

#[test]
fn a_shared_beginning_changes_nothing() {
    let (_folder, models) = all();
    for model in &models {
        let beginning: Vec<TokenId> = (0..21).map(|i| i * 5 % 300).collect();
        let prompts: Vec<Vec<TokenId>> =
            prompts().into_iter().map(|prompt| beginning.iter().copied().chain(prompt).collect()).collect();
        let plain: Vec<_> = prompts.iter().map(|prompt| request(prompt, 0)).collect();
        let shared: Vec<_> = prompts.iter().map(|prompt| request(prompt, beginning.len())).collect();
        let expected = greedy(model, &plain, 6);
        assert_eq!(greedy(model, &shared, 6), expected);
        // Once more from the kept beginning, and with all of the prompt shared.
        assert_eq!(greedy(model, &shared, 6), expected);
        let whole = request(&prompts[1], prompts[1].len());
        assert_eq!(greedy(model, &[whole], 6)[0], expected[1]);
    }
}

#[test]
fn a_prefill_in_pieces_equals_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = mixed(&folder);
    let load = || qwen::load(&path, &options(Precision::Auto)).unwrap();
    let prompts = prompts();
    let requests: Vec<_> = prompts.iter().map(|prompt| request(prompt, 0)).collect();
    let whole = greedy(&load().with_prefill_tokens(10_000), &requests, 4);
    for tokens in [1, 7, 50] {
        assert_eq!(greedy(&load().with_prefill_tokens(tokens), &requests, 4), whole);
    }
}

#[test]
fn rows_leave_repeat_and_enter() {
    let (_folder, models) = all();
    for model in &models {
        let prompts = prompts();
        let first: Vec<_> = prompts[..3].iter().map(|prompt| request(prompt, 2)).collect();
        let second: Vec<_> = prompts[3..5].iter().map(|prompt| request(prompt, 0)).collect();
        let answer = |prompt: &[TokenId]| greedy(model, &[request(prompt, 0)], 4).remove(0).0;
        let mut state = model.start(&first).unwrap();
        let mut last: Vec<TokenId> = first.iter().map(|request| *request.prefix.last().unwrap()).collect();
        last = best(model, &last, state.as_mut());
        assert_eq!(last, prompts[..3].iter().map(|prompt| answer(prompt)[0]).collect::<Vec<_>>());
        // Row 1 leaves, row 2 is doubled, two rows enter.
        state.select(&[2, 0, 2]).unwrap();
        state.append(model.start(&second).unwrap()).unwrap();
        assert_eq!(state.rows(), 5);
        last = vec![last[2], last[0], last[2], *prompts[3].last().unwrap(), *prompts[4].last().unwrap()];
        for step in 0..3 {
            last = best(model, &last, state.as_mut());
            let whose = [(2, step + 1), (0, step + 1), (2, step + 1), (3, step), (4, step)];
            assert_eq!(last, whose.map(|(prompt, step)| answer(&prompts[prompt])[step]));
        }
        assert!(state.select(&[9]).is_err());
        let other = load("qwen2-q8.gguf", Precision::Auto);
        assert!(matches!(state.append(other.start(&first).unwrap()), Err(ModelError::State(_))));
        assert!(matches!(other.step(&[1; 5], state.as_mut(), &PLAIN), Err(ModelError::State(_))));
    }
}

fn best(model: &DecoderOnly, last: &[TokenId], state: &mut dyn State) -> Vec<TokenId> {
    model.step(last, state, &PLAIN).unwrap().iter().map(|candidates| candidates.best[0].0).collect()
}

#[test]
fn bans_and_allowed_tokens_act_before_the_best_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let model = qwen::load(&mixed(&folder), &options(Precision::Auto)).unwrap();
    let vocab = model.spec().vocab;
    let prompt = [3, 5, 7];
    let fresh = || model.start(&[request(&prompt, 0), request(&prompt[1..], 0)]).unwrap();
    let all = Ask { k: vocab, allowed: None, adjust: &[], log_sum_exp: true, also: &[] };
    let everything = model.step(&[7, 7], fresh().as_mut(), &all).unwrap();
    assert_eq!(everything[0].best.len(), vocab);
    let (winner, second) = (everything[0].best[0], everything[0].best[1]);
    let adjust = [
        Adjustment { row: Some(0), token: winner.0, change: Change::Add(f32::NEG_INFINITY) },
        Adjustment { row: None, token: 8200, change: Change::Add(100.0) },
    ];
    let asked = Ask { k: 2, allowed: None, adjust: &adjust, log_sum_exp: true, also: &[] };
    let got = model.step(&[7, 7], fresh().as_mut(), &asked).unwrap();
    assert_eq!(got[0].best[0].0, 8200);
    assert_eq!(got[0].best[1], second);
    assert_eq!(got[1].best[1], everything[1].best[0]);
    let allowed = [2, 9, 4000, 8190, 8192, 8239];
    let asked = Ask { k: 3, allowed: Some(&allowed), adjust: &[], log_sum_exp: true, also: &[] };
    let got = model.step(&[7, 7], fresh().as_mut(), &asked).unwrap();
    for (got, everything) in got.iter().zip(&everything) {
        let expected: Vec<_> = everything.best.iter().filter(|(id, _)| allowed.contains(id)).copied().collect();
        assert_eq!(got.best, expected[..3]);
        let sum: f64 = expected.iter().map(|(_, logit)| f64::from(*logit).exp()).sum();
        assert!((f64::from(got.log_sum_exp) - sum.ln()).abs() < 1e-4);
    }
    let outside = [Adjustment { row: None, token: vocab as TokenId, change: Change::Add(1.0) }];
    let asked = Ask { k: 1, allowed: None, adjust: &outside, log_sum_exp: false, also: &[] };
    let error = model.step(&[7, 7], fresh().as_mut(), &asked).unwrap_err();
    assert!(matches!(error, ModelError::TokenOutOfRange { .. }));
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = qwen::load(&mixed(&folder), &options(Precision::Auto)).unwrap();
    let outside = model.spec().vocab as TokenId;
    let long = vec![1; 257];
    assert!(matches!(model.start(&[request(&long, 0)]), Err(ModelError::TooLong { limit: 256, got: 257, .. })));
    assert!(matches!(model.start(&[request(&[], 0)]), Err(ModelError::State(_))));
    assert!(matches!(model.start(&[request(&[1, outside], 0)]), Err(ModelError::TokenOutOfRange { .. })));
    let mut state = model.start(&[request(&long[..256], 0)]).unwrap();
    assert!(model.step(&[1], state.as_mut(), &PLAIN).is_ok());
    assert!(matches!(model.step(&[1], state.as_mut(), &PLAIN), Err(ModelError::TooLong { .. })));
    assert!(matches!(model.step(&[1, 2], state.as_mut(), &PLAIN), Err(ModelError::State(_))));
    let mut empty = model.start(&[]).unwrap();
    assert!(model.step(&[], empty.as_mut(), &PLAIN).unwrap().is_empty());
}

#[test]
fn special_tokens_come_from_the_metadata() {
    let model = load("qwen2-f32.gguf", Precision::Auto);
    assert_eq!(model.spec().eos, [301, 300]);
    assert_eq!(model.spec().suppressed, [302, 310, 311, 312, 313, 314, 315, 316, 317, 318, 319]);
    assert!(!model.spec().has_encoder);
    assert_eq!(model.spec().vocab, 320);
}

fn error_of(path: &std::path::Path) -> String {
    qwen::load(path, &options(Precision::Auto)).unwrap_err().to_string()
}

#[test]
fn damaged_files_are_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(tiny("qwen2-f32.gguf")).unwrap();
    let path = folder.path().join("bad.gguf");
    let check = |bytes: &[u8], expected: &[&str]| {
        std::fs::write(&path, bytes).unwrap();
        let error = error_of(&path);
        for expected in expected.iter().chain(&["bad.gguf"]) {
            assert!(error.contains(expected), "{error}");
        }
    };
    check(&bytes[..bytes.len() - 100], &["cut short", &bytes.len().to_string(), &(bytes.len() - 100).to_string()]);
    check(&bytes[..5000], &["5000 bytes"]);
    check(b"", &["no GGUF file"]);
    check(b"<html>404 not found, but long enough to be a header</html>", &["no GGUF file"]);
    let mut version = bytes.clone();
    version[4] = 9;
    check(&version, &["version", "9"]);
    assert!(error_of(&folder.path().join("absent.gguf")).contains("absent.gguf"));
}

#[test]
fn any_cut_or_flipped_byte_of_the_header_is_an_error_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(tiny("qwen2-q8.gguf")).unwrap();
    let path = folder.path().join("flipped.gguf");
    let header = 9000.min(bytes.len());
    for at in (0..header).step_by(307) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x81;
        std::fs::write(&path, &flipped).unwrap();
        // No panic is all that is asked.
        let _ = qwen::load(&path, &options(Precision::F32));
    }
}

#[test]
fn unsupported_metadata_is_named_with_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("strange.gguf");
    let check = |change: (&str, Option<Value>), expected: &[&str]| {
        let mut metadata = metadata(64, 64, 1);
        metadata.retain(|(key, _)| key != change.0);
        metadata.extend(change.1.map(|value| (change.0.to_owned(), value)));
        write(&path, &metadata, &[]);
        let error = error_of(&path);
        for expected in expected {
            assert!(error.contains(expected), "{error}");
        }
    };
    check(("general.architecture", Some(Value::String("llama".into()))), &["general.architecture", "llama", "qwen2"]);
    check(
        ("qwen2.rope.scaling.type", Some(Value::String("longrope".into()))),
        &["qwen2.rope.scaling.type", "longrope"],
    );
    check(("qwen2.attention.sliding_window", Some(Value::U32(4096))), &["sliding_window", "4096"]);
    check(("qwen2.expert_count", Some(Value::U32(8))), &["expert_count", "8"]);
    check(("split.count", Some(Value::U16(2))), &["split.count", "2", "--merge"]);
    check(("qwen2.block_count", None), &["qwen2.block_count", "missing"]);
    check(("qwen2.block_count", Some(Value::U32(0))), &["layers"]);
    check(("qwen2.attention.head_count", Some(Value::U32(7))), &["qwen2.attention.head_count", "64"]);
    check(("qwen2.attention.head_count_kv", Some(Value::U32(3))), &["heads"]);
    check(("general.alignment", Some(Value::U32(0))), &["general.alignment"]);
    check(("qwen2.attention.sliding_window", Some(Value::U32(0))), &["token_embd.weight", "missing"]);
}

#[test]
fn tensors_that_are_missing_or_misshapen_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("parts.gguf");
    let zeros = |shape: &[usize]| {
        QTensor::quantize(&Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap(), GgmlDType::F32)
            .unwrap()
    };
    write(&path, &metadata(64, 64, 1), &[("token_embd.weight".to_owned(), zeros(&[32, 60]))]);
    let error = error_of(&path);
    assert!(error.contains("token_embd.weight") && error.contains("[32, 64]") && error.contains("[32, 60]"), "{error}");
    let tensors =
        [("token_embd.weight".to_owned(), zeros(&[32, 64])), ("blk.0.attn_norm.weight".to_owned(), zeros(&[64]))];
    write(&path, &metadata(64, 64, 1), &tensors);
    assert!(error_of(&path).contains("blk.0.attn_q.weight: missing"));
}

#[test]
fn a_single_sequence_equals_candles_own_network() {
    use candle_transformers::models::quantized_qwen2::ModelWeights;
    let path = tiny("qwen2-q8.gguf");
    let mut file = std::fs::File::open(&path).unwrap();
    let mut content = candle_core::quantized::gguf_file::Content::read(&mut file).unwrap();
    // Candle's network wants its rotary table in f32, which it takes from no key but its own default.
    content.metadata.entry("qwen2.rope.dimension_count".into()).or_insert(Value::U32(16));
    let oracle = ModelWeights::from_gguf(content, &mut file, &Device::Cpu);
    let Ok(mut oracle) = oracle else { return };
    let model = load("qwen2-q8.gguf", Precision::Auto);
    let prompt: Vec<TokenId> = (0..30).map(|i| i * 29 % 300).collect();
    let logits = oracle.forward(&Tensor::new(&prompt[..], &Device::Cpu).unwrap().unsqueeze(0).unwrap(), 0).unwrap();
    let logits: Vec<f32> = logits.flatten_all().unwrap().to_vec1().unwrap();
    let mut state = model.start(&[request(&prompt, 0)]).unwrap();
    let got = model.step(&prompt[29..], state.as_mut(), &PLAIN).unwrap().remove(0);
    let mut best: Vec<(TokenId, f32)> = logits.iter().copied().enumerate().map(|(id, x)| (id as TokenId, x)).collect();
    best.sort_by(|a, b| b.1.total_cmp(&a.1));
    assert_eq!(got.best[0].0, best[0].0);
    for (got, expected) in got.best.iter().zip(best) {
        // Activations are quantized in other blocks, hence the bound.
        assert!((got.1 - expected.1).abs() < 0.25, "{got:?} {expected:?}");
    }
    assert!(gguf::open(&path).unwrap().has("token_embd.weight"));
}
