//! What the door counts and times.

use metrics::{counter, gauge, histogram};
use std::time::Duration;

/// A request was answered with `code` (`ok` or the error's name).
pub(crate) fn request_answered(operation: &'static str, code: &'static str, elapsed: Duration) {
    counter!("anabranch_aws_requests_total", "operation" => operation, "code" => code).increment(1);
    histogram!("anabranch_aws_request_seconds", "operation" => operation).record(elapsed.as_secs_f64());
}

/// A TLS handshake failed or took too long.
pub(crate) fn handshake_failed() {
    counter!("anabranch_aws_tls_handshakes_failed_total").increment(1);
}

/// A connection was closed at once: the door has as many as it may.
pub(crate) fn connection_refused() {
    counter!("anabranch_aws_connections_refused_total").increment(1);
}

/// Counts itself into a gauge while it lives.
#[derive(Debug)]
pub(crate) struct Present(&'static str);

impl Present {
    /// One more unanswered request.
    pub(crate) fn request() -> Self {
        Self::enter("anabranch_aws_requests_in_flight")
    }

    /// One more open connection.
    pub(crate) fn connection() -> Self {
        Self::enter("anabranch_aws_connections_open")
    }

    fn enter(name: &'static str) -> Self {
        gauge!(name).increment(1.0);
        Present(name)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        gauge!(self.0).decrement(1.0);
    }
}
