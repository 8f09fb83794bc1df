//! The network between nodes: gRPC over HTTP/2, one listener and a few connections per peer.
//!
//! Roles do not see it: they call [`crate::StorageNode`], [`crate::MetadataNode`] and consensus'
//! `Transport`. Nothing here retries a call. Decisions: docs/adr/0004-peer-transport.md.

mod charged;
mod client;
mod codec;
mod config;
mod identity;
mod network;
mod peers;
mod proof;
mod refusal;
mod server;

pub use client::{JoinFailed, PeerLinks, RemoteMetadata, RemoteStorage, join};
pub use config::PeerOptions;
pub use identity::NodeIdentity;
pub use network::{PeerListener, PeerNetwork, PeerStream, TcpNetwork};
pub use peers::{Acquaintances, PeerAddress, Peers};
pub use proof::{SecretTooShort, SharedSecret};
pub use refusal::{Refusal, RefusedField};
pub use server::{PeerServer, Replicas, Role, Served};
