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
    outputs: usize,
    most_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bytes: usize,
    kept: HashMap<String, Kept>,
    /// The hash of each file when it was first read.
    hashes: HashMap<String, String>,
}

#[derive(Debug)]
struct Kept {
    reading: Arc<Reading>,
    bytes: usize,
    /// Outputs that have not asked for it.
    left: usize,
}

/// Memory that readings may take.
const MOST_BYTES: usize = 512 << 20;

impl Readings {
    /// For a job that goes through its articles so many times.
    pub fn new(outputs: usize) -> Readings {
        Readings::bounded(outputs, MOST_BYTES)
    }

    /// The same with another bound.
    pub fn bounded(outputs: usize, most_bytes: usize) -> Readings {
        Readings { outputs, most_bytes, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file is read in one way for all outputs that ask for it in the same way.
    fn key(name: &str, spec: &JobSpec) -> String {
        let by_line = matches!(spec.work, Work::Translate { by_line: Lines::OneToOne, .. });
        format!("{name}\n{:?}", (by_line, spec.from, &spec.reading))
    }

    /// The article of this name, if it was read for another output.
    pub(super) fn take(&self, name: &str, spec: &JobSpec) -> Option<Reading> {
        let mut state = self.state();
        let key = Readings::key(name, spec);
        let kept = state.kept.get_mut(&key)?;
        kept.left -= 1;
        if kept.left > 0 {
            let reading = Arc::clone(&kept.reading);
            drop(state);
            return Some((*reading).clone());
        }
        let kept = state.kept.remove(&key)?;
        state.bytes -= kept.bytes;
        drop(state);
        Some(Arc::try_unwrap(kept.reading).unwrap_or_else(|shared| (*shared).clone()))
    }

    /// Keeps an article for the outputs that follow, if there is room; whether it is the same as when it was read before.
    pub(super) fn keep(&self, name: &str, spec: &JobSpec, reading: &Reading) -> bool {
        if self.outputs < 2 {
            return true;
        }
        let mut state = self.state();
        let hash = reading.input.sha256.clone().unwrap_or_default();
        let same = *state.hashes.entry(name.to_string()).or_insert_with(|| hash.clone()) == hash;
        let bytes = reading.bytes();
        if same && state.bytes + bytes <= self.most_bytes {
            let kept = Kept { reading: Arc::new(reading.clone()), bytes, left: self.outputs - 1 };
            if let Some(before) = state.kept.insert(Readings::key(name, spec), kept) {
                state.bytes -= before.bytes;
            }
            state.bytes += bytes;
        }
        same
    }
}
