//! The texts of errors that the service itself decides, byte-exact, in one place.
//!
//! Source: recorded answers of Amazon Kinesis (the notes in docs/compatibility.md name them).

use crate::error::{ApiError, ErrorCode};
use anabranch_types::{AccountId, Region, ShardId, StreamName, Timestamp};
use std::time::Duration;

/// `Stream <s> under account <A> not found.`
pub fn stream_not_found(stream: &StreamName, account: AccountId) -> ApiError {
    ApiError::new(ErrorCode::ResourceNotFound, format!("Stream {stream} under account {account} not found."))
}

/// `Stream <s> under account <A> already exists.`
pub fn stream_exists(stream: &StreamName, account: AccountId) -> ApiError {
    ApiError::new(ErrorCode::ResourceInUse, format!("Stream {stream} under account {account} already exists."))
}

/// `Stream <s> under account <A> not ACTIVE, instead in state <STATE>`
pub fn stream_not_active(stream: &StreamName, account: AccountId, state: &str) -> ApiError {
    let message = format!("Stream {stream} under account {account} not ACTIVE, instead in state {state}");
    ApiError::new(ErrorCode::ResourceInUse, message)
}

/// The shard id cannot be read, or no such shard was ever created.
pub fn shard_not_found(shard: &str, stream: &StreamName, account: AccountId) -> ApiError {
    let message = format!("Could not find shard {shard} in stream {stream} under account {account}.");
    ApiError::new(ErrorCode::ResourceNotFound, message)
}

/// The shard id can be read, but the stream has no such shard.
pub fn shard_absent(shard: ShardId, stream: &StreamName, account: AccountId) -> ApiError {
    let message = format!("Shard {shard} in stream {stream} under account {account} does not exist");
    ApiError::new(ErrorCode::ResourceNotFound, message)
}

/// More shards than the account may have.
pub fn shard_limit(account: AccountId, region: &Region, current: u64, limit: u64, asked: u64) -> ApiError {
    let message = format!(
        "This request would exceed the shard limit for the account {account} in {region}. Current shard count for \
         the account: {current}. Limit: {limit}. Number of additional shards that would have resulted from this \
         request: {asked}. Refer to the AWS Service Limits page \
         (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how to \
         request higher limits."
    );
    ApiError::new(ErrorCode::LimitExceeded, message)
}

/// `Rate exceeded for shard <id> in stream <s> under account <A>.`, then which bucket is empty
/// and when the same request fits.
pub fn rate_exceeded(
    shard: ShardId,
    stream: &StreamName,
    account: AccountId,
    bucket: &str,
    retry_after: Duration,
) -> ApiError {
    let message = format!(
        "Rate exceeded for shard {shard} in stream {stream} under account {account}. The shard's {bucket} are used \
         up; retry after {} ms.",
        retry_after.as_millis()
    );
    ApiError::new(ErrorCode::ProvisionedThroughputExceeded, message)
}

/// The iterator's five minutes are over.
pub fn iterator_expired(created: Timestamp, now: Timestamp, tolerated: Duration) -> ApiError {
    let message = format!(
        "Iterator expired. The iterator was created at time {} while right now it is {} which is further in the \
         future than the tolerated delay of {} milliseconds.",
        java_date(created),
        java_date(now),
        tolerated.as_millis()
    );
    ApiError::new(ErrorCode::ExpiredIterator, message)
}

/// The text is no iterator of this cluster.
pub fn invalid_iterator() -> ApiError {
    ApiError::new(ErrorCode::InvalidArgument, "Invalid ShardIterator.")
}

/// `Thu Jan 22 01:22:02 UTC 2015`, as Java's `Date` prints.
fn java_date(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (seconds, days) = (at.as_secs() % 86_400, at.as_secs() / 86_400);
    let (year, month, day) = civil_from_days(days);
    format!(
        "{} {} {day:02} {:02}:{:02}:{:02} UTC {year}",
        DAYS[(days % 7) as usize],
        MONTHS[month - 1],
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Year, month (from 1) and day (from 1) of the day `days` after 1970-01-01.
fn civil_from_days(mut days: u64) -> (u64, usize, u64) {
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_print_as_the_service_prints_them() {
        assert_eq!(java_date(Timestamp::from_millis(1_421_889_722_000)), "Thu Jan 22 01:22:02 UTC 2015");
        assert_eq!(java_date(Timestamp::from_millis(951_782_400_000)), "Tue Feb 29 00:00:00 UTC 2000");
    }
}
