//! `IPTC ninjs`: which of its strings are prose. Versions 1 to 3, told by their properties.
//!
//! Prose: `headline`, `headline_*`, `title`, `description_*` and `body_*` of version 1; the `value`s of `headlines`,
//! `descriptions` and `bodies` since version 2; the same of all `associations`. Names of people, places and subjects,
//! slug lines, rights, notes to editors and counts of words are left alone. `language` is a language tag.
//! Source: the schemas in <https://github.com/iptc/newsinjson>.

use super::value::{Member, Value};
use super::{Found, tag};
use crate::article::field::Manner;
use std::ops::Range;

/// Finds the prose of an item or of an array of items; whether it is one.
pub(super) fn collect(text: &str, value: &Value, found: &mut Vec<Found>, tags: &mut Vec<Range<usize>>) -> bool {
    match value {
        Value::Object(members) if is_item(members) => {
            item(text, members, found, tags);
            true
        }
        Value::Array(values) if !values.is_empty() => values.iter().all(|value| match value {
            Value::Object(members) if is_item(members) => {
                item(text, members, found, tags);
                true
            }
            _ => false,
        }),
        _ => false,
    }
}

/// Properties of which an item has one beside `uri`, which is the only one that is required and which others have too.
const TELLING: &[&str] = &[
    "$standard",
    "associations",
    "bodies",
    "descriptions",
    "headline",
    "headlines",
    "renditions",
    "representationtype",
    "standard",
    "versionCreated",
    "versioncreated",
];

fn is_item(members: &[Member]) -> bool {
    let telling =
        |key: &str| TELLING.binary_search(&key).is_ok() || key.starts_with("body_") || key.starts_with("description_");
    let has = |wanted: &dyn Fn(&str) -> bool| members.iter().any(|member| wanted(&member.key));
    has(&|key| key == "uri") && has(&telling)
}

fn item(text: &str, members: &[Member], found: &mut Vec<Found>, tags: &mut Vec<Range<usize>>) {
    for member in members {
        let key = member.key.as_str();
        match &member.value {
            Value::String(_) if key == "language" => tags.extend(tag(text, member)),
            Value::String(span) => {
                if let Some(manner) = manner(key) {
                    found.push(Found { span: span.clone(), manner });
                }
            }
            Value::Array(values) if matches!(key, "headlines" | "descriptions" | "bodies") => {
                let heading = key == "headlines";
                for value in values {
                    if let Value::Object(members) = value {
                        content(text, members, heading, found);
                    }
                }
            }
            // Version 1 names them, later versions list them.
            Value::Array(values) if key == "associations" => {
                for value in values {
                    if let Value::Object(members) = value {
                        item(text, members, found, tags);
                    }
                }
            }
            Value::Object(names) if key == "associations" => {
                for name in names {
                    if let Value::Object(members) = &name.value {
                        item(text, members, found, tags);
                    }
                }
            }
            _ => {}
        }
    }
}

/// How a property of version 1 is read; none where it is no prose.
fn manner(key: &str) -> Option<Manner> {
    if matches!(key, "headline" | "title") || key.starts_with("headline_") {
        return Some(Manner::Heading);
    }
    let suffix = key.strip_prefix("body_").or_else(|| key.strip_prefix("description_"))?;
    Some(if is_markup(suffix) { Manner::Html } else { Manner::Seen })
}

/// One of the headlines, descriptions or bodies since version 2.
fn content(text: &str, members: &[Member], heading: bool, found: &mut Vec<Found>) {
    let of = |wanted: &str| {
        members.iter().find_map(|member| match &member.value {
            Value::String(span) if member.key.eq_ignore_ascii_case(wanted) => Some(span.clone()),
            _ => None,
        })
    };
    let Some(span) = of("value") else { return };
    let kind = of("contenttype").map_or(String::new(), |span| text[span].to_ascii_lowercase());
    // JSON, PDF in base 64 and the like are no text.
    if !kind.is_empty() && !kind.contains("text") && !is_markup(&kind) {
        return;
    }
    let manner = match (is_markup(&kind), heading) {
        (true, _) => Manner::Html,
        (false, true) => Manner::Heading,
        (false, false) => Manner::Seen,
    };
    found.push(Found { span, manner });
}

fn is_markup(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["html", "xml", "nitf"].iter().any(|markup| name.contains(markup))
}
