//! The catalog: its rows.

use crate::input::Input;
use anabranch_catalog::Catalog;
use bytes::Bytes;
use std::collections::BTreeMap;

/// Rows that a catalog accepts are the rows that it has: nothing is dropped, changed or made up.
pub fn rows(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut given = BTreeMap::new();
    while !input.is_empty() {
        let key = Bytes::copy_from_slice(input.short());
        given.insert(key, Bytes::copy_from_slice(input.long()));
    }
    let Ok(catalog) = Catalog::load(given.clone().into_iter()) else { return };
    let kept: BTreeMap<Bytes, Bytes> = catalog.rows().collect();
    assert_eq!(kept, given, "the rows of the catalog that these rows made");
}
