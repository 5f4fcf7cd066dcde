//! From the files of a causal model, GGUF or safetensors, to a loaded model with its chat tokenizer.

use super::{LoadError, Parts, SearchDefaults, need};
use crate::model::causal_config::CausalConfig;
use crate::model::decoder_only::{Blueprint, DecoderOnly};
use crate::model::mapped::MappedTensors;
use crate::model::{LoadOptions, ModelError, gemma, gguf, hunyuan, llama, qwen, safetensors_map};
use crate::registry::{Family, ModelFiles, Role};
use crate::tokenize::Tokenizer;
use crate::tokenize::chat::{ChatTokenizer, Wording};
use crate::tokenize::json;
use std::path::Path;
use std::sync::Arc;

/// Loads network and tokenizer.
pub(super) fn load(files: &ModelFiles, options: &LoadOptions) -> Result<Parts, LoadError> {
    let bad_model = |source| LoadError::Model { name: files.name.clone(), source };
    let bad_tokenizer = |source| LoadError::Tokenizer { name: files.name.clone(), source };
    let (tensors, blueprint, tokenizer) = if let Some(path) = files.one(Role::Gguf) {
        let (tensors, blueprint, file) = of_gguf(files.family, path).map_err(bad_model)?;
        let tokenizer = ChatTokenizer::from_metadata(path, &file.metadata).map_err(bad_tokenizer)?;
        (tensors, blueprint, tokenizer)
    } else {
        let tokenizer = ChatTokenizer::open(&json::Files {
            tokenizer: need(files, Role::TokenizerJson)?,
            settings: files.one(Role::TokenizerConfig).map(Path::to_path_buf),
            template: files.one(Role::ChatTemplate).map(Path::to_path_buf),
        })
        .map_err(bad_tokenizer)?;
        let config = need(files, Role::Config)?;
        let (tensors, blueprint) = of_folder(files, &config).map_err(bad_model)?;
        (tensors, blueprint, tokenizer)
    };
    let tokenizer = tokenizer.with_wording(wording(files)).map_err(bad_tokenizer)?;
    let model = DecoderOnly::load(&tensors, blueprint, options).map_err(bad_model)?;
    let coder = tokenizer.tokenizer();
    let model = model.with_special_tokens(coder.end_tokens(), &coder.never());
    let model = model.with_token_classes(tokenizer.token_classes());
    Ok(Parts {
        model: Arc::new(model),
        tokenizer: Arc::new(tokenizer),
        beams: 1,
        length_penalty: 1.0,
        source_limit: None,
        rows: None,
        search: SearchDefaults::default(),
    })
}

fn of_gguf(family: Family, path: &Path) -> Result<(MappedTensors, Blueprint, gguf::GgufFile), ModelError> {
    let file = gguf::open(path)?;
    let blueprint = match family {
        Family::Gemma2 | Family::Gemma3 => gemma::blueprint(&file),
        Family::HunyuanDense => hunyuan::blueprint(&file),
        Family::Llama => llama::blueprint(&file),
        _ => qwen::blueprint(&file),
    }?;
    Ok((file.tensors().clone(), blueprint, file))
}

fn of_folder(files: &ModelFiles, config: &Path) -> Result<(MappedTensors, Blueprint), ModelError> {
    let config = CausalConfig::open(config, files.one(Role::GenerationConfig))?;
    let blueprint = match files.family {
        Family::Gemma2 | Family::Gemma3 => gemma::from_config(&config),
        Family::HunyuanDense => hunyuan::from_config(&config),
        Family::Llama => llama::from_config(&config),
        _ => qwen::from_config(&config),
    }?;
    let weights = files.files.get(&Role::Weights).cloned().unwrap_or_default();
    Ok((safetensors_map::open(&weights)?, blueprint))
}

/// What the card says of how the model is asked.
fn wording(files: &ModelFiles) -> Wording {
    let Some(prompt) = files.card.and_then(|card| card.prompt.clone()) else { return Wording::default() };
    Wording {
        system: prompt.system,
        translate: prompt.translate,
        translate_with_terms: prompt.translate_with_terms,
        term: prompt.term,
        translate_with_context: prompt.translate_with_context,
        chat_template: prompt.chat_template,
    }
}
