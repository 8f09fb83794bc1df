//! ListShards over streams that were split and merged.

use super::world::*;
use crate::rows::{RowKey, encode_value};
use crate::*;
use anabranch_types::*;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// `seconds` after the stream was created.
fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

/// A stream with a past, made of rows as resharding would leave them.
struct History {
    world: World,
    uid: StreamUid,
    shards: Vec<Shard>,
}

impl History {
    fn new(shards: u32) -> Self {
        let mut world = World::bootstrapped();
        let uid = world.active("s", shards, START);
        let shards = world.catalog.shard_map().stream(uid).expect("created").shards().to_vec();
        History { world, uid, shards }
    }

    fn close(&mut self, id: u32, now: Timestamp) -> Shard {
        let shard = &mut self.shards[id as usize];
        shard.closed = Some(Closed { ending: SequenceNumber::ending(shard.epoch(), now), at: now });
        *shard
    }

    fn open(&mut self, range: (HashKey, HashKey), parents: Parents, created_s: u64, opened: Timestamp) {
        let id = ShardId(self.shards.len() as u32);
        let range = HashKeyRange::new(range.0, range.1).expect("ordered");
        self.shards.push(Shard { id, range, parents, group: GroupId(1), created_s, opened, closed: None });
    }

    fn split(&mut self, id: u32, now: Timestamp) {
        let parent = self.close(id, now);
        let (start, end) = (parent.range.start(), parent.range.end());
        let middle = start.0 + (end.0 - start.0) / 2;
        let (parents, created_s) = (Parents::Split { parent: parent.id }, parent.created_s + 1);
        self.open((start, HashKey(middle)), parents, created_s, now);
        self.open((HashKey(middle + 1), end), parents, created_s, now);
    }

    fn merge(&mut self, low: u32, high: u32, now: Timestamp) {
        let (low, high) = (self.close(low, now), self.close(high, now));
        let parents = Parents::Merge { parent: low.id, adjacent: high.id };
        let created_s = low.created_s.max(high.created_s) + 1;
        self.open((low.range.start(), high.range.end()), parents, created_s, now);
    }

    /// Open shards by range.
    fn open_ids(&self) -> Vec<u32> {
        let mut open: Vec<&Shard> = self.shards.iter().filter(|shard| shard.is_open()).collect();
        open.sort_by_key(|shard| shard.range.start());
        open.iter().map(|shard| shard.id.0).collect()
    }

    /// The stream as a node finds it in its rows; loading verifies its lineage.
    fn stream(mut self, retention: Duration) -> Arc<StreamMap> {
        let map = self.world.catalog.shard_map();
        let mut stream = map.stream(self.uid).expect("created").stream.clone();
        stream.next_shard = ShardId(self.shards.len() as u32);
        stream.retention = retention;
        self.world.stored.insert(RowKey::Stream(self.uid).encode(), encode_value(&stream));
        for shard in &self.shards {
            self.world.stored.insert(RowKey::Shard(self.uid, shard.id).encode(), encode_value(shard));
        }
        let catalog = Catalog::load(self.world.stored.into_iter()).expect("a well formed past");
        Arc::clone(catalog.shard_map().stream(self.uid).expect("loaded"))
    }
}

const HOUR: Duration = Duration::from_secs(3600);

/// Shards 0 and 1; at 100 s shard 0 splits into 2 and 3, at 200 s 3 and 1 merge into 4.
fn resharded() -> Arc<StreamMap> {
    let mut history = History::new(2);
    history.split(0, at(100));
    history.merge(3, 1, at(200));
    history.stream(HOUR)
}

fn ids(stream: &StreamMap, filter: ShardFilter, now: Timestamp) -> Vec<u32> {
    let list = stream.list_shards(filter, None, usize::MAX, now).expect("not in the future");
    assert!(!list.has_more);
    list.shards.iter().map(|shard| shard.id.0).collect()
}

#[test]
fn at_latest_lists_the_open_shards() {
    assert_eq!(ids(&resharded(), ShardFilter::AtLatest, at(300)), [2, 4]);
}

#[test]
fn at_trim_horizon_of_a_young_stream_lists_its_first_shards() {
    assert_eq!(ids(&resharded(), ShardFilter::AtTrimHorizon, at(300)), [0, 1]);
}

#[test]
fn at_trim_horizon_lists_the_shards_open_when_the_oldest_record_arrived() {
    let stream = resharded();
    assert_eq!(ids(&stream, ShardFilter::AtTrimHorizon, at(3600 + 99)), [0, 1]);
    // A shard closed exactly at the horizon may still hold a record of that moment.
    assert_eq!(ids(&stream, ShardFilter::AtTrimHorizon, at(3600 + 100)), [0, 1, 2, 3]);
    assert_eq!(ids(&stream, ShardFilter::AtTrimHorizon, at(3600 + 150)), [1, 2, 3]);
    assert_eq!(ids(&stream, ShardFilter::AtTrimHorizon, at(3600 + 201)), [2, 4]);
}

#[test]
fn from_trim_horizon_lists_every_shard_until_its_records_have_expired() {
    let stream = resharded();
    assert_eq!(ids(&stream, ShardFilter::FromTrimHorizon, at(300)), [0, 1, 2, 3, 4]);
    assert_eq!(ids(&stream, ShardFilter::FromTrimHorizon, at(3600 + 100)), [0, 1, 2, 3, 4]);
    assert_eq!(ids(&stream, ShardFilter::FromTrimHorizon, at(3600 + 101)), [1, 2, 3, 4]);
    assert_eq!(ids(&stream, ShardFilter::FromTrimHorizon, at(3600 + 201)), [2, 4]);
}

#[test]
fn at_timestamp_lists_the_shards_open_then_both_ends_included() {
    let stream = resharded();
    for (moment, listed) in
        [(0, &[0, 1][..]), (99, &[0, 1]), (100, &[0, 1, 2, 3]), (101, &[1, 2, 3]), (200, &[1, 2, 3, 4]), (250, &[2, 4])]
    {
        assert_eq!(ids(&stream, ShardFilter::AtTimestamp(at(moment)), at(300)), listed, "{moment}");
    }
}

#[test]
fn from_timestamp_lists_the_shards_that_end_then_or_later() {
    let stream = resharded();
    for (moment, listed) in
        [(0, &[0, 1, 2, 3, 4][..]), (100, &[0, 1, 2, 3, 4]), (101, &[1, 2, 3, 4]), (200, &[1, 2, 3, 4]), (201, &[2, 4])]
    {
        assert_eq!(ids(&stream, ShardFilter::FromTimestamp(at(moment)), at(300)), listed, "{moment}");
    }
}

#[test]
fn timestamps_before_the_horizon_mean_the_horizon() {
    let stream = resharded();
    let now = at(3600 + 150);
    for moment in [Timestamp::EPOCH, at(0), at(149)] {
        assert_eq!(ids(&stream, ShardFilter::AtTimestamp(moment), now), [1, 2, 3]);
        assert_eq!(ids(&stream, ShardFilter::FromTimestamp(moment), now), [1, 2, 3, 4]);
    }
}

#[test]
fn timestamps_in_the_future_are_refused() {
    let stream = resharded();
    let (moment, now) = (at(301), at(300));
    for filter in [ShardFilter::AtTimestamp(moment), ShardFilter::FromTimestamp(moment)] {
        assert_eq!(stream.list_shards(filter, None, 10, now), Err(FutureTimestamp { moment, now }));
        assert!(stream.list_shards(filter, None, 10, moment).is_ok());
    }
}

#[test]
fn after_shard_id_lists_the_retained_shards_with_higher_ids() {
    let stream = resharded();
    assert_eq!(ids(&stream, ShardFilter::AfterShardId(ShardId(1)), at(300)), [2, 3, 4]);
    assert_eq!(ids(&stream, ShardFilter::AfterShardId(ShardId(0)), at(3600 + 201)), [2, 4]);
    assert_eq!(ids(&stream, ShardFilter::AfterShardId(ShardId(9)), at(300)), [] as [u32; 0]);
}

#[test]
fn parents_children_and_the_ends_of_closed_shards_are_known() {
    let stream = resharded();
    let children = |id| stream.children(ShardId(id)).map(|shard| shard.id.0).collect::<Vec<_>>();
    assert_eq!([children(0), children(1), children(3), children(4)], [vec![2, 3], vec![4], vec![4], vec![]]);

    let shard = |id| stream.shard(ShardId(id)).expect("listed");
    let parents = |id| (shard(id).parents.parent(), shard(id).parents.adjacent());
    assert_eq!(parents(0), (None, None));
    assert_eq!(parents(3), (Some(ShardId(0)), None));
    assert_eq!(parents(4), (Some(ShardId(3)), Some(ShardId(1))));
    assert!(shard(0).ending().expect("closed") < shard(2).starting());
    assert!(shard(3).ending().expect("closed") < shard(4).starting());
    assert_eq!(stream.open_shards().map(|shard| shard.id.0).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(stream.route(HashKey::MIN).id, ShardId(2));
    assert_eq!(stream.route(HashKey::MAX).id, ShardId(4));
}

#[test]
fn a_child_that_does_not_follow_its_parent_is_refused() {
    let broken = |damage: &dyn Fn(&mut Vec<Shard>)| {
        let mut history = History::new(2);
        history.split(0, at(100));
        history.merge(3, 1, at(200));
        damage(&mut history.shards);
        let uid = history.uid;
        let mut rows = history.world.stored;
        let mut stream = history.world.catalog.shard_map().stream(uid).expect("created").stream.clone();
        stream.next_shard = ShardId(9);
        rows.insert(RowKey::Stream(uid).encode(), encode_value(&stream));
        rows.extend(history.shards.iter().map(|shard| (RowKey::Shard(uid, shard.id).encode(), encode_value(shard))));
        match Catalog::load(rows.into_iter()) {
            Err(LoadError::Broken(violation)) => violation.rule,
            other => panic!("expected a broken invariant, not {other:?}"),
        }
    };
    assert_eq!(
        broken(&|shards| shards[2].created_s = START.as_secs()),
        "a child's create second is above its parents' (D5)"
    );
    assert_eq!(broken(&|shards| shards[4].opened = at(201)), "a child opens when its parents close (I4)");
    assert_eq!(broken(&|shards| shards[4].opened = at(50)), "shards open in the order of their ids");
    assert_eq!(
        broken(&|shards| shards[2].parents = Parents::Split { parent: ShardId(2) }),
        "a parent is older than its child"
    );
    assert_eq!(
        broken(&|shards| shards[4].parents = Parents::Split { parent: ShardId(1) }),
        "children take over their parents' ranges"
    );
    assert_eq!(
        broken(&|shards| {
            let closed = shards[0].closed.as_mut().expect("split");
            closed.ending.epoch.created_s += 1;
        }),
        "a closed shard ends above its own records"
    );
}

/// Reshards drawn at random: (seconds since the one before, which open shard, split or merge).
fn past() -> impl Strategy<Value = Vec<(u64, usize, bool)>> {
    proptest::collection::vec((0..50u64, any::<prop::sample::Index>(), any::<bool>()), 0..25)
        .prop_map(|steps| steps.into_iter().map(|(gap, index, split)| (gap, index.index(1 << 20), split)).collect())
}

/// Plays a past; also the second of its last step.
fn play(shards: u32, past: &[(u64, usize, bool)]) -> (Arc<StreamMap>, u64) {
    let (mut history, mut now) = (History::new(shards), 0);
    for (gap, choice, split) in past {
        now += gap;
        let open = history.open_ids();
        let place = choice % open.len();
        if *split || place + 1 == open.len() {
            history.split(open[place], at(now));
        } else {
            history.merge(open[place], open[place + 1], at(now));
        }
    }
    (history.stream(Duration::from_secs(300)), now)
}

fn covers(shards: &[&Shard]) -> bool {
    let mut ranges: Vec<HashKeyRange> = shards.iter().map(|shard| shard.range).collect();
    ranges.sort_by_key(|range| range.start());
    let mut next = Some(0);
    for range in ranges {
        match next {
            Some(free) if range.start().0 > free => return false,
            Some(free) => next = range.end().0.checked_add(1).map(|after| after.max(free)),
            None => {}
        }
    }
    next.is_none()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn shards_open_at_any_moment_cover_the_hash_key_space(shards in 1..5u32, past in past(), later in 0..600u64,
                                                          moment in any::<prop::sample::Index>()) {
        let (stream, last) = play(shards, &past);
        let now = at(last + later);
        let moment = at(moment.index((last + later + 1) as usize) as u64);
        let all = |filter| stream.list_shards(filter, None, usize::MAX, now).expect("not in the future").shards;
        for filter in [ShardFilter::AtLatest, ShardFilter::AtTrimHorizon, ShardFilter::AtTimestamp(moment)] {
            prop_assert!(covers(&all(filter)), "{:?}", filter);
        }
        let from = all(ShardFilter::FromTimestamp(moment));
        prop_assert!(all(ShardFilter::AtTimestamp(moment)).iter().all(|shard| from.contains(shard)));
        let retained = all(ShardFilter::FromTrimHorizon);
        prop_assert!(from.iter().all(|shard| retained.contains(shard)));
        // Whatever is listed from a moment on, its descendants are listed too.
        for shard in &from {
            prop_assert!(stream.children(shard.id).all(|child| from.contains(&child)));
        }
    }

    #[test]
    fn pages_together_are_the_whole_list(past in past(), limit in 1..4usize, moment in 0..100u64) {
        let (stream, last) = play(2, &past);
        let now = at(last + 100);
        for filter in [ShardFilter::FromTrimHorizon, ShardFilter::AtLatest, ShardFilter::AtTimestamp(at(moment)),
                       ShardFilter::AfterShardId(ShardId(1))] {
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let page = stream.list_shards(filter, after, limit, now).expect("not in the future");
                prop_assert!(page.shards.len() <= limit);
                after = page.shards.last().map(|shard| shard.id);
                paged.extend(page.shards.iter().map(|shard| shard.id.0));
                if !page.has_more {
                    break;
                }
            }
            prop_assert_eq!(paged, ids(&stream, filter, now));
        }
    }
}
