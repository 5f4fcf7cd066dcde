//! All integration tests, in one binary.

mod hub;
mod hub_crate;
mod loopback;
mod mirror;
mod registry;
