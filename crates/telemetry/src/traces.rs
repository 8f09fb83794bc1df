//! Traces: finished spans go to a collector by OTLP over gRPC, in the background.
//!
//! Which share of traces is kept is the SDK's to read from `OTEL_TRACES_SAMPLER`.

use crate::{OtlpEndpoint, TelemetryError, TelemetryOptions};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use std::time::Duration;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// The longest that one export may take.
const EXPORT_DEADLINE: Duration = Duration::from_secs(2);
/// Spans that wait for the collector; more are dropped.
const QUEUED_SPANS_MAX: usize = 8_192;
/// Crates that the exporter itself runs on: their spans would export themselves.
const EXPORTER_TARGETS: [&str; 5] = ["h2", "hyper", "opentelemetry", "tonic", "tower"];

/// The running exporter.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

/// Starts the exporter; it connects when it first has something to send.
///
/// # Errors
/// [`TelemetryError::Exporter`].
pub(crate) fn start(endpoint: &OtlpEndpoint, options: &TelemetryOptions) -> Result<Traces, TelemetryError> {
    let mut exporter =
        SpanExporter::builder().with_tonic().with_endpoint(endpoint.as_str()).with_timeout(EXPORT_DEADLINE);
    if endpoint.is_encrypted() {
        exporter = exporter.with_tls_config(ClientTlsConfig::new().with_native_roots());
    }
    let exporter = exporter
        .build()
        .map_err(|error| TelemetryError::Exporter { endpoint: endpoint.clone(), reason: error.to_string() })?;
    let batches = BatchConfigBuilder::default().with_max_queue_size(QUEUED_SPANS_MAX).build();
    let resource = Resource::builder()
        .with_service_name(options.service_name.clone())
        .with_attribute(KeyValue::new("service.instance.id", options.node.clone()))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
        .with_resource(resource)
        .build();
    Ok(Traces { provider })
}

impl Traces {
    /// The layer that hands finished spans to the exporter.
    pub(crate) fn layer<S>(&self, untraced_targets: &'static [&'static str]) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("anabranch"))
            .with_filter(filter_fn(move |metadata| is_traced(metadata, untraced_targets)))
    }

    /// Sends what is queued, for at most `deadline`, and ends the exporter.
    pub(crate) fn flush(self, deadline: Duration) {
        if let Err(error) = self.provider.shutdown_with_timeout(deadline) {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}

/// Spans of requests and their hops, and the events within; nothing of the exporter's own.
fn is_traced(metadata: &Metadata<'_>, untraced_targets: &[&str]) -> bool {
    let of_crate = |name: &&str| {
        metadata.target().strip_prefix(*name).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '_']))
    };
    *metadata.level() <= Level::INFO
        && !untraced_targets.contains(&metadata.target())
        && !EXPORTER_TARGETS.iter().any(of_crate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_sdk::trace::InMemorySpanExporter;
    use tracing_subscriber::layer::SubscriberExt;

    /// Names of the spans that are exported when `work` runs, innermost first.
    fn exported(work: impl FnOnce()) -> Vec<String> {
        let exporter = InMemorySpanExporter::default();
        let traces = Traces { provider: SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build() };
        let subscriber = tracing_subscriber::registry().with(traces.layer(&["anabranch::task"]));
        tracing::subscriber::with_default(subscriber, work);
        let spans = exporter.get_finished_spans().expect("the exporter lives");
        spans.into_iter().map(|span| span.name.into_owned()).collect()
    }

    #[test]
    fn a_request_and_its_hops_are_exported() {
        let names = exported(|| {
            let _request = tracing::info_span!("put_records").entered();
            let _hop = tracing::info_span!("group.propose").entered();
        });
        assert_eq!(names, ["group.propose", "put_records"]);
    }

    #[test]
    fn spans_of_long_lived_tasks_and_of_the_exporter_are_not() {
        let names = exported(|| {
            let _task = tracing::info_span!(target: "anabranch::task", "task").entered();
            let _own = tracing::info_span!(target: "tonic::transport", "connect").entered();
            let _sync = tracing::info_span!("walog.sync").entered();
        });
        assert_eq!(names, ["walog.sync"]);
    }
}
