//! Tests of the boilerplate rules, both ways.

#![allow(clippy::unwrap_used)]
use super::{Boilerplate, boilerplate};
use crate::article::{Format, read};
use crate::language::Language;

/// One line as a whole block.
fn kind_of(line: &str) -> Option<Boilerplate> {
    super::phrase::classify(line, super::Extent::Block)
}

fn check(kind: Boilerplate, lines: &[&str]) {
    for line in lines {
        assert_eq!(kind_of(line), Some(kind), "{line}");
    }
}

fn check_none(lines: &[&str]) {
    for line in lines {
        assert_eq!(kind_of(line), None, "{line}");
    }
}

#[test]
fn calls_to_follow_are_found() {
    check(
        Boilerplate::FollowUs,
        &[
            "Підписуйтесь на наш Telegram-канал: t.me/ostriv",
            "Більше новин — у нашому телеграм-каналі @ostriv. Підписуйтеся!",
            "📲 Підписуйтеся на нас у Facebook та Instagram!",
            "Приєднуйтесь до нашого каналу у Viber",
            "Стежте за новинами в Telegram",
            "Більше новин — у нашому Telegram-каналі",
            "Ми в Telegram: t.me/ostriv",
            "Follow us on X and Facebook.",
            "Subscribe to our newsletter",
            "Join our Telegram channel for the latest from Korzh",
            "Sign up for our daily newsletter here.",
            "텔레그램 채널을 구독하세요!",
            "네이버에서 섬신문을 구독해주세요",
            "유튜브 채널에서 더 많은 영상을 만나보세요",
            "Подписывайтесь на наш канал в Telegram",
            "Следите за нами в соцсетях",
        ],
    );
}

#[test]
fn sentences_about_channels_are_articles() {
    check_none(&[
        "Про це мер повідомив у своєму Telegram-каналі.",
        "Губернатор закликав людей підписуватися на офіційний канал області.",
        "«Підписуйтесь на наш канал», — сказав блогер на суді.",
        "Підпишіться під петицією до п'ятниці, закликав мер.",
        "Стежте за дітьми на воді, радять рятувальники.",
        "Join us in remembering the ferry's crew, the priest said.",
        "Follow our advice and stay at home, the mayor told islanders.",
        "Subscribe to the theory or not, the goats are gone.",
        "He asked followers to join his Telegram channel and was arrested a day later.",
        "텔레그램 창업자가 프랑스에서 체포됐다.",
        "정부는 유튜브 채널을 구독하는 시민이 늘었다고 밝혔다.",
        "Глава района сообщил об этом в своём Telegram-канале.",
        "Telegram has a million users on the island.",
    ]);
}

#[test]
fn share_and_shortcut_hints_are_found() {
    check(
        Boilerplate::Share,
        &[
            "Share this article",
            "Share on Facebook",
            "Поділитися у Facebook",
            "Поділіться новиною з друзями",
            "Facebook Twitter Telegram",
            "이 기사를 공유하세요",
            "공유하기",
            "Поделиться",
        ],
    );
    check(
        Boilerplate::Shortcut,
        &[
            "Якщо ви помітили помилку, виділіть її та натисніть Ctrl + Enter",
            "Знайшли помилку? Виділіть текст і натисніть Ctrl+Enter.",
            "Found a mistake? Select it and press Ctrl + Enter",
            "Spotted a typo? Let us know.",
            "Нашли ошибку? Выделите её и нажмите Ctrl+Enter",
            "기사에 오타가 있으면 신고해 주세요",
        ],
    );
    check_none(&[
        "Share prices of the ferry company fell by 5%",
        "Share on profits rose to 12%",
        "Поділіться досвідом, попросила вчителька.",
        "Press Ctrl + Enter to send the message, the manual says.",
        "He found a mistake in the report and told the mayor.",
        "Знайшли помилку в розрахунках лише через рік.",
        "두 나라는 정보를 공유하기로 했다.",
    ]);
}

#[test]
fn links_to_other_articles_are_found() {
    check(
        Boilerplate::ReadAlso,
        &[
            "Читайте також: Пором знову не вийшов",
            "ЧИТАЙТЕ ТАКОЖ",
            "Читайте також Пором знову не вийшов у море",
            "READ ALSO: Goats return to the island",
            "Read more: Goats return",
            "Related articles",
            "See also: Goats return",
            "관련기사",
            "[관련기사] 염소들이 섬으로 돌아왔다",
            "함께 읽기: 염소들의 귀환",
            "Читайте также: Паром снова не вышел",
        ],
    );
    check_none(&[
        "Read more books this winter, the librarian told the children.",
        "Related costs rose by a third.",
        "See also the minister's answer in parliament last week.",
        "Read also by children, the book sold well.",
        "관련 법안은 다음 주에 논의된다.",
        "За темою диплома він стежив роками.",
        "Recommended doses vary.",
    ]);
}

#[test]
fn credits_and_notices_are_found() {
    check(
        Boilerplate::Credit,
        &[
            "Фото: Нестор Корж",
            "Photo: Nestor Korzh/Island News",
            "Photo by Nestor Korzh",
            "사진=섬신문",
            "© 2024 Island News. All rights reserved.",
            "무단전재 및 재배포 금지",
            "<저작권자 ⓒ 섬신문, 무단 전재 및 재배포 금지>",
            "홍길동 기자 hong@example.kr",
            "홍길동 기자",
            "redaktor@ostriv.example.ua",
            "Усі права захищені.",
            "Reporting by Nina Korzh; editing by A. Goat",
        ],
    );
    check(
        Boilerplate::Notice,
        &[
            "ADVERTISEMENT",
            "Реклама",
            "광고",
            "We use cookies to improve your experience.",
            "Ми використовуємо файли cookie.",
        ],
    );
    check_none(&[
        "Photo: Villagers carry goats from the ferry after it ran aground on Monday.",
        "Фото із супутника показує три пороми.",
        "Copyright law changed in May.",
        "그는 기자에게 사진을 보여 줬다.",
        "Реклама поромів коштувала громаді мільйон гривень.",
        "Write to him at mayor@example.org before Friday, the office said.",
    ]);
}

fn found(text: &str, language: Language) -> Vec<(Boilerplate, String)> {
    let document = read(text.as_bytes(), Format::Plain).unwrap();
    let drops = boilerplate(&document, language);
    for drop in &drops {
        assert!(document.text.get(drop.span.clone()).is_some());
    }
    drops.into_iter().map(|drop| (drop.kind, drop.text)).collect()
}

#[test]
fn a_foreign_headline_between_paragraphs_is_found() {
    let article = "Пором до острова вийшов на світанку.\n\nFerry leaves island at dawn with forty goats\n\nНа борту були мер і сорок кіз.\n\nВони дісталися берега опівдні.";
    assert_eq!(
        found(article, Language::UK),
        [(Boilerplate::ForeignHeadline, "Ferry leaves island at dawn with forty goats".to_string())]
    );
    let russian = "Пором до острова вийшов на світанку.\n\nПаром вышел на рассвете, на борту были мэр и козы\n\nНа борту були мер і сорок кіз.\n\nВони дісталися берега.";
    assert_eq!(found(russian, Language::UK).len(), 1);
    let korean = "배는 새벽에 섬을 떠났다.\n\nFerry leaves island at dawn with forty goats\n\n배에는 시장과 염소들이 타고 있었다.";
    assert_eq!(found(korean, Language::KO).len(), 1);
}

#[test]
fn foreign_text_that_belongs_to_the_article_stays() {
    for article in [
        // A sentence that is quoted, the first block, the last block, a name, an article in two languages.
        "Він написав так.\n\n«Паром вышел на рассвете, козы были довольны»\n\nПотім поїхав.",
        "Ferry leaves island at dawn\n\nПором до острова вийшов на світанку.\n\nНа борту були кози.",
        "Пором до острова вийшов на світанку.\n\nНа борту були кози.\n\nFerry leaves island at dawn",
        "Пором збудувала компанія.\n\nKorzh Ferries Ltd\n\nЇй десять років.",
        "Перше речення тут.\n\nThe ferry left at dawn today\n\nДруге речення тут.\n\nThe goats were happy about that\n\nТретє речення тут.\n\nThe mayor was not amused at all\n\nКінець.",
    ] {
        assert_eq!(found(article, Language::UK), [], "{article}");
    }
}

#[test]
fn sentences_at_the_end_of_a_paragraph_are_found_and_others_are_not() {
    let article = "Пором вийшов на світанку. На борту були кози. Підписуйтесь на наш Telegram-канал.";
    assert_eq!(
        found(article, Language::UK),
        [(Boilerplate::FollowUs, "Підписуйтесь на наш Telegram-канал.".to_string())]
    );
    assert_eq!(found("Підписуйтесь на наш Telegram-канал. Пором вийшов на світанку.", Language::UK), []);
}
