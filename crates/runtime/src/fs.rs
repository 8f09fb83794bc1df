//! The file system as the log sees it: a handful of calls that say what is durable when.
//!
//! Synchronous on purpose: the callers are threads of their own. Nothing here caches,
//! retries or hides an error. [`StdFs`] is the real one; simulations bring their own.

use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, OFlags};

/// A file that is read and written at positions. Shared by readers and one writer.
pub trait File: Send + Sync + fmt::Debug {
    /// Fills `buffer` from `position`.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before the buffer is full; else what the disk says.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `position`. Nothing is durable before [`File::sync_data`].
    ///
    /// # Errors
    /// What the disk says; any part of `bytes` may then be on disk. `StorageFull` when there is
    /// no room, which cannot happen inside an allocated and once written range.
    ///
    /// Memory, position and length that are multiples of [`DIRECT_ALIGN`] let the real disk take
    /// the bytes without the page cache, where its file system can.
    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes every write before this call durable (fdatasync).
    ///
    /// # Errors
    /// After an error nothing is known about any write since the last success, and calling
    /// again proves nothing: the kernel may have dropped the dirty pages and forgotten them.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes the file `bytes` long and reserves the room; new bytes read as zero.
    ///
    /// # Errors
    /// `StorageFull` when the disk has no room; else what the disk says.
    fn allocate(&self, bytes: u64) -> io::Result<()>;

    /// Cuts or extends the file to `bytes`.
    ///
    /// # Errors
    /// What the disk says.
    fn set_len(&self, bytes: u64) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// What the disk says.
    fn byte_len(&self) -> io::Result<u64>;
}

/// A file system: names, and files behind them. Names are durable after [`Fs::sync_dir`].
pub trait Fs: Send + Sync + 'static {
    /// Makes a new, empty file, open for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` when the name is taken; else what the disk says.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// `NotFound` when there is none; else what the disk says.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Gives a file another name, replacing what had it. Open it again under the new name:
    /// an older handle need not follow.
    ///
    /// # Errors
    /// What the disk says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the disk says.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Makes a directory and its missing parents.
    ///
    /// # Errors
    /// What the disk says.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// The names in a directory, sorted; names that are not UTF-8 are left out.
    ///
    /// # Errors
    /// What the disk says.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Makes every creation, renaming and removal in `dir` before this call durable.
    ///
    /// # Errors
    /// As [`File::sync_data`]: after an error nothing is known.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Bytes that an unprivileged process may still write on the disk that holds `dir`.
    ///
    /// # Errors
    /// What the disk says.
    fn available_bytes(&self, dir: &Path) -> io::Result<u64>;
}

/// What a write past the page cache has to be aligned to. Source: open(2), O_DIRECT; no common
/// disk has larger logical blocks.
pub const DIRECT_ALIGN: usize = 4096;

/// Whether an error says that the disk, or the user's share of it, is full.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The operating system's file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct StdFs;

impl Fs for StdFs {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        StdFile::open(OpenOptions::new().read(true).write(true).create_new(true), path)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        StdFile::open(OpenOptions::new().read(true).write(true), path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        std::fs::create_dir_all(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        std::fs::File::open(dir)?.sync_all()
    }

    fn available_bytes(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// One file behind two handles: the kernel keeps them coherent, and a sync of either is of both.
#[derive(Debug)]
struct StdFile {
    cached: std::fs::File,
    /// Past the page cache; none where the file system cannot.
    direct: Option<std::fs::File>,
}

impl StdFile {
    fn open(how: &OpenOptions, path: &Path) -> io::Result<Arc<dyn File>> {
        let cached = how.open(path)?;
        let flags = OFlags::DIRECT.bits().cast_signed();
        let direct = OpenOptions::new().write(true).custom_flags(flags).open(path).ok();
        Ok(Arc::new(StdFile { cached, direct }))
    }
}

fn is_aligned(position: u64, bytes: &[u8]) -> bool {
    position.is_multiple_of(DIRECT_ALIGN as u64)
        && bytes.len().is_multiple_of(DIRECT_ALIGN)
        && bytes.as_ptr().addr().is_multiple_of(DIRECT_ALIGN)
}

impl File for StdFile {
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.cached.read_exact_at(buffer, position)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        if let Some(direct) = self.direct.as_ref().filter(|_| is_aligned(position, bytes)) {
            match direct.write_all_at(bytes, position) {
                // A file system that wants larger blocks: nothing was written.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
                written => return written,
            }
        }
        self.cached.write_all_at(bytes, position)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.cached.sync_data()
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.cached, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => Ok(()),
            // Some network and overlay file systems cannot reserve; the caller writes zeros anyway.
            Err(rustix::io::Errno::OPNOTSUPP) => self.cached.set_len(bytes),
            Err(errno) => Err(errno.into()),
        }
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.cached.set_len(bytes)
    }

    fn byte_len(&self) -> io::Result<u64> {
        Ok(self.cached.metadata()?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_reads_back_what_was_written_under_its_new_name() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (first, second) = (dir.path().join("a"), dir.path().join("b"));
        let file = StdFs.create(&first).expect("create");
        file.allocate(8192).expect("allocate");
        file.write_at(4096, b"water").expect("write");
        file.sync_data().expect("sync");
        StdFs.rename(&first, &second).expect("rename");
        StdFs.sync_dir(dir.path()).expect("sync directory");

        let file = StdFs.open(&second).expect("open");
        let mut read = [1u8; 6];
        file.read_at(4096, &mut read).expect("read");
        assert_eq!(&read, b"water\0");
        assert_eq!(file.byte_len().expect("length"), 8192);
        assert_eq!(StdFs.list(dir.path()).expect("list"), vec!["b".to_owned()]);
        assert!(StdFs.available_bytes(dir.path()).expect("space") > 0);
    }

    #[test]
    fn aligned_and_unaligned_writes_of_one_file_read_back_as_written() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("a");
        let file = StdFs.create(&path).expect("create");
        file.allocate(4 * DIRECT_ALIGN as u64).expect("allocate");
        let memory = vec![7u8; 3 * DIRECT_ALIGN];
        let aligned = memory.as_ptr().align_offset(DIRECT_ALIGN);
        file.write_at(0, &memory[..2 * DIRECT_ALIGN - 1]).expect("unaligned");
        file.write_at(DIRECT_ALIGN as u64, &memory[aligned..aligned + DIRECT_ALIGN]).expect("aligned");
        file.write_at(2 * DIRECT_ALIGN as u64, &memory[..1]).expect("unaligned");
        file.sync_data().expect("sync");

        let file = StdFs.open(&path).expect("open");
        let mut read = vec![1u8; 2 * DIRECT_ALIGN + 2];
        file.read_at(0, &mut read).expect("read");
        assert!(read[..=2 * DIRECT_ALIGN].iter().all(|byte| *byte == 7));
        assert_eq!(read[2 * DIRECT_ALIGN + 1], 0);
    }

    #[test]
    fn a_read_beyond_the_end_is_an_error_not_a_short_read() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let file = StdFs.create(&dir.path().join("a")).expect("create");
        file.set_len(10).expect("set length");
        let error = file.read_at(8, &mut [0u8; 4]).expect_err("only two bytes are left");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_taken_name_is_not_created_again() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("a");
        StdFs.create(&path).expect("create");
        assert_eq!(StdFs.create(&path).expect_err("taken").kind(), io::ErrorKind::AlreadyExists);
    }
}
