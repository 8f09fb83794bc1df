//! The whole door over in-memory connections, before a service that only watches.
#![allow(clippy::disallowed_methods, reason = "clients are tasks of their test, and its time is paused")]

mod connections;
mod event_streams;
mod local_calls;
mod order_of_checks;
mod probe;
mod transports;

use crate::sigv4::signer::{ACCESS_KEY, ClientSigner, SECRET};
use crate::*;
use anabranch_runtime::Env;
use anabranch_types::{AccountId, Timestamp};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use probe::Probe;
use std::sync::Arc;
use tokio::io::DuplexStream;

/// The signer's default date, 20150830T123600Z.
const NOW: Timestamp = Timestamp::from_millis(1_440_938_160_000);
const ACCOUNT: &str = "000000000042";

struct OneKey;

impl Credentials for OneKey {
    fn secret(&self, access_key: &str) -> Option<SecretKey> {
        (access_key == ACCESS_KEY).then(|| SecretKey::new(SECRET))
    }
}

fn options() -> DoorOptions {
    let account = AccountId::parse(ACCOUNT).expect("twelve digits");
    DoorOptions::new(account, Verification::Full(Arc::new(OneKey)))
}

fn door(options: DoorOptions) -> Arc<AwsDoor<Probe>> {
    Arc::new(AwsDoor::new(Arc::new(Probe::default()), options, Env::simulated(NOW, 1)))
}

/// The service behind the door.
fn probe(door: &AwsDoor<Probe>) -> &Probe {
    door.service().expect("the door is open")
}

/// A page at `/health/ready`, as the server crate makes one.
fn one_page() -> LocalPages {
    LocalPages::new(|path| {
        let body = Bytes::from_static(b"ready\n");
        let page = LocalPage { status: http::StatusCode::OK, content_type: "text/plain", body };
        (path == "/health/ready").then(|| Box::pin(std::future::ready(page)) as PageFuture)
    })
}

/// A connection to the door; the other end is served by a task.
fn connect(door: &Arc<AwsDoor<Probe>>) -> DuplexStream {
    let (client, server) = tokio::io::duplex(256 << 10);
    tokio::spawn(Arc::clone(door).serve_connection(server));
    client
}

/// `POST /` with these headers, unsigned.
fn unsigned(headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method("POST").uri("/").header("host", "broker");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).expect("request is well formed")
}

/// A call as an SDK would make it.
fn signed(operation: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    signed_as(Encoding::Json, operation, body)
}

/// A call as an SDK that speaks `encoding` would make it.
fn signed_as(encoding: Encoding, operation: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let (body, target) = (body.into(), format!("Kinesis_20131202.{operation}"));
    let signer = ClientSigner::default();
    let headers = [
        ("content-type", encoding.media_type()),
        ("host", "broker"),
        ("x-amz-date", signer.date),
        ("x-amz-target", &target),
    ];
    let authorization = signer.authorization(&headers, &body);
    let others = [headers[0], headers[2], headers[3], ("authorization", &authorization)];
    unsigned(&others, body)
}

/// Status and text of an answer.
async fn read<B>(response: Response<B>) -> (u16, String)
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("the answer is whole").to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}
