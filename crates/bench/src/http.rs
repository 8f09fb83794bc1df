//! One HTTP/1.1 connection that sends prepared bytes and reads whole answers.

use anyhow::{Context, ensure};
use memchr::memmem;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const READ_BYTES: usize = 256 * 1024;

/// A connection and the buffers of its last answer.
pub struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    /// The server said that it closes the connection: the next request goes over another one.
    is_over: bool,
    received: Vec<u8>,
    body: Vec<u8>,
}

/// What a head says about its message.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// The first line, without its end.
    pub first_line: String,
    /// Bytes up to and with the empty line.
    pub length: usize,
    /// How long the body is; none when it comes in chunks.
    pub content_length: Option<usize>,
    /// Whether no other message follows on this connection.
    pub is_last: bool,
}

/// The head at the start of `bytes`; none while it is not complete. A message with neither a
/// length nor chunks has an empty body.
///
/// # Errors
/// When it is no text or its length is no number.
pub fn head(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..end])?;
    let mut lines = text.split("\r\n");
    let first_line = lines.next().unwrap_or_default().to_owned();
    let (mut content_length, mut is_last) = (Some(0), false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            content_length = Some(value.trim().parse().context("content-length")?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            content_length = None;
        } else if name.eq_ignore_ascii_case("connection") {
            is_last = value.trim().eq_ignore_ascii_case("close");
        }
    }
    Ok(Some(Head { first_line, length: end + 4, content_length, is_last }))
}

impl Connection {
    /// Connects without delay of small writes.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Connection> {
        let stream = connect(address).await?;
        let received = Vec::with_capacity(READ_BYTES);
        Ok(Connection { address, stream, is_over: false, received, body: Vec::new() })
    }

    /// Sends `request` and reads the answer: its status and its body.
    ///
    /// # Errors
    /// When the connection breaks or the answer is no HTTP.
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<(u16, &[u8])> {
        if self.is_over {
            self.stream = connect(self.address).await?;
            self.is_over = false;
        }
        self.stream.write_all(request).await.context("send")?;
        let head = loop {
            if let Some(head) = head(&self.received)? {
                break head;
            }
            self.read_more().await?;
        };
        let status = head.first_line.split(' ').nth(1).and_then(|word| word.parse().ok()).context("status line")?;
        self.received.drain(..head.length);
        self.is_over = head.is_last;
        match head.content_length {
            Some(length) => self.read_body(length).await?,
            None => self.read_chunks().await?,
        }
        Ok((status, &self.body))
    }

    async fn read_body(&mut self, length: usize) -> anyhow::Result<()> {
        self.received.reserve(length.saturating_sub(self.received.len()));
        while self.received.len() < length {
            self.read_more().await?;
        }
        ensure!(self.received.len() == length, "more bytes than one answer");
        std::mem::swap(&mut self.received, &mut self.body);
        self.received.clear();
        Ok(())
    }

    async fn read_chunks(&mut self) -> anyhow::Result<()> {
        self.body.clear();
        let mut at = 0;
        loop {
            let line_end = loop {
                match memmem::find(&self.received[at..], b"\r\n") {
                    Some(end) => break at + end,
                    None => self.read_more().await?,
                }
            };
            let size = std::str::from_utf8(&self.received[at..line_end])?.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size.trim(), 16).context("chunk size")?;
            let (from, to) = (line_end + 2, line_end + 2 + size);
            while self.received.len() < to + 2 {
                self.read_more().await?;
            }
            if size == 0 {
                self.received.drain(..to + 2);
                return Ok(());
            }
            self.body.extend_from_slice(&self.received[from..to]);
            at = to + 2;
        }
    }

    async fn read_more(&mut self) -> anyhow::Result<()> {
        self.received.reserve(READ_BYTES);
        let count = self.stream.read_buf(&mut self.received).await.context("receive")?;
        ensure!(count > 0, "the server closed the connection");
        Ok(())
    }
}

async fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("connect to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n").expect("no error"), None);
        let whole = head(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").expect("a head").expect("complete");
        assert_eq!((whole.first_line.as_str(), whole.length, whole.content_length), ("HTTP/1.1 200 OK", 38, Some(5)));
        assert!(head(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").is_err());
    }

    #[tokio::test]
    async fn a_server_that_closes_is_asked_again_over_another_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            for body in ["1", "2"] {
                let (mut stream, _) = listener.accept().await.expect("a client");
                stream.read_exact(&mut [0]).await.expect("a request");
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.expect("sent");
            }
        });
        let mut connection = Connection::open(address).await.expect("connected");
        assert_eq!(connection.exchange(b"1").await.expect("an answer"), (200, &b"1"[..]));
        assert_eq!(connection.exchange(b"2").await.expect("an answer"), (200, &b"2"[..]));
        server.await.expect("the server ends");
    }

    #[tokio::test]
    async fn answers_with_a_length_and_in_chunks_are_read_whole() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut byte = [0];
            stream.read_exact(&mut byte).await.expect("the first request");
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await.expect("sent");
            stream.read_exact(&mut byte).await.expect("the second request");
            let chunked =
                b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
            stream.write_all(chunked).await.expect("sent");
        });
        let mut connection = Connection::open(address).await.expect("connected");
        assert_eq!(connection.exchange(b"1").await.expect("an answer"), (200, &b"hello"[..]));
        assert_eq!(connection.exchange(b"2").await.expect("an answer"), (400, &b"hello world"[..]));
        server.await.expect("the server ends");
    }
}
