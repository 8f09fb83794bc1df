use super::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::oneshot;

#[derive(Debug, thiserror::Error)]
#[error("disk is gone")]
struct DiskGone(#[source] std::io::Error);

/// Panics, with an ordinary return type.
fn fail(message: &str) {
    panic!("{message}");
}

const DEADLINE: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn an_error_of_a_critical_task_is_told_to_the_root_with_its_causes() {
    let root = TaskGroup::root("node");
    root.child("storage")
        .spawn("log.writer", OnFailure::ShutDown, async { Err::<(), _>(DiskGone(std::io::Error::other("sector 7"))) });
    let cause = FailureCause::Error("disk is gone: sector 7".to_owned());
    assert_eq!(root.failure().await, TaskFailure { task: "log.writer", group: "storage", cause });
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_critical_task_is_told_like_an_error() {
    let root = TaskGroup::root("node");
    root.spawn("apply", OnFailure::ShutDown, async { fail("index 3 before 4") });
    assert_eq!(root.failure().await.cause, FailureCause::Panic("index 3 before 4".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_only_logged_stops_nothing() {
    let root = TaskGroup::root("node");
    root.spawn("probe", OnFailure::Log, async { fail("lost") });
    while root.running() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(root.failure().now_or_never().is_none());
    assert!(!root.stopping().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_is_the_one_that_is_told() {
    let root = TaskGroup::root("node");
    root.spawn("first", OnFailure::ShutDown, async { fail("cause") });
    root.failure().await;
    root.spawn("second", OnFailure::ShutDown, async { fail("consequence") });
    assert_eq!(root.shutdown(DEADLINE).await, Ok(()));
    assert_eq!(root.failure().await.task, "first");
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_tasks_to_finish_their_work() {
    let root = TaskGroup::root("node");
    let finished = Arc::new(AtomicBool::new(false));
    let (stopping, mark) = (root.stopping(), Arc::clone(&finished));
    root.spawn("worker", OnFailure::ShutDown, async move {
        stopping.cancelled().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        mark.store(true, Ordering::SeqCst);
    });
    assert_eq!(root.shutdown(DEADLINE).await, Ok(()));
    assert!(finished.load(Ordering::SeqCst));
    assert_eq!(root.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn tasks_that_outlast_the_deadline_are_named_and_aborted() {
    let root = TaskGroup::root("node");
    let (sender, receiver) = oneshot::channel::<()>();
    root.child("doors").spawn("deaf", OnFailure::Log, async move {
        std::future::pending::<()>().await;
        drop(sender);
    });
    assert_eq!(root.shutdown(DEADLINE).await, Err(Stragglers(vec!["deaf".to_owned()])));
    assert!(receiver.await.is_err(), "the aborted task dropped what it held");
    assert_eq!(root.shutdown(DEADLINE).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_child_stops_while_its_siblings_go_on() {
    let root = TaskGroup::root("node");
    let (doors, storage) = (root.child("doors"), root.child("storage"));
    for group in [&doors, &storage] {
        let stopping = group.stopping();
        group.spawn("worker", OnFailure::ShutDown, async move { stopping.cancelled().await });
    }
    assert_eq!(doors.shutdown(DEADLINE).await, Ok(()));
    assert_eq!((storage.running(), root.running()), (1, 1));
    assert_eq!(root.shutdown(DEADLINE).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_stopping_group_starts_nothing_new() {
    let root = TaskGroup::root("node");
    let child = root.child("doors");
    assert_eq!(root.shutdown(DEADLINE).await, Ok(()));
    let (sender, receiver) = oneshot::channel::<()>();
    child.spawn("late", OnFailure::ShutDown, async move { sender.send(()).unwrap_or(()) });
    root.child("later").spawn("later", OnFailure::ShutDown, async { fail("started") });
    assert!(receiver.await.is_err());
    assert_eq!(root.running(), 0);
}

#[tokio::test]
async fn a_thread_is_joined_and_its_panic_is_told() {
    let root = TaskGroup::root("node");
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    root.spawn_thread("log.writer", OnFailure::ShutDown, move || {
        assert!(receiver.recv().is_err());
        fail("poisoned");
    });
    assert_eq!(root.running(), 1);
    drop(sender);
    assert_eq!(root.failure().await.cause, FailureCause::Panic("poisoned".to_owned()));
    assert_eq!(root.shutdown(DEADLINE).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_start_while_the_group_stops_either_end_or_never_begin() {
    for _ in 0..200 {
        let root = TaskGroup::root("node");
        let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let spawner = {
            let (child, begun, ended) = (root.child("doors"), Arc::clone(&begun), Arc::clone(&ended));
            tokio::spawn(async move {
                for _ in 0..50 {
                    let (begun, ended, stopping) = (Arc::clone(&begun), Arc::clone(&ended), child.stopping());
                    child.spawn("connection", OnFailure::Log, async move {
                        begun.fetch_add(1, Ordering::SeqCst);
                        stopping.cancelled().await;
                        ended.fetch_add(1, Ordering::SeqCst);
                    });
                    tokio::task::yield_now().await;
                }
            })
        };
        assert_eq!(root.shutdown(DEADLINE).await, Ok(()));
        let begun_at_end = begun.load(Ordering::SeqCst);
        assert_eq!((ended.load(Ordering::SeqCst), root.running()), (begun_at_end, 0));
        spawner.await.expect("spawning does not panic");
        assert_eq!(begun.load(Ordering::SeqCst), begun_at_end, "nothing begins after shutdown");
    }
}
