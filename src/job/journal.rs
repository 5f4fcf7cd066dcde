//! What a job has finished so far, so that a killed one goes on where it stopped and a second run does only what changed.
//!
//! A file of JSON lines that is only appended to. Segments come in batches, articles one by one; each batch and each article
//! is on the disk before the job goes on to rely on it. A last line that was cut by a kill or a full disk is not believed and
//! overwritten. When a job ends, the segments are left out and only the last line of each article stays.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Version of the lines.
const VERSION: u32 = 1;
/// Longest line that is believed.
const LONGEST: u64 = 1 << 30;

/// The hash of all that an answer depends on.
type Key = [u8; 32];

/// A journal that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// A file cannot be read or written.
    #[error("journal {path}: {source}{advice}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// Another process works on the job.
    #[error("journal {path}: another process is at work on this job; wait for it, or choose another --output")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// A file that is something else.
    #[error(
        "journal {path}: expected a journal of version {VERSION}, got {got}; move the file away, or choose another --journal"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What its first line says.
        got: String,
    },
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<'l> {
    /// The first one.
    Journal { version: u32, program: String },
    /// A segment that has its answer.
    Segment {
        key: String,
        #[serde(borrow)]
        answer: &'l RawValue,
    },
    /// An article that was written.
    Article {
        done: Done,
        #[serde(borrow)]
        record: &'l RawValue,
    },
}

/// What an article was made of, and what was made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The name under which it is asked for: where its output goes.
    pub name: String,
    /// The sha256 of the input.
    pub source_sha256: String,
    /// The hash of the options that its answer depends on.
    pub options: String,
    /// The hash of the models that its answer depends on.
    pub models: String,
    /// The file that was written.
    pub output: PathBuf,
    /// Its sha256.
    pub output_sha256: String,
    /// When, in UTC.
    pub finished: String,
}

/// Where a line is.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    length: usize,
}

#[derive(Debug, Default)]
struct Index {
    segments: HashMap<Key, Place>,
    articles: BTreeMap<String, (Done, Place)>,
}

/// An open journal. One process has it at a time.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Held as long as the journal is open: another file than the one that is replaced when the job ends.
    _lock: Option<File>,
    file: Mutex<File>,
    index: Mutex<Index>,
    /// Whether anything was in it when it was opened.
    found: bool,
}

impl Journal {
    /// Opens a journal and reads what it has, or begins one.
    ///
    /// # Errors
    /// Another process has it, it is something else, or it cannot be read or written.
    pub fn open(path: &Path) -> Result<Journal, JournalError> {
        let io = |source: std::io::Error| failure(path, source);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        let mut beside = path.as_os_str().to_os_string();
        beside.push(".lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&beside).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Locked { path: path.to_path_buf() }),
            Err(TryLockError::Error(source)) => return Err(failure(path, source)),
        }
        let mut file = File::options().create(true).truncate(false).read(true).write(true).open(path).map_err(io)?;
        let (index, end) = read(path, &mut file)?;
        // What was cut is written over.
        file.set_len(end).map_err(io)?;
        file.seek(SeekFrom::Start(end)).map_err(io)?;
        let found = end > 0;
        if !found {
            let program = concat!("tlumach ", env!("CARGO_PKG_VERSION")).to_string();
            append(&mut file, &Line::Journal { version: VERSION, program }).map_err(io)?;
            file.sync_data().map_err(io)?;
        }
        let (file, index) = (Mutex::new(file), Mutex::new(index));
        Ok(Journal { path: path.to_path_buf(), _lock: Some(lock), file, index, found })
    }

    /// Reads a journal as it is, also that of a job that runs. Nothing can be added to it.
    ///
    /// # Errors
    /// It is something else, or it cannot be read.
    pub fn look(path: &Path) -> Result<Journal, JournalError> {
        let mut file = File::open(path).map_err(|source| failure(path, source))?;
        let (index, end) = read(path, &mut file)?;
        let (file, index) = (Mutex::new(file), Mutex::new(index));
        Ok(Journal { path: path.to_path_buf(), _lock: None, file, index, found: end > 0 })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it goes on with an earlier run, and what that one left: articles, and segments of unfinished ones.
    pub fn earlier(&self) -> Option<(usize, usize)> {
        let index = self.index();
        self.found.then(|| (index.articles.len(), index.segments.len()))
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a segment, if it is there.
    pub fn segment(&self, key: &Key) -> Option<String> {
        let place = *self.index().segments.get(key)?;
        let line = self.line(place)?;
        match serde_json::from_str(&line).ok()? {
            Line::Segment { answer, .. } => Some(answer.get().to_string()),
            _ => None,
        }
    }

    /// What is known of the article whose output goes to `name`.
    pub fn article(&self, name: &str) -> Option<Done> {
        self.index().articles.get(name).map(|(done, _)| done.clone())
    }

    /// The record of that article.
    pub fn record(&self, name: &str) -> Option<super::report::ArticleRecord> {
        let place = self.index().articles.get(name)?.1;
        let line = self.line(place)?;
        match serde_json::from_str(&line).ok()? {
            Line::Article { record, .. } => serde_json::from_str(record.get()).ok(),
            _ => None,
        }
    }

    /// All articles, in the order of their names.
    pub fn articles(&self) -> Vec<Done> {
        self.index().articles.values().map(|(done, _)| done.clone()).collect()
    }

    fn line(&self, place: Place) -> Option<String> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = vec![0; place.length];
        let read = file.seek(SeekFrom::Start(place.at)).and_then(|_| file.read_exact(&mut bytes));
        let end = file.seek(SeekFrom::End(0));
        (read.is_ok() && end.is_ok()).then(|| String::from_utf8(bytes).ok())?
    }

    /// Adds a batch of segments; when this returns they are on the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add_segments(&self, batch: &[(Key, String)]) -> Result<(), JournalError> {
        let mut lines = Vec::with_capacity(batch.len());
        for (key, answer) in batch {
            // The same sentence in another article, or twice in this batch.
            if self.index().segments.contains_key(key) || lines.iter().any(|(other, _)| other == key) {
                continue;
            }
            let Ok(answer) = serde_json::from_str::<&RawValue>(answer) else { continue };
            lines.push((*key, Line::Segment { key: hex(key), answer }));
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut places = Vec::with_capacity(lines.len());
        for (key, line) in &lines {
            places.push((*key, self.append(&mut file, line)?));
        }
        file.sync_data().map_err(|source| failure(&self.path, source))?;
        drop(file);
        self.index().segments.extend(places);
        Ok(())
    }

    /// Adds an article that was written; when this returns it is on the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add_article(&self, done: Done, record: &super::report::ArticleRecord) -> Result<(), JournalError> {
        let record = serde_json::value::to_raw_value(record).map_err(|error| failure(&self.path, error.into()))?;
        let line = Line::Article { done: done.clone(), record: &record };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let place = self.append(&mut file, &line)?;
        file.sync_data().map_err(|source| failure(&self.path, source))?;
        drop(file);
        self.index().articles.insert(done.name.clone(), (done, place));
        Ok(())
    }

    /// Appends a line; what was written of one that did not fit is taken back.
    fn append(&self, file: &mut File, line: &Line<'_>) -> Result<Place, JournalError> {
        let io = |source: std::io::Error| failure(&self.path, source);
        let at = file.stream_position().map_err(io)?;
        match append(file, line) {
            Ok(length) => Ok(Place { at, length }),
            Err(source) => {
                let _ = file.set_len(at).and_then(|()| file.seek(SeekFrom::Start(at)));
                Err(failure(&self.path, source))
            }
        }
    }

    /// Leaves out what nobody needs any more: the job has come to its end. Articles that are not among `names` stay.
    ///
    /// # Errors
    /// The file cannot be written; it stays as it was.
    pub fn compact(&self) -> Result<(), JournalError> {
        let io = |source: std::io::Error| failure(&self.path, source);
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".tlumach-").tempfile_in(folder).map_err(io)?;
        let mut places: Vec<(String, Place)> =
            self.index().articles.iter().map(|(name, (_, place))| (name.clone(), *place)).collect();
        let mut writer = BufWriter::new(file.as_file_mut());
        let program = concat!("tlumach ", env!("CARGO_PKG_VERSION")).to_string();
        let mut at = append(&mut writer, &Line::Journal { version: VERSION, program }).map_err(io)? as u64;
        for (_, place) in &mut places {
            let line =
                self.line(*place).ok_or_else(|| failure(&self.path, std::io::ErrorKind::UnexpectedEof.into()))?;
            writer.write_all(line.as_bytes()).map_err(io)?;
            place.at = at;
            at += line.len() as u64;
        }
        writer.flush().map_err(io)?;
        drop(writer);
        file.as_file().sync_all().map_err(io)?;
        let mut held = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new = file.persist(&self.path).map_err(|error| failure(&self.path, error.error))?;
        new.seek(SeekFrom::End(0)).map_err(io)?;
        *held = new;
        drop(held);
        let mut index = self.index();
        index.segments.clear();
        for (name, place) in places {
            if let Some((_, old)) = index.articles.get_mut(&name) {
                *old = place;
            }
        }
        Ok(())
    }
}

/// Writes a line; answers its length with its line end.
fn append(file: &mut impl Write, line: &Line<'_>) -> std::io::Result<usize> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    file.write_all(text.as_bytes())?;
    Ok(text.len())
}

/// Reads what can be believed; answers where it ends.
fn read(path: &Path, file: &mut File) -> Result<(Index, u64), JournalError> {
    let io = |source: std::io::Error| failure(path, source);
    let mut index = Index::default();
    let mut reader = BufReader::new(file);
    let mut at = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.by_ref().take(LONGEST).read_until(b'\n', &mut line).map_err(io)?;
        if at == 0 && length > 0 {
            let known = serde_json::from_slice::<Line<'_>>(&line);
            match known {
                Ok(Line::Journal { version: VERSION, .. }) => {}
                // The very first line was cut: nothing is lost with it.
                Err(_) if was_cut(&line) => break,
                _ => {
                    let got = String::from_utf8_lossy(&line[..line.len().min(60)]).trim_end().to_string();
                    return Err(JournalError::Foreign { path: path.to_path_buf(), got });
                }
            }
        }
        // A line without an end, or one that says nothing, was cut; nothing behind it can be believed.
        if length == 0 || line.last() != Some(&b'\n') {
            break;
        }
        let place = Place { at, length };
        match serde_json::from_slice::<Line<'_>>(&line) {
            Ok(Line::Journal { .. }) => {}
            Ok(Line::Segment { key, .. }) => {
                let Some(key) = unhex(&key) else { break };
                index.segments.insert(key, place);
            }
            Ok(Line::Article { done, .. }) => {
                index.articles.insert(done.name.clone(), (done, place));
            }
            Err(_) => break,
        }
        at += length as u64;
    }
    Ok((index, at))
}

/// Whether a first line is the begin of one of ours, perhaps with the zeros that a lost page leaves.
fn was_cut(line: &[u8]) -> bool {
    let text = &line[..line.len() - line.iter().rev().take_while(|byte| **byte == 0).count()];
    let begin = b"{\"journal\":{";
    line.last() != Some(&b'\n') && (text.starts_with(begin) || begin.starts_with(text))
}

fn failure(path: &Path, source: std::io::Error) -> JournalError {
    let advice = match source.kind() {
        std::io::ErrorKind::StorageFull => {
            "; no space is left on the disk: free some and run the job again, what is finished is kept"
        }
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "; it may not be written: choose another place (--journal), or run without one (--no-journal)"
        }
        _ => "",
    };
    JournalError::Io { path: path.to_path_buf(), source, advice }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn unhex(text: &str) -> Option<Key> {
    let mut key = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests;
