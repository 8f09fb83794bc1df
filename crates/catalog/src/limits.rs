//! What the catalog accepts at most, each with unit and source.

use std::time::Duration;

/// Data groups that one bootstrap makes. Source: 8 to 32 replicas per node are normal; this
/// leaves room for clusters of a hundred nodes.
pub const BOOTSTRAP_GROUPS_MAX: u32 = 4_096;
/// Shards of one new stream. Source: the design point of 20,000 shards per stream.
pub const STREAM_SHARDS_MAX: u32 = 20_000;
/// Bytes of one address text. Source: RFC 1035 (253 for a name), a colon and a port.
pub const ADDRESS_BYTES_MAX: usize = 260;
/// Bytes of a zone's name. Source: zone names of the large clouds have at most 32; a Kubernetes
/// label value 63.
pub const ZONE_BYTES_MAX: usize = 64;
/// How long the previous token key opens tokens after it was replaced. Source: longer than
/// iterators and page tokens live (300 s each), plus clock differences.
pub const PREVIOUS_TOKEN_KEY_VALID: Duration = Duration::from_secs(600);
/// How long after a rotation tokens are still sealed with the previous key, so that every gateway
/// knows the new key before it meets a token of it. Tokens sealed at its end (300 s) still open
/// within [`PREVIOUS_TOKEN_KEY_VALID`].
pub const TOKEN_KEY_SPREAD: Duration = Duration::from_secs(60);
/// Seconds since the Unix epoch that a sequence number can hold (36 bits: the year 4147).
pub const CREATED_SECONDS_MAX: u64 = (1 << 36) - 1;
/// Open shards that UpdateShardCount can ask for. Source: AWS API reference, UpdateShardCount.
pub const SCALING_TARGET_MAX: u32 = 10_000;
/// Calls of UpdateShardCount on a stream within [`SCALING_WINDOW`]. Source: AWS API reference.
pub const SCALINGS_PER_DAY: usize = 10;
/// The time in which calls of UpdateShardCount are counted. Source: AWS API reference.
pub const SCALING_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Calls that began a reshard of a stream and are known again. Source: AWS takes five a second of
/// an account, a gateway repeats a call for seconds.
pub const RESHARDS_REMEMBERED: usize = 64;
/// Calls that changed the retention of a stream, and as many that changed its largest record, that
/// are known again. Source: AWS takes five a
/// second of an account, each waits until the stream is active, and a gateway repeats a call for
/// seconds.
pub const SETTING_CALLS_REMEMBERED: usize = 16;
/// Calls that changed a stream's consumers and are known again. Source: AWS takes five a second of
/// an account, a gateway repeats a call for seconds.
pub const CONSUMER_CALLS_REMEMBERED: usize = 64;
/// Shards of a stream, open and closed. Source: the design point of 100,000 shards per cluster.
pub const STREAM_SHARDS_KEPT_MAX: u32 = 100_000;
/// Open shards of a stream while UpdateShardCount is carried out: those that there were and those
/// that are wanted.
pub const SCALING_SHARDS_MAX: u32 = STREAM_SHARDS_MAX + SCALING_TARGET_MAX;
/// Calls that changed the tags of a stream and are known again. Source: as [`RESHARDS_REMEMBERED`].
pub const TAGGINGS_REMEMBERED: usize = 64;
