//! Each invariant, broken in one place of a history that keeps all of them otherwise.

use anabranch_checker::{Checker, Event, Invariant, OpenShard, Record, Sequence};
use proptest::prelude::*;

/// A history in the making: puts of one client into two shards, each acknowledged before the next begins.
#[derive(Default)]
struct History {
    events: Vec<Event>,
    /// By shard, what is there.
    log: [Vec<Record>; 2],
    ops: u64,
}

const FINAL_READER: u64 = 99;

impl History {
    fn new() -> History {
        History { events: vec![Event::Begin { format: 1 }], ..History::default() }
    }

    fn op(&mut self) -> u64 {
        self.ops += 1;
        self.ops
    }

    fn put(&mut self, key: u8) -> u64 {
        let op = self.op();
        self.events.push(Event::Put { op, client: 1, key: format!("key {key}"), digest: op * 7 });
        op
    }

    /// Writes the record of a put; in the log it is, whoever is told.
    fn write(&mut self, op: u64, key: u8) -> (u32, Sequence) {
        let shard = u32::from(key % 2);
        let log = &mut self.log[shard as usize];
        let sequence = Sequence::from(10 + 3 * log.len() as u64);
        let (key, digest, arrival_ms) = (format!("key {key}"), op * 7, 1_000 + op);
        log.push(Record { sequence, op, key, digest, arrival_ms });
        (shard, sequence)
    }

    fn stored(&mut self, key: u8) {
        let op = self.put(key);
        let (shard, sequence) = self.write(op, key);
        self.events.push(Event::Stored { op, shard, sequence });
    }

    fn read(&mut self, reader: u64, shard: u32, after: Option<Sequence>) {
        let op = self.op();
        let there = self.log[shard as usize].iter().filter(|record| Some(record.sequence) > after);
        let records = there.cloned().collect();
        self.events.push(Event::Read { op, reader, shard, after });
        self.events.push(Event::Seen { op, records, tip: true, ended: false });
    }

    fn end(&mut self) {
        self.events.push(Event::Final);
        (0..2).for_each(|shard| self.read(FINAL_READER, shard, None));
    }

    /// What is found in it.
    fn judged(self) -> Vec<Invariant> {
        let mut checker = Checker::default();
        self.events.into_iter().for_each(|event| checker.take(event));
        let mut found: Vec<_> = checker.finish().findings.violations.iter().map(|found| found.invariant).collect();
        found.sort();
        found.dedup();
        found
    }

    fn records_of(&mut self, nth_answer: usize) -> &mut Vec<Record> {
        let answers = self.events.iter_mut().filter_map(|event| match event {
            Event::Seen { records, .. } => Some(records),
            _ => None,
        });
        answers.into_iter().nth(nth_answer).expect("so many answers")
    }
}

/// Twelve puts, a reader that follows shard 0, and a final read.
fn sound() -> History {
    let mut history = History::new();
    (0..6).for_each(|key| history.stored(key));
    history.read(1, 0, None);
    (0..6).for_each(|key| history.stored(key));
    let reached = history.log[0][2].sequence;
    history.read(1, 0, Some(reached));
    history.end();
    history
}

#[test]
fn a_sound_history_is_found_sound() {
    assert_eq!(sound().judged(), []);
}

#[test]
fn i1_a_lost_record_is_found() {
    let mut history = sound();
    history.records_of(2).pop();
    assert!(history.judged().contains(&Invariant::I1));
}

#[test]
fn i2_a_changed_record_is_found() {
    let mut history = sound();
    history.records_of(2)[1].digest += 1;
    assert!(history.judged().contains(&Invariant::I2));
}

#[test]
fn i3_one_number_for_two_records_is_found() {
    let mut history = History::new();
    let (first, second) = (history.put(0), history.put(0));
    for op in [first, second] {
        history.events.push(Event::Stored { op, shard: 0, sequence: 10.into() });
    }
    assert!(history.judged().contains(&Invariant::I3));
}

#[test]
fn i3_a_later_put_at_a_smaller_number_is_found() {
    let mut history = History::new();
    for (key, sequence) in [(0, 20_u64), (2, 10)] {
        let op = history.put(key);
        history.events.push(Event::Stored { op, shard: 0, sequence: Sequence::from(sequence) });
    }
    assert_eq!(history.judged(), [Invariant::I3]);
}

#[test]
fn i4_puts_of_a_key_out_of_order_are_found() {
    let mut history = History::new();
    for sequence in [20_u64, 10] {
        let op = history.put(0);
        history.events.push(Event::Stored { op, shard: 0, sequence: Sequence::from(sequence) });
    }
    assert_eq!(history.judged(), [Invariant::I3, Invariant::I4]);
}

#[test]
fn i5_a_record_that_nobody_put_is_found() {
    let mut history = sound();
    history.records_of(0)[1].op = 1_000_000;
    assert!(history.judged().contains(&Invariant::I5));
}

#[test]
fn i5_a_gap_in_a_read_is_found() {
    let mut history = sound();
    let _ = history.records_of(1).remove(1);
    assert_eq!(history.judged(), [Invariant::I5]);
}

#[test]
fn i5_a_read_that_goes_back_is_found() {
    let mut history = sound();
    history.records_of(1).reverse();
    assert!(history.judged().contains(&Invariant::I5));
}

#[test]
fn i5_a_read_that_misses_what_was_acknowledged_before_it_began_is_found() {
    let mut history = History::new();
    history.stored(0);
    let first = history.log[0][0].sequence;
    history.stored(0);
    let op = history.op();
    history.events.push(Event::Read { op, reader: 1, shard: 0, after: Some(first) });
    history.events.push(Event::Seen { op, records: Vec::new(), tip: true, ended: false });
    assert_eq!(history.judged(), [Invariant::I5]);
}

#[test]
fn i9_replicas_that_differ_are_found() {
    let mut history = History::new();
    for (applied, hash) in [(7, 1), (8, 2), (7, 1), (8, 3)] {
        history.events.push(Event::Replica { group: 1, applied, hash });
    }
    assert_eq!(history.judged(), [Invariant::I9]);
}

#[test]
fn i12_a_put_that_was_applied_twice_is_found() {
    let mut history = sound();
    let mut twice = history.log[0][0].clone();
    twice.sequence = 1_000.into();
    history.records_of(2).push(twice);
    assert!(history.judged().contains(&Invariant::I12));
}

#[test]
fn i12_a_refused_put_that_was_written_is_found_and_an_unknown_one_may_have_been() {
    for (told, expected) in [(false, vec![]), (true, vec![Invariant::I12])] {
        let mut history = History::new();
        let op = history.put(0);
        history.write(op, 0);
        history.events.push(if told { Event::Refused { op } } else { Event::Unknown { op } });
        history.stored(1);
        history.end();
        assert_eq!(history.judged(), expected);
    }
}

#[test]
fn a_history_without_a_whole_final_read_is_not_called_sound() {
    let mut history = History::new();
    history.stored(0);
    history.events.push(Event::Final);
    assert_eq!(history.judged(), [Invariant::Format]);
}

proptest! {
    #[test]
    fn whatever_single_record_is_missing_in_the_end_is_found(
        keys in proptest::collection::vec(0u8..6, 2..40), which in any::<proptest::sample::Index>()
    ) {
        let mut history = History::new();
        keys.iter().for_each(|key| history.stored(*key));
        history.end();
        let nth = which.index(keys.len());
        let (answer, at) = if nth < history.log[0].len() { (0, nth) } else { (1, nth - history.log[0].len()) };
        let _ = history.records_of(answer).remove(at);
        prop_assert!(history.judged().contains(&Invariant::I1));
    }
}

/// Ranges that tile the hash key space, of shards 0, 1 and 2.
fn tiles() -> Vec<OpenShard> {
    let tile = |shard, start, end| OpenShard { shard, start, end };
    vec![tile(2, 1 << 127, u128::MAX), tile(0, 0, 9), tile(1, 10, (1 << 127) - 1)]
}

#[test]
fn i6_ranges_that_tile_are_found_sound_and_gaps_and_overlaps_are_found() {
    let judged = |shards| {
        let mut history = History::new();
        history.events.push(Event::Open { shards });
        history.judged()
    };
    assert_eq!(judged(tiles()), []);
    for shard in 0..3 {
        let mut gap = tiles();
        gap.remove(shard);
        assert_eq!(judged(gap), [Invariant::I6], "without one");
        let mut overlap = tiles();
        overlap[shard].start = overlap[shard].start.saturating_sub(1);
        overlap[shard].end = overlap[shard].end.saturating_add(1);
        assert_eq!(judged(overlap), [Invariant::I6], "with one too wide");
    }
    assert_eq!(judged(Vec::new()), [Invariant::I6]);
}

#[test]
fn i4_a_put_into_a_shard_whose_end_was_seen_is_found() {
    let mut history = sound();
    let last = history.events.iter().rposition(|event| matches!(event, Event::Put { .. })).expect("puts");
    let op = history.op();
    let read = Event::Read { op, reader: 7, shard: 1, after: None };
    let records = history.log[1][..5].to_vec();
    history.events.insert(last, read);
    assert_eq!(history.log[1].len(), 6, "the last put goes to shard 1");
    history.events.insert(last + 1, Event::Seen { op, records, tip: true, ended: true });
    assert_eq!(history.judged(), [Invariant::I4]);
}

#[test]
fn i4_a_put_of_a_key_that_overtakes_one_in_another_shard_is_found() {
    let mut history = History::new();
    for (shard, sequence) in [(0, 20), (1, 10)] {
        let op = history.put(0);
        history.events.push(Event::Stored { op, shard, sequence: sequence.into() });
    }
    assert_eq!(history.judged(), [Invariant::I4]);
}
