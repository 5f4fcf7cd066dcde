//! What a job keeps beside its outputs: the journal, the cache of answers, the files that say where an output comes from.

use super::args::{InputArgs, KeepArgs};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tlumach::article::SIDECAR;
use tlumach::job::journal::Journal;
use tlumach::job::report::{ArticleRecord, Head, ModelRecord, Status, Tail};
use tlumach::job::spec::{Item, JobSpec, Source, Work};
use tlumach::job::time;
use tlumach::registry::Settings;
use tlumach::store::Store;

/// The folder in an output folder for what is no output.
pub(super) const STATE: &str = ".tlumach";
/// The name of the cache among the program's data.
const CACHE: &str = "answers.sqlite";

/// What is open while a job runs.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) journal: Option<Journal>,
    pub(super) store: Option<Store>,
    pub(super) sidecars: bool,
    /// Where the sums of the job go.
    summary: Option<PathBuf>,
    /// Where outputs are written before they are moved to their places. What a killed run left there goes when the job is
    /// taken up again, which is why it belongs to one journal alone.
    pub(super) staging: Option<PathBuf>,
}

impl Kept {
    /// Opens what the arguments ask for.
    ///
    /// # Errors
    /// A journal or a cache that was asked for cannot be used.
    pub(super) fn open(input: &InputArgs, args: &KeepArgs, spec: &JobSpec, settings: &Settings) -> Result<Kept> {
        let folder = input.output.as_deref().filter(|_| is_folder_job(input));
        let shard =
            args.shard.as_deref().map(|shard| Shard::parse(shard, &|name| std::env::var(name).ok())).transpose()?;
        let name = job_name(spec, shard);
        let state = folder.map(|folder| folder.join(STATE));
        let path = match (&args.journal, args.no_journal) {
            (Some(path), _) => Some(path.clone()),
            (None, true) => None,
            (None, false) => state.as_ref().map(|state| state.join(format!("{name}.jsonl"))),
        };
        if args.resume && !path.as_deref().is_some_and(Path::exists) {
            let place =
                path.map_or_else(|| "no --output folder and no --journal".to_string(), |p| p.display().to_string());
            bail!("--resume: expected the journal of an earlier run, found none ({place})");
        }
        let journal = path.as_deref().map(|path| open_journal(path, args.fresh)).transpose()?;
        let store = if args.no_cache { None } else { open_cache(args, settings)? };
        let store = store.map(|store| if args.fresh { store.refreshing() } else { store });
        // With a journal elsewhere there may be another job of this name in the folder.
        let own = journal.as_ref().filter(|_| args.journal.is_none());
        let staging = own.and(state.as_ref()).map(|state| state.join(format!("{name}.parts")));
        if let Some(staging) = staging.as_deref().filter(|staging| staging.exists()) {
            std::fs::remove_dir_all(staging).with_context(|| format!("cannot delete {}", staging.display()))?;
        }
        let sidecars = journal.is_some() && folder.is_some() && !args.no_sidecar;
        let summary = journal.as_ref().and(state).map(|state| state.join(format!("{name}.summary.json")));
        Ok(Kept { journal, store, sidecars, summary, staging })
    }

    /// Ends a job: the journal is tidied up and the sums are written.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn finish(&self, head: &Head, tail: &Tail, cancelled: bool) -> Result<()> {
        // What could not be written is done again next time, and its segments are known then.
        if let Some(journal) = self.journal.as_ref().filter(|_| !cancelled && tail.totals.failed == 0) {
            journal.compact()?;
        }
        if let Some(staging) = self.staging.as_deref().filter(|staging| staging.exists()) {
            std::fs::remove_dir_all(staging).with_context(|| format!("cannot delete {}", staging.display()))?;
        }
        let Some(path) = &self.summary else { return Ok(()) };
        let summary = json!({
            "program": concat!("tlumach ", env!("CARGO_PKG_VERSION")),
            "finished": time::now(),
            "stopped": cancelled,
            "task": head.task,
            "options": head.options,
            "models": tail.models,
            "totals": tail.totals,
        });
        write(path, &summary, None)
    }
}

/// A journal; one of an earlier run is thrown away if everything is to be done again.
fn open_journal(path: &Path, fresh: bool) -> Result<Journal> {
    let journal = Journal::open(path)?;
    if !fresh || journal.earlier().is_none() {
        return Ok(journal);
    }
    // Opened first: who deletes the journal of a running job would let two work on it.
    std::fs::remove_file(path).with_context(|| format!("--fresh: cannot delete {}", path.display()))?;
    drop(journal);
    Ok(Journal::open(path)?)
}

/// The cache; the default one is done without where it cannot be used.
fn open_cache(args: &KeepArgs, settings: &Settings) -> Result<Option<Store>> {
    let limit = u64::from(args.cache_size) << 20;
    match &args.cache {
        Some(path) => Ok(Some(Store::open(path, limit)?)),
        None => Ok(Store::open(&settings.data_dir.join(CACHE), limit)
            .map_err(|error| super::console::say(&format!("tlumach: {error}; going on without it")))
            .ok()),
    }
}

/// Whether the outputs of a job go into a folder.
pub(super) fn is_folder_job(input: &InputArgs) -> bool {
    let several = input.inputs.len() > 1 || input.inputs.iter().any(|path| path.is_dir());
    input
        .output
        .as_deref()
        .is_some_and(|output| several || output.is_dir() || output.to_string_lossy().ends_with(['/', '\\']))
}

/// What a job is called among those that share an output folder.
fn job_name(spec: &JobSpec, shard: Option<Shard>) -> String {
    let task = if matches!(spec.work, Work::Summarize { .. }) { "summarize" } else { "translate" };
    let to = spec.to.map_or_else(|| "own".to_string(), |to| to.to_string());
    let shard = shard.map(|shard| format!("-{}-of-{}", shard.index, shard.of)).unwrap_or_default();
    format!("{task}-{to}{shard}")
}

/// Writes a JSON file whole or not at all.
fn write(path: &Path, value: &Value, staging: Option<&Path>) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    let folder = staging.or(path.parent()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(context)?;
    let mut file = tempfile::Builder::new().prefix(".tlumach-").tempfile_in(folder).with_context(context)?;
    serde_json::to_writer_pretty(&mut file, value).with_context(context)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).with_context(context)?;
    }
    file.persist(path).with_context(context)?;
    Ok(())
}

/// Writes where an output comes from, beside it.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write_sidecar(
    record: &ArticleRecord,
    head: &Head,
    models: &[ModelRecord],
    staging: Option<&Path>,
) -> Result<()> {
    let Some(output) = record.output.as_deref().filter(|_| matches!(record.status, Status::Ok | Status::Findings))
    else {
        return Ok(());
    };
    let mut path = output.as_os_str().to_os_string();
    path.push(SIDECAR);
    let path = PathBuf::from(path);
    // One of an earlier output, which a full disk left behind, is no sidecar of this one.
    let is_current = || {
        let known: Option<Value> = serde_json::from_slice(&std::fs::read(&path).ok()?).ok();
        Some(known?["output"]["sha256"].as_str()? == record.output_sha256.as_deref()?)
    };
    if record.reused && is_current() == Some(true) {
        return Ok(());
    }
    let provenance = provenance(record, head, models);
    // A folder of the output may be a disk of its own.
    write(&path, &provenance, staging).or_else(|_| write(&path, &provenance, None))
}

/// What is said of the parts of an article that were not read.
pub(super) fn not_read(record: &ArticleRecord) -> impl Iterator<Item = &str> {
    record.findings.iter().filter(|finding| finding.code == "not_read").map(|finding| finding.message.as_str())
}

/// Where an output comes from: source, program, models, options, and what was found.
pub(super) fn provenance(record: &ArticleRecord, head: &Head, models: &[ModelRecord]) -> Value {
    let used: Vec<&ModelRecord> = models
        .iter()
        .filter(|model| {
            record.route.iter().any(|hop| hop.model == model.name)
                || record.summarizer.as_deref() == Some(model.name.as_str())
        })
        .collect();
    let mut findings: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in record.all_findings() {
        *findings.entry(finding.code).or_default() += 1;
    }
    json!({
        "program": concat!("tlumach ", env!("CARGO_PKG_VERSION")),
        "machine_generated": true,
        "finished": time::now(),
        "task": head.task,
        "source": record.input,
        "output": { "path": record.output, "sha256": record.output_sha256 },
        "language": record.language,
        "options": head.options,
        "route": record.route,
        "summarizer": record.summarizer,
        "models": used,
        "status": record.status,
        "confidence": record.confidence,
        "segments": record.segments.len(),
        "needs_review": record.segments.iter().filter(|segment| segment.needs_review).count(),
        "findings": findings,
        "not_read": not_read(record).collect::<Vec<&str>>(),
        "accounting": record.accounting,
    })
}

/// Which part of the articles is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shard {
    index: u64,
    of: u64,
}

impl Shard {
    /// Reads `I/N`; `lookup` reads a variable of the environment.
    ///
    /// # Errors
    /// It is something else, or `auto` without a variable that says which.
    pub(super) fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Shard> {
        let wrong = || format!("--shard {text}: expected I/N with I from 0 to N-1, for example 0/4, or auto/N");
        let (index, of) = text.split_once('/').with_context(wrong)?;
        let of: u64 = of.parse().ok().filter(|of| *of > 0).with_context(wrong)?;
        let index = if index == "auto" {
            // Tasks of Slurm may begin at any number.
            let first = lookup("SLURM_ARRAY_TASK_MIN").and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
            let slurm = lookup("SLURM_ARRAY_TASK_ID").and_then(|index| index.parse::<u64>().ok()?.checked_sub(first));
            let kubernetes = lookup("JOB_COMPLETION_INDEX").and_then(|index| index.parse::<u64>().ok());
            kubernetes.or(slurm).with_context(|| {
                format!("--shard {text}: neither JOB_COMPLETION_INDEX nor SLURM_ARRAY_TASK_ID says which part this is")
            })?
        } else {
            index.parse().ok().with_context(wrong)?
        };
        if index >= of {
            bail!("--shard {text}: expected a part from 0 to {}, got {index}", of - 1);
        }
        Ok(Shard { index, of })
    }

    /// Keeps the articles of this part. They are told by their contents, so that it does not matter where a folder is or in
    /// which order it is read; what cannot be read is told by its name.
    pub(super) fn retain(self, items: &mut Vec<Item>) {
        items.retain(|item| {
            let hash = match &item.input {
                Source::File(path) => {
                    std::fs::read(path).map_or_else(|_| Sha256::digest(item.input.name()), Sha256::digest)
                }
                Source::Bytes { bytes, .. } => Sha256::digest(bytes),
                Source::Unusable { name, .. } => Sha256::digest(name),
            };
            let mut first = [0; 8];
            first.copy_from_slice(&hash[..8]);
            u64::from_be_bytes(first) % self.of == self.index
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Shard;

    #[test]
    fn a_part_is_said_or_taken_from_the_environment() {
        let slurm = |name: &str| match name {
            "SLURM_ARRAY_TASK_ID" => Some("5".to_string()),
            "SLURM_ARRAY_TASK_MIN" => Some("2".to_string()),
            _ => None,
        };
        let none = |_: &str| None;
        assert_eq!(Shard::parse("1/3", &none).unwrap(), Shard { index: 1, of: 3 });
        assert_eq!(Shard::parse("auto/4", &slurm).unwrap(), Shard { index: 3, of: 4 });
        for (text, expected) in
            [("3/3", "from 0 to 2"), ("x", "expected I/N"), ("1/0", "expected I/N"), ("auto/2", "JOB_COMPLETION_INDEX")]
        {
            let error = format!("{:#}", Shard::parse(text, &none).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
    }
}
