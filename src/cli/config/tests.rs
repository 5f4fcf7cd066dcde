//! Tests of the configuration file on the real arguments of the program.

#![allow(clippy::unwrap_used)]

use super::super::args::{Cli, Command as Asked, LengthArg, TierArg, TranslateArgs};
use super::*;
use clap::{CommandFactory, FromArgMatches};

/// Parses with a file of this text.
fn parse_with(file: &str, arguments: &[&str]) -> Result<Cli, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    std::fs::write(&path, file).unwrap();
    let arguments: Vec<OsString> =
        std::iter::once("tlumach").chain(arguments.iter().copied()).map(Into::into).collect();
    let named = path.display().to_string();
    match parse(&Cli::command(), &arguments, &Places { paths: vec![path] }) {
        Ok(parsed) => Cli::from_arg_matches(&parsed.matches).map_err(|error| error.to_string()),
        Err(Failure::File(text)) => Err(text.replace(&named, "FILE")),
        Err(Failure::Usage(error, note)) => Err(format!("{error}{}", note.unwrap_or_default()).replace(&named, "FILE")),
    }
}

fn translate(file: &str, arguments: &[&str]) -> TranslateArgs {
    let arguments = [&["translate", "a.txt"], arguments].concat();
    match parse_with(file, &arguments).unwrap().command {
        Asked::Translate(args) => args,
        other => panic!("{other:?}"),
    }
}

fn check_error(file: &str, arguments: &[&str], expected: &[&str]) {
    let error = parse_with(file, arguments).map(|cli| format!("{cli:?}")).unwrap_err();
    for part in expected {
        assert!(error.contains(part), "{file:?} {arguments:?}: expected {part:?} in {error:?}");
    }
}

#[test]
fn options_of_the_file_are_used_and_those_typed_win() {
    let file =
        "to = \"uk\"\nthreads = 3\nfield = [\"body\", \"headline\"]\n[translate]\nbeam = 4\ndrop-boilerplate = true\n";
    let args = translate(file, &[]);
    assert_eq!((args.input.to.as_deref(), args.input.beam, args.input.threads), (Some("uk"), Some(4), Some(3)));
    assert_eq!((args.input.field.len(), args.drop_boilerplate), (2, true));
    let args = translate(file, &["--to", "ko", "--beam=2", "--field", "x"]);
    assert_eq!(
        (args.input.to.as_deref(), args.input.beam, args.input.field),
        (Some("ko"), Some(2), vec!["x".to_string()])
    );
}

#[test]
fn a_table_is_for_its_command_and_wins_over_the_top() {
    let file = "to = \"uk\"\n[summarize]\nlength = \"short\"\nto = \"en\"\n[bench]\nrepeat = 3\n[bench.translate]\nto = \"ko\"\n";
    assert_eq!(translate(file, &[]).input.to.as_deref(), Some("uk"));
    let Asked::Summarize(args) = parse_with(file, &["summarize", "a.txt"]).unwrap().command else { panic!() };
    assert_eq!((args.input.to.as_deref(), args.length), (Some("en"), LengthArg::Short));
    let Asked::Bench(args) = parse_with(file, &["bench", "translate", "a.txt"]).unwrap().command else { panic!() };
    assert_eq!(args.repeat, 3);
    let super::super::args::BenchAction::Translate(args) = args.action else { panic!() };
    assert_eq!(args.input.to.as_deref(), Some("ko"));
}

#[test]
fn what_the_file_gives_need_not_be_typed() {
    let Asked::Check(args) = parse_with("to = \"uk\"", &["check", "a", "b"]).unwrap().command else { panic!() };
    assert_eq!(args.to, "uk");
}

#[test]
fn options_of_all_commands_stand_before_and_behind_the_command() {
    assert_eq!(parse_with("verbose = 2", &["translate", "a.txt"]).unwrap().verbose, 2);
    assert_eq!(parse_with("verbose = 2", &["-v", "translate", "a.txt"]).unwrap().verbose, 1);
    let cli = parse_with("verbose = 2", &["translate", "-q", "a.txt"]).unwrap();
    assert_eq!((cli.quiet, cli.verbose), (1, 0));
    assert!(matches!(parse_with("threads = 2", &["models", "list"]).unwrap().command, Asked::Models(_)));
    // A file name that is the name of a command, and what stands behind `--`.
    let args = translate("to = \"uk\"", &["translate", "--", "--beam"]);
    assert_eq!((args.input.inputs.len(), args.input.to.as_deref()), (3, Some("uk")));
}

#[test]
fn what_conflicts_with_what_was_typed_is_left_out() {
    let args = translate("tier = \"fast\"\nto = \"uk\"", &["--model", "echo"]);
    assert_eq!((args.input.tier, args.input.model.as_str(), args.input.to.as_deref()), (None, "echo", Some("uk")));
    let args = translate("model = \"echo\"", &["--tier", "best"]);
    assert_eq!((args.input.tier, args.input.model.as_str()), (Some(TierArg::Best), "auto"));
    check_error(
        "tier = \"fast\"\nmodel = \"echo\"",
        &["translate", "a.txt"],
        &["FILE: ", "--tier", "cannot be used with"],
    );
}

#[test]
fn what_needs_another_option_is_left_out_without_it() {
    let file = "[translate]\nalignments = true\n";
    assert!(!translate(file, &[]).alignments);
    assert!(translate(file, &["--report", "r.json"]).alignments);
    assert!(translate("report = \"r.json\"\n[translate]\nalignments = true\n", &[]).alignments);
    check_error(file, &["translate"], &["INPUT"]);
}

#[test]
fn what_is_not_known_is_an_error_with_its_line() {
    check_error("\nbeem = 4", &["translate", "a"], &["FILE: line 2: unknown key beem; known here: ", " beam, "]);
    check_error(
        "[translate]\nlength = \"short\"",
        &["models", "list"],
        &["FILE: line 2: [translate] unknown key length"],
    );
    check_error("accept_license = true", &["translate", "a"], &["did you mean accept-license?"]);
    check_error(
        "[translat]\nbeam = 4",
        &["translate", "a"],
        &["line 1: unknown table translat: ", "translate, summarize"],
    );
    check_error("config = \"x\"", &["translate", "a"], &["line 1: unknown key config"]);
    check_error("beam == 4", &["translate", "a"], &["FILE: line 1: expected TOML"]);
    check_error("inputs = [\"a\"]", &["translate", "a"], &["unknown key inputs"]);
}

#[test]
fn values_of_the_wrong_kind_are_errors_with_their_lines() {
    for (file, expected) in [
        ("beam = \"4\"", "line 1: beam: expected a number, got a text"),
        ("beam = 99", "line 1: beam: invalid value '99' for '--beam <N>': 99 is not in 1..=64"),
        ("to = 5", "line 1: to: expected a text in quotation marks, got a number"),
        (
            "\n[translate]\ndrop-boilerplate = 1",
            "line 3: [translate] drop-boilerplate: expected true or false, got a number",
        ),
        ("[summarize]\nlength = \"tiny\"", "line 2: [summarize] length: invalid value 'tiny'"),
        ("field = 3", "line 1: field: expected a text in quotation marks, got a number"),
        ("to = [\"uk\"]", "line 1: to: expected a text in quotation marks, got a list"),
        ("verbose = true", "line 1: verbose: expected a number, got true or false"),
        ("output = 1979-05-27", "got a date"),
    ] {
        check_error(file, &["translate", "a"], &[expected]);
    }
}

#[test]
fn a_wrong_call_says_which_options_were_not_typed() {
    check_error("to = \"uk\"", &["translate", "a", "--nothing"], &["--nothing", "with the options of FILE: --to=uk"]);
}

#[test]
fn files_are_named_left_out_and_looked_for() {
    assert!(translate("to = \"uk\"", &["--no-config"]).input.to.is_none());
    check_error(
        "to = \"uk\"",
        &["translate", "a", "--config", "/no/such.toml"],
        &["/no/such.toml: the configuration cannot be read"],
    );
    assert!(matches!(parse_with("broken", &["completions", "bash"]).unwrap().command, Asked::Completions { .. }));
    check_error("broken", &["--version"], &["tlumach "]);
    let variables = |pairs: &'static [(&str, &str)]| {
        let places = Places::from_variables(&|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        });
        places.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(variables(&[("HOME", "/h")]), ["tlumach.toml", "/h/.config/tlumach/tlumach.toml"]);
    assert_eq!(variables(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")]), ["tlumach.toml", "/x/tlumach/tlumach.toml"]);
    assert_eq!(variables(&[]), ["tlumach.toml"]);
}

#[test]
fn every_option_of_every_command_can_stand_in_the_file() {
    let mut built = Cli::command();
    built.build();
    let mut seen = 0;
    let mut commands = vec![(Vec::<String>::new(), &built)];
    while let Some((path, command)) = commands.pop() {
        for below in command.get_subcommands() {
            commands.push(([path.clone(), vec![below.get_name().to_string()]].concat(), below));
        }
        for option in command.get_arguments() {
            let Some(long) = option.get_long().filter(|long| entries::option(command, long).is_some()) else {
                continue;
            };
            let text = if path.is_empty() { String::new() } else { format!("[{}]\n", path.join(".")) };
            // An enum wants one of its own values; everything else is tried as a truth, a number, a text.
            let own = option.get_possible_values().first().map(|value| format!("\"{}\"", value.get_name()));
            let tried = own.into_iter().chain(["true", "1", "\"x\""].map(String::from));
            let read = tried.map(|value| entries::read(&built, "f", &format!("{text}{long} = {value}")));
            assert!(read.into_iter().any(|read| read.is_ok()), "{path:?} {long}");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}
