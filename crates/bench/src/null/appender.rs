//! One thread that appends: everything that waits goes into one write and one fdatasync.

use anyhow::Context;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tokio::sync::oneshot;

/// Requests that may wait for the thread.
const QUEUE_REQUESTS: usize = 1024;

struct Waiting {
    frame: Vec<u8>,
    durable: oneshot::Sender<()>,
}

/// Hands frames to the thread. Cheap to clone.
#[derive(Clone)]
pub struct Appender {
    queue: SyncSender<Waiting>,
    syncs: Arc<AtomicU64>,
}

impl Appender {
    /// Starts the thread over a new file.
    ///
    /// # Errors
    /// When the file or the thread cannot be made.
    pub fn start(path: &Path) -> anyhow::Result<Appender> {
        let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
        let (queue, waiting) = sync_channel(QUEUE_REQUESTS);
        let syncs = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&syncs);
        std::thread::Builder::new().name("appender".to_owned()).spawn(move || append_all(file, &waiting, &counter))?;
        Ok(Appender { queue, syncs })
    }

    /// Returns once `frame` is durable.
    ///
    /// # Errors
    /// When the thread ended, because a write failed.
    pub async fn append(&self, frame: Vec<u8>) -> anyhow::Result<()> {
        let (durable, done) = oneshot::channel();
        self.queue.try_send(Waiting { frame, durable }).context("the appender's queue")?;
        done.await.context("the appender ended")
    }

    /// Syncs so far.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }
}

fn append_all(mut file: File, waiting: &Receiver<Waiting>, syncs: &AtomicU64) {
    let mut buffer = Vec::new();
    while let Ok(first) = waiting.recv() {
        buffer.clear();
        let mut done = Vec::new();
        for request in std::iter::once(first).chain(waiting.try_iter()) {
            buffer.extend_from_slice(&request.frame);
            done.push(request.durable);
        }
        if let Err(error) = file.write_all(&buffer).and_then(|()| file.sync_data()) {
            eprintln!("append: {error}");
            return;
        }
        syncs.fetch_add(1, Ordering::Relaxed);
        for durable in done {
            // A connection that broke waits no longer; its bytes are written all the same.
            let _ = durable.send(());
        }
    }
}
