//! How a command and its outcome travel through the log: a version, a kind, the fields.
//!
//! What each command means is in `commands`, one file per command.

use crate::catalog::{CONSUMERS_LEVEL, GROUPS_LEVEL, MEMBERSHIP_LEVEL, RESHARD_LEVEL, SETTINGS_LEVEL, TAGS_LEVEL};
use crate::codec::{DecodeError, Field, Reader};
use bytes::Bytes;

/// The version of every command and outcome this build writes. A new kind of command is gated
/// by the feature level and keeps the version; a changed layout raises it.
pub const COMMAND_VERSION: u8 = 1;

/// The second byte of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is a command of the same name, documented there")]
pub enum CommandKind {
    Bootstrap = 1,
    RegisterNode = 2,
    UpdateNode = 3,
    CreateStream = 4,
    ActivateStream = 5,
    BeginDeleteStream = 6,
    FinishDeleteStream = 7,
    RotateTokenKey = 8,
    AddReplica = 9,
    PromoteReplica = 10,
    ReplicaJoined = 11,
    RemoveReplica = 12,
    ReplicaLeft = 13,
    ForgetReplica = 14,
    SetNodeState = 15,
    DescribeNode = 16,
    RemoveNode = 17,
    CreateGroup = 18,
    BeginReshard = 19,
    UpdateShardCount = 20,
    ContinueScaling = 21,
    SealParents = 22,
    CommitReshard = 23,
    AbortReshard = 24,
    FinishScaling = 25,
    RemoveShards = 26,
    TagStream = 27,
    UntagStream = 28,
    SetRetention = 29,
    FinishRetention = 30,
    UpdateMaxRecordSize = 31,
    RegisterConsumer = 32,
    DeregisterConsumer = 33,
}

impl CommandKind {
    /// Every kind, in the order of its byte.
    pub const ALL: [CommandKind; 33] = [
        CommandKind::Bootstrap,
        CommandKind::RegisterNode,
        CommandKind::UpdateNode,
        CommandKind::CreateStream,
        CommandKind::ActivateStream,
        CommandKind::BeginDeleteStream,
        CommandKind::FinishDeleteStream,
        CommandKind::RotateTokenKey,
        CommandKind::AddReplica,
        CommandKind::PromoteReplica,
        CommandKind::ReplicaJoined,
        CommandKind::RemoveReplica,
        CommandKind::ReplicaLeft,
        CommandKind::ForgetReplica,
        CommandKind::SetNodeState,
        CommandKind::DescribeNode,
        CommandKind::RemoveNode,
        CommandKind::CreateGroup,
        CommandKind::BeginReshard,
        CommandKind::UpdateShardCount,
        CommandKind::ContinueScaling,
        CommandKind::SealParents,
        CommandKind::CommitReshard,
        CommandKind::AbortReshard,
        CommandKind::FinishScaling,
        CommandKind::RemoveShards,
        CommandKind::TagStream,
        CommandKind::UntagStream,
        CommandKind::SetRetention,
        CommandKind::FinishRetention,
        CommandKind::UpdateMaxRecordSize,
        CommandKind::RegisterConsumer,
        CommandKind::DeregisterConsumer,
    ];

    /// The feature level from which it may be in the log (D15).
    pub fn level(self) -> u16 {
        match self {
            CommandKind::Bootstrap
            | CommandKind::RegisterNode
            | CommandKind::UpdateNode
            | CommandKind::CreateStream
            | CommandKind::ActivateStream
            | CommandKind::BeginDeleteStream
            | CommandKind::FinishDeleteStream
            | CommandKind::RotateTokenKey => 1,
            CommandKind::AddReplica
            | CommandKind::PromoteReplica
            | CommandKind::ReplicaJoined
            | CommandKind::RemoveReplica
            | CommandKind::ReplicaLeft
            | CommandKind::ForgetReplica
            | CommandKind::SetNodeState
            | CommandKind::DescribeNode
            | CommandKind::RemoveNode => MEMBERSHIP_LEVEL,
            CommandKind::CreateGroup => GROUPS_LEVEL,
            CommandKind::BeginReshard
            | CommandKind::UpdateShardCount
            | CommandKind::ContinueScaling
            | CommandKind::SealParents
            | CommandKind::CommitReshard
            | CommandKind::AbortReshard
            | CommandKind::FinishScaling
            | CommandKind::RemoveShards => RESHARD_LEVEL,
            CommandKind::SetRetention | CommandKind::FinishRetention | CommandKind::UpdateMaxRecordSize => {
                SETTINGS_LEVEL
            }
            CommandKind::RegisterConsumer | CommandKind::DeregisterConsumer => CONSUMERS_LEVEL,
            CommandKind::TagStream | CommandKind::UntagStream => TAGS_LEVEL,
        }
    }

    /// Whether gateways propose it for a client. Then it waits for a full disk, as puts do; what
    /// nodes propose so that the cluster goes on does not.
    pub fn is_for_client(self) -> bool {
        matches!(
            self,
            CommandKind::BeginReshard
                | CommandKind::UpdateShardCount
                | CommandKind::TagStream
                | CommandKind::UntagStream
                | CommandKind::RegisterConsumer
        )
    }

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A log entry this build cannot apply. The node stops: skipping it would make this replica
/// differ from the others (D15).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownCommand {
    /// Written by a newer build.
    #[error("catalog command has version {found}, this build knows version {known}: upgrade this node")]
    Version {
        /// The command's version.
        found: u8,
        /// [`COMMAND_VERSION`].
        known: u8,
    },
    /// A kind that this build has no rule for.
    #[error("catalog command of version {version} has kind {found}, this build knows kinds up to {known}")]
    Kind {
        /// The command's version.
        version: u8,
        /// The command's kind.
        found: u8,
        /// The highest kind this build knows.
        known: u8,
    },
    /// The fields do not fit the kind.
    #[error("catalog command of version {version} and kind {kind:?} cannot be read: {reason}")]
    Malformed {
        /// The command's version.
        version: u8,
        /// The command's kind.
        kind: CommandKind,
        /// What is wrong with the bytes.
        reason: DecodeError,
    },
    /// Fewer than the two bytes of version and kind.
    #[error("catalog command has {bytes} bytes, too few for version {known}")]
    Short {
        /// How many there are.
        bytes: usize,
        /// [`COMMAND_VERSION`].
        known: u8,
    },
}

/// A change of the catalog that the metadata group replicates. The types that implement it are
/// all in this crate.
pub trait Command: Field {
    /// Tells the commands apart.
    const KIND: CommandKind;
    /// What a carried out command answers.
    type Done: Field;
    /// Why a command was refused; the catalog is unchanged.
    type Refused: Field;

    /// The command as a log entry's bytes.
    fn encode(&self) -> Bytes {
        let mut out = vec![COMMAND_VERSION, Self::KIND as u8];
        self.write(&mut out);
        out.into()
    }

    /// Reads what [`crate::Catalog::apply`] returned for a command of this type.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are the outcome of another command, of another version,
    /// or damaged.
    fn decode_outcome(outcome: &[u8]) -> Result<Result<Self::Done, Self::Refused>, DecodeError> {
        let mut input = Reader::new(outcome);
        input.version("catalog outcome", COMMAND_VERSION)?;
        if u8::read(&mut input)? != Self::KIND as u8 {
            return Err(DecodeError::Invalid { what: "outcome of this command" });
        }
        let outcome = match u8::read(&mut input)? {
            0 => Ok(Self::Done::read(&mut input)?),
            1 => Err(Self::Refused::read(&mut input)?),
            _ => return Err(DecodeError::Invalid { what: "outcome" }),
        };
        input.end()?;
        Ok(outcome)
    }
}

/// Refuses a command that a build of `level` does not know: what a node does that is started at a
/// lower level than its build's.
///
/// # Errors
/// [`UnknownCommand`]; the node must stop.
pub fn check_level(command: &[u8], level: u16) -> Result<(), UnknownCommand> {
    let (kind, _) = open(command)?;
    if kind.level() <= level {
        return Ok(());
    }
    let known = CommandKind::ALL.into_iter().filter(|kind| kind.level() <= level).map(|kind| kind as u8).max();
    Err(UnknownCommand::Kind { version: COMMAND_VERSION, found: kind as u8, known: known.unwrap_or(0) })
}

/// What kind a command is of.
///
/// # Errors
/// [`UnknownCommand`] for one that this build does not know.
pub fn kind_of(command: &[u8]) -> Result<CommandKind, UnknownCommand> {
    open(command).map(|(kind, _)| kind)
}

/// Splits a command into its kind and its fields.
pub(crate) fn open(command: &[u8]) -> Result<(CommandKind, &[u8]), UnknownCommand> {
    let [version, kind, fields @ ..] = command else {
        return Err(UnknownCommand::Short { bytes: command.len(), known: COMMAND_VERSION });
    };
    if *version != COMMAND_VERSION {
        return Err(UnknownCommand::Version { found: *version, known: COMMAND_VERSION });
    }
    match CommandKind::from_byte(*kind) {
        Some(kind) => Ok((kind, fields)),
        None => {
            let known = CommandKind::ALL[CommandKind::ALL.len() - 1] as u8;
            Err(UnknownCommand::Kind { version: *version, found: *kind, known })
        }
    }
}

/// Reads a command's fields.
pub(crate) fn decode<C: Command>(fields: &[u8]) -> Result<C, UnknownCommand> {
    let mut input = Reader::new(fields);
    let read = C::read(&mut input).and_then(|command| input.end().map(|()| command));
    read.map_err(|reason| UnknownCommand::Malformed { version: COMMAND_VERSION, kind: C::KIND, reason })
}

/// The bytes that [`Command::decode_outcome`] reads.
pub(crate) fn encode_outcome<C: Command>(outcome: &Result<C::Done, C::Refused>) -> Bytes {
    let mut out = vec![COMMAND_VERSION, C::KIND as u8];
    match outcome {
        Ok(done) => {
            out.push(0);
            done.write(&mut out);
        }
        Err(refused) => {
            out.push(1);
            refused.write(&mut out);
        }
    }
    out.into()
}
