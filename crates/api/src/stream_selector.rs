//! How a request names its stream.

use anabranch_types::{StreamArn, StreamName};

/// By name, by ARN, or by both, which must then agree. At least one is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSelector {
    /// `StreamName`
    pub name: Option<StreamName>,
    /// `StreamARN`
    pub arn: Option<StreamArn>,
}

impl StreamSelector {
    /// Names the stream `name`.
    pub fn by_name(name: StreamName) -> Self {
        StreamSelector { name: Some(name), arn: None }
    }
}
