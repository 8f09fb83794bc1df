//! What clients tell, one JSON object a line, in the order in which it happened.
//!
//! Several clients' lines are merged by time before they are judged: the order of lines is the order
//! of events. Sequence numbers and hash keys are decimal strings, as they do not fit a JSON number.

use crate::sequence::Sequence;
use serde::{Deserialize, Serialize};

/// The version of the format that this build reads.
pub const FORMAT: u32 = 1;

/// One thing that a client did or saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The first line.
    Begin {
        /// [`FORMAT`] of the writer.
        format: u32,
    },
    /// A put begins. Each record has a number of its own.
    Put {
        /// Which put; never used again.
        op: u64,
        /// Who: a client's own puts are ordered by their partition key (I4).
        client: u64,
        /// The partition key.
        key: String,
        /// Of the record's bytes.
        digest: u64,
    },
    /// The put was acknowledged.
    Stored {
        /// Which.
        op: u64,
        /// Where.
        shard: u32,
        /// The record's sequence number.
        sequence: Sequence,
    },
    /// The put was refused: the record was certainly not written.
    Refused {
        /// Which.
        op: u64,
    },
    /// Nobody knows whether the record was written.
    Unknown {
        /// Which.
        op: u64,
    },
    /// A read begins.
    Read {
        /// Which read; never used again.
        op: u64,
        /// Who: its reads of a shard never go back (I5).
        reader: u64,
        /// Of which shard.
        shard: u32,
        /// What lies behind this is asked for; nothing asks for all from the oldest record on.
        #[serde(default)]
        after: Option<Sequence>,
    },
    /// A read was answered.
    Seen {
        /// Which read.
        op: u64,
        /// In the answer's order.
        records: Vec<Record>,
        /// The answer reaches the shard's newest record.
        tip: bool,
        /// The shard is closed, and the answer reaches its end.
        #[serde(default)]
        ended: bool,
    },
    /// A listing of a stream's open shards, in any order.
    Open {
        /// Their hash key ranges.
        shards: Vec<OpenShard>,
    },
    /// From here on until the end, reads that begin at the oldest record say what there is.
    Final,
    /// What a replica had applied, and the hash of its state (I9).
    Replica {
        /// The group.
        group: u32,
        /// The newest command applied.
        applied: u64,
        /// Of its logical state.
        hash: u64,
    },
}

/// A shard of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenShard {
    /// Its number.
    pub shard: u32,
    /// Its lowest hash key.
    #[serde(with = "decimal")]
    pub start: u128,
    /// Its highest hash key.
    #[serde(with = "decimal")]
    pub end: u128,
}

/// Numbers as decimal texts.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A record as a reader saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its sequence number.
    pub sequence: Sequence,
    /// The put that wrote it, as its data says.
    pub op: u64,
    /// The partition key.
    pub key: String,
    /// Of its bytes.
    pub digest: u64,
    /// Approximate time of arrival in milliseconds.
    pub arrival_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_documented() {
        let read = |line: &str| serde_json::from_str::<Event>(line).expect("a line");
        assert_eq!(read(r#"{"event":"begin","format":1}"#), Event::Begin { format: 1 });
        let sequence = "18446744073709551616".parse().expect("a number");
        let line = r#"{"event":"stored","op":7,"shard":2,"sequence":"18446744073709551616"}"#;
        assert_eq!(read(line), Event::Stored { op: 7, shard: 2, sequence });
        let line = r#"{"event":"read","op":8,"reader":1,"shard":2,"after":null}"#;
        assert_eq!(read(line), Event::Read { op: 8, reader: 1, shard: 2, after: None });
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let sequence = "18446744073709551616".parse().expect("a number");
        let record = Record { sequence, op: 7, key: "k".to_owned(), digest: 3, arrival_ms: 4 };
        let read = |after| Event::Read { op: 8, reader: 1, shard: 2, after };
        let seen = Event::Seen { op: 8, records: vec![record], tip: true, ended: true };
        let open = Event::Open { shards: vec![OpenShard { shard: 2, start: 0, end: u128::MAX }] };
        let stored = Event::Stored { op: 7, shard: 2, sequence };
        for event in [read(None), read(Some(sequence)), seen, open, stored, Event::Final] {
            let line = serde_json::to_string(&event).expect("a line");
            assert_eq!(serde_json::from_str::<Event>(&line).expect("an event"), event, "{line}");
        }
    }

    #[test]
    fn a_line_with_an_unknown_member_is_refused() {
        assert!(serde_json::from_str::<Event>(r#"{"event":"refused","op":7,"why":"?"}"#).is_err());
    }
}
