//! The checkpoint of a memory store: one file, whole or refused.
//!
//! ```text
//! magic "ABmemory" 8 | format version u32 | entries … | crc32c of all before u32
//! entry: tag u8, then  0 = meta entry | 1 = bucket, u32 | 2 = entry of the last bucket
//!        entries: key length u32 | value length u32 | key | value
//! ```
//! Numbers are big-endian.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use bytes::{Buf, BufMut, Bytes};

use super::state::{Entries, State};
use crate::{FORMAT_VERSION, Family, OpenError, StoreError, directory};

const MAGIC: &[u8; 8] = b"ABmemory";
const FILE_NAME: &str = "memory-store";
const TAG_META_ENTRY: u8 = 0;
const TAG_BUCKET: u8 = 1;
const TAG_BUCKET_ENTRY: u8 = 2;

/// Writes `state` into the new directory `dir`.
pub(super) fn write(state: &State, dir: &Path) -> Result<(), StoreError> {
    let mut file = Vec::new();
    file.put_slice(MAGIC);
    file.put_u32(FORMAT_VERSION);
    put_entries(&mut file, TAG_META_ENTRY, state.family(Family::Meta)?);
    for bucket in state.buckets() {
        file.put_u8(TAG_BUCKET);
        file.put_u32(bucket);
        put_entries(&mut file, TAG_BUCKET_ENTRY, state.family(Family::Bucket(bucket))?);
    }
    let checksum = crc32c::crc32c(&file);
    file.put_u32(checksum);
    save(dir, &file).map_err(|error| StoreError::Engine { operation: "checkpoint", reason: error.to_string() })
}

fn save(dir: &Path, content: &[u8]) -> io::Result<()> {
    fs::create_dir(dir)?;
    let path = dir.join(FILE_NAME);
    fs::write(&path, content)?;
    fs::File::open(&path)?.sync_all()?;
    fs::File::open(dir)?.sync_all()?;
    directory::sync_parent(dir)
}

fn put_entries(file: &mut Vec<u8>, tag: u8, entries: &Entries) {
    for (key, value) in entries {
        file.put_u8(tag);
        file.put_u32(u32::try_from(key.len()).expect("keys are far below 4 GiB"));
        file.put_u32(u32::try_from(value.len()).expect("values are far below 4 GiB"));
        file.put_slice(key);
        file.put_slice(value);
    }
}

/// Reads what [`write`] left in `dir`.
pub(super) fn read(dir: &Path) -> Result<State, OpenError> {
    let content = fs::read(dir.join(FILE_NAME)).map_err(|source| OpenError::Io { dir: dir.to_path_buf(), source })?;
    let damaged = |what: &str| OpenError::DamagedRecord { dir: dir.to_path_buf(), what: what.to_owned() };
    let content = Bytes::from(content);
    if content.len() < MAGIC.len() + 8 || !content.starts_with(MAGIC) {
        return Err(damaged("not a memory checkpoint"));
    }
    let body = content.slice(..content.len() - 4);
    let mut rest = body.slice(MAGIC.len()..);
    let found = rest.get_u32();
    if found > FORMAT_VERSION {
        return Err(OpenError::NewerFormat { dir: dir.to_path_buf(), found, supported: FORMAT_VERSION });
    }
    if crc32c::crc32c(&body) != content.slice(content.len() - 4..).get_u32() {
        return Err(damaged("memory checkpoint with a wrong checksum"));
    }
    parse(rest).ok_or_else(|| damaged("memory checkpoint that does not parse"))
}

fn parse(mut rest: Bytes) -> Option<State> {
    let mut meta = Entries::new();
    let mut buckets: BTreeMap<u32, Entries> = BTreeMap::new();
    let mut open_bucket = None;
    while !rest.is_empty() {
        match rest.try_get_u8().ok()? {
            TAG_META_ENTRY => take_entry(&mut rest, &mut meta)?,
            TAG_BUCKET => {
                let bucket = rest.try_get_u32().ok()?;
                open_bucket = Some(bucket);
                buckets.insert(bucket, Entries::new());
            }
            TAG_BUCKET_ENTRY => take_entry(&mut rest, buckets.get_mut(&open_bucket?)?)?,
            _ => return None,
        }
    }
    Some(State::with_content(meta, buckets))
}

fn take_entry(rest: &mut Bytes, entries: &mut Entries) -> Option<()> {
    let key_length = rest.try_get_u32().ok()? as usize;
    let value_length = rest.try_get_u32().ok()? as usize;
    if rest.len() < key_length.checked_add(value_length)? {
        return None;
    }
    let key = rest.split_to(key_length);
    let value = rest.split_to(value_length);
    entries.insert(key, value);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, MemoryStore, Store};

    fn checkpoint_of_a_small_store(dir: &Path) {
        let store = MemoryStore::new();
        let mut batch = Batch::new();
        batch.put(Family::Meta, b"applied", b"9");
        batch.create_bucket(3);
        batch.put(Family::Bucket(3), b"k", b"v");
        store.write(batch).expect("memory takes it");
        store.checkpoint(dir, b"applied").expect("the directory is new");
    }

    #[test]
    fn every_flipped_byte_of_a_checkpoint_is_refused() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let dir = temporary.path().join("copy");
        checkpoint_of_a_small_store(&dir);
        let path = dir.join(FILE_NAME);
        let good = fs::read(&path).expect("the checkpoint is there");
        for position in 0..good.len() {
            let mut bad = good.clone();
            bad[position] ^= 0x40;
            fs::write(&path, &bad).expect("writable");
            assert!(MemoryStore::from_checkpoint(&dir).is_err(), "flip at byte {position} went unseen");
        }
    }

    #[test]
    fn every_cut_of_a_checkpoint_is_refused() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let dir = temporary.path().join("copy");
        checkpoint_of_a_small_store(&dir);
        let path = dir.join(FILE_NAME);
        let good = fs::read(&path).expect("the checkpoint is there");
        for length in 0..good.len() {
            fs::write(&path, &good[..length]).expect("writable");
            assert!(MemoryStore::from_checkpoint(&dir).is_err(), "cut at byte {length} went unseen");
        }
    }

    #[test]
    fn a_newer_checkpoint_is_refused_with_both_versions() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let dir = temporary.path().join("copy");
        checkpoint_of_a_small_store(&dir);
        let path = dir.join(FILE_NAME);
        let mut content = fs::read(&path).expect("the checkpoint is there");
        content[MAGIC.len() + 3] = 9;
        fs::write(&path, &content).expect("writable");
        let refusal = MemoryStore::from_checkpoint(&dir).expect_err("newer");
        assert!(matches!(refusal, OpenError::NewerFormat { found: 9, supported: FORMAT_VERSION, .. }), "{refusal}");
    }
}
