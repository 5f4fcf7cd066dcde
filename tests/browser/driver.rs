//! A browser by the W3C `WebDriver` protocol: starts chromedriver on a port of its own on the loopback interface, opens one
//! headless Chromium with a fresh profile, and ends both.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Arguments that keep the browser to itself: no display, no network of its own, nothing of other runs.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1400,900",
];

/// One browser with one window. It is closed when it is dropped.
pub(crate) struct Browser {
    driver: Child,
    agent: ureq::Agent,
    /// Address of the session.
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser.
    pub(crate) fn start() -> Browser {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver does not start: install the packages chromium and chromium-driver");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_string()))
            .expect("chromedriver tells no port");
        // A driver that nobody listens to would stop when its pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(ToString::to_string).collect();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_mins(3)))
            .build()
            .into();
        let host = format!("http://127.0.0.1:{port}");
        let mut browser = Browser { driver, agent, session: String::new(), _profile: profile };
        let answer = browser.post(&format!("{host}/session"), &capabilities);
        let id = answer["sessionId"].as_str().expect("the browser gives no session");
        browser.session = format!("{host}/session/{id}");
        browser
    }

    /// Opens a file by its `file:` address.
    pub(crate) fn open(&self, path: &Path) {
        self.command("url", &json!({"url": format!("file://{}", path.display())}));
    }

    /// Runs the body of a function in the page and answers what it returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Types; each character is pressed and released. Keys without a character are those of [`keys`].
    pub(crate) fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()})))
            .collect();
        self.command("actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}));
    }

    /// Clicks what a selector finds first.
    pub(crate) fn click(&self, selector: &str) {
        let found = self.command("element", &json!({"using": "css selector", "value": selector}));
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str).unwrap();
        self.command(&format!("element/{id}/click"), &json!({}));
    }

    /// Calls a method of the browser's own protocol.
    pub(crate) fn devtools(&self, method: &str, parameters: &Value) {
        self.command("goog/cdp/execute", &json!({"cmd": method, "params": parameters}));
    }

    /// Lets the page believe that the system is light or dark, or prints.
    pub(crate) fn emulate(&self, media: &str, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"media": media, "features": features}));
    }

    /// Gives the window a size in CSS pixels.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// What the console said since it was asked last.
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.command("se/log", &json!({"type": "browser"}));
        entries.as_array().unwrap().iter().map(ToString::to_string).collect()
    }

    fn command(&self, name: &str, body: &Value) -> Value {
        self.post(&format!("{}/{name}", self.session), body)
    }

    fn post(&self, address: &str, body: &Value) -> Value {
        let mut response = self
            .agent
            .post(address)
            .header("Content-Type", "application/json; charset=utf-8")
            .send(body.to_string())
            .unwrap_or_else(|error| panic!("{address}: {error}"));
        let status = response.status();
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{address}: {error}: {text}"));
        assert!(status.is_success(), "{address}: {body}: {answer}");
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // The driver closes the browser with its session; whether it could say so does not matter here.
            let _ = self.agent.delete(&self.session).call();
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Keys without a character, as the protocol spells them.
pub(crate) mod keys {
    pub(crate) const ESCAPE: &str = "\u{e00c}";
    pub(crate) const ENTER: &str = "\u{e007}";
    pub(crate) const DOWN: &str = "\u{e015}";
    pub(crate) const UP: &str = "\u{e013}";
    pub(crate) const RIGHT: &str = "\u{e014}";
    pub(crate) const END: &str = "\u{e010}";
}
