//! Creates the stream that a bench writes to, once the server answers.

use crate::args::Args;
use crate::http::Connection;
use crate::sigv4::Signer;
use anyhow::{Context, bail};
use memchr::memmem;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long a server may take to start and to make the stream: one of many shards takes its time.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long to wait before it is asked again.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Creates `--stream` with `--shards`, by the first node, and waits until it is active.
///
/// # Errors
/// When the server refuses, or takes longer than its time.
pub async fn create(args: &Args) -> anyhow::Result<()> {
    timeout(PATIENCE, create_and_wait(args)).await.context("the server takes longer than its time")?
}

async fn create_and_wait(args: &Args) -> anyhow::Result<()> {
    let (address, stream) = (args.addresses()?[0], args.text("stream")?);
    let shards: u32 = args.value("shards")?;
    let deadline = Instant::now() + PATIENCE;
    let mut connection = loop {
        match Connection::open(address).await {
            Ok(connection) => break connection,
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(ASK_EVERY).await,
        }
    };
    let mut request = Vec::new();
    let body = format!("{{\"StreamName\":\"{stream}\",\"ShardCount\":{shards}}}");
    Signer::new(address).sign("CreateStream", body.as_bytes(), &mut request);
    let (status, answer) = connection.exchange(&request).await.context("CreateStream")?;
    if status != 200 {
        bail!("CreateStream was answered with {status}: {}", String::from_utf8_lossy(answer));
    }
    let body = format!("{{\"StreamName\":\"{stream}\"}}");
    Signer::new(address).sign("DescribeStreamSummary", body.as_bytes(), &mut request);
    loop {
        let (_, answer) = connection.exchange(&request).await.context("DescribeStreamSummary")?;
        if memmem::find(answer, b"\"ACTIVE\"").is_some() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the stream did not become active: {}", String::from_utf8_lossy(answer));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}
