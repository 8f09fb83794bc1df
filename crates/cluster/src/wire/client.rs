//! The calling side: a [`PeerLinks`] per node, with a link to each other node.
//!
//! A link has four connections, so that none of them waits for what another one carries: entries,
//! votes and heartbeats, calls of the roles, snapshots. All are made when they are first needed.

mod append_codec;
mod calling;
mod connection;
mod failure;
mod join;
mod lane;
mod remote_metadata;
mod remote_storage;
mod status_details;
mod transport;

pub use join::{JoinFailed, join};
pub use remote_metadata::RemoteMetadata;
pub use remote_storage::RemoteStorage;

use crate::wire::config::PeerOptions;
use crate::wire::identity::{Identification, NodeIdentity};
use crate::wire::peers::Peers;
use anabranch_runtime::Env;
use anabranch_types::NodeId;
use lane::Lane;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The ways from this node to all others. Clones share them. Tasks run in the group of its
/// [`Env`] and end with it.
#[derive(Clone)]
pub struct PeerLinks {
    common: Arc<Common>,
    links: Arc<Mutex<HashMap<NodeId, Arc<PeerLink>>>>,
}

/// What every link needs.
struct Common {
    identification: Identification,
    peers: Arc<dyn Peers>,
    options: PeerOptions,
    env: Env,
}

/// The way to one other node.
struct PeerLink {
    appends: Arc<Lane>,
    messages: Arc<Lane>,
    calls: Arc<Lane>,
    snapshots: Arc<Lane>,
}

impl PeerLinks {
    /// Links of `this` node to those that `peers` knows. Connects to nobody yet.
    pub fn new(this: NodeIdentity, peers: Arc<dyn Peers>, options: PeerOptions, env: Env) -> Self {
        let (secret, listens_at) = (options.secret.clone(), options.listens_at.clone());
        let identification = Identification { this, secret, listens_at };
        let common = Arc::new(Common { identification, peers, options, env });
        PeerLinks { common, links: Arc::default() }
    }

    /// The storage role of `node`.
    pub fn storage(&self, node: NodeId) -> RemoteStorage {
        RemoteStorage::new(self.clone(), node)
    }

    /// The metadata role of `node`.
    pub fn metadata(&self, node: NodeId) -> RemoteMetadata {
        RemoteMetadata::new(self.clone(), node)
    }

    /// The link to `node`; when it is a new one, those to nodes that are gone are dropped.
    fn link(&self, node: NodeId) -> Arc<PeerLink> {
        let mut links = self.links.lock();
        if let Some(link) = links.get(&node) {
            return Arc::clone(link);
        }
        links.retain(|known, _| self.common.peers.reach(*known).is_some());
        let lane = |name| Arc::new(Lane::new(name, node, Arc::clone(&self.common)));
        let link = PeerLink {
            appends: lane("appends"),
            messages: lane("messages"),
            calls: lane("calls"),
            snapshots: lane("snapshots"),
        };
        Arc::clone(links.entry(node).or_insert(Arc::new(link)))
    }
}

impl fmt::Debug for PeerLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "links of node {}", self.common.identification.this.node)
    }
}
