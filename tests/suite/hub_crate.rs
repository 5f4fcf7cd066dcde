//! What the transfer of hf-hub 0.5 does where the Hub misbehaves: the reason why ours is our own (`docs/hub.md`).
//!
//! These tests describe the crate as it is. When one fails after an upgrade the crate has become better, and the table in
//! `docs/hub.md` and the choice that rests on it should be looked at again.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use hf_hub::Cache;
use hf_hub::api::sync::{ApiBuilder, ApiError};

use crate::loopback::{Files, Hub, REPOSITORY, Reply, sha256};

const WEIGHTS: &str = "model.safetensors";

fn theirs(hub: &Hub, token: Option<&str>) -> Result<PathBuf, ApiError> {
    ApiBuilder::from_cache(Cache::new(hub.settings.hub_cache.clone()))
        .with_endpoint(hub.hub.address.clone())
        .with_token(token.map(str::to_string))
        .with_progress(false)
        .build()?
        .model(REPOSITORY.to_string())
        .download(WEIGHTS)
}

/// What it gives for good although it is not the file.
fn check_believed(hub: &Hub) {
    let path = theirs(hub, None).unwrap();
    assert_ne!(sha256(&std::fs::read(path).unwrap()), sha256(Files::marian().get(WEIGHTS)));
}

#[test]
fn an_honest_hub_is_read_rightly() {
    let hub = Hub::honest(Files::marian());
    let path = theirs(&hub, None).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), Files::marian().get(WEIGHTS));
}

#[test]
fn other_content_than_promised_is_believed() {
    let mut other = Files::marian();
    let changed: Vec<u8> = other.get(WEIGHTS).iter().map(|b| b ^ 1).collect();
    other.set(WEIGHTS, &changed);
    check_believed(&Hub::faulty(Files::marian(), |_| None, move |r| Some(other.cdn(r))));
}

#[test]
fn a_body_without_length_that_ends_early_is_believed() {
    let files = Files::marian();
    check_believed(&Hub::faulty(
        files.clone(),
        |_| None,
        move |r| Some(if r.nth == 0 { files.cdn(r) } else { files.cdn(r).without_length().cut(1000) }),
    ));
}

#[test]
fn the_whole_file_is_glued_to_its_beginning_when_ranges_are_ignored() {
    let files = Files::marian();
    let copy = files.clone();
    let hub = Hub::faulty(files.clone(), |_| None, move |r| (r.nth > 0).then(|| Reply::new(200, copy.get(WEIGHTS))));
    let blobs = hub.repo().join("blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::write(blobs.join(format!("{}.part", sha256(files.get(WEIGHTS)))), &files.get(WEIGHTS)[..1000]).unwrap();
    check_believed(&hub);
}

#[test]
fn the_token_is_sent_to_the_other_origin() {
    let hub = Hub::honest(Files::marian());
    theirs(&hub, Some("hf_secret_token")).unwrap();
    let told = |r: &crate::loopback::Request| r.headers.contains_key("authorization");
    assert!(hub.cdn.requests().iter().any(told), "hf-hub now keeps the token at home");
}

#[test]
fn a_refusal_says_its_status_and_no_more() {
    let hub = Hub::faulty(Files::marian(), |_| Some(Reply::new(403, "").with("x-error-code", "GatedRepo")), |_| None);
    let error = theirs(&hub, None).unwrap_err().to_string();
    assert!(error.contains("403") && !error.contains("Gated"), "{error}");
}
