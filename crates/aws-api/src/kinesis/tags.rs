//! How tags are read and printed. Their lengths are the model's constraints; what characters they may
//! have is for the service to say.

use super::output;
use crate::model::Fields;
use anabranch_types::{TagKey, TagValue, Tags};
use serde::Serialize;
use std::collections::BTreeSet;

/// Takes `Tags`, none when absent. The last one of a key counts.
pub(super) fn read(fields: &mut Fields) -> Tags {
    let value = |text: &str| TagValue::new(text).expect("the model's constraints on values are the domain's");
    let tags = fields.texts_by_key("Tags").unwrap_or_default();
    tags.into_iter().map(|(text, said)| (key(&text), value(&said))).collect()
}

/// Takes `TagKeys`, which the model requires.
pub(super) fn read_keys(fields: &mut Fields) -> BTreeSet<TagKey> {
    let keys = fields.texts("TagKeys").expect("the model requires them");
    keys.iter().map(|text| key(text)).collect()
}

/// A key that the constraint check has passed.
pub(super) fn key(checked: &str) -> TagKey {
    TagKey::new(checked).expect("the model's constraints on keys are the domain's")
}

/// One tag of a list.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    #[serde(serialize_with = "output::text")]
    key: TagKey,
    #[serde(serialize_with = "output::text")]
    value: TagValue,
}

impl From<(TagKey, TagValue)> for Tag {
    fn from((key, value): (TagKey, TagValue)) -> Self {
        Tag { key, value }
    }
}
