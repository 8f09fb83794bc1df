//! Directories that want to join.

use super::{Role, malformed};
use crate::joining::JoinNode;
use crate::wire::codec;
use crate::wire::identity::NodeIdentity;
use anabranch_proto::peer::v1 as proto;
use anabranch_proto::peer::v1::joining_server::Joining;
use tonic::{Request, Response, Status};

pub(super) struct LocalJoining(pub Role<dyn JoinNode>);

#[tonic::async_trait]
impl Joining for LocalJoining {
    async fn join(&self, request: Request<proto::JoinRequest>) -> Result<Response<proto::JoinReply>, Status> {
        let caller = request.extensions().get::<NodeIdentity>().copied();
        let caller = caller.ok_or_else(|| Status::internal("the gate lets nobody in without an identity"))?;
        let request = codec::join_in(request.get_ref(), caller.incarnation).map_err(malformed)?;
        Ok(Response::new(codec::join_reply_out(self.0.get()?.join(request).await)))
    }
}
