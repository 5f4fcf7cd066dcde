//! The models of a job: which there are, which way a direction goes, and each of them loaded once.

use super::route::{self, Offer};
use super::{Event, Observer};
use crate::job::report::{HopRecord, ModelRecord};
use crate::language::Language;
use crate::model::LoadOptions;
use crate::registry::card::{DirectionNote, LicenseClass, Quality, Task, Tier};
use crate::registry::load::{self, LoadError, Loaded};
use crate::registry::{self, Card, Family, ModelFiles, Progress, RegistryError, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What the user asked for with `--model`.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// The best there is.
    Auto,
    /// The weightless model.
    Echo,
    /// The summarizer without weights.
    Extractive,
    /// A model with a card.
    Card(&'static Card),
    /// A folder or a GGUF file.
    Path(PathBuf),
}

/// No model for a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// Nothing does the direction.
    #[error("no model translates {from} to {to}: {advice}")]
    NoRoute {
        /// Language read.
        from: Language,
        /// Language wanted.
        to: Language,
        /// What there is instead.
        advice: String,
    },
    /// A model cannot summarize.
    #[error(
        "model {name} cannot summarize: expected a chat or summarization model, echo or extractive; see `tlumach models list`"
    )]
    CannotSummarize {
        /// Its name.
        name: String,
    },
    /// A model cannot translate.
    #[error("model {name} cannot translate: expected a translation or chat model, or echo; see `tlumach models list`")]
    CannotTranslate {
        /// Its name.
        name: String,
    },
    /// A model could not be found or fetched.
    #[error(transparent)]
    Registry(Box<RegistryError>),
    /// A model could not be loaded.
    #[error(transparent)]
    Load(Box<LoadError>),
}

impl From<RegistryError> for ModelsError {
    fn from(error: RegistryError) -> Self {
        ModelsError::Registry(Box::new(error))
    }
}

impl From<LoadError> for ModelsError {
    fn from(error: LoadError) -> Self {
        ModelsError::Load(Box::new(error))
    }
}

impl ModelsError {
    /// Whether the direction is the problem, not a file.
    pub fn is_no_route(&self) -> bool {
        matches!(self, ModelsError::NoRoute { .. })
    }
}

/// One hop of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Language read.
    pub from: Language,
    /// Language written.
    pub to: Language,
    /// Key of the model.
    pub model: String,
}

/// Who summarizes.
#[derive(Clone)]
pub enum Summarizer {
    /// A loaded model.
    Model(Arc<Loaded>),
    /// Sentences of the article itself; the text says why, if it was not asked for.
    Extractive(Option<String>),
}

/// The key of the weightless model.
pub(super) const ECHO: &str = "echo";
/// The summarizer without a model, as reports call it.
const EXTRACTIVE: &str = "extractive";

/// Second ways that were looked for, by their languages.
type OtherRoutes = BTreeMap<(Language, Language), Option<Vec<Hop>>>;

/// The models of a job.
pub struct Models<'a> {
    choice: Choice,
    /// Key of the model that was asked for by name or path.
    chosen: Option<String>,
    /// Only models of this class are chosen, where one was asked for.
    tier: Option<Tier>,
    settings: &'a Settings,
    options: LoadOptions,
    progress: &'a dyn Progress,
    loaded: Mutex<BTreeMap<String, Arc<Loaded>>>,
    /// Files of models that were resolved, by key.
    files: Mutex<BTreeMap<String, ModelFiles>>,
    /// Models that could not be had; routes go around them.
    unavailable: Mutex<BTreeMap<String, String>>,
    routes: Mutex<BTreeMap<(Language, Language), Vec<Hop>>>,
    other_routes: Mutex<OtherRoutes>,
    load_ms: Mutex<u64>,
}

fn record_of(loaded: &Loaded) -> ModelRecord {
    ModelRecord {
        name: loaded.name.clone(),
        family: loaded.model.spec().family.to_string(),
        revision: loaded.revision.clone(),
        license: loaded.license.clone(),
        sha256: loaded.sha256.clone(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Models of this size and above are fetched only if asked for by name or tier: they take minutes to load and much memory.
const FETCHED_BYTES: u64 = 1_500_000_000;

impl<'a> Models<'a> {
    /// Chooses among the models of a class only, where nothing was asked for by name.
    #[must_use]
    pub fn of_tier(mut self, tier: Option<Tier>) -> Models<'a> {
        self.tier = tier;
        self
    }

    /// Whether a card may be chosen, as far as its class and its size go.
    fn may_choose(&self, card: &Card) -> bool {
        let here = || registry::find(&card.name).is_some_and(|card| registry::on_disk(card, self.settings).is_some());
        // What the Hub gives to a token only is asked for by name.
        if card.license.class == LicenseClass::Gated && !here() {
            return false;
        }
        match self.tier {
            Some(tier) => card.tier == tier,
            None => card.size_bytes < FETCHED_BYTES || here(),
        }
    }

    /// The models of a job that asked for `choice`.
    ///
    /// # Errors
    /// A folder or file that was asked for is not a model.
    pub fn new(
        choice: Choice,
        settings: &'a Settings,
        options: LoadOptions,
        progress: &'a dyn Progress,
    ) -> Result<Models<'a>, ModelsError> {
        let mut files = BTreeMap::new();
        let chosen = match &choice {
            Choice::Path(path) => {
                let found = registry::from_path(path, settings)?;
                let key = found.name.clone();
                files.insert(key.clone(), found);
                Some(key)
            }
            Choice::Card(card) => Some(card.name.clone()),
            Choice::Echo => Some(ECHO.to_string()),
            Choice::Auto | Choice::Extractive => None,
        };
        Ok(Models {
            choice,
            chosen,
            tier: None,
            settings,
            options,
            progress,
            loaded: Mutex::default(),
            files: Mutex::new(files),
            unavailable: Mutex::default(),
            routes: Mutex::default(),
            other_routes: Mutex::default(),
            load_ms: Mutex::default(),
        })
    }

    /// The same with a route and the models of it.
    #[cfg(test)]
    pub(super) fn with_route(self, hops: &[Hop], engine: &dyn Fn(&Hop) -> Loaded) -> Models<'a> {
        for hop in hops {
            let engine = Loaded { name: hop.model.clone(), ..engine(hop) };
            lock(&self.loaded).insert(hop.model.clone(), Arc::new(engine));
        }
        if let (Some(first), Some(last)) = (hops.first(), hops.last()) {
            lock(&self.routes).insert((first.from, last.to), hops.to_vec());
        }
        self
    }

    /// The same with a second way from the first language of `hops` to the last.
    #[cfg(test)]
    pub(super) fn with_other_route(self, hops: &[Hop], engine: &dyn Fn(&Hop) -> Loaded) -> Models<'a> {
        for hop in hops {
            let engine = Loaded { name: hop.model.clone(), ..engine(hop) };
            lock(&self.loaded).insert(hop.model.clone(), Arc::new(engine));
        }
        if let (Some(first), Some(last)) = (hops.first(), hops.last()) {
            lock(&self.other_routes).insert((first.from, last.to), Some(hops.to_vec()));
        }
        self
    }

    /// Time spent finding and loading models, in milliseconds.
    pub fn load_ms(&self) -> u64 {
        *lock(&self.load_ms)
    }

    /// Whether the models are slow enough that a job should write articles after few of them.
    pub fn slow(&self) -> bool {
        let asked = match &self.choice {
            Choice::Card(card) => card.family.is_chat(),
            Choice::Path(_) => lock(&self.files).values().any(|files| files.family.is_chat()),
            _ => false,
        };
        // A chat model that is there for a few stray paragraphs does not make the job slow.
        let loaded = lock(&self.loaded);
        asked || !loaded.is_empty() && loaded.values().all(|loaded| loaded.tokenizer.is_chat())
    }

    /// Records of the models that were loaded.
    pub fn records(&self) -> Vec<ModelRecord> {
        lock(&self.loaded).values().map(|loaded| record_of(loaded)).collect()
    }

    /// The record of a model, loaded or not, whose files are here.
    pub fn record(&self, name: &str) -> Option<ModelRecord> {
        if let Some(loaded) = lock(&self.loaded).get(name) {
            return Some(record_of(loaded));
        }
        let files = self.resolve(name).ok()?;
        Some(ModelRecord {
            name: files.name,
            family: files.family.as_str().to_string(),
            revision: files.revision,
            license: files.license,
            sha256: files.sha256,
        })
    }

    /// Whether the model that reads a direction's texts was trained to be told what stands around them.
    pub(super) fn takes_context(&self, from: Language, to: Language) -> bool {
        let card = |model: &String| registry::find(model)?.prompt.as_ref()?.translate_with_context.as_ref();
        lock(&self.routes)
            .get(&(from, to))
            .is_some_and(|hops| hops.first().is_some_and(|hop| card(&hop.model).is_some()))
    }

    /// Whether what was asked for can translate at all.
    ///
    /// # Errors
    /// It only summarizes.
    pub fn check_translates(&self) -> Result<(), ModelsError> {
        match &self.choice {
            Choice::Extractive => Err(ModelsError::CannotTranslate { name: "extractive".into() }),
            Choice::Card(card) if !card.does(Task::Translate) => {
                Err(ModelsError::CannotTranslate { name: card.name.clone() })
            }
            Choice::Path(_) => {
                let key = self.chosen.clone().unwrap_or_default();
                let family = lock(&self.files).get(&key).map(|files| files.family);
                if family.is_some_and(|family| !family.may(Task::Translate)) {
                    return Err(ModelsError::CannotTranslate { name: key });
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The way from one language to another, with every model of it on disk.
    ///
    /// # Errors
    /// No model does it, or the one that was asked for cannot be had.
    pub fn route(&self, from: Language, to: Language) -> Result<Vec<Hop>, ModelsError> {
        if let Some(known) = lock(&self.routes).get(&(from, to)) {
            return Ok(known.clone());
        }
        let hops = self.find_route(from, to)?;
        lock(&self.routes).insert((from, to), hops.clone());
        Ok(hops)
    }

    /// The hash of all models that a segment of a direction may go through: those of its route and of the other one that is
    /// tried on doubt. None where there is no route, or where a model's files were not hashed.
    pub fn identity(&self, from: Language, to: Language) -> Option<String> {
        let mut parts = vec![format!("{from}>{to}")];
        for hop in self.route(from, to).ok()? {
            parts.push(format!("{}>{} {}", hop.from, hop.to, self.model_identity(&hop.model)?));
        }
        for hop in self.other_route(from, to).unwrap_or_default() {
            parts.push(format!("or {}>{} {}", hop.from, hop.to, self.model_identity(&hop.model)?));
        }
        Some(parts.join("\n"))
    }

    /// The name of a model with the hashes of its files; none where they are not known.
    pub fn model_identity(&self, name: &str) -> Option<String> {
        if name == ECHO || name == EXTRACTIVE {
            return Some(name.to_string());
        }
        let files = self.resolve(name).ok()?;
        if files.sha256.is_empty() {
            return None;
        }
        let hashes: Vec<String> = files.sha256.iter().map(|(name, hash)| format!("{name}={hash}")).collect();
        Some(format!("{name} {}", hashes.join(" ")))
    }

    /// Whether there is a way that needs no download and no model beside the one that was asked for; if so,
    /// [`Models::route`] will take it. For stray paragraphs in other languages: they are no reason to fetch a model.
    pub fn has_route_here(&self, from: Language, to: Language) -> bool {
        if from == to || self.choice == Choice::Echo || lock(&self.routes).contains_key(&(from, to)) {
            return self.route(from, to).is_ok();
        }
        // Who names a model gets that one: no other is loaded for a stray paragraph either.
        let usable = |offer: &Offer| match &self.chosen {
            Some(chosen) => offer.name == *chosen,
            None => offer.on_disk,
        };
        let here: Vec<Offer> = self.offers().into_iter().filter(usable).collect();
        let Some(hops) = route::route(&here, from, to).map(|hops| keyed(&here, &hops)) else { return false };
        let complete = self.fetch(&hops).is_ok();
        if complete {
            lock(&self.routes).insert((from, to), hops);
        }
        complete
    }

    /// Another way than [`Models::route`] takes, through models that are on disk; none is fetched for it. A chat model stands in
    /// only where one is at work anyway, since loading one for a few segments takes longer than the job.
    pub fn other_route(&self, from: Language, to: Language) -> Option<Vec<Hop>> {
        if let Some(known) = lock(&self.other_routes).get(&(from, to)) {
            return known.clone();
        }
        let found = self.find_other_route(from, to);
        lock(&self.other_routes).insert((from, to), found.clone());
        found
    }

    fn find_other_route(&self, from: Language, to: Language) -> Option<Vec<Hop>> {
        if self.choice == Choice::Echo {
            return None;
        }
        let usual = self.route(from, to).ok()?;
        let usable = |offer: &Offer| match &self.chosen {
            // Who names a model gets that one.
            Some(chosen) => offer.name == *chosen,
            None => offer.on_disk && (!offer.any_direction || usual.iter().any(|hop| hop.model == offer.name)),
        };
        let here: Vec<Offer> = self.offers().into_iter().filter(usable).collect();
        let others = route::all(&here, from, to).into_iter().map(|hops| keyed(&here, &hops));
        others.into_iter().find(|hops| *hops != usual && self.fetch(hops).is_ok())
    }

    /// Whether a model does a direction badly by its card, or, being a chat model, is asked for one that its card does not
    /// speak of. Of a model without a card nothing is known.
    pub fn is_poor(&self, hop: &HopRecord) -> bool {
        registry::find(&hop.model).is_some_and(|card| {
            let direction = card.directions.iter().find(|known| known.from == hop.from && known.to == hop.to);
            direction.map_or(card.family.is_chat(), |known| matches!(known.quality, Quality::Poor))
        })
    }

    /// The way that [`Models::route`] tries first; nothing is looked into, loaded or fetched for it. For who wants to know what a job
    /// would do.
    pub fn plan(&self, from: Language, to: Language) -> Option<Vec<Hop>> {
        let mut offers = self.offers();
        offers.retain(|offer| offer.on_disk || !self.settings.offline);
        route::route(&offers, from, to).map(|hops| keyed(&offers, &hops))
    }

    fn find_route(&self, from: Language, to: Language) -> Result<Vec<Hop>, ModelsError> {
        if from == to {
            return Ok(Vec::new());
        }
        if self.choice == Choice::Echo {
            return Ok(vec![Hop { from, to, model: ECHO.into() }]);
        }
        loop {
            let mut offers = self.offers();
            let chosen = self.chosen.clone();
            if self.settings.offline && chosen.is_none() {
                // Nothing can be fetched: what is not here is not tried one by one.
                offers.retain(|offer| offer.on_disk);
            }
            let mut hops = None;
            if let Some(chosen) = &chosen {
                let own: Vec<Offer> = offers.iter().filter(|offer| offer.name == *chosen).cloned().collect();
                hops = route::route(&own, from, to).map(|hops| keyed(&own, &hops));
                if hops.is_none() {
                    // The model that was asked for does one hop, the best other one the other.
                    hops = route_with(&offers, chosen, from, to);
                }
            } else if let Some(found) = route::route(&offers, from, to) {
                hops = Some(keyed(&offers, &found));
            }
            let Some(hops) = hops else { return Err(self.no_route(&offers, from, to)) };
            match self.fetch(&hops) {
                Ok(()) => return Ok(hops),
                // Another route may do; a model that was asked for by name has no substitute, and who stops the program wants
                // no other model.
                Err((model, error)) if chosen.as_ref() != Some(&model) && !self.progress.cancelled() => {
                    self.progress.message(&format!("{model} cannot be had: {error}"));
                    lock(&self.unavailable).insert(model, error.to_string());
                }
                Err((_, error)) => return Err(error),
            }
        }
    }

    /// Makes sure that the models of a route are on disk.
    fn fetch(&self, hops: &[Hop]) -> Result<(), (String, ModelsError)> {
        let mut seen = BTreeSet::new();
        for hop in hops.iter().filter(|hop| seen.insert(hop.model.clone())) {
            self.resolve(&hop.model).map_err(|error| (hop.model.clone(), error))?;
        }
        Ok(())
    }

    fn resolve(&self, key: &str) -> Result<ModelFiles, ModelsError> {
        if let Some(files) = lock(&self.files).get(key) {
            return Ok(files.clone());
        }
        let started = Instant::now();
        let card = registry::find(key).ok_or_else(|| registry::unknown(key))?;
        if registry::on_disk(card, self.settings).is_none() && self.choice == Choice::Auto {
            let size = card.size_bytes as f64 / 1e6;
            let license = &card.license.name;
            self.progress
                .message(&format!("no model on disk does this well: fetching {key} ({size:.0} MB, {license})"));
        }
        let files = registry::resolve(card, self.settings, self.progress)?;
        *lock(&self.load_ms) += started.elapsed().as_millis() as u64;
        lock(&self.files).insert(key.to_string(), files.clone());
        Ok(files)
    }

    /// Loads the model of a hop, once.
    ///
    /// # Errors
    /// Its files cannot be had or are damaged.
    pub fn load(&self, hop: &Hop, observer: &dyn Observer) -> Result<Arc<Loaded>, ModelsError> {
        self.load_key(&hop.model, observer)
    }

    fn load_key(&self, key: &str, observer: &dyn Observer) -> Result<Arc<Loaded>, ModelsError> {
        let mut loaded = lock(&self.loaded);
        if let Some(found) = loaded.get(key) {
            return Ok(found.clone());
        }
        observer.event(&Event::Model(key));
        let made = if key == ECHO {
            load::echo()
        } else {
            let files = self.resolve(key)?;
            let started = Instant::now();
            let made = load::load(&files, &self.options)?;
            *lock(&self.load_ms) += started.elapsed().as_millis() as u64;
            made
        };
        let made = Arc::new(made);
        loaded.insert(key.to_string(), made.clone());
        Ok(made)
    }

    /// Who summarizes.
    ///
    /// # Errors
    /// The model that was asked for cannot summarize, cannot be had, or is damaged.
    pub fn summarizer(&self, observer: &dyn Observer) -> Result<Summarizer, ModelsError> {
        match &self.choice {
            Choice::Extractive => Ok(Summarizer::Extractive(None)),
            Choice::Echo => Ok(Summarizer::Model(self.load_key(ECHO, observer)?)),
            Choice::Card(card) if card.does(Task::Summarize) => {
                Ok(Summarizer::Model(self.load_key(&card.name, observer)?))
            }
            Choice::Card(card) => Err(ModelsError::CannotSummarize { name: card.name.clone() }),
            Choice::Path(_) => {
                let key = self.chosen.clone().unwrap_or_default();
                let family = lock(&self.files).get(&key).map(|files| files.family);
                if family.is_some_and(|family: Family| !family.may(Task::Summarize)) {
                    return Err(ModelsError::CannotSummarize { name: key });
                }
                Ok(Summarizer::Model(self.load_key(&key, observer)?))
            }
            Choice::Auto => Ok(self.best_summarizer(observer)),
        }
    }

    /// The best chat model on disk, otherwise the smallest useful one that can be fetched, otherwise no model.
    fn best_summarizer(&self, observer: &dyn Observer) -> Summarizer {
        let Some(card) = self.summarizer_card() else {
            return Summarizer::Extractive(Some("no card of a chat model".into()));
        };
        match self.load_key(&card.name, observer) {
            Ok(model) => Summarizer::Model(model),
            Err(error) => {
                self.progress.message(&format!("{} cannot be had: {error}", card.name));
                Summarizer::Extractive(Some(format!("no chat model is on disk and {} cannot be had", card.name)))
            }
        }
    }

    /// The name of whoever is to summarize, whether or not it can be had.
    pub(super) fn summarizer_key(&self) -> String {
        match &self.choice {
            Choice::Extractive => EXTRACTIVE.to_string(),
            Choice::Auto => self.summarizer_card().map_or_else(|| EXTRACTIVE.to_string(), |card| card.name.clone()),
            Choice::Echo | Choice::Card(_) | Choice::Path(_) => self.chosen.clone().unwrap_or_default(),
        }
    }

    fn summarizer_card(&self) -> Option<&'static Card> {
        let mut candidates: Vec<&'static Card> = registry::cards()
            .iter()
            .filter(|card| {
                card.does(Task::Summarize) && (!card.license.needs_acceptance || self.settings.accept_license)
            })
            // A summarizer that was trained for one language, or for short articles of one kind, is taken by its name only.
            .filter(|card| !card.writes_well.is_empty() && !card.family.has_encoder())
            .filter(|card| self.tier.is_none_or(|tier| card.tier == tier))
            .filter(|card| card.prompt.is_none())
            .collect();
        let here =
            |card: &Card| registry::find(&card.name).is_some_and(|c| registry::on_disk(c, self.settings).is_some());
        // On disk: the largest as it is in memory, whatever its files are. Not on disk: the default of the first run.
        let size = |card: &Card| card.memory_bytes.unwrap_or(card.size_bytes);
        candidates.sort_by_key(|card| (!here(card), std::cmp::Reverse(size(card)), card.name.clone()));
        let default = candidates.iter().copied().find(|card| card.name == DEFAULT_SUMMARIZER);
        // Of a class that was asked for, the smallest.
        let default = default.or_else(|| candidates.iter().copied().min_by_key(|card| card.size_bytes));
        candidates.iter().copied().find(|card| here(card)).or(default)
    }

    /// What every model offers, the unavailable ones left out.
    fn offers(&self) -> Vec<Offer> {
        let unavailable = lock(&self.unavailable);
        let mut offers: Vec<Offer> = registry::cards()
            .iter()
            .filter(|card| card.does(Task::Translate) && !unavailable.contains_key(&card.name))
            .filter(|card| {
                let asked = matches!(&self.choice, Choice::Card(chosen) if chosen.name == card.name);
                let usable = !card.license.needs_acceptance || self.settings.accept_license;
                asked || usable && self.may_choose(card)
            })
            .map(|card| Offer {
                name: card.name.clone(),
                directions: directions(card),
                // A model that was trained on requests of its own does what its card lists, unless it is asked for by name.
                any_direction: card.family.is_chat()
                    && (card.prompt.is_none() || self.chosen.as_ref() == Some(&card.name)),
                on_disk: registry::on_disk(card, self.settings).is_some(),
                fast: card.tier == Tier::Fast,
            })
            .collect();
        for files in lock(&self.files).values() {
            if offers.iter().any(|offer| offer.name == files.name) {
                continue;
            }
            // A folder without a card says nothing of its directions: the user does, with --from and --to.
            offers.push(Offer {
                name: files.name.clone(),
                directions: Vec::new(),
                any_direction: true,
                on_disk: true,
                fast: false,
            });
        }
        offers
    }

    fn no_route(&self, offers: &[Offer], from: Language, to: Language) -> ModelsError {
        let advice = if let Some(tier) = self.tier.filter(|_| self.chosen.is_none()) {
            format!("no card of the tier {} does; choose another --tier, or a --model", tier.as_str())
        } else if let Some(chosen) = &self.chosen {
            let directions: Vec<String> = offers
                .iter()
                .filter(|offer| offer.name == *chosen)
                .flat_map(|offer| offer.directions.iter().map(|(a, b, _)| format!("{a}-{b}")))
                .collect();
            format!("{chosen} does {}; choose another --model, or leave it out", directions.join(", "))
        } else if self.settings.offline
            && let Some(hops) = route::route(&self.offers(), from, to).map(|hops| keyed(&self.offers(), &hops))
        {
            let names: Vec<String> = hops.into_iter().map(|hop| hop.model).collect();
            format!(
                "no model on disk does it and offline mode is on; unset HF_HUB_OFFLINE, or bring {} with \
                 `tlumach models import`",
                names.join(" and ")
            )
        } else {
            let unavailable = lock(&self.unavailable);
            if unavailable.is_empty() {
                "see `tlumach models list` for the directions there are".to_string()
            } else {
                let names: Vec<&str> = unavailable.keys().map(String::as_str).collect();
                format!(
                    "{} would, but cannot be had now; try `tlumach models pull` with a connection",
                    names.join(", ")
                )
            }
        };
        ModelsError::NoRoute { from, to, advice }
    }
}

/// The chat model that is fetched when there is none.
const DEFAULT_SUMMARIZER: &str = "qwen2.5-coder-1.5b-instruct";

/// The directions of a card with their ranks.
fn directions(card: &'static Card) -> Vec<(Language, Language, i32)> {
    card.directions.iter().map(|d| (d.from, d.to, rank(card, d))).collect()
}

/// A card's quality as a number: the class first, then what is published of it and others of its tier, translation models before
/// chat models, larger before smaller. Fast models count as small whatever their size, and among them the published figure decides:
/// the larger of two is not always the better.
fn rank(card: &Card, direction: &DirectionNote) -> i32 {
    let class = match direction.quality {
        Quality::Good => 20_000_000,
        Quality::Fair => 10_000_000,
        Quality::Poor => route::ACCEPTABLE - 10_000_000,
    };
    let standing = card.standing(direction).min(8) as i32 * 1_000_000;
    let family = if card.family.is_chat() { 0 } else { 500_000 };
    let size = if card.tier == Tier::Fast { 0 } else { (card.size_bytes / 20_000_000).min(390) as i32 * 1000 };
    // COMET is at most 1: less than one step of the size.
    let published = (direction.comet.unwrap_or(0.0).clamp(0.0, 0.999) * 1000.0) as i32;
    class + standing + family + size + published
}

fn keyed(offers: &[Offer], hops: &[route::Hop]) -> Vec<Hop> {
    hops.iter().map(|hop| Hop { from: hop.from, to: hop.to, model: offers[hop.offer].name.clone() }).collect()
}

/// Two hops through English of which the chosen model does one.
fn route_with(offers: &[Offer], chosen: &str, from: Language, to: Language) -> Option<Vec<Hop>> {
    if from == Language::EN || to == Language::EN {
        return None;
    }
    let own: Vec<Offer> = offers.iter().filter(|offer| offer.name == chosen).cloned().collect();
    let legs = [(from, Language::EN), (Language::EN, to)];
    let own_legs = legs.map(|(a, b)| route::route(&own, a, b).map(|hops| keyed(&own, &hops)));
    let other_legs = legs.map(|(a, b)| route::route(offers, a, b).map(|hops| keyed(offers, &hops)));
    match (own_legs, other_legs) {
        ([Some(first), _], [_, Some(second)]) | ([_, Some(second)], [Some(first), _]) => {
            Some(first.into_iter().chain(second).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::model::{Keep, Precision};

    /// The route that is taken where nothing is on disk and no model is named.
    fn check(from: Language, to: Language, expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(folder.path().join("hub"), folder.path().join("data"));
        settings.local_dir = folder.path().join("local");
        let options = LoadOptions { device: candle_core::Device::Cpu, precision: Precision::Auto, keep: Keep::Nowhere };
        let models = Models::new(Choice::Auto, &settings, options, &()).unwrap();
        let offers = models.offers();
        let hops = keyed(&offers, &route::route(&offers, from, to).unwrap());
        let names: Vec<&str> = hops.iter().map(|hop| hop.model.as_str()).collect();
        assert_eq!(names, expected, "{from} to {to}");
    }

    #[test]
    fn the_firefox_model_with_the_best_published_figure_is_the_default() {
        let (en, uk, ko) = (Language::EN, Language::UK, Language::KO);
        check(en, uk, &["firefox-en-uk-base-memory"]);
        check(uk, en, &["firefox-uk-en-tiny"]);
        check(en, ko, &["firefox-en-ko-base-memory"]);
        check(ko, en, &["firefox-ko-en-base"]);
        check(uk, ko, &["firefox-uk-en-tiny", "firefox-en-ko-base-memory"]);
        check(ko, uk, &["firefox-ko-en-base", "firefox-en-uk-base-memory"]);
    }

    #[test]
    fn offline_nothing_is_tried_in_turn_and_the_best_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(folder.path().join("hub"), folder.path().join("data"));
        settings.local_dir = folder.path().join("local");
        settings.offline = true;
        let options = LoadOptions { device: candle_core::Device::Cpu, precision: Precision::Auto, keep: Keep::Nowhere };
        let models = Models::new(Choice::Auto, &settings, options, &()).unwrap();
        let error = models.route(Language::EN, Language::UK).unwrap_err();
        assert!(error.is_no_route());
        let said = error.to_string();
        assert!(said.contains("bring firefox-en-uk-base-memory with") && said.contains("HF_HUB_OFFLINE"), "{said}");
        assert!(lock(&models.unavailable).is_empty());
    }

    #[test]
    fn a_tier_limits_the_choice_and_large_chat_models_are_not_fetched_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(folder.path().join("hub"), folder.path().join("data"));
        settings.local_dir = folder.path().join("local");
        let options = LoadOptions { device: candle_core::Device::Cpu, precision: Precision::Auto, keep: Keep::Nowhere };
        let offered = |tier: Option<Tier>| -> Vec<String> {
            let models = Models::new(Choice::Auto, &settings, options.clone(), &()).unwrap().of_tier(tier);
            models.offers().into_iter().map(|offer| offer.name).collect()
        };
        let has = |names: &[String], name: &str| names.iter().any(|other| other == name);
        let usual = offered(None);
        assert!(has(&usual, "firefox-en-uk-tiny") && has(&usual, "qwen2.5-coder-1.5b-instruct"));
        assert!(!has(&usual, "hy-mt2-7b") && !has(&usual, "hy-mt2-1.8b"));
        let best = offered(Some(Tier::Best));
        assert!(has(&best, "hy-mt2-7b") && !has(&best, "firefox-en-uk-tiny"));
        assert!(best.iter().all(|name| registry::find(name).is_some_and(|card| card.tier == Tier::Best)));
    }

    /// Of the same class and tier, what is published of two decides before the kind of network and its size do.
    #[test]
    fn within_a_tier_the_published_quality_decides() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(folder.path().join("hub"), folder.path().join("data"));
        settings.local_dir = folder.path().join("local");
        settings.accept_license = true;
        let options = LoadOptions { device: candle_core::Device::Cpu, precision: Precision::Auto, keep: Keep::Nowhere };
        let first = |tier: Tier, from: Language, to: Language| {
            let models = Models::new(Choice::Auto, &settings, options.clone(), &()).unwrap().of_tier(Some(tier));
            let offers = models.offers();
            keyed(&offers, &route::route(&offers, from, to).unwrap()).remove(0).model
        };
        for (from, to) in [(Language::EN, Language::UK), (Language::KO, Language::EN), (Language::UK, Language::KO)] {
            assert_eq!(first(Tier::Best, from, to), "hy-mt2-7b", "{from} to {to}");
        }
        let of = |name: &str| {
            let card = registry::find(name).unwrap();
            rank(card, card.direction(Language::EN, Language::UK).unwrap())
        };
        assert!(of("hy-mt2-7b") > of("madlad400-3b-mt"));
        assert!(of("nllb-200-distilled-600m") > of("opus-mt-en-uk") && of("hy-mt2-1.8b") > of("tower-plus-2b"));
        // A class is more than any comparison within it, and a poor direction is never acceptable.
        assert!(
            of("opus-mt-tc-big-en-zle") > of("nllb-200-distilled-600m")
                && of("eurollm-9b-instruct") < route::ACCEPTABLE
        );
    }

    #[test]
    fn other_languages_keep_their_models() {
        check(Language::EN, "fr".parse().unwrap(), &["opus-mt-en-fr"]);
    }
}
