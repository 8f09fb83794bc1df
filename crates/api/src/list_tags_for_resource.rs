//! ListTagsForResource.

use crate::resource_arn::ResourceArn;

/// Asks for all tags of a resource, by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListTagsForResource {
    /// Which resource.
    pub resource: ResourceArn,
}
