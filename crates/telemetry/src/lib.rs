//! What the node tells about itself: logs on stderr, traces over OTLP, metrics for Prometheus.
//!
//! Other crates only use `tracing`, `metrics` and the names in [`fields`]; no crate but this
//! one names OpenTelemetry. Nothing here ever waits for a collector on a request's path.

pub mod fields;
mod log_filter;
mod logs;
mod metrics;
mod options;
mod otlp_endpoint;
mod panics;
mod process;
mod traces;

pub use log_filter::{InvalidLogFilter, LogFilter};
pub use metrics::{BYTES_BUCKETS, COUNT_BUCKETS, Metrics, SECONDS_BUCKETS};
pub use options::{LogFormat, TelemetryOptions, UnknownLogFormat};
pub use otlp_endpoint::{InvalidOtlpEndpoint, OtlpEndpoint};

use std::time::Duration;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The longest that the end of the process waits for its last spans to reach the collector.
pub const FLUSH_DEADLINE: Duration = Duration::from_secs(2);

/// Telemetry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter cannot be used.
    #[error(transparent)]
    LogFilter(#[from] InvalidLogFilter),
    /// There is no exporter to the collector, for example because this machine trusts no
    /// certificates.
    #[error("no traces can be sent to {endpoint}: {reason}")]
    Exporter {
        /// The collector.
        endpoint: OtlpEndpoint,
        /// What the exporter found.
        reason: String,
    },
    /// Telemetry was started before; a process has one log and one set of metrics.
    #[error("telemetry is already started in this process")]
    AlreadyStarted,
}

/// Running telemetry. Dropping it sends the last spans, for at most [`FLUSH_DEADLINE`]; drop
/// it outside of async code, while the runtime that it was started in still lives.
#[derive(Debug)]
#[must_use = "dropping it ends telemetry"]
pub struct Telemetry {
    traces: Option<traces::Traces>,
    metrics: Metrics,
}

impl Telemetry {
    /// The metrics of this process.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = self.traces.take() {
            traces.flush(FLUSH_DEADLINE);
        }
    }
}

/// Starts logs, traces and metrics for the whole process, and logs panics from now on. With
/// an OTLP endpoint it must be called inside the async runtime. A collector that is away
/// costs spans, never time: they queue in bounded memory and are dropped when it is full.
///
/// # Errors
/// [`TelemetryError`] when there is no exporter to the collector or telemetry was started before.
pub fn init(options: &TelemetryOptions) -> Result<Telemetry, TelemetryError> {
    let log_layer = logs::layer::<Registry>(options)?;
    let traces = options.otlp_endpoint.as_ref().map(|endpoint| traces::start(endpoint, options)).transpose()?;
    let trace_layer = traces.as_ref().map(|traces| traces.layer(options.untraced_targets));
    tracing_subscriber::registry()
        .with(log_layer)
        .with(trace_layer)
        .try_init()
        .map_err(|_| TelemetryError::AlreadyStarted)?;
    let metrics = Metrics::install().ok_or(TelemetryError::AlreadyStarted)?;
    panics::log_panics();
    Ok(Telemetry { traces, metrics })
}
