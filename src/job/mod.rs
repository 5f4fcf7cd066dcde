//! The resolved job and what is written about it: the only serialised schemas beside the model cards.

pub mod journal;
pub mod report;
pub mod spec;
pub(crate) mod spool;
pub mod time;
