//! The review copy of whole jobs on the weightless models: a page whose markup is sound, with every segment of the report
//! once and every text as it is. How it behaves in a browser is tested in `tests/browser`.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Runs the program in a folder, without models and without a network.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tlumach"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("HF_HUB_OFFLINE", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// An element of the page, with what it holds.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Node>,
}

#[derive(Debug)]
enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn has_class(&self, class: &str) -> bool {
        self.attribute("class").is_some_and(|classes| classes.split(' ').any(|known| known == class))
    }

    /// All elements in it, in their order.
    fn all(&self) -> Vec<&Element> {
        let mut found = vec![self];
        for child in &self.children {
            if let Node::Element(element) = child {
                found.extend(element.all());
            }
        }
        found
    }

    fn of_class(&self, class: &str) -> Vec<&Element> {
        self.all().into_iter().filter(|element| element.has_class(class)).collect()
    }

    fn text(&self) -> String {
        let part = |node: &Node| match node {
            Node::Element(element) => element.text(),
            Node::Text(text) => text.clone(),
        };
        self.children.iter().map(part).collect()
    }
}

/// Elements that hold nothing and have no end.
const VOID: &[&str] = &["meta", "input"];

/// Reads a page, strictly: every element has its end, every attribute its quotation marks, every `&` a meaning.
fn parse(html: &str) -> Element {
    let mut open = vec![Element::default()];
    let mut rest = html.strip_prefix("<!doctype html>").expect("no doctype");
    while !rest.is_empty() {
        let Some(tag) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            open.last_mut().unwrap().children.push(Node::Text(resolved(&rest[..end])));
            rest = &rest[end..];
            continue;
        };
        let end = tag.find('>').expect("a tag without an end");
        let inside = &tag[..end];
        rest = &tag[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            let element = open.pop().unwrap();
            assert_eq!(element.name, name, "the end of another element");
            open.last_mut().unwrap().children.push(Node::Element(element));
            continue;
        }
        let mut element = start(inside);
        if VOID.contains(&element.name.as_str()) {
            open.last_mut().unwrap().children.push(Node::Element(element));
        } else if ["script", "style"].contains(&element.name.as_str()) {
            let close = format!("</{}>", element.name);
            let end = rest.find(&close).expect("a script without an end");
            element.children.push(Node::Text(rest[..end].to_string()));
            rest = &rest[end + close.len()..];
            open.last_mut().unwrap().children.push(Node::Element(element));
        } else {
            open.push(element);
        }
    }
    assert_eq!(open.len(), 1, "not ended: {:?}", open.last().map(|element| element.name.clone()));
    open.remove(0)
}

/// The inside of a tag that begins an element.
fn start(inside: &str) -> Element {
    let (name, mut rest) = inside.split_once(' ').unwrap_or((inside, ""));
    assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "no element: {inside:?}");
    let mut element = Element { name: name.into(), ..Element::default() };
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let name = rest[..end].to_string();
        let value = if let Some(quoted) = rest[end..].strip_prefix("=\"") {
            let close = quoted.find('"').expect("an attribute without its end");
            rest = &quoted[close + 1..];
            resolved(&quoted[..close])
        } else {
            assert!(!rest[end..].starts_with('='), "an attribute without quotation marks: {inside:?}");
            rest = &rest[end..];
            String::new()
        };
        element.attributes.push((name, value));
    }
    element
}

/// Text with its references resolved.
fn resolved(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split('&');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once(';').expect("an & that means nothing");
        out.push_str(match name {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "quot" => "\"",
            "#39" => "'",
            "#13" => "\r",
            other => panic!("an unknown reference {other}"),
        });
        out.push_str(rest);
    }
    out
}

/// A text as the page has it: NUL, which no page can hold, has a sign.
fn shown(text: &Value) -> String {
    text.as_str().unwrap().replace('\0', "\u{2400}")
}

/// Compares a page with the report of the same job: every article and segment is there once, in order, with its texts and
/// findings. Answers the page.
fn check(folder: &Path, page: &str, report: &str) -> Element {
    let html = fs::read_to_string(folder.join(page)).unwrap();
    let page = parse(&html);
    let report: Value = serde_json::from_slice(&fs::read(folder.join(report)).unwrap()).unwrap();
    let articles = page.of_class("art");
    let records = report["articles"].as_array().unwrap();
    assert_eq!(articles.len(), records.len());
    for (article, record) in articles.iter().zip(records) {
        let heading = article.all().into_iter().find(|element| element.name == "h2").unwrap().text();
        assert_eq!(heading, record["input"]["path"].as_str().unwrap());
        assert_eq!(article.attribute("data-status"), record["status"].as_str());
        let segments = article.of_class("seg");
        let known = record["segments"].as_array().unwrap();
        assert_eq!(segments.len(), known.len(), "{heading}");
        for (segment, known) in segments.iter().zip(known) {
            let side = |class: &str| segment.of_class(class).first().map(|element| element.text()).unwrap();
            if record["summarizer"].is_null() {
                assert_eq!(side("src"), shown(&known["source"]));
            }
            assert_eq!(side("out"), shown(&known["output"]));
            let findings = segment.of_class("find");
            let known = known["findings"].as_array().unwrap();
            assert_eq!(findings.len(), known.len(), "{heading}");
            for (finding, known) in findings.iter().zip(known) {
                assert!(finding.text().contains(known["message"].as_str().unwrap()), "{heading}: {known}");
                assert!(finding.has_class(known["severity"].as_str().unwrap()), "{heading}: {known}");
            }
        }
        let own = article.of_class("find").len() - segments.iter().map(|s| s.of_class("find").len()).sum::<usize>();
        assert_eq!(own, record["findings"].as_array().unwrap().len(), "{heading}: findings of the article");
    }
    let names: Vec<&str> = page.all().into_iter().filter_map(|element| element.attribute("id")).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "a name stands twice");
    // Nothing is loaded: no element has an address but those within the page.
    for element in page.all() {
        assert!(element.attribute("src").is_none() && element.attribute("style").is_none(), "{}", element.name);
        assert!(element.attribute("href").is_none_or(|address| address.starts_with('#')), "{:?}", element.attributes);
        assert!(!["link", "img", "iframe", "object", "base"].contains(&element.name.as_str()));
        assert!(element.attributes.iter().all(|(name, _)| !name.starts_with("on")), "{:?}", element.attributes);
    }
    page
}

fn place() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn samples() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").display().to_string()
}

#[test]
fn a_job_on_the_samples_makes_a_page_with_every_segment_once() {
    let place = place();
    let samples = samples();
    let ran = run(
        place.path(),
        &[
            "translate",
            &samples,
            "--to",
            "en",
            "--model",
            "echo",
            "--drop-boilerplate",
            "--output",
            "o",
            "--review",
            "r.html",
            "--report",
            "r.json",
        ],
    );
    assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stderr));
    let page = check(place.path(), "r.html", "r.json");
    assert!(!page.of_class("dropped").is_empty() && !page.of_class("contents").is_empty());
    let marked = page.all().into_iter().filter(|element| element.name == "mark").count();
    assert!(marked > 0, "findings have places");
    for (language, folder) in [("uk", "uk"), ("ko", "ko"), ("en", "en")] {
        let sources = page.of_class("src");
        assert!(sources.iter().any(|source| source.attribute("lang") == Some(language)), "{folder}");
    }
    assert!(!place.path().join("r.html.partial").exists());
}

#[test]
fn summaries_stand_beside_their_articles() {
    let place = place();
    let text = "The council met on Monday.\n\nIt voted for the new tram line after two years of talks.\n\nWork begins in May.\n";
    fs::write(place.path().join("a.txt"), format!("\u{feff}{text}")).unwrap();
    let arguments = ["summarize", "a.txt", "--model", "extractive", "--review", "r.html", "--report", "r.json"];
    run(place.path(), &arguments);
    let page = check(place.path(), "r.html", "r.json");
    assert_eq!(page.of_class("src")[0].text(), text);
}

#[test]
fn failed_and_hostile_articles_are_on_a_whole_page() {
    let place = place();
    fs::create_dir(place.path().join("in")).unwrap();
    fs::write(place.path().join("in/bad.txt"), b"\xff\xfe\xff not text").unwrap();
    let hostile = "A line </p></script><script>alert(1)</script> with \"all\" of 'it' & \u{202e}more\u{202c}.\r\n\r\nOn 14 March <img src=x onerror=alert(1)> e\u{301}\u{301}.\r\n";
    fs::write(place.path().join("in/hostile <b>.txt"), hostile).unwrap();
    let arguments =
        ["translate", "in", "--from", "en", "--to", "uk", "--model", "echo", "--output", "o", "--review", "r.html"];
    let ran = run(place.path(), &[&arguments[..], &["--report", "r.json"]].concat());
    assert_eq!(ran.status.code(), Some(1));
    let page = check(place.path(), "r.html", "r.json");
    assert_eq!(page.of_class("alert").len(), 1, "the one that failed says why");
    assert_eq!(page.all().into_iter().filter(|element| element.name == "script").count(), 2, "the page's own");
}

#[test]
fn a_page_needs_no_report_and_a_job_that_cannot_run_leaves_none() {
    let place = place();
    fs::write(place.path().join("a.txt"), "One sentence.\n").unwrap();
    let translate = ["translate", "a.txt", "--from", "en", "--to", "uk", "--review", "r.html"];
    let ran = run(place.path(), &[&translate[..], &["--model", "./none.gguf"]].concat());
    assert_eq!(ran.status.code(), Some(2));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing is left");
    let ran = run(place.path(), &[&translate[..], &["--model", "echo", "--report", "r.html"]].concat());
    assert_eq!(ran.status.code(), Some(2), "both cannot be one file");
    run(place.path(), &[&translate[..], &["--model", "echo"]].concat());
    parse(&fs::read_to_string(place.path().join("r.html")).unwrap());
    let own = |entry: &fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
    let left = fs::read_dir(place.path()).unwrap().filter(|entry| own(entry.as_ref().unwrap())).count();
    assert_eq!(left, 2, "the article and the page");
}

#[test]
fn a_check_of_two_files_makes_a_page() {
    let place = place();
    fs::write(place.path().join("a.txt"), "У місті живе 1200 людей.\n\nЇм привезли воду.\n").unwrap();
    fs::write(place.path().join("b.txt"), "The city has 1300 people.\n\nWater was brought to them.\n").unwrap();
    let arguments =
        ["check", "a.txt", "b.txt", "--from", "uk", "--to", "en", "--review", "r.html", "--report", "r.json"];
    let ran = run(place.path(), &arguments);
    assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stderr));
    let page = check(place.path(), "r.html", "r.json");
    let marks: Vec<String> =
        page.all().into_iter().filter(|element| element.name == "mark").map(Element::text).collect();
    assert!(marks.iter().any(|mark| mark.contains("1300")), "{marks:?}");
}
