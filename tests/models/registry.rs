//! The mirrors of the real checkpoints: fetched if they are not on disk, then hashed against the cards.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use tlumach::registry::{self, Settings};

/// Pulls the model where the user's own settings say, and hashes every file anew.
fn check_mirrored(name: &str) {
    let settings = Settings::from_variables(&|name| std::env::var(name).ok());
    let card = registry::find(name).unwrap();
    let model = registry::pull(card, &settings, &()).unwrap();
    for file in registry::verify(card, &settings, &()).unwrap() {
        assert_eq!(model.sha256[&file.file], file.sha256, "{}", file.file);
    }
    let again = registry::from_path(registry::on_disk(card, &settings).unwrap().folder.as_path(), &settings).unwrap();
    assert_eq!(again.card.map(|card| card.name.as_str()), Some(name), "the weights are recognised without the name");
}

#[test]
fn qwen_coder_half_a_billion() {
    check_mirrored("qwen2.5-coder-0.5b-instruct");
}

#[test]
fn qwen_coder_one_and_a_half_billion() {
    check_mirrored("qwen2.5-coder-1.5b-instruct");
}

#[test]
fn opus_mt_both_ways() {
    check_mirrored("opus-mt-en-fr");
    check_mirrored("opus-mt-fr-en");
}
