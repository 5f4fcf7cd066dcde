//! The numerals of English, Ukrainian and Korean, for the strict reader in `spelled`: which word is which part of a
//! number, and what stands behind a Korean numeral that is one.

use std::sync::LazyLock;

use super::tokens::Lexicon;

/// Words for so many at once: four dozen are 48, two decades twenty years.
#[rustfmt::skip]
const GROUPS: &[(&str, f64)] = &[
    ("dozen", 12.0), ("decade", 10.0), ("centur", 100.0), ("fortnight", 2.0), ("десятк", 10.0), ("дюжин", 12.0),
    ("десятиліт", 10.0), ("десятиріч", 10.0), ("столі", 100.0), ("сторіч", 100.0), ("сотн", 100.0), ("сотен", 100.0),
];

static GROUP_WORDS: LazyLock<Lexicon<f64>> = LazyLock::new(|| Lexicon::new(GROUPS));

/// What a word is in a spelled number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
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
    /// одна, одного, однією.
    One,
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
            Endings::One => {
                matches!(ending, "а" | "е" | "ого" | "ої" | "ієї" | "ому" | "ій" | "у" | "им" | "ою" | "ією")
            }
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
    ("один", (Part::Small(1.0), Endings::None)), ("одн", (Part::Small(1.0), Endings::One)),
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
    ("сорок", (Part::Tens(40.0), Endings::None)), ("сорока", (Part::Tens(40.0), Endings::None)),
    ("девяноста", (Part::Tens(90.0), Endings::None)), ("ста", (Part::Hundreds(100.0), Endings::None)), ("пятдесят", (Part::Tens(50.0), Endings::Tens)),
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
pub(super) enum Alone {
    /// `다섯` is nothing else.
    Always,
    /// `두` before any noun is two, but it also begins other words.
    Word,
    /// `네` is also yes, `열` fever: only before a counter.
    Never,
}

/// Native Korean numerals below ten, and 20, which has a form of its own before counters.
#[rustfmt::skip]
const KOREAN: &[(&str, (f64, Alone))] = &[
    ("두", (2.0, Alone::Word)), ("세", (3.0, Alone::Word)), ("네", (4.0, Alone::Never)), ("다섯", (5.0, Alone::Always)),
    ("여섯", (6.0, Alone::Always)), ("일곱", (7.0, Alone::Always)), ("여덟", (8.0, Alone::Always)),
    ("아홉", (9.0, Alone::Always)), ("스무", (20.0, Alone::Never)),
];

/// Native Korean tens. `열` is also a fever and a row.
#[rustfmt::skip]
const KOREAN_TENS: &[(&str, f64, Alone)] = &[
    ("열", 10.0, Alone::Never), ("스물", 20.0, Alone::Always), ("서른", 30.0, Alone::Always), ("마흔", 40.0, Alone::Always),
    ("쉰", 50.0, Alone::Always), ("예순", 60.0, Alone::Always), ("일흔", 70.0, Alone::Always), ("여든", 80.0, Alone::Always),
    ("아흔", 90.0, Alone::Always),
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
pub(super) const PARTICLES: &str = "은는이가을를의에도만과와로으까부마째당씩간여짜쯤정들밖보처였입뿐동";

/// Whether what stands behind a Korean numeral is a counter.
pub(super) fn is_counter(word: &str) -> bool {
    COUNTERS.iter().any(|counter| {
        word.strip_prefix(counter).is_some_and(|rest| rest.chars().next().is_none_or(|c| PARTICLES.contains(c)))
    })
}

/// The part of a number that an English word is.
pub(super) fn english(word: &str) -> Option<Part> {
    ENGLISH_PARTS.exact(word).copied()
}

/// The part of a number that a Ukrainian word is.
pub(super) fn ukrainian(word: &str) -> Option<Part> {
    UKRAINIAN_STEMS.beginnings(word).find(|((_, endings), rest)| endings.allow(rest)).map(|(&(part, _), _)| part)
}

/// The numeral that a Ukrainian compound begins with, and its second half, which is a unit.
pub(super) fn compound(word: &str) -> Option<(f64, &str)> {
    COMPOUNDS
        .beginnings(word)
        .map(|(&value, rest)| (value, rest))
        .find(|(_, rest)| COMPOUND_UNITS.iter().any(|unit| rest.starts_with(unit)))
}

/// The native numeral that a Korean word begins with, whether it needs a counter, and the rest of the word.
pub(super) fn native(word: &str) -> Option<(f64, Alone, &str)> {
    let tens = KOREAN_TENS.iter().find_map(|&(name, value, alone)| Some((value, alone, word.strip_prefix(name)?)));
    let Some((tens, alone, rest)) = tens else {
        return KOREAN_NUMERALS.longest(word).map(|(&(value, alone), rest)| (value, alone, rest));
    };
    if let Some(rest) = rest.strip_prefix('한') {
        return Some((tens + 1.0, Alone::Never, rest));
    }
    match KOREAN_NUMERALS.longest(rest) {
        Some((&(value, ones), rest)) if value < 10.0 => {
            // `열세` may be other words, `마흔세` not.
            let sure = alone == Alone::Always || ones == Alone::Always;
            Some((tens + value, if sure { Alone::Always } else { Alone::Never }, rest))
        }
        _ => Some((tens, alone, rest)),
    }
}

/// How many a word counts at once, such as a dozen.
pub(super) fn group(word: &str) -> Option<f64> {
    GROUP_WORDS.longest(word).map(|(&group, _)| group)
}

/// Counters of Sino-Korean numerals.
pub(super) fn is_sino_counter(word: &str) -> bool {
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
pub(super) fn sino(word: &str) -> Option<(f64, &str)> {
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
