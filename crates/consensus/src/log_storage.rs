//! Shows a group's part of the shared log to openraft.

use crate::codec::{entry_in, entry_out, log_id_in, log_id_out, vote_in, vote_out};
use crate::in_flight::Admission;
use crate::raft_types::{RaftEntry, RaftLogId, RaftTypes, RaftVote};
use anabranch_walog::{Done, Entry, GroupLog, LogError};
use futures::Stream;
use openraft::alias::LogIdOf;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{EntryPayload, OptionalSend, RaftLogReader};
use parking_lot::Mutex;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Bytes of one read of the log: what replication and apply hold in memory at a time.
const READ_BYTES_MAX: u64 = 4 << 20;

/// How often a full log is asked again.
pub(crate) const FULL_RETRY: Duration = Duration::from_millis(100);

/// One group's log. Clones read the same log.
#[derive(Clone)]
pub(crate) struct LogStorage {
    log: GroupLog,
    /// True once the group is told to stop: nothing waits for room any more.
    stopping: watch::Receiver<bool>,
}

impl LogStorage {
    pub(crate) fn new(log: GroupLog, stopping: watch::Receiver<bool>) -> Self {
        LogStorage { log, stopping }
    }

    /// Waits before a full log is asked again. True when the group is to stop instead.
    ///
    /// openraft takes every error for the end of the group. A full disk is none: the group stands
    /// still until there is room, which those who propose are warned of early (D3).
    async fn gives_up_on_room(&mut self, reason: &str) -> bool {
        tracing::warn!(group = %self.log.id(), reason, "the group waits for room in the log");
        // A sender that is gone means that nobody needs the group any more.
        let stopped = tokio::time::timeout(FULL_RETRY, self.stopping.wait_for(|stopping| *stopping)).await;
        stopped.is_ok()
    }

    /// Makes `request` until it is not refused for lack of room.
    ///
    /// Always on a thread that may block: such requests are rare, and one that meets a used-up
    /// reserve fills a segment with zeros.
    async fn insist(&mut self, request: impl Fn(&GroupLog, Done) + Clone + Send + 'static) -> io::Result<()> {
        loop {
            let (done, answered) = oneshot::channel();
            let (log, request) = (self.log.clone(), request.clone());
            let made = move || request(&log, Box::new(move |result| drop(done.send(result))));
            anabranch_runtime::blocking(made).await.map_err(io::Error::other)?;
            match answered.await.map_err(io::Error::other)? {
                Err(LogError::Full(reason)) if !self.gives_up_on_room(&reason).await => {}
                answer => return answer.map_err(log_failed),
            }
        }
    }

    /// Appends here, or on a thread that may block when the append would wait for the disk: a tokio
    /// worker has others to serve.
    async fn hand_over(&self, entries: Vec<Entry>, done: Done) -> io::Result<()> {
        if !self.log.would_wait(entries.iter().map(|entry| entry.body.len() as u64)) {
            self.log.append_reserved(entries, done);
            return Ok(());
        }
        let log = self.log.clone();
        let handed = anabranch_runtime::blocking(move || log.append_reserved(entries, done));
        handed.await.map_err(io::Error::other)
    }

    /// Reads at least the first entry of `start..end`, if there is one, and on to a size limit.
    async fn read(&self, start: u64, end: u64) -> io::Result<Vec<RaftEntry>> {
        if start >= end {
            return Ok(Vec::new());
        }
        let entries = self.log.read(start..end, READ_BYTES_MAX).map_err(log_failed)?;
        entries.into_iter().map(entry_in).collect()
    }
}

/// The half-open bounds of `range`; an open end is the end of the log.
fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let start = match range.start_bound() {
        Bound::Included(n) => *n,
        Bound::Excluded(n) => n + 1,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(n) => n + 1,
        Bound::Excluded(n) => *n,
        Bound::Unbounded => u64::MAX,
    };
    (start, end)
}

impl RaftLogReader<RaftTypes> for LogStorage {
    async fn entries_stream<R>(&mut self, range: R) -> impl Stream<Item = Result<RaftEntry, io::Error>> + OptionalSend
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (start, end) = bounds(&range);
        let pages = futures::stream::unfold((self.clone(), start), move |(log, next)| async move {
            match log.read(next, end).await {
                Ok(page) if page.is_empty() => None,
                Ok(page) => {
                    let following = page.last().map_or(end, |entry| entry.log_id.index + 1);
                    Some((page.into_iter().map(Ok).collect::<Vec<_>>(), (log, following)))
                }
                Err(error) => Some((vec![Err(error)], (log, end))),
            }
        });
        Box::pin(futures::StreamExt::flat_map(pages, futures::stream::iter))
    }

    async fn try_get_log_entries<R>(&mut self, range: R) -> Result<Vec<RaftEntry>, io::Error>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (mut next, end) = bounds(&range);
        let mut all = Vec::new();
        loop {
            let page = self.read(next, end).await?;
            let Some(last) = page.last() else { return Ok(all) };
            next = last.log_id.index + 1;
            all.extend(page);
        }
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<RaftEntry>, io::Error> {
        self.read(start, end).await
    }

    async fn read_vote(&mut self) -> Result<Option<RaftVote>, io::Error> {
        self.log.state().vote.map(vote_in).transpose()
    }
}

impl RaftLogStorage<RaftTypes> for LogStorage {
    type LogReader = LogStorage;

    async fn get_log_state(&mut self) -> Result<LogState<RaftTypes>, io::Error> {
        let state = self.log.state();
        let last_purged_log_id = state.purged.map(log_id_in);
        Ok(LogState { last_purged_log_id, last_log_id: state.last.map(log_id_in).or(last_purged_log_id) })
    }

    async fn get_log_reader(&mut self) -> LogStorage {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &RaftVote) -> Result<(), io::Error> {
        let vote = vote_out(vote);
        self.insist(move |log, done| log.save_vote(vote.clone(), done)).await
    }

    async fn save_committed(&mut self, committed: Option<RaftLogId>) -> Result<(), io::Error> {
        if let Some(id) = committed {
            self.log.save_committed(log_id_out(&id));
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<RaftLogId>, io::Error> {
        Ok(self.log.state().committed.map(log_id_in))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<RaftTypes>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = RaftEntry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<RaftEntry> = entries.into_iter().collect();
        #[cfg(feature = "planted-bugs")]
        if anabranch_runtime::planted::is_planted(anabranch_runtime::planted::Bug::AcknowledgesBeforeDurable) {
            callback.io_completed(Ok(()));
            return self.hand_over(entries.into_iter().map(entry_out).collect(), Box::new(|_| {})).await;
        }
        // Their room among the commands in flight is given back once they are durable.
        let admissions = entries.iter().filter_map(admission).collect();
        let entries: Vec<Entry> = entries.into_iter().map(entry_out).collect();
        let waiting = Arc::new(Mutex::new(Some((callback, admissions))));
        loop {
            let (refused, done) = refusal_of(&waiting);
            self.hand_over(entries.clone(), done).await?;
            let Some(reason) = refused.lock().take() else { return Ok(()) };
            if self.gives_up_on_room(&reason).await {
                if let Some((callback, _)) = waiting.lock().take() {
                    callback.io_completed(Err(log_failed(LogError::Full(reason))));
                }
                return Ok(());
            }
        }
    }

    async fn truncate_after(&mut self, last_kept: Option<LogIdOf<RaftTypes>>) -> Result<(), io::Error> {
        let last_kept = last_kept.as_ref().map(log_id_out);
        self.insist(move |log, done| log.truncate_after(last_kept, done)).await
    }

    async fn purge(&mut self, upto: LogIdOf<RaftTypes>) -> Result<(), io::Error> {
        let upto = log_id_out(&upto);
        self.insist(move |log, done| log.purge(upto, done)).await
    }
}

fn admission(entry: &RaftEntry) -> Option<Admission> {
    match &entry.payload {
        EntryPayload::Normal(command) => command.admission.clone(),
        EntryPayload::Blank | EntryPayload::Membership(_) => None,
    }
}

/// Who waits for an append, and what it holds until then.
type Waiting = Arc<Mutex<Option<(IOFlushed<RaftTypes>, Vec<Admission>)>>>;

/// Why an append was refused for lack of room, when it was.
type Refusal = Arc<Mutex<Option<String>>>;

/// A `Done` that answers `waiting`, but for [`LogError::Full`]: that is kept in the [`Refusal`],
/// which is filled before the append returns, and `waiting` waits on.
fn refusal_of(waiting: &Waiting) -> (Refusal, Done) {
    let (refused, waiting) = (Refusal::default(), Arc::clone(waiting));
    let of_done = Arc::clone(&refused);
    let done: Done = Box::new(move |result| match result {
        Err(LogError::Full(reason)) => *of_done.lock() = Some(reason),
        result => {
            let (callback, _admissions) = waiting.lock().take().expect("an append is answered once");
            callback.io_completed(result.map_err(log_failed));
        }
    });
    (refused, done)
}

fn log_failed(error: LogError) -> io::Error {
    io::Error::other(error.to_string())
}
