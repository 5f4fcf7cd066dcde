//! Words that are Russian and no Ukrainian, by their letters, as they are or by their endings. Judges single words; how many
//! of them make a text Russian is the business of [`super::language`], single ones in a Ukrainian text that of
//! [`super::script`].

/// Words without a letter that Ukrainian lacks, which are no Ukrainian word in any form. Sorted.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "больше", "будет", "будут", "вместе", "война", "вокруг", "время", "всегда", "где", "говорит", "года",
    "даже", "действительно", "должен", "должна", "должно", "если", "есть", "еще", "здесь", "из", "или", "имеет",
    "имеют", "их", "как", "когда", "конечно", "которая", "которого", "которое", "которой", "которую", "куда",
    "лучше", "между", "меньше", "меня", "может", "можно", "некоторое", "несколько", "никогда",
    "никто", "ничего", "нужно", "однако", "она", "они", "очень", "первая", "первое",
    "позже", "полиция", "после", "последний", "последняя", "потому", "почему", "поэтому", "правительство", "против",
    "работа", "работает", "работу", "ранее", "себя", "сегодня", "сейчас", "сказал", "следующий", "собой",
    "сообщил", "сообщила", "среди", "страна", "страну", "также", "теперь", "тогда", "тоже", "только", "утра",
    "утром", "хорошо", "человек", "человека", "что", "чтоб", "является",
];

/// Endings of Russian words; the Ukrainian ones have і, ї or a soft sign there.
#[rustfmt::skip]
const ENDINGS: &[&str] = &[
    "ается", "ают", "ение", "ении", "ения", "ется", "ешь", "ие", "ии", "ился", "ится", "ишь", "ия", "лся", "ность",
    "ская", "ские", "ский", "ское", "ской", "скую", "уют", "ции", "ются", "ятся", "яют",
];

/// Ukrainian words with one of these endings.
const UKRAINIAN: &[&str] = &["батия", "вия", "довгошия", "нічия", "плаский", "плоский", "сия", "чия"];

/// Letters before an ending that make it one.
const STEM: usize = 3;

/// Whether a word in lower case is Russian and no Ukrainian. Words with letters that only Ukrainian has are not.
pub(super) fn is_russian(word: &str) -> bool {
    if word.contains(['і', 'ї', 'є', 'ґ', '\'', '’', 'ʼ', '-']) {
        return false;
    }
    WORDS.binary_search(&word).is_ok()
        || ENDINGS.iter().any(|ending| {
            word.strip_suffix(ending).is_some_and(|stem| stem.chars().count() >= STEM) && !UKRAINIAN.contains(&word)
        })
}

#[cfg(test)]
mod tests {
    use super::{WORDS, is_russian};

    #[test]
    fn the_words_are_sorted() {
        assert!(WORDS.is_sorted());
    }

    #[test]
    fn russian_words_are_told_from_ukrainian_ones() {
        for word in ["полиция", "она", "возможность", "является", "российский", "решения", "думают", "партии"]
        {
            assert!(is_russian(word), "{word}");
        }
        let ukrainian = "поліція вона можливість нічия чия гість думають партії якість людей маленький година тепер \
                         його сказала може після цих дитина рішення знання життя обличчя незалежности новий синє";
        for word in ukrainian.split_whitespace() {
            assert!(!is_russian(word), "{word}");
        }
    }
}
