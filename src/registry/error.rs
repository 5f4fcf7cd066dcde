//! What can go wrong between a model's name and its verified files.

use std::path::PathBuf;

/// An error of the registry. Every message says what, where, what was expected, what was there and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// No card, folder or file of that name.
    #[error("unknown model {name:?}: expected a name from `tlumach models list`, a folder or a .gguf file{suggestion}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// `; did you mean …`, or empty.
        suggestion: String,
    },
    /// The licence has to be accepted first.
    #[error(
        "model {model} is under the licence {license} ({url}), which limits what it may be used for: \
         read it and repeat with --accept-license"
    )]
    License {
        /// The card's name.
        model: String,
        /// The licence's name.
        license: String,
        /// Where its text stands.
        url: String,
    },
    /// Not on disk, and the network must not be used.
    #[error(
        "model {model} is not complete on disk and offline mode is on: looked in {}; \
         unset HF_HUB_OFFLINE, or copy the files to {}, or bring them with `tlumach models import`",
        list(.looked_in), .put_here.display()
    )]
    Offline {
        /// The card's name.
        model: String,
        /// The places that were searched.
        looked_in: Vec<PathBuf>,
        /// A folder that would be found.
        put_here: PathBuf,
    },
    /// Every source failed.
    #[error("model {model} could not be fetched: {}", .attempts.join("; "))]
    NoSource {
        /// The card's name.
        model: String,
        /// One entry for each source, with its reason.
        attempts: Vec<String>,
    },
    /// The server refused.
    #[error("{url}: expected 200, got status {status} ({reason}); {advice}")]
    Status {
        /// The address, without its query.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What the server said.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// No answer, a broken connection, or an answer that is not HTTP.
    #[error("{url}: {reason}; {advice}")]
    Transport {
        /// The address, without its query.
        url: String,
        /// What happened.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// The server's answer contradicts itself or the protocol.
    #[error("{url}: unusable answer: expected {expected}, got {got}; {advice}")]
    Answer {
        /// The address, without its query.
        url: String,
        /// What was expected.
        expected: String,
        /// What came.
        got: String,
        /// What to do.
        advice: String,
    },
    /// A file is not the file it should be.
    #[error("{what} of {file} does not match ({place}): expected {expected}, got {got}; {advice}")]
    Mismatch {
        /// `sha256`, `git sha1` or `size`.
        what: &'static str,
        /// The file's name in the checkpoint.
        file: Box<str>,
        /// The path or address.
        place: String,
        /// What the card, the lock file or the server promises.
        expected: String,
        /// What was found.
        got: String,
        /// What to do.
        advice: Box<str>,
    },
    /// The cache holds an intact file of another version of the checkpoint than the one the card was checked with.
    #[error(
        "{place}: {file} is of another version: expected sha256 {expected} by the card, got {got}; pull the model again"
    )]
    OtherVersion {
        /// The file's name in the checkpoint.
        file: String,
        /// Its path.
        place: String,
        /// The card's hash.
        expected: String,
        /// The file's.
        got: String,
    },
    /// A file of the checkpoint is not where it should be.
    #[error("{place}: {what} is missing; {advice}")]
    Missing {
        /// Folder or address.
        place: String,
        /// The file or kind of file.
        what: String,
        /// What to do.
        advice: String,
    },
    /// A folder or file that is not a model of a known family.
    #[error("{path}: {reason}; {advice}", path = .path.display())]
    NotAModel {
        /// The folder or file.
        path: PathBuf,
        /// What was found.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// A packed file cannot be unpacked.
    #[error("{file}: cannot unpack ({format}): {reason}; {advice}")]
    Unpack {
        /// The packed file.
        file: String,
        /// How it is packed.
        format: &'static str,
        /// What happened.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// The disk has not enough room.
    #[error(
        "not enough space on disk for {what} in {}: expected {need} bytes free, got {free}; \
         free some space or set HF_HUB_CACHE and TLUMACH_HOME to a larger disk",
        .path.display()
    )]
    NoSpace {
        /// What was to be written.
        what: String,
        /// The folder.
        path: PathBuf,
        /// Bytes needed.
        need: u64,
        /// Bytes free.
        free: u64,
    },
    /// A mirror failed.
    #[error("mirror {mirror}: {reason}; {advice}")]
    Mirror {
        /// The package pattern.
        mirror: String,
        /// What happened.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// The lock file cannot be read.
    #[error("{path}: not a lock file this version understands: {reason}; move it away to pin the models anew", path = .path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The user stopped it.
    #[error("stopped while fetching {0}; what was fetched is kept and the next run goes on from there")]
    Cancelled(String),
    /// The file system failed.
    #[error("cannot {action} {path}: {source}", path = .path.display())]
    Io {
        /// What was tried: `read`, `write`, `create`, `remove`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
}

impl RegistryError {
    /// Whether the trouble is on this machine, or the user's wish: another source would not mend it.
    pub(crate) fn is_own(&self) -> bool {
        use RegistryError::{Cancelled, Io, Lock, NoSpace};
        matches!(self, NoSpace { .. } | Io { .. } | Lock { .. } | Cancelled(_))
    }

    /// For `map_err`: the action and the path of a file system error.
    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> RegistryError {
        let path = path.to_path_buf();
        move |source| RegistryError::Io { action, path, source }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
