//! CreateStream: no output.

use super::Operation;
use super::input::{checked, stream_name};
use super::tags;
use crate::encoding::Encoded;
use crate::model;
use anabranch_api::{ApiError, CreateStream, Kinesis, RequestContext};
use bytes::Bytes;
use std::num::NonZeroU32;

/// The shards of a stream whose creator named neither a mode nor a count. Source: a recorded
/// answer of the service.
const SHARDS_DEFAULT: NonZeroU32 = NonZeroU32::new(4).expect("4 is not 0");

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    service.create_stream(context, read(body)?).await?;
    Ok(Bytes::new())
}

fn read(body: &Encoded) -> Result<CreateStream, ApiError> {
    let mut fields = checked(Operation::CreateStream, body)?;
    let name = fields.text("StreamName").expect("the model requires it");
    let shard_count = match fields.integer("ShardCount") {
        Some(count) => {
            let count = u32::try_from(count).ok().and_then(NonZeroU32::new);
            count.expect("the model's minimum is 1 and integers have 32 bits")
        }
        // Whoever asks for PROVISIONED has to say how much.
        None if fields.get("StreamModeDetails").is_some() => return model::absent("shardCount"),
        None => SHARDS_DEFAULT,
    };
    Ok(CreateStream { name: stream_name(&name), shard_count, tags: tags::read(&mut fields) })
}
