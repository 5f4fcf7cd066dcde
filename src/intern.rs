//! Names that the program knows as constants, read back from its own files.
//!
//! Codes of findings, steps of ladders and the like are constants of the program; a report or a journal that is read again has
//! them as strings. They are few, so each is kept once for as long as the program runs.

use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// A name that lives as long as the program. An alias, since `serde` would borrow a plain reference from what it reads.
pub type Name = &'static str;

/// Most names that are kept: a file with more of them is not one of ours.
const MOST: usize = 4096;
/// Longest name.
const LONGEST: usize = 128;

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The name as a constant; `unknown` where it cannot be one of the program's.
pub fn intern(name: &str) -> &'static str {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    if names.len() >= MOST || name.len() > LONGEST {
        return "unknown";
    }
    let kept: &'static str = Box::leak(name.to_string().into_boxed_str());
    names.insert(kept);
    kept
}

/// Reads a name.
///
/// # Errors
/// It is no string.
pub fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
    Ok(intern(&String::deserialize(deserializer)?))
}

/// Reads a name or nothing.
///
/// # Errors
/// It is neither.
pub fn option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'static str>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(|name| intern(&name)))
}

/// Reads a list of names.
///
/// # Errors
/// It is none.
pub fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<&'static str>, D::Error> {
    Ok(Vec::<String>::deserialize(deserializer)?.iter().map(|name| intern(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::intern;

    #[test]
    fn a_name_is_kept_once_and_no_novel_is() {
        let name = String::from("number_changed");
        assert!(std::ptr::eq(intern(&name), intern("number_changed")));
        assert_eq!(intern(&"x".repeat(1000)), "unknown");
    }
}
