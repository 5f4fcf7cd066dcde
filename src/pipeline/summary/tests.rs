//! The ladder on scripted models: what each attempt leads to, what the report says of it, and that nothing changes an answer
//! but its own article.

#![allow(clippy::unwrap_used)]

use crate::job::report::{ArticleRecord, Status};
use crate::job::spec::{Item, JobSpec, Source, Target, Work};
use crate::language::Language;
use crate::model::{Keep, LoadOptions, Precision};
use crate::pipeline::models::{Choice, Hop, Models};
use crate::pipeline::{Event, Observer, Pipeline, Window};
use crate::prompt;
use crate::registry::Settings;
use crate::registry::load::{self, Loaded};
use crate::token::{Prompt, SummaryLength, SummaryWording, Task, TokenClasses, TokenId};
use crate::tokenize::echo::EchoTokenizer;
use crate::tokenize::{TokenizeError, Tokenizer};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

const EN: &str = "Ferry returns to the islands\n\nThe ferry between the two islands sailed again on Friday after a winter in the dock. Its new engine burns 30 percent less fuel than the old one did.\n\nPassengers waited on the pier from six in the morning to be the first aboard. The captain, Ivan Moroz, said that the sea was calm.\n\nThe next dock is planned in 2031.\n\nFollow us on Telegram and never miss a story!\n";
const UK: &str = "Пором повернувся на острови\n\nПором між двома островами знову вийшов у рейс у п’ятницю після зими в доку. Його новий двигун спалює на 30 відсотків менше пального, ніж старий.\n\nПасажири чекали на пристані від шостої ранку, щоб зайти першими. Капітан Іван Мороз сказав, що море було спокійне.\n\nНаступний ремонт запланували на 2031 рік.\n";

const EN_GOOD: &str = "The island ferry is back in service with a thriftier engine. People came early to see it.";
const EN_LEAD: &str = "The ferry between the two islands sailed again on Friday after a winter in the dock. Its new engine burns 30 percent less fuel than the old one did.";
const EN_NUMBER: &str = "The island ferry is back in service after 45 months. People came early to see it.";
const UK_GOOD: &str =
    "Острівний пором знову возить людей, і пального йому треба менше. Подивитися на нього прийшли зранку.";

/// What a scripted model answers to a text.
type Script = fn(&str, &Task) -> String;

/// A tokenizer that reads the answer instead of the text: the weightless model, which gives back what it reads, says it.
struct Scripted {
    script: Script,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Tokenizer for Scripted {
    fn encode(&self, text: &str, task: &Task) -> Result<Prompt, TokenizeError> {
        if !text.is_empty() {
            let what = match task {
                Task::Translate { from, to } | Task::Retranslate { from, to } => format!("translate {from}-{to}"),
                Task::Summarize { to, wording: SummaryWording::Plain, .. } => format!("summarize {to}"),
                Task::Summarize { to, wording: SummaryWording::Strict, .. } => format!("summarize {to} strictly"),
            };
            self.asked.lock().unwrap().push(what);
        }
        EchoTokenizer.encode(&(self.script)(text, task), task)
    }

    fn decode(&self, ids: &[TokenId]) -> String {
        EchoTokenizer.decode(ids)
    }

    fn count(&self, text: &str) -> usize {
        text.len()
    }

    fn token_classes(&self) -> Vec<TokenClasses> {
        EchoTokenizer.token_classes()
    }

    fn is_chat(&self) -> bool {
        true
    }
}

#[derive(Default)]
struct Told(Mutex<BTreeMap<usize, (ArticleRecord, String)>>);

impl Observer for Told {
    fn event(&self, event: &Event<'_>) {
        if let Event::Article { index, record, bytes } = event {
            let text = String::from_utf8(bytes.unwrap_or(b"").to_vec()).unwrap();
            self.0.lock().unwrap().insert(*index, ((*record).clone(), text));
        }
    }
}

/// A job over articles with a scripted model that writes some languages well.
struct Job<'j> {
    articles: &'j [&'j str],
    to: Language,
    script: Script,
    writes_well: Option<Vec<Language>>,
    window: usize,
}

impl Job<'_> {
    fn run(self) -> (Vec<(ArticleRecord, String)>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(folder.path().join("hub"), folder.path().join("data"));
        settings.offline = true;
        let options = LoadOptions { device: candle_core::Device::Cpu, precision: Precision::F32, keep: Keep::Nowhere };
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let engine = |_: &Hop| Loaded {
            tokenizer: Arc::new(Scripted { script: self.script, asked: asked.clone() }),
            writes_well: self.writes_well.clone(),
            ..load::echo()
        };
        let hop = Hop { from: Language::EN, to: Language::UK, model: "echo".into() };
        let models = Models::new(Choice::Echo, &settings, options, &()).unwrap().with_route(&[hop], &engine);
        let item = |text: &&str| Item {
            input: Source::Bytes { name: "a".into(), bytes: text.as_bytes().to_vec() },
            output: Target::Caller,
        };
        let spec = JobSpec {
            work: Work::Summarize { length: SummaryLength::Short },
            items: self.articles.iter().map(item).collect(),
            from: None,
            to: Some(self.to),
            beams: None,
            threads: 2,
            retry: crate::job::spec::Retry::Full,
            release: crate::job::spec::Release::All,
            typography: crate::job::spec::Typography::Auto,
            reading: crate::article::Reading::default(),
            staging: None,
        };
        let (told, stop) = (Told::default(), AtomicBool::new(false));
        let window = Window { segments: self.window, bytes: 1 << 20 };
        Pipeline::new(&spec, &models, &stop, &told).with_window(window).execute().unwrap();
        let asked = asked.lock().unwrap().clone();
        (told.0.into_inner().unwrap().into_values().collect(), asked)
    }
}

fn one(article: &str, to: Language, script: Script) -> (ArticleRecord, String, Vec<String>) {
    let (mut told, asked) = Job { articles: &[article], to, script, writes_well: None, window: 100 }.run();
    let (record, text) = told.pop().unwrap();
    (record, text, asked)
}

/// What the report says: the steps that were tried, the path, and the codes of severity warning and error that are left.
fn check(record: &ArticleRecord, steps: &[&str], path: &str, review: bool) {
    let segment = &record.segments[0];
    let tried: Vec<&str> = segment.attempts.iter().map(|attempt| attempt.step).collect();
    assert_eq!(tried, steps, "{:?}", segment.attempts);
    assert_eq!(record.summary.as_ref().unwrap().path, path);
    let kept: Vec<&str> = segment.attempts.iter().filter(|a| a.kept).map(|a| a.step).collect();
    assert_eq!(kept, [path]);
    assert_eq!(segment.needs_review, review, "{:?}", segment.findings);
}

#[test]
fn a_good_answer_is_the_only_attempt() {
    let (record, text, asked) = one(EN, Language::EN, |_, _| EN_GOOD.into());
    check(&record, &["direct"], "direct", false);
    assert_eq!((text.trim(), record.status), (EN_GOOD, Status::Ok));
    assert_eq!(asked, ["summarize en"]);
    let summary = record.summary.unwrap();
    assert_eq!((summary.sentences, summary.copied.unwrap().lead), (2, 0.0));
}

#[test]
fn a_wrong_language_is_asked_for_again_in_other_words() {
    let script: Script = |_, task| match task {
        Task::Summarize { wording: SummaryWording::Strict, .. } => UK_GOOD.into(),
        _ => EN_GOOD.into(),
    };
    let (record, text, asked) = one(UK, Language::UK, script);
    check(&record, &["direct", "other_prompt"], "other_prompt", false);
    assert_eq!(text.trim(), UK_GOOD);
    assert_eq!(asked, ["summarize uk", "summarize uk strictly"]);
    assert!(record.segments[0].attempts[0].findings.contains(&"wrong_language"));
}

#[test]
fn a_copied_lead_is_asked_for_again_in_other_words() {
    let script: Script = |_, task| match task {
        Task::Summarize { wording: SummaryWording::Strict, .. } => EN_GOOD.into(),
        _ => EN_LEAD.into(),
    };
    let (record, text, _) = one(EN, Language::EN, script);
    check(&record, &["direct", "other_prompt"], "other_prompt", false);
    assert_eq!(text.trim(), EN_GOOD);
    assert!(record.segments[0].attempts[0].findings.contains(&"copied_lead"));
}

#[test]
fn what_stays_in_the_wrong_language_is_translated() {
    let script: Script = |text, task| match task {
        Task::Translate { .. } if text.starts_with("The island") => {
            UK_GOOD.split_inclusive(". ").next().unwrap().into()
        }
        Task::Translate { .. } | Task::Retranslate { .. } => UK_GOOD.split_inclusive(". ").nth(1).unwrap().into(),
        Task::Summarize { .. } => EN_GOOD.into(),
    };
    let (record, text, asked) = one(UK, Language::UK, script);
    check(&record, &["direct", "other_prompt", "translated"], "translated", false);
    assert_eq!(text.trim(), UK_GOOD);
    assert_eq!(record.segments[0].intermediate, [EN_GOOD]);
    assert_eq!((record.route[0].from, record.route[0].to), (Language::EN, Language::UK));
    // The draft that was refused for its language is the one that is translated.
    assert_eq!(asked[..2], ["summarize uk", "summarize uk strictly"]);
    assert_eq!(asked[2..], ["translate en-uk", "translate en-uk"]);
}

#[test]
fn a_lead_that_is_copied_twice_is_written_in_english_and_translated() {
    let script: Script = |text, task| match task {
        Task::Translate { .. } if text.starts_with("The island") => {
            UK_GOOD.split_inclusive(". ").next().unwrap().into()
        }
        Task::Translate { .. } | Task::Retranslate { .. } => UK_GOOD.split_inclusive(". ").nth(1).unwrap().into(),
        Task::Summarize { to, .. } if *to == Language::EN => EN_GOOD.into(),
        Task::Summarize { .. } => UK.split("\n\n").nth(1).unwrap().into(),
    };
    let (record, text, asked) = one(UK, Language::UK, script);
    check(&record, &["direct", "other_prompt", "translated"], "translated", false);
    assert_eq!(text.trim(), UK_GOOD);
    assert_eq!(asked[..3], ["summarize uk", "summarize uk strictly", "summarize en"]);
}

#[test]
fn when_all_attempts_fail_the_articles_own_sentences_are_taken_and_it_is_said() {
    let (record, text, asked) = one(EN, Language::EN, |_, _| EN_NUMBER.into());
    check(&record, &["direct", "other_prompt", "extractive"], "extractive", false);
    assert!(EN.contains(text.split_inclusive(". ").next().unwrap().trim()), "{text}");
    assert!(!text.contains("Telegram") && !text.contains("45"));
    assert_eq!(record.summarizer.as_deref(), Some("extractive"));
    let fallback = record.findings.iter().find(|finding| finding.code == "extractive_fallback").unwrap();
    assert!(fallback.message.contains("direct: number_new"), "{}", fallback.message);
    assert_eq!(record.status, Status::Findings);
    assert_eq!(asked, ["summarize en", "summarize en strictly"], "nothing is asked twice");
}

#[test]
fn what_has_an_error_in_the_end_is_marked_and_nothing_loops() {
    // The model answers everything in English, translations too.
    let (record, text, asked) = one(UK, Language::KO, |_, _| EN_GOOD.into());
    check(&record, &["direct", "other_prompt", "translated", "extractive"], "direct", true);
    assert_eq!((text.trim(), record.status), (EN_GOOD, Status::Findings));
    assert!(record.segments[0].findings.iter().any(|finding| finding.code == "wrong_language"));
    assert!(asked.len() < 10, "{asked:?}");
}

#[test]
fn a_model_that_says_nothing_is_replaced() {
    let (record, text, _) = one(EN, Language::EN, |_, _| String::new());
    check(&record, &["direct", "other_prompt", "extractive"], "extractive", false);
    assert!(!text.trim().is_empty());
    assert_eq!(record.segments[0].attempts[0].output, None);
    assert!(record.findings.iter().any(|finding| finding.message.contains("answered nothing")));
}

#[test]
fn a_language_that_is_written_badly_is_translated_into_first() {
    let script: Script = |text, task| match task {
        Task::Translate { .. } if text.starts_with("The island") => {
            UK_GOOD.split_inclusive(". ").next().unwrap().into()
        }
        Task::Translate { .. } | Task::Retranslate { .. } => UK_GOOD.split_inclusive(". ").nth(1).unwrap().into(),
        Task::Summarize { .. } => EN_GOOD.into(),
    };
    let writes_well = Some(vec![Language::EN]);
    let (told, asked) = Job { articles: &[UK], to: Language::UK, script, writes_well, window: 100 }.run();
    check(&told[0].0, &["translated"], "translated", false);
    assert_eq!(asked[0], "summarize en");
}

#[test]
fn what_is_wrong_in_the_english_draft_is_still_known_after_its_translation() {
    let script: Script = |_, task| match task {
        Task::Translate { .. } | Task::Retranslate { .. } => "Речення без жодної помилки.".into(),
        Task::Summarize { .. } => "Oksana Melnyk met the captain. The sea was calm.".into(),
    };
    let writes_well = Some(vec![Language::EN]);
    let (told, _) = Job { articles: &[EN], to: Language::UK, script, writes_well, window: 100 }.run();
    assert!(told[0].0.segments[0].attempts[0].findings.contains(&"name_new"), "{:?}", told[0].0.segments[0].attempts);
}

#[test]
fn an_instruction_that_comes_back_is_seen() {
    let script: Script = |_, task| {
        let message = prompt::messages(task).pop().unwrap().content;
        message.replace(prompt::TEXT_MARK, "").trim().to_string()
    };
    let (record, ..) = one(EN, Language::EN, script);
    assert!(record.segments[0].attempts[0].findings.contains(&"instruction_echo"));
    assert_eq!(record.summary.unwrap().path, "extractive");
}

#[test]
fn answers_depend_on_nothing_but_their_article() {
    // Each way up the ladder, told by the article.
    let script: Script = |text, task| match task {
        Task::Translate { .. } if text.starts_with("The island") => {
            UK_GOOD.split_inclusive(". ").next().unwrap().into()
        }
        Task::Translate { .. } | Task::Retranslate { .. } => UK_GOOD.split_inclusive(". ").nth(1).unwrap().into(),
        Task::Summarize { to, wording, .. } => {
            let way = text.bytes().rfind(u8::is_ascii_digit).map_or(0, |digit| usize::from(digit - b'0') / 2);
            let well = way == 0 || way == 1 && *wording == SummaryWording::Strict || way == 2 && *to == Language::EN;
            match (well, *to == Language::UK) {
                (true, true) => UK_GOOD.into(),
                (true, false) => EN_GOOD.into(),
                _ => EN_NUMBER.into(),
            }
        }
    };
    let texts: Vec<String> = (0..8)
        .map(|n| format!("{}\n\n{} {n}.\n", [UK, EN][n % 2], ["Причал номер", "The pier is number"][n % 2]))
        .collect();
    let articles: Vec<&str> = texts.iter().map(String::as_str).collect();
    let run = |window: usize, articles: &[&str]| {
        let (told, _) = Job { articles, to: Language::UK, script, writes_well: None, window }.run();
        let shown = |(record, text): (ArticleRecord, String)| {
            let segments = serde_json::to_value(&record.segments).unwrap();
            (text, segments, record.summary.map(|summary| summary.path))
        };
        told.into_iter().map(shown).collect::<Vec<_>>()
    };
    let together = run(10_000, &articles);
    assert_eq!(run(1, &articles), together);
    for (index, article) in articles.iter().enumerate() {
        assert_eq!(run(100, &[article])[0], together[index], "article {index}");
    }
    let paths: std::collections::BTreeSet<_> = together.iter().map(|(_, _, path)| *path).collect();
    assert!(paths.len() > 2, "{paths:?}");
}
