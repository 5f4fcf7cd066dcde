//! All integration tests, in one binary.

#![allow(clippy::unwrap_used)]

mod addresses;
mod align;
mod architecture;
mod bergamot;
mod bergamot_loading;
mod bergamot_shapes;
mod causal;
mod causal_loading;
mod check;
mod cli;
mod constrained;
mod decode;
mod doctor;
mod feeds;
mod glossary;
mod html;
mod hub;
mod hub_crate;
mod identity;
mod jobs;
mod loopback;
mod marian;
mod mirror;
mod pipeline;
mod planner;
mod qwen;
mod records;
mod registry;
mod review;
mod samples;
mod schedule;
mod seq2seq;
mod seq2seq_loading;
mod seq2seq_tokenize;
mod source_text;
mod tokenize;
mod toy;
