//! Putting a card's files into tlumach's own data folder, all of them at once.
//!
//! Mirrors, plain addresses and imports write the files here. They are written into a folder beside the final one, checked against
//! the card, and the whole folder gets its name by one rename: whatever is under the name of a card was complete and verified.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::cache::files_in;
use super::card::{Card, CardFile};
use super::digest::digest;
use super::lock::{Lock, Pin, exclusive};
use super::verify::LOCAL;
use super::{Progress, RegistryError, Settings};

/// Where unfinished downloads of a card lie.
pub(crate) fn parts_of(card: &Card, settings: &Settings) -> PathBuf {
    settings.data_dir.join("parts").join(&card.name)
}

/// The right to write a card's folder. One process at a time has it.
pub(crate) struct Slot<'a> {
    card: &'a Card,
    settings: &'a Settings,
    progress: &'a dyn Progress,
    _guard: File,
}

impl<'a> Slot<'a> {
    /// Waits for whoever else writes the card's folder.
    pub(crate) fn take(
        card: &'a Card,
        settings: &'a Settings,
        progress: &'a dyn Progress,
    ) -> Result<Slot<'a>, RegistryError> {
        let path = parts_of(card, settings).with_file_name(format!("{}.lock", card.name));
        let guard = exclusive(&path, &card.name, progress)?;
        Ok(Slot { card, settings, progress, _guard: guard })
    }

    /// The card's folder, which need not exist.
    fn folder(&self) -> PathBuf {
        self.settings.mirrored_dir().join(&self.card.name)
    }

    /// Whether the card's files are there already, put there by another process perhaps.
    pub(crate) fn complete(&self) -> bool {
        files_in(self.card, &self.folder()).is_some()
    }

    /// Writes the files with `write`, checks them, and gives their folder its name. `origin` is where they are from, for messages.
    /// On an error nothing of them stays.
    pub(crate) fn place(
        &self,
        origin: &str,
        names: &[&str],
        write: &mut dyn FnMut(&CardFile, &Path) -> Result<(), RegistryError>,
    ) -> Result<(), RegistryError> {
        let target = self.folder();
        let staging = target.with_file_name(format!(".{}.incomplete", self.card.name));
        if staging.exists() {
            // A process that was killed left it.
            std::fs::remove_dir_all(&staging).map_err(RegistryError::io("remove", &staging))?;
        }
        std::fs::create_dir_all(&staging).map_err(RegistryError::io("create", &staging))?;
        let staged = self.stage(origin, names, &staging, write);
        let pins = match staged {
            Ok(pins) => pins,
            Err(error) => {
                std::fs::remove_dir_all(&staging).map_err(RegistryError::io("remove", &staging))?;
                return Err(error);
            }
        };
        let lock = Lock::new(&self.settings.data_dir);
        let unknown = |name: &str| self.card.file(name).is_none_or(|file| file.sha256.is_none());
        let known = lock.pins(&self.card.name)?;
        for (name, pin) in pins.iter().filter(|(name, _)| unknown(name)) {
            if let Some(before) = known.files.get(LOCAL).and_then(|files| files.get(name))
                && before.sha256 != pin.sha256
            {
                std::fs::remove_dir_all(&staging).map_err(RegistryError::io("remove", &staging))?;
                return Err(RegistryError::Mismatch {
                    what: "sha256",
                    file: name.as_str().into(),
                    place: origin.to_string(),
                    expected: before.sha256.clone(),
                    got: pin.sha256.clone(),
                    advice: "it is not what was installed and verified before; nothing was kept: use another source"
                        .into(),
                });
            }
        }
        if pins.iter().any(|(name, _)| unknown(name)) {
            // What the card knows in packed form only is known from now on.
            lock.update(&self.card.name, |known| {
                let fresh = pins.iter().filter(|(name, _)| unknown(name)).cloned();
                known.files.entry(LOCAL.to_string()).or_default().extend(fresh);
            })?;
        }
        if target.exists() {
            std::fs::remove_dir_all(&target).map_err(RegistryError::io("remove", &target))?;
        }
        std::fs::rename(&staging, &target).map_err(RegistryError::io("write", &target))?;
        if let Ok(folder) = File::open(self.settings.mirrored_dir()) {
            // Makes the rename durable where the system lets one.
            let _ = folder.sync_all();
        }
        for (name, pin) in &pins {
            lock.remember(&target.join(name), &pin.sha256);
        }
        Ok(())
    }

    fn stage(
        &self,
        origin: &str,
        names: &[&str],
        staging: &Path,
        write: &mut dyn FnMut(&CardFile, &Path) -> Result<(), RegistryError>,
    ) -> Result<Vec<(String, Pin)>, RegistryError> {
        let mut pins = Vec::new();
        for name in names {
            let Some(file) = self.card.file(name) else { continue };
            let path = staging.join(name);
            let folder = path.parent().unwrap_or(staging);
            std::fs::create_dir_all(folder).map_err(RegistryError::io("create", folder))?;
            write(file, &path)?;
            File::open(&path).and_then(|file| file.sync_all()).map_err(RegistryError::io("write", &path))?;
            let size = std::fs::metadata(&path).map_err(RegistryError::io("read", &path))?.len();
            self.progress.start(&format!("checking {name}"), Some(size));
            let digests = digest(&path, None, self.progress);
            self.progress.finish();
            let digests = digests?;
            check(origin, file, (digests.size, &digests.sha256))?;
            pins.push(((*name).to_string(), Pin { size: digests.size, sha256: digests.sha256 }));
        }
        Ok(pins)
    }
}

/// Compares a file with the card. Only a packed form whose own hash was checked may have content that the card does not know.
fn check(origin: &str, file: &CardFile, (size, sha256): (u64, &str)) -> Result<(), RegistryError> {
    let mismatch = |what, expected: String, got: String| RegistryError::Mismatch {
        what,
        file: file.name.as_str().into(),
        place: origin.to_string(),
        expected,
        got,
        advice: "this is not the file of the card; nothing was kept: use another source".into(),
    };
    if let Some(expected) = file.size.filter(|expected| *expected != size) {
        return Err(mismatch("size", format!("{expected} bytes"), format!("{size} bytes")));
    }
    match &file.sha256 {
        Some(expected) if expected == sha256 => Ok(()),
        Some(expected) => Err(mismatch("sha256", expected.clone(), sha256.to_string())),
        None if file.packed.is_some() => Ok(()),
        None => Err(mismatch("sha256", "a hash in the card".to_string(), "none".to_string())),
    }
}
