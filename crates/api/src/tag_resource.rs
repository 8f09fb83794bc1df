//! TagResource.

use crate::resource_arn::ResourceArn;
use anabranch_types::Tags;

/// Writes tags on a resource; one whose key the resource has replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagResource {
    /// Which resource.
    pub resource: ResourceArn,
    /// What it gets, at least one.
    pub tags: Tags,
}
