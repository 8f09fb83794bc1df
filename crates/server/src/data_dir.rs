//! A node's directory: one process at a time, one identity for ever (D14).
//!
//! ```text
//! LOCK            held by flock(2) while a process uses the directory; text: its pid
//! identity.toml   written once, before anything else is kept here
//! ```
//! Knows nothing of what the other crates keep beside these two files.

mod error;
mod identity;

pub use error::{ClusterMismatch, DataDirError};
pub use identity::{FORMAT_VERSION, Identity};

use anabranch_runtime::Random;
use identity::IDENTITY_FILE;
use rustix::fs::FlockOperation;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const LOCK_FILE: &str = "LOCK";
/// The most that is read of a lock's text.
const LOCK_TEXT_BYTES_MAX: u64 = 32;
/// What a directory without an identity may hold: our lock, an identity that was not finished,
/// and what a fresh file system has at its root.
const NOT_DATA: [&str; 3] = [LOCK_FILE, identity::UNFINISHED_FILE, "lost+found"];

/// A locked directory with an identity. Unlocked when dropped; an ephemeral one is removed.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    identity: Identity,
    ephemeral: bool,
    /// Closing it unlocks the directory.
    lock: Option<File>,
}

impl DataDir {
    /// Locks the directory at `path`, which is made where there is none, and reads its
    /// identity. A directory without data gets a new identity, which is durable when this
    /// returns.
    ///
    /// # Errors
    /// [`DataDirError`]; nothing in the directory but the lock was changed then.
    pub fn open(path: &Path, random: &dyn Random) -> Result<Self, DataDirError> {
        create_durably(path).map_err(|source| DataDirError::io("make", path, source))?;
        let lock = lock(path)?;
        let identity = match identity::read(path)? {
            Some(identity) => identity,
            None => {
                refuse_data(path)?;
                let identity = Identity::made_of(random);
                identity::write(path, &identity)?;
                identity
            }
        };
        Ok(DataDir { path: path.to_owned(), identity, ephemeral: false, lock: Some(lock) })
    }

    /// A new directory below the machine's temporary one, removed when dropped.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub fn ephemeral(random: &dyn Random) -> Result<Self, DataDirError> {
        let path = std::env::temp_dir().join(format!("anabranch-{:032x}", random.u128()));
        let mut directory = DataDir::open(&path, random)?;
        directory.ephemeral = true;
        Ok(directory)
    }

    /// Drops it without unlocking it, which the kernel does when the last thread of this process
    /// has ended: one that could not be stopped may still write.
    pub fn keep_locked_to_the_end(mut self) {
        std::mem::forget(self.lock.take());
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whose it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if !self.ephemeral {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the ephemeral directory stays behind");
        }
    }
}

/// Makes the directory, for this user only since keys and records lie in it, and those above
/// it; syncs the names of the new ones.
fn create_durably(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_durably(parent)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    File::open(parent)?.sync_all()
}

/// Locks the directory against every other process.
fn lock(path: &Path) -> Result<File, DataDirError> {
    let file_path = path.join(LOCK_FILE);
    let failed = |source| DataDirError::io("lock", &file_path, source);
    let mut file =
        OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&file_path).map_err(failed)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            // The holder may be writing its pid right now; the refusal stands without it.
            let pid =
                file.take(LOCK_TEXT_BYTES_MAX).read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(DataDirError::Locked { path: path.to_owned(), pid });
        }
        Err(errno) => return Err(failed(errno.into())),
    }
    file.set_len(0).map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}

/// A directory that lost its identity must not get a new one (D8): its data belongs to a
/// cluster that would meet it as a stranger.
fn refuse_data(path: &Path) -> Result<(), DataDirError> {
    let failed = |source| DataDirError::io("list", path, source);
    for entry in fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if !NOT_DATA.iter().any(|known| name == *known) {
            let found = name.to_string_lossy().into_owned();
            return Err(DataDirError::NoIdentity { path: path.to_owned(), missing: IDENTITY_FILE, found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
