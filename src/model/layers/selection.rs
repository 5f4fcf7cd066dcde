//! The best of a selection of the vocabulary: a few hundred tokens that one source may be answered with.

use super::candidates;
use crate::kernels::topk::Best;
use crate::model::{Adjustment, Ask, Candidates, ModelError};
use crate::token::TokenId;
use std::ops::Range;

/// Finds what was asked for in `logits`, `[rows, tokens]`, of these rows of the batch; `tokens` are those of the columns, in
/// ascending order. Without any, each row is answered with nothing.
///
/// # Errors
/// A row has a logit that is not a number.
///
/// # Panics
/// If there are fewer logits than that.
pub fn best(
    tokens: &[TokenId],
    rows: Range<usize>,
    logits: &mut [f32],
    ask: &Ask<'_>,
) -> Result<Vec<Candidates>, ModelError> {
    // Changes to all rows come first, the others follow row by row.
    let shared = ask.adjust.partition_point(|change| change.row.is_none());
    let (shared, own) = ask.adjust.split_at(shared);
    let mut answers = Vec::with_capacity(rows.len());
    for (index, row) in rows.enumerate() {
        let logits = &mut logits[index * tokens.len()..][..tokens.len()];
        adjust(tokens, shared, logits);
        adjust(tokens, &own[of_row(own, row)], logits);
        if let Some(allowed) = ask.allowed {
            for (logit, token) in logits.iter_mut().zip(tokens) {
                if allowed.binary_search(token).is_err() {
                    *logit = f32::NEG_INFINITY;
                }
            }
        }
        let mut best = Best::new(ask.k);
        if ask.log_sum_exp {
            best.scan_and_sum(logits, 0);
        } else {
            best.scan(logits, 0);
        }
        let mut answer = candidates(row, best, ask)?;
        let column = |token: &TokenId| tokens.binary_search(token).ok();
        let also = ask.also_of(row).iter().map(|(_, token)| column(token).map_or(f32::NEG_INFINITY, |at| logits[at]));
        answer.also = also.collect();
        for (token, _) in &mut answer.best {
            *token = tokens[*token as usize];
        }
        answers.push(answer);
    }
    Ok(answers)
}

fn of_row(adjust: &[Adjustment], row: usize) -> Range<usize> {
    let start = adjust.partition_point(|change| change.row.is_some_and(|of| of < row));
    let end = adjust.partition_point(|change| change.row.is_some_and(|of| of <= row));
    start..end
}

/// A token that is not in the selection has no logit to change.
fn adjust(tokens: &[TokenId], changes: &[Adjustment], logits: &mut [f32]) {
    for change in changes {
        if let Ok(column) = tokens.binary_search(&change.token) {
            logits[column] = change.apply(logits[column]);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn changes_reach_their_rows_and_others_have_no_logit() {
        let adjust = [
            Adjustment::ban(None, 9),
            Adjustment::ban(Some(1), 4),
            Adjustment::ban(Some(2), 4),
            Adjustment::ban(Some(2), 5),
            Adjustment::ban(Some(3), 2),
        ];
        let ask = Ask { k: 2, allowed: None, adjust: &adjust, log_sum_exp: true, also: &[] };
        let mut logits = [1.0, 3.0, 2.0, 9.0, 1.0, 3.0, 2.0, 9.0];
        let got = best(&[2, 4, 7, 9], 1..3, &mut logits, &ask).unwrap();
        assert_eq!(got[0].best, [(7, 2.0), (2, 1.0)]);
        assert_eq!(got[1].best, [(7, 2.0), (2, 1.0)]);
        assert!((got[0].log_sum_exp - (2f32.exp() + 1f32.exp()).ln()).abs() < 1e-6);
    }

    #[test]
    fn only_what_is_allowed_is_answered() {
        let ask = Ask { k: 3, allowed: Some(&[1, 4, 9]), adjust: &[], log_sum_exp: false, also: &[] };
        let got = best(&[2, 4, 7, 9], 0..1, &mut [5.0, 3.0, 2.0, 4.0], &ask).unwrap();
        assert_eq!(got[0].best, [(9, 4.0), (4, 3.0)]);
    }

    #[test]
    fn what_is_asked_for_as_well_is_answered_whatever_its_place() {
        let also = [(1, 4), (1, 8), (3, 9), (3, 2)];
        let adjust = [Adjustment::ban(Some(3), 9)];
        let ask = Ask { k: 1, allowed: None, adjust: &adjust, log_sum_exp: false, also: &also };
        let got = best(&[2, 4, 9], 1..4, &mut [5.0, 3.0, 2.0, 1.0, 1.0, 1.0, 6.0, 7.0, 8.0], &ask).unwrap();
        let also: Vec<&[f32]> = got.iter().map(|answer| &answer.also[..]).collect();
        assert_eq!(also, [&[3.0, f32::NEG_INFINITY][..], &[], &[f32::NEG_INFINITY, 6.0]]);
        assert_eq!(got[0].best, [(2, 5.0)]);
    }

    #[test]
    fn rows_without_a_token_are_answered_with_nothing() {
        let ask = Ask { k: 3, allowed: None, adjust: &[], log_sum_exp: true, also: &[] };
        let got = best(&[], 4..6, &mut [], &ask).unwrap();
        assert_eq!(got.len(), 2);
        assert!(got.iter().all(|answer| answer.best.is_empty() && answer.log_sum_exp == f32::NEG_INFINITY));
    }
}
