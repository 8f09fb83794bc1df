//! UntagResource.

use crate::resource_arn::ResourceArn;
use anabranch_types::TagKey;
use std::collections::BTreeSet;

/// Takes tags off a resource. Keys that it does not have are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntagResource {
    /// Which resource.
    pub resource: ResourceArn,
    /// Of the tags that go, at least one.
    pub keys: BTreeSet<TagKey>,
}
