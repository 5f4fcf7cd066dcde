//! The families of chat models and of GGUF files, and how files name them.

use super::Family;

impl Family {
    /// `general.architecture` of GGUF files, and the family.
    pub(crate) const GGUF_ARCHITECTURES: [(&'static str, Family); 7] = [
        ("gemma2", Family::Gemma2),
        ("gemma3", Family::Gemma3),
        ("hunyuan-dense", Family::HunyuanDense),
        ("llama", Family::Llama),
        ("qwen2", Family::Qwen2),
        ("qwen3", Family::Qwen3),
        ("t5", Family::T5),
    ];

    /// `model_type` of the `config.json` of causal models, and the family.
    pub(crate) const CAUSAL_MODEL_TYPES: [(&'static str, Family); 7] = [
        ("gemma2", Family::Gemma2),
        ("gemma3", Family::Gemma3),
        ("gemma3_text", Family::Gemma3),
        ("hunyuan_v1_dense", Family::HunyuanDense),
        ("llama", Family::Llama),
        ("qwen2", Family::Qwen2),
        ("qwen3", Family::Qwen3),
    ];

    /// The family of a GGUF file, by its `general.architecture`.
    pub(crate) fn of_gguf(architecture: &str) -> Option<Family> {
        Family::GGUF_ARCHITECTURES.iter().find(|(name, _)| *name == architecture).map(|(_, family)| *family)
    }

    /// The family of a folder with a causal model, by the `model_type` of its `config.json`.
    pub(crate) fn of_model_type(model_type: &str) -> Option<Family> {
        Family::CAUSAL_MODEL_TYPES.iter().find(|(name, _)| *name == model_type).map(|(_, family)| *family)
    }

    /// Whether it is a family of chat models, which can be asked for anything.
    pub fn is_chat(self) -> bool {
        matches!(
            self,
            Family::Gemma2 | Family::Gemma3 | Family::HunyuanDense | Family::Llama | Family::Qwen2 | Family::Qwen3
        )
    }
}
