//! Journals that are cut, locked, foreign, and come to their end.

#![allow(clippy::unwrap_used)]
use super::{Done, Journal, JournalError};
use crate::job::report::{ArticleRecord, InputRecord, Status};
use std::path::Path;

fn done(name: &str, source: &str) -> Done {
    Done {
        name: name.into(),
        source_sha256: source.into(),
        options: "o".into(),
        models: "m".into(),
        output: name.into(),
        output_sha256: "out".into(),
        finished: "2026-01-01T00:00:00Z".into(),
    }
}

fn record(path: &str) -> ArticleRecord {
    ArticleRecord::new(InputRecord { path: path.into(), format: Some("plain"), ..InputRecord::default() })
}

/// Three segments, two articles, one of them twice.
fn filled(path: &Path) -> Journal {
    let journal = Journal::open(path).unwrap();
    journal.add_segments(&[([1; 32], r#"{"a":1}"#.into()), ([2; 32], r#"{"a":"два\n"}"#.into())]).unwrap();
    journal.add_article(done("a.uk.txt", "1"), &record("a.txt")).unwrap();
    journal.add_segments(&[([3; 32], "3".into())]).unwrap();
    journal.add_article(done("b.uk.txt", "2"), &record("b.txt")).unwrap();
    journal.add_article(done("a.uk.txt", "3"), &record("a.txt")).unwrap();
    journal
}

#[test]
fn what_was_added_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/journal.jsonl");
    let journal = filled(&path);
    assert_eq!(journal.earlier(), None);
    assert_eq!(journal.segment(&[2; 32]).unwrap(), r#"{"a":"два\n"}"#);
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    assert_eq!(journal.earlier(), Some((2, 3)));
    assert_eq!(journal.segment(&[1; 32]).unwrap(), r#"{"a":1}"#);
    assert_eq!(journal.segment(&[9; 32]), None);
    assert_eq!(journal.article("a.uk.txt"), Some(done("a.uk.txt", "3")));
    let record = journal.record("b.uk.txt").unwrap();
    assert_eq!((record.input.path.as_str(), record.input.format, record.status), ("b.txt", Some("plain"), Status::Ok));
}

#[test]
fn a_file_that_was_cut_anywhere_gives_what_was_whole_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    drop(filled(&path));
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        for zeros in [0, 7] {
            // A machine that lost its power may leave zeros where data should be.
            let mut cut = whole[..length].to_vec();
            cut.resize(length + zeros, 0);
            std::fs::write(&path, &cut).unwrap();
            let journal = Journal::open(&path).unwrap();
            let lines = whole[..length].split(|byte| *byte == b'\n').count() - 1;
            let segments = journal.earlier().map_or(0, |(_, segments)| segments);
            assert_eq!(segments, [0, 0, 1, 2, 2, 3, 3, 3][lines], "{length}");
            journal.add_segments(&[([9; 32], "9".into())]).unwrap();
            drop(journal);
            let again = Journal::open(&path).unwrap();
            assert_eq!(again.segment(&[9; 32]).as_deref(), Some("9"), "{length}");
            assert_eq!(again.earlier().unwrap().1, segments + 1, "{length}");
        }
    }
}

#[test]
fn one_process_has_it_at_a_time_and_other_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let first = filled(&path);
    assert!(matches!(Journal::open(&path), Err(JournalError::Locked { .. })));
    drop(first);
    assert!(Journal::open(&path).is_ok());
    for other in ["my notes\n", "{\"journal\":{\"version\":9,\"program\":\"x\"}}\n", "no line end"] {
        std::fs::write(&path, other).unwrap();
        let error = Journal::open(&path).unwrap_err().to_string();
        assert!(error.contains("expected a journal of version 1"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
    }
}

#[test]
fn at_the_end_of_a_job_the_articles_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let journal = filled(&path);
    journal.compact().unwrap();
    assert_eq!(journal.segment(&[1; 32]), None);
    assert_eq!(journal.record("b.uk.txt").unwrap().input.path, "b.txt");
    journal.add_article(done("c.uk.txt", "4"), &record("c.txt")).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Locked { .. })));
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    assert_eq!(journal.earlier(), Some((3, 0)));
    assert_eq!(journal.record("a.uk.txt").unwrap().input.path, "a.txt");
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
}
