//! Where a listener is reached by others, written `HOST:PORT`.

use anabranch_catalog::limits::ADDRESS_BYTES_MAX;
use serde::de::{Deserializer, Error};
use std::fmt;
use std::str::FromStr;

/// A host, by name or number, and a port from 1. A name is looked up when it is connected to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort(String);

/// The text is not `HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an address is written HOST:PORT, not {0:?}")]
pub struct InvalidHostPort(String);

impl HostPort {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostPort {
    type Err = InvalidHostPort;

    fn from_str(text: &str) -> Result<Self, InvalidHostPort> {
        let invalid = || InvalidHostPort(text.chars().take(200).collect());
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let number = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        // Without brackets, nobody can tell the port from the last group of an IPv6 address.
        let host_fits = match number {
            Some(number) => number.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
            }
        };
        let port_fits = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0);
        if host_fits && port_fits && text.len() <= ADDRESS_BYTES_MAX {
            Ok(HostPort(text.to_owned()))
        } else {
            Err(invalid())
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for HostPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_with_a_port_are_addresses() {
        for text in ["127.0.0.1:4569", "[::1]:4569", "anabranch-0.anabranch_peers.svc:65535", "a:1"] {
            assert_eq!(text.parse::<HostPort>().expect(text).as_str(), text);
        }
    }

    #[test]
    fn everything_else_is_no_address() {
        let long = format!("{}:1", "a".repeat(ADDRESS_BYTES_MAX));
        for text in ["", "a", ":1", "a:", "a:0", "a:65536", "a:+1", "::1:4569", "[a]:1", "http://a:1", "a b:1", &long] {
            assert!(text.parse::<HostPort>().is_err(), "{text}");
        }
    }
}
