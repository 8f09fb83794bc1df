//! DeregisterStreamConsumer: no output.

use super::Operation;
use super::consumer::selector;
use super::input::checked;
use crate::encoding::Encoded;
use anabranch_api::{ApiError, DeregisterStreamConsumer, Kinesis, RequestContext};
use bytes::Bytes;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::DeregisterStreamConsumer, body)?;
    let request = DeregisterStreamConsumer { consumer: selector(&mut fields)? };
    service.deregister_stream_consumer(context, request).await?;
    Ok(Bytes::new())
}
