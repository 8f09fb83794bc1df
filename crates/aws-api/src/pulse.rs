//! What a connection is doing, so that one which only occupies a place can be closed.
//!
//! hyper's own head timeout also ends connections that wait for their next request, hence this.

use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What one write holds at most when it only keeps an HTTP/2 connection up: a few frames of 17
/// bytes (ping) or 13 (window). Source: RFC 9113, section 6.
const CONTROL_BYTES_MAX: usize = 100;

/// A connection's activity. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// Requests whose answer is not made yet.
    open_requests: usize,
    /// When the first bytes came that belong to no request yet. HTTP/2 sends such bytes (pings,
    /// windows) at any time: there it only counts before the first request.
    head_since: Option<Instant>,
    /// Whether a first request came, and over HTTP/2.
    multiplexed: Option<bool>,
    /// When a request last began or ended or bytes were last written.
    active_at: Instant,
}

/// What to do about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing is wrong; look again then.
    LookAgainAt(Instant),
    /// It has been idle for long enough: finish it gracefully.
    Idle,
    /// The head of a request does not come: drop it.
    HeadOverdue,
}

/// A request that is being served; ends on drop.
#[derive(Debug)]
pub(crate) struct OpenRequest(Pulse);

impl Pulse {
    /// A connection that starts now.
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let state = State { open_requests: 0, head_since: Some(now), multiplexed: None, active_at: now };
        Pulse { state: Arc::new(Mutex::new(state)) }
    }

    /// A request's head is complete.
    pub(crate) fn request_begins(&self, multiplexed: bool) -> OpenRequest {
        let mut state = self.state.lock();
        state.open_requests += 1;
        state.head_since = None;
        state.multiplexed = Some(multiplexed);
        state.active_at = Instant::now();
        OpenRequest(self.clone())
    }

    /// Judges the connection at `now`.
    pub(crate) fn judge(&self, now: Instant, head_read: Duration, idle: Duration) -> Verdict {
        let state = self.state.lock();
        if state.open_requests > 0 {
            return Verdict::LookAgainAt(now + head_read);
        }
        if let Some(since) = state.head_since {
            let due = since + head_read;
            return if due <= now { Verdict::HeadOverdue } else { Verdict::LookAgainAt(due) };
        }
        let due = state.active_at + idle;
        if due <= now { Verdict::Idle } else { Verdict::LookAgainAt(due.min(now + head_read)) }
    }

    fn bytes_read(&self) {
        let mut state = self.state.lock();
        if state.open_requests == 0 && state.head_since.is_none() && state.multiplexed != Some(true) {
            state.head_since = Some(Instant::now());
        }
    }

    /// Over HTTP/2, pings and their like do not count: they would keep an unused connection
    /// for ever.
    fn bytes_written(&self, bytes: usize) {
        let mut state = self.state.lock();
        if state.multiplexed != Some(true) || bytes > CONTROL_BYTES_MAX {
            state.active_at = Instant::now();
        }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.open_requests -= 1;
        state.active_at = Instant::now();
    }
}

/// A stream of bytes that reports to a [`Pulse`].
pub(crate) struct Watched<T> {
    pub(crate) io: T,
    pub(crate) pulse: Pulse,
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.io).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pulse.bytes_read();
        }
        result
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = result {
            self.pulse.bytes_written(written);
        }
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, pieces);
        if let Poll::Ready(Ok(written)) = result {
            self.pulse.bytes_written(written);
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(90);

    async fn after(pulse: &Pulse, seconds: u64) -> Verdict {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        pulse.judge(Instant::now(), HEAD, IDLE)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_never_asks_is_overdue() {
        let pulse = Pulse::new();
        assert_eq!(after(&pulse, 9).await, Verdict::LookAgainAt(Instant::now() + Duration::from_secs(1)));
        pulse.bytes_read();
        assert_eq!(after(&pulse, 1).await, Verdict::HeadOverdue);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_may_take_long_and_then_the_connection_may_idle() {
        let pulse = Pulse::new();
        let request = pulse.request_begins(false);
        assert_eq!(after(&pulse, 1000).await, Verdict::LookAgainAt(Instant::now() + HEAD));
        drop(request);
        assert_eq!(after(&pulse, 89).await, Verdict::LookAgainAt(Instant::now() + Duration::from_secs(1)));
        assert_eq!(after(&pulse, 1).await, Verdict::Idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_head_is_timed_from_its_first_byte() {
        let pulse = Pulse::new();
        drop(pulse.request_begins(false));
        assert_eq!(after(&pulse, 60).await, Verdict::LookAgainAt(Instant::now() + HEAD));
        pulse.bytes_read();
        after(&pulse, 9).await;
        pulse.bytes_read();
        assert_eq!(after(&pulse, 1).await, Verdict::HeadOverdue);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_still_being_sent_keeps_its_connection() {
        for multiplexed in [false, true] {
            let pulse = Pulse::new();
            drop(pulse.request_begins(multiplexed));
            for _ in 0..20 {
                pulse.bytes_written(4096);
                assert_eq!(after(&pulse, 60).await, Verdict::LookAgainAt(Instant::now() + HEAD), "{multiplexed}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pings_are_no_heads_and_do_not_keep_an_unused_connection() {
        let pulse = Pulse::new();
        drop(pulse.request_begins(true));
        for _ in 0..8 {
            pulse.bytes_read();
            pulse.bytes_written(17);
            assert_eq!(after(&pulse, 10).await, Verdict::LookAgainAt(Instant::now() + HEAD));
        }
        assert_eq!(after(&pulse, 10).await, Verdict::Idle);
    }
}
