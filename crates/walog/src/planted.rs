//! Mistakes on purpose: the crash simulation must find each of them.

/// One mistake, switched on by [`crate::Options::planted`] in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Requests are answered when they are written, before they are synced.
    AckBeforeSync,
    /// Damage in the middle is taken for the end of the log.
    StopAtCorruption,
    /// The torn end of the log is taken for damage.
    DistrustTornTail,
    /// A failed sync is tried again and believed.
    RetryFailedSync,
    /// Neither the segment's number nor the batch's ordinal is checked, so what a recycled file
    /// held before passes for new.
    AcceptRecycledFrames,
    /// The last batch is taken for durable because it can be read, though the kernel may have
    /// forgotten to write it.
    TrustWhatIsRead,
}
