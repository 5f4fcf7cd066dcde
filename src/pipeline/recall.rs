//! What is known from before: answers of earlier runs and jobs, and articles that are finished already.
//!
//! A segment's answer is kept under the hash of everything that it depends on: the text, what of it is protected, the
//! languages, the options, the models with the hashes of their files. So an answer that is found is the answer that the models
//! would give, and nobody has to say what changed. The journal keeps the answers of a job until its articles are written, the
//! cache those of all jobs.

use super::ladder::Settled;
use super::models::Models;
use super::run::Answer;
use super::unit::{HopDone, Translated};
use crate::decode::Finish;
use crate::intern::{self, Name};
use crate::job::journal::{Done, Journal, JournalError, hex};
use crate::job::report::{ArticleRecord, AttemptRecord, HopRecord, OutcomeRecord, Status};
use crate::job::spec::{Item, JobSpec, Source, Target, Work};
use crate::job::time;
use crate::language::Language;
use crate::quality::Finding;
use crate::segment::{Phrase, Segment, SlotKind};
use crate::store::{Key, Store};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Grows with every change of the program after which the same models may give other answers, or the same answers other
/// findings.
const ANSWERS_VERSION: u32 = 2;

/// Answers that wait to be written together, and how long the first of them waits: a kill costs no more than these.
const BATCH: usize = 32;
const BATCH_TIME: Duration = Duration::from_secs(1);

/// What is depended on beside the job and the models.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    /// By every answer: number format, device, the contents of glossaries.
    pub answers: String,
    /// By articles only: translation memories, whose sentences no model answers.
    pub articles: String,
}

/// What remembers for a pipeline.
pub(super) struct Recall<'a> {
    pub(super) journal: Option<&'a Journal>,
    pub(super) store: Option<&'a Store>,
    extra: Extra,
    /// Hashes of the models of each direction.
    identities: Mutex<BTreeMap<(Language, Language), Option<String>>>,
    waiting: Mutex<Waiting>,
    failure: Mutex<Option<JournalError>>,
}

#[derive(Default)]
struct Waiting {
    answers: Vec<(Key, String)>,
    since: Option<Instant>,
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    text: String,
    log_probability: f32,
    scored_tokens: usize,
    source_tokens: usize,
    target_tokens: usize,
    finish: Option<Finish>,
    parts: usize,
    #[serde(deserialize_with = "intern::list")]
    cleaned: Vec<Name>,
    intermediate: Vec<String>,
    score: Option<f32>,
    hops: Vec<KeptHop>,
    #[serde(deserialize_with = "intern::option")]
    retry: Option<Name>,
    strained: bool,
    findings: Vec<Finding>,
    confidence: Option<f32>,
    attempts: Vec<AttemptRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    phrases: Vec<Phrase>,
}

#[derive(Serialize, Deserialize)]
struct KeptHop {
    hop: HopRecord,
    log_probability: f32,
    scored_tokens: usize,
}

impl Kept {
    fn of(settled: &Settled) -> Kept {
        let Settled { translated, findings, confidence, attempts, phrases } = settled;
        let answer = &translated.answer;
        let hop = |hop: &HopDone| KeptHop {
            hop: hop.record.clone(),
            log_probability: hop.log_probability,
            scored_tokens: hop.scored_tokens,
        };
        Kept {
            text: answer.text.clone(),
            log_probability: answer.log_probability,
            scored_tokens: answer.scored_tokens,
            source_tokens: answer.source_tokens,
            target_tokens: answer.target_tokens,
            finish: answer.finish,
            parts: answer.parts,
            cleaned: answer.cleaned.clone(),
            intermediate: translated.intermediate.clone(),
            score: translated.score,
            hops: translated.hops.iter().map(hop).collect(),
            retry: translated.retry,
            strained: translated.strained,
            findings: findings.clone(),
            confidence: *confidence,
            attempts: attempts.clone(),
            phrases: phrases.clone(),
        }
    }

    fn settled(self, origin: &'static str) -> Settled {
        let answer = Answer {
            text: self.text,
            log_probability: self.log_probability,
            scored_tokens: self.scored_tokens,
            source_tokens: self.source_tokens,
            target_tokens: self.target_tokens,
            finish: self.finish,
            parts: self.parts,
            cleaned: self.cleaned,
            ..Answer::default()
        };
        let hop = |kept: KeptHop| HopDone {
            record: kept.hop,
            log_probability: kept.log_probability,
            scored_tokens: kept.scored_tokens,
            alignment: None,
            unaligned: false,
            spells: false,
            chat: false,
        };
        let translated = Translated {
            answer,
            intermediate: self.intermediate,
            score: self.score,
            hops: self.hops.into_iter().map(hop).collect(),
            alignment: None,
            retry: self.retry,
            strained: self.strained,
            origin: Some(origin),
        };
        let Kept { findings, confidence, attempts, phrases, .. } = self;
        Settled { translated, findings, confidence, attempts, phrases }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Recall<'a> {
    pub(super) fn new(journal: Option<&'a Journal>, store: Option<&'a Store>, extra: Extra) -> Recall<'a> {
        Recall {
            journal,
            store,
            extra,
            identities: Mutex::default(),
            waiting: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    /// The hash of the models of a direction; none where it has no route, or a model without known hashes.
    fn identity(&self, models: &Models<'_>, from: Language, to: Language) -> Option<String> {
        if let Some(known) = lock(&self.identities).get(&(from, to)) {
            return known.clone();
        }
        let found = models.identity(from, to);
        lock(&self.identities).insert((from, to), found.clone());
        found
    }

    /// The key of a segment's answer; none where answers are not kept: alignments are not, and what has no identity.
    pub(super) fn key(
        &self,
        spec: &JobSpec,
        models: &Models<'_>,
        (segment, context): (&Segment, &str),
        (from, to, one_line): (Language, Language, bool),
    ) -> Option<Key> {
        if spec.work.wants_alignments() {
            return None;
        }
        let identity = self.identity(models, from, to)?;
        let mut hash = Sha256::new();
        let options = format!("{:?}", (ANSWERS_VERSION, spec.beams, spec.retry, one_line, from, to));
        // Lengths in front, so that no two lists of parts read the same.
        for part in [env!("CARGO_PKG_VERSION"), &options, &self.extra.answers, &identity, &segment.text, context] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        for range in &segment.verbatim {
            hash.update((range.start as u64).to_le_bytes());
            hash.update((range.end as u64).to_le_bytes());
        }
        // What markup holds is translated too; a sentence without any has the key that it always has.
        for slot in segment.slots.iter().filter(|slot| matches!(slot.kind, SlotKind::Opening(Some(_)))) {
            let SlotKind::Opening(Some(close)) = slot.kind else { continue };
            hash.update(b"pair");
            hash.update((slot.at.start as u64).to_le_bytes());
            hash.update((segment.slots[close].at.start as u64).to_le_bytes());
        }
        Some(hash.finalize().into())
    }

    /// What is known of some segments, in their order.
    pub(super) fn find(&self, keys: &[Option<Key>]) -> Vec<Option<Settled>> {
        let mut found: Vec<Option<Settled>> = Vec::with_capacity(keys.len());
        for key in keys {
            let kept = key.as_ref().zip(self.journal).and_then(|(key, journal)| journal.segment(key));
            found.push(kept.and_then(|kept| read(&kept, "journal")));
        }
        if let Some(store) = self.store {
            let missing: Vec<(usize, Key)> = (0..keys.len())
                .filter(|&index| found[index].is_none())
                .filter_map(|index| Some((index, keys[index]?)))
                .collect();
            let wanted: Vec<Key> = missing.iter().map(|(_, key)| *key).collect();
            for ((index, _), answer) in missing.iter().zip(store.get(&wanted)) {
                found[*index] = answer.and_then(|answer| read(std::str::from_utf8(&answer).ok()?, "cache"));
            }
        }
        found
    }

    /// Keeps an answer that a model gave.
    pub(super) fn keep(&self, key: Key, settled: &Settled) {
        let answer = &settled.translated.answer;
        let whole = answer.error.is_none() && !answer.cancelled && !answer.text.trim().is_empty();
        // An attempt that failed for want of memory, say, may succeed next time.
        let tried = settled.attempts.iter().all(|attempt| attempt.kept || attempt.output.is_some());
        if !whole || !tried || settled.translated.origin.is_some() {
            return;
        }
        let Ok(kept) = serde_json::to_string(&Kept::of(settled)) else { return };
        let mut waiting = lock(&self.waiting);
        waiting.answers.push((key, kept));
        let since = *waiting.since.get_or_insert_with(Instant::now);
        if waiting.answers.len() >= BATCH || since.elapsed() >= BATCH_TIME {
            self.write(&mut waiting);
        }
    }

    /// Writes what has waited for long enough.
    pub(super) fn flush_if_due(&self) {
        let mut waiting = lock(&self.waiting);
        if waiting.since.is_some_and(|since| since.elapsed() >= BATCH_TIME) {
            self.write(&mut waiting);
        }
    }

    /// Writes what waits.
    pub(super) fn flush(&self) {
        self.write(&mut lock(&self.waiting));
    }

    fn write(&self, waiting: &mut Waiting) {
        let answers = std::mem::take(&mut waiting.answers);
        waiting.since = None;
        if answers.is_empty() {
            return;
        }
        if let Some(journal) = self.journal
            && let Err(error) = journal.add_segments(&answers)
        {
            lock(&self.failure).get_or_insert(error);
        }
        if let Some(store) = self.store {
            let answers: Vec<(Key, Vec<u8>)> =
                answers.into_iter().map(|(key, kept)| (key, kept.into_bytes())).collect();
            // A shortcut that cannot be kept is none: the next job does the work again.
            let _ = store.put(&answers);
        }
    }

    /// Whether the journal cannot be written any more, which ends a job: nothing would be kept of what it does.
    pub(super) fn has_failed(&self) -> bool {
        lock(&self.failure).is_some()
    }

    /// Why.
    pub(super) fn into_failure(self) -> Option<JournalError> {
        self.failure.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record of an article that is finished: nothing it depends on has changed since, and its output is as it was.
    pub(super) fn finished(&self, item: &Item, spec: &JobSpec, models: &Models<'_>) -> Option<ArticleRecord> {
        let journal = self.journal?;
        let done = journal.article(&name(&item.output)?)?;
        let source = match &item.input {
            Source::File(path) => sha256(&std::fs::read(path).ok()?),
            Source::Bytes { bytes, .. } => sha256(bytes),
            Source::Unusable { .. } => return None,
        };
        let same = done.source_sha256 == source && done.options == self.options(spec);
        if !same || sha256(&std::fs::read(&done.output).ok()?) != done.output_sha256 {
            return None;
        }
        let mut record = journal.record(&done.name)?;
        if self.used(&record, spec, models)? != done.models {
            return None;
        }
        record.reused = true;
        // Where it is now: the folder may be called in another way than last time.
        record.input.path = item.input.name();
        Some(record)
    }

    /// Notes an article that was written.
    pub(super) fn finish(&self, item: &Item, record: &ArticleRecord, spec: &JobSpec, models: &Models<'_>) {
        let Some(done) = self.done(item, record, spec, models) else { return };
        self.flush();
        if let Some(Err(error)) = self.journal.map(|journal| journal.add_article(done, record)) {
            lock(&self.failure).get_or_insert(error);
        }
    }

    /// What the journal notes of an article, if it is to note it: what failed is done again next time.
    fn done(&self, item: &Item, record: &ArticleRecord, spec: &JobSpec, models: &Models<'_>) -> Option<Done> {
        let whole = record.segments.iter().all(|segment| segment.outcome != OutcomeRecord::Failed);
        // A paragraph that no model here could read may be read when there is one.
        let unread =
            record.segments.iter().flat_map(|segment| &segment.findings).any(|finding| {
                finding.code == "foreign_language" && finding.severity == crate::quality::Severity::Error
            });
        if !whole || unread || !matches!(record.status, Status::Ok | Status::Findings) {
            return None;
        }
        Some(Done {
            name: name(&item.output)?,
            source_sha256: record.input.sha256.clone()?,
            options: self.options(spec),
            models: self.used(record, spec, models)?,
            output: record.output.clone()?,
            output_sha256: record.output_sha256.clone()?,
            finished: time::now(),
        })
    }

    /// The hash of all options that an article's answer depends on.
    fn options(&self, spec: &JobSpec) -> String {
        let guard = (spec.retry, spec.release);
        let options = (spec.work, spec.from, spec.to, spec.beams, guard, spec.typography, &spec.reading);
        sha256(
            format!(
                "{} {ANSWERS_VERSION} {options:?} {} {}",
                env!("CARGO_PKG_VERSION"),
                self.extra.answers,
                self.extra.articles
            )
            .as_bytes(),
        )
    }

    /// The hash of the models that an article went through, or would go through now.
    fn used(&self, record: &ArticleRecord, spec: &JobSpec, models: &Models<'_>) -> Option<String> {
        let mut parts = BTreeSet::new();
        match spec.work {
            Work::Translate { .. } => {
                let to = spec.to?;
                // Languages that a model read. A paragraph that was read as another language has no route of its own, and none is
                // looked for here: that might fetch a model.
                let from: BTreeSet<Language> = record.route.iter().map(|hop| hop.from).collect();
                let own = record.language.iter().map(|language| language.used);
                let seen: BTreeSet<Language> =
                    own.chain(record.segments.iter().filter_map(|segment| segment.language)).collect();
                for from in seen.into_iter().filter(|language| *language != to && from.contains(language)) {
                    parts.insert(self.identity(models, from, to)?);
                }
            }
            Work::Summarize { .. } => {
                // Another choice, or another model on disk, is another summary.
                parts.insert(format!("asked {}", models.model_identity(&models.summarizer_key())?));
                let names = record.summarizer.iter().chain(record.route.iter().map(|hop| &hop.model));
                for name in names {
                    parts.insert(models.model_identity(name)?);
                }
            }
        }
        let all: Vec<String> = parts.into_iter().collect();
        Some(sha256(all.join("\n").as_bytes()))
    }
}

fn read(kept: &str, origin: &'static str) -> Option<Settled> {
    serde_json::from_str::<Kept>(kept).ok().map(|kept| kept.settled(origin))
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The name of an article in the journal: where its output goes, which no two articles of a job share.
fn name(output: &Target) -> Option<String> {
    let path: PathBuf = match output {
        Target::Caller => return None,
        Target::File(path) => path.clone(),
        Target::Named { before, extension } => {
            let mut path = before.as_os_str().to_os_string();
            path.push(".*");
            path.push(extension);
            path.into()
        }
    };
    Some(path.display().to_string())
}
