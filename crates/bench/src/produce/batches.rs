//! Batches that were made before the run, so that sending them costs little.

use super::credits::Grant;
use crate::link::frame;
use crate::requests::{self, Batch};
use anabranch_proto::v1::produce_request::Step;
use anabranch_proto::v1::{ProduceBatch, ProduceRecord, ProduceRequest, PutEntry};
use bytes::Bytes;

/// Different batches that are sent in turn, with numbers that only grow.
pub struct Batches {
    prepared: Vec<ProduceBatch>,
    sent: u64,
    records: usize,
    cost: Grant,
}

impl Batches {
    /// `count` of them. Data is random, so that nothing compresses it, and every record has its
    /// own random partition key.
    pub fn prepare(batch: Batch, count: usize) -> Batches {
        let record = || {
            let mut data = vec![0; batch.record_bytes];
            requests::random(&mut data);
            let entry = PutEntry { partition_key: requests::random_key(), explicit_hash_key: None, data: data.into() };
            ProduceRecord { number: 0, entry: Some(entry) }
        };
        let prepared: Vec<ProduceBatch> = (0..count)
            .map(|_| ProduceBatch { batch: 0, records: (0..batch.records).map(|_| record()).collect() })
            .collect();
        let bytes = prepared.first().map_or(0, |batch| batch.records.iter().map(credit_bytes).sum());
        let cost = Grant { records: batch.records as u64, bytes };
        Batches { prepared, sent: 0, records: batch.records, cost }
    }

    /// What each of them costs of the credits.
    pub fn cost(&self) -> Grant {
        self.cost
    }

    /// The next one, framed: batch n, from 1 on, has the records from (n - 1) * records + 1 on.
    pub fn next(&mut self) -> Bytes {
        let at = usize::try_from(self.sent).unwrap_or(usize::MAX) % self.prepared.len();
        let first = self.sent * self.records as u64 + 1;
        self.sent += 1;
        let mut batch = std::mem::take(&mut self.prepared[at]);
        batch.batch = self.sent;
        for (number, record) in (first..).zip(&mut batch.records) {
            record.number = number;
        }
        let mut request = ProduceRequest { step: Some(Step::Batch(batch)) };
        let framed = frame(&request);
        if let Some(Step::Batch(batch)) = request.step.take() {
            self.prepared[at] = batch;
        }
        framed
    }
}

fn credit_bytes(record: &ProduceRecord) -> u64 {
    record.entry.as_ref().map_or(0, |entry| (entry.data.len() + entry.partition_key.len()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Frames;
    use prost::Message;

    #[test]
    fn numbers_grow_while_batches_come_again() {
        let mut batches = Batches::prepare(Batch { records: 3, record_bytes: 10 }, 2);
        assert_eq!(batches.cost(), Grant { records: 3, bytes: 3 * (10 + 20) });
        let mut frames = Frames::default();
        let mut sent = Vec::new();
        for _ in 0..3 {
            frames.push(&batches.next());
            let message = frames.next().expect("no error").expect("a whole frame");
            match ProduceRequest::decode(message).expect("a request").step {
                Some(Step::Batch(batch)) => sent.push(batch),
                other => panic!("{other:?}"),
            }
        }
        let numbers: Vec<u64> = sent.iter().flat_map(|batch| batch.records.iter().map(|r| r.number)).collect();
        assert_eq!(numbers, (1..=9).collect::<Vec<_>>());
        assert_eq!(sent.iter().map(|batch| batch.batch).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(sent[0].records[1].entry, sent[2].records[1].entry);
        assert_ne!(sent[0].records[1].entry, sent[1].records[1].entry);
    }
}
