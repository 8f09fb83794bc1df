//! How clients reach a node: its gateway, while its process lives.
//!
//! Calls do not cross the simulated network; a call whose node dies is never answered.

use crate::node::Serving;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Calls that wait for a node.
const WAITING_MAX: usize = 1024;

/// A call, as the node carries it out.
pub type Call = Box<dyn FnOnce(Arc<Serving>) -> BoxFuture<'static, ()> + Send>;

/// The door of one node, over all its lives. Clones are the same door.
#[derive(Clone, Default)]
pub struct Door(Arc<Mutex<Option<mpsc::Sender<Call>>>>);

/// A call came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// The node is down: it was certainly not carried out.
    NotSent,
    /// Nobody knows.
    Unknown,
}

impl Door {
    /// A node serves from now on, what it is given.
    pub fn open(&self) -> mpsc::Receiver<Call> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        *self.0.lock() = Some(sender);
        receiver
    }

    /// The node is down.
    pub fn close(&self) {
        *self.0.lock() = None;
    }

    /// Calls the node and waits for the answer, at most `within`.
    pub async fn call<T, F, Fut>(&self, within: Duration, operation: F) -> Result<T, Unanswered>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Serving>) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        let sender = self.0.lock().clone().ok_or(Unanswered::NotSent)?;
        let (answer, answered) = oneshot::channel();
        let call: Call = Box::new(move |serving| {
            Box::pin(async move {
                // A client that has gone away does not hear it.
                drop(answer.send(operation(serving).await));
            })
        });
        sender.try_send(call).map_err(|_| Unanswered::NotSent)?;
        drop(sender);
        match tokio::time::timeout(within, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(Unanswered::Unknown),
        }
    }
}
