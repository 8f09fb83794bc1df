//! Append streams for the replicas of this node.

use super::{Replicas, malformed};
use crate::wire::codec::CodecError;
use crate::wire::identity::NodeIdentity;
use anabranch_proto::peer::v1::append_reply::Outcome;
use anabranch_proto::peer::v1::append_request::Part;
use anabranch_proto::peer::v1::replica_appends_server::ReplicaAppends;
use anabranch_proto::peer::v1::{AppendReply, AppendRequest};
use anabranch_types::NodeId;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

/// Group, replica and the node that sends.
type Way = (u32, u64, NodeId);

/// One stream for each way: a new one ends the one before. HTTP/2 does not tell that a sender has
/// let go of a stream whose messages wait for this side; without this, a follower that is stuck
/// would collect the streams that its leader opens anew.
#[derive(Default)]
struct Open {
    places: Mutex<HashMap<Way, Place>>,
    /// Numbers are never used again: the end of an old stream must not end a new one.
    entered: AtomicU64,
}

struct Place {
    number: u64,
    _ends_stream: oneshot::Sender<()>,
}

pub(super) struct Appends {
    replicas: Replicas,
    open: Arc<Open>,
    stopping: CancellationToken,
}

impl Appends {
    pub fn new(replicas: Replicas, stopping: CancellationToken) -> Self {
        Appends { replicas, open: Arc::default(), stopping }
    }
}

#[tonic::async_trait]
impl ReplicaAppends for Appends {
    type AppendStream = BoxStream<'static, Result<AppendReply, Status>>;

    async fn append(&self, request: Request<Streaming<AppendRequest>>) -> Result<Response<Self::AppendStream>, Status> {
        let caller = request.extensions().get::<NodeIdentity>().copied();
        let caller = caller.ok_or_else(|| Status::internal("the gate names every caller"))?;
        let mut requests = request.into_inner();
        let Some(AppendRequest { part: Some(Part::Open(open)) }) = requests.message().await? else {
            return Err(malformed(CodecError::Missing { field: "open" }));
        };
        let replica = match self.replicas.get(open.group, open.to_replica) {
            Ok(replica) => replica,
            Err(reason) => {
                let refused = Ok(reply(Outcome::Refused(reason)));
                return Ok(Response::new(futures::stream::iter([refused]).boxed()));
            }
        };
        let (place, ended) = self.open.enter((open.group, open.to_replica, caller.node));
        let answers = replica.append(entries(requests)).map(|answer| {
            Ok(reply(match answer {
                Ok(answer) => Outcome::Answer(answer),
                Err(refused) => Outcome::Refused(refused.to_string()),
            }))
        });
        let stopping = self.stopping.clone();
        let ends = async move {
            tokio::select! {
                _ = ended => {}
                () = stopping.cancelled() => {}
            }
        };
        let answers = answers.take_until(ends.boxed()).map(move |answer| {
            let _place = &place;
            answer
        });
        Ok(Response::new(answers.boxed()))
    }
}

/// The messages, until they end, break off or are no entries: then what is there is answered.
fn entries(requests: Streaming<AppendRequest>) -> BoxStream<'static, Bytes> {
    let entries = futures::stream::unfold(requests, |mut requests| async {
        match requests.message().await {
            Ok(Some(AppendRequest { part: Some(Part::Entries(entries)) })) => Some((entries, requests)),
            Ok(Some(_)) => {
                tracing::warn!("an append stream ended, its message is no entries");
                None
            }
            Ok(None) => None,
            Err(status) => {
                tracing::debug!(%status, "an append stream broke off");
                None
            }
        }
    });
    entries.boxed()
}

fn reply(outcome: Outcome) -> AppendReply {
    AppendReply { outcome: Some(outcome) }
}

impl Open {
    /// Takes the place on `way`; the receiver ends when another stream does, or the guard is dropped.
    fn enter(self: &Arc<Self>, way: Way) -> (PlaceGuard, oneshot::Receiver<()>) {
        let (ends_stream, ended) = oneshot::channel();
        let number = self.entered.fetch_add(1, Ordering::Relaxed);
        self.places.lock().insert(way, Place { number, _ends_stream: ends_stream });
        (PlaceGuard { open: Arc::clone(self), way, number }, ended)
    }
}

struct PlaceGuard {
    open: Arc<Open>,
    way: Way,
    number: u64,
}

impl Drop for PlaceGuard {
    fn drop(&mut self) {
        let mut places = self.open.places.lock();
        if places.get(&self.way).is_some_and(|place| place.number == self.number) {
            places.remove(&self.way);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_stream_on_a_way_ends_the_one_before_and_no_other() {
        let open = Arc::new(Open::default());
        let (first, mut first_ended) = open.enter((1, 2, NodeId(3)));
        let (_other, mut other_ended) = open.enter((1, 2, NodeId(4)));
        assert!(first_ended.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        let (second, mut second_ended) = open.enter((1, 2, NodeId(3)));
        assert_eq!(first_ended.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        drop(first);
        assert_eq!(second_ended.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        assert_eq!(other_ended.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        // The first comes to its end late, when others have come and gone.
        let (third, _) = open.enter((1, 2, NodeId(3)));
        drop(third);
        let (fourth, mut fourth_ended) = open.enter((1, 2, NodeId(3)));
        drop(second);
        assert_eq!(fourth_ended.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        drop(fourth);
        assert_eq!(open.places.lock().len(), 1);
    }
}
