//! Consensus behind our own words: groups, proposals, read barriers.
//!
//! A [`Group`] replicates commands through the shared log and applies them to a [`Machine`].
//! openraft does the protocol (D1); no other crate names its types. This crate does not know
//! what a command means.

mod answer;
mod append_answers;
mod applied_row;
mod barrier;
mod codec;
mod config;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod group;
mod in_flight;
mod late_commits;
mod log_storage;
mod machine;
mod machine_adapter;
mod members;
mod message;
pub mod metrics;
mod network;
mod raft_types;
mod receive;
mod replica;
mod snapshot;
mod start_guard;
mod status;
mod transport;

pub use applied_row::AppliedRowError;
pub use config::GroupOptions;
pub use error::{BarrierError, MachineError, MembersError, NoRoom, ProposeError, StartError, TransferError};
pub use group::{Group, Proposed};
pub use in_flight::InFlight;
pub use machine::{AppliedState, CheckpointJob, Committed, FlushJob, Machine, Payload};
pub use message::MessageError;
pub use replica::{Refused, Replica, ReplicaAnswers};
pub use snapshot::{SnapshotOptions, Snapshots};
pub use status::{GroupStatus, Progress, Role};
pub use transport::{Answers, AppendMessage, FETCH_ANSWER_BYTES_MAX, MessageKind, NoPeers, Peer, Transport, Unreached};
