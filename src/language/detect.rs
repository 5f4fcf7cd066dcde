//! Finds the language of an article or a paragraph.
//!
//! Scripts decide first ([`super::script`]), then the letters that only one language has, then its commonest words; the
//! `whatlang` library decides among the languages that share the Latin script and where nothing else speaks.

use super::Language;
use super::script::{Script, ScriptCounts};

/// The language of a text and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detected {
    /// The most likely language.
    pub language: Language,
    /// From 0 to 1.
    pub confidence: f32,
}

/// Letters below which there is nothing to go by, where a letter is no syllable.
const FEWEST_LETTERS: usize = 3;
/// Below this a paragraph is taken to be in the language of its article.
const SURE: f32 = 0.6;
/// Bytes that are enough to tell languages of one script apart.
const SAMPLE: usize = 16_384;

/// The language of `text`; `None` when there is nothing to go by (digits only, too short).
pub fn detect(text: &str) -> Option<Detected> {
    let counts = ScriptCounts::of(text);
    let get = |script| counts.get(script) as f32;
    // A syllable or an ideograph says as much as two or three letters.
    let (hangul, han, kana) = (get(Script::Hangul) * 2.5, get(Script::Han) * 2.5, get(Script::Kana) * 2.0);
    let (latin, cyrillic) = (get(Script::Latin), get(Script::Cyrillic));
    let rest = get(Script::Greek) + get(Script::Arabic) + get(Script::Hebrew) + get(Script::Other);
    let all = hangul + han + kana + latin + cyrillic + rest;
    if counts.letters() == 0 || (all as usize) < FEWEST_LETTERS && hangul + han + kana == 0.0 {
        return None;
    }
    // Korean text is full of foreign names and terms; foreign text has a Korean name at most.
    if hangul >= 0.35 * all || hangul >= 0.25 * all && counts.get(Script::Hangul) >= 3 {
        return found("ko", (hangul / all).max(0.7));
    }
    if (han + kana) >= 0.5 * all {
        return if kana > 0.1 * (han + kana) { found("ja", (han + kana) / all) } else { found("zh", han / all * 0.9) };
    }
    // So is Cyrillic text; Latin text hardly ever has Cyrillic names.
    if (cyrillic >= latin || cyrillic >= 10.0 && cyrillic >= 0.3 * all) && cyrillic >= rest {
        let share = cyrillic / all;
        return cyrillic_language(text).map(|d| Detected { confidence: d.confidence * share.max(0.5), ..d });
    }
    if latin >= rest {
        let share = latin / all;
        return latin_language(text).map(|d| Detected { confidence: d.confidence * share.max(0.5), ..d });
    }
    let info = whatlang::detect(sample(text))?;
    found(tag_of(info.lang()), info.confidence() as f32)
}

/// Letters from which on a paragraph in Latin letters is told from the language of its article.
const LATIN_LETTERS_TO_BE_SURE: usize = 100;

/// The language of a paragraph of an article that is in `expected`: what is short or undecided is in that language.
pub fn detect_among(text: &str, expected: Language) -> Option<Detected> {
    let free = detect(text)?;
    if free.language == expected {
        return Some(Detected { confidence: free.confidence.max(0.5 + free.confidence / 2.0), ..free });
    }
    let counts = ScriptCounts::of(text);
    let script = script_of_language(expected);
    let same_script = script_of_language(free.language) == script;
    // Languages in Latin letters share words (`no`, `a`, `as`, `die`) and are taken for each other in short paragraphs; those
    // in Cyrillic have letters of their own.
    let least = if script == Script::Latin { LATIN_LETTERS_TO_BE_SURE } else { 8 };
    let decided = free.confidence >= SURE && counts.letters() >= least;
    // Foreign names may outweigh a short paragraph's own words.
    let mixed = counts.share(script) >= 0.15 && !same_script;
    if mixed || (same_script && !decided) {
        return Some(Detected { language: expected, confidence: 0.5 });
    }
    Some(free)
}

fn found(tag: &str, confidence: f32) -> Option<Detected> {
    let language = tag.parse().ok()?;
    Some(Detected { language, confidence: confidence.clamp(0.0, 1.0) })
}

fn script_of_language(language: Language) -> Script {
    match language.as_str() {
        "uk" | "ru" | "be" | "bg" | "mk" | "sr" | "kk" | "ky" | "mn" | "tg" => Script::Cyrillic,
        "ko" => Script::Hangul,
        "ja" | "zh" => Script::Han,
        "el" => Script::Greek,
        "ar" | "fa" | "ur" => Script::Arabic,
        "he" | "yi" => Script::Hebrew,
        "hi" | "th" | "ka" | "hy" | "bn" | "ta" | "te" | "mr" | "gu" | "kn" | "ml" | "pa" | "or" | "si" | "ne"
        | "my" | "km" | "am" => Script::Other,
        _ => Script::Latin,
    }
}

/// The begin of a long text, which is enough for trigrams and words.
fn sample(text: &str) -> &str {
    let end = (0..=text.len().min(SAMPLE)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let edge = |c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’' | 'ʼ' | '-'));
    text.split(edge).filter(|word| word.chars().any(char::is_alphabetic)).map(str::to_lowercase)
}

/// Words that are common in Ukrainian and are not Russian, or the other way round, beside those with deciding letters.
#[rustfmt::skip]
const UKRAINIAN_WORDS: &[&str] = &[
    "що", "як", "це", "його", "тільки", "вже", "або", "вони", "був", "була", "було", "були", "щоб", "також", "який",
    "яка", "яке", "коли", "ще", "й", "цей", "ця", "цього", "цьому", "буде", "будуть", "має", "мають", "та",
    "та\u{301}", "якого", "якому", "проте", "лише", "тому", "серед", "зокрема", "року", "чому",
    "немає", "мають", "аби", "вона", "воно", "сьогодні", "після", "від", "під", "між", "із",
    "зі", "адже", "наразі", "раніше", 
];
#[rustfmt::skip]
const RUSSIAN_WORDS: &[&str] = &[
    "и", "что", "как", "это", "его", "если", "только", "уже", "или", "они", "был", "была", "было", "были", "чтобы",
    "из", "от", "к", "с", "со", "во", "после", "также", "который", "которая", "которые", "когда", "еще", "нет",
    "тоже", "где", "чем", "ее", "она", "оно", "этот", "эта", "этого", "будет", "будут", "может", "него", "сейчас",
    "года", "лет", "но", "же", "об", "между", "под", "себя", "сегодня", "очень", "почему", "более",
    "своей", "свои", "всех", "здесь", "снова", "потом", "теперь", "ничего", "никто", "кто", "около", "против",
    "вместе", "сколько", "несколько", "завтра", "вчера", "ли",
];

/// The text without what stands in quotation marks: an article quotes in other languages than its own.
fn outside_quotes(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    // Where the outermost open quotation begins in `bare`; one that never closes is no quotation.
    let mut open: Option<usize> = None;
    let mut depth = 0usize;
    for c in text.chars() {
        match c {
            '«' | '„' => {
                depth += 1;
                open.get_or_insert(bare.len());
            }
            '»' | '“' | '”' if depth > 0 => {
                depth -= 1;
                if depth == 0
                    && let Some(start) = open.take()
                {
                    bare.truncate(start);
                }
            }
            '\n' => {
                (open, depth) = (None, 0);
                bare.push(c);
            }
            _ => bare.push(c),
        }
    }
    bare
}

/// Letters outside quotations that are enough to go by them alone.
const ENOUGH_OUTSIDE: usize = 20;

/// Letters that decide among Cyrillic languages, and words where no letter does.
fn cyrillic_language(text: &str) -> Option<Detected> {
    let bare = outside_quotes(text);
    let text = if ScriptCounts::of(&bare).get(Script::Cyrillic) >= ENOUGH_OUTSIDE { bare.as_str() } else { text };
    let (mut uk, mut ru, mut short_u, mut soft_i, mut hard, mut i, mut other, mut all) = (0, 0, 0, 0, 0, 0, 0, 0usize);
    let mut before = ' ';
    for c in text.chars() {
        // Russian has ъ before these vowels only; Bulgarian has it as a vowel of its own.
        if matches!(before, 'ъ' | 'Ъ') {
            if matches!(c, 'е' | 'ё' | 'ю' | 'я' | 'Е' | 'Ё' | 'Ю' | 'Я') { ru += 1 } else { hard += 1 }
        }
        before = c;
        match c {
            'і' | 'І' => i += 1,
            'ї' | 'Ї' | 'є' | 'Є' | 'ґ' | 'Ґ' => uk += 1,
            'ы' | 'Ы' | 'э' | 'Э' | 'ё' | 'Ё' => ru += 1,
            'ў' | 'Ў' => short_u += 1,
            'и' | 'И' | 'щ' | 'Щ' => soft_i += 1,
            'ј' | 'љ' | 'њ' | 'ћ' | 'ђ' | 'џ' | 'ѓ' | 'ќ' | 'ѕ' | 'қ' | 'ғ' | 'ә' | 'ө' | 'ү' | 'ұ' | 'һ' | 'ң' =>
            {
                other += 1;
            }
            _ => {}
        }
        all += usize::from(matches!(c as u32, 0x0400..=0x052F));
    }
    if other * 100 > all {
        let info = whatlang::detect(sample(text))?;
        return found(tag_of(info.lang()), info.confidence() as f32);
    }
    // Belarusian has і and ы, and neither и nor щ.
    if (short_u > 0 || i > 0 && ru > 0) && soft_i == 0 && uk == 0 && all >= 12 {
        return found("be", 0.9);
    }
    if hard * 150 > all && ru == 0 && uk + i == 0 && all >= 16 {
        return found("bg", 0.85);
    }
    let (mut uk_words, mut ru_words) = (0usize, 0usize);
    for word in words(sample(text)) {
        if UKRAINIAN_WORDS.contains(&word.as_str()) {
            uk_words += 1;
        }
        if RUSSIAN_WORDS.contains(&word.as_str()) {
            ru_words += 1;
        }
        let ends =
            |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending) && word.len() > ending.len() + 2);
        uk_words += usize::from(ends(&["ння", "ський", "ська", "ського", "ської", "ою", "ували", "увати", "ував"]));
        ru_words += usize::from(ends(&["ние", "ния", "ский", "ская", "ского", "ской", "ется", "ают", "овать", "лся"]));
    }
    // Shares among the letters of running text: і, ї, є, ґ one in twelve; ы, э, ё, ъ one in thirty-seven.
    let uk_score = ((uk + i) * 12 + uk_words * 15) as f32;
    let ru_score = (ru * 37 + ru_words * 15) as f32;
    let (tag, winner, loser) =
        if uk_score >= ru_score { ("uk", uk_score, ru_score) } else { ("ru", ru_score, uk_score) };
    if winner == 0.0 {
        let list = vec![whatlang::Lang::Ukr, whatlang::Lang::Rus];
        let info = whatlang::Detector::with_allowlist(list).detect(sample(text))?;
        return found(tag_of(info.lang()), 0.4 * info.confidence() as f32);
    }
    found(tag, winner / (winner + loser * 1.5 + 5.0))
}

/// Commonest words of the languages that share the Latin script and come with articles.
const LATIN_WORDS: &[(&str, &str)] = &[
    (
        "en",
        "the of and to in is that for on with was as at by from are be this it have has not an will he his said they their \
         but were which or been its after over a i you we she her who what when how why there had would could about more \
         than into out up also said new says my your our do does did no if so can than all one because",
    ),
    (
        "fr",
        "le la les des et du une un est que qui dans pour sur au aux par ne pas ce se sont avec il elle d l en a été ont son ses plus cette",
    ),
    (
        "de",
        "der die das und ist nicht von mit den dem ein eine zu auf für im sich des auch als in es an wird sind hat bei nach war",
    ),
    (
        "es",
        "el los las de que y en un una por con para del se no es al la lo su como más fue han ha este esta sus pero",
    ),
    (
        "pt",
        "o os as de que e em um uma por com para do da dos das no na não é ao à se mais foi como seu sua pelo pela são",
    ),
    ("it", "il lo gli le di che e un una per con del della non è in la i al da dei si sono nel alla ha più come ma"),
    ("pl", "i w na z się nie do to że jest o po za od jak dla przez są oraz czy ale tym był która który"),
    ("nl", "de het een van en in is dat op te zijn met voor niet aan er die om ook als bij naar maar uit wordt heeft"),
    ("cs", "a v na je se že s z do o k i za jsou by pro jako ale které který také po byl bylo"),
    ("tr", "ve bir bu da de için ile olarak olan çok daha sonra gibi kadar ancak olduğu en"),
    ("ro", "și în de la cu pe un o a nu că este din care pentru mai au sunt fost prin"),
    ("sv", "och i att det som en på är av för med den till inte har de ett om var från"),
];

fn latin_language(text: &str) -> Option<Detected> {
    let text = sample(text);
    let tokens: Vec<String> = words(text).collect();
    let total = tokens.len().max(1) as f32;
    let score = |list: &str| {
        let hits =
            tokens.iter().flat_map(|t| t.split(['\'', '’'])).filter(|t| list.split_whitespace().any(|w| w == *t));
        hits.count() as f32 / total
    };
    let mut scores: Vec<(f32, &str)> = LATIN_WORDS.iter().map(|(tag, list)| (score(list), *tag)).collect();
    scores.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let [(best, tag), (second, _)] = [scores[0], scores[1]];
    // Capitals mislead trigrams: headlines are read in lower case.
    let info = whatlang::detect(&text.to_lowercase()).filter(|info| info.script() == whatlang::Script::Latin);
    let guess = info.as_ref().map(|info| (tag_of(info.lang()), info.confidence() as f32));
    let ascii = !text.chars().any(|c| c.is_alphabetic() && !c.is_ascii());
    match guess {
        Some((other, confidence)) if other == tag && best > 0.0 => found(tag, confidence.max(0.5 + best).min(0.99)),
        Some((other, confidence))
            if best < 0.12
                && confidence >= 0.9
                && tokens.len() >= 6
                && !(ascii && tokens.len() < 12 && best > 0.0 && tag == "en") =>
        {
            found(other, confidence * 0.9)
        }
        _ if best >= 0.15 && best - second >= 0.08 => found(tag, (0.4 + best + (best - second)).min(0.95)),
        Some((other, confidence)) if !ascii && confidence > 0.3 => found(other, confidence * 0.6),
        // Plain letters and no other evidence: names, headlines, noise.
        _ if ascii && (best == 0.0 || score(LATIN_WORDS[0].1) >= second) => found("en", 0.4),
        Some((other, confidence)) => found(other, confidence * 0.5),
        None => found(tag, 0.3),
    }
}

/// The two-letter tag of a language of the library.
fn tag_of(lang: whatlang::Lang) -> &'static str {
    use whatlang::Lang as L;
    match lang {
        L::Eng => "en",
        L::Rus => "ru",
        L::Ukr => "uk",
        L::Kor => "ko",
        L::Bel => "be",
        L::Bul => "bg",
        L::Mkd => "mk",
        L::Srp => "sr",
        L::Fra => "fr",
        L::Deu => "de",
        L::Spa => "es",
        L::Por => "pt",
        L::Ita => "it",
        L::Pol => "pl",
        L::Nld => "nl",
        L::Ces => "cs",
        L::Slk => "sk",
        L::Slv => "sl",
        L::Hrv => "hr",
        L::Ron => "ro",
        L::Hun => "hu",
        L::Swe => "sv",
        L::Dan => "da",
        L::Nob => "nb",
        L::Fin => "fi",
        L::Est => "et",
        L::Lav => "lv",
        L::Lit => "lt",
        L::Tur => "tr",
        L::Vie => "vi",
        L::Ind => "id",
        L::Cat => "ca",
        L::Lat => "la",
        L::Epo => "eo",
        L::Cmn => "zh",
        L::Jpn => "ja",
        L::Ell => "el",
        L::Ara => "ar",
        L::Pes => "fa",
        L::Urd => "ur",
        L::Heb => "he",
        L::Yid => "yi",
        L::Hin => "hi",
        L::Tha => "th",
        L::Kat => "ka",
        L::Hye => "hy",
        other => other.code(),
    }
}

#[cfg(test)]
mod tests;
