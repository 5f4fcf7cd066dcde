//! Sounds of Ukrainian letters, the stems of inflected names, and the official romanization of 2010.

use super::phones::sound::{A, B, CH, D, E, F, G, H, I, J, K, L, M, N, O, P, R, S, SH, T, TH, TS, U, V, W, Y, Z, ZH};
use super::phones::{FAINT, Phone, VOWEL};

/// Adds the phones of a word in lower case.
pub(super) fn phones(word: &str, out: &mut Vec<Phone>) {
    let mut before = '\0';
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        if c == before && c != 'і' && c != 'а' {
            continue;
        }
        let next = chars.peek().copied().unwrap_or('\0');
        let after_vowel = is_vowel(before);
        let drop = if after_vowel { FAINT + 4 } else { VOWEL };
        let vowel = |sounds| Phone { sounds, drop };
        match c {
            'а' => out.push(vowel(A)),
            // Russian letters stand in Russian names.
            'е' | 'э' => out.push(vowel(E)),
            'и' => out.push(vowel(I | E)),
            'і' | 'ы' => out.push(vowel(I)),
            'о' => out.push(vowel(O)),
            // The w of English: Уельс, Вест and Уест.
            'у' if !is_vowel(before) && is_vowel(next) => out.push(Phone { sounds: W | V | U, drop: 50 }),
            'у' => out.push(vowel(U | W)),
            'є' | 'ї' | 'ю' | 'я' => {
                out.push(Phone { sounds: Y | I | J, drop: 15 });
                out.push(Phone::vowel(match c {
                    'є' => E | O,
                    'ї' => I,
                    'ю' => U,
                    _ => A | E,
                }));
            }
            'й' => out.push(Phone { sounds: Y | I | J, drop: 15 }),
            'в' => out.push(Phone { sounds: V | W | B | U | F, drop: 80 }),
            'б' => out.push(Phone::consonant(B)),
            'г' => out.push(Phone { sounds: H | G, drop: 75 }),
            'ґ' => out.push(Phone::consonant(G)),
            'д' if next == 'ж' => {
                chars.next();
                out.push(Phone::consonant(J | ZH | G));
            }
            'д' if next == 'з' => {
                chars.next();
                out.push(Phone::consonant(Z | J | TS));
            }
            'д' if next != 'с' => out.push(Phone::consonant(D | TH)),
            'ж' => out.push(Phone::consonant(ZH | J | G)),
            // г, к, х of names change before the endings of cases and adjectives: Празі, Алясці, Ладозьке.
            'з' if matches!(next, 'і' | 'ь') => out.push(Phone::consonant(Z | S | TH | G | H)),
            'ц' if next == 'з' => {
                chars.next();
                out.push(Phone::consonant(J | TS | Z));
            }
            'ц' if matches!(next, 'і' | 'ь') => out.push(Phone::consonant(TS | S | CH | K)),
            'с' if next == 'і' => out.push(Phone::consonant(S | TH | H)),
            'ч' if next == 'ж' => {
                chars.next();
                out.push(Phone::consonant(J | ZH | CH));
            }
            // One sound with what follows in Тетчер, Ліндсі.
            'т' | 'д' if matches!(next, 'ч' | 'с') => out.push(Phone { sounds: T | D | TH, drop: 40 }),
            'з' => out.push(Phone::consonant(Z | S | TH)),
            'к' => out.push(Phone::consonant(K)),
            'л' => out.push(Phone { sounds: L, drop: 90 }),
            'м' => out.push(Phone::consonant(M)),
            'н' => out.push(Phone::consonant(N)),
            'п' => out.push(Phone::consonant(P)),
            'р' => out.push(Phone { sounds: R, drop: if is_vowel(next) { 90 } else { 25 } }),
            'с' => out.push(Phone::consonant(S | TH)),
            'т' => out.push(Phone::consonant(T | TH)),
            'ф' => out.push(Phone::consonant(F | TH)),
            'х' => out.push(Phone { sounds: H | K, drop: 80 }),
            'ц' => out.push(Phone::consonant(TS | S | CH)),
            'ч' => out.push(Phone::consonant(CH | TS)),
            'ш' => out.push(Phone::consonant(SH | S)),
            'щ' => {
                out.push(Phone::consonant(SH));
                out.push(Phone { sounds: CH, drop: 40 });
            }
            'ё' => out.push(vowel(O | E)),
            _ => continue,
        }
        before = c;
    }
}

fn is_vowel(c: char) -> bool {
    matches!(c, 'а' | 'е' | 'є' | 'и' | 'і' | 'ї' | 'о' | 'у' | 'ю' | 'я')
}

/// Endings of nouns and of adjectives made of names, the longer first.
#[rustfmt::skip]
const ENDINGS: &[&str] = &[
    "ського", "ському", "ськими", "ською", "ський", "ських", "ським", "ська", "ське", "ські", "ську", "ської", "ській",
    "івна", "ович", "ами", "ями", "ові", "еві", "єві", "ого", "ому", "ими", "ою", "ею", "єю", "ої", "ій", "их", "им",
    "ий", "ів", "їв", "ом", "ем", "єм", "ам", "ям", "ах", "ях", "ію", "ія", "ії", "ь", "а", "я", "у", "ю", "і", "ї",
    "и", "о", "е", "є",
];

/// Where the stem of a word in lower case ends, in bytes.
pub(super) fn stem(word: &str) -> usize {
    // A stem has at least two letters and a consonant: Пекіна is not Пек-іна, Рима is Рим-а.
    ENDINGS
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(|stem| stem.chars().count() >= 3))
        .map_or(word.len(), str::len)
}

/// Romanization of names by resolution 55 of the Cabinet of Ministers of Ukraine, 27 January 2010.
#[allow(clippy::match_same_arms)] // One line a letter, as in the table of the resolution.
pub(super) fn romanize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before: Option<char> = None;
    for c in text.chars() {
        let lower = c.to_lowercase().next().unwrap_or(c);
        let first = before.is_none_or(|b| !b.is_alphabetic() && !super::super::letters::is_apostrophe(b));
        let written = match (lower, first) {
            ('а', _) => "a",
            ('б', _) => "b",
            ('в', _) => "v",
            // Not to be read as ж.
            ('г', _) if before.is_some_and(|b| b == 'з' || b == 'З') => "gh",
            ('г', _) => "h",
            ('ґ', _) => "g",
            ('д', _) => "d",
            ('е', _) => "e",
            ('є', true) => "ye",
            ('є', false) => "ie",
            ('ж', _) => "zh",
            ('з', _) => "z",
            ('и', _) => "y",
            ('і', _) => "i",
            ('ї', true) => "yi",
            ('ї', false) => "i",
            ('й', true) => "y",
            ('й', false) => "i",
            ('к', _) => "k",
            ('л', _) => "l",
            ('м', _) => "m",
            ('н', _) => "n",
            ('о', _) => "o",
            ('п', _) => "p",
            ('р', _) => "r",
            ('с', _) => "s",
            ('т', _) => "t",
            ('у', _) => "u",
            ('ф', _) => "f",
            ('х', _) => "kh",
            ('ц', _) => "ts",
            ('ч', _) => "ch",
            ('ш', _) => "sh",
            ('щ', _) => "shch",
            ('ю', true) => "yu",
            ('ю', false) => "iu",
            ('я', true) => "ya",
            ('я', false) => "ia",
            ('ь', _) => "",
            _ if super::super::letters::is_apostrophe(c) => "",
            _ => {
                out.push(c);
                before = Some(c);
                continue;
            }
        };
        if c.is_uppercase() {
            let mut letters = written.chars();
            out.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            out.push_str(letters.as_str());
        } else {
            out.push_str(written);
        }
        before = Some(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::romanize;

    #[test]
    fn names_are_romanized_as_the_resolution_of_2010_shows() {
        // The examples of the resolution's own table.
        for (name, expected) in [
            ("Алушта", "Alushta"),
            ("Андрій", "Andrii"),
            ("Борщагівка", "Borshchahivka"),
            ("Борисенко", "Borysenko"),
            ("Вінниця", "Vinnytsia"),
            ("Володимир", "Volodymyr"),
            ("Гадяч", "Hadiach"),
            ("Богдан", "Bohdan"),
            ("Згурський", "Zghurskyi"),
            ("Ґалаґан", "Galagan"),
            ("Ґорґани", "Gorgany"),
            ("Донецьк", "Donetsk"),
            ("Дмитро", "Dmytro"),
            ("Рівне", "Rivne"),
            ("Олег", "Oleh"),
            ("Есмань", "Esman"),
            ("Єнакієве", "Yenakiieve"),
            ("Гаєвич", "Haievych"),
            ("Короп’є", "Koropie"),
            ("Житомир", "Zhytomyr"),
            ("Жанна", "Zhanna"),
            ("Жежелів", "Zhezheliv"),
            ("Закарпаття", "Zakarpattia"),
            ("Казимирчук", "Kazymyrchuk"),
            ("Медвин", "Medvyn"),
            ("Михайленко", "Mykhailenko"),
            ("Іванків", "Ivankiv"),
            ("Іващенко", "Ivashchenko"),
            ("Їжакевич", "Yizhakevych"),
            ("Кадиївка", "Kadyivka"),
            ("Мар’їне", "Marine"),
            ("Йосипівка", "Yosypivka"),
            ("Стрий", "Stryi"),
            ("Олексій", "Oleksii"),
            ("Київ", "Kyiv"),
            ("Коваленко", "Kovalenko"),
            ("Лебедин", "Lebedyn"),
            ("Леонід", "Leonid"),
            ("Миколаїв", "Mykolaiv"),
            ("Маринич", "Marynych"),
            ("Ніжин", "Nizhyn"),
            ("Наталія", "Nataliia"),
            ("Одеса", "Odesa"),
            ("Онищенко", "Onyshchenko"),
            ("Полтава", "Poltava"),
            ("Петро", "Petro"),
            ("Решетилівка", "Reshetylivka"),
            ("Рибчинський", "Rybchynskyi"),
            ("Суми", "Sumy"),
            ("Соломія", "Solomiia"),
            ("Тернопіль", "Ternopil"),
            ("Троць", "Trots"),
            ("Ужгород", "Uzhhorod"),
            ("Уляна", "Uliana"),
            ("Фастів", "Fastiv"),
            ("Філіпчук", "Filipchuk"),
            ("Харків", "Kharkiv"),
            ("Христина", "Khrystyna"),
            ("Біла Церква", "Bila Tserkva"),
            ("Стеценко", "Stetsenko"),
            ("Чернівці", "Chernivtsi"),
            ("Шевченко", "Shevchenko"),
            ("Шостка", "Shostka"),
            ("Кишеньки", "Kyshenky"),
            ("Щербухи", "Shcherbukhy"),
            ("Гоща", "Hoshcha"),
            ("Гаращенко", "Harashchenko"),
            ("Юрій", "Yurii"),
            ("Корюківка", "Koriukivka"),
            ("Яготин", "Yahotyn"),
            ("Ярошенко", "Yaroshenko"),
            ("Костянтин", "Kostiantyn"),
            ("Знам’янка", "Znamianka"),
            ("Феодосія", "Feodosiia"),
            ("Розгон", "Rozghon"),
            ("Згорани", "Zghorany"),
        ] {
            assert_eq!(romanize(name), expected, "{name}");
        }
    }
}
