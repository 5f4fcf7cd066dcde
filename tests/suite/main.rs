//! All integration tests, in one binary.

#![allow(clippy::unwrap_used)]

mod decode;
mod qwen;
mod schedule;
mod tokenize;
mod toy;
mod hub;
mod hub_crate;
mod loopback;
mod mirror;
mod registry;
#![allow(clippy::unwrap_used)]

mod architecture;
mod samples;
mod source_text;
