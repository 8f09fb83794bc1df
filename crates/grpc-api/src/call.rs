//! One call on its way to the service: who makes it, by when it is wanted, what it may use.

use crate::caller::Caller;
use crate::charged_body::CallBytes;
use crate::errors::CallError;
use crate::options::GrpcOptions;
use anabranch_api::RequestContext;
use anabranch_runtime::Env;
use anabranch_types::RequestId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tonic::{Response, Status};

/// A call that was let in. The generated servers are made anew for each, around it.
pub(crate) struct Call<S> {
    pub service: Arc<S>,
    pub caller: Caller,
    pub request_id: RequestId,
    /// Time since node start by which a call that is no stream must have its answer.
    pub deadline: Duration,
    /// Time since node start at which the client breaks the call off, where it said so.
    pub ends_at: Option<Duration>,
    /// What its body costs.
    pub bytes: CallBytes,
    pub shared: Arc<Shared>,
    /// With the task group of the port's calls: its stop is the drain.
    pub env: Env,
}

/// What all calls share.
pub(crate) struct Shared {
    pub options: GrpcOptions,
    pub long_streams: Arc<Semaphore>,
}

impl<S> Clone for Call<S> {
    fn clone(&self) -> Self {
        Call {
            service: Arc::clone(&self.service),
            caller: self.caller.clone(),
            request_id: self.request_id,
            deadline: self.deadline,
            ends_at: self.ends_at,
            bytes: self.bytes.clone(),
            shared: Arc::clone(&self.shared),
            env: self.env.clone(),
        }
    }
}

impl<S> Call<S> {
    /// How long one request to the service may take.
    pub fn request_timeout(&self) -> Duration {
        self.shared.options.timeouts.request
    }

    /// What accompanies the call through the house.
    pub fn context(&self) -> RequestContext {
        self.context_until(self.request_id, self.deadline)
    }

    /// The same for one of several requests that a stream makes.
    pub fn context_until(&self, request_id: RequestId, deadline: Duration) -> RequestContext {
        RequestContext {
            request_id,
            principal: self.caller.principal.clone(),
            account: self.shared.options.account,
            region: self.caller.region.clone(),
            deadline,
        }
    }

    /// A request id of its own for a request that a stream makes.
    pub fn draw_request_id(&self) -> RequestId {
        draw_request_id(&self.env)
    }
}

/// A random request id.
pub(crate) fn draw_request_id(env: &Env) -> RequestId {
    let mut random = [0; 16];
    env.random.fill(&mut random);
    RequestId(uuid::Builder::from_random_bytes(random).into_uuid().as_u128())
}

/// What tonic wants of a result.
pub(crate) fn answered<T>(result: Result<T, CallError>) -> Result<Response<T>, Status> {
    result.map(Response::new).map_err(|error| error.to_status())
}
