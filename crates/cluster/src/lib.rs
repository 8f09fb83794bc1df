//! How roles reach each other: internal traits, the shard map as gateways see it, finding a
//! group's leader, and the only retries of the house.
//!
//! A role never asks where another one runs: it calls a trait through the [`Router`].

mod call_deadline;
mod error;
mod joining;
mod leader_calls;
mod membership;
mod metadata_node;
mod router;
mod status;
mod storage_node;
mod view;
mod wire;
mod writable;

pub use error::NodeError;
pub use joining::{JoinNode, JoinReply, JoinRequest, Welcome};
pub use leader_calls::{LeaderCalls, Nodes};
pub use membership::keep_members;
pub use metadata_node::{CreateStreamReply, MetadataNode, propose};
pub use router::{MetadataRouter, Router};
pub use status::{GroupReport, MemberReport, collect_reports, leaders_of};
pub use storage_node::{
    Attempt, NewRetention, NewShards, PutItem, PutRecordIn, PutReply, PutRequest, ReadReply, ReadRequest, ReadStart,
    RecordFate, RecordOut, ShardKey, StateHash, StorageNode, SubscriptionRead,
};
pub use view::{ClusterView, ViewWatch};
pub use wire::{
    Acquaintances, JoinFailed, NodeIdentity, PeerAddress, PeerLinks, PeerListener, PeerNetwork, PeerOptions,
    PeerServer, PeerStream, Peers, Refusal, RefusedField, RemoteMetadata, RemoteStorage, Replicas, Role,
    SecretTooShort, Served, SharedSecret, TcpNetwork, join,
};
pub use writable::Writable;
