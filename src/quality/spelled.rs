//! Reads number words strictly: only what is a number beyond doubt, with its value. What it finds has to have a
//! partner in the other text; `number_words` is the generous reader that looks for the partner.
//!
//! Left out on purpose: one and its forms, `second` and `другий`, names (`Big Ten`), "a year or two", a `세` or `열`
//! that stands before no counter.

use std::ops::Range;
use std::sync::LazyLock;

use super::tokens::{Lexicon, Tokens};
use crate::language::Language;

/// A number in words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spelled {
    pub(super) span: Range<usize>,
    /// What it may mean, as in `quantity::Quantity`.
    pub(super) alternatives: Vec<Vec<f64>>,
    /// The word from which on a unit may follow: the next one, or the rest of a compound.
    pub(super) next: usize,
    /// What is left of the last word, where a unit sticks to the number (`восьмирічний`, `두시간`).
    pub(super) rest: Range<usize>,
}

/// The numbers that a text has in words; none in languages that are not known here.
pub(super) fn read(tokens: &Tokens<'_>, language: Language) -> Vec<Spelled> {
    let step = match language {
        Language::EN => english,
        Language::UK => ukrainian,
        Language::KO => korean,
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        if let Some(spelled) = step(tokens, index) {
            index = spelled.next.max(index + 1);
            found.push(spelled);
        } else {
            index += 1;
        }
    }
    found
}

/// Words for so many at once: four dozen are 48, two decades twenty years.
#[rustfmt::skip]
const GROUPS: &[(&str, f64)] = &[
    ("dozen", 12.0), ("decade", 10.0), ("centur", 100.0), ("fortnight", 2.0), ("десятк", 10.0), ("дюжин", 12.0),
    ("десятиліт", 10.0), ("десятиріч", 10.0), ("столі", 100.0), ("сторіч", 100.0), ("сотн", 100.0), ("сотен", 100.0),
];

static GROUP_WORDS: LazyLock<Lexicon<f64>> = LazyLock::new(|| Lexicon::new(GROUPS));

/// What a word is in a spelled number.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    /// 1 to 19.
    Small(f64),
    /// 20, 30, … 90.
    Tens(f64),
    /// 100, and in Ukrainian 200, … 900.
    Hundreds(f64),
    /// 1,000 and up, by which what stands before is multiplied.
    Scale(f64),
    /// An ordinal, which ends the number.
    Ordinal(f64),
    /// The denominator of a fraction, behind a numerator.
    Denominator(f64),
}

#[rustfmt::skip]
const ENGLISH: &[(&str, Part)] = &[
    ("one", Part::Small(1.0)), ("two", Part::Small(2.0)), ("three", Part::Small(3.0)), ("four", Part::Small(4.0)),
    ("five", Part::Small(5.0)), ("six", Part::Small(6.0)), ("seven", Part::Small(7.0)), ("eight", Part::Small(8.0)),
    ("nine", Part::Small(9.0)), ("ten", Part::Small(10.0)), ("eleven", Part::Small(11.0)),
    ("twelve", Part::Small(12.0)), ("thirteen", Part::Small(13.0)), ("fourteen", Part::Small(14.0)),
    ("fifteen", Part::Small(15.0)), ("sixteen", Part::Small(16.0)), ("seventeen", Part::Small(17.0)),
    ("eighteen", Part::Small(18.0)), ("nineteen", Part::Small(19.0)), ("twenty", Part::Tens(20.0)),
    ("thirty", Part::Tens(30.0)), ("forty", Part::Tens(40.0)), ("fifty", Part::Tens(50.0)), ("sixty", Part::Tens(60.0)),
    ("seventy", Part::Tens(70.0)), ("eighty", Part::Tens(80.0)), ("ninety", Part::Tens(90.0)),
    ("hundred", Part::Hundreds(100.0)), ("thousand", Part::Scale(1e3)), ("million", Part::Scale(1e6)),
    ("billion", Part::Scale(1e9)), ("trillion", Part::Scale(1e12)), ("first", Part::Ordinal(1.0)),
    ("second", Part::Ordinal(2.0)), ("third", Part::Ordinal(3.0)), ("fourth", Part::Ordinal(4.0)),
    ("fifth", Part::Ordinal(5.0)), ("sixth", Part::Ordinal(6.0)), ("seventh", Part::Ordinal(7.0)),
    ("eighth", Part::Ordinal(8.0)), ("ninth", Part::Ordinal(9.0)), ("tenth", Part::Ordinal(10.0)),
    ("eleventh", Part::Ordinal(11.0)), ("twelfth", Part::Ordinal(12.0)), ("thirteenth", Part::Ordinal(13.0)),
    ("fourteenth", Part::Ordinal(14.0)), ("fifteenth", Part::Ordinal(15.0)), ("sixteenth", Part::Ordinal(16.0)),
    ("seventeenth", Part::Ordinal(17.0)), ("eighteenth", Part::Ordinal(18.0)), ("nineteenth", Part::Ordinal(19.0)),
    ("twentieth", Part::Ordinal(20.0)), ("thirtieth", Part::Ordinal(30.0)), ("fortieth", Part::Ordinal(40.0)),
    ("fiftieth", Part::Ordinal(50.0)), ("sixtieth", Part::Ordinal(60.0)), ("seventieth", Part::Ordinal(70.0)),
    ("eightieth", Part::Ordinal(80.0)), ("ninetieth", Part::Ordinal(90.0)), ("hundredth", Part::Ordinal(100.0)),
    ("halves", Part::Denominator(2.0)), ("thirds", Part::Denominator(3.0)), ("quarters", Part::Denominator(4.0)),
    ("fourths", Part::Denominator(4.0)), ("fifths", Part::Denominator(5.0)), ("sixths", Part::Denominator(6.0)),
    ("sevenths", Part::Denominator(7.0)), ("eighths", Part::Denominator(8.0)), ("ninths", Part::Denominator(9.0)),
    ("tenths", Part::Denominator(10.0)),
];

static ENGLISH_PARTS: LazyLock<Lexicon<Part>> = LazyLock::new(|| Lexicon::new(ENGLISH));
static UKRAINIAN_STEMS: LazyLock<Lexicon<(Part, Endings)>> = LazyLock::new(|| Lexicon::new(UKRAINIAN));
static COMPOUNDS: LazyLock<Lexicon<f64>> = LazyLock::new(|| Lexicon::new(COMPOUND_NUMERALS));
static KOREAN_NUMERALS: LazyLock<Lexicon<(f64, Alone)>> = LazyLock::new(|| Lexicon::new(KOREAN));

/// The endings with which a Ukrainian stem is that numeral.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Endings {
    /// The form is whole.
    None,
    /// п'ять, п'яти, п'ятьох, п'ятеро.
    Soft,
    /// п'ятдесят, п'ятдесяти, п'ятдесятьох.
    Tens,
    /// п'ятий, п'ятого, п'ятою.
    Hard,
    /// третій, третього, третьою.
    Third,
    /// тисяча, тисяч; мільйон, мільйонів: any.
    Any,
}

impl Endings {
    fn allow(self, ending: &str) -> bool {
        match self {
            Endings::None => ending.is_empty(),
            Endings::Soft => matches!(ending, "ь" | "и" | "ьох" | "ьом" | "ьма" | "ьома" | "еро" | "ерох" | "ьмох"),
            Endings::Tens => matches!(ending, "" | "и" | "ьох" | "ьом" | "ьма" | "ьома"),
            Endings::Hard => {
                matches!(ending, "ий" | "а" | "е" | "ого" | "ої" | "ому" | "у" | "им" | "ою" | "і" | "их" | "ими")
            }
            Endings::Third => {
                matches!(ending, "ій" | "я" | "є" | "ього" | "ьої" | "ьому" | "ю" | "ім" | "ьою" | "і" | "іх" | "іми")
            }
            Endings::Any => true,
        }
    }
}

#[rustfmt::skip]
const UKRAINIAN: &[(&str, (Part, Endings))] = &[
    ("два", (Part::Small(2.0), Endings::None)), ("дві", (Part::Small(2.0), Endings::None)),
    ("двох", (Part::Small(2.0), Endings::None)), ("двом", (Part::Small(2.0), Endings::None)),
    ("двома", (Part::Small(2.0), Endings::None)), ("двоє", (Part::Small(2.0), Endings::None)),
    ("три", (Part::Small(3.0), Endings::None)), ("трьох", (Part::Small(3.0), Endings::None)),
    ("трьом", (Part::Small(3.0), Endings::None)), ("трьома", (Part::Small(3.0), Endings::None)),
    ("троє", (Part::Small(3.0), Endings::None)), ("чотири", (Part::Small(4.0), Endings::None)),
    ("чотирьох", (Part::Small(4.0), Endings::None)), ("чотирьом", (Part::Small(4.0), Endings::None)),
    ("чотирма", (Part::Small(4.0), Endings::None)), ("четверо", (Part::Small(4.0), Endings::None)),
    ("пят", (Part::Small(5.0), Endings::Soft)), ("шіст", (Part::Small(6.0), Endings::Soft)),
    ("шести", (Part::Small(6.0), Endings::None)), ("шестеро", (Part::Small(6.0), Endings::None)),
    ("сім", (Part::Small(7.0), Endings::None)), ("семи", (Part::Small(7.0), Endings::None)),
    ("сімох", (Part::Small(7.0), Endings::None)), ("сімома", (Part::Small(7.0), Endings::None)),
    ("семеро", (Part::Small(7.0), Endings::None)), ("вісім", (Part::Small(8.0), Endings::None)),
    ("восьми", (Part::Small(8.0), Endings::None)), ("вісьмох", (Part::Small(8.0), Endings::None)),
    ("вісьма", (Part::Small(8.0), Endings::None)), ("вісьмома", (Part::Small(8.0), Endings::None)),
    ("восьмеро", (Part::Small(8.0), Endings::None)), ("девят", (Part::Small(9.0), Endings::Soft)),
    ("десят", (Part::Small(10.0), Endings::Soft)), ("одинадцят", (Part::Small(11.0), Endings::Soft)),
    ("дванадцят", (Part::Small(12.0), Endings::Soft)), ("тринадцят", (Part::Small(13.0), Endings::Soft)),
    ("чотирнадцят", (Part::Small(14.0), Endings::Soft)), ("пятнадцят", (Part::Small(15.0), Endings::Soft)),
    ("шістнадцят", (Part::Small(16.0), Endings::Soft)), ("сімнадцят", (Part::Small(17.0), Endings::Soft)),
    ("вісімнадцят", (Part::Small(18.0), Endings::Soft)), ("девятнадцят", (Part::Small(19.0), Endings::Soft)),
    ("двадцят", (Part::Tens(20.0), Endings::Soft)), ("тридцят", (Part::Tens(30.0), Endings::Soft)),
    ("сорок", (Part::Tens(40.0), Endings::None)), ("пятдесят", (Part::Tens(50.0), Endings::Tens)),
    ("шістдесят", (Part::Tens(60.0), Endings::Tens)), ("сімдесят", (Part::Tens(70.0), Endings::Tens)),
    ("вісімдесят", (Part::Tens(80.0), Endings::Tens)), ("девяносто", (Part::Tens(90.0), Endings::None)),
    ("сто", (Part::Hundreds(100.0), Endings::None)), ("двісті", (Part::Hundreds(200.0), Endings::None)),
    ("двохсот", (Part::Hundreds(200.0), Endings::None)), ("триста", (Part::Hundreds(300.0), Endings::None)),
    ("трьохсот", (Part::Hundreds(300.0), Endings::None)), ("чотириста", (Part::Hundreds(400.0), Endings::None)),
    ("чотирьохсот", (Part::Hundreds(400.0), Endings::None)), ("пятсот", (Part::Hundreds(500.0), Endings::None)),
    ("пятисот", (Part::Hundreds(500.0), Endings::None)), ("шістсот", (Part::Hundreds(600.0), Endings::None)),
    ("шестисот", (Part::Hundreds(600.0), Endings::None)), ("сімсот", (Part::Hundreds(700.0), Endings::None)),
    ("семисот", (Part::Hundreds(700.0), Endings::None)), ("вісімсот", (Part::Hundreds(800.0), Endings::None)),
    ("восьмисот", (Part::Hundreds(800.0), Endings::None)), ("девятсот", (Part::Hundreds(900.0), Endings::None)),
    ("девятисот", (Part::Hundreds(900.0), Endings::None)), ("тисяч", (Part::Scale(1e3), Endings::Any)),
    ("мільйон", (Part::Scale(1e6), Endings::Any)), ("мільярд", (Part::Scale(1e9), Endings::Any)),
    ("трильйон", (Part::Scale(1e12), Endings::Any)), ("перш", (Part::Ordinal(1.0), Endings::Hard)),
    ("друг", (Part::Ordinal(2.0), Endings::Hard)), ("трет", (Part::Ordinal(3.0), Endings::Third)),
    ("четверт", (Part::Ordinal(4.0), Endings::Hard)), ("пят", (Part::Ordinal(5.0), Endings::Hard)),
    ("шост", (Part::Ordinal(6.0), Endings::Hard)), ("сьом", (Part::Ordinal(7.0), Endings::Hard)),
    ("восьм", (Part::Ordinal(8.0), Endings::Hard)), ("девят", (Part::Ordinal(9.0), Endings::Hard)),
    ("десят", (Part::Ordinal(10.0), Endings::Hard)), ("одинадцят", (Part::Ordinal(11.0), Endings::Hard)),
    ("дванадцят", (Part::Ordinal(12.0), Endings::Hard)), ("тринадцят", (Part::Ordinal(13.0), Endings::Hard)),
    ("чотирнадцят", (Part::Ordinal(14.0), Endings::Hard)), ("пятнадцят", (Part::Ordinal(15.0), Endings::Hard)),
    ("шістнадцят", (Part::Ordinal(16.0), Endings::Hard)), ("сімнадцят", (Part::Ordinal(17.0), Endings::Hard)),
    ("вісімнадцят", (Part::Ordinal(18.0), Endings::Hard)), ("девятнадцят", (Part::Ordinal(19.0), Endings::Hard)),
    ("двадцят", (Part::Ordinal(20.0), Endings::Hard)), ("тридцят", (Part::Ordinal(30.0), Endings::Hard)),
    ("сороков", (Part::Ordinal(40.0), Endings::Hard)), ("пятдесят", (Part::Ordinal(50.0), Endings::Hard)),
    ("шістдесят", (Part::Ordinal(60.0), Endings::Hard)), ("сімдесят", (Part::Ordinal(70.0), Endings::Hard)),
    ("вісімдесят", (Part::Ordinal(80.0), Endings::Hard)), ("девяност", (Part::Ordinal(90.0), Endings::Hard)),
    ("третин", (Part::Denominator(3.0), Endings::Any)), ("чверт", (Part::Denominator(4.0), Endings::Any)),
];

/// First halves of Ukrainian compounds; the second half has to be a unit (`-річний`, `-метровий`).
#[rustfmt::skip]
const COMPOUND_NUMERALS: &[(&str, f64)] = &[
    ("дво", 2.0), ("двох", 2.0), ("три", 3.0), ("трьох", 3.0), ("чотири", 4.0), ("чотирьох", 4.0), ("пяти", 5.0),
    ("шести", 6.0), ("семи", 7.0), ("восьми", 8.0), ("девяти", 9.0), ("десяти", 10.0), ("одинадцяти", 11.0),
    ("дванадцяти", 12.0), ("тринадцяти", 13.0), ("чотирнадцяти", 14.0), ("пятнадцяти", 15.0), ("шістнадцяти", 16.0),
    ("сімнадцяти", 17.0), ("вісімнадцяти", 18.0), ("девятнадцяти", 19.0), ("двадцяти", 20.0), ("тридцяти", 30.0),
    ("сорока", 40.0), ("пятдесяти", 50.0), ("шістдесяти", 60.0), ("сімдесяти", 70.0), ("вісімдесяти", 80.0),
    ("девяносто", 90.0), ("сто", 100.0),
];

/// Second halves of Ukrainian compounds.
#[rustfmt::skip]
const COMPOUND_UNITS: &[&str] = &[
    "річн", "літн", "денн", "тижнев", "місячн", "годинн", "хвилинн", "секундн", "кілометров", "метров", "сантиметров",
    "міліметров", "кілограмов", "тонн", "мильн", "відсотков", "доларов", "градусн", "літров",
];

/// Whether a Korean numeral is one without a counter.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Alone {
    /// `다섯` is nothing else.
    Always,
    /// `두` before any noun is two, but it also begins other words.
    Word,
    /// `네` is also yes, `열` fever: only before a counter.
    Never,
}

#[rustfmt::skip]
const KOREAN: &[(&str, (f64, Alone))] = &[
    ("두", (2.0, Alone::Word)), ("세", (3.0, Alone::Word)), ("네", (4.0, Alone::Never)), ("다섯", (5.0, Alone::Always)),
    ("여섯", (6.0, Alone::Always)), ("일곱", (7.0, Alone::Always)), ("여덟", (8.0, Alone::Always)),
    ("아홉", (9.0, Alone::Always)), ("열", (10.0, Alone::Never)), ("열한", (11.0, Alone::Never)),
    ("열두", (12.0, Alone::Word)), ("열세", (13.0, Alone::Never)), ("열네", (14.0, Alone::Never)),
    ("열다섯", (15.0, Alone::Always)), ("열여섯", (16.0, Alone::Always)), ("열일곱", (17.0, Alone::Always)),
    ("열여덟", (18.0, Alone::Always)), ("열아홉", (19.0, Alone::Always)), ("스무", (20.0, Alone::Never)),
    ("스물", (20.0, Alone::Always)), ("스물한", (21.0, Alone::Never)), ("스물두", (22.0, Alone::Word)),
    ("스물세", (23.0, Alone::Never)), ("스물네", (24.0, Alone::Never)), ("스물다섯", (25.0, Alone::Always)),
    ("스물여섯", (26.0, Alone::Always)), ("스물일곱", (27.0, Alone::Always)), ("스물여덟", (28.0, Alone::Always)),
    ("스물아홉", (29.0, Alone::Always)), ("서른", (30.0, Alone::Always)), ("마흔", (40.0, Alone::Always)),
];

/// What Korean counts with.
#[rustfmt::skip]
const COUNTERS: &[&str] = &[
    "명", "개", "번", "대", "곳", "가지", "사람", "차례", "달", "살", "시간", "시", "마리", "건", "배", "채", "척", "권", "장",
    "분", "해", "주", "팀", "나라", "국가", "도시", "편", "자루", "그루", "송이", "켤레", "벌", "쌍", "군데", "마을", "아이", "자녀",
    "형제", "자매", "아들", "딸", "여성", "남성", "남자", "여자", "선수", "후보", "단계", "방향", "종류", "부분", "그룹", "경기",
    "골", "점", "잔", "병", "그릇", "통", "줄", "층", "칸", "쪽", "세대", "대륙", "지역", "회사", "기업", "학교",
];

/// Syllables that may follow a counter: particles, `-째`, `-당`, `-씩`, `-간`, and the copula.
const PARTICLES: &str = "은는이가을를의에도만과와로으까부마째당씩간여짜쯤정들밖보처였입뿐동";

/// Whether what stands behind a Korean numeral is a counter.
fn is_counter(word: &str) -> bool {
    COUNTERS.iter().any(|counter| {
        word.strip_prefix(counter).is_some_and(|rest| rest.chars().next().is_none_or(|c| PARTICLES.contains(c)))
    })
}

/// A number that has been put together from parts.
#[derive(Default)]
struct Sum {
    /// Parts that a scale has closed.
    closed: f64,
    /// The part below the next scale.
    open: f64,
    /// The smallest unit so far: what follows has to be smaller.
    least: f64,
}

impl Sum {
    /// Adds a part. Answers `false` if it does not belong to the same number.
    fn add(&mut self, part: Part) -> bool {
        let empty = self.closed + self.open == 0.0;
        match part {
            Part::Small(value) | Part::Ordinal(value)
                if empty || self.least >= 100.0 && self.least > value || self.least >= 20.0 && value < 10.0 =>
            {
                self.open += value;
                self.least = 1.0;
            }
            Part::Tens(value) if empty || self.least >= 100.0 => {
                self.open += value;
                self.least = 20.0;
            }
            Part::Hundreds(value) if empty || self.least >= 1000.0 => {
                self.open += value;
                self.least = 100.0;
            }
            // "two hundred"
            Part::Hundreds(value) if self.least < 100.0 && self.open >= 1.0 && self.open < 20.0 && value == 100.0 => {
                self.open *= value;
                self.least = 100.0;
            }
            Part::Scale(value) if self.open > 0.0 && (self.closed == 0.0 || self.closed >= value * 1000.0) => {
                self.closed += self.open * value;
                self.open = 0.0;
                self.least = value;
            }
            _ => return false,
        }
        true
    }

    fn value(&self) -> f64 {
        self.closed + self.open
    }
}

/// The English number that begins at a word.
fn english(tokens: &Tokens<'_>, start: usize) -> Option<Spelled> {
    let part = |index: usize| ENGLISH_PARTS.exact(tokens.word(index)).copied();
    let joined = |index: usize| matches!(tokens.gap(index), " " | "-" | "\u{a0}" | "‑");
    let first = part(start)?;
    if tokens.is_name(start) && !tokens.gap(start).ends_with('-') {
        return None;
    }
    let (sum, last, denominator) = add_parts(start, first, |index| {
        if !joined(index) {
            return None;
        }
        if tokens.word(index) == "and" && joined(index + 1) && index > start + 1 {
            return part(index + 1).map(|next| (next, index + 1));
        }
        part(index).map(|next| (next, index))
    })?;
    // "A year or two", "one or two" are a few.
    if last == start
        && tokens.before(start, 1) == "or"
        && !ENGLISH_PARTS.exact(tokens.before(start, 2)).is_some_and(|p| !matches!(p, Part::Small(1.0)))
    {
        return None;
    }
    // "One in three" is a share; a lone one, first or second is an article, an adverb or a unit of time.
    let single = last == start;
    if single && matches!(first, Part::Small(1.0) | Part::Ordinal(1.0 | 2.0) | Part::Denominator(_)) {
        return None;
    }
    // "A third", "one fifth" are parts.
    let part_of = matches!(first, Part::Ordinal(_))
        && (matches!(tokens.before(start, 1), "a" | "an" | "one")
            || tokens.word(start + 1) == "of" && tokens.before(start, 1) != "the");
    if single && part_of {
        return None;
    }
    Some(finish(tokens, start..last + 1, &sum, denominator))
}

/// The Ukrainian number that begins at a word.
fn ukrainian(tokens: &Tokens<'_>, start: usize) -> Option<Spelled> {
    let part = |index: usize| ukrainian_part(tokens.word(index));
    let Some(first) = part(start) else { return compound(tokens, start) };
    if tokens.is_name(start) {
        return None;
    }
    let joined = |index: usize| matches!(tokens.gap(index), " " | "\u{a0}");
    let (sum, last, denominator) =
        add_parts(start, first, |index| if joined(index) { part(index).map(|next| (next, index)) } else { None })?;
    let single = last == start;
    if single && matches!(first, Part::Ordinal(1.0 | 2.0) | Part::Denominator(_)) {
        return None;
    }
    let part_of = matches!(first, Part::Ordinal(_)) && tokens.word(start + 1).starts_with("частин");
    if single && part_of || tokens.word(start + 1) == "частини" {
        return None;
    }
    // A family is often typed `сім я`.
    if single && matches!(tokens.word(start + 1), "я" | "ї" | "ю" | "єю") {
        return None;
    }
    Some(finish(tokens, start..last + 1, &sum, denominator))
}

fn ukrainian_part(word: &str) -> Option<Part> {
    UKRAINIAN_STEMS.beginnings(word).find(|((_, endings), rest)| endings.allow(rest)).map(|(&(part, _), _)| part)
}

/// `восьмирічний`, `двотижневий`.
fn compound(tokens: &Tokens<'_>, index: usize) -> Option<Spelled> {
    let word = tokens.word(index);
    let (value, rest) = COMPOUNDS
        .beginnings(word)
        .map(|(&value, rest)| (value, rest))
        .find(|(_, rest)| COMPOUND_UNITS.iter().any(|unit| rest.starts_with(unit)))?;
    let span = tokens.span(index);
    let left = rest.chars().count();
    let from = tokens.original(index).char_indices().rev().nth(left.checked_sub(1)?)?.0;
    let rest = span.start + from..span.end;
    Some(Spelled { span, alternatives: vec![vec![value]], next: index, rest })
}

/// Adds up parts from a first one; `next` answers the part that follows and where it stands. Answers the sum, the last
/// word and the denominator.
fn add_parts(
    start: usize,
    first: Part,
    next: impl Fn(usize) -> Option<(Part, usize)>,
) -> Option<(Sum, usize, Option<f64>)> {
    let mut sum = Sum::default();
    // A scale alone, thousands of people, is no number.
    if let Part::Denominator(value) = first {
        return Some((sum, start, Some(value)));
    }
    if !sum.add(first) {
        return None;
    }
    let mut last = start;
    let mut part = first;
    while !matches!(part, Part::Ordinal(_)) {
        let Some((following, at)) = next(last + 1) else { break };
        if let Part::Denominator(value) = following {
            return Some((sum, at, Some(value)));
        }
        if !sum.add(following) {
            break;
        }
        (part, last) = (following, at);
    }
    Some((sum, last, None))
}

/// The number of the words in a range.
fn finish(tokens: &Tokens<'_>, words: Range<usize>, sum: &Sum, denominator: Option<f64>) -> Spelled {
    let value = sum.value();
    let mut alternatives = match denominator {
        Some(denominator) => vec![vec![value / denominator], vec![value, denominator]],
        None => vec![vec![value]],
    };
    if let Some(&group) = GROUP_WORDS.longest(tokens.word(words.end)).map(|(group, _)| group) {
        alternatives.push(vec![value * group]);
    }
    let span = tokens.span(words.start).start..tokens.span(words.end - 1).end;
    Spelled { rest: span.end..span.end, span, alternatives, next: words.end }
}

/// The Korean number that begins at a word: a native numeral before a counter, or a Sino-Korean one with units.
fn korean(tokens: &Tokens<'_>, index: usize) -> Option<Spelled> {
    let word = tokens.word(index);
    let apart = tokens.gap(index + 1) == " ";
    let span = tokens.span(index);
    // The 세 of 13세 counts years.
    if tokens.text()[..span.start].ends_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let (value, rest) = if let Some((&(value, alone), rest)) = KOREAN_NUMERALS.longest(word) {
        let counted = if rest.is_empty() { apart && is_counter(tokens.word(index + 1)) } else { is_counter(rest) };
        let fused = |alone| match alone {
            // `세대`, `세주`, `네시`: short words that begin so are no numbers.
            Alone::Always => true,
            Alone::Word | Alone::Never => {
                ["명", "번째", "가지", "시간", "사람", "차례", "마리", "살", "달"].iter().any(|c| rest.starts_with(c))
                    && !rest.starts_with("달라")
            }
        };
        let strict = match (alone, rest.is_empty()) {
            (_, false) => {
                counted && fused(alone) || alone == Alone::Always && rest.chars().all(|c| PARTICLES.contains(c))
            }
            (Alone::Always, true) => true,
            (Alone::Word, true) => apart,
            (Alone::Never, true) => counted,
        };
        // "서너 번", "두세 명" and the like are about as many.
        if !strict || value < 10.0 && rest.starts_with(['세', '서']) {
            return None;
        }
        (value, rest)
    } else {
        let (value, rest) = sino(word)?;
        let rest = rest.strip_prefix('여').unwrap_or(rest);
        let counted = if rest.is_empty() {
            apart && is_counter(tokens.word(index + 1))
        } else {
            is_counter(rest) || is_sino_counter(rest)
        };
        if !counted {
            return None;
        }
        (value, rest)
    };
    // Folding changes no Hangul, so that what is left has the same length in the text.
    let left = span.end - rest.len();
    Some(Spelled {
        span: span.start..left,
        alternatives: vec![vec![value]],
        next: if rest.is_empty() { index + 1 } else { index },
        rest: left..span.end,
    })
}

/// Counters of Sino-Korean numerals.
fn is_sino_counter(word: &str) -> bool {
    [
        "년",
        "개월",
        "원",
        "달러",
        "미터",
        "킬로",
        "퍼센트",
        "일",
        "세기",
        "도",
        "초",
        "주",
        "회",
        "위",
        "등",
        "층",
        "인",
        "세",
        "여",
    ]
    .iter()
    .any(|unit| word.strip_prefix(unit).is_some_and(|rest| rest.chars().next().is_none_or(|c| PARTICLES.contains(c))))
}

/// The Sino-Korean numeral at the start of a word and what it leaves; at least a digit and a ten or hundred.
fn sino(word: &str) -> Option<(f64, &str)> {
    let (mut total, mut section, mut digit) = (0.0, 0.0, 0.0);
    let (mut digits, mut units) = (0, 0);
    let mut end = 0;
    for (at, c) in word.char_indices() {
        let figure = "일이삼사오육칠팔구".chars().position(|d| d == c).map(|at| at as f64 + 1.0);
        let small = [('십', 10.0), ('백', 100.0), ('천', 1000.0)].iter().find(|(u, _)| *u == c).map(|&(_, v)| v);
        let large = [('만', 1e4), ('억', 1e8), ('조', 1e12)].iter().find(|(u, _)| *u == c).map(|&(_, v)| v);
        match (figure, small, large) {
            (Some(value), ..) if digit == 0.0 => {
                digit = value;
                digits += 1;
            }
            (_, Some(unit), _) => {
                section += if digit == 0.0 { 1.0 } else { digit } * unit;
                digit = 0.0;
                units += usize::from(unit < 1000.0);
            }
            (_, _, Some(unit)) if section + digit > 0.0 => {
                total += (section + digit) * unit;
                section = 0.0;
                digit = 0.0;
            }
            _ => break,
        }
        end = at + c.len_utf8();
    }
    (digits > 0 && units > 0).then(|| (total + section + digit, &word[end..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tokens::Tokens;
    use super::read;
    use crate::language::Language;

    fn check(language: Language, text: &str, expected: &[f64]) {
        let found: Vec<f64> =
            read(&Tokens::of(text), language).iter().map(|spelled| spelled.alternatives[0][0]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn english_words() {
        check(
            Language::EN,
            "Seven ferries carried twenty-five buses and two hundred and six cars.",
            &[7.0, 25.0, 206.0],
        );
        check(Language::EN, "three million five hundred thousand hens", &[3_500_000.0]);
        check(Language::EN, "the fourth attempt, the twenty-first century, an eight-year-old", &[4.0, 21.0, 8.0]);
        check(Language::EN, "two-thirds of the harbour; three quarters", &[2.0 / 3.0, 0.75]);
        check(Language::EN, "one of them, the second one, a year or two, thousands, a third of it, the Big Ten", &[]);
        check(Language::EN, "two or three hours", &[2.0, 3.0]);
    }

    #[test]
    fn ukrainian_words() {
        check(Language::UK, "Сім поромів везли двадцять п’ять автобусів і двісті шість авто.", &[7.0, 25.0, 206.0]);
        check(Language::UK, "три мільйони п'ятсот тисяч курей", &[3_500_000.0]);
        check(Language::UK, "четверта спроба, двадцять перше століття, восьмирічний хлопець", &[4.0, 21.0, 8.0]);
        check(Language::UK, "дві третини порту, п'ята частина", &[2.0 / 3.0]);
        check(Language::UK, "сім’я тривалий час друга, один із них, десятки тисяч, тримав сорочку, стояла", &[]);
        check(Language::UK, "двотижневий похід, п'ятиденна подорож, двадцятьох людей, четверо", &[2.0, 5.0, 20.0, 4.0]);
    }

    #[test]
    fn korean_words() {
        check(Language::KO, "여객선 일곱 척이 버스 스물다섯 대와 세 번째 트럭을", &[7.0, 25.0, 3.0]);
        check(Language::KO, "두 나라는 네 시간 동안, 열두 명이, 세명은 두번째로", &[2.0, 4.0, 12.0, 3.0, 2.0]);
        check(Language::KO, "사십여 개 기지, 이십오 명, 삼백만 원", &[40.0, 25.0, 3e6]);
        check(Language::KO, "세대 세계 네트워크 열대 두뇌 구조 한 명 첫 번째 두세 명 세기 만일 오만한", &[]);
    }

    proptest! {
        #[test]
        fn never_panics(text in "([a-zA-Zа-яіїє' -]|two|hundred|and|п’ять|річний|двадцять|세|열두|십|명|이|\\PC){0,30}") {
            let tokens = Tokens::of(&text);
            for language in [Language::EN, Language::UK, Language::KO] {
                for spelled in read(&tokens, language) {
                    prop_assert!(text.get(spelled.span).is_some() && text.get(spelled.rest).is_some());
                    prop_assert!(!spelled.alternatives.is_empty());
                }
            }
        }
    }
}
