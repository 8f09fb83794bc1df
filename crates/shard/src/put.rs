//! Put: records of any number of shards and requests, in one log entry.
//!
//! ```text
//! kind u8 = 7 | version u8 = 1 | arrival ms u48 | request count u16 | requests
//! request: id u128 | issued ms u48 | item count u16 | items
//! item:    shard number u32 | lowest hash key u128 | highest hash key u128 | chunk count u16 | chunks
//! chunk:   length u32 | chunk (see chunk.rs)
//! ```
//!
//! [`PutBuilder`](crate::PutBuilder) writes it on the leader. Chunks go to storage as slices
//! of the command.

use crate::bucket::{Keeping, Newest};
use crate::chunk;
use crate::chunk_key::{ChunkKey, ShardNo};
use crate::codec::{Malformed, Reader};
use crate::effects::{Appended, Effects};
use crate::group_state::GroupState;
use crate::policy::Policy;
use crate::put_outcome::{self, ItemOutcome, RequestOutcome};
use crate::shard::ShardState;
use anabranch_types::{Counter, HashKeyRange, RequestId, Timestamp};
use bytes::Bytes;

/// Records of one Put at the most, so that every record of a shard has a 16-bit position.
pub const PUT_RECORDS_MAX: u32 = 65_535;

/// A Put, read but for the records in its chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The leader's clock when it packed the entry.
    pub arrival: Timestamp,
    /// Each is applied or answered alone.
    pub requests: Vec<PutRequest>,
}

/// What one client call sends to this group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutRequest {
    /// The same on every repetition.
    pub id: RequestId,
    /// The gateway's clock when it first sent the request; the same on every repetition.
    pub issued: Timestamp,
    /// The shards' parts.
    pub items: Vec<PutItem>,
}

/// Records of one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutItem {
    /// The shard.
    pub shard: ShardNo,
    /// The lowest and the highest hash key of the records.
    pub hash_keys: HashKeyRange,
    /// The records, at least one chunk.
    pub chunks: Vec<PutChunk>,
}

/// One chunk of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutChunk {
    /// How many records it says it holds, 1 or more.
    pub records: u16,
    /// Its checksum.
    pub checksum: u32,
    /// All of it, a slice of the command.
    pub value: Bytes,
}

impl Put {
    /// Reads the body that follows kind and version.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let arrival = reader.timestamp("arrival")?;
        let requests = reader.u16("request count")?;
        let mut records = 0;
        let requests = (0..requests).map(|_| read_request(reader, &mut records)).collect::<Result<_, _>>()?;
        Ok(Put { arrival, requests })
    }

    /// Applies each request, or answers it as it was answered before.
    pub(crate) fn apply(self, state: &mut GroupState, log_index: u64, effects: &mut Effects) -> Bytes {
        let mut answer = put_outcome::begin(self.requests.len());
        let Some(policy) = state.policy else {
            // Without Init there is no shard, and no window to remember requests by.
            for request in &self.requests {
                RequestOutcome::Items(vec![ItemOutcome::NotFound; request.items.len()]).write(&mut answer);
            }
            return answer.into();
        };
        let mut entry = Entry { log_index, arrival: self.arrival, policy, has_bucket: false };
        for request in self.requests {
            if let Some(outcome) = state.requests.recorded(request.id) {
                answer.extend_from_slice(&outcome);
            } else if !state.requests.covers(request.issued, entry.arrival, &policy) {
                RequestOutcome::TooOld.write(&mut answer);
            } else {
                let items = request.items.into_iter().map(|item| item.apply(state, &mut entry, effects)).collect();
                let start = answer.len();
                RequestOutcome::Items(items).write(&mut answer);
                state.requests.record(log_index, entry.arrival, request.id, request.issued, &answer[start..]);
            }
        }
        state.requests.commit(log_index, entry.arrival, &policy, effects);
        answer.into()
    }
}

/// What the items of a Put share.
struct Entry {
    log_index: u64,
    arrival: Timestamp,
    policy: Policy,
    /// Whether a bucket was opened for this entry: all of its chunks go into one.
    has_bucket: bool,
}

impl PutItem {
    fn apply(self, state: &mut GroupState, entry: &mut Entry, effects: &mut Effects) -> ItemOutcome {
        let start = Counter::new(state.generation, entry.log_index, 0);
        let Some(shard) = state.shards.get_mut(&self.shard) else {
            return ItemOutcome::NotFound;
        };
        match shard.state {
            ShardState::Open => {}
            ShardState::Sealed { .. } => return ItemOutcome::Closed,
        }
        if !shard.range.contains(self.hash_keys.start()) || !shard.range.contains(self.hash_keys.end()) {
            return ItemOutcome::OutOfRange;
        }
        let arrival = entry.arrival.max(shard.earliest_arrival(state.trim_clock));
        // An earlier item of the same shard in this entry is continued.
        let first = shard.newest.map_or(start, |newest| newest.last.next().max(start));
        if !entry.has_bucket {
            let keeping = Keeping { policy: &entry.policy, streams: &state.streams };
            state.buckets.open_for(start, entry.arrival, keeping, effects);
            entry.has_bucket = true;
        }
        let mut last_bits = first.bits() - 1;
        let mut chunk_bytes = 0;
        for chunk in self.chunks {
            last_bits += u64::from(chunk.records);
            let last = Counter::from_bits(last_bits).expect("log index and position keep to 63 bits");
            let key = ChunkKey { shard: self.shard, last, arrival };
            chunk_bytes += chunk.value.len() as u64;
            state.digest.add(&key.encode());
            state.digest.add(&chunk.checksum.to_be_bytes());
            state.buckets.put(key, chunk.value, effects);
            shard.newest = Some(Newest { last, arrival });
        }
        let records = u32::try_from(last_bits + 1 - first.bits()).expect("at most 65,535 records");
        let last = shard.newest.expect("an item has at least one chunk").last;
        assert!(last.log_index() == entry.log_index, "counter {last:?} left the entry {}", entry.log_index);
        effects.appended.push(Appended { shard: self.shard, last, arrival, records, chunk_bytes });
        ItemOutcome::Accepted { first, records, arrival }
    }
}

fn read_request(reader: &mut Reader<'_>, records: &mut u32) -> Result<PutRequest, Malformed> {
    let id = RequestId(reader.u128("request id")?);
    let issued = reader.timestamp("issued")?;
    let items = reader.u16("item count")?;
    let items = (0..items).map(|_| read_item(reader, records)).collect::<Result<_, _>>()?;
    Ok(PutRequest { id, issued, items })
}

fn read_item(reader: &mut Reader<'_>, records: &mut u32) -> Result<PutItem, Malformed> {
    let shard = ShardNo(reader.u32("shard number")?);
    let hash_keys = reader.range("hash keys")?;
    let refusal = reader.malformed("chunk count");
    let chunks = reader.u16("chunk count")?;
    if chunks == 0 {
        return Err(refusal);
    }
    let chunks = (0..chunks).map(|_| read_chunk(reader, records)).collect::<Result<_, _>>()?;
    Ok(PutItem { shard, hash_keys, chunks })
}

fn read_chunk(reader: &mut Reader<'_>, records_so_far: &mut u32) -> Result<PutChunk, Malformed> {
    let refusal = reader.malformed("chunk record count");
    let length = reader.u32("chunk length")?;
    let value = reader.slice(length as usize, "chunk")?;
    let (records, checksum) = chunk::header(&value)?;
    *records_so_far += u32::from(records);
    if *records_so_far > PUT_RECORDS_MAX { Err(refusal) } else { Ok(PutChunk { records, checksum, value }) }
}
