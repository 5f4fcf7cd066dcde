//! What a search did, in numbers: tokens, steps, rows a step, time in the network. Counters only; decides nothing.

use std::time::Duration;

/// Counters of one or more searches. Times are summed over workers, so they can exceed the time that passed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Entries let in; those that are repeated after a failure count again.
    pub entries: usize,
    /// Tokens given to the encoder.
    pub source_tokens: usize,
    /// Tokens the decoder was started from.
    pub prefix_tokens: usize,
    /// Tokens of the answers handed out, end tokens included.
    pub target_tokens: usize,
    /// Calls of `Model::start`.
    pub starts: usize,
    /// Calls of `Model::step`.
    pub steps: usize,
    /// How many steps ran with so many rows; the index is the number of rows.
    pub steps_with_rows: Vec<usize>,
    /// Time in `Model::start`.
    pub start_time: Duration,
    /// Time in `Model::step`.
    pub step_time: Duration,
    /// Of it, in the projection onto the vocabulary, where the model tells it.
    pub projection_time: Duration,
    /// Time in selecting and appending rows.
    pub state_time: Duration,
}

impl Stats {
    /// Adds the counters of another search.
    pub fn merge(&mut self, other: &Stats) {
        self.entries += other.entries;
        self.source_tokens += other.source_tokens;
        self.prefix_tokens += other.prefix_tokens;
        self.target_tokens += other.target_tokens;
        self.starts += other.starts;
        self.steps += other.steps;
        if self.steps_with_rows.len() < other.steps_with_rows.len() {
            self.steps_with_rows.resize(other.steps_with_rows.len(), 0);
        }
        for (mine, theirs) in self.steps_with_rows.iter_mut().zip(&other.steps_with_rows) {
            *mine += theirs;
        }
        self.start_time += other.start_time;
        self.step_time += other.step_time;
        self.projection_time += other.projection_time;
        self.state_time += other.state_time;
    }

    /// Counts one step.
    pub(super) fn step(&mut self, rows: usize, time: Duration) {
        self.steps += 1;
        self.step_time += time;
        if self.steps_with_rows.len() <= rows {
            self.steps_with_rows.resize(rows + 1, 0);
        }
        self.steps_with_rows[rows] += 1;
    }

    /// Rows of an average step; 0 without steps.
    pub fn mean_rows(&self) -> f64 {
        let rows: usize = self.steps_with_rows.iter().enumerate().map(|(rows, steps)| rows * steps).sum();
        if self.steps == 0 { 0.0 } else { rows as f64 / self.steps as f64 }
    }
}
