//! Checks that names of people and places are in the output in an expected form: known names by their table, the others
//! by their sound.
//!
//! A changed name shows on both sides: a name of the source has no counterpart in the output, and a name of the output
//! has none in the source. One side alone says little, since names are also translated, explained and left out.

mod hangul;
mod known;
mod latin;
mod phones;
mod side;
mod table;
mod translated;
mod ukrainian;

use std::ops::Range;

use self::known::Standing;
pub(super) use self::known::push_lower;
use self::side::{Counterpart, Kind, LIGHTEST, Name, Side};
use super::{Finding, Input, Severity};
use crate::language::Language;

/// So sure the two halves of a changed name have to be together.
const CHANGED: f32 = 0.55;
/// A name farther than this from everything in the other text may be missing there.
const FAR: f32 = 0.22;
/// Beyond this there is nothing like it.
const NOWHERE: f32 = 0.45;
/// The same for a Korean source, where every word is looked through and something is always a little like a name.
const NOWHERE_KOREAN: f32 = 0.36;
/// And into Ukrainian, where both sides have forms of their own for a third language's names.
const NOWHERE_KOREAN_UKRAINIAN: f32 = 0.42;
/// A known name whose sound is nowhere nearer than this is not spelled by its sound either.
const UNKNOWN: f32 = 0.38;
/// A name has to weigh three consonants to be missed by itself.
const HEAVY: u16 = 300;

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    if !is_first_class(input.from) || !is_first_class(input.to) || input.from == input.to {
        return Vec::new();
    }
    let source = Side::of(input.source, input.from);
    let output = Side::of(input.output, input.to);
    let mut findings = older(&output);
    if source.names.is_empty() && output.names.is_empty() {
        return findings;
    }
    let lost = missing(&output, &source, NOWHERE);
    let new = missing(&source, &output, nowhere(input.from, input.to));
    if let Some((lost, new)) = changed(&lost, &new) {
        let message = format!(
            "name may be changed: expected {}, got {:?}",
            expected(&source, lost.name, input.to),
            output.text(new.name)
        );
        findings.push(
            Finding::new("name_changed", Severity::Warning, message)
                .in_source(lost.name.span.clone())
                .in_output(new.name.span.clone()),
        );
        return findings;
    }
    // Korean explains foreign names, shortens them and repeats them in Latin letters: only the table is sure there.
    let worth = |missing: &&Missing<'_>| {
        missing.alone() && (input.to != Language::KO || matches!(missing.name.kind, Kind::Known(..)))
    };
    if let Some(lost) = lost.iter().find(worth) {
        let message = format!("name may be lost: expected {}, got none", expected(&source, lost.name, input.to));
        findings.push(Finding::new("name_missing", Severity::Warning, message).in_source(lost.name.span.clone()));
    }
    if let Some(new) = new.iter().find(worth) {
        let message = format!("name may be new: the source has nothing like {:?}", output.text(new.name));
        findings.push(Finding::new("name_new", Severity::Warning, message).in_output(new.name.span.clone()));
    }
    findings
}

/// The surest pair of a name that was lost and a name that is new.
fn changed<'a, 'b>(lost: &'a [Missing<'b>], new: &'a [Missing<'b>]) -> Option<(&'a Missing<'b>, &'a Missing<'b>)> {
    lost.iter()
        .flat_map(|lost| new.iter().map(move |new| (lost, new)))
        // One is the nearest to the other: the same name, oddly spelled.
        .filter(|(lost, new)| lost.doubt * new.doubt >= CHANGED && !lost.is_like(new) && !new.is_like(lost))
        .max_by(|a, b| (a.0.doubt * a.1.doubt).total_cmp(&(b.0.doubt * b.1.doubt)))
}

/// Names in spellings that newsrooms have given up: right, but not the expected form.
fn older(output: &Side<'_>) -> Vec<Finding> {
    let older = output.names.iter().filter_map(|name| match name.kind {
        Kind::Known(entry, Standing::Older) => Some((entry, name)),
        _ => None,
    });
    older
        .filter_map(|(entry, name)| {
            let usual = known::usual(entry, output.language())?;
            let message = format!("older spelling of a name: expected {usual:?}, got {:?}", output.text(name));
            Some(Finding::new("name_spelling", Severity::Note, message).in_output(name.span.clone()))
        })
        .collect()
}

/// What the other text could have for a name.
fn expected(side: &Side<'_>, name: &Name, to: Language) -> String {
    let written = side.text(name);
    let form = match name.kind {
        Kind::Known(entry, _) => known::usual(entry, to),
        _ if to == Language::EN && side.language() == Language::UK => Some(ukrainian::romanize(written)),
        _ if to == Language::EN => Some(capital(&hangul::romanize(side.stem(name)))),
        _ => None,
    };
    match form {
        Some(form) if form != written => format!("a form of {written:?} ({form})"),
        _ => format!("a form of {written:?}"),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// A name without a counterpart.
struct Missing<'a> {
    name: &'a Name,
    nearest: Counterpart,
    /// It stands among words that are translated.
    in_title: bool,
    /// The distance at which there is nothing like it.
    nowhere: f32,
    /// How sure it is that there is none, from 0 to 1.
    doubt: f32,
}

impl Missing<'_> {
    /// Whether what is nearest to this name is the other.
    fn is_like(&self, other: &Missing<'_>) -> bool {
        self.nearest.distance < 0.5 && other.name.words.contains(&self.nearest.word)
    }

    /// How sure it is that there is no counterpart.
    fn doubt(&self) -> f32 {
        if self.nearest.distance <= FAR {
            return 0.0;
        }
        let far = ((self.nearest.distance - FAR) / (self.nowhere - FAR)).clamp(0.0, 1.0);
        match self.name.kind {
            Kind::Known(..) => 1.0,
            _ if self.nearest.weight < LIGHTEST => 0.0,
            // A title of a film or an office is translated as a whole.
            Kind::Capital | Kind::Titled if self.in_title => 0.25 + 0.35 * far,
            Kind::Capital | Kind::Titled => 0.4 + 0.6 * far,
            Kind::Foreign => 0.25 + 0.5 * far,
        }
    }

    /// Whether it is worth a finding without a name of the other text that could stand in its place.
    fn alone(&self) -> bool {
        match self.name.kind {
            Kind::Known(entry, _) => self.nearest.distance >= UNKNOWN && !known::is_implied(entry),
            Kind::Capital => !self.in_title && self.nearest.distance >= self.nowhere && self.nearest.weight >= HEAVY,
            Kind::Titled | Kind::Foreign => false,
        }
    }
}

/// The names of one text that the other has not.
fn missing<'a>(in_text: &Side<'_>, of: &'a Side<'_>, nowhere: f32) -> Vec<Missing<'a>> {
    let nearest = in_text.counterparts(of);
    of.names
        .iter()
        .zip(nearest)
        .map(|(name, nearest)| Missing { name, nearest, in_title: of.in_title(name), nowhere, doubt: 0.0 })
        .map(|missing| Missing { doubt: missing.doubt(), ..missing })
        .filter(|missing| missing.doubt > 0.0)
        .collect()
}

/// A source and an output with their names, for what looks at more than one segment.
pub(super) struct Sides<'a> {
    source: Side<'a>,
    output: Side<'a>,
}

/// How a name of the source is written in an output.
pub(super) struct Form<'a> {
    /// The word of the output, without what follows a name in its language.
    pub(super) text: &'a str,
    /// Its place in the output.
    pub(super) output: Range<usize>,
    /// The place of the name in the source.
    pub(super) source: Range<usize>,
    language: Language,
}

impl Form<'_> {
    /// Whether two forms are spellings of one name that differ by more than endings and particles. Words that have
    /// nothing in common are no spellings of one name: one of them is something else.
    pub(super) fn contradicts(&self, other: &Form<'_>) -> bool {
        !side::same_written(self.text, other.text, self.language) && side::sounds_like(self.text, other.text)
    }
}

impl<'a> Sides<'a> {
    /// The two texts, if there are checks of names for their languages.
    pub(super) fn of(source: (&'a str, Language), output: (&'a str, Language)) -> Option<Sides<'a>> {
        (is_first_class(source.1) && is_first_class(output.1))
            .then(|| Sides { source: Side::of(source.0, source.1), output: Side::of(output.0, output.1) })
    }

    /// The names of the source that are surely in the output: a key that is the same for all forms of a name in the
    /// source, and how it is written. Names of the table are left out unless their spelling is a matter of choice.
    pub(super) fn forms(&self) -> Vec<(String, Form<'a>)> {
        let mut forms = Vec::new();
        for name in &self.source.names {
            let place = match name.kind {
                Kind::Known(entry, _) if known::has_older(entry, self.output.language()) => {
                    self.output.spelled(entry).map(|span| (format!("#{entry}"), span))
                }
                Kind::Known(..) => None,
                _ => self.output.written(&self.source, name).map(|span| (self.source.key(name), span)),
            };
            let Some((key, span)) = place else { continue };
            let (text, language) = (self.output.trimmed(span.clone()), self.output.language());
            forms.push((key, Form { text, output: span, source: name.span.clone(), language }));
        }
        forms
    }

    /// The names of the output that the source has in no form.
    pub(super) fn strangers(&self) -> Vec<Range<usize>> {
        let nowhere = nowhere(self.source.language(), self.output.language());
        let strange = |name: &&Name| match name.kind {
            // A country may stand for its people and the other way round, and the table knows all forms.
            Kind::Known(entry, _) => {
                !known::is_implied(entry) && self.source.distance(&self.output, name).is_some_and(|far| far >= UNKNOWN)
            }
            Kind::Capital => {
                !self.output.in_title(name)
                    && self.source.distance(&self.output, name).is_some_and(|far| far >= nowhere)
            }
            Kind::Titled | Kind::Foreign => false,
        };
        self.output.names.iter().filter(strange).map(|name| name.span.clone()).collect()
    }
}

/// Beyond which distance a name of the output has nothing like it in the source.
fn nowhere(from: Language, to: Language) -> f32 {
    match (from, to) {
        (Language::KO, Language::UK) => NOWHERE_KOREAN_UKRAINIAN,
        (Language::KO, _) => NOWHERE_KOREAN,
        _ => NOWHERE,
    }
}

fn is_first_class(language: Language) -> bool {
    matches!(language, Language::EN | Language::UK | Language::KO)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, input};

    fn check(from: &str, to: &str, source: &str, output: &str, expected: &[&str]) {
        assert_eq!(codes(&super::check(&input(from, to, source, output))), expected, "{source:?} → {output:?}");
    }

    const EN: &str =
        "On Monday the mayor, Pavlo Derkach, met Jean Lefebvre in Poltava and thanked Germany for the trucks.";
    const UK: &str = "У понеділок мер Павло Деркач зустрів у Полтаві Жана Лефевра і подякував Німеччині за вантажівки.";
    const KO: &str = "월요일 파블로 데르카치 시장은 폴타바에서 장 르페브르를 만나 트럭을 보내 준 독일에 감사를 표했다.";

    #[test]
    fn names_in_their_forms_pass() {
        for (from, to, source, output) in [
            ("en", "uk", EN, UK),
            ("en", "ko", EN, KO),
            ("uk", "en", UK, EN),
            ("uk", "ko", UK, KO),
            ("ko", "en", KO, EN),
            ("ko", "uk", KO, UK),
        ] {
            check(from, to, source, output, &[]);
        }
    }

    #[test]
    fn a_changed_name_of_the_table_is_found() {
        let changed: &[&str] = &["name_changed"];
        check("en", "uk", EN, &UK.replace("Німеччині", "Румунії"), changed);
        check("en", "ko", EN, &KO.replace("독일", "루마니아"), changed);
        check("uk", "en", UK, &EN.replace("Germany", "Romania"), changed);
        check("uk", "ko", UK, &KO.replace("독일", "루마니아"), changed);
        check("ko", "en", KO, &EN.replace("Germany", "Romania"), changed);
        check("ko", "uk", KO, &UK.replace("Німеччині", "Румунії"), changed);
    }

    #[test]
    fn a_changed_name_is_found_by_its_sound() {
        // Whether what was there before is missed too depends on the words around it.
        let found = |from: &str, to: &str, source: &str, output: &str| {
            let codes = codes(&super::check(&input(from, to, source, output)));
            assert!(codes.iter().any(|code| matches!(*code, "name_changed" | "name_new")), "{output:?}: {codes:?}");
        };
        found("en", "uk", EN, &UK.replace("Деркач", "Головко"));
        found("uk", "en", UK, &EN.replace("Derkach", "Vasylenko"));
        found("en", "uk", EN, &UK.replace("Полтаві", "Бердянську"));
        found("ko", "en", KO, &EN.replace("Lefebvre", "Kowalczyk"));
    }

    #[test]
    fn a_name_that_only_one_side_has_is_found() {
        let source = "The rescuers reached the village of Novoselivka before dawn.";
        check("en", "uk", source, "Рятувальники дісталися села Новоселівка ще до світанку.", &[]);
        check("en", "uk", source, "Рятувальники дісталися села ще до світанку.", &["name_missing"]);
        let source = "Рятувальники дісталися села ще до світанку.";
        check("uk", "en", source, "The rescuers reached the village of Krasnohrad before dawn.", &["name_new"]);
    }

    #[test]
    fn english_names_are_written_by_their_sound() {
        check("en", "uk", "It was said by James Wright of Leicester.", "Це сказав Джеймс Райт із Лестера.", &[]);
        check("uk", "en", "Про це повідомив Грем Вайтгаус.", "It was reported by Graham Whitehouse.", &[]);
        check("en", "ko", "It was said by James Wright of Leicester.", "레스터의 제임스 라이트가 한 말이다.", &[]);
    }

    #[test]
    fn korean_names_are_written_in_their_common_spellings() {
        check(
            "ko",
            "en",
            "박지훈 감독은 부산에서 최민석 선수를 만났다.",
            "Coach Park Ji-hoon met Choi Min-seok in Pusan.",
            &["name_spelling"],
        );
        check(
            "ko",
            "uk",
            "서울에서 열린 회의에 현대자동차도 참석했다.",
            "На зустрічі в Сеулі був і Hyundai Motor.",
            &[],
        );
        check("uk", "ko", "У Пусані виступив Мун Чже Ін.", "부산에서 문재인이 연설했다.", &[]);
    }

    #[test]
    fn offices_and_titles_are_no_names() {
        check(
            "en",
            "uk",
            "The Ministry of Health and the Supreme Court agreed.",
            "МОЗ і найвищий суд дійшли згоди.",
            &[],
        );
        check(
            "uk",
            "en",
            "Так вирішила Верховна Рада та Служба безпеки.",
            "So decided parliament and the security service.",
            &[],
        );
    }

    #[test]
    fn older_spellings_are_noted() {
        check(
            "uk",
            "en",
            "Поїзд прибув до Києва з Одеси.",
            "The train came to Kiev from Odessa.",
            &["name_spelling", "name_spelling"],
        );
        check("uk", "en", "Поїзд прибув до Києва з Одеси.", "The train came to Kyiv from Odesa.", &[]);
        check("uk", "ko", "Поїзд прибув до Києва.", "기차가 키예프에 도착했다.", &["name_spelling"]);
    }
}
