//! What the simulation takes for a broken promise.

#![allow(dead_code, reason = "the simulation uses more of what it shares with this")]

#[path = "sim/history.rs"]
mod history;
#[path = "sim/verdict.rs"]
mod verdict;

use anabranch_types::{Counter, SequenceNumber, ShardEpoch, ShardId, Timestamp};
use history::{Fate, History, Read, Seen};
use verdict::{Shards, judge};

const SHARD: ShardId = ShardId(0);

fn number(index: u64) -> SequenceNumber {
    let epoch = ShardEpoch { created_s: 1, shard: SHARD };
    SequenceNumber::of_record(epoch, Counter::new(0, index, 0), Timestamp::EPOCH)
}

fn seen(text: &str, index: u64) -> Seen {
    Seen { sequence_number: number(index), key: "key".to_owned(), text: text.to_owned() }
}

/// Calls of one record each, one after another.
fn wrote(records: &[(&str, Fate)]) -> History {
    let history = History::default();
    for (text, fate) in records {
        let places = history.begin_put(1, &[("key".to_owned(), (*text).to_owned())]);
        history.end_put(places, &[*fate]);
    }
    history
}

fn stored(index: u64) -> Fate {
    Fate::Stored { shard: SHARD, sequence_number: number(index) }
}

fn findings(history: &History, there: &[Seen]) -> Vec<String> {
    judge(&history.events(), &Shards::from([(SHARD, there.to_vec())]))
}

#[test]
fn a_run_in_which_every_promise_was_kept_is_not_blamed() {
    let history = wrote(&[("a", stored(1)), ("b", Fate::Unknown), ("c", stored(3)), ("d", Fate::NotStored)]);
    history.read(Read { reader: 1, shard: SHARD, records: vec![seen("a", 1)] });
    history.read(Read { reader: 1, shard: SHARD, records: vec![seen("b", 2), seen("c", 3)] });
    assert_eq!(findings(&history, &[seen("a", 1), seen("b", 2), seen("c", 3)]), Vec::<String>::new());
}

#[test]
fn every_broken_promise_is_named() {
    let begins = |history: &History, there: &[Seen], promise: &str| {
        let findings = findings(history, there);
        assert!(findings.iter().any(|finding| finding.starts_with(promise)), "{promise}: {findings:?}");
    };
    begins(&wrote(&[("a", stored(1))]), &[], "I1");
    begins(&wrote(&[("a", stored(1))]), &[seen("a", 2)], "I2");
    begins(&wrote(&[]), &[seen("never sent", 1)], "I2");
    begins(&wrote(&[("a", Fate::NotStored)]), &[seen("a", 1)], "I2");
    begins(&wrote(&[("a", Fate::Unknown)]), &[seen("a", 1), seen("a", 2)], "I12");
    begins(&wrote(&[("a", stored(2)), ("b", stored(1))]), &[seen("b", 1), seen("a", 2)], "I3");
    begins(&wrote(&[("a", stored(2)), ("b", stored(1))]), &[seen("b", 1), seen("a", 2)], "I4");
    let history = wrote(&[("a", stored(1)), ("b", stored(2))]);
    history.read(Read { reader: 1, shard: SHARD, records: vec![seen("b", 2)] });
    begins(&history, &[seen("a", 1), seen("b", 2)], "I5");
}
