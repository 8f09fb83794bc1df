//! Three replicas: ours, JetStream's and Kafka's, each on three processes of this machine.

use super::super::{Setting, rivals};
use super::results::Results;
use super::turns::TakesPart;
use super::{anabranch, jetstream, kafka};

/// As fast as it goes.
pub const MOST: &str = "As fast as it goes";
/// An open loop.
pub const OPEN: &str = "5,000 records/s due";
/// From the oldest record on.
pub const READ: &str = "Catch-up reads";
/// What is due in [`OPEN`], one record at a time: every contestant can do it.
pub const OPEN_RECORDS_PER_SECOND: u32 = 5_000;

/// Who has three replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replicated {
    /// Us.
    Anabranch,
    /// One stream, so one group of replicas, or as many streams as we have shards.
    JetStream {
        /// How many.
        streams: u32,
    },
    /// Acknowledged by all replicas in sync.
    Kafka {
        /// Whether each replica syncs each record first.
        flush: bool,
    },
}

/// All of them.
pub const ALL: [Replicated; 5] = [
    Replicated::Anabranch,
    Replicated::JetStream { streams: 1 },
    Replicated::JetStream { streams: 8 },
    Replicated::Kafka { flush: true },
    Replicated::Kafka { flush: false },
];

impl Replicated {
    /// What the tables call it.
    pub fn name(self) -> String {
        match self {
            Replicated::Anabranch => "anabranch".to_owned(),
            Replicated::JetStream { streams: 1 } => format!("NATS JetStream {}", rivals::NATS_VERSION),
            Replicated::JetStream { streams } => format!("NATS JetStream {}, {streams} streams", rivals::NATS_VERSION),
            Replicated::Kafka { flush: false } => format!("Kafka {}", rivals::KAFKA_VERSION),
            Replicated::Kafka { flush: true } => format!("Kafka {}, flush.messages=1", rivals::KAFKA_VERSION),
        }
    }

    /// What an acknowledgement of it promises.
    pub fn durability(self) -> &'static str {
        match self {
            Replicated::Anabranch => "3 replicas, fdatasync'ed by 2",
            Replicated::JetStream { .. } => "3 replicas, fsync'ed by 2 (`sync_interval: always`)",
            Replicated::Kafka { flush: true } => "3 replicas, fsync'ed by all in sync, at least 2",
            Replicated::Kafka { flush: false } => "3 replicas, in the memory of all in sync, at least 2",
        }
    }
}

impl TakesPart for Replicated {
    fn title(self) -> String {
        self.name()
    }

    fn is_ours(self) -> bool {
        self == Replicated::Anabranch
    }

    fn prepare(self, setting: &Setting) -> anyhow::Result<()> {
        match self {
            Replicated::Anabranch => Ok(()),
            Replicated::JetStream { .. } => rivals::nats_server(setting).map(drop),
            Replicated::Kafka { .. } => rivals::kafka(setting).map(drop),
        }
    }

    fn measure(self, setting: &Setting, results: &mut Results) -> anyhow::Result<()> {
        match self {
            Replicated::Anabranch => anabranch::measure(setting, results),
            Replicated::JetStream { streams } => jetstream::measure(setting, streams, results),
            Replicated::Kafka { flush } => kafka::measure(setting, flush, results),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_versions_that_are_installed_and_differ() {
        let mut names = ALL.map(Replicated::name).to_vec();
        assert!(names.iter().filter(|name| name.contains(rivals::NATS_VERSION)).count() == 2, "{names:?}");
        assert!(names.iter().filter(|name| name.contains(rivals::KAFKA_VERSION)).count() == 2, "{names:?}");
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
