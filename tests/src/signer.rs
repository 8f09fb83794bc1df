//! A client's half of AWS Signature Version 4: headers only, `POST /` only.
//!
//! Everything that is signed can be set, so that every part can be wrong.
//! Source: AWS Signature Version 4, "Create a signed request".

use aws_lc_rs::{digest, hmac};
use std::time::{SystemTime, UNIX_EPOCH};

/// Whose key signs, and for what.
#[derive(Debug, Clone)]
pub struct Signer {
    /// The public half of the key.
    pub access_key: String,
    /// The secret half.
    pub secret_key: String,
    /// The region of the scope.
    pub region: String,
    /// The service of the scope.
    pub service: String,
    /// Seconds that this signer's clock is ahead of the machine's.
    pub clock_ahead_seconds: i64,
}

impl Signer {
    /// Signs rightly with this key.
    pub fn new(access_key: &str, secret_key: &str) -> Self {
        Signer {
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            region: "us-east-1".to_owned(),
            service: "kinesis".to_owned(),
            clock_ahead_seconds: 0,
        }
    }

    /// `headers` (lower case) with `x-amz-date` and `authorization` added.
    pub fn sign(&self, mut headers: Vec<(String, String)>, body: &[u8]) -> Vec<(String, String)> {
        let date = basic_date(self.now());
        headers.push(("x-amz-date".to_owned(), date.clone()));
        headers.sort();
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("POST\n/\n\n{lines}\n{names}\n{}", sha256(body));
        let scope = format!("{}/{}/{}/aws4_request", &date[..8], self.region, self.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let mut key = format!("AWS4{}", self.secret_key).into_bytes();
        for part in scope.split('/').chain([to_sign.as_str()]) {
            key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
        }
        let credential = format!("{}/{scope}", self.access_key);
        let signature = hex(&key);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}");
        headers.push(("authorization".to_owned(), authorization));
        headers
    }

    /// Seconds since 1970 on this signer's clock.
    fn now(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the machine's clock is past 1970");
        now.as_secs().saturating_add_signed(self.clock_ahead_seconds)
    }
}

/// `yyyymmddThhmmssZ` in UTC.
fn basic_date(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Year, month and day of the day that lies `days` after 1970-01-01.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(basic_date(0), "19700101T000000Z");
        assert_eq!(basic_date(951_782_400), "20000229T000000Z");
        assert_eq!(basic_date(1_735_689_599), "20241231T235959Z");
        assert_eq!(basic_date(1_440_938_160), "20150830T123600Z");
    }
}
