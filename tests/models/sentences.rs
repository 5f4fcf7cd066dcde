//! Measures where sentences end: articles are rebuilt from aligned lines, and their boundaries have to be found again.
//!
//! Runs where `TLUMACH_SHARED_DATA` names a folder with `ntrex128.part1.{docids,en,uk,ko}` and `flores200.dev.{en,uk,ko}`;
//! passes without a word where it does not. Nothing of the data is kept.
//!
//! About one line in thirteen is a headline without a full stop. A splitter of running text cannot know it, and documents
//! have their headlines in blocks of their own, so the bound is on lines that end as sentences do; both figures are printed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tlumach::language::Language;
use tlumach::segment::sentence_ranges;

/// Least share of the line ends after a terminator that have to be found.
const LANGUAGES: &[(&str, f64)] = &[("en", 0.985), ("uk", 0.985), ("ko", 0.99)];
/// Splits inside lines that are printed for a reader.
const SAMPLE: usize = 100;

#[allow(clippy::disallowed_methods)] // The data lie wherever the person who measures has put them.
fn folder() -> Option<PathBuf> {
    std::env::var_os("TLUMACH_SHARED_DATA").map(PathBuf::from)
}

fn lines(folder: &Path, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    text.lines().map(|line| line.trim().to_string()).collect()
}

/// The lines of each article.
fn articles(folder: &Path, language: &str) -> Vec<Vec<String>> {
    let ids = lines(folder, "ntrex128.part1.docids");
    let mut articles: Vec<(String, Vec<String>)> = Vec::new();
    for (id, line) in ids.into_iter().zip(lines(folder, &format!("ntrex128.part1.{language}"))) {
        match articles.last_mut() {
            Some((last, lines)) if *last == id => lines.push(line),
            _ => articles.push((id, vec![line])),
        }
    }
    articles.into_iter().map(|(_, lines)| lines).collect()
}

/// A line without a dash at its end, which Ukrainian speech may give to the next sentence as well.
fn without_dash(line: &str) -> &str {
    line.trim_end_matches([' ', '\u{a0}', '—', '–', '-'])
}

fn is_ended(line: &str) -> bool {
    let closing = ['"', '”', '“', '»', '’', '\'', ')'];
    without_dash(line).trim_end_matches(closing).ends_with(['.', '!', '?', '…'])
}

/// What stands around a place, for a reader.
fn around(text: &str, at: usize) -> String {
    let before: Vec<char> = text[..at].chars().rev().take(60).collect();
    let after: String = text[at..].chars().take(60).collect();
    format!("{} | {}", before.into_iter().rev().collect::<String>(), after.trim_start())
}

/// A sample that is the same in every run.
fn sample(found: &[String]) -> Vec<&String> {
    let mut state = 5u64;
    let mut left: Vec<&String> = found.iter().collect();
    let mut chosen = Vec::new();
    while chosen.len() < SAMPLE && !left.is_empty() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        chosen.push(left.swap_remove((state >> 33) as usize % left.len()));
    }
    chosen
}

#[test]
#[allow(clippy::print_stdout)] // The figures are what the run is for.
fn boundaries_at_line_ends_are_found() {
    let Some(folder) = folder() else { return };
    for (name, least) in LANGUAGES {
        let language: Language = name.parse().unwrap();
        let (mut found, mut all, mut ended_found, mut ended) = (0_usize, 0_usize, 0_usize, 0_usize);
        let mut extra = Vec::new();
        for lines in articles(&folder, name) {
            let text = lines.join(" ");
            let mut splits: BTreeSet<usize> =
                sentence_ranges(&text, language).into_iter().map(|span| span.end).collect();
            let mut at = 0;
            for line in &lines {
                let ends = [at + line.len(), at + without_dash(line).len()];
                let hit = ends.iter().filter(|end| splits.remove(end)).count() > 0;
                at += line.len() + 1;
                if at < text.len() {
                    all += 1;
                    found += usize::from(hit);
                    ended += usize::from(is_ended(line));
                    ended_found += usize::from(hit && is_ended(line));
                }
            }
            extra.extend(splits.into_iter().map(|at| around(&text, at)));
        }
        for line in lines(&folder, &format!("flores200.dev.{name}")) {
            let spans = sentence_ranges(&line, language);
            let inner = spans.len().saturating_sub(1);
            extra.extend(spans[..inner].iter().map(|span| around(&line, span.end)));
        }
        let (recall, recall_ended) = (found as f64 / all as f64, ended_found as f64 / ended as f64);
        println!(
            "{name}: line ends {found} of {all} found, {recall:.4}; of those after a terminator {ended_found} of {ended}, \
             {recall_ended:.4}; splits inside lines: {}, of which:",
            extra.len()
        );
        for place in sample(&extra) {
            println!("    {place}");
        }
        assert!(recall_ended >= *least, "{name}: expected {least} of the line ends, got {recall_ended:.4}");
    }
}
