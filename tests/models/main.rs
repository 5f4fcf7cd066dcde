//! Tests on real checkpoints, in one binary; `make test-models` fetches the weights and runs them.

#![allow(clippy::unwrap_used)]

mod bergamot;
mod causal;
mod glossary;
mod marian;
mod quality;
mod qwen;
mod registry;
mod sentences;
mod tokenize;
