//! The storage role: hosts replication groups and serves their shards.
//!
//! Routing and the texts of errors are the gateway's; which groups exist is the catalog's.

mod admission;
mod budgets;
mod codec;
mod config;
mod consumption;
mod create_shards;
mod drop_stream;
mod error;
mod flush_turns;
mod group_host;
mod hosting;
mod locate;
mod machine;
mod maintenance;
mod metrics;
mod put;
mod put_batches;
mod read;
mod seal;
mod set_retention;
mod shared;
mod storage;
mod subscriptions;
mod trimming;

pub use config::StorageOptions;
pub use error::{HostError, OpenError};
pub use group_host::{HostParts, HostedGroup};
pub use hosting::{FilesError, Hosting, HostingError, ReplicaFiles, ReplicaLost, founders};
pub use machine::ShardMachine;
pub use metrics::describe;
pub use storage::Storage;
