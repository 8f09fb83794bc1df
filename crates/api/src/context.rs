//! What accompanies every request through the house.

use anabranch_types::{AccountId, Region, RequestId};
use std::sync::Arc;
use std::time::Duration;

/// Who signed the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The access key id; never the secret.
    pub access_key: Arc<str>,
}

/// One request's identity and limits. Passed to every call down the walk.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Printed as `x-amzn-RequestId`; stays the same through internal retries (I12).
    pub request_id: RequestId,
    /// Who asks.
    pub principal: Principal,
    /// The account whose streams are meant.
    pub account: AccountId,
    /// The region of the signature's scope; it is part of printed ARNs.
    pub region: Region,
    /// Time since node start (`Clock::monotonic`) after which the answer is of no use.
    pub deadline: Duration,
}
