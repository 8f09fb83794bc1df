//! A collector of traces that is reached by TLS only.

use crate::node::{Node, call};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

/// How every HTTP/2 connection begins. Source: RFC 9113, section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Speaks HTTP/2 over TLS as `localhost`; whoever is to trust it finds its certificate at `path`.
fn collector_identity(path: &Path) -> Arc<ServerConfig> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::write(path, cert.pem()).expect("written");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("default versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a key of this certificate");
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

#[test]
fn traces_leave_for_a_collector_behind_tls() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let certificate = scratch.path().join("collector.pem");
    let identity = collector_identity(&certificate);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!("https://localhost:{}", listener.local_addr().expect("it is bound").port());

    let data_dir = scratch.path().join("data");
    let mut node =
        Node::start_with(&data_dir, &["--otlp-endpoint", &endpoint], &[("SSL_CERT_FILE", certificate.as_path())]);
    let begun = std::thread::spawn(move || {
        let (connection, _) = listener.accept().expect("the exporter connects");
        let session = ServerConnection::new(identity).expect("a session");
        let mut begun = vec![0; PREFACE.len()];
        StreamOwned::new(session, connection).read_exact(&mut begun).map(|()| begun)
    });
    call(node.ready());
    node.stop();
    assert_eq!(begun.join().expect("no panic").expect("the exporter trusts the collector"), PREFACE);
}
