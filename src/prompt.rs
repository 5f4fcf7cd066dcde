//! The one place for what is said to chat models and for mending what they say back.
//!
//! Instructions come first and the text last: the ids before the text are the same for every prompt of a task, so a
//! model computes them once. [`clean`] mends answers; how messages become ids is the business of `tokenize`.

mod clean;
mod terms;

pub use clean::{Cleaned, clean};
pub use terms::with_terms;

use crate::token::{SummaryStage, Task};

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
        Task::Summarize { to, length, stage, .. } => {
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
                    "Summarize {what} in {language} in at most {sentences} sentences, about {words} words. Use only \
                     facts from the text and keep its numbers and names. Output only the summary in {language}."
                ),
            )
        }
    };
    vec![
        Message { role: Role::System, content: system },
        Message { role: Role::User, content: format!("{instruction}\n\n{TEXT_MARK}") },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use crate::token::SummaryLength;

    fn tasks() -> Vec<Task> {
        let languages = [Language::EN, Language::UK, Language::KO];
        let mut tasks = Vec::new();
        for from in languages {
            for to in languages {
                tasks.push(Task::Translate { from, to });
                for stage in [SummaryStage::Whole, SummaryStage::Part, SummaryStage::Merge] {
                    tasks.push(Task::Summarize { from, to, length: SummaryLength::Long, stage });
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
            assert!(request.contains(task.to().english_name()), "{request}");
        }
    }

    #[test]
    fn stages_of_a_summary_differ_and_name_its_length() {
        let request = |stage| {
            let task = Task::Summarize { from: Language::KO, to: Language::UK, length: SummaryLength::Short, stage };
            messages(&task).pop().map(|m| m.content).unwrap_or_default()
        };
        let all = [SummaryStage::Whole, SummaryStage::Part, SummaryStage::Merge].map(request);
        assert!(all.iter().all(|text| text.contains("2 sentences")));
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    }
}
