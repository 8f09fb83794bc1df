//! Pages for operators and their probes, beside the AWS protocols on the same port.
//!
//! ```text
//! GET /health/startup   200 once every part has started, before that 503
//! GET /health/ready     200 while clients may be sent here, else 503 and why
//! GET /health/live      200: the process answers
//! GET /metrics          Prometheus text format
//! GET /status           the node, its groups and where shards live, as JSON
//! ```
//! Answers only; the listener belongs to the door.

use crate::health::{Health, Verdict};
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use std::fmt;
use std::sync::Arc;

/// Renders all metrics, as `/metrics` shows them.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Renders the node's status as JSON, as `/status` shows it.
pub type RenderStatus = Arc<dyn Fn() -> String + Send + Sync>;

/// The pages of one node. Cheap to clone.
#[derive(Clone)]
pub struct Pages {
    health: Health,
    render_metrics: RenderMetrics,
    render_status: RenderStatus,
}

impl Pages {
    /// The media type of `/metrics`. Source: Prometheus, "Exposition formats", text format 0.0.4.
    pub const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
    /// The media type of every other page.
    pub const JSON_TYPE: &str = "application/json";

    /// Pages that show `health`, and what the two functions give.
    pub fn new(health: Health, render_metrics: RenderMetrics, render_status: RenderStatus) -> Self {
        Pages { health, render_metrics, render_status }
    }

    /// The page at `path`; none where there is no page. Every page takes GET and HEAD only.
    pub fn answer(&self, method: &Method, path: &str) -> Option<Response<Bytes>> {
        let page: fn(&Pages) -> Response<Bytes> = match path {
            "/health/startup" => |pages| verdict_page(&pages.health.has_started()),
            "/health/ready" => |pages| verdict_page(&pages.health.is_ready()),
            "/health/live" => |pages| verdict_page(&pages.health.is_alive()),
            "/metrics" => |pages| page(StatusCode::OK, Pages::METRICS_TYPE, (pages.render_metrics)()),
            "/status" => |pages| page(StatusCode::OK, Pages::JSON_TYPE, (pages.render_status)()),
            _ => return None,
        };
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Some(wrong_method());
        }
        let mut response = page(self);
        if *method == Method::HEAD {
            *response.body_mut() = Bytes::new();
        }
        Some(response)
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("health", &self.health).finish_non_exhaustive()
    }
}

fn verdict_page(verdict: &Verdict) -> Response<Bytes> {
    let status = if verdict.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string(verdict).expect("a verdict is a bool and texts");
    page(status, Pages::JSON_TYPE, body)
}

fn page(status: StatusCode, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn wrong_method() -> Response<Bytes> {
    let mut response = page(StatusCode::METHOD_NOT_ALLOWED, "text/plain", String::new());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Phase;

    fn pages() -> (Pages, Health) {
        let health = Health::new();
        let metrics = Arc::new(|| "anabranch_up 1\n".to_owned());
        (Pages::new(health.clone(), metrics, Arc::new(|| "{}\n".to_owned())), health)
    }

    /// Status and body of a page that exists.
    fn get(pages: &Pages, path: &str) -> (u16, String) {
        let response = pages.answer(&Method::GET, path).expect(path);
        (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
    }

    #[test]
    fn a_starting_node_answers_503_but_lives() {
        let (pages, _) = pages();
        assert_eq!(
            get(&pages, "/health/startup"),
            (503, r#"{"ok":false,"reasons":["the node is starting"]}"#.to_owned())
        );
        assert_eq!(get(&pages, "/health/ready").0, 503);
        assert_eq!(get(&pages, "/health/live"), (200, r#"{"ok":true,"reasons":[]}"#.to_owned()));
    }

    #[test]
    fn a_serving_node_answers_200_until_a_part_cannot_serve() {
        let (pages, health) = pages();
        health.enter(Phase::Serving);
        assert_eq!((get(&pages, "/health/startup").0, get(&pages, "/health/ready").0), (200, 200));
        health.unready("storage", "group 1 has no leader");
        let (status, body) = get(&pages, "/health/ready");
        assert_eq!((status, body.contains("storage: group 1 has no leader")), (503, true));
    }

    #[test]
    fn metrics_are_shown_as_prometheus_text() {
        let (pages, _) = pages();
        let response = pages.answer(&Method::GET, "/metrics").expect("the page");
        assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
        assert_eq!(response.body(), "anabranch_up 1\n");
    }

    #[test]
    fn other_paths_are_left_to_the_door() {
        let (pages, _) = pages();
        for path in ["/", "/health", "/health/", "/metrics/", "/METRICS"] {
            assert!(pages.answer(&Method::GET, path).is_none(), "{path}");
        }
    }

    #[test]
    fn head_has_no_body_and_other_methods_are_refused() {
        let (pages, _) = pages();
        let head = pages.answer(&Method::HEAD, "/metrics").expect("the page");
        assert_eq!((head.status(), head.body().len()), (StatusCode::OK, 0));
        let post = pages.answer(&Method::POST, "/metrics").expect("the page");
        assert_eq!(
            (post.status(), &post.headers()[ALLOW]),
            (StatusCode::METHOD_NOT_ALLOWED, &HeaderValue::from_static("GET, HEAD"))
        );
    }
}
