//! Pulls one snapshot from the leader that offered it, piece by piece, and checks every byte.

use super::config::Snapshots;
use super::incoming::PullError;
use super::manifest::{Manifest, ManifestFile, PIECE_BYTES};
use super::message::{Fetch, Offer, Part, fetch, fetch_answer_in};
use super::staging::Staging;
use crate::message::Envelope;
use crate::metrics;
use crate::transport::{Peer, Transport, Unreached};
use anabranch_types::ReplicaId;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often one piece is asked for before the pull gives up. The leader offers again.
const TRIES_MAX: u32 = 5;
/// The wait after a piece that did not come; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// Room that is left on the disk beside the snapshot.
const DISK_SLACK_BYTES: u64 = 64 << 20;

/// One pull on its way.
pub(crate) struct Puller {
    pub snapshots: Snapshots,
    pub transport: Arc<dyn Transport>,
    pub replica: ReplicaId,
    /// The leader.
    pub peer: Peer,
    pub offer: Offer,
    pub staging: Staging,
    /// Good bytes on disk, of all files.
    pub bytes: Arc<AtomicU64>,
    /// Set when the snapshot is not wanted any more.
    pub cancel: CancellationToken,
}

impl Puller {
    /// Returns once all files are there, good and durable. When it fails, what is there stays for
    /// the next pull of the same snapshot. Nothing is written any more once this has returned.
    pub(crate) async fn run(&self) -> Result<Manifest, PullError> {
        let manifest = self.manifest().await?;
        let good = self.good_pieces(&manifest).await?;
        let there: u64 = manifest.files.iter().zip(&good).map(|(file, good)| good_bytes(file, *good)).sum();
        if there > 0 {
            tracing::info!(snapshot = %self.offer.id, from = %self.peer, bytes = there, "an earlier pull is gone on with");
        }
        self.bytes.store(there, Ordering::Relaxed);
        let missing_bytes = manifest.total_bytes() - there;
        if !self.snapshots.0.env.disk_room.holds(missing_bytes + DISK_SLACK_BYTES) {
            return Err(PullError::NoRoom { bytes: missing_bytes });
        }
        let mut told = Instant::now();
        for (number, (file, good)) in (0..).zip(manifest.files.iter().zip(good)) {
            self.file(number, file, good, &mut told).await?;
        }
        let staging = self.staging.clone();
        blocking(move || staging.seal()).await?;
        Ok(manifest)
    }

    /// The manifest of the offered snapshot, also on disk.
    async fn manifest(&self) -> Result<Manifest, PullError> {
        let (staging, id) = (self.staging.clone(), self.offer.id);
        let found = blocking(move || Ok(staging.found())).await?;
        if let Some((manifest, _)) = found.filter(|(_, found)| *found == id) {
            return Ok(manifest);
        }
        let bytes_max = u64::from(self.offer.manifest_bytes);
        let mut bytes = BytesMut::new();
        while (bytes.len() as u64) < bytes_max {
            let offset = bytes.len() as u64;
            bytes.extend_from_slice(
                &self.piece(Part::Manifest, offset, PIECE_BYTES.min(bytes_max - offset), None).await?,
            );
        }
        let bytes = bytes.freeze();
        let (manifest, found) = Manifest::decode(&bytes)?;
        if found != id || manifest.group != self.peer.group {
            return Err(PullError::AnotherSnapshot);
        }
        let staging = self.staging.clone();
        blocking(move || staging.begin(&bytes)).await?;
        Ok(manifest)
    }

    /// What is there of each file from an earlier pull.
    async fn good_pieces(&self, manifest: &Manifest) -> Result<Vec<usize>, PullError> {
        let mut good = Vec::with_capacity(manifest.files.len());
        for file in &manifest.files {
            if self.cancel.is_cancelled() {
                return Err(PullError::NotWanted);
            }
            let (staging, file) = (self.staging.clone(), file.clone());
            good.push(blocking(move || staging.good_pieces(&file)).await?);
        }
        Ok(good)
    }

    /// Pulls a file from piece `good` on.
    async fn file(&self, number: u32, file: &ManifestFile, good: usize, told: &mut Instant) -> Result<(), PullError> {
        let (staging, of) = (self.staging.clone(), file.clone());
        let out = Arc::new(blocking(move || staging.open(&of, good)).await?);
        let pieces = (good..file.piece_crcs.len()).map(|piece| async move {
            let (offset, bytes) = file.piece(piece);
            let content = self.piece(Part::File(number), offset, bytes, Some(file.piece_crcs[piece])).await;
            content.map(|content| (offset, content))
        });
        let mut pieces = futures::stream::iter(pieces).buffered(self.snapshots.0.options.fetches_max.max(1));
        while let Some(piece) = pieces.next().await {
            let (offset, content) = piece?;
            let (out, bytes) = (Arc::clone(&out), content.len());
            // Dropping the pull here would leave a write under way: it only ends between two of them.
            blocking(move || out.write_all_at(&content, offset)).await?;
            metrics::snapshot_received(bytes);
            let so_far = self.bytes.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
            if told.elapsed() >= self.snapshots.0.options.progress_every {
                *told = Instant::now();
                let (snapshot, of) = (self.offer.id, self.offer.total_bytes);
                tracing::info!(%snapshot, from = %self.peer, bytes = so_far, of, "pulling a snapshot");
            }
        }
        blocking(move || File::sync_all(&out)).await
    }

    /// `bytes` of `part`, good if its checksum is known.
    async fn piece(&self, part: Part, offset: u64, bytes: u64, crc: Option<u32>) -> Result<Bytes, PullError> {
        let wait = self.snapshots.0.pace.take(bytes, Instant::now());
        self.unless_cancelled(self.snapshots.0.env.sleep(wait)).await?;
        let wanted = u32::try_from(bytes).expect("a piece is a MiB at the most");
        let wanted = Fetch { id: self.offer.id, part, offset, bytes: wanted };
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match self.fetch(&wanted).await? {
                Ok(content)
                    if content.len() as u64 == bytes && crc.is_none_or(|crc| crc == crc32c::crc32c(&content)) =>
                {
                    return Ok(content);
                }
                Ok(_) => {
                    metrics::snapshot_piece_refused();
                    tracing::warn!(snapshot = %self.offer.id, from = %self.peer, ?part, offset, "a piece came damaged");
                    PullError::Damaged
                }
                Err(refused @ Unreached::Refused { .. }) => return Err(PullError::Unreached(refused)),
                Err(unreached) => PullError::Unreached(unreached),
            };
            if tries == TRIES_MAX {
                return Err(failure);
            }
            self.unless_cancelled(self.snapshots.0.env.sleep(FIRST_WAIT * 2_u32.pow(tries - 1))).await?;
        }
    }

    async fn fetch(&self, wanted: &Fetch) -> Result<Result<Bytes, Unreached>, PullError> {
        let (peer, within) = (self.peer, self.snapshots.0.options.fetch_max);
        let envelope = Envelope { group: peer.group, from: self.replica, to: peer.replica };
        let fetching = self.transport.fetch(peer, fetch(envelope, wanted), within);
        let fetched = self.unless_cancelled(tokio::time::timeout(within, fetching)).await?;
        match fetched.unwrap_or(Err(Unreached::Late { peer, within })) {
            Ok(answer) => Ok(Ok(fetch_answer_in(answer)?)),
            Err(unreached) => Ok(Err(unreached)),
        }
    }

    async fn unless_cancelled<T>(&self, future: impl Future<Output = T>) -> Result<T, PullError> {
        tokio::select! {
            done = future => Ok(done),
            () = self.cancel.cancelled() => Err(PullError::NotWanted),
        }
    }
}

/// Bytes of the first `good` pieces.
fn good_bytes(file: &ManifestFile, good: usize) -> u64 {
    file.bytes.min(good as u64 * PIECE_BYTES)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, PullError> {
    let done = anabranch_runtime::blocking(work).await.map_err(io::Error::other)?;
    Ok(done?)
}
