//! Which tokens an answer may hold: those in the scripts of its language, and in those of the text it answers.
//!
//! A token has a class for each script of its letters; what has no letters is always allowed. One more class is for tokens that
//! no text in the target language is made of.

use crate::language::Language;
use crate::language::script::{Script, script_of, scripts_of};
use crate::token::TokenClasses;

/// Tokens that the target's tokenizer never makes: pieces of the source's vocabulary only.
pub const NEVER: TokenClasses = TokenClasses(1 << 15);

fn bit(script: Script) -> u16 {
    1 << (script as u16)
}

/// The scripts of a text's letters.
pub fn of_text(text: &str) -> TokenClasses {
    TokenClasses(text.chars().filter_map(script_of).fold(0, |classes, script| classes | bit(script)))
}

/// What an answer in `to` to `text` may hold.
pub fn allowed(text: &str, to: Language) -> TokenClasses {
    let scripts = match scripts_of(to) {
        Some(scripts) => scripts.iter().fold(0, |classes, &script| classes | bit(script)) | of_text(text).0,
        None => u16::MAX,
    };
    TokenClasses(scripts & !NEVER.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(token: &str, text: &str, to: Language, expected: bool) {
        assert_eq!(of_text(token).within(allowed(text, to)), expected, "{token} in {to} for {text}");
    }

    #[test]
    fn scripts_are_those_of_the_target_and_of_the_text() {
        check("слово", "A word.", Language::UK, true);
        check("NATO", "A word.", Language::UK, true);
        check("말", "A word.", Language::UK, false);
        check("말", "He said 말.", Language::UK, true);
        check("字", "A word.", Language::UK, false);
        check("слово", "A word.", Language::KO, false);
        check("美", "A word.", Language::KO, true);
        check("か", "A word.", Language::KO, false);
        check("слово", "Слово.", Language::KO, true);
        check("слово", "A word.", Language::EN, false);
        check("프로фессор", "A word.", Language::UK, false);
    }

    #[test]
    fn signs_are_always_allowed_and_what_is_never_made_never() {
        for to in [Language::EN, Language::UK, Language::KO] {
            check("1,5 % — «", "", to, true);
            assert!(!NEVER.within(allowed("слово 말 word", to)));
        }
        assert!(NEVER.within(TokenClasses::ALL));
    }

    #[test]
    fn unknown_languages_are_not_limited() {
        let Ok(thai) = "th".parse::<Language>() else { panic!("a tag") };
        check("ภาษา", "A word.", thai, true);
    }
}
