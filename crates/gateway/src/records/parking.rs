//! Where calls wait that met the end of a shard, until the map shows what has taken its place (D7).
//!
//! The caller keeps its records, and its place in its group's backlog, so that what waits is bounded in
//! bytes. Calls go on at the same time, without an order among them: docs/adr/0010-resharding.md says why.

use anabranch_catalog::StreamMap;
use anabranch_cluster::ViewWatch;
use anabranch_types::{ShardId, StreamUid};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The stream's map once none of `shards` is open in it; none when that takes longer than `patience`, or
/// the stream is gone.
pub(crate) async fn wait(
    view: &ViewWatch,
    stream: StreamUid,
    shards: &BTreeSet<ShardId>,
    patience: Duration,
) -> Option<Arc<StreamMap>> {
    let is_open = |map: &StreamMap, shard: &ShardId| map.shard(*shard).is_some_and(|shard| shard.is_open());
    let moved = view.wait_within(patience, |view| match view.map.stream(stream) {
        Some(map) => !shards.iter().any(|shard| is_open(map, shard)),
        None => true,
    });
    moved.await?.map.stream(stream).cloned()
}
