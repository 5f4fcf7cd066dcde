//! Long jobs: killed, resumed, done again, cut into parts, watched. On weightless models; nothing here is timed.

// The number of kills comes from the environment, and tests that are skipped say so.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use super::cli::{Place, Ran};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const TO_UK: [&str; 6] = ["--from", "en", "--to", "uk", "--model", "echo"];

fn articles(place: &Place, folder: &str, count: usize) {
    for number in 0..count {
        let lines: Vec<String> = (0..=number % 5)
            .map(|line| {
                format!("On day {line} bridge {number} was closed. Nobody was hurt in house {}.", number * line)
            })
            .collect();
        place.file(&format!("{folder}/part{}/story{number}.txt", number % 3), lines.join("\n\n"));
    }
}

/// All files below a folder with their contents; what the program keeps for itself, and times, are left out.
fn outputs(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.unwrap();
        let name = entry.path().strip_prefix(folder).unwrap().display().to_string();
        if entry.file_type().is_file() && !name.starts_with(".tlumach") && !name.ends_with(".tlumach.json") {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

fn translate(place: &Place, input: &str, output: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["translate", input, "-o", output];
    arguments.extend(TO_UK);
    arguments.extend(more);
    place.run(&arguments)
}

/// Lines of a journal by kind.
fn journal(path: &Path) -> (Vec<String>, Vec<String>) {
    let (mut segments, mut done) = (Vec::new(), Vec::new());
    for line in fs::read_to_string(path).unwrap().lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        if let Some(segment) = line.get("segment") {
            segments.push(segment["key"].as_str().unwrap().to_string());
        }
        if let Some(article) = line.get("article") {
            done.push(article["done"]["name"].as_str().unwrap().to_string());
        }
    }
    (segments, done)
}

#[test]
fn a_job_that_is_killed_again_and_again_ends_as_one_that_was_left_in_peace() {
    let kills: u32 = std::env::var("TLUMACH_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(12);
    let place = Place::new();
    articles(&place, "in", 300);
    let began = Instant::now();
    let whole = translate(&place, "in", "whole", &["--no-cache"]);
    let alone = began.elapsed();
    assert_eq!(whole.code, 1, "{}", whole.err);
    let file = place.path("out/.tlumach/translate-uk.jsonl");
    let mut random: u64 = 0x9E37_79B9_7F4A_7C15;
    // Kills, and those that came when something was noted and not all was done.
    let (mut killed, mut midway) = (0, 0);
    let mut ended = false;
    for _ in 0..kills {
        if ended {
            // The job was faster than the kills: once more from the start.
            fs::remove_dir_all(place.path("out")).unwrap();
        }
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pause = alone.mul_f64((random >> 40) as f64 / (1u64 << 24) as f64 * 0.6);
        let mut arguments = vec!["translate", "in", "-o", "out", "--no-cache", "-qq"];
        arguments.extend(TO_UK);
        let mut child = place.spawn(&arguments);
        std::thread::sleep(pause);
        ended = child.try_wait().unwrap().is_some();
        if !ended {
            // SIGKILL: the program cannot tidy up.
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
        }
        // Whatever has the name of an output is whole.
        for (name, bytes) in outputs(&place.path("out")) {
            assert_eq!(bytes, fs::read(place.path("whole").join(&name)).unwrap(), "{name}");
        }
        if file.exists() {
            let (segments, done) = journal(&file);
            let different: BTreeSet<&String> = segments.iter().collect();
            assert_eq!(different.len(), segments.len(), "a segment that was noted was translated again");
            midway += u32::from(!ended && !segments.is_empty() && done.len() < 300);
            let articles: BTreeSet<&String> = done.iter().collect();
            assert_eq!(articles.len(), done.len(), "an article that was noted was written again");
        }
    }
    assert!(killed > 0, "no run was killed");
    let last = translate(&place, "in", "out", &["--no-cache"]);
    assert_eq!(last.code, whole.code, "{}", last.err);
    assert_eq!(outputs(&place.path("out")), outputs(&place.path("whole")));
    let hidden = walkdir::WalkDir::new(place.path("out")).into_iter().filter_map(Result::ok);
    let left: Vec<_> = hidden.filter(|e| e.file_name().to_string_lossy().starts_with(".tlumach-")).collect();
    assert!(left.is_empty(), "{left:?}");
    println!("killed {killed} times, {midway} of them midway; a whole run took {alone:?}");
}

#[test]
fn a_second_run_does_what_has_changed_and_nothing_else() {
    let place = Place::new();
    articles(&place, "in", 40);
    assert_eq!(translate(&place, "in", "out", &[]).code, 1);
    let before = outputs(&place.path("out"));
    let again = translate(&place, "in", "out", &["--report", "again.json"]);
    assert!(again.err.contains("going on with an earlier run: 40 articles done"), "{}", again.err);
    let report = place.report("again.json");
    assert_eq!(report["totals"]["reused"], 40);
    assert_eq!(again.code, 1, "what was doubtful still is");
    assert_eq!(outputs(&place.path("out")), before);
    // One sentence of one article.
    let changed = place.path("in/part1/story4.txt");
    let text = fs::read_to_string(&changed).unwrap();
    fs::write(&changed, text.replacen("Nobody was hurt in house 8.", "A dog was hurt in house 8.", 1)).unwrap();
    // Something happened to an output.
    fs::remove_file(place.path("out/part0/story6.uk.txt")).unwrap();
    fs::write(place.path("out/part0/story9.uk.txt"), "edited by hand").unwrap();
    let third = translate(&place, "in", "out", &["--report", "third.json"]);
    let report = place.report("third.json");
    assert_eq!(report["totals"]["reused"], 37, "{}", third.err);
    let new: Vec<&Value> = report["articles"].as_array().unwrap().iter().filter(|a| a["reused"] != true).collect();
    let own: Vec<&str> = new
        .iter()
        .flat_map(|article| article["segments"].as_array().unwrap())
        .filter(|segment| segment["origin"].is_null())
        .map(|segment| segment["source"].as_str().unwrap())
        .collect();
    assert_eq!(own, ["A dog was hurt in house 8."]);
    assert_eq!(fs::read(place.path("out/part0/story9.uk.txt")).unwrap(), before["part0/story9.uk.txt"]);
    // Other options, other answers.
    let other = translate(&place, "in", "out", &["--beam", "3", "--report", "other.json"]);
    assert_eq!(place.report("other.json")["totals"]["reused"], 0, "{}", other.err);
    assert_eq!(place.report("other.json")["totals"]["remembered"], 0);
    let fresh = translate(&place, "in", "out", &["--beam", "3", "--fresh", "--report", "fresh.json"]);
    assert_eq!(place.report("fresh.json")["totals"]["reused"], 0, "{}", fresh.err);
}

#[test]
fn the_cache_is_shared_by_jobs_and_can_be_left_out() {
    let place = Place::new();
    articles(&place, "in", 5);
    for (output, more, remembered) in [
        ("a", &["--no-cache"][..], false),
        ("b", &[][..], false),
        ("c", &[][..], true),
        ("d", &["--cache", "other.sqlite"][..], false),
        ("e", &["--cache", "other.sqlite", "--no-journal"][..], true),
    ] {
        let mut all = vec!["--report", "r.json"];
        all.extend(more);
        let ran = translate(&place, "in", output, &all);
        let known = place.report("r.json")["totals"]["remembered"].as_u64().unwrap();
        assert_eq!(known > 0, remembered, "{output}: {}", ran.err);
        assert_eq!(outputs(&place.path(output)), outputs(&place.path("a")), "{output}");
        assert_eq!(place.path(output).join(".tlumach").exists(), output != "e");
    }
}

#[test]
fn two_parts_make_the_whole() {
    let place = Place::new();
    articles(&place, "in", 60);
    translate(&place, "in", "whole", &[]);
    for part in ["0/2", "1/2"] {
        let ran = translate(&place, "in", "parts", &["--shard", part, "--no-cache"]);
        assert!(!ran.err.contains("earlier run"), "{}", ran.err);
    }
    assert_eq!(outputs(&place.path("parts")), outputs(&place.path("whole")));
    let count = |part: &str| journal(&place.path(&format!("parts/.tlumach/translate-uk-{part}.jsonl"))).1.len();
    let (first, second) = (count("0-of-2"), count("1-of-2"));
    assert!(first + second == 60 && first > 10 && second > 10, "{first} {second}");
    assert_eq!(translate(&place, "in", "x", &["--shard", "2/2"]).code, 2);
}

#[test]
fn two_processes_on_one_job_are_refused() {
    let place = Place::new();
    articles(&place, "in", 3);
    translate(&place, "in", "out", &[]);
    let lock = fs::File::options().write(true).open(place.path("out/.tlumach/translate-uk.jsonl.lock")).unwrap();
    lock.lock().unwrap();
    let ran = translate(&place, "in", "out", &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("another process is at work on this job"), "{}", ran.err);
    // Another language is another job.
    let mut arguments = vec!["translate", "in", "-o", "out", "--from", "en", "--to", "ko", "--model", "echo"];
    assert_eq!(place.run(&arguments).code, 1);
    arguments[1] = "nowhere";
    assert_eq!(place.run(&arguments).code, 2);
    drop(lock);
    assert_eq!(translate(&place, "in", "out", &["--resume"]).code, 1);
    let ran = translate(&place, "in", "elsewhere", &["--resume"]);
    assert!(ran.code == 2 && ran.err.contains("found none"), "{}", ran.err);
}

#[test]
fn each_output_says_where_it_comes_from_and_the_folder_what_was_done() {
    let place = Place::new();
    articles(&place, "in", 4);
    translate(&place, "in", "out", &[]);
    let sidecar = place.report("out/part1/story1.uk.txt.tlumach.json");
    assert_eq!(sidecar["source"]["path"], "in/part1/story1.txt");
    assert_eq!(sidecar["source"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(sidecar["output"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(sidecar["models"][0]["name"], "echo");
    assert_eq!(sidecar["options"]["to"], "uk");
    assert_eq!(place.report("out/.tlumach/translate-uk.summary.json")["totals"]["articles"], 4);
    let ran = place.run(&["report", "out", "--review", "all.html"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.text().contains("translate-uk: 4 articles") && ran.text().contains("story3.uk.txt"), "{}", ran.text());
    let page = fs::read_to_string(place.path("all.html")).unwrap();
    assert!(page.contains("story3.txt") && page.contains("bridge 3 was closed"));
    let ran = place.run(&["report", "out", "--json"]);
    let report: Value = serde_json::from_slice(&ran.out).unwrap();
    assert_eq!(report[0]["articles"].as_array().unwrap().len(), 4);
    let ran = place.run(&["report", "in"]);
    assert!(ran.code == 2 && ran.err.contains("expected a folder with .tlumach/"), "{}", ran.err);
    translate(&place, "in", "bare", &["--no-sidecar"]);
    assert!(!place.path("bare/part1/story1.uk.txt.tlumach.json").exists());
    // What stands beside outputs is no article for the next job.
    let ran = translate(&place, "out", "further", &[]);
    assert_eq!(outputs(&place.path("further")).len(), 4, "{}", ran.err);
}

#[test]
fn what_fails_is_named_and_done_again_next_time() {
    let place = Place::new();
    articles(&place, "in", 6);
    place.file("in/broken.txt", [b'a', 0xff, b'b']);
    place.file("in/sheet.txt", b"PK\x03\x04rest");
    let ran = translate(&place, "in", "out", &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("broken.txt: text encoding") && ran.err.contains("sheet.txt: binary file"), "{}", ran.err);
    place.file("in/broken.txt", "It was mended. Nobody knows by whom.");
    let ran = translate(&place, "in", "out", &["--report", "r.json"]);
    let totals = place.report("r.json")["totals"].clone();
    assert_eq!((totals["reused"].as_u64(), totals["failed"].as_u64()), (Some(6), Some(1)), "{}", ran.err);
    assert!(place.path("out/broken.uk.txt").exists());
}

#[test]
fn a_folder_is_watched_until_the_program_is_stopped() {
    let place = Place::new();
    articles(&place, "in", 2);
    let mut arguments = vec!["translate", "in", "--watch", "-o", "out"];
    arguments.extend(TO_UK);
    let mut child = place.spawn(&arguments);
    let wait = |name: &str| {
        let until = Instant::now() + Duration::from_mins(1);
        while !place.path(name).exists() {
            assert!(Instant::now() < until, "{name} did not come");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait("out/part1/story1.uk.txt");
    place.file("in/broken.txt", [0xff, 0xfe, 0x00]);
    place.file("in/late.txt", "It came late. It was translated all the same.");
    wait("out/late.uk.txt");
    assert!(!place.path("out/broken.uk.txt").exists());
    assert!(child.try_wait().unwrap().is_none());
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    for (arguments, expected) in [
        (&["translate", "in", "--watch", "--to", "uk", "--model", "echo"][..], "expected --output"),
        (&["translate", "in", "--watch", "--to", "uk", "--model", "echo", "-o", "in/out"][..], "lies in a folder"),
        (
            &["translate", "in/late.txt", "--watch", "--to", "uk", "--model", "echo", "-o", "out/"][..],
            "expected a folder",
        ),
    ] {
        let ran = place.run(arguments);
        assert!(ran.code == 2 && ran.err.contains(expected), "{}", ran.err);
    }
}

/// A small disk of its own; none where this user may not mount one.
struct Disk(std::path::PathBuf);

impl Disk {
    fn new(path: &Path, size: &str) -> Option<Disk> {
        fs::create_dir_all(path).unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(path);
        let mounted = mount.stderr(std::process::Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then(|| Disk(path.to_path_buf()))
    }

    fn resize(&self, size: &str) {
        let mut mount = std::process::Command::new("mount");
        let status = mount.args(["-o", &format!("remount,size={size}")]).arg(&self.0).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_stops_a_job_that_goes_on_when_there_is_room() {
    let place = Place::new();
    let Some(disk) = Disk::new(&place.path("small"), "200k") else {
        println!("skipped: no disk can be mounted here");
        return;
    };
    articles(&place, "in", 100);
    translate(&place, "in", "whole", &["--no-cache"]);
    let ran = translate(&place, "in", "small/out", &["--no-cache"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("no space is left on the disk"), "{}", ran.err);
    let done = outputs(&place.path("small/out"));
    for (name, bytes) in &done {
        assert_eq!(*bytes, fs::read(place.path("whole").join(name)).unwrap(), "{name}");
    }
    let (noted, _) = journal(&place.path("small/out/.tlumach/translate-uk.jsonl"));
    assert!(!noted.is_empty() && done.len() < 100);
    disk.resize("20m");
    let ran = translate(&place, "in", "small/out", &["--no-cache"]);
    assert!(ran.code == 1 && ran.err.contains("going on with an earlier run"), "{}", ran.err);
    assert_eq!(outputs(&place.path("small/out")), outputs(&place.path("whole")));
}

#[test]
fn an_output_that_cannot_be_written_is_said_before_anything_is_translated() {
    let place = Place::new();
    articles(&place, "in", 2);
    let Some(disk) = Disk::new(&place.path("small"), "1m") else {
        println!("skipped: no disk can be mounted here");
        return;
    };
    let mut mount = std::process::Command::new("mount");
    assert!(mount.args(["-o", "remount,ro"]).arg(&disk.0).status().unwrap().success());
    let ran = translate(&place, "in", "small/out", &[]);
    assert!(ran.code == 2 && ran.err.contains("choose another"), "{}", ran.err);
}

#[test]
fn one_file_does_several_things_and_one_command_several_languages() {
    let place = Place::new();
    articles(&place, "in", 3);
    let job = "input = \"in\"\noutput = \"out\"\nfrom = \"en\"\nmodel = \"echo\"\n[[translate]]\nto = \"uk\"\n\
               [[translate]]\nto = \"ko\"\n[[summarize]]\nmodel = \"extractive\"\nlength = \"short\"\n";
    place.file("job.toml", job);
    let shown = place.run(&["run", "job.toml", "--dry-run"]);
    assert_eq!(shown.text().lines().count(), 3, "{}", shown.err);
    let ran = place.run(&["run", "job.toml"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let names: Vec<String> = outputs(&place.path("out")).into_keys().filter(|name| name.contains("story1")).collect();
    assert_eq!(names, ["part1/story1.ko.txt", "part1/story1.summary.en.txt", "part1/story1.uk.txt"]);
    let ran = place.run(&["report", "out"]);
    assert!(ran.text().contains("summarize-own: 3 articles"), "{}", ran.text());
    place.file("bad.toml", job.replace("length", "lenght"));
    let ran = place.run(&["run", "bad.toml"]);
    assert!(ran.code == 2 && ran.err.contains("line 11: lenght"), "{}", ran.err);
    let arguments =
        ["translate", "in", "--from", "en", "--to", "uk,ko", "--model", "echo", "-o", "both", "--report", "r.json"];
    assert_eq!(place.run(&arguments).code, 1);
    assert_eq!(outputs(&place.path("both")).len(), 6);
    assert_eq!(place.report("r.ko.json")["options"]["to"], "ko");
    let one = ["translate", "in/part1/story1.txt", "--from", "en", "--to", "uk,ko", "--model", "echo", "-o"];
    assert_eq!(place.run(&[&one[..], &["single"]].concat()).code, 1);
    assert_eq!(outputs(&place.path("single")).len(), 2);
    let ran = place.run(&[&one[..], &["single.txt"]].concat());
    assert!(ran.code == 2 && ran.err.contains("several languages"), "{}", ran.err);
    let ran = place.run(&["translate", "in/part1/story1.txt", "--to", "uk,ko", "--model", "echo"]);
    assert!(ran.code == 2 && ran.err.contains("several languages"), "{}", ran.err);
}

#[test]
fn an_article_with_an_error_is_held_back_on_request() {
    let place = Place::new();
    let text = "The bridge was closed at night. The harbour was closed at noon.\n";
    place.file("in/a.txt", text);
    place.file("in/b.txt", "");
    // What the weightless model says is the source, which is no translation.
    let ran = translate(&place, "in", "out", &["--guard", "hold", "--report", "r.json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let names: Vec<String> = outputs(&place.path("out")).into_keys().collect();
    assert_eq!(names, ["a.uk.held.txt", "b.uk.txt"], "{}", ran.err);
    let report = place.report("r.json");
    assert!(report["articles"][0]["output"].as_str().unwrap().ends_with("a.uk.held.txt"));
    assert_eq!(report["articles"][0]["findings"][0]["code"], "held_back");
    let again = translate(&place, "in", "out", &["--guard", "hold", "--report", "r.json"]);
    assert_eq!((again.code, &place.report("r.json")["totals"]["reused"]), (1, &2.into()), "{}", again.err);
    let ran = place.run(&["translate", "in/a.txt", "--from", "en", "--to", "uk", "--model", "echo", "--guard", "hold"]);
    assert_eq!((ran.code, ran.text().as_ref()), (1, ""), "{}", ran.err);
    // Who looks at it and lets it go gets it in its place, and the other name is gone once nothing is wrong.
    translate(&place, "in", "out", &["--guard", "mark"]);
    assert!(place.path("out/a.uk.txt").exists() && !place.path("out/a.uk.held.txt").exists());
    assert!(!place.path("out/a.uk.held.txt.tlumach.json").exists());
}

#[test]
fn what_a_memory_has_is_taken_and_what_is_similar_is_told() {
    let place = Place::new();
    place.file(
        "in/a.txt",
        "The bridge was closed at night. The harbour was closed at noon. Nobody was hurt at the market.",
    );
    let unit = |en: &str, uk: &str| {
        format!("<tu><tuv xml:lang=\"en\"><seg>{en}</seg></tuv><tuv xml:lang=\"uk\"><seg>{uk}</seg></tuv></tu>")
    };
    let units = [
        unit("The bridge was closed at night.", "Міст закрили вночі."),
        unit("The harbour was closed at midnight.", "Гавань закрили опівночі."),
    ];
    let header = "<header creationtool=\"x\" creationtoolversion=\"1\" segtype=\"sentence\" o-tmf=\"x\" adminlang=\"en\" \
                  srclang=\"en\" datatype=\"plaintext\"/>";
    place.file("m.tmx", format!("<tmx version=\"1.4\">{header}<body>{}</body></tmx>", units.concat()));
    let ran = translate(&place, "in", "out", &["--memory", "m.tmx", "--memory-out", "new.tmx", "--report", "r.json"]);
    let text = fs::read_to_string(place.path("out/a.uk.txt")).unwrap();
    assert!(text.starts_with("Міст закрили вночі. The harbour"), "{text} {}", ran.err);
    let report = place.report("r.json");
    let segments = report["articles"][0]["segments"].as_array().unwrap();
    assert_eq!((segments[0]["origin"].as_str(), segments[0]["needs_review"].as_bool()), (Some("memory"), Some(false)));
    let codes = |segment: &Value| segment["findings"].to_string();
    assert!(codes(&segments[1]).contains("memory_similar") && codes(&segments[1]).contains("опівночі"));
    assert!(!codes(&segments[2]).contains("memory"));
    let written = fs::read_to_string(place.path("new.tmx")).unwrap();
    assert!(written.contains("Міст закрили вночі.") && !written.contains("harbour"), "what is doubtful is no memory");
    let taken = ["--memory", "m.tmx", "--memory-take", "0.6", "--memory-threshold", "0.6", "--report", "t.json"];
    let ran = translate(&place, "in", "taken", &taken);
    let text = fs::read_to_string(place.path("taken/a.uk.txt")).unwrap();
    assert!(text.contains("Гавань закрили опівночі."), "{text} {}", ran.err);
    assert!(codes(&place.report("t.json")["articles"][0]["segments"][1]).contains("memory_fuzzy"));
    // With a memory the job is another one.
    assert_eq!(translate(&place, "in", "out", &["--report", "u.json"]).code, 1);
    assert_eq!(place.report("u.json")["totals"]["reused"], 0);
    let ran = translate(&place, "in", "x", &["--memory", "in/a.txt"]);
    assert!(ran.code == 2 && ran.err.contains("in/a.txt"), "{}", ran.err);
}
