//! How a request names what may be a stream or something else.

use anabranch_types::{InvalidArn, StreamArn};

/// `ResourceARN`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceArn {
    /// `arn:aws:kinesis:<region>:<account>:stream/<name>`
    Stream(StreamArn),
    /// Of a registered consumer, a channel or a queue, as it was written.
    Other(String),
}

impl ResourceArn {
    /// Reads the ARN of a stream; tells those of the other resources of the service by their form.
    ///
    /// # Errors
    /// [`InvalidArn`] for what is neither.
    pub fn parse(text: &str) -> Result<Self, InvalidArn> {
        if let Ok(stream) = StreamArn::parse(text) {
            return Ok(ResourceArn::Stream(stream));
        }
        let resource = text.splitn(6, ':').nth(5).ok_or(InvalidArn)?;
        let is_consumer = resource.starts_with("stream/") && resource.contains("/consumer/");
        let is_other = is_consumer || resource.starts_with("channel/") || resource.starts_with("queue/");
        if is_other { Ok(ResourceArn::Other(text.to_owned())) } else { Err(InvalidArn) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_told_from_other_resources_and_from_nothing() {
        let arn = |resource: &str| format!("arn:aws:kinesis:eu-west-1:000000000042:{resource}");
        let stream = arn("stream/orders");
        let parsed = StreamArn::parse(&stream).map(ResourceArn::Stream);
        assert_eq!(ResourceArn::parse(&stream), parsed);
        for other in ["stream/orders/consumer/billing:1742000000", "channel/orders", "queue/orders"] {
            assert_eq!(ResourceArn::parse(&arn(other)), Ok(ResourceArn::Other(arn(other))));
        }
        for bad in ["", "stream/orders", &arn("stream/a b"), &arn("stream/orders/shard/0"), &arn("substream/orders")] {
            assert_eq!(ResourceArn::parse(bad), Err(InvalidArn), "{bad:?}");
        }
    }
}
