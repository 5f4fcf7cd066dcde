//! Puts an answer where it belongs: a file is written whole or not at all.

use crate::job::spec::Target;
use crate::language::Language;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where an answer went.
#[derive(Debug)]
pub(super) enum Written {
    /// Into a file.
    File(PathBuf),
    /// Back to the caller.
    Caller(Vec<u8>),
    /// Nowhere: it is held back.
    Nowhere,
}

/// Whether an answer is put in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Release {
    /// It is.
    Out,
    /// It is, and what was held back of it before is gone.
    OutAtLast,
    /// It is written under another name, and not handed out.
    Held,
}

/// Writes an answer in the language `to`. `staging` is a folder for what is not whole yet, on the same disk if possible; beside
/// the output otherwise.
pub(super) fn write(
    target: &Target,
    to: Language,
    bytes: Vec<u8>,
    staging: Option<&Path>,
    release: Release,
) -> Result<Written, String> {
    let mut path = match target {
        Target::Caller if release == Release::Held => return Ok(Written::Nowhere),
        Target::Caller => return Ok(Written::Caller(bytes)),
        Target::File(path) => path.clone(),
        Target::Named { before, extension } => {
            let mut name = before.as_os_str().to_os_string();
            name.push(format!(".{to}{extension}"));
            PathBuf::from(name)
        }
    };
    match release {
        Release::Out => {}
        // Only this program gives such a name.
        Release::OutAtLast => drop(std::fs::remove_file(held(&path))),
        Release::Held => path = held(&path),
    }
    replace(&path, &bytes, staging).map_err(|error| describe(&path, &error))?;
    Ok(Written::File(path))
}

/// The name of an answer that is held back: `story.uk.held.txt`.
fn held(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default();
    let mut name = stem.to_os_string();
    name.push(".held");
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Writes beside the target and renames: nobody ever sees half a file, and an old one survives a full disk.
fn replace(path: &Path, bytes: &[u8], staging: Option<&Path>) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // A device or a pipe (`/dev/stdout`, a FIFO) cannot be replaced by a rename and is written to directly.
    if let Ok(metadata) = std::fs::metadata(path)
        && !metadata.is_file()
        && !metadata.is_dir()
    {
        return std::fs::OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    if let Some(staging) = staging {
        std::fs::create_dir_all(staging)?;
        match stage(path, bytes, staging) {
            // A folder of the output may be a disk of its own.
            Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {}
            done => return done,
        }
    }
    stage(path, bytes, folder)
}

/// Writes a file in `folder` and moves it to its place.
fn stage(path: &Path, bytes: &[u8], folder: &Path) -> std::io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".tlumach-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    // After a power cut the name must not stand for an empty file.
    file.as_file().sync_data()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_or(0o644, |metadata| metadata.permissions().mode());
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn describe(path: &Path, error: &std::io::Error) -> String {
    let advice = match error.kind() {
        std::io::ErrorKind::StorageFull => "; no space is left on the disk: free some or choose another --output",
        std::io::ErrorKind::PermissionDenied => "; it may not be written to: choose another --output",
        std::io::ErrorKind::NotADirectory | std::io::ErrorKind::AlreadyExists => {
            "; a part of the path is a file: choose another --output"
        }
        std::io::ErrorKind::ReadOnlyFilesystem => "; the disk is read-only: choose another --output",
        _ => "",
    };
    format!("cannot write {}: {error}{advice}", path.display())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_named_target_gets_the_language_before_its_extension() {
        let folder = tempfile::tempdir().unwrap();
        let target = Target::Named { before: folder.path().join("deep/story.summary"), extension: ".txt".into() };
        let Written::File(path) = write(&target, Language::KO, b"x".to_vec(), None, Release::Out).unwrap() else {
            panic!()
        };
        assert_eq!(path, folder.path().join("deep/story.summary.ko.txt"));
        assert_eq!(std::fs::read(path).unwrap(), b"x");
    }

    #[test]
    fn a_path_below_a_file_is_refused_with_advice() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let error =
            write(&Target::File(folder.path().join("file/out.txt")), Language::EN, Vec::new(), None, Release::Out)
                .unwrap_err();
        assert!(error.contains("out.txt") && error.contains("--output"), "{error}");
    }
}
