//! How answers are printed: absent members are left out, times are seconds with three
//! decimals, everything that has a text form is a text.

use anabranch_types::Timestamp;
use bytes::Bytes;
use serde::ser::{Error, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt::Display;

/// The JSON of an answer.
pub(super) fn json<T: Serialize>(answer: &T) -> Bytes {
    let printed = serde_json::to_vec(answer).expect("answers have text keys and printable members only");
    Bytes::from(printed)
}

/// `1742000000.045`, a number. Source: recorded answers; SDKs read any JSON number.
pub(super) fn seconds<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(moment.to_string()).map_err(S::Error::custom)?.serialize(serializer)
}

/// The value's text form.
pub(super) fn text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The value's text form, where there is one.
pub(super) fn optional_text<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// Streams here have shards of a fixed number: `{"StreamMode":"PROVISIONED"}`.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StreamModeDetails {
    stream_mode: &'static str,
}

impl StreamModeDetails {
    /// The one mode there is.
    pub(super) const PROVISIONED: StreamModeDetails = StreamModeDetails { stream_mode: "PROVISIONED" };
}

/// `{"ShardLevelMetrics":[]}`: no shard has metrics of its own.
#[derive(Debug, Default, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EnhancedMetrics {
    shard_level_metrics: [&'static str; 0],
}

/// How long records are kept, whole hours.
pub(super) fn hours(retention: std::time::Duration) -> u64 {
    retention.as_secs() / 3_600
}
