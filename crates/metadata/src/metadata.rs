//! The metadata service of a node.

use crate::error::GroupStopped;
use crate::machine::CatalogMachine;
use crate::propose::{check_gate, check_leader, not_leader, propose_encoded};
use crate::{
    create_stream, delete_stream, expired_shards, flush, leaders, placement, reconcile, reshard, set_retention,
    token_keys,
};
use anabranch_cluster::{CreateStreamReply, GroupReport, MetadataNode, NodeError, Router, ViewWatch, Writable};
use anabranch_consensus::{BarrierError, Group};
use anabranch_runtime::{Env, OnFailure};
use anabranch_types::{AccountId, MapVersion, NodeId, RequestId, StreamName};
use bytes::Bytes;
use futures::future::BoxFuture;
use std::num::NonZeroU32;

/// A replica of the metadata group and its controllers. Cheap to clone.
#[derive(Clone)]
pub struct Metadata {
    pub(crate) group: Group<CatalogMachine>,
    pub(crate) view: ViewWatch,
    pub(crate) writable: Writable,
    pub(crate) env: Env,
}

impl Metadata {
    /// The service over a started replica. `view` is its machine's; `writable` says whether the
    /// node takes writes.
    pub fn new(group: Group<CatalogMachine>, view: ViewWatch, writable: Writable, env: Env) -> Self {
        Metadata { group, view, writable, env }
    }

    /// What gateways route by.
    pub fn view(&self) -> ViewWatch {
        self.view.clone()
    }

    /// The service with its way to the storage nodes.
    pub fn service(&self, router: Router) -> MetadataService {
        MetadataService { metadata: self.clone(), router }
    }

    /// Finishes what an earlier leader began and starts the controllers, which work while this
    /// replica leads. Storage must serve. What cannot be finished now, because the disk is full,
    /// say, is tried again until it can.
    pub async fn start_controllers(&self, service: &MetadataService) {
        if self.group.is_leader() {
            reconcile::finish_streams(service, |_| true).await;
        }
        let finishing = service.clone();
        let (placing, balancing) = (service.clone(), service.clone());
        let (resharding, forgetting) = (service.clone(), service.clone());
        self.env.tasks.spawn("placement", OnFailure::ShutDown, async move { placement::run(&placing).await });
        self.env.tasks.spawn("leaders", OnFailure::ShutDown, async move { leaders::run(&balancing).await });
        self.env.tasks.spawn("reconcile", OnFailure::ShutDown, async move { reconcile::run(&finishing).await });
        self.env.tasks.spawn("reshard", OnFailure::ShutDown, async move { reshard::run(&resharding).await });
        let forgets = async move { expired_shards::run(&forgetting).await };
        self.env.tasks.spawn("expired-shards", OnFailure::ShutDown, forgets);
        let retaining = service.clone();
        self.env.tasks.spawn("retention", OnFailure::ShutDown, async move { set_retention::run(&retaining).await });
        let flushing = self.clone();
        self.env.tasks.spawn("catalog-flush", OnFailure::Log, async move { flush::flush(&flushing).await });
        let rotating = self.clone();
        self.env.tasks.spawn("token-keys", OnFailure::Log, async move { token_keys::rotate_daily(&rotating).await });
        let watched = self.clone();
        self.env.tasks.spawn("metadata-group", OnFailure::ShutDown, async move { watched.watch().await });
    }

    /// The replica's part in its group.
    pub fn group(&self) -> &Group<CatalogMachine> {
        &self.group
    }

    /// A group that stops by itself takes the node down: its log or state failed.
    async fn watch(&self) -> Result<(), GroupStopped> {
        let stopping = self.env.tasks.stopping();
        tokio::select! {
            () = stopping.cancelled() => Ok(()),
            reason = self.group.stopped() => Err(GroupStopped { reason }),
        }
    }

    /// The replica, for status.
    pub fn report(&self) -> GroupReport {
        self.group.status().into()
    }

    /// Stops the replica.
    pub async fn shutdown(&self) {
        self.group.shutdown().await;
    }
}

/// The metadata service with its way to the storage nodes.
#[derive(Clone)]
pub struct MetadataService {
    pub(crate) metadata: Metadata,
    pub(crate) router: Router,
}

impl MetadataNode for MetadataService {
    fn leader(&self) -> Option<NodeId> {
        self.metadata.group.status().leader_node()
    }

    fn create_stream(
        &self,
        request: RequestId,
        account: AccountId,
        name: StreamName,
        shards: NonZeroU32,
    ) -> BoxFuture<'_, Result<CreateStreamReply, NodeError>> {
        Box::pin(create_stream::create_stream(self, request, account, name, shards))
    }

    fn delete_stream(&self, account: AccountId, name: StreamName) -> BoxFuture<'_, Result<bool, NodeError>> {
        Box::pin(delete_stream::delete_stream(self, account, name))
    }

    fn propose(&self, command: Bytes) -> BoxFuture<'_, Result<Bytes, NodeError>> {
        Box::pin(async move {
            let metadata = &self.metadata;
            check_leader(&metadata.group)?;
            check_gate(&command, metadata.view.load().feature_level, &metadata.writable)?;
            propose_encoded(&metadata.group, command).await
        })
    }

    fn version(&self) -> BoxFuture<'_, Result<MapVersion, NodeError>> {
        Box::pin(async move {
            let group = &self.metadata.group;
            check_leader(group)?;
            group.read_barrier().await.map_err(|error| match error {
                BarrierError::NotLeader { leader } => not_leader(group, leader),
                BarrierError::Unavailable { reason } => NodeError::Unknown { reason },
            })?;
            Ok(self.metadata.view.load().map.version())
        })
    }
}
