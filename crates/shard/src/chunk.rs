//! What a chunk holds: records of one shard and one log entry, as the leader packed them.
//!
//! ```text
//! version u8 = 1 | flags u8 = 0 | record count u16 | crc32c u32 | records
//! record: key length varint | partition key | data length varint | data
//! ```
//!
//! The checksum covers every other byte of the value. The same bytes lie in the log entry and
//! in storage. An explicit hash key is checked at admission and not kept.

use anabranch_types::{Counter, Timestamp};
use bytes::{BufMut, Bytes, BytesMut};

use crate::chunk_key::ChunkKey;
use crate::codec::{Malformed, Reader, Writer, varint_len};

/// The format that this node writes and the newest that it reads.
pub const CHUNK_VERSION: u8 = 1;
/// A chunk takes no further record beyond this, unless it is empty.
pub const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Bytes before the first record.
pub(crate) const CHUNK_HEADER_BYTES: usize = 8;

/// One record as it was written (I2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the shard.
    pub counter: Counter,
    /// When it arrived.
    pub arrival: Timestamp,
    /// Its partition key, UTF-8 as it was admitted.
    pub partition_key: Bytes,
    /// Its bytes.
    pub data: Bytes,
}

/// A chunk that cannot be trusted; none of its records may be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkDamage {
    /// A node of a later version wrote it.
    #[error("chunk has version {found}, this node reads up to {CHUNK_VERSION}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// Its bytes are not those that were written.
    #[error("chunk has checksum {found:08x}, its bytes give {computed:08x}")]
    Checksum {
        /// The checksum stored.
        found: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// Its key or its fields do not follow the layout.
    #[error("chunk is damaged: {0}")]
    Malformed(#[from] Malformed),
}

/// The bytes that a record adds to a chunk.
pub(crate) fn record_bytes(partition_key: &[u8], data: &[u8]) -> usize {
    varint_len(partition_key.len() as u32) + partition_key.len() + varint_len(data.len() as u32) + data.len()
}

/// Begins a chunk at the end of `out`; [`seal`] completes it.
pub(crate) fn begin(out: &mut BytesMut) {
    out.put_slice(&[CHUNK_VERSION, 0, 0, 0, 0, 0, 0, 0]);
}

pub(crate) fn push(out: &mut BytesMut, partition_key: &[u8], data: &[u8]) {
    out.string(partition_key);
    out.string(data);
}

/// Writes the count and the checksum into the chunk that is all of `value`.
pub(crate) fn seal(value: &mut [u8], records: u16) {
    value[2..4].copy_from_slice(&records.to_be_bytes());
    let checksum = checksum(value);
    value[4..8].copy_from_slice(&checksum.to_be_bytes());
}

fn checksum(value: &[u8]) -> u32 {
    let (head, rest) = value.split_at(4);
    crc32c::crc32c_append(crc32c::crc32c(head), &rest[4..])
}

/// What apply needs of a chunk: its number of records, 1 or more, and its checksum.
pub(crate) fn header(value: &Bytes) -> Result<(u16, u32), Malformed> {
    let mut reader = Reader::new(value);
    reader.u8("chunk version")?;
    reader.u8("chunk flags")?;
    let refusal = reader.malformed("chunk record count");
    let records = reader.u16("chunk record count")?;
    let checksum = reader.u32("chunk checksum")?;
    if records == 0 { Err(refusal) } else { Ok((records, checksum)) }
}

/// Reads the records of one chunk, oldest first, each a slice of the chunk's bytes.
#[derive(Debug, Clone)]
pub struct ChunkReader {
    key: ChunkKey,
    value: Bytes,
    at: usize,
    next: Counter,
    left: u16,
}

impl ChunkReader {
    /// Opens a chunk as storage gave it and checks its bytes against its checksum.
    ///
    /// # Errors
    /// [`ChunkDamage`] when the key or the value is not what was written.
    pub fn open(key: &[u8], value: Bytes) -> Result<Self, ChunkDamage> {
        let key = ChunkKey::decode(key)?;
        let (records, found) = header(&value)?;
        if value[0] != CHUNK_VERSION {
            return Err(ChunkDamage::Version { found: value[0] });
        }
        let computed = checksum(&value);
        if found != computed {
            return Err(ChunkDamage::Checksum { found, computed });
        }
        let first = key.last.bits().checked_sub(u64::from(records) - 1).and_then(Counter::from_bits);
        let next = first.ok_or(Malformed { what: "chunk record count", at: 2 })?;
        Ok(ChunkReader { key, value, at: CHUNK_HEADER_BYTES, next, left: records })
    }

    /// The chunk's key.
    pub fn key(&self) -> ChunkKey {
        self.key
    }

    fn read_next(&mut self) -> Result<Record, Malformed> {
        let rest = self.value.slice(self.at..);
        let mut reader = Reader::new(&rest);
        let partition_key = reader.string("partition key")?;
        let data = reader.string("data")?;
        self.at += record_bytes(&partition_key, &data);
        let record = Record { counter: self.next, arrival: self.key.arrival, partition_key, data };
        self.next = self.next.next();
        self.left -= 1;
        if self.left == 0 && self.at != self.value.len() {
            return Err(Malformed { what: "end of chunk", at: self.at });
        }
        Ok(record)
    }
}

impl Iterator for ChunkReader {
    type Item = Result<Record, ChunkDamage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let result = self.read_next();
        if result.is_err() {
            self.left = 0;
        }
        Some(result.map_err(ChunkDamage::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk_key::ShardNo;
    use proptest::prelude::*;

    fn chunk(records: &[(Vec<u8>, Vec<u8>)]) -> Bytes {
        let mut out = BytesMut::new();
        begin(&mut out);
        for (key, data) in records {
            push(&mut out, key, data);
        }
        seal(&mut out, records.len() as u16);
        out.freeze()
    }

    fn key(last: Counter) -> [u8; crate::CHUNK_KEY_BYTES] {
        ChunkKey { shard: ShardNo(3), last, arrival: Timestamp::from_millis(9) }.encode()
    }

    fn records() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..200);
        prop::collection::vec((bytes(), bytes()), 1..20)
    }

    #[test]
    fn a_chunk_of_a_later_version_is_refused_by_name() {
        let mut value = chunk(&[(vec![1], vec![2])]).to_vec();
        value[0] = 9;
        let damage = ChunkReader::open(&key(Counter::new(0, 5, 0)), value.into()).expect_err("version 9");
        assert_eq!(damage.to_string(), "chunk has version 9, this node reads up to 1");
    }

    #[test]
    fn a_count_that_is_larger_than_the_counter_allows_is_refused() {
        let value = chunk(&[(vec![1], vec![2]), (vec![], vec![])]);
        assert!(ChunkReader::open(&key(Counter::ZERO), value).is_err());
    }

    proptest! {
        #[test]
        fn records_read_back_as_they_were_packed(records in records()) {
            let last = Counter::new(1, 7, records.len() as u16 - 1);
            let reader = ChunkReader::open(&key(last), chunk(&records)).expect("undamaged");
            let read: Vec<Record> = reader.collect::<Result<_, _>>().expect("undamaged");
            prop_assert_eq!(read.len(), records.len());
            for (position, (record, (key, data))) in read.iter().zip(&records).enumerate() {
                prop_assert_eq!(record.counter, Counter::new(1, 7, position as u16));
                prop_assert_eq!(record.arrival, Timestamp::from_millis(9));
                prop_assert_eq!((&record.partition_key[..], &record.data[..]), (&key[..], &data[..]));
            }
        }

        #[test]
        fn every_flipped_bit_and_every_truncation_is_noticed(records in records(), at: prop::sample::Index, bit in 0u8..8) {
            let value = chunk(&records);
            let key = key(Counter::new(1, 7, records.len() as u16 - 1));
            let mut flipped = value.to_vec();
            flipped[at.index(value.len())] ^= 1 << bit;
            prop_assert!(ChunkReader::open(&key, flipped.into()).is_err());
            prop_assert!(ChunkReader::open(&key, value.slice(..at.index(value.len()))).is_err());
        }
    }
}
