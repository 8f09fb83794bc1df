//! One gRPC call on an HTTP/2 connection of its own.
//!
//! Source: "gRPC over HTTP2", the protocol's own specification. It stands apart from tonic, which
//! the server is made with, so that a mistake there is not made twice.

use anyhow::{Context, bail, ensure};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::stream;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::Builder;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// The flag of a message that is not compressed, and its length in four bytes, big-endian.
const PREFIX_BYTES: usize = 5;
/// Messages that wait to be written. Credits bound their bytes.
const WAITING_MESSAGES: usize = 4;
/// Answers that the server may send ahead.
const WINDOW_BYTES: u32 = 4 << 20;
const SEND_BUFFER_BYTES: usize = 1 << 20;

/// Both sides of the call.
pub struct Link {
    /// Framed messages to the server; dropped, it ends the client's side.
    pub says: mpsc::Sender<Bytes>,
    /// What the server says.
    pub hears: Hears,
}

/// The server's side.
pub struct Hears {
    body: Incoming,
    frames: Frames,
}

impl Link {
    /// Connects and calls `path`, with a framed message to begin with.
    ///
    /// # Errors
    /// When nobody listens, or the server refuses the call.
    pub async fn open(address: SocketAddr, path: &str, first: Bytes) -> anyhow::Result<Link> {
        let (says, said) = mpsc::channel(WAITING_MESSAGES);
        says.send(first).await?;
        Ok(Link { says, hears: Hears::of_call(address, path, said).await? })
    }
}

impl Hears {
    /// Connects and calls `path` with one framed message and no more: such a call begins once the
    /// server has heard that it was all.
    ///
    /// # Errors
    /// When nobody listens, or the server refuses the call.
    pub async fn of_one_message(address: SocketAddr, path: &str, message: Bytes) -> anyhow::Result<Hears> {
        let (says, said) = mpsc::channel(1);
        says.send(message).await?;
        drop(says);
        Hears::of_call(address, path, said).await
    }

    async fn of_call(address: SocketAddr, path: &str, said: mpsc::Receiver<Bytes>) -> anyhow::Result<Hears> {
        let socket = TcpStream::connect(address).await.with_context(|| format!("connect to {address}"))?;
        socket.set_nodelay(true)?;
        let (mut sender, connection) = Builder::new(TokioExecutor::new())
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .handshake(TokioIo::new(socket))
            .await?;
        // Its end ends the call, which is where it is told.
        tokio::spawn(connection);
        let frames = stream::unfold(said, |mut said| async {
            said.recv().await.map(|message| (Ok::<_, Infallible>(Frame::data(message)), said))
        });
        let request = Request::post(format!("http://{address}{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(StreamBody::new(Box::pin(frames)))?;
        let answer = sender.send_request(request).await.context("the call")?;
        ensure!(answer.status() == 200, "the call was answered with {}", answer.status());
        check(answer.headers())?;
        Ok(Hears { body: answer.into_body(), frames: Frames::default() })
    }

    /// The next message; none when the server has ended the call well. Cancel-safe.
    ///
    /// # Errors
    /// When the connection breaks or the call ends with a status that is not OK.
    pub async fn message<M: Message + Default>(&mut self) -> anyhow::Result<Option<M>> {
        loop {
            if let Some(message) = self.frames.next()? {
                return Ok(Some(M::decode(message)?));
            }
            let Some(frame) = self.body.frame().await else { bail!("the call ended without a status") };
            match frame.context("the connection")?.into_data() {
                Ok(data) => self.frames.push(&data),
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    ensure!(trailers.contains_key("grpc-status"), "the call ended without a status");
                    return check(&trailers).map(|()| None);
                }
            }
        }
    }
}

/// Refuses a status that is not OK; where there is none, the call goes on.
fn check(headers: &HeaderMap) -> anyhow::Result<()> {
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    match text("grpc-status") {
        Some(status) if status != "0" => {
            bail!("the call ended with status {status}: {}", text("grpc-message").unwrap_or_default())
        }
        Some(_) | None => Ok(()),
    }
}

/// A message as it is sent.
pub fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + length);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(length).expect("a message of a bench is below 4 GiB"));
    message.encode(&mut framed).expect("room for the whole message");
    framed.freeze()
}

/// Puts messages together from the pieces that come.
#[derive(Default)]
pub struct Frames(BytesMut);

impl Frames {
    /// More bytes came.
    pub fn push(&mut self, data: &[u8]) {
        self.0.extend_from_slice(data);
    }

    /// The next message that is whole.
    ///
    /// # Errors
    /// When it is compressed, which nobody asked for.
    pub fn next(&mut self) -> anyhow::Result<Option<Bytes>> {
        let Some((prefix, rest)) = self.0.split_first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
        let [flag, length @ ..] = *prefix;
        ensure!(flag == 0, "a compressed message");
        let length = u32::from_be_bytes(length) as usize;
        if rest.len() < length {
            return Ok(None);
        }
        self.0.advance(PREFIX_BYTES);
        Ok(Some(self.0.split_to(length).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_put_together_from_any_pieces() {
        let messages = ["a", "", "longer"].map(|text| frame(&text.to_owned()));
        let all = messages.concat();
        for piece in 1..=all.len() {
            let (mut frames, mut heard) = (Frames::default(), Vec::new());
            for bytes in all.chunks(piece) {
                frames.push(bytes);
                while let Some(message) = frames.next().expect("no error") {
                    heard.push(String::decode(message).expect("text"));
                }
            }
            assert_eq!(heard, ["a", "", "longer"], "pieces of {piece}");
        }
    }

    #[test]
    fn a_compressed_message_is_refused() {
        let mut frames = Frames::default();
        frames.push(&[1, 0, 0, 0, 0]);
        assert!(frames.next().is_err());
    }

    #[test]
    fn a_status_that_is_not_ok_is_an_error_that_tells_it() {
        let mut headers = HeaderMap::new();
        assert!(check(&headers).is_ok());
        headers.insert("grpc-status", "0".parse().expect("a header"));
        assert!(check(&headers).is_ok());
        headers.insert("grpc-status", "14".parse().expect("a header"));
        headers.insert("grpc-message", "draining".parse().expect("a header"));
        assert_eq!(check(&headers).expect_err("unavailable").to_string(), "the call ended with status 14: draining");
    }
}
