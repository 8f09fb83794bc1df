//! HTTP/1.1 and HTTP/2, plain and over TLS, on the same port.

use super::*;
use anabranch_runtime::MemoryBudget;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

async fn over_http1<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    io: T,
    request: Request<Full<Bytes>>,
) -> (u16, String) {
    let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await.expect("handshake");
    tokio::spawn(connection);
    read(sender.send_request(request).await.expect("an answer")).await
}

async fn over_http2<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    io: T,
    request: Request<Full<Bytes>>,
) -> (u16, String) {
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.expect("handshake");
    tokio::spawn(connection);
    read(sender.send_request(request).await.expect("an answer")).await
}

/// The same call as clients of HTTP/2 make it: the host is the authority of the URI.
fn signed_with_authority() -> Request<Full<Bytes>> {
    let mut request = signed("ListStreams", "{}");
    request.headers_mut().remove("host");
    *request.uri_mut() = "http://broker/".parse().expect("a uri");
    request
}

const SERVED: u16 = 200;

#[tokio::test]
async fn http1_is_served() {
    assert_eq!(over_http1(connect(&door(options())), signed("ListStreams", "{}")).await.0, SERVED);
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served_and_its_authority_is_the_signed_host() {
    assert_eq!(over_http2(connect(&door(options())), signed_with_authority()).await.0, SERVED);
}

#[tokio::test]
async fn many_requests_share_one_http2_connection() {
    let io = connect(&door(options()));
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.expect("handshake");
    tokio::spawn(connection);
    let calls = (0..500).map(|_| {
        let mut sender = sender.clone();
        async move { sender.send_request(signed_with_authority()).await.expect("an answer").status() }
    });
    let statuses = futures::future::join_all(calls).await;
    assert!(statuses.iter().all(|status| *status == SERVED), "{statuses:?}");
}

/// A TLS connection to `door` that offers `alpn`, trusting the self-signed certificate alone.
async fn connect_tls(door: &Arc<AwsDoor<Probe>>, alpn: &[&str]) -> TlsStream<DuplexStream> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let identity = TlsIdentity::self_signed(directory.path(), &["localhost".to_owned()]).expect("made");
    let file = directory.path().join(TlsIdentity::SELF_SIGNED_CERTIFICATE);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file).expect("a certificate")).expect("a root");
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();

    let (client, server) = tokio::io::duplex(256 << 10);
    let door = Arc::clone(door);
    tokio::spawn(async move {
        let encrypted = TlsAcceptor::from(identity.config()).accept(server).await.expect("handshake");
        door.serve_connection(encrypted).await;
    });
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, client).await.expect("handshake")
}

#[tokio::test]
async fn tls_serves_what_the_client_chose() {
    let door = door(options());
    let h2 = connect_tls(&door, &["h2", "http/1.1"]).await;
    assert_eq!(h2.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    assert_eq!(over_http2(h2, signed_with_authority()).await.0, SERVED);

    let h1 = connect_tls(&door, &["http/1.1"]).await;
    assert_eq!(h1.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    assert_eq!(over_http1(h1, signed("ListStreams", "{}")).await.0, SERVED);

    let silent = connect_tls(&door, &[]).await;
    assert_eq!(over_http1(silent, signed("ListStreams", "{}")).await.0, SERVED);
}

#[tokio::test]
async fn a_body_of_20_mib_is_refused_on_both_protocols_without_being_kept() {
    let door = door(DoorOptions { memory: MemoryBudget::new(1 << 20), ..options() });
    let large = || unsigned(&[("content-type", "application/x-amz-json-1.1")], vec![b' '; 20 << 20]);
    let (status, text) = over_http1(connect(&door), large()).await;
    assert_eq!(status, 413);
    assert!(text.contains("RequestEntityTooLargeException") && text.contains("16777216"), "{text}");
    let mut request = large();
    *request.uri_mut() = "http://broker/".parse().expect("a uri");
    assert_eq!(over_http2(connect(&door), request).await.0, 413);
}

#[tokio::test]
async fn bodies_beyond_the_budget_are_refused_with_a_retryable_error() {
    let door = door(DoorOptions { memory: MemoryBudget::new(200 << 10), ..options() });
    let (status, text) = over_http1(connect(&door), signed("ListStreams", vec![b' '; 200 << 10])).await;
    assert_eq!(status, 503);
    assert!(text.contains("ServiceUnavailable"), "{text}");
    assert_eq!(over_http1(connect(&door), signed("ListStreams", "{}")).await.0, SERVED);
}
