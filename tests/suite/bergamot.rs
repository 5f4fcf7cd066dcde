//! Bergamot on tiny checkpoints of every layout, against the reference in `tools/reference/bergamot.py`, and the engines
//! against each other.
//!
//! `Auto` is 8-bit weights with 16-bit activations, `Int8` has 8 bits for both; the plain engine is the slow one in 32 bits.

use candle_core::Device;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tlumach::decode::{Entry, SearchOptions, begin, search};
use tlumach::model::bergamot::{Bergamot, Files, Vocabulary, load, load_plain};
use tlumach::model::shortlist::Shortlist;
use tlumach::model::{Adjustment, Ask, Candidates, Keep, LoadOptions, Model, ModelError, Precision, Request};
use tlumach::token::{TokenClasses, TokenId};

pub(crate) const TINY: [&str; 3] = ["bergamot-tied", "bergamot-deep", "bergamot-two-vocabularies"];
const FAST: [Precision; 3] = [Precision::F32, Precision::W8A16, Precision::Int8];
/// The token that ends source and answer; before an answer it only stands for its place.
const END: TokenId = 0;
const UNKNOWN: TokenId = 1;

/// What the reference answered on one source, one step after the other.
struct Answer {
    ids: Vec<TokenId>,
    log_probabilities: Vec<f32>,
    hard_alignment: Vec<usize>,
    alignment: Vec<Vec<f32>>,
    /// The least distance between the best two tokens of a step.
    smallest_gap: f32,
}

struct Case {
    source: Vec<TokenId>,
    first_logits: Vec<f32>,
    shortlist: Vec<TokenId>,
    greedy: Answer,
    greedy_shortlist: Answer,
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().map_or(Vec::new(), |list| list.iter().map(|item| item.as_f64().unwrap() as f32).collect())
}

fn ids(value: &Value) -> Vec<TokenId> {
    value.as_array().map_or(Vec::new(), |list| list.iter().map(|item| item.as_u64().unwrap() as TokenId).collect())
}

fn golden(name: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bergamot").join(format!("{name}.json"));
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let answer = |value: &Value| Answer {
        ids: ids(&value["ids"]),
        log_probabilities: numbers(&value["log_probabilities"]),
        hard_alignment: ids(&value["hard_alignment"]).into_iter().map(|place| place as usize).collect(),
        alignment: value["alignment"].as_array().map_or(Vec::new(), |rows| rows.iter().map(numbers).collect()),
        smallest_gap: value["smallest_gap"].as_f64().unwrap() as f32,
    };
    let case = |case: &Value| Case {
        source: ids(&case["source"]),
        first_logits: numbers(&case["first_logits"]),
        shortlist: ids(&case["shortlist"]),
        greedy: answer(&case["greedy"]),
        greedy_shortlist: answer(&case["greedy_shortlist"]),
    };
    golden["cases"].as_array().unwrap().iter().map(case).collect()
}

fn sources(name: &str) -> Vec<Vec<TokenId>> {
    golden(name).into_iter().map(|case| case.source).collect()
}

/// The only file of a folder whose name has these two ends.
pub(crate) fn file(folder: &Path, start: &str, end: &str) -> PathBuf {
    let mut found = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(start) && name.ends_with(end)
    });
    let file = found.next().unwrap_or_else(|| panic!("{start}*{end} in {}", folder.display()));
    assert!(found.next().is_none(), "one {start}*{end} in {}", folder.display());
    file
}

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tiny").join(name)
}

fn vocabulary(name: &str) -> Vocabulary<'static> {
    let shared = name != "bergamot-two-vocabularies";
    let target = if shared { 300 } else { 260 };
    Vocabulary { source: 300, target, shared, end: END, unknown: UNKNOWN, classes: &[] }
}

/// Whether a model looks at the whole vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    Everywhere,
    AtShortlists,
}

const BOTH: [Looks; 2] = [Looks::Everywhere, Looks::AtShortlists];

fn files(name: &str, looks: Looks) -> Files {
    let folder = folder(name);
    let shortlist = (looks == Looks::AtShortlists).then(|| file(&folder, "lex.", ".bin"));
    Files { model: file(&folder, "model.", ".bin"), shortlist }
}

fn options(precision: Precision) -> LoadOptions {
    LoadOptions { device: Device::Cpu, precision, keep: Keep::Nowhere }
}

fn fast(name: &str, precision: Precision, looks: Looks) -> Bergamot {
    load(&files(name, looks), &options(precision), vocabulary(name)).unwrap()
}

fn plain(name: &str, looks: Looks) -> Bergamot {
    load_plain(&files(name, looks), &options(Precision::F32), vocabulary(name)).unwrap()
}

/// Everything about the next tokens.
fn all(model: &Bergamot) -> Ask<'static> {
    Ask { k: model.spec().vocab, allowed: None, adjust: &[], log_sum_exp: true, also: &[] }
}

/// Tokens and logits by token.
fn by_token(answer: &Candidates) -> Vec<(TokenId, f32)> {
    let mut best = answer.best.clone();
    best.sort_by_key(|item| item.0);
    best
}

fn logits(answer: &Candidates) -> Vec<f32> {
    by_token(answer).into_iter().map(|item| item.1).collect()
}

fn largest_difference(got: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(got.len(), expected.len());
    got.iter().zip(expected).fold(0.0, |largest, (got, expected)| (got - expected).abs().max(largest))
}

/// Root mean square of the difference, in parts of the deviation of what was expected.
fn relative_error(got: &[f32], expected: &[f32]) -> f32 {
    let mean = expected.iter().sum::<f32>() / expected.len() as f32;
    let error: f32 = got.iter().zip(expected).map(|(a, b)| (a - b).powi(2)).sum();
    (error / expected.iter().map(|a| (a - mean).powi(2)).sum::<f32>()).sqrt()
}

fn request<'a>(source: &'a [TokenId], prefix: &'a [TokenId]) -> Request<'a> {
    Request { source, prefix, shared: 0, allowed: TokenClasses::ALL, constraints: &[] }
}

fn requests(sources: &[Vec<TokenId>]) -> Vec<Request<'_>> {
    sources.iter().map(|source| request(source, &[END])).collect()
}

/// The best token of each step but the unknown one, whose probability counts, as in the reference; at most twice as many as the
/// source has.
fn greedy(model: &Bergamot, sources: &[Vec<TokenId>]) -> Vec<Answer> {
    let mut state = model.start(&requests(sources)).unwrap();
    state.align();
    let none = || Answer {
        ids: Vec::new(),
        log_probabilities: Vec::new(),
        hard_alignment: Vec::new(),
        alignment: Vec::new(),
        smallest_gap: f32::INFINITY,
    };
    let mut answers: Vec<Answer> = sources.iter().map(|_| none()).collect();
    let mut live: Vec<usize> = (0..sources.len()).collect();
    while !live.is_empty() {
        let last: Vec<TokenId> = live.iter().map(|&row| answers[row].ids.last().copied().unwrap_or(END)).collect();
        let ask = Ask { k: 2, allowed: None, adjust: &[], log_sum_exp: true, also: &[] };
        let mut kept = Vec::new();
        for (place, found) in model.step(&last, &mut *state, &ask).unwrap().into_iter().enumerate() {
            let answer = &mut answers[live[place]];
            let &(token, logit) = found.best.iter().find(|(token, _)| *token != UNKNOWN).unwrap();
            answer.ids.push(token);
            answer.log_probabilities.push(logit - found.log_sum_exp);
            let looks = found.alignment.iter().enumerate();
            let hard =
                looks.fold((0, f32::MIN), |best, (at, &weight)| if weight > best.1 { (at, weight) } else { best });
            answer.hard_alignment.push(hard.0);
            answer.alignment.push(found.alignment);
            if token != END && answer.ids.len() < 2 * sources[live[place]].len() {
                kept.push(place);
            }
        }
        state.select(&kept).unwrap();
        live = kept.into_iter().map(|place| live[place]).collect();
    }
    answers
}

#[test]
fn shortlists_are_those_of_the_reference() {
    for name in TINY {
        let Vocabulary { source, target, shared, .. } = vocabulary(name);
        let path = file(&folder(name), "lex.", ".bin");
        let shortlist = Shortlist::open(&path, (source, target), shared).unwrap();
        let cases = golden(name);
        let checked = cases.iter().filter(|case| !case.shortlist.is_empty());
        for case in checked.clone() {
            assert_eq!(shortlist.of(&case.source), case.shortlist, "{name}");
        }
        assert_eq!(checked.count(), 5, "{name}");
    }
}

/// Networks of random weights with sharp attention make much of a little noise, and more of it the longer the source: the two
/// engines in 32 bits, whose rounding is 1e-7 of a number, differ from the reference in 64 bits by up to 7e-4 here, so that the
/// activations' 16 bits (some 3e-5 of their deviation) make up to 5e-2, and 8 bits keep little but short sources. Logits have a
/// deviation of about 4. What is left of this in real networks is in `tests/models/bergamot.rs`.
#[test]
fn the_first_logits_are_those_of_the_reference() {
    for name in TINY {
        // The model, the largest difference, and the largest relative error for short and for longer sources.
        let models = [
            (plain(name, Looks::Everywhere), 2e-3, [3e-6, 2e-4]),
            (fast(name, Precision::F32, Looks::Everywhere), 2e-3, [3e-6, 2e-4]),
            (fast(name, Precision::W8A16, Looks::Everywhere), 0.15, [1.5e-4, 1.2e-2]),
            (fast(name, Precision::Int8, Looks::Everywhere), f32::INFINITY, [0.04, 1.0]),
        ];
        for case in golden(name).iter().filter(|case| !case.first_logits.is_empty()) {
            for (index, (model, tolerance, relative)) in models.iter().enumerate() {
                let mut state = model.start(&[request(&case.source, &[END])]).unwrap();
                let answers = model.step(&[END], &mut *state, &all(model)).unwrap();
                let got = logits(&answers[0]);
                let worst = largest_difference(&got, &case.first_logits);
                let error = relative_error(&got, &case.first_logits);
                assert!(worst <= *tolerance, "{name}, model {index}: differs by {worst}");
                let limit = relative[usize::from(case.source.len() > 2)];
                assert!(error <= limit, "{name}, model {index}: relative error {error}, expected {limit}");
            }
        }
    }
}

/// Least distance between two tokens of a step that 16-bit activations keep apart in these networks; see above.
const KEPT_APART: f32 = 0.06;

/// All sources of a checkpoint in one ragged batch: in 32 bits token for token by both engines, with 16-bit activations unless
/// two tokens were close in some step.
#[test]
fn greedy_answers_are_those_of_the_reference() {
    for name in TINY {
        let (cases, sources) = (golden(name), sources(name));
        for looks in BOTH {
            let models = [
                (plain(name, looks), 5e-3, 0.0),
                (fast(name, Precision::F32, looks), 5e-3, 0.0),
                (fast(name, Precision::W8A16, looks), 0.3, KEPT_APART),
            ];
            for (index, (model, tolerance, apart)) in models.iter().enumerate() {
                let (mut worst, mut same) = (0.0f32, 0);
                for (case, got) in cases.iter().zip(greedy(model, &sources)) {
                    let expected = if looks == Looks::Everywhere { &case.greedy } else { &case.greedy_shortlist };
                    assert!(!got.ids.contains(&UNKNOWN));
                    if got.ids == expected.ids {
                        same += 1;
                        worst = worst.max(largest_difference(&got.log_probabilities, &expected.log_probabilities));
                    } else {
                        let close = expected.smallest_gap < *apart;
                        assert!(close, "{name}, {looks:?}, model {index}: {:?}, {:?}", got.ids, expected.ids);
                    }
                }
                assert!(worst <= *tolerance, "{name}, {looks:?}, model {index}: log-probabilities by {worst}");
                assert!(same >= 16, "{name}, {looks:?}, model {index}: {same} of {} the same", cases.len());
            }
        }
    }
}

/// How many answers are the same in 8 bits: networks of random weights make much of a little noise.
#[test]
fn eight_bits_answer_some_of_it_the_same() {
    let (mut same, mut first, mut total) = (0, 0, 0);
    for name in TINY {
        let (cases, sources) = (golden(name), sources(name));
        let model = fast(name, Precision::Int8, Looks::AtShortlists);
        for (case, got) in cases.iter().zip(greedy(&model, &sources)) {
            total += 1;
            same += usize::from(got.ids == case.greedy_shortlist.ids);
            first += usize::from(got.ids.first() == case.greedy_shortlist.ids.first());
        }
    }
    // 17 and 52 of 60 were seen.
    assert!(same * 5 >= total && first * 10 >= total * 7, "{same} of {total} answers, {first} first tokens");
}

#[test]
fn alignments_are_those_of_the_reference() {
    for name in TINY {
        let (cases, sources) = (golden(name), sources(name));
        let models = [
            (plain(name, Looks::AtShortlists), 1e-3, 0.0),
            (fast(name, Precision::F32, Looks::AtShortlists), 1e-3, 0.0),
            (fast(name, Precision::W8A16, Looks::AtShortlists), 6e-2, 0.01),
        ];
        for (index, (model, tolerance, wrong)) in models.iter().enumerate() {
            let (mut worst, mut whole, mut differing, mut places) = (0.0f32, 0, 0, 0);
            for (case, got) in cases.iter().zip(greedy(model, &sources)) {
                let expected = &case.greedy_shortlist;
                for weights in &got.alignment {
                    assert_eq!(weights.len(), case.source.len());
                    assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                }
                if got.ids != expected.ids {
                    assert!(index == 2, "{name}, model {index}");
                    continue;
                }
                places += got.ids.len();
                let pairs = got.hard_alignment.iter().zip(&expected.hard_alignment);
                differing += pairs.filter(|(got, expected)| got != expected).count();
                assert_eq!(got.hard_alignment.len(), expected.hard_alignment.len());
                for (got, expected) in got.alignment.iter().zip(&expected.alignment) {
                    worst = worst.max(largest_difference(got, expected));
                    whole += 1;
                }
            }
            assert!(
                places > 300 && differing as f64 <= places as f64 * wrong,
                "{name} {index}: {differing} of {places}"
            );
            assert!(whole > 20 && worst <= *tolerance, "{name}, model {index}: alignments by {worst}");
        }
    }
}

#[test]
fn alignments_are_made_when_asked_for() {
    let model = fast(TINY[0], Precision::W8A16, Looks::AtShortlists);
    let mut state = model.start(&[request(&[7, 9, END], &[END])]).unwrap();
    assert!(model.step(&[END], &mut *state, &all(&model)).unwrap()[0].alignment.is_empty());
    state.align();
    assert_eq!(model.step(&[5], &mut *state, &all(&model)).unwrap()[0].alignment.len(), 3);
}

/// The searches of the program, each source with the limit of its own; the unknown token is banned there before probabilities
/// are taken, so that only ids are those of the reference.
#[test]
fn the_search_finds_the_ids_of_the_reference() {
    for name in TINY {
        let cases = golden(name);
        for (looks, precision) in BOTH.into_iter().flat_map(|looks| [(looks, Precision::F32), (looks, Precision::Auto)])
        {
            let model = fast(name, precision, looks);
            let options = SearchOptions { loop_stop: None, ..SearchOptions::default() };
            let mut search = begin(&model, &options);
            let entry = |(tag, case): (usize, &Case)| {
                let (source, max_new_tokens) = (case.source.clone(), 2 * case.source.len());
                (tag, source, max_new_tokens)
            };
            let entries: Vec<(usize, Vec<TokenId>, usize)> = cases.iter().enumerate().map(entry).collect();
            let entries: Vec<Entry<'_>> = entries
                .iter()
                .map(|(tag, source, max_new_tokens)| Entry {
                    tag: *tag,
                    request: request(source, &[END]),
                    max_new_tokens: *max_new_tokens,
                    no_repeat_ngram: 0,
                })
                .collect();
            let mut outcomes = search.admit(&entries).unwrap();
            while search.entries() > 0 {
                outcomes.extend(search.advance().unwrap());
            }
            assert_eq!(outcomes.len(), cases.len());
            for (tag, got) in outcomes {
                let case = &cases[tag];
                let expected = if looks == Looks::Everywhere { &case.greedy } else { &case.greedy_shortlist };
                let gap = expected.smallest_gap;
                let expected: Vec<TokenId> = expected.ids.iter().copied().filter(|&id| id != END).collect();
                let got = got.unwrap().ids;
                let close = precision == Precision::Auto && gap < KEPT_APART;
                assert!(close || got == expected, "{name}, {precision:?}, {looks:?}: {got:?}, {expected:?}");
            }
        }
    }
}

#[test]
fn four_beams_find_what_the_plain_engine_finds() {
    for name in TINY {
        let sources = sources(name);
        for looks in BOTH {
            let options = SearchOptions { beams: 4, max_new_tokens: 40, loop_stop: None, ..SearchOptions::default() };
            let run = |model: &Bergamot| search(model, &requests(&sources), &options).unwrap();
            let expected = run(&plain(name, looks));
            // With 16-bit activations hypotheses that are close change places; 104 of 120 answers were the same.
            for (precision, least, tolerance) in [(Precision::F32, 20, 5e-3), (Precision::W8A16, 13, 0.3)] {
                let mut same = 0;
                for (row, (got, expected)) in run(&fast(name, precision, looks)).into_iter().zip(&expected).enumerate()
                {
                    let (got, expected) = (got.unwrap(), expected.as_ref().unwrap());
                    assert!(!got.ids.contains(&UNKNOWN) && !expected.ids.contains(&UNKNOWN));
                    let difference = (got.score - expected.score).abs();
                    assert!(difference < tolerance, "{name}, {looks:?}, {precision:?}, row {row}: {difference}");
                    same += usize::from(got.ids == expected.ids);
                }
                assert!(same >= least, "{name}, {looks:?}, {precision:?}: {same} of {}", expected.len());
            }
        }
    }
}

/// Teacher-forced over several steps, with reordered and repeated rows, and prefixes of unequal length.
#[test]
fn the_packed_network_computes_what_the_plain_one_does() {
    for (name, looks) in TINY.into_iter().flat_map(|name| BOTH.map(|looks| (name, looks))) {
        let slow = plain(name, looks);
        // The largest of all differences, and the relative error of the rows on average.
        for (precision, tolerance, relative) in [(Precision::F32, 5e-3, 5e-5), (Precision::W8A16, 2.0, 5e-3)] {
            let packed = fast(name, precision, looks);
            let sources = sources(name);
            let prefixes = [vec![END], vec![END, 3], vec![END, 3, 44, 3]];
            let batch: Vec<Request<'_>> =
                sources.iter().enumerate().map(|(row, source)| request(source, &prefixes[row % 3])).collect();
            let mut states = [&packed, &slow].map(|model| model.start(&batch).unwrap());
            for state in &mut states {
                state.align();
            }
            let mut last: Vec<TokenId> = batch.iter().map(|request| *request.prefix.last().unwrap()).collect();
            let (mut worst, mut errors) = ([0.0f32; 3], Vec::new());
            for step in 0..20 {
                let got = packed.step(&last, &mut *states[0], &all(&packed)).unwrap();
                let expected = slow.step(&last, &mut *states[1], &all(&slow)).unwrap();
                for (got, expected) in got.iter().zip(&expected) {
                    let tokens =
                        |answer: &Candidates| by_token(answer).into_iter().map(|item| item.0).collect::<Vec<_>>();
                    assert_eq!(tokens(got), tokens(expected), "{name}, {looks:?}");
                    errors.push(relative_error(&logits(got), &logits(expected)));
                    worst[0] = worst[0].max(largest_difference(&logits(got), &logits(expected)));
                    worst[1] = worst[1].max((got.log_sum_exp - expected.log_sum_exp).abs());
                    worst[2] = worst[2].max(largest_difference(&got.alignment, &expected.alignment));
                }
                let rows = last.len();
                let order: Vec<usize> =
                    (0..rows).map(|row| (row * 5 + step) % rows).chain([step % rows]).take(12).collect();
                for state in &mut states {
                    state.select(&order).unwrap();
                }
                // Twice the same row goes on in two ways: what one remembers must not change the other.
                last = order.iter().enumerate().map(|(new, &row)| got[row].best[(row + new) % 3].0).collect();
            }
            let error = errors.iter().sum::<f32>() / errors.len() as f32;
            assert!(error <= relative, "{name}, {looks:?}, {precision:?}: relative error {error}");
            assert!(worst.iter().all(|&worst| worst <= tolerance), "{name}, {looks:?}, {precision:?}: {worst:?}");
        }
    }
}

/// The answers to 12 steps of given tokens, which depend on nothing but row and step.
fn forced(model: &Bergamot, sources: &[Vec<TokenId>]) -> Vec<Vec<Candidates>> {
    let mut state = model.start(&requests(sources)).unwrap();
    state.align();
    let mut last = vec![END; sources.len()];
    (0..12)
        .map(|step| {
            let answers = model.step(&last, &mut *state, &all(model)).unwrap();
            last.fill(step * 7 % 250 + 2);
            answers
        })
        .collect()
}

/// Bit for bit: ids could only differ if these did.
#[test]
fn a_row_does_not_depend_on_its_batch_its_order_or_threads() {
    for (name, looks) in TINY.into_iter().flat_map(|name| BOTH.map(|looks| (name, looks))) {
        for precision in FAST {
            let model = fast(name, precision, looks);
            let sources = sources(name);
            let run = |threads: usize, sources: &[Vec<TokenId>]| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| forced(&model, sources))
            };
            let together = run(1, &sources);
            let what = format!("{name}, {looks:?}, {precision:?}");
            assert!(together == run(3, &sources), "{what}: threads");
            let backwards: Vec<Vec<TokenId>> = sources.iter().rev().cloned().collect();
            let mut reversed = run(2, &backwards);
            for answers in &mut reversed {
                answers.reverse();
            }
            assert!(together == reversed, "{what}: order");
            for (row, source) in sources.iter().enumerate() {
                let alone = run(1, std::slice::from_ref(source));
                for (step, answers) in alone.iter().enumerate() {
                    assert!(answers[0] == together[step][row], "{what}, row {row}, step {step}: alone");
                }
            }
        }
    }
}

#[test]
fn rows_that_join_go_on_as_if_alone() {
    for (looks, precision) in BOTH.into_iter().flat_map(|looks| FAST.map(|precision| (looks, precision))) {
        let model = fast(TINY[1], precision, looks);
        let sources = [vec![5, 17, 33, END], vec![44, 12, END]];
        let alone = forced(&model, &sources[1..]);
        let mut state = model.start(&requests(&sources[..1])).unwrap();
        state.align();
        for _ in 0..17 {
            model.step(&[9], &mut *state, &all(&model)).unwrap();
        }
        let mut joining = model.start(&requests(&sources[1..])).unwrap();
        joining.align();
        model.step(&[END], &mut *joining, &all(&model)).unwrap();
        state.append(joining).unwrap();
        let answers = model.step(&[7, 2], &mut *state, &all(&model)).unwrap();
        assert_eq!(answers[1], alone[1][0], "{precision:?}, {looks:?}");
        state.select(&[1]).unwrap();
        let answers = model.step(&[9], &mut *state, &all(&model)).unwrap();
        assert_eq!(answers[0], alone[2][0], "{precision:?}, {looks:?}");
    }
}

/// A row that is kept twice and fed two tokens goes on as two rows that were fed them from the start.
#[test]
fn repeated_rows_part_without_touching_each_other() {
    for (looks, precision) in BOTH.into_iter().flat_map(|looks| FAST.map(|precision| (looks, precision))) {
        let model = fast(TINY[0], precision, looks);
        let source = [vec![8, 120, 77, 31, END]];
        let feed = |tokens: &[TokenId]| {
            let mut state = model.start(&requests(&source)).unwrap();
            tokens.iter().map(|&token| model.step(&[token], &mut *state, &all(&model)).unwrap().remove(0)).last()
        };
        let mut state = model.start(&requests(&source)).unwrap();
        for token in [END, 20] {
            model.step(&[token], &mut *state, &all(&model)).unwrap();
        }
        state.select(&[0, 0, 0]).unwrap();
        model.step(&[30, 40, 30], &mut *state, &all(&model)).unwrap();
        state.select(&[1, 0, 2]).unwrap();
        let got = model.step(&[60, 60, 50], &mut *state, &all(&model)).unwrap();
        for (got, last) in got.into_iter().zip([[40, 60], [30, 60], [30, 50]]) {
            let expected = feed(&[&[END, 20][..], &last].concat());
            assert_eq!(Some(got), expected, "{precision:?}, {looks:?}");
        }
    }
}

#[test]
fn a_prefix_is_read_as_if_it_had_been_answered() {
    for looks in BOTH {
        let plain = [plain(TINY[1], looks)];
        for model in FAST.map(|precision| fast(TINY[1], precision, looks)).iter().chain(&plain) {
            let source = [9, 58, 121, END];
            let mut given = model.start(&[request(&source, &[END, 40, 12])]).unwrap();
            let mut answered = model.start(&[request(&source, &[END])]).unwrap();
            for token in [END, 40] {
                model.step(&[token], &mut *answered, &all(model)).unwrap();
            }
            let got = model.step(&[12], &mut *given, &all(model)).unwrap();
            assert_eq!(got, model.step(&[12], &mut *answered, &all(model)).unwrap(), "{looks:?}");
        }
    }
}

/// The first token only says that an answer begins: a vector of zeros is read in its place.
#[test]
fn the_first_token_is_not_read() {
    for name in TINY {
        for model in FAST
            .map(|precision| fast(name, precision, Looks::Everywhere))
            .into_iter()
            .chain([plain(name, Looks::Everywhere)])
        {
            let first = |token: TokenId| {
                let mut state = model.start(&[request(&[9, 58, END], &[token])]).unwrap();
                let answers = model.step(&[token], &mut *state, &all(&model)).unwrap();
                let next = model.step(&[token], &mut *state, &all(&model)).unwrap();
                (answers, next)
            };
            let ((one, one_next), (other, other_next)) = (first(END), first(77));
            assert_eq!(one, other, "{name}");
            assert_ne!(one_next, other_next, "{name}");
        }
    }
}

#[test]
fn the_unknown_token_is_suppressed() {
    for name in TINY {
        let model = fast(name, Precision::Auto, Looks::AtShortlists);
        assert_eq!((model.spec().eos.as_slice(), model.spec().suppressed.as_slice()), (&[END][..], &[UNKNOWN][..]));
        // It would be answered: the checkpoints give it a large bias.
        let answers = forced(&model, &sources(name));
        assert!(answers.iter().flatten().any(|answer| answer.best[0].0 == UNKNOWN), "{name}");
    }
}

#[test]
fn allowed_sets_and_adjustments_change_best_and_sum() {
    for (name, looks) in TINY.into_iter().flat_map(|name| BOTH.map(|looks| (name, looks))) {
        let plain = [plain(name, looks)];
        for model in FAST.map(|precision| fast(name, precision, looks)).iter().chain(&plain) {
            let source = [9, 58, 121, END];
            let step = |ask: &Ask<'_>| {
                let mut state = model.start(&[request(&source, &[END])]).unwrap();
                model.step(&[END], &mut *state, ask).unwrap().remove(0)
            };
            let free = by_token(&step(&all(model)));
            let allowed = [2u32, 3, 11, 40, 69, 250];
            let adjust = [Adjustment::ban(None, 3), Adjustment::ban(Some(0), 40), Adjustment::ban(Some(5), 11)];
            let got = step(&Ask { k: 10, allowed: Some(&allowed), adjust: &adjust, log_sum_exp: true, also: &[] });
            let kept = |id: TokenId| allowed.contains(&id) && id != 3 && id != 40;
            let mut expected: Vec<(u32, f32)> = free.iter().copied().filter(|&(id, _)| kept(id)).collect();
            expected.sort_by(|a, b| b.1.total_cmp(&a.1));
            assert_eq!(got.best, expected, "{name}, {looks:?}");
            // The first two of the four that are left are in every shortlist.
            assert!(expected.len() == 4 || looks == Looks::AtShortlists && expected.len() >= 2, "{name}, {looks:?}");
            let sum = expected.iter().map(|item| item.1.exp()).sum::<f32>().ln();
            assert!((got.log_sum_exp - sum).abs() < 1e-5, "{name}, {looks:?}");
        }
    }
}

/// Tokens of odd numbers have a class; who does not allow it is answered from the even ones, with the same logits.
#[test]
fn classes_leave_tokens_out() {
    let odd = TokenClasses(4);
    for (name, looks) in TINY.into_iter().flat_map(|name| BOTH.map(|looks| (name, looks))) {
        let vocabulary = vocabulary(name);
        let class = |id: usize| if id % 2 == 1 { odd } else { TokenClasses::NONE };
        let classes: Vec<TokenClasses> = (0..vocabulary.target).map(class).collect();
        for precision in FAST {
            let files = files(name, looks);
            let model = load(&files, &options(precision), Vocabulary { classes: &classes, ..vocabulary }).unwrap();
            let free = fast(name, precision, looks);
            let source = [9, 58, 121, END];
            let step = |model: &Bergamot, allowed: TokenClasses| {
                let mut state = model.start(&[Request { allowed, ..request(&source, &[END]) }]).unwrap();
                model.step(&[END], &mut *state, &all(model)).unwrap().remove(0)
            };
            let expected = by_token(&step(&free, TokenClasses::ALL));
            assert_eq!(by_token(&step(&model, TokenClasses::ALL)), expected, "{name}, {looks:?}, {precision:?}");
            let even: Vec<(TokenId, f32)> = expected.into_iter().filter(|(id, _)| id % 2 == 0).collect();
            assert_eq!(by_token(&step(&model, TokenClasses(3))), even, "{name}, {looks:?}, {precision:?}");
        }
    }
}

#[test]
fn inputs_that_do_not_fit_are_errors() {
    let two = TINY[2];
    let plain = [plain(two, Looks::AtShortlists)];
    for model in FAST.map(|precision| fast(two, precision, Looks::AtShortlists)).iter().chain(&plain) {
        let start = |source: &[TokenId], prefix: &[TokenId]| model.start(&[request(source, prefix)]).map(|_| ());
        assert!(matches!(start(&[2; 513], &[END]), Err(ModelError::TooLong { what: "source", limit: 512, got: 513 })));
        assert!(matches!(start(&[300], &[END]), Err(ModelError::TokenOutOfRange { vocab: 300, got: 300 })));
        assert!(matches!(start(&[2], &[260]), Err(ModelError::TokenOutOfRange { vocab: 260, got: 260 })));
        assert!(start(&[], &[END]).is_err());
        assert!(start(&[2], &[]).is_err());
        assert!(start(&[299, END], &[END]).is_ok());
        let mut state = model.start(&[request(&[2, END], &[END])]).unwrap();
        assert!(model.step(&[2, 2], &mut *state, &all(model)).is_err());
        assert!(model.step(&[260], &mut *state, &all(model)).is_err());
        for _ in 0..512 {
            model
                .step(&[2], &mut *state, &Ask { k: 1, allowed: None, adjust: &[], log_sum_exp: false, also: &[] })
                .unwrap();
        }
        assert!(matches!(model.step(&[2], &mut *state, &all(model)), Err(ModelError::TooLong { what: "answer", .. })));
        let other = fast(TINY[0], Precision::F32, Looks::Everywhere);
        let foreign = other.start(&[request(&[2, END], &[END])]).unwrap();
        // Rows of the same kind of engine cannot be told apart; those of another can.
        if let Err(error) = state.append(foreign) {
            assert!(error.to_string().contains("another model"), "{error}");
        }
    }
}
