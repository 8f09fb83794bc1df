//! Every answer holds what the published output shape promises, and nothing else.

use super::recorder::{Recorder, serve};
use crate::kinesis::Operation;
use crate::kinesis::bad_inputs::good_input;
use serde_json::Value;

/// Checks `value` against the shape called `name`.
fn fits(model: &Value, name: &str, value: &Value, path: &str) {
    let shape = &model["shapes"][name];
    let right_type = match shape["type"].as_str() {
        Some("structure") => value.is_object(),
        Some("list") => value.is_array(),
        Some("string" | "blob") => value.is_string(),
        Some("timestamp") => value.is_f64(),
        Some("integer" | "long") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        other => panic!("{path}: shape {name} is {other:?}"),
    };
    assert!(right_type, "{path}: {value} is no {}", shape["type"]);
    if let Some(allowed) = shape["enum"].as_array() {
        assert!(allowed.contains(value), "{path}: {value} is not one of {allowed:?}");
    }
    for (index, entry) in value.as_array().into_iter().flatten().enumerate() {
        fits(model, shape["member"]["shape"].as_str().expect("a list"), entry, &format!("{path}[{index}]"));
    }
    for (member, entry) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{member}");
        let shape = shape["members"][member]["shape"].as_str();
        fits(model, shape.unwrap_or_else(|| panic!("{path} is not in the model")), entry, &path);
    }
    for required in shape["required"].as_array().into_iter().flatten() {
        let present = required.as_str().is_some_and(|name| value.get(name).is_some());
        assert!(present, "{path}: {required} is absent");
    }
}

#[tokio::test]
async fn every_answer_fits_the_published_output_shape() {
    let model: Value = serde_json::from_str(include_str!("../../../model/kinesis-api.json")).expect("json");
    for operation in Operation::ALL {
        let mut request = good_input(*operation);
        for limit in [false, true] {
            if limit && matches!(operation, Operation::GetRecords | Operation::ListStreams) {
                request["Limit"] = 1.into();
            }
            let body = serve(&Recorder::default(), *operation, request.to_string().as_bytes()).await.expect("good");
            match model["operations"][operation.name()]["output"]["shape"].as_str() {
                None => assert_eq!(body, "", "{operation:?}"),
                // Its events are in `tests/event_streams.rs`.
                Some("SubscribeToShardOutput") => {}
                Some(shape) => {
                    let answer: Value = serde_json::from_str(&body).expect("json");
                    fits(&model, shape, &answer, operation.name());
                    assert!(!body.contains("StreamId"), "{body}");
                }
            }
        }
    }
}
