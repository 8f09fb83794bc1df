//! Tells a stream's groups its new retention, then lets the catalog show it.
//!
//! Each step is idempotent and what is pending is in the catalog, so that a new leader goes on where
//! the last one stopped ([`crate::reconcile`]). Why in this order: docs/adr/0011-retention.md.

use crate::metadata::MetadataService;
use crate::propose::propose;
use anabranch_catalog::{FinishRetention, StreamMap};
use anabranch_cluster::{NewRetention, NodeError};
use anabranch_types::{MapVersion, StreamUid};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long a group is looked for before the step fails; [`crate::reconcile`] tries again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the pending retention known to every group of the stream, and the stream ACTIVE. Safe to
/// repeat.
pub(crate) async fn finish_retention(service: &MetadataService, map: &StreamMap) -> Result<(), NodeError> {
    let stream = &map.stream;
    let Some(retention) = stream.retention_changes.pending else { return Ok(()) };
    let new = NewRetention { stream: stream.uid, retention, change: stream.retention_changes.last };
    let deadline = service.metadata.env.clock.monotonic() + PATIENCE;
    let told = map.groups().into_iter().map(|group| {
        service.router.call(group, deadline, move |node| async move { node.set_retention(group, new).await })
    });
    futures::future::try_join_all(told).await?;
    let finish = FinishRetention { uid: stream.uid, change: new.change };
    let finished = propose(&service.metadata.group, &finish).await?;
    finished.map_err(|refused| NodeError::Unknown { reason: refused.to_string() })?;
    tracing::info!(stream = %stream.name, ?retention, "retention is changed");
    Ok(())
}

/// Finishes each change as soon as this node sees it and leads, until the node stops: a client waits
/// for it. What fails is left to [`crate::reconcile`].
pub(crate) async fn run(service: &MetadataService) {
    let stopping = service.metadata.env.tasks.stopping();
    let mut changes = service.metadata.view.changes();
    let mut begun = BTreeSet::new();
    // A group that does not answer holds up its own streams only. As many as there are streams.
    let mut work = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            Some(()) = work.next(), if !work.is_empty() => {}
            changed = changes.changed() => match changed {
                Ok(()) => work.extend(not_begun(service, &mut begun).into_iter().map(|map| finish(service, map))),
                Err(_) => return,
            },
        }
    }
}

/// The pending changes that are not in `begun`; leaves in it those that are pending.
fn not_begun(service: &MetadataService, begun: &mut BTreeSet<(StreamUid, MapVersion)>) -> Vec<Arc<StreamMap>> {
    if !service.metadata.group.is_leader() {
        return Vec::new();
    }
    let view = service.metadata.view.load();
    let pending = |map: &&Arc<StreamMap>| map.stream.retention_changes.pending.is_some();
    let key = |map: &StreamMap| (map.stream.uid, map.stream.retention_changes.last);
    let (mut now, mut new) = (BTreeSet::new(), Vec::new());
    for map in view.map.streams().filter(pending) {
        now.insert(key(map));
        if !begun.contains(&key(map)) {
            new.push(Arc::clone(map));
        }
    }
    *begun = now;
    new
}

async fn finish(service: &MetadataService, map: Arc<StreamMap>) {
    if let Err(error) = finish_retention(service, &map).await {
        tracing::warn!(stream = %map.stream.name, %error, "retention is left unfinished for now");
    }
}
