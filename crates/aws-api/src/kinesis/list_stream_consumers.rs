//! ListStreamConsumers.

use super::Operation;
use super::consumer::{PrintedConsumer, required_stream};
use super::input::{checked, count};
use super::output;
use crate::encoding::Encoded;
use anabranch_api::{ApiError, ConsumerPage, Kinesis, ListStreamConsumers, RequestContext, messages};
use bytes::Bytes;
use serde::Serialize;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let page = service.list_stream_consumers(context, read(body)?).await?;
    let consumers = page.consumers.into_iter().map(PrintedConsumer::from).collect();
    Ok(output::print(body.encoding, &Output { consumers, next_token: page.next_token }))
}

fn read(body: &Encoded) -> Result<ListStreamConsumers, ApiError> {
    let mut fields = checked(Operation::ListStreamConsumers, body)?;
    let (stream, max_results) = (required_stream(&mut fields)?, count(&mut fields, "MaxResults"));
    let created = fields.timestamp("StreamCreationTimestamp");
    let page = match fields.text("NextToken") {
        Some(_) if created.is_some() => return Err(messages::token_together_with("StreamCreationTimestamp")),
        Some(token) => ConsumerPage::Next { token },
        None => ConsumerPage::First { created },
    };
    Ok(ListStreamConsumers { stream, page, max_results })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    consumers: Vec<PrintedConsumer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}
