//! Plans batches: lengths and a budget in, lists of indices out. Pure and deterministic; knows no models and no threads.
//!
//! Requests are taken longest first (ties by index), so that those of a batch are of similar length and end at about the
//! same time, and the longest does not start when everything else has ended. Tokens are counted as they are: batches are
//! ragged, nothing is padded.
//!
//! A queue may be refilled while it is worked off. So that short requests do not wait for ever behind longer ones that
//! come later, time goes in turns: what has waited through [`PATIENCE`] whole turns comes first, whatever its length.

use std::cmp::Reverse;
use std::collections::BTreeSet;

/// How much may be worked on at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Most requests.
    pub max_requests: usize,
    /// Most tokens, all requests together.
    pub max_tokens: usize,
}

/// Whole turns that a request waits behind longer ones before it comes first.
pub const PATIENCE: usize = 1;

/// Whether a request has waited long enough to overtake longer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    Overdue,
    ByLength,
}

/// A request's place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    claim: Claim,
    length: Reverse<usize>,
    index: usize,
    /// The turn in which it came.
    since: usize,
}

/// The requests that wait, in the order in which they are taken.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    waiting: BTreeSet<Place>,
    turn: usize,
}

impl Queue {
    /// Lines up requests by their lengths in tokens.
    pub fn new(lengths: &[usize]) -> Queue {
        let mut queue = Queue::default();
        for (index, &length) in lengths.iter().enumerate() {
            queue.push(index, length);
        }
        queue
    }

    /// Adds a request.
    pub fn push(&mut self, index: usize, length: usize) {
        let place = Place { claim: Claim::ByLength, length: Reverse(length), index, since: self.turn };
        self.waiting.insert(place);
    }

    /// Begins the next turn: what has waited for [`PATIENCE`] turns besides the one in which it came goes to the front.
    pub fn next_turn(&mut self) {
        self.turn += 1;
        let places = std::mem::take(&mut self.waiting).into_iter();
        self.waiting = places
            .map(|place| {
                let overdue = self.turn - place.since > PATIENCE;
                Place { claim: if overdue { Claim::Overdue } else { place.claim }, ..place }
            })
            .collect();
    }

    /// The request that came first, by its index.
    pub fn oldest(&self) -> Option<usize> {
        self.waiting.iter().map(|place| place.index).min()
    }

    /// Tokens of all requests that wait.
    pub fn tokens(&self) -> usize {
        self.waiting.iter().map(|place| place.length.0).sum()
    }

    /// How many requests still wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes requests from the front as long as the next one fits: nobody is overtaken.
    pub fn take(&mut self, room: Budget) -> Vec<usize> {
        let mut tokens = 0usize;
        let mut batch = Vec::new();
        while let Some(&Place { length: Reverse(length), index, .. }) = self.waiting.first() {
            tokens = tokens.saturating_add(length);
            if batch.len() == room.max_requests || tokens > room.max_tokens {
                break;
            }
            batch.push(index);
            self.waiting.pop_first();
        }
        batch
    }

    /// Like [`Queue::take`], but a request that exceeds the budget on its own is taken alone instead of never.
    pub fn take_at_least_one(&mut self, room: Budget) -> Vec<usize> {
        let batch = self.take(room);
        if !batch.is_empty() {
            return batch;
        }
        self.waiting.pop_first().map(|place| place.index).into_iter().collect()
    }
}

/// Splits all requests into batches within the budget; one that exceeds it on its own is a batch of its own.
pub fn plan(lengths: &[usize], budget: Budget) -> Vec<Vec<usize>> {
    let mut queue = Queue::new(lengths);
    let mut batches = Vec::new();
    while !queue.is_empty() {
        batches.push(queue.take_at_least_one(budget));
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(lengths: &[usize], (max_requests, max_tokens): (usize, usize), expected: &[&[usize]]) {
        assert_eq!(plan(lengths, Budget { max_requests, max_tokens }), expected);
    }

    #[test]
    fn the_longest_come_first_and_ties_by_index() {
        check(&[3, 9, 3, 5], (2, 100), &[&[1, 3], &[0, 2]]);
    }

    #[test]
    fn tokens_are_limited() {
        check(&[4, 4, 4, 4, 4], (9, 8), &[&[0, 1], &[2, 3], &[4]]);
    }

    #[test]
    fn a_request_beyond_the_budget_goes_alone() {
        check(&[1, 50, 2], (9, 10), &[&[1], &[2, 0]]);
        check(&[1, 2], (0, 0), &[&[1], &[0]]);
    }

    #[test]
    fn nothing_is_no_batch() {
        check(&[], (4, 4), &[]);
        assert!(Queue::new(&[]).take_at_least_one(Budget { max_requests: 4, max_tokens: 4 }).is_empty());
    }

    #[test]
    fn nobody_is_overtaken() {
        let mut queue = Queue::new(&[9, 1]);
        assert!(queue.take(Budget { max_requests: 2, max_tokens: 5 }).is_empty());
        assert_eq!(queue.len(), 2);
    }

    #[test]
    fn what_came_later_and_is_longer_overtakes_for_one_turn_only() {
        let one = Budget { max_requests: 1, max_tokens: 100 };
        let mut queue = Queue::new(&[1, 2]);
        let mut taken = Vec::new();
        for turn in 0..3 {
            queue.push(2 + 2 * turn, 50 + turn);
            queue.push(3 + 2 * turn, 60 + turn);
            taken.extend(queue.take(one));
            taken.extend(queue.take(one));
            queue.next_turn();
        }
        // In the third turn the first two have waited through the second one.
        assert_eq!(taken, [3, 2, 5, 4, 1, 0]);
    }

    proptest! {
        #[test]
        fn a_plan_holds_everything_once_and_keeps_the_budget(
            lengths in prop::collection::vec(0usize..200, 0..120),
            max_requests in 1usize..20,
            max_tokens in 1usize..500,
        ) {
            let budget = Budget { max_requests, max_tokens };
            let batches = plan(&lengths, budget);
            let mut seen: Vec<usize> = batches.concat();
            for batch in &batches {
                let tokens: usize = batch.iter().map(|&index| lengths[index]).sum();
                prop_assert!(!batch.is_empty() && batch.len() <= max_requests);
                prop_assert!(tokens <= max_tokens || batch.len() == 1);
            }
            prop_assert!(seen.windows(2).all(|pair| lengths[pair[0]] >= lengths[pair[1]]));
            for pair in batches.windows(2) {
                let tokens: usize = pair[0].iter().map(|&index| lengths[index]).sum();
                prop_assert!(pair[0].len() == max_requests || tokens + lengths[pair[1][0]] > max_tokens, "room was left");
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            prop_assert_eq!(plan(&lengths, budget), batches);
        }
    }
}
