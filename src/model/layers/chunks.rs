//! The best of a vocabulary whose logits are computed a chunk of columns at a time, for any kind of matrix.
//!
//! The chunks are shared among the threads of the current rayon pool; what is found does not depend on how.

use super::candidates;
use crate::kernels::topk::Best;
use crate::model::{Adjustment, Ask, Candidates, ModelError};
use crate::token::{TokenClasses, TokenId};
use std::ops::Range;

/// What is known of the columns of a vocabulary.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// Number of columns.
    count: usize,
    /// Columns that are computed at a time.
    chunk: usize,
    /// The token of each column; empty where they stand in the order of their ids.
    ids: Vec<TokenId>,
    /// The column of each token, likewise.
    places: Vec<u32>,
    /// Of each column; empty where they are not known.
    classes: Vec<TokenClasses>,
    /// Those that occur in each chunk, likewise.
    chunk_classes: Vec<Vec<TokenClasses>>,
}

impl Columns {
    /// Columns in the order of their tokens, with the classes of the tokens if they are known.
    pub(super) fn in_order(count: usize, chunk: usize, classes: &[TokenClasses]) -> Columns {
        Columns { count, chunk, ..Columns::default() }.classified(classes.to_vec())
    }

    /// Columns in an order of their own: `ids` are their tokens. An order that is no permutation is refused.
    pub(super) fn permuted(ids: Vec<TokenId>, chunk: usize, classes: &[TokenClasses]) -> Option<Columns> {
        let mut places = vec![u32::MAX; ids.len()];
        for (column, &id) in ids.iter().enumerate() {
            *places.get_mut(id as usize)? = column as u32;
        }
        if places.contains(&u32::MAX) || classes.len() != ids.len() {
            return None;
        }
        let classes = ids.iter().map(|&id| classes[id as usize]).collect();
        Some(Columns { count: ids.len(), chunk, ids, places, ..Columns::default() }.classified(classes))
    }

    fn classified(mut self, classes: Vec<TokenClasses>) -> Columns {
        if classes.len() == self.count {
            let distinct = |chunk: &[TokenClasses]| {
                let mut distinct = chunk.to_vec();
                distinct.sort_unstable();
                distinct.dedup();
                distinct
            };
            self.chunk_classes = classes.chunks(self.chunk).map(distinct).collect();
            self.classes = classes;
        }
        self
    }

    /// The column of a token.
    pub(super) fn column(&self, id: TokenId) -> u32 {
        self.places.get(id as usize).copied().unwrap_or(id)
    }
}

/// Tokens in an order in which those of the same classes stand together, the least special first.
pub(super) fn order_by_class(classes: &[TokenClasses]) -> Vec<TokenId> {
    let mut ids: Vec<TokenId> = (0..classes.len() as TokenId).collect();
    ids.sort_by_key(|&id| (classes[id as usize], id));
    ids
}

/// Logits to be looked at: of which columns, and what each row may answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunks<'a> {
    pub(super) columns: &'a Columns,
    pub(super) allowed: &'a [TokenClasses],
}

/// A question in terms of columns.
struct Wanted<'a> {
    ask: &'a Ask<'a>,
    adjust: Vec<Adjustment>,
    allowed: Option<Vec<u32>>,
    /// Column, row and place in [`Ask::also`] of each logit that is wanted by itself, ascending.
    also: Vec<(u32, usize, usize)>,
}

/// What some chunks gave.
#[derive(Default)]
struct Found {
    /// For each row.
    best: Vec<Best>,
    /// Logits by their place in [`Ask::also`].
    also: Vec<(usize, f32)>,
}

impl Chunks<'_> {
    /// Finds what was asked for; `logits(columns, buffer)` writes the logits `[rows, columns]` of some columns.
    pub(super) fn best(
        self,
        ask: &Ask<'_>,
        logits: impl Fn(Range<usize>, &mut Vec<f32>) -> Result<(), ModelError> + Sync,
    ) -> Result<Vec<Candidates>, ModelError> {
        let columns = self.columns;
        let mut adjust: Vec<Adjustment> = ask.adjust.to_vec();
        for change in &mut adjust {
            change.token = columns.column(change.token);
        }
        // A stable sort: changes of the same token keep their order.
        adjust.sort_by_key(|change| change.token);
        let allowed = ask.allowed.map(|ids| {
            let mut allowed: Vec<u32> = ids.iter().map(|&id| columns.column(id)).collect();
            allowed.sort_unstable();
            allowed
        });
        let numbered = ask.also.iter().enumerate();
        let mut also: Vec<(u32, usize, usize)> =
            numbered.map(|(place, &(row, token))| (columns.column(token), row, place)).collect();
        also.sort_unstable();
        let wanted = Wanted { ask, adjust, allowed, also };
        let chunks = columns.count.div_ceil(columns.chunk.max(1));
        let threads = rayon::current_num_threads().min(chunks).max(1);
        let share = chunks.div_ceil(threads).max(1);
        let mut parts: Vec<Result<Found, ModelError>> = (0..threads).map(|_| Ok(Found::default())).collect();
        let search = |part: usize| self.search(part * share..((part + 1) * share).min(chunks), &wanted, &logits);
        if threads == 1 {
            parts[0] = search(0);
        } else {
            rayon::scope(|scope| {
                for (index, part) in parts.iter_mut().enumerate() {
                    let search = &search;
                    scope.spawn(move |_| *part = search(index));
                }
            });
        }
        let mut found: Vec<Best> = vec![Best::new(ask.k); self.allowed.len()];
        let mut also = vec![f32::NEG_INFINITY; ask.also.len()];
        for part in parts {
            let part = part?;
            for (all, part) in found.iter_mut().zip(part.best) {
                all.append(part);
            }
            for (place, logit) in part.also {
                also[place] = logit;
            }
        }
        let mut also = also.into_iter();
        let mut answer = |(row, best): (usize, Best)| {
            let mut answer = candidates(row, best, ask)?;
            answer.also = also.by_ref().take(ask.also_of(row).len()).collect();
            if !columns.ids.is_empty() {
                for (token, _) in &mut answer.best {
                    *token = columns.ids[*token as usize];
                }
                answer.best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            }
            Ok(answer)
        };
        found.into_iter().enumerate().map(&mut answer).collect()
    }

    fn search(
        self,
        chunks: Range<usize>,
        wanted: &Wanted<'_>,
        logits: &impl Fn(Range<usize>, &mut Vec<f32>) -> Result<(), ModelError>,
    ) -> Result<Found, ModelError> {
        let rows = self.allowed.len();
        let mut best = vec![Best::new(wanted.ask.k); rows];
        let mut also = Vec::new();
        let mut buffer = Vec::new();
        for chunk in chunks {
            let range = chunk * self.columns.chunk..((chunk + 1) * self.columns.chunk).min(self.columns.count);
            let listed = wanted.allowed.as_ref().map(|columns| within(columns, &range));
            let classes = self.columns.chunk_classes.get(chunk).map_or(&[][..], Vec::as_slice);
            let some = |allowed: &TokenClasses| classes.is_empty() || classes.iter().any(|of| of.within(*allowed));
            if listed.is_some_and(<[_]>::is_empty) || !self.allowed.iter().any(some) {
                continue;
            }
            logits(range.clone(), &mut buffer)?;
            self.adjust(&range, &wanted.adjust, &mut buffer);
            for (row, logits) in buffer.chunks_exact_mut(range.len()).enumerate() {
                if !classes.iter().all(|of| of.within(self.allowed[row])) {
                    for (logit, of) in logits.iter_mut().zip(&self.columns.classes[range.clone()]) {
                        *logit = if of.within(self.allowed[row]) { *logit } else { f32::NEG_INFINITY };
                    }
                }
                if let Some(listed) = listed {
                    ban_others(logits, listed, range.start);
                }
                if wanted.ask.log_sum_exp {
                    best[row].scan_and_sum(logits, range.start as u32);
                } else {
                    best[row].scan(logits, range.start as u32);
                }
            }
            let start = wanted.also.partition_point(|&(column, _, _)| (column as usize) < range.start);
            let here = wanted.also[start..].iter().take_while(|&&(column, _, _)| (column as usize) < range.end);
            let logit = |&(column, row, place): &(u32, usize, usize)| {
                (place, buffer[row * range.len() + column as usize - range.start])
            };
            also.extend(here.filter(|&&(_, row, _)| row < rows).map(logit));
        }
        Ok(Found { best, also })
    }

    /// Applies the changes to the logits of some columns.
    fn adjust(self, range: &Range<usize>, adjust: &[Adjustment], logits: &mut [f32]) {
        let rows = self.allowed.len();
        let start = adjust.partition_point(|change| (change.token as usize) < range.start);
        for change in adjust[start..].iter().take_while(|change| (change.token as usize) < range.end) {
            let column = change.token as usize - range.start;
            let touched = change.row.map_or(0..rows, |row| row..(row + 1).min(rows));
            for row in touched {
                let logit = &mut logits[row * range.len() + column];
                *logit = change.apply(*logit);
            }
        }
    }
}

/// The ids within a range, out of ids in ascending order.
pub(super) fn within<'a>(ids: &'a [u32], range: &Range<usize>) -> &'a [u32] {
    let start = ids.partition_point(|&id| (id as usize) < range.start);
    let end = ids.partition_point(|&id| (id as usize) < range.end);
    &ids[start..end]
}

/// Sets all logits to negative infinity but those of the allowed ids; the first logit is that of id `first`.
pub(super) fn ban_others(logits: &mut [f32], allowed: &[u32], first: usize) {
    let mut next = 0;
    for &id in allowed {
        let Some(column) = (id as usize).checked_sub(first).filter(|&column| column < logits.len()) else { continue };
        logits[next..column.max(next)].fill(f32::NEG_INFINITY);
        next = column + 1;
    }
    logits[next..].fill(f32::NEG_INFINITY);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// All logits, changed and banned as asked, without chunks or orders.
    fn reference(
        logits: &[f32],
        (row, allowed): (usize, TokenClasses),
        classes: &[TokenClasses],
        ask: &Ask<'_>,
    ) -> Vec<(u32, f32)> {
        let mut all: Vec<(u32, f32)> = (0..).zip(logits.iter().copied()).collect();
        for change in ask.adjust.iter().filter(|change| change.row.is_none_or(|of| of == row)) {
            let logit = &mut all[change.token as usize].1;
            *logit = change.apply(*logit);
        }
        all.retain(|&(id, logit)| {
            logit > f32::NEG_INFINITY
                && classes.get(id as usize).is_none_or(|of| of.within(allowed))
                && ask.allowed.is_none_or(|ids| ids.contains(&id))
        });
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all
    }

    proptest! {
        #[test]
        fn neither_chunks_nor_order_nor_threads_make_a_difference(
            // Distinct logits, so that there are no ties.
            logits in Just((0..600).map(|i| (i * 7919 % 6007) as f32 / 500.0).collect::<Vec<f32>>()).prop_shuffle(),
            classes in prop::collection::vec(0u16..8, 200),
            allowed in prop::collection::vec(0u16..8, 3),
            banned in prop::collection::vec((0usize..3, 0u32..200), 0..5),
            listed in prop::option::of(prop::collection::btree_set(0u32..200, 1..100)),
            also in prop::collection::btree_set((0usize..3, 0u32..200), 0..6),
            k in 1usize..9,
            chunk in 1usize..90,
        ) {
            let classes: Vec<TokenClasses> = classes.into_iter().map(TokenClasses).collect();
            let allowed: Vec<TokenClasses> = allowed.into_iter().map(TokenClasses).collect();
            let listed: Option<Vec<u32>> = listed.map(|ids| ids.into_iter().collect());
            let also: Vec<(usize, u32)> = also.into_iter().collect();
            let adjust: Vec<Adjustment> = banned.iter().map(|&(row, id)| Adjustment::ban(Some(row), id)).collect();
            let ask = Ask { k, allowed: listed.as_deref(), adjust: &adjust, log_sum_exp: true, also: &also };
            let order = order_by_class(&classes);
            let permuted = Columns::permuted(order.clone(), chunk, &classes).unwrap();
            let plain = Columns::in_order(200, chunk, &classes);
            for (columns, order) in [(&permuted, &order), (&plain, &(0..200).collect())] {
                let chunks = Chunks { columns, allowed: &allowed };
                let compute = |range: Range<usize>, buffer: &mut Vec<f32>| {
                    buffer.clear();
                    for row in 0..3 {
                        buffer.extend(order[range.clone()].iter().map(|&id: &u32| logits[row * 200 + id as usize]));
                    }
                    Ok(())
                };
                let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let got = pool(1).install(|| chunks.best(&ask, compute)).unwrap();
                prop_assert_eq!(&got, &pool(3).install(|| chunks.best(&ask, compute)).unwrap());
                for (row, got) in got.iter().enumerate() {
                    let all = reference(&logits[row * 200..(row + 1) * 200], (row, allowed[row]), &classes, &ask);
                    let sum = all.iter().map(|item| f64::from(item.1).exp()).sum::<f64>().ln();
                    prop_assert!(all.is_empty() || (f64::from(got.log_sum_exp) - sum).abs() < 2e-5);
                    prop_assert_eq!(&got.best[..], &all[..k.min(all.len())]);
                    let logit = |token: u32| all.iter().find(|item| item.0 == token).map_or(f32::NEG_INFINITY, |item| item.1);
                    let wanted: Vec<f32> = ask.also_of(row).iter().map(|&(_, token)| logit(token)).collect();
                    prop_assert_eq!(&got.also, &wanted);
                }
            }
        }
    }

    #[test]
    fn an_order_that_is_none_is_refused() {
        let classes = [TokenClasses::NONE; 3];
        assert!(Columns::permuted(vec![0, 2, 1], 2, &classes).is_some());
        assert!(Columns::permuted(vec![0, 2, 2], 2, &classes).is_none());
        assert!(Columns::permuted(vec![0, 1, 3], 2, &classes).is_none());
        assert!(Columns::permuted(vec![0, 1], 2, &classes).is_none());
    }
}
