//! Plain addresses against servers that misbehave, imports of files fetched elsewhere, and folders of Firefox models.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use tlumach::registry::{self, Card, Family, Place, Progress, RegistryError, Role, Settings};

use crate::loopback::{COMMIT, Reply, Request, Server, Told, names_in, ranged, sha256};

const MODEL: &str = "model.enuk.intgemm.alphas.bin";
const VOCAB: &str = "vocab.enuk.spm";
const LEX: &str = "lex.50.50.enuk.s2t.bin";

fn numbers(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A model of one weight, which does not pack well, and its configuration.
fn model(seed: u32) -> Vec<u8> {
    let data: Vec<u8> =
        (0..50_000u32).flat_map(|i| (i + seed).wrapping_mul(2_654_435_761).rotate_left(7).to_le_bytes()).collect();
    let config = b"version: v1\n";
    let names: [&[u8]; 2] = [b"encoder_Wemb\0", b"special:model.yml\0"];
    let mut out = numbers(&[1, 2]);
    out.extend(numbers(&[names[0].len() as u64, 0x0404, 1, data.len() as u64]));
    out.extend(numbers(&[names[1].len() as u64, 0x0101, 1, config.len() as u64]));
    out.extend(names.concat());
    out.extend([50_000i32.to_le_bytes(), 12i32.to_le_bytes()].concat());
    out.extend(numbers(&[0]));
    out.extend(data);
    out.extend(config);
    out
}

/// A vocabulary of a few pieces.
fn vocabulary(word: &str) -> Vec<u8> {
    let piece = |text: &str| {
        let inner = [&[0x0a, text.len() as u8][..], text.as_bytes(), &[0x15, 0, 0, 0, 0, 0x18, 1]].concat();
        [&[0x0a, inner.len() as u8][..], &inner].concat()
    };
    ["</s>", "<unk>", word].map(piece).concat()
}

fn shortlist() -> Vec<u8> {
    [numbers(&[0xF11A_48D5_0134_17F5, 7, 50, 50, 2, 3]), numbers(&[0, 3]), vec![0; 12]].concat()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    compress_to_vec(content, CompressionLevel::Fastest)
}

/// What the servers have, by name: two packed with gzip, one with zstd.
fn published() -> BTreeMap<String, Vec<u8>> {
    [
        (format!("{MODEL}.gz"), gzip(&model(0))),
        (format!("{VOCAB}.gz"), gzip(&vocabulary("word"))),
        (format!("{LEX}.zst"), zstd(&shortlist())),
    ]
    .into()
}

fn answer(files: &BTreeMap<String, Vec<u8>>, request: &Request) -> Reply {
    let name = request.path.rsplit('/').next().unwrap().split('?').next().unwrap();
    files.get(name).map_or_else(|| Reply::new(404, "no such file"), |content| ranged(content, request))
}

/// A card with these addresses, which promises `files`.
fn card_of(addresses: &[&str], files: &BTreeMap<String, Vec<u8>>, more: &str) -> &'static Card {
    let entry = |name: &str, role: &str, known: &str, format: &str| {
        let packed = format!("{name}.{}", if format == "gzip" { "gz" } else { "zst" });
        let content = &files[&packed];
        format!(
            "{{ name = {name:?}, role = {role:?}, {known} packed = {{ name = {packed:?}, size = {}, sha256 = {:?}, format = {format:?} }} }},\n",
            content.len(),
            sha256(content)
        )
    };
    let known = format!("size = {}, sha256 = {:?},", model(0).len(), sha256(&model(0)));
    let addresses: Vec<String> = addresses.iter().map(|base| format!("{{ url = \"{base}/models/{{}}\" }},")).collect();
    let text = format!(
        r#"
        name = "plain"
        family = "bergamot"
        title = "a checkpoint at plain addresses"
        tier = "fast"
        tasks = ["translate"]
        size_bytes = 200000
        license = {{ name = "MPL-2.0", url = "https://license.example" }}
        source = {{ page = "https://page.example", revision = "{COMMIT}" {more} }}
        limits = {{ max_source_tokens = 128, max_target_tokens = 256 }}
        addresses = [{}]
        files = [
          {}{}{}
        ]
        "#,
        addresses.concat(),
        entry(MODEL, "weights", &known, "gzip"),
        entry(VOCAB, "source-spm", "", "gzip"),
        entry(LEX, "shortlist", "optional = true,", "zstd"),
    );
    Box::leak(Box::new(Card::parse(&text).unwrap()))
}

fn card(addresses: &[&str]) -> &'static Card {
    card_of(addresses, &published(), "")
}

struct Home {
    dir: tempfile::TempDir,
    settings: Settings,
}

fn home() -> Home {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(dir.path().join("hub"), dir.path().join("data"));
    settings.local_dir = dir.path().join("local");
    settings.endpoint = "http://127.0.0.1:9".into();
    settings.retry_wait = Duration::from_millis(1);
    settings.retries = 3;
    Home { dir, settings }
}

impl Home {
    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.dir.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Nothing of the card looks complete, anywhere.
    fn check_nothing(&self, card: &'static Card) {
        assert!(registry::on_disk(card, &self.settings).is_none(), "something half-installed looks complete");
        let models = names_in(&self.settings.data_dir.join("models"));
        assert!(models.is_empty(), "left behind: {models:?}");
    }

    fn check_refused(&self, card: &'static Card, parts: &[&str]) {
        let error = registry::pull(card, &self.settings, &()).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
        self.check_nothing(card);
    }

    fn check_fetched(&self, card: &'static Card) -> registry::ModelFiles {
        let model_files = registry::pull(card, &self.settings, &()).unwrap();
        for (role, content) in
            [(Role::Weights, model(0)), (Role::SourceSpm, vocabulary("word")), (Role::Shortlist, shortlist())]
        {
            assert_eq!(std::fs::read(model_files.one(role).unwrap()).unwrap(), content, "{role:?}");
        }
        assert_eq!(names_in(&self.settings.data_dir.join("models")), ["plain"]);
        let parts = names_in(&self.settings.data_dir.join("parts"));
        assert!(!parts.contains(&"plain".to_string()), "{parts:?}");
        model_files
    }
}

fn honest() -> Server {
    let files = published();
    Server::start(move |request| answer(&files, request))
}

/// Answers in place of the honest server, where `fault` does.
fn faulty(fault: impl Fn(&Request, &BTreeMap<String, Vec<u8>>) -> Option<Reply> + Send + Sync + 'static) -> Server {
    let files = published();
    Server::start(move |request| fault(request, &files).unwrap_or_else(|| answer(&files, request)))
}

fn is_model(request: &Request) -> bool {
    request.path.contains(MODEL)
}

#[test]
fn a_model_is_fetched_unpacked_pinned_and_fetched_once() {
    let (home, server) = (home(), honest());
    let card = card(&[&server.address]);
    let told = Told::default();
    registry::pull(card, &home.settings, &told).unwrap();
    assert!(told.text().contains("fetching plain from http://127.0.0.1:") && told.text().contains("MPL-2.0"));
    let before = server.requests().len();
    assert_eq!(before, 3);
    let files = home.check_fetched(card);
    assert_eq!(server.requests().len(), before, "the second time nothing is fetched");
    assert_eq!((files.family, files.revision.as_deref()), (Family::Bergamot, Some(COMMIT)));
    assert_eq!(registry::on_disk(card, &home.settings).unwrap().place, Place::Mirrored);
    let verified = registry::verify(card, &home.settings, &()).unwrap();
    let against: Vec<_> = verified.iter().map(|file| (file.file.as_str(), file.against)).collect();
    assert_eq!(against, [(MODEL, "card"), (VOCAB, "lock"), (LEX, "lock")]);
    // What is pinned is watched.
    let path = files.one(Role::SourceSpm).unwrap();
    std::fs::write(path, vocabulary("ward")).unwrap();
    let error = registry::resolve(card, &home.settings, &()).unwrap_err().to_string();
    assert!(error.contains(VOCAB) && error.contains("by the lock"), "{error}");
    registry::remove(card, &home.settings).unwrap();
    home.check_nothing(card);
    home.check_fetched(card);
}

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let home = home();
    let server = faulty(|r, files| (is_model(r) && r.nth == 0).then(|| answer(files, r).cut(90_000)));
    home.check_fetched(card(&[&server.address]));
    let ranges: Vec<_> = server.requests().iter().filter(|r| is_model(r)).map(Request::from).collect();
    assert_eq!(ranges, [None, Some(90_000)]);
}

#[test]
fn a_download_goes_on_at_another_address() {
    let home = home();
    // It gives the beginning once and nothing after it.
    let first = faulty(|r, files| {
        is_model(r).then(|| if r.nth == 0 { answer(files, r).cut(90_000) } else { Reply::new(404, "gone") })
    });
    let second = honest();
    home.check_fetched(card(&[&first.address, &second.address]));
    let ranges: Vec<_> = second.requests().iter().map(Request::from).collect();
    assert_eq!(ranges, [Some(90_000)], "the small files came from the first address");
}

/// Stops after so many bytes, as a user or the system does.
struct Stops(AtomicU64, u64);

impl Progress for Stops {
    fn message(&self, _: &str) {}
    fn start(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::SeqCst);
    }
    fn finish(&self) {}
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= self.1
    }
}

#[test]
fn a_run_that_is_stopped_anywhere_leaves_nothing_that_looks_complete_and_the_next_one_goes_on() {
    let server = honest();
    let card = card(&[&server.address]);
    let mut stopped = 0;
    for most in (0..1_200_000).step_by(40_000) {
        let home = home();
        match registry::pull(card, &home.settings, &Stops(0.into(), most)) {
            Ok(_) => {}
            Err(RegistryError::Cancelled(_)) => {
                stopped += 1;
                // Either nothing, or all of it, when the stop came while it was verified again.
                if registry::on_disk(card, &home.settings).is_none() {
                    home.check_nothing(card);
                }
            }
            Err(error) => panic!("{error}"),
        }
        let before = server.requests().len();
        home.check_fetched(card);
        let again = server.requests().len() - before;
        assert!(again <= 3, "{again} requests after a stop at {most}");
    }
    assert!(stopped > 10);
}

#[test]
fn a_killed_program_goes_on_where_it_was_killed() {
    const NAME: &str = "vocab.enuk.spm.gz";
    const SIZE: usize = 414_957;
    let home = home();
    // The embedded card's smallest file, of the right size and with other content: it must be asked for from where the first run
    // was, and refused at the end.
    let server = Server::start(|request| {
        let reply = ranged(&vec![7; SIZE], request);
        if request.gets(NAME) && request.nth == 0 { reply.cut(200_000).stall(Duration::from_mins(1)) } else { reply }
    });
    let command = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tlumach"));
        command
            .args(["models", "pull", "firefox-en-uk-tiny"])
            .env_clear()
            .env("TLUMACH_HOME", &home.settings.data_dir)
            .env("HF_HUB_CACHE", &home.settings.hub_cache)
            .env("HF_TOKEN", "hf_secret_token")
            .env("TLUMACH_ADDRESSES", format!("{}/m", server.address.replace("://", "://user:password@")))
            .current_dir(home.dir.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped());
        command
    };
    let mut first = command().spawn().unwrap();
    let parts = home.settings.data_dir.join("parts/firefox-en-uk-tiny");
    let hash = "1d4eae8b7316674e5a06303f9d19553789a8952210c99b0aba48ba292a273e0b";
    let beginning = parts.join(format!("{hash}.incomplete"));
    let started = std::time::Instant::now();
    while std::fs::metadata(&beginning).map_or(0, |m| m.len()) < 100_000 {
        assert!(started.elapsed() < Duration::from_secs(30), "the download did not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let card = registry::find("firefox-en-uk-tiny").unwrap();
    home.check_nothing(card);
    let have = std::fs::metadata(&beginning).unwrap().len() as usize;
    let second = command().output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success());
    for part in ["sha256 of vocab.enuk.spm.gz", hash, "its pieces do not fit together", "/m/firefox-en-uk-tiny/"] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
    assert!(!said.contains("password"), "{said}");
    let ranges: Vec<_> = server.requests().iter().map(Request::from).collect();
    assert_eq!(ranges, [None, Some(have), None]);
    assert!(server.requests().iter().all(|r| r.headers.get("authorization").is_none_or(|v| !v.contains("hf_secret"))));
    home.check_nothing(card);
    assert!(!beginning.exists());
}

#[test]
fn dirt_of_a_killed_process_does_not_matter() {
    let (home, server) = (home(), honest());
    let card = card(&[&server.address]);
    let staging = home.folder("data/models/.plain.incomplete");
    std::fs::write(staging.join(MODEL), "half").unwrap();
    let parts = home.folder("data/parts/plain");
    let hash = sha256(&published()[&format!("{MODEL}.gz")]);
    std::fs::write(parts.join(&hash), "not what its name says").unwrap();
    std::fs::write(parts.join(format!("{hash}.incomplete")), vec![7; 1000]).unwrap();
    assert!(registry::on_disk(card, &home.settings).is_none());
    home.check_fetched(card);
    // A folder with a file taken out is not taken for the model, and is made whole.
    std::fs::remove_file(home.settings.data_dir.join("models/plain").join(VOCAB)).unwrap();
    assert!(registry::on_disk(card, &home.settings).is_none());
    home.check_fetched(card);
}

#[test]
fn other_bytes_are_refused_and_the_next_address_is_asked() {
    let other = |r: &Request, files: &BTreeMap<String, Vec<u8>>| {
        is_model(r).then(|| {
            let mut content = files[&format!("{MODEL}.gz")].clone();
            content[5000] ^= 1;
            ranged(&content, r)
        })
    };
    let (first, second) = (faulty(other), honest());
    let hash = sha256(&published()[&format!("{MODEL}.gz")]);
    let bad = home();
    bad.check_refused(card(&[&first.address]), &["sha256 of model.enuk", &hash, "nothing was kept", &first.address]);
    let parts = names_in(&bad.settings.data_dir.join("parts/plain"));
    assert!(parts.iter().all(|name| !name.contains(&hash)), "{parts:?}");
    home().check_fetched(card(&[&first.address, &second.address]));
}

#[test]
fn another_size_is_refused() {
    for (length, said) in [(Some(100), "expected"), (None, "expected")] {
        let server = faulty(move |r, files| {
            is_model(r).then(|| {
                let longer = [&files[&format!("{MODEL}.gz")][..], b"more"].concat();
                match length {
                    Some(length) => Reply::new(200, &longer[..length]),
                    None => Reply::new(200, longer).without_length(),
                }
            })
        });
        home().check_refused(card(&[&server.address]), &["size of model.enuk", said, "bytes"]);
    }
}

#[test]
fn what_unpacks_to_something_else_is_refused() {
    let whole = gzip(&model(0));
    let bomb = gzip(&vec![0; 8 << 20]);
    let cases = [
        (bomb, vec!["expected at most", "got more"]),
        (whole[..whole.len() - 4].to_vec(), vec!["cannot unpack (gzip)", "damaged"]),
        ([&whole[..], b"trailing garbage"].concat(), vec!["cannot unpack (gzip)"]),
        (gzip(&model(1)), vec!["sha256 of model.enuk", "nothing was kept"]),
        (gzip(&model(0)[..1000]), vec!["size of model.enuk", "1000 bytes"]),
        (b"plain text".to_vec(), vec!["cannot unpack (gzip)"]),
    ];
    for (packed, said) in cases {
        let mut files = published();
        files.insert(format!("{MODEL}.gz"), packed);
        let copy = files.clone();
        let server = Server::start(move |request| answer(&copy, request));
        let home = home();
        home.check_refused(card_of(&[&server.address], &files, ""), &said);
        assert!(!home.settings.data_dir.join("parts/plain").exists(), "what would fail again is not kept");
    }
}

#[test]
fn a_file_that_the_first_address_lacks_comes_from_the_second() {
    let first = faulty(|r, _| is_model(r).then(|| Reply::new(404, "")));
    let second = honest();
    home().check_fetched(card(&[&first.address, &second.address]));
    assert_eq!(first.requests().iter().filter(|r| is_model(r)).count(), 1, "a 404 is not repeated");
    assert_eq!(second.requests().len(), 1);
}

#[test]
fn if_no_address_has_a_file_all_are_named() {
    let gone = || faulty(|r, _| is_model(r).then(|| Reply::new(404, "")));
    let (first, second) = (gone(), gone());
    let home = home();
    let said = [&first.address[..], &second.address, "404", "the file is not there", MODEL, "model plain could not"];
    home.check_refused(card(&[&first.address, &second.address]), &said);
    let told = Told::default();
    registry::pull(card(&[&first.address, &second.address]), &home.settings, &told).unwrap_err();
    assert!(told.text().contains("trying the next address"), "{}", told.text());
}

#[test]
fn an_optional_file_may_be_missing_everywhere_and_must_not_be_damaged() {
    let server = faulty(|r, _| r.path.contains(LEX).then(|| Reply::new(404, "")));
    let files = registry::pull(card(&[&server.address]), &home().settings, &()).unwrap();
    assert!(files.one(Role::Shortlist).is_none() && files.one(Role::Weights).is_some());
    let server = faulty(|r, _| r.path.contains(LEX).then(|| Reply::new(403, "")));
    home().check_refused(card(&[&server.address]), &["403", "access is refused"]);
}

#[test]
fn the_token_goes_to_no_address_and_through_no_redirect() {
    let elsewhere = honest();
    let to = elsewhere.address.replace("127.0.0.1", "localhost");
    let server =
        Server::start(move |r| Reply::new(302, "").with("location", format!("{to}{}?signature=secret", r.path)));
    let mut home = home();
    home.settings.token = Some("hf_secret_token".into());
    // Even where the address is the Hub's own host.
    home.settings.endpoint.clone_from(&server.address);
    home.check_fetched(card(&[&server.address]));
    let all = [server.requests(), elsewhere.requests()].concat();
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|r| !r.headers.contains_key("authorization")));
}

#[test]
fn offline_makes_no_connection() {
    let (mut home, server) = (home(), honest());
    home.settings.offline = true;
    home.check_refused(card(&[&server.address]), &["offline mode is on"]);
    assert!(server.requests().is_empty());
}

#[test]
fn a_page_in_place_of_a_file_and_an_encoded_body_are_refused() {
    let page = faulty(|r, _| is_model(r).then(|| Reply::new(200, "<html>").with("content-type", "text/html")));
    home().check_refused(card(&[&page.address]), &["an HTML page", "log-in page"]);
    // A server that takes .gz for an encoding of the transport makes clients unpack it on the way.
    let encoded = faulty(|r, files| is_model(r).then(|| answer(files, r).with("content-encoding", "gzip")));
    home().check_refused(card(&[&encoded.address]), &["model.enuk"]);
    home().check_fetched(card(&[&encoded.address, &honest().address]));
}

#[test]
fn a_server_of_ones_own_stands_in_for_the_addresses() {
    let (mut home, public, own) = (home(), honest(), honest());
    home.settings.addresses = vec!["http://127.0.0.1:9".into(), format!("{}/base", own.address)];
    home.check_fetched(card(&[&public.address]));
    assert!(public.requests().is_empty(), "the public addresses are not asked");
    let paths: Vec<_> = own.requests().iter().map(|r| r.path.clone()).collect();
    assert!(paths.contains(&format!("/base/plain/{MODEL}.gz")), "{paths:?}");
}

#[test]
fn an_address_that_cannot_be_reached_is_not_waited_for_twice() {
    let (home, server) = (home(), honest());
    let told = Told::default();
    registry::pull(card(&["http://127.0.0.1:9", &server.address]), &home.settings, &told).unwrap();
    assert_eq!(told.text().matches("trying the next address").count(), 1, "{}", told.text());
}

#[test]
fn each_scheme_goes_through_its_own_proxy() {
    let (mut home, server) = (home(), honest());
    home.settings.https_proxy = Some("http://127.0.0.1:9".into());
    home.check_fetched(card(&[&server.address]));
    let mut other = self::home();
    other.settings.http_proxy = Some("http://127.0.0.1:9".into());
    other.check_refused(card(&[&server.address]), &["plain could not be fetched"]);
    other.settings.no_proxy = vec!["127.0.0.1".into()];
    other.check_fetched(card(&[&server.address]));
}

#[test]
fn the_addresses_come_after_a_hub_that_has_not_got_it() {
    let (mut home, server) = (home(), honest());
    let hub = Server::start(|_| Reply::new(404, "").with("x-error-code", "RepoNotFound"));
    home.settings.endpoint.clone_from(&hub.address);
    let card = card_of(&[&server.address], &published(), ", repository = \"owner/plain\"");
    home.check_fetched(card);
    assert!(!hub.requests().is_empty());
}

#[test]
fn two_processes_fetch_once() {
    let (home, server) = (home(), honest());
    let card = card(&[&server.address]);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| registry::pull(card, &home.settings, &()).unwrap());
        }
    });
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn cards_that_promise_nothing_to_check_are_refused() {
    let text = |from: &str, to: &str| {
        let card = format!(
            "name = \"x\"\nfamily = \"bergamot\"\ntitle = \"\"\ntier = \"fast\"\ntasks = []\nsize_bytes = 1\n\
             license = {{ name = \"MPL-2.0\", url = \"\" }}\nsource = {{}}\n\
             limits = {{ max_source_tokens = 1, max_target_tokens = 1 }}\naddresses = [{{ url = \"https://a/{{}}\" }}]\n\
             files = [{{ name = \"m\", role = \"weights\", size = 1, sha256 = \"{0}\" }}, {{ name = \"v\", role = \"source-spm\", size = 1, sha256 = \"{0}\" }}]",
            "a".repeat(64)
        );
        assert!(card.contains(from), "{from}");
        Card::parse(&card.replace(from, to)).map(|_| ()).map_err(|e| e.to_string())
    };
    assert_eq!(text("name", "name"), Ok(()));
    for (from, to, said) in [
        ("https://a/{}", "ftp://a/{}", "expected https://"),
        ("https://a/{}", "https://a/", "with {} for the file"),
        ("size = 1, sha256", "sha256", "needs its size and sha256"),
        ("addresses = [{ url = \"https://a/{}\" }]", "", "expected a repository, an address or a mirror"),
        ("/{}\" }", "/{}\", files = [\"z\"] }", "no file of the card"),
        ("name = \"m\"", "name = \"../m\"", "leaves the model folder"),
    ] {
        assert!(text(from, to).unwrap_err().contains(said), "{said}: {:?}", text(from, to));
    }
}

fn write(folder: &Path, files: &[(&str, Vec<u8>)]) {
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

#[test]
fn files_fetched_elsewhere_are_installed_whatever_their_names() {
    let packed = |name: &str| published()[name].clone();
    let (m, v, l) = (packed(&format!("{MODEL}.gz")), packed(&format!("{VOCAB}.gz")), packed(&format!("{LEX}.zst")));
    let cases = [
        vec![("a", m.clone()), ("sub/b", v.clone()), ("c.txt", l.clone())],
        vec![(MODEL, model(0)), ("vocab.gz", v.clone()), ("notes.txt", b"hello".to_vec()), ("l", l)],
        // Packed otherwise than published: what is inside is known.
        vec![("m.zst", zstd(&model(0))), ("v", v), ("broken.gz", m[..500].to_vec())],
    ];
    for files in cases {
        let mut home = home();
        home.settings.offline = true;
        let card = card(&["http://127.0.0.1:9"]);
        let folder = home.folder("usb");
        write(&folder, &files);
        let done = registry::import(&folder, &[card], &home.settings, &()).unwrap();
        assert_eq!((done.installed.len(), done.incomplete.len()), (1, 0));
        let installed = registry::resolve(card, &home.settings, &()).unwrap();
        assert_eq!(std::fs::read(installed.one(Role::Weights).unwrap()).unwrap(), model(0));
        assert_eq!(std::fs::read(installed.one(Role::SourceSpm).unwrap()).unwrap(), vocabulary("word"));
        let again = registry::import(&folder, &[card], &home.settings, &()).unwrap();
        assert_eq!((again.installed.len(), again.present.len()), (0, 1));
    }
}

#[test]
fn an_incomplete_or_wrong_folder_installs_nothing_and_says_what_is_missing() {
    let home = home();
    let card = card(&["http://127.0.0.1:9"]);
    let folder = home.folder("usb");
    write(&folder, &[("m", published()[&format!("{MODEL}.gz")].clone()), (VOCAB, vocabulary("word"))]);
    let done = registry::import(&folder, &[card], &home.settings, &()).unwrap();
    let [incomplete] = done.incomplete.as_slice() else { panic!("{done:?}") };
    assert_eq!(incomplete.found, [MODEL]);
    let hash = sha256(&published()[&format!("{VOCAB}.gz")]);
    assert_eq!(incomplete.missing, [format!("{VOCAB}.gz (sha256 {hash}; unpacked it cannot be checked)")]);
    home.check_nothing(card);
    // A damaged file is no file of the card, though its size is right.
    let mut damaged = published()[&format!("{MODEL}.gz")].clone();
    damaged[100] ^= 1;
    write(&folder, &[("m", damaged)]);
    let done = registry::import(&folder, &[card], &home.settings, &()).unwrap();
    assert_eq!((done.incomplete[0].found.len(), done.incomplete[0].missing.len()), (0, 2));
    home.check_nothing(card);
    // Among the embedded cards nothing is known of these files.
    let error = registry::import(&folder, &[], &home.settings, &()).unwrap_err().to_string();
    assert!(error.contains("found none among: m, vocab.enuk.spm") && error.contains("models show"), "{error}");
    let empty = registry::import(&home.folder("empty"), &[], &home.settings, &()).unwrap_err().to_string();
    assert!(empty.contains("an empty folder"), "{empty}");
    assert!(registry::import(Path::new("/no/such/folder"), &[], &home.settings, &()).is_err());
}

#[test]
fn a_pinned_vocabulary_is_known_unpacked() {
    let (home, server) = (home(), honest());
    let card = card(&[&server.address]);
    home.check_fetched(card);
    let folder = home.folder("usb");
    write(&folder, &[("m", model(0)), ("v", vocabulary("word")), ("l.gz", gzip(&shortlist()))]);
    std::fs::remove_dir_all(home.settings.data_dir.join("models")).unwrap();
    let done = registry::import(&folder, &[card], &home.settings, &()).unwrap();
    assert_eq!(done.installed.len(), 1);
    home.check_fetched(card);
}

fn check_folder(files: &[(&str, Vec<u8>)], expected: &[(Role, &[u8])]) {
    let home = home();
    let folder = home.folder("any-name");
    write(&folder, files);
    for round in 0..2 {
        let found = registry::from_path(&folder, &home.settings).unwrap();
        assert_eq!((found.name.as_str(), found.family), ("any-name", Family::Bergamot));
        let roles: Vec<Role> = found.files.keys().copied().collect();
        let mut wanted: Vec<Role> = expected.iter().map(|(role, _)| *role).collect();
        wanted.sort_unstable();
        assert_eq!(roles, wanted, "round {round}");
        for (role, content) in expected {
            assert_eq!(std::fs::read(found.one(*role).unwrap()).unwrap(), *content, "{role:?}");
        }
        assert!(found.sha256.values().any(|hash| *hash == sha256(&model(0))));
    }
}

#[test]
fn a_folder_of_a_firefox_model_is_known_by_its_content() {
    let (m, v, l) = (model(0), vocabulary("word"), shortlist());
    let shared: [(Role, &[u8]); 3] = [(Role::Weights, &m), (Role::SourceSpm, &v), (Role::Shortlist, &l)];
    check_folder(&[(MODEL, m.clone()), (VOCAB, v.clone()), (LEX, l.clone())], &shared);
    check_folder(
        &[
            ("one.gz", gzip(&m)),
            ("two.zst", zstd(&v)),
            ("three", l.clone()),
            ("metadata.json", b"{}".to_vec()),
            ("lex.txt", b"a b 0.5\n".to_vec()),
            ("readme.gz", gzip(b"text")),
        ],
        &shared,
    );
    // A file and its packed form are one file.
    check_folder(
        &[(MODEL, m.clone()), ("model.enuk.intgemm.alphas.bin.gz", gzip(&m)), (VOCAB, v.clone())],
        &shared[..2],
    );
    let (s, t) = (vocabulary("source"), vocabulary("target"));
    let sides: [(Role, &[u8]); 3] = [(Role::Weights, &m), (Role::SourceSpm, &s), (Role::TargetSpm, &t)];
    check_folder(&[(MODEL, m.clone()), ("trgvocab.enuk.spm", t.clone()), ("srcvocab.enuk.spm.gz", gzip(&s))], &sides);
    let config = b"vocabs:\n  - a.spm\n  - b.spm\n".to_vec();
    check_folder(
        &[("m.bin", m.clone()), ("b.spm", t.clone()), ("a.spm", s.clone()), ("config.yml", config.clone())],
        &[&sides[..], &[(Role::Config, &config)]].concat(),
    );
}

#[test]
fn an_ambiguous_or_damaged_folder_is_refused_with_what_was_found() {
    let (m, v) = (model(0), vocabulary("word"));
    let check = |files: &[(&str, Vec<u8>)], said: &[&str]| {
        let home = home();
        let folder = home.folder("m");
        write(&folder, files);
        let error = registry::from_path(&folder, &home.settings).unwrap_err().to_string();
        for part in said {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
    };
    check(
        &[("a", m.clone()), ("b", model(1)), ("v", v.clone())],
        &["found 2", "a (model)", "b (model)", "one direction"],
    );
    check(&[("a", m.clone())], &["a SentencePiece vocabulary, found none", "a (model)"]);
    check(&[("a", v.clone()), ("l", shortlist())], &["one model in Marian's binary format, found 0", "l (shortlist)"]);
    check(
        &[("m", m.clone()), ("a", v.clone()), ("b", vocabulary("w"))],
        &["cannot tell which", "a or b", "config.yml"],
    );
    check(&[("m", m.clone()), ("srcvocab.spm", v.clone())], &["trgvocab, is missing"]);
    check(&[("m", m[..m.len() - 9].to_vec()), ("v", v.clone())], &["cut short", "fetch the file again"]);
    check(&[("m.gz", gzip(&m)[..150_000].to_vec()), ("v", v.clone())], &["cannot unpack (gzip)", "m.gz"]);
    check(&[("notes.txt", b"hello".to_vec())], &["config.json, a .gguf file or a model in Marian's binary format"]);
}

#[test]
fn what_was_unpacked_is_checked_when_it_is_used_again() {
    let home = home();
    let folder = home.folder("m");
    write(&folder, &[("m.gz", gzip(&model(0))), ("v", vocabulary("word"))]);
    let first = registry::from_path(&folder, &home.settings).unwrap();
    let stored = first.one(Role::Weights).unwrap();
    assert!(stored.starts_with(home.settings.data_dir.join("unpacked")));
    std::fs::write(stored, model(7)).unwrap();
    let second = registry::from_path(&folder, &home.settings).unwrap();
    assert_eq!(std::fs::read(second.one(Role::Weights).unwrap()).unwrap(), model(0));
    // Where the data folder cannot be written, the model is usable all the same.
    let mut other = home.settings.clone();
    other.data_dir = home.dir.path().join("m/v/below-a-file");
    let third = registry::from_path(&folder, &other).unwrap();
    let path = third.one(Role::Weights).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), model(0));
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}
