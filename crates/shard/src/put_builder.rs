//! Packs records into a Put, straight into the bytes of the log entry.

use crate::chunk::{self, CHUNK_BYTES_MAX};
use crate::chunk_key::ShardNo;
use crate::codec::Writer;
use crate::command;
use crate::put::PUT_RECORDS_MAX;
use anabranch_types::{HashKey, RequestId, Timestamp};
use bytes::{BufMut, Bytes, BytesMut};
use std::ops::Range;

/// The entry has no room for the request: finish it and begin another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a put of {records} records takes no {refused} more, the most is {PUT_RECORDS_MAX}")]
pub struct PutFull {
    /// Records that the entry holds.
    pub records: u32,
    /// Records of the refused request.
    pub refused: u32,
}

/// Writes requests, items and records in the order in which it is called. Every record is
/// copied once.
#[derive(Debug)]
pub struct PutBuilder {
    out: BytesMut,
    /// `records` counts whole requests: those that were begun, with all they announced.
    records: u32,
    requests: u16,
    request: Option<OpenRequest>,
}

#[derive(Debug)]
struct OpenRequest {
    item_count: Range<usize>,
    items: u16,
    records_left: u32,
    item: Option<OpenItem>,
}

#[derive(Debug)]
struct OpenItem {
    hash_keys: Range<usize>,
    lowest: HashKey,
    highest: HashKey,
    chunks: u16,
    chunk: Option<OpenChunk>,
}

#[derive(Debug)]
struct OpenChunk {
    length: Range<usize>,
    records: u16,
}

const REQUEST_COUNT: Range<usize> = 8..10;

impl PutBuilder {
    /// An empty Put that is packed at `arrival`; `capacity_bytes` only spares reallocation.
    pub fn new(arrival: Timestamp, capacity_bytes: usize) -> Self {
        let mut out = BytesMut::with_capacity(capacity_bytes);
        out.put_slice(&[command::PUT, command::VERSION]);
        out.timestamp(arrival);
        out.put_u16(0);
        PutBuilder { out, records: 0, requests: 0, request: None }
    }

    /// Begins a request of `records` records, which the following calls bring.
    ///
    /// # Errors
    /// [`PutFull`] when the entry would have too many records; it stays as it was.
    ///
    /// # Panics
    /// When the request before lacks records, or this one has none.
    pub fn begin_request(&mut self, id: RequestId, issued: Timestamp, records: u32) -> Result<(), PutFull> {
        assert!(records > 0, "request {id} has no records");
        self.end_request();
        if records > PUT_RECORDS_MAX - self.records {
            return Err(PutFull { records: self.records, refused: records });
        }
        self.records += records;
        self.requests += 1;
        self.out.put_u128(id.0);
        self.out.timestamp(issued);
        let item_count = self.hole(2);
        self.request = Some(OpenRequest { item_count, items: 0, records_left: records, item: None });
        Ok(())
    }

    /// Begins the records of one shard.
    ///
    /// # Panics
    /// When no request was begun, or the item before has no records.
    pub fn begin_item(&mut self, shard: ShardNo) {
        self.end_item();
        self.out.put_u32(shard.0);
        // Lowest and highest hash key, then the chunk count.
        let hash_keys = self.hole(34);
        let request = self.request.as_mut().expect("begin_request comes before begin_item");
        request.items += 1;
        let (lowest, highest) = (HashKey::MAX, HashKey::MIN);
        request.item = Some(OpenItem { hash_keys, lowest, highest, chunks: 0, chunk: None });
    }

    /// Appends a record to the shard of the item.
    ///
    /// # Panics
    /// When no item was begun, or the request has brought all the records it announced.
    pub fn push(&mut self, hash_key: HashKey, partition_key: &[u8], data: &[u8]) {
        let record_bytes = chunk::record_bytes(partition_key, data);
        let length = self.out.len();
        let request = self.request.as_mut().expect("begin_request comes before push");
        assert!(request.records_left > 0, "the request brings more records than it announced");
        request.records_left -= 1;
        let item = request.item.as_mut().expect("begin_item comes before push");
        item.lowest = item.lowest.min(hash_key);
        item.highest = item.highest.max(hash_key);
        if item.chunk.as_ref().is_some_and(|chunk| length - chunk.length.end + record_bytes > CHUNK_BYTES_MAX) {
            end_chunk(&mut self.out, item);
        }
        let chunk = item.chunk.get_or_insert_with(|| {
            let at = self.out.len();
            self.out.put_u32(0);
            chunk::begin(&mut self.out);
            OpenChunk { length: at..at + 4, records: 0 }
        });
        chunk.records += 1;
        chunk::push(&mut self.out, partition_key, data);
    }

    /// Bytes of the entry so far.
    pub fn bytes(&self) -> usize {
        self.out.len()
    }

    /// Records of the entry so far.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// Whether no request was begun.
    pub fn is_empty(&self) -> bool {
        self.requests == 0
    }

    /// The finished command.
    ///
    /// # Panics
    /// When the last request lacks records.
    pub fn finish(mut self) -> Bytes {
        self.end_request();
        self.out[REQUEST_COUNT].copy_from_slice(&self.requests.to_be_bytes());
        self.out.freeze()
    }

    fn hole(&mut self, bytes: usize) -> Range<usize> {
        let at = self.out.len();
        self.out.put_bytes(0, bytes);
        at..at + bytes
    }

    fn end_request(&mut self) {
        self.end_item();
        if let Some(request) = self.request.take() {
            assert!(request.records_left == 0, "the request lacks {} records it announced", request.records_left);
            self.out[request.item_count].copy_from_slice(&request.items.to_be_bytes());
        }
    }

    fn end_item(&mut self) {
        let Some(mut item) = self.request.as_mut().and_then(|request| request.item.take()) else {
            return;
        };
        assert!(item.chunk.is_some(), "an item has at least one record");
        end_chunk(&mut self.out, &mut item);
        let mut header = &mut self.out[item.hash_keys];
        header.put_u128(item.lowest.0);
        header.put_u128(item.highest.0);
        header.put_u16(item.chunks);
    }
}

fn end_chunk(out: &mut BytesMut, item: &mut OpenItem) {
    if let Some(chunk) = item.chunk.take() {
        item.chunks += 1;
        let value = &mut out[chunk.length.end..];
        let length = u32::try_from(value.len()).expect("a chunk is 64 KiB or one record");
        chunk::seal(value, chunk.records);
        out[chunk.length].copy_from_slice(&length.to_be_bytes());
    }
}
