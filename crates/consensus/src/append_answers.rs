//! The sending side of an append stream: matches answers with messages.
//!
//! openraft waits on the stream for ever and takes its quiet end for success. So this tells apart a
//! stream that has nothing to say, one that is stuck, and one that broke off.

use crate::answer::append_answer_in;
use crate::message::KIND_APPEND;
use crate::network::{RpcError, failed, unreachable};
use crate::raft_types::RaftTypes;
use crate::transport::{Answers, Peer, Unreached};
use anabranch_types::ReplicaId;
use futures::{Stream, StreamExt};
use openraft::RPCTypes;
use openraft::raft::StreamAppendResult;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What went into an append stream so far.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    sent: AtomicU64,
    /// Nothing more will be sent.
    ended: AtomicBool,
}

impl Flow {
    /// `input`, counted as it is taken.
    pub(crate) fn counted<S: Stream + Unpin>(self: &Arc<Self>, mut input: S) -> impl Stream<Item = S::Item> + use<S> {
        let flow = Arc::clone(self);
        futures::stream::poll_fn(move |context| {
            let next = input.poll_next_unpin(context);
            if let std::task::Poll::Ready(item) = &next {
                match item {
                    Some(_) => drop(flow.sent.fetch_add(1, Ordering::Relaxed)),
                    None => flow.ended.store(true, Ordering::Relaxed),
                }
            }
            next
        })
    }

    fn is_behind(&self, answered: u64) -> bool {
        self.sent.load(Ordering::Relaxed) > answered
    }

    fn is_complete(&self, answered: u64) -> bool {
        self.ended.load(Ordering::Relaxed) && !self.is_behind(answered)
    }
}

/// The stream ended before its time.
#[derive(Debug, thiserror::Error)]
#[error("the append stream to {0} broke off")]
struct BrokeOff(Peer);

struct Incoming {
    answers: Answers,
    flow: Arc<Flow>,
    answered: u64,
    replica: ReplicaId,
    peer: Peer,
    answer_max: Duration,
}

/// Reads `answers`. The stream ends with the first that is an error, and after the last message's.
///
/// A message may stay unanswered for `answer_max`, and up to twice that while others are answered.
/// openraft's own limit, three quarters of a heartbeat, is too short: an answer waits for the
/// follower's disk, whose syncs alone take as long on a busy machine.
pub(crate) fn answers_in(
    answers: Answers,
    flow: Arc<Flow>,
    replica: ReplicaId,
    peer: Peer,
    answer_max: Duration,
) -> impl Stream<Item = Result<StreamAppendResult<RaftTypes>, RpcError>> {
    let incoming = Incoming { answers, flow, answered: 0, replica, peer, answer_max };
    futures::stream::unfold(Some(incoming), |incoming| async {
        let mut incoming = incoming?;
        let answer = incoming.next().await?;
        let goes_on = matches!(answer, Ok(Ok(_)));
        Some((answer, goes_on.then_some(incoming)))
    })
}

impl Incoming {
    async fn next(&mut self) -> Option<Result<StreamAppendResult<RaftTypes>, RpcError>> {
        loop {
            let was_behind = self.flow.is_behind(self.answered);
            match tokio::time::timeout(self.answer_max, self.answers.next()).await {
                Ok(Some(Ok(bytes))) => {
                    self.answered += 1;
                    return Some(append_answer_in(bytes, KIND_APPEND).map_err(unreachable));
                }
                Ok(Some(Err(unreached))) => {
                    return Some(Err(failed(self.replica, RPCTypes::AppendEntries, unreached)));
                }
                Ok(None) if self.flow.is_complete(self.answered) => return None,
                Ok(None) => return Some(Err(unreachable(BrokeOff(self.peer)))),
                Err(_) if was_behind => {
                    let late = Unreached::Late { peer: self.peer, within: self.answer_max };
                    return Some(Err(failed(self.replica, RPCTypes::AppendEntries, late)));
                }
                Err(_) => {}
            }
        }
    }
}
