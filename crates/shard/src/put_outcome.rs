//! What became of each request of a Put, as it is answered and remembered.
//!
//! ```text
//! outcome: version u8 = 1 | request count u16 | requests
//! request: 0                                   too old
//!          1 | item count varint | items
//! item:    0 | first counter u64 | records varint | arrival ms u48     accepted
//!          1  closed      2  not found      3  out of range
//! ```

use crate::chunk_key::counter;
use crate::codec::{Malformed, Reader, Writer};
use anabranch_types::{Counter, Timestamp};
use bytes::{BufMut, Bytes};

/// The format that this node writes and reads.
pub(crate) const PUT_OUTCOME_VERSION: u8 = 1;

/// What became of the records of one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemOutcome {
    /// They are in the shard, at consecutive counters.
    Accepted {
        /// The counter of the first one.
        first: Counter,
        /// How many, 1 or more.
        records: u32,
        /// When they arrived.
        arrival: Timestamp,
    },
    /// The shard is sealed. Nothing was written: send them to its children, under a new
    /// request id.
    Closed,
    /// The group has no such shard. Nothing was written.
    NotFound,
    /// A record's hash key is not the shard's. Nothing was written.
    OutOfRange,
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestOutcome {
    /// It was issued outside the window in which a repetition would be noticed, so it was not
    /// applied (I12).
    TooOld,
    /// One outcome per item, in the request's order; the recorded one when it came before.
    Items(Vec<ItemOutcome>),
}

/// Reads the outcome of a Put: one per request, in the entry's order.
///
/// # Errors
/// [`Malformed`] when `outcome` is not what apply returned for a Put.
pub fn decode_put_outcome(outcome: &Bytes) -> Result<Vec<RequestOutcome>, Malformed> {
    let mut reader = Reader::new(outcome);
    let refusal = reader.malformed("outcome version");
    if reader.u8("outcome version")? != PUT_OUTCOME_VERSION {
        return Err(refusal);
    }
    let requests = reader.u16("request count")?;
    let decoded = (0..requests).map(|_| RequestOutcome::read(&mut reader)).collect::<Result<_, _>>()?;
    reader.end("outcome")?;
    Ok(decoded)
}

impl RequestOutcome {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            RequestOutcome::TooOld => out.put_u8(0),
            RequestOutcome::Items(items) => {
                out.put_u8(1);
                out.varint(u32::try_from(items.len()).expect("a request has at most 65,535 items"));
                items.iter().for_each(|item| item.write(out));
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let refusal = reader.malformed("request outcome");
        match reader.u8("request outcome")? {
            0 => Ok(RequestOutcome::TooOld),
            1 => {
                let items = reader.varint("item count")?;
                Ok(RequestOutcome::Items((0..items).map(|_| ItemOutcome::read(reader)).collect::<Result<_, _>>()?))
            }
            _ => Err(refusal),
        }
    }
}

impl ItemOutcome {
    fn write(&self, out: &mut Vec<u8>) {
        match *self {
            ItemOutcome::Accepted { first, records, arrival } => {
                out.put_u8(0);
                out.put_u64(first.bits());
                out.varint(records);
                out.timestamp(arrival);
            }
            ItemOutcome::Closed => out.put_u8(1),
            ItemOutcome::NotFound => out.put_u8(2),
            ItemOutcome::OutOfRange => out.put_u8(3),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let refusal = reader.malformed("item outcome");
        match reader.u8("item outcome")? {
            0 => Ok(ItemOutcome::Accepted {
                first: counter(reader, "first counter")?,
                records: reader.varint("records")?,
                arrival: reader.timestamp("arrival")?,
            }),
            1 => Ok(ItemOutcome::Closed),
            2 => Ok(ItemOutcome::NotFound),
            3 => Ok(ItemOutcome::OutOfRange),
            _ => Err(refusal),
        }
    }
}

/// Begins the answer to a Put of `requests` requests; their outcomes follow.
pub(crate) fn begin(requests: usize) -> Vec<u8> {
    let mut out = vec![PUT_OUTCOME_VERSION];
    out.put_u16(u16::try_from(requests).expect("a Put counts its requests in 16 bits"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item() -> impl Strategy<Value = ItemOutcome> {
        let accepted = (0u64..1 << 63, any::<u32>(), 0u64..1 << 48).prop_map(|(first, records, ms)| {
            let first = Counter::from_bits(first).expect("63 bits");
            ItemOutcome::Accepted { first, records, arrival: Timestamp::from_millis(ms) }
        });
        prop_oneof![accepted, Just(ItemOutcome::Closed), Just(ItemOutcome::NotFound), Just(ItemOutcome::OutOfRange)]
    }

    proptest! {
        #[test]
        fn outcomes_read_back_as_written_and_no_part_of_them_does(
            requests in prop::collection::vec(prop::option::of(prop::collection::vec(item(), 0..5)), 0..5),
        ) {
            let requests: Vec<_> =
                requests.into_iter().map(|items| items.map_or(RequestOutcome::TooOld, RequestOutcome::Items)).collect();
            let mut out = begin(requests.len());
            requests.iter().for_each(|request| request.write(&mut out));
            let out = Bytes::from(out);
            for cut in 0..out.len() {
                prop_assert!(decode_put_outcome(&out.slice(..cut)).is_err());
            }
            prop_assert_eq!(decode_put_outcome(&out), Ok(requests));
        }
    }
}
