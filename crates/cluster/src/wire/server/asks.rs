//! Votes, heartbeats and other small messages for the replicas of this node.

use super::{Replicas, malformed};
use crate::wire::codec::CodecError;
use anabranch_consensus::MessageKind;
use anabranch_proto::peer::v1::ask_reply::Outcome;
use anabranch_proto::peer::v1::replica_messages_server::ReplicaMessages;
use anabranch_proto::peer::v1::{AskReply, AskRequest};
use tonic::{Request, Response, Status};

pub(super) struct Asks(Replicas);

impl Asks {
    pub fn new(replicas: Replicas) -> Self {
        Asks(replicas)
    }

    async fn answer(&self, request: AskRequest, kind: MessageKind) -> Outcome {
        let replica = match self.0.get(request.group, request.to_replica) {
            Ok(replica) => replica,
            Err(reason) => return Outcome::Refused(reason),
        };
        match replica.answer(kind, request.body).await {
            Ok(answer) => Outcome::Answer(answer),
            Err(refused) => Outcome::Refused(refused.to_string()),
        }
    }
}

#[tonic::async_trait]
impl ReplicaMessages for Asks {
    async fn ask(&self, request: Request<AskRequest>) -> Result<Response<AskReply>, Status> {
        let request = request.into_inner();
        let kind = u8::try_from(request.kind).ok().and_then(MessageKind::from_code);
        let kind = kind.ok_or_else(|| {
            let reason = format!("this build knows no kind {}", request.kind);
            malformed(CodecError::Invalid { field: "kind", reason })
        })?;
        Ok(Response::new(AskReply { outcome: Some(self.answer(request, kind).await) }))
    }
}
