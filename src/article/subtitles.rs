//! Subtitles: `SubRip` and `WebVTT`.
//!
//! Cues are cut where they have to be read, not where sentences end. A block is a run of cues that hold whole sentences;
//! what stands between two cues of it (line ends, numbers, timings) is one piece that the joined text keeps. After the
//! answers are in their places, `settle` breaks the lines of the cues that changed anew.

mod cues;
mod lines;
mod payload;
mod settle;

pub(super) use settle::{findings, settle};

use super::{ArticleError, Format};
use crate::document::{Block, BlockKind, Document, Escape, Piece, PieceKind};
use cues::{Cue, cues};
use payload::{Token, TokenKind, dash, ends, is_turn, tokens};
use std::ops::Range;

/// More cues than these are not put together.
const MOST_CUES: usize = 12;
/// A longer time than this is not put together, in milliseconds.
const LONGEST_RUN_MS: u64 = 30_000;
/// Who pauses as long as this has ended a sentence, in milliseconds.
const PAUSE_MS: u64 = 2_000;

/// Reads subtitles: cues are put together to sentences.
pub(super) fn read(text: &str, format: Format) -> Result<Document, ArticleError> {
    let mut document = Document { text: text.to_string(), ..Document::default() };
    if text.trim().is_empty() {
        return Ok(document);
    }
    let cues =
        cues(text, format).map_err(|(line, message)| ArticleError::Syntax { format: format.name(), line, message })?;
    let mut run: Vec<(&Cue, Speech)> = Vec::new();
    let escape = Escape::Cue { references: format == Format::Vtt };
    for cue in &cues {
        let Some(speech) = Speech::of(text, cue, format) else {
            // A cue without words parts those around it.
            document.blocks.extend(block(std::mem::take(&mut run), escape));
            continue;
        };
        if let (Some((first, _)), Some((last, before))) = (run.first(), run.last()) {
            let full = run.len() >= MOST_CUES || cue.time.end.saturating_sub(first.time.start) > LONGEST_RUN_MS;
            let pause = cue.time.start.saturating_sub(last.time.end) >= PAUSE_MS;
            if full || pause || before.ends_before(&speech) {
                document.blocks.extend(block(std::mem::take(&mut run), escape));
            }
        }
        run.push((cue, speech));
    }
    document.blocks.extend(block(run, escape));
    if format == Format::Vtt {
        document.tags.extend(language(text));
    }
    Ok(document)
}

/// The language that the header of `WebVTT` names, as some platforms write it.
fn language(text: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for line in text.split_inclusive(['\n', '\r']).take_while(|line| !line.contains("-->")) {
        if start > 0 && line.trim().is_empty() && !text[..start].ends_with('\r') {
            return None;
        }
        if let Some(value) = line.strip_prefix("Language:") {
            let from = start + line.len() - value.trim_start().len();
            return Some(from..from + value.trim().len()).filter(|tag| !tag.is_empty());
        }
        start += line.len();
    }
    None
}

/// What is said in one cue.
struct Speech {
    pieces: Vec<Piece>,
    /// The words, as they read.
    words: String,
    /// The tag that names the speaker, or another begin that parts it from what was said before.
    voice: String,
    /// Someone else begins to speak.
    turn: bool,
    /// It is sung, or a sound that is described: it stands for itself.
    alone: bool,
}

impl Speech {
    /// The pieces of a cue without what stands around its words; none where it has no words.
    fn of(text: &str, cue: &Cue, format: Format) -> Option<Speech> {
        let tokens = tokens(text, cue.text.clone(), format);
        let inner = inner(text, &tokens);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut words = String::new();
        let alone = tokens.iter().any(|token| token.kind == TokenKind::Note);
        let mut turn = false;
        for (index, token) in tokens.iter().enumerate().take(inner.end).skip(inner.start) {
            let mut span = token.span.clone();
            if token.kind == TokenKind::Words {
                let source = &text[span.clone()];
                if pieces.is_empty() {
                    span.start += source.len() - source.trim_start().len();
                    // A dash of a speaker at the begin of the cue stands before what is said.
                    let length = dash(&text[span.clone()]);
                    if length > 0 && index == tokens.iter().position(|t| t.kind == TokenKind::Words).unwrap_or(index) {
                        // A hyphen is nothing else there; a longer dash may go on with the sentence.
                        let before = if text[span.clone()].starts_with(['-', '‐']) { "." } else { "" };
                        turn = is_turn(before, &text[span.start + length..span.end]);
                        span.start += if turn { length } else { 0 };
                    }
                }
                if index + 1 == inner.end {
                    span.end = span.start + text[span.clone()].trim_end().len();
                }
            }
            let inside = |partner: &Option<usize>| partner.is_some_and(|partner| inner.contains(&partner));
            let kind = match &token.kind {
                TokenKind::Words => PieceKind::Prose,
                TokenKind::Reference(c) => PieceKind::Character(*c),
                TokenKind::Opening(_, partner) if inside(partner) => PieceKind::Opening,
                TokenKind::Closing(_, partner) if inside(partner) => PieceKind::Closing,
                TokenKind::LineEnd => PieceKind::Break,
                TokenKind::Turn => PieceKind::HardBreak,
                _ => PieceKind::Markup,
            };
            match kind {
                PieceKind::Prose => words.push_str(&text[span.clone()]),
                PieceKind::Character(c) => words.push(c),
                PieceKind::Break | PieceKind::HardBreak => words.push(' '),
                _ => {}
            }
            if !span.is_empty() {
                pieces.push(Piece { span, kind });
            }
        }
        let voice = tokens.iter().find_map(|token| match &token.kind {
            TokenKind::Opening(name, _) if name == "v" => Some(text[token.span.clone()].to_string()),
            _ => None,
        });
        let described = [('[', ']'), ('(', ')'), ('（', '）'), ('*', '*')];
        let alone = alone || described.iter().any(|(open, close)| words.starts_with(*open) && words.ends_with(*close));
        let has_words = words.contains(char::is_alphanumeric);
        has_words.then(|| Speech { pieces, words, voice: voice.unwrap_or_default(), turn, alone })
    }

    /// Whether a sentence ends between this and what is said next.
    fn ends_before(&self, next: &Speech) -> bool {
        if self.alone || next.alone || next.turn || self.voice != next.voice {
            return true;
        }
        if let (Some(here), Some(there)) = (script(&self.words), script(&next.words))
            && here != there
        {
            return true;
        }
        let words = self.words.trim_end();
        let after = next.words.chars().find(|c| c.is_alphanumeric());
        let goes_on = after.is_some_and(char::is_lowercase);
        if ends(words) {
            let trails = words.ends_with("...") || words.ends_with('…');
            let picked_up = next.words.starts_with("...") || next.words.starts_with('…');
            return !(goes_on || trails && picked_up || is_abbreviated(words));
        }
        is_korean_end(words)
    }
}

/// The tokens between what stands around the words of a cue: white space, signs of music, tags around all of it.
fn inner(text: &str, tokens: &[Token]) -> Range<usize> {
    let is_outer = |token: &Token| match &token.kind {
        TokenKind::Words => text[token.span.clone()].trim().is_empty(),
        TokenKind::Reference(_) => false,
        _ => true,
    };
    let first = tokens.iter().position(|token| !is_outer(token)).unwrap_or(tokens.len());
    let last = tokens.iter().rposition(|token| !is_outer(token)).map_or(first, |last| last + 1);
    // A pair that opens before the words and closes among them belongs to them.
    let opens = |token: &Token| matches!(token.kind, TokenKind::Opening(_, Some(to)) if to < last);
    let start = tokens[..first].iter().position(opens).unwrap_or(first);
    let closes = |token: &Token| matches!(token.kind, TokenKind::Closing(_, Some(from)) if from >= start);
    let end = tokens[last..].iter().rposition(closes).map_or(last, |at| last + at + 1);
    start..end
}

/// A text of fewer words than these may be a name in another script.
const WORDS_OF_A_SCRIPT: usize = 3;

/// The script of a text that is in one script: `L`, `C` or `H`.
fn script(words: &str) -> Option<char> {
    let of = |c: char| match c as u32 {
        0x41..=0x024F => 'L',
        0x0400..=0x052F => 'C',
        0xAC00..=0xD7A3 => 'H',
        _ => '?',
    };
    let mut letters = words.chars().filter(|c| c.is_alphabetic()).map(of);
    let first = letters.next()?;
    let all = letters.all(|letter| letter == first);
    (all && words.split_whitespace().count() >= WORDS_OF_A_SCRIPT).then_some(first)
}

/// Short words after which a full stop ends no sentence.
const TITLES: &[&str] = &[
    "Mr",
    "Mrs",
    "Ms",
    "Dr",
    "Prof",
    "St",
    "Gen",
    "Col",
    "Sgt",
    "Lt",
    "Capt",
    "Gov",
    "Sen",
    "Rep",
    "вул",
    "ім",
    "проф",
    "ген",
    "див",
    "св",
    "обл",
    "просп",
];

/// A full stop that ends no sentence.
fn is_abbreviated(words: &str) -> bool {
    let Some(body) = words.strip_suffix('.') else { return false };
    let word = body.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
    TITLES.contains(&word) || word.chars().count() == 1 && word.chars().all(char::is_uppercase)
}

/// Korean sentences end in a few ways, in subtitles mostly without a full stop.
fn is_korean_end(words: &str) -> bool {
    let mut letters = words.chars().rev();
    let (Some(last), before) = (letters.next(), letters.next().unwrap_or(' ')) else { return false };
    // The consonants at the bottom of a syllable: 8 is ㄹ (할까), 17 is ㅂ (합니까).
    let bottom = |c: char| if ('가'..='힣').contains(&c) { (c as u32 - 0xAC00) % 28 } else { 0 };
    match last {
        '다' => !matches!(before, '보' | '마'),
        '요' | '죠' => true,
        '까' => bottom(before) == 8 || before == '니' && letters.next().is_some_and(|c| bottom(c) == 17),
        _ => false,
    }
}

/// The block of a run of cues.
fn block(run: Vec<(&Cue, Speech)>, escape: Escape) -> Option<Block> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (_, speech) in run {
        if let (Some(last), Some(first)) = (pieces.last(), speech.pieces.first()) {
            pieces.push(Piece { span: last.span.end..first.span.start, kind: PieceKind::Cue });
        }
        pieces.extend(speech.pieces);
    }
    let span = pieces.first()?.span.start..pieces.last()?.span.end;
    Some(Block { escapes: vec![escape], ..Block::new(span, BlockKind::Cues, pieces) })
}

#[cfg(test)]
mod tests;
