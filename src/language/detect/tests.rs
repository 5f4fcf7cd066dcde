//! Tests of the detection, in tables.

use super::{detect, detect_among};
use crate::language::Language;

fn check(expected: &str, texts: &[&str]) {
    for text in texts {
        let found = detect(text).map(|found| found.language.to_string());
        assert_eq!(found.as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn numbers_and_signs_have_no_language() {
    for text in ["", " ", "2024", "12:30 — 14:00", "€ 5,5 %", "!!!", "a", "😀😀", "12 м"] {
        assert_eq!(detect(text), None, "{text}");
    }
}

#[test]
fn ukrainian_is_found() {
    check(
        "uk",
        &[
            "Пором вийшов на світанку.",
            "ПОРОМ ЗНОВУ НЕ ВИЙШОВ У МОРЕ",
            "Що далі?",
            "Мер заявив, що не має наміру подавати у відставку.",
            "Об'єкт здали вчасно.",
            "Коза була на поромі, але вона мовчала.",
            "Мер сказав: «Паром вышел на рассвете, и мы ничего об этом не знали», — і пішов до кіз, які чекали на нього ще з ранку.",
            "Компанія Samsung Electronics представила Galaxy S24 Ultra у Сеулі",
        ],
    );
}

#[test]
fn korean_is_found() {
    check(
        "ko",
        &[
            "배가 새벽에 떠났다.",
            "삼성전자",
            "정부는 NATO 및 EU와 협력한다고 밝혔다.",
            "Samsung Electronics의 새 Galaxy S24 Ultra 출시",
            "ㅋㅋㅋㅋ",
        ],
    );
}

#[test]
fn english_and_its_neighbours_are_found() {
    check(
        "en",
        &[
            "The ferry left at dawn.",
            "FERRY LEAVES ISLAND WITH GOATS",
            "Mayor of Korzh resigns after ferry scandal",
            "President Ivan Goat said (이반) that he would stay.",
        ],
    );
    check("fr", &["Le bac a quitté l'île à l'aube avec quarante chèvres."]);
    check("de", &["Die Fähre verließ die Insel im Morgengrauen mit vierzig Ziegen."]);
    check("pl", &["Prom opuścił wyspę o świcie z czterdziestoma kozami na pokładzie."]);
    check("es", &["El transbordador salió de la isla al amanecer con cuarenta cabras."]);
    check("ja", &["フェリーは夜明けに島を出た。"]);
    check("zh", &["渡轮在黎明时分离开了岛屿。"]);
    check("be", &["Паром выйшаў на світанні, на борце былі козы."]);
    check("bg", &["Фериботът тръгна на разсъмване с четиридесет кози на борда."]);
}

/// Invented sentences, short and long, with and without the letters that decide.
const RUSSIAN: [&str; 40] = [
    "Паром вышел на рассвете.",
    "Мэр острова подал в отставку после скандала с паромом.",
    "Козы были довольны.",
    "Что будет дальше?",
    "Он сказал, что ничего не знает.",
    "На борту находились сорок человек и две козы.",
    "Жители острова вышли на площадь.",
    "Это первый случай за десять лет.",
    "Погода испортилась к вечеру.",
    "Власти обещают открыть переправу в мае.",
    "Сколько стоит билет на паром?",
    "Никто не пострадал.",
    "Рыбаки вернулись с богатым уловом.",
    "Об этом сообщила пресс-служба порта.",
    "Капитан объяснил, почему судно задержалось.",
    "Ветер усилился до двадцати метров в секунду.",
    "Следователи допросили трёх свидетелей.",
    "Школа закрыта из-за ремонта.",
    "Она отказалась от комментариев.",
    "Как заявил министр, деньги уже выделены.",
    "ПАРОМ СНОВА НЕ ВЫШЕЛ В МОРЕ",
    "Мост построят через два года, если найдут подрядчика.",
    "Ранее сообщалось о поломке двигателя.",
    "Туристы ждали на берегу с утра.",
    "Цены на сено выросли на треть.",
    "Суд отложил заседание до пятницы.",
    "Врачи борются за жизнь капитана.",
    "Деревня осталась без света и воды.",
    "Пастух искал коз всю ночь.",
    "В порту началась проверка документов.",
    "Такого снега здесь не видели давно.",
    "Население острова сократилось вдвое.",
    "Эксперты считают, что это только начало.",
    "Священник благословил новое судно.",
    "Депутаты поддержали закон в первом чтении.",
    "Причина аварии пока неизвестна.",
    "Мальчик нашёл на берегу бутылку с письмом.",
    "После обеда туман рассеялся.",
    "Кто виноват и что делать?",
    "Редакция не несёт ответственности за расписание паромов.",
];

#[test]
fn russian_is_told_from_ukrainian() {
    check("ru", &RUSSIAN);
    for text in RUSSIAN.iter().filter(|text| text.chars().count() > 40) {
        let found = detect_among(text, Language::UK);
        assert_eq!(found.map(|found| found.language), Some(Language::RU), "{text}");
    }
}

#[test]
fn a_doubtful_paragraph_is_in_the_language_of_its_article() {
    let portuguese: Language = "pt".parse().unwrap_or(Language::KO);
    for (text, expected, wanted) in [
        ("Москва", Language::UK, Some(Language::UK)),
        ("Роман Корж", Language::UK, Some(Language::UK)),
        ("Nestor Korzh", Language::EN, Some(Language::EN)),
        ("Samsung Galaxy S24 Ultra Plus Edition та інші", Language::UK, Some(Language::UK)),
        ("The ferry left the island at dawn with forty goats.", Language::UK, Some(Language::EN)),
        ("Пором вийшов на світанку.", Language::RU, Some(Language::UK)),
        ("2024", Language::UK, None),
        ("Mayor get mixed reception in Hamburg", Language::EN, Some(Language::EN)),
        ("No porto, a guarda compromete-se a não usar armas contra civis", portuguese, Some(portuguese)),
        ("A aldeia costeira continuou a ser batida por ondas no sábado.", portuguese, Some(portuguese)),
    ] {
        assert_eq!(detect_among(text, expected).map(|found| found.language), wanted, "{text}");
    }
}

#[test]
fn noise_is_not_sure_of_itself() {
    for text in ["Slava Korzhu, heroiam slava", "qwrt zxcv plmk", "Korzh Ostriv Porom"] {
        assert!(detect(text).is_none_or(|found| found.confidence < 0.75), "{text} {:?}", detect(text));
    }
}

#[test]
fn confidence_is_a_share() {
    for text in RUSSIAN.iter().chain(&["The ferry.", "배", "Пором і ще раз пором", "Le bac"]) {
        let found = detect(text);
        assert!(found.is_some_and(|found| (0.0..=1.0).contains(&found.confidence)), "{text} {found:?}");
    }
}
