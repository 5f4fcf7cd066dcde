//! A summarizer without weights: it chooses the sentences of an article that are most like all the others.
//!
//! Sentences are nodes, the cosine of their TF-IDF vectors is the weight of an edge, and a damped random walk gives
//! each its centrality (`LexRank`, Erkan and Radev 2004). Position, length and form adjust it; the choice trades
//! centrality against likeness to what was chosen before (maximal marginal relevance, Carbonell and Goldstein 1998).
//! Terms are crude on purpose: word beginnings in English and Ukrainian, pairs of syllables in Korean.
//!
//! Everything is deterministic: fixed numbers of rounds, sums in order, ties by index.

mod terms;

use std::collections::BTreeMap;

use crate::language::Language;

/// More sentences than this are not compared with each other: the rest of an article that long is left out.
const MOST_COMPARED: usize = 600;
/// Rounds of the random walk; the ranking is settled long before.
const ROUNDS: usize = 30;
/// Share of the walk that follows edges; the rest starts anew anywhere.
const DAMPING: f32 = 0.85;
/// How much likeness to a chosen sentence costs against centrality.
const REDUNDANCY: f32 = 0.45;
/// Cosines below this are chance.
const LEAST_LIKENESS: f32 = 0.05;
/// So much is added to the first sentence of the article, falling off over the next ones.
const LEAD_BONUS: f32 = 0.7;
/// So much is added to the first sentence of a paragraph.
const OPENING_BONUS: f32 = 0.08;

/// Chooses `count` sentences of an article (all, if there are no more) and answers their indices in ascending order.
///
/// Empty sentences are never chosen. For an article beyond 600 sentences only the first 600 are compared.
pub fn summarize(sentences: &[&str], language: Language, count: usize) -> Vec<usize> {
    choose(sentences, &[], language, count)
}

/// Like [`summarize`], with the number of the paragraph of each sentence: a sentence that opens a paragraph is worth
/// more, a paragraph of one short sentence (a headline, a caption) less.
pub fn summarize_paragraphs(sentences: &[(&str, usize)], language: Language, count: usize) -> Vec<usize> {
    let texts: Vec<&str> = sentences.iter().map(|&(text, _)| text).collect();
    let paragraphs: Vec<usize> = sentences.iter().map(|&(_, paragraph)| paragraph).collect();
    choose(&texts, &paragraphs, language, count)
}

fn choose(sentences: &[&str], paragraphs: &[usize], language: Language, count: usize) -> Vec<usize> {
    let compared = sentences.len().min(MOST_COMPARED);
    let sentences = &sentences[..compared];
    let vectors = vectors(sentences, language);
    let likeness = likeness(&vectors);
    let scores: Vec<f32> = centrality(&likeness)
        .into_iter()
        .enumerate()
        .map(|(index, central)| adjusted(central, index, sentences, paragraphs, language))
        .collect();
    let mut left: Vec<usize> = (0..compared).filter(|&index| !vectors[index].is_empty()).collect();
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < count && !left.is_empty() {
        let worth = |index: usize| {
            let like = chosen.iter().map(|&other| likeness[index][other]).fold(0.0, f32::max);
            scores[index] - REDUNDANCY * like - f32::from(u8::from(like > 0.9))
        };
        let (at, _) = left
            .iter()
            .enumerate()
            .max_by(|(_, a), (_, b)| worth(**a).total_cmp(&worth(**b)).then(b.cmp(a)))
            .unwrap_or((0, &left[0]));
        chosen.push(left.remove(at));
    }
    chosen.sort_unstable();
    chosen
}

/// A sparse unit vector: weights by term number, in ascending order.
type Vector = Vec<(usize, f32)>;

/// TF-IDF vectors of the sentences, of unit length; empty for a sentence without terms.
fn vectors(sentences: &[&str], language: Language) -> Vec<Vector> {
    let counted: Vec<BTreeMap<String, f32>> = sentences
        .iter()
        .map(|sentence| {
            let mut counts = BTreeMap::new();
            for term in terms::terms(sentence, language) {
                *counts.entry(term).or_insert(0.0) += 1.0;
            }
            counts
        })
        .collect();
    let mut frequency: BTreeMap<&str, f32> = BTreeMap::new();
    for term in counted.iter().flat_map(BTreeMap::keys) {
        *frequency.entry(term).or_insert(0.0) += 1.0;
    }
    let number: BTreeMap<&str, usize> = frequency.keys().enumerate().map(|(number, &term)| (term, number)).collect();
    let total = sentences.len() as f32;
    counted
        .iter()
        .map(|counts| {
            let weights: Vector = counts
                .iter()
                .map(|(term, count)| (number[term.as_str()], count * (1.0 + total / frequency[term.as_str()]).ln()))
                .collect();
            let norm = weights.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
            weights.into_iter().map(|(term, weight)| (term, weight / norm)).collect()
        })
        .collect()
}

/// Cosines between all sentences, `[sentences, sentences]`.
fn likeness(vectors: &[Vector]) -> Vec<Vec<f32>> {
    let mut likeness = vec![vec![0.0; vectors.len()]; vectors.len()];
    for a in 0..vectors.len() {
        for b in 0..a {
            let cosine = dot(&vectors[a], &vectors[b]);
            likeness[a][b] = cosine;
            likeness[b][a] = cosine;
        }
    }
    likeness
}

/// Inner product of two sparse vectors.
fn dot(a: &Vector, b: &Vector) -> f32 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while i < a.len() && j < b.len() {
        match a[i].0.cmp(&b[j].0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += a[i].1 * b[j].1;
                i += 1;
                j += 1;
            }
        }
    }
    sum
}

/// Centrality of each sentence from 0 to 1: where the random walk is after its rounds, over the highest.
fn centrality(likeness: &[Vec<f32>]) -> Vec<f32> {
    let size = likeness.len();
    if size == 0 {
        return Vec::new();
    }
    let edge = |value: f32| if value < LEAST_LIKENESS { 0.0 } else { value };
    let sums: Vec<f32> = likeness.iter().map(|row| row.iter().map(|&value| edge(value)).sum()).collect();
    let mut rank = vec![1.0 / size as f32; size];
    for _ in 0..ROUNDS {
        // A sentence without neighbours gives its rank to all.
        let loose: f32 = (0..size).filter(|&i| sums[i] == 0.0).map(|i| rank[i]).sum();
        let start = (1.0 - DAMPING + DAMPING * loose) / size as f32;
        let mut next = vec![start; size];
        for from in (0..size).filter(|&i| sums[i] > 0.0) {
            let share = DAMPING * rank[from] / sums[from];
            for (to, &value) in likeness[from].iter().enumerate() {
                next[to] += share * edge(value);
            }
        }
        rank = next;
    }
    let highest = rank.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    rank.into_iter().map(|value| value / highest).collect()
}

/// Centrality with what position, length and form say about a sentence.
fn adjusted(central: f32, index: usize, sentences: &[&str], paragraphs: &[usize], language: Language) -> f32 {
    let sentence = sentences[index];
    let mut score = central + LEAD_BONUS / (1.0 + index as f32).powi(2);
    let paragraph = paragraphs.get(index).copied();
    let opens = paragraph.is_some() && (index == 0 || paragraphs.get(index - 1).copied() != paragraph);
    let closes = paragraph.is_some() && paragraphs.get(index + 1).copied() != paragraph;
    if opens {
        score += OPENING_BONUS;
    }
    let length = terms::length(sentence);
    if length < 6 {
        score -= 0.45;
    } else if length > 45 {
        score -= 0.2;
    }
    // Headlines, captions and list items end without a mark; a lone short one is not a sentence of the story.
    let unfinished = !sentence.trim_end().ends_with(['.', '!', '?', '…', '”', '"', '»', '“', ')', '’']);
    if unfinished {
        score -= if opens && closes { 1.2 } else { 0.5 };
    }
    score - terms::penalty(sentence, language)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{summarize, summarize_paragraphs};
    use crate::language::Language;

    const EN: &[&str] = &[
        "A convoy of trucks carrying food and medicine reached the besieged town on Monday after two failed attempts.",
        "She laughed.",
        "The trucks delivered food and medicine for about a thousand people in the town.",
        "Shelling had turned the convoy back twice before it reached the town.",
        "A dog barked somewhere behind the bakery.",
        "The weather was mild.",
        "Follow us on Telegram: @meridian_wire",
    ];
    const UK: &[&str] = &[
        "Колона вантажівок із їжею та ліками в понеділок дісталася обложеного міста після двох невдалих спроб.",
        "Вона засміялася.",
        "Вантажівки привезли до міста їжу й ліки приблизно для тисячі людей.",
        "Через обстріли колона двічі поверталася, перш ніж дісталася міста.",
        "Десь за пекарнею гавкав собака.",
        "Погода була м’яка.",
        "Підписуйтеся на наш телеграм-канал: @meridian_wire",
    ];
    const KO: &[&str] = &[
        "식량과 의약품을 실은 트럭 호송대가 두 차례 실패한 끝에 월요일 포위된 마을에 도착했다.",
        "그녀는 웃었다.",
        "트럭 호송대는 마을 주민 약 천 명에게 식량과 의약품을 전달했다.",
        "호송대는 포격 때문에 두 차례 되돌아간 뒤에야 마을에 도착했다.",
        "빵집 뒤에서 개가 짖었다.",
        "날씨는 온화했다.",
        "무단전재 및 재배포 금지",
    ];

    fn check(sentences: &[&str], language: Language, count: usize, expected: &[usize]) {
        assert_eq!(summarize(sentences, language, count), expected, "{language}");
    }

    #[test]
    fn the_central_sentences_are_chosen_in_their_order() {
        for (sentences, language) in [(EN, Language::EN), (UK, Language::UK), (KO, Language::KO)] {
            check(sentences, language, 1, &[0]);
            let two = summarize(sentences, language, 2);
            assert!(two[0] == 0 && (two[1] == 2 || two[1] == 3), "{language}: {two:?}");
            check(sentences, language, 3, &[0, 2, 3]);
        }
    }

    #[test]
    fn boilerplate_comes_last() {
        for (sentences, language) in [(EN, Language::EN), (UK, Language::UK), (KO, Language::KO)] {
            assert!(!summarize(sentences, language, 6).contains(&6), "{language}");
        }
    }

    #[test]
    fn a_sentence_is_not_said_twice() {
        let mut twice = EN.to_vec();
        twice.insert(1, EN[0]);
        let chosen = summarize(&twice, Language::EN, 3);
        assert!(!(chosen.contains(&0) && chosen.contains(&1)), "{chosen:?}");
    }

    #[test]
    fn a_lone_headline_is_passed_over() {
        let sentences = [(EN[0], 0), (EN[3], 0), ("Колона дісталася міста Trucks convoy town food", 1), (EN[2], 2)];
        assert!(!summarize_paragraphs(&sentences, Language::EN, 3).contains(&2));
    }

    #[test]
    fn few_sentences_are_all_chosen() {
        check(&[], Language::EN, 3, &[]);
        check(&["One sentence."], Language::EN, 3, &[0]);
        check(&["", " ", "One sentence."], Language::KO, 3, &[2]);
        check(EN, Language::EN, 0, &[]);
    }

    #[test]
    fn a_very_long_article_is_bounded() {
        let sentences: Vec<String> =
            (0..10_000).map(|i| format!("Sentence {} tells of item {} again.", i, i % 97)).collect();
        let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
        let chosen = summarize(&sentences, Language::EN, 8);
        assert_eq!(chosen.len(), 8);
        assert!(chosen.contains(&0));
    }

    proptest! {
        #[test]
        fn any_text_gives_ascending_indices(
            sentences in prop::collection::vec("\\PC{0,40}", 0..12),
            count in 0usize..14,
        ) {
            let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
            for language in [Language::EN, Language::UK, Language::KO] {
                let chosen = summarize(&sentences, language, count);
                prop_assert!(chosen.len() <= count);
                prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert!(chosen.iter().all(|&index| index < sentences.len()));
                prop_assert_eq!(&chosen, &summarize(&sentences, language, count));
            }
        }
    }
}
