//! Articles that were read and split once, for all outputs of a job.
//!
//! A job that writes several languages and summaries goes through its articles once for each of them. What was read is kept
//! from one to the next, so that all outputs come from the same bytes and the same sentences, even if a file changes
//! meanwhile. What is kept is bounded; an article for which there was no room is read again, and an article that is another
//! one by then is told.

use crate::article::Format;
use crate::document::Document;
use crate::job::report::{InputRecord, LanguageRecord};
use crate::job::spec::{JobSpec, Lines, Work};
use crate::language::Language;
use crate::quality::Finding;
use crate::segment::Segment;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An article as it was read, before anything is planned for it.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) document: Document,
    pub(super) segments: Vec<Segment>,
    pub(super) input: InputRecord,
    pub(super) format: Format,
    pub(super) language: Language,
    pub(super) detected: Option<LanguageRecord>,
    pub(super) findings: Vec<Finding>,
}

impl Reading {
    /// About what it takes in memory.
    fn bytes(&self) -> usize {
        let pieces: usize = self.document.blocks.iter().map(|block| block.pieces.len()).sum();
        let slots: usize = self.segments.iter().map(|segment| segment.slots.len() + segment.verbatim.len()).sum();
        let texts: usize = self.segments.iter().map(|segment| segment.text.len()).sum();
        let container = self.document.container.as_ref().map_or(0, |container| container.len());
        self.document.text.len() + container + texts + 32 * (pieces + slots) + 160 * self.segments.len() + 512
    }
}

/// What is kept between the outputs of a job.
#[derive(Debug)]
pub struct Readings {
    most_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Outputs that have not begun.
    left: usize,
    bytes: usize,
    kept: HashMap<Key, Arc<Reading>>,
    /// The hash of each file when it was first read.
    hashes: HashMap<PathBuf, String>,
}

/// A file, and how it was read.
type Key = (PathBuf, String);

/// Memory that readings may take.
const MOST_BYTES: usize = 512 << 20;

impl Readings {
    /// For a job that goes through its articles so many times.
    pub fn new(outputs: usize) -> Readings {
        Readings::bounded(outputs, MOST_BYTES)
    }

    /// The same with another bound.
    pub fn bounded(outputs: usize, most_bytes: usize) -> Readings {
        Readings { most_bytes, state: Mutex::new(State { left: outputs, ..State::default() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An output begins to go through the articles.
    pub(super) fn begin(&self) {
        let mut state = self.state();
        state.left = state.left.saturating_sub(1);
    }

    /// A file is read in one way for all outputs that ask for it in the same way.
    fn key(path: &Path, spec: &JobSpec) -> Key {
        let by_line = matches!(spec.work, Work::Translate { by_line: Lines::OneToOne, .. });
        (path.to_path_buf(), format!("{:?}", (by_line, spec.from, &spec.reading)))
    }

    /// The article of this file, if it was read for another output.
    pub(super) fn take(&self, path: &Path, spec: &JobSpec) -> Option<Reading> {
        let mut state = self.state();
        let key = Readings::key(path, spec);
        if state.left > 0 {
            let reading = Arc::clone(state.kept.get(&key)?);
            drop(state);
            return Some((*reading).clone());
        }
        let reading = state.kept.remove(&key)?;
        drop(state);
        Some(Arc::try_unwrap(reading).unwrap_or_else(|shared| (*shared).clone()))
    }

    /// Keeps an article for the outputs that follow, if there is room; whether it is the same as when it was read before.
    pub(super) fn keep(&self, path: &Path, spec: &JobSpec, reading: &Reading) -> bool {
        let mut state = self.state();
        let hash = reading.input.sha256.clone().unwrap_or_default();
        if state.left == 0 {
            return state.hashes.get(path).is_none_or(|first| *first == hash);
        }
        let same = *state.hashes.entry(path.to_path_buf()).or_insert_with(|| hash.clone()) == hash;
        let bytes = reading.bytes();
        if same && state.bytes + bytes <= self.most_bytes {
            state.bytes += bytes;
            state.kept.insert(Readings::key(path, spec), Arc::new(reading.clone()));
        }
        same
    }
}
