//! The time that a caller grants: the header `grpc-timeout`.

use std::time::Duration;

/// The time that a caller grants, as [`read`] reads it.
pub const HEADER: &str = "grpc-timeout";

/// What `text`, the header's value, says; none where it cannot be read. Source: gRPC over HTTP/2,
/// `Timeout`: at most eight digits and a unit.
pub fn read(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_secs(value * 3600)),
        'M' => Some(Duration::from_secs(value * 60)),
        'S' => Some(Duration::from_secs(value)),
        'm' => Some(Duration::from_millis(value)),
        'u' => Some(Duration::from_micros(value)),
        'n' => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        assert_eq!(read("5S"), Some(Duration::from_secs(5)));
        assert_eq!(read("250000u"), Some(Duration::from_millis(250)));
        assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for bad in ["", "S", "5", "5x", "-5S", "123456789S", "5 S", "5ß"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
