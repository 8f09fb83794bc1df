//! The receiving side: one listener for the calls of all other nodes.
//!
//! A connection is not trusted: each call says who makes it (`identity.rs`), and is refused before
//! its body is read when that does not fit. Connections, headers, streams and bodies have limits.

mod accept;
mod appends;
mod asks;
mod fetches;
mod gate;
mod joining_calls;
mod metadata_calls;
mod replicas;
mod role;
mod storage_calls;

pub use replicas::Replicas;
pub use role::Role;

use crate::joining::JoinNode;
use crate::metadata_node::MetadataNode;
use crate::storage_node::StorageNode;
use crate::wire::codec::CodecError;
use crate::wire::config::PeerOptions;
use crate::wire::identity::{Identification, NodeIdentity};
use crate::wire::peers::Peers;
use crate::wire::refusal::{Refusal, RefusedField};
use anabranch_proto::peer::v1::joining_server::JoiningServer;
use anabranch_proto::peer::v1::metadata_calls_server::MetadataCallsServer;
use anabranch_proto::peer::v1::replica_appends_server::ReplicaAppendsServer;
use anabranch_proto::peer::v1::replica_messages_server::ReplicaMessagesServer;
use anabranch_proto::peer::v1::replica_snapshots_server::ReplicaSnapshotsServer;
use anabranch_proto::peer::v1::storage_calls_server::StorageCallsServer;
use anabranch_runtime::Env;
use appends::Appends;
use asks::Asks;
use fetches::Fetches;
use gate::RefusalLog;
use joining_calls::LocalJoining;
use metadata_calls::LocalMetadata;
use std::sync::Arc;
use storage_calls::LocalStorage;
use tokio::sync::Semaphore;
use tonic::Status;

/// Serves other nodes. Tasks run in the group of its [`Env`] and end with it.
pub struct PeerServer {
    identification: Identification,
    peers: Arc<dyn Peers>,
    options: PeerOptions,
    env: Env,
    connections: Arc<Semaphore>,
    refusals: RefusalLog,
    asks: ReplicaMessagesServer<Asks>,
    appends: ReplicaAppendsServer<Appends>,
    fetches: ReplicaSnapshotsServer<Fetches>,
    storage: StorageCallsServer<LocalStorage>,
    metadata: MetadataCallsServer<LocalMetadata>,
    joining: JoiningServer<LocalJoining>,
}

/// What of this node others can call.
#[derive(Clone, Default)]
pub struct Served {
    /// Replicas; they come and go.
    pub replicas: Replicas,
    /// The storage role.
    pub storage: Role<dyn StorageNode>,
    /// The metadata role.
    pub metadata: Role<dyn MetadataNode>,
    /// Lets others join.
    pub joining: Role<dyn JoinNode>,
}

impl PeerServer {
    /// A server of `this` node for those that `peers` knows.
    pub fn new(this: NodeIdentity, served: Served, peers: Arc<dyn Peers>, options: PeerOptions, env: Env) -> Self {
        let (ask_max, append_max, call_max) = (options.ask_bytes_max, options.append_bytes_max, options.call_bytes_max);
        let asks = Asks::new(served.replicas.clone());
        let fetches = Fetches::new(served.replicas.clone());
        let appends = Appends::new(served.replicas, env.tasks.stopping());
        let storage = StorageCallsServer::new(LocalStorage(served.storage))
            .max_decoding_message_size(call_max)
            .max_encoding_message_size(call_max);
        let metadata = MetadataCallsServer::new(LocalMetadata(served.metadata))
            .max_decoding_message_size(call_max)
            .max_encoding_message_size(call_max);
        let (secret, listens_at) = (options.secret.clone(), options.listens_at.clone());
        let identification = Identification { this, secret, listens_at };
        PeerServer {
            identification,
            peers,
            connections: Arc::new(Semaphore::new(options.connections_max)),
            refusals: RefusalLog::default(),
            asks: ReplicaMessagesServer::new(asks).max_decoding_message_size(ask_max),
            appends: ReplicaAppendsServer::new(appends).max_decoding_message_size(append_max),
            fetches: ReplicaSnapshotsServer::new(fetches).max_decoding_message_size(ask_max),
            storage,
            metadata,
            joining: JoiningServer::new(LocalJoining(served.joining)),
            options,
            env,
        }
    }
}

/// A message that does not parse refuses its call.
fn malformed(error: CodecError) -> Status {
    Refusal::new(RefusedField::Message, error.to_string()).into_status()
}
