//! Jobs over several articles: what is bad stays bad alone, what is dropped is listed, what is stopped is kept.

use super::identity::{SENTENCES, bytes, echo};
use tlumach::job::report::{OutcomeRecord, Status};
use tlumach::job::spec::{Alignments, KeepBoilerplate, Lines, Work};
use tlumach::quality::Severity;

const GOOD: &str = "The bridge was not damaged. Traffic resumed at 07:45, the city said.\n";

#[test]
fn a_bad_article_does_not_stop_the_job() {
    let items = vec![
        bytes("first", GOOD.as_bytes()),
        bytes("binary", &[0, 159, 146, 150]),
        bytes("latin", b"d\xe9j\xe0 vu"),
        bytes("last", GOOD.as_bytes()),
    ];
    let done = echo(items, SENTENCES);
    let failed: Vec<bool> = done.iter().map(|(record, _)| record.status == Status::Failed).collect();
    assert_eq!(failed, [false, true, true, false]);
    assert_eq!(done[3].1.as_deref(), Some(GOOD.as_bytes()));
    assert!(done[1].0.error.as_ref().unwrap().contains("binary"), "{:?}", done[1].0.error);
}

#[test]
fn the_same_article_has_the_same_record_in_any_company() {
    let alone = echo(vec![bytes("a", GOOD.as_bytes())], SENTENCES);
    let mut items = vec![bytes("x", GOOD.repeat(50).as_bytes()), bytes("a", GOOD.as_bytes())];
    items.extend((0..20).map(|n| bytes("y", format!("Number {n} of many lines. {GOOD}").as_bytes())));
    let among = echo(items, SENTENCES);
    let segments = |record: &tlumach::job::report::ArticleRecord| serde_json::to_string(&record.segments).unwrap();
    assert_eq!(segments(&alone[0].0), segments(&among[1].0));
}

#[test]
fn a_foreign_paragraph_is_seen_and_reported() {
    let article = format!(
        "{GOOD}\nThe mayor read out a letter that had reached the council during the night of 3 May.\n\n\
         Мы обратились к жителям города с просьбой не выходить на улицу, объяснили в администрации.\n\n{GOOD}"
    );
    let done = echo(vec![bytes("a", article.as_bytes())], SENTENCES);
    let (record, answer) = &done[0];
    assert_eq!(answer.as_deref(), Some(article.as_bytes()));
    let foreign = record.segments.iter().find(|segment| segment.source.starts_with("Мы")).unwrap();
    assert_eq!(foreign.language.map(|language| language.to_string()).as_deref(), Some("ru"));
    let finding = foreign.findings.iter().find(|finding| finding.code == "foreign_language").unwrap();
    assert_eq!(finding.severity, Severity::Warning);
}

#[test]
fn a_paragraph_in_the_target_language_is_copied_on_purpose() {
    let ukrainian = "Зустріч відбулася у понеділок, її учасники не домовилися про наступну дату переговорів.";
    let article = format!("{GOOD}\n{ukrainian}\n\n{GOOD}");
    let done = echo(vec![bytes("a", article.as_bytes())], SENTENCES);
    let copied = done[0].0.segments.iter().find(|segment| segment.source == ukrainian).unwrap();
    assert_eq!(copied.outcome, OutcomeRecord::Copied);
    assert_eq!(copied.findings[0].severity, Severity::Note);
}

#[test]
fn what_is_dropped_is_listed_and_nothing_else_goes() {
    let article = format!(
        "{GOOD}\nThe council will not meet before Friday, its spokesman said on Tuesday.\n\nFollow us on Telegram and Facebook!\n"
    );
    let work =
        Work::Translate { by_line: Lines::Sentences, boilerplate: KeepBoilerplate::Drop, alignments: Alignments::Omit };
    let done = echo(vec![bytes("a", article.as_bytes())], work);
    let (record, answer) = &done[0];
    let text = String::from_utf8(answer.clone().unwrap()).unwrap();
    assert!(text.contains("will not meet") && !text.contains("Telegram"), "{text}");
    assert_eq!(record.dropped.len(), 1);
    assert_eq!(&article[record.dropped[0].span.clone()], record.dropped[0].text);
    assert!(record.segments.iter().any(|segment| segment.outcome == OutcomeRecord::Dropped));
}
