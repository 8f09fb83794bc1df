//! A small disk of its own: a tmpfs, which only root can mount, and a ballast file on it.

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted tmpfs, taken away on drop.
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts `mebibytes` at `path`.
    ///
    /// # Errors
    /// What `mount` says, where this user may not mount.
    ///
    /// # Panics
    /// When root may not either: the proof must not be skipped then.
    pub fn mount(path: &Path, mebibytes: u32) -> Result<Self, String> {
        fs::create_dir(path).expect("the folder can be written");
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).output();
        let why = match mounted {
            Ok(output) if output.status.success() => return Ok(SmallDisk { path: path.to_owned() }),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(!rustix::process::geteuid().is_root(), "root cannot mount a tmpfs: {why}");
        Err(why)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that are free.
    pub fn free_bytes(&self) -> u64 {
        let stat = statvfs(&self.path).expect("it is mounted");
        stat.f_bavail * stat.f_frsize
    }

    /// Leaves `bytes` free: a file that [`SmallDisk::drop_ballast`] removes takes the rest.
    pub fn leave(&self, bytes: u64) {
        let ballast = File::create(self.ballast()).expect("the disk takes a file");
        let taken = self.free_bytes().saturating_sub(bytes);
        fallocate(&ballast, FallocateFlags::empty(), 0, taken).expect("so much is free");
    }

    /// Takes every byte, whatever else is written meanwhile.
    pub fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("the disk takes a file");
        let full = loop {
            if let Err(error) = ballast.write_all(&[0; 64 << 10]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
    }

    /// Gives the room of the ballast back.
    pub fn drop_ballast(&self) {
        fs::remove_file(self.ballast()).expect("the ballast is there");
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a node that was killed may take a moment to let go of its files.
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.path).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            anabranch_tests::settings::tell(&format!("{} stays mounted", self.path.display()));
        }
    }
}
