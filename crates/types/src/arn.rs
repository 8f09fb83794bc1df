//! Amazon resource names of streams.

use crate::names::StreamName;
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
}
