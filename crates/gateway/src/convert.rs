//! From the catalog's words to the service's.

use anabranch_api::{RequestContext, Shard, StreamStatus};
use anabranch_catalog::{StreamMap, StreamStatus as CatalogStatus};
use anabranch_types::StreamArn;

pub(crate) fn status(status: CatalogStatus) -> StreamStatus {
    match status {
        CatalogStatus::Creating => StreamStatus::Creating,
        CatalogStatus::Active => StreamStatus::Active,
        CatalogStatus::Updating => StreamStatus::Updating,
        CatalogStatus::Deleting => StreamStatus::Deleting,
    }
}

pub(crate) fn shard(shard: &anabranch_catalog::Shard) -> Shard {
    Shard {
        id: shard.id,
        parent: shard.parents.parent(),
        adjacent_parent: shard.parents.adjacent(),
        range: shard.range,
        starting: shard.starting(),
        ending: shard.ending(),
    }
}

/// The stream's ARN as this caller sees it: in the region of its signature.
pub(crate) fn arn(context: &RequestContext, map: &StreamMap) -> StreamArn {
    StreamArn { region: context.region.clone(), account: map.stream.account, name: map.stream.name.clone() }
}
