//! The search for the sentence that is most like another one, without looking at every sentence.
//!
//! Sentences stand in the order of their numbers of words, and every word has the list of the sentences that have it. A score
//! of at least `t` allows a limited cost, and a word that differs costs at least one half ([`similarity`](super::similarity)), so:
//!
//! - the number of words must lie in a window around that of the query;
//! - at least `k` words must be the same, so at least one of the rarest `n − k + 1` words of the query is in the sentence;
//! - the number of equal words bounds the score from above, and the sentences are compared in the order of that bound, until it
//!   falls below the best score found;
//! - so does the number of equal words in the same order, which is quickly counted and spares most comparisons.
//!
//! No sentence is lost by this: the tests compare with [`Index::scan`], which looks at all of them.

use std::collections::HashMap;

use super::similarity::{HALF, MARK, WORD, edit_cost, score, word_cost};
use super::words::{Token, tokens};

/// Sentences of more words are found only when they are the very same: comparing them would take too long.
const LONGEST_WORDS: usize = 512;

/// Marks tokens that are no words.
const MARK_BIT: u32 = 1 << 31;

/// A number of tokens that no text has: a word of the query that no sentence has.
const UNKNOWN: u32 = MARK_BIT - 1;

/// The sentences of one language pair.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Numbers of words and marks in the order in which they were first seen.
    ids: HashMap<Token, u32>,
    /// The letters of each word; none for marks.
    letters: Vec<Vec<char>>,
    /// The `n`-th time a word stands in a sentence is a word of its own: so twice the same word is two equal words.
    again: HashMap<(u32, u32), u32>,
    /// For each word, the places of the sentences that have it, ascending.
    postings: Vec<Vec<u32>>,
    /// By number of words, then as given.
    sentences: Vec<Sentence>,
    /// The tokens of all sentences, one after the other.
    tokens: Vec<u32>,
}

/// A sentence of the index.
#[derive(Debug, Clone, Copy)]
struct Sentence {
    /// What the caller calls it; the greater one wins a tie.
    name: u32,
    words: u32,
    marks: u32,
    /// Where its tokens begin.
    start: u32,
}

impl Sentence {
    fn weight(self) -> u32 {
        self.words * WORD + self.marks * MARK
    }

    fn len(self) -> usize {
        (self.words + self.marks) as usize
    }
}

/// A sentence that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    /// What the caller calls it.
    pub(super) name: u32,
    /// The score, as the judge has it.
    pub(super) score: f32,
}

impl Found {
    /// Whether this one is better: by score, then as the later one.
    fn beats(self, other: Option<Found>) -> bool {
        other.is_none_or(|other| self.score.total_cmp(&other.score).then(self.name.cmp(&other.name)).is_gt())
    }
}

/// What is searched for.
struct Query {
    /// Token ids; [`UNKNOWN`] for words that no sentence has.
    tokens: Vec<u32>,
    letters: Vec<Vec<char>>,
    weights: Vec<u32>,
    words: u32,
    marks: u32,
    /// For each word the bits of the places among the words where it stands; empty for a query of more than 64 words.
    places: HashMap<u32, u64>,
}

impl Query {
    fn weight(&self) -> u32 {
        self.words * WORD + self.marks * MARK
    }

    /// How many words are the same in the same order; `tokens` are those of a sentence. As many as there are where the query is
    /// too long to tell. Hyyrö's bit-parallel form of the longest common subsequence (2004).
    fn same_in_order(&self, tokens: &[u32]) -> u32 {
        if self.places.is_empty() {
            return self.words;
        }
        let mut unmatched = u64::MAX;
        for id in tokens.iter().filter(|&&id| id & MARK_BIT == 0) {
            let matched = unmatched & self.places.get(id).copied().unwrap_or_default();
            unmatched = unmatched.wrapping_add(matched) | (unmatched & !matched);
        }
        unmatched.count_zeros()
    }

    /// The best score that a sentence can have of which so many words are the same.
    fn bound(&self, words: u32, marks: u32, same: u32) -> f32 {
        let fewer = self.words.min(words);
        let cost =
            WORD * self.words.abs_diff(words) + HALF * fewer.saturating_sub(same) + MARK * self.marks.abs_diff(marks);
        score(cost, self.weight().max(words * WORD + marks * MARK))
    }

    /// The least number of equal words of a sentence of so many words with that score; none if it cannot have it.
    fn least_same(&self, words: u32, least: f32) -> Option<u32> {
        // Of all sentences of so many words, one with as many marks as the query has the highest bound.
        let fits = |same: u32| self.bound(words, self.marks, same) >= least;
        let most = self.words.min(words);
        if !fits(most) {
            return None;
        }
        let (mut too_few, mut enough) = (0, most);
        while too_few + 1 < enough {
            let middle = too_few.midpoint(enough);
            if fits(middle) {
                enough = middle;
            } else {
                too_few = middle;
            }
        }
        Some(enough)
    }
}

impl Index {
    /// An index of sentences in normal form, each with its name.
    pub(super) fn build<'a>(given: impl Iterator<Item = (u32, &'a str)>) -> Index {
        let mut index = Index::default();
        let mut cut: Vec<(Sentence, Vec<u32>)> = Vec::new();
        for (name, text) in given {
            let tokens: Vec<u32> = tokens(text).into_iter().map(|token| index.id(token)).collect();
            let marks = tokens.iter().filter(|&&id| id & MARK_BIT != 0).count();
            let words = tokens.len() - marks;
            if (1..=LONGEST_WORDS).contains(&words) && marks <= LONGEST_WORDS {
                cut.push((Sentence { name, words: words as u32, marks: marks as u32, start: 0 }, tokens));
            }
        }
        cut.sort_by_key(|(sentence, _)| (sentence.words, sentence.name));
        for (mut sentence, tokens) in cut {
            sentence.start = index.tokens.len() as u32;
            let place = index.sentences.len() as u32;
            for key in keys(&tokens) {
                let key = index.key(key);
                index.postings[key as usize].push(place);
            }
            index.tokens.extend_from_slice(&tokens);
            index.sentences.push(sentence);
        }
        index
    }

    fn id(&mut self, token: Token) -> u32 {
        let next = self.letters.len() as u32;
        let (letters, bit) = match &token {
            Token::Word(word) => (word.chars().collect(), 0),
            Token::Mark(_) => (Vec::new(), MARK_BIT),
        };
        let id = *self.ids.entry(token).or_insert(next | bit);
        if id & !MARK_BIT == next {
            self.letters.push(letters);
        }
        id
    }

    /// The list that a word has when it stands in a sentence for the `n`-th time.
    fn key(&mut self, key: (u32, u32)) -> u32 {
        let next = self.postings.len() as u32;
        let place = *self.again.entry(key).or_insert(next);
        if place == next {
            self.postings.push(Vec::new());
        }
        place
    }

    fn query(&self, text: &str) -> Option<Query> {
        let tokens = tokens(text);
        let marks = tokens.iter().filter(|token| matches!(token, Token::Mark(_))).count();
        let words = tokens.len() - marks;
        if !(1..=LONGEST_WORDS).contains(&words) || marks > LONGEST_WORDS {
            return None;
        }
        let mut query = Query {
            tokens: Vec::with_capacity(tokens.len()),
            letters: Vec::with_capacity(tokens.len()),
            weights: Vec::with_capacity(tokens.len()),
            words: words as u32,
            marks: marks as u32,
            places: HashMap::new(),
        };
        for token in tokens {
            let known = self.ids.get(&token).copied();
            let (letters, weight, unknown) = match token {
                Token::Word(word) => (word.chars().collect(), WORD, UNKNOWN),
                Token::Mark(_) => (Vec::new(), MARK, UNKNOWN | MARK_BIT),
            };
            query.tokens.push(known.unwrap_or(unknown));
            query.letters.push(letters);
            query.weights.push(weight);
        }
        if words <= u64::BITS as usize {
            for (place, &id) in query.tokens.iter().filter(|&&id| id & MARK_BIT == 0).enumerate() {
                *query.places.entry(id).or_default() |= 1 << place;
            }
        }
        Some(query)
    }

    /// The best sentence with a score of at least `least` (0.5 or more). `judge` makes the final score of a name out of the likeness
    /// and can only lower it.
    pub(super) fn find(&self, text: &str, least: f32, mut judge: impl FnMut(u32, f32) -> f32) -> Option<Found> {
        let query = self.query(text)?;
        let mut cost_of = Costs::default();
        let mut best: Option<Found> = None;
        for (bound, place) in self.candidates(&query, least) {
            let bar = best.map_or(least, |best| best.score);
            if bound < bar {
                break;
            }
            let sentence = self.sentences[place as usize];
            let same = query.same_in_order(self.tokens_of(sentence));
            if query.bound(sentence.words, sentence.marks, same) < bar {
                continue;
            }
            let likeness = self.likeness(&query, sentence, &mut cost_of);
            if likeness < bar {
                continue;
            }
            let found = Found { name: sentence.name, score: judge(sentence.name, likeness) };
            if found.score >= least && found.beats(best) {
                best = Some(found);
            }
        }
        best
    }

    /// The same as [`Index::find`] by looking at every sentence: what the tests compare it with.
    #[cfg(test)]
    pub(super) fn scan(&self, text: &str, least: f32, mut judge: impl FnMut(u32, f32) -> f32) -> Option<Found> {
        let query = self.query(text)?;
        let mut best: Option<Found> = None;
        for &sentence in &self.sentences {
            let own = self.tokens_of(sentence);
            let shared = own.iter().any(|id| id & MARK_BIT == 0 && query.tokens.contains(id));
            let likeness = self.likeness(&query, sentence, &mut Costs::default());
            let found = Found { name: sentence.name, score: judge(sentence.name, likeness) };
            if shared && found.score >= least && found.beats(best) {
                best = Some(found);
            }
        }
        best
    }

    fn tokens_of(&self, sentence: Sentence) -> &[u32] {
        &self.tokens[sentence.start as usize..][..sentence.len()]
    }

    /// The places of the sentences that can have that score, with the bounds of their scores, best first.
    fn candidates(&self, query: &Query, least: f32) -> Vec<(f32, u32)> {
        // The bound only falls with the distance of the numbers of words.
        let (mut shortest, mut longest, mut least_same) = (query.words, query.words, query.words);
        while let Some(same) = query.least_same(longest, least) {
            least_same = least_same.min(same);
            longest += 1;
        }
        while shortest > 0
            && let Some(same) = query.least_same(shortest, least)
        {
            least_same = least_same.min(same);
            shortest -= 1;
        }
        let (shortest, longest) = (shortest + 1, longest - 1);
        let from = self.sentences.partition_point(|sentence| sentence.words < shortest) as u32;
        let to = self.sentences.partition_point(|sentence| sentence.words <= longest) as u32;
        // The lists inside the window, the shortest first. A word that no sentence has has an empty one.
        let mut lists: Vec<&[u32]> = keys(&query.tokens)
            .map(|key| {
                let list = self.again.get(&key).map_or(&[][..], |&key| &self.postings[key as usize]);
                let start = list.partition_point(|&place| place < from);
                &list[start..start + list[start..].partition_point(|&place| place < to)]
            })
            .collect();
        lists.sort_by_key(|list| list.len());
        let rare = lists.len() - (least_same as usize - 1).min(lists.len());
        let mut same = vec![0u16; (to - from) as usize];
        let mut seen: Vec<u32> = Vec::new();
        for (nth, list) in lists.iter().enumerate() {
            for &place in *list {
                let count = &mut same[(place - from) as usize];
                if *count > 0 {
                    *count += 1;
                } else if nth < rare {
                    *count = 1;
                    seen.push(place);
                }
            }
        }
        let bound = |place: u32| {
            let sentence = self.sentences[place as usize];
            query.bound(sentence.words, sentence.marks, u32::from(same[(place - from) as usize]))
        };
        let mut candidates: Vec<(f32, u32)> =
            seen.into_iter().map(|place| (bound(place), place)).filter(|&(bound, _)| bound >= least).collect();
        candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        candidates
    }

    fn likeness(&self, query: &Query, sentence: Sentence, costs: &mut Costs) -> f32 {
        let own = self.tokens_of(sentence);
        let weights: Vec<u32> = own.iter().map(|id| if id & MARK_BIT == 0 { WORD } else { MARK }).collect();
        let cost = edit_cost(&query.weights, &weights, |i, j| {
            let (asked, found) = (query.tokens[i], own[j]);
            match (asked & MARK_BIT, found & MARK_BIT) {
                _ if asked == found => 0,
                (0, 0) => costs.of(i, found, || word_cost(&query.letters[i], &self.letters[found as usize])),
                (0, _) | (_, 0) => WORD + MARK,
                _ => MARK,
            }
        });
        score(cost, query.weight().max(sentence.weight()))
    }
}

/// The costs of words in place of words of the query, each computed once: most sentences share most of their words.
#[derive(Default)]
struct Costs {
    known: HashMap<(usize, u32), u32>,
}

impl Costs {
    fn of(&mut self, place: usize, word: u32, cost: impl FnOnce() -> u32) -> u32 {
        *self.known.entry((place, word)).or_insert_with(cost)
    }
}

/// The words of a sentence with how often they have stood there, marks left out.
fn keys(tokens: &[u32]) -> impl Iterator<Item = (u32, u32)> + '_ {
    let words = tokens.iter().enumerate().filter(|(_, id)| **id & MARK_BIT == 0);
    words.map(|(at, &id)| (id, tokens[..at].iter().filter(|&&other| other == id).count() as u32))
}
