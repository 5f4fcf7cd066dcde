//! Folders of encoder-decoders without a card: the family is told by `config.json`, and the whole runs from text to text.

use std::path::{Path, PathBuf};

use crate::cli::Place;
use candle_core::Device;
use tlumach::decode::{SearchOptions, search};
use tlumach::language::Language;
use tlumach::model::{Keep, LoadOptions, Precision, Request};
use tlumach::registry::card::Task as CardTask;
use tlumach::registry::load::{Loaded, load};
use tlumach::registry::{Family, Role, Settings, from_path};
use tlumach::token::{SummaryLength, SummaryStage, SummaryWording, Task};

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

/// A folder with a tiny checkpoint whose tables are made as large as a vocabulary, and the files of that vocabulary.
fn folder(checkpoint: &str, vocab: usize, tokenizer: &[(&str, &str)]) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(tests().join("tiny/seq2seq").join(checkpoint)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, place.path().join(path.file_name().unwrap())).unwrap();
    }
    for (from, to) in tokenizer {
        std::fs::copy(tests().join("tiny/tokenizers").join(from), place.path().join(to)).unwrap();
    }
    let config = place.path().join("config.json");
    let text =
        std::fs::read_to_string(&config).unwrap().replace("\"vocab_size\": 96", &format!("\"vocab_size\": {vocab}"));
    std::fs::write(&config, text).unwrap();
    // Token numbers beyond the tiny network's are of other vocabularies.
    let generation = place.path().join("generation_config.json");
    let text =
        std::fs::read_to_string(&generation).unwrap().replace("90,", "4,").replace("91,", "4,").replace("93,", "4,");
    std::fs::write(&generation, text).unwrap();
    enlarge(&place.path().join("model.safetensors"), vocab);
    place
}

/// Rewrites a checkpoint with tables of `vocab` rows: those there are, again and again.
fn enlarge(path: &Path, vocab: usize) {
    let bytes = std::fs::read(path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut kept: Vec<(String, safetensors::Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, tensor) in tensors.tensors() {
        let (mut shape, mut data) = (tensor.shape().to_vec(), tensor.data().to_vec());
        if shape.first() == Some(&96) {
            let row = data.len() / 96;
            data = (0..vocab).flat_map(|at| data[at % 96 * row..(at % 96 + 1) * row].to_vec()).collect();
            shape[0] = vocab;
        } else if shape == [1, 96] {
            let size = data.len() / 96;
            data = (0..vocab).flat_map(|at| data[at % 96 * size..(at % 96 + 1) * size].to_vec()).collect();
            shape[1] = vocab;
        }
        kept.push((name, tensor.dtype(), shape, data));
    }
    let views = kept.iter().map(|(name, dtype, shape, data)| {
        (name.clone(), safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
}

fn loaded(folder: &Path, family: Family) -> Loaded {
    let data = tempfile::tempdir().unwrap();
    let settings = Settings::new(data.path().join("hub"), data.path().join("data"));
    let files = from_path(folder, &settings).unwrap();
    assert_eq!(files.family, family);
    let options = LoadOptions { device: Device::Cpu, precision: Precision::Auto, keep: Keep::Nowhere };
    load(&files, &options).unwrap()
}

/// Random weights say nothing, but they say it in tokens that the tokenizer knows.
fn check_runs(model: &Loaded, task: &Task) {
    let prompt = model.tokenizer.encode("The old lighthouse keeper counted 14 boats.", task).unwrap();
    let request = Request {
        source: &prompt.source,
        prefix: &prompt.prefix,
        shared: 0,
        allowed: prompt.allowed,
        constraints: &[],
    };
    let options = SearchOptions {
        beams: model.default_beams,
        max_new_tokens: 30,
        min_length: model.search.min_length,
        no_repeat_ngram: model.search.no_repeat_ngram,
        early_stopping: model.search.early_stopping,
        ..SearchOptions::default()
    };
    let answer = search(model.model.as_ref(), &[request], &options).unwrap().remove(0).unwrap();
    assert!(!answer.ids.is_empty());
    model.tokenizer.decode(&answer.ids);
}

#[test]
fn translators_are_told_by_their_configuration() {
    let m2m = [("fairseq.model", "sentencepiece.bpe.model"), ("vocab.json", "vocab.json")];
    let place = folder("m2m100", 450, &m2m);
    let model = loaded(place.path(), Family::M2m100);
    check_runs(&model, &TRANSLATE);
    assert_eq!(model.tokenizer.encode("a", &TRANSLATE).unwrap().prefix.len(), 2);
    assert_eq!((model.source_limit, model.default_beams, model.search.early_stopping), (Some(128), 4, true));

    // SMaLL-100 is told by its tokenizer's name.
    let config = r#"{"tokenizer_class": "SMALL100Tokenizer"}"#;
    std::fs::write(place.path().join("tokenizer_config.json"), config).unwrap();
    assert_eq!(loaded(place.path(), Family::M2m100).tokenizer.encode("a", &TRANSLATE).unwrap().prefix.len(), 1);

    // NLLB has no vocab.json.
    let place = folder("nllb", 560, &[("nllb.model", "sentencepiece.bpe.model")]);
    check_runs(&loaded(place.path(), Family::M2m100), &TRANSLATE);
}

#[test]
fn summarizers_are_told_by_their_configuration() {
    let place = folder("bart", 430, &[("bart-vocab.json", "vocab.json"), ("merges.txt", "merges.txt")]);
    let model = loaded(place.path(), Family::Bart);
    check_runs(&model, &SUMMARIZE);
    assert_eq!((model.search.min_length, model.search.no_repeat_ngram), (9, 3));
    assert_eq!(model.tokenizer.encode("a", &SUMMARIZE).unwrap().prefix, [2, 0]);

    let place = folder("pegasus", 450, &[("t5.model", "spiece.model")]);
    check_runs(&loaded(place.path(), Family::Pegasus), &SUMMARIZE);

    let place = folder("t5", 350, &[("t5.model", "spiece.model")]);
    check_runs(&loaded(place.path(), Family::T5), &SUMMARIZE);
    let place = folder("umt5", 350, &[("madlad.model", "spiece.model")]);
    check_runs(&loaded(place.path(), Family::T5), &TRANSLATE);
}

#[test]
fn shards_are_found_by_their_index() {
    let data = tempfile::tempdir().unwrap();
    let settings = Settings::new(data.path().join("hub"), data.path().join("data"));
    for (name, family) in [("mbart", Family::Mbart), ("t5-gated", Family::T5)] {
        let files = from_path(&tests().join("tiny/seq2seq").join(name), &settings).unwrap();
        assert_eq!((files.family, files.files[&Role::Weights].len()), (family, 2), "{name}");
    }
}

#[test]
fn a_folder_without_its_vocabulary_says_what_is_missing() {
    let place = folder("t5", 350, &[]);
    let data = tempfile::tempdir().unwrap();
    let settings = Settings::new(data.path().join("hub"), data.path().join("data"));
    let files = from_path(place.path(), &settings).unwrap();
    let options = LoadOptions { device: Device::Cpu, precision: Precision::Auto, keep: Keep::Nowhere };
    let message = load(&files, &options).err().unwrap().to_string();
    assert!(message.contains("no spm file"), "{message}");
}

/// NLLB can do with `tokenizer.json`; M2M100 cannot, and the error names what is missing.
#[test]
fn a_translator_without_its_sentencepiece_model() {
    let place = folder("nllb", 900, &[]);
    std::fs::copy(tests().join("tiny/nllb-json/nllb.json"), place.path().join("tokenizer.json")).unwrap();
    check_runs(&loaded(place.path(), Family::M2m100), &TRANSLATE);
    let place = folder("m2m100", 450, &[("vocab.json", "vocab.json"), ("tokenizer.json", "tokenizer.json")]);
    let data = tempfile::tempdir().unwrap();
    let settings = Settings::new(data.path().join("hub"), data.path().join("data"));
    let files = from_path(place.path(), &settings).unwrap();
    let options = LoadOptions { device: Device::Cpu, precision: Precision::Auto, keep: Keep::Nowhere };
    let message = load(&files, &options).err().unwrap().to_string();
    assert!(
        message.contains("sentencepiece.bpe.model") && message.contains("the file is missing; copy it"),
        "{message}"
    );
}

#[test]
fn families_do_what_they_were_made_for() {
    for (family, translates, summarizes) in [
        (Family::M2m100, true, false),
        (Family::Mbart, true, false),
        (Family::Bart, false, true),
        (Family::Pegasus, false, true),
        (Family::T5, true, true),
    ] {
        assert_eq!((family.may(CardTask::Translate), family.may(CardTask::Summarize)), (translates, summarizes));
        assert!(family.has_encoder());
    }
}

/// Through the whole program: an article beyond what the model reads at a time is summarized in parts, and what random weights
/// say of it is found useless and replaced.
#[test]
fn the_program_summarizes_and_translates_with_a_folder() {
    let place = Place::new();
    let article = "The old lighthouse keeper counted 14 boats before the storm.\n\n".repeat(40);
    place.file("a.txt", &article);
    let model = folder("t5", 350, &[("t5.model", "spiece.model")]);
    let model = model.path().to_str().unwrap();
    let ran = place.run(&["summarize", "a.txt", "--from", "en", "--model", model, "--report", "r.json"]);
    assert!(ran.code <= 1, "{}", ran.err);
    let report = place.report("r.json");
    let attempts = report["articles"][0]["segments"][0]["attempts"].as_array().unwrap();
    let steps: Vec<&str> = attempts.iter().map(|attempt| attempt["step"].as_str().unwrap()).collect();
    assert_eq!(steps[0], "direct", "{report:#}");
    assert_eq!(steps.last(), Some(&"extractive"), "{report:#}");
    assert!(ran.text().contains("lighthouse keeper"), "{}", ran.text());

    let ran = place.run(&["translate", "a.txt", "--from", "en", "--to", "uk", "--model", model]);
    assert!(ran.code >= 1, "{}", ran.text());
    let translator =
        folder("m2m100", 450, &[("fairseq.model", "sentencepiece.bpe.model"), ("vocab.json", "vocab.json")]);
    let translator = translator.path().to_str().unwrap();
    place.file("b.txt", "The river had moved.\n");
    let ran =
        place.run(&["translate", "b.txt", "--from", "en", "--to", "uk", "--model", translator, "--report", "r.json"]);
    assert!(ran.code <= 1, "{}", ran.err);
    assert_eq!(place.report("r.json")["models"][0]["family"], "m2m100");
    let ran = place.run(&["summarize", "b.txt", "--model", translator]);
    assert!(ran.code == 2 && ran.err.contains("cannot summarize"), "{} {}", ran.code, ran.err);
}
