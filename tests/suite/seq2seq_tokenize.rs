//! The tokenizers of BART, M2M100, SMaLL-100, NLLB, mBART-50, T5, MADLAD-400 and PEGASUS against their references.
//!
//! `tools/reference/seq2seq_tokenizer_golden.py` made the small vocabularies (`tests/tiny/tokenizers`) and recorded the answers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tlumach::language::Language;
use tlumach::token::{SummaryLength, SummaryStage, SummaryWording, Task, TokenClasses};
use tlumach::tokenize::bart::{self, BartTokenizer};
use tlumach::tokenize::multilingual::{self, MultilingualTokenizer, Network, Scheme};
use tlumach::tokenize::spiece::{PEGASUS_OFFSET, Settings, SpieceTokenizer};
use tlumach::tokenize::{TokenizeError, Tokenizer};

#[derive(serde::Deserialize)]
struct Golden {
    texts: Vec<String>,
    kinds: BTreeMap<String, Kind>,
}

#[derive(serde::Deserialize)]
struct Kind {
    vocab: usize,
    /// The token of the target language, or that of the beginning.
    forced: Option<u32>,
    small100_first: Option<u32>,
    begin: Option<u32>,
    end: Option<u32>,
    ids: Vec<Vec<u32>>,
    /// Texts that do not come back as they were, by their number.
    changed: BTreeMap<usize, String>,
}

/// What the SentencePiece library answers on lines, as the other golden files have it.
#[derive(serde::Deserialize)]
struct Lines {
    cases: Vec<Line>,
}

#[derive(serde::Deserialize)]
struct Line {
    text: String,
    ids: Vec<u32>,
}

/// A change of a `tokenizer.json`.
type Change = fn(&mut serde_json::Value);

const TRANSLATE: Task = Task::Translate { from: Language::EN, to: Language::UK };

fn summarize(from: Language, to: Language) -> Task {
    let (stage, wording) = (SummaryStage::Whole, SummaryWording::Plain);
    Task::Summarize { from, to, length: SummaryLength::Short, stage, wording }
}

const SUMMARIZE: Task = Task::Summarize {
    from: Language::EN,
    to: Language::EN,
    length: SummaryLength::Short,
    stage: SummaryStage::Whole,
    wording: SummaryWording::Plain,
};

fn tests() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn tiny(name: &str) -> PathBuf {
    tests().join("tiny/tokenizers").join(name)
}

fn golden(kind: &str) -> (Vec<String>, Kind) {
    let bytes = std::fs::read(tests().join("golden/tokenize/seq2seq.json")).unwrap();
    let mut golden: Golden = serde_json::from_slice(&bytes).unwrap();
    (golden.texts, golden.kinds.remove(kind).unwrap())
}

/// Ids of all texts, and the texts that come back.
fn check(kind: &str, tokenizer: &dyn Tokenizer, task: &Task) {
    let (texts, Kind { ids, changed, vocab, .. }) = golden(kind);
    assert!(texts.len() > 40, "the golden file is too short to mean anything");
    for (at, (text, ids)) in texts.iter().zip(&ids).enumerate() {
        let prompt = tokenizer.encode(text, task).unwrap();
        assert_eq!(prompt.source, *ids, "{kind}: {text:?}");
        let expected = changed.get(&at).unwrap_or(text);
        assert_eq!(tokenizer.decode(&prompt.source), *expected, "{kind}: {text:?} decoded");
    }
    let classes = tokenizer.token_classes();
    assert_eq!(classes.len(), vocab, "{kind}");
    // What any text is made of may be answered.
    for ids in &ids {
        for &id in ids.iter().skip(2) {
            assert!(classes[id as usize].within(TokenClasses(u16::MAX >> 1)), "{kind}: token {id}");
        }
    }
}

fn multilingual(scheme: Scheme, kind: &str) -> MultilingualTokenizer {
    let pieces = tiny(if scheme == Scheme::Nllb { "nllb.model" } else { "fairseq.model" });
    let vocab = matches!(scheme, Scheme::M2m100 | Scheme::Small100).then(|| tiny("vocab.json"));
    let network = Network { vocab: golden(kind).1.vocab, decoder_start: 2 };
    MultilingualTokenizer::open(&multilingual::Files { pieces, vocab }, scheme, network).unwrap()
}

#[test]
fn many_languages_are_numbered_as_in_the_reference() {
    for (scheme, kind) in [(Scheme::M2m100, "m2m100"), (Scheme::Nllb, "nllb"), (Scheme::Mbart50, "mbart50")] {
        let tokenizer = multilingual(scheme, kind);
        check(kind, &tokenizer, &TRANSLATE);
        let prompt = tokenizer.encode("The river.", &TRANSLATE).unwrap();
        assert_eq!(prompt.prefix, [2, golden(kind).1.forced.unwrap()], "{kind}");
        let unknown = tokenizer.encode("a", &Task::Translate { from: Language::EN, to: "tlh".parse().unwrap() });
        assert!(unknown.unwrap_err().to_string().contains("it does not know tlh; its languages are "), "{kind}");
        assert!(tokenizer.encode("a", &SUMMARIZE).is_err(), "{kind}");
    }
}

fn from_json(path: &std::path::Path, scheme: Scheme, vocab: usize) -> Result<MultilingualTokenizer, TokenizeError> {
    let files = multilingual::Files { pieces: path.to_path_buf(), vocab: None };
    MultilingualTokenizer::open(&files, scheme, Network { vocab, decoder_start: 2 })
}

/// `tokenizer.json` without `sentencepiece.bpe.model`: the ids are those of the library with the model it was made of.
#[test]
fn tokenizer_json_alone_numbers_as_the_model_it_was_made_of() {
    let folder = tests().join("tiny/nllb-json");
    for (scheme, kind, name) in [(Scheme::Nllb, "nllb", "nllb.json"), (Scheme::Mbart50, "mbart50", "mbart50.json")] {
        check(kind, &from_json(&folder.join(name), scheme, golden(kind).1.vocab).unwrap(), &TRANSLATE);
    }
    let lines: Lines =
        serde_json::from_slice(&std::fs::read(tests().join("golden/tokenize/spm-bpe.json")).unwrap()).unwrap();
    assert!(lines.cases.len() > 40);
    let tokenizer = from_json(&folder.join("published.json"), Scheme::Nllb, 2000).unwrap();
    for Line { text, ids } in lines.cases {
        let source = tokenizer.encode(&text, &TRANSLATE).unwrap().source;
        let expected: Vec<u32> = ids.iter().map(|&id| if id == 0 { 3 } else { id + 1 }).collect();
        assert_eq!(source[1..source.len() - 1], expected, "{text:?}");
    }
}

#[test]
fn tokenizer_json_of_another_kind_is_refused_with_advice() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("tokenizer.json");
    let text = std::fs::read_to_string(tests().join("tiny/nllb-json/published.json")).unwrap();
    let refused = |change: Change| {
        let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
        change(&mut file);
        std::fs::write(&path, file.to_string()).unwrap();
        let message = from_json(&path, Scheme::Nllb, 2000).unwrap_err().to_string();
        assert!(
            message.contains("put the sentencepiece.bpe.model of the checkpoint's repository beside it"),
            "{message}"
        );
        message
    };
    let changes: [(Change, &str); 10] = [
        (|file| file["model"]["type"] = "WordPiece".into(), "model.type"),
        (|file| file["model"]["byte_fallback"] = true.into(), "model.byte_fallback = true"),
        (|file| file["model"]["merges"].as_array_mut().unwrap().swap(3, 40), "model.merges"),
        (|file| file["model"]["merges"].as_array_mut().unwrap().truncate(40), "follow from the pieces"),
        (|file| file["model"]["vocab"]["<pad>"] = 7.into(), "model.vocab"),
        (|file| file["normalizer"]["normalizers"][1]["content"] = "_".into(), "normalizer"),
        (|file| file["normalizer"]["normalizers"][0]["precompiled_charsmap"] = "!".into(), "precompiled_charsmap"),
        (|file| file["pre_tokenizer"] = serde_json::json!({"type": "ByteLevel"}), "pre_tokenizer"),
        (|file| file["pre_tokenizer"] = serde_json::Value::Null, "pre_tokenizer"),
        (|file| file["added_tokens"][5]["content"] = "tlh_Latn".into(), "the languages are others"),
    ];
    for (change, expected) in changes {
        let message = refused(change);
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

#[test]
fn small100_is_told_the_target_before_the_source() {
    let tokenizer = multilingual(Scheme::Small100, "m2m100");
    let (texts, kind) = golden("m2m100");
    for (text, ids) in texts.iter().zip(&kind.ids) {
        let prompt = tokenizer.encode(text, &TRANSLATE).unwrap();
        assert_eq!(prompt.source[0], kind.small100_first.unwrap());
        assert_eq!((&prompt.source[1..], &prompt.prefix[..]), (&ids[1..], &[2][..]));
    }
}

#[test]
fn no_text_spells_a_special_token() {
    let tokenizer = multilingual(Scheme::M2m100, "m2m100");
    let classes = tokenizer.token_classes();
    for text in ["__uk__ text", "</s><s><pad>", "<unk>"] {
        let prompt = tokenizer.encode(text, &TRANSLATE).unwrap();
        let inner = &prompt.source[1..prompt.source.len() - 1];
        assert!(inner.iter().all(|id| (3..334).contains(id)), "{text}: {inner:?}");
    }
    // Language tokens and what fills up the table are never answered.
    let forced = golden("m2m100").1.forced.unwrap();
    for id in [0, 1, forced as usize, classes.len() - 1] {
        assert!(!classes[id].within(tokenizer.encode("a", &TRANSLATE).unwrap().allowed), "{id}");
    }
    let madlad = spiece("madlad.model", "madlad", 0, "");
    let target = madlad.encode("", &TRANSLATE).unwrap().source;
    let source = madlad.encode("a <2ko> b", &TRANSLATE).unwrap().source;
    let other = madlad.encode("", &Task::Translate { from: Language::EN, to: Language::KO }).unwrap().source;
    assert_eq!(source[..2], target[..2]);
    assert!(!source.contains(&other[1]), "{source:?} {other:?}");
}

fn spiece(file: &str, kind: &str, offset: u32, prefix: &str) -> SpieceTokenizer {
    let settings = Settings {
        vocab: golden(kind).1.vocab,
        offset,
        decoder_start: 0,
        end: 1,
        summary_prefix: prefix.into(),
        languages: Vec::new(),
    };
    SpieceTokenizer::open(&tiny(file), settings).unwrap()
}

#[test]
fn one_vocabulary_for_both_sides_is_numbered_as_in_the_reference() {
    check("t5", &spiece("t5.model", "t5", 0, ""), &SUMMARIZE);
    check("pegasus", &spiece("t5.model", "pegasus", PEGASUS_OFFSET, ""), &SUMMARIZE);
    check("madlad", &spiece("madlad.model", "madlad", 0, ""), &TRANSLATE);
    let (texts, kind) = golden("t5-prefix");
    let tokenizer = spiece("t5.model", "t5", 0, "summarize: ");
    for (text, ids) in texts.iter().zip(&kind.ids) {
        let prompt = tokenizer.encode(text, &SUMMARIZE).unwrap();
        assert_eq!((&prompt.source, &prompt.prefix[..]), (ids, &[0][..]), "{text:?}");
    }
}

#[test]
fn what_a_checkpoint_was_not_made_for_is_refused() {
    let t5 = spiece("t5.model", "t5", 0, "");
    let madlad = spiece("madlad.model", "madlad", 0, "");
    assert!(!t5.translates() && madlad.translates());
    assert!(matches!(t5.encode("a", &TRANSLATE), Err(TokenizeError::Task(_))));
    assert!(matches!(madlad.encode("a", &SUMMARIZE), Err(TokenizeError::Task(_))));
    let message =
        madlad.encode("a", &Task::Translate { from: Language::EN, to: Language::RU }).unwrap_err().to_string();
    assert!(message.contains("cannot translate into ru"), "{message}");
    assert!(matches!(t5.encode("a", &summarize(Language::EN, Language::UK)), Err(TokenizeError::Task(_))));
    let (_, kind) = golden("bart");
    let english = bart_settings(&kind, vec![Language::EN]);
    let bart = BartTokenizer::open(&bart::Files::Merges(tiny("bart-vocab.json"), tiny("merges.txt")), english).unwrap();
    assert!(bart.encode("a", &SUMMARIZE).is_ok());
    let message = bart.encode("а", &summarize(Language::UK, Language::UK)).unwrap_err().to_string();
    assert!(message.contains("it summarizes articles in en only, not in uk"), "{message}");
    assert!(bart.encode("a", &TRANSLATE).is_err());
}

fn bart_settings(kind: &Kind, languages: Vec<Language>) -> bart::Settings {
    let (begin, end) = (kind.begin.unwrap(), kind.end.unwrap());
    bart::Settings { vocab: kind.vocab, begin, end, prefix: vec![end, begin], languages }
}

#[test]
fn byte_pairs_and_whole_files_are_those_of_the_reference() {
    for (name, files) in [
        ("bart", bart::Files::Merges(tiny("bart-vocab.json"), tiny("merges.txt"))),
        ("tokenizer-json", bart::Files::Whole(tiny("tokenizer.json"))),
    ] {
        let settings = bart_settings(&golden(name).1, Vec::new());
        let tokenizer = BartTokenizer::open(&files, settings.clone()).unwrap();
        check(name, &tokenizer, &SUMMARIZE);
        let prompt = tokenizer.encode("</s> <s>", &SUMMARIZE).unwrap();
        let inner = &prompt.source[1..prompt.source.len() - 1];
        assert!(!inner.contains(&settings.begin) && !inner.contains(&settings.end), "{name}: {inner:?}");
        assert_eq!(prompt.prefix, settings.prefix);
    }
}

#[test]
fn files_of_another_network_are_refused() {
    let files = multilingual::Files { pieces: tiny("fairseq.model"), vocab: None };
    let open = |scheme, vocab| MultilingualTokenizer::open(&files, scheme, Network { vocab, decoder_start: 2 });
    assert!(open(Scheme::Mbart50, 300).unwrap_err().to_string().contains("not of one checkpoint"));
    assert!(open(Scheme::M2m100, 9000).unwrap_err().to_string().contains("expected a vocab.json"));
    let settings =
        Settings { vocab: 10, offset: 0, decoder_start: 0, end: 1, summary_prefix: String::new(), languages: vec![] };
    assert!(SpieceTokenizer::open(&tiny("t5.model"), settings).unwrap_err().to_string().contains("the network has 10"));
    let settings = bart::Settings { vocab: 10, begin: 0, end: 2, prefix: vec![2], languages: vec![] };
    let files = bart::Files::Merges(tiny("bart-vocab.json"), tiny("merges.txt"));
    assert!(BartTokenizer::open(&files, settings).unwrap_err().to_string().contains("the network has 10"));
}
