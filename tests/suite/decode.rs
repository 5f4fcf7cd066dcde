//! The searches against transformers' own answers and against a plain reference, on a model without weights.

use proptest::prelude::*;
use serde_json::Value;
use tlumach::decode::{DecodeError, Finish, Hypothesis, LoopStop, SearchOptions, Seen, search};
use tlumach::model::{Model, Request};
use tlumach::token::TokenId;

use crate::toy::{LOOPS, NOT_A_NUMBER, Toy, log_sum_exp, toy};

fn ids(value: &Value) -> Vec<TokenId> {
    value.as_array().into_iter().flatten().map(|id| id.as_u64().expect("an id") as TokenId).collect()
}

#[test]
fn every_case_of_transformers_is_answered_alike() {
    let golden: Value = serde_json::from_str(include_str!("../golden/decode/beam_toy.json")).expect("JSON");
    let prompts: Vec<Vec<TokenId>> = golden["prompts"].as_array().expect("prompts").iter().map(ids).collect();
    let seed = golden["seed"].as_u64().expect("seed") as u32;
    let vocab = golden["vocab"].as_u64().expect("vocab") as usize;

    let sample: Vec<f32> = golden["logits_after_5_1_4_1"]
        .as_array()
        .expect("logits")
        .iter()
        .map(|l| l.as_f64().expect("f") as f32)
        .collect();
    assert_eq!(toy(seed, vocab).logits(&[], &[5, 1, 4, 1]), sample, "the toy is not the toy of the script");

    let cases = golden["cases"].as_array().expect("cases");
    for case in cases {
        let number = |name: &str, default: f64| case[name].as_f64().unwrap_or(default);
        let mut model = toy(seed, vocab);
        model.spread = number("spread", 4.0);
        model.end_bias = number("end_bias", 0.125);
        model.spec.has_encoder = false;
        model.spec.max_target_tokens = 1000;
        model.spec.suppressed = ids(&case["bad_words"]);
        model.spec.renormalize = case["renormalize"] == true;
        model.spec.forced_eos = (case["forced_eos"] == true).then_some(0);
        if case["two_ends"] == true {
            model.spec.eos.push(golden["second_eos"].as_u64().expect("eos") as TokenId);
        }
        let options = SearchOptions {
            beams: number("beams", 1.0) as usize,
            length_penalty: number("length_penalty", 1.0) as f32,
            max_new_tokens: number("max_new_tokens", 20.0) as usize,
            no_repeat_ngram: number("no_repeat_ngram", 0.0) as usize,
            repetition_penalty: number("repetition_penalty", 1.0) as f32,
            ..SearchOptions::default()
        };
        let batch: Vec<Request<'_>> = prompts
            .iter()
            .map(|prefix| Request {
                source: &[],
                prefix,
                shared: 0,
                allowed: tlumach::token::TokenClasses::ALL,
                constraints: &[],
            })
            .collect();
        let answers = search(&model, &batch, &options).expect("a search");
        for ((answer, expected), prefix) in
            answers.iter().zip(case["answers"].as_array().expect("answers")).zip(&prompts)
        {
            let answer = answer.as_ref().expect("an answer");
            let mut wanted = ids(&expected["ids"]);
            // transformers keeps the end token; which of several it was is not part of our answer.
            let ended = wanted.last().is_some_and(|last| model.spec.eos.contains(last));
            wanted.truncate(wanted.len() - usize::from(ended));
            let forced = model.spec.forced_eos.is_some() && wanted.len() + 1 == options.max_new_tokens;
            let finish = if ended && !forced { Finish::End } else { Finish::Limit };
            let mut plain = case.clone();
            plain["answers"] = Value::Null;
            assert_eq!((&answer.ids, answer.finish), (&wanted, finish), "ids of {plain} after {prefix:?}");
            let score = expected["score"].as_f64().expect("score") as f32;
            assert!(
                (answer.score - score).abs() < 2e-5,
                "score {} not {score}: {plain} after {prefix:?}",
                answer.score
            );
        }
    }
    assert!(cases.len() > 80);
}

/// Makes the exponentials sum to one, adding them up in the given order.
fn normalize(scores: &mut [f32], order: &[usize]) {
    let sum = log_sum_exp(order.iter().map(|&token| scores[token]));
    for score in scores {
        *score -= sum;
    }
}

/// Beam search as the documentation defines it: one source, whole vocabulary, nothing clever.
fn reference(model: &Toy, source: &[TokenId], prefix: &[TokenId], options: &SearchOptions) -> (Vec<TokenId>, f32) {
    let spec = model.spec();
    let room = options.max_new_tokens.min(spec.max_target_tokens - prefix.len());
    let mut running: Vec<(Vec<TokenId>, f32)> = vec![(prefix.to_vec(), 0.0)];
    let mut pool: Vec<(Vec<TokenId>, f32)> = Vec::new();
    for length in 1..=room {
        let mut all: Vec<(Vec<TokenId>, f32)> = Vec::new();
        for (sequence, score) in &running {
            let mut scores = model.logits(source, sequence);
            let mut order: Vec<usize> = (0..scores.len()).collect();
            // Without a penalty two normalizations are one. Done like the search does it, so that both round alike:
            // a tie that is none by a rounding would send them different ways.
            let once = spec.renormalize && options.repetition_penalty.total_cmp(&1.0).is_eq();
            if !once {
                order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
                normalize(&mut scores, &(0..order.len()).collect::<Vec<_>>());
            }
            for (token, score) in scores.iter_mut().enumerate() {
                if !once && sequence.contains(&(token as TokenId)) {
                    *score *= options.repetition_penalty;
                }
            }
            let n = options.no_repeat_ngram;
            for (token, score) in scores.iter_mut().enumerate() {
                let longer = [sequence.as_slice(), &[token as TokenId]].concat();
                let repeats =
                    n > 0 && longer.len() > n && sequence.windows(n).any(|seen| *seen == longer[longer.len() - n..]);
                if repeats || spec.suppressed.contains(&(token as TokenId)) {
                    *score = f32::NEG_INFINITY;
                }
            }
            if let Some(end) = spec.forced_eos.filter(|_| length == room) {
                scores.fill(f32::NEG_INFINITY);
                scores[end as usize] = 0.0;
            }
            if spec.renormalize {
                normalize(&mut scores, &order);
            }
            for (token, next) in scores.iter().enumerate().filter(|(_, score)| **score > f32::NEG_INFINITY) {
                all.push(([sequence.as_slice(), &[token as TokenId]].concat(), score + next));
            }
        }
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all.truncate(options.beams * (1 + spec.eos.len()).max(2));
        // What an encoder-decoder is made to begin with behind its start token counts as answered.
        let counted = length + if spec.has_encoder { prefix.len() - 1 } else { 0 };
        let divide = |score: f32| score / (counted as f64).powf(f64::from(options.length_penalty)) as f32;
        let ended = |sequence: &[TokenId]| length == room || spec.eos.contains(&sequence[sequence.len() - 1]);
        pool.extend(
            all.iter().take(options.beams).filter(|(s, _)| ended(s)).map(|(s, score)| (s.clone(), divide(*score))),
        );
        pool.sort_by(|a, b| b.1.total_cmp(&a.1));
        pool.truncate(options.beams);
        running = all.into_iter().filter(|(sequence, _)| !ended(sequence)).take(options.beams).collect();
        let Some(best) = running.first() else { break };
        if pool.len() == options.beams && divide(best.1) <= pool[pool.len() - 1].1 {
            break;
        }
    }
    let (sequence, score) = pool.into_iter().next().expect("something has ended");
    let mut answer = sequence[prefix.len()..].to_vec();
    if answer.last().is_some_and(|last| spec.eos.contains(last)) {
        answer.pop();
    }
    (answer, score)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn beam_search_agrees_with_the_plain_reference(
        seed in any::<u32>(),
        beams in 2usize..6,
        length_penalty in prop::sample::select(vec![0.0f32, 0.6, 1.0, 2.0, -1.0]),
        (max_new_tokens, end_bias) in (1usize..25, -0.1f64..0.4),
        (no_repeat_ngram, repetition_penalty) in (0usize..4, prop::sample::select(vec![1.0f32, 1.0, 1.3, 0.9])),
        (forced, renormalize, two_ends) in any::<(bool, bool, bool)>(),
        sources in prop::collection::vec(prop::collection::vec(0u32..50, 0..6), 1..5),
    ) {
        let mut model = toy(seed, 37);
        model.end_bias = end_bias;
        model.spec.suppressed = vec![5, 11, 0];
        if two_ends {
            model.spec.eos.push(9);
        }
        model.spec.forced_eos = forced.then_some(0);
        model.spec.renormalize = renormalize;
        let options = SearchOptions {
            beams, length_penalty, max_new_tokens, no_repeat_ngram, repetition_penalty, ..SearchOptions::default()
        };
        let batch: Vec<Request<'_>> =
            sources.iter().map(|source| Request { source, prefix: &[1, 4], shared: 0, allowed: tlumach::token::TokenClasses::ALL, constraints: &[] }).collect();
        let answers = search(&model, &batch, &options).expect("a search");
        model.spec.suppressed.pop();
        for (source, answer) in sources.iter().zip(answers) {
            let answer = answer.expect("an answer");
            let (ids, score) = reference(&model, source, &[1, 4], &options);
            prop_assert_eq!(&answer.ids, &ids, "scores {} and {}", answer.score, score);
            prop_assert!((answer.score - score).abs() < 1e-4, "{} {}", answer.score, score);
        }
    }

    #[test]
    fn greedy_takes_the_best_token_each_time(
        seed in any::<u32>(),
        sources in prop::collection::vec(prop::collection::vec(0u32..50, 0..6), 1..9),
        max_new_tokens in 1usize..40,
    ) {
        let model = toy(seed, 29);
        let options = SearchOptions { max_new_tokens, ..SearchOptions::default() };
        let batch: Vec<Request<'_>> = sources.iter().map(|source| Request { source, prefix: &[1], shared: 0, allowed: tlumach::token::TokenClasses::ALL, constraints: &[] }).collect();
        let answers = search(&model, &batch, &options).expect("a search");
        for (source, answer) in sources.iter().zip(answers) {
            let answer = answer.expect("an answer");
            let mut sequence = vec![1];
            let mut sum = 0.0f32;
            let mut ended = false;
            while sequence.len() <= max_new_tokens && !ended {
                let logits = model.logits(source, &sequence);
                let best = (0..logits.len()).rev().max_by(|&a, &b| logits[a].total_cmp(&logits[b])).expect("a token");
                sum += logits[best] - log_sum_exp(logits.iter().copied());
                sequence.push(best as TokenId);
                ended = best == 0;
            }
            let tokens = sequence.len() - 1;
            prop_assert_eq!(&answer.ids[..], &sequence[1..sequence.len() - usize::from(ended)]);
            prop_assert_eq!(answer.finish, if ended { Finish::End } else { Finish::Limit });
            prop_assert!((answer.log_probability - sum).abs() < 1e-4);
            prop_assert!((answer.score - sum / tokens as f32).abs() < 1e-4);
        }
    }
}

fn one(model: &Toy, source: &[TokenId], options: &SearchOptions) -> Result<Hypothesis, DecodeError> {
    let batch =
        [Request { source, prefix: &[1], shared: 0, allowed: tlumach::token::TokenClasses::ALL, constraints: &[] }];
    search(model, &batch, options).expect("a search").remove(0)
}

#[test]
fn the_model_limit_counts_the_start_token() {
    for beams in [1, 3] {
        let mut model = toy(3, 17);
        model.end_bias = -10.0;
        model.spec.max_target_tokens = 12;
        let options = SearchOptions { beams, ..SearchOptions::default() };
        let answer = one(&model, &[4], &options).expect("an answer");
        assert_eq!((answer.ids.len(), answer.finish), (11, Finish::Limit));
        model.spec.forced_eos = Some(0);
        let answer = one(&model, &[4], &options).expect("an answer");
        assert_eq!((answer.ids.len(), answer.finish), (10, Finish::Limit));
    }
}

#[test]
fn a_loop_is_stopped_unless_told_otherwise() {
    for beams in [1, 2] {
        let mut model = toy(3, 17);
        model.spec.max_target_tokens = 400;
        let mut options = SearchOptions { beams, max_new_tokens: 200, ..SearchOptions::default() };
        let answer = one(&model, &[LOOPS], &options).expect("an answer");
        assert_eq!((answer.ids.len(), answer.finish), (LoopStop::default().min_tokens, Finish::Loop));
        options.loop_stop = None;
        let answer = one(&model, &[LOOPS], &options).expect("an answer");
        assert_eq!((answer.ids.len(), answer.finish), (200, Finish::Limit));
    }
}

#[test]
fn a_bad_row_does_not_spoil_its_batch() {
    let model = toy(9, 17);
    let long = vec![2; model.spec.max_source_tokens + 1];
    for beams in [1, 4] {
        let options = SearchOptions { beams, ..SearchOptions::default() };
        let good = one(&model, &[4, 2], &options).expect("an answer");
        let request = |source, prefix| Request {
            source,
            prefix,
            shared: 0,
            allowed: tlumach::token::TokenClasses::ALL,
            constraints: &[],
        };
        let batch = [
            request(&[NOT_A_NUMBER], &[1]),
            request(&[4, 2], &[1]),
            request(&long, &[1]),
            request(&[4, 2], &[]),
            request(&[4, 2], &[1; 48]),
        ];
        let answers = search(&model, &batch, &options).expect("a search");
        assert_eq!(answers[1].as_ref().expect("an answer"), &good);
        let messages: Vec<String> =
            answers.iter().filter_map(|answer| answer.as_ref().err().map(ToString::to_string)).collect();
        assert!(messages[0].contains("not a number"), "{messages:?}");
        assert!(messages[1].contains("source too long"), "{messages:?}");
        assert!(messages[2].contains("empty prefix"), "{messages:?}");
        assert!(messages[3].contains("no room"), "{messages:?}");
    }
}

#[test]
fn only_allowed_tokens_are_answered() {
    let model = toy(9, 40);
    for beams in [1, 3] {
        let allowed: Vec<TokenId> = vec![0, 3, 8, 9, 20, 21, 22, 30];
        let options = SearchOptions { beams, allowed: Some(allowed.clone().into()), ..SearchOptions::default() };
        for source in 0..20 {
            let answer = one(&model, &[source], &options).expect("an answer");
            assert!(answer.ids.iter().all(|id| allowed.contains(id)), "{:?}", answer.ids);
        }
    }
}

#[test]
fn ids_that_cannot_be_answered_are_no_trouble_to_the_rules() {
    let mut model = toy(9, 40);
    model.spec.suppressed = vec![5000];
    for beams in [1, 3] {
        let options = SearchOptions { beams, no_repeat_ngram: 1, repetition_penalty: 1.2, ..SearchOptions::default() };
        let batch = [Request {
            source: &[4],
            prefix: &[5000, 3],
            shared: 0,
            allowed: tlumach::token::TokenClasses::ALL,
            constraints: &[],
        }];
        let answer = search(&model, &batch, &options).expect("a search").remove(0).expect("an answer");
        assert!(!answer.ids.contains(&3), "{:?}", answer.ids);
    }
}

#[test]
fn everything_banned_is_an_error() {
    let model = toy(9, 40);
    for beams in [1, 3] {
        let options = SearchOptions { beams, allowed: Some(Vec::new().into()), ..SearchOptions::default() };
        assert!(matches!(one(&model, &[4], &options), Err(DecodeError::Logits { .. })));
    }
}

#[test]
fn the_answer_alone_may_count_as_seen() {
    let mut model = toy(9, 12);
    model.end_bias = 0.0;
    let prefix = [3, 4, 5, 3, 4];
    let batch = [Request {
        source: &[],
        prefix: &prefix,
        shared: 0,
        allowed: tlumach::token::TokenClasses::ALL,
        constraints: &[],
    }];
    for seen in [Seen::Sequence, Seen::Answer] {
        for beams in [1, 3] {
            let options = SearchOptions { beams, no_repeat_ngram: 2, seen, ..SearchOptions::default() };
            let answer = search(&model, &batch, &options).expect("a search").remove(0).expect("an answer");
            let checked = match seen {
                Seen::Sequence => [&prefix[4..], &answer.ids].concat(),
                Seen::Answer => answer.ids,
            };
            let mut pairs: Vec<&[TokenId]> = checked.windows(2).collect();
            let before = pairs.len();
            pairs.sort_unstable();
            pairs.dedup();
            assert_eq!(pairs.len(), before, "{checked:?}");
        }
    }
}

#[test]
fn bad_options_are_named() {
    let model = toy(1, 9);
    let check = |options: SearchOptions, expected: &str| {
        let error = search(&model, &[], &options).expect_err("bad options").to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(SearchOptions { beams: 0, ..SearchOptions::default() }, "beams");
    check(SearchOptions { length_penalty: f32::NAN, ..SearchOptions::default() }, "length_penalty");
    check(SearchOptions { repetition_penalty: 0.0, ..SearchOptions::default() }, "repetition_penalty");
    check(SearchOptions { allowed: Some(vec![3, 3].into()), ..SearchOptions::default() }, "allowed");
}
