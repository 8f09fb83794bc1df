//! A call that goes on: a task of the port that sends messages until it says how the call ends.
//!
//! Between the task and its client are few messages: a client that does not read stalls its task,
//! and nothing else.

use crate::call::Call;
use anabranch_runtime::OnFailure;
use futures::stream::{self, BoxStream, StreamExt};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tonic::{Response, Status};

/// Messages that wait for the connection to take them.
pub(crate) const WAITING_MAX: usize = 2;

/// What tonic takes as the answer of a call that goes on.
pub(crate) type Answer<T> = BoxStream<'static, Result<T, Status>>;

/// How the task says that the call ends.
type Ended = oneshot::Receiver<Result<(), Status>>;

/// Starts `run` as a task, whose messages are the call's answer and whose result its status. The
/// task ends by itself when its messages are not wanted any more.
///
/// # Errors
/// UNAVAILABLE when the node drains, RESOURCE_EXHAUSTED when there are as many streams as may be.
pub(crate) fn open<S, T, Run>(
    call: &Call<S>,
    name: &'static str,
    run: impl FnOnce(mpsc::Sender<T>) -> Run,
) -> Result<Response<Answer<T>>, Status>
where
    T: Send + 'static,
    Run: Future<Output = Result<(), Status>> + Send + 'static,
{
    if call.env.tasks.stopping().is_cancelled() {
        return Err(draining());
    }
    let place = Arc::clone(&call.shared.long_streams).try_acquire_owned();
    let place = place.map_err(|_| Status::resource_exhausted("This node serves as many streams as it may; retry."))?;
    let (messages, waiting) = mpsc::channel(WAITING_MAX);
    let (end, ended) = oneshot::channel();
    let running = run(messages);
    call.env.tasks.spawn(name, OnFailure::Log, async move {
        let _place = place;
        // Nobody hears it when the client is gone.
        let _heard = end.send(running.await);
    });
    Ok(Response::new(answer(waiting, ended)))
}

/// First the messages, then the end. A task that went without a word was cut off with its group.
fn answer<T: Send + 'static>(waiting: mpsc::Receiver<T>, ended: Ended) -> Answer<T> {
    let next = |state: Option<(mpsc::Receiver<T>, Ended)>| async {
        let (mut waiting, ended) = state?;
        match waiting.recv().await {
            Some(message) => Some((Ok(message), Some((waiting, ended)))),
            None => match ended.await.unwrap_or_else(|_| Err(draining())) {
                Ok(()) => None,
                Err(status) => Some((Err(status), None)),
            },
        }
    };
    stream::unfold(Some((waiting, ended)), next).boxed()
}

/// How long streams end when the node stops.
pub(crate) fn draining() -> Status {
    Status::unavailable("The node is draining; open the stream again.")
}
