//! Calls of other nodes to this node's metadata role.

use super::malformed;
use crate::metadata_node::MetadataNode;
use crate::wire::codec;
use anabranch_proto::peer::v1 as proto;
use anabranch_proto::peer::v1::metadata_calls_server::MetadataCalls;
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(super) struct LocalMetadata(pub Arc<dyn MetadataNode>);

#[tonic::async_trait]
impl MetadataCalls for LocalMetadata {
    async fn create_stream(
        &self,
        request: Request<proto::CreateStreamRequest>,
    ) -> Result<Response<proto::CreateStreamReply>, Status> {
        let (id, account, name, shards) = codec::create_stream_in(request.into_inner()).map_err(malformed)?;
        let reply = self.0.create_stream(id, account, name, shards).await;
        Ok(Response::new(codec::create_stream_reply_out(reply)))
    }

    async fn delete_stream(
        &self,
        request: Request<proto::DeleteStreamRequest>,
    ) -> Result<Response<proto::DeleteStreamReply>, Status> {
        let (account, name) = codec::delete_stream_in(request.into_inner()).map_err(malformed)?;
        Ok(Response::new(codec::delete_stream_reply_out(self.0.delete_stream(account, name).await)))
    }
}
