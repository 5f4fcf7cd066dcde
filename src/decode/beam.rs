//! Beam search with the definition of transformers 5 (`num_beams = n`, `do_sample = False`, `early_stopping` true or false).
//!
//! Many sources share a batch; each keeps its own beams and its own pool of finished hypotheses and leaves as soon as its
//! search is over. The definition is written out in `docs/decoding.md`.

use super::greedy::ends_by_force;
use super::live::Live;
use super::rules::{Rules, Verdict};
use super::{DecodeError, Entry, Finish, Hypothesis, Outcome, Search, SearchOptions, Stats, forced, normalized, room};
use crate::model::{Adjustment, Ask, Candidates, Change, Model, Request};
use crate::token::TokenId;
use std::sync::Arc;

/// A hypothesis that goes on.
struct Running {
    ids: Vec<TokenId>,
    log_probability: f32,
    /// Where its last token looked, and those before it, if that is asked for and known.
    looks: Option<Arc<Look>>,
}

/// Where one token of a hypothesis looked. Hypotheses share what they have in common: a step costs a row each, not a copy
/// of all rows before it.
pub(super) struct Look {
    row: Arc<[f32]>,
    before: Option<Arc<Look>>,
}

impl Look {
    /// A look behind those before it.
    pub(super) fn behind(row: Arc<[f32]>, before: Option<Arc<Look>>) -> Arc<Look> {
        Arc::new(Look { row, before })
    }

    /// The rows of a hypothesis, from its first token to its last.
    pub(super) fn rows(last: Option<&Look>) -> Vec<Vec<f32>> {
        let chain = std::iter::successors(last, |look| look.before.as_deref());
        let mut rows: Vec<Vec<f32>> = chain.map(|look| look.row.to_vec()).collect();
        rows.reverse();
        rows
    }
}

/// One source with its beams, which are as many consecutive rows of the state.
struct Group {
    tag: usize,
    source_tokens: usize,
    prefix: Box<[TokenId]>,
    room: usize,
    no_repeat_ngram: usize,
    loop_tokens: usize,
    /// Best first. One at the beginning, at most `beams` later; all of the same length.
    running: Vec<Running>,
    /// Finished hypotheses, best first, at most `beams`.
    pool: Vec<Hypothesis>,
}

/// A continuation of one beam by one token.
#[derive(Clone, Copy)]
struct Continuation {
    log_probability: f32,
    beam: usize,
    token: TokenId,
}

/// A beam search over a changing set of sources.
pub(super) struct Beam<'m> {
    options: &'m SearchOptions,
    rules: Rules<'m>,
    live: Live<'m>,
    groups: Vec<Group>,
}

impl<'m> Beam<'m> {
    pub(super) fn new(model: &'m dyn Model, options: &'m SearchOptions) -> Beam<'m> {
        Beam { options, rules: Rules::new(model.spec(), options), live: Live::new(model, options), groups: Vec::new() }
    }

    /// How many continuations of a group are looked at: enough that `beams` go on even if every end token is among them.
    fn width(&self) -> usize {
        (1 + self.live.model().spec().eos.len()).max(2) * self.options.beams
    }

    /// Whether bans can be left to the network. Otherwise its answer must be the plain distribution, because
    /// transformers takes the logarithm of the softmax before the rules, and penalizes log-probabilities, not logits.
    fn network_bans(&self) -> bool {
        self.live.model().spec().renormalize && !self.rules.penalizes()
    }

    fn step(&mut self, verdicts: &[Verdict]) -> Result<Vec<Candidates>, DecodeError> {
        let rows = || self.groups.iter().flat_map(|group| group.running.iter().map(move |beam| (group, beam)));
        let last: Vec<TokenId> = rows()
            // `room` refuses an empty prefix.
            .map(|(group, beam)| beam.ids.last().or(group.prefix.last()).copied().unwrap_or_default())
            .collect();
        let spec = self.live.model().spec();
        let mut adjust = Vec::new();
        let mut k = self.width();
        if self.network_bans() {
            adjust.extend(self.rules.suppressed.iter().map(|&token| Adjustment::ban(None, token)));
            for (row, verdict) in verdicts.iter().enumerate() {
                adjust.extend(verdict.banned.iter().map(|&token| Adjustment::ban(Some(row), token)));
            }
        } else if self.rules.penalizes() && (spec.renormalize || self.options.repetition_penalty < 1.0) {
            // A reward can lift any token, and a new sum needs every changed term.
            k = spec.vocab;
        } else {
            // Bans and penalties only lower scores: with as many more candidates as there are lowered tokens,
            // the best `width` after the rules are among them.
            let lowered = verdicts.iter().map(|verdict| verdict.banned.len() + verdict.penalized.len()).max();
            k += self.rules.suppressed.len() + lowered.unwrap_or(0);
        }
        let allowed = self.options.allowed.as_deref();
        let ask = Ask { k: k.min(spec.vocab), allowed, adjust: &adjust, log_sum_exp: true, also: &[] };
        self.live.step(&last, &ask)
    }

    /// The log-probabilities of one row's next tokens after the rules; banned ones are left out.
    fn log_probabilities(&self, answer: &Candidates, verdict: &Verdict) -> Result<Vec<(TokenId, f32)>, &'static str> {
        if answer.log_sum_exp.is_nan() {
            return Err("log-sum-exp is not a number");
        }
        if answer.best.iter().any(|(_, logit)| logit.is_nan()) {
            return Err("logit is not a number");
        }
        let plain = answer.best.iter().map(|&(token, logit)| (token, logit - answer.log_sum_exp));
        let mut scores: Vec<(TokenId, f32)> = plain.filter(|&(_, score)| score > f32::NEG_INFINITY).collect();
        if self.network_bans() {
            return Ok(scores);
        }
        scores.retain(|(token, _)| {
            self.rules.suppressed.binary_search(token).is_err() && verdict.banned.binary_search(token).is_err()
        });
        let change = Change::Penalize(self.options.repetition_penalty);
        for (token, score) in &mut scores {
            if verdict.penalized.binary_search(token).is_ok() {
                *score = Adjustment { row: None, token: *token, change }.apply(*score);
            }
        }
        if self.live.model().spec().renormalize {
            let largest = scores.iter().map(|&(_, score)| score).fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = scores.iter().map(|&(_, score)| (score - largest).exp()).sum();
            for (_, score) in &mut scores {
                *score -= largest + sum.ln();
            }
        }
        Ok(scores)
    }

    /// The best continuations of a group, best first, ties by beam and token.
    fn continuations(
        &self,
        group: &Group,
        answers: &[Candidates],
        verdicts: &[Verdict],
    ) -> Result<Vec<Continuation>, &'static str> {
        let (mut all, no_verdict) = (Vec::new(), Verdict::default());
        for (beam, (running, answer)) in group.running.iter().zip(answers).enumerate() {
            let verdict = verdicts.get(beam).unwrap_or(&no_verdict);
            all.extend(self.log_probabilities(answer, verdict)?.into_iter().map(|(token, score)| Continuation {
                log_probability: running.log_probability + score,
                beam,
                token,
            }));
        }
        all.sort_unstable_by(|a, b| {
            b.log_probability.total_cmp(&a.log_probability).then((a.beam, a.token).cmp(&(b.beam, b.token)))
        });
        all.truncate(self.width());
        Ok(all)
    }

    /// Puts the continuations into the pool or among the running ones; answers the beams the new rows come from,
    /// or none if the search of this group is over.
    fn update(&self, group: &mut Group, continuations: &[Continuation], answers: &[Candidates]) -> Vec<usize> {
        let (beams, spec) = (self.options.beams, self.live.model().spec());
        let tokens = group.running.first().map_or(0, |beam| beam.ids.len()) + 1;
        let mut running = Vec::with_capacity(beams);
        let mut parents = Vec::with_capacity(beams);
        let rows: Vec<Arc<[f32]>> = match answers.first() {
            Some(first) if !first.alignment.is_empty() => {
                answers.iter().map(|answer| answer.alignment.as_slice().into()).collect()
            }
            _ => Vec::new(),
        };
        let look = |parent: &Running, beam: usize| {
            let row = rows.get(beam)?.clone();
            Some(Look::behind(row, parent.looks.clone()))
        };
        for (rank, next) in continuations.iter().enumerate() {
            let ended = spec.eos.contains(&next.token);
            if !ended && tokens < group.room {
                if running.len() < beams {
                    let parent = &group.running[next.beam];
                    let mut ids = Vec::with_capacity(tokens);
                    ids.extend_from_slice(&parent.ids);
                    ids.push(next.token);
                    let looks = look(parent, next.beam);
                    running.push(Running { ids, log_probability: next.log_probability, looks });
                    parents.push(next.beam);
                }
            } else if rank < beams {
                // Only the best `beams` may enter the pool; the others are there to keep the search going.
                let parent = &group.running[next.beam];
                let mut ids = parent.ids.clone();
                let mut looks = parent.looks.clone();
                if !ended {
                    ids.push(next.token);
                    looks = look(parent, next.beam);
                }
                let finish = if ended { Finish::End } else { Finish::Limit };
                let ended = Running { ids, log_probability: next.log_probability, looks };
                self.pool(group, (ended, finish), tokens);
            }
        }
        group.running = running;
        if self.is_over(group, tokens) {
            return Vec::new();
        }
        if ends_by_force(spec, tokens, group.room) {
            // The last step would only add an end token of probability one: it needs no network.
            for beam in std::mem::take(&mut group.running) {
                self.pool(group, (beam, Finish::Limit), tokens + 1);
            }
            return Vec::new();
        }
        parents
    }

    /// Enters a finished hypothesis; equal scores go behind the earlier ones.
    fn pool(&self, group: &mut Group, (ended, finish): (Running, Finish), tokens: usize) {
        let Running { ids, log_probability, looks } = ended;
        let length = tokens + forced(self.live.model().spec(), &group.prefix);
        let score = normalized(log_probability, length, self.options.length_penalty);
        let at = group.pool.partition_point(|other| other.score.total_cmp(&score).is_ge());
        if at < self.options.beams {
            let alignments = Look::rows(looks.as_deref());
            group.pool.insert(at, Hypothesis { ids, log_probability, score, finish, alignments });
            group.pool.truncate(self.options.beams);
        }
    }

    /// Whether nothing can improve on the pool any more, by the rule of `early_stopping`.
    fn is_over(&self, group: &mut Group, tokens: usize) -> bool {
        let Some(best) = group.running.first() else { return true };
        if let Some(worst) = group.pool.get(self.options.beams - 1) {
            if self.options.early_stopping {
                return true;
            }
            let length = tokens + forced(self.live.model().spec(), &group.prefix);
            let possible = normalized(best.log_probability, length, self.options.length_penalty);
            if possible.total_cmp(&worst.score).is_le() {
                return true;
            }
        }
        // The best hypothesis alone decides: those behind it usually differ from it in their last tokens.
        let looping = self.options.loop_stop.is_some_and(|rule| rule.ends_in_loop(&best.ids, group.loop_tokens));
        if looping && group.pool.is_empty() {
            let best = group.running.swap_remove(0);
            self.pool(group, (best, Finish::Loop), tokens);
        }
        looping
    }

    /// Hands out the best finished hypothesis.
    fn answer(&mut self, group: Group, what: &'static str) -> Outcome {
        let tokens = group.running.first().map_or(0, |beam| beam.ids.len());
        match group.pool.into_iter().next() {
            Some(best) => {
                // An answer that was ended by force is one short of the room.
                let ended = best.finish == Finish::End || (best.finish == Finish::Limit && best.ids.len() < group.room);
                self.live.stats.target_tokens += best.ids.len() + usize::from(ended);
                (group.tag, Ok(best))
            }
            None => (group.tag, Err(DecodeError::Logits { tokens, what })),
        }
    }
}

impl Search for Beam<'_> {
    fn admit(&mut self, entries: &[Entry<'_>]) -> Result<Vec<Outcome>, DecodeError> {
        let mut outcomes = Vec::new();
        let mut groups = Vec::new();
        let mut requests: Vec<Request<'_>> = Vec::new();
        for entry in entries {
            let spec = self.live.model().spec();
            let request = entry.request;
            match room(spec, entry) {
                Err(error) => outcomes.push((entry.tag, Err(error))),
                Ok(room) => {
                    let mut group = Group {
                        tag: entry.tag,
                        source_tokens: request.source.len(),
                        prefix: request.prefix.into(),
                        room,
                        no_repeat_ngram: entry.no_repeat_ngram,
                        loop_tokens: self
                            .options
                            .loop_stop
                            .map_or(0, |rule| rule.threshold(request.source, request.prefix)),
                        running: vec![Running { ids: Vec::new(), log_probability: 0.0, looks: None }],
                        pool: Vec::new(),
                    };
                    if ends_by_force(spec, 0, room) {
                        let nothing = Running { ids: Vec::new(), log_probability: 0.0, looks: None };
                        self.pool(&mut group, (nothing, Finish::Limit), 1);
                        outcomes.push(self.answer(group, ""));
                    } else {
                        groups.push(group);
                        requests.push(request);
                    }
                }
            }
        }
        self.live.start(&requests)?;
        self.groups.extend(groups);
        Ok(outcomes)
    }

    fn advance(&mut self) -> Result<Vec<Outcome>, DecodeError> {
        if self.groups.is_empty() {
            return Ok(Vec::new());
        }
        let depend = |group: &Group| self.rules.depend_on_rows(group.no_repeat_ngram);
        let verdicts: Vec<Verdict> = if self.groups.iter().any(depend) {
            let rows = self.groups.iter().flat_map(|group| group.running.iter().map(move |beam| (group, beam)));
            rows.map(|(group, beam)| self.rules.judge(group.no_repeat_ngram, &group.prefix, &beam.ids)).collect()
        } else {
            Vec::new()
        };
        let answers = self.step(&verdicts)?;

        let mut outcomes = Vec::new();
        let mut kept = Vec::with_capacity(answers.len());
        let mut first = 0;
        for mut group in std::mem::take(&mut self.groups) {
            let rows = first..first + group.running.len();
            first = rows.end;
            let verdicts = verdicts.get(rows.clone()).unwrap_or_default();
            match self.continuations(&group, &answers[rows.clone()], verdicts) {
                Err(what) => {
                    let tokens = group.running.first().map_or(0, |beam| beam.ids.len());
                    outcomes.push((group.tag, Err(DecodeError::Logits { tokens, what })));
                }
                Ok(continuations) => {
                    let parents = self.update(&mut group, &continuations, &answers[rows.clone()]);
                    if parents.is_empty() {
                        outcomes.push(self.answer(group, "every token is banned"));
                    } else {
                        kept.extend(parents.iter().map(|parent| rows.start + parent));
                        self.groups.push(group);
                    }
                }
            }
        }
        self.live.select(&kept)?;
        Ok(outcomes)
    }

    fn entries(&self) -> usize {
        self.groups.len()
    }

    fn tokens(&self) -> usize {
        // A group that has just begun has one row, but will have all its beams after the next step.
        let of = |group: &Group| {
            let answered = group.running.first().map_or(0, |beam| beam.ids.len());
            group.source_tokens + self.options.beams * (group.prefix.len() + answered)
        };
        self.groups.iter().map(of).sum()
    }

    fn stats(&self) -> Stats {
        self.live.stats.clone()
    }
}
