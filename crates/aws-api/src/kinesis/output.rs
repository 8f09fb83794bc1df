//! How answers are printed: absent members are left out, times are as their encoding has them,
//! everything that has a text form is a text.

use crate::cbor;
use crate::encoding::Encoding;
use anabranch_types::Timestamp;
use bytes::Bytes;
use serde::ser::{Error, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt::Display;

/// The bytes of an answer.
pub(super) fn print<T: Serialize>(encoding: Encoding, answer: &T) -> Bytes {
    let printed = match encoding {
        Encoding::Json => serde_json::to_vec(answer).expect("answers have text keys and printable members only"),
        Encoding::Cbor => {
            let mut printed = Vec::new();
            cbor::append(answer, &mut printed);
            printed
        }
    };
    Bytes::from(printed)
}

/// In JSON `1742000000.045`, seconds; in CBOR milliseconds, a whole number, because Java's SDKs read
/// nothing else. Source: recorded answers; `SdkCborGenerator` of the AWS SDKs for Java.
pub(super) fn moment<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        RawValue::from_string(moment.to_string()).map_err(S::Error::custom)?.serialize(serializer)
    } else {
        serializer.serialize_newtype_struct(cbor::TIMESTAMP, &moment.as_millis())
    }
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
