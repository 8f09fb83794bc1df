//! Where traces are sent, checked when it is read.

use std::fmt;
use std::str::FromStr;

/// The address of a collector that takes OTLP over gRPC: `http://HOST[:PORT]`, or `https://…` for
/// TLS with the certificates that this machine trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpEndpoint(String);

/// The text is not an address of a collector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("otlp endpoint {endpoint:?} is not of the form http://HOST:PORT or https://HOST:PORT")]
pub struct InvalidOtlpEndpoint {
    /// The endpoint as given.
    pub endpoint: String,
}

impl OtlpEndpoint {
    /// The address as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the collector is reached by TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
    }
}

impl FromStr for OtlpEndpoint {
    type Err = InvalidOtlpEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidOtlpEndpoint> {
        let uri = text.parse::<http::Uri>().ok().filter(|uri| {
            let has_host = uri.host().is_some_and(|host| !host.is_empty());
            has_host && matches!(uri.scheme_str(), Some("http" | "https"))
        });
        match uri {
            Some(_) => Ok(OtlpEndpoint(text.to_owned())),
            None => Err(InvalidOtlpEndpoint { endpoint: text.chars().take(200).collect() }),
        }
    }
}

impl fmt::Display for OtlpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors_with_and_without_tls_are_taken() {
        for (text, encrypted) in
            [("http://localhost:4317", false), ("https://[::1]:4317", true), ("HTTPS://collector.example", true)]
        {
            let endpoint: OtlpEndpoint = text.parse().expect(text);
            assert_eq!((endpoint.as_str(), endpoint.is_encrypted()), (text, encrypted));
        }
    }

    #[test]
    fn what_names_no_collector_is_refused() {
        for text in ["", "localhost:4317", "localhost", "http://", "ftp://localhost:4317", "http://a b", "/v1/traces"] {
            let error = text.parse::<OtlpEndpoint>().expect_err(text);
            assert!(error.to_string().contains("is not of the form http://HOST:PORT"), "{error}");
        }
    }
}
