//! What is written next, so that no record overtakes an earlier one of its key.
//!
//! Pure: the caller passes `now`, writes what it is handed and brings the outcome back.
//!
//! Records wait in queues, one per partition key. Keys are spread over lanes by their place in the
//! hash key space, as many lanes as the stream has shards. A lane is in one call to the service at
//! the most; what comes meanwhile goes with its next. Lanes that may go at the same time go in one
//! call, which costs the nodes far less than one for each; but a lane whose last call took long goes
//! alone until one does not, so that a shard which is slow holds up its lane and no other. A key has
//! records in one call at the most, and all of them route to one hash key: a shard takes the records
//! of one call in order, and when its budget is used up it stays so to the end of the call
//! (`PutRecords` of the service trait), so a call never writes a later record of a key after it
//! refused an earlier one.
//!
//! A refusal that passes by itself is met by trying again, until the record's time is over. Any
//! other failure blocks the key: its later records fail as well, until the client acknowledges the
//! failure.

use crate::errors::CallError;
use anabranch_api::{ApiError, ErrorCode, PutEntry, PutRecordOutput, PutResult};
use anabranch_types::HashKey;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Data and key bytes of one call, unless its first record is larger. Large calls cost the disks
/// less; larger ones would make records wait for each other.
const CALL_BYTES_MAX: u64 = 4 << 20;
/// Records of one call: what has so many bytes when they are of the usual size.
const CALL_RECORDS_MAX: usize = 4_000;
/// A call that takes so long was held up: several times what one takes on a busy node, less than a
/// new leader takes.
const SLOW_AFTER: Duration = Duration::from_millis(500);
/// Pause before trying again what was refused without a hint.
const PAUSE: Duration = Duration::from_millis(100);

/// A record on its way.
#[derive(Debug, Clone)]
pub(super) struct Queued {
    /// The client's number.
    pub number: u64,
    /// Its batch.
    pub batch: u64,
    /// Its partition key as the client wrote it.
    pub key: Arc<str>,
    /// The record, or why it can never be written.
    pub entry: Result<PutEntry, CallError>,
    /// Where it routes; none for a record that cannot be written.
    hash_key: Option<HashKey>,
    /// Time since node start when trying ends.
    pub due: Duration,
    /// Why it was refused last.
    refused: Option<ApiError>,
}

impl Queued {
    /// A record that was not tried yet.
    pub fn new(number: u64, batch: u64, key: Arc<str>, entry: Result<PutEntry, CallError>, due: Duration) -> Self {
        let route = |entry: &PutEntry| entry.explicit_hash_key.unwrap_or_else(|| entry.partition_key.hash_key());
        let hash_key = entry.as_ref().ok().map(route);
        Queued { number, batch, key, entry, hash_key, due, refused: None }
    }

    fn bytes(&self) -> u64 {
        self.entry.as_ref().map_or(0, |entry| (entry.data.len() + entry.partition_key.as_str().len()) as u64)
    }
}

/// Records that go to the service together.
#[derive(Debug)]
pub(super) struct Call {
    /// In the order in which they are to be written.
    pub records: Vec<Queued>,
    lanes: Vec<usize>,
    begun: Duration,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The client's number.
    pub number: u64,
    /// Its batch.
    pub batch: u64,
    /// Its fate.
    pub fate: Fate,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is durable.
    Stored(PutRecordOutput),
    /// It was not written, or nobody knows; its key is blocked until that is acknowledged.
    Failed(CallError),
    /// It was not written because this record of its key failed.
    Blocked(u64),
}

/// The client acknowledged what is no failure, or not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("record {0} has not failed, or was acknowledged before")]
pub(super) struct NoSuchFailure(pub u64);

/// The records of one stream.
pub(super) struct Sequencer {
    /// Keys that have records or failures here.
    keys: HashMap<Arc<str>, Key>,
    lanes: Vec<Lane>,
    /// Failures to be acknowledged, and their keys.
    failures: HashMap<u64, Arc<str>>,
    answers: VecDeque<Answer>,
    /// Records without an answer.
    unanswered: usize,
}

/// The records of a key. While something blocks it, none wait and none are in flight.
struct Key {
    lane: usize,
    waiting: VecDeque<Queued>,
    in_flight: bool,
    /// Failures that were not acknowledged.
    blocked_by: BTreeSet<u64>,
}

#[derive(Default)]
struct Lane {
    /// Keys with records that may go; each once, and not while it is in flight.
    ready: VecDeque<Arc<str>>,
    in_flight: bool,
    /// Its last call was held up, perhaps by a shard of this lane.
    is_slow: bool,
    /// No call before this time.
    paused_until: Duration,
}

impl Sequencer {
    /// A sequencer with so many lanes, at least one.
    pub fn new(lanes: usize) -> Self {
        Sequencer {
            keys: HashMap::new(),
            lanes: (0..lanes.max(1)).map(|_| Lane::default()).collect(),
            failures: HashMap::new(),
            answers: VecDeque::new(),
            unanswered: 0,
        }
    }

    /// Takes a record in, after all earlier ones.
    pub fn push(&mut self, record: Queued) {
        self.unanswered += 1;
        let lane = self.lane_of(record.hash_key.unwrap_or(HashKey::MIN));
        let name = Arc::clone(&record.key);
        let fresh = || Key { lane, waiting: VecDeque::new(), in_flight: false, blocked_by: BTreeSet::new() };
        let key = self.keys.entry(Arc::clone(&name)).or_insert_with(fresh);
        if let Some(first) = key.blocked_by.first() {
            let fate = Fate::Blocked(*first);
            return self.answer(record.number, record.batch, fate);
        }
        key.waiting.push_back(record);
        if key.waiting.len() == 1 && !key.in_flight {
            self.advance(&name);
        }
    }

    /// Lets the records of a key go on that come after this call.
    ///
    /// # Errors
    /// [`NoSuchFailure`]; nothing is changed.
    pub fn acknowledge(&mut self, number: u64) -> Result<(), NoSuchFailure> {
        let name = self.failures.remove(&number).ok_or(NoSuchFailure(number))?;
        let key = self.keys.get_mut(&name).expect("a key stays while a failure blocks it");
        key.blocked_by.remove(&number);
        self.advance(&name);
        Ok(())
    }

    /// The next call, if any lane may make one.
    pub fn take(&mut self, now: Duration) -> Option<Call> {
        let mut call = Call { records: Vec::new(), lanes: Vec::new(), begun: now };
        let mut bytes = 0;
        for lane in 0..self.lanes.len() {
            let state = &self.lanes[lane];
            let goes_alone = state.is_slow && !call.records.is_empty();
            if state.in_flight || now < state.paused_until || goes_alone {
                continue;
            }
            let before = call.records.len();
            self.fill(lane, &mut call.records, &mut bytes, now);
            if call.records.len() > before {
                self.lanes[lane].in_flight = true;
                call.lanes.push(lane);
                if self.lanes[lane].is_slow {
                    break;
                }
            }
        }
        (!call.records.is_empty()).then_some(call)
    }

    /// Adds what may go of a lane, as far as there is room.
    fn fill(&mut self, lane: usize, records: &mut Vec<Queued>, bytes: &mut u64, now: Duration) {
        while let Some(name) = self.lanes[lane].ready.pop_front() {
            let key = self.keys.get_mut(&name).expect("a key that is ready has records");
            if key.waiting.front().is_some_and(|first| first.due <= now) {
                let late = key.waiting.pop_front().expect("seen above");
                let error = late.refused.clone().unwrap_or_else(not_in_time);
                self.fail(late, error.into());
                self.advance(&name);
                continue;
            }
            let routes = key.waiting.front().and_then(|first| first.hash_key);
            let before = records.len();
            while let Some(next) = key.waiting.front() {
                let full = records.len() >= CALL_RECORDS_MAX || *bytes + next.bytes() > CALL_BYTES_MAX;
                if next.hash_key != routes || (full && !records.is_empty()) {
                    break;
                }
                *bytes += next.bytes();
                records.extend(key.waiting.pop_front());
            }
            key.in_flight = records.len() > before;
            if !key.in_flight {
                self.lanes[lane].ready.push_front(name);
                break;
            }
        }
    }

    /// Brings the outcome of a call back: one result per record, or one error for all.
    pub fn settle(&mut self, call: Call, outcome: Result<Vec<PutResult>, ApiError>, now: Duration) {
        for lane in call.lanes {
            self.lanes[lane].in_flight = false;
            self.lanes[lane].is_slow = now >= call.begun + SLOW_AFTER;
        }
        let results = outcome.unwrap_or_else(|error| vec![Err(error); call.records.len()]);
        assert_eq!(results.len(), call.records.len(), "the service answers each record");
        let mut outcomes = call.records.into_iter().zip(results).peekable();
        while let Some((first, result)) = outcomes.next() {
            let name = Arc::clone(&first.key);
            let mut run = vec![(first, result)];
            while let Some(next) = outcomes.next_if(|(record, _)| record.key == name) {
                run.push(next);
            }
            self.settle_key(&name, run, now);
        }
    }

    /// The same for the records of one key in a call.
    fn settle_key(&mut self, name: &Arc<str>, run: Vec<(Queued, PutResult)>, now: Duration) {
        let lane = self.keys.get(name).expect("a key stays while it is in flight").lane;
        let mut again = VecDeque::new();
        let mut failed = None;
        for (mut record, result) in run {
            match result {
                Ok(stored) => self.answer(record.number, record.batch, Fate::Stored(stored)),
                Err(error) => match pause(&error).filter(|pause| failed.is_none() && now + *pause < record.due) {
                    Some(pause) => {
                        let lane = &mut self.lanes[lane];
                        lane.paused_until = lane.paused_until.max(now + pause);
                        record.refused = Some(error);
                        again.push_back(record);
                    }
                    // Refused for sure, and behind a failure.
                    None if failed.is_some() && pause(&error).is_some() => again.push_back(record),
                    None => {
                        failed.get_or_insert(record.number);
                        self.fail(record, error.into());
                    }
                },
            }
        }
        let key = self.keys.get_mut(name).expect("a key stays while it is in flight");
        key.in_flight = false;
        while let Some(record) = again.pop_back() {
            key.waiting.push_front(record);
        }
        self.advance(name);
    }

    /// Brings a key that is not in flight to where it belongs: what is blocked is answered, what
    /// can never be written fails, what can be is ready, and a key with nothing left is forgotten.
    fn advance(&mut self, name: &Arc<str>) {
        loop {
            let key = self.keys.get_mut(name).expect("callers have it");
            if key.in_flight {
                return;
            }
            if let Some(first) = key.blocked_by.first().copied() {
                for record in std::mem::take(&mut key.waiting) {
                    self.answer(record.number, record.batch, Fate::Blocked(first));
                }
                return;
            }
            match key.waiting.front().map(|front| front.entry.as_ref().err().cloned()) {
                None => {
                    self.keys.remove(name);
                    return;
                }
                Some(None) => {
                    self.lanes[key.lane].ready.push_back(Arc::clone(name));
                    return;
                }
                Some(Some(error)) => {
                    let record = key.waiting.pop_front().expect("seen above");
                    self.fail(record, error);
                }
            }
        }
    }

    fn fail(&mut self, record: Queued, error: CallError) {
        let key = self.keys.get_mut(&record.key).expect("a key stays while it has records");
        key.blocked_by.insert(record.number);
        self.failures.insert(record.number, Arc::clone(&record.key));
        self.answer(record.number, record.batch, Fate::Failed(error));
    }

    fn answer(&mut self, number: u64, batch: u64, fate: Fate) {
        self.unanswered -= 1;
        self.answers.push_back(Answer { number, batch, fate });
    }

    /// The next answer for the client.
    pub fn next_answer(&mut self) -> Option<Answer> {
        self.answers.pop_front()
    }

    /// Whether there are answers for the client.
    pub fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Whether each record has its answer.
    pub fn is_idle(&self) -> bool {
        self.unanswered == 0
    }

    /// When a lane that pauses may go on; none when no lane waits for that.
    pub fn wakes_at(&self) -> Option<Duration> {
        let waiting = self.lanes.iter().filter(|lane| !lane.in_flight && !lane.ready.is_empty());
        waiting.map(|lane| lane.paused_until).min()
    }

    /// Lanes tile the hash key space as the shards of a fresh stream do.
    fn lane_of(&self, hash_key: HashKey) -> usize {
        let high = hash_key.0 >> 64;
        ((high * self.lanes.len() as u128) >> 64) as usize
    }
}

/// How long to wait before trying again what was refused for now; none for any other failure.
fn pause(error: &ApiError) -> Option<Duration> {
    match error.code {
        ErrorCode::ProvisionedThroughputExceeded | ErrorCode::ServiceUnavailable => {
            Some(error.retry_after.unwrap_or(PAUSE))
        }
        ErrorCode::AccessDenied
        | ErrorCode::ExpiredIterator
        | ErrorCode::ExpiredNextToken
        | ErrorCode::ExpiredToken
        | ErrorCode::InternalFailure
        | ErrorCode::IncompleteSignature
        | ErrorCode::InvalidArgument
        | ErrorCode::InvalidSignature
        | ErrorCode::LimitExceeded
        | ErrorCode::MissingAuthenticationToken
        | ErrorCode::RequestEntityTooLarge
        | ErrorCode::ResourceInUse
        | ErrorCode::ResourceNotFound
        | ErrorCode::Serialization
        | ErrorCode::UnrecognizedClient
        | ErrorCode::UnknownOperation
        | ErrorCode::Validation => None,
    }
}

fn not_in_time() -> ApiError {
    ApiError::new(ErrorCode::ServiceUnavailable, "The record's time was over before it could be tried.")
}
