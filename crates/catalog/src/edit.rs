//! The only way commands change the catalog: each change goes to memory and to the rows.

use crate::catalog::Catalog;
use crate::cluster::Cluster;
use crate::commands::Recorded;
use crate::group::{Group, Replica, ReplicaState};
use crate::node::Node;
use crate::rows::{Floor, RowKey, RowMutation, RowValue, encode_value};
use crate::shard::Shard;
use crate::shard_map::ShardMap;
use crate::stream::{Stream, StreamMap, StreamStatus};
use crate::token_key::TokenKeys;
use anabranch_types::{AccountId, GroupId, MapVersion, NodeId, ReplicaId, StreamName, StreamUid};
use std::sync::Arc;

/// The changes of one command. A command decides first and changes then: there is no undo.
pub(crate) struct Edit<'a> {
    catalog: &'a mut Catalog,
    rows: &'a mut Vec<RowMutation>,
    rows_before: usize,
    map_changed: bool,
}

impl<'a> Edit<'a> {
    pub fn new(catalog: &'a mut Catalog, rows: &'a mut Vec<RowMutation>) -> Self {
        let rows_before = rows.len();
        Edit { catalog, rows, rows_before, map_changed: false }
    }

    /// The catalog with the changes so far.
    pub fn catalog(&self) -> &Catalog {
        self.catalog
    }

    /// The map's version once this command is applied, if it changes the map.
    pub fn next_version(&self) -> MapVersion {
        MapVersion(self.catalog.counters.map_version.0 + 1)
    }

    /// Whether nothing was changed so far.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == self.rows_before
    }

    pub fn take_group_id(&mut self) -> GroupId {
        let id = self.catalog.counters.next_group;
        self.catalog.counters.next_group = GroupId(id.0 + 1);
        id
    }

    pub fn take_replica_id(&mut self) -> ReplicaId {
        let id = self.catalog.counters.next_replica;
        self.catalog.counters.next_replica = ReplicaId(id.0 + 1);
        id
    }

    pub fn take_node_id(&mut self) -> NodeId {
        let id = self.catalog.counters.next_node;
        self.catalog.counters.next_node = NodeId(id.0 + 1);
        id
    }

    /// Takes an id that the node chose before there was a catalog.
    pub fn reserve_node_id(&mut self, node: NodeId) {
        let next = &mut self.catalog.counters.next_node;
        *next = (*next).max(NodeId(node.0 + 1));
    }

    pub fn take_stream_uid(&mut self) -> StreamUid {
        let uid = self.catalog.counters.next_stream;
        self.catalog.counters.next_stream = StreamUid(uid.0 + 1);
        uid
    }

    pub fn put_cluster(&mut self, cluster: Cluster) {
        self.put(RowKey::Cluster, &cluster);
        self.catalog.cluster = Some(cluster);
    }

    pub fn put_token_keys(&mut self, keys: TokenKeys) {
        self.put(RowKey::TokenKeys, &keys);
        self.catalog.token_keys = Some(keys);
    }

    pub fn put_node(&mut self, node: Node) {
        self.put(RowKey::Node(node.id), &node);
        Arc::make_mut(&mut self.map().nodes).insert(node.id, node);
    }

    pub fn put_group(&mut self, group: Group) {
        self.put(RowKey::Group(group.id), &group);
        if group.id != GroupId::METADATA {
            self.catalog.tallies.open_by_group.entry(group.id).or_insert(0);
        }
        Arc::make_mut(&mut self.map().groups).insert(group.id, group);
    }

    /// Gives a replica that is there another state.
    pub fn set_replica_state(&mut self, group: &Group, replica: ReplicaId, state: ReplicaState) {
        let mut group = group.clone();
        for own in group.replicas.iter_mut().filter(|own| own.id == replica) {
            own.state = state;
        }
        self.put_group(group);
    }

    /// Adds a replica with an id of its own.
    pub fn add_replica(&mut self, group: &Group, node: NodeId, state: ReplicaState) -> ReplicaId {
        let id = self.take_replica_id();
        let mut group = group.clone();
        group.replicas.push(Replica { id, node, state });
        self.put_group(group);
        id
    }

    /// Forgets the replicas of `group` that are not to be kept.
    pub fn forget_replicas(&mut self, group: &Group, keep: impl Fn(&Replica) -> bool) {
        let mut group = group.clone();
        group.replicas.retain(keep);
        self.put_group(group);
    }

    pub fn remove_node(&mut self, node: NodeId) {
        self.delete(RowKey::Node(node));
        Arc::make_mut(&mut self.map().nodes).remove(&node);
    }

    /// Raises the cluster's feature level to the lowest of its nodes; never lowers it (D15).
    /// Returns the level.
    ///
    /// # Panics
    /// When there is no cluster.
    pub fn raise_feature_level(&mut self) -> u16 {
        let cluster = self.catalog.cluster.clone().expect("the command was not refused for want of a cluster");
        let lowest = self.catalog.map.nodes().map(|node| node.feature_level).min();
        let feature_level = cluster.feature_level.max(lowest.expect("a bootstrapped cluster has nodes"));
        if feature_level > cluster.feature_level {
            self.put_cluster(Cluster { feature_level, ..cluster });
        }
        feature_level
    }

    /// What a membership command answers: the map version that has its change, or that had it
    /// already.
    pub fn recorded(&self) -> Recorded {
        Recorded { version: if self.map_changed { self.next_version() } else { self.catalog.map.version } }
    }

    pub fn put_floor(&mut self, account: AccountId, name: StreamName, floor: Floor) {
        self.put(RowKey::Floor(account, name.clone()), &floor);
        self.catalog.floors.insert((account, name), floor);
    }

    /// Adds a stream that is not there yet.
    pub fn add_stream(&mut self, stream: Stream, shards: Vec<Shard>) {
        self.put(RowKey::Stream(stream.uid), &stream);
        for shard in &shards {
            self.put(RowKey::Shard(stream.uid, shard.id), shard);
        }
        let stream = StreamMap::new(stream, shards);
        let (uid, name) = (stream.stream.uid, (stream.stream.account, stream.stream.name.clone()));
        self.catalog.tallies.add(&stream);
        let map = self.map();
        Arc::make_mut(&mut map.names).insert(name, uid);
        Arc::make_mut(&mut map.streams).insert(uid, Arc::new(stream));
    }

    /// Gives a stream another status; one row, whatever the number of shards.
    pub fn set_status(&mut self, current: &StreamMap, status: StreamStatus) {
        let stream = Stream { status, version: self.next_version(), ..current.stream.clone() };
        self.put(RowKey::Stream(stream.uid), &stream);
        let (uid, changed) = (stream.uid, Arc::new(current.with_stream(stream)));
        Arc::make_mut(&mut self.map().streams).insert(uid, changed);
    }

    /// Puts a changed stream in the place of `before`: its own row, and those of shards, reshards,
    /// consumers and tags that differ.
    pub fn replace_stream(&mut self, before: &StreamMap, after: StreamMap) {
        let version = self.next_version();
        let after = after.with_stream(Stream { version, ..after.stream.clone() });
        let uid = after.stream.uid;
        self.put(RowKey::Stream(uid), &after.stream);
        self.replace_shards(before, &after);
        if let Some(history) = after.history().filter(|history| before.history() != Some(*history)) {
            self.put(RowKey::ReshardHistory(uid), history);
        }
        match after.round() {
            Some(round) if before.round() != Some(round) => self.put(RowKey::Round(uid), &**round),
            None if before.round().is_some() => self.delete(RowKey::Round(uid)),
            Some(_) | None => {}
        }
        self.replace_consumers(before, &after);
        if let Some(tagging) = after.tagging().filter(|tagging| before.tagging() != Some(*tagging)) {
            self.put(RowKey::Tagging(uid), tagging);
        }
        self.catalog.tallies.remove(before);
        self.catalog.tallies.add(&after);
        Arc::make_mut(&mut self.map().streams).insert(uid, Arc::new(after));
    }

    fn replace_consumers(&mut self, before: &StreamMap, after: &StreamMap) {
        let uid = after.stream.uid;
        for gone in before.consumers().filter(|consumer| after.consumer(&consumer.name).is_none()) {
            self.delete(RowKey::Consumer(uid, gone.name.clone()));
        }
        for consumer in after.consumers().filter(|consumer| before.consumer(&consumer.name) != Some(*consumer)) {
            self.put(RowKey::Consumer(uid, consumer.name.clone()), consumer);
        }
        let calls = &after.consumer_rows().calls;
        if *calls != before.consumer_rows().calls {
            self.put(RowKey::ConsumerCalls(uid), calls);
        }
    }

    fn replace_shards(&mut self, before: &StreamMap, after: &StreamMap) {
        if after.shares_shards_of(before) {
            return;
        }
        let uid = after.stream.uid;
        for gone in before.shards().iter().filter(|shard| after.shard(shard.id).is_none()) {
            self.delete(RowKey::Shard(uid, gone.id));
        }
        for shard in after.shards().iter().filter(|shard| before.shard(shard.id) != Some(*shard)) {
            self.put(RowKey::Shard(uid, shard.id), shard);
        }
    }

    /// Removes a stream with its shards and all that is recorded of it.
    pub fn remove_stream(&mut self, gone: &StreamMap) {
        let uid = gone.stream.uid;
        self.delete(RowKey::Stream(uid));
        for shard in gone.shards() {
            self.delete(RowKey::Shard(uid, shard.id));
        }
        if gone.history().is_some() {
            self.delete(RowKey::ReshardHistory(uid));
        }
        if gone.round().is_some() {
            self.delete(RowKey::Round(uid));
        }
        for consumer in gone.consumers() {
            self.delete(RowKey::Consumer(uid, consumer.name.clone()));
        }
        if !gone.consumer_rows().calls.answered.is_empty() {
            self.delete(RowKey::ConsumerCalls(uid));
        }
        if gone.tagging().is_some() {
            self.delete(RowKey::Tagging(uid));
        }
        self.catalog.tallies.remove(gone);
        let map = self.map();
        Arc::make_mut(&mut map.names).remove(&(gone.stream.account, gone.stream.name.clone()));
        Arc::make_mut(&mut map.streams).remove(&uid);
    }

    /// Completes the command at `log_index`: one counters row if anything changed.
    pub fn finish(self, log_index: u64) {
        if self.is_empty() {
            return;
        }
        if self.map_changed {
            let version = self.next_version();
            self.catalog.counters.map_version = version;
            Arc::make_mut(&mut self.catalog.map).version = version;
        }
        self.catalog.counters.changed_at = log_index;
        let value = encode_value(&self.catalog.counters);
        self.rows.push(RowMutation::Put { key: RowKey::Counters.encode(), value });
    }

    fn map(&mut self) -> &mut ShardMap {
        self.map_changed = true;
        Arc::make_mut(&mut self.catalog.map)
    }

    fn delete(&mut self, key: RowKey) {
        self.rows.push(RowMutation::Delete { key: key.encode() });
    }

    fn put<V: RowValue>(&mut self, key: RowKey, value: &V) {
        self.rows.push(RowMutation::Put { key: key.encode(), value: encode_value(value) });
    }
}
