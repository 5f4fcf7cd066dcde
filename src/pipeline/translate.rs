//! Translating a window of articles: all segments of a direction together, hop after hop, then the doubtful ones again.

use super::article::{Article, Plan, foreign};
use super::run::{Answer, Ask, Effort};
use super::write::Written;
use super::{Pipeline, PipelineError, record_route};
use crate::article::Format;
use crate::decode::Finish;
use crate::job::report::{HopRecord, OutcomeRecord, SegmentRecord, Status};
use crate::language::Language;
use crate::quality::{self, Ended, Finding, Severity};
use crate::segment::{NoteKind, Outcome, protect};
use crate::token::Task;
use std::collections::BTreeMap;
use std::time::Instant;

/// A text in one language, to be translated.
#[derive(Debug, Clone)]
pub(super) struct Unit<'t> {
    pub(super) from: Language,
    pub(super) text: &'t str,
}

/// What came of a unit.
#[derive(Debug, Clone, Default)]
pub(super) struct Translated {
    /// The last answer of the route; `error` and `cancelled` of whichever hop failed.
    pub(super) answer: Answer,
    /// What came out of the hops before the last.
    pub(super) intermediate: Vec<String>,
    /// The lowest score of the hops.
    pub(super) score: Option<f32>,
    /// The hops.
    pub(super) hops: Vec<HopRecord>,
    /// Which retry made it.
    pub(super) retry: Option<&'static str>,
}

/// A segment of the window that goes to a model.
struct Work {
    article: usize,
    segment: usize,
    from: Language,
}

/// Languages close enough to each other that a model for one reads the other in part; better than no translation, but
/// a person has to look.
const RELATED: [&str; 3] = ["uk", "ru", "be"];

/// Source tokens of a piece when a segment is done again after a loop: about one clause.
const RETRY_TOKENS: usize = 40;

impl Pipeline<'_> {
    /// Translates and writes a window of articles.
    pub(super) fn translate(&self, window: &mut [Article<'_>]) -> Result<(), PipelineError> {
        let to = self.spec.to.unwrap_or(Language::EN);
        let mut work = Vec::new();
        for (index, article) in window.iter_mut().enumerate() {
            self.plan_routes(article, to)?;
            for (segment, plan) in article.plans.iter().enumerate() {
                if let Plan::Translate { from, .. } = *plan {
                    work.push(Work { article: index, segment, from });
                }
            }
        }
        let started = Instant::now();
        let units: Vec<Unit<'_>> =
            work.iter().map(|w| Unit { from: w.from, text: &window[w.article].segments[w.segment].text }).collect();
        let mut translated = self.translate_units(&units, to, Effort::default())?;
        self.retry(window, &work, to, &mut translated)?;
        let elapsed_ms = started.elapsed().as_secs_f64() * 1000.0;
        let tokens: usize = translated.iter().map(|t| t.answer.source_tokens + t.answer.target_tokens).sum();
        let mut by_article: BTreeMap<usize, BTreeMap<usize, Translated>> = BTreeMap::new();
        for (work, translated) in work.iter().zip(translated) {
            by_article.entry(work.article).or_default().insert(work.segment, translated);
        }
        for (index, article) in window.iter_mut().enumerate().filter(|(_, article)| article.alive()) {
            let parts = by_article.remove(&index).unwrap_or_default();
            let share: usize = parts.values().map(|t| t.answer.source_tokens + t.answer.target_tokens).sum();
            article.record.timings_ms.decode = elapsed_ms * share as f64 / tokens.max(1) as f64;
            let started = Instant::now();
            finish(article, parts, to);
            article.record.timings_ms.write = started.elapsed().as_secs_f64() * 1000.0;
        }
        Ok(())
    }

    /// Makes sure that every planned language has a route; what has none is copied, or read as the article's language.
    fn plan_routes(&self, article: &mut Article<'_>, to: Language) -> Result<(), PipelineError> {
        let main = article.language;
        if article.alive()
            && main != to
            && article.plans.contains(&Plan::translate(main))
            && let Err(error) = self.models.route(main, to)
        {
            if !error.is_no_route() {
                return Err(error.into());
            }
            let name = article.item.input.name();
            article.fail(format!("{name}: {error}"));
            return Ok(());
        }
        if article.alive() && main == to && article.plans.contains(&Plan::translate(main)) {
            let message = format!("the article is in {to} already: what is in that language was copied");
            article.record.findings.push(Finding::new("already_in_target", Severity::Note, message));
        }
        for plan in &mut article.plans {
            let Plan::Translate { seen, .. } = *plan else { continue };
            if seen == to {
                *plan = Plan::Copy(None);
            } else if seen != main && !self.models.has_route_here(seen, to) {
                *plan = without_model(seen, main, to);
            }
        }
        Ok(())
    }

    /// Translates units, hop after hop, in whatever languages they are.
    ///
    /// # Errors
    /// A model of a route cannot be loaded.
    pub(super) fn translate_units(
        &self,
        units: &[Unit<'_>],
        to: Language,
        effort: Effort,
    ) -> Result<Vec<Translated>, PipelineError> {
        let mut done: Vec<Translated> = vec![Translated::default(); units.len()];
        let mut groups: BTreeMap<Language, Vec<usize>> = BTreeMap::new();
        for (index, unit) in units.iter().enumerate() {
            groups.entry(unit.from).or_default().push(index);
        }
        for (from, group) in groups {
            let route = self.models.route(from, to)?;
            for index in &group {
                done[*index].answer.text = units[*index].text.to_string();
            }
            for (number, hop) in route.iter().enumerate() {
                let engine = self.models.load(hop, self.observer)?;
                let live: Vec<usize> = group
                    .iter()
                    .copied()
                    .filter(|&index| done[index].answer.error.is_none() && !done[index].answer.cancelled)
                    .collect();
                let texts: Vec<String> = live.iter().map(|&index| done[index].answer.text.clone()).collect();
                let task = Task::Translate { from: hop.from, to: hop.to };
                let asks: Vec<Ask<'_>> = texts.iter().map(|text| Ask { text, task }).collect();
                let answers = self.run(&engine, &asks, effort);
                let record = HopRecord { from: hop.from, to: hop.to, model: engine.name.clone() };
                for ((&index, mut answer), text) in live.iter().zip(answers).zip(texts) {
                    let translated = &mut done[index];
                    if number > 0 {
                        translated.intermediate.push(text);
                    }
                    answer.source_tokens += translated.answer.source_tokens;
                    answer.target_tokens += translated.answer.target_tokens;
                    // A first hop that looped or was cut spoils the second, however well that one ended.
                    if number > 0 && matches!(translated.answer.finish, Some(Finish::Loop | Finish::Limit)) {
                        answer.finish = translated.answer.finish;
                    }
                    translated.score = match (translated.score, answer.score()) {
                        (Some(a), Some(b)) => Some(a.min(b)),
                        (a, b) => a.or(b),
                    };
                    translated.hops.push(record.clone());
                    translated.answer = answer;
                }
            }
        }
        Ok(done)
    }

    /// Does doubtful segments again: around protected spans that got lost, and in smaller pieces after a loop or a cut.
    fn retry(
        &self,
        window: &[Article<'_>],
        work: &[Work],
        to: Language,
        translated: &mut [Translated],
    ) -> Result<(), PipelineError> {
        let mut around: Vec<usize> = Vec::new();
        let mut again: Vec<usize> = Vec::new();
        for (index, (work, translated)) in work.iter().zip(translated.iter()).enumerate() {
            let answer = &translated.answer;
            if answer.error.is_some() || answer.cancelled {
                continue;
            }
            let segment = &window[work.article].segments[work.segment];
            let verbatim: Vec<&str> = segment.verbatim.iter().map(|range| &segment.text[range.clone()]).collect();
            if matches!(answer.finish, Some(Finish::Loop | Finish::Limit)) {
                again.push(index);
            } else if !protect::survived(&verbatim, &answer.text).is_empty() {
                around.push(index);
            }
        }
        // Around protected spans: what is between them is translated, they are copied.
        let mut units = Vec::new();
        let mut plans: Vec<Vec<(&str, bool)>> = Vec::new();
        for &index in &around {
            let segment = &window[work[index].article].segments[work[index].segment];
            let pieces: Vec<(&str, bool)> = protect::split_around(&segment.text, &segment.verbatim)
                .into_iter()
                .map(|(range, protected)| (&segment.text[range], protected))
                .map(|(text, protected)| (text, protected || !text.chars().any(char::is_alphabetic)))
                .collect();
            let open = pieces.iter().filter(|(_, kept)| !kept);
            units.extend(open.map(|&(text, _)| Unit { from: work[index].from, text }));
            plans.push(pieces);
        }
        let mut answers = self.translate_units(&units, to, Effort::default())?.into_iter();
        for (&index, pieces) in around.iter().zip(plans) {
            let mut whole = Translated { retry: Some("around_protected_spans"), ..Translated::default() };
            for (text, kept) in pieces {
                if kept {
                    whole.answer.text.push_str(text);
                    continue;
                }
                let Some(part) = answers.next() else { break };
                absorb(&mut whole, part);
            }
            whole.intermediate.clear();
            whole.hops.clone_from(&translated[index].hops);
            whole.answer.source_tokens += translated[index].answer.source_tokens;
            whole.answer.target_tokens += translated[index].answer.target_tokens;
            if whole.answer.error.is_none() && !whole.answer.cancelled {
                translated[index] = whole;
            }
        }
        // Smaller pieces, with repeated n-grams forbidden.
        if !again.is_empty() {
            let units: Vec<Unit<'_>> = again
                .iter()
                .map(|&index| Unit {
                    from: work[index].from,
                    text: &window[work[index].article].segments[work[index].segment].text,
                })
                .collect();
            let effort = Effort { no_repeat_ngram: 4, limit: Some(RETRY_TOKENS) };
            for (&index, mut second) in again.iter().zip(self.translate_units(&units, to, effort)?) {
                second.answer.source_tokens += translated[index].answer.source_tokens;
                second.answer.target_tokens += translated[index].answer.target_tokens;
                if second.answer.error.is_none() && second.answer.finish == Some(Finish::End) {
                    second.retry = Some("smaller_pieces");
                    translated[index] = second;
                }
            }
        }
        Ok(())
    }
}

/// Checks, joins, writes and records one article.
fn finish(article: &mut Article<'_>, mut parts: BTreeMap<usize, Translated>, to: Language) {
    if parts.values().any(|part| part.answer.cancelled) {
        article.record.status = Status::Cancelled;
        return;
    }
    let mut outcomes = Vec::with_capacity(article.segments.len());
    for (index, (segment, plan)) in article.segments.iter().zip(&article.plans).enumerate() {
        let mut record = SegmentRecord {
            span: segment.span.clone(),
            source: segment.text.clone(),
            output: String::new(),
            output_span: None,
            outcome: OutcomeRecord::Copied,
            score: None,
            language: None,
            intermediate: Vec::new(),
            retry: None,
            findings: Vec::new(),
        };
        let outcome = match plan {
            Plan::Copy(finding) => {
                record.output.clone_from(&segment.text);
                record.findings.extend(finding.clone());
                Outcome::Copied
            }
            Plan::Drop => {
                record.outcome = OutcomeRecord::Dropped;
                Outcome::Dropped
            }
            Plan::Translate { from, seen } => {
                let mut part = parts.remove(&index).unwrap_or_default();
                if article.format == Format::Lines {
                    part.answer.text = part.answer.text.replace(['\n', '\r'], " ");
                }
                article.record.tokens.source += part.answer.source_tokens;
                article.record.tokens.target += part.answer.target_tokens;
                if *seen != article.language {
                    record.language = Some(*seen);
                    let what = if seen == from {
                        "translated from that language".to_string()
                    } else {
                        format!("no model reads it, so it was read as {from}")
                    };
                    record.findings.push(foreign(article.language, *seen, Severity::Warning, &what));
                }
                record_route(&mut article.record, std::mem::take(&mut part.hops));
                judge(segment, *from, to, part, &mut record)
            }
        };
        article.record.segments.push(record);
        outcomes.push(outcome);
    }
    if let Err(error) = write_translation(article, &outcomes, to) {
        let name = article.item.input.name();
        article.fail(format!("{name}: {error}"));
    }
}

/// Joins and writes one article.
fn write_translation(article: &mut Article<'_>, outcomes: &[Outcome], to: Language) -> Result<(), String> {
    let Some(document) = &article.document else { return Ok(()) };
    let joined = crate::segment::join(document, &article.segments, outcomes).map_err(|error| error.to_string())?;
    for (record, span) in article.record.segments.iter_mut().zip(joined.spans) {
        record.output_span = Some(span);
    }
    for note in joined.notes {
        article.record.segments[note.segment].findings.push(placed(note.kind));
    }
    let bytes = crate::article::write(document, &joined.text);
    match super::write::write(&article.item.output, to, bytes)? {
        Written::File(path) => article.record.output = Some(path),
        Written::Caller(bytes) => article.bytes = Some(bytes),
    }
    Ok(())
}

/// What becomes of a paragraph in a language that no model here translates.
fn without_model(seen: Language, main: Language, to: Language) -> Plan {
    let related = [seen, main].iter().all(|language| RELATED.contains(&language.as_str()));
    if related && main != to {
        return Plan::Translate { from: main, seen };
    }
    Plan::Copy(Some(foreign(main, seen, Severity::Error, "no model translates it, so it was copied")))
}

/// Puts a piece of a unit behind the pieces before it.
fn absorb(whole: &mut Translated, part: Translated) {
    whole.answer.text.push_str(&part.answer.text);
    whole.answer.source_tokens += part.answer.source_tokens;
    whole.answer.target_tokens += part.answer.target_tokens;
    whole.answer.scored_tokens += part.answer.scored_tokens;
    whole.answer.log_probability += part.answer.log_probability;
    whole.answer.cancelled |= part.answer.cancelled;
    whole.answer.parts += part.answer.parts;
    whole.answer.finish = match (whole.answer.finish, part.answer.finish) {
        (Some(Finish::Loop), _) | (_, Some(Finish::Loop)) => Some(Finish::Loop),
        (Some(Finish::Limit), _) | (_, Some(Finish::Limit)) => Some(Finish::Limit),
        (a, b) => b.or(a),
    };
    if whole.answer.error.is_none() {
        whole.answer.error = part.answer.error;
    }
    whole.score = match (whole.score, part.score) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
}

/// Checks an answer and decides what goes out.
fn judge(
    segment: &crate::segment::Segment,
    from: Language,
    to: Language,
    part: Translated,
    record: &mut SegmentRecord,
) -> Outcome {
    record.intermediate = part.intermediate;
    record.score = part.score;
    record.retry = part.retry;
    if let Some(error) = part.answer.error {
        record.outcome = OutcomeRecord::Failed;
        record.output.clone_from(&segment.text);
        let message = format!("the source was copied: {error}");
        let whole = 0..segment.text.len();
        record.findings.push(Finding::new("not_translated", Severity::Error, message).in_source(whole));
        return Outcome::Copied;
    }
    for removed in part.answer.cleaned {
        let message = format!("the model's answer had {removed} around the translation; it was cut off");
        record.findings.push(Finding::new("answer_cleaned", Severity::Note, message));
    }
    let verbatim: Vec<&str> = segment.verbatim.iter().map(|range| &segment.text[range.clone()]).collect();
    record.findings.extend(quality::check(&quality::Input {
        source: &segment.text,
        output: &part.answer.text,
        from,
        to,
        ended: part.answer.finish.map(ended),
        score: part.score.map(f32::ln),
        verbatim: &verbatim,
    }));
    if part.answer.text.trim().is_empty() {
        // An empty translation would lose the sentence: the source goes out, marked.
        record.outcome = OutcomeRecord::Failed;
        record.output.clone_from(&segment.text);
        return Outcome::Copied;
    }
    record.outcome = OutcomeRecord::Translated;
    record.output.clone_from(&part.answer.text);
    Outcome::Translated(part.answer.text)
}

/// How an answer ended, in the words of the checks.
pub(super) fn ended(finish: Finish) -> Ended {
    match finish {
        Finish::Loop => Ended::Loop,
        Finish::Limit => Ended::Limit,
        Finish::End => Ended::Normal,
    }
}

/// What the report says of how a segment was put back into its document.
fn placed(kind: NoteKind) -> Finding {
    let (code, severity, message) = match kind {
        NoteKind::MarkupEstimated => {
            ("markup_estimated", Severity::Note, "the place of markup inside the sentence is an estimate")
        }
        NoteKind::VerbatimRestored => (
            "verbatim_restored",
            Severity::Warning,
            "code or an address got lost and was put in again, perhaps elsewhere",
        ),
        NoteKind::BreakLost => ("break_lost", Severity::Note, "a line break inside the sentence has no place any more"),
        _ => ("placed", Severity::Note, "the segment was not put back exactly as it stood"),
    };
    Finding::new(code, severity, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn russian_in_a_ukrainian_article_is_read_as_ukrainian_and_stays_known_as_russian() {
        let plan = without_model(Language::RU, Language::UK, Language::EN);
        assert_eq!(plan, Plan::Translate { from: Language::UK, seen: Language::RU });
    }

    #[test]
    fn what_no_model_reads_is_copied_with_an_error() {
        let Plan::Copy(Some(finding)) = without_model(Language::KO, Language::UK, Language::EN) else { panic!() };
        assert_eq!(finding.severity, Severity::Error);
    }
}
