//! How a checkpoint was trained to be asked, as its card says it: templates with places for the languages, the text, the
//! terms and what stands around the text.

use super::{Message, Role, TEXT_MARK, messages};
use crate::language::Language;
use crate::token::Task;

/// The requests of a checkpoint. What it does not say is asked as all chat models are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wording {
    /// System message; none where there is no other request of the card's own, or it is empty.
    pub system: String,
    /// Request for a translation, with `{text}`; `{from}`, `{to}`, `{from_code}` and `{to_code}` are the languages.
    pub translate: Option<String>,
    /// The same with terms, with `{terms}` too.
    pub translate_with_terms: Option<String>,
    /// A line of `{terms}`, with `{term}` and `{translation}`.
    pub term: Option<String>,
    /// The same with what stands around the text, with `{context}` too.
    pub translate_with_context: Option<String>,
    /// A chat template instead of that of the checkpoint.
    pub chat_template: Option<String>,
}

/// What is told beside the text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told<'a> {
    /// Terms and what may stand for each.
    pub terms: &'a [(String, Vec<String>)],
    /// The headline and the paragraph before; empty for none.
    pub context: &'a str,
}

impl Wording {
    /// The conversation for a task. Exactly one message holds [`TEXT_MARK`].
    pub fn messages(&self, task: &Task, told: Told<'_>) -> Vec<Message> {
        // A model that was trained on its own requests is asked in no other words.
        let (Task::Translate { from, to } | Task::Retranslate { from, to }) = *task else { return messages(task) };
        let template = match (&self.translate_with_terms, &self.translate_with_context) {
            (Some(template), _) if !told.terms.is_empty() => template,
            (_, Some(template)) if !told.context.is_empty() => template,
            _ => match &self.translate {
                Some(template) => template,
                None => return messages(task),
            },
        };
        let content = self.filled(template, (from, to), told);
        let mut all = Vec::new();
        if !self.system.is_empty() {
            all.push(Message { role: Role::System, content: self.filled(&self.system, (from, to), told) });
        }
        all.push(Message { role: Role::User, content });
        all
    }

    /// Whether terms have a request of their own.
    pub fn words_terms(&self) -> bool {
        self.translate.is_some() && self.translate_with_terms.is_some()
    }

    fn filled(&self, template: &str, (from, to): (Language, Language), told: Told<'_>) -> String {
        let term = self.term.as_deref().unwrap_or("{term} = {translation}");
        let terms: Vec<String> = told
            .terms
            .iter()
            .map(|(source, forms)| fill(term, &[("{term}", source), ("{translation}", &forms.join(" / "))]))
            .collect();
        fill(
            template,
            &[
                ("{from}", from.english_name()),
                ("{to}", to.english_name()),
                ("{from_code}", from.as_str()),
                ("{to_code}", to.as_str()),
                ("{text}", TEXT_MARK),
                ("{terms}", &terms.join("\n")),
                ("{context}", told.context),
            ],
        )
    }
}

/// Fills the places of a template in one pass: what is put in is never read as a place.
fn fill(template: &str, places: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let (place, value) = places.iter().find(|(place, _)| rest.starts_with(place)).unwrap_or(&("{", "{"));
        filled.push_str(value);
        rest = &rest[place.len()..];
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wording() -> Wording {
        Wording {
            translate: Some("From {from} ({from_code}) to {to}:\n\n{text}".to_owned()),
            translate_with_terms: Some("{terms}\n\nTo {to}:\n\n{text}".to_owned()),
            term: Some("{term} means {translation}".to_owned()),
            translate_with_context: Some("[{context}] To {to}:\n\n{text}".to_owned()),
            ..Wording::default()
        }
    }

    fn said(wording: &Wording, told: Told<'_>) -> Vec<String> {
        let task = Task::Translate { from: Language::EN, to: Language::UK };
        wording.messages(&task, told).into_iter().map(|message| message.content.replace(TEXT_MARK, "TEXT")).collect()
    }

    #[test]
    fn what_is_put_in_is_no_place() {
        let filled = fill("{terms} {x} {to", &[("{terms}", "{context}"), ("{context}", "no")]);
        assert_eq!(filled, "{context} {x} {to");
    }

    #[test]
    fn places_are_filled() {
        assert_eq!(said(&wording(), Told::default()), ["From English (en) to Ukrainian:\n\nTEXT"]);
        let terms = [("bank".to_owned(), vec!["банк".to_owned(), "банку".to_owned()])];
        let told = Told { terms: &terms, context: "Money" };
        assert_eq!(said(&wording(), told), ["bank means банк / банку\n\nTo Ukrainian:\n\nTEXT"]);
        assert_eq!(said(&wording(), Told { context: "Money", ..Told::default() }), ["[Money] To Ukrainian:\n\nTEXT"]);
        let system = Wording { system: "You translate into {to}.".to_owned(), ..wording() };
        assert_eq!(said(&system, Told::default())[0], "You translate into Ukrainian.");
    }

    #[test]
    fn a_card_that_says_nothing_asks_as_all_do() {
        let task = Task::Translate { from: Language::EN, to: Language::KO };
        assert_eq!(Wording::default().messages(&task, Told::default()), messages(&task));
    }
}
