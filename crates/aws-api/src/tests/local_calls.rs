//! Who may make a call that the node answers itself.

use super::*;
use crate::door::Arrival;

const PATH: &str = "/admin/v1/echo";

/// A door with one call, which answers its body.
fn echoing(verification: Verification) -> Arc<AwsDoor<Probe>> {
    let calls = LocalCalls::new(|path| {
        let echo = |body: Bytes| {
            let page = LocalPage { status: http::StatusCode::OK, content_type: "application/json", body };
            Box::pin(std::future::ready(page)) as PageFuture
        };
        (path == PATH).then(|| Box::new(echo) as LocalCall)
    });
    door(DoorOptions { local_calls: calls, verification, ..options() })
}

fn post(headers: &[(&str, &str)], body: &'static str) -> Request<Full<Bytes>> {
    let mut request = unsigned(headers, body);
    *request.uri_mut() = PATH.parse().expect("a path");
    request
}

/// Status and text of the answer to a request from this machine, or from another one.
async fn answer_to(door: &AwsDoor<Probe>, request: Request<Full<Bytes>>, from_this_machine: bool) -> (u16, String) {
    read(door.handle_on(request, &Arrival { from_this_machine, ..Arrival::from_anywhere() }).await).await
}

/// Signed with this secret.
fn signed_post(secret: &str, body: &'static str) -> Request<Full<Bytes>> {
    let region = anabranch_types::Region::parse("us-east-1").expect("a region");
    let signer = CallSigner::new(ACCESS_KEY, SecretKey::new(secret), region);
    let content_type = "application/json";
    let post_of = Post { host: "broker", path: PATH, content_type, body: body.as_bytes() };
    let signed = signer.sign(&post_of, NOW).expect("texts");
    let (date, authorization) = (signed.date.as_str(), signed.authorization.as_str());
    post(&[("content-type", content_type), ("x-amz-date", date), ("authorization", authorization)], body)
}

#[tokio::test]
async fn where_signatures_are_verified_only_who_signs_is_answered() {
    let door = echoing(Verification::Full(Arc::new(OneKey)));
    assert_eq!(answer_to(&door, signed_post(SECRET, "{}"), false).await, (200, "{}".to_owned()));
    for (request, code) in
        [(post(&[], "{}"), "MissingAuthenticationToken"), (signed_post("another secret", "{}"), "InvalidSignature")]
    {
        let (status, text) = answer_to(&door, request, true).await;
        assert!((400..404).contains(&status) && text.contains(code), "{status} {text}");
    }
}

#[tokio::test]
async fn where_signatures_are_not_verified_only_this_machine_is_answered() {
    let door = echoing(Verification::FormOnly);
    assert_eq!(answer_to(&door, post(&[], "{}"), true).await, (200, "{}".to_owned()));
    for request in [post(&[], "{}"), signed_post(SECRET, "{}")] {
        let (status, text) = answer_to(&door, request, false).await;
        assert!(status == 403 && text.contains("only this machine"), "{status} {text}");
    }
}

#[tokio::test]
async fn a_page_of_a_browser_is_refused() {
    let door = echoing(Verification::FormOnly);
    let (status, text) = answer_to(&door, post(&[("origin", "https://a.example")], "{}"), true).await;
    assert!(status == 403 && text.contains("browsers"), "{status} {text}");
}

#[tokio::test]
async fn a_body_that_cannot_be_a_few_ids_is_refused() {
    let door = echoing(Verification::FormOnly);
    let long: &'static str = Box::leak("a".repeat((64 << 10) + 1).into_boxed_str());
    assert_eq!(answer_to(&door, post(&[], long), true).await.0, 413);
}

#[tokio::test]
async fn other_paths_and_methods_are_left_to_the_service() {
    let door = echoing(Verification::FormOnly);
    let get = Request::get(PATH).header("host", "broker").body(Full::new(Bytes::new())).expect("a request");
    assert_eq!(answer_to(&door, get, true).await.0, 403);
    assert_eq!(answer_to(&door, signed("ListStreams", "{}"), true).await.0, 200);
}
