//! The resolved job: which articles, where they go, and with what options. Made by `cli::resolve`, read by `pipeline`.

use crate::article::Reading;
use crate::language::Language;
use crate::token::SummaryLength;
use std::path::PathBuf;

/// A job, with nothing left to guess but languages and models.
#[derive(Debug, Clone)]
pub struct JobSpec {
    /// What is done with each article.
    pub work: Work,
    /// The articles, in the order in which they are reported.
    pub items: Vec<Item>,
    /// Language of the articles; `None` to detect it.
    pub from: Option<Language>,
    /// Language of the answers; `None` (summaries only) for the article's own.
    pub to: Option<Language>,
    /// Hypotheses kept while searching; `None` for the model's own default.
    pub beams: Option<usize>,
    /// Most processor threads to use.
    pub threads: usize,
    /// Whether doubtful answers are tried again.
    pub retry: Retry,
    /// Which articles are put in their place.
    pub release: Release,
    /// Whether translations get the typography of their language.
    pub typography: Typography,
    /// What of the files is read.
    pub reading: Reading,
    /// Where outputs are written before they are moved to their places; beside them if nowhere is said.
    pub staging: Option<PathBuf>,
}

/// What happens to quotation marks, apostrophes, dashes and the like of a translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Typography {
    /// They become those of the target language.
    #[default]
    Auto,
    /// They stay as the model wrote them.
    Off,
}

/// What happens to an answer that the checks doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retry {
    /// It goes out, marked.
    Off,
    /// It is tried again in other ways; the best goes out, marked if it is still doubtful.
    #[default]
    Full,
}

/// Which answers are put in their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Release {
    /// All, with their findings.
    #[default]
    All,
    /// Those without an error; others are written under another name (`story.uk.held.txt`), or not printed.
    WithoutErrors,
}

/// What is done with each article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Translate it.
    Translate {
        /// Whether a line is a unit, exactly one line out for each line in.
        by_line: Lines,
        /// Whether boilerplate is left out.
        boilerplate: KeepBoilerplate,
        /// Whether the report says where the words of each segment come from.
        alignments: Alignments,
    },
    /// Summarize it.
    Summarize {
        /// How long.
        length: SummaryLength,
    },
}

impl Work {
    /// Whether the models have to say where words come from.
    pub fn wants_alignments(self) -> bool {
        matches!(self, Work::Translate { alignments: Alignments::Report, .. })
    }
}

/// The unit of translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// Sentences found by the splitter.
    Sentences,
    /// One unit a line.
    OneToOne,
}

/// What happens to boilerplate in a translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepBoilerplate {
    /// It is translated like everything else.
    Keep,
    /// It is left out and listed in the report.
    Drop,
}

/// What the report says of where words come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Alignments {
    /// Nothing; it costs nothing.
    #[default]
    Omit,
    /// The alignment of each segment, where the model knows it.
    Report,
}

/// One article of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it comes from.
    pub input: Source,
    /// Where the answer goes.
    pub output: Target,
}

/// Where an article comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Text that was read before (standard input).
    Bytes {
        /// The name it is reported under.
        name: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// An input that could not even be resolved; it is reported as failed.
    Unusable {
        /// The name it is reported under.
        name: String,
        /// Why.
        reason: String,
    },
}

impl Source {
    /// The name in messages and reports.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) => path.display().to_string(),
            Source::Bytes { name, .. } | Source::Unusable { name, .. } => name.clone(),
        }
    }
}

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Handed to the caller (standard output).
    Caller,
    /// A file, written whole or not at all.
    File(PathBuf),
    /// A file whose name needs the language of the article (a summary in the article's own language):
    /// the first part, then `.<language>`, then the second part.
    Named {
        /// Path up to the language.
        before: PathBuf,
        /// The extension, with its dot.
        extension: String,
    },
}
