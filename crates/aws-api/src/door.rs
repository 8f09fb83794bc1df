//! One request from its head to its answer: identity, body, checks, operation, headers, log.

use crate::answer::{DoorBody, Refusal, answer, events, success};
use crate::body::{BodyReader, BodyRefused, Collected};
use crate::checks::{self, Checked};
use crate::encoding::{Encoded, Encoding};
use crate::event_stream::{EventBody, Events};
use crate::kinesis::{self, Answer, Operation};
use crate::metrics::{self, Present};
use crate::options::DoorOptions;
use crate::other_calls::{Admission, OtherCalls};
use crate::sigv4::Verifier;
use crate::{calendar, cors};
use anabranch_api::{ApiError, ErrorCode, Kinesis, Principal, RequestContext};
use anabranch_runtime::{BudgetSpent, Charge, Env, TaskGroup};
use anabranch_types::RequestId;
use bytes::Bytes;
use http::header::{CONNECTION, DATE, EXPECT, ORIGIN};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, Version};
use hyper::body::Body;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info_span};
use uuid::Uuid;

/// The service gets this much longer than its deadline before the door answers in its stead.
const DEADLINE_GRACE: Duration = Duration::from_secs(5);
/// Random bytes behind `x-amz-id-2`. Source: recorded answers of the service.
const ID_2_BYTES: usize = 72;

/// Answers up to this size fit the buffers that every connection has anyway.
const SMALL_ANSWER_BYTES: usize = 4 << 10;
/// What a client is told when the budget of memory is used up.
const NO_MEMORY: &str = "Too many bytes of requests and answers are in flight on this node; retry.";

/// What a connection may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admits {
    /// Calls and pages.
    Calls,
    /// Pages: it came when the door was draining.
    PagesOnly,
}

/// How a connection came, and how it is ended.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) admits: Admits,
    /// Whether its other end is on this machine, as far as is known.
    pub(crate) from_this_machine: bool,
    /// Cancelled when its client keeps memory waiting that others need.
    pub(crate) connection: CancellationToken,
}

impl Arrival {
    /// One that admits calls, from anywhere.
    pub(crate) fn from_anywhere() -> Arrival {
        Arrival { admits: Admits::Calls, from_this_machine: false, connection: CancellationToken::new() }
    }
}

/// The AWS door before a service. One for all listeners: its limits are those of all together.
///
/// Pages are answered as long as it accepts connections. Calls are refused as unavailable before
/// there is a service ([`AwsDoor::open`]) and on connections that come while it drains.
pub struct AwsDoor<S> {
    service: OnceLock<Arc<S>>,
    pub(crate) options: DoorOptions,
    /// Its group accepts connections, and serves those that admit pages only.
    pub(crate) env: Env,
    /// Serves the connections that admit calls; ends before the group of `env`, or with it.
    pub(crate) calls: TaskGroup,
    pub(crate) connections: Arc<Semaphore>,
    /// Whose are the calls that are not AWS's.
    other: Option<Arc<dyn OtherCalls<S>>>,
    pub(crate) verifier: Verifier,
    pub(crate) reader: BodyReader,
}

impl<S: Kinesis> AwsDoor<S> {
    /// A door before `service`. Connections run in the task group of `env` and below it.
    pub fn new(service: impl Into<Arc<S>>, options: DoorOptions, env: Env) -> Self {
        let door = AwsDoor::closed(options, env);
        door.open(service);
        door
    }

    /// A door whose service is still starting.
    pub fn closed(options: DoorOptions, env: Env) -> Self {
        let verifier = Verifier::new(options.verification.clone(), options.region.clone());
        let (memory, hashing) = (options.memory.clone(), verifier.needs_body_hash());
        let reader = BodyReader::new(&options.limits, &options.timeouts, memory, hashing);
        let connections = Arc::new(Semaphore::new(options.limits.connections_max.min(Semaphore::MAX_PERMITS)));
        let (service, calls) = (OnceLock::new(), env.tasks.child("calls"));
        AwsDoor { service, options, env, calls, connections, other: None, verifier, reader }
    }

    /// The same door, with another beside it on its port. The service is one for both.
    pub fn beside(self, other: Arc<dyn OtherCalls<S>>) -> Self {
        AwsDoor { other: Some(other), ..self }
    }

    /// The other door, when the request is its.
    pub(crate) fn other_for(&self, parts: &Parts) -> Option<Arc<dyn OtherCalls<S>>> {
        self.other.clone().filter(|other| parts.version == Version::HTTP_2 && other.takes(parts))
    }

    /// What the other door is told about a call on a connection of `client`.
    pub(crate) fn admission(&self, arrival: &Arrival, client: Option<Arc<str>>) -> Admission<S> {
        Admission {
            service: self.service_for(arrival.admits).cloned(),
            client,
            memory: self.options.memory.clone(),
            connection: arrival.connection.clone(),
            tasks: self.calls.clone(),
        }
    }

    /// Lets calls in, to `service`. A door has one service: it stays with its first.
    pub fn open(&self, service: impl Into<Arc<S>>) {
        let _is_first = self.service.set(service.into());
    }

    /// The service behind the door, once it is there.
    pub fn service(&self) -> Option<&S> {
        self.service.get().map(|service| &**service)
    }

    /// The tasks of connections that admit calls. Its shutdown answers the open ones and lets no
    /// more in; pages are served on.
    pub fn calls(&self) -> TaskGroup {
        self.calls.clone()
    }

    /// Serves one request; answers whatever happens. Dropping the future breaks the call off,
    /// its outcome unknown.
    pub async fn handle<B: Body<Data = Bytes> + Unpin>(&self, request: Request<B>) -> Response<DoorBody> {
        self.handle_on(request, &Arrival::from_anywhere()).await
    }

    /// Serves one request of a connection that came so.
    pub(crate) async fn handle_on<B: Body<Data = Bytes> + Unpin>(
        &self,
        request: Request<B>,
        arrival: &Arrival,
    ) -> Response<DoorBody> {
        let (parts, mut body) = request.into_parts();
        let path = parts.uri.path();
        let page = if parts.method == Method::GET { self.options.pages.find(path) } else { None };
        let local = if parts.method == Method::POST { self.options.local_calls.find(path) } else { None };
        let mut response = match (page, local) {
            (Some(page), _) => {
                let page = page.await;
                answer(page.status, page.content_type, page.body)
            }
            (None, Some(call)) => self.handle_local(&parts, &mut body, call, arrival).await,
            (None, None) => self.handle_call(&parts, &mut body, arrival).await,
        };
        if arrival.admits == Admits::PagesOnly && parts.version < Version::HTTP_2 {
            // The client's next connection may reach a node that takes calls.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn handle_call<B: Body<Data = Bytes> + Unpin>(
        &self,
        parts: &Parts,
        body: &mut B,
        arrival: &Arrival,
    ) -> Response<DoorBody> {
        let ids = AnswerIds::draw(&self.env);
        let operation = checks::operation(parts).map_or("unknown", Operation::name);
        let span = info_span!("aws_request", request_id = %ids.request_id, operation);
        let mut response = self.answer(parts, body, &ids, operation, arrival).instrument(span).await;
        if parts.headers.contains_key(ORIGIN) && parts.method != Method::OPTIONS {
            cors::expose(&mut response);
        }
        let headers = response.headers_mut();
        headers.insert("x-amzn-requestid", ids.request_id_header());
        headers.insert("x-amz-id-2", ids.id_2);
        let now = calendar::print_http(self.env.clock.wall());
        headers.insert(DATE, HeaderValue::try_from(now).expect("dates are ASCII"));
        response
    }

    /// Everything between the head and the headers, counted and logged once.
    async fn answer<B: Body<Data = Bytes> + Unpin>(
        &self,
        parts: &Parts,
        body: &mut B,
        ids: &AnswerIds,
        operation: &'static str,
        arrival: &Arrival,
    ) -> Response<DoorBody> {
        if let Some(response) = cors::preflight(parts) {
            return response;
        }
        let _present = Present::request();
        let started = self.env.clock.monotonic();
        let Outcome { result, body_bytes } = self.serve_request(parts, body, ids, arrival).await;
        let elapsed = self.env.clock.monotonic().saturating_sub(started);
        let code = result.as_ref().map_or_else(Refusal::code, |_| "ok");
        metrics::request_answered(operation, code, elapsed);
        debug!(code, body_bytes, elapsed_us = elapsed.as_micros() as u64, "request answered");
        match result {
            Ok(Served::Whole(output)) => success(output),
            Ok(Served::Events(body)) => events(body),
            Err(refusal) if body_bytes.is_some() => refusal.print(),
            Err(refusal) => self.refuse_unread(&refusal, parts, body).await,
        }
    }

    async fn serve_request<B: Body<Data = Bytes> + Unpin>(
        &self,
        parts: &Parts,
        body: &mut B,
        ids: &AnswerIds,
        arrival: &Arrival,
    ) -> Outcome {
        let head_bytes_max = self.options.limits.header_bytes_max as usize;
        if let Err(refusal) = checks::check_head(parts, head_bytes_max) {
            return Outcome { result: Err(refusal), body_bytes: None };
        }
        let service = match self.service_for(arrival.admits) {
            Ok(service) => service,
            Err(error) => {
                let refusal = Refusal::Error(error, checks::encoding_of_errors(parts));
                return Outcome { result: Err(refusal), body_bytes: None };
            }
        };
        let collected = match self.reader.collect(body).await {
            Ok(collected) => collected,
            Err(refused) => {
                let refusal = self.body_refusal(refused, checks::encoding_of_errors(parts));
                return Outcome { result: Err(refusal), body_bytes: None };
            }
        };
        let Collected { bytes, hash, charge } = collected;
        let body_bytes = Some(bytes.len());
        let result = match checks::check(parts, bytes, &hash, &self.verifier, self.env.clock.wall()) {
            Ok(checked) => self.call(service, checked, charge, ids, arrival).await,
            Err(refusal) => Err(refusal),
        };
        Outcome { result, body_bytes }
    }

    /// Who answers a call; before its body is read, so that a refused one costs no memory.
    fn service_for(&self, admits: Admits) -> Result<&Arc<S>, ApiError> {
        let refused = |message| ApiError::new(ErrorCode::ServiceUnavailable, message);
        match (admits, self.service.get()) {
            (Admits::Calls, Some(service)) => Ok(service),
            (Admits::Calls, None) => Err(refused("The node is starting; retry.")),
            (Admits::PagesOnly, _) => Err(refused("The node is draining; retry.")),
        }
    }

    async fn call(
        &self,
        service: &Arc<S>,
        Checked { operation, signer, body }: Checked,
        charge: Charge,
        ids: &AnswerIds,
        arrival: &Arrival,
    ) -> Result<Served, Refusal> {
        let timeout = self.options.timeouts.request;
        let context = RequestContext {
            request_id: RequestId(ids.request_id.as_u128()),
            principal: Principal { access_key: signer.access_key.into() },
            account: self.options.account,
            region: signer.region,
            deadline: self.env.clock.monotonic() + timeout,
        };
        let encoding = body.encoding;
        let call = kinesis::dispatch(&**service, &context, operation, body);
        let result = tokio::time::timeout(timeout + DEADLINE_GRACE, call).await;
        let result = result.unwrap_or_else(|_| {
            Err(ApiError::new(
                ErrorCode::InternalFailure,
                "The request was not answered in time; its outcome is unknown.",
            ))
        });
        let served = result.and_then(|answer| match answer {
            Answer::Whole(output) => {
                let bytes = answer_held(operation, output, charge, &arrival.connection)?;
                Ok(Served::Whole(Encoded { encoding, bytes }))
            }
            Answer::Events(subscription) => Ok(Served::Events(self.events(service, subscription, encoding, arrival))),
        });
        served.map_err(|error| Refusal::Error(error, encoding))
    }

    fn events(
        &self,
        service: &Arc<S>,
        subscription: S::Subscription,
        encoding: Encoding,
        arrival: &Arrival,
    ) -> EventBody {
        let events = Events {
            service: Arc::clone(service),
            subscription,
            encoding,
            memory: self.options.memory.clone(),
            connection: arrival.connection.clone(),
            stopping: self.calls.stopping(),
        };
        events.into_body()
    }

    fn body_refusal(&self, refused: BodyRefused, encoding: Encoding) -> Refusal {
        let (code, message) = match refused {
            BodyRefused::TooSlow => return Refusal::RequestTimeout(encoding),
            BodyRefused::TooLarge => (
                ErrorCode::RequestEntityTooLarge,
                format!("The request body is larger than {} bytes.", self.options.limits.body_bytes_max),
            ),
            BodyRefused::NoMemory => (ErrorCode::ServiceUnavailable, NO_MEMORY.to_owned()),
            BodyRefused::Broken => (ErrorCode::Serialization, String::new()),
        };
        Refusal::Error(ApiError::new(code, message), encoding)
    }

    /// A refused body may still be on its way: HTTP/1.1 clients that write before they read
    /// would see a reset connection instead of the answer, so the rest is read and dropped.
    /// Clients that asked first have not begun to send.
    async fn refuse_unread<B: Body<Data = Bytes> + Unpin>(
        &self,
        refusal: &Refusal,
        parts: &Parts,
        body: &mut B,
    ) -> Response<DoorBody> {
        let mut response = refusal.print();
        let gives_up = matches!(refusal, Refusal::RequestTimeout(_)) || parts.headers.contains_key(EXPECT);
        let at_end = body.is_end_stream() || (!gives_up && self.reader.discard(body).await);
        if parts.version < Version::HTTP_2 && !at_end {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// The answer, charged until the client has taken it: what its request cost is given back for it. Who
/// has written something must hear of it; what has only been read can be read again.
fn answer_held(
    operation: Operation,
    output: Bytes,
    mut charge: Charge,
    connection: &CancellationToken,
) -> Result<Bytes, ApiError> {
    if output.len() <= SMALL_ANSWER_BYTES {
        return Ok(output);
    }
    let room = charge.grow_to(output.len());
    charge.shrink_to(output.len());
    match room {
        Err(BudgetSpent) if operation.is_read() => Err(ApiError::new(ErrorCode::ServiceUnavailable, NO_MEMORY)),
        Ok(()) | Err(BudgetSpent) => Ok(charge.hold_for_client(output, connection.clone())),
    }
}

/// What an operation answers, ready to be sent.
enum Served {
    Whole(Encoded),
    Events(EventBody),
}

/// What became of a request.
struct Outcome {
    /// The operation's answer or why there is none.
    result: Result<Served, Refusal>,
    /// None when the body was not read to its end.
    body_bytes: Option<usize>,
}

/// What tells this answer from all others.
struct AnswerIds {
    request_id: Uuid,
    id_2: HeaderValue,
}

impl AnswerIds {
    fn draw(env: &Env) -> Self {
        let mut random = [0; 16 + ID_2_BYTES];
        env.random.fill(&mut random);
        let (for_request, for_id_2) = random.split_at(16);
        let for_request = for_request.try_into().expect("split at 16");
        let id_2: String = base64_simd::STANDARD.encode_type(for_id_2);
        AnswerIds {
            request_id: uuid::Builder::from_random_bytes(for_request).into_uuid(),
            id_2: HeaderValue::try_from(id_2).expect("base64 is ASCII"),
        }
    }

    fn request_id_header(&self) -> HeaderValue {
        HeaderValue::try_from(self.request_id.to_string()).expect("a UUID is ASCII")
    }
}
