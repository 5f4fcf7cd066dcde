//! Plans batches: lengths and a budget in, lists of indices out. Pure and deterministic; knows no models and no threads.
//!
//! Requests are taken longest first (ties by index), so that those of a batch are of similar length and end at about the
//! same time, and the longest does not start when everything else has ended. Tokens are counted as they are: batches are
//! ragged, nothing is padded.

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
    /// Index and length, longest first.
    order: Vec<(usize, usize)>,
    taken: usize,
}

impl Queue {
    /// Lines up requests by their lengths in tokens.
    pub fn new(lengths: &[usize]) -> Queue {
        let mut order: Vec<(usize, usize)> = lengths.iter().copied().enumerate().collect();
        order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        Queue { order, taken: 0 }
    }

    /// How many requests still wait.
    pub fn len(&self) -> usize {
        self.order.len() - self.taken
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes requests from the front as long as the next one fits: nobody is overtaken.
    pub fn take(&mut self, room: Budget) -> Vec<usize> {
        let mut tokens = 0usize;
        let mut batch = Vec::new();
        for &(index, length) in &self.order[self.taken..] {
            tokens = tokens.saturating_add(length);
            if batch.len() == room.max_requests || tokens > room.max_tokens {
                break;
            }
            batch.push(index);
        }
        self.taken += batch.len();
        batch
    }

    /// Like [`Queue::take`], but a request that exceeds the budget on its own is taken alone instead of never.
    pub fn take_at_least_one(&mut self, room: Budget) -> Vec<usize> {
        let batch = self.take(room);
        if !batch.is_empty() {
            return batch;
        }
        let first = self.order.get(self.taken).map(|&(index, _)| index);
        self.taken += usize::from(first.is_some());
        first.into_iter().collect()
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
