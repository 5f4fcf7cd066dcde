//! Where the words of an output are parted between the cues of subtitles.
//!
//! Each cue gets its share of the words by the length of its source, and at least one word while there are enough. Near
//! the even share a clause boundary is better, and the place after a short word, which belongs to the next one, worse.

/// How far a clause boundary may pull, in hundredths of an even share.
const AFTER_SENTENCE: i64 = -40;
const AFTER_CLAUSE: i64 = -30;
/// Most combinations that are weighed: beyond it, as with a paragraph of thousands of lines, the nearest place will do.
const MOST_CELLS: usize = 4_000_000;
/// How far a short word may push.
const AFTER_SHORT_WORD: i64 = 20;

/// The spaces, as indices into `free`, at which cues end whose wanted places in `output` are `wanted`; fewer where there
/// are not enough. Both are in order.
pub(super) fn places(output: &str, free: &[usize], wanted: &[usize]) -> Vec<usize> {
    let count = wanted.len().min(free.len());
    if count == 0 {
        return Vec::new();
    }
    if count == free.len() {
        return (0..count).collect();
    }
    if count.saturating_mul(free.len()) > MOST_CELLS {
        // The nearest space each, with enough left for the others.
        let mut low = 0;
        let nearest = |cue: usize| {
            let place = free.partition_point(|at| *at < wanted[cue]).clamp(low, free.len() - (count - cue));
            low = place + 1;
            place
        };
        return (0..count).map(nearest).collect();
    }
    let share = (output.len() / (wanted.len() + 1)).max(1) as i64;
    let edges: Vec<i64> = free.iter().map(|at| edge(output, *at)).collect();
    let cost = |cue: usize, space: usize| {
        let distance = free[space].abs_diff(wanted[cue]) as i64 * 100 / share;
        distance + edges[space]
    };
    // The least cost at which the cues so far end at or before a space, and the space at which the last one does.
    let mut chosen: Vec<Vec<usize>> = Vec::with_capacity(count);
    let mut before: Vec<i64> = vec![0; free.len() + 1];
    for cue in 0..count {
        let mut least: Vec<i64> = vec![i64::MAX / 2; free.len() + 1];
        let mut best: Vec<usize> = vec![0; free.len()];
        for space in cue..free.len() {
            let here = before[space] + cost(cue, space);
            let so_far = least[space];
            let better = here < so_far;
            least[space + 1] = if better { here } else { so_far };
            best[space] = if better { space } else { best[space.saturating_sub(1)] };
        }
        before = least;
        chosen.push(best);
    }
    let mut places = vec![0; count];
    let mut last = free.len() - 1;
    for cue in (0..count).rev() {
        places[cue] = chosen[cue][last];
        last = places[cue].saturating_sub(1);
    }
    places
}

/// How good it is to part at a space; less is better.
fn edge(output: &str, at: usize) -> i64 {
    let before = output[..at].trim_end_matches(['"', '\'', '”', '’', '»', ')', ']']);
    match before.chars().next_back() {
        Some('.' | '!' | '?' | '…') => return AFTER_SENTENCE,
        Some(',' | ';' | ':' | '—' | '–') => return AFTER_CLAUSE,
        _ => {}
    }
    let hangul = |c: char| matches!(c as u32, 0xAC00..=0xD7A3);
    let word = before.chars().rev().take_while(|c| !c.is_whitespace()).take(4);
    let (letters, korean) = word.fold((0, false), |(count, korean), c| (count + 1, korean || hangul(c)));
    if letters <= if korean { 1 } else { 3 } { AFTER_SHORT_WORD } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::places;

    /// The output with `/` where it is parted between cues of these lengths.
    fn check(output: &str, lengths: &[usize], expected: &str) {
        let free: Vec<usize> = output.match_indices(' ').map(|(at, _)| at).collect();
        let all: usize = lengths.iter().sum();
        let ends = lengths[..lengths.len() - 1].iter().scan(0, |sum, length| {
            *sum += length;
            Some(*sum * output.len() / all)
        });
        let mut parted = output.as_bytes().to_vec();
        for place in places(output, &free, &ends.collect::<Vec<usize>>()) {
            parted[free[place]] = b'/';
        }
        assert_eq!(String::from_utf8_lossy(&parted), expected);
    }

    #[test]
    fn words_are_shared_by_the_lengths_of_the_cues() {
        check("one two three four five six", &[1, 1], "one two three/four five six");
        check(
            "alpha beta gamma delta alpha beta gamma delta",
            &[1, 3],
            "alpha beta/gamma delta alpha beta gamma delta",
        );
    }

    #[test]
    fn clauses_are_kept_and_short_words_stay_with_the_next() {
        check(
            "When it got late, everyone went home to sleep",
            &[1, 1],
            "When it got late,/everyone went home to sleep",
        );
        check("Вони довго йшли від озера до старого міста", &[20, 22], "Вони довго йшли/від озера до старого міста");
    }

    #[test]
    fn each_cue_gets_a_word_while_there_are_enough() {
        check("one two three", &[1, 1, 1], "one/two/three");
        check("one two three", &[98, 1, 1], "one/two/three");
        check("one two three four", &[1, 1, 98], "one/two/three four");
        check("one two", &[1, 1, 1], "one/two");
        check("one", &[1, 1, 1], "one");
    }
}
