//! A request as the model types it: what the type check makes and everything after it reads.

use super::shape::Structure;
use anabranch_types::Timestamp;
use bytes::Bytes;
use std::collections::BTreeMap;

/// One value of a request, of the kind that the model says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Document {
    /// `null`; members that are null are absent, entries of lists and maps can be null.
    Null,
    /// A text.
    Text(String),
    /// A number, floored and clamped to 32 bits.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// Decoded bytes.
    Blob(Bytes),
    /// A moment.
    Timestamp(Timestamp),
    /// The first entries of a list and how many there were: `kept.len() <= length`, equal
    /// unless the list is longer than the model allows.
    List {
        /// The first entries.
        kept: Vec<Document>,
        /// How many entries the request holds.
        length: usize,
    },
    /// The first entries of a map and how many there were, as for lists.
    Map {
        /// The first entries, in the request's order.
        kept: Vec<(String, Document)>,
        /// How many entries the request holds.
        length: usize,
    },
    /// Named members.
    Structure(Fields),
}

/// The members of a structure that are present. Asking for a member that the model does not
/// have, or for another kind than the model's, is a fault of ours and panics.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    structure: &'static Structure,
    present: BTreeMap<&'static str, Document>,
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.present == other.present
    }
}

impl Fields {
    /// No member is present.
    pub(super) fn empty(structure: &'static Structure) -> Self {
        Fields { structure, present: BTreeMap::new() }
    }

    /// Sets a member; null makes it absent. The last one of a name counts.
    pub(super) fn set(&mut self, name: &'static str, value: Document) {
        match value {
            Document::Null => self.present.remove(name),
            value => self.present.insert(name, value),
        };
    }

    /// What the model says about these members.
    pub(super) fn structure(&self) -> &'static Structure {
        self.structure
    }

    /// The member, when the request has it and the model knows it.
    pub(crate) fn get(&self, name: &str) -> Option<&Document> {
        self.present.get(name)
    }

    fn take(&mut self, name: &str) -> Option<Document> {
        assert!(self.structure.member(name).is_some(), "the model has no member {name} here");
        self.present.remove(name)
    }

    /// Takes a text out.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Document::Text(text) => Some(text),
            _ => wrong_kind(name),
        }
    }

    /// Takes a number out.
    pub(crate) fn integer(&mut self, name: &str) -> Option<i64> {
        match self.take(name)? {
            Document::Integer(number) => Some(number),
            _ => wrong_kind(name),
        }
    }

    /// Takes a truth out.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Document::Boolean(truth) => Some(truth),
            _ => wrong_kind(name),
        }
    }

    /// Takes bytes out.
    pub(crate) fn blob(&mut self, name: &str) -> Option<Bytes> {
        match self.take(name)? {
            Document::Blob(bytes) => Some(bytes),
            _ => wrong_kind(name),
        }
    }

    /// Takes a moment out.
    pub(crate) fn timestamp(&mut self, name: &str) -> Option<Timestamp> {
        match self.take(name)? {
            Document::Timestamp(moment) => Some(moment),
            _ => wrong_kind(name),
        }
    }

    /// Takes a list of structures out. Call it after the constraint check: then no entry is
    /// null and none was left out.
    pub(crate) fn structures(&mut self, name: &str) -> Option<Vec<Fields>> {
        let Document::List { kept, length } = self.take(name)? else { wrong_kind(name) };
        assert_eq!(kept.len(), length, "a list that is too long passed the constraint check");
        let fields = |entry| match entry {
            Document::Structure(fields) => fields,
            _ => wrong_kind(name),
        };
        Some(kept.into_iter().map(fields).collect())
    }

    /// Takes a list of texts out. Call it after the constraint check, as for lists of structures.
    pub(crate) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let Document::List { kept, length } = self.take(name)? else { wrong_kind(name) };
        assert_eq!(kept.len(), length, "a list that is too long passed the constraint check");
        let text = |entry| match entry {
            Document::Text(text) => text,
            _ => wrong_kind(name),
        };
        Some(kept.into_iter().map(text).collect())
    }

    /// Takes a map of texts out, in the request's order. Call it after the constraint check, as for
    /// lists of structures.
    pub(crate) fn texts_by_key(&mut self, name: &str) -> Option<Vec<(String, String)>> {
        let Document::Map { kept, length } = self.take(name)? else { wrong_kind(name) };
        assert_eq!(kept.len(), length, "a map that is too long passed the constraint check");
        let text = |(key, entry)| match entry {
            Document::Text(text) => (key, text),
            _ => wrong_kind(name),
        };
        Some(kept.into_iter().map(text).collect())
    }

    /// Takes a structure out.
    pub(crate) fn fields(&mut self, name: &str) -> Option<Fields> {
        match self.take(name)? {
            Document::Structure(fields) => Some(fields),
            _ => wrong_kind(name),
        }
    }
}

fn wrong_kind(name: &str) -> ! {
    panic!("the model gives {name} another kind than its reader expects")
}
