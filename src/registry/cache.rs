//! The cache of the Python hub library, read and written in its own layout:
//! `models--owner--name/{blobs/<etag>, snapshots/<commit>/<file>, refs/main}`. Paths are those of the hf-hub crate.
//!
//! This file finds and links files. It trusts names and sizes only; hashes are checked by `verify`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use hf_hub::{Cache, CacheRepo, Repo, RepoType};

use super::card::{Card, Family, Role, is_hex};
use super::{OnDisk, Place, RegistryError, Settings, sniff};

/// One repository in the cache.
#[derive(Debug)]
pub(crate) struct CachedRepo {
    folder: PathBuf,
    locks: PathBuf,
    repo: CacheRepo,
}

impl CachedRepo {
    /// The place of a repository, which need not exist.
    pub(crate) fn new(settings: &Settings, repository: &str) -> CachedRepo {
        let cache = Cache::new(settings.hub_cache.clone());
        let repo = Repo::new(repository.to_string(), RepoType::Model);
        let name = repo.folder_name();
        CachedRepo {
            folder: settings.hub_cache.join(&name),
            locks: settings.hub_cache.join(".locks").join(&name),
            repo: cache.repo(repo),
        }
    }

    /// The repository's own folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a blob lies or will lie.
    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.repo.blob_path(etag)
    }

    /// The lock that Python takes while it writes that blob.
    pub(crate) fn blob_lock(&self, etag: &str) -> PathBuf {
        self.locks.join(format!("{etag}.lock"))
    }

    /// The folder of a commit.
    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.repo.pointer_path(commit)
    }

    /// The commit `main` stood for when it was last asked.
    pub(crate) fn main(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.join("refs").join("main")).ok()?;
        let commit = text.trim();
        is_hex(commit, 40).then(|| commit.to_string())
    }

    /// Notes the commit `main` stands for.
    pub(crate) fn set_main(&self, commit: &str) -> Result<(), RegistryError> {
        if self.main().as_deref() == Some(commit) {
            return Ok(());
        }
        self.repo.create_ref(commit).map_err(RegistryError::io("write", &self.folder.join("refs").join("main")))
    }

    /// All commits with a folder, newest first.
    pub(crate) fn commits(&self) -> Vec<String> {
        let mut found: Vec<(std::time::SystemTime, String)> = std::fs::read_dir(self.folder.join("snapshots"))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let modified = entry.metadata().ok()?.modified().ok()?;
                is_hex(&name, 40).then_some((modified, name))
            })
            .collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, name)| name).collect()
    }

    /// Makes `snapshots/<commit>/<file>` stand for a blob: a relative link, or a copy where links cannot be made.
    pub(crate) fn link(&self, commit: &str, file: &str, etag: &str) -> Result<PathBuf, RegistryError> {
        let blob = self.blob(etag);
        let pointer = self.snapshot(commit).join(file);
        if std::fs::canonicalize(&pointer).ok().is_some_and(|at| Some(at) == std::fs::canonicalize(&blob).ok()) {
            return Ok(pointer);
        }
        let folder = pointer.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder).map_err(RegistryError::io("create", folder))?;
        let up = "../".repeat(2 + file.matches('/').count());
        let target = PathBuf::from(format!("{up}blobs/{etag}"));
        let temporary = pointer.with_file_name(format!(".{etag}.link"));
        let _ = std::fs::remove_file(&temporary);
        if symlink(&target, &temporary).is_err() {
            std::fs::copy(&blob, &temporary).map_err(RegistryError::io("write", &temporary))?;
        }
        std::fs::rename(&temporary, &pointer).map_err(RegistryError::io("write", &pointer))?;
        Ok(pointer)
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// The etag of a file in a snapshot: the name of the blob its link leads to. Says nothing for copies.
pub(crate) fn etag_of(path: &Path) -> Option<String> {
    let target = std::fs::read_link(path).ok()?;
    let name = target.file_name()?.to_str()?;
    let in_blobs = target.parent()?.file_name()? == "blobs";
    (in_blobs && (is_hex(name, 40) || is_hex(name, 64))).then(|| name.to_string())
}

/// Looks for a card in every place, best first. `preferred` is the commit the lock file names.
pub(crate) fn find(card: &Card, settings: &Settings, preferred: Option<&str>) -> Vec<OnDisk> {
    let mut places = Vec::new();
    if let Some(repository) = &card.source.repository {
        in_cache(card, &CachedRepo::new(settings, repository), preferred, &mut places);
    }
    let local = settings.local_dir.join(&card.name);
    if let Some(files) = files_in(card, &local) {
        places.push(found(Place::Local, local, None, files));
    }
    // A single GGUF may also lie in the folder itself.
    let loose = files_in(card, &settings.local_dir).filter(|files| files.iter().all(|file| file.1 == Role::Gguf));
    if let Some(files) = loose {
        places.push(found(Place::Local, settings.local_dir.clone(), None, files));
    }
    let mirrored = settings.mirrored_dir().join(&card.name);
    if let Some(files) = files_in(card, &mirrored) {
        places.push(found(Place::Mirrored, mirrored, None, files));
    }
    places
}

/// The snapshots of a repository that have the card's files.
fn in_cache(card: &Card, repo: &CachedRepo, preferred: Option<&str>, places: &mut Vec<OnDisk>) {
    let mut commits: Vec<String> = Vec::new();
    if let Some(pinned) = &card.source.revision {
        // A pinned commit is the only one that is the model.
        commits.push(pinned.clone());
    } else {
        let all = preferred.map(str::to_string).into_iter().chain(repo.main()).chain(repo.commits());
        for commit in all {
            if !commits.contains(&commit) {
                commits.push(commit);
            }
        }
    }
    for commit in commits {
        let folder = repo.snapshot(&commit);
        if let Some(files) = files_in(card, &folder) {
            places.push(found(Place::HubCache, folder, Some(commit), files));
        }
    }
}

fn found(place: Place, folder: PathBuf, revision: Option<String>, files: Vec<(String, Role, PathBuf)>) -> OnDisk {
    let size_bytes = files.iter().filter_map(|(_, _, path)| std::fs::metadata(path).ok()).map(|m| m.len()).sum();
    OnDisk { place, folder, revision, files, size_bytes }
}

/// The card's files in a folder, if all that are needed are there and look like what they should be.
pub(crate) fn files_in(card: &Card, folder: &Path) -> Option<Vec<(String, Role, PathBuf)>> {
    let mut files = Vec::new();
    for file in card.named_files() {
        let path = folder.join(&file.name);
        if path.is_file() {
            plausible(file.role, &path, file.size)?;
            if card.family == Family::Bergamot && !sniff::matches(file.role, &path) {
                return None;
            }
            files.push((file.name.clone(), file.role, path));
        } else if !file.optional {
            return None;
        }
    }
    if !card.weight_candidates.is_empty() {
        files.extend(weights_in(card, folder)?);
    }
    Some(files)
}

/// The weights of a folder: the first candidate that is there, whole or in shards.
fn weights_in(card: &Card, folder: &Path) -> Option<Vec<(String, Role, PathBuf)>> {
    for candidate in &card.weight_candidates {
        let path = folder.join(candidate);
        let size = card.file(candidate).and_then(|file| file.size);
        if path.is_file() && plausible(Role::Weights, &path, size).is_some() {
            return Some(vec![(candidate.clone(), Role::Weights, path)]);
        }
        let index = format!("{candidate}.index.json");
        if let Ok(shards) = shards(&folder.join(&index)) {
            let paths: Vec<_> = shards.iter().map(|name| (name.clone(), Role::Weights, folder.join(name))).collect();
            if paths.iter().all(|(_, role, path)| plausible(*role, path, None).is_some()) {
                return Some([vec![(index.clone(), Role::WeightsIndex, folder.join(&index))], paths].concat());
            }
        }
    }
    None
}

/// The names of the shards in an index, sorted, each once.
pub(crate) fn shards(index: &Path) -> Result<Vec<String>, RegistryError> {
    let text = std::fs::read_to_string(index).map_err(RegistryError::io("read", index))?;
    let bad = |reason: String| RegistryError::NotAModel {
        path: index.to_path_buf(),
        reason,
        advice: "fetch the model again".to_string(),
    };
    let json: serde_json::Value = serde_json::from_str(&text).map_err(|e| bad(format!("not JSON: {e}")))?;
    let map = json.get("weight_map").and_then(|map| map.as_object());
    let map = map.ok_or_else(|| bad("expected an object weight_map, found none".to_string()))?;
    let mut names: Vec<String> = map.values().filter_map(|name| name.as_str().map(str::to_string)).collect();
    names.sort();
    names.dedup();
    if names.is_empty() || names.iter().any(|name| name.contains(['/', '\\']) || name == "..") {
        return Err(bad("expected names of files beside the index in weight_map".to_string()));
    }
    Ok(names)
}

/// Whether a file can be what its role says, by size and first bytes: no error page, no pointer file, not cut short.
pub(crate) fn plausible(role: Role, path: &Path, size: Option<u64>) -> Option<()> {
    let mut file = File::open(path).ok()?;
    let len = file.metadata().ok()?.len();
    if len == 0 || size.is_some_and(|size| size != len) {
        return None;
    }
    let mut head = [0u8; 16];
    let n = file.read(&mut head).ok()?;
    let head = &head[..n];
    let trimmed = head.trim_ascii_start();
    let page = [&b"<!doc"[..], b"<html", b"<?xml"].iter().any(|mark| starts_with_ignoring_case(trimmed, mark));
    if page || head.starts_with(b"version https") {
        return None;
    }
    match role {
        Role::Gguf => head.starts_with(b"GGUF").then_some(()),
        Role::Weights if path.extension().is_some_and(|e| e == "safetensors") => {
            let header = u64::from_le_bytes(head.get(..8)?.try_into().ok()?);
            (header.checked_add(8)? <= len && head.get(8) == Some(&b'{')).then_some(())
        }
        // Marian's own configurations are YAML, which begins with anything.
        Role::Config if path.extension().is_some_and(|e| e == "yml" || e == "yaml") => Some(()),
        Role::Config
        | Role::GenerationConfig
        | Role::TokenizerConfig
        | Role::TokenizerJson
        | Role::Vocab
        | Role::TargetVocab
        | Role::WeightsIndex => (trimmed.first() == Some(&b'{')).then_some(()),
        _ => Some(()),
    }
}

fn starts_with_ignoring_case(text: &[u8], mark: &[u8]) -> bool {
    text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark))
}

/// Fails if a disk has not the room for so many bytes. A disk that does not tell is taken to have it.
pub(crate) fn check_space(what: &str, folder: &Path, need: u64) -> Result<(), RegistryError> {
    match free_bytes(folder) {
        Some(free) if free < need => {
            Err(RegistryError::NoSpace { what: what.to_string(), path: folder.to_path_buf(), need, free })
        }
        _ => Ok(()),
    }
}

/// Free space on the disk of a folder, which need not exist yet; nothing where the system does not tell.
#[cfg(unix)]
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let existing = folder.ancestors().find(|path| path.exists())?;
    let facts = rustix::fs::statvfs(existing).ok()?;
    Some(facts.f_bavail.saturating_mul(facts.f_frsize))
}

/// Free space on the disk of a folder: this system does not tell.
#[cfg(not(unix))]
pub fn free_bytes(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn check_plausible(role: Role, name: &str, content: &[u8], expected: bool) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        assert_eq!(plausible(role, &path, None).is_some(), expected, "{name} {content:?}");
    }

    #[test]
    fn error_pages_and_pointers_are_no_models() {
        check_plausible(Role::Gguf, "m.gguf", b"GGUF\x03\0\0\0", true);
        check_plausible(Role::Gguf, "m.gguf", b"<!doctype html>", false);
        check_plausible(Role::SourceSpm, "source.spm", b"\n <html>", false);
        check_plausible(Role::Weights, "pytorch_model.bin", b"version https://git-lfs", false);
        check_plausible(Role::Weights, "pytorch_model.bin", b"\x80\x02\x8a", true);
        check_plausible(Role::Weights, "model.safetensors", b"\x02\0\0\0\0\0\0\0{}", true);
        check_plausible(Role::Weights, "model.safetensors", b"\xff\xff\xff\xff\0\0\0\0{}", false);
        check_plausible(Role::Config, "config.json", b"", false);
        check_plausible(Role::Config, "config.json", b"Entry not found", false);
    }

    #[test]
    fn links_are_relative_and_lead_to_the_blob() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::new(dir.path(), dir.path().join("data"));
        let repo = CachedRepo::new(&settings, "o/n");
        assert_eq!(repo.folder(), dir.path().join("models--o--n"));
        let (etag, commit) = ("a".repeat(64), "b".repeat(40));
        std::fs::create_dir_all(repo.blob(&etag).parent().unwrap()).unwrap();
        std::fs::write(repo.blob(&etag), "x").unwrap();
        for file in ["f.bin", "sub/f.bin"] {
            let pointer = repo.link(&commit, file, &etag).unwrap();
            assert_eq!(std::fs::read(&pointer).unwrap(), b"x");
            assert_eq!(etag_of(&pointer).as_deref(), Some(etag.as_str()));
            assert!(std::fs::read_link(&pointer).unwrap().is_relative());
            repo.link(&commit, file, &etag).unwrap();
        }
        assert_eq!(repo.commits(), [commit]);
    }

    #[test]
    fn a_ref_that_is_no_commit_is_no_ref() {
        let dir = tempfile::tempdir().unwrap();
        let repo = CachedRepo::new(&Settings::new(dir.path(), dir.path()), "o/n");
        assert_eq!(repo.main(), None);
        std::fs::create_dir_all(repo.folder().join("refs")).unwrap();
        std::fs::write(repo.folder().join("refs/main"), "").unwrap();
        assert_eq!(repo.main(), None);
        repo.set_main(&"c".repeat(40)).unwrap();
        assert_eq!(repo.main(), Some("c".repeat(40)));
    }

    #[test]
    fn a_full_disk_is_seen_before_the_download() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check_space("m", dir.path(), 1).is_ok());
        if cfg!(unix) {
            let error = check_space("m", &dir.path().join("not/yet"), u64::MAX).unwrap_err().to_string();
            assert!(error.contains("not enough space") && error.contains("free some space"), "{error}");
        }
    }
}
