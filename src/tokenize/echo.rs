//! The tokenizer of the echo model: one id a byte.

use super::{TokenizeError, Tokenizer};
use crate::token::{Prompt, Task, TokenId};

/// The id that starts an answer.
const START: TokenId = 256;
/// The id that ends source and answer.
const END: TokenId = 257;

/// Bytes as ids.
#[derive(Debug, Default, Clone, Copy)]
pub struct EchoTokenizer;

impl Tokenizer for EchoTokenizer {
    fn encode(&self, text: &str, _task: &Task) -> Result<Prompt, TokenizeError> {
        let source = text.bytes().map(TokenId::from).chain([END]).collect();
        Ok(Prompt {
            source,
            prefix: vec![START],
            shared: 0,
            allowed: crate::token::TokenClasses::ALL,
            constraints: Vec::new(),
        })
    }

    fn decode(&self, ids: &[TokenId]) -> String {
        let bytes: Vec<u8> = ids.iter().filter_map(|&id| u8::try_from(id).ok()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn count(&self, text: &str) -> usize {
        text.len()
    }
}
