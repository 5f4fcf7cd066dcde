//! Finds what has to survive translation as it is: addresses, handles, hashtags, files, code, placeholders, tags, emoji.
//!
//! Knows text only, no markup. [`split_around`] serves the fallback that translates around what a model did not keep,
//! [`survived`] tells what it did not keep, [`restore`] puts in again what has one place only.

mod emoji;
mod files;
mod restore;
mod tags;

pub use restore::{Restored, restore};

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// Top-level domains after which a bare name such as `example.ua` is an address.
const DOMAINS: &[&str] = &[
    "com", "org", "net", "info", "gov", "edu", "mil", "int", "io", "me", "ua", "kr", "ru", "eu", "uk", "us", "de",
    "fr", "pl", "be", "by", "jp", "cn", "tv", "fm", "ai", "app", "dev", "news", "media", "press", "укр", "рф", "한국",
];

/// The ranges of `text` that have to survive, in order and apart.
pub fn protect(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let rest = &text[start..];
        let Some(offset) = rest.find(|c: char| !c.is_whitespace()) else { break };
        start += offset;
        let length = text[start..].find(char::is_whitespace).unwrap_or(text.len() - start);
        word(text, start..start + length, &mut found);
        start += length;
    }
    // What has spaces in it is no word: `{{ name }}`, `{n, plural, …}`, `<x id="1"/>`, code.
    if text.contains('{') {
        found = merge(found, mustaches(text));
        found = merge(found, tags::messages(text));
    }
    if text.contains('<') {
        found = merge(found, all(text, '<', tags::tag));
    }
    if text.contains('`') {
        found = merge(found, code(text));
    }
    merge(found, emoji::emoji(text))
}

/// Looks through one stretch without white space.
fn word(text: &str, span: Range<usize>, found: &mut Vec<Range<usize>>) {
    // Nearly every stretch is a plain word; a sign at its very end begins nothing.
    let sign = |b: &u8| matches!(b, b'.' | b'/' | b'\\' | b':' | b'@' | b'%' | b'{' | b'$' | b'#' | b'~');
    if !text.as_bytes()[span.start..span.end - 1].iter().any(sign) {
        return;
    }
    let mut at = span.start;
    while at < span.end {
        let rest = &text[at..span.end];
        let before = text[span.start..at].chars().next_back();
        if let Some(length) = match_at(rest, before) {
            found.push(at..at + length);
            at += length;
        } else {
            at += skip(rest);
        }
    }
}

/// How far nothing can begin: to the next character that may begin something.
fn skip(rest: &str) -> usize {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    let word = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
    word.max(first)
}

fn match_at(rest: &str, before: Option<char>) -> Option<usize> {
    let fresh = !before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    match rest.chars().next()? {
        '%' if rest.starts_with("%{") => braces(&rest[1..]).map(|length| length + 1),
        '%' => percent(rest, before),
        '{' => braces(rest),
        '$' if rest.starts_with("${") => braces(&rest[1..]).map(|length| length + 1),
        '@' if fresh => handle(rest),
        '#' if fresh => tag(rest, |c| c.is_alphanumeric() || c == '_'),
        '/' | '\\' | '~' | '.'
            if before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '/' | '\\' | '.' | '<')) =>
        {
            files::path(window(rest))
        }
        c if fresh && c.is_alphanumeric() => {
            let rest = window(rest);
            // Inside a path the name of the file has been looked for already.
            let fresh_path = !before.is_some_and(|c| matches!(c, '.' | '-' | '/' | '\\'));
            address(rest).or_else(|| {
                let path = fresh_path.then(|| files::path(rest).or_else(|| files::name(rest)));
                path.flatten()
            })
        }
        _ => None,
    }
}

/// The begin of `rest` that is looked at: addresses end somewhere, and a line without spaces may be megabytes long.
fn window(rest: &str) -> &str {
    let limit = if rest.get(..8).is_some_and(|begin| begin.contains(':')) { 8192 } else { 320 };
    if rest.len() <= limit {
        return rest;
    }
    let end = (0..=limit).rev().find(|end| rest.is_char_boundary(*end)).unwrap_or(0);
    &rest[..end]
}

/// `@handle`, and `@handle@host.example` of networks of hosts.
fn handle(rest: &str) -> Option<usize> {
    let name = tag(rest, |c| c.is_ascii_alphanumeric() || c == '_' || c == '.')?;
    let host = rest[name..].strip_prefix('@').map_or("", |host| {
        host[..host.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))).unwrap_or(host.len())]
            .trim_end_matches(['.', '-'])
    });
    let good = host.rsplit_once('.').is_some_and(|(site, top)| !site.is_empty() && top.len() >= 2);
    Some(if good { name + 1 + host.len() } else { name })
}

/// Every place of `sign` where `find` tells the length of something.
fn all(text: &str, sign: char, find: fn(&str) -> Option<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(sign).map(|offset| at + offset) {
        let length = find(&text[start..]);
        found.extend(length.map(|length| start..start + length));
        at = start + length.unwrap_or(sign.len_utf8());
    }
    found
}

/// Longest code between backticks, in bytes.
const LONGEST_CODE: usize = 200;

/// `` `code` `` in plain text: the signs stand around words, not inside them as apostrophes do.
fn code(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find('`').map(|offset| at + offset) {
        let fence = text[start..].bytes().take_while(|b| *b == b'`').count();
        let inner = start + fence;
        at = inner;
        if fence > 3 || text[..start].ends_with(char::is_alphanumeric) || text[inner..].starts_with(char::is_whitespace)
        {
            continue;
        }
        let Some(length) = text[inner..].find('`').filter(|length| (1..=LONGEST_CODE).contains(length)) else {
            continue;
        };
        let close = inner + length;
        let same = text[close..].bytes().take_while(|b| *b == b'`').count() == fence;
        let end = close + fence;
        let body = &text[inner..close];
        let parted = !text.get(end..).is_none_or(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
        if same && parted && !body.contains('\n') && !body.ends_with(char::is_whitespace) {
            found.push(start..end);
            at = end;
        }
    }
    found
}

/// `@handle` and `#tag`: at least one letter, no full stop at the end.
fn tag(rest: &str, inside: fn(char) -> bool) -> Option<usize> {
    let body = &rest[1..];
    let body = &body[..body.find(|c| !inside(c)).unwrap_or(body.len())];
    let body = body.trim_end_matches('.');
    (body.chars().count() >= 2 && body.chars().any(char::is_alphabetic)).then_some(body.len() + 1)
}

/// `%s`, `%1$d`, `%(name)s`, `%.2f`; not the sign of a percentage.
fn percent(rest: &str, before: Option<char>) -> Option<usize> {
    let body = &rest[1..];
    let mut length = 0;
    if let Some(inner) = body.strip_prefix('(') {
        let close = inner.find(')').filter(|close| *close <= 40)?;
        length = close + 2;
    } else {
        if before.is_some_and(|c| c.is_ascii_digit()) {
            return None;
        }
        length += body.bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b'$' | b'.' | b'-' | b'+')).count();
    }
    let mut chars = body[length..].chars();
    let (letter, after) = (chars.next()?, chars.next());
    ("sdifuxXgeEcl@".contains(letter) && !after.is_some_and(char::is_alphanumeric)).then_some(length + 2)
}

/// `{name}`, `{0}`, `{{name}}`, `{user.name}`.
fn braces(rest: &str) -> Option<usize> {
    let depth = rest.bytes().take(4).take_while(|b| *b == b'{').count();
    if depth > 3 {
        return None;
    }
    let body = &rest[depth..];
    let inner =
        body.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | ':' | '[' | ']' | '$' | '#')))?;
    let close = "}".repeat(depth);
    // `{}` alone is a placeholder of some languages too.
    ((1..=60).contains(&inner) || inner == 0 && depth == 1).then_some(())?;
    body[inner..].starts_with(&close).then_some(inner + 2 * depth)
}

/// `{{ name }}` with spaces.
fn mustaches(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find("{{").map(|offset| at + offset) {
        let inner = open + 2;
        let window = text[inner..].char_indices().nth(60).map_or(text.len(), |(offset, _)| inner + offset);
        match text[inner..window].find("}}") {
            Some(close) if !text[inner..inner + close].contains(['{', '}', '\n']) => {
                found.push(open..inner + close + 2);
                at = inner + close + 2;
            }
            _ => at = inner,
        }
    }
    found
}

/// An address of a page or of a mailbox that begins here.
fn address(rest: &str) -> Option<usize> {
    let end = rest.find(|c: char| is_no_address(c)).unwrap_or(rest.len());
    let whole = &rest[..end];
    let scheme = ["https://", "http://", "ftp://", "mailto:", "tel:"]
        .into_iter()
        .find(|scheme| whole.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)));
    if let Some(scheme) = scheme {
        let length = trimmed(whole);
        return (length > scheme.len()).then_some(length);
    }
    let name_end =
        whole.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '%'))).unwrap_or(end);
    let name = &whole[..name_end];
    if let Some(host) = whole[name_end..].strip_prefix('@') {
        let length = host.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))).unwrap_or(host.len());
        let host = host[..length].trim_end_matches(['.', '-']);
        let good = host.rsplit_once('.').is_some_and(|(site, top)| !site.is_empty() && top.len() >= 2);
        return good.then_some(name_end + 1 + host.len());
    }
    let host = name.trim_end_matches(['.', '-', '%', '+', '_']);
    let (site, top) = host.rsplit_once('.')?;
    let first = site.chars().next()?;
    let top_lower = top.to_lowercase();
    let known = DOMAINS.contains(&top_lower.as_str()) && top == top_lower;
    let www = host.len() > 4 && host.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("www."));
    if !(www
        || known && site.chars().count() >= 2 && !first.is_ascii_digit()
        || known && whole[host.len()..].starts_with('/'))
    {
        // `t.me/name`: one letter is a site too where a path follows.
        return None;
    }
    Some(if whole[host.len()..].starts_with(['/', ':', '?', '#']) {
        trimmed(whole).max(host.len())
    } else {
        host.len()
    })
}

/// Characters at which an address ends for sure.
fn is_no_address(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '"' | '<' | '>' | '«' | '»' | '“' | '”' | '„' | '‘' | '’' | '`' | '|' | '\\' | '^' | '。' | '、' | '…'
        )
        || matches!(c as u32, 0xAC00..=0xD7A3)
}

/// Length of an address without the punctuation of the sentence around it.
fn trimmed(whole: &str) -> usize {
    let mut end = whole.len();
    // The bound keeps a run of thousands of brackets from costing its square.
    for _ in 0..32 {
        let text = &whole[..end];
        let Some(last) = text.chars().next_back() else { return 0 };
        let balanced = |open: char, close: char| text.matches(open).count() >= text.matches(close).count();
        let cut = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '—' | '–' => true,
            ')' => !balanced('(', ')'),
            ']' => !balanced('[', ']'),
            '}' => !balanced('{', '}'),
            _ => false,
        };
        if !cut {
            return end;
        }
        end -= last.len_utf8();
    }
    end
}

/// Both lists as one, in order; ranges that touch each other's inside become one.
pub(crate) fn merge(mut first: Vec<Range<usize>>, second: Vec<Range<usize>>) -> Vec<Range<usize>> {
    if second.is_empty() {
        return first;
    }
    first.extend(second);
    first.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(first.len());
    for range in first.into_iter().filter(|range| !range.is_empty()) {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Contiguous ranges that cover `text`; `true` for the protected ones. `verbatim` is in order and inside `text`; what is
/// not is ignored.
pub fn split_around(text: &str, verbatim: &[Range<usize>]) -> Vec<(Range<usize>, bool)> {
    let mut parts = Vec::with_capacity(verbatim.len() * 2 + 1);
    let mut at = 0;
    for range in verbatim {
        if range.start < at || range.is_empty() || text.get(range.clone()).is_none() {
            continue;
        }
        if range.start > at {
            parts.push((at..range.start, false));
        }
        parts.push((range.clone(), true));
        at = range.end;
    }
    if at < text.len() {
        parts.push((at..text.len(), false));
    }
    parts
}

/// The indices of the `verbatim` strings that `output` lacks. A string that is asked for twice has to be there twice, and
/// one that is part of another has to stand somewhere else.
pub fn survived(verbatim: &[&str], output: &str) -> Vec<usize> {
    let places = places(verbatim, output);
    (0..verbatim.len()).filter(|index| places[*index].is_none()).collect()
}

/// Where each of the `verbatim` strings stands in `output`: the longest ones choose first.
fn places(verbatim: &[&str], output: &str) -> Vec<Option<Range<usize>>> {
    let mut order: Vec<usize> = (0..verbatim.len()).collect();
    order.sort_by_key(|index| (std::cmp::Reverse(verbatim[*index].len()), *index));
    let mut places: Vec<Option<Range<usize>>> = vec![None; verbatim.len()];
    let mut taken = Taken::default();
    for index in order {
        places[index] = taken.find(output, verbatim[index], |_| true);
    }
    places
}

/// Places of a text that were given away. A list of thousands of placeholders takes no longer for each of them than one of
/// two does.
#[derive(Default)]
pub(crate) struct Taken<'t> {
    /// End of each place, by its start.
    places: BTreeMap<usize, usize>,
    /// Where to go on looking for a text.
    next: HashMap<&'t str, usize>,
}

impl<'t> Taken<'t> {
    /// Gives away the first free place of `wanted` in `output` that is `right`.
    pub(crate) fn find(
        &mut self,
        output: &str,
        wanted: &'t str,
        right: impl Fn(&Range<usize>) -> bool,
    ) -> Option<Range<usize>> {
        let from = self.next.get(wanted).copied().unwrap_or_default();
        let mut found = None;
        let mut next = output.len();
        for (at, _) in output.get(from..).unwrap_or_default().match_indices(wanted) {
            let place = from + at..from + at + wanted.len();
            let before = self.places.range(..place.end).next_back();
            if before.is_none_or(|(_, end)| *end <= place.start) && right(&place) {
                next = place.end;
                found = Some(place);
                break;
            }
        }
        self.next.insert(wanted, next);
        let place = found?;
        self.places.insert(place.start, place.end);
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    // One range in a list is what is meant here.
    #![allow(clippy::single_range_in_vec_init)]
    use super::{protect, split_around, survived};
    use proptest::prelude::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = protect(text).into_iter().map(|r| &text[r]).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn addresses_lose_the_punctuation_around_them() {
        check("See https://example.org/a_(b)?x=1&y=2.", &["https://example.org/a_(b)?x=1&y=2"]);
        check("(www.example.org), «https://приклад.укр/шлях».", &["www.example.org", "https://приклад.укр/шлях"]);
        check("Пишіть: redaktor@ostriv.example.ua!", &["redaktor@ostriv.example.ua"]);
        check("홈페이지(https://example.kr/ko)에서", &["https://example.kr/ko"]);
        check("기자 hong@example.co.kr입니다", &["hong@example.co.kr"]);
        check("t.me/ostriv and ostriv.ua, U.S. and a.m. and end.The", &["t.me/ostriv", "ostriv.ua"]);
    }

    #[test]
    fn handles_and_tags_need_letters() {
        check("Ask @ferry_korzh. #Острів2024 and #1, a@b, 5 @ 6", &["@ferry_korzh", "#Острів2024"]);
        check("#한국어", &["#한국어"]);
    }

    #[test]
    fn placeholders_are_no_percentages() {
        check("%s has %1$d files, 50% done, 100%s", &["%s", "%1$d"]);
        check(
            "Hello {name}, {{x}}, {{ user name }}, ${HOME} and {not one}",
            &["{name}", "{{x}}", "{{ user name }}", "${HOME}"],
        );
        check("%(count)s goats", &["%(count)s"]);
    }

    #[test]
    fn files_code_and_tags() {
        check("Open report.pdf, C:\\dir\\a.txt or /etc/hosts.", &["report.pdf", "C:\\dir\\a.txt", "/etc/hosts"]);
        check("«звіт_2.docx» 보고서.pdf를 (src/main.rs)", &["звіт_2.docx", "보고서.pdf", "src/main.rs"]);
        check("Run `make x` and `y`, п`ять м`яч", &["`make x`", "`y`"]);
        check("<p>Go <x id=\"1\"/> <b>on</b></p>", &["<p>", "<x id=\"1\"/>", "<b>", "</b>", "</p>"]);
        check("{n, plural, one {# goat} other {{n} goats}}", &["{n, plural, one {", "} other {", "{n}", "}}"]);
        check("%{name}, {} and @me@host.example", &["%{name}", "{}", "@me@host.example"]);
        check("Ура 🎉👩‍🚀 1️⃣", &["🎉", "👩‍🚀", "1️⃣"]);
    }

    #[test]
    fn prose_has_nothing_to_protect() {
        check("Км/год, і/або, 24/7, он/офф; a < b > c, <Parasite>, <기생충>, ``so''. C# © ™ → ★", &[]);
        check("Ціна зросла на 5,5 % — до 1.200 грн. Vs. No. 5, т.зв. «ціна». 3.5km", &[]);
    }

    #[test]
    fn splitting_covers_the_text() {
        assert_eq!(split_around("a {b} c", &[2..5]), [(0..2, false), (2..5, true), (5..7, false)]);
        assert_eq!(split_around("{b}", &[0..3]), [(0..3, true)]);
        assert_eq!(split_around("", &[]), []);
    }

    #[test]
    fn what_is_asked_for_twice_has_to_be_there_twice() {
        assert_eq!(survived(&["%s", "%s"], "один %s"), [1]);
        assert_eq!(survived(&["a.ua", "a.ua/b"], "див. a.ua/b"), [0]);
        assert_eq!(survived(&["@x", "#y"], "#y @x"), [] as [usize; 0]);
    }

    proptest! {
        #[test]
        fn ranges_are_in_order_and_cover(text in "([a-z@#%{}$./: а-я한`<>\\\\~]|🎉|\u{fe0f}|\u{200d}|\\.pdf|https://|www\\.|\\PC){0,60}") {
            let found = protect(&text);
            let mut at = 0;
            for range in &found {
                prop_assert!(range.start >= at && range.end > range.start);
                at = range.end;
            }
            let parts = split_around(&text, &found);
            let joined: String = parts.iter().map(|(range, _)| &text[range.clone()]).collect();
            prop_assert_eq!(&joined, &text);
        }
    }
}
