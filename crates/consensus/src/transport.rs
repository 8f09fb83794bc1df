//! How replicas of a group reach each other: the network, as this crate sees it.
//!
//! A transport carries bytes between replicas and does not look into them; who sits where, secrets,
//! connections and their keep-alive are its own business. It never retries: openraft does.

use anabranch_types::{GroupId, NodeId, ReplicaId};
use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::fmt;
use std::time::Duration;

/// The replica that is to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Its group.
    pub group: GroupId,
    /// The replica. Another replica of the group on the same node is not meant (D14).
    pub replica: ReplicaId,
    /// Where membership says that it lives; the address is the catalog's.
    pub node: NodeId,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "replica {} of group {} on node {}", self.replica, self.group, self.node)
    }
}

/// What is asked in one message and answered in one. All are small and urgent: a transport keeps
/// them out of any queue that append streams fill, else a busy leader looks dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// A candidate asks for a vote.
    Vote,
    /// Would you vote for me?
    PreVote,
    /// The leader lives.
    Heartbeat,
    /// The leader hands over.
    TransferLeader,
    /// The leader offers a snapshot, or asks how far it has come.
    Offer,
}

impl MessageKind {
    /// The number under which it travels; never changes.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            MessageKind::Vote => 1,
            MessageKind::PreVote => 2,
            MessageKind::Heartbeat => 3,
            MessageKind::TransferLeader => 4,
            // 5 is a message of an append stream, 7 a fetch.
            MessageKind::Offer => 6,
        }
    }

    /// The kind of that number; none for one that this build does not know.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(MessageKind::Vote),
            2 => Some(MessageKind::PreVote),
            3 => Some(MessageKind::Heartbeat),
            4 => Some(MessageKind::TransferLeader),
            6 => Some(MessageKind::Offer),
            _ => None,
        }
    }
}

/// One message of an append stream: its parts, one after another, are its bytes. The bodies are
/// the log's own bytes, so that a transport that writes parts copies none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendMessage {
    head: Bytes,
    bodies: Vec<Bytes>,
}

impl AppendMessage {
    /// A message of these parts. What they say is consensus' business; a transport that is tested
    /// without it may carry any bytes.
    pub fn new(head: Bytes, bodies: Vec<Bytes>) -> Self {
        AppendMessage { head, bodies }
    }

    /// The parts in order.
    pub fn parts(&self) -> impl Iterator<Item = &Bytes> {
        std::iter::once(&self.head).chain(&self.bodies)
    }

    /// Length in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parts().map(Bytes::len).sum()
    }

    /// All parts in one piece: a copy, unless there is only one.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        if self.bodies.is_empty() {
            return self.head;
        }
        let mut whole = BytesMut::with_capacity(self.bytes());
        self.parts().for_each(|part| whole.extend_from_slice(part));
        whole.freeze()
    }
}

/// A message or its answer did not arrive, or the other side refused it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreached {
    /// There is no connection and none can be made now.
    #[error("{peer} cannot be reached: {reason}")]
    NoLink {
        /// Whom it was for.
        peer: Peer,
        /// What is missing.
        reason: String,
    },
    /// No answer in time.
    #[error("{peer} has not answered within {within:?}")]
    Late {
        /// Whom it was for.
        peer: Peer,
        /// How long was waited.
        within: Duration,
    },
    /// [`crate::Refused`], as the other side said it, or its node knows no such replica.
    #[error("{peer} refused: {reason}")]
    Refused {
        /// Whom it was for.
        peer: Peer,
        /// Why.
        reason: String,
    },
}

/// The answers to an append stream, one per message and in their order, until an error.
pub type Answers = BoxStream<'static, Result<Bytes, Unreached>>;

/// Reaches the replicas on other nodes. One for all groups of a node.
///
/// The other side finds the replica by group and replica id and hands the bytes to its
/// [`crate::Replica`]. Nothing is lost if a message is lost, doubled or late; but an append stream
/// delivers in order and without gaps, or ends.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Carries one message and its answer. Gives up after `within`; a connection that is being
    /// made goes on being made.
    fn ask(
        &self,
        to: Peer,
        kind: MessageKind,
        body: Bytes,
        within: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unreached>>;

    /// Opens an append stream, within `within`. `messages` is polled no faster than the other side
    /// takes them: what is under way is bounded, in bytes. The stream ends on both sides when
    /// `messages` has ended and all answers are there, when the answers are dropped, and with the
    /// connection; the transport notices a dead connection by itself.
    fn append(
        &self,
        to: Peer,
        messages: BoxStream<'static, AppendMessage>,
        within: Duration,
    ) -> BoxFuture<'static, Result<Answers, Unreached>>;

    /// Asks for a piece of a snapshot and carries it back: up to [`FETCH_ANSWER_BYTES_MAX`] bytes.
    /// Bulk: a transport keeps it off the ways of everything else. Gives up after `within`.
    fn fetch(&self, from: Peer, request: Bytes, within: Duration) -> BoxFuture<'static, Result<Bytes, Unreached>>;
}

/// Bytes of the answer to a fetch: a piece and what is put before it.
pub const FETCH_ANSWER_BYTES_MAX: usize = (1 << 20) + 16;

/// Reaches nobody: for groups of one replica.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPeers;

impl NoPeers {
    fn unreached(peer: Peer) -> Unreached {
        Unreached::NoLink { peer, reason: "this node has no node-to-node transport".to_owned() }
    }
}

impl Transport for NoPeers {
    fn ask(&self, to: Peer, _: MessageKind, _: Bytes, _: Duration) -> BoxFuture<'static, Result<Bytes, Unreached>> {
        async move { Err(Self::unreached(to)) }.boxed()
    }

    fn append(
        &self,
        to: Peer,
        _: BoxStream<'static, AppendMessage>,
        _: Duration,
    ) -> BoxFuture<'static, Result<Answers, Unreached>> {
        async move { Err(Self::unreached(to)) }.boxed()
    }

    fn fetch(&self, from: Peer, _: Bytes, _: Duration) -> BoxFuture<'static, Result<Bytes, Unreached>> {
        async move { Err(Self::unreached(from)) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_message_has_its_own_number() {
        let known: Vec<MessageKind> = (0..=u8::MAX).filter_map(MessageKind::from_code).collect();
        assert_eq!(known.len(), 5);
        assert!(known.iter().all(|kind| MessageKind::from_code(kind.code()) == Some(*kind)));
    }

    #[test]
    fn a_message_in_one_piece_is_its_parts_in_order() {
        let message = AppendMessage::new(Bytes::from_static(b"head"), vec![Bytes::from_static(b"one"), Bytes::new()]);
        assert_eq!(message.bytes(), 7);
        assert_eq!(message.into_bytes(), "headone");
    }
}
