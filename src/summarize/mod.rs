//! Summaries without and with a model: choosing sentences of an article, and splitting an article that does not fit.
//!
//! Stands beside the searches: the pipeline asks [`plan`] how to cut a long article before a model reads it, and
//! [`extractive`] for the summary where no model is present. Loads no model and writes no text of its own.

pub mod extractive;
pub mod plan;
