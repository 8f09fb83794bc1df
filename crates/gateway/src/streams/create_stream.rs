//! CreateStream.

use crate::gateway::Gateway;
use crate::resolve::node_failed;
use crate::tags::tag_new_stream;
use anabranch_api::{ApiError, CreateStream, RequestContext, messages};
use anabranch_cluster::CreateStreamReply;

pub(crate) async fn create_stream(
    gateway: &Gateway,
    context: &RequestContext,
    request: CreateStream,
) -> Result<(), ApiError> {
    let CreateStream { name, shard_count, tags } = request;
    let account = context.account;
    tag_new_stream::check(gateway, context, &name, &tags).await?;
    let reply = gateway.metadata.create_stream(context.request_id, account, name.clone(), shard_count).await;
    match reply.map_err(|error| node_failed(&error))? {
        CreateStreamReply::Created => tag_new_stream::tag(gateway, context, &name, tags).await,
        CreateStreamReply::Exists => Err(messages::stream_exists(&name, account)),
        CreateStreamReply::ShardLimit { current, limit } => {
            let asked = u64::from(shard_count.get());
            Err(messages::shard_limit(account, &context.region, current, limit, asked))
        }
    }
}
