//! The phrases of boilerplate in English, Ukrainian, Korean and Russian.
//!
//! A phrase has to begin the text and has to come with its object (a network, a channel, the article): verbs alone are
//! ordinary words.

use super::{Boilerplate, Extent};

/// Longest line that is taken for boilerplate, in characters.
const LONGEST: usize = 240;

#[rustfmt::skip]
const IMPERATIVES: &[&str] = &[
    "підписуйтесь на", "підписуйтеся на", "підписуйтесь", "підписуйтеся", "підпишіться на", "підпишись на",
    "підписуйся на", "долучайтесь до", "долучайтеся до", "приєднуйтесь до", "приєднуйтеся до", "приєднуйся до",
    "стежте за нами", "стежте за новинами", "слідкуйте за нами", "слідкуйте за новинами", "читайте нас",
    "шукайте нас", "дивіться нас", "слухайте нас", "подписывайтесь на", "подписывайтесь", "подпишитесь на",
    "подпишись на", "присоединяйтесь к", "следите за нами", "следите за новостями", "следите за нашими",
    "читайте нас", "follow us", "follow our", "follow @", "subscribe to our", "subscribe to the", "subscribe for",
    "sign up for our", "sign up to our", "sign up for the", "sign up to the", "join our", "join us on", "join us in",
    "like us on", "find us on", "get our", "get the latest news", "stay up to date with our",
    "click here to subscribe", "click here to join", "click here to follow", "download our app",
];

/// The publisher speaks of itself: our channel has more.
#[rustfmt::skip]
const OFFERS: &[&str] = &[
    "більше новин", "ще більше новин", "усі новини", "всі новини", "найважливіші новини", "оперативні новини",
    "головні новини", "ми в", "ми у", "ми є в", "наш telegram", "наш телеграм", "наш канал", "наша сторінка",
    "больше новостей", "ещё больше новостей", "еще больше новостей", "все новости", "самые важные новости", "мы в",
    "наш telegram-канал", "more news", "for more news", "our telegram", "more on our",
];

#[rustfmt::skip]
const THINGS: &[&str] = &[
    "article", "story", "page", "friends", "статт", "новин", "матеріал", "друзями", "соцмереж", "стать", "новост",
    "материал", "друзьями", "соцсет", "기사", "뉴스",
];

#[rustfmt::skip]
const MISTAKE: &[&str] = &[
    "помилк", "неточн", "одрук", "ошибк", "опечатк", "mistake", "error", "typo", "misprint", "오타", "오류", "틀린",
];

#[rustfmt::skip]
const ASK: &[&str] = &[
    "знайшли помилку", "помітили помилку", "побачили помилку", "якщо ви знайшли помилку", "якщо ви помітили помилку",
    "якщо ви побачили помилку", "нашли ошибку", "заметили ошибку", "увидели ошибку", "если вы нашли ошибку",
    "если вы заметили ошибку", "found a mistake", "found an error", "found a typo", "spotted a mistake",
    "spotted an error", "spotted a typo", "spot a mistake", "noticed a mistake", "noticed an error", "see a mistake",
    "see an error", "if you find a mistake", "if you found a mistake", "if you have found a spelling error",
    "if you find an error", "if you notice a mistake", "if you notice an error",
];

#[rustfmt::skip]
const TELL: &[&str] = &[
    "виділіть", "натисніть", "повідомте", "напишіть нам", "выделите", "нажмите", "сообщите", "напишите нам", "select",
    "highlight", "press", "let us know", "report it", "tell us", "notify us", "email us",
];

/// These introduce a link whatever follows, in a block of their own.
#[rustfmt::skip]
const ALWAYS: &[&str] = &[
    "читайте також", "читайте ще", "читайте теж", "також читайте", "дивіться також", "читайте по темі",
    "читайте за темою", "читайте также", "смотрите также", "также читайте", "читать также", "materials on the topic",
    "관련기사", "관련 기사", "함께 읽기", "함께 읽으면 좋은", "함께 보면 좋은", "함께 볼 만한", "추천 기사", "추천기사", "많이 본 뉴스", "많이 본 기사",
];

/// These are words of ordinary sentences as well: a sign has to part them from what they introduce.
#[rustfmt::skip]
const PARTED: &[&str] = &[
    "read also", "also read", "read more", "read next", "see also", "more on this story", "more on this topic",
    "related", "related articles", "related stories", "related story", "related article", "related news",
    "related topics", "recommended", "recommended reading", "you may also like", "you might also like", "don't miss",
    "watch also", "most read", "trending", "по темі", "за темою", "до теми", "більше по темі", "більше на тему",
    "популярне", "по теме", "материалы по теме", "матеріали за темою", "новини за темою", "новини по темі",
    "новости по теме", "подробнее", "докладніше", "детальніше", "더 읽기", "더 보기", "더보기", "이전 기사", "다음 기사", "더 알아보기",
];

#[rustfmt::skip]
const COPYRIGHT: &[&str] = &[
    "all rights reserved", "усі права захищено", "усі права захищені", "всі права захищено", "всі права захищені",
    "все права защищены", "무단전재", "무단 전재", "재배포 금지", "재배포금지", "저작권자", "передрук заборонено", "копіювання заборонено",
    "перепечатка запрещена",
];

#[rustfmt::skip]
const PICTURE: &[&str] = &[
    "фото", "photo", "photos", "photo credit", "photograph", "image", "images", "image credit", "picture",
    "picture credit", "ілюстрація", "ілюстративне фото", "скріншот", "скриншот", "иллюстративное фото", "사진", "영상",
    "사진 제공", "이미지",
];

#[rustfmt::skip]
const WHOLE: &[&str] = &[
    "advertisement", "advertising", "ad", "sponsored", "sponsored content", "story continues below advertisement",
    "article continues below", "article continues after advertisement", "реклама", "на правах реклами",
    "на правах рекламы", "партнерський матеріал", "партнерский материал", "광고", "스폰서", "accept cookies",
    "accept all cookies", "прийняти cookie",
];

#[rustfmt::skip]
const SITE: &[&str] = &[
    "we use cookies", "we and our partners", "this site uses cookies", "this website uses cookies",
    "our website uses cookies", "by continuing to use", "by continuing to browse", "by clicking",
    "цей сайт використовує", "наш сайт використовує", "ми використовуємо", "продовжуючи користуватися",
    "этот сайт использует", "наш сайт использует", "мы используем", "продолжая пользоваться", "이 사이트는", "본 사이트는",
    "저희 사이트는", "당사는",
];

/// What kind of boilerplate `text` is, if it is any.
pub(super) fn classify(text: &str, extent: Extent) -> Option<Boilerplate> {
    if text.chars().take(LONGEST + 1).count() > LONGEST || is_quoted(text) {
        return None;
    }
    let lower = text.to_lowercase().replace(['’', 'ʼ'], "'");
    let line = lower.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '©' && c != '@').trim_end();
    if is_shortcut(line) {
        return Some(Boilerplate::Shortcut);
    }
    if is_credit(line, &lower, extent) {
        return Some(Boilerplate::Credit);
    }
    if is_follow(line) {
        return Some(Boilerplate::FollowUs);
    }
    if is_notice(line, extent) {
        return Some(Boilerplate::Notice);
    }
    if extent == Extent::Block && is_share(line) {
        return Some(Boilerplate::Share);
    }
    if is_read_also(line, extent) {
        return Some(Boilerplate::ReadAlso);
    }
    None
}

/// Reported speech: somebody said it, so it belongs to the article.
fn is_quoted(text: &str) -> bool {
    text.trim_start().starts_with(['«', '"', '“', '„', '‘', '—', '–'])
        || ["», —", "», –", "”,", "\",", "\" said", "”라고", "\"라고", "”고", "\"고"]
            .iter()
            .any(|sign| text.contains(sign))
}

fn starts(line: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| after(line, phrase).is_some())
}

/// What follows `phrase` at the begin of the line, at a word boundary.
fn after<'t>(line: &'t str, phrase: &str) -> Option<&'t str> {
    let rest = line.strip_prefix(phrase)?;
    let whole = !phrase.ends_with(char::is_alphabetic) || !rest.starts_with(char::is_alphabetic);
    (whole || phrase.chars().next_back().is_some_and(|c| matches!(c as u32, 0xAC00..=0xD7A3))).then_some(rest)
}

/// Whether one of `words` begins a word of `line`; Korean ones may stand anywhere.
fn has(line: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let hangul = word.chars().any(|c| matches!(c as u32, 0xAC00..=0xD7A3));
            // A short Latin name has to be a whole word: `x` is a network and a letter of every other word.
            let after = line[at + word.len()..].chars().next();
            let short = word.len() <= 3 && after.is_some_and(char::is_alphanumeric);
            hangul || !before.is_some_and(char::is_alphanumeric) && !short
        })
    })
}

fn word_count(line: &str) -> usize {
    line.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count()
}

#[rustfmt::skip]
const NETWORKS: &[&str] = &[
    "telegram", "facebook", "instagram", "youtube", "twitter", "whatsapp", "viber", "tiktok", "threads", "linkedin",
    "x", "google news", "t.me", "bluesky", "mastodon", "телеграм", "telegram-канал", "фейсбук", "інстаграм",
    "инстаграм", "ютуб", "твітер", "твиттер", "вайбер", "ватсап", "тікток", "тикток", "텔레그램", "페이스북", "인스타그램", "유튜브",
    "트위터", "카카오톡", "카톡", "네이버", "틱톡", "스레드",
];

/// Things of the publisher's that one follows.
#[rustfmt::skip]
const CHANNELS: &[&str] = &[
    "newsletter", "newsletters", "our channel", "our page", "our account", "our group", "our app", "mailing list",
    "your inbox", "breaking news alerts", "push notifications", "канал", "каналу", "сторінк", "розсилк", "соцмереж",
    "спільнот", "группу", "групу", "страниц", "рассылк", "соцсет", "сообществ", "뉴스레터", "채널", "알림", "소셜미디어",
];

fn is_follow(line: &str) -> bool {
    if word_count(line) > 30 {
        return false;
    }
    // Nothing but the call itself.
    let bare = line.trim_end_matches(|c: char| !c.is_alphanumeric());
    if ["follow us", "subscribe", "підписатися", "підписатись", "подписаться", "구독하기", "join us"].contains(&bare)
    {
        return true;
    }
    let own = |line: &str| has(line, NETWORKS) || has(line, CHANNELS);
    if starts(line, IMPERATIVES) {
        return own(line) || has(line, &["download our app"]);
    }
    if starts(line, OFFERS) {
        let ours = has(line, &["наш", "нашому", "нашем", "our", "нас", "t.me", "@"])
            || starts(line, &["ми в", "ми у", "ми є в", "мы в"]);
        return ours && own(line) && word_count(line) <= 16;
    }
    let bare = bare.trim_end();
    let korean_call = ["하세요", "해주세요", "해 주세요", "주세요", "보세요", "바랍니다", "부탁드립니다", "하기"]
        .iter()
        .any(|end| bare.ends_with(end));
    korean_call
        && has(
            line,
            &[
                "구독",
                "팔로우",
                "친구 추가",
                "친구추가",
                "채널 추가",
                "좋아요",
                "참여하",
                "가입하",
                "만나보",
                "만나 보",
                "받아보",
                "받아 보",
            ],
        )
        && own(line)
}

fn is_share(line: &str) -> bool {
    if word_count(line) > 12 {
        return false;
    }
    let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let network = |word: &&str| {
        NETWORKS.contains(word) || matches!(*word, "email" | "print" | "copy" | "link" | "messenger" | "reddit")
    };
    if words.len() >= 2 && words.iter().all(network) {
        return true;
    }
    let bare = line.trim_end_matches(|c: char| !c.is_alphanumeric());
    if ["share", "share this", "поділитися", "поділитись", "поделиться", "공유하기", "기사 공유", "공유"]
        .contains(&bare)
    {
        return true;
    }
    let call = starts(
        line,
        &[
            "share this",
            "share the article",
            "share the story",
            "share on",
            "share via",
            "share with",
            "поділитися",
            "поділитись",
            "поділіться",
            "поділись",
            "поделиться",
            "поделитесь",
            "поделись",
        ],
    ) || ["공유하세요", "공유하기", "공유해주세요", "공유해 주세요"].iter().any(|end| bare.ends_with(end));
    call && (has(line, THINGS) || has(line, NETWORKS)) && !line.ends_with(|c: char| c.is_ascii_digit() || c == '%')
}

fn is_shortcut(line: &str) -> bool {
    let keys = line.contains("ctrl") && line.contains("enter");
    if keys && has(line, MISTAKE) {
        return true;
    }
    if starts(line, ASK) && has(line, TELL) {
        return true;
    }
    has(line, &["오타", "오류", "오탈자"])
        && has(line, &["신고", "제보", "알려주세요", "알려 주세요", "드래그"])
        && word_count(line) <= 12
}

fn is_read_also(line: &str, extent: Extent) -> bool {
    let is_sign = |c: char| {
        matches!(
            c,
            ':' | '»'
                | '>'
                | '→'
                | '|'
                | '—'
                | '–'
                | '-'
                | '…'
                | '▶'
                | '►'
                | '↓'
                | '⬇'
                | ']'
                | '】'
                | '👉'
                | '.'
                | '='
        )
    };
    if ALWAYS.iter().any(|phrase| {
        after(line, phrase).is_some_and(|rest| {
            let rest = rest.trim_start();
            let signed = rest.is_empty() || rest.starts_with(is_sign);
            signed || extent == Extent::Block && !line.ends_with('.') && word_count(line) <= 25
        })
    }) {
        return true;
    }
    PARTED.iter().any(|phrase| {
        after(line, phrase).is_some_and(|rest| {
            let rest = rest.trim_start();
            let alone = rest.trim_matches(|c: char| !c.is_alphanumeric()).is_empty();
            alone && extent == Extent::Block
                || !alone && rest.starts_with(|c| is_sign(c) && !matches!(c, '.' | '-' | '…' | '=' | '—' | '–'))
        })
    })
}

fn is_credit(line: &str, whole: &str, extent: Extent) -> bool {
    let words = word_count(line);
    if has(line, COPYRIGHT) && words <= 24 {
        return true;
    }
    let year = |rest: &str| rest.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '©' || c == '(');
    if (line.starts_with('©') || after(line, "copyright").is_some_and(year)) && words <= 16 {
        return true;
    }
    let named = |rest: &str| {
        let rest = rest.trim_start();
        // A caption is content: it has a verb and a full stop; a credit is a name or two.
        rest.starts_with([':', '=', '/', '©', '|']) && words <= 9 && !rest.ends_with('.')
    };
    if extent == Extent::Block && PICTURE.iter().any(|phrase| after(line, phrase).is_some_and(named)) {
        return true;
    }
    if extent == Extent::Block && starts(line, &["photo by", "photos by", "image by", "photograph by"]) && words <= 8 {
        return true;
    }
    if extent == Extent::Block
        && starts(line, &["reporting by", "additional reporting by", "writing by"])
        && line.contains("editing by")
    {
        return true;
    }
    let mail = line.split_whitespace().any(|word| {
        let word = word.trim_matches(['(', ')', '[', ']', '<', '>', ',', '.']);
        word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
    });
    let korean = |text: &str| {
        let name = text.trim().strip_suffix("기자").map(str::trim_end);
        name.is_some_and(|name| {
            (2..=4).contains(&name.chars().count()) && name.chars().all(|c| matches!(c as u32, 0xAC00..=0xD7A3))
        })
    };
    // `홍길동 기자 name@example.kr`, or the address alone.
    if mail && (words <= 2 || (has(line, &["기자", "특파원", "기고가"]) && words <= 5)) {
        return !whole.ends_with("다.");
    }
    extent == Extent::Block && korean(line)
}

fn is_notice(line: &str, extent: Extent) -> bool {
    let bare = line.trim_matches(|c: char| !c.is_alphanumeric());
    if extent == Extent::Block && WHOLE.contains(&bare) {
        return true;
    }
    starts(line, SITE) && has(line, &["cookie", "cookies", "файли cookie", "куки", "кукі", "쿠키"])
}
