//! Futures, run to their end while no real time passes.

use std::future::Future;
use tokio::runtime::Builder;

/// What `work` comes to, in a runtime of its own. Its clock goes on by itself when all its tasks wait for it, so that
/// a target may let hours pass.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime of one thread").block_on(work)
}
