//! Who makes a call: its signature, the client's certificate, or nobody in particular.
//!
//! The same credentials as the AWS door's; the body is not signed, because it may be a stream.

use crate::options::GrpcOptions;
use anabranch_api::{ApiError, Principal};
use anabranch_aws_api::Verifier;
use anabranch_types::{Region, Timestamp};
use http::header::AUTHORIZATION;
use http::request::Parts;
use std::sync::Arc;

/// The region in printed ARNs when no signature names one.
const REGION_DEFAULT: &str = "us-east-1";

/// Says who calls.
pub(crate) struct Callers {
    verifier: Verifier,
    /// For callers without a signature.
    region: Region,
}

/// Who calls, and in which region they see their streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub principal: Principal,
    pub region: Region,
}

impl Callers {
    pub fn new(options: &GrpcOptions) -> Self {
        let default = || Region::parse(REGION_DEFAULT).expect("a region");
        Callers {
            verifier: Verifier::new(options.verification.clone(), options.region.clone()),
            region: options.region.clone().unwrap_or_else(default),
        }
    }

    /// A signature, where there is one, decides: a wrong one is refused whatever else the client
    /// has. Then the name in the client's certificate. Then, where any credentials pass, nobody.
    ///
    /// # Errors
    /// Those of a signature; MissingAuthenticationToken when there is nothing to go by.
    pub fn identify(&self, parts: &Parts, client: Option<&Arc<str>>, now: Timestamp) -> Result<Caller, ApiError> {
        let unsigned =
            |access_key: Arc<str>| Caller { principal: Principal { access_key }, region: self.region.clone() };
        let is_signed = parts.headers.contains_key(AUTHORIZATION) || parts.uri.query().is_some();
        match client {
            Some(client) if !is_signed => Ok(unsigned(Arc::clone(client))),
            None if !is_signed && self.verifier.accepts_anyone() => Ok(unsigned(Arc::from("anonymous"))),
            Some(_) | None => {
                let signer = self.verifier.verify_head(parts, now)?;
                Ok(Caller { principal: Principal { access_key: signer.access_key.into() }, region: signer.region })
            }
        }
    }
}
