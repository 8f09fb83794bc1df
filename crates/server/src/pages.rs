//! Pages for operators and their probes, beside the AWS protocols on the same port.
//!
//! ```text
//! GET /health/startup   200 once every part has started, before that 503
//! GET /health/ready     200 while clients may be sent here, else 503 and why
//! GET /health/live      200: the process answers
//! GET /metrics          Prometheus text format
//! GET /status           the node, its groups and where shards live, as JSON; 503 before they are known
//! ```
//! Calls of operators are in `admin.rs`.
//!
//! Answers only; the listener belongs to the door. Pages need no signature, so the costly ones are
//! made one at a time and off the async workers, the costliest once a second.

pub mod admin;
mod rendering;

pub use rendering::Render;

use crate::health::{Health, Verdict};
use crate::operations::Operations;
use anabranch_aws_api::{LocalCalls, LocalPage, LocalPages, PageFuture};
use anabranch_runtime::Clock;
use bytes::Bytes;
use http::StatusCode;
use rendering::{NotRendered, Rendering};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long a `/status` is shown again: with many shards it takes long to make.
const STATUS_FRESH_FOR: Duration = Duration::from_secs(1);

/// The pages of one node. Cheap to clone.
#[derive(Clone)]
pub struct Pages {
    health: Health,
    clock: Arc<dyn Clock>,
    metrics: Rendering,
    /// Unset until the node knows its status.
    status: Arc<OnceLock<Rendering>>,
    /// Unset until somebody does what operators ask for.
    operations: Arc<OnceLock<Arc<dyn Operations>>>,
}

impl Pages {
    /// The media type of `/metrics`. Source: Prometheus, "Exposition formats", text format 0.0.4.
    pub const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
    /// The media type of every other page.
    pub const JSON_TYPE: &str = "application/json";

    /// Pages that show `health` and what `render_metrics` gives. Metrics are always those of now.
    pub fn new(health: Health, render_metrics: Render, clock: Arc<dyn Clock>) -> Self {
        let metrics = Rendering::new(render_metrics, Arc::clone(&clock), Duration::ZERO);
        Pages { health, clock, metrics, status: Arc::default(), operations: Arc::default() }
    }

    /// From now on `/status` shows what `render_status` gives; only the first one counts.
    pub fn show_status(&self, render_status: Render) {
        let status = Rendering::new(render_status, Arc::clone(&self.clock), STATUS_FRESH_FOR);
        let _is_first = self.status.set(status);
    }

    /// From now on `operations` does what operators ask for; only the first one counts.
    pub fn take_operations(&self, operations: Arc<dyn Operations>) {
        let _is_first = self.operations.set(operations);
    }

    /// The calls of operators, as the door asks for them.
    pub fn calls(&self) -> LocalCalls {
        let pages = self.clone();
        LocalCalls::new(move |path| admin::find(&pages, path))
    }

    /// These pages, as the door asks for them.
    pub fn local(&self) -> LocalPages {
        let pages = self.clone();
        LocalPages::new(move |path| pages.find(path))
    }

    /// The page at `path`; none where there is no page.
    pub fn find(&self, path: &str) -> Option<PageFuture> {
        let pages = self.clone();
        Some(match path {
            "/health/startup" => made(verdict_page(&self.health.has_started())),
            "/health/ready" => made(verdict_page(&self.health.is_ready())),
            "/health/live" => made(verdict_page(&self.health.is_alive())),
            "/metrics" => Box::pin(async move { rendered_page(Pages::METRICS_TYPE, pages.metrics.get().await) }),
            "/status" => Box::pin(async move { pages.status().await }),
            _ => return None,
        })
    }

    async fn status(&self) -> LocalPage {
        match self.status.get() {
            Some(status) => rendered_page(Pages::JSON_TYPE, status.get().await),
            None => verdict_page(&self.health.is_ready()),
        }
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("health", &self.health).finish_non_exhaustive()
    }
}

fn made(page: LocalPage) -> PageFuture {
    Box::pin(std::future::ready(page))
}

fn verdict_page(verdict: &Verdict) -> LocalPage {
    let status = if verdict.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string(verdict).expect("a verdict is a bool and texts");
    LocalPage { status, content_type: Pages::JSON_TYPE, body: Bytes::from(body) }
}

fn rendered_page(content_type: &'static str, text: Result<Bytes, NotRendered>) -> LocalPage {
    match text {
        Ok(body) => LocalPage { status: StatusCode::OK, content_type, body },
        Err(error) => LocalPage {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            content_type: "text/plain",
            body: Bytes::from(format!("{error}\n")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Phase;
    use anabranch_runtime::Env;
    use anabranch_types::Timestamp;

    fn pages() -> (Pages, Health) {
        let health = Health::new();
        let metrics = Arc::new(|| "anabranch_up 1\n".to_owned());
        (Pages::new(health.clone(), metrics, Env::simulated(Timestamp::EPOCH, 1).clock), health)
    }

    /// Status and body of a page that exists.
    async fn get(pages: &Pages, path: &str) -> (u16, String) {
        let page = pages.find(path).expect(path).await;
        (page.status.as_u16(), String::from_utf8_lossy(&page.body).into_owned())
    }

    const STARTING: &str = r#"{"ok":false,"reasons":["the node is starting"]}"#;

    #[tokio::test]
    async fn a_starting_node_answers_503_but_lives() {
        let (pages, _) = pages();
        assert_eq!(get(&pages, "/health/startup").await, (503, STARTING.to_owned()));
        assert_eq!(get(&pages, "/health/ready").await.0, 503);
        assert_eq!(get(&pages, "/health/live").await, (200, r#"{"ok":true,"reasons":[]}"#.to_owned()));
    }

    #[tokio::test]
    async fn a_serving_node_answers_200_until_a_part_cannot_serve() {
        let (pages, health) = pages();
        health.enter(Phase::Serving);
        assert_eq!((get(&pages, "/health/startup").await.0, get(&pages, "/health/ready").await.0), (200, 200));
        health.unready("storage", "group 1 has no leader");
        let (status, body) = get(&pages, "/health/ready").await;
        assert_eq!((status, body.contains("storage: group 1 has no leader")), (503, true));
    }

    #[tokio::test]
    async fn metrics_are_shown_as_prometheus_text() {
        let (pages, _) = pages();
        let page = pages.find("/metrics").expect("the page").await;
        assert_eq!(
            (page.content_type, &*page.body),
            ("text/plain; version=0.0.4; charset=utf-8", &b"anabranch_up 1\n"[..])
        );
    }

    #[tokio::test]
    async fn the_status_is_503_until_it_is_known() {
        let (pages, _) = pages();
        assert_eq!(get(&pages, "/status").await, (503, STARTING.to_owned()));
        pages.show_status(Arc::new(|| "{}\n".to_owned()));
        assert_eq!(get(&pages, "/status").await, (200, "{}\n".to_owned()));
    }

    #[tokio::test]
    async fn a_page_that_cannot_be_made_is_500() {
        let (pages, _) = pages();
        pages.show_status(Arc::new(|| panic!("a bug")));
        assert_eq!(get(&pages, "/status").await, (500, "the page could not be made\n".to_owned()));
    }

    #[test]
    fn other_paths_are_left_to_the_door() {
        let (pages, _) = pages();
        for path in ["/", "/health", "/health/", "/metrics/", "/METRICS"] {
            assert!(pages.find(path).is_none(), "{path}");
        }
    }
}
