//! Sounds of Latin letters in names of any origin: each letter stands for all that it is read as in English and in the
//! languages whose names are in the news.

use super::phones::sound::{A, B, CH, D, E, F, G, H, I, J, K, L, M, N, O, P, R, S, SH, T, TH, TS, U, V, W, Y, Z, ZH};
use super::phones::{FAINT, Phone, VOWEL};

/// The letter without its mark and, for letters whose mark changes a consonant, the sounds that it stands for.
fn plain(c: char) -> (u8, Option<u32>) {
    let plain = match c {
        'á' | 'à' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' => b'a',
        'ą' => return (b'a', None),
        'é' | 'è' | 'ê' | 'ë' | 'ē' | 'ě' | 'ę' | 'ė' | 'æ' => b'e',
        'í' | 'ì' | 'î' | 'ï' | 'ī' | 'ı' | 'į' => b'i',
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ő' | 'œ' => b'o',
        'ú' | 'ù' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' => b'u',
        'ý' | 'ÿ' => b'y',
        'ñ' | 'ń' | 'ň' => b'n',
        'ł' => return (b'l', Some(L | W | V)),
        'ç' => return (b's', Some(S | CH)),
        'ć' | 'č' => return (b'c', Some(CH | TS)),
        'ś' | 'š' | 'ş' | 'ș' => return (b's', Some(SH | S)),
        'ž' | 'ź' | 'ż' => return (b'z', Some(ZH | Z)),
        'ř' => return (b'r', Some(R | ZH)),
        'ğ' => return (b'g', Some(G | H)),
        'ð' | 'þ' => return (b't', Some(TH | D | T)),
        'ß' => b's',
        'ț' | 'ţ' => return (b't', Some(TS)),
        _ if c.is_ascii_lowercase() => c as u8,
        _ => 0,
    };
    (plain, None)
}

/// Adds the phones of a word in lower case.
pub(super) fn phones(word: &str, out: &mut Vec<Phone>) {
    let mut letters = [0u8; 32];
    let mut marked = [None; 32];
    let mut len = 0;
    for (letter, sounds) in word.chars().map(plain) {
        if letter != 0 && len < letters.len() {
            letters[len] = letter;
            marked[len] = sounds;
            len += 1;
        }
    }
    let letters = &letters[..len];
    let begin = out.len();
    let mut at = 0;
    while at < len {
        let rest = &letters[at..];
        let before = if at == 0 { 0 } else { letters[at - 1] };
        let next = rest.get(1).copied().unwrap_or(0);
        if let Some(sounds) = marked[at] {
            out.push(Phone::consonant(sounds));
            at += 1;
            continue;
        }
        // Letters written twice are one sound, apart from the s and z of a few endings.
        if rest[0] == before && !is_vowel(rest[0]) {
            at += 1;
            continue;
        }
        at += if is_vowel(rest[0]) {
            vowel(rest, (before, out.len() == begin), out)
        } else {
            consonant(rest, before, next, out)
        };
    }
}

fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

/// Adds a vowel, answering the letters it took.
fn vowel(rest: &[u8], (before, first): (u8, bool), out: &mut Vec<Phone>) -> usize {
    let next = rest.get(1).copied().unwrap_or(0);
    let sounds = match rest[0] {
        // Silent at the end of English and French names.
        b'e' if (rest.len() == 1 || rest == b"es") && !first => {
            out.push(Phone { sounds: E | I | A, drop: FAINT });
            return 1;
        }
        b'y' if first && is_vowel(next) => {
            out.push(Phone { sounds: Y | I, drop: 30 });
            return 1;
        }
        b'a' => A | E | O,
        b'e' => E | I | A,
        b'i' | b'y' => I | A | Y,
        b'o' => O | A | U,
        // u is a glide in Guadalajara and Quebec, and the vowel of but and rule.
        _ => U | A | O | I | W,
    };
    // Two vowels are often one sound: Jean, Dubai, Houston.
    let second = is_vowel(before) && !first;
    out.push(Phone { sounds, drop: if second { FAINT + 4 } else { VOWEL } });
    1
}

/// Adds a consonant or a group that is read as one, answering the letters it took.
fn consonant(rest: &[u8], before: u8, next: u8, out: &mut Vec<Phone>) -> usize {
    let first = before == 0;
    let starts = |group: &[u8]| rest.starts_with(group);
    let front = matches!(next, b'e' | b'i' | b'y');
    let mut push = |sounds: u32| out.push(Phone::consonant(sounds));
    if starts(b"sch") {
        push(SH | S);
        push_soft(K, 40, out);
        return 3;
    }
    if starts(b"tch") || starts(b"tsch") {
        push(CH);
        return if starts(b"tch") { 3 } else { 4 };
    }
    if starts(b"shch") {
        push(SH);
        push_soft(CH, 40, out);
        return 4;
    }
    if starts(b"dzh") {
        push(J | ZH);
        return 3;
    }
    let two = match (rest[0], next) {
        (b'c', b'h') => CH | K | SH | H,
        (b's', b'h') => SH | S,
        (b't', b'h') => TH | T | S | D | Z | F,
        (b'p', b'h') => F | P,
        (b'c', b'k') => K,
        (b'k', b'h') => K | H,
        (b'z', b'h') => ZH | J | Z,
        (b'c', b'z') => TS | S | Z | CH,
        (b'd', b'z') => Z | J | TS,
        (b'd', b'j' | b'g') => J | G | ZH,
        (b'w', b'h') => W | H,
        (b'r', b'z') => ZH | R,
        (b's', b'z') => S | SH,
        (b'g', b'n') if !first => N,
        (b's', b'c') if matches!(rest.get(2), Some(b'e' | b'i')) => S | SH,
        (b't' | b's', b'i') if rest.get(2) == Some(&b'o') && rest.get(3) == Some(&b'n') => SH | S | T | TS | ZH,
        _ => 0,
    };
    if two != 0 {
        push(two);
        return if next == b'i' { 1 } else { 2 };
    }
    match (rest[0], next) {
        // Silent in knight and wright, and in Hughes and Vaughan.
        (b'k', b'n') if first => push_soft(K, FAINT, out),
        (b'w', b'r') if first => push_soft(W, FAINT, out),
        (b'g', b'n') if first => push_soft(G, FAINT, out),
        (b'p', b's' | b'n') if first => push_soft(P, FAINT, out),
        (b'g', b'h') => {
            if first {
                push(G);
            } else {
                push_soft(G | H | F | K, FAINT, out);
            }
            return 2;
        }
        (b't', b's' | b'z') => {
            push_soft(T | D, 45, out);
            push_soft(TS | S | Z | CH, 85, out);
            return 2;
        }
        (b'd', b's') => {
            push_soft(D | T, 45, out);
            push_soft(Z | S | J | TS, 85, out);
            return 2;
        }
        (b'n', b'g') => {
            push(N);
            if rest.get(2).is_some_and(|c| matches!(c, b'e' | b'i')) {
                push_soft(G | J | ZH, 60, out);
            } else {
                push_soft(G | K, 25, out);
            }
            return 2;
        }
        (b'q', b'u') => {
            push(K);
            push_soft(W | V, 30, out);
            return 2;
        }
        (b'q', _) => push(K | CH | TS),
        (b'x', _) if first => push(Z | S | SH | K | H),
        (b'x', _) => {
            push(K | G | H | SH);
            push_soft(S | Z, 60, out);
        }
        (b'b', 0) if before == b'm' => push_soft(B, FAINT, out),
        (b'b', _) => push(B | V),
        (b'c', _) if front => push(S | CH | TS | K),
        (b'c', _) => push(K | TS | S),
        (b'd', _) => push(D | T | TH),
        (b'f', _) => push(F | P),
        (b'g', _) if front => push(G | J | ZH | H),
        (b'g', _) => push(G | K | H),
        (b'h', _) if first => push_soft(H, 60, out),
        (b'h', _) => push_soft(H, if is_vowel(next) && next != 0 { 40 } else { FAINT }, out),
        (b'j', _) => push(J | ZH | H | Y),
        (b'k', _) => push(K | G),
        (b'l', _) => push_soft(L, 90, out),
        (b'm', _) => push(M),
        (b'n', _) => push(N),
        (b'p', 0) => push(P | B),
        (b'p', _) => push(P),
        // Not heard in Carter and Ford by those who write down what British speakers say.
        (b'r', _) if !is_vowel(next) => push_soft(R, 18, out),
        (b'r', _) => push_soft(R, 90, out),
        (b's', 0) => push_soft(S | Z, 70, out),
        (b's', _) => push(S | Z | SH | ZH),
        (b't', 0) => push_soft(T | D, 85, out),
        (b't', _) => push(T | TH | CH),
        (b'v', _) => push(V | W | F | B),
        (b'w', _) => push_soft(W | V | U, 50, out),
        (b'z', _) => push(Z | S | TS | J | TH | ZH),
        _ => {}
    }
    1
}

fn push_soft(sounds: u32, drop: u8, out: &mut Vec<Phone>) {
    out.push(Phone { sounds, drop });
}

/// Endings of English words that names take: plural, origin, quality. They may be left out.
const ENDINGS: &[&str] = &["ians", "ian", "ese", "ish", "ites", "ite", "ans", "an", "es", "s", "a", "i", "ic"];

/// Where the stem of a word in lower case ends, in bytes.
pub(super) fn stem(word: &str) -> usize {
    ENDINGS
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(|stem| stem.chars().count() >= 4))
        .map_or(word.len(), str::len)
}
