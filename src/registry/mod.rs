//! From a model's name to verified files on disk.
//!
//! Sources in order: the Hugging Face cache (shared with Python) and `models/local/`, the Hub, the card's plain addresses, its
//! mirrors. Nothing is used before its size and hash were checked, and nothing half-written ever looks complete. Reading weights is `load`'s business.

mod addresses;
mod cache;
pub mod card;
mod digest;
mod error;
mod folder;
mod hub;
mod import;
mod install;
pub mod load;
mod local;
mod lock;
mod mirror;
mod remove;
mod settings;
mod sniff;
mod transfer;
mod unpack;
mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use cache::free_bytes;
pub use card::{Card, Family, Role, cards, find, near};
pub use error::RegistryError;
pub use import::{Imported, Incomplete};
pub use settings::Settings;

/// Who is told how a download goes.
pub trait Progress: Sync {
    /// Something the user should read before it happens.
    fn message(&self, text: &str);
    /// A file begins; `total` in bytes where known.
    fn start(&self, file: &str, total: Option<u64>);
    /// So many bytes more.
    fn advance(&self, bytes: u64);
    /// The file ended, well or not.
    fn finish(&self);
    /// Whether to stop at the next safe point.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Nobody is told.
impl Progress for () {
    fn message(&self, _: &str) {}
    fn start(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
}

/// The verified files of one model.
#[derive(Debug, Clone)]
pub struct ModelFiles {
    /// The card's name, or the folder's or file's.
    pub name: String,
    /// How the files are read.
    pub family: Family,
    /// The card, if the files are those of one.
    pub card: Option<&'static Card>,
    /// Commit of its repository, where known.
    pub revision: Option<String>,
    /// Name of the licence, where known.
    pub license: Option<String>,
    /// Paths by role; several for sharded weights, in the order of their names.
    pub files: BTreeMap<Role, Vec<PathBuf>>,
    /// Hash of each file, by its name in the checkpoint, as verified.
    pub sha256: BTreeMap<String, String>,
}

impl ModelFiles {
    /// The only file of a role, if there is one.
    pub fn one(&self, role: Role) -> Option<&Path> {
        match self.files.get(&role)?.as_slice() {
            [path] => Some(path),
            _ => None,
        }
    }
}

/// Where a model was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The Hugging Face cache.
    HubCache,
    /// The user's own folder of models.
    Local,
    /// tlumach's data folder, put there by a mirror, from a plain address or by an import.
    Mirrored,
}

/// A model that seems complete on disk; its hashes are not checked yet.
#[derive(Debug, Clone)]
pub struct OnDisk {
    /// Which kind of place.
    pub place: Place,
    /// The folder with the files.
    pub folder: PathBuf,
    /// Commit, where the place knows it.
    pub revision: Option<String>,
    /// Name in the checkpoint, role and path of each file.
    pub files: Vec<(String, Role, PathBuf)>,
    /// Bytes of all files.
    pub size_bytes: u64,
}

/// One line of `models list`.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The card.
    pub card: &'static Card,
    /// What is on disk.
    pub on_disk: Option<OnDisk>,
}

/// The result of verifying one file.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Name in the checkpoint.
    pub file: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Size in bytes.
    pub size: u64,
    /// Hash just computed.
    pub sha256: String,
    /// What the hash was compared with: `card`, `lock`, `blob name`, or `nothing` (now pinned).
    pub against: &'static str,
}

/// What was removed.
#[derive(Debug, Clone, Default)]
pub struct Removed {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// Bytes freed.
    pub bytes: u64,
    /// Places that still hold the model because they are the user's own.
    pub kept: Vec<PathBuf>,
}

/// Whether the model is complete and plausible on disk. Looks at names, sizes and first bytes only; no network, no hashing.
pub fn on_disk(card: &Card, settings: &Settings) -> Option<OnDisk> {
    places(card, settings).into_iter().next()
}

/// Every place that has the model, best first.
fn places(card: &Card, settings: &Settings) -> Vec<OnDisk> {
    let commit = lock::Lock::new(&settings.data_dir).pins(&card.name).ok().and_then(|pins| pins.commit);
    cache::find(card, settings, commit.as_deref())
}

/// Finds or fetches the model and verifies every file: cache, `models/local`, Hub, plain addresses, mirrors, in this
/// order.
///
/// # Errors
/// The licence is not accepted, no source has the model, a file does not match its hash, or the disk is full.
pub fn resolve(card: &'static Card, settings: &Settings, progress: &dyn Progress) -> Result<ModelFiles, RegistryError> {
    check_license(card, settings)?;
    let (found, other) = verified(card, settings, progress)?;
    if let Some(files) = found {
        return Ok(files);
    }
    if let Some(other) = other {
        progress.message(&other.to_string());
    }
    fetch(card, settings, progress)?;
    let (found, other) = verified(card, settings, progress)?;
    found.ok_or_else(|| {
        other.unwrap_or_else(|| RegistryError::Missing {
            place: settings.hub_cache.display().to_string(),
            what: format!("a usable set of files of {}", card.name),
            advice: format!("a file of it is not what its name says: `tlumach models remove {}`", card.name),
        })
    })
}

/// The first place whose files are those of the card. An intact file of another version is passed over, since others share the
/// cache; a damaged one is an error.
fn verified(
    card: &'static Card,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<(Option<ModelFiles>, Option<RegistryError>), RegistryError> {
    let check = verify::Check { card, settings, progress, trust: verify::Trust::Memory };
    let mut other = None;
    for found in places(card, settings) {
        match check.run(&found) {
            Ok(verified) => return Ok((Some(verify::files(card, &found, verified)), None)),
            Err(error @ RegistryError::OtherVersion { .. }) => other = Some(error),
            Err(error) => return Err(error),
        }
    }
    Ok((None, other))
}

/// A limiting licence has to be accepted once; the lock file remembers it.
fn check_license(card: &Card, settings: &Settings) -> Result<(), RegistryError> {
    if !card.license.needs_acceptance {
        return Ok(());
    }
    let lock = lock::Lock::new(&settings.data_dir);
    if settings.accept_license {
        return lock.update(&card.name, |pins| pins.accepted_license = Some(card.license.name.clone()));
    }
    if lock.pins(&card.name)?.accepted_license.as_deref() == Some(card.license.name.as_str()) {
        return Ok(());
    }
    Err(RegistryError::License {
        model: card.name.clone(),
        license: card.license.name.clone(),
        url: card.license.url.clone(),
    })
}

/// The Hub, the plain addresses, then the mirrors.
fn fetch(card: &'static Card, settings: &Settings, progress: &dyn Progress) -> Result<(), RegistryError> {
    if settings.offline {
        return Err(offline(card, settings));
    }
    let mut attempts = Vec::new();
    if let Some(repository) = &card.source.repository {
        let Err(error) = hub::fetch(card, repository, settings, progress) else { return Ok(()) };
        if error.is_own() || card.addresses.is_empty() && card.mirrors.is_empty() {
            return Err(error);
        }
        progress.message(&format!("the hub cannot give {}: {error}", card.name));
        attempts.push(format!("hub: {error}"));
    }
    if !card.addresses.is_empty() {
        let Err(error) = addresses::fetch(card, settings, progress) else { return Ok(()) };
        match error {
            error if error.is_own() => return Err(error),
            RegistryError::NoSource { attempts: each, .. } => attempts.extend(each),
            error => attempts.push(error.to_string()),
        }
    }
    for mirror in &card.mirrors {
        match mirror::fetch(card, mirror, settings, progress) {
            Ok(()) => return Ok(()),
            Err(error) if error.is_own() => return Err(error),
            Err(error) => attempts.push(error.to_string()),
        }
    }
    Err(RegistryError::NoSource { model: card.name.clone(), attempts })
}

fn offline(card: &Card, settings: &Settings) -> RegistryError {
    RegistryError::Offline {
        model: card.name.clone(),
        looked_in: vec![settings.hub_cache.clone(), settings.local_dir.clone(), settings.mirrored_dir()],
        put_here: settings.local_dir.join(&card.name),
    }
}

/// Installs models from a folder of files that were fetched elsewhere, packed or not, under any names: those of `wanted`, or of any
/// card where it is empty. Makes no connection. What the folder has is known by its hashes; what is not whole is not installed.
///
/// # Errors
/// The folder has no file of a card, a licence is not accepted, a file is damaged, or the disk is full.
pub fn import(
    folder: &Path,
    wanted: &[&'static Card],
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<Imported, RegistryError> {
    import::import(folder, wanted, settings, progress)
}

/// A folder or a `.gguf` file without a card. If the hash of its weights is that of a card, the card is attached.
///
/// # Errors
/// The path does not exist, is not a model, is of a family that is not supported (named in the message), or lacks a file.
pub fn from_path(path: &Path, settings: &Settings) -> Result<ModelFiles, RegistryError> {
    local::from_path(path, settings)
}

/// Fetches the model if it is not on disk, and verifies it. The same as [`resolve`]; the name says why it is called.
///
/// # Errors
/// As [`resolve`].
pub fn pull(card: &'static Card, settings: &Settings, progress: &dyn Progress) -> Result<ModelFiles, RegistryError> {
    resolve(card, settings, progress)
}

/// Hashes every file of the model anew, whatever is remembered of it.
///
/// # Errors
/// The model is not on disk, or a file does not match.
pub fn verify(
    card: &'static Card,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<Vec<Verified>, RegistryError> {
    let found = on_disk(card, settings).ok_or_else(|| RegistryError::Missing {
        place: [&settings.hub_cache, &settings.local_dir, &settings.mirrored_dir()]
            .map(|path| path.display().to_string())
            .join(", "),
        what: format!("a complete {}", card.name),
        advice: format!("fetch it: `tlumach models pull {}`", card.name),
    })?;
    verify::Check { card, settings, progress, trust: verify::Trust::Nothing }.run(&found)
}

/// Removes the model's files from the cache and tlumach's data folder, never from the user's own `models/local`, and forgets
/// what is pinned of it.
///
/// # Errors
/// A file cannot be removed.
pub fn remove(card: &'static Card, settings: &Settings) -> Result<Removed, RegistryError> {
    remove::remove(card, settings)
}

/// Every card with what is on disk of it.
pub fn list(settings: &Settings) -> Vec<Listed> {
    cards().iter().map(|card| Listed { card, on_disk: on_disk(card, settings) }).collect()
}

/// The error for a name that is no card.
pub fn unknown(name: &str) -> RegistryError {
    let near = near(name);
    let suggestion = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
    RegistryError::Unknown { name: name.to_string(), suggestion }
}

/// A size for people, in powers of ten as on the Hub.
pub(crate) fn human_bytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} KB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}
