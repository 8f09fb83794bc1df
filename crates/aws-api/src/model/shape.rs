//! The shapes of requests: what the model says about each member.

use super::pattern::Pattern;

/// Inclusive limits of a number or a length. Lengths of texts count characters, of blobs bytes,
/// of lists and maps entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The least that fits.
    pub min: Option<i64>,
    /// The most that fits.
    pub max: Option<i64>,
}

impl Bounds {
    /// Whether `value` is at least the minimum, where there is one.
    pub(crate) fn admits_from_below(&self, value: i64) -> bool {
        self.min.is_none_or(|min| value >= min)
    }

    /// Whether `value` is at most the maximum, where there is one.
    pub(crate) fn admits_from_above(&self, value: i64) -> bool {
        self.max.is_none_or(|max| value <= max)
    }
}

/// A named shape of the model.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The model's name of it, such as `PutRecordsRequestEntry`.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// What a shape holds, and within which limits.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A text.
    Text {
        /// Characters.
        length: Bounds,
        /// The whole text matches.
        pattern: Option<Pattern>,
        /// When not empty, the text is one of these; in the model's order.
        values: Vec<String>,
    },
    /// A number of 32 bits.
    Integer(Bounds),
    /// True or false.
    Boolean,
    /// Bytes, base64 in JSON and as they are in CBOR.
    Blob(Bounds),
    /// Since the Unix epoch: seconds with fractions in JSON, milliseconds in CBOR.
    Timestamp,
    /// Entries of one shape.
    List {
        /// The shape of each entry.
        element: Box<Shape>,
        /// Entries.
        length: Bounds,
    },
    /// Texts to values of one shape.
    Map {
        /// The shape of each key, a text.
        key: Box<Shape>,
        /// The shape of each value.
        value: Box<Shape>,
        /// Entries.
        length: Bounds,
    },
    /// Named members.
    Structure(Structure),
}

/// Named members, in the order in which the service reports their violations.
#[derive(Debug)]
pub(crate) struct Structure {
    /// The members; no two share a name.
    pub members: Vec<Member>,
}

impl Structure {
    /// The member called `name`, as JSON spells it.
    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }
}

/// One member of a structure.
#[derive(Debug)]
pub(crate) struct Member {
    /// As JSON spells it: `StreamName`.
    pub name: String,
    /// As messages spell it: `streamName`.
    pub path: String,
    /// Whether it may be absent.
    pub presence: Presence,
    /// What it holds.
    pub shape: Shape,
}

/// Whether a member may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It may.
    Optional,
    /// It may not.
    Required,
    /// It may when another member names the stream.
    RequiredUnlessOtherwiseNamed,
}
