//! Where a chunk lies: the key under which storage keeps it.
//!
//! ```text
//! shard number u32 | counter of the chunk's last record u64 | arrival ms u48     18 bytes
//! ```
//!
//! Big-endian, so keys order by shard and then by counter, and a seek to the key of a counter
//! finds the chunk that holds it. What only apply knows (counter, arrival) is here, so the
//! value stays the very bytes of the log entry.

use anabranch_types::{Counter, Timestamp};
use bytes::{BufMut, Bytes};

use crate::codec::{Malformed, Reader, Writer};

/// A shard's number in its group: never reused, and the prefix of its chunks' keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardNo(pub u32);

/// Bytes of a chunk's key.
pub const CHUNK_KEY_BYTES: usize = 18;

/// The key of one chunk. All records of a chunk share its arrival time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkKey {
    /// The shard.
    pub shard: ShardNo,
    /// The counter of the chunk's last record.
    pub last: Counter,
    /// When the records arrived. Never goes back within a shard.
    pub arrival: Timestamp,
}

impl ChunkKey {
    /// The key's bytes.
    pub fn encode(&self) -> [u8; CHUNK_KEY_BYTES] {
        let mut key = [0; CHUNK_KEY_BYTES];
        let mut rest = &mut key[..];
        rest.put_u32(self.shard.0);
        rest.put_u64(self.last.bits());
        rest.timestamp(self.arrival);
        key
    }

    /// Reads a key.
    ///
    /// # Errors
    /// [`Malformed`] for another length, or a counter of more than 63 bits.
    pub fn decode(key: &[u8]) -> Result<Self, Malformed> {
        let bytes = Bytes::copy_from_slice(key);
        let mut reader = Reader::new(&bytes);
        let shard = ShardNo(reader.u32("shard number")?);
        let last = counter(&mut reader, "counter")?;
        let arrival = reader.timestamp("arrival")?;
        reader.end("chunk key")?;
        Ok(ChunkKey { shard, last, arrival })
    }

    /// At or below the key of the chunk that holds `counter`, above every earlier chunk's.
    pub fn seek(shard: ShardNo, counter: Counter) -> [u8; CHUNK_KEY_BYTES] {
        ChunkKey { shard, last: counter, arrival: Timestamp::EPOCH }.encode()
    }

    /// Above every key of `shard`, below every key of the next one.
    pub fn end_of(shard: ShardNo) -> [u8; CHUNK_KEY_BYTES] {
        match shard.0.checked_add(1) {
            Some(next) => ChunkKey::seek(ShardNo(next), Counter::ZERO),
            None => [0xff; CHUNK_KEY_BYTES],
        }
    }
}

pub(crate) fn counter(reader: &mut Reader<'_>, what: &'static str) -> Result<Counter, Malformed> {
    let refusal = reader.malformed(what);
    Counter::from_bits(reader.u64(what)?).ok_or(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> impl Strategy<Value = ChunkKey> {
        (any::<u32>(), 0u64..1 << 63, 0u64..1 << 48).prop_map(|(shard, counter, ms)| ChunkKey {
            shard: ShardNo(shard),
            last: Counter::from_bits(counter).expect("63 bits"),
            arrival: Timestamp::from_millis(ms),
        })
    }

    proptest! {
        #[test]
        fn a_key_reads_back_as_written_and_no_part_of_it_does(key in key()) {
            let bytes = key.encode();
            prop_assert_eq!(ChunkKey::decode(&bytes), Ok(key));
            for cut in 0..bytes.len() {
                prop_assert!(ChunkKey::decode(&bytes[..cut]).is_err());
            }
        }

        #[test]
        fn keys_order_as_their_bytes_do(a in key(), b in key()) {
            prop_assert_eq!(a.cmp(&b), a.encode().cmp(&b.encode()));
        }

        #[test]
        fn the_end_of_a_shard_lies_between_its_keys_and_the_next(a in key(), b in key()) {
            prop_assert!(a.encode() < ChunkKey::end_of(a.shard));
            if b.shard > a.shard {
                prop_assert!(ChunkKey::end_of(a.shard) <= b.encode());
            }
        }
    }
}
