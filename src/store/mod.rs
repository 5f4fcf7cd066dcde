//! The cache of answers: what a model made of a segment, by the hash of everything that the answer depends on.
//!
//! One `SQLite` file, shared by all jobs and safe for several processes at a time (write-ahead log). It is only ever a
//! shortcut: what cannot be read or written is a miss. It keeps to its size by forgetting what was not used for longest.

use rusqlite::{Connection, OptionalExtension, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The hash of all that an answer depends on.
pub type Key = [u8; 32];

/// Version of the tables; a file of another one is not touched.
const VERSION: i64 = 1;
/// How long a process waits for another one that is writing.
const PATIENCE: Duration = Duration::from_secs(5);
/// The use of an answer is noted once in this time, so that reading hardly ever writes.
const NOTED_EVERY_S: i64 = 86_400;
/// When the cache is too large it is brought down to this share of its limit, so that it is not cleaned at every write.
const KEPT_PERCENT: u64 = 90;
/// What an answer takes beside its own bytes: its key, its times, its place in two indices.
const OVERHEAD: u64 = 120;

/// A cache that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// `SQLite` says no.
    #[error("cache of answers {path}: {source}; delete the file, or run without it (--no-cache)")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: rusqlite::Error,
    },
    /// The folder cannot be made.
    #[error("cache of answers {path}: {source}; choose another place (--cache) or run without it (--no-cache)")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that another version of the program made.
    #[error(
        "cache of answers {path}: expected tables of version {expected}, got {got}; delete the file, or run without it (--no-cache)"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version of this program.
        expected: i64,
        /// The version of the file.
        got: i64,
    },
}

/// How much is in a cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Answers.
    pub answers: u64,
    /// Their bytes, with what each takes beside itself.
    pub bytes: u64,
}

/// An open cache.
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
    path: PathBuf,
    limit: u64,
    /// Whether nothing is read and what is written takes the place of what is there.
    refreshing: bool,
}

impl Store {
    /// Opens a cache of at most `limit` bytes, and makes it if there is none.
    ///
    /// # Errors
    /// The file is no cache, is damaged, or cannot be made.
    pub fn open(path: &Path, limit: u64) -> Result<Store, StoreError> {
        let at = || path.to_path_buf();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| StoreError::Io { path: at(), source })?;
        }
        let made = open(path).map_err(|source| StoreError::Sqlite { path: at(), source });
        let (connection, got) = made?;
        if got != VERSION {
            return Err(StoreError::Version { path: at(), expected: VERSION, got });
        }
        Ok(Store { connection: Mutex::new(connection), path: at(), limit, refreshing: false })
    }

    /// The same for a job that does everything again: nothing is read, and its answers take the place of old ones.
    #[must_use]
    pub fn refreshing(self) -> Store {
        Store { refreshing: true, ..self }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answers of some keys, in their order. What cannot be read is none.
    pub fn get(&self, keys: &[Key]) -> Vec<Option<Vec<u8>>> {
        if self.refreshing {
            return vec![None; keys.len()];
        }
        self.try_get(keys).unwrap_or_else(|_| vec![None; keys.len()])
    }

    fn try_get(&self, keys: &[Key]) -> rusqlite::Result<Vec<Option<Vec<u8>>>> {
        let now = now();
        let mut connection = self.connection();
        let mut found = Vec::with_capacity(keys.len());
        let mut stale = Vec::new();
        {
            let mut select = connection.prepare_cached("SELECT answer, used FROM answers WHERE key = ?1")?;
            for key in keys {
                let row: Option<(Vec<u8>, i64)> =
                    select.query_row([&key[..]], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
                if let Some((_, used)) = &row
                    && now - used > NOTED_EVERY_S
                {
                    stale.push(*key);
                }
                found.push(row.map(|(answer, _)| answer));
            }
        }
        // That an answer was used may go unnoted; it is an answer all the same.
        let _ = note_use(&mut connection, &stale, now);
        Ok(found)
    }

    /// Keeps some answers. A cache that cannot be written to keeps none.
    ///
    /// # Errors
    /// It cannot be written to; the caller may go on without it.
    pub fn put(&self, answers: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        self.try_put(answers).map_err(|source| StoreError::Sqlite { path: self.path.clone(), source })
    }

    fn try_put(&self, answers: &[(Key, Vec<u8>)]) -> rusqlite::Result<()> {
        let now = now();
        let mut connection = self.connection();
        // Immediate: two writers wait for each other instead of failing half-way.
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for (key, answer) in answers {
            let size = answer.len() as u64 + OVERHEAD;
            if self.refreshing {
                let query = "SELECT size FROM answers WHERE key = ?1";
                let old: Option<i64> = transaction.query_row(query, [&key[..]], |row| row.get(0)).optional()?;
                transaction.execute("DELETE FROM answers WHERE key = ?1", [&key[..]])?;
                transaction.execute("UPDATE total SET bytes = bytes - ?1", [old.unwrap_or(0)])?;
            }
            let new = transaction.execute(
                "INSERT OR IGNORE INTO answers (key, answer, used, size) VALUES (?1, ?2, ?3, ?4)",
                params![&key[..], answer, now, size as i64],
            )?;
            if new > 0 {
                transaction.execute("UPDATE total SET bytes = bytes + ?1", [size as i64])?;
            }
        }
        let bytes: i64 = transaction.query_row("SELECT bytes FROM total", [], |row| row.get(0))?;
        if bytes as u64 > self.limit {
            forget(&transaction, bytes as u64 - self.limit * KEPT_PERCENT / 100)?;
        }
        transaction.commit()
    }

    /// How much is in it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let query = "SELECT (SELECT COUNT(*) FROM answers), (SELECT bytes FROM total)";
        let row = self.connection().query_row(query, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        let (answers, bytes) = row.map_err(|source| StoreError::Sqlite { path: self.path.clone(), source })?;
        Ok(Usage { answers: answers as u64, bytes: bytes as u64 })
    }
}

fn note_use(connection: &mut Connection, keys: &[Key], now: i64) -> rusqlite::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for key in keys {
        transaction.execute("UPDATE answers SET used = ?2 WHERE key = ?1", params![&key[..], now])?;
    }
    transaction.commit()
}

fn open(path: &Path) -> rusqlite::Result<(Connection, i64)> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A crash of the machine may cost the last answers, never the file.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        transaction.execute_batch(
            "CREATE TABLE answers (key BLOB PRIMARY KEY, answer BLOB NOT NULL, used INTEGER NOT NULL, size INTEGER NOT NULL);
             CREATE INDEX answers_by_use ON answers (used);
             CREATE TABLE total (bytes INTEGER NOT NULL);
             INSERT INTO total VALUES (0);",
        )?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        version = VERSION;
    }
    transaction.commit()?;
    Ok((connection, version))
}

/// Deletes the answers that were not used for longest until so many bytes are gone.
fn forget(connection: &Connection, bytes: u64) -> rusqlite::Result<()> {
    let mut gone = 0;
    let mut last: Vec<i64> = Vec::new();
    {
        let mut oldest = connection.prepare("SELECT rowid, size FROM answers ORDER BY used, rowid")?;
        let mut rows = oldest.query([])?;
        while gone < bytes {
            let Some(row) = rows.next()? else { break };
            last.push(row.get(0)?);
            gone += row.get::<_, i64>(1)? as u64;
        }
    }
    let mut delete = connection.prepare("DELETE FROM answers WHERE rowid = ?1")?;
    for row in last {
        delete.execute([row])?;
    }
    connection.execute("UPDATE total SET bytes = bytes - ?1", [gone as i64])?;
    Ok(())
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn key(number: u32) -> Key {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&number.to_le_bytes());
        key
    }

    #[test]
    fn what_was_kept_is_found_by_other_connections() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/answers.sqlite");
        let (a, b) = (Store::open(&path, 1 << 20).unwrap(), Store::open(&path, 1 << 20).unwrap());
        a.put(&[(key(1), b"one".to_vec()), (key(2), b"two".to_vec())]).unwrap();
        // A key is the hash of all that the answer depends on: the first answer stays.
        b.put(&[(key(1), b"other".to_vec())]).unwrap();
        assert_eq!(b.get(&[key(2), key(3), key(1)]), [Some(b"two".to_vec()), None, Some(b"one".to_vec())]);
        assert_eq!(a.usage().unwrap(), Usage { answers: 2, bytes: 2 * (3 + OVERHEAD) });
    }

    #[test]
    fn a_job_that_does_everything_again_replaces_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        Store::open(&path, 1 << 20).unwrap().put(&[(key(1), b"old answer".to_vec())]).unwrap();
        let store = Store::open(&path, 1 << 20).unwrap().refreshing();
        assert_eq!(store.get(&[key(1)]), [None]);
        store.put(&[(key(1), b"new".to_vec())]).unwrap();
        assert_eq!(store.usage().unwrap(), Usage { answers: 1, bytes: 3 + OVERHEAD });
        assert_eq!(Store::open(&path, 1 << 20).unwrap().get(&[key(1)]), [Some(b"new".to_vec())]);
    }

    #[test]
    fn it_keeps_to_its_size_and_forgets_the_oldest() {
        let folder = tempfile::tempdir().unwrap();
        let limit = 100 * (100 + OVERHEAD);
        let store = Store::open(&folder.path().join("a"), limit).unwrap();
        for number in 0..1000 {
            store.put(&[(key(number), vec![7; 100])]).unwrap();
        }
        let usage = store.usage().unwrap();
        assert!(usage.bytes <= limit && usage.answers >= 89, "{usage:?}");
        assert!(store.get(&[key(999)])[0].is_some() && store.get(&[key(0)])[0].is_none());
    }

    #[test]
    fn several_writers_do_not_hurt_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    let store = Store::open(path, 1 << 30).unwrap();
                    for number in 0..25 {
                        store.put(&[(key(thread * 100 + number), vec![thread as u8; 50])]).unwrap();
                    }
                });
            }
        });
        let usage = Store::open(&path, 1 << 30).unwrap().usage().unwrap();
        assert_eq!(usage, Usage { answers: 100, bytes: 100 * (50 + OVERHEAD) });
    }

    #[test]
    fn files_that_are_no_cache_are_refused_with_advice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "not a database, and longer than its header is, so that it is read as one".repeat(20))
            .unwrap();
        let error = Store::open(&path, 1).unwrap_err().to_string();
        assert!(error.contains("--no-cache"), "{error}");
        let path = folder.path().join("b");
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 9).unwrap();
        let error = Store::open(&path, 1).unwrap_err().to_string();
        assert!(error.contains("expected tables of version 1, got 9"), "{error}");
    }
}
