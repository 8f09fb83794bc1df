//! What clients saw, in the order in which they saw it.

use anabranch_types::{SequenceNumber, ShardId};
use parking_lot::Mutex;
use std::sync::Arc;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Acknowledged.
    Stored { shard: ShardId, sequence_number: SequenceNumber },
    /// It may be stored.
    Unknown,
    /// It is certainly not stored.
    NotStored,
}

/// One record that was to be written. Times are places in the order of all that clients saw.
#[derive(Debug, Clone)]
pub struct Put {
    pub producer: usize,
    pub key: String,
    /// Its bytes, which no other record has.
    pub text: String,
    pub begun: u64,
    /// Fate and time of the answer.
    pub ended: Option<(u64, Fate)>,
}

impl Put {
    /// Whether its client was told that it is stored.
    pub fn is_acknowledged(&self) -> bool {
        matches!(self.ended, Some((_, Fate::Stored { .. })))
    }
}

/// One record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub sequence_number: SequenceNumber,
    pub key: String,
    pub text: String,
}

/// One answer to a read, which goes on where the reader's last one in that shard ended.
#[derive(Debug, Clone)]
pub struct Read {
    pub reader: usize,
    pub shard: ShardId,
    pub records: Vec<Seen>,
}

/// Everything that clients saw. Clones are the same history.
#[derive(Clone, Default)]
pub struct History(Arc<Mutex<Events>>);

#[derive(Default)]
pub struct Events {
    clock: u64,
    pub puts: Vec<Put>,
    pub reads: Vec<Read>,
}

impl Events {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}

impl History {
    /// A call begins that is to write `records`, keys and texts; answers where they stand.
    pub fn begin_put(&self, producer: usize, records: &[(String, String)]) -> std::ops::Range<usize> {
        let mut events = self.0.lock();
        let (begun, first) = (events.tick(), events.puts.len());
        for (key, text) in records {
            events.puts.push(Put { producer, key: key.clone(), text: text.clone(), begun, ended: None });
        }
        first..events.puts.len()
    }

    /// The call was answered.
    pub fn end_put(&self, places: std::ops::Range<usize>, fates: &[Fate]) {
        let mut events = self.0.lock();
        let ended = events.tick();
        for (put, fate) in events.puts[places].iter_mut().zip(fates) {
            put.ended = Some((ended, *fate));
        }
    }

    /// A read was answered.
    pub fn read(&self, read: Read) {
        self.0.lock().reads.push(read);
    }

    /// What there is so far.
    pub fn events(&self) -> parking_lot::MutexGuard<'_, Events> {
        self.0.lock()
    }
}
