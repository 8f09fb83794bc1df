//! The credential scope: whose key, and the day, region and service it was derived for.

use super::refusal;
use anabranch_api::ApiError;
use anabranch_types::Region;

/// The service that signatures must be made for.
pub(super) const SERVICE: &str = "kinesis";
pub(super) const TERMINATOR: &str = "aws4_request";

/// `<access key>/<yyyymmdd>/<region>/kinesis/aws4_request`, checked.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) access_key: String,
    /// Eight digits, the day of the request's date.
    pub(super) day: String,
    pub(super) region: Region,
}

impl Scope {
    /// Reads `credential` and compares it with the request's date in basic form. `region`, where
    /// given, is the only one accepted.
    ///
    /// # Errors
    /// IncompleteSignature when it has not five parts; else InvalidSignature that names every
    /// part that is wrong.
    pub(super) fn read(credential: &str, date: &str, region: Option<&Region>) -> Result<Self, ApiError> {
        let parts: Vec<&str> = credential.split('/').collect();
        let [access_key, day, region_name, service, terminator] = parts[..] else {
            return Err(refusal::incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
                 '{credential}'"
            )));
        };
        let mut wrong = Vec::new();
        let named = Region::parse(region_name).filter(|named| region.is_none_or(|only| only == named));
        if named.is_none() {
            wrong.push("Credential should be scoped to a valid region.".to_owned());
        }
        if service != SERVICE {
            wrong.push(format!("Credential should be scoped to correct service: '{SERVICE}'."));
        }
        if terminator != TERMINATOR {
            wrong.push(format!("Credential should be scoped with a valid terminator: '{TERMINATOR}'."));
        }
        if Some(day) != date.get(..8) {
            let expected = date.get(..8).unwrap_or(date);
            wrong.push(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{day}' != \
                 '{expected}', from '{date}'."
            ));
        }
        match named {
            Some(region) if wrong.is_empty() => {
                Ok(Scope { access_key: access_key.to_owned(), day: day.to_owned(), region })
            }
            _ => Err(refusal::invalid(wrong.join(" "))),
        }
    }

    /// The scope as the string to sign contains it: everything but the key.
    pub(super) fn text(&self) -> String {
        format!("{}/{}/{SERVICE}/{TERMINATOR}", self.day, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_api::ErrorCode;

    const DATE: &str = "20130524T000000Z";

    #[test]
    fn a_scope_names_key_day_and_region() {
        let scope = Scope::read("AKID/20130524/eu-west-1/kinesis/aws4_request", DATE, None).expect("scope is valid");
        assert_eq!(
            (scope.access_key.as_str(), scope.text().as_str()),
            ("AKID", "20130524/eu-west-1/kinesis/aws4_request")
        );
    }

    #[test]
    fn every_wrong_part_is_named_at_once() {
        let refused = Scope::read("AKID/20130523/EU/s3/aws3", DATE, None).expect_err("nothing in it fits");
        assert_eq!(
            refused.message,
            "Credential should be scoped to a valid region. Credential should be scoped to correct service: 'kinesis'. \
             Credential should be scoped with a valid terminator: 'aws4_request'. Date in Credential scope does not match \
             YYYYMMDD from ISO-8601 version of date from HTTP: '20130523' != '20130524', from '20130524T000000Z'."
        );
    }

    #[test]
    fn a_configured_region_refuses_all_others() {
        let only = Region::parse("eu-west-1").expect("a region");
        let refused = Scope::read("AKID/20130524/us-east-1/kinesis/aws4_request", DATE, Some(&only));
        assert_eq!(refused.expect_err("another region").message, "Credential should be scoped to a valid region.");
    }

    #[test]
    fn a_scope_of_four_or_six_parts_is_incomplete() {
        for credential in ["AKID/20130524/eu-west-1/kinesis", "A/B/20130524/eu-west-1/kinesis/aws4_request", "", "a"] {
            let refused = Scope::read(credential, DATE, None).expect_err("not five parts");
            assert_eq!(refused.code, ErrorCode::IncompleteSignature, "{credential}");
        }
    }
}
