//! The order of keys, whatever the service and the client do.

use super::sequencer::*;
use crate::errors::CallError;
use anabranch_api::{ApiError, ErrorCode, PutEntry, PutRecordOutput, PutResult};
use anabranch_types::{Counter, HashKey, PartitionKey, SequenceNumber, ShardEpoch, ShardId, Timestamp};
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const DUE: Duration = Duration::from_secs(30);
const START: Duration = Duration::ZERO;

fn stored() -> PutRecordOutput {
    let epoch = ShardEpoch { created_s: 1, shard: ShardId(0) };
    let sequence_number = SequenceNumber::of_record(epoch, Counter::new(0, 1, 0), Timestamp::EPOCH);
    PutRecordOutput { shard: ShardId(0), sequence_number }
}

fn throttled(after: u64) -> ApiError {
    ApiError::new(ErrorCode::ProvisionedThroughputExceeded, "slow down").with_retry_after(Duration::from_millis(after))
}

fn broken() -> ApiError {
    ApiError::new(ErrorCode::InternalFailure, "broken")
}

fn record(number: u64, key: &str) -> Queued {
    routed(number, key, None)
}

fn routed(number: u64, key: &str, hash_key: Option<u128>) -> Queued {
    let entry = PutEntry {
        data: Bytes::new(),
        partition_key: PartitionKey::new(key.to_owned()).expect("a key"),
        explicit_hash_key: hash_key.map(HashKey),
    };
    Queued::new(number, 0, Arc::from(key), Ok(entry), DUE)
}

fn malformed(number: u64, key: &str) -> Queued {
    Queued::new(number, 0, Arc::from(key), Err(CallError::field("data", "is odd")), DUE)
}

fn numbers(call: &Call) -> Vec<u64> {
    call.records.iter().map(|record| record.number).collect()
}

fn fates(sequencer: &mut Sequencer) -> Vec<(u64, Fate)> {
    std::iter::from_fn(|| sequencer.next_answer()).map(|answer| (answer.number, answer.fate)).collect()
}

#[test]
fn what_comes_during_a_call_is_the_next_call_of_its_lane() {
    let mut sequencer = Sequencer::new(1);
    sequencer.push(record(1, "a"));
    let first = sequencer.take(START).expect("a call");
    for (number, key) in [(2, "a"), (3, "b"), (4, "a")] {
        sequencer.push(record(number, key));
    }
    assert!(sequencer.take(START).is_none(), "the lane has its call");
    sequencer.settle(first, Ok(vec![Ok(stored())]), START);
    let second = sequencer.take(START).expect("a call");
    assert_eq!(numbers(&second), [3, 2, 4]);
}

fn all_stored(sequencer: &mut Sequencer, call: Call, now: Duration) {
    let results = call.records.iter().map(|_| Ok(stored())).collect();
    sequencer.settle(call, Ok(results), now);
}

#[test]
fn lanes_that_may_go_at_the_same_time_go_in_one_call() {
    let mut sequencer = Sequencer::new(2);
    sequencer.push(routed(1, "a", Some(0)));
    let first = sequencer.take(START).expect("a call");
    sequencer.push(routed(2, "a", Some(0)));
    sequencer.push(routed(3, "b", Some(u128::MAX)));
    assert_eq!(sequencer.take(START).map(|call| numbers(&call)), Some(vec![3]), "the other lane has its call");
    all_stored(&mut sequencer, first, START);
    sequencer.push(routed(4, "c", Some(0)));
    assert_eq!(sequencer.take(START).map(|call| numbers(&call)), Some(vec![2, 4]));
}

#[test]
fn a_lane_whose_last_call_was_held_up_goes_alone_until_one_is_not() {
    let (mut sequencer, late) = (Sequencer::new(3), Duration::from_millis(500));
    let push_three = |sequencer: &mut Sequencer, from: u64| {
        for (nth, route) in [0, u128::MAX / 2, u128::MAX].into_iter().enumerate() {
            sequencer.push(routed(from + nth as u64, &format!("key{nth}"), Some(route)));
        }
    };
    sequencer.push(routed(1, "key1", Some(u128::MAX / 2)));
    let slow = sequencer.take(START).expect("a call");
    all_stored(&mut sequencer, slow, late);
    push_three(&mut sequencer, 2);
    let together = sequencer.take(late).expect("a call");
    let alone = sequencer.take(late).expect("a call");
    assert_eq!((numbers(&together), numbers(&alone)), (vec![2, 4], vec![3]));
    all_stored(&mut sequencer, together, late);
    all_stored(&mut sequencer, alone, late);
    push_three(&mut sequencer, 5);
    assert_eq!(sequencer.take(late).map(|call| numbers(&call)), Some(vec![5, 6, 7]));
}

#[test]
fn records_of_one_key_with_two_routes_are_never_in_one_call() {
    let mut sequencer = Sequencer::new(2);
    for (number, route) in [(1, 0), (2, 0), (3, u128::MAX), (4, 0)] {
        sequencer.push(routed(number, "a", Some(route)));
    }
    for expected in [vec![1, 2], vec![3], vec![4]] {
        let call = sequencer.take(START).expect("a call");
        assert_eq!(numbers(&call), expected);
        assert!(sequencer.take(START).is_none(), "its key is in flight");
        let results = call.records.iter().map(|_| Ok(stored())).collect();
        sequencer.settle(call, Ok(results), START);
    }
    assert!(sequencer.is_idle());
}

#[test]
fn a_call_has_at_most_4_000_records() {
    let mut sequencer = Sequencer::new(1);
    (0..4_001).for_each(|number| sequencer.push(record(number, "a")));
    let call = sequencer.take(START).expect("a call");
    assert_eq!(call.records.len(), 4_000);
    let results = call.records.iter().map(|_| Ok(stored())).collect();
    sequencer.settle(call, Ok(results), START);
    assert_eq!(sequencer.take(START).map(|call| numbers(&call)), Some(vec![4_000]));
}

#[test]
fn a_throttled_record_is_tried_again_in_its_place_after_the_hint() {
    let mut sequencer = Sequencer::new(1);
    (1..=3).for_each(|number| sequencer.push(record(number, "a")));
    let call = sequencer.take(START).expect("a call");
    sequencer.push(record(4, "a"));
    let results = vec![Ok(stored()), Err(throttled(250)), Err(throttled(250))];
    sequencer.settle(call, Ok(results), START);
    assert_eq!(fates(&mut sequencer), [(1, Fate::Stored(stored()))]);
    assert_eq!(sequencer.wakes_at(), Some(Duration::from_millis(250)));
    assert!(sequencer.take(Duration::from_millis(249)).is_none());
    assert_eq!(sequencer.take(Duration::from_millis(250)).map(|call| numbers(&call)), Some(vec![2, 3, 4]));
}

#[test]
fn a_call_that_no_node_took_is_tried_again_whole() {
    let mut sequencer = Sequencer::new(1);
    (1..=2).for_each(|number| sequencer.push(record(number, "a")));
    let call = sequencer.take(START).expect("a call");
    let unavailable = ApiError::new(ErrorCode::ServiceUnavailable, "the disk is full");
    sequencer.settle(call, Err(unavailable), START);
    assert!(!sequencer.has_answers());
    assert_eq!(sequencer.take(DUE / 2).map(|call| numbers(&call)), Some(vec![1, 2]));
}

#[test]
fn a_record_whose_time_is_over_fails_with_its_last_refusal() {
    let mut sequencer = Sequencer::new(1);
    (1..=2).for_each(|number| sequencer.push(record(number, "a")));
    let call = sequencer.take(START).expect("a call");
    sequencer.settle(call, Ok(vec![Err(throttled(10)), Err(throttled(10))]), START);
    assert!(sequencer.take(DUE).is_none());
    assert_eq!(fates(&mut sequencer), [(1, Fate::Failed(throttled(10).into())), (2, Fate::Blocked(1))]);
    sequencer.acknowledge(1).expect("it failed");
    sequencer.push(Queued::new(3, 0, Arc::from("a"), record(3, "a").entry, DUE * 2));
    let call = sequencer.take(DUE).expect("a call");
    sequencer.settle(call, Ok(vec![Err(throttled(60_000))]), DUE);
    assert_eq!(fates(&mut sequencer), [(3, Fate::Failed(throttled(60_000).into()))], "the hint is beyond its time");
}

#[test]
fn a_failure_blocks_its_key_until_it_is_acknowledged() {
    let mut sequencer = Sequencer::new(1);
    for (number, key) in [(1, "a"), (2, "a"), (3, "b")] {
        sequencer.push(record(number, key));
    }
    let call = sequencer.take(START).expect("a call");
    sequencer.push(record(4, "a"));
    sequencer.settle(call, Ok(vec![Err(broken()), Err(broken()), Ok(stored())]), START);
    sequencer.push(record(5, "a"));
    let failed = |error: ApiError| Fate::Failed(error.into());
    let answers = [
        (1, failed(broken())),
        (2, failed(broken())),
        (4, Fate::Blocked(1)),
        (3, Fate::Stored(stored())),
        (5, Fate::Blocked(1)),
    ];
    assert_eq!(fates(&mut sequencer), answers);
    assert_eq!(sequencer.acknowledge(4), Err(NoSuchFailure(4)));
    assert_eq!(sequencer.acknowledge(1), Ok(()));
    sequencer.push(record(6, "a"));
    assert_eq!(fates(&mut sequencer), [(6, Fate::Blocked(2))]);
    assert_eq!((sequencer.acknowledge(2), sequencer.acknowledge(2)), (Ok(()), Err(NoSuchFailure(2))));
    sequencer.push(record(7, "a"));
    assert_eq!(sequencer.take(START).map(|call| numbers(&call)), Some(vec![7]));
}

#[test]
fn a_record_that_can_never_be_written_fails_in_its_place() {
    let mut sequencer = Sequencer::new(1);
    sequencer.push(record(1, "a"));
    sequencer.push(malformed(2, "a"));
    sequencer.push(record(3, "a"));
    let call = sequencer.take(START).expect("a call");
    assert_eq!(numbers(&call), [1]);
    assert!(!sequencer.has_answers());
    sequencer.settle(call, Ok(vec![Ok(stored())]), START);
    let odd = Fate::Failed(CallError::field("data", "is odd"));
    assert_eq!(fates(&mut sequencer), [(1, Fate::Stored(stored())), (2, odd), (3, Fate::Blocked(2))]);
    assert!(sequencer.is_idle());
}

/// What a client and a service may do.
#[derive(Debug, Clone)]
enum Step {
    Push {
        key: u8,
        route: Option<u8>,
        odd: bool,
    },
    Take,
    /// Settles a call: of each key, so many records are stored, the rest is refused or broken.
    Settle {
        which: usize,
        stored: usize,
        refused: bool,
    },
    /// Refuses a call as a whole.
    Refuse {
        which: usize,
        again: bool,
    },
    Acknowledge,
    Wait {
        millis: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..4, proptest::option::weighted(0.3, 0u8..3), proptest::bool::weighted(0.05))
            .prop_map(|(key, route, odd)| Step::Push { key, route, odd }),
        4 => Just(Step::Take),
        3 => (0usize..4, 0usize..6, any::<bool>())
            .prop_map(|(which, stored, refused)| Step::Settle { which, stored, refused }),
        1 => (0usize..4, any::<bool>()).prop_map(|(which, again)| Step::Refuse { which, again }),
        1 => Just(Step::Acknowledge),
        2 => (1u64..20_000).prop_map(|millis| Step::Wait { millis }),
    ]
}

/// Everything that can be said about the order of keys, checked as it happens.
#[derive(Default)]
struct Model {
    pushed: BTreeMap<u64, String>,
    answered: BTreeSet<u64>,
    /// By key, the numbers that were stored.
    stored: BTreeMap<String, Vec<u64>>,
    /// By key, failures that were not acknowledged.
    failures: BTreeMap<String, BTreeSet<u64>>,
    in_flight: Vec<Call>,
}

impl Model {
    fn hear(&mut self, sequencer: &mut Sequencer) {
        for (number, fate) in fates(sequencer) {
            assert!(self.answered.insert(number), "{number} is answered twice");
            let key = self.pushed[&number].clone();
            match fate {
                Fate::Stored(_) => {
                    let before = self.stored.entry(key.clone()).or_default();
                    assert!(before.last().is_none_or(|last| *last < number), "{number} overtook {before:?}");
                    before.push(number);
                    let blocking = self.failures.get(&key).and_then(|failures| failures.first());
                    assert!(blocking.is_none_or(|first| number < *first), "{number} was stored behind {blocking:?}");
                }
                Fate::Failed(_) => self.failures.entry(key).or_default().extend([number]),
                Fate::Blocked(by) => assert!(self.failures[&key].contains(&by), "{number} is blocked by {by}"),
            }
        }
    }

    fn take(&mut self, sequencer: &mut Sequencer, now: Duration) {
        let Some(call) = sequencer.take(now) else { return };
        for record in &call.records {
            let elsewhere = self.in_flight.iter().flat_map(|call| &call.records).any(|other| other.key == record.key);
            assert!(!elsewhere, "a key is in one call");
        }
        self.in_flight.push(call);
    }

    fn settle(&mut self, sequencer: &mut Sequencer, which: usize, store: usize, error: &ApiError, now: Duration) {
        if self.in_flight.is_empty() {
            return;
        }
        let call = self.in_flight.remove(which % self.in_flight.len());
        let mut seen: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        let result = |record: &Queued| -> PutResult {
            let nth = seen.entry(Arc::clone(&record.key)).or_default();
            *nth += 1;
            if *nth <= store { Ok(stored()) } else { Err(error.clone()) }
        };
        let results = call.records.iter().map(result).collect();
        sequencer.settle(call, Ok(results), now);
    }
}

proptest! {
    #[test]
    fn no_record_overtakes_its_key_and_each_is_answered_once(
        lanes in 1usize..4, steps in proptest::collection::vec(step(), 1..200)
    ) {
        let (mut sequencer, mut model) = (Sequencer::new(lanes), Model::default());
        let (mut now, mut number) = (START, 0);
        for step in steps {
            match step {
                Step::Push { key, route, odd } => {
                    number += 1;
                    let key = format!("key{key}");
                    let route = route.map(|route| u128::from(route) << 126);
                    let mut record = if odd { malformed(number, &key) } else { routed(number, &key, route) };
                    record.due = now + DUE;
                    model.pushed.insert(number, key);
                    sequencer.push(record);
                }
                Step::Take => model.take(&mut sequencer, now),
                Step::Settle { which, stored, refused } => {
                    let error = if refused { throttled(100) } else { broken() };
                    model.settle(&mut sequencer, which, stored, &error, now);
                }
                Step::Refuse { which, again } => {
                    let error = if again { throttled(5_000) } else { broken() };
                    model.settle(&mut sequencer, which, 0, &error, now);
                }
                Step::Acknowledge => {
                    let first = model.failures.values().flatten().next().copied();
                    if let Some(first) = first {
                        prop_assert_eq!(sequencer.acknowledge(first), Ok(()));
                        model.failures.values_mut().for_each(|failures| failures.retain(|number| *number != first));
                    }
                }
                Step::Wait { millis } => now += Duration::from_millis(millis),
            }
            model.hear(&mut sequencer);
        }
        // A service that takes everything brings all to its end.
        for _ in 0..1_000 {
            model.settle(&mut sequencer, 0, usize::MAX, &broken(), now);
            model.take(&mut sequencer, now);
            model.hear(&mut sequencer);
            now = now.max(sequencer.wakes_at().unwrap_or(now));
        }
        prop_assert!(sequencer.is_idle());
        prop_assert_eq!(model.answered.len(), model.pushed.len());
    }
}
