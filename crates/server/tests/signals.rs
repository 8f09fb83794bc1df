//! Signals belong to the whole process, so this one story has a process of its own.

use anabranch_runtime::Env;
use anabranch_server::health::{Health, Phase};
use anabranch_server::run::{RunError, Signals, StopSignal, run_until_stopped};
use rustix::process::{Signal, getpid, kill_process};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_signal_drains_the_node_and_a_second_one_ends_it_at_once() {
    let (env, health) = (Env::system(), Health::new());
    health.enter(Phase::Serving);

    let signals = Signals::install().expect("signals");
    kill_process(getpid(), Signal::TERM).expect("sent to ourselves");
    let clean = run_until_stopped(signals, &env.tasks, &health, DEADLINE, async |_| Ok(()));
    assert!(clean.await.is_ok());
    assert!(!health.is_ready().ok, "a draining node is not ready");

    let signals = Signals::install().expect("signals");
    kill_process(getpid(), Signal::TERM).expect("sent to ourselves");
    let hurried = run_until_stopped(signals, &env.tasks, &health, DEADLINE, async |_| {
        kill_process(getpid(), Signal::INT).expect("sent to ourselves");
        std::future::pending().await
    });
    assert!(matches!(hurried.await, Err(RunError::StoppedTwice(StopSignal::Interrupt))));
}
