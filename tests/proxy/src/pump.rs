//! Carries one direction of one connection.

use crate::link::Link;
use crate::pacing::Pacing;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Of one piece, in bytes.
const PIECE_BYTES: usize = 16 << 10;
/// Pieces under way: what a long line holds. Whoever says more waits.
const PIECES_MAX: usize = 256;

/// Which end is gone without a word.
#[derive(Debug)]
pub enum Broken {
    /// Who speaks.
    Source,
    /// Who hears.
    Sink,
}

/// Carries what `source` says to `sink` until it has said all, as `link` lets it.
///
/// # Errors
/// [`Broken`] when an end has reset its connection. Pieces under way are lost then, as they are in TCP.
pub async fn carry<R, W>(source: R, sink: W, link: &Link, seed: u64) -> Result<(), Broken>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (hand_over, under_way) = mpsc::channel(PIECES_MAX);
    let hear = async { listen(source, hand_over, link, seed).await.map_err(|_| Broken::Source) };
    let say = async { deliver(sink, under_way, link).await.map_err(|_| Broken::Sink) };
    tokio::try_join!(hear, say).map(|_| ())
}

/// A piece and when it arrives.
type Piece = (Instant, Vec<u8>);

async fn listen<R: AsyncRead + Unpin>(
    mut source: R,
    hand_over: mpsc::Sender<Piece>,
    link: &Link,
    seed: u64,
) -> io::Result<()> {
    let mut pacing = Pacing::new(Instant::now(), seed);
    loop {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        if source.read_buf(&mut piece).await? == 0 {
            return Ok(());
        }
        let arrival = pacing.arrival(Instant::now(), piece.len(), link.pace());
        if hand_over.send((arrival, piece)).await.is_err() {
            return Ok(());
        }
    }
}

async fn deliver<W: AsyncWrite + Unpin>(
    mut sink: W,
    mut under_way: mpsc::Receiver<Piece>,
    link: &Link,
) -> io::Result<()> {
    while let Some((arrival, piece)) = under_way.recv().await {
        sleep_until(arrival).await;
        link.open().await;
        sink.write_all(&piece).await?;
        link.note_bytes(piece.len());
    }
    // The end of what is said travels the same way.
    link.open().await;
    sink.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Pace;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::io::{DuplexStream, duplex};
    use tokio::task::JoinHandle;

    type Carrying = JoinHandle<Result<(), Broken>>;

    /// Who speaks, who hears, what is between them.
    fn line() -> (DuplexStream, DuplexStream, Arc<Link>, Carrying) {
        let (near, source) = duplex(1 << 20);
        let (sink, far) = duplex(1 << 20);
        let link = Arc::new(Link::default());
        let carried = link.clone();
        let carrying = tokio::spawn(async move { carry(source, sink, &carried, 1).await });
        (near, far, link, carrying)
    }

    async fn heard(far: &mut DuplexStream, bytes: usize) -> Vec<u8> {
        let mut heard = vec![0; bytes];
        far.read_exact(&mut heard).await.expect("as many bytes");
        heard
    }

    /// Paused time moves only when nothing else can: whoever still waits then waits for this link.
    async fn hears_nothing(far: &mut DuplexStream) {
        let waited = tokio::time::timeout(Duration::from_secs(3600), far.read_u8()).await;
        assert!(waited.is_err(), "{waited:?} passed");
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_is_said_is_heard_in_order_and_then_the_end() {
        let (mut near, mut far, link, carrying) = line();
        let said: Vec<u8> = (0..300_000_u32).map(|nth| nth as u8).collect();
        near.write_all(&said).await.expect("said");
        near.shutdown().await.expect("ended");
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.expect("heard");
        assert!(all == said);
        carrying.await.expect("no panic").expect("no end broke");
        assert_eq!(link.carried(), (0, said.len() as u64));
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_passes_before_anything_is_heard() {
        let (mut near, mut far, link, _carrying) = line();
        link.set(Pace { delay: Duration::from_secs(5), ..Pace::default() });
        let began = Instant::now();
        near.write_all(b"late").await.expect("said");
        assert_eq!(heard(&mut far, 4).await, b"late");
        assert_eq!(began.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_narrow_way_takes_its_time() {
        let (mut near, mut far, link, _carrying) = line();
        link.set(Pace { bytes_per_second: std::num::NonZeroU64::new(1000), ..Pace::default() });
        let began = Instant::now();
        near.write_all(&[1; 60_000]).await.expect("said");
        heard(&mut far, 60_000).await;
        assert_eq!(began.elapsed(), Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_stalled_is_heard_whole_once_healed() {
        let (mut near, mut far, link, _carrying) = line();
        near.write_all(b"before").await.expect("said");
        assert_eq!(heard(&mut far, 6).await, b"before");
        link.stall();
        near.write_all(b"held").await.expect("said");
        near.shutdown().await.expect("ended");
        hears_nothing(&mut far).await;
        link.heal();
        let mut rest = Vec::new();
        far.read_to_end(&mut rest).await.expect("heard");
        assert_eq!(rest, b"held");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_says_too_much_into_a_stalled_line_has_to_wait() {
        let (near, source) = duplex(1);
        let (sink, _far) = duplex(1);
        let link = Link::default();
        link.stall();
        let speak = async {
            let mut near = near;
            let said = PIECES_MAX + 10;
            for nth in 0..said {
                let waited = tokio::time::timeout(Duration::from_secs(1), near.write_u8(0)).await;
                if waited.is_err() {
                    return nth;
                }
            }
            said
        };
        let taken = tokio::select! {
            taken = speak => taken,
            ended = carry(source, sink, &link, 1) => panic!("{ended:?}"),
        };
        assert!(taken <= PIECES_MAX + 4, "{taken} bytes were taken, a piece each");
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_that_is_gone_breaks_the_line() {
        let (mut near, far, _link, carrying) = line();
        drop(far);
        near.write_all(b"to nobody").await.expect("said");
        assert!(matches!(carrying.await.expect("no panic"), Err(Broken::Sink)));
    }
}
