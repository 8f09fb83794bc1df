//! The shard map: a snapshot of the catalog that gateways route by, without locks.
//!
//! It holds no secrets; token keys are asked of the catalog. Taking a snapshot costs one
//! reference count; the next change copies only the table it touches, by pointers, and the
//! one stream it changes.

use crate::group::Group;
use crate::node::Node;
use crate::shard::Shard;
use crate::stream::StreamMap;
use anabranch_types::{AccountId, GroupId, HashKey, MapVersion, NodeId, StreamName, StreamUid};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Streams, groups and nodes at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardMap {
    pub(crate) version: MapVersion,
    pub(crate) streams: Arc<BTreeMap<StreamUid, Arc<StreamMap>>>,
    pub(crate) names: Arc<BTreeMap<(AccountId, StreamName), StreamUid>>,
    pub(crate) groups: Arc<BTreeMap<GroupId, Group>>,
    pub(crate) nodes: Arc<BTreeMap<NodeId, Node>>,
}

/// A page of an account's streams, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPage {
    /// The page.
    pub streams: Vec<Arc<StreamMap>>,
    /// Whether streams follow it.
    pub has_more: bool,
}

impl Default for ShardMap {
    /// The map before the bootstrap: version 0 and nothing in it.
    fn default() -> Self {
        ShardMap {
            version: MapVersion(0),
            streams: Arc::default(),
            names: Arc::default(),
            groups: Arc::default(),
            nodes: Arc::default(),
        }
    }
}

impl ShardMap {
    /// Grows by one with each change of anything in the map.
    pub fn version(&self) -> MapVersion {
        self.version
    }

    /// The stream of a uid; none once it is deleted.
    pub fn stream(&self, uid: StreamUid) -> Option<&Arc<StreamMap>> {
        self.streams.get(&uid)
    }

    /// The stream of a name, whatever its status.
    pub fn stream_named(&self, account: AccountId, name: &StreamName) -> Option<&Arc<StreamMap>> {
        let uid = self.names.get(&(account, name.clone()))?;
        self.streams.get(uid)
    }

    /// Every stream, by uid.
    pub fn streams(&self) -> impl Iterator<Item = &Arc<StreamMap>> {
        self.streams.values()
    }

    /// At most `limit` streams of `account` whose names follow `after`, in byte order.
    pub fn streams_after(&self, account: AccountId, after: Option<&StreamName>, limit: usize) -> StreamPage {
        let lowest = StreamName::new("-").expect("a hyphen is the lowest character of a stream name");
        let from = match after {
            Some(name) => Bound::Excluded((account, name.clone())),
            None => Bound::Included((account, lowest)),
        };
        let names = self.names.range((from, Bound::Unbounded)).take_while(|((owner, _), _)| *owner == account);
        let mut uids = names.map(|(_, uid)| uid);
        let streams = uids.by_ref().take(limit).filter_map(|uid| self.streams.get(uid)).cloned().collect();
        StreamPage { streams, has_more: uids.next().is_some() }
    }

    /// Open shards of an account's streams, whatever the status of these.
    pub fn open_shard_count(&self, account: AccountId) -> u32 {
        let own = self.streams().filter(|stream| stream.stream.account == account);
        own.map(|stream| stream.open_count()).sum()
    }

    /// The open shard of a stream that takes records of `key`; none when there is no such
    /// stream.
    pub fn route(&self, uid: StreamUid, key: HashKey) -> Option<&Shard> {
        self.stream(uid).map(|stream| stream.route(key))
    }

    /// Every group, by id; the metadata group is the first.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// The group of an id.
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id)
    }

    /// Every node, by id.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// The node of an id.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(&id)
    }
}
