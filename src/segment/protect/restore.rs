//! Puts in again what a model lost of the protected spans, where there is one place for it only.
//!
//! Certain are: the begin and the end of the text, for emoji and tags always, for everything else only where a sign parts
//! it from the words; the place between the same two neighbours; the end of the same sentence, for emoji; the sign that
//! stands for what the vocabulary lacks. Everything else stays lost, and the caller hears of it: a placeholder in a wrong
//! place is worse than none.

use super::{emoji, merge, places, survived};
use std::ops::Range;

/// An output with what was put in again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    /// The output.
    pub text: String,
    /// What was put in: bytes of the first output that it takes the place of (mostly none), in order and apart.
    pub inserts: Vec<(Range<usize>, String)>,
    /// Indices of the protected spans that the output still lacks.
    pub missing: Vec<usize>,
}

/// Signs that tokenizers write for what the vocabulary lacks.
const UNKNOWN: [&str; 2] = ["⁇", "<unk>"];

/// A text of more spans is a list for programs; the bound keeps it from costing its square.
const MOST_SPANS: usize = 200;

/// Puts the protected spans `verbatim` of `source`, which are in order and apart, into `output` where it lacks them and
/// their place is certain.
pub fn restore(source: &str, verbatim: &[Range<usize>], output: &str) -> Restored {
    let spans: Vec<&str> = verbatim.iter().map(|range| source.get(range.clone()).unwrap_or_default()).collect();
    let mut restored = Restored { text: output.to_string(), ..Restored::default() };
    if verbatim.is_empty() || survived(&spans, output).is_empty() {
        return restored;
    }
    restored.missing = survived(&spans, output);
    if output.trim().is_empty() || spans.len() > MOST_SPANS {
        return restored;
    }
    let placed = places(&spans, output);
    let mut repair = Repair { source, verbatim, spans: &spans, output, placed, inserts: Vec::new() };
    repair.variants();
    repair.unknown();
    for index in 0..spans.len() {
        if repair.placed[index].is_none() && !repair.may_change_order(index) {
            let found = repair.between(index).or_else(|| repair.at_begin(index)).or_else(|| repair.at_end(index));
            if let Some(insert) = found.or_else(|| repair.after_sentence(index)) {
                repair.put(index, insert);
            }
        }
    }
    repair.drop_lone_tags();
    repair.inserts.sort_by_key(|insert| (insert.at.start, insert.at.end, insert.index));
    let mut text = String::with_capacity(output.len() + 32);
    let mut at = 0;
    for insert in repair.inserts {
        // Two that want the same bytes are two guesses: the first stands, the other stays lost.
        if insert.at.start < at {
            continue;
        }
        text.push_str(&output[at..insert.at.start]);
        text.push_str(&insert.text);
        at = insert.at.end;
        restored.inserts.push((insert.at, insert.text));
    }
    text.push_str(&output[at..]);
    restored.missing = survived(&spans, &text);
    restored.text = text;
    restored
}

/// Something that is put into the output.
#[derive(Debug, Clone)]
struct Insert {
    at: Range<usize>,
    text: String,
    /// Index of its span.
    index: usize,
}

impl Insert {
    fn at(index: usize, at: usize, text: String) -> Insert {
        Insert { at: at..at, text, index }
    }
}

/// What a span is, as far as places go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Is no part of the sentence: stands at its begin or end.
    Emoji,
    /// Stands around words.
    Tag,
    /// Takes the next argument of a program: `%s`, `{}`.
    Positional,
    /// A part of the sentence.
    Word,
}

fn kind(span: &str) -> Kind {
    if emoji::is_one(span) {
        return Kind::Emoji;
    }
    if span.starts_with('<') && span.ends_with('>') {
        return Kind::Tag;
    }
    let numbered = span.contains('$') || span.contains('(') || span.starts_with("%{");
    if span == "{}" || span.starts_with("{:") || span.starts_with('%') && !numbered {
        Kind::Positional
    } else {
        Kind::Word
    }
}

struct Repair<'a> {
    source: &'a str,
    verbatim: &'a [Range<usize>],
    spans: &'a [&'a str],
    output: &'a str,
    /// Where each span stands in the output; for what was put in, where it was put.
    placed: Vec<Option<Range<usize>>>,
    inserts: Vec<Insert>,
}

impl Repair<'_> {
    fn put(&mut self, index: usize, insert: Insert) {
        let inside = |range: &Range<usize>| range.start < insert.at.end && insert.at.start < range.end;
        if self.placed.iter().flatten().any(inside) {
            return;
        }
        self.placed[index] = Some(insert.at.clone());
        self.inserts.push(insert);
    }

    /// Programs count some placeholders: where there are several, a new place may mean another argument.
    fn may_change_order(&self, index: usize) -> bool {
        kind(self.spans[index]) == Kind::Positional
            && self.spans.iter().filter(|span| kind(span) == Kind::Positional).count() > 1
    }

    /// An emoji that lost its joiners, selectors or skin tone is still where it has to be.
    fn variants(&mut self) {
        for index in 0..self.spans.len() {
            let bare = emoji::bare(self.spans[index]);
            if self.placed[index].is_some() || kind(self.spans[index]) != Kind::Emoji || bare.is_ascii() {
                continue;
            }
            let free =
                |at: usize| self.placed.iter().flatten().all(|range| at + bare.len() <= range.start || range.end <= at);
            let Some((at, _)) = self.output.match_indices(&bare).find(|(at, _)| free(*at)) else { continue };
            let rest = &self.output[at + bare.len()..];
            let marks = rest.len() - rest.trim_start_matches(['\u{fe0f}', '\u{fe0e}', '\u{200d}']).len();
            let insert = Insert { at: at..at + bare.len() + marks, text: self.spans[index].to_string(), index };
            self.put(index, insert);
        }
    }

    /// Rows of lost emoji take the places of the unknown signs, if there are as many of both.
    fn unknown(&mut self) {
        let Some(sign) = UNKNOWN.into_iter().find(|sign| self.output.contains(sign) && !self.source.contains(sign))
        else {
            return;
        };
        let signs: Vec<usize> = self.output.match_indices(sign).map(|(at, _)| at).collect();
        let mut rows: Vec<Vec<usize>> = Vec::new();
        for index in (0..self.spans.len()).filter(|index| self.placed[*index].is_none()) {
            if kind(self.spans[index]) != Kind::Emoji {
                continue;
            }
            match rows.last_mut() {
                Some(row) if row.last().is_some_and(|last| last + 1 == index && self.gap(*last).trim().is_empty()) => {
                    row.push(index);
                }
                _ => rows.push(vec![index]),
            }
        }
        if rows.len() != signs.len() {
            return;
        }
        for (row, at) in rows.into_iter().zip(signs) {
            let (first, last) = (row[0], row[row.len() - 1]);
            let text = self.source[self.verbatim[first].start..self.verbatim[last].end].to_string();
            self.put(first, Insert { at: at..at + sign.len(), text, index: first });
            for index in row {
                self.placed[index] = Some(at..at + sign.len());
            }
        }
    }

    /// What stands in the source between a span and the next one.
    fn gap(&self, index: usize) -> &str {
        let next = self.verbatim.get(index + 1).map_or(self.source.len(), |range| range.start);
        self.source.get(self.verbatim[index].end..next).unwrap_or_default()
    }

    /// What stands in the source before a span, from the span before it on.
    fn gap_before(&self, index: usize) -> &str {
        let from = index.checked_sub(1).map_or(0, |before| self.verbatim[before].end);
        self.source.get(from..self.verbatim[index].start).unwrap_or_default()
    }

    /// Whether a span that has its place in the output stands once in both texts.
    fn is_anchor(&self, index: usize) -> bool {
        self.placed[index].is_some() && self.spans.iter().filter(|span| **span == self.spans[index]).count() == 1
    }

    /// Between the two protected spans or numbers that stand beside it in the source, where they still are neighbours.
    fn between(&self, index: usize) -> Option<Insert> {
        let (before, after) = (self.gap_before(index), self.gap(index));
        let (left, lead) = if before.contains(char::is_alphanumeric) {
            let digits = before.len() - before.trim_end_matches(|c: char| !c.is_alphanumeric()).len();
            let (head, lead) = before.split_at(before.len() - digits);
            let number = &head[head.trim_end_matches(|c: char| c.is_ascii_digit()).len()..];
            (self.number(number)?, lead)
        } else {
            let left = index.checked_sub(1).filter(|left| self.is_anchor(*left))?;
            (self.placed[left].clone()?, before)
        };
        let (right, tail) = if after.contains(char::is_alphanumeric) {
            let (tail, head) = after.split_at(after.find(char::is_alphanumeric)?);
            let number = &head[..head.len() - head.trim_start_matches(|c: char| c.is_ascii_digit()).len()];
            (self.number(number)?, tail)
        } else {
            let right = Some(index + 1).filter(|right| *right < self.spans.len() && self.is_anchor(*right))?;
            (self.placed[right].clone()?, after)
        };
        let gap = self.output.get(left.end..right.start)?;
        let span = self.spans[index];
        let (bare, lead_sign, tail_sign) = (gap.trim(), lead.trim(), tail.trim());
        if bare == tail_sign {
            return Some(Insert::at(index, left.end, format!("{lead}{span}")));
        }
        if bare == lead_sign {
            return Some(Insert::at(index, right.start, format!("{span}{tail}")));
        }
        // Both signs are left: `{a}, , {c}`.
        bare.strip_prefix(lead_sign).filter(|rest| rest.trim() == tail_sign)?;
        Some(Insert { at: left.end..right.start, text: format!("{lead}{span}{tail}"), index })
    }

    /// The place of a number that both texts have once.
    fn number(&self, number: &str) -> Option<Range<usize>> {
        let once = |text: &str| {
            let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
            let mut found = text.match_indices(number).map(|(at, _)| at..at + number.len()).filter(|range| {
                !digit(text[..range.start].chars().next_back()) && !digit(text[range.end..].chars().next())
            });
            found.next().filter(|_| found.next().is_none())
        };
        if number.is_empty() { None } else { once(self.source).and_then(|_| once(self.output)) }
    }

    /// At the begin of the output, where only protected spans and signs stand before it in the source.
    fn at_begin(&self, index: usize) -> Option<Insert> {
        let mut leading = (0..=index).map(|i| self.gap_before(i));
        let signs = leading.next()?;
        if signs.contains(char::is_alphanumeric) || !leading.all(|gap| gap.trim().is_empty()) {
            return None;
        }
        let at = match index.checked_sub(1) {
            // Behind the one before it, which has to lead in the output too.
            Some(before) => {
                let place = self.placed[before].clone()?;
                let leads = merge(Vec::new(), self.placed[..index].iter().flatten().cloned().collect());
                let covered: usize = leads.iter().map(Range::len).sum();
                let prefix = &self.output[..place.end];
                let bare = prefix.chars().filter(|c| !c.is_whitespace()).map(char::len_utf8).sum::<usize>();
                (covered + signs.trim().len() == bare).then_some(place.end)?
            }
            None if signs.trim().is_empty() => 0,
            None => self.output.starts_with(signs).then_some(signs.len())?,
        };
        let (span, after) = (self.spans[index], self.gap(index));
        let rest = self.output[at..].trim_start();
        let space = |wanted: bool| if wanted { " " } else { "" };
        let before = space(index > 0 && self.gap_before(index).contains(char::is_whitespace));
        let spaced = after.starts_with(char::is_whitespace) && at == self.output.len() - rest.len();
        match kind(span) {
            Kind::Emoji | Kind::Tag => Some(Insert::at(index, at, format!("{before}{span}{}", space(spaced)))),
            Kind::Positional | Kind::Word => {
                let sign = after.trim_start().chars().next().filter(|c| matches!(c, ':' | ',' | '|' | '—' | '–'))?;
                let text = if rest.starts_with(sign) {
                    format!("{before}{span}")
                } else {
                    let spaced = after.trim_start()[sign.len_utf8()..].starts_with(char::is_whitespace);
                    let lead = space(after.starts_with(char::is_whitespace));
                    format!("{before}{span}{lead}{sign}{}", space(spaced))
                };
                Some(Insert::at(index, at, text))
            }
        }
    }

    /// At the end of the output, where only protected spans and signs stand after it in the source.
    fn at_end(&self, index: usize) -> Option<Insert> {
        let count = self.spans.len();
        let signs = self.gap(count - 1).trim();
        if signs.contains(char::is_alphanumeric) || (index..count - 1).any(|i| !self.gap(i).trim().is_empty()) {
            return None;
        }
        let output = self.output.trim_end();
        let (span, before) = (self.spans[index], self.gap_before(index));
        if before.ends_with('(') && self.gap(index).starts_with(')') {
            return self.in_brackets(index);
        }
        let at = match index + 1 {
            // Before the one after it, which has to end the output too.
            next if next < count && self.placed[next].is_some() => {
                let place = self.placed[next].clone()?;
                let ends = !self.output[place.end..].contains(char::is_alphanumeric)
                    || self.placed[next + 1..].iter().flatten().any(|later| later.start >= place.end);
                ends.then_some(place.start)?
            }
            // After all that is said, and before the signs that end the source.
            _ => before_signs(output, signs)?,
        };
        let spaced = before.ends_with(char::is_whitespace) && !self.output[..at].ends_with(char::is_whitespace);
        let space = if spaced { " " } else { "" };
        // The span that stood behind keeps its space.
        let tail = if at < output.len() && self.gap(index).starts_with(char::is_whitespace) && signs.is_empty() {
            " "
        } else {
            ""
        };
        let kind = kind(span);
        if matches!(kind, Kind::Emoji | Kind::Tag) {
            return Some(Insert::at(index, at, format!("{space}{span}{tail}")));
        }
        let follows_end = (0..index).rev().find_map(|i| {
            let gap = self.gap(i).trim();
            (!gap.is_empty()).then_some(gap)
        });
        let said = if before.trim().is_empty() { follows_end.unwrap_or_default() } else { before.trim() };
        let parting = said.chars().next_back()?;
        let there = self.output[..at].trim_end().chars().next_back()?;
        let same = match parting {
            '.' | '!' | '?' | '…' | '。' => is_terminator(there) || is_quote(there),
            ':' => matches!(there, ':' | '：'),
            '—' | '–' | '-' | '|' => there == parting || is_dash(parting) && is_dash(there),
            _ => false,
        };
        same.then(|| Insert::at(index, at, format!("{space}{span}{tail}")))
    }

    /// Into the empty brackets of the output, or before its last signs with the brackets that went with it.
    fn in_brackets(&self, index: usize) -> Option<Insert> {
        let span = self.spans[index];
        let mut empty =
            self.output.match_indices('(').filter(|(at, _)| self.output[at + 1..].trim_start().starts_with(')'));
        if let Some((at, _)) = empty.next() {
            let close = at + 1 + self.output[at + 1..].find(')')?;
            let insert = Insert { at: at + 1..close, text: span.to_string(), index };
            return empty.next().is_none().then_some(insert);
        }
        if self.output.contains(['(', ')']) {
            return None;
        }
        let tail = self.gap(index).trim().strip_prefix(')')?;
        let at = before_signs(self.output.trim_end(), tail.trim())?;
        Some(Insert::at(index, at, format!(" ({span})")))
    }

    /// Behind the sentence that it stood behind, for emoji in texts of as many sentences.
    fn after_sentence(&self, index: usize) -> Option<Insert> {
        let start = self.verbatim[index].start;
        if kind(self.spans[index]) != Kind::Emoji {
            return None;
        }
        // Emoji of one row stand behind the same sentence.
        let mut first = index;
        while first > 0 && self.gap_before(first).trim().is_empty() && kind(self.spans[first - 1]) == Kind::Emoji {
            first -= 1;
        }
        let said = self.source[..self.verbatim[first].start].trim_end();
        let ends = sentence_ends(self.source, self.verbatim);
        let here: Vec<Range<usize>> = self.placed.iter().flatten().cloned().collect();
        let found = sentence_ends(self.output, &here);
        let number = ends.iter().position(|end| *end == said.len())?;
        let at = *found.get(number).filter(|_| found.len() == ends.len())?;
        let spaced = self.source[..start].ends_with(char::is_whitespace);
        Some(Insert::at(index, at, format!("{}{}", if spaced { " " } else { "" }, self.spans[index])))
    }

    /// A tag that was put in without its partner would open what nothing closes.
    fn drop_lone_tags(&mut self) {
        let name = |span: &str| -> Option<(String, bool)> {
            let inner = span.strip_prefix('<')?.strip_suffix('>')?;
            let closing = inner.starts_with('/');
            let name: String = inner.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
            (!inner.ends_with('/')).then_some((name, closing))
        };
        let tags: Vec<(usize, String, bool)> = (0..self.spans.len())
            .filter_map(|index| name(self.spans[index]).map(|(name, closing)| (index, name, closing)))
            .collect();
        for (index, tag, _) in &tags {
            let count = |closing: bool, there: bool| {
                let same = tags.iter().filter(|(_, name, closes)| name == tag && *closes == closing);
                same.filter(|(other, ..)| !there || self.placed[*other].is_some()).count()
            };
            let paired = count(true, false) == count(false, false);
            if paired && count(true, true) != count(false, true) {
                self.inserts.retain(|insert| insert.index != *index);
            }
        }
    }
}

fn is_terminator(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？')
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '”' | '“' | '»' | '’' | '\'' | ')' | ']' | '」' | '』')
}

fn is_dash(c: char) -> bool {
    matches!(c, '—' | '–' | '-')
}

/// Where the last signs of an output begin, if they are of the kinds of `signs`.
fn before_signs(output: &str, signs: &str) -> Option<usize> {
    if signs.is_empty() {
        return Some(output.len());
    }
    let classes = |text: &str| {
        let mut found: Vec<bool> = text.chars().map(is_terminator).collect();
        found.dedup();
        found
    };
    let run = output.trim_end_matches(|c| is_terminator(c) || is_quote(c)).len();
    if classes(&output[run..]) == classes(signs) {
        return Some(run);
    }
    signs.chars().all(is_terminator).then(|| output.trim_end_matches(is_terminator).len())
}

/// Where the sentences of a text end: behind terminators and closing marks before white space, the end or a span.
fn sentence_ends(text: &str, spans: &[Range<usize>]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(is_terminator).map(|offset| at + offset) {
        let rest = text[start..].trim_start_matches(is_terminator).trim_start_matches(is_quote);
        let end = text.len() - rest.len();
        let inside = spans.iter().any(|span| span.start <= start && start < span.end);
        let stops =
            rest.is_empty() || rest.starts_with(char::is_whitespace) || spans.iter().any(|span| span.start == end);
        if stops && !inside {
            ends.push(end);
        }
        at = end;
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::super::{protect, survived};
    use super::restore;
    use proptest::prelude::*;

    fn check(source: &str, output: &str, expected: &str) {
        let restored = restore(source, &protect(source), output);
        assert_eq!(restored.text, expected, "{source:?} → {output:?}");
        let kept = protect(source).len() - restored.missing.len();
        assert!(output == expected || kept > 0);
    }

    fn lost(source: &str, output: &str) {
        let restored = restore(source, &protect(source), output);
        assert_eq!(restored.text, output, "{source:?}");
        assert!(!restored.missing.is_empty(), "{source:?}");
    }

    #[test]
    fn emoji_stand_at_the_begin_and_the_end() {
        check("🎉 We won", "Ми перемогли", "🎉 Ми перемогли");
        check("🔴🔴 Alarm", "Тривога", "🔴🔴 Тривога");
        check("🔴 🇺🇦 Alarm", "🔴 Тривога", "🔴 🇺🇦 Тривога");
        check("🔴 🇺🇦 Alarm", "🇺🇦 Тривога", "🔴 🇺🇦 Тривога");
        check("We won 🎉🎉", "Ми перемогли", "Ми перемогли 🎉🎉");
        check("We won! 🎉 🇺🇦", "Ми перемогли! 🇺🇦", "Ми перемогли! 🎉 🇺🇦");
        check("We won! 🎉 🇺🇦", "Ми перемогли! 🎉", "Ми перемогли! 🎉 🇺🇦");
        check("We won 🎉!", "Ми перемогли!", "Ми перемогли 🎉!");
        check("«We won 🎉.»", "“우리가 이겼다.”", "“우리가 이겼다 🎉.”");
    }

    #[test]
    fn emoji_follow_their_sentence() {
        check("We won! 🎉 They lost.", "Ми перемогли! Вони програли.", "Ми перемогли! 🎉 Вони програли.");
        check("We won! 🎉🎉 They lost.", "Ми перемогли! Вони програли.", "Ми перемогли! 🎉🎉 Вони програли.");
        lost("We won! 🎉 They lost.", "Ми перемогли, а вони програли.");
        lost("We won 🎉 and they lost.", "Ми перемогли, а вони програли.");
    }

    #[test]
    fn emoji_that_lost_their_marks_get_them_again() {
        check("We ❤️ goats", "Ми ❤ кіз", "Ми ❤️ кіз");
        check("A 👩‍🚀 left", "Полетіла 👩🚀", "Полетіла 👩‍🚀");
        check("Good 👍🏽 job", "Добра 👍 робота", "Добра 👍🏽 робота");
    }

    #[test]
    fn unknown_signs_are_what_is_lost() {
        check("We won 🎉 and left 😀 late", "Ми перемогли ⁇ і пішли ⁇ пізно", "Ми перемогли 🎉 і пішли 😀 пізно");
        check("We won 🎉🎉 today", "Ми ⁇ перемогли", "Ми 🎉🎉 перемогли");
        lost("We won 🎉 and left", "⁇ перемогли ⁇ і пішли");
    }

    #[test]
    fn neighbours_show_the_place() {
        check("Ask {a}, {b}, {c} now", "Спитай {a}, {c} зараз", "Спитай {a}, {b}, {c} зараз");
        check("Ask {a}, {b}, {c} now", "Спитай {a}, , {c} зараз", "Спитай {a}, {b}, {c} зараз");
        check("Score 2 {sep} 1 now", "Рахунок 2 1 зараз", "Рахунок 2 {sep} 1 зараз");
        lost("Ask {a} or {b} now", "Спитай {a} зараз");
        lost("Ask {a}, {b}, {c} now", "Спитай {c}, {a} зараз");
    }

    #[test]
    fn words_need_a_sign_that_parts_them() {
        check("{name}, your goat is here", "Ваша коза тут", "{name}, Ваша коза тут");
        check("@wire_one: the ferry left", ": пором вийшов", "@wire_one: пором вийшов");
        check("The ferry left. https://a.example/x", "Пором вийшов.", "Пором вийшов. https://a.example/x");
        check("Read more: https://a.example/x", "Читати далі:", "Читати далі: https://a.example/x");
        check("It left. #ferry #goats", "Він вийшов. #goats", "Він вийшов. #ferry #goats");
        check("It left (https://a.example).", "Він вийшов ().", "Він вийшов (https://a.example).");
        check("It left (https://a.example).", "Він вийшов.", "Він вийшов (https://a.example).");
        lost("{name} left", "Пішов");
        lost("Write to desk@a.example.", "Пишіть.");
        lost("Read more: https://a.example/x", "Читати далі");
        lost("Open report.pdf now", "Відкрийте зараз");
    }

    #[test]
    fn counted_placeholders_are_not_moved() {
        lost("%s: %d goats", "кіз: %d");
        check("%s: goats", "кози", "%s: кози");
    }

    #[test]
    fn tags_come_in_pairs() {
        check("<b>We won</b>", "Ми перемогли", "<b>Ми перемогли</b>");
        check("<x id=\"1\"/>We won", "Ми перемогли", "<x id=\"1\"/>Ми перемогли");
        lost("<b>We</b> won", "Ми перемогли");
        check("<p>We won.</p>", "<p>Ми перемогли.", "<p>Ми перемогли.</p>");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        #[test]
        fn nothing_is_lost_by_it(
            source in "(\\{a\\}|\\{b\\}|%s|%d|🎉|❤️|👩‍🚀|🇺🇦|<b>|</b>|<x id=\"1\"/>|https://a\\.ua|@ab|#cd|[.,:!()—] ?|5 | |Go |так |한다 ){0,12}",
            output in "(\\{a\\}|\\{b\\}|%s|%d|🎉|❤|👩|🚀|⁇|<unk>|<b>|</b>|https://a\\.ua|@ab|[.,:!()—] ?|5 | |Go |так |한다 |\\PC){0,12}",
        ) {
            let verbatim = protect(&source);
            let spans: Vec<&str> = verbatim.iter().map(|range| &source[range.clone()]).collect();
            let before = survived(&spans, &output);
            let restored = restore(&source, &verbatim, &output);
            prop_assert!(restored.missing.len() <= before.len());
            let mut at = 0;
            let mut rest = String::new();
            for (range, _) in &restored.inserts {
                prop_assert!(range.start >= at && range.end >= range.start);
                rest.push_str(&output[at..range.start]);
                at = range.end;
            }
            rest.push_str(&output[at..]);
            let words = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            prop_assert_eq!(words(&rest), words(&output.replace("<unk>", if restored.inserts.iter().any(|(range, _)| &output[range.clone()] == "<unk>") { "" } else { "<unk>" })));
            // A second look finds the same still missing.
            let again = restore(&source, &verbatim, &restored.text);
            prop_assert_eq!(survived(&spans, &restored.text), restored.missing);
            prop_assert!(again.missing.len() <= survived(&spans, &restored.text).len());
        }
    }
}
