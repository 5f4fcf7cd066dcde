//! Taking a model off the disk without taking anything of anyone else's: other files of the same repository, and other snapshots
//! that share a blob, stay.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::cache::{CachedRepo, shards};
use super::card::Card;
use super::lock::Lock;
use super::{RegistryError, Removed, Settings};

/// Removes a model; see [`super::remove`].
pub(crate) fn remove(card: &Card, settings: &Settings) -> Result<Removed, RegistryError> {
    let mut removed = Removed::default();
    let repo = card.source.repository.as_ref().map(|repository| CachedRepo::new(settings, repository));
    if let Some(repo) = repo.filter(|repo| repo.folder().exists()) {
        from_cache(card, &repo, &mut removed)?;
    }
    let mirrored = settings.mirrored_dir().join(&card.name);
    if mirrored.exists() {
        removed.bytes += size_of(&mirrored);
        std::fs::remove_dir_all(&mirrored).map_err(RegistryError::io("remove", &mirrored))?;
        removed.paths.push(mirrored);
    }
    // Beginnings of downloads.
    let parts = super::install::parts_of(card, settings);
    if parts.exists() {
        removed.bytes += size_of(&parts);
        std::fs::remove_dir_all(&parts).map_err(RegistryError::io("remove", &parts))?;
        removed.paths.push(parts);
    }
    let local = settings.local_dir.join(&card.name);
    if local.exists() {
        removed.kept.push(local);
    }
    let accepted = Lock::new(&settings.data_dir).pins(&card.name)?.accepted_license;
    if settings.data_dir.exists() {
        Lock::new(&settings.data_dir).update(&card.name, |pins| {
            *pins = super::lock::ModelPins { accepted_license: accepted, ..Default::default() };
        })?;
    }
    Ok(removed)
}

fn from_cache(card: &Card, repo: &CachedRepo, removed: &mut Removed) -> Result<(), RegistryError> {
    let mut blobs = BTreeSet::new();
    for commit in repo.commits() {
        let snapshot = repo.snapshot(&commit);
        for name in names(card, &snapshot) {
            let pointer = snapshot.join(&name);
            let Ok(metadata) = std::fs::symlink_metadata(&pointer) else { continue };
            if metadata.is_symlink() {
                blobs.extend(std::fs::canonicalize(&pointer).ok());
            } else {
                removed.bytes += metadata.len();
            }
            std::fs::remove_file(&pointer).map_err(RegistryError::io("remove", &pointer))?;
            removed.paths.push(pointer);
        }
    }
    let mut in_use = BTreeSet::new();
    for commit in repo.commits() {
        pointers(&repo.snapshot(&commit), &mut in_use);
    }
    for blob in blobs.difference(&in_use) {
        removed.bytes += std::fs::metadata(blob).map_or(0, |m| m.len());
        std::fs::remove_file(blob).map_err(RegistryError::io("remove", blob))?;
    }
    if in_use.is_empty() {
        // Nothing is left of the repository but beginnings of downloads and empty folders.
        removed.bytes += size_of(repo.folder());
        std::fs::remove_dir_all(repo.folder()).map_err(RegistryError::io("remove", repo.folder()))?;
        removed.paths.push(repo.folder().to_path_buf());
    }
    Ok(())
}

/// Every name the card may have in a snapshot.
fn names(card: &Card, snapshot: &Path) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = card.files.iter().map(|file| file.name.clone()).collect();
    for candidate in &card.weight_candidates {
        let index = format!("{candidate}.index.json");
        names.extend(shards(&snapshot.join(&index)).unwrap_or_default());
        names.extend([candidate.clone(), index]);
    }
    names
}

/// The files that the links (or copies) below a folder stand for.
fn pointers(folder: &Path, into: &mut BTreeSet<PathBuf>) {
    for entry in walkdir::WalkDir::new(folder).into_iter().flatten() {
        if !entry.file_type().is_dir() {
            into.extend(std::fs::canonicalize(entry.path()).ok());
        }
    }
}

fn size_of(folder: &Path) -> u64 {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}
