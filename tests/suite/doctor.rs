//! What is around the jobs: the configuration file, completions, manual pages, and the doctor, as a user calls them.

use serde_json::Value;
use std::fs;
use std::process::{Command, Output};

use crate::cli::Place;

/// The doctor of a machine without models, online: it says what it would fetch, and fetches nothing.
fn doctor(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tlumach"))
        .arg("doctor")
        .args(arguments)
        .current_dir(place.path("."))
        .env_clear()
        .env("HOME", place.path("."))
        // Whoever makes a connection is found out.
        .env("HF_ENDPOINT", "http://127.0.0.1:9")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn the_doctor_says_what_a_first_run_would_fetch() {
    let place = Place::new();
    place.file("tlumach.toml", "threads = 1\n");
    let output = doctor(&place, &["--json", "--no-measure"], &[("HF_TOKEN", "hf_secret")]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("hf_secret"), "a token is nobody's business");
    let facts: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&facts["can_run"], &facts["config"]), (&true.into(), &"tlumach.toml".into()));
    assert_eq!((&facts["hub"]["token"], &facts["hub"]["offline"]), (&true.into(), &false.into()));
    assert_eq!(facts["processor"]["threads"], 1);
    let directions = facts["directions"].as_array().unwrap();
    assert_eq!(directions.len(), 6);
    for direction in directions {
        assert_eq!(direction["works"], false);
        assert!(direction["fetches"][0]["bytes"].as_u64().unwrap() > 1_000_000, "{direction}");
    }
    assert_eq!(facts.get("measured"), None);
    assert!(!place.path(".cache").exists(), "nothing was written");
}

#[test]
fn the_doctor_of_a_machine_that_can_do_nothing_says_so() {
    let place = Place::new();
    let output = doctor(&place, &["--no-measure"], &[("HF_HUB_OFFLINE", "1")]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    for part in
        ["instructions", "offline mode: nothing is fetched", "en to uk", "problem       uk to ko: no model on disk"]
    {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert!(!text.contains("main job"), "{text}");
}

#[test]
fn a_configuration_file_changes_what_a_job_does() {
    let place = Place::new();
    place.file("a.txt", "Rain is expected.\n");
    let missing = place.run(&["translate", "a.txt", "--model", "echo", "--from", "en"]);
    assert_eq!(missing.code, 2, "{}", missing.err);
    place.file(".config/tlumach/tlumach.toml", "to = \"uk\"\nmodel = \"echo\"\n[translate]\nretry = \"off\"\n");
    let ran = place.run(&["translate", "a.txt", "--from", "en", "-v", "--report", "r.json"]);
    assert!(ran.err.contains("options of ") && ran.err.contains(".config/tlumach/tlumach.toml"), "{}", ran.err);
    let report = place.report("r.json");
    assert_eq!((&report["options"]["to"], &report["options"]["retry"]), (&"uk".into(), &"off".into()));
    place.file("tlumach.toml", "to = \"ko\"\nmodel = \"echo\"\n");
    place.run(&["translate", "a.txt", "--from", "en", "--report", "r.json"]);
    assert_eq!(place.report("r.json")["options"]["to"], "ko", "the one in the working directory comes first");
    place.file("tlumach.toml", "to = \"ko\"\nmodle = \"echo\"\n");
    let wrong = place.run(&["translate", "a.txt"]);
    assert!(wrong.code == 2 && wrong.err.contains("tlumach.toml: line 2: unknown key modle"), "{}", wrong.err);
}

#[test]
fn shells_and_manual_readers_get_what_they_want() {
    let place = Place::new();
    for (shell, sign) in [
        ("bash", "complete -F _tlumach"),
        ("zsh", "#compdef tlumach"),
        ("fish", "complete -c tlumach"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = place.run(&["completions", shell]);
        assert!(script.code == 0 && script.text().contains(sign), "{shell}: {}", script.err);
        assert!(script.text().contains("drop-boilerplate"), "{shell}");
    }
    assert!(place.run(&["man"]).text().contains(".TH tlumach 1"));
    assert_eq!(place.run(&["man", "--dir", "pages/man1"]).code, 0);
    let page = fs::read_to_string(place.path("pages/man1/tlumach-translate.1")).unwrap();
    assert!(page.contains("drop\\-boilerplate"), "{page}");
}
