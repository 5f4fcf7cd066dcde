//! `tlumach translate` and `tlumach summarize`: a resolved job through the pipeline, with report and exit code.

use super::args::{Cli, DeviceArg, InputArgs, PrecisionArg, SummarizeArgs, TermArgs, TierArg, TranslateArgs};
use super::console::{Console, Loudness, Printing, Sink};
use super::records::{Asked, Records};
use super::terms::{self, TermFiles};
use super::{Ending, resolve, stop_flag};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;
use tlumach::job::report::{Head, ModelRecord, Status, Tail};
use tlumach::job::spec::{Alignments, JobSpec, KeepBoilerplate, Retry, Typography, Work};
use tlumach::model::{LoadOptions, Precision};
use tlumach::pipeline::models::{Choice, Models};
use tlumach::pipeline::{Event, Observer, Pipeline, Summary};
use tlumach::registry::card::Tier;
use tlumach::registry::{self, Settings};
use tlumach::token::SummaryLength;

pub(super) fn translate(cli: &Cli, args: &TranslateArgs, settings: &mut Settings) -> Result<Ending> {
    Ok(ending(&run(cli, &args.input, settings, translation_plan(args))?.summary))
}

pub(super) fn summarize(cli: &Cli, args: &SummarizeArgs, settings: &mut Settings) -> Result<Ending> {
    Ok(ending(&run(cli, &args.input, settings, summary_plan(args))?.summary))
}

pub(super) fn translation_plan(args: &TranslateArgs) -> Plan<'_> {
    let (retry, typography) = (args.retry.into(), args.typography.into());
    Plan { work: translation(args), retry, typography, print: Printing::Print, passes: 1, terms: Some(&args.terms) }
}

pub(super) fn summary_plan(args: &SummarizeArgs) -> Plan<'static> {
    let (retry, typography) = (Retry::Full, Typography::Auto);
    Plan { work: summary_work(args), retry, typography, print: Printing::Print, passes: 1, terms: None }
}

fn translation(args: &TranslateArgs) -> Work {
    let boilerplate = if args.drop_boilerplate { KeepBoilerplate::Drop } else { KeepBoilerplate::Keep };
    let alignments = if args.alignments { Alignments::Report } else { Alignments::Omit };
    Work::Translate { by_line: args.segment.into(), boilerplate, alignments }
}

fn summary_work(args: &SummarizeArgs) -> Work {
    Work::Summarize { length: args.length.into() }
}

fn ending(summary: &Summary) -> Ending {
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

/// Runs a job.
pub(super) fn run(cli: &Cli, input: &InputArgs, settings: &mut Settings, plan: Plan<'_>) -> Result<Ran> {
    let Plan { work, retry, typography, print, passes, terms } = plan;
    let mut spec = resolve::resolve(input, work, &mut std::io::stdin().lock())?;
    spec.retry = retry;
    spec.typography = typography;
    if print == Printing::Discard {
        for item in &mut spec.items {
            item.output = tlumach::job::spec::Target::Caller;
        }
    }
    let terms = terms.map(|files| terms::read(files, spec.to)).transpose()?.unwrap_or_default();
    settings.accept_license = input.accept_license;
    let options = LoadOptions {
        device: device(input.device)?,
        precision: precision(input.precision),
        keep: tlumach::model::Keep::default(),
    };
    let choice = choice(&input.model)?;
    let stop = stop_flag();
    let mut console = Console::new(Loudness::new(cli.quiet, cli.verbose)).stopped_by(stop.clone());
    console.begin(spec.items.len());
    let models = Models::new(choice, settings, options, &console)?.of_tier(input.tier.map(tier));
    let (report, review) = (input.report.as_deref(), input.review.as_deref());
    let asked = Asked { report, review, articles: spec.items.len(), items: &spec.items };
    let records = Records::begin(asked, &head(input, &spec, &terms))?;
    let sink = Sink { console: &console, records: Mutex::new(records), failure: Mutex::new(None), print };
    let first_answer = OnceLock::new();
    let mut passes_s = Vec::new();
    let mut load_ms = 0;
    let mut outcome = Ok(Summary::default());
    for pass in 1..=passes {
        let began = Instant::now();
        let timed = Timed { sink: (pass == passes).then_some(&sink), first_answer: &first_answer };
        outcome = with_terms(Pipeline::new(&spec, &models, &stop, &timed), &terms).execute();
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
    let tail = Tail { models: models.records(), totals: summary.totals.clone() };
    sink.records.into_inner().unwrap_or_else(PoisonError::into_inner).finish(&tail)?;
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

/// A job without terms does not even know that there could be some.
fn with_terms<'a>(pipeline: Pipeline<'a>, files: &'a TermFiles) -> Pipeline<'a> {
    if files.are_given() { pipeline.with_terms(&files.terms) } else { pipeline }
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
