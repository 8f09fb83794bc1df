//! Carries consensus' messages to replicas on other nodes.

use super::PeerLinks;
use super::append_codec::{AppendCodec, AppendPart};
use super::failure::CallFailure;
use anabranch_consensus::{Answers, AppendMessage, FETCH_ANSWER_BYTES_MAX, MessageKind, Peer, Transport, Unreached};
use anabranch_proto::peer::v1::replica_messages_client::ReplicaMessagesClient;
use anabranch_proto::peer::v1::replica_snapshots_client::ReplicaSnapshotsClient;
use anabranch_proto::peer::v1::{
    AppendOpen, AppendReply, AskRequest, FetchRequest, append_reply, ask_reply, fetch_reply,
};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use http::uri::PathAndQuery;
use std::time::Duration;
use tokio::sync::oneshot;
use tonic::client::Grpc;
use tonic::{Request, Streaming};

const APPEND: &str = "/anabranch.peer.v1.ReplicaAppends/Append";

impl Transport for PeerLinks {
    fn ask(
        &self,
        to: Peer,
        kind: MessageKind,
        body: Bytes,
        within: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unreached>> {
        let link = self.link(to.node);
        let answer_max = self.common.options.ask_bytes_max;
        async move {
            let request =
                AskRequest { group: to.group.0, to_replica: to.replica.0, kind: u32::from(kind.code()), body };
            let asked = link.messages.call(within, request, |connection, request| async move {
                let origin = connection.origin();
                let client = ReplicaMessagesClient::with_origin(connection, origin);
                client.max_decoding_message_size(answer_max).ask(request).await
            });
            let reply = asked.await.map_err(|failure| failure.into_unreached(to))?;
            match reply.outcome {
                Some(ask_reply::Outcome::Answer(answer)) => Ok(answer),
                Some(ask_reply::Outcome::Refused(reason)) => Err(Unreached::Refused { peer: to, reason }),
                None => Err(no_outcome(to)),
            }
        }
        .boxed()
    }

    fn append(
        &self,
        to: Peer,
        messages: BoxStream<'static, AppendMessage>,
        within: Duration,
    ) -> BoxFuture<'static, Result<Answers, Unreached>> {
        let link = self.link(to.node);
        let (append_max, answer_max) = (self.common.options.append_bytes_max, self.common.options.ask_bytes_max);
        let (answers_live, answers_dropped) = oneshot::channel::<()>();
        async move {
            let open = AppendPart::Open(AppendOpen { group: to.group.0, to_replica: to.replica.0 });
            let entries = messages.map(AppendPart::Entries).take_until(answers_dropped.map(drop));
            let parts = futures::stream::iter([open]).chain(entries);
            let opened = link.appends.call(within, parts, |connection, request: Request<_>| async move {
                let origin = connection.origin();
                let mut client = Grpc::with_origin(connection, origin).max_decoding_message_size(answer_max);
                client.ready().await.map_err(|error| tonic::Status::from_error(error.into()))?;
                let codec = AppendCodec { bytes_max: append_max };
                client.streaming(request, PathAndQuery::from_static(APPEND), codec).await
            });
            let replies = opened.await.map_err(|failure| failure.into_unreached(to))?;
            Ok(answers(replies, to, answers_live).boxed())
        }
        .boxed()
    }

    fn fetch(&self, from: Peer, request: Bytes, within: Duration) -> BoxFuture<'static, Result<Bytes, Unreached>> {
        let link = self.link(from.node);
        async move {
            let request = FetchRequest { group: from.group.0, from_replica: from.replica.0, body: request };
            let fetched = link.snapshots.call(within, request, |connection, request| async move {
                let origin = connection.origin();
                let client = ReplicaSnapshotsClient::with_origin(connection, origin);
                client.max_decoding_message_size(FETCH_ANSWER_BYTES_MAX + FRAME_BYTES_MAX).fetch(request).await
            });
            let reply = fetched.await.map_err(|failure| failure.into_unreached(from))?;
            match reply.outcome {
                Some(fetch_reply::Outcome::Piece(piece)) => Ok(piece),
                Some(fetch_reply::Outcome::Refused(reason)) => Err(Unreached::Refused { peer: from, reason }),
                None => Err(no_outcome(from)),
            }
        }
        .boxed()
    }
}

/// What the reply to a fetch takes beside its piece.
const FRAME_BYTES_MAX: usize = 1 << 10;

/// What the replies say; ends after the first that is an error. `live` goes with it.
fn answers(
    replies: Streaming<AppendReply>,
    peer: Peer,
    live: oneshot::Sender<()>,
) -> impl futures::Stream<Item = Result<Bytes, Unreached>> + Send + 'static {
    futures::stream::unfold(Some((replies, live)), move |replies| async move {
        let (mut replies, live) = replies?;
        let error = match replies.message().await {
            Ok(Some(AppendReply { outcome: Some(append_reply::Outcome::Answer(answer)) })) => {
                return Some((Ok(answer), Some((replies, live))));
            }
            Ok(Some(AppendReply { outcome: Some(append_reply::Outcome::Refused(reason)) })) => {
                Unreached::Refused { peer, reason }
            }
            Ok(Some(AppendReply { outcome: None })) => no_outcome(peer),
            Ok(None) => return None,
            Err(status) => CallFailure::of_status(status).into_unreached(peer),
        };
        Some((Err(error), None))
    })
}

fn no_outcome(peer: Peer) -> Unreached {
    Unreached::NoLink { peer, reason: "the reply says nothing that this build understands".to_owned() }
}
