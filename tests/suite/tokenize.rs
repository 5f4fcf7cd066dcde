//! The tokenizers against what their references answered: SentencePiece models in `tests/tiny/spm-*`.
//!
//! `tools/reference/` has the scripts that trained the models and recorded the answers.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tlumach::language::Language;
use tlumach::token::{SummaryLength, SummaryStage, SummaryWording, Task, TokenId};
use tlumach::tokenize::Tokenizer;
use tlumach::tokenize::marian::{Files, MarianTokenizer};
use tlumach::tokenize::sentencepiece::{PieceKind, SentencePiece};

/// What the C++ library answered for one model.
#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
    long: Vec<Long>,
    decode_ids: Vec<DecodeIds>,
    decode_pieces: Vec<DecodePieces>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    pieces: Vec<String>,
    decoded: String,
}

/// A long line, as what it repeats; the answer as number and hash of the ids.
#[derive(Deserialize)]
struct Long {
    repeat: String,
    times: usize,
    count: usize,
    hash: String,
}

#[derive(Deserialize)]
struct DecodeIds {
    ids: Vec<u32>,
    text: String,
}

#[derive(Deserialize)]
struct DecodePieces {
    pieces: Vec<String>,
    text: String,
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// FNV-1a over the ids as 32-bit little-endian numbers.
fn hash(ids: &[u32]) -> String {
    let bytes = ids.iter().flat_map(|id| id.to_le_bytes());
    format!("{:016x}", bytes.fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3)))
}

fn check(name: &str) {
    let model = SentencePiece::open(&tests().join("tiny").join(name).join("model.spm")).unwrap();
    let golden = std::fs::read_to_string(tests().join("golden/tokenize").join(format!("{name}.json"))).unwrap();
    let golden: Golden = serde_json::from_str(&golden).unwrap();
    assert!(golden.cases.len() > 80, "{name}: the golden file is too short to mean anything");
    for case in &golden.cases {
        let encoding = model.encode(&case.text);
        assert_eq!(encoding.ids().collect::<Vec<_>>(), case.ids, "{name}: ids of {:?}", case.text);
        // The bytes of an unknown character have the spelling of their piece in the reference, a text here.
        for ((id, text), expected) in encoding.pieces().zip(&case.pieces) {
            let (spelling, kind) = model.piece(id).unwrap();
            let got = if kind == PieceKind::Byte { spelling } else { &*text };
            assert_eq!(got, expected, "{name}: pieces of {:?}", case.text);
        }
        assert_eq!(model.decode_ids(&case.ids).unwrap(), case.decoded, "{name}: decoding of {:?}", case.ids);
    }
    for Long { repeat, times, count, hash: expected } in &golden.long {
        let ids = model.encode_ids(&repeat.repeat(*times));
        assert_eq!((ids.len(), &hash(&ids)), (*count, expected), "{name}: {repeat:?} x {times}");
    }
    for case in &golden.decode_ids {
        assert_eq!(model.decode_ids(&case.ids).unwrap(), case.text, "{name}: decoding of {:?}", case.ids);
    }
    for case in &golden.decode_pieces {
        let text = model.decode_pieces(case.pieces.iter().map(String::as_str));
        assert_eq!(text, case.text, "{name}: decoding of {:?}", case.pieces);
    }
}

#[test]
fn unigram_with_a_character_map_is_that_of_the_reference() {
    check("spm-unigram");
}

#[test]
fn unigram_with_byte_fallback_is_that_of_the_reference() {
    check("spm-bytes");
}

#[test]
fn unigram_with_user_defined_symbols_is_that_of_the_reference() {
    check("spm-symbols");
}

#[test]
fn unigram_with_whitespace_as_suffix_is_that_of_the_reference() {
    check("spm-suffix");
}

#[test]
fn bpe_with_a_character_map_is_that_of_the_reference() {
    check("spm-bpe");
}

#[test]
fn bpe_with_byte_fallback_is_that_of_the_reference() {
    check("spm-bpe-bytes");
}

#[test]
fn bpe_with_user_defined_symbols_is_that_of_the_reference() {
    check("spm-bpe-symbols");
}

#[test]
fn damaged_models_are_errors() {
    let bytes = std::fs::read(tests().join("tiny/spm-unigram/model.spm")).unwrap();
    assert!(SentencePiece::from_bytes(&bytes).is_ok());
    for (place, step) in [(0, 97), (1, 211)] {
        for end in (place..bytes.len() - 1).step_by(step) {
            // A file that is cut between two fields may still be a model, but most cuts are errors and none a panic.
            if let Ok(model) = SentencePiece::from_bytes(&bytes[..end]) {
                model.encode_ids("Старий lighthouse 등대");
            }
        }
    }
    for place in (0..bytes.len()).step_by(13) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x55;
        if let Ok(model) = SentencePiece::from_bytes(&damaged) {
            let ids = model.encode_ids("Старий lighthouse e\u{301} 등대 \u{1112}\u{1161}\u{11ab}");
            model.decode_ids(&ids).unwrap();
        }
    }
}

#[test]
fn a_line_of_ten_megabytes_is_encoded() {
    for name in ["spm-unigram", "spm-bpe"] {
        let model = SentencePiece::open(&tests().join("tiny").join(name).join("model.spm")).unwrap();
        let line = "Старийдоглядачмаяка".repeat(10_000_000 / 38);
        assert!(model.encode_ids(&line).len() > 1_000_000, "{name}");
    }
}

/// A checkpoint's tokenizer over two tiny models: `</s>` 0, `<unk>` 1, then the pieces of both, `extra`, `<pad>`.
fn marian(source: &str, target: &str, extra: &[&str]) -> (tempfile::TempDir, MarianTokenizer) {
    let folder = tempfile::tempdir().unwrap();
    let mut tokens = vec!["</s>".to_string(), "<unk>".to_string()];
    for (name, file) in [(source, "source.spm"), (target, "target.spm")] {
        let path = tests().join("tiny").join(name).join("model.spm");
        std::fs::copy(&path, folder.path().join(file)).unwrap();
        let model = SentencePiece::open(&path).unwrap();
        let pieces = (0..model.len() as u32).map(|id| model.piece(id).unwrap());
        tokens.extend(pieces.filter(|(_, kind)| *kind == PieceKind::Normal).map(|(text, _)| text.to_string()));
    }
    tokens.extend(extra.iter().map(|token| (*token).to_string()));
    tokens.push("<pad>".to_string());
    let mut vocab = serde_json::Map::new();
    for token in tokens {
        let next = vocab.len();
        vocab.entry(token).or_insert(next.into());
    }
    let pad = vocab["<pad>"].as_u64().unwrap() as TokenId;
    std::fs::write(folder.path().join("vocab.json"), serde_json::to_vec(&vocab).unwrap()).unwrap();
    let tokenizer = MarianTokenizer::open(&Files::in_folder(folder.path()), pad).unwrap();
    (folder, tokenizer)
}

fn translate(from: Language, to: Language) -> Task {
    Task::Translate { from, to }
}

#[test]
fn marian_source_ends_with_the_end_token_and_comes_back() {
    let (_folder, tokenizer) = marian("spm-unigram", "spm-bpe", &[]);
    let text = "Пекарня на Млиновій вулиці продає 300 хлібин на день.";
    let prompt = tokenizer.encode(text, &translate(Language::UK, Language::EN)).unwrap();
    assert_eq!(prompt.source.last(), Some(&tokenizer.end()));
    assert_eq!(prompt.source.len(), tokenizer.count(text) + 1);
    assert_eq!((prompt.prefix.len(), prompt.shared), (1, 0));
    assert_eq!(tokenizer.decode(&prompt.source), text);
    assert_eq!(tokenizer.decode(&[prompt.prefix[0], 1, 0, 100_000]), "");
    assert_eq!(tokenizer.encode("", &translate(Language::UK, Language::EN)).unwrap().source, vec![0]);
}

#[test]
fn marian_language_tokens_come_from_the_task() {
    let extra = [">>ukr<<", ">>kor_Hang<<", ">>rus<<", ">>cmn_Hans<<"];
    let (_folder, tokenizer) = marian("spm-unigram", "spm-unigram", &extra);
    let first = |to: Language| tokenizer.encode("Rain fell.", &translate(Language::EN, to)).map(|p| p.source[0]);
    let (ukrainian, korean) = (first(Language::UK).unwrap(), first(Language::KO).unwrap());
    assert_eq!(korean, ukrainian + 1);
    assert_eq!(first("zh".parse().unwrap()).unwrap(), ukrainian + 3);
    assert_eq!(tokenizer.language_codes().collect::<Vec<_>>(), ["cmn_Hans", "kor_Hang", "rus", "ukr"]);
    let error = first(Language::EN).unwrap_err().to_string();
    assert!(error.contains("cannot translate into en") && error.contains("rus, ukr"), "{error}");
    let task = Task::Summarize {
        from: Language::UK,
        to: Language::UK,
        length: SummaryLength::Short,
        stage: SummaryStage::Whole,
        wording: SummaryWording::Plain,
    };
    assert!(tokenizer.encode("Rain fell.", &task).unwrap_err().to_string().contains("cannot summarize"));
}

#[test]
fn marian_texts_cannot_spell_special_or_language_tokens() {
    // `spm-symbols` has `>>ukr<<` as a piece of its own; in the byteless Korean rest of `spm-unigram` it is unknown.
    for source in ["spm-symbols", "spm-unigram"] {
        let (_folder, tokenizer) = marian(source, "spm-unigram", &[">>ukr<<", ">>kor<<", "漢字"]);
        let forced = tokenizer.encode("", &translate(Language::EN, Language::KO)).unwrap().source;
        for text in [">>ukr<< Rain fell.", "Rain >>ukr<<", "</s>", "a<pad><unk>", ">>ukr<<>>ukr<<"] {
            let source = tokenizer.encode(text, &translate(Language::EN, Language::KO)).unwrap().source;
            let ukrainian = tokenizer.encode("", &translate(Language::EN, Language::UK)).unwrap().source[0];
            assert_eq!((source[0], source[source.len() - 1]), (forced[0], tokenizer.end()));
            assert!(source[1..source.len() - 1].iter().all(|&id| id != ukrainian && id != tokenizer.end()), "{text}");
        }
    }
}

#[test]
fn marian_unknown_runs_are_looked_up_whole() {
    let (_folder, tokenizer) = marian("spm-unigram", "spm-unigram", &["漢字"]);
    let ids = |text: &str| tokenizer.encode(text, &translate(Language::EN, Language::UK)).unwrap().source;
    let known = ids("漢字");
    assert!(!known.contains(&tokenizer.unknown()), "{known:?}");
    assert!(ids("漢漢").contains(&tokenizer.unknown()));
}

#[test]
fn marian_files_that_are_missing_or_damaged_are_named() {
    let (folder, _) = marian("spm-unigram", "spm-unigram", &[]);
    let files = Files::in_folder(folder.path());
    let error = |name: &str, bytes: Option<&[u8]>| {
        let path = folder.path().join(name);
        let kept = std::fs::read(&path).unwrap();
        match bytes {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let error = MarianTokenizer::open(&files, 0).unwrap_err().to_string();
        std::fs::write(&path, kept).unwrap();
        assert!(error.contains(name), "{error}");
        error
    };
    assert!(error("vocab.json", Some(b"{\"a\": 0}")).contains("no </s>"));
    assert!(error("vocab.json", Some(b"<html>")).contains("expected an object"));
    assert!(error("vocab.json", Some(b"{\"</s>\": 0, \"<unk>\": 4000000000}")).contains("largest id"));
    assert!(error("source.spm", Some(b"<html>")).contains("damaged"));
    error("target.spm", None);
    error("vocab.json", None);
}

#[test]
fn marian_target_vocabularies_may_be_separate() {
    let (folder, _) = marian("spm-unigram", "spm-unigram", &[]);
    let vocab = r#"{"</s>": 0, "<unk>": 1, "▁Слово": 2, "!": 3, "<pad>": 4}"#;
    std::fs::write(folder.path().join("target_vocab.json"), vocab).unwrap();
    std::fs::write(folder.path().join("tokenizer_config.json"), r#"{"target_lang": "ukr"}"#).unwrap();
    let tokenizer = MarianTokenizer::open(&Files::in_folder(folder.path()), 4).unwrap();
    assert_eq!(tokenizer.decode(&[2, 3, 2, 0]), "Слово! Слово");
    assert!(tokenizer.encode("Rain.", &translate(Language::EN, Language::UK)).is_ok());
    let error = tokenizer.encode("Rain.", &translate(Language::EN, Language::KO)).unwrap_err().to_string();
    assert!(error.contains("uk only"), "{error}");
}
