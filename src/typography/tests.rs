//! Tests of the rules, in tables by language, and of what they must never do.

use super::{Edit, Part, apply, moved, set, set_parts};
use crate::language::Language;
use proptest::prelude::*;
use std::ops::Range;

fn check(language: Language, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        // A tilde stands for a no-break space.
        let (text, expected) = (text.replace('~', "\u{a0}"), expected.replace('~', "\u{a0}"));
        let set_once = apply(&text, &set(&text, language, &[]));
        assert_eq!(set_once, expected, "{text}");
        assert_eq!(set(&set_once, language, &[]), [], "{text}: a second run changes {set_once}");
    }
}

fn same(language: Language, texts: &[&str]) {
    for text in texts {
        check(language, &[(text, text)]);
    }
}

/// Parts with their blocks, a line each block, parts parted by `|`.
fn check_parts(language: Language, text: &str, expected: &str) {
    let parts: Vec<Part<'_>> = text
        .lines()
        .enumerate()
        .flat_map(|(block, line)| line.split('|').map(move |text| Part { text, keep: &[], block }))
        .collect();
    let edits = set_parts(&parts, language);
    let mut found = String::new();
    for (index, part) in parts.iter().enumerate() {
        let sign = match index.checked_sub(1) {
            None => "",
            Some(before) if parts[before].block == part.block => "|",
            Some(_) => "\n",
        };
        found += sign;
        found += &apply(part.text, &edits[index]);
    }
    assert_eq!(found, expected);
}

#[test]
fn quotation_marks_of_ukrainian() {
    check(
        Language::UK,
        &[
            ("Він сказав: \"Іду\".", "Він сказав: «Іду»."),
            ("“Іду”, — сказав він.", "«Іду», — сказав він."),
            ("Газета \"Острів\" пише: \"Мер сказав: \"Так\"\".", "Газета «Острів» пише: «Мер сказав: „Так“»."),
            ("“Мер каже ‘так’”", "«Мер каже „так“»"),
            ("«Мер каже «так»»", "«Мер каже „так“»"),
            ("Так званий 'острів' є", "Так званий «острів» є"),
            ("„Острів“ і ``Корж''", "«Острів» і «Корж»"),
            ("(\"Острів\")", "(«Острів»)"),
            ("\"Острів\"-клуб, \"Корж\"—", "«Острів»-клуб, «Корж»—"),
        ],
    );
    same(Language::UK, &["«Острів» і «мер каже „так“»", "Самотня \" лапка", "\"Без кінця", "6'2\" і 5' 30\"", "12\""]);
}

#[test]
fn quotation_marks_of_english() {
    check(
        Language::EN,
        &[
            ("\"Go,\" she said.", "“Go,” she said."),
            ("\"He said 'go' to me,\" she said.", "“He said ‘go’ to me,” she said."),
            ("«Go», he said: „now“.", "“Go”, he said: “now”."),
            ("\"He said \"go\" to me\"", "“He said ‘go’ to me”"),
            ("The 'old' ferry", "The ‘old’ ferry"),
            ("\"It's the dogs' day,\" he said in '90s style", "“It’s the dogs’ day,” he said in ’90s style"),
            ("'The dogs' owner left,' he said.", "‘The dogs’ owner left,’ he said."),
            ("\"A 12\" plank,\" he said", "“A 12\" plank,” he said"),
            ("\"'Go,' he said\"", "“‘Go,’ he said”"),
            ("Rock 'n' roll", "Rock ‘n’ roll"),
        ],
    );
    same(Language::EN, &["A 6'2\" man, 5'30\"", "A lone \" mark", "“Go,” he said; ‘yes’"]);
}

#[test]
fn quotation_marks_of_korean() {
    check(
        Language::KO,
        &[
            ("그는 \"배가 떠났다.\"고 말했다.", "그는 “배가 떠났다.”고 말했다."),
            ("'염소'는 웃었다.", "‘염소’는 웃었다."),
            ("\"시장은 '좋다'고 했다\"", "“시장은 ‘좋다’고 했다”"),
            ("«염소»와 „배“", "“염소”와 “배”"),
            ("\"NATO\"는 그의'꿈'이다. McDonald's", "“NATO”는 그의‘꿈’이다. McDonald’s"),
        ],
    );
    same(Language::KO, &["《염소》와 〈배〉, 「법」과 『책』"]);
}

#[test]
fn apostrophes() {
    check(
        Language::UK,
        &[
            ("п'ять, п`ять, пʼять, об\"єкт, ОБ\"ЄКТ, О'Ніл", "п’ять, п’ять, п’ять, об’єкт, ОБ’ЄКТ, О’Ніл"),
            ("\"П'ять\" – це 'п`ять'", "«П’ять» — це «п’ять»"),
        ],
    );
    check(Language::EN, &[("don't, it`s, goin' home, 'tis late", "don’t, it’s, goin’ home, ’tis late")]);
    same(Language::EN, &["point A' and B'", "Hawaiʻi"]);
    same(Language::UK, &["п’ять"]);
}

#[test]
fn numbers() {
    check(
        Language::UK,
        &[
            ("1,234,567 осіб, 12 300 осіб, 1 234 567,5", "1~234~567 осіб, 12~300 осіб, 1~234~567,5"),
            ("1,234.56 і 1.234,56", "1~234,56 і 1~234,56"),
            ("1.5 млн, 3.25% і $2.5 та $1,234", "1,5 млн, 3,25% і $2,5 та $1~234"),
            ("1.5-2.5 км, 1.234 млрд", "1,5-2,5 км, 1,234 млрд"),
        ],
    );
    same(
        Language::UK,
        &[
            "24.02.2022 о 10.30, версія 2.0.1, 1,234 осіб, 1.5, 2 - 1",
            "192.168.100.200, +380 44 123 456, у 2020 300 осіб",
        ],
    );
    check(
        Language::EN,
        &[
            ("1~234~567 and 1 234 567 people, $1 234", "1,234,567 and 1,234,567 people, $1,234"),
            ("1,5 million, 3,25%, 1.234,56", "1.5 million, 3.25%, 1,234.56"),
        ],
    );
    same(Language::EN, &["rooms 1,5 and 2,3", "In 5 200 people", "1,234.5", "2.0.1"]);
    check(Language::KO, &[("1,5배, 3,2% 1~234명", "1.5배, 3.2% 1,234명")]);
}

#[test]
fn spaces_and_per_cent() {
    check(Language::UK, &[("12 %, 12% і №5, № 7  тут", "12~%, 12% і №~5, №~7 тут")]);
    check(Language::EN, &[("12 % of  it", "12% of it")]);
    check(Language::KO, &[("12~% 올랐다", "12% 올랐다")]);
    same(Language::EN, &["100 %s"]);
}

#[test]
fn dashes_and_ellipses() {
    check(
        Language::UK,
        &[
            ("- Привіт, - сказав він.", "— Привіт, — сказав він."),
            ("-Привіт,- сказав він...", "— Привіт, — сказав він…"),
            ("Корж – мер, Сіно -- ні", "Корж — мер, Сіно — ні"),
            ("\"Так\"- сказав він —тихо", "«Так» — сказав він — тихо"),
        ],
    );
    same(
        Language::UK,
        &[
            "-5 градусів, 10 – 15, 2 - 1, синьо-жовтий",
            "Київ—Львів, хто-небудь",
            "- пункт списку",
            "….",
            "1...5",
            "../../x",
        ],
    );
    check(Language::EN, &[("The ferry -- old--left...", "The ferry — old—left…")]);
    same(Language::EN, &["The ferry - the old one – left", "run --all", "...."]);
    check(Language::KO, &[("그게...... 뭐였더라...", "그게…… 뭐였더라…")]);
}

#[test]
fn quotations_over_sentences_and_paragraphs() {
    check_parts(
        Language::UK,
        "\"Я прийшов.|Я побачив.|Я пішов\", – сказав він.",
        "«Я прийшов.|Я побачив.|Я пішов», — сказав він.",
    );
    check_parts(
        Language::EN,
        "He said: \"I came.\n\"I saw 'it'.\n\"I left,\" he said.",
        "He said: “I came.\n“I saw ‘it’.\n“I left,” he said.",
    );
    check_parts(
        Language::UK,
        "\"Я прийшов.\nБачив \"Острів\".\nПішов\".\n\"Так\"",
        "«Я прийшов.\nБачив „Острів“.\nПішов».\n«Так»",
    );
    check_parts(Language::UK, "\"Так, – сказав він. –|Іду\".", "«Так, — сказав він. —|Іду».");
    check_parts(Language::EN, "A lone \" mark\nand \"one\" more", "A lone \" mark\nand “one” more");
}

#[test]
fn what_is_kept_stays() {
    let text = "Запустіть a \"b\" 1.5 % і \"c\"";
    let keep = text.find('a').map_or(0..0, |at| at..at + 11);
    assert_eq!(apply(text, &set(text, Language::UK, &[keep])), "Запустіть a \"b\" 1.5 % і «c»");
    assert_eq!(set("\"a\"", Language::RU, &[]), []);
}

#[test]
fn spans_move_with_the_text() {
    let text = "\"п'ять\" 1,234,567 %";
    let edits = set(text, Language::UK, &[]);
    let whole = apply(text, &edits);
    let find = |text: &str, word: &str| text.find(word).map_or(0..0, |at| at..at + word.len());
    assert_eq!(&whole[moved(&find(text, "п'ять"), &edits)], "п’ять");
    assert_eq!(&whole[moved(&find(text, "1,234,567"), &edits)], "1\u{a0}234\u{a0}567");
    assert_eq!(&whole[moved(&(0..text.len()), &edits)], whole);
}

/// Letters and digits; the modifier letter that Ukrainian types for an apostrophe is a sign here.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric() && *c != 'ʼ').collect()
}

const CASES: u32 = 1500;
const SOUP: &str = "(\"|'|“|”|„|«|»|‘|’|``|''|`|ʼ|[0-9]{1,3}|,|\\.|\\.\\.\\.| |  |\u{a0}|%|№|\\$|-|–|—|--|п|я|Ї|a|s|Go|млн|km|한|다|\\(|\\)|!|\n|😀|\\PC){0,40}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn only_signs_change_and_a_second_run_changes_nothing(text in SOUP, keep in prop::collection::vec(0usize..60, 0..3)) {
        let keep: Vec<Range<usize>> = keep.into_iter().map(|at| at..at + 4).collect();
        for language in [Language::EN, Language::UK, Language::KO] {
            let edits = set(&text, language, &keep);
            let mut at = 0;
            for Edit { range, .. } in &edits {
                prop_assert!(range.start >= at && range.end >= range.start && text.get(range.clone()).is_some());
                prop_assert!(!keep.iter().any(|keep| keep.start < range.end && range.start < keep.end));
                at = range.end;
            }
            let once = apply(&text, &edits);
            prop_assert_eq!(letters(&once), letters(&text));
            if keep.is_empty() {
                let again = apply(&once, &set(&once, language, &[]));
                prop_assert_eq!(&again, &once, "{:?} {:?}", language, text);
            }
            for range in [0..text.len(), at..text.len()] {
                prop_assert!(once.get(moved(&range, &edits)).is_some());
            }
        }
    }

    #[test]
    fn several_parts_settle_too(texts in prop::collection::vec((SOUP, 0usize..2), 0..5)) {
        let mut block = 0;
        let settle = |texts: &[(String, usize)], language: Language| -> Vec<(String, usize)> {
            let parts: Vec<Part<'_>> = texts.iter().map(|(text, block)| Part { text, keep: &[], block: *block }).collect();
            let edits = set_parts(&parts, language);
            texts.iter().zip(edits).map(|((text, block), edits)| (apply(text, &edits), *block)).collect()
        };
        let texts: Vec<(String, usize)> = texts.into_iter().map(|(text, step)| { block += step; (text, block) }).collect();
        for language in [Language::EN, Language::UK, Language::KO] {
            let once = settle(&texts, language);
            for ((before, _), (after, _)) in texts.iter().zip(&once) {
                prop_assert_eq!(letters(before), letters(after));
            }
            prop_assert_eq!(settle(&once, language), once);
        }
    }
}
