//! Produce: records in the order of their keys, within credits, each answered.
//!
//! `sequencer.rs` decides what is written next and what a failure means; `credits.rs` what a client
//! may send; `session.rs` drives both and talks to the service.

mod batches;
mod credits;
mod sequencer;
#[cfg(test)]
mod sequencer_tests;
mod session;

pub(crate) use session::run;
