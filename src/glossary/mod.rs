//! Terms that a newsroom has decided on: how they have to be translated, and which are not translated at all.
//!
//! Knows texts only. [`Glossary::find`] says which terms stand in a source, [`Glossary::look_up`] which of them an output
//! has; making a model use them is the business of `pipeline`, `decode` and `prompt`. The files are described in
//! `docs/glossary.md`.

mod inflect;
mod keep;
mod parse;
mod words;

pub use keep::Keep;
pub use parse::GlossaryError;
pub use words::Capitals;

use crate::language::Language;
use crate::language::script::{Script, script_of};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use words::{Form, Letters};

/// What a job knows of terms.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// How terms are translated.
    pub glossary: Option<Glossary>,
    /// Terms that stay as they are.
    pub keep: Option<Keep>,
}

/// A table of terms.
#[derive(Debug, Clone)]
pub struct Glossary {
    columns: Vec<Column>,
    rows: Vec<Row>,
    /// For each column the rows and forms that begin with a character.
    index: Vec<HashMap<char, Vec<(usize, usize)>>>,
}

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Column {
    language: Language,
    used: Use,
}

/// What the terms of a column are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Both,
    /// They are found in sources only.
    Read,
    /// They are asked of outputs only.
    Written,
}

impl Use {
    fn overlaps(self, other: Use) -> bool {
        self == other || self == Use::Both || other == Use::Both
    }
}

/// One term in several languages.
#[derive(Debug, Clone)]
struct Row {
    /// By column.
    cells: Vec<Option<Cell>>,
}

/// One term in one language.
#[derive(Debug, Clone)]
struct Cell {
    /// The first is the preferred one.
    forms: Vec<Form>,
    /// Whether the forms are those of the file and no others.
    listed: bool,
}

/// A term that stands in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Its bytes.
    pub span: Range<usize>,
    /// The term as the glossary has it.
    pub term: String,
    /// What may stand for it in the output, the preferred form first.
    pub forms: Vec<String>,
    /// How it is written in the source.
    pub capitals: Capitals,
    rows: Vec<usize>,
}

impl Occurrence {
    /// Whether another occurrence is one of the same term.
    pub fn is_of_term(&self, other: &Occurrence) -> bool {
        self.rows == other.rows
    }
}

impl Glossary {
    fn new(columns: Vec<Column>, rows: Vec<Row>) -> Glossary {
        let mut index: Vec<HashMap<char, Vec<(usize, usize)>>> = vec![HashMap::new(); columns.len()];
        for (number, row) in rows.iter().enumerate() {
            for (cell, index) in row.cells.iter().zip(&mut index) {
                for (form, of) in cell.iter().flat_map(|cell| cell.forms.iter().enumerate()) {
                    index.entry(of.begins().unwrap_or(' ')).or_default().push((number, form));
                }
            }
        }
        Glossary { columns, rows, index }
    }

    /// Number of terms.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no terms.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The languages of its columns, in their order.
    pub fn languages(&self) -> Vec<Language> {
        self.columns.iter().map(|column| column.language).collect()
    }

    /// Whether it can ask anything of translations into a language.
    pub fn writes(&self, language: Language) -> bool {
        self.columns_of(language, Use::Written).next().is_some()
    }

    /// Columns of a language, or of the same language elsewhere (`pt` for `pt-br`), that are read or written.
    fn columns_of(&self, language: Language, used: Use) -> impl Iterator<Item = usize> + '_ {
        let primary = |language: Language| language.as_str().split('-').next().unwrap_or_default().to_string();
        let wanted = primary(language);
        let fits = move |column: &Column| primary(column.language) == wanted && column.used.overlaps(used);
        self.columns.iter().enumerate().filter(move |(_, column)| fits(column)).map(|(index, _)| index)
    }

    /// The forms of a row in a language it is translated into.
    fn targets(&self, row: usize, to: Language) -> impl Iterator<Item = &Cell> {
        self.columns_of(to, Use::Written).filter_map(move |column| self.rows[row].cells[column].as_ref())
    }

    /// The terms of a direction that stand in a text, in order and apart; the longest win. Terms that touch one of the
    /// `taken` ranges do not count.
    pub fn find(&self, text: &str, (from, to): (Language, Language), taken: &[Range<usize>]) -> Vec<Occurrence> {
        let columns: Vec<usize> = self.columns_of(from, Use::Read).collect();
        if columns.is_empty() || !self.writes(to) {
            return Vec::new();
        }
        let letters = Letters::of(text, from);
        let mut found: Vec<(Range<usize>, usize, usize)> = Vec::new();
        for &column in &columns {
            for span in self.in_column(column, &letters, |row| self.targets(row, to).next().is_some()) {
                found.push((span.0, span.1, column));
            }
        }
        // The longest first; of the same span the rows in the order of the file.
        found.sort_by_key(|(span, row, _)| (usize::MAX - span.len(), span.start, *row));
        let mut occurrences: Vec<Occurrence> = Vec::new();
        for (place, row, column) in found {
            let span = letters.bytes(place.clone());
            let touches = |other: &Range<usize>| span.start < other.end && other.start < span.end;
            if taken.iter().any(touches) {
                continue;
            }
            let forms = self.targets(row, to).flat_map(|cell| cell.forms.iter().map(|form| form.text.clone()));
            match occurrences.iter_mut().find(|other| touches(&other.span)) {
                // Two rows with the same term: the output may have what either says.
                Some(other) if other.span == span => {
                    if !other.rows.contains(&row) {
                        other.rows.push(row);
                        let new: Vec<String> = forms.filter(|form| !other.forms.contains(form)).collect();
                        other.forms.extend(new);
                    }
                }
                Some(_) => {}
                None => occurrences.push(Occurrence {
                    span,
                    term: self.rows[row].cells[column]
                        .as_ref()
                        .map_or_else(String::new, |cell| cell.forms[0].text.clone()),
                    forms: forms.collect(),
                    capitals: letters.capitals(place),
                    rows: vec![row],
                }),
            }
        }
        occurrences.sort_by_key(|occurrence| occurrence.span.start);
        occurrences
    }

    /// All places where terms of a column stand, in characters, with their rows.
    fn in_column(
        &self,
        column: usize,
        letters: &Letters,
        wanted: impl Fn(usize) -> bool,
    ) -> Vec<(Range<usize>, usize)> {
        let mut found = Vec::new();
        for at in 0..letters.len() {
            let Some(candidates) = self.index[column].get(&letters.folded_at(at)) else { continue };
            for &(row, form) in candidates {
                if let Some(cell) = &self.rows[row].cells[column]
                    && let Some(length) = self.length_at(column, (cell, form), (letters, at))
                    && wanted(row)
                {
                    found.push((at..at + length, row));
                }
            }
        }
        found
    }

    fn length_at(
        &self,
        column: usize,
        (cell, form): (&Cell, usize),
        (letters, at): (&Letters, usize),
    ) -> Option<usize> {
        let inflects = self.columns[column].language == Language::UK && !cell.listed;
        let form = &cell.forms[form];
        form.length_at(letters, at).or_else(|| if inflects { form.inflected_at(letters, at) } else { None })
    }

    /// For each term of a source where its translation stands in an output. No place of the output is that of two terms; of
    /// a term that the source has more often than the output the last place counts again.
    pub fn look_up(&self, occurrences: &[Occurrence], output: &str, to: Language) -> Vec<Option<Range<usize>>> {
        let letters = Letters::of(output, to);
        let mut places: Vec<Vec<Range<usize>>> = Vec::with_capacity(occurrences.len());
        for occurrence in occurrences {
            let mut all = Vec::new();
            for column in self.columns_of(to, Use::Written) {
                let found = self.in_column(column, &letters, |row| occurrence.rows.contains(&row));
                all.extend(found.into_iter().map(|(place, _)| letters.bytes(place)));
            }
            all.sort_by_key(|place| (place.start, usize::MAX - place.len()));
            all.dedup_by_key(|place| place.start);
            places.push(all);
        }
        // First each term gets a place, those with the fewest to choose from first; then its other occurrences do.
        let mut order: Vec<usize> = (0..occurrences.len()).collect();
        let earlier = |index: usize| occurrences[..index].iter().filter(|o| o.is_of_term(&occurrences[index])).count();
        order.sort_by_key(|&index| (earlier(index), places[index].len(), index));
        let mut found: Vec<Option<Range<usize>>> = vec![None; occurrences.len()];
        for index in order {
            let free = |place: &&Range<usize>| {
                found.iter().flatten().all(|other| place.end <= other.start || other.end <= place.start)
            };
            let place = places[index].iter().find(free).cloned();
            let same = || (0..index).rev().find(|&other| occurrences[other].is_of_term(&occurrences[index]));
            found[index] = place.or_else(|| found[same()?].clone());
        }
        found
    }

    /// How a term may be spelled in an output, so that a model can be made to write it: its forms, as they are and as the
    /// beginning of a sentence, and in capitals where the source has capitals.
    pub fn spellings(&self, occurrence: &Occurrence, to: Language) -> Vec<String> {
        let mut spellings: Vec<String> = Vec::new();
        for cell in occurrence.rows.iter().flat_map(|&row| self.targets(row, to)) {
            for spelling in cell.forms.iter().flat_map(|form| form.spellings(occurrence.capitals)) {
                if !spellings.contains(&spelling) {
                    spellings.push(spelling);
                }
            }
        }
        spellings
    }
}

/// Whether a word goes on behind a piece of text, and whether the piece goes on with the word before it, as
/// [`Glossary::look_up`] tells words in most languages. Korean particles do not go on: they follow whole words.
pub fn joins(piece: &str) -> (bool, bool) {
    let of_word = |c: char| words::is_of_word(c) || c == '-';
    let hangul = !piece.is_empty() && piece.chars().all(|c| script_of(c) == Some(Script::Hangul));
    let particle = hangul && inflect::may_begin_particles(piece);
    (piece.chars().next_back().is_some_and(of_word), piece.chars().next().is_some_and(of_word) && !particle)
}

/// Ranges in order, those that touch each other's inside made one.
fn union(ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut by_start: BTreeMap<usize, usize> = BTreeMap::new();
    for range in ranges {
        let end = by_start.entry(range.start).or_default();
        *end = range.end.max(*end);
    }
    let mut union: Vec<Range<usize>> = Vec::new();
    for (start, end) in by_start {
        match union.last_mut() {
            Some(last) if start < last.end => last.end = last.end.max(end),
            _ => union.push(start..end),
        }
    }
    union
}

#[cfg(test)]
mod tests {
    // A list of one range is one.
    #![allow(clippy::single_range_in_vec_init)]
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const TABLE: &str = "en\tuk\tko\n\
        bank\tбанк\t은행\n\
        central bank\tцентральний банк = центральний банк|центрального банку\t중앙은행\n\
        NATO\tНАТО\t나토\n\
        court = court|courts\tсуд|суду|судом\t법원\n\
        tribunal\tтрибунал|суд\t\n\
        bank\tберег\t\n";

    fn glossary() -> Glossary {
        Glossary::parse("terms.tsv", TABLE.as_bytes()).unwrap()
    }

    fn language(tag: &str) -> Language {
        tag.parse().unwrap()
    }

    /// What of a text is a term, and what its translation may be.
    fn check(direction: &str, text: &str, expected: &[(&str, &str)]) {
        let (from, to) = direction.split_once('-').unwrap();
        let found = glossary().find(text, (language(from), language(to)), &[]);
        let found: Vec<(&str, String)> = found.iter().map(|o| (&text[o.span.clone()], o.forms.join("|"))).collect();
        let expected: Vec<(&str, String)> = expected.iter().map(|&(term, forms)| (term, forms.to_string())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn the_longest_term_wins() {
        check(
            "en-uk",
            "The central bank and a bank.",
            &[("central bank", "центральний банк|центрального банку"), ("bank", "банк|берег")],
        );
        check("en-ko", "Central Banks", &[("Central Banks", "중앙은행")]);
        check("ko-en", "중앙은행은 은행이다", &[("중앙은행", "central bank|central banks"), ("은행", "bank|banks")]);
    }

    #[test]
    fn rows_with_one_term_are_alternatives_and_blank_cells_are_none() {
        check("en-uk", "bank", &[("bank", "банк|берег")]);
        check("uk-en", "На березі суду", &[("березі", "bank|banks"), ("суду", "court|courts")]);
        check("uk-en", "Суд", &[("Суд", "court|courts|tribunal|tribunals")]);
        check("en-ko", "tribunal", &[]);
        check("en-fr", "bank", &[]);
    }

    #[test]
    fn what_is_taken_is_no_term() {
        let found = glossary().find("bank.com or bank", (language("en"), language("ko")), &[0..8]);
        assert_eq!(found.iter().map(|o| o.span.clone()).collect::<Vec<_>>(), [12..16]);
    }

    /// Where the terms of a source stand in an output.
    fn check_output(source: &str, output: &str, expected: &[Option<&str>]) {
        let (glossary, uk) = (glossary(), language("uk"));
        let occurrences = glossary.find(source, (language("en"), uk), &[]);
        let found = glossary.look_up(&occurrences, output, uk);
        let found: Vec<Option<&str>> = found.iter().map(|place| place.clone().map(|place| &output[place])).collect();
        assert_eq!(found, expected, "{source:?} → {output:?}");
    }

    #[test]
    fn outputs_are_searched_for_every_form() {
        check_output("The bank", "До банку", &[Some("банку")]);
        check_output("The bank", "До Берега", &[Some("Берега")]);
        check_output("The bank", "Банкнота", &[None]);
        check_output("The court and the tribunal", "Суд", &[Some("Суд"), None]);
        check_output("The court and the tribunal", "Суд і суд", &[Some("Суд"), Some("суд")]);
        check_output("The court and the tribunal", "Суд і трибунал", &[Some("Суд"), Some("трибунал")]);
        check_output("A bank, the bank", "Банк", &[Some("Банк"), Some("Банк")]);
        check_output("NATO and the central bank", "Нато й центрального банку", &[None, Some("центрального банку")]);
    }

    #[test]
    fn spellings_follow_the_source() {
        let (glossary, uk) = (glossary(), language("uk"));
        let occurrence = &glossary.find("THE TRIBUNAL", (language("en"), uk), &[])[0];
        assert_eq!(glossary.spellings(occurrence, uk), ["трибунал", "Трибунал", "ТРИБУНАЛ", "суд", "Суд", "СУД"]);
    }

    #[test]
    fn pieces_join_words_but_particles_do_not() {
        for (piece, expected) in [
            ("chat", (true, true)),
            ("\u{2581}chat", (true, false)),
            (",", (false, false)),
            ("은", (true, false)),
            ("행", (true, true)),
            ("'", (false, false)),
            ("\u{2581}", (false, false)),
        ] {
            assert_eq!(joins(piece), expected, "{piece}");
        }
    }

    proptest! {
        #[test]
        fn terms_are_in_order_apart_and_where_they_say(
            text in "(bank|central|court| |суд|банк|은행|은|'|-|NATO|\\PC){0,30}",
            output in "(bank|суд|банк| |у|\\PC){0,30}",
        ) {
            let glossary = glossary();
            for (from, to) in [("en", "uk"), ("uk", "en"), ("ko", "en"), ("en", "ko")] {
                let found = glossary.find(&text, (language(from), language(to)), &[]);
                let mut at = 0;
                for occurrence in &found {
                    prop_assert!(occurrence.span.start >= at && text.get(occurrence.span.clone()).is_some());
                    prop_assert!(!occurrence.forms.is_empty());
                    at = occurrence.span.end;
                }
                for place in glossary.look_up(&found, &output, language(to)).into_iter().flatten() {
                    prop_assert!(output.get(place).is_some());
                }
            }
        }
    }
}
