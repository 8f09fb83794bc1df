//! What telemetry can be told at start.

use crate::{LogFilter, OtlpEndpoint};
use std::str::FromStr;

/// How telemetry behaves for the whole process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryOptions {
    /// Which log events are written.
    pub log_filter: LogFilter,
    /// How a log event is written.
    pub log_format: LogFormat,
    /// Where spans are sent by OTLP over gRPC; none for no traces.
    pub otlp_endpoint: Option<OtlpEndpoint>,
    /// `service.name` of the traces.
    pub service_name: String,
    /// `service.instance.id` of the traces: the node.
    pub node: String,
    /// Spans with these targets appear in logs but not in traces: those that live as long
    /// as the process.
    pub untraced_targets: &'static [&'static str],
}

/// How a log event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A line of JSON for machines.
    Json,
}

/// The text names no log format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a log format is text or json, not {0:?}")]
pub struct UnknownLogFormat(pub String);

impl FromStr for LogFormat {
    type Err = UnknownLogFormat;

    fn from_str(text: &str) -> Result<Self, UnknownLogFormat> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(UnknownLogFormat(other.chars().take(64).collect())),
        }
    }
}

impl std::fmt::Display for LogFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        })
    }
}
