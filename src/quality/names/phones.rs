//! Sounds as the comparison of names needs them, and the distance between a name and a place of another text.
//!
//! A [`Phone`] is a set of sounds that a letter may stand for; two phones agree where their sets meet. The alphabets
//! turn words into phones ([`super::latin`], [`super::ukrainian`], [`super::hangul`]); this file only compares.
//! Vowels count little, since each language writes those of the others as it hears them; consonants decide.

use std::ops::Range;

/// Sounds, one bit each.
pub(super) mod sound {
    pub(crate) const P: u32 = 1;
    pub(crate) const B: u32 = 1 << 1;
    pub(crate) const F: u32 = 1 << 2;
    pub(crate) const V: u32 = 1 << 3;
    pub(crate) const W: u32 = 1 << 4;
    pub(crate) const M: u32 = 1 << 5;
    pub(crate) const N: u32 = 1 << 6;
    pub(crate) const T: u32 = 1 << 7;
    pub(crate) const D: u32 = 1 << 8;
    /// As in thin and this.
    pub(crate) const TH: u32 = 1 << 9;
    pub(crate) const S: u32 = 1 << 10;
    pub(crate) const Z: u32 = 1 << 11;
    pub(crate) const SH: u32 = 1 << 12;
    /// As in measure.
    pub(crate) const ZH: u32 = 1 << 13;
    pub(crate) const CH: u32 = 1 << 14;
    /// As in joy.
    pub(crate) const J: u32 = 1 << 15;
    pub(crate) const TS: u32 = 1 << 16;
    pub(crate) const K: u32 = 1 << 17;
    pub(crate) const G: u32 = 1 << 18;
    pub(crate) const H: u32 = 1 << 19;
    pub(crate) const L: u32 = 1 << 20;
    pub(crate) const R: u32 = 1 << 21;
    /// As in yes.
    pub(crate) const Y: u32 = 1 << 22;
    pub(crate) const A: u32 = 1 << 23;
    pub(crate) const E: u32 = 1 << 24;
    pub(crate) const I: u32 = 1 << 25;
    pub(crate) const O: u32 = 1 << 26;
    pub(crate) const U: u32 = 1 << 27;
    pub(crate) const VOWELS: u32 = A | E | I | O | U;
    /// Sounds that are often mistaken for each other.
    pub(crate) const NEAR: [u32; 8] = [
        P | B | F | V | W,
        T | D | TH,
        S | Z | SH | TH | TS,
        ZH | CH | J | SH | TS | Z,
        K | G | H,
        L | R,
        M | N,
        Y | I | J | ZH,
    ];
}

/// Costs in hundredths of a consonant.
const OTHER_CONSONANT: u16 = 100;
const NEAR_CONSONANT: u16 = 60;
const OTHER_VOWEL: u16 = 25;
const GLIDE_FOR_VOWEL: u16 = 25;
const VOWEL_FOR_CONSONANT: u16 = 120;
/// What leaving out a plain consonant or vowel costs.
pub(super) const CONSONANT: u8 = 100;
pub(super) const VOWEL: u8 = 40;
/// A sound that other languages rarely hear.
pub(super) const FAINT: u8 = 12;

/// One letter or syllable part: the sounds that it may stand for, and what leaving it out costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phone {
    pub(super) sounds: u32,
    pub(super) drop: u8,
}

impl Phone {
    pub(super) fn consonant(sounds: u32) -> Phone {
        Phone { sounds, drop: CONSONANT }
    }

    pub(super) fn vowel(sounds: u32) -> Phone {
        Phone { sounds, drop: VOWEL }
    }

    pub(super) fn faint(sounds: u32) -> Phone {
        Phone { sounds, drop: FAINT }
    }

    fn is_vowel(self) -> bool {
        self.sounds & sound::VOWELS != 0 && self.sounds & !(sound::VOWELS | sound::W | sound::Y) == 0
    }

    /// Whether the sound is one by which a word can be found.
    fn is_strong(self) -> bool {
        self.drop >= 60
    }

    /// What hearing another phone for this one costs; `wide` are the sounds that are taken for those of this one.
    fn instead_of(self, wide: u32, other: Phone) -> u16 {
        if self.sounds & other.sounds != 0 {
            return 0;
        }
        match (self.is_vowel(), other.is_vowel()) {
            (true, true) => OTHER_VOWEL,
            (false, false) => {
                let cost = if wide & other.sounds != 0 { NEAR_CONSONANT } else { OTHER_CONSONANT };
                cost.min(u16::from(self.drop) + u16::from(other.drop))
            }
            _ => {
                let glides = sound::W | sound::Y;
                if (self.sounds | other.sounds) & glides != 0 { GLIDE_FOR_VOWEL } else { VOWEL_FOR_CONSONANT }
            }
        }
    }
}

/// Every sound that may be taken for one of these.
fn widened(sounds: u32) -> u32 {
    sound::NEAR.iter().filter(|set| **set & sounds != 0).fold(sounds, |all, set| all | set)
}

/// The sounds that a reader may take for the first consonant: the first strong one and the faint ones before it.
fn first_sounds(phones: &[Phone]) -> Option<u32> {
    let mut sounds = 0;
    let mut strong = 0;
    // A vowel before it may be the consonant of another language: Eugenia and Евгенія.
    let wanted = if phones.first().is_some_and(|phone| phone.is_vowel()) { 2 } else { 1 };
    for phone in phones.iter().filter(|phone| !phone.is_vowel()) {
        sounds |= phone.sounds & !sound::VOWELS;
        strong += usize::from(phone.is_strong());
        if strong == wanted {
            return Some(sounds);
        }
    }
    (strong > 0).then_some(sounds)
}

/// More phones than this are cut off: no name is longer.
const LONGEST: usize = 20;
/// So many phones of the text are looked at for one name.
const WINDOW: usize = 26;

/// A name to be looked for.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    phones: [Phone; LONGEST],
    /// The sounds that are taken for those of the phones.
    wide: [u32; LONGEST],
    len: usize,
    /// Phones from here on are an ending and may be left out at no cost.
    stem: usize,
    /// What all phones of the stem weigh.
    weight: u16,
    /// The sounds with which a match may begin.
    first: u32,
}

impl Pattern {
    /// A pattern of phones, of which those from `stem` on are an ending; `None` without a consonant to go by.
    pub(super) fn new(phones: &[Phone], stem: usize) -> Option<Pattern> {
        let mut taken = [Phone::faint(0); LONGEST];
        let len = phones.len().min(LONGEST);
        taken[..len].copy_from_slice(&phones[..len]);
        let stem = stem.min(len);
        let first = first_sounds(&taken[..stem])?;
        let mut wide = [0; LONGEST];
        for (wide, phone) in wide.iter_mut().zip(&taken[..len]) {
            *wide = widened(phone.sounds);
        }
        let weight = taken[..stem].iter().map(|phone| u16::from(phone.drop)).sum();
        Some(Pattern { phones: taken, wide, len, stem, weight, first: widened(first) })
    }

    /// How many phones of a text are looked at: faint ones may stand between those of the name.
    fn reach(&self) -> usize {
        (self.len + 6).min(WINDOW)
    }

    /// What the name weighs, in hundredths of a consonant.
    pub(super) fn weight(&self) -> u16 {
        self.weight
    }
}

/// What a word of a text is to names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// What a match in it costs, in hundredths of the name's weight.
    pub(super) handicap: u16,
    /// What may follow a match in the word at no cost, in hundredths of a consonant.
    pub(super) ending: u16,
    /// What beginning at an inner syllable adds.
    pub(super) inside: u16,
    /// Where its syllables begin, the first left out; only Korean has names inside of words.
    pub(super) inner: &'a [usize],
}

/// A place of a text where a name may begin.
#[derive(Debug, Clone, Copy)]
struct Start {
    phone: u32,
    word: u32,
    /// The end of the word in phones; names may run over it only where the language writes them so.
    end: u32,
    /// The first strong consonant from here.
    first: u32,
    /// What may follow a match in the word at no cost.
    ending: u16,
    /// What a match here costs before it begins, in hundredths of the name's weight.
    handicap: u16,
}

/// A text as phones, with the places where names may begin.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) phones: Vec<Phone>,
    starts: Vec<Start>,
    /// Whether endings of any length may follow a name (Korean particles and compounds).
    open: bool,
}

impl Heard {
    pub(super) fn with_capacity(phones: usize, open: bool) -> Heard {
        Heard { phones: Vec::with_capacity(phones), starts: Vec::with_capacity(phones / 2), open }
    }

    /// Adds the places of a word whose phones were just pushed. A match in it costs a handicap, in hundredths of the
    /// name's weight; one that begins at an inner syllable costs more.
    pub(super) fn add_word(&mut self, word: usize, phones: Range<usize>, place: &Place<'_>) {
        let end = phones.end as u32;
        let inner = place.inner.iter().map(|&at| (at, place.handicap + place.inside));
        for (at, handicap) in std::iter::once((phones.start, place.handicap)).chain(inner) {
            let first = first_sounds(&self.phones[at..phones.end]).unwrap_or(0);
            self.starts.push(Start { phone: at as u32, word: word as u32, end, first, ending: place.ending, handicap });
        }
    }

    /// How far the nearest place of the text is from a name, from 0 (the same) to 1, and the word it is in.
    /// Nothing is answered beyond `limit`. Words for which `skip` answers true are left out.
    pub(super) fn nearest(&self, name: &Pattern, limit: f32, skip: impl Fn(usize) -> bool) -> Option<(f32, usize)> {
        let mut most = (limit * f32::from(name.weight)) as u16;
        let mut best = None;
        for start in &self.starts {
            if start.first & name.first == 0 || skip(start.word as usize) {
                continue;
            }
            let from = start.phone as usize;
            // Korean writes names of several words with spaces or without.
            let end = if self.open { self.phones.len() } else { start.end as usize };
            let head = (u32::from(start.handicap) * u32::from(name.weight) / 100) as u16;
            if head > most {
                continue;
            }
            if let Some(cost) = self.cost(name, from..end.min(from + name.reach()), most - head, start) {
                let cost = cost + head;
                if cost <= most {
                    best = Some((f32::from(cost) / f32::from(name.weight.max(1)), start.word as usize));
                    if cost == 0 {
                        return best;
                    }
                    most = cost - 1;
                }
            }
        }
        best
    }

    /// Whether a name fills a word but for an ending: the match begins at the beginning of the word.
    pub(super) fn is_word(&self, name: &Pattern, word: usize, limit: f32) -> bool {
        let most = (limit * f32::from(name.weight)) as u16;
        let Some(start) = self.starts.iter().find(|start| start.word as usize == word) else { return false };
        let from = start.phone as usize;
        self.cost(name, from..(start.end as usize).min(from + WINDOW), most, start).is_some()
    }

    /// The least cost of reading a name at the beginning of a window.
    fn cost(&self, name: &Pattern, window: Range<usize>, most: u16, start: &Start) -> Option<u16> {
        let text = &self.phones[window.clone()];
        let mut row = [0u16; WINDOW + 1];
        for (at, phone) in text.iter().enumerate() {
            row[at + 1] = row[at] + u16::from(phone.drop);
        }
        for (at, phone) in name.phones[..name.len].iter().enumerate() {
            let drop = if at < name.stem { u16::from(phone.drop) } else { 0 };
            let mut diagonal = row[0];
            row[0] += drop;
            let mut least = row[0];
            for (place, heard) in text.iter().enumerate() {
                let changed = diagonal + phone.instead_of(name.wide[at], *heard);
                diagonal = row[place + 1];
                let best = changed.min(diagonal + drop).min(row[place] + u16::from(heard.drop));
                row[place + 1] = best;
                least = least.min(best);
            }
            if least > most {
                return None;
            }
        }
        // What follows in the word: an ending is free, half a word is not.
        let end = start.end as usize;
        (0..=text.len())
            .map(|at| {
                let tail = if self.open || window.start + at >= end {
                    0
                } else {
                    let rest: u16 = self.phones[window.start + at..end].iter().map(|phone| u16::from(phone.drop)).sum();
                    rest.saturating_sub(start.ending) / 2
                };
                row[at] + tail
            })
            .min()
            .filter(|cost| *cost <= most)
    }
}
