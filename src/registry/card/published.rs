//! What is published of checkpoints in comparison with each other, by which the cards of a class are ordered.

use super::{Card, DirectionNote, Tier, cards};
use serde::Deserialize;

/// Another checkpoint that this one was found to be better than.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The name of its card.
    pub card: String,
    /// Who says so, and where.
    pub source: String,
}

impl Card {
    /// How many cards of its tier stand below this one in a direction, each better than the next as far as anything is
    /// published: 0 for one that nothing is known of.
    ///
    /// Better is what its card says so of, and of two with a COMET on the same data the one with the higher. Among cards of the
    /// fast tier the figures themselves decide, which all of them have.
    pub fn standing(&self, direction: &DirectionNote) -> usize {
        below(self, direction, cards(), cards().len())
    }

    fn is_better(&self, direction: &DirectionNote, other: &Card) -> bool {
        let Some(theirs) = other.direction(direction.from, direction.to).filter(|_| other.tier == self.tier) else {
            return false;
        };
        let by_figure = self.tier != Tier::Fast && direction.comet.zip(theirs.comet).is_some_and(|(a, b)| a > b);
        by_figure || self.better_than.iter().any(|than| than.card == other.name)
    }
}

/// Cards that say of each other that they are better would have no end.
fn below(card: &Card, direction: &DirectionNote, all: &[Card], most: usize) -> usize {
    if most == 0 {
        return 0;
    }
    let worse = all.iter().filter(|other| card.is_better(direction, other));
    let worse = worse.filter_map(|other| Some((other, other.direction(direction.from, direction.to)?)));
    worse.map(|(other, theirs)| 1 + below(other, theirs, all, most - 1)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::find;
    use super::*;

    #[test]
    fn comparisons_name_cards_of_the_tier_and_a_source_and_never_each_other() {
        for card in cards() {
            for than in &card.better_than {
                let other = find(&than.card).unwrap_or_else(|| panic!("{}: no card {}", card.name, than.card));
                assert_eq!(other.tier, card.tier, "{} and {}", card.name, other.name);
                assert!(!than.source.is_empty() && other.better_than.iter().all(|back| back.card != card.name));
            }
            for direction in &card.directions {
                assert!(card.standing(direction) < 8, "{}: a circle of comparisons", card.name);
            }
        }
    }

    #[test]
    fn a_higher_figure_on_the_same_data_stands_higher() {
        let standing = |name: &str| {
            let card = find(name).unwrap();
            card.standing(card.direction("en".parse().unwrap(), "uk".parse().unwrap()).unwrap())
        };
        assert!(standing("nllb-200-distilled-600m") > standing("opus-mt-en-uk"));
        assert!(standing("hy-mt2-7b") > standing("madlad400-3b-mt"));
        assert!(standing("hy-mt2-1.8b") > standing("tower-plus-2b"));
        assert_eq!((standing("firefox-en-uk-base-memory"), standing("lmt-60-8b")), (0, 0));
    }
}
