//! Nodes that talk to each other over sockets of this machine.

#![allow(clippy::unwrap_used, reason = "tests say what they expect bluntly")]
#![allow(clippy::disallowed_methods, reason = "tests start tasks where they need them")]

#[path = "../../../consensus/tests/replication/memory.rs"]
mod memory;

mod fakes;
mod joining;
mod net;
mod refusals;
mod remote;
mod replication;
mod stalls;
