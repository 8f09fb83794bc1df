//! Snapshots on their way from a leader to replicas that lack purged entries (D3, D4).
//!
//! The leader makes one copy for all of them (`outgoing`, `checkpoint`) and offers it (`sending`);
//! a receiver pulls it (`incoming`, `pull`), checks every byte (`manifest`), keeps what it has over
//! breaks and restarts (`staging`), and hands it to openraft and the machine when it is complete.

#[cfg(feature = "fuzzing")]
mod again;
mod checkpoint;
mod config;
mod incoming;
mod leftovers;
mod manifest;
mod message;
mod outgoing;
mod pace;
mod pull;
mod sending;
mod staging;

#[cfg(feature = "fuzzing")]
pub(crate) use again::{fetch_again, offer_again, offer_answer_again};
pub use config::{SnapshotOptions, Snapshots};
pub(crate) use incoming::Incoming;
pub(crate) use leftovers::clear;
#[cfg(feature = "fuzzing")]
pub(crate) use manifest::again as manifest_again;
pub(crate) use message::{fetch_answer, fetch_in, offer_answer, offer_in};
pub(crate) use outgoing::Outgoing;
pub(crate) use sending::SendError;
