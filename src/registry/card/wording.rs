//! What cards say of licences in one word, and of how a chat model is asked.

use serde::Deserialize;

/// What a licence allows, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LicenseClass {
    /// Any use, with the usual notices.
    #[default]
    Open,
    /// No commercial use.
    NonCommercial,
    /// Terms that each user accepts at the Hub, which gives the files to a token only (`HF_TOKEN`).
    Gated,
    /// Not for users in some countries.
    TerritoryLimited,
}

impl LicenseClass {
    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            LicenseClass::Open => "open",
            LicenseClass::NonCommercial => "non-commercial",
            LicenseClass::Gated => "gated",
            LicenseClass::TerritoryLimited => "territory-limited",
        }
    }
}

/// How a checkpoint was trained to be asked; what is not said is asked as all chat models are. Places in the texts: `{from}`,
/// `{to}` (names of languages), `{from_code}`, `{to_code}`, `{text}`, `{terms}`, `{context}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptWording {
    /// Where the authors say so.
    #[serde(default)]
    pub source: String,
    /// System message of a translation; empty for none.
    #[serde(default)]
    pub system: String,
    /// Request for a translation.
    #[serde(default)]
    pub translate: Option<String>,
    /// The same with terms.
    #[serde(default)]
    pub translate_with_terms: Option<String>,
    /// A line of `{terms}`, with `{term}` and `{translation}`.
    #[serde(default)]
    pub term: Option<String>,
    /// The same with what stands around the text.
    #[serde(default)]
    pub translate_with_context: Option<String>,
    /// A chat template (Jinja) instead of that of the checkpoint.
    #[serde(default)]
    pub chat_template: Option<String>,
}
