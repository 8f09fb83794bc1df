//! Base64 in requests, with the texts of its errors as recorded from the service.

use super::print::shortened;

/// Decodes standard base64 with padding.
///
/// # Errors
/// The text that the service answers.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, String> {
    base64_simd::STANDARD.decode_to_vec(text.as_bytes()).map_err(|_| fault(text))
}

/// Why `text` is no base64. The service looks at the length first, then at each character.
fn fault(text: &str) -> String {
    let why = match (text.encode_utf16().count(), foreign_character(text)) {
        (length, _) if length % 4 != 0 => {
            format!("Base64 encoded length is expected a multiple of 4 bytes but found: {length}")
        }
        (_, Some(character)) => format!("Invalid Base64 character: '{character}'"),
        (_, None) => "Invalid last non-pad Base64 character dectected".to_owned(),
    };
    format!("'{}' can not be converted to a Blob: {why}", shortened(text))
}

/// The first character that base64 does not know, or padding that something follows.
fn foreign_character(text: &str) -> Option<char> {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let known = character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '=');
        let ends_early = character == '=' && characters.peek().is_some_and(|next| *next != '=');
        if !known || ends_early {
            return Some(character);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_were_encoded() {
        assert_eq!(decode(""), Ok(Vec::new()));
        assert_eq!(decode("YQ=="), Ok(b"a".to_vec()));
        assert_eq!(decode("/+8="), Ok(vec![0xff, 0xef]));
    }

    #[test]
    fn each_fault_has_the_text_that_was_recorded() {
        let cases = [
            ("abc", "Base64 encoded length is expected a multiple of 4 bytes but found: 3"),
            ("YQ==\n", "Base64 encoded length is expected a multiple of 4 bytes but found: 5"),
            ("=+/=", "Invalid Base64 character: '='"),
            ("YQ=a", "Invalid Base64 character: '='"),
            ("+/+%", "Invalid Base64 character: '%'"),
            ("äbcd", "Invalid Base64 character: 'ä'"),
            ("YR==", "Invalid last non-pad Base64 character dectected"),
            ("YWJ=", "Invalid last non-pad Base64 character dectected"),
            ("====", "Invalid last non-pad Base64 character dectected"),
            ("Y===", "Invalid last non-pad Base64 character dectected"),
        ];
        for (text, why) in cases {
            assert_eq!(decode(text), Err(format!("'{text}' can not be converted to a Blob: {why}")));
        }
    }
}
