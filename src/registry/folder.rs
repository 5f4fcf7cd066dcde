//! A folder of a Firefox Translations or Bergamot model, as browsers, translateLocally and Mozilla's registry lay them out.
//!
//! What each file is comes from its content alone. Names only say which of two vocabularies is which side, and where they do not,
//! the `vocabs:` of the configuration does. Packed files are unpacked once, into tlumach's data folder under their hashes.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::card::{Packing, Role};
use super::digest::digest;
use super::lock::{Lock, exclusive};
use super::sniff::{self, Content, HEAD};
use super::unpack::{self, unpack};
use super::{RegistryError, Settings};

/// Name, role and path of each file of a model.
type Named = Vec<(String, Role, PathBuf)>;

/// One file of a folder, recognised.
#[derive(Debug, Clone)]
struct Part {
    /// Its name without the ending of a packed file.
    name: String,
    /// Where its plain form lies.
    path: PathBuf,
    content: Content,
}

/// Reads a folder. `None` if nothing in it is of this family.
pub(crate) fn read(folder: &Path, settings: &Settings) -> Result<Option<Named>, RegistryError> {
    let parts = parts(folder, settings)?;
    let of = |content: &Content| -> Vec<&Part> { parts.iter().filter(|part| part.content == *content).collect() };
    let (models, vocabularies) = (of(&Content::Model), of(&Content::Vocabulary));
    if models.is_empty() && (vocabularies.is_empty() || of(&Content::Shortlist).is_empty()) {
        return Ok(None);
    }
    let refuse = |reason: String, advice: &str| RegistryError::NotAModel {
        path: folder.to_path_buf(),
        reason: format!("{reason}; found {}", listed(&parts)),
        advice: advice.to_string(),
    };
    let [model] = models.as_slice() else {
        let reason = format!("expected one model in Marian's binary format, found {}", models.len());
        return Err(refuse(reason, "name a folder with the files of one direction"));
    };
    let configs = configs(&of(&Content::Config), model)?;
    let config = configs.first();
    let sides = sides(model, &vocabularies, config.map(|(_, text)| text.as_str())).map_err(|reason| {
        refuse(reason, "leave the vocabularies of one direction in the folder, or a config.yml that lists them")
    })?;
    let mut files = vec![(model.name.clone(), Role::Weights, model.path.clone())];
    files.push((sides.source.name.clone(), Role::SourceSpm, sides.source.path.clone()));
    if let Some(target) = sides.target {
        files.push((target.name.clone(), Role::TargetSpm, target.path.clone()));
    }
    let shortlists = of(&Content::Shortlist);
    match own(&shortlists, model).as_slice() {
        [] => {}
        [one] => files.push((one.name.clone(), Role::Shortlist, one.path.clone())),
        several => {
            let reason = format!("expected at most one shortlist, found {}", several.len());
            return Err(refuse(reason, "leave that of the model in the folder"));
        }
    }
    if let Some((config, _)) = config {
        files.push((config.name.clone(), Role::Config, config.path.clone()));
    }
    Ok(Some(files))
}

/// The files of a folder that are of this family, each content once.
fn parts(folder: &Path, settings: &Settings) -> Result<Vec<Part>, RegistryError> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(RegistryError::io("read", folder))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && !name_of(path).starts_with('.'))
        .collect();
    paths.sort();
    let mut parts: Vec<Part> = Vec::new();
    for path in paths {
        let mut beginning = Vec::new();
        let file = File::open(&path).map_err(RegistryError::io("read", &path))?;
        (&file).take(HEAD as u64).read_to_end(&mut beginning).map_err(RegistryError::io("read", &path))?;
        let first = sniff::head(&beginning);
        let (name, plain) = if let Content::Packed(format) = first {
            let file = File::open(&path).map_err(RegistryError::io("read", &path))?;
            let inside = sniff::head(&unpack::peek(BufReader::new(file), format, HEAD));
            if matches!(inside, Content::Other | Content::Packed(_)) {
                continue;
            }
            let name = plain_name(&name_of(&path));
            let plain = unpacked(&path, format, &name, settings)?;
            (name, plain)
        } else {
            (name_of(&path), path.clone())
        };
        let content = sniff::of(&plain).map_err(RegistryError::io("read", &plain))?;
        match content {
            Content::Other | Content::Packed(_) => {}
            Content::Damaged(reason) => {
                return Err(RegistryError::NotAModel { path, reason, advice: "fetch the file again".to_string() });
            }
            content => parts.push(Part { name, path: plain, content }),
        }
    }
    once(parts)
}

/// Drops files that have the same content as an earlier one, as a plain file and its packed form do.
fn once(parts: Vec<Part>) -> Result<Vec<Part>, RegistryError> {
    let mut kept: Vec<(Part, Option<String>)> = Vec::new();
    for part in parts {
        let mut own = None;
        let mut double = false;
        for (other, hash) in kept.iter_mut().filter(|(other, _)| other.content == part.content) {
            if hash.is_none() {
                *hash = Some(digest(&other.path, None, &())?.sha256);
            }
            if own.is_none() {
                own = Some(digest(&part.path, None, &())?.sha256);
            }
            double |= *hash == own;
        }
        if !double {
            kept.push((part, own));
        }
    }
    Ok(kept.into_iter().map(|(part, _)| part).collect())
}

/// The vocabularies by side.
struct Sides<'a> {
    source: &'a Part,
    /// `None` where the source's serves both.
    target: Option<&'a Part>,
}

/// Which vocabulary is which, by the names and then by the configuration.
fn sides<'a>(model: &Part, vocabularies: &[&'a Part], config: Option<&str>) -> Result<Sides<'a>, String> {
    let own = own(vocabularies, model);
    match own.as_slice() {
        [] => return Err("expected a SentencePiece vocabulary, found none".to_string()),
        [one] => {
            let side = [("srcvocab", "trgvocab"), ("trgvocab", "srcvocab")]
                .into_iter()
                .find(|(side, _)| one.name.to_lowercase().starts_with(side));
            return match side {
                Some((_, lacking)) => Err(format!("{}: its other half, {lacking}, is missing", one.name)),
                None => Ok(Sides { source: one, target: None }),
            };
        }
        [_, _] => {}
        several => {
            if let Some(sides) = config.and_then(|config| listed_sides(several, config)) {
                return Ok(sides);
            }
            return Err(format!("expected one or two vocabularies, found {}", several.len()));
        }
    }
    let [a, b] = [own[0], own[1]];
    let is_first = |first: &Part, second: &Part| {
        let names = [first.name.to_lowercase(), second.name.to_lowercase()];
        if names[0].starts_with("srcvocab") && names[1].starts_with("trgvocab") {
            return true;
        }
        // `vocab.en.spm` and `vocab.uk.spm` beside a model of `enuk`.
        let languages = names.each_ref().map(|name| name.split('.').nth(1).unwrap_or(""));
        let pair = languages.concat();
        languages.iter().all(|language| !language.is_empty()) && segments(&model.name).any(|segment| segment == pair)
    };
    match (is_first(a, b), is_first(b, a)) {
        (true, false) => Ok(Sides { source: a, target: Some(b) }),
        (false, true) => Ok(Sides { source: b, target: Some(a) }),
        _ => config
            .and_then(|config| listed_sides(&own, config))
            .ok_or_else(|| format!("cannot tell which vocabulary is the source's: {} or {}", a.name, b.name)),
    }
}

/// The sides as a configuration lists them.
fn listed_sides<'a>(vocabularies: &[&'a Part], config: &str) -> Option<Sides<'a>> {
    let names: Vec<String> = list(config, "vocabs").iter().map(|name| plain_name(name)).collect();
    let [first, second] = names.as_slice() else { return None };
    let named = |name: &str| vocabularies.iter().copied().find(|part| part.name == name);
    let source = named(first)?;
    if first == second {
        return Some(Sides { source, target: None });
    }
    Some(Sides { source, target: Some(named(second)?) })
}

/// Those of several files that are named after the model's pair, if there are any; else all.
fn own<'a>(parts: &[&'a Part], model: &Part) -> Vec<&'a Part> {
    let shares = |part: &&&Part| {
        segments(&part.name).any(|segment| is_pair(segment) && segments(&model.name).any(|other| other == segment))
    };
    let own: Vec<&Part> = parts.iter().filter(shares).copied().collect();
    if own.is_empty() { parts.to_vec() } else { own }
}

/// Whether a part of a name can be a pair of languages, as `enuk`.
fn is_pair(segment: &str) -> bool {
    (4..=6).contains(&segment.len())
        && segment.bytes().all(|b| b.is_ascii_lowercase())
        && !matches!(segment, "vocab" | "model")
}

fn segments(name: &str) -> impl Iterator<Item = &str> {
    name.split('.')
}

/// Configurations with their text; where there are several, the one that names the model comes first.
fn configs<'a>(parts: &[&'a Part], model: &Part) -> Result<Vec<(&'a Part, String)>, RegistryError> {
    let mut configs = Vec::new();
    for part in parts {
        let text = std::fs::read_to_string(&part.path).map_err(RegistryError::io("read", &part.path))?;
        configs.push((*part, text));
    }
    let names_it = |text: &str| list(text, "models").iter().any(|name| plain_name(name) == model.name);
    configs.sort_by_key(|(part, text)| (!names_it(text), part.name.clone()));
    Ok(configs)
}

/// The file names of a list in a configuration: `key:` with `- name` on the lines below, or `key: [a, b]`.
fn list(config: &str, key: &str) -> Vec<String> {
    let clean = |text: &str| {
        let text = text.split(" #").next().unwrap_or("").trim().trim_matches(['"', '\'']);
        text.rsplit(['/', '\\']).next().unwrap_or(text).to_string()
    };
    let mut names = Vec::new();
    let mut lines = config.lines();
    for line in lines.by_ref() {
        let Some(rest) = line.strip_prefix(key).and_then(|rest| rest.strip_prefix(':')) else { continue };
        if let Some(inline) = rest.trim().strip_prefix('[') {
            return inline.trim_end_matches(']').split(',').map(clean).filter(|name| !name.is_empty()).collect();
        }
        break;
    }
    for line in lines {
        match line.trim_start().strip_prefix("- ") {
            Some(name) => names.push(clean(name)),
            None if line.trim().is_empty() => {}
            None => break,
        }
    }
    names
}

/// The plain form of a packed file, unpacked once and checked whenever it is used again.
fn unpacked(path: &Path, format: Packing, name: &str, settings: &Settings) -> Result<PathBuf, RegistryError> {
    let lock = Lock::new(&settings.data_dir);
    let hash = hash_of(path, &lock)?;
    let store = settings.data_dir.join("unpacked");
    if let Ok(Some(known)) = stored(&store, &hash, name, &lock) {
        // Also where nothing can be written.
        return Ok(known);
    }
    let guard = exclusive(&store.join(format!("{hash}.lock")), name, &());
    let Ok(_guard) = guard else {
        // The data folder cannot be written, on a read-only disk perhaps: this run gets a copy of its own.
        let folder =
            tempfile::Builder::new().prefix("tlumach-").tempdir().map_err(RegistryError::io("write", &store))?.keep();
        let to = folder.join(name);
        unpack((path, &to), format, unpack::LIMIT, &())?;
        return Ok(to);
    };
    if let Some(known) = stored(&store, &hash, name, &lock)? {
        return Ok(known);
    }
    let staging = store.join(format!(".{hash}.incomplete"));
    std::fs::create_dir_all(&staging).map_err(RegistryError::io("create", &staging))?;
    let done = unpack((path, &staging.join(name)), format, unpack::LIMIT, &());
    let done = match done {
        Ok(done) => done,
        Err(error) => {
            let _ = std::fs::remove_dir_all(&staging);
            return Err(error);
        }
    };
    let target = store.join(format!("{}-{}", done.packed_sha256, done.sha256));
    if target.exists() {
        // The same content under another name, which somebody may be reading.
        std::fs::rename(staging.join(name), target.join(name)).map_err(RegistryError::io("write", &target))?;
        std::fs::remove_dir_all(&staging).map_err(RegistryError::io("remove", &staging))?;
    } else {
        std::fs::rename(&staging, &target).map_err(RegistryError::io("write", &target))?;
    }
    lock.remember(&target.join(name), &done.sha256);
    Ok(target.join(name))
}

/// The stored plain form of a packed file with this hash, if it is still what it was. Its folder is named by both hashes.
fn stored(store: &Path, hash: &str, name: &str, lock: &Lock) -> Result<Option<PathBuf>, RegistryError> {
    for entry in std::fs::read_dir(store).map_err(RegistryError::io("read", store))?.flatten() {
        let folder = entry.path();
        let folder_name = name_of(&folder);
        let Some(plain) = folder_name.strip_prefix(hash).and_then(|rest| rest.strip_prefix('-')) else { continue };
        let file = folder.join(name);
        if !file.is_file() {
            // The same file under another name is unpacked anew; it is small.
            continue;
        }
        if hash_of(&file, lock)? == plain {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

fn hash_of(path: &Path, lock: &Lock) -> Result<String, RegistryError> {
    if let Some(hash) = lock.remembered(path) {
        return Ok(hash);
    }
    let hash = digest(path, None, &())?.sha256;
    lock.remember(path, &hash);
    Ok(hash)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A name without the ending of a packed file.
fn plain_name(name: &str) -> String {
    [".gz", ".zst", ".zstd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_string()
}

/// What was found, for messages.
fn listed(parts: &[Part]) -> String {
    let all: Vec<String> = parts.iter().map(|part| format!("{} ({})", part.name, part.content.as_str())).collect();
    if all.is_empty() { "nothing".to_string() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, content: Content) -> Part {
        Part { name: name.into(), path: PathBuf::from(name), content }
    }

    fn check(model: &str, vocabularies: &[&str], config: Option<&str>, expected: Result<(&str, Option<&str>), &str>) {
        let model = part(model, Content::Model);
        let parts: Vec<Part> = vocabularies.iter().map(|name| part(name, Content::Vocabulary)).collect();
        let sides = sides(&model, &parts.iter().collect::<Vec<_>>(), config);
        let got = sides.as_ref().map(|s| (s.source.name.as_str(), s.target.map(|t| t.name.as_str())));
        match (got, expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected),
            (Err(got), Err(expected)) => assert!(got.contains(expected), "{got}"),
            (got, expected) => panic!("{vocabularies:?}: expected {expected:?}, got {got:?}"),
        }
    }

    #[test]
    fn names_and_then_the_configuration_tell_the_sides() {
        let model = "model.enuk.intgemm.alphas.bin";
        check(model, &["vocab.enuk.spm"], None, Ok(("vocab.enuk.spm", None)));
        let (s, t) = ("srcvocab.enuk.spm", "trgvocab.enuk.spm");
        check(model, &[t, s], None, Ok((s, Some(t))));
        check(model, &["vocab.uk.spm", "vocab.en.spm"], None, Ok(("vocab.en.spm", Some("vocab.uk.spm"))));
        check(model, &["vocab.uken.spm", "vocab.enuk.spm"], None, Ok(("vocab.enuk.spm", None)));
        let config = "models:\n  - m\nvocabs:\n  - ./b.spm.gz\n  - \"a.spm\" # target\nbeam-size: 1\n";
        check("m", &["a.spm", "b.spm"], Some(config), Ok(("b.spm", Some("a.spm"))));
        check("m", &["a.spm", "b.spm"], Some("vocabs: [a.spm, a.spm]"), Ok(("a.spm", None)));
        check("m", &["a.spm", "b.spm"], None, Err("cannot tell which"));
        check("m", &["a.spm", "b.spm", "c.spm"], None, Err("found 3"));
        check("m", &["a.spm", "b.spm", "c.spm"], Some(config), Ok(("b.spm", Some("a.spm"))));
        check(model, &[], None, Err("found none"));
        check(model, &["srcvocab.enuk.spm"], None, Err("trgvocab, is missing"));
    }

    proptest::proptest! {
        #[test]
        fn any_configuration_ends_in_a_list(config in "(vocabs:|models:|- a|\\[|\\]|,|\n| |\"|#|é){0,40}") {
            let _ = list(&config, "vocabs");
        }
    }
}
