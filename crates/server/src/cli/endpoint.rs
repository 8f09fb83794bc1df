//! The node that `anabranch status` asks.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// `http://HOST:PORT`; only plain HTTP is spoken here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
}

/// The text is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an endpoint is written http://HOST:PORT, not {0:?}")]
pub struct InvalidEndpoint(String);

impl Endpoint {
    /// `HOST:PORT`, to connect to and to name in the request.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let host = text.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let host = host.filter(|host| {
            let plain = host.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b'@'));
            let parts = host.rsplit_once(':').filter(|(name, _)| !name.is_empty());
            plain && parts.is_some_and(|(_, port)| port.parse::<u16>().is_ok())
        });
        match host {
            Some(host) => Ok(Endpoint { host: host.to_owned() }),
            None => Err(InvalidEndpoint(text.chars().take(200).collect())),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Endpoint { host: address.to_string() }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_make_an_endpoint() {
        for text in ["http://127.0.0.1:4567", "http://[::1]:4567", "http://node-1.example:80/"] {
            let endpoint: Endpoint = text.parse().expect(text);
            assert_eq!(endpoint.to_string(), text.trim_end_matches('/'));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in
            ["", "127.0.0.1:4567", "https://a:1", "http://a", "http://:1", "http://a:b", "http://a:1/x", "http://a b:1"]
        {
            assert_eq!(text.parse::<Endpoint>(), Err(InvalidEndpoint(text.to_owned())));
        }
    }
}
