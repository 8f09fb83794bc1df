//! The storage role of another node.

use super::PeerLinks;
use super::connection::Connection;
use crate::call_deadline;
use crate::error::NodeError;
use crate::status::GroupReport;
use crate::storage_node::{
    Attempt, NewRetention, NewShards, PutReply, PutRequest, ReadReply, ReadRequest, ReadStart, ShardKey, StateHash,
    StorageNode,
};
use crate::wire::charged::MessageCharge;
use crate::wire::codec::{self, CodecError};
use anabranch_catalog::Ending;
use anabranch_proto::peer::v1::read_reply::Outcome;
use anabranch_proto::peer::v1::storage_calls_client::StorageCallsClient;
use anabranch_proto::peer::v1::{
    CreateShardsRequest, DropStreamRequest, Empty, LocateRequest, PutRequest as PutMessage,
    ReadReply as ReadReplyMessage, ReadRequest as ReadMessage, SealRequest, SetRetentionRequest, StateHashRequest,
    TransferLeaderRequest,
};
use anabranch_runtime::BudgetSpent;
use anabranch_types::{Counter, GroupId, NodeId, ReplicaId, ShardId, StreamUid};
use futures::FutureExt;
use futures::future::BoxFuture;
use prost::Message;
use std::future::Future;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Calls the storage role of one node. What it answers is what that role answers; a call that has
/// no answer is [`NodeError::NotLeader`] when it certainly was not sent, else [`NodeError::Unknown`].
#[derive(Debug, Clone)]
pub struct RemoteStorage {
    links: PeerLinks,
    node: NodeId,
}

type Client = StorageCallsClient<Connection>;

impl RemoteStorage {
    pub(super) fn new(links: PeerLinks, node: NodeId) -> Self {
        RemoteStorage { links, node }
    }

    /// One call; `read` reads the reply.
    async fn call<Q, P, T, Fut>(
        &self,
        group: GroupId,
        message: Q,
        call: impl FnOnce(Client, Request<Q>) -> Fut,
        read: impl FnOnce(P) -> Result<Result<T, NodeError>, CodecError>,
    ) -> Result<T, NodeError>
    where
        Q: Message,
        Fut: Future<Output = Result<Response<P>, Status>>,
    {
        let options = &self.links.common.options;
        let within = call_deadline::left(self.links.common.env.clock.monotonic()).unwrap_or(options.call_max);
        let (bytes, bytes_max) = (message.encoded_len(), options.call_bytes_max);
        if bytes > bytes_max {
            return Err(NodeError::Unavailable { reason: format!("a request of {bytes} bytes, at most {bytes_max}") });
        }
        let link = self.links.link(self.node);
        let called = link.calls.call(within, message, |connection, request| {
            let origin = connection.origin();
            call(StorageCallsClient::with_origin(connection, origin).max_decoding_message_size(bytes_max), request)
        });
        match called.await {
            Ok(reply) => codec::replied(read(reply)),
            Err(failure) => Err(failure.into_node_error(group)),
        }
    }
}

/// A read asks for so many bytes however little memory is left, or is refused.
const READ_BYTES_LEAST: usize = 64 << 10;

/// A reply whose records keep its charge.
fn charged(mut reply: Response<ReadReplyMessage>, charge: &MessageCharge) -> Response<ReadReplyMessage> {
    if let Some(Outcome::Records(records)) = &mut reply.get_mut().outcome {
        for record in &mut records.records {
            record.data = charge.hold(std::mem::take(&mut record.data));
        }
    }
    reply
}

impl StorageNode for RemoteStorage {
    fn put(&self, request: Arc<PutRequest>, attempt: Attempt) -> BoxFuture<'_, Result<PutReply, NodeError>> {
        async move {
            let (group, message) = (request.group, codec::put_out(&request, attempt));
            let call = |mut client: Client, request: Request<PutMessage>| async move { client.put(request).await };
            self.call(group, message, call, codec::put_reply_in).await
        }
        .boxed()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadReply, NodeError>> {
        async move {
            let memory = &self.links.common.options.memory;
            let waits = !request.wait_max.is_zero();
            let (charge, bytes_max) = if waits {
                (memory.open(), request.bytes_max)
            } else {
                let wanted = usize::try_from(request.bytes_max).unwrap_or(usize::MAX);
                let spent = |spent: BudgetSpent| NodeError::Unavailable { reason: spent.to_string() };
                let (charge, granted) = memory.grant_answer(wanted, READ_BYTES_LEAST).map_err(spent)?;
                (charge, granted as u64)
            };
            let (charge, request) = (MessageCharge::new(charge), ReadRequest { bytes_max, ..request });
            let call = |mut client: Client, mut request: Request<ReadMessage>| async move {
                request.extensions_mut().insert(charge.clone());
                client.read(request).await.map(|reply| charged(reply, &charge))
            };
            self.call(request.group, codec::read_out(request), call, codec::read_reply_in).await
        }
        .boxed()
    }

    fn locate(&self, group: GroupId, shard: ShardKey, start: ReadStart) -> BoxFuture<'_, Result<Counter, NodeError>> {
        async move {
            let call =
                |mut client: Client, request: Request<LocateRequest>| async move { client.locate(request).await };
            self.call(group, codec::locate_out(group, shard, start), call, codec::locate_reply_in).await
        }
        .boxed()
    }

    fn create_shards(&self, group: GroupId, new: Arc<NewShards>) -> BoxFuture<'_, Result<(), NodeError>> {
        async move {
            let call = |mut client: Client, request: Request<CreateShardsRequest>| async move {
                client.create_shards(request).await
            };
            self.call(group, codec::create_shards_out(group, &new), call, codec::done_in).await
        }
        .boxed()
    }

    fn seal(
        &self,
        group: GroupId,
        stream: StreamUid,
        shards: Arc<[ShardId]>,
    ) -> BoxFuture<'_, Result<Vec<Ending>, NodeError>> {
        async move {
            let call = |mut client: Client, request: Request<SealRequest>| async move { client.seal(request).await };
            self.call(group, codec::seal_out(group, stream, &shards), call, codec::seal_reply_in).await
        }
        .boxed()
    }

    fn drop_stream(&self, group: GroupId, stream: StreamUid) -> BoxFuture<'_, Result<(), NodeError>> {
        async move {
            let call = |mut client: Client, request: Request<DropStreamRequest>| async move {
                client.drop_stream(request).await
            };
            let message = DropStreamRequest { group: group.0, stream: stream.0 };
            self.call(group, message, call, codec::done_in).await
        }
        .boxed()
    }

    fn set_retention(&self, group: GroupId, new: NewRetention) -> BoxFuture<'_, Result<(), NodeError>> {
        async move {
            let call = |mut client: Client, request: Request<SetRetentionRequest>| async move {
                client.set_retention(request).await
            };
            self.call(group, codec::set_retention_out(group, new), call, codec::done_in).await
        }
        .boxed()
    }

    fn transfer_leader(&self, group: GroupId, to: ReplicaId) -> BoxFuture<'_, Result<(), NodeError>> {
        async move {
            let call = |mut client: Client, request: Request<TransferLeaderRequest>| async move {
                client.transfer_leader(request).await
            };
            let message = TransferLeaderRequest { group: group.0, to_replica: to.0 };
            self.call(group, message, call, codec::done_in).await
        }
        .boxed()
    }

    fn report(&self) -> BoxFuture<'_, Result<Vec<GroupReport>, NodeError>> {
        async move {
            let call = |mut client: Client, request: Request<Empty>| async move { client.report(request).await };
            self.call(GroupId::METADATA, Empty {}, call, codec::report_reply_in).await
        }
        .boxed()
    }

    fn state_hash(&self, group: GroupId) -> BoxFuture<'_, Result<StateHash, NodeError>> {
        async move {
            let call = |mut client: Client, request: Request<StateHashRequest>| async move {
                client.state_hash(request).await
            };
            self.call(group, StateHashRequest { group: group.0 }, call, codec::state_hash_reply_in).await
        }
        .boxed()
    }
}
