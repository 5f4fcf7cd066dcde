//! Terms through the whole pipeline: told in the report, required of a model with random weights, kept as they are; and
//! answers that depend on nothing else.

use super::identity::{Kept, SENTENCES, Told, bytes};
use super::planner::nonsense;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use tlumach::glossary::{Glossary, Keep, Terms};
use tlumach::job::report::{ArticleRecord, OutcomeRecord, TermTotals};
use tlumach::job::spec::{Item, JobSpec, Release, Retry, Typography};
use tlumach::language::Language;
use tlumach::model::{LoadOptions, Precision};
use tlumach::pipeline::models::{Choice, Models};
use tlumach::pipeline::{Pipeline, Summary};
use tlumach::registry::Settings;

const ARTICLE: &str = "The bridge was closed at night. The mayor of the harbour thanked everybody.\n\nNo ship came in.\n\n\
    The Grey Mud\n\nThe Grey Mud's bridge and the bridge of the mayor.\n";

fn run(choice: &Choice, items: Vec<Item>, threads: usize, terms: &Terms) -> (Vec<Told>, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path().join("hub"), folder.path().join("data"));
    settings.offline = true;
    let options = LoadOptions {
        device: candle_core::Device::Cpu,
        precision: Precision::F32,
        keep: tlumach::model::Keep::Nowhere,
    };
    let models = Models::new(choice.clone(), &settings, options, &()).unwrap();
    let (from, to) = (Some(Language::EN), Some(Language::UK));
    let spec = JobSpec {
        work: SENTENCES,
        items,
        from,
        to,
        beams: Some(1),
        threads,
        retry: Retry::Full,
        release: Release::All,
        typography: Typography::Auto,
        reading: tlumach::article::Reading::default(),
        staging: None,
    };
    let told = Kept::default();
    let stop = AtomicBool::new(false);
    let summary = Pipeline::new(&spec, &models, &stop, &told).with_terms(terms).execute().unwrap();
    (told.0.into_inner().unwrap().into_values().collect(), summary)
}

fn terms(table: &str, keep: &str) -> Terms {
    let glossary = (!table.is_empty()).then(|| Glossary::parse("terms.tsv", table.as_bytes()).unwrap());
    Terms { glossary, keep: (!keep.is_empty()).then(|| Keep::parse("keep.txt", keep.as_bytes()).unwrap()) }
}

/// Source and what was found, of all terms of an article.
fn found(record: &ArticleRecord) -> Vec<(&str, Option<&str>)> {
    let terms = record.segments.iter().flat_map(|segment| segment.terms.iter().map(move |term| (segment, term)));
    terms
        .map(|(segment, term)| {
            if let Some(place) = &term.output {
                assert_eq!(Some(&segment.output[place.clone()]), term.found.as_deref());
            }
            (&segment.source[term.source.clone()], term.found.as_deref())
        })
        .collect()
}

#[test]
fn hits_and_misses_are_in_the_report() {
    let table = "en\tuk\nbridge\tміст\nmayor\tmayor = mayor|мер\nharbour\tгавань\n";
    let (told, summary) = run(&Choice::Echo, vec![bytes("a", ARTICLE.as_bytes())], 1, &terms(table, "The Grey Mud"));
    let record = &told[0].0;
    let expected = [
        ("bridge", None),
        ("mayor", Some("mayor")),
        ("harbour", None),
        ("bridge", None),
        ("bridge", None),
        ("mayor", Some("mayor")),
    ];
    assert_eq!(found(record), expected);
    let totals = TermTotals { hits: 2, misses: 4 };
    assert_eq!((record.terms, summary.totals.terms), (Some(totals), Some(totals)));
    let finding = record.segments[0].findings.iter().find(|finding| finding.code == "term_missing").unwrap();
    assert_eq!(&record.segments[0].source[finding.source.clone().unwrap()], "bridge");
    assert!(finding.message.contains("міст"), "{}", finding.message);
    let kept = record.segments.iter().find(|segment| segment.source == "The Grey Mud").unwrap();
    assert_eq!(kept.outcome, OutcomeRecord::Copied, "there is nothing to translate in it");
}

/// Words that the nonsense model can spell.
fn words(folder: &Path) -> Vec<String> {
    let vocab: BTreeMap<String, u32> =
        serde_json::from_slice(&std::fs::read(folder.join("vocab.json")).unwrap()).unwrap();
    let words = vocab.keys().filter_map(|piece| piece.strip_prefix('\u{2581}')).filter(|word| word.len() > 2);
    words.map(str::to_string).collect()
}

#[test]
fn what_is_done_again_for_its_terms_depends_on_nobody_in_its_batch() {
    let folder = tempfile::tempdir().unwrap();
    let choice = nonsense(folder.path());
    let words = words(folder.path());
    assert!(words.len() >= 4, "{words:?}");
    let table = format!("en\tuk\nbridge\t{} {}|{}\nmayor\t{}\n", words[0], words[1], words[2], words[3]);
    let terms = terms(&table, "");
    let mut items = vec![bytes("a", ARTICLE.as_bytes())];
    items.extend(
        (0..12).map(|n| bytes(&format!("{n}"), format!("On day {n} no ship came in, said the mayor.").as_bytes())),
    );
    let (told, summary) = run(&choice, items.clone(), 1, &terms);
    let answers = |told: &[Told]| -> Vec<String> {
        let of = |(record, answer): &Told| {
            let mut record = record.clone();
            // Scores may differ in the last bits.
            for segment in &mut record.segments {
                (segment.score, segment.confidence) = (None, None);
                segment.attempts.iter_mut().for_each(|attempt| attempt.score = None);
            }
            let answer = String::from_utf8(answer.clone().unwrap()).unwrap();
            format!("{answer}{}", serde_json::to_string(&(&record.segments, record.tokens)).unwrap())
        };
        told.iter().map(of).collect()
    };
    let terms_of_all = summary.totals.terms.unwrap();
    assert!(terms_of_all.hits + terms_of_all.misses >= items.len());
    for (index, item) in items.iter().enumerate() {
        let alone = run(&choice, vec![item.clone()], 2, &terms).0;
        assert_eq!(answers(&alone)[0], answers(&told[index..=index])[0]);
    }
    // Nonsense finds no place for a term, so that the second attempts are seen in the tokens only; what has no terms is
    // answered as ever.
    let (free, without) = run(&choice, items, 2, &Terms::default());
    let tried = |(record, _): &Told| {
        record.segments.iter().any(|segment| segment.attempts.iter().any(|attempt| attempt.step == "glossary"))
    };
    assert!(told.iter().any(tried) && without.totals.terms.is_none());
    for (free, told) in free.iter().zip(&told) {
        for (free, told) in free.0.segments.iter().zip(&told.0.segments) {
            assert!(free.output == told.output || !told.terms.is_empty(), "{told:?}");
        }
    }
}

#[test]
fn what_is_kept_survives_a_model_that_loses_it() {
    let folder = tempfile::tempdir().unwrap();
    let choice = nonsense(folder.path());
    let (told, _) = run(&choice, vec![bytes("a", ARTICLE.as_bytes())], 2, &terms("", "mayor\nGrey Mud\nNobody\n"));
    let mut retried = 0;
    for segment in &told[0].0.segments {
        retried += usize::from(segment.retry == Some("around_protected_spans"));
        for term in ["mayor", "Grey Mud"] {
            let marked = segment.findings.iter().any(|finding| finding.code == "verbatim_missing");
            assert!(segment.output.contains(term) || !segment.source.contains(term) || marked, "{segment:?}");
        }
    }
    assert!(retried > 0, "{:?}", told[0].0.segments);
}
