//! Calls of other nodes to this node's storage role.

use super::{Role, malformed};
use crate::storage_node::StorageNode;
use crate::wire::codec;
use anabranch_proto::peer::v1 as proto;
use anabranch_proto::peer::v1::storage_calls_server::StorageCalls;
use anabranch_types::{GroupId, ReplicaId, StreamUid};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(super) struct LocalStorage(pub Role<dyn StorageNode>);

#[tonic::async_trait]
impl StorageCalls for LocalStorage {
    async fn put(&self, request: Request<proto::PutRequest>) -> Result<Response<proto::PutReply>, Status> {
        let (request, attempt) = codec::put_in(request.into_inner()).map_err(malformed)?;
        let reply = self.0.get()?.put(Arc::new(request), attempt).await;
        Ok(Response::new(codec::put_reply_out(reply)))
    }

    async fn read(&self, request: Request<proto::ReadRequest>) -> Result<Response<proto::ReadReply>, Status> {
        let request = codec::read_in(request.into_inner()).map_err(malformed)?;
        Ok(Response::new(codec::read_reply_out(self.0.get()?.read(request).await)))
    }

    async fn locate(&self, request: Request<proto::LocateRequest>) -> Result<Response<proto::LocateReply>, Status> {
        let (group, shard, start) = codec::locate_in(request.into_inner()).map_err(malformed)?;
        Ok(Response::new(codec::locate_reply_out(self.0.get()?.locate(group, shard, start).await)))
    }

    async fn create_shards(
        &self,
        request: Request<proto::CreateShardsRequest>,
    ) -> Result<Response<proto::DoneReply>, Status> {
        let (group, new) = codec::create_shards_in(request.into_inner()).map_err(malformed)?;
        Ok(Response::new(codec::done_out(self.0.get()?.create_shards(group, Arc::new(new)).await)))
    }

    async fn seal(&self, request: Request<proto::SealRequest>) -> Result<Response<proto::SealReply>, Status> {
        let (group, stream, shards) = codec::seal_in(request.into_inner());
        Ok(Response::new(codec::seal_reply_out(self.0.get()?.seal(group, stream, shards).await)))
    }

    async fn drop_stream(
        &self,
        request: Request<proto::DropStreamRequest>,
    ) -> Result<Response<proto::DoneReply>, Status> {
        let proto::DropStreamRequest { group, stream } = request.into_inner();
        Ok(Response::new(codec::done_out(self.0.get()?.drop_stream(GroupId(group), StreamUid(stream)).await)))
    }

    async fn set_retention(
        &self,
        request: Request<proto::SetRetentionRequest>,
    ) -> Result<Response<proto::DoneReply>, Status> {
        let (group, new) = codec::set_retention_in(request.into_inner()).map_err(malformed)?;
        Ok(Response::new(codec::done_out(self.0.get()?.set_retention(group, new).await)))
    }

    async fn transfer_leader(
        &self,
        request: Request<proto::TransferLeaderRequest>,
    ) -> Result<Response<proto::DoneReply>, Status> {
        let proto::TransferLeaderRequest { group, to_replica } = request.into_inner();
        let done = self.0.get()?.transfer_leader(GroupId(group), ReplicaId(to_replica)).await;
        Ok(Response::new(codec::done_out(done)))
    }

    async fn report(&self, _: Request<proto::Empty>) -> Result<Response<proto::ReportReply>, Status> {
        Ok(Response::new(codec::report_reply_out(self.0.get()?.report().await)))
    }

    async fn state_hash(
        &self,
        request: Request<proto::StateHashRequest>,
    ) -> Result<Response<proto::StateHashReply>, Status> {
        let group = GroupId(request.into_inner().group);
        Ok(Response::new(codec::state_hash_reply_out(self.0.get()?.state_hash(group).await)))
    }
}
