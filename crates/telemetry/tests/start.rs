//! Telemetry is started once per process, so all that needs the process's own is one story.

#![allow(clippy::disallowed_methods, reason = "the promise is about real time")]

use anabranch_telemetry::{LogFormat, TelemetryError, TelemetryOptions};

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_starts_once_and_a_missing_collector_does_not_hold_it() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let options = TelemetryOptions {
        log_filter: "info".parse().expect("a filter"),
        log_format: LogFormat::Json,
        otlp_endpoint: format!("http://{}", nobody.expect("a free port")).parse().ok(),
        service_name: "anabranch".to_owned(),
        node: "1".to_owned(),
        untraced_targets: &[],
    };
    let telemetry = anabranch_telemetry::init(&options).expect("the first start");
    assert!(matches!(anabranch_telemetry::init(&options), Err(TelemetryError::AlreadyStarted)));

    metrics::counter!("anabranch_test_calls_total").increment(2);
    assert!(telemetry.metrics().render().contains("anabranch_test_calls_total 2\n"));

    for _ in 0..10_000 {
        tracing::info_span!("put_records").in_scope(|| ());
    }
    let started = std::time::Instant::now();
    tokio::task::spawn_blocking(move || drop(telemetry)).await.expect("dropping does not panic");
    assert!(started.elapsed() < 2 * anabranch_telemetry::FLUSH_DEADLINE, "{:?}", started.elapsed());
}
