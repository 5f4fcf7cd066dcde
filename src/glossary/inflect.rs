//! What a term becomes in a sentence, where the glossary does not say it: regular plurals, Korean particles, Ukrainian
//! endings. Rules, no dictionary: they are narrow, and a cell that lists its forms is taken at its word.

use crate::language::Language;

/// The regular plural of a term, for languages in which it is a change of the last letters. Not of names and acronyms, and of
/// several words only where the last one alone changes.
pub(super) fn regular_plural(term: &str, language: Language) -> Option<String> {
    let plain = term.chars().all(|c| c.is_lowercase() || matches!(c, ' ' | '-'));
    let letters = term.chars().filter(|c| c.is_alphabetic()).count();
    if !plain || letters < 3 {
        return None;
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| term.ends_with(ending));
    let cut = |letters: usize, ending: &str| {
        let stem = term.char_indices().rev().nth(letters - 1).map_or(term, |(at, _)| &term[..at]);
        Some(format!("{stem}{ending}"))
    };
    let with = |ending: &str| Some(format!("{term}{ending}"));
    let vowel_before_last = |vowels: &str| term.chars().rev().nth(1).is_some_and(|c| vowels.contains(c));
    let tag = language.as_str();
    if tag != "en" && term.contains(' ') {
        return None;
    }
    match tag.split('-').next().unwrap_or(tag) {
        "en" if ends(&["s", "x", "z", "ch", "sh"]) => with("es"),
        "en" if ends(&["y"]) && !vowel_before_last("aeiou") => cut(1, "ies"),
        "fr" if ends(&["s", "x", "z"]) => None,
        "fr" if ends(&["al"]) => cut(2, "aux"),
        "fr" if ends(&["au", "eu"]) => with("x"),
        "en" | "fr" => with("s"),
        "es" if ends(&["s", "x"]) => None,
        "es" if ends(&["z"]) => cut(1, "ces"),
        "es" if ends(&["ión"]) => cut(2, "ones"),
        "es" if ends(&["a", "e", "i", "o", "u", "á", "é", "ó"]) => with("s"),
        "es" => with("es"),
        "pt" if ends(&["ção"]) => cut(2, "ões"),
        "pt" if ends(&["r", "z"]) => with("es"),
        "pt" if ends(&["m"]) => cut(1, "ns"),
        "pt" if ends(&["a", "e", "i", "o", "u", "á", "é"]) && !ends(&["ão"]) => with("s"),
        _ => None,
    }
}

/// Particles that are written behind a Korean noun, by themselves or behind each other, and the forms of the copula that are
/// hardly anything else. `인` is not among them: it makes other words (한국 → 한국인).
const PARTICLES: &[&str] = &[
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "의",
    "에",
    "에서",
    "에게",
    "에게서",
    "께",
    "께서",
    "한테",
    "로",
    "으로",
    "로서",
    "으로서",
    "로써",
    "으로써",
    "로부터",
    "으로부터",
    "와",
    "과",
    "랑",
    "이랑",
    "하고",
    "도",
    "만",
    "까지",
    "부터",
    "마저",
    "조차",
    "밖에",
    "마다",
    "보다",
    "처럼",
    "같이",
    "만큼",
    "대로",
    "뿐",
    "나",
    "이나",
    "든",
    "이든",
    "라도",
    "이라도",
    "라고",
    "이라고",
    "라는",
    "이라는",
    "라며",
    "이라며",
    "란",
    "이란",
    "며",
    "이며",
    "고",
    "이고",
    "다",
    "이다",
    "였다",
    "이었다",
    "였던",
    "이었던",
    "입니다",
    "들",
];

/// Particles that stand behind each other, at most.
const PARTICLES_IN_A_ROW: usize = 3;

/// Whether a stretch is made of Korean particles and nothing else.
pub(super) fn are_particles(text: &str) -> bool {
    fn split(text: &str, most: usize) -> bool {
        text.is_empty()
            || most > 0 && PARTICLES.iter().any(|p| text.strip_prefix(p).is_some_and(|r| split(r, most - 1)))
    }
    !text.is_empty() && split(text, PARTICLES_IN_A_ROW)
}

/// Whether a stretch may be the beginning of Korean particles.
pub(super) fn may_begin_particles(text: &str) -> bool {
    let begins = |text: &str| PARTICLES.iter().any(|particle| particle.starts_with(text));
    let cuts = text.char_indices().map(|(at, _)| at).filter(|&at| at > 0);
    begins(text) || are_particles(text) || cuts.into_iter().any(|at| are_particles(&text[..at]) && begins(&text[at..]))
}

/// Endings of Ukrainian nouns that end in a consonant, й or ь.
const AFTER_CONSONANT: &[&str] = &[
    "а", "у", "ові", "еві", "ом", "ем", "і", "и", "ів", "ам", "ами", "ах", "я", "ю", "єві", "єм", "ї", "їв", "ям",
    "ями", "ях", "ей",
];
/// Endings of Ukrainian nouns and adjectives that end in a vowel.
const AFTER_VOWEL: &[&str] = &[
    "а", "я", "о", "е", "є", "и", "і", "ї", "у", "ю", "ою", "ею", "єю", "ом", "ем", "ям", "ам", "ами", "ями", "ах",
    "ях", "ої", "ьої", "ій", "их", "им", "ими",
];
/// Endings of Ukrainian adjectives.
const OF_ADJECTIVE: &[&str] = &[
    "ий", "ій", "а", "я", "е", "є", "і", "ї", "ого", "ього", "ому", "ьому", "им", "ім", "їм", "ої", "ьої", "у", "ю",
    "ою", "ьою", "их", "іх", "їх", "ими", "іми", "їми",
];
const VOWELS: &str = "аеєиіїоуюя";

/// Letters that a stem has to have for its endings to be looked at.
const STEM: usize = 3;

/// Whether a Ukrainian word is an inflected form of another, by its letters alone; both in lower case.
pub(super) fn is_ukrainian_form(word: &str, of: &str) -> bool {
    if word == of {
        return true;
    }
    let letters: Vec<char> = of.chars().collect();
    let cyrillic = |c: &char| matches!(*c, 'а'..='я' | 'є' | 'і' | 'ї' | 'ґ' | '\'');
    let [stem @ .., last] = letters.as_slice() else { return false };
    if !letters.iter().all(cyrillic) {
        return false;
    }
    let adjective = of.ends_with("ий") || of.ends_with("ій") && letters.len() > 5;
    let (stem, endings) = match last {
        _ if adjective => (&letters[..letters.len() - 2], OF_ADJECTIVE),
        'й' | 'ь' => (stem, AFTER_CONSONANT),
        last if VOWELS.contains(*last) => (stem, AFTER_VOWEL),
        _ => (&letters[..], AFTER_CONSONANT),
    };
    if stem.len() < STEM {
        return false;
    }
    let ending = |stem: &[char]| {
        let stem: String = stem.iter().collect();
        word.strip_prefix(stem.as_str()).map(str::to_string)
    };
    let inflects = |stem: &[char]| ending(stem).is_some_and(|ending| endings.contains(&ending.as_str()));
    if inflects(stem) {
        return true;
    }
    // Рука, руці; книга, книзі; муха, мусі.
    let softened = stem.last().and_then(|last| match last {
        'к' => Some('ц'),
        'г' => Some('з'),
        'х' => Some('с'),
        _ => None,
    });
    if let (Some(softened), [begin @ .., _]) = (softened, stem)
        && ending(&[begin, &[softened]].concat()).is_some_and(|ending| ending == "і" || ending == "ям")
    {
        return true;
    }
    // Only a closed syllable changes its vowel: міст, мосту; Київ, Києва; ринок, ринку; кінець, кінця.
    if VOWELS.contains(*last) || adjective {
        return false;
    }
    let Some(at) = stem.iter().rposition(|c| VOWELS.contains(*c)) else { return false };
    let changed = |vowels: &[char]| inflects(&[&stem[..at], vowels, &stem[at + 1..]].concat());
    match stem[at] {
        'і' => changed(&['о']) || changed(&['е']),
        'ї' => changed(&['є']),
        'о' | 'е' if at + 2 == stem.len() && at >= 2 => changed(&[]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check_plural(language: &str, term: &str, expected: Option<&str>) {
        assert_eq!(regular_plural(term, language.parse().unwrap()).as_deref(), expected, "{term}");
    }

    #[test]
    fn plurals_are_the_regular_ones() {
        for (term, plural) in
            [("bank", "banks"), ("city", "cities"), ("day", "days"), ("central bank", "central banks")]
        {
            check_plural("en", term, Some(plural));
        }
        check_plural("en", "crash", Some("crashes"));
        check_plural("en", "NATO", None);
        check_plural("en", "Kyiv", None);
        check_plural("fr", "tribunal", Some("tribunaux"));
        check_plural("fr", "voix", None);
        check_plural("fr", "banque centrale", None);
        check_plural("es", "nación", Some("naciones"));
        check_plural("pt-br", "eleição", Some("eleições"));
        check_plural("uk", "банк", None);
        check_plural("ko", "은행", None);
    }

    #[test]
    fn particles_are_told_from_words() {
        for text in ["은", "에서", "에서는", "으로부터도", "들에게만", "이라고", "까지"] {
            assert!(are_particles(text), "{text}");
        }
        for text in ["", "인", "나무", "원", "장", "가방", "에서사람"] {
            assert!(!are_particles(text), "{text}");
        }
        assert!(may_begin_particles("에") && may_begin_particles("에서") && may_begin_particles("들에"));
        assert!(may_begin_particles("으") && !may_begin_particles("무"));
    }

    fn check_forms(of: &str, forms: &str, others: &str) {
        for form in forms.split(' ') {
            assert!(is_ukrainian_form(form, of), "{form} is a form of {of}");
        }
        for other in others.split(' ') {
            assert!(!is_ukrainian_form(other, of), "{other} is no form of {of}");
        }
    }

    #[test]
    fn ukrainian_words_are_known_by_their_stems() {
        check_forms("банк", "банк банку банком банки банків банках", "банкнота банківський банкет");
        check_forms("держава", "держава держави державу державою державі державам", "державний держак");
        check_forms("книга", "книги книзі книгу", "книжка книгарня");
        check_forms("міст", "мосту мостом мости", "місто містити мостовий");
        check_forms("київ", "києва києву києвом києві", "київський кий");
        check_forms("ринок", "ринку ринком ринки ринків", "ринковий");
        check_forms("кінець", "кінця кінцем кінці", "кінцевий");
        check_forms("національний", "національного національна національних національною", "нація національність");
        check_forms("верховна", "верховної верховній верховну верховною", "верховенство");
        check_forms("область", "області областю областей", "обласний");
        check_forms("здоров'я", "здоров'я здоров'ю", "здоровий");
        check_forms("рік", "рік року роки", "рікою річний");
        check_forms("nato", "nato", "natoу");
    }
}
