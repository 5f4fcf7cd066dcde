//! Searches under constraints: the answer holds what it has to, is the best that does, and disturbs nobody.

use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tlumach::decode::{Finish, Hypothesis, SearchOptions, search};
use tlumach::model::{Model, Request};
use tlumach::schedule::{Job, ScheduleOptions, Watch, run};
use tlumach::token::{Constraint, Prompt, TokenClasses, TokenId, WordEdges};

use crate::toy::{Toy, log_sum_exp, prompt, toy};

/// What an answer has to hold, from the forms of each constraint.
fn constraints(forms: &[&[&[TokenId]]]) -> Vec<Constraint> {
    let one = |forms: &&[&[TokenId]]| Constraint {
        forms: forms.iter().map(|form| form.to_vec()).collect(),
        source: Vec::new(),
    };
    forms.iter().map(one).collect()
}

fn request<'a>(source: &'a [TokenId], constraints: &'a [Constraint]) -> Request<'a> {
    Request { source, prefix: &[1], shared: 0, allowed: TokenClasses::ALL, constraints }
}

fn answer(model: &Toy, source: &[TokenId], constraints: &[Constraint], options: &SearchOptions) -> Hypothesis {
    search(model, &[request(source, constraints)], options).unwrap().remove(0).unwrap()
}

/// Whether the ids hold a form of each constraint, none of them on tokens of another; every token is a word.
fn holds(ids: &[TokenId], constraints: &[Constraint]) -> bool {
    let Some((first, rest)) = constraints.split_first() else { return true };
    first.forms.iter().any(|form| {
        (0..ids.len()).filter(|&at| ids[at..].starts_with(form)).any(|at| {
            // What stands there is taken: no form has this id.
            let mut left = ids.to_vec();
            left[at..at + form.len()].fill(TokenId::MAX);
            holds(&left, rest)
        })
    })
}

/// The log-probability of every ended answer of at most `room` tokens that holds the constraints; the best of them.
fn best_of_all(model: &Toy, source: &[TokenId], constraints: &[Constraint], room: usize) -> (Vec<TokenId>, f32) {
    let mut best = (Vec::new(), f32::NEG_INFINITY);
    let mut open = vec![(Vec::<TokenId>::new(), 0.0)];
    while let Some((ids, log_probability)) = open.pop() {
        let logits = model.logits(source, &[&[1], ids.as_slice()].concat());
        let sum = log_sum_exp(logits.iter().copied());
        // Behind what the model takes for the end only a form that has begun goes on.
        let over = logits.iter().all(|&logit| logit <= logits[0]) && !holds(&ids, constraints);
        let forms = || constraints.iter().flat_map(|constraint| &constraint.forms);
        let goes_on =
            |token: TokenId| forms().any(|form| (1..form.len()).any(|n| ids.ends_with(&form[..n]) && form[n] == token));
        for (token, logit) in (0..).zip(logits) {
            let score = log_probability + logit - sum;
            if token == 0 {
                if holds(&ids, constraints) && score > best.1 {
                    best = (ids.clone(), score);
                }
            } else if ids.len() + 1 < room && (!over || goes_on(token)) {
                open.push(([ids.as_slice(), &[token]].concat(), score));
            }
        }
    }
    best
}

#[test]
fn with_room_for_all_hypotheses_the_best_answer_is_found() {
    let mut found = 0;
    for seed in 0..20 {
        let model = toy(seed, 6);
        let source = [3, 4, seed];
        for forms in [&[&[&[2, 3][..]][..]][..], &[&[&[4], &[5, 5]]], &[&[&[2]], &[&[3, 2]]], &[&[&[5]], &[&[5]]]] {
            let constraints = constraints(forms);
            let expected = best_of_all(&model, &source, &constraints, 6);
            // Without a length penalty a longer answer is never better, so that the search may end when it does.
            let options =
                SearchOptions { beams: 4000, length_penalty: 0.0, max_new_tokens: 6, ..SearchOptions::default() };
            let got = answer(&model, &source, &constraints, &options);
            if expected.1 == f32::NEG_INFINITY {
                // The network would rather end than hold it.
                assert!(!holds(&got.ids, &constraints), "seed {seed}, {forms:?}");
                continue;
            }
            found += 1;
            assert_eq!((&got.ids, got.finish), (&expected.0, Finish::End), "seed {seed}, {forms:?}");
            assert!((got.log_probability - expected.1).abs() < 1e-4);
        }
    }
    assert!(found > 60, "{found} of 80");
}

#[test]
fn what_the_network_hardly_offers_is_there_all_the_same() {
    let (mut held, mut asked) = (0, 0);
    for seed in 0..60 {
        let mut model = toy(seed, 400);
        model.spread = 12.0;
        let forms: &[&[&[&[TokenId]]]] =
            &[&[&[&[31, 32, 33]]], &[&[&[31, 32], &[40]], &[&[50]]], &[&[&[31]], &[&[32, 7]], &[&[40, 41, 42]]]];
        for forms in forms {
            let constraints = constraints(forms);
            let got = answer(&model, &[5, seed], &constraints, &SearchOptions::default());
            asked += 1;
            held += usize::from(holds(&got.ids, &constraints) && got.finish == Finish::End);
        }
    }
    // The others are those that the network would rather end than go on with.
    assert!(held * 20 > asked * 19, "{held} of {asked}");
}

#[test]
fn no_answer_is_made_up_where_a_constraint_cannot_be_met() {
    let mut model = toy(3, 20);
    model.spec.suppressed = vec![7];
    let got = answer(&model, &[5], &constraints(&[&[&[7]]]), &SearchOptions::default());
    assert!(!got.ids.contains(&7));
    let tokens = answer(&model, &[5], &constraints(&[&[&[]], &[]]), &SearchOptions::default());
    assert_eq!(tokens.finish, Finish::End, "constraints without forms are none");
}

#[test]
fn a_term_is_a_word_and_not_the_beginning_of_one() {
    // Tokens from 10 on go on with the word before them.
    let edges = Arc::new(WordEdges { goes_on: vec![true; 20], follows_on: (0..20).map(|id| id >= 10).collect() });
    let (mut held, mut inside) = (0, 0);
    for seed in 0..40 {
        let model = toy(seed, 20);
        let constraints = constraints(&[&[&[4, 12]]]);
        let whole = SearchOptions { word_edges: edges.clone(), ..SearchOptions::default() };
        let got = answer(&model, &[5, seed], &constraints, &whole);
        let at = got.ids.windows(2).enumerate().filter(|(_, ids)| *ids == [4, 12]);
        held += usize::from(at.into_iter().any(|(at, _)| got.ids.get(at + 2).is_none_or(|&next| next < 10)));
        let anywhere = answer(&model, &[5, seed], &constraints, &SearchOptions::default());
        inside += usize::from(anywhere.ids != got.ids);
    }
    assert!(held >= 30, "{held} of 40");
    assert!(inside > 0, "the edges never made a difference");
}

/// A job for the toy.
fn bound(source: &[TokenId], forms: &[&[&[TokenId]]]) -> Prompt {
    Prompt { constraints: constraints(forms), ..prompt(source) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn an_answer_depends_on_nothing_but_its_prompt(
        jobs in prop::collection::vec((0u32..30, 0usize..4), 1..24),
        beams in 1usize..4,
        threads in 1usize..4,
        max_rows in 1usize..40,
    ) {
        let model = toy(9, 60);
        let forms: [&[&[&[TokenId]]]; 4] = [&[], &[&[&[31, 32]]], &[&[&[40], &[41, 42]], &[&[50]]], &[&[&[31]], &[&[31]]]];
        let prompts: Vec<Prompt> = jobs.iter().map(|&(source, which)| bound(&[source, 3], forms[which])).collect();
        let search_options = SearchOptions { beams, ..SearchOptions::default() };
        let jobs: Vec<Job<'_>> = prompts.iter().map(|prompt| Job { prompt, max_new_tokens: 30 }).collect();
        let options = ScheduleOptions { search: search_options.clone(), threads, max_rows, ..ScheduleOptions::default() };
        let watch = Watch { cancel: &AtomicBool::new(false), on_done: &|_, _| {} };
        let results = run(&model, &jobs, &options, watch).results;
        for (prompt, result) in prompts.iter().zip(results) {
            let got = result.unwrap();
            let options = SearchOptions { max_new_tokens: 30, ..search_options.clone() };
            let alone = answer(&model, &prompt.source, &prompt.constraints, &options);
            prop_assert_eq!(&got, &alone);
            if prompt.constraints.is_empty() {
                let free = search(&model, &[request(&prompt.source, &[])], &options).unwrap().remove(0).unwrap();
                prop_assert_eq!(&got, &free);
            }
        }
    }
}

#[test]
fn a_source_that_fails_fails_alone() {
    let model = toy(4, 60);
    let prompts = [
        bound(&[7], &[&[&[31]]]),
        bound(&[7, crate::toy::FAILS_LATER], &[&[&[31]]]),
        bound(&[8, crate::toy::PANICS_AT_START], &[&[&[31]]]),
        prompt(&[9]),
        bound(&[9, crate::toy::NOT_A_NUMBER], &[&[&[31]]]),
    ];
    let jobs: Vec<Job<'_>> = prompts.iter().map(|prompt| Job { prompt, max_new_tokens: 30 }).collect();
    let watch = Watch { cancel: &AtomicBool::new(false), on_done: &|_, _| {} };
    let results = run(&model, &jobs, &ScheduleOptions::default(), watch).results;
    let good: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, false, true, false]);
    assert_eq!(model.spec().family, "toy");
}
