//! The name of a client from the certificate that it has proved to own.
//!
//! Judges nothing: rustls has verified the certificate against the configured authority before.

use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use webpki::EndEntityCert;

/// The object identifier of a common name, 2.5.4.3, as DER. Source: X.520.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
/// The DER tag of an object identifier.
const IDENTIFIER: u8 = 0x06;
/// String types of a name, as DER tags: UTF8String, PrintableString, IA5String.
const STRINGS: [u8; 3] = [0x0c, 0x13, 0x16];

/// The first of: a URI or a DNS name of the alternative names, the common name of the subject.
/// None when the certificate has none of them.
pub(crate) fn client_name(certificate: &CertificateDer<'_>) -> Option<Arc<str>> {
    let parsed = EndEntityCert::try_from(certificate).ok()?;
    if let Some(uri) = parsed.valid_uri_names().next() {
        return Some(uri.into());
    }
    if let Some(name) = parsed.valid_dns_names().next() {
        return Some(name.into());
    }
    common_name(parsed.subject()).map(Arc::from)
}

/// The first common name of a subject: sets of attributes, each an identifier and a value. Source: RFC 5280,
/// 4.1.2.4. Only the identifier of an attribute counts: whoever asks for a certificate may choose what is in values.
fn common_name(subject: &[u8]) -> Option<&str> {
    let mut attributes = elements(subject).flat_map(|(_, set)| elements(set));
    let (tag, text) = attributes.find_map(|(_, attribute)| {
        let mut parts = elements(attribute);
        parts.next().filter(|identifier| *identifier == (IDENTIFIER, &COMMON_NAME))?;
        parts.next()
    })?;
    if !STRINGS.contains(&tag) || text.is_empty() {
        return None;
    }
    std::str::from_utf8(text).ok()
}

/// The tags and contents of the DER values in `der`, up to the first that is cut short.
fn elements(mut der: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, length, rest) = match der {
            [tag, 0x81, length, rest @ ..] => (*tag, usize::from(*length), rest),
            [tag, 0x82, high, low, rest @ ..] => (*tag, usize::from(u16::from_be_bytes([*high, *low])), rest),
            [tag, length @ ..=0x7f, rest @ ..] => (*tag, usize::from(*length), rest),
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        der = rest;
        Some((tag, content))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    fn name_of(alternatives: Vec<SanType>, common_name: Option<&str>) -> Option<Arc<str>> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(common_name) = common_name {
            params.distinguished_name.push(DnType::OrganizationName, "an organisation");
            params.distinguished_name.push(DnType::CommonName, common_name);
        }
        params.subject_alt_names = alternatives;
        let key = KeyPair::generate().expect("a key");
        client_name(params.self_signed(&key).expect("a certificate").der())
    }

    #[test]
    fn a_uri_wins_over_a_dns_name_and_that_over_the_common_name() {
        let uri = || SanType::URI("spiffe://home/orders".try_into().expect("ASCII"));
        let dns = || SanType::DnsName("orders.example".try_into().expect("ASCII"));
        assert_eq!(name_of(vec![dns(), uri()], Some("orders")).as_deref(), Some("spiffe://home/orders"));
        assert_eq!(name_of(vec![dns()], Some("orders")).as_deref(), Some("orders.example"));
        assert_eq!(name_of(Vec::new(), Some("orders ä")).as_deref(), Some("orders ä"));
        assert_eq!(name_of(Vec::new(), None), None);
    }

    #[test]
    fn a_common_name_within_another_attribute_names_nobody() {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "\u{6}\u{3}U\u{4}\u{3}\u{c}\u{5}admin");
        params.distinguished_name.push(DnType::CommonName, "nobody");
        let certificate = params.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate");
        assert_eq!(client_name(certificate.der()).as_deref(), Some("nobody"));
    }

    #[test]
    fn a_common_name_of_any_length_is_read() {
        for characters in [1, 31, 32, 64] {
            let name = "\u{1f980}".repeat(characters);
            assert_eq!(name_of(Vec::new(), Some(&name)).as_deref(), Some(&*name));
        }
    }

    #[test]
    fn a_broken_subject_names_nobody() {
        for value in [&[][..], &[0x0c], &[0x0c, 5, b'a'], &[0x0c, 0], &[0x30, 1, b'a'], &[0x0c, 1, 0xff], &[0x0c, 0x80]]
        {
            let attribute = [&[IDENTIFIER, 3], &COMMON_NAME[..], value].concat();
            let set = [&[0x30, attribute.len() as u8], &attribute[..]].concat();
            let subject = [&[0x31, set.len() as u8], &set[..]].concat();
            for cut in 0..=subject.len() {
                assert_eq!(common_name(&subject[..cut]), None, "{value:?}");
            }
        }
    }
}
