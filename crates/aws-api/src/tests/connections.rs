//! Clients that are slow, silent, many or odd, and a node that stops.

use super::*;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A whole request as bytes.
fn head_of(request: &Request<Full<Bytes>>, length: usize, more: &str) -> String {
    let headers: String = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}\r\n", value.to_str().expect("ASCII")))
        .collect();
    format!("POST / HTTP/1.1\r\n{headers}content-length: {length}\r\n{more}\r\n")
}

async fn read_until(io: &mut DuplexStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        text.push(io.read_u8().await.expect("more bytes"));
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Waits until the door closes, and says after how many seconds it did.
async fn closed_after(io: &mut DuplexStream) -> u64 {
    let started = Instant::now();
    let mut rest = Vec::new();
    let _ = io.read_to_end(&mut rest).await;
    started.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_dropped_after_the_head_timeout() {
    let mut io = connect(&door(options()));
    assert_eq!(closed_after(&mut io).await, 10);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_dropped_after_the_head_timeout() {
    let io = connect(&door(options()));
    let (mut reader, mut writer) = tokio::io::split(io);
    let started = Instant::now();
    tokio::spawn(async move {
        while writer.write_all(b"P").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let mut rest = Vec::new();
    let _ = reader.read_to_end(&mut rest).await;
    assert!(started.elapsed() <= Duration::from_secs(11), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_its_next_request_and_then_closed() {
    let mut io = connect(&door(options()));
    for _ in 0..2 {
        io.write_all(format!("{}{{}}", head_of(&signed("ListStreams", "{}"), 2, "")).as_bytes())
            .await
            .expect("written");
        let answer = read_until(&mut io, "}").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(closed_after(&mut io).await, 30);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_refused_and_its_connection_closed() {
    let mut io = connect(&door(options()));
    io.write_all(format!("{}{{", head_of(&signed("ListStreams", "{}"), 2, "")).as_bytes()).await.expect("written");
    let answer = read_until(&mut io, "}").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("connection: close") && answer.contains("RequestTimeoutException"), "{answer}");
    assert_eq!(closed_after(&mut io).await, 0);
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_continue() {
    let mut io = connect(&door(options()));
    let head = head_of(&signed("ListStreams", "{}"), 2, "expect: 100-continue\r\n");
    io.write_all(head.as_bytes()).await.expect("written");
    assert_eq!(read_until(&mut io, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    io.write_all(b"{}").await.expect("written");
    assert!(read_until(&mut io, "}").await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_client_that_asks_first_for_too_much_is_refused_before_it_sends() {
    let mut io = connect(&door(options()));
    let head = head_of(&signed("ListStreams", "{}"), 20 << 20, "expect: 100-continue\r\n");
    io.write_all(head.as_bytes()).await.expect("written");
    let answer = read_until(&mut io, "}").await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn a_chunked_body_is_read_like_any_other() {
    let mut io = connect(&door(options()));
    let head = head_of(&signed("ListStreams", "{}"), 2, "").replace("content-length: 2", "transfer-encoding: chunked");
    io.write_all(format!("{head}1\r\n{{\r\n1\r\n}}\r\n0\r\n\r\n").as_bytes()).await.expect("written");
    assert!(read_until(&mut io, "}").await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn what_is_not_http_and_folded_headers_end_the_connection() {
    let folded = head_of(&signed("ListStreams", "{}"), 2, "x-folded: a\r\n b\r\n");
    let both = head_of(&signed("ListStreams", "{}"), 2, "content-length: 3\r\n");
    for odd in ["\u{16}\u{3}\u{1}\r\n\r\n", "GET\r\n\r\n", "POST / HTTP/9.9\r\n\r\n", &folded, &both] {
        let mut io = connect(&door(options()));
        io.write_all(odd.as_bytes()).await.expect("written");
        let mut answer = Vec::new();
        io.read_to_end(&mut answer).await.expect("closed");
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{odd:?} got {answer}");
    }
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let mut io = connect(&door(options()));
    io.write_all(b"POST / HTTP/1.1\r\nx: ").await.expect("written");
    io.write_all(&vec![b'a'; 100 << 10]).await.expect("written");
    let answer = read_until(&mut io, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

/// Connections that a test hands over.
struct HandedOver(mpsc::Receiver<DuplexStream>);

impl Listener for HandedOver {
    type Io = DuplexStream;

    async fn accept(&mut self) -> io::Result<DuplexStream> {
        self.0.recv().await.ok_or_else(|| io::Error::other("no more connections"))
    }
}

/// A listening door and a way to reach it.
fn listening(options: DoorOptions) -> (Arc<AwsDoor<Probe>>, mpsc::Sender<DuplexStream>) {
    let door = door(options);
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(Arc::clone(&door).serve(HandedOver(receiver), None));
    (door, sender)
}

async fn dial(sender: &mpsc::Sender<DuplexStream>) -> DuplexStream {
    let (client, server) = tokio::io::duplex(256 << 10);
    sender.send(server).await.expect("the door accepts");
    client
}

async fn call(io: &mut DuplexStream, operation: &str, body: &str) {
    let text = format!("{}{body}", head_of(&signed(operation, body.to_owned()), body.len(), ""));
    io.write_all(text.as_bytes()).await.expect("written");
}

#[tokio::test(start_paused = true)]
async fn connections_beyond_the_limit_are_closed_until_one_is_free() {
    let limits = DoorLimits { connections_max: 1, ..DoorLimits::default() };
    let (_door, sender) = listening(DoorOptions { limits, ..options() });
    let mut first = dial(&sender).await;
    call(&mut first, "ListStreams", "{}").await;
    assert!(read_until(&mut first, "}").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(closed_after(&mut dial(&sender).await).await, 0);
    drop(first);
    let mut third = loop {
        let mut io = dial(&sender).await;
        if io.write_all(head_of(&signed("ListStreams", "{}"), 2, "").as_bytes()).await.is_ok() {
            break io;
        }
        tokio::task::yield_now().await;
    };
    third.write_all(b"{}").await.expect("written");
    assert!(read_until(&mut third, "}").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test(start_paused = true)]
async fn a_stopping_door_answers_open_requests_and_takes_no_more() {
    let (door, sender) = listening(options());
    let (mut busy, mut idle) = (dial(&sender).await, dial(&sender).await);
    call(&mut idle, "ListStreams", "{}").await;
    read_until(&mut idle, "}").await;
    call(&mut busy, "DescribeStream", r#"{"StreamName":"s"}"#).await;
    probe(&door).entered.notified().await;

    let tasks = door.env.tasks.clone();
    let shutdown = tokio::spawn(async move { tasks.shutdown(Duration::from_secs(60)).await });
    assert_eq!(closed_after(&mut idle).await, 0);
    probe(&door).release.notify_one();
    let answer = read_until(&mut busy, "}").await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("ResourceNotFoundException"), "{answer}");
    assert_eq!(shutdown.await.expect("no panic"), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_draining_door_answers_pages_to_who_connects_until_it_ends() {
    let (door, sender) = listening(DoorOptions { pages: one_page(), ..options() });
    let (mut busy, mut idle) = (dial(&sender).await, dial(&sender).await);
    call(&mut idle, "ListStreams", "{}").await;
    read_until(&mut idle, "}").await;
    call(&mut busy, "DescribeStream", r#"{"StreamName":"s"}"#).await;
    probe(&door).entered.notified().await;
    let calls = door.calls();
    let drained = tokio::spawn(async move { calls.shutdown(Duration::from_secs(60)).await });
    closed_after(&mut idle).await;

    let get_page = async || {
        let mut io = dial(&sender).await;
        io.write_all(b"GET /health/ready HTTP/1.1\r\nhost: broker\r\n\r\n").await.expect("written");
        read_until(&mut io, "ready\n").await
    };
    assert!(get_page().await.starts_with("HTTP/1.1 200 "));
    let mut late = dial(&sender).await;
    call(&mut late, "ListStreams", "{}").await;
    let answer = read_until(&mut late, "}").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("ServiceUnavailable"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");

    probe(&door).release.notify_one();
    assert!(read_until(&mut busy, "}").await.starts_with("HTTP/1.1 400 "));
    assert_eq!(drained.await.expect("no panic"), Ok(()));
    assert!(get_page().await.starts_with("HTTP/1.1 200 "));
    assert_eq!(door.env.tasks.shutdown(Duration::from_secs(60)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_end_is_cut_off_after_the_drain_time() {
    let (door, sender) = listening(options());
    let mut stuck = dial(&sender).await;
    call(&mut stuck, "DescribeStream", r#"{"StreamName":"s"}"#).await;
    probe(&door).entered.notified().await;
    let tasks = door.env.tasks.clone();
    tokio::spawn(async move { tasks.shutdown(Duration::from_secs(60)).await });
    assert_eq!(closed_after(&mut stuck).await, DoorTimeouts::default().drain.as_secs());
}
