//! Apostrophes, dashes, ellipses and spaces: rules that look at the nearest signs only.

use super::Rules;
use super::quotes::Quoted;
use super::view::{
    Change, KEPT, View, is_closing, is_cyrillic, is_dash, is_elision, is_fixed_space, is_hard_sign, is_latin, is_quote,
    is_space, is_word_apostrophe,
};

/// The changes of a paragraph that are neither quotation marks nor inside numbers.
pub(super) fn marks(view: &View, rules: Rules, quoted: &Quoted) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut at = 0;
    while at < view.chars.len() {
        let c = view.chars[at];
        let length = match c {
            '.' => run(view, at, |c| c == '.'),
            c if is_dash(c) => run(view, at, is_dash),
            c if is_space(c) => run(view, at, is_space),
            _ => 1,
        };
        let text = match c {
            '.' => ellipsis(view, at, length, rules),
            c if is_dash(c) => dash(view, at, length, rules),
            c if is_space(c) => space(view, at, length, rules),
            '№' if rules == Rules::Ukrainian && view.char(at + 1).is_ascii_digit() => Some("№\u{a0}"),
            _ if quoted.taken.binary_search(&at).is_ok() => None,
            _ => apostrophe(view, at, rules, quoted),
        };
        if let Some(text) = text {
            changes.push(Change { at: at..at + length, text: text.to_string() });
        }
        at += length;
    }
    changes
}

fn run(view: &View, at: usize, same: fn(char) -> bool) -> usize {
    view.chars[at..].iter().take_while(|c| same(**c)).count()
}

/// Three dots are one sign, six are two in Korean; longer and shorter rows, ranges and paths stay.
fn ellipsis(view: &View, at: usize, length: usize, rules: Rules) -> Option<&'static str> {
    let (before, after) = (view.before(at), view.char(at + length));
    let path = |c: char| matches!(c, '/' | '\\' | KEPT);
    if before.is_ascii_digit() && after.is_ascii_digit() || path(before) || path(after) {
        return None;
    }
    match (length, rules) {
        (3, _) => Some("…"),
        (6, Rules::Korean) => Some("……"),
        _ => None,
    }
}

/// A dash that is one: between words and after what somebody says in Ukrainian, two hyphens elsewhere.
fn dash(view: &View, at: usize, length: usize, rules: Rules) -> Option<&'static str> {
    let sign = view.char(at);
    let (before, after) = (view.before(at), view.char(at + length));
    let hyphens = length == 2 && sign == '-' && view.char(at + 1) == '-';
    if length > 1 && !hyphens {
        return None;
    }
    let spaced = is_space(before) && is_space(after);
    let (left, right) = (view.before_spaces(at), view.after_spaces(at + length));
    let between = !left.is_whitespace() && !right.is_whitespace() && !is_dash(left) && !is_dash(right);
    match rules {
        Rules::Korean => None,
        Rules::English => {
            let words = before.is_alphabetic() && after.is_alphabetic();
            (hyphens && between && (spaced || words)).then_some("—")
        }
        Rules::Ukrainian => {
            if spaced && between {
                // Two numbers: a range, a score or a subtraction.
                return (!(left.is_ascii_digit() && right.is_ascii_digit())).then_some("—");
            }
            // What somebody says goes on in the next sentence.
            if is_space(before) && view.ends_part(at + length) && !is_dash(left) && !left.is_whitespace() {
                return Some("—");
            }
            let starts = view.begins_part(at);
            let speech = right.is_uppercase() || is_quote(right) || matches!(right, '…' | '.' | KEPT);
            if starts && is_space(after) && (speech || !matches!(sign, '-') && right.is_alphanumeric()) {
                return Some("—");
            }
            let word = is_cyrillic(after) && after.is_uppercase() && view.char(at + length + 1).is_lowercase();
            if starts && word {
                return Some("— ");
            }
            let clause = matches!(before, ',' | '!' | '?' | '…') || ends_with_three_dots(view, at);
            let quoted = is_quote(before) && !view.before(at - 1).is_whitespace();
            if is_space(after) && between && (clause || quoted) {
                return Some(" —");
            }
            if clause && is_cyrillic(after) && after.is_lowercase() {
                return Some(" — ");
            }
            // One space forgotten.
            let tight = |c: char| c.is_alphabetic() || is_quote(c) || is_closing(c);
            match (is_space(before), is_space(after)) {
                (true, false) if sign == '—' && between && (after.is_alphabetic() || is_quote(after)) => Some("— "),
                (false, true) if sign == '—' && between && tight(before) => Some(" —"),
                _ => None,
            }
        }
    }
}

fn ends_with_three_dots(view: &View, at: usize) -> bool {
    at >= 3 && view.chars[at - 3..at].iter().all(|c| *c == '.') && view.before(at - 3) != '.'
}

/// A row of spaces: one is enough; before a sign of per cent and after a number sign it must not break.
fn space(view: &View, at: usize, length: usize, rules: Rules) -> Option<&'static str> {
    let (before, after) = (view.before(at), view.char(at + length));
    if before.is_whitespace() || after.is_whitespace() || before.is_ascii_digit() && after.is_ascii_digit() {
        return None;
    }
    let percent = after == '%' && before.is_ascii_digit() && !view.char(at + length + 1).is_alphanumeric();
    let row = &view.chars[at..at + length];
    let fixed = row.iter().any(|c| is_fixed_space(*c));
    match rules {
        Rules::English | Rules::Korean if percent => Some(""),
        Rules::Ukrainian if percent || before == '№' && after.is_ascii_digit() => {
            (length > 1 || !fixed).then_some("\u{a0}")
        }
        _ if length == 1 => None,
        _ => Some(if fixed { "\u{a0}" } else { " " }),
    }
}

/// The apostrophe in the place of what was typed for it.
fn apostrophe(view: &View, at: usize, rules: Rules, quoted: &Quoted) -> Option<&'static str> {
    let sign = view.char(at);
    let (before, after) = (view.before(at), view.char(at + 1));
    let found = match sign {
        '"' => rules == Rules::Ukrainian && is_hard_sign(view, at),
        'ʼ' | '′' => rules == Rules::Ukrainian && is_cyrillic(before) && is_cyrillic(after),
        '\'' | '＇' | '`' | '´' | '‘' | '‛' => {
            let final_sign = matches!(sign, '\'' | '＇')
                && is_latin(before)
                && is_latin(view.before(at.saturating_sub(1)))
                && (after.is_whitespace() || is_closing(after))
                && quoted.lone_single.is_none_or(|lone| lone > at);
            is_word_apostrophe(view, at) || rules == Rules::English && (final_sign || is_elision(view, at))
        }
        _ => false,
    };
    found.then_some("’")
}
