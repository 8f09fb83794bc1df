//! The commands of a replication group's log.
//!
//! Every command begins with its kind and its version, one byte each. A node that does not
//! know them stops and says so; it never skips an entry (D15).

use crate::codec::{Malformed, Reader};
use crate::create_shards::CreateShards;
use crate::drop_stream::DropStream;
use crate::init::Init;
use crate::put::Put;
use crate::seal::Seal;
use crate::set_retention::SetRetention;
use crate::tick::Tick;
use bytes::Bytes;

pub(crate) const INIT: u8 = 1;
pub(crate) const CREATE_SHARDS: u8 = 2;
pub(crate) const DROP_STREAM: u8 = 3;
pub(crate) const SEAL: u8 = 4;
pub(crate) const TICK: u8 = 5;
pub(crate) const SET_RETENTION: u8 = 6;
pub(crate) const PUT: u8 = 7;

/// The version of every command that this node writes, and the newest that it reads.
pub(crate) const VERSION: u8 = 1;

/// A command, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Sets the policy and the generation, once.
    Init(Init),
    /// Adds shards of one stream.
    CreateShards(CreateShards),
    /// Removes a stream with all its shards.
    DropStream(DropStream),
    /// Closes a shard for good.
    Seal(Seal),
    /// Moves the trim clock.
    Tick(Tick),
    /// Changes how long a stream keeps records.
    SetRetention(SetRetention),
    /// Appends records.
    Put(Put),
}

/// The entry cannot be applied and the node must stop; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// A node of a later version wrote it.
    #[error(
        "log entry {log_index} holds command {kind} version {version}, \
         this node knows commands {INIT} to {PUT} up to version {VERSION}"
    )]
    UnknownCommand {
        /// The entry.
        log_index: u64,
        /// The kind found.
        kind: u8,
        /// The version found.
        version: u8,
    },
    /// Its bytes do not follow the layout: a defect of the leader, or damage.
    #[error("log entry {log_index} is damaged: {malformed}")]
    Malformed {
        /// The entry.
        log_index: u64,
        /// Where and what.
        malformed: Malformed,
    },
}

impl Command {
    /// Reads a command; `log_index` is for the error alone.
    ///
    /// # Errors
    /// [`ApplyError`] when its kind or version is unknown, or it does not follow its layout.
    pub fn decode(log_index: u64, command: &Bytes) -> Result<Self, ApplyError> {
        let damaged = |malformed| ApplyError::Malformed { log_index, malformed };
        let mut reader = Reader::new(command);
        let kind = reader.u8("command kind").map_err(damaged)?;
        let version = reader.u8("command version").map_err(damaged)?;
        if !(INIT..=PUT).contains(&kind) || version != VERSION {
            return Err(ApplyError::UnknownCommand { log_index, kind, version });
        }
        let decoded = Command::read(kind, &mut reader).map_err(damaged)?;
        reader.end("end of command").map_err(damaged)?;
        Ok(decoded)
    }

    fn read(kind: u8, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match kind {
            INIT => Init::read(reader).map(Command::Init),
            CREATE_SHARDS => CreateShards::read(reader).map(Command::CreateShards),
            DROP_STREAM => DropStream::read(reader).map(Command::DropStream),
            SEAL => Seal::read(reader).map(Command::Seal),
            TICK => Tick::read(reader).map(Command::Tick),
            SET_RETENTION => SetRetention::read(reader).map(Command::SetRetention),
            PUT => Put::read(reader).map(Command::Put),
            _ => Err(reader.malformed("command kind")),
        }
    }
}
