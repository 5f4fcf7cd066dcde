//! `--watch`: stays, and does what arrives in the input folders.
//!
//! Folders are looked at again and again, which works on any file system. A file is taken when its size and its time have
//! not changed between two looks, so that nobody translates half of what is still being written. What fails is said once and
//! tried again when the file changes. The journal knows what earlier runs have done.

use super::Ending;
use super::args::{Cli, InputArgs};
use super::console::{Console, Loudness, Sink};
use super::job::{self, Plan};
use super::keeping::Shard;
use super::records::{Asked, Records};
use super::{keeping, resolve};
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tlumach::job::report::{Tail, Totals};
use tlumach::job::spec::{Item, JobSpec, Source};
use tlumach::pipeline::models::Models;
use tlumach::pipeline::{Pipeline, Summary};
use tlumach::registry::Settings;

/// Time between two looks.
const EVERY: Duration = Duration::from_millis(500);
/// How long a file must not have changed: longer than the pauses of whoever writes it in pieces.
const QUIET: Duration = Duration::from_millis(1500);

/// What a file looked like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    bytes: u64,
    changed: Option<SystemTime>,
}

impl Look {
    fn at(path: &Path) -> Option<Look> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Look { bytes: metadata.len(), changed: metadata.modified().ok() })
    }

    /// Whether nobody seems to be writing it. A time in the future is that of another clock.
    fn is_quiet(self) -> bool {
        self.changed
            .is_none_or(|changed| SystemTime::now().duration_since(changed).map_or(true, |since| since >= QUIET))
    }
}

/// What was seen of the input folders.
#[derive(Debug, Default)]
struct Seen {
    /// At the last look.
    last: BTreeMap<PathBuf, Look>,
    /// When it was taken.
    taken: BTreeMap<PathBuf, Look>,
}

impl Seen {
    /// Of the inputs that are there, those that are whole and were not taken yet.
    fn ready(&mut self, items: Vec<Item>) -> Vec<Item> {
        let mut last = BTreeMap::new();
        let mut ready = Vec::new();
        for item in items {
            let Source::File(path) = &item.input else { continue };
            let Some(look) = Look::at(path) else { continue };
            last.insert(path.clone(), look);
            let same = self.last.get(path) == Some(&look);
            if same && look.is_quiet() && self.taken.get(path) != Some(&look) {
                self.taken.insert(path.clone(), look);
                ready.push(item);
            }
        }
        self.last = last;
        ready
    }
}

/// Runs until it is stopped.
///
/// # Errors
/// The inputs are no folders, the outputs no folder or one of the inputs, or the job cannot be run at all.
pub(super) fn run(cli: &Cli, input: &InputArgs, settings: &mut Settings, plan: Plan<'_>) -> Result<Ending> {
    check(input)?;
    if plan.memory.is_some_and(|memory| memory.memory_out.is_some()) {
        bail!("--watch: --memory-out is written when a job ends, and this one does not; leave it out");
    }
    let shard = plan.keep.and_then(|keep| keep.shard.as_deref());
    let shard = shard.map(|shard| Shard::parse(shard, &|name| std::env::var(name).ok())).transpose()?;
    let mut spec = JobSpec { items: Vec::new(), ..resolve::options(input, plan.work)? };
    let ground = job::Ground::prepare(input, &mut spec, settings, plan)?;
    let stop = super::stop_flag();
    let mut console = Console::new(Loudness::new(cli.quiet, cli.verbose)).stopped_by(stop.clone());
    console.begin(0);
    let models = Models::new(ground.choice.clone(), settings, ground.options.clone(), &console)?.of_tier(ground.tier);
    if ground.kept.journal.is_none() {
        bail!("--watch: expected a journal, or every start would do everything again: leave --no-journal out");
    }
    let mut seen = Seen::default();
    let mut ending = Ending::Fine;
    let mut sums = Totals::default();
    let mut said = String::new();
    while !stop.load(Ordering::Relaxed) {
        spec.items = match resolve::items(input, plan.work, spec.to) {
            Ok(items) => seen.ready(items),
            // Two files with one output, say: whoever put them there can mend it.
            Err(error) => {
                let message = super::chain(&error);
                if message != said {
                    console.line(&format!("tlumach: {message}"));
                    said = message;
                }
                Vec::new()
            }
        };
        if let Some(shard) = shard {
            shard.retain(&mut spec.items);
        }
        if !spec.items.is_empty() {
            console.more(spec.items.len());
            let summary = pass(&spec, &ground, &models, (&console, &stop))?;
            if job::ending(&summary) == Ending::Findings {
                ending = Ending::Findings;
            }
            sums.add(&summary.totals);
        }
        std::thread::sleep(EVERY);
    }
    console.end();
    let tail = Tail { models: models.records(), totals: sums };
    ground.kept.finish(&ground.head, &tail, false)?;
    Ok(ending)
}

fn pass(
    spec: &JobSpec,
    ground: &job::Ground,
    models: &Models<'_>,
    (console, stop): (&Console, &AtomicBool),
) -> Result<Summary> {
    let asked = Asked { report: None, review: None, articles: spec.items.len(), items: &spec.items };
    let sink = Sink {
        console,
        export: Mutex::new(None),
        records: Mutex::new(Records::begin(asked, &ground.head)?),
        failure: Mutex::new(None),
        print: ground.print,
        sidecars: ground.sidecars(models),
        used: Mutex::default(),
    };
    let summary = ground.equip(Pipeline::new(spec, models, stop, &sink)).execute()?;
    match sink.failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(summary),
    }
}

fn check(input: &InputArgs) -> Result<()> {
    for path in &input.inputs {
        if !path.is_dir() {
            bail!("--watch {}: expected a folder that is there", path.display());
        }
    }
    let Some(output) = &input.output else { bail!("--watch: expected --output DIR for what comes of the articles") };
    std::fs::create_dir_all(output)?;
    if !keeping::is_folder_job(input) || !output.is_dir() {
        bail!("--watch: --output {}: expected a folder", output.display());
    }
    let inside = |folder: &PathBuf| Some(output.canonicalize().ok()?.starts_with(folder.canonicalize().ok()?));
    if input.inputs.iter().any(|folder| inside(folder) == Some(true)) {
        bail!(
            "--watch: --output {} lies in a folder that is watched: every output would be an input again; choose another",
            output.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tlumach::job::spec::Target;

    #[test]
    fn a_file_is_taken_once_when_it_has_not_changed_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let items = || vec![Item { input: Source::File(path.clone()), output: Target::Caller }];
        let mut seen = Seen::default();
        std::fs::write(&path, "half").unwrap();
        assert!(seen.ready(items()).is_empty() && seen.ready(items()).is_empty());
        let old = SystemTime::now() - Duration::from_mins(1);
        let age = |text: &str| {
            std::fs::write(&path, text).unwrap();
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        };
        age("half and half");
        assert!(seen.ready(items()).is_empty());
        assert_eq!(seen.ready(items()).len(), 1);
        assert!(seen.ready(items()).is_empty());
        age("changed later");
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(old - Duration::from_secs(5)).unwrap();
        assert!(seen.ready(items()).is_empty());
        assert_eq!(seen.ready(items()).len(), 1);
    }
}
