//! Deletes a stream: DELETING in the catalog first, so that nobody is routed to it any more,
//! then its shards, then the name is free.

use crate::metadata::MetadataService;
use crate::propose::propose;
use anabranch_catalog::{BeginDeleteStream, BeginDeleteStreamRefused, FinishDeleteStream, StreamMap};
use anabranch_cluster::NodeError;
use anabranch_types::{AccountId, GroupId, StreamName, StreamUid};
use std::time::Duration;

/// How long a group is looked for before the call fails; the controllers go on afterwards.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn delete_stream(
    service: &MetadataService,
    account: AccountId,
    name: StreamName,
) -> Result<bool, NodeError> {
    match propose(&service.metadata.group, &BeginDeleteStream { account, name }).await? {
        Ok(deleting) => {
            let map = service.metadata.view.load().map.stream(deleting.uid).cloned();
            let groups = map.map_or(deleting.groups, |map| groups_of(service, &map));
            finish_delete(service, deleting.uid, &groups).await?;
            Ok(true)
        }
        Err(BeginDeleteStreamRefused::NotFound) => Ok(false),
    }
}

/// Every group that may hold anything of the stream: where shards were that the catalog has forgotten, it
/// does not say any more.
pub(crate) fn groups_of(service: &MetadataService, map: &StreamMap) -> Vec<GroupId> {
    if !map.has_removed_shards() {
        return map.groups();
    }
    let view = service.metadata.view.load();
    view.map.groups().map(|group| group.id).filter(|id| *id != GroupId::METADATA).collect()
}

/// Drops the stream's shards and frees its name. Safe to repeat.
pub(crate) async fn finish_delete(
    service: &MetadataService,
    uid: StreamUid,
    groups: &[GroupId],
) -> Result<(), NodeError> {
    let deadline = service.metadata.env.clock.monotonic() + PATIENCE;
    let drops = groups.iter().map(|group| {
        let group = *group;
        service.router.call(group, deadline, move |node| async move { node.drop_stream(group, uid).await })
    });
    futures::future::try_join_all(drops).await?;
    let refused = |error: String| NodeError::Unknown { reason: error };
    let finished = propose(&service.metadata.group, &FinishDeleteStream { uid }).await?;
    finished.map_err(|error| refused(error.to_string()))?;
    tracing::info!(stream_uid = %uid, "stream is deleted");
    Ok(())
}
