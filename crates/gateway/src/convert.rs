//! From the catalog's words to the service's.

use anabranch_api::{Consumer, ConsumerStatus, RequestContext, Shard, StreamStatus};
use anabranch_catalog::{StreamMap, StreamStatus as CatalogStatus};
use anabranch_types::{ConsumerArn, StreamArn};

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

pub(crate) fn consumer(context: &RequestContext, map: &StreamMap, consumer: &anabranch_catalog::Consumer) -> Consumer {
    let created_s = consumer.created.as_secs();
    let arn = ConsumerArn { stream: arn(context, map), name: consumer.name.clone(), created_s };
    Consumer { arn, status: ConsumerStatus::Active, created: consumer.created }
}
