//! The numbers that steer apply, replicated so that every node of every version uses the same.

use crate::codec::{Malformed, Reader, Writer};
use anabranch_types::{Timestamp, limits};
use bytes::BufMut;
use std::time::Duration;

/// How a group rolls buckets, keeps data and remembers requests. Set once, by `Init`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A bucket is closed when entries this far from its first one arrive, or a 24th part of the
    /// group's longest retention if that is more.
    pub bucket_span: Duration,
    /// A bucket is closed when its chunks take this many bytes.
    pub bucket_bytes: u64,
    /// A bucket is dropped when its newest record is older than this and than the longest
    /// retention of the group's streams.
    pub retention_max: Duration,
    /// Requests that are remembered at the most.
    pub requests_max: u32,
    /// How long requests are remembered, and how old one may be when it is first applied.
    pub request_window: Duration,
    /// How far a gateway's clock may be ahead of the leader's.
    pub request_skew: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            bucket_span: Duration::from_secs(3600),
            bucket_bytes: 1 << 30,
            retention_max: limits::RETENTION_DEFAULT,
            requests_max: 65_536,
            request_window: Duration::from_secs(300),
            request_skew: Duration::from_secs(10),
        }
    }
}

/// Buckets of the longest retention, as long as none is full before its span is over: a retention
/// of a year must not make thousands. Source: docs/adr/0002-state-layout.md, families per database.
const BUCKETS_PER_RETENTION: u32 = 24;

impl Policy {
    /// How far from its first entry a bucket is closed, when the group keeps records for `kept_for`.
    pub(crate) fn span_for(&self, kept_for: Duration) -> Duration {
        self.bucket_span.max(kept_for / BUCKETS_PER_RETENTION)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        write_span(out, self.bucket_span);
        out.put_u64(self.bucket_bytes);
        write_span(out, self.retention_max);
        out.put_u32(self.requests_max);
        write_span(out, self.request_window);
        write_span(out, self.request_skew);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Policy {
            bucket_span: read_span(reader, "bucket span")?,
            bucket_bytes: reader.u64("bucket bytes")?,
            retention_max: read_span(reader, "longest retention")?,
            requests_max: reader.u32("most requests")?,
            request_window: read_span(reader, "request window")?,
            request_skew: read_span(reader, "request skew")?,
        })
    }
}

/// Whole milliseconds in 48 bits; longer spans are written as the longest that they hold.
pub(crate) fn write_span(out: &mut Vec<u8>, span: Duration) {
    out.timestamp(Timestamp::EPOCH.plus(span));
}

pub(crate) fn read_span(reader: &mut Reader<'_>, what: &'static str) -> Result<Duration, Malformed> {
    reader.timestamp(what).map(|time| Duration::from_millis(time.as_millis()))
}
