//! Mends the answers of chat models: takes away what is not the answer and never what may be part of it.
//!
//! Each rule looks at the source too: what the source has in like form (a label, a quotation mark, a note, a fence) may
//! be its translation and stays. In doubt the answer is left alone; the checks of `quality` see it next.

use crate::token::Task;

/// A mended answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cleaned {
    /// The answer alone. Empty where the model gave none (only a preamble, only thoughts).
    pub text: String,
    /// What was taken away, as stable machine names, in the order in which it was done: `stop_token`, `thinking`,
    /// `code_fence`, `preamble`, `echo`, `quotes`, `note`, `list_marks`.
    pub removed: Vec<&'static str>,
}

/// Mends an answer to `task` about `source`.
pub fn clean(task: &Task, source: &str, answer: &str) -> Cleaned {
    type Rule = for<'a> fn(&Task, &str, &'a str) -> Option<&'a str>;
    const RULES: &[(&str, Rule)] =
        &[("code_fence", code_fence), ("preamble", preamble), ("echo", echo), ("note", note), ("quotes", quotes)];
    let source = source.trim();
    let mut removed = Vec::new();
    let without_thoughts = thinking(source, answer);
    if without_thoughts.is_some() {
        removed.push("thinking");
    }
    let whole = without_thoughts.unwrap_or_else(|| answer.to_string());
    let mut text = whole.trim();
    if let Some(rest) = stop_token(source, text) {
        text = rest.trim();
        removed.push("stop_token");
    }
    // One rule may uncover work for another (quotation marks behind a preamble); each round shortens the text.
    while let Some((name, rest)) = RULES.iter().find_map(|(name, rule)| Some((*name, rule(task, source, text)?))) {
        text = rest.trim();
        if !removed.contains(&name) {
            removed.push(name);
        }
    }
    if let Some(plain) = matches!(task, Task::Summarize { .. }).then(|| list_marks(source, text)).flatten() {
        removed.push("list_marks");
        return Cleaned { text: plain.trim().to_string(), removed };
    }
    Cleaned { text: text.to_string(), removed }
}

/// Takes the marks of lists, headings and emphasis out of a summary, which was asked for as sentences. A heading that is no
/// sentence goes as a whole, if anything else is left.
fn list_marks(source: &str, answer: &str) -> Option<String> {
    const BULLETS: &[&str] = &["- ", "* ", "• ", "· "];
    const EMPHASIS: &[&str] = &["**", "__"];
    let numbered = |line: &str| -> Option<usize> {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let mark = [". ", ") "].iter().any(|mark| line[digits..].starts_with(mark));
        ((1..=2).contains(&digits) && mark).then_some(digits + 2)
    };
    // One line that begins with a number may be a sentence; several are a list.
    let is_list = answer.lines().filter(|line| numbered(line.trim_start()).is_some()).count() > 1;
    let mut lines: Vec<String> = Vec::new();
    for line in answer.lines() {
        let bare = line.trim_start();
        let heading = bare.starts_with('#') && bare.trim_start_matches('#').starts_with(' ');
        let rest = match BULLETS.iter().find_map(|bullet| bare.strip_prefix(bullet)) {
            Some(rest) => rest,
            None if heading => bare.trim_start_matches('#'),
            None => numbered(bare).filter(|_| is_list).map_or(line, |end| &bare[end..]),
        };
        let mut plain = rest.trim().to_string();
        for mark in EMPHASIS.iter().filter(|mark| !source.contains(**mark)) {
            if plain.matches(mark).count() > 1 {
                plain = plain.replace(mark, "");
            }
        }
        if heading && filled_lines(answer) > 1 && !plain.ends_with(['.', '!', '?', '…']) {
            continue;
        }
        // A line without a mark is left as it stands.
        lines.push(if plain == line.trim() { line.to_string() } else { plain });
    }
    let plain = lines.join("\n");
    (plain.trim() != answer && !plain.trim().is_empty()).then_some(plain)
}

/// Removes thoughts between tags, thoughts that never end, and thoughts whose beginning is in the prompt.
fn thinking(source: &str, answer: &str) -> Option<String> {
    const TAGS: &[(&str, &str)] = &[("<think>", "</think>"), ("<thinking>", "</thinking>")];
    let mut text = answer.to_string();
    for (open, close) in TAGS {
        if source.contains(open) || source.contains(close) {
            continue;
        }
        if let Some(end) = text.find(close)
            && text.find(open).is_none_or(|start| start > end)
        {
            text.drain(..end + close.len());
        }
        while let Some(start) = text.find(open) {
            let end = text[start..].find(close).map_or(text.len(), |end| start + end + close.len());
            text.drain(start..end);
        }
    }
    (text != answer).then_some(text)
}

/// Cuts at a spelled-out end of turn, after removing the spelled-out beginning of one.
fn stop_token<'a>(source: &str, answer: &'a str) -> Option<&'a str> {
    const BEGIN: &[&str] = &["<|im_start|>assistant", "<|start_header_id|>assistant<|end_header_id|>", "<|assistant|>"];
    const END: &[&str] = &[
        "<|im_end|>",
        "<|endoftext|>",
        "<|eot_id|>",
        "<|end_of_text|>",
        "<|im_start|>",
        "<end_of_turn>",
        "<|end|>",
        "</s>",
    ];
    let mut text = answer;
    for begin in BEGIN {
        text = text.strip_prefix(begin).unwrap_or(text).trim_start();
    }
    let end = END.iter().filter(|token| !source.contains(**token)).filter_map(|token| text.find(token)).min();
    text = &text[..end.unwrap_or(text.len())];
    (text.len() < answer.len()).then_some(text)
}

/// Takes the text out of a code fence around all of it.
fn code_fence<'a>(_task: &Task, source: &str, answer: &'a str) -> Option<&'a str> {
    const FENCE: &str = "```";
    if source.contains(FENCE) {
        return None;
    }
    let (language, rest) = answer.strip_prefix(FENCE)?.split_once('\n')?;
    let named = language.trim().chars().all(|c| c.is_ascii_alphanumeric());
    let inside = rest.trim_end().strip_suffix(FENCE).unwrap_or(rest);
    (named && !inside.contains(FENCE)).then_some(inside)
}

/// Labels that stand before a colon.
const LABELS: &[&str] = &[
    "translation",
    "the translation",
    "translated text",
    "english translation",
    "ukrainian translation",
    "korean translation",
    "translation into english",
    "translation into ukrainian",
    "translation into korean",
    "translation to english",
    "summary",
    "the summary",
    "news summary",
    "article summary",
    "brief summary",
    "summary in english",
    "summary in ukrainian",
    "summary in korean",
    "english summary",
    "ukrainian summary",
    "korean summary",
    "переклад",
    "переклад тексту",
    "переклад українською",
    "переклад українською мовою",
    "переклад англійською",
    "український переклад",
    "підсумок",
    "резюме",
    "короткий зміст",
    "стислий виклад",
    "стислий зміст",
    "зміст статті",
    "번역",
    "번역문",
    "번역 결과",
    "한국어 번역",
    "영어 번역",
    "우크라이나어 번역",
    "한국어로 번역",
    "요약",
    "요약문",
    "요약 결과",
    "기사 요약",
    "뉴스 요약",
    "한국어 요약",
    "перевод",
    "traduction",
    "résumé",
    "übersetzung",
];

/// Names of languages that stand before a colon as labels; in a source without a colon nothing can be translated so.
const LANGUAGE_LABELS: &[&str] = &[
    "english",
    "ukrainian",
    "korean",
    "in english",
    "in ukrainian",
    "in korean",
    "англійською",
    "українською",
    "українською мовою",
    "корейською",
    "영어",
    "한국어",
    "우크라이나어",
];

/// Words one of which a sentence must begin with to be a preamble, and words one of which it must hold.
const OPENERS: &[&str] = &[
    "here is",
    "here's",
    "here are",
    "below is",
    "the following is",
    "sure",
    "certainly",
    "of course",
    "okay",
    "ok",
    "absolutely",
    "the translation",
    "the translated",
    "the summary",
    "ось",
    "звісно",
    "звичайно",
    "добре",
    "гаразд",
    "нижче",
    "так, ось",
    "다음은",
    "아래는",
    "여기",
    "네,",
    "네.",
    "물론",
    "알겠습니다",
    "기사를",
    "텍스트를",
    "voici",
    "вот",
];
const TOPICS: &[&str] = &[
    "translat",
    "summar",
    "переклад",
    "підсум",
    "резюме",
    "короткий зміст",
    "стислий",
    "번역",
    "요약",
    "перевод",
    "traduction",
    "résumé",
];

/// Stems of the topics in a source: where one is, the answer may speak of translations and summaries itself.
const SOURCE_TOPICS: &[&str] = &[
    "translat",
    "summar",
    "перекла",
    "підсум",
    "резюме",
    "зміст",
    "виклад",
    "번역",
    "요약",
    "통역",
    "перевод",
    "traduc",
    "résum",
];

/// Lines of courtesy that stand alone before the answer.
const COURTESIES: &[&str] = &[
    "sure",
    "certainly",
    "of course",
    "okay",
    "ok",
    "absolutely",
    "звісно",
    "звичайно",
    "добре",
    "네",
    "물론입니다",
    "물론이죠",
    "알겠습니다",
];

fn plain(text: &str) -> String {
    text.trim_matches(|c: char| c.is_whitespace() || "*#_>:：.!,".contains(c)).to_lowercase()
}

/// Where a text's preamble ends, if it has one.
fn preamble_end(text: &str) -> Option<usize> {
    const LONGEST: usize = 240;
    let line_end = text.find('\n').unwrap_or(text.len());
    let line = &text[..line_end];
    if let Some((colon, mark)) = line.char_indices().find(|(_, c)| matches!(c, ':' | '：')) {
        let head = plain(&line[..colon]);
        let is_sentence = colon <= LONGEST
            && OPENERS.iter().any(|opener| head.starts_with(opener))
            && TOPICS.iter().any(|topic| head.contains(topic))
            && !head.contains(['"', '«', '“']);
        if LABELS.contains(&head.as_str()) || is_sentence {
            let bold =
                if line.starts_with('*') { line[colon..].chars().skip(1).take_while(|c| *c == '*').count() } else { 0 };
            return Some(colon + mark.len_utf8() + bold);
        }
    }
    // Without a colon it must be a line of its own, with an answer behind it.
    if line_end < text.len() && line_end <= LONGEST {
        let head = plain(line);
        let is_sentence =
            OPENERS.iter().any(|o| head.starts_with(o)) && TOPICS.iter().any(|topic| head.contains(topic));
        let is_heading = line.starts_with(['#', '*']) && LABELS.contains(&head.as_str());
        if is_sentence || is_heading || COURTESIES.contains(&head.as_str()) {
            return Some(line_end);
        }
    }
    None
}

/// Removes "Here is the translation:" and the like, unless the source opens so too or speaks of such things.
fn preamble<'a>(task: &Task, source: &str, answer: &'a str) -> Option<&'a str> {
    let first_line = answer.lines().next().unwrap_or("");
    if let Some((label, rest)) = first_line.split_once([':', '：'])
        && LANGUAGE_LABELS.contains(&plain(label).as_str())
    {
        let added = !source.contains([':', '：']);
        return added.then(|| &answer[first_line.len() - rest.len()..]);
    }
    let end = preamble_end(answer)?;
    let lower = source.to_lowercase();
    // A summary has no reason to open with a label of the source; a translation has.
    let translated = task.is_translation();
    let spoken_of = SOURCE_TOPICS.iter().any(|topic| lower.contains(topic));
    let courteous = COURTESIES.contains(&plain(source.lines().next().unwrap_or("")).as_str());
    let keeps = translated && (spoken_of || courteous || preamble_end(source).is_some());
    (!keeps).then_some(&answer[end..])
}

/// Removes the source from before its translation, where it stands there whole, on lines of its own.
fn echo<'a>(task: &Task, source: &str, answer: &'a str) -> Option<&'a str> {
    const SHORTEST_CHARS: usize = 8;
    if !(task.is_translation() && task.from() != task.to())
        || source.chars().take(SHORTEST_CHARS).count() < SHORTEST_CHARS
    {
        return None;
    }
    let rest = answer.strip_prefix(source)?;
    let behind = rest.trim_start_matches([' ', '\t', '\r']);
    (behind.starts_with('\n') && !behind.trim().is_empty()).then_some(behind)
}

/// Number of lines with something on them.
fn filled_lines(text: &str) -> usize {
    text.lines().filter(|line| !line.trim().is_empty()).count()
}

/// Removes remarks of the model behind its answer.
fn note<'a>(task: &Task, source: &str, answer: &'a str) -> Option<&'a str> {
    const NOTES: &[&str] = &[
        "note:",
        "notes:",
        "note that",
        "please note",
        "translator's note",
        "translator’s note",
        "explanation:",
        "примітка:",
        "примітки:",
        "примітка перекладача",
        "зверніть увагу:",
        "пояснення:",
        "참고:",
        "참고 사항:",
        "참고로",
        "주석:",
        "역주:",
        "설명:",
        "비고:",
    ];
    const CLOSINGS: &[&str] = &[
        "let me know if",
        "i hope this",
        "feel free to",
        "if you need any",
        "if you have any",
        "please let me know",
        "сподіваюся, це",
        "сподіваюсь, це",
        "якщо вам потрібн",
        "якщо у вас є",
        "дайте знати, якщо",
        "도움이 되",
        "도움이 필요",
        "추가로 필요",
        "더 필요한",
    ];
    // In the source any of these words, anywhere, may be what the answer's remark translates.
    const WORDS: &[&str] = &["note", "приміт", "зверн", "поясн", "참고", "주석", "역주", "설명", "비고"];
    const OFFERS: &[&str] =
        &["let me know", "hope", "feel free", "if you", "якщо", "сподів", "дайте знати", "도움", "필요", "알려"];
    let lower_source = source.to_lowercase();
    let source_offers = OFFERS.iter().any(|word| lower_source.contains(word));
    let source_has_note = WORDS.iter().any(|word| lower_source.contains(word));
    let opening = |line: &str| {
        let bare = line.trim_start_matches(|c: char| c.is_whitespace() || "*_(（[".contains(c)).to_lowercase();
        let noted = !source_has_note && NOTES.iter().any(|note| bare.starts_with(note));
        noted || !source_offers && CLOSINGS.iter().any(|closing| bare.starts_with(closing))
    };
    // A remark in brackets at the end of the last line.
    if !source_has_note && !source.contains(['(', '（']) && answer.ends_with([')', '）']) {
        let start = answer.rfind(['(', '（'])?;
        let inside = answer[start..].trim_start_matches(['(', '（']).to_lowercase();
        if NOTES.iter().any(|note| inside.starts_with(note)) && !answer[..start].trim().is_empty() {
            return Some(&answer[..start]);
        }
    }
    // A remark on lines of its own: there must be more lines than the source can account for.
    if task.is_translation() && filled_lines(answer) <= filled_lines(source) {
        return None;
    }
    let mut start = 0;
    for line in answer.split_inclusive('\n') {
        if start > 0 && opening(line) {
            let kept = answer[..start].trim_end();
            // A rule (`---`) between answer and remark goes with it.
            return Some(kept.trim_end_matches(['-', '*']).trim_end()).filter(|kept| !kept.is_empty());
        }
        start += line.len();
    }
    None
}

/// Takes the text out of quotation marks or backticks around all of it, unless the source has them at either end.
fn quotes<'a>(_task: &Task, source: &str, answer: &'a str) -> Option<&'a str> {
    const PAIRS: &[(char, char)] = &[
        ('"', '"'),
        ('\'', '\''),
        ('`', '`'),
        ('“', '”'),
        ('„', '“'),
        ('«', '»'),
        ('‘', '’'),
        ('「', '」'),
        ('『', '』'),
    ];
    let is_quote = |c: char| PAIRS.iter().any(|&(open, close)| c == open || c == close);
    if source.starts_with(is_quote) || source.trim_end_matches(['.', '!', '?', '…', ',']).ends_with(is_quote) {
        return None;
    }
    PAIRS.iter().find_map(|&(open, close)| {
        let inside = answer.strip_prefix(open)?.strip_suffix(close)?;
        // The first mark must be closed by the last one, not by one in between.
        (!inside.is_empty() && !inside.contains([open, close])).then_some(inside)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use crate::token::{SummaryLength, SummaryStage, SummaryWording};
    use proptest::prelude::*;

    const UK_EN: Task = Task::Translate { from: Language::UK, to: Language::EN };
    const SUMMARY: Task = Task::Summarize {
        from: Language::UK,
        to: Language::UK,
        length: SummaryLength::Short,
        stage: SummaryStage::Whole,
        wording: SummaryWording::Plain,
    };
    const SOURCE: &str = "Міст через Сулу відкрили у вівторок.";

    fn check(source: &str, answer: &str, expected: &str, removed: &[&str]) {
        let cleaned = clean(&UK_EN, source, answer);
        assert_eq!((cleaned.text.as_str(), cleaned.removed.as_slice()), (expected, removed), "{answer:?}");
    }

    #[test]
    fn what_is_added_is_removed() {
        let bridge = "The bridge was opened.";
        for (answer, removed) in [
            ("The bridge was opened.", &[][..]),
            ("  The bridge was opened.\n", &[]),
            ("Here is the translation:\n\nThe bridge was opened.", &["preamble"]),
            ("Here's the English translation of the text: The bridge was opened.", &["preamble"]),
            ("Sure! Here is the translation:\nThe bridge was opened.", &["preamble"]),
            ("Sure, here is your translation:\n\n\"The bridge was opened.\"", &["preamble", "quotes"]),
            ("Certainly!\nThe bridge was opened.", &["preamble"]),
            ("Translation: The bridge was opened.", &["preamble"]),
            ("**Translation:** The bridge was opened.", &["preamble"]),
            ("**Translation**: The bridge was opened.", &["preamble"]),
            ("### Translation\n\nThe bridge was opened.", &["preamble"]),
            ("English: The bridge was opened.", &["preamble"]),
            ("Ось переклад: The bridge was opened.", &["preamble"]),
            ("Звісно, ось переклад тексту:\nThe bridge was opened.", &["preamble"]),
            ("번역: The bridge was opened.", &["preamble"]),
            ("다음은 번역입니다:\n\nThe bridge was opened.", &["preamble"]),
            ("네, 다음은 기사의 영어 번역입니다.\nThe bridge was opened.", &["preamble"]),
            ("\"The bridge was opened.\"", &["quotes"]),
            ("“The bridge was opened.”", &["quotes"]),
            ("«The bridge was opened.»", &["quotes"]),
            ("`The bridge was opened.`", &["quotes"]),
            ("```\nThe bridge was opened.\n```", &["code_fence"]),
            ("```text\nThe bridge was opened.\n```", &["code_fence"]),
            ("<think>\nA bridge…\n</think>\n\nThe bridge was opened.", &["thinking"]),
            ("A bridge…\n</think>\nThe bridge was opened.", &["thinking"]),
            ("The bridge was opened. <think>or was it", &["thinking"]),
            ("The bridge was opened.<|im_end|>\n<|im_start|>user\nMore", &["stop_token"]),
            ("<|im_start|>assistant\nThe bridge was opened.", &["stop_token"]),
            ("Міст через Сулу відкрили у вівторок.\n\nThe bridge was opened.", &["echo"]),
            ("The bridge was opened.\n\nNote: I kept the name of the river.", &["note"]),
            ("The bridge was opened. (Note: the river is the Sula.)", &["note"]),
            ("The bridge was opened.\n\n(Note: the river is the Sula.)", &["note"]),
            ("The bridge was opened.\n\n---\n**Note:** kept:\n1. names", &["note"]),
            ("The bridge was opened.\n\nПримітка: назву річки збережено.", &["note"]),
            ("The bridge was opened.\n\n참고: 강 이름은 그대로 두었습니다.", &["note"]),
            ("The bridge was opened.\n\nLet me know if you need anything else!", &["note"]),
            (
                "Here is the translation:\n```\nThe bridge was opened.\n```\nI hope this helps!",
                &["preamble", "note", "code_fence"],
            ),
        ] {
            check(SOURCE, answer, bridge, removed);
        }
    }

    #[test]
    fn what_may_be_the_answer_stays() {
        for (source, answer) in [
            ("«Міст готовий»", "\"The bridge is ready\""),
            ("«Міст готовий».", "“The bridge is ready”"),
            ("Міст готовий, сказала вона: «так».", "\"A\" and \"B\""),
            ("«Так» і «ні».", "“Yes” and “no”"),
            ("Переклад: Іван Коваль", "Translation: Ivan Koval"),
            ("Резюме: роботу завершено.", "Summary: the work is finished."),
            ("Ось переклад листа: ми живі.", "Here is the translation of the letter: we are alive."),
            ("Звісно!\nХодімо.", "Of course!\nLet's go."),
            ("Звісно!", "Of course!"),
            ("Він сказав: міст готовий.", "He said: the bridge is ready."),
            ("Ось що відомо: троє поранених.", "Here is what is known: three wounded."),
            ("Напишіть, якщо щось треба. Він пішов.", "He left.\nLet me know if you need anything."),
            ("Англійська: 5 балів.", "English: 5 points."),
            ("Це підсумок засідання: бюджет ухвалено.", "The summary of the session: the budget is adopted."),
            ("Київ: тривога.", "Kyiv: air raid alert."),
            ("Зверніть увагу: музей зачинено.", "Note: the museum is closed."),
            ("Текст.\n\nПримітка: музей зачинено.", "Text.\n\nNote: the museum is closed."),
            ("Музей зачинено (примітка: назавжди).", "The museum is closed (note: forever)."),
            ("Один.\nДва.", "One.\nLet me know if two."),
            ("```\nкод\n```", "```\ncode\n```"),
            ("Він написав <think> у чаті.", "He wrote <think> in the chat."),
            ("Тег </s> закриває.", "The tag </s> closes."),
            ("Kyiv", "Kyiv\nKyiv"),
            ("Це добре, сказав він.", "OK, he said."),
            (
                "Переклади роману вийшли у трьох країнах: Польщі, Чехії, Литві.",
                "The translations of the novel came out in three countries: Poland, Czechia, Lithuania.",
            ),
        ] {
            check(source, answer, answer, &[]);
        }
    }

    #[test]
    fn answers_that_are_none_become_empty() {
        check(SOURCE, "<think>I never stop", "", &["thinking"]);
        check(SOURCE, "Here is the translation:", "", &["preamble"]);
        check(SOURCE, "", "", &[]);
    }

    #[test]
    fn summaries_lose_their_labels_and_remarks() {
        for (answer, expected) in [
            ("Підсумок: Міст відкрили.", "Міст відкрили."),
            ("Короткий зміст:\nМіст відкрили.", "Міст відкрили."),
            ("요약: 다리가 열렸다.", "다리가 열렸다."),
            ("다음은 기사 요약입니다.\n\n다리가 열렸다.", "다리가 열렸다."),
            ("Summary in Ukrainian: Міст відкрили.", "Міст відкрили."),
            ("Міст відкрили.\n\nСподіваюся, це допоможе!", "Міст відкрили."),
            ("Міст відкрили.\nЙого чекали.", "Міст відкрили.\nЙого чекали."),
            ("- Міст відкрили.\n- Його чекали.", "Міст відкрили.\nЙого чекали."),
            ("1. Міст відкрили.\n2. Його чекали.", "Міст відкрили.\nЙого чекали."),
            ("### Міст\n\n**Міст** відкрили.", "Міст відкрили."),
            ("# Міст відкрили.", "Міст відкрили."),
            ("17 травня міст відкрили.", "17 травня міст відкрили."),
            ("17. травня міст відкрили.", "17. травня міст відкрили."),
        ] {
            assert_eq!(clean(&SUMMARY, "Міст відкрили.\nЙого чекали роками.\nУсе.", answer).text, expected);
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_only_takes_away(source in "\\PC{0,40}", answer in "(Translation: |<think>|\"|```\n|Note: |\n|[a-zA-Zа-яіїєґ가-힣.:()«»]){0,12}") {
            let cleaned = clean(&UK_EN, &source, &answer);
            prop_assert!(cleaned.text.len() <= answer.len());
            prop_assert_eq!(cleaned.removed.is_empty(), cleaned.text == answer.trim());
        }
    }
}
