//! Aligns the sentences of a source with those of its translation, in order, by length and by what they have in common.
//!
//! After Gale and Church (1993): groups of sentences are paired so that the likelihood is greatest; a group is one
//! sentence and one, some that were joined or split, or a sentence without any counterpart. Serves [`super::coverage`].

use std::ops::Range;

use super::anchors::{Anchor, Anchors, Mask};
use super::length::Direction;
use super::sentences::Sentence;

/// Groups with a counterpart: sentences of the source and of the output, and the logarithm of how much rarer they are
/// than one and one.
const GROUPS: &[(usize, usize, f32)] =
    &[(1, 1, 0.0), (2, 1, -3.0), (1, 2, -3.0), (2, 2, -5.0), (3, 1, -6.0), (1, 3, -6.0), (4, 1, -9.0), (1, 4, -9.0)];

/// How much less rare it is that a sentence is joined to the one before if it points back to that.
const POINTS_BACK: f32 = 2.0;

/// What a sentence without counterpart costs, as the logarithm of its likelihood.
#[derive(Debug, Clone, Copy)]
pub(super) struct Costs {
    /// A sentence of the source that is missing in the output.
    pub(super) missing: f32,
    /// A sentence of the output that the source does not have.
    pub(super) added: f32,
}

/// Sentences that belong together; one range is empty for a sentence without counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) source: Range<usize>,
    pub(super) output: Range<usize>,
}

/// Both texts, ready to be aligned.
pub(super) struct Texts<'a> {
    pub(super) source: &'a [Sentence<'a>],
    pub(super) output: &'a [Sentence<'a>],
    pub(super) anchors: &'a Anchors,
    pub(super) direction: Direction,
}

/// The groups of the best alignment and its score; `None` where none is possible at any cost.
pub(super) fn align(texts: &Texts<'_>, costs: Costs) -> Option<(Vec<Group>, f32)> {
    let (rows, columns) = (texts.source.len() + 1, texts.output.len() + 1);
    let by_source = by_sentence(&texts.anchors.source, rows);
    let by_output = by_sentence(&texts.anchors.output, columns);
    let mut best = vec![(f32::NEG_INFINITY, 0usize, 0usize); rows * columns];
    best[0].0 = 0.0;
    for row in 0..rows {
        for column in 0..columns {
            let mut cell = best[row * columns + column];
            let mut consider = |sources: usize, outputs: usize, score: f32| {
                let before = best[(row - sources) * columns + column - outputs].0 + score;
                if before > cell.0 {
                    cell = (before, sources, outputs);
                }
            };
            if row > 0 {
                consider(1, 0, costs.missing);
            }
            if column > 0 {
                consider(0, 1, costs.added);
            }
            for &(sources, outputs, rarity) in GROUPS.iter().filter(|group| group.0 <= row && group.1 <= column) {
                let (from, to) = (row - sources..row, column - outputs..column);
                let length = texts.length(&from, &to);
                let common = common(&by_source[from.clone()], &to) + self::common(&by_output[to.clone()], &from);
                let joined = joints(&texts.source[from]) + joints(&texts.output[to]);
                consider(sources, outputs, rarity + POINTS_BACK * joined as f32 + length + common);
            }
            best[row * columns + column] = cell;
        }
    }
    let score = best[rows * columns - 1].0;
    if score == f32::NEG_INFINITY {
        return None;
    }
    let (mut row, mut column) = (rows - 1, columns - 1);
    let mut groups = Vec::new();
    while row + column > 0 {
        let (_, sources, outputs) = best[row * columns + column];
        groups.push(Group { source: row - sources..row, output: column - outputs..column });
        (row, column) = (row - sources, column - outputs);
    }
    groups.reverse();
    Some((groups, score))
}

/// The anchors of each sentence.
fn by_sentence(anchors: &[Anchor], sentences: usize) -> Vec<Vec<Anchor>> {
    let mut sorted = vec![Vec::new(); sentences];
    for anchor in anchors {
        sorted[anchor.sentence].push(*anchor);
    }
    sorted
}

/// How many sentences behind the first point back to the one before.
fn joints(sentences: &[Sentence<'_>]) -> usize {
    sentences.iter().skip(1).filter(|sentence| sentence.points_back).count()
}

/// What the anchors of some sentences say about a group with those of the other text.
fn common(anchors: &[Vec<Anchor>], others: &Range<usize>) -> f32 {
    let mask = others.clone().fold(0 as Mask, |mask, index| mask | 1 << index);
    let anchors = anchors.iter().flatten();
    anchors.map(|anchor| if anchor.found & mask == 0 { anchor.miss } else { anchor.hit }).sum()
}

impl Texts<'_> {
    /// Logarithm of the likelihood of the lengths of a group.
    fn length(&self, source: &Range<usize>, output: &Range<usize>) -> f32 {
        let sum = |sentences: &[Sentence<'_>]| sentences.iter().map(|s| s.characters).sum::<usize>() as f32;
        let (source, output) = (sum(&self.source[source.clone()]), sum(&self.output[output.clone()]));
        let deviation = self.direction.deviation(source, output);
        // Tails are heavier than those of a normal distribution: free renderings.
        -3.5 * (1.0 + deviation * deviation / 6.0).ln() - self.direction.spread(source).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::super::anchors::anchors;
    use super::super::length::direction;
    use super::super::sentences::sentences;
    use super::{Costs, Texts, align};
    use crate::language::Language;

    const GAPS: Costs = Costs { missing: 0.0, added: -4.0 };
    const NEVER: Costs = Costs { missing: f32::NEG_INFINITY, added: f32::NEG_INFINITY };

    /// Sizes of the groups of the best alignment; nothing where there is none.
    fn groups(source: &str, output: &str, costs: Costs) -> Vec<(usize, usize)> {
        let (source, output) = (sentences(source, Language::EN), sentences(output, Language::UK));
        let anchors = anchors(&source, &output, (Language::EN, Language::UK));
        let direction = direction(Language::EN, Language::UK);
        let texts = Texts { source: &source, output: &output, anchors: &anchors, direction };
        align(&texts, costs).map_or_else(Vec::new, |(groups, _)| {
            groups.into_iter().map(|group| (group.source.len(), group.output.len())).collect()
        })
    }

    const EN: &str = "The road was closed at noon on Monday. Two trucks were hit on the bridge. It will open in May.";

    #[test]
    fn sentences_pair_one_to_one() {
        let uk = "Дорогу перекрили опівдні в понеділок. Дві вантажівки влучили на мосту. Її відкриють у травні.";
        assert_eq!(groups(EN, uk, GAPS), [(1, 1), (1, 1), (1, 1)]);
    }

    #[test]
    fn joined_sentences_are_one_group() {
        let uk = "Дорогу перекрили опівдні в понеділок, а дві вантажівки влучили на мосту. Її відкриють у травні.";
        assert_eq!(groups(EN, uk, GAPS), [(2, 1), (1, 1)]);
    }

    #[test]
    fn a_lost_sentence_stands_alone() {
        let uk = "Дорогу перекрили опівдні в понеділок. Її відкриють у травні.";
        assert_eq!(groups(EN, uk, GAPS), [(1, 1), (1, 0), (1, 1)]);
        assert_eq!(groups(EN, uk, NEVER).iter().filter(|group| group.1 == 0).count(), 0);
    }

    #[test]
    fn what_cannot_be_joined_has_no_alignment_without_gaps() {
        assert_eq!(groups(&"It rained again. ".repeat(9), "Дощило.", NEVER), []);
        assert_eq!(groups("", "", GAPS), []);
    }
}
