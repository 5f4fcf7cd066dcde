//! The Hub client against a Hub that misbehaves. `docs/hub.md` has the table of what is tested here.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use tlumach::registry::{self, Card, RegistryError, Role};

use crate::loopback::{COMMIT, Files, Hub, Reply, Request, Told, card, card_with, git_sha1, names_in, sha256};

const WEIGHTS: &str = "model.safetensors";

fn pull(hub: &Hub, card: &'static Card) -> Result<registry::ModelFiles, RegistryError> {
    registry::pull(card, &hub.settings, &())
}

/// The pull fails with a message that holds every one of these, and nothing looks complete afterwards.
fn check_refused(hub: &Hub, parts: &[&str]) {
    let error = pull(hub, card("")).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
    assert!(!error.contains("secret"), "a signed address is in: {error}");
    assert!(registry::on_disk(card(""), &hub.settings).is_none(), "something half-written looks complete");
    let snapshot = hub.repo().join("snapshots").join(COMMIT);
    assert!(!snapshot.join(WEIGHTS).exists());
}

fn check_fetched(hub: &Hub, files: &Files) {
    let model = pull(hub, card("")).unwrap();
    for (role, name) in [(Role::Config, "config.json"), (Role::Weights, WEIGHTS), (Role::TargetSpm, "target.spm")] {
        assert_eq!(std::fs::read(model.one(role).unwrap()).unwrap(), files.get(name), "{name}");
        assert_eq!(model.sha256[name], sha256(files.get(name)));
    }
    assert_eq!(model.revision.as_deref(), Some(COMMIT));
    assert!(hub.blobs().iter().all(|name| !name.contains("incomplete")), "{:?}", hub.blobs());
}

fn fault_once(
    name: &'static str,
    reply: impl Fn(&Request) -> Reply + Send + Sync,
) -> impl Fn(&Request) -> Option<Reply> {
    move |r| (r.path.split('?').next().unwrap().ends_with(name) && r.method == "GET" && r.nth == 0).then(|| reply(r))
}

#[test]
fn a_model_is_fetched_once_and_laid_out_as_python_does() {
    let files = Files::marian();
    let hub = Hub::honest(files.clone());
    check_fetched(&hub, &files);
    let repo = hub.repo();
    assert_eq!(std::fs::read_to_string(repo.join("refs/main")).unwrap(), COMMIT);
    let pointer = repo.join("snapshots").join(COMMIT).join(WEIGHTS);
    assert_eq!(std::fs::read(&pointer).unwrap(), files.get(WEIGHTS));
    if cfg!(unix) {
        let link = std::fs::read_link(&pointer).unwrap();
        assert_eq!(link.to_str().unwrap(), format!("../../blobs/{}", sha256(files.get(WEIGHTS))));
    }
    assert!(hub.blobs().contains(&git_sha1(files.get("config.json"))));
    assert!(!hub.blobs().contains(&git_sha1(files.get("README.md"))), "only what the card wants");
    let before = hub.hub.requests().len();
    check_fetched(&hub, &files);
    assert_eq!(hub.hub.requests().len(), before, "a cached model needs no request");
}

#[test]
fn what_was_fetched_is_pinned_with_its_commit() {
    let files = Files::marian();
    let hub = Hub::honest(files.clone());
    pull(&hub, card("")).unwrap();
    let lock = std::fs::read_to_string(hub.settings.data_dir.join("lock.json")).unwrap();
    for part in [COMMIT, "owner/tiny", &sha256(files.get(WEIGHTS)), &sha256(files.get("config.json"))] {
        assert!(lock.contains(part), "{part} is not in {lock}");
    }
    // The same commit with other content: the Hub now lies consistently, and the pin notices before the download.
    let mut other = files.clone();
    other.set(WEIGHTS, &[files.get(WEIGHTS), b"!"].concat());
    let second = Hub::honest(other);
    let mut settings = second.settings.clone();
    settings.data_dir.clone_from(&hub.settings.data_dir);
    let error = registry::pull(card(""), &settings, &()).unwrap_err().to_string();
    assert!(error.contains("model.safetensors does not match") && error.contains("expected"), "{error}");
    assert!(second.cdn.requests().is_empty(), "nothing was downloaded");
}

#[test]
fn the_token_stays_at_home() {
    let mut hub = Hub::honest(Files::marian());
    hub.settings.token = Some("hf_secret_token".into());
    pull(&hub, card("")).unwrap();
    let sent = |r: &Request| r.headers.get("authorization").is_some_and(|v| v == "Bearer hf_secret_token");
    assert!(hub.hub.requests().iter().all(sent));
    assert!(!hub.cdn.requests().is_empty());
    assert!(hub.cdn.requests().iter().all(|r| !r.headers.contains_key("authorization")));
}

#[test]
fn a_token_file_is_used_where_no_token_is_set() {
    let mut hub = Hub::honest(Files::marian());
    let path = hub.dir.path().join("token");
    std::fs::write(&path, "hf_stored\n").unwrap();
    hub.settings.token_path = Some(path);
    pull(&hub, card("")).unwrap();
    assert!(hub.hub.requests().iter().all(|r| r.headers["authorization"] == "Bearer hf_stored"));
}

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let files = Files::marian();
    let copy = files.clone();
    let hub = Hub::faulty(files.clone(), |_| None, fault_once(WEIGHTS, move |r| copy.cdn(r).cut(300_000)));
    check_fetched(&hub, &files);
    let ranges: Vec<_> = hub.cdn.requests().iter().filter(|r| r.path.contains(WEIGHTS)).map(Request::from).collect();
    assert_eq!(ranges, [None, Some(300_000)]);
}

#[test]
fn a_body_without_length_that_ends_early_is_not_taken_for_whole() {
    let files = Files::marian();
    let copy = files.clone();
    let cut = move |r: &Request| copy.cdn(r).without_length().cut(1000);
    let hub = Hub::faulty(files.clone(), |_| None, fault_once(WEIGHTS, cut));
    check_fetched(&hub, &files);
    let ranges: Vec<_> = hub.cdn.requests().iter().filter(|r| r.path.contains(WEIGHTS)).map(Request::from).collect();
    assert_eq!(ranges, [None, Some(1000)]);
}

#[test]
fn a_cut_that_never_ends_is_an_error_and_the_next_run_goes_on() {
    let files = Files::marian();
    let copy = files.clone();
    let broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let flag = broken.clone();
    let hub = Hub::faulty(
        files.clone(),
        |_| None,
        move |r| {
            let now = flag.load(std::sync::atomic::Ordering::SeqCst) && r.path.contains(WEIGHTS);
            now.then(|| if r.from().is_none() { copy.cdn(r).cut(5000) } else { copy.cdn(r).cut(0) })
        },
    );
    check_refused(&hub, &["stopped after 5000 of 800010 bytes", "goes on from there"]);
    assert!(hub.blobs().contains(&format!("{}.incomplete", sha256(files.get(WEIGHTS)))));
    broken.store(false, std::sync::atomic::Ordering::SeqCst);
    check_fetched(&hub, &files);
    assert_eq!(hub.cdn.requests().last().unwrap().from(), Some(5000));
}

#[test]
fn a_server_that_ignores_ranges_is_read_from_the_start() {
    let files = Files::marian();
    let copy = files.clone();
    let hub = Hub::faulty(
        files.clone(),
        |_| None,
        move |r| {
            let whole = Reply::new(200, copy.get(WEIGHTS));
            r.path.contains(WEIGHTS).then(|| if r.nth == 0 { whole.cut(400_000) } else { whole })
        },
    );
    check_fetched(&hub, &files);
}

#[test]
fn a_range_that_starts_elsewhere_is_not_glued_on() {
    let files = Files::marian();
    let copy = files.clone();
    let hub = Hub::faulty(
        files.clone(),
        |_| None,
        move |r| {
            if !r.path.contains(WEIGHTS) {
                return None;
            }
            let all = copy.get(WEIGHTS);
            match r.nth {
                0 => Some(Reply::new(200, all).cut(1000)),
                1 => Some(
                    Reply::new(206, &all[500..])
                        .with("content-range", format!("bytes 500-{}/{}", all.len() - 1, all.len())),
                ),
                _ => None,
            }
        },
    );
    check_fetched(&hub, &files);
}

#[test]
fn a_kept_beginning_of_another_file_is_thrown_away() {
    let files = Files::marian();
    let hub = Hub::honest(files.clone());
    let blobs = hub.repo().join("blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    let incomplete = blobs.join(format!("{}.incomplete", sha256(files.get(WEIGHTS))));
    for beginning in [vec![7u8; 1000], vec![7; 900_000], vec![7; 800_010]] {
        std::fs::write(&incomplete, beginning).unwrap();
        check_fetched(&hub, &files);
        std::fs::remove_file(blobs.join(sha256(files.get(WEIGHTS)))).unwrap();
    }
}

#[test]
fn a_file_that_changes_during_a_resume_is_fetched_again() {
    // The first answer is cut from another version; only the hash can tell.
    let files = Files::marian();
    let mut other = files.clone();
    let changed: Vec<u8> = files.get(WEIGHTS).iter().map(|b| b ^ 1).collect();
    other.set(WEIGHTS, &changed);
    let hub = Hub::faulty(files.clone(), |_| None, fault_once(WEIGHTS, move |r| other.cdn(r).cut(1000)));
    check_fetched(&hub, &files);
}

#[test]
fn a_size_that_is_a_lie_is_refused() {
    let short = Hub::faulty(Files::marian(), |_| None, |r| r.path.contains(WEIGHTS).then(|| Reply::new(200, "tiny")));
    check_refused(&short, &["size of model.safetensors", "expected 800010 bytes", "got 4 bytes"]);
    let files = Files::marian();
    let long = Hub::faulty(
        files.clone(),
        |_| None,
        move |r| {
            r.path.contains(WEIGHTS).then(|| Reply::new(200, [files.get(WEIGHTS), b"more"].concat()).without_length())
        },
    );
    check_refused(&long, &["size of model.safetensors", "got more"]);
}

#[test]
fn content_that_is_a_lie_is_refused_and_not_kept() {
    let mut other = Files::marian();
    let changed: Vec<u8> = other.get(WEIGHTS).iter().map(|b| b ^ 1).collect();
    other.set(WEIGHTS, &changed);
    let hub = Hub::faulty(Files::marian(), |_| None, move |r| r.path.contains(WEIGHTS).then(|| other.cdn(r)));
    check_refused(&hub, &["sha256 of model.safetensors", "nothing was kept", &sha256(&changed)]);
    assert!(hub.blobs().iter().all(|name| !name.contains("incomplete")), "{:?}", hub.blobs());
    let small =
        Hub::faulty(Files::marian(), |r| r.gets("vocab.json").then(|| Reply::new(200, r#"{"<pad": 0}"#)), |_| None);
    check_refused(&small, &["git sha1 of vocab.json", "expected", "got"]);
}

#[test]
fn refusals_are_told_apart_and_not_repeated() {
    for (status, code, advice) in [
        (401, "", "does not exist or is private"),
        (401, "RepoNotFound", "does not exist or is private"),
        (403, "", "access is refused"),
        (403, "GatedRepo", "accept its terms on its page"),
        (404, "RepoNotFound", "does not exist"),
        (410, "", "410"),
    ] {
        let hub = Hub::faulty(
            Files::marian(),
            move |r| r.path.starts_with("/api").then(|| Reply::new(status, "no").with("x-error-code", code)),
            |_| None,
        );
        check_refused(&hub, &[&status.to_string(), advice]);
        assert_eq!(hub.hub.requests().len(), 1, "{status}");
    }
}

#[test]
fn a_refusal_of_the_file_itself_is_never_cached() {
    for status in [401, 403, 404] {
        let page = move |r: &Request| r.path.contains(WEIGHTS).then(|| Reply::new(status, "Access denied!"));
        let hub = Hub::faulty(Files::marian(), |_| None, page);
        check_refused(&hub, &[&status.to_string()]);
        assert!(!hub.blobs().contains(&sha256(Files::marian().get(WEIGHTS))));
    }
}

#[test]
fn too_many_requests_are_waited_out() {
    let files = Files::marian();
    let hub = Hub::faulty(
        files.clone(),
        |r| (r.path.starts_with("/api") && r.nth < 2).then(|| Reply::new(429, "").with("retry-after", "0")),
        |_| None,
    );
    check_fetched(&hub, &files);
    let long = |r: &Request| r.path.starts_with("/api").then(|| Reply::new(429, "").with("retry-after", "86400"));
    let hub = Hub::faulty(files, long, |_| None);
    check_refused(&hub, &["429", "wait 86400 s"]);
    assert_eq!(hub.hub.requests().len(), 1, "a day is not waited");
}

#[test]
fn trouble_of_the_server_passes_or_is_reported() {
    let files = Files::marian();
    for status in [500, 502, 503, 504] {
        let api = move |r: &Request| (r.path.starts_with("/api") && r.nth < 2).then(|| Reply::new(status, "oops"));
        let cdn = move |r: &Request| (r.path.contains(WEIGHTS) && r.nth < 2).then(|| Reply::new(status, "oops"));
        check_fetched(&Hub::faulty(files.clone(), api, cdn), &files);
    }
    let hub = Hub::faulty(files, |_| Some(Reply::new(500, "oops")), |_| None);
    check_refused(&hub, &["500", "try again later"]);
    assert_eq!(hub.hub.requests().len(), 4, "one attempt and three repetitions");
}

#[test]
fn pages_are_no_models() {
    let page =
        || Reply::new(200, "<!DOCTYPE html><title>Log in</title>").with("content-type", "text/html; charset=utf-8");
    let hub = Hub::faulty(Files::marian(), move |r| r.path.starts_with("/api").then(page), |_| None);
    check_refused(&hub, &["expected JSON", "proxy"]);
    let hub = Hub::faulty(Files::marian(), move |r| r.gets("config.json").then(page), |_| None);
    check_refused(&hub, &["expected config.json, got an HTML page"]);
    let hub = Hub::faulty(Files::marian(), |_| None, move |r| r.path.contains(WEIGHTS).then(page));
    check_refused(&hub, &["expected model.safetensors, got an HTML page"]);
}

#[test]
fn silence_ends_with_a_time_out() {
    let stall = Duration::from_secs(3);
    let mut hub = Hub::faulty(
        Files::marian(),
        move |r| r.path.starts_with("/api").then(|| Reply::new(200, "{}").stall(stall)),
        |_| None,
    );
    hub.settings.read_timeout = Duration::from_millis(100);
    hub.settings.retries = 1;
    check_refused(&hub, &["timeout", "check the network"]);
    // Silence in the middle of a body is cut and resumed.
    let files = Files::marian();
    let copy = files.clone();
    let mut hub =
        Hub::faulty(files.clone(), |_| None, fault_once(WEIGHTS, move |r| copy.cdn(r).cut(1000).stall(stall)));
    hub.settings.read_timeout = Duration::from_millis(300);
    check_fetched(&hub, &files);
}

#[test]
fn nobody_there_is_an_error_with_advice() {
    let mut hub = Hub::honest(Files::marian());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    hub.settings.endpoint = format!("http://{free}");
    check_refused(&hub, &["HF_HUB_OFFLINE=1", "check the network"]);
}

#[test]
fn offline_makes_no_connection() {
    let files = Files::marian();
    let mut hub = Hub::honest(files.clone());
    hub.settings.offline = true;
    check_refused(&hub, &["offline mode is on", "looked in", "copy the files to"]);
    assert!(hub.hub.requests().is_empty());
    hub.settings.offline = false;
    check_fetched(&hub, &files);
    let before = hub.hub.requests().len();
    hub.settings.offline = true;
    check_fetched(&hub, &files);
    assert_eq!(hub.hub.requests().len(), before);
}

#[test]
fn a_pinned_commit_is_asked_for_and_held_to() {
    let hub = Hub::honest(Files::marian());
    let pinned = card_with(COMMIT, "Apache-2.0", "");
    let model = pull(&hub, pinned).unwrap();
    assert_eq!(model.revision.as_deref(), Some(COMMIT));
    assert!(hub.hub.requests()[0].path.ends_with(&format!("/revision/{COMMIT}")));
    assert!(!hub.repo().join("refs/main").exists(), "a pinned commit says nothing of main");
    let other = card_with(&"f".repeat(40), "Apache-2.0", "");
    assert!(registry::on_disk(other, &hub.settings).is_none(), "another commit is another model");
    let error = pull(&hub, other).unwrap_err().to_string();
    assert!(error.contains("expected commit ffff"), "{error}");
}

#[test]
fn which_weights_there_are_is_asked() {
    let mut files = Files::marian();
    files.set("pytorch_model.bin", b"\x80\x02legacy");
    let hub = Hub::honest(files.clone());
    let model = pull(&hub, card("")).unwrap();
    assert!(model.one(Role::Weights).unwrap().ends_with(WEIGHTS), "safetensors first");
    files.0.remove(WEIGHTS);
    let hub = Hub::honest(files.clone());
    let model = pull(&hub, card("")).unwrap();
    assert!(model.one(Role::Weights).unwrap().ends_with("pytorch_model.bin"));
    files.0.remove("pytorch_model.bin");
    let hub = Hub::honest(files);
    check_refused(&hub, &["model.safetensors or pytorch_model.bin is missing"]);
}

#[test]
fn shards_are_fetched_by_their_index() {
    let mut files = Files::marian();
    let weights = files.0.remove(WEIGHTS).unwrap();
    let (a, b) = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors");
    files.set(a, &weights);
    files.set(b, &weights[..1000]);
    files.set(
        "model.safetensors.index.json",
        format!(r#"{{"weight_map":{{"x":"{b}","y":"{a}","z":"{a}"}}}}"#).as_bytes(),
    );
    let hub = Hub::honest(files);
    let model = pull(&hub, card("")).unwrap();
    let names: Vec<_> = model.files[&Role::Weights].iter().map(|p| p.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, [a, b]);
    let snapshot = hub.repo().join("snapshots").join(COMMIT);
    std::fs::remove_file(snapshot.join(b)).unwrap();
    assert!(registry::on_disk(card(""), &hub.settings).is_none(), "a missing shard is a missing model");
}

#[test]
fn a_needed_file_that_the_repository_lacks_is_named() {
    let mut files = Files::marian();
    files.0.remove("target.spm");
    let hub = Hub::honest(files);
    check_refused(&hub, &["target.spm is missing", COMMIT]);
}

#[test]
fn the_cards_hash_is_held_against_the_hub_before_the_download() {
    let hub = Hub::honest(Files::marian());
    let strict = card(&format!(
        "{{ name = {WEIGHTS:?}, role = \"weights\", optional = true, sha256 = \"{}\" }},",
        "a".repeat(64)
    ));
    let error = pull(&hub, strict).unwrap_err().to_string();
    assert!(error.contains("another file than the one that was checked"), "{error}");
    assert!(hub.cdn.requests().is_empty(), "nothing was downloaded");
}

#[test]
fn metadata_that_is_missing_or_contradictory_is_refused() {
    let head =
        |reply: fn() -> Reply| move |r: &Request| (r.method == "HEAD" && r.path.ends_with("vocab.json")).then(reply);
    check_refused(&Hub::faulty(Files::marian(), head(|| Reply::new(200, "")), |_| None), &["entity tag"]);
    let odd = head(|| Reply::new(200, "x").with("etag", "\"abc-3\""));
    check_refused(&Hub::faulty(Files::marian(), odd, |_| None), &["sha256 or a git hash"]);
    let other = head(|| Reply::new(200, "x").with("x-repo-commit", "f".repeat(40)));
    check_refused(&Hub::faulty(Files::marian(), other, |_| None), &["expected commit"]);
    let api = |r: &Request| r.path.starts_with("/api").then(|| Reply::new(200, r#"{"sha":"main","siblings":[]}"#));
    check_refused(&Hub::faulty(Files::marian(), api, |_| None), &["40 hex digits"]);
}

#[test]
fn redirects_are_followed_as_far_as_they_make_sense() {
    // A renamed repository answers with a relative redirect.
    let files = Files::marian();
    let moved = |r: &Request| {
        r.path.contains("/resolve/").then(|| r.path.replace("/owner/tiny/", "/")).and_then(|path| {
            (!r.path.contains("/new/")).then(|| {
                Reply::new(307, "").with("location", format!("/new{path}")).with("x-linked-etag", "\"of the redirect\"")
            })
        })
    };
    check_fetched(&Hub::faulty(files.clone(), moved, |_| None), &files);
    let round = |r: &Request| r.path.starts_with("/api").then(|| Reply::new(302, "").with("location", r.path.clone()));
    check_refused(&Hub::faulty(files, round, |_| None), &["more than 10 redirects"]);
}

#[test]
fn two_processes_fetch_a_file_once() {
    let files = Files::marian();
    let hub = Hub::honest(files.clone());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| check_fetched(&hub, &files));
        }
    });
    let gets = hub.cdn.requests().iter().filter(|r| r.path.contains(WEIGHTS)).count();
    assert_eq!(gets, 1);
}

#[test]
fn a_cache_that_python_filled_is_used_and_pinned() {
    let files = Files::marian();
    let hub = Hub::honest(files.clone());
    pull(&hub, card("")).unwrap();
    std::fs::remove_dir_all(&hub.settings.data_dir).unwrap();
    let before = hub.hub.requests().len();
    check_fetched(&hub, &files);
    assert_eq!(hub.hub.requests().len(), before);
    let lock = std::fs::read_to_string(hub.settings.data_dir.join("lock.json")).unwrap();
    assert!(lock.contains(&sha256(files.get(WEIGHTS))));
}

#[test]
fn another_version_in_a_shared_cache_is_passed_over() {
    let hub = Hub::honest(Files::marian());
    pull(&hub, card("")).unwrap();
    let mut wanted = Files::marian();
    wanted.set("target.spm", b"\n\x0e\n\x05<unk>?");
    let hash = sha256(wanted.get("target.spm"));
    let strict: &'static Card = Box::leak(Box::new({
        let mut card = card("").clone();
        card.files.iter_mut().find(|file| file.name == "target.spm").unwrap().sha256 = Some(hash.clone());
        card
    }));
    // The Hub has that other version too, so its answer is an error that says so.
    let error = pull(&hub, strict).unwrap_err().to_string();
    assert!(error.contains("target.spm") && error.contains(&hash) && error.contains("another file"), "{error}");
    // A copy of the right version elsewhere is taken.
    let folder = hub.settings.local_dir.join("tiny");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, content) in &wanted.0 {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let model = pull(&hub, strict).unwrap();
    assert!(model.one(Role::TargetSpm).unwrap().starts_with(&folder));
    assert_eq!(model.revision, None);
}

#[test]
fn a_cached_file_that_was_damaged_is_named() {
    let hub = Hub::honest(Files::marian());
    pull(&hub, card("")).unwrap();
    let blob = hub.repo().join("blobs").join(sha256(Files::marian().get(WEIGHTS)));
    let mut content = std::fs::read(&blob).unwrap();
    content[5000] ^= 1;
    std::fs::write(&blob, content).unwrap();
    for error in [
        registry::verify(card(""), &hub.settings, &()).unwrap_err().to_string(),
        pull(&hub, card("")).unwrap_err().to_string(),
    ] {
        for part in ["sha256 of model.safetensors", "expected", "by the lock", "models remove tiny"] {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
    }
}

/// Stops after the first bytes.
struct Impatient(std::sync::atomic::AtomicU64);

impl registry::Progress for Impatient {
    fn message(&self, _: &str) {}
    fn start(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, bytes: u64) {
        self.0.fetch_add(bytes, std::sync::atomic::Ordering::SeqCst);
    }
    fn finish(&self) {}
    fn cancelled(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::SeqCst) > 1000
    }
}

#[test]
fn a_stopped_download_keeps_its_piece() {
    let files = Files::marian();
    let hub = Hub::honest(files.clone());
    let error = registry::pull(card(""), &hub.settings, &Impatient(0.into())).unwrap_err();
    assert!(matches!(error, RegistryError::Cancelled(_)), "{error}");
    assert!(registry::on_disk(card(""), &hub.settings).is_none());
    check_fetched(&hub, &files);
    assert!(hub.cdn.requests().last().unwrap().from().is_some(), "the second run goes on");
}

#[test]
fn a_limiting_licence_is_shown_before_anything_happens() {
    let mut hub = Hub::honest(Files::marian());
    let limited = card_with("", "Research only", "");
    let error = pull(&hub, limited).unwrap_err().to_string();
    for part in ["Research only", "https://license.example", "--accept-license"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(hub.hub.requests().is_empty());
    hub.settings.accept_license = true;
    pull(&hub, limited).unwrap();
    hub.settings.accept_license = false;
    pull(&hub, limited).unwrap();
}

#[test]
fn the_user_is_told_what_comes_and_under_which_licence() {
    let hub = Hub::honest(Files::marian());
    let told = Told::default();
    registry::pull(card(""), &hub.settings, &told).unwrap();
    for part in ["fetching tiny", "owner/tiny", "801 KB", "Apache-2.0"] {
        assert!(told.text().contains(part), "{part:?} is not in {}", told.text());
    }
}

#[test]
fn removal_leaves_other_peoples_files_alone() {
    let files = Files::marian();
    let hub = Hub::honest(files.clone());
    pull(&hub, card("")).unwrap();
    let snapshot = hub.repo().join("snapshots").join(COMMIT);
    std::fs::write(snapshot.join("other.bin"), "someone else's").unwrap();
    let removed = registry::remove(card(""), &hub.settings).unwrap();
    assert!(removed.bytes >= 800_000);
    assert_eq!(names_in(&snapshot), ["other.bin"]);
    assert!(hub.blobs().is_empty());
    std::fs::remove_file(snapshot.join("other.bin")).unwrap();
    registry::remove(card(""), &hub.settings).unwrap();
    assert!(!hub.repo().exists());
    check_fetched(&hub, &files);
}
