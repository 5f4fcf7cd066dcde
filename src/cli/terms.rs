//! The files behind `--glossary` and `--keep`: read, checked, and named in the report with their hashes.

use super::args::TermArgs;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use tlumach::glossary::{Glossary, Keep, Terms};
use tlumach::language::Language;

/// The terms of a job and where they come from.
#[derive(Debug, Default)]
pub(super) struct TermFiles {
    pub(super) terms: Terms,
    glossary: Option<Value>,
    keep: Option<Value>,
}

impl TermFiles {
    /// Whether there are any.
    pub(super) fn are_given(&self) -> bool {
        self.terms.glossary.is_some() || self.terms.keep.is_some()
    }

    /// The options of a report's head.
    pub(super) fn options(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let option = |name, file: &Option<Value>| file.clone().map(|file| (name, file));
        option("glossary", &self.glossary).into_iter().chain(option("keep", &self.keep))
    }
}

/// Reads the files.
///
/// # Errors
/// A file cannot be read or is not as it has to be, or the glossary has nothing to say of the target language.
pub(super) fn read(files: &TermArgs, to: Option<Language>) -> Result<TermFiles> {
    let mut read = TermFiles::default();
    if let Some(path) = &files.glossary {
        let bytes = bytes("--glossary", path)?;
        let glossary = Glossary::parse(&path.display().to_string(), &bytes).context("--glossary")?;
        if let Some(to) = to.filter(|&to| !glossary.writes(to)) {
            let columns: Vec<String> = glossary.languages().iter().map(ToString::to_string).collect();
            bail!(
                "--glossary {}: expected a column for {to}, got columns for {}; add one or leave the option out",
                path.display(),
                columns.join(", ")
            );
        }
        read.glossary = Some(named(path, &bytes, glossary.len()));
        read.terms.glossary = Some(glossary);
    }
    if let Some(path) = &files.keep {
        let bytes = bytes("--keep", path)?;
        let keep = Keep::parse(&path.display().to_string(), &bytes).context("--keep")?;
        read.keep = Some(named(path, &bytes, keep.len()));
        read.terms.keep = Some(keep);
    }
    Ok(read)
}

fn bytes(option: &str, path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{option}: cannot read {}", path.display()))
}

fn named(path: &Path, bytes: &[u8], terms: usize) -> Value {
    json!({ "file": path.display().to_string(), "sha256": format!("{:x}", Sha256::digest(bytes)), "terms": terms })
}
