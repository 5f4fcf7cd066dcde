//! All integration tests, in one binary.

mod hub;
mod loopback;
mod mirror;
mod registry;
