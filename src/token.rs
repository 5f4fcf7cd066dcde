//! The vocabulary shared by tokenizers and models: a token id, a prompt made of ids, and the task a prompt is for.
//!
//! Text becomes ids in `tokenize` and nowhere else; models, searches and schedules see only what is defined here.

use crate::language::Language;

/// An index into a model's vocabulary.
pub type TokenId = u32;

/// A set of properties of tokens. A token says which it has, a request which it allows: a token may be answered if all it has
/// are allowed. What the bits stand for is the tokenizer's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenClasses(pub u16);

impl TokenClasses {
    /// Of a token that is always allowed.
    pub const NONE: TokenClasses = TokenClasses(0);
    /// Allows every token.
    pub const ALL: TokenClasses = TokenClasses(u16::MAX);

    /// Whether a token of these classes may be answered where `allowed` are.
    pub fn within(self, allowed: TokenClasses) -> bool {
        self.0 & !allowed.0 == 0
    }
}

impl Default for TokenClasses {
    fn default() -> TokenClasses {
        TokenClasses::ALL
    }
}

/// How long a summary should be; the targets in sentences are documented at [`SummaryLength::sentences`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SummaryLength {
    /// Two sentences.
    Short,
    /// Four sentences.
    Medium,
    /// Eight sentences.
    Long,
}

impl SummaryLength {
    /// The target length in sentences.
    pub fn sentences(self) -> usize {
        match self {
            SummaryLength::Short => 2,
            SummaryLength::Medium => 4,
            SummaryLength::Long => 8,
        }
    }
}

/// What a model is asked to do with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Translate the text.
    Translate {
        /// Language of the text.
        from: Language,
        /// Language of the answer.
        to: Language,
    },
    /// Translate the text, asked for in other words: for chat models whose first answer was doubtful.
    Retranslate {
        /// Language of the text.
        from: Language,
        /// Language of the answer.
        to: Language,
    },
    /// Summarize the text.
    Summarize {
        /// Language of the text.
        from: Language,
        /// Language of the answer.
        to: Language,
        /// Length of the answer.
        length: SummaryLength,
        /// Which part of the work this call does.
        stage: SummaryStage,
        /// How it is asked for.
        wording: SummaryWording,
    },
}

impl Task {
    /// The language the answer has to be in.
    pub fn to(&self) -> Language {
        match *self {
            Task::Translate { to, .. } | Task::Retranslate { to, .. } | Task::Summarize { to, .. } => to,
        }
    }

    /// The language of the text that is given.
    pub fn from(&self) -> Language {
        match *self {
            Task::Translate { from, .. } | Task::Retranslate { from, .. } | Task::Summarize { from, .. } => from,
        }
    }

    /// Whether the answer is the text in another language, however that is asked for.
    pub fn is_translation(&self) -> bool {
        matches!(self, Task::Translate { .. } | Task::Retranslate { .. })
    }
}

/// Articles beyond the context of a model are summarized in parts and then as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryStage {
    /// The text is a whole article.
    Whole,
    /// The text is one part of a longer article.
    Part,
    /// The text is the summaries of the parts, in order.
    Merge,
}

/// Something that has to stand in an answer: one of several stretches of tokens, each between the borders of words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Constraint {
    /// The stretches, none of them empty; any one of them will do.
    pub forms: Vec<Vec<TokenId>>,
    /// Tokens of [`Prompt::source`] that it stands for, if that is known: where a model tells what it looks at, a form begins
    /// only where it looks at one of them.
    pub source: Vec<std::ops::Range<usize>>,
}

/// Where the tokens of a vocabulary let words begin and end: two tokens beside each other belong to one word if the first goes
/// on behind itself and the second goes on from what is before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WordEdges {
    /// For each token whether a token behind it may belong to its word.
    pub goes_on: Vec<bool>,
    /// For each token whether it may belong to the word before it.
    pub follows_on: Vec<bool>,
}

impl WordEdges {
    /// Whether a word ends between two tokens. What is not known of is a word of its own.
    pub fn between(&self, first: TokenId, second: TokenId) -> bool {
        let of = |table: &[bool], token: TokenId| table.get(token as usize).copied().unwrap_or(false);
        !(of(&self.goes_on, first) && of(&self.follows_on, second))
    }
}

/// How a chat model is asked for a summary; other models know one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SummaryWording {
    /// In English, in few words.
    #[default]
    Plain,
    /// In the language of the answer, where that is known here: own words, an exact number of sentences, nothing around
    /// them. For a model that answered the plain request badly.
    Strict,
}

/// A text as a model reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    /// Ids for the encoder, with its end token; empty for decoder-only models.
    pub source: Vec<TokenId>,
    /// Ids the decoder starts from: the start token and forced tokens, or the whole chat prompt. Never empty.
    pub prefix: Vec<TokenId>,
    /// How many ids at the start of `prefix` are the same for every prompt of the same task (the instruction).
    pub shared: usize,
    /// Which tokens may be answered.
    pub allowed: TokenClasses,
    /// What the answer has to hold; for a model without constrained search there is nothing here.
    pub constraints: Vec<Constraint>,
}
