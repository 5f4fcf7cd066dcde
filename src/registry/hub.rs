//! The Hub: which commit and which files a repository has, and bringing them into the cache.
//!
//! Every file is counted and hashed before it gets the name under which anyone would use it. What the Hub says of a file is checked
//! against the card and the lock file before the download, so that a repository that changed is noticed without fetching it.

use std::fs::File;
use std::path::Path;

use hf_hub::api::RepoInfo;
use hf_hub::{Repo, RepoType};

use super::cache::{CachedRepo, check_space, shards};
use super::card::{Card, is_hex};
use super::digest::{Digests, Expected, digest, hex};
use super::lock::{Lock, ModelPins, Pin, exclusive};
use super::transfer::{Download, Transfer};
use super::{Progress, RegistryError, Settings};

/// One file to have, as the Hub describes it.
#[derive(Debug, Clone)]
struct Wanted {
    name: String,
    etag: String,
    size: u64,
    expected: Expected,
}

/// A fetch in progress.
struct Fetch<'a> {
    card: &'a Card,
    repository: &'a str,
    settings: &'a Settings,
    progress: &'a dyn Progress,
    transfer: Transfer<'a>,
    repo: CachedRepo,
    pins: ModelPins,
}

/// Brings the model from its repository into the cache and pins what was fetched.
pub(crate) fn fetch(
    card: &Card,
    repository: &str,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<(), RegistryError> {
    let lock = Lock::new(&settings.data_dir);
    let fetch = Fetch {
        card,
        repository,
        settings,
        progress,
        transfer: Transfer::new(settings, progress)?,
        repo: CachedRepo::new(settings, repository),
        pins: lock.pins(&card.name)?,
    };
    let info = fetch.info()?;
    let names = fetch.choose(&info)?;
    let mut wanted = Vec::new();
    for name in &names {
        wanted.push(fetch.facts(&info.sha, name)?);
    }
    fetch.announce(&wanted)?;
    // Small files first: a wrong configuration is found before the weights are fetched.
    wanted.sort_by_key(|file| file.size);
    let mut done = Vec::new();
    for file in &wanted {
        done.push((file.name.clone(), fetch.bring(&info.sha, file)?));
        if file.name.ends_with(".index.json") {
            for shard in shards(&fetch.repo.snapshot(&info.sha).join(&file.name))? {
                let shard = fetch.facts(&info.sha, &shard)?;
                fetch.announce(std::slice::from_ref(&shard))?;
                done.push((shard.name.clone(), fetch.bring(&info.sha, &shard)?));
            }
        }
    }
    if card.source.revision.is_none() {
        fetch.repo.set_main(&info.sha)?;
    }
    lock.update(&card.name, |pins| {
        pins.repository = Some(repository.to_string());
        pins.commit = Some(info.sha.clone());
        let files = pins.files.entry(info.sha.clone()).or_default();
        for (name, digests) in done {
            files.insert(name, Pin { size: digests.size, sha256: digests.sha256 });
        }
    })
}

impl Fetch<'_> {
    /// The commit and the list of files.
    fn info(&self) -> Result<RepoInfo, RegistryError> {
        let revision = self.card.source.revision.as_deref().unwrap_or("main");
        let repo = Repo::with_revision(self.repository.to_string(), RepoType::Model, revision.to_string());
        let url = format!("{}/api/{}", self.settings.endpoint, repo.api_url());
        let mut first = Transfer::new(self.settings, self.progress)?;
        if !self.card.mirrors.is_empty() || !self.card.addresses.is_empty() {
            // Where there is another source, a Hub that cannot be reached at all is not waited for long.
            first.limit_retries(1);
        }
        let json = first.json(&url)?;
        let unusable = |expected: &str, got: String| RegistryError::Answer {
            url: url.clone(),
            expected: expected.to_string(),
            got,
            advice: "check HF_ENDPOINT".to_string(),
        };
        let info: RepoInfo =
            serde_json::from_value(json).map_err(|e| unusable("a commit and a list of files", e.to_string()))?;
        if !is_hex(&info.sha, 40) {
            return Err(unusable("a commit of 40 hex digits", format!("{:?}", info.sha)));
        }
        if let Some(pinned) = self.card.source.revision.as_ref().filter(|pinned| **pinned != info.sha) {
            return Err(unusable(&format!("commit {pinned}"), format!("commit {}", info.sha)));
        }
        Ok(info)
    }

    /// Which of the repository's files the card wants. Which weights there are is asked here, not assumed.
    fn choose(&self, info: &RepoInfo) -> Result<Vec<String>, RegistryError> {
        let has = |name: &str| info.siblings.iter().any(|file| file.rfilename == name);
        let missing = |what: String| RegistryError::Missing {
            place: format!("{}/{} at {}", self.settings.endpoint, self.repository, info.sha),
            what,
            advice: "the repository changed or the card is wrong: compare the card with the repository's files".into(),
        };
        let mut names = Vec::new();
        for file in self.card.named_files() {
            if has(&file.name) {
                names.push(file.name.clone());
            } else if !file.optional {
                return Err(missing(file.name.clone()));
            }
        }
        if !self.card.weight_candidates.is_empty() {
            let weights = self.card.weight_candidates.iter().find_map(|candidate| {
                let index = format!("{candidate}.index.json");
                if has(candidate) { Some(candidate.clone()) } else { has(&index).then_some(index) }
            });
            names.push(weights.ok_or_else(|| missing(self.card.weight_candidates.join(" or ")))?);
        }
        Ok(names)
    }

    /// What the Hub says of a file, checked against what is known of it already.
    fn facts(&self, commit: &str, name: &str) -> Result<Wanted, RegistryError> {
        let url = self.url(commit, name);
        let head = self.transfer.head(&url)?;
        let unusable = |expected: &str, got: String| RegistryError::Answer {
            url: url.clone(),
            expected: expected.to_string(),
            got,
            advice: "check HF_ENDPOINT: this is not how the Hub answers".to_string(),
        };
        if let Some(other) = head.commit.filter(|other| other != commit) {
            return Err(unusable(&format!("commit {commit}"), format!("commit {other}")));
        }
        let known = self.card.file(name);
        let etag = head.etag.ok_or_else(|| unusable("an entity tag", "none".into()))?;
        let expected = Expected::from_etag(&etag)
            .ok_or_else(|| unusable("an entity tag that is a sha256 or a git hash", format!("{etag:?}")))?;
        let size = head.size.or(known.and_then(|file| file.size));
        let size = size.ok_or_else(|| unusable("the size of the file", "none".into()))?;
        let advice = "the repository has another file than the one that was checked: it was changed, or the endpoint \
                      is not to be trusted";
        let differs = |what, expected: String, got: String| RegistryError::Mismatch {
            what,
            file: name.into(),
            place: url.clone(),
            expected,
            got,
            advice: advice.into(),
        };
        let pin = self.pins.files.get(commit).and_then(|files| files.get(name));
        let sizes = [known.and_then(|file| file.size), pin.map(|pin| pin.size)];
        if let Some(other) = sizes.into_iter().flatten().find(|other| *other != size) {
            return Err(differs("size", format!("{other} bytes"), format!("{size} bytes")));
        }
        let hashes = [known.and_then(|file| file.sha256.clone()), pin.map(|pin| pin.sha256.clone())];
        if let Expected::Sha256(hash) = &expected
            && let Some(other) = hashes.into_iter().flatten().find(|other| other != hash)
        {
            return Err(differs("sha256", other, hash.clone()));
        }
        Ok(Wanted { name: name.to_string(), etag, size, expected })
    }

    /// Says what is about to be downloaded, and makes sure there is room for it.
    fn announce(&self, wanted: &[Wanted]) -> Result<(), RegistryError> {
        let missing: u64 = wanted
            .iter()
            .filter(|file| !self.repo.blob(&file.etag).exists())
            .map(|file| {
                let partial = std::fs::metadata(self.incomplete(file)).map_or(0, |m| m.len());
                file.size.saturating_sub(partial)
            })
            .sum();
        if missing == 0 {
            return Ok(());
        }
        check_space(&self.card.name, self.repo.folder(), missing)?;
        self.progress.message(&format!(
            "fetching {} from {}/{}: {}, licence {}",
            self.card.name,
            self.settings.endpoint,
            self.repository,
            super::human_bytes(missing),
            self.card.license.name
        ));
        Ok(())
    }

    /// Downloads one file if the cache lacks it, checks it, and links it into the snapshot.
    fn bring(&self, commit: &str, file: &Wanted) -> Result<Digests, RegistryError> {
        let blob = self.repo.blob(&file.etag);
        let folder = blob.parent().unwrap_or(self.repo.folder());
        std::fs::create_dir_all(folder).map_err(RegistryError::io("create", folder))?;
        let _guard = self.guard(file)?;
        let digests = if blob.exists() {
            let digests = digest(&blob, Some(&file.expected), &())?;
            self.check(file, &digests, &blob)?;
            digests
        } else {
            self.download(commit, file, &blob)?
        };
        self.repo.link(commit, &file.name, &file.etag)?;
        Lock::new(&self.settings.data_dir).remember(&blob, &digests.sha256);
        Ok(digests)
    }

    fn download(&self, commit: &str, file: &Wanted, blob: &Path) -> Result<Digests, RegistryError> {
        let url = self.url(commit, &file.name);
        let incomplete = self.incomplete(file);
        let what = Download { url: &url, name: &file.name, to: &incomplete, size: file.size };
        let check = |digests: &Digests| self.check(file, digests, Path::new(&url));
        let digests = self.transfer.download_checked(&what, Some(&file.expected), &check)?;
        std::fs::rename(&incomplete, blob).map_err(RegistryError::io("write", blob))?;
        sync_folder(blob);
        Ok(digests)
    }

    /// Compares what came with the Hub's promise, the card and the lock file.
    fn check(&self, file: &Wanted, digests: &Digests, place: &Path) -> Result<(), RegistryError> {
        let mismatch = |what, expected: &str, got: &str| RegistryError::Mismatch {
            what,
            file: file.name.as_str().into(),
            place: place.display().to_string(),
            expected: expected.to_string(),
            got: got.to_string(),
            advice: if place.is_absolute() {
                format!("the cached file is damaged: `tlumach models remove {}` and fetch it again", self.card.name)
                    .into()
            } else {
                "nothing was kept: try again, or use another endpoint".into()
            },
        };
        if digests.size != file.size {
            return Err(mismatch("size", &format!("{} bytes", file.size), &format!("{} bytes", digests.size)));
        }
        if digests.like(&file.expected) != file.expected.hex() {
            return Err(mismatch(file.expected.kind(), file.expected.hex(), digests.like(&file.expected)));
        }
        let card = self.card.file(&file.name).and_then(|known| known.sha256.as_deref());
        match card.filter(|hash| *hash != digests.sha256) {
            Some(hash) => Err(mismatch("sha256", hash, &digests.sha256)),
            None => Ok(()),
        }
    }

    fn url(&self, commit: &str, name: &str) -> String {
        format!("{}/{}/resolve/{commit}/{}", self.settings.endpoint, self.repository, escape(name))
    }

    fn incomplete(&self, file: &Wanted) -> std::path::PathBuf {
        let blob = self.repo.blob(&file.etag);
        blob.with_file_name(format!("{}.incomplete", file.etag))
    }

    /// Waits for whoever else writes this blob, tlumach or Python.
    fn guard(&self, file: &Wanted) -> Result<File, RegistryError> {
        exclusive(&self.repo.blob_lock(&file.etag), &file.name, self.progress)
    }
}

/// A file name as part of an address.
fn escape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push('%');
            out.push_str(&hex(&[byte]).to_uppercase());
        }
    }
    out
}

/// Makes a rename durable where the system lets one.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
}
