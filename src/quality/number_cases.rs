//! Tests of numbers, units, money and dates on sentences of our own, good and damaged ones, in all directions.

use super::tests::{codes, input};

/// One sentence in the three languages.
struct Said {
    en: &'static str,
    uk: &'static str,
    ko: &'static str,
}

impl Said {
    fn get(&self, language: &str) -> &'static str {
        match language {
            "en" => self.en,
            "uk" => self.uk,
            _ => self.ko,
        }
    }
}

const DIRECTIONS: [(&str, &str); 6] =
    [("en", "uk"), ("en", "ko"), ("uk", "en"), ("uk", "ko"), ("ko", "en"), ("ko", "uk")];

fn found(from: &str, to: &str, source: &str, output: &str) -> Vec<&'static str> {
    codes(&super::numbers::check(&input(from, to, source, output)))
}

/// A good translation has no findings in any direction.
fn good(en: &'static str, uk: &'static str, ko: &'static str) {
    let said = Said { en, uk, ko };
    for (from, to) in DIRECTIONS {
        let (source, output) = (said.get(from), said.get(to));
        assert_eq!(found(from, to, source, output), [""; 0], "{source:?} → {output:?}");
    }
}

/// With one language damaged, every direction into it and out of it has a finding that begins so.
fn bad(expected: &str, whole: (&'static str, &'static str, &'static str), damaged: (&str, &'static str)) {
    let said = Said { en: whole.0, uk: whole.1, ko: whole.2 };
    for (from, to) in DIRECTIONS {
        if from == damaged.0 || to == damaged.0 {
            let source = if from == damaged.0 { damaged.1 } else { said.get(from) };
            let output = if to == damaged.0 { damaged.1 } else { said.get(to) };
            let codes = found(from, to, source, output);
            assert!(codes.iter().any(|code| code.starts_with(expected)), "{source:?} → {output:?}: {codes:?}");
        }
    }
}

#[test]
fn figures_and_separators() {
    good("The plant made 1,234.5 tonnes.", "Завод виробив 1 234,5 тонни.", "공장은 1,234.5톤을 생산했다.");
    good("It costs 8.4 million euros.", "Це коштує 8,4 млн євро.", "비용은 840만 유로이다.");
    good("Some 12,500 homes lost power.", "Без світла лишилося 12,5 тис. домівок.", "1만 2천500가구가 정전됐다.");
    good("3,500 people came.", "Прийшло 3500 людей.", "3천500명이 왔다.");
    good("from 1.5 to 2 million hens", "1,5–2 млн курей", "닭 150만~200만 마리");
    good("1.5-2 million hens", "від півтора до двох мільйонів курей (1,5–2 млн)", "닭 150만~200만 마리");
    good("In 2024 it grew by 12.5%.", "У 2024 році зріс на 12,5 %.", "2024년에 12.5% 늘었다.");
    good("Call +380 44 123 45 67.", "Телефон: +380 44 123 45 67.", "전화 +380 44 123 45 67.");
    good("version 1.2.3 of the program", "версія програми 1.2.3", "프로그램 버전 1.2.3");
    good("They won 3-2.", "Вони виграли 3:2.", "그들은 3대2로 이겼다.");
    good("A fall of −5.5 points", "Падіння на −5,5 пункта", "−5.5포인트 하락");
    good("50 or more million", "50 і більше мільйонів", "5천만 명 이상");
    good("the spring collection SS19", "весняна колекція 2019", "2019년 봄 컬렉션");
    good("There were １２ buses.", "Було 12 автобусів.", "버스 １２대가 있었다.");
    let whole =
        ("Some 12,500 homes lost power.", "Без світла лишилося 12,5 тис. домівок.", "1만 2,500가구가 정전됐다.");
    bad("number_", whole, ("en", "Some 12,600 homes lost power."));
    bad("number_", whole, ("uk", "Без світла лишилося 12,5 млн домівок."));
    bad("number_", whole, ("ko", "1억 2,500가구가 정전됐다."));
}

#[test]
fn fractions_and_parts() {
    good("two-thirds of the crew", "дві третини екіпажу", "승무원의 3분의 2");
    good("a quarter of the harvest", "чверть урожаю", "수확의 4분의 1");
    good("2/3 of the votes", "2/3 голосів", "표의 3분의 2");
    good("a fifth of the pupils", "п’ята частина учнів", "학생의 5분의 1");
    good("½ of the field", "половина поля", "밭의 절반");
    let whole = ("two-thirds of the crew", "дві третини екіпажу", "승무원의 3분의 2");
    bad("number_", whole, ("en", "two-fifths of the crew"));
    bad("number_", whole, ("uk", "дві п’ятих екіпажу"));
    bad("number_", whole, ("ko", "승무원의 5분의 2"));
    bad("unit_", whole, ("ko", "승무원의 3시간의 2"));
}

#[test]
fn number_words() {
    let whole = (
        "Seven ferries left for the island with forty-two cars.",
        "Сім поромів вирушили на острів із сорока двома авто.",
        "여객선 일곱 척이 자동차 마흔두 대를 싣고 섬으로 떠났다.",
    );
    good(whole.0, whole.1, whole.2);
    bad("number_", whole, ("en", "Nine ferries left for the island with forty-two cars."));
    bad("number_", whole, ("uk", "Шість поромів вирушили на острів із сорока двома авто."));
    bad("number_", whole, ("ko", "여객선 여섯 척이 자동차 마흔두 대를 싣고 섬으로 떠났다."));
    good("The fourth attempt took three days.", "Четверта спроба тривала три дні.", "네 번째 시도는 사흘이 걸렸다.");
    good("Both sisters have twins.", "В обох сестер близнюки.", "두 자매 모두 쌍둥이를 두었다.");
    good("a year or two later", "за рік-два", "1~2년 뒤");
    good("two or three boats", "два-три човни", "배 두세 척");
    good("The Big Ten club", "Клуб «Біг Тен»", "빅 텐 클럽");
    good("for the past two decades", "протягом останніх двох десятиліть", "지난 20년 동안");
    good("four dozen eggs", "чотири дюжини яєць", "달걀 48개");
    good("three hundred and fifty soldiers", "триста п’ятдесят солдатів", "병사 350명");
    good("World War II", "Друга світова війна", "제2차 세계대전");
    good("the 20th century", "ХХ століття", "20세기");
    let whole = ("Three men were held.", "Затримали трьох чоловіків.", "남성 세 명이 체포됐다.");
    good(whole.0, whole.1, whole.2);
    bad("number_", whole, ("uk", "Затримали чотирьох чоловіків."));
    bad("number_", whole, ("en", "Eight men were held."));
    bad("number_", whole, ("ko", "남성 다섯 명이 체포됐다."));
}

#[test]
fn months_and_weekdays() {
    let whole = (
        "The bridge opens on Monday, March 16.",
        "Міст відкриють у понеділок, 16 березня.",
        "다리는 3월 16일 월요일에 개통된다.",
    );
    good(whole.0, whole.1, whole.2);
    bad("date_", whole, ("en", "The bridge opens on Friday, March 16."));
    bad("date_", whole, ("en", "The bridge opens on Monday, April 16."));
    bad("date_", whole, ("uk", "Міст відкриють у середу, 16 березня."));
    bad("date_", whole, ("uk", "Міст відкриють у понеділок, 16 травня."));
    bad("date_", whole, ("ko", "다리는 5월 16일 월요일에 개통된다."));
    bad("date_", whole, ("ko", "다리는 3월 16일 토요일에 개통된다."));
    good("the talks on 16 March 2026", "переговори 16.03.2026", "2026년 3월 16일 회담");
    good("In May she may march.", "У травні вона може вийти на марш.", "그녀는 5월에 행진할 수도 있다.");
    good("Saturday's vote", "суботнє голосування", "토요일 투표");
    good("in early February", "на початку лютого", "2월 초");
    good(
        "Oleh Sereda met Theresa May.",
        "Олег Середа зустрівся з Терезою Мей.",
        "올레흐 세레다는 테리사 메이를 만났다.",
    );
    good("Sept. 5", "5 вересня", "9월 5일");
    good("Black Friday", "Чорна п’ятниця", "블랙프라이데이");
}

#[test]
fn times_of_day() {
    let whole = ("The train left at 5:40 p.m.", "Потяг вирушив о 17:40.", "열차는 오후 5시 40분에 출발했다.");
    good(whole.0, whole.1, whole.2);
    bad("date_changed", whole, ("en", "The train left at 5:40 a.m."));
    bad("date_changed", whole, ("uk", "Потяг вирушив о 05:40."));
    bad("date_changed", whole, ("ko", "열차는 오전 5시 40분에 출발했다."));
    good("at 7 p.m.", "о 7 вечора", "오후 7시에");
    good("at 2 am", "о 2-й ночі", "새벽 2시에");
    good("at 10 o'clock this morning", "сьогодні о 10-й ранку", "오늘 오전 10시에");
    good("at noon", "опівдні", "정오에");
}

#[test]
fn units_of_length_mass_and_time() {
    let whole = ("The pipe is 62.5 km long.", "Довжина труби — 62,5 км.", "관의 길이는 62.5킬로미터이다.");
    good(whole.0, whole.1, whole.2);
    bad("unit_changed", whole, ("en", "The pipe is 62.5 m long."));
    bad("unit_changed", whole, ("uk", "Довжина труби — 62,5 см."));
    bad("unit_changed", whole, ("ko", "관의 길이는 62.5미터이다."));
    let whole = ("It weighs 300 kg.", "Вага — 300 кілограмів.", "무게는 300kg이다.");
    good(whole.0, whole.1, whole.2);
    bad("unit_changed", whole, ("en", "It weighs 300 tonnes."));
    bad("unit_changed", whole, ("uk", "Вага — 300 фунтів."));
    bad("unit_changed", whole, ("ko", "무게는 300톤이다."));
    let whole = ("The strike lasted six weeks.", "Страйк тривав шість тижнів.", "파업은 6주 동안 이어졌다.");
    good(whole.0, whole.1, whole.2);
    bad("unit_changed", whole, ("en", "The strike lasted six months."));
    bad("unit_changed", whole, ("uk", "Страйк тривав шість днів."));
    bad("unit_changed", whole, ("ko", "파업은 6개월 동안 이어졌다."));
    let whole = ("an eight-year-old boy", "восьмирічний хлопчик", "여덟 살 소년");
    good(whole.0, whole.1, whole.2);
    bad("unit_changed", whole, ("ko", "8개월 소년"));
    bad("unit_changed", whole, ("uk", "восьмимісячний хлопчик"));
    good("a 31-year-old driver", "31-річний водій", "31세 운전자");
    good("Ida Berg, 41, said so.", "Так сказала 41-річна Іда Берг.", "이다 베르크(41)가 그렇게 말했다.");
    good("in the 1990s", "у 1990-х роках", "1990년대에");
    good("winds of 120 km/h", "вітер 120 км/год", "시속 120km의 바람");
    good("a plot of 12 square kilometres", "ділянка 12 кв. км", "12제곱킬로미터의 땅");
    good("It was 30 degrees Celsius.", "Було 30 градусів за Цельсієм.", "섭씨 30도였다.");
    good("5 to 7 hours", "від 5 до 7 годин", "5~7시간");
    good("a mile away", "за милю звідси", "1마일 떨어진 곳");
}

#[test]
fn measures_may_be_converted() {
    good("waves 20 feet high", "хвилі заввишки 6 метрів", "높이 6미터의 파도");
    good("385 miles south", "за 620 км на південь", "남쪽으로 620km");
    good("for half an hour", "протягом 30 хвилин", "30분 동안");
    good("a year and a half, 18 months", "півтора року, 18 місяців", "1년 반, 18개월");
    good("1,600 km (1,000 miles) long", "завдовжки 1600 км", "길이 1,600km");
    bad("unit_converted", ("30 miles", "48 км", "48km"), ("en", "31 miles"));
    bad("number_changed", ("30 miles", "48 км", "48km"), ("en", "70 miles"));
}

#[test]
fn money() {
    let whole = ("It cost $350,000.", "Це коштувало 350 000 доларів.", "비용은 35만 달러였다.");
    good(whole.0, whole.1, whole.2);
    bad("money_changed", whole, ("en", "It cost €350,000."));
    bad("money_changed", whole, ("uk", "Це коштувало 350 000 гривень."));
    bad("money_changed", whole, ("ko", "비용은 35만 원이었다."));
    good("UAH 8.4 million", "8,4 млн грн", "840만 흐리우냐");
    good("£5 a day", "5 фунтів на день", "하루 5파운드");
    good("₩2,000 or €1.3", "2000 вон або 1,3 євро", "2,000원 또는 1.3유로");
    good("$3 to $4 billion", "від 3 до 4 млрд доларів", "30억~40억 달러");
    let whole = ("Sales rose 12 percent.", "Продажі зросли на 12 відсотків.", "매출이 12퍼센트 늘었다.");
    good(whole.0, whole.1, whole.2);
    bad("unit_changed", whole, ("en", "Sales rose 12 dollars."));
    bad("unit_changed", whole, ("ko", "매출이 12달러 늘었다."));
    bad("unit_changed", whole, ("uk", "Продажі зросли на 12 в.п."));
    good("by 1.5 percentage points", "на 1,5 відсоткового пункту", "1.5%포인트");
}

#[test]
fn exchanged_numbers_are_found() {
    let codes = found("en", "uk", "2 of 3 boats and 2 cars", "2 із 3 човнів і 3 авто");
    assert_eq!(codes, ["number_changed"]);
}

#[test]
fn other_languages_have_no_strict_words() {
    assert_eq!(found("en", "fr", "Seven boats left on Monday at 5 km.", "Les bateaux sont partis à 5 km."), [""; 0]);
}

#[test]
fn paragraphs_of_news() {
    good(
        "Police in Hrabivka said on Tuesday that two men aged 19 and 34 had been detained after a shop lost goods worth \
         UAH 128,000. The theft took place at about 2:15 a.m. on July 9; five officers chased the car for 12 km.",
        "Поліція Грабівки повідомила у вівторок, що двох чоловіків віком 19 і 34 років затримали після крадіжки товарів \
         на 128 тис. грн. Крадіжка сталася близько 02:15 9 липня; п’ятеро поліцейських 12 км гналися за автівкою.",
        "흐라비우카 경찰은 화요일 12만8천 흐리우냐어치 상품을 도난당한 사건으로 19세와 34세 남성 두 명을 구금했다고 밝혔다. \
         절도는 7월 9일 오전 2시 15분쯤 일어났으며 경찰관 다섯 명이 차를 12km 추격했다.",
    );
    good(
        "The yard delivered its third ferry in eighteen months. At 142 metres and 9,800 tonnes it is 20% larger than \
         the first two, carries 1,150 people and cost €96.4 million, the owner said on 30 November 2025.",
        "Верф передала третій пором за вісімнадцять місяців. Завдовжки 142 метри і вагою 9800 тонн, він на 20 % більший \
         за перші два, бере 1150 людей і коштував 96,4 млн євро, сказав власник 30 листопада 2025 року.",
        "조선소는 18개월 만에 세 번째 여객선을 인도했다. 길이 142미터, 9,800톤으로 앞선 두 척보다 20% 크고 1,150명을 태우며 \
         9,640만 유로가 들었다고 선주는 2025년 11월 30일 밝혔다.",
    );
    good(
        "Over the next three to four weeks, temperatures will drop below 5 °C, and up to 40 mm of rain may fall in one day.",
        "Упродовж наступних трьох-чотирьох тижнів температура впаде нижче 5 °C, а за одну добу може випасти до 40 мм дощу.",
        "앞으로 3~4주 동안 기온이 섭씨 5도 아래로 떨어지고 하루에 최대 40mm의 비가 내릴 수 있다.",
    );
    good(
        "Unemployment fell to 4.1 per cent from 4.6 per cent a year earlier, and 2,300 of the 57,000 vacancies were filled.",
        "Безробіття знизилося до 4,1 % проти 4,6 % роком раніше, заповнено 2300 із 57 тисяч вакансій.",
        "실업률은 1년 전 4.6%에서 4.1%로 떨어졌고 빈자리 5만 7,000개 중 2,300개가 채워졌다.",
    );
    good(
        "The 27th session, held in the first half of the year, ran for 45 minutes and heard 6 of 14 witnesses.",
        "27-ме засідання у першому півріччі тривало 45 хвилин, вислухали 6 із 14 свідків.",
        "올해 상반기에 열린 제27차 회의는 45분간 진행됐고 증인 14명 가운데 6명의 말을 들었다.",
    );
}

proptest::proptest! {
    #[test]
    fn numbers_never_panic_and_places_are_real(
        source in "([0-9０-９]|[-., :/$€%°½−–]|[a-zа-яії만억천년월일시분의세두]|p\\.m\\.|млн|May|개월|km|п’ять|half an hour|\\PC){0,30}",
        output in "([0-9]|[-., :/$€%°]|[a-zа-яії만억천년월일시분의세두]|오후|березня|hours|\\PC){0,30}",
    ) {
        for (from, to) in DIRECTIONS {
            for finding in super::numbers::check(&input(from, to, &source, &output)) {
                if let Some(span) = finding.source { proptest::prop_assert!(source.get(span).is_some()); }
                if let Some(span) = finding.output { proptest::prop_assert!(output.get(span).is_some()); }
            }
        }
    }

    #[test]
    fn a_text_agrees_with_itself(text in "([0-9]|[-., :/$€%°]|[a-zа-яії만억천년월일시분의세두]|오후|березня|hours|May 5|сім){0,30}") {
        for language in ["en", "uk", "ko"] {
            let changed = super::numbers::check(&input(language, language, &text, &text));
            proptest::prop_assert_eq!(codes(&changed), Vec::<&str>::new());
        }
    }
}
