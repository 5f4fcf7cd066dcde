//! Checking what is on disk before it is used, and pinning what was not known before.
//!
//! A hash is looked for in the card, then in the lock file, then in the name of the blob. If none knows the file it is pinned as it
//! is, so that a later change is noticed. Unchanged files that were hashed before are not hashed again, except on request.

use std::collections::BTreeMap;
use std::path::Path;

use super::cache::etag_of;
use super::card::Card;
use super::digest::{Digests, Expected, digest};
use super::lock::{Lock, ModelPins, Pin};
use super::{ModelFiles, OnDisk, Place, Progress, RegistryError, Settings, Verified};

/// Origin of pins for files that are in no snapshot.
pub(crate) const LOCAL: &str = "local";

/// Whether hashes that are remembered may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Believe the memory of unchanged files.
    Memory,
    /// Hash everything.
    Nothing,
}

/// Checks every file of a model that was found.
pub(crate) struct Check<'a> {
    pub(crate) card: &'static Card,
    pub(crate) settings: &'a Settings,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) trust: Trust,
}

impl Check<'_> {
    /// Checks, pins what was unknown, and tells the result file by file.
    pub(crate) fn run(&self, found: &OnDisk) -> Result<Vec<Verified>, RegistryError> {
        let lock = Lock::new(&self.settings.data_dir);
        let pins = lock.pins(&self.card.name)?;
        let origin = found.revision.clone().unwrap_or_else(|| LOCAL.to_string());
        let mut verified = Vec::new();
        let mut news: BTreeMap<String, Pin> = BTreeMap::new();
        for (name, _, path) in &found.files {
            let result = self.file(name, path, (&lock, &pins, &origin))?;
            // The card's own hashes need no pin, unless the commit is pinned with them.
            if result.against != "card" && result.against != "lock" {
                news.insert(name.clone(), Pin { size: result.size, sha256: result.sha256.clone() });
            }
            verified.push(result);
        }
        let commit = found.revision.clone().filter(|_| found.place == Place::HubCache);
        if !news.is_empty() || (commit.is_some() && pins.commit.is_none()) {
            lock.update(&self.card.name, |pins| {
                if commit.is_some() {
                    pins.repository.clone_from(&self.card.source.repository);
                    pins.commit = commit;
                }
                pins.files.entry(origin).or_default().extend(news);
            })?;
        }
        Ok(verified)
    }

    fn file(
        &self,
        name: &str,
        path: &Path,
        (lock, pins, origin): (&Lock, &ModelPins, &str),
    ) -> Result<Verified, RegistryError> {
        let known = self.card.file(name);
        let pin = pins.files.get(origin).and_then(|files| files.get(name));
        let blob = etag_of(path).and_then(|etag| Expected::from_etag(&etag));
        let card = known.and_then(|file| file.sha256.clone()).map(Expected::Sha256);
        let (expected, against) = match (card, pin, blob) {
            (Some(hash), _, _) => (Some(hash), "card"),
            (None, Some(pin), _) => (Some(Expected::Sha256(pin.sha256.clone())), "lock"),
            (None, None, Some(etag)) => (Some(etag), "blob name"),
            (None, None, None) => (None, "nothing"),
        };
        let size = std::fs::metadata(path).map_err(RegistryError::io("read", path))?.len();
        let promised = known.and_then(|file| file.size).or(pin.map(|pin| pin.size));
        if let Some(promised) = promised.filter(|promised| *promised != size) {
            let sizes = (format!("{promised} bytes"), format!("{size} bytes"));
            return Err(self.mismatch("size", (name, path), sizes, against));
        }
        let digests = self.digests(path, size, expected.as_ref(), lock)?;
        if let Some(expected) = &expected {
            let got = digests.like(expected);
            if got != expected.hex() {
                if against == "card" && self.intact(path)? {
                    return Err(RegistryError::OtherVersion {
                        file: name.to_string(),
                        place: path.display().to_string(),
                        expected: expected.hex().to_string(),
                        got: got.to_string(),
                    });
                }
                let hashes = (expected.hex().to_string(), got.to_string());
                return Err(self.mismatch(expected.kind(), (name, path), hashes, against));
            }
        }
        Ok(Verified { file: name.to_string(), path: path.to_path_buf(), size, sha256: digests.sha256, against })
    }

    /// Whether a cached file is what the name of its blob says, so that it is another version and not a damaged one.
    fn intact(&self, path: &Path) -> Result<bool, RegistryError> {
        let Some(etag) = etag_of(path).and_then(|etag| Expected::from_etag(&etag)) else { return Ok(false) };
        Ok(digest(path, Some(&etag), self.progress)?.like(&etag) == etag.hex())
    }

    /// Hashes a file, or remembers its hash.
    fn digests(
        &self,
        path: &Path,
        size: u64,
        expected: Option<&Expected>,
        lock: &Lock,
    ) -> Result<Digests, RegistryError> {
        let memory = if self.trust == Trust::Memory { lock.remembered(path) } else { None };
        // A git hash is not remembered; such files are small.
        if let Some(sha256) = memory.filter(|_| !matches!(expected, Some(Expected::GitSha1(_)))) {
            return Ok(Digests { size, sha256, git_sha1: None });
        }
        self.progress.start(&path.file_name().unwrap_or_default().to_string_lossy(), Some(size));
        let digests = digest(path, expected, self.progress);
        self.progress.finish();
        let digests = digests?;
        lock.remember(path, &digests.sha256);
        Ok(digests)
    }

    fn mismatch(
        &self,
        what: &'static str,
        (file, path): (&str, &Path),
        (expected, got): (String, String),
        against: &str,
    ) -> RegistryError {
        let model = &self.card.name;
        let advice = if against == "lock" {
            format!(
                "the file changed since it was first used; `tlumach models remove {model}` forgets it, then it is \
                 fetched anew"
            )
        } else {
            format!(
                "the file is damaged or another one: remove it (`tlumach models remove {model}`) and fetch it again"
            )
        };
        RegistryError::Mismatch {
            what,
            file: file.into(),
            place: path.display().to_string(),
            expected: format!("{expected} by the {against}"),
            got,
            advice: advice.into(),
        }
    }
}

/// The model's files as the loader wants them.
pub(crate) fn files(card: &'static Card, found: &OnDisk, verified: Vec<Verified>) -> ModelFiles {
    let mut files: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (_, role, path) in &found.files {
        files.entry(*role).or_default().push(path.clone());
    }
    ModelFiles {
        name: card.name.clone(),
        family: card.family,
        card: Some(card),
        // Files that are in no repository of the Hub are those of the card's commit, as their hashes are.
        revision: found.revision.clone().or_else(|| {
            card.source.revision.clone().filter(|_| card.source.repository.is_none() && found.place == Place::Mirrored)
        }),
        license: Some(card.license.name.clone()),
        files,
        sha256: verified.into_iter().map(|file| (file.file, file.sha256)).collect(),
    }
}
