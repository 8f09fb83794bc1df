//! A node's directory: one process at a time, one identity for ever (D14).
//!
//! ```text
//! LOCK            held by flock(2) while a process uses the directory; text: its pid
//! identity.toml   written once, before anything else is kept here
//! joining.toml    before that, in a directory that asks to join a cluster: its incarnation
//! bootstrapped    empty; since its node has had the catalog: without one, it has lost it
//! ```
//! Knows nothing of what the other crates keep beside these files.

mod error;
mod identity;
mod lock;

pub use error::{ClusterMismatch, DataDirError};
pub use identity::{FORMAT_VERSION, Identity};
pub(crate) use lock::{is_held, lock};

use anabranch_runtime::Random;
use anabranch_types::Incarnation;
use identity::IDENTITY_FILE;
use lock::LOCK_FILE;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What a directory without an identity may hold: our lock, an identity that was not finished,
/// and what a fresh file system has at its root.
const NOT_DATA: [&str; 5] =
    [LOCK_FILE, identity::UNFINISHED_FILE, identity::JOINING_FILE, identity::JOINING_UNFINISHED_FILE, "lost+found"];

/// Says that the node has had the catalog. Beside the identity, so that no loss of what else is here
/// makes the node found its cluster once more.
const BOOTSTRAPPED_FILE: &str = "bootstrapped";
/// Where it was before.
const BOOTSTRAPPED_BEFORE: &str = "groups/bootstrapped";

/// A locked directory with an identity. Unlocked when dropped; an ephemeral one is removed.
#[derive(Debug)]
pub struct DataDir {
    held: Held,
    identity: Identity,
}

/// A locked directory that belongs to no cluster yet.
#[derive(Debug)]
pub struct EmptyDir(Held);

/// A locked directory.
#[derive(Debug)]
pub enum Opened {
    /// It belongs to a cluster.
    Member(DataDir),
    /// It is to belong to one.
    Empty(EmptyDir),
}

#[derive(Debug)]
struct Held {
    path: PathBuf,
    ephemeral: bool,
    /// Closing it unlocks the directory.
    lock: Option<File>,
}

impl Opened {
    /// Locks the directory at `path`, which is made where there is none, and reads its identity.
    ///
    /// # Errors
    /// [`DataDirError`]; nothing in the directory but the lock was changed then.
    pub fn at(path: &Path) -> Result<Self, DataDirError> {
        create_durably(path).map_err(|source| DataDirError::io("make", path, source))?;
        let held = Held { path: path.to_owned(), ephemeral: false, lock: Some(lock(path)?) };
        match identity::read(path)? {
            Some(identity) => Ok(Opened::Member(DataDir { held, identity })),
            None => {
                refuse_data(path)?;
                Ok(Opened::Empty(EmptyDir(held)))
            }
        }
    }

    /// A new directory below the machine's temporary one, removed when dropped.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub fn ephemeral(random: &dyn Random) -> Result<Self, DataDirError> {
        let mut opened = Opened::at(&std::env::temp_dir().join(format!("anabranch-{:032x}", random.u128())))?;
        match &mut opened {
            Opened::Member(DataDir { held, .. }) | Opened::Empty(EmptyDir(held)) => held.ephemeral = true,
        }
        Ok(opened)
    }

    /// Whose it is; none for one that is to belong to a cluster.
    pub fn identity(&self) -> Option<&Identity> {
        match self {
            Opened::Member(directory) => Some(directory.identity()),
            Opened::Empty(_) => None,
        }
    }
}

impl EmptyDir {
    /// Makes it the first node's of a new cluster, durably.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub fn found(self, random: &dyn Random) -> Result<DataDir, DataDirError> {
        self.become_of(Identity::made_of(random))
    }

    /// What it is known by while it asks to join: the same after a crash.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub fn incarnation(&self, random: &dyn Random) -> Result<Incarnation, DataDirError> {
        identity::joining(&self.0.path, random)
    }

    /// Makes it the node's that the cluster has made of it, durably.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub fn become_of(self, identity: Identity) -> Result<DataDir, DataDirError> {
        identity::write(&self.0.path, &identity)?;
        Ok(DataDir { held: self.0, identity })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl DataDir {
    /// The directory at `path`, or a first node's of a new cluster where it belongs to none.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub fn open(path: &Path, random: &dyn Random) -> Result<Self, DataDirError> {
        match Opened::at(path)? {
            Opened::Member(directory) => Ok(directory),
            Opened::Empty(directory) => directory.found(random),
        }
    }

    /// Drops it without unlocking it, which the kernel does when the last thread of this process
    /// has ended: one that could not be stopped may still write.
    pub fn keep_locked_to_the_end(mut self) {
        std::mem::forget(self.held.lock.take());
    }

    /// Whether the directory at `path` has an identity, readable or not.
    pub fn has_identity(path: &Path) -> bool {
        path.join(IDENTITY_FILE).exists()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.held.path
    }

    /// Whose it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether its node has had the catalog.
    pub fn is_bootstrapped(&self) -> bool {
        let marks = [BOOTSTRAPPED_FILE, BOOTSTRAPPED_BEFORE];
        marks.iter().any(|mark| self.path().join(mark).exists())
    }

    /// Notes for good that its node has the catalog.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub fn mark_bootstrapped(&self) -> Result<(), DataDirError> {
        let mark = self.path().join(BOOTSTRAPPED_FILE);
        if mark.exists() {
            return Ok(());
        }
        let made = File::create(&mark).and_then(|file| file.sync_all());
        let made = made.and_then(|()| File::open(self.path())?.sync_all());
        made.map_err(|source| DataDirError::io("make", &mark, source))
    }
}

impl Drop for Held {
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
pub(crate) fn create_durably(path: &Path) -> std::io::Result<()> {
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
