//! Reads the numbers of a text that are written in figures, with their separators, scales and parts, by the habits of
//! a language: `1,234.5`, `1 234,5`, `3 млн 28 тис.`, `2조 1,740억`, `17:20`, `16.03.2026`.
//!
//! Answers what a number may mean; comparing is the business of `numbers`.

use std::ops::Range;

use super::letters::is_apostrophe;
use crate::language::Language;

/// A number in figures. Each alternative is what it may mean: one value, or several that all have to be there (a time,
/// a date, a sum given in parts).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quantity {
    pub(super) span: Range<usize>,
    pub(super) alternatives: Vec<Vec<f64>>,
    /// The value of the scale word behind the figures (`million` is 10⁶), 1 without one.
    scale: f64,
}

/// Scales of English and Ukrainian, and of the other languages that there are models for: beginning of the word, value, whether it has to be the whole word.
#[rustfmt::skip]
const SCALES: &[(&str, f64, Whole)] = &[
    ("hundred", 1e2, Whole::No), ("thousand", 1e3, Whole::No), ("million", 1e6, Whole::No),
    ("billion", 1e9, Whole::No), ("trillion", 1e12, Whole::No), ("dozen", 12.0, Whole::Counter),
    ("decade", 10.0, Whole::Counter), ("centur", 100.0, Whole::Counter), ("десятиліт", 10.0, Whole::Counter),
    ("десятир", 10.0, Whole::Counter), ("десятк", 10.0, Whole::Counter), ("століт", 100.0, Whole::Counter),
    ("mln", 1e6, Whole::Yes), ("mn", 1e6, Whole::Yes), ("bn", 1e9, Whole::Yes), ("tn", 1e12, Whole::Yes),
    ("k", 1e3, Whole::Unsure), ("m", 1e6, Whole::Unsure), ("b", 1e9, Whole::Unsure), ("сотн", 1e2, Whole::No),
    ("сотен", 1e2, Whole::No), ("тис", 1e3, Whole::Yes), ("тисяч", 1e3, Whole::No), ("млн", 1e6, Whole::Yes),
    ("мільйон", 1e6, Whole::No), ("млрд", 1e9, Whole::Yes), ("мільярд", 1e9, Whole::No), ("трлн", 1e12, Whole::Yes),
    ("трильйон", 1e12, Whole::No), ("mil", 1e3, Whole::Yes), ("mille", 1e3, Whole::Yes), ("milh", 1e6, Whole::No),
    ("milliard", 1e9, Whole::No), ("bilh", 1e9, Whole::No), ("trilh", 1e12, Whole::No),
];

/// How much of a word a scale has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    /// The word only begins so.
    No,
    /// The word is this.
    Yes,
    /// The word is this, sticks to the figures, and may also be a unit (`5m`).
    Unsure,
    /// The word only begins so, and the figures may count it (`3 decades` are 30 years).
    Counter,
}

/// The numbers of a text in order.
pub(super) fn read(text: &str, language: Language) -> Vec<Quantity> {
    if !text.chars().any(|c| FULL_WIDTH.contains(&c)) {
        return read_plain(text, language);
    }
    // The reader knows the digits of ASCII; places are carried back to the text as it is.
    let mut plain = String::with_capacity(text.len());
    let mut places = Vec::with_capacity(text.len() + 1);
    for (at, c) in text.char_indices() {
        let start = plain.len();
        let digit = FULL_WIDTH.contains(&c).then(|| char::from_u32(c as u32 - '０' as u32 + '0' as u32)).flatten();
        plain.push(digit.unwrap_or(c));
        places.extend((start..plain.len()).map(|_| at));
    }
    places.push(text.len());
    let mut found = read_plain(&plain, language);
    for quantity in &mut found {
        quantity.span = places[quantity.span.start]..places[quantity.span.end];
    }
    found
}

/// Digits as wide as Han characters.
const FULL_WIDTH: std::ops::RangeInclusive<char> = '０'..='９';

/// The numbers of a text whose digits are those of ASCII.
fn read_plain(text: &str, language: Language) -> Vec<Quantity> {
    let mut found: Vec<Quantity> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let Some(offset) = text[at..].find(|c: char| c.is_ascii_digit()) else { break };
        at += offset;
        let mut figures = Figures::read(text, at, language);
        at = figures.end;
        if is_exponent(text, figures.start, figures.end) {
            continue;
        }
        if let Some(last) = found.last() {
            share_century(text, last, &mut figures);
        }
        // `SS19`, `'19`: a year without its century.
        let head = &text[..figures.start];
        let short =
            figures.end - figures.start == 2 && head.ends_with(|c: char| c.is_ascii_uppercase() || is_apostrophe(c));
        if let (true, Some(&[value])) = (short, figures.alternatives.first().map(Vec::as_slice)) {
            figures.alternatives.push(vec![2000.0 + value]);
        }
        let quantity =
            if language == Language::KO { korean(text, &figures, &mut at) } else { scaled(text, &figures, &mut at) };
        match found.last_mut() {
            Some(last) if language != Language::KO => {
                share_scale(text, last, &quantity);
                if !join_parts(text, last, &quantity) {
                    found.push(quantity);
                }
            }
            _ => found.push(quantity),
        }
    }
    found
}

/// Whether a digit belongs to a unit of area or volume (`km2`, `м3`).
fn is_exponent(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or("");
    matches!(&text[start..end], "2" | "3") && matches!(before, "m" | "km" | "cm" | "mm" | "м" | "км" | "см" | "мм")
}

/// Reads the second year of `1995–96` as 1996 too.
fn share_century(text: &str, last: &Quantity, figures: &mut Figures) {
    let (Some(&[first]), Some(&[second])) =
        (last.alternatives.first().map(Vec::as_slice), figures.alternatives.first().map(Vec::as_slice))
    else {
        return;
    };
    let joined = matches!(&text[last.span.end..figures.start], "-" | "–" | "/");
    let year = |value: f64| (1000.0..2100.0).contains(&value);
    if joined && year(first) && figures.end - figures.start == 2 {
        figures.alternatives.push(vec![(first / 100.0).floor() * 100.0 + second]);
    }
}

/// Figures with the separators inside them.
struct Figures {
    start: usize,
    end: usize,
    alternatives: Vec<Vec<f64>>,
}

impl Figures {
    fn read(text: &str, start: usize, language: Language) -> Figures {
        let mut groups: Vec<Range<usize>> = Vec::new();
        groups.push(start..digits_end(text, start));
        let mut separators: Vec<char> = Vec::new();
        loop {
            let end = groups[groups.len() - 1].end;
            let Some(separator) = text[end..].chars().next() else { break };
            let next = end + separator.len_utf8();
            let next_end = digits_end(text, next);
            let joins = match separator {
                '.' | ',' | ':' | '\u{202f}' | '\u{a0}' | '\u{2009}' | ' ' => next_end > next,
                _ => false,
            };
            let space = matches!(separator, '\u{202f}' | '\u{a0}' | '\u{2009}' | ' ');
            let spaced_before = separators.iter().all(|&c| c == ' ');
            let thousand = next_end - next == 3
                && groups[groups.len() - 1].len() <= 3
                && spaced_before
                && (separators.is_empty() || groups[groups.len() - 1].len() == 3)
                && !text[start..].starts_with('0')
                && (language != Language::EN || separator != ' ')
                && (language != Language::KO || separator != ' ');
            if !joins || space && !thousand {
                break;
            }
            separators.push(if space { ' ' } else { separator });
            groups.push(next..next_end);
        }
        let end = groups[groups.len() - 1].end;
        let parts: Vec<&str> = groups.into_iter().map(|group| &text[group]).collect();
        let alternatives = match parts.as_slice() {
            [figures] => single(figures, &text[end..]),
            _ => meanings(&parts, &separators, language),
        };
        Figures { start, end, alternatives }
    }
}

/// Whether two values are the same number. All of them come from short decimals, so the margin is only for rounding.
pub(super) fn is(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-6 * other.abs().max(1e-3)
}

/// The end of the digits that begin at a place; the place itself if there are none.
fn digits_end(text: &str, start: usize) -> usize {
    start + text[start..].bytes().take_while(u8::is_ascii_digit).count()
}

/// What groups of digits between separators may mean.
fn meanings(parts: &[&str], separators: &[char], language: Language) -> Vec<Vec<f64>> {
    let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    let each: Vec<f64> = parts.iter().map(|part| number(part)).collect();
    let whole = number(&parts.concat());
    let (Some(&first), Some(&last)) = (separators.first(), separators.last()) else { return vec![each] };
    if separators.contains(&':') {
        return times(&each);
    }
    let tail = parts[parts.len() - 1];
    let head = parts[..parts.len() - 1].concat();
    let decimal = number(&format!("{head}.{tail}"));
    let thousands =
        |parts: &[&str]| parts[0].len() <= 3 && parts[0] != "0" && parts[1..].iter().all(|part| part.len() == 3);
    if separators.len() == 1 {
        return match first {
            ' ' => vec![vec![whole], each],
            // Ukrainian, as most languages, writes a decimal comma, and copies the thousands of its sources.
            ',' | '.' if thousands(parts) && language != Language::EN && language != Language::KO => {
                vec![vec![decimal], vec![whole]]
            }
            ',' if thousands(parts) => vec![vec![whole]],
            // 5.40 p.m., 17.20 and 16.03 are times and dates.
            '.' | ',' if tail.len() == 2 && each[0] < 32.0 => {
                let mut meanings = vec![vec![decimal]];
                meanings.extend(times(&each));
                meanings
            }
            _ => vec![vec![decimal]],
        };
    }
    let same = separators.iter().all(|&c| c == first);
    if same && thousands(parts) {
        return vec![vec![whole]];
    }
    let body_same = separators[..separators.len() - 1].iter().all(|&c| c == first);
    if !same && body_same && last != first && thousands(&parts[..parts.len() - 1]) {
        return vec![vec![decimal]];
    }
    vec![each]
}

/// Figures without separators: a decade may be written short or long (`1990s`, `90-ті`).
fn single(figures: &str, after: &str) -> Vec<Vec<f64>> {
    let value = figures.parse::<f64>().unwrap_or(f64::NAN);
    let mut meanings = vec![vec![value]];
    // 0230 is a time.
    if figures.len() == 4 && figures.starts_with('0') {
        meanings.push(vec![(value / 100.0).floor(), value % 100.0]);
    }
    let decade = value % 10.0 == 0.0
        && ["s", "'s", "’s", "-х", "-ті", "-их", "-ми", "х", "년대", "년 대"].iter().any(|end| after.starts_with(end));
    if decade && figures.len() == 2 {
        meanings.extend([vec![1900.0 + value], vec![2000.0 + value]]);
    }
    meanings
}

/// What figures between colons may mean: hours may be counted to 12 or to 24, full hours may lose their zeros.
fn times(each: &[f64]) -> Vec<Vec<f64>> {
    let mut meanings = vec![each.to_vec()];
    if each.len() == 2 && each[0] <= 24.0 && each[1] < 60.0 {
        for hour in other_hours(each[0]) {
            meanings.push(vec![hour, each[1]]);
        }
        if is(each[1], 0.0) {
            meanings.push(vec![each[0]]);
            meanings.extend(other_hours(each[0]).into_iter().map(|hour| vec![hour]));
        }
        if is(each[1], 30.0) {
            meanings.push(vec![each[0], 0.5]);
            meanings.extend(other_hours(each[0]).into_iter().map(|hour| vec![hour, 0.5]));
        }
    }
    meanings
}

/// The same hour on the other clock.
fn other_hours(hour: f64) -> Vec<f64> {
    [hour - 12.0, hour + 12.0].into_iter().filter(|hour| (0.0..=24.0).contains(hour)).collect()
}

/// What may stand between figures and their scale: `2-х мільйонів`, `50 or more million`.
const BEFORE_SCALE: &[&str] = &[
    "-х ",
    "-ти ",
    "-ма ",
    "-м ",
    " і більше ",
    " та більше ",
    " або більше ",
    " чи більше ",
    " or more ",
    " plus ",
    "+ ",
];

/// Figures with a scale behind them, in English, Ukrainian and languages that write as they do.
fn scaled(text: &str, figures: &Figures, at: &mut usize) -> Quantity {
    let mut alternatives = figures.alternatives.clone();
    let rest = &text[figures.end..];
    let suffix = BEFORE_SCALE.iter().find(|suffix| rest.starts_with(**suffix)).map_or(0, |s| s.len() - 1);
    let rest = &rest[suffix..];
    let gap = rest.chars().next().filter(|c| matches!(c, ' ' | '-' | '\u{a0}' | '\u{202f}' | '\u{2009}'));
    let after = &rest[gap.map_or(0, char::len_utf8)..];
    let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
    let word = after[..end].to_lowercase();
    let scale = SCALES.iter().find(|(name, _, whole)| match whole {
        Whole::No | Whole::Counter => word.starts_with(name),
        Whole::Yes => word == *name,
        Whole::Unsure => word == *name && gap.is_none(),
    });
    if let Some(&(_, value, whole)) = scale {
        let scaled: Vec<Vec<f64>> = alternatives.iter().filter(|a| a.len() == 1).map(|a| vec![a[0] * value]).collect();
        alternatives = match whole {
            Whole::Unsure | Whole::Counter => [alternatives, scaled].concat(),
            Whole::No | Whole::Yes => scaled,
        };
        *at = figures.end + suffix + gap.map_or(0, char::len_utf8) + end;
    } else if is_hour(after, word.as_str()) {
        alternatives = with_hours(&alternatives);
    }
    Quantity { span: figures.start..*at, alternatives, scale: scale.map_or(1.0, |&(_, value, _)| value) }
}

/// Whether the words behind figures make them an hour of the day.
fn is_hour(after: &str, word: &str) -> bool {
    let lower: String = after.chars().take(5).flat_map(char::to_lowercase).collect();
    ["a.m", "p.m", "am", "pm"].iter().any(|mark| lower.starts_with(mark))
        || matches!(word, "o" | "год" | "година" | "годині" | "години" | "годину" | "ї" | "й")
}

/// The alternatives, and the hours on the other clock.
fn with_hours(alternatives: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut all = alternatives.to_vec();
    for alternative in alternatives.iter().filter(|a| a.len() == 1) {
        all.extend(other_hours(alternative[0]).into_iter().map(|hour| vec![hour]));
    }
    all
}

/// Gives the first number of a range the scale of the second: `2 to 3 million` may mean two million.
fn share_scale(text: &str, last: &mut Quantity, next: &Quantity) {
    const BETWEEN: &[&str] = &["-", "–", "—", "to", "to $", "and", "or", "до", "або", "чи", "і", "й", "та", "~"];
    let between = text[last.span.end..next.span.start].trim();
    if next.scale > 1.0 && is(last.scale, 1.0) && BETWEEN.contains(&between) {
        let scaled: Vec<Vec<f64>> =
            last.alternatives.iter().filter(|a| a.len() == 1).map(|a| vec![a[0] * next.scale]).collect();
        last.alternatives.extend(scaled);
    }
}

/// Joins `3 млн 28 тис.` into one number that may also be read in parts. Answers whether it did.
fn join_parts(text: &str, last: &mut Quantity, next: &Quantity) -> bool {
    let between = text[last.span.end..next.span.start].trim_start_matches('.');
    let (left, right) = (last.alternatives.first().map(Vec::as_slice), next.alternatives.first().map(Vec::as_slice));
    let (Some(&[left]), Some(&[right])) = (left, right) else { return false };
    let joins = between.trim().is_empty() && next.scale > 1.0 && next.scale < last.scale && right < last.scale;
    if joins {
        let parts: Vec<f64> = [last.alternatives[0].as_slice(), next.alternatives[0].as_slice()].concat();
        last.alternatives = vec![vec![left + right], parts];
        last.span.end = next.span.end;
    }
    joins
}

/// A Korean number: figures and the units 십 백 천 만 억 조, in several parts that add up.
fn korean(text: &str, figures: &Figures, at: &mut usize) -> Quantity {
    let mut plain = figures.alternatives.clone();
    if text[figures.end..].starts_with('시') && !text[figures.end..].starts_with("시간") {
        plain = with_hours(&plain);
    }
    let Some(&[first]) = figures.alternatives.first().map(Vec::as_slice) else {
        return Quantity { span: figures.start..figures.end, alternatives: plain, scale: 1.0 };
    };
    let (mut total, mut section, mut number, mut unit) = (0.0, 0.0, Some(first), f64::MAX);
    let mut parts: Vec<f64> = Vec::new();
    let mut end = figures.end;
    let mut large_unit = f64::MAX;
    loop {
        // Units behind the figures; `20여만` and `20만여` are about as many.
        loop {
            let rest =
                text[end..].strip_prefix('여').filter(|rest| korean_unit(rest).is_some()).unwrap_or(&text[end..]);
            let spaced = number.and_then(|_| spaced_unit(rest));
            let Some((value, length)) = korean_unit(rest).or(spaced) else { break };
            if value >= 1e4 {
                if value >= large_unit {
                    break;
                }
                total +=
                    if section + number.unwrap_or(0.0) == 0.0 { 1.0 } else { section + number.unwrap_or(0.0) } * value;
                section = 0.0;
                large_unit = value;
            } else {
                section += number.unwrap_or(1.0) * value;
            }
            number = None;
            unit = value;
            end = text.len() - rest.len() + length;
        }
        if number.is_some() {
            break;
        }
        parts.push(total + section - parts.iter().sum::<f64>());
        let gap = usize::from(text[end..].starts_with(' '));
        let next = end + gap;
        if !text[next..].starts_with(|c: char| c.is_ascii_digit()) {
            break;
        }
        let more = Figures::read(text, next, Language::KO);
        let Some(&[value]) = more.alternatives.first().map(Vec::as_slice) else { break };
        // A plain number behind a space belongs to the sum only if it fills it up (`6만 8,000`).
        let rest = &text[more.end..];
        let followed = korean_unit(rest).is_some() || spaced_unit(rest).is_some();
        if value >= unit || gap == 1 && !followed && value < 100.0 {
            break;
        }
        number = Some(value);
        end = more.end;
        if !followed {
            break;
        }
    }
    let sum = total + section + number.unwrap_or(0.0);
    // `제247조` is an article of a law; `제247억` is a scale that slipped in.
    let article = text[..figures.start].ends_with('제') && text[figures.end..].starts_with('조');
    if parts.is_empty() || article {
        return Quantity { span: figures.start..figures.end, alternatives: plain, scale: 1.0 };
    }
    *at = end;
    if let Some(value) = number {
        parts.push(value);
    }
    let mut alternatives = vec![vec![sum]];
    if parts.len() > 1 {
        alternatives.push(parts);
    }
    Quantity { span: figures.start..end, alternatives, scale: 1.0 }
}

/// A large unit behind a space: `22 억 5 천만 명`.
fn spaced_unit(text: &str) -> Option<(f64, usize)> {
    let rest = text.strip_prefix(' ')?;
    let (value, length) = korean_unit(rest).filter(|&(value, _)| value >= 1e3)?;
    let after = rest[length..].chars().next();
    let ends = after.is_none_or(|c| !c.is_alphabetic() || "만억명원달개여파유".contains(c));
    ends.then_some((value, length + 1))
}

/// The unit at the start of a text, behind a space if it is one of the large ones.
fn korean_unit(text: &str) -> Option<(f64, usize)> {
    let c = text.chars().next()?;
    let value = match c {
        '십' => 10.0,
        '백' => 100.0,
        '천' => 1e3,
        '만' => 1e4,
        '억' => 1e8,
        '조' => 1e12,
        _ => return None,
    };
    Some((value, c.len_utf8()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::read;
    use crate::language::Language;

    fn check(language: Language, text: &str, expected: &[f64]) {
        let found: Vec<f64> = read(text, language).into_iter().map(|q| q.alternatives[0][0]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn english_figures() {
        check(Language::EN, "1,234.5 km, 62.5 tonnes, 48,700 and 1,250,000", &[1234.5, 62.5, 48_700.0, 1_250_000.0]);
        check(Language::EN, "$3.4 million of the $9.75bn, 38%", &[3.4e6, 9.75e9, 38.0]);
        check(Language::EN, "F-16s in 2019, 300 of them", &[16.0, 2019.0, 300.0]);
    }

    #[test]
    fn ukrainian_figures() {
        check(Language::UK, "1 234,5 км, 12,5 %, 1 260 000 000 грн", &[1234.5, 12.5, 1.26e9]);
        check(Language::UK, "8,4 млн грн, 1,1 тис. осіб, 3,4 млрд, 412 тисяч", &[8.4e6, 1100.0, 3.4e9, 412_000.0]);
        check(Language::UK, "3 млн 28 тис. грн", &[3_028_000.0]);
        check(Language::UK, "22-ї, 1990-х", &[22.0, 1990.0]);
    }

    #[test]
    fn korean_figures() {
        check(Language::KO, "2조 1,740억 원", &[2_174_000_000_000.0]);
        check(Language::KO, "1만 2천여 가구, 3,480명, 6만 8,000원", &[12_000.0, 3480.0, 68_000.0]);
        check(Language::KO, "15억 6천만 달러, 350만 원, 9만2천 명", &[1.56e9, 3.5e6, 92_000.0]);
        check(Language::KO, "20여만 명, 2천 명, 3억 5명", &[200_000.0, 2000.0, 3e8, 5.0]);
    }

    #[test]
    fn times_and_dates_are_read_in_parts() {
        let found = read("17:20 16.03.2026", Language::UK);
        assert!(found[0].alternatives.contains(&vec![5.0, 20.0]));
        assert_eq!(found[1].alternatives, [[16.0, 3.0, 2026.0]]);
    }

    #[test]
    fn a_range_shares_its_scale() {
        let found = read("2 to 3 million", Language::EN);
        assert!(found[0].alternatives.contains(&vec![2e6]));
    }

    proptest! {
        #[test]
        fn never_panics_and_spans_are_in_order(text in "([0-9]|[., :만억조천백여]|млн|тис\\.|million|\\PC){0,40}") {
            for language in [Language::EN, Language::UK, Language::KO] {
                let mut last = 0;
                for quantity in read(&text, language) {
                    prop_assert!(quantity.span.start >= last && quantity.span.end > quantity.span.start);
                    prop_assert!(text.is_char_boundary(quantity.span.start) && text.is_char_boundary(quantity.span.end));
                    last = quantity.span.end;
                }
            }
        }
    }
}
