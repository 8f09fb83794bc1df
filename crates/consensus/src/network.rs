//! How replicas of a group reach each other: not at all in this build.
//!
//! A group of one replica never calls it. openraft wants a network whether or not there are
//! peers; this one answers each call as unreachable, which is the truth.

use crate::machine_adapter::FlushedState;
use crate::raft_types::{Member, RaftTypes, RaftVote};
use openraft::alias::SnapshotOf;
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};
use std::future::Future;

/// There is no node-to-node transport.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("replica {replica} on node {node} cannot be reached: this build has no node-to-node transport")]
struct NoTransport {
    replica: u64,
    node: u64,
}

/// Makes a [`NoPeer`] for each replica.
pub(crate) struct NoPeers;

impl RaftNetworkFactory<RaftTypes> for NoPeers {
    type Network = NoPeer;

    async fn new_client(&mut self, target: u64, member: &Member) -> NoPeer {
        NoPeer(NoTransport { replica: target, node: member.node.0 })
    }
}

/// A replica that cannot be reached.
pub(crate) struct NoPeer(NoTransport);

impl NoPeer {
    fn unreachable(&self) -> Unreachable<RaftTypes> {
        Unreachable::new(&self.0)
    }
}

impl RaftNetworkV2<RaftTypes> for NoPeer {
    type SnapshotData = FlushedState;

    async fn append_entries(
        &mut self,
        _: AppendEntriesRequest<RaftTypes>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<RaftTypes>, RPCError<RaftTypes>> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    async fn vote(
        &mut self,
        _: VoteRequest<RaftTypes>,
        _: RPCOption,
    ) -> Result<VoteResponse<RaftTypes>, RPCError<RaftTypes>> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    async fn pre_vote(
        &mut self,
        _: VoteRequest<RaftTypes>,
        _: RPCOption,
    ) -> Result<VoteResponse<RaftTypes>, RPCError<RaftTypes>> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    async fn full_snapshot(
        &mut self,
        _: RaftVote,
        _: SnapshotOf<RaftTypes, FlushedState>,
        _: impl Future<Output = ReplicationClosed> + Send + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<RaftTypes>, StreamingError<RaftTypes>> {
        Err(StreamingError::Unreachable(self.unreachable()))
    }
}
