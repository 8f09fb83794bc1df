//! From records to the groups that hold their shards, and back to the request's order.

use anabranch_api::PutEntry;
use anabranch_catalog::StreamMap;
use anabranch_cluster::{PutItem, PutRecordIn, PutRequest, ShardKey};
use anabranch_types::{GroupId, RequestId, ShardId, Timestamp};
use std::sync::Arc;

/// The part of a call that goes to one group.
pub(crate) struct Part {
    pub request: Arc<PutRequest>,
    /// For each item the places of its records in the client's call.
    pub places: Vec<Vec<usize>>,
}

impl Part {
    /// Bytes of its records, with their keys.
    pub fn bytes(&self) -> usize {
        let records = self.request.items.iter().flat_map(|item| &item.records);
        records.map(|record| record.data.len() + record.partition_key.as_str().len()).sum()
    }
}

#[cfg(feature = "planted-bugs")]
mod planted {
    use anabranch_runtime::planted::{Bug, is_planted};
    use anabranch_types::HashKey;

    pub fn routes_by(hash_key: HashKey) -> HashKey {
        HashKey(hash_key.0.saturating_sub(u128::from(is_planted(Bug::RoutesOffByOne))))
    }
}

/// Splits `entries` by group and shard; records of one shard keep the client's order (I4).
pub(crate) fn split(map: &StreamMap, entries: Vec<PutEntry>, request_id: RequestId, issued: Timestamp) -> Vec<Part> {
    let mut routed: Vec<(GroupId, ShardId, usize, PutRecordIn)> = Vec::with_capacity(entries.len());
    for (place, entry) in entries.into_iter().enumerate() {
        let hash_key = entry.explicit_hash_key.unwrap_or_else(|| entry.partition_key.hash_key());
        #[cfg(feature = "planted-bugs")]
        let routed_by = planted::routes_by(hash_key);
        #[cfg(not(feature = "planted-bugs"))]
        let routed_by = hash_key;
        let shard = map.route(routed_by);
        let record = PutRecordIn { hash_key, partition_key: entry.partition_key, data: entry.data };
        routed.push((shard.group, shard.id, place, record));
    }
    routed.sort_by_key(|(group, shard, place, _)| (*group, *shard, *place));
    let stream = map.stream.uid;
    let mut parts: Vec<(PutRequest, Vec<Vec<usize>>)> = Vec::new();
    for (group, shard, place, record) in routed {
        if parts.last().is_none_or(|(request, _)| request.group != group) {
            parts.push((PutRequest { group, request_id, issued, items: Vec::new() }, Vec::new()));
        }
        let (request, places) = parts.last_mut().expect("pushed when there was none");
        let shard = ShardKey { stream, shard };
        if request.items.last().is_none_or(|item| item.shard != shard) {
            request.items.push(PutItem { shard, records: Vec::new() });
            places.push(Vec::new());
        }
        request.items.last_mut().expect("pushed when there was none").records.push(record);
        places.last_mut().expect("one list of places per item").push(place);
    }
    parts.into_iter().map(|(request, places)| Part { request: Arc::new(request), places }).collect()
}
