//! One call within its time: first a connection, then an answer.

use super::connection::Connection;
use super::failure::CallFailure;
use super::lane::Lane;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tonic::{Code, Request, Response, Status};

impl Lane {
    /// Makes a call. `call` gets a connection and `message` with the deadline that the other side
    /// is told. When the time is over before anything was sent, that is no `Late`.
    pub async fn call<Message, Reply, Fut>(
        self: &Arc<Self>,
        within: Duration,
        message: Message,
        call: impl FnOnce(Connection, Request<Message>) -> Fut,
    ) -> Result<Reply, CallFailure>
    where
        Fut: Future<Output = Result<Response<Reply>, Status>>,
    {
        let within = within.min(self.common.options.call_max);
        let clock = &self.common.env.clock;
        let begun = clock.monotonic();
        let connected = timeout(within, self.connection()).await;
        let no_time = |_| CallFailure::NotSent(format!("no connection to node {} within {within:?}", self.node));
        let connection = connected.map_err(no_time)??;
        let left = within.saturating_sub(clock.monotonic() - begun);
        let mut request = Request::new(message);
        request.set_timeout(left);
        match timeout(left, call(connection, request)).await {
            Ok(Err(status)) if status.code() == Code::DeadlineExceeded => Err(CallFailure::Late(within)),
            Ok(answered) => answered.map(Response::into_inner).map_err(CallFailure::of_status),
            Err(_) => Err(CallFailure::Late(within)),
        }
    }
}
