//! The receiving side: how a replica answers the others of its group.

use crate::answer::{append_answer, transfer_answer, vote_answer};
use crate::group::Group;
use crate::machine::Machine;
use crate::message::{Envelope, MessageError, append_request_in, transfer_request_in, vote_request_in};
use crate::snapshot::{fetch_answer, fetch_in, offer_answer, offer_in};
use crate::transport::MessageKind;
use anabranch_types::{GroupId, ReplicaId};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

/// A message is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not parse.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// It is for another replica: ids are never used again (D14).
    #[error("replica {asked} of group {group} was asked, this is replica {this} of group {this_group}")]
    NotThisReplica {
        /// The group it is for.
        group: GroupId,
        /// The replica it is for.
        asked: ReplicaId,
        /// The group of this replica.
        this_group: GroupId,
        /// This replica.
        this: ReplicaId,
    },
    /// Votes are not granted so soon after a restart (D1).
    #[error("this replica restarted and keeps out of elections for another {left:?}")]
    JustStarted {
        /// For how much longer.
        left: Duration,
    },
    /// The node is not set up to move snapshots.
    #[error("this node moves no snapshots")]
    NoSnapshots,
    /// The snapshot, or that part of it, is not here.
    #[error("no such piece of a snapshot: {reason}")]
    NoSuchPiece {
        /// Why.
        reason: String,
    },
    /// The replica stopped.
    #[error("this replica has stopped: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
}

/// The answers to an append stream, in the order of its messages, until an error.
pub type ReplicaAnswers = BoxStream<'static, Result<Bytes, Refused>>;

/// A [`Group`] of any machine, as other replicas see it. A node keeps a table of them by group
/// and replica id and hands each message to the one that it is for.
pub trait Replica: Send + Sync + 'static {
    /// Its group.
    fn group(&self) -> GroupId;

    /// Which of the group's replicas it is.
    fn replica(&self) -> ReplicaId;

    /// Answers one message. Dropping the future does not undo what the message did.
    fn answer(&self, kind: MessageKind, body: Bytes) -> BoxFuture<'static, Result<Bytes, Refused>>;

    /// Answers an append stream. The messages, each in one piece, are taken as fast as the log takes
    /// their entries; both streams end together.
    fn append(&self, messages: BoxStream<'static, Bytes>) -> ReplicaAnswers;

    /// Answers a fetch: bytes of a snapshot that this replica offers.
    fn fetch(&self, request: Bytes) -> BoxFuture<'static, Result<Bytes, Refused>>;
}

impl<M: Machine> Replica for Group<M> {
    fn group(&self) -> GroupId {
        self.id()
    }

    fn replica(&self) -> ReplicaId {
        self.replica_id()
    }

    fn answer(&self, kind: MessageKind, body: Bytes) -> BoxFuture<'static, Result<Bytes, Refused>> {
        let group = self.clone();
        async move { group.answer_message(kind, body).await }.boxed()
    }

    fn append(&self, messages: BoxStream<'static, Bytes>) -> ReplicaAnswers {
        crate::receive::append_stream(self.clone(), messages)
    }

    fn fetch(&self, request: Bytes) -> BoxFuture<'static, Result<Bytes, Refused>> {
        let group = self.clone();
        async move { group.fetch_piece(request).await }.boxed()
    }
}

impl<M: Machine> Group<M> {
    async fn answer_message(&self, kind: MessageKind, body: Bytes) -> Result<Bytes, Refused> {
        match kind {
            MessageKind::Vote | MessageKind::PreVote => {
                let (envelope, request) = vote_request_in(body, kind)?;
                self.check_envelope(envelope)?;
                if let (Some(left), false) = (self.guard().left(), request.leadership_transfer) {
                    return Err(Refused::JustStarted { left });
                }
                let answer = if kind == MessageKind::Vote {
                    self.raft().vote(request).await
                } else {
                    self.raft().pre_vote(request).await
                };
                Ok(vote_answer(kind, &answer.map_err(stopped)?))
            }
            MessageKind::Heartbeat => {
                let (envelope, request) = append_request_in(body, kind.code())?;
                self.check_envelope(envelope)?;
                let before = request.prev_log_id;
                let answer = self.raft().append_entries(request).await.map_err(stopped)?;
                // openraft itself unwraps `before` on a conflict: without one nothing conflicts.
                Ok(append_answer(kind.code(), &answer.into_stream_result(before, before)))
            }
            MessageKind::TransferLeader => {
                let (envelope, request) = transfer_request_in(body)?;
                self.check_envelope(envelope)?;
                let answer = self.raft().handle_transfer_leader(request).await.map_err(stopped)?;
                Ok(transfer_answer(&answer))
            }
            MessageKind::Offer => {
                let (envelope, offer) = offer_in(body)?;
                self.check_envelope(envelope)?;
                let incoming = self.incoming().ok_or(Refused::NoSnapshots)?;
                Ok(offer_answer(&incoming.answer(self, offer)))
            }
        }
    }

    async fn fetch_piece(&self, request: Bytes) -> Result<Bytes, Refused> {
        let (envelope, fetch) = fetch_in(request)?;
        self.check_envelope(envelope)?;
        let outgoing = Arc::clone(self.outgoing().ok_or(Refused::NoSnapshots)?);
        let read = anabranch_runtime::blocking(move || outgoing.read(&fetch)).await.map_err(stopped)?;
        read.map(|piece| fetch_answer(&piece)).map_err(|reason| Refused::NoSuchPiece { reason })
    }

    pub(crate) fn check_envelope(&self, envelope: Envelope) -> Result<(), Refused> {
        let Envelope { group, to: asked, from: _ } = envelope;
        let (this_group, this) = (self.id(), self.replica_id());
        if (group, asked) == (this_group, this) {
            return Ok(());
        }
        Err(Refused::NotThisReplica { group, asked, this_group, this })
    }
}

pub(crate) fn stopped(error: impl Display) -> Refused {
    Refused::Stopped { reason: error.to_string() }
}
