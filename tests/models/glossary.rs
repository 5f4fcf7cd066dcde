//! Terms on real checkpoints: a model writes the word it was told to write where it would have chosen another.
//!
//! `TLUMACH_TEST_WEIGHTS` names the folder that has `opus-mt-en-fr` and `bergamot-tiny-en-pt`.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use candle_core::Device;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use tlumach::glossary::{Glossary, Terms};
use tlumach::job::report::{SegmentRecord, TermTotals};
use tlumach::job::spec::{
    Alignments, Item, JobSpec, KeepBoilerplate, Lines, Release, Retry, Source, Target, Typography, Work,
};
use tlumach::language::Language;
use tlumach::model::{Keep, LoadOptions, Precision};
use tlumach::pipeline::models::{Choice, Models};
use tlumach::pipeline::{Event, Observer, Pipeline};
use tlumach::registry::Settings;

const ARTICLE: &str = "The police closed the bridge at night.\n\
    Two stores in the centre of the town were open after the earthquake, and every store sold water.\n\
    The murder was not reported before Friday.\n\
    It rained.\n";

#[derive(Default)]
struct Kept(Mutex<Vec<(SegmentRecord, Option<TermTotals>)>>);

impl Observer for Kept {
    fn event(&self, event: &Event<'_>) {
        if let Event::Article { record, .. } = event {
            let mut kept = self.0.lock().unwrap();
            kept.extend(record.segments.iter().map(|segment| (segment.clone(), record.terms)));
        }
    }
}

fn translate(name: &str, to: &str, precision: Precision, terms: &Terms) -> Vec<(SegmentRecord, Option<TermTotals>)> {
    let weights =
        std::env::var("TLUMACH_TEST_WEIGHTS").expect("TLUMACH_TEST_WEIGHTS names the folder with the weights");
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path().join("hub"), folder.path().join("data"));
    settings.offline = true;
    let options = LoadOptions { device: Device::Cpu, precision, keep: Keep::Nowhere };
    let choice = Choice::Path(PathBuf::from(weights).join(name));
    let models = Models::new(choice, &settings, options, &()).unwrap();
    let input = Source::Bytes { name: "a".into(), bytes: ARTICLE.into() };
    let work =
        Work::Translate { by_line: Lines::OneToOne, boilerplate: KeepBoilerplate::Keep, alignments: Alignments::Omit };
    let items = vec![Item { input, output: Target::Caller }];
    let (from, to) = (Some(Language::EN), Some(to.parse().unwrap()));
    let spec = JobSpec {
        work,
        items,
        from,
        to,
        beams: None,
        threads: 2,
        retry: Retry::Full,
        release: Release::All,
        typography: Typography::Off,
        reading: tlumach::article::Reading::default(),
        staging: None,
    };
    let (kept, stop) = (Kept::default(), AtomicBool::new(false));
    Pipeline::new(&spec, &models, &stop, &kept).with_terms(terms).execute().unwrap();
    kept.0.into_inner().unwrap()
}

fn check(name: &str, to: &str, precision: Precision, table: &BTreeMap<&str, &str>) {
    let rows: String = table.iter().flat_map(|(term, forms)| [*term, "\t", *forms, "\n"]).collect();
    let glossary = Glossary::parse("terms.tsv", format!("en\t{to}\n{rows}").as_bytes()).unwrap();
    let free = translate(name, to, precision, &Terms::default());
    let worded = translate(name, to, precision, &Terms { glossary: Some(glossary), keep: None });
    let totals = worded[0].1.unwrap();
    assert!(totals.hits + totals.misses == 5 && totals.hits >= 4, "{worded:#?}");
    for ((free, _), (worded, _)) in free.iter().zip(&worded) {
        assert!(worded.retry == Some("glossary") || worded.output == free.output, "{worded:#?}");
        let missing = worded.terms.iter().filter(|term| term.found.is_none()).count();
        let marked = worded.findings.iter().filter(|finding| finding.code == "term_missing").count();
        assert_eq!(missing, marked, "{worded:#?}");
    }
    assert!(worded.iter().filter(|(segment, _)| segment.retry == Some("glossary")).count() >= 2, "{worded:#?}");
    assert_eq!(worded[3].0.output, free[3].0.output);
}

#[test]
fn french_terms_are_written() {
    let table = BTreeMap::from([
        ("police", "forces de l'ordre"),
        ("store|stores", "boutique|boutiques"),
        ("earthquake", "séisme"),
        ("murder", "homicide"),
    ]);
    for precision in [Precision::F32, Precision::Int8] {
        check("opus-mt-en-fr", "fr", precision, &table);
    }
}

#[test]
fn portuguese_terms_are_written_although_no_shortlist_has_them() {
    let table = BTreeMap::from([
        ("police", "forças de segurança"),
        ("store|stores", "estabelecimento|estabelecimentos"),
        ("earthquake", "abalo sísmico"),
        ("murder", "homicídio"),
    ]);
    for precision in [Precision::W8A16, Precision::Int8, Precision::F32] {
        check("bergamot-tiny-en-pt", "pt", precision, &table);
    }
}
