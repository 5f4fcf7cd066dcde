//! Abbreviations and the words that begin sentences, for languages whose full stop does both jobs.
//!
//! Used by [`super::sentence`]. Everything here is a general fact of the language; no entry serves one text.

use crate::language::Language;

/// What a full stop after a word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Belongs to the abbreviation: something always follows (`Mr.`, `вул.`).
    Never,
    /// Ends a sentence only before a word that begins sentences (`Inc.`, `р.`).
    Perhaps,
    /// Ends a sentence before any capital letter (`etc.`, `т. д.`).
    Often,
    /// Belongs to the abbreviation before a number, and ends a sentence otherwise (`No.`, `с.`).
    BeforeNumber,
}

use Stop::{BeforeNumber, Never, Often, Perhaps};

/// Written as in running text; a capital matters (`Sat.` is a day, `sat.` is not).
const ENGLISH: &[(Stop, &str)] = &[
    (Never, "Mr Mrs Ms Messrs Mmes Dr Prof Hon St Mt Ft Rev Fr Msgr Supt Insp vs v cf viz e.g eg i.e ie approx ca al"),
    (
        Perhaps,
        "Gen Lt Col Maj Capt Cpt Sgt Cpl Pvt Adm Cmdr Comdr Brig Sen Rep Reps Gov Pres Amb Atty Det Ofc Pfc Spc Ens \
         Lt.Col Maj.Gen Lt.Gen Brig.Gen Sec Dir Supt Gens Cols Sens Govs Drs Profs \
         Inc Ltd Co Corp Bros Jr Sr Esq LLC Plc Cos Assn Dept Univ Est est Ph.D M.D B.A M.A D.C L.A N.Y \
         a.m p.m A.M P.M U.S U.K U.N E.U U.S.A U.S.S.R A.D B.C \
         Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun \
         Ala Ariz Ark Calif Colo Conn Del Fla Ga Ill Ind Kan Ky La Md Mass Mich Minn Miss Mo Mont Neb Nev Okla Ore Pa \
         Penn Tenn Tex Va Vt Wash Wis Wyo \
         Ave Blvd Rd Sq Hwy Mts Is min max avg hrs hr lb lbs oz sq cu mph km ft",
    ),
    (Often, "etc"),
    (
        BeforeNumber,
        "No Nos no nos Vol vol Fig fig Figs pp p Art Sec sec Ch ch Ver ver Op op para Para \
         Jan Feb Mar Apr Jun Jul Aug Sept Sep Oct Nov Dec",
    ),
];

/// Lower case; compared without regard to case.
const UKRAINIAN: &[(Stop, &str)] = &[
    (
        Never,
        "м вул просп пр-т бул пл пров смт ім див напр проф акад доц о зв т.зв пор англ лат нім франц грец укр \
         п пп гр св нар бл буд кв корп під'їзд оф пр мкр мкрн каб тов",
    ),
    (
        Perhaps,
        "р рр ст тис грн дол коп обл год хв сек ген ген-м полк підп підполк кап лейт серж майор адм к-н заст зав нач \
         оз т н.е ред упоряд тел зб міс вид-во ч кг км см мм га л хвил млн млрд трлн с-ще сел х рос рад ред-ція \
         ун-т ін-т ст.лейт тзв т-во внутр зовн сер поч кін пол стор",
    ),
    (Often, "ін т.д т.п т.і д тощо"),
    (BeforeNumber, "с рис табл гл розд №"),
];

/// Lower case; compared without regard to case.
const RUSSIAN: &[(Stop, &str)] = &[
    (
        Never,
        "ул просп пр-т бул пл пер пгт им см напр проф акад доц о т.н т.е ср англ лат нем фр гр св род ок д кв корп \
         каб тов г-н г-жа",
    ),
    (
        Perhaps,
        "г гг в вв ст тыс руб долл коп обл час мин сек ген полк подп кап лейт серж майор адм зам гл зав нач оз т н.э \
         ред изд тел сб кг км см мм га л млн млрд трлн пос рос сер нач кон",
    ),
    (Often, "др т.д т.п пр д п"),
    (BeforeNumber, "с рис табл разд №"),
];

/// For every other language in Latin script: what newspapers share.
const GENERIC: &[(Stop, &str)] = &[
    (
        Never,
        "M MM Mme Mlle Sr Sra Srta Dr Dra Prof Hr Fr Herr Frau St Ste Sta Sto vs z.B d.h u.a bzw ca cf p.ex ej D Da Dña \
         Pr Me Mgr ul al np tzw im św prof dr inż mgr",
    ),
    (
        Perhaps,
        "Inc Ltd Co Jr Sr S.A Nr Str Abs Art Bd Hrsg Jan Feb Mär Apr Jun Jul Aug Sep Okt Nov Dez av apr J.-C zł tys mln r",
    ),
    (Often, "etc usw itd itp"),
    (BeforeNumber, "No Nr nr n núm vol p pp pág art str"),
];

const ENGLISH_STARTERS: &str = "The A An In On At It He She They We I You This That These Those But And Or So If When \
    While As After Before For From With By However Meanwhile Although Though There Here His Her Their Its Our My Your \
    What Who Why How Where Which Not No Yes Some Many Most More All Both Each Other Others Another One Two Several \
    According Under Since Despite During Until Once Even Only Also Then Now Still Yet To Of Because Nor Neither Either \
    Among Between Over About Such Instead Today Yesterday Later Earlier Nobody Everyone Nothing Asked Police Officials \
    It's He's She's They're We're That's There's I'm";

const UKRAINIAN_STARTERS: &str = "Він Вона Воно Вони Ми Ви Я Ти Це Цей Ця Ці Цього Той Та Те Ті Але А І Й Або Якщо Коли \
    Після Перед Під Над За На У В Із З Зі До Від Для Про Без При Через Також Там Тут Тоді Тепер Так Ні Не Як Якби Що Щоб \
    Хто Де Його Її Їх Їхній Їхня Наш Наша Мій Моя Усі Всі Кожен Однак Проте Утім Втім Зокрема Водночас Крім Серед Між \
    Попри Згідно Раніше Нагадаємо Наразі Поки Протягом Загалом Саме Навіть Тож Тому Отже Хоча Адже Бо По О Об Відтак \
    Потім Пізніше Сьогодні Вчора Напередодні Натомість Окрім Якою Який Яка Яке Які Чи Щодо Більшість Деякі Інші Торік \
    Одна Один Одне Уже Вже Ще Лише Тільки Ним Нині";

const RUSSIAN_STARTERS: &str = "Он Она Оно Они Мы Вы Я Ты Это Этот Эта Эти Тот Та Те Но А И Или Если Когда После Перед \
    Под Над За На У В Во Из С Со К До От Для Про Без При Через Также Там Тут Тогда Теперь Так Нет Не Как Что Чтобы Кто \
    Где Его Её Ее Их Наш Все Каждый Однако Кроме Среди Между По О Об Ранее Пока Поэтому Хотя Ведь Позже Сегодня Вчера \
    Накануне Вместо Который Большинство Некоторые Другие Уже Еще Ещё Только Сейчас";

fn tables(language: Language) -> [&'static [(Stop, &'static str)]; 2] {
    match language.as_str() {
        "uk" => [UKRAINIAN, ENGLISH],
        "ru" | "be" | "bg" => [RUSSIAN, ENGLISH],
        "en" | "ko" | "ja" | "zh" => [ENGLISH, &[]],
        _ => [GENERIC, ENGLISH],
    }
}

/// What a full stop after `word` says; `None` where the word is no abbreviation.
pub(super) fn stop_after(word: &str, language: Language) -> Option<Stop> {
    let lower = word.to_lowercase();
    let find = |(stop, words): &(Stop, &str)| {
        let found = words.split_whitespace().any(|entry| if entry.is_ascii() { entry == word } else { entry == lower });
        found.then_some(*stop)
    };
    tables(language).into_iter().flatten().find_map(find)
}

/// Whether `word`, capitalised, begins sentences rather than names.
pub(super) fn begins_sentences(word: &str, language: Language) -> bool {
    let has = |words: &str| words.split_whitespace().any(|entry| entry == word);
    match language.as_str() {
        "uk" => has(UKRAINIAN_STARTERS),
        "ru" | "be" | "bg" => has(RUSSIAN_STARTERS),
        _ => has(ENGLISH_STARTERS),
    }
}

/// Verbs that follow a quotation and name its speaker.
pub(super) fn is_speech_verb(word: &str) -> bool {
    const VERBS: &str = "said says asked asks added adds wrote writes told tells replied replies tweeted posted shouted \
        declared noted warned recalled insisted explained continued wondered exclaimed cried";
    VERBS.split_whitespace().any(|entry| entry == word)
}

/// Whether the Korean sentence at the start of `after` only says who said the quotation before it: `그가 말했다.` What has
/// an object of its own (`이렇게 말했다`, `…고 말했다`) is a sentence of its own.
pub(super) fn is_korean_report(after: &str) -> bool {
    const VERBS: &str = "말했 말한 말합 덧붙였 덧붙인 전했 밝혔 설명했 강조했 물었 답했 대답했 외쳤 주장했 지적했 경고했 적었 썼 \
        이야기했 얘기했 회상했 반문했 토로했 당부했 소리쳤";
    const BEFORE: &str = "가 이 은 는 께서 에게 한테 에서 며 면서";
    let Some((clause, _)) = after.split_once(['.', '!', '?']) else { return false };
    if clause.len() > LONGEST_REPORT || clause.contains(['"', '“', '‘', '「', '«', '…']) {
        return false;
    }
    let mut words = clause.split_whitespace().rev();
    let verb = words.next().unwrap_or_default();
    let says = verb.ends_with('다') && VERBS.split_whitespace().any(|stem| verb.starts_with(stem));
    says && words.next().is_none_or(|word| BEFORE.split_whitespace().any(|ending| word.ends_with(ending)))
}

/// No report is longer, in bytes.
const LONGEST_REPORT: usize = 300;

#[cfg(test)]
mod tests {
    use super::{Stop, begins_sentences, stop_after};
    use crate::language::Language;

    #[test]
    fn a_capital_makes_the_day() {
        assert_eq!(stop_after("Sat", Language::EN), Some(Stop::Perhaps));
        assert_eq!(stop_after("sat", Language::EN), None);
        assert_eq!(stop_after("Вул", Language::UK), Some(Stop::Never));
        assert_eq!(stop_after("слово", Language::UK), None);
    }

    #[test]
    fn starters_are_whole_words() {
        assert!(begins_sentences("The", Language::EN));
        assert!(!begins_sentences("Theo", Language::EN));
        assert!(begins_sentences("Водночас", Language::UK));
    }
}
