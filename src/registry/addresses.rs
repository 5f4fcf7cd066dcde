//! Plain addresses: files of a checkpoint on any web server, checked by what the card knows of them.
//!
//! Each file is asked for at one address after the other. A download that was cut goes on where it stopped, at another address if
//! need be, as the beginning is named by the hash of the whole. The packed file is verified before it is unpacked, the unpacked one
//! before the folder gets its name. No token is ever sent: these hosts are not the Hub.

use std::path::{Path, PathBuf};

use super::cache::check_space;
use super::card::{Card, CardFile};
use super::digest::{Digests, digest};
use super::install::{Slot, parts_of};
use super::transfer::{Download, Transfer, plain};
use super::unpack::{self, unpack};
use super::{Progress, RegistryError, Settings, human_bytes};

/// A packed file is taken to become so many times longer where nothing better is known.
const GUESSED_RATIO: u64 = 4;

/// One fetch in progress.
struct Fetch<'a> {
    card: &'a Card,
    settings: &'a Settings,
    progress: &'a dyn Progress,
    /// For the last address: as patient as the settings say.
    patient: Transfer<'a>,
    /// For addresses that have another behind them.
    hasty: Transfer<'a>,
    /// Bases that could not be reached, with the reason: they are not waited for again.
    dead: Vec<(String, String)>,
    folder: PathBuf,
}

/// Fetches a card's files from its addresses, or from those of the settings that stand in their place.
pub(crate) fn fetch(card: &Card, settings: &Settings, progress: &dyn Progress) -> Result<(), RegistryError> {
    let slot = Slot::take(card, settings, progress)?;
    if slot.complete() {
        // Another process finished it while this one waited.
        return Ok(());
    }
    let mut hasty = Transfer::anonymous(settings, progress)?;
    hasty.limit_retries(1);
    let mut fetch = Fetch {
        card,
        settings,
        progress,
        patient: Transfer::anonymous(settings, progress)?,
        hasty,
        dead: Vec::new(),
        folder: parts_of(card, settings),
    };
    fetch.announce()?;
    std::fs::create_dir_all(&fetch.folder).map_err(RegistryError::io("create", &fetch.folder))?;
    let mut files: Vec<&CardFile> = fetch.files().collect();
    // Small files first: a source that lacks one is found out before the weights are fetched.
    files.sort_by_key(|file| file.published().map_or(0, |(size, _)| size));
    let mut got = Vec::new();
    for file in files {
        if let Some(path) = fetch.bring(file)? {
            got.push((file, path));
        }
    }
    let names: Vec<&str> = got.iter().map(|(file, _)| file.name.as_str()).collect();
    let result = slot.place("plain addresses", &names, &mut |file, to| {
        let from = got.iter().find(|(known, _)| known.name == file.name).map_or(Path::new(""), |(_, path)| path);
        fetch.write(file, from, to)
    });
    if !matches!(result, Err(RegistryError::NoSpace { .. } | RegistryError::Io { .. } | RegistryError::Cancelled(_))) {
        // Either done, or the content is wrong and going on from it would fail again.
        std::fs::remove_dir_all(&fetch.folder).map_err(RegistryError::io("remove", &fetch.folder))?;
    }
    result
}

impl<'a> Fetch<'a> {
    /// The files to have: of weights in several forms the preferred one.
    fn files(&self) -> impl Iterator<Item = &'a CardFile> + use<'a> {
        let card = self.card;
        let weights = card.weight_candidates.iter().find_map(|name| card.file(name));
        card.named_files().chain(weights)
    }

    /// Where a file may be had, in order.
    fn urls(&self, file: &CardFile) -> Vec<String> {
        if self.settings.addresses.is_empty() {
            return self.card.addresses.iter().filter_map(|address| address.of(file)).collect();
        }
        let name = file.published_name();
        self.settings.addresses.iter().map(|base| format!("{base}/{}/{name}", self.card.name)).collect()
    }

    /// Says what is about to be downloaded, and makes sure there is room for it and for what it becomes.
    fn announce(&self) -> Result<(), RegistryError> {
        let (mut missing, mut unpacked) = (0, 0);
        for file in self.files() {
            let Some((size, hash)) = file.published() else { continue };
            let have =
                [self.whole(hash), self.incomplete(hash)].map(|path| std::fs::metadata(path).map_or(0, |m| m.len()));
            missing += size.saturating_sub(have[0].max(have[1]));
            unpacked += file.size.unwrap_or(size.saturating_mul(GUESSED_RATIO));
        }
        check_space(&self.card.name, &self.settings.data_dir, missing + unpacked)?;
        let mut hosts: Vec<String> = Vec::new();
        for url in self.files().flat_map(|file| self.urls(file)) {
            let host = plain(host(&url));
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        self.progress.message(&format!(
            "fetching {} from {}: {}, licence {}",
            self.card.name,
            hosts.join(", else "),
            human_bytes(missing),
            self.card.license.name
        ));
        Ok(())
    }

    fn whole(&self, hash: &str) -> PathBuf {
        self.folder.join(hash)
    }

    fn incomplete(&self, hash: &str) -> PathBuf {
        self.folder.join(format!("{hash}.incomplete"))
    }

    /// Downloads a file as it is published, verified; `None` for an optional one that no address has.
    fn bring(&mut self, file: &CardFile) -> Result<Option<PathBuf>, RegistryError> {
        // `Card::check` demands both for every file of a card with addresses.
        let Some((size, hash)) = file.published() else { return Ok(None) };
        let whole = self.whole(hash);
        if whole.exists() {
            // An earlier run was stopped between the download and the end.
            let digests = digest(&whole, None, self.progress)?;
            if (digests.size, digests.sha256.as_str()) == (size, hash) {
                return Ok(Some(whole));
            }
            std::fs::remove_file(&whole).map_err(RegistryError::io("remove", &whole))?;
        }
        let incomplete = self.incomplete(hash);
        let urls = self.urls(file);
        let (mut attempts, mut only_absent) = (Vec::new(), true);
        for (at, url) in urls.iter().enumerate() {
            if let Some((_, reason)) = self.dead.iter().find(|(host_of, _)| host_of == host(url)) {
                attempts.push(reason.clone());
                only_absent = false;
                continue;
            }
            let transfer = if at + 1 == urls.len() { &self.patient } else { &self.hasty };
            let what = Download { url, name: file.published_name(), to: &incomplete, size };
            match transfer.download_checked(&what, None, &|digests| checked(file, digests, url)) {
                Ok(_) => {
                    std::fs::rename(&incomplete, &whole).map_err(RegistryError::io("write", &whole))?;
                    return Ok(Some(whole));
                }
                Err(error) if error.is_own() => return Err(error),
                Err(error) => {
                    let error = for_addresses(error);
                    only_absent &= matches!(error, RegistryError::Status { status: 404 | 410, .. });
                    if matches!(error, RegistryError::Transport { .. }) && !incomplete_grew(&incomplete) {
                        self.dead.push((host(url).to_string(), error.to_string()));
                    }
                    if at + 1 < urls.len() {
                        self.progress.message(&format!("{error}; trying the next address"));
                    }
                    attempts.push(error.to_string());
                }
            }
        }
        if !incomplete_grew(&incomplete) {
            // An empty beginning is worth nothing.
            let _ = std::fs::remove_file(&incomplete);
        }
        if urls.is_empty() {
            attempts.push(format!("no address of the card has {}", file.name));
        }
        if file.optional && only_absent {
            self.progress.message(&format!("{}: {} is at no address; going on without it", self.card.name, file.name));
            return Ok(None);
        }
        Err(RegistryError::NoSource { model: self.card.name.clone(), attempts })
    }

    /// Writes a file of the model from its published form.
    fn write(&self, file: &CardFile, from: &Path, to: &Path) -> Result<(), RegistryError> {
        let Some(packed) = &file.packed else {
            return std::fs::rename(from, to).map_err(RegistryError::io("write", to));
        };
        self.progress.start(&format!("unpacking {}", file.name), file.size);
        let result = unpack((from, to), packed.format, file.size.unwrap_or(unpack::LIMIT), self.progress);
        self.progress.finish();
        result.map(|_| ())
    }
}

/// Whether a beginning is worth going on from.
fn incomplete_grew(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

/// Compares a download with the card.
fn checked(file: &CardFile, digests: &Digests, url: &str) -> Result<(), RegistryError> {
    match file.published() {
        Some((_, hash)) if hash != digests.sha256 => Err(RegistryError::Mismatch {
            what: "sha256",
            file: file.published_name().into(),
            place: plain(url),
            expected: hash.to_string(),
            got: digests.sha256.clone(),
            advice: "the address has another file than the card; nothing was kept".into(),
        }),
        _ => Ok(()),
    }
}

/// The same error with advice that fits an address which is not the Hub.
fn for_addresses(error: RegistryError) -> RegistryError {
    match error {
        RegistryError::Status { url, status, reason, .. } => {
            let advice = match status {
                401 | 403 | 407 => "access is refused: check the network and the proxy",
                404 | 410 => "the file is not there",
                429 => "too many requests: wait and try again",
                500.. => "the server has trouble: try again later",
                _ => "check the network, or set TLUMACH_ADDRESSES to a server that has the files",
            };
            RegistryError::Status { url, status, reason, advice: advice.to_string() }
        }
        RegistryError::Answer { url, expected, got, .. } => {
            let advice = "check whether a proxy or a log-in page stands in between; nothing was kept".to_string();
            RegistryError::Answer { url, expected, got, advice }
        }
        RegistryError::Transport { url, reason, advice } => {
            let fits = !advice.contains("HF_ENDPOINT");
            let plain = "check the network and the proxy, or set TLUMACH_ADDRESSES to a server that has the files";
            RegistryError::Transport { url, reason, advice: if fits { advice } else { plain.to_string() } }
        }
        other => other,
    }
}

/// Scheme, host and port of an address.
fn host(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    &url[..end]
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn the_host_ends_at_the_path() {
        assert_eq!(host("https://a.example:8443/x/{}"), "https://a.example:8443");
        assert_eq!(host("http://a"), "http://a");
        assert_eq!(host("nothing/else"), "nothing");
    }
}
