//! The lock file: which commit and which hashes a model had when it was first taken, and which licences were accepted.
//!
//! Beside it stands a list of files that were hashed already (path, size, time and inode), so that gigabytes are not hashed at every
//! start. The lock file is the truth; the list is only a memory and may be lost at any time.

use std::collections::BTreeMap;
use std::fs::{File, Metadata, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{Progress, RegistryError};

/// Version of the lock file's form.
const VERSION: u32 = 1;

/// What a file was when it was pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pin {
    /// Size in bytes.
    pub(crate) size: u64,
    /// sha256 of the content.
    pub(crate) sha256: String,
}

/// What is pinned of one model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ModelPins {
    /// The repository at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repository: Option<String>,
    /// The commit in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<String>,
    /// Pins by origin (a commit, or `local` for files put there by hand), then by file name.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, BTreeMap<String, Pin>>,
    /// The licence that was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) accepted_license: Option<String>,
}

/// The lock file's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LockFile {
    version: u32,
    /// Models by card name.
    #[serde(default)]
    pub(crate) models: BTreeMap<String, ModelPins>,
}

/// A file that was hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    size: u64,
    modified_ns: u128,
    inode: u64,
    sha256: String,
}

/// Access to the lock file in a data folder.
#[derive(Debug, Clone)]
pub(crate) struct Lock {
    dir: PathBuf,
}

impl Lock {
    /// The lock file of a data folder, which need not exist.
    pub(crate) fn new(data_dir: &Path) -> Lock {
        Lock { dir: data_dir.to_path_buf() }
    }

    fn path(&self) -> PathBuf {
        self.dir.join("lock.json")
    }

    /// Reads it; an absent file is an empty one.
    pub(crate) fn read(&self) -> Result<LockFile, RegistryError> {
        let path = self.path();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Ok(LockFile { version: VERSION, ..LockFile::default() });
            }
            Err(e) => return Err(RegistryError::io("read", &path)(e)),
        };
        let file: LockFile = serde_json::from_str(&text)
            .map_err(|e| RegistryError::Lock { path: path.clone(), reason: e.to_string() })?;
        if file.version != VERSION {
            let reason = format!("expected version {VERSION}, got {}", file.version);
            return Err(RegistryError::Lock { path, reason });
        }
        Ok(file)
    }

    /// Pins of one model.
    pub(crate) fn pins(&self, model: &str) -> Result<ModelPins, RegistryError> {
        Ok(self.read()?.models.remove(model).unwrap_or_default())
    }

    /// Changes the pins of one model. Concurrent processes wait for one another; a reader sees the old file or the new one.
    pub(crate) fn update(&self, model: &str, change: impl FnOnce(&mut ModelPins)) -> Result<(), RegistryError> {
        let _guard = self.guard()?;
        let mut file = self.read()?;
        let before = file.models.get(model).cloned();
        let mut pins = before.clone().unwrap_or_default();
        change(&mut pins);
        if before.as_ref() == Some(&pins) {
            return Ok(());
        }
        if pins == ModelPins::default() {
            file.models.remove(model);
        } else {
            file.models.insert(model.to_string(), pins);
        }
        let text = serde_json::to_string_pretty(&file)
            .map_err(|e| RegistryError::Lock { path: self.path(), reason: e.to_string() })?;
        write_whole(&self.path(), text.as_bytes())
    }

    /// The hash of an unchanged file that was hashed before.
    pub(crate) fn remembered(&self, path: &Path) -> Option<String> {
        let key = key(path)?;
        let entry = self.memory().remove(&key)?;
        let now = facts(path, entry.sha256.clone())?;
        (entry == now).then_some(entry.sha256)
    }

    /// Remembers the hash of a file. Failing to do so costs time later and nothing else, so it is not an error.
    pub(crate) fn remember(&self, path: &Path, sha256: &str) {
        let (Some(key), Some(entry)) = (key(path), facts(path, sha256.to_string())) else { return };
        let Ok(_guard) = self.guard() else { return };
        let mut memory = self.memory();
        memory.retain(|path, _| Path::new(path).exists());
        memory.insert(key, entry);
        if let Ok(text) = serde_json::to_string_pretty(&memory) {
            let _ = write_whole(&self.memory_path(), text.as_bytes());
        }
    }

    fn memory_path(&self) -> PathBuf {
        self.dir.join("hashed.json")
    }

    fn memory(&self) -> BTreeMap<String, Remembered> {
        std::fs::read_to_string(self.memory_path())
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }

    fn guard(&self) -> Result<File, RegistryError> {
        std::fs::create_dir_all(&self.dir).map_err(RegistryError::io("create", &self.dir))?;
        let path = self.dir.join("lock.json.lock");
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&path)
            .map_err(RegistryError::io("write", &path))?;
        file.lock().map_err(RegistryError::io("lock", &path))?;
        Ok(file)
    }
}

/// The file's own name, not that of a link to it, so that links made anew do not forget it.
fn key(path: &Path) -> Option<String> {
    Some(std::fs::canonicalize(path).ok()?.to_string_lossy().into_owned())
}

fn facts(path: &Path, sha256: String) -> Option<Remembered> {
    let metadata = std::fs::metadata(path).ok()?;
    let modified_ns = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    Some(Remembered { size: metadata.len(), modified_ns, inode: inode(&metadata), sha256 })
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

/// Takes a lock between processes, waiting for whoever has it; `what` is what is being fetched or written. It is given back when
/// the file is dropped, or its process ends.
pub(crate) fn exclusive(path: &Path, what: &str, progress: &dyn Progress) -> Result<File, RegistryError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(RegistryError::io("create", folder))?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(RegistryError::io("write", path))?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => {
                if !said {
                    progress.message(&format!("{what}: another process is fetching it, waiting"));
                    said = true;
                }
                if progress.cancelled() {
                    return Err(RegistryError::Cancelled(what.to_string()));
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(std::fs::TryLockError::Error(e)) => return Err(RegistryError::io("lock", path)(e)),
        }
    }
}

/// Writes a file so that it is either the old one or the new one, whole.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<(), RegistryError> {
    use std::io::Write;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(RegistryError::io("create", folder))?;
    let write = || -> std::io::Result<()> {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        // As wide as the user's mask allows: a data folder may be shared.
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(RegistryError::io("write", path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn pins_survive_and_an_unchanged_file_is_not_rewritten() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::new(dir.path());
        assert_eq!(lock.pins("m").unwrap(), ModelPins::default());
        let pin = Pin { size: 3, sha256: "a".repeat(64) };
        let set = |pins: &mut ModelPins| {
            pins.files.entry("local".into()).or_default().insert("f".into(), pin.clone());
        };
        lock.update("m", set).unwrap();
        assert_eq!(lock.pins("m").unwrap().files["local"]["f"], pin);
        let written = std::fs::metadata(dir.path().join("lock.json")).unwrap().modified().unwrap();
        lock.update("m", set).unwrap();
        assert_eq!(std::fs::metadata(dir.path().join("lock.json")).unwrap().modified().unwrap(), written);
    }

    #[test]
    fn a_damaged_lock_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("lock.json"), "{").unwrap();
        let error = Lock::new(dir.path()).read().unwrap_err().to_string();
        assert!(error.contains("lock.json") && error.contains("move it away"), "{error}");
        std::fs::write(dir.path().join("lock.json"), r#"{"version":9}"#).unwrap();
        assert!(Lock::new(dir.path()).read().unwrap_err().to_string().contains("expected version 1, got 9"));
    }

    #[test]
    fn a_changed_file_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let (lock, file) = (Lock::new(&dir.path().join("data")), dir.path().join("weights"));
        std::fs::write(&file, "one").unwrap();
        assert_eq!(lock.remembered(&file), None);
        lock.remember(&file, "h1");
        assert_eq!(lock.remembered(&file).as_deref(), Some("h1"));
        std::fs::write(&file, "three").unwrap();
        assert_eq!(lock.remembered(&file), None);
    }

    #[test]
    fn concurrent_updates_are_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::new(dir.path());
        std::thread::scope(|scope| {
            for i in 0..8 {
                let lock = lock.clone();
                scope.spawn(move || lock.update(&format!("m{i}"), |pins| pins.commit = Some("c".into())).unwrap());
            }
        });
        assert_eq!(lock.read().unwrap().models.len(), 8);
    }
}
