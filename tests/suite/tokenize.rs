//! The tokenizers against what their references answered: SentencePiece models in `tests/tiny/spm-*`.
//!
//! `tools/reference/` has the scripts that trained the models and recorded the answers.

use std::path::{Path, PathBuf};

use serde::Deserialize;
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
