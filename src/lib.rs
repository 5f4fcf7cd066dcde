//! tlumach loads open models through Candle and uses them to translate and summarize articles in English, Ukrainian and Korean.
//!
//! The modules stand in the order in which the data flows; `ARCHITECTURE.md` draws the flow and states the invariants.
//! The library never prints, never ends the process and never reads the environment: the binary's `cli` does.

pub mod article;
pub mod batch;
pub mod decode;
pub mod document;
pub mod glossary;
pub mod intern;
pub mod job;
pub mod kernels;
pub mod language;
pub mod memory;
pub mod model;
pub mod pipeline;
pub mod prompt;
pub mod quality;
pub mod registry;
pub mod review;
pub mod schedule;
pub mod segment;
pub mod store;
pub mod summarize;
pub mod token;
pub mod tokenize;
pub mod typography;
