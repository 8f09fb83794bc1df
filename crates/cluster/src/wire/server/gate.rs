//! What every call passes: identity, deadline, and the service that it names.

use super::PeerServer;
use crate::wire::charged::{Charged, MessageCharge};
use crate::wire::identity::{NodeIdentity, address_of_caller};
use crate::wire::peers::PeerAddress;
use crate::wire::refusal::Refusal;
use anabranch_proto::peer::v1::joining_server::SERVICE_NAME as JOINING;
use anabranch_proto::peer::v1::metadata_calls_server::SERVICE_NAME as METADATA;
use anabranch_proto::peer::v1::replica_appends_server::SERVICE_NAME as APPENDS;
use anabranch_proto::peer::v1::replica_messages_server::SERVICE_NAME as MESSAGES;
use anabranch_proto::peer::v1::replica_snapshots_server::SERVICE_NAME as SNAPSHOTS;
use anabranch_proto::peer::v1::storage_calls_server::SERVICE_NAME as STORAGE;
use anabranch_proto::timeout;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use parking_lot::Mutex;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tonic::Status;
use tonic::body::Body;
use tower_service::Service;

/// What a call of so many bytes costs: itself, and the command that carries its records to the log.
fn call_cost(bytes: usize) -> usize {
    bytes.saturating_mul(2)
}

/// A refused peer tries again and again; one line in this time says so.
const REFUSALS_TOLD_EVERY: Duration = Duration::from_secs(10);

/// When a refusal was logged last, in time since node start.
#[derive(Default)]
pub(super) struct RefusalLog(Mutex<Option<Duration>>);

impl PeerServer {
    /// Answers one call that came from `origin`. Its handler finds the caller's `NodeIdentity` in the
    /// request's extensions. A caller that is let in
    /// makes its connection a known one.
    pub(super) async fn answer(
        &self,
        mut request: Request<Incoming>,
        origin: IpAddr,
        is_known: &AtomicBool,
    ) -> Response<Body> {
        let checked = match service_of(&request) {
            JOINING => self.identification.check_joiner(request.headers(), origin),
            service => {
                let from_new = matches!(service, MESSAGES | APPENDS);
                let checked = self.identification.check_caller(request.headers(), origin, &*self.peers, from_new);
                checked.inspect(|caller| self.meet(*caller, request.headers()))
            }
        };
        let caller = match checked {
            Ok(caller) => caller,
            Err(refusal) => {
                self.tell(&refusal, origin);
                return refusal.into_status().into_http();
            }
        };
        is_known.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(caller);
        let granted = request.headers().get(timeout::HEADER).and_then(|value| timeout::read(value.to_str().ok()?));
        let within = granted.map_or(self.options.call_max, |granted| granted.min(self.options.call_max));
        let mut answer = match tokio::time::timeout(within, self.dispatch(request)).await {
            Ok(answer) => answer,
            Err(_) => Status::deadline_exceeded(format!("the caller granted {within:?}")).into_http(),
        };
        let (name, value) = self.identification.answerer_header(caller);
        answer.headers_mut().insert(name, value);
        answer
    }

    /// Keeps in mind where a caller listens that the catalog does not tell of yet.
    fn meet(&self, caller: NodeIdentity, headers: &HeaderMap) {
        if self.peers.peer(caller.node).is_some() {
            return;
        }
        let address = address_of_caller(headers);
        if !address.is_empty() {
            self.peers.met(caller.node, PeerAddress { address, incarnation: caller.incarnation });
        }
    }

    async fn dispatch(&self, request: Request<Incoming>) -> Response<Body> {
        let answered = match service_of(&request) {
            MESSAGES => self.asks.clone().call(request).await,
            APPENDS => self.appends.clone().call(request).await,
            SNAPSHOTS => self.fetches.clone().call(request).await,
            STORAGE => {
                let charge = MessageCharge::new(self.options.memory.open());
                let request = request.map(|body| Charged::arriving(body, charge.clone(), call_cost));
                let answered = self.storage.clone().call(request).await;
                drop(charge);
                let memory = self.options.memory.clone();
                answered.map(|answer| answer.map(|body| Body::new(Charged::leaving(body, memory))))
            }
            METADATA => self.metadata.clone().call(request).await,
            JOINING => self.joining.clone().call(request).await,
            _ => Ok(Status::unimplemented("this build knows no such service").into_http()),
        };
        answered.unwrap_or_else(|never: Infallible| match never {})
    }

    /// Somebody has to know that a node is refused: its operator sees nothing but timeouts.
    fn tell(&self, refusal: &Refusal, origin: IpAddr) {
        let now = self.env.clock.monotonic();
        let mut told = self.refusals.0.lock();
        if told.is_some_and(|told| now < told + REFUSALS_TOLD_EVERY) {
            return;
        }
        *told = Some(now);
        tracing::warn!(%origin, field = %refusal.field, reason = refusal.text, "call of another node refused");
    }
}

fn service_of(request: &Request<Incoming>) -> &str {
    request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default()
}
