//! The command line: arguments in, exit code out. The only place that prints, reads the environment and catches Ctrl-C.
//!
//! Exit codes: 0 all fine; 1 finished, but with findings or failed articles; 2 could not run.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod args;
mod bench;
mod check;
mod config;
mod console;
mod doctor;
mod job;
mod keeping;
mod manual;
mod memories;
mod models;
mod records;
mod report;
mod resolve;
mod steps;
mod stream;
mod terms;
mod watch;

use args::{Cli, Command};
use clap::{CommandFactory, FromArgMatches};
use config::{Failure, Places};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tlumach::pipeline::Readings;
use tlumach::registry::Settings;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// All fine.
    Fine,
    /// Finished, with findings or failed articles.
    Findings,
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let began = Instant::now();
    let (cli, file) = match parse() {
        Ok(parsed) => parsed,
        Err(Failure::Usage(error, note)) => {
            // Help and version are answers; everything else is a job that could not run.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            if let Some(note) = note {
                console::say(&format!("tlumach: {note}"));
            }
            return ExitCode::from(code);
        }
        Err(Failure::File(reason)) => {
            console::say(&format!("tlumach: {reason}"));
            return ExitCode::from(2);
        }
    };
    match run(&cli, file.as_deref(), began) {
        Ok(Ending::Fine) => ExitCode::SUCCESS,
        Ok(Ending::Findings) => ExitCode::from(1),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            console::say(&format!("tlumach: {}", chain(&error)));
            ExitCode::from(2)
        }
    }
}

/// What the user typed, with what the configuration file adds to it, and that file.
fn parse() -> Result<(Cli, Option<std::path::PathBuf>), Failure> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let places = Places::from_variables(&|name| std::env::var_os(name));
    let parsed = config::parse(&Cli::command(), &arguments, &places)?;
    let cli = Cli::from_arg_matches(&parsed.matches).map_err(|error| Failure::Usage(Box::new(error), None))?;
    Ok((cli, parsed.file))
}

fn run(cli: &Cli, file: Option<&Path>, began: Instant) -> anyhow::Result<Ending> {
    if let Some(file) = file.filter(|_| cli.verbose > 0) {
        console::say(&format!("tlumach: options of {} are used", file.display()));
    }
    let mut settings = Settings::from_variables(&|name| std::env::var(name).ok());
    match &cli.command {
        Command::Translate(args) => job::translate(cli, args, &mut settings, &Readings::new(job::outputs(&args.input))),
        Command::Summarize(args) => job::summarize(cli, args, &mut settings, &Readings::new(job::outputs(&args.input))),
        Command::Models(args) => models::run(cli, &args.action, &mut settings),
        Command::Check(args) => check::run(cli, args),
        Command::Run(args) => steps::run(args, &mut settings),
        Command::Report(args) => report::run(args),
        Command::Bench(args) => bench::run(cli, args, &mut settings, began),
        Command::Doctor(args) => doctor::run(args, &settings, file),
        Command::Completions { shell } => manual::completions(*shell),
        Command::Man { dir } => manual::man(dir.as_deref()),
    }
}

/// The error and its causes in one line, without saying the same twice.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// A flag that Ctrl-C, a hang-up or a termination sets; a second one ends the program at once.
fn stop_flag() -> Arc<AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    FLAG.get_or_init(caught_flag).clone()
}

fn caught_flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = flag.clone();
    let set = ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            // Outputs are renamed into place when whole, so even now nothing half-written is left.
            std::process::exit(130);
        }
        console::say("tlumach: stopping; what is finished is kept (once more to stop at once)");
    });
    if let Err(error) = set {
        console::say(&format!("tlumach: Ctrl-C cannot be caught: {error}"));
    }
    flag
}
