//! The name of a client from the certificate that it has proved to own.
//!
//! Judges nothing: rustls has verified the certificate against the configured authority before.

use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use webpki::EndEntityCert;

/// The object identifier of a common name, 2.5.4.3, as DER. Source: X.520.
const COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];
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

/// Finds the value that follows the identifier: a tag, a length of one byte (a common name has at
/// most 64 characters, of four bytes at the most, of which longer ones than 127 bytes are not read)
/// and the text.
fn common_name(subject: &[u8]) -> Option<&str> {
    let at = subject.windows(COMMON_NAME.len()).position(|window| window == COMMON_NAME)?;
    let [tag, length, rest @ ..] = &subject[at + COMMON_NAME.len()..] else { return None };
    if !STRINGS.contains(tag) || *length == 0 || *length > 127 {
        return None;
    }
    std::str::from_utf8(rest.get(..usize::from(*length))?).ok()
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
    fn a_broken_subject_names_nobody() {
        let mut subject = COMMON_NAME.to_vec();
        for rest in [&[][..], &[0x0c], &[0x0c, 5, b'a'], &[0x0c, 0], &[0x30, 1, b'a'], &[0x0c, 1, 0xff]] {
            subject.truncate(COMMON_NAME.len());
            subject.extend(rest);
            assert_eq!(common_name(&subject), None, "{rest:?}");
        }
    }
}
