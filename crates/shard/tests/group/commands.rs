//! Each command by example: what it answers, also the second time, and what it refuses.

use crate::world::{POLICY, World, create, outcomes, put_one};
use anabranch_shard::*;
use anabranch_types::*;
use bytes::Bytes;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const KEPT: Duration = Duration::from_secs(4);

fn with_shards(shards: u32) -> World {
    let mut world = World::new();
    let answer = run(&mut world, create(1, shards, KEPT).encode());
    assert_eq!(answer, Outcome::Created { new: shards, existing: 0 });
    world
}

fn run(world: &mut World, command: Bytes) -> Outcome {
    Outcome::decode(&world.run(&command)).expect("no put")
}

fn put(world: &mut World, id: u128, shard: u32) -> RequestOutcome {
    let hash_key = world.state.shard_by_no(ShardNo(shard)).map_or(HashKey::MIN, |shard| shard.range.start());
    outcomes(&world.run(&put_one(id, world.now_ms, shard, hash_key, b"data"))).remove(0)
}

fn accepted(first: Counter, records: u32, arrival_ms: u64) -> RequestOutcome {
    let arrival = Timestamp::from_millis(arrival_ms);
    RequestOutcome::Items(vec![ItemOutcome::Accepted { first, records, arrival }])
}

fn seal(shard: u32, closed_ms: u64) -> Bytes {
    Seal { stream: StreamUid(1), shard: ShardId(shard), closed: Timestamp::from_millis(closed_ms) }.encode()
}

fn tick(now_ms: u64) -> Bytes {
    Tick { now: Timestamp::from_millis(now_ms) }.encode()
}

fn retain(retention: Duration) -> Bytes {
    retain_by(0, retention)
}

fn retain_by(change: u64, retention: Duration) -> Bytes {
    SetRetention { stream: StreamUid(1), retention, change }.encode()
}

fn read(world: &World, shard: u32) -> Vec<Record> {
    world.disk.read(&world.state.read_plan(ShardNo(shard), Counter::ZERO).expect("it exists"))
}

#[test]
fn a_record_is_stored_as_the_very_bytes_of_the_command() {
    let mut world = with_shards(1);
    let command = put_one(1, world.now_ms, 0, HashKey::MIN, b"data");
    let mut effects = Effects::new();
    world.state.apply(9, &command, &mut effects).expect("known");
    let chunks: Vec<_> = effects
        .take_mutations()
        .into_iter()
        .filter_map(|mutation| if let Mutation::PutChunk { value, .. } = mutation { Some(value) } else { None })
        .collect();
    let command = command.as_ptr_range();
    assert_eq!(chunks.len(), 1);
    assert!(command.contains(&chunks[0].as_ptr()), "a slice, not a copy");
}

#[test]
fn a_bucket_is_created_before_its_first_chunk_and_the_group_row_comes_last() {
    let mut world = with_shards(1);
    let mut effects = Effects::new();
    for (log_index, id) in [(9, 1), (10, 2)] {
        let command = put_one(id, world.now_ms, 0, HashKey::MIN, b"data");
        world.state.apply(log_index, &command, &mut effects).expect("known");
    }
    let kinds: Vec<_> = effects
        .take_mutations()
        .iter()
        .map(|mutation| match mutation {
            Mutation::CreateBucket(_) => "create",
            Mutation::PutChunk { .. } => "chunk",
            Mutation::PutRow { key, .. } if &key[..] == b"Sg" => "group",
            Mutation::PutRow { .. } => "row",
            Mutation::DeleteRow { .. } | Mutation::DeleteRows { .. } | Mutation::DropBucket(_) => "delete",
        })
        .collect();
    assert_eq!(kinds, ["create", "chunk", "row", "chunk", "row", "group"]);
}

#[test]
fn items_of_one_shard_in_one_entry_continue_the_positions() {
    let mut world = with_shards(1);
    let now = Timestamp::from_millis(world.now_ms);
    let mut builder = PutBuilder::new(now, 0);
    for (id, items) in [(1, 2), (2, 1)] {
        builder.begin_request(RequestId(id), now, 2 * items).expect("few");
        for _ in 0..items {
            builder.begin_item(ShardNo(0));
            builder.push(HashKey(1), b"a", b"1");
            builder.push(HashKey(2), b"b", b"2");
        }
    }
    let answer = outcomes(&world.run(&builder.finish()));
    let at = |position| Counter::new(3, 3, position);
    let item = |position| ItemOutcome::Accepted { first: at(position), records: 2, arrival: now };
    assert_eq!(answer, [RequestOutcome::Items(vec![item(0), item(2)]), RequestOutcome::Items(vec![item(4)])]);
    let counters: Vec<_> = read(&world, 0).iter().map(|record| record.counter).collect();
    assert_eq!(counters, (0..6).map(at).collect::<Vec<_>>());
}

#[test]
fn the_chunks_of_one_entry_lie_in_one_bucket() {
    let mut world = with_shards(1);
    let now = Timestamp::from_millis(world.now_ms);
    let mut builder = PutBuilder::new(now, 0);
    for id in 1..=3 {
        builder.begin_request(RequestId(id), now, 1).expect("few");
        builder.begin_item(ShardNo(0));
        builder.push(HashKey(1), b"a", &vec![0; POLICY.bucket_bytes as usize]);
    }
    world.run(&builder.finish());
    assert_eq!(world.state.buckets().count(), 1);
    put(&mut world, 4, 0);
    assert_eq!(world.state.buckets().count(), 2);
    assert_eq!(read(&world, 0).len(), 4);
}

#[test]
fn chunks_are_cut_at_64_kib_and_a_larger_record_has_its_own() {
    let mut builder = PutBuilder::new(Timestamp::EPOCH, 0);
    builder.begin_request(RequestId(1), Timestamp::EPOCH, 5).expect("few");
    builder.begin_item(ShardNo(0));
    for size in [30_000, 30_000, 30_000, 200_000, 1] {
        builder.push(HashKey(1), b"a", &vec![0; size]);
    }
    let Ok(Command::Put(put)) = Command::decode(1, &builder.finish()) else { panic!("a put") };
    let chunks = &put.requests[0].items[0].chunks;
    assert_eq!(chunks.iter().map(|chunk| chunk.records).collect::<Vec<_>>(), [2, 1, 1, 1]);
    assert!(chunks.iter().all(|chunk| chunk.records == 1 || chunk.value.len() <= CHUNK_BYTES_MAX));
}

#[test]
fn a_put_takes_no_more_records_than_positions() {
    let mut builder = PutBuilder::new(Timestamp::EPOCH, 0);
    builder.begin_request(RequestId(1), Timestamp::EPOCH, PUT_RECORDS_MAX).expect("all of them");
    builder.begin_item(ShardNo(0));
    for _ in 0..PUT_RECORDS_MAX {
        builder.push(HashKey(1), b"a", b"");
    }
    let full = builder.begin_request(RequestId(2), Timestamp::EPOCH, 1).expect_err("full");
    assert_eq!(full, PutFull { records: PUT_RECORDS_MAX, refused: 1 });
    let mut world = with_shards(1);
    assert!(Command::decode(1, &builder.finish()).is_ok());
    assert_eq!(put(&mut world, 1, 0), accepted(Counter::new(3, 3, 0), 1, world.now_ms));
}

#[test]
fn a_repeated_request_is_answered_as_before_and_changes_nothing() {
    let mut world = with_shards(1);
    let first = put(&mut world, 7, 0);
    world.state = world.disk.load();
    run(&mut world, seal(0, 0));
    assert_eq!(put(&mut world, 7, 0), first);
    assert_eq!(world.state.recorded(RequestId(7)), Some(first));
    assert_eq!(world.state.recorded(RequestId(8)), None);
    assert_eq!(read(&world, 0).len(), 1);
}

#[test]
fn a_request_that_comes_twice_in_one_entry_is_applied_once() {
    let mut world = with_shards(1);
    let now = Timestamp::from_millis(world.now_ms);
    let mut builder = PutBuilder::new(now, 0);
    for _ in 0..2 {
        builder.begin_request(RequestId(7), now, 1).expect("few");
        builder.begin_item(ShardNo(0));
        builder.push(HashKey(1), b"a", b"1");
    }
    let answer = outcomes(&world.run(&builder.finish()));
    assert_eq!(answer[0], answer[1]);
    assert_eq!(read(&world, 0).len(), 1);
}

#[test]
fn a_request_from_outside_the_window_is_not_applied() {
    let mut world = with_shards(1);
    let now = world.now_ms;
    for (id, issued) in [(1, now - 3_001), (2, now + 501)] {
        let mut builder = PutBuilder::new(Timestamp::from_millis(now), 0);
        builder.begin_request(RequestId(id), Timestamp::from_millis(issued), 1).expect("one");
        builder.begin_item(ShardNo(0));
        builder.push(HashKey(1), b"a", b"1");
        assert_eq!(outcomes(&world.run(&builder.finish())), [RequestOutcome::TooOld]);
    }
    assert_eq!(read(&world, 0), []);
}

#[test]
fn a_request_that_was_forgotten_is_refused_not_applied_again() {
    let mut world = with_shards(1);
    let first_ms = world.now_ms;
    put(&mut world, 1, 0);
    for id in 2..20 {
        world.now_ms += 1;
        put(&mut world, id, 0);
    }
    let again = outcomes(&world.run(&put_one(1, first_ms, 0, HashKey::MIN, b"data")));
    assert_eq!(again, [RequestOutcome::TooOld]);
    assert_eq!(read(&world, 0).len(), 19);
}

#[test]
fn forgotten_requests_are_deleted_from_storage_in_ranges() {
    let mut world = with_shards(1);
    for id in 0..3_000 {
        world.now_ms += 1;
        put(&mut world, id, 0);
    }
    let rows = world.disk.rows.keys().filter(|key| key.starts_with(b"Sq")).count();
    assert!(rows < 1_024 + 2 * POLICY.requests_max as usize, "{rows} rows");
}

#[test]
fn a_put_is_refused_item_by_item() {
    let mut world = with_shards(3);
    run(&mut world, seal(1, 0));
    let now = Timestamp::from_millis(world.now_ms);
    let mut builder = PutBuilder::new(now, 0);
    builder.begin_request(RequestId(1), now, 5).expect("few");
    for (shard, hash_keys) in [(0, &[0, 1][..]), (1, &[1 << 126]), (9, &[0]), (2, &[0])] {
        builder.begin_item(ShardNo(shard));
        hash_keys.iter().for_each(|hash_key| builder.push(HashKey(*hash_key), b"a", b"1"));
    }
    let answer = outcomes(&world.run(&builder.finish()));
    let ok = ItemOutcome::Accepted { first: Counter::new(3, 4, 0), records: 2, arrival: now };
    let refused = [ItemOutcome::Closed, ItemOutcome::NotFound, ItemOutcome::OutOfRange];
    assert_eq!(answer, [RequestOutcome::Items([&[ok][..], &refused].concat())]);
}

#[test]
fn one_record_outside_the_range_refuses_its_item() {
    let mut world = with_shards(1);
    let now = Timestamp::from_millis(world.now_ms);
    let mut builder = PutBuilder::new(now, 0);
    builder.begin_request(RequestId(1), now, 2).expect("few");
    builder.begin_item(ShardNo(0));
    builder.push(HashKey(5), b"a", b"1");
    builder.push(HashKey::MAX, b"a", b"1");
    let refused = RequestOutcome::Items(vec![ItemOutcome::OutOfRange]);
    assert_eq!(outcomes(&world.run(&builder.finish())), [refused]);
    assert_eq!(read(&world, 0), []);
}

#[test]
fn arrival_times_never_run_back_in_a_shard() {
    let mut world = with_shards(2);
    let start_ms = world.now_ms;
    put(&mut world, 1, 0);
    world.now_ms -= 100;
    assert_eq!(put(&mut world, 2, 0), accepted(Counter::new(3, 4, 0), 1, start_ms));
    assert_eq!(put(&mut world, 3, 1), accepted(Counter::new(3, 5, 0), 1, start_ms - 100));
    run(&mut world, tick(start_ms + 50));
    assert_eq!(put(&mut world, 4, 1), accepted(Counter::new(3, 7, 0), 1, start_ms + 50));
}

#[test]
fn a_sealed_shard_refuses_puts_and_repeats_its_ending_number() {
    let mut world = with_shards(2);
    put(&mut world, 1, 0);
    let sealed = run(&mut world, seal(0, 5));
    let epoch = ShardEpoch { created_s: 900, shard: ShardId(0) };
    // Not before the newest record.
    assert_eq!(sealed, Outcome::Sealed { epoch, closed: Timestamp::from_millis(world.now_ms) });
    let newest = SequenceNumber::of_record(epoch, Counter::new(3, 3, 0), Timestamp::from_millis(world.now_ms));
    assert!(sealed.ending() > Some(newest));
    let later = seal(0, world.now_ms + 99_000);
    assert_eq!(run(&mut world, later), sealed);
    assert_eq!(put(&mut world, 2, 0), RequestOutcome::Items(vec![ItemOutcome::Closed]));
    assert_eq!(run(&mut world, seal(7, 0)), Outcome::Refused(Refusal::NotFound));
    assert_eq!(read(&world, 0).len(), 1);
}

#[test]
fn creating_shards_again_changes_nothing_and_a_different_one_is_refused() {
    let mut world = with_shards(2);
    let hash = world.state.shards().cloned().collect::<Vec<_>>();
    assert_eq!(run(&mut world, create(1, 3, HOUR).encode()), Outcome::Created { new: 1, existing: 2 });
    assert_eq!(world.state.shards().take(2).cloned().collect::<Vec<_>>(), hash);
    assert_eq!(world.state.stream(StreamUid(1)).expect("it exists").retention, KEPT);
    let mut other = create(1, 4, KEPT);
    other.shards[2].range = HashKeyRange::FULL;
    assert_eq!(run(&mut world, other.encode()), Outcome::Refused(Refusal::ShardDiffers(ShardId(2))));
    assert_eq!(world.state.shards().count(), 3);
}

#[test]
fn a_dropped_stream_is_gone_at_once_and_does_not_come_back() {
    let mut world = with_shards(3);
    run(&mut world, create(2, 1, KEPT).encode());
    put(&mut world, 1, 0);
    let drop = DropStream { stream: StreamUid(1) }.encode();
    assert_eq!(run(&mut world, drop.clone()), Outcome::Dropped { shards: 3 });
    assert_eq!(run(&mut world, drop), Outcome::Dropped { shards: 0 });
    assert_eq!(world.state.read_plan(ShardNo(0), Counter::ZERO), None);
    world.state = world.disk.load();
    assert_eq!(run(&mut world, create(1, 3, KEPT).encode()), Outcome::Refused(Refusal::StreamDropped));
    assert_eq!(world.state.shards().map(|shard| shard.stream).collect::<Vec<_>>(), [StreamUid(2)]);
    let rows = world.disk.rows.keys().filter(|key| key.starts_with(b"Ss") || key.starts_with(b"St")).count();
    assert_eq!(rows, 2);
    // Numbers are not used again: they are the prefix of the dropped records.
    run(&mut world, create(3, 1, KEPT).encode());
    assert_eq!(world.state.shard(StreamUid(3), ShardId(0)).expect("created").no, ShardNo(4));
}

#[test]
fn records_expire_by_ticks_alone_and_their_bucket_is_dropped() {
    let mut world = with_shards(1);
    let start_ms = world.now_ms;
    put(&mut world, 1, 0);
    run(&mut world, tick(start_ms + 4_000));
    assert_eq!(read(&world, 0).len(), 1, "exactly as old as the retention");
    run(&mut world, tick(start_ms + 4_001));
    assert_eq!(read(&world, 0).len(), 0);
    assert_eq!(world.disk.buckets.len(), 1, "another stream might keep its records longer");
    let ticked = run(&mut world, tick(start_ms + 6_001));
    let trim_clock = Timestamp::from_millis(start_ms + 6_001);
    assert_eq!(ticked, Outcome::Ticked { trim_clock, dropped_buckets: 1 });
    assert_eq!(run(&mut world, tick(1)), Outcome::Ticked { trim_clock, dropped_buckets: 0 });
    assert_eq!(world.disk.buckets.len(), 0);
}

#[test]
fn a_bucket_outlives_the_last_moment_of_its_longest_retention() {
    let mut world = with_shards(1);
    let start_ms = world.now_ms;
    run(&mut world, retain(POLICY.retention_max));
    put(&mut world, 1, 0);
    run(&mut world, tick(start_ms + 6_000));
    assert_eq!(read(&world, 0).len(), 1);
    run(&mut world, tick(start_ms + 6_001));
    assert_eq!(read(&world, 0).len(), 0);
}

#[test]
fn trimmed_records_stay_trimmed_when_the_retention_is_raised() {
    let mut world = with_shards(1);
    let start_ms = world.now_ms;
    put(&mut world, 1, 0);
    run(&mut world, tick(start_ms + 3_000));
    assert_eq!(run(&mut world, retain(KEPT / 2)), Outcome::RetentionSet { retention: KEPT / 2 });
    assert_eq!(read(&world, 0).len(), 0);
    run(&mut world, retain(KEPT));
    assert_eq!(read(&world, 0).len(), 0);
}

#[test]
fn a_retention_beyond_the_longest_of_the_service_is_refused() {
    let mut world = with_shards(1);
    let (most, longer) = (limits::RETENTION_MAX, limits::RETENTION_MAX + HOUR);
    assert_eq!(run(&mut world, retain(longer)), Outcome::Refused(Refusal::RetentionTooLong { most }));
    let answer = run(&mut world, create(2, 1, longer).encode());
    assert_eq!(answer, Outcome::Refused(Refusal::RetentionTooLong { most }));
    assert_eq!(run(&mut world, retain(most)), Outcome::RetentionSet { retention: most });
    assert_eq!(run(&mut world, create(2, 1, most).encode()), Outcome::Created { new: 1, existing: 0 });
    world.state = world.disk.load();
    assert_eq!(world.state.stream(StreamUid(2)).map(|stream| stream.retention), Some(most));
}

#[test]
fn records_written_before_a_raise_outlive_the_shorter_retention() {
    let mut world = with_shards(1);
    let start_ms = world.now_ms;
    put(&mut world, 1, 0);
    assert_eq!(run(&mut world, retain_by(1, HOUR)), Outcome::RetentionSet { retention: HOUR });
    // Far beyond what the policy drops buckets by.
    let trim_clock = Timestamp::from_millis(start_ms + 3_600_000);
    assert_eq!(run(&mut world, tick(start_ms + 3_600_000)), Outcome::Ticked { trim_clock, dropped_buckets: 0 });
    world.state = world.disk.load();
    assert_eq!(read(&world, 0).len(), 1, "exactly as old as the retention");
    run(&mut world, tick(start_ms + 3_600_001));
    assert_eq!(read(&world, 0).len(), 0);
    assert_eq!(world.disk.buckets.len(), 0);
}

#[test]
fn a_stream_that_keeps_records_long_does_not_keep_those_of_others_in_sight() {
    let mut world = with_shards(1);
    let start_ms = world.now_ms;
    run(&mut world, create(2, 1, HOUR).encode());
    put(&mut world, 1, 0);
    put(&mut world, 2, 1);
    run(&mut world, tick(start_ms + 4_001));
    assert_eq!((read(&world, 0).len(), read(&world, 1).len()), (0, 1));
    run(&mut world, tick(start_ms + 60_000));
    assert_eq!(world.disk.buckets.len(), 1);
    run(&mut world, DropStream { stream: StreamUid(2) }.encode());
    run(&mut world, tick(start_ms + 60_001));
    assert_eq!(world.disk.buckets.len(), 0, "nobody keeps it any more");
}

#[test]
fn a_lowered_retention_trims_at_once_and_its_buckets_go_with_the_next_tick() {
    let mut world = with_shards(1);
    let start_ms = world.now_ms;
    run(&mut world, retain_by(1, HOUR));
    put(&mut world, 1, 0);
    run(&mut world, tick(start_ms + 60_000));
    assert_eq!(read(&world, 0).len(), 1);
    run(&mut world, retain_by(2, KEPT));
    assert_eq!(read(&world, 0).len(), 0);
    run(&mut world, tick(start_ms + 60_001));
    assert_eq!(world.disk.buckets.len(), 0);
    run(&mut world, retain_by(3, HOUR));
    assert_eq!(read(&world, 0).len(), 0, "what was trimmed does not come back");
}

#[test]
fn an_earlier_change_of_the_retention_that_comes_late_changes_nothing() {
    let mut world = with_shards(1);
    run(&mut world, retain_by(2, HOUR));
    let hash = world.state.hash();
    let set = Outcome::RetentionSet { retention: HOUR };
    for late in [retain(KEPT), retain_by(1, KEPT), retain_by(2, HOUR)] {
        assert_eq!(run(&mut world, late), set);
    }
    world.state = world.disk.load();
    assert_eq!(run(&mut world, retain_by(1, KEPT)), set);
    let (now, before) = (world.state.stream(StreamUid(1)).cloned(), hash);
    assert_eq!(now.map(|stream| (stream.retention, stream.retention_change)), Some((HOUR, 2)));
    assert_ne!(world.state.hash(), before, "it stands at another entry");
}

#[test]
fn a_group_that_nobody_told_of_a_change_learns_of_it_with_the_next_shard() {
    let mut world = with_shards(1);
    put(&mut world, 1, 0);
    let told = |shards, retention, retention_change| CreateShards { retention_change, ..create(1, shards, retention) };
    run(&mut world, told(2, HOUR, 7).encode());
    let keeps = |world: &World| world.state.stream(StreamUid(1)).map(|stream| stream.retention);
    assert_eq!(keeps(&world), Some(HOUR));
    run(&mut world, told(3, KEPT, 6).encode());
    assert_eq!(keeps(&world), Some(HOUR), "an earlier one");
    let (most, longer) = (limits::RETENTION_MAX, limits::RETENTION_MAX + HOUR);
    let refused = Outcome::Refused(Refusal::RetentionTooLong { most });
    assert_eq!(run(&mut world, told(4, longer, 8).encode()), refused);
    assert_eq!(world.state.shards().count(), 3);
}

#[test]
fn buckets_of_a_long_retention_are_few() {
    let mut world = with_shards(1);
    run(&mut world, retain_by(1, HOUR));
    // A 24th part of an hour is 150 s.
    for (id, seconds) in [(1, 0), (2, 149), (3, 150), (4, 299), (5, 300)] {
        let now_ms = world.now_ms + seconds * 1_000;
        let answer = outcomes(&world.run(&put_one(id, now_ms, 0, HashKey::MIN, b"data"))).remove(0);
        assert!(matches!(answer, RequestOutcome::Items(_)));
    }
    assert_eq!(world.state.buckets().count(), 3);
}

#[test]
fn a_command_that_names_no_change_has_the_bytes_it_always_had() {
    assert_eq!(&retain(KEPT)[..2], [6, 1]);
    assert_eq!(&retain_by(1, KEPT)[..2], [6, 2]);
    assert_eq!(&create(1, 1, KEPT).encode()[..2], [2, 1]);
    let named_zero = [&[6, 2][..], &[0; 8 + 6 + 8]].concat();
    assert!(Command::decode(1, &named_zero.into()).is_err());
}

#[test]
fn a_group_is_initialized_once_and_nothing_works_before() {
    let mut state = GroupState::new();
    let mut effects = Effects::new();
    let mut run = |log_index, command: Bytes| {
        Outcome::decode(&state.apply(log_index, &command, &mut effects).expect("known")).expect("no put")
    };
    let not_yet = Outcome::Refused(Refusal::NotInitialized);
    assert_eq!(run(1, create(1, 1, KEPT).encode()), not_yet);
    assert_eq!(run(2, tick(1)), not_yet);
    let init = Init { generation: 2, policy: POLICY };
    assert_eq!(run(3, init.encode()), Outcome::Initialized { generation: 2 });
    assert_eq!(run(4, init.encode()), Outcome::Initialized { generation: 2 });
    let other = Init { generation: 3, policy: POLICY };
    assert_eq!(run(5, other.encode()), Outcome::Refused(Refusal::InitializedDifferently));
}

#[test]
fn an_unknown_command_or_version_names_both_sides_and_changes_nothing() {
    let mut world = with_shards(1);
    let hash = world.state.hash();
    for (bytes, said) in [(vec![99, 1], "command 99 version 1"), (vec![5, 2, 0, 0, 0, 0, 0, 0], "command 5 version 2")]
    {
        let error = world.state.apply(50, &bytes.into(), &mut Effects::new()).expect_err("unknown");
        let text = error.to_string();
        assert!(text.contains(said) && text.contains("knows commands 1 to 7, this one up to version 1"), "{text}");
    }
    assert_eq!(world.state.hash(), hash);
}

#[test]
#[should_panic(expected = "entry 2 comes after entry 2")]
fn an_entry_is_not_applied_twice() {
    let mut world = with_shards(1);
    let _ = world.state.apply(2, &tick(1), &mut Effects::new());
}

#[test]
fn latest_is_above_what_is_there_and_at_or_below_what_comes() {
    let mut world = with_shards(1);
    put(&mut world, 1, 0);
    let latest = world.state.latest();
    put(&mut world, 2, 0);
    let plan = world.state.read_plan(ShardNo(0), latest).expect("it exists");
    assert_eq!(world.disk.read(&plan).len(), 1);
}

#[test]
fn ten_thousand_shards_are_created_by_one_command_and_loaded_again() {
    let mut world = World::new();
    let mut command = create(1, 1, KEPT);
    let tiles = HashKeyRange::tiles(std::num::NonZeroU32::new(10_000).expect("above 0"));
    command.shards = (0..)
        .zip(tiles)
        .map(|(index, range)| NewShard {
            epoch: ShardEpoch { created_s: 900, shard: ShardId(index) },
            range,
            parents: Parents::None,
        })
        .collect();
    assert_eq!(run(&mut world, command.encode()), Outcome::Created { new: 10_000, existing: 0 });
    assert_eq!(world.disk.load().hash(), world.state.hash());
    // The two maps hold a shard with at most one spare slot for each used one.
    let per_shard = 2 * (size_of::<Shard>() + size_of::<ShardNo>() + size_of::<(StreamUid, ShardId, ShardNo)>());
    assert!(per_shard <= 500, "{per_shard} bytes");
}
