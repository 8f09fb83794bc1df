//! The storage role of a node: all groups it hosts.

use crate::config::StorageOptions;
use crate::error::{GroupStopped, HostError};
use crate::group_host::{HostParts, HostedGroup};
use crate::{create_shards, drop_stream, locate, maintenance, put, read};
use anabranch_cluster::{
    Attempt, GroupReport, NewShards, NodeError, PutReply, PutRequest, ReadReply, ReadRequest, ReadStart, ShardKey,
    StorageNode,
};
use anabranch_consensus::GroupOptions;
use anabranch_runtime::{Env, OnFailure};
use anabranch_types::{Counter, GroupId, StreamUid};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every data group this node hosts.
pub struct Storage {
    groups: BTreeMap<GroupId, Arc<HostedGroup>>,
}

impl Storage {
    /// Opens and starts `parts`, one group each, side by side; ready when all of them are.
    ///
    /// # Errors
    /// [`HostError`] of the first group that does not come up.
    pub async fn start(
        parts: Vec<HostParts>,
        env: &Env,
        options: &StorageOptions,
        group_options: &GroupOptions,
    ) -> Result<Self, HostError> {
        let starting = parts.into_iter().map(|part| {
            let (env, options) = (env.clone(), options.clone());
            async move { HostedGroup::start(part, env, options, group_options).await.map(Arc::new) }
        });
        let hosts = futures::future::try_join_all(starting).await?;
        let groups: BTreeMap<_, _> = hosts.into_iter().map(|host| (host.id(), host)).collect();
        for host in groups.values() {
            env.tasks.spawn("flush", OnFailure::ShutDown, maintenance::flush(Arc::clone(host)));
            env.tasks.spawn("tick", OnFailure::ShutDown, maintenance::tick(Arc::clone(host)));
            let watched = Arc::clone(host);
            env.tasks.spawn("group", OnFailure::ShutDown, async move { watch(&watched).await });
        }
        Ok(Storage { groups })
    }

    /// Its replicas, for status.
    pub fn report(&self) -> Vec<GroupReport> {
        self.groups.values().map(|host| host.report()).collect()
    }

    /// Flushes every group and stops it.
    pub async fn shutdown(&self) {
        let stops = self.groups.values().map(|host| async {
            host.group.shutdown().await;
            let shared = Arc::clone(&host.shared);
            let flushed = tokio::task::spawn_blocking(move || shared.store.flush()).await;
            match flushed {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(group = %host.id(), %error, "state not flushed at stop"),
                Err(error) => tracing::warn!(group = %host.id(), %error, "state not flushed at stop"),
            }
        });
        futures::future::join_all(stops).await;
    }

    fn host(&self, group: GroupId) -> Result<&HostedGroup, NodeError> {
        let host = self.groups.get(&group).ok_or(NodeError::NotLeader { group, leader: None });
        host.map(|host| &**host)
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
        Box::pin(async move { put::put(self.host(request.group)?, &request, attempt).await })
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadReply, NodeError>> {
        Box::pin(async move { read::read(self.host(request.group)?, request).await })
    }

    fn locate(&self, group: GroupId, shard: ShardKey, start: ReadStart) -> BoxFuture<'_, Result<Counter, NodeError>> {
        Box::pin(async move { locate::locate(self.host(group)?, shard, start).await })
    }

    fn create_shards(&self, group: GroupId, new: Arc<NewShards>) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(async move { create_shards::create_shards(self.host(group)?, &new).await })
    }

    fn drop_stream(&self, group: GroupId, stream: StreamUid) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(async move { drop_stream::drop_stream(self.host(group)?, stream).await })
    }
}
