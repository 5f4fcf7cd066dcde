//! `tlumach doctor`: what is here, what works with it, what a first run would fetch, and how fast the machine is.
//!
//! It makes no connection and changes nothing. Everything is gathered into one JSON object; the text for people is made from it.

mod measure;
mod text;

use super::Ending;
use super::args::DoctorArgs;
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use tlumach::kernels::int8::Tier;
use tlumach::kernels::tiers::{self, Width};
use tlumach::language::Language;
use tlumach::model::{Keep, LoadOptions, Precision};
use tlumach::pipeline::models::{Choice, Models};
use tlumach::registry::card::Task;
use tlumach::registry::{self, Card, Settings};

/// The languages of the main job.
const LANGUAGES: [Language; 3] = [Language::EN, Language::UK, Language::KO];

pub(super) fn run(args: &DoctorArgs, settings: &Settings, config: Option<&Path>) -> Result<Ending> {
    let threads = args.threads.map_or_else(num_cpus::get, usize::from);
    let options = LoadOptions { device: candle_core::Device::Cpu, precision: Precision::Auto, keep: Keep::Nowhere };
    let models = Models::new(Choice::Auto, settings, options, &())?;
    let directions = directions(&models, settings);
    let mut facts = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "features": features(),
        "processor": processor(threads),
        "memory": memory(),
        "folders": folders(settings),
        "models": on_disk(settings),
        "directions": directions.iter().map(Direction::json).collect::<Vec<_>>(),
        "summaries": summaries(settings),
        "hub": hub(settings),
        "config": config.map(|file| file.display().to_string()),
    });
    let problems = problems(&directions, settings);
    facts["can_run"] = json!(problems.is_empty());
    facts["problems"] = json!(problems);
    let mut out = std::io::stdout().lock();
    if !args.json {
        // Measuring takes its time; until then there is something to read.
        out.write_all(text::facts(&facts).as_bytes())?;
        out.flush()?;
    }
    if !args.no_measure {
        // The smallest models that are there: a chat model of a gigabyte says little of what the machine can do.
        let size =
            |direction: &&Direction| direction.through.iter().flatten().map(|(card, _)| card.size_bytes).sum::<u64>();
        let ready = directions.iter().filter(|direction| direction.works()).min_by_key(size);
        let ready = ready.map(|direction| (direction.from, direction.to));
        facts["measured"] = measure::all(threads, ready, &models);
    }
    let text = if args.json { format!("{facts}\n") } else { text::measured(&facts) };
    out.write_all(text.as_bytes())?;
    Ok(if problems.is_empty() { Ending::Fine } else { Ending::Findings })
}

fn features() -> Vec<&'static str> {
    [("cuda", cfg!(feature = "cuda"))].into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect()
}

fn processor(threads: usize) -> Value {
    let name = first_of("/proc/cpuinfo", "model name", ':').unwrap_or_else(|| std::env::consts::ARCH.to_string());
    let int8 = match Tier::best() {
        Tier::Avx512Vnni => "AVX-512 VNNI",
        Tier::AvxVnni => "AVX-VNNI",
        Tier::Avx2 => "AVX2",
        Tier::Generic => "none beyond the baseline",
    };
    let float = match tiers::width() {
        Width::Avx512 => "AVX-512",
        Width::Avx2 => "AVX2 with FMA",
        Width::Baseline => "none beyond the baseline",
    };
    json!({
        "name": name,
        "architecture": std::env::consts::ARCH,
        "cores": num_cpus::get_physical(),
        "processors": num_cpus::get(),
        "threads": threads,
        "instructions": { "int8": int8, "float": float },
    })
}

/// The value of the first line of a file that begins with a name.
fn first_of(file: &str, name: &str, separator: char) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(separator).map(|(_, value)| value.trim().to_string())
}

fn memory() -> Value {
    let bytes = |name: &str| -> Option<u64> {
        let value = first_of("/proc/meminfo", name, ':')?;
        Some(value.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    };
    json!({ "total_bytes": bytes("MemTotal"), "available_bytes": bytes("MemAvailable") })
}

fn folders(settings: &Settings) -> Value {
    let folder = |path: &Path| json!({ "path": path.display().to_string(), "exists": path.is_dir(), "free_bytes": registry::free_bytes(path) });
    json!({
        "hub_cache": folder(&settings.hub_cache),
        "local": folder(&settings.local_dir),
        "data": folder(&settings.data_dir),
    })
}

fn on_disk(settings: &Settings) -> Vec<Value> {
    let listed = registry::list(settings);
    let here = listed.iter().filter_map(|listed| listed.on_disk.as_ref().map(|disk| (listed.card, disk)));
    here.map(|(card, disk)| {
        // A file whose size is not that of the card is not taken for the model's at all.
        let known = |name: &str| card.file(name).is_some_and(|file| file.size.is_some());
        let checked = disk.files.iter().filter(|(name, ..)| known(name)).count();
        json!({
            "name": card.name,
            "folder": disk.folder.display().to_string(),
            "size_bytes": disk.size_bytes,
            "files": disk.files.len(),
            "files_with_size_of_card": checked,
        })
    })
    .collect()
}

/// Who would summarize: a model on disk, else the article's own sentences.
fn summaries(settings: &Settings) -> Vec<String> {
    let listed = registry::list(settings);
    let able = listed.iter().filter(|listed| listed.on_disk.is_some() && listed.card.does(Task::Summarize));
    able.map(|listed| listed.card.name.clone()).chain(["extractive".to_string()]).collect()
}

fn hub(settings: &Settings) -> Value {
    json!({
        "endpoint": settings.endpoint,
        "token": settings.has_token(),
        "offline": settings.offline,
        "addresses": settings.addresses,
        "proxy": settings.https_proxy.is_some() || settings.http_proxy.is_some(),
        "own_certificates": settings.ca_file.is_some(),
    })
}

/// A direction of the main job and the models it would go through.
struct Direction {
    from: Language,
    to: Language,
    /// Each with whether it is on disk; none where nothing does it.
    through: Option<Vec<(&'static Card, bool)>>,
}

fn directions(models: &Models<'_>, settings: &Settings) -> Vec<Direction> {
    let listed = registry::list(settings);
    let here: BTreeMap<&str, bool> =
        listed.iter().map(|listed| (listed.card.name.as_str(), listed.on_disk.is_some())).collect();
    let pairs = LANGUAGES.iter().flat_map(|&from| LANGUAGES.iter().map(move |&to| (from, to)));
    pairs
        .filter(|(from, to)| from != to)
        .map(|(from, to)| {
            let card =
                |name: &str| registry::find(name).map(|card| (card, here.get(name).copied().unwrap_or_default()));
            let through = models
                .plan(from, to)
                .and_then(|hops| hops.iter().map(|hop| card(&hop.model)).collect::<Option<Vec<_>>>());
            Direction { from, to, through }
        })
        .collect()
}

impl Direction {
    fn works(&self) -> bool {
        self.through.as_ref().is_some_and(|through| through.iter().all(|(_, here)| *here))
    }

    fn missing(&self) -> impl Iterator<Item = &'static Card> + '_ {
        self.through.iter().flatten().filter(|(_, here)| !here).map(|(card, _)| *card)
    }

    fn json(&self) -> Value {
        let through = self.through.as_ref().map(|through| {
            let model = |(card, here): &(&Card, bool)| json!({ "model": card.name, "on_disk": here });
            through.iter().map(model).collect::<Vec<_>>()
        });
        json!({
            "from": self.from,
            "to": self.to,
            "works": self.works(),
            "through": through,
            "fetches": self.missing().map(|card| json!({ "model": card.name, "bytes": card.size_bytes })).collect::<Vec<_>>(),
        })
    }
}

/// What keeps the main job from being done.
fn problems(directions: &[Direction], settings: &Settings) -> Vec<String> {
    let mut problems = Vec::new();
    for direction in directions.iter().filter(|direction| direction.through.is_none()) {
        let (from, to) = (direction.from, direction.to);
        let why = if settings.offline {
            "no model on disk does it, and offline mode fetches none"
        } else {
            "no model does it"
        };
        problems.push(format!("{from} to {to}: {why}; see `tlumach models list`"));
    }
    let missing: BTreeMap<&str, u64> =
        directions.iter().flat_map(Direction::missing).map(|card| (card.name.as_str(), card.size_bytes)).collect();
    let need: u64 = missing.values().sum();
    if let Some(free) = registry::free_bytes(&settings.data_dir).filter(|&free| free < need) {
        let folder = settings.data_dir.display();
        problems.push(format!("{folder}: expected {need} bytes of free space for models, got {free}; free some space"));
    }
    problems
}
