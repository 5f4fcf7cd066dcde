//! Numbers written as words in English, Ukrainian and Korean, month names and Roman numerals among them.
//!
//! The reader is generous: what it finds only helps a figure of the other text to find its partner, so a word that is
//! read as a number too often (`другий` and `друг`) costs a little recall and never a false alarm.

use std::sync::LazyLock;

use super::quantity::is;
use super::tokens::{Lexicon, Tokens};
use super::{numerals, unit_words};
use crate::language::Language;

/// What a word may stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Loose {
    /// The value.
    pub(super) value: f64,
    /// Number of the word among the words of the text: values of one word are readings of one number.
    pub(super) word: usize,
}

/// English words and their values.
#[rustfmt::skip]
const ENGLISH: &[(&str, f64)] = &[
    ("zero", 0.0), ("a", 1.0), ("an", 1.0), ("one", 1.0), ("first", 1.0), ("once", 1.0), ("single", 1.0),
    ("two", 2.0), ("second", 2.0), ("seconds", 2.0), ("secondary", 2.0), ("secondly", 2.0), ("duo", 2.0),
    ("duet", 2.0), ("dual", 2.0), ("twin", 2.0), ("twins", 2.0), ("bilateral", 2.0), ("either", 2.0), ("neither", 2.0),
    ("alternate", 2.0), ("trio", 3.0), ("triad", 3.0), ("triplet", 3.0), ("trilogy", 3.0), ("tripartite", 3.0), ("thirdly", 3.0),
    ("quartet", 4.0), ("quadruple", 4.0), ("quarterfinal", 4.0), ("quintet", 5.0), ("twice", 2.0), ("both", 2.0), ("pair", 2.0), ("couple", 2.0), ("double", 2.0),
    ("doubled", 2.0), ("half", 0.5), ("halved", 0.5), ("three", 3.0), ("third", 3.0), ("thirds", 3.0),
    ("triple", 3.0), ("tripled", 3.0), ("thrice", 3.0), ("four", 4.0), ("fourth", 4.0), ("quarter", 4.0),
    ("quarters", 4.0), ("five", 5.0), ("fifth", 5.0), ("six", 6.0), ("sixth", 6.0), ("seven", 7.0), ("seventh", 7.0),
    ("eight", 8.0), ("eighth", 8.0), ("nine", 9.0), ("ninth", 9.0), ("ten", 10.0), ("tenth", 10.0), ("decade", 10.0),
    ("decades", 10.0), ("eleven", 11.0), ("eleventh", 11.0), ("twelve", 12.0), ("twelfth", 12.0), ("dozen", 12.0),
    ("dozens", 12.0), ("thirteen", 13.0), ("thirteenth", 13.0), ("fourteen", 14.0), ("fourteenth", 14.0),
    ("fortnight", 14.0), ("fifteen", 15.0), ("fifteenth", 15.0), ("sixteen", 16.0), ("sixteenth", 16.0),
    ("seventeen", 17.0), ("seventeenth", 17.0), ("eighteen", 18.0), ("eighteenth", 18.0), ("nineteen", 19.0),
    ("nineteenth", 19.0), ("twenty", 20.0), ("twentieth", 20.0), ("twenties", 20.0), ("thirty", 30.0),
    ("thirtieth", 30.0), ("thirties", 30.0), ("forty", 40.0), ("fortieth", 40.0), ("forties", 40.0), ("fifty", 50.0),
    ("fiftieth", 50.0), ("fifties", 50.0), ("sixty", 60.0), ("sixtieth", 60.0), ("sixties", 60.0), ("seventy", 70.0),
    ("seventieth", 70.0), ("seventies", 70.0), ("eighty", 80.0), ("eightieth", 80.0), ("eighties", 80.0),
    ("ninety", 90.0), ("ninetieth", 90.0), ("nineties", 90.0), ("hundred", 100.0), ("hundreds", 100.0),
    ("hundredth", 100.0), ("century", 100.0), ("centuries", 100.0), ("centenary", 100.0), ("thousand", 1e3),
    ("thousands", 1e3), ("millennium", 1e3), ("million", 1e6), ("millions", 1e6), ("billion", 1e9), ("billions", 1e9),
    ("trillion", 1e12), ("midnight", 12.0), ("noon", 12.0), ("midday", 12.0), ("january", 1.0), ("jan", 1.0),
    ("february", 2.0), ("feb", 2.0), ("march", 3.0), ("mar", 3.0), ("april", 4.0), ("apr", 4.0), ("may", 5.0),
    ("june", 6.0), ("jun", 6.0), ("july", 7.0), ("jul", 7.0), ("august", 8.0), ("aug", 8.0), ("september", 9.0),
    ("sept", 9.0), ("sep", 9.0), ("october", 10.0), ("oct", 10.0), ("november", 11.0), ("nov", 11.0),
    ("december", 12.0), ("dec", 12.0),
];

/// Beginnings of Ukrainian words and their values; the longest that fits counts. Apostrophes are left out.
#[rustfmt::skip]
const UKRAINIAN: &[(&str, f64)] = &[
    ("нул", 0.0), ("один", 1.0), ("одна", 1.0), ("одне", 1.0), ("одног", 1.0), ("одно", 1.0), ("одні", 1.0),
    ("одну", 1.0), ("перш", 1.0), ("єдин", 1.0), ("два", 2.0), ("дві", 2.0), ("двох", 2.0), ("двом", 2.0),
    ("двоє", 2.0), ("двічі", 2.0), ("дво", 2.0), ("друг", 2.0), ("вдруг", 2.0), ("удруг", 2.0),
    ("обид", 2.0), ("обоє", 2.0), ("обом", 2.0), ("обох", 2.0), ("подв", 2.0), ("двій", 2.0), ("двоюр", 2.0), ("близнюк", 2.0), ("близнят", 2.0), ("вторин", 2.0), ("дует", 2.0),
    ("парі", 2.0), ("подруж", 2.0), ("тріо", 3.0), ("тріад", 3.0), ("трійк", 3.0), ("трійц", 3.0), ("квартет", 4.0), ("четвір", 4.0), ("квартал", 4.0),
    ("пятір", 5.0), ("шістк", 6.0), ("шістьо", 6.0), ("сімк", 7.0), ("вісімк", 8.0), ("пара", 2.0), ("удвіч", 2.0), ("вдвіч", 2.0),
    ("вдвоє", 2.0), ("удвоє", 2.0), ("пару", 2.0), ("пари", 2.0), ("три", 3.0), ("трьо", 3.0),
    ("троє", 3.0), ("тричі", 3.0), ("трет", 3.0), ("потрій", 3.0), ("утретє", 3.0), ("втретє", 3.0), ("утричі", 3.0),
    ("втричі", 3.0), ("чотир", 4.0), ("четвер", 4.0), ("чверт", 4.0), ("учетверо", 4.0), ("вчетверо", 4.0),
    ("пят", 5.0), ("шіст", 6.0), ("шест", 6.0), ("шост", 6.0), ("сім", 7.0), ("семи", 7.0), ("семе", 7.0),
    ("сьом", 7.0), ("вісім", 8.0), ("вісьм", 8.0), ("восьм", 8.0), ("девят", 9.0), ("десят", 10.0), ("одинадц", 11.0),
    ("дванадц", 12.0), ("дюжин", 12.0), ("опівн", 12.0), ("полудн", 12.0), ("тринадц", 13.0), ("чотирнадц", 14.0),
    ("пятнадц", 15.0), ("шістнадц", 16.0), ("сімнадц", 17.0), ("вісімнадц", 18.0), ("девятнадц", 19.0),
    ("двадц", 20.0), ("тридц", 30.0), ("сорок", 40.0), ("пятдес", 50.0), ("пятидес", 50.0), ("шістдес", 60.0),
    ("шістдесят", 60.0), ("шестидес", 60.0), ("сімдес", 70.0), ("семидес", 70.0), ("вісімдес", 80.0),
    ("восьмидес", 80.0), ("девяно", 90.0), ("сто", 100.0), ("ста", 100.0), ("сотн", 100.0), ("сотен", 100.0),
    ("соти", 100.0), ("століт", 100.0), ("двісті", 200.0), ("двохсот", 200.0), ("триста", 300.0), ("трьохсот", 300.0),
    ("чотирист", 400.0), ("чотирьохсот", 400.0), ("пятсот", 500.0), ("шістсот", 600.0), ("сімсот", 700.0),
    ("вісімсот", 800.0), ("девятсот", 900.0), ("тис", 1e3), ("тисяч", 1e3), ("млн", 1e6), ("мільйон", 1e6),
    ("млрд", 1e9), ("мільярд", 1e9), ("трлн", 1e12), ("трильйон", 1e12), ("пів", 0.5), ("півгод", 0.5), ("півро", 0.5), ("половин", 0.5),
    ("напів", 0.5), ("наполовин", 0.5), ("півтор", 1.5), ("січ", 1.0), ("лют", 2.0), ("берез", 3.0), ("квіт", 4.0),
    ("трав", 5.0), ("черв", 6.0), ("лип", 7.0), ("серп", 8.0), ("верес", 9.0), ("жовт", 10.0), ("листоп", 11.0),
    ("груд", 12.0),
];

/// Beginnings of Korean words and their values; the longest that fits counts.
#[rustfmt::skip]
const KOREAN: &[(&str, f64)] = &[
    ("영", 0.0), ("하나", 1.0), ("한", 1.0), ("첫", 1.0), ("하루", 1.0), ("단일", 1.0), ("유일", 1.0), ("두", 2.0), ("둘", 2.0),
    ("이틀", 2.0), ("양", 2.0), ("쌍", 2.0), ("부부", 2.0), ("커플", 2.0), ("듀오", 2.0), ("듀얼", 2.0), ("둘째", 2.0),
    ("셋째", 3.0), ("넷째", 4.0), ("트리오", 3.0), ("삼부", 3.0), ("쿼터", 4.0), ("분기", 4.0), ("사중", 4.0), ("이중", 2.0), ("이차", 2.0), ("이등", 2.0), ("배", 2.0), ("세", 3.0), ("셋", 3.0),
    ("석", 3.0), ("사흘", 3.0), ("삼", 3.0), ("네", 4.0), ("넷", 4.0), ("넉", 4.0), ("나흘", 4.0), ("사분", 4.0), ("사각", 4.0),
    ("다섯", 5.0), ("닷새", 5.0), ("오각", 5.0), ("여섯", 6.0), ("엿새", 6.0), ("육각", 6.0), ("육", 6.0), ("유월", 6.0),
    ("일곱", 7.0), ("이레", 7.0), ("칠", 7.0), ("여덟", 8.0), ("팔", 8.0), ("아홉", 9.0), ("구", 9.0), ("열", 10.0), ("시월", 10.0),
    ("열흘", 10.0), ("열한", 11.0), ("열하나", 11.0), ("열두", 12.0), ("열둘", 12.0), ("자정", 12.0), ("정오", 12.0), ("열세", 13.0),
    ("열셋", 13.0), ("열네", 14.0), ("열넷", 14.0), ("보름", 15.0), ("열다섯", 15.0), ("열여섯", 16.0), ("열일곱", 17.0),
    ("열여덟", 18.0), ("열아홉", 19.0), ("스물", 20.0), ("스무", 20.0), ("스물한", 21.0), ("스물두", 22.0), ("스물세", 23.0),
    ("스물네", 24.0), ("스물다섯", 25.0), ("서른", 30.0), ("마흔", 40.0), ("쉰", 50.0), ("예순", 60.0), ("일흔", 70.0), ("여든", 80.0),
    ("아흔", 90.0), ("세기", 100.0), ("반", 0.5), ("절반", 0.5), ("수십", 10.0), ("수백", 100.0), ("수천", 1e3), ("수만", 1e4),
    ("수십만", 1e5), ("수백만", 1e6), ("수천만", 1e7), ("수억", 1e8), ("수십억", 1e9), ("밀레니엄", 1e3), ("더블", 2.0), ("트리플", 3.0),
    ("원", 1.0),
];

static ENGLISH_WORDS: LazyLock<Lexicon<f64>> = LazyLock::new(|| Lexicon::new(ENGLISH));
static UKRAINIAN_WORDS: LazyLock<Lexicon<f64>> = LazyLock::new(|| Lexicon::new(UKRAINIAN));
static KOREAN_WORDS: LazyLock<Lexicon<f64>> = LazyLock::new(|| Lexicon::new(KOREAN));

/// Signs of parts and their values; a third has the 3 that stands beside the 1 or 2 in words.
#[rustfmt::skip]
const PARTS: &[(char, &[f64])] = &[
    ('½', &[0.5]), ('¼', &[0.25, 1.0, 4.0]), ('¾', &[0.75, 3.0, 4.0]), ('⅓', &[1.0 / 3.0, 1.0, 3.0]),
    ('⅔', &[2.0 / 3.0, 2.0, 3.0]), ('⅕', &[0.2, 1.0, 5.0]), ('⅛', &[0.125, 1.0, 8.0]),
];

/// All values that the words of a text may stand for.
pub(super) fn read(tokens: &Tokens<'_>, language: Language) -> Vec<Loose> {
    let mut values = Vec::new();
    let mut run = Run::default();
    for index in 0..tokens.len() {
        let word = tokens.word(index);
        let mut push = |value: f64| values.push(Loose { value, word: index });
        if let Some(value) = roman(tokens.original(index)) {
            push(value);
        }
        let value = match language {
            Language::UK => UKRAINIAN_WORDS.longest(word).map(|(&value, _)| value),
            Language::KO => KOREAN_WORDS.longest(word).map(|(&value, _)| value),
            _ => exact(word),
        };
        match value {
            Some(value) => {
                push(value);
                // The nineties are the 1990s.
                if (20.0..=90.0).contains(&value) {
                    push(1900.0 + value);
                }
                // Two decades are twenty years, two dozen are twenty-four.
                if matches!(value, 10.0 | 12.0 | 100.0) && run.open > 0.0 {
                    push(run.open * value);
                }
                if (3.0..=10.0).contains(&value) {
                    push(1.0 / value);
                }
                // Half an hour is thirty minutes, half a year six months, a quarter of an hour fifteen minutes.
                let part = is(value, 0.5) || is(value, 4.0);
                if part && let Some(whole) = (0..=3).find_map(|next| whole_of_parts(tokens.word(index + next))) {
                    push(if is(value, 0.5) { whole / 2.0 } else { whole / 4.0 });
                }
                run.add(value);
                push(run.total());
            }
            // "two hundred and five"
            None if language != Language::UK && word == "and" => {}
            None => run = Run::default(),
        }
        if language == Language::KO {
            if let Some((value, ..)) = numerals::native(word) {
                push(value);
            }
            let counted = || {
                !unit_words::word(tokens.word(index + 1), language).is_empty()
                    || tokens.word(index + 1).starts_with(['점', '번', '차', '명'])
            };
            if let Some(value) =
                sino(word).or_else(|| digit(word).filter(|_| tokens.gap(index + 1) == " " && counted()))
            {
                push(value);
            }
            if let Some(range) = APPROXIMATE.iter().find(|(start, _)| word.starts_with(start)) {
                range.1.iter().for_each(|&value| push(value));
            }
        }
    }
    for &(sign, parts) in PARTS {
        if tokens.text().contains(sign) {
            values.extend(parts.iter().map(|&value| Loose { value, word: usize::MAX }));
        }
    }
    values
}

/// Korean numbers that are two at once: two or three, three or four.
#[rustfmt::skip]
const APPROXIMATE: &[(&str, &[f64])] = &[
    ("두세", &[2.0, 3.0]), ("두어", &[2.0]), ("서너", &[3.0, 4.0]), ("너덧", &[4.0, 5.0]), ("네댓", &[4.0, 5.0]),
    ("대여섯", &[5.0, 6.0]), ("예닐곱", &[6.0, 7.0]), ("일고여덟", &[7.0, 8.0]), ("여덟아홉", &[8.0, 9.0]),
    ("한두", &[1.0, 2.0]),
];

/// How many of the next smaller unit make the unit that a word names.
fn whole_of_parts(word: &str) -> Option<f64> {
    match word {
        "hour" | "півгодини" | "години" | "годин" | "시간" => Some(60.0),
        "year" | "півроку" | "року" | "반년" => Some(12.0),
        "century" | "століття" | "сторіччя" | "세기" => Some(100.0),
        "day" | "доби" => Some(24.0),
        "decade" | "десятиліття" => Some(10.0),
        _ => None,
    }
}

/// The value of an English word, with its ending for decades and parts taken off.
fn exact(word: &str) -> Option<f64> {
    let find = |word: &str| ENGLISH_WORDS.exact(word).copied();
    find(word).or_else(|| find(word.strip_suffix('s')?)).or_else(|| find(word.strip_suffix("fold")?))
}

/// A run of number words: `two hundred five thousand` is 205,000.
#[derive(Default)]
struct Run {
    /// Parts that a scale of a thousand or more has closed.
    closed: f64,
    /// The part below the next scale.
    open: f64,
}

impl Run {
    fn add(&mut self, value: f64) {
        // A scale alone is one of it; half a million is half of it.
        let times = if self.open == 0.0 { 1.0 } else { self.open };
        if value >= 1000.0 {
            self.closed += times * value;
            self.open = 0.0;
        } else if is(value, 100.0) {
            self.open = times * 100.0;
        } else {
            self.open += value;
        }
    }

    fn total(&self) -> f64 {
        self.closed + self.open
    }
}

/// The value of a Roman numeral in capitals, Latin or the Cyrillic letters that look like it.
fn roman(word: &str) -> Option<f64> {
    let mut total = 0;
    let mut last = 0;
    for c in word.chars().rev() {
        let value = match c {
            'I' | 'І' => 1,
            'V' => 5,
            'X' | 'Х' => 10,
            'L' => 50,
            'C' | 'С' => 100,
            'M' | 'М' => 1000,
            _ => return None,
        };
        if value < last {
            total -= value;
        } else {
            total += value;
            last = value;
        }
    }
    (total > 0).then_some(f64::from(total))
}

/// The value of a word that is one Sino-Korean digit.
fn digit(word: &str) -> Option<f64> {
    let mut chars = word.chars();
    let (first, more) = (chars.next()?, chars.next());
    let value = "일이삼사오육칠팔구".chars().position(|d| d == first)?;
    more.is_none().then_some(value as f64 + 1.0)
}

/// The value of the Sino-Korean numeral at the start of a word: `이십`, `삼백만`. A single digit counts only before a
/// counter, because `이` and `사` begin many other words.
fn sino(word: &str) -> Option<f64> {
    let word = word.strip_prefix('제').unwrap_or(word);
    let (mut total, mut section, mut digit) = (0.0, 0.0, 0.0);
    let mut read = 0;
    for c in word.chars() {
        let figure = "일이삼사오육칠팔구".chars().position(|d| d == c).map(|at| at as f64 + 1.0);
        let small = [('십', 10.0), ('백', 100.0), ('천', 1000.0)].iter().find(|(u, _)| *u == c).map(|&(_, v)| v);
        let large = [('만', 1e4), ('억', 1e8), ('조', 1e12)].iter().find(|(u, _)| *u == c).map(|&(_, v)| v);
        match (figure, small, large) {
            (Some(value), ..) if digit == 0.0 => digit = value,
            (_, Some(unit), _) => {
                section += if digit == 0.0 { 1.0 } else { digit } * unit;
                digit = 0.0;
            }
            (_, _, Some(unit)) if read > 0 => {
                total += (section + digit) * unit;
                section = 0.0;
                digit = 0.0;
            }
            _ => break,
        }
        read += 1;
    }
    let counted =
        word.chars().nth(read).is_some_and(|c| "년개명층분주차등위세배인대학각국중당자교번호박군월방면".contains(c));
    (read >= 2 || read == 1 && counted).then_some(total + section + digit)
}

#[cfg(test)]
mod tests {
    use crate::language::Language;

    fn has(language: Language, text: &str, expected: &[f64]) {
        let values = super::read(&super::Tokens::of(text), language);
        for value in expected {
            assert!(values.iter().any(|loose| super::is(loose.value, *value)), "{text}: {value} not in {values:?}");
        }
    }

    #[test]
    fn english_words() {
        has(Language::EN, "twenty-five trucks, the third attempt, a dozen", &[25.0, 3.0, 12.0]);
        has(Language::EN, "two hundred and five thousand; half a million", &[205_000.0]);
        has(Language::EN, "World War II in March, the nineties", &[2.0, 3.0, 90.0]);
    }

    #[test]
    fn ukrainian_words() {
        has(Language::UK, "двадцять п’ять вантажівок, утретє не третьої, дванадцятьох", &[25.0, 3.0, 12.0]);
        has(Language::UK, "двісті п'ять тисяч", &[205_000.0]);
        has(Language::UK, "у ХХ столітті, дев’яності, 5 березня", &[20.0, 90.0, 3.0]);
    }

    #[test]
    fn korean_words() {
        has(Language::KO, "스물다섯 대, 세 번째, 열두 명", &[25.0, 3.0, 12.0]);
        has(Language::KO, "이십오 명, 삼백만 원, 이십만오천, 삼 차", &[25.0, 3e6, 205_000.0, 3.0]);
    }
}
