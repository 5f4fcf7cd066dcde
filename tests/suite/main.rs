//! All integration tests, in one binary.

mod decode;
mod marian;
mod schedule;
mod toy;
