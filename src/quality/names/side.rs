//! One of the two texts: its names, its sounds, and whether it has a counterpart for a name of the other.

use std::cell::OnceCell;
use std::ops::Range;

use super::known::{Hit, Standing, Words, bare};
use super::phones::{Heard, Pattern, Phone, Place};
use super::{hangul, latin, translated, ukrainian};
use crate::language::Language;

/// What makes a word a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An entry of the table of known names.
    Known(u16, Standing),
    /// A capital where no sentence begins, or a word in Latin letters in Korean.
    Capital,
    /// Korean: it stands before a title.
    Titled,
    /// Korean: it sounds foreign.
    Foreign,
}

/// A name in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) kind: Kind,
    pub(super) words: Range<usize>,
    pub(super) span: Range<usize>,
}

/// The place of a text that is nearest to a name of the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counterpart {
    /// From 0, the same, to [`FARTHEST`], in shares of the name's weight.
    pub(super) distance: f32,
    /// The word in which the place begins.
    pub(super) word: usize,
    /// What the name weighs, in hundredths of a consonant.
    pub(super) weight: u16,
}

/// The distance of a name that the other text has nothing like.
pub(super) const FARTHEST: f32 = 1.0;
/// So near a place is the counterpart of this name and of no other.
const CLAIM: f32 = 0.10;
/// What it costs a name to stand in two words of a Korean text.
const BETWEEN: u8 = 25;
/// So near a place is surely this name.
const SURE: f32 = 0.16;
/// Two words this near may be two spellings of one name.
const ALIKE: f32 = 0.25;
/// Nothing farther is looked for.
const LIMIT: f32 = 0.50;
/// Names lighter than two consonants and a vowel are found in any text.
pub(super) const LIGHTEST: u16 = 225;

/// Words that do not end a run of capitals.
const JOINING: &[&str] =
    &["of", "the", "and", "for", "in", "to", "on", "de", "la", "з", "із", "по", "та", "і", "й", "у", "в", "на", "для"];

/// Titles that stand behind names in Korean.
const TITLES: &[&str] = &[
    "대통령",
    "총리",
    "장관",
    "의원",
    "교수",
    "박사",
    "회장",
    "시장",
    "주지사",
    "판사",
    "감독",
    "선수",
    "씨",
    "차관",
    "대표",
    "사장",
    "국장",
    "대사",
    "장군",
    "후보",
    "여사",
    "왕",
    "황제",
    "경",
    "신부",
    "목사",
    "코치",
];

/// A text with its names.
pub(super) struct Side<'a> {
    words: Words<'a>,
    pub(super) names: Vec<Name>,
    heard: OnceCell<Heard>,
}

impl<'a> Side<'a> {
    pub(super) fn of(text: &'a str, language: Language) -> Side<'a> {
        let words = Words::of(text, language);
        let names = if language == Language::KO { korean(&words) } else { capitalised(&words) };
        Side { words, names, heard: OnceCell::new() }
    }

    /// How near this text comes to each name of the other, in their order.
    ///
    /// A place that is the counterpart of one name is none of another.
    pub(super) fn counterparts(&self, other: &Side<'_>) -> Vec<Counterpart> {
        let mut found: Vec<Counterpart> = Vec::with_capacity(other.names.len());
        let mut taken: Vec<(usize, &str)> = Vec::new();
        for name in &other.names {
            let own = other.words.lower(name.words.start);
            if let Kind::Known(entry, _) = name.kind
                && let Some(word) = self.words.place(entry)
            {
                found.push(Counterpart { distance: 0.0, word, weight: LIGHTEST });
                taken.push((word, own));
                continue;
            }
            let nearest = self.nearest(other, name, &[]);
            if nearest.distance <= CLAIM && nearest.weight >= LIGHTEST {
                taken.push((nearest.word, own));
            }
            found.push(nearest);
        }
        for (name, found) in other.names.iter().zip(&mut found) {
            let own = other.words.lower(name.words.start);
            if found.distance > CLAIM
                && found.distance <= LIMIT
                && taken.iter().any(|(at, by)| *at == found.word && !akin(by, own))
            {
                *found = self.nearest(other, name, &taken);
            }
        }
        found
    }

    /// The nearest place for a name.
    fn nearest(&self, other: &Side<'_>, name: &Name, taken: &[(usize, &str)]) -> Counterpart {
        let mut best = Counterpart { distance: FARTHEST, word: usize::MAX, weight: 0 };
        for at in name.words.clone() {
            let Some(pattern) = pattern(&other.words, at) else { continue };
            best.weight = best.weight.max(pattern.weight());
            let own = other.words.lower(at);
            let skip = |word| taken.iter().any(|(at, by)| *at == word && !akin(by, own));
            if let Some((distance, word)) = self.heard().nearest(&pattern, LIMIT, skip)
                && distance < best.distance
            {
                best = Counterpart { distance, word, weight: best.weight };
            }
        }
        best
    }

    /// Whether a word belongs to a run of names among which there are words that are translated: a title, most likely.
    /// Prepositions and articles do not end a run: Society for the Prevention of Cruelty.
    pub(super) fn in_title(&self, name: &Name) -> bool {
        let joins = |at: usize| JOINING.contains(&self.words.lower(at));
        let translated = |at: Option<usize>| {
            at.filter(|at| *at < self.words.len()).is_some_and(|at| {
                self.words.word(at).starts_with(char::is_uppercase)
                    && translated::is_translated(bare(self.words.lower(at)), self.words.language)
            })
        };
        let mut before = name.words.start.checked_sub(1);
        for _ in 0..2 {
            before = before.and_then(|at| if joins(at) { at.checked_sub(1) } else { Some(at) });
        }
        let mut after = name.words.end;
        for _ in 0..2 {
            after += usize::from(after < self.words.len() && joins(after));
        }
        translated(before) || translated(Some(after)) || self.in_quotes(name)
    }

    /// Whether a name stands with other words between quotes: the title of a work.
    fn in_quotes(&self, name: &Name) -> bool {
        let quote = |c: char| matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '‘' | '’' | '\'');
        let before = self.words.text[..name.span.start].rfind(quote);
        let after = self.words.text[name.span.end..].find(quote);
        let (Some(before), Some(after)) = (before, after) else { return false };
        let inside = &self.words.text[before..name.span.end + after];
        let spaces = inside.matches(' ').count();
        (1..=5).contains(&spaces) && !inside.contains(['.', ',', ';', ':', '!', '?'])
    }

    /// The distance from a name of the other text to the nearest place of this one, whatever else stands there;
    /// `None` for what is too short to say.
    pub(super) fn distance(&self, other: &Side<'_>, name: &Name) -> Option<f32> {
        if let Kind::Known(entry, _) = name.kind
            && self.words.place(entry).is_some()
        {
            return Some(0.0);
        }
        let nearest = self.nearest(other, name, &[]);
        let light = nearest.weight < LIGHTEST + 75 && !matches!(name.kind, Kind::Known(..));
        (!light).then_some(nearest.distance)
    }

    /// The word that is surely the counterpart of a name of the other text, in the script of this language.
    pub(super) fn written(&self, other: &Side<'_>, name: &Name) -> Option<Range<usize>> {
        let pattern = pattern(&other.words, name.words.start).filter(|pattern| pattern.weight() >= LIGHTEST)?;
        let own_script = |word: usize| {
            let first = self.words.word(word).chars().next();
            if translated::is_translated(bare(self.words.lower(word)), self.words.language) {
                return false;
            }
            match self.words.language {
                Language::UK => first.is_some_and(|c| ('Ѐ'..='ӿ').contains(&c) && c.is_uppercase()),
                Language::KO => first.is_some_and(|c| ('가'..='힣').contains(&c)),
                _ => first.is_some_and(char::is_uppercase),
            }
        };
        let (_, word) = self.heard().nearest(&pattern, SURE, |word| !own_script(word))?;
        self.heard().is_word(&pattern, word, SURE).then(|| self.words.spans[word].clone())
    }

    /// The first word at which a known name is written out, in its usual or an older spelling.
    pub(super) fn spelled(&self, entry: u16) -> Option<Range<usize>> {
        let name = self.names.iter().find(|name| matches!(name.kind, Kind::Known(at, _) if at == entry))?;
        Some(name.span.clone())
    }

    /// What stands for a name in all its forms.
    pub(super) fn key(&self, name: &Name) -> String {
        let lower = bare(self.words.lower(name.words.start));
        let stem = match self.words.language {
            Language::UK => ukrainian::stem(lower),
            Language::KO => korean_stem(lower),
            _ => lower.len(),
        };
        lower[..stem].to_string()
    }

    /// A word without possessive or particles.
    pub(super) fn trimmed(&self, span: Range<usize>) -> &'a str {
        let word = &self.words.text[span];
        match self.words.language {
            Language::KO => &word[..korean_stem(word)],
            _ => bare(word),
        }
    }

    pub(super) fn language(&self) -> Language {
        self.words.language
    }

    /// A name as it is written.
    pub(super) fn text(&self, name: &Name) -> &'a str {
        &self.words.text[name.span.clone()]
    }

    /// A Korean name without its particles.
    pub(super) fn stem(&self, name: &Name) -> &'a str {
        let text = self.text(name);
        &text[..korean_stem(text)]
    }

    fn heard(&self) -> &Heard {
        self.heard.get_or_init(|| {
            let korean = self.words.language == Language::KO;
            let mut heard = Heard::with_capacity(self.words.text.len() / 2 + 8, korean);
            let mut inner = Vec::new();
            for at in 0..self.words.len() {
                let from = heard.phones.len();
                inner.clear();
                push_phones(self.words.lower(at), &mut heard.phones, &mut inner);
                let end = heard.phones.len();
                if end > from {
                    if korean {
                        // Running over the end of a word has its price.
                        heard.phones.push(Phone { sounds: 0, drop: BETWEEN });
                    }
                    heard.add_word(at, from..end, &place(&self.words, at, &inner));
                }
            }
            heard
        })
    }
}

/// Whether two words are forms of one name.
fn akin(one: &str, other: &str) -> bool {
    let common = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    common * 3 >= one.len().min(other.len()) * 2
}

/// Whether two words of an output are one name, written the same way.
pub(super) fn same_written(one: &str, other: &str, language: Language) -> bool {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    match language {
        Language::UK => {
            let (one, other) = (&one[..ukrainian::stem(&one)], &other[..ukrainian::stem(&other)]);
            // Another case may change the last letters of a stem: Ольга and Ользі, Одеса and одеський.
            let common = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
            common + 1 >= one.chars().count().min(other.chars().count())
        }
        // Particles and compounds follow the name.
        // Particles and compounds follow the name; of two syllables one may be a particle.
        Language::KO => {
            one.starts_with(&other)
                || other.starts_with(&one)
                || one.chars().count() <= 2 && other.chars().count() <= 2 && one.chars().next() == other.chars().next()
        }
        _ => {
            // The place and its people: Catalonia and Catalan.
            let stem = |word: &str| word[..latin::stem(word)].to_string();
            let (one, other) = (stem(&one), stem(&other));
            one == other || one.len().min(other.len()) >= 5 && (one.starts_with(&other) || other.starts_with(&one))
        }
    }
}

/// Whether two words sound nearly the same, as two spellings of one name do.
pub(super) fn sounds_like(one: &str, other: &str) -> bool {
    let mut heard = Heard::with_capacity(20, false);
    push_phones(&other.to_lowercase(), &mut heard.phones, &mut Vec::new());
    let end = heard.phones.len();
    heard.add_word(0, 0..end, &Place { handicap: 0, ending: 100, inside: 0, inner: &[] });
    let one = one.to_lowercase();
    pattern_of(&one).is_some_and(|pattern| heard.nearest(&pattern, ALIKE, |_| false).is_some())
}

/// What a word is as the counterpart of a name: names have capitals, or sound foreign in Korean.
fn place<'a>(words: &Words<'_>, at: usize, inner: &'a [usize]) -> Place<'a> {
    let word = words.word(at);
    let adjective = || ["ськ", "зьк", "цьк"].iter().any(|sign| word.contains(sign));
    let (handicap, ending) = match word.chars().next() {
        Some('가'..='힣') => match hangul::foreignness(word) {
            0 | 1 if is_predicate(word) => (18, 0),
            0 => (9, 0),
            1 => (4, 0),
            _ => (0, 0),
        },
        Some('а'..='ї') if adjective() => (3, 420),
        Some(c) if c.is_lowercase() => (15, 200),
        _ if adjective() => (0, 420),
        _ => (0, 200),
    };
    // Names stand inside of compounds that sound like names: 웨스트버지니아.
    let inner = if handicap <= 4 { inner } else { &[] };
    Place { handicap, ending, inside: if handicap == 0 { 6 } else { 10 }, inner }
}

/// Whether a Korean word ends as verbs and adjectives do.
fn is_predicate(word: &str) -> bool {
    const ENDINGS: &[&str] = &[
        "니다",
        "어요",
        "아요",
        "라고",
        "라기",
        "로서",
        "했다",
        "었다",
        "았다",
        "한다",
        "된다",
        "이다",
        "하는",
        "되는",
        "있는",
        "없는",
        "하고",
        "하여",
        "해서",
        "지만",
        "으며",
        "하며",
        "려고",
        "면서",
        "도록",
        "했던",
        "었던",
        "였다",
        "있다",
        "없다",
        "는다",
        "하기",
        "하지",
        "때문에",
        "위해",
        "에서는",
    ];
    ENDINGS.iter().any(|ending| word.ends_with(ending))
}

/// Adds the phones of a word by its script.
fn push_phones(lower: &str, out: &mut Vec<Phone>, inner: &mut Vec<usize>) {
    match lower.chars().next().map(u32::from) {
        Some(0x400..=0x52F) => ukrainian::phones(lower, out),
        Some(0xAC00..=0xD7A3) => hangul::phones(lower, out, inner),
        Some(_) => latin::phones(lower, out),
        None => {}
    }
}

/// The pattern of a word of a text, its ending marked.
fn pattern(words: &Words<'_>, at: usize) -> Option<Pattern> {
    pattern_of(bare(words.lower(at)))
}

/// The pattern of a word in lower case.
fn pattern_of(lower: &str) -> Option<Pattern> {
    let mut phones = Vec::with_capacity(20);
    let mut inner = Vec::new();
    push_phones(lower, &mut phones, &mut inner);
    let stem_bytes = match lower.chars().next().map(u32::from) {
        Some(0x400..=0x52F) => ukrainian::stem(lower),
        Some(0xAC00..=0xD7A3) => korean_stem(lower),
        _ => latin::stem(lower),
    };
    let stem = if stem_bytes == lower.len() {
        phones.len()
    } else {
        let mut shorter = Vec::with_capacity(20);
        push_phones(&lower[..stem_bytes], &mut shorter, &mut inner);
        // A sound at the end of the stem is as faint as at the end of a word: the r of Гейгера is that of Гейгер.
        for (phone, end) in phones.iter_mut().zip(&shorter) {
            phone.drop = phone.drop.min(end.drop);
        }
        shorter.len()
    };
    Pattern::new(&phones, stem)
}

/// Particles and suffixes that follow names, the longer first.
const PARTICLES: &[&str] = &[
    "에서는",
    "으로는",
    "에게는",
    "에서",
    "에게",
    "으로",
    "까지",
    "부터",
    "에는",
    "와의",
    "과의",
    "이나",
    "이라",
    "라는",
    "라고",
    "처럼",
    "보다",
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "의",
    "에",
    "와",
    "과",
    "도",
    "로",
    "만",
    "씨",
    "인",
    "사",
    "시",
    "주",
];

fn korean_stem(word: &str) -> usize {
    PARTICLES
        .iter()
        .find_map(|particle| word.strip_suffix(particle).filter(|stem| stem.chars().count() >= 2))
        .map_or(word.len(), str::len)
}

/// Names of a Korean text.
fn korean(words: &Words<'_>) -> Vec<Name> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let word = words.word(at);
        if !word.starts_with(|c: char| ('가'..='힣').contains(&c)) {
            let mut letters = word.chars();
            let capital = letters.next().is_some_and(char::is_uppercase) && letters.all(char::is_lowercase);
            if capital && word.chars().count() >= 3 && !translated::is_translated(words.lower(at), Language::EN) {
                names.push(name(words, Kind::Capital, at..at + 1));
            }
            at += 1;
            continue;
        }
        let begins = words.text[..words.spans[at].start]
            .chars()
            .next_back()
            .is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '“' | '‘' | '"' | '\'' | '·' | ','));
        if begins && let Some(Hit { entry, standing, words: taken }) = words.known(at) {
            at = taken.end;
            names.push(name(words, Kind::Known(entry, standing), taken));
            continue;
        }
        if begins && !is_predicate(word) && hangul::looks_foreign(&word[..korean_stem(word)]) {
            let titled = at + 1 < words.len() && is_title(words.word(at + 1));
            names.push(name(words, if titled { Kind::Titled } else { Kind::Foreign }, at..at + 1));
        }
        at += 1;
    }
    names
}

/// Whether a word is a title, with particles or without.
fn is_title(word: &str) -> bool {
    TITLES.contains(&word) || TITLES.contains(&&word[..korean_stem(word)])
}

/// Names of an English or Ukrainian text.
fn capitalised(words: &Words<'_>) -> Vec<Name> {
    let mut names = Vec::new();
    let headline = is_headline(words);
    let mut at = 0;
    while at < words.len() {
        if let Some(Hit { entry, standing, words: taken }) = words.known(at) {
            at = taken.end;
            names.push(name(words, Kind::Known(entry, standing), taken));
            continue;
        }
        if !headline && begins_name(words, at) {
            names.push(name(words, Kind::Capital, at..at + 1));
        }
        at += 1;
    }
    names
}

fn name(words: &Words<'_>, kind: Kind, taken: Range<usize>) -> Name {
    let span = words.spans[taken.start].start..words.spans[taken.end - 1].end;
    Name { kind, words: taken, span }
}

/// Whether a word is a name by its capital: not the first of a sentence, not an acronym, not a word that is translated.
fn begins_name(words: &Words<'_>, at: usize) -> bool {
    let word = words.word(at);
    let mut letters = word.chars();
    if !letters.next().is_some_and(char::is_uppercase) || !letters.next().is_some_and(char::is_lowercase) {
        return false;
    }
    let follows = words.text[words.spans[at].end..].chars().next();
    let count = word.chars().count();
    // The first part of a word with a hyphen: Trans-Siberian, Сен-Мартен.
    if follows == Some('-') {
        return false;
    }
    // Sen., Oct., Prof.
    if follows == Some('.') && count <= 4 && at + 1 < words.len() {
        return false;
    }
    // Latin words in a Ukrainian text are names of products and titles that are kept as they are.
    if words.language == Language::UK && word.is_ascii() {
        return false;
    }
    if count < 3 || translated::is_translated(bare(words.lower(at)), words.language) {
        return false;
    }
    // Only spaces, commas and hyphens may stand between a name and the word before it.
    let gap = at.checked_sub(1).map(|before| &words.text[words.spans[before].end..words.spans[at].start]);
    gap.is_some_and(|gap| gap.chars().all(|c| c == ' ' || c == ',' || c == '-' || c == '\u{a0}'))
}

/// Whether a text has capitals on most of its longer words, as English headlines do.
fn is_headline(words: &Words<'_>) -> bool {
    let (mut capitals, mut total) = (0, 0);
    for at in 0..words.len() {
        let word = words.word(at);
        if word.len() >= 4 {
            total += 1;
            capitals += usize::from(word.starts_with(char::is_uppercase));
        }
    }
    total >= 4 && capitals * 20 >= total * 17
}
