//! Reading entries and statistics.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use rocksdb::properties;

use super::ledger::{FamilyNumber, LEDGER_FAMILY, META_FAMILY};
use super::options::scan_options;
use super::{Handle, RocksStore, translate};
use crate::{Direction, Family, StoreError, StoreStats, Visitor};

impl RocksStore {
    /// See [`Store::get`](crate::Store::get).
    pub(super) fn read_value(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let handle = self.readable(family)?;
        let value = self.db.get_cf(&handle, key).map_err(|error| translate("get", error))?;
        Ok(value.map(Bytes::from))
    }

    /// See [`Store::scan`](crate::Store::scan).
    pub(super) fn scan_range(
        &self,
        family: Family,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError> {
        let handle = self.readable(family)?;
        if from >= to {
            return Ok(());
        }
        let mut entries = self.db.raw_iterator_cf_opt(&handle, scan_options(family, from, to));
        match direction {
            Direction::Ascending => entries.seek_to_first(),
            Direction::Descending => entries.seek_to_last(),
        }
        while let Some((key, value)) = entries.item() {
            if visit(key, value).is_break() {
                return Ok(());
            }
            match direction {
                Direction::Ascending => entries.next(),
                Direction::Descending => entries.prev(),
            }
        }
        entries.status().map_err(|error| translate("scan", error))
    }

    /// See [`Store::stats`](crate::Store::stats).
    pub(super) fn read_stats(&self) -> StoreStats {
        let (families, pending_drops) = {
            let changing = self.changing.lock();
            let families: Vec<FamilyNumber> =
                self.buckets.read().values().chain(&changing.pending_drops).chain(&changing.spares).copied().collect();
            (families, changing.pending_drops.len() as u64)
        };
        let mut stats = StoreStats {
            buckets: self.buckets.read().len() as u64,
            pending_drops,
            unflushed_bytes: self.unflushed_bytes.load(Ordering::Relaxed),
            flushes: self.flushes.load(Ordering::Relaxed),
            background_errors: self.db.property_int_value(properties::BACKGROUND_ERRORS).ok().flatten().unwrap_or(0),
            failed: self.failure.get().is_some(),
            ..StoreStats::default()
        };
        let names = families.into_iter().map(FamilyNumber::name);
        for name in [LEDGER_FAMILY, META_FAMILY].map(str::to_owned).into_iter().chain(names) {
            // A family may have been removed since it was listed; then it counts nothing.
            let Some(handle) = self.db.cf_handle(&name) else { continue };
            let number = |property| self.db.property_int_value_cf(&handle, property).ok().flatten().unwrap_or(0);
            stats.memtable_bytes += number(properties::SIZE_ALL_MEM_TABLES);
            stats.table_bytes += number(properties::LIVE_SST_FILES_SIZE);
            stats.table_files += self.db.get_column_family_metadata_cf(&handle).file_count as u64;
            stats.table_reader_bytes += number(properties::ESTIMATE_TABLE_READERS_MEM);
        }
        stats
    }

    /// A handle that keeps the family readable while it is held, also when its bucket is dropped.
    fn readable(&self, family: Family) -> Result<Handle<'_>, StoreError> {
        match family {
            Family::Meta => Ok(self.db.cf_handle(META_FAMILY).expect("opened with the store and never dropped")),
            Family::Bucket(bucket) => {
                let number = self.buckets.read().get(&bucket).copied();
                number.and_then(|number| self.db.cf_handle(&number.name())).ok_or(StoreError::UnknownBucket { bucket })
            }
        }
    }
}
