//! Identical texts: computed once while they wait or run, and remembered for a while after.

use super::run::Effort;
use super::unit::{Owner, Translated};
use crate::language::Language;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// All that an answer depends on, beside the target language and the job.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) from: Language,
    pub(super) effort: Effort,
    pub(super) text: Arc<str>,
    pub(super) context: Arc<str>,
}

/// What is known of a question.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing: whoever asked has to work on it.
    New,
    /// Somebody works on it; whoever asked gets the answer too.
    Shared,
    /// The answer.
    Answered(Arc<Translated>),
}

#[derive(Debug)]
enum Entry {
    Running(Vec<Owner>),
    Answered(Arc<Translated>),
}

/// Texts longer than this are not remembered: they hardly come again, and would take the memory of many.
const MAX_BYTES: usize = 1000;

/// Answers that are remembered: one to two megabytes of news sentences.
const REMEMBERED: usize = 2048;

/// The questions under way and the last answers.
#[derive(Debug)]
pub(super) struct Twins {
    entries: HashMap<Question, Entry>,
    /// Questions with an answer, the oldest first.
    answered: VecDeque<Question>,
    most: usize,
}

impl Default for Twins {
    fn default() -> Self {
        Twins::new(REMEMBERED)
    }
}

impl Twins {
    /// Remembers at most so many answers.
    fn new(most: usize) -> Twins {
        Twins { entries: HashMap::new(), answered: VecDeque::new(), most }
    }

    /// Asks for somebody.
    pub(super) fn ask(&mut self, question: &Question, owner: Owner) -> Known {
        match self.entries.get_mut(question) {
            None => {
                self.entries.insert(question.clone(), Entry::Running(vec![owner]));
                Known::New
            }
            Some(Entry::Running(owners)) => {
                owners.push(owner);
                Known::Shared
            }
            Some(Entry::Answered(translated)) => Known::Answered(translated.clone()),
        }
    }

    /// Takes the answer; answers who asked for it.
    pub(super) fn answer(&mut self, question: &Question, translated: &Translated) -> Vec<Owner> {
        let Some(Entry::Running(owners)) = self.entries.remove(question) else { return Vec::new() };
        let failed = translated.answer.error.is_some() || translated.answer.cancelled;
        if !failed && question.text.len() <= MAX_BYTES && self.most > 0 {
            if self.answered.len() == self.most
                && let Some(oldest) = self.answered.pop_front()
            {
                self.entries.remove(&oldest);
            }
            self.entries.insert(question.clone(), Entry::Answered(Arc::new(translated.clone())));
            self.answered.push_back(question.clone());
        }
        owners
    }
}

#[cfg(test)]
mod tests {
    use super::super::unit::Attempt;
    use super::*;

    #[test]
    fn an_answer_is_shared_while_it_is_made_and_remembered_until_others_push_it_out() {
        let question = |text: &str| Question {
            from: Language::EN,
            effort: Effort::default(),
            text: text.into(),
            context: "".into(),
        };
        let owner = |segment| Owner { article: 0, segment, attempt: Attempt::First };
        let mut twins = Twins::new(1);
        assert!(matches!(twins.ask(&question("a"), owner(0)), Known::New));
        assert!(matches!(twins.ask(&question("a"), owner(1)), Known::Shared));
        assert_eq!(twins.answer(&question("a"), &Translated::default()), [owner(0), owner(1)]);
        assert!(matches!(twins.ask(&question("a"), owner(2)), Known::Answered(_)));
        assert!(matches!(twins.ask(&question("b"), owner(3)), Known::New));
        twins.answer(&question("b"), &Translated::default());
        assert!(matches!(twins.ask(&question("a"), owner(4)), Known::New));
    }
}
