//! The state of the metadata group, and what can be asked of it.

use crate::cluster::{Cluster, Counters};
use crate::rows::{Floor, RowKey, encode_value};
use crate::shard_map::ShardMap;
use crate::stream::{StreamMap, StreamStatus};
use crate::token_key::TokenKeys;
use anabranch_types::{AccountId, ClusterId, GroupId, Incarnation, NodeId, ReplicaId, StreamName};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The feature level of this build: it applies every command of this level and below.
///
/// Level 1: one node. Level 2: nodes join and leave, replicas have states. Level 3: groups are made
/// as nodes join. Level 4: a stream uses no more groups than it has a use for. Level 5: shards are
/// split and merged. Level 6: the retention and the largest record of streams are changed, and streams
/// have consumers and tags.
pub const FEATURE_LEVEL: u16 = 6;

/// The level from which nodes may join and replicas may change.
pub(crate) const MEMBERSHIP_LEVEL: u16 = 2;

/// The level from which groups may be made, and shards go to groups of full strength.
pub(crate) const GROUPS_LEVEL: u16 = 3;

/// The level from which a stream uses no more groups than it has a use for.
pub(crate) const FEW_GROUPS_LEVEL: u16 = 4;

/// The level from which shards may be split and merged.
pub(crate) const RESHARD_LEVEL: u16 = 5;

/// The level from which the retention and the largest record of streams may be changed.
pub(crate) const SETTINGS_LEVEL: u16 = 6;
/// The level from which streams may have consumers.
pub(crate) const CONSUMERS_LEVEL: u16 = 6;
/// The level from which streams have tags.
pub(crate) const TAGS_LEVEL: u16 = 6;

/// Nodes, groups, streams and shards: everything the cluster agrees on that is not a record.
///
/// A pure function of the commands applied to it; equal commands give equal catalogs on every
/// replica, and [`Catalog::hash`] compares them (I9).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    pub(crate) cluster: Option<Cluster>,
    pub(crate) counters: Counters,
    pub(crate) token_keys: Option<TokenKeys>,
    /// The create seconds that deleted streams used up, by name.
    pub(crate) floors: BTreeMap<(AccountId, StreamName), Floor>,
    pub(crate) map: Arc<ShardMap>,
    pub(crate) tallies: Tallies,
}

/// Sums over the shard map, kept with it and never stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tallies {
    /// Open shards of each data group, as they will be when the rounds under way are committed;
    /// every data group has an entry.
    pub open_by_group: BTreeMap<GroupId, u32>,
    /// Of each account that has streams: see [`StreamMap::counted_shards`].
    pub open_by_account: BTreeMap<AccountId, u32>,
}

/// A stream on its way from one lasting status to another: a controller carries it through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfinished {
    /// Its shards must be made known to their groups, then `ActivateStream`.
    Create(Arc<StreamMap>),
    /// Its shards must be dropped by their groups, then `FinishDeleteStream`.
    Delete(Arc<StreamMap>),
    /// Its round, or the next one to its target, must be carried out.
    Reshard(Arc<StreamMap>),
    /// Its groups must be told the pending retention, then `FinishRetention`.
    Retain(Arc<StreamMap>),
}

impl Catalog {
    /// The metadata group's first replica, on the node that bootstraps: it exists before the
    /// catalog can say so.
    pub const FIRST_METADATA_REPLICA: ReplicaId = ReplicaId(1);

    /// Streams, shards, groups and nodes as they stand. The snapshot does not change with the
    /// catalog.
    pub fn shard_map(&self) -> Arc<ShardMap> {
        Arc::clone(&self.map)
    }

    /// The cluster's identity; none before the bootstrap.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// The keys that seal tokens; none before the bootstrap.
    pub fn token_keys(&self) -> Option<&TokenKeys> {
        self.token_keys.as_ref()
    }

    /// Log index of the command that last changed anything; 0 before the first.
    pub fn changed_at(&self) -> u64 {
        self.counters.changed_at
    }

    /// Open shards of an account's streams, those being created or deleted included, and those that
    /// reshards under way will add. AWS counts them against the account's quota.
    pub fn open_shard_count(&self, account: AccountId) -> u32 {
        self.tallies.open_by_account.get(&account).copied().unwrap_or(0)
    }

    /// The node of a directory; none when it is not a member (D14).
    pub fn node_of(&self, incarnation: Incarnation) -> Option<NodeId> {
        self.map.nodes().find(|node| node.incarnation == incarnation).map(|node| node.id)
    }

    /// Whether this is the catalog of `cluster`.
    pub fn is_of(&self, cluster: ClusterId) -> bool {
        self.cluster.as_ref().is_some_and(|own| own.id == cluster)
    }

    /// What controllers must carry on with, by stream uid: after a crash it is all here.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        let work = self.map.streams().filter_map(|stream| match stream.stream.status {
            StreamStatus::Creating => Some(Unfinished::Create(Arc::clone(stream))),
            StreamStatus::Deleting => Some(Unfinished::Delete(Arc::clone(stream))),
            StreamStatus::Updating if stream.stream.retention_changes.pending.is_some() => {
                Some(Unfinished::Retain(Arc::clone(stream)))
            }
            StreamStatus::Updating => Some(Unfinished::Reshard(Arc::clone(stream))),
            StreamStatus::Active => None,
        });
        work.collect()
    }

    /// Every row, in the order of keys: [`Catalog::load`] of them gives an equal catalog.
    pub fn rows(&self) -> impl Iterator<Item = (Bytes, Bytes)> {
        let cluster = self.cluster.iter().map(|row| (RowKey::Cluster.encode(), encode_value(row)));
        let counters = (self.counters.changed_at > 0).then_some(&self.counters).into_iter();
        let counters = counters.map(|row| (RowKey::Counters.encode(), encode_value(row)));
        let keys = self.token_keys.iter().map(|row| (RowKey::TokenKeys.encode(), encode_value(row)));
        let nodes = self.map.nodes().map(|row| (RowKey::Node(row.id).encode(), encode_value(row)));
        let groups = self.map.groups().map(|row| (RowKey::Group(row.id).encode(), encode_value(row)));
        let floors = self
            .floors
            .iter()
            .map(|((account, name), row)| (RowKey::Floor(*account, name.clone()).encode(), encode_value(row)));
        let streams =
            self.map.streams().map(|row| (RowKey::Stream(row.stream.uid).encode(), encode_value(&row.stream)));
        let shards = self.map.streams().flat_map(|stream| {
            let uid = stream.stream.uid;
            stream.shards().iter().map(move |row| (RowKey::Shard(uid, row.id).encode(), encode_value(row)))
        });
        let histories = self.map.streams().filter_map(|stream| {
            let uid = stream.stream.uid;
            stream.history().map(|row| (RowKey::ReshardHistory(uid).encode(), encode_value(row)))
        });
        let rounds = self.map.streams().filter_map(|stream| {
            let uid = stream.stream.uid;
            stream.round().map(|row| (RowKey::Round(uid).encode(), encode_value(&**row)))
        });
        let consumers = self.map.streams().flat_map(|stream| {
            let (uid, consumers) = (stream.stream.uid, stream.consumers());
            consumers.map(move |row| (RowKey::Consumer(uid, row.name.clone()).encode(), encode_value(row)))
        });
        let calls = self.map.streams().filter_map(|stream| {
            let (uid, calls) = (stream.stream.uid, &stream.consumer_rows().calls);
            (!calls.answered.is_empty()).then(|| (RowKey::ConsumerCalls(uid).encode(), encode_value(calls)))
        });
        let tags = self.map.streams().filter_map(|stream| {
            let uid = stream.stream.uid;
            stream.tagging().map(|row| (RowKey::Tagging(uid).encode(), encode_value(row)))
        });
        let before = cluster.chain(counters).chain(keys).chain(nodes).chain(groups).chain(floors);
        before.chain(streams).chain(shards).chain(histories).chain(rounds).chain(tags).chain(consumers).chain(calls)
    }

    /// A hash of every row (FNV-1a, 64 bits), for comparing replicas at one log index (I9).
    /// Not secure against an adversary.
    pub fn hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325;
        let mut add = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for (key, value) in self.rows() {
            add(&(key.len() as u64).to_be_bytes());
            add(&key);
            add(&(value.len() as u64).to_be_bytes());
            add(&value);
        }
        hash
    }
}

impl Tallies {
    /// The sums of a map, counted anew.
    pub fn of(map: &ShardMap) -> Self {
        let mut tallies = Tallies::default();
        for group in map.groups().filter(|group| group.id != GroupId::METADATA) {
            tallies.open_by_group.insert(group.id, 0);
        }
        for stream in map.streams() {
            tallies.add(stream);
        }
        tallies
    }

    /// Counts a stream's open shards.
    pub fn add(&mut self, stream: &StreamMap) {
        for shard in stream.open_after_round() {
            *self.open_by_group.entry(shard.group).or_insert(0) += 1;
        }
        *self.open_by_account.entry(stream.stream.account).or_insert(0) += stream.counted_shards();
    }

    /// Forgets a stream's open shards.
    ///
    /// # Panics
    /// When they were not counted.
    pub fn remove(&mut self, stream: &StreamMap) {
        for shard in stream.open_after_round() {
            let open = self.open_by_group.get_mut(&shard.group).expect("every data group has an entry");
            *open = open.checked_sub(1).expect("counted when the shard opened");
        }
        let account = stream.stream.account;
        let open = self.open_by_account.get_mut(&account).expect("counted when the stream was created");
        *open = open.checked_sub(stream.counted_shards()).expect("counted when the stream was created");
        if *open == 0 {
            self.open_by_account.remove(&account);
        }
    }
}
