//! What is about tags reads back, and nothing else is taken for it.

use super::*;
use crate::tagging::Tagging;
use std::collections::BTreeSet;

fn tag_key() -> impl Strategy<Value = TagKey> {
    "\\PC{1,128}".prop_map(|text| TagKey::new(&text).expect("valid"))
}

fn some_tags() -> impl Strategy<Value = Tags> {
    let value = "\\PC{0,256}".prop_map(|text| TagValue::new(&text).expect("valid"));
    proptest::collection::btree_map(tag_key(), value, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_command_and_row_of_tags_reads_back(tags in some_tags(), uid in any::<u64>(), wide in any::<u128>(),
                                                answered in proptest::collection::vec(any::<u128>(), 0..4),
                                                keys in proptest::collection::btree_set(tag_key(), 0..4)) {
        let (uid, request) = (StreamUid(uid), RequestId(wide));
        row_reads_back(&Tagging { tags: tags.clone(), answered: answered.into_iter().map(RequestId).collect() });
        command_reads_back(&TagStream { uid, tags, request });
        command_reads_back(&UntagStream { uid, keys, request });
    }

    #[test]
    fn every_outcome_of_tags_reads_back(ids in any::<[u64; 2]>(), levels in any::<[u16; 2]>(),
                                        numbers in any::<[u32; 2]>()) {
        let ([cluster, needed], [asked, limit], uid) = (levels, numbers, StreamUid(ids[0]));
        let recorded = Recorded { version: MapVersion(ids[1]) };
        outcome_reads_back::<TagStream>(&Ok(recorded));
        for refused in [TagStreamRefused::NotBootstrapped, TagStreamRefused::FeatureLevel { cluster, needed },
                        TagStreamRefused::NoStream { uid }, TagStreamRefused::Deleting { uid },
                        TagStreamRefused::TagLimit { asked, limit }] {
            outcome_reads_back::<TagStream>(&Err(refused));
        }
        outcome_reads_back::<UntagStream>(&Ok(recorded));
        for refused in [UntagStreamRefused::NotBootstrapped, UntagStreamRefused::FeatureLevel { cluster, needed },
                        UntagStreamRefused::NoStream { uid }, UntagStreamRefused::Deleting { uid }] {
            outcome_reads_back::<UntagStream>(&Err(refused));
        }
    }
}

/// A command whose tags or keys are these, as they are told in the log.
fn read<C: Command>(list: &[u8]) -> Result<C, UnknownCommand> {
    decode(&[&[0; 8][..], list, &[0; 16]].concat())
}

#[test]
fn tags_out_of_order_or_twice_are_refused() {
    let refused = |what| DecodeError::Invalid { what };
    for keys in [*b"\0\x01b\0\x01a", *b"\0\x01a\0\x01a"] {
        let list = [&[0, 0, 0, 2], &keys[..]].concat();
        let kind = CommandKind::UntagStream;
        let reason = refused("set");
        assert_eq!(read::<UntagStream>(&list), Err(UnknownCommand::Malformed { version: 1, kind, reason }));
    }
    let ordered = read::<UntagStream>(b"\0\0\0\x02\0\x01a\0\x01b").expect("in order");
    assert_eq!(ordered.keys.iter().map(TagKey::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(["a", "b"]));
    for tags in [*b"\0\x01b\0\0\0\x01a\0\0", *b"\0\x01a\0\0\0\x01a\0\0"] {
        let list = [&[0, 0, 0, 2], &tags[..]].concat();
        let kind = CommandKind::TagStream;
        let reason = refused("map");
        assert_eq!(read::<TagStream>(&list), Err(UnknownCommand::Malformed { version: 1, kind, reason }));
    }
}

#[test]
fn keys_and_values_of_no_tag_are_refused() {
    let reason = |command: Result<TagStream, UnknownCommand>| match command {
        Err(UnknownCommand::Malformed { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    let tag = |key: &str, value: &str| {
        let text = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
        reason(read([&[0, 0, 0, 1][..], &text(key), &text(value)].concat().as_slice()))
    };
    assert_eq!(tag("", ""), DecodeError::Invalid { what: "key of a tag" });
    assert_eq!(tag(&"k".repeat(129), ""), DecodeError::Invalid { what: "key of a tag" });
    assert_eq!(tag("k", &"v".repeat(257)), DecodeError::Invalid { what: "value of a tag" });
}
