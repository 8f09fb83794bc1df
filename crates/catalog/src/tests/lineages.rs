//! Random walks of all that can happen to streams: the rules hold after every command, and what a
//! lineage promises holds over the whole walk. `World` checks each command's state and rows.

use super::world::*;
use crate::*;
use anabranch_types::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// What to do next; numbers choose among what there is.
#[derive(Debug, Clone)]
enum Act {
    Create { shards: u32 },
    Activate,
    Delete,
    FinishDelete,
    Split { place: usize, at: u128 },
    Merge { place: usize, turned: bool },
    Both { place: usize },
    Scale { target: u32 },
    Continue { half: bool },
    Seal,
    Commit { late_ms: u64 },
    Abort,
    Finish,
    Remove,
    Retain { hours: u64, raise: bool },
    EndRetain,
    Pass { seconds: u64 },
    GoBack { seconds: u64 },
    AddGroup,
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => (1u32..5).prop_map(|shards| Act::Create { shards }),
        1 => Just(Act::Activate),
        1 => proptest::bool::weighted(0.2).prop_map(|delete| if delete { Act::Delete } else { Act::Restart }),
        1 => Just(Act::FinishDelete),
        6 => (any::<usize>(), any::<u128>()).prop_map(|(place, at)| Act::Split { place, at }),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(place, turned)| Act::Merge { place, turned }),
        3 => any::<usize>().prop_map(|place| Act::Both { place }),
        3 => (1u32..12).prop_map(|target| Act::Scale { target }),
        6 => any::<bool>().prop_map(|half| Act::Continue { half }),
        9 => Just(Act::Seal),
        9 => (0u64..9_000).prop_map(|late_ms| Act::Commit { late_ms }),
        1 => Just(Act::Abort),
        3 => Just(Act::Finish),
        3 => Just(Act::Remove),
        1 => (24u64..49, any::<bool>()).prop_map(|(hours, raise)| Act::Retain { hours, raise }),
        9 => Just(Act::EndRetain),
        3 => (0u64..40_000).prop_map(|seconds| Act::Pass { seconds }),
        1 => (0u64..40).prop_map(|seconds| Act::GoBack { seconds }),
        1 => Just(Act::AddGroup),
        1 => Just(Act::Restart),
    ]
}

/// A world with its clock, and the shards that it ever showed.
struct Walk {
    world: World,
    now: Timestamp,
    seen: BTreeMap<(StreamUid, ShardId), Shard>,
    removed: BTreeSet<(StreamUid, ShardId)>,
    /// What came about, to know that the walks go anywhere.
    rounds: u32,
}

impl Walk {
    fn new() -> Self {
        let world = World::of_nodes_and_groups(1, 3);
        Walk { world, now: START, seen: BTreeMap::new(), removed: BTreeSet::new(), rounds: 0 }
    }

    fn stream(&self) -> Option<Arc<StreamMap>> {
        self.world.catalog.shard_map().stream_named(ACCOUNT, &stream_name("s")).cloned()
    }

    /// Whether the command was carried out. A refusal is a rule too.
    fn apply<C: Command>(&mut self, command: C) -> bool {
        self.world.apply(command).is_ok()
    }

    fn step(&mut self, act: &Act) {
        let request = RequestId(u128::from(self.world.index) << 64);
        let (now, stream) = (self.now, self.stream());
        let uid = stream.as_ref().map_or(StreamUid(0), |stream| stream.stream.uid);
        match *act {
            Act::Create { shards } => {
                self.apply(CreateStream { request, ..create("s", shards, now) });
            }
            Act::Activate => {
                self.apply(ActivateStream { uid });
            }
            Act::Delete => {
                self.apply(BeginDeleteStream { account: ACCOUNT, name: stream_name("s") });
            }
            Act::FinishDelete => {
                self.apply(FinishDeleteStream { uid });
            }
            Act::Split { .. } | Act::Merge { .. } | Act::Both { .. } => {
                let steps = stream.as_ref().map(|stream| steps(stream, act)).unwrap_or_default();
                self.apply(BeginReshard { uid, steps, now, shard_limit: 20_000, request });
            }
            Act::Scale { target } => {
                let target = NonZeroU32::new(target).expect("from 1");
                self.apply(UpdateShardCount { uid, target, now, shard_limit: 20_000, request });
            }
            Act::Continue { half } => self.go_on(stream.as_deref(), half),
            Act::Seal => {
                let round = stream.as_ref().and_then(|stream| stream.round()).map_or(MapVersion(0), |round| round.id);
                self.apply(SealParents { uid, round });
            }
            Act::Commit { late_ms } if stream.as_ref().is_some_and(|stream| stream.round().is_some()) => {
                let sealed = now.plus(Duration::from_millis(late_ms));
                self.rounds += u32::from(self.world.commit(uid, sealed).is_ok());
            }
            Act::Commit { .. } => {}
            Act::Abort => {
                let round = stream.as_ref().and_then(|stream| stream.round()).map(|round| round.request);
                self.apply(AbortReshard { uid, request: round.unwrap_or(request) });
            }
            Act::Finish => {
                let scaling = stream.as_ref().and_then(|stream| stream.scaling());
                self.apply(FinishScaling { uid, request: scaling.map_or(request, |scaling| scaling.request) });
            }
            Act::Retain { hours, raise } => {
                let direction = if raise { RetentionMove::Increase } else { RetentionMove::Decrease };
                let retention = Duration::from_secs(hours * 3_600);
                self.apply(SetRetention { uid, retention, direction, request });
            }
            Act::EndRetain => {
                let last = stream.as_ref().map_or(MapVersion(0), |stream| stream.stream.retention_changes.last);
                self.apply(FinishRetention { uid, change: last });
            }
            Act::Remove => self.remove(stream.as_deref()),
            Act::Pass { seconds } => self.now = now.plus(Duration::from_secs(seconds)),
            Act::GoBack { seconds } => self.now = now.minus(Duration::from_secs(seconds)),
            Act::AddGroup => {
                let known = self.world.catalog.shard_map().groups().count() as u32 - 1;
                self.apply(CreateGroup { node: NodeId(1), known });
            }
            Act::Restart => {
                let loaded = Catalog::load(self.world.stored.clone().into_iter()).expect("rows of a catalog");
                assert_eq!(loaded, self.world.catalog, "the rows say it all");
            }
        }
        self.look();
    }

    fn go_on(&mut self, stream: Option<&StreamMap>, half: bool) {
        let Some((stream, scaling)) = stream.zip(stream.and_then(|stream| stream.scaling())) else { return };
        let target = NonZeroU32::new(scaling.target).expect("from 1");
        let mut steps = scaling_steps(stream.open_shards(), target);
        if half {
            steps.truncate(steps.len().div_ceil(2));
        }
        let planned = !steps.is_empty() && stream.round().is_none() && stream.stream.status == StreamStatus::Updating;
        let command = ContinueScaling { uid: stream.stream.uid, request: scaling.request, steps, now: self.now };
        assert_eq!(self.apply(command), planned, "a planned round is taken");
    }

    fn remove(&mut self, stream: Option<&StreamMap>) {
        let Some(stream) = stream else { return };
        let (uid, shards) = (stream.stream.uid, stream.expired_shards(self.now));
        self.removed.extend(shards.iter().map(|shard| (uid, *shard)));
        assert!(self.apply(RemoveShards { uid, shards, now: self.now }), "expired shards may go");
    }

    /// What holds over all that was seen.
    fn look(&mut self) {
        let Some(stream) = self.stream() else { return };
        let uid = stream.stream.uid;
        for shard in stream.shards() {
            assert!(!self.removed.contains(&(uid, shard.id)), "{} came back", shard.id);
            let before = self.seen.insert((uid, shard.id), *shard);
            let same = before.is_none_or(|before| {
                before == *shard || (before.closed.is_none() && Shard { closed: None, ..*shard } == before)
            });
            assert!(same, "{before:?} became {shard:?}");
            for parent in [shard.parents.parent(), shard.parents.adjacent()].into_iter().flatten() {
                let parent = self.seen[&(uid, parent)];
                let ending = parent.ending().expect("a parent is closed");
                assert!(ending < shard.starting(), "I3: {} ends above {}", parent.id, shard.id);
            }
        }
        // Of an incarnation: none but the removed ones are missing.
        let of_stream = self.seen.range((uid, ShardId(0))..=(uid, ShardId(u32::MAX >> 1)));
        let missing = of_stream.filter(|((_, id), _)| stream.shard(*id).is_none());
        assert!(missing.map(|(key, _)| key).all(|key| self.removed.contains(key)), "closed shards stay");
        // I3 over incarnations: a stream created again is above all that came before.
        let earlier = self.seen.iter().filter(|((other, _), _)| *other < uid).map(|(_, shard)| shard.created_s).max();
        let least = stream.shards().iter().map(|shard| shard.created_s).min();
        assert!(earlier < least, "{earlier:?} and {least:?}");
        self.look_at_listings(&stream);
    }

    /// At any moment that may be asked for, the shards cover the hash key space.
    fn look_at_listings(&self, stream: &StreamMap) {
        let latest = stream.shards().iter().map(|shard| shard.opened).fold(self.now, Timestamp::max);
        let moments =
            stream.shards().iter().flat_map(|shard| [shard.opened, shard.closed.map_or(latest, |end| end.at)]);
        for moment in moments {
            let filter = ShardFilter::AtTimestamp(moment);
            let listed = stream.list_shards(filter, None, usize::MAX, latest).expect("not in the future").shards;
            let mut ranges: Vec<_> = listed.iter().map(|shard| (shard.range.start().0, shard.range.end().0)).collect();
            ranges.sort_unstable();
            let mut covered = Some(0_u128);
            for (start, end) in ranges {
                assert!(covered.is_none_or(|next| start <= next), "{stream:?} at {moment} lacks {covered:?}");
                covered = covered.and_then(|next| end.checked_add(1).map(|end| end.max(next)));
            }
            assert_eq!(covered, None, "the end of the space is covered");
        }
    }
}

/// Steps over open shards; some of them are refused.
fn steps(stream: &StreamMap, act: &Act) -> Vec<ReshardStep> {
    let open: Vec<Shard> = stream.open_shards().copied().collect();
    let shard = |place: usize| open[place % open.len()];
    let halve = |shard: Shard| {
        let at = HashKey(shard.range.start().0 / 2 + shard.range.end().0 / 2);
        ReshardStep::Split { parent: shard.id, at }
    };
    match *act {
        Act::Split { place, at } if at % 3 == 0 => {
            vec![ReshardStep::Split { parent: shard(place).id, at: HashKey(at) }]
        }
        Act::Split { place, .. } => vec![halve(shard(place))],
        Act::Merge { place, turned } => {
            let (one, other) = (shard(place).id, shard(place.wrapping_add(1)).id);
            let (parent, adjacent) = if turned { (other, one) } else { (one, other) };
            vec![ReshardStep::Merge { parent, adjacent }]
        }
        _ => {
            let place = if let Act::Both { place } = *act { place } else { 0 };
            let (one, other) = (shard(place).id, shard(place.wrapping_add(1)).id);
            let merge = ReshardStep::Merge { parent: one, adjacent: other };
            vec![halve(shard(place.wrapping_add(2))), merge, halve(shard(place.wrapping_add(3)))]
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_happens_to_a_stream_its_lineage_keeps_the_rules(acts in proptest::collection::vec(act(), 1..120)) {
        let mut walk = Walk::new();
        for act in [Act::Create { shards: 3 }, Act::Activate].iter().chain(&acts) {
            walk.step(act);
        }
    }
}

#[test]
fn walks_come_far() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut rounds, mut removed, mut scaled) = (0, 0, 0);
    for _ in 0..32 {
        let acts = proptest::collection::vec(act(), 120).new_tree(&mut runner).expect("acts").current();
        let mut walk = Walk::new();
        for act in [Act::Create { shards: 3 }, Act::Activate].iter().chain(&acts) {
            walk.step(act);
        }
        (rounds, removed) = (rounds + walk.rounds, removed + walk.removed.len());
        scaled += walk.stream().is_some_and(|stream| stream.shards().len() > 12) as usize;
    }
    assert!(rounds > 64 && removed > 16 && scaled > 4, "{rounds} rounds, {removed} removed, {scaled} grew");
}
