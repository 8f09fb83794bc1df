//! The null pipeline: what the wire and the disk cost when a server does nothing else.
//!
//! It hashes the body, parses the JSON, decodes the data, hashes the keys, checksums and
//! appends; one write and one fdatasync serve every request that waits for them. It checks no
//! signature, routes nothing, keeps no state and cannot be read. The sink does not even that:
//! it shows how fast the load generator is.

mod appender;
mod parse;

use crate::http::{self, Head};
use anyhow::Context;
use appender::Appender;
use std::net::SocketAddr;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const READ_BYTES: usize = 256 * 1024;

/// Serves PutRecords into a new file at `path`, and the number of syncs at `/metrics`.
///
/// # Errors
/// When it cannot listen or write.
pub fn serve_durably(address: SocketAddr, path: &Path) -> anyhow::Result<()> {
    serve(address, Some(Appender::start(path)?))
}

/// Serves PutRecords without looking at it.
///
/// # Errors
/// When it cannot listen.
pub fn serve_nothing(address: SocketAddr) -> anyhow::Result<()> {
    serve(address, None)
}

fn serve(address: SocketAddr, appender: Option<Appender>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.with_context(|| format!("listen on {address}"))?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let appender = appender.clone();
            tokio::spawn(async move {
                if let Err(error) = talk(stream, appender).await {
                    eprintln!("connection: {error:#}");
                }
            });
        }
    })
}

async fn talk(mut stream: TcpStream, appender: Option<Appender>) -> anyhow::Result<()> {
    let mut received = Vec::with_capacity(READ_BYTES);
    let mut answer = Vec::new();
    loop {
        let head = loop {
            if let Some(head) = http::head(&received)? {
                break head;
            }
            received.reserve(READ_BYTES);
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        };
        let end = head.length + head.content_length.context("a request without a length")?;
        received.reserve(end.saturating_sub(received.len()));
        while received.len() < end {
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        }
        let body = respond(&head, &received[head.length..end], appender.as_ref()).await?;
        received.drain(..end);
        answer.clear();
        answer.extend_from_slice(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes());
        answer.extend_from_slice(body.as_bytes());
        stream.write_all(&answer).await?;
    }
}

async fn respond(head: &Head, body: &[u8], appender: Option<&Appender>) -> anyhow::Result<String> {
    let Some(appender) = appender else { return Ok("{\"FailedRecordCount\":0}".to_owned()) };
    if head.first_line.starts_with("GET ") {
        return Ok(format!("anabranch_log_syncs_total {}\n", appender.syncs()));
    }
    let parsed = parse::put_records(body)?;
    appender.append(parsed.frame).await?;
    Ok(parsed.answer)
}
