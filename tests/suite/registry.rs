//! Models without a card, models put there by hand, and the table of models.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use tlumach::registry::{self, Family, Place, Role, Settings};

use crate::loopback::{Files, card, sha256};

struct Home {
    dir: tempfile::TempDir,
    settings: Settings,
}

fn home() -> Home {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(dir.path().join("hub"), dir.path().join("data"));
    settings.local_dir = dir.path().join("local");
    settings.offline = true;
    Home { dir, settings }
}

fn write(folder: &Path, files: &Files) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, content) in &files.0 {
        std::fs::write(folder.join(name), content).unwrap();
    }
}

/// A GGUF header with a few entries in front of the architecture.
fn gguf(architecture: &str) -> Vec<u8> {
    let text = |t: &str| [&(t.len() as u64).to_le_bytes()[..], t.as_bytes()].concat();
    let entry = |key: &str, kind: u32, value: &[u8]| [&text(key)[..], &kind.to_le_bytes(), value].concat();
    let words = [&8u32.to_le_bytes()[..], &2u64.to_le_bytes(), &text("a"), &text("б")].concat();
    let numbers = [&5u32.to_le_bytes()[..], &3u64.to_le_bytes(), &[0; 12]].concat();
    [
        b"GGUF".to_vec(),
        3u32.to_le_bytes().to_vec(),
        0u64.to_le_bytes().to_vec(),
        5u64.to_le_bytes().to_vec(),
        entry("flag", 7, &[1]),
        entry("wide", 12, &[0; 8]),
        entry("words", 9, &words),
        entry("numbers", 9, &numbers),
        entry("general.architecture", 8, &text(architecture)),
    ]
    .concat()
}

fn check_refused(home: &Home, path: &Path, parts: &[&str]) {
    let error = registry::from_path(path, &home.settings).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

#[test]
fn a_marian_folder_needs_no_card() {
    let home = home();
    let folder = home.dir.path().join("my-model");
    write(&folder, &Files::marian());
    let model = registry::from_path(&folder, &home.settings).unwrap();
    assert_eq!((model.name.as_str(), model.family), ("my-model", Family::Marian));
    assert!(model.card.is_none() && model.license.is_none());
    assert_eq!(model.sha256["model.safetensors"], sha256(Files::marian().get("model.safetensors")));
    assert!(model.one(Role::Weights).unwrap().ends_with("model.safetensors"));
    assert!(model.one(Role::GenerationConfig).is_none());
}

#[test]
fn a_folder_is_told_apart_by_its_config() {
    let home = home();
    let folder = home.dir.path().join("m");
    let mut files = Files::marian();
    files.set("config.json", br#"{"model_type": "gpt_neox"}"#);
    write(&folder, &files);
    check_refused(&home, &folder, &["\"gpt_neox\" is not supported", "expected one of marian, bart,"]);
    for (config, said) in
        [("{}", "model_type"), ("no json", "not JSON"), (r#"{"model_type":"qwen2"}"#, "tokenizer.json is missing")]
    {
        std::fs::write(folder.join("config.json"), config).unwrap();
        check_refused(&home, &folder, &[said]);
    }
    std::fs::write(folder.join("config.json"), r#"{"model_type":"marian"}"#).unwrap();
    std::fs::write(folder.join("model.safetensors"), "<!DOCTYPE html>").unwrap();
    check_refused(&home, &folder, &["model.safetensors", "does not look like a weights file"]);
    std::fs::remove_file(folder.join("model.safetensors")).unwrap();
    check_refused(&home, &folder, &["weights (model.safetensors or pytorch_model.bin) is missing"]);
    std::fs::remove_file(folder.join("target.spm")).unwrap();
    check_refused(&home, &folder, &["target.spm is missing", "copy all files"]);
}

#[test]
fn a_gguf_file_says_itself_what_it_is() {
    let home = home();
    let path = home.dir.path().join("chat.gguf");
    std::fs::write(&path, gguf("qwen2")).unwrap();
    let model = registry::from_path(&path, &home.settings).unwrap();
    assert_eq!((model.name.as_str(), model.family), ("chat", Family::Qwen2));
    assert_eq!(model.one(Role::Gguf), Some(path.as_path()));
    let folder = registry::from_path(home.dir.path(), &home.settings).unwrap();
    assert_eq!(folder.one(Role::Gguf), Some(path.as_path()), "a folder with one gguf is that gguf");
    std::fs::write(&path, gguf("falcon")).unwrap();
    check_refused(&home, &path, &["\"falcon\" is not supported"]);
    for cut in [4, 20, 60, gguf("qwen2").len() - 2] {
        std::fs::write(&path, &gguf("qwen2")[..cut]).unwrap();
        check_refused(&home, &path, &["GGUF header", "cut short or damaged"]);
    }
    std::fs::write(&path, "plain text").unwrap();
    check_refused(&home, &path, &["neither"]);
    check_refused(&home, Path::new("/no/such/model"), &["cannot read /no/such/model"]);
}

#[test]
fn files_put_there_by_hand_are_found_pinned_and_watched() {
    let home = home();
    let folder = home.settings.local_dir.join("tiny");
    write(&folder, &Files::marian());
    let found = registry::on_disk(card(""), &home.settings).unwrap();
    assert_eq!(found.place, Place::Local);
    let model = registry::resolve(card(""), &home.settings, &()).unwrap();
    assert_eq!((model.revision, model.license.as_deref()), (None, Some("Apache-2.0")));
    std::fs::write(folder.join("vocab.json"), r#"{"<pad>": 0}"#).unwrap();
    let error = registry::resolve(card(""), &home.settings, &()).unwrap_err().to_string();
    assert!(error.contains("vocab.json") && error.contains("by the lock"), "{error}");
    // Removing forgets the pin and leaves the user's own files.
    let removed = registry::remove(card(""), &home.settings).unwrap();
    assert_eq!(removed.kept, [folder.as_path()]);
    registry::resolve(card(""), &home.settings, &()).unwrap();
}

#[test]
fn an_incomplete_folder_is_no_model() {
    let home = home();
    let folder = home.settings.local_dir.join("tiny");
    for name in Files::marian().0.keys().filter(|name| *name != "README.md") {
        write(&folder, &Files::marian());
        assert!(registry::on_disk(card(""), &home.settings).is_some());
        std::fs::write(folder.join(name), "").unwrap();
        assert!(registry::on_disk(card(""), &home.settings).is_none(), "{name} is empty");
        std::fs::remove_file(folder.join(name)).unwrap();
        assert!(registry::on_disk(card(""), &home.settings).is_none(), "{name} is missing");
    }
}

#[test]
fn verification_says_what_it_compared_with() {
    let home = home();
    write(&home.settings.local_dir.join("tiny"), &Files::marian());
    let first = registry::verify(card(""), &home.settings, &()).unwrap();
    assert!(first.iter().all(|file| file.against == "nothing"));
    let second = registry::verify(card(""), &home.settings, &()).unwrap();
    assert!(second.iter().all(|file| file.against == "lock"));
    let hash = sha256(Files::marian().get("model.safetensors"));
    let strict = card(&format!("{{ name = \"model.safetensors\", role = \"weights\", sha256 = \"{hash}\" }},"));
    let third = registry::verify(strict, &home.settings, &()).unwrap();
    assert_eq!(third.iter().filter(|file| file.against == "card").count(), 1);
    let error =
        registry::verify(registry::find("opus-mt-en-uk").unwrap(), &home.settings, &()).unwrap_err().to_string();
    assert!(error.contains("models pull opus-mt-en-uk"), "{error}");
}

#[test]
fn the_table_lists_every_card_and_what_is_there() {
    let home = home();
    let table = registry::list(&home.settings);
    assert_eq!(table.len(), registry::cards().len());
    assert!(table.iter().all(|line| line.on_disk.is_none()));
}

#[test]
fn an_unknown_name_is_answered_with_near_ones() {
    let error = registry::unknown("opus-mt-en-ua").to_string();
    assert!(error.contains("\"opus-mt-en-ua\"") && error.contains("did you mean opus-mt-en-uk"), "{error}");
    assert!(!registry::unknown("zzz").to_string().contains("did you mean"));
}
