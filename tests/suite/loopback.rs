//! A Hub of our own on the loopback interface, which can be told to misbehave: it cuts, lies, stalls, refuses and redirects.
//!
//! The honest answers follow what the real Hub sends: `api/models/…/revision/…`, `HEAD` with `x-repo-commit`, `x-linked-etag` and
//! `x-linked-size`, and a redirect of large files to another origin, where ranges are served.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha1::Sha1;
use sha2::{Digest, Sha256};
use tlumach::registry::{Card, Progress, Settings};

/// The commit of every repository here.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// The repository's name.
pub(crate) const REPOSITORY: &str = "owner/tiny";

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    /// How many requests with this method and path came before.
    pub(crate) nth: usize,
}

impl Request {
    /// The first byte that is asked for.
    pub(crate) fn from(&self) -> Option<usize> {
        self.headers.get("range")?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
    }

    /// Whether it is a `GET` of a file of this name.
    pub(crate) fn gets(&self, name: &str) -> bool {
        self.method == "GET" && self.path.ends_with(name)
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Value of `Content-Length`; without it the end of the connection is the end of the body.
    pub(crate) length: Option<usize>,
    /// Send only so many bytes of the body, then hang up.
    pub(crate) cut: Option<usize>,
    /// Wait before the answer, or after `cut` bytes of it.
    pub(crate) stall: Option<Duration>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        let body = body.into();
        Reply { status, headers: vec![], length: Some(body.len()), body, cut: None, stall: None }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_string(), value.into()));
        self
    }

    pub(crate) fn cut(mut self, at: usize) -> Reply {
        self.cut = Some(at);
        self
    }

    pub(crate) fn stall(mut self, time: Duration) -> Reply {
        self.stall = Some(time);
        self
    }

    pub(crate) fn without_length(mut self) -> Reply {
        self.length = None;
        self
    }

    fn write(&self, stream: &mut TcpStream, head_only: bool) -> std::io::Result<()> {
        let mut text = format!("HTTP/1.1 {} -\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            text += &[name, ": ", value, "\r\n"].concat();
        }
        if let Some(length) = self.length {
            text += &["Content-Length: ", &length.to_string(), "\r\n"].concat();
        }
        text += "\r\n";
        if self.cut.is_none()
            && let Some(time) = self.stall
        {
            std::thread::sleep(time);
        }
        stream.write_all(text.as_bytes())?;
        if head_only {
            return Ok(());
        }
        stream.write_all(&self.body[..self.cut.unwrap_or(self.body.len())])?;
        stream.flush()?;
        if self.cut.is_some()
            && let Some(time) = self.stall
        {
            std::thread::sleep(time);
        }
        Ok(())
    }
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// A server; it lives as long as the test's process.
pub(crate) struct Server {
    pub(crate) address: String,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let log: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (seen, handler): (_, Arc<Handler>) = (log.clone(), Arc::new(handler));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, handler) = (seen.clone(), handler.clone());
                std::thread::spawn(move || serve(stream, &seen, &*handler));
            }
        });
        Server { address, log }
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.log.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Request>>, handler: &Handler) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_string(), words.next()?.to_string());
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_string());
    }
    let request = {
        let mut log = log.lock().ok()?;
        let nth = log.iter().filter(|r| r.method == method && r.path == path).count();
        log.push(Request { method, path, headers, nth });
        log.last()?.clone()
    };
    handler(&request).write(&mut stream, request.method == "HEAD").ok()
}

/// A repository's files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files(pub(crate) BTreeMap<String, Vec<u8>>);

impl Files {
    /// A tiny checkpoint that looks like a Marian one; the weights count as a large file.
    pub(crate) fn marian() -> Files {
        let mut files = Files::default();
        files.set("config.json", br#"{"model_type": "marian"}"#);
        files.set("vocab.json", br#"{"</s>": 0}"#);
        files.set("source.spm", b"\n\x0e\n\x05<unk>");
        files.set("target.spm", b"\n\x0e\n\x05<unk>!");
        files.set("README.md", b"# tiny");
        let mut weights = b"\x02\0\0\0\0\0\0\0{}".to_vec();
        weights.extend((0..200_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()));
        files.set("model.safetensors", &weights);
        files
    }

    pub(crate) fn set(&mut self, name: &str, content: &[u8]) {
        self.0.insert(name.to_string(), content.to_vec());
    }

    pub(crate) fn get(&self, name: &str) -> &[u8] {
        &self.0[name]
    }

    /// Whether the Hub would keep it outside git.
    fn large(name: &str) -> bool {
        [".safetensors", ".bin", ".gguf", ".spm"].iter().any(|end| name.ends_with(end))
    }

    pub(crate) fn etag(&self, name: &str) -> String {
        let content = self.get(name);
        if Files::large(name) { sha256(content) } else { git_sha1(content) }
    }

    /// The honest answer of a Hub with this repository; large files are redirected to `elsewhere`.
    pub(crate) fn answer(&self, request: &Request, elsewhere: &str) -> Reply {
        if request.path.starts_with("/api/models/") {
            let names: Vec<_> = self.0.keys().map(|name| serde_json::json!({ "rfilename": name })).collect();
            let json = serde_json::json!({ "id": REPOSITORY, "sha": COMMIT, "siblings": names });
            return Reply::new(200, json.to_string()).with("content-type", "application/json");
        }
        let name =
            request.path.split_once("/resolve/").and_then(|(_, rest)| rest.split_once('/')).map(|(_, name)| name);
        let Some(name) = name.filter(|name| self.0.contains_key(*name)) else {
            return Reply::new(404, "Entry not found").with("x-error-code", "EntryNotFound");
        };
        if Files::large(name) {
            return Reply::new(302, "")
                .with("location", format!("{elsewhere}/cdn/{name}?signature=secret"))
                .with("x-repo-commit", COMMIT)
                .with("x-linked-etag", format!("\"{}\"", self.etag(name)))
                .with("x-linked-size", self.get(name).len().to_string());
        }
        ranged(self.get(name), request).with("x-repo-commit", COMMIT).with("etag", format!("\"{}\"", self.etag(name)))
    }

    /// The honest answer of the other origin.
    pub(crate) fn cdn(&self, request: &Request) -> Reply {
        let name = request.path.trim_start_matches("/cdn/").split('?').next().unwrap();
        ranged(self.get(name), request)
    }
}

/// A file, or the rest of it that was asked for.
pub(crate) fn ranged(content: &[u8], request: &Request) -> Reply {
    match request.from() {
        Some(from) if from < content.len() => Reply::new(206, &content[from..])
            .with("content-range", format!("bytes {from}-{}/{}", content.len() - 1, content.len())),
        Some(_) => Reply::new(416, "").with("content-range", format!("bytes */{}", content.len())),
        None => Reply::new(200, content),
    }
}

/// A Hub and its second origin. The two functions may answer in place of the honest ones.
#[allow(clippy::struct_field_names)]
pub(crate) struct Hub {
    pub(crate) hub: Server,
    pub(crate) cdn: Server,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) settings: Settings,
}

type Fault = Box<dyn Fn(&Request) -> Option<Reply> + Send + Sync>;

impl Hub {
    pub(crate) fn honest(files: Files) -> Hub {
        Hub::faulty(files, |_| None, |_| None)
    }

    pub(crate) fn faulty(
        files: Files,
        hub: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static,
        cdn: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static,
    ) -> Hub {
        let (hub, cdn): (Fault, Fault) = (Box::new(hub), Box::new(cdn));
        let copy = files.clone();
        let cdn = Server::start(move |r| cdn(r).unwrap_or_else(|| copy.cdn(r)));
        let elsewhere = cdn.address.replace("127.0.0.1", "localhost");
        let hub = Server::start(move |r| hub(r).unwrap_or_else(|| files.answer(r, &elsewhere)));
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(dir.path().join("hub"), dir.path().join("data"));
        settings.local_dir = dir.path().join("local");
        settings.endpoint.clone_from(&hub.address);
        settings.retry_wait = Duration::from_millis(1);
        settings.retries = 3;
        Hub { hub, cdn, dir, settings }
    }

    pub(crate) fn repo(&self) -> std::path::PathBuf {
        self.settings.hub_cache.join("models--owner--tiny")
    }

    /// What lies in `blobs`.
    pub(crate) fn blobs(&self) -> Vec<String> {
        names_in(&self.repo().join("blobs"))
    }
}

pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A card for the tiny repository, with additions to its end.
pub(crate) fn card(more: &str) -> &'static Card {
    card_with("", "Apache-2.0", more)
}

/// A card with a pinned revision or another licence.
pub(crate) fn card_with(revision: &str, license: &str, more: &str) -> &'static Card {
    let revision = if revision.is_empty() { String::new() } else { format!("revision = {revision:?}") };
    let text = format!(
        r#"
        name = "tiny"
        family = "marian"
        title = "a tiny checkpoint"
        tier = "balanced"
        tasks = ["translate"]
        weight_candidates = ["model.safetensors", "pytorch_model.bin"]
        size_bytes = 800000
        license = {{ name = "{license}", url = "https://license.example", needs_acceptance = {} }}
        source = {{ repository = "{REPOSITORY}", {revision} }}
        limits = {{ max_source_tokens = 512, max_target_tokens = 512 }}
        files = [
          {{ name = "config.json", role = "config" }},
          {{ name = "generation_config.json", role = "generation-config", optional = true }},
          {{ name = "vocab.json", role = "vocab" }},
          {{ name = "source.spm", role = "source-spm" }},
          {{ name = "target.spm", role = "target-spm" }},
          {more}
        ]
        "#,
        license != "Apache-2.0",
    );
    Box::leak(Box::new(Card::parse(&text).unwrap()))
}

pub(crate) fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

pub(crate) fn git_sha1(content: &[u8]) -> String {
    let mut hasher = Sha1::new();
    hasher.update(format!("blob {}\0", content.len()));
    hasher.update(content);
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

/// Keeps what it is told.
#[derive(Debug, Default)]
pub(crate) struct Told(pub(crate) Mutex<Vec<String>>);

impl Progress for Told {
    fn message(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_string());
    }
    fn start(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
}

impl Told {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}
