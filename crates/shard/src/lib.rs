//! The data state machine of one replication group: append, seal, trim and dedupe for many
//! shards, as a pure function of the group's log (D5).
//!
//! [`GroupState::apply`] takes log entries and says what storage is to write; [`GroupState::load`]
//! brings the state back from those rows. Nothing here does I/O, reads a clock or draws
//! randomness. Every layout is in docs/formats/shard.md.

mod bucket;
mod chunk;
mod chunk_key;
mod codec;
mod command;
mod create_shards;
mod digest;
mod drop_stream;
mod effects;
mod group_row;
mod group_state;
mod init;
mod load;
mod outcome;
mod policy;
mod put;
mod put_builder;
mod put_outcome;
mod read_plan;
mod requests;
mod row_key;
mod seal;
mod set_retention;
mod shard;
mod stream;
mod tick;
mod time_search;

pub use bucket::{Bucket, BucketId, Newest};
pub use chunk::{CHUNK_BYTES_MAX, CHUNK_VERSION, ChunkDamage, ChunkReader, Record};
pub use chunk_key::{CHUNK_KEY_BYTES, ChunkKey, ShardNo};
pub use codec::Malformed;
pub use command::{ApplyError, Command};
pub use create_shards::{CreateShards, NewShard};
pub use drop_stream::DropStream;
pub use effects::{Appended, Effects, Mutation};
pub use group_state::GroupState;
pub use init::Init;
pub use load::LoadError;
pub use outcome::{Outcome, Refusal};
pub use policy::Policy;
pub use put::{PUT_RECORDS_MAX, Put, PutChunk, PutItem, PutRequest};
pub use put_builder::{PutBuilder, PutFull};
pub use put_outcome::{ItemOutcome, RequestOutcome, decode_put_outcome};
pub use read_plan::{ReadPlan, ReadStep};
pub use row_key::{ROWS_FROM, ROWS_TO};
pub use seal::Seal;
pub use set_retention::SetRetention;
pub use shard::{Parents, Shard, ShardState};
pub use stream::Stream;
pub use tick::Tick;
pub use time_search::TimeSearch;
