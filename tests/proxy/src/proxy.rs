//! The doors to all nodes, and what commands do to the ways between them.

use crate::command::{Command, Ways};
use crate::connection;
use crate::link::Link;
use crate::links::{Links, UNKNOWN};
use crate::source;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Of all doors; whoever comes then waits to be let in.
const CONNECTIONS_MAX: usize = 2048;

/// What is told in answer to a command: news, or why it was not done.
pub type Answer = Result<String, String>;

/// The doors and the ways. Clones are the same proxy.
#[derive(Clone)]
pub struct Proxy {
    inner: Arc<Inner>,
}

struct Inner {
    links: Links,
    /// Where each node itself listens.
    nodes: Mutex<BTreeMap<String, SocketAddr>>,
    room: Arc<Semaphore>,
}

impl Default for Proxy {
    fn default() -> Self {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Proxy { inner: Arc::new(Inner { links: Links::default(), nodes: Mutex::default(), room }) }
    }
}

impl Proxy {
    /// Does what `command` says; needs a tokio runtime, on which doors and connections live on.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn execute(&self, command: Command) -> Answer {
        match command {
            Command::Listen { node, address } => self.listen(node, address).await,
            Command::Set(ways, pace) => self.each(&ways, |link| link.set(pace)),
            Command::Stall(ways) => self.each(&ways, Link::stall),
            Command::Cut(ways) => self.each(&ways, Link::cut),
            Command::Reset(ways) => self.each(&ways, Link::reset),
            Command::Heal(ways) => self.each(&ways, Link::heal),
            Command::Show => Ok(self.inner.links.told()),
        }
    }

    fn each(&self, ways: &Ways, act: impl Fn(&Link)) -> Answer {
        let nodes = self.nodes();
        for end in [&ways.from, &ways.to].into_iter().flatten() {
            if !nodes.contains_key(end) && end != UNKNOWN {
                let known: Vec<&str> = nodes.keys().map(String::as_str).collect();
                return Err(format!("there is no node {end:?}, but {}", known.join(", ")));
            }
        }
        self.inner.links.meant(ways).iter().for_each(|link| act(link));
        Ok(String::new())
    }

    async fn listen(&self, node: String, address: SocketAddr) -> Answer {
        if self.nodes().contains_key(&node) {
            return Err(format!("node {node:?} has a door already"));
        }
        let door = TcpListener::bind("127.0.0.1:0").await.map_err(|error| format!("no door: {error}"))?;
        let told = door.local_addr().map_err(|error| format!("no door: {error}"))?;
        self.inner.nodes.lock().unwrap_or_else(PoisonError::into_inner).insert(node.clone(), address);
        let nodes: Vec<String> = self.nodes().into_keys().collect();
        self.inner.links.join(&nodes);
        tokio::spawn(self.clone().let_in(door, node, address));
        Ok(told.to_string())
    }

    /// Takes connections to `node` as long as the runtime lives.
    async fn let_in(self, door: TcpListener, node: String, address: SocketAddr) {
        loop {
            let Ok(room) = self.inner.room.clone().acquire_owned().await else { return };
            // A dialler that has gone before it was let in is none.
            let Ok((dialler, _)) = door.accept().await else { continue };
            let (proxy, node) = (self.clone(), node.clone());
            tokio::spawn(async move {
                proxy.carry(dialler, &node, address).await;
                drop(room);
            });
        }
    }

    async fn carry(&self, dialler: TcpStream, node: &str, address: SocketAddr) {
        let _ = dialler.set_nodelay(true);
        let (Ok(origin), Ok(door)) = (dialler.peer_addr(), dialler.local_addr()) else { return };
        let from = self.who(origin, door).await.ok().flatten().unwrap_or_else(|| UNKNOWN.to_owned());
        let (out, back) = (self.inner.links.between(&from, node), self.inner.links.between(node, &from));
        let ways = connection::Ways { out: &out, back: &back };
        ways.join(dialler, address, u64::from(origin.port())).await;
    }

    /// The node that dials `door` from `origin`.
    async fn who(&self, origin: SocketAddr, door: SocketAddr) -> io::Result<Option<String>> {
        let nodes = self.nodes();
        tokio::task::spawn_blocking(move || source::node_at(origin, door, &nodes)).await.map_err(io::Error::other)?
    }

    fn nodes(&self) -> BTreeMap<String, SocketAddr> {
        self.inner.nodes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
