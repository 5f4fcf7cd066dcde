//! Files that hold several articles: each item of a feed gets a summary of its own, in the place of its texts.
//!
//! Headlines, and texts that are no longer than a summary, are translated like those of any article; identifiers, links and
//! dates stay as they are. So the answer is a file of the same format.

use super::super::article::{Article, Plan};
use super::super::models::Summarizer;
use super::Draft;
use crate::document::{Block, BlockKind, Document, Part, Piece, PieceKind};
use crate::job::report::SegmentRecord;
use crate::language::Language;
use crate::segment::Segment;
use crate::token::SummaryLength;
use std::ops::Range;

/// The drafts of an article that holds several; none where each says little enough already.
pub(super) fn drafts(
    index: usize,
    article: &Article<'_>,
    to: Language,
    summarizer: &Summarizer,
    length: SummaryLength,
) -> Vec<Draft> {
    let Some(document) = &article.document else { return Vec::new() };
    let mut drafts = Vec::new();
    for (number, part) in document.parts.iter().enumerate() {
        let Some(main) = main_text(document, part) else { continue };
        let sentences = article
            .segments
            .iter()
            .zip(&article.plans)
            .filter(|(segment, plan)| main.contains(&segment.block) && **plan != Plan::Drop)
            .count();
        if sentences <= length.sentences() {
            continue;
        }
        let headlines = blocks(document, &part.span).filter(|block| document.blocks[*block].kind == BlockKind::Heading);
        let outside = |block: &usize| {
            let span = &document.blocks[*block].span;
            part.texts.iter().all(|text| span.end <= text.span.start || text.span.end <= span.start)
        };
        let wanted: Vec<usize> = headlines.filter(outside).take(1).chain(main).collect();
        let paragraphs = super::paragraphs(article, &|block| wanted.binary_search(&block).is_ok());
        if !paragraphs.is_empty() {
            drafts.push(Draft { part: Some(number), ..Draft::of(index, article, paragraphs, to, summarizer) });
        }
    }
    drafts
}

/// Indices of the blocks within a range of the text.
fn blocks(document: &Document, span: &Range<usize>) -> Range<usize> {
    let first = document.blocks.partition_point(|block| block.span.start < span.start);
    first..document.blocks.partition_point(|block| block.span.end <= span.end).max(first)
}

/// The blocks of the longest text of a part.
fn main_text(document: &Document, part: &Part) -> Option<Range<usize>> {
    let length =
        |blocks: &Range<usize>| -> usize { document.blocks[blocks.clone()].iter().map(|b| b.span.len()).sum() };
    let texts = part.texts.iter().map(|text| blocks(document, &text.span)).filter(|blocks| !blocks.is_empty());
    // The first of two that are equally long.
    texts.fold(None, |best: Option<Range<usize>>, blocks| match best {
        Some(best) if length(&best) >= length(&blocks) => Some(best),
        _ => Some(blocks),
    })
}

/// Puts summaries in the place of the texts of their parts: each text becomes one block and one segment, whose answer is
/// there already.
pub(super) fn install(article: &mut Article<'_>, summaries: Vec<(usize, SegmentRecord)>) {
    let Some(document) = &mut article.document else { return };
    let mut texts: Vec<(Range<usize>, SegmentRecord, Vec<crate::document::Escape>)> = Vec::new();
    for (number, record) in summaries {
        let part = &document.parts[number];
        let main = main_text(document, part).unwrap_or_default();
        for text in &part.texts {
            let inside = blocks(document, &text.span);
            if inside.is_empty() {
                continue;
            }
            let mut record = SegmentRecord { span: text.span.clone(), ..record.clone() };
            if inside != main {
                // What was found is told once.
                record.findings.clear();
                record.attempts.clear();
            }
            texts.push((text.span.clone(), record, text.escapes.clone()));
        }
    }
    texts.sort_by_key(|(span, ..)| span.start);
    // Some feeds nest what should stand side by side.
    texts.dedup_by(|later, earlier| later.0.start < earlier.0.end);
    let place = |span: &Range<usize>| {
        let at = texts.partition_point(|(text, ..)| text.end <= span.start);
        texts.get(at).filter(|(text, ..)| text.start < span.end).map(|_| at)
    };
    // Language tags within are gone with what they spoke of.
    document.tags.retain(|tag| place(tag).is_none());
    let mut kept: Vec<Option<usize>> = Vec::with_capacity(document.blocks.len());
    let mut new: Vec<Block> = Vec::new();
    let mut segments: Vec<(Segment, Plan, Option<SegmentRecord>)> = Vec::new();
    let mut next = 0;
    for block in std::mem::take(&mut document.blocks) {
        let Some(at) = place(&block.span) else {
            kept.push(Some(new.len()));
            new.push(block);
            continue;
        };
        kept.push(None);
        if at < next {
            continue;
        }
        next = at + 1;
        let (span, record, escapes) = &texts[at];
        let segment = Segment {
            block: new.len(),
            span: span.clone(),
            text: document.text[span.clone()].to_string(),
            slots: Vec::new(),
            verbatim: Vec::new(),
        };
        segments.push((segment, Plan::Ready, Some(record.clone())));
        let whole = Piece { span: span.clone(), kind: PieceKind::Prose };
        new.push(Block { escapes: escapes.clone(), ..Block::new(span.clone(), BlockKind::Paragraph, vec![whole]) });
    }
    document.blocks = new;
    let old = std::mem::take(&mut article.segments).into_iter().zip(std::mem::take(&mut article.plans));
    for (segment, plan) in old {
        if let Some(block) = kept.get(segment.block).copied().flatten() {
            segments.push((Segment { block, ..segment }, plan, None));
        }
    }
    segments.sort_by_key(|(segment, ..)| segment.span.start);
    for (index, (segment, plan, record)) in segments.into_iter().enumerate() {
        article.segments.push(segment);
        article.plans.push(plan);
        if let Some(record) = record {
            article.ready.insert(index, record);
        }
    }
}
