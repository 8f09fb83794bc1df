//! A catalog and the store behind it.

use crate::*;
use anabranch_types::*;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// A moment of 2025.
pub const START: Timestamp = Timestamp::from_millis(1_742_000_000_000);
pub const ACCOUNT: AccountId = AccountId::DEFAULT;

#[derive(Default)]
pub struct World {
    pub catalog: Catalog,
    pub stored: BTreeMap<Bytes, Bytes>,
    pub index: u64,
    /// Mutations of the last command.
    pub mutations: Vec<RowMutation>,
}

impl World {
    /// One node, two data groups.
    pub fn bootstrapped() -> Self {
        let mut world = World::default();
        world.apply(bootstrap(2)).expect("the first bootstrap");
        world
    }

    /// Applies a command, stores its rows, and verifies all that must hold after any command.
    pub fn apply<C: Command>(&mut self, command: C) -> Result<C::Done, C::Refused> {
        let outcome = self.apply_bytes(&command.encode()).expect("a command of this build");
        C::decode_outcome(&outcome).expect("an outcome of this command")
    }

    pub fn apply_bytes(&mut self, command: &Bytes) -> Result<Bytes, UnknownCommand> {
        self.index += 1;
        let (before, version) = (self.catalog.clone(), self.catalog.shard_map().version());
        self.mutations.clear();
        let outcome = self.catalog.apply(self.index, command, &mut self.mutations)?;
        for mutation in self.mutations.clone() {
            match mutation {
                RowMutation::Put { key, value } => self.stored.insert(key, value),
                RowMutation::Delete { key } => self.stored.remove(&key),
            };
        }
        assert_eq!(self.catalog.check(), Ok(()));
        assert!(self.catalog.rows().eq(self.stored.clone()), "the store has the catalog's rows");
        let map = self.catalog.shard_map();
        let same_map = crate::ShardMap { version, ..(*map).clone() } == *before.shard_map();
        assert_eq!(map.version().0 - version.0, u64::from(!same_map), "the version grows with each change of the map");
        assert_eq!(self.mutations.is_empty(), before == self.catalog);
        Ok(outcome)
    }

    pub fn create(&mut self, name: &str, shards: u32, now: Timestamp) -> StreamUid {
        self.apply(create(name, shards, now)).expect("a new stream").uid
    }

    /// A stream that takes traffic.
    pub fn active(&mut self, name: &str, shards: u32, now: Timestamp) -> StreamUid {
        let uid = self.create(name, shards, now);
        self.apply(ActivateStream { uid }).expect("a created stream");
        uid
    }

    pub fn delete(&mut self, name: &str) {
        let command = BeginDeleteStream { account: ACCOUNT, name: stream_name(name) };
        let uid = self.apply(command).expect("the stream exists").uid;
        self.apply(FinishDeleteStream { uid }).expect("its deletion began");
    }
}

pub fn bootstrap(data_groups: u32) -> Bootstrap {
    Bootstrap {
        cluster: ClusterId(7),
        node: NodeId(1),
        incarnation: Incarnation(11),
        addresses: NodeAddresses::new("10.0.0.1:4600", "10.0.0.1:4567").expect("valid"),
        feature_level: FEATURE_LEVEL,
        data_groups,
        token_secret: TokenSecret::new([1; 32]),
        now: START,
    }
}

/// Each call has a request of its own only if the caller gives it one.
pub fn create(name: &str, shards: u32, now: Timestamp) -> CreateStream {
    CreateStream {
        account: ACCOUNT,
        name: stream_name(name),
        shard_count: NonZeroU32::new(shards).expect("from 1"),
        now,
        shard_limit: 20_000,
        request: RequestId(u128::from(now.as_millis())),
    }
}

pub fn stream_name(name: &str) -> StreamName {
    StreamName::new(name).expect("valid")
}

/// Tags with a number in key and value.
pub fn tags(numbers: std::ops::Range<u32>) -> Tags {
    let key = |number| TagKey::new(&format!("key-{number:02}")).expect("valid");
    let value = |number| TagValue::new(&format!("value-{number}")).expect("valid");
    numbers.map(|number| (key(number), value(number))).collect()
}

/// A directory `incarnation` that listens at an address of its own.
pub fn register(incarnation: u128) -> RegisterNode {
    let peer = format!("10.0.1.{incarnation}:4600");
    let addresses = NodeAddresses::new(&peer, "").expect("valid");
    RegisterNode { incarnation: Incarnation(incarnation), addresses, feature_level: FEATURE_LEVEL, now: START }
}

impl World {
    /// `count` nodes, of ids from 1 and incarnations from 11; two data groups on the first.
    pub fn of_nodes(count: u64) -> Self {
        World::of_nodes_and_groups(count, 2)
    }

    /// `count` nodes as in [`World::of_nodes`], `data_groups` on the first.
    pub fn of_nodes_and_groups(count: u64, data_groups: u32) -> Self {
        let mut world = World::default();
        world.apply(bootstrap(data_groups)).expect("the first bootstrap");
        for id in 2..=count {
            let registered = world.apply(register(u128::from(id) + 10)).expect("a new node");
            assert_eq!(registered.node, NodeId(id));
        }
        world
    }

    pub fn group(&self, id: u32) -> Group {
        self.catalog.shard_map().group(GroupId(id)).cloned().expect("a group of this world")
    }

    pub fn node(&self, id: u64) -> Node {
        self.catalog.shard_map().node(NodeId(id)).cloned().expect("a node of this world")
    }

    /// The state of a group's replica on a node; none when it has none there.
    pub fn state_on(&self, group: u32, node: u64) -> Option<ReplicaState> {
        self.group(group).replicas.iter().find(|replica| replica.node == NodeId(node)).map(|replica| replica.state)
    }

    pub fn set_state(&mut self, node: u64, state: NodeState) -> Result<Recorded, SetNodeStateRefused> {
        let incarnation = self.node(node).incarnation;
        self.apply(SetNodeState { node: NodeId(node), incarnation, state })
    }

    pub fn set_zone(&mut self, node: u64, zone: &str) {
        let (incarnation, zone) = (self.node(node).incarnation, Zone::new(zone).expect("valid"));
        self.apply(DescribeNode { node: NodeId(node), incarnation, zone }).expect("a member");
    }

    /// Adds a replica and lets it join.
    pub fn joined(&mut self, group: u32, node: u64) -> ReplicaId {
        let group = GroupId(group);
        let replica = self.apply(AddReplica { group, node: NodeId(node) }).expect("a free node").replica;
        self.apply(ReplicaJoined { group, replica }).expect("it was joining");
        replica
    }

    /// Takes a replica out of its group, whose node has not deleted it yet.
    pub fn left(&mut self, group: u32, replica: ReplicaId) {
        let group = GroupId(group);
        self.apply(RemoveReplica { group, replica }).expect("not the last member");
        self.apply(ReplicaLeft { group, replica }).expect("it was leaving");
    }
}
