//! The JSON wire against a service that records what it is asked.

mod answers;
mod fast_and_checked;
mod recorder;
mod refusals;
mod requests;
