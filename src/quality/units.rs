//! Units of measure, time and money: which ones there are, how much they are worth in each other, and whether two
//! numbers with units are one measure. The words for them are in `unit_words`.

/// A set of units, because a word may name several: `pound`, `фунт`, `주`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Units(u128);

impl Units {
    pub(super) const NONE: Units = Units(0);

    pub(super) const fn or(self, other: Units) -> Units {
        Units(self.0 | other.0)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the sets have a unit in common.
    pub(super) const fn meets(self, other: Units) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all units of this set are in the other.
    pub(super) const fn within(self, other: Units) -> bool {
        self.0 & !other.0 == 0
    }

    const fn bit(place: u32) -> Units {
        Units(1 << place)
    }
}

pub(super) const SECOND: Units = Units::bit(0);
pub(super) const MINUTE: Units = Units::bit(1);
pub(super) const HOUR: Units = Units::bit(2);
pub(super) const DAY: Units = Units::bit(3);
pub(super) const WEEK: Units = Units::bit(4);
pub(super) const MONTH: Units = Units::bit(5);
pub(super) const YEAR: Units = Units::bit(6);
pub(super) const DECADE: Units = Units::bit(7);
pub(super) const CENTURY: Units = Units::bit(8);
/// An hour on the clock.
pub(super) const CLOCK: Units = Units::bit(9);
/// A day of a month.
pub(super) const DATE: Units = Units::bit(10);
/// A month of the year in figures.
pub(super) const MONTH_OF_YEAR: Units = Units::bit(11);
/// A year by its number, and a year of the nineties.
pub(super) const CALENDAR_YEAR: Units = Units::bit(12);
pub(super) const MILLIMETRE: Units = Units::bit(13);
pub(super) const CENTIMETRE: Units = Units::bit(14);
pub(super) const METRE: Units = Units::bit(15);
pub(super) const KILOMETRE: Units = Units::bit(16);
pub(super) const INCH: Units = Units::bit(17);
pub(super) const FOOT: Units = Units::bit(18);
pub(super) const YARD: Units = Units::bit(19);
pub(super) const MILE: Units = Units::bit(20);
pub(super) const SQUARE_METRE: Units = Units::bit(21);
pub(super) const SQUARE_KILOMETRE: Units = Units::bit(22);
pub(super) const SQUARE_FOOT: Units = Units::bit(23);
pub(super) const SQUARE_MILE: Units = Units::bit(24);
pub(super) const HECTARE: Units = Units::bit(25);
pub(super) const ACRE: Units = Units::bit(26);
pub(super) const PYEONG: Units = Units::bit(27);
pub(super) const LITRE: Units = Units::bit(28);
pub(super) const MILLILITRE: Units = Units::bit(29);
pub(super) const GALLON: Units = Units::bit(30);
pub(super) const BARREL: Units = Units::bit(31);
pub(super) const CUBIC_METRE: Units = Units::bit(32);
pub(super) const MILLIGRAM: Units = Units::bit(33);
pub(super) const GRAM: Units = Units::bit(34);
pub(super) const KILOGRAM: Units = Units::bit(35);
pub(super) const TONNE: Units = Units::bit(36);
pub(super) const OUNCE: Units = Units::bit(37);
pub(super) const POUND: Units = Units::bit(38);
/// Degrees of temperature of either scale, where none is named.
pub(super) const CELSIUS: Units = Units::bit(39);
pub(super) const FAHRENHEIT: Units = Units::bit(40);
pub(super) const DEGREE: Units = Units::bit(41).or(CELSIUS).or(FAHRENHEIT);
pub(super) const PERCENT: Units = Units::bit(42);
pub(super) const PERCENTAGE_POINT: Units = Units::bit(43);
pub(super) const DOLLAR: Units = Units::bit(44);
pub(super) const EURO: Units = Units::bit(45);
pub(super) const STERLING: Units = Units::bit(46);
pub(super) const HRYVNIA: Units = Units::bit(47);
pub(super) const WON: Units = Units::bit(48);
pub(super) const YEN: Units = Units::bit(49);
pub(super) const YUAN: Units = Units::bit(50);
pub(super) const ROUBLE: Units = Units::bit(51);
pub(super) const RUPEE: Units = Units::bit(52);
pub(super) const ZLOTY: Units = Units::bit(53);
pub(super) const FRANC: Units = Units::bit(54);
pub(super) const CENT: Units = Units::bit(55);
pub(super) const PENNY: Units = Units::bit(56);
pub(super) const WATT: Units = Units::bit(57);
pub(super) const KILOWATT: Units = Units::bit(58);
pub(super) const MEGAWATT: Units = Units::bit(59);
pub(super) const GIGAWATT: Units = Units::bit(60);
/// People, shares and what else a Korean counter that is also a unit may count.
pub(super) const COUNT: Units = Units::bit(61);
pub(super) const KNOT: Units = Units::bit(62);
pub(super) const MEGABYTE: Units = Units::bit(63);
pub(super) const GIGABYTE: Units = Units::bit(64);
pub(super) const TERABYTE: Units = Units::bit(65);
/// The lower part of a fraction: `4분의 1`.
pub(super) const DENOMINATOR: Units = Units::bit(66);

pub(super) const MONEY: Units = DOLLAR
    .or(EURO)
    .or(STERLING)
    .or(HRYVNIA)
    .or(WON)
    .or(YEN)
    .or(YUAN)
    .or(ROUBLE)
    .or(RUPEE)
    .or(ZLOTY)
    .or(FRANC)
    .or(CENT)
    .or(PENNY);

const TIME: Units = SECOND.or(MINUTE).or(HOUR).or(DAY).or(WEEK).or(MONTH).or(YEAR).or(DECADE).or(CENTURY);
const LENGTH: Units = MILLIMETRE.or(CENTIMETRE).or(METRE).or(KILOMETRE).or(INCH).or(FOOT).or(YARD).or(MILE);
const MASS: Units = MILLIGRAM.or(GRAM).or(KILOGRAM).or(TONNE).or(OUNCE).or(POUND);

/// Whether units measure the same: both time, both length, both mass, both money.
pub(super) fn are_of_one_kind(one: Units, other: Units) -> bool {
    [TIME, LENGTH, MASS, MONEY].iter().any(|&kind| one.meets(kind) && other.meets(kind))
}

/// Units and how many of the first of their kind they are; a kind ends where the next begins.
#[rustfmt::skip]
const KINDS: &[&[(Units, f64)]] = &[
    &[(SECOND, 1.0), (MINUTE, 60.0), (HOUR, 3600.0), (DAY, 86_400.0), (WEEK, 604_800.0)],
    &[(MONTH, 1.0), (YEAR, 12.0), (DECADE, 120.0), (CENTURY, 1200.0)],
    &[
        (MILLIMETRE, 1e-3), (CENTIMETRE, 1e-2), (METRE, 1.0), (KILOMETRE, 1e3), (INCH, 0.0254), (FOOT, 0.3048),
        (YARD, 0.9144), (MILE, 1609.344),
    ],
    &[
        (SQUARE_METRE, 1.0), (SQUARE_KILOMETRE, 1e6), (SQUARE_FOOT, 0.092_903), (SQUARE_MILE, 2_589_988.0),
        (HECTARE, 1e4), (ACRE, 4046.86), (PYEONG, 3.305_8),
    ],
    &[(MILLILITRE, 1e-3), (LITRE, 1.0), (GALLON, 3.785_41), (BARREL, 158.987), (CUBIC_METRE, 1e3)],
    &[
        (MILLIGRAM, 1e-3), (GRAM, 1.0), (KILOGRAM, 1e3), (TONNE, 1e6), (OUNCE, 28.349_5), (POUND, 453.592),
        // Short tons are tonnes in most languages.
        (TONNE, 907_184.7),
    ],
    &[(WATT, 1.0), (KILOWATT, 1e3), (MEGAWATT, 1e6), (GIGAWATT, 1e9)],
    // Speeds are read by the length in them.
    &[(KNOT, 1.852), (KILOMETRE, 1.0), (MILE, 1.609_344)],
    &[(MEGABYTE, 1.0), (GIGABYTE, 1e3), (TERABYTE, 1e6)],
];

/// A number with its unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    pub(super) value: f64,
    pub(super) units: Units,
}

/// How well one measure fits another in other units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Conversion {
    /// The same but for rounding.
    Exact,
    /// About the same; a person should do the sum.
    Rough,
}

/// Whether a measure is another one in different units; the second is the one that was rounded.
pub(super) fn conversion(from: Measure, to: Measure) -> Option<Conversion> {
    if from.units.meets(to.units) && !from.units.meets(DEGREE) {
        return None;
    }
    let mut best = None;
    let mut offer = |precise: f64, got: f64| {
        let fit = fit(precise, got);
        best = match (best, fit) {
            (Some(old), Some(new)) => Some(std::cmp::min(old, new)),
            (old, new) => old.or(new),
        };
    };
    for kind in KINDS {
        for (place, &(_, factor)) in kind.iter().enumerate().filter(|(_, unit)| from.units.meets(unit.0)) {
            for (at, &(_, divisor)) in kind.iter().enumerate().filter(|(_, unit)| to.units.meets(unit.0)) {
                if place != at {
                    offer(from.value * factor / divisor, to.value);
                }
            }
        }
    }
    // A temperature, or a difference of temperatures.
    if from.units.meets(FAHRENHEIT) && to.units.meets(CELSIUS) {
        offer((from.value - 32.0) / 1.8, to.value);
        offer(from.value / 1.8, to.value);
    }
    if from.units.meets(CELSIUS) && to.units.meets(FAHRENHEIT) {
        offer(from.value * 1.8 + 32.0, to.value);
        offer(from.value * 1.8, to.value);
    }
    best
}

/// How well a rounded number stands for a precise one.
fn fit(precise: f64, got: f64) -> Option<Conversion> {
    let off = (precise - got).abs();
    let share = off / precise.abs().max(got.abs()).max(1e-9);
    if off <= half_place(got) * 1.001 && share <= 0.03 || share <= 1e-3 {
        Some(Conversion::Exact)
    } else if share <= 0.1 {
        Some(Conversion::Rough)
    } else {
        None
    }
}

/// Half of the last decimal place that a number has: 0.05 for 25.4, 5 for 620.
fn half_place(value: f64) -> f64 {
    let mut place = 1e-3;
    while place < value.abs() && is_multiple(value, place * 10.0) {
        place *= 10.0;
    }
    place / 2.0
}

fn is_multiple(value: f64, place: f64) -> bool {
    let times = value / place;
    (times - times.round()).abs() < 1e-6
}

#[cfg(test)]
mod tests {
    use super::{
        CELSIUS, CENTIMETRE, Conversion, DEGREE, FAHRENHEIT, FOOT, INCH, KILOGRAM, KILOMETRE, METRE, MILE, MINUTE,
        MONTH, Measure, POUND, STERLING, YEAR, conversion,
    };

    fn check(one: (f64, super::Units), other: (f64, super::Units), expected: Option<Conversion>) {
        let measure = |(value, units)| Measure { value, units };
        assert_eq!(conversion(measure(one), measure(other)), expected, "{one:?} {other:?}");
    }

    #[test]
    fn measures_are_converted() {
        check((20.0, FOOT), (6.0, METRE), Some(Conversion::Exact));
        check((550.0, POUND.or(STERLING)), (249.0, KILOGRAM), Some(Conversion::Exact));
        check((10.0, INCH), (25.4, CENTIMETRE), Some(Conversion::Exact));
        check((385.0, MILE), (620.0, KILOMETRE), Some(Conversion::Exact));
        check((385.0, MILE), (650.0, KILOMETRE), Some(Conversion::Rough));
        check((385.0, MILE), (820.0, KILOMETRE), None);
        check((85.0, MILE), (139.0, KILOMETRE), Some(Conversion::Rough));
        check((86.0, FAHRENHEIT), (30.0, CELSIUS), Some(Conversion::Exact));
        check((80.0, DEGREE), (27.0, CELSIUS), Some(Conversion::Exact));
        check((1.5, YEAR), (18.0, MONTH), Some(Conversion::Exact));
        check((10.2, CENTIMETRE), (4.0, INCH), Some(Conversion::Exact));
        check((2.0, INCH), (5.03, CENTIMETRE), Some(Conversion::Rough));
        check((5.0, MINUTE), (5.0, KILOMETRE), None);
    }
}
