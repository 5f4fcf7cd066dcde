//! All integration tests, in one binary.
#![allow(clippy::unwrap_used)]

mod architecture;
mod samples;
mod source_text;
