//! The pairs of a translation memory by language, and what it answers.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::sync::{Arc, OnceLock};

use super::index::Index;
use super::tmx::{Codes, Reader, Unit};
use super::words::normal;
use super::{MemoryError, guards};
use crate::language::Language;

/// Highest score of a match that is not the very same text.
const MOST_FUZZY: f32 = 0.99;
/// Highest score of a match whose numbers, negation or protected parts differ.
const MOST_DIFFERING: f32 = 0.79;
/// Lowest threshold: below it the search would have to look at everything, and what it finds helps nobody.
const LEAST_THRESHOLD: f32 = 0.6;
/// How many reasons for left out units are kept.
const REASONS: usize = 20;

/// Translations that were made before.
#[derive(Debug, Default)]
pub struct Memory {
    directions: BTreeMap<(Language, Language), Direction>,
}

/// Takes the pairs of a memory; the search begins when all are there.
#[derive(Debug, Default)]
pub struct Builder {
    directions: BTreeMap<(Language, Language), Vec<Pair>>,
    units: u32,
}

/// What a file gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Units that were read.
    pub units: usize,
    /// Pairs of source and target in them.
    pub pairs: usize,
    /// Units that could not be used.
    pub left_out: usize,
    /// Why, for the first of them.
    pub reasons: Vec<String>,
}

/// A sentence of the memory that answers a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Match<'a> {
    /// The translation.
    pub target: &'a str,
    /// The source that it is a translation of.
    pub source: &'a str,
    /// 1 for the very same text, else at most 0.99, and at most 0.79 where something differs that must not.
    pub score: f32,
    /// Whether the source is the very same text but for white space and the composition of characters.
    pub exact: bool,
    /// Numbers, negations and protected parts that differ, in words for a person.
    pub differs: Vec<String>,
    /// Which unit it is, counted from 0 in the order in which units were added.
    pub unit: usize,
    /// When it was made, where the file says so.
    pub created: Option<&'a str>,
}

#[derive(Debug)]
struct Pair {
    source: Arc<str>,
    target: Arc<str>,
    created: Option<Arc<str>>,
    unit: u32,
}

#[derive(Debug, Default)]
struct Direction {
    pairs: Vec<Pair>,
    /// Made when the direction is first asked for: most files are used in one.
    search: OnceLock<Search>,
}

#[derive(Debug)]
struct Search {
    /// The last pair of each source in normal form.
    exact: HashMap<String, u32>,
    index: Index,
}

impl Builder {
    /// Nothing yet.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Adds a unit: a pair for every two of its texts in different languages. Returns how many those are; texts without anything in
    /// them make none.
    pub fn add(&mut self, unit: &Unit) -> usize {
        let number = self.units;
        self.units = self.units.saturating_add(1);
        let texts: Vec<(Language, Arc<str>)> =
            unit.variants.iter().map(|variant| (variant.language, Arc::from(one_line(&variant.text)))).collect();
        let created: Option<Arc<str>> = unit.created.as_deref().map(Arc::from);
        let mut pairs = 0;
        for (from, source) in &texts {
            for (to, target) in &texts {
                if from != to && !source.is_empty() && !target.is_empty() {
                    pairs += 1;
                    let pair =
                        Pair { source: source.clone(), target: target.clone(), created: created.clone(), unit: number };
                    self.directions.entry((*from, *to)).or_default().push(pair);
                }
            }
        }
        pairs
    }

    /// Adds all units of a TMX file, inline codes left out. `name` is what messages call it.
    ///
    /// # Errors
    /// The file cannot be read, is no TMX or is damaged. What was read before stays.
    pub fn load(&mut self, name: &str, input: impl BufRead) -> Result<Loaded, MemoryError> {
        let mut loaded = Loaded::default();
        for unit in Reader::new(name, input, Codes::Drop)? {
            match unit {
                Ok(unit) => {
                    loaded.units += 1;
                    loaded.pairs += self.add(&unit);
                }
                Err(error @ MemoryError::Unit { .. }) => {
                    loaded.left_out += 1;
                    if loaded.reasons.len() < REASONS {
                        loaded.reasons.push(error.to_string());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(loaded)
    }

    /// The memory of all that was added.
    pub fn build(self) -> Memory {
        let direction = |pairs| Direction { pairs, search: OnceLock::new() };
        Memory {
            directions: self.directions.into_iter().map(|(languages, pairs)| (languages, direction(pairs))).collect(),
        }
    }
}

impl Memory {
    /// The directions that it has pairs for, with their numbers.
    pub fn directions(&self) -> impl Iterator<Item = (Language, Language, usize)> + '_ {
        self.directions.iter().map(|(&(from, to), direction)| (from, to, direction.pairs.len()))
    }

    /// The best answer for a sentence: the very same text if it is there, else the one that is most like it with a score of at
    /// least `threshold` (taken as 0.6 where it is lower). Of several that are as good, that of the later unit.
    ///
    /// The first question of a direction sorts its sentences, which takes about a second for 100,000.
    pub fn find(&self, source: &str, from: Language, to: Language, threshold: f32) -> Option<Match<'_>> {
        let direction = self.directions.get(&(from, to))?;
        let search = direction.search.get_or_init(|| Search::of(&direction.pairs));
        let asked = normal(source);
        if let Some(&place) = search.exact.get(asked.as_ref()) {
            return Some(direction.pairs[place as usize].answer(1.0, true, Vec::new()));
        }
        let found = search.index.find(&asked, least(threshold), judge(&direction.pairs, &asked, from))?;
        Some(direction.fuzzy(found.name, found.score, &asked, from))
    }
}

/// The threshold that the search works with.
fn least(threshold: f32) -> f32 {
    // Written so that a threshold that is no number is taken as the lowest too.
    if threshold >= LEAST_THRESHOLD { threshold.min(1.0) } else { LEAST_THRESHOLD }
}

/// Lowers the score of what is not the very same, and more where something differs that must not.
fn judge<'a>(pairs: &'a [Pair], asked: &'a str, language: Language) -> impl FnMut(u32, f32) -> f32 + 'a {
    move |name, likeness| {
        let differs =
            likeness > MOST_DIFFERING && !guards::differences(asked, &pairs[name as usize].source, language).is_empty();
        likeness.min(if differs { MOST_DIFFERING } else { MOST_FUZZY })
    }
}

impl Direction {
    fn fuzzy(&self, name: u32, score: f32, asked: &str, language: Language) -> Match<'_> {
        let pair = &self.pairs[name as usize];
        pair.answer(score, false, guards::differences(asked, &pair.source, language))
    }
}

impl Search {
    fn of(pairs: &[Pair]) -> Search {
        let mut exact: HashMap<String, u32> = HashMap::with_capacity(pairs.len());
        for (place, pair) in pairs.iter().enumerate() {
            exact.insert(normal(&pair.source).into_owned(), place as u32);
        }
        // Of sources that are the same only the last is searched.
        let last = pairs.iter().enumerate().filter_map(|(place, pair)| {
            let source = normal(&pair.source);
            (exact.get(source.as_ref()) == Some(&(place as u32))).then_some((place as u32, source))
        });
        let last: Vec<(u32, std::borrow::Cow<'_, str>)> = last.collect();
        let index = Index::build(last.iter().map(|(name, text)| (*name, text.as_ref())));
        drop(last);
        Search { exact, index }
    }
}

impl Pair {
    fn answer(&self, score: f32, exact: bool, differs: Vec<String>) -> Match<'_> {
        Match {
            target: &self.target,
            source: &self.source,
            score,
            exact,
            differs,
            unit: self.unit as usize,
            created: self.created.as_deref(),
        }
    }
}

/// A text without white space around it; a break of lines inside it, which comes from the layout of the file, is a blank.
fn one_line(text: &str) -> String {
    let text = text.trim();
    if !text.contains(['\n', '\r']) {
        return text.to_string();
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
