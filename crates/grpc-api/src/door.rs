//! From a request's head to the service that its path names: identity, deadline, budget, headers.

use crate::call::{Call, Shared, draw_request_id};
use crate::caller::Callers;
use crate::charged_body::{CallBytes, ChargedBody};
use crate::errors::CallError;
use crate::health::HealthCalls;
use crate::observed_body::{Observation, ObservedBody};
use crate::options::GrpcOptions;
use crate::reflection::Reflection;
use anabranch_api::{ApiError, Kinesis};
use anabranch_aws_api::{Admission, OtherAnswer, OtherCalls};
use anabranch_proto::health::v1::health_server::HealthServer;
use anabranch_proto::timeout;
use anabranch_proto::v1::records_server::RecordsServer;
use anabranch_proto::v1::streams_server::StreamsServer;
use anabranch_runtime::Env;
use anabranch_types::RequestId;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tracing::{Instrument, info_span};
use uuid::Uuid;

/// The full names of the services.
pub(crate) const STREAMS: &str = "anabranch.v1.Streams";
pub(crate) const RECORDS: &str = "anabranch.v1.Records";
pub(crate) const HEALTH: &str = "grpc.health.v1.Health";
pub(crate) const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";

/// Every method, as metrics and logs call it: the path of its calls without the first slash.
const METHODS: &[&str] = &[
    "anabranch.v1.Streams/CreateStream",
    "anabranch.v1.Streams/DeleteStream",
    "anabranch.v1.Streams/DescribeStream",
    "anabranch.v1.Streams/DescribeStreamSummary",
    "anabranch.v1.Streams/ListStreams",
    "anabranch.v1.Streams/ListShards",
    "anabranch.v1.Streams/SplitShard",
    "anabranch.v1.Streams/MergeShards",
    "anabranch.v1.Streams/UpdateShardCount",
    "anabranch.v1.Records/PutRecord",
    "anabranch.v1.Records/PutRecords",
    "anabranch.v1.Records/GetShardIterator",
    "anabranch.v1.Records/GetRecords",
    "anabranch.v1.Records/Produce",
    "anabranch.v1.Records/Follow",
    "grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/Watch",
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
];

/// The gRPC door. It stands beside the AWS door, on its port (`AwsDoor::beside`).
pub struct GrpcDoor {
    callers: Callers,
    shared: Arc<Shared>,
    reflection: Reflection,
    env: Env,
}

impl GrpcDoor {
    /// A door with these options. Tasks run in the group of the port's calls, not in that of `env`.
    pub fn new(options: GrpcOptions, env: Env) -> Self {
        let long_streams = Arc::new(Semaphore::new(options.limits.long_streams_max.min(Semaphore::MAX_PERMITS)));
        let callers = Callers::new(&options);
        GrpcDoor { callers, shared: Arc::new(Shared { options, long_streams }), reflection: Reflection::new(), env }
    }

    /// Health and reflection are for everyone and at any time; all else is for who is known, while
    /// there is a service.
    async fn answer<S: Kinesis>(
        &self,
        request: Request<Incoming>,
        admission: Admission<S>,
        id: RequestId,
        bytes: CallBytes,
    ) -> Result<Response<Body>, Status> {
        let (parts, body) = request.into_parts();
        let body = ChargedBody { body, bytes: bytes.clone() };
        let service = service_of(&parts);
        match service {
            HEALTH => {
                let calls =
                    HealthCalls { serving: admission.service.is_ok(), stopping: admission.tasks.stopping(), bytes };
                return Ok(whole(HealthServer::new(calls).call(Request::from_parts(parts, body)).await));
            }
            REFLECTION => {
                let stopping = admission.tasks.stopping();
                return Ok(self.reflection.call(Request::from_parts(parts, body), stopping).await);
            }
            STREAMS | RECORDS if parts.method == Method::POST => {}
            _ => return Err(Status::unimplemented("this build knows no such service")),
        }
        let refused = |error: ApiError| CallError::from(error).to_status();
        let answering = admission.service.map_err(refused)?;
        let caller =
            self.callers.identify(&parts, admission.client.as_ref(), self.env.clock.wall()).map_err(refused)?;
        let granted = parts.headers.get(timeout::HEADER).and_then(|value| timeout::read(value.to_str().ok()?));
        let longest = self.shared.options.timeouts.request;
        let (now, within) = (self.env.clock.monotonic(), granted.map_or(longest, |granted| granted.min(longest)));
        let call = Call {
            service: answering,
            caller,
            request_id: id,
            deadline: now + within,
            ends_at: granted.map(|granted| now + granted),
            bytes,
            shared: Arc::clone(&self.shared),
            env: Env { tasks: admission.tasks, ..self.env.clone() },
        };
        let (streams, message_bytes_max) = (service == STREAMS, self.shared.options.limits.message_bytes_max);
        let request = Request::from_parts(parts, body);
        let answered = async {
            if streams {
                StreamsServer::new(call).max_decoding_message_size(message_bytes_max).call(request).await
            } else {
                RecordsServer::new(call).max_decoding_message_size(message_bytes_max).call(request).await
            }
        };
        match tokio::time::timeout(within, answered).await {
            Ok(answered) => Ok(whole(answered)),
            Err(_) => Err(Status::deadline_exceeded(format!(
                "The request was not answered within {within:?}; its outcome is unknown."
            ))),
        }
    }
}

impl<S: Kinesis> OtherCalls<S> for GrpcDoor {
    /// `application/grpc`, alone or with `+` and an encoding. Source: gRPC over HTTP/2, Content-Type.
    fn takes(&self, head: &Parts) -> bool {
        let text = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let rest = text.strip_prefix(b"application/grpc");
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
    }

    fn serve<'a>(&'a self, request: Request<Incoming>, admission: Admission<S>) -> OtherAnswer<'a> {
        Box::pin(async move {
            let id = draw_request_id(&self.env);
            let printed = Uuid::from_u128(id.0);
            let method = method_of(request.uri().path());
            let mut observation = Observation::begin(method, Arc::clone(&self.env.clock));
            let span = info_span!("grpc_request", request_id = %printed, method);
            let bytes = CallBytes::new(admission.memory.clone(), admission.connection.clone());
            let answer = self.answer(request, admission, id, bytes.clone()).instrument(span).await;
            let mut response = answer.unwrap_or_else(Status::into_http);
            observation.head(response.headers());
            let printed = HeaderValue::try_from(printed.to_string()).expect("a UUID is ASCII");
            response.headers_mut().insert("x-amzn-requestid", printed);
            response.map(|body| ObservedBody { body, bytes, has_no_memory: false, observation }.boxed_unsync())
        })
    }
}

/// The service that a path names.
fn service_of(parts: &Parts) -> &str {
    parts.uri.path().trim_start_matches('/').split('/').next().unwrap_or_default()
}

/// The method that a path names, if it is one of ours.
fn method_of(path: &str) -> &'static str {
    let name = path.strip_prefix('/').unwrap_or(path);
    METHODS.iter().find(|method| **method == name).copied().unwrap_or("unknown")
}

fn whole(answered: Result<Response<Body>, Infallible>) -> Response<Body> {
    answered.unwrap_or_else(|never| match never {})
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_proto::PUBLIC_DESCRIPTORS;
    use prost::Message;
    use prost_types::FileDescriptorSet;

    #[test]
    fn every_public_method_has_a_name_for_metrics() {
        let set = FileDescriptorSet::decode(PUBLIC_DESCRIPTORS).expect("the build wrote it");
        let mut paths = Vec::new();
        for file in &set.file {
            for service in &file.service {
                let methods = service.method.iter().map(|method| method.name());
                paths.extend(methods.map(|method| format!("{}.{}/{method}", file.package(), service.name())));
            }
        }
        assert_eq!(paths.len(), METHODS.len() - 1, "all but reflection, which is not ours");
        for path in paths {
            assert_eq!(method_of(&format!("/{path}")), path);
        }
        assert_eq!(method_of("/anabranch.v1.Records/Drop"), "unknown");
    }
}
