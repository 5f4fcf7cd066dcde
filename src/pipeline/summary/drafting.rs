//! Drafts by a model: an article whole, or in parts and then as a whole; what is too long is brought to length.

use super::super::Pipeline;
use super::super::run::{Answer, Ask, Effort, summary_tokens};
use super::Draft;
use super::ladder::{Candidate, Step};
use crate::decode::Finish;
use crate::language::{Language, detect};
use crate::prompt;
use crate::quality::{Finding, Severity};
use crate::registry::load::Loaded;
use crate::segment::sentence_ranges;
use crate::summarize::{extractive, plan};
use crate::token::{SummaryLength, SummaryStage, SummaryWording, Task};

/// Detection is believed above this confidence.
const SURE: f32 = 0.6;

/// Rounds of summaries of summaries after which what is left is taken as it is; each round divides the length by ten or more.
const MAX_ROUNDS: usize = 4;

/// One draft in the making.
struct Writing {
    /// Index of the draft.
    draft: usize,
    step: Step,
    /// Language of the article, and of the answer.
    from: Language,
    to: Language,
    wording: SummaryWording,
    /// What the next round summarizes, in parts that fit the model.
    texts: Vec<String>,
    stage: SummaryStage,
    /// All rounds together.
    answer: Answer,
}

impl Writing {
    fn task(&self, from: Language, length: SummaryLength) -> Task {
        Task::Summarize { from, to: self.to, length, stage: self.stage, wording: self.wording }
    }
}

/// How a step asks, and in which language.
fn request(draft: &Draft, step: Step) -> (Language, SummaryWording) {
    match step {
        Step::Translated => (draft.ladder.pivot().unwrap_or(draft.to), SummaryWording::Plain),
        Step::OtherPrompt => (draft.to, SummaryWording::Strict),
        Step::Direct | Step::Extractive => (draft.to, SummaryWording::Plain),
    }
}

/// What a model was told in a step, for the check that it does not give that back.
pub(super) fn instructions(draft: &Draft, step: Step, length: SummaryLength) -> String {
    if step == Step::Extractive {
        return String::new();
    }
    let (to, wording) = request(draft, step);
    let task = Task::Summarize { from: draft.from, to, length, stage: SummaryStage::Whole, wording };
    let messages = prompt::messages(&task).into_iter().map(|message| message.content.replace(prompt::TEXT_MARK, ""));
    messages.collect::<Vec<String>>().join("\n")
}

impl Pipeline<'_> {
    /// Drafts by a model: all articles' parts of a round in one run.
    pub(super) fn write_drafts(
        &self,
        engine: &Loaded,
        drafts: &mut [Draft],
        turn: &[(usize, Step)],
        length: SummaryLength,
    ) -> Vec<(usize, Candidate)> {
        let mut writings: Vec<Writing> = turn
            .iter()
            .map(|&(draft, step)| {
                let (to, wording) = request(&drafts[draft], step);
                let texts = split(engine, &drafts[draft].paragraphs, length, to);
                let stage = if texts.len() > 1 { SummaryStage::Part } else { SummaryStage::Whole };
                let from = drafts[draft].from;
                Writing { draft, step, from, to, wording, texts, stage, answer: Answer::default() }
            })
            .collect();
        for round in 0..MAX_ROUNDS {
            if !self.write_round(engine, &mut writings, round, length) {
                break;
            }
        }
        writings
            .into_iter()
            .map(|mut writing| {
                if !writing.texts.is_empty() {
                    writing.answer.text = writing.texts.join(" ");
                }
                let draft = &mut drafts[writing.draft];
                draft.source_tokens += writing.answer.source_tokens;
                draft.target_tokens += writing.answer.target_tokens;
                (writing.draft, self.candidate((engine, draft), writing, length))
            })
            .collect()
    }

    /// One round for all that have texts left; answers whether there were any.
    fn write_round(&self, engine: &Loaded, writings: &mut [Writing], round: usize, length: SummaryLength) -> bool {
        let mut asks = Vec::new();
        let mut owners = Vec::new();
        for (index, writing) in writings.iter().enumerate() {
            let task = writing.task(if round == 0 { writing.from } else { writing.to }, length);
            for text in &writing.texts {
                asks.push(Ask { text, task, context: "" });
                owners.push(index);
            }
        }
        if asks.is_empty() {
            return false;
        }
        let answers = self.run(engine, &asks, Effort::default());
        let mut texts: Vec<Vec<String>> = vec![Vec::new(); writings.len()];
        for (index, answer) in owners.into_iter().zip(answers) {
            texts[index].push(answer.text.trim().to_string());
            take(&mut writings[index].answer, answer);
        }
        for (writing, mut texts) in writings.iter_mut().zip(texts) {
            if writing.answer.cancelled || writing.answer.error.is_some() {
                writing.texts.clear();
            } else if texts.len() > 1 {
                writing.texts = split(engine, &texts, length, writing.to);
                writing.stage = if writing.texts.len() > 1 { SummaryStage::Part } else { SummaryStage::Merge };
            } else if let Some(text) = texts.pop() {
                writing.answer.text = text;
                writing.texts.clear();
            }
        }
        true
    }

    /// What came of a writing, brought to length.
    fn candidate(&self, (engine, draft): (&Loaded, &Draft), writing: Writing, length: SummaryLength) -> Candidate {
        let Writing { step, to, answer, .. } = writing;
        let mut candidate = Candidate {
            step: Some(step),
            language: Some(to),
            score: answer.score(),
            cancelled: answer.cancelled,
            ..Candidate::default()
        };
        if answer.error.is_some() || answer.cancelled {
            candidate.failure = answer.error;
            return candidate;
        }
        if let Some(found) = self.spoken(draft, to, &answer.text) {
            if step == Step::Translated {
                let message = format!("the model answered in {found}, not in {to}");
                candidate.findings.push(Finding::new("summary_language", Severity::Note, message));
                candidate.language = Some(found);
            } else {
                candidate.spoken = Some(found).filter(|&found| found != draft.to);
            }
        }
        let language = candidate.spoken.or(candidate.language).unwrap_or(to);
        if !engine.writes_well(language) {
            candidate.weak = Some(format!("{} writes {} badly by its card", engine.name, language.english_name()));
        }
        shorten(&mut candidate, &answer, length);
        candidate
    }

    /// A small model may summarize well and in the wrong language: the language of an answer, if that is not the one it was
    /// asked for and there is a way from it to the draft's.
    fn spoken(&self, draft: &Draft, asked: Language, text: &str) -> Option<Language> {
        let found = detect::detect(text).filter(|found| found.confidence >= SURE)?.language;
        let usable = found != asked && (found == draft.to || self.models.has_route_here(found, draft.to));
        usable.then_some(found)
    }
}

/// Texts that fit the model, each of whole paragraphs.
fn split(engine: &Loaded, paragraphs: &[String], length: SummaryLength, to: Language) -> Vec<String> {
    let spec = engine.model.spec();
    let room = if spec.has_encoder {
        // A prefix in words and special tokens.
        spec.max_source_tokens.saturating_sub(16)
    } else {
        // Prompt and answer share the context; the instruction takes about two hundred tokens.
        spec.max_target_tokens.saturating_sub(summary_tokens(length, to) + 256)
    };
    let budget = room.min(engine.source_limit.unwrap_or(usize::MAX)).max(64);
    let tokens: Vec<usize> = paragraphs.iter().map(|text| engine.tokenizer.count(text) + 2).collect();
    plan::parts(&tokens, budget).into_iter().map(|range| paragraphs[range].join("\n\n")).collect()
}

/// Sentences beyond the request that are left: none of two, one of four, two of eight.
fn slack(wanted: usize) -> usize {
    wanted / 4
}

/// Brings an answer that is too long, or was stopped, to whole sentences and to the length that was asked for: the
/// sentences that are most like all the others stay, in their order.
fn shorten(candidate: &mut Candidate, answer: &Answer, length: SummaryLength) {
    let text = answer.text.trim().to_string();
    let wanted = length.sentences();
    let language = candidate.language.unwrap_or(Language::EN);
    let mut ranges = sentence_ranges(&text, language);
    if matches!(answer.finish, Some(Finish::Limit | Finish::Loop)) {
        let (severity, what) = if ranges.len() > 1 {
            ranges.pop();
            // Of an answer that says enough without it nothing is missed.
            let severity = if ranges.len() >= wanted { Severity::Note } else { Severity::Warning };
            (severity, "its last sentence was left out")
        } else {
            (Severity::Error, "it may be cut or repeat itself")
        };
        let message = format!("the model's answer was stopped before it ended: {what}");
        candidate.findings.push(Finding::new("summary_cut", severity, message));
    }
    let end = ranges.last().map_or(text.len(), |range| range.end);
    if ranges.len() <= wanted + slack(wanted) {
        candidate.text = text[..end].to_string();
        return;
    }
    let sentences: Vec<&str> = ranges.iter().map(|range| &text[range.clone()]).collect();
    let chosen = extractive::summarize(&sentences, language, wanted);
    let message =
        format!("the model wrote {} sentences: the {} most central ones were kept", ranges.len(), chosen.len());
    candidate.findings.push(Finding::new("summary_shortened", Severity::Note, message));
    let kept: Vec<&str> = chosen.into_iter().map(|index| sentences[index]).collect();
    candidate.text = kept.join(" ");
}

/// Adds the counters of an answer; how sure the model was is told of the last one.
fn take(sum: &mut Answer, answer: Answer) {
    sum.source_tokens += answer.source_tokens;
    sum.target_tokens += answer.target_tokens;
    sum.scored_tokens = answer.scored_tokens;
    sum.log_probability = answer.log_probability;
    sum.finish = answer.finish;
    sum.cancelled |= answer.cancelled;
    if sum.error.is_none() {
        sum.error = answer.error;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, finish: Finish, expected: &str, codes: &[&str]) {
        let mut candidate = Candidate { language: Some(Language::EN), ..Candidate::default() };
        let answer = Answer { text: text.into(), finish: Some(finish), ..Answer::default() };
        shorten(&mut candidate, &answer, SummaryLength::Short);
        let found: Vec<&str> = candidate.findings.iter().map(|finding| finding.code).collect();
        assert_eq!((candidate.text.as_str(), found.as_slice()), (expected, codes), "{text}");
    }

    #[test]
    fn what_was_stopped_loses_its_last_sentence() {
        check("The road is open. The bridge is", Finish::Limit, "The road is open.", &["summary_cut"]);
        check("The road is", Finish::Loop, "The road is", &["summary_cut"]);
    }

    #[test]
    fn what_is_too_long_keeps_its_central_sentences() {
        let text = "The long road to the town is open. It rained. Trucks use the road to the town again.";
        let short = "The long road to the town is open. Trucks use the road to the town again.";
        check(text, Finish::End, short, &["summary_shortened"]);
        check(short, Finish::End, short, &[]);
    }
}
