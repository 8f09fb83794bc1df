use super::*;
use anabranch_runtime::{Env, OnFailure};
use anabranch_types::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;

const DEADLINE: Duration = Duration::from_secs(10);

fn world() -> Env {
    Env::simulated(Timestamp::EPOCH, 1)
}

/// A task of `group` that writes `name` down when it is told to stop, and then takes `pause`.
fn spawn_worker(
    env: &Env,
    group: &TaskGroup,
    name: &'static str,
    pause: Duration,
    ended: &Arc<Mutex<Vec<&'static str>>>,
) {
    let (env, stopping, ended) = (env.clone(), group.stopping(), Arc::clone(ended));
    group.spawn(name, OnFailure::ShutDown, async move {
        stopping.cancelled().await;
        env.sleep(pause).await;
        ended.lock().push(name);
    });
}

#[tokio::test(start_paused = true)]
async fn groups_stop_in_the_order_that_is_written() {
    let env = world();
    let ended = Arc::default();
    let (doors, storage) = (env.tasks.child("doors"), env.tasks.child("storage"));
    spawn_worker(&env, &storage, "log", Duration::ZERO, &ended);
    spawn_worker(&env, &doors, "listener", Duration::from_secs(3), &ended);
    assert_eq!(shut_down_in_order(&*env.clock, &[doors, storage], DEADLINE).await, Ok(()));
    assert_eq!(*ended.lock(), ["listener", "log"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_group_takes_from_the_time_of_the_next_and_both_are_named() {
    let env = world();
    let ended = Arc::default();
    let (doors, storage) = (env.tasks.child("doors"), env.tasks.child("storage"));
    spawn_worker(&env, &doors, "listener", 2 * DEADLINE, &ended);
    spawn_worker(&env, &storage, "log", DEADLINE, &ended);
    let left = shut_down_in_order(&*env.clock, &[doors, storage], DEADLINE).await;
    assert_eq!(left, Err(Stragglers(vec!["listener".to_owned(), "log".to_owned()])));
    assert_eq!(env.clock.monotonic().as_secs(), DEADLINE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_failed_task_drains_the_node_and_is_the_error() {
    let (env, health) = (world(), Health::new());
    health.enter(Phase::Serving);
    env.tasks.spawn("log.writer", OnFailure::ShutDown, async { Err::<(), _>(std::io::Error::other("poisoned")) });
    let signals = Signals::install().expect("signals");
    let drained = run_until_stopped(signals, &env.tasks, &health, DEADLINE, async |deadline| {
        assert_eq!((deadline, health.phase()), (DEADLINE, Phase::Draining));
        Ok(())
    });
    let error = drained.await.expect_err("the writer has failed");
    assert_eq!(error.to_string(), "task log.writer of node failed: poisoned");
}
