//! Reads the published model, once, and keeps the input shapes of the operations built here.

use super::pattern::Pattern;
use super::recorded;
use super::shape::{Bounds, Kind, Member, Shape, Structure};
use crate::kinesis::Operation;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::LazyLock;

/// botocore 1.44.5, `data/kinesis/2013-12-02/service-2.json` (Apache-2.0, see NOTICE).
const SOURCE: &str = include_str!("../../model/kinesis-api.json");

/// The model; read at its first use.
pub(crate) static MODEL: LazyLock<Model> =
    LazyLock::new(|| Model::parse(SOURCE).expect("the model is part of the build and its tests read it"));

/// The input shapes of the operations.
#[derive(Debug)]
pub(crate) struct Model {
    inputs: Vec<(Operation, Shape)>,
}

impl Model {
    /// What a request of `operation` holds.
    pub(crate) fn input(&self, operation: Operation) -> &Shape {
        let found = self.inputs.iter().find(|(candidate, _)| *candidate == operation);
        &found.expect("parse refuses a model that lacks an operation").1
    }

    /// Every operation with its input shape.
    #[cfg(any(test, feature = "bad-inputs"))]
    pub(crate) fn inputs(&self) -> impl Iterator<Item = (Operation, &Shape)> {
        self.inputs.iter().map(|(operation, shape)| (*operation, shape))
    }

    fn parse(text: &str) -> Result<Model, InvalidModel> {
        let file: File<'_> = serde_json::from_str(text).map_err(|error| InvalidModel(error.to_string()))?;
        let inputs = Operation::ALL.iter().map(|operation| {
            let published = file.operations.get(operation.name()).ok_or(InvalidModel(operation.name().to_owned()))?;
            Ok((*operation, build(&file, &published.input.shape)?))
        });
        Ok(Model { inputs: inputs.collect::<Result<_, InvalidModel>>()? })
    }
}

/// The file lacks something or says something unknown.
#[derive(Debug, thiserror::Error)]
#[error("the model cannot be read: {0}")]
struct InvalidModel(String);

#[derive(Deserialize)]
struct File<'a> {
    operations: HashMap<String, PublishedOperation>,
    #[serde(borrow)]
    shapes: HashMap<String, PublishedShape<'a>>,
}

#[derive(Deserialize)]
struct PublishedOperation {
    input: Reference,
}

#[derive(Deserialize)]
struct Reference {
    shape: String,
}

#[derive(Deserialize)]
struct PublishedShape<'a> {
    #[serde(rename = "type")]
    kind: String,
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<String>,
    #[serde(default, rename = "enum")]
    values: Vec<String>,
    #[serde(default)]
    required: Vec<String>,
    /// In the file's order.
    #[serde(borrow)]
    members: Option<&'a RawValue>,
    member: Option<Reference>,
    key: Option<Reference>,
    value: Option<Reference>,
}

/// The shape called `name`, with all that it refers to. Input shapes do not refer to
/// themselves; a file in which one did would not survive the first test.
fn build(file: &File<'_>, name: &str) -> Result<Shape, InvalidModel> {
    let unknown = |what: &str| InvalidModel(format!("{what} in shape {name}"));
    let published = file.shapes.get(name).ok_or_else(|| unknown("nothing"))?;
    let bounds = Bounds { min: published.min, max: published.max };
    let refer = |reference: &Option<Reference>| match reference {
        Some(reference) => build(file, &reference.shape).map(Box::new),
        None => Err(unknown("no reference")),
    };
    let kind = match published.kind.as_str() {
        "string" => {
            let pattern = published.pattern.as_deref().map(Pattern::new).transpose();
            let pattern = pattern.map_err(|error| unknown(&error.to_string()))?;
            Kind::Text { length: bounds, pattern, values: published.values.clone() }
        }
        "integer" => Kind::Integer(bounds),
        "boolean" => Kind::Boolean,
        "blob" => Kind::Blob(bounds),
        "timestamp" => Kind::Timestamp,
        "list" => Kind::List { element: refer(&published.member)?, length: bounds },
        "map" => Kind::Map { key: refer(&published.key)?, value: refer(&published.value)?, length: bounds },
        "structure" => Kind::Structure(structure(file, name, published)?),
        other => return Err(unknown(other)),
    };
    Ok(Shape { name: name.to_owned(), kind })
}

fn structure(file: &File<'_>, name: &str, published: &PublishedShape<'_>) -> Result<Structure, InvalidModel> {
    let ordered: OrderedReferences = match published.members {
        Some(members) => serde_json::from_str(members.get()).map_err(|error| InvalidModel(error.to_string()))?,
        None => OrderedReferences(Vec::new()),
    };
    let build_member = |(member, reference): (String, Reference)| {
        let presence = recorded::presence(name, &member, published.required.contains(&member));
        let shape = build(file, &reference.shape)?;
        Ok(Member { path: lower_first(&member), name: member, presence, shape })
    };
    let mut members = ordered.0.into_iter().map(build_member).collect::<Result<Vec<_>, InvalidModel>>()?;
    recorded::order(name, &mut members);
    Ok(Structure { members })
}

/// `StreamName` → `streamName`: how messages spell a member.
fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

/// A JSON object of references that keeps the order of its members.
struct OrderedReferences(Vec<(String, Reference)>);

impl<'de> Deserialize<'de> for OrderedReferences {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> serde::de::Visitor<'de> for InOrder {
            type Value = OrderedReferences;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("members")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    members.push(entry);
                }
                Ok(OrderedReferences(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Presence;

    fn members(operation: Operation) -> Vec<(&'static str, Presence)> {
        let Kind::Structure(structure) = &MODEL.input(operation).kind else { panic!("inputs are structures") };
        structure.members.iter().map(|member| (member.path.as_str(), member.presence)).collect()
    }

    #[test]
    fn every_operation_has_an_input_in_the_published_model() {
        for operation in Operation::ALL {
            let asks_for_nothing = *operation == Operation::DescribeLimits;
            assert_eq!(members(*operation).is_empty(), asks_for_nothing, "{operation:?}");
        }
    }

    #[test]
    fn members_keep_the_order_of_the_model_where_no_other_was_recorded() {
        use Presence::{Optional, RequiredUnlessOtherwiseNamed};
        assert_eq!(
            members(Operation::DeleteStream),
            [
                ("streamName", RequiredUnlessOtherwiseNamed),
                ("enforceConsumerDeletion", Optional),
                ("streamARN", Optional),
                ("streamId", Optional)
            ]
        );
    }

    #[test]
    fn a_model_that_lacks_an_operation_is_refused() {
        assert!(Model::parse(r#"{"operations":{},"shapes":{}}"#).is_err());
        assert!(Model::parse("{").is_err());
    }
}
