//! Tests of the sentence rules, in tables by language.

use super::sentences;
use crate::language::Language;
use crate::segment::protect::protect;
use proptest::prelude::*;

/// The sentences of a text in which `|` marks every boundary.
fn check(language: Language, marked: &[&str]) {
    for line in marked {
        let expected: Vec<&str> = line.split('|').map(str::trim).collect();
        // `|` without a space after it stands for a boundary without a space.
        let text = line.replace("| ", " ").replace(" |", "|").replace('|', "");
        let found: Vec<&str> = sentences(&text, language, &protect(&text)).into_iter().map(|r| &text[r]).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn english() {
    check(
        Language::EN,
        &[
            "The ferry left.| It was late.| Nobody minded!| Did you?| Yes...| No.",
            "Mr. Korzh met Dr. Goat and Gen. Hay of the U.S. Navy at 5 a.m. Monday.| The talks went well.",
            "J. R. Smith of Korzh Ltd. paid $3.5 million on Jan. 5 for No. 7.| He smiled.",
            "He lives in the U.S.| The goat does not.| Many non-U.S. Goats do.",
            "Made by Korzh Inc.| It sank.",
            "He said no.| They left.| She sat.| It rained.",
            "\"Is it late?\" Smith asked.| \"It is.\"| Then they left.",
            "\"Stop!\" he shouted.| \"Go on,\" said the mayor.",
            "\"I came. I saw,\" the mayor said.| He left.",
            "He left (see p. 5. It is short) early.| (He came back.)| All was well.",
            "See https://example.org/a.b?c=D.| E is next.| Version 2.0.1 is out.",
            "The ship, e.g. the Star, i.e. the old one, vs. the new one, etc., is fine.",
            "1. The goat is first.| 2. The mayor is second.",
            "World War I ended in 1918.| It was cold.| In 2022.| In 2023?| Both.",
            "The [Ukrainian] forces left.[1]| The goats stayed.[12]| All good.",
            "He came on Sept. 3, i.e. Tuesday.| Wait... what?| OK.",
            "\"Is it late?\"| She said no one knew.| He came in Oct.| President Korzh came on Oct. 5.",
            "She has a Ph.D. in goats.| \"Why?!\"| Because.",
        ],
    );
}

#[test]
fn ukrainian() {
    check(
        Language::UK,
        &[
            "Пором вийшов.| Було пізно!| Хто там?| Ніхто…| Так.",
            "Народився у м. Корж на вул. Т. Г. Шевченка, 5.| Вчився добре.",
            "У 1991 р. Україна стала незалежною.| У 2014 р.| Він поїхав.",
            "Ціна — 5 тис. грн за 3 кг.| Це дорого.| Борг 2,5 млн грн.| Він зростає.",
            "Ген. Сіно, полк. Коза та проф. Корж приїхали о 5 год. 30 хв.| Вони втомилися.",
            "Кози, вівці та ін.| Україна має їх багато.| Хліб, сіль і т. д.| Усе є.",
            "Ім. Шевченка, див. рис. 5, с. 12, напр. тут, т. зв. «острів».| Далі.",
            "«Хто там?» — запитав мер.| «Ми», — сказали кози.| Він відчинив.",
            "«Ми прийшли. Ми побачили», — сказав мер.| Усі мовчали.",
            "— Куди пливемо?| — На острів.",
            "«Пором вийшов», — сказав він.| — Кози задоволені».| Усе.",
            "Зустріч 24.02.2022 о 10.30 тривала 1.5 години.| Потім 24. 02. 2022 знов.| Кінець.",
            "Про це йдеться на ostriv.ua.| Раніше (у 2020 р. Корж уже плив) було інакше.",
            "Він сказав: «Іду».| Вона лишилася.| Чому?!| Бо так.",
            "Корж забив вирішальний гол.| «Острів» переміг.| Згори чудовий вид.| Корж радий.",
            "Речення без пропуску після крапки.| Далі все добре.|Потім погано.",
        ],
    );
}

#[test]
fn korean() {
    check(
        Language::KO,
        &[
            "배가 떠났다.| 늦었어요.| 누구입니까?| 저예요!| 끝.",
            "배가 떠났다.|그는 남았다.|염소는 웃었다.",
            "그는 “배가 떠났다.”고 말했다.| 염소는 웃었다.",
            "그는 “배가 떠났다. 나는 남는다.”라고 말했다.| 끝났다.",
            "그는 \"배가 떠났다.\" 라고 말했다.| 끝났다.",
            "“배가 떠났다.”| 그는 그렇게 말했다.",
            "가격은 3.5% 올랐다.| 2024. 3. 5. 서울에서 열렸다.| 끝.",
            "J. R. 스미스 씨가 왔다.| Dr. Goat도 왔다.",
            "그게... 뭐였더라?| 갔다...| 왔다.",
            "가. 배는 하나다.",
            "배는 좋았다!|염소도 좋았다.| 정말?|정말이다.",
            "“배가 떠났다.| 나는 남는다.” 그가 말했다.| 끝났다.",
            "“배가 떠났다.” 시장은 웃으며 말했습니다.| “끝났다.”| 그는 이렇게 말했다.| “끝.”| 그는 배가 좋다고 말했다.",
            "(배가 떠났다. 늦었다) 그는 남았다.| 끝.",
        ],
    );
}

#[test]
fn russian_and_others() {
    check(
        Language::RU,
        &[
            "В 1991 г. Паром вышел из г. Корж.| Это было давно.| Сено, соль и т. д.| Все было.",
            "«Кто там?» — спросил мэр.| Никто.",
        ],
    );
    let german: Result<Language, _> = "de".parse();
    if let Ok(german) = german {
        check(german, &["Am 3. Oktober kam Dr. Korzh z.B. mit der Fähre.| Es war spät."]);
    }
}

#[test]
fn line_of_megabytes_takes_linear_time() {
    // Quadratic behaviour would not end within the patience of a test run.
    for piece in ["Пором вийшов на світанку. ", "т. ", "a.", "\"", "(", "«", "... ", "1. ", "www.a-", "다."]
    {
        let text = piece.repeat(300_000 / piece.len());
        let found = sentences(&text, Language::UK, &protect(&text));
        assert!(found.last().is_none_or(|last| last.end <= text.len()));
    }
}

/// The sentences and the white space between them give the text back.
fn check_lossless(text: &str) -> Result<(), TestCaseError> {
    for language in [Language::EN, Language::UK, Language::KO, Language::RU] {
        let mut at = 0;
        for range in sentences(text, language, &protect(text)) {
            prop_assert!(range.start >= at && range.end > range.start);
            prop_assert!(text[at..range.start].chars().all(char::is_whitespace));
            prop_assert_eq!(text[range.clone()].trim(), &text[range.clone()]);
            at = range.end;
        }
        prop_assert!(text[at..].chars().all(char::is_whitespace));
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_unicode_comes_back(text in any::<String>(), stops in prop::collection::vec((any::<String>(), "[.!?…。]{1,3}[\"”»’)]?[ \n\u{3000}]?"), 0..6)) {
        check_lossless(&text)?;
        check_lossless(&stops.into_iter().map(|(text, stop)| text + &stop).collect::<String>())?;
    }

    #[test]
    fn nothing_but_space_is_lost(text in "([A-Zа-яЄа-є가다요. .!?…«»\"”“'()\\[\\]—,0-9\u{a0}\u{3000}]|Mr|т|р|\\PC){0,80}") {
        check_lossless(&text)?;
    }
}
