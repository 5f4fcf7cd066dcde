//! Paths that name fields of JSON: `body`, `article.headline`, `items[].title`, `[0].text`, `*.text`, `"a.b".c`.
//!
//! A path is keys with full stops between them. `*` stands for every key of an object. `[]` goes into every element of
//! an array, `[2]` into the third. A key with a full stop, a bracket, a quotation mark, or that is `*`, is written as a
//! string of JSON.

use super::value::Value;
use crate::article::field::Manner;
use std::fmt;
use std::ops::Range;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    AnyKey,
    Index(usize),
    Each,
}

/// A path, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    steps: Vec<Step>,
    source: String,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl Path {
    /// Reads a path; an error says what is wrong with it.
    pub(super) fn parse(source: &str) -> Result<Path, String> {
        let wrong = |expected: &str| {
            format!("field `{source}`: expected {expected}; paths look like `body`, `items[].title` or `\"a.b\".c`")
        };
        let mut steps = Vec::new();
        let mut rest = source;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let end = inner.find(']').ok_or_else(|| wrong("`]` after `[`"))?;
                steps.push(match &inner[..end] {
                    "" => Step::Each,
                    number => Step::Index(number.parse().map_err(|_| wrong("nothing or a number in `[]`"))?),
                });
                rest = &inner[end + 1..];
                if !rest.is_empty() && !rest.starts_with(['.', '[']) {
                    return Err(wrong("`.` or `[` after `]`"));
                }
                continue;
            }
            if !steps.is_empty() {
                rest = rest.strip_prefix('.').ok_or_else(|| wrong("`.` between keys"))?;
            }
            let length = if rest.starts_with('"') {
                let mut strings = serde_json::Deserializer::from_str(rest).into_iter::<String>();
                let Some(Ok(key)) = strings.next() else { return Err(wrong("a closed `\"`")) };
                steps.push(Step::Key(key));
                strings.byte_offset()
            } else {
                let length = rest.find(['.', '[']).unwrap_or(rest.len());
                steps.push(match &rest[..length] {
                    "" => return Err(wrong("a key")),
                    "*" => Step::AnyKey,
                    key => Step::Key(key.to_string()),
                });
                length
            };
            rest = &rest[length..];
        }
        if steps.is_empty() {
            return Err(wrong("a key"));
        }
        Ok(Path { steps, source: source.to_string() })
    }

    /// Headlines and titles are read as such.
    pub(super) fn manner(&self) -> Manner {
        let key = self.steps.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.to_ascii_lowercase()),
            _ => None,
        });
        match key.as_deref() {
            Some("title" | "headline") => Manner::Heading,
            Some(key) if key.ends_with("html") => Manner::Html,
            _ => Manner::Seen,
        }
    }

    /// The strings that the path leads to; none where it leads nowhere. An error is an object where text is expected.
    pub(super) fn select<'v>(&self, value: &'v Value) -> Result<Option<Vec<Range<usize>>>, &'v Value> {
        let mut found = Vec::new();
        let exists = follow(&self.steps, value, &mut found)?;
        Ok(exists.then_some(found))
    }
}

/// Whether the steps lead anywhere.
fn follow<'v>(steps: &[Step], value: &'v Value, found: &mut Vec<Range<usize>>) -> Result<bool, &'v Value> {
    let Some((step, rest)) = steps.split_first() else {
        return strings(value, found).map(|()| true);
    };
    let mut exists = false;
    match (step, value) {
        (Step::Key(key), Value::Object(members)) => {
            for member in members.iter().filter(|member| member.key == *key) {
                exists |= follow(rest, &member.value, found)?;
            }
        }
        (Step::AnyKey, Value::Object(members)) => {
            for member in members {
                exists |= follow(rest, &member.value, found)?;
            }
        }
        (Step::Each, Value::Array(values)) => {
            exists = values.is_empty();
            for value in values {
                exists |= follow(rest, value, found)?;
            }
        }
        (Step::Index(index), Value::Array(values)) => {
            if let Some(value) = values.get(*index) {
                exists = follow(rest, value, found)?;
            }
        }
        _ => {}
    }
    Ok(exists)
}

/// The strings of a value that was selected: its own, or those of an array. Numbers and the like are left alone.
fn strings<'v>(value: &'v Value, found: &mut Vec<Range<usize>>) -> Result<(), &'v Value> {
    match value {
        Value::String(span) => found.push(span.clone()),
        Value::Array(values) => {
            for value in values {
                strings(value, found)?;
            }
        }
        Value::Object(_) => return Err(value),
        Value::Other => {}
    }
    Ok(())
}

/// Fields that a message lists.
pub(super) const MOST_LISTED: usize = 20;
/// Values that are looked at for a list.
const MOST_VISITED: usize = 4000;
/// Bytes of a path in a list.
const LONGEST_LISTED: usize = 120;

/// Adds the paths of all strings of a value, each once.
pub(super) fn list(value: &Value, fields: &mut Vec<String>) {
    walk(value, &mut String::new(), fields, &mut MOST_VISITED.clone());
}

fn walk(value: &Value, path: &mut String, fields: &mut Vec<String>, budget: &mut usize) {
    if *budget == 0 || fields.len() >= MOST_LISTED || path.len() > LONGEST_LISTED {
        return;
    }
    *budget -= 1;
    let length = path.len();
    match value {
        Value::String(_) if !fields.contains(path) => fields.push(path.clone()),
        Value::Array(values) => {
            path.push_str("[]");
            for value in values {
                walk(value, path, fields, budget);
            }
            path.truncate(length);
        }
        Value::Object(members) => {
            for member in members.iter().filter(|member| member.key.len() <= LONGEST_LISTED) {
                if !path.is_empty() {
                    path.push('.');
                }
                let quoted = member.key.is_empty() || member.key == "*" || member.key.contains(['.', '[', ']', '"']);
                match serde_json::to_string(&member.key) {
                    Ok(key) if quoted => path.push_str(&key),
                    _ => path.push_str(&member.key),
                }
                walk(&member.value, path, fields, budget);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// What a message says of the fields that there are.
pub(super) fn advice(fields: impl Iterator<Item = String>) -> String {
    let mut fields: Vec<String> = fields.map(|field| format!("`{field}`")).collect();
    if fields.is_empty() {
        return "there is no text in it".to_string();
    }
    if fields.len() >= MOST_LISTED {
        fields.push("…".to_string());
    }
    format!("text is in {}; name what is to be translated with --field", fields.join(", "))
}
