//! Decimal and thousands marks, where a number can be read in one way only.
//!
//! `1,5` and `1.234` mean different numbers in different languages, and nothing in the number itself tells which. A mark
//! is changed where its shape leaves one reading (`1,234,567`; `1,234.5`), or where money, a scale or a unit beside it
//! shows that a decimal is meant. Dates, times, versions, scores, telephone numbers stay.

use super::Rules;
use super::view::{Change, KEPT, View, is_dash, is_fixed_space, is_space};
use std::ops::Range;

/// Units and scales after decimals, in full.
const UKRAINIAN_WORDS: &[&str] = &["км", "см", "мм", "кг", "га", "грн", "дол", "рази", "раза", "кВт", "МВт", "ГВт"];
/// Begins of units after decimals.
const UKRAINIAN_STEMS: &[&str] = &[
    "відсот",
    "процент",
    "кілометр",
    "метр",
    "сантиметр",
    "міліметр",
    "кілограм",
    "грам",
    "тонн",
    "літр",
    "гектар",
    "гривень",
    "гривн",
    "долар",
    "євро",
    "градус",
    "мегават",
    "кіловат",
    "мільйон",
    "мільярд",
    "трильйон",
    "тисяч",
];
const UKRAINIAN_SCALES: &[&str] = &["млн", "млрд", "трлн", "тис"];
const ENGLISH_WORDS: &[&str] = &["km", "kg", "cm", "mm", "percent", "per", "feet", "foot", "inches", "tons", "tonnes"];
const ENGLISH_STEMS: &[&str] = &[
    "million", "billion", "trillion", "thousand", "kilomet", "meter", "metre", "centimet", "millimet", "mile",
    "kilogram", "gram", "pound", "dollar", "euro", "degree", "liter", "litre",
];
const KOREAN_STEMS: &[&str] = &[
    "만",
    "억",
    "조",
    "배",
    "퍼센트",
    "달러",
    "원",
    "유로",
    "킬로",
    "미터",
    "톤",
    "센티",
    "밀리",
    "km",
    "kg",
    "cm",
    "mm",
    "㎞",
    "㎏",
    "㎝",
    "㎜",
];

/// Digits with marks between them.
struct Number {
    span: Range<usize>,
    /// Lengths of the groups of digits.
    groups: Vec<usize>,
    /// Indices of the marks between them.
    marks: Vec<usize>,
}

/// The changes inside the numbers of a paragraph.
pub(super) fn numbers(view: &View, rules: Rules) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut at = 0;
    while at < view.chars.len() {
        if !view.chars[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let number = Number::at(view, at);
        at = number.span.end;
        if number.marks.is_empty() || !stands_alone(view, &number.span) {
            continue;
        }
        for (mark, text) in number.set(view, rules) {
            changes.push(Change { at: mark..mark + 1, text: text.to_string() });
        }
    }
    changes
}

/// Whether a number is no part of a name, a telephone number, a date or an address.
fn stands_alone(view: &View, span: &Range<usize>) -> bool {
    let (before, after) = (view.before(span.start), view.char(span.end));
    let named = |c: char| matches!(c, '+' | '#' | '/' | '\\' | ':' | '_' | '=' | '@' | '№' | '.' | ',' | '*' | KEPT);
    if before.is_alphanumeric() || named(before) || matches!(after, '/' | '\\' | '_' | '@' | '=' | '*' | KEPT) {
        return false;
    }
    if is_dash(before) && view.before(span.start - 1).is_alphabetic() {
        return false;
    }
    let follows = |c: char| view.char(span.end) == c && view.char(span.end + 1).is_ascii_digit();
    let row = is_space(before) && view.before(span.start - 1).is_ascii_digit();
    !(row || follows(' ') || follows(':'))
}

impl Number {
    fn at(view: &View, start: usize) -> Number {
        let digits =
            |at: usize| view.chars[at.min(view.chars.len())..].iter().take_while(|c| c.is_ascii_digit()).count();
        let mut number = Number { span: start..start + digits(start), groups: vec![digits(start)], marks: Vec::new() };
        loop {
            let mark = number.span.end;
            let next = digits(mark + 1);
            let joins = match view.char(mark) {
                '.' | ',' => true,
                c if is_fixed_space(c) => true,
                // With a plain space only groups of three make one number.
                ' ' => {
                    next == 3
                        && number.is_grouped(number.groups.len())
                        && number.marks.iter().all(|mark| view.char(*mark) == ' ')
                }
                _ => false,
            };
            if !joins || next == 0 {
                return number;
            }
            number.marks.push(mark);
            number.groups.push(next);
            number.span.end = mark + 1 + next;
        }
    }

    /// Whether the first `count` groups are thousands: one to three digits, then three each.
    fn is_grouped(&self, count: usize) -> bool {
        (1..=3).contains(&self.groups[0]) && self.groups[1..count].iter().all(|length| *length == 3)
    }

    /// The marks that change, with what they become.
    fn set(&self, view: &View, rules: Rules) -> Vec<(usize, &'static str)> {
        let signs: Vec<char> = self.marks.iter().map(|mark| view.char(*mark)).collect();
        let (Some(&first), Some(&last)) = (signs.first(), signs.last()) else { return Vec::new() };
        let inner = &signs[..signs.len() - 1];
        let leading_zero = view.char(self.span.start) == '0';
        if signs.len() > 1
            && matches!(last, '.' | ',')
            && inner.iter().all(|sign| *sign == first && *sign != last)
            && self.is_grouped(self.groups.len() - 1)
            && !leading_zero
        {
            // Thousands and decimals: two kinds of marks leave one reading.
            if first == ' ' && inner.len() == 1 && rules != Rules::Ukrainian && !money(view, self.span.start) {
                return Vec::new();
            }
            let mut set = self.thousands(view, rules, inner.len());
            set.extend(decimal(last, rules).map(|text| (self.marks[inner.len()], text)));
            return set;
        }
        if signs.iter().any(|sign| *sign != first) {
            return Vec::new();
        }
        let (count, grouped) = (signs.len(), self.is_grouped(self.groups.len()) && !leading_zero);
        let ukrainian = rules == Rules::Ukrainian;
        let unit = unit(view, self.span.end, rules);
        let price = money(view, self.span.start);
        match first {
            ',' if grouped && ukrainian && (count > 1 || price && unit != Some(Unit::Scale)) => {
                self.thousands(view, rules, count)
            }
            ' ' if grouped && (ukrainian || count > 1 || price) => self.thousands(view, rules, count),
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' if grouped => {
                if first == ' ' {
                    Vec::new()
                } else {
                    self.thousands(view, rules, count)
                }
            }
            '.' if count == 1 && ukrainian => {
                let meant = if self.groups[1] == 3 { unit == Some(Unit::Scale) } else { unit.is_some() || price };
                if meant { vec![(self.marks[0], ",")] } else { Vec::new() }
            }
            ',' if count == 1 && !ukrainian && self.groups[1] < 3 && (unit.is_some() || price) => {
                vec![(self.marks[0], ".")]
            }
            _ => Vec::new(),
        }
    }

    /// The first `count` marks as marks of thousands.
    fn thousands(&self, view: &View, rules: Rules, count: usize) -> Vec<(usize, &'static str)> {
        let mut set = Vec::new();
        for &mark in &self.marks[..count] {
            let sign = view.char(mark);
            match rules {
                Rules::Ukrainian if !is_fixed_space(sign) => set.push((mark, "\u{a0}")),
                Rules::English | Rules::Korean if sign != ',' => set.push((mark, ",")),
                _ => {}
            }
        }
        set
    }
}

fn decimal(sign: char, rules: Rules) -> Option<&'static str> {
    match (rules, sign) {
        (Rules::Ukrainian, '.') => Some(","),
        (Rules::English | Rules::Korean, ',') => Some("."),
        _ => None,
    }
}

/// Whether a currency sign stands before a number.
fn money(view: &View, start: usize) -> bool {
    matches!(view.before_spaces(start), '$' | '€' | '£' | '₴' | '₩' | '¥')
}

/// What stands after a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// A scale or per cent: never after a whole number that is written with its thousands.
    Scale,
    /// A unit of measure or money.
    Measure,
}

/// The scale or unit after a number, or after the range that it begins.
fn unit(view: &View, end: usize, rules: Rules) -> Option<Unit> {
    if is_dash(view.char(end)) && view.char(end + 1).is_ascii_digit() {
        return unit_here(view, Number::at(view, end + 1).span.end, rules);
    }
    unit_here(view, end, rules)
}

fn unit_here(view: &View, end: usize, rules: Rules) -> Option<Unit> {
    let start = (end..view.chars.len()).find(|at| !is_space(view.chars[*at]))?;
    if view.chars[start] == '%' {
        return (!view.char(start + 1).is_alphanumeric()).then_some(Unit::Scale);
    }
    if matches!(view.chars[start], '°' | '℃' | '℉') {
        return Some(Unit::Measure);
    }
    let word: String = view.chars[start..].iter().take_while(|c| c.is_alphabetic()).take(24).collect();
    let stem = |stems: &[&str]| stems.iter().any(|stem| word.starts_with(stem));
    match rules {
        Rules::Ukrainian if UKRAINIAN_SCALES.contains(&word.as_str()) => Some(Unit::Scale),
        Rules::Ukrainian if UKRAINIAN_WORDS.contains(&word.as_str()) => Some(Unit::Measure),
        Rules::Ukrainian if stem(UKRAINIAN_STEMS) => {
            let scale = ["мільйон", "мільярд", "трильйон", "тисяч", "відсот", "процент"];
            Some(if stem(&scale) { Unit::Scale } else { Unit::Measure })
        }
        Rules::English if ENGLISH_WORDS.contains(&word.as_str()) || stem(ENGLISH_STEMS) => Some(Unit::Measure),
        Rules::Korean if stem(KOREAN_STEMS) => Some(Unit::Measure),
        _ => None,
    }
}
