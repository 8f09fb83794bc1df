//! Sizes, counts and times of the network between nodes.

use crate::wire::network::{PeerNetwork, TcpNetwork};
use crate::wire::proof::SharedSecret;
use anabranch_runtime::{BackoffLimits, MemoryBudget};
use std::sync::Arc;
use std::time::Duration;

/// How a node talks to the others. Both ends of a connection use the same values; different ones
/// only move the place where a limit is met.
#[derive(Debug, Clone)]
pub struct PeerOptions {
    /// What all nodes of the cluster know and nobody else does. Without it only peers on the same
    /// machine are talked to (D14).
    pub secret: Option<SharedSecret>,
    /// Where this node tells others that it listens for them, `host:port`; empty when it does not.
    pub listens_at: String,
    /// What the calls of other nodes and the replies to this one's are charged to (D16). Replication
    /// is not: it has bounds of its own, for it must go on when clients have taken all.
    pub memory: MemoryBudget,
    /// How connections are made.
    pub network: Arc<dyn PeerNetwork>,
    /// How long one attempt to connect may take, name lookup included.
    pub connect_max: Duration,
    /// Waits between attempts to connect. A call during a wait fails at once.
    pub reconnect: BackoffLimits,
    /// How often a connection is tried, also an idle one.
    pub ping_every: Duration,
    /// A connection whose peer does not answer that for so long is dead.
    pub ping_answer_max: Duration,
    /// A connection on which no call was let in for so long after it came is closed.
    pub first_call_max: Duration,
    /// No call may take longer, whatever its caller grants.
    pub call_max: Duration,
    /// How long open calls may go on once the node stops.
    pub drain_max: Duration,
    /// Bytes of one message of an append stream: above everything that consensus sends in one, which
    /// is a page of the log, and the log takes entries of half a segment.
    pub append_bytes_max: usize,
    /// Bytes of a vote, a heartbeat, or another small message.
    pub ask_bytes_max: usize,
    /// Bytes of the request or the reply of a call: the largest of the public API are 10 MiB of
    /// records and their keys.
    pub call_bytes_max: usize,
    /// Bytes of all headers of a call.
    pub header_bytes_max: u32,
    /// Open calls and streams on one connection.
    pub streams_max: u32,
    /// Connections that are accepted; a peer makes four.
    pub connections_max: usize,
    /// Bytes that a stream may be ahead of its reader.
    pub stream_window_bytes: u32,
    /// Bytes that all streams of a connection may be ahead of their readers: many times
    /// `stream_window_bytes`, so that a group that reads nothing does not hold up the others.
    pub connection_window_bytes: u32,
}

impl Default for PeerOptions {
    fn default() -> Self {
        PeerOptions {
            secret: None,
            listens_at: String::new(),
            memory: MemoryBudget::unbounded(),
            network: Arc::new(TcpNetwork),
            connect_max: Duration::from_secs(2),
            reconnect: BackoffLimits {
                first: Duration::from_millis(20),
                longest: Duration::from_secs(1),
                waits_max: None,
            },
            ping_every: Duration::from_secs(1),
            ping_answer_max: Duration::from_secs(3),
            first_call_max: Duration::from_secs(10),
            call_max: Duration::from_secs(30),
            drain_max: Duration::from_secs(2),
            append_bytes_max: 64 << 20,
            ask_bytes_max: 64 << 10,
            call_bytes_max: 16 << 20,
            header_bytes_max: 16 << 10,
            streams_max: 1024,
            connections_max: 256,
            stream_window_bytes: 1 << 20,
            connection_window_bytes: 128 << 20,
        }
    }
}
