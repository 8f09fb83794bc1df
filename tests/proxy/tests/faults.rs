//! Each fault over real sockets of loopback, judged by what arrives and never by when.
#![allow(clippy::disallowed_methods, reason = "real sockets live in real time, which only ends what hangs")]

use anabranch_fault_proxy::Proxy;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Only ends a hung test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node that listens, its door, and the proxy. This process is no node: it dials as `unknown`.
async fn node() -> (Proxy, TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let proxy = Proxy::default();
    let address = listener.local_addr().expect("bound");
    let door = tell(&proxy, &format!("listen node {address}")).await.expect("a door");
    (proxy, listener, door.parse().expect("an address"))
}

async fn tell(proxy: &Proxy, line: &str) -> Result<String, String> {
    proxy.execute(line.parse().expect("a command")).await
}

/// Both ends of a new connection through the door.
async fn connect(listener: &TcpListener, door: SocketAddr) -> (TcpStream, TcpStream) {
    let near = TcpStream::connect(door).await.expect("the door is open");
    let (far, _) = timeout(PATIENCE, listener.accept()).await.expect("in time").expect("let through");
    (near, far)
}

async fn passes(from: &mut TcpStream, to: &mut TcpStream, text: &[u8]) {
    from.write_all(text).await.expect("said");
    let mut heard = vec![0; text.len()];
    timeout(PATIENCE, to.read_exact(&mut heard)).await.expect("in time").expect("heard");
    assert_eq!(heard, text);
}

/// Nothing is there now. What is held cannot come however long one waits; that it was not there is seen by what
/// comes once healed.
fn hears_nothing(end: &TcpStream) {
    let looked = end.try_read(&mut [0; 64]);
    assert!(looked.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "{looked:?}");
}

async fn is_reset(end: &mut TcpStream) {
    let heard = timeout(PATIENCE, end.read(&mut [0; 64])).await.expect("in time");
    assert_eq!(heard.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn without_faults_both_directions_pass_and_the_end_too() {
    let (proxy, listener, door) = node().await;
    let (mut near, mut far) = connect(&listener, door).await;
    passes(&mut near, &mut far, b"there").await;
    passes(&mut far, &mut near, b"and back again").await;
    near.shutdown().await.expect("ended");
    assert_eq!(timeout(PATIENCE, far.read(&mut [0; 8])).await.expect("in time").expect("an end"), 0);
    passes(&mut far, &mut near, b"half closed").await;
    drop(far);
    assert_eq!(timeout(PATIENCE, near.read(&mut [0; 8])).await.expect("in time").expect("an end"), 0);
    let told = tell(&proxy, "show").await.expect("told");
    assert_eq!(told, "node>unknown connections=1 bytes=25, unknown>node connections=1 bytes=5");
}

#[tokio::test]
async fn a_stall_holds_one_direction_whole_and_not_the_other() {
    let (proxy, listener, door) = node().await;
    let (mut near, mut far) = connect(&listener, door).await;
    tell(&proxy, "stall unknown node").await.expect("done");
    near.write_all(b"held").await.expect("said");
    // That this comes back shows that the proxy goes on with other things.
    passes(&mut far, &mut near, b"the other way").await;
    hears_nothing(&far);
    tell(&proxy, "heal * *").await.expect("done");
    let mut heard = [0; 4];
    timeout(PATIENCE, far.read_exact(&mut heard)).await.expect("in time").expect("heard");
    assert_eq!(&heard, b"held");
}

#[tokio::test]
async fn a_cut_of_one_direction_loses_its_bytes_with_the_connection_when_healed() {
    let (proxy, listener, door) = node().await;
    let (mut near, mut far) = connect(&listener, door).await;
    passes(&mut near, &mut far, b"before").await;
    tell(&proxy, "cut unknown node").await.expect("done");
    near.write_all(b"lost").await.expect("said");
    passes(&mut far, &mut near, b"the other way").await;
    hears_nothing(&far);
    tell(&proxy, "heal unknown node").await.expect("done");
    is_reset(&mut far).await;
    is_reset(&mut near).await;
    let (mut near, mut far) = connect(&listener, door).await;
    passes(&mut near, &mut far, b"anew").await;
}

#[tokio::test]
async fn whoever_dials_into_a_cut_reaches_nobody_and_is_reset_when_healed() {
    let (proxy, listener, door) = node().await;
    tell(&proxy, "cut * node").await.expect("done");
    let mut near = TcpStream::connect(door).await.expect("the door is open");
    near.write_all(b"lost").await.expect("said");
    let is_held = async {
        while tell(&proxy, "show").await.expect("told").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, is_held).await.expect("in time");
    // Through another proxy's door, which is not cut: the first to be accepted is this one.
    let other = Proxy::default();
    let address = listener.local_addr().expect("bound");
    let open = tell(&other, &format!("listen node {address}")).await.expect("a door").parse().expect("an address");
    let (mut second, mut far) = connect(&listener, open).await;
    passes(&mut second, &mut far, b"by the other door").await;
    tell(&proxy, "heal * *").await.expect("done");
    is_reset(&mut near).await;
}

#[tokio::test]
async fn an_end_that_goes_while_the_way_is_stalled_is_missed_only_when_healed() {
    let (proxy, listener, door) = node().await;
    let (mut near, mut far) = connect(&listener, door).await;
    passes(&mut near, &mut far, b"before").await;
    tell(&proxy, "stall unknown node").await.expect("done");
    near.set_zero_linger().expect("a socket");
    drop(near);
    // The proxy finds nobody there, and may not say so.
    far.write_all(b"to nobody").await.expect("said");
    hears_nothing(&far);
    tell(&proxy, "heal * *").await.expect("done");
    is_reset(&mut far).await;
}

#[tokio::test]
async fn a_reset_ends_the_connections_that_there_are_and_no_other() {
    let (proxy, listener, door) = node().await;
    let (mut near, mut far) = connect(&listener, door).await;
    passes(&mut near, &mut far, b"before").await;
    tell(&proxy, "reset node unknown").await.expect("done");
    is_reset(&mut near).await;
    is_reset(&mut far).await;
    let (mut near, mut far) = connect(&listener, door).await;
    passes(&mut near, &mut far, b"anew").await;
}

#[tokio::test]
async fn a_node_that_does_not_listen_resets_who_dials() {
    let (_proxy, listener, door) = node().await;
    drop(listener);
    let mut near = TcpStream::connect(door).await.expect("the door is open");
    is_reset(&mut near).await;
}

#[tokio::test]
async fn delayed_and_narrow_ways_lose_nothing() {
    let (proxy, listener, door) = node().await;
    tell(&proxy, "set * * delay=3 jitter=5 rate=10000000").await.expect("done");
    let (mut near, mut far) = connect(&listener, door).await;
    let text: Vec<u8> = (0..200_000_u32).map(|nth| (nth / 7) as u8).collect();
    let speak = async { near.write_all(&text).await.expect("said") };
    let mut heard = vec![0; text.len()];
    let hear = async { far.read_exact(&mut heard).await.expect("heard") };
    timeout(PATIENCE, async { tokio::join!(speak, hear) }).await.expect("in time");
    assert!(heard == text);
}

#[tokio::test]
async fn nodes_that_are_not_there_are_refused_by_name() {
    let (proxy, _listener, _door) = node().await;
    assert_eq!(tell(&proxy, "cut node nobody").await, Err("there is no node \"nobody\", but node".into()));
    let again = tell(&proxy, "listen node 127.0.0.1:1").await;
    assert_eq!(again, Err("node \"node\" has a door already".into()));
}
