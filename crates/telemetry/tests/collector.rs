//! Telemetry belongs to the whole process, so this one story has a process of its own.

use anabranch_telemetry::{LogFormat, TelemetryOptions};
use std::io::Read;
use std::net::TcpListener;

/// How every HTTP/2 connection begins. Source: RFC 9113, section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_last_spans_leave_for_the_collector_when_telemetry_ends() {
    let collector = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let options = TelemetryOptions {
        log_filter: "off".parse().expect("a filter"),
        log_format: LogFormat::Text,
        otlp_endpoint: format!("http://{}", collector.local_addr().expect("it is bound")).parse().ok(),
        service_name: "anabranch".to_owned(),
        node: "1".to_owned(),
        untraced_targets: &[],
    };
    let telemetry = anabranch_telemetry::init(&options).expect("the first start");
    tracing::info_span!("put_records").in_scope(|| ());
    tokio::task::spawn_blocking(move || drop(telemetry)).await.expect("dropping does not panic");

    let (mut connection, _) = collector.accept().expect("the exporter has connected");
    let mut begun = vec![0; PREFACE.len()];
    connection.read_exact(&mut begun).expect("the exporter has written");
    assert_eq!(begun, PREFACE);
}
