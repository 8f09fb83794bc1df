//! Makes directories nodes of the cluster (D14).

use anabranch_catalog::{RegisterNode, ShardMap, UpdateNode};
use anabranch_cluster::{JoinNode, JoinReply, JoinRequest, MetadataNode, NodeError, ViewWatch, Welcome, propose};
use anabranch_runtime::Env;
use anabranch_types::{ClusterId, GroupId, NodeId};
use futures::future::BoxFuture;
use std::sync::Arc;

/// Passes on, on any node, what a directory asks for that wants to join.
pub struct Joining {
    /// The cluster that it would join.
    pub cluster: ClusterId,
    /// Registers it.
    pub metadata: Arc<dyn MetadataNode>,
    /// Shows it.
    pub view: ViewWatch,
    /// The node's world.
    pub env: Env,
}

impl JoinNode for Joining {
    fn join(&self, request: JoinRequest) -> BoxFuture<'_, Result<JoinReply, NodeError>> {
        Box::pin(async move {
            let JoinRequest { incarnation, addresses, feature_level } = request;
            if addresses.peer().is_empty() {
                let reason = "a node that joins needs a listener for the other nodes".to_owned();
                return Ok(JoinReply::Refused { reason });
            }
            let command = RegisterNode { incarnation, addresses, feature_level, now: self.env.now() };
            let addresses = command.addresses.clone();
            let node = match propose(&*self.metadata, &command).await? {
                Ok(registered) => registered.node,
                Err(refused) => return Ok(JoinReply::Refused { reason: refused.to_string() }),
            };
            let view = self.view.wait(|view| view.map.node(node).is_some()).await;
            if view.map.node(node).is_some_and(|known| known.addresses != addresses) {
                // It registered before, elsewhere, and has nothing of the catalog yet: nobody reaches it
                // where it was, and it cannot say so by itself.
                let update = UpdateNode { node, incarnation, addresses, feature_level };
                if let Err(refused) = propose(&*self.metadata, &update).await? {
                    return Ok(JoinReply::Refused { reason: refused.to_string() });
                }
            }
            match self.welcome(node, &view.map) {
                Some(welcome) => {
                    tracing::info!(%node, address = command.addresses.peer(), "a directory joined the cluster");
                    Ok(JoinReply::Welcome(welcome))
                }
                None => Ok(JoinReply::Refused { reason: format!("node {node} is being removed from the cluster") }),
            }
        })
    }
}

impl Joining {
    /// None for a node that has no replica of the catalog any more.
    fn welcome(&self, node: NodeId, map: &ShardMap) -> Option<Welcome> {
        let metadata_replica = map.group(GroupId::METADATA)?.replica_on(node)?.id;
        Some(Welcome { cluster: self.cluster, node, metadata_replica })
    }
}
