//! Translating articles: read one by one as there is room for them, each finished as soon as its last segment is done.
//!
//! What is held is bounded by a [`Window`](super::Window): articles are read while the segments and the bytes of those
//! that are not finished stay below it, and none is read while one waits that came long before. A finished article is
//! checked, joined, written and told at once, and nothing of it is kept.

use super::arrivals::{Arrival, Arrivals};
use super::article::{Article, Plan, foreign};
use super::context;
use super::finish::finish;
use super::flow::{Client, Flow, More};
use super::ladder::{self, Climb, Ground, OneLine, Settled, Verdict};
use super::markup::{self, Pending};
use super::remembered::Recalled;
use super::run::Effort;
use super::unit::{Attempt, Owner, Translated, Unit};
use super::{Event, Pipeline, PipelineError};
use crate::article::Format;
use crate::job::report::Status;
use crate::job::spec::{Item, Retry};
use crate::language::Language;
use crate::language::script::scripts_of;
use crate::quality::{Finding, Severity};
use crate::segment::Segment;
use crate::store::Key;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Languages close enough to each other that a model for one reads the other in part; better than no translation, but
/// a person has to look.
const RELATED: [&str; 3] = ["uk", "ru", "be"];

/// Nothing is read while an article waits after which so many windows of segments were read.
const PATIENCE_WINDOWS: usize = 4;

/// An article that is being worked on.
struct Held<'i> {
    article: Article<'i>,
    /// Answers, by segment.
    parts: BTreeMap<usize, Settled>,
    /// Segments that are done again.
    again: BTreeMap<usize, Climb>,
    /// Segments that have an answer, whose markup has no place in it yet.
    pending: BTreeMap<usize, Pending>,
    /// Keys of the answers, by segment.
    keys: Vec<Option<Key>>,
    /// What the translation memory has that is similar, by segment.
    offers: BTreeMap<usize, Finding>,
    /// Segments without an answer.
    left: usize,
    size: Size,
    began: Instant,
    /// What [`Desk`] had counted when the article came.
    tokens_before: usize,
    read_before: usize,
}

/// What an article takes of the window.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    segments: usize,
    bytes: usize,
}

/// The articles of a job, from the first to be read to the last to be finished.
struct Desk<'d, 'a> {
    pipeline: &'d Pipeline<'a>,
    to: Language,
    items: Mutex<std::iter::Enumerate<std::slice::Iter<'a, Item>>>,
    /// Articles that are read already.
    prepared: Mutex<VecDeque<Article<'a>>>,
    held: Mutex<Shelf<'a>>,
}

/// The articles that are being worked on, by their number in the job.
#[derive(Default)]
struct Shelf<'i> {
    articles: BTreeMap<usize, Held<'i>>,
    size: Size,
    /// Segments of all articles read so far.
    read: usize,
    /// Tokens of all answers so far.
    tokens: usize,
}

impl<'a> Pipeline<'a> {
    /// Translates and writes all articles.
    pub(super) fn translate(&self) -> Result<(), PipelineError> {
        let to = self.spec.to.unwrap_or(Language::EN);
        self.translate_into(to, &self.spec.items, VecDeque::new())
    }

    /// Translates and writes articles that are read already.
    pub(super) fn translate_prepared(&self, articles: Vec<Article<'a>>, to: Language) -> Result<(), PipelineError> {
        self.translate_into(to, &[], articles.into())
    }

    fn translate_into(
        &self,
        to: Language,
        items: &'a [Item],
        prepared: VecDeque<Article<'a>>,
    ) -> Result<(), PipelineError> {
        let (items, prepared) = (Mutex::new(items.iter().enumerate()), Mutex::new(prepared));
        let desk = Desk { pipeline: self, to, items, prepared, held: Mutex::default() };
        Flow::new(self, to, &desk).run()?;
        // What a stopped job leaves: articles under way, and articles that nobody has looked at.
        let shelf = desk.held.into_inner().unwrap_or_else(PoisonError::into_inner);
        let prepared = desk.prepared.into_inner().unwrap_or_else(PoisonError::into_inner);
        for mut article in shelf.articles.into_values().map(|held| held.article).chain(prepared) {
            article.record.status = Status::Cancelled;
            self.conclude(article);
        }
        for (index, item) in desk.items.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let mut article = Article::unread(index, Cow::Borrowed(item));
            article.record.status = Status::Cancelled;
            self.conclude(article);
        }
        Ok(())
    }

    /// Translates texts in whatever languages they are; one answer each, in order.
    ///
    /// # Errors
    /// A model of a route cannot be loaded.
    pub(super) fn translate_texts(
        &self,
        texts: &[(Language, &str)],
        to: Language,
    ) -> Result<Vec<Translated>, PipelineError> {
        let list = List { texts, given: Mutex::new(false), done: Mutex::new(vec![None; texts.len()]) };
        Flow::new(self, to, &list).run()?;
        let cancelled = || {
            let mut translated = Translated::default();
            translated.answer.cancelled = true;
            translated
        };
        let done = list.done.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter();
        Ok(done.map(|translated| translated.unwrap_or_else(cancelled)).collect())
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
        for (plan, segment) in article.plans.iter_mut().zip(&article.segments) {
            let Plan::Translate { seen, .. } = *plan else { continue };
            if seen == to {
                *plan = Plan::Copy(None);
            } else if seen != main && !self.models.has_route_here(seen, to) {
                let block = article
                    .document
                    .as_ref()
                    .and_then(|document| Some(document.words(document.blocks.get(segment.block)?)));
                *plan = without_model(seen, main, to, block.as_deref().unwrap_or(&segment.text));
            }
        }
        Ok(())
    }
}

impl<'a> Desk<'_, 'a> {
    fn shelf(&self) -> MutexGuard<'_, Shelf<'a>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing may be read now. One article is always let in, however large.
    fn is_full(&self) -> bool {
        let window = self.pipeline.window();
        let shelf = self.shelf();
        let waits_long = |held: &Held<'_>| shelf.read - held.read_before > PATIENCE_WINDOWS * window.segments;
        shelf.size.segments >= window.segments
            || shelf.size.bytes >= window.bytes
            || shelf.articles.values().next().is_some_and(waits_long)
    }

    /// Takes an article that was read; answers what is to be translated of it.
    fn take_in(&self, article: Article<'a>) -> Vec<Unit> {
        let mut units = Vec::new();
        let (mut taken, offers) = self.remembered(&article);
        let keys = self.keys(&article);
        let known = self.pipeline.recall.as_ref().map(|recall| recall.find(&keys)).unwrap_or_default();
        let mut parts: BTreeMap<usize, Settled> =
            known.into_iter().enumerate().filter_map(|(i, s)| Some((i, s?))).collect();
        // What a person translated comes before what a model did.
        parts.append(&mut taken);
        for (segment, plan) in article.plans.iter().enumerate() {
            if let Plan::Translate { from, .. } = *plan
                && !parts.contains_key(&segment)
            {
                let owner = Owner { article: article.index, segment, attempt: Attempt::First };
                let text = article.segments[segment].text.as_str().into();
                let context = self.context(&article, segment, from);
                units.push(Unit { from, text, context, effort: Effort::default(), owner });
            }
        }
        let mut shelf = self.shelf();
        let size = Size { segments: article.segments.len(), bytes: article.record.input.bytes };
        let held = Held {
            parts: std::mem::take(&mut parts),
            again: BTreeMap::new(),
            pending: BTreeMap::new(),
            keys,
            offers,
            left: units.len(),
            size,
            began: Instant::now(),
            tokens_before: shelf.tokens,
            read_before: shelf.read,
            article,
        };
        shelf.read += size.segments;
        if units.is_empty() {
            drop(shelf);
            self.finish(held);
        } else {
            shelf.size.segments += size.segments;
            shelf.size.bytes += size.bytes;
            shelf.articles.insert(held.article.index, held);
        }
        units
    }

    /// What the translation memory has for an article: translations, and findings that speak of similar ones.
    fn remembered(&self, article: &Article<'_>) -> (BTreeMap<usize, Settled>, BTreeMap<usize, Finding>) {
        let (mut taken, mut offers) = (BTreeMap::new(), BTreeMap::new());
        let Some(memory) = &self.pipeline.memory else { return (taken, offers) };
        for (index, (plan, segment)) in article.plans.iter().zip(&article.segments).enumerate() {
            let Plan::Translate { from, .. } = *plan else { continue };
            match memory.find(segment, from, self.to) {
                Some(Recalled::Taken(settled)) => {
                    let one_line = if article.format == Format::Lines { OneLine::Must } else { OneLine::NeedNot };
                    let context = "".into();
                    let asked = Asked { segment: segment.clone(), context, from, one_line };
                    taken.insert(index, settled.checked(&self.ground(&asked)));
                }
                Some(Recalled::Offered(finding)) => {
                    offers.insert(index, finding);
                }
                None => {}
            }
        }
        (taken, offers)
    }

    /// What an answer is judged by.
    fn ground<'g>(&'g self, asked: &'g Asked) -> Ground<'g> {
        Ground {
            segment: &asked.segment,
            context: &asked.context,
            from: asked.from,
            to: self.to,
            one_line: asked.one_line,
            models: self.pipeline.models,
            retry: self.pipeline.spec.retry,
            wording: self.pipeline.wording.as_ref(),
        }
    }

    /// What stands around a segment, for models that are told.
    fn context(&self, article: &Article<'_>, segment: usize, from: Language) -> Arc<str> {
        if self.pipeline.models.takes_context(from, self.to) { context::of(article, segment) } else { "".into() }
    }

    /// The keys of an article's answers, by segment; none where nothing is remembered.
    fn keys(&self, article: &Article<'_>) -> Vec<Option<Key>> {
        let Some(recall) = &self.pipeline.recall else { return Vec::new() };
        let one_line = article.format == Format::Lines;
        let key = |(index, plan): (usize, &Plan)| match *plan {
            Plan::Translate { from, .. } => {
                let around = self.context(article, index, from);
                let asked = (&article.segments[index], &*around);
                recall.key(self.pipeline.spec, self.pipeline.models, asked, (from, self.to, one_line))
            }
            _ => None,
        };
        article.plans.iter().enumerate().map(key).collect()
    }

    /// Checks, joins, writes and tells an article whose segments are all done.
    fn finish(&self, held: Held<'a>) {
        let Held { mut article, mut parts, offers, .. } = held;
        for (segment, offer) in offers {
            if let Some(settled) = parts.get_mut(&segment) {
                settled.findings.push(offer);
            }
        }
        if article.alive() {
            let own: usize = parts.values().map(|settled| settled.translated.tokens()).sum();
            let of = (self.shelf().tokens - held.tokens_before).max(own).max(1);
            let elapsed_ms = held.began.elapsed().as_secs_f64() * 1000.0;
            article.record.timings_ms.decode = elapsed_ms * own as f64 / of as f64;
            let began = Instant::now();
            let strained: BTreeSet<usize> =
                parts.iter().filter(|(_, settled)| settled.translated.strained).map(|(&index, _)| index).collect();
            finish(&mut article, parts, self.to, self.pipeline.spec);
            if let Some(wording) = &self.pipeline.wording {
                wording.record(&mut article, self.to, &strained);
            }
            article.record.timings_ms.write = began.elapsed().as_secs_f64() * 1000.0;
            self.pipeline.clock.text(began);
        }
        self.pipeline.conclude(article);
    }
}

impl Client for Desk<'_, '_> {
    fn more(&self) -> Result<More, PipelineError> {
        if self.pipeline.stopped() {
            return Ok(More::End);
        }
        if self.is_full() {
            return Ok(More::Full);
        }
        let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if let Some(mut article) = prepared {
            self.pipeline.plan_routes(&mut article, self.to)?;
            return Ok(More::Units(self.take_in(article)));
        }
        let (index, item) = match self.pipeline.arrivals.map(Arrivals::next) {
            None => match self.items.lock().unwrap_or_else(PoisonError::into_inner).next() {
                Some((index, item)) => (index, Cow::Borrowed(item)),
                None => return Ok(More::End),
            },
            Some(Arrival::Item { index, item }) => (index, Cow::Owned(item)),
            Some(Arrival::Later) => return Ok(More::Later),
            Some(Arrival::End) => return Ok(More::End),
        };
        let began = Instant::now();
        if let Some(article) = self.pipeline.finished(index, &item) {
            self.pipeline.clock.text(began);
            self.pipeline.conclude(article);
            return Ok(More::Units(Vec::new()));
        }
        let mut article = Article::read(index, item, self.pipeline.spec, self.pipeline.readings);
        if let Some(wording) = &self.pipeline.wording {
            wording.keep(&mut article);
        }
        self.pipeline.clock.text(began);
        let (segments, words) = (article.segments.len(), article.record.input.words);
        self.pipeline.observer.event(&Event::Planned { segments, words });
        self.pipeline.plan_routes(&mut article, self.to)?;
        Ok(More::Units(self.take_in(article)))
    }

    fn wait(&self, at_most: Duration) {
        if let Some(arrivals) = self.pipeline.arrivals {
            arrivals.wait(at_most);
        }
    }

    fn done(&self, owner: Owner, translated: Translated) -> Vec<Unit> {
        if let Attempt::Phrase { opening } = owner.attempt {
            self.receive_phrase(owner, opening, translated);
            return Vec::new();
        }
        let Some((asked, judging)) = self.receive(owner, translated) else { return Vec::new() };
        // The checks take their time: others may bring their answers meanwhile.
        let began = Instant::now();
        let ground = self.ground(&asked);
        let verdict = match judging {
            Judging::First(translated) => ladder::begin(ground, owner, *translated),
            Judging::Further(climb) => climb.go_on(ground, owner),
        };
        self.pipeline.clock.text(began);
        match verdict {
            Verdict::Again(climb, units) => {
                if let Some(held) = self.shelf().articles.get_mut(&owner.article) {
                    held.again.insert(owner.segment, *climb);
                }
                units
            }
            Verdict::Settled(settled) => self.place_markup(owner, *settled, asked.from),
        }
    }
}

/// What an answer was asked for.
struct Asked {
    segment: Segment,
    context: Arc<str>,
    from: Language,
    one_line: OneLine,
}

/// An attempt that is complete.
enum Judging {
    First(Box<Translated>),
    Further(Box<Climb>),
}

impl Desk<'_, '_> {
    /// Takes an answer; gives what is to be judged, if an attempt is complete with it.
    fn receive(&self, owner: Owner, translated: Translated) -> Option<(Asked, Judging)> {
        let mut shelf = self.shelf();
        let shelf = &mut *shelf;
        let held = shelf.articles.get_mut(&owner.article)?;
        shelf.tokens += translated.tokens();
        let Plan::Translate { from, .. } = held.article.plans[owner.segment] else { return None };
        let judging = if owner.attempt == Attempt::First {
            Judging::First(Box::new(translated))
        } else {
            if !held.again.get_mut(&owner.segment)?.take(owner.attempt, translated) {
                return None;
            }
            Judging::Further(Box::new(held.again.remove(&owner.segment)?))
        };
        let one_line = if held.article.format == Format::Lines { OneLine::Must } else { OneLine::NeedNot };
        let segment = held.article.segments[owner.segment].clone();
        let context = self.context(&held.article, owner.segment, from);
        Some((Asked { segment, context, from, one_line }, judging))
    }

    /// A segment has its answer; gives what is to be asked for, so that its markup finds its places.
    fn place_markup(&self, owner: Owner, settled: Settled, from: Language) -> Vec<Unit> {
        let mut shelf = self.shelf();
        if self.pipeline.spec.retry == Retry::Full
            && let Some(held) = shelf.articles.get_mut(&owner.article)
            && let Some(document) = &held.article.document
        {
            let units = markup::units(document, &held.article.segments[owner.segment], &settled, from, owner);
            if !units.is_empty() {
                held.pending.insert(owner.segment, Pending::new(settled, units.len()));
                return units;
            }
        }
        drop(shelf);
        self.settle(owner, settled);
        Vec::new()
    }

    /// Takes the translation of what a pair of markup holds; settles the segment if it was the last one.
    fn receive_phrase(&self, owner: Owner, opening: usize, translated: Translated) {
        let mut shelf = self.shelf();
        shelf.tokens += translated.tokens();
        let Some(held) = shelf.articles.get_mut(&owner.article) else { return };
        let complete = held.pending.get_mut(&owner.segment).is_some_and(|pending| pending.take(opening, &translated));
        let pending = if complete { held.pending.remove(&owner.segment) } else { None };
        drop(shelf);
        if let Some(pending) = pending {
            self.settle(owner, pending.settled());
        }
    }

    /// A segment has what it gets; ends its article if it was the last.
    fn settle(&self, owner: Owner, settled: Settled) {
        let mut shelf = self.shelf();
        let Some(held) = shelf.articles.get_mut(&owner.article) else { return };
        if let (Some(recall), Some(&Some(key))) = (&self.pipeline.recall, held.keys.get(owner.segment)) {
            drop(shelf);
            recall.keep(key, &settled);
            shelf = self.shelf();
        }
        let Some(held) = shelf.articles.get_mut(&owner.article) else { return };
        held.parts.insert(owner.segment, settled);
        held.left -= 1;
        if held.left > 0 {
            return;
        }
        let Some(held) = shelf.articles.remove(&owner.article) else { return };
        drop(shelf);
        let size = held.size;
        self.finish(held);
        // Only now is its memory free.
        let mut shelf = self.shelf();
        shelf.size.segments -= size.segments;
        shelf.size.bytes -= size.bytes;
    }
}

/// A list of texts, all of them there from the start.
struct List<'t> {
    texts: &'t [(Language, &'t str)],
    given: Mutex<bool>,
    done: Mutex<Vec<Option<Translated>>>,
}

impl Client for List<'_> {
    fn more(&self) -> Result<More, PipelineError> {
        if std::mem::replace(&mut *self.given.lock().unwrap_or_else(PoisonError::into_inner), true) {
            return Ok(More::End);
        }
        let unit = |(article, &(from, text)): (usize, &(Language, &str))| {
            let owner = Owner { article, segment: 0, attempt: Attempt::First };
            Unit { from, text: text.into(), context: "".into(), effort: Effort::default(), owner }
        };
        Ok(More::Units(self.texts.iter().enumerate().map(unit).collect()))
    }

    fn done(&self, owner: Owner, translated: Translated) -> Vec<Unit> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)[owner.article] = Some(translated);
        Vec::new()
    }
}

/// A paragraph of fewer letters, a headline say, is not told from another language of the same script with any certainty.
const LETTERS_TO_BE_SURE: usize = 100;

/// What becomes of a paragraph in a language that no model here translates: what may well be in the article's language after
/// all is read as such, since a paragraph that is left untranslated is the greater harm.
fn without_model(seen: Language, main: Language, to: Language, paragraph: &str) -> Plan {
    let related = [seen, main].iter().all(|language| RELATED.contains(&language.as_str()));
    // The first is the one of its words.
    let script = |language| scripts_of(language).and_then(<[_]>::first);
    let same_script = script(seen).is_some() && script(seen) == script(main);
    let unsure = same_script && paragraph.chars().filter(|c| c.is_alphabetic()).count() < LETTERS_TO_BE_SURE;
    if (related || unsure) && main != to {
        return Plan::Translate { from: main, seen };
    }
    Plan::Copy(Some(foreign(main, seen, Severity::Error, "no model translates it, so it was copied")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn russian_in_a_ukrainian_article_is_read_as_ukrainian_and_stays_known_as_russian() {
        let plan = without_model(Language::RU, Language::UK, Language::EN, "");
        assert_eq!(plan, Plan::Translate { from: Language::UK, seen: Language::RU });
    }

    #[test]
    fn what_no_model_reads_is_copied_with_an_error() {
        let Plan::Copy(Some(finding)) = without_model(Language::KO, Language::UK, Language::EN, "말") else {
            panic!()
        };
        assert_eq!(finding.severity, Severity::Error);
    }

    #[test]
    fn a_headline_that_looks_like_another_language_is_read_as_the_article() {
        let german: Language = "de".parse().unwrap_or(Language::KO);
        let headline = "Mayor get mixed reception in Hamburg";
        let plan = without_model(german, Language::EN, Language::UK, headline);
        assert_eq!(plan, Plan::Translate { from: Language::EN, seen: german });
        let paragraph = "Der Rat hat am Dienstag beschlossen, die alte Brücke zu sperren. ".repeat(3);
        assert!(matches!(without_model(german, Language::EN, Language::UK, &paragraph), Plan::Copy(Some(_))));
    }
}
