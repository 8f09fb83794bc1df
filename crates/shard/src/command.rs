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
use bytes::{BufMut, Bytes};

pub(crate) const INIT: u8 = 1;
pub(crate) const CREATE_SHARDS: u8 = 2;
pub(crate) const DROP_STREAM: u8 = 3;
pub(crate) const SEAL: u8 = 4;
pub(crate) const TICK: u8 = 5;
pub(crate) const SET_RETENTION: u8 = 6;
pub(crate) const PUT: u8 = 7;

/// The version of every command that cannot say more.
pub(crate) const VERSION: u8 = 1;

/// The version of commands that name the change of a retention.
const CHANGE_VERSION: u8 = 2;

/// The newest version of a command that this node reads.
const fn newest_version(kind: u8) -> u8 {
    if kind == CREATE_SHARDS || kind == SET_RETENTION { CHANGE_VERSION } else { VERSION }
}

/// The lowest version that can say `change`.
pub(crate) const fn version_for(change: u64) -> u8 {
    if change == 0 { VERSION } else { CHANGE_VERSION }
}

/// Ends a command of [`version_for`] the change.
pub(crate) fn write_change(out: &mut Vec<u8>, change: u64) {
    if version_for(change) == CHANGE_VERSION {
        out.put_u64(change);
    }
}

pub(crate) fn read_change(reader: &mut Reader<'_>, version: u8) -> Result<u64, Malformed> {
    if version < CHANGE_VERSION {
        return Ok(0);
    }
    let refusal = reader.malformed("change of the retention, from 1");
    let change = reader.u64("change of the retention")?;
    if change == 0 { Err(refusal) } else { Ok(change) }
}

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
         this node knows commands {INIT} to {PUT}, this one up to version {}",
        newest_version(*.kind)
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
        if !(INIT..=PUT).contains(&kind) || !(VERSION..=newest_version(kind)).contains(&version) {
            return Err(ApplyError::UnknownCommand { log_index, kind, version });
        }
        let decoded = Command::read(kind, version, &mut reader).map_err(damaged)?;
        reader.end("end of command").map_err(damaged)?;
        Ok(decoded)
    }

    fn read(kind: u8, version: u8, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match kind {
            INIT => Init::read(reader).map(Command::Init),
            CREATE_SHARDS => CreateShards::read(reader, version).map(Command::CreateShards),
            DROP_STREAM => DropStream::read(reader).map(Command::DropStream),
            SEAL => Seal::read(reader).map(Command::Seal),
            TICK => Tick::read(reader).map(Command::Tick),
            SET_RETENTION => SetRetention::read(reader, version).map(Command::SetRetention),
            PUT => Put::read(reader).map(Command::Put),
            _ => Err(reader.malformed("command kind")),
        }
    }
}
