//! Lets news of a commit wait for entries that would carry them.
//!
//! openraft tells a follower of each commit at once, in a request of its own when it has no entries
//! to send. That doubles the messages of a group that is busy but not crowded, and nobody waits for
//! it: followers apply a moment later, and a new leader commits what is durable whatever it heard.

use crate::raft_types::RaftTypes;
use futures::{Stream, StreamExt, stream};
use openraft::raft::AppendEntriesRequest;
use std::time::Duration;
use tokio::time::Instant;

/// How long news of a commit wait. Beyond the pause between two entries of a busy group, and short
/// beside a heartbeat, which would carry them as well.
const WAIT_MAX: Duration = Duration::from_millis(20);

type Request = AppendEntriesRequest<RaftTypes>;

struct Waiting<S> {
    /// None once it has ended.
    input: Option<S>,
    /// The first request asks how far the follower's log goes: it is never kept.
    begun: bool,
    /// The newest request without entries, and when it is to go.
    kept: Option<(Request, Instant)>,
}

/// The requests of an append stream, less those without entries that the next one makes needless:
/// it tells of a later commit, and its answer covers theirs.
pub(crate) fn late_commits<S>(input: S) -> impl Stream<Item = Request>
where
    S: Stream<Item = Request> + Unpin,
{
    let waiting = Waiting { input: Some(input), begun: false, kept: None };
    stream::unfold(waiting, |mut waiting| async move {
        let next = waiting.next().await?;
        Some((next, waiting))
    })
}

impl<S: Stream<Item = Request> + Unpin> Waiting<S> {
    async fn next(&mut self) -> Option<Request> {
        while let Some(input) = &mut self.input {
            let next = match &self.kept {
                None => Ok(input.next().await),
                Some((_, goes_at)) => tokio::time::timeout_at(*goes_at, input.next()).await,
            };
            match next {
                Ok(Some(request)) if self.begun && request.entries.is_empty() => {
                    let goes_at = self.kept.take().map_or_else(|| Instant::now() + WAIT_MAX, |(_, goes_at)| goes_at);
                    self.kept = Some((request, goes_at));
                }
                Ok(Some(request)) => {
                    (self.begun, self.kept) = (true, None);
                    return Some(request);
                }
                Ok(None) => self.input = None,
                Err(_) => break,
            }
        }
        self.kept.take().map(|(request, _)| request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{KIND_COMMAND, entry_in, log_id_in};
    use crate::raft_types::RaftVote;
    use anabranch_walog::{Entry, LogId};
    use bytes::Bytes;
    use futures::FutureExt;
    use futures::channel::mpsc;

    fn id(index: u64) -> LogId {
        LogId { term: 1, index }
    }

    /// Tells of a commit of `commit`, with an entry or without.
    fn request(entry: Option<u64>, commit: u64) -> Request {
        let command = |index| Entry { id: id(index), kind: KIND_COMMAND, body: Bytes::new() };
        let entries = entry.map(|index| entry_in(command(index)).expect("an entry"));
        AppendEntriesRequest {
            vote: RaftVote::new_committed(1, 1),
            prev_log_id: entry.map(|index| log_id_in(id(index - 1))),
            entries: entries.into_iter().collect(),
            leader_commit: Some(log_id_in(id(commit))),
        }
    }

    fn shape(request: Option<Request>) -> Option<(usize, u64)> {
        request.map(|request| (request.entries.len(), request.leader_commit.map_or(0, |id| id.index)))
    }

    #[tokio::test(start_paused = true)]
    async fn news_of_a_commit_go_with_the_next_entries() {
        let (requests, input) = mpsc::unbounded();
        let mut sent = Box::pin(late_commits(input));
        requests.unbounded_send(request(None, 1)).expect("open");
        assert_eq!(shape(sent.next().await), Some((0, 1)), "the first request asks how far the follower is");
        requests.unbounded_send(request(None, 2)).expect("open");
        assert_eq!(sent.next().now_or_never().map(shape), None, "the news wait");
        requests.unbounded_send(request(None, 3)).expect("open");
        requests.unbounded_send(request(Some(5), 3)).expect("open");
        assert_eq!(shape(sent.next().await), Some((1, 3)));
        assert_eq!(sent.next().now_or_never().map(shape), None, "nothing is left of them");
    }

    #[tokio::test(start_paused = true)]
    async fn news_of_a_commit_go_alone_when_no_entries_come() {
        let (requests, input) = mpsc::unbounded();
        let mut sent = Box::pin(late_commits(input));
        requests.unbounded_send(request(Some(5), 4)).expect("open");
        assert_eq!(shape(sent.next().await), Some((1, 4)));
        let since = Instant::now();
        requests.unbounded_send(request(None, 5)).expect("open");
        assert_eq!(shape(sent.next().await), Some((0, 5)));
        assert_eq!(since.elapsed().as_millis(), WAIT_MAX.as_millis(), "and no later");
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_news_of_a_stream_are_sent_before_it_ends() {
        let sent = late_commits(stream::iter([request(Some(5), 4), request(None, 5)]));
        let sent: Vec<_> = sent.map(|request| shape(Some(request))).collect().await;
        assert_eq!(sent, [Some((1, 4)), Some((0, 5))]);
    }
}
