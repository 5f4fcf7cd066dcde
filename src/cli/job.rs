//! `tlumach translate` and `tlumach summarize`: a resolved job through the pipeline, with report and exit code.

use super::args::{
    Cli, DeviceArg, GuardArg, InputArgs, KeepArgs, MemoryArgs, PrecisionArg, SummarizeArgs, TermArgs, TierArg,
    TranslateArgs,
};
use super::console::{Console, Loudness, Printing, Sidecars, Sink};
use super::keeping::{Kept, Shard};
use super::memories::{self, Export, Memories};
use super::records::{Asked, Records};
use super::terms::{self, TermFiles};
use super::{Ending, resolve, stop_flag, stream, watch};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;
use tlumach::job::journal::Journal;
use tlumach::job::report::{Head, ModelRecord, Status, Tail};
use tlumach::job::spec::{Alignments, JobSpec, KeepBoilerplate, Retry, Typography, Work};
use tlumach::model::{LoadOptions, Precision};
use tlumach::pipeline::models::{Choice, Models};
use tlumach::pipeline::{Event, Extra, Observer, Pipeline, Readings, Summary};
use tlumach::registry::card::Tier;
use tlumach::registry::{self, Settings};
use tlumach::token::SummaryLength;

/// How many outputs a command has.
pub(super) fn outputs(input: &InputArgs) -> usize {
    input.to.as_deref().map_or(1, |to| to.split(',').count())
}

pub(super) fn translate(
    cli: &Cli,
    args: &TranslateArgs,
    settings: &mut Settings,
    readings: &Readings,
) -> Result<Ending> {
    let mut ending = Ending::Fine;
    let args_to = args.input.to.as_deref();
    for input in each_language(&args.input, args.keep.watch)? {
        let mut args = TranslateArgs { input, ..args.clone() };
        if several(&args.input, args_to) {
            args.memory.memory_out = args.memory.memory_out.as_deref().map(|path| in_language(path, &args.input));
        }
        let done =
            do_or_watch(cli, &args.input, settings, Plan { readings: Some(readings), ..translation_plan(&args) })?;
        ending = if done == Ending::Fine { ending } else { done };
    }
    Ok(ending)
}

pub(super) fn summarize(
    cli: &Cli,
    args: &SummarizeArgs,
    settings: &mut Settings,
    readings: &Readings,
) -> Result<Ending> {
    let mut ending = Ending::Fine;
    for input in each_language(&args.input, args.keep.watch)? {
        let args = SummarizeArgs { input, ..args.clone() };
        let done = do_or_watch(cli, &args.input, settings, Plan { readings: Some(readings), ..summary_plan(&args) })?;
        ending = if done == Ending::Fine { ending } else { done };
    }
    Ok(ending)
}

/// Whether a job is one of several languages that were asked for together.
fn several(input: &InputArgs, asked: Option<&str>) -> bool {
    input.to.as_deref() != asked
}

/// A file with the language of a job in its name.
fn in_language(path: &Path, input: &InputArgs) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}.{}{extension}", input.to.as_deref().unwrap_or_default()))
}

/// The same for each language of `--to uk,ko`; report and review copy get the language into their names.
fn each_language(input: &InputArgs, watched: bool) -> Result<Vec<InputArgs>> {
    let Some(several) = input.to.as_deref().filter(|to| to.contains(',')) else { return Ok(vec![input.clone()]) };
    if watched {
        bail!("--to {several}: --watch does one language at a time; start one for each");
    }
    let mut input = input.clone();
    if let Some(output) = input.output.as_mut().filter(|output| output.extension().is_none() && !output.is_file()) {
        // Several answers need a folder, so that this is one.
        output.push("");
    }
    let input = &input;
    let folder = input.output.as_deref().is_some_and(|_| super::keeping::is_folder_job(input));
    if !folder || input.inputs.iter().any(|path| path == Path::new("-")) {
        bail!(
            "--to {several}: several languages need files as inputs and a folder for their answers: add --output DIR/"
        );
    }
    let mut each: Vec<InputArgs> = Vec::new();
    for to in several.split(',').map(str::trim) {
        let input = InputArgs { to: Some(to.to_string()), ..input.clone() };
        let (report, review) = (input.report.as_deref(), input.review.as_deref());
        let (report, review) =
            (report.map(|path| in_language(path, &input)), review.map(|path| in_language(path, &input)));
        if to.is_empty() || each.iter().any(|other| other.to == input.to) {
            bail!("--to {several}: expected different languages with commas between, for example uk,ko");
        }
        each.push(InputArgs { report, review, ..input });
    }
    Ok(each)
}

fn do_or_watch(cli: &Cli, input: &InputArgs, settings: &mut Settings, plan: Plan<'_>) -> Result<Ending> {
    if plan.keep.is_some_and(|keep| keep.watch) {
        return watch::run(cli, input, settings, plan);
    }
    if stream::is_one(input, &plan) {
        return stream::run(cli, input, settings, plan);
    }
    Ok(ending(&run(cli, input, settings, plan)?.summary))
}

pub(super) fn translation_plan(args: &TranslateArgs) -> Plan<'_> {
    let retry = if args.input.guard == GuardArg::Mark { Retry::Off } else { args.retry.into() };
    let typography = args.typography.into();
    let (terms, memory, keep) = (Some(&args.terms), Some(&args.memory), Some(&args.keep));
    let (print, readings) = (Printing::Print, None);
    Plan { work: translation(args), retry, typography, print, passes: 1, terms, memory, keep, readings }
}

pub(super) fn summary_plan(args: &SummarizeArgs) -> Plan<'_> {
    let (retry, typography) = (Retry::Full, Typography::Auto);
    let keep = Some(&args.keep);
    Plan {
        work: summary_work(args),
        retry,
        typography,
        print: Printing::Print,
        passes: 1,
        terms: None,
        memory: None,
        keep,
        readings: None,
    }
}

fn translation(args: &TranslateArgs) -> Work {
    let boilerplate = if args.drop_boilerplate { KeepBoilerplate::Drop } else { KeepBoilerplate::Keep };
    let alignments = if args.alignments { Alignments::Report } else { Alignments::Omit };
    Work::Translate { by_line: args.segment.into(), boilerplate, alignments }
}

fn summary_work(args: &SummarizeArgs) -> Work {
    Work::Summarize { length: args.length.into() }
}

pub(super) fn ending(summary: &Summary) -> Ending {
    let totals = &summary.totals;
    if totals.failed > 0 || totals.with_findings > 0 || summary.cancelled { Ending::Findings } else { Ending::Fine }
}

/// What is done with a job, beside what its inputs and options say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) work: Work,
    pub(super) retry: Retry,
    pub(super) typography: Typography,
    pub(super) print: Printing,
    /// How often it is done. Report, standard output and messages are of the last pass.
    pub(super) passes: u16,
    /// The files with its terms, where it may have some.
    pub(super) terms: Option<&'a TermArgs>,
    /// The translation memories, where it may have some.
    pub(super) memory: Option<&'a MemoryArgs>,
    /// What is kept of it; nothing where it is only measured.
    pub(super) keep: Option<&'a KeepArgs>,
    /// What was read of its articles for other outputs.
    pub(super) readings: Option<&'a Readings>,
}

/// A job that was run.
pub(super) struct Ran {
    pub(super) spec: JobSpec,
    /// What is left of the last pass.
    pub(super) summary: Summary,
    pub(super) models: Vec<ModelRecord>,
    /// Seconds of each pass, without finding and loading models.
    pub(super) passes_s: Vec<f64>,
    /// Finding and loading models, all passes together.
    pub(super) load_ms: u64,
    /// When the first answer was there.
    pub(super) first_answer: Option<Instant>,
}

/// What a job runs on, beside its articles and its models.
pub(super) struct Ground {
    pub(super) choice: Choice,
    pub(super) options: LoadOptions,
    pub(super) tier: Option<Tier>,
    pub(super) head: Head,
    pub(super) kept: Kept,
    pub(super) print: Printing,
    terms: TermFiles,
    memories: Option<Memories>,
    /// What answers depend on beside the job and the models.
    extra: String,
}

impl Ground {
    /// Reads and opens what the arguments name.
    ///
    /// # Errors
    /// Something of it cannot be used.
    pub(super) fn prepare(
        input: &InputArgs,
        spec: &mut JobSpec,
        settings: &mut Settings,
        plan: Plan<'_>,
    ) -> Result<Ground> {
        spec.retry = plan.retry;
        spec.typography = plan.typography;
        if let Some(shard) = plan.keep.and_then(|keep| keep.shard.as_deref()) {
            Shard::parse(shard, &|name| std::env::var(name).ok())?.retain(&mut spec.items);
        }
        let terms = plan.terms.map(|files| terms::read(files, spec.to)).transpose()?.unwrap_or_default();
        let memories = plan.memory.map(|args| memories::read(args, spec.to)).transpose()?.flatten();
        settings.accept_license = input.accept_license;
        let options = LoadOptions {
            device: device(input.device)?,
            precision: precision(input.precision),
            keep: tlumach::model::Keep::default(),
        };
        let choice = choice(&input.model)?;
        let kept = plan.keep.map(|keep| Kept::open(input, keep, spec, settings)).transpose()?.unwrap_or_default();
        spec.staging.clone_from(&kept.staging);
        let mut head = head(input, spec, &terms);
        head.options.extend(memories.as_ref().map(|memories| ("memory", memories.option())));
        Ok(Ground {
            choice,
            options,
            tier: input.tier.map(tier),
            head,
            kept,
            print: plan.print,
            extra: extra(input, &terms),
            terms,
            memories,
        })
    }

    /// What is written beside each output.
    pub(super) fn sidecars<'g>(&'g self, models: &'g Models<'g>) -> Option<Sidecars<'g>> {
        self.kept.sidecars.then_some(Sidecars { head: &self.head, models, staging: self.kept.staging.as_deref() })
    }

    /// A pipeline with the terms of the job, if it has any, and with what is known from before.
    pub(super) fn equip<'g>(&'g self, pipeline: Pipeline<'g>) -> Pipeline<'g> {
        let pipeline = if self.terms.are_given() { pipeline.with_terms(&self.terms.terms) } else { pipeline };
        let memory = self.memories.as_ref().map(|memories| memories.option().to_string()).unwrap_or_default();
        let extra = Extra { answers: self.extra.clone(), articles: memory };
        let pipeline = pipeline.with_recall(self.kept.journal.as_ref(), self.kept.store.as_ref(), extra);
        match &self.memories {
            Some(memories) => pipeline.with_memory(&memories.memory, memories.options),
            None => pipeline,
        }
    }
}

/// Runs a job.
pub(super) fn run(cli: &Cli, input: &InputArgs, settings: &mut Settings, plan: Plan<'_>) -> Result<Ran> {
    let Plan { work, print, passes, .. } = plan;
    let mut spec = resolve::resolve(input, work, &mut std::io::stdin().lock())?;
    if print == Printing::Discard {
        for item in &mut spec.items {
            item.output = tlumach::job::spec::Target::Caller;
        }
    }
    let ground = Ground::prepare(input, &mut spec, settings, plan)?;
    let stop = stop_flag();
    let mut console = Console::new(Loudness::new(cli.quiet, cli.verbose)).stopped_by(stop.clone());
    if let Some((articles, segments)) = ground.kept.journal.as_ref().and_then(Journal::earlier) {
        console.resumed(articles, segments);
    }
    console.begin(spec.items.len());
    let models = Models::new(ground.choice.clone(), settings, ground.options.clone(), &console)?.of_tier(ground.tier);
    let (report, review) = (input.report.as_deref(), input.review.as_deref());
    let asked = Asked { report, review, articles: spec.items.len(), items: &spec.items };
    let export = plan.memory.and_then(|memory| memory.memory_out.as_deref()).zip(spec.to);
    let export = export.map(|(path, to)| Export::begin(path, spec.from, to)).transpose()?;
    let sink = Sink {
        console: &console,
        export: Mutex::new(export),
        records: Mutex::new(Records::begin(asked, &ground.head)?),
        failure: Mutex::new(None),
        print,
        sidecars: ground.sidecars(&models),
        used: Mutex::default(),
    };
    let first_answer = OnceLock::new();
    let mut passes_s = Vec::new();
    let mut load_ms = 0;
    let mut outcome = Ok(Summary::default());
    for pass in 1..=passes {
        let began = Instant::now();
        let timed = Timed { sink: (pass == passes).then_some(&sink), first_answer: &first_answer };
        let pipeline = ground.equip(Pipeline::new(&spec, &models, &stop, &timed));
        let pipeline = match plan.readings {
            Some(readings) => pipeline.with_readings(readings),
            None => pipeline,
        };
        outcome = pipeline.execute();
        let Ok(summary) = &outcome else { break };
        load_ms += summary.totals.load_ms;
        passes_s.push((began.elapsed().as_secs_f64() - summary.totals.load_ms as f64 / 1000.0).max(0.0));
        if summary.cancelled {
            break;
        }
    }
    console.end();
    let summary = match outcome {
        Ok(summary) => summary,
        Err(error) => {
            sink.records.into_inner().unwrap_or_else(PoisonError::into_inner).discard();
            return Err(error.into());
        }
    };
    if let Some(error) = sink.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    if summary.cancelled {
        console.stopped(summary.undone);
    }
    console.remembered(&summary.totals);
    let used = sink.used.into_inner().unwrap_or_else(PoisonError::into_inner);
    let tail = Tail { models: all_records(&models, &used), totals: summary.totals.clone() };
    let kept = ground.kept.finish(&ground.head, &tail, summary.cancelled);
    sink.records.into_inner().unwrap_or_else(PoisonError::into_inner).finish(&tail)?;
    if let Some(export) = sink.export.into_inner().unwrap_or_else(PoisonError::into_inner) {
        export.finish()?;
    }
    kept?;
    let first_answer = first_answer.into_inner();
    Ok(Ran { spec, summary, models: tail.models, passes_s, load_ms, first_answer })
}

/// Notes when the first answer was there; tells the last pass to the console.
struct Timed<'s, 'a> {
    sink: Option<&'s Sink<'a>>,
    first_answer: &'s OnceLock<Instant>,
}

impl Observer for Timed<'_, '_> {
    fn event(&self, event: &Event<'_>) {
        if let Some(sink) = self.sink {
            sink.event(event);
        }
        if let Event::Article { record, .. } = event
            && matches!(record.status, Status::Ok | Status::Findings)
        {
            let _ = self.first_answer.set(Instant::now());
        }
    }
}

/// What `--model` means: a reserved word, a card, then a path.
fn choice(text: &str) -> Result<Choice> {
    Ok(match text {
        "auto" => Choice::Auto,
        "echo" => Choice::Echo,
        "extractive" => Choice::Extractive,
        name => match registry::find(name) {
            Some(card) => Choice::Card(card),
            None if Path::new(name).exists() => Choice::Path(name.into()),
            None if Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
                || name.starts_with(['.', '/']) =>
            {
                bail!("--model {name}: no such file or folder")
            }
            None => return Err(registry::unknown(name).into()),
        },
    })
}

fn tier(tier: TierArg) -> Tier {
    match tier {
        TierArg::Fast => Tier::Fast,
        TierArg::Balanced => Tier::Balanced,
        TierArg::Best => Tier::Best,
    }
}

fn precision(precision: PrecisionArg) -> Precision {
    match precision {
        PrecisionArg::Auto => Precision::Auto,
        PrecisionArg::F32 => Precision::F32,
        PrecisionArg::Int8 => Precision::Int8,
        PrecisionArg::W8a16 => Precision::W8A16,
    }
}

fn device(device: DeviceArg) -> Result<candle_core::Device> {
    match device {
        DeviceArg::Cpu => Ok(candle_core::Device::Cpu),
        DeviceArg::Cuda if !cfg!(feature = "cuda") => bail!(
            "--device cuda: this program was built without CUDA; with the CUDA toolkit (nvcc) installed, build it with \
             `cargo build --release --features cuda`"
        ),
        DeviceArg::Cuda => candle_core::Device::new_cuda(0).context("--device cuda: no usable NVIDIA GPU"),
    }
}

/// The records of the models that were loaded, and of those that made what was known from before.
pub(super) fn all_records(models: &Models<'_>, used: &BTreeSet<String>) -> Vec<ModelRecord> {
    let mut records = models.records();
    for name in used {
        if !records.iter().any(|record| record.name == *name) {
            records.extend(models.record(name));
        }
    }
    records
}

/// What answers depend on beside the job and the models.
fn extra(input: &InputArgs, terms: &TermFiles) -> String {
    let files: BTreeMap<&str, serde_json::Value> = terms.options().collect();
    format!("{:?} {:?} {}", input.precision, input.device, json!(files))
}

fn head(input: &InputArgs, spec: &JobSpec, terms: &TermFiles) -> Head {
    let mut options = BTreeMap::from([
        ("to", json!(spec.to)),
        ("from", json!(input.from)),
        ("model", json!(input.model)),
        ("beam", json!(input.beam)),
        ("precision", json!(format!("{:?}", input.precision).to_lowercase())),
        ("device", json!(format!("{:?}", input.device).to_lowercase())),
        ("threads", json!(spec.threads)),
        ("guard", json!(format!("{:?}", input.guard).to_lowercase())),
    ]);
    let task = match spec.work {
        Work::Translate { by_line, boilerplate, alignments } => {
            let segment = if by_line == tlumach::job::spec::Lines::OneToOne { "line" } else { "sentence" };
            options.insert("segment", json!(segment));
            options.insert("retry", json!(if spec.retry == Retry::Off { "off" } else { "full" }));
            options.insert("typography", json!(if spec.typography == Typography::Off { "off" } else { "auto" }));
            options.insert("drop_boilerplate", json!(boilerplate == KeepBoilerplate::Drop));
            options.extend(terms.options());
            if alignments == Alignments::Report {
                options.insert("alignments", json!(true));
            }
            "translate"
        }
        Work::Summarize { length } => {
            options.insert("length", json!(length));
            options.insert("sentences", json!(SummaryLength::sentences(length)));
            "summarize"
        }
    };
    Head { task, options }
}
