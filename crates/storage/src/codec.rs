//! From the data state machine's words to the store's, and from the catalog's to both.

use anabranch_catalog::{Parents as CatalogParents, Shard};
use anabranch_cluster::NewShards;
use anabranch_shard::{CreateShards, Mutation, NewShard, Parents};
use anabranch_store::{Batch, Family};
use anabranch_types::Timestamp;

/// Adds `mutations` to `batch`, in order.
pub(crate) fn write_mutations(mutations: Vec<Mutation>, batch: &mut Batch) {
    for mutation in mutations {
        match mutation {
            #[cfg(feature = "planted-bugs")]
            Mutation::PutRow { key, .. }
                if key.starts_with(b"Sq")
                    && anabranch_runtime::planted::is_planted(anabranch_runtime::planted::Bug::ForgetsRequests) => {}
            Mutation::PutRow { key, value } => batch.put(Family::Meta, &key, &value),
            Mutation::DeleteRow { key } => batch.delete(Family::Meta, &key),
            Mutation::DeleteRows { from, to } => batch.delete_range(Family::Meta, &from, &to),
            Mutation::PutChunk { bucket, key, value } => batch.put_shared(Family::Bucket(bucket.0), &key, value),
            Mutation::CreateBucket(bucket) => batch.create_bucket(bucket.0),
            Mutation::DropBucket(bucket) => batch.drop_bucket(bucket.0),
        }
    }
}

/// The command that makes `new` known to a group.
pub(crate) fn create_shards(new: &NewShards) -> CreateShards {
    CreateShards {
        stream: new.stream,
        name: new.name.clone(),
        account: new.account,
        created: new.shards.iter().map(|shard| shard.opened).min().unwrap_or(Timestamp::EPOCH),
        retention: new.retention,
        shards: new.shards.iter().map(new_shard).collect(),
        retention_change: new.retention_change.0,
    }
}

fn new_shard(shard: &Shard) -> NewShard {
    let parents = match shard.parents {
        CatalogParents::None => Parents::None,
        CatalogParents::Split { parent } => Parents::Split(parent),
        CatalogParents::Merge { parent, adjacent } => Parents::Merge(parent, adjacent),
    };
    NewShard { epoch: shard.epoch(), range: shard.range, parents }
}
