//! The best of a vocabulary whose logits are computed a chunk of columns at a time, for any kind of matrix.
//!
//! The chunks are shared among the threads of the current rayon pool; what is found does not depend on how.

use super::candidates;
use crate::kernels::topk::Best;
use crate::model::{Adjustment, Ask, Candidates, ModelError};
use std::ops::Range;

/// Rows and columns of logits, and how many columns are computed at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunks {
    pub(super) rows: usize,
    pub(super) vocab: usize,
    pub(super) columns: usize,
}

impl Chunks {
    /// Finds what was asked for; `logits(columns, buffer)` writes the logits `[rows, columns]` of some columns.
    pub(super) fn best(
        self,
        ask: &Ask<'_>,
        logits: impl Fn(Range<usize>, &mut Vec<f32>) -> Result<(), ModelError> + Sync,
    ) -> Result<Vec<Candidates>, ModelError> {
        let mut adjust: Vec<Adjustment> = ask.adjust.to_vec();
        // A stable sort: changes of the same token keep their order.
        adjust.sort_by_key(|change| change.token);
        let chunks = self.vocab.div_ceil(self.columns.max(1));
        let threads = rayon::current_num_threads().min(chunks).max(1);
        let share = chunks.div_ceil(threads).max(1);
        let mut parts: Vec<Result<Vec<Best>, ModelError>> = (0..threads).map(|_| Ok(Vec::new())).collect();
        let search = |part: usize| self.search(part * share..((part + 1) * share).min(chunks), (ask, &adjust), &logits);
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
        let mut found: Vec<Best> = vec![Best::new(ask.k); self.rows];
        for part in parts {
            for (all, part) in found.iter_mut().zip(part?) {
                all.append(part);
            }
        }
        found.into_iter().enumerate().map(|(row, best)| candidates(row, best, ask)).collect()
    }

    fn search(
        self,
        chunks: Range<usize>,
        (ask, adjust): (&Ask<'_>, &[Adjustment]),
        logits: &impl Fn(Range<usize>, &mut Vec<f32>) -> Result<(), ModelError>,
    ) -> Result<Vec<Best>, ModelError> {
        let mut best = vec![Best::new(ask.k); self.rows];
        let mut buffer = Vec::new();
        for chunk in chunks {
            let range = chunk * self.columns..((chunk + 1) * self.columns).min(self.vocab);
            let allowed = ask.allowed.map(|ids| within(ids, &range));
            if allowed.is_some_and(<[_]>::is_empty) {
                continue;
            }
            logits(range.clone(), &mut buffer)?;
            let start = adjust.partition_point(|change| (change.token as usize) < range.start);
            for change in adjust[start..].iter().take_while(|change| (change.token as usize) < range.end) {
                let column = change.token as usize - range.start;
                let touched = change.row.map_or(0..self.rows, |row| row..(row + 1).min(self.rows));
                for row in touched {
                    let logit = &mut buffer[row * range.len() + column];
                    *logit = change.apply(*logit);
                }
            }
            for (row, logits) in best.iter_mut().zip(buffer.chunks_exact_mut(range.len())) {
                if let Some(allowed) = allowed {
                    ban_others(logits, allowed, range.start);
                }
                if ask.log_sum_exp {
                    row.scan_and_sum(logits, range.start as u32);
                } else {
                    row.scan(logits, range.start as u32);
                }
            }
        }
        Ok(best)
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
