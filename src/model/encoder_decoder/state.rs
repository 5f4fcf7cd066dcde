//! Rows of a state, for any backend: what a row remembers is the backend's matter, keeping and reordering rows is not.

use crate::model::{ModelError, State};
use std::any::Any;
use std::time::Duration;

/// Live rows. Cloning a row must be cheap and must not let one clone change the other: beams share what they have in common.
pub(super) struct Rows<R> {
    pub(super) live: Vec<R>,
    /// Time in the projection onto the vocabulary that has not been asked for yet.
    pub(super) projection_time: Duration,
    /// Whether answers say where in the source they looked.
    pub(super) align: bool,
}

impl<R> Rows<R> {
    pub(super) fn new(rows: Vec<R>) -> Rows<R> {
        Rows { live: rows, projection_time: Duration::ZERO, align: false }
    }
}

impl<R: Clone + Send + 'static> State for Rows<R> {
    fn rows(&self) -> usize {
        self.live.len()
    }

    fn select(&mut self, rows: &[usize]) -> Result<(), ModelError> {
        let mut uses = vec![0usize; self.live.len()];
        for &row in rows {
            match uses.get_mut(row) {
                Some(count) => *count += 1,
                None => return Err(ModelError::State(format!("row {row} of {}", self.live.len()))),
            }
        }
        // The last use of a row takes it instead of cloning it: what is not shared is written to in place.
        let mut old: Vec<Option<R>> = std::mem::take(&mut self.live).into_iter().map(Some).collect();
        self.live = rows
            .iter()
            .filter_map(|&row| {
                uses[row] -= 1;
                if uses[row] == 0 { old[row].take() } else { old[row].clone() }
            })
            .collect();
        Ok(())
    }

    fn append(&mut self, other: Box<dyn State>) -> Result<(), ModelError> {
        let other = other
            .into_any()
            .downcast::<Rows<R>>()
            .map_err(|_| ModelError::State("appended state is of another model".into()))?;
        self.live.extend(other.live);
        Ok(())
    }

    fn align(&mut self) {
        self.align = true;
    }

    fn take_projection_time(&mut self) -> Duration {
        std::mem::take(&mut self.projection_time)
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_are_kept_repeated_and_left_out() {
        let mut state = Rows::new(vec!['a', 'b', 'c']);
        state.select(&[2, 0, 2]).unwrap();
        assert_eq!(state.live, ['c', 'a', 'c']);
        state.append(Box::new(Rows::new(vec!['d']))).unwrap();
        assert_eq!(state.rows(), 4);
        assert!(state.select(&[4]).is_err());
        assert!(state.append(Box::new(Rows::new(vec![1u8]))).is_err());
        state.select(&[]).unwrap();
        assert_eq!(state.rows(), 0);
    }
}
