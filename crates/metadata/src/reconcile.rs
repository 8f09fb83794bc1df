//! Goes on with what the catalog says is unfinished.

use crate::create_stream::finish_create;
use crate::delete_stream::{finish_delete, groups_of};
use crate::metadata::MetadataService;
use crate::set_retention::finish_retention;
use anabranch_catalog::{StreamMap, StreamStatus};
use anabranch_types::StreamUid;
use std::collections::BTreeSet;
use std::time::Duration;

/// How often unfinished streams are looked for. One that is found twice is gone on with: the call
/// that began it was cut off, or met a full disk.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Finishes what was left half done, until the node stops.
pub(crate) async fn run(service: &MetadataService) {
    let stopping = service.metadata.env.tasks.stopping();
    let mut seen = BTreeSet::new();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = service.metadata.env.sleep(LOOK_EVERY) => {}
        }
        if service.metadata.group.is_leader() {
            let unfinished = unfinished(service);
            let work = finish_streams(service, |uid| seen.contains(&uid));
            tokio::select! {
                () = stopping.cancelled() => return,
                () = work => {}
            }
            seen = unfinished;
        }
    }
}

fn unfinished(service: &MetadataService) -> BTreeSet<StreamUid> {
    let view = service.metadata.view.load();
    view.map.streams().filter(|map| is_unfinished(map)).map(|map| map.stream.uid).collect()
}

fn is_unfinished(map: &StreamMap) -> bool {
    match map.stream.status {
        StreamStatus::Creating | StreamStatus::Deleting => true,
        StreamStatus::Updating => map.stream.retention_changes.pending.is_some(),
        StreamStatus::Active => false,
    }
}

/// Finishes those of the streams being created or deleted, or whose retention changes, that `wanted`
/// names, each for itself.
pub(crate) async fn finish_streams(service: &MetadataService, wanted: impl Fn(StreamUid) -> bool) {
    let view = service.metadata.view.load();
    for map in view.map.streams().filter(|map| wanted(map.stream.uid)) {
        let finished = match map.stream.status {
            StreamStatus::Creating => finish_create(service, map).await,
            StreamStatus::Deleting => finish_delete(service, map.stream.uid, &groups_of(service, map)).await,
            StreamStatus::Updating => finish_retention(service, map).await,
            StreamStatus::Active => Ok(()),
        };
        if let Err(error) = finished {
            tracing::warn!(stream = %map.stream.name, %error, "stream is left unfinished for now");
        }
    }
}
