//! Amazon resource names of streams and of their consumers.

use crate::names::{ConsumerName, StreamName};
use std::fmt;
use std::sync::Arc;

/// Twelve decimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u64);

impl AccountId {
    /// The account of a server that was given none.
    pub const DEFAULT: AccountId = AccountId(0);

    /// Reads twelve digits; none otherwise.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        if valid { text.parse().ok().map(AccountId) } else { None }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

/// A region's name, such as `us-east-1`: 1 to 64 lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Arc<str>);

impl Region {
    /// Reads a region's name; none when a character or the length does not fit.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        valid.then(|| Region(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `arn:aws:kinesis:<region>:<account>:stream/<name>`. Source: AWS CreateStream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamArn {
    /// The region, taken from the scope of the request's signature.
    pub region: Region,
    /// The account that owns the stream.
    pub account: AccountId,
    /// The stream.
    pub name: StreamName,
}

/// The text is not a stream's ARN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the arn of a stream")]
pub struct InvalidArn;

impl StreamArn {
    /// Reads an ARN of any partition whose name starts with `aws`.
    ///
    /// # Errors
    /// [`InvalidArn`] when a part is missing or malformed.
    pub fn parse(text: &str) -> Result<Self, InvalidArn> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = parts[..] else {
            return Err(InvalidArn);
        };
        if arn != "arn" || !partition.starts_with("aws") || service != "kinesis" {
            return Err(InvalidArn);
        }
        let name = resource.strip_prefix("stream/").ok_or(InvalidArn)?;
        Ok(StreamArn {
            region: Region::parse(region).ok_or(InvalidArn)?,
            account: AccountId::parse(account).ok_or(InvalidArn)?,
            name: StreamName::new(name).map_err(|_| InvalidArn)?,
        })
    }
}

impl fmt::Display for StreamArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:kinesis:{}:{}:stream/{}", self.region, self.account, self.name)
    }
}

/// `<arn of the stream>/consumer/<name>:<creation, seconds>`. Source: AWS RegisterStreamConsumer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConsumerArn {
    /// The stream.
    pub stream: StreamArn,
    /// The consumer.
    pub name: ConsumerName,
    /// Seconds since the Unix epoch: tells consumers apart that had the same name one after another.
    pub created_s: u64,
}

/// The text is not a consumer's ARN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the arn of a stream's consumer")]
pub struct InvalidConsumerArn;

impl ConsumerArn {
    /// Reads an ARN of any partition whose name starts with `aws`.
    ///
    /// # Errors
    /// [`InvalidConsumerArn`] when a part is missing or malformed.
    pub fn parse(text: &str) -> Result<Self, InvalidConsumerArn> {
        let (stream, consumer) = text.split_once("/consumer/").ok_or(InvalidConsumerArn)?;
        let (name, created_s) = consumer.split_once(':').ok_or(InvalidConsumerArn)?;
        // A number of another form would be another text for the same consumer.
        let digits = created_s.bytes().all(|b| b.is_ascii_digit()) && (created_s == "0" || !created_s.starts_with('0'));
        let created_s = created_s.parse().ok().filter(|_| digits).ok_or(InvalidConsumerArn)?;
        Ok(ConsumerArn {
            stream: StreamArn::parse(stream).map_err(|_| InvalidConsumerArn)?,
            name: ConsumerName::new(name).map_err(|_| InvalidConsumerArn)?,
            created_s,
        })
    }
}

impl fmt::Display for ConsumerArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/consumer/{}:{}", self.stream, self.name, self.created_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_reads_back_as_it_prints() {
        let text = "arn:aws:kinesis:eu-west-1:000000000042:stream/orders";
        assert_eq!(StreamArn::parse(text).map(|a| a.to_string()), Ok(text.to_owned()));
    }

    #[test]
    fn texts_that_are_no_stream_arn_are_refused() {
        for bad in [
            "",
            "arn:aws:kinesis:eu-west-1:42:stream/orders",
            "arn:aws:s3:::bucket",
            "arn:aws:kinesis:eu-west-1:000000000042:channel/x",
            "arn:aws:kinesis:EU:000000000042:stream/x",
        ] {
            assert_eq!(StreamArn::parse(bad), Err(InvalidArn), "{bad}");
        }
    }

    #[test]
    fn a_consumers_arn_reads_back_as_it_prints() {
        let text = "arn:aws:kinesis:eu-west-1:000000000042:stream/orders/consumer/audit:1742000000";
        let arn = ConsumerArn::parse(text).expect("an arn");
        assert_eq!((arn.to_string().as_str(), arn.created_s), (text, 1_742_000_000));
        assert_eq!((arn.name.as_str(), arn.stream.name.as_str()), ("audit", "orders"));
    }

    #[test]
    fn texts_that_are_no_consumers_arn_are_refused() {
        for bad in [
            "arn:aws:kinesis:eu-west-1:000000000042:stream/orders",
            "arn:aws:kinesis:eu-west-1:000000000042:stream/orders/consumer/audit",
            "arn:aws:kinesis:eu-west-1:000000000042:stream/orders/consumer/audit:",
            "arn:aws:kinesis:eu-west-1:000000000042:stream/orders/consumer/audit:+5",
            "arn:aws:kinesis:eu-west-1:000000000042:stream/orders/consumer/audit:05",
            "arn:aws:kinesis:eu-west-1:000000000042:stream/orders/consumer/audit:99999999999999999999",
            "arn:aws:kinesis:eu-west-1:000000000042:stream/orders/consumer/a/b:5",
            "arn:aws:kinesis:eu-west-1:42:stream/orders/consumer/audit:5",
        ] {
            assert_eq!(ConsumerArn::parse(bad), Err(InvalidConsumerArn), "{bad}");
        }
    }
}
