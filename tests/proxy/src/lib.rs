//! Stands between nodes and does to their connections what networks do: delays, narrow ways, stalls, cuts of one or
//! both directions, resets.
//!
//! It does nothing that TCP could not do: bytes come in order and whole, or the connection is reset. It knows
//! nothing of what is spoken.
#![allow(clippy::disallowed_methods, reason = "a tool beside the broker, with tasks and real time of its own")]

pub mod command;
mod connection;
pub mod link;
mod links;
mod pacing;
mod proxy;
mod pump;
mod source;

pub use proxy::{Answer, Proxy};
