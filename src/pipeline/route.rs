//! Which models a direction goes through: one that does it directly, otherwise two with English between them.
//!
//! Pure: it is given what models offer and answers a route; it loads nothing.

use crate::language::Language;

/// What a model offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Name of the model.
    pub name: String,
    /// Directions and how good each is; higher is better, only the order counts.
    pub directions: Vec<(Language, Language, i32)>,
    /// Whether it can be asked for any direction (chat models), at the quality of a last resort.
    pub any_direction: bool,
    /// Whether it is on disk.
    pub on_disk: bool,
    /// Whether it is small and quick, and so the first that is fetched where nothing is on disk.
    pub fast: bool,
}

/// One hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Language read.
    pub from: Language,
    /// Language written.
    pub to: Language,
    /// Index of the offer.
    pub offer: usize,
}

/// Directions of this quality and better are acceptable; below it (a poor direction, or one that a chat model's card
/// does not speak of) a model is asked only when there is nothing else.
pub const ACCEPTABLE: i32 = 0;
/// Quality of a direction that a chat model's card does not speak of.
const UNLISTED: i32 = -100_000_000;

impl Offer {
    /// How well the model does a direction, or `None`.
    fn quality(&self, from: Language, to: Language) -> Option<i32> {
        let listed = self.directions.iter().find(|d| d.0 == from && d.1 == to).map(|d| d.2);
        listed.or(self.any_direction.then_some(UNLISTED))
    }
}

/// Which offers a hop may use.
#[derive(Debug, Clone, Copy)]
struct Reach {
    fetch: bool,
    at_least: i32,
}

/// What is tried, in order.
const REACHES: [Reach; 4] = [
    Reach { fetch: false, at_least: ACCEPTABLE },
    Reach { fetch: true, at_least: ACCEPTABLE },
    Reach { fetch: false, at_least: i32::MIN },
    Reach { fetch: true, at_least: i32::MIN },
];

/// The best offer for one hop, with its quality. What is on disk wins for each hop by itself, so that a route of two fetches only
/// what is missing; of what would be fetched, listed directions come first, fast models before others.
fn best(offers: &[Offer], from: Language, to: Language, reach: Reach) -> Option<(i32, Hop)> {
    let mut best: Option<((bool, bool, bool, i32), Hop)> = None;
    for (index, offer) in offers.iter().enumerate().filter(|(_, offer)| offer.on_disk || reach.fetch) {
        let Some(quality) = offer.quality(from, to).filter(|&quality| quality >= reach.at_least) else { continue };
        let acceptable = quality >= ACCEPTABLE;
        let key = (acceptable, offer.on_disk, offer.fast && !offer.on_disk, quality);
        if best.as_ref().is_none_or(|(so_far, _)| key > *so_far) {
            best = Some((key, Hop { from, to, offer: index }));
        }
    }
    best.map(|((.., quality), hop)| (quality, hop))
}

/// The best route from one language to another.
///
/// Acceptable models on disk come first, then acceptable ones that would have to be fetched, fast ones before others, then whatever
/// is there.
/// Within each step a direct model comes before two hops through English, and listed directions before a chat model
/// that is asked for a direction its card does not list.
/// `None` if no model does it. A route from a language to itself is empty.
pub fn route(offers: &[Offer], from: Language, to: Language) -> Option<Vec<Hop>> {
    if from == to {
        return Some(Vec::new());
    }
    for reach in REACHES {
        let direct = best(offers, from, to, reach);
        if let Some((quality, hop)) = &direct
            && *quality > UNLISTED
        {
            return Some(vec![hop.clone()]);
        }
        if from != Language::EN && to != Language::EN {
            let listed = |hop: Option<(i32, Hop)>| hop.filter(|(quality, _)| *quality > UNLISTED);
            let first = listed(best(offers, from, Language::EN, reach));
            let second = listed(best(offers, Language::EN, to, reach));
            if let (Some((_, first)), Some((_, second))) = (first, second) {
                return Some(vec![first, second]);
            }
        }
        if let Some((_, hop)) = direct {
            return Some(vec![hop]);
        }
    }
    None
}

/// Every way from one language to another, the best first: each direct model, then the two hops through English.
pub fn all(offers: &[Offer], from: Language, to: Language) -> Vec<Vec<Hop>> {
    let direct = |(offer, o): (usize, &Offer)| o.quality(from, to).map(|quality| (quality, Hop { from, to, offer }));
    let mut found: Vec<(i32, Hop)> = offers.iter().enumerate().filter_map(direct).collect();
    found.sort_by_key(|(quality, hop)| (std::cmp::Reverse(*quality), hop.offer));
    let mut ways: Vec<Vec<Hop>> = found.into_iter().map(|(_, hop)| vec![hop]).collect();
    if from != Language::EN && to != Language::EN {
        let reach = Reach { fetch: true, at_least: i32::MIN };
        let legs = (best(offers, from, Language::EN, reach), best(offers, Language::EN, to, reach));
        if let (Some((_, first)), Some((_, second))) = legs {
            ways.push(vec![first, second]);
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    const FR: &str = "fr";

    fn language(tag: &str) -> Language {
        tag.parse().unwrap_or(Language::EN)
    }

    fn offer(name: &str, directions: &[(&str, &str, i32)], on_disk: bool) -> Offer {
        let directions = directions.iter().map(|&(from, to, q)| (language(from), language(to), q)).collect();
        let (any_direction, fast) = (name.starts_with("chat"), name.starts_with("fast"));
        Offer { name: name.into(), directions, any_direction, on_disk, fast }
    }

    fn check(offers: &[Offer], from: &str, to: &str, expected: Option<&[&str]>) {
        let found = route(offers, language(from), language(to));
        let names: Option<Vec<&str>> =
            found.as_ref().map(|hops| hops.iter().map(|hop| offers[hop.offer].name.as_str()).collect());
        assert_eq!(names.as_deref(), expected, "{from} to {to}");
    }

    #[test]
    fn a_direct_model_is_preferred_and_the_better_of_two() {
        let offers = [offer("base", &[("uk", "en", 20)], true), offer("big", &[("uk", "en", 39)], true)];
        check(&offers, "uk", "en", Some(&["big"]));
    }

    #[test]
    fn what_is_on_disk_wins_over_what_is_better() {
        let offers = [offer("base", &[("uk", "en", 20)], true), offer("big", &[("uk", "en", 39)], false)];
        check(&offers, "uk", "en", Some(&["base"]));
    }

    #[test]
    fn where_nothing_is_on_disk_the_best_of_the_fast_models_is_fetched() {
        let tiny = offer("fast-tiny", &[("en", "uk", 20)], false);
        let base = offer("fast-base", &[("en", "uk", 21)], false);
        let big = offer("big", &[("en", "uk", 39)], false);
        check(&[tiny.clone(), base.clone(), big.clone()], "en", "uk", Some(&["fast-base"]));
        // On disk only quality counts.
        let here = [tiny, base, big].map(|offer| Offer { on_disk: true, ..offer });
        check(&here, "en", "uk", Some(&["big"]));
        // A poor fast model is no reason to leave an acceptable one.
        let poor = offer("fast-poor", &[("en", "uk", -5)], false);
        check(&[poor, offer("big", &[("en", "uk", 39)], false)], "en", "uk", Some(&["big"]));
    }

    #[test]
    fn a_route_of_two_fetches_only_what_is_missing() {
        let offers = [
            offer("here", &[("uk", "en", 20)], true),
            offer("fast-uk-en", &[("uk", "en", 30)], false),
            offer("fast-en-ko", &[("en", "ko", 30)], false),
        ];
        check(&offers, "uk", "ko", Some(&["here", "fast-en-ko"]));
    }

    #[test]
    fn a_poor_direction_on_disk_is_the_last_resort() {
        let chat = offer("chat", &[("en", "uk", -10)], true);
        check(&[chat.clone(), offer("base", &[("en", "uk", 20)], false)], "en", "uk", Some(&["base"]));
        check(&[chat], "en", "uk", Some(&["chat"]));
    }

    #[test]
    fn without_a_direct_model_it_goes_through_english() {
        let offers = [offer("uk-en", &[("uk", "en", 1)], true), offer("en-ko", &[("en", "ko", 1)], true)];
        check(&offers, "uk", "ko", Some(&["uk-en", "en-ko"]));
        check(&offers, "ko", "uk", None);
    }

    #[test]
    fn a_chat_model_is_asked_for_what_its_card_does_not_list_only_as_a_last_resort() {
        let offers = [offer("chat", &[("uk", "en", 5), ("en", "ko", 1)], true)];
        check(&offers, "uk", "ko", Some(&["chat", "chat"]));
        check(&offers, "uk", FR, Some(&["chat"]));
    }

    #[test]
    fn nothing_has_to_be_done_within_a_language() {
        check(&[], "uk", "uk", Some(&[]));
        check(&[], "uk", "en", None);
    }
}
