//! Finds the names of [`super::table`] in a text: exonyms, peoples, organisations. Knows nothing of sounds.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use super::table::TABLE;
use crate::language::Language;

/// Endings of nouns in Ukrainian.
#[rustfmt::skip]
const NOUN_ENDINGS: &[&str] = &[
    "", "а", "у", "ом", "ові", "е", "і", "и", "ою", "ів", "ам", "ами", "ах", "я", "ю", "ем", "єм", "еві", "єві", "ею", "єю", "ї", "й", "ь",
    "о",
];

/// What a form of a known name is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The name and nothing else.
    Sure,
    /// May be the name: counts only where its partner was found in the other text.
    Loose,
    /// The name in an older spelling.
    Older,
}

/// One form of a known name in one language.
#[derive(Debug, Clone, Copy)]
struct Form {
    /// The first word of the form or its beginning.
    first: &'static str,
    /// The words behind it, `_` between them.
    rest: Option<&'static str>,
    entry: u16,
    standing: Standing,
}

/// All forms of one language, sorted by their first words.
struct Index {
    forms: Vec<Form>,
    /// For each entry its forms as places in `forms`.
    entries: Vec<Vec<u16>>,
    /// By their first two letters, sorted, the forms that are not loose.
    beginnings: Vec<(u64, Vec<u16>)>,
}

/// The first two letters of a word as one number, the second of them zero in a word of one letter.
fn beginning(word: &str) -> Option<u64> {
    let mut letters = word.chars();
    Some(u64::from(u32::from(letters.next()?)) << 32 | letters.next().map_or(0, |c| u64::from(u32::from(c))))
}

static INDEXES: LazyLock<[Index; 3]> = LazyLock::new(|| [Index::new(0), Index::new(1), Index::new(2)]);

impl Index {
    fn new(column: usize) -> Index {
        let mut forms = Vec::new();
        let mut count = 0;
        for (entry, line) in TABLE.lines().enumerate() {
            count += 1;
            let line = line.strip_prefix('?').unwrap_or(line);
            for form in line.split('/').nth(column).unwrap_or("").split_whitespace() {
                let (standing, form) = match form.as_bytes()[0] {
                    b'~' => (Standing::Loose, &form[1..]),
                    b'^' => (Standing::Older, &form[1..]),
                    _ => (Standing::Sure, form),
                };
                let (first, rest) = form.split_once('_').map_or((form, None), |(first, rest)| (first, Some(rest)));
                forms.push(Form { first, rest, entry: entry as u16, standing });
            }
        }
        forms.sort_by_key(|form| form.first);
        let mut entries = vec![Vec::new(); count];
        for (at, form) in forms.iter().enumerate() {
            entries[form.entry as usize].push(at as u16);
        }
        let mut beginnings: BTreeMap<u64, Vec<u16>> = BTreeMap::new();
        for (at, form) in forms.iter().enumerate().filter(|(_, form)| form.standing != Standing::Loose) {
            if let Some(key) = beginning(form.first) {
                beginnings.entry(key).or_default().push(at as u16);
            }
        }
        Index { forms, entries, beginnings: beginnings.into_iter().collect() }
    }

    /// The forms with a beginning.
    fn beginning(&self, key: u64) -> &[u16] {
        self.beginnings.binary_search_by_key(&key, |(key, _)| *key).map_or(&[], |at| &self.beginnings[at].1)
    }
}

fn index(language: Language) -> &'static Index {
    &INDEXES[match language {
        Language::UK => 1,
        Language::KO => 2,
        _ => 0,
    }]
}

/// A known name at a place of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) entry: u16,
    pub(super) standing: Standing,
    /// The first word and the number of words.
    pub(super) words: Range<usize>,
}

/// The words of a text with what the search for names needs of them.
pub(super) struct Words<'a> {
    pub(super) text: &'a str,
    pub(super) language: Language,
    pub(super) spans: Vec<Range<usize>>,
    /// The words in lower case one behind another, and where each begins.
    lower: String,
    starts: Vec<u32>,
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str, language: Language) -> Words<'a> {
        let spans = super::super::letters::words(text);
        let mut lower = String::with_capacity(text.len());
        let mut starts = Vec::with_capacity(spans.len() + 1);
        for span in &spans {
            starts.push(lower.len() as u32);
            let word = &text[span.clone()];
            if word.starts_with(|c: char| ('가'..='힣').contains(&c)) {
                lower.push_str(word);
            } else {
                push_lower(word, &mut lower);
            }
        }
        starts.push(lower.len() as u32);
        Words { text, language, spans, lower, starts }
    }

    /// A word as it is written.
    pub(super) fn word(&self, at: usize) -> &'a str {
        &self.text[self.spans[at].clone()]
    }

    /// A word in lower case.
    pub(super) fn lower(&self, at: usize) -> &str {
        &self.lower[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether a form begins at a word; answers the number of words it takes.
    fn fits(&self, form: &Form, at: usize) -> Option<usize> {
        if !self.begins(form.first, at) {
            return None;
        }
        let mut taken = 1;
        for part in form.rest.into_iter().flat_map(|rest| rest.split('_')) {
            if at + taken >= self.len() || !self.begins(part, at + taken) {
                return None;
            }
            taken += 1;
        }
        Some(taken)
    }

    /// Whether a word is a form (English) or begins with it (Ukrainian, Korean).
    fn begins(&self, form: &str, at: usize) -> bool {
        match self.language {
            Language::UK => {
                let word = if form.starts_with(char::is_uppercase) { self.word(at) } else { self.lower(at) };
                if let Some(whole) = form.strip_suffix('.') {
                    word == whole
                } else if let Some(stem) = form.strip_suffix('-') {
                    word.strip_prefix(stem).is_some_and(|ending| NOUN_ENDINGS.contains(&ending))
                } else {
                    word.starts_with(form)
                }
            }
            Language::KO => self.word(at).starts_with(form),
            _ => bare(self.word(at)) == form,
        }
    }

    /// The known name that begins at a word: the longest one. Loose forms are none.
    pub(super) fn known(&self, at: usize) -> Option<Hit> {
        let index = index(self.language);
        let word = self.word(at);
        let mut best: Option<(usize, Hit)> = None;
        let mut consider = |key: Option<u64>| {
            for &place in key.map_or(&[][..], |key| index.beginning(key)) {
                let form = &index.forms[place as usize];
                let Some(taken) = self.fits(form, at) else { continue };
                let length = form.first.len() + form.rest.map_or(0, str::len);
                if best.as_ref().is_none_or(|(longest, _)| length > *longest) {
                    best = Some((length, Hit { entry: form.entry, standing: form.standing, words: at..at + taken }));
                }
            }
        };
        let key = beginning(word);
        consider(key);
        if self.language == Language::UK && word.starts_with(char::is_uppercase) {
            let lower = beginning(self.lower(at));
            if lower != key {
                consider(lower);
            }
        }
        best.map(|(_, hit)| hit)
    }

    /// The first word at which the text has a known name in any of its forms, the loose ones included.
    pub(super) fn place(&self, entry: u16) -> Option<usize> {
        let index = index(self.language);
        let forms = index.entries[entry as usize].iter().map(|&place| &index.forms[place as usize]);
        if self.language == Language::KO {
            // Korean writes names together with what stands before them: 주한미군, 방미.
            let found = forms.filter_map(|form| self.text.find(form.first)).min()?;
            return Some(self.spans.partition_point(|span| span.end <= found));
        }
        (0..self.len()).find(|&at| forms.clone().any(|form| self.fits(form, at).is_some()))
    }
}

/// The forms of a known name in a language, the usual one first, for messages.
pub(super) fn usual(entry: u16, language: Language) -> Option<String> {
    let column = match language {
        Language::UK => return None,
        Language::KO => 2,
        _ => 0,
    };
    let line = line(entry);
    let line = line.strip_prefix('?').unwrap_or(line);
    let form = line.split('/').nth(column)?.split_whitespace().find(|form| !form.starts_with(['~', '^']))?;
    Some(form.replace('_', " "))
}

/// Adds a word in lower case, the usual letters by the shortest way.
pub(in crate::quality) fn push_lower(word: &str, out: &mut String) {
    for c in word.chars() {
        match c {
            '\0'..='\x7f' => out.push(c.to_ascii_lowercase()),
            'а'..='я' | 'і' | 'ї' | 'є' | 'ґ' => out.push(c),
            'А'..='Я' => out.push(char::from_u32(u32::from(c) + 32).unwrap_or(c)),
            _ => out.extend(c.to_lowercase()),
        }
    }
}

/// Whether a name has an older spelling in a language beside the usual one.
pub(super) fn has_older(entry: u16, language: Language) -> bool {
    let index = index(language);
    index.entries[entry as usize].iter().any(|&place| index.forms[place as usize].standing == Standing::Older)
}

/// Whether texts add and leave out a name as they like.
pub(super) fn is_implied(entry: u16) -> bool {
    line(entry).starts_with('?')
}

fn line(entry: u16) -> &'static str {
    TABLE.lines().nth(entry as usize).unwrap_or("")
}

/// An English word without the ending of the possessive.
pub(super) fn bare(word: &str) -> &str {
    ["'s", "’s", "'", "’"].iter().find_map(|ending| word.strip_suffix(ending)).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::{Standing, TABLE, Words};
    use crate::language::Language;

    #[test]
    fn each_entry_has_forms_in_three_languages() {
        for line in TABLE.lines() {
            let columns: Vec<&str> = line.split('/').collect();
            assert_eq!(columns.len(), 3, "{line}");
            assert!(columns.iter().all(|column| !column.trim().is_empty()), "{line}");
        }
    }

    fn check(language: Language, text: &str, expected: &[(&str, Standing)]) {
        let words = Words::of(text, language);
        let (mut hits, mut at) = (Vec::new(), 0);
        while at < words.len() {
            let Some(hit) = words.known(at) else {
                at += 1;
                continue;
            };
            hits.push((&text[words.spans[at].start..words.spans[hit.words.end - 1].end], hit.standing));
            at = hit.words.end;
        }
        assert_eq!(hits, expected, "{text}");
    }

    #[test]
    fn the_longest_form_is_the_name() {
        check(
            Language::EN,
            "North Korea's envoy left Turkey",
            &[("North Korea's", Standing::Sure), ("Turkey", Standing::Sure)],
        );
        check(
            Language::UK,
            "у Сполучених Штатах та Індонезії",
            &[("Сполучених Штатах", Standing::Sure), ("Індонезії", Standing::Sure)],
        );
        check(
            Language::KO,
            "인도네시아에서 키예프로",
            &[("인도네시아에서", Standing::Sure), ("키예프로", Standing::Older)],
        );
    }

    #[test]
    fn words_that_look_like_names_are_none() {
        check(Language::UK, "дані індустрії, баскетбол, самоаналіз, бібліотека, марок, троянда", &[]);
        check(Language::EN, "a turkey in china, polish it", &[]);
        check(Language::KO, "현대 사회를 고려한 존중", &[]);
    }
}
