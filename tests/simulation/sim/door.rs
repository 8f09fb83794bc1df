//! How clients reach a node: over the simulated network, at a port of its own.
//!
//! A call is a connection on which its number goes one way and a byte comes back when it was carried out.
//! What it is, and its answer, are handed over beside it: only when they arrive, and whether, is the
//! network's affair. A lost message loses its connection.

use crate::network::{CLIENT_PORT, host};
use crate::node::Serving;
use anabranch_runtime::OnFailure;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil::net::{TcpListener, TcpStream};

/// How long a client tries to connect.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// A call, as the node carries it out.
pub type Call = Box<dyn FnOnce(Arc<Serving>) -> BoxFuture<'static, ()> + Send>;

/// The door of one node, over all its lives. Clones are the same door.
#[derive(Clone)]
pub struct Door {
    node: usize,
    calls: Arc<Mutex<Calls>>,
}

/// Calls that no node has taken yet, by number.
#[derive(Default)]
struct Calls {
    last: u64,
    waiting: BTreeMap<u64, Call>,
}

/// A call came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// There was no connection: it was certainly not carried out.
    NotSent,
    /// Nobody knows.
    Unknown,
}

impl Door {
    pub fn new(node: usize) -> Self {
        Door { node, calls: Arc::default() }
    }

    /// Calls the node and waits for the answer, at most `within`.
    pub async fn call<T, F, Fut>(&self, within: Duration, operation: F) -> Result<T, Unanswered>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Serving>) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        let connecting = TcpStream::connect((host(self.node), CLIENT_PORT));
        let connected = tokio::time::timeout(CONNECT_PATIENCE, connecting).await;
        let connection = connected.ok().and_then(Result::ok).ok_or(Unanswered::NotSent)?;
        let answer = Arc::new(Mutex::new(None));
        let place = Arc::clone(&answer);
        let call: Call = Box::new(move |serving| {
            Box::pin(async move {
                let told = operation(serving).await;
                *place.lock() = Some(told);
            })
        });
        let number = self.put_down(call);
        let exchanged = tokio::time::timeout(within, exchange(connection, number)).await;
        // One that no node has taken by now is never carried out.
        self.calls.lock().waiting.remove(&number);
        match exchanged {
            Ok(Ok(())) => answer.lock().take().ok_or(Unanswered::Unknown),
            Ok(Err(_)) | Err(_) => Err(Unanswered::Unknown),
        }
    }

    fn put_down(&self, call: Call) -> u64 {
        let mut calls = self.calls.lock();
        calls.last += 1;
        let number = calls.last;
        calls.waiting.insert(number, call);
        number
    }

    /// Carries out calls at `listener` until the node ends.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn serve(self, listener: TcpListener, serving: Arc<Serving>) -> io::Result<()> {
        loop {
            let (connection, _) = listener.accept().await?;
            let (door, of_call) = (self.clone(), Arc::clone(&serving));
            let carried_out = async move { door.carry_out(connection, of_call).await };
            serving.env.tasks.spawn("call", OnFailure::Log, carried_out);
        }
    }

    /// A client that has gone away does not hear the answer.
    async fn carry_out(&self, mut connection: TcpStream, serving: Arc<Serving>) -> io::Result<()> {
        let number = connection.read_u64().await?;
        let Some(call) = self.calls.lock().waiting.remove(&number) else { return Ok(()) };
        call(serving).await;
        connection.write_u8(1).await
    }
}

/// Tells the node the number of a call, and waits until it has been carried out.
async fn exchange(mut connection: TcpStream, number: u64) -> io::Result<()> {
    connection.write_u64(number).await?;
    connection.read_u8().await.map(drop)
}
