//! Requests and downloads over HTTP: time-outs, repetitions, redirects that keep the token at home, and resumption after a cut.
//!
//! What comes down is counted against the promised size here; hashes are the caller's. Nothing here knows what a model is.
//! `docs/hub.md` says why this is not left to the hf-hub crate, and `tests/suite/hub.rs` holds it to that.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use ureq::http::{Response, StatusCode, Uri, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Proxy, ProxyProtocol};

use super::digest::{Digests, Expected, digest};
use super::{Progress, RegistryError, Settings};

/// Longest chain of redirects that is followed.
const MAX_REDIRECTS: usize = 10;
/// Longest pause between repetitions, unless the server asks for a longer one.
const MAX_WAIT: Duration = Duration::from_secs(8);
/// Bytes read at once.
const CHUNK: usize = 256 << 10;
/// Longest JSON answer that is read.
const MAX_JSON: u64 = 64 << 20;

/// What the Hub says of a file without sending it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Commit the answer belongs to.
    pub(crate) commit: Option<String>,
    /// Entity tag without quotes: sha256 of large files, git hash of small ones.
    pub(crate) etag: Option<String>,
    /// Size in bytes.
    pub(crate) size: Option<u64>,
}

/// A file to download.
#[derive(Debug)]
pub(crate) struct Download<'a> {
    /// Where it is.
    pub(crate) url: &'a str,
    /// Its name, for people.
    pub(crate) name: &'a str,
    /// Where it goes; what is there already is taken for its beginning.
    pub(crate) to: &'a Path,
    /// Its size in bytes.
    pub(crate) size: u64,
}

/// Why one attempt failed.
#[derive(Debug)]
enum Failure {
    /// Trying again may help, after the pause the server asked for if it did.
    Again(Box<RegistryError>, Option<Duration>),
    /// It will not.
    Final(Box<RegistryError>),
}

impl Failure {
    fn again(error: RegistryError) -> Failure {
        Failure::Again(Box::new(error), None)
    }

    fn last(error: RegistryError) -> Failure {
        Failure::Final(Box::new(error))
    }
}

/// A client for the Hub, or without a token for any address.
pub(crate) struct Transfer<'a> {
    /// For `http://`, which may have a proxy of its own.
    http: Agent,
    /// For `https://`.
    https: Agent,
    settings: &'a Settings,
    token: Option<String>,
    progress: &'a dyn Progress,
    retries: u32,
}

impl<'a> Transfer<'a> {
    /// A client for the Hub. No connection is made yet.
    ///
    /// # Errors
    /// The proxy's address cannot be used.
    pub(crate) fn new(settings: &'a Settings, progress: &'a dyn Progress) -> Result<Transfer<'a>, RegistryError> {
        let token = settings.effective_token();
        Ok(Transfer { token, ..Transfer::anonymous(settings, progress)? })
    }

    /// A client that sends no token to anyone. No connection is made yet.
    ///
    /// # Errors
    /// The proxy's address cannot be used.
    pub(crate) fn anonymous(settings: &'a Settings, progress: &'a dyn Progress) -> Result<Transfer<'a>, RegistryError> {
        let http = agent(settings, settings.http_proxy.as_deref())?;
        let https = agent(settings, settings.https_proxy.as_deref())?;
        Ok(Transfer { http, https, settings, token: None, progress, retries: settings.retries })
    }

    /// Repeats at most so often from now on.
    pub(crate) fn limit_retries(&mut self, most: u32) {
        self.retries = most.min(self.settings.retries);
    }

    /// Fetches JSON.
    pub(crate) fn json(&self, url: &str) -> Result<serde_json::Value, RegistryError> {
        self.persist(|| {
            let mut response = self.ask(Verb::Get, url, 0)?;
            self.accept(url, &response)?;
            let text = response
                .body_mut()
                .with_config()
                .limit(MAX_JSON)
                .read_to_string()
                .map_err(|e| Failure::again(transport(url, &e)))?;
            serde_json::from_str(&text).map_err(|e| {
                let got = format!("{} ({e})", excerpt(&text));
                Failure::last(answer(url, "JSON", got, "check HF_ENDPOINT, and whether a proxy stands in between"))
            })
        })
    }

    /// Asks for a file's facts.
    pub(crate) fn head(&self, url: &str) -> Result<Head, RegistryError> {
        self.persist(|| {
            let response = self.ask(Verb::Head, url, 0)?;
            if !response.status().is_redirection() {
                self.accept(url, &response)?;
            }
            let text = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_string);
            // On a redirect the plain headers describe the redirect itself; only the linked ones describe the file.
            let here = response.status().is_success();
            let etag = text("x-linked-etag").or_else(|| text("etag").filter(|_| here));
            let size = text("x-linked-size").or_else(|| text("content-length").filter(|_| here));
            Ok(Head {
                commit: text("x-repo-commit"),
                etag: etag.map(|tag| tag.trim_start_matches("W/").trim_matches('"').to_string()),
                size: size.and_then(|size| size.trim().parse().ok()),
            })
        })
    }

    /// Downloads a file, going on where an earlier attempt or an earlier run stopped. On success the file has the promised size and
    /// is on disk; its hash is not checked. Returns whether it was put together from several pieces.
    pub(crate) fn download(&self, what: &Download<'_>) -> Result<bool, RegistryError> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(what.to)
            .map_err(RegistryError::io("write", what.to))?;
        let mut have = file.metadata().map_err(RegistryError::io("read", what.to))?.len();
        if have > what.size {
            have = 0;
        }
        let mut pieced = have > 0;
        self.progress.start(what.name, Some(what.size));
        self.progress.advance(have);
        let mut failures = 0;
        let outcome = loop {
            if have == what.size {
                break file.set_len(have).and_then(|()| file.sync_all()).map_err(RegistryError::io("write", what.to));
            }
            let before = have;
            pieced |= have > 0;
            let result = self.piece(what, &mut file, &mut have);
            if have < before {
                // It began again: so does the display.
                self.progress.finish();
                self.progress.start(what.name, Some(what.size));
                self.progress.advance(have);
            }
            match result {
                Ok(()) => {}
                Err(Failure::Final(error)) => break Err(*error),
                Err(Failure::Again(error, pause)) => {
                    failures = if have > before { 1 } else { failures + 1 };
                    if let Err(error) = self.pause(*error, failures, pause) {
                        break Err(error);
                    }
                }
            }
        };
        self.progress.finish();
        outcome.map(|()| pieced)
    }

    /// Downloads a file and lets `check` judge its hashes; the git hash is computed if `expected` is one. What is wrong is not kept.
    pub(crate) fn download_checked(
        &self,
        what: &Download<'_>,
        expected: Option<&Expected>,
        check: &dyn Fn(&Digests) -> Result<(), RegistryError>,
    ) -> Result<Digests, RegistryError> {
        let mut again = false;
        loop {
            let pieced = self.download(what)?;
            let digests = digest(what.to, expected, &())?;
            let Err(error) = check(&digests) else { return Ok(digests) };
            // What is wrong is not worth going on from.
            std::fs::remove_file(what.to).map_err(RegistryError::io("remove", what.to))?;
            // Pieces of two versions may have met; a whole that is wrong stays wrong.
            if !pieced || again {
                return Err(error);
            }
            again = true;
            self.progress.message(&format!("{}: its pieces do not fit together, starting again", what.name));
        }
    }

    /// One connection's worth of a download. `have` is kept true whatever happens.
    fn piece(&self, what: &Download<'_>, file: &mut File, have: &mut u64) -> Result<(), Failure> {
        let disk = |e: std::io::Error| Failure::last(disk_error(what, e));
        let mut response = self.ask(Verb::Get, what.url, *have)?;
        let status = response.status();
        if status == StatusCode::RANGE_NOT_SATISFIABLE && *have > 0 {
            *have = 0;
            return Err(Failure::again(self.status_error(what.url, &response)));
        }
        self.accept(what.url, &response)?;
        let text = |name: header::HeaderName| response.headers().get(name).and_then(|v| v.to_str().ok());
        if text(header::CONTENT_TYPE).is_some_and(|kind| kind.trim_start().starts_with("text/html")) {
            let advice = "check HF_ENDPOINT, and whether a proxy or a log-in page stands in between; nothing was kept";
            return Err(Failure::last(answer(what.url, what.name, "an HTML page".into(), advice)));
        }
        let promised = match (status, text(header::CONTENT_RANGE).map(content_range)) {
            (StatusCode::PARTIAL_CONTENT, Some(Some((start, total)))) if start == *have => total,
            (StatusCode::PARTIAL_CONTENT, _) => {
                *have = 0;
                let got = text(header::CONTENT_RANGE).unwrap_or("no Content-Range").to_string();
                let error = answer(what.url, "the rest of the file", got, "try again");
                return Err(Failure::again(error));
            }
            _ => {
                // The server sends the whole file, asked or not: begin again rather than glue it to what is there.
                *have = 0;
                text(header::CONTENT_LENGTH).and_then(|n| n.trim().parse().ok())
            }
        };
        if let Some(promised) = promised.filter(|promised| *promised != what.size) {
            return Err(Failure::last(size_mismatch(what, promised)));
        }
        file.seek(SeekFrom::Start(*have)).map_err(disk)?;
        let mut reader = response.body_mut().as_reader();
        let mut buffer = vec![0; CHUNK];
        loop {
            if self.progress.cancelled() {
                return Err(Failure::last(RegistryError::Cancelled(what.name.to_string())));
            }
            let n = match reader.read(&mut buffer) {
                Ok(n) => n,
                Err(e) => return Err(Failure::again(cut(what, *have, &e.to_string()))),
            };
            if n == 0 {
                break;
            }
            if *have + n as u64 > what.size {
                *have = 0;
                file.set_len(0).map_err(disk)?;
                return Err(Failure::last(size_mismatch(what, what.size + 1)));
            }
            file.write_all(&buffer[..n]).map_err(disk)?;
            *have += n as u64;
            self.progress.advance(n as u64);
        }
        if *have == what.size { Ok(()) } else { Err(Failure::again(cut(what, *have, "the connection ended"))) }
    }

    /// Sends a request and follows redirects. The token goes to the endpoint's own origin and nowhere else.
    fn ask(&self, verb: Verb, url: &str, from: u64) -> Result<Response<Body>, Failure> {
        let mut at: Uri = url
            .parse()
            .map_err(|_| Failure::last(answer(url, "an address", "something else".into(), "check HF_ENDPOINT")))?;
        let endpoint: Option<Uri> = self.settings.endpoint.parse().ok();
        for _ in 0..=MAX_REDIRECTS {
            let agent = if at.scheme_str() == Some("http") { &self.http } else { &self.https };
            let mut request = match verb {
                Verb::Get => agent.get(at.clone()),
                Verb::Head => agent.head(at.clone()),
            };
            let at_home = endpoint.as_ref().is_some_and(|home| same_origin(home, &at));
            if let Some(token) = self.token.as_ref().filter(|_| at_home) {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            if from > 0 {
                request = request.header(header::RANGE, format!("bytes={from}-"));
            }
            let response = request.call().map_err(|e| match e {
                ureq::Error::StatusCode(_) | ureq::Error::BadUri(_) | ureq::Error::InvalidProxyUrl => {
                    Failure::last(transport(url, &e))
                }
                _ => Failure::again(transport(url, &e)),
            })?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let text = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
            let Some(next) = text("location").and_then(|location| join(&at, location)) else {
                let got = format!("a redirect to {:?}", text("location").unwrap_or(""));
                return Err(Failure::last(answer(url, "an address to follow", got, "check HF_ENDPOINT")));
            };
            if verb == Verb::Head && text("x-linked-etag").is_some() && !same_origin(&at, &next) {
                // The facts are here; over there is only the content.
                return Ok(response);
            }
            if at.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
                let got = format!("a redirect to unencrypted {}", plain(&next.to_string()));
                return Err(Failure::last(answer(url, "an https address", got, "check HF_ENDPOINT")));
            }
            at = next;
        }
        let got = format!("more than {MAX_REDIRECTS} redirects");
        Err(Failure::last(answer(url, "a file", got, "check HF_ENDPOINT")))
    }

    /// Lets success through and sorts everything else.
    fn accept(&self, url: &str, response: &Response<Body>) -> Result<(), Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let error = self.status_error(url, response);
        let passing = status.is_server_error()
            || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY);
        if !passing {
            return Err(Failure::last(error));
        }
        let after = response.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok());
        Err(Failure::Again(Box::new(error), after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs)))
    }

    fn status_error(&self, url: &str, response: &Response<Body>) -> RegistryError {
        let status = response.status();
        let text = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
        let mut reason = status.canonical_reason().unwrap_or("unknown").to_lowercase();
        for said in [text("x-error-code"), text("x-error-message")] {
            if !said.is_empty() {
                reason = format!("{reason}; {said}");
            }
        }
        let token = if self.token.is_some() { "the token in use" } else { "a token in HF_TOKEN" };
        let advice = match (status.as_u16(), text("x-error-code")) {
            (_, "GatedRepo") => {
                format!("the repository is gated: accept its terms on its page, then use {token} of that account")
            }
            (401, _) => format!("the repository does not exist or is private: check its name, and {token}"),
            (403, _) => format!("access is refused: check what {token} may read"),
            (404, _) => "the repository, revision or file does not exist: check the card".to_string(),
            (429, _) => "too many requests: wait, or set HF_TOKEN for a higher limit".to_string(),
            (500.., _) => "the server has trouble: try again later".to_string(),
            _ => "check HF_ENDPOINT".to_string(),
        };
        RegistryError::Status { url: plain(url), status: status.as_u16(), reason, advice }
    }

    /// Repeats a request until it succeeds, fails for good, or has failed too often.
    fn persist<T>(&self, mut attempt: impl FnMut() -> Result<T, Failure>) -> Result<T, RegistryError> {
        let mut failures = 0;
        loop {
            match attempt() {
                Ok(value) => return Ok(value),
                Err(Failure::Final(error)) => return Err(*error),
                Err(Failure::Again(error, pause)) => {
                    failures += 1;
                    self.pause(*error, failures, pause)?;
                }
            }
        }
    }

    /// Waits before repetition number `failures`, or gives the error back if there have been enough.
    fn pause(&self, error: RegistryError, failures: u32, asked: Option<Duration>) -> Result<(), RegistryError> {
        if failures > self.retries || asked.is_some_and(|asked| asked > self.settings.max_retry_after) {
            return Err(match (error, asked) {
                (RegistryError::Status { url, status, reason, .. }, Some(asked)) => {
                    let advice = format!("the server asks to wait {} s: try again then", asked.as_secs());
                    RegistryError::Status { url, status, reason, advice }
                }
                (error, _) => error,
            });
        }
        let doubled = self.settings.retry_wait.saturating_mul(1 << (failures - 1).min(10)).min(MAX_WAIT);
        let until = Instant::now() + asked.unwrap_or(doubled);
        while Instant::now() < until {
            if self.progress.cancelled() {
                return Err(error);
            }
            std::thread::sleep((until - Instant::now()).min(Duration::from_millis(100)));
        }
        Ok(())
    }
}

/// The two methods that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Head,
}

fn root_certs(settings: &Settings) -> Result<RootCerts, RegistryError> {
    let Some(path) = &settings.ca_file else { return Ok(RootCerts::WebPki) };
    let pem = std::fs::read(path).map_err(RegistryError::io("read", path))?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(RegistryError::Transport {
            url: path.display().to_string(),
            reason: "expected certificates in PEM form, found none".to_string(),
            advice: "correct or unset SSL_CERT_FILE".to_string(),
        });
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

/// A connection pool that goes through the proxy, if there is one.
fn agent(settings: &Settings, through: Option<&str>) -> Result<Agent, RegistryError> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // Redirects are followed here, so that the token never leaves its host.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .accept_encoding("identity")
        .user_agent(concat!("tlumach/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(settings.connect_timeout))
        .timeout_connect(Some(settings.connect_timeout))
        .timeout_recv_response(Some(settings.read_timeout))
        .timeout_per_read(Some(settings.read_timeout))
        .proxy(through.map(|address| proxy(settings, address)).transpose()?)
        .tls_config(TlsConfig::builder().root_certs(root_certs(settings)?).build())
        .build();
    Ok(Agent::new_with_config(config))
}

fn proxy(settings: &Settings, address: &str) -> Result<Proxy, RegistryError> {
    let bad = |reason: String| RegistryError::Transport {
        url: plain(address),
        reason: format!("unusable proxy: {reason}"),
        advice: "set HTTPS_PROXY or HTTP_PROXY to an http:// address".to_string(),
    };
    let parsed = Proxy::new(address).map_err(|e| bad(e.to_string()))?;
    if !matches!(parsed.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(bad("expected http or https, got socks".to_string()));
    }
    let mut builder = Proxy::builder(parsed.protocol()).host(parsed.host()).port(parsed.port());
    if let Some(name) = parsed.username() {
        builder = builder.username(name);
    }
    if let Some(password) = parsed.password() {
        builder = builder.password(password);
    }
    for entry in &settings.no_proxy {
        builder = builder.no_proxy(entry);
    }
    builder.build().map_err(|e| bad(e.to_string()))
}

/// Start and total of `bytes 5-9/10`; the total may be unknown.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-')?.0.trim().parse().ok()?;
    Some((start, total.trim().parse().ok()))
}

fn same_origin(a: &Uri, b: &Uri) -> bool {
    let port = |uri: &Uri| uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    a.scheme_str() == b.scheme_str() && a.host() == b.host() && port(a) == port(b)
}

/// The address a `Location` means, seen from `base`.
fn join(base: &Uri, location: &str) -> Option<Uri> {
    let scheme = base.scheme_str()?;
    let authority = base.authority()?;
    if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}").parse().ok()
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}").parse().ok()
    } else if location.contains("://") {
        location.parse().ok()
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}").parse().ok()
    }
}

/// An address for a message: signed queries and passwords stay out of logs.
pub(crate) fn plain(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let host = rest[..end].rsplit('@').next().unwrap_or("");
            format!("{scheme}://{host}{}", &rest[end..])
        }
        None => url.to_string(),
    }
}

fn excerpt(text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    format!("{start:?}")
}

fn transport(url: &str, error: &ureq::Error) -> RegistryError {
    let reason = error.to_string();
    let advice = if reason.contains("certificate") {
        "if the network has an authority of its own, name its certificates in SSL_CERT_FILE"
    } else {
        "check the network, HF_ENDPOINT and the proxy, or set HF_HUB_OFFLINE=1 to use what is on disk"
    };
    RegistryError::Transport { url: plain(url), reason, advice: advice.to_string() }
}

fn answer(url: &str, expected: &str, got: String, advice: &str) -> RegistryError {
    RegistryError::Answer { url: plain(url), expected: expected.to_string(), got, advice: advice.to_string() }
}

fn cut(what: &Download<'_>, have: u64, reason: &str) -> RegistryError {
    RegistryError::Transport {
        url: plain(what.url),
        reason: format!("download of {} stopped after {have} of {} bytes: {reason}", what.name, what.size),
        advice: "repeat the command: it goes on from there".to_string(),
    }
}

fn size_mismatch(what: &Download<'_>, got: u64) -> RegistryError {
    RegistryError::Mismatch {
        what: "size",
        file: what.name.into(),
        place: plain(what.url),
        expected: format!("{} bytes", what.size),
        got: if got > what.size && got == what.size + 1 { "more".to_string() } else { format!("{got} bytes") },
        advice: "the server contradicts itself; try again later or use another endpoint".into(),
    }
}

/// Writing failed: a full disk is told apart from the rest.
fn disk_error(what: &Download<'_>, error: std::io::Error) -> RegistryError {
    if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) {
        return RegistryError::NoSpace {
            what: what.name.to_string(),
            path: what.to.parent().unwrap_or(Path::new(".")).to_path_buf(),
            need: what.size,
            free: 0,
        };
    }
    RegistryError::io("write", what.to)(error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        for bad in ["", "5-9/10", "bytes */10", "bytes x-9/10"] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }

    #[test]
    fn locations_are_joined() {
        let base: Uri = "https://hub.example:8443/o/n/resolve/main/f".parse().unwrap();
        for (location, expected) in [
            ("/api/x?y=1", "https://hub.example:8443/api/x?y=1"),
            ("g", "https://hub.example:8443/o/n/resolve/main/g"),
            ("/login?next=https://x/", "https://hub.example:8443/login?next=https://x/"),
            ("//cdn.example/z", "https://cdn.example/z"),
            ("http://cdn.example/z", "http://cdn.example/z"),
        ] {
            assert_eq!(join(&base, location).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn origins_differ_by_scheme_host_or_port() {
        let home: Uri = "https://hub.example".parse().unwrap();
        let check =
            |other: &str, expected| assert_eq!(same_origin(&home, &other.parse().unwrap()), expected, "{other}");
        check("https://hub.example:443/x", true);
        check("http://hub.example/x", false);
        check("https://hub.example:444/x", false);
        check("https://hub.example.evil/x", false);
    }

    #[test]
    fn secrets_stay_out_of_messages() {
        assert_eq!(plain("https://u:p@cdn.example/f?X-Amz-Signature=s"), "https://cdn.example/f");
        assert_eq!(plain("http://proxy:1"), "http://proxy:1");
    }
}
