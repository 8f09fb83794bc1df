//! Attackers send bad requests while one good client puts and gets; the node must refuse the
//! ones by name, serve the other and not grow.

use anabranch_aws_api::kinesis::bad_inputs::as_json;
use anabranch_aws_api::{Encoded, Encoding};
use anabranch_tests::client::{ACCESS_KEY, Client, SECRET_KEY, headers};
use anabranch_tests::http::{Answer, Connection};
use anabranch_tests::node::Node;
use anabranch_tests::signer::Signer;
use anabranch_tests::{process, settings, streams};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Connections that attack at once.
const ATTACKERS: usize = 3;
/// What bad requests may leave behind in memory, in bytes.
const GROWTH_BYTES_MAX: u64 = 64 << 20;
/// A good client's call may be slowed by the attackers' share of the processor, not stalled.
const GOOD_CALL_MAX: Duration = Duration::from_secs(5);
/// Iterators are valid for so long. Source: AWS GetShardIterator API reference.
const ITERATOR_VALID: Duration = Duration::from_secs(300);
/// Round trips of the good client before memory is measured for the first time.
const WARM_UP: usize = 200;
const GOOD_STREAM: &str = "good";

type Forge = fn(&mut Vec<(String, String)>);

/// A request that must be refused.
pub struct BadRequest {
    line: &'static str,
    headers: Headers,
    body: Vec<u8>,
    sent_body: Option<Vec<u8>>,
    status: u16,
    codes: Vec<&'static str>,
    names: String,
}

enum Headers {
    Signed { operation: String, encoding: Encoding, signer: Signer, forge: Option<Forge> },
    AsTheyAre(Vec<(String, String)>),
}

impl BadRequest {
    /// A call that is signed rightly and refused with `status` and `code` all the same.
    pub fn signed(operation: &str, body: Vec<u8>, status: u16, code: &'static str) -> Self {
        let signer = Signer::new(ACCESS_KEY, SECRET_KEY);
        let headers =
            Headers::Signed { operation: operation.to_owned(), encoding: Encoding::Json, signer, forge: None };
        BadRequest { headers, ..BadRequest::raw("POST / HTTP/1.1", Vec::new(), body, status, code) }
    }

    /// A request whose headers are sent as they are.
    pub fn raw(
        line: &'static str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        status: u16,
        code: &'static str,
    ) -> Self {
        let headers = Headers::AsTheyAre(headers);
        BadRequest { line, headers, body, sent_body: None, status, codes: vec![code], names: String::new() }
    }

    /// The refusal's message must contain `names`.
    pub fn naming(self, names: &str) -> Self {
        BadRequest { names: names.to_owned(), ..self }
    }

    /// Another code is as right: two rules are broken at once.
    pub fn or_code(mut self, code: &'static str) -> Self {
        self.codes.push(code);
        self
    }

    /// The body is of this encoding, and so must the refusal be.
    pub fn encoded_in(mut self, by: Encoding) -> Self {
        if let Headers::Signed { encoding, .. } = &mut self.headers {
            *encoding = by;
        }
        self
    }

    /// Somebody else signs.
    pub fn signed_by(mut self, by: Signer) -> Self {
        if let Headers::Signed { signer, .. } = &mut self.headers {
            *signer = by;
        }
        self
    }

    /// The headers are changed behind the signature.
    pub fn forged(mut self, change: Forge) -> Self {
        if let Headers::Signed { forge, .. } = &mut self.headers {
            *forge = Some(change);
        }
        self
    }

    /// The body is exchanged behind the signature.
    pub fn with_body_after_signing(self, body: &[u8]) -> Self {
        BadRequest { sent_body: Some(body.to_vec()), ..self }
    }

    /// Sends it and judges the answer.
    fn send(&self, client: &mut Client, address: SocketAddr) {
        let sent_headers = match &self.headers {
            Headers::AsTheyAre(headers) => headers.clone(),
            Headers::Signed { operation, encoding, signer, forge } => {
                let mut signed = signer.sign(headers_in(*encoding, address, operation), &self.body);
                if let Some(forge) = forge {
                    forge(&mut signed);
                }
                signed
            }
        };
        let body = self.sent_body.as_ref().unwrap_or(&self.body);
        let answer = client.send(self.line, &sent_headers, body);
        let answer = answer.unwrap_or_else(|error| panic!("no answer to {}: {error}", self.spelled(&sent_headers)));
        self.judge(&answer, &sent_headers);
    }

    fn judge(&self, answer: &Answer, headers: &[(String, String)]) {
        let expected = (self.status, self.codes.as_slice());
        let ((code, message), text) = (refusal_of(answer), answer.text());
        let is_right = answer.status == self.status && self.codes.iter().any(|known| *known == code);
        assert!(is_right, "{expected:?} expected of {}, got {} {text}", self.spelled(headers), answer.status);
        let is_named = message.contains(&self.names);
        assert!(is_named, "{:?} expected of {}, got {text}", self.names, self.spelled(headers));
    }

    /// The request, cut where it gets long.
    fn spelled(&self, headers: &[(String, String)]) -> String {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(300)]).into_owned();
        let mut head = format!("{headers:?}");
        head.truncate(head.floor_char_boundary(600));
        format!("{} {head} {body}", self.line)
    }
}

fn headers_in(encoding: Encoding, address: SocketAddr, operation: &str) -> Vec<(String, String)> {
    let mut headers = headers(address, operation);
    for (_, value) in headers.iter_mut().filter(|(name, _)| name == "content-type") {
        *value = encoding.media_type().to_owned();
    }
    headers
}

/// The name and the message of an error in any encoding.
fn refusal_of(answer: &Answer) -> (String, String) {
    if answer.header("content-type") != Some(Encoding::Cbor.media_type()) {
        return (answer.code(), answer.message());
    }
    let body = Encoded { encoding: Encoding::Cbor, bytes: answer.body.clone().into() };
    let error = as_json(&body).unwrap_or_default();
    let text = |member: &str| error[member].as_str().unwrap_or_default().to_owned();
    (text("__type"), text("message"))
}

/// Bytes that are no request at all; the node may answer or close, and must go on.
fn nonsense() -> Vec<Vec<u8>> {
    vec![
        vec![0; 100_000],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"POST / HTTP/9.9\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\ncontent-length: 10\r\n\r\nfive.".to_vec(),
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
        [b"GET /".to_vec(), vec![b'a'; 200_000], b" HTTP/1.1\r\n\r\n".to_vec()].concat(),
        [b"GET / HTTP/1.1\r\n".to_vec(), b"a: b\r\n".repeat(10_000), b"\r\n".to_vec()].concat(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\xff\xff\x09\x09\x00\x00\x00\x00".to_vec(),
        Vec::new(),
    ]
}

fn send_nonsense(address: SocketAddr) {
    for bytes in nonsense() {
        let mut connection = Connection::open(address).expect("the node takes connections");
        // The node may close before it has taken everything.
        let _sent = connection.send(&bytes);
        let _ended = connection.end();
        connection.drain();
    }
}

/// The proof, ready to run.
pub struct Attack {
    node: Node,
    name: &'static str,
    requests: Vec<BadRequest>,
}

impl Attack {
    /// Prepares the streams and the requests.
    pub fn on(node: Node, name: &'static str, requests: impl Fn(&Node) -> Vec<BadRequest>) -> Self {
        streams::create(&mut node.client(), GOOD_STREAM, 1);
        let requests = requests(&node);
        Attack { node, name, requests }
    }

    /// Sends as many bad requests as asked for and tells what was seen.
    pub fn run(mut self) {
        let count = settings::number("ANABRANCH_BAD_REQUESTS", 2_000) as usize;
        let waits = settings::number("ANABRANCH_EXPIRED_ITERATOR", 0) == 1;
        let address = self.node.address();
        let shard = streams::shards(&mut self.node.client(), GOOD_STREAM).remove(0).id;
        let iterator = streams::oldest(&mut self.node.client(), GOOD_STREAM, &shard);
        let expires = waits.then(|| Instant::now() + ITERATOR_VALID + Duration::from_secs(1));
        let mut good = GoodClient::new(self.node.client(), &shard);
        (0..WARM_UP).for_each(|_| good.round_trip());

        let before = process::resident_bytes(self.node.pid());
        let (sent, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let is_over = |sent: usize| sent >= count && expires.is_none_or(|at| Instant::now() > at);
        std::thread::scope(|scope| {
            let attack = || {
                let mut client = Client::new(address);
                send_nonsense(address);
                loop {
                    let next = sent.fetch_add(1, Ordering::Relaxed);
                    if is_over(next) {
                        return;
                    }
                    self.requests[next % self.requests.len()].send(&mut client, address);
                }
            };
            let attackers: Vec<_> = (0..ATTACKERS).map(|_| scope.spawn(attack)).collect();
            let goods = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    good.round_trip();
                }
            });
            let ended: Vec<_> = attackers.into_iter().map(|attacker| attacker.join()).collect();
            over.store(true, Ordering::Relaxed);
            let served = goods.join();
            for result in ended.into_iter().chain([served]) {
                result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
        });
        let after = process::resident_bytes(self.node.pid());
        assert!(self.node.is_alive(), "the node ended; its log:\n{}", self.node.log());
        self.judge(&good, sent.into_inner() - ATTACKERS, before, after);
        if waits {
            let answer = self.node.client().call("GetRecords", &json!({"ShardIterator": iterator}));
            let answer = answer.expect("the node answers");
            assert_eq!((answer.status, answer.code().as_str()), (400, "ExpiredIteratorException"), "{}", answer.text());
        } else {
            settings::tell("skipped: the expired iterator, which takes five minutes; see `cargo xtask show bad-input`");
        }
        self.node.stop();
    }

    fn judge(&self, good: &GoodClient, sent: usize, before: u64, after: u64) {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        settings::tell(&format!(
            "{}: {sent} bad requests of {} kinds refused; memory {:.1} MiB before, {:.1} MiB after; the good client \
             made {} puts and gets, the slowest took {:.0} ms",
            self.name,
            self.requests.len(),
            mib(before),
            mib(after),
            good.put,
            good.slowest.as_secs_f64() * 1000.0
        ));
        let growth = after.saturating_sub(before);
        assert!(growth <= GROWTH_BYTES_MAX, "{:.1} MiB more than before", mib(growth));
        assert!(good.slowest <= GOOD_CALL_MAX, "a good call took {:?}", good.slowest);
        assert!(!self.node.log().contains("panicked"), "the node's log tells of a panic:\n{}", self.node.log());
    }
}

/// Puts a record and reads it back, again and again.
struct GoodClient {
    client: Client,
    iterator: String,
    put: usize,
    slowest: Duration,
}

impl GoodClient {
    fn new(mut client: Client, shard: &str) -> Self {
        let iterator = streams::oldest(&mut client, GOOD_STREAM, shard);
        GoodClient { client, iterator, put: 0, slowest: Duration::ZERO }
    }

    fn round_trip(&mut self) {
        let data = format!("record {}", self.put).into_bytes();
        let encoded = base64_simd::STANDARD.encode_to_string(&data);
        let put = json!({"StreamName": GOOD_STREAM, "PartitionKey": "key", "Data": encoded});
        let started = Instant::now();
        let number = self.client.must("PutRecord", &put)["SequenceNumber"].clone();
        let between = Instant::now();
        let (records, next, _) = streams::read(&mut self.client, &self.iterator);
        self.slowest = self.slowest.max(between - started).max(between.elapsed());
        assert_eq!(records.len(), 1, "one record was put since the last read");
        assert_eq!((&records[0].data, Some(records[0].sequence_number.as_str())), (&data, number.as_str()));
        self.iterator = next;
        self.put += 1;
    }
}
