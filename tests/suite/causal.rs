//! The causal families on tiny checkpoints in both formats: against transformers in 32 bits, and against themselves in
//! other batches, pieces and orders.

use std::path::{Path, PathBuf};

use candle_core::Device;
use tlumach::decode::{SearchOptions, search};
use tlumach::model::causal_config::CausalConfig;
use tlumach::model::decoder_only::{Blueprint, DecoderOnly, Scaling};
use tlumach::model::{
    Ask, LoadOptions, Model, ModelError, Precision, Request, gemma, gguf, hunyuan, llama, qwen, safetensors_map,
};
use tlumach::token::TokenId;

const GGUF: [&str; 7] = ["llama-tied", "llama-scaled", "qwen3", "gemma3", "hunyuan", "gemma2", "llama-yarn"];
const SAFETENSORS: [&str; 10] = [
    "llama-tied",
    "llama-scaled",
    "qwen2-windows",
    "qwen3",
    "gemma3",
    "hunyuan",
    "gemma2",
    "llama-yarn",
    "qwen2-yarn",
    "qwen3-yarn",
];
/// Logits of the reference in 32 bits differ by the order of its sums.
const TOLERANCE: f32 = 1e-3;

fn tiny(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tiny/causal").join(name)
}

fn options(precision: Precision) -> LoadOptions {
    LoadOptions { device: Device::Cpu, precision, keep: tlumach::model::Keep::Nowhere }
}

fn from_gguf(name: &str, precision: Precision) -> DecoderOnly {
    let file = gguf::open(&tiny(name).join("model.gguf")).unwrap();
    let blueprint = match file.architecture().unwrap() {
        "llama" => llama::blueprint(&file),
        "gemma2" | "gemma3" => gemma::blueprint(&file),
        "hunyuan-dense" => hunyuan::blueprint(&file),
        _ => qwen::blueprint(&file),
    };
    DecoderOnly::load(file.tensors(), blueprint.unwrap(), &options(precision)).unwrap()
}

fn blueprint_of(config: &CausalConfig) -> Result<Blueprint, ModelError> {
    match config.model_type() {
        Some("llama") => llama::from_config(config),
        Some("gemma2" | "gemma3_text") => gemma::from_config(config),
        Some("hunyuan_v1_dense") => hunyuan::from_config(config),
        _ => qwen::from_config(config),
    }
}

fn from_safetensors(name: &str, precision: Precision) -> DecoderOnly {
    let folder = tiny(name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"))
        .collect();
    files.sort();
    let tensors = safetensors_map::open(&files).unwrap();
    let config = CausalConfig::open(&folder.join("config.json"), None).unwrap();
    DecoderOnly::load(&tensors, blueprint_of(&config).unwrap(), &options(precision)).unwrap()
}

/// All checkpoints in all formats, exact.
fn all() -> Vec<(String, DecoderOnly)> {
    let gguf = GGUF.iter().map(|name| (format!("{name} (gguf)"), from_gguf(name, Precision::Auto)));
    let safetensors =
        SAFETENSORS.iter().map(|name| (format!("{name} (safetensors)"), from_safetensors(name, Precision::F32)));
    gguf.chain(safetensors).collect()
}

#[derive(serde::Deserialize)]
struct Step {
    best: Vec<(TokenId, f32)>,
    log_sum_exp: f32,
}

#[derive(serde::Deserialize)]
struct Case {
    prompt: Vec<TokenId>,
    greedy: Vec<TokenId>,
    steps: Vec<Step>,
    beam4: Vec<TokenId>,
}

fn golden(name: &str) -> Vec<Case> {
    let name = name.split(' ').next().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/causal").join(format!("{name}.json"));
    let mut all: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    serde_json::from_value(all.remove("cases").unwrap()).unwrap()
}

fn request(prefix: &[TokenId], shared: usize) -> Request<'_> {
    Request { source: &[], prefix, shared, allowed: tlumach::token::TokenClasses::ALL, constraints: &[] }
}

/// Feeds the reference's own answers to all prompts in one batch, and compares the logits of every step; answers their
/// mean difference.
fn check_steps(name: &str, model: &DecoderOnly, tolerance: f32) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    let ask = Ask { k: model.spec().vocab, allowed: None, adjust: &[], log_sum_exp: true, also: &[] };
    let cases = golden(name);
    let requests: Vec<Request<'_>> = cases.iter().map(|case| request(&case.prompt, 0)).collect();
    let mut state = model.start(&requests).unwrap();
    let mut last: Vec<TokenId> = cases.iter().map(|case| *case.prompt.last().unwrap()).collect();
    for step in 0..cases[0].steps.len() {
        let answers = model.step(&last, state.as_mut(), &ask).unwrap();
        for (row, (case, answer)) in cases.iter().zip(&answers).enumerate() {
            let expected = &case.steps[step];
            let place = format!("{name}, prompt of {}, step {step}", case.prompt.len());
            let difference = (answer.log_sum_exp - expected.log_sum_exp).abs();
            assert!(difference < tolerance, "{place}: {}, expected {}", answer.log_sum_exp, expected.log_sum_exp);
            for &(token, logit) in &expected.best {
                let got = answer.best.iter().find(|(id, _)| *id == token).unwrap().1;
                assert!((got - logit).abs() < tolerance, "{place}, token {token}: {got}, expected {logit}");
                sum += (got - logit).abs();
                count += 1.0;
            }
            last[row] = case.greedy[step];
        }
    }
    sum / count
}

#[test]
fn the_logits_of_every_step_are_those_of_transformers() {
    for (name, model) in all() {
        check_steps(&name, &model, TOLERANCE);
    }
}

#[test]
fn plain_operations_give_the_same_logits() {
    for (name, model) in all() {
        check_steps(&name, &model.with_plain_operations(), TOLERANCE);
    }
}

/// The answers to all prompts in one batch, in the order of the prompts; the batch has them in the given order.
fn answers(model: &DecoderOnly, cases: &[Case], order: &[usize], beams: usize) -> Vec<Vec<TokenId>> {
    let requests: Vec<Request<'_>> = order.iter().map(|&index| request(&cases[index].prompt, 0)).collect();
    let length = cases[0].steps.len();
    let options = SearchOptions { beams, max_new_tokens: length, loop_stop: None, ..SearchOptions::default() };
    let mut found = vec![Vec::new(); cases.len()];
    for (&index, answer) in order.iter().zip(search(model, &requests, &options).unwrap()) {
        found[index] = answer.unwrap().ids;
    }
    found
}

fn check_answers(beams: usize, expected: fn(&Case) -> &Vec<TokenId>) {
    for (name, model) in all() {
        let cases = golden(&name);
        let forwards: Vec<usize> = (0..cases.len()).collect();
        let backwards: Vec<usize> = (0..cases.len()).rev().collect();
        let (one, other) = (answers(&model, &cases, &forwards, beams), answers(&model, &cases, &backwards, beams));
        for (index, case) in cases.iter().enumerate() {
            let end = case.prompt.len();
            let expected = expected(case);
            let expected: Vec<TokenId> =
                expected.iter().copied().take_while(|token| !model.spec().eos.contains(token)).collect();
            assert_eq!(one[index], expected, "{name}, prompt of {end}");
            assert_eq!(other[index], expected, "{name}, prompt of {end}, in another order");
            let alone = answers(&model, std::slice::from_ref(case), &[0], beams);
            assert_eq!(alone[0], expected, "{name}, prompt of {end}, alone");
        }
    }
}

#[test]
fn greedy_answers_are_those_of_transformers_in_any_batch() {
    check_answers(1, |case| &case.greedy);
}

#[test]
fn beam_answers_are_those_of_transformers_in_any_batch() {
    check_answers(4, |case| &case.beam4);
}

/// Logits after a prompt, with the beginning shared and in pieces.
fn logits(model: &DecoderOnly, prompt: &[TokenId], shared: usize) -> Vec<(TokenId, f32)> {
    let ask = Ask { k: 5, allowed: None, adjust: &[], log_sum_exp: false, also: &[] };
    let mut state = model.start(&[request(prompt, shared)]).unwrap();
    model.step(&prompt[prompt.len() - 1..], state.as_mut(), &ask).unwrap().remove(0).best
}

#[test]
fn shared_beginnings_and_pieces_change_no_bit() {
    for name in GGUF {
        let whole = from_gguf(name, Precision::Auto);
        let prompt: Vec<TokenId> = (0..45).map(|i| (i * 37 + 5) % 140 + 2).collect();
        let expected = logits(&whole, &prompt, 0);
        for shared in [1, 6, 7, 8, 20, 44] {
            assert_eq!(logits(&whole, &prompt, shared), expected, "{name}, {shared} shared");
        }
        for pieces in [1, 3, 16] {
            let model = from_gguf(name, Precision::Auto).with_prefill_tokens(pieces);
            assert_eq!(logits(&model, &prompt, 0), expected, "{name}, pieces of {pieces}");
            assert_eq!(logits(&model, &prompt, 9), expected, "{name}, pieces of {pieces}, 9 shared");
        }
    }
}

#[test]
fn quantized_at_load_stays_close_and_depends_on_no_batch() {
    for name in SAFETENSORS {
        let model = from_safetensors(name, Precision::Auto);
        // Eight bits in blocks of 32; the logits of these networks are around 10, and random attention is jumpy.
        let difference = check_steps(name, &model, 3.0);
        assert!(difference < 0.25, "{name}: {difference}");
        let cases = golden(name);
        let order: Vec<usize> = (0..cases.len()).rev().collect();
        let batch = answers(&model, &cases, &order, 1);
        for (case, batched) in cases.iter().zip(&batch) {
            assert_eq!(&answers(&model, std::slice::from_ref(case), &[0], 1)[0], batched, "{name}");
        }
        assert_eq!(model.config(), from_safetensors(name, Precision::F32).config());
    }
}

/// A configuration with a field set, or taken away.
fn changed(name: &str, field: &str, value: serde_json::Value) -> Result<Blueprint, ModelError> {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(tiny(name).join("config.json")).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut place = &mut config;
    let (path, last) = field.rsplit_once('.').unwrap_or(("", field));
    for part in path.split('.').filter(|part| !part.is_empty()) {
        place = &mut place[part];
    }
    place[last] = value;
    let path = folder.path().join("config.json");
    std::fs::write(&path, config.to_string()).unwrap();
    blueprint_of(&CausalConfig::open(&path, None).unwrap())
}

#[test]
fn what_is_not_implemented_is_refused_by_field_and_value() {
    let check = |name: &str, field: &str, value: serde_json::Value| {
        let shown = value.get("rope_type").unwrap_or(&value).to_string();
        let error = changed(name, field, value).unwrap_err().to_string();
        assert!(error.contains(field) && error.contains(&shown), "{error}");
    };
    check("llama-tied", "model_type", "gpt_neox".into());
    check("llama-tied", "hidden_act", "relu".into());
    check("llama-tied", "mlp_bias", true.into());
    check("llama-tied", "rope_parameters.rope_type", "longrope".into());
    check("llama-tied", "rope_parameters.partial_rotary_factor", 0.5.into());
    check("llama-scaled", "rope_parameters.high_freq_factor", 0.5.into());
    check("llama-tied", "hidden_size", "many".into());
    check("llama-tied", "quantization_config", serde_json::json!({"bits": 4}));
    check("llama-tied", "logit_scale", 0.0625.into());
    check("qwen3", "attention_bias", true.into());
    check("qwen3", "rope_parameters", serde_json::json!({"rope_type": "dynamic", "factor": 2.0}));
    check("gemma3", "final_logit_softcapping", 30.0.into());
    check("gemma3", "attn_logit_softcapping", 50.0.into());
    check("gemma3", "use_bidirectional_attention", true.into());
    check("gemma3", "layer_types", serde_json::json!(["chunked_attention"]));
    check("gemma3", "query_pre_attn_scalar", 0.into());
    for (field, value) in [
        ("beta_fast", serde_json::json!(0.25)),
        ("beta_slow", serde_json::json!(-1.0)),
        ("attention_factor", serde_json::json!("1")),
        ("truncate", serde_json::json!(7)),
        ("finetuned", serde_json::json!(true)),
        ("extrapolation_factor", serde_json::json!(2.0)),
    ] {
        check("llama-yarn", &format!("rope_parameters.{field}"), value);
    }
    check("gemma2", "attn_logit_softcapping", 0.into());
    check("gemma2", "final_logit_softcapping", "30".into());
    check("gemma2", "sliding_window_size", 8.into());
    check("gemma2", "attention_bias", true.into());
    check("gemma2", "rope_local_base_freq", 10.into());
    check("hunyuan", "num_experts", 8.into());
    check("hunyuan", "use_cla", true.into());
    let error = changed("qwen2-windows", "use_sliding_window", false.into()).unwrap_err().to_string();
    assert!(error.contains("layer_types") && error.contains("sliding_attention"), "{error}");
    check("qwen3", "num_hidden_layers", 1_000_000_000.into());
    assert!(changed("llama-tied", "logit_scale", serde_json::Value::Null).is_ok());
}

/// The form of configurations before `rope_parameters`.
#[test]
fn older_configurations_say_the_same() {
    let rope = |name: &str, fields: &[(&str, serde_json::Value)]| {
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(tiny(name).join("config.json")).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
        for field in ["rope_parameters", "layer_types"] {
            config[field] = serde_json::Value::Null;
        }
        for (field, value) in fields {
            config[*field] = value.clone();
        }
        let path = folder.path().join("config.json");
        std::fs::write(&path, config.to_string()).unwrap();
        blueprint_of(&CausalConfig::open(&path, None).unwrap()).unwrap().config
    };
    let now = |name: &str| {
        let config = CausalConfig::open(&tiny(name).join("config.json"), None).unwrap();
        blueprint_of(&config).unwrap().config
    };
    let theta = ("rope_theta", serde_json::json!(10_000.0));
    let llama3 = serde_json::json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 64});
    assert_eq!(rope("llama-scaled", &[theta.clone(), ("rope_scaling", llama3)]), now("llama-scaled"));
    let linear = serde_json::json!({"type": "linear", "factor": 8.0});
    let pattern = ("sliding_window_pattern", serde_json::json!(3));
    assert_eq!(rope("gemma3", &[("rope_scaling", linear), pattern]), now("gemma3"));
    let yarn = serde_json::json!({"type": "yarn", "factor": 8.0, "original_max_position_embeddings": 16});
    assert_eq!(rope("llama-yarn", &[theta.clone(), ("rope_scaling", yarn)]), now("llama-yarn"));
    let alpha = serde_json::json!({"type": "dynamic", "alpha": 1000.0, "beta_fast": 32, "factor": 1.0});
    assert_eq!(rope("hunyuan", &[theta, ("rope_scaling", alpha)]), now("hunyuan"));
    assert_eq!(rope("qwen2-windows", &[("rope_theta", serde_json::json!(1e6))]), now("qwen2-windows"));
}

/// What a file does not say is as in the reference: caps that are not named have a value, those that are null do not exist.
#[test]
fn gemma2_has_the_defaults_of_the_reference() {
    let config = |field: &str, value: serde_json::Value| changed("gemma2", field, value).unwrap().config;
    let scaled = config("query_pre_attn_scalar", 64.into());
    assert_eq!(scaled.query_scale, Some(0.125));
    assert_eq!((scaled.attention_soft_cap, scaled.output_soft_cap), (Some(2.0), Some(3.0)));
    assert_eq!(scaled.sliding.unwrap().layers, [true, false, true]);
    assert_eq!(config("attn_logit_softcapping", serde_json::Value::Null).attention_soft_cap, None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let text = std::fs::read_to_string(tiny("gemma2").join("config.json")).unwrap();
    let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    for field in ["attn_logit_softcapping", "final_logit_softcapping", "layer_types"] {
        fields.remove(field).unwrap();
    }
    std::fs::write(&path, serde_json::to_string(&fields).unwrap()).unwrap();
    let config = blueprint_of(&CausalConfig::open(&path, None).unwrap()).unwrap().config;
    assert_eq!((config.attention_soft_cap, config.output_soft_cap), (Some(50.0), Some(30.0)));
    assert_eq!(config.sliding.unwrap().layers, [true, false, true]);
}

/// Each setting of `YaRN` that a file of llama.cpp may have, and what makes it something else.
#[test]
fn yarn_in_gguf_is_read_or_refused_by_key() {
    use candle_core::quantized::gguf_file::Value;
    let with = |key: &str, value: Value| {
        let mut file = gguf::open(&tiny("llama-yarn").join("model.gguf")).unwrap();
        file.metadata.insert(format!("llama.rope.scaling.{key}"), value);
        llama::blueprint(&file).map(|blueprint| blueprint.config.rotary.scaling)
    };
    let Scaling::Yarn(yarn) = with("yarn_beta_fast", Value::F32(16.0)).unwrap() else { panic!("another scaling") };
    assert_eq!((yarn.factor, yarn.context, yarn.fast, yarn.slow), (8.0, 16.0, 16.0, 1.0));
    assert!((yarn.scale - (0.1 * 8f64.ln() + 1.0)).abs() < 1e-12);
    assert!(with("yarn_attn_factor", Value::F32(yarn.scale as f32)).is_ok());
    for (key, value) in [
        ("yarn_attn_factor", Value::F32(0.5)),
        ("yarn_ext_factor", Value::F32(0.5)),
        ("yarn_log_multiplier", Value::F32(0.1)),
        ("yarn_beta_fast", Value::F32(0.5)),
        ("yarn_other", Value::F32(1.0)),
        ("attn_factor", Value::F32(0.5)),
        ("type", Value::String("longrope".into())),
    ] {
        let message = with(key, value).unwrap_err().to_string();
        assert!(message.contains(&format!("field llama.rope.scaling.{key} = ")), "{message}");
    }
}

/// The text part of a model that also sees pictures.
#[test]
fn a_wrapped_text_model_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let text: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(tiny("gemma3").join("config.json")).unwrap()).unwrap();
    let outer = serde_json::json!({"model_type": "gemma3", "eos_token_id": [1, 106], "text_config": text});
    let path = folder.path().join("config.json");
    std::fs::write(&path, outer.to_string()).unwrap();
    let config = CausalConfig::open(&path, None).unwrap();
    assert_eq!(blueprint_of(&config).unwrap().spec.eos, [1, 106]);
    assert_eq!(config.model_type(), Some("gemma3_text"));
}

#[test]
fn widths_of_windows_and_kinds_of_layers_are_checked() {
    let file = gguf::open(&tiny("gemma3").join("model.gguf")).unwrap();
    let mut blueprint = gemma::blueprint(&file).unwrap();
    let sliding = blueprint.config.sliding.as_mut().unwrap();
    assert_eq!((sliding.window, &sliding.layers[..]), (7, &[true, true, false][..]));
    sliding.window = 0;
    let error = DecoderOnly::load(file.tensors(), blueprint, &options(Precision::Auto)).unwrap_err().to_string();
    assert!(error.contains("sliding window"), "{error}");
}

#[test]
fn damaged_safetensors_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(tiny("qwen3").join("model.safetensors")).unwrap();
    let path = folder.path().join("model.safetensors");
    let check = |bytes: &[u8], expected: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = safetensors_map::open(std::slice::from_ref(&path)).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("model.safetensors"), "{error}");
    };
    check(&bytes[..bytes.len() - 1], "cut");
    check(b"", "expected safetensors");
    check(&bytes[..100], "expected a header");
}
