//! Texts through the hops of their routes, continuously: a queue for each model, refilled from the client while workers run.
//!
//! A client hands out units as long as it has room for them and gets each back as soon as it is done, on whatever thread.
//! Each model for which something waits has a run of its own (`lane`), so that an answer of one model goes into the next
//! hop while the model works on other texts; the runs take turns on the threads of the job. A job with one model, which is
//! the usual one, is one run.
//! Identical units are computed once, while they wait or run and for a while after. Knows no articles and no checks.

mod lane;

use super::align::compose;
use super::models::Hop;
use super::run::{Answer, Ask, Beams, Effort, Part, Request, Way, plan, schedule_options, search_options, take};
use super::terms::Reading;
use super::twins::{Known, Question, Twins};
use super::unit::{HopDone, Owner, Translated, Unit};
use super::{Event, Pipeline, PipelineError};
use crate::batch::Queue;
use crate::decode::{Finish, SearchOptions};
use crate::job::report::HopRecord;
use crate::language::Language;
use crate::registry::load::Loaded;
use crate::schedule::{self, JobResult, Supply, Turns};
use crate::token::{Prompt, Task};
use lane::LaneFeed;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where units come from and go to. Methods are called from several threads, `more` from one at a time.
pub(super) trait Client: Sync {
    /// The next units.
    ///
    /// # Errors
    /// The job cannot go on.
    fn more(&self) -> Result<More, PipelineError>;

    /// Waits until there may be more after [`More::Later`], or for so long.
    fn wait(&self, _at_most: Duration) {}

    /// A unit is done; answers what is to be done because of it.
    fn done(&self, owner: Owner, translated: Translated) -> Vec<Unit>;
}

/// What a client has for the flow.
#[derive(Debug)]
pub(super) enum More {
    /// Units, perhaps none.
    Units(Vec<Unit>),
    /// Nothing before something that is under way is done.
    Full,
    /// Nothing now, whatever is done; something may come at any time.
    Later,
    /// Nothing any more.
    End,
}

/// A unit on its way.
struct Moving {
    question: Question,
    route: Vec<Hop>,
    hop: usize,
    engine: Arc<Loaded>,
    /// What is known so far; the text of its answer is what the hop reads.
    so_far: Translated,
    parts: Vec<MovingPart>,
    /// Parts without a result.
    left: usize,
}

struct MovingPart {
    range: Range<usize>,
    source_tokens: usize,
    result: Option<JobResult>,
}

/// What waits for one model.
struct Lane {
    engine: Arc<Loaded>,
    /// How wide its searches are: a run has one width.
    beams: Beams,
    queue: Queue,
    prompts: HashMap<usize, Waiting>,
    /// Prompts that workers hold.
    in_flight: usize,
    /// Whether a run works on it.
    runs: bool,
}

struct Waiting {
    prompt: Prompt,
    max_new_tokens: usize,
    no_repeat_ngram: usize,
}

#[derive(Default)]
struct State {
    lanes: BTreeMap<String, Lane>,
    /// Grows with everything that is done: whoever saw nothing to do looks at it to know that it is still so.
    changes: usize,
    next_tag: usize,
    /// Unit and part of each prompt that waits or runs.
    places: HashMap<usize, (usize, usize)>,
    next_unit: usize,
    units: HashMap<usize, Moving>,
    twins: Twins,
    supply: Option<Supply>,
    /// Whether the client had nothing the last time and may have something later.
    awaits: bool,
    failure: Option<PipelineError>,
    /// Whether a run panicked: the others must not wait for what it held.
    broken: bool,
}

/// The flow of one client's units into one language.
pub(super) struct Flow<'f, 'a> {
    pipeline: &'f Pipeline<'a>,
    client: &'f dyn Client,
    to: Language,
    /// Held by whoever asks the client for more.
    reading: Mutex<()>,
    state: Mutex<State>,
    changed: Condvar,
    /// Told when a model without a run gets something to do, and when a run ends.
    runs_changed: Condvar,
    turns: Arc<Turns>,
}

/// How long a worker without work waits before it looks whether the job was stopped.
const NAP: Duration = Duration::from_millis(50);

impl<'f, 'a> Flow<'f, 'a> {
    /// A flow into the language `to`.
    pub(super) fn new(pipeline: &'f Pipeline<'a>, to: Language, client: &'f dyn Client) -> Flow<'f, 'a> {
        let (reading, state) = (Mutex::new(()), Mutex::default());
        let (changed, runs_changed) = (Condvar::new(), Condvar::new());
        let turns = Arc::new(Turns::new(pipeline.spec.threads));
        Flow { pipeline, client, to, reading, state, changed, runs_changed, turns }
    }

    /// Runs until the client has nothing more and everything is done, or until the job is stopped.
    ///
    /// # Errors
    /// The client failed, or a model cannot be loaded.
    pub(super) fn run(&self) -> Result<(), PipelineError> {
        std::thread::scope(|scope| {
            let mut refilled = false;
            loop {
                let (idle, running) = self.idle_lanes();
                if idle.is_empty() && !running {
                    if refilled {
                        break;
                    }
                    let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
                    // What was answered on the spot leaves nothing waiting and is not the end.
                    refilled = !self.refill((self.pipeline.window().segments / 2).max(1));
                    drop(reading);
                    if refilled && self.awaits() {
                        refilled = false;
                        self.flush_if_due();
                        self.client.wait(NAP);
                    }
                    continue;
                }
                refilled = false;
                for (name, engine) in idle {
                    scope.spawn(move || self.run_lane(&name, &engine));
                }
                let state = self.state();
                if state.lanes.values().any(|lane| lane.runs) {
                    drop(self.runs_changed.wait_timeout(state, NAP));
                } else {
                    drop(state);
                }
                self.flush_if_due();
            }
        });
        match self.state().failure.take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the job goes on although there is nothing to do now.
    fn awaits(&self) -> bool {
        let state = self.state();
        state.awaits && state.failure.is_none() && !state.broken && !self.pipeline.stopped()
    }

    fn flush_if_due(&self) {
        if let Some(recall) = &self.pipeline.recall {
            recall.flush_if_due();
        }
    }

    /// The models for which something waits and that have no run, which they get now; and whether others have one.
    fn idle_lanes(&self) -> (Vec<(String, Arc<Loaded>)>, bool) {
        let mut state = self.state();
        let running = state.lanes.values().any(|lane| lane.runs);
        if state.failure.is_some() || state.broken || self.pipeline.stopped() {
            return (Vec::new(), running);
        }
        let idle = state.lanes.iter_mut().filter(|(_, lane)| !lane.runs && !lane.queue.is_empty());
        let start = |(name, lane): (&String, &mut Lane)| {
            lane.runs = true;
            (name.clone(), lane.engine.clone())
        };
        (idle.map(start).collect(), running)
    }

    /// Runs one model until nothing can come to it any more.
    fn run_lane(&self, name: &str, engine: &Loaded) {
        let _end = LaneEnd { flow: self, name };
        let beams = self.state().lanes.get(name).map_or(Beams::Usual, |lane| lane.beams);
        let word_edges = self.pipeline.wording.as_ref().map(|wording| wording.edges(engine)).unwrap_or_default();
        let search = search_options(self.pipeline.spec, engine, Effort { beams, ..Effort::default() });
        let search = SearchOptions { word_edges, ..search };
        let options = schedule::ScheduleOptions {
            turns: Some(self.turns.clone()),
            ..schedule_options(engine, search, self.pipeline.spec.threads)
        };
        let feed = LaneFeed { flow: self, name };
        let stats = schedule::run_feed(engine.model.as_ref(), &feed, &options, self.pipeline.cancel);
        self.pipeline.count(&stats);
    }

    /// Ends the job: what runs is finished, nothing is begun.
    fn fail(&self, failure: PipelineError) {
        self.state().failure.get_or_insert(failure);
        self.changed.notify_all();
    }

    /// Asks the client for about so many units. The caller holds `reading`.
    fn refill(&self, units: usize) -> bool {
        let mut got = 0;
        self.state().awaits = false;
        while got < units && !self.pipeline.stopped() && self.state().failure.is_none() {
            match self.client.more() {
                Ok(More::Units(units)) => {
                    got += units.len();
                    for unit in units {
                        self.admit(unit);
                    }
                    self.changed.notify_all();
                }
                Ok(more @ (More::Full | More::Later)) => {
                    let mut state = self.state();
                    state.supply = Some(Supply::Open);
                    state.awaits = matches!(more, More::Later);
                    return got > 0;
                }
                Ok(More::End) => {
                    let mut state = self.state();
                    state.supply = Some(Supply::Complete);
                    // Second attempts still come; none of them should start when everything else has ended.
                    state.lanes.values_mut().for_each(|lane| lane.queue.end_sweeps());
                    return got > 0;
                }
                Err(failure) => {
                    self.fail(failure);
                    return false;
                }
            }
        }
        self.state().supply = Some(Supply::Open);
        got > 0
    }

    /// Lets a unit in: a new one starts its first hop, a known one shares the answer.
    fn admit(&self, unit: Unit) {
        let question = Question { from: unit.from, effort: unit.effort, text: unit.text, context: unit.context };
        let known = self.state().twins.ask(&question, unit.owner);
        match known {
            Known::Shared => {}
            Known::Answered(translated) => {
                self.tell(&question.text, 0);
                self.hand_out(unit.owner, (*translated).clone());
            }
            Known::New => {
                let models = self.pipeline.models;
                let other = match question.effort.way {
                    Way::Usual => None,
                    Way::Other => models.other_route(unit.from, self.to),
                };
                let route = match other.map_or_else(|| models.route(unit.from, self.to), Ok) {
                    Ok(route) => route,
                    Err(error) => return self.fail(error.into()),
                };
                let mut so_far = Translated::default();
                so_far.answer.text = question.text.to_string();
                self.start_hop(Start { question, route, hop: 0, so_far });
            }
        }
    }

    /// Encodes a unit for its next hop and lines it up; one without a further hop is done.
    fn start_hop(&self, start: Start) {
        let Start { question, route, hop, so_far } = start;
        let Some(next) = route.get(hop) else { return self.deliver(&question, &so_far) };
        let engine = match self.pipeline.models.load(next, self.pipeline.observer) {
            Ok(engine) => engine,
            // A job does not end because a model cannot be had that was only wanted for another try.
            Err(error) if question.effort.way == Way::Other => {
                let error = Some(error.to_string());
                let answer = Answer { error, ..so_far.answer };
                return self.deliver(&question, &Translated { answer, ..so_far });
            }
            Err(error) => return self.fail(error.into()),
        };
        let began = Instant::now();
        let (from, to) = (next.from, next.to);
        let task = match question.effort.request {
            Request::Strict if engine.tokenizer.is_chat() => Task::Retranslate { from, to },
            _ => Task::Translate { from, to },
        };
        // What stands around a text is in its own language: it is told in the first hop.
        let context: &str = if hop == 0 { &question.context } else { "" };
        let planned = plan(&engine, &Ask { text: &so_far.answer.text, task, context }, question.effort);
        let planned = match &self.pipeline.wording {
            Some(wording) => {
                let reading = Reading { question: &question, hop: next, last: hop + 1 == route.len() };
                planned.and_then(|parts| wording.word(&engine, reading, (&so_far.answer.text, parts)))
            }
            None => planned,
        };
        self.pipeline.clock.tokenize(began);
        let wide = question.effort.beams;
        let name = match wide {
            Beams::Usual => next.model.clone(),
            // No model's key has a line break.
            Beams::Wide => format!("{}\nwide", next.model),
        };
        let mut moving = Moving { question, route, hop, engine, so_far, parts: Vec::new(), left: 0 };
        let parts = match planned {
            Ok(parts) if !parts.is_empty() => parts,
            Ok(_) => return self.end_hop(moving, Answer::default()),
            Err(error) => return self.end_hop(moving, Answer { error: Some(error), ..Answer::default() }),
        };
        let beams = search_options(self.pipeline.spec, &moving.engine, moving.question.effort).beams;
        let mut state = self.state();
        let state = &mut *state;
        let unit = state.next_unit;
        state.next_unit += 1;
        let lane = state.lanes.entry(name).or_insert_with(|| Lane {
            engine: moving.engine.clone(),
            beams: wide,
            queue: Queue::default(),
            prompts: HashMap::new(),
            in_flight: 0,
            runs: false,
        });
        for (number, Part { range, prompt, max_new_tokens }) in parts.into_iter().enumerate() {
            let tag = state.next_tag;
            state.next_tag += 1;
            state.places.insert(tag, (unit, number));
            let source_tokens = prompt.source.len() + prompt.prefix.len();
            lane.queue.push(tag, prompt.source.len() + beams * prompt.prefix.len());
            let no_repeat_ngram = moving.question.effort.no_repeat_ngram;
            lane.prompts.insert(tag, Waiting { prompt, max_new_tokens, no_repeat_ngram });
            moving.parts.push(MovingPart { range, source_tokens, result: None });
            moving.left += 1;
        }
        if !lane.runs {
            self.runs_changed.notify_all();
        }
        state.units.insert(unit, moving);
    }

    /// All parts of a hop are answered: puts them together.
    fn fold(&self, moving: &mut Moving) -> Answer {
        let began = Instant::now();
        let hop = &moving.route[moving.hop];
        let ask =
            Ask { text: &moving.so_far.answer.text, task: Task::Translate { from: hop.from, to: hop.to }, context: "" };
        let mut answer = Answer::default();
        for part in std::mem::take(&mut moving.parts) {
            answer.parts += 1;
            answer.source_tokens += part.source_tokens;
            match part.result {
                Some(result) => take(&moving.engine, (&ask, part.range), result, &mut answer),
                None => answer.cancelled = true,
            }
        }
        self.pipeline.clock.tokenize(began);
        answer
    }

    /// Adds the answer of a hop to what is known of its unit, and goes on with the next hop.
    fn end_hop(&self, moving: Moving, mut answer: Answer) {
        let Moving { question, route, hop, engine, mut so_far, .. } = moving;
        self.tell(&so_far.answer.text, answer.target_tokens);
        let text = std::mem::take(&mut so_far.answer.text);
        if hop > 0 {
            so_far.intermediate.push(text);
        }
        answer.source_tokens += so_far.answer.source_tokens;
        answer.target_tokens += so_far.answer.target_tokens;
        // A first hop that looped or was cut spoils the second, however well that one ended.
        if hop > 0 && matches!(so_far.answer.finish, Some(Finish::Loop | Finish::Limit)) {
            answer.finish = so_far.answer.finish;
        }
        so_far.score = match (so_far.score, answer.score()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let alignment = answer.alignment.take().filter(|_| !answer.unaligned).map(Arc::new);
        so_far.alignment = compose(so_far.alignment.as_ref(), hop, alignment.as_ref());
        so_far.hops.push(HopDone {
            record: HopRecord { from: route[hop].from, to: route[hop].to, model: engine.name.clone() },
            log_probability: answer.log_probability,
            scored_tokens: answer.scored_tokens,
            alignment,
            spells: engine.tokenizer.spells_answers(),
            chat: engine.tokenizer.takes_other_words(),
            unaligned: answer.unaligned && self.pipeline.spec.work.wants_alignments(),
        });
        so_far.answer = answer;
        if so_far.answer.error.is_some() || so_far.answer.cancelled {
            self.deliver(&question, &so_far);
        } else {
            self.start_hop(Start { question, route, hop: hop + 1, so_far });
        }
    }

    /// A unit is done: everybody who asked gets it.
    fn deliver(&self, question: &Question, translated: &Translated) {
        let owners = self.state().twins.answer(question, translated);
        for (number, &owner) in owners.iter().enumerate() {
            if number > 0 {
                self.tell(&question.text, 0);
            }
            self.hand_out(owner, translated.clone());
        }
    }

    fn hand_out(&self, owner: Owner, translated: Translated) {
        for unit in self.client.done(owner, translated) {
            self.admit(unit);
        }
    }

    fn tell(&self, text: &str, target_tokens: usize) {
        let words = text.split_whitespace().count();
        self.pipeline.observer.event(&Event::Progress { words, target_tokens, segments: 1 });
    }
}

/// A unit that is about to begin a hop.
struct Start {
    question: Question,
    route: Vec<Hop>,
    hop: usize,
    so_far: Translated,
}

/// Tells that the run of a model has ended, however it did.
struct LaneEnd<'l, 'f, 'a> {
    flow: &'l Flow<'f, 'a>,
    name: &'l str,
}

impl Drop for LaneEnd<'_, '_, '_> {
    fn drop(&mut self) {
        let mut state = self.flow.state();
        state.broken |= std::thread::panicking();
        if let Some(lane) = state.lanes.get_mut(self.name) {
            lane.runs = false;
        }
        drop(state);
        self.flow.changed.notify_all();
        self.flow.runs_changed.notify_all();
    }
}
