//! The storage role of a node: all groups it hosts.

use crate::config::StorageOptions;
use crate::error::{GroupStopped, HostError};
use crate::group_host::{HostParts, HostedGroup};
use crate::{create_shards, drop_stream, flush_turns, locate, maintenance, put, read, seal, set_retention};
use anabranch_catalog::Ending;
use anabranch_cluster::{
    Attempt, GroupReport, NewRetention, NewShards, NodeError, PutReply, PutRequest, ReadReply, ReadRequest, ReadStart,
    ShardKey, StateHash, StorageNode,
};
use anabranch_consensus::GroupOptions;
use anabranch_runtime::{Env, OnFailure};
use anabranch_types::{Counter, GroupId, NodeId, ReplicaId, ShardId, StreamUid};
use futures::future::BoxFuture;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long the tasks of a replica that is let go may take to end.
const LET_GO_PATIENCE: Duration = Duration::from_secs(10);

/// Every data group this node hosts; they come and go.
pub struct Storage {
    groups: Arc<RwLock<BTreeMap<GroupId, Arc<HostedGroup>>>>,
    options: StorageOptions,
    group_options: GroupOptions,
    env: Env,
}

impl Storage {
    /// A role that hosts nothing yet. Its tasks end with `env`.
    pub fn new(env: Env, options: StorageOptions, group_options: GroupOptions) -> Self {
        let groups = Arc::default();
        let (after, look_every) = (options.flush_after_bytes, options.flush_look_every);
        let turns = flush_turns::take_turns(Arc::clone(&groups), env.clone(), after, look_every);
        env.tasks.spawn("flush_turns", OnFailure::ShutDown, turns);
        Storage { groups, options, group_options, env }
    }

    /// Opens and starts a replica, and serves it from now on. The tasks of the answer's `env` end
    /// when it is stopped.
    ///
    /// # Errors
    /// [`HostError`] when it does not come up.
    pub async fn host(&self, parts: HostParts) -> Result<Arc<HostedGroup>, HostError> {
        let env = self.env.in_group("replica");
        let host = Arc::new(HostedGroup::start(parts, env.clone(), self.options.clone(), &self.group_options).await?);
        env.tasks.spawn("flush", OnFailure::ShutDown, maintenance::flush(Arc::clone(&host)));
        env.tasks.spawn("tick", OnFailure::ShutDown, maintenance::tick(Arc::clone(&host)));
        let watched = Arc::clone(&host);
        env.tasks.spawn("group", OnFailure::ShutDown, async move { watch(&watched).await });
        self.groups.write().insert(host.id(), Arc::clone(&host));
        Ok(host)
    }

    /// The replica that this node hosts of `group`.
    pub fn hosted(&self, group: GroupId) -> Option<Arc<HostedGroup>> {
        self.groups.read().get(&group).cloned()
    }

    /// Stops the replica for good: its group goes on without it. Nothing is flushed.
    pub async fn let_go(&self, group: GroupId) {
        let Some(host) = self.groups.write().remove(&group) else { return };
        if let Err(left) = host.env.tasks.shutdown(LET_GO_PATIENCE).await {
            tracing::warn!(%group, %left, "tasks of a replica that is let go were cut off");
        }
        host.group.shutdown().await;
    }

    /// Its replicas, for status.
    pub fn reports(&self) -> Vec<GroupReport> {
        self.groups.read().values().map(|host| host.report()).collect()
    }

    /// Flushes every group and stops it.
    pub async fn shutdown(&self) {
        let hosts: Vec<_> = self.groups.read().values().cloned().collect();
        let stops = hosts.iter().map(|host| async {
            host.group.shutdown().await;
            let shared = host.current.now();
            let flushed = anabranch_runtime::blocking(move || shared.store.flush()).await;
            match flushed {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(group = %host.id(), %error, "state not flushed at stop"),
                Err(error) => tracing::warn!(group = %host.id(), %error, "state not flushed at stop"),
            }
        });
        futures::future::join_all(stops).await;
    }

    /// Hands the leadership of every group that is led here to the voter that has most of its log.
    /// Returns when all are handed over, or after `patience`: then the others elect.
    pub async fn hand_over(&self, patience: Duration) {
        let hosts: Vec<_> = self.groups.read().values().cloned().collect();
        futures::future::join_all(hosts.iter().map(|host| host.group.hand_over(patience))).await;
    }

    fn host_of(&self, group: GroupId) -> Result<Arc<HostedGroup>, NodeError> {
        self.hosted(group).ok_or(NodeError::NotLeader { group, leader: None })
    }
}

/// A group that stops by itself takes the node down: its log or state failed.
async fn watch(host: &HostedGroup) -> Result<(), GroupStopped> {
    let stopping = host.env.tasks.stopping();
    tokio::select! {
        () = stopping.cancelled() => Ok(()),
        reason = host.group.stopped() => Err(GroupStopped { group: host.id(), reason }),
    }
}

impl StorageNode for Storage {
    fn put(&self, request: Arc<PutRequest>, attempt: Attempt) -> BoxFuture<'_, Result<PutReply, NodeError>> {
        Box::pin(async move { put::put(&self.host_of(request.group)?, request, attempt).await })
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadReply, NodeError>> {
        Box::pin(async move { read::read(&*self.host_of(request.group)?, request).await })
    }

    fn locate(&self, group: GroupId, shard: ShardKey, start: ReadStart) -> BoxFuture<'_, Result<Counter, NodeError>> {
        Box::pin(async move { locate::locate(&*self.host_of(group)?, shard, start).await })
    }

    fn create_shards(&self, group: GroupId, new: Arc<NewShards>) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(async move { create_shards::create_shards(&*self.host_of(group)?, &new).await })
    }

    fn seal(
        &self,
        group: GroupId,
        stream: StreamUid,
        shards: Arc<[ShardId]>,
    ) -> BoxFuture<'_, Result<Vec<Ending>, NodeError>> {
        Box::pin(async move { seal::seal(&*self.host_of(group)?, stream, &shards).await })
    }

    fn drop_stream(&self, group: GroupId, stream: StreamUid) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(async move { drop_stream::drop_stream(&*self.host_of(group)?, stream).await })
    }

    fn set_retention(&self, group: GroupId, new: NewRetention) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(async move { set_retention::set_retention(&*self.host_of(group)?, new).await })
    }

    fn transfer_leader(&self, group: GroupId, to: ReplicaId) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(async move { self.host_of(group)?.transfer_leader(to).await })
    }

    fn leader(&self, group: GroupId) -> Option<NodeId> {
        self.hosted(group)?.group.status().leader_node()
    }

    fn report(&self) -> BoxFuture<'_, Result<Vec<GroupReport>, NodeError>> {
        Box::pin(std::future::ready(Ok(self.reports())))
    }

    fn state_hash(&self, group: GroupId) -> BoxFuture<'_, Result<StateHash, NodeError>> {
        Box::pin(async move {
            let current = self.host_of(group)?.current.now();
            // In proportion to shards and remembered requests.
            let hashed = anabranch_runtime::blocking(move || {
                let state = current.state.read();
                StateHash { applied: state.applied(), hash: state.hash() }
            });
            hashed.await.map_err(|error| NodeError::Unknown { reason: error.to_string() })
        })
    }
}
