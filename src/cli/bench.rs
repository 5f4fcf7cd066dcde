//! `tlumach bench`: runs a job, throws the answers away unless `--output` is given, and prints one JSON line of figures.
//!
//! The fields are described in `docs/bench.md`.

use super::Ending;
use super::args::{BenchAction, BenchArgs, Cli};
use super::console::Printing;
use super::job::{self, Plan, Ran};
use anyhow::Result;
use serde_json::{Value, json};
use std::io::Write;
use std::time::{Duration, Instant};
use tlumach::decode::Stats;
use tlumach::registry::Settings;

/// Runs the job as often as asked; `began` is when the process started.
pub(super) fn run(cli: &Cli, args: &BenchArgs, settings: &mut Settings, began: Instant) -> Result<Ending> {
    let (input, plan) = match &args.action {
        BenchAction::Translate(args) => (&args.input, job::translation_plan(args)),
        BenchAction::Summarize(args) => (&args.input, job::summary_plan(args)),
    };
    // With --output the answers are kept, so that speed and quality are of the same run.
    let print = if input.output.is_some() { Printing::Print } else { Printing::Discard };
    let mut input = input.clone();
    if input.output.is_none() && (input.inputs.len() > 1 || input.inputs.iter().any(|path| path.is_dir())) {
        input.output = Some(std::env::temp_dir());
    }
    let ran = job::run(cli, &input, settings, Plan { print, passes: args.repeat, keep: None, ..plan })?;
    let Ran { spec, summary, models, passes_s, load_ms, first_answer } = &ran;
    let (totals, stats) = (&summary.totals, &summary.stats);
    let work_s = passes_s.last().copied().unwrap_or_default();
    let rate = |count: usize| (count as f64 / work_s.max(0.001) * 10.0).round() / 10.0;
    let line = json!({
        "engine": concat!("tlumach ", env!("CARGO_PKG_VERSION")),
        "models": models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>(),
        "precision": format!("{:?}", input.precision).to_lowercase(),
        "beam": spec.beams,
        "threads": spec.threads,
        "workers": summary.workers,
        "articles": totals.articles,
        "needs_review": totals.needs_review,
        "failed": totals.failed,
        "segments": totals.segments,
        "load_s": *load_ms as f64 / 1000.0,
        "first_answer_s": first_answer.map(|at| seconds(at.saturating_duration_since(began))),
        "passes": passes_s.len(),
        "pass_s": { "best": millis(best(passes_s)), "median": millis(median(passes_s)) },
        "work_s": millis(work_s),
        "source_words": totals.source_words,
        "source_words_per_s": rate(totals.source_words),
        "source_tokens": totals.source_tokens,
        "source_tokens_per_s": rate(totals.source_tokens),
        "target_tokens": totals.target_tokens,
        "target_tokens_per_s": rate(totals.target_tokens),
        "stages_s": {
            "tokenize": seconds(summary.tokenize_time),
            "encode": seconds(stats.start_time),
            "decode": seconds((stats.step_time + stats.state_time).saturating_sub(stats.projection_time)),
            "projection": seconds(stats.projection_time),
            "text": seconds(summary.text_time),
        },
        "rows_per_step": rows_per_step(stats),
        "peak_rss_mb": peak_rss_mb(),
    });
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(if totals.failed > 0 { Ending::Findings } else { Ending::Fine })
}

/// How many rows the steps had: `m` of the matrix products of the decoder.
fn rows_per_step(stats: &Stats) -> Value {
    const BUCKETS: [(&str, usize); 7] =
        [("1", 1), ("2-3", 3), ("4-7", 7), ("8-15", 15), ("16-31", 31), ("32-63", 63), ("64+", usize::MAX)];
    let counts = &stats.steps_with_rows;
    let mut steps = serde_json::Map::new();
    let mut from = 0;
    for (name, to) in BUCKETS {
        let end = to.saturating_add(1).min(counts.len());
        steps.insert(name.into(), json!(counts.get(from..end).map_or(0, |counts| counts.iter().sum::<usize>())));
        from = end.max(from);
    }
    json!({
        "mean": (stats.mean_rows() * 10.0).round() / 10.0,
        "p10": percentile(counts, 10),
        "p50": percentile(counts, 50),
        "p90": percentile(counts, 90),
        "steps": steps,
    })
}

/// The smallest number of rows that at least so many per cent of the steps do not exceed.
fn percentile(steps_with_rows: &[usize], percent: usize) -> usize {
    let all: usize = steps_with_rows.iter().sum();
    let mut seen = 0;
    let reached = |&steps: &usize| {
        seen += steps;
        seen * 100 >= all * percent
    };
    if all == 0 { 0 } else { steps_with_rows.iter().position(reached).unwrap_or_default() }
}

fn seconds(duration: Duration) -> f64 {
    millis(duration.as_secs_f64())
}

/// Seconds to the tenth of a millisecond.
fn millis(seconds: f64) -> f64 {
    (seconds * 10_000.0).round() / 10_000.0
}

fn best(passes_s: &[f64]) -> f64 {
    passes_s.iter().copied().min_by(f64::total_cmp).unwrap_or_default()
}

fn median(passes_s: &[f64]) -> f64 {
    let mut sorted = passes_s.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// Peak resident memory of this process in MiB, where the system tells it.
fn peak_rss_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_buckets_count_steps() {
        let stats = Stats { steps: 10, steps_with_rows: vec![0, 1, 0, 2, 0, 0, 0, 0, 7], ..Stats::default() };
        let rows = rows_per_step(&stats);
        assert_eq!((rows["p10"].as_u64(), rows["p50"].as_u64(), rows["p90"].as_u64()), (Some(1), Some(8), Some(8)));
        let steps: Vec<u64> =
            ["1", "2-3", "4-7", "8-15", "64+"].map(|name| rows["steps"][name].as_u64().unwrap_or(9)).to_vec();
        assert_eq!(steps, [1, 2, 0, 7, 0]);
        assert_eq!(rows_per_step(&Stats::default())["p50"], 0);
    }

    #[test]
    fn the_median_of_two_lies_between_them() {
        assert!((median(&[3.0, 1.0]) - 2.0).abs() < 1e-9 && (median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((best(&[3.0, 1.0]) - 1.0).abs() < 1e-9);
    }
}
