//! Damaged files: models, vocabularies and shortlists end in an error or in something that works, never in a panic and never in
//! an allocation out of proportion.
//!
//! The files are mutations of the tiny checkpoints, the same in every run. By default their number is fixed and small;
//! `TLUMACH_FUZZ_SECONDS` makes each test go on for so long, and inputs that fail are then kept in cargo's directory for tests.
//! `TLUMACH_FUZZ_SEED` makes other mutations, and `TLUMACH_FUZZ_FIRST` begins at the input of this number.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stderr)]

mod allocations;
mod causal;
mod checkpoint;
mod harness;
mod mutate;
mod pickles;
mod seq2seq;

use checkpoint::Checkpoint;
use harness::{Harness, Input};
use std::path::{Path, PathBuf};
use tlumach::decode::{SearchOptions, search};
use tlumach::model::bergamot::{Bergamot, Files, Vocabulary, load};
use tlumach::model::shortlist::Shortlist;
use tlumach::model::weights::{Weights, marian};
use tlumach::model::{Ask, Keep, LoadOptions, Model, Precision, Request};
use tlumach::token::TokenClasses;
use tlumach::tokenize::sentencepiece::SentencePiece;

const TINY: [(&str, usize, usize); 3] =
    [("bergamot-tied", 300, 300), ("bergamot-deep", 300, 300), ("bergamot-two-vocabularies", 300, 260)];

pub(crate) fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tiny")
}

/// The bytes of the file of a tiny checkpoint whose name begins so.
fn seed(folder: &str, start: &str) -> Vec<u8> {
    let entries = std::fs::read_dir(tiny().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with(start));
    std::fs::read(found.unwrap()).unwrap()
}

#[test]
fn models() {
    let place = tempfile::tempdir().unwrap();
    let seeds: Vec<Checkpoint> = TINY.iter().map(|(name, ..)| Checkpoint::parse(&seed(name, "model."))).collect();
    let lists: Vec<Vec<u8>> = TINY.iter().map(|(name, ..)| seed(name, "lex.")).collect();
    let path = place.path().join("model.bin");
    let shortlist = place.path().join("lex.bin");
    let mut harness = Harness::new("models", 250);
    while harness.goes_on() {
        let mut random = harness.random();
        let index = random.below(seeds.len());
        let (_, source, target) = TINY[index];
        let mut checkpoint = seeds[index].clone();
        let mut bytes = if random.chance(2, 3) {
            checkpoint.mutate(&mut random);
            checkpoint.write()
        } else {
            checkpoint.write()
        };
        if random.chance(1, 2) {
            let hot = [0..checkpoint.header().min(bytes.len()), bytes.len().saturating_sub(2_000)..bytes.len()];
            mutate::bytes(&mut bytes, &hot, &mut random);
        }
        std::fs::write(&path, &bytes).unwrap();
        std::fs::write(&shortlist, &lists[index]).unwrap();
        harness.run(&Input { bytes: &bytes, honest: bytes.len() }, || {
            let mut worked = false;
            if let Ok(weights) = Weights::open(std::slice::from_ref(&path)) {
                for (name, shape) in weights.list() {
                    let _ = weights.read(&name, &shape);
                    let _ = weights.read_quantized(&name, &shape);
                }
            }
            let _ = marian::description(&path);
            let shared = index < 2;
            let vocabulary = Vocabulary { source, target, shared, end: 0, unknown: 1, classes: &[] };
            for (precision, listed) in
                [(Precision::W8A16, true), (Precision::Int8, false), (Precision::F32, true), (Precision::F32, false)]
            {
                let files = Files { model: path.clone(), shortlist: listed.then(|| shortlist.clone()) };
                let options = LoadOptions { device: candle_core::Device::Cpu, precision, keep: Keep::Nowhere };
                match load(&files, &options, vocabulary) {
                    Ok(model) => worked |= uses(&model),
                    // What is wrong with the file is wrong whatever it is loaded for, but for numbers that are not finite.
                    Err(_) if precision == Precision::W8A16 => {}
                    Err(_) => break,
                }
            }
            worked
        });
    }
    harness.finish();
}

/// A few steps and a search; whether all of them worked.
fn uses(model: &Bergamot) -> bool {
    let sources = [vec![5, 17, 33, 9, 120, 0], vec![0], vec![259, 1, 0]];
    let request = |source| Request { source, prefix: &[0], shared: 0, allowed: TokenClasses::ALL, constraints: &[] };
    let requests: Vec<Request<'_>> = sources.iter().map(|source| request(&source[..])).collect();
    let Ok(mut state) = model.start(&requests) else { return false };
    state.align();
    let mut last = vec![0; requests.len()];
    for step in 0..3u32 {
        let ask = Ask { k: 4, allowed: None, adjust: &[], log_sum_exp: step != 1, also: &[] };
        let Ok(answers) = model.step(&last, &mut *state, &ask) else { return false };
        assert_eq!(answers.len(), last.len(), "answers");
        for (answer, last) in answers.iter().zip(&mut last) {
            assert!(answer.best.iter().all(|(token, logit)| !logit.is_nan() && (*token as usize) < model.spec().vocab));
            *last = answer.best.first().map_or(7, |item| item.0);
        }
        state.select(&[2, 0, 0, 1]).unwrap();
        last = vec![last[2], last[0], last[0] / 2, last[1]];
        state.select(&[0, 2, 3]).unwrap();
        last.remove(1);
    }
    let options = SearchOptions { max_new_tokens: 4, ..SearchOptions::default() };
    search(model, &requests, &options).is_ok_and(|answers| answers.iter().all(Result::is_ok))
}

#[test]
fn vocabularies() {
    let mut seeds: Vec<Vec<u8>> = vec![
        seed("bergamot-tied", "vocab."),
        seed("bergamot-two-vocabularies", "srcvocab."),
        seed("bergamot-two-vocabularies", "trgvocab."),
    ];
    for folder in
        ["spm-bpe", "spm-bpe-bytes", "spm-bpe-symbols", "spm-bytes", "spm-suffix", "spm-symbols", "spm-unigram"]
    {
        seeds.push(std::fs::read(tiny().join(folder).join("model.spm")).unwrap());
    }
    let long = "The ferry — паром, 한국어 — was late. ".repeat(30);
    let texts =
        ["", " ", "The ferry was late.", "паром\u{0}\u{2581}  \t\n<unk></s>", "한국어 🎉 ﬁ ½ ㌀ \u{FDFA}", &long];
    let mut harness = Harness::new("vocabularies", 2000);
    while harness.goes_on() {
        let mut random = harness.random();
        let mut bytes = seeds[random.below(seeds.len())].clone();
        let length = bytes.len();
        mutate::bytes(&mut bytes, &[0..length.min(200), length.saturating_sub(200)..length, 0..length], &mut random);
        let ids: Vec<u32> = (0..20).map(|_| random.below(320) as u32).collect();
        harness.run(&Input { bytes: &bytes, honest: bytes.len() }, || {
            let Ok(pieces) = SentencePiece::from_bytes(&bytes) else { return false };
            for text in texts {
                let encoding = pieces.encode(text);
                let ids: Vec<u32> = encoding.ids().collect();
                assert!(ids.iter().all(|&id| (id as usize) < pieces.len()), "ids");
                assert_eq!(encoding.pieces().count(), ids.len());
                pieces.decode_ids(&ids).unwrap();
            }
            let _ = pieces.decode_ids(&ids);
            let known = ids.iter().filter_map(|&id| pieces.piece(id)).map(|(piece, _)| piece);
            let _ = pieces.decode_pieces(known);
            true
        });
    }
    harness.finish();
}

#[test]
fn shortlists() {
    let place = tempfile::tempdir().unwrap();
    let seeds: Vec<Vec<u8>> = TINY.iter().map(|(name, ..)| seed(name, "lex.")).collect();
    let models: Vec<PathBuf> = TINY
        .iter()
        .map(|(name, ..)| {
            let path = place.path().join(format!("{name}.bin"));
            std::fs::write(&path, seed(name, "model.")).unwrap();
            path
        })
        .collect();
    let path = place.path().join("lex.bin");
    let mut harness = Harness::new("shortlists", 4000);
    while harness.goes_on() {
        let mut random = harness.random();
        let index = random.below(seeds.len());
        let (_, source, target) = TINY[index];
        let mut bytes = seeds[index].clone();
        let length = bytes.len();
        mutate::bytes(&mut bytes, &[16..48, 48..48 + 8 * (source + 1), 0..length], &mut random);
        if random.chance(9, 10) {
            checkpoint::sign_shortlist(&mut bytes);
        }
        let tried = random.chance(1, 64);
        harness.run(&Input { bytes: &bytes, honest: bytes.len() }, || {
            let Ok(shortlist) = Shortlist::parse(&bytes, (source, target), index < 2) else { return false };
            for tokens in [&[][..], &[0], &[5, 17, 299, 0], &[u32::MAX, 300, 301, 1 << 31]] {
                let tokens = shortlist.of(tokens);
                assert!(tokens.is_sorted_by(|a, b| a < b), "order");
                assert!(tokens.last().is_none_or(|&last| (last as usize) < target), "range");
            }
            if tried {
                std::fs::write(&path, &bytes).unwrap();
                let files = Files { model: models[index].clone(), shortlist: Some(path.clone()) };
                let vocabulary = Vocabulary { source, target, shared: index < 2, end: 0, unknown: 1, classes: &[] };
                for precision in [Precision::W8A16, Precision::F32] {
                    let options = LoadOptions { device: candle_core::Device::Cpu, precision, keep: Keep::Nowhere };
                    uses(&load(&files, &options, vocabulary).unwrap());
                }
            }
            true
        });
    }
    harness.finish();
}
