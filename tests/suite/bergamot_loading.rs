//! Bergamot from its files to text, as a job loads it, and what is said of files that do not belong together.

use crate::bergamot::{TINY, file, folder};
use candle_core::Device;
use std::path::{Path, PathBuf};
use tlumach::decode::{SearchOptions, search};
use tlumach::language::Language;
use tlumach::model::{Keep, LoadOptions, Precision, Request};
use tlumach::registry::load::{Loaded, load};
use tlumach::registry::{Family, ModelFiles, Role};
use tlumach::token::{Prompt, Task, TokenClasses};

const TIED: &str = TINY[0];
const DEEP: &str = TINY[1];
const TWO: &str = TINY[2];

/// The files of a tiny checkpoint by their roles.
fn files(name: &str) -> ModelFiles {
    let folder = folder(name);
    let mut files =
        vec![(Role::Weights, file(&folder, "model.", ".bin")), (Role::Shortlist, file(&folder, "lex.", ".bin"))];
    if name == TWO {
        files.extend([(Role::SourceSpm, file(&folder, "srcvocab.", ".spm"))]);
        files.extend([(Role::TargetSpm, file(&folder, "trgvocab.", ".spm"))]);
    } else {
        files.push((Role::SourceSpm, file(&folder, "vocab.", ".spm")));
    }
    ModelFiles {
        name: name.into(),
        family: Family::Bergamot,
        card: None,
        revision: None,
        license: None,
        files: files.into_iter().map(|(role, path)| (role, vec![path])).collect(),
        sha256: std::collections::BTreeMap::default(),
    }
}

fn with(name: &str, role: Role, path: PathBuf) -> ModelFiles {
    let mut files = files(name);
    files.files.insert(role, vec![path]);
    files
}

fn without(name: &str, role: Role) -> ModelFiles {
    let mut files = files(name);
    files.files.remove(&role);
    files
}

fn options(precision: Precision) -> LoadOptions {
    LoadOptions { device: Device::Cpu, precision, keep: Keep::BesideWeights }
}

fn task(to: Language) -> Task {
    Task::Translate { from: Language::EN, to }
}

/// Source ids and the answer.
fn translate(loaded: &Loaded, text: &str, to: Language) -> (Prompt, String) {
    let prompt = loaded.tokenizer.encode(text, &task(to)).unwrap();
    let Prompt { source, prefix, shared, allowed, .. } = &prompt;
    let request = Request { source, prefix, shared: *shared, allowed: *allowed, constraints: &[] };
    let options = SearchOptions { beams: loaded.default_beams, max_new_tokens: 30, ..SearchOptions::default() };
    let answer = search(&*loaded.model, &[request], &options).unwrap().remove(0).unwrap();
    let text = loaded.tokenizer.decode(&answer.ids);
    (prompt, text)
}

#[test]
fn a_text_becomes_a_text() {
    for (name, to) in [(TIED, Language::UK), (DEEP, Language::UK), (TWO, Language::KO)] {
        for precision in [Precision::Auto, Precision::F32, Precision::W8A16, Precision::Int8] {
            let loaded = load(&files(name), &options(precision)).unwrap();
            assert_eq!((loaded.name.as_str(), loaded.default_beams, loaded.source_limit), (name, 1, Some(127)));
            assert_eq!(loaded.model.spec().family, "bergamot");
            let (prompt, answer) = translate(&loaded, "The ferry was late again.", to);
            assert_eq!((prompt.source.last(), prompt.prefix.as_slice()), (Some(&0), &[0][..]), "{name}");
            assert!(
                prompt.source.len() > 3
                    && loaded.tokenizer.count("The ferry was late again.") + 1 == prompt.source.len()
            );
            assert!(!answer.is_empty() && !answer.contains("</s>") && !answer.contains("<unk>"), "{name}: {answer:?}");
            assert!(!answer.contains('\u{2581}') && answer.trim() == answer, "{name}: {answer:?}");
            assert_eq!(translate(&loaded, "The ferry was late again.", to).1, answer, "{name}");
        }
        // Nothing is kept beside the weights, whose matrices are in 8 bits already.
        let kept = std::fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(kept.into_iter().all(|name| !name.to_string_lossy().contains("tlumach")), "{name}");
    }
}

#[test]
fn without_a_shortlist_all_is_answered_from() {
    let (whole, some) = (without(TIED, Role::Shortlist), files(TIED));
    let run =
        |files: &ModelFiles| translate(&load(files, &options(Precision::Auto)).unwrap(), "Again.", Language::UK).1;
    assert_ne!(run(&whole), run(&some));
}

/// What such a list brings is not one text's failure alone if a row is left out of the answers.
#[test]
fn a_shortlist_without_tokens_fails_its_rows_and_no_more() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("lex.bin");
    // No token is always in, and source token 5 alone has one: the end.
    let mut words = vec![0u64, 50, 301, 2];
    words.extend((0..301u64).map(|token| if token > 5 { 2 } else { 0 }));
    words.push(0);
    let checksum = words
        .iter()
        .fold(0u64, |seed, word| seed ^ word.wrapping_add(0x9e37_79b9).wrapping_add(seed << 6).wrapping_add(seed >> 2));
    let words = [0xF11A_48D5_0134_17F5, checksum].into_iter().chain(words);
    std::fs::write(&path, words.flat_map(u64::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    for precision in [Precision::W8A16, Precision::Int8, Precision::F32] {
        let loaded = load(&with(TWO, Role::Shortlist, path.clone()), &options(precision)).unwrap();
        let request =
            |source| Request { source, prefix: &[0], shared: 0, allowed: TokenClasses::ALL, constraints: &[] };
        let batch = [request(&[7, 8, 0]), request(&[5, 0]), request(&[8])];
        let options = SearchOptions { max_new_tokens: 4, ..SearchOptions::default() };
        let answers = search(&*loaded.model, &batch, &options).unwrap();
        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, false], "{precision:?}");
    }
}

#[test]
fn answers_are_in_the_scripts_of_language_and_text() {
    let loaded = load(&files(TIED), &options(Precision::Auto)).unwrap();
    let cyrillic = |text: &str| text.chars().any(|letter| ('\u{400}'..'\u{500}').contains(&letter));
    let texts = ["The ferry was late.", "Again and again, 12 of them.", "A new year for all."];
    let answers = texts.map(|text| translate(&loaded, text, Language::EN).1);
    assert!(!answers.iter().any(|answer| cyrillic(answer)), "{answers:?}");
    let answers = texts.map(|text| translate(&loaded, text, Language::UK).1);
    assert!(answers.iter().any(|answer| cyrillic(answer)), "{answers:?}");
}

#[test]
fn a_translation_model_cannot_summarize() {
    use tlumach::token::{SummaryLength, SummaryStage, SummaryWording};
    let loaded = load(&files(TIED), &options(Precision::Auto)).unwrap();
    let (from, to) = (Language::EN, Language::UK);
    let task = Task::Summarize {
        from,
        to,
        length: SummaryLength::Short,
        stage: SummaryStage::Whole,
        wording: SummaryWording::Plain,
    };
    assert!(loaded.tokenizer.encode("A text.", &task).unwrap_err().to_string().contains("summarize"));
}

fn refused(files: &ModelFiles, parts: &[&str]) {
    for precision in [Precision::Auto, Precision::F32] {
        let message = match load(files, &options(precision)) {
            Ok(_) => panic!("expected an error with {parts:?}"),
            Err(error) => error.to_string(),
        };
        for part in parts {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
    }
}

#[test]
fn files_that_are_missing_are_named_by_their_roles() {
    refused(&without(TIED, Role::Weights), &["bergamot-tied", "no weights file"]);
    refused(&without(TIED, Role::SourceSpm), &["bergamot-tied", "no source-spm file"]);
    let gone = Path::new("/nowhere/at/all.bin").to_path_buf();
    for role in [Role::Weights, Role::SourceSpm, Role::Shortlist] {
        refused(&with(TIED, role, gone.clone()), &["/nowhere/at/all.bin"]);
    }
}

#[test]
fn files_of_two_models_do_not_belong_together() {
    let (two, tied) = (files(TWO), files(TIED));
    let path = |files: &ModelFiles, role: Role| files.one(role).unwrap().to_path_buf();
    // The target's vocabulary of one model and the other pieces of another.
    let wrong = with(TIED, Role::SourceSpm, path(&two, Role::TargetSpm));
    refused(&wrong, &["dim-vocabs", "300 for the source", "has 260 pieces", "do not belong together"]);
    let wrong = with(TIED, Role::TargetSpm, path(&two, Role::TargetSpm));
    refused(&wrong, &["300 for the target", "has 260 pieces"]);
    // Without its target's vocabulary a model of two is taken for one of one.
    refused(&without(TWO, Role::TargetSpm), &["260 for the target", "has 300 pieces"]);
    refused(&with(TWO, Role::Weights, path(&tied, Role::Weights)), &["300 for the target", "has 260 pieces"]);
    // A list of another model has tokens that the smaller vocabulary lacks.
    let wrong = with(TWO, Role::Shortlist, path(&tied, Role::Shortlist));
    refused(&wrong, &["shortlist", "expected ids below 260", "another model"]);
    // Files in each other's roles.
    let wrong = with(TIED, Role::Weights, path(&tied, Role::SourceSpm));
    refused(&wrong, &["vocab.enuk.spm"]);
    let wrong = with(TIED, Role::Shortlist, path(&tied, Role::Weights));
    refused(&wrong, &["shortlist", "expected a binary shortlist"]);
    let wrong = with(TIED, Role::SourceSpm, path(&tied, Role::Weights));
    refused(&wrong, &["model.enuk.intgemm.alphas.bin"]);
    let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tiny/spm-bpe");
    if let Ok(found) = std::fs::read_dir(other) {
        let spm =
            found.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some_and(|end| end == "model"));
        if let Some(spm) = spm {
            refused(&with(TIED, Role::SourceSpm, spm), &["300 for the source"]);
        }
    }
}

#[test]
fn what_a_model_says_of_itself_is_named_where_it_is_not_supported() {
    let place = tempfile::tempdir().unwrap();
    let model = std::fs::read(files(TIED).one(Role::Weights).unwrap()).unwrap();
    let change = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = model.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut changed = model.clone();
        changed[at..at + to.len()].copy_from_slice(to.as_bytes());
        let path = place.path().join("model.bin");
        std::fs::write(&path, changed).unwrap();
        with(TIED, Role::Weights, path)
    };
    refused(&change("dec-cell: ssru", "dec-cell: gru "), &["dec-cell", "gru", "ssru"]);
    refused(&change("transformer-decoder-autoreg: rnn", "transformer-decoder-autoreg: xyz"), &["autoreg", "xyz"]);
    refused(&change("transformer-heads: 4", "transformer-heads: 3"), &["transformer-heads = 3"]);
    refused(&change("enc-depth: 6", "enc-depth: 7"), &["missing: encoder.layers.6."]);
    refused(&change("dec-depth: 2", "dec-depth: 3"), &["missing: decoder.layers.2."]);
    refused(
        &change("dim-emb: 32", "dim-emb: 64"),
        &["wrong shape", "shared.weight (expected [300, 64], got [300, 32])"],
    );
    refused(&change("transformer-dim-ffn: 64", "transformer-dim-ffn: 65"), &["fc1.weight"]);
}
