//! Search under lexical constraints: the answer has to hold one of several stretches of tokens for each constraint.
//!
//! Beams are kept in banks by how many tokens of the constraints they have, and every bank keeps its best, so that a
//! hypothesis that has just begun an unlikely term is not crowded out by those that go on without it (dynamic beam
//! allocation, Post and Vilar 2018; with alternatives for each constraint as in Hu et al. 2019). Where a term stands, the
//! model decides. [`Mixed`] lets such entries run beside others, in steps of their own: those without constraints are
//! searched exactly as if there were none with.

mod progress;

use super::beam::Look;
use super::greedy::ends_by_force;
use super::live::Live;
use super::rules::Rules;
use super::{DecodeError, Entry, Finish, Hypothesis, Outcome, Search, SearchOptions, Stats, forced, normalized, room};
use crate::model::{Adjustment, Ask, Candidates, Change, Model, Request};
use crate::token::{Constraint, TokenClasses, TokenId};
use progress::{Goal, Progress};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Fewest hypotheses of a source: a step of eight rows costs hardly more than one of fewer.
const LEAST_BEAMS: usize = 8;
/// Most hypotheses of a source, unless more beams are asked for.
const MOST_BEAMS: usize = 16;
/// Hypotheses of a source are so many, and one more for each token of its constraints, which are a bank more each.
const FEWEST_BEAMS: usize = 6;
/// Sources that are searched at a time; others wait, so that a batch of terms does not take all memory.
const GROUPS: usize = 8;
/// How much longer than the first complete answer that ended of its own accord, in tokens and as a part (one in so many), a better one may become.
const LONGER: (usize, usize) = (4, 8);

/// A search of which some entries have constraints.
pub(super) struct Mixed<'m> {
    free: Box<dyn Search + 'm>,
    bound: Bound<'m>,
}

impl<'m> Mixed<'m> {
    /// Entries without constraints are searched by `free`.
    pub(super) fn new(free: Box<dyn Search + 'm>, model: &'m dyn Model, options: &'m SearchOptions) -> Mixed<'m> {
        // Where it looks tells whether a term stands where it should.
        let aligned = SearchOptions { alignments: true, ..options.clone() };
        let (rules, live) = (Rules::new(model.spec(), options), Live::new(model, &aligned));
        let bound = Bound { options, rules, live, groups: Vec::new(), waiting: VecDeque::new() };
        Mixed { free, bound }
    }
}

impl Search for Mixed<'_> {
    fn admit(&mut self, entries: &[Entry<'_>]) -> Result<Vec<Outcome>, DecodeError> {
        if entries.iter().all(|entry| entry.request.constraints.is_empty()) {
            return self.free.admit(entries);
        }
        let (bound, free): (Vec<Entry<'_>>, Vec<Entry<'_>>) =
            entries.iter().partition(|entry| !entry.request.constraints.is_empty());
        let mut outcomes = self.free.admit(&free)?;
        outcomes.extend(self.bound.line_up(&bound));
        Ok(outcomes)
    }

    fn advance(&mut self) -> Result<Vec<Outcome>, DecodeError> {
        let mut outcomes = self.free.advance()?;
        if self.bound.entries() > 0 {
            outcomes.extend(self.bound.advance()?);
        }
        Ok(outcomes)
    }

    fn entries(&self) -> usize {
        self.free.entries() + self.bound.entries()
    }

    fn tokens(&self) -> usize {
        self.free.tokens() + self.bound.tokens()
    }

    fn stats(&self) -> Stats {
        let mut stats = self.free.stats();
        stats.merge(&self.bound.live.stats);
        stats
    }
}

/// An entry that waits for its turn.
struct Waiting {
    tag: usize,
    source: Vec<TokenId>,
    prefix: Vec<TokenId>,
    shared: usize,
    allowed: TokenClasses,
    constraints: Vec<Constraint>,
    room: usize,
    no_repeat_ngram: usize,
}

/// A hypothesis that goes on.
struct Running {
    ids: Vec<TokenId>,
    log_probability: f32,
    progress: Progress,
    looks: Option<Arc<Look>>,
}

/// One source with its hypotheses, which are as many consecutive rows of the state.
struct Group<'m> {
    tag: usize,
    source_tokens: usize,
    prefix: Vec<TokenId>,
    room: usize,
    no_repeat_ngram: usize,
    loop_tokens: usize,
    goal: Goal<'m>,
    /// Most hypotheses.
    beams: usize,
    /// All of the same length, never empty.
    running: Vec<Running>,
    /// How many constraints the best answer meets, and the answer.
    best: Option<(usize, Hypothesis)>,
    /// Tokens of the first complete answer that the model ended of its own accord.
    ended: Option<usize>,
}

/// A continuation of one hypothesis by one token.
struct Continuation {
    log_probability: f32,
    beam: usize,
    token: TokenId,
}

/// The entries with constraints.
struct Bound<'m> {
    options: &'m SearchOptions,
    rules: Rules<'m>,
    live: Live<'m>,
    groups: Vec<Group<'m>>,
    waiting: VecDeque<Waiting>,
}

impl<'m> Bound<'m> {
    fn entries(&self) -> usize {
        self.groups.len() + self.waiting.len()
    }

    fn tokens(&self) -> usize {
        let of = |group: &Group<'_>| {
            let answered = group.running.first().map_or(0, |running| running.ids.len());
            group.source_tokens + group.beams * (group.prefix.len() + answered)
        };
        let waiting = |waiting: &Waiting| waiting.source.len() + LEAST_BEAMS * waiting.prefix.len();
        self.groups.iter().map(of).chain(self.waiting.iter().map(waiting)).sum()
    }

    /// Takes entries; those that cannot be answered come back at once.
    fn line_up(&mut self, entries: &[Entry<'_>]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for entry in entries {
            let Request { source, prefix, shared, allowed, constraints } = entry.request;
            match room(self.live.model().spec(), entry) {
                Err(error) => outcomes.push((entry.tag, Err(error))),
                Ok(room) => self.waiting.push_back(Waiting {
                    tag: entry.tag,
                    source: source.to_vec(),
                    prefix: prefix.to_vec(),
                    shared,
                    allowed,
                    constraints: constraints.to_vec(),
                    room,
                    no_repeat_ngram: entry.no_repeat_ngram,
                }),
            }
        }
        outcomes
    }

    /// Starts what waits while there is room.
    fn fill(&mut self) -> Result<(), DecodeError> {
        let free = GROUPS.saturating_sub(self.groups.len()).min(self.waiting.len());
        if free == 0 {
            return Ok(());
        }
        let started: Vec<Waiting> = self.waiting.drain(..free).collect();
        let requests: Vec<Request<'_>> = started.iter().map(Waiting::request).collect();
        self.live.start(&requests)?;
        for waiting in started {
            let group = self.group(waiting);
            self.groups.push(group);
        }
        Ok(())
    }

    fn group(&self, waiting: Waiting) -> Group<'m> {
        let Waiting { tag, source, prefix, constraints, room, no_repeat_ngram, .. } = waiting;
        let goal = Goal::new(&constraints, &self.options.word_edges);
        let wanted = FEWEST_BEAMS + goal.tokens();
        let beams = wanted.clamp(LEAST_BEAMS, MOST_BEAMS).max(self.options.beams);
        let progress = goal.start();
        let loop_tokens = self.options.loop_stop.map_or(0, |rule| rule.threshold(&source, &prefix));
        Group {
            tag,
            source_tokens: source.len(),
            prefix,
            room,
            no_repeat_ngram,
            loop_tokens,
            goal,
            beams,
            running: vec![Running { ids: Vec::new(), log_probability: 0.0, progress, looks: None }],
            best: None,
            ended: None,
        }
    }

    /// Advances every hypothesis by a token and hands out what has ended.
    fn advance(&mut self) -> Result<Vec<Outcome>, DecodeError> {
        self.fill()?;
        let answers = self.step()?;
        let mut outcomes = Vec::new();
        let mut kept = Vec::with_capacity(answers.len());
        let mut first = 0;
        for mut group in std::mem::take(&mut self.groups) {
            let rows = first..first + group.running.len();
            first = rows.end;
            let tokens = group.running.first().map_or(0, |running| running.ids.len());
            match self.update(&mut group, &answers[rows.clone()]) {
                Err(what) => outcomes.push((group.tag, Err(DecodeError::Logits { tokens, what }))),
                Ok(parents) if parents.is_empty() => outcomes.push(self.answer(group, tokens)),
                Ok(parents) => {
                    kept.extend(parents.iter().map(|parent| rows.start + parent));
                    self.groups.push(group);
                }
            }
        }
        self.live.select(&kept)?;
        Ok(outcomes)
    }

    /// How many of the best tokens of each hypothesis of a group are looked at.
    fn width(&self, group: &Group<'_>) -> usize {
        group.beams + self.live.model().spec().eos.len()
    }

    fn step(&mut self) -> Result<Vec<Candidates>, DecodeError> {
        let rows = || self.groups.iter().flat_map(|group| group.running.iter().map(move |running| (group, running)));
        let last: Vec<TokenId> = rows()
            // `room` refuses an empty prefix.
            .map(|(group, running)| running.ids.last().or(group.prefix.last()).copied().unwrap_or_default())
            .collect();
        let mut adjust: Vec<Adjustment> =
            self.rules.suppressed.iter().map(|&token| Adjustment::ban(None, token)).collect();
        let mut also = Vec::new();
        let change = Change::Penalize(self.options.repetition_penalty);
        for (row, (group, running)) in rows().enumerate() {
            let verdict = self.rules.judge(group.no_repeat_ngram, &group.prefix, &running.ids);
            adjust.extend(verdict.penalized.iter().map(|&token| Adjustment { row: Some(row), token, change }));
            adjust.extend(verdict.banned.iter().map(|&token| Adjustment::ban(Some(row), token)));
            also.extend(running.progress.wanted(&group.goal).into_iter().map(|token| (row, token)));
        }
        let k = self.groups.iter().map(|group| self.width(group)).max().unwrap_or(0);
        let k = k.min(self.live.model().spec().vocab);
        let allowed = self.options.allowed.as_deref();
        self.live.step(&last, &Ask { k, allowed, adjust: &adjust, log_sum_exp: true, also: &also })
    }

    /// All continuations of a group that are looked at, best first, ties by hypothesis and token.
    fn continuations(&self, group: &Group<'_>, answers: &[Candidates]) -> Result<Vec<Continuation>, &'static str> {
        let mut all = Vec::new();
        for (beam, (running, answer)) in group.running.iter().zip(answers).enumerate() {
            if answer.log_sum_exp.is_nan() {
                return Err("log-sum-exp is not a number");
            }
            // Another group may have asked for more.
            let best = &answer.best[..answer.best.len().min(self.width(group))];
            let wanted = running.progress.wanted(&group.goal).into_iter().zip(answer.also.iter().copied());
            let wanted = wanted.filter(|(token, _)| best.iter().all(|(other, _)| other != token));
            for (token, logit) in best.iter().copied().chain(wanted) {
                if logit.is_nan() {
                    return Err("logit is not a number");
                }
                let log_probability = running.log_probability + logit - answer.log_sum_exp;
                if log_probability > f32::NEG_INFINITY {
                    all.push(Continuation { log_probability, beam, token });
                }
            }
        }
        all.sort_unstable_by(|a, b| {
            b.log_probability.total_cmp(&a.log_probability).then((a.beam, a.token).cmp(&(b.beam, b.token)))
        });
        Ok(all)
    }

    /// Takes what the network answered to the hypotheses of a group; answers which of them go on, or none if its search is
    /// over.
    fn update(&self, group: &mut Group<'_>, answers: &[Candidates]) -> Result<Vec<usize>, &'static str> {
        let spec = self.live.model().spec();
        let tokens = group.running.first().map_or(0, |running| running.ids.len()) + 1;
        let rows: Vec<Arc<[f32]>> = match answers.first() {
            Some(first) if !first.alignment.is_empty() && self.options.alignments => {
                answers.iter().map(|answer| answer.alignment.as_slice().into()).collect()
            }
            _ => Vec::new(),
        };
        let continuations = self.continuations(group, answers)?;
        let old = std::mem::take(&mut group.running);
        let mut banks: BTreeMap<usize, VecDeque<(Continuation, Progress)>> = BTreeMap::new();
        for next in continuations {
            let parent = &old[next.beam];
            let complete = parent.progress.is_complete(&group.goal);
            // Where the model would end now, nothing but a term that has begun may follow: what is put behind the end of a
            // sentence is no part of it.
            let over = answers[next.beam].best.first().is_some_and(|(token, _)| spec.eos.contains(token));
            if !spec.eos.contains(&next.token) {
                if complete || !over || parent.progress.is_carried_on_by(&group.goal, next.token) {
                    let progress = parent.progress.with(&group.goal, next.token, &answers[next.beam].alignment);
                    banks.entry(progress.tokens_met(&group.goal)).or_default().push_back((next, progress));
                }
            } else if complete || over {
                if complete && over {
                    group.ended.get_or_insert(tokens);
                }
                self.offer(group, parent, (next.log_probability, tokens, Finish::End));
            }
        }
        let mut parents = Vec::with_capacity(group.beams);
        let mut looping = None;
        for (next, progress) in allot(banks, group.beams) {
            let parent = &old[next.beam];
            let ids = [parent.ids.as_slice(), &[next.token]].concat();
            let look = |row: &Arc<[f32]>| Look::behind(row.clone(), parent.looks.clone());
            let looks = rows.get(next.beam).map(look);
            let running = Running { ids, log_probability: next.log_probability, progress, looks };
            if self.options.loop_stop.is_some_and(|rule| rule.ends_in_loop(&running.ids, group.loop_tokens)) {
                looping.get_or_insert(running);
            } else {
                group.running.push(running);
                parents.push(next.beam);
            }
        }
        if let Some(looping) = looping.filter(|_| group.running.is_empty() && group.best.is_none()) {
            self.offer(group, &looping, (looping.log_probability, tokens, Finish::Loop));
        }
        let by_force = ends_by_force(spec, tokens, group.room);
        if tokens >= group.room || by_force {
            self.cut(group, tokens + usize::from(by_force));
            return Ok(Vec::new());
        }
        Ok(if self.is_over(group, tokens) { Vec::new() } else { parents })
    }

    /// The room ends. What has not ended by itself counts only if nothing has.
    fn cut(&self, group: &mut Group<'_>, tokens: usize) {
        let running = std::mem::take(&mut group.running);
        if group.best.is_none() {
            for running in &running {
                self.offer(group, running, (running.log_probability, tokens, Finish::Limit));
            }
        }
    }

    /// Takes a finished hypothesis if it meets more constraints than the best so far, or as many with a better score.
    fn offer(&self, group: &mut Group<'_>, ended: &Running, (log_probability, tokens, finish): (f32, usize, Finish)) {
        let length = tokens + forced(self.live.model().spec(), &group.prefix);
        let score = normalized(log_probability, length, self.options.length_penalty);
        let met = ended.progress.met_at_end(&group.goal);
        if group.best.as_ref().is_none_or(|(most, best)| met > *most || met == *most && score > best.score) {
            let alignments = Look::rows(ended.looks.as_deref());
            group.best = Some((met, Hypothesis { ids: ended.ids.clone(), log_probability, score, finish, alignments }));
        }
    }

    /// Whether no hypothesis promises more than the best answer has, or none goes on.
    fn is_over(&self, group: &Group<'_>, tokens: usize) -> bool {
        let Some((_, best)) = group.best.as_ref().filter(|(met, _)| *met == group.goal.len()) else {
            return group.running.is_empty();
        };
        let length = tokens + forced(self.live.model().spec(), &group.prefix);
        let promise = |running: &Running| normalized(running.log_probability, length, self.options.length_penalty);
        let none_better = group.running.iter().all(|running| promise(running) <= best.score);
        // An end that the model hardly thought of says nothing of how long the answer should be.
        let long = |ended: usize| tokens >= ended + (ended / LONGER.1).max(LONGER.0);
        none_better || group.ended.is_some_and(long)
    }

    fn answer(&mut self, group: Group<'_>, tokens: usize) -> Outcome {
        let Some((_, best)) = group.best else {
            return (group.tag, Err(DecodeError::Logits { tokens, what: "every token is banned" }));
        };
        let end = best.finish == Finish::End || (best.finish == Finish::Limit && best.ids.len() < group.room);
        self.live.stats.target_tokens += best.ids.len() + usize::from(end);
        (group.tag, Ok(best))
    }
}

impl Waiting {
    fn request(&self) -> Request<'_> {
        let Waiting { source, prefix, constraints, shared, allowed, .. } = self;
        Request { source, prefix, shared: *shared, allowed: *allowed, constraints }
    }
}

/// Shares out a group's places: the best of each bank come first, then their seconds, and so on, until there is no place
/// left. The bank that is nearest to the goal is served first, the others in the order of their best; so an unlikely term
/// that was begun is carried on, and what is likely too.
fn allot<T>(banks: BTreeMap<usize, VecDeque<(Continuation, T)>>, places: usize) -> Vec<(Continuation, T)> {
    let mut banks: Vec<VecDeque<(Continuation, T)>> = banks.into_values().rev().collect();
    let best =
        |bank: &VecDeque<(Continuation, T)>| bank.front().map_or(f32::NEG_INFINITY, |(next, _)| next.log_probability);
    if let [_, others @ ..] = banks.as_mut_slice() {
        others.sort_by(|a, b| best(b).total_cmp(&best(a)));
    }
    let mut chosen = Vec::with_capacity(places);
    while chosen.len() < places && banks.iter().any(|bank| !bank.is_empty()) {
        for bank in &mut banks {
            if chosen.len() < places {
                chosen.extend(bank.pop_front());
            }
        }
    }
    chosen
}
