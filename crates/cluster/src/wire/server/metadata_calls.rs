//! Calls of other nodes to this node's metadata role.

use super::{Role, malformed};
use crate::metadata_node::MetadataNode;
use crate::wire::codec;
use anabranch_proto::peer::v1 as proto;
use anabranch_proto::peer::v1::metadata_calls_server::MetadataCalls;
use tonic::{Request, Response, Status};

pub(super) struct LocalMetadata(pub Role<dyn MetadataNode>);

#[tonic::async_trait]
impl MetadataCalls for LocalMetadata {
    async fn create_stream(
        &self,
        request: Request<proto::CreateStreamRequest>,
    ) -> Result<Response<proto::CreateStreamReply>, Status> {
        let (id, account, name, shards) = codec::create_stream_in(request.into_inner()).map_err(malformed)?;
        let reply = self.0.get()?.create_stream(id, account, name, shards).await;
        Ok(Response::new(codec::create_stream_reply_out(reply)))
    }

    async fn delete_stream(
        &self,
        request: Request<proto::DeleteStreamRequest>,
    ) -> Result<Response<proto::DeleteStreamReply>, Status> {
        let (account, name) = codec::delete_stream_in(request.into_inner()).map_err(malformed)?;
        Ok(Response::new(codec::delete_stream_reply_out(self.0.get()?.delete_stream(account, name).await)))
    }

    async fn propose(&self, request: Request<proto::ProposeRequest>) -> Result<Response<proto::ProposeReply>, Status> {
        let reply = self.0.get()?.propose(request.into_inner().command).await;
        Ok(Response::new(codec::propose_reply_out(reply)))
    }

    async fn version(&self, _: Request<proto::Empty>) -> Result<Response<proto::VersionReply>, Status> {
        Ok(Response::new(codec::version_reply_out(self.0.get()?.version().await)))
    }
}
