//! What a seed can find wrong.

/// The kinds of broken promises. A planted bug has to show as one that it can cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A group does not hold what was answered, or holds what was never asked for.
    Lost,
    /// A read failed, or returned something else than what the group holds.
    Misread,
    /// Something was quarantined that no damage can have touched.
    FalseAlarm,
    /// Damage was there and the log did not say so.
    Unnoticed,
    /// The log would not open, or stopped, and no fault of the simulation was the reason.
    Unexplained,
    /// An assertion failed.
    Panicked,
    /// Nothing is wrong but that too little happened.
    ProvesLittle,
}

#[derive(Debug, Clone)]
pub struct Problem {
    pub kind: Kind,
    pub what: String,
}

impl Problem {
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into() }
    }

    /// Says where it was.
    pub fn at(self, place: impl std::fmt::Display) -> Self {
        Self { what: format!("{place}: {}", self.what), ..self }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.what)
    }
}
