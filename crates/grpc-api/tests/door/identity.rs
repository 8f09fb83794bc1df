//! Who may call: a signature, a client certificate, or on a node for everyone, anybody.

use crate::fake::Fake;
use crate::net::Link;
use crate::signer::{ACCESS_KEY, DATE, SECRET, authorization};
use crate::world::{NOW, World, account, details};
use anabranch_aws_api::{AwsDoor, Credentials, DoorOptions, Listener, SecretKey, TlsIdentity, Verification};
use anabranch_grpc_api::{GrpcDoor, GrpcOptions};
use anabranch_proto::v1::ListStreamsRequest;
use anabranch_proto::v1::streams_client::StreamsClient;
use anabranch_runtime::Env;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::sync::Arc;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tonic::{Code, Status};

struct OneKey;

impl Credentials for OneKey {
    fn secret(&self, access_key: &str) -> Option<SecretKey> {
        (access_key == ACCESS_KEY).then(|| SecretKey::new(SECRET))
    }
}

const LIST: &str = "/anabranch.v1.Streams/ListStreams";

fn strict() -> GrpcOptions {
    GrpcOptions::new(account(), Verification::Full(Arc::new(OneKey)))
}

/// Lists streams with these headers.
async fn list(link: Link, headers: &[(&'static str, &str)]) -> Result<(), Status> {
    let link = headers.iter().fold(link, |link, (name, value)| link.with(name, value));
    StreamsClient::new(link).list_streams(ListStreamsRequest::default()).await.map(|_| ())
}

fn signed(authorization: &str) -> [(&'static str, &str); 3] {
    [("authorization", authorization), ("x-amz-date", DATE), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]
}

#[tokio::test(start_paused = true)]
async fn a_signed_call_is_served_as_its_signer() {
    let world = World::with(strict());
    list(world.link().await, &signed(&authorization(LIST, SECRET, "broker"))).await.expect("served");
    let context = world.fake.contexts.lock().expect("nobody panicked")[0].clone();
    assert_eq!((&*context.principal.access_key, context.region.as_str()), (ACCESS_KEY, "eu-west-1"));
    assert_eq!(context.account, account());
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_good_signature_is_refused() {
    let world = World::with(strict());
    let other_secret = authorization(LIST, "secret", "broker");
    let other_path = authorization("/anabranch.v1.Streams/DeleteStream", SECRET, "broker");
    let other_host = authorization(LIST, SECRET, "elsewhere");
    let unknown = authorization(LIST, SECRET, "broker").replace(ACCESS_KEY, "AKIDOTHER");
    let good = authorization(LIST, SECRET, "broker");
    let late = [("authorization", good.as_str()), ("x-amz-date", "20150830T124200Z")];
    let bare = [("authorization", good.as_str()), ("x-amz-date", DATE)];
    for (headers, code) in [
        (&[][..], "MissingAuthenticationTokenException"),
        (&signed("AWS4-HMAC-SHA256 x"), "IncompleteSignatureException"),
        (&signed(&other_secret), "InvalidSignatureException"),
        (&signed(&other_path), "InvalidSignatureException"),
        (&signed(&other_host), "InvalidSignatureException"),
        (&signed(&unknown), "UnrecognizedClientException"),
        (&late, "InvalidSignatureException"),
        (&bare, "InvalidSignatureException"),
    ] {
        let status = list(world.link().await, headers).await.expect_err("not good");
        assert_eq!((status.code(), details(&status).code.as_str()), (Code::Unauthenticated, code), "{headers:?}");
    }
    assert_eq!(world.fake.seen(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_node_for_everyone_takes_calls_without_a_signature_and_refuses_a_broken_one() {
    let world = World::open();
    list(world.link().await, &[]).await.expect("anybody is let in");
    let any = authorization(LIST, "whatever", "anywhere");
    list(world.link().await, &signed(&any)).await.expect("any credentials pass");
    let principals: Vec<_> = {
        let contexts = world.fake.contexts.lock().expect("nobody panicked");
        contexts.iter().map(|context| context.principal.access_key.to_string()).collect()
    };
    assert_eq!(principals, ["anonymous", ACCESS_KEY]);
    let status = list(world.link().await, &signed("Bearer x")).await.expect_err("no signature of this kind");
    assert_eq!(status.code(), Code::Unauthenticated);
}

/// Connections that a test makes.
struct Pipes(mpsc::Receiver<DuplexStream>);

impl Listener for Pipes {
    type Io = DuplexStream;

    async fn accept(&mut self) -> std::io::Result<DuplexStream> {
        match self.0.recv().await {
            Some(pipe) => Ok(pipe),
            None => std::future::pending().await,
        }
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "authority");
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

/// A certificate of `authority` for `name`, with its key.
fn certificate(authority: &Authority, name: &str) -> (CertificateDer<'static>, KeyPair) {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::DnsName(name.try_into().expect("ASCII"))];
    let key = KeyPair::generate().expect("a key");
    (params.signed_by(&key, authority).expect("a certificate").der().clone(), key)
}

#[tokio::test]
async fn a_client_certificate_of_the_configured_authority_is_a_credential() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let ours = authority();
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().expect("ASCII"))];
    let key = KeyPair::generate().expect("a key");
    let server = params.signed_by(&key, &ours).expect("a certificate");
    let identity = TlsIdentity::with_client_authority(
        &file("server.crt", server.pem()),
        &file("server.key", key.serialize_pem()),
        &file("clients.crt", ours.pem()),
    )
    .expect("usable");

    let env = Env::simulated(NOW, 1);
    let aws = DoorOptions::new(account(), Verification::Full(Arc::new(OneKey)));
    let fake = Arc::new(Fake::new(env.clone()));
    let door: AwsDoor<Fake> = AwsDoor::new(Arc::clone(&fake), aws, env.clone());
    let door = Arc::new(door.beside(Arc::new(GrpcDoor::new(strict(), env.clone()))));
    let (pipes, accepted) = mpsc::channel(1);
    tokio::spawn(door.serve(Pipes(accepted), Some(identity)));

    let connect = async |chain: Option<(CertificateDer<'static>, KeyPair)>| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ours.der().clone()).expect("a root");
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("default versions")
            .with_root_certificates(roots);
        let mut config = match chain {
            Some((certificate, key)) => {
                let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
                config.with_client_auth_cert(vec![certificate], key).expect("usable")
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let (client, server) = tokio::io::duplex(64 << 10);
        pipes.send(server).await.expect("the port listens");
        let name = ServerName::try_from("localhost").expect("a name");
        let encrypted = TlsConnector::from(Arc::new(config)).connect(name, client).await.expect("handshake");
        Link::over(encrypted, 1 << 20).await
    };
    list(connect(Some(certificate(&ours, "orders.example"))).await, &[]).await.expect("served");
    let principal = fake.contexts.lock().expect("nobody panicked")[0].principal.access_key.clone();
    assert_eq!(&*principal, "orders.example");

    let without = connect(None).await;
    let status = list(without.clone(), &[]).await.expect_err("neither certificate nor signature");
    assert_eq!(status.code(), Code::Unauthenticated);
    list(without, &signed(&authorization(LIST, SECRET, "broker"))).await.expect("a signature is as good");

    let foreign = connect(Some(certificate(&authority(), "orders.example"))).await;
    list(foreign, &[]).await.expect_err("of another authority");
}
