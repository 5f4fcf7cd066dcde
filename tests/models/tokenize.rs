//! The tokenizers of real checkpoints against their references.
//!
//! `TLUMACH_TEST_WEIGHTS` names the folder with the checkpoints. Three variables name files of lines that a script in
//! `tools/reference` recorded on the spot (one JSON object a line: text, ids, decoded), which are not committed:
//! `TLUMACH_SPM_LINES` (`MODEL=LINES` pairs, parted by `:`) and `TLUMACH_GGUF_LINES` and
//! `TLUMACH_MARIAN_LINES` (the same).

#![allow(clippy::unwrap_used, clippy::print_stderr)]
// The tests are told by variables where the checkpoints are.
#![allow(clippy::disallowed_methods)]

use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tlumach::language::Language;
use tlumach::prompt::{Message, Role, TEXT_MARK, messages};
use tlumach::token::Task;
use tlumach::tokenize::Tokenizer;
use tlumach::tokenize::chat::ChatTokenizer;
use tlumach::tokenize::marian::{Files, MarianTokenizer};
use tlumach::tokenize::sentencepiece::SentencePiece;

#[derive(Deserialize)]
struct Line {
    text: String,
    ids: Vec<u32>,
    decoded: Option<String>,
}

#[derive(Deserialize)]
struct ChatGolden {
    cases: Vec<Line>,
    markup: Vec<Line>,
    chats: Vec<Chat>,
}

#[derive(Deserialize)]
struct Chat {
    messages: Vec<Said>,
    rendered: String,
    ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Said {
    role: String,
    content: String,
}

fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tokenize").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn weights() -> PathBuf {
    std::env::var_os("TLUMACH_TEST_WEIGHTS")
        .map(PathBuf::from)
        .expect("TLUMACH_TEST_WEIGHTS names the folder of the checkpoints")
}

/// The `MODEL=LINES` pairs of a variable; none if it is not set.
fn recorded(variable: &str) -> Vec<(PathBuf, PathBuf)> {
    let value = std::env::var(variable).unwrap_or_default();
    value
        .split(':')
        .filter_map(|pair| pair.split_once('='))
        .map(|(model, lines)| (PathBuf::from(model), PathBuf::from(lines)))
        .collect()
}

fn lines(path: &Path) -> impl Iterator<Item = Line> {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    file.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

fn chat_tokenizer(path: &Path) -> ChatTokenizer {
    let mut file = std::fs::File::open(path).unwrap();
    let content = candle_core::quantized::gguf_file::Content::read(&mut file).unwrap();
    ChatTokenizer::from_metadata(path, &content.metadata).unwrap()
}

#[test]
fn sentencepiece_agrees_on_recorded_lines() {
    for (model, recorded) in recorded("TLUMACH_SPM_LINES") {
        let tokenizer = SentencePiece::open(&model).unwrap();
        let (mut count, mut tokens, mut wrong) = (0, 0, 0);
        for line in lines(&recorded) {
            count += 1;
            tokens += line.ids.len();
            if tokenizer.encode_ids(&line.text) != line.ids
                || line.decoded.is_some_and(|text| tokenizer.decode_ids(&line.ids).unwrap() != text)
            {
                wrong += 1;
                if wrong < 10 {
                    eprintln!("{}: {:?}", model.display(), line.text);
                }
            }
        }
        eprintln!("{}: {count} lines, {tokens} pieces, {wrong} lines differ", model.display());
        assert_eq!(wrong, 0, "{}", model.display());
    }
}

#[test]
fn gguf_tokenizer_agrees_on_recorded_lines() {
    for (model, recorded) in recorded("TLUMACH_GGUF_LINES") {
        let chat = chat_tokenizer(&model);
        let (mut count, mut tokens, mut wrong) = (0, 0, 0);
        for line in lines(&recorded) {
            count += 1;
            tokens += line.ids.len();
            let ids = chat.tokenizer().encode_text(&line.text).unwrap();
            if ids != line.ids || chat.tokenizer().decode(&ids) != line.text {
                wrong += 1;
                eprintln!("{:?}", line.text);
            }
        }
        eprintln!("{}: {count} lines, {tokens} tokens, {wrong} lines differ", model.display());
        assert_eq!(wrong, 0, "{}", model.display());
    }
}

#[test]
fn qwen_text_and_markup_are_those_of_llama_cpp() {
    let chat = chat_tokenizer(&weights().join("qwen2.5-coder-0.5b.gguf"));
    let golden: ChatGolden = serde_json::from_str(&golden("qwen2.json")).unwrap();
    for case in &golden.cases {
        assert_eq!(chat.tokenizer().encode_text(&case.text).unwrap(), case.ids, "{:?}", case.text);
        assert_eq!(chat.tokenizer().decode(&case.ids), case.text);
    }
    for case in &golden.markup {
        assert_eq!(chat.tokenizer().encode_markup(&case.text).unwrap(), case.ids, "{:?}", case.text);
    }
}

#[test]
fn qwen_template_is_rendered_as_by_transformers() {
    let chat = chat_tokenizer(&weights().join("qwen2.5-coder-0.5b.gguf"));
    let golden: ChatGolden = serde_json::from_str(&golden("qwen2.json")).unwrap();
    for case in &golden.chats {
        let messages: Vec<Message> = case
            .messages
            .iter()
            .map(|said| Message {
                role: if said.role == "system" { Role::System } else { Role::User },
                content: said.content.clone(),
            })
            .collect();
        let rendered = chat.template().unwrap().render(&messages).unwrap();
        assert_eq!(rendered, case.rendered);
        assert_eq!(chat.tokenizer().encode_markup(&rendered).unwrap(), case.ids);
    }
}

const OPUS: [(&str, &str); 2] = [("opus-mt-en-fr", "fr"), ("opus-mt-fr-en", "en")];

fn marian(folder: &Path) -> MarianTokenizer {
    MarianTokenizer::open(&Files::in_folder(folder), 59513).unwrap()
}

/// Compares with what transformers' `MarianTokenizer` answered; the number of lines that differ.
fn differing(folder: &Path, to: &str, lines: impl Iterator<Item = Line>) -> (usize, usize) {
    let tokenizer = marian(folder);
    let task = Task::Translate { from: Language::UK, to: to.parse().unwrap() };
    let (mut count, mut wrong) = (0, 0);
    for line in lines {
        count += 1;
        let prompt = tokenizer.encode(&line.text, &task).unwrap();
        assert_eq!((prompt.prefix, prompt.shared), (vec![59513], 0));
        let decoded = tokenizer.decode(&line.ids);
        if prompt.source != line.ids || Some(&decoded) != line.decoded.as_ref() {
            wrong += 1;
            if wrong < 6 {
                eprintln!("{:?}\n {:?} {decoded:?}\n {:?} {:?}", line.text, prompt.source, line.ids, line.decoded);
            }
        }
    }
    (count, wrong)
}

fn opus(folder: &str) -> PathBuf {
    weights().join(folder)
}

#[test]
fn marian_ids_and_texts_are_those_of_transformers() {
    for ((folder, to), name) in OPUS.into_iter().zip(["marian-en-fr.json", "marian-fr-en.json"]) {
        let golden: serde_json::Value = serde_json::from_str(&golden(name)).unwrap();
        let cases: Vec<Line> = serde_json::from_value(golden["cases"].clone()).unwrap();
        assert_eq!(differing(&opus(folder), to, cases.into_iter()).1, 0, "{folder}");
    }
    for (folder, recorded) in recorded("TLUMACH_MARIAN_LINES") {
        let to = OPUS.iter().find(|(name, _)| folder.ends_with(name)).map_or("en", |(_, to)| to);
        let (count, wrong) = differing(&folder, to, lines(&recorded));
        eprintln!("{}: {count} lines, {wrong} differ", folder.display());
        assert_eq!(wrong, 0);
    }
}

#[test]
fn opus_sentencepiece_models_answer_as_the_reference() {
    for side in ["source", "target"] {
        let model = SentencePiece::open(&opus("opus-mt-en-fr").join(format!("{side}.spm"))).unwrap();
        let golden: serde_json::Value = serde_json::from_str(&golden(&format!("opus-mt-en-fr-{side}.json"))).unwrap();
        let cases: Vec<Line> = serde_json::from_value(golden["cases"].clone()).unwrap();
        assert!(cases.len() > 80);
        for case in cases {
            assert_eq!(model.encode_ids(&case.text), case.ids, "{:?}", case.text);
            assert_eq!(Some(model.decode_ids(&case.ids).unwrap()), case.decoded);
        }
    }
}

#[test]
fn a_model_with_one_target_refuses_another() {
    let tokenizer = marian(&opus("opus-mt-en-fr"));
    let error = tokenizer.encode("Hello", &Task::Translate { from: Language::EN, to: Language::KO }).unwrap_err();
    assert!(error.to_string().contains("fr only"), "{error}");
}

#[test]
fn qwen_prompts_are_the_rendered_conversation_as_a_whole() {
    let chat = chat_tokenizer(&weights().join("qwen2.5-coder-0.5b.gguf"));
    let golden: ChatGolden = serde_json::from_str(&golden("qwen2.json")).unwrap();
    for to in [Language::EN, Language::UK, Language::KO] {
        let task = Task::Translate { from: Language::UK, to };
        let rendered = chat.template().unwrap().render(&messages(&task)).unwrap();
        for case in &golden.cases {
            let text = case.text.trim();
            if text.is_empty() || text.contains("<|") {
                continue;
            }
            let whole = chat.tokenizer().encode_markup(&rendered.replace(TEXT_MARK, text)).unwrap();
            assert_eq!(chat.encode(&case.text, &task).unwrap().prefix, whole, "{text:?}");
        }
    }
}
