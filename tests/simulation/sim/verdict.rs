//! Whether what clients saw is what they were promised.

use crate::history::{Events, Fate, Put, Seen};
use anabranch_types::{Counter, ShardId};
use std::collections::BTreeMap;

/// What is in every shard at the end, by number.
pub type Shards = BTreeMap<ShardId, Vec<Seen>>;

/// Everything that breaks a promise, in words.
pub fn judge(events: &Events, shards: &Shards) -> Vec<String> {
    let mut findings = Vec::new();
    numbers_rise(shards, &mut findings);
    records_are_there(events, shards, &mut findings);
    numbers_follow_time(events, &mut findings);
    keys_keep_their_order(events, &mut findings);
    reads_are_slices(events, shards, &mut findings);
    findings
}

/// What breaks a promise whatever is in the shards: for a run that did not come to its end.
pub fn judge_on_the_way(events: &Events) -> Vec<String> {
    let mut findings = Vec::new();
    numbers_follow_time(events, &mut findings);
    keys_keep_their_order(events, &mut findings);
    findings
}

fn numbers_rise(shards: &Shards, findings: &mut Vec<String>) {
    for (shard, records) in shards {
        for pair in records.windows(2) {
            if pair[0].sequence_number.counter >= pair[1].sequence_number.counter {
                findings.push(format!("I3: {shard}: {:?} is followed by {:?}", pair[0], pair[1]));
            }
        }
    }
}

fn records_are_there(events: &Events, shards: &Shards, findings: &mut Vec<String>) {
    let mut found: BTreeMap<&str, Vec<(ShardId, &Seen)>> = BTreeMap::new();
    for (shard, records) in shards {
        for record in records {
            found.entry(&record.text).or_default().push((*shard, record));
        }
    }
    for put in &events.puts {
        let places = found.remove(put.text.as_str()).unwrap_or_default();
        let name = name(put);
        match (put.ended.map(|(_, fate)| fate), places.as_slice()) {
            (Some(Fate::Stored { .. }), []) => findings.push(format!("I1: {name} was acknowledged and is lost")),
            (Some(Fate::Stored { shard, sequence_number }), [(at, seen)]) => {
                if (*at, seen.sequence_number) != (shard, sequence_number) || seen.key != put.key {
                    findings.push(format!("I2: {name} was acknowledged at {sequence_number:?}, and is {seen:?}"));
                }
            }
            (Some(Fate::NotStored), [_, ..]) => findings.push(format!("I2: {name} was refused and is there")),
            (_, [_, _, ..]) => findings.push(format!("I12: {name} is there {} times", places.len())),
            (Some(Fate::Unknown | Fate::NotStored) | None, _) => {}
        }
    }
    for (text, places) in found {
        let text: String = text.chars().take(40).collect();
        findings.push(format!("I2: nobody sent {text:?}, which is there {} times", places.len()));
    }
}

/// An acknowledgement that came before a put began has the smaller number.
fn numbers_follow_time(events: &Events, findings: &mut Vec<String>) {
    let mut by_shard: BTreeMap<ShardId, Vec<(u64, u64, Counter, &Put)>> = BTreeMap::new();
    for put in &events.puts {
        if let Some((ended, Fate::Stored { shard, sequence_number })) = put.ended {
            by_shard.entry(shard).or_default().push((put.begun, ended, sequence_number.counter, put));
        }
    }
    for (shard, mut puts) in by_shard {
        let mut by_end: Vec<_> = puts.iter().map(|(_, ended, counter, put)| (*ended, *counter, *put)).collect();
        by_end.sort_by_key(|(ended, ..)| *ended);
        puts.sort_by_key(|(begun, ..)| *begun);
        let (mut next, mut highest) = (0, None::<(Counter, &Put)>);
        for (begun, _, counter, put) in puts {
            while let Some((_, earlier, of)) = by_end.get(next).filter(|(ended, ..)| *ended < begun) {
                if highest.is_none_or(|(known, _)| known < *earlier) {
                    highest = Some((*earlier, of));
                }
                next += 1;
            }
            if let Some((_, earlier)) = highest.filter(|(highest, _)| *highest >= counter) {
                let (first, second) = (name(earlier), name(put));
                findings.push(format!("I3: {shard}: {first} was acknowledged before {second} began, and is above it"));
            }
        }
    }
}

/// A producer writes a key's records one call after another.
fn keys_keep_their_order(events: &Events, findings: &mut Vec<String>) {
    let mut last: BTreeMap<(usize, &str), (Counter, &Put)> = BTreeMap::new();
    for put in &events.puts {
        let Some((_, Fate::Stored { sequence_number, .. })) = put.ended else { continue };
        let here = (sequence_number.counter, put);
        if let Some((before, earlier)) = last.insert((put.producer, &put.key), here)
            && before >= sequence_number.counter
        {
            findings.push(format!("I4: {} came before {}, and is above it", name(earlier), name(put)));
        }
    }
}

/// What a reader saw of a shard, one answer after another, is its beginning.
fn reads_are_slices(events: &Events, shards: &Shards, findings: &mut Vec<String>) {
    let mut seen: BTreeMap<(usize, ShardId), usize> = BTreeMap::new();
    for read in &events.reads {
        let all = shards.get(&read.shard).map_or(&[][..], Vec::as_slice);
        let from = seen.entry((read.reader, read.shard)).or_default();
        let expected = all.iter().skip(*from).take(read.records.len());
        if !expected.eq(read.records.iter()) {
            let (reader, shard) = (read.reader, read.shard);
            findings.push(format!("I5: reader {reader} saw of {shard}, from record {from} on, what is not there"));
        }
        *from += read.records.len();
    }
}

fn name(put: &Put) -> String {
    let text: String = put.text.trim_end_matches('x').chars().take(40).collect();
    format!("record {text:?} of key {:?}", put.key)
}
