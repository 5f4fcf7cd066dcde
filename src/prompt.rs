//! The one place for what is said to chat models and for mending what they say back.
//!
//! Instructions come first and the text last: the ids before the text are the same for every prompt of a task, so a
//! model computes them once. [`clean`] mends answers; how messages become ids is the business of `tokenize`.

mod clean;
mod terms;
mod wording;

pub use clean::{Cleaned, clean};
pub use terms::with_terms;
pub use wording::{Told, Wording};

use crate::language::Language;
use crate::token::{SummaryLength, SummaryStage, SummaryWording, Task};

/// Stands in a message where the text goes. A private-use character, so that no instruction can hold it by accident.
pub const TEXT_MARK: &str = "\u{F5E5E}";

/// A budget of words is named beside the number of sentences: without it small models retell the whole article.
const WORDS_A_SENTENCE: usize = 20;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The frame of the conversation.
    System,
    /// The request.
    User,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, with [`TEXT_MARK`] where the text goes.
    pub content: String,
}

/// The conversation for a task. Exactly one message holds [`TEXT_MARK`], at its end, after a blank line.
///
/// There is always a system message: many templates put in one of their own where none is given.
pub fn messages(task: &Task) -> Vec<Message> {
    let (system, instruction) = match *task {
        Task::Translate { from, to } => (
            "You are a professional news translator.".to_string(),
            format!(
                "Translate the following text from {} into {}. Translate every sentence. Keep all numbers, names, \
                 dates and quotations exactly. Output only the translation.",
                from.english_name(),
                to.english_name()
            ),
        ),
        Task::Retranslate { from, to } => strict_translation(from, to),
        Task::Summarize { to, length, stage, wording: SummaryWording::Plain, .. } => summary(to, length, stage),
        Task::Summarize { to, length, stage, wording: SummaryWording::Strict, .. } => strict_summary(to, length, stage),
    };
    vec![
        Message { role: Role::System, content: system },
        Message { role: Role::User, content: format!("{instruction}\n\n{TEXT_MARK}") },
    ]
}

/// A translation for a model that answered the plain request badly: in the language of the answer, which pulls small models
/// into it, and with what they did wrong forbidden by name.
fn strict_translation(from: Language, to: Language) -> (String, String) {
    match to {
        Language::UK => (
            "Ти досвідчений перекладач новин. Ти пишеш лише українською мовою.".to_string(),
            format!(
                "Переклади українською мовою текст, поданий нижче{}. Передай кожне речення повністю, нічого не пропускай, не \
                 скорочуй і не додавай. Числа, дати, імена й заперечення мають лишитися такими самими. Не лишай \
                 англійських, російських чи китайських слів. Пиши природною українською. Дай лише переклад, без пояснень.",
                match from {
                    Language::EN => " англійською",
                    Language::KO => " корейською",
                    _ => "",
                }
            ),
        ),
        Language::KO => (
            "당신은 노련한 뉴스 번역가입니다. 한국어로만 씁니다.".to_string(),
            format!(
                "아래 {}글을 자연스러운 한국어로 번역하세요. 모든 문장을 빠짐없이 옮기고, 줄이거나 덧붙이지 마세요. 숫자, 날짜, 이름, 부정 표현은 그대로 \
                 살리세요. 영어, 중국어, 일본어 단어를 남기지 마세요. 설명 없이 번역문만 쓰세요.",
                match from {
                    Language::EN => "영어 ",
                    Language::UK => "우크라이나어 ",
                    _ => "",
                }
            ),
        ),
        _ => {
            let language = to.english_name();
            (
                format!("You are an experienced news translator. You write in {language} only."),
                format!(
                    "Translate the {} text below into natural {language}. Render every sentence in full: leave nothing \
                     out, shorten nothing, add nothing. Numbers, dates, names and negations must stay the same. Leave \
                     no words of other languages. Give only the translation, without remarks.",
                    from.english_name()
                ),
            )
        }
    }
}

/// Who is asked for a summary, and how.
fn summary(to: Language, length: SummaryLength, stage: SummaryStage) -> (String, String) {
    let what = match stage {
        SummaryStage::Whole => "the following news article",
        SummaryStage::Part => "the following part of a news article",
        SummaryStage::Merge => "the news article whose parts are summarized below, in order,",
    };
    let (language, sentences) = (to.english_name(), length.sentences());
    let words = sentences * WORDS_A_SENTENCE;
    (
        format!("You are a news editor. You write in {language} only."),
        format!(
            "Summarize {what} in {language} in at most {sentences} sentences, about {words} words. Use only facts from \
             the text and keep its numbers and names. Output only the summary in {language}."
        ),
    )
}

/// The same for a model that answered the plain request badly: in the language of the answer, which pulls small models
/// into it, and with what they did wrong forbidden by name.
fn strict_summary(to: Language, length: SummaryLength, stage: SummaryStage) -> (String, String) {
    let sentences = length.sentences();
    let by_stage = |whole: &'static str, part: &'static str, merge: &'static str| match stage {
        SummaryStage::Whole => whole,
        SummaryStage::Part => part,
        SummaryStage::Merge => merge,
    };
    match to {
        Language::UK => (
            "Ти редактор новин. Ти пишеш лише українською мовою.".to_string(),
            format!(
                "Стисло перекажи {} своїми словами: хто, що, де й коли зробив. Речень має бути рівно {sentences}, кожне \
                 завершене і не довше за 25 слів, без заголовка, списків і пояснень. Не переписуй речень дослівно і \
                 не додавай того, чого там немає. Хоч якою мовою є текст, переказ має бути українською мовою.",
                by_stage("статтю нижче", "частину статті нижче", "статтю за переказами її частин нижче")
            ),
        ),
        Language::KO => (
            "당신은 뉴스 편집자입니다. 한국어로만 씁니다.".to_string(),
            format!(
                "아래 {} 자신의 말로 요약하세요. 누가 언제 어디서 무엇을 했는지 쓰세요. 제목, 목록, 설명 없이 정확히 {sentences}개의 완결된 문장으로 \
                 쓰세요. 문장을 그대로 옮기지 말고, 없는 내용은 덧붙이지 마세요. 원문이 어떤 언어이든 요약은 한국어로 쓰세요.",
                by_stage("기사를", "기사의 한 부분을", "부분별 요약으로 된 기사를")
            ),
        ),
        _ => {
            let language = to.english_name();
            (
                format!("You are a news editor. You write in {language} only."),
                format!(
                    "Summarize {} in your own words: who did what, where and when. Write exactly {sentences} complete \
                     sentences of at most 25 words each, without a title, a list or remarks. Do not copy sentences \
                     and do not add anything that is not there. Whatever the language of the text, the summary has \
                     to be in {language}.",
                    by_stage(
                        "the article below",
                        "the part of an article below",
                        "the article whose parts are summarized below"
                    )
                ),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks() -> Vec<Task> {
        let languages = [Language::EN, Language::UK, Language::KO];
        let mut tasks = Vec::new();
        for from in languages {
            for to in languages {
                tasks.push(Task::Translate { from, to });
                tasks.push(Task::Retranslate { from, to });
                for stage in [SummaryStage::Whole, SummaryStage::Part, SummaryStage::Merge] {
                    for wording in [SummaryWording::Plain, SummaryWording::Strict] {
                        tasks.push(Task::Summarize { from, to, length: SummaryLength::Long, stage, wording });
                    }
                }
            }
        }
        tasks
    }

    #[test]
    fn the_text_stands_last_once_and_after_a_blank_line() {
        for task in tasks() {
            let messages = messages(&task);
            let holding: Vec<&Message> = messages.iter().filter(|m| m.content.contains(TEXT_MARK)).collect();
            assert_eq!(messages.first().map(|m| m.role), Some(Role::System), "{task:?}");
            assert_eq!(holding.len(), 1, "{task:?}");
            assert!(holding[0].content.ends_with(&format!("\n\n{TEXT_MARK}")), "{task:?}");
            assert_eq!(holding[0].content.matches(TEXT_MARK).count(), 1, "{task:?}");
        }
    }

    #[test]
    fn the_target_language_is_named() {
        for task in tasks() {
            let request = messages(&task).pop().map(|m| m.content).unwrap_or_default();
            let own = if task.to() == Language::UK { "українською" } else { "한국어" };
            assert!(request.contains(task.to().english_name()) || request.contains(own), "{request}");
        }
    }

    #[test]
    fn stages_and_wordings_of_a_summary_differ_and_name_its_length() {
        for to in [Language::EN, Language::UK, Language::KO] {
            let mut all = std::collections::BTreeSet::new();
            for stage in [SummaryStage::Whole, SummaryStage::Part, SummaryStage::Merge] {
                for wording in [SummaryWording::Plain, SummaryWording::Strict] {
                    let length = SummaryLength::Short;
                    let task = Task::Summarize { from: Language::KO, to, length, stage, wording };
                    let request = messages(&task).pop().map(|m| m.content).unwrap_or_default();
                    assert!(
                        ["2 sentences", "2 complete", "рівно 2", "2개"].iter().any(|n| request.contains(n)),
                        "{request}"
                    );
                    all.insert(request);
                }
            }
            assert_eq!(all.len(), 6);
        }
    }
}
