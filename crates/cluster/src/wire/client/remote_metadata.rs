//! The metadata role of another node.

use super::PeerLinks;
use super::connection::Connection;
use crate::call_deadline;
use crate::error::NodeError;
use crate::metadata_node::{CreateStreamReply, MetadataNode};
use crate::wire::codec::{self, CodecError};
use anabranch_proto::peer::v1::metadata_calls_client::MetadataCallsClient;
use anabranch_proto::peer::v1::{CreateStreamRequest, DeleteStreamRequest, Empty, ProposeRequest};
use anabranch_types::{AccountId, GroupId, MapVersion, NodeId, RequestId, StreamName};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::future::Future;
use std::num::NonZeroU32;
use tonic::{Request, Response, Status};

/// Calls the metadata role of one node. A call that has no answer is [`NodeError::NotLeader`] when
/// it certainly was not sent, else [`NodeError::Unknown`].
#[derive(Debug, Clone)]
pub struct RemoteMetadata {
    links: PeerLinks,
    node: NodeId,
}

type Client = MetadataCallsClient<Connection>;

impl RemoteMetadata {
    pub(super) fn new(links: PeerLinks, node: NodeId) -> Self {
        RemoteMetadata { links, node }
    }

    /// One call; `read` reads the reply.
    async fn call<Q, P, T, Fut>(
        &self,
        message: Q,
        call: impl FnOnce(Client, Request<Q>) -> Fut,
        read: impl FnOnce(P) -> Result<Result<T, NodeError>, CodecError>,
    ) -> Result<T, NodeError>
    where
        Fut: Future<Output = Result<Response<P>, Status>>,
    {
        let options = &self.links.common.options;
        let within = call_deadline::left(self.links.common.env.clock.monotonic()).unwrap_or(options.call_max);
        let reply_max = options.call_bytes_max;
        let link = self.links.link(self.node);
        let called = link.calls.call(within, message, |connection, request| {
            let origin = connection.origin();
            call(MetadataCallsClient::with_origin(connection, origin).max_decoding_message_size(reply_max), request)
        });
        match called.await {
            Ok(reply) => codec::replied(read(reply)),
            Err(failure) => Err(failure.into_node_error(GroupId::METADATA)),
        }
    }
}

impl MetadataNode for RemoteMetadata {
    fn create_stream(
        &self,
        request: RequestId,
        account: AccountId,
        name: StreamName,
        shards: NonZeroU32,
    ) -> BoxFuture<'_, Result<CreateStreamReply, NodeError>> {
        async move {
            let call = |mut client: Client, request: Request<CreateStreamRequest>| async move {
                client.create_stream(request).await
            };
            let message = codec::create_stream_out(request, account, &name, shards);
            self.call(message, call, codec::create_stream_reply_in).await
        }
        .boxed()
    }

    fn delete_stream(&self, account: AccountId, name: StreamName) -> BoxFuture<'_, Result<bool, NodeError>> {
        async move {
            let call = |mut client: Client, request: Request<DeleteStreamRequest>| async move {
                client.delete_stream(request).await
            };
            self.call(codec::delete_stream_out(account, &name), call, codec::delete_stream_reply_in).await
        }
        .boxed()
    }

    fn propose(&self, command: Bytes) -> BoxFuture<'_, Result<Bytes, NodeError>> {
        async move {
            let call =
                |mut client: Client, request: Request<ProposeRequest>| async move { client.propose(request).await };
            self.call(ProposeRequest { command }, call, codec::propose_reply_in).await
        }
        .boxed()
    }

    fn version(&self) -> BoxFuture<'_, Result<MapVersion, NodeError>> {
        async move {
            let call = |mut client: Client, request: Request<Empty>| async move { client.version(request).await };
            self.call(Empty {}, call, codec::version_reply_in).await
        }
        .boxed()
    }
}
