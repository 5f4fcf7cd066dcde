//! `tlumach run`: several things to do with the same articles, from one file.
//!
//! A job file has the names of the flags. Each of its tables becomes the command that a user would have typed, and the same
//! parser reads it; so there is no second list of options, and what is wrong is said in the same words.

use super::args::{Cli, Command, RunArgs};
use super::config::entries::{arguments, line_of, option, shorten};
use super::{Ending, job};
use anyhow::{Context, Result, anyhow, bail};
use clap::{CommandFactory, FromArgMatches};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::Ordering;
use tlumach::pipeline::Readings;
use tlumach::registry::Settings;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The things that a job can do.
const STEPS: [&str; 2] = ["translate", "summarize"];

/// Does all of it, one after the other. What cannot be run does not keep the others from running.
///
/// # Errors
/// The file is not as it has to be, or something in it could not be run.
pub(super) fn run(args: &RunArgs, settings: &mut Settings) -> Result<Ending> {
    let name = args.job.display().to_string();
    let text = std::fs::read_to_string(&args.job).with_context(|| format!("job {name}: cannot be read"))?;
    let commands = commands(&name, &text)?;
    if args.dry_run {
        for command in &commands {
            let shown: Vec<String> = command.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            println!("{}", shown.join(" "));
        }
        return Ok(Ending::Fine);
    }
    let mut parsed = Vec::new();
    for command in &commands {
        let matches =
            Cli::command().try_get_matches_from(command).map_err(|error| anyhow!("job {name}: {}", shorten(&error)))?;
        parsed.push(Cli::from_arg_matches(&matches).map_err(|error| anyhow!("job {name}: {}", shorten(&error)))?);
    }
    apart(&parsed).with_context(|| format!("job {name}"))?;
    let outputs = |cli: &Cli| match &cli.command {
        Command::Translate(args) => job::outputs(&args.input),
        Command::Summarize(args) => job::outputs(&args.input),
        _ => 0,
    };
    let readings = Readings::new(parsed.iter().map(outputs).sum());
    let stop = super::stop_flag();
    let mut ending = Ending::Fine;
    let mut failed = None;
    for cli in &parsed {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let done = match &cli.command {
            Command::Translate(args) => job::translate(cli, args, settings, &readings),
            Command::Summarize(args) => job::summarize(cli, args, settings, &readings),
            _ => Ok(Ending::Fine),
        };
        match done {
            Ok(Ending::Fine) => {}
            Ok(Ending::Findings) => ending = Ending::Findings,
            Err(error) if failed.is_none() => failed = Some(error),
            Err(error) => super::console::say(&format!("tlumach: {}", super::chain(&error))),
        }
    }
    failed.map_or(Ok(ending), Err)
}

/// Checks that no step takes the files of another one.
fn apart(parsed: &[Cli]) -> Result<()> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for cli in parsed {
        let (task, input, keep, memory) = match &cli.command {
            Command::Translate(args) => ("translate", &args.input, &args.keep, args.memory.memory_out.as_deref()),
            Command::Summarize(args) => ("summarize", &args.input, &args.keep, None),
            _ => continue,
        };
        if keep.watch && parsed.len() > 1 {
            bail!("watch: expected the only table of its job: the others would never be done");
        }
        let output = input.output.as_deref().unwrap_or(Path::new("-"));
        let to = input.to.as_deref().unwrap_or("its own language");
        let mut own = vec![format!("{task} into {to} in {}", output.display())];
        for (option, path) in [
            ("report", input.report.as_deref()),
            ("review", input.review.as_deref()),
            ("memory-out", memory),
            ("journal", keep.journal.as_deref()),
        ] {
            own.extend(path.map(|path| format!("{option} = {:?}", path.display().to_string())));
        }
        for what in own {
            if taken.contains(&what) {
                bail!("{what}: expected at most one table that writes this; give each files of its own");
            }
            taken.insert(what);
        }
    }
    Ok(())
}

/// The commands that a job file stands for.
fn commands(name: &str, text: &str) -> Result<Vec<Vec<OsString>>> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        anyhow!("{name}: line {line}: {}", error.message())
    })?;
    let mut built = Cli::command();
    built.build();
    let mut inputs = Vec::new();
    let mut common: Vec<(&str, usize, &Spanned<DeValue<'_>>)> = Vec::new();
    let mut steps = Vec::new();
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let line = line_of(text, key.span().start);
        let key = key.get_ref().as_ref();
        let wrong = |reason: &str| anyhow!("{name}: line {line}: {key}: {reason}");
        match (key, value.get_ref()) {
            ("input" | "inputs", value) => {
                inputs = paths(value).ok_or_else(|| wrong("expected a path or a list of paths"))?;
            }
            (step, DeValue::Array(tables)) if STEPS.contains(&step) => {
                for table in tables {
                    let DeValue::Table(options) = table.get_ref() else {
                        return Err(wrong("expected tables, written [[translate]] or [[summarize]]"));
                    };
                    steps.push((table.span().start, step.to_string(), options));
                }
            }
            (step, DeValue::Table(_)) if STEPS.contains(&step) => {
                return Err(wrong(&format!(
                    "expected a table in two brackets, [[{step}]], since there may be several"
                )));
            }
            _ => common.push((key, line, value)),
        }
    }
    if inputs.is_empty() {
        bail!("{name}: expected input = [\"FOLDER\"], the articles of the job");
    }
    if steps.is_empty() {
        bail!("{name}: expected a table [[translate]] or [[summarize]], what is to be done with the articles");
    }
    for (key, line, _) in &common {
        if !steps.iter().any(|(_, step, _)| knows(&built, step, key)) {
            bail!("{name}: line {line}: {key}: no option of {} is called that; see --help", STEPS.join(" or "));
        }
    }
    steps.sort_by_key(|(at, ..)| *at);
    let mut commands = Vec::new();
    for (_, step, own) in &steps {
        let mut command: Vec<OsString> = vec!["tlumach".into(), step.into()];
        for (key, line, value) in common.iter().filter(|(key, ..)| !own.iter().any(|(other, _)| other.get_ref() == key))
        {
            if knows(&built, step, key) {
                command.extend(
                    typed(&built, step, key, value).map_err(|reason| anyhow!("{name}: line {line}: {reason}"))?,
                );
            }
        }
        let mut own: Vec<_> = own.iter().collect();
        own.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in own {
            let line = line_of(text, key.span().start);
            let key = key.get_ref().as_ref();
            command.extend(typed(&built, step, key, value).map_err(|reason| anyhow!("{name}: line {line}: {reason}"))?);
        }
        command.push("--".into());
        command.extend(inputs.iter().cloned());
        commands.push(command);
    }
    Ok(commands)
}

fn knows(built: &clap::Command, step: &str, key: &str) -> bool {
    built.find_subcommand(step).is_some_and(|command| option(command, key).is_some() || option(built, key).is_some())
}

/// What would have been typed to say the same.
fn typed(built: &clap::Command, step: &str, key: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<OsString>, String> {
    let command = built.find_subcommand(step);
    let known = command.and_then(|command| option(command, key)).or_else(|| option(built, key));
    let known = known.ok_or_else(|| format!("{key}: {step} has no such option; see tlumach {step} --help"))?;
    arguments(known, value).map_err(|reason| format!("{key}: {reason}"))
}

fn paths(value: &DeValue<'_>) -> Option<Vec<OsString>> {
    let one = |value: &DeValue<'_>| value.as_str().map(|path| OsString::from(Path::new(path)));
    match value {
        DeValue::Array(values) => values.iter().map(|value| one(value.get_ref())).collect(),
        value => one(value).map(|path| vec![path]),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::commands;

    fn check(text: &str, expected: Result<&[&str], &str>) {
        let got = commands("job.toml", text).map(|commands| {
            let line = |command: &Vec<std::ffi::OsString>| {
                command.iter().map(|part| part.to_string_lossy().into_owned()).collect::<Vec<String>>().join(" ")
            };
            commands.iter().map(line).collect::<Vec<String>>()
        });
        match (got, expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (got, expected) => panic!("expected {expected:?}, got {got:?}"),
        }
    }

    #[test]
    fn each_table_is_a_command_with_the_common_options() {
        check(
            "input = [\"in\", \"more\"]\noutput = \"out\"\nbeam = 4\nglossary = \"t.tsv\"\n\
             [[translate]]\nto = \"uk\"\n[[summarize]]\nto = \"en\"\nlength = \"short\"\nbeam = 1\n\
             [[translate]]\nto = \"ko\"\nno-cache = true\n",
            Ok(&[
                "tlumach translate --output=out --beam=4 --glossary=t.tsv --to=uk -- in more",
                "tlumach summarize --output=out --to=en --length=short --beam=1 -- in more",
                "tlumach translate --output=out --beam=4 --glossary=t.tsv --to=ko --no-cache -- in more",
            ]),
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, expected) in [
            ("[[translate]]\nto = \"uk\"", "expected input"),
            ("input = \"in\"", "expected a table [[translate]]"),
            ("input = 5\n[[translate]]\nto = \"uk\"", "line 1: input: expected a path"),
            ("input = \"in\"\n[translate]\nto = \"uk\"", "two brackets"),
            ("input = \"in\"\nbeem = 4\n[[translate]]\nto = \"uk\"", "line 2: beem: no option"),
            ("input = \"in\"\n[[summarize]]\nglossary = \"x\"", "line 3: glossary: summarize has no such option"),
            ("input = \"in\"\n[[translate]]\nbeam = \"four\"", "line 3: beam: expected a number"),
            ("input = \n", "line 1"),
        ] {
            check(text, Err(expected));
        }
    }
}
