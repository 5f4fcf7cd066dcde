//! All integration tests, in one binary.

mod decode;
mod schedule;
mod toy;
