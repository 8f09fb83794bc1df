//! What the door is given: identity, verification, limits and times, each with unit and reason.

use crate::local_calls::LocalCalls;
use crate::pages::LocalPages;
use crate::sigv4::Verification;
use anabranch_runtime::MemoryBudget;
use anabranch_types::{AccountId, Region};
use std::time::Duration;

/// The memory of a door that is given none to share.
const MEMORY_BYTES: usize = 256 << 20;

/// Everything that can be set about the door.
#[derive(Debug, Clone)]
pub struct DoorOptions {
    /// The account whose streams are served; it is part of printed ARNs.
    pub account: AccountId,
    /// The only region that signatures may be scoped to; none accepts all.
    pub region: Option<Region>,
    /// How far signatures are checked.
    pub verification: Verification,
    /// Health and metrics pages.
    pub pages: LocalPages,
    /// Calls of operators.
    pub local_calls: LocalCalls,
    /// What a client may cost.
    pub limits: DoorLimits,
    /// What all requests and answers may occupy together (D16).
    pub memory: MemoryBudget,
    /// How long a client may take.
    pub timeouts: DoorTimeouts,
}

impl DoorOptions {
    /// Options with default limits and times, without pages and calls of operators.
    pub fn new(account: AccountId, verification: Verification) -> Self {
        DoorOptions {
            account,
            region: None,
            verification,
            pages: LocalPages::none(),
            local_calls: LocalCalls::none(),
            limits: DoorLimits::default(),
            memory: MemoryBudget::new(MEMORY_BYTES),
            timeouts: DoorTimeouts::default(),
        }
    }
}

/// What one client, and all together, may cost.
#[derive(Debug, Clone)]
pub struct DoorLimits {
    /// Largest request body in bytes. 16 MiB: 10 MiB of records in base64 and JSON.
    pub body_bytes_max: usize,
    /// Header bytes of one request, the request line included.
    pub header_bytes_max: u32,
    /// Connections of all listeners together; further ones are closed at once.
    pub connections_max: usize,
    /// Unanswered requests on one HTTP/2 connection.
    pub concurrent_streams_max: u32,
    /// Streams that a client has reset and the door has not yet dropped (CVE-2023-44487).
    pub pending_reset_streams_max: usize,
    /// Bytes a client may send ahead on one HTTP/2 stream.
    pub stream_window_bytes: u32,
    /// Bytes a client may send ahead on one HTTP/2 connection; at least `stream_window_bytes`.
    pub connection_window_bytes: u32,
}

impl Default for DoorLimits {
    fn default() -> Self {
        DoorLimits {
            body_bytes_max: 16 << 20,
            header_bytes_max: 16 << 10,
            connections_max: 10_000,
            concurrent_streams_max: 256,
            pending_reset_streams_max: 32,
            stream_window_bytes: 1 << 20,
            connection_window_bytes: 4 << 20,
        }
    }
}

/// How long a client may take.
#[derive(Debug, Clone)]
pub struct DoorTimeouts {
    /// From the start of a TLS connection to the end of its handshake.
    pub handshake: Duration,
    /// From a connection's start to its first whole request head, and for each later HTTP/1.1
    /// head from its first byte; noticed at the latest after twice this time.
    pub header_read: Duration,
    /// A connection without a request and without bytes to write for so long is closed. Longer
    /// than the 60 s for which AWS SDKs keep a connection in their pools.
    pub idle: Duration,
    /// A body may take this long before [`DoorTimeouts::body_bytes_per_second_min`] counts.
    pub body_grace: Duration,
    /// A body that comes slower is refused.
    pub body_bytes_per_second_min: u32,
    /// How long the service may take for an answer; becomes the deadline of the request. Below
    /// the read timeout of the SDKs (boto3: 60 s).
    pub request: Duration,
    /// Time between pings on an HTTP/2 connection.
    pub ping_interval: Duration,
    /// A ping unanswered for so long ends its connection.
    pub ping_timeout: Duration,
    /// How long open requests may take to end once the node is stopping.
    pub drain: Duration,
}

impl Default for DoorTimeouts {
    fn default() -> Self {
        DoorTimeouts {
            handshake: Duration::from_secs(5),
            header_read: Duration::from_secs(10),
            idle: Duration::from_secs(90),
            body_grace: Duration::from_secs(10),
            body_bytes_per_second_min: 64 << 10,
            request: Duration::from_secs(30),
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(20),
            drain: Duration::from_secs(20),
        }
    }
}
