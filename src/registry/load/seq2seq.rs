//! Encoder-decoders as `transformers` publishes them: BART, mBART-50, PEGASUS, M2M100, SMaLL-100, NLLB-200, T5 and MADLAD-400.

use super::{LoadError, Parts, SearchDefaults, need};
use crate::language::Language;
use crate::model::checkpoint::Files;
use crate::model::encoder_decoder::{Description, EncoderDecoder};
use crate::model::{LoadOptions, ModelError, bart, gguf, m2m100, t5};
use crate::registry::{Family, ModelFiles, Role};
use crate::token::TokenId;
use crate::tokenize::bart::BartTokenizer;
use crate::tokenize::multilingual::{MultilingualTokenizer, Network, Scheme};
use crate::tokenize::spiece::{self, SpieceTokenizer};
use crate::tokenize::{TokenizeError, Tokenizer};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Sentences longer than this are cut for translation models: they were trained on sentences and lose text beyond.
const SENTENCE_TOKENS: usize = 128;
/// Articles longer than this are summarized in parts by T5: its networks read more, but were trained on so much.
const T5_ARTICLE_TOKENS: usize = 512;
/// What the pieces of translators from many languages come in.
const PIECES: &str = "sentencepiece.bpe.model";
/// Rows of the table of T5 1.0 and 1.1 and flan-T5: 32,000 pieces, filled up; and what stands before what they summarize.
const T5_TABLE: usize = 32_128;
const T5_SUMMARY: &str = "summarize: ";
/// Layers of SMaLL-100's encoder and decoder, by which its files are told from those of M2M100 where nothing names it.
const SMALL100_LAYERS: (usize, usize) = (12, 3);

/// Loads a model of one of these families.
///
/// # Errors
/// As [`super::load`].
pub(super) fn load(files: &ModelFiles, options: &LoadOptions) -> Result<Parts, LoadError> {
    let bad_model = |source: ModelError| LoadError::Model { name: files.name.clone(), source };
    let Opened { weights, description, tokenizer, source_limit } = match files.one(Role::Gguf) {
        Some(path) => of_gguf(files, path)?,
        None => of_folder(files)?,
    };
    let classes = tokenizer.token_classes();
    let defaults = description.defaults.clone();
    let model = EncoderDecoder::open(&weights, description, (options, &classes)).map_err(bad_model)?;
    Ok(Parts {
        model: Arc::new(model),
        tokenizer,
        beams: defaults.num_beams,
        length_penalty: defaults.length_penalty,
        source_limit,
        rows: None,
        search: SearchDefaults {
            min_length: defaults.min_length,
            no_repeat_ngram: defaults.no_repeat_ngram_size,
            early_stopping: defaults.early_stopping,
            repetition_penalty: Some(defaults.repetition_penalty),
        },
    })
}

/// What the files of a model say, before the weights are read.
struct Opened {
    weights: Vec<PathBuf>,
    description: Description,
    tokenizer: Arc<dyn Tokenizer>,
    source_limit: Option<usize>,
}

fn of_folder(files: &ModelFiles) -> Result<Opened, LoadError> {
    let bad_tokenizer = |source: TokenizeError| LoadError::Tokenizer { name: files.name.clone(), source };
    let checkpoint = Files {
        config: need(files, Role::Config)?,
        generation_config: files.one(Role::GenerationConfig).map(Path::to_path_buf),
        weights: files.files.get(&Role::Weights).cloned().unwrap_or_default(),
    };
    let description = match files.family {
        Family::M2m100 => m2m100::describe(&checkpoint),
        Family::T5 => t5::describe(&checkpoint),
        _ => bart::describe(&checkpoint),
    }
    .map_err(|source| LoadError::Model { name: files.name.clone(), source })?;
    let (tokenizer, source_limit): (Arc<dyn Tokenizer>, Option<usize>) = match files.family {
        Family::M2m100 | Family::Mbart => (Arc::new(multilingual(files, &description)?), Some(SENTENCE_TOKENS)),
        Family::T5 | Family::Pegasus => {
            let path = need(files, Role::Spm)?;
            let own = text_at(&checkpoint.config, &["task_specific_params", "summarization", "prefix"]);
            let tokenizer = SpieceTokenizer::open(&path, settings(files, &description, own)).map_err(bad_tokenizer)?;
            let limit = if files.family == Family::T5 { t5_limit(&tokenizer) } else { sentence_limit(&tokenizer) };
            (Arc::new(tokenizer), limit)
        }
        _ => (Arc::new(byte_pairs(files, &description)?), None),
    };
    Ok(Opened { weights: checkpoint.weights, description, tokenizer, source_limit })
}

fn of_gguf(files: &ModelFiles, path: &Path) -> Result<Opened, LoadError> {
    let bad_model = |source: ModelError| LoadError::Model { name: files.name.clone(), source };
    let file = gguf::open(path).map_err(bad_model)?;
    let description = t5::describe_gguf(&file).map_err(bad_model)?;
    // No file says how a summary is asked for. What has the table of T5's English vocabulary was trained with this prefix.
    let own = (description.spec.vocab == T5_TABLE).then(|| T5_SUMMARY.to_string());
    let tokenizer = SpieceTokenizer::from_metadata(path, &file.metadata, settings(files, &description, own))
        .map_err(|source| LoadError::Tokenizer { name: files.name.clone(), source })?;
    let source_limit = t5_limit(&tokenizer);
    Ok(Opened { weights: vec![path.to_path_buf()], description, tokenizer: Arc::new(tokenizer), source_limit })
}

fn sentence_limit(tokenizer: &SpieceTokenizer) -> Option<usize> {
    tokenizer.translates().then_some(SENTENCE_TOKENS)
}

fn t5_limit(tokenizer: &SpieceTokenizer) -> Option<usize> {
    sentence_limit(tokenizer).or(Some(T5_ARTICLE_TOKENS))
}

fn multilingual(files: &ModelFiles, description: &Description) -> Result<MultilingualTokenizer, LoadError> {
    let vocab = files.one(Role::Vocab).map(Path::to_path_buf);
    let layers = (description.architecture.encoder.layers, description.architecture.decoder.layers);
    let scheme = match (files.family, &vocab) {
        (Family::Mbart, _) => Scheme::Mbart50,
        (_, None) => Scheme::Nllb,
        (_, Some(_)) if layers == SMALL100_LAYERS || is_small100(files) => Scheme::Small100,
        (_, Some(_)) => Scheme::M2m100,
    };
    let network =
        Network { vocab: description.architecture.target_vocab, decoder_start: description.defaults.decoder_start };
    // M2M100 numbers its pieces by vocab.json, and no tokenizer.json of it is published; the others can do with that alone.
    let json = files.one(Role::TokenizerJson).filter(|_| vocab.is_none());
    let Some(pieces) = files.one(Role::Spm).or(json) else {
        let folder = files.one(Role::Config).and_then(Path::parent).unwrap_or(Path::new(""));
        let reason = "the file is missing; copy it from the checkpoint's repository".to_string();
        let source = TokenizeError::File { path: folder.join(PIECES), reason };
        return Err(LoadError::Tokenizer { name: files.name.clone(), source });
    };
    let parts = crate::tokenize::multilingual::Files { pieces: pieces.to_path_buf(), vocab };
    MultilingualTokenizer::open(&parts, scheme, network)
        .map_err(|source| LoadError::Tokenizer { name: files.name.clone(), source })
}

/// Whether `tokenizer_config.json` names SMaLL-100's own tokenizer.
fn is_small100(files: &ModelFiles) -> bool {
    let class = files.one(Role::TokenizerConfig).and_then(|path| text_at(path, &["tokenizer_class"]));
    class.is_some_and(|class| class.to_lowercase().contains("small100"))
}

fn byte_pairs(files: &ModelFiles, description: &Description) -> Result<BartTokenizer, LoadError> {
    use crate::tokenize::bart::{Files, Settings};
    let merges = files.one(Role::Vocab).zip(files.one(Role::Merges));
    let parts = match merges {
        Some((vocab, merges)) => Files::Merges(vocab.to_path_buf(), merges.to_path_buf()),
        None => Files::Whole(need(files, Role::TokenizerJson)?),
    };
    let defaults = &description.defaults;
    let settings = Settings {
        vocab: description.architecture.target_vocab,
        begin: defaults.bos.unwrap_or(0),
        end: defaults.eos,
        prefix: prefix(description),
        languages: languages(files),
    };
    BartTokenizer::open(&parts, settings).map_err(|source| LoadError::Tokenizer { name: files.name.clone(), source })
}

/// What an answer starts from.
fn prefix(description: &Description) -> Vec<TokenId> {
    std::iter::once(description.defaults.decoder_start).chain(description.defaults.forced_bos).collect()
}

/// `own` is what the checkpoint says to put before an article that is to be summarized; the card may say something else.
fn settings(files: &ModelFiles, description: &Description, own: Option<String>) -> spiece::Settings {
    let card = files.card.and_then(|card| card.summary.prefix.clone());
    spiece::Settings {
        vocab: description.architecture.target_vocab,
        offset: if files.family == Family::Pegasus { spiece::PEGASUS_OFFSET } else { 0 },
        decoder_start: description.defaults.decoder_start,
        end: description.defaults.eos,
        summary_prefix: card.or(own).unwrap_or_default(),
        languages: languages(files),
    }
}

/// The languages that the card says it writes well, in which alone it summarizes.
fn languages(files: &ModelFiles) -> Vec<Language> {
    files.card.map(|card| card.writes_well.clone()).unwrap_or_default()
}

/// A text in a JSON file that has been read before; none if it is not there.
fn text_at(path: &Path, keys: &[&str]) -> Option<String> {
    let json: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    keys.iter().try_fold(&json, |value, key| value.get(key))?.as_str().map(str::to_string)
}
