//! Runs on many workers: the same answers whatever the batch, the workers, the order and the neighbours.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use proptest::prelude::*;
use tlumach::decode::{SearchOptions, search};
use tlumach::model::Request;
use tlumach::model::echo::{Echo, START};
use tlumach::schedule::{Job, JobResult, Report, ScheduleError, ScheduleOptions, Watch, run, workers_for};
use tlumach::token::{Prompt, TokenId};

use crate::toy::{FAILS_AT_START, FAILS_LATER, NOT_A_NUMBER, PANICS_AT_START, PANICS_LATER, Toy, prompt, toy};

fn jobs(prompts: &[Prompt]) -> Vec<Job<'_>> {
    prompts.iter().map(|prompt| Job { prompt, max_new_tokens: 20 + prompt.source.len() % 3 }).collect()
}

/// Runs without cancelling; checks that every job is reported once, with its result.
fn run_all(model: &Toy, jobs: &[Job<'_>], options: &ScheduleOptions) -> Report {
    let seen: Mutex<Vec<Option<String>>> = Mutex::new(vec![None; jobs.len()]);
    let on_done = |index: usize, result: &JobResult| {
        let before = seen.lock().expect("a lock")[index].replace(show(result));
        assert!(before.is_none(), "job {index} is reported twice");
    };
    let report = run(model, jobs, options, Watch { cancel: &AtomicBool::new(false), on_done: &on_done });
    let reported: Vec<Option<String>> = seen.into_inner().expect("a lock");
    assert_eq!(reported, report.results.iter().map(|result| Some(show(result))).collect::<Vec<_>>());
    report
}

fn show(result: &JobResult) -> String {
    match result {
        // Scores too: the toy's are the same to the last bit.
        Ok(answer) => format!("{answer:?}"),
        Err(error) => error.to_string(),
    }
}

/// The result of a job that runs alone, without any schedule.
fn alone(model: &Toy, job: &Job<'_>, options: &SearchOptions) -> String {
    let options = SearchOptions { max_new_tokens: job.max_new_tokens, ..options.clone() };
    let Prompt { source, prefix, shared, allowed, .. } = job.prompt;
    let batch = [Request { source, prefix, shared: *shared, allowed: *allowed, constraints: &[] }];
    match std::panic::catch_unwind(|| search(model, &batch, &options)) {
        Ok(Ok(mut results)) => {
            show(&results.remove(0).map_err(|error| ScheduleError::from(std::sync::Arc::new(error))))
        }
        Ok(Err(error)) => error.to_string(),
        Err(panic) => {
            let said = panic.downcast_ref::<&str>().copied().unwrap_or("something else");
            ScheduleError::Panicked(said.to_string()).to_string()
        }
    }
}

/// A source that may hold one of the ids at which the toy misbehaves.
fn source() -> impl Strategy<Value = Vec<TokenId>> {
    let bad = prop::sample::select(vec![FAILS_AT_START, FAILS_LATER, PANICS_AT_START, PANICS_LATER, NOT_A_NUMBER]);
    let good = prop::collection::vec(0u32..9, 0..8);
    (good, prop::option::weighted(0.1, bad)).prop_map(|(good, bad)| good.into_iter().chain(bad).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_depends_on_nothing_but_its_prompt(
        seed in 0u32..1000,
        sources in prop::collection::vec(source(), 0..40),
        (beams, length_penalty) in (1usize..4, 0.0f32..1.5),
        (threads, workers) in (1usize..5, prop::option::of(1usize..4)),
        (max_rows, max_tokens) in (1usize..20, 1usize..60),
        shuffle in any::<u64>(),
    ) {
        let model = toy(seed, 23);
        let search = SearchOptions { beams, length_penalty, ..SearchOptions::default() };
        let options = ScheduleOptions { search, threads, workers, max_rows, max_tokens, turns: None };
        let mut prompts: Vec<Prompt> = sources.iter().map(|source| prompt(source)).collect();
        let mut key = shuffle;
        prompts.sort_by_cached_key(|_| {
            key = key.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            key >> 33
        });
        let jobs = jobs(&prompts);
        let report = run_all(&model, &jobs, &options);
        for (job, result) in jobs.iter().zip(&report.results) {
            let (got, wanted) = (show(result), alone(&model, job, &options.search));
            prop_assert_eq!(got, wanted, "{:?}", job.prompt.source);
        }
    }
}

#[test]
fn identical_prompts_are_computed_once() {
    let model = toy(5, 23);
    let prompts: Vec<Prompt> = (0..30).map(|i| prompt(&[i % 3, 4])).collect();
    let report = run_all(&model, &jobs(&prompts), &ScheduleOptions::default());
    assert_eq!(report.stats.duplicates, 27);
    assert_eq!(report.stats.search.entries, 3);
    for (prompt, result) in prompts.iter().zip(&report.results) {
        let first = prompts.iter().position(|other| other == prompt).expect("itself");
        assert_eq!(show(result), show(&report.results[first]));
    }
}

#[test]
fn nothing_to_do_is_nothing_done() {
    let report = run_all(&toy(5, 23), &[], &ScheduleOptions { threads: 4, ..ScheduleOptions::default() });
    assert!(report.results.is_empty());
    assert_eq!(report.stats.workers, 0);
}

#[test]
fn what_is_answered_before_a_cancel_is_kept() {
    let model = toy(5, 23);
    let prompts: Vec<Prompt> = (0..200).map(|i| prompt(&[i % 23, i / 23])).collect();
    let jobs = jobs(&prompts);
    let options = ScheduleOptions { threads: 2, max_rows: 4, ..ScheduleOptions::default() };
    let full = run_all(&model, &jobs, &options);

    let (cancel, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let on_done = |_: usize, _: &JobResult| {
        if done.fetch_add(1, Ordering::SeqCst) == 20 {
            cancel.store(true, Ordering::SeqCst);
        }
    };
    let report = run(&model, &jobs, &options, Watch { cancel: &cancel, on_done: &on_done });
    let kept = report.results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(kept, done.into_inner());
    assert!(kept > 20 && kept < 200, "{kept}");
    for (result, full) in report.results.iter().zip(&full.results) {
        assert!(show(result) == show(full) || matches!(result, Err(ScheduleError::Cancelled)), "{result:?}");
    }
}

#[test]
fn a_run_cancelled_from_the_start_answers_nothing() {
    let prompts = [prompt(&[1])];
    let watch = Watch { cancel: &AtomicBool::new(true), on_done: &|_, _| panic!("nothing is done") };
    let report = run(&toy(5, 23), &jobs(&prompts), &ScheduleOptions::default(), watch);
    assert!(matches!(report.results[..], [Err(ScheduleError::Cancelled)]));
}

#[test]
fn bad_options_fail_every_job() {
    let prompts = [prompt(&[1]), prompt(&[2])];
    let search = SearchOptions { beams: 0, ..SearchOptions::default() };
    let options = ScheduleOptions { search, ..ScheduleOptions::default() };
    let watch = Watch { cancel: &AtomicBool::new(false), on_done: &|_, _| {} };
    let report = run(&toy(5, 23), &jobs(&prompts), &options, watch);
    assert!(report.results.iter().all(|result| show(result).contains("beams")), "{:?}", report.results);
}

#[test]
fn waiting_requests_enter_while_others_run() {
    let model = toy(5, 23);
    let prompts: Vec<Prompt> = (0..100).map(|i| prompt(&[i % 23, i / 23])).collect();
    let options = ScheduleOptions { max_rows: 16, ..ScheduleOptions::default() };
    let report = run_all(&model, &jobs(&prompts), &options);
    let stats = &report.stats.search;
    assert_eq!((stats.entries, stats.source_tokens, stats.prefix_tokens), (100, 200, 100));
    assert_eq!(stats.steps, stats.steps_with_rows.iter().sum::<usize>());
    assert!(stats.steps_with_rows.len() <= 17);
    // Without admission the rows would thin out to one in each batch.
    assert!(stats.mean_rows() > 10.0, "{}", stats.mean_rows());
    assert!(stats.starts > 100 / 16 && stats.starts <= 25, "{}", stats.starts);
    let answered: usize = report.results.iter().flatten().map(|answer| answer.ids.len()).sum();
    assert!(stats.target_tokens >= answered && stats.target_tokens <= answered + 100);
}

#[test]
fn one_bad_request_costs_few_repetitions() {
    let mut prompts: Vec<Prompt> = (0..64).map(|i| prompt(&[i % 23, i / 23])).collect();
    prompts[40].source.push(FAILS_LATER);
    let mut model = toy(5, 23);
    model.end_bias = -1.0;
    let report = run_all(&model, &jobs(&prompts), &ScheduleOptions::default());
    let failed: Vec<usize> = (0..64).filter(|&i| report.results[i].is_err()).collect();
    assert_eq!(failed, [40]);
    assert!(report.stats.retries <= 12, "{}", report.stats.retries);
}

#[test]
fn few_rows_share_a_worker_and_many_get_one_each() {
    let check = |requests, beams, threads, workers, expected| {
        let search = SearchOptions { beams, ..SearchOptions::default() };
        let options = ScheduleOptions { search, threads, workers, ..ScheduleOptions::default() };
        assert_eq!(workers_for(requests, &options), expected, "{requests} requests, {beams} beams, {threads} threads");
    };
    check(1, 1, 8, None, 1);
    check(1, 4, 8, None, 1);
    check(3, 1, 8, None, 1);
    check(8, 1, 2, None, 2);
    check(100, 1, 8, None, 8);
    check(5, 4, 8, None, 5);
    check(100, 1, 0, None, 1);
    check(100, 1, 4, Some(2), 2);
    check(100, 1, 4, Some(0), 1);
}

#[test]
fn rows_that_cannot_join_are_run_anew() {
    let mut model = toy(5, 23);
    let prompts: Vec<Prompt> = (0..40).map(|i| prompt(&[i % 23, i / 23])).collect();
    let options = ScheduleOptions { max_rows: 8, ..ScheduleOptions::default() };
    let wanted = run_all(&model, &jobs(&prompts), &options);
    model.append_fails = true;
    let got = run_all(&model, &jobs(&prompts), &options);
    assert!(got.stats.retries > 0);
    assert!(got.results.iter().zip(&wanted.results).all(|(got, wanted)| show(got) == show(wanted)));
}

#[test]
fn the_echo_answers_each_source() {
    let model = Echo::default();
    let prompts: Vec<Prompt> = ["Доброго ранку", "", "안녕하세요", "Good morning to all of you"]
        .iter()
        .map(|text| Prompt {
            source: text.bytes().map(TokenId::from).collect(),
            prefix: vec![START],
            shared: 0,
            allowed: tlumach::token::TokenClasses::ALL,
            constraints: Vec::new(),
        })
        .collect();
    for beams in [1, 4] {
        let search = SearchOptions { beams, ..SearchOptions::default() };
        let options = ScheduleOptions { search, threads: 2, max_rows: 4, ..ScheduleOptions::default() };
        let jobs: Vec<Job<'_>> = prompts.iter().map(|prompt| Job { prompt, max_new_tokens: 100 }).collect();
        let watch = Watch { cancel: &AtomicBool::new(false), on_done: &|_, _| {} };
        for (prompt, result) in prompts.iter().zip(run(&model, &jobs, &options, watch).results) {
            assert_eq!(result.expect("an answer").ids, prompt.source);
        }
    }
}
