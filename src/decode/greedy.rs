//! Greedy search: each row takes its best token and leaves as soon as it has ended.
//!
//! The repetition penalty acts on logits here and on log-probabilities in beam search, as in transformers.

use super::live::Live;
use super::rules::Rules;
use super::{DecodeError, Entry, Finish, Hypothesis, Outcome, Search, SearchOptions, Stats, forced, normalized, room};
use crate::model::{Adjustment, Ask, Candidates, Change, Model, Request, Spec};
use crate::token::TokenId;

struct Row {
    tag: usize,
    source_tokens: usize,
    prefix: Box<[TokenId]>,
    ids: Vec<TokenId>,
    /// Of each of `ids`, if it is asked for and known.
    alignments: Vec<Vec<f32>>,
    log_probability: f32,
    room: usize,
    no_repeat_ngram: usize,
    loop_tokens: usize,
}

impl Row {
    fn last(&self) -> TokenId {
        // `room` refuses an empty prefix.
        self.ids.last().or(self.prefix.last()).copied().unwrap_or_default()
    }
}

/// A greedy search over a changing set of rows.
pub(super) struct Greedy<'m> {
    options: &'m SearchOptions,
    rules: Rules<'m>,
    live: Live<'m>,
    rows: Vec<Row>,
}

impl<'m> Greedy<'m> {
    pub(super) fn new(model: &'m dyn Model, options: &'m SearchOptions) -> Greedy<'m> {
        Greedy { options, rules: Rules::new(model.spec(), options), live: Live::new(model, options), rows: Vec::new() }
    }

    fn adjustments(&self) -> Vec<Adjustment> {
        let mut adjust: Vec<Adjustment> =
            self.rules.suppressed.iter().map(|&token| Adjustment::ban(None, token)).collect();
        let change = Change::Penalize(self.options.repetition_penalty);
        for (index, row) in self.rows.iter().enumerate() {
            let verdict = self.rules.judge(row.no_repeat_ngram, &row.prefix, &row.ids);
            adjust.extend(verdict.penalized.iter().map(|&token| Adjustment { row: Some(index), token, change }));
            adjust.extend(verdict.banned.iter().map(|&token| Adjustment::ban(Some(index), token)));
        }
        adjust
    }

    fn finish(&mut self, row: Row, finish: Finish, tokens: usize) -> Outcome {
        self.live.stats.target_tokens += tokens;
        let log_probability = if self.options.scores { row.log_probability } else { f32::NAN };
        let length = tokens + forced(self.live.model().spec(), &row.prefix);
        let score = normalized(log_probability, length, self.options.length_penalty);
        let Row { tag, ids, alignments, .. } = row;
        (tag, Ok(Hypothesis { ids, log_probability, score, finish, alignments }))
    }

    /// Adds a token to a row; says how the row ended, if it did, and with how many tokens.
    fn extend(&self, row: &mut Row, candidates: &mut Candidates) -> Result<Option<(Finish, usize)>, DecodeError> {
        let (token, logit) = usable(candidates, row.ids.len())?;
        if self.options.scores {
            if candidates.log_sum_exp.is_nan() {
                return Err(DecodeError::Logits { tokens: row.ids.len(), what: "log-sum-exp is not a number" });
            }
            row.log_probability += logit - candidates.log_sum_exp;
        }
        let spec = self.live.model().spec();
        if spec.eos.contains(&token) {
            return Ok(Some((Finish::End, row.ids.len() + 1)));
        }
        row.ids.push(token);
        if !candidates.alignment.is_empty() {
            row.alignments.push(std::mem::take(&mut candidates.alignment));
        }
        if row.ids.len() == row.room || ends_by_force(spec, row.ids.len(), row.room) {
            return Ok(Some((Finish::Limit, row.room)));
        }
        let looping = self.options.loop_stop.is_some_and(|rule| rule.ends_in_loop(&row.ids, row.loop_tokens));
        Ok(looping.then_some((Finish::Loop, row.ids.len())))
    }
}

/// Whether the next token is the last one and has to be the end token; its probability then is one.
pub(super) fn ends_by_force(spec: &Spec, tokens: usize, room: usize) -> bool {
    spec.forced_eos.is_some() && tokens + 1 == room
}

/// The best candidate, if it is a number.
fn usable(candidates: &Candidates, tokens: usize) -> Result<(TokenId, f32), DecodeError> {
    match candidates.best.first() {
        None => Err(DecodeError::Logits { tokens, what: "no token" }),
        Some((_, logit)) if logit.is_nan() => Err(DecodeError::Logits { tokens, what: "logit is not a number" }),
        Some(&(_, f32::NEG_INFINITY)) => Err(DecodeError::Logits { tokens, what: "every token is banned" }),
        Some(&best) => Ok(best),
    }
}

impl Search for Greedy<'_> {
    fn admit(&mut self, entries: &[Entry<'_>]) -> Result<Vec<Outcome>, DecodeError> {
        let mut outcomes = Vec::new();
        let mut rows = Vec::new();
        let mut requests: Vec<Request<'_>> = Vec::new();
        for entry in entries {
            let spec = self.live.model().spec();
            let request = entry.request;
            match room(spec, entry) {
                Err(error) => outcomes.push((entry.tag, Err(error))),
                Ok(room) => {
                    let row = Row {
                        tag: entry.tag,
                        source_tokens: request.source.len(),
                        prefix: request.prefix.into(),
                        ids: Vec::new(),
                        alignments: Vec::new(),
                        log_probability: 0.0,
                        room,
                        no_repeat_ngram: entry.no_repeat_ngram,
                        loop_tokens: self
                            .options
                            .loop_stop
                            .map_or(0, |rule| rule.threshold(request.source, request.prefix)),
                    };
                    if ends_by_force(spec, 0, room) {
                        outcomes.push(self.finish(row, Finish::Limit, room));
                    } else {
                        rows.push(row);
                        requests.push(request);
                    }
                }
            }
        }
        self.live.start(&requests)?;
        self.rows.extend(rows);
        Ok(outcomes)
    }

    fn advance(&mut self) -> Result<Vec<Outcome>, DecodeError> {
        if self.rows.is_empty() {
            return Ok(Vec::new());
        }
        let last: Vec<TokenId> = self.rows.iter().map(Row::last).collect();
        let adjust = self.adjustments();
        let allowed = self.options.allowed.as_deref();
        let ask = Ask { k: 1, allowed, adjust: &adjust, log_sum_exp: self.options.scores, also: &[] };
        let mut answers = self.live.step(&last, &ask)?;

        let mut outcomes = Vec::new();
        let mut kept = Vec::with_capacity(self.rows.len());
        for (index, (mut row, candidates)) in std::mem::take(&mut self.rows).into_iter().zip(&mut answers).enumerate() {
            match self.extend(&mut row, candidates) {
                Err(error) => outcomes.push((row.tag, Err(error))),
                Ok(Some((finish, tokens))) => {
                    let outcome = self.finish(row, finish, tokens);
                    outcomes.push(outcome);
                }
                Ok(None) => {
                    kept.push(index);
                    self.rows.push(row);
                }
            }
        }
        self.live.select(&kept)?;
        Ok(outcomes)
    }

    fn entries(&self) -> usize {
        self.rows.len()
    }

    fn tokens(&self) -> usize {
        self.rows.iter().map(|row| row.source_tokens + row.prefix.len() + row.ids.len()).sum()
    }

    fn stats(&self) -> Stats {
        self.live.stats.clone()
    }
}
