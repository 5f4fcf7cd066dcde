//! Jobs over several models: two hops, and directions of different length side by side.

#![allow(clippy::unwrap_used)]

use super::models::{Choice, Hop, Models};
use super::*;
use crate::job::spec::{Alignments, KeepBoilerplate, Lines, Source, Target};
use crate::language::Language;
use crate::model::{LoadOptions, Precision};
use crate::registry::Settings;
use std::collections::BTreeMap;

const UKRAINIAN: &str = "Міст не пошкоджено, рух відновили вранці, повідомила міська рада у вівторок.";
const ENGLISH: &str = "The bridge was not damaged and traffic resumed in the morning, the city said on Tuesday.";

#[derive(Default)]
struct Told(Mutex<BTreeMap<usize, (ArticleRecord, Vec<u8>)>>);

impl Observer for Told {
    fn event(&self, event: &Event<'_>) {
        if let Event::Article { index, record, bytes } = event {
            let before = self.0.lock().unwrap().insert(*index, ((*record).clone(), bytes.unwrap_or(b"-").to_vec()));
            assert!(before.is_none(), "article {index} is told twice");
        }
    }
}

fn hop(from: Language, to: Language, model: &str) -> Hop {
    Hop { from, to, model: model.into() }
}

#[test]
fn two_hops_and_one_hop_share_a_job_in_any_window() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path().join("hub"), folder.path().join("data"));
    settings.offline = true;
    let options =
        LoadOptions { device: candle_core::Device::Cpu, precision: Precision::Auto, keep: crate::model::Keep::Nowhere };
    let models = Models::new(Choice::Echo, &settings, options, &()).unwrap();
    let second = hop(Language::EN, Language::KO, "second");
    let models = models.with_echoes(&[hop(Language::UK, Language::EN, "first"), second.clone()]).with_echoes(&[second]);
    let text = |n: usize| format!("{}\n\n{n}. {}\n", [UKRAINIAN, ENGLISH][n % 2], [UKRAINIAN, ENGLISH][n % 2]);
    let item = |n: usize| Item {
        input: Source::Bytes { name: n.to_string(), bytes: text(n).into_bytes() },
        output: Target::Caller,
    };
    for (threads, window) in [(1, 1), (2, 7), (3, 40), (2, 10_000)] {
        let spec = JobSpec {
            work: Work::Translate {
                by_line: Lines::Sentences,
                boilerplate: KeepBoilerplate::Keep,
                alignments: Alignments::Omit,
            },
            items: (0..50).map(item).collect(),
            from: None,
            to: Some(Language::KO),
            beams: None,
            threads,
        };
        let (told, stop) = (Told::default(), AtomicBool::new(false));
        let window = Window { segments: window, bytes: 1 << 20 };
        Pipeline::new(&spec, &models, &stop, &told).with_window(window).execute().unwrap();
        let told = told.0.into_inner().unwrap();
        assert_eq!(told.len(), 50);
        for (index, (record, answer)) in told {
            assert_eq!(String::from_utf8(answer).unwrap(), text(index), "{threads} threads, {window:?}");
            let hops: Vec<&str> = record.route.iter().map(|hop| hop.model.as_str()).collect();
            assert_eq!(hops, [&["first", "second"][..], &["second"]][index % 2], "article {index}");
            let translated = record.segments.iter().find(|segment| !segment.source.trim().is_empty()).unwrap();
            assert_eq!(translated.intermediate.len(), 1 - index % 2);
        }
    }
}
