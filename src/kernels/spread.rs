//! Spreads independent pieces of one output buffer over the threads that Candle's quantized products use.
//!
//! The same pool, because its threads spin for a while after each product: a second pool would compete with them.

/// Calls `work(scratch, index, piece)` for every piece of `size` elements of `data` (the last may be shorter).
///
/// The pieces are disjoint and each is visited once, by one thread; `scratch` is made once per run of pieces.
///
/// # Panics
/// If `size` is 0.
pub fn for_each_piece<S, M, W>(data: &mut [f32], size: usize, scratch: M, work: W)
where
    M: Fn() -> S + Sync,
    W: Fn(&mut S, usize, &mut [f32]) + Sync,
{
    assert!(size > 0, "pieces need at least one element");
    let length = data.len();
    let pieces = length.div_ceil(size);
    if pieces <= 1 {
        if length > 0 {
            work(&mut scratch(), 0, data);
        }
        return;
    }
    let base = Base(data.as_mut_ptr());
    candle_core::utils::barrier_pool().execute_chunked(pieces, |range| {
        let base = &base;
        let mut scratch = scratch();
        for index in range {
            let start = index * size;
            let end = length.min(start + size);
            // SAFETY: the pool hands out every index once, so the pieces are disjoint; they lie within `data`, which is
            // borrowed mutably until the pool has finished.
            let piece = unsafe { std::slice::from_raw_parts_mut(base.0.add(start), end - start) };
            work(&mut scratch, index, piece);
        }
    });
}

struct Base(*mut f32);
// SAFETY: only disjoint pieces are ever made from the pointer.
unsafe impl Sync for Base {}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    #[test]
    fn every_piece_is_visited_once() {
        for (length, size) in [(0, 3), (1, 3), (3, 3), (10, 3), (1000, 7)] {
            let mut data = vec![0.0; length];
            for_each_piece(
                &mut data,
                size,
                || (),
                |(), index, piece| {
                    for value in piece {
                        *value += (index + 1) as f32;
                    }
                },
            );
            for (at, value) in data.iter().enumerate() {
                assert_eq!(*value, (at / size + 1) as f32);
            }
        }
    }
}
