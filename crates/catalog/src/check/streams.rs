//! Streams, their names, and that their open shards tile the hash key space (I6).

use super::{Violation, ensure};
use crate::catalog::{Catalog, Tallies};
use crate::limits::{CREATED_SECONDS_MAX, TAGGINGS_REMEMBERED};
use crate::stream::StreamMap;
use anabranch_types::limits::TAGS_PER_STREAM_MAX;
use anabranch_types::{GroupId, HashKey};

pub(super) fn check(catalog: &Catalog) -> Result<(), Violation> {
    for (uid, stream) in catalog.map.streams.iter() {
        let header = &stream.stream;
        ensure(header.uid == *uid, "a stream is found under its uid", || format!("{} under {uid}", header.uid))?;
        identity(catalog, stream)?;
        shards(catalog, stream)?;
        tiling(stream)?;
        tags(stream)?;
    }
    let floor = catalog.floors.iter().find(|(_, floor)| floor.created_s > CREATED_SECONDS_MAX);
    ensure(floor.is_none(), "deleted streams had create seconds that fit a sequence number", || format!("{floor:?}"))?;
    let (names, streams) = (catalog.map.names.len(), catalog.map.streams.len());
    ensure(names == streams, "each name has its own stream", || format!("{names} names, {streams} streams"))?;
    let counted = Tallies::of(&catalog.map);
    ensure(counted == catalog.tallies, "the sums are those of the map", || {
        format!("{counted:?}, kept {:?}", catalog.tallies)
    })
}

fn identity(catalog: &Catalog, stream: &StreamMap) -> Result<(), Violation> {
    let (header, next) = (&stream.stream, catalog.counters.next_stream);
    let (uid, name) = (header.uid, &header.name);
    ensure(uid.0 > 0 && uid < next, "stream uids were handed out", || format!("{uid} of {next}"))?;
    let named = catalog.map.names.get(&(header.account, name.clone()));
    ensure(named == Some(&uid), "a stream is found under its name", || format!("{name} gives {named:?}, not {uid}"))?;
    let (version, latest) = (header.version, catalog.map.version);
    ensure(version <= latest, "a stream's version is at most the map's", || {
        format!("stream {uid} has {version}, the map {latest}")
    })
}

fn tags(stream: &StreamMap) -> Result<(), Violation> {
    let Some(tagging) = stream.tagging() else { return Ok(()) };
    let (tags, answered) = (tagging.tags.len(), tagging.answered.len());
    ensure(
        tags <= TAGS_PER_STREAM_MAX && answered <= TAGGINGS_REMEMBERED,
        "the tags of a stream and what is remembered of them are bounded",
        || format!("stream {}: {tags} tags, {answered} calls", stream.stream.uid),
    )
}

pub(super) fn shards(catalog: &Catalog, stream: &StreamMap) -> Result<(), Violation> {
    let (header, uid) = (&stream.stream, stream.stream.uid);
    let increasing = stream.shards().windows(2).all(|pair| pair[0].id < pair[1].id);
    ensure(increasing, "a stream's shards have ids of their own", || format!("stream {uid}"))?;
    let floor = catalog.floors.get(&(header.account, header.name.clone()));
    for shard in stream.shards() {
        let id = shard.id;
        ensure(id < header.next_shard, "shard ids were handed out", || {
            format!("stream {uid}: {id} of {}", header.next_shard)
        })?;
        let placed = shard.group != GroupId::METADATA && catalog.map.group(shard.group).is_some();
        ensure(placed, "a shard lives in a data group", || format!("stream {uid}: {id} in group {}", shard.group))?;
        let above = floor.is_none_or(|floor| shard.created_s > floor.created_s);
        ensure(
            above && shard.created_s <= CREATED_SECONDS_MAX,
            "create seconds exceed those of deleted streams",
            || format!("stream {uid}: {id} has {}, used {floor:?}", shard.created_s),
        )?;
    }
    Ok(())
}

/// I6, and that the index of open shards is what the shards say.
pub(super) fn tiling(stream: &StreamMap) -> Result<(), Violation> {
    let uid = stream.stream.uid;
    let open = stream.shards().iter().filter(|shard| shard.is_open()).count();
    ensure(open == stream.open.len(), "the index has every open shard", || {
        format!("stream {uid}: {} of {open}", stream.open.len())
    })?;
    let mut next = Some(HashKey::MIN);
    for (entry, shard) in stream.open.iter().zip(stream.open_shards()) {
        let fits = next == Some(shard.range.start()) && entry.end == shard.range.end();
        ensure(fits, "I6: open ranges tile the hash key space", || {
            format!("stream {uid}: {} starts at {}, not {next:?}", shard.id, shard.range.start())
        })?;
        next = shard.range.end().0.checked_add(1).map(HashKey);
    }
    ensure(next.is_none(), "I6: open ranges tile the hash key space", || format!("stream {uid}: {next:?} is missing"))
}
