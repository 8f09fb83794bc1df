//! The catalog takes in the snapshot of another replica.

use super::*;
use anabranch_catalog::{Bootstrap, Command, FEATURE_LEVEL, NodeAddresses, TokenSecret};
use anabranch_consensus::Payload;
use anabranch_store::{MemoryHome, MemoryStore};
use anabranch_types::{ClusterId, Incarnation, NodeId, Timestamp};
use anabranch_walog::LogId;

fn machine() -> CatalogMachine {
    CatalogMachine::open(Arc::new(MemoryStore::new()), Some(Arc::new(MemoryHome))).expect("opens")
}

#[test]
fn the_view_shows_an_installed_snapshot() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    let (mut from, mut onto) = (machine(), machine());
    let bootstrap = Bootstrap {
        cluster: ClusterId(42),
        node: NodeId(1),
        incarnation: Incarnation(7),
        addresses: NodeAddresses::new("peer:1", "client:1").expect("valid"),
        feature_level: FEATURE_LEVEL,
        data_groups: 3,
        token_secret: TokenSecret::new([5; 32]),
        now: Timestamp::from_millis(1_742_000_000_000),
    };
    let id = LogId { term: 1, index: 1 };
    from.apply(vec![Committed { id, payload: Payload::Command(bootstrap.encode()) }]).expect("applied");
    let view = onto.view();
    assert_eq!(view.load().map.groups().count(), 0);

    let copy = temporary.path().join("copy");
    let covered = from.begin_checkpoint(copy.clone())().expect("copied");
    onto.install(&copy).expect("installed");
    assert_eq!((onto.applied(), covered.last), (covered, Some(id)));
    assert_eq!(view.load().map.groups().count(), from.view().load().map.groups().count());
    assert!(view.load().keys.is_some(), "tokens open on the new replica");
}
