//! Pages that are not part of any AWS service: health and metrics, made by the server crate.

use bytes::Bytes;
use http::StatusCode;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// One page, ready to send.
#[derive(Debug, Clone)]
pub struct LocalPage {
    /// The HTTP status.
    pub status: StatusCode,
    /// The media type, such as `text/plain; version=0.0.4`.
    pub content_type: &'static str,
    /// The page.
    pub body: Bytes,
}

/// A page in the making: one that takes long is made elsewhere, never on the worker that serves
/// the connection.
pub type PageFuture = Pin<Box<dyn Future<Output = LocalPage> + Send>>;

/// Finds the page of a path. Asked for `GET` only, before anything else is checked and without
/// a signature.
#[derive(Clone)]
pub struct LocalPages(Arc<Find>);

type Find = dyn Fn(&str) -> Option<PageFuture> + Send + Sync;

impl LocalPages {
    /// Pages as `find` knows them by path.
    pub fn new(find: impl Fn(&str) -> Option<PageFuture> + Send + Sync + 'static) -> Self {
        LocalPages(Arc::new(find))
    }

    /// No pages at all.
    pub fn none() -> Self {
        LocalPages::new(|_| None)
    }

    /// The page at `path`.
    pub(crate) fn find(&self, path: &str) -> Option<PageFuture> {
        (self.0)(path)
    }
}

impl fmt::Debug for LocalPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalPages")
    }
}
