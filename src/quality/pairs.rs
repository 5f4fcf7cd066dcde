//! Checks the outer form of the output: brackets and quotes that were opened and not closed, and an end that is none: no
//! mark where the source has one, or a last word that cannot be the last. Both are what a cut answer looks like.

use super::letters::{Script, script_of, words};
use super::{Finding, Input, Severity};
use crate::language::Language;

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some((at, mark)) = unpaired(input) {
        let message = format!("{mark:?} is not paired: expected pairs as in the source");
        findings.push(Finding::new("unpaired", Severity::Warning, message).in_output(at..at + mark.len_utf8()));
    }
    let end = input.output.trim_end().len();
    // A colon ends what the source ends with a colon.
    let colon = |text: &str| without_closers(text).ends_with([':', ';']);
    let ended = ends_sentence(input.output, input.to) && (!colon(input.output) || colon(input.source));
    if end > 0 && !ended {
        // Korean headlines are in the plain form; the polite one is a sentence whose full stop was left out.
        let polite = input.from == Language::KO && without_closers(input.source).ends_with("니다");
        if polite || ends_with_mark(input.source) {
            let message = "output stops without an end mark: the source has one".to_string();
            findings.push(Finding::new("end_missing", Severity::Warning, message).in_output(end..end));
        } else if let Some(word) = open_end(input.output, input.to)
            && open_end(input.source, input.from).is_none()
        {
            let message = format!("output stops in the middle: expected more after {word:?}");
            findings.push(Finding::new("end_missing", Severity::Warning, message).in_output(end - word.len()..end));
        }
    }
    findings
}

/// A bracket or quote of the output without a partner, where the source has pairs.
fn unpaired(input: &Input<'_>) -> Option<(usize, char)> {
    if let Some(found) = lone_bracket(input.output) {
        return if lone_bracket(input.source).is_none() { Some(found) } else { None };
    }
    let (at, mark) = lone_quote(input.output)?;
    // A quotation that goes on in the next segment, or came from the one before, has one mark here.
    let source = Quotes::of(input.source);
    let continued = source.double % 2 == 1 || source.angle != 0 || source.single != 0;
    // `«…, — сказала вона. —`: speech that is cut by its speaker and goes on in the next segment.
    let interrupted = input.output.trim_end().ends_with(['—', '–']) && ends_with_mark(input.output);
    (!continued && !interrupted && !source.none()).then_some((at, mark))
}

/// The first bracket of a text that has no partner.
fn lone_bracket(text: &str) -> Option<(usize, char)> {
    const PAIRS: &[(char, char)] = &[('(', ')'), ('[', ']'), ('{', '}')];
    if !text.contains(['(', ')', '[', ']', '{', '}']) {
        return None;
    }
    for &(open, close) in PAIRS {
        let mut places = Vec::new();
        for (at, c) in text.char_indices() {
            if c == open {
                places.push(at);
            } else if c == close && places.pop().is_none() && !is_list_mark(text, at) {
                return Some((at, close));
            }
        }
        if let Some(&at) = places.first() {
            return Some((at, open));
        }
    }
    None
}

/// Quotation marks of a text.
#[derive(Debug, Default, PartialEq, Eq)]
struct Quotes {
    /// Double ones, which open in one language and close in another.
    double: usize,
    /// Angles that opened and were not closed; below zero the other way round.
    angle: i32,
    /// The same of single ones, as far as they are no apostrophes.
    single: i32,
    angles: usize,
    singles: usize,
}

impl Quotes {
    fn of(text: &str) -> Quotes {
        let mut quotes = Quotes::default();
        let mut before = ' ';
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let next = chars.peek().copied().unwrap_or(' ');
            match c {
                '«' | '»' => {
                    quotes.angle += if c == '«' { 1 } else { -1 };
                    quotes.angles += 1;
                }
                _ if is_double(c) && !is_inch(before, c) => quotes.double += 1,
                '‘' => {
                    quotes.single += 1;
                    quotes.singles += 1;
                }
                '\'' | '’' => {
                    let opens = !before.is_alphanumeric() && next.is_alphanumeric() && c == '\'';
                    // `the boys' dog` has no opening mark before it.
                    let closes =
                        !next.is_alphanumeric() && (quotes.single > 0 || matches!(before, '.' | ',' | '!' | '?'));
                    quotes.singles += usize::from(opens);
                    quotes.single += i32::from(opens) - i32::from(closes && !opens);
                }
                _ => {}
            }
            before = c;
        }
        quotes
    }

    /// Whether there is none; translators mark speech that the source leaves unmarked.
    fn none(&self) -> bool {
        self.double == 0 && self.angles == 0 && self.singles == 0
    }
}

fn is_double(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '‟' | '″')
}

/// Whether a mark behind a figure stands for inches or seconds: `a 27" screen`.
fn is_inch(before: char, c: char) -> bool {
    before.is_ascii_digit() && matches!(c, '"' | '″' | '”')
}

/// The quotation mark of a text that has no partner.
fn lone_quote(text: &str) -> Option<(usize, char)> {
    if !text.contains(|c| is_double(c) || matches!(c, '«' | '»' | '‘')) {
        return None;
    }
    // “ opens in English and Korean and closes „ in Ukrainian, so the double quotes are counted together; one behind a
    // figure may be a sign for inches.
    let (mut places, mut open, mut inches) = (Vec::new(), Vec::new(), 0);
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            _ if is_double(c) => {
                inches += usize::from(is_inch(before, c));
                places.push((at, c));
            }
            '«' => open.push((at, c)),
            '»' if open.pop().is_none() => return Some((at, c)),
            _ => {}
        }
        before = c;
    }
    match open.first() {
        Some(&lone) => Some(lone),
        None if places.len() % 2 == 1 && inches == 0 => {
            // The one that stands before the first or behind the last word says so; otherwise the last.
            let first = places.iter().find(|(at, _)| text[..*at].trim().is_empty());
            first.filter(|_| places.len() == 1).or(places.last()).copied()
        }
        None => lone_single(text),
    }
}

/// The first of single marks that open, where fewer close; `’` between letters is an apostrophe.
fn lone_single(text: &str) -> Option<(usize, char)> {
    let first = text.find('‘')?;
    let opened = text.matches('‘').count();
    let closed = text.match_indices('’').filter(|(at, _)| {
        let next = text[at + '’'.len_utf8()..].chars().next();
        // Korean particles stick to the closing mark.
        next.is_none_or(|c| !matches!(script_of(c), Some(Script::Latin | Script::Cyrillic)))
    });
    (opened > closed.count()).then_some((first, '‘'))
}

/// Whether a closing bracket belongs to a list mark such as `1)` or `a)`, or to a smiley.
fn is_list_mark(text: &str, at: usize) -> bool {
    let before = &text[..at];
    let word = before.rfind(char::is_whitespace).map_or(before, |space| before[space..].trim_start());
    word.chars().count() <= 2
}

/// The text without the quotes, brackets, notes and dashes that may stand behind a sentence.
fn without_closers(text: &str) -> &str {
    text.trim_end_matches(|c: char| {
        c.is_whitespace()
            || matches!(c, '"' | '”' | '“' | '’' | '»' | '\'' | ')' | ']' | '*' | '_' | '」' | '』' | '）' | '>')
    })
}

/// Whether a text ends with a mark that ends sentences, closing quotes, brackets and notes left aside.
pub(super) fn ends_with_mark(text: &str) -> bool {
    const MARKS: [char; 9] = ['.', '!', '?', '…', '。', '！', '？', ':', ';'];
    let bare = without_closers(text);
    if bare.ends_with(MARKS) {
        return true;
    }
    // `— сказав він. —`: the quotation goes on in the next segment.
    let spoken = bare.trim_end_matches(['—', '–']);
    if spoken.len() < bare.len() && without_closers(spoken).ends_with(['.', '!', '?', '…']) {
        return true;
    }
    // `[12]` and `(див. нижче)` may stand behind the mark.
    let bracket = text.trim_end().strip_suffix([']', ')']).and_then(|inner| inner.rfind(['[', '(']));
    bracket.is_some_and(|at| without_closers(&text[..at]).ends_with(['.', '!', '?', '…']))
}

/// Whether a text ends as a sentence does: with a mark, a picture or, in Korean, a form that ends sentences.
fn ends_sentence(text: &str, language: Language) -> bool {
    ends_with_mark(text) || {
        let bare = without_closers(text);
        bare.ends_with(is_picture) || language == Language::KO && ends_korean(bare)
    }
}

/// Pictures end messages without a mark.
fn is_picture(c: char) -> bool {
    matches!(c as u32, 0x2600..=0x27BF | 0x1F300..=0x1FAFF | 0xFE0F | 0x200D)
}

/// Whether a Korean text ends in a form that ends sentences; newspapers often leave the full stop out.
fn ends_korean(text: &str) -> bool {
    const FORMS: &[&str] = &[
        "니다",
        "습니까",
        "세요",
        "어요",
        "아요",
        "에요",
        "예요",
        "지요",
        "네요",
        "군요",
        "까요",
        "했다",
        "었다",
        "았다",
        "였다",
        "렸다",
        "됐다",
        "졌다",
        "섰다",
        "왔다",
        "갔다",
        "났다",
        "는다",
        "린다",
        "한다",
        "된다",
        "진다",
        "이다",
        "있다",
        "없다",
        "않다",
    ];
    FORMS.iter().any(|form| text.ends_with(form))
}

/// Words with which no English text ends but in a question or a headline about them.
#[rustfmt::skip]
const OPEN_ENGLISH: &[&str] = &[
    "the", "a", "an", "of", "to", "from", "with", "and", "or", "but", "as", "that", "than", "because", "while", "whose",
    "which", "his", "her", "their", "its", "our", "my", "your", "is", "are", "was", "were", "be", "been", "at", "into",
    "between", "among", "during", "against", "for", "by", "if", "although", "since", "per", "via", "who", "when",
    "in", "on", "without",
];
/// The same of Ukrainian.
#[rustfmt::skip]
const OPEN_UKRAINIAN: &[&str] = &[
    "і", "й", "та", "а", "але", "або", "чи", "що", "щоб", "як", "який", "яка", "яке", "які", "якого", "яких", "якої",
    "якому", "якій", "яким", "якими", "у", "в", "на", "з", "із", "зі", "до", "від", "для", "про", "за", "по", "при", "під",
    "над", "між", "через", "після", "перед", "без", "о", "об", "проти", "серед", "внаслідок", "щодо", "якщо", "коли",
    "бо", "не", "ні", "його", "їхній", "їхні", "свою", "свій", "свої", "своїх", "того", "також", "задля", "напередодні",
    "понад", "близько", "поблизу", "навколо", "стосовно", "незважаючи", "тому",
];
/// Ends of Korean words after which something has to come: objects, possessors, connections.
#[rustfmt::skip]
const OPEN_KOREAN: &[&str] = &[
    "의", "을", "를", "과", "와", "하고", "하며", "하는", "하여", "되는", "되어", "했던", "한다는", "라는", "다는", "위해", "위한",
    "대한", "대해", "통해", "따른", "따라", "관한", "인한", "인해", "있는", "없는", "않는", "에서의", "으로서의", "들은", "들이",
    "에게", "에서는", "는", "할", "될", "다고", "라고", "에는", "면서", "지만", "때문에", "및", "또는", "그리고", "하지만", "그러나",
];

/// The last word of a text, if nothing can end with it; or a comma or an opening mark.
fn open_end(text: &str, language: Language) -> Option<&str> {
    let text = text.trim_end();
    let last = text.chars().next_back()?;
    if matches!(last, ',' | ':' | '(' | '[' | '«' | '„' | '‘' | '—' | '–') {
        return Some(&text[text.len() - last.len_utf8()..]);
    }
    let start = text
        .rfind(|c: char| c.is_whitespace() || c == '-')
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let word = &text[start..];
    // A single word is a name or a button.
    if start == 0 || words(word).len() != 1 {
        return None;
    }
    let open = match language {
        Language::EN => OPEN_ENGLISH.contains(&word),
        // An adjective waits for its noun: `член Демократичної`.
        Language::UK => {
            OPEN_UKRAINIAN.contains(&word)
                || word.starts_with(char::is_lowercase)
                    && word.len() > 8
                    && (word.ends_with("ої") || word.ends_with("ими"))
        }
        Language::KO => OPEN_KOREAN.iter().any(|end| word.ends_with(end)) && word.chars().count() > 1,
        _ => false,
    };
    open.then_some(word)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, input};

    fn check(source: &str, output: &str, expected: &[&str]) {
        assert_eq!(codes(&super::check(&input("en", "uk", source, output))), expected, "{source:?} → {output:?}");
    }

    #[test]
    fn paired_marks_pass() {
        check("\"It [the bridge] is open,\" he said.", "«Він [міст] відкритий, — сказав він. — „Так“».", &[]);
        check("1) The bridge is open.", "1) Міст відкрито.", &[]);
        check("Rates on hold", "Ставки без змін", &[]);
        check("\"It is open", "«Він відкритий", &[]);
    }

    #[test]
    fn quotations_that_go_on_pass() {
        check("'It is open,' she said. 'Or so they", "«Він відкритий, — сказала вона. — Принаймні", &[]);
        check("It is open, she said.", "«Він відкритий, — сказала вона.", &[]);
        check("\"It is open,\" she said.", "«Він відкритий», — сказала вона. —", &[]);
        check("A 27\" screen and a \"mouse\".", "Екран на 27″ і „миша“.", &[]);
        check("The boys' dog didn't bark.", "Собака хлопців не гавкав.", &[]);
        check("It is open [12].", "Він відкритий. [12]", &[]);
        check("We won!", "Ми перемогли 🎉", &[]);
    }

    #[test]
    fn headlines_end_in_words_that_can_end() {
        let headline = "Grey Harbour votes on the ferry to Korzh";
        check(headline, "Сіра Гавань голосує за пором до Коржа", &[]);
        check(headline, "Сіра Гавань голосує за пором до", &["end_missing"]);
        check(headline, "Сіра Гавань голосує,", &["end_missing"]);
        let korean = |output: &str| codes(&super::check(&input("en", "ko", headline, output)));
        assert!(korean("그레이하버, 코르지행 여객선 표결").is_empty());
        assert_eq!(korean("그레이하버, 코르지행 여객선에 대한"), ["end_missing"]);
        assert!(codes(&super::check(&input("uk", "ko", "Міст відкрито.", "다리가 열렸습니다"))).is_empty());
        assert_eq!(codes(&super::check(&input("ko", "en", "다리가 열렸다", "The bridge was"))), ["end_missing"]);
        assert!(codes(&super::check(&input("ko", "en", "다리가 열렸다", "Bridge opens"))).is_empty());
    }

    #[test]
    fn lone_marks_are_found() {
        check("\"It is open.\"", "«Він відкритий.", &["unpaired"]);
        check("It [the bridge] is open.", "Він [міст відкритий.", &["unpaired"]);
        check("\"It is open.\"", "Він “відкритий.", &["unpaired"]);
    }

    #[test]
    fn a_cut_end_is_found() {
        check("The bridge is open.", "Міст від", &["end_missing"]);
        check("\"The bridge is open.\"", "«Міст відкрито!»", &[]);
    }
}
