//! Damaged files of causal models: GGUF with its metadata and tokenizer, safetensors, `config.json` and `tokenizer.json`.

use crate::harness::{Harness, Input};
use crate::mutate;
use std::path::{Path, PathBuf};
use tlumach::decode::{SearchOptions, search};
use tlumach::language::Language;
use tlumach::model::causal_config::CausalConfig;
use tlumach::model::decoder_only::{Blueprint, DecoderOnly};
use tlumach::model::{
    Ask, Keep, LoadOptions, Model, ModelError, Precision, Request, gemma, gguf, hunyuan, llama, qwen, safetensors_map,
};
use tlumach::token::{Task, TokenClasses};
use tlumach::tokenize::Tokenizer;
use tlumach::tokenize::chat::ChatTokenizer;
use tlumach::tokenize::json;

const FOLDERS: [&str; 7] = ["llama-tied", "llama-scaled", "qwen3", "gemma3", "hunyuan", "gemma2", "llama-yarn"];

fn tiny(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tiny/causal").join(name)
}

fn options(precision: Precision) -> LoadOptions {
    LoadOptions { device: candle_core::Device::Cpu, precision, keep: Keep::Nowhere }
}

/// A prompt, a few steps and a search; whether all of them worked. Numbers of a damaged file may be none.
fn uses(model: &DecoderOnly) -> bool {
    let prompts = [vec![5, 17, 33, 9, 120], vec![1], vec![149, 1, 0, 7, 7, 7, 7, 7, 7]];
    let request = |prefix| Request { source: &[], prefix, shared: 0, allowed: TokenClasses::ALL, constraints: &[] };
    let requests: Vec<Request<'_>> = prompts.iter().map(|prompt| request(&prompt[..])).collect();
    let Ok(mut state) = model.start(&requests) else { return false };
    let ask = Ask { k: 4, allowed: None, adjust: &[], log_sum_exp: true, also: &[] };
    let Ok(answers) = model.step(&[120, 1, 7], &mut *state, &ask) else { return false };
    for answer in &answers {
        assert!(answer.best.iter().all(|(token, logit)| !logit.is_nan() && (*token as usize) < model.spec().vocab));
    }
    let options = SearchOptions { max_new_tokens: 3, ..SearchOptions::default() };
    search(model, &requests, &options).is_ok_and(|answers| answers.iter().all(Result::is_ok))
}

fn of_file(file: &gguf::GgufFile) -> Result<Blueprint, ModelError> {
    match file.architecture()? {
        "llama" => llama::blueprint(file),
        "gemma2" | "gemma3" => gemma::blueprint(file),
        "hunyuan-dense" => hunyuan::blueprint(file),
        _ => qwen::blueprint(file),
    }
}

fn of_config(config: &CausalConfig) -> Result<Blueprint, ModelError> {
    match config.model_type() {
        Some("llama") => llama::from_config(config),
        Some("gemma2" | "gemma3_text") => gemma::from_config(config),
        Some("hunyuan_v1_dense") => hunyuan::from_config(config),
        _ => qwen::from_config(config),
    }
}

#[test]
fn gguf_files() {
    let place = tempfile::tempdir().unwrap();
    let seeds: Vec<Vec<u8>> =
        FOLDERS.iter().map(|name| std::fs::read(tiny(name).join("model.gguf")).unwrap()).collect();
    let mut harness = Harness::new("gguf", 300);
    while harness.goes_on() {
        let mut random = harness.random();
        let mut bytes = seeds[random.below(seeds.len())].clone();
        let length = bytes.len();
        mutate::bytes(&mut bytes, &[0..600, 0..1200, 4000..8000, 0..length], &mut random);
        // A file that is mapped may not change under the map: each has a name of its own.
        let file = tempfile::Builder::new().suffix(".gguf").tempfile_in(place.path()).unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        harness.run(&Input { bytes: &bytes, honest: bytes.len() }, || {
            let Ok(open) = gguf::open(file.path()) else { return false };
            let _ = ChatTokenizer::from_metadata(&open.path, &open.metadata);
            let Ok(blueprint) = of_file(&open) else { return false };
            let load = |precision| DecoderOnly::load(open.tensors(), blueprint.clone(), &options(precision));
            load(Precision::Auto).is_ok_and(|model| uses(&model))
                && load(Precision::Int8).is_ok_and(|model| uses(&model))
        });
    }
    harness.finish();
}

#[test]
fn safetensors_folders() {
    let place = tempfile::tempdir().unwrap();
    let names = ["llama-tied", "qwen2-windows", "qwen3", "gemma3", "hunyuan", "gemma2", "qwen3-yarn"];
    let mut harness = Harness::new("safetensors", 300);
    while harness.goes_on() {
        let mut random = harness.random();
        let name = *random.pick(&names);
        let mut bytes = std::fs::read(tiny(name).join("model.safetensors")).unwrap();
        let mut config = std::fs::read(tiny(name).join("config.json")).unwrap();
        let length = bytes.len();
        if random.chance(1, 2) {
            mutate::bytes(&mut bytes, &[0..8, 8..2500, 0..length], &mut random);
        } else {
            let whole = 0..config.len();
            mutate::bytes(&mut config, &[whole], &mut random);
        }
        let file = tempfile::Builder::new().suffix(".safetensors").tempfile_in(place.path()).unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let settings = place.path().join("config.json");
        std::fs::write(&settings, &config).unwrap();
        harness.run(&Input { bytes: &bytes, honest: bytes.len() }, || {
            let Ok(config) = CausalConfig::open(&settings, None) else { return false };
            let Ok(blueprint) = of_config(&config) else { return false };
            let Ok(tensors) = safetensors_map::open(&[file.path().to_owned()]) else { return false };
            let model = DecoderOnly::load(&tensors, blueprint, &options(Precision::Auto));
            model.is_ok_and(|model| uses(&model))
        });
    }
    harness.finish();
}

#[test]
fn tokenizer_json_files() {
    let place = tempfile::tempdir().unwrap();
    let seed = std::fs::read(tiny("qwen3").join("tokenizer.json")).unwrap();
    let path = place.path().join("tokenizer.json");
    let files = json::Files {
        tokenizer: path.clone(),
        settings: Some(tiny("qwen3").join("tokenizer_config.json")),
        template: None,
    };
    let task = Task::Translate { from: Language::EN, to: Language::UK };
    let mut harness = Harness::new("tokenizer-json", 500);
    while harness.goes_on() {
        let mut random = harness.random();
        let mut bytes = seed.clone();
        let length = bytes.len();
        mutate::bytes(&mut bytes, &[0..1500, 0..length], &mut random);
        std::fs::write(&path, &bytes).unwrap();
        harness.run(&Input { bytes: &bytes, honest: bytes.len() }, || {
            let Ok(chat) = ChatTokenizer::open(&files) else { return false };
            chat.token_classes();
            let Ok(prompt) = chat.encode("The ferry — паром <|im_end|> \u{0}", &task) else { return false };
            chat.decode(&prompt.prefix);
            chat.decode(&[0, 7, 149, u32::MAX]);
            true
        });
    }
    harness.finish();
}
