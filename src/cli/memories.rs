//! The files behind `--memory` and `--memory-out`.

use super::args::MemoryArgs;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use tlumach::job::report::{ArticleRecord, OutcomeRecord};
use tlumach::job::time;
use tlumach::language::Language;
use tlumach::memory::tmx::{Translation, Writer};
use tlumach::memory::{Builder, Memory};
use tlumach::pipeline::MemoryUse;

/// A memory as it was asked for.
pub(super) struct Memories {
    pub(super) memory: Memory,
    pub(super) options: MemoryUse,
    /// The files with their hashes, for the report and for what an article depends on.
    files: Vec<Value>,
}

impl Memories {
    /// The option of a report's head.
    pub(super) fn option(&self) -> Value {
        json!({ "files": self.files, "threshold": self.options.threshold, "take": self.options.take_from })
    }
}

/// Reads the files; none where none was named.
///
/// # Errors
/// A file cannot be read or is no TMX, a share is no share, or no file has a sentence into the target language.
pub(super) fn read(args: &MemoryArgs, to: Option<Language>) -> Result<Option<Memories>> {
    if args.memory.is_empty() {
        return Ok(None);
    }
    for (option, share) in [("--memory-threshold", Some(args.memory_threshold)), ("--memory-take", args.memory_take)] {
        if let Some(share) = share.filter(|share| !(0.6..=1.0).contains(share)) {
            bail!("{option} {share}: expected a share from 0.6 to 1");
        }
    }
    let mut builder = Builder::new();
    let mut files = Vec::new();
    for path in &args.memory {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).with_context(|| format!("--memory {name}: cannot be read"))?;
        let loaded = builder.load(&name, BufReader::new(bytes.as_slice())).context("--memory")?;
        for reason in &loaded.reasons {
            super::console::say(&format!("tlumach: {reason}"));
        }
        let sha256 = format!("{:x}", Sha256::digest(&bytes));
        files.push(json!({ "file": name, "sha256": sha256, "units": loaded.units, "left_out": loaded.left_out }));
    }
    let memory = builder.build();
    if let Some(to) = to.filter(|to| !memory.directions().any(|(_, other, _)| other == *to)) {
        bail!("--memory: expected sentences translated into {to}, got none; leave the option out or name another file");
    }
    let options = MemoryUse { threshold: args.memory_threshold, take_from: args.memory_take };
    Ok(Some(Memories { memory, options, files }))
}

/// The file of `--memory-out` while a job runs.
pub(super) struct Export {
    writer: Writer<BufWriter<NamedTempFile>>,
    path: PathBuf,
    to: Language,
}

impl Export {
    /// Begins the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn begin(path: &Path, from: Option<Language>, to: Language) -> Result<Export> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::Builder::new()
            .prefix(".tlumach-")
            .tempfile_in(folder)
            .with_context(|| format!("cannot write --memory-out {}", path.display()))?;
        Ok(Export { writer: Writer::new(BufWriter::new(file), from)?, path: path.to_path_buf(), to })
    }

    /// Adds the sentences of an article that were translated and have nothing to look at.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn article(&mut self, record: &ArticleRecord) -> Result<()> {
        let Some(main) = record.language.as_ref().map(|language| language.used) else { return Ok(()) };
        let models: Vec<&str> = record.route.iter().map(|hop| hop.model.as_str()).collect();
        let (models, created) = (models.join(" "), time::compact(&time::now()));
        for segment in &record.segments {
            // What is doubtful should not be found again as if somebody had approved it.
            if segment.outcome != OutcomeRecord::Translated || segment.needs_review || segment.source.is_empty() {
                continue;
            }
            let made = segment.origin != Some("memory");
            let translation = Translation {
                source: (segment.language.unwrap_or(main), &segment.source),
                target: (self.to, &segment.output),
                model: (made && !models.is_empty()).then_some(models.as_str()),
                score: segment.score,
                article: Some(&record.input.path),
                created: Some(&created),
            };
            self.writer.write(&translation.unit())?;
        }
        Ok(())
    }

    /// Ends the file and puts it at its path.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn finish(self) -> Result<()> {
        let file = self.writer.finish()?.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        file.persist(&self.path).with_context(|| format!("cannot write --memory-out {}", self.path.display()))?;
        Ok(())
    }
}
