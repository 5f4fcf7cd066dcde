//! The pages that are opened: records made by hand, so that every kind of finding, language and ending is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tlumach::job::report::{
    AccountRecord, AlignmentRecord, ArticleRecord, AttemptRecord, DroppedRecord, Head, HopRecord, InputRecord,
    LanguageRecord, ModelRecord, OutcomeRecord, SegmentHopRecord, SegmentRecord, ShareRecord, Status, Tail, Totals,
};
use tlumach::language::Language;
use tlumach::quality::{Finding, Severity};
use tlumach::review::Writer;

/// Text that would do something if it were taken for markup, or hide something if its controls were obeyed.
pub(crate) const HOSTILE: &str = "</p></script><script>window.hostile = 1</script><img src=x onerror='window.hostile = 2'>\
    <a href=\"javascript:window.hostile=3\">\u{202e}drawkcab\u{202c} \0 \u{301}a\u{300}\u{301}\u{302}\u{303}\r\n&lt;b&gt; \"'` \u{feff}\u{7}";

/// A segment with its texts and nothing else.
pub(crate) fn segment(source: &str, output: &str) -> SegmentRecord {
    SegmentRecord {
        span: 0..source.len(),
        outcome: OutcomeRecord::Translated,
        score: Some(0.83),
        ..SegmentRecord::new(source.into(), output.into())
    }
}

/// Adds a finding at the first place of a word on each side; an empty word has no place.
pub(crate) fn found(mut record: SegmentRecord, finding: Finding, source: &str, output: &str) -> SegmentRecord {
    let place =
        |text: &str, word: &str| text.find(word).filter(|_| !word.is_empty()).map(|start| start..start + word.len());
    let finding = Finding { source: place(&record.source, source), output: place(&record.output, output), ..finding };
    record.findings.push(finding);
    record
}

fn error(code: &'static str, message: &str) -> Finding {
    Finding::new(code, Severity::Error, message)
}

fn warning(code: &'static str, message: &str) -> Finding {
    Finding::new(code, Severity::Warning, message)
}

fn note(code: &'static str, message: &str) -> Finding {
    Finding::new(code, Severity::Note, message)
}

fn article(path: &str, language: Language, segments: Vec<SegmentRecord>) -> ArticleRecord {
    let input = InputRecord { path: path.into(), words: 180, format: Some("plain"), ..InputRecord::default() };
    let mut record = ArticleRecord::new(input);
    record.language =
        Some(LanguageRecord { used: language, detected: Some(language), confidence: Some(0.99), given: false });
    record.segments = segments;
    let mut at = 0;
    for (index, segment) in record.segments.iter_mut().enumerate() {
        // Every third sentence begins a paragraph.
        at += if index % 3 == 0 { 2 } else { 1 };
        segment.span = at..at + segment.source.len();
        at = segment.span.end;
    }
    record.settle();
    record
}

fn hop(from: Language, to: Language, model: &str) -> HopRecord {
    HopRecord { from, to, model: model.into() }
}

/// A Ukrainian report of a fire, translated into English with everything that can be wrong.
pub(crate) fn fire() -> ArticleRecord {
    let mut record = article(
        "uk/pozhezha.txt",
        Language::UK,
        vec![
            segment("Пожежа на складі в Бердичеві", "Fire at a warehouse in Berdychiv"),
            found(
                found(
                    segment(
                        "У ніч на 14 березня на околиці міста загорівся склад площею 1,1 тис. квадратних метрів.",
                        "On the night of 14 March a warehouse of 1.1 million square metres caught fire on the outskirts of the city.",
                    ),
                    error("number_changed", "number changed: expected “1,1 тис”, got “1.1 million”"),
                    "1,1 тис.",
                    "1.1 million",
                ),
                note("unit_kept", "square metres were kept as they are"),
                "квадратних метрів",
                "million square metres",
            ),
            segment(
                "Рятувальники прибули на місце за дев’ять хвилин після першого дзвінка.",
                "Rescuers arrived at the scene nine minutes after the first call.",
            ),
            found(
                segment(
                    "За попередніми даними, ніхто не постраждав, сказала речниця служби Олена Гайдук.",
                    "According to preliminary data, people were hurt, service spokeswoman Olena Haiduk said.",
                ),
                warning("negation_missing", "negation may be lost: expected a word for “ніхто не”, got none"),
                "ніхто не",
                "people were hurt",
            ),
            found(
                segment(
                    "«Ми зупинили вогонь до того, як він перекинувся на сусідні будинки», — додала вона.",
                    "“We stopped the fire before it spread to the neighbouring houses, she added.",
                ),
                warning("unpaired", "a quotation mark without its partner"),
                "",
                "“",
            ),
            found(
                segment(
                    "Причину встановлює комісія на чолі з професором Ткачуком.",
                    "The cause is being established by a commission headed by Prof. Ткachuk.",
                ),
                error("mixed_script", "a word mixes scripts: expected one script, got “Ткachuk”"),
                "",
                "Ткachuk",
            ),
            segment(
                "Збитки оцінюють щонайменше у 2,4 млн гривень.",
                "Damage is estimated at 2.4 million hryvnias at the least.",
            ),
            found(
                segment(
                    "Рух вулицею Вінницькою відновили о 06:30. Автобуси знову ходять за розкладом.",
                    "Traffic on Vinnytska Street was restored at 06:30.",
                ),
                error("sentences_missing", "a sentence is missing: expected 2, got 1"),
                "",
                "",
            ),
            segment("Більше новин — у нашому каналі.", ""),
        ],
    );
    record.segments[8].outcome = OutcomeRecord::Dropped;
    record.segments[8].score = None;
    record.segments[5].retry = Some("smaller_pieces");
    record.segments[5].attempts = vec![
        AttemptRecord {
            step: "first",
            output: Some("The cause is established by a commission with professor Ткачук.".into()),
            score: Some(0.61),
            findings: vec!["untranslated", "mixed_script"],
            kept: false,
        },
        AttemptRecord {
            step: "smaller_pieces",
            output: None,
            score: Some(0.83),
            findings: vec!["mixed_script"],
            kept: true,
        },
    ];
    record.segments[2].alignment = Some(AlignmentRecord {
        source: Vec::new(),
        target: Vec::new(),
        matrix: Vec::new(),
        links: Vec::new(),
        words: vec![[[0, 24], [0, 8]], [[25, 39], [9, 16]], [[40, 44], [17, 19]]],
    });
    record.segments[6].intermediate.push("Damage is put at 2.4 million hryvnias at least.".into());
    record.segments[6].hops = [(Language::UK, Language::EN), (Language::EN, Language::EN)]
        .map(|(from, to)| SegmentHopRecord {
            hop: hop(from, to, "small-model"),
            mean_log_probability: Some(-0.21),
            alignment: None,
        })
        .to_vec();
    record.findings.push(note("alignments_missing", "the model small-model has no alignments"));
    record.route.push(hop(Language::UK, Language::EN, "small-model"));
    record.output = Some("out/uk/pozhezha.en.txt".into());
    record.accounting = Some(AccountRecord {
        translated: ShareRecord { segments: 8, bytes: 1170 },
        dropped: ShareRecord { segments: 1, bytes: 54 },
        between_bytes: 13,
        ..AccountRecord::default()
    });
    record.dropped.push(DroppedRecord {
        kind: "follow_us".into(),
        span: 0..10,
        text: "Більше новин — у нашому каналі.".into(),
    });
    record
}

/// A Korean report, nothing wrong with it but what a person may want to know.
pub(crate) fn harbour() -> ArticleRecord {
    let mut record = article(
        "ko/harbour-of-the-east-with-a-rather-long-name-that-has-to-break-somewhere-2026-03-14.md",
        Language::KO,
        vec![
            segment("동해항, 겨울 폭풍에 사흘째 폐쇄", "Donghae port closed for a third day by winter storm"),
            segment(
                "강원도 동해항이 높은 파도와 강풍으로 사흘째 문을 닫으면서 화물선 열두 척이 외항에서 입항을 기다리고 있다.",
                "With the port of Donghae in Gangwon shut for a third day by high waves and strong winds, twelve cargo ships are waiting in the outer harbour.",
            ),
            found(
                segment(
                    "항만 당국은 “안전이 확인될 때까지 어떤 선박도 들여보내지 않겠다”고 밝혔다.",
                    "“No vessel will be let in until safety is confirmed,” the port authority said.",
                ),
                note("markup_estimated", "the place of markup inside the sentence is an estimate"),
                "",
                "No vessel",
            ),
        ],
    );
    record.route.push(hop(Language::KO, Language::EN, "small-model"));
    record.settle();
    record
}

/// An article that could not be read.
pub(crate) fn broken() -> ArticleRecord {
    let mut record = ArticleRecord::new(InputRecord { path: "uk/broken.txt".into(), ..InputRecord::default() });
    record.status = Status::Failed;
    record.error = Some("uk/broken.txt: byte 1043 is not UTF-8: expected text in UTF-8; convert it first".into());
    record
}

/// Hostile text wherever text stands.
pub(crate) fn hostile() -> ArticleRecord {
    let mut one = segment(HOSTILE, HOSTILE);
    one.findings.push(error("verbatim_missing", HOSTILE).in_source(3..40).in_output(10..HOSTILE.len() - 2));
    one.findings.push(warning("unpaired", HOSTILE).in_output(0..HOSTILE.len()));
    one.intermediate.push(HOSTILE.into());
    let mut record = article(HOSTILE, Language::EN, vec![one]);
    record.findings.push(note("language_differs", HOSTILE));
    record.dropped.push(DroppedRecord { kind: "share".into(), span: 0..1, text: HOSTILE.into() });
    record.summarizer = Some(HOSTILE.into());
    record.output = Some(HOSTILE.into());
    record
}

/// An article of so many segments; every tenth has an error, every fifth of the others a warning.
pub(crate) fn long(segments: usize) -> ArticleRecord {
    let one = |index: usize| {
        let record = segment(
            &format!("Речення номер {index} стоїть тут, щоб сторінка була довгою, і має число {}.", index * 7),
            &format!(
                "Sentence number {index} stands here to make the page long, and has the number {}.",
                index * 7 + 1
            ),
        );
        match index {
            _ if index.is_multiple_of(10) => {
                let (expected, got) = ((index * 7).to_string(), (index * 7 + 1).to_string());
                found(record, error("number_changed", "number changed"), &expected, &got)
            }
            _ if index.is_multiple_of(5) => found(record, warning("unpaired", "a mark without its partner"), "", ""),
            _ => record,
        }
    };
    article("uk/long.txt", Language::UK, (0..segments).map(one).collect())
}

/// A summary beside its article.
pub(crate) fn summary() -> (ArticleRecord, String) {
    let original = "The council met on Monday.\n\nIt voted 12 to 3 for the new tram line, after two years of talks.\n\nWork begins in May.";
    let text = "The council voted 12 to 5 for a new tram line.";
    let one = found(segment("", text), error("number_new", "the article has no “5”"), "", "5");
    let mut record = article("en/tram.txt", Language::EN, vec![one]);
    record.summarizer = Some("extractive".into());
    (record, original.into())
}

/// Writes a page into English of these articles and tells where it is.
pub(crate) fn page(folder: &Path, articles: &[ArticleRecord]) -> PathBuf {
    let path = folder.join("review.html");
    let options = BTreeMap::from([("to", "en".into()), ("from", "auto".into()), ("beam", 4.into())]);
    let head = Head { task: "translate", options };
    let mut writer = Writer::create(&path, &head, articles.len()).unwrap();
    let mut totals = Totals { articles: articles.len(), ..Totals::default() };
    for (index, record) in articles.iter().enumerate() {
        totals.segments += record.segments.len();
        totals.source_words += record.input.words;
        totals.failed += usize::from(record.status == Status::Failed);
        writer.article(index, record, None).unwrap();
    }
    let model = ModelRecord {
        name: "small-model".into(),
        family: "marian".into(),
        revision: None,
        license: Some("CC-BY-4.0".into()),
        sha256: BTreeMap::new(),
    };
    writer.finish(&Tail { models: vec![model], totals }).unwrap();
    path
}

/// Writes a page of one summary and tells where it is.
pub(crate) fn summary_page(folder: &Path) -> PathBuf {
    let path = folder.join("summary.html");
    let head = Head { task: "summarize", options: BTreeMap::from([("to", "en".into())]) };
    let mut writer = Writer::create(&path, &head, 1).unwrap();
    let (record, original) = summary();
    writer.article(0, &record, Some(&original)).unwrap();
    writer.finish(&Tail::default()).unwrap();
    path
}
