//! Plans batches: lengths and a budget in, lists of indices out. Pure and deterministic; knows no models and no threads.
//!
//! Requests are taken longest first (ties by index), so that those of a batch are of similar length and end at about the
//! same time, and the longest does not start when everything else has ended. Tokens are counted as they are: batches are
//! ragged, nothing is padded.
//!
//! A queue may be refilled while it is worked off. It is then swept from the longest to the shortest, again and again: what
//! comes and is longer than what was taken last waits for the next sweep. So a batch stays of similar length, and short
//! requests do not wait behind all longer ones that come later.

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

/// The requests that wait, in the order in which they are taken.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Length and index, the longest first.
    waiting: BTreeSet<(Reverse<usize>, usize)>,
    order: Order,
}

/// Which request is next.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// The longest that is not longer than this, which was taken last; if there is none, the longest.
    Sweep(usize),
    /// The longest.
    Longest,
}

impl Default for Queue {
    fn default() -> Self {
        Queue { waiting: BTreeSet::new(), order: Order::Sweep(usize::MAX) }
    }
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
        self.waiting.insert((Reverse(length), index));
    }

    /// Ends the sweeps: from now on the longest is always next. For the time when hardly anything more will come, so that
    /// no long request starts when everything else has ended.
    pub fn end_sweeps(&mut self) {
        self.order = Order::Longest;
    }

    /// What is taken next.
    fn next(&self) -> Option<(Reverse<usize>, usize)> {
        let below = match self.order {
            Order::Sweep(last) => self.waiting.range((Reverse(last), 0)..).next(),
            Order::Longest => None,
        };
        below.or(self.waiting.first()).copied()
    }

    fn remove(&mut self, place: (Reverse<usize>, usize)) -> usize {
        self.waiting.remove(&place);
        if let Order::Sweep(last) = &mut self.order {
            *last = place.0.0;
        }
        place.1
    }

    /// The request that came first, by its index.
    pub fn oldest(&self) -> Option<usize> {
        self.waiting.iter().map(|&(_, index)| index).min()
    }

    /// Tokens of all requests that wait.
    pub fn tokens(&self) -> usize {
        self.waiting.iter().map(|&(Reverse(length), _)| length).sum()
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
        while let Some(place) = self.next() {
            tokens = tokens.saturating_add(place.0.0);
            if batch.len() == room.max_requests || tokens > room.max_tokens {
                break;
            }
            batch.push(self.remove(place));
        }
        batch
    }

    /// Like [`Queue::take`], but a request that exceeds the budget on its own is taken alone instead of never.
    pub fn take_at_least_one(&mut self, room: Budget) -> Vec<usize> {
        let batch = self.take(room);
        if !batch.is_empty() {
            return batch;
        }
        self.next().map(|place| self.remove(place)).into_iter().collect()
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
    fn what_comes_later_and_is_longer_waits_for_the_next_sweep() {
        let one = Budget { max_requests: 1, max_tokens: 100 };
        let mut queue = Queue::new(&[9, 5, 1]);
        let mut taken = Vec::new();
        for (index, length) in [(3, 10), (4, 4), (5, 8)] {
            taken.extend(queue.take(one));
            queue.push(index, length);
        }
        assert_eq!(taken, [0, 1, 4]);
        taken.extend(queue.take(one));
        queue.end_sweeps();
        queue.push(6, 20);
        taken.extend(queue.take(Budget { max_requests: 9, max_tokens: 100 }));
        assert_eq!(taken, [0, 1, 4, 2, 6, 3, 5]);
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
