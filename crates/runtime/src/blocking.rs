//! Work that blocks, off the threads that serve others.
//!
//! A simulation runs on one thread and must not depend on when another one gets its turn: on that
//! thread such work is done in place ([`BlockingInPlace`]).

use std::cell::Cell;
use tokio::task::{JoinError, spawn_blocking, yield_now};

thread_local! {
    static IN_PLACE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` where it may block, and answers what it answered. Once it has begun it goes on to its
/// end, also when this future is dropped.
///
/// # Errors
/// [`JoinError`] when `work` panicked, or the runtime ends before it began.
pub async fn blocking<T, W>(work: W) -> Result<T, JoinError>
where
    T: Send + 'static,
    W: FnOnce() -> T + Send + 'static,
{
    if !IN_PLACE.get() {
        return spawn_blocking(work).await;
    }
    // As with a thread of its own, others come first.
    yield_now().await;
    Ok(work())
}

/// While this lives, work that blocks is done in place on the thread that made it, where a panic of it
/// goes on as one.
#[derive(Debug)]
pub struct BlockingInPlace(());

impl BlockingInPlace {
    /// From now on, on this thread.
    pub fn on_this_thread() -> Self {
        IN_PLACE.set(true);
        BlockingInPlace(())
    }
}

impl Drop for BlockingInPlace {
    fn drop(&mut self) {
        IN_PLACE.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[tokio::test]
    async fn work_that_blocks_gets_a_thread_of_its_own_unless_a_simulation_wants_it_in_place() {
        let this = thread::current().id();
        let thread_of_work = || blocking(|| thread::current().id());
        assert_ne!(thread_of_work().await.expect("no panic"), this);
        let in_place = BlockingInPlace::on_this_thread();
        assert_eq!(thread_of_work().await.expect("no panic"), this);
        drop(in_place);
        assert_ne!(thread_of_work().await.expect("no panic"), this);
    }
}
