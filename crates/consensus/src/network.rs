//! Shows a [`Transport`] to openraft.
//!
//! Three clients for each peer: openraft's replication sends its entries down one append stream
//! that it does not wait on; heartbeats, votes and transfers are asked one by one, beside it.
//! Snapshots are offered in such messages; their data is pulled by the receiver.

use crate::answer::{append_answer_in, transfer_answer_in, vote_answer_in};
use crate::append_answers::{Flow, answers_in};
use crate::late_commits::late_commits;
use crate::machine_adapter::SnapshotData;
use crate::message::{Envelope, KIND_APPEND, append_request, transfer_request, vote_request};
use crate::raft_types::{Member, RaftTypes, RaftVote};
use crate::snapshot::{Outgoing, SendError};
use crate::start_guard::StartGuard;
use crate::transport::{MessageKind, Peer, Transport, Unreached};
use anabranch_types::{GroupId, ReplicaId};
use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt};
use openraft::alias::SnapshotOf;
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::{
    Backoff, NetAppend, NetBackoff, NetSnapshot, NetStreamAppend, NetTransferLeader, NetVote, RPCOption,
    RaftNetworkFactory, stream_append_sequential,
};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RPCTypes};
use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Before a stream that could not be opened is tried again. openraft's own pauses lie between the
/// messages of a stream, of which there are none then.
const REOPEN_PAUSE: Duration = Duration::from_millis(50);

pub(crate) type RpcError = RPCError<RaftTypes>;

/// Makes the clients of one replica.
pub(crate) struct Network {
    pub group: GroupId,
    pub replica: ReplicaId,
    pub transport: Arc<dyn Transport>,
    pub guard: StartGuard,
    /// How long an append may stay unanswered.
    pub append_answer_max: Duration,
    /// None on a node that moves no snapshots.
    pub outgoing: Option<Arc<Outgoing>>,
}

impl Network {
    fn client(&self, target: u64, member: &Member, heartbeats: bool) -> Client {
        Client {
            peer: Peer { group: self.group, replica: ReplicaId(target), node: member.node },
            replica: self.replica,
            transport: Arc::clone(&self.transport),
            guard: self.guard,
            append_answer_max: self.append_answer_max,
            outgoing: self.outgoing.clone(),
            heartbeats,
        }
    }
}

impl RaftNetworkFactory<RaftTypes> for Network {
    type Network = Client;

    async fn new_client(&mut self, target: u64, member: &Member) -> Client {
        self.client(target, member, false)
    }

    async fn new_heartbeat_client(&mut self, target: u64, member: &Member) -> Client {
        self.client(target, member, true)
    }
}

/// Speaks to one other replica.
pub(crate) struct Client {
    peer: Peer,
    replica: ReplicaId,
    transport: Arc<dyn Transport>,
    guard: StartGuard,
    append_answer_max: Duration,
    outgoing: Option<Arc<Outgoing>>,
    /// Appends are heartbeats: asked one by one, so that they never wait behind entries.
    heartbeats: bool,
}

impl Client {
    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    pub(crate) fn replica(&self) -> ReplicaId {
        self.replica
    }

    pub(crate) fn envelope(&self) -> Envelope {
        Envelope { group: self.peer.group, from: self.replica, to: self.peer.replica }
    }

    /// One message, one answer, within the option's soft limit.
    async fn ask(&self, kind: MessageKind, body: Bytes, option: &RPCOption) -> Result<Bytes, Unreached> {
        self.ask_within(kind, body, option.soft_ttl()).await
    }

    pub(crate) async fn ask_within(
        &self,
        kind: MessageKind,
        body: Bytes,
        within: Duration,
    ) -> Result<Bytes, Unreached> {
        let late = Unreached::Late { peer: self.peer, within };
        tokio::time::timeout(within, self.transport.ask(self.peer, kind, body, within)).await.unwrap_or(Err(late))
    }

    async fn ask_for_vote(
        &self,
        kind: MessageKind,
        request: VoteRequest<RaftTypes>,
        option: RPCOption,
    ) -> Result<VoteResponse<RaftTypes>, RpcError> {
        if !request.leadership_transfer {
            // openraft gives up on the request when its time is over, also while it waits here.
            self.guard.passed().await;
        }
        let answer = self.ask(kind, vote_request(self.envelope(), kind, &request), &option).await;
        let answer = answer.map_err(|unreached| self.failed(RPCTypes::Vote, unreached))?;
        vote_answer_in(answer, kind).map_err(unreachable)
    }

    pub(crate) fn failed(&self, action: RPCTypes, unreached: Unreached) -> RpcError {
        failed(self.replica, action, unreached)
    }
}

/// openraft's word for it: what is late may be tried again at once, the rest after a pause.
pub(crate) fn failed(replica: ReplicaId, action: RPCTypes, unreached: Unreached) -> RpcError {
    match unreached {
        Unreached::Late { peer, within } => {
            RPCError::Timeout(Timeout { action, id: replica.0, target: peer.replica.0, timeout: within })
        }
        Unreached::NoLink { .. } | Unreached::Refused { .. } => unreachable(unreached),
    }
}

pub(crate) fn unreachable(error: impl Error + 'static) -> RpcError {
    RPCError::Unreachable(Unreachable::new(&error))
}

impl NetBackoff<RaftTypes> for Client {
    fn backoff(&self) -> Option<Backoff> {
        None
    }
}

impl NetVote<RaftTypes> for Client {
    async fn vote(
        &mut self,
        request: VoteRequest<RaftTypes>,
        option: RPCOption,
    ) -> Result<VoteResponse<RaftTypes>, RpcError> {
        self.ask_for_vote(MessageKind::Vote, request, option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<RaftTypes>,
        option: RPCOption,
    ) -> Result<VoteResponse<RaftTypes>, RpcError> {
        self.ask_for_vote(MessageKind::PreVote, request, option).await
    }
}

impl NetTransferLeader<RaftTypes> for Client {
    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<RaftTypes>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<RaftTypes>, RpcError> {
        let body = transfer_request(self.envelope(), &request);
        let answer = self.ask(MessageKind::TransferLeader, body, &option).await;
        let answer = answer.map_err(|unreached| self.failed(RPCTypes::TransferLeader, unreached))?;
        transfer_answer_in(answer).map_err(unreachable)
    }
}

/// Heartbeats.
impl NetAppend<RaftTypes> for Client {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<RaftTypes>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<RaftTypes>, RpcError> {
        let kind = MessageKind::Heartbeat;
        let body = append_request(self.envelope(), kind.code(), request).into_bytes();
        let answer = self.ask(kind, body, &option).await;
        let answer = answer.map_err(|unreached| self.failed(RPCTypes::AppendEntries, unreached))?;
        append_answer_in(answer, kind.code()).map(AppendEntriesResponse::from).map_err(unreachable)
    }
}

impl NetStreamAppend<RaftTypes> for Client {
    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<StreamAppendResult<RaftTypes>, RpcError>>, RpcError>>
    where
        S: Stream<Item = AppendEntriesRequest<RaftTypes>> + OptionalSend + Unpin + 'static,
    {
        if self.heartbeats {
            return stream_append_sequential(self, input, option);
        }
        let (within, envelope) = (option.soft_ttl(), self.envelope());
        let flow = Arc::new(Flow::default());
        let messages = flow
            .counted(late_commits(input).boxed())
            .map(move |request| append_request(envelope, KIND_APPEND, request));
        let opening = self.transport.append(self.peer, messages.boxed(), within);
        async move {
            let late = Unreached::Late { peer: self.peer, within };
            let opened = tokio::time::timeout(within, opening).await.unwrap_or(Err(late));
            if opened.is_err() {
                tokio::time::sleep_until(Instant::now() + REOPEN_PAUSE).await;
            }
            let answers = opened.map_err(|unreached| self.failed(RPCTypes::AppendEntries, unreached))?;
            let answers: BoxStream<'s, _> =
                answers_in(answers, flow, self.replica, self.peer, self.append_answer_max).boxed();
            Ok(answers)
        }
        .boxed()
    }
}

impl NetSnapshot<RaftTypes> for Client {
    type SnapshotData = SnapshotData;

    /// Takes as long as it takes: `cancel` ends it with this replica's leadership.
    async fn full_snapshot(
        &mut self,
        vote: RaftVote,
        snapshot: SnapshotOf<RaftTypes, SnapshotData>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<RaftTypes>, StreamingError<RaftTypes>> {
        let Some(outgoing) = &self.outgoing else {
            return Err(unreachable(SendError::NoSnapshots(self.peer)).into());
        };
        tokio::select! {
            sent = self.send_snapshot(outgoing, vote, &snapshot.meta) => sent,
            closed = cancel => Err(StreamingError::Closed(closed)),
        }
    }
}
