//! The texts of errors that the service itself decides, byte-exact, in one place.
//!
//! Source: answers of Amazon Kinesis as public conformance tests recorded them. Where none was
//! recorded, the text is ours.

use crate::error::{ApiError, ErrorCode};
use anabranch_types::{
    AccountId, ConsumerArn, ConsumerName, HashKey, Region, ShardId, StreamArn, StreamName, Timestamp,
};
use std::fmt;
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

/// The shard was split or merged before.
pub fn shard_closed(shard: ShardId, stream: &StreamName, account: AccountId) -> ApiError {
    let message = format!(
        "Shard {shard} in stream {stream} under account {account} has already been merged or split, and thus is not \
         eligible for merging or splitting."
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// No stream keeps its records so short.
pub fn retention_too_short(hours: i64, least: u64) -> ApiError {
    let message = format!(
        "Minimum allowed retention period is {least} hours. Requested retention period ({hours} hours) is too short."
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// Two shards to be merged are not neighbours.
pub fn shards_not_adjacent(parent: ShardId, adjacent: ShardId, stream: &StreamName, account: AccountId) -> ApiError {
    let message = format!(
        "Shards {parent} and {adjacent} in stream {stream} under account {account} are not an adjacent pair of shards \
         eligible for merging"
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// No stream keeps its records so long. No text of the service was recorded.
pub fn retention_too_long(hours: u64, most: u64) -> ApiError {
    let message = format!(
        "Maximum allowed retention period is {most} hours. Requested retention period ({hours} hours) is too long."
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// Both halves of a split would not have a hash key. `asked` as the caller wrote it.
pub fn split_hash_key(
    asked: &str,
    shard: ShardId,
    stream: &StreamName,
    account: AccountId,
    range: (HashKey, HashKey),
) -> ApiError {
    let message = format!(
        "NewStartingHashKey {asked} used in SplitShard() on shard {shard} in stream {stream} under account {account} is \
         not both greater than one plus the shard's StartingHashKey {} and less than the shard's EndingHashKey {}.",
        range.0, range.1
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// IncreaseStreamRetentionPeriod asks for less than there is.
pub fn retention_below_existing(hours: i64, stream: &StreamName, existing: u64) -> ApiError {
    let message = format!(
        "Requested retention period ({hours} hours) for stream {stream} can not be shorter than existing retention \
         period ({existing} hours). Use DecreaseRetentionPeriod API."
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// The target of UpdateShardCount breaks the rule that `rule` states.
pub fn target_shard_count(target: u32, stream: &StreamName, account: AccountId, rule: &str) -> ApiError {
    let message = format!("TargetShardCount {target} for stream {stream} under account {account} is invalid: {rule}");
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// A limit of one stream that passes, or that needs others to go first.
pub fn stream_limit(stream: &StreamName, account: AccountId, rule: &str) -> ApiError {
    let message = format!("Stream {stream} under account {account}: {rule}");
    ApiError::new(ErrorCode::LimitExceeded, message)
}

/// DecreaseStreamRetentionPeriod asks for more than there is.
pub fn retention_above_existing(hours: i64, stream: &StreamName, existing: u64) -> ApiError {
    let message = format!(
        "Requested retention period ({hours} hours) for stream {stream} can not be longer than existing retention \
         period ({existing} hours). Use IncreaseRetentionPeriod API."
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// No stream takes records so small or so large. No text of the service was recorded.
pub fn record_size_out_of_bounds(asked: u32, least: u64, most: u64) -> ApiError {
    let message = format!("MaxRecordSizeInKiB {asked} is not between {least} and {most}.");
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// The cluster cannot do this before it is bootstrapped, or upgraded.
pub fn not_yet(reason: impl fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::ServiceUnavailable, format!("Service temporarily unavailable: {reason}. Retry."))
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

/// The resource is not there. No text was recorded.
pub fn resource_not_found(resource: &str, account: AccountId) -> ApiError {
    let message = format!("Resource {resource} under account {account} not found.");
    ApiError::new(ErrorCode::ResourceNotFound, message)
}

/// The ARN has the form that the API model asks for, but names nothing that the service has.
pub fn invalid_resource_arn() -> ApiError {
    ApiError::new(ErrorCode::InvalidArgument, "ResourceARN is not the ARN of a stream, consumer, channel or queue.")
}

/// A tag has a character that no tag of the service has.
pub fn invalid_tag_characters() -> ApiError {
    let message = "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / \
                   = + - % @ :.";
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// A tag has a `%`, which the first check of the service passes and the second one does not.
pub fn illegal_tag_characters(stream: &StreamName, account: AccountId) -> ApiError {
    let message = format!(
        "Failed to add tags to stream {stream} under account {account} because some tags contained illegal \
         characters. The allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@',':'."
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// A tag has a key that only AWS gives. No text was recorded.
pub fn reserved_tag_key(stream: &StreamName, account: AccountId) -> ApiError {
    let message = format!(
        "Failed to add tags to stream {stream} under account {account} because keys that begin with aws: are reserved."
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// The stream would have more tags than `limit`.
pub fn too_many_tags(stream: &StreamName, account: AccountId, limit: usize) -> ApiError {
    let message = format!(
        "Failed to add tags to stream {stream} under account {account} because a given stream cannot have more than \
         {limit} tags associated with it."
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// `Rate exceeded for shard <id> in stream <s> under account <A>.`, then which bucket is empty
/// and when the same request fits: whole milliseconds, rounded up.
pub fn rate_exceeded(
    shard: ShardId,
    stream: &StreamName,
    account: AccountId,
    bucket: impl fmt::Display,
    retry_after: Duration,
) -> ApiError {
    let message = format!(
        "Rate exceeded for shard {shard} in stream {stream} under account {account}. The shard's {bucket} are used \
         up; retry after {} ms.",
        retry_after.as_nanos().div_ceil(1_000_000)
    );
    ApiError::new(ErrorCode::ProvisionedThroughputExceeded, message).with_retry_after(retry_after)
}

/// The iterator's five minutes are over.
pub fn iterator_expired(created: Timestamp, now: Timestamp, tolerated: Duration) -> ApiError {
    iterator_expired_since(&java_date(created), now, tolerated)
}

/// The iterator is so old that it cannot be read any more: when it was created is known only as
/// `latest` or earlier.
pub fn iterator_expired_long_ago(latest: Timestamp, now: Timestamp, tolerated: Duration) -> ApiError {
    iterator_expired_since(&format!("{} or earlier", java_date(latest)), now, tolerated)
}

fn iterator_expired_since(created: &str, now: Timestamp, tolerated: Duration) -> ApiError {
    let message = format!(
        "Iterator expired. The iterator was created at time {created} while right now it is {} which is further in \
         the future than the tolerated delay of {} milliseconds.",
        java_date(now),
        tolerated.as_millis()
    );
    ApiError::new(ErrorCode::ExpiredIterator, message)
}

/// The text is no iterator of this cluster.
pub fn invalid_iterator() -> ApiError {
    ApiError::new(ErrorCode::InvalidArgument, "Invalid ShardIterator.")
}

/// The explicit hash key is a number of 2^128 or more.
pub fn invalid_explicit_hash_key(value: &str) -> ApiError {
    let message = format!(
        "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {value}"
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// PutRecord's `SequenceNumberForOrdering` is no sequence number.
pub fn invalid_minimum_sequence_number(value: &str, stream: &StreamName, account: AccountId) -> ApiError {
    let message = format!(
        "ExclusiveMinimumSequenceNumber {value} used in PutRecord on stream {stream} under account {account} is \
         invalid."
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// `StartingSequenceNumber` is no sequence number. `shard` as the service prints it, or as the caller
/// wrote it when it names no shard. SubscribeToShard's text is not recorded; it has GetShardIterator's.
pub fn invalid_starting_sequence_number(value: &str, shard: &str, stream: &StreamName, account: AccountId) -> ApiError {
    let message = format!(
        "StartingSequenceNumber {value} used in GetShardIterator on shard {shard} in stream {stream} under account \
         {account} is invalid."
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// Iterator type and starting sequence number do not go together: there is one where there must
/// be none (`given`), or none where there must be one.
pub fn starting_sequence_number_rule(iterator_type: &str, given: bool) -> ApiError {
    let what = if given { "also a" } else { "no" };
    let message = format!(
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) \
         TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {iterator_type} and {what} \
         StartingSequenceNumber."
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// An iterator of type AT_TIMESTAMP needs a timestamp.
pub fn iterator_timestamp_missing() -> ApiError {
    let message = "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has \
                   no timestamp parameter.";
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// ListShards names neither a stream nor a page.
pub fn neither_token_nor_stream() -> ApiError {
    ApiError::new(ErrorCode::InvalidArgument, "Either NextToken or StreamName should be provided.")
}

/// ListShards names a page and also `member`, which the page decides.
pub fn token_together_with(member: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidArgument, format!("NextToken and {member} cannot be provided together."))
}

/// Members that contradict each other, where no text of the service was recorded.
pub fn contradiction(rule: &'static str) -> ApiError {
    ApiError::new(ErrorCode::InvalidArgument, rule)
}

/// The ARN has the form that the API model asks for, but names no stream.
pub fn invalid_stream_arn(member: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidArgument, format!("{member} is not the ARN of a stream."))
}

/// Name and ARN are both given and differ.
pub fn stream_name_and_arn_differ(name: &StreamName, arn: &StreamArn) -> ApiError {
    let message = format!("StreamName {name} and StreamARN {arn} do not name the same stream.");
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// A page token and an ARN are both given and do not belong together.
pub fn next_token_and_arn_differ(arn: &StreamArn) -> ApiError {
    ApiError::new(ErrorCode::InvalidArgument, format!("NextToken and StreamARN {arn} do not name the same stream."))
}

/// The API model has this, the server does not.
pub fn not_supported(what: &'static str) -> ApiError {
    ApiError::new(ErrorCode::InvalidArgument, what)
}

/// The text of every InternalFailure.
pub const INTERNAL_FAILURE: &str = "Internal Service Failure";

/// Nothing names the stream.
pub fn no_stream_named() -> ApiError {
    ApiError::new(ErrorCode::InvalidArgument, "Either StreamARN or StreamName must be specified.")
}

/// The page token's five minutes are over.
pub fn next_token_expired() -> ApiError {
    ApiError::new(ErrorCode::ExpiredNextToken, "The NextToken is older than 300 seconds. List again from the start.")
}

/// The text is no page token of this operation.
pub fn invalid_next_token() -> ApiError {
    ApiError::new(ErrorCode::InvalidArgument, "Invalid NextToken.")
}

/// The stream has no consumer of the name.
pub fn consumer_not_found(consumer: &ConsumerName, stream: &StreamName, account: AccountId) -> ApiError {
    let message = format!("Consumer {consumer} of stream {stream} under account {account} not found.");
    ApiError::new(ErrorCode::ResourceNotFound, message)
}

/// The stream has no consumer of the ARN: none of the name, or one that was registered at another time.
pub fn consumer_arn_not_found(arn: &ConsumerArn) -> ApiError {
    ApiError::new(ErrorCode::ResourceNotFound, format!("Consumer {arn} not found."))
}

/// The stream has a consumer of the name.
pub fn consumer_exists(consumer: &ConsumerName, stream: &StreamName, account: AccountId) -> ApiError {
    let message = format!("Consumer {consumer} of stream {stream} under account {account} already exists.");
    ApiError::new(ErrorCode::ResourceInUse, message)
}

/// The stream has as many consumers as it may have.
pub fn consumer_limit(stream: &StreamName, account: AccountId, current: u32, limit: u32) -> ApiError {
    let message = format!(
        "This request would exceed the limit of registered consumers for stream {stream} under account {account}. \
         Current consumer count: {current}. Limit: {limit}."
    );
    ApiError::new(ErrorCode::LimitExceeded, message)
}

/// The stream has consumers, and its deletion was not asked to take them along.
pub fn stream_has_consumers(stream: &StreamName, account: AccountId) -> ApiError {
    let message = format!(
        "Stream {stream} under account {account} has registered consumers. Deregister them, or set \
         EnforceConsumerDeletion."
    );
    ApiError::new(ErrorCode::ResourceInUse, message)
}

/// The consumer has a subscription at the shard that is too young to be taken over.
pub fn subscription_in_use(consumer: &ConsumerArn, shard: ShardId, retry_after: Duration) -> ApiError {
    let message = format!(
        "Another active subscription exists for this consumer: {}:{}:{}:{shard}; retry after {} ms.",
        consumer.stream.account,
        consumer.stream.name,
        consumer.name,
        retry_after.as_nanos().div_ceil(1_000_000)
    );
    ApiError::new(ErrorCode::ResourceInUse, message).with_retry_after(retry_after)
}

/// The subscription is over: another one of the consumer has begun at the shard.
pub fn subscription_taken_over(consumer: &ConsumerArn, shard: ShardId) -> ApiError {
    let message = format!(
        "Another subscription has taken over for this consumer: {}:{}:{}:{shard}.",
        consumer.stream.account, consumer.stream.name, consumer.name
    );
    ApiError::new(ErrorCode::ResourceInUse, message)
}

/// The ARN has the form that the API model asks for, but names no consumer.
pub fn invalid_consumer_arn() -> ApiError {
    ApiError::new(ErrorCode::InvalidArgument, "ConsumerARN is not the ARN of a consumer.")
}

/// Nothing names the consumer.
pub fn no_consumer_named() -> ApiError {
    let message = "Either ConsumerARN, or both StreamARN and ConsumerName must be specified.";
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// The consumer's ARN is given beside `member`, and they differ.
pub fn consumer_arn_differs(arn: &ConsumerArn, member: &str) -> ApiError {
    let message = format!("ConsumerARN {arn} and {member} do not name the same consumer.");
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// The call needs what some node of the cluster does not know yet.
pub fn cluster_below_level() -> ApiError {
    let message =
        "Some node of the cluster runs an older version that does not know this call. Retry after the upgrade.";
    ApiError::new(ErrorCode::ServiceUnavailable, message)
}

/// A ShardFilter's timestamp has not come yet.
pub fn shard_filter_in_future(moment: Timestamp, now: Timestamp) -> ApiError {
    let message = format!("ShardFilter.Timestamp {moment} is after the current time {now}.");
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// A record's data and partition key exceed what its stream takes. `path` is the data's, as
/// constraint errors print paths.
pub fn record_too_large(path: &str, limit_bytes: u64) -> ApiError {
    let message = format!(
        "1 validation error detected: Value at '{path}' failed to satisfy constraint: Member must have length less \
         than or equal to {limit_bytes}"
    );
    ApiError::new(ErrorCode::Validation, message)
}

/// All records of one call exceed what a call may carry.
pub fn records_too_large(limit_bytes: u64) -> ApiError {
    let message = format!("Records size exceeds {} MB limit", limit_bytes / 1024 / 1024);
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// StartingSequenceNumber belongs to another stream, perhaps a deleted one of the same name.
pub fn starting_number_of_other_stream(
    value: &str,
    shard: ShardId,
    stream: &StreamName,
    account: AccountId,
) -> ApiError {
    let message = format!(
        "StartingSequenceNumber {value} used in GetShardIterator on shard {shard} in stream {stream} under account \
         {account} is invalid because it did not come from this stream."
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// StartingSequenceNumber belongs to another shard.
pub fn starting_number_of_other_shard(encoded: ShardId, used: ShardId) -> ApiError {
    let message = format!(
        "Invalid StartingSequenceNumber. It encodes {encoded}, while it was used in a call to a shard with {used}"
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
}

/// An AT_TIMESTAMP iterator's time has not come yet.
pub fn timestamp_in_future(asked: Timestamp, now: Timestamp) -> ApiError {
    let message = format!(
        "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: {}, \
         currentTimestampInMillis: {}",
        asked.as_millis(),
        now.as_millis()
    );
    ApiError::new(ErrorCode::InvalidArgument, message)
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

    #[test]
    fn who_waits_as_long_as_told_does_not_come_too_early() {
        let stream = StreamName::new("orders").expect("valid");
        let told = |nanos| {
            let wait = Duration::from_nanos(nanos);
            rate_exceeded(ShardId(0), &stream, AccountId::DEFAULT, "write bytes", wait).message.into_owned()
        };
        assert!(told(1).ends_with(" retry after 1 ms."));
        assert!(told(2_000_000).ends_with(" retry after 2 ms."));
        assert!(told(2_000_001).ends_with(" retry after 3 ms."));
    }

    #[test]
    fn an_expired_iterator_is_dated_as_far_as_it_can_be() {
        let (created, now) = (Timestamp::from_millis(1_421_889_722_000), Timestamp::from_millis(1_421_890_023_000));
        let tolerated = Duration::from_secs(300);
        let text = |created: &str| {
            format!(
                "Iterator expired. The iterator was created at time {created} while right now it is Thu Jan 22 \
                 01:27:03 UTC 2015 which is further in the future than the tolerated delay of 300000 milliseconds."
            )
        };
        assert_eq!(iterator_expired(created, now, tolerated).message, text("Thu Jan 22 01:22:02 UTC 2015"));
        assert_eq!(
            iterator_expired_long_ago(created, now, tolerated).message,
            text("Thu Jan 22 01:22:02 UTC 2015 or earlier")
        );
    }
}
