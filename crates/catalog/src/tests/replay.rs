//! A log gives the outcomes and rows that it gave when it was written (D15).
//!
//! The logs come from a fixed seed; what they gave is recorded here. Another hash says that
//! replicas of two builds would differ: a changed rule needs a feature level of its own. A new
//! kind of command changes the logs, and is added in a commit that changes no other rule.

use super::world::*;
use crate::*;
use anabranch_types::*;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::time::Duration;

const LOGS: usize = 64;
const ENTRIES: usize = 300;

/// For each kind of command, in the order of its byte: a hash of what its entries gave, and how
/// many refusals it has, which all come up.
const GIVEN: [(CommandKind, u64, u8); 18] = [
    (CommandKind::Bootstrap, 0x1243_0c04_57e5_a3a8, 3),
    (CommandKind::RegisterNode, 0xd849_7d9a_52a0_9e15, 4),
    (CommandKind::UpdateNode, 0x6401_ddf8_d41b_85b0, 4),
    (CommandKind::CreateStream, 0x035f_a7cf_af01_5641, 5),
    (CommandKind::ActivateStream, 0x1058_909d_f6f6_b731, 2),
    (CommandKind::BeginDeleteStream, 0x9fea_eb46_94bb_008d, 1),
    (CommandKind::FinishDeleteStream, 0xb701_7f53_772c_3eb6, 2),
    (CommandKind::RotateTokenKey, 0x406c_9959_2892_18dc, 2),
    (CommandKind::AddReplica, 0x023b_48d8_6112_9e72, 7),
    (CommandKind::PromoteReplica, 0x6601_afb6_7af4_007b, 7),
    (CommandKind::ReplicaJoined, 0xef49_be98_ecfc_3baf, 5),
    (CommandKind::RemoveReplica, 0x3647_1965_b731_fde5, 7),
    (CommandKind::ReplicaLeft, 0xd3f6_bc54_0fee_8798, 5),
    (CommandKind::ForgetReplica, 0x4c7c_b7a8_ce59_a75d, 5),
    (CommandKind::SetNodeState, 0x8662_dfa8_acfb_31e9, 6),
    (CommandKind::DescribeNode, 0x4b0e_f523_0896_2922, 4),
    (CommandKind::RemoveNode, 0x8c94_d8a1_9ddb_6aee, 5),
    (CommandKind::CreateGroup, 0xe663_3d5b_d69b_b2de, 5),
];

/// Writes commands over so few names and ids that most meet something that exists.
struct Writer {
    /// xorshift64.
    chance: u64,
}

impl Writer {
    fn below(&mut self, count: u32) -> u32 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance % u64::from(count)) as u32
    }

    fn id(&mut self, count: u32) -> u64 {
        u64::from(self.below(count))
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u32) as usize]
    }

    fn incarnation(&mut self) -> Incarnation {
        Incarnation(u128::from(self.below(12)) + 10)
    }

    /// A member's id and incarnation; now and then ones that may be nobody's.
    fn directory(&mut self, map: &ShardMap) -> (NodeId, Incarnation) {
        let members: Vec<_> = map.nodes().map(|node| (node.id, node.incarnation)).collect();
        match self.below(10) {
            0 => (NodeId(self.id(20)), self.incarnation()),
            _ if members.is_empty() => (NodeId(1), self.incarnation()),
            1 => (self.one_of(&members).0, self.incarnation()),
            _ => self.one_of(&members),
        }
    }

    /// A replica and its group; now and then ones that may not be there.
    fn replica(&mut self, map: &ShardMap) -> (GroupId, ReplicaId) {
        let of = |group: &Group| group.replicas.iter().map(|own| (group.id, own.id)).collect::<Vec<_>>();
        let replicas: Vec<_> = map.groups().flat_map(of).collect();
        if replicas.is_empty() || self.below(10) == 0 {
            return (GroupId(self.below(6)), ReplicaId(self.id(60)));
        }
        self.one_of(&replicas)
    }

    fn addresses(&mut self) -> NodeAddresses {
        let peer = self.one_of(&["", "a:1", "b:1", "c:1", "d:1", "e:1", "f:1", "g:1", "h:1"]);
        NodeAddresses::new(peer, "").expect("valid")
    }

    /// One that most builds in the log understand.
    fn feature_level(&mut self) -> u16 {
        self.one_of(&[1, 2, 3, 3, 3, 4])
    }

    fn now(&mut self) -> Timestamp {
        START.plus(Duration::from_secs(self.id(3_000)))
    }

    fn entry(&mut self, kind: CommandKind, map: &ShardMap) -> Bytes {
        let (node, incarnation) = self.directory(map);
        let (group, replica) = self.replica(map);
        let (uid, account) = (StreamUid(self.id(12)), ACCOUNT);
        let name = stream_name(self.one_of(&["a", "b", "c"]));
        match kind {
            CommandKind::Bootstrap => {
                let (node, feature_level) = (NodeId(self.id(5)), self.one_of(&[1, 1, 2, 3]));
                Bootstrap { node, feature_level, ..bootstrap(self.below(4)) }.encode()
            }
            CommandKind::RegisterNode => {
                let (incarnation, addresses) = (self.incarnation(), self.addresses());
                RegisterNode { incarnation, addresses, feature_level: self.feature_level(), now: self.now() }.encode()
            }
            CommandKind::UpdateNode => {
                let (addresses, feature_level) = (self.addresses(), self.feature_level());
                UpdateNode { node, incarnation, addresses, feature_level }.encode()
            }
            CommandKind::CreateStream => self.create(name).encode(),
            CommandKind::ActivateStream => ActivateStream { uid }.encode(),
            CommandKind::BeginDeleteStream => BeginDeleteStream { account, name }.encode(),
            CommandKind::FinishDeleteStream => FinishDeleteStream { uid }.encode(),
            CommandKind::RotateTokenKey => {
                RotateTokenKey { secret: TokenSecret::new([self.below(6) as u8; 32]), now: self.now() }.encode()
            }
            CommandKind::AddReplica => AddReplica { group, node }.encode(),
            CommandKind::PromoteReplica => PromoteReplica { group, replica }.encode(),
            CommandKind::ReplicaJoined => ReplicaJoined { group, replica }.encode(),
            CommandKind::RemoveReplica => RemoveReplica { group, replica }.encode(),
            CommandKind::ReplicaLeft => ReplicaLeft { group, replica }.encode(),
            CommandKind::ForgetReplica => ForgetReplica { group, replica }.encode(),
            CommandKind::SetNodeState => {
                let state = self.one_of(&[
                    NodeState::Active,
                    NodeState::Active,
                    NodeState::Draining,
                    NodeState::Decommissioning,
                    NodeState::Lost,
                ]);
                SetNodeState { node, incarnation, state }.encode()
            }
            CommandKind::DescribeNode => {
                let zone = Zone::new(self.one_of(&["", "x", "y"])).expect("valid");
                DescribeNode { node, incarnation, zone }.encode()
            }
            CommandKind::RemoveNode => RemoveNode { node }.encode(),
            CommandKind::CreateGroup => {
                let there = map.groups().count() as u32;
                CreateGroup { node, known: there.saturating_sub(1 + self.below(2)) }.encode()
            }
        }
    }

    fn create(&mut self, name: StreamName) -> CreateStream {
        let shards = self.one_of(&[1, 2, 3, 4, 20_001]);
        let now = if self.below(12) == 0 { Timestamp::from_millis(u64::MAX) } else { self.now() };
        let request = RequestId(u128::from(self.below(3)));
        CreateStream { name, shard_limit: 9, request, ..create("x", shards, now) }
    }
}

/// FNV-1a, continued from `hash`.
fn add(hash: &mut u64, bytes: &[u8]) {
    for byte in (bytes.len() as u64).to_be_bytes().iter().chain(bytes) {
        *hash = (*hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
}

#[test]
fn a_log_gives_what_it_gave_when_it_was_written() {
    let mut given = CommandKind::ALL.map(|kind| (kind, 0xcbf2_9ce4_8422_2325_u64, BTreeSet::new()));
    let mut writer = Writer { chance: 0x9e37_79b9_7f4a_7c15 };
    for _ in 0..LOGS {
        let mut world = World::default();
        for _ in 0..ENTRIES {
            let kind = writer.one_of(&CommandKind::ALL);
            let entry = writer.entry(kind, &world.catalog.shard_map());
            let outcome = world.apply_bytes(&entry).expect("a command of this build");
            let (_, hash, outcomes) = &mut given[kind as usize - 1];
            add(hash, &outcome);
            for mutation in &world.mutations {
                match mutation {
                    RowMutation::Put { key, value } => [key, value].map(|bytes| add(hash, bytes)),
                    RowMutation::Delete { key } => [key, &Bytes::new()].map(|bytes| add(hash, bytes)),
                };
            }
            outcomes.insert(if outcome[2] == 0 { 0 } else { outcome[3] });
        }
    }
    for ((kind, hash, outcomes), (recorded, hash_recorded, refusals)) in given.into_iter().zip(GIVEN) {
        assert_eq!(kind, recorded);
        assert!(outcomes.iter().copied().eq(0..=refusals), "{kind:?} gave {outcomes:?} of {refusals} refusals");
        assert_eq!(hash, hash_recorded, "{kind:?} gave {hash:#x}");
    }
}
