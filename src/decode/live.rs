//! The rows that are alive in the network: starting, joining, stepping and dropping them, with the time taken.
//!
//! Shared by greedy and beam search; knows states and rows, not hypotheses.

use std::time::Instant;

use super::{DecodeError, SearchOptions, Stats};
use crate::model::{Ask, Candidates, Model, ModelError, Request, State};
use crate::token::TokenId;

/// The state of the live rows; none while there are no rows.
pub(super) struct Live<'m> {
    model: &'m dyn Model,
    /// Whether states are told to say where in the source they look.
    aligned: bool,
    state: Option<Box<dyn State>>,
    pub(super) stats: Stats,
}

impl<'m> Live<'m> {
    pub(super) fn new(model: &'m dyn Model, options: &SearchOptions) -> Live<'m> {
        Live { model, aligned: options.alignments, state: None, stats: Stats::default() }
    }

    pub(super) fn model(&self) -> &'m dyn Model {
        self.model
    }

    /// Starts requests and puts their rows behind the present ones.
    pub(super) fn start(&mut self, batch: &[Request<'_>]) -> Result<(), DecodeError> {
        if batch.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let mut started = self.model.start(batch)?;
        if self.aligned {
            started.align();
        }
        self.stats.start_time += began.elapsed();
        self.stats.starts += 1;
        if started.rows() != batch.len() {
            return Err(ModelError::State(format!("{} rows for {} requests", started.rows(), batch.len())).into());
        }
        for request in batch {
            self.stats.source_tokens += request.source.len();
            self.stats.prefix_tokens += request.prefix.len();
        }
        self.stats.entries += batch.len();
        match &mut self.state {
            None => self.state = Some(started),
            Some(state) => {
                let began = Instant::now();
                // A state that failed half-way cannot be trusted, so that the rows it held are lost too.
                state.append(started).map_err(DecodeError::Broken)?;
                self.stats.state_time += began.elapsed();
            }
        }
        Ok(())
    }

    /// Feeds a token to each row.
    pub(super) fn step(&mut self, last: &[TokenId], ask: &Ask<'_>) -> Result<Vec<Candidates>, DecodeError> {
        let Some(state) = &mut self.state else {
            return Err(ModelError::State(format!("{} tokens for no rows", last.len())).into());
        };
        let began = Instant::now();
        let answers = self.model.step(last, state.as_mut(), ask)?;
        self.stats.step(last.len(), began.elapsed());
        self.stats.projection_time += state.take_projection_time();
        if answers.len() != last.len() {
            return Err(ModelError::State(format!("{} answers for {} rows", answers.len(), last.len())).into());
        }
        Ok(answers)
    }

    /// Keeps row `rows[i]` as the new row `i`. The identity costs nothing.
    pub(super) fn select(&mut self, rows: &[usize]) -> Result<(), DecodeError> {
        let Some(state) = &mut self.state else { return Ok(()) };
        if rows.is_empty() {
            self.state = None;
            return Ok(());
        }
        if rows.len() == state.rows() && rows.iter().enumerate().all(|(new, &old)| new == old) {
            return Ok(());
        }
        let began = Instant::now();
        state.select(rows)?;
        self.stats.state_time += began.elapsed();
        Ok(())
    }
}
