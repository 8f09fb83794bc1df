//! The ways from a node to the roles of all nodes, itself included.

use crate::call_deadline;
use crate::error::NodeError;
use crate::leader_calls::{LeaderCalls, Nodes};
use crate::metadata_node::{CreateStreamReply, MetadataNode};
use crate::storage_node::StorageNode;
use crate::view::{ClusterView, ViewWatch};
use crate::wire::PeerLinks;
use anabranch_catalog::{StreamMap, StreamStatus};
use anabranch_runtime::Env;
use anabranch_types::{AccountId, GroupId, MapVersion, NodeId, RequestId, StreamName};
use bytes::Bytes;
use futures::future::BoxFuture;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// Calls the storage nodes that lead groups.
pub type Router = LeaderCalls<dyn StorageNode>;

/// How long the catalog's leader is looked for when a client only waits to hear that something does
/// not exist.
const VERSION_PATIENCE: Duration = Duration::from_secs(3);
/// How long a call waits for this node to see what it has done.
const VIEW_PATIENCE: Duration = Duration::from_secs(5);
/// How long a call of the metadata service may take when its caller has set no deadline: creating
/// a stream waits for its groups.
const METADATA_PATIENCE: Duration = Duration::from_secs(30);

impl Router {
    /// A router of node `this` whose own storage role is `local`; those of other nodes are reached by
    /// `links`. Who hosts which group is what `view` says at the moment of each try.
    pub fn of_cluster(this: NodeId, local: Arc<dyn StorageNode>, links: PeerLinks, view: ViewWatch, env: Env) -> Self {
        let remote = move |node| Arc::new(links.storage(node)) as Arc<dyn StorageNode>;
        let leader = |local: &dyn StorageNode, group| local.leader(group);
        LeaderCalls::new(ClusterNodes { this, local, leader, remote, view }, env)
    }
}

/// The nodes of the cluster as this one sees them. It asks itself first where it has a replica:
/// that costs nothing and usually names the leader.
struct ClusterNodes<N: ?Sized, L, F> {
    this: NodeId,
    local: Arc<N>,
    /// Who leads a group by what `local` knows.
    leader: L,
    remote: F,
    view: ViewWatch,
}

impl<N, L, F> Nodes<N> for ClusterNodes<N, L, F>
where
    N: ?Sized + Send + Sync + 'static,
    L: Fn(&N, GroupId) -> Option<NodeId> + Send + Sync + 'static,
    F: Fn(NodeId) -> Arc<N> + Send + Sync + 'static,
{
    fn candidates(&self, group: GroupId) -> Vec<NodeId> {
        let view = self.view.load();
        let hosts = view.map.group(group).into_iter().flat_map(|group| group.voters().map(|replica| replica.node));
        let mut nodes: Vec<NodeId> = hosts.collect();
        nodes.sort_by_key(|node| *node != self.this);
        nodes
    }

    fn node(&self, node: NodeId) -> Option<Arc<N>> {
        if node == self.this {
            return Some(Arc::clone(&self.local));
        }
        self.view.load().map.node(node).map(|_| (self.remote)(node))
    }

    fn leader(&self, group: GroupId) -> Option<NodeId> {
        (self.leader)(&self.local, group)
    }
}

/// The metadata service, wherever its leader is. What it has done is seen in this node's view when
/// it answers.
#[derive(Clone)]
pub struct MetadataRouter {
    leaders: LeaderCalls<dyn MetadataNode>,
    view: ViewWatch,
    env: Env,
}

impl MetadataRouter {
    /// A router of node `this` whose own metadata role is `local`.
    pub fn of_cluster(this: NodeId, local: Arc<dyn MetadataNode>, links: PeerLinks, view: ViewWatch, env: Env) -> Self {
        let remote = move |node| Arc::new(links.metadata(node)) as Arc<dyn MetadataNode>;
        let leader = |local: &dyn MetadataNode, _| local.leader();
        let nodes = ClusterNodes { this, local, leader, remote, view: view.clone() };
        MetadataRouter { leaders: LeaderCalls::new(nodes, env.clone()), view, env }
    }

    async fn call<T, F>(&self, operation: F) -> Result<T, NodeError>
    where
        F: Fn(Arc<dyn MetadataNode>) -> BoxFuture<'static, Result<T, NodeError>>,
    {
        let now = self.env.clock.monotonic();
        let deadline = now + call_deadline::left(now).unwrap_or(METADATA_PATIENCE);
        self.leaders.call(GroupId::METADATA, deadline, operation).await
    }

    /// What the leader has done reaches this node's view a moment later. A view that lags for longer
    /// than [`VIEW_PATIENCE`] is shown as it is.
    async fn seen(&self, is_seen: impl Fn(&ClusterView) -> bool) -> bool {
        let seen = self.view.wait_within(VIEW_PATIENCE, is_seen).await.is_some();
        if !seen {
            tracing::warn!("this node's view of the catalog lags behind the leader's");
        }
        seen
    }
}

impl MetadataNode for MetadataRouter {
    fn create_stream(
        &self,
        request: RequestId,
        account: AccountId,
        name: StreamName,
        shards: NonZeroU32,
    ) -> BoxFuture<'_, Result<CreateStreamReply, NodeError>> {
        Box::pin(async move {
            let of_call = name.clone();
            let reply = self.call(move |node| {
                let name = of_call.clone();
                Box::pin(async move { node.create_stream(request, account, name, shards).await })
            });
            let reply = reply.await?;
            if reply == CreateStreamReply::Created {
                let is_ready = |map: &Arc<StreamMap>| map.stream.status != StreamStatus::Creating;
                self.seen(|view| view.map.stream_named(account, &name).is_some_and(is_ready)).await;
            }
            Ok(reply)
        })
    }

    fn delete_stream(&self, account: AccountId, name: StreamName) -> BoxFuture<'_, Result<bool, NodeError>> {
        Box::pin(async move {
            let uid = self.view.load().map.stream_named(account, &name).map(|map| map.stream.uid);
            let deleted = self.call(move |node| {
                let name = name.clone();
                Box::pin(async move { node.delete_stream(account, name).await })
            });
            let deleted = deleted.await?;
            if let Some(uid) = uid {
                self.seen(|view| view.map.stream(uid).is_none()).await;
            }
            // A try whose answer was lost may have deleted what the next one did not find.
            Ok(deleted || uid.is_some())
        })
    }

    fn propose(&self, command: Bytes) -> BoxFuture<'_, Result<Bytes, NodeError>> {
        Box::pin(self.call(move |node| {
            let command = command.clone();
            Box::pin(async move { node.propose(command).await })
        }))
    }

    fn version(&self) -> BoxFuture<'_, Result<MapVersion, NodeError>> {
        Box::pin(async move {
            let deadline = self.env.clock.monotonic() + VERSION_PATIENCE;
            let ask = |node: Arc<dyn MetadataNode>| async move { node.version().await };
            let version = self.leaders.call(GroupId::METADATA, deadline, ask).await?;
            if self.seen(|view| view.map.version() >= version).await {
                return Ok(version);
            }
            Err(NodeError::Unknown { reason: "this node's view of the catalog lags behind the leader's".to_owned() })
        })
    }
}
