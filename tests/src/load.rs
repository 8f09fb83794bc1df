//! Puts under way from several connections, and the book of what was acknowledged.
//!
//! Every value is sent once, so a record that is read twice was written twice.

use crate::client::Client;
use crate::node::Node;
use crate::streams::{self, ReadRecord};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;

/// Where a record was acknowledged: its shard and its sequence number.
pub type Place = (String, String);

/// A record as it was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutRecord {
    /// Its partition key.
    pub key: String,
    /// Its data: the writer, the key and the count of the key's earlier records, then filling.
    pub data: Vec<u8>,
}

/// What was acknowledged so far.
#[derive(Debug, Default)]
pub struct Book {
    acknowledged: HashMap<Place, PutRecord>,
    /// Records that were neither acknowledged nor read yet: they may be there or not.
    unknown: usize,
}

/// One connection's worth of puts: each call puts one record for each of the writer's keys.
pub struct Writer {
    name: usize,
    keys: usize,
    data_bytes: usize,
    calls: usize,
}

/// What one call came to.
#[derive(Debug)]
pub enum Outcome {
    /// Every record has its number.
    Acknowledged,
    /// The node refused the whole call, with this status and code.
    Refused(u16, String),
    /// Some records were refused, with these codes.
    Partly(Vec<String>),
}

impl Writer {
    /// A writer with a name of its own; its records hold at least `data_bytes`.
    pub fn new(name: usize, keys: usize, data_bytes: usize) -> Self {
        Writer { name, keys, data_bytes, calls: 0 }
    }

    /// One PutRecords call; what was acknowledged is entered into `book`.
    ///
    /// # Errors
    /// When the connection breaks: the call's outcome is unknown, and entered as such.
    ///
    /// # Panics
    /// When an answer does not fit its request.
    pub fn put(&mut self, client: &mut Client, stream: &str, book: &mut Book) -> io::Result<Outcome> {
        let records: Vec<PutRecord> = (0..self.keys).map(|key| self.record(key)).collect();
        self.calls += 1;
        let encoded = |record: &PutRecord| {
            let data = base64_simd::STANDARD.encode_to_string(&record.data);
            json!({"Data": data, "PartitionKey": record.key})
        };
        let request: Vec<Value> = records.iter().map(encoded).collect();
        book.unknown += records.len();
        let answer = client.call("PutRecords", &json!({"StreamName": stream, "Records": request}))?;
        if answer.status != 200 {
            return Ok(Outcome::Refused(answer.status, answer.code()));
        }
        let answer = answer.json();
        let answers = answer["Records"].as_array().expect("Records is a list");
        assert_eq!(answers.len(), records.len(), "one answer for each record");
        let mut refused = Vec::new();
        for (record, answer) in records.into_iter().zip(answers) {
            match (answer["ShardId"].as_str(), answer["SequenceNumber"].as_str()) {
                (Some(shard), Some(number)) => book.enter((shard.to_owned(), number.to_owned()), record),
                _ => refused.push(answer["ErrorCode"].as_str().expect("a refused record says why").to_owned()),
            }
        }
        Ok(if refused.is_empty() { Outcome::Acknowledged } else { Outcome::Partly(refused) })
    }

    fn record(&self, key: usize) -> PutRecord {
        let key = format!("{}-{key}", self.name);
        let mut data = format!("{key}/{:08}/", self.calls).into_bytes();
        data.resize(self.data_bytes.max(data.len()), b'.');
        PutRecord { key, data }
    }
}

impl Book {
    fn enter(&mut self, place: Place, record: PutRecord) {
        self.unknown -= 1;
        let earlier = self.acknowledged.insert(place.clone(), record);
        assert_eq!(earlier, None, "{place:?} was acknowledged twice (I3)");
    }

    /// Acknowledged records.
    pub fn len(&self) -> usize {
        self.acknowledged.len()
    }

    /// Whether nothing was acknowledged.
    pub fn is_empty(&self) -> bool {
        self.acknowledged.is_empty()
    }

    /// Records whose call failed or broke off: they may be there or not.
    pub fn unknown(&self) -> usize {
        self.unknown
    }

    /// Takes over what another book holds.
    pub fn merge(&mut self, other: Book) {
        self.unknown += other.unknown + other.len();
        for (place, record) in other.acknowledged {
            self.enter(place, record);
        }
    }

    /// Reads the whole stream and compares: each acknowledged record once, at its number, as it
    /// was put; numbers rise; a key's records are in the order they were put (I1, I2, I3, I4).
    /// Returns how many records were read.
    ///
    /// # Panics
    /// When anything differs.
    pub fn check(&self, node: &Node, stream: &str) -> usize {
        let mut client = node.client();
        let (mut found, mut read, mut values) = (0, 0, HashSet::new());
        for shard in streams::shards(&mut client, stream) {
            let records = streams::read_all(&mut client, stream, &shard.id);
            check_order(&records);
            read += records.len();
            for record in records {
                let put = PutRecord { key: record.partition_key, data: record.data };
                assert!(values.insert(put.data.clone()), "{put:?} was read twice");
                let place = (shard.id.clone(), record.sequence_number);
                if let Some(acknowledged) = self.acknowledged.get(&place) {
                    assert_eq!(&put, acknowledged, "another record is at {place:?} (I2)");
                    found += 1;
                }
            }
        }
        assert_eq!(found, self.len(), "acknowledged records that were not read (I1)");
        assert!(read <= self.len() + self.unknown, "{read} read, {} + {} put", self.len(), self.unknown);
        read
    }
}

fn check_order(records: &[ReadRecord]) {
    let number = |record: &ReadRecord| (record.sequence_number.len(), record.sequence_number.clone());
    let mut newest: HashMap<&str, &[u8]> = HashMap::new();
    for pair in records.windows(2) {
        assert!(number(&pair[0]) < number(&pair[1]), "numbers rise (I3)");
    }
    for record in records {
        // The count has a fixed width, so the order of bytes is the order of puts.
        let earlier = newest.insert(&record.partition_key, &record.data);
        let is_later = earlier.is_none_or(|earlier| earlier < record.data.as_slice());
        assert!(is_later, "key {} is out of order (I4)", record.partition_key);
    }
}

/// Runs `writers` at once, each on its own connection, until `go_on` says no or its connection
/// breaks; gives them back with what they were acknowledged.
///
/// # Panics
/// When `go_on` does, in any of them.
pub fn run(address: SocketAddr, stream: &str, writers: &mut [Writer], go_on: impl Fn(&Outcome) -> bool + Sync) -> Book {
    let write = |writer: &mut Writer| {
        let (mut client, mut book) = (Client::new(address), Book::default());
        while writer.put(&mut client, stream, &mut book).is_ok_and(|outcome| go_on(&outcome)) {}
        book
    };
    let mut all = Book::default();
    std::thread::scope(|scope| {
        let running: Vec<_> = writers.iter_mut().map(|writer| scope.spawn(|| write(writer))).collect();
        for book in running {
            all.merge(book.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    all
}
