//! `SmolLM2` and Gemma 3 on real weights: next tokens and ids of lines against llama.cpp, and batches against single runs.
//!
//! `TLUMACH_TEST_WEIGHTS` names the folder with `smollm2-135m.gguf` and `gemma-3-270m.gguf`.

// The figures are what the tests are for.
#![allow(clippy::print_stderr)]

use std::path::{Path, PathBuf};

use candle_core::Device;
use tlumach::model::decoder_only::DecoderOnly;
use tlumach::model::{Ask, LoadOptions, Model, Precision, Request, gemma, gguf, llama};
use tlumach::token::{TokenClasses, TokenId};
use tlumach::tokenize::chat::ChatTokenizer;

fn weights(name: &str) -> PathBuf {
    #[allow(clippy::disallowed_methods)]
    let folder = std::env::var_os("TLUMACH_TEST_WEIGHTS")
        .expect("TLUMACH_TEST_WEIGHTS has to name the folder with the weights; `make test-models` sets it");
    PathBuf::from(folder).join(format!("{name}.gguf"))
}

fn load(name: &str, precision: Precision) -> DecoderOnly {
    let file = gguf::open(&weights(name)).unwrap();
    let blueprint = match file.architecture().unwrap() {
        "gemma2" | "gemma3" => gemma::blueprint(&file),
        _ => llama::blueprint(&file),
    };
    let options = LoadOptions { device: Device::Cpu, precision, keep: tlumach::model::Keep::Nowhere };
    DecoderOnly::load(file.tensors(), blueprint.unwrap(), &options).unwrap()
}

#[derive(serde::Deserialize)]
struct Case {
    prompt: Vec<TokenId>,
    llama: Vec<(TokenId, f64)>,
    transformers: Vec<(TokenId, f64)>,
}

#[derive(serde::Deserialize)]
struct Line {
    text: String,
    ids: Vec<TokenId>,
}

#[derive(serde::Deserialize)]
struct Golden {
    cases: Vec<Case>,
    lines: Vec<Line>,
}

fn golden(name: &str) -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/causal").join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn request(prefix: &[TokenId]) -> Request<'_> {
    Request { source: &[], prefix, shared: 0, allowed: TokenClasses::ALL, constraints: &[] }
}

/// How two sets of distributions agree.
struct Agreement {
    /// Share of equal best tokens, over all prompts and where the reference's best leads by [`TIE`] nats.
    top: f64,
    clear: f64,
    /// Mean KL(reference ‖ ours) over the recorded tokens and the rest of each distribution as one more event.
    divergence: f64,
}

/// A lead below which the rounding of either engine decides: exact numbers differ from llama.cpp's as much as ours do.
const TIE: f64 = 0.3;

fn agreement(name: &str, precision: Precision, reference: fn(&Case) -> &[(TokenId, f64)]) -> Agreement {
    let (model, cases) = (load(name, precision), golden(name).cases);
    let ask = Ask { k: model.spec().vocab, allowed: None, adjust: &[], log_sum_exp: true, also: &[] };
    let (mut same, mut clear, mut clear_same, mut divergence) = (0.0, 0.0, 0.0, 0.0);
    for case in &cases {
        let expected = reference(case);
        let mut state = model.start(&[request(&case.prompt)]).unwrap();
        let got = model.step(&case.prompt[case.prompt.len() - 1..], state.as_mut(), &ask).unwrap().remove(0);
        let agrees = f64::from(u8::from(got.best[0].0 == expected[0].0));
        let leads = f64::from(u8::from(expected[0].1 - expected[1].1 >= TIE));
        same += agrees;
        clear += leads;
        clear_same += agrees * leads;
        let (mut rest_p, mut rest_q) = (1.0, 1.0);
        for &(id, p) in expected {
            let logit = got.best.iter().find(|(other, _)| *other == id).unwrap().1;
            let q = f64::from(logit) - f64::from(got.log_sum_exp);
            divergence += p.exp() * (p - q);
            rest_p -= p.exp();
            rest_q -= q.exp();
        }
        let (rest_p, rest_q) = (f64::max(rest_p, 1e-9), f64::max(rest_q, 1e-9));
        divergence += rest_p * (rest_p / rest_q).ln();
    }
    let count = cases.len() as f64;
    let found = Agreement { top: same / count, clear: clear_same / clear, divergence: divergence / count };
    eprintln!(
        "{name} {precision:?} on {count} prompts: top-1 {:.3} ({:.3} of {clear} without near ties), KL {:.5}",
        found.top, found.clear, found.divergence
    );
    found
}

/// Exact numbers against transformers on the same weights; products in low bits against llama.cpp, which rounds too.
fn check_agreement(name: &str) {
    let exact = agreement(name, Precision::F32, |case| &case.transformers);
    assert!(exact.top >= 0.97 && exact.divergence < 1e-4);
    let rounded = agreement(name, Precision::Auto, |case| &case.llama);
    assert!(rounded.top >= 0.85 && rounded.clear >= 0.97 && rounded.divergence < 0.02);
}

#[test]
fn smollm2_agrees_with_transformers_and_llama_cpp() {
    check_agreement("smollm2-135m");
}

#[test]
fn gemma_agrees_with_transformers_and_llama_cpp() {
    check_agreement("gemma-3-270m");
}

fn check_lines(name: &str) {
    let file = gguf::open(&weights(name)).unwrap();
    let tokenizer = ChatTokenizer::from_metadata(&file.path, &file.metadata).unwrap();
    // llama.cpp takes the mark of a space and `<s>` in a text for something else than SentencePiece does, which is followed here;
    // control characters that the vocabulary lacks are left out here.
    let differs = |line: &Line| {
        line.text.contains('\u{2581}')
            || line.text.contains("<s>")
            || line.text.contains(|c: char| c < ' ' && c != '\n' && c != '\t' && c != '\r')
    };
    let (mut wrong, mut lines) = (0, golden(name).lines);
    lines.retain(|line| !differs(line));
    for line in &lines {
        let ids = tokenizer.tokenizer().encode_text(&line.text).unwrap();
        if ids != line.ids {
            wrong += 1;
            eprintln!("{name}: {:?}\n  got      {ids:?}\n  expected {:?}", line.text, line.ids);
        }
    }
    eprintln!("{name}: {wrong} of {} lines differ", lines.len());
    assert_eq!(wrong, 0);
}

#[test]
fn the_ids_of_lines_are_those_of_llama_cpp_for_smollm2() {
    check_lines("smollm2-135m");
}

#[test]
fn the_ids_of_lines_are_those_of_llama_cpp_for_gemma() {
    check_lines("gemma-3-270m");
}

fn greedy(model: &DecoderOnly, prompts: &[&[TokenId]], count: usize) -> Vec<Vec<TokenId>> {
    let requests: Vec<_> = prompts.iter().map(|prompt| request(prompt)).collect();
    let mut state = model.start(&requests).unwrap();
    let mut last: Vec<TokenId> = prompts.iter().map(|prompt| *prompt.last().unwrap()).collect();
    let mut answers = vec![Vec::new(); prompts.len()];
    let ask = Ask { k: 1, allowed: None, adjust: &[], log_sum_exp: false, also: &[] };
    for _ in 0..count {
        for (row, got) in model.step(&last, state.as_mut(), &ask).unwrap().iter().enumerate() {
            last[row] = got.best[0].0;
            answers[row].push(last[row]);
        }
    }
    answers
}

#[test]
fn sixteen_unequal_prompts_equal_sixteen_single_runs() {
    for name in ["smollm2-135m", "gemma-3-270m"] {
        let (model, cases) = (load(name, Precision::Auto), golden(name).cases);
        let prompts: Vec<&[TokenId]> = cases.iter().step_by(3).take(16).map(|case| &case.prompt[..]).collect();
        for (prompt, batched) in prompts.iter().zip(greedy(&model, &prompts, 8)) {
            assert_eq!(greedy(&model, &[prompt], 8)[0], batched, "{name}, a prompt of {} tokens", prompt.len());
        }
    }
}

/// A base model has no chat template.
#[test]
fn a_base_model_loads_and_says_why_it_cannot_be_asked() {
    use tlumach::language::Language;
    use tlumach::token::Task;
    use tlumach::tokenize::Tokenizer as _;
    let file = gguf::open(&weights("gemma-3-270m")).unwrap();
    let tokenizer = ChatTokenizer::from_metadata(&file.path, &file.metadata).unwrap();
    let task = Task::Translate { from: Language::EN, to: Language::UK };
    let error = tokenizer.encode("A text.", &task).unwrap_err().to_string();
    assert!(error.contains("base model"), "{error}");
}
