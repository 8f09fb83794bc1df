//! The canonical request: the one byte string both sides sign.
//!
//! ```text
//! method \n encoded path \n encoded sorted query \n
//! name:value \n (each signed header) \n
//! name;name;… \n hex sha-256 of the body
//! ```
//! Source: AWS Signature Version 4, create a canonical request.

use super::query::{Query, encode};
use http::request::Parts;

/// Builds the canonical request. `signed_headers` is the list as the client gave it.
///
/// None when the list is not what the specification asks for (lower case, ascending, each once,
/// each present): no good signature can be made over it.
pub(super) fn canonical_request(
    parts: &Parts,
    query: &Query,
    signed_headers: &str,
    body_sha256_hex: &str,
) -> Option<Vec<u8>> {
    let names: Vec<&str> = signed_headers.split(';').collect();
    let ascending = names.is_sorted_by(|left, right| left < right);
    if !ascending || signed_headers.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut text = Vec::with_capacity(512);
    text.extend(parts.method.as_str().as_bytes());
    text.push(b'\n');
    text.extend(canonical_path(parts.uri.path()));
    text.push(b'\n');
    text.extend(query.canonical("X-Amz-Signature"));
    text.push(b'\n');
    for name in names {
        text.extend(name.as_bytes());
        text.push(b':');
        push_values(&mut text, parts, name)?;
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend(signed_headers.as_bytes());
    text.push(b'\n');
    text.extend(body_sha256_hex.as_bytes());
    Some(text)
}

/// The path with empty and dot segments resolved, each segment encoded once more than it was
/// on the wire, as all services but S3 ask for.
fn canonical_path(path: &str) -> Vec<u8> {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let mut canonical = vec![b'/'];
    canonical.extend(segments.iter().map(|segment| encode(segment.as_bytes())).collect::<Vec<_>>().join(&b'/'));
    let open_ended = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    if open_ended && !segments.is_empty() {
        canonical.push(b'/');
    }
    canonical
}

/// Appends all values of a header, trimmed, runs of blanks made one, joined by commas. Over
/// HTTP/2 the host is the `:authority` of the request.
fn push_values(text: &mut Vec<u8>, parts: &Parts, name: &str) -> Option<()> {
    let mut values = parts.headers.get_all(name).iter().peekable();
    if values.peek().is_none() {
        let authority = parts.uri.authority().filter(|_| name == "host")?;
        text.extend(authority.as_str().as_bytes());
        return Some(());
    }
    for (index, value) in values.enumerate() {
        if index > 0 {
            text.push(b',');
        }
        let words = value.as_bytes().split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            if index > 0 {
                text.push(b' ');
            }
            text.extend(word);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method("GET").uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("request is well formed").into_parts().0
    }

    fn canonical(parts: &Parts, signed: &str) -> Option<String> {
        let query = Query::read(parts.uri.query().unwrap_or(""));
        canonical_request(parts, &query, signed, "HASH").map(|text| String::from_utf8(text).expect("ASCII"))
    }

    #[test]
    fn paths_are_resolved_and_encoded_once_more() {
        for (path, expected) in [
            ("/", "/"),
            ("//", "/"),
            ("/./", "/"),
            ("/a/../..", "/"),
            ("/a/./b//c/", "/a/b/c/"),
            ("/a%2Fb", "/a%252Fb"),
            ("/\u{1234}", "/%E1%88%B4"),
            ("/%E1%88%B4", "/%25E1%2588%25B4"),
            ("/a+b~", "/a%2Bb~"),
        ] {
            assert_eq!(String::from_utf8_lossy(&canonical_path(path)), expected, "{path}");
        }
    }

    #[test]
    fn header_values_are_trimmed_folded_and_joined() {
        let parts = parts("/", &[("host", "h"), ("my-header", "  b   c "), ("my-header", "a\t d"), ("my-header", "")]);
        assert_eq!(
            canonical(&parts, "host;my-header").expect("both are there"),
            "GET\n/\n\nhost:h\nmy-header:b c,a d,\n\nhost;my-header\nHASH"
        );
    }

    #[test]
    fn lists_that_are_unsorted_repeated_upper_case_or_name_absent_headers_have_no_form() {
        let parts = parts("/", &[("host", "h"), ("x-amz-date", "d")]);
        for bad in ["x-amz-date;host", "host;host", "Host", "host;gone", "", "host;", ";host"] {
            assert_eq!(canonical(&parts, bad), None, "{bad}");
        }
    }

    #[test]
    fn the_authority_stands_in_for_an_absent_host_header_only() {
        let over_h2 = parts("http://broker:4567/", &[]);
        assert!(canonical(&over_h2, "host").expect("authority is the host").contains("host:broker:4567\n"));
        assert_eq!(canonical(&over_h2, "date"), None);
        let both = parts("http://broker:4567/", &[("host", "other")]);
        assert!(canonical(&both, "host").expect("host header is there").contains("host:other\n"));
    }
}
