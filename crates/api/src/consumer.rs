//! A registered consumer as the operations about consumers print it, and how a request names one.

use anabranch_types::{ConsumerArn, ConsumerName, StreamArn, Timestamp};

/// Where a consumer stands in its life. Source: AWS API model, shape ConsumerStatus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerStatus {
    /// It can subscribe to shards. Consumers here have no other status: they are registered, and
    /// gone, when the call returns.
    Active,
}

impl ConsumerStatus {
    /// As the protocol spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ConsumerStatus::Active => "ACTIVE",
        }
    }
}

/// One consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its stream, its name, and the second of its creation.
    pub arn: ConsumerArn,
    /// Where it stands in its life.
    pub status: ConsumerStatus,
    /// When it was registered.
    pub created: Timestamp,
}

/// By ARN, by the ARN of its stream and its name, or by all, which must then agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerSelector {
    /// `ConsumerARN`
    pub arn: Option<ConsumerArn>,
    /// `StreamARN`
    pub stream: Option<StreamArn>,
    /// `ConsumerName`
    pub name: Option<ConsumerName>,
}
