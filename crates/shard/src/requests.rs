//! Requests that were applied, and what was answered: a repetition changes nothing (I12).
//!
//! ```text
//! row of one Put: version u8 = 1 | entry time ms u48 | requests
//! request: id u128 | issued ms u48 | outcome length varint | outcome (see put_outcome.rs)
//! ```
//!
//! The table is bounded by count and by entry time. What it forgets raises a floor: a request
//! that was issued at or before it is refused, because it might be one of the forgotten.

use crate::codec::{Malformed, Reader, Writer};
use crate::effects::{Effects, Mutation};
use crate::policy::Policy;
use crate::put_outcome::RequestOutcome;
use crate::row_key::RowKey;
use anabranch_types::{RequestId, Timestamp};
use bytes::{BufMut, Bytes};
use std::collections::{BTreeMap, VecDeque};

/// The newest version of a row of requests.
pub(crate) const REQUESTS_ROW_VERSION: u8 = 1;
/// Forgotten rows are deleted together, once they span this much of the log. Part of the
/// determinism of apply: changing it needs a new version of the commands.
const DELETE_SPAN: u64 = 1024;

#[derive(Debug, Clone)]
struct Row {
    log_index: u64,
    entered: Timestamp,
    value: Bytes,
}

/// One remembered request.
struct Remembered {
    id: RequestId,
    issued: Timestamp,
    outcome: Bytes,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct RequestTable {
    /// By log index.
    rows: VecDeque<Row>,
    /// The log index of each request's row.
    found: BTreeMap<RequestId, u64>,
    /// The row of the entry that is being applied; empty between entries.
    current: Vec<u8>,
    /// Requests issued at or before may have been forgotten. Never goes back.
    pub(crate) floor: Timestamp,
    /// Rows below this log index are forgotten.
    pub(crate) kept_from: u64,
    /// Rows below this log index are deleted; `deleted_to <= kept_from`.
    pub(crate) deleted_to: u64,
}

impl RequestTable {
    /// What was answered to `id`, within the window.
    pub(crate) fn recorded(&self, id: RequestId) -> Option<Bytes> {
        let log_index = *self.found.get(&id)?;
        let row = match self.rows.binary_search_by_key(&log_index, |row| row.log_index) {
            Ok(at) => self.rows[at].value.clone(),
            Err(_) => Bytes::copy_from_slice(&self.current),
        };
        let requests = read_row(&row).expect("this table wrote or checked the row").1;
        requests.into_iter().find(|request| request.id == id).map(|request| request.outcome)
    }

    /// Whether a repetition of a request would surely be noticed.
    pub(crate) fn covers(&self, issued: Timestamp, now: Timestamp, policy: &Policy) -> bool {
        issued > self.floor && issued.plus(policy.request_window) >= now && issued <= now.plus(policy.request_skew)
    }

    pub(crate) fn record(&mut self, log_index: u64, now: Timestamp, id: RequestId, issued: Timestamp, outcome: &[u8]) {
        if self.current.is_empty() {
            self.current.push(REQUESTS_ROW_VERSION);
            self.current.timestamp(now);
        }
        self.current.put_u128(id.0);
        self.current.timestamp(issued);
        self.current.string(outcome);
        self.found.insert(id, log_index);
    }

    /// Ends the entry: keeps its requests, and forgets what is too much or too old.
    pub(crate) fn commit(&mut self, log_index: u64, now: Timestamp, policy: &Policy, effects: &mut Effects) {
        if !self.current.is_empty() {
            let value = Bytes::from(std::mem::take(&mut self.current));
            let key = RowKey::Requests(log_index).encode();
            effects.mutations.push(Mutation::PutRow { key, value: value.clone() });
            self.rows.push_back(Row { log_index, entered: now, value });
        }
        while let Some(row) = self.rows.pop_front_if(|row| {
            self.found.len() > policy.requests_max as usize || row.entered.plus(policy.request_window) < now
        }) {
            self.forget(&row);
        }
        if self.kept_from - self.deleted_to >= DELETE_SPAN {
            let (from, to) = (RowKey::Requests(self.deleted_to), RowKey::Requests(self.kept_from));
            effects.mutations.push(Mutation::DeleteRows { from: from.encode(), to: to.encode() });
            self.deleted_to = self.kept_from;
        }
    }

    fn forget(&mut self, row: &Row) {
        let requests = read_row(&row.value).expect("this table wrote or checked the row").1;
        for request in requests {
            self.found.remove(&request.id);
            self.floor = self.floor.max(request.issued);
        }
        self.kept_from = row.log_index + 1;
    }

    /// Takes a row from storage, by log index; a forgotten one is left out.
    pub(crate) fn load(&mut self, log_index: u64, value: Bytes) -> Result<(), Malformed> {
        let (entered, requests) = read_row(&value)?;
        for request in &requests {
            let mut reader = Reader::new(&request.outcome);
            RequestOutcome::read(&mut reader)?;
            reader.end("outcome")?;
        }
        if requests.is_empty() {
            return Err(Malformed { what: "requests", at: value.len() });
        }
        if log_index >= self.kept_from {
            self.found.extend(requests.into_iter().map(|request| (request.id, log_index)));
            self.rows.push_back(Row { log_index, entered, value });
        }
        Ok(())
    }

    /// How many requests are remembered.
    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// How many requests the rows hold; as many as [`RequestTable::len`], unless one is in two of them.
    ///
    /// # Panics
    /// When a row is not one that this table wrote or checked.
    pub(crate) fn remembered(&self) -> usize {
        let requests = |row: &Row| read_row(&row.value).expect("this table wrote or checked the row").1.len();
        self.rows.iter().map(requests).sum()
    }

    /// The rows that are remembered, by log index.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (u64, &Bytes)> {
        self.rows.iter().map(|row| (row.log_index, &row.value))
    }
}

fn read_row(row: &Bytes) -> Result<(Timestamp, Vec<Remembered>), Malformed> {
    let mut reader = Reader::new(row);
    reader.u8("row version")?;
    let entered = reader.timestamp("entry time")?;
    let mut requests = Vec::new();
    while !reader.is_empty() {
        let id = RequestId(reader.u128("request id")?);
        let issued = reader.timestamp("issued")?;
        let outcome = reader.string("outcome")?;
        requests.push(Remembered { id, issued, outcome });
    }
    Ok((entered, requests))
}
