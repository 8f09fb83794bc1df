//! Names of the fields that spans and events carry, one name per thing everywhere.
//!
//! Used as `info_span!("put_records", { fields::STREAM } = %stream)`. A field that is not in
//! this list belongs to one event only.

/// A stream's name.
pub const STREAM: &str = "stream";
/// A shard's id, as AWS prints it.
pub const SHARD: &str = "shard";
/// A replication group's number; 0 is the catalog's.
pub const GROUP: &str = "group";
/// A replica's id.
pub const REPLICA: &str = "replica";
/// A node's number.
pub const NODE: &str = "node";
/// A consensus term.
pub const TERM: &str = "term";
/// An index in a group's log.
pub const INDEX: &str = "index";
/// The id of one client call, as the client sees it in `x-amzn-RequestId`.
pub const REQUEST_ID: &str = "request_id";
/// The operation's name in the AWS API, such as `PutRecords`.
pub const OPERATION: &str = "operation";
/// A registered consumer's name.
pub const CONSUMER: &str = "consumer";
/// The client's address.
pub const PEER: &str = "peer";
/// How many records.
pub const RECORDS: &str = "records";
/// How many bytes.
pub const BYTES: &str = "bytes";
