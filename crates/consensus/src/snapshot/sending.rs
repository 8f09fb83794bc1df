//! The leader's side of one snapshot: offers it until the receiver has it.
//!
//! openraft calls this when a replica lacks entries that are purged, and again after every error.
//! The offers carry no data: the receiver pulls at its own pace, and goes on pulling when this
//! begins anew.

use super::message::{Offer, OfferAnswer, offer, offer_answer_in};
use super::outgoing::{KeptCopy, Outgoing};
use crate::codec::{log_id_out, membership_in};
use crate::network::{Client, unreachable};
use crate::raft_types::{RaftTypes, RaftVote};
use crate::transport::{MessageKind, Peer, Unreached};
use anabranch_types::{NodeId, ReplicaId};
use openraft::RPCTypes;
use openraft::alias::SnapshotMetaOf;
use openraft::errors::StreamingError;
use openraft::raft::SnapshotResponse;
use std::sync::Arc;
use tokio::time::Instant;

/// A snapshot could not be sent, for now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The node is not set up for it.
    #[error("{0} needs entries that are purged here, and this node moves no snapshots")]
    NoSnapshots(Peer),
    /// Nothing is flushed here that could be sent.
    #[error("there is no state to send to {0}")]
    NoState(Peer),
    /// The copy was given up: nobody pulled, or this replica leads no more.
    #[error("the snapshot for {0} is no longer kept")]
    GivenUp(Peer),
    /// The receiver gave up.
    #[error("{peer} could not take the snapshot: {reason}")]
    Failed {
        /// Whom it was for.
        peer: Peer,
        /// What it said.
        reason: String,
    },
}

impl Client {
    /// Sends a copy of the state that covers at least `meta`, and waits until it is installed.
    pub(crate) async fn send_snapshot(
        &self,
        outgoing: &Arc<Outgoing>,
        vote: RaftVote,
        meta: &SnapshotMetaOf<RaftTypes>,
    ) -> Result<SnapshotResponse<RaftTypes>, StreamingError<RaftTypes>> {
        let peer = self.peer();
        let at_least =
            meta.last_log_id.as_ref().map(log_id_out).ok_or_else(|| unreachable(SendError::NoState(peer)))?;
        let kept = outgoing.checkpoint(at_least).await.map_err(unreachable)?;
        let node = node_of(&kept, self.replica()).ok_or_else(|| unreachable(SendError::NoState(peer)))?;
        let copy = &kept.copy;
        let made = Offer {
            vote,
            id: copy.id,
            node,
            manifest_bytes: u32::try_from(copy.manifest_bytes.len()).unwrap_or(u32::MAX),
            total_bytes: copy.manifest.total_bytes(),
        };
        let options = &outgoing.snapshots.0.options;
        let mut told = Instant::now();
        while outgoing.keeps(&kept) {
            let body = offer(self.envelope(), &made);
            let answer = self.ask_within(MessageKind::Offer, body, options.offer_answer_max).await;
            let answer = answer.map_err(|unreached: Unreached| self.failed(RPCTypes::InstallSnapshot, unreached))?;
            match offer_answer_in(answer).map_err(unreachable)? {
                OfferAnswer::Has { vote } | OfferAnswer::HigherVote { vote } => {
                    tracing::info!(%peer, snapshot = %made.id, "snapshot is settled");
                    return Ok(SnapshotResponse::new(vote));
                }
                OfferAnswer::Failed { reason } => return Err(unreachable(SendError::Failed { peer, reason }).into()),
                OfferAnswer::Waits => {}
                OfferAnswer::Pulls { bytes } if told.elapsed() >= options.progress_every => {
                    told = Instant::now();
                    tracing::info!(%peer, snapshot = %made.id, bytes, of = made.total_bytes, "snapshot is being pulled");
                }
                OfferAnswer::Pulls { .. } => {}
            }
            outgoing.snapshots.0.env.sleep(options.offer_every).await;
        }
        Err(unreachable(SendError::GivenUp(peer)).into())
    }
}

/// Where this replica lives, as the members in the copy say.
fn node_of(kept: &KeptCopy, replica: ReplicaId) -> Option<NodeId> {
    let (_, membership) = kept.copy.manifest.applied.membership.as_ref()?;
    let membership = membership_in(membership.clone()).ok()?;
    let found = membership.nodes().find(|(id, _)| **id == replica.0);
    found.map(|(_, member)| member.node)
}
