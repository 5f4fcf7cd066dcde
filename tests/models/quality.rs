//! Measures the checks on aligned lines: references taken as translations must raise few alarms, damaged ones many.
//!
//! Runs where `TLUMACH_SHARED_DATA` names a folder with `flores200.dev.{en,uk,ko}` and `ntrex128.part1.{en,uk,ko}`;
//! passes without a word where it does not. Nothing of the data is kept.

use std::path::PathBuf;

use tlumach::language::Language;
use tlumach::quality::{Finding, Input, Severity, check};

const SETS: &[&str] = &["flores200.dev", "ntrex128.part1"];
const DIRECTIONS: &[(&str, &str)] =
    &[("en", "uk"), ("en", "ko"), ("uk", "en"), ("ko", "en"), ("uk", "ko"), ("ko", "uk")];

#[allow(clippy::disallowed_methods)] // The data lie wherever the person who measures has put them.
fn folder() -> Option<PathBuf> {
    std::env::var_os("TLUMACH_SHARED_DATA").map(PathBuf::from)
}

/// Source and reference of a direction, over all sets, in order.
fn pairs(folder: &std::path::Path, set: &str, from: &str, to: &str) -> Vec<(String, String)> {
    let lines = |language: &str| -> Vec<String> {
        let text = std::fs::read_to_string(folder.join(format!("{set}.{language}"))).unwrap();
        text.lines().map(str::to_string).collect()
    };
    lines(from).into_iter().zip(lines(to)).collect()
}

fn findings(source: &str, output: &str, from: &str, to: &str) -> Vec<Finding> {
    let (from, to): (Language, Language) = (from.parse().unwrap(), to.parse().unwrap());
    check(&Input { source, output, from, to, ended: None, score: None, verbatim: &[] })
}

/// Per cent.
fn share(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

#[test]
#[allow(clippy::print_stdout)] // The figures are what the run is for.
fn references_raise_few_alarms() {
    let Some(folder) = folder() else { return };
    for (from, to) in DIRECTIONS {
        let (mut errors, mut warnings, mut any, mut total) = (0, 0, 0, 0);
        for set in SETS {
            for (source, output) in pairs(&folder, set, from, to) {
                let worst = findings(&source, &output, from, to).into_iter().map(|finding| finding.severity).max();
                errors += usize::from(worst >= Some(Severity::Error));
                warnings += usize::from(worst >= Some(Severity::Warning));
                any += usize::from(worst.is_some());
                total += 1;
            }
        }
        let (errors, warnings, any) = (share(errors, total), share(warnings, total), share(any, total));
        println!(
            "{from} → {to}: of {total} references error {errors:.2} %, error or warning {warnings:.2} %, any {any:.2} %"
        );
        assert!(errors <= 2.0, "{from} → {to}: {errors:.2} % of the references have an error");
        assert!(any <= 8.0, "{from} → {to}: {any:.2} % of the references have a finding");
    }
}

/// A damage: answers the damaged output, or nothing where the line cannot be damaged so.
type Damage = fn(&Line<'_>) -> Option<String>;

/// What a damage may use.
struct Line<'a> {
    number: usize,
    source: &'a str,
    output: &'a str,
    other: &'a str,
    to: &'a str,
}

/// Damages, the codes one of which must appear, and the least share in per cent of damaged lines that are found.
const DAMAGES: &[(&str, Damage, &[&str], f64)] = &[
    ("copied source", |line| Some(line.source.to_string()), &["copied_source"], 99.0),
    ("wrong language", |line| Some(line.other.to_string()), &["wrong_language"], 99.0),
    ("loop", looped, &["repetition"], 99.0),
    ("half", |line| half(line.output), &["too_short", "end_missing", "sentences_missing"], 97.0),
    (
        "digit changed",
        |line| digit(line.output, line.number),
        &["number_changed", "number_missing", "number_new", "unit_converted"],
        96.0,
    ),
    ("scale changed", |line| scale(line.output), &["number_changed", "number_missing", "number_new"], 96.0),
    ("mixed script", mixed, &["mixed_script"], 99.0),
    ("negation lost", negation, &["negation_missing"], 45.0),
];

/// The last three words six times.
fn looped(line: &Line<'_>) -> Option<String> {
    let words: Vec<&str> = line.output.split_whitespace().collect();
    let tail = words.get(words.len().checked_sub(3)?..)?.join(" ");
    Some(format!("{} {}", line.output, [tail.as_str(); 5].join(" ")))
}

/// The first half of the characters.
fn half(output: &str) -> Option<String> {
    let chars: Vec<char> = output.chars().collect();
    (chars.len() >= 24).then(|| chars[..chars.len() / 2].iter().collect())
}

/// One digit replaced by another; which one depends on the line's number.
fn digit(output: &str, number: usize) -> Option<String> {
    let places: Vec<usize> = output.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
    let at = *places.get(number % places.len().max(1))?;
    let old = output[at..].chars().next()?.to_digit(10)?;
    let new = (old + 1 + (number % 8) as u32) % 10;
    Some(format!("{}{new}{}", &output[..at], &output[at + 1..]))
}

/// A scale made a thousand times (Korean: ten thousand times) larger.
fn scale(output: &str) -> Option<String> {
    const SCALES: &[(&str, &str)] = &[
        (" million", " billion"),
        (" billion", " million"),
        (" млн", " млрд"),
        (" мільйон", " мільярд"),
        (" мільярд", " мільйон"),
        ("억", "조"),
    ];
    SCALES.iter().find_map(|(old, new)| {
        let at = output.find(old)?;
        output[..at].ends_with(|c: char| c.is_ascii_digit()).then(|| output.replacen(old, new, 1))
    })
}

/// Two letters of another script inside the longest word.
fn mixed(line: &Line<'_>) -> Option<String> {
    let word = line.output.split(|c: char| !c.is_alphabetic()).max_by_key(|word| word.chars().count())?;
    let mut chars: Vec<char> = word.chars().collect();
    let own: fn(&char) -> bool = if line.to == "ko" { |c| *c >= '가' } else { |c| *c < '가' };
    if chars.len() < 4 || !chars.iter().all(own) {
        return None;
    }
    let foreign = if line.to == "uk" { ['수', '님'] } else { ['ф', 'е'] };
    chars.splice(2..4, foreign);
    Some(line.output.replacen(word, &chars.into_iter().collect::<String>(), 1))
}

/// The only plain negation of an English or Ukrainian output taken out.
fn negation(line: &Line<'_>) -> Option<String> {
    let word = match line.to {
        "en" => [" not ", "n't "].into_iter().find(|word| line.output.matches(word).count() == 1)?,
        "uk" => " не ",
        _ => return None,
    };
    (line.output.matches(word).count() == 1).then(|| line.output.replacen(word, " ", 1))
}

#[test]
#[allow(clippy::print_stdout)]
fn damage_is_found() {
    let Some(folder) = folder() else { return };
    for (name, damage, codes, least) in DAMAGES {
        let (mut found, mut total) = (0, 0);
        for (from, to) in DIRECTIONS {
            let (mut seen, mut of) = (0, 0);
            let other = ["en", "uk", "ko"].into_iter().find(|tag| tag != from && tag != to).unwrap();
            for set in SETS {
                let others = pairs(&folder, set, from, other);
                for (number, (source, output)) in pairs(&folder, set, from, to).into_iter().enumerate() {
                    let line = Line { number, source: &source, output: &output, other: &others[number].1, to };
                    let Some(damaged) = damage(&line).filter(|damaged| *damaged != output) else { continue };
                    let found = findings(&source, &damaged, from, to);
                    of += 1;
                    seen +=
                        usize::from(found.iter().any(|f| codes.contains(&f.code) && f.severity >= Severity::Warning));
                }
            }
            println!("{name}, {from} → {to}: {seen} of {of} found, {:.1} %", share(seen, of));
            found += seen;
            total += of;
        }
        let got = share(found, total);
        assert!(got >= *least, "{name}: expected at least {least} % to be found, got {got:.1} %");
    }
}
