//! Where a snapshot that is being pulled lies until it is complete.
//!
//! ```text
//! <group>.incoming/manifest      written whole before the first file: which snapshot this is
//! <group>.incoming/files/<name>  what is there of each file
//! ```
//! What is there is trusted only as far as its checksums go, so that a pull goes on after a crash.
//! Everything here blocks.

use super::manifest::{Manifest, ManifestFile, PIECE_BYTES, SnapshotId};
use bytes::Bytes;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const MANIFEST: &str = "manifest";
const MANIFEST_IN_THE_MAKING: &str = "manifest.new";
const FILES: &str = "files";

/// The directory of one group's pull.
#[derive(Debug, Clone)]
pub(crate) struct Staging {
    dir: PathBuf,
}

impl Staging {
    pub(crate) fn in_dir(dir: PathBuf) -> Self {
        Staging { dir }
    }

    /// Where the files are.
    pub(crate) fn files(&self) -> PathBuf {
        self.dir.join(FILES)
    }

    /// Which snapshot is there, complete or not. None when nothing is that can be gone on with.
    pub(crate) fn found(&self) -> Option<(Manifest, SnapshotId)> {
        let bytes = fs::read(self.dir.join(MANIFEST)).ok()?;
        Manifest::decode(&bytes.into()).ok()
    }

    /// Begins a snapshot anew.
    pub(crate) fn begin(&self, manifest: &Bytes) -> io::Result<()> {
        self.remove()?;
        fs::create_dir_all(self.files())?;
        let new = self.dir.join(MANIFEST_IN_THE_MAKING);
        let mut file = File::create(&new)?;
        file.write_all(manifest)?;
        file.sync_all()?;
        fs::rename(&new, self.dir.join(MANIFEST))?;
        sync_dir(&self.dir)
    }

    /// Removes everything.
    pub(crate) fn remove(&self) -> io::Result<()> {
        remove_if_there(&self.dir)
    }

    /// How many pieces of `file` are there from its beginning on, and good.
    pub(crate) fn good_pieces(&self, file: &ManifestFile) -> io::Result<usize> {
        let there = match File::open(self.path(file)) {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let mut buffer = vec![0; PIECE_BYTES as usize];
        for (number, crc) in file.piece_crcs.iter().enumerate() {
            let (offset, bytes) = file.piece(number);
            let piece = &mut buffer[..bytes as usize];
            match there.read_exact_at(piece, offset) {
                Ok(()) if crc32c::crc32c(piece) == *crc => {}
                Ok(()) => return Ok(number),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(number),
                Err(error) => return Err(error),
            }
        }
        Ok(file.piece_crcs.len())
    }

    /// The file, to be written from piece `good` on.
    pub(crate) fn open(&self, file: &ManifestFile, good: usize) -> io::Result<File> {
        let opened = File::options().write(true).create(true).truncate(false).open(self.path(file))?;
        opened.set_len(file.bytes.min(good as u64 * PIECE_BYTES))?;
        Ok(opened)
    }

    /// Makes the names of all files durable; the files are.
    pub(crate) fn seal(&self) -> io::Result<()> {
        sync_dir(&self.files())?;
        sync_dir(&self.dir)
    }

    fn path(&self, file: &ManifestFile) -> PathBuf {
        self.dir.join(FILES).join(&file.name)
    }
}

pub(crate) fn remove_if_there(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::AppliedState;
    use anabranch_types::{GroupId, ReplicaId};
    use anabranch_walog::LogId;

    const LAST_BYTES: usize = 100;

    fn content() -> Vec<u8> {
        (0..2 * PIECE_BYTES as usize + LAST_BYTES).map(|at| (at * 31) as u8).collect()
    }

    fn manifest() -> Manifest {
        let piece_crcs = content().chunks(PIECE_BYTES as usize).map(crc32c::crc32c).collect();
        let file = ManifestFile { name: "a.sst".to_owned(), bytes: content().len() as u64, piece_crcs };
        let applied = AppliedState { last: Some(LogId { term: 1, index: 5 }), membership: None };
        Manifest { group: GroupId(1), origin: ReplicaId(1), applied, files: vec![file] }
    }

    #[test]
    fn a_pull_goes_on_where_its_checksums_end() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let staging = Staging::in_dir(temporary.path().join("00001.incoming"));
        assert!(staging.found().is_none());
        let manifest = manifest();
        staging.begin(&manifest.encode()).expect("begun");
        assert_eq!(staging.found().expect("begun").0, manifest);
        let (file, good) = (&manifest.files[0], content());
        assert_eq!(staging.good_pieces(file).expect("readable"), 0);

        let write = |content: &[u8]| fs::write(staging.path(file), content).expect("written");
        write(&good);
        assert_eq!(staging.good_pieces(file).expect("readable"), 3);
        write(&good[..good.len() - 1]);
        assert_eq!(staging.good_pieces(file).expect("readable"), 2, "the last piece is cut");
        let mut torn = good.clone();
        torn[PIECE_BYTES as usize + 7] ^= 1;
        write(&torn);
        assert_eq!(staging.good_pieces(file).expect("readable"), 1, "what a crash left of the second piece");
        drop(staging.open(file, 1).expect("opens"));
        assert_eq!(fs::read(staging.path(file)).expect("there"), good[..PIECE_BYTES as usize]);
        staging.remove().expect("removed");
        staging.remove().expect("nothing to remove");
    }

    #[test]
    fn a_manifest_in_the_making_is_no_snapshot() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let staging = Staging::in_dir(temporary.path().to_owned());
        fs::write(temporary.path().join(MANIFEST_IN_THE_MAKING), manifest().encode()).expect("written");
        assert!(staging.found().is_none());
        fs::write(temporary.path().join(MANIFEST), &manifest().encode()[..20]).expect("written");
        assert!(staging.found().is_none());
    }
}
