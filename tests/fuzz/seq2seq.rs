//! Damaged configurations and vocabularies of encoder-decoders as `transformers` publishes them.

use crate::harness::{Harness, Input};
use crate::mutate::{self, Random};
use crate::tiny;
use std::path::{Path, PathBuf};
use tlumach::language::Language;
use tlumach::model::checkpoint::Files;
use tlumach::model::encoder_decoder::EncoderDecoder;
use tlumach::model::{Ask, Keep, LoadOptions, Model, Precision, Request, bart, gguf, m2m100, t5};
use tlumach::token::{SummaryLength, SummaryStage, SummaryWording, Task, TokenClasses};
use tlumach::tokenize::bart::BartTokenizer;
use tlumach::tokenize::multilingual::{MultilingualTokenizer, Network, Scheme};
use tlumach::tokenize::spiece::{PEGASUS_OFFSET, Settings, SpieceTokenizer};
use tlumach::tokenize::{Tokenizer, multilingual};

const CHECKPOINTS: [&str; 5] = ["bart", "pegasus", "m2m100", "t5", "umt5"];
/// What values of a configuration become.
const VALUES: [&str; 18] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "33",
    "65536",
    "1048576",
    "4294967296",
    "-1",
    "0.5",
    "true",
    "false",
    "null",
    "\"relu\"",
    "\"gated-gelu\"",
    "[1, 2]",
    "{}",
];

/// Puts another value into a place or two of a file of fields, one a line.
fn change_values(text: &mut Vec<u8>, random: &mut Random) {
    let mut lines: Vec<String> = String::from_utf8_lossy(text).lines().map(str::to_string).collect();
    for _ in 0..=random.below(2) {
        let at = random.below(lines.len());
        if let Some((field, value)) = lines[at].clone().split_once(':') {
            let comma = if value.trim_end().ends_with(',') { "," } else { "" };
            lines[at] = format!("{field}: {}{comma}", VALUES[random.below(VALUES.len())]);
        }
    }
    *text = lines.join("\n").into_bytes();
}

#[test]
fn configurations() {
    let place = tempfile::tempdir().unwrap();
    let folder = |name: &str| tiny().join("seq2seq").join(name);
    let (config_path, generation_path) = (place.path().join("config.json"), place.path().join("generation.json"));
    let mut harness = Harness::new("configurations", 300);
    while harness.goes_on() {
        let mut random = harness.random();
        let name = CHECKPOINTS[random.below(CHECKPOINTS.len())];
        let mut config = std::fs::read(folder(name).join("config.json")).unwrap();
        let mut generation = std::fs::read(folder(name).join("generation_config.json")).unwrap();
        match random.below(4) {
            0 => {
                let length = config.len();
                mutate::bytes(&mut config, &[0..length / 2, 0..length], &mut random);
            }
            1 => change_values(&mut generation, &mut random),
            _ => change_values(&mut config, &mut random),
        }
        std::fs::write(&config_path, &config).unwrap();
        std::fs::write(&generation_path, &generation).unwrap();
        let weights = folder(name).join("model.safetensors");
        let honest = std::fs::metadata(&weights).unwrap().len() as usize;
        let precision = [Precision::F32, Precision::Int8, Precision::W8A16][random.below(3)];
        let files = Files {
            config: config_path.clone(),
            generation_config: random.chance(1, 2).then(|| generation_path.clone()),
            weights: vec![weights],
        };
        harness.run(&Input { bytes: &config, honest }, || {
            let Ok(description) =
                bart::describe(&files).or_else(|_| m2m100::describe(&files)).or_else(|_| t5::describe(&files))
            else {
                return false;
            };
            let start = [description.defaults.decoder_start];
            let options = LoadOptions { device: candle_core::Device::Cpu, precision, keep: Keep::Nowhere };
            let Ok(model) = EncoderDecoder::open(&files.weights, description, (&options, &[])) else { return false };
            uses(&model, &start)
        });
    }
    harness.finish();
}

#[test]
fn gguf_files() {
    let place = tempfile::tempdir().unwrap();
    let names = ["t5.gguf", "umt5.gguf", "t5-quantized.gguf", "madlad.gguf", "pieces-spm-unigram.gguf"];
    let seeds = names.map(|name| std::fs::read(tiny().join("t5-gguf").join(name)).unwrap());
    let mut harness = Harness::new("t5 gguf", 300);
    while harness.goes_on() {
        let mut random = harness.random();
        let mut bytes = seeds[random.below(seeds.len())].clone();
        let length = bytes.len();
        mutate::bytes(&mut bytes, &[0..700, 0..3000, length.min(8000)..length, 0..length], &mut random);
        // A file that is mapped may not change under the map: each has a name of its own.
        let file = tempfile::Builder::new().suffix(".gguf").tempfile_in(place.path()).unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let precision = [Precision::F32, Precision::Auto][random.below(2)];
        harness.run(&Input { bytes: &bytes, honest: bytes.len() }, || {
            let Ok(open) = gguf::open(file.path()) else { return false };
            let vocab = open.tensors().rows("token_embd.weight").unwrap_or(400).min(4000);
            let settings = Settings {
                vocab,
                offset: 0,
                decoder_start: 0,
                end: 1,
                summary_prefix: String::new(),
                languages: Vec::new(),
            };
            let tokenizer = SpieceTokenizer::from_metadata(file.path(), &open.metadata, settings);
            let cuts = tokenizer.is_ok_and(|tokenizer| tries(&tokenizer, vocab));
            let Ok(description) = t5::describe_gguf(&open) else { return cuts };
            let start = [description.defaults.decoder_start];
            let options = LoadOptions { device: candle_core::Device::Cpu, precision, keep: Keep::Nowhere };
            let files = [file.path().to_owned()];
            EncoderDecoder::open(&files, description, (&options, &[])).is_ok_and(|model| uses(&model, &start))
        });
    }
    harness.finish();
}

/// A few steps; whether all of them worked.
fn uses(model: &EncoderDecoder, prefix: &[u32]) -> bool {
    let sources = [vec![5, 17, 33, 9, 80, 2], vec![2], vec![90, 1, 0]];
    let request = |source| Request { source, prefix, shared: 0, allowed: TokenClasses::ALL, constraints: &[] };
    let requests: Vec<Request<'_>> = sources.iter().map(|source| request(&source[..])).collect();
    let Ok(mut state) = model.start(&requests) else { return false };
    let mut last = vec![prefix[0]; requests.len()];
    for _ in 0..3 {
        let ask = Ask { k: 3, allowed: None, adjust: &[], log_sum_exp: true, also: &[] };
        let Ok(answers) = model.step(&last, &mut *state, &ask) else { return false };
        last = answers.iter().map(|answer| answer.best.first().map_or(7, |item| item.0)).collect();
    }
    true
}

const TRANSLATE: Task = Task::Translate { from: Language::EN, to: Language::UK };
const SUMMARIZE: Task = Task::Summarize {
    from: Language::EN,
    to: Language::EN,
    length: SummaryLength::Short,
    stage: SummaryStage::Whole,
    wording: SummaryWording::Plain,
};

/// Encodes and decodes; whether anything could be encoded.
fn tries(tokenizer: &dyn Tokenizer, vocab: usize) -> bool {
    let mut worked = false;
    for text in ["", "The ferry was late.", "паром\u{0}\u{2581}  \t\n<unk></s><2uk>__en__", "한국어 🎉 ﬁ ½"]
    {
        for task in [TRANSLATE, SUMMARIZE] {
            if let Ok(prompt) = tokenizer.encode(text, &task) {
                assert!(prompt.source.iter().chain(&prompt.prefix).all(|&id| (id as usize) < vocab), "ids");
                tokenizer.decode(&prompt.source);
                worked = true;
            }
        }
        tokenizer.count(text);
        tokenizer.target_ids(text);
    }
    tokenizer.decode(&[0, 1, 2, 3, 50, 400, u32::MAX]);
    let classes = tokenizer.token_classes();
    assert!(classes.len() == vocab, "classes");
    worked
}

/// Opens a tokenizer from a folder whose files have their usual names.
fn open(kind: usize, folder: &Path, vocab: usize) -> Option<Box<dyn Tokenizer>> {
    use tlumach::tokenize::bart::{Files, Settings as BartSettings};
    let at = |name: &str| -> PathBuf { folder.join(name) };
    let bart = || BartSettings { vocab, begin: 0, end: 2, prefix: vec![2, 0], languages: Vec::new() };
    let spiece = |offset| Settings {
        vocab,
        offset,
        decoder_start: 0,
        end: 1,
        summary_prefix: "summarize: ".into(),
        languages: Vec::new(),
    };
    let many = |scheme, pieces: &str, numbered: bool| {
        let files = multilingual::Files { pieces: at(pieces), vocab: numbered.then(|| at("vocab.json")) };
        MultilingualTokenizer::open(&files, scheme, Network { vocab, decoder_start: 2 }).ok()
    };
    let boxed = |tokenizer: MultilingualTokenizer| Box::new(tokenizer) as Box<dyn Tokenizer>;
    match kind {
        0 => many(Scheme::M2m100, "fairseq.model", true).map(boxed),
        1 => many(Scheme::Nllb, "nllb.model", false).map(boxed),
        2 => SpieceTokenizer::open(&at("madlad.model"), spiece(0)).ok().map(|found| Box::new(found) as Box<_>),
        3 => SpieceTokenizer::open(&at("t5.model"), spiece(PEGASUS_OFFSET)).ok().map(|found| Box::new(found) as Box<_>),
        6 => many(Scheme::Nllb, "nllb.json", false).map(boxed),
        4 => {
            let files = Files::Merges(at("bart-vocab.json"), at("merges.txt"));
            BartTokenizer::open(&files, bart()).ok().map(|found| Box::new(found) as Box<_>)
        }
        _ => {
            BartTokenizer::open(&Files::Whole(at("tokenizer.json")), bart()).ok().map(|found| Box::new(found) as Box<_>)
        }
    }
}

#[test]
fn tokenizer_files() {
    let place = tempfile::tempdir().unwrap();
    let seeds = tiny().join("tokenizers");
    let files: [&[&str]; 7] = [
        &["vocab.json", "fairseq.model"],
        &["nllb.model"],
        &["madlad.model"],
        &["t5.model"],
        &["bart-vocab.json", "merges.txt"],
        &["tokenizer.json"],
        &["nllb.json"],
    ];
    let seed = |name: &str| if name == "nllb.json" { tiny().join("nllb-json").join(name) } else { seeds.join(name) };
    let mut harness = Harness::new("tokenizer files", 1200);
    while harness.goes_on() {
        let mut random = harness.random();
        let kind = random.below(files.len());
        for name in files[kind] {
            std::fs::copy(seed(name), place.path().join(name)).unwrap();
        }
        let damaged = files[kind][random.below(files[kind].len())];
        let mut bytes = std::fs::read(seed(damaged)).unwrap();
        let length = bytes.len();
        mutate::bytes(&mut bytes, &[0..length.min(300), length.saturating_sub(200)..length, 0..length], &mut random);
        std::fs::write(place.path().join(damaged), &bytes).unwrap();
        let vocab = 700 + random.below(2000);
        harness.run(&Input { bytes: &bytes, honest: bytes.len() }, || {
            open(kind, place.path(), vocab).is_some_and(|tokenizer| tries(tokenizer.as_ref(), vocab))
        });
    }
    harness.finish();
}
