//! Finds the places in an output for the markup and the line breaks of its source.
//!
//! Used by [`super::join`]. Pairs of markup are placed around the same words where those are in the output (names,
//! numbers, code), or around the words that are most like the translation of what the pair holds, where that is known;
//! otherwise around as many words at the same relative position, and that is an estimate. The answer is always well formed:
//! pairs are nested as they were, nothing is lost, nothing stands inside a word.

mod cues;
pub(super) mod phrase;

use super::{Segment, Slot, SlotKind};
use crate::document::{Document, Markup};
use std::borrow::Cow;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Something to put into the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Insert {
    /// The bytes of the output that it takes the place of: one space for a line break, otherwise none.
    pub at: Range<usize>,
    /// What is put there.
    pub text: String,
}

/// The places of everything that a segment has beside its text.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// In the order of the output.
    pub inserts: Vec<Insert>,
    /// Ranges of the output that stand inside code or an automatic link: nothing is escaped there.
    pub raw: Vec<Range<usize>>,
    /// Ranges of the output that stand inside a link: brackets are escaped there.
    pub links: Vec<Range<usize>>,
    /// Some place is an estimate.
    pub estimated: bool,
    /// Some code or address was not in the output and was put in as it stood.
    pub restored: bool,
    /// Some line break has no place any more.
    pub break_lost: bool,
    /// Opening slots of pairs whose place is an estimate and might be known from a translation of what they hold.
    pub guessed: Vec<usize>,
}

/// What a pair of markup holds, translated by itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Phrase {
    /// Index of the slot that opens the pair.
    pub opening: usize,
    /// The translation.
    pub text: String,
}

/// With more markup than this in one sentence the places are proportional and in the order of the source.
const MOST_SLOTS: usize = 400;
/// Deeper nesting is put in the order of the source.
const DEEPEST: usize = 24;

/// Finds the places for the slots of `segment` in `output`; `phrases` are translations of what some pairs hold.
pub(super) fn place(document: &Document, segment: &Segment, output: &str, phrases: &[Phrase]) -> Placed {
    let mut placer = Placer {
        document,
        segment,
        output,
        phrases,
        source_words: words(&segment.text),
        output_words: words(output),
        placed: Placed::default(),
        markup: segment.slots.iter().map(|slot| document.rewritten(slot.span.clone())).collect(),
    };
    let markup: Vec<usize> = (0..segment.slots.len()).filter(|i| is_markup(&segment.slots[*i])).collect();
    // An element that begins or ends outside of the segment cannot move past another one.
    let is_pinned = |slot: &Slot| slot.span.is_empty() && slot.kind != SlotKind::Markup;
    let pinned = markup.iter().filter(|i| is_pinned(&segment.slots[**i])).count();
    let lone = |i: &&usize| matches!(segment.slots[**i].kind, SlotKind::Opening(_));
    if markup.len() > MOST_SLOTS || pinned > 0 && markup.iter().filter(lone).count() > 1 {
        placer.in_order(&markup);
    } else {
        let nodes = tree(&segment.slots, &markup);
        let region =
            Region { source: 0..segment.text.len(), words: 0..placer.output_words.len(), start: 0, end: output.len() };
        let found = placer.nodes(&nodes, &region, 0);
        placer.emit(found);
    }
    // Where the words of the output are fewer than the marks, a pair may have its end behind the next one's begin.
    placer.placed.inserts.sort_by_key(|insert| insert.at.start);
    placer.breaks();
    placer.placed
}

/// Pairs of markup whose place in `output` would be an estimate, with the words of the source that they hold.
pub(super) fn guessed(document: &Document, segment: &Segment, output: &str) -> Vec<(usize, Range<usize>)> {
    let placed = place(document, segment, output, &[]);
    let inner = |open: usize| {
        let SlotKind::Opening(Some(close)) = segment.slots[open].kind else { return None };
        let range = segment.slots[open].at.end..segment.slots[close].at.start;
        let text = &segment.text[range.clone()];
        let (start, words) = (range.start + (text.len() - text.trim_start().len()), text.unicode_words().count());
        let range = start..start + text.trim().len();
        let all = segment.text.unicode_words().count();
        // What holds most of the sentence is as well placed by its length.
        (words > 0 && words <= phrase::MOST_WORDS && words * 4 <= all * 3).then_some((open, range))
    };
    placed.guessed.into_iter().filter_map(inner).collect()
}

fn is_markup(slot: &Slot) -> bool {
    matches!(slot.kind, SlotKind::Markup | SlotKind::Opening(_) | SlotKind::Closing(_))
}

fn words(text: &str) -> Vec<Range<usize>> {
    text.unicode_word_indices().map(|(at, word)| at..at + word.len()).collect()
}

/// Markup of the source as a tree. Numbers are indices of slots.
enum Node {
    Pair(usize, usize, Vec<Node>),
    Single(usize),
    /// The partner is in another segment.
    Lone(usize),
}

fn tree(slots: &[Slot], markup: &[usize]) -> Vec<Node> {
    let mut stack: Vec<(usize, Vec<Node>)> = Vec::new();
    let mut nodes: Vec<Node> = Vec::new();
    for &index in markup {
        match slots[index].kind {
            SlotKind::Opening(Some(_)) => stack.push((index, std::mem::take(&mut nodes))),
            SlotKind::Closing(Some(partner)) if stack.last().is_some_and(|(open, _)| *open == partner) => {
                if let Some((open, outer)) = stack.pop() {
                    let children = std::mem::replace(&mut nodes, outer);
                    nodes.push(Node::Pair(open, index, children));
                }
            }
            SlotKind::Markup => nodes.push(Node::Single(index)),
            _ => nodes.push(Node::Lone(index)),
        }
    }
    // Segments pair their slots, so that nothing is left open; if something is, it stands alone.
    while let Some((open, mut outer)) = stack.pop() {
        outer.push(Node::Lone(open));
        outer.append(&mut nodes);
        nodes = outer;
    }
    nodes
}

/// The part of source and output that belong together.
struct Region {
    source: Range<usize>,
    /// Indices of words of the output.
    words: Range<usize>,
    start: usize,
    end: usize,
}

/// A node with its place: bytes of the output.
struct Spot {
    at: Range<usize>,
    open: String,
    close: String,
    children: Vec<Spot>,
    raw: bool,
    link: bool,
    order: usize,
}

struct Placer<'a> {
    document: &'a Document,
    segment: &'a Segment,
    output: &'a str,
    phrases: &'a [Phrase],
    source_words: Vec<Range<usize>>,
    output_words: Vec<Range<usize>>,
    placed: Placed,
    /// What is written for each slot.
    markup: Vec<Cow<'a, str>>,
}

impl Placer<'_> {
    fn bytes(&self, slot: usize) -> &str {
        &self.markup[slot]
    }

    fn at(&self, slot: usize) -> usize {
        self.segment.slots[slot].at.start
    }

    /// Number of source words that begin in `range`.
    fn source_count(&self, range: &Range<usize>) -> usize {
        let from = self.source_words.partition_point(|w| w.start < range.start);
        let to = self.source_words.partition_point(|w| w.start < range.end);
        to.saturating_sub(from)
    }

    /// The word boundary of the region that corresponds to the position `at` of the source.
    fn boundary(&self, region: &Region, at: usize) -> usize {
        let all = self.source_count(&region.source);
        let before = self.source_count(&(region.source.start..at.max(region.source.start))).min(all);
        region.words.start + (before * region.words.len() + all / 2).checked_div(all).unwrap_or(0)
    }

    /// End of the word before a word boundary.
    fn end_before(&self, region: &Region, boundary: usize) -> usize {
        if boundary > region.words.start { self.output_words[boundary - 1].end } else { region.start }
    }

    /// Start of the word after a word boundary.
    fn start_after(&self, region: &Region, boundary: usize) -> usize {
        if boundary < region.words.end { self.output_words[boundary].start } else { region.end }
    }

    fn nodes(&mut self, nodes: &[Node], region: &Region, depth: usize) -> Vec<Spot> {
        if nodes.is_empty() {
            return Vec::new();
        }
        if region.words.is_empty() || depth > DEEPEST {
            self.placed.estimated = true;
            return self.heap(nodes, region);
        }
        if let Some(index) = nodes.iter().position(|node| matches!(node, Node::Lone(_))) {
            return self.around_lone(nodes, index, region, depth);
        }
        let exact = self.exact_places(nodes, region);
        let mut spots: Vec<Spot> = Vec::new();
        let mut taken: Vec<Range<usize>> = exact.iter().flatten().cloned().collect();
        taken.sort_by_key(|range| range.start);
        // Points come after ranges: they have to keep clear of them.
        let is_range = |order: &usize| match &nodes[*order] {
            Node::Pair(open, ..) => exact[*order].is_some() || !self.is_raw(*open),
            _ => false,
        };
        let (mut queue, points): (Vec<usize>, Vec<usize>) = (0..nodes.len()).partition(is_range);
        queue.extend(points);
        for order in queue {
            let node = &nodes[order];
            let spot = match node {
                Node::Pair(open, close, children) => {
                    let raw = self.is_raw(*open);
                    let place = match &exact[order] {
                        Some(place) => Some(place.clone()),
                        None if raw => None,
                        None => {
                            self.placed.estimated = true;
                            self.placed.guessed.push(*open);
                            let place = self.estimate(*open, *close, region, &taken);
                            if let Some(place) = &place {
                                let index = taken.partition_point(|range| range.start < place.start);
                                taken.insert(index, place.clone());
                            }
                            place
                        }
                    };
                    match place {
                        Some(at) => self.pair(*open, *close, children, at, order, depth),
                        None if raw => self.restore(*open, *close, region, &taken, order),
                        None => self.heap(std::slice::from_ref(node), region).pop().map_or_else(
                            || empty(region.end, order),
                            |mut spot| {
                                spot.at = Self::free_point(region.end, &taken);
                                spot.order = order;
                                spot
                            },
                        ),
                    }
                }
                Node::Single(slot) | Node::Lone(slot) => {
                    self.placed.estimated = true;
                    let point = self.end_before(region, self.boundary(region, self.at(*slot)));
                    let at = Self::free_point(point, &taken);
                    Spot { open: self.bytes(*slot).to_string(), ..empty_at(at, order) }
                }
            };
            spots.push(spot);
        }
        spots.sort_by_key(|spot| (spot.at.start, spot.at.end, spot.order));
        spots
    }

    /// Markup whose partner is elsewhere parts the region, so that nothing crosses it.
    fn around_lone(&mut self, nodes: &[Node], index: usize, region: &Region, depth: usize) -> Vec<Spot> {
        let Node::Lone(slot) = nodes[index] else { return Vec::new() };
        self.placed.estimated = true;
        let at = self.at(slot);
        let boundary = self.boundary(region, at);
        let opening = matches!(self.segment.slots[slot].kind, SlotKind::Opening(_));
        let point = if opening { self.start_after(region, boundary) } else { self.end_before(region, boundary) };
        let left = Region {
            source: region.source.start..at,
            words: region.words.start..boundary,
            start: region.start,
            end: point,
        };
        let right =
            Region { source: at..region.source.end, words: boundary..region.words.end, start: point, end: region.end };
        let mut spots = self.nodes(&nodes[..index], &left, depth);
        spots.push(Spot { open: self.bytes(slot).to_string(), ..empty_at(point..point, index) });
        spots.extend(self.nodes(&nodes[index + 1..], &right, depth));
        spots
    }

    /// No room: everything in the order of the source, the words of the region inside the innermost first pair.
    fn heap(&self, nodes: &[Node], region: &Region) -> Vec<Spot> {
        let mut slots = Vec::new();
        flatten(nodes, &mut slots);
        let cut = slots
            .iter()
            .position(|slot| matches!(self.segment.slots[*slot].kind, SlotKind::Closing(_)))
            .unwrap_or(slots.len());
        let text = |slots: &[usize]| slots.iter().map(|slot| self.bytes(*slot)).collect::<String>();
        let (start, end) = match (region.words.start < region.words.end).then_some(()) {
            Some(()) => (self.output_words[region.words.start].start, self.output_words[region.words.end - 1].end),
            None => (region.start, region.start),
        };
        vec![Spot { open: text(&slots[..cut]), close: text(&slots[cut..]), ..empty_at(start..end, 0) }]
    }

    fn pair(
        &mut self,
        open: usize,
        close: usize,
        children: &[Node],
        at: Range<usize>,
        order: usize,
        depth: usize,
    ) -> Spot {
        let words = self.output_words.partition_point(|w| w.start < at.start)
            ..self.output_words.partition_point(|w| w.end <= at.end);
        let words = words.start..words.end.max(words.start);
        let region = Region { source: self.at(open)..self.at(close), words, start: at.start, end: at.end };
        let children = self.nodes(children, &region, depth + 1);
        Spot {
            at,
            open: self.bytes(open).to_string(),
            close: self.bytes(close).to_string(),
            children,
            raw: self.is_raw(open),
            link: self.bytes(open).ends_with('['),
            order,
        }
    }

    /// Code and automatic links: what is inside is no prose.
    fn is_raw(&self, open: usize) -> bool {
        let bytes = self.bytes(open);
        bytes.starts_with('`') || bytes == "<" || self.is_kept(open)
    }

    /// A pair of tags around text that has to survive, and nothing else.
    fn is_kept(&self, open: usize) -> bool {
        let slots = &self.segment.slots;
        let (Markup::None, SlotKind::Opening(Some(close))) = (self.document.markup, slots[open].kind) else {
            return false;
        };
        let (start, end) = (self.at(open), self.at(close));
        let inner = &self.segment.text[start..end];
        let start = start + (inner.len() - inner.trim_start().len());
        let end = start + inner.trim().len();
        let verbatim = &self.segment.verbatim;
        let around = verbatim.get(verbatim.partition_point(|range| range.end < end));
        let is_break = |slot: &Slot| matches!(slot.kind, SlotKind::Break | SlotKind::HardBreak | SlotKind::Cue);
        start < end && around.is_some_and(|range| range.start <= start) && !slots[open..close].iter().any(is_break)
    }

    /// Code or an address that the output lost: the whole of it, where it would have stood.
    fn restore(&mut self, open: usize, close: usize, region: &Region, taken: &[Range<usize>], order: usize) -> Spot {
        self.placed.restored = true;
        let point = self.end_before(region, self.boundary(region, self.at(open)));
        let at = Self::free_point(point, taken);
        // Line breaks inside it, with the marks of the next line, are one space in the text already.
        let inner = &self.segment.text[self.at(open)..self.at(close)];
        let flat = |bytes: &str| bytes.replace("\r\n", " ").replace(['\n', '\r'], " ");
        let whole = if self.document.markup == Markup::None {
            let slots = &self.segment.slots;
            self.document.text[slots[open].span.start..slots[close].span.end].to_string()
        } else {
            format!("{}{inner}{}", flat(self.bytes(open)), flat(self.bytes(close)))
        };
        let space_before = self.output[..at.start].chars().next_back().is_some_and(|c| !c.is_whitespace());
        let space_after = self.output[at.start..].chars().next().is_some_and(char::is_alphanumeric);
        let pad = |wanted: bool| if wanted { " " } else { "" };
        Spot { open: format!("{}{whole}{}", pad(space_before), pad(space_after)), ..empty_at(at, order) }
    }

    /// A point that is not inside any taken range: where it is, the end of that range.
    fn free_point(point: usize, taken: &[Range<usize>]) -> Range<usize> {
        let point = taken.iter().find(|r| r.start < point && point < r.end).map_or(point, |r| r.end);
        point..point
    }

    /// For each pair the place of the same words in the output, if they are there.
    fn exact_places(&self, nodes: &[Node], region: &Region) -> Vec<Option<Range<usize>>> {
        let mut taken: Vec<Range<usize>> = Vec::new();
        let mut places = vec![None; nodes.len()];
        let text = &self.output[region.start..region.end];
        let inner = |node: &Node| match node {
            Node::Pair(open, close, _) => self.segment.text[self.at(*open)..self.at(*close)].trim(),
            _ => "",
        };
        // Longer ones first: the name inside a longer name must not take its place.
        let mut order: Vec<usize> = (0..nodes.len()).collect();
        order.sort_by_key(|index| (std::cmp::Reverse(inner(&nodes[*index]).len()), *index));
        for index in order {
            let wanted = inner(&nodes[index]);
            let Node::Pair(open, ..) = &nodes[index] else { continue };
            if wanted.is_empty() {
                continue;
            }
            let underscore = self.bytes(*open).contains('_');
            let glue = self.glue(&nodes[index], wanted);
            let free =
                |place: &Range<usize>| taken.iter().all(|range| place.end <= range.start || range.end <= place.start);
            let matches = || {
                let matches = text.match_indices(wanted);
                matches.map(|(at, _)| region.start + at..region.start + at + wanted.len()).filter(free)
            };
            let mut found = None;
            if glue.0.is_some() || glue.1.is_some() {
                found = matches().find(|place| glue == around(self.output, place));
            }
            // `m<sup>2</sup>`: any other 2 is not meant.
            if found.is_none() && glue.0.is_none() {
                found = matches().find(|place| self.is_whole(place, underscore));
            }
            if let Some(place) = found {
                taken.push(place.clone());
                places[index] = Some(place);
            }
        }
        self.phrased_places(nodes, region, &mut taken, &mut places);
        places
    }

    /// For pairs without a place the words that are most like the translation of what they hold.
    fn phrased_places(
        &self,
        nodes: &[Node],
        region: &Region,
        taken: &mut Vec<Range<usize>>,
        places: &mut [Option<Range<usize>>],
    ) {
        for (index, node) in nodes.iter().enumerate() {
            let Node::Pair(open, close, _) = node else { continue };
            let phrase = self.phrases.iter().find(|phrase| phrase.opening == *open);
            let Some(phrase) = phrase.filter(|_| places[index].is_none() && !self.is_raw(*open)) else { continue };
            let words = &self.output_words[region.words.clone()];
            let free = |word: usize| {
                let word = &words[word];
                taken.iter().all(|range| word.end <= range.start || range.end <= word.start)
            };
            let inside = self.at(*open)..self.at(*close);
            let wanted = self.boundary(region, inside.start).saturating_sub(region.words.start);
            let Some(found) = phrase::find(&phrase.text, self.output, words, free, wanted) else { continue };
            let place = words[found.start].start..words[found.end - 1].end;
            let place = self.with_punctuation(&place, self.segment.text[inside].trim(), region, taken);
            taken.push(place.clone());
            places[index] = Some(place);
        }
    }

    /// What a pair inside a word of the source has on its sides.
    fn glue(&self, node: &Node, inner: &str) -> (Option<Glue>, Option<Glue>) {
        let Node::Pair(open, close, _) = node else { return (None, None) };
        // Signs of Markdown mean nothing inside some words.
        if self.document.markup != Markup::None {
            return (None, None);
        }
        let range = self.at(*open)..self.at(*close);
        if inner.len() < range.len() { (None, None) } else { around(&self.segment.text, &range) }
    }

    /// Whether a place begins and ends at word boundaries; a Korean particle after foreign letters is one.
    fn is_whole(&self, place: &Range<usize>, underscore: bool) -> bool {
        let first = self.output[place.clone()].chars().next().unwrap_or(' ');
        let last = self.output[place.clone()].chars().next_back().unwrap_or(' ');
        let before = self.output[..place.start].chars().next_back().unwrap_or(' ');
        let after = self.output[place.end..].chars().next().unwrap_or(' ');
        let hangul = |c: char| matches!(c as u32, 0xAC00..=0xD7A3);
        let starts = !(before.is_alphanumeric() && first.is_alphanumeric());
        let ends =
            !(last.is_alphanumeric() && after.is_alphanumeric()) || !underscore && hangul(after) && !hangul(last);
        starts && ends
    }

    /// As many words as the source has, at the same relative place, clear of what is taken.
    fn estimate(&self, open: usize, close: usize, region: &Region, taken: &[Range<usize>]) -> Option<Range<usize>> {
        let inside = self.at(open)..self.at(close);
        let all = self.source_count(&region.source).max(1);
        let count = (self.source_count(&inside) * region.words.len() + all / 2) / all;
        let count = count.clamp(1, region.words.len());
        let wanted = self.anchor(&inside, region, count).unwrap_or_else(|| self.boundary(region, inside.start));
        let wanted = wanted.min(region.words.end - count).max(region.words.start);
        let is_free = |word: usize| {
            let w = &self.output_words[word];
            taken.iter().all(|range| w.end <= range.start || range.end <= w.start)
        };
        // The nearest free word, and as many free ones after it as are wanted.
        let first = (wanted..region.words.end).find(|word| is_free(*word));
        let last = (region.words.start..wanted).rev().find(|word| is_free(*word));
        let start = match (first, last) {
            (Some(first), Some(last)) => {
                if first - wanted <= wanted - last {
                    first
                } else {
                    last
                }
            }
            (found, None) | (None, found) => found?,
        };
        // Nothing that is taken may stand between the words either, as a sign in a pair of its own.
        let from = self.output_words[start].start;
        let is_clear = |word: usize| {
            let to = self.output_words[word].end;
            taken.iter().all(|range| to <= range.start || range.end <= from)
        };
        let end = (start..(start + count).min(region.words.end)).take_while(|word| is_clear(*word)).last()? + 1;
        let inner = self.segment.text[inside].trim();
        let place = self.output_words[start].start..self.output_words[end - 1].end;
        Some(self.with_punctuation(&place, inner, region, taken))
    }

    /// The word of the output at which the pair begins, by a number or a name that both have.
    fn anchor(&self, inside: &Range<usize>, region: &Region, count: usize) -> Option<usize> {
        let from = self.source_words.partition_point(|w| w.start < inside.start);
        let to = self.source_words.partition_point(|w| w.start < inside.end).min(from + 16);
        for (index, word) in self.source_words[from..to.max(from)].iter().enumerate() {
            let text = &self.segment.text[word.clone()];
            let named = text.chars().any(|c| c.is_ascii_digit()) || text.chars().next().is_some_and(char::is_uppercase);
            if !named {
                continue;
            }
            let mut same = region.words.clone().filter(|w| &self.output[self.output_words[*w].clone()] == text);
            if let (Some(found), None) = (same.next(), same.next()) {
                let inner = (to - from).max(1);
                let offset = (index * count) / inner;
                return Some(found.saturating_sub(offset).max(region.words.start));
            }
        }
        None
    }

    /// Takes the punctuation in where the source has it inside the markup too.
    fn with_punctuation(
        &self,
        place: &Range<usize>,
        inner: &str,
        region: &Region,
        taken: &[Range<usize>],
    ) -> Range<usize> {
        let mut place = place.clone();
        let sign = |c: char| !c.is_alphanumeric() && !c.is_whitespace();
        if inner.ends_with(sign) {
            let rest = &self.output[place.end..region.end];
            let signs = rest.find(|c| !sign(c)).unwrap_or(rest.len());
            let clear = !rest[signs..].starts_with(char::is_alphanumeric);
            let end = place.end + signs;
            if clear && taken.iter().all(|range| end <= range.start || range.end <= place.start) {
                place.end = end;
            }
        }
        if inner.starts_with(sign) {
            let rest = &self.output[region.start..place.start];
            let signs = rest.len() - rest.trim_end_matches(sign).len();
            let clear = !rest[..rest.len() - signs].ends_with(char::is_alphanumeric);
            let start = place.start - signs;
            if clear && taken.iter().all(|range| place.end <= range.start || range.end <= start) {
                place.start = start;
            }
        }
        place
    }

    /// Writes the tree out as a list of inserts.
    fn emit(&mut self, spots: Vec<Spot>) {
        for spot in spots {
            if spot.raw {
                self.placed.raw.push(spot.at.clone());
            }
            if spot.link {
                self.placed.links.push(spot.at.clone());
            }
            if !spot.open.is_empty() {
                self.placed.inserts.push(Insert { at: spot.at.start..spot.at.start, text: spot.open });
            }
            self.emit(spot.children);
            if !spot.close.is_empty() {
                self.placed.inserts.push(Insert { at: spot.at.end..spot.at.end, text: spot.close });
            }
        }
    }

    /// Very much markup: every slot at its relative place, in the order of the source.
    fn in_order(&mut self, markup: &[usize]) {
        self.placed.estimated = true;
        let region = Region {
            source: 0..self.segment.text.len(),
            words: 0..self.output_words.len(),
            start: 0,
            end: self.output.len(),
        };
        let mut last = 0;
        for &slot in markup {
            let boundary = self.boundary(&region, self.at(slot));
            let opening = matches!(self.segment.slots[slot].kind, SlotKind::Opening(_));
            let point = if opening { self.start_after(&region, boundary) } else { self.end_before(&region, boundary) };
            last = point.max(last);
            self.placed.inserts.push(Insert { at: last..last, text: self.bytes(slot).to_string() });
        }
    }

    /// Whether a line break has to stay though there is no space for it: it is a tag, or has a sign beside it that music
    /// plays. The dash of a speaker goes with it.
    fn stays(&self, slot: &Slot) -> bool {
        let text = &self.document.text[slot.span.clone()];
        let is_sign = |c: char| !c.is_ascii() && !c.is_whitespace() && !matches!(c, '‐'..='―');
        // JSON may write the signs of a tag by their numbers.
        let numbered = || {
            let lower = text.to_ascii_lowercase();
            lower.contains("\\u003c") || lower.contains("\\u0026")
        };
        slot.kind == SlotKind::HardBreak && (text.contains(['<', '&']) || text.contains(is_sign) || numbered())
    }

    /// Line breaks take the place of the spaces nearest to their relative position; cues come first.
    fn breaks(&mut self) {
        let slots = &self.segment.slots;
        let is_break = |slot: &&Slot| matches!(slot.kind, SlotKind::Break | SlotKind::HardBreak | SlotKind::Cue);
        let breaks: Vec<&Slot> = slots.iter().filter(is_break).collect();
        if breaks.is_empty() {
            return;
        }
        let raw = &self.placed.raw;
        let free: Vec<usize> = self
            .output
            .match_indices(' ')
            .map(|(at, _)| at)
            .filter(|at| raw.iter().all(|range| *at < range.start || range.end <= *at))
            .collect();
        let wanted = |slot: &Slot| {
            (slot.at.start as u128 * self.output.len() as u128 / self.segment.text.len().max(1) as u128) as usize
        };
        let is_cue = |slot: &&&Slot| slot.kind == SlotKind::Cue;
        let cues: Vec<usize> = breaks.iter().filter(is_cue).map(|slot| wanted(slot)).collect();
        let places = cues::places(self.output, &free, &cues);
        let mut inserts: Vec<Insert> = Vec::new();
        let mut lost = false;
        // Line breaks stay between the same cues, those that the author asked for first.
        let (mut from, mut cue) = (0, 0);
        for part in breaks.split_inclusive(|slot| slot.kind == SlotKind::Cue) {
            let (ends, part) = match part.split_last() {
                Some((last, part)) if last.kind == SlotKind::Cue => (Some(*last), part),
                _ => (None, part),
            };
            // A cue for which there are no words left stays, empty.
            let place = ends.map(|_| places.get(cue).copied());
            let to = place.flatten().unwrap_or(free.len());
            let room = &free[from.min(to)..to];
            let mut kept: Vec<&Slot> = part.to_vec();
            let mut without_room: Vec<&Slot> = Vec::new();
            if kept.len() > room.len() {
                kept.sort_by_key(|slot| slot.kind != SlotKind::HardBreak);
                let left_out = kept.split_off(room.len());
                // The lines of a cue are broken anew when it is written.
                lost |= cues.is_empty() || left_out.iter().any(|slot| slot.kind == SlotKind::HardBreak);
                without_room.extend(left_out.into_iter().filter(|slot| self.stays(slot)));
                without_room.sort_by_key(|slot| slot.at.start);
                kept.sort_by_key(|slot| slot.at.start);
            }
            let mut low = 0;
            for (index, slot) in kept.iter().enumerate() {
                let high = room.len() - (kept.len() - index);
                let wanted = wanted(slot);
                let after = room.partition_point(|at| *at < wanted);
                let nearer = after > 0 && (after == room.len() || wanted - room[after - 1] <= room[after] - wanted);
                let chosen = (if nearer { after - 1 } else { after }).clamp(low, high);
                low = chosen + 1;
                let text = self.document.rewritten(slot.span.clone()).into_owned();
                inserts.push(Insert { at: room[chosen]..room[chosen] + 1, text });
            }
            let end = self.output.len();
            let behind = place.flatten().map_or(end, |place| free[place]);
            for slot in without_room {
                let text = self.document.rewritten(slot.span.clone()).into_owned();
                inserts.push(Insert { at: behind..behind, text });
            }
            if let Some(slot) = ends {
                let at = place.flatten().map_or(end..end, |place| free[place]..free[place] + 1);
                inserts.push(Insert { at, text: self.document.rewritten(slot.span.clone()).into_owned() });
                cue += 1;
                from = to + 1;
            }
        }
        self.placed.break_lost = lost;
        self.placed.inserts.extend(inserts);
        // Stable: markup that ends at the space comes before the break.
        self.placed.inserts.sort_by_key(|insert| insert.at.start);
    }
}

/// What a part of a word stands next to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Glue {
    Letter,
    Digit,
}

/// What a range has on its sides where it begins or ends inside a word.
fn around(text: &str, range: &Range<usize>) -> (Option<Glue>, Option<Glue>) {
    let glue = |inner: Option<char>, outer: Option<char>| match (inner, outer) {
        (Some(inner), Some(outer)) if inner.is_alphanumeric() && outer.is_alphanumeric() => {
            Some(if outer.is_numeric() { Glue::Digit } else { Glue::Letter })
        }
        _ => None,
    };
    let inner = &text[range.clone()];
    let before = glue(inner.chars().next(), text[..range.start].chars().next_back());
    let after = glue(inner.chars().next_back(), text[range.end..].chars().next());
    (before, after)
}

fn empty(at: usize, order: usize) -> Spot {
    empty_at(at..at, order)
}

fn empty_at(at: Range<usize>, order: usize) -> Spot {
    Spot { at, open: String::new(), close: String::new(), children: Vec::new(), raw: false, link: false, order }
}

/// The slots of nodes in the order of the source.
fn flatten(nodes: &[Node], slots: &mut Vec<usize>) {
    for node in nodes {
        match node {
            Node::Pair(open, close, children) => {
                slots.push(*open);
                flatten(children, slots);
                slots.push(*close);
            }
            Node::Single(slot) | Node::Lone(slot) => slots.push(*slot),
        }
    }
}
