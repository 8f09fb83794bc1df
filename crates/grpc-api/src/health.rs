//! `grpc.health.v1`: whether the node takes calls.

use crate::charged_body::CallBytes;
use crate::door::{HEALTH, RECORDS, REFLECTION, STREAMS};
use anabranch_proto::health::v1::health_check_response::ServingStatus;
use anabranch_proto::health::v1::health_server::Health;
use anabranch_proto::health::v1::{HealthCheckRequest, HealthCheckResponse};
use futures::stream::{self, BoxStream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// As seen by one call.
pub(crate) struct HealthCalls {
    /// Whether there is a service.
    pub serving: bool,
    /// Cancelled when the node drains.
    pub stopping: CancellationToken,
    /// What the request costs.
    pub bytes: CallBytes,
}

impl HealthCalls {
    fn status(&self, service: &str) -> ServingStatus {
        match service {
            "" | STREAMS | RECORDS => {
                let serving = self.serving && !self.stopping.is_cancelled();
                if serving { ServingStatus::Serving } else { ServingStatus::NotServing }
            }
            HEALTH | REFLECTION => ServingStatus::Serving,
            _ => ServingStatus::ServiceUnknown,
        }
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Health for HealthCalls {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        match self.status(&request.get_ref().service) {
            ServingStatus::ServiceUnknown => Err(Status::not_found("this build knows no such service")),
            status => Ok(Response::new(response(status))),
        }
    }

    /// Ends when the node drains; a node that is still starting is to be asked again.
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        // Anybody may watch, for as long as he likes.
        self.bytes.release_all();
        let first = self.status(&request.get_ref().service);
        let first_message = stream::iter([Ok(response(first))]);
        let over = || Err(Status::unavailable("The node does not serve now; watch again."));
        if first == ServingStatus::NotServing {
            return Ok(Response::new(first_message.chain(stream::iter([over()])).boxed()));
        }
        let stopping = self.stopping.clone();
        let last = stream::once(stopping.cancelled_owned()).flat_map(move |()| {
            let changed = (first == ServingStatus::Serving).then(|| Ok(response(ServingStatus::NotServing)));
            stream::iter(changed.into_iter().chain([over()]))
        });
        Ok(Response::new(first_message.chain(last).boxed()))
    }
}
