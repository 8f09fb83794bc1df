//! From records to the groups that hold their shards, and back to the request's order.

use anabranch_api::PutEntry;
use anabranch_catalog::StreamMap;
use anabranch_cluster::{PutItem, PutRecordIn, PutReply, PutRequest, RecordFate, ShardKey};
use anabranch_types::{GroupId, RequestId, ShardId, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The part of a call that goes to one group.
pub(crate) struct Part {
    pub request: Arc<PutRequest>,
    /// For each item the places of its records in the client's call.
    pub places: Vec<Vec<usize>>,
}

impl Part {
    /// The records that `reply` calls definitely not written because their shard takes no more, and the
    /// shards.
    pub fn closed(&self, reply: &PutReply) -> (BTreeSet<ShardId>, Vec<Placed>) {
        let (mut shards, mut records) = (BTreeSet::new(), Vec::new());
        for ((item, places), fates) in self.request.items.iter().zip(&self.places).zip(&reply.fates) {
            for ((record, place), fate) in item.records.iter().zip(places).zip(fates) {
                if *fate == RecordFate::Closed {
                    shards.insert(item.shard.shard);
                    records.push((*place, record.clone()));
                }
            }
        }
        (shards, records)
    }

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

/// A record and its place in the client's call.
pub(crate) type Placed = (usize, PutRecordIn);

/// The records of a call, in the client's order.
pub(crate) fn records(entries: Vec<PutEntry>) -> Vec<Placed> {
    let record = |entry: PutEntry| PutRecordIn {
        hash_key: entry.explicit_hash_key.unwrap_or_else(|| entry.partition_key.hash_key()),
        partition_key: entry.partition_key,
        data: entry.data,
    };
    entries.into_iter().map(record).enumerate().collect()
}

/// Splits records by group and shard; those of one shard keep the client's order (I4).
pub(crate) fn split(map: &StreamMap, records: Vec<Placed>, request_id: RequestId, issued: Timestamp) -> Vec<Part> {
    let mut routed: Vec<(GroupId, ShardId, usize, PutRecordIn)> = Vec::with_capacity(records.len());
    for (place, record) in records {
        #[cfg(feature = "planted-bugs")]
        let routed_by = planted::routes_by(record.hash_key);
        #[cfg(not(feature = "planted-bugs"))]
        let routed_by = record.hash_key;
        let shard = map.route(routed_by);
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
