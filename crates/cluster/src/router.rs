//! Finds a group's leader and retries what is safe to retry, inside the caller's deadline.

use crate::error::NodeError;
use crate::storage_node::StorageNode;
use anabranch_runtime::Env;
use anabranch_types::{GroupId, NodeId};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Pause before the second try; doubles up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(5);
/// Longest pause: a new leader is usually there after the election timeout.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Reaches the storage nodes.
#[derive(Clone)]
pub struct Router {
    nodes: Arc<BTreeMap<NodeId, Arc<dyn StorageNode>>>,
    env: Env,
}

impl Router {
    /// A router over `nodes`.
    ///
    /// # Panics
    /// When `nodes` is empty: there is nobody to route to.
    pub fn new(nodes: BTreeMap<NodeId, Arc<dyn StorageNode>>, env: Env) -> Self {
        assert!(!nodes.is_empty(), "a router needs at least one storage node");
        Router { nodes: Arc::new(nodes), env }
    }

    /// Calls `operation` on the leader of `group`. A node that does not lead is left for the one
    /// it names; an unknown outcome is asked again with the same request, so `operation` must be
    /// safe to repeat (I12). `deadline` is time since node start.
    ///
    /// # Errors
    /// The last [`NodeError`] when it is final, or when the deadline would pass before another try.
    pub async fn call<T, F, Fut>(&self, group: GroupId, deadline: Duration, operation: F) -> Result<T, NodeError>
    where
        F: Fn(Arc<dyn StorageNode>) -> Fut,
        Fut: Future<Output = Result<T, NodeError>>,
    {
        let mut pause = PAUSE_FIRST;
        let mut hint: Option<NodeId> = None;
        loop {
            let error = match operation(self.pick(hint)).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match &error {
                NodeError::NotLeader { leader, .. } => hint = *leader,
                NodeError::Unknown { .. } => {}
                NodeError::Unavailable { .. }
                | NodeError::NoSuchShard { .. }
                | NodeError::Throttled { .. }
                | NodeError::Damaged { .. } => return Err(error),
            }
            if self.env.clock.monotonic() + pause >= deadline {
                return Err(error);
            }
            tracing::debug!(%group, %error, "retrying at the group's leader");
            self.env.sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// The hinted node, or else the first.
    fn pick(&self, hint: Option<NodeId>) -> Arc<dyn StorageNode> {
        let hinted = hint.and_then(|node| self.nodes.get(&node));
        let first = || self.nodes.values().next().expect("a router has at least one node");
        Arc::clone(hinted.unwrap_or_else(first))
    }
}
