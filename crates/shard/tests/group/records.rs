//! Random histories against a simple model: order (I3), reading back (I2), applied once (I12),
//! and nothing visible too early or too late (I11).

use crate::world::{Op, POLICY, Step, World, outcomes, steps};
use anabranch_shard::*;
use anabranch_types::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What must be true, kept by the simplest means.
#[derive(Default)]
struct Model {
    /// Every record that was ever accepted.
    records: BTreeMap<ShardNo, Vec<Record>>,
    answered: BTreeMap<RequestId, RequestOutcome>,
    /// The latest time before which a stream's records had expired at any moment.
    horizons: BTreeMap<StreamUid, Timestamp>,
}

impl Model {
    fn take_put(&mut self, command: &Bytes, ids: &[RequestId], answer: &Bytes) {
        let Command::Put(put) = Command::decode(0, command).expect("a put") else { panic!("not a put") };
        for ((request, id), outcome) in put.requests.into_iter().zip(ids).zip(outcomes(answer)) {
            let RequestOutcome::Items(items) = &outcome else { continue };
            if let Some(first) = self.answered.get(id) {
                assert_eq!(first, &outcome, "a repetition is answered as the first time");
                continue;
            }
            for (item, outcome) in request.items.iter().zip(items) {
                if let ItemOutcome::Accepted { first, records, arrival } = *outcome {
                    self.take_item(item, first, records, arrival);
                }
            }
            self.answered.insert(*id, outcome);
        }
    }

    fn take_item(&mut self, item: &PutItem, first: Counter, count: u32, arrival: Timestamp) {
        let records = self.records.entry(item.shard).or_default();
        if let Some(newest) = records.last() {
            assert!(newest.counter < first, "{:?} < {first:?}", newest.counter);
            assert!(newest.arrival <= arrival);
        }
        let before = records.len();
        let mut counter = first;
        for chunk in &item.chunks {
            let last = Counter::from_bits(counter.bits() + u64::from(chunk.records) - 1).expect("63 bits");
            let key = ChunkKey { shard: item.shard, last, arrival };
            let read = ChunkReader::open(&key.encode(), chunk.value.clone()).expect("undamaged");
            records.extend(read.map(|record| record.expect("undamaged")));
            counter = last.next();
        }
        assert_eq!(records.len() - before, count as usize);
    }

    fn look(&mut self, state: &GroupState) {
        for stream in state.streams() {
            let horizon = self.horizons.entry(stream.uid).or_default();
            *horizon = (*horizon).max(state.trim_clock().minus(stream.retention));
        }
    }

    fn visible(&self, shard: &Shard) -> Vec<Record> {
        let horizon = self.horizons[&shard.stream];
        let all = self.records.get(&shard.no).map_or(&[][..], Vec::as_slice);
        all.iter().filter(|record| record.arrival >= horizon).cloned().collect()
    }
}

/// Compares without printing data.
fn same(read: &[Record], expected: &[Record]) -> Result<(), TestCaseError> {
    let counters = |records: &[Record]| records.iter().map(|record| record.counter).collect::<Vec<_>>();
    prop_assert_eq!(counters(read), counters(expected));
    prop_assert!(read == expected, "the counters are the same, the records differ");
    Ok(())
}

fn check_reads(world: &World, model: &Model, from: usize) -> Result<(), TestCaseError> {
    for shard in world.state.shards() {
        let visible = model.visible(shard);
        let plan = world.state.read_plan(shard.no, Counter::ZERO).expect("it exists");
        same(&world.disk.read(&plan), &visible)?;
        let Some(at) = visible.get(from % visible.len().max(1)) else { continue };
        let plan = world.state.read_plan(shard.no, at.counter).expect("it exists");
        same(&world.disk.read(&plan), &visible[from % visible.len()..])?;
        for time in [at.arrival, at.arrival.plus(std::time::Duration::from_millis(1))] {
            let start = world.disk.search(world.state.time_search(shard.no, time).expect("it exists"), 200);
            for record in &visible {
                prop_assert_eq!(record.counter >= start, record.arrival >= time);
            }
        }
        let latest = world.state.read_plan(shard.no, world.state.latest()).expect("it exists");
        same(&world.disk.read(&latest), &[])?;
    }
    Ok(())
}

fn run(world: &mut World, model: &mut Model, step: &Step) {
    let before = world.state.trim_clock();
    let (command, ids) = world.command(step);
    let latest = world.state.latest();
    let answer = world.run(&command);
    if matches!(step.1, Op::Put { .. }) {
        model.take_put(&command, &ids, &answer);
        for records in model.records.values() {
            let new = records.iter().rev().take_while(|record| record.counter >= latest);
            assert!(new.into_iter().all(|record| record.counter.log_index() == world.log_index));
        }
    }
    if !matches!(step.1, Op::Tick { .. }) {
        assert_eq!(before, world.state.trim_clock(), "only ticks trim");
    }
    model.look(&world.state);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn exactly_the_visible_records_are_read_in_order_and_once(steps in steps(80), from in 0usize..1000) {
        let (mut world, mut model) = (World::new(), Model::default());
        for step in &steps {
            run(&mut world, &mut model, step);
            check_reads(&world, &model, from)?;
        }
    }

    #[test]
    fn space_is_bounded_however_long_the_history(steps in steps(80)) {
        let (mut world, mut model) = (World::new(), Model::default());
        for step in &steps {
            run(&mut world, &mut model, step);
            prop_assert!(world.state.requests_remembered() <= POLICY.requests_max as usize);
        }
        let far = world.state.trim_clock().max(Timestamp::from_millis(world.now_ms)).plus(3 * POLICY.retention_max);
        world.run(&Tick { now: far }.encode());
        prop_assert_eq!(world.disk.buckets.len(), 0);
        prop_assert_eq!(world.state.hash(), world.disk.load().hash());
    }
}
