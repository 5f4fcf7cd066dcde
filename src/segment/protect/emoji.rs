//! Emoji as readers see them: one picture is one span, however many characters it is made of.
//!
//! Follows the grammar of Unicode Technical Standard #51: flags are pairs of letters, families are joined by U+200D,
//! keycaps are a digit with two marks, skin tones and the presentation selector belong to the picture before them.

use std::ops::Range;

const JOINER: char = '\u{200d}';
const PICTURE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';

/// The emoji of `text`, in order and apart.
pub(super) fn emoji(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    // Letters are passed over at once; a keycap shows by its mark.
    let may_be = |c: char| matches!(c as u32, 0x20E3..=0x2B55 | 0xFE0F | 0x1F000..=0x1FAFF);
    while let Some(offset) = text[at..].find(|c: char| may_be(c) && (is_emoji(c) || is_mark(c))) {
        let start = at + offset;
        let c = text[start..].chars().next().unwrap_or(' ');
        let begin =
            if is_mark(c) { begin_of_marked(&text[at..start]).map(|length| start - length) } else { Some(start) };
        let length = begin.map_or(0, |begin| sequence(&text[begin..]));
        match begin {
            Some(begin) if length > 0 => {
                found.push(begin..begin + length);
                at = begin + length;
            }
            _ => at = start + c.len_utf8(),
        }
    }
    found
}

/// Whether a text is one emoji.
pub(super) fn is_one(text: &str) -> bool {
    !text.is_empty() && sequence(text) == text.len()
}

/// The characters of an emoji that models keep where they drop joiners, selectors and skin tones.
pub(super) fn bare(text: &str) -> String {
    text.chars().filter(|c| !matches!(*c, JOINER | PICTURE | KEYCAP) && !is_skin(*c)).collect()
}

/// Marks that make an emoji of the character before them.
fn is_mark(c: char) -> bool {
    matches!(c, PICTURE | KEYCAP)
}

/// Length of the character before a mark, if the mark makes an emoji of it.
fn begin_of_marked(before: &str) -> Option<usize> {
    let base = before.chars().next_back()?;
    (is_keycap(base) || is_text_emoji(base)).then_some(base.len_utf8())
}

fn is_keycap(c: char) -> bool {
    matches!(c, '0'..='9' | '#' | '*')
}

/// Length of the emoji at the start of `text`; nothing where there is none.
fn sequence(text: &str) -> usize {
    let mut end = element(text);
    while end > 0 && text[end..].starts_with(JOINER) {
        let next = element(&text[end + JOINER.len_utf8()..]);
        if next == 0 {
            break;
        }
        end += JOINER.len_utf8() + next;
    }
    end
}

/// Length of one picture of a joined emoji.
fn element(text: &str) -> usize {
    let mut chars = text.chars().peekable();
    let Some(first) = chars.next() else { return 0 };
    let mut length = first.len_utf8();
    let mut take = |wanted: &dyn Fn(char) -> bool| {
        let found = chars.next_if(|c| wanted(*c));
        length += found.map_or(0, char::len_utf8);
        found.is_some()
    };
    let picture = take(&|c| c == PICTURE);
    if is_keycap(first) {
        return if take(&|c| c == KEYCAP) { length } else { 0 };
    }
    if !(is_emoji(first) || picture && is_text_emoji(first)) {
        return 0;
    }
    if is_flag_letter(first) {
        take(&is_flag_letter);
        return length;
    }
    take(&is_skin);
    // Flags of parts of countries are spelled in characters of their own.
    while take(&|c| matches!(c as u32, 0xE0020..=0xE007F)) {}
    length
}

fn is_flag_letter(c: char) -> bool {
    matches!(c as u32, 0x1F1E6..=0x1F1FF)
}

fn is_skin(c: char) -> bool {
    matches!(c as u32, 0x1F3FB..=0x1F3FF)
}

/// Characters that are pictures without a selector; the signs among the dingbats that people use like pictures too.
fn is_emoji(c: char) -> bool {
    matches!(
        c as u32,
        0x231A..=0x231B
            | 0x23E9..=0x23F3
            | 0x23F8..=0x23FA
            | 0x25FD..=0x25FE
            | 0x2600..=0x2604
            | 0x260E
            | 0x2611
            | 0x2614..=0x2615
            | 0x2618
            | 0x261D
            | 0x2620
            | 0x2622..=0x2623
            | 0x2626..=0x262F
            | 0x2638..=0x263A
            | 0x2640
            | 0x2642
            | 0x2648..=0x2653
            | 0x265F..=0x2660
            | 0x2663..=0x2668
            | 0x267B
            | 0x267E..=0x267F
            | 0x2692..=0x26FF
            | 0x2702..=0x270F
            | 0x2712
            | 0x2714..=0x2716
            | 0x271D
            | 0x2721
            | 0x2728
            | 0x2733..=0x2734
            | 0x2744
            | 0x2747
            | 0x274C..=0x274E
            | 0x2753..=0x2757
            | 0x2763..=0x2764
            | 0x2795..=0x2797
            | 0x27A1
            | 0x27B0
            | 0x27BF
            | 0x2B1B..=0x2B1C
            | 0x2B50
            | 0x2B55
            | 0x1F004
            | 0x1F0CF
            | 0x1F170..=0x1F19A
            | 0x1F1E6..=0x1F265
            | 0x1F300..=0x1F64F
            | 0x1F680..=0x1F6FF
            | 0x1F7E0..=0x1F7F0
            | 0x1F90C..=0x1F9FF
            | 0x1FA70..=0x1FAFF
    )
}

/// Characters that are pictures only with a selector after them.
fn is_text_emoji(c: char) -> bool {
    matches!(
        c as u32,
        0xA9 | 0xAE
            | 0x203C
            | 0x2049
            | 0x2122
            | 0x2139
            | 0x2194..=0x2199
            | 0x21A9..=0x21AA
            | 0x2328
            | 0x23CF
            | 0x24C2
            | 0x25AA..=0x25AB
            | 0x25B6
            | 0x25C0
            | 0x25FB..=0x25FC
            | 0x2600..=0x27BF
            | 0x2934..=0x2935
            | 0x2B05..=0x2B07
            | 0x3030
            | 0x303D
            | 0x3297
            | 0x3299
    ) || is_emoji(c)
}

#[cfg(test)]
mod tests {
    use super::{bare, emoji, is_one};

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = emoji(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn one_picture_is_one_span() {
        check("Ура🎉🎉!", &["🎉", "🎉"]);
        check("🇺🇦🇰🇷 і 🏴󠁧󠁢󠁳󠁣󠁴󠁿", &["🇺🇦", "🇰🇷", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"]);
        check("👩‍🚀 👨‍👩‍👧 👍🏽 ❤️‍🔥", &["👩‍🚀", "👨‍👩‍👧", "👍🏽", "❤️‍🔥"]);
        check("1️⃣ #️⃣ ❤️ ❤ ▶️ ©️", &["1️⃣", "#️⃣", "❤️", "❤", "▶️", "©️"]);
    }

    #[test]
    fn letters_and_signs_are_no_pictures() {
        check("한국어 「법」 — “так” № 5 → ▶ © ™ ‼ ★ ✓ 12 #5 가나다", &[]);
        check("\u{fe0f}a\u{fe0f} \u{200d}", &[]);
    }

    #[test]
    fn pictures_are_compared_without_their_marks() {
        assert_eq!(bare("❤️"), "❤");
        assert_eq!(bare("👍🏽"), "👍");
        assert!(is_one("👩‍🚀") && !is_one("🎉🎉") && !is_one("a"));
    }
}
