//! Says beforehand why the first build takes long.

use crate::build::Profile;
use crate::house::House;
use std::path::Path;

/// Prints the notice when no RocksDB of this profile has been compiled in the target directory.
pub fn print_when_cold(house: &House, profile: Profile) {
    if !has_rocksdb(&house.target().join(profile.folder()).join("build")) {
        eprintln!("   RocksDB is compiled first: about 15 minutes on two cores, once per target directory");
    }
}

fn has_rocksdb(build: &Path) -> bool {
    let Ok(entries) = build.read_dir() else { return false };
    entries.flatten().any(|entry| entry.path().join("out/librocksdb.a").is_file())
}
