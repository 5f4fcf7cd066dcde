//! `tlumach check`: the checks alone on files and folders, their exit codes, places and reports.

use super::cli::Place;
use std::fs;

const EN: &str = "Port closed\n\nThe harbour was shut on 14 March at 06:30. Three ships were told to wait.\n\nNobody was hurt, the harbour master said.\n";
const UK: &str = "Порт закрито\n\nГавань перекрили 14 березня о 06:30. Трьом кораблям наказали чекати.\n\nНіхто не постраждав, сказав начальник порту.\n";

#[test]
fn a_good_translation_ends_with_0_and_says_nothing() {
    let place = Place::new();
    place.file("a.txt", EN);
    place.file("b.txt", UK);
    let ran = place.run(&["check", "a.txt", "b.txt", "--to", "uk"]);
    assert_eq!((ran.code, ran.text().as_str(), ran.err.as_str()), (0, "", ""));
}

#[test]
fn faults_end_with_1_and_are_named_with_file_and_line() {
    let place = Place::new();
    place.file("a.txt", EN);
    place.file("b.txt", UK.replace("14 березня", "24 березня"));
    let ran = place.run(&["check", "a.txt", "b.txt", "--to", "uk", "--report", "r.json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let out = ran.text();
    assert!(out.contains("a.txt:3: error number_changed: "), "{out}");
    let report = place.report("r.json");
    assert_eq!(report["task"], "check");
    assert_eq!(report["totals"]["needs_review"], 1);
    let article = &report["articles"][0];
    assert_eq!(article["output"], "b.txt");
    assert_eq!(article["segments"][1]["findings"][0]["code"], "number_changed");
    assert_eq!(article["segments"][1]["needs_review"], true);
    assert!(article["confidence"].as_f64().unwrap() > 0.0);
    assert!(place.run(&["check", "a.txt", "b.txt", "--to", "uk", "-qq"]).text().is_empty());
}

#[test]
fn a_lost_paragraph_is_an_error() {
    let place = Place::new();
    place.file("a.txt", EN);
    place.file("b.txt", UK.replace("Ніхто не постраждав, сказав начальник порту.\n", ""));
    let ran = place.run(&["check", "a.txt", "b.txt", "--to", "uk"]);
    assert_eq!(ran.code, 1);
    assert!(ran.text().contains("a.txt:5: error paragraph_missing: "), "{}", ran.text());
}

#[test]
fn lines_belong_together_by_their_numbers() {
    let place = Place::new();
    place.file("a.txt", "One road.\n\nTwo roads.\n");
    place.file("b.txt", "Одна дорога.\n\n\n");
    let ran = place.run(&["check", "a.txt", "b.txt", "--from", "en", "--to", "uk", "--segment", "line"]);
    assert_eq!(ran.code, 1);
    assert!(ran.text().contains("a.txt:3: error empty_output"), "{}", ran.text());
    place.file("c.txt", "Одна дорога.\n");
    let ran = place.run(&["check", "a.txt", "c.txt", "--from", "en", "--to", "uk", "--segment", "line"]);
    assert!(ran.text().contains("a.txt: error lines_differ"), "{}", ran.text());
}

#[test]
fn folders_are_paired_by_name_and_by_language() {
    let place = Place::new();
    place.file("in/a.txt", EN);
    place.file("in/deep/b.txt", EN);
    place.file("in/c.txt", EN);
    place.file("out/a.uk.txt", UK);
    place.file("out/deep/b.txt", UK);
    let ran = place.run(&["check", "in", "out", "--to", "uk", "--report", "r.json"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("in/c.txt has no translation: expected out/c.uk.txt or out/c.txt"), "{}", ran.err);
    let statuses: Vec<String> =
        place.report("r.json")["articles"].as_array().unwrap().iter().map(|a| a["status"].to_string()).collect();
    assert_eq!(statuses, ["\"ok\"", "\"failed\"", "\"ok\""]);
}

#[test]
fn bad_input_is_refused_with_what_was_expected() {
    let place = Place::new();
    place.file("a.txt", EN);
    place.file("in/a.txt", EN);
    fs::create_dir_all(place.path("empty")).unwrap();
    for (arguments, needle) in [
        (&["check", "a.txt", "in", "--to", "uk"][..], "expected two files or two folders"),
        (&["check", "a.txt", "missing.txt", "--to", "uk"], "missing.txt: expected a file"),
        (&["check", "empty", "in", "--to", "uk"], "has no articles"),
        (&["check", "-", "-", "--to", "uk"], "standard input was given twice"),
        (&["check", "a.txt", "a.txt", "--to", "klingon!"], "unknown language"),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(needle), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn the_translations_of_a_job_can_be_checked() {
    let place = Place::new();
    place.file("in/a.md", format!("# Title\n\n{EN}"));
    place.run(&["translate", "in", "--to", "uk", "--model", "echo", "--output", "out"]);
    let ran = place.run(&["check", "in", "out", "--from", "en", "--to", "uk"]);
    assert_eq!(ran.code, 1);
    assert!(ran.text().contains("copied_source"), "{}", ran.text());
}
