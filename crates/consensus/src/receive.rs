//! The receiving side of an append stream.
//!
//! Entries are let in here like proposals are on the leader: while the log has room, and as many as
//! may be in flight. openraft gets only what the log then takes, so that a follower whose log
//! is full still flushes, purges, votes and hears heartbeats, and goes on once it has room.

use crate::answer::append_answer;
use crate::group::Group;
use crate::machine::Machine;
use crate::message::{KIND_APPEND, append_request_in};
use crate::raft_types::RaftTypes;
use crate::replica::{Refused, ReplicaAnswers, stopped};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt};
use openraft::EntryPayload;
use openraft::raft::AppendEntriesRequest;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Why the messages of a stream are taken no more.
type End = Arc<Mutex<Option<Refused>>>;

pub(crate) fn append_stream<M: Machine>(group: Group<M>, messages: BoxStream<'static, Bytes>) -> ReplicaAnswers {
    let end = End::default();
    // openraft's task holds the messages until the next one comes; it is to let go with the answers.
    let (answers_live, answers_dropped) = oneshot::channel::<()>();
    let requests = requests(group.clone(), messages, Arc::clone(&end));
    let requests = requests.take_until(answers_dropped.map(drop));
    let answers = group.raft().stream_append(requests).map(|answer| match answer {
        Ok(answer) => Ok(append_answer(KIND_APPEND, &answer)),
        Err(fatal) => Err(stopped(fatal)),
    });
    let refusal = futures::stream::once(async move { end.lock().take() }).filter_map(|end| async { end.map(Err) });
    let answers = answers.chain(refusal);
    let answers = answers.map(move |answer| {
        let _live = &answers_live;
        answer
    });
    answers.boxed()
}

/// The requests in `messages`, once there is room for each. Ends at the first that is refused.
fn requests<M: Machine>(
    group: Group<M>,
    messages: BoxStream<'static, Bytes>,
    end: End,
) -> impl Stream<Item = AppendEntriesRequest<RaftTypes>> + Send + 'static {
    futures::stream::unfold((group, messages, end), |(group, mut messages, end)| async {
        match request(&group, messages.next().await?).await {
            Ok(request) => Some((request, (group, messages, end))),
            Err(refused) => {
                *end.lock() = Some(refused);
                None
            }
        }
    })
}

async fn request<M: Machine>(group: &Group<M>, message: Bytes) -> Result<AppendEntriesRequest<RaftTypes>, Refused> {
    let (envelope, mut request) = append_request_in(message, KIND_APPEND)?;
    group.check_envelope(envelope)?;
    let commands = || {
        request.entries.iter().filter_map(|entry| match &entry.payload {
            EntryPayload::Normal(command) => Some(command.bytes.len()),
            EntryPayload::Blank | EntryPayload::Membership(_) => None,
        })
    };
    if commands().next().is_none() {
        return Ok(request);
    }
    let admission = group.room_for(commands().sum()).await.map_err(stopped)?;
    for entry in &mut request.entries {
        if let EntryPayload::Normal(command) = &mut entry.payload {
            command.admission = Some(admission.clone());
        }
    }
    Ok(request)
}
