//! GGUF files of T5: what is told by their tensors and what is refused, their vocabularies, and from a file to text.
//!
//! `tools/reference/t5_gguf.py` wrote the files (`tests/tiny/t5-gguf`). That their networks answer as transformers does is in
//! `seq2seq.rs`.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use crate::cli::Place;
use candle_core::Device;
use candle_core::quantized::gguf_file::{self, Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use tlumach::language::Language;
use tlumach::model::checkpoint::Files;
use tlumach::model::encoder_decoder::{Biases, Description};
use tlumach::model::{Keep, LoadOptions, ModelError, Precision, gguf, t5};
use tlumach::registry::{Family, Role, Settings, from_path};
use tlumach::token::{SummaryLength, SummaryStage, SummaryWording, Task};
use tlumach::tokenize::Tokenizer;
use tlumach::tokenize::spiece::{self, SpieceTokenizer};

const TRANSLATE: Task = Task::Translate { from: Language::EN, to: Language::UK };
const SUMMARIZE: Task = Task::Summarize {
    from: Language::EN,
    to: Language::EN,
    length: SummaryLength::Short,
    stage: SummaryStage::Whole,
    wording: SummaryWording::Plain,
};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn tiny(name: &str) -> PathBuf {
    tests().join("tiny/t5-gguf").join(name)
}

/// A file in parts, to be changed and written again.
struct Parts {
    metadata: Vec<(String, Value)>,
    tensors: Vec<(String, QTensor)>,
}

impl Parts {
    fn read(name: &str) -> Parts {
        let mut bytes = Cursor::new(std::fs::read(tiny(name)).unwrap());
        let content = Content::read(&mut bytes).unwrap();
        let names: Vec<String> = content.tensor_infos.keys().cloned().collect();
        let tensor = |name: String| {
            let tensor = content.tensor(&mut bytes, &name, &Device::Cpu).unwrap();
            (name, tensor)
        };
        let tensors = names.into_iter().map(tensor).collect();
        Parts { metadata: content.metadata.into_iter().collect(), tensors }
    }

    fn set(mut self, key: &str, value: Option<Value>) -> Parts {
        self.metadata.retain(|(known, _)| known != key);
        self.metadata.extend(value.map(|value| (key.to_string(), value)));
        self
    }

    fn without(mut self, part: &str) -> Parts {
        self.tensors.retain(|(name, _)| !name.contains(part));
        self
    }

    /// The table of tokens once more as the output, in another type.
    fn with_output(mut self, dtype: GgmlDType) -> Parts {
        let (_, table) = self.tensors.iter().find(|(name, _)| name == "token_embd.weight").unwrap();
        let output = QTensor::quantize(&table.dequantize(&Device::Cpu).unwrap(), dtype).unwrap();
        self.tensors.push(("output.weight".into(), output));
        self
    }

    fn describe(&self) -> Result<Description, ModelError> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("m.gguf");
        self.write(&path);
        t5::describe_gguf(&gguf::open(&path)?)
    }

    fn write(&self, path: &Path) {
        let metadata: Vec<(&str, &Value)> = self.metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<(&str, &QTensor)> =
            self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        gguf_file::write(&mut std::fs::File::create(path).unwrap(), &metadata, &tensors).unwrap();
    }
}

/// T5 1.0 shares one table and scales what goes into the output, whether its file has the table once or twice and in whatever
/// type; with layers of T5 1.1 only an output of its own can be understood.
#[test]
fn whether_the_output_is_scaled_is_told_by_the_tensors() {
    let scale = |parts: &Parts| parts.describe().unwrap().architecture.output_scale;
    let tied = 1.0 / 32f32.sqrt();
    assert_eq!(scale(&Parts::read("t5.gguf")).to_bits(), tied.to_bits());
    for dtype in [GgmlDType::F16, GgmlDType::Q8_0, GgmlDType::Q4_0] {
        let twice = Parts::read("t5.gguf").with_output(dtype);
        assert_eq!(scale(&twice).to_bits(), tied.to_bits(), "{dtype:?}");
    }
    for name in ["t5-gated.gguf", "mt5.gguf", "umt5.gguf", "t5-quantized.gguf", "madlad.gguf"] {
        assert_eq!(scale(&Parts::read(name)).to_bits(), 1f32.to_bits(), "{name}");
    }
    // Beyond what quantization changes, and yet not another table.
    let mut near = Parts::read("t5.gguf").with_output(GgmlDType::F32);
    let (_, output) = near.tensors.last_mut().unwrap();
    let doubled = (output.dequantize(&Device::Cpu).unwrap() * 1.45).unwrap();
    *output = QTensor::quantize(&doubled, GgmlDType::F32).unwrap();
    let gated = Parts::read("t5-gated.gguf").without("output.weight");
    let (alone, twice) = (gated.describe(), gated.with_output(GgmlDType::F16).describe());
    for refused in [alone, twice, near.describe()] {
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("field output.weight") && message.contains("cannot be told"), "{message}");
    }
}

#[test]
fn tables_of_distances_stand_in_the_first_layer_or_in_each() {
    let biases = |name: &str| Parts::read(name).describe().unwrap().architecture.relative.unwrap().biases;
    assert_eq!(biases("t5.gguf"), Biases::Shared);
    assert_eq!(biases("umt5.gguf"), Biases::OfEachLayer);
    let message = Parts::read("umt5.gguf").without("dec.blk.1.attn_rel_b").describe().unwrap_err().to_string();
    assert!(message.contains("field dec.blk.1.attn_rel_b.weight = (missing);"), "{message}");
    let message = Parts::read("t5-gated.gguf").without("dec.blk.0.ffn_gate").describe().unwrap_err().to_string();
    assert!(message.contains("field dec.blk.0.ffn_gate.weight = (missing);"), "{message}");
}

#[test]
fn what_is_missing_has_the_converters_default() {
    let read = || Parts::read("t5.gguf");
    let description = read().set("t5.decoder_block_count", None).describe().unwrap();
    assert_eq!(description.architecture.decoder.layers, description.architecture.encoder.layers);
    let pad = read().set("t5.decoder_start_token_id", None).set("tokenizer.ggml.padding_token_id", Some(Value::U32(7)));
    assert_eq!(pad.describe().unwrap().defaults.decoder_start, 7);
    let end = read().set("tokenizer.ggml.eos_token_id", None).describe().unwrap();
    assert_eq!((end.defaults.eos, end.spec.eos), (1, vec![1]));
}

#[test]
fn what_changes_the_mathematics_is_refused_by_key_and_value() {
    for (key, value, shown) in [
        ("t5.attention.scale", Some(Value::F32(0.5)), "= F32(0.5);"),
        ("t5.attention.head_count_kv", Some(Value::U32(1)), "= U32(1);"),
        ("t5.attention.value_length", Some(Value::U32(7)), "= U32(7);"),
        ("t5.attention.relative_buckets_count", Some(Value::U32(30)), "= U32(30);"),
        ("t5.attention.relative_buckets_count", None, "= (missing);"),
        ("t5.attention.layer_norm_rms_epsilon", None, "= (missing);"),
        ("t5.block_count", Some(Value::U32(1 << 20)), "= U32(1048576);"),
        ("t5.decoder_start_token_id", Some(Value::U32(96)), "= U32(96);"),
        ("split.count", Some(Value::U16(2)), "= U16(2);"),
    ] {
        let message = Parts::read("t5.gguf").set(key, value).describe().unwrap_err().to_string();
        assert!(message.contains(&format!("field {key} {shown}")), "{message}");
    }
}

#[derive(serde::Deserialize)]
struct Golden {
    cases: Vec<Line>,
}

#[derive(serde::Deserialize)]
struct Line {
    text: String,
    ids: Vec<u32>,
}

fn tokenizer(name: &str, end: u32) -> SpieceTokenizer {
    let path = tiny(&format!("pieces-{name}.gguf"));
    let file = gguf::open(&path).unwrap();
    let vocab = file.list("tokenizer.ggml.tokens").len();
    let settings =
        spiece::Settings { vocab, offset: 0, decoder_start: 0, end, summary_prefix: String::new(), languages: vec![] };
    SpieceTokenizer::from_metadata(&path, &file.metadata, settings).unwrap()
}

/// The ids are those of the SentencePiece library with the model's own file: from metadata alone, with the character map, byte
/// pieces, and symbols whose kind the converter does not write.
#[test]
fn vocabularies_from_metadata_cut_as_the_library_does() {
    for name in ["spm-unigram", "spm-bytes", "spm-symbols"] {
        let path = tests().join("golden/tokenize").join(format!("{name}.json"));
        let golden: Golden = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let tokenizer = tokenizer(name, 2);
        assert!(golden.cases.len() > 40);
        for Line { text, mut ids } in golden.cases {
            ids.push(2);
            assert_eq!(tokenizer.encode(&text, &SUMMARIZE).unwrap().source, ids, "{name}: {text:?}");
        }
    }
    let golden: serde_json::Value =
        serde_json::from_slice(&std::fs::read(tests().join("golden/tokenize/seq2seq.json")).unwrap()).unwrap();
    let texts: Vec<String> = serde_json::from_value(golden["texts"].clone()).unwrap();
    for (name, task) in [("t5", SUMMARIZE), ("madlad", TRANSLATE)] {
        let kind = &golden["kinds"][name];
        let all: Vec<Vec<u32>> = serde_json::from_value(kind["ids"].clone()).unwrap();
        let tokenizer = tokenizer(name, 1);
        assert_eq!(tokenizer.translates(), name == "madlad");
        for (at, (text, ids)) in texts.iter().zip(&all).enumerate() {
            let prompt = tokenizer.encode(text, &task).unwrap();
            assert_eq!(prompt.source, *ids, "{name}: {text:?}");
            let expected = kind["changed"][at.to_string()].as_str().unwrap_or(text);
            assert_eq!(tokenizer.decode(&prompt.source), expected, "{name}: {text:?} decoded");
        }
        // What fills the table up, and what marks gaps in training, is never answered.
        let classes = tokenizer.token_classes();
        let prompt = tokenizer.encode("a [PAD3] <extra_id_0> b", &task).unwrap();
        let last = classes.len() - 1;
        assert!(name == "madlad" || !classes[last].within(prompt.allowed));
        assert!(prompt.source.iter().all(|&id| (id as usize) < 345), "{:?}", prompt.source);
    }
}

#[test]
fn vocabularies_of_other_kinds_are_refused() {
    let refused = |key: &str, value: Option<Value>| {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("m.gguf");
        Parts::read("pieces-t5.gguf").set(key, value).write(&path);
        let file = gguf::open(&path).unwrap();
        let settings = spiece::Settings {
            vocab: 500,
            offset: 0,
            decoder_start: 0,
            end: 1,
            summary_prefix: String::new(),
            languages: vec![],
        };
        SpieceTokenizer::from_metadata(&path, &file.metadata, settings).unwrap_err().to_string()
    };
    for (key, value, expected) in [
        ("tokenizer.ggml.model", Some(Value::String("llama".into())), "expected \"t5\" (a unigram model)"),
        ("tokenizer.ggml.model", None, "expected \"t5\""),
        ("tokenizer.ggml.pre", Some(Value::String("qwen2".into())), "expected \"default\""),
        ("tokenizer.ggml.scores", None, "tokenizer.ggml.scores is missing"),
        ("tokenizer.ggml.scores", Some(Value::Array(vec![Value::F32(0.0)])), "entries, got 1"),
        ("tokenizer.ggml.precompiled_charsmap", Some(Value::Array(vec![Value::F32(0.0)])), "a list of bytes"),
        ("tokenizer.ggml.precompiled_charsmap", Some(Value::Array(vec![Value::U8(9); 3])), "character map is damaged"),
    ] {
        let message = refused(key, value);
        assert!(message.contains(expected), "{key}: {message}");
    }
}

/// `--model FILE.gguf`: the family is told by the file, and the whole program runs from text to text.
#[test]
fn the_program_translates_with_a_file() {
    let place = Place::new();
    place.file("a.txt", "The old lighthouse keeper counted 14 boats.\n");
    let copy = place.path("m.gguf");
    std::fs::copy(tiny("madlad.gguf"), &copy).unwrap();
    let data = tempfile::tempdir().unwrap();
    let settings = Settings::new(data.path().join("hub"), data.path().join("data"));
    assert_eq!(from_path(&copy, &settings).unwrap().family, Family::T5);
    let ran = place.run(&[
        "translate",
        "a.txt",
        "--from",
        "en",
        "--to",
        "uk",
        "--model",
        copy.to_str().unwrap(),
        "--report",
        "r.json",
    ]);
    assert!(ran.code <= 1, "{}", ran.err);
    assert_eq!(place.report("r.json")["models"][0]["family"], "t5");
}

/// Candle's own tool writes the tensors of a checkpoint into a GGUF file that says nothing else: the rest is in the folder, as
/// `MADLAD-400` is found in some places.
#[test]
fn a_folder_may_have_its_tensors_in_a_gguf_file() {
    let place = tempfile::tempdir().unwrap();
    let tiny = tests().join("tiny/seq2seq/mt5");
    for name in ["config.json", "generation_config.json"] {
        std::fs::copy(tiny.join(name), place.path().join(name)).unwrap();
    }
    let tensors = candle_core::safetensors::load(tiny.join("model.safetensors"), &Device::Cpu).unwrap();
    let tensors = tensors.into_iter().map(|(name, tensor)| {
        let tensor = tensor.to_dtype(candle_core::DType::F32).unwrap();
        (name, QTensor::quantize(&tensor, GgmlDType::F32).unwrap())
    });
    Parts { metadata: Vec::new(), tensors: tensors.collect() }.write(&place.path().join("model-q.gguf"));
    let settings = Settings::new(place.path().join("hub"), place.path().join("data"));
    let files = from_path(place.path(), &settings).unwrap();
    assert_eq!((files.family, files.files[&Role::Weights].len()), (Family::T5, 1));
    let network = Files {
        config: place.path().join("config.json"),
        generation_config: None,
        weights: files.files[&Role::Weights].clone(),
    };
    let options = LoadOptions { device: Device::Cpu, precision: Precision::F32, keep: Keep::Nowhere };
    let source = [5, 17, 33, 9, 80, 1];
    let expected = t5::load(&Files { weights: vec![tiny.join("model.safetensors")], ..network.clone() }, &options, &[]);
    let (got, expected) = (t5::load(&network, &options, &[]).unwrap(), expected.unwrap());
    assert_eq!(got.encoded(&source).unwrap(), expected.encoded(&source).unwrap());

    // A whole file beside a configuration is taken for what it is, and weights as transformers writes them come first.
    std::fs::copy(self::tiny("madlad.gguf"), place.path().join("model-q.gguf")).unwrap();
    assert!(from_path(place.path(), &settings).unwrap().files.contains_key(&Role::Gguf));
    std::fs::copy(tiny.join("model.safetensors"), place.path().join("model.safetensors")).unwrap();
    assert!(!from_path(place.path(), &settings).unwrap().files.contains_key(&Role::Gguf));
}

#[test]
fn an_encoder_alone_is_refused_in_words() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("m.gguf");
    Parts::read("pieces-t5.gguf").set("general.architecture", Some(Value::String("t5encoder".into()))).write(&path);
    let settings = Settings::new(place.path().join("hub"), place.path().join("data"));
    let message = from_path(&path, &settings).unwrap_err().to_string();
    assert!(message.contains("the encoder of a T5 alone"), "{message}");
}
