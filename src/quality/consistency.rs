//! Names through a whole article: the same name of the source is written the same way in all segments of the output;
//! and a summary names nobody whom the article does not know.
//!
//! Works on what [`super::names`] finds in single texts. Endings, particles and possessives are no difference.

use std::collections::HashMap;
use std::ops::Range;

use super::names::{Form, Sides};
use super::{Finding, Severity};
use crate::language::Language;

/// A segment of an article and its translation.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The text that was translated.
    pub source: &'a str,
    /// The translation.
    pub output: &'a str,
    /// Language of the source.
    pub from: Language,
    /// Language of the output.
    pub to: Language,
}

/// How a name was written where it was met first.
struct First<'a> {
    segment: usize,
    form: Form<'a>,
    /// It was reported already.
    told: bool,
}

/// Checks that each name of the source is written in one way in the outputs of an article. Answers findings with the
/// places of their segments in `pairs`, one finding for a name at most. Takes time in proportion to the segments.
pub fn check_names(pairs: &[Pair<'_>]) -> Vec<(usize, Finding)> {
    let mut firsts: HashMap<String, First<'_>> = HashMap::new();
    let mut findings = Vec::new();
    for (segment, pair) in pairs.iter().enumerate() {
        let Some(sides) = Sides::of((pair.source, pair.from), (pair.output, pair.to)) else { continue };
        for (key, form) in sides.forms() {
            let Some(first) = firsts.get_mut(&key) else {
                firsts.insert(key, First { segment, form, told: false });
                continue;
            };
            if first.told || !first.form.contradicts(&form) {
                continue;
            }
            first.told = true;
            let message = format!(
                "name is written in two ways: expected {:?} as in segment {}, got {:?}",
                first.form.text,
                first.segment + 1,
                form.text
            );
            let finding = Finding::new("name_inconsistent", Severity::Warning, message);
            findings.push((segment, finding.in_source(form.source.clone()).in_output(form.output.clone())));
        }
    }
    findings
}

/// The names of a summary that its article has in no form, as byte ranges of the summary. In doubt a name is known:
/// what is answered here is most likely made up.
pub fn unknown_names(article: (&str, Language), summary: (&str, Language)) -> Vec<Range<usize>> {
    Sides::of(article, summary).map_or_else(Vec::new, |sides| sides.strangers())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::{Pair, check_names, unknown_names};

    fn pairs<'a>(from: &str, to: &str, texts: &[(&'a str, &'a str)]) -> Vec<Pair<'a>> {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        texts.iter().map(|&(source, output)| Pair { source, output, from, to }).collect()
    }

    fn check(from: &str, to: &str, texts: &[(&str, &str)], expected: &[(usize, &str)]) {
        let found = check_names(&pairs(from, to, texts));
        let got: Vec<_> = found.iter().map(|(segment, finding)| (*segment, finding.message.as_str())).collect();
        assert_eq!(got, expected, "{texts:?}");
    }

    #[test]
    fn a_name_written_in_two_ways_is_found_once() {
        check(
            "uk",
            "en",
            &[
                ("Учора Артем Згурський виступив у раді.", "Yesterday Artem Zghurskyi spoke in the council."),
                ("На думку Згурського, дороги потрібні.", "In the opinion of Zgursky, roads are needed."),
                ("Зі Згурським погодилися.", "They agreed with Zgursky."),
            ],
            &[(1, "name is written in two ways: expected \"Zghurskyi\" as in segment 1, got \"Zgursky\"")],
        );
        check(
            "en",
            "ko",
            &[
                ("It was said by Tom Morelos.", "톰 모렐로스가 한 말이다."),
                ("The plan of Morelos failed.", "모레로스의 계획은 실패했다."),
            ],
            &[(1, "name is written in two ways: expected \"모렐로스\" as in segment 1, got \"모레로스\"")],
        );
    }

    #[test]
    fn cases_particles_and_possessives_are_one_way() {
        check(
            "en",
            "uk",
            &[
                ("It was said by Olha Derkach of Poltava.", "Це сказала Ольга Деркач із Полтави."),
                ("They met Olha Derkach in Poltava.", "Вони зустріли Ользу Деркач у Полтаві."),
                ("He asked for Poltava and Olha.", "Він просив за Полтаву й Ольгу."),
            ],
            &[],
        );
        check(
            "uk",
            "ko",
            &[
                ("Це сказав Андрій Коваленко.", "안드리 코발렌코가 한 말이다."),
                ("Усі знають Коваленка.", "모두가 코발렌코를 안다."),
            ],
            &[],
        );
        check(
            "ko",
            "en",
            &[("트럼프 대통령이 말했다.", "President Trump spoke."), ("트럼프의 계획이다.", "It is Trump's plan.")],
            &[],
        );
    }

    #[test]
    fn usual_and_older_spellings_do_not_mix() {
        check(
            "uk",
            "en",
            &[("Поїзд їде до Києва.", "The train goes to Kyiv."), ("У Києві сніг.", "There is snow in Kiev.")],
            &[(1, "name is written in two ways: expected \"Kyiv\" as in segment 1, got \"Kiev\"")],
        );
    }

    fn unknown(article: (&str, &str), summary: (&str, &str), expected: &[&str]) {
        let spans = unknown_names((article.1, article.0.parse().unwrap()), (summary.1, summary.0.parse().unwrap()));
        let got: Vec<&str> = spans.into_iter().map(|span| &summary.1[span]).collect();
        assert_eq!(got, expected, "{summary:?}");
    }

    #[test]
    fn names_that_the_article_lacks_are_found() {
        let article = ("uk", "Мер Полтави Павло Деркач подякував Німеччині. Вантажівки привіз Жан Лефевр.");
        unknown(article, ("en", "Last week Pavlo Derkach of Poltava thanked Germany and Jean Lefebvre."), &[]);
        unknown(article, ("en", "Last week Pavlo Derkach of Shepetivka thanked Romania."), &["Shepetivka", "Romania"]);
        unknown(article, ("uk", "Минулого тижня Деркача привітала мерка Вишневська."), &["Вишневська"]);
        unknown(article, ("ko", "폴타바의 데르카치 시장이 독일에 감사했다."), &[]);
        unknown(article, ("ko", "폴타바의 데르카치 시장이 루마니아에 감사했다."), &["루마니아에"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_them_panic(source in "\\PC{0,40}", output in "\\PC{0,40}") {
            for (from, to) in [("en", "uk"), ("uk", "ko"), ("ko", "en"), ("en", "en")] {
                for (_, finding) in check_names(&pairs(from, to, &[(&source, &output), (&output, &source)])) {
                    prop_assert!(finding.source.is_some() && finding.output.is_some());
                }
                for span in unknown_names((&source, from.parse().unwrap()), (&output, to.parse().unwrap())) {
                    prop_assert!(output.get(span).is_some());
                }
            }
        }
    }
}
