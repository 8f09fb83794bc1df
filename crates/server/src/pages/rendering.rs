//! A page that costs something to make, and what bounds that cost whoever asks: it is made off
//! the async workers, once at a time, and kept for a while.

use anabranch_runtime::Clock;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Makes the text of a page. May take long; runs on a thread for blocking work.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// A rendering that is shared by all who ask for it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Rendering {
    render: Render,
    clock: Arc<dyn Clock>,
    /// How long a rendering is shown again. Zero renders for each who asks, one after the other.
    fresh_for: Duration,
    /// Locked while a rendering is made.
    last: Arc<Mutex<Option<Rendered>>>,
}

struct Rendered {
    /// Node time at the end of the rendering.
    at: Duration,
    text: Bytes,
}

/// The rendering panicked, or the process ends.
#[derive(Debug, thiserror::Error)]
#[error("the page could not be made")]
pub(super) struct NotRendered;

impl Rendering {
    pub(super) fn new(render: Render, clock: Arc<dyn Clock>, fresh_for: Duration) -> Self {
        Rendering { render, clock, fresh_for, last: Arc::default() }
    }

    /// The text, at most as old as it may be shown again. Whoever goes away while it is made does
    /// not start it anew for the next: the lock goes with the work.
    ///
    /// # Errors
    /// [`NotRendered`].
    pub(super) async fn get(&self) -> Result<Bytes, NotRendered> {
        let mut last = Arc::clone(&self.last).lock_owned().await;
        if let Some(rendered) = &*last
            && self.clock.monotonic().saturating_sub(rendered.at) < self.fresh_for
        {
            return Ok(rendered.text.clone());
        }
        let (render, clock) = (Arc::clone(&self.render), Arc::clone(&self.clock));
        let work = tokio::task::spawn_blocking(move || {
            let text = Bytes::from(render());
            *last = Some(Rendered { at: clock.monotonic(), text: text.clone() });
            text
        });
        work.await.map_err(|_| NotRendered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_runtime::Env;
    use anabranch_types::Timestamp;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    const FRESH_FOR: Duration = Duration::from_secs(1);

    /// A rendering that shows how often it was made, and the world that its time comes from.
    fn counting(fresh_for: Duration) -> (Rendering, Env) {
        let (env, made) = (Env::simulated(Timestamp::EPOCH, 1), AtomicUsize::new(0));
        let render = Arc::new(move || (made.fetch_add(1, Ordering::SeqCst) + 1).to_string());
        (Rendering::new(render, Arc::clone(&env.clock), fresh_for), env)
    }

    #[tokio::test(start_paused = true)]
    async fn a_rendering_is_shown_again_until_its_time_is_over() {
        let (page, env) = counting(FRESH_FOR);
        for _ in 0..1000 {
            assert_eq!(page.get().await.expect("made"), "1");
        }
        env.sleep(FRESH_FOR - Duration::from_millis(1)).await;
        assert_eq!(page.get().await.expect("made"), "1");
        env.sleep(Duration::from_millis(1)).await;
        assert_eq!(page.get().await.expect("made"), "2");
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_is_not_kept_is_made_for_each() {
        let (page, _) = counting(Duration::ZERO);
        assert_eq!(page.get().await.expect("made"), "1");
        assert_eq!(page.get().await.expect("made"), "2");
    }

    #[tokio::test(start_paused = true)]
    #[allow(clippy::disallowed_methods, reason = "clients are tasks of their test")]
    async fn who_goes_away_does_not_start_a_second_rendering() {
        let env = Env::simulated(Timestamp::EPOCH, 1);
        let (begun, has_begun) = mpsc::channel();
        let (finish, may_finish) = mpsc::channel::<()>();
        let may_finish = parking_lot::Mutex::new(may_finish);
        let render = Arc::new(move || {
            begun.send(std::thread::current().id()).expect("the test waits");
            may_finish.lock().recv().expect("the test lets it go on");
            "text".to_owned()
        });
        let page = Rendering::new(render, Arc::clone(&env.clock), FRESH_FOR);
        let gone = {
            let page = page.clone();
            tokio::spawn(async move { page.get().await.map(drop) })
        };
        let (thread, has_begun) =
            tokio::task::spawn_blocking(move || (has_begun.recv(), has_begun)).await.expect("ends");
        assert_ne!(thread, Ok(std::thread::current().id()), "not on the worker");
        gone.abort();
        assert!(gone.await.is_err());

        let next = tokio::spawn(async move { page.get().await.expect("made") });
        finish.send(()).expect("the rendering waits");
        drop(finish);
        assert_eq!(next.await.expect("no panic"), "text");
        assert!(has_begun.try_recv().is_err(), "it was made once");
    }
}
