//! ListStreamConsumers.

use crate::consumer::Consumer;
use anabranch_types::{StreamArn, Timestamp};

/// The first page, or where the last page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerPage {
    /// The first page.
    First {
        /// Tells streams of one name apart by their creation (whole seconds count).
        created: Option<Timestamp>,
    },
    /// A later page.
    Next {
        /// From the page before.
        token: String,
    },
}

/// Asks for a page of a stream's consumers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListStreamConsumers {
    /// The stream; that of the token where there is one.
    pub stream: StreamArn,
    /// Which page.
    pub page: ConsumerPage,
    /// Consumers on the page, 1..=10,000, 100 when absent.
    pub max_results: Option<usize>,
}

/// A page of consumers, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListStreamConsumersOutput {
    /// The page.
    pub consumers: Vec<Consumer>,
    /// Present when consumers follow the page; valid for 300 s.
    pub next_token: Option<String>,
}
