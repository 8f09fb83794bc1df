//! Random histories: both versions agree with a plain map at every step and after every crash.

use std::collections::BTreeMap;

use anabranch_store::{Batch, Direction, Family, Store};
use proptest::prelude::*;

use super::subject::{InMemory, Killed, OnDisk, Subject, entries, scan};

#[derive(Debug, Clone)]
enum Step {
    Write(Vec<Change>),
    Flush,
    Crash,
    Copy,
}

#[derive(Debug, Clone)]
enum Change {
    Put(Family, u8, u16),
    Delete(Family, u8),
    DeleteRange(Family, u8, u8),
    Create(u32),
    Drop(u32),
}

type Model = BTreeMap<Family, BTreeMap<Vec<u8>, Vec<u8>>>;

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::Meta), (0..3_u32).prop_map(Family::Bucket)]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (family(), 0..12_u8, any::<u16>()).prop_map(|(family, key, value)| Change::Put(family, key, value)),
        2 => (family(), 0..12_u8).prop_map(|(family, key)| Change::Delete(family, key)),
        1 => (family(), 0..12_u8, 0..12_u8).prop_map(|(family, from, to)| Change::DeleteRange(family, from, to)),
        2 => (0..3_u32).prop_map(Change::Create),
        1 => (0..3_u32).prop_map(Change::Drop),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(change(), 0..6).prop_map(Step::Write),
        2 => Just(Step::Flush),
        1 => Just(Step::Crash),
        1 => Just(Step::Copy),
    ]
}

/// Applies the changes to `model`; `None` when one of them names an absent bucket.
fn apply(model: &Model, changes: &[Change]) -> (Batch, Option<Model>) {
    let mut batch = Batch::new();
    let mut model = Some(model.clone());
    for change in changes {
        match *change {
            Change::Put(family, key, value) => {
                batch.put(family, &[key], &value.to_be_bytes());
                model = edit(model, family, |entries| {
                    entries.insert(vec![key], value.to_be_bytes().to_vec());
                });
            }
            Change::Delete(family, key) => {
                batch.delete(family, &[key]);
                model = edit(model, family, |entries| {
                    entries.remove(&vec![key]);
                });
            }
            Change::DeleteRange(family, from, to) => {
                batch.delete_range(family, &[from], &[to]);
                if from < to {
                    model =
                        edit(model, family, |entries| entries.retain(|key, _| *key < vec![from] || *key >= vec![to]));
                }
            }
            Change::Create(bucket) => {
                batch.create_bucket(bucket);
                if let Some(model) = &mut model {
                    model.entry(Family::Bucket(bucket)).or_default();
                }
            }
            Change::Drop(bucket) => {
                batch.drop_bucket(bucket);
                if let Some(model) = &mut model {
                    model.remove(&Family::Bucket(bucket));
                }
            }
        }
    }
    (batch, model)
}

fn edit(model: Option<Model>, family: Family, change: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>)) -> Option<Model> {
    let mut model = model?;
    change(model.get_mut(&family)?);
    Some(model)
}

fn assert_same(store: &dyn Store, model: &Model) {
    let buckets: Vec<u32> = model
        .keys()
        .filter_map(|family| match family {
            Family::Bucket(bucket) => Some(*bucket),
            Family::Meta => None,
        })
        .collect();
    assert_eq!(store.buckets(), buckets);
    for (family, expected) in model {
        let expected: Vec<_> = expected.clone().into_iter().collect();
        assert_eq!(entries(store, *family), expected, "{family:?}");
        let mut backwards = scan(store, *family, &[], &[0xff], Direction::Descending);
        backwards.reverse();
        assert_eq!(backwards, expected, "{family:?} backwards");
    }
}

fn run<S: Subject>(steps: &[Step]) {
    let mut subject = S::create();
    let mut model = Model::from([(Family::Meta, BTreeMap::new())]);
    let mut flushed = model.clone();
    for step in steps {
        match step {
            Step::Write(changes) => {
                let (batch, after) = apply(&model, changes);
                assert_eq!(subject.store().write(batch).is_ok(), after.is_some());
                model = after.unwrap_or(model);
            }
            Step::Flush => {
                subject.store().flush().expect("flush");
                flushed = model.clone();
            }
            Step::Crash => {
                subject = subject.crash();
                model = flushed.clone();
            }
            Step::Copy => {
                subject = subject.copy();
                flushed = model.clone();
            }
        }
        assert_same(subject.store(), &model);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]
    #[test]
    fn memory_agrees_with_a_map_through_crashes(steps in prop::collection::vec(step(), 1..40)) {
        run::<InMemory>(&steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn disk_agrees_with_a_map_through_crashes(steps in prop::collection::vec(step(), 1..30)) {
        run::<OnDisk>(&steps);
    }

    #[test]
    fn a_killed_disk_agrees_with_a_map(steps in prop::collection::vec(step(), 1..30)) {
        run::<Killed>(&steps);
    }
}
