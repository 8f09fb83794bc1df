//! A log gives the outcomes and rows that it gave when it was written (D15).
//!
//! The logs come from fixed seeds; what they gave is recorded here. Another hash says that
//! replicas of two builds would differ: a changed rule needs a feature level of its own. A new
//! kind of command comes with logs of its own, so that those that were written before it stay.

use super::world::*;
use crate::*;
use anabranch_types::*;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

const LOGS: usize = 64;
const ENTRIES: usize = 300;

/// For each kind of command, in the order of its byte: a hash of what its entries gave, and how
/// many refusals it has, which all come up.
const GIVEN_BELOW_LEVEL_FIVE: [(CommandKind, u64, u8); 18] = [
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

/// The same for commands that split and merge.
const GIVEN_OF_RESHARDS: [(CommandKind, u64, u8); 8] = [
    (CommandKind::BeginReshard, 0xe123_0e6f_87d3_bef5, 6),
    (CommandKind::UpdateShardCount, 0xd343_c94d_ce70_f905, 10),
    (CommandKind::ContinueScaling, 0x3ea3_85d5_2bc2_f3d3, 6),
    (CommandKind::SealParents, 0x301b_8c66_75c9_803e, 4),
    (CommandKind::CommitReshard, 0x46d7_efbd_9fdb_e9d6, 8),
    (CommandKind::AbortReshard, 0x127f_27f0_7154_37eb, 5),
    (CommandKind::FinishScaling, 0xc7ee_4e8e_4dd0_7707, 6),
    (CommandKind::RemoveShards, 0x9c5a_821f_4575_4053, 6),
];

/// The same for commands that change settings.
const GIVEN_OF_SETTINGS: [(CommandKind, u64, u8); 3] = [
    (CommandKind::SetRetention, 0x5796_1535_e702_64df, 7),
    (CommandKind::FinishRetention, 0xef7a_342a_f5fd_f3d0, 4),
    (CommandKind::UpdateMaxRecordSize, 0x1add_55aa_6723_2044, 5),
];

/// The same for commands about consumers.
const GIVEN_OF_CONSUMERS: [(CommandKind, u64, u8); 2] = [
    (CommandKind::RegisterConsumer, 0xb230_112b_2df6_b5fa, 6),
    (CommandKind::DeregisterConsumer, 0x5ed9_ff75_5840_6979, 4),
];
/// The same for commands about tags.
const GIVEN_OF_TAGS: [(CommandKind, u64, u8); 2] =
    [(CommandKind::TagStream, 0xade0_aad4_a1e8_cace, 5), (CommandKind::UntagStream, 0x1bc7_ded0_1dd2_0001, 4)];

/// Writes commands over so few names and ids that most meet something that exists.
struct Writer {
    /// xorshift64.
    chance: u64,
    /// Those of bootstraps and of nodes that join, each as often as it is here.
    first_levels: &'static [u16],
    levels: &'static [u16],
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
        self.one_of(self.levels)
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
                let (node, feature_level) = (NodeId(self.id(5)), self.one_of(self.first_levels));
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
            CommandKind::BeginReshard
            | CommandKind::UpdateShardCount
            | CommandKind::ContinueScaling
            | CommandKind::SealParents
            | CommandKind::CommitReshard
            | CommandKind::AbortReshard
            | CommandKind::FinishScaling
            | CommandKind::RemoveShards => self.reshard(kind, map),
            CommandKind::SetRetention | CommandKind::FinishRetention | CommandKind::UpdateMaxRecordSize => {
                self.setting(kind, map)
            }
            CommandKind::RegisterConsumer | CommandKind::DeregisterConsumer => self.consumer(kind, map),
            CommandKind::TagStream | CommandKind::UntagStream => self.tag(kind, map),
        }
    }

    /// About one of few streams, mostly what is to be done with it next.
    fn reshard(&mut self, kind: CommandKind, map: &ShardMap) -> Bytes {
        let streams: Vec<_> = map.streams().cloned().collect();
        let stream =
            if streams.is_empty() { None } else { Some(streams[self.below(streams.len() as u32) as usize].clone()) };
        let known = stream.as_ref().filter(|_| self.below(20) > 0);
        let uid = known.map_or_else(|| StreamUid(self.id(40)), |stream| stream.stream.uid);
        let round = known.and_then(|stream| stream.round()).filter(|_| self.below(10) > 0);
        let (id, request) = round
            .map_or((MapVersion(self.id(9)), RequestId(u128::from(self.below(30)))), |round| (round.id, round.request));
        let request = known
            .and_then(|stream| stream.scaling())
            .filter(|_| self.below(10) > 0)
            .map_or(request, |scaling| scaling.request);
        let (now, shard_limit) = (self.now(), self.one_of(&[9, 40, 40]));
        match kind {
            CommandKind::BeginReshard => {
                let request = RequestId(self.chance.into());
                BeginReshard { uid, steps: self.steps(known), now, shard_limit, request }.encode()
            }
            CommandKind::UpdateShardCount => {
                let request = RequestId(self.chance.into());
                let open = known.map_or(4, |stream| stream.open_count());
                let target =
                    self.one_of(&[open, open * 2, open.div_ceil(2), open + 1, open * 2 + 1, open / 3 + 1, 10_001]);
                let target = NonZeroU32::new(target).expect("from 1");
                UpdateShardCount { uid, target, now, shard_limit, request }.encode()
            }
            CommandKind::ContinueScaling => {
                let target =
                    known.and_then(|stream| stream.scaling()).and_then(|scaling| NonZeroU32::new(scaling.target));
                let planned = known.zip(target).map(|(stream, target)| scaling_steps(stream.open_shards(), target));
                let steps = planned.filter(|_| self.below(10) > 0).unwrap_or_else(|| self.steps(known));
                ContinueScaling { uid, request, steps, now }.encode()
            }
            CommandKind::SealParents => SealParents { uid, round: id }.encode(),
            CommandKind::CommitReshard => self.commit(uid, id, known, now).encode(),
            CommandKind::AbortReshard => AbortReshard { uid, request }.encode(),
            CommandKind::FinishScaling => FinishScaling { uid, request }.encode(),
            _ => {
                let now = now.plus(Duration::from_secs(self.one_of(&[0, 90_000])));
                let all = known.map_or(0, |stream| stream.stream.next_shard.0) + 1;
                let shards = known.map(|stream| stream.expired_shards(now)).filter(|_| self.below(3) > 0);
                let shards = shards.unwrap_or_else(|| vec![ShardId(self.below(all)), ShardId(self.below(all))]);
                RemoveShards { uid, shards, now }.encode()
            }
        }
    }

    /// About one of few streams and few values, mostly what is allowed next.
    fn setting(&mut self, kind: CommandKind, map: &ShardMap) -> Bytes {
        let streams: Vec<_> = map.streams().map(|stream| stream.stream.clone()).collect();
        let known = streams.get(self.below(streams.len() as u32 + 1) as usize);
        let uid = known.map_or_else(|| StreamUid(self.id(40)), |stream| stream.uid);
        if kind == CommandKind::FinishRetention {
            let last = known.map_or(MapVersion(self.id(9)), |stream| stream.retention_changes.last);
            return FinishRetention { uid, change: MapVersion(last.0 + self.one_of(&[0, 0, 0, 1])) }.encode();
        }
        if kind == CommandKind::UpdateMaxRecordSize {
            let kib = self.one_of(&[1_023, 1_024, 2_048, 10_240, 10_241]);
            let request = RequestId(u128::from(self.below(200)));
            return UpdateMaxRecordSize { uid, max_record_bytes: kib << 10, request }.encode();
        }
        let hours = self.one_of(&[23, 24, 25, 48, 48, 8_760, 8_761]);
        let direction = self.one_of(&[RetentionMove::Increase, RetentionMove::Increase, RetentionMove::Decrease]);
        let request = RequestId(u128::from(self.below(200)));
        SetRetention { uid, retention: Duration::from_secs(hours * 3_600), direction, request }.encode()
    }

    /// About one of few streams and names.
    fn consumer(&mut self, kind: CommandKind, map: &ShardMap) -> Bytes {
        let streams: Vec<_> = map.streams().cloned().collect();
        let stream = if streams.is_empty() { None } else { streams.get(self.below(streams.len() as u32) as usize) };
        let stream = stream.filter(|_| self.below(20) > 0);
        let uid = stream.map_or_else(|| StreamUid(self.id(40)), |stream| stream.stream.uid);
        let name = ConsumerName::new(self.one_of(&["a", "b", "c", "d"])).expect("valid");
        let (request, now) = (RequestId(self.below(400).into()), self.now());
        if kind == CommandKind::RegisterConsumer {
            return RegisterConsumer { uid, name, now, consumer_limit: 3, request }.encode();
        }
        let known = stream.and_then(|stream| stream.consumer(&name)).filter(|_| self.below(5) > 0);
        let id = known.map_or_else(|| MapVersion(self.id(9)), |consumer| consumer.id);
        DeregisterConsumer { uid, name, id, request }.encode()
    }

    /// Of few streams, with so many keys that they are too many now and then.
    fn tag(&mut self, kind: CommandKind, map: &ShardMap) -> Bytes {
        let streams: Vec<_> = map.streams().map(|stream| stream.stream.uid).collect();
        let uid =
            if streams.is_empty() || self.below(10) == 0 { StreamUid(self.id(40)) } else { self.one_of(&streams) };
        let request = RequestId(u128::from(self.below(200)));
        let first = self.below(60);
        let numbers = first..first + self.one_of(&[0, 1, 2, 9, 40]);
        match kind {
            CommandKind::TagStream => TagStream { uid, tags: tags(numbers), request }.encode(),
            _ => UntagStream { uid, keys: tags(numbers).into_keys().collect(), request }.encode(),
        }
    }

    /// Mostly of open shards, and of neighbours.
    fn steps(&mut self, stream: Option<&Arc<StreamMap>>) -> Vec<ReshardStep> {
        let open: Vec<Shard> = stream.map_or_else(Vec::new, |stream| stream.open_shards().copied().collect());
        let wild = ShardId(self.below(30));
        let mut steps = Vec::new();
        for _ in 0..self.one_of(&[0, 1, 1, 1, 1, 2]) {
            let place = self.below(open.len().max(1) as u32) as usize;
            let near = place.saturating_sub(1 + self.below(8) as usize / 7);
            let id = |place: usize| open.get(place).map_or(wild, |shard| shard.id);
            let parent = if self.below(12) == 0 { wild } else { id(place) };
            let middle = open.get(place).map_or(0, |shard| shard.range.start().0 / 2 + shard.range.end().0 / 2);
            steps.push(match self.below(3) {
                0 => ReshardStep::Merge { parent, adjacent: id(near) },
                1 => ReshardStep::Split { parent, at: HashKey(middle) },
                _ => ReshardStep::Split { parent, at: HashKey(self.one_of(&[1, middle, middle, u128::MAX])) },
            });
        }
        steps
    }

    fn commit(
        &mut self,
        uid: StreamUid,
        round: MapVersion,
        stream: Option<&Arc<StreamMap>>,
        now: Timestamp,
    ) -> CommitReshard {
        let parents = stream.and_then(|stream| stream.round()).map(|round| round.parents()).unwrap_or_default();
        let shard = |id| stream.and_then(|stream| stream.shard(id));
        let closed = now.plus(Duration::from_millis(self.id(3_000)));
        let endings = parents.into_iter().filter_map(shard).map(|parent| Ending { epoch: parent.epoch(), closed });
        let mut endings: Vec<Ending> = endings.collect();
        match self.below(12) {
            0 => drop(endings.pop()),
            1 => endings.extend(endings.first().copied()),
            _ => {}
        }
        let now = if self.below(12) == 0 { Timestamp::from_millis(u64::MAX) } else { now };
        CommitReshard { uid, round, endings, now }
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

type Given = Vec<(CommandKind, u64, BTreeSet<u8>)>;

/// What entries of each kind gave in logs of such kinds, each as often as it is in `kinds`.
fn given(mut writer: Writer, kinds: &[CommandKind], entries: usize) -> Given {
    let mut given: Given =
        CommandKind::ALL.into_iter().map(|kind| (kind, 0xcbf2_9ce4_8422_2325, BTreeSet::new())).collect();
    for _ in 0..LOGS {
        let mut world = World::default();
        for _ in 0..entries {
            let kind = writer.one_of(kinds);
            let entry = writer.entry(kind, &world.catalog.shard_map());
            let outcome = world.apply_bytes(&entry).expect("a command of this build");
            let of_kind = given.iter_mut().find(|(of, ..)| *of == kind);
            let (_, hash, outcomes) = of_kind.expect("every kind has an entry");
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
    given
}

fn compare(given: &[(CommandKind, u64, BTreeSet<u8>)], recorded: &[(CommandKind, u64, u8)]) {
    let differing: Vec<String> = given
        .iter()
        .zip(recorded)
        .filter(|((kind, hash, outcomes), (recorded, hash_recorded, refusals))| {
            (kind, hash) != (recorded, hash_recorded) || !outcomes.iter().copied().eq(0..=*refusals)
        })
        .map(|((kind, hash, outcomes), _)| format!("{kind:?} gave {hash:#018x} and refusals {outcomes:?}"))
        .collect();
    assert!(differing.is_empty(), "{differing:#?}");
    assert_eq!(given.len(), recorded.len());
}

#[test]
fn a_log_gives_what_it_gave_when_it_was_written() {
    let writer = Writer { chance: 0x9e37_79b9_7f4a_7c15, first_levels: &[1, 1, 2, 3], levels: &[1, 2, 3, 3, 3, 4] };
    let kinds = &CommandKind::ALL[..GIVEN_BELOW_LEVEL_FIVE.len()];
    compare(&given(writer, kinds, ENTRIES)[..kinds.len()], &GIVEN_BELOW_LEVEL_FIVE);
}

#[test]
fn a_log_of_reshards_gives_what_it_gave_when_it_was_written() {
    let writer = Writer { chance: 0x2545_f491_4f6c_dd1d, first_levels: &[4, 5, 5, 5, 5], levels: &[5] };
    let first = GIVEN_BELOW_LEVEL_FIVE.len();
    let reshards = &CommandKind::ALL[first..first + GIVEN_OF_RESHARDS.len()];
    let others = [
        CommandKind::Bootstrap,
        CommandKind::RegisterNode,
        CommandKind::UpdateNode,
        CommandKind::CreateGroup,
        CommandKind::AddReplica,
        CommandKind::ReplicaJoined,
        CommandKind::CreateStream,
        CommandKind::ActivateStream,
        CommandKind::BeginDeleteStream,
        CommandKind::FinishDeleteStream,
    ];
    let kinds = [&others[..], &reshards.repeat(12)].concat();
    compare(&given(writer, &kinds, 5 * ENTRIES)[first..first + reshards.len()], &GIVEN_OF_RESHARDS);
}

#[test]
fn a_log_of_settings_gives_what_it_gave_when_it_was_written() {
    let writer = Writer { chance: 0x6a09_e667_f3bc_c909, first_levels: &[5, 6, 6, 6], levels: &[6] };
    let settings = GIVEN_OF_SETTINGS.map(|(kind, ..)| kind);
    let others = [
        CommandKind::Bootstrap,
        CommandKind::CreateStream,
        CommandKind::ActivateStream,
        CommandKind::BeginDeleteStream,
        CommandKind::FinishDeleteStream,
        CommandKind::BeginReshard,
        CommandKind::SealParents,
        CommandKind::CommitReshard,
    ];
    let kinds = [&others[..], &settings.repeat(4)].concat();
    let mut given = given(writer, &kinds, ENTRIES);
    given.retain(|(kind, ..)| settings.contains(kind));
    compare(&given, &GIVEN_OF_SETTINGS);
}

#[test]
fn a_log_of_consumers_gives_what_it_gave_when_it_was_written() {
    let writer = Writer { chance: 0x6a09_e667_f3bc_c909, first_levels: &[5, 6, 6, 6, 6], levels: &[6] };
    let consumers = GIVEN_OF_CONSUMERS.map(|(kind, ..)| kind);
    let others = [
        CommandKind::Bootstrap,
        CommandKind::CreateStream,
        CommandKind::ActivateStream,
        CommandKind::BeginDeleteStream,
        CommandKind::FinishDeleteStream,
    ];
    let kinds = [&others[..], &consumers.repeat(12)].concat();
    let mut given = given(writer, &kinds, ENTRIES);
    given.retain(|(kind, ..)| consumers.contains(kind));
    compare(&given, &GIVEN_OF_CONSUMERS);
}

#[test]
fn a_log_of_tags_gives_what_it_gave_when_it_was_written() {
    let writer = Writer { chance: 0x9e37_79b9_7f4a_7c15, first_levels: &[5, 6, 6, 6, 6], levels: &[6] };
    let tagging = GIVEN_OF_TAGS.map(|(kind, ..)| kind);
    let others = [
        CommandKind::Bootstrap,
        CommandKind::RegisterNode,
        CommandKind::UpdateNode,
        CommandKind::CreateStream,
        CommandKind::ActivateStream,
        CommandKind::BeginDeleteStream,
        CommandKind::FinishDeleteStream,
    ];
    let kinds = [&others[..], &tagging.repeat(8)].concat();
    let gave = given(writer, &kinds, ENTRIES);
    let of_tags: Vec<_> = gave.into_iter().filter(|(kind, ..)| tagging.contains(kind)).collect();
    compare(&of_tags, &GIVEN_OF_TAGS);
}
