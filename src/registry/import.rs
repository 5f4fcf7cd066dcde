//! Files that were fetched elsewhere: recognised by their hashes, whatever their names, and installed as the models they complete.
//!
//! For machines without a network. A file counts if the card knows its hash, packed or unpacked; nothing else of the folder is
//! touched. A model is installed whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::card::{Card, CardFile, Packing, Role, cards};
use super::digest::digest;
use super::install::Slot;
use super::lock::Lock;
use super::unpack::{self, unpack};
use super::verify::LOCAL;
use super::{Progress, RegistryError, Settings};

/// How deep below the folder files are looked for.
const DEPTH: usize = 5;
/// Bytes copied at once.
const CHUNK: usize = 1 << 20;

/// What an import did.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// Models that are installed now.
    pub installed: Vec<&'static Card>,
    /// Models the folder has files of that were on disk before.
    pub present: Vec<&'static Card>,
    /// Models of which the folder has some files and not all.
    pub incomplete: Vec<Incomplete>,
}

/// A model of which files are missing.
#[derive(Debug, Clone)]
pub struct Incomplete {
    /// The card.
    pub card: &'static Card,
    /// Names of its files that are there.
    pub found: Vec<String>,
    /// What is missing, in the form in which it can be checked.
    pub missing: Vec<String>,
}

/// Where content is.
#[derive(Debug, Clone)]
struct Found {
    path: PathBuf,
    /// How it is packed there.
    packing: Option<Packing>,
    /// The hash of the packed file, where that is what it was known by.
    packed_sha256: Option<String>,
}

/// The files of a folder whose hashes may be those of cards.
struct Pile {
    by_hash: BTreeMap<String, Found>,
    /// Names of all files, for the message that none is known.
    names: Vec<String>,
}

/// See [`super::import()`].
pub(crate) fn import(
    folder: &Path,
    wanted: &[&'static Card],
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<Imported, RegistryError> {
    let all: Vec<&'static Card>;
    let of = if wanted.is_empty() {
        all = cards().iter().collect();
        &all
    } else {
        wanted
    };
    let lock = Lock::new(&settings.data_dir);
    let mut known = Vec::new();
    for card in of {
        known.push((*card, lock.pins(&card.name)?.files.remove(LOCAL).unwrap_or_default()));
    }
    let sizes: BTreeSet<u64> = known
        .iter()
        .flat_map(|(card, pins)| {
            let plain = card.files.iter().filter_map(|file| file.size);
            let packed = card.files.iter().filter_map(|file| Some(file.packed.as_ref()?.size));
            plain.chain(packed).chain(pins.values().map(|pin| pin.size))
        })
        .collect();
    let pile = pile(folder, &sizes, &lock, progress)?;
    let mut done = Imported::default();
    for (card, pins) in known {
        let source = |file: &CardFile| -> Option<Found> {
            let pin = pins.get(&file.name).map(|pin| &pin.sha256);
            let plain = file.sha256.as_ref().or(pin).and_then(|hash| pile.by_hash.get(hash));
            plain.cloned().or_else(|| {
                let packed = file.packed.as_ref()?;
                let path = pile.by_hash.get(&packed.sha256)?.path.clone();
                Some(Found { path, packing: Some(packed.format), packed_sha256: Some(packed.sha256.clone()) })
            })
        };
        let plan = plan(card, &source);
        if super::on_disk(card, settings).is_some() {
            if !plan.found.is_empty() || !wanted.is_empty() {
                done.present.push(card);
            }
            continue;
        }
        if !plan.missing.is_empty() {
            if !plan.found.is_empty() || !wanted.is_empty() {
                let found = plan.found.iter().map(|file| file.name.clone()).collect();
                done.incomplete.push(Incomplete { card, found, missing: plan.missing });
            }
            continue;
        }
        super::check_license(card, settings)?;
        let slot = Slot::take(card, settings, progress)?;
        let names: Vec<&str> = plan.found.iter().map(|file| file.name.as_str()).collect();
        slot.place(&folder.display().to_string(), &names, &mut |file, to| match source(file) {
            Some(found) => write(file, &found, to, progress),
            None => Ok(()),
        })?;
        done.installed.push(card);
    }
    if done.installed.is_empty() && done.present.is_empty() && done.incomplete.is_empty() {
        return Err(nothing_known(folder, &pile));
    }
    Ok(done)
}

/// What of a card is there.
struct Plan<'a> {
    found: Vec<&'a CardFile>,
    missing: Vec<String>,
}

fn plan<'a>(card: &'a Card, source: &dyn Fn(&CardFile) -> Option<Found>) -> Plan<'a> {
    let mut plan = Plan { found: Vec::new(), missing: Vec::new() };
    for file in card.named_files() {
        if source(file).is_some() {
            plan.found.push(file);
        } else if !file.optional {
            plan.missing.push(describe(file));
        }
    }
    if !card.weight_candidates.is_empty() {
        let weights =
            card.weight_candidates.iter().filter_map(|name| card.file(name)).find(|file| source(file).is_some());
        match weights {
            Some(file) => plan.found.push(file),
            None => plan.missing.push(format!("weights ({})", card.weight_candidates.join(" or "))),
        }
    }
    // A vocabulary alone says nothing: other models have the same one.
    let telling = |file: &&CardFile| !matches!(file.role, Role::Vocab | Role::TokenizerConfig | Role::GenerationConfig);
    if !plan.missing.is_empty() && !plan.found.iter().any(telling) {
        plan.found.clear();
    }
    plan
}

/// A missing file, in the form in which it can be checked.
fn describe(file: &CardFile) -> String {
    match (&file.packed, &file.sha256) {
        (Some(packed), Some(hash)) => {
            format!("{} (sha256 {hash}) or {} (sha256 {})", file.name, packed.name, packed.sha256)
        }
        (Some(packed), None) => {
            format!("{} (sha256 {}; unpacked it cannot be checked)", packed.name, packed.sha256)
        }
        (None, Some(hash)) => format!("{} (sha256 {hash})", file.name),
        (None, None) => format!("{} (the card has no hash of it: it can be fetched only)", file.name),
    }
}

/// Hashes every file below a folder whose size is one of a card's, and what is inside packed files.
fn pile(folder: &Path, sizes: &BTreeSet<u64>, lock: &Lock, progress: &dyn Progress) -> Result<Pile, RegistryError> {
    std::fs::read_dir(folder).map_err(RegistryError::io("read", folder))?;
    let mut pile = Pile { by_hash: BTreeMap::new(), names: Vec::new() };
    let entries = walkdir::WalkDir::new(folder).follow_links(true).max_depth(DEPTH).sort_by_file_name();
    for entry in entries.into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
        let path = entry.path();
        pile.names.push(path.strip_prefix(folder).unwrap_or(path).display().to_string());
        let size = entry.metadata().map_or(0, |metadata| metadata.len());
        let name = entry.file_name().to_string_lossy();
        if sizes.contains(&size) {
            let hash = if let Some(hash) = lock.remembered(path) {
                hash
            } else {
                progress.start(&name, Some(size));
                let digests = digest(path, None, progress);
                progress.finish();
                digests?.sha256
            };
            let found = || Found { path: path.to_path_buf(), packing: None, packed_sha256: None };
            pile.by_hash.entry(hash).or_insert_with(found);
        }
        if let Some(format) = packing(path) {
            progress.start(&name, None);
            let inside = unpack::measure(path, format, unpack::LIMIT, progress);
            progress.finish();
            match inside {
                Ok(inside) => {
                    let found = || Found { path: path.to_path_buf(), packing: Some(format), packed_sha256: None };
                    pile.by_hash.entry(inside.sha256).or_insert_with(found);
                }
                // Archives of other things, or damaged: nothing of a card.
                Err(RegistryError::Unpack { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(pile)
}

fn packing(path: &Path) -> Option<Packing> {
    let mut head = [0; 4];
    File::open(path).ok()?.read_exact(&mut head).ok()?;
    unpack::format_of(&head)
}

/// Copies or unpacks one file. A packed file that was known by its own hash is checked again while it is read.
fn write(file: &CardFile, found: &Found, to: &Path, progress: &dyn Progress) -> Result<(), RegistryError> {
    let from = found.path.as_path();
    if let Some(format) = found.packing {
        let got = unpack((from, to), format, file.size.unwrap_or(unpack::LIMIT), progress)?;
        return match found.packed_sha256.as_ref().filter(|hash| **hash != got.packed_sha256) {
            Some(hash) => Err(RegistryError::Mismatch {
                what: "sha256",
                file: file.published_name().into(),
                place: from.display().to_string(),
                expected: hash.clone(),
                got: got.packed_sha256,
                advice: "the file changed while it was read; nothing was kept: try again".into(),
            }),
            None => Ok(()),
        };
    }
    let mut source = File::open(from).map_err(RegistryError::io("read", from))?;
    let mut sink = File::create(to).map_err(RegistryError::io("write", to))?;
    let mut buffer = vec![0; CHUNK];
    loop {
        if progress.cancelled() {
            return Err(RegistryError::Cancelled(file.name.clone()));
        }
        let n = source.read(&mut buffer).map_err(RegistryError::io("read", from))?;
        if n == 0 {
            return Ok(());
        }
        let need = file.size.unwrap_or(0);
        sink.write_all(&buffer[..n]).map_err(|e| unpack::disk(e, to, need))?;
    }
}

fn nothing_known(folder: &Path, pile: &Pile) -> RegistryError {
    const SHOWN: usize = 8;
    let mut names = pile.names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if pile.names.len() > SHOWN {
        // Writing to a text cannot fail.
        let _ = write!(names, " and {} more", pile.names.len() - SHOWN);
    }
    RegistryError::NotAModel {
        path: folder.to_path_buf(),
        reason: format!(
            "expected files of a card by their sha256, found {}",
            if names.is_empty() { "an empty folder".to_string() } else { format!("none among: {names}") }
        ),
        advice: "`tlumach models show NAME` lists the files of a model with their hashes; a folder that is a whole model of \
                 its own can be used with --model"
            .to_string(),
    }
}
