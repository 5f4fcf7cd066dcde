//! The words and signs for units in English, Ukrainian and Korean.

use std::sync::LazyLock;

use super::tokens::Lexicon;
use super::units::{
    ACRE, BARREL, CELSIUS, CENT, CENTIMETRE, CENTURY, CLOCK, COUNT, CUBIC_METRE, DATE, DAY, DECADE, DEGREE,
    DENOMINATOR, DOLLAR, EURO, FAHRENHEIT, FOOT, FRANC, GALLON, GIGABYTE, GIGAWATT, GRAM, HECTARE, HOUR, HRYVNIA, INCH,
    KILOGRAM, KILOMETRE, KILOWATT, KNOT, LITRE, MEGABYTE, MEGAWATT, METRE, MILE, MILLIGRAM, MILLILITRE, MILLIMETRE,
    MINUTE, MONTH, MONTH_OF_YEAR, OUNCE, PENNY, PERCENT, PERCENTAGE_POINT, POUND, PYEONG, ROUBLE, RUPEE, SECOND,
    SQUARE_FOOT, SQUARE_KILOMETRE, SQUARE_METRE, SQUARE_MILE, STERLING, TERABYTE, TONNE, Units, WATT, WEEK, WON, YARD,
    YEAR, YEN, YUAN, ZLOTY,
};
use crate::language::Language;

/// Signs of units; money stands before or behind the figures.
#[rustfmt::skip]
const SIGNS: &[(char, Units)] = &[
    ('$', DOLLAR), ('€', EURO), ('£', STERLING), ('₴', HRYVNIA), ('₩', WON), ('￦', WON), ('¥', YEN.or(YUAN)),
    ('₽', ROUBLE), ('₹', RUPEE), ('%', PERCENT), ('％', PERCENT), ('℃', CELSIUS), ('℉', FAHRENHEIT), ('°', DEGREE),
    ('˚', DEGREE), ('º', DEGREE), ('㎞', KILOMETRE), ('㎝', CENTIMETRE), ('㎜', MILLIMETRE), ('㎏', KILOGRAM), ('㎡', SQUARE_METRE),
    ('㎢', SQUARE_KILOMETRE), ('ℓ', LITRE), ('㎿', MEGAWATT), ('㎾', KILOWATT), ('￡', STERLING), ('＄', DOLLAR),
];

/// What a sign stands for.
pub(super) fn sign(c: char) -> Units {
    if c.is_alphanumeric() && c.is_ascii() {
        return Units::NONE;
    }
    SIGNS.iter().find(|(sign, _)| *sign == c).map_or(Units::NONE, |&(_, units)| units)
}

/// International symbols, in Latin letters in all languages.
#[rustfmt::skip]
const SYMBOLS: &[(&str, Units)] = &[
    ("km", KILOMETRE), ("kph", KILOMETRE), ("kmh", KILOMETRE), ("m", METRE), ("cm", CENTIMETRE), ("mm", MILLIMETRE),
    ("mi", MILE), ("mph", MILE), ("ft", FOOT), ("yd", YARD), ("kg", KILOGRAM), ("g", GRAM), ("mg", MILLIGRAM),
    ("t", TONNE), ("lb", POUND), ("lbs", POUND), ("oz", OUNCE), ("l", LITRE), ("ml", MILLILITRE), ("ha", HECTARE),
    ("usd", DOLLAR), ("eur", EURO), ("gbp", STERLING), ("uah", HRYVNIA), ("krw", WON), ("jpy", YEN), ("cny", YUAN),
    ("w", WATT), ("kw", KILOWATT), ("mw", MEGAWATT), ("gw", GIGAWATT), ("kwh", KILOWATT), ("mb", MEGABYTE),
    ("gb", GIGABYTE), ("tb", TERABYTE), ("pp", PERCENTAGE_POINT), ("kt", KNOT), ("h", HOUR), ("s", SECOND),
];

#[rustfmt::skip]
const ENGLISH: &[(&str, Units)] = &[
    ("second", SECOND), ("sec", SECOND), ("minute", MINUTE), ("min", MINUTE), ("hour", HOUR), ("hr", HOUR),
    ("day", DAY), ("night", DAY), ("week", WEEK), ("month", MONTH), ("year", YEAR), ("yr", YEAR), ("decade", DECADE), ("century", CENTURY),
    ("centuries", CENTURY), ("kilometer", KILOMETRE), ("kilometre", KILOMETRE), ("kmh", KILOMETRE), ("meter", METRE),
    ("metre", METRE), ("centimeter", CENTIMETRE), ("centimetre", CENTIMETRE), ("millimeter", MILLIMETRE),
    ("millimetre", MILLIMETRE), ("mile", MILE), ("foot", FOOT), ("feet", FOOT), ("inch", INCH), ("inches", INCH), ("yard", YARD),
    ("acre", ACRE), ("hectare", HECTARE), ("liter", LITRE), ("litre", LITRE), ("gallon", GALLON), ("barrel", BARREL),
    ("milligram", MILLIGRAM), ("gram", GRAM), ("gramme", GRAM), ("kilogram", KILOGRAM), ("kilo", KILOGRAM), ("tonne", TONNE),
    ("ton", TONNE), ("ounce", OUNCE), ("pound", POUND.or(STERLING)), ("percent", PERCENT), ("pc", PERCENT), ("dollar", DOLLAR),
    ("euro", EURO), ("hryvnia", HRYVNIA), ("hryvnya", HRYVNIA), ("hryvnias", HRYVNIA), ("won", WON), ("yen", YEN), ("yuan", YUAN),
    ("rouble", ROUBLE), ("ruble", ROUBLE), ("rupee", RUPEE), ("zloty", ZLOTY), ("zlotys", ZLOTY), ("franc", FRANC),
    ("cent", CENT), ("pence", PENNY), ("penny", PENNY), ("degree", DEGREE), ("celsius", CELSIUS),
    ("fahrenheit", FAHRENHEIT), ("watt", WATT), ("kilowatt", KILOWATT), ("megawatt", MEGAWATT), ("gigawatt", GIGAWATT),
    ("knot", KNOT), ("megabyte", MEGABYTE), ("gigabyte", GIGABYTE), ("terabyte", TERABYTE), ("am", CLOCK), ("pm", CLOCK),
    ("oclock", CLOCK), ("anniversary", YEAR), ("bc", YEAR), ("bce", YEAR),
];

/// How much of a Ukrainian word an entry has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Whole {
    Yes,
    No,
}

#[rustfmt::skip]
const UKRAINIAN: &[(&str, (Units, Whole))] = &[
    ("секунд", (SECOND, Whole::No)), ("сек", (SECOND, Whole::Yes)), ("хвилин", (MINUTE, Whole::No)),
    ("хв", (MINUTE, Whole::Yes)), ("годин", (HOUR, Whole::No)), ("година", (HOUR.or(CLOCK), Whole::Yes)),
    ("годині", (HOUR.or(CLOCK), Whole::Yes)), ("години", (HOUR.or(CLOCK), Whole::Yes)),
    ("годину", (HOUR.or(CLOCK), Whole::Yes)), ("годиною", (HOUR.or(CLOCK), Whole::Yes)),
    ("год", (HOUR.or(CLOCK), Whole::Yes)), ("день", (DAY, Whole::Yes)),
    ("дня", (DAY.or(CLOCK), Whole::Yes)), ("дні", (DAY, Whole::No)), ("днів", (DAY, Whole::Yes)), ("дню", (DAY, Whole::Yes)),
    ("днем", (DAY, Whole::Yes)), ("денн", (DAY, Whole::No)), ("доба", (DAY, Whole::Yes)), ("доби", (DAY, Whole::Yes)),
    ("діб", (DAY, Whole::Yes)), ("добу", (DAY, Whole::Yes)), ("добов", (DAY, Whole::No)), ("ніч", (DAY, Whole::Yes)),
    ("ночей", (DAY, Whole::Yes)), ("ночі", (DAY.or(CLOCK), Whole::Yes)), ("ранку", (CLOCK, Whole::Yes)),
    ("вечора", (CLOCK, Whole::Yes)), ("тижд", (WEEK, Whole::No)), ("тижн", (WEEK, Whole::No)),
    ("місяц", (MONTH, Whole::No)), ("місячн", (MONTH, Whole::No)), ("міс", (MONTH, Whole::Yes)),
    ("рік", (YEAR, Whole::Yes)), ("року", (YEAR, Whole::Yes)), ("роки", (YEAR, Whole::Yes)), ("років", (YEAR, Whole::Yes)),
    ("рокам", (YEAR, Whole::No)), ("роках", (YEAR, Whole::Yes)), ("роком", (YEAR, Whole::Yes)),
    ("році", (YEAR, Whole::Yes)), ("річн", (YEAR, Whole::No)), ("річч", (YEAR, Whole::No)), ("р", (YEAR, Whole::Yes)),
    ("рр", (YEAR, Whole::Yes)), ("літ", (YEAR, Whole::Yes)), ("ліття", (YEAR, Whole::Yes)), ("літн", (YEAR, Whole::No)),
    ("десятиліт", (DECADE, Whole::No)), ("десятиріч", (DECADE, Whole::No)), ("столі", (CENTURY, Whole::No)),
    ("сторіч", (CENTURY, Whole::No)), ("ст", (CENTURY, Whole::Yes)), ("кілометр", (KILOMETRE, Whole::No)),
    ("км", (KILOMETRE, Whole::Yes)), ("метр", (METRE, Whole::No)), ("м", (METRE, Whole::Yes)),
    ("сантиметр", (CENTIMETRE, Whole::No)), ("см", (CENTIMETRE, Whole::Yes)), ("міліметр", (MILLIMETRE, Whole::No)),
    ("мм", (MILLIMETRE, Whole::Yes)), ("миля", (MILE, Whole::No)), ("милі", (MILE, Whole::Yes)),
    ("милю", (MILE, Whole::Yes)), ("милею", (MILE, Whole::Yes)), ("миль", (MILE, Whole::Yes)), ("мильн", (MILE, Whole::No)),
    ("фут", (FOOT, Whole::Yes)), ("фута", (FOOT, Whole::No)), ("фути", (FOOT, Whole::Yes)), ("футів", (FOOT, Whole::Yes)),
    ("футов", (FOOT, Whole::No)), ("дюйм", (INCH, Whole::No)), ("ярд", (YARD, Whole::No)), ("акр", (ACRE, Whole::No)),
    ("гектар", (HECTARE, Whole::No)), ("га", (HECTARE, Whole::Yes)), ("літр", (LITRE, Whole::No)),
    ("л", (LITRE, Whole::Yes)), ("мілілітр", (MILLILITRE, Whole::No)), ("мл", (MILLILITRE, Whole::Yes)), ("галон", (GALLON, Whole::No)), ("барел", (BARREL, Whole::No)),
    ("міліграм", (MILLIGRAM, Whole::No)), ("мг", (MILLIGRAM, Whole::Yes)), ("грам", (GRAM, Whole::No)),
    ("г", (GRAM.or(HOUR), Whole::Yes)), ("гр", (GRAM, Whole::Yes)), ("кілограм", (KILOGRAM, Whole::No)),
    ("кг", (KILOGRAM, Whole::Yes)), ("тонн", (TONNE, Whole::No)), ("т", (TONNE, Whole::Yes)), ("унці", (OUNCE, Whole::No)),
    ("фунт", (POUND.or(STERLING), Whole::No)), ("відсот", (PERCENT, Whole::No)), ("процент", (PERCENT, Whole::No)),
    ("долар", (DOLLAR, Whole::No)), ("дол", (DOLLAR, Whole::Yes)), ("євро", (EURO, Whole::Yes)),
    ("гривн", (HRYVNIA, Whole::No)), ("гривен", (HRYVNIA, Whole::No)), ("грн", (HRYVNIA, Whole::Yes)),
    ("вон", (WON, Whole::Yes)), ("єн", (YEN, Whole::Yes)), ("єни", (YEN, Whole::Yes)), ("ієн", (YEN, Whole::Yes)),
    ("юан", (YUAN, Whole::No)), ("рубл", (ROUBLE, Whole::No)), ("руб", (ROUBLE, Whole::Yes)), ("рупі", (RUPEE, Whole::No)),
    ("злот", (ZLOTY, Whole::No)), ("франк", (FRANC, Whole::Yes)), ("франки", (FRANC, Whole::Yes)),
    ("франків", (FRANC, Whole::Yes)), ("цент", (CENT, Whole::Yes)), ("центи", (CENT, Whole::Yes)),
    ("центів", (CENT, Whole::Yes)), ("центу", (CENT, Whole::Yes)), ("цента", (CENT, Whole::Yes)), ("пенс", (PENNY, Whole::Yes)),
    ("пенсів", (PENNY, Whole::Yes)), ("пенні", (PENNY, Whole::Yes)), ("градус", (DEGREE, Whole::No)),
    ("ват", (WATT, Whole::Yes)), ("квт", (KILOWATT, Whole::Yes)), ("мвт", (MEGAWATT, Whole::Yes)), ("гвт", (GIGAWATT, Whole::Yes)),
    ("кіловат", (KILOWATT, Whole::No)), ("мегават", (MEGAWATT, Whole::No)), ("гігават", (GIGAWATT, Whole::No)),
    ("вузл", (KNOT, Whole::No)), ("мбайт", (MEGABYTE, Whole::No)), ("мегабайт", (MEGABYTE, Whole::No)), ("гігабайт", (GIGABYTE, Whole::No)),
    ("терабайт", (TERABYTE, Whole::No)),
];

#[rustfmt::skip]
const KOREAN: &[(&str, Units)] = &[
    ("초", SECOND), ("분", MINUTE.or(COUNT)), ("분의", DENOMINATOR), ("분기", Units::NONE), ("시간", HOUR), ("시", CLOCK),
    ("일", DAY.or(DATE)), ("박", Units::NONE), ("주", WEEK.or(COUNT)), ("주일", WEEK), ("주간", WEEK), ("주년", YEAR), ("개월", MONTH), ("달", MONTH),
    ("달러", DOLLAR), ("월", MONTH_OF_YEAR), ("년", YEAR), ("개년", YEAR), ("해", YEAR), ("년대", DECADE),
    ("세", YEAR), ("살", YEAR), ("세기", CENTURY), ("세대", Units::NONE), ("세트", Units::NONE), ("킬로미터", KILOMETRE),
    ("킬로", KILOMETRE.or(KILOGRAM)), ("미터", METRE), ("센티미터", CENTIMETRE), ("센티", CENTIMETRE),
    ("센치", CENTIMETRE), ("밀리미터", MILLIMETRE), ("마일", MILE), ("피트", FOOT), ("인치", INCH), ("야드", YARD),
    ("에이커", ACRE), ("헥타르", HECTARE), ("평", PYEONG), ("제곱미터", SQUARE_METRE), ("평방미터", SQUARE_METRE),
    ("제곱킬로미터", SQUARE_KILOMETRE), ("평방킬로미터", SQUARE_KILOMETRE), ("제곱마일", SQUARE_MILE), ("평방마일", SQUARE_MILE),
    ("제곱피트", SQUARE_FOOT), ("평방피트", SQUARE_FOOT), ("세제곱미터", CUBIC_METRE), ("입방미터", CUBIC_METRE),
    ("리터", LITRE), ("밀리리터", MILLILITRE), ("갤런", GALLON), ("배럴", BARREL), ("베럴", BARREL), ("밀리그램", MILLIGRAM), ("그램", GRAM),
    ("킬로그램", KILOGRAM), ("톤", TONNE), ("온스", OUNCE), ("파운드", POUND.or(STERLING)), ("퍼센트", PERCENT), ("프로", PERCENT),
    ("퍼센트포인트", PERCENTAGE_POINT), ("불", DOLLAR), ("유로", EURO), ("원", WON), ("엔", YEN), ("위안", YUAN),
    ("루블", ROUBLE), ("루피", RUPEE), ("즈워티", ZLOTY), ("프랑", FRANC), ("흐리우냐", HRYVNIA), ("흐리브냐", HRYVNIA),
    ("그리브나", HRYVNIA), ("센트", CENT), ("펜스", PENNY), ("도", DEGREE), ("와트", WATT), ("킬로와트", KILOWATT),
    ("메가와트", MEGAWATT), ("기가와트", GIGAWATT), ("노트", KNOT), ("메가바이트", MEGABYTE), ("기가바이트", GIGABYTE), ("테라바이트", TERABYTE),
];

/// Syllables that may follow a Korean unit: particles, suffixes of measure and time, the copula.
const AFTER_KOREAN_UNIT: &str =
    "은는이가을를의에도만과와로으까부마째당씩간여짜쯤들밖보처였입뿐동차경밤후전내대반말초자형된생급어한인낮치하";

/// Korean units that are nothing else, whatever follows.
const PLAIN_KOREAN_UNITS: &[&str] =
    &["개월", "시간", "세기", "년대", "킬로미터", "센티미터", "밀리미터", "미터", "마일", "달러", "퍼센트"];

static SYMBOL_WORDS: LazyLock<Lexicon<Units>> = LazyLock::new(|| Lexicon::new(SYMBOLS));
static ENGLISH_WORDS: LazyLock<Lexicon<Units>> = LazyLock::new(|| Lexicon::new(ENGLISH));
static UKRAINIAN_WORDS: LazyLock<Lexicon<(Units, Whole)>> = LazyLock::new(|| Lexicon::new(UKRAINIAN));
static KOREAN_WORDS: LazyLock<Lexicon<Units>> = LazyLock::new(|| Lexicon::new(KOREAN));

/// What a folded word stands for behind a number, in a language and in the international symbols.
pub(super) fn word(word: &str, language: Language) -> Units {
    let own = match language {
        Language::UK => UKRAINIAN_WORDS
            .beginnings(word)
            .find(|((_, whole), rest)| *whole == Whole::No || rest.is_empty())
            .map(|(&(units, _), _)| units),
        Language::KO => KOREAN_WORDS
            .beginnings(word)
            .find(|(_, rest)| {
                rest.chars().next().is_none_or(|c| AFTER_KOREAN_UNIT.contains(c)) || rest.starts_with("정도")
            })
            .or_else(|| {
                let plain = PLAIN_KOREAN_UNITS.iter().find(|unit| word.starts_with(**unit))?;
                KOREAN_WORDS.longest(plain)
            })
            .map(|(&units, _)| units),
        _ => ENGLISH_WORDS
            .exact(word)
            .or_else(|| word.strip_suffix('s').and_then(|singular| ENGLISH_WORDS.exact(singular)))
            .copied(),
    };
    own.or_else(|| SYMBOL_WORDS.exact(word).copied()).unwrap_or(Units::NONE)
}

/// The same unit squared; none where nobody measures areas in it.
pub(super) fn squared(units: Units) -> Units {
    let pairs = [(METRE, SQUARE_METRE), (KILOMETRE, SQUARE_KILOMETRE), (FOOT, SQUARE_FOOT), (MILE, SQUARE_MILE)];
    pairs.iter().find(|(side, _)| *side == units).map_or(Units::NONE, |&(_, square)| square)
}

/// The same unit cubed.
pub(super) fn cubed(units: Units) -> Units {
    if units == METRE { CUBIC_METRE } else { Units::NONE }
}

#[cfg(test)]
mod tests {
    use super::super::units::{
        CENTIMETRE, CENTURY, DOLLAR, FOOT, HOUR, MILE, MONTH, POUND, STERLING, Units, WON, YEAR,
    };
    use super::word;
    use crate::language::Language;

    fn check(language: Language, text: &str, expected: Units) {
        assert_eq!(word(text, language), expected, "{text}");
    }

    #[test]
    fn units_are_known_by_their_forms() {
        check(Language::EN, "years", YEAR);
        check(Language::EN, "feet", FOOT);
        check(Language::EN, "pounds", POUND.or(STERLING));
        check(Language::UK, "річний", YEAR);
        check(Language::UK, "доларами", DOLLAR);
        check(Language::UK, "годинами", HOUR);
        check(Language::UK, "миль", MILE);
        check(Language::UK, "cm", CENTIMETRE);
        check(Language::KO, "개월간", MONTH);
        check(Language::KO, "세기에", CENTURY);
        check(Language::KO, "원을", WON);
    }

    #[test]
    fn words_that_begin_like_units_are_none() {
        for (language, text) in [
            (Language::UK, "футбол"),
            (Language::UK, "центр"),
            (Language::UK, "вони"),
            (Language::UK, "милий"),
            (Language::KO, "원정"),
            (Language::KO, "세대"),
            (Language::KO, "엔진"),
            (Language::KO, "시민"),
            (Language::EN, "yearling"),
        ] {
            check(language, text, Units::NONE);
        }
    }
}
