//! The catalog: its rows, and the commands of its log.

use crate::input::Input;
use anabranch_catalog::{
    ActivateStream, AddReplica, Bootstrap, Catalog, Command, CommandKind, CreateStream, FEATURE_LEVEL, NodeAddresses,
    RegisterNode, RotateTokenKey, RowMutation, TokenSecret,
};
use anabranch_types::{
    AccountId, ClusterId, GroupId, Incarnation, NodeId, RequestId, StreamName, StreamUid, Timestamp,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

type Rows = BTreeMap<Bytes, Bytes>;

/// Rows that a catalog accepts are the rows that it has: nothing is dropped, changed or made up. Whatever it accepts, it
/// can go on from.
pub fn rows(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut given = if input.byte() & 1 == 0 { Rows::new() } else { Replica::seeded().stored };
    for _ in 0..input.byte() % 16 {
        twist(&mut given, &mut input);
    }
    let Ok(catalog) = Catalog::load(given.clone().into_iter()) else { return };
    let kept: Rows = catalog.rows().collect();
    assert_eq!(kept, given, "the rows of the catalog that these rows made");
    let mut replica = Replica { index: catalog.changed_at(), catalog, stored: given };
    for command in seeds() {
        replica.apply(&command);
    }
    replica.apply_all(&mut input);
}

/// A catalog stays whole whatever the log says, and its rows are always the whole of it.
pub fn commands(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut replica = if input.byte() & 1 == 0 { Replica::default() } else { Replica::seeded() };
    replica.apply_all(&mut input);
    let loaded = Catalog::load(replica.stored.into_iter()).expect("what apply wrote can be loaded");
    assert_eq!(loaded, replica.catalog, "what was stored and what was not are the same");
}

/// Adds, changes or removes a row.
fn twist(rows: &mut Rows, input: &mut Input<'_>) {
    let how = input.byte();
    let Some(key) = rows.keys().nth(usize::from(input.byte()) % rows.len().max(1)).cloned() else {
        rows.insert(Bytes::copy_from_slice(input.short()), Bytes::copy_from_slice(input.long()));
        return;
    };
    match how % 6 {
        0 => drop(rows.insert(Bytes::copy_from_slice(input.short()), Bytes::copy_from_slice(input.long()))),
        1 => drop(rows.remove(&key)),
        2 => {
            let value = rows.remove(&key).unwrap_or_default();
            rows.insert(edited(&key, input), value);
        }
        _ => {
            let value = edited(&rows[&key], input);
            rows.insert(edited(&key, input), value);
        }
    }
}

/// A key or a value with others of its bytes.
fn edited(bytes: &Bytes, input: &mut Input<'_>) -> Bytes {
    let times = input.byte() % 4;
    input.edited(bytes, times).into()
}

/// One replica of the metadata group.
#[derive(Default)]
struct Replica {
    catalog: Catalog,
    stored: Rows,
    index: u64,
}

impl Replica {
    /// A cluster of one node with two groups, a stream and another node that begins to join.
    fn seeded() -> Self {
        let mut replica = Self::default();
        for command in seeds() {
            replica.apply(&command);
        }
        replica
    }

    /// Each command is its kind, a length and its fields.
    fn apply_all(&mut self, input: &mut Input<'_>) {
        while !input.is_empty() {
            let kind = CommandKind::ALL[usize::from(input.byte()) % CommandKind::ALL.len()];
            let command = [&[1, kind as u8], input.short()].concat();
            self.apply(&command.into());
        }
    }

    fn apply(&mut self, command: &Bytes) {
        let Some(index) = self.index.checked_add(1) else { return };
        self.index = index;
        let mut mutations = Vec::new();
        let before = self.catalog.hash();
        if self.catalog.apply(self.index, command, &mut mutations).is_err() {
            assert!(
                mutations.is_empty() && before == self.catalog.hash(),
                "a command that cannot be read changes nothing"
            );
        }
        for mutation in mutations {
            match mutation {
                RowMutation::Put { key, value } => self.stored.insert(key, value),
                RowMutation::Delete { key } => self.stored.remove(&key),
            };
        }
        assert_eq!(self.catalog.check(), Ok(()));
        assert!(self.catalog.rows().eq(self.stored.clone()), "the store has the catalog's rows");
    }
}

fn seeds() -> Vec<Bytes> {
    let addresses = |peer| NodeAddresses::new(peer, "").expect("an address");
    let now = Timestamp::from_millis(1_742_000_000_000);
    let bootstrap = Bootstrap {
        cluster: ClusterId(7),
        node: NodeId(1),
        incarnation: Incarnation(11),
        addresses: addresses("a:1"),
        feature_level: FEATURE_LEVEL,
        data_groups: 2,
        token_secret: TokenSecret::new([1; 32]),
        now,
    };
    let register =
        RegisterNode { incarnation: Incarnation(12), addresses: addresses("b:1"), feature_level: FEATURE_LEVEL, now };
    let create = CreateStream {
        account: AccountId::DEFAULT,
        name: StreamName::new("s").expect("a name"),
        shard_count: NonZeroU32::MIN.saturating_add(1),
        now,
        shard_limit: 100,
        request: RequestId(1),
    };
    let rotate = RotateTokenKey { secret: TokenSecret::new([2; 32]), now: Timestamp::from_millis(1_842_000_000_000) };
    vec![
        bootstrap.encode(),
        register.encode(),
        create.encode(),
        ActivateStream { uid: StreamUid(1) }.encode(),
        AddReplica { group: GroupId(1), node: NodeId(2) }.encode(),
        rotate.encode(),
    ]
}
