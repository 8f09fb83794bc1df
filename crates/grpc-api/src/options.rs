//! What the door is given: identity, verification, limits and times, each with unit and reason.

use anabranch_aws_api::Verification;
use anabranch_types::{AccountId, Region};
use std::time::Duration;

/// Everything that can be set about the door.
#[derive(Debug, Clone)]
pub struct GrpcOptions {
    /// The account whose streams are served; it is part of printed ARNs.
    pub account: AccountId,
    /// The only region that signatures may be scoped to; none accepts all.
    pub region: Option<Region>,
    /// How far signatures are checked. Where any credentials pass, none pass as well.
    pub verification: Verification,
    /// What a client may cost.
    pub limits: GrpcLimits,
    /// How long a client may take.
    pub timeouts: GrpcTimeouts,
}

impl GrpcOptions {
    /// Options with default limits and times.
    pub fn new(account: AccountId, verification: Verification) -> Self {
        GrpcOptions {
            account,
            region: None,
            verification,
            limits: GrpcLimits::default(),
            timeouts: GrpcTimeouts::default(),
        }
    }
}

/// What one client, and all together, may cost.
#[derive(Debug, Clone)]
pub struct GrpcLimits {
    /// Largest message in bytes. 12 MiB: 10 MiB of records and what frames 5,000 of them.
    pub message_bytes_max: usize,
    /// Produce and follow streams of all connections together.
    pub long_streams_max: usize,
    /// Bytes of data and keys that a produce stream may have unanswered.
    pub produce_bytes: u64,
    /// Records that a produce stream may have unanswered.
    pub produce_records: u64,
    /// Data and key bytes of one message of a follow stream; a larger record comes alone.
    pub follow_bytes: u64,
}

impl Default for GrpcLimits {
    fn default() -> Self {
        GrpcLimits {
            message_bytes_max: 12 << 20,
            long_streams_max: 4_096,
            produce_bytes: 4 << 20,
            produce_records: 10_000,
            follow_bytes: 256 << 10,
        }
    }
}

/// How long a client may take.
#[derive(Debug, Clone)]
pub struct GrpcTimeouts {
    /// How long a call that is no stream may take, its request included; its deadline where the
    /// client sets none or a later one.
    pub request: Duration,
    /// How long a produce stream goes on trying to write a record when its client does not say.
    pub produce_record: Duration,
    /// The most that a client may ask for.
    pub produce_record_max: Duration,
    /// How long a produce stream may take to answer what it has taken once the node drains.
    pub produce_drain: Duration,
    /// How long a follow stream at the tip lets the leader hold one read. Below what nodes grant
    /// a call (30 s).
    pub follow_wait: Duration,
}

impl Default for GrpcTimeouts {
    fn default() -> Self {
        GrpcTimeouts {
            request: Duration::from_secs(30),
            produce_record: Duration::from_secs(30),
            produce_record_max: Duration::from_secs(300),
            produce_drain: Duration::from_secs(5),
            follow_wait: Duration::from_secs(15),
        }
    }
}
