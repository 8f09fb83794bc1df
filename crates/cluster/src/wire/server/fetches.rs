//! Pieces of the snapshots that replicas of this node offer.

use super::Replicas;
use anabranch_proto::peer::v1::fetch_reply::Outcome;
use anabranch_proto::peer::v1::replica_snapshots_server::ReplicaSnapshots;
use anabranch_proto::peer::v1::{FetchReply, FetchRequest};
use tonic::{Request, Response, Status};

pub(super) struct Fetches(Replicas);

impl Fetches {
    pub fn new(replicas: Replicas) -> Self {
        Fetches(replicas)
    }

    async fn answer(&self, request: FetchRequest) -> Outcome {
        let replica = match self.0.get(request.group, request.from_replica) {
            Ok(replica) => replica,
            Err(reason) => return Outcome::Refused(reason),
        };
        match replica.fetch(request.body).await {
            Ok(piece) => Outcome::Piece(piece),
            Err(refused) => Outcome::Refused(refused.to_string()),
        }
    }
}

#[tonic::async_trait]
impl ReplicaSnapshots for Fetches {
    async fn fetch(&self, request: Request<FetchRequest>) -> Result<Response<FetchReply>, Status> {
        Ok(Response::new(FetchReply { outcome: Some(self.answer(request.into_inner()).await) }))
    }
}
