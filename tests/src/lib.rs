//! Proofs about whole processes: starts the real binary and speaks to it as a client would.
//!
//! The client here is written apart from the house: it shares no code with the doors, so that
//! two readings of the protocol are compared. The proofs themselves are in `tests/tests`.
#![allow(clippy::disallowed_methods, reason = "real processes live in real time")]

pub mod client;
pub mod deadline;
pub mod http;
pub mod load;
pub mod node;
pub mod process;
pub mod settings;
pub mod signer;
pub mod streams;
