//! Creates a stream: catalog first, then its shards in their groups, then ACTIVE.
//!
//! Each step is idempotent and its state is in the catalog, so that a new leader goes on where
//! the last one stopped ([`crate::reconcile`]).

use crate::metadata::MetadataService;
use crate::propose::{check_leader, propose};
use anabranch_catalog::{ActivateStream, CreateStream, CreateStreamRefused, Shard, Stream, StreamMap};
use anabranch_cluster::{CreateStreamReply, NewShards, NodeError};
use anabranch_types::{AccountId, GroupId, RequestId, StreamName, limits};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// How long a group is looked for before the call fails; the controllers go on afterwards.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn create_stream(
    service: &MetadataService,
    request: RequestId,
    account: AccountId,
    name: StreamName,
    shard_count: NonZeroU32,
) -> Result<CreateStreamReply, NodeError> {
    let metadata = &service.metadata;
    check_leader(&metadata.group)?;
    // A name that is taken is told also while the disk is short: a restart asks for its streams.
    let known = metadata.view.load().map.stream_named(account, &name).map(|map| map.stream.request);
    if known.is_some_and(|made_by| made_by != request) {
        return Ok(CreateStreamReply::Exists);
    }
    // Before the stream is recorded: its shards would be refused, and a CREATING stream left over.
    metadata.writable.check()?;
    metadata.group.check_room().map_err(|error| NodeError::Unavailable { reason: error.to_string() })?;
    let shard_limit = limits::SHARDS_PER_ACCOUNT_MAX;
    let now = metadata.env.now();
    let command = CreateStream { account, name, shard_count, now, shard_limit, request };
    let uid = match propose(&metadata.group, &command).await? {
        Ok(created) => created.uid,
        Err(CreateStreamRefused::Exists { .. }) => return Ok(CreateStreamReply::Exists),
        Err(CreateStreamRefused::ShardLimit { current, limit, .. }) => {
            return Ok(CreateStreamReply::ShardLimit { current: current.into(), limit: limit.into() });
        }
        Err(CreateStreamRefused::StreamShardLimit { limit, .. }) => {
            return Ok(CreateStreamReply::ShardLimit { current: 0, limit: limit.into() });
        }
        Err(refused @ (CreateStreamRefused::NotBootstrapped | CreateStreamRefused::Time { .. })) => {
            return Err(NodeError::Unavailable { reason: refused.to_string() });
        }
    };
    let map = metadata.view.load().map.stream(uid).cloned();
    let gone = || NodeError::Unknown { reason: format!("stream {uid} was deleted while it was being created") };
    let map = map.ok_or_else(gone)?;
    finish_create(service, &map).await?;
    Ok(CreateStreamReply::Created)
}

/// Makes the shards known to their groups and the stream ACTIVE. Safe to repeat.
pub(crate) async fn finish_create(service: &MetadataService, map: &StreamMap) -> Result<(), NodeError> {
    let stream = &map.stream;
    let deadline = service.metadata.env.clock.monotonic() + PATIENCE;
    create_in_groups(service, stream, map.shards(), deadline).await?;
    let refused = |error: String| NodeError::Unknown { reason: error };
    let activated = propose(&service.metadata.group, &ActivateStream { uid: stream.uid }).await?;
    activated.map_err(|error| refused(error.to_string()))?;
    tracing::info!(stream = %stream.name, shards = map.shards().len(), "stream is active");
    Ok(())
}

/// Makes shards of the stream known to their groups. Safe to repeat.
pub(crate) async fn create_in_groups(
    service: &MetadataService,
    stream: &Stream,
    shards: &[Shard],
    deadline: Duration,
) -> Result<(), NodeError> {
    let mut by_group: BTreeMap<GroupId, Vec<Shard>> = BTreeMap::new();
    for shard in shards {
        by_group.entry(shard.group).or_default().push(*shard);
    }
    let creations = by_group.into_iter().map(|(group, shards)| {
        let (account, name) = (stream.account, stream.name.clone());
        let new = Arc::new(NewShards {
            stream: stream.uid,
            account,
            name,
            retention: stream.retention_wanted(),
            shards,
            retention_change: stream.retention_changes.last,
        });
        service.router.call(group, deadline, move |node| {
            let new = Arc::clone(&new);
            async move { node.create_shards(group, new).await }
        })
    });
    futures::future::try_join_all(creations).await.map(drop)
}
