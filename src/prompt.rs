//! The one place for what is said to chat models and for mending what they say back.
//!
//! Instructions come first and the text last: the ids before the text are the same for every prompt of a task, so a
//! model computes them once. [`clean`] mends answers; how messages become ids is the business of `tokenize`.

mod clean;

pub use clean::{Cleaned, clean};

use crate::token::{SummaryStage, Task};

/// Stands in a message where the text goes. A private-use character, so that no instruction can hold it by accident.
pub const TEXT_MARK: &str = "\u{F5E5E}";

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
            (
                format!("You are a news editor. You write in {language} only."),
                format!(
                    "Summarize {what} in {language}, in {sentences} sentences. Use only facts from the text and keep \
                     its numbers and names. Output only the summary in {language}."
                ),
            )
        }
    };
    vec![
        Message { role: Role::System, content: system },
        Message { role: Role::User, content: format!("{instruction}\n\n{TEXT_MARK}") },
    ]
}
