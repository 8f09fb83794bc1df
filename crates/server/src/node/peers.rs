//! The node's part in the network between nodes: its listener, its ways to the others, and what they
//! may call of it.

use super::error::StartError;
use crate::config::{NodeConfig, PeerSecret};
use crate::data_dir::{DataDir, EmptyDir, Identity};
use anabranch_cluster::{
    Acquaintances, JoinNode, JoinReply, JoinRequest, NodeError, NodeIdentity, PeerAddress, PeerLinks, PeerOptions,
    PeerServer, Peers, Role, Served, ViewWatch,
};
use anabranch_runtime::{Env, MemoryBudget, OnFailure, TaskGroup};
use anabranch_types::NodeId;
use futures::future::{BoxFuture, ready};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long the other nodes' open calls may take at the end.
const LAST_CALLS_PATIENCE: Duration = Duration::from_secs(2);

/// How this node talks to others.
pub(super) fn peer_options(config: &NodeConfig) -> PeerOptions {
    let secret = config.secret.as_ref().map(PeerSecret::shared);
    PeerOptions { secret, ..PeerOptions::default() }
}

/// Its ways to the others and what it shows them.
pub(super) struct PeerNet {
    pub links: PeerLinks,
    pub served: Served,
    tasks: TaskGroup,
}

impl PeerNet {
    /// Listens, where there is a listener; roles are served once they have started.
    pub fn start(
        config: &NodeConfig,
        directory: &DataDir,
        (listener, memory): (Option<TcpListener>, MemoryBudget),
        view: ViewWatch,
        env: &Env,
    ) -> Self {
        let env = env.in_group("peers");
        let Identity { cluster, node, incarnation, .. } = *directory.identity();
        let this = NodeIdentity { cluster, node, incarnation };
        let bound = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let listens_at = bound.map(|bound| config.advertised_peer(bound)).unwrap_or_default();
        let options = PeerOptions { listens_at, memory, ..peer_options(config) };
        let served = Served::default();
        let peers: Arc<dyn Peers> = Arc::new(Acquaintances::new(view));
        if let Some(listener) = listener {
            let server = PeerServer::new(this, served.clone(), Arc::clone(&peers), options.clone(), env.clone());
            env.tasks.spawn("peer_listener", OnFailure::ShutDown, Arc::new(server).serve(listener));
        }
        let links = PeerLinks::new(this, peers, options, env.clone());
        PeerNet { links, served, tasks: env.tasks }
    }

    /// Talks to nobody any more.
    pub async fn close(self) {
        if let Err(left) = self.tasks.shutdown(LAST_CALLS_PATIENCE).await {
            tracing::debug!(%left, "calls of other nodes were cut off");
        }
    }
}

/// Tells those that ask to join, while this directory belongs to no cluster itself. Ends with `env`.
pub(crate) fn answer_without_cluster(
    config: &NodeConfig,
    directory: &EmptyDir,
    listener: TcpListener,
    env: &Env,
) -> Result<(), StartError> {
    let incarnation = directory.incarnation(&*env.random)?;
    let nobody: Arc<dyn JoinNode> = Arc::new(NoCluster);
    let served = Served { joining: Role::of(nobody), ..Served::default() };
    let this = NodeIdentity::joining(incarnation);
    let server = PeerServer::new(this, served, Arc::new(NoCluster), peer_options(config), env.clone());
    env.tasks.spawn("peer_listener", OnFailure::ShutDown, Arc::new(server).serve(listener));
    Ok(())
}

/// Of a directory that belongs to none.
struct NoCluster;

impl JoinNode for NoCluster {
    fn join(&self, _: JoinRequest) -> BoxFuture<'_, Result<JoinReply, NodeError>> {
        Box::pin(ready(Ok(JoinReply::NoCluster)))
    }
}

impl Peers for NoCluster {
    fn peer(&self, _: NodeId) -> Option<PeerAddress> {
        None
    }

    fn may_be_new(&self, _: NodeId) -> bool {
        false
    }
}
