//! One model of a flow as a feed of `schedule`: what waits for it, and what comes of it.
//!
//! A run ends when nothing waits or runs anywhere in the flow: what another model holds may come to this one next.

use super::{Flow, NAP, State, Waiting};
use crate::batch::Budget;
use crate::schedule::{Feed, JobResult, Least, Load, Next, Supply, Taken};
use std::borrow::Cow;
use std::sync::{PoisonError, TryLockError};

/// Prompts for which a worker without work begins although another model is at work: the kernels take rows by eights, so that
/// a step of one row costs nearly as much.
const WORTH_A_START: usize = 8;

/// The feed of one model.
pub(super) struct LaneFeed<'l, 'f, 'a> {
    pub(super) flow: &'l Flow<'f, 'a>,
    /// Key of the model.
    pub(super) name: &'l str,
}

impl Feed<'static> for LaneFeed<'_, '_, '_> {
    fn load(&self) -> Load {
        let state = self.flow.state();
        let supply = state.supply.unwrap_or(Supply::Open);
        if state.others_work(self.name) {
            // All that waits and runs may come here; how long it will be nobody knows.
            let requests = state.lanes.values().map(|lane| lane.queue.len() + lane.in_flight).sum();
            return Load { requests, tokens: usize::MAX, supply };
        }
        let (requests, tokens) =
            state.lanes.get(self.name).map_or((0, 0), |lane| (lane.queue.len(), lane.queue.tokens()));
        Load { requests, tokens, supply }
    }

    fn take(&self, room: Budget, least: Least) -> Vec<Taken<'static>> {
        // Twice what is taken, so that the window fills up while the workers run and none of them reads for long.
        match self.flow.reading.try_lock() {
            Ok(_reading) => {
                self.flow.refill(room.max_requests.saturating_mul(2));
            }
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => {}
        }
        let mut state = self.flow.state();
        if state.ends() || (least == Least::One && !state.is_worth(self.name) && self.flow.turns.are_wanted()) {
            return Vec::new();
        }
        let Some(lane) = state.lanes.get_mut(self.name) else { return Vec::new() };
        let tags = match least {
            Least::None => lane.queue.take(room),
            Least::One => lane.queue.take_at_least_one(room),
        };
        lane.in_flight += tags.len();
        let taken = |tag: usize| {
            lane.prompts.remove(&tag).map(|Waiting { prompt, max_new_tokens, no_repeat_ngram }| Taken {
                tag,
                prompt: Cow::Owned(prompt),
                max_new_tokens,
                no_repeat_ngram,
            })
        };
        tags.into_iter().filter_map(taken).collect()
    }

    fn wait(&self) -> Next {
        let seen = self.flow.state().changes;
        {
            let _reading = self.flow.reading.lock().unwrap_or_else(PoisonError::into_inner);
            // What came may have been answered on the spot, with more behind it.
            if self.flow.state().is_dry(self.name) && self.flow.refill(1) {
                return Next::Ask;
            }
        }
        let state = self.flow.state();
        if state.ends() {
            return Next::End;
        }
        if state.is_worth(self.name) || state.changes != seen {
            return Next::Ask;
        }
        if state.lanes.values().all(|lane| lane.queue.is_empty() && lane.in_flight == 0) {
            return Next::End;
        }
        // What the other workers hold may lead to more: a next hop, a retry, or room for further articles.
        let _ = self.flow.changed.wait_timeout(state, NAP);
        Next::Ask
    }

    fn done(&self, tag: usize, result: JobResult) {
        let complete = {
            let mut state = self.flow.state();
            let state = &mut *state;
            state.places.remove(&tag).and_then(|(unit, part)| {
                let moving = state.units.get_mut(&unit)?;
                moving.parts[part].result = Some(result);
                moving.left -= 1;
                if moving.left == 0 { state.units.remove(&unit) } else { None }
            })
        };
        if let Some(mut moving) = complete {
            let answer = self.flow.fold(&mut moving);
            self.flow.end_hop(moving, answer);
        }
        let mut state = self.flow.state();
        if let Some(lane) = state.lanes.get_mut(self.name) {
            lane.in_flight -= 1;
        }
        state.changes += 1;
        drop(state);
        self.flow.changed.notify_all();
    }
}

impl State {
    /// Whether nothing is to be begun any more.
    fn ends(&self) -> bool {
        self.failure.is_some() || self.broken
    }

    /// Whether nothing waits for a model.
    fn is_dry(&self, name: &str) -> bool {
        self.lanes.get(name).is_none_or(|lane| lane.queue.is_empty())
    }

    /// Whether something waits for other models, or they are at work.
    fn others_work(&self, name: &str) -> bool {
        self.lanes.iter().any(|(other, lane)| other != name && (lane.in_flight > 0 || !lane.queue.is_empty()))
    }

    /// Whether a worker without work should begin with what waits for a model.
    fn is_worth(&self, name: &str) -> bool {
        let waiting = self.lanes.get(name).map_or(0, |lane| lane.queue.len());
        waiting >= WORTH_A_START || (waiting > 0 && !self.others_work(name))
    }
}
