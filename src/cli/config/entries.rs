//! What a configuration file says: each entry with its line, known to the command line, and turned into arguments.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command};
use std::collections::BTreeSet;
use std::ffi::OsString;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Options that make no sense in a file.
const NOT_IN_A_FILE: &[&str] = &["help", "version", "config", "no-config"];

/// An option in the file.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The commands that the table is for: none at the top of the file.
    pub(super) table: Vec<String>,
    /// Name of the option, without its dashes.
    pub(super) key: String,
    /// What the parser calls the option.
    pub(super) id: String,
    /// What would have been typed.
    pub(super) arguments: Vec<OsString>,
    line: usize,
}

impl Entry {
    /// A message with file, line and place.
    pub(super) fn wrong(&self, file: &str, reason: &str) -> String {
        message(file, self.line, &self.table, &format!("{}: {reason}", self.key))
    }
}

fn message(file: &str, line: usize, table: &[String], text: &str) -> String {
    match table {
        [] => format!("{file}: line {line}: {text}"),
        table => format!("{file}: line {line}: [{}] {text}", table.join(".")),
    }
}

/// Reads a file. `built` is the command of the program, with everything that it has.
///
/// # Errors
/// It is no TOML, or has a table or a key that no command knows, or a value of the wrong kind.
pub(super) fn read(built: &Command, file: &str, text: &str) -> Result<Vec<Entry>, String> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        format!("{file}: line {line}: expected TOML: {}", error.message())
    })?;
    let mut reading = Reading { file, text, entries: Vec::new() };
    reading.table(built, &[], table.get_ref())?;
    Ok(reading.entries)
}

pub(in crate::cli) fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).matches('\n').count() + 1
}

struct Reading<'a> {
    file: &'a str,
    text: &'a str,
    entries: Vec<Entry>,
}

impl Reading<'_> {
    fn table(&mut self, command: &Command, table: &[String], content: &DeTable<'_>) -> Result<(), String> {
        // In the order of the file, so that messages and arguments are too.
        let mut content: Vec<_> = content.iter().collect();
        content.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in content {
            let line = line_of(self.text, key.span().start);
            let key = key.get_ref().as_ref();
            let wrong = |text: String| Err(message(self.file, line, table, &text));
            let below = command.find_subcommand(key);
            if let (Some(below), DeValue::Table(content)) = (below, value.get_ref()) {
                self.table(below, &[table, &[key.to_string()]].concat(), content)?;
                continue;
            }
            let Some(option) = option_below(command, key) else {
                return wrong(unknown(command, key, value.get_ref()));
            };
            match arguments(option, value) {
                Ok(arguments) => self.entries.push(Entry {
                    table: table.to_vec(),
                    key: key.to_string(),
                    id: option.get_id().to_string(),
                    arguments,
                    line,
                }),
                Err(reason) => return wrong(format!("{key}: {reason}")),
            }
        }
        Ok(())
    }
}

/// The option of a command with that name.
pub(in crate::cli) fn option<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    let named = |option: &&Arg| option.get_long() == Some(key) && !NOT_IN_A_FILE.contains(&key);
    command.get_arguments().find(named)
}

/// The option of a command or of one below it.
fn option_below<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    option(command, key).or_else(|| command.get_subcommands().find_map(|below| option_below(below, key)))
}

/// The path of the first command at or below a table that has an option.
pub(super) fn first_with(built: &Command, table: &[String], key: &str) -> Option<Vec<String>> {
    fn search(command: &Command, key: &str, path: &mut Vec<String>) -> bool {
        // Only a command without others below it can be called.
        if command.get_subcommands().next().is_none() {
            return option(command, key).is_some();
        }
        command.get_subcommands().any(|below| {
            path.push(below.get_name().to_string());
            let found = search(below, key, path);
            if !found {
                path.pop();
            }
            found
        })
    }
    let command = table.iter().try_fold(built, |at, name| at.find_subcommand(name))?;
    let mut path = table.to_vec();
    search(command, key, &mut path).then_some(path)
}

/// What is known instead of a key.
fn unknown(command: &Command, key: &str, value: &DeValue<'_>) -> String {
    fn names(command: &Command, known: &mut BTreeSet<String>) {
        let longs = command.get_arguments().filter_map(Arg::get_long);
        known.extend(longs.filter(|long| !NOT_IN_A_FILE.contains(long)).map(str::to_string));
        for below in command.get_subcommands() {
            names(below, known);
        }
    }
    if matches!(value, DeValue::Table(_)) {
        let tables: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        let known = if tables.is_empty() { "none here".to_string() } else { tables.join(", ") };
        return format!("unknown table {key}: expected one of a command: {known}");
    }
    let mut known = BTreeSet::new();
    names(command, &mut known);
    let dashed = key.replace('_', "-");
    let meant = if known.contains(&dashed) { format!("; did you mean {dashed}?") } else { String::new() };
    let known: Vec<String> = known.into_iter().collect();
    format!("unknown key {key}{meant}; known here: {}", known.join(", "))
}

/// What would have been typed to say the same.
pub(in crate::cli) fn arguments(option: &Arg, value: &Spanned<DeValue<'_>>) -> Result<Vec<OsString>, String> {
    let long = option.get_long().unwrap_or_default();
    let value = value.get_ref();
    let wrong = |expected: &str| Err(format!("expected {expected}, got {}", kind(value)));
    let flag = OsString::from(format!("--{long}"));
    match (option.get_action(), value) {
        (ArgAction::SetTrue, DeValue::Boolean(on)) => Ok(if *on { vec![flag] } else { Vec::new() }),
        (ArgAction::SetTrue, _) => wrong("true or false"),
        (ArgAction::Count, DeValue::Integer(count)) => {
            let count = count.as_str().parse::<u8>().ok().filter(|&count| count <= 9);
            count.map_or_else(|| wrong("a number up to 9"), |count| Ok(vec![flag; usize::from(count)]))
        }
        (ArgAction::Count, _) => wrong("a number"),
        (ArgAction::Append, DeValue::Array(values)) => {
            values.iter().map(|value| scalar(option, value.get_ref()).map(|text| typed(long, &text))).collect()
        }
        _ => Ok(vec![typed(long, &scalar(option, value)?)]),
    }
}

fn typed(long: &str, value: &str) -> OsString {
    format!("--{long}={value}").into()
}

/// A text or a number, as the option wants it.
fn scalar(option: &Arg, value: &DeValue<'_>) -> Result<String, String> {
    let own = option.get_value_parser();
    let texts = [ValueParser::string(), ValueParser::path_buf(), ValueParser::os_string()];
    let is_text = texts.iter().any(|text| text.type_id() == own.type_id()) || own.possible_values().is_some();
    match (value, is_text) {
        (DeValue::String(text), true) => Ok(text.to_string()),
        (DeValue::Integer(number), false) => {
            let number = i64::from_str_radix(number.as_str(), number.radix());
            number.map(|number| number.to_string()).map_err(|error| format!("expected a number: {error}"))
        }
        (DeValue::Float(number), false) => Ok(number.as_str().to_string()),
        (_, true) => Err(format!("expected a text in quotation marks, got {}", kind(value))),
        (_, false) => Err(format!("expected a number, got {}", kind(value))),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The complaint of the parser without its advice on how to call the program.
pub(in crate::cli) fn shorten(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let lines = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim);
    lines.collect::<Vec<_>>().join(" ")
}
