//! `tlumach translate` and `tlumach summarize`: a resolved job through the pipeline, with report and exit code.

use super::args::{Cli, DeviceArg, InputArgs, PrecisionArg, SummarizeArgs, TranslateArgs};
use super::console::{Console, Loudness, Printing, Sink};
use super::{Ending, resolve, stop_flag};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use tlumach::job::report::{Head, ModelRecord, Tail, Writer};
use tlumach::job::spec::{JobSpec, KeepBoilerplate, Work};
use tlumach::model::{LoadOptions, Precision};
use tlumach::pipeline::models::{Choice, Models};
use tlumach::pipeline::{Pipeline, Summary};
use tlumach::registry::{self, Settings};
use tlumach::token::SummaryLength;

pub(super) fn translate(cli: &Cli, args: &TranslateArgs, settings: &mut Settings) -> Result<Ending> {
    let (_, summary, _) = run(cli, &args.input, translation(args), settings, Printing::Print)?;
    Ok(ending(&summary))
}

pub(super) fn summarize(cli: &Cli, args: &SummarizeArgs, settings: &mut Settings) -> Result<Ending> {
    let (_, summary, _) = run(cli, &args.input, summary_work(args), settings, Printing::Print)?;
    Ok(ending(&summary))
}

pub(super) fn translation(args: &TranslateArgs) -> Work {
    let boilerplate = if args.drop_boilerplate { KeepBoilerplate::Drop } else { KeepBoilerplate::Keep };
    Work::Translate { by_line: args.segment.into(), boilerplate }
}

pub(super) fn summary_work(args: &SummarizeArgs) -> Work {
    Work::Summarize { length: args.length.into() }
}

fn ending(summary: &Summary) -> Ending {
    let totals = &summary.totals;
    if totals.failed > 0 || totals.with_findings > 0 || summary.cancelled { Ending::Findings } else { Ending::Fine }
}

/// Runs a job; answers its spec, what is left of it, and the models it used.
pub(super) fn run(
    cli: &Cli,
    input: &InputArgs,
    work: Work,
    settings: &mut Settings,
    print: Printing,
) -> Result<(JobSpec, Summary, Vec<ModelRecord>)> {
    let mut spec = resolve::resolve(input, work, &mut std::io::stdin().lock())?;
    if print == Printing::Discard {
        for item in &mut spec.items {
            item.output = tlumach::job::spec::Target::Caller;
        }
    }
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
    let models = Models::new(choice, settings, options, &console)?;
    let report = input
        .report
        .as_deref()
        .map(|path| {
            Writer::create(path, &head(input, &spec))
                .with_context(|| format!("cannot write --report {}", path.display()))
        })
        .transpose()?;
    let sink = Sink { console: &console, report: Mutex::new(report), failure: Mutex::new(None), print };
    let outcome = Pipeline::new(&spec, &models, &stop, &sink).execute();
    console.end();
    let summary = match outcome {
        Ok(summary) => summary,
        Err(error) => {
            if let Some(writer) = sink.report.into_inner().unwrap_or_else(PoisonError::into_inner) {
                writer.discard();
            }
            return Err(error.into());
        }
    };
    if let Some(error) = sink.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    if summary.cancelled {
        console.stopped(summary.undone);
    }
    let records = models.records();
    if let Some(writer) = sink.report.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let tail = Tail { models: records.clone(), totals: summary.totals.clone() };
        writer.finish(&tail).context("cannot write the report")?;
    }
    Ok((spec, summary, records))
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

fn precision(precision: PrecisionArg) -> Precision {
    match precision {
        PrecisionArg::Auto => Precision::Auto,
        PrecisionArg::F32 => Precision::F32,
        PrecisionArg::Int8 => Precision::Int8,
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

fn head(input: &InputArgs, spec: &JobSpec) -> Head {
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
        Work::Translate { by_line, boilerplate } => {
            let segment = if by_line == tlumach::job::spec::Lines::OneToOne { "line" } else { "sentence" };
            options.insert("segment", json!(segment));
            options.insert("drop_boilerplate", json!(boilerplate == KeepBoilerplate::Drop));
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
