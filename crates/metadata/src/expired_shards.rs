//! Takes closed shards out of the catalog when all of their records have expired.
//!
//! Drops no record: groups trim by themselves (D8).

use crate::metadata::MetadataService;
use crate::propose::propose;
use anabranch_catalog::{CommandKind, RemoveShards};
use std::time::Duration;

/// How often closed shards are looked at. Retention is hours.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Shards of one command.
const SHARDS_MAX: usize = 1_000;

/// Forgets expired shards while this replica leads, until the node stops.
pub(crate) async fn run(service: &MetadataService) {
    let metadata = &service.metadata;
    let stopping = metadata.env.tasks.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = metadata.env.sleep(LOOK_EVERY) => {}
        }
        let view = metadata.view.load();
        if !metadata.group.is_leader() || view.feature_level < CommandKind::RemoveShards.level() {
            continue;
        }
        let now = metadata.env.now();
        for map in view.map.streams() {
            let mut shards = map.expired_shards(now);
            shards.truncate(SHARDS_MAX);
            if shards.is_empty() {
                continue;
            }
            let (count, removal) = (shards.len(), RemoveShards { uid: map.stream.uid, shards, now });
            match propose(&metadata.group, &removal).await {
                Ok(Ok(_)) => tracing::info!(stream = %map.stream.name, count, "expired shards are forgotten"),
                Ok(Err(refused)) => tracing::debug!(stream = %map.stream.name, %refused, "shards are kept"),
                Err(error) => {
                    tracing::warn!(stream = %map.stream.name, %error, "expired shards are kept for now");
                    break;
                }
            }
        }
    }
}
