//! Opening a store: nothing that holds data is ever removed for want of metadata (DESIGN D8).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use parking_lot::{Mutex, RwLock};
use rocksdb::{ColumnFamilyDescriptor, FlushOptions, Options, WriteBatch};

use super::files::Files;
use super::ledger::{self, FORMAT_KEY, FamilyNumber, LEDGER_FAMILY, LedgerError, META_FAMILY, Record};
use super::options::{SharedResources, write_options};
use super::{Buckets, Changing, Db, RocksStore};
use crate::{FORMAT_VERSION, OpenError, StoreOptions, directory};

/// See [`RocksStore::open`].
pub(super) fn open(dir: &Path, options: &StoreOptions, shared: &SharedResources) -> Result<RocksStore, OpenError> {
    let mut database = shared.database(options);
    let families = existing_families(dir, &database)?;
    // What is flushed is read once more at the most, if at all: in the page cache it would push out what
    // is, and cost as much processor time as all the rest of a flush.
    database.set_use_direct_io_for_flush_and_compaction(directory::takes_direct_writes(dir));
    let bucket_options = shared.bucket(options);
    let descriptors = [LEDGER_FAMILY, META_FAMILY]
        .map(|name| ColumnFamilyDescriptor::new(name, shared.metadata(options)))
        .into_iter()
        .chain(families.iter().map(|family| ColumnFamilyDescriptor::new(family.name(), bucket_options.clone())));
    let db = Db::open_cf_descriptors(&database, dir, descriptors).map_err(|error| engine(dir, error))?;
    let (buckets, changing) = reconcile(dir, &db, &families)?;
    Ok(RocksStore {
        db,
        bucket_options,
        write_options: write_options(),
        flushing: Mutex::new(()),
        changing: Mutex::new(changing),
        buckets: RwLock::new(buckets),
        unflushed_bytes: AtomicU64::new(0),
        flushes: AtomicU64::new(0),
        failure: OnceLock::new(),
        files: Files::in_dir(dir),
    })
}

/// The bucket families on disk, none in a new store, whose directory it makes. Does not write
/// to an existing one, so that a newer format is left as it is.
fn existing_families(dir: &Path, database: &Options) -> Result<BTreeSet<FamilyNumber>, OpenError> {
    if !dir.join("CURRENT").exists() {
        // The engine would start afresh and remove table files it does not know.
        if holds_tables(dir)? {
            return Err(OpenError::MissingManifest { dir: dir.to_path_buf() });
        }
        directory::create(dir).map_err(|source| OpenError::Io { dir: dir.to_path_buf(), source })?;
        return Ok(BTreeSet::new());
    }
    let peek = Db::open_cf_for_read_only(database, dir, [LEDGER_FAMILY], false).map_err(|error| engine(dir, error))?;
    if let Some(found) = ledger::version(&peek).map_err(|error| unreadable(dir, error))?
        && found > FORMAT_VERSION
    {
        return Err(OpenError::NewerFormat { dir: dir.to_path_buf(), found, supported: FORMAT_VERSION });
    }
    drop(peek);
    let names = Db::list_cf(database, dir).map_err(|error| engine(dir, error))?;
    names
        .into_iter()
        .filter(|name| name != LEDGER_FAMILY && name != META_FAMILY)
        .map(|name| {
            FamilyNumber::from_name(&name).ok_or(OpenError::StrayFamily { dir: dir.to_path_buf(), family: name })
        })
        .collect()
}

fn holds_tables(dir: &Path) -> Result<bool, OpenError> {
    let io = |source| OpenError::Io { dir: dir.to_path_buf(), source };
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(io(error)),
    };
    for entry in entries {
        if Path::new(&entry.map_err(io)?.file_name()).extension().is_some_and(|extension| extension == "sst") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Brings families and records together: finishes drops that were flushed, removes empty
/// families that never became buckets, and refuses everything else that does not match.
fn reconcile(dir: &Path, db: &Db, families: &BTreeSet<FamilyNumber>) -> Result<(Buckets, Changing), OpenError> {
    let records = ledger::records(db).map_err(|error| unreadable(dir, error))?;
    let tables = db.live_files().map_err(|error| engine(dir, error))?;
    let holding: BTreeSet<&str> = tables.iter().map(|table| table.column_family_name.as_str()).collect();
    if ledger::version(db).map_err(|error| unreadable(dir, error))?.is_none() {
        if !holding.is_empty() || !records.is_empty() {
            return Err(OpenError::MissingVersion { dir: dir.to_path_buf() });
        }
        start_ledger(db).map_err(|error| engine(dir, error))?;
    }
    let live = live_buckets(dir, &records, families)?;
    let on_record: BTreeSet<FamilyNumber> = records.iter().map(|(family, _)| *family).collect();
    let unknown = families.difference(&on_record);
    if let Some(stray) = unknown.clone().map(|family| family.name()).find(|name| holding.contains(name.as_str())) {
        return Err(OpenError::StrayFamily { dir: dir.to_path_buf(), family: stray });
    }
    // Nothing has been changed so far, and nothing can be refused from here on.
    let is_dropped =
        |(family, record): &(FamilyNumber, Record)| matches!(record, Record::Dropped(_)).then_some(*family);
    let dropped: BTreeSet<FamilyNumber> = records.iter().filter_map(is_dropped).collect();
    let mut spares: Vec<FamilyNumber> = unknown.copied().collect();
    let surplus = spares.split_off(spares.len().min(1));
    for family in surplus.iter().chain(dropped.intersection(families)) {
        db.drop_cf(&family.name()).map_err(|error| engine(dir, error))?;
    }
    forget(db, dropped.iter().copied()).map_err(|error| engine(dir, error))?;
    let newest = families.last().copied().max(on_record.last().copied());
    let next_number = newest.map_or(FamilyNumber(1), FamilyNumber::next);
    Ok((live, Changing { spares, pending_drops: Vec::new(), next_number }))
}

/// The buckets on record, each with the family that must hold it.
fn live_buckets(
    dir: &Path,
    records: &[(FamilyNumber, Record)],
    families: &BTreeSet<FamilyNumber>,
) -> Result<Buckets, OpenError> {
    let mut live = BTreeMap::new();
    for (family, record) in records {
        let Record::Live(bucket) = *record else { continue };
        if !families.contains(family) {
            return Err(OpenError::MissingFamily { dir: dir.to_path_buf(), bucket, family: family.name() });
        }
        if let Some(other) = live.insert(bucket, *family) {
            let what = format!("bucket {bucket} is in both {} and {}", other.name(), family.name());
            return Err(OpenError::DamagedRecord { dir: dir.to_path_buf(), what });
        }
    }
    Ok(live)
}

/// Writes the format version of a new store, durably.
fn start_ledger(db: &Db) -> Result<(), rocksdb::Error> {
    db.put_opt(FORMAT_KEY, FORMAT_VERSION.to_be_bytes(), &write_options())?;
    db.flush_opt(&FlushOptions::default())
}

/// Deletes the records of families that are gone.
pub(super) fn forget(db: &Db, families: impl Iterator<Item = FamilyNumber>) -> Result<(), rocksdb::Error> {
    let mut batch = WriteBatch::default();
    families.for_each(|family| batch.delete(family.key()));
    if batch.is_empty() { Ok(()) } else { db.write_opt(batch, &write_options()) }
}

fn engine(dir: &Path, error: rocksdb::Error) -> OpenError {
    OpenError::Engine { dir: dir.to_path_buf(), reason: error.into_string() }
}

fn unreadable(dir: &Path, error: LedgerError) -> OpenError {
    match error {
        LedgerError::Engine(error) => engine(dir, error),
        LedgerError::Damaged(_) => OpenError::DamagedRecord { dir: dir.to_path_buf(), what: error.to_string() },
    }
}
