//! Models without a card: a folder with `config.json` or a Firefox Translations model (see `folder`), or a `.gguf` file.
//!
//! The family is read from the files themselves; nothing is guessed from names. If the weights are those of a card, the card is
//! attached, so that licence and quality notes are known.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::cache::{plausible, shards};
use super::card::{Card, Family, Role, cards};
use super::digest::digest;
use super::lock::Lock;
use super::{ModelFiles, RegistryError, Settings};

/// What a Marian folder may hold beside its weights: name, role, whether it must be there.
const MARIAN: &[(&str, Role, bool)] = &[
    ("config.json", Role::Config, true),
    ("generation_config.json", Role::GenerationConfig, false),
    ("tokenizer_config.json", Role::TokenizerConfig, false),
    ("vocab.json", Role::Vocab, true),
    ("target_vocab.json", Role::TargetVocab, false),
    ("source.spm", Role::SourceSpm, true),
    ("target.spm", Role::TargetSpm, true),
];
/// The same for encoder-decoders as `transformers` publishes them.
const SEQ2SEQ: &[(&str, Role, bool)] = &[
    ("config.json", Role::Config, true),
    ("generation_config.json", Role::GenerationConfig, false),
    ("tokenizer_config.json", Role::TokenizerConfig, false),
    ("vocab.json", Role::Vocab, false),
    ("merges.txt", Role::Merges, false),
    ("tokenizer.json", Role::TokenizerJson, false),
    ("sentencepiece.bpe.model", Role::Spm, false),
    ("spiece.model", Role::Spm, false),
];
/// What the folder of a causal model may hold beside its weights.
const CAUSAL: &[(&str, Role, bool)] = &[
    ("config.json", Role::Config, true),
    ("generation_config.json", Role::GenerationConfig, false),
    ("tokenizer.json", Role::TokenizerJson, true),
    ("tokenizer_config.json", Role::TokenizerConfig, false),
    ("chat_template.jinja", Role::ChatTemplate, false),
];
/// Weight files in the order of preference.
const WEIGHTS: &[&str] = &["model.safetensors", "pytorch_model.bin"];
/// Those of causal models.
const CAUSAL_WEIGHTS: &[&str] = &["model.safetensors"];
/// Longest text that is read from a GGUF header before the architecture is found.
const MAX_TEXT: u64 = 1 << 24;

/// Reads what a path is; see [`super::from_path`].
pub(crate) fn from_path(path: &Path, settings: &Settings) -> Result<ModelFiles, RegistryError> {
    let metadata = std::fs::metadata(path).map_err(RegistryError::io("read", path))?;
    let (family, named) = if metadata.is_dir() { folder(path, settings)? } else { gguf(path)? };
    let lock = Lock::new(&settings.data_dir);
    let mut files: BTreeMap<Role, Vec<PathBuf>> = BTreeMap::new();
    let mut sha256 = BTreeMap::new();
    let mut weights = None;
    for (name, role, path) in named {
        let hash = if let Some(hash) = lock.remembered(&path) {
            hash
        } else {
            let hash = digest(&path, None, &())?.sha256;
            lock.remember(&path, &hash);
            hash
        };
        if matches!(role, Role::Weights | Role::Gguf) {
            weights = Some(hash.clone());
        }
        sha256.insert(name, hash);
        files.entry(role).or_default().push(path);
    }
    let card = weights.and_then(|hash| card_with(&hash)).filter(|card| card.family == family);
    Ok(ModelFiles {
        name: path.file_stem().or(path.file_name()).unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        family,
        card,
        revision: None,
        license: card.map(|card| card.license.name.clone()),
        files,
        sha256,
    })
}

/// The card that has a file of that hash among its weights.
fn card_with(hash: &str) -> Option<&'static Card> {
    cards().iter().find(|card| {
        card.files
            .iter()
            .any(|file| matches!(file.role, Role::Weights | Role::Gguf) && file.sha256.as_deref() == Some(hash))
    })
}

type Named = Vec<(String, Role, PathBuf)>;

fn folder(folder: &Path, settings: &Settings) -> Result<(Family, Named), RegistryError> {
    let config = folder.join("config.json");
    if !config.is_file() {
        if let Some(named) = super::folder::read(folder, settings)? {
            return Ok((Family::Bergamot, named));
        }
        return match ggufs(folder)?.as_slice() {
            [one] => gguf(one),
            [] => Err(not_a_model(
                folder,
                "expected config.json, a .gguf file or a model in Marian's binary format, found none of them",
                "name the folder that holds the checkpoint itself",
            )),
            several => Err(not_a_model(
                folder,
                &format!("expected one .gguf file, found {}", several.len()),
                "name the file instead of the folder",
            )),
        };
    }
    let text = std::fs::read_to_string(&config).map_err(RegistryError::io("read", &config))?;
    let json: serde_json::Value = serde_json::from_str(&text)
        .map_err(|e| not_a_model(&config, &format!("not JSON: {e}"), "fetch the file again"))?;
    match json.get("model_type").and_then(|value| value.as_str()) {
        Some("marian") => Ok((Family::Marian, named(folder, MARIAN, WEIGHTS)?)),
        Some("bart") => Ok((Family::Bart, named(folder, SEQ2SEQ, WEIGHTS)?)),
        Some("mbart") => Ok((Family::Mbart, named(folder, SEQ2SEQ, WEIGHTS)?)),
        Some("pegasus") => Ok((Family::Pegasus, named(folder, SEQ2SEQ, WEIGHTS)?)),
        Some("m2m_100") => Ok((Family::M2m100, named(folder, SEQ2SEQ, WEIGHTS)?)),
        Some("t5" | "mt5" | "umt5") => t5(folder),
        Some(kind) if Family::of_model_type(kind).is_some() => {
            let family = Family::of_model_type(kind).unwrap_or(Family::Llama);
            Ok((family, named(folder, CAUSAL, CAUSAL_WEIGHTS)?))
        }
        Some(other) => Err(not_a_model(
            folder,
            &format!("model_type {other:?} is not supported: expected one of {}", model_types()),
            "use a model of `tlumach models list`, a folder of one of these types, a Firefox Translations folder or a .gguf",
        )),
        None => Err(not_a_model(&config, "expected a text model_type, found none", "fetch the file again")),
    }
}

/// A folder of T5: weights as `transformers` writes them or, without any, one GGUF file. Such a file is whole if it names its
/// architecture; one that does not holds the tensors alone, under the names that `transformers` has for them.
fn t5(folder: &Path) -> Result<(Family, Named), RegistryError> {
    let usual = named(folder, SEQ2SEQ, WEIGHTS);
    match (&usual, ggufs(folder)?.as_slice()) {
        (Err(RegistryError::Missing { .. }), [one]) => {
            if architecture(one).is_ok() {
                return gguf(one);
            }
            let name = one.file_name().unwrap_or_default().to_string_lossy();
            Ok((Family::T5, named(folder, SEQ2SEQ, &[&*name])?))
        }
        _ => Ok((Family::T5, usual?)),
    }
}

/// The GGUF files of a folder, in the order of their names.
fn ggufs(folder: &Path) -> Result<Vec<PathBuf>, RegistryError> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(RegistryError::io("read", folder))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf")))
        .collect();
    found.sort();
    Ok(found)
}

/// The types of `config.json` that are read.
fn model_types() -> String {
    ["marian", "bart", "mbart", "pegasus", "m2m_100", "t5", "mt5", "umt5"]
        .iter()
        .chain(Family::CAUSAL_MODEL_TYPES.iter().map(|(name, _)| name))
        .copied()
        .collect::<Vec<_>>()
        .join(", ")
}

/// The files of a folder by their usual names, and its weights, whole or in shards.
fn named(folder: &Path, wanted: &[(&str, Role, bool)], weights: &[&str]) -> Result<Named, RegistryError> {
    let missing = |what: &str| RegistryError::Missing {
        place: folder.display().to_string(),
        what: what.to_string(),
        advice: "copy all files of the checkpoint into the folder".to_string(),
    };
    let mut named = Named::new();
    for (name, role, needed) in wanted {
        let path = folder.join(name);
        if path.is_file() {
            check_content(*role, &path)?;
            named.push(((*name).to_string(), *role, path));
        } else if *needed {
            return Err(missing(name));
        }
    }
    for name in weights {
        let (path, index) = (folder.join(name), folder.join(format!("{name}.index.json")));
        if path.is_file() {
            check_content(Role::Weights, &path)?;
            named.push(((*name).to_string(), Role::Weights, path));
            return Ok(named);
        }
        if index.is_file() {
            let parts = shards(&index)?;
            named.push((format!("{name}.index.json"), Role::WeightsIndex, index));
            for part in parts {
                let path = folder.join(&part);
                if !path.is_file() {
                    return Err(missing(&part));
                }
                check_content(Role::Weights, &path)?;
                named.push((part, Role::Weights, path));
            }
            return Ok(named);
        }
    }
    Err(missing(&format!("weights ({})", weights.join(" or "))))
}

fn check_content(role: Role, path: &Path) -> Result<(), RegistryError> {
    plausible(role, path, None).ok_or_else(|| {
        let reason =
            format!("does not look like a {} file: empty, cut short, a pointer or an error page", role.as_str());
        not_a_model(path, &reason, "fetch the file again")
    })
}

fn gguf(path: &Path) -> Result<(Family, Named), RegistryError> {
    let architecture = architecture(path)?;
    let Some(family) = Family::of_gguf(&architecture) else {
        let known: Vec<&str> = Family::GGUF_ARCHITECTURES.iter().map(|(name, _)| *name).collect();
        let reason = if architecture == "t5encoder" {
            "it is the encoder of a T5 alone (GGUF architecture t5encoder), which writes no text: expected t5"
                .to_string()
        } else {
            format!("GGUF architecture {architecture:?} is not supported: expected one of {}", known.join(", "))
        };
        return Err(not_a_model(path, &reason, "use a model of `tlumach models list` or a .gguf of one of these"));
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((family, vec![(name, Role::Gguf, path.to_path_buf())]))
}

/// `general.architecture` of a GGUF file. The layout is that of the GGUF specification, versions 2 and 3, little endian.
fn architecture(path: &Path) -> Result<String, RegistryError> {
    let file = File::open(path).map_err(RegistryError::io("read", path))?;
    let mut reader = BufReader::new(file);
    let mut magic = [0; 4];
    let known = reader.read_exact(&mut magic).is_ok() && &magic == b"GGUF";
    if !known {
        return Err(not_a_model(
            path,
            "expected a folder or a GGUF file, found neither",
            "name a model folder or a .gguf",
        ));
    }
    search(&mut reader).map_err(|e| {
        let reason = format!("GGUF header: {e}");
        not_a_model(path, &reason, "the file is cut short or damaged: fetch it again")
    })
}

fn search(reader: &mut (impl Read + Seek)) -> std::io::Result<String> {
    let bad = |text: String| std::io::Error::new(std::io::ErrorKind::InvalidData, text);
    let version = u32(reader)?;
    if !(2..=3).contains(&version) {
        return Err(bad(format!("expected version 2 or 3, got {version}")));
    }
    let _tensors = u64(reader)?;
    let entries = u64(reader)?;
    for _ in 0..entries {
        let key = text(reader)?;
        let kind = u32(reader)?;
        if key == "general.architecture" {
            return if kind == 8 { text(reader) } else { Err(bad(format!("{key}: expected a text, got type {kind}"))) };
        }
        skip(reader, kind)?;
    }
    Err(bad("no general.architecture".to_string()))
}

/// Bytes of a value of a fixed size.
fn width(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

fn skip(reader: &mut (impl Read + Seek), kind: u32) -> std::io::Result<()> {
    let bad = || std::io::Error::new(std::io::ErrorKind::InvalidData, format!("unknown value type {kind}"));
    match kind {
        8 => text(reader).map(|_| ()),
        9 => {
            let (inner, count) = (u32(reader)?, u64(reader)?);
            match (width(inner), inner) {
                (Some(bytes), _) => forward(reader, bytes.saturating_mul(count)),
                (None, 8) => (0..count).try_for_each(|_| text(reader).map(|_| ())),
                _ => Err(bad()),
            }
        }
        _ => forward(reader, width(kind).ok_or_else(bad)?),
    }
}

fn forward(reader: &mut impl Seek, bytes: u64) -> std::io::Result<()> {
    let bytes = i64::try_from(bytes).map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidData))?;
    reader.seek(SeekFrom::Current(bytes)).map(|_| ())
}

fn u32(reader: &mut impl Read) -> std::io::Result<u32> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn u64(reader: &mut impl Read) -> std::io::Result<u64> {
    let mut bytes = [0; 8];
    reader.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn text(reader: &mut impl Read) -> std::io::Result<String> {
    let length = u64(reader)?;
    if length > MAX_TEXT {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, format!("a text of {length} bytes")));
    }
    let mut bytes = Vec::new();
    reader.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn not_a_model(path: &Path, reason: &str, advice: &str) -> RegistryError {
    RegistryError::NotAModel { path: path.to_path_buf(), reason: reason.to_string(), advice: advice.to_string() }
}

#[cfg(test)]
mod tests {
    use super::search;

    proptest::proptest! {
        #[test]
        fn any_bytes_end_in_an_answer_or_an_error(
            start in proptest::sample::select(vec![vec![], vec![3u8, 0, 0, 0], [vec![3u8, 0, 0, 0], vec![0; 8], vec![255; 8]].concat()]),
            rest in proptest::collection::vec(0u8..16, 0..200),
        ) {
            let _ = search(&mut std::io::Cursor::new([start, rest].concat()));
        }
    }
}
