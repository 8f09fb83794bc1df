//! What the door counts and times.

use metrics::{counter, gauge, histogram};
use std::time::Duration;
use tonic::Code;

/// A call has ended with `code`; a stream lasts from its head to its end.
pub(crate) fn call_ended(method: &'static str, code: Code, elapsed: Duration) {
    counter!("anabranch_grpc_calls_total", "method" => method, "code" => code_name(code)).increment(1);
    histogram!("anabranch_grpc_call_seconds", "method" => method).record(elapsed.as_secs_f64());
}

/// A code as its specification spells it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Counts itself into the gauge of open calls while it lives.
#[derive(Debug)]
pub(crate) struct Present(());

impl Present {
    /// One more open call.
    pub fn call() -> Self {
        gauge!("anabranch_grpc_calls_open").increment(1.0);
        Present(())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        gauge!("anabranch_grpc_calls_open").decrement(1.0);
    }
}
