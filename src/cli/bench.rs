//! `tlumach bench`: runs a job, throws the answers away unless `--output` is given, and prints one JSON line of figures.

use super::args::{Cli, InputArgs, SummarizeArgs, TranslateArgs};
use super::console::Printing;
use super::{Ending, job};
use anyhow::Result;
use serde_json::json;
use std::io::Write;
use tlumach::job::spec::Work;
use tlumach::registry::Settings;

pub(super) fn translate(cli: &Cli, args: &TranslateArgs, settings: &mut Settings) -> Result<Ending> {
    run(cli, &args.input, job::translation(args), settings)
}

pub(super) fn summarize(cli: &Cli, args: &SummarizeArgs, settings: &mut Settings) -> Result<Ending> {
    run(cli, &args.input, job::summary_work(args), settings)
}

fn run(cli: &Cli, input: &InputArgs, work: Work, settings: &mut Settings) -> Result<Ending> {
    // With --output the answers are kept, so that speed and quality are of the same run.
    let print = if input.output.is_some() { Printing::Print } else { Printing::Discard };
    let mut input = input.clone();
    if input.output.is_none() && (input.inputs.len() > 1 || input.inputs.iter().any(|path| path.is_dir())) {
        input.output = Some(std::env::temp_dir());
    }
    let (spec, summary, models) = job::run(cli, &input, work, settings, print)?;
    let totals = &summary.totals;
    let work_s = (totals.elapsed_ms.saturating_sub(totals.load_ms)) as f64 / 1000.0;
    let rate = |count: usize| (count as f64 / work_s.max(0.001) * 10.0).round() / 10.0;
    let line = json!({
        "engine": concat!("tlumach ", env!("CARGO_PKG_VERSION")),
        "models": models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>(),
        "precision": format!("{:?}", input.precision).to_lowercase(),
        "beam": spec.beams,
        "threads": spec.threads,
        "articles": totals.articles,
        "failed": totals.failed,
        "segments": totals.segments,
        "load_s": totals.load_ms as f64 / 1000.0,
        "work_s": work_s,
        "source_words_per_s": rate(totals.source_words),
        "source_tokens_per_s": rate(totals.source_tokens),
        "target_tokens": totals.target_tokens,
        "target_tokens_per_s": rate(totals.target_tokens),
        "peak_rss_mb": peak_rss_mb(),
    });
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(if totals.failed > 0 { Ending::Findings } else { Ending::Fine })
}

/// Peak resident memory of this process in MiB, where the system tells it.
fn peak_rss_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}
