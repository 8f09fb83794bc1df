//! Between the messages of `anabranch.v1` and the words of the house. Checks form only: whether a
//! stream or shard exists is for the service to say.

mod records;
mod streams;

pub(crate) use records::{child_out, entry_in, position_in, record_out, stored_out};
pub(crate) use streams::{filter_in, shard_out, status_out, summary_out};

use crate::errors::CallError;
use anabranch_api::{StreamSelector, messages};
use anabranch_proto::v1 as proto;
use anabranch_types::{HashKeyRange, StreamArn, StreamName, Timestamp};
use proto::stream_ref::By;
use std::time::Duration;

/// The most that a limit of a page may be. Source: AWS API model.
const LIMIT_MAX: u32 = 10_000;

/// Reads a name, which the request has in `field`.
pub(crate) fn name_in(name: &str, field: &str) -> Result<StreamName, CallError> {
    let rule = "must have 1 to 128 of the characters a-z, A-Z, 0-9, '_', '.' and '-'";
    StreamName::new(name).map_err(|_| CallError::field(field, rule))
}

/// Reads the field `stream`.
pub(crate) fn stream_in(stream: Option<proto::StreamRef>) -> Result<StreamSelector, CallError> {
    match stream.and_then(|stream| stream.by) {
        Some(By::Name(name)) => Ok(StreamSelector::by_name(name_in(&name, "stream.name")?)),
        Some(By::Arn(arn)) => {
            let arn = StreamArn::parse(&arn);
            let arn = arn.map_err(|_| CallError::about("stream.arn", messages::invalid_stream_arn("stream.arn")))?;
            Ok(StreamSelector { name: None, arn: Some(arn) })
        }
        None => Err(CallError::field("stream", "must name a stream, by name or by arn")),
    }
}

/// Reads a number of things on a page.
pub(crate) fn limit_in(limit: Option<u32>, field: &str) -> Result<Option<usize>, CallError> {
    match limit {
        Some(limit) if !(1..=LIMIT_MAX).contains(&limit) => Err(CallError::field(field, "must be from 1 to 10,000")),
        limit => Ok(limit.map(|limit| limit as usize)),
    }
}

/// Reads a time; its part below the millisecond is dropped.
pub(crate) fn time_in(time: &prost_types::Timestamp, field: &str) -> Result<Timestamp, CallError> {
    let seconds = u64::try_from(time.seconds).ok().and_then(|seconds| seconds.checked_mul(1_000));
    let millis = u64::try_from(time.nanos).ok().filter(|nanos| *nanos < 1_000_000_000).map(|nanos| nanos / 1_000_000);
    let time = seconds.zip(millis).and_then(|(seconds, millis)| seconds.checked_add(millis));
    time.map(Timestamp::from_millis).ok_or_else(|| CallError::field(field, "must be a time from 1970 on"))
}

pub(crate) fn time_out(time: Timestamp) -> Option<prost_types::Timestamp> {
    let nanos = (time.as_millis() % 1_000) as i32 * 1_000_000;
    i64::try_from(time.as_secs()).ok().map(|seconds| prost_types::Timestamp { seconds, nanos })
}

pub(crate) fn span_out(span: Duration) -> Option<prost_types::Duration> {
    prost_types::Duration::try_from(span).ok()
}

pub(crate) fn range_out(range: HashKeyRange) -> Option<proto::HashKeyRange> {
    Some(proto::HashKeyRange { start: range.start().to_string(), end: range.end().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stream_is_named_in_one_way() {
        let by = |by| stream_in(Some(proto::StreamRef { by: Some(by) }));
        let arn = "arn:aws:kinesis:eu-west-1:000000000042:stream/orders";
        assert_eq!(by(By::Name("orders".to_owned())).map(|stream| stream.arn), Ok(None));
        assert_eq!(
            by(By::Arn(arn.to_owned())).map(|stream| stream.arn.map(|arn| arn.to_string())),
            Ok(Some(arn.to_owned()))
        );
        for (stream, field) in [
            (None, "stream"),
            (Some(proto::StreamRef { by: None }), "stream"),
            (Some(proto::StreamRef { by: Some(By::Name("a b".to_owned())) }), "stream.name"),
            (Some(proto::StreamRef { by: Some(By::Arn("arn:aws:s3:::b".to_owned())) }), "stream.arn"),
        ] {
            assert_eq!(stream_in(stream).expect_err("refused").field, field);
        }
    }

    proptest! {
        #[test]
        fn times_come_back_as_they_went(millis in 0u64..4_000_000_000_000) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(time_in(&time_out(time).expect("in range"), "t"), Ok(time));
        }

        #[test]
        fn any_time_is_read_or_refused(seconds: i64, nanos: i32) {
            match time_in(&prost_types::Timestamp { seconds, nanos }, "t") {
                Ok(time) => prop_assert_eq!(time.as_secs(), seconds as u64),
                Err(error) => prop_assert_eq!(error.field, "t"),
            }
        }

        #[test]
        fn ranges_print_as_decimals(start: u64, length: u64) {
            use anabranch_types::HashKey;
            let (start, end) = (u128::from(start), u128::from(start) + u128::from(length));
            let range = HashKeyRange::new(HashKey(start), HashKey(end)).expect("start is not above end");
            let out = range_out(range).expect("always there");
            prop_assert_eq!((out.start.parse(), out.end.parse()), (Ok(start), Ok(end)));
        }
    }
}
