//! NATS JetStream with its own client: streams of many subjects, asynchronous publishing with every
//! acknowledgement awaited, and pull consumers.

mod create;
mod publish;
mod read;

pub use create::create;
pub use publish::publish;
pub use read::read;

use anyhow::Context;
use async_nats::Client;
use std::net::SocketAddr;

/// Connects to one server.
async fn connect(address: SocketAddr) -> anyhow::Result<Client> {
    async_nats::connect(format!("nats://{address}")).await.with_context(|| format!("connect to {address}"))
}

/// The name of the k-th stream. All together hold what one stream of ours holds in its shards.
fn stream_name(stream: &str, index: usize) -> String {
    format!("{stream}-{index}")
}

/// The subject of a key in the k-th stream.
fn subject(stream: &str, index: usize, key: usize) -> String {
    format!("{stream}.{index}.key-{key}")
}
