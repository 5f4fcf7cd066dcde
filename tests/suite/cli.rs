//! The whole program on the weightless models: exit codes, outputs, reports, and every kind of bad input.

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder of its own for each test, with a cache that has no models and no way to the network.
pub(crate) struct Place {
    folder: TempDir,
}

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tlumach"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("HF_HUB_OFFLINE", "1")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments).output().unwrap())
    }

    /// Starts the program and lets it run; what it says goes nowhere.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> std::process::Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        ran(child.wait_with_output().unwrap())
    }

    pub(crate) fn report(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }
}

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: output.stdout,
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

const ARTICLE: &str = "Storm closes the port\n\nThe harbour of Odesa was closed on 14 March at 06:30. \
    Three ships, the Aurora among them, were told to wait outside.\n\n“We did not lose anyone,” the harbour master said.\n";

/// Runs `arguments` and expects code 2 with every one of `needles` on standard error and nothing on standard output.
fn refuses(place: &Place, arguments: &[&str], needles: &[&str]) {
    let ran = place.run(arguments);
    assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
    for needle in needles {
        assert!(ran.err.contains(needle), "{arguments:?}: expected {needle:?} in: {}", ran.err);
    }
    assert!(ran.out.is_empty(), "{arguments:?}");
}

#[test]
fn one_file_goes_to_standard_output_byte_for_byte() {
    let place = Place::new();
    for (name, content) in [
        ("plain.txt", ARTICLE.to_string()),
        ("crlf.txt", ARTICLE.replace('\n', "\r\n")),
        ("bom.txt", format!("\u{feff}{ARTICLE}")),
        ("marks.md", format!("# Title here\n\n* one [link](https://example.org/a_b) and `code`\n* two\n\n{ARTICLE}")),
        ("no-newline.txt", "A line without an end".to_string()),
    ] {
        place.file(name, &content);
        let ran = place.run(&["translate", name, "--from", "en", "--to", "uk", "--model", "echo"]);
        assert_eq!(ran.text(), content, "{name}: {}", ran.err);
        assert_eq!(ran.code, 1, "an echo is in the wrong language, and that is a finding: {}", ran.err);
    }
}

#[test]
fn standard_input_is_an_article_too() {
    let place = Place::new();
    let ran = place.run_with_input(&["translate", "-", "--to", "uk", "--model", "echo", "-q"], ARTICLE.as_bytes());
    assert_eq!(ran.text(), ARTICLE);
    assert!(ran.err.is_empty(), "-q says nothing of findings: {}", ran.err);
}

#[test]
fn an_empty_file_is_an_empty_answer_and_all_fine() {
    let place = Place::new();
    place.file("empty.txt", "");
    let ran = place.run(&["translate", "empty.txt", "--to", "uk", "--model", "echo"]);
    assert_eq!((ran.code, ran.out.len()), (0, 0), "{}", ran.err);
}

#[test]
fn a_folder_keeps_its_tree_and_names_the_language() {
    let place = Place::new();
    place.file("in/a.txt", ARTICLE);
    place.file("in/deep/er/b.md", ARTICLE);
    place.file("in/picture.png", [0u8, 1, 2]);
    place.file("in/.hidden/c.txt", ARTICLE);
    let ran = place.run(&["translate", "in", "--to", "uk", "--model", "echo", "--output", "out", "--report", "r.json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(fs::read_to_string(place.path("out/a.uk.txt")).unwrap(), ARTICLE);
    assert_eq!(fs::read_to_string(place.path("out/deep/er/b.uk.md")).unwrap(), ARTICLE);
    let report = place.report("r.json");
    assert_eq!(report["articles"].as_array().unwrap().len(), 2, "only articles, and no hidden ones");
}

#[test]
fn the_report_accounts_for_every_segment() {
    let place = Place::new();
    place.file("a.txt", ARTICLE);
    let arguments =
        ["translate", "a.txt", "--to", "uk", "--model", "echo", "--output", "a.uk.txt", "--report", "r.json"];
    place.run(&arguments);
    let report = place.report("r.json");
    assert_eq!(report["schema"], "tlumach.report");
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["models"][0]["name"], "echo");
    let article = &report["articles"][0];
    assert_eq!(article["language"]["used"], "en");
    assert_eq!(article["route"][0]["model"], "echo");
    assert_eq!(article["input"]["sha256"].as_str().unwrap().len(), 64);
    let segments = article["segments"].as_array().unwrap();
    assert!(segments.len() >= 4, "{segments:?}");
    for segment in segments {
        let at = |end: &str| segment["span"][end].as_u64().unwrap() as usize;
        assert_eq!(segment["source"], ARTICLE[at("start")..at("end")]);
    }
}

#[test]
fn line_by_line_gives_exactly_one_line_for_each() {
    let place = Place::new();
    let content = "First sentence. Second sentence.\n\nA third line\n\n\nThe last one without an end";
    place.file("set.txt", content);
    let ran =
        place.run(&["translate", "set.txt", "--to", "uk", "--from", "en", "--model", "echo", "--segment", "line"]);
    assert_eq!(ran.text(), content);
}

#[test]
fn a_hop_through_another_language_is_not_needed_by_a_model_that_does_all() {
    let place = Place::new();
    place.file("a.txt", "Президент підписав закон про бюджет на наступний рік, повідомили в парламенті.");
    let ran =
        place.run(&["translate", "a.txt", "--to", "ko", "--model", "echo", "--output", "o.txt", "--report", "r.json"]);
    assert_eq!(ran.code, 1);
    let report = place.report("r.json");
    assert_eq!(report["articles"][0]["language"]["used"], "uk");
    assert_eq!(report["articles"][0]["route"].as_array().unwrap().len(), 1);
}

#[test]
fn boilerplate_is_left_out_on_request_and_listed() {
    let place = Place::new();
    let article = format!("{ARTICLE}\nFollow us on Telegram and never miss a story!\n");
    place.file("a.txt", &article);
    let base = ["translate", "a.txt", "--to", "uk", "--model", "echo", "--report", "r.json", "--output", "o.txt"];
    place.run(&base);
    assert_eq!(fs::read_to_string(place.path("o.txt")).unwrap(), article, "kept by default");
    place.run(&[&base[..], &["--drop-boilerplate"]].concat());
    assert!(!fs::read_to_string(place.path("o.txt")).unwrap().contains("Telegram"));
    let report = place.report("r.json");
    assert!(report["articles"][0]["dropped"][0]["text"].as_str().unwrap().contains("Follow us"));
}

#[test]
fn an_extractive_summary_says_what_it_is_and_has_no_boilerplate() {
    let place = Place::new();
    let article = format!("{ARTICLE}\nFollow us on Telegram and never miss a story!\n");
    place.file("a.txt", &article);
    let ran = place.run(&[
        "summarize",
        "a.txt",
        "--model",
        "extractive",
        "--length",
        "short",
        "--output",
        "out/",
        "--report",
        "r.json",
    ]);
    assert!(ran.code <= 1, "{}", ran.err);
    let summary = fs::read_to_string(place.path("out/a.summary.en.txt")).unwrap();
    assert!(!summary.trim().is_empty() && !summary.contains("Telegram"), "{summary}");
    let report = place.report("r.json");
    assert_eq!(report["articles"][0]["summarizer"], "extractive");
}

#[test]
fn without_any_model_a_summary_falls_back_to_extraction_and_says_so() {
    let place = Place::new();
    place.file("a.txt", ARTICLE);
    let ran = place.run(&["summarize", "a.txt", "--report", "r.json"]);
    assert!(ran.code <= 1, "{}", ran.err);
    assert!(!ran.text().trim().is_empty());
    let findings = place.report("r.json")["articles"][0]["findings"].to_string();
    assert!(findings.contains("extractive_fallback"), "{findings}");
}

#[test]
fn a_missing_file_alone_cannot_run_and_among_others_is_a_failed_item() {
    let place = Place::new();
    refuses(&place, &["translate", "gone.txt", "--to", "uk", "--model", "echo"], &["gone.txt"]);
    place.file("a.txt", ARTICLE);
    let ran = place.run(&["translate", "a.txt", "gone.txt", "--to", "uk", "--model", "echo", "--output", "out"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("gone.txt"), "{}", ran.err);
    assert!(place.path("out/a.uk.txt").exists());
}

#[test]
fn a_folder_without_articles_is_said_to_be_one() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).unwrap();
    refuses(
        &place,
        &["translate", "empty", "--to", "uk", "--model", "echo", "--output", "o"],
        &["empty", "expected text, Markdown"],
    );
}

#[test]
fn bad_files_fail_with_a_reason_and_do_not_stop_the_job() {
    let place = Place::new();
    place.file("in/good.txt", ARTICLE);
    place.file("in/binary.txt", [b'P', b'K', 3, 4, 0, 0, 0, 255]);
    place.file("in/latin1.txt", b"caf\xe9 au lait, dit-il".as_slice());
    let ran = place.run(&["translate", "in", "--to", "uk", "--model", "echo", "--output", "o", "--report", "r.json"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("binary.txt") && ran.err.contains("latin1.txt"), "{}", ran.err);
    assert!(ran.err.contains("UTF-8"), "{}", ran.err);
    assert!(place.path("o/good.uk.txt").exists() && !place.path("o/binary.uk.txt").exists());
    let failed = place.report("r.json")["totals"]["failed"].clone();
    assert_eq!(failed, 2);
}

#[test]
fn a_line_of_ten_megabytes_comes_back_whole() {
    let place = Place::new();
    let line = "The convoy of 12 lorries moved on to the next village, and nobody was hurt ".repeat(140_000);
    assert!(line.len() > 10_000_000);
    place.file("long.txt", &line);
    let ran = place.run(&["translate", "long.txt", "--from", "en", "--to", "uk", "--model", "echo"]);
    assert_eq!(ran.out.len(), line.len(), "{}", ran.err);
    assert!(ran.out == line.as_bytes());
}

#[test]
fn languages_and_directions_that_do_not_exist_are_named() {
    let place = Place::new();
    place.file("a.txt", ARTICLE);
    refuses(&place, &["translate", "a.txt", "--to", "klingon9", "--model", "echo"], &["klingon9"]);
    refuses(&place, &["translate", "a.txt", "--from", "x", "--to", "uk", "--model", "echo"], &["\"x\""]);
    refuses(&place, &["translate", "a.txt"], &["--to"]);
    let ran = place.run(&["translate", "a.txt", "--from", "en", "--to", "ko", "--model", "opus-mt-en-fr"]);
    assert_ne!(ran.code, 0);
    assert!(ran.err.contains("en-fr") && ran.err.contains("ko"), "{}", ran.err);
}

#[test]
fn models_that_do_not_exist_are_named_with_near_names() {
    let place = Place::new();
    place.file("a.txt", ARTICLE);
    refuses(
        &place,
        &["translate", "a.txt", "--to", "uk", "--model", "opus-mt-en-ku"],
        &["opus-mt-en-ku", "opus-mt-en-uk"],
    );
    refuses(&place, &["translate", "a.txt", "--to", "uk", "--model", "./gone.gguf"], &["gone.gguf"]);
    fs::create_dir(place.path("nothing")).unwrap();
    refuses(&place, &["translate", "a.txt", "--to", "uk", "--model", "./nothing"], &["nothing", "config.json"]);
    refuses(&place, &["summarize", "a.txt", "--model", "opus-mt-en-fr"], &["cannot summarize"]);
    refuses(&place, &["translate", "a.txt", "--to", "uk", "--model", "extractive"], &["cannot translate"]);
    refuses(&place, &["models", "pull", "nope"], &["nope"]);
}

#[test]
fn damaged_weights_are_refused_before_anything_is_written() {
    let place = Place::new();
    place.file("a.txt", ARTICLE);
    place.file("bad.gguf", b"GGUF\x03\0\0\0 and then nothing that makes sense");
    let ran = place.run(&["translate", "a.txt", "--to", "uk", "--model", "./bad.gguf", "--output", "o.txt"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("bad.gguf"), "{}", ran.err);
    place.run(&["translate", "a.txt", "--to", "uk", "--model", "./bad.gguf", "--report", "r.json"]);
    assert!(!place.path("r.json").exists() && !place.path("r.json.partial").exists());
    assert!(!place.path("o.txt").exists());
}

#[test]
fn a_config_that_is_not_supported_is_named() {
    let place = Place::new();
    place.file("a.txt", ARTICLE);
    place.file("model/config.json", r#"{"model_type": "perceiver"}"#);
    refuses(&place, &["translate", "a.txt", "--to", "uk", "--model", "./model"], &["perceiver"]);
}

#[test]
fn cuda_without_its_feature_says_how_to_build_it() {
    if cfg!(feature = "cuda") {
        return;
    }
    let place = Place::new();
    place.file("a.txt", ARTICLE);
    let arguments = ["translate", "a.txt", "--to", "uk", "--model", "echo", "--device", "cuda"];
    refuses(&place, &arguments, &["--features cuda"]);
}

#[test]
fn outputs_that_cannot_be_written_are_refused_before_the_work() {
    let place = Place::new();
    place.file("a.txt", ARTICLE);
    place.file("file", "x");
    refuses(&place, &["translate", "a.txt", "--to", "uk", "--model", "echo", "--output", "file/o.txt"], &["file"]);
    let both = ["translate", "a.txt", "a.txt", "--to", "uk", "--model", "echo"];
    refuses(&place, &both, &["--output DIR"]);
    refuses(&place, &["translate", "a.txt", "--to", "uk", "--model", "echo", "--output", "a.txt"], &["overwrite"]);
    refuses(&place, &["translate", "a.txt", "--to", "uk", "--model", "echo", "--report", "gone/r.json"], &["gone"]);
}

#[test]
fn two_inputs_with_the_same_output_are_refused() {
    let place = Place::new();
    place.file("x/a.txt", ARTICLE);
    place.file("y/a.txt", ARTICLE);
    let arguments = ["translate", "x/a.txt", "y/a.txt", "--to", "uk", "--model", "echo", "--output", "o"];
    refuses(&place, &arguments, &["same output", "x/a.txt", "y/a.txt"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_to_be_full() {
    let place = Place::new();
    place.file("a.txt", ARTICLE);
    if !Path::new("/dev/full").exists() {
        return;
    }
    let ran = place.run(&["translate", "a.txt", "--to", "uk", "--model", "echo", "--output", "/dev/full"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("/dev/full") && ran.err.contains("space"), "{}", ran.err);
}

#[test]
fn a_broken_pipe_is_not_an_error() {
    let place = Place::new();
    place.file("a.txt", ARTICLE.repeat(2000));
    let mut command = place.command(&["translate", "a.txt", "--to", "uk", "--from", "en", "--model", "echo", "-q"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran = ran(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn answers_depend_on_neither_threads_nor_company() {
    let place = Place::new();
    place.file("in/a.txt", ARTICLE);
    place.file("in/b.txt", ARTICLE.repeat(7));
    for (threads, output) in [("1", "one"), ("4", "four")] {
        place.run(&["translate", "in", "--to", "uk", "--model", "echo", "--threads", threads, "--output", output]);
    }
    for name in ["a.uk.txt", "b.uk.txt"] {
        let of = |folder: &str| fs::read(place.path(folder).join(name)).unwrap();
        assert_eq!(of("one"), of("four"));
    }
}

#[test]
fn bench_prints_one_json_line() {
    let place = Place::new();
    place.file("a.txt", ARTICLE);
    let ran = place.run(&["bench", "translate", "a.txt", "--to", "uk", "--model", "echo"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let text = ran.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    let line: Value = serde_json::from_str(&text).unwrap();
    assert!(line["source_words_per_s"].as_f64().unwrap() > 0.0);
}

#[test]
fn models_are_listed_with_licence_and_what_is_on_disk() {
    let place = Place::new();
    let ran = place.run(&["models", "list"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.text().contains("opus-mt-uk-en") && ran.text().contains("Apache-2.0"));
    let json: Value = serde_json::from_str(&place.run(&["models", "list", "--json"]).text()).unwrap();
    assert!(json.as_array().unwrap().iter().all(|model| model["on_disk"].is_null()));
    let shown = place.run(&["models", "show", "opus-mt-en-fr"]);
    assert!(shown.text().contains("Helsinki-NLP/opus-mt-en-fr"));
}

#[test]
fn an_import_says_what_is_missing_and_is_an_error_if_nothing_came_of_it() {
    let place = Place::new();
    place.file("usb/vocab.enuk.spm", "not one");
    refuses(&place, &["models", "import", "usb"], &["usb", "found none among: vocab.enuk.spm", "models show"]);
    refuses(
        &place,
        &["models", "pull", "firefox-en-uk-tiny", "--from-dir", "usb"],
        &[
            "firefox-en-uk-tiny: not installed",
            "found nothing",
            "model.enuk.intgemm.alphas.bin.gz",
            "22c8fc74",
            "1d4eae8b",
        ],
    );
    refuses(&place, &["models", "import", "nowhere"], &["cannot read nowhere"]);
    assert!(!place.path(".cache/tlumach/models").exists());
    let shown = place.run(&["models", "show", "firefox-en-uk-tiny"]).text();
    for part in ["fast", "MPL-2.0", "media.githubusercontent.com", "vocab.enuk.spm.gz", "hash of the packed file only"]
    {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
}

#[test]
fn every_sample_comes_back_byte_for_byte() {
    let place = Place::new();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let mut seen = 0;
    for language in ["en", "uk", "ko"] {
        for entry in fs::read_dir(samples.join(language)).unwrap() {
            let path = entry.unwrap().path();
            let to = if language == "en" { "uk" } else { "en" };
            let ran = place.run(&["translate", path.to_str().unwrap(), "--to", to, "--model", "echo", "-q"]);
            assert!(ran.out == fs::read(&path).unwrap(), "{}: {}", path.display(), ran.err);
            seen += 1;
        }
    }
    assert!(seen >= 6);
}

#[test]
fn a_stopped_job_keeps_what_was_finished_and_leaves_no_half_files() {
    let place = Place::new();
    for number in 0..400 {
        place.file(&format!("in/{number:03}.txt"), ARTICLE.repeat(60));
    }
    let mut command = place.command(&["translate", "in", "--to", "uk", "--model", "echo", "--output", "out", "-q"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while fs::read_dir(place.path("out")).map_or(0, Iterator::count) < 2 {
        std::thread::yield_now();
        if child.try_wait().unwrap().is_some() {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut whole = 0;
    for entry in fs::read_dir(place.path("out")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with('.') {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        if path.to_string_lossy().ends_with(".tlumach.json") {
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{}", path.display());
            continue;
        }
        assert!(text == ARTICLE.repeat(60), "{}", path.display());
        whole += 1;
    }
    assert!(whole >= 1);
}

#[test]
fn alignments_are_for_the_report_and_a_model_without_them_is_named() {
    let place = Place::new();
    place.file("a.txt", ARTICLE);
    let arguments = ["translate", "a.txt", "--to", "uk", "--model", "echo", "--alignments"];
    refuses(&place, &arguments, &["--alignments", "--report"]);
    let with = |more: &[&str]| {
        let ran = place.run(&[&arguments[..6], &["--report", "r.json"], more].concat());
        (ran, place.report("r.json"))
    };
    let (plain, before) = with(&[]);
    assert_eq!(before["options"].get("alignments"), None);
    assert!(!before.to_string().contains("alignment"), "a report without the option is what it was");
    let (asked, report) = with(&["--alignments"]);
    assert_eq!((asked.code, asked.out), (plain.code, plain.out), "it is a note, and changes no answer");
    assert_eq!(report["options"]["alignments"], true);
    let findings = report["articles"][0]["findings"].as_array().unwrap();
    let missing = findings.iter().find(|finding| finding["code"] == "alignments_missing").unwrap();
    assert_eq!(missing["severity"], "note");
    assert!(missing["message"].as_str().unwrap().contains("model echo has no alignments"));
    assert_eq!(report["articles"][0]["segments"], before["articles"][0]["segments"]);
}

#[test]
fn terms_are_read_from_files_and_named_with_their_hashes() {
    let place = Place::new();
    place.file("a.txt", ARTICLE);
    place.file("terms.tsv", "en\tuk\nharbour\tгавань\nship\tship|ships\n");
    place.file("keep.txt", "Aurora\n");
    place.file("bad.tsv", "en\tuk\nharbour гавань\n");
    place.file("korean.tsv", "en\tko\nship\t배\n");
    let arguments = ["translate", "a.txt", "--to", "uk", "--model", "echo", "--report", "r.json"];
    let with = |more: &[&'static str]| [&arguments[..], more].concat();
    refuses(&place, &with(&["--glossary", "bad.tsv"]), &["bad.tsv, line 2", "separate cells by a tab"]);
    refuses(&place, &with(&["--glossary", "none.tsv"]), &["--glossary", "none.tsv"]);
    refuses(&place, &with(&["--glossary", "korean.tsv"]), &["a column for uk", "en, ko"]);
    let ran = place.run(&with(&["--glossary", "terms.tsv", "--keep", "keep.txt"]));
    assert_eq!(ran.code, 1, "{}", ran.err);
    let report = place.report("r.json");
    assert_eq!(report["options"]["glossary"]["file"], "terms.tsv");
    assert_eq!(report["options"]["glossary"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(report["options"]["keep"]["terms"], 1);
    assert_eq!(report["totals"]["terms"], serde_json::json!({ "hits": 1, "misses": 2 }));
    assert_eq!(report["articles"][0]["segments"][2]["terms"][0]["found"], "ships");
    place.run(&arguments);
    assert!(!place.report("r.json").to_string().contains("\"terms\""), "a report without the options is what it was");
}
