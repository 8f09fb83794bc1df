//! Builds a catalog from its stored rows.

use crate::catalog::{Catalog, Tallies};
use crate::check::Violation;
use crate::cluster::Counters;
use crate::codec::DecodeError;
use crate::consumer::{Consumer, ConsumerCalls, Consumers};
use crate::reshard::{ReshardHistory, Round};
use crate::rows::{RowKey, RowValue, decode_value};
use crate::shard::Shard;
use crate::shard_map::ShardMap;
use crate::stream::{Stream, StreamMap};
use crate::tagging::Tagging;
use anabranch_types::StreamUid;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The rows are not those of a catalog. Nothing is repaired silently: the node stops.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// A key that no build of this version writes.
    #[error("catalog row key {key:02x?} cannot be read: {reason}")]
    Key {
        /// The key's bytes.
        key: Bytes,
        /// What is wrong with them.
        reason: DecodeError,
    },
    /// A value that cannot be read, or that belongs under another key.
    #[error("catalog row {key:02x?} cannot be read: {reason}")]
    Value {
        /// The key's bytes.
        key: Bytes,
        /// What is wrong with the value.
        reason: DecodeError,
    },
    /// A key that came twice.
    #[error("catalog row {key:02x?} came twice")]
    Repeated {
        /// The key's bytes.
        key: Bytes,
    },
    /// Shards, reshards, consumers or tags of a stream that has no row.
    #[error("stream {uid} has rows about it but none of its own")]
    Orphans {
        /// The stream that is missing.
        uid: StreamUid,
    },
    /// Each row can be read, but together they break an invariant.
    #[error(transparent)]
    Broken(#[from] Violation),
}

/// Rows read so far.
#[derive(Default)]
struct Loading {
    catalog: Catalog,
    map: ShardMap,
    has_counters: bool,
    streams: BTreeMap<StreamUid, Stream>,
    shards: BTreeMap<StreamUid, Vec<Shard>>,
    histories: BTreeMap<StreamUid, ReshardHistory>,
    rounds: BTreeMap<StreamUid, Round>,
    consumers: BTreeMap<StreamUid, Consumers>,
    /// Streams whose calls about consumers were read.
    consumer_calls: BTreeSet<StreamUid>,
    taggings: BTreeMap<StreamUid, Tagging>,
}

impl Catalog {
    /// The catalog whose rows these are, in any order; no rows give the empty catalog.
    ///
    /// # Errors
    /// [`LoadError`] when a row is unknown, newer than this build or damaged, or when the rows
    /// together break an invariant.
    pub fn load(rows: impl Iterator<Item = (Bytes, Bytes)>) -> Result<Self, LoadError> {
        let mut loading = Loading::default();
        for (key, value) in rows {
            loading.take(key, &value)?;
        }
        let catalog = loading.finish()?;
        catalog.check()?;
        catalog.check_room()?;
        Ok(catalog)
    }
}

impl Loading {
    fn take(&mut self, key: Bytes, value: &Bytes) -> Result<(), LoadError> {
        let row = RowKey::decode(&key).map_err(|reason| LoadError::Key { key: key.clone(), reason })?;
        let repeated = match &row {
            RowKey::Cluster => self.catalog.cluster.replace(read(&key, value)?).is_some(),
            RowKey::Counters => {
                self.catalog.counters = read_as(&key, value, |counters: &Counters| counters.changed_at > 0)?;
                std::mem::replace(&mut self.has_counters, true)
            }
            RowKey::TokenKeys => self.catalog.token_keys.replace(read(&key, value)?).is_some(),
            RowKey::Node(id) => {
                let node = read_as(&key, value, |node: &crate::Node| node.id == *id)?;
                Arc::make_mut(&mut self.map.nodes).insert(*id, node).is_some()
            }
            RowKey::Group(id) => {
                let group = read_as(&key, value, |group: &crate::Group| group.id == *id)?;
                Arc::make_mut(&mut self.map.groups).insert(*id, group).is_some()
            }
            RowKey::Floor(account, name) => {
                self.catalog.floors.insert((*account, name.clone()), read(&key, value)?).is_some()
            }
            RowKey::Stream(uid) => {
                let stream = read_as(&key, value, |stream: &Stream| stream.uid == *uid)?;
                self.streams.insert(*uid, stream).is_some()
            }
            RowKey::Shard(uid, id) => {
                let shard = read_as(&key, value, |shard: &Shard| shard.id == *id)?;
                // A shard that came twice breaks the order of ids, which check() verifies.
                self.shards.entry(*uid).or_default().push(shard);
                false
            }
            RowKey::ReshardHistory(uid) => self.histories.insert(*uid, read(&key, value)?).is_some(),
            RowKey::Round(uid) => self.rounds.insert(*uid, read(&key, value)?).is_some(),
            RowKey::Consumer(uid, name) => {
                let consumer = read_as(&key, value, |consumer: &Consumer| consumer.name == *name)?;
                self.consumers.entry(*uid).or_default().by_name.insert(name.clone(), consumer).is_some()
            }
            RowKey::ConsumerCalls(uid) => {
                let calls = &mut self.consumers.entry(*uid).or_default().calls;
                // An empty list of calls has no row.
                *calls = read_as(&key, value, |calls: &ConsumerCalls| !calls.answered.is_empty())?;
                !self.consumer_calls.insert(*uid)
            }
            RowKey::Tagging(uid) => self.taggings.insert(*uid, read(&key, value)?).is_some(),
        };
        if repeated { Err(LoadError::Repeated { key }) } else { Ok(()) }
    }

    fn finish(mut self) -> Result<Catalog, LoadError> {
        for (uid, stream) in self.streams {
            let name = (stream.account, stream.name.clone());
            let shards = self.shards.remove(&uid).unwrap_or_default();
            Arc::make_mut(&mut self.map.names).insert(name, uid);
            let stream = StreamMap::new(stream, shards);
            let stream = stream.with_history(self.histories.remove(&uid)).with_round(self.rounds.remove(&uid));
            let stream = stream.with_consumers(self.consumers.remove(&uid).unwrap_or_default());
            let stream = stream.with_tagging(self.taggings.remove(&uid));
            Arc::make_mut(&mut self.map.streams).insert(uid, Arc::new(stream));
        }
        let about = self.shards.keys().chain(self.histories.keys()).chain(self.rounds.keys());
        let mut orphans = about.chain(self.consumers.keys()).chain(self.taggings.keys());
        if let Some(uid) = orphans.next() {
            return Err(LoadError::Orphans { uid: *uid });
        }
        self.map.version = self.catalog.counters.map_version;
        self.catalog.tallies = Tallies::of(&self.map);
        self.catalog.map = Arc::new(self.map);
        Ok(self.catalog)
    }
}

fn read<V: RowValue>(key: &Bytes, value: &Bytes) -> Result<V, LoadError> {
    decode_value(value).map_err(|reason| LoadError::Value { key: key.clone(), reason })
}

/// Reads a value that belongs under the key, as one that repeats its identity does only under its own.
fn read_as<V: RowValue>(key: &Bytes, value: &Bytes, fits: impl Fn(&V) -> bool) -> Result<V, LoadError> {
    let row: V = read(key, value)?;
    if fits(&row) {
        return Ok(row);
    }
    Err(LoadError::Value { key: key.clone(), reason: DecodeError::Invalid { what: "row of this key" } })
}
