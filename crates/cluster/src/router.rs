//! Finds a group's leader and retries what is safe to retry, inside the caller's deadline.

use crate::call_deadline;
use crate::error::NodeError;
use crate::storage_node::{Attempt, StorageNode};
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

    /// As [`Router::call_again`], for what need not know whether it is asked again.
    ///
    /// # Errors
    /// As [`Router::call_again`].
    pub async fn call<T, F, Fut>(&self, group: GroupId, deadline: Duration, operation: F) -> Result<T, NodeError>
    where
        F: Fn(Arc<dyn StorageNode>) -> Fut,
        Fut: Future<Output = Result<T, NodeError>>,
    {
        self.call_again(group, deadline, |node, _| operation(node)).await
    }

    /// Calls `operation` on the leader of `group`. A node that does not lead is left for the one
    /// it names; an unknown outcome is asked again with the same request, so `operation` must be
    /// safe to repeat (I12). `deadline` is time since node start: a call that has no answer by then
    /// is given up, its outcome unknown. Once one outcome is unknown, no later refusal of the node
    /// makes it known.
    ///
    /// # Errors
    /// The last [`NodeError`] when it is final, or when the deadline would pass before another try.
    pub async fn call_again<T, F, Fut>(&self, group: GroupId, deadline: Duration, operation: F) -> Result<T, NodeError>
    where
        F: Fn(Arc<dyn StorageNode>, Attempt) -> Fut,
        Fut: Future<Output = Result<T, NodeError>>,
    {
        let mut pause = PAUSE_FIRST;
        let mut hint: Option<NodeId> = None;
        let mut attempt = Attempt::First;
        loop {
            let left = deadline.saturating_sub(self.env.clock.monotonic());
            let call = call_deadline::until(deadline, operation(self.pick(hint), attempt));
            let error = match tokio::time::timeout(left, call).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => return Err(NodeError::Unknown { reason: format!("group {group} did not answer in time") }),
            };
            match &error {
                NodeError::NotLeader { leader, .. } => hint = *leader,
                NodeError::Unknown { .. } => attempt = Attempt::Again,
                NodeError::Unavailable { .. } => return Err(told(error, attempt)),
                NodeError::NoSuchShard { .. } | NodeError::Throttled { .. } | NodeError::Damaged { .. } => {
                    return Err(error);
                }
            }
            if self.env.clock.monotonic() + pause >= deadline {
                return Err(told(error, attempt));
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

/// "Certainly not done" holds for the last try only.
fn told(error: NodeError, attempt: Attempt) -> NodeError {
    match attempt {
        Attempt::First => error,
        Attempt::Again => NodeError::Unknown { reason: format!("an earlier try was not answered; then: {error}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage_node::{NewShards, PutReply, PutRequest, ReadReply, ReadRequest, ReadStart, ShardKey};
    use anabranch_types::{Counter, StreamUid, Timestamp};
    use futures::future::BoxFuture;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A node that answers nothing.
    struct Silent;

    impl StorageNode for Silent {
        fn put(&self, _: Arc<PutRequest>, _: Attempt) -> BoxFuture<'_, Result<PutReply, NodeError>> {
            Box::pin(std::future::pending())
        }

        fn read(&self, _: ReadRequest) -> BoxFuture<'_, Result<ReadReply, NodeError>> {
            Box::pin(std::future::pending())
        }

        fn locate(&self, _: GroupId, _: ShardKey, _: ReadStart) -> BoxFuture<'_, Result<Counter, NodeError>> {
            Box::pin(std::future::pending())
        }

        fn create_shards(&self, _: GroupId, _: Arc<NewShards>) -> BoxFuture<'_, Result<(), NodeError>> {
            Box::pin(std::future::pending())
        }

        fn drop_stream(&self, _: GroupId, _: StreamUid) -> BoxFuture<'_, Result<(), NodeError>> {
            Box::pin(std::future::pending())
        }
    }

    fn router() -> (Router, Env) {
        let env = Env::simulated(Timestamp::EPOCH, 1);
        let node: Arc<dyn StorageNode> = Arc::new(Silent);
        (Router::new(BTreeMap::from([(NodeId(1), node)]), env.clone()), env)
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_does_not_answer_costs_no_more_than_the_deadline() {
        let (router, env) = router();
        let deadline = Duration::from_secs(5);
        let call =
            router.call(GroupId(1), deadline, |node| async move { node.drop_stream(GroupId(1), StreamUid(1)).await });
        assert!(matches!(call.await, Err(NodeError::Unknown { .. })));
        assert_eq!(env.clock.monotonic(), deadline);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_outcome_is_asked_again_and_no_later_refusal_makes_it_known() {
        let (router, _env) = router();
        let tries = std::sync::Mutex::new(Vec::new());
        let call = router.call_again(GroupId(1), Duration::from_secs(5), |_, attempt| {
            let nth = {
                let mut tries = tries.lock().expect("no test thread panicked with it");
                tries.push(attempt);
                tries.len()
            };
            let reason = || "test".to_owned();
            std::future::ready(match nth {
                1 => Err(NodeError::NotLeader { group: GroupId(1), leader: Some(NodeId(1)) }),
                2 => Err::<(), _>(NodeError::Unknown { reason: reason() }),
                3 => Err(NodeError::NotLeader { group: GroupId(1), leader: Some(NodeId(1)) }),
                _ => Err(NodeError::Unavailable { reason: reason() }),
            })
        });
        assert!(matches!(call.await, Err(NodeError::Unknown { .. })));
        let tries = tries.into_inner().expect("no test thread panicked with it");
        assert_eq!(tries, [Attempt::First, Attempt::First, Attempt::Again, Attempt::Again]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_of_the_first_try_is_final() {
        let (router, _env) = router();
        let tries = AtomicU32::new(0);
        let call = router.call(GroupId(1), Duration::from_secs(5), |_| {
            tries.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Err::<(), _>(NodeError::Unavailable { reason: "the disk is full".to_owned() }))
        });
        assert!(matches!(call.await, Err(NodeError::Unavailable { .. })));
        assert_eq!(tries.into_inner(), 1);
    }
}
