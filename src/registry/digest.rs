//! Hashes of files: sha256, and the git blob hash by which the Hub names small files.
//!
//! This file computes and compares; what a file ought to be is known by the card, the lock file or the server.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::{Progress, RegistryError};

/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// What a file has to hash to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// sha256 of the content.
    Sha256(String),
    /// sha1 of `blob <size>\0` and the content, as git names blobs.
    GitSha1(String),
}

impl Expected {
    /// Reads the meaning of an entity tag of the Hub: 64 hex digits for large files, 40 for files kept in git itself.
    pub(crate) fn from_etag(etag: &str) -> Option<Expected> {
        if super::card::is_hex(etag, 64) {
            Some(Expected::Sha256(etag.to_string()))
        } else if super::card::is_hex(etag, 40) {
            Some(Expected::GitSha1(etag.to_string()))
        } else {
            None
        }
    }

    /// The name in messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Expected::Sha256(_) => "sha256",
            Expected::GitSha1(_) => "git sha1",
        }
    }

    /// The hash in hex.
    pub(crate) fn hex(&self) -> &str {
        match self {
            Expected::Sha256(hex) | Expected::GitSha1(hex) => hex,
        }
    }
}

/// Both hashes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digests {
    /// Size in bytes.
    pub(crate) size: u64,
    /// sha256 of the content.
    pub(crate) sha256: String,
    /// git blob hash, computed only where it was asked for.
    pub(crate) git_sha1: Option<String>,
}

impl Digests {
    /// The hash of the same kind as `expected`.
    pub(crate) fn like(&self, expected: &Expected) -> &str {
        match expected {
            Expected::Sha256(_) => &self.sha256,
            Expected::GitSha1(_) => self.git_sha1.as_deref().unwrap_or("(not computed)"),
        }
    }
}

/// Hashes a file; the git hash as well if `expected` is one.
pub(crate) fn digest(
    path: &Path,
    expected: Option<&Expected>,
    progress: &dyn Progress,
) -> Result<Digests, RegistryError> {
    let mut file = File::open(path).map_err(RegistryError::io("read", path))?;
    let size = file.metadata().map_err(RegistryError::io("read", path))?.len();
    let mut sha256 = Sha256::new();
    let mut git = matches!(expected, Some(Expected::GitSha1(_))).then(|| {
        let mut hasher = Sha1::new();
        hasher.update(format!("blob {size}\0"));
        hasher
    });
    let mut buffer = vec![0; CHUNK];
    loop {
        if progress.cancelled() {
            return Err(RegistryError::Cancelled(path.display().to_string()));
        }
        let n = file.read(&mut buffer).map_err(RegistryError::io("read", path))?;
        if n == 0 {
            break;
        }
        sha256.update(&buffer[..n]);
        if let Some(git) = &mut git {
            git.update(&buffer[..n]);
        }
        progress.advance(n as u64);
    }
    Ok(Digests { size, sha256: hex(&sha256.finalize()), git_sha1: git.map(|hasher| hex(&hasher.finalize())) })
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[(b >> 4) as usize] as char, DIGITS[(b & 15) as usize] as char]).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn hashes_are_those_of_git_and_sha256sum() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hello");
        std::fs::write(&path, "hello\n").unwrap();
        let git = Expected::GitSha1("ce013625030ba8dba906f756967f9e9ca394464a".into());
        let digests = digest(&path, Some(&git), &()).unwrap();
        assert_eq!(digests.like(&git), git.hex());
        assert_eq!(digests.sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
        assert_eq!(digests.size, 6);
    }

    #[test]
    fn etags_say_what_they_are() {
        assert!(matches!(Expected::from_etag(&"a".repeat(64)), Some(Expected::Sha256(_))));
        assert!(matches!(Expected::from_etag(&"0".repeat(40)), Some(Expected::GitSha1(_))));
        for etag in ["", "abc-2", &"A".repeat(64), &"a".repeat(63)] {
            assert_eq!(Expected::from_etag(etag), None, "{etag}");
        }
    }
}
