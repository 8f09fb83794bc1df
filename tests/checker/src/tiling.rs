//! Whether open shards share the hash key space among them (I6).

use crate::event::OpenShard;
use crate::violation::{Findings, Invariant};

/// Each hash key belongs to exactly one of `shards`.
pub(crate) fn check(line: u64, mut shards: Vec<OpenShard>, findings: &mut Findings) {
    shards.sort_by_key(|shard| shard.start);
    // None once the highest hash key is taken.
    let mut next = Some(0);
    for OpenShard { shard, start, end } in shards {
        if next != Some(start) || end < start {
            let wanted = next.map_or_else(|| "none".to_owned(), |next: u128| next.to_string());
            let what = format!("shard {shard} has hash keys {start} to {end}, the next free one is {wanted}");
            return findings.add(Invariant::I6, line, what);
        }
        next = end.checked_add(1);
    }
    if let Some(free) = next {
        findings.add(Invariant::I6, line, format!("no open shard has the hash keys from {free} on"));
    }
}
