//! Texts and one loaded model: wrap what is too long, encode, decode, clean, put the parts together.
//!
//! [`Pipeline::run`] does all of it for a list of texts (summaries); `flow` uses the steps one by one (translations).
//! It knows neither articles nor routes; it answers one [`Answer`] for each text, in order, whatever failed.

use super::align::Alignment;
use super::terms::TermUse;
use super::{Event, Pipeline};
use crate::decode::{Finish, Hypothesis, SearchOptions, Seen};
use crate::job::spec::JobSpec;
use crate::model::Spec;
use crate::prompt;
use crate::registry::load::Loaded;
use crate::schedule::{self, Job, JobResult, ScheduleError, ScheduleOptions, Watch};
use crate::segment::wrap::wrap;
use crate::token::{Prompt, SummaryLength, Task};
use std::ops::Range;
use std::time::Instant;

/// A text and what to do with it.
#[derive(Debug, Clone)]
pub(super) struct Ask<'a> {
    pub(super) text: &'a str,
    pub(super) task: Task,
    /// What stands around it; empty for nothing.
    pub(super) context: &'a str,
}

/// What came of a text.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    /// The answer; empty if it failed.
    pub(super) text: String,
    /// Sum of the log-probabilities and number of tokens they are of.
    pub(super) log_probability: f32,
    pub(super) scored_tokens: usize,
    pub(super) source_tokens: usize,
    pub(super) target_tokens: usize,
    /// How the worst of its parts ended.
    pub(super) finish: Option<Finish>,
    /// Into how many parts the text was cut to fit the model.
    pub(super) parts: usize,
    /// What was cut off a chat answer (`preamble`, `quotes`, …).
    pub(super) cleaned: Vec<&'static str>,
    /// Where its tokens come from; none where a model does not know.
    pub(super) alignment: Option<Alignment>,
    /// Whether a model that was asked where its tokens come from does not know.
    pub(super) unaligned: bool,
    /// Why there is no answer.
    pub(super) error: Option<String>,
    /// Whether the job was stopped before this text was done.
    pub(super) cancelled: bool,
}

impl Answer {
    /// Geometric mean of the tokens' probabilities, 0 to 1.
    pub(super) fn score(&self) -> Option<f32> {
        (self.scored_tokens > 0 && self.log_probability.is_finite())
            .then(|| (self.log_probability / self.scored_tokens as f32).exp())
    }
}

/// How a run searches, beside what the job says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Effort {
    /// n-grams of this length may not repeat; 0 for no limit.
    pub(super) no_repeat_ngram: usize,
    /// Cut texts to at most this many tokens, if that is less than the model allows.
    pub(super) limit: Option<usize>,
    pub(super) beams: Beams,
    pub(super) way: Way,
    /// Whether terms of the glossary have to be in the answer.
    pub(super) terms: TermUse,
    /// How chat models are asked.
    pub(super) request: Request,
}

/// How a chat model is asked for a translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Request {
    /// In the words that suit most models.
    #[default]
    Usual,
    /// In the language of the answer, with the usual faults forbidden by name.
    Strict,
}

/// How many hypotheses are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) enum Beams {
    /// As the job or the model's card says.
    #[default]
    Usual,
    /// Twice as many, and at least [`WIDE_BEAMS`].
    Wide,
}

/// Which models a text goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Way {
    /// The best there are.
    #[default]
    Usual,
    /// Others that are here.
    Other,
}

/// Least hypotheses of a wide search, and most, unless the job asks for more.
const WIDE_BEAMS: usize = 4;
const MOST_BEAMS: usize = 12;

/// One model call.
pub(super) struct Part {
    /// Bytes of the text.
    pub(super) range: Range<usize>,
    pub(super) prompt: Prompt,
    pub(super) max_new_tokens: usize,
}

impl Pipeline<'_> {
    /// Runs texts through a model.
    pub(super) fn run(&self, engine: &Loaded, asks: &[Ask<'_>], effort: Effort) -> Vec<Answer> {
        let mut answers = vec![Answer::default(); asks.len()];
        let mut parts: Vec<(usize, Part)> = Vec::new();
        let began = Instant::now();
        for (index, ask) in asks.iter().enumerate() {
            match plan(engine, ask, effort) {
                Ok(planned) => parts.extend(planned.into_iter().map(|part| (index, part))),
                Err(error) => answers[index].error = Some(error),
            }
        }
        self.clock.tokenize(began);
        let jobs: Vec<Job<'_>> =
            parts.iter().map(|(_, part)| Job { prompt: &part.prompt, max_new_tokens: part.max_new_tokens }).collect();
        let options = schedule_options(engine, search_options(self.spec, engine, effort), self.spec.threads);
        let mut left: Vec<usize> = vec![0; asks.len()];
        for (ask, _) in &parts {
            left[*ask] += 1;
        }
        let left = std::sync::Mutex::new(left);
        let on_done = |index: usize, outcome: &JobResult| {
            let ask: usize = parts[index].0;
            let mut left = left.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            left[ask] -= 1;
            let target_tokens = outcome.as_ref().map_or(0, |hypothesis| hypothesis.ids.len());
            let words = if left[ask] == 0 { asks[ask].text.split_whitespace().count() } else { 0 };
            self.observer.event(&Event::Progress { words, target_tokens, segments: usize::from(left[ask] == 0) });
        };
        let watch = Watch { cancel: self.cancel, on_done: &on_done };
        let report = schedule::run(engine.model.as_ref(), &jobs, &options, watch);
        self.count(&report.stats);
        let began = Instant::now();
        for ((ask, part), outcome) in parts.iter().zip(report.results) {
            let answer = &mut answers[*ask];
            answer.parts += 1;
            answer.source_tokens += part.prompt.source.len() + part.prompt.prefix.len();
            take(engine, (&asks[*ask], part.range.clone()), outcome, answer);
        }
        self.clock.tokenize(began);
        answers
    }
}

/// Cuts a text into parts that the model can read and encodes them.
pub(super) fn plan(engine: &Loaded, ask: &Ask<'_>, effort: Effort) -> Result<Vec<Part>, String> {
    let spec = engine.model.spec();
    let encode = |text: &str| {
        let prompt = engine.tokenizer.encode_with_context(text, &ask.task, ask.context);
        prompt.map_err(|error| error.to_string())
    };
    let overhead = if spec.has_encoder { 2 } else { encode("")?.prefix.len() };
    let room = match (spec.has_encoder, &ask.task) {
        (true, _) => spec.max_source_tokens.saturating_sub(overhead + 4),
        // A decoder-only model shares its context between prompt and answer.
        (false, Task::Translate { .. } | Task::Retranslate { .. }) => {
            spec.max_target_tokens.saturating_sub(overhead) / 4
        }
        (false, Task::Summarize { length, to, .. }) => {
            spec.max_target_tokens.saturating_sub(overhead + summary_tokens(*length, *to))
        }
    };
    let room = room.min(engine.source_limit.unwrap_or(usize::MAX)).min(effort.limit.unwrap_or(usize::MAX)).max(1);
    let count = |text: &str| engine.tokenizer.count(text);
    // Most texts are far below the limit: one token is never longer than one byte of them can pay for.
    let ranges = if ask.text.len() < room || count(ask.text) <= room {
        std::iter::once(0..ask.text.len()).collect()
    } else {
        wrap(ask.text, room, &count)
    };
    let mut parts = Vec::with_capacity(ranges.len());
    for range in ranges {
        let text = ask.text[range.clone()].trim();
        let prompt = encode(text)?;
        let read = if spec.has_encoder { prompt.source.len() } else { count(text) };
        let max_new_tokens = answer_limit(spec, &ask.task, read, prompt.prefix.len());
        parts.push(Part { range, prompt, max_new_tokens });
    }
    Ok(parts)
}

/// Adds what came of a part to the answer of its text.
pub(super) fn take(engine: &Loaded, (ask, range): (&Ask<'_>, Range<usize>), outcome: JobResult, answer: &mut Answer) {
    let source = &ask.text[range.clone()];
    let hypothesis = match outcome {
        Ok(hypothesis) => hypothesis,
        Err(ScheduleError::Cancelled) => {
            answer.cancelled = true;
            return;
        }
        Err(error) => {
            let start: String = source.chars().take(40).collect();
            answer.error.get_or_insert(format!("model {} failed on {start:?}: {error}", engine.name));
            return;
        }
    };
    let mut text = engine.tokenizer.decode(&hypothesis.ids);
    let aligned = align(engine, (ask, source.trim()), &hypothesis);
    if engine.tokenizer.is_chat() {
        let cleaned = prompt::clean(&ask.task, source, &text);
        answer.cleaned.extend(cleaned.removed);
        text = cleaned.text;
    }
    if text.trim().is_empty() && source.chars().any(char::is_alphabetic) {
        // One empty part among several would be lost without a trace in the whole.
        let start: String = source.trim().chars().take(40).collect();
        answer.error.get_or_insert(format!("model {} answered nothing to {start:?}", engine.name));
    }
    // The white space at the cut belongs to the text, not to the model.
    let lead = &source[..source.len() - source.trim_start().len()];
    let trail = &source[source.trim_end().len()..];
    if source.trim().is_empty() {
        answer.text.push_str(source);
    } else {
        answer.text.push_str(lead);
        match aligned {
            Some(aligned) => {
                let aligned = aligned.moved(range.start + lead.len(), answer.text.len());
                answer.alignment.get_or_insert_default().append(aligned);
            }
            None => answer.unaligned |= !hypothesis.ids.is_empty(),
        }
        answer.text.push_str(text.trim());
        answer.text.push_str(trail);
    }
    answer.target_tokens += hypothesis.ids.len();
    answer.scored_tokens += hypothesis.ids.len() + usize::from(hypothesis.finish == Finish::End);
    answer.log_probability += hypothesis.log_probability;
    let worse = match (answer.finish, hypothesis.finish) {
        (Some(Finish::Loop), _) | (_, Finish::Loop) => Finish::Loop,
        (Some(Finish::Limit), _) | (_, Finish::Limit) => Finish::Limit,
        _ => Finish::End,
    };
    answer.finish = Some(worse);
}

/// Where the tokens of an answer to `text` come from, where model and tokenizer know.
fn align(engine: &Loaded, (ask, text): (&Ask<'_>, &str), hypothesis: &Hypothesis) -> Option<Alignment> {
    if hypothesis.alignments.is_empty() {
        return None;
    }
    let source = engine.tokenizer.source_spans(text, &ask.task)?;
    let target = engine.tokenizer.target_spans(&hypothesis.ids)?;
    let sparse = |row: &Vec<f32>| row.iter().copied().enumerate().filter(|&(_, weight)| weight > 0.0).collect();
    let fits = target.len() == hypothesis.alignments.len()
        && hypothesis.alignments.iter().all(|row| row.len() == source.len());
    fits.then(|| Alignment { source, target, rows: hypothesis.alignments.iter().map(sparse).collect() })
}

/// How a model searches.
pub(super) fn search_options(spec: &JobSpec, engine: &Loaded, effort: Effort) -> SearchOptions {
    let usual_beams = spec.beams.unwrap_or(engine.default_beams);
    SearchOptions {
        beams: match effort.beams {
            Beams::Usual => usual_beams,
            Beams::Wide => WIDE_BEAMS.max(2 * usual_beams).min(MOST_BEAMS.max(usual_beams)),
        },
        length_penalty: engine.length_penalty,
        min_length: engine.search.min_length,
        early_stopping: engine.search.early_stopping,
        repetition_penalty: engine.search.repetition_penalty.unwrap_or(1.0),
        no_repeat_ngram: if effort.no_repeat_ngram > 0 {
            effort.no_repeat_ngram
        } else {
            engine.search.no_repeat_ngram
        },
        alignments: spec.work.wants_alignments(),
        // A summary may quote its article, and an n-gram of the prompt is no loop.
        seen: if engine.model.spec().has_encoder { Seen::Sequence } else { Seen::Answer },
        ..SearchOptions::default()
    }
}

/// How a model is scheduled.
pub(super) fn schedule_options(engine: &Loaded, search: SearchOptions, threads: usize) -> ScheduleOptions {
    if engine.model.spec().has_encoder {
        // Whole tiles of the products. 64 rows are no faster than 48 and 96 by 3 %, but each row keeps a megabyte of keys and
        // values; beams share most of theirs.
        let max_rows = if search.beams > 1 { 64 } else { engine.rows.unwrap_or(48) };
        ScheduleOptions { search, threads, max_rows, max_tokens: 8192, workers: None, turns: None }
    } else {
        // The weights of a chat model are read once a step for all rows, by all threads: one worker.
        ScheduleOptions { search, threads, max_rows: 16, max_tokens: 16_384, workers: Some(1), turns: None }
    }
}

/// Tokens of an answer that a summary may take, generously: the model ends it, this only stops a runaway.
pub(super) fn summary_tokens(length: SummaryLength, to: crate::language::Language) -> usize {
    // A news sentence of 25 words takes about 35 tokens in English and about three times as many in scripts that the
    // vocabularies of small chat models cover badly.
    let per_sentence = if to == crate::language::Language::EN { 70 } else { 160 };
    length.sentences() * per_sentence + 64
}

/// The longest answer allowed for a source of `read` tokens.
fn answer_limit(spec: &Spec, task: &Task, read: usize, prefix: usize) -> usize {
    let wanted = match task {
        Task::Translate { .. } | Task::Retranslate { .. } => 4 * read + 64,
        // A summarization model with an encoder knows its own length; a chat model is held to the request.
        Task::Summarize { .. } if spec.has_encoder => usize::MAX,
        Task::Summarize { length, to, .. } => summary_tokens(*length, *to),
    };
    let room = if spec.has_encoder { spec.max_target_tokens } else { spec.max_target_tokens.saturating_sub(prefix) };
    wanted.min(room).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use crate::registry::load;

    /// What is known of a text of two parts after each part was answered with one of `answers`.
    fn check(answers: [&str; 2], expected: Option<&str>) {
        let engine = load::echo();
        let text = "Nobody was hurt. The bridge stands.";
        let ask = Ask { text, task: Task::Translate { from: Language::EN, to: Language::UK }, context: "" };
        let mut answer = Answer::default();
        for (range, said) in [0..17, 17..text.len()].into_iter().zip(answers) {
            let ids = said.bytes().map(u32::from).collect();
            let hypothesis =
                Hypothesis { ids, log_probability: 0.0, score: 0.0, finish: Finish::End, alignments: Vec::new() };
            take(&engine, (&ask, range), Ok(hypothesis), &mut answer);
        }
        assert_eq!(answer.error.is_none().then_some(answer.text.as_str()), expected);
    }

    #[test]
    fn parts_are_put_together_with_the_white_space_between_them() {
        check(["One.", "Two."], Some("One. Two."));
    }

    #[test]
    fn an_empty_part_fails_the_whole_text_instead_of_getting_lost() {
        check(["One.", ""], None);
        check([" ", "Two."], None);
    }
}
