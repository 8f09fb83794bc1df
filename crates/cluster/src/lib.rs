//! How roles reach each other: internal traits, the shard map as gateways see it, finding a
//! group's leader, and the only retries of the house.
//!
//! A role never asks where another one runs: it calls a trait through the [`Router`].

mod call_deadline;
mod error;
mod metadata_node;
mod router;
mod status;
mod storage_node;
mod view;
mod wire;
mod writable;

pub use error::NodeError;
pub use metadata_node::{CreateStreamReply, MetadataNode};
pub use router::Router;
pub use status::GroupReport;
pub use storage_node::{
    Attempt, NewShards, PutItem, PutRecordIn, PutReply, PutRequest, ReadReply, ReadRequest, ReadStart, RecordFate,
    RecordOut, ShardKey, StorageNode,
};
pub use view::{ClusterView, ViewWatch};
pub use wire::{
    NodeIdentity, PeerAddress, PeerLinks, PeerListener, PeerNetwork, PeerOptions, PeerServer, PeerStream, Peers,
    Refusal, RefusedField, RemoteMetadata, RemoteStorage, Replicas, SecretTooShort, Served, SharedSecret, TcpNetwork,
};
pub use writable::Writable;
