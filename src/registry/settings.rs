//! Where the registry looks and how it behaves on the network.
//!
//! The variables are those of the Python hub library, read with its rules, so that both share one cache. The environment itself is
//! read by the binary: [`Settings::from_variables`] is a pure function of a lookup.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Settings of the registry.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The Hugging Face cache (`HF_HUB_CACHE`), shared with Python.
    pub hub_cache: PathBuf,
    /// A folder of models put there by hand, one folder each; searched, never written.
    pub local_dir: PathBuf,
    /// tlumach's own data: the lock file, what mirrors gave, and their unfinished parts (`TLUMACH_HOME`).
    pub data_dir: PathBuf,
    /// Address of the Hub without a slash at its end (`HF_ENDPOINT`).
    pub endpoint: String,
    /// Base addresses asked in place of the plain addresses of the cards (`TLUMACH_ADDRESSES`), in order, each without a slash at
    /// its end; a file is looked for at `<base>/<card>/<published name>`. Empty: the cards' own.
    pub addresses: Vec<String>,
    /// Token (`HF_TOKEN`). It is sent to the endpoint's own host only.
    pub token: Option<String>,
    /// File with the token (`HF_TOKEN_PATH`), read when a request is made and no token is set. `None`: send no stored token.
    pub token_path: Option<PathBuf>,
    /// No connection at all (`HF_HUB_OFFLINE`).
    pub offline: bool,
    /// The user has accepted limiting licences (`--accept-license`).
    pub accept_license: bool,
    /// The Python whose pip fetches mirrors.
    pub python: String,
    /// Proxy for requests to `http://`, if any (`http_proxy`, else `all_proxy`).
    pub http_proxy: Option<String>,
    /// Proxy for requests to `https://`, if any (`https_proxy`, else `all_proxy`).
    pub https_proxy: Option<String>,
    /// Hosts that are asked without the proxy.
    pub no_proxy: Vec<String>,
    /// Certificates to trust in place of the built-in ones, as PEM (`SSL_CERT_FILE`): for networks with an authority of their own.
    pub ca_file: Option<PathBuf>,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest silence while an answer is read.
    pub read_timeout: Duration,
    /// How often a request is repeated when it brings nothing; a download that goes on counts from zero again.
    pub retries: u32,
    /// First pause before a repetition; doubled each time, at most 8 s.
    pub retry_wait: Duration,
    /// Longest pause a server may ask for (`Retry-After`); beyond it the request fails with the server's wish in the message.
    pub max_retry_after: Duration,
}

impl Settings {
    /// Settings for the given folders, everything else at its default. For tests and embedding.
    pub fn new(hub_cache: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Settings {
        Settings {
            hub_cache: hub_cache.into(),
            local_dir: PathBuf::from("models/local"),
            data_dir: data_dir.into(),
            endpoint: "https://huggingface.co".to_string(),
            addresses: Vec::new(),
            token: None,
            token_path: None,
            offline: false,
            accept_license: false,
            python: if cfg!(windows) { "python" } else { "python3" }.to_string(),
            http_proxy: None,
            https_proxy: None,
            no_proxy: Vec::new(),
            ca_file: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            retries: 5,
            retry_wait: Duration::from_millis(500),
            max_retry_after: Duration::from_mins(2),
        }
    }

    /// Settings from the variables of the Python hub library (`HF_HOME`, `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`,
    /// `XDG_CACHE_HOME`, `HF_ENDPOINT`, `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, `HF_TOKEN_PATH`,
    /// `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`, `HF_HUB_DOWNLOAD_TIMEOUT`), those of
    /// proxies and certificates, and `TLUMACH_HOME`, `TLUMACH_PYTHON`, `TLUMACH_ADDRESSES` (separated by blanks).
    ///
    /// As in Python, a variable that is set wins over a default even where another would suit better, `~` and `$NAME` are
    /// expanded in paths, and only 1, on, yes and true switch something on.
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Settings {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let home = set("HOME").or_else(|| set("USERPROFILE")).unwrap_or_else(|| ".".to_string());
        let path = |text: &str| PathBuf::from(expand(text, &home, variable));
        let cache_home = set("XDG_CACHE_HOME").map_or_else(|| Path::new(&home).join(".cache"), |text| path(&text));
        let hf_home = set("HF_HOME").map_or_else(|| cache_home.join("huggingface"), |text| path(&text));
        let hub_cache = set("HF_HUB_CACHE")
            .or_else(|| set("HUGGINGFACE_HUB_CACHE"))
            .map_or_else(|| hf_home.join("hub"), |text| path(&text));
        let data_dir = set("TLUMACH_HOME").map_or_else(|| cache_home.join("tlumach"), |text| path(&text));

        let mut settings = Settings::new(hub_cache, data_dir);
        if let Some(endpoint) = set("HF_ENDPOINT") {
            settings.endpoint = endpoint.trim_end_matches('/').to_string();
        }
        settings.token = set("HF_TOKEN").or_else(|| set("HUGGING_FACE_HUB_TOKEN")).and_then(|text| clean_token(&text));
        settings.token_path = if is_true(variable("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
            None
        } else {
            Some(set("HF_TOKEN_PATH").map_or_else(|| hf_home.join("token"), |text| path(&text)))
        };
        settings.offline = is_true(variable("HF_HUB_OFFLINE")) || is_true(variable("TRANSFORMERS_OFFLINE"));
        if let Some(seconds) = set("HF_HUB_DOWNLOAD_TIMEOUT").and_then(|text| text.trim().parse().ok()) {
            settings.read_timeout = Duration::from_secs(seconds);
        }
        if let Some(python) = set("TLUMACH_PYTHON") {
            settings.python = python;
        }
        settings.ca_file = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
            .iter()
            .find_map(|name| set(name))
            .map(|text| path(&text));
        if let Some(addresses) = set("TLUMACH_ADDRESSES") {
            settings.addresses = addresses.split_whitespace().map(|a| a.trim_end_matches('/').to_string()).collect();
        }
        let proxy = |scheme| {
            [scheme, "all_proxy"].iter().find_map(|name: &&str| set(name).or_else(|| set(&name.to_uppercase())))
        };
        settings.http_proxy = proxy("http_proxy");
        settings.https_proxy = proxy("https_proxy");
        settings.no_proxy = set("no_proxy")
            .or_else(|| set("NO_PROXY"))
            .map(|text| text.split(',').map(|entry| entry.trim().to_string()).filter(|e| !e.is_empty()).collect())
            .unwrap_or_default();
        settings
    }

    /// Folder for what mirrors gave, one folder a model.
    pub(crate) fn mirrored_dir(&self) -> PathBuf {
        self.data_dir.join("models")
    }

    /// Whether a token would be sent to the endpoint.
    pub fn has_token(&self) -> bool {
        self.effective_token().is_some()
    }

    /// The token to send to the endpoint, if there is one.
    pub(crate) fn effective_token(&self) -> Option<String> {
        self.token.clone().or_else(|| {
            let text = std::fs::read_to_string(self.token_path.as_ref()?).ok()?;
            clean_token(&text)
        })
    }
}

/// A token without line breaks and blanks around it; nothing if nothing is left.
fn clean_token(text: &str) -> Option<String> {
    let token: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let token = token.trim();
    (!token.is_empty()).then(|| token.to_string())
}

/// What the Python library takes for true.
fn is_true(value: Option<String>) -> bool {
    value.is_some_and(|text| matches!(text.to_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE"))
}

/// `~` at the start, then `$NAME` and `${NAME}`; an unknown name stays as it is.
fn expand(text: &str, home: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let text = match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with(['/', '\\']) => format!("{home}{rest}"),
        _ => text.to_string(),
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let braced = after.strip_prefix('{').and_then(|inner| inner.find('}').map(|end| &inner[..end]));
        let bare = &after[..after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len())];
        let (name, used) = braced.map_or((bare, bare.len()), |name| (name, name.len() + 2));
        match variable(name).filter(|_| !name.is_empty()) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&rest[at..=at + used]),
        }
        rest = &after[used..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::Settings;
    use std::path::Path;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        Settings::from_variables(&|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_string())
        })
    }

    fn check_cache(variables: &[(&str, &str)], expected: &str) {
        assert_eq!(settings(variables).hub_cache, Path::new(expected), "{variables:?}");
    }

    #[test]
    fn the_cache_is_found_as_in_python() {
        check_cache(&[("HOME", "/h")], "/h/.cache/huggingface/hub");
        check_cache(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub");
        check_cache(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/f")], "/f/hub");
        check_cache(&[("HF_HOME", "/f"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/old");
        check_cache(&[("HF_HOME", "/f"), ("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", "/new")], "/new");
        check_cache(&[("HOME", "/h"), ("HF_HOME", "~/hf")], "/h/hf/hub");
        check_cache(&[("HOME", "/h"), ("D", "/data"), ("HF_HUB_CACHE", "$D/${D}x/$NO")], "/data//datax/$NO");
    }

    #[test]
    fn offline_is_what_python_takes_for_true() {
        for (value, expected) in
            [("1", true), ("ON", true), ("yes", true), ("True", true), ("0", false), ("2", false), ("", false)]
        {
            assert_eq!(settings(&[("HF_HUB_OFFLINE", value)]).offline, expected, "{value:?}");
        }
        assert!(settings(&[("TRANSFORMERS_OFFLINE", "1")]).offline);
    }

    #[test]
    fn endpoint_and_token_are_cleaned() {
        let s = settings(&[("HF_ENDPOINT", "https://mirror.example/"), ("HF_TOKEN", " hf_x\n")]);
        assert_eq!((s.endpoint.as_str(), s.token.as_deref()), ("https://mirror.example", Some("hf_x")));
        assert_eq!(settings(&[]).endpoint, "https://huggingface.co");
        assert_eq!(settings(&[("HOME", "/h")]).token_path.as_deref(), Some(Path::new("/h/.cache/huggingface/token")));
        assert_eq!(settings(&[("HF_TOKEN_PATH", "/t")]).token_path.as_deref(), Some(Path::new("/t")));
        assert_eq!(settings(&[("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).token_path, None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_a_path(text in ".*", value in ".*") {
            let settings = settings(&[("HF_HOME", &text), ("A", &value)]);
            proptest::prop_assert!(settings.hub_cache.ends_with("hub"));
        }
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let both = [("HTTPS_PROXY", "http://s:1"), ("http_proxy", "http://p:2"), ("NO_PROXY", "localhost, .local")];
        assert_eq!(settings(&both).https_proxy.as_deref(), Some("http://s:1"));
        assert_eq!(settings(&both).http_proxy.as_deref(), Some("http://p:2"));
        assert_eq!(settings(&both).no_proxy, ["localhost", ".local"]);
        let all = settings(&[("ALL_PROXY", "http://a:3"), ("http_proxy", "http://p:2")]);
        assert_eq!((all.https_proxy.as_deref(), all.http_proxy.as_deref()), (Some("http://a:3"), Some("http://p:2")));
        assert_eq!(settings(&[]).https_proxy, None);
    }

    #[test]
    fn addresses_are_separated_by_blanks() {
        let s = settings(&[("TLUMACH_ADDRESSES", " https://a.example/models/  http://b.example ")]);
        assert_eq!(s.addresses, ["https://a.example/models", "http://b.example"]);
        assert!(settings(&[]).addresses.is_empty());
    }
}
