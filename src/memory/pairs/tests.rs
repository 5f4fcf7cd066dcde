//! Tests of the memory: answers, order, and the quick search against the plain one.

// Scores are equal to the bit or wrong.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

use proptest::prelude::*;

use super::super::similarity::similarity;
use super::super::tmx::Variant;
use super::*;

fn memory(pairs: &[(&str, &str)]) -> Memory {
    let mut builder = Builder::new();
    for (source, target) in pairs {
        let variants = vec![Variant::new(Language::EN, *source), Variant::new(Language::UK, *target)];
        builder.add(&Unit { variants, ..Unit::default() });
    }
    builder.build()
}

fn find<'a>(memory: &'a Memory, source: &str, threshold: f32) -> Option<Match<'a>> {
    memory.find(source, Language::EN, Language::UK, threshold)
}

#[test]
fn the_same_text_is_found_whatever_its_white_space() {
    let memory = memory(&[("The  bridge\n  is open.", "Міст відкрито."), ("The bridge is open!", "Міст відкрито!")]);
    let found = find(&memory, " The bridge is open. ", 0.9).unwrap();
    assert_eq!((found.target, found.score, found.exact, found.unit), ("Міст відкрито.", 1.0, true, 0));
    assert_eq!(found.source, "The  bridge is open.");
    assert!(found.differs.is_empty());
}

#[test]
fn both_directions_are_there_and_no_other() {
    let memory = memory(&[("Good morning", "Доброго ранку")]);
    assert_eq!(memory.find("Доброго ранку", Language::UK, Language::EN, 0.9).unwrap().target, "Good morning");
    assert!(memory.find("Good morning", Language::EN, Language::KO, 0.5).is_none());
    assert_eq!(memory.directions().count(), 2);
}

#[test]
fn the_most_like_one_is_offered_and_never_as_exact() {
    let memory = memory(&[
        ("The council will meet on Monday to hear the budget.", "перше"),
        ("The council will meet on Friday to discuss the new budget.", "друге"),
        ("Rain is expected in the north.", "третє"),
    ]);
    let found = find(&memory, "The council will meet on Friday to discuss the budget.", 0.7).unwrap();
    assert_eq!((found.target, found.exact), ("друге", false));
    assert!(found.score > 0.85 && found.score < 1.0, "{}", found.score);
    // Only case differs: as like as can be, and still not the same.
    let found = find(&memory, "rain is expected in the North.", 0.9).unwrap();
    assert!(!found.exact && (found.score - MOST_FUZZY).abs() < 1e-6);
    assert!(find(&memory, "Nothing of the kind was ever said here.", 0.6).is_none());
}

#[test]
fn other_digits_other_negation_and_other_addresses_cap_the_score() {
    let memory = memory(&[
        ("Rescuers took 15 people out of the flooded houses on the left bank.", "15"),
        ("The bridge across the river is open to all lorries from Monday.", "відкрито"),
        ("Write to desk@example.org before noon if you saw it happen.", "лист"),
    ]);
    for (asked, kind) in [
        ("Rescuers took 16 people out of the flooded houses on the left bank.", "number"),
        ("The bridge across the river is not open to all lorries from Monday.", "negation"),
        ("Write to news@example.org before noon if you saw it happen.", "protected"),
    ] {
        let found = find(&memory, asked, 0.6).unwrap();
        assert!(found.differs[0].starts_with(kind), "{:?}", found.differs);
        assert!(found.score <= MOST_DIFFERING && !found.exact);
        assert!(find(&memory, asked, 0.8).is_none(), "{asked}");
    }
}

#[test]
fn one_that_does_not_differ_is_preferred_to_one_that_does() {
    let memory = memory(&[
        ("Police say 20 cars were damaged in the hail storm last night.", "добре"),
        ("Police say 21 cars were damaged in the hail storm on Sunday night.", "погано"),
    ]);
    let found = find(&memory, "Police say 20 cars were damaged in the hail storm on Sunday night.", 0.6).unwrap();
    assert_eq!(found.target, "добре");
}

#[test]
fn of_equals_the_later_unit_wins() {
    let memory =
        memory(&[("Go now please", "a"), ("Go now please", "b"), ("Go there please", "c"), ("Go here please", "d")]);
    assert_eq!(find(&memory, "Go now please", 0.9).unwrap().target, "b");
    let found = find(&memory, "Go elsewhere please", 0.6).unwrap();
    assert_eq!((found.target, found.unit), ("d", 3));
}

#[test]
fn thresholds_out_of_range_are_harmless() {
    let memory = memory(&[("One small step", "Один малий крок")]);
    for threshold in [f32::NAN, -1.0, 0.0, 2.0, f32::INFINITY] {
        assert_eq!(find(&memory, "One small step", threshold).unwrap().score, 1.0);
    }
    assert!(find(&memory, "One small stop", f32::NAN).is_some());
    assert!(find(&memory, "One small stop", 2.0).is_none());
    assert!(find(&memory, "", 0.5).is_none() && find(&memory, " . ", 0.5).is_none());
}

#[test]
fn a_file_is_loaded_and_what_is_wrong_in_it_is_counted() {
    let tmx = "<tmx version='1.4'><header srclang='en'/><body>\n\
        <tu><tuv xml:lang='en-US'><seg>Good <bpt i='1'>&lt;b></bpt>morning<ept i='1'>&lt;/b></ept></seg></tuv>\
        <tuv xml:lang='uk-UA'><seg>Доброго ранку</seg></tuv></tu>\n\
        <tu><tuv><seg>No language</seg></tuv></tu>\n</body></tmx>";
    let mut builder = Builder::new();
    let loaded = builder.load("m.tmx", tmx.as_bytes()).unwrap();
    assert_eq!((loaded.units, loaded.pairs, loaded.left_out), (1, 2, 1));
    assert!(loaded.reasons[0].starts_with("m.tmx: line 3: unit left out: expected xml:lang"), "{:?}", loaded.reasons);
    assert!(find(&builder.build(), "Good morning", 0.9).unwrap().exact);
}

/// Sentences of a few words that are often nearly the same.
fn sentence() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "the",
        "The",
        "bridge",
        "bridges",
        "brige",
        "open",
        "opened",
        "not",
        "15",
        "16",
        "on",
        "Monday",
        ",",
        ".",
        "a",
        "міст",
        "мости",
        "서울에서",
        "서울에",
        "x@y.z",
    ]);
    prop::collection::vec(word, 1..9).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn the_quick_search_finds_what_the_plain_one_finds(
        sentences in prop::collection::vec(sentence(), 1..40),
        asked in sentence(),
        threshold in 0.5f32..1.0,
    ) {
        let pairs: Vec<(&str, &str)> = sentences.iter().map(|s| (s.as_str(), "т")).collect();
        let memory = memory(&pairs);
        let direction = &memory.directions[&(Language::EN, Language::UK)];
        let search = direction.search.get_or_init(|| Search::of(&direction.pairs));
        let asked = normal(&asked);
        let quick = search.index.find(&asked, threshold, judge(&direction.pairs, &asked, Language::EN));
        let plain = search.index.scan(&asked, threshold, judge(&direction.pairs, &asked, Language::EN));
        prop_assert_eq!(quick, plain);
    }

    #[test]
    fn scores_are_those_of_the_plain_formula(sentences in prop::collection::vec(sentence(), 1..20), asked in sentence()) {
        let pairs: Vec<(&str, &str)> = sentences.iter().map(|s| (s.as_str(), "т")).collect();
        let memory = memory(&pairs);
        let best = sentences.iter().map(|s| similarity(s, &asked)).fold(0.0, f32::max);
        match find(&memory, &asked, 0.5) {
            Some(found) if found.exact => prop_assert_eq!(normal(found.source), normal(&asked)),
            Some(found) => {
                let like = similarity(found.source, &asked);
                prop_assert!(found.score <= like && like <= best);
                let cap = if found.differs.is_empty() { MOST_FUZZY } else { MOST_DIFFERING };
                prop_assert_eq!(found.score, like.min(cap));
            }
            None => prop_assert!(best < LEAST_THRESHOLD),
        }
    }

    #[test]
    fn the_order_of_the_units_changes_no_score(
        sentences in prop::collection::vec(sentence(), 1..20).prop_shuffle(),
        asked in sentence(),
    ) {
        let score = |sentences: &[String]| {
            let pairs: Vec<(&str, &str)> = sentences.iter().map(|s| (s.as_str(), "т")).collect();
            find(&memory(&pairs), &asked, 0.5).map(|found| (found.score, found.exact))
        };
        let mut sorted = sentences.clone();
        sorted.sort();
        prop_assert_eq!(score(&sentences), score(&sorted));
    }
}
