//! Tests of the cards.

#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn every_file_in_models_is_embedded_and_parses() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut on_disk: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_string())
        .collect();
    on_disk.sort();
    let embedded: Vec<String> = EMBEDDED.iter().map(|(name, _)| (*name).to_string()).collect();
    assert_eq!(on_disk, embedded, "EMBEDDED lists the folder in alphabetical order");
    for (file, text) in EMBEDDED {
        let card = Card::parse(text).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(format!("{}.toml", card.name), *file);
    }
    assert_eq!(cards().len(), EMBEDDED.len());
}

#[test]
fn names_are_found_in_any_case_and_by_repository() {
    for name in ["opus-mt-en-fr", "OPUS-MT-en-FR", "Helsinki-NLP/opus-mt-en-fr"] {
        assert_eq!(find(name).unwrap().name, "opus-mt-en-fr", "{name}");
    }
    assert!(find("mozilla/firefox-translations-models").is_none(), "several cards are of it");
    assert!(find("opus-mt-tc-big-en-ko").is_none(), "that checkpoint is broken and must not be offered");
}

#[test]
fn addresses_are_encrypted_and_name_the_commit() {
    for card in cards().iter().filter(|card| !card.addresses.is_empty()) {
        assert!(card.addresses.iter().all(|address| address.url.starts_with("https://")), "{}", card.name);
        let commit = card.source.revision.as_deref().unwrap();
        let whole = card.addresses.iter().filter(|address| address.files.is_empty());
        assert!(whole.clone().count() >= 2 && whole.clone().all(|a| a.url.contains(commit)), "{}", card.name);
    }
}

#[test]
fn an_address_gives_the_published_name() {
    let card = find("firefox-en-uk-tiny").unwrap();
    let weights = card.files.iter().find(|file| file.role == Role::Weights).unwrap();
    let url = card.addresses[0].of(weights).unwrap();
    assert!(url.ends_with("/models/tiny/enuk/model.enuk.intgemm.alphas.bin.gz"), "{url}");
    let other = Address { url: "https://x/{}".into(), files: vec!["another".into()] };
    assert_eq!(other.of(weights), None);
}

#[test]
fn near_names_are_suggested() {
    assert!(near("opus-mt-en-ukr").contains(&"opus-mt-en-uk"));
    assert!(near("qwen2.5-coder").contains(&"qwen2.5-coder-1.5b-instruct"));
    assert!(near("completely-different-thing").is_empty());
}

#[test]
fn a_hash_that_is_cut_short_is_refused() {
    let good = EMBEDDED.iter().find(|(name, _)| name.contains("coder-0.5b")).unwrap().1;
    let hash = Card::parse(good).unwrap().files[0].sha256.clone().unwrap();
    let cut = good.replace(&hash, &hash[..63]);
    assert!(Card::parse(&cut).unwrap_err().to_string().contains("64 lower-case hex"));
}

#[test]
fn non_commercial_weights_need_acceptance() {
    for card in cards() {
        let open = ["Apache-2.0", "CC-BY-4.0", "MIT", "MPL-2.0", "CC-BY-SA-4.0"].contains(&card.license.name.as_str());
        assert_eq!(card.license.needs_acceptance, !open, "{}", card.name);
    }
}

#[test]
fn no_card_into_korean_or_ukrainian_by_a_small_chat_model_is_called_good() {
    for card in cards().iter().filter(|card| card.family.is_chat()) {
        for direction in card.directions.iter().filter(|d| [Language::UK, Language::KO].contains(&d.to)) {
            assert!(direction.quality < Quality::Good, "{} {}", card.name, direction.to);
        }
    }
}

#[test]
fn licences_without_commercial_use_are_of_that_class() {
    for card in cards() {
        let without = card.license.name.contains("-NC") || card.license.name.contains("Research");
        assert_eq!(card.license.class == LicenseClass::NonCommercial, without, "{}", card.name);
    }
}
