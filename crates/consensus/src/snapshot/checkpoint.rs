//! A copy of the state on this node's disk, for other replicas to pull.
//!
//! Everything here blocks.

use super::manifest::{Manifest, ManifestFile, PIECE_BYTES, SnapshotId, is_plain_name};
use super::message::Part;
use crate::machine::{AppliedState, CheckpointJob};
use anabranch_types::{GroupId, ReplicaId};
use bytes::Bytes;
use parking_lot::Mutex;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tokio::time::Instant;

/// A copy that is complete. Its files go with it.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    pub id: SnapshotId,
    pub manifest: Manifest,
    /// The manifest as it is fetched.
    pub manifest_bytes: Bytes,
    /// When somebody last pulled something.
    pub used: Mutex<Instant>,
    dir: CopyDir,
}

/// The directory of a copy; removed on drop.
#[derive(Debug)]
struct CopyDir(PathBuf);

impl Drop for CopyDir {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(dir = %self.0.display(), %error, "a snapshot's files stay until the next start");
        }
    }
}

/// A copy could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    /// The machine could not.
    #[error("the state could not be copied: {0}")]
    Machine(String),
    /// It covers nothing, or has what does not travel.
    #[error("the copy cannot be sent: {0}")]
    Unfit(&'static str),
    /// The disk failed.
    #[error("the copy could not be read")]
    Io(#[from] io::Error),
}

impl Checkpoint {
    /// Runs `job`, which fills `dir`, and takes the checksums of all files: reads each once.
    pub(crate) fn make(
        group: GroupId,
        origin: ReplicaId,
        dir: PathBuf,
        job: CheckpointJob,
    ) -> Result<Self, CheckpointError> {
        let dir = CopyDir(dir);
        let applied = job().map_err(|error| CheckpointError::Machine(error.0))?;
        let AppliedState { last: Some(last), .. } = applied else {
            return Err(CheckpointError::Unfit("it covers no entry"));
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(&dir.0)? {
            let entry = entry?;
            let name = entry.file_name().into_string().ok().filter(|name| is_plain_name(name));
            let name = name.ok_or(CheckpointError::Unfit("a file's name is not plain"))?;
            if !entry.file_type()?.is_file() {
                return Err(CheckpointError::Unfit("there is more in it than files"));
            }
            files.push(checksummed(&entry.path(), name)?);
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        let manifest = Manifest { group, origin, applied, files };
        let manifest_bytes = manifest.encode();
        let mut crc = &manifest_bytes[manifest_bytes.len() - 4..];
        let id = SnapshotId { origin, last, manifest_crc: bytes::Buf::get_u32_le(&mut crc) };
        Ok(Checkpoint { id, manifest, manifest_bytes, used: Mutex::new(Instant::now()), dir })
    }

    /// Reads `bytes` of `part` from `offset` on.
    ///
    /// # Errors
    /// `InvalidInput` for what lies outside; else what the disk says.
    pub(crate) fn read(&self, part: Part, offset: u64, bytes: u32) -> io::Result<Bytes> {
        *self.used.lock() = Instant::now();
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "the snapshot has no such bytes");
        let end = offset.checked_add(u64::from(bytes)).ok_or_else(outside)?;
        match part {
            Part::Manifest if end <= self.manifest_bytes.len() as u64 => {
                Ok(self.manifest_bytes.slice(offset as usize..end as usize))
            }
            Part::Manifest => Err(outside()),
            Part::File(number) => {
                let file = self.manifest.files.get(number as usize).filter(|file| end <= file.bytes);
                let mut buffer = vec![0; bytes as usize];
                File::open(self.dir.0.join(&file.ok_or_else(outside)?.name))?.read_exact_at(&mut buffer, offset)?;
                Ok(buffer.into())
            }
        }
    }
}

fn checksummed(path: &Path, name: String) -> io::Result<ManifestFile> {
    let mut file = File::open(path)?;
    let (mut bytes, mut piece_crcs, mut piece) = (0, Vec::new(), Vec::with_capacity(PIECE_BYTES as usize));
    loop {
        piece.clear();
        let read = Read::by_ref(&mut file).take(PIECE_BYTES).read_to_end(&mut piece)?;
        if read == 0 {
            return Ok(ManifestFile { name, bytes, piece_crcs });
        }
        bytes += read as u64;
        piece_crcs.push(crc32c::crc32c(&piece));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_walog::LogId;

    fn make(dir: &Path, fill: impl FnOnce(&Path) + Send + 'static) -> Result<Checkpoint, CheckpointError> {
        let (copy, dir) = (dir.join("copy"), dir.join("copy"));
        let job = move || {
            fs::create_dir(&dir).expect("new");
            fill(&dir);
            Ok(AppliedState { last: Some(LogId { term: 2, index: 9 }), membership: None })
        };
        Checkpoint::make(GroupId(1), ReplicaId(3), copy, Box::new(job))
    }

    #[tokio::test]
    async fn a_copy_is_read_piece_by_piece_and_goes_with_its_last_owner() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let long = vec![5; PIECE_BYTES as usize + 10];
        let content = long.clone();
        let made = make(temporary.path(), move |dir| {
            fs::write(dir.join("b.sst"), content).expect("written");
            fs::write(dir.join("a-empty"), []).expect("written");
        })
        .expect("made");
        assert_eq!(Manifest::decode(&made.manifest_bytes).expect("own"), (made.manifest.clone(), made.id));
        assert_eq!(made.manifest.files.iter().map(|file| file.bytes).collect::<Vec<_>>(), [0, PIECE_BYTES + 10]);
        assert_eq!(made.manifest.files[1].crc(), crc32c::crc32c(&long));
        assert_eq!(made.read(Part::File(1), PIECE_BYTES, 10).expect("there"), [5; 10].as_slice());
        assert_eq!(made.read(Part::Manifest, 0, 1).expect("there"), [1].as_slice());
        for (part, offset) in [(Part::File(1), PIECE_BYTES + 10), (Part::File(2), 0), (Part::Manifest, u64::MAX)] {
            assert_eq!(made.read(part, offset, 1).expect_err("outside").kind(), io::ErrorKind::InvalidInput);
        }
        drop(made);
        assert!(!temporary.path().join("copy").exists());
    }

    #[tokio::test]
    async fn a_copy_with_a_directory_in_it_is_refused_and_removed() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let refusal = make(temporary.path(), |dir| fs::create_dir(dir.join("inner")).expect("new")).expect_err("unfit");
        assert!(matches!(refusal, CheckpointError::Unfit(_)), "{refusal}");
        assert!(!temporary.path().join("copy").exists());
    }
}
