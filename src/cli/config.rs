//! The configuration file `tlumach.toml`: options that the user need not type, under the names they have on the command line.
//!
//! There is no second list of options. What the file says becomes arguments, put between the command and what the user typed,
//! and the same parser reads both; so every option of every command can stand in the file, and its values are checked as if they
//! were typed. What the user typed wins: an option of the file is left out where the user gives the same one or one that it
//! conflicts with, or where another option is missing without which it has no meaning.

pub(super) mod entries;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use entries::{Entry, shorten};
use std::ffi::OsString;
use std::path::PathBuf;

/// Name of the file.
pub(super) const FILE: &str = "tlumach.toml";

/// Commands that never read a file: their output belongs to the program, not to its options.
const WITHOUT: &[&str] = &["completions", "man"];

/// Where a file is looked for when none is named, in this order.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    pub(super) paths: Vec<PathBuf>,
}

impl Places {
    /// The working directory, then the user's configuration folder.
    pub(super) fn from_variables(variable: &dyn Fn(&str) -> Option<OsString>) -> Places {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // The XDG specification wants relative paths ignored.
        let user = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
        let user = user.or_else(|| set("HOME").or_else(|| set("USERPROFILE")).map(|home| home.join(".config")));
        let own = Some(PathBuf::from(FILE));
        Places { paths: own.into_iter().chain(user.map(|user| user.join("tlumach").join(FILE))).collect() }
    }
}

/// What was typed and what the file adds to it.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) matches: ArgMatches,
    /// The file that was read.
    pub(super) file: Option<PathBuf>,
}

/// Why there is no job.
#[derive(Debug)]
pub(super) enum Failure {
    /// The arguments are wrong, or an answer of the parser itself (help, version). The text names the options of the file.
    Usage(Box<clap::Error>, Option<String>),
    /// The file is wrong.
    File(String),
}

/// Parses the arguments with those of the configuration file.
pub(super) fn parse(command: &Command, arguments: &[OsString], places: &Places) -> Result<Parsed, Failure> {
    let plain = || parse_plain(command, arguments);
    // Help and version need no file, and what is wrong without one is told by the parser below.
    let Ok(typed) = scan(command, arguments) else { return plain() };
    let path = commands_of(&typed);
    let Some(first) = path.first() else { return plain() };
    if WITHOUT.contains(&first.as_str()) || given(&typed, "no_config") && typed_flag(&typed, "no_config") {
        return plain();
    }
    let Some(file) = find(&typed, places) else { return plain() };
    let name = file.display().to_string();
    let text = std::fs::read_to_string(&file)
        .map_err(|error| Failure::File(format!("{name}: the configuration cannot be read: {error}")))?;
    let mut built = command.clone();
    built.build();
    let entries = entries::read(&built, &name, &text).map_err(Failure::File)?;
    for entry in &entries {
        check(command, &built, entry).map_err(|reason| entry.wrong(&name, &reason)).map_err(Failure::File)?;
    }
    let own = applying(&built, &path, entries).into_iter().filter(|entry| !given(&typed, &entry.id)).collect();
    let at = (1..=arguments.len()).find(|&length| {
        scan(command, &arguments[..length]).is_ok_and(|matches| commands_of(&matches).len() == path.len())
    });
    let call = Call { command, arguments, at: at.unwrap_or(arguments.len()), name: &name };
    let matches = call.parse(own)?;
    Ok(Parsed { matches, file: Some(file) })
}

fn parse_plain(command: &Command, arguments: &[OsString]) -> Result<Parsed, Failure> {
    let matches = command.clone().try_get_matches_from(arguments);
    let matches = matches.map_err(|error| Failure::Usage(Box::new(error), None))?;
    Ok(Parsed { matches, file: None })
}

/// What was typed, as far as it can be understood.
fn scan(command: &Command, arguments: &[OsString]) -> Result<ArgMatches, clap::Error> {
    command.clone().ignore_errors(true).try_get_matches_from(arguments)
}

/// The names of the commands: `bench`, `translate`.
fn commands_of(matches: &ArgMatches) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = matches;
    while let Some((name, inner)) = at.subcommand() {
        names.push(name.to_string());
        at = inner;
    }
    names
}

/// Whether the user gave an option, before or behind the command.
fn given(matches: &ArgMatches, id: &str) -> bool {
    let here = matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine);
    here || matches.subcommand().is_some_and(|(_, inner)| given(inner, id))
}

fn typed_flag(matches: &ArgMatches, id: &str) -> bool {
    let here = matches.try_get_one::<bool>(id).ok().flatten().copied().unwrap_or_default();
    here || matches.subcommand().is_some_and(|(_, inner)| typed_flag(inner, id))
}

/// The file that was named, or the first that is there.
fn find(typed: &ArgMatches, places: &Places) -> Option<PathBuf> {
    fn named(matches: &ArgMatches) -> Option<PathBuf> {
        let inner = matches.subcommand().and_then(|(_, inner)| named(inner));
        inner.or_else(|| matches.try_get_one::<PathBuf>("config").ok().flatten().cloned())
    }
    named(typed).or_else(|| places.paths.iter().find(|path| path.is_file()).cloned())
}

/// Has the parser look at the value of an entry, by itself.
fn check(command: &Command, built: &Command, entry: &Entry) -> Result<(), String> {
    let Some(path) = entries::first_with(built, &entry.table, &entry.key) else { return Ok(()) };
    let arguments = std::iter::once("tlumach".into()).chain(path.iter().map(OsString::from));
    let arguments = arguments.chain(entry.arguments.iter().cloned());
    match command.clone().try_get_matches_from(arguments) {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) => {
            Err(shorten(&error))
        }
        _ => Ok(()),
    }
}

/// The entries that a command takes, each option once: a table nearer to the command wins.
fn applying(built: &Command, path: &[String], entries: Vec<Entry>) -> Vec<Entry> {
    let command = path.iter().try_fold(built, |at, name| at.find_subcommand(name));
    let mut applying: Vec<Entry> = Vec::new();
    for entry in entries {
        let takes = command.is_some_and(|command| entries::option(command, &entry.key).is_some());
        if !takes || !path.starts_with(&entry.table) {
            continue;
        }
        match applying.iter_mut().find(|other| other.key == entry.key) {
            Some(other) if other.table.len() < entry.table.len() => *other = entry,
            Some(_) => {}
            None => applying.push(entry),
        }
    }
    applying
}

/// What was typed, and where the options of the file go.
struct Call<'a> {
    command: &'a Command,
    arguments: &'a [OsString],
    /// How many arguments there are up to the command.
    at: usize,
    /// Of the file.
    name: &'a str,
}

impl Call<'_> {
    /// Parses; entries that do not go together with what was typed are left out.
    fn parse(&self, mut entries: Vec<Entry>) -> Result<ArgMatches, Failure> {
        if let Err(error) = self.attempt(&self.arguments[..self.at], &entries)
            && error.kind() == ErrorKind::ArgumentConflict
        {
            return Err(Failure::File(format!("{}: {}", self.name, shorten(&error))));
        }
        loop {
            let error = match self.attempt(self.arguments, &entries) {
                Ok(matches) => return Ok(matches),
                Err(error) => error,
            };
            let without = |left_out: usize| {
                let mut fewer = entries.clone();
                fewer.remove(left_out);
                self.attempt(self.arguments, &fewer)
            };
            let helps = |left_out: &usize| match without(*left_out) {
                Ok(_) => true,
                Err(other) => complaints(&other) < complaints(&error),
            };
            let may = matches!(error.kind(), ErrorKind::ArgumentConflict | ErrorKind::MissingRequiredArgument);
            match (0..entries.len()).find(helps).filter(|_| may) {
                Some(left_out) => entries.remove(left_out),
                None => return Err(Failure::Usage(Box::new(error), self.note(&entries))),
            };
        }
    }

    fn attempt(&self, arguments: &[OsString], entries: &[Entry]) -> Result<ArgMatches, clap::Error> {
        let (before, after) = arguments.split_at(self.at.min(arguments.len()));
        let own = entries.iter().flat_map(|entry| &entry.arguments);
        self.command.clone().try_get_matches_from(before.iter().chain(own).chain(after))
    }

    /// Tells that not all options were typed.
    fn note(&self, entries: &[Entry]) -> Option<String> {
        let own: Vec<String> = entries
            .iter()
            .flat_map(|entry| &entry.arguments)
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        (!own.is_empty())
            .then(|| format!("with the options of {}: {} (--no-config leaves them out)", self.name, own.join(" ")))
    }
}

/// How much an error complains of, so that two can be compared: conflicts are found before missing options.
fn complaints(error: &clap::Error) -> (u8, usize) {
    let names = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(names)) => names.len(),
        _ => 1,
    };
    match error.kind() {
        ErrorKind::MissingRequiredArgument => (0, names),
        ErrorKind::ArgumentConflict => (1, 0),
        _ => (2, 0),
    }
}

#[cfg(test)]
mod tests;
