//! Columns of comma-separated and tab-separated values.
//!
//! `csv-core` finds the fields; the columns that are named hold prose, everything else is a gap. The first record holds
//! the names of the columns unless all columns are named by their numbers.

mod dialect;

use super::field::{self, Manner};
use super::nested::{Decoded, insert};
use super::{ArticleError, Format, Reading};
use crate::document::{Block, BlockKind, Document, Escape, Piece, PieceKind};
use dialect::{Dialect, Field, Record};
use std::borrow::Cow;

/// Reads the columns that hold prose.
pub(super) fn read(text: &str, format: Format, reading: &Reading) -> Result<Document, ArticleError> {
    let name = format.name();
    let mut document = Document { text: text.to_string(), ..Document::default() };
    let dialect = Dialect::of(text, format);
    let mut records = dialect.records(text);
    let Some(first) = records.next() else { return Ok(document) };
    let first = first.map_err(|error| syntax(text, name, &error))?;
    let width = first.fields.len();
    let (columns, header) = columns(text, &first, &reading.fields, &dialect)
        .map_err(|message| ArticleError::Fields { format: name, message })?;
    let rest = (!header).then_some(Ok(first)).into_iter().chain(records);
    for record in rest {
        let record = record.map_err(|error| syntax(text, name, &error))?;
        if record.fields.len() > width && record.fields[width..].iter().any(|field| !field.content(text).is_empty()) {
            let message =
                format!("expected at most {width} fields as in the first record, got {}", record.fields.len());
            return Err(ArticleError::Syntax { format: name, line: line(text, record.start), message });
        }
        for (column, manner) in &columns {
            // A record that is too short lacks its last fields.
            if let Some(field) = record.fields.get(*column) {
                read_field(&mut document, field, *manner, &dialect);
            }
        }
    }
    Ok(document)
}

fn syntax(text: &str, format: &'static str, error: &dialect::Unclosed) -> ArticleError {
    let message = if error.closed {
        "expected a delimiter or the end of the record after a field in quotation marks, got more text; quotation marks inside such a field are doubled"
    } else {
        "expected a quotation mark that closes this field, got the end of the file"
    };
    ArticleError::Syntax { format, line: line(text, error.at), message: message.to_string() }
}

fn line(text: &str, at: usize) -> usize {
    let feeds = text[..at].matches('\n').count();
    1 + if feeds > 0 { feeds } else { text[..at].matches('\r').count() }
}

/// Indices of the columns with how they are read, and whether the first record is a header.
fn columns(
    text: &str,
    first: &Record,
    wanted: &[String],
    dialect: &Dialect,
) -> Result<(Vec<(usize, Manner)>, bool), String> {
    let names: Vec<String> = first.fields.iter().map(|field| field.decoded(text).text.trim().to_string()).collect();
    let listed: Vec<String> = names.iter().enumerate().map(|(index, name)| format!("{} `{name}`", index + 1)).collect();
    let delimiter = match dialect.delimiter {
        b'\t' => "tabs".to_string(),
        byte => format!("`{}`", byte as char),
    };
    let listed = format!(
        "the columns, parted by {delimiter}, are {}; name what is to be translated with --field",
        listed.join(", ")
    );
    if wanted.is_empty() {
        return Err(format!("expected columns to be named, got none; {listed}"));
    }
    let mut found: Vec<(usize, Manner)> = Vec::new();
    let mut header = false;
    for field in wanted {
        let named = names.iter().position(|name| name == field);
        let number = field.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let column = match (named, number) {
            (Some(column), _) => {
                header = true;
                column
            }
            (None, Some(column)) if column < names.len() => column,
            _ => return Err(format!("column `{field}`: expected it in the first record, got none; {listed}")),
        };
        let heading = ["title", "headline"].iter().any(|title| field.eq_ignore_ascii_case(title));
        found.push((column, if heading { Manner::Heading } else { Manner::Seen }));
    }
    found.sort_by_key(|(column, _)| *column);
    found.dedup_by_key(|(column, _)| *column);
    Ok((found, header))
}

fn read_field(document: &mut Document, field: &Field, manner: Manner, dialect: &Dialect) {
    let escape = if field.quoted || dialect.quoting { Escape::Csv } else { Escape::Tsv };
    let source = &document.text[field.span.clone()];
    if !field.quoted && dialect.quoting && source.contains('"') {
        // If it gets quotation marks, those inside have to be doubled, and only what is translated can be written anew:
        // the whole of it is.
        let body = source.trim();
        if !body.is_empty() {
            let start = field.span.start + (source.len() - source.trim_start().len());
            let span = start..start + body.len();
            let pieces = vec![Piece { span: span.clone(), kind: PieceKind::Prose }];
            document.blocks.push(Block { escapes: vec![escape], ..Block::new(span, BlockKind::Line, pieces) });
        }
        return;
    }
    let decoded: Decoded = field.decoded(&document.text);
    let first = document.blocks.len();
    field::read(&decoded, manner, escape).put_into(document);
    field::note_part(document, first, field.inner(), manner, escape);
}

/// Puts quotation marks around fields that need them with what will be in them.
pub(super) fn prepare<'o>(document: &mut Document, format: Format, outputs: impl Iterator<Item = (usize, &'o str)>) {
    let dialect = Dialect::of(&document.text, format);
    if !dialect.quoting {
        return;
    }
    let special = |c: char| c == '"' || c == dialect.delimiter as char || matches!(c, '\n' | '\r');
    // Blocks that change and have an output that needs them. What comes back as it was stands in the words of its block,
    // one after the other.
    let mut changed: Vec<usize> = Vec::new();
    let (mut at, mut words, mut needs, mut changes) = (usize::MAX, String::new(), false, false);
    for (index, output) in outputs {
        let Some(block) = document.blocks.get(index) else { continue };
        if index != at {
            (at, words, needs, changes) = (index, document.words(block), false, false);
        }
        if !changes {
            match words.find(output) {
                Some(found) => drop(words.drain(..found + output.len())),
                None => changes = true,
            }
        }
        // Spaces around an output are not put in.
        let mut written = Cow::Borrowed(output.trim());
        for escape in block.escapes.iter().filter(|escape| **escape != Escape::Csv) {
            written = Cow::Owned(escape.apply(&written).into_owned());
        }
        needs |= written.contains(special);
        if needs && changes && changed.last() != Some(&index) {
            changed.push(index);
        }
    }
    if changed.is_empty() {
        return;
    }
    let mut starts = changed.iter().map(|index| document.blocks[*index].span.start).peekable();
    let mut edits = Vec::new();
    for field in dialect.records(&document.text).flatten().flat_map(|record| record.fields) {
        let mut inside = false;
        while starts.next_if(|start| *start < field.span.end).is_some() {
            inside = true;
        }
        if inside && !field.quoted {
            edits.extend([insert(field.span.start, "\""), insert(field.span.end, "\"")]);
        }
    }
    document.edits.extend(edits);
    document.edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
}

#[cfg(test)]
mod tests;
